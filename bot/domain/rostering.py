"""How a rota is planned: roles first, then the scarcest seats, ejection chains to fill, moves and swaps to the level.

Pure and deterministic: whole numbers only, ties decided by the seed, and it stops on a count of moves, never on a
clock, so the same instance gives the same plan everywhere. The measurements behind it stand in docs/rota.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Literal

from bot.domain import fairness, lot, rotation
from bot.domain.rotation import PRIVATE, Instance, Reason, Seat, Stage

SCALE = 10**15
"""What it costs if one member is a whole level away from what is due to them; the square of the distance counts."""
PRICES: Mapping[Stage, int] = {"frozen": SCALE // 20, "firm": SCALE // 100, "draft": SCALE // 500}
"""What it costs to give a seat that has somebody to somebody else."""
LIKED, DISLIKED = -SCALE // 2000, SCALE // 500

CHAIN_DEPTH = 3
"""So many seats of others may change hands so that an empty one is filled."""
REPAIR_DEPTH = 2
"""The same when one seat is declined: nobody's plans are turned over for that."""
EMPTY_MAX = 50
"""With more empty seats than this, none is given up for two others."""
LOOKED_AT_MAX, LOOKED_AT_IN_ALL_MAX = 10_000, 200_000
"""So many ways are looked at for one empty seat, and for all of them together."""
TRIES_PER_SEAT, TRIES_MIN, TRIES_MAX = 1_500, 5_000, 450_000
HEAT = SCALE // 200
"""At first a move may make the plan worse by so much; then by less and less."""
COOLING_STEPS = 200

_MODULUS, _FACTOR = 2_147_483_647, 48_271  # Park and Miller 1993: no chance, only a spread that is the same everywhere


