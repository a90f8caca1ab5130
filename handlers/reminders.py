"""Reminders of shifts: when somebody wants them, in which zone they live, and saying them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.arguments import Note, Zone
from bot.chat import Button, Link, Reply
from bot.domain import reminders as rule
from bot.domain.reminders import Before
from bot.router import Authority, Context, Router
from bot.shifts import giving, shift_words, swapping
from bot.text import Bold, Listed, Minutes, N, Refusal, Span, T, Text, Typed, Words, lines, render
from storage import people, reminders, shifts
from storage.people import Committee
from storage.reminders import Due, Wanted
from storage.shifts import Shift

router = Router("reminders", under="shifts")

NOTES_MAX = 3
SHIFTS_MAX = 8
"""So many shifts are told in one message; of the rest there is a number."""
_Rows = tuple[tuple[Button | Link, ...], ...]


# --- one's own ---------------------------------------------------------------------------------------------------


@router.command(
    "reminders",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("Reminders of shifts"),
    help=T("When I remind you of your shifts, like {example}, or {off}.", example=Typed("1d 2h"), off=Typed("off")),
    sample=("1d 2h",),
    repeatable=True,
)
async def reminders_(context: Context, *, what: Note = "") -> Reply:
    """One's own times: shown, or changed."""
    what = " ".join(what.casefold().split())
    if what:
        await reminders.choose(context.tx, context.member, _read(what))
    found = await reminders.wanted(context.tx, context.member.id)
    return Reply(_wanted_told(context, found), buttons=() if what else _choices(context), private=True)


def _read(what: str) -> tuple[Before, ...] | None:
    """The times; None: as everybody. Raises Refusal."""
    if what == "off":
        return ()
    if what == "usual":
        return None
    found = rule.read(what)
    if found is None:
        raise Refusal(
            T(
                "How long before a shift? Name up to four, from {shortest} to {longest}: {hours} or {evening}; "
                "{off} ends it.",
                shortest=Typed("10min"),
                longest=Typed("14d"),
                hours=Typed("/reminders 1d 2h"),
                evening=Typed("/reminders", T("evening"), "30min"),
                off=Typed("/reminders off"),
            ),
            private=True,
        )
    return found


def _wanted_told(context: Context, found: Wanted) -> Words:
    peace = found.peace
    return lines(
        T("I remind you of your shifts: {times}.", times=Listed(tuple(map(_before_words, found.times))))
        if found.times
        else T("I do not remind you of your shifts. {shifts} shows them.", shifts=Typed("/shifts")),
        T("Quiet hours: {hours} ({zone}).", hours=str(peace.hours), zone=peace.zone.key)
        if peace.hours is not None
        else T("Your time zone: {zone}.", zone=peace.zone.key),
        T("What falls into them I say before they begin, or when they end.")
        if found.times and peace.hours is not None
        else None,
        T("Until {until} I write to you only with alerts and answers.", until=peace.until)
        if peace.until is not None and peace.until > context.now
        else None,
        T("Change it: {times}, {off}", times=Typed("/reminders 1d 2h"), off=Typed("/reminders off")),
    )


def _before_words(before: Before) -> Text:
    match before.unit:
        case "evening":
            return T("on the evening before")
        case "d":
            return N("{n} day before", "{n} days before", before.count)
        case "h":
            return T("{time} before", time=Minutes(before.count * 60))
        case "min":
            return T("{time} before", time=Minutes(before.count))


def _choices(context: Context) -> _Rows:
    return (
        (
            Button(label=T("Evening before and 2 h"), says=reminders_.says(what="evening 2h")),
            Button(label=T("1 day and 2 h"), says=reminders_.says(what="1d 2h")),
        ),
        (
            Button(label=T("Only 2 h before"), says=reminders_.says(what="2h")),
            Button(label=T("No reminders"), says=reminders_.says(what="off")),
        ),
        (Button(label=T("My time zone"), says=context.commands.asking(my_timezone.says())),),
    )


