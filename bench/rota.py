"""Our planner of rotas side by side with the usual rules and with a solver of integer programs (HiGHS)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from bot.domain import fairness, rostering, rotation
from bot.domain.rotation import Instance, Member, Seat, Slot

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
