"""Our planner of rotas side by side with the usual rules and with a solver of integer programs (HiGHS)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from bot.domain import fairness, rostering, rotation, turns
from bot.domain.rotation import Holding, Instance, Member, Seat, Slot

START = date(2026, 12, 7)
DAYS = 56
FULL_PERCENT = 72
"""So much of the hours that are agreed on is to be done."""
SKILLS = ("kitchen", "van", "first aid", "books", "chair", "children")


def instance(members: int, seed: int) -> Instance:
    """A committee of so many members, planned for 8 weeks: unequal history, skills, absences, joiners, vetoes.

    Recurring tasks are added until 72 % of the agreed hours are needed; each at a time when at least two more could
    come than it needs, as a committee would choose it. Somebody's past lies between 0.4 and 1.6 of what would have been
    even.
    """
    chance = random.Random(f"{members}/{seed}")
    shares = [chance.choice((240, 360, 480, 600, 720, 960, 1200)) for _ in range(members)]
    tasks = [f"task {number}" for number in range(members * 6 // 5 + 6)]
    people = _members(chance, shares, tasks)
    seats = _seats(chance, tasks, people, sum(shares) * DAYS // 30 * FULL_PERCENT // 100)
    burden, power, hours = sum(one.burden for one in seats), sum(one.power for one in seats), sum(shares)
    for at, one in enumerate(people):
        past = chance.uniform(0.4, 1.6) * (((START - one.joined).days / DAYS) if one.joined else 1)
        part = past * one.share_minutes / hours
        people[at] = replace(one, burden=int(part * burden), empowerment=int(part * power))
    return Instance(start=START, days=DAYS, members=tuple(people), seats=tuple(seats), seed=f"bench {seed}")


def _seats(chance: random.Random, tasks: list[str], people: list[Member], wanted: int) -> list[Seat]:
    seats: list[Seat] = []
    planned, round_ = 0, 0
    while planned < wanted:
        task = tasks[round_ % len(tasks)]
        round_ += 1
        first = datetime.combine(START, datetime.min.time()) + timedelta(days=chance.randrange(7))
        first += timedelta(hours=chance.choice((7, 9, 10, 13, 15, 18, 19, 20)))
        crew, every = chance.choice((1, 1, 2, 2, 3)), chance.choice((1, 1, 1, 2, 4))
        seat = Seat(
            id="",
            shift="",
            task=task,
            local=first,
            at=first.replace(tzinfo=UTC),
            minutes=chance.choice((60, 60, 90, 120, 120, 180)),
            onerousness=chance.randint(1, 5),
            empowerment=chance.randint(1, 5),
            skill=chance.choice(SKILLS) if chance.random() < 0.3 else None,
        )
        if sum(1 for one in people if rotation.barred(replace(one, away=()), seat) is None) < crew + 2:
            continue
        for week in range(chance.randrange(every), DAYS // 7, every):
            local = first + timedelta(days=7 * week)
            shift = f"{task}/{round_}/{local:%m-%d}"
            seats += [
                replace(seat, id=f"{shift}/{place}", shift=shift, local=local, at=local.replace(tzinfo=UTC))
                for place in range(crew)
            ]
            planned += crew * seat.minutes
    return seats


def _members(chance: random.Random, shares: list[int], tasks: list[str]) -> list[Member]:
    people = []
    for number, share in enumerate(shares):
        available: frozenset[Slot] = frozenset(slot for slot in sorted(rotation.ALWAYS) if chance.random() < 0.6)
        away: tuple[tuple[date, date], ...] = ()
        if chance.random() < 0.2:
            first = START + timedelta(days=chance.randrange(DAYS - 14))
            away = ((first, first + timedelta(days=chance.choice((6, 13)))),)
        others = [f"m{other:03}" for other in range(len(shares)) if other != number]
        people.append(
            Member(
                id=f"m{number:03}",
                share_minutes=share,
                available=available,
                away=away,
                joined=START - timedelta(days=chance.randrange(1, 50)) if chance.random() < 0.1 else None,
                skills=frozenset(skill for skill in SKILLS if chance.random() < 0.4),
                likes=frozenset(task for task in tasks if chance.random() < 0.15),
                dislikes=frozenset(task for task in tasks if chance.random() < 0.15),
                vetoes=frozenset(task for task in tasks if chance.random() < 0.05),
                not_with=frozenset({chance.choice(others)}) if chance.random() < 0.08 else frozenset(),
                week_minutes_max=share * 3 // 4 if chance.random() < 0.5 else None,
            )
        )
    return people


# --- what all are measured by --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What one way of planning made of an instance. Spreads in levels; `score`: what HiGHS makes as low as it can."""

    empty: int
    burden: float
    empowerment: float
    gini: float
    score: float
    seconds: float
    illegal: int = 0