@router.command(
    "my_timezone",
    allow=Authority.MEMBER,
    within="my_rota",
    label=T("My time zone"),
    help=T("In which time zone you live, if not in that of the committee."),
    sample=("Madrid",),
)
async def my_timezone(context: Context, *, zone: Zone) -> Reply:
    """Quiet hours and reminders keep to it; the committee's own times stay those of the committee."""
    mine = await people.committees_of(context.tx, context.member.person_id)
    # Whoever lives where their committee is goes along if it moves.
    own = None if {one.zone.key for one in mine} == {zone.key} else zone
    await reminders.choose_zone(context.tx, context.member, own)
    return Reply(
        lines(
            T("Your time zone is {zone} now.", zone=zone.key),
            T(
                "Your quiet hours, reminders and times to choose from keep to it. Everything else I tell in the "
                "committee's time, {zone}.",
                zone=context.committee.zone.key,
            )
            if own is not None
            else None,
        ),
        private=True,
    )


# --- saying ------------------------------------------------------------------------------------------------------


@router.command("reminders_plan", allow=Authority.CLOCK, typed=False, help=T("Reminders of shifts are planned."))
async def reminders_plan(context: Context) -> None:
    """For whom a seat, a shift or a wish has changed."""
    await reminders.plan_stale(context.tx, now=context.now)


@router.command("reminders_say", allow=Authority.CLOCK, typed=False, help=T("Reminders of shifts are said."))
async def reminders_say(context: Context) -> None:
    """Each person hears in one message what is due; what an absence of the bot has made useless is not said."""
    missed = await reminders.too_late(context.tx, now=context.now, since=context.now - rule.LATE)
    for committee_id, count in missed.items():
        committee = await people.committee(context.tx, committee_id)
        words = N(
            "I was away: {n} reminder of a shift that has begun meanwhile did not come.",
            "I was away: {n} reminders of shifts that have begun meanwhile did not come.",
            count,
        )
        await replace(context, of_committee=committee).announce(words)
    batch = _Batch(context)
    by_person: defaultdict[int, list[Due]] = defaultdict(list)
    for one in await reminders.take(context.tx, now=context.now):
        if one.begins > context.now:
            by_person[one.person_id].append(one)
    await batch.look_up([one for found in by_person.values() for one in found])
    for person_id, found in by_person.items():
        await _remind(batch, person_id, found)
    await reminders.arm(context.tx, now=context.now)


@dataclass(slots=True)
class _Batch:
    """What several reminders have in common is looked up, and put into words, once."""

    context: Context
    shifts: dict[int, Shift] = field(default_factory=dict)
    committees: dict[int, Committee] = field(default_factory=dict)
    notes: dict[tuple[int, bool], list[Text]] = field(default_factory=dict)
    told: dict[tuple[object, ...], tuple[tuple[Span, ...], _Rows]] = field(default_factory=dict)

    async def look_up(self, found: Sequence[Due]) -> None:
        """Everything that these are about."""
        self.shifts = await shifts.those(self.context.tx, {one.shift_id for one in found})
        for id_ in {one.committee_id for one in found}:
            self.committees[id_] = await people.committee(self.context.tx, id_)

    async def last_words(self, shift: Shift) -> list[Text]:
        """What the last crew says: for all shifts of a task that are ahead it is the same."""
        same = shift.task.id, shift.at > self.context.now
        if same not in self.notes:
            found = await shifts.last_words(self.context.tx, shift, now=self.context.now)
            self.notes[same] = [T("From the last crew: “{note}”", note=words) for words in found[:NOTES_MAX]]
        return self.notes[same]


