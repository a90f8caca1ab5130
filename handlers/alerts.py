"""Alerts: raising one, confirming it, coming, and what everybody sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bot import alerts as shared
from bot import calling, relaying
from bot.aftermath import card_end
from bot.alerts import (
    END,
    EXAMPLE,
    FALSE,
    NEEDED,
    NEEDS,
    NEWS,
    OUTCOMES,
    UNTIL,
    AlertKind,
    answer,
    card_of,
    certainty_words,
    facts_words,
    going_on,
    heading,
    need_words,
    note,
    over_words,
    state,
)
from bot.arguments import LongNote, Note, Number, Reference, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import alarm, alertline
from bot.domain.alarm import Alarm
from bot.domain.board import plain
from bot.domain.pollline import LINE_CHARACTERS_MAX
from bot.domain.recurrence import instant
from bot.making import wall
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import LANGUAGES, N, Refusal, Soon, T, Text, Typed, Words, lines
from storage import alerts, cards, members, notes, people
from storage.alert_kinds import Known
from storage.alerts import Alert

router = Router("alerts", title=T("Alerts"))
router.marks(shared.marks)

NUMBER_DIGITS_MAX = 9
MINUTES_MAX = 24 * 60
"""Nobody is on the way for longer."""
LISTED_FOR = timedelta(days=7)
ASKED_FOR = timedelta(minutes=30)
UPDATES_MAX = 50
"""More of one alert is a flood."""

PLACE = T("Main St 5, 20 people, until 14:00")
PEOPLE_AND_VAN = T("20 people, 1 van")
_ERASED = T("(erased)")

Need = Annotated[str, choice(*NEEDS, expected=T("what you can bring"), labels=NEEDS)]


# --- raising -----------------------------------------------------------------------------------------------------


@router.command(
    "alert",
    allow=Authority.MEMBER,
    help=T("Raise an alert: what it is, where, what it takes, and until when."),
    label=T("Raise an alert"),
    sample=(T("eviction Main St 5, 20 people, 1 van, until 14:00"),),
    for_strangers=True,
    # Who is in a hurry types what it is called: nobody answers in a group what is no command.
    also=("alarm", "alerta", "alarma"),
    edited=T(
        "You have changed what you wrote about an alert. What you wrote first counts, and no second alert is raised. "
        "Say what is different by its number: {news} or {needs} or {until}",
        news=Typed("/alert 3", NEWS),
        needs=Typed("/alert 3", NEEDED),
        until=Typed("/alert 3", UNTIL),
    ),
)
async def alert(context: Context, *, line: LongNote = "") -> Reply | Card | None:
    """One line raises it; a number shows one, or does something with it; nothing asks for the kind by buttons."""
    if context.of_member is None:
        number, _, rest = line.strip().lstrip("#").partition(" ")
        if number.isdecimal() and (not rest.strip() or plain(rest.split()[0]) in _ABOUT):
            # What members say of an alert that is there: no organizer is called for that.
            raise Refusal(T("Say what it is, and where: {example}", example=EXAMPLE))
        # Said by no button: only this leads there.
        return await context.say(context.commands.named("alert_stranger").says(line=line), authority=Authority.CLOCK)
    if not line.strip():
        return await context.say(context.commands.asking(alert_raise.says()), authority=context.authority)
    first, _, rest = line.strip().partition(" ")
    if first.lstrip("#").isdecimal() and len(first) <= NUMBER_DIGITS_MAX:
        about = await _about(context, int(first.lstrip("#")), rest)
        if about is not None:
            return about
    said = await shared.read(context, line)
    if said.kind is None:
        return await _which_kind(context, line.strip(), said)
    return await _raised(context, said, line)


async def _asked(context: Context, given: Mapping[str, Any], place: int) -> Text | None:
    """A question of the committee's about this kind of alert; None: there are not so many."""
    asked = given["kind"].questions
    return Text("{question}", values={"question": asked[place]}) if place < len(asked) else None


def _asks(place: int) -> Asks:
    async def words(context: Context, given: Mapping[str, Any]) -> Text | None:
        return await _asked(context, given, place)

    return Asks(T("Write a few words as an answer."), words=words)


