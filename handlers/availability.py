"""One's part in the rota: hours a month, when one can, days away, skills, and what one wishes of tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Found, Kind, Note, Off, Person, Reading, Reference, Word, choice
from bot.chat import Button, Card, Reply
from bot.domain import availability as rule
from bot.domain import grammar
from bot.domain.availability import Away, Wish
from bot.domain.board import plain
from bot.domain.rotation import ALWAYS, PARTS, Part, Slot
from bot.router import Asks, Authority, Context, Router, Telling, Todo, Where
from bot.shifts import giving, named
from bot.tasks import called as kind_called
from bot.tasks import named as kinds_named
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines, shown
from bot.text import Reader as For
from storage import availability, entries, notes, nudges, people, shifts, tasks
from storage.availability import Own, Skill, Wished
from storage.database import Transaction
from storage.people import Committee, Member
from storage.shifts import Shift

router = Router("availability", title=T("My part in the rota"))

DAY_NAMES = (T("Monday"), T("Tuesday"), T("Wednesday"), T("Thursday"), T("Friday"), T("Saturday"), T("Sunday"))
DAYS_SHORT = (T("Mon"), T("Tue"), T("Wed"), T("Thu"), T("Fri"), T("Sat"), T("Sun"))
PART_NAMES: Mapping[Part, Text] = {
    "night": T("night"),
    "morning": T("morning"),
    "afternoon": T("afternoon"),
    "evening": T("evening"),
}
PART_LABELS: Mapping[Part, Text] = {
    "night": T("Night 0–6"),
    "morning": T("Morning 6–12"),
    "afternoon": T("Afternoon 12–18"),
    "evening": T("Evening 18–24"),
}
SHIFTS_MAX = 5
ASKED_MAX = 5
"""So many of those who have a skill are asked whether somebody has it too."""
_SHARES = (Minutes(0), Minutes(120), Minutes(240), Minutes(360), Minutes(600))
_CLEANING = T("cleaning")
_UNTIL = T("until 14 feb")


# --- what can be written ---------------------------------------------------------------------------------------------


class _ShareKind(Kind[Minutes]):
    """Hours a month; a bare number is hours."""

    expected = T("hours a month, like {example}", example=Typed("6h"))
    example = "6h"
    question = T("How many hours a month? Choose, or write it, like {example}. None is fine too.", example=Typed("6h"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=0, le=rule.SHARE_MAX)])
    _bare = re.compile(r"[0-9]{1,3}", re.ASCII)
    _none = frozenset(("none", "nothing", "nada", "ninguna", "cero", "keine", "nichts", "null"))
    _month = re.compile(r"(?:a|per|each|al|por|cada|im|pro|jeden)(?: month| mes| monat)|/(?:month|mes|monat)")

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Minutes] | None:
        texts = [word.text for word in words if word.mention is None]
        if not texts:
            return None
        if plain(texts[0]) in self._none:
            value, count = Minutes(0), 1
        elif self._bare.fullmatch(texts[0]) and len(texts) == 1:
            value, count = Minutes(int(texts[0]) * 60), 1
        else:
            found = grammar.read_duration(texts, zero=True, most=rule.SHARE_MAX)
            if found is None:
                return None
            value, count = found
        if value > rule.SHARE_MAX:
            raise Refusal(T("At most {time} a month.", time=Minutes(rule.SHARE_MAX)))
        for more in (2, 1):
            if self._month.fullmatch(plain(" ".join(texts[count : count + more]))):
                return Found(value, count + more)
        return Found(value, count)

    def dump(self, value: Minutes) -> int:
        return int(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Minutes:
        return Minutes(self._adapter.validate_python(data))

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Minutes]]:
        return [(T("{time} a month", time=one) if one else T("No hours"), one) for one in _SHARES]


class _SkillKind(Kind[str]):
    """What a skill is called: one word (`first_aid`), a "quoted phrase", or all words up to a person."""

    expected = T("a skill, like {example}", example=Typed("first_aid"))
    example = "first_aid"
    question = T("Which skill? Choose, or write it, like {example}.", example=Typed("first_aid"))
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=rule.SKILL_CHARACTERS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        count = 0
        while count < len(words) and words[count].mention is None and not self._ends(words[count].text):
            count += 1
        name = rule.skill_name(" ".join(word.text for word in words[:count]))
        return None if name is None else Found(name, count)

    @staticmethod
    def _ends(word: str) -> bool:
        return word.startswith("@") or word.lower() == "off"

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        there = await availability.skills(tx, member.committee_id)
        return [(one.called, one.name.text) for one in there if one.name is not None]


Share = Annotated[Minutes, _ShareKind()]
SkillName = Annotated[str, _SkillKind()]
_PartOfDay = Annotated[str, choice(*PARTS, expected=T("a part of the day"))]
_Switch = Annotated[str, choice("on", "off", expected=T("{on} or {off}", on=Typed("on"), off=Typed("off")))]


# --- all of it -------------------------------------------------------------------------------------------------------


@router.command(
    "my_rota",
    allow=Authority.MEMBER,
    label=T("My part in the rota"),
    help=T("Your hours, times, days away, skills and wishes for the rota; only you see it, and can change it."),
    repeatable=True,
    for_others=True,
)
async def my_rota(context: Context) -> Reply:
    """Everything that somebody has said of their part, with buttons to change it."""
    return await _all(context)


@router.command(
    "my_rota_again",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Your part in the rota."),
    repeatable=True,
    in_place=True,
)
async def my_rota_again(context: Context) -> Reply:
    """The same, in place of the page whose button was pressed."""
    return await _all(context)


async def _all(context: Context) -> Reply:
    member = context.member
    mine = await availability.own(context.tx, member.id)
    spans = await availability.away(context.tx, member.id, since=_today(context))
    held = await availability.held(context.tx, context.committee.id, member.id)
    learning = await availability.learning(context.tx, context.committee.id, member.id)
    wished = await availability.wishes(context.tx, member.id)
    # Whoever speaks for somebody is not told whom they keep away from.
    apart = [] if context.spoken_by is not None else await availability.apart(context.tx, member.id)
    names = [found.name for id_ in apart if (found := await people.member_now(context.tx, context.committee.id, id_))]
    asking = context.commands.asking
    words = lines(
        Text("{title}", values={"title": Bold(T("My part in the rota"))}),
        await _share_told(context, mine),
        T("You can: {times}.", times=slots_told(mine.slots)),
        T("Away: {when}.", when=Listed(tuple(_span_told(span) for span in spans))) if spans else None,
        T("Skills: {skills}.", skills=Listed(tuple(one.called for one in held))) if held else None,
        T("You want to learn: {skills}.", skills=Listed(tuple(one.called for one in learning))) if learning else None,
        *[line for wish in rule.WISHES if (line := await _wish_line(context, wish, wished)) is not None],
        T("Not together with: {names}. I tell nobody.", names=Listed(tuple(names))) if names else None,
        T("All of this only you see; your skills the committee sees too."),
    )
    buttons: list[tuple[Button, ...]] = [
        (
            Button(label=T("Hours a month"), says=asking(capacity.says())),
            Button(label=T("When I can"), says=available_week.says()),
        ),
        (
            Button(label=T("I am away"), says=asking(away.says())),
            Button(label=T("Tasks I like or not"), says=wishes_shown.says()),
        ),
    ]
    if spans:
        buttons.append((Button(label=T("Days away"), says=away_shown.says()),))
    reminded = context.commands.get("reminders")
    if context.spoken_by is None and reminded is not None:
        buttons.append((Button(label=T("Reminders of shifts"), says=reminded.says()),))
    if context.spoken_by is None:
        buttons.append(
            (
                Button(label=T("Not together with …"), says=asking(not_with.says())),
                *((Button(label=T("Together again"), says=asking(with_again.says())),) if names else ()),
            )
        )
    return Reply(words, buttons=tuple(buttons), private=True)


def _today(context: Context) -> date:
    return context.now.astimezone(context.committee.zone).date()


_BACK = T("My part in the rota")


def _home() -> tuple[Button, ...]:
    return (Button(label=_BACK, says=my_rota_again.says()),)


# --- hours -----------------------------------------------------------------------------------------------------------


async def _share_told(context: Context, mine: Own) -> Text:
    if mine.share is None:
        usual = await availability.usual_share(context.tx, context.committee.id)
        return T("Hours: {time} a month, as is usual here.", time=usual)
    if not mine.share:
        return T("Hours: none. Nothing is planned for you, and nobody asks why.")
    return T("Hours: {time} a month.", time=mine.share)


@router.command(
    "capacity",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("My hours a month"),
    help=T("How many hours a month you want to do; none is fine, and nobody asks why."),
    sample=("6h",),
    asks={"time": Asks(_ShareKind.question, instead=(T("As is usual here"), {"off": "off"}))},
    for_others=True,
)
async def capacity(context: Context, *, time: Share | None = None, off: Off = "") -> Reply:
    """One's agreed share. Off: as is usual here."""
    if time is None and not off:
        raise Refusal(
            T(
                "How many hours a month? Write it like this: {example}. As is usual here: {off}",
                example=Typed("/capacity 6h"),
                off=Typed("/capacity off"),
            )
        )
    await availability.set_share(context.tx, context.member.id, time)
    mine = await availability.own(context.tx, context.member.id)
    return Reply(await _share_told(context, mine), buttons=(_home(),), private=True)


