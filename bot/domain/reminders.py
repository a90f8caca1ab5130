"""When somebody is reminded of a shift: at the times that they have chosen, and never in their quiet hours.

A time that falls into the quiet hours is said before they begin where that is not much earlier, else when they end,
where that is still before the shift; else before they begin after all, for early is better than never.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain import recurrence
from bot.domain.quiet import Hours, after_quiet, night_of

Unit = Literal["evening", "d", "h", "min"]

TIMES_MAX = 4
"""So many reminders of one shift are enough for anybody."""
LONGEST = timedelta(days=14)
SHORTEST = timedelta(minutes=10)
EVENING = time(18)
"""When the evening before begins, by the wall clock."""
LEAD = timedelta(minutes=30)
"""What is said before the quiet hours comes so long before them."""
EARLY = timedelta(hours=3)
"""So much earlier than wished is not too early."""
LEFT = timedelta(minutes=15)
"""What is said later than wished leaves at least so long until the shift."""
LATE = timedelta(minutes=10)
"""What was to be said longer ago comes late: the bot was away."""
TOGETHER = timedelta(hours=3)
"""What the quiet hours move so near to another reminder of the same shift is not said as well."""


@dataclass(frozen=True, slots=True)
class Before:
    """How long before a shift: on the evening before, or so many days, hours or minutes.

    Days are days on the wall, at the same time of day; hours and minutes are what a stopwatch counts.
    """

    count: int
    unit: Unit

    def __str__(self) -> str:
        return "evening" if self.unit == "evening" else f"{self.count}{self.unit}"


EVENING_BEFORE = Before(1, "evening")
DEFAULT: tuple[Before, ...] = (EVENING_BEFORE, Before(2, "h"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peace:
    """When somebody is left in peace: none before `until`, none within the hours (None: at any hour of the day)."""

    zone: ZoneInfo
    hours: Hours | None
    until: datetime | None = None


def wished(before: Before, *, at: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a reminder is wished of something that begins at an instant."""
    local = at.astimezone(zone).replace(tzinfo=None)
    match before.unit:
        case "evening":
            return recurrence.instant(datetime.combine(local.date() - timedelta(days=1), EVENING), zone)
        case "d":
            return recurrence.instant(local - timedelta(days=before.count), zone)
        case "h":
            return at.astimezone(UTC) - timedelta(hours=before.count)
        case "min":
            return at.astimezone(UTC) - timedelta(minutes=before.count)


def moments(times: Sequence[Before], peace: Peace, *, at: datetime, after: datetime) -> tuple[datetime, ...]:
    """When somebody is reminded of what begins at `at`: instants (UTC), earliest first, none of them twice.

    Only what is wished later than `after` (now, or when they took the seat): what is past is not made up for.
    """
    kept: list[datetime] = []
    moved: list[datetime] = []
    for before in times:
        wish = wished(before, at=at, zone=peace.zone)
        if after < wish < at:
            said = _said(wish, peace, at=at, after=after)
            if said is not None:
                (kept if said == wish else moved).append(said)
    for said in sorted(moved):
        if all(abs(said - other) >= TOGETHER for other in kept):
            kept.append(said)
    return tuple(sorted(set(kept)))


def _said(wish: datetime, peace: Peace, *, at: datetime, after: datetime) -> datetime | None:
    """When a reminder is said that is wished at an instant; None: there is no time for it."""
    silent = peace.until is not None and wish < peace.until
    if silent and peace.until is not None:
        wish, after = peace.until.astimezone(UTC), max(after, peace.until)
    night = night_of(peace.hours, wish, peace.zone)
    if night is None:
        return wish if wish < at else None
    begins, ends = night
    early = begins - LEAD
    possible = early > after and night_of(peace.hours, early, peace.zone) is None
    if possible and wish - early <= EARLY:
        return early
    if ends <= at - LEFT:
        return ends
    return early if possible else None


def may_go(peace: Peace, *, now: datetime) -> datetime:
    """The first instant (UTC), now or later, at which something may be said that is late already."""
    at = now.astimezone(UTC)
    if peace.until is not None:
        at = max(at, peace.until.astimezone(UTC))
    return after_quiet(peace.hours, at, peace.zone)


# --- how it is written -------------------------------------------------------------------------------------------

_ONE = re.compile(
    r"([1-9][0-9]{0,3})\s?(min|minuten?|minutes?|minutos?|m|h|hours?|horas?|std|stunden?|d|days?|días?|dias?|t|tage?n?"
    r"|w|weeks?|semanas?|wochen?)(?!\w)",
    re.IGNORECASE,
)
_EVENING = frozenset({"evening", "eve", "abend", "abends", "vorabend", "tarde", "víspera", "vispera", "noche"})
_UNITS: dict[str, tuple[int, Unit]] = {
    "m": (1, "min"),
    "h": (1, "h"),
    "s": (1, "h"),
    "d": (1, "d"),
    "t": (1, "d"),
    "w": (7, "d"),
}


def read(text: str) -> tuple[Before, ...] | None:
    """The times that somebody chooses, longest before first: `evening 2h`, `1d 30 min`. None: these are none."""
    rest = text.replace(",", " ").strip().casefold()
    found: list[Before] = []
    while rest:
        word = rest.split()[0]
        if word in _EVENING:
            found.append(EVENING_BEFORE)
            rest = rest[len(word) :].strip()
            continue
        match = _ONE.match(rest)
        if match is None:
            return None
        # “s” is semanas where it is written out, else the beginning of Stunden.
        times, unit = _UNITS["w" if match[2].startswith("semana") else match[2][0]]
        found.append(Before(int(match[1]) * times, unit))
        rest = rest[match.end() :].strip()
    return in_order(found) if found and len(set(found)) <= TIMES_MAX and all(map(fits, found)) else None


def fits(before: Before) -> bool:
    """Whether it is neither too long nor too short before."""
    return SHORTEST <= _length(before) <= LONGEST


def in_order(times: Sequence[Before]) -> tuple[Before, ...]:
    """Each once, longest before first."""
    return tuple(sorted(set(times), key=lambda one: (-_length(one), one.unit)))


def _length(before: Before) -> timedelta:
    match before.unit:
        case "evening":
            return timedelta(hours=16)
        case "d":
            return timedelta(days=before.count)
        case "h":
            return timedelta(hours=before.count)
        case "min":
            return timedelta(minutes=before.count)


def times_of(stored: str) -> tuple[Before, ...]:
    """Times as they are kept: `evening 2h`; empty: none. Raises ValueError where these are none."""
    if not stored:
        return ()
    found = read(stored)
    if found is None:
        raise ValueError("not times of reminders")
    return found