def _real_or_not(context: Context, kind: Known, line: str, answers: str) -> Reply:
    """Nothing is raised by what could be taken for either."""
    asked = context.tx.token()
    says = [
        alert_another.says(kind=kind, line=words, answers=answers)
        for words in (line, f"{line[: LINE_CHARACTERS_MAX - 10]}, drill")
    ]
    labels = (T("It is real"), T("Only an exercise"))
    return Reply(
        T("Is it real, or only an exercise? Nobody has been told yet."),
        private=True,
        buttons=tuple(
            (Button(label=label, says=saying, only=context.member.id, once=True, question=asked),)
            for label, saying in zip(labels, says, strict=True)
        ),
    )


async def _which_kind(context: Context, line: str, said: alertline.Line) -> Reply | Card | None:
    """A line that begins with no kind is not lost: which one it is takes a tap."""
    by_buttons = context.commands.asking(alert_raise.says(line=line))
    meant = alertline.nearest_kind(line, await shared.kind_names(context.tx, context.committee.id))
    if meant is None or said.exercise:
        # The word for a drill stays in the line, so that it is asked about.
        return await context.say(by_buttons, authority=context.authority)
    near = await shared.known(context, meant)
    _, _, rest = line.partition(" ")
    yes = alert_raise.says(kind=near, line=rest.strip()) if rest.strip() else alert_raise.says(kind=near)
    question = context.tx.token()
    return Reply(
        T("Which kind of alert do you mean: {kind}?", kind=shared.label_of(near)),
        buttons=(
            tuple(
                Button(label=label, says=says, only=context.member.id, expires=ASKED_FOR, once=True, question=question)
                for label, says in ((T("Yes, raise it"), yes), (T("Another kind …"), by_buttons))
            ),
        ),
    )


@router.command(
    "alert_raise",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Raise an alert."),
    title=T("Alert"),
    asks={
        "kind": Asks(T("What is it?")),
        "line": Asks(
            T(
                "Where, and what does it take? Like this: {example}",
                example=Typed(PLACE),
            )
        ),
        "first": _asks(0),
        "second": _asks(1),
        "third": _asks(2),
    },
)
async def alert_raise(
    context: Context, *, kind: AlertKind, line: LongNote = "", first: Note = "", second: Note = "", third: Note = ""
) -> Reply | Card | None:
    """Step by step: the kind by a button, the rest in one line, and what the committee asks; all can be left out."""
    line = f"{shared.MARK} {line}"
    said = await shared.read(context, line, of=kind.key)
    answers = (
        f"{question.text} {given}"
        for question, given in zip(kind.questions, (first, second, third), strict=False)
        if given
    )
    return await _raised(context, said, line, "; ".join(answers))


async def _raised(context: Context, said: alertline.Line, line: str, answers: str = "") -> Reply | Card | None:
    """`line`, `answers`: what was said, to be said again where it may be the same as another."""
    assert said.kind is not None
    if alertline.names_exercise(said):
        return _real_or_not(context, await shared.known(context, said.kind), line, answers)
    before = await shared.said_before(context, said)
    if before is None:
        return await _made(context, said, answers)
    again = context.commands.named("alert_again").says(
        alert=before.id,
        kind=await shared.known(context, said.kind),
        line=line[:LINE_CHARACTERS_MAX],
        answers=answers[:LINE_CHARACTERS_MAX],
    )
    return await context.say(again, authority=context.authority)


@router.command("alert_another", allow=Authority.MEMBER, typed=False, help=T("Raise an alert beside a similar one."))
async def alert_another(
    context: Context, *, kind: AlertKind, line: LongNote, answers: LongNote = ""
) -> Reply | Card | None:
    """It is not the same: as it was said, without being asked again."""
    return await _made(context, await shared.read(context, line, of=kind.key), answers)


