"""When the bot may say what nobody asked for: a budget for each day, quiet hours, and times of silence.

A day of the budget begins when quiet hours end (without any: at 8:00), so that what does not fit today comes in the
morning. All is wall time in a zone; a clock change moves a skipped time forward, and a repeated one counts once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.domain import recurrence

BUDGET_DEFAULT = 1
BUDGET_MAX = 5
DAY_BEGINS = time(8)
SILENCE_MAX = timedelta(days=366)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """From a wall time to another, over midnight where the second is earlier. Both the same: no time at all."""

    begin: time
    end: time

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


HOURS_DEFAULT = Hours(time(21), time(8))
NO_HOURS = Hours(time(0), time(0))


def hours_of(data: object) -> Hours:
    """Hours as they are kept: `21:00-08:00`. Raises ValueError where these are none."""
    begin, _, end = str(data).partition("-")
    return Hours(time.fromisoformat(begin), time.fromisoformat(end))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody bears: so many nudges a day, none before `until`, none within the hours (None: at any hour)."""

    zone: ZoneInfo
    budget: int = BUDGET_DEFAULT
    until: datetime | None = None
    hours: Hours | None = HOURS_DEFAULT


def wait_until(wish: Wish, *, now: datetime, sent: Sequence[datetime]) -> datetime | None:
    """The first instant (UTC), now or later, at which a nudge may go; None: never, for there is no budget.

    `sent`: when the latest nudges went, at least those of the last two days.
    """
    if wish.budget <= 0:
        return None
    at = now.astimezone(UTC)
    while True:
        earliest = max(at, wish.until.astimezone(UTC)) if wish.until is not None else at
        earliest = after_quiet(wish.hours, earliest, wish.zone)
        begins, ends = _day_of(earliest, wish)
        if sum(begins <= one < ends for one in sent) >= wish.budget:
            earliest = ends
        if earliest == at:
            return at
        at = earliest


def after_quiet(hours: Hours | None, at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, this or later, outside of the quiet hours."""
    night = night_of(hours, at, zone)
    return at if night is None else night[1]


def night_of(hours: Hours | None, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """When the quiet hours begin and end in which an instant lies; None: it lies in none."""
    if hours is None or hours.begin == hours.end:
        return None
    found: tuple[datetime, datetime] | None = None
    today = _local(at, zone).date()
    # A clock change in the night can set two nights end to end.
    for night in range(-2, 3):
        begins, ends = _night(hours, today + night * _DAY, zone)
        if begins <= at < ends:
            found = (found[0] if found is not None else begins, ends)
            at = ends
    return found


@lru_cache(maxsize=4096)
def _night(hours: Hours, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last = day if hours.begin < hours.end else day + _DAY
    return _instant(day, hours.begin, zone), _instant(last, hours.end, zone)


def _day_of(at: datetime, wish: Wish) -> tuple[datetime, datetime]:
    """When the day of the budget begins and ends in which an instant lies."""
    hours = wish.hours
    turns = hours.end if hours is not None and hours.begin != hours.end else DAY_BEGINS
    day = _local(at, wish.zone).date() + _DAY
    while _instant(day, turns, wish.zone) > at:
        day -= _DAY
    return _instant(day, turns, wish.zone), _instant(day + _DAY, turns, wish.zone)


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return recurrence.instant(datetime.combine(day, at), zone)


# --- how it is written -----------------------------------------------------------------------------------------

_TIME = r"([01]?[0-9]|2[0-4])(?:[:.h]([0-5][0-9]))?\s?h?"
_HOURS = re.compile(rf"{_TIME}\s?(?:-|–|to|a|bis)\s?{_TIME}", re.ASCII | re.IGNORECASE)
_ONE_TIME = re.compile(_TIME, re.ASCII | re.IGNORECASE)
_STRETCH = re.compile(
    r"([1-9][0-9]{0,2})\s?(h|hours?|horas?|stunden?|std|d|days?|días?|dias?|t|tage?|w|weeks?|semanas?|s|wochen?)",
    re.IGNORECASE,
)
_UNITS = {"h": "hours", "d": "days", "t": "days", "w": "weeks", "s": "weeks"}


def read_hours(text: str) -> Hours | None:
    """Quiet hours: `22:00-7:00`, `22-7`. None: these are none."""
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        return None
    begin, end = _time(found[1], found[2]), _time(found[3], found[4])
    return Hours(begin, end) if begin is not None and end is not None and begin != end else None


def read_time(text: str) -> time | None:
    """A time of day: `18:00`, `18`, `18h`, `9.30`. None: it is none."""
    found = _ONE_TIME.fullmatch(text.strip())
    return _time(found[1], found[2]) if found else None


def _time(hours: str, minutes: str | None) -> time | None:
    if int(hours) == 24:
        return time(0) if not int(minutes or 0) else None
    return time(int(hours), int(minutes or 0))


def read_stretch(text: str) -> timedelta | None:
    """A stretch of time: `2w`, `3 days`, `12h`; at most `SILENCE_MAX`. None: it is none."""
    found = _STRETCH.fullmatch(text.strip())
    if found is None:
        return None
    unit = found[2].casefold()
    name = "hours" if unit.startswith(("std", "stunde")) else _UNITS[unit[0]]
    stretch = timedelta(**{name: int(found[1])})
    return stretch if stretch <= SILENCE_MAX else None


# --- digests ---------------------------------------------------------------------------------------------------

_DAYS = {
    "MO": ("mo", "mon", "monday", "lun", "lunes", "montag", "montags"),
    "TU": ("tu", "tue", "tuesday", "mar", "martes", "di", "dienstag", "dienstags"),
    "WE": ("we", "wed", "wednesday", "mié", "mie", "miércoles", "miercoles", "mi", "mittwoch", "mittwochs"),
    "TH": ("th", "thu", "thursday", "jue", "jueves", "do", "donnerstag", "donnerstags"),
    "FR": ("fr", "fri", "friday", "vie", "viernes", "freitag", "freitags"),
    "SA": ("sa", "sat", "saturday", "sáb", "sab", "sábado", "sabado", "samstag", "samstags", "sonnabend"),
    "SU": ("su", "sun", "sunday", "dom", "domingo", "so", "sonntag", "sonntags"),
}
_DAILY = ("daily", "diario", "diaria", "täglich", "taeglich")
WEEKDAYS = tuple(_DAYS)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Each day (`day` None) or one day of the week (`MO`), at a wall time."""

    day: str | None
    at: time

    @property
    def rule(self) -> str:
        """As an RFC 5545 rule."""
        return "FREQ=DAILY" if self.day is None else f"FREQ=WEEKLY;BYDAY={self.day}"

    def first(self, *, after: datetime, zone: ZoneInfo) -> datetime:
        """The wall time (naive) of the first time after an instant."""
        local = _local(after, zone)
        begin = datetime.combine(local.date() - _DAY, self.at)
        found = recurrence.following(self.rule, start=begin, zone=zone, after=after)
        assert found is not None, "it has no end"
        return found[0]


def read_rhythm(text: str) -> Rhythm | None:
    """When a digest comes: `mon 18:00`, `daily 8`. None: this says no time."""
    day, _, at = text.strip().casefold().partition(" ")
    clock = read_time(at)
    day = day.rstrip(",.")
    if clock is None:
        return None
    if day in _DAILY:
        return Rhythm(None, clock)
    code = next((code for code, names in _DAYS.items() if day in names), None)
    return Rhythm(code, clock) if code else None