def _usual_proposal(*, time: Minutes) -> Text:
    return T("Usual here: {time} a month for the rota. Everybody may choose otherwise.", time=time)


@router.command(
    "usual_capacity",
    allow=Authority.COMMITTEE,
    label=T("Usual hours a month"),
    help=T("How many hours a month are usual in the rota, for whoever has chosen nothing."),
    proposal=_usual_proposal,
    sample=("4h",),
)
async def usual_capacity(context: Context, *, time: Share) -> Reply:
    """What holds for those who have said nothing, and for whoever joins."""
    await entries.decide_rule(context.tx, context.committee, availability.RULE, int(time), now=context.now)
    return Reply(_usual_proposal(time=time))


@router.entry("rule", availability.RULE, about="rules")
async def usual_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many hours are usual."""
    return _usual_proposal(time=Minutes(body[availability.RULE]))


# --- when one can ----------------------------------------------------------------------------------------------------


def slots_told(slots: frozenset[Slot]) -> Text:
    """The times in one line, which can be written as it is shown."""
    if not slots:
        return T("never")
    if slots == ALWAYS:
        return T("always")
    told = [_run_told(run) for run in rule.runs(slots)]
    places = {f"run{at}": one for at, one in enumerate(told)}
    return Text(", ".join(f"{{{place}}}" for place in places), values=places)


def _run_told(run: rule.Run) -> Text:
    if (run.first, run.last) == (0, 6):
        days = T("every day")
    elif run.first == run.last:
        days = DAYS_SHORT[run.first]
    else:
        days = Text("{first}–{last}", values={"first": DAYS_SHORT[run.first], "last": DAYS_SHORT[run.last]})
    if not run.parts:
        return days
    return Text("{days} {parts}", values={"days": days, "parts": Listed(tuple(PART_NAMES[one] for one in run.parts))})


@router.command(
    "available",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("When I can"),
    help=T("On which days, and at which part of the day, you can take tasks."),
    sample=("mon evening, sat",),
    for_others=True,
)
async def available(context: Context, *, when: Note = "") -> Reply:
    """One line, or the week to press."""
    if not when:
        return await _week(context)
    slots = rule.read_slots(when)
    if slots is None:
        raise Refusal(
            T(
                "I did not understand when you can. Write days and parts of the day, like {example}; or {always}, or "
                "{never}. Parts are night, morning, afternoon and evening.",
                example=Typed("/available", T("mon evening, sat")),
                always=Typed("/available", T("always")),
                never=Typed("/available", T("never")),
            ),
            private=True,
        )
    await availability.set_slots(context.tx, context.member.id, slots)
    return await _week(context)


@router.command(
    "available_week",
    allow=Authority.MEMBER,
    typed=False,
    help=T("When you can, the whole week."),
    repeatable=True,
    in_place=True,
    for_others=True,
)
async def available_week(context: Context) -> Reply:
    """The week, in place of the page whose button was pressed."""
    return await _week(context)


async def _week(context: Context) -> Reply:
    slots = (await availability.own(context.tx, context.member.id)).slots
    days = [
        Button(
            label=_ticked(DAYS_SHORT[day], on=any(slot[0] == day for slot in slots)),
            says=available_day.says(day=day + 1),
        )
        for day in range(7)
    ]
    words = lines(
        T("You can: {times}.", times=slots_told(slots)),
        T("A day alone means from 6 to 24.") if any(not run.parts for run in rule.runs(slots)) else None,
        T("Press a day to change it, or write it, like {example}.", example=_example()),
    )
    return Reply(words, buttons=(tuple(days[:4]), tuple(days[4:]), _home()), private=True)


def _example() -> Typed:
    return Typed("/available", T("mon evening, sat"))


def _ticked(label: Text, *, on: bool) -> Text:
    return Text("✓ {label}" if on else "{label}", values={"label": label})


@router.command(
    "available_day",
    allow=Authority.MEMBER,
    typed=False,
    help=T("When you can on one day of the week."),
    repeatable=True,
    in_place=True,
)
async def available_day(context: Context, *, day: Reference) -> Reply:
    """The parts of one weekday (1 is Monday)."""
    return await _day(context, _weekday(day))


def _weekday(number: int) -> int:
    # Other numbers come from nobody's button: any day will do.
    return (number - 1) % 7


async def _day(context: Context, day: int) -> Reply:
    slots = (await availability.own(context.tx, context.member.id)).slots

    def part(one: Part) -> Button:
        on = (day, one) in slots
        says = available_part.says(day=day + 1, part=one, switch="off" if on else "on")
        return Button(label=_ticked(PART_LABELS[one], on=on), says=says)

    there = frozenset(slot for slot in slots if slot[0] == day)
    run = next(iter(rule.runs(there)), None)
    words = (
        T("{day}: not at all.", day=DAY_NAMES[day])
        if run is None
        else T("{day}: from 6 to 24.", day=DAY_NAMES[day])
        if not run.parts
        else T("{day}: {parts}.", day=DAY_NAMES[day], parts=Listed(tuple(PART_NAMES[one] for one in run.parts)))
    )
    following = (day + 1) % 7
    rows = (
        (part("morning"), part("afternoon")),
        (part("evening"), part("night")),
        (
            Button(label=DAY_NAMES[following], says=available_day.says(day=following + 1)),
            Button(label=T("The whole week"), says=available_week.says()),
        ),
    )
    return Reply(words, buttons=rows, private=True)


@router.command(
    "available_part",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Whether you can at one part of one day."),
    in_place=True,
)
async def available_part(context: Context, *, day: Reference, part: _PartOfDay, switch: _Switch) -> Reply:
    """On or off, not the other way round: pressed twice, it stays."""
    at = next(one for one in PARTS if one == part)
    slots = (await availability.own(context.tx, context.member.id)).slots
    changed = rule.set_part(slots, _weekday(day), at, on=switch == "on")
    await availability.set_slots(context.tx, context.member.id, changed)
    return await _day(context, _weekday(day))


# --- away ------------------------------------------------------------------------------------------------------------


def _span_told(span: Away) -> Text:
    first, last = span
    if first == last:
        return Text("{day}", values={"day": first})
    return T("{first} to {last}", first=first, last=last)


@router.command(
    "away",
    allow=Authority.MEMBER,
    label=T("I am away"),
    help=T("From when to when you are away: nothing is planned for you then, and it makes no debt."),
    sample=(T("1 feb to 14 feb"),),
    asks={
        "when": Asks(
            T(
                "From when to when are you away? Write it as an answer, like {example}.",
                example=Typed(T("1 feb to 14 feb")),
            )
        )
    },
    for_others=True,
)
async def away(context: Context, *, when: Note = "") -> Reply:
    """Nobody asks why. Off: back from today on."""
    if not when:
        return await _away_told(context)
    today = _today(context)
    spans = await availability.away(context.tx, context.member.id, since=date.min)
    if plain(when.strip()) == "off":
        for span in spans:
            if span[0] <= today:
                spans = rule.back(spans, span, today=today)
        await availability.set_away(context.tx, context.member.id, spans)
        return await _away_told(context)
    said = rule.read_away(when, today=today)
    if said is None or said[1] < today:
        raise Refusal(
            T(
                "I did not understand from when to when. Write the first and the last day, like {example} or {until}. "
                "You are back: {off}",
                example=Typed("/away", T("1 feb to 14 feb")),
                until=Typed("/away", _UNTIL),
                off=Typed("/away off"),
            ),
            private=True,
        )
    spans = rule.merged((*spans, said))
    if len([one for one in spans if one[1] >= today]) > rule.AWAY_MAX:
        raise Refusal(
            N("At most {n} time away at once.", "At most {n} times away at once.", rule.AWAY_MAX), private=True
        )
    await availability.set_away(context.tx, context.member.id, spans)
    return await _away_told(context)


async def _away_told(context: Context) -> Reply:
    spans = await availability.away(context.tx, context.member.id, since=_today(context))
    if not spans:
        return Reply(
            lines(
                T("You are not away."),
                T("Write it like this: {example}", example=Typed("/away", T("1 feb to 14 feb"))),
            ),
            buttons=(_home(),),
            private=True,
        )
    rows: list[tuple[Button, ...]] = [
        (Button(label=T("Not away: {when}", when=_span_told(span)), says=away_off.says(first=span[0].toordinal())),)
        for span in spans
    ]
    missed = await _missed(context, spans)
    words = lines(
        T("Away: {when}.", when=Listed(tuple(_span_told(span) for span in spans))),
        T("Nothing is planned for you then, and it makes no debt."),
        T(
            "Shifts that you have then: {shifts}. Give them back, and others are asked.",
            shifts=Listed(tuple(map(named, missed))),
        )
        if missed
        else None,
    )
    back = [] if context.spoken_by is not None else [(giving(context.commands, one),) for one in missed]
    return Reply(words, buttons=(*back, *rows, _home()), private=True)


async def _missed(context: Context, spans: Sequence[Away]) -> list[Shift]:
    """The shifts that a member has while they are away; those done at any time can wait."""
    own = await shifts.of_member(context.tx, context.member, since=context.now)
    return [
        one
        for one in own
        if one.until is None and one.at > context.now and any(a <= one.local.date() <= b for a, b in spans)
    ][:SHIFTS_MAX]


@router.command(
    "away_shown",
    allow=Authority.MEMBER,
    typed=False,
    help=T("When you are away."),
    repeatable=True,
    in_place=True,
)
async def away_shown(context: Context) -> Reply:
    """What was said, each with a button to take it back."""
    return await _away_told(context)


@router.command("away_off", allow=Authority.MEMBER, typed=False, help=T("You are not away after all."), in_place=True)
async def away_off(context: Context, *, first: Reference) -> Reply:
    """Take one of them back; days that have passed stay, so that they make no debt."""
    spans = await availability.away(context.tx, context.member.id, since=date.min)
    found = next((span for span in spans if span[0].toordinal() == first), None)
    if found is None:
        raise Refusal(T("That is over, or taken back already."), private=True)
    left = rule.back(spans, found, today=_today(context))
    await availability.set_away(context.tx, context.member.id, left)
    return await _away_told(context)


# --- what one wishes of tasks ----------------------------------------------------------------------------------------


async def _wish_line(context: Context, wish: Wish, wished: Sequence[Wished]) -> Text | None:
    names = tuple([await _called(context, one.task) for one in wished if one.wish == wish])
    if not names:
        return None
    match wish:
        case "like":
            return T("You like: {tasks}.", tasks=Listed(names))
        case "dislike":
            return T("Rather not: {tasks}.", tasks=Listed(names))
        case _:
            return T("Never: {tasks}.", tasks=Listed(names))


async def _called(context: Context, key: str) -> Text:
    """What a task is called, by the key under which a wish for it is kept."""
    sort, _, rest = key.partition(":")
    if sort == "kind":
        found = await tasks.kind(context.tx, context.committee.id, int(rest))
        return T("(erased)") if found is None else kind_called(found)
    if sort == "task":
        name = await notes.written(context.tx, f"rota_task:{rest}")
        return T("(erased)") if name is None else T("{title}", title=name)
    return Text("{words}", values={"words": rest})


async def _kinds(context: Context) -> Sequence[tuple[Text | str, Any]]:
    reader = For(context.language)
    return [
        (kind_called(one), shown(kind_called(one), reader))
        for one in await tasks.kinds(context.tx, context.committee.id)
    ]


_WHICH = {"what": Asks(T("Which task? Choose, or write what it is called."), _kinds, T("Write what it is called."))}


@router.command(
    "like",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("A task I like"),
    help=T("You like a task, or a kind of tasks: you get it first. Only you see that."),
    sample=(_CLEANING,),
    asks=_WHICH,
    for_others=True,
)
async def like(context: Context, *, what: Note) -> Reply:
    """Whoever plans looks at it."""
    return await _wishes(context, what, "like")


@router.command(
    "dislike",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("A task I would rather not do"),
    help=T("You would rather not do a task: you get it only if nobody else can. Only you see that."),
    sample=(_CLEANING,),
    asks=_WHICH,
    for_others=True,
)
async def dislike(context: Context, *, what: Note) -> Reply:
    """Whoever plans looks at it."""
    return await _wishes(context, what, "dislike")


@router.command(
    "veto",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("A task I never do"),
    help=T("A task that is never planned for you, and nobody asks why. Only you see that."),
    sample=(_CLEANING,),
    asks=_WHICH,
    for_others=True,
)
async def veto(context: Context, *, what: Note) -> Reply:
    """Never planned for them."""
    return await _wishes(context, what, "veto")


@router.command(
    "unlike",
    allow=Authority.MEMBER,
    within="my_rota",
    help=T("You wish nothing of a task any more."),
    sample=(_CLEANING,),
    asks=_WHICH,
    for_others=True,
)
async def unlike(context: Context, *, what: Note) -> Reply:
    """Take back a like, a dislike or a veto."""
    return await _wishes(context, what, None)


async def _wishes(context: Context, what: str, wish: Wish | None) -> Reply:
    words = " ".join(what.split())
    if not any(one.isalpha() for one in words) or len(words) > rule.KEY_CHARACTERS_MAX - len("words:"):
        raise Refusal(
            T("Name one task in a few words, like {example}.", example=Typed("/like", _CLEANING)), private=True
        )
    kinds = await kinds_named(context.tx, context.committee.id, words)
    if len(kinds) > 1:
        raise Refusal(
            T(
                "That fits several: {kinds}. Write the whole name of one.",
                kinds=Listed(tuple(kind_called(one) for one in kinds)),
            ),
            private=True,
        )
    return await _wish(context, rule.kind_key(kinds[0].id) if kinds else await _key(context, words), wish)


async def _key(context: Context, words: str) -> str:
    """The key of these words; where the same stand there in another spelling, theirs."""
    key = rule.words_key(words)
    there = await availability.wishes(context.tx, context.member.id)
    return next((one.task for one in there if plain(one.task) == plain(key)), key)


async def _wish(context: Context, key: str, wish: Wish | None) -> Reply:
    there = await availability.wishes(context.tx, context.member.id)
    if wish is not None and key not in {one.task for one in there} and len(there) >= rule.WISHES_MAX:
        raise Refusal(
            T(
                "That would be more than {n} wishes. Take one back first: {command}",
                n=rule.WISHES_MAX,
                command=Typed("/unlike", _CLEANING),
            ),
            private=True,
        )
    await availability.wish(context.tx, context.member.id, key, wish)
    return await _wishes_told(context)


async def _wishes_told(context: Context) -> Reply:
    there = await availability.wishes(context.tx, context.member.id)
    told = [line for wish in rule.WISHES if (line := await _wish_line(context, wish, there)) is not None]
    asking = context.commands.asking
    rows: list[tuple[Button, ...]] = [
        (
            Button(label=T("I like …"), says=asking(like.says())),
            Button(label=T("Rather not …"), says=asking(dislike.says())),
            Button(label=T("Never …"), says=asking(veto.says())),
        )
    ]
    for one in there:
        label = T("Take back: {task}", task=await _called(context, one.task))
        rows.append((Button(label=label, says=wish_off.says(wish=one.id)),))
    return Reply(
        lines(*told or [T("You wish nothing of any task.")], T("Only you see that.")),
        buttons=(*rows, _home()),
        private=True,
    )


@router.command(
    "wishes_shown",
    allow=Authority.MEMBER,
    typed=False,
    help=T("What you wish of tasks."),
    repeatable=True,
    in_place=True,
)
async def wishes_shown(context: Context) -> Reply:
    """What was said, each with a button to take it back."""
    return await _wishes_told(context)


@router.command("wish_off", allow=Authority.MEMBER, typed=False, help=T("Take back a wish."), in_place=True)
async def wish_off(context: Context, *, wish: Reference) -> Reply:
    """One's own alone; what is taken back already stays so."""
    for one in await availability.wishes(context.tx, context.member.id):
        if one.id == wish:
            await availability.wish(context.tx, context.member.id, one.task, None)
    return await _wishes_told(context)