async def _made(context: Context, said: alertline.Line, answers: str) -> Reply | Card | None:
    """Raise it, and tell whoever did what happens next."""
    if answers:
        said = replace(said, words="; ".join(filter(None, (said.words, answers))))
    made = await shared.raise_alert(context, said)
    reach = await shared.reach_of(context, made, await state(context, made))
    cut = len(said.words) > alertline.WORDS_CHARACTERS_MAX
    if context.place is not None and not context.in_private and reach in ("group", "everyone") and not cut:
        # The card stands here already, and is the answer.
        return None
    return Reply(
        shared.marked(
            made,
            lines(
                T("Alert {number} is raised.", number=made.number),
                T(
                    "The card shows the first {n} characters of what you wrote. Say the rest like this: {news}",
                    n=alertline.WORDS_CHARACTERS_MAX,
                    news=Typed(f"/alert {made.number}", NEWS),
                )
                if cut
                else None,
                _next(reach, awake=reach in ("group", "everyone") or await shared.organizers_awake(context, made)),
            ),
        ),
        private=True,
        buttons=((Button(label=T("Show it"), says=alert_show.says(number=made.number)),),),
    )


def _next(reach: alarm.Alone | None, *, awake: bool) -> Text:
    match reach:
        case None | "organizers" if not awake:
            return T("Only the organizers may hear of it yet, and they have quiet hours now: call one of them.")
        case None:
            return T("An organizer has to let it through first; they are told now.")
        case "organizers":
            return T("The organizers are told now. Once somebody else confirms it, everybody is.")
        case "group":
            return T("The group is told now. Once somebody else confirms it, everybody is called.")
        case "everyone":
            return T("Everybody is called now.")


_ABOUT: Mapping[str, str] = {
    plain(word): command
    for command, words in {
        "alert_end": "end over fin terminar ende vorbei",
        "alert_cancel": "cancel cancelar absagen",
        "alert_false": "false falsa fehlalarm",
        "alert_update": "update news novedad novedades neu neues",
        "alert_need": "need needs hace necesita braucht brauchen",
        "alert_until": "until hasta bis",
        "alert_reach": "reach reached alcance erreicht",
        "alert_merge": "same igual misma mismo dieselbe gleich",
        "alert_call": "call llama llamar rufen ruf",
        "alert_meet": "meet punto encuentro treffpunkt",
        "alert_address": "address exact dirección exacta adresse genau",
        "alert_name": "name named nombrar nombra benennen",
        "alert_shown": "shown mostrado gezeigt",
        "alert_timeline": "timeline cronología cronologia cómo como verlauf ablauf",
        "alert_roll_call": "roll_call rollcall safe lista reunida seguros sicher appell",
        "alert_roster": "roster ask_me",
    }.items()
    for word in words.split()
}
"""What can be said of an alert, behind its number: /alert 3 end."""


async def _about(context: Context, number: int, rest: str) -> Reply | Card | None:
    if not rest.strip():
        return await alert_show.handler(context, number=number)
    word, _, more = rest.strip().partition(" ")
    command = context.commands.get(_ABOUT.get(plain(word.rstrip(":,")), ""))
    if command is None and await shared.numbered(context, number) is None:
        # A line that begins with how many people it takes.
        return None
    await shared.found(context, number)
    if command is None:
        raise Refusal(
            T(
                "I do not understand “{words}”. Of alert {number} you can say {news} or {until} or {end}",
                words=rest.strip()[: alertline.WORDS_SHOWN_MAX],
                number=number,
                news=Typed(f"/alert {number}", NEWS),
                until=Typed(f"/alert {number}", UNTIL),
                end=Typed(f"/alert {number}", END),
            )
        )
    given: dict[str, Any] = {"number": number}
    if more.strip() and any(parameter.name == "line" for parameter in command.parameters):
        given["line"] = more.strip()
    says = command.says(**given)
    if command.lacks(says):
        says = context.commands.asking(says)
    return await context.say(says, authority=context.authority)


# --- looking -----------------------------------------------------------------------------------------------------


@router.command("alert_show", allow=Authority.MEMBER, typed=False, repeatable=True, help=T("Show an alert."))
async def alert_show(context: Context, *, number: Number) -> Reply | Card:
    """Its card, here."""
    there = await _shown(context, number)
    if not context.in_private and await _reach(context, there) in (None, "organizers"):
        raise Refusal(T("That alert is not for the group yet. Look at it in private."), private=True)
    return card_of(there)


