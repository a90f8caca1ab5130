"""When to meet: several times, who can come when, and the one at which most can."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.arguments import Note, Number, Reference
from bot.calendars import Feed, written
from bot.chat import Button, Card, Document, Link, Reply, Shown
from bot.dialogue import answer_button
from bot.domain import meetings as rule
from bot.domain import pollline
from bot.domain.calendars import Event
from bot.domain.meetings import MAYBE, NO, YES, Best, Doubt, Standing
from bot.domain.recurrence import instant
from bot.gatherings import (
    add,
    begin,
    closable,
    closes_at,
    due_now,
    end,
    heading,
    how,
    of_kind,
    opened,
    opens_at,
    over,
    read,
    rows,
    until,
)
from bot.gatherings import number_in as number_of
from bot.polls import all_processes, cast, named, of_id, turnout
from bot.router import Asks, Authority, Context, Router, Todo, View
from bot.shifts import wall
from bot.text import Bold, Listed, Minutes, N, Reader, Refusal, T, Text, Typed, Words, lines, shown, supported
from storage import ballots, entries, meetings, nudges, people, polls, shifts, slots
from storage.digests import Since
from storage.people import Member
from storage.polls import Poll

router = Router("meetings", under="polls")

TIMES_MAX = 20
NAMES_MAX = 12
"""With more people than this only figures are told."""
TASK_NAME_CHARACTERS_MAX = 60
SOON = timedelta(minutes=10)
_EXAMPLE = Typed("/meet", T("Assembly | sat 10:00 | sat 18:00 | sun 11:00, closes thu"))
_WORDS: Mapping[int, Text] = {YES: T("yes"), MAYBE: T("if need be"), NO: T("no")}
_MAYBE = T("maybe")
_LINE = T("yes maybe no")
_TIME = Typed(T("sat 10:00"))
_NEXT: Mapping[int | None, int] = {None: YES, YES: MAYBE, MAYBE: NO, NO: YES}
"""What a tap on a time makes of what was said of it."""


# --- making ------------------------------------------------------------------------------------------------------


@router.command(
    "meet",
    allow=Authority.MEMBER,
    within="poll",
    label=T("Find a time to meet"),
    help=T("Find the time at which most can come: what for, then the times with | between them."),
    sample=(T("Assembly | sat 10:00 | sat 18:00 | sun 11:00, closes thu"),),
    asks={
        "line": Asks(
            T("What is it for, and when could it be? Write it like this: {example}", example=Typed(*_EXAMPLE.parts[1:]))
        )
    },
)
async def meet(context: Context, *, line: Note) -> Reply | Card:
    """One line makes it; a number shows one."""
    number = number_of(line)
    if number is not None:
        return Card("poll", (await of_kind(context, number, "times")).id)
    text, own = pollline.take_out(line, rule.is_setting)
    try:
        names, minutes = rule.read_settings(own)
    except ValueError as error:
        raise Refusal(
            T("I do not understand “{words}”. Write it like this: {example}", words=str(error), example=_LONGER)
        ) from error
    said = read(context, text, _EXAMPLE)
    if not 2 <= len(said.options) <= TIMES_MAX:
        raise Refusal(
            T("Write 2 to {n} times, with | between them. Like this: {example}", n=TIMES_MAX, example=_EXAMPLE)
        )
    times = []
    for option in said.options:
        found = rule.read_time(option, now=wall(context))
        if isinstance(found, Doubt):
            return _which(context, line, option, found)
        if found is None:
            raise Refusal(
                T(
                    "I do not understand when “{words}” is, or it is over. Write a time like {one} or {other}.",
                    words=option,
                    one=_TIME,
                    other=Typed("14.2. 18:00-20:00"),
                )
            )
        times.append(found)
    starts = [instant(one.start, context.committee.zone) for one in times]
    _check(context, said.options, starts)
    needed = [await _member(context, name) for name in names]
    opens = opens_at(context, said)
    closes = closes_at(context, said, opens=opens, otherwise=_usual_end(context, opens, min(starts)))
    if closes > min(starts):
        raise Refusal(
            T(
                "It would close after the first of the times, {when}. Let it close before that: {example}",
                when=min(starts),
                example=_EXAMPLE,
            )
        )
    made = await add(
        context,
        "meeting",
        title=said.question,
        options=said.options,
        opens=opens,
        closes=closes,
        extra={
            "times": {str(place): at.isoformat() for place, at in enumerate(starts, start=1)},
            "minutes": {str(place): one.minutes or minutes or rule.MINUTES for place, one in enumerate(times, start=1)},
        },
    )
    await meetings.need(context.tx, made, [one.id for one in needed])
    return await begin(context, made, opening=meeting_open, ending=meeting_due)


_LONGER = Typed("/meet", T("Assembly | sat 10:00 | sun 11:00, lasts 2h, must @ana, closes thu"))


def _which(context: Context, line: str, option: str, doubt: Doubt) -> Reply:
    """Ask back what words mean that can mean two times: each answer is the whole line."""
    question = context.tx.token()
    head, bar, tail = line.partition("|")
    buttons = [
        answer_button(
            T("{when}", when=instant(at, context.committee.zone)),
            meet.says(line=f"{head}{bar}{tail.replace(option, instead, 1)}"),
            context.member,
            question,
        )
        for instead, at in doubt.instead
    ]
    return Reply(T("“{words}” can mean more than one time. Which is it?", words=option), buttons=rows(buttons))


def _check(context: Context, options: Sequence[str], starts: Sequence[datetime]) -> None:
    for option, at in zip(options, starts, strict=True):
        if at <= context.now:
            raise Refusal(T("“{words}” is over already. Write times that are still ahead.", words=option))
        if starts.count(at) > 1:
            raise Refusal(T("Two of the times are the same: {when}. Write each once.", when=at))
    if min(starts) - context.now < SOON:
        raise Refusal(T("{when} is too soon for everybody to say whether they can.", when=min(starts)))


def _usual_end(context: Context, opens: datetime | None, first: datetime) -> datetime:
    """It is asked for some days, and ends an hour before the first of the times; where that is soon, half-way."""
    begins = opens or context.now
    days = begins + timedelta(days=all_processes()["meeting"].days)
    before = max(first - timedelta(hours=1), begins + (first - begins) / 2)
    return min(days, before).replace(second=0, microsecond=0)


async def _member(context: Context, name: str) -> Member:
    found = await people.members_named(context.tx, context.committee.id, name)
    if len(found) != 1:
        raise Refusal(
            T(
                "I do not know for sure whom you mean by “{name}”. Write who must be there like this: {example}",
                name=name,
                example=_LONGER,
            )
        )
    return found[0]


@router.command("meeting_open", allow=Authority.CLOCK, typed=False, help=T("A time to meet is looked for."))
async def meeting_open(context: Context, *, poll: Reference) -> None:
    """Its time has come."""
    await opened(context, poll, ending=meeting_due)


# --- saying when one can -----------------------------------------------------------------------------------------


def _times(there: Poll) -> dict[int, datetime]:
    return {int(place): datetime.fromisoformat(at) for place, at in there.rule.extra["times"].items()}


def _minutes(there: Poll, place: int) -> int:
    return int(there.rule.extra["minutes"][str(place)])


async def _answers(context: Context | View, there: Poll) -> dict[int, dict[int, int]]:
    """By member, what they say of which time; whoever has left does not come."""
    found = {}
    for member_id, ballot in (await ballots.by_voter(context.tx, there)).items():
        member = await people.member(context.tx, context.committee.id, member_id)
        if member is not None and member.active:
            found[member_id] = {int(place): answer for place, answer in ballot.choice.items()}
    return found


@router.command(
    "times",
    allow=Authority.MEMBER,
    within="poll",
    help=T("When you can come, in private; or say it in a line, one word for each time."),
    sample=("12", _LINE),
)
async def times_(context: Context, *, number: Number, line: Note = "") -> Reply:
    """With words it is said, without them it is shown."""
    there = await of_kind(context, number, "times")
    if line.strip():
        times = _times(there)
        try:
            said = rule.read_answers(line, times=len(times))
        except ValueError as error:
            raise Refusal(
                N(
                    "Write {yes}, {maybe} or {no} for the {n} time. Like this: {example}",
                    "Write {yes}, {maybe} or {no} for each of the {n} times, in their order. Like this: {example}",
                    len(times),
                    yes=Typed(_WORDS[YES]),
                    maybe=Typed(_MAYBE),
                    no=Typed(_WORDS[NO]),
                    example=Typed(f"/times {number}", _LINE),
                ),
                private=True,
            ) from error
        await cast(context, there, {str(place): answer for place, answer in zip(sorted(times), said, strict=True)})
    return await _mine(context, there)


@router.command(
    "time_say", allow=Authority.MEMBER, typed=False, help=T("Say whether you can come then."), in_place=True
)
async def time_say(context: Context, *, poll: Reference, place: Reference, answer: Reference) -> Reply:
    """One tap, one time. `answer`: one more than what is said, so that a double tap says it once."""
    there = await of_id(context, poll)
    if place not in _times(there) or answer - 1 not in _WORDS:
        raise Refusal(T("That cannot be chosen any more. Choose another option."), private=True)
    own = await ballots.of(context.tx, there, context.member.id)
    said: dict[str, int] = {} if own is None else dict(own.choice)
    await cast(context, there, {**said, str(place): answer - 1})
    return await _mine(context, there)


async def _mine(context: Context, there: Poll) -> Reply:
    """Who can come when, what one has said oneself, and a button for each time that changes it; in one's own zone."""
    own = await ballots.of(context.tx, there, context.member.id)
    said = {} if own is None else {int(place): answer for place, answer in own.choice.items()}
    zone = (await nudges.wish(context.tx, context.member, committee=context.committee)).zone
    answers, times = await _answers(context, there), _times(there)
    told: list[Words | None] = [await heading(context, there)]
    apart = any(
        at.astimezone(zone).utcoffset() != at.astimezone(context.committee.zone).utcoffset() for at in times.values()
    )
    if apart:
        city = zone.key.rpartition("/")[2].replace("_", " ")
        told.append(T("Times as your clock shows them in {city}.", city=city))
    buttons = []
    for one in await _standings(context, there, answers):
        when = one.start
        if apart:
            wall_ = one.start.astimezone(zone).replace(tzinfo=None)
            when = rule.seen_from(wall_, one.start.astimezone(context.committee.zone))
        told.append(T("{n}. {when}: {said}", n=one.place, when=when, said=await _who(context, one, answers)))
        now = said.get(one.place)
        words = T("not said") if now is None else _WORDS[now]
        buttons.append(
            Button(
                label=T("{when}: {answer}", when=when, answer=words),
                says=time_say.says(poll=there.id, place=one.place, answer=_NEXT[now] + 1),
            )
        )
    if there.state != "open":
        return Reply(lines(*told, over(there) or T("Closed.")), private=True)
    if said:
        told.append(
            T(
                "You have answered {n} of {all} times; you can change it until {until}.",
                n=len(said),
                all=len(times),
                until=until(there),
            )
        )
    told.append(
        T(
            "Tap a time: yes, then if need be, then no. Or write it: {example}",
            example=Typed(f"/times {there.number}", _LINE),
        )
    )
    return Reply(lines(*told), buttons=tuple((one,) for one in buttons), private=True)