async def _remind(batch: _Batch, person_id: int, found: Sequence[Due]) -> None:
    context = batch.context
    peace = (await reminders.wanted(context.tx, found[0].member_id)).peace
    at = rule.may_go(peace, now=context.now)
    if at > context.now:
        # The bot was away, and comes back in the quiet hours.
        await reminders.postpone(context.tx, {one.assignment_id for one in found if one.begins > at}, at)
        return
    late = any(one.late or context.now - one.at > rule.LATE for one in found)
    ahead: dict[int, list[Due]] = {}
    for one in sorted({one.shift_id: one for one in found}.values(), key=lambda one: (one.begins, one.shift_id)):
        ahead.setdefault(one.committee_id, []).append(one)
    place = await people.private_chat_of(context.tx, person_id)
    if place is None:
        await _tell_helper(batch, ahead, peace.zone)
        return
    parts = []
    for number, (committee_id, of_it) in enumerate(ahead.items()):
        committee = batch.committees[committee_id]
        reader = await people.private_reader(context.tx, place.id, committee)
        apology, title = late and not number, len(ahead) > 1
        # Whoever is on the same shift and reads the same language is told the same.
        same = (apology, title, reader, peace.zone, *(one.shift_id for one in of_it))
        if same not in batch.told:
            words, buttons = await _told(batch, of_it, zone=peace.zone, committee=committee)
            heading = T("{committee}:", committee=Bold(committee.name)) if title else None
            batch.told[same] = render(lines(_LATE if apology else None, heading, words), reader), buttons
        parts.append((committee, reader, *batch.told[same]))
    await reminders.say(context.tx, place, parts, now=context.now)


async def _tell_helper(batch: _Batch, ahead: Mapping[int, Sequence[Due]], zone: ZoneInfo) -> None:
    """Whoever speaks for somebody without an account is reminded in their place."""
    context = batch.context
    for committee_id, found in ahead.items():
        committee = batch.committees[committee_id]
        member = await people.member_now(context.tx, committee_id, found[0].member_id)
        if member is not None and member.helper_id is not None:
            words, _ = await _told(batch, found, zone=zone, committee=committee)
            await replace(context, of_committee=committee).tell(member, words)


_LATE = T("I was away for a while; this comes late.")


async def _told(batch: _Batch, found: Sequence[Due], *, zone: ZoneInfo, committee: Committee) -> tuple[Words, _Rows]:
    """What a member is told of shifts of one committee, and what they can press."""
    context = batch.context
    told: list[Words | None] = []
    buttons: list[tuple[Button | Link, ...]] = []
    several = len(found) > 1
    if several:
        told.append(N("You have {n} shift:", "You have {n} shifts:", len(found)))
    for one in found[:SHIFTS_MAX]:
        shift = batch.shifts[one.shift_id]
        words = shift_words(shift)
        told.append(T("– {shift}", shift=words) if several else _soon(context.now, one.begins, zone, words))
        told.append(_in_their_zone(shift, zone, committee))
        told.append(None if shift.task.skill is None else T("Needs: {skill}", skill=shift.task.skill))
        told += await batch.last_words(shift)
        buttons.append(_buttons(context, shift, named_=several))
    if len(found) > SHIFTS_MAX:
        told.append(N("and {n} more", "and {n} more", len(found) - SHIFTS_MAX))
    return lines(*told), tuple(buttons)


def _soon(now: datetime, begins: datetime, zone: ZoneInfo, shift: Text) -> Text:
    days = (begins.astimezone(zone).date() - now.astimezone(zone).date()).days
    if days == 0:
        return T("Today, your shift: {shift}", shift=shift)
    return T("Tomorrow, your shift: {shift}", shift=shift) if days == 1 else T("Your shift: {shift}", shift=shift)


def _in_their_zone(shift: Shift, zone: ZoneInfo, committee: Committee) -> Text | None:
    """Where a member's clock shows another time than the committee's, both are told."""
    theirs, ours = shift.at.astimezone(zone), shift.at.astimezone(committee.zone)
    if shift.until is not None or theirs.utcoffset() == ours.utcoffset():
        return None
    city, time = zone.key.rpartition("/")[2].replace("_", " "), f"{theirs:%H:%M}"
    if theirs.date() == ours.date():
        return T("In {city} it is {time} then.", city=city, time=time)
    return T("In {city} it is {time} on {day} then.", city=city, time=time, day=theirs.date())


def _buttons(context: Context, shift: Shift, *, named_: bool) -> tuple[Button | Link, ...]:
    """Giving the seat back, and exchanging it."""
    commands, alone = context.commands, not named_
    return (giving(commands, shift, alone=alone), swapping(commands, shift, alone=alone))