async def _reach(context: Context, there: Alert) -> alarm.Alone | None:
    return await shared.reach_of(context, there, await state(context, there))


async def _shown(context: Context, number: int) -> Alert:
    """An alert that whoever asks may see. Raises Refusal; it says the same where there is none with this number."""
    there = await shared.found(context, number)
    if await _reach(context, there) in (None, "organizers") and not shared.may_change(context, there):
        raise shared.none_with(number)
    return there


@router.command(
    "alerts",
    allow=Authority.MEMBER,
    within="alert",
    repeatable=True,
    help=T("The alerts that go on, and those of the last days."),
    label=T("Alerts now"),
)
async def alerts_list(context: Context) -> Reply:
    """A line each."""
    told: list[Words] = []
    buttons = []
    for one in await alerts.recent(context.tx, context.committee.id, since=context.now - LISTED_FOR):
        now = await state(context, one)
        reach = await shared.reach_of(context, one, now)
        # What is for the organizers only stays so when it is over, and in the group also when one of them asks there.
        if reach in (None, "organizers") and not (context.in_private and shared.may_change(context, one)):
            continue
        if now.over:
            told.append(lines(await heading(context, one), over_words(now)))
        else:
            told.append(lines(await heading(context, one), certainty_words(now), need_words(now)))
            show = alert_show.says(number=one.number)
            buttons.append((Button(label=T("Show alert {number}", number=one.number), says=show),))
    if not told:
        return Reply(
            T("There is no alert, and there was none in the last days. To raise one: {example}", example=EXAMPLE)
        )
    return Reply(lines(*told), buttons=tuple(buttons[:8]))


@router.todo
async def waiting(context: Context) -> Sequence[Todo]:
    """Alerts that go on and that this member has not answered."""
    told = []
    for one in await alerts.open_(context.tx, context.committee.id):
        now = await state(context, one)
        reach = await shared.reach_of(context, one, now)
        organizes = "organizer" in context.roles and context.in_private
        if now.over or reach is None or (reach == "organizers" and not organizes):
            continue
        if context.member.id in now.coming or context.member.id in now.cannot:
            continue
        show = Button(label=T("Show alert {number}", number=one.number), says=alert_show.says(number=one.number))
        told.append(Todo(words=await heading(context, one), buttons=(show,), by=now.expires_at))
    return told


@router.command("alert_more", allow=Authority.MEMBER, typed=False, help=T("What else can be done with an alert."))
async def alert_more(context: Context, *, alert: Reference) -> Reply:
    """In private, what this member can do."""
    there, now = await going_on(context, alert)
    buttons = await shared.more_buttons(context, there, now)
    if not buttons:
        raise Refusal(
            T("There is nothing else that you can do with alert {number}.", number=there.number), private=True
        )
    return Reply(await heading(context, there), buttons=buttons, private=True)


# --- confirming --------------------------------------------------------------------------------------------------


@router.command("alert_verify", allow=Authority.MEMBER, typed=False, help=T("Confirm an alert."))
async def alert_verify(context: Context, *, alert: Reference) -> Reply:
    """A second witness, of another invite branch, makes it verified: then it may reach everybody."""
    there, now = await going_on(context, alert)
    me = context.member
    if me.id in now.witnesses:
        raise Refusal(T("You stand for this alert already. Somebody else has to confirm it."), private=True)
    joined_at, began_at = await alerts.here_since(context.tx, me.id)
    newcomer = me.newcomer_until is not None and me.newcomer_until > context.now
    if newcomer or not alarm.may_witness(joined_at, began_at=began_at, now=context.now):
        raise Refusal(
            T("Newcomers cannot confirm alerts yet. Ask somebody who has been here for longer."), private=True
        )
    kin = {one for one in now.witnesses if await members.same_branch(context.tx, context.committee.id, one, me.id)}
    if not alarm.may_verify(now, me.id, of_one_branch=kin):
        raise Refusal(
            T(
                "Somebody has to confirm it who was not invited by the same people as whoever raised it. "
                "Ask somebody else to look."
            ),
            private=True,
        )
    await note(context, there, "verified", member=me)
    if not now.verified and (await state(context, there)).verified:
        await shared.verified(context, there)
    return answer(T("Thank you. Nobody sees that it was you who confirmed it."))


