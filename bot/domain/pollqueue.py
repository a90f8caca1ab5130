"""How many polls a committee opens in a week, and when those open that wait for room. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WEEK = timedelta(days=7)
CAP = 7
"""So many open in seven days where the committee has not set it: one a day, and people still read them."""
CAP_MAX = 50


def openings(opened: Sequence[datetime], cap: int, waiting: int, *, now: datetime) -> list[datetime]:
    """When each of those that wait, in their order, opens at the earliest. `opened`: when polls were opened lately."""
    times = sorted(opened)
    found = []
    for _ in range(waiting):
        # Among any `cap + 1` that follow each other there is more than a week.
        at = max(now, times[-cap] + WEEK) if len(times) >= cap else now
        times = sorted([*times, at])
        found.append(at)
    return found


def has_room(opened: Sequence[datetime], cap: int, *, now: datetime) -> bool:
    """Whether one more can open now."""
    return sum(at > now - WEEK for at in opened) < cap