# --- not with somebody -----------------------------------------------------------------------------------------------


@router.command(
    "not_with",
    allow=Authority.MEMBER,
    within="my_rota",
    where=Where.PRIVATE,
    label=T("Not together with …"),
    help=T("With whom you do not want to be put together. I tell nobody, ever."),
    sample=("@dan",),
    asks={"who": Asks(T("With whom not? Choose, or write a name. I tell nobody."))},
)
async def not_with(context: Context, *, who: Person) -> Reply:
    """It is in no log, no message and no export but one's own."""
    if who.id == context.member.id:
        raise Refusal(T("That is you. With whom not?"), private=True)
    there = await availability.apart(context.tx, context.member.id)
    if who.id not in there and len(there) >= rule.APART_MAX:
        raise Refusal(N("At most {n} person.", "At most {n} people.", rule.APART_MAX), private=True)
    await availability.set_apart(context.tx, context.member.id, who.id, on=True)
    return Reply(
        lines(
            T("You are not put together with {name}.", name=who.name),
            T("I tell nobody: not {name}, not the organizers. No log holds it.", name=who.name),
        ),
        buttons=((Button(label=T("Together again"), says=with_again.says(who=who)),), _home()),
        private=True,
    )


async def _apart(context: Context) -> Sequence[tuple[Text | str, Any]]:
    found = []
    for id_ in await availability.apart(context.tx, context.member.id):
        member = await people.member_now(context.tx, context.committee.id, id_)
        if member is not None:
            found.append((member.name, member))
    return found