@router.command("alert_doubt", allow=Authority.MEMBER, typed=False, help=T("Say that an alert may not be true."))
async def alert_doubt(context: Context, *, alert: Reference) -> Reply:
    """It is told once to those who can cancel it; nothing stops by that. Whoever had confirmed it does not any more."""
    there, now = await going_on(context, alert)
    me = context.member
    if me.id == there.raiser_id:
        raise Refusal(
            T("You raised this alert. If it is not true: {end}", end=Typed(f"/alert {there.number}", FALSE)),
            private=True,
        )
    if me.id in now.doubters:
        return answer(T("That is noted already. Tell in the group what you know."))
    await note(context, there, "doubted", member=me)
    if not now.doubters:
        await _tell_of_doubt(context, there)
    if me.id in now.witnesses:
        return answer(T("Noted: you do not confirm it any more. Tell in the group what you know."))
    return answer(T("Noted. Tell in the group what you know."))


async def _tell_of_doubt(context: Context, there: Alert) -> None:
    """Nobody learns whose doubt it is."""
    buttons = (
        (Button(label=T("Show it"), says=alert_show.says(number=there.number)),),
        (Button(label=T("False alarm"), says=alert_false.says(number=there.number)),),
    )
    words = lines(await heading(context, there), T("Somebody doubts that it is true. Can you find out?"))
    charged = [one for one in await shared.in_charge(context, there) if shared.may_hear(one, context.now)]
    awake = await shared.awake(context, there, await state(context, there), charged)
    for member in charged:
        if member.id == context.member.id:
            continue
        if member in awake:
            await shared.tell(context, member, words, alert=there, buttons=buttons)
        else:
            await context.nudge(member, words, buttons=buttons, key=there.thing)


# --- answering ---------------------------------------------------------------------------------------------------


@router.command("alert_coming", allow=Authority.MEMBER, typed=False, help=T("You are coming."))
async def alert_coming(context: Context, *, alert: Reference, minutes: Reference) -> Reply | Card:
    """When somebody who comes expects to be there."""
    there, _ = await going_on(context, alert)
    minutes = min(minutes, MINUTES_MAX)
    await note(context, there, "coming", member=context.member, data={"minutes": minutes})
    await shared.hook(context, "alert_answered", there)
    return await _told(context, there, _expected(minutes))


def _expected(minutes: int) -> Text:
    return T("Thank you. You are expected in {minutes} min.", minutes=minutes)


@router.command(
    "alert_bring",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say what you can bring."),
    title=T("What you bring"),
    asks={"what": Asks(T("What can you bring? You are counted as coming."))},
)
async def alert_bring(context: Context, *, alert: Reference, what: Need) -> Reply | Card:
    """Said again, it is taken back. Who brings something comes."""
    there, now = await going_on(context, alert)
    mine = now.coming.get(context.member.id)
    minutes = shared.COMING_MINUTES[1]
    if mine is None:
        await note(context, there, "coming", member=context.member, data={"minutes": minutes})
    off = mine is not None and what in mine.brings
    if what != alarm.PEOPLE:
        await note(context, there, "brings", member=context.member, data={"what": what, "off": off})
    await shared.hook(context, "alert_answered", there)
    if off:
        return await _told(context, there, T("Noted: you do not bring that."))
    if what == alarm.PEOPLE:
        return await _told(context, there, _expected(minutes) if mine is None else T("You are counted as coming."))
    return await _told(context, there, T("Thank you. You bring: {what}", what=NEEDS[what]))


@router.command("alert_cannot", allow=Authority.MEMBER, typed=False, help=T("You cannot come."))
async def alert_cannot(context: Context, *, alert: Reference) -> Reply | Card:
    """They are asked no more; where they were coming, what they would have met is open again."""
    there, _ = await going_on(context, alert)
    await note(context, there, "cannot", member=context.member)
    await shared.hook(context, "alert_hide", there)
    await shared.hook(context, "alert_answered", there)
    return answer(T("Noted. You are asked no more about this alert."))


