"""Who is asked for a seat that is free, how long each has, and which seats may change hands. Pure rules.

One is asked after the other as long as there is time. Time for an answer runs only outside of quiet hours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain import quiet, turns
from bot.domain.quiet import Hours
from bot.domain.rostering import lawful
from bot.domain.rotation import Instance

INLINE_MAX = 30
"""With more members it is worked out in a process of its own."""
GROUP_BEFORE = timedelta(hours=48)
"""So long before it begins the group is asked too."""
ORGANIZERS_BEFORE = timedelta(hours=12)
"""So long before it begins those who organize hear that nobody was found."""
AGAIN = timedelta(hours=24)
"""Where nobody is left to ask, it is looked again after so long: somebody may be back by then."""
_STEP = timedelta(minutes=15)
_TURNS: Sequence[tuple[timedelta, timedelta]] = (
    (timedelta(days=7), timedelta(hours=12)),
    (timedelta(days=3), timedelta(hours=6)),
    (timedelta(hours=6), timedelta(hours=2)),
)


def turn_time(left: timedelta) -> timedelta | None:
    """How long one who is asked has, outside of quiet hours, before the next is asked too.

    `left`: until the shift begins. A week before: half a day of waking hours, about a day; a day before: two hours.
    None: so little is left that all others are asked at once.
    """
    return next((turn for least, turn in _TURNS if left >= least), None)


def awake_for(hours: Hours | None, zone: ZoneInfo, at: datetime, span: timedelta) -> datetime:
    """When somebody with these quiet hours has had so much time outside of them, to a quarter of an hour."""
    at = quiet.after_quiet(hours, at, zone)
    while span > timedelta():
        step = min(_STEP, span)
        at = quiet.after_quiet(hours, at + step, zone)
        span -= step
    return at


def answer_by(hours: Hours | None, zone: ZoneInfo, *, now: datetime, begins: datetime) -> datetime:
    """Until when the next one waits for somebody's answer; never later than the beginning."""
    turn = turn_time(begins - now)
    return begins if turn is None else min(begins, awake_for(hours, zone, now, turn))


# --- who is next -------------------------------------------------------------------------------------------------

Move = tuple[str, str | None, str]
"""A seat, who gives it (None: nobody has it), and who takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Whom to ask for a free seat, in this order; where it is empty, by which `moves` it could be taken."""

    members: tuple[str, ...]
    moves: tuple[Move, ...]


def line(instance: Instance, seat: str) -> Line:
    """Who is next for a seat that nobody has; who declined it (`instance.declined`) is not asked.

    Only where nobody can take it as it is, others change seats for it: at most two, and nobody who said yes to theirs
    by hand.
    """
    holders = {one.seat: one.member for one in instance.held if one.seat != seat}
    if seat not in {one.id for one in instance.seats} or not instance.members:
        return Line(members=(), moves=())
    found = turns.next_in_line(instance, holders, seat)
    if found:
        return Line(members=tuple(one.member for one in found), moves=())
    # Nobody has it any more: whoever stands in is looked past, because the rule asks for the holder.
    repaired = turns.repair(instance, {**holders, seat: instance.members[0].id}, seat)
    moves = [] if repaired.empty is not None else list(repaired.changes)
    return Line(
        members=(),
        moves=tuple(
            (one.seat, None if one.seat == seat else one.before, one.after) for one in moves if one.after is not None
        ),
    )


# --- seats that change hands -----------------------------------------------------------------------------------------


def carried_out(moves: Sequence[Move], holders: Mapping[str, str]) -> dict[str, str] | None:
    """Who has which seat when all of it is done; None: somebody has not what they were to give any more."""
    if len({seat for seat, _, _ in moves}) < len(moves):
        return None
    if any(holders.get(seat) != giver for seat, giver, _ in moves):
        return None
    return {**holders, **{seat: taker for seat, _, taker in moves}}


def narrowed(instance: Instance, seats: Collection[str], members: Collection[str]) -> Instance:
    """The part of a rota on which it depends whether these members can have these seats."""
    shifts = {one.shift for one in instance.seats if one.id in seats}
    held = [one for one in instance.held if one.member in members]
    kept = {one.id for one in instance.seats if one.shift in shifts} | {one.seat for one in held}
    there = {one.member for one in instance.held if one.seat in kept} | set(members)
    return replace(
        instance,
        members=tuple(one for one in instance.members if one.id in there),
        seats=tuple(one for one in instance.seats if one.id in kept),
        held=tuple(one for one in instance.held if one.seat in kept),
        declined=frozenset(),
    )


def possible(instance: Instance, moves: Sequence[Move]) -> bool:
    """Whether these seats can change hands: everybody has what they give, and can take what they get.

    All of them say yes by hand, which sets aside what is there for their own sake; see `rotation.barred`.
    """
    small = narrowed(
        instance, {seat for seat, _, _ in moves}, {who for _, giver, taker in moves for who in (giver, taker) if who}
    )
    holders = {one.seat: one.member for one in small.held}
    shift = {one.id: one.shift for one in small.seats}
    after = carried_out(moves, holders)
    if after is None or any(seat not in shift for seat, _, _ in moves):
        return False
    on = [(shift[seat], member) for seat, member in after.items()]
    if len(set(on)) < len(on):
        return False
    moved = {seat for seat, _, _ in moves}
    sheet = turns.sheet_of(small, {seat: member for seat, member in holders.items() if seat not in moved})
    for seat, _, taker in moves:
        number = sheet.table.number.get(taker)
        at = sheet.table.place[seat]
        if number is None or lawful(sheet, at, number, agreed=True) is not None:
            return False
        sheet.put(at, number)
    return True