EMPTY_COST = 100
SPREAD_WEIGHT, DISLIKE_WEIGHT = 0.5, 0.05


def result(table: rostering.Table, holder: list[int], seconds: float) -> Result:
    """The figures of a plan: who (by number) has which seat (by number), -1 nobody."""
    names = {table.seats[at].id: table.members[one].id for at, one in enumerate(holder) if one >= 0}
    fair = fairness.fairness(table.instance, names)
    return Result(
        empty=holder.count(-1),
        burden=fair.burden.spread / 1000,
        empowerment=fair.empowerment.spread / 1000,
        gini=fair.burden.gini / 1000,
        score=score(table, holder),
        seconds=seconds,
        illegal=illegal(table, holder),
    )


def illegal(table: rostering.Table, holder: list[int]) -> int:
    """How many seats somebody has who cannot take them beside all others."""
    sheet = rostering.Sheet(table)
    sheet.put_all(holder)
    found = 0
    for at, member in enumerate(holder):
        if member >= 0:
            sheet.take(at)
            found += not sheet.fits(at, member)
            sheet.put(at, member)
    return found


def score(table: rostering.Table, holder: list[int]) -> float:
    """Mean distance from what is due + 0.5 x spread, of burden and (0.7) empowerment; dislikes; 100 / seats each empty.

    All in levels. It is linear, so that a solver of integer programs can aim at exactly this.
    """
    total = EMPTY_COST * holder.count(-1) / len(holder)
    total += (
        DISLIKE_WEIGHT
        * sum(table.seats[at].task in table.members[one].dislikes for at, one in enumerate(holder) if one >= 0)
        / len(holder)
    )
    for weight, points, carried, due in _dials(table):
        had = list(carried)
        for at, one in enumerate(holder):
            if one >= 0:
                had[one] += points[at]
        ratios = [own / all_ for own, all_ in zip(had, due, strict=True) if all_]
        total += weight * sum(abs(ratio - 1) for ratio in ratios) / len(ratios)
        total += weight * SPREAD_WEIGHT * (max(ratios) - min(ratios))
    return total


def _dials(table: rostering.Table) -> list[tuple[float, list[int], list[int], list[int]]]:
    return [
        (1.0, table.burden, table.stands[0], table.due[0]),
        (0.7, table.power, table.stands[1], table.due[1]),
    ]


# --- the usual rules -----------------------------------------------------------------------------------------------


def by_rule(table: rostering.Table, rule: str, seed: int) -> list[int]:
    """Plan seat by seat in the order of time, as other programs do; only those are asked who can take the seat.

    `random`; `round robin`: whoever comes next in the list; `least count`: whoever has had the fewest seats.
    """
    chance, sheet, last = random.Random(seed), rostering.Sheet(table), -1
    count = len(table.members)
    for at in range(len(table.seats)):
        possible = [one for one in table.can[at] if sheet.hindrance(at, one) is None]
        if not possible:
            continue
        if rule == "random":
            chosen = chance.choice(possible)
        elif rule == "round robin":
            chosen = min(possible, key=lambda one: (one - last - 1) % count)
            last = chosen
        else:
            chosen = min(possible, key=lambda one: (len(sheet.own[one]), one))
        sheet.put(at, chosen)
    return list(sheet.holder)


def ours(table: rostering.Table) -> tuple[list[int], float]:
    """Our plan and what it took: CPU seconds, from the bare instance on."""
    began = time.process_time()
    made = rostering.plan(table.instance)
    seconds = time.process_time() - began
    return [table.number[made.holders[one.id]] if one.id in made.holders else -1 for one in table.seats], seconds