@router.command(
    "with_again",
    allow=Authority.MEMBER,
    within="my_rota",
    where=Where.PRIVATE,
    help=T("You may be put together with somebody again."),
    sample=("@dan",),
    asks={"who": Asks(T("With whom again?"), _apart, T("There is nobody with whom you are not put together."))},
)
async def with_again(context: Context, *, who: Person) -> Reply:
    """It says the same whatever stood there."""
    await availability.set_apart(context.tx, context.member.id, who.id, on=False)
    return Reply(T("You may be put together with {name} again.", name=who.name), buttons=(_home(),), private=True)


# --- skills ----------------------------------------------------------------------------------------------------------


async def _known(context: Context, name: str) -> Skill:
    found = await availability.skill_called(context.tx, context.committee.id, name)
    if found is None:
        raise Refusal(
            T(
                "There is no skill “{name}” here yet. {skills} shows those that there are.",
                name=name,
                skills=Typed("/skills"),
            )
        )
    return found


async def _names(context: Context, ids: Sequence[int]) -> list[str]:
    found = [await people.member_now(context.tx, context.committee.id, id_) for id_ in ids]
    return [member.name for member in found if member is not None]


@router.command(
    "skill",
    allow=Authority.MEMBER,
    within="skills",
    label=T("Somebody has a skill"),
    help=T("Somebody can do something that some tasks need. Two who can do it say so; for the first, the committee."),
    sample=("first_aid", "@ben"),
)
async def skill(context: Context, *, skill: SkillName, who: Person) -> Reply | Card | None:
    """Said by one who has it, it is a yes; by others, those who have it are asked, or the committee decides."""
    committee = context.committee
    found = await availability.skill_called(context.tx, committee.id, skill)
    there = [] if found is None else await availability.holders(context.tx, found.id)
    if who.id in there:
        assert found is not None
        raise Refusal(T("{name} has this skill already: {skill}.", name=who.name, skill=found.called))
    if found is None or len(there) < rule.GRANTS:
        if found is None and len(await availability.skills(context.tx, committee.id)) >= rule.SKILLS_MAX:
            raise Refusal(N("At most {n} skill here.", "At most {n} skills here.", rule.SKILLS_MAX))
        return await context.say(skill_decided.says(skill=skill, who=who), authority=context.authority)
    if context.speaker.id in there:
        return await _said_yes(context, found, who)
    await availability.ask(context.tx, found.id, who.id, now=context.now)
    asked = []
    for id_ in there[:ASKED_MAX]:
        holder = await people.member_now(context.tx, committee.id, id_)
        if holder is not None and await context.nudge(
            holder, _question(found, who), buttons=(_answers(found, who, holder),), key=_key_of(found, who)
        ):
            asked.append(holder.name)
    return Reply(
        lines(
            T("Two who can do it say whether {name} can: {skill}.", name=who.name, skill=found.called),
            T("I ask {names}.", names=Listed(tuple(asked)))
            if asked
            else T("Ask them: {names}.", names=Listed(tuple(await _names(context, there)))),
        )
    )


