"""When the bot may say what nobody asked for."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import quiet
from bot.domain.quiet import HOURS_DEFAULT, Hours, Rhythm, Wish
from tests.domain.test_recurrence import ZONES, wheres

MADRID = ZoneInfo("Europe/Madrid")
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)

quarters = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
hours = st.none() | st.builds(Hours, quarters, quarters)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Wish, datetime, list[datetime]]:
    """What somebody bears, a moment on a quarter of an hour, and when nudges were sent before."""
    local, zone = draw(wheres)
    now = local.replace(tzinfo=zone).astimezone(UTC)
    now = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    silent = draw(st.none() | st.integers(-100, 100))
    wish = Wish(
        zone=zone,
        budget=draw(st.integers(1, 5)),
        until=None if silent is None else now + silent * QUARTER,
        hours=draw(hours),
    )
    sent = draw(st.lists(st.integers(0, 300).map(lambda ago: now - ago * QUARTER), max_size=8))
    return wish, now, sent


def allowed(wish: Wish, at: datetime, sent: list[datetime]) -> bool:
    """The rule as one would say it, of one instant."""
    if wish.until is not None and at < wish.until:
        return False
    if _is_quiet(wish, at):
        return False
    begins = _day_begins(wish, at)
    ends = _next_day_begins(wish, at)
    return sum(begins <= one < ends for one in sent) < wish.budget


def _turn(wish: Wish) -> time:
    return wish.hours.end if wish.hours is not None and wish.hours.begin != wish.hours.end else time(8)


def _turns(wish: Wish, at: datetime) -> list[datetime]:
    day = at.astimezone(wish.zone).date()
    return [
        datetime.combine(day + timedelta(days=n), _turn(wish), tzinfo=wish.zone).astimezone(UTC) for n in range(-3, 4)
    ]


def _day_begins(wish: Wish, at: datetime) -> datetime:
    return max(turn for turn in _turns(wish, at) if turn <= at)


def _next_day_begins(wish: Wish, at: datetime) -> datetime:
    return min(turn for turn in _turns(wish, at) if turn > at)


def _is_quiet(wish: Wish, at: datetime) -> bool:
    """Quiet hours begin at each `begin` and end at the next `end`, as instants."""
    if wish.hours is None or wish.hours.begin == wish.hours.end:
        return False
    day = at.astimezone(wish.zone).date()
    for n in range(-3, 4):
        first = day + timedelta(days=n)
        last = first if wish.hours.begin < wish.hours.end else first + timedelta(days=1)
        begins = datetime.combine(first, wish.hours.begin, tzinfo=wish.zone).astimezone(UTC)
        ends = datetime.combine(last, wish.hours.end, tzinfo=wish.zone).astimezone(UTC)
        if begins <= at < ends:
            return True
    return False


@given(cases())
def test_it_goes_at_the_first_moment_at_which_it_may(case: tuple[Wish, datetime, list[datetime]]) -> None:
    wish, now, sent = case
    at = quiet.wait_until(wish, now=now, sent=sent)
    assert at is not None
    assert at >= now
    assert allowed(wish, at, sent)
    moment = now
    while moment < at:
        assert not allowed(wish, moment, sent), moment
        moment += QUARTER


@given(cases())
def test_waiting_until_then_is_enough(case: tuple[Wish, datetime, list[datetime]]) -> None:
    wish, now, sent = case
    at = quiet.wait_until(wish, now=now, sent=sent)
    assert at is not None
    assert quiet.wait_until(wish, now=at, sent=sent) == at


@given(cases(), st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_whatever_comes_no_day_has_more_than_the_budget(
    case: tuple[Wish, datetime, list[datetime]], steps: list[int]
) -> None:
    wish, now, _ = case
    sent: list[datetime] = []
    for step in steps:
        now += step * QUARTER
        if quiet.wait_until(wish, now=now, sent=sent) == now:
            sent.append(now)
    for one in sent:
        begins, ends = _day_begins(wish, one), _next_day_begins(wish, one)
        assert sum(begins <= other < ends for other in sent) <= wish.budget


@given(cases(), st.sampled_from(ZONES))
def test_in_another_zone_it_is_only_another_time(case: tuple[Wish, datetime, list[datetime]], zone: ZoneInfo) -> None:
    wish, now, sent = case
    moved = Wish(zone=zone, budget=wish.budget, until=wish.until, hours=wish.hours)
    at = quiet.wait_until(moved, now=now, sent=sent)
    assert at is not None
    assert allowed(moved, at, sent)
    waits_days = (at - max(now, wish.until or now)) / timedelta(days=1)
    assert waits_days <= 4, "nobody waits for ever (a zone may leave out a day)"


def test_no_budget_is_never() -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert quiet.wait_until(Wish(zone=MADRID, budget=0), now=now, sent=[]) is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-01-05T12:00", "2026-01-05T12:00"),
        ("2026-01-05T21:00", "2026-01-06T08:00"),
        ("2026-01-05T23:59", "2026-01-06T08:00"),
        ("2026-01-06T07:59", "2026-01-06T08:00"),
        ("2026-03-28T22:00", "2026-03-29T08:00"),  # an hour shorter, and still eight by the clock on the wall
        ("2026-10-24T22:00", "2026-10-25T08:00"),
    ],
)
def test_the_night_is_quiet_by_the_clock_on_the_wall(now: str, expected: str) -> None:
    begin, end = (datetime.fromisoformat(one).replace(tzinfo=MADRID) for one in (now, expected))
    assert quiet.wait_until(Wish(zone=MADRID), now=begin.astimezone(UTC), sent=[]) == end.astimezone(UTC)


def test_what_does_not_fit_today_comes_in_the_morning() -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=MADRID)
    at = quiet.wait_until(Wish(zone=MADRID), now=now, sent=[now - timedelta(hours=1)])
    assert at == datetime(2026, 1, 6, 8, tzinfo=MADRID)
    assert quiet.wait_until(Wish(zone=MADRID, budget=2), now=now, sent=[now - timedelta(hours=1)]) == now


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:00-7:00", Hours(time(22), time(7))),
        ("22-7", Hours(time(22), time(7))),
        ("21.30 – 24:00", Hours(time(21, 30), time(0))),
        ("9h bis 17h", Hours(time(9), time(17))),
        ("7-7", None),
        ("25-7", None),
        ("22:60-7", None),
        ("22", None),
        ("", None),
    ],
)
def test_hours_as_people_write_them(text: str, expected: Hours | None) -> None:
    assert quiet.read_hours(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2w", timedelta(weeks=2)),
        ("2 semanas", timedelta(weeks=2)),
        ("3 Tage", timedelta(days=3)),
        ("12 Stunden", timedelta(hours=12)),
        ("12 std", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        ("0d", None),
        ("53w", None),
        ("two weeks", None),
    ],
)
def test_how_long_as_people_write_it(text: str, expected: timedelta | None) -> None:
    assert quiet.read_stretch(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon 18:00", Rhythm("MO", time(18))),
        ("Lunes 9", Rhythm("MO", time(9))),
        ("Mo 18 h", Rhythm("MO", time(18))),
        ("daily 8", Rhythm(None, time(8))),
        ("täglich 8:30", Rhythm(None, time(8, 30))),
        ("mon", None),
        ("someday 8", None),
        ("mon 25:00", None),
    ],
)
def test_a_rhythm_as_people_write_it(text: str, expected: Rhythm | None) -> None:
    assert quiet.read_rhythm(text) == expected


def test_no_word_means_two_days() -> None:
    names = [name for names in quiet._DAYS.values() for name in names]
    assert len(names) == len(set(names))


@given(st.sampled_from([None, *quiet.WEEKDAYS]), quarters, wheres)
def test_the_first_digest_is_the_next_such_time(day: str | None, at: time, where: tuple[datetime, ZoneInfo]) -> None:
    local, zone = where
    after = local.replace(tzinfo=zone).astimezone(UTC)
    first = Rhythm(day, at).first(after=after, zone=zone)
    instant = first.replace(tzinfo=zone).astimezone(UTC)
    assert first.time() == at
    assert day is None or quiet.WEEKDAYS[first.weekday()] == day
    assert instant > after
    # A zone may leave out a day or a time of day; at most that is lost.
    assert instant - after <= timedelta(days=9 if day else 3)


def test_the_hours_that_everybody_has() -> None:
    assert str(HOURS_DEFAULT) == "21:00-08:00"
