"""Daylight saving in both directions, in Berlin, Sao Paulo, Adelaide and Lagos, as dateutil and zoneinfo have it."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil import tz
from dateutil.rrule import rrulestr

from bot.domain import quiet, recurrence, reminders, shifts
from bot.domain.quiet import HOURS_DEFAULT
from bot.domain.reminders import Before, Peace
from bot.domain.shifts import Timing
from tests import daylight
from tests.daylight import CHANGES, DAY, Change

MINUTE = timedelta(minutes=1)
TIMES = [time.fromisoformat(at) for at in ("00:00", "00:30", "01:00", "01:30", "01:59", "02:00")]
TIMES += [time.fromisoformat(at) for at in ("02:30", "03:00", "10:00", "23:00", "23:30")]
CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda one: f"{one.city}-{one.day:%Y-%m-%d}")


@lru_cache(maxsize=16)
def clock(change: Change) -> dict[datetime, list[datetime]]:
    """By zoneinfo: the instants at which a clock on the wall shows each minute, from nine days before to nine after."""
    shown: defaultdict[datetime, list[datetime]] = defaultdict(list)
    at = (change.day - 9 * DAY).replace(tzinfo=UTC)
    for _ in range(18 * 24 * 60):
        shown[at.astimezone(change.zone).replace(tzinfo=None)].append(at)
        at += MINUTE
    return dict(shown)


def by_zoneinfo(local: datetime, change: Change) -> datetime:
    """When a wall time is, told from what clocks show: the first time that they show it; skipped, later by the gap."""
    shown = clock(change)
    if local in shown:
        return shown[local][0]
    before = next(local - minutes * MINUTE for minutes in range(1, 24 * 60) if local - minutes * MINUTE in shown)
    return shown[before][-1] + (local - before)


def by_dateutil(local: datetime, zone: ZoneInfo) -> datetime:
    """The same by dateutil, with its own reading of the zone."""
    return tz.resolve_imaginary(tz.enfold(local.replace(tzinfo=tz.gettz(zone.key)), 0)).astimezone(UTC)


def rules(change: Change) -> list[str]:
    """What comes again and falls, among others, on the day of the change."""
    code, nth = CODES[change.day.weekday()], (change.day.day - 1) // 7 + 1
    return [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=2",
        f"FREQ=WEEKLY;BYDAY={code}",
        f"FREQ=WEEKLY;INTERVAL=2;BYDAY={code}",
        f"FREQ=MONTHLY;BYDAY={nth}{code}",
        f"FREQ=MONTHLY;BYMONTHDAY={change.day.day}",
    ]


@each_change
def test_the_clocks_do_what_the_table_says(change: Change) -> None:
    day = [minute for minute in clock(change) if minute.date() == change.day.date()]
    instants = sum(len(clock(change)[minute]) for minute in day)
    hours = 24 - bool(change.skipped) + bool(change.twice)
    assert instants == hours * 60
    if change.skipped:
        assert datetime.combine(change.day.date(), change.skipped) not in clock(change)
    if change.twice:
        assert len(clock(change)[datetime.combine(change.day.date(), change.twice)]) == 2


@each_change
def test_every_minute_around_a_change_is_the_instant_that_zoneinfo_and_dateutil_say(change: Change) -> None:
    for minute in range(-24 * 60, 48 * 60, 7):
        local = change.day + minute * MINUTE
        expected = by_zoneinfo(local, change)
        assert recurrence.instant(local, change.zone) == expected == by_dateutil(local, change.zone), local


@each_change
def test_what_recurs_comes_at_its_wall_time_once_each_time_by_all_three(change: Change) -> None:
    for at in TIMES:
        for rule in rules(change):
            start = datetime.combine(change.day.date() - 56 * DAY, at)
            # What recurs every two days or weeks is to fall on the day itself.
            wall = rrulestr(rule, dtstart=start).between(change.day - 8 * DAY, change.day + 8 * DAY, inc=True)
            assert any(one.date() == change.day.date() for one in wall), rule
            after = by_zoneinfo(wall[0], change) - MINUTE
            ours: list[tuple[datetime, datetime]] = []
            while len(ours) < len(wall):
                found = recurrence.following(rule, start=start, zone=change.zone, after=after)
                assert found is not None
                ours.append(found)
                after = found[1]
            assert ours == [(one, by_zoneinfo(one, change)) for one in wall], (rule, at)
            assert ours == [(one, by_dateutil(one, change.zone)) for one in wall], (rule, at)


@each_change
def test_the_shifts_of_a_rota_stay_at_their_wall_time_and_are_as_long_as_they_are(change: Change) -> None:
    for at in TIMES:
        timing = Timing(start=datetime.combine(change.day.date() - 28 * DAY, at), rule="FREQ=DAILY", days=None)
        now = by_zoneinfo(change.day - 3 * DAY, change)
        found = [one for one in shifts.occurrences(timing, change.zone, now=now) if one < change.day + 4 * DAY]
        days = [one.date() for one in found]
        # One each day, none left out and none twice.
        assert days == [days[0] + number * DAY for number in range(len(days))]
        assert change.day.date() in days
        for one in found:
            assert one.time() == at
            end = shifts.ends(timing, one, 120, change.zone)
            assert end - by_zoneinfo(one, change) == timedelta(hours=2)


@each_change
def test_reminders_are_by_the_wall_clock_in_days_and_by_the_stopwatch_in_hours(change: Change) -> None:
    for begins_at in (time(2, 30), time(10), time(23, 30)):
        for day in (change.day, change.day + DAY):
            local = datetime.combine(day.date(), begins_at)
            begins = by_zoneinfo(local, change)
            # A time that was skipped is another one on the wall.
            shown = begins.astimezone(change.zone).replace(tzinfo=None)
            for before in (reminders.EVENING_BEFORE, Before(1, "d"), Before(2, "d"), Before(3, "h"), Before(45, "min")):
                [said] = reminders.moments(
                    [before], Peace(zone=change.zone, hours=None), at=begins, after=begins - 9 * DAY
                )
                match before.unit:
                    case "evening":
                        assert said == by_zoneinfo(datetime.combine(shown.date() - DAY, time(18)), change)
                    case "d":
                        assert said == by_zoneinfo(shown - before.count * DAY, change)
                    case "h":
                        assert begins - said == timedelta(hours=before.count)
                    case "min":
                        assert begins - said == timedelta(minutes=before.count)


@each_change
def test_quiet_hours_are_those_that_the_clock_on_the_wall_shows(change: Change) -> None:
    nights = [HOURS_DEFAULT, quiet.Hours(time(0, 30), time(2, 30)), quiet.Hours(time(2, 30), time(10))]
    for hours in [*nights, quiet.Hours(time(23, 30), time(1))]:
        edges = []
        for day in range(-2, 3):
            begins = datetime.combine(change.day.date() + day * DAY, hours.begin)
            ends = datetime.combine(begins.date() + (DAY if hours.end < hours.begin else 0 * DAY), hours.end)
            edges.append((by_zoneinfo(begins, change), by_zoneinfo(ends, change)))
        at = edges[0][0]
        while at < edges[-1][1]:
            inside = any(begins <= at < ends for begins, ends in edges)
            assert (quiet.night_of(hours, at, change.zone) is not None) is inside, (hours, at)
            at += timedelta(minutes=10)
        assert all(one[1] <= other[0] for one, other in pairwise(edges))


def test_the_page_about_time_is_what_the_rules_say() -> None:
    written = (Path(__file__).parent.parent.parent / "docs" / "time.md").read_text("utf-8")
    assert written == daylight.page(), f"Write it anew: {daylight.REGENERATE}"