def _key_of(skill_: Skill, who: Member) -> str:
    return f"skill:{skill_.id}:{who.id}"


def _question(skill_: Skill, who: Member) -> Text:
    return T("Can {name} do this too, by what you have seen: {skill}?", name=who.name, skill=skill_.called)


def _answers(skill_: Skill, who: Member, holder: Member) -> tuple[Button, ...]:
    return (
        Button(label=T("Yes"), says=skill_yes.says(skill=skill_.id, who=who), only=holder.id),
        Button(label=T("Not yet"), says=skill_not_yet.says(skill=skill_.id, who=who), only=holder.id),
    )


async def _said_yes(context: Context, found: Skill, who: Member) -> Reply:
    await availability.ask(context.tx, found.id, who.id, now=context.now)
    said = await availability.answer(context.tx, found.id, who.id, context.speaker.id, can=True)
    if said < rule.GRANTS:
        return Reply(
            T("Noted. One more who can do it must say so: {skill}, {name}.", skill=found.called, name=who.name)
        )
    await availability.hold(context.tx, found.id, who.id, "granted", now=context.now)
    await nudges.withdraw(context.tx, _key_of(found, who))
    await entries.append(
        context.tx, context.committee, "skill", {"skill": found.id, "member": who.id, "how": "granted"}, now=context.now
    )
    await context.tell(
        who, T("Two who can do it say that you can: {skill}.", skill=found.called), about=(_thing(found),)
    )
    return Reply(T("{name} has this skill now: {skill}.", name=who.name, skill=found.called))


