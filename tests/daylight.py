"""The tables of docs/time.md, by the program's own rules. See `REGENERATE`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain import quiet, recurrence, reminders
from bot.domain.reminders import Before, Peace

REGENERATE = "uv run --group dev python -m tests.daylight > docs/time.md"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Change:
    """A night in which the clocks of a zone change, or on which those of others do."""

    zone: ZoneInfo
    day: datetime
    """The day whose wall times change, at 0:00."""
    what: str
    skipped: time | None = None
    """A wall time that does not exist on that day."""
    twice: time | None = None
    """A wall time that comes twice on that day."""

    @property
    def city(self) -> str:
        """As people say it."""
        return self.zone.key.rpartition("/")[2].replace("_", " ")


def _change(zone: str, day: str, what: str, *, skipped: str | None = None, twice: str | None = None) -> Change:
    return Change(
        ZoneInfo(zone),
        datetime.fromisoformat(day),
        what,
        time.fromisoformat(skipped) if skipped else None,
        time.fromisoformat(twice) if twice else None,
    )


CHANGES = (
    _change("Europe/Berlin", "2026-03-29", "2:00 becomes 3:00", skipped="02:30"),
    _change("Europe/Berlin", "2026-10-25", "3:00 becomes 2:00", twice="02:30"),
    # Brazil has not changed its clocks since 2019.
    _change("America/Sao_Paulo", "2018-11-04", "0:00 becomes 1:00", skipped="00:30"),
    _change("America/Sao_Paulo", "2019-02-16", "24:00 becomes 23:00", twice="23:30"),
    _change("Australia/Adelaide", "2026-04-05", "3:00 becomes 2:00", twice="02:30"),
    _change("Australia/Adelaide", "2026-10-04", "2:00 becomes 3:00", skipped="02:30"),
    _change("Africa/Lagos", "2026-03-29", "nothing"),
    _change("Africa/Lagos", "2026-10-25", "nothing"),
)


def _shown(at: datetime, zone: ZoneInfo, of: datetime) -> str:
    local = at.astimezone(zone)
    day = "" if local.date() == of.date() else f"{local:%a} "
    return f"{day}{local:%H:%M} ({at.astimezone(UTC):%H:%M})"


def _daily(change: Change) -> Iterator[str]:
    """What comes every day at the time that is skipped, or comes twice, and at two others."""
    odd = change.skipped or change.twice
    for at in sorted({*([odd] if odd else []), time(2, 30), time(10)}):
        start = datetime.combine(change.day.date() - 30 * DAY, at)
        after = recurrence.instant(datetime.combine(change.day.date() - DAY, at), change.zone) - timedelta(seconds=1)
        cells = []
        for _ in range(3):
            found = recurrence.following("FREQ=DAILY", start=start, zone=change.zone, after=after)
            assert found is not None
            cells.append(_shown(found[1], change.zone, found[0]))
            after = found[1]
        mark = " (skipped)" if at == change.skipped else " (twice)" if at == change.twice else ""
        yield f"| {change.city} | {change.day:%d %b %Y}: {change.what} | {at:%H:%M}{mark} | {' | '.join(cells)} |"


def _reminded(change: Change) -> str:
    """A shift at 10:00 on that day, when it is remembered, and how long the night before it is."""
    zone = change.zone
    # After the change: where it is in the evening, on the day after.
    on = change.day + (DAY if change.twice and change.twice > time(12) else timedelta())
    begins = recurrence.instant(on.replace(hour=10), zone)
    peace = Peace(zone=zone, hours=None)
    evening, day, hours = (
        reminders.moments([one], peace, at=begins, after=begins - 30 * DAY)[0]
        for one in (reminders.EVENING_BEFORE, Before(1, "d"), Before(12, "h"))
    )
    night = quiet.night_of(quiet.HOURS_DEFAULT, recurrence.instant(on.replace(hour=5), zone), zone)
    assert night is not None
    long = (night[1] - night[0]) / timedelta(hours=1)
    cells = [_shown(one, zone, on) for one in (begins, evening, day, hours)]
    return f"| {change.city} | {on:%a %d %b %Y} | {' | '.join(cells)} | {long:g} h |"


_PAGE = """# Time

Every committee has a time zone (`/timezone Madrid`), and a member who lives elsewhere can have one of their own
(`/my_timezone Buenos Aires`): their quiet hours and reminders keep to it, and a reminder tells both times.

What comes again (tasks and their shifts, digests, the end of a month) is kept as an RFC 5545 rule with a wall time and
a zone, never as an instant: a shift at 10:00 stays at 10:00 when the clocks change. Then two things can happen to a
wall time, and for both there is one rule:

- **Spring: the time is skipped.** It happens all the same, later by the gap: 2:30 becomes 3:30.
- **Autumn: the time comes twice.** It happens once, the first time.

How long something takes is what a stopwatch counts: a shift of two hours is two hours long in any night. So are
reminders some hours or minutes before; "a day before" and "the evening before" are by the clock on the wall, and so are
quiet hours: the night of the change is an hour shorter or longer.

This page is made by the program's own rules: `{regenerate}`.
A test compares it, and compares the rules with what dateutil and zoneinfo say around each change: of times of the day,
of what recurs daily, weekly, fortnightly and monthly at eleven of them, of shifts, reminders and quiet hours.

## What comes every day, around a change

On the day before, that day, and the day after: by the clock on the wall, and in brackets UTC.

| zone | change | every day at | before | that day | after |
|---|---|---|---|---|---|
{daily}

## A shift at 10:00 on the morning after a change

Its reminders as they would come without quiet hours, by the clock on the wall (UTC); and how long quiet hours from
21:00 to 8:00 are in the night before it.

| zone | day | shift | evening before | 1 day before | 12 h before | the night |
|---|---|---|---|---|---|---|
{reminded}
"""


def page() -> str:
    """The whole page."""
    return _PAGE.format(
        regenerate=REGENERATE,
        daily="\n".join(line for change in CHANGES for line in _daily(change)),
        reminded="\n".join(_reminded(change) for change in CHANGES),
    )


if __name__ == "__main__":
    print(page(), end="")