@router.command("alert_arrived", allow=Authority.MEMBER, typed=False, help=T("You are there."))
async def alert_arrived(context: Context, *, alert: Reference) -> Reply | Card:
    """Somebody is there."""
    there, _ = await going_on(context, alert)
    await note(context, there, "arrived", member=context.member)
    await shared.hook(context, "alert_answered", there)
    return await _told(context, there, T("Noted: you are there."))


@router.command("alert_left", allow=Authority.CLOCK, typed=False, help=T("Somebody has left who was coming."))
async def alert_left(context: Context, *, who: Reference) -> None:
    """Whoever has left is not counted on, nor shown where it is: what they would have met is open again."""
    member = await people.member_now(context.tx, context.committee.id, who)
    if member is None or member.active:
        return
    for one in await alerts.open_(context.tx, context.committee.id):
        now = await state(context, one)
        if not now.over and who in now.coming:
            await note(context, one, "left", member=member)
            await shared.hook(context, "alert_hide", one)
            await shared.hook(context, "alert_answered", one)


async def _told(context: Context, there: Alert, words: Words) -> Reply | Card:
    """To whoever pressed it: the live card in their private chat, where it does not stand there; else a word."""
    if context.in_private and context.place is not None and not await shared.stands_here(context, there):
        return card_of(there)
    return answer(words)


# --- changing ----------------------------------------------------------------------------------------------------


@router.command(
    "alert_need",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say what an alert takes."),
    asks={"line": Asks(T("What does it take? Like this: {example}", example=Typed(PEOPLE_AND_VAN)))},
)
async def alert_need(context: Context, *, number: Number, line: LongNote) -> Reply | Card | None:
    """What it takes now."""
    there, _ = await shared.own(context, number)
    try:
        needs = alertline.read_needs(line)
    except alertline.Unclear as unclear:
        example = Typed(f"/alert {number}", NEEDED)
        raise Refusal(shared.unclear_words(unclear, example)) from unclear
    await note(context, there, "needs", data={"needs": needs})
    await shared.hook(context, "alert_answered", there)
    return answer(T("Noted: the card shows what it takes now."))


@router.command(
    "alert_until",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say until when an alert goes on."),
    asks={"line": Asks(T("Until when? Like this: {example}", example=Typed("14:00")))},
)
async def alert_until(context: Context, *, number: Number, line: LongNote) -> Reply:
    """It goes on for longer, or less long; at most 48 hours from when it was raised."""
    there, _ = await shared.own(context, number)
    said = alertline.read_end(line, now=wall(context))
    if said is None:
        raise Refusal(
            T(
                "I do not understand “{words}”. Write it like this: {example}",
                words=line[: alertline.WORDS_SHOWN_MAX],
                example=Typed(f"/alert {number}", UNTIL),
            )
        )
    at = instant(said, context.committee.zone) if isinstance(said, datetime) else context.now + said
    last = there.raised_at + alarm.EXPIRES_MAX
    if not context.now < at <= last:
        raise Refusal(
            T("It can go on until {last} at most, and not end in the past. Raise a new one after that.", last=last)
        )
    await note(context, there, "expires", data={"at": at.isoformat()})
    await shared.plan_end(context, there, at)
    return Reply(T("Alert {number} goes on until {until}.", number=number, until=Soon(at, context.now)))


@router.command(
    "alert_update",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say what is new about an alert."),
    title=T("News"),
    asks={"line": Asks(T("What is new? Whoever the alert has reached is told, in your words."))},
)
async def alert_update(context: Context, *, number: Number, line: LongNote) -> Reply:
    """What is new, told to those whom the alert has reached and to those who come; the card shows the newest."""
    there, now = await shared.own(context, number)
    words = " ".join(line.split())
    if len(words) > alertline.WORDS_CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=alertline.WORDS_CHARACTERS_MAX))
    if sum(one.kind == "updated" for one in await alerts.events(context.tx, there)) >= UPDATES_MAX:
        raise Refusal(T("There is a lot of news of alert {number} already. Say the rest in the group.", number=number))
    there = await alerts.update(
        context.tx,
        context.committee,
        there,
        words,
        member_id=None if context.of_member is None else context.of_member.id,
        now=context.now,
    )
    await cards.changed(context.tx, there.thing)
    await shared.tell_links(context, there)
    told = await _tell_news(context, there, now)
    if not told:
        return answer(T("Noted: the card shows it."))
    return answer(N("Noted: the card shows it, and {n} is told.", "Noted: the card shows it, and {n} are told.", told))


