"""Whose turn it is and why: who could take a seat, who is next, what a decline changes, which swaps there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.domain import rostering
from bot.domain.rostering import REPAIR_DEPTH, Change, Empty, Sheet, Table
from bot.domain.rotation import ALWAYS, PRIVATE, Instance, Reason, Slot, barred, slots

SWAPS_MAX = 6
LOOKED_AT_MAX = 20_000
"""So many ways are looked at for swaps of one seat."""


def sheet_of(instance: Instance, holders: Mapping[str, str]) -> Sheet:
    """The sheet on which these members (by seat) hold these seats. Raises KeyError for one that is unknown."""
    table = Table(instance)
    sheet = Sheet(table)
    for seat, member in sorted(holders.items()):
        sheet.put(table.place[seat], table.number[member])
    pinned = (table.place[one.seat] for one in instance.held if one.agreed and holders.get(one.seat) == one.member)
    sheet.pinned.update(pinned)
    return sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody who can take a seat. `under`: how many points (minutes x onerousness) they would be under what is due
    to them without it; below zero: over it. That is for the rules and for themselves; others are told the order."""

    member: str
    under: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyMe:
    """Why somebody has a seat. All points are minutes x onerousness.

    `quota`: the burden that was still to come for them in all; `coming`: what they have of it without this seat;
    `seat`: what this one weighs. `rank` among `could` who can take it beside all else they have (1: whom it fits best);
    `following`: who would be asked next, in this order. `cannot`: how many cannot, by reason (None: a private one).
    `agreed`: they said yes to it by hand. `gap`: had they carried so much more already, the next one would have it;
    None: nobody is next, or likes and prices decide it. `doors`: weekdays and parts of the day at which seats that they
    could take otherwise are closed to them by their own times, with how many there are.
    """

    member: str
    quota: int
    coming: int
    seat: int
    rank: int
    could: int
    following: tuple[Candidate, ...]
    cannot: tuple[tuple[Reason | None, int], ...]
    agreed: bool
    gap: int | None
    doors: tuple[tuple[Slot, int], ...]


def why_me(instance: Instance, holders: Mapping[str, str], seat: str) -> WhyMe:
    """Why whoever has this seat has it. Raises KeyError if nobody has it."""
    holders[seat]
    sheet = sheet_of(instance, holders)
    table = sheet.table
    at = table.place[seat]
    member = sheet.take(at)
    held = table.held.get(at)
    agreed = held is not None and held.agreed and table.number[held.member] == member
    ranked = _ranked(sheet, at)
    if member not in ranked:
        ranked.insert(0, member)
    cannot: Counter[Reason | None] = Counter()
    for other in range(len(table.members)):
        reason = table.why[at][other] or sheet.hindrance(at, other)
        if reason is not None and other != member:
            cannot[None if reason in PRIVATE else reason] += 1
    following = [one for one in ranked if one != member]
    return WhyMe(
        member=table.members[member].id,
        quota=table.quota[0][member],
        coming=sheet.burden[member] + table.quota[0][member],
        seat=table.burden[at],
        rank=ranked.index(member) + 1,
        could=len(ranked),
        following=tuple(_candidate(sheet, one) for one in following),
        cannot=tuple(sorted(cannot.items(), key=lambda one: (-one[1], one[0] or ""))),
        agreed=agreed,
        gap=_gap(sheet, at, member, following[0]) if following and ranked[0] == member and not agreed else None,
        doors=_doors(table, member),
    )


def _ranked(sheet: Sheet, at: int) -> list[int]:
    """Who can take an empty seat, those first with whom the plan is fairest; for a role, whose turn it is."""
    seat = sheet.table.seats[at]
    if seat.turn is not None and not seat.trainee:
        return rostering.in_order(sheet, [at])
    possible = ((sheet.price(at, one), one) for one in sheet.table.can[at] if sheet.hindrance(at, one) is None)
    return [one for _, one in sorted(possible)]


def _candidate(sheet: Sheet, member: int) -> Candidate:
    return Candidate(member=sheet.table.members[member].id, under=-sheet.burden[member])


def _gap(sheet: Sheet, at: int, member: int, other: int) -> int | None:
    """How much more burden puts the other one first; the price rises with it in a straight line."""
    table = sheet.table
    slope = 2 * table.steep[0][member] * table.burden[at]
    lead = sheet.price(at, other) - sheet.price(at, member)
    return lead // slope + 1 if slope else None


