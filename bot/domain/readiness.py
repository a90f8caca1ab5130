"""How ready a committee is: how a drill went, when the next one is, and what is broken. Pure rules."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from bot.domain.admission import same_branch

BAR = 5000
"""So large a share of those who were called answers in time in a good drill, in basis points; committees change it."""
WINDOW = timedelta(minutes=15)
"""So soon after a drill has begun is in time; a committee may change it."""
WHOLE = 10_000
STALE = timedelta(days=45)
"""After this a good drill says little about today."""
HOURS = range(10, 19)
"""At which hours a planned drill begins: nobody is woken by it."""
DAYS = range(1, 29)
ANNOUNCED = timedelta(days=1)
"""So long before it begins a drill that is announced is announced."""


# --- how it went -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Somebody whom a drill was to reach. `ring` None: they were not called, but answered in the group.

    `after`: how long after it had begun they answered; None: they have not.
    """

    ring: int | None
    delivered: bool = False
    unreachable: bool = False
    waits: bool = False
    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """How many of a ring were called, and how many of them answered in time."""

    ring: int
    told: int
    in_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a drill went, in figures. `waiting`: whose quiet hours were left in peace; they are not among the `told`."""

    told: int
    delivered: int
    answered: int
    in_time: int
    unreachable: int
    waiting: int
    first: timedelta | None
    median: timedelta | None
    rings: tuple[Ring, ...] = ()

    @property
    def share(self) -> int:
        """The share of those who were called that answered in time, in basis points, rounded down."""
        return WHOLE * self.in_time // self.told if self.told else 0

    def good(self, bar: int) -> bool:
        """Whether somebody was called, and enough of them answered in time."""
        return self.told > 0 and self.share >= bar


def score(called: Iterable[Called], *, window: timedelta) -> Score:
    """What follows from how each of them was reached. Whoever answers was reached, whatever the network says."""
    everybody = [*called]
    counted = [one for one in everybody if one.after is not None or not one.waits]
    after = sorted(one.after for one in counted if one.after is not None)
    rings = sorted({one.ring for one in counted if one.ring is not None})
    return Score(
        told=len(counted),
        delivered=sum(one.delivered or one.after is not None for one in counted),
        answered=len(after),
        in_time=sum(one <= window for one in after),
        unreachable=sum(one.unreachable and one.after is None for one in counted),
        waiting=len(everybody) - len(counted),
        first=after[0] if after else None,
        median=after[(len(after) - 1) // 2] if after else None,
        rings=tuple(
            Ring(
                ring=ring,
                told=sum(one.ring == ring for one in counted),
                in_time=sum(one.ring == ring and one.after is not None and one.after <= window for one in counted),
            )
            for ring in rings
        ),
    )


# --- the next one ------------------------------------------------------------------------------------------------


def next_drill(today: date, seed: str) -> datetime:
    """When next month's drill is, as wall time: a day and an hour that nobody can guess who does not know the seed."""
    year, month = (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)
    drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    drawn, day = divmod(drawn, len(DAYS))
    drawn, hour = divmod(drawn, len(HOURS))
    return datetime.combine(date(year, month, DAYS[day]), time(HOURS[hour], 5 * (drawn % 12)))


def rotated(kinds: Collection[str], last: str | None) -> str:
    """The kind of the next drill: each in turn."""
    order = [*kinds]
    return order[(order.index(last) + 1) % len(order)] if last in order else order[0]


# --- what is broken ----------------------------------------------------------------------------------------------

Fault = Literal["no_drill", "no_on_call", "no_second", "unreachable", "no_legal", "needs", "unencrypted", "not_planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What is known of a committee. None: nothing there deals with it, so nothing can be said."""

    good_drill: timedelta | None
    """How long ago the last good drill was; None: there has been none."""
    on_call: bool | None
    confirmable: bool
    unreachable: int
    legal: bool | None
    lacking: tuple[str, ...]
    """What alerts take and nobody is known to have."""
    encrypted: bool | None
    planned: bool


def faults(known: Readiness) -> tuple[Fault, ...]:
    """What is broken, what matters most first."""
    found: dict[Fault, bool] = {
        "no_second": not known.confirmable,
        "no_on_call": known.on_call is False,
        "unreachable": known.unreachable > 0,
        "no_legal": known.legal is False,
        "needs": bool(known.lacking),
        "unencrypted": known.encrypted is False,
        "no_drill": known.good_drill is None or known.good_drill > STALE,
        "not_planned": not known.planned,
    }
    return tuple(fault for fault, broken in found.items() if broken)


def confirmable(people: Collection[int], inviters: Mapping[int, int], *, trunk: AbstractSet[int]) -> bool:
    """Whether two of these people are of different invite branches: one can raise an alert and the other confirm it."""
    order = [*people]
    return any(
        not same_branch(one, other, inviters, trunk=trunk)
        for place, one in enumerate(order)
        for other in order[place + 1 :]
    )