# --- HiGHS ---------------------------------------------------------------------------------------------------------


def highs(table: rostering.Table, seconds: float, start: list[int] | None) -> tuple[list[int] | None, float, float]:
    """What HiGHS (MIT) finds in so many seconds, one thread: the plan, if any; CPU seconds; and the bound it proves."""
    import highspy

    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("time_limit", seconds)
    inf = highspy.kHighsInf
    began = time.process_time()
    costs: list[float] = []

    def column(cost: float, least: float, most: float) -> int:
        solver.addCol(cost, least, most, 0, [], [])
        costs.append(cost)
        return len(costs) - 1

    def row(least: float, most: float, terms: list[tuple[int, float]]) -> None:
        solver.addRow(least, most, len(terms), [one for one, _ in terms], [by for _, by in terms])

    count = len(table.seats)
    has: dict[tuple[int, int], int] = {}
    empty = []
    whole = []
    for at, seat in enumerate(table.seats):
        for one in table.can[at]:
            disliked = seat.task in table.members[one].dislikes
            has[at, one] = column(DISLIKE_WEIGHT * disliked / count, 0, 1)
            whole.append(has[at, one])
        empty.append(column(EMPTY_COST / count, 0, 1))
        row(1, 1, [(has[at, one], 1.0) for one in table.can[at]] + [(empty[at], 1.0)])
    for one, member in enumerate(table.members):
        mine = [at for at in range(count) if (at, one) in has]
        seen = set()
        for at in mine:
            # Seats in the order of time: those that clash with this one and begin no later than it does.
            clique = tuple(other for other in mine if other <= at and table.clash[at] >> other & 1)
            if len(clique) > 1 and clique not in seen:
                seen.add(clique)
                row(-inf, 1, [(has[other, one], 1.0) for other in clique])
        row(-inf, table.hours_max[one], [(has[at, one], float(table.minutes[at])) for at in mine])
        if member.week_minutes_max is not None:
            for week in range(table.weeks):
                terms = [(has[at, one], float(table.minutes[at])) for at in mine if table.week[at] == week]
                row(-inf, member.week_minutes_max, terms)
    _apart(table, has, row)
    guess = [0.0] * len(costs)
    if start is not None:
        for at, one in enumerate(start):
            guess[has[at, one] if one >= 0 else empty[at]] = 1.0
    people = [one for one, due in enumerate(table.due[0]) if due]
    for weight, points, carried, due in _dials(table):
        most, least = column(weight * SPREAD_WEIGHT, 0, inf), column(-weight * SPREAD_WEIGHT, 0, inf)
        had = {one: float(carried[one]) for one in people}
        for at, one in enumerate(start or []):
            if one in had:
                had[one] += points[at]
        guess += [max(had[one] / due[one] for one in people), min(had[one] / due[one] for one in people)]
        for one in people:
            over, under = column(weight / len(people), 0, inf), column(weight / len(people), 0, inf)
            terms = [(has[at, one], points[at] / due[one]) for at in range(count) if (at, one) in has]
            past = carried[one] / due[one]
            row(1 - past, 1 - past, [*terms, (over, -1.0), (under, 1.0)])
            row(-inf, -past, [*terms, (most, -1.0)])
            row(-past, inf, [*terms, (least, -1.0)])
            guess += [max(0.0, had[one] / due[one] - 1), max(0.0, 1 - had[one] / due[one])]
    for variable in whole:
        solver.changeColIntegrality(variable, highspy.HighsVarType.kInteger)
    if start is not None:
        hint = highspy.HighsSolution()
        hint.col_value = guess
        solver.setSolution(hint)
    solver.run()
    used = time.process_time() - began
    info = solver.getInfo()
    if info.primal_solution_status != 2:
        return None, used, 0.0
    values: Any = solver.getSolution().col_value
    holder = [-1] * count
    for (at, one), variable in has.items():
        if values[variable] > 0.5:
            holder[at] = one
    return holder, used, info.mip_dual_bound