async def _tell_news(context: Context, there: Alert, now: Alarm) -> int:
    """To how many it goes in private; the group sees it on the card."""
    assert there.news is not None
    pages = {one.member_id: one for one in await alerts.pages(context.tx, there) if one.state in ("sent", "answered")}
    words = lines(await heading(context, there), T("News: “{words}” (as it was written)", words=there.news[1]))
    show = ((Button(label=T("Show it"), says=alert_show.says(number=there.number)),),)
    found = [await shared.hears(context, id_) for id_ in sorted((pages.keys() | now.coming.keys()) - now.cannot)]
    members = [one for one in found if one is not None and one != context.of_member]
    resting = await shared.resting(context, there, now, [one for one in members if one.id not in now.coming])
    told = 0
    for member in members:
        if member.id not in resting:
            told += await shared.tell(context, member, words, alert=there, buttons=show) is not None
        elif pages[member.id].state == "sent":
            # In the morning they are told what is so then.
            ring = pages[member.id].ring
            await alerts.page(context.tx, there, member.id, ring=ring, outbox_id=None, state="waits", now=context.now)
        else:
            await context.nudge(member, words, buttons=show, key=there.thing)
    if resting:
        await shared.plan_wake(context, there, min(resting.values()))
    return told


@router.command("alert_end", allow=Authority.MEMBER, typed=False, help=T("Say that an alert is over."))
async def alert_end(context: Context, *, number: Number) -> Reply | None:
    """It happened, and it is over."""
    return await _over(context, number, "ended")


@router.command("alert_cancel", allow=Authority.MEMBER, typed=False, help=T("Cancel an alert."))
async def alert_cancel(context: Context, *, number: Number) -> Reply | None:
    """Nobody need come."""
    return await _over(context, number, "cancelled")


@router.command("alert_false", allow=Authority.MEMBER, typed=False, help=T("Say that an alert was a false alarm."))
async def alert_false(context: Context, *, number: Number) -> Reply | None:
    """Nothing was there. It counts in the record of its kind, never against anybody."""
    return await _over(context, number, "false")


async def _over(context: Context, number: int, outcome: alarm.Outcome) -> Reply:
    there, _ = await shared.own(context, number)
    await shared.finish(context, there, outcome)
    return Reply(shared.over_with_number(there, await state(context, there)))


@router.command("alert_expire", allow=Authority.CLOCK, typed=False, help=T("An alert's time is over."))
async def alert_expire(context: Context, *, alert: Reference) -> None:
    """Nobody has ended it: it ends by itself."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is not None and there.over_at is None and (await state(context, there)).outcome == "expired":
        await shared.finish(context, there, "expired")


# --- showing -----------------------------------------------------------------------------------------------------


@router.card("alert")
async def alert_card(view: View, ref: int) -> Shown | None:
    """What it is, what it takes, and who comes, in figures; in somebody's private chat also what they have said."""
    there = await alerts.get(view.tx, view.committee.id, ref)
    if there is None:
        return None
    now = await state(view, there)
    if now.over:
        deleted, buttons = await card_end(view, there)
        told_of = [*_counts(now), *await relaying.over_words(view, there)] if deleted is None else deleted
        return Shown(lines(await heading(view, there), over_words(now), *told_of), buttons=buttons)
    others = await _other_languages(view)
    told: list[Words | None] = [
        await heading(view, there),
        T("An organizer has not let it through yet.") if now.held else certainty_words(now),
        N("{n} member doubts it.", "{n} members doubt it.", len(now.doubters)) if now.doubters else None,
        *facts_words(there, now, at=view.now),
        need_words(now),
        *_counts(now),
        *await relaying.words(view, there),
        await calling.unreached_words(view, there),
    ]
    buttons = () if now.held else shared.answer_buttons(view, there, now)
    if others and not now.held:
        read = Button(label="/".join(others), says=alert_read.says(number=there.number))
        buttons = (*buttons[:-1], (*buttons[-1], read))
    me = await shared.own_member(view)
    if me is not None and (mine := now.coming.get(me.id)) is not None:
        told.append(
            T("You are there.") if mine.arrived else T("You are coming: {at}", at=Soon(mine.there_at, view.now))
        )
        if not mine.arrived:
            here = Button(label=T("I'm there"), says=alert_arrived.says(alert=there.id))
            buttons = ((here,), *buttons)
        if (meeting := await shared.meeting_button(view, there)) is not None:
            buttons = ((meeting,), *buttons)
    return Shown(lines(*told), buttons=buttons)