Why = Literal["filled", "freed", "made room", "fairer"]
"""Why a seat changes hands: it was `filled`; its holder cannot take it any more (`freed`; see `Change.reason`); it was
moved so that an empty one could be filled (`made room`), or so that the burden is shared better (`fairer`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A seat that has another member than before. None: nobody."""

    seat: str
    before: str | None
    after: str | None
    why: Why
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """A seat that nobody can fill. `reasons`: how many members cannot take it for which reason, most first, each member
    counted once; private ones are told as None ("cannot"). `main`: the one to name first."""

    seat: str
    main: Reason | None
    reasons: tuple[tuple[Reason | None, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who has which seat: `holders` by seat. `tried`: how many moves were tried."""

    holders: Mapping[str, str]
    empty: tuple[Empty, ...]
    changes: tuple[Change, ...]
    tried: int


class Table:
    """An instance made ready for looking up: members and seats by number, in an order that does not depend on theirs
    in the instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.members = sorted(instance.members, key=lambda one: (_drawn(instance.seed, one.id), one.id))
        self.seats = sorted(instance.seats, key=lambda one: (one.at, one.id))
        self.number = {one.id: at for at, one in enumerate(self.members)}
        self.place = {one.id: at for at, one in enumerate(self.seats)}
        self.burden = [one.burden for one in self.seats]
        self.power = [one.power for one in self.seats]
        self.minutes = [one.minutes for one in self.seats]
        self.held = {self.place[one.seat]: one for one in instance.held}
        self.before = [-1] * len(self.seats)
        for at, held in self.held.items():
            self.before[at] = self.number[held.member]
        self.clash = _clashes(self.seats, instance.terms.rest_minutes)
        monday = instance.start - timedelta(days=instance.start.weekday())
        # What takes longer than a week, such as a role, fills nobody's week.
        self.week = [
            (one.local.date() - monday).days // 7
            if one.until is None or one.until - one.local <= timedelta(days=7)
            else -1
            for one in self.seats
        ]
        self.weeks = max(self.week, default=0) + 1
        self.why = [
            [rotation.barred(member, seat, instance.declined) for member in self.members] for seat in self.seats
        ]
        self.may = [bytearray(reason is None for reason in row) for row in self.why]
        self.can = [[at for at, may in enumerate(row) if may] for row in self.may]
        shifts = {shift: at for at, shift in enumerate(sorted({one.shift for one in self.seats}))}
        self.shift = [shifts[one.shift] for one in self.seats]
        self.foes = [0] * len(self.members)
        for at, member in enumerate(self.members):
            for other in member.not_with:
                if other in self.number:
                    self.foes[at] |= 1 << self.number[other]
                    self.foes[self.number[other]] |= 1 << at
        self.roles = {role.task: role for role in instance.roles}
        self.hours_max = [rotation.minutes_max(instance, one) for one in self.members]
        self.bounded = [
            one.week_minutes_max is not None or one.week_seats_max is not None or bool(one.task_seats_max)
            for one in self.members
        ]
        self._weigh()
        self.cost = [self._costs(at) for at in range(len(self.seats))]

    def _weigh(self) -> None:
        weights = [rotation.weight(self.instance, one) for one in self.members]
        # What nobody can ever do is no work to share out.
        doable = [at for at, can in enumerate(self.can) if can]
        percent = self.instance.terms.empowerment_percent
        self.stands: list[list[int]]
        self.due: list[list[int]] = []
        self.quota: list[list[int]] = []
        self.steep: list[list[int]] = []
        self.stands = []
        for carried in (
            {one.id: one.burden for one in self.members},
            {one.id: one.empowerment for one in self.members},
        ):
            order = [one.id for one in self.instance.members]
            credit = dict(zip(order, fairness.credited(self.instance, [carried[one] for one in order]), strict=True))
            self.stands.append([carried[one.id] + credit[one.id] for one in self.members])
        for points, stands, scale in (
            (self.burden, self.stands[0], SCALE),
            (self.power, self.stands[1], SCALE * percent // 100),
        ):
            level = fairness.level(list(zip(weights, stands, strict=True)), sum(points[at] for at in doable))
            due = [level.due(weight) for weight in weights]
            self.due.append(due)
            # Whoever is above the level already is not to blame for it: they stand where they stand.
            self.quota.append([max(0, all_ - own) for all_, own in zip(due, stands, strict=True)])
            self.steep.append([scale // (all_ * all_) if all_ else 0 for all_ in due])

    def _costs(self, at: int) -> list[int]:
        task, held, before = self.seats[at].task, self.held.get(at), self.before[at]
        price = PRICES[held.stage] if held else 0
        return [
            (LIKED if task in one.likes else 0)
            + (DISLIKED if task in one.dislikes else 0)
            + (price if number != before else 0)
            for number, one in enumerate(self.members)
        ]


def _drawn(seed: str, member: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{member}".encode()).digest()


def _clashes(seats: Sequence[Seat], rest_minutes: int) -> list[int]:
    """For each seat, as bits: those that nobody can hold beside it, itself among them. Sorted by when they begin."""
    found = [1 << at for at in range(len(seats))]
    rest = timedelta(minutes=rest_minutes)
    running: list[tuple[int, Seat]] = []
    together: dict[str, list[int]] = {}
    for at, seat in enumerate(seats):
        together.setdefault(seat.shift, []).append(at)
        if seat.until is not None:
            continue
        running = [(other, one) for other, one in running if one.at + timedelta(minutes=one.minutes) + rest > seat.at]
        for other, _ in running:
            found[at] |= 1 << other
            found[other] |= 1 << at
        running.append((at, seat))
    for crew in together.values():
        bits = sum(1 << at for at in crew)
        for at in crew:
            found[at] |= bits
    return found


class Sheet:
    """Who has which seat while it is being planned, and what that means for everybody."""

    def __init__(self, table: Table) -> None:
        self.table = table
        count = len(table.members)
        self.holder = [-1] * len(table.seats)
        self.own: list[list[int]] = [[] for _ in range(count)]
        self.bits = [0] * count
        # How far above (or below) what is due everybody stands.
        self.burden = [-quota for quota in table.quota[0]]
        self.power = [-quota for quota in table.quota[1]]
        self.minutes = [0] * count
        self.week_minutes = [[0] * (table.weeks + 1) for _ in range(count)]
        self.week_seats = [[0] * (table.weeks + 1) for _ in range(count)]
        self.crew = [0] * (max(table.shift, default=0) + 1)
        self.pinned: set[int] = set()

    def put(self, at: int, member: int) -> None:
        """Give an empty seat to somebody."""
        table = self.table
        assert self.holder[at] < 0
        self.holder[at] = member
        self.own[member].append(at)
        self.bits[member] |= 1 << at
        self.burden[member] += table.burden[at]
        self.power[member] += table.power[at]
        self.minutes[member] += table.minutes[at]
        self.week_minutes[member][table.week[at]] += table.minutes[at]
        self.week_seats[member][table.week[at]] += 1
        self.crew[table.shift[at]] |= 1 << member

    def take(self, at: int) -> int:
        """Take a seat from whoever has it."""
        table, member = self.table, self.holder[at]
        assert member >= 0
        self.holder[at] = -1
        self.own[member].remove(at)
        self.bits[member] ^= 1 << at
        self.burden[member] -= table.burden[at]
        self.power[member] -= table.power[at]
        self.minutes[member] -= table.minutes[at]
        self.week_minutes[member][table.week[at]] -= table.minutes[at]
        self.week_seats[member][table.week[at]] -= 1
        self.crew[table.shift[at]] ^= 1 << member
        return member

    def hindrance(self, at: int, member: int, *, agreed: bool = False) -> Reason | None:
        """Why somebody who may take an empty seat cannot now; None: they can. `agreed`: they said yes to it."""
        table = self.table
        if self.bits[member] & table.clash[at]:
            return "busy"
        if table.foes[member] & self.crew[table.shift[at]]:
            return "not with"
        if not agreed:
            reason = self._full(at, member)
            if reason is not None:
                return reason
        role = table.roles.get(table.seats[at].task)
        if role and not rotation.rested([*self.turns(member, role.task), table.seats[at].turn or 0], role):
            return "cool-down"
        return None

    def _full(self, at: int, member: int) -> Reason | None:
        table = self.table
        if self.minutes[member] + table.minutes[at] > table.hours_max[member]:
            return "hours"
        if table.bounded[member]:
            who, week = table.members[member], table.week[at]
            if week >= 0:
                most, seats = who.week_minutes_max, who.week_seats_max
                if most is not None and self.week_minutes[member][week] + table.minutes[at] > most:
                    return "week"
                if seats is not None and self.week_seats[member][week] >= seats:
                    return "week"
            task = table.seats[at].task
            for capped, most_of in who.task_seats_max:
                if capped == task and self._of(member, task) >= most_of:
                    return "task"
        return None

    def fits(self, at: int, member: int) -> bool:
        """Whether somebody can take an empty seat."""
        return bool(self.table.may[at][member]) and self.hindrance(at, member) is None

    def _of(self, member: int, task: str) -> int:
        return sum(1 for at in self.own[member] if self.table.seats[at].task == task)

    def turns(self, member: int, task: str) -> Iterator[int]:
        """The terms of a role that somebody has had, and those that they are to have."""
        for served, turn in self.table.members[member].served:
            if served == task:
                yield turn
        for at in self.own[member]:
            seat = self.table.seats[at]
            if seat.task == task and seat.turn is not None:
                yield seat.turn

    def price(self, at: int, member: int) -> int:
        """How much worse (or, below zero, better) the plan becomes if this empty seat goes to them."""
        table = self.table
        burden, power = table.burden[at], table.power[at]
        return (
            table.cost[at][member]
            + table.steep[0][member] * burden * (2 * self.burden[member] + burden)
            + table.steep[1][member] * power * (2 * self.power[member] + power)
        )

    def total(self) -> int:
        """What the whole plan costs; empty seats left out."""
        table = self.table
        return (
            sum(steep * off * off for steep, off in zip(table.steep[0], self.burden, strict=True))
            + sum(steep * off * off for steep, off in zip(table.steep[1], self.power, strict=True))
            + sum(table.cost[at][member] for at, member in enumerate(self.holder) if member >= 0)
        )

    def put_all(self, holder: Sequence[int]) -> None:
        """Make it what it was at another time."""
        for at, member in enumerate(holder):
            if self.holder[at] != member and self.holder[at] >= 0:
                self.take(at)
        for at, member in enumerate(holder):
            if self.holder[at] != member and member >= 0:
                self.put(at, member)


# --- what is settled already ---------------------------------------------------------------------------------------


def lawful(sheet: Sheet, at: int, member: int, *, agreed: bool) -> Reason | None:
    """Why somebody who has a seat cannot keep it (`at` is empty in the sheet); None: they keep it."""
    table = sheet.table
    reason = rotation.barred(table.members[member], table.seats[at], table.instance.declined, agreed=agreed)
    return reason or sheet.hindrance(at, member, agreed=agreed)


def _settle(sheet: Sheet) -> dict[int, Reason]:
    """Put in what is settled, the firmest first; what cannot stay is told with its reason."""
    table = sheet.table
    freed: dict[int, Reason] = {}
    order = sorted(table.held.items(), key=lambda one: (not one[1].agreed, rotation.STAGES.index(one[1].stage), one[0]))
    for at, held in order:
        if held.agreed or held.stage == "frozen":
            _keep(sheet, at, freed)
    # A role comes before what is not settled yet: nobody misses it for a draft.
    _seat_terms(sheet)
    for at, held in order:
        if not held.agreed and held.stage != "frozen" and sheet.holder[at] < 0:
            _keep(sheet, at, freed)
    return freed


def _keep(sheet: Sheet, at: int, freed: dict[int, Reason]) -> None:
    held = sheet.table.held[at]
    member = sheet.table.number[held.member]
    reason = lawful(sheet, at, member, agreed=held.agreed)
    if reason is not None:
        freed[at] = reason
        return
    sheet.put(at, member)
    if held.agreed or held.stage == "frozen":
        sheet.pinned.add(at)


# --- roles -----------------------------------------------------------------------------------------------------------


def terms_of(table: Table) -> dict[tuple[str, int, int], list[int]]:
    """The seats of each term of a role, earliest term first: by task, number of the term, and which of the seats of a
    shift it is. Seats where it is learnt are filled like others."""
    found: dict[tuple[str, int, int], list[int]] = {}
    beside: Counter[int] = Counter()
    for at, seat in enumerate(table.seats):
        if seat.turn is not None and not seat.trainee:
            found.setdefault((seat.task, seat.turn, beside[table.shift[at]]), []).append(at)
            beside[table.shift[at]] += 1
    return found


def takes(sheet: Sheet, seats: Sequence[int], member: int) -> list[int]:
    """Which of these empty seats of a term somebody can take, all of them together."""
    got = []
    for at in seats:
        if sheet.fits(at, member):
            sheet.put(at, member)
            got.append(at)
    for at in got:
        sheet.take(at)
    return got


def in_order(sheet: Sheet, seats: Sequence[int], *, members: Collection[int] | None = None) -> list[int]:
    """Who can take these empty seats of one term, whose turn it is first.

    Whoever can take most of them comes first; among those, by lot, or who has had the least empowering work for their
    share; where that is equal, who had it longest ago. `members`: only these.
    """
    table = sheet.table
    seat = table.seats[seats[0]]
    role, turn = table.roles[seat.task], seat.turn or 0
    announced = dict(role.announced).get(turn, table.instance.seed)
    can = {at: len(takes(sheet, seats, at)) for at in (range(len(table.members)) if members is None else members)}

    def first(member: int) -> tuple[int, bytes | Fraction, int, int]:
        if role.lot:
            return -can[member], lot.ticket(announced, turn, table.members[member].id), 0, member
        due = table.due[1][member]
        had = table.stands[1][member] + sum(table.power[at] for at in sheet.own[member])
        last = max((one for one in sheet.turns(member, role.task) if one < turn), default=-(10**9))
        return -can[member], Fraction(had, due) if due else Fraction(10**9), last, member

    return sorted((member for member, count in can.items() if count), key=first)


def _seat_terms(sheet: Sheet) -> None:
    """Give each term to whoever has some of it already, else to whose turn it is. They keep it while others move."""
    table = sheet.table
    for seats in terms_of(table).values():
        had = [sheet.holder[at] for at in seats if sheet.holder[at] >= 0]
        had += [table.before[at] for at in seats if sheet.holder[at] < 0 and table.before[at] >= 0]
        while empty := [at for at in seats if sheet.holder[at] < 0]:
            there = [member for member in dict.fromkeys(had) if takes(sheet, empty, member)]
            whose = there or in_order(sheet, empty)
            if not whose:
                break
            for at in takes(sheet, empty, whose[0]):
                sheet.put(at, whose[0])
                sheet.pinned.add(at)


# --- filling -------------------------------------------------------------------------------------------------------

Chain = tuple[tuple[int, int], ...]
"""Seats and who gets them, the empty one last: each one's old holder is who gets the next."""


def _best(sheet: Sheet, at: int) -> int | None:
    prices = [(sheet.price(at, one), one) for one in sheet.table.can[at] if sheet.hindrance(at, one) is None]
    return min(prices)[1] if prices else None


def _fill(sheet: Sheet, room: dict[int, int]) -> int:
    """Fill what is empty, the scarcest seat first. How many ways were looked at.

    `room` gets the seats that somebody gave up for that, and who has them now.
    """
    table = sheet.table
    empty = [at for at, member in enumerate(sheet.holder) if member < 0 and table.can[at]]
    # Seats where something is learnt come last: nobody is kept from the work by them.
    empty.sort(key=lambda at: (table.seats[at].trainee, len(table.can[at]), -table.burden[at], at))
    looked, left = 0, []
    for at in empty:
        member = _best(sheet, at)
        looked += len(table.can[at])
        if member is None:
            left.append(at)
        else:
            sheet.put(at, member)
    hopeless: set[tuple[int, str | None, bool]] = set()
    for at in left:
        # What one seat of a shift could not get, one like it beside it cannot either.
        like = (table.shift[at], table.seats[at].skill, table.seats[at].trainee)
        if like in hopeless or looked >= LOOKED_AT_IN_ALL_MAX:
            continue
        chain, seen = chain_for(sheet, at, depth=CHAIN_DEPTH, movable=lambda other: other not in sheet.pinned)
        looked += seen
        if chain is None:
            hopeless.add(like)
        else:
            carry_out(sheet, chain)
            room.update(chain[:-1])
    return looked


def _complete(sheet: Sheet, room: dict[int, int]) -> int:
    """Fill as many seats as can be. How many ways were looked at; `room`: as in `_fill`."""
    looked = _fill(sheet, room)
    traded, seen = _trade(sheet)
    return looked + seen + (_fill(sheet, room) if traded else 0)


def _trade(sheet: Sheet) -> tuple[bool, int]:
    """Give up a seat that nobody had before where its holder can fill two empty ones instead.

    Whether there was one, and how many ways were looked at.
    """
    table, looked, traded = sheet.table, 0, False
    empty = {at for at, who in enumerate(sheet.holder) if who < 0 and table.can[at] and not table.seats[at].trainee}
    if not 1 < len(empty) <= EMPTY_MAX:
        return False, 0
    for at in range(len(table.seats)):
        settled = table.before[at] >= 0 or at in sheet.pinned
        if sheet.holder[at] < 0 or settled or looked >= LOOKED_AT_IN_ALL_MAX:
            continue
        member = sheet.take(at)
        filled = []
        for other in sorted(empty):
            looked += 1
            # Only whoever gave up a seat can take more than before.
            if sheet.fits(other, member):
                sheet.put(other, member)
                filled.append(other)
        if len(filled) > 1:
            empty, traded = (empty - {*filled}) | {at}, True
            continue
        for other in filled:
            sheet.take(other)
        sheet.put(at, member)
    return traded, looked


def chain_for(sheet: Sheet, at: int, *, depth: int, movable: Callable[[int], bool]) -> tuple[Chain | None, int]:
    """The best way to fill an empty seat with as few others changing hands as can be, and how many ways were seen.

    At most `depth` others. The sheet is left as it was.
    """
    ways = _Ways(sheet, movable)
    for others in range(depth + 1):
        found = ways.chains(at, -1, others, frozenset({at}))
        if found is not None:
            return found[1], ways.looked
    return None, ways.looked


class _Ways:
    """The ways to fill one seat. What could not be placed once is not tried again with as many others or fewer: that
    is not quite exact, but it keeps a hopeless seat from costing more than all others together."""

    def __init__(self, sheet: Sheet, movable: Callable[[int], bool]) -> None:
        self.sheet, self.movable = sheet, movable
        self.looked = 0
        self.hopeless: dict[int, int] = {}

    def chains(self, at: int, giver: int, others: int, used: frozenset[int]) -> tuple[int, Chain] | None:
        """The best chain with exactly so many others that begins here, and its price."""
        best: tuple[int, Chain] | None = None
        sheet = self.sheet
        for member in sheet.table.can[at]:
            if self.looked >= LOOKED_AT_MAX:
                break
            self.looked += 1
            if member == giver:
                continue
            if not others:
                if sheet.hindrance(at, member) is None:
                    found: tuple[int, Chain] = (sheet.price(at, member), ((at, member),))
                    best = found if best is None or found < best else best
                continue
            for other in list(sheet.own[member]):
                if other in used or not self.movable(other) or self.hopeless.get(other, -1) >= others - 1:
                    continue
                self.looked += 1
                sheet.take(other)
                back = sheet.price(other, member)
                if sheet.hindrance(at, member) is None:
                    own = sheet.price(at, member)
                    sheet.put(at, member)
                    further = self.chains(other, member, others - 1, used | {other})
                    sheet.take(at)
                    if further is None:
                        self.hopeless[other] = others - 1
                    else:
                        found = (own - back + further[0], (*further[1], (at, member)))
                        best = found if best is None or found < best else best
                sheet.put(other, member)
        return best


def carry_out(sheet: Sheet, chain: Chain) -> None:
    """Do what a chain says."""
    for at, _ in chain:
        if sheet.holder[at] >= 0:
            sheet.take(at)
    for at, member in chain:
        sheet.put(at, member)


# --- sharing better ------------------------------------------------------------------------------------------------


class Search:
    """Moves and swaps on a sheet: first with some heat, so that it does not stick where it began, then downhill."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.tried = 0
        self.movable: list[int] = []
        self.look_again()
        self.bit = [1 << at for at in range(len(sheet.holder))]
        self.draw = int.from_bytes(_drawn(sheet.table.instance.seed, "")[:3], "big") + 1

    def look_again(self) -> None:
        """Which seats can be moved, after some have been filled or given up."""
        holder, pinned = self.sheet.holder, self.sheet.pinned
        self.movable = [at for at, member in enumerate(holder) if member >= 0 and at not in pinned]

    def heated(self, tries: int) -> None:
        """Try so many moves, drawn in an order that depends on the seed only; accept what is not much worse.

        Threshold accepting: Dueck and Scheuer 1990.
        """
        sheet, table = self.sheet, self.sheet.table
        movable, holder, own, pinned = self.movable, sheet.holder, sheet.own, sheet.pinned
        can, may, cost = table.can, table.may, table.cost
        burdens, powers, off_burden, off_power = table.burden, table.power, sheet.burden, sheet.power
        steep_burden, steep_power = table.steep
        count, draw = len(movable), self.draw
        if not count:
            return
        for left in reversed(range(COOLING_STEPS)):
            heat = HEAT * left**3 // COOLING_STEPS**3
            for _ in range(tries // COOLING_STEPS):
                draw = draw * _FACTOR % _MODULUS
                at = movable[draw % count]
                member = holder[at]
                others = can[at]
                draw = draw * _FACTOR % _MODULUS
                other = others[draw % len(others)]
                if other == member:
                    continue
                burden, power = burdens[at], powers[at]
                change = cost[at][other] - cost[at][member]
                theirs = own[other]
                back = -1
                draw = draw * _FACTOR % _MODULUS
                if theirs and draw & 3:
                    back = theirs[(draw >> 2) % len(theirs)]
                    if back in pinned or not may[back][member]:
                        continue
                    burden -= burdens[back]
                    power -= powers[back]
                    change += cost[back][member] - cost[back][other]
                change += steep_burden[other] * burden * (2 * off_burden[other] + burden)
                change -= steep_burden[member] * burden * (2 * off_burden[member] - burden)
                change += steep_power[other] * power * (2 * off_power[other] + power)
                change -= steep_power[member] * power * (2 * off_power[member] - power)
                if change <= heat:
                    self._exchange(at, back) if back >= 0 else self._move(at, other)
        self.tried += tries
        self.draw = draw

    def _move(self, at: int, other: int) -> bool:
        sheet = self.sheet
        if sheet.bits[other] & sheet.table.clash[at]:
            return False
        member = sheet.take(at)
        if sheet.hindrance(at, other) is None:
            sheet.put(at, other)
            return True
        sheet.put(at, member)
        return False

    def _exchange(self, at: int, back: int) -> bool:
        sheet, clash, bits = self.sheet, self.sheet.table.clash, self.sheet.bits
        member, other = sheet.holder[at], sheet.holder[back]
        if (bits[other] & ~self.bit[back]) & clash[at] or (bits[member] & ~self.bit[at]) & clash[back]:
            return False
        sheet.take(at)
        sheet.take(back)
        if sheet.hindrance(at, other) is None:
            sheet.put(at, other)
            if sheet.hindrance(back, member) is None:
                sheet.put(back, member)
                return True
            sheet.take(at)
        sheet.put(at, member)
        sheet.put(back, other)
        return False

    def downhill(self, tries: int) -> None:
        """Move and swap as long as anything gets better, or until so many moves are tried."""
        table, left = self.sheet.table, tries
        better = True
        while better and left > 0:
            better = False
            for at in self.movable:
                left -= len(table.can[at])
                better = self._relocated(at) or better
            if better:
                continue
            for at in self.movable:
                if left <= 0:
                    break
                seen, done = self._swapped(at)
                left -= seen
                better = done or better
        self.tried += tries - left

    def _relocated(self, at: int) -> bool:
        """Give a seat to whoever it fits best, if that is better than now."""
        sheet, member = self.sheet, self.sheet.holder[at]
        sheet.take(at)
        now = sheet.price(at, member)
        options = sorted((price, one) for one in sheet.table.can[at] if (price := sheet.price(at, one)) < now)
        chosen = next((one for _, one in options if sheet.hindrance(at, one) is None), member)
        sheet.put(at, chosen)
        return chosen != member

    def _swapped(self, at: int) -> tuple[int, bool]:
        """Swap a seat for the first one with which that is better."""
        sheet, table = self.sheet, self.sheet.table
        member, seen = sheet.holder[at], 0
        steep_burden, steep_power = table.steep
        for other in table.can[at]:
            if other == member:
                continue
            mine_b, theirs_b = 2 * sheet.burden[member], 2 * sheet.burden[other]
            mine_p, theirs_p = 2 * sheet.power[member], 2 * sheet.power[other]
            given = table.cost[at][other] - table.cost[at][member]
            for back in sheet.own[other]:
                seen += 1
                if not table.may[back][member] or back in sheet.pinned:
                    continue
                burden = table.burden[at] - table.burden[back]
                power = table.power[at] - table.power[back]
                change = (
                    given
                    + table.cost[back][member]
                    - table.cost[back][other]
                    + steep_burden[other] * burden * (theirs_b + burden)
                    - steep_burden[member] * burden * (mine_b - burden)
                    + steep_power[other] * power * (theirs_p + power)
                    - steep_power[member] * power * (mine_p - power)
                )
                if change < 0 and self._exchange(at, back):
                    return seen, True
        return seen, False


def plan(instance: Instance) -> Plan:
    """The plan of an instance: always the same for the same instance.

    What is frozen, or agreed by hand, stays where it is as long as it is lawful; everything else may change hands at
    its price. Nobody ever gets a seat that they cannot take.
    """
    table = Table(instance)
    sheet = Sheet(table)
    freed, room = _settle(sheet), dict[int, int]()
    looked = _complete(sheet, room)
    search = Search(sheet)
    tries = instance.terms.moves_max
    if tries is None:
        tries = min(max(TRIES_PER_SEAT * len(search.movable), TRIES_MIN), TRIES_MAX)
    # What was there stays unless it gets better: so also without any heat.
    search.downhill(tries // 4)
    calm = (sheet.holder.count(-1), sheet.total(), list(sheet.holder))
    search.heated(tries)
    looked += _complete(sheet, room)
    search.look_again()
    search.downhill(tries // 2)
    if (sheet.holder.count(-1), sheet.total()) >= calm[:2]:
        sheet.put_all(calm[2])
    return Plan(
        holders={table.seats[at].id: table.members[member].id for at, member in enumerate(sheet.holder) if member >= 0},
        empty=tuple(why_empty(sheet, at) for at, member in enumerate(sheet.holder) if member < 0),
        changes=tuple(_changes(table, sheet.holder, freed=freed, room=room)),
        tried=looked + search.tried,
    )


def _changes(
    table: Table, holder: Sequence[int], *, freed: Mapping[int, Reason], room: Mapping[int, int]
) -> Iterator[Change]:
    for at, (before, after) in enumerate(zip(table.before, holder, strict=True)):
        if before == after:
            continue
        why: Why = "fairer"
        if before < 0:
            why = "filled"
        elif at in freed:
            why = "freed"
        elif room.get(at) == after:
            why = "made room"
        yield Change(
            seat=table.seats[at].id,
            before=table.members[before].id if before >= 0 else None,
            after=table.members[after].id if after >= 0 else None,
            why=why,
            reason=freed.get(at),
        )


def why_empty(sheet: Sheet, at: int) -> Empty:
    """Why nobody can fill this seat."""
    table = sheet.table
    assert sheet.holder[at] < 0
    found: Counter[Reason] = Counter()
    for member in range(len(table.members)):
        reason = table.why[at][member] or sheet.hindrance(at, member)
        # None: only because too many others would have to change.
        found[reason or "busy"] += 1
    told: Counter[Reason | None] = Counter()
    for reason, count in found.items():
        told[None if reason in PRIVATE else reason] += count
    ordered = sorted(told.items(), key=lambda one: (-one[1], one[0] or ""))
    # That most people lack the skill is no news if somebody has it: then what keeps those matters.
    lacking = {"skill", "not learning", "not here", "no share"}
    main = next((reason for reason, _ in ordered if reason not in lacking), ordered[0][0] if ordered else None)
    return Empty(seat=table.seats[at].id, main=main, reasons=tuple(ordered))