def _doors(table: Table, member: int) -> tuple[tuple[Slot, int], ...]:
    who = replace(table.members[member], available=ALWAYS)
    found: Counter[Slot] = Counter()
    for at, seat in enumerate(table.seats):
        if table.why[at][member] != "unavailable" or barred(who, seat, table.instance.declined):
            continue
        missing = slots(seat.local, seat.minutes) - table.members[member].available if seat.until is None else ()
        if len(missing) == 1:
            found.update(missing)
    return tuple(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def next_in_line(instance: Instance, holders: Mapping[str, str], seat: str) -> tuple[Candidate, ...]:
    """Whom to ask for a seat, in this order, whoever has it now left out. Who declined it is not among them."""
    sheet = sheet_of(instance, holders)
    at = sheet.table.place[seat]
    member = sheet.take(at) if sheet.holder[at] >= 0 else None
    return tuple(_candidate(sheet, one) for one in _ranked(sheet, at) if one != member)


def for_term(instance: Instance, holders: Mapping[str, str], task: str, turn: int) -> tuple[str, ...]:
    """Whom to ask for what is empty in a term of a role, in this order; nobody: nothing is empty, or nobody can."""
    sheet = sheet_of(instance, holders)
    empty = _empty_of(sheet, task, turn)
    return tuple(sheet.table.members[one].id for one in rostering.in_order(sheet, empty)) if empty else ()


def term_seats(instance: Instance, holders: Mapping[str, str], task: str, turn: int, member: str) -> tuple[str, ...]:
    """The empty seats of a term that go to this member together, if it is theirs."""
    sheet = sheet_of(instance, holders)
    taken = rostering.takes(sheet, _empty_of(sheet, task, turn), sheet.table.number[member])
    return tuple(sheet.table.seats[at].id for at in taken)


def _empty_of(sheet: Sheet, task: str, turn: int) -> list[int]:
    for (of_task, of_turn, _), seats in rostering.terms_of(sheet.table).items():
        empty = [at for at in seats if sheet.holder[at] < 0]
        if (of_task, of_turn) == (task, turn) and empty:
            return empty
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What happens when a seat is declined: the declined one first, then at most two others that change hands for it.

    `empty`: why nobody could be found; None: somebody was.
    """

    holders: Mapping[str, str]
    changes: tuple[Change, ...]
    empty: Empty | None


def repair(instance: Instance, holders: Mapping[str, str], seat: str) -> Repair:
    """Who has the seats when whoever has this one declines it. Raises KeyError if nobody has it.

    Whoever can take it gets it; only if nobody can, one other seat changes hands, or two, but none that somebody agreed
    to by hand. Seats that are published may be among them: their holders must be asked.
    """
    member = holders[seat]
    without = replace(instance, declined=instance.declined | {(member, seat)})
    sheet = sheet_of(without, {one: who for one, who in holders.items() if one != seat})
    table = sheet.table
    at = table.place[seat]
    chain, _ = rostering.chain_for(sheet, at, depth=REPAIR_DEPTH, movable=lambda other: other not in sheet.pinned)
    if chain is None:
        alone = Change(seat=seat, before=member, after=None, why="freed", reason="declined")
        left = {one: who for one, who in holders.items() if one != seat}
        return Repair(holders=left, changes=(alone,), empty=rostering.why_empty(sheet, at))
    after = {table.seats[one].id: table.members[who].id for one, who in chain}
    changes = [
        Change(seat=one, before=holders[one], after=who, why="freed", reason="declined")
        if one == seat
        else Change(seat=one, before=holders[one], after=who, why="made room")
        for one, who in after.items()
    ]
    changes.sort(key=lambda one: (one.seat != seat, one.seat))
    return Repair(holders={**holders, **after}, changes=tuple(changes), empty=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Two or three members give each other a seat: pairs of seat and who gets it, whoever asked gets the last one.

    `worth`: how much fairer the plan becomes with it, in thousandths of a level; below zero: less fair. Squares count,
    so one who is far from the level counts more.
    """

    gives: tuple[tuple[str, str], ...]
    worth: int


def swaps(instance: Instance, holders: Mapping[str, str], seat: str, *, most: int = SWAPS_MAX) -> tuple[Swap, ...]:
    """Swaps that whoever has this seat can propose, those of two before those of three, the fairest first.

    Everybody can take what they get beside all else they have. Nobody gets a seat of the shift that they leave, and no
    two swaps are with the same people. Raises KeyError if nobody has the seat.
    """
    holders[seat]
    sheet = sheet_of(instance, holders)
    table = sheet.table
    at = table.place[seat]
    member = sheet.holder[at]
    found: dict[frozenset[int], tuple[int, int, tuple[tuple[int, int], ...]]] = {}
    for price, gives in (*_of_two(sheet, at, member), *_of_three(sheet, at, member)):
        people = frozenset(who for _, who in gives)
        option = (len(gives), price, gives)
        if people not in found or option < found[people]:
            found[people] = option
    return tuple(
        Swap(
            gives=tuple((table.seats[one].id, table.members[who].id) for one, who in gives),
            worth=-price * 1000 // rostering.SCALE,
        )
        for _, price, gives in sorted(found.values())[:most]
    )


Given = tuple[tuple[int, int], ...]


def _of_two(sheet: Sheet, at: int, member: int) -> Iterator[tuple[int, Given]]:
    table = sheet.table
    for other in table.can[at]:
        if other == member:
            continue
        for back in list(sheet.own[other]):
            if table.may[back][member] and table.shift[back] != table.shift[at]:
                gives = ((at, other), (back, member))
                price = _tried(sheet, gives)
                if price is not None:
                    yield price, gives


def _of_three(sheet: Sheet, at: int, member: int) -> Iterator[tuple[int, Given]]:
    table, looked = sheet.table, 0
    backs = [
        back
        for back, may in enumerate(row[member] for row in table.may)
        if may and sheet.holder[back] not in (-1, member) and table.shift[back] != table.shift[at]
    ]
    for second in table.can[at]:
        if second == member:
            continue
        for middle in list(sheet.own[second]):
            for back in backs:
                third = sheet.holder[back]
                looked += 1
                if looked > LOOKED_AT_MAX:
                    return
                if third == second or not table.may[middle][third] or table.shift[middle] == table.shift[back]:
                    continue
                gives = ((at, second), (middle, third), (back, member))
                price = _tried(sheet, gives)
                if price is not None:
                    yield price, gives


def _tried(sheet: Sheet, gives: Given) -> int | None:
    """What it costs if these seats go to these members; None: they cannot. The sheet is left as it was."""
    before = [(at, sheet.take(at)) for at, _ in gives]
    price, put = 0, []
    for at, who in before:
        price -= sheet.price(at, who)
        sheet.put(at, who)
    for at, _ in before:
        sheet.take(at)
    for at, who in gives:
        if sheet.hindrance(at, who) is not None:
            break
        price += sheet.price(at, who)
        sheet.put(at, who)
        put.append(at)
    for at in put:
        sheet.take(at)
    for at, who in before:
        sheet.put(at, who)
    return price if len(put) == len(gives) else None