async def _standings(context: Context | View, there: Poll, answers: Mapping[int, Mapping[int, int]]) -> list[Standing]:
    return rule.standings(_times(there), answers, needed=await meetings.needed(context.tx, there))


async def _who(context: Context, one: Standing, answers: Mapping[int, Mapping[int, int]]) -> Text:
    """Who said what of a time, by name where that is not too long."""
    if len(answers) > NAMES_MAX:
        return _counts(one)
    parts = []
    for answer in (YES, MAYBE, NO):
        names = [
            await named(context, context.committee, member_id)
            for member_id, said in answers.items()
            if said.get(one.place) == answer
        ]
        if names:
            parts.append(T("{answer}: {names}", answer=_WORDS[answer], names=Listed(tuple(names))))
    return T("{said}", said=_row(parts)) if parts else T("nobody yet")


def _row(parts: Sequence[Text]) -> Text:
    """Several with semicolons between them."""
    found = parts[0]
    for part in parts[1:]:
        found = T("{one}; {other}", one=found, other=part)
    return found


def _counts(one: Standing) -> Text:
    if not one.come and not one.no:
        return T("nobody yet")
    if one.maybe:
        return T("{yes} yes, {maybe} if need be", yes=one.yes, maybe=one.maybe)
    return T("{yes} yes", yes=one.yes)