async def _other_languages(view: View) -> list[str]:
    """What members read and this group is not spoken to in: each under its own name, so that they find it."""
    if view.private:
        return []
    known = {view.committee.language, view.committee.second}
    read = await people.languages_read(view.tx, view.committee.id)
    return [name for code, name in LANGUAGES.items() if code in read - known]


@router.command(
    "alert_read", allow=Authority.MEMBER, typed=False, repeatable=True, help=T("Read an alert in your language.")
)
async def alert_read(context: Context, *, number: Number) -> Reply:
    """What the card says, for whoever asks, in the language they read; what somebody wrote stays as it is."""
    there, now = await going_on(context, (await _shown(context, number)).id)
    return Reply(
        lines(
            await heading(context, there),
            certainty_words(now),
            *facts_words(there, now, at=context.now),
            need_words(now),
            *_counts(now),
            *await relaying.words(context, there),
        ),
        buttons=shared.answer_buttons(context, there, now),
        private=True,
        about=(there.thing,),
    )


def _counts(now: Alarm) -> list[Words]:
    """How many come, are there, or were when it was over. No names."""
    told: list[Words] = []
    there = sum(one.arrived for one in now.coming.values())
    way = len(now.coming) - there
    if now.over:
        if there:
            told.append(N("{n} was there.", "{n} were there.", there))
        if way:
            told.append(N("{n} was on the way.", "{n} were on the way.", way))
        return told
    if there:
        told.append(N("{n} is there.", "{n} are there.", there))
    if way:
        told.append(N("{n} is coming.", "{n} are coming.", way))
    if now.cannot:
        told.append(N("{n} cannot come.", "{n} cannot come.", len(now.cannot)))
    return told


@router.entry("alert", about="decisions")
async def alert_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What the books tell of an alert: no names, and what it is and where only where all may know, while it is kept."""
    number = body["alert"]
    there = await alerts.numbered(telling.tx, telling.committee.id, number)
    if there is not None and there.exercise and "raised" not in body:
        if "over" in body:
            return T("DRILL {number}: {what}", number=number, what=OUTCOMES[body["over"]])
        if "update" in body:
            words = await notes.of(telling.tx, f"alert_update:{body['update']}")
            return T("DRILL {number}, news: {words}", number=number, words=words or _ERASED)
        return T("DRILL {number} was confirmed.", number=number)
    if "over" in body:
        return T("Alert {number}: {what}", number=number, what=OUTCOMES[body["over"]])
    if "verified" in body:
        return T("Alert {number} was confirmed.", number=number)
    open_to_all = there is None or await shared.for_all(telling, there)
    if "update" in body and not open_to_all:
        return T("There is news of alert {number}.", number=number)
    if "update" in body:
        words = await notes.of(telling.tx, f"alert_update:{body['update']}")
        return T("News of alert {number}: {words}", number=number, words=words or _ERASED)
    kind = await shared.kind_words(telling, body["raised"])
    if body["status"] == "exercise":
        return T("DRILL {number} was begun: {kind}", number=number, kind=kind)
    if not open_to_all:
        return T("Alert {number} was raised.", number=number)
    area = None if there is None else await notes.of(telling.tx, f"alert_area:{there.id}")
    if area is None:
        return T("Alert {number} was raised: {kind}", number=number, kind=kind)
    return T("Alert {number} was raised: {kind}, {area}", number=number, kind=kind, area=area)
