"""When somebody is reminded: at their times, never in their quiet hours, and never too late."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import reminders as rule
from bot.domain.quiet import HOURS_DEFAULT, Hours, night_of
from bot.domain.reminders import DEFAULT, EVENING_BEFORE, Before, Peace

MADRID = ZoneInfo("Europe/Madrid")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = [
    ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu")
]

zones = st.sampled_from(ZONES)
clock_times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
hours = st.none() | st.just(HOURS_DEFAULT) | st.builds(Hours, clock_times, clock_times)
befores = st.one_of(
    st.just(EVENING_BEFORE),
    st.builds(Before, st.integers(1, 14), st.just("d")),
    st.builds(Before, st.integers(1, 72), st.just("h")),
    st.builds(Before, st.integers(10, 300), st.just("min")),
)
several = st.lists(befores, min_size=1, max_size=4, unique=True).map(rule.in_order)
instants = st.datetimes(datetime(2016, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(second=0, microsecond=0)
)


@st.composite
def peaces(draw: st.DrawFn) -> tuple[Peace, datetime, datetime]:
    """Somebody's peace, when a shift begins, and after when they can be reminded."""
    at = draw(instants)
    ago = st.timedeltas(timedelta(), timedelta(days=16))
    until = draw(st.none() | ago.map(lambda before: at - before + timedelta(days=1)))
    return Peace(zone=draw(zones), hours=draw(hours), until=until), at, at - draw(ago)


def said(times: str, shift: str, hours: Hours | None = HOURS_DEFAULT, *, after: datetime = LONG_AGO) -> list[str]:
    """When somebody in Madrid hears of a shift, by the clock there."""
    at = datetime.fromisoformat(f"2026-05-{shift}").replace(tzinfo=MADRID).astimezone(UTC)
    found = rule.moments(rule.times_of(times), Peace(zone=MADRID, hours=hours), at=at, after=after)
    return [f"{one.astimezone(MADRID):%d %H:%M}" for one in found]


# --- for people --------------------------------------------------------------------------------------------------


def test_as_everybody_one_is_reminded_on_the_evening_before_and_two_hours_before() -> None:
    assert said("evening 2h", "20 12:00") == ["19 18:00", "20 10:00"]


def test_what_falls_into_the_night_is_said_when_it_ends_if_there_is_time() -> None:
    assert said("2h", "20 09:00") == ["20 08:00"]


def test_what_falls_shortly_after_the_night_begins_is_said_before_it() -> None:
    assert said("2h", "20 23:30") == ["20 20:30"]


def test_before_a_shift_at_dawn_one_hears_it_in_the_evening_once() -> None:
    assert said("2h", "20 06:00") == ["19 20:30"]
    assert said("evening 2h", "20 06:00") == ["19 18:00"]


def test_a_seat_that_is_taken_late_gets_only_what_is_still_ahead() -> None:
    after = datetime(2026, 5, 19, 20, 0, tzinfo=UTC)
    assert said("1d evening 2h", "20 12:00", after=after) == ["20 10:00"]
    assert said("2h", "20 06:00", after=after) == []


def test_in_times_of_silence_nothing_is_said_and_then_what_was_wished_meanwhile() -> None:
    at = datetime(2026, 5, 20, 10, tzinfo=UTC)
    for until, expected in (
        (
            datetime(2026, 5, 19, 17, tzinfo=UTC),
            [datetime(2026, 5, 19, 17, tzinfo=UTC), datetime(2026, 5, 20, 8, tzinfo=UTC)],
        ),
        (datetime(2026, 5, 20, 9, tzinfo=UTC), [datetime(2026, 5, 20, 9, tzinfo=UTC)]),
        (datetime(2026, 5, 20, 11, tzinfo=UTC), []),
    ):
        peace = Peace(zone=MADRID, hours=HOURS_DEFAULT, until=until)
        assert [*rule.moments(DEFAULT, peace, at=at, after=LONG_AGO)] == expected


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("evening 2h", "evening 2h"),
        ("2h, 1d", "1d 2h"),
        ("30 min 1 week", "7d 30min"),
        ("1 Tag 2 Stunden", "1d 2h"),
        ("abend 2 std", "evening 2h"),
        ("víspera 45 minutos", "evening 45min"),
        ("2 semanas", "14d"),
        ("2h 2h", "2h"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, kept: str) -> None:
    found = rule.read(text)
    assert found is not None
    assert " ".join(map(str, found)) == kept
    assert rule.times_of(kept) == found


@pytest.mark.parametrize(
    "text", ["", "soon", "2", "2x", "5min", "15d", "3 semanas", "1h 2h 3h 4h 5h", "2hours3", "0h", "-1h"]
)
def test_what_says_no_time_is_not_read(text: str) -> None:
    assert rule.read(text) is None


# --- always ------------------------------------------------------------------------------------------------------


@given(times=several, drawn=peaces())
def test_nothing_is_said_in_quiet_hours_nor_in_silence_nor_when_it_is_too_late(
    times: tuple[Before, ...], drawn: tuple[Peace, datetime, datetime]
) -> None:
    peace, at, after = drawn
    found = rule.moments(times, peace, at=at, after=after)
    assert len(found) <= len(times)
    assert all(one < other for one, other in pairwise(found))
    for one in found:
        assert after < one < at
        assert night_of(peace.hours, one, peace.zone) is None
        assert peace.until is None or one >= peace.until


@given(times=several, drawn=peaces())
def test_what_is_wished_at_a_time_when_it_can_be_said_is_said_then(
    times: tuple[Before, ...], drawn: tuple[Peace, datetime, datetime]
) -> None:
    peace, at, after = drawn
    found = rule.moments(times, peace, at=at, after=after)
    for before in times:
        wish = rule.wished(before, at=at, zone=peace.zone)
        free = night_of(peace.hours, wish, peace.zone) is None and (peace.until is None or wish >= peace.until)
        if after < wish < at and free:
            assert wish in found


@given(before=befores, zone=zones, at=instants, long=st.integers(1, 14), begin=clock_times)
def test_whoever_is_awake_before_a_shift_hears_of_it(
    before: Before, zone: ZoneInfo, at: datetime, long: int, begin: time
) -> None:
    # Quiet hours of at most 14 hours: each has an evening before it in which there is time.
    end = (datetime.combine(datetime(2026, 1, 1), begin) + timedelta(hours=long)).time()
    peace = Peace(zone=zone, hours=Hours(begin, end))
    assert rule.moments([before], peace, at=at, after=at - timedelta(days=30))


@given(times=several, drawn=peaces(), later=st.timedeltas(timedelta(), timedelta(days=16)))
def test_planned_anew_later_nothing_new_comes_up_that_was_not_planned_before(
    times: tuple[Before, ...], drawn: tuple[Peace, datetime, datetime], later: timedelta
) -> None:
    peace, at, after = drawn
    if peace.hours is not None or peace.until is not None:
        return
    first = rule.moments(times, peace, at=at, after=after)
    assert rule.moments(times, peace, at=at, after=after + later) == tuple(one for one in first if one > after + later)


@given(drawn=peaces())
def test_what_is_late_goes_at_the_first_moment_outside_of_quiet_hours(drawn: tuple[Peace, datetime, datetime]) -> None:
    peace, _, now = drawn
    found = rule.may_go(peace, now=now)
    assert found >= now
    assert night_of(peace.hours, found, peace.zone) is None
    assert peace.until is None or found >= peace.until