# --- closing -----------------------------------------------------------------------------------------------------


@router.command("meeting_due", allow=Authority.CLOCK, typed=False, help=T("A time to meet is found."))
async def meeting_due(context: Context, *, poll: Reference) -> None:
    """Its time is over."""
    there = await due_now(context, poll)
    if there is not None:
        await _close(context, there)


@router.command("times_close", allow=Authority.MEMBER, typed=False, help=T("Decide now when to meet."))
async def times_close(context: Context, *, number: Number) -> Reply | None:
    """Whoever made it decides early, once everybody has said when they can."""
    await _close(context, await closable(context, number, "times"))
    return None


async def _close(context: Context, there: Poll) -> None:
    answers = await _answers(context, there)
    found = await _standings(context, there, answers)
    turned = await turnout(context, there)
    best = rule.best(found)
    closed = await end(
        context,
        there,
        "told" if best is None else "decided",
        {
            "voters": turned.voters,
            "roll": turned.roll,
            "times": {str(one.place): [one.yes, one.maybe, one.no, one.lacking] for one in found},
            "winners": [] if best is None else [best.time.place],
        },
    )
    await context.announce(
        lines(await heading(context, closed), *_outcome(closed, best)),
        buttons=await _after(context, closed, best),
    )


def _outcome(there: Poll, best: Best | None) -> list[Words]:
    if best is None:
        return [T("Nobody can come at any of these times. Ask again with others: {meet}", meet=_EXAMPLE)]
    one = best.time
    told: list[Words] = [
        T("We meet: {when}, {time}.", when=Bold(T("{when}", when=one.start)), time=Minutes(_minutes(there, one.place))),
        T("{counts}: {why}", counts=_counts(one), why=_WHY[best.by]),
    ]
    if one.lacking:
        told.append(
            N(
                "{n} person who should be there cannot come.",
                "{n} people who should be there cannot come.",
                one.lacking,
            )
        )
    return told


