"""What recurs, through every change of the clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil import tz
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import recurrence

MADRID = ZoneInfo("Europe/Madrid")
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Madrid",
        "America/New_York",
        "America/Santiago",
        "Australia/Lord_Howe",  # half an hour
        "Asia/Kathmandu",
        "Pacific/Apia",  # left out a whole day in 2011
        "Africa/Casablanca",  # winter time in summer
    )
]
zones = st.sampled_from(ZONES)
anywhere = st.tuples(
    st.datetimes(datetime(2005, 1, 1), datetime(2037, 12, 31)).map(lambda at: at.replace(microsecond=0)), zones
)


def changes(zone: ZoneInfo) -> list[datetime]:
    """The days on which the clocks of a zone change."""
    days = [datetime(2005, 1, 1) + timedelta(days=day) for day in range(33 * 365)]
    return [day for day in days if _offset(day, zone) != _offset(day + timedelta(days=1), zone)]


def _offset(day: datetime, zone: ZoneInfo) -> timedelta | None:
    return day.replace(tzinfo=zone).utcoffset()


CHANGES = [(day, zone) for zone in ZONES for day in changes(zone)]
in_a_change = st.tuples(st.sampled_from(CHANGES), st.integers(0, 24 * 60)).map(
    lambda drawn: (drawn[0][0] + timedelta(minutes=drawn[1]), drawn[0][1])
)
wheres = anywhere | in_a_change
"""A wall time and its zone, as often as not on a day when the clocks change."""
RULES = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=WEEKLY;BYDAY=MO,TH",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=1SU",
    "FREQ=YEARLY",
    "FREQ=HOURLY;INTERVAL=5",
]


# --- one time --------------------------------------------------------------------------------------------------


def test_a_time_that_the_spring_leaves_out_moves_forward_by_the_gap() -> None:
    # In Madrid 02:00 became 03:00 on 29 March 2026.
    assert recurrence.instant(datetime(2026, 3, 29, 2, 30), MADRID) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    moved = recurrence.instant(datetime(2026, 3, 29, 2, 30), MADRID).astimezone(MADRID)
    assert (moved.hour, moved.minute) == (3, 30)


def test_a_time_that_the_autumn_repeats_is_the_first_of_the_two() -> None:
    # In Madrid 03:00 became 02:00 on 25 October 2026.
    assert recurrence.instant(datetime(2026, 10, 25, 2, 30), MADRID) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(where=wheres)
def test_a_time_that_exists_is_that_time_and_one_that_does_not_is_later(where: tuple[datetime, ZoneInfo]) -> None:
    local, zone = where
    back = recurrence.instant(local, zone).astimezone(zone).replace(tzinfo=None)
    if tz.datetime_exists(local, zone):
        assert back == local
    else:
        # By the length of the gap: minutes to a day.
        assert timedelta() < back - local <= timedelta(days=1)


@given(where=in_a_change)
def test_of_two_instants_with_the_same_wall_time_it_is_the_first(where: tuple[datetime, ZoneInfo]) -> None:
    local, zone = where
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if tz.datetime_exists(local, zone):
        first = recurrence.instant(local, zone)
        assert first.astimezone(zone).replace(tzinfo=None) == second.astimezone(zone).replace(tzinfo=None) == local
        assert first <= second


# --- again and again -------------------------------------------------------------------------------------------


def following(
    rule: str, start: datetime, zone: ZoneInfo, after: datetime, count: int
) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    while len(found) < count and (next_ := recurrence.following(rule, start=start, zone=zone, after=after)) is not None:
        found.append(next_)
        after = next_[1]
    return found


@given(rule=st.sampled_from(RULES), where=wheres, later=st.timedeltas(-timedelta(days=9), timedelta(days=400)))
def test_each_time_comes_after_the_one_before_and_says_its_wall_time(
    rule: str, where: tuple[datetime, ZoneInfo], later: timedelta
) -> None:
    start, zone = where
    after = recurrence.instant(start, zone) + later
    found = following(rule, start, zone, after, 6)
    instants = [after, *(instant for _, instant in found)]
    assert instants == sorted(set(instants)), "always later, never twice"
    for local, instant in found:
        assert recurrence.instant(local, zone) == instant
        assert local >= start


@given(where=wheres, days=st.integers(0, 800))
def test_a_daily_thing_happens_once_on_every_day_that_there_is(where: tuple[datetime, ZoneInfo], days: int) -> None:
    start, zone = where
    after = recurrence.instant(start + timedelta(days=days), zone)
    found = following("FREQ=DAILY", start, zone, after, 5)
    seen = [instant.astimezone(zone).date() for _, instant in found]
    assert len(set(seen)) == 5
    for earlier, later in pairwise(seen):
        between = [earlier + timedelta(days=day) for day in range(1, (later - earlier).days)]
        # Only a day that the zone itself left out is left out.
        assert all(not tz.datetime_exists(datetime(day.year, day.month, day.day, 12), zone) for day in between)


@given(rule=st.sampled_from(RULES), where=wheres)
def test_nothing_between_two_times_is_passed_over(rule: str, where: tuple[datetime, ZoneInfo]) -> None:
    start, zone = where
    begin = recurrence.instant(start, zone) - timedelta(seconds=1)
    stepwise = [instant for _, instant in following(rule, start, zone, begin, 8)]
    for earlier, later in pairwise(stepwise):
        for after in (earlier, earlier + (later - earlier) / 2, later - timedelta(seconds=1)):
            asked = recurrence.following(rule, start=start, zone=zone, after=after)
            assert asked is not None
            assert asked[1] == later


def test_a_nightly_thing_in_the_fold_happens_once() -> None:
    start = datetime(2026, 10, 23, 2, 30)
    found = following("FREQ=DAILY", start, MADRID, recurrence.instant(start, MADRID), 3)
    assert [instant for _, instant in found] == [
        datetime(2026, 10, 24, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_a_nightly_thing_in_the_gap_happens_once_an_hour_later_by_the_wall_clock() -> None:
    start = datetime(2026, 3, 27, 2, 30)
    found = following("FREQ=DAILY", start, MADRID, recurrence.instant(start, MADRID), 3)
    assert [instant for _, instant in found] == [
        datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize("end", ["COUNT=3", "UNTIL=20260107T180000"])
def test_a_rule_with_an_end_ends(end: str) -> None:
    start = datetime(2026, 1, 5, 18, 0)
    begin = recurrence.instant(start, MADRID) - timedelta(seconds=1)
    found = following(f"FREQ=DAILY;{end}", start, MADRID, begin, 10)
    assert [local for local, _ in found] == [start + timedelta(days=day) for day in range(3)]


@pytest.mark.parametrize("rule", ["", "FREQ=SOMETIMES", "every monday", "FREQ=DAILY;" * 100, "FREQ=WEEKLY;BYDAY=XX"])
def test_what_is_no_rule_is_said_to_be_none(rule: str) -> None:
    with pytest.raises(ValueError):
        recurrence.following(rule, start=datetime(2026, 1, 5), zone=MADRID, after=datetime(2026, 1, 5, tzinfo=UTC))


def test_a_rule_that_never_comes_true_ends() -> None:
    rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    after = datetime(2026, 1, 5, tzinfo=UTC)
    assert recurrence.following(rule, start=datetime(2026, 1, 5), zone=MADRID, after=after) is None


def test_a_rule_that_has_run_for_years_is_answered_at_once() -> None:
    began = time.perf_counter()
    found = recurrence.following(
        "FREQ=HOURLY", start=datetime(2020, 1, 1), zone=MADRID, after=datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
    )
    assert found is not None
    assert found[1] == datetime(2026, 1, 5, 13, 0, tzinfo=UTC)
    assert time.perf_counter() - began < 2