def _thing(found: Skill) -> str:
    return f"skill:{found.id}"


async def _by_id(context: Context, id_: int) -> Skill:
    found = await availability.skill(context.tx, context.committee.id, id_)
    if found is None:
        raise Refusal(T("There is no such skill here any more."))
    return found


async def _asked_holder(context: Context, skill_: int, who: Member) -> Skill:
    """The skill, where whoever answers has it and it is still open. Raises Refusal."""
    found = await _by_id(context, skill_)
    there = await availability.holders(context.tx, found.id)
    if who.id in there:
        raise Refusal(T("{name} has this skill already: {skill}.", name=who.name, skill=found.called), private=True)
    if context.speaker.id not in there:
        raise Refusal(T("Only those who can do it say who else can: {skill}.", skill=found.called), private=True)
    return found


@router.command("skill_yes", allow=Authority.MEMBER, typed=False, help=T("Somebody has a skill that you have."))
async def skill_yes(context: Context, *, skill: Reference, who: Person) -> Reply:
    """One who has it says so."""
    return await _said_yes(context, await _asked_holder(context, skill, who), who)


@router.command("skill_not_yet", allow=Authority.MEMBER, typed=False, help=T("Somebody cannot do it yet."))
async def skill_not_yet(context: Context, *, skill: Reference, who: Person) -> Reply:
    """Nobody is told of it."""
    found = await _asked_holder(context, skill, who)
    await availability.answer(context.tx, found.id, who.id, context.speaker.id, can=False)
    return Reply(
        lines(
            T("All right. Nobody is told of that."),
            T("In a trainee seat {name} can learn it: {skill}.", name=who.name, skill=found.called),
        ),
        private=True,
    )