_WHY: Mapping[rule.By, Text] = {
    "needed": T("those who must be there can come."),
    "come": T("most can come then."),
    "yes": T("as many can come at another time, but more of them only if need be."),
    "earliest": T("as many can come at another time; this one is earlier."),
    "only": T("it is the only time at which anybody can come."),
}


async def _after(context: Context | View, there: Poll, best: Best | None) -> tuple[tuple[Button, ...], ...]:
    """What can be done with the time that was found."""
    if best is None:
        return ()
    found = [Button(label=T("For my calendar"), says=meeting_file.says(number=there.number))]
    if await slots.task_of(context.tx, there, 0) is None:
        found.append(Button(label=T("Put it on the rota"), says=meeting_rota.says(number=there.number)))
    return (tuple(found),)


async def _best_of(context: Context | View, there: Poll) -> Best | None:
    """As it was decided."""
    return rule.best(_noted(there))


def _noted(there: Poll) -> list[Standing]:
    """How the times stood when it closed."""
    times = _times(there)
    return [
        Standing(place=int(place), start=times[int(place)], yes=yes, maybe=maybe, no=no, lacking=lacking)
        for place, (yes, maybe, no, lacking) in sorted((there.result or {}).get("times", {}).items())
    ]


async def _decided(context: Context, number: int) -> tuple[Poll, Best]:
    there = await of_kind(context, number, "times")
    best = await _best_of(context, there)
    if there.state != "closed" or best is None:
        raise Refusal(
            T("No time is decided in poll {number}. {poll} shows it.", number=number, poll=Typed(f"/poll {number}")),
            private=True,
        )
    return there, best