def _apart(
    table: rostering.Table,
    has: Mapping[tuple[int, int], int],
    row: Callable[[float, float, list[tuple[int, float]]], None],
) -> None:
    """Those who do not serve together are on no shift together."""
    shifts: dict[int, list[int]] = {}
    for at, shift in enumerate(table.shift):
        shifts.setdefault(shift, []).append(at)
    for one, foes in enumerate(table.foes):
        for other in range(one + 1, len(table.members)):
            if foes >> other & 1:
                for seats in shifts.values():
                    terms = [(has[at, who], 1.0) for at in seats for who in (one, other) if (at, who) in has]
                    if len(terms) > 1:
                        row(-1e30, 1, terms)


# --- the runs ------------------------------------------------------------------------------------------------------

RULES = ("random", "round robin", "least count")


def run(sizes: list[int], seeds: int, solver_seconds: list[float]) -> None:
    """Print the medians of so many instances of each size; with HiGHS as long as asked, from our plan on."""
    for size in sizes:
        found: dict[str, list[Result]] = {}
        for seed in range(1, seeds + 1):
            table = rostering.Table(instance(size, seed))
            for rule in RULES:
                began = time.process_time()
                holder = by_rule(table, rule, seed)
                found.setdefault(rule, []).append(result(table, holder, time.process_time() - began))
            holder, seconds = ours(table)
            found.setdefault("Solibot", []).append(result(table, holder, seconds))
            for limit in solver_seconds:
                ways: list[tuple[str, list[int] | None]] = [(f"HiGHS {limit:g} s from our plan", holder)]
                if limit == min(solver_seconds):
                    ways.insert(0, (f"HiGHS {limit:g} s", None))
                for name, start in ways:
                    best, seconds, bound = highs(table, limit, start)
                    if best is not None:
                        found.setdefault(name, []).append(result(table, best, seconds))
                        print(f"    {size} members, seed {seed}, {name}: {found[name][-1]}, bound {bound:.3f}")
        _declines(size, seeds)
        seats = [len(instance(size, seed).seats) for seed in range(1, seeds + 1)]
        print(f"{size} members, {min(seats)} to {max(seats)} seats in 8 weeks, medians of {seeds} instances")
        for name, results in found.items():
            print(_line(name, results, seeds))


DECLINES = 10


def _declines(size: int, seeds: int) -> None:
    """Print how many seats change, the declined one among them, when somebody declines one."""
    repaired: list[int] = []
    again: list[int] = []
    for seed in range(1, seeds + 1):
        first = instance(size, seed)
        holders = rostering.plan(first).holders
        chance = random.Random(seed)
        some = chance.sample(sorted(holders), DECLINES)
        repaired += [len(turns.repair(first, holders, seat).changes) for seat in some]
        seat = chance.choice(sorted(holders))
        held = tuple(
            Holding(
                seat=one.id,
                member=holders[one.id],
                stage=rotation.stage_of(one.local.date(), start=START, terms=first.terms),
            )
            for one in first.seats
            if one.id in holders
        )
        declined = frozenset({(holders[seat], seat)})
        again.append(
            sum(one.before is not None for one in rostering.plan(replace(first, held=held, declined=declined)).changes)
        )
    print(
        f"{size} members, one declined seat: {median(repaired):g} seats change ({max(repaired)} at most of "
        f"{len(repaired)} declines); if all is planned again, {median(again):g} ({min(again)} to {max(again)})"
    )


def _line(name: str, results: list[Result], seeds: int) -> str:
    def middle(of: Callable[[Result], float]) -> float:
        return median(of(one) for one in results)

    solved = "" if len(results) == seeds else f"   (found something for {len(results)} only)"
    return (
        f"  {name:<26} empty {middle(lambda one: one.empty):5.0f} (in all {sum(one.empty for one in results)})   "
        f"spread of burden {middle(lambda one: one.burden):.3f}, "
        f"of empowerment {middle(lambda one: one.empowerment):.3f}"
        f"   gini {middle(lambda one: one.gini):.3f}   score {middle(lambda one: one.score):.3f}   "
        f"illegal {sum(one.illegal for one in results)}   CPU {middle(lambda one: one.seconds):.2f} s{solved}"
    )