@router.todo
async def skills_waiting(context: Context) -> list[Todo]:
    """About whom somebody was asked whether they can do something too."""
    waiting = []
    for found, id_ in await availability.asked_of(context.tx, context.committee.id, context.member.id):
        who = await people.member_now(context.tx, context.committee.id, id_)
        if who is not None:
            waiting.append(Todo(words=_question(found, who), buttons=_answers(found, who, context.member)))
    return waiting


def _decided(*, skill: str, who: Member) -> Text:
    return T("{name} has this skill: {skill}.", name=who.name, skill=skill)


@router.command(
    "skill_decided",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("The committee says who has a skill first."),
    proposal=_decided,
)
async def skill_decided(context: Context, *, skill: SkillName, who: Person) -> Reply:
    """For the first who have it: there are not two yet who could say so."""
    body: dict[str, Any] = {"member": who.id, "how": "decided"}
    found = await availability.skill_called(context.tx, context.committee.id, skill)
    if found is None:
        if len(await availability.skills(context.tx, context.committee.id)) >= rule.SKILLS_MAX:
            raise Refusal(N("At most {n} skill here.", "At most {n} skills here.", rule.SKILLS_MAX))
        found, body["name"] = await availability.add_skill(context.tx, context.committee.id, skill)
    if not await availability.hold(context.tx, found.id, who.id, "decided", now=context.now):
        raise Refusal(T("{name} has this skill already: {skill}.", name=who.name, skill=found.called))
    await entries.append(context.tx, context.committee, "skill", {"skill": found.id, **body}, now=context.now)
    return Reply(T("{name} has this skill now: {skill}.", name=who.name, skill=found.called))