@router.command(
    "meeting_file",
    allow=Authority.MEMBER,
    typed=False,
    help=T("The meeting as a file for your calendar."),
    repeatable=True,
)
async def meeting_file(context: Context, *, number: Number) -> Reply:
    """One event; it says what and when, and nobody's name."""
    there, best = await _decided(context, number)
    assert context.person is not None
    reader = Reader(supported(context.person.language) or context.committee.language, context.committee.zone)
    title = shown(T("{question}", question=there.question or T("(erased)")), reader)
    said = f"{context.committee.uid}:poll:{there.number}"
    assert there.closed_at is not None
    event = Event(
        uid=f"{hashlib.sha256(said.encode()).hexdigest()[:32]}@solibot",
        title=" ".join(title.split()),
        text=context.committee.name,
        begins=best.time.start,
        ends=best.time.start + timedelta(minutes=_minutes(there, best.time.place)),
        revision=0,
        revised=there.closed_at,
        draft=False,
    )
    return Reply(
        T("{what}: {when}. Open the file, and your calendar takes it in.", what=title, when=best.time.start),
        private=True,
        document=Document(name=f"meeting-{there.number}.ics", text=written(Feed(name=title, events=(event,)))),
    )


@router.command(
    "meeting_rota",
    allow=Authority.ORGANIZER,
    typed=False,
    help=T("Make a shift of the rota of the meeting: somebody prepares it."),
)
async def meeting_rota(context: Context, *, number: Number) -> Reply | Card | None:
    """By the rota's own command. Nobody has to do anything by it: seats are taken freely."""
    there, best = await _decided(context, number)
    if await slots.task_of(context.tx, there, 0) is not None:
        raise Refusal(T("It is on the rota already: {shifts}", shifts=Typed("/shifts")), private=True)
    title = shown(T("{question}", question=there.question or T("(erased)")), context.committee.reader)
    local = best.time.start.astimezone(context.committee.zone)
    before = {one.id for one in await shifts.tasks(context.tx, context.committee.id)}
    make = context.commands.named("task_make")
    says = make.says(
        name=" ".join(title.split())[:TASK_NAME_CHARACTERS_MAX].strip(" .,;:"),
        when=f"{local:%Y-%m-%d %H:%M}",
        time=Minutes(_minutes(there, best.time.place)),
        crew=(1, 3),
    )
    answer = await context.say(says, authority=context.authority)
    for one in await shifts.tasks(context.tx, context.committee.id):
        if one.id not in before:
            await slots.made_task(context.tx, there, 0, one.id)
    return answer


# --- showing -----------------------------------------------------------------------------------------------------


@router.card("times")
async def meeting_card(view: View, ref: int) -> Shown | None:
    """The times with how many can come; once it is closed, the one that was found."""
    there = await polls.get(view.tx, view.committee.id, ref)
    if there is None or there.state == "draft":
        return None
    top = await heading(view, there)
    if (words := over(there)) is not None:
        return Shown(lines(top, words))
    if there.state == "closed":
        best = await _best_of(view, there)
        told = [T("{n}. {when}: {said}", n=one.place, when=one.start, said=_counts(one)) for one in _noted(there)]
        return Shown(lines(top, *_outcome(there, best), *told), buttons=await _after(view, there, best))
    found = await _standings(view, there, await _answers(view, there))
    turned = await turnout(view, there)
    grid = [T("{n}. {when}: {said}", n=one.place, when=one.start, said=_counts(one)) for one in found]
    needed = [await named(view, view.committee, id_) for id_ in await meetings.needed(view.tx, there)]
    says = times_.says(number=there.number)
    button = (
        Button(label=T("Say when you can"), says=says) if view.private else Link(label=T("Say when you can"), says=says)
    )
    return Shown(
        lines(
            top,
            *grid,
            T("Must be there: {names}.", names=Listed(tuple(needed))) if needed else None,
            how(there),
            T("Answered: {n} of {all}. Names are shown.", n=turned.voters, all=turned.roll),
        ),
        buttons=((button,),),
    )


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """When we meet."""
    told = []
    for _, body in await entries.since(context.tx, context.committee.id, since.entry, "poll"):
        one = await polls.numbered(context.tx, context.committee.id, body["poll"])
        if "closed" in body and one is not None and one.method == "times":
            best = await _best_of(context, one)
            told.append(Todo(words=lines(await heading(context, one), *_outcome(one, best))))
    return told
