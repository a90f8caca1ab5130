"""Alerts: raising one, confirming it, coming, and what everybody sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bot import alerts as shared
from bot.alerts import (
    EXAMPLE,
    KINDS,
    NEEDS,
    OUTCOMES,
    answer,
    card_of,
    certainty_words,
    facts_words,
    going_on,
    heading,
    need_words,
    note,
    only_theirs,
    over_words,
    state,
)
from bot.arguments import LongNote, Number, Reference, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import alarm, alertline
from bot.domain.alarm import Alarm
from bot.domain.board import plain
from bot.domain.recurrence import instant
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import N, Refusal, T, Text, Typed, Words, lines
from storage import alerts, members, notes
from storage.alerts import Alert

router = Router("alerts", title=T("Alerts"))
router.marks(shared.marks)

NUMBER_DIGITS_MAX = 9
LISTED_FOR = timedelta(days=7)

AlertKind = Annotated[str, choice(*alarm.KINDS, expected=T("a kind of alert"), labels=KINDS)]
Need = Annotated[str, choice(*NEEDS, expected=T("what you can bring"), labels=NEEDS)]


# --- raising -----------------------------------------------------------------------------------------------------


@router.command(
    "alert",
    allow=Authority.MEMBER,
    help=T("Raise an alert: what it is, where, what it takes, and until when."),
    label=T("Raise an alert"),
    sample=(T("eviction Main St 5, 20 people, 1 van, until 14:00"),),
)
async def alert(context: Context, *, line: LongNote = "", real: Reference = 0) -> Reply | Card | None:
    """One line raises it; a number shows one, or does something with it; nothing asks for the kind by buttons.

    `real`: whoever says it was asked whether it is, because a word for a drill stands in it.
    """
    if not line.strip():
        return await context.say(context.commands.asking(alert_raise.says()), authority=context.authority)
    first, _, rest = line.strip().partition(" ")
    if first.lstrip("#").isdecimal() and len(first) <= NUMBER_DIGITS_MAX:
        about = await _about(context, int(first.lstrip("#")), rest)
        if about is not None:
            return about
    said = await shared.read(context, line)
    if said.kind is None:
        raise Refusal(
            T(
                "Begin with what it is: {kinds}. Like this: {example}",
                kinds=Typed(" / ".join(alarm.KINDS)),
                example=EXAMPLE,
            )
        )
    if not real and alertline.names_exercise(said):
        return _real_or_not(context, line)
    return await _raised(context, said)


def _real_or_not(context: Context, line: str) -> Reply:
    """Nothing is raised by what could be taken for either."""
    asked = context.tx.token()
    real = Button(label=T("It is real"), says=alert.says(line=line, real=1), once=True, question=asked)
    drill = Button(label=T("Only an exercise"), says=alert.says(line=f"drill {line}"), once=True, question=asked)
    return Reply(
        T("Is it real, or only an exercise? Nobody has been told yet."),
        private=True,
        buttons=((real,), (drill,)),
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
                example=Typed(T("Main St 5, 20 people, until 14:00")),
            )
        ),
    },
)
async def alert_raise(context: Context, *, kind: AlertKind, line: LongNote = "") -> Reply | Card | None:
    """Step by step: the kind by a button, and the rest in one line, which can be left out."""
    said = await shared.read(context, f"{kind} {line}")
    if alertline.names_exercise(said):
        return _real_or_not(context, f"{kind} {line}")
    return await _raised(context, replace(said, kind=kind))


async def _raised(context: Context, said: alertline.Line) -> Reply | Card | None:
    made = await shared.raise_alert(context, said)
    now = await state(context, made)
    if (
        context.place is not None
        and not context.in_private
        and alarm.reach(now, await shared.kind_of(context, made)) in ("group", "everyone")
    ):
        # The card stands here already, and is the answer.
        return None
    return Reply(
        shared.marked(
            made,
            lines(
                T("Alert {number} is raised.", number=made.number),
                _next(now, alarm.reach(now, await shared.kind_of(context, made))),
            ),
        ),
        private=True,
        buttons=((Button(label=T("Show it"), says=alert_show.says(number=made.number)),),),
    )


def _next(now: Alarm, reach: alarm.Alone | None) -> Text:
    match reach:
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
        "alert_update": "update novedad neu neues",
        "alert_need": "need needs hace necesita braucht brauchen",
        "alert_until": "until hasta bis",
    }.items()
    for word in words.split()
}
"""What can be said of an alert, behind its number: /alert 3 end."""


async def _about(context: Context, number: int, rest: str) -> Reply | Card | None:
    if not rest.strip():
        return await alert_show.handler(context, number=number)
    word, _, more = rest.strip().partition(" ")
    command = context.commands.get(_ABOUT.get(plain(word), ""))
    if command is None:
        return None
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
    there = await shared.found(context, number)
    now = await state(context, there)
    reach = alarm.reach(now, await shared.kind_of(context, there))
    if reach in (None, "organizers") and not (shared.may_change(context, there) or context.member.id in now.witnesses):
        raise Refusal(T("There is no alert {number} that everybody may see.", number=number), private=True)
    if not context.in_private and reach in (None, "organizers"):
        raise Refusal(T("That alert is not for the group yet. Look at it in private."), private=True)
    return card_of(there)


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
        reach = alarm.reach(now, await shared.kind_of(context, one))
        if not now.over and reach in (None, "organizers") and not shared.may_change(context, one):
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
        if now.over or alarm.reach(now, await shared.kind_of(context, one)) in (None, "organizers"):
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
            T("What else there is to do is for whoever raised it, and for the organizers. Tell them what you know."),
            private=True,
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
    if me.newcomer_until is not None and me.newcomer_until > context.now:
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
    """It is told to those who can cancel it; nothing stops by that."""
    there, now = await going_on(context, alert)
    if context.member.id in now.witnesses:
        raise Refusal(T("You stand for this alert. To end it: {end}", end=_saying(there, "cancel")), private=True)
    if context.member.id not in now.doubters:
        await note(context, there, "doubted", member=context.member)
    return answer(T("Noted. Tell in the group what you know."))


def _saying(there: Alert, word: str) -> Typed:
    return Typed(f"/alert {there.number} {word}")


# --- answering ---------------------------------------------------------------------------------------------------


@router.command("alert_coming", allow=Authority.MEMBER, typed=False, help=T("You are coming."))
async def alert_coming(context: Context, *, alert: Reference, minutes: Reference) -> Reply | Card:
    """When somebody who comes expects to be there."""
    there, _ = await going_on(context, alert)
    await note(context, there, "coming", member=context.member, data={"minutes": min(minutes, 24 * 60)})
    await shared.hook(context, "alert_answered", there)
    return await _told(context, there, T("Thank you. You are expected in {minutes} min.", minutes=minutes))


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
    if mine is None:
        await note(context, there, "coming", member=context.member, data={"minutes": shared.COMING_MINUTES[1]})
    off = mine is not None and what in mine.brings
    if what != alarm.PEOPLE:
        await note(context, there, "brings", member=context.member, data={"what": what, "off": off})
    await shared.hook(context, "alert_answered", there)
    if off:
        return await _told(context, there, T("Noted: you do not bring that."))
    return await _told(context, there, T("Thank you: you bring {what}.", what=NEEDS[what]))


@router.command("alert_cannot", allow=Authority.MEMBER, typed=False, help=T("You cannot come."))
async def alert_cannot(context: Context, *, alert: Reference) -> Reply | Card:
    """They are asked no more; where they were coming, what they would have met is open again."""
    there, _ = await going_on(context, alert)
    await note(context, there, "cannot", member=context.member)
    await shared.hook(context, "alert_answered", there)
    return answer(T("Noted. You are asked no more about this alert."))


@router.command("alert_arrived", allow=Authority.MEMBER, typed=False, help=T("You are there."))
async def alert_arrived(context: Context, *, alert: Reference) -> Reply | Card:
    """Somebody is there."""
    there, _ = await going_on(context, alert)
    await note(context, there, "arrived", member=context.member)
    await shared.hook(context, "alert_answered", there)
    return await _told(context, there, T("Noted: you are there."))


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
    asks={"line": Asks(T("What does it take? Like this: {example}", example=Typed(T("20 people, 1 van"))))},
)
async def alert_need(context: Context, *, number: Number, line: LongNote) -> Reply | Card | None:
    """What it takes now."""
    there, _ = await _own(context, number)
    try:
        needs = alertline.read_needs(line)
    except alertline.Unclear as unclear:
        raise Refusal(
            T(
                "I do not understand “{words}”. Write it like this: {example}",
                words=unclear.words,
                example=Typed(f"/alert {number}", T("needs 20 people, 1 van")),
            )
        ) from unclear
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
    there, _ = await _own(context, number)
    said = alertline.read_end(line, now=shared.wall(context))
    if said is None:
        raise Refusal(
            T(
                "I do not understand “{words}”. Write it like this: {example}",
                words=line,
                example=Typed(f"/alert {number}", T("until 14:00")),
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
    return Reply(T("Alert {number} goes on until {until}.", number=number, until=at))


async def _own(context: Context, number: int) -> tuple[Alert, Alarm]:
    """An alert that goes on, for whoever may change it. Raises Refusal."""
    there, now = await going_on(context, (await shared.found(context, number)).id)
    only_theirs(context, there)
    return there, now


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
    there, _ = await _own(context, number)
    await shared.finish(context, there, outcome)
    return Reply(lines(T("Alert {number} is over.", number=number), OUTCOMES[outcome]))


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
        return Shown(lines(await heading(view, there), over_words(now), *_counts(now)))
    told: list[Words | None] = [
        await heading(view, there),
        certainty_words(now),
        N("{n} member doubts it.", "{n} members doubt it.", len(now.doubters)) if now.doubters else None,
        *facts_words(there, now),
        need_words(now),
        *_counts(now),
    ]
    buttons = shared.answer_buttons(view, there, now)
    me = await shared.own_member(view)
    if me is not None and (mine := now.coming.get(me.id)) is not None:
        told.append(T("You are there.") if mine.arrived else T("You are coming: {at}", at=mine.there_at))
        if not mine.arrived:
            here = Button(label=T("I'm there"), says=alert_arrived.says(alert=there.id))
            buttons = ((here,), *buttons)
    return Shown(lines(*told), buttons=buttons)


def _counts(now: Alarm) -> list[Words]:
    """How many come, and how many are there. No names."""
    told: list[Words] = []
    there = sum(one.arrived for one in now.coming.values())
    if now.coming:
        told.append(N("{n} is coming.", "{n} are coming.", len(now.coming)))
    if there:
        told.append(N("{n} is there.", "{n} are there.", there))
    if now.cannot:
        told.append(N("{n} cannot come.", "{n} cannot come.", len(now.cannot)))
    return told


@router.entry("alert", about="decisions")
async def alert_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What the books tell of an alert: no names, and where it was as long as that is kept."""
    number = body["alert"]
    there = await alerts.numbered(telling.tx, telling.committee.id, number)
    if there is not None and there.exercise and "raised" not in body:
        if "over" in body:
            return T("DRILL {number}: {what}", number=number, what=OUTCOMES[body["over"]])
        return T("DRILL {number} was confirmed.", number=number)
    if "over" in body:
        return T("Alert {number}: {what}", number=number, what=OUTCOMES[body["over"]])
    if "verified" in body:
        return T("Alert {number} was confirmed.", number=number)
    kind = KINDS.get(body["raised"], KINDS["other"])
    area = None if there is None else await notes.of(telling.tx, f"alert_area:{there.id}")
    if body["status"] == "exercise":
        return T("DRILL {number} was begun: {kind}", number=number, kind=kind)
    if area is None:
        return T("Alert {number} was raised: {kind}", number=number, kind=kind)
    return T("Alert {number} was raised: {kind}, {area}", number=number, kind=kind, area=area)