def _taken(*, skill: str, who: Member) -> Text:
    return T("{name} does not have this skill any more: {skill}.", name=who.name, skill=skill)


@router.command(
    "skill_off",
    allow=Authority.COMMITTEE,
    help=T("Somebody does not have a skill any more, as the committee sees it."),
    proposal=_taken,
    sample=("first_aid", "@ben"),
    concerns="who",
)
async def skill_off(context: Context, *, skill: SkillName, who: Person) -> Reply:
    """Whoever it is about hears of it."""
    found = await _known(context, skill)
    await _let_go(context, found, who)
    words = T("{name} does not have this skill any more: {skill}.", name=who.name, skill=found.called)
    await context.tell(who, words, about=(_thing(found),))
    return Reply(words)


async def _let_go(context: Context, found: Skill, who: Member) -> None:
    if not await availability.let_go(context.tx, found.id, who.id):
        raise Refusal(T("{name} does not have this skill: {skill}.", name=who.name, skill=found.called))
    await entries.append(
        context.tx, context.committee, "skill", {"skill": found.id, "member": who.id, "how": None}, now=context.now
    )


@router.command(
    "unskill",
    allow=Authority.MEMBER,
    within="skills",
    help=T("You do not have a skill any more, or do not want to be asked for it."),
    sample=("first_aid",),
)
async def unskill(context: Context, *, skill: SkillName) -> Reply:
    """One's own, without a reason."""
    found = await _known(context, skill)
    await _let_go(context, found, context.member)
    return Reply(T("You are not asked for it any more: {skill}.", skill=found.called), private=True)


@router.command(
    "learn",
    allow=Authority.MEMBER,
    within="skills",
    label=T("A skill I want to learn"),
    help=T("You want to learn a skill: trainee seats are for that; {off}: not any more.", off=Typed("off")),
    sample=("first_aid",),
    for_others=True,
)
async def learn(context: Context, *, skill: SkillName, off: Off = "") -> Reply:
    """They get trainee seats beside somebody who has it."""
    found = await _known(context, skill)
    if not off and context.member.id in await availability.holders(context.tx, found.id):
        raise Refusal(T("You have this skill already: {skill}.", skill=found.called), private=True)
    await availability.learn(context.tx, found.id, context.member.id, on=not off)
    if off:
        return Reply(T("You do not want to learn it any more: {skill}.", skill=found.called), private=True)
    words = lines(
        T("You want to learn: {skill}. You get trainee seats beside somebody who can do it.", skill=found.called),
        T("Not any more: {off}", off=Typed("/learn", skill.replace(" ", "_"), "off")),
    )
    return Reply(words, private=True)


@router.command(
    "skills",
    allow=Authority.MEMBER,
    label=T("Who can do what"),
    help=T("Which skills there are, and who has them."),
    repeatable=True,
)
async def skills_(context: Context) -> Reply:
    """The committee sees who has which skill."""
    told: list[Words] = []
    for one in await availability.skills(context.tx, context.committee.id):
        names = await _names(context, await availability.holders(context.tx, one.id))
        told.append(
            T("{skill}: {names}", skill=one.called, names=Listed(tuple(names)))
            if names
            else T("{skill}: nobody now", skill=one.called)
        )
    if not told:
        return Reply(
            T(
                "There are no skills here yet. The first is named like this: {example}",
                example=Typed("/skill first_aid @ben"),
            )
        )
    return Reply(lines(Text("{title}", values={"title": Bold(T("Who can do what"))}), *told))


@router.entry("skill")
async def skill_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who has which skill, as the committee has seen."""
    found = await availability.skill(telling.tx, telling.committee.id, body["skill"])
    name, called = await telling.name(body["member"]), T("(erased)") if found is None else found.called
    match body["how"]:
        case None:
            return T("{name} does not have this skill any more: {skill}.", name=name, skill=called)
        case "learnt":
            return T("{name} has learnt this skill: {skill}.", name=name, skill=called)
        case _:
            return T("{name} has this skill: {skill}.", name=name, skill=called)
