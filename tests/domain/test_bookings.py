"""Shared things: what lines say, what may be booked, who gets it where it is scarce, and what is free instead."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import bookings
from bot.domain.bookings import DAY, Outcome, Request, Span, Terms, When

MADRID = ZoneInfo("Europe/Madrid")
MONDAY = datetime(2026, 1, 5, 18)
T0 = datetime(2026, 1, 5, 18, tzinfo=UTC)


def wall(day: int, hour: int, minute: int = 0) -> datetime:
    """A wall time in January."""
    return datetime(2026, 1, day, hour, minute)


@pytest.mark.parametrize(
    ("line", "when", "count"),
    [
        ("sat 10:00 2h", When(wall(10, 10)), 2),
        ("saturday 10:00", When(wall(10, 10)), 2),
        ("10:00 sat", When(wall(10, 10)), 2),
        ("sat at 10", When(wall(10, 10)), 3),
        ("tomorrow 6pm 2h", When(wall(6, 18)), 2),
        ("today 19:30", When(wall(5, 19, 30)), 2),
        ("mon 10:00", When(wall(12, 10)), 2),
        ("mon 19:00", When(wall(5, 19)), 2),
        ("10:00 2h", When(wall(6, 10)), 1),
        ("12 jan 9:00", When(wall(12, 9)), 3),
        ("2026-01-10 10:00", When(wall(10, 10)), 2),
        ("sat 10:00-12:00 care", When(wall(10, 10), wall(10, 12)), 2),
        ("sat 10-12 care", When(wall(10, 10), wall(10, 12)), 2),
        ("sat 10 to 12", When(wall(10, 10), wall(10, 12)), 4),
        ("sat 22:00 to 2:00", When(wall(10, 22), wall(11, 2)), 4),
        ("fri 18:00 until sun 20:00", When(wall(9, 18), wall(11, 20)), 5),
        ("sat all day", When(wall(10, 0), wall(11, 0)), 3),
        ("sáb 18h 2h", When(wall(10, 18)), 2),
        ("el sábado a las 10 2h", When(wall(10, 10)), 5),
        ("mañana de 10 a 12", When(wall(6, 10), wall(6, 12)), 5),
        ("sábado todo el día", When(wall(10, 0), wall(11, 0)), 4),
        ("Sa 18 Uhr 2h", When(wall(10, 18)), 3),
        ("am Samstag um 10:00", When(wall(10, 10)), 4),
        ("Sa von 10 bis 12 Uhr", When(wall(10, 10), wall(10, 12)), 6),
        ("morgen ganztägig", When(wall(6, 0), wall(7, 0)), 2),
    ],
)
def test_a_line_says_when_in_every_language(line: str, when: When, count: int) -> None:
    assert bookings.read_when(line.split(), now=MONDAY) == (when, count)


@pytest.mark.parametrize(
    "line", ["", "sat", "2h", "sat 2h", "sat 2 days", "sat 25:00", "sat 13pm", "hall", "10", "12 dec"]
)
def test_what_is_no_time_is_not_taken_for_one(line: str) -> None:
    assert bookings.read_when(line.split(), now=MONDAY) is None


@given(st.lists(st.text(max_size=12), max_size=8))
def test_no_line_is_too_strange_to_read(words: list[str]) -> None:
    found = bookings.read_when(words, now=MONDAY)
    assert found is None or 0 < found[1] <= len(words)


def test_whole_days_are_days_of_the_calendar_and_hours_are_hours_when_clocks_change() -> None:
    # In Madrid clocks go forward on 29 March 2026 at 2:00, and back on 25 October at 3:00.
    eve = datetime(2026, 3, 28, 18)
    day = bookings.span_of(eve, DAY, MADRID)
    hours = bookings.span_of(eve, 12 * 60, MADRID)
    assert day is not None
    assert hours is not None
    assert day.minutes == 23 * 60
    assert hours.end.astimezone(MADRID).hour == 7
    autumn = bookings.span_of(datetime(2026, 10, 25), DAY, MADRID)
    assert autumn is not None
    assert autumn.minutes == 25 * 60
    assert bookings.fault(autumn, Terms(longest=DAY), now=T0.replace(month=10)) is None, "a whole day is a day"
    skipped = bookings.span_of(datetime(2026, 3, 29, 2, 30), 60, MADRID)
    assert skipped is not None
    assert f"{skipped.start.astimezone(MADRID):%H:%M}" == "03:30"
    assert bookings.span_of(eve, eve - timedelta(hours=1), MADRID) is None


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("assembly care other", ["assembly", "care"]),
        ("assembly > care > other", ["assembly", "care"]),
        ("kids and youth, assembly, other", ["kids and youth", "assembly"]),
        ("Plenum Beratung anderes", ["Plenum", "Beratung"]),
        ("asamblea cuidados otros", ["asamblea", "cuidados"]),
        ("other", []),
        (" , ", []),
    ],
)
def test_an_order_of_purposes_ends_with_everything_else(line: str, names: list[str]) -> None:
    assert bookings.read_purposes(line) == names


def test_a_line_begins_with_a_purpose_or_is_words() -> None:
    names = ["assembly", "kids and youth"]
    assert bookings.split_purpose("Assembly, spring plenary", names) == (0, "spring plenary")
    assert bookings.split_purpose("kids and youth", names) == (1, "")
    assert bookings.split_purpose("yoga", names) == (None, "yoga")
    assert bookings.split_purpose("", names) == (None, "")


TERMS = Terms(longest=120, ahead_days=10)


@pytest.mark.parametrize(
    ("begins_min", "long", "fault"),
    [
        (60, 60, None),
        (60, 120, None),
        (60, 121, "long"),
        (60, 14, "short"),
        (-120, 60, "over"),
        (-10, 60, None),
        (10 * DAY, 60, None),
        (10 * DAY + 1, 60, "ahead"),
    ],
)
def test_what_may_be_booked(begins_min: int, long: int, fault: str | None) -> None:
    start = T0 + timedelta(minutes=begins_min)
    assert bookings.fault(Span(start, start + timedelta(minutes=long)), TERMS, now=T0) == fault


# --- who gets it -------------------------------------------------------------------------------------------------


@st.composite
def requests(draw: st.DrawFn) -> list[Request]:
    """Some requests for a few days, by few people, for few purposes, some at the very same instant."""
    found = []
    for id_ in range(1, draw(st.integers(1, 9)) + 1):
        start = T0 + timedelta(hours=draw(st.integers(0, 24)))
        found.append(
            Request(
                id=id_,
                member=draw(st.integers(1, 4)),
                span=Span(start, start + timedelta(hours=draw(st.integers(1, 6)))),
                place=draw(st.integers(0, 2)),
                asked=T0 - timedelta(hours=draw(st.integers(1, 3))),
            )
        )
    return found


HAD = st.dictionaries(st.integers(1, 4), st.integers(0, 3).map(lambda hours: hours * 60))
TAKEN = st.lists(
    st.tuples(st.integers(0, 24), st.integers(1, 3)).map(
        lambda one: Span(T0 + timedelta(hours=one[0]), T0 + timedelta(hours=sum(one)))
    ),
    max_size=2,
)


@given(requests(), HAD, TAKEN)
def test_nobody_has_it_together_with_somebody_else_and_no_time_is_kept_from_who_could_have_it(
    asked: list[Request], had: dict[int, int], taken: list[Span]
) -> None:
    outcomes = {one.id: one for one in bookings.allot(asked, had=had, taken=taken)}
    assert outcomes.keys() == {one.id for one in asked}
    won = [one for one in asked if outcomes[one.id].won]
    assert not any(one.span.meets(other.span) for one, other in combinations(won, 2))
    for one in asked:
        stands_in_its_way = any(one.span.meets(span) for span in [*taken, *(other.span for other in won)])
        assert outcomes[one.id].won or stands_in_its_way


@given(requests(), HAD, TAKEN)
def test_whoever_loses_has_lost_to_who_goes_first_and_the_reason_is_true(
    asked: list[Request], had: dict[int, int], taken: list[Span]
) -> None:
    by_id = {one.id: one for one in asked}
    outcomes = {one.id: one for one in bookings.allot(asked, had=had, taken=taken)}
    for id_, outcome in outcomes.items():
        if outcome.to is None:
            continue
        mine, theirs = by_id[id_], by_id[outcome.to]
        assert mine.span.meets(theirs.span)
        assert outcome.won != outcomes[theirs.id].won
        first, last = (mine, theirs) if outcome.won else (theirs, mine)
        first_had, last_had = (outcome.had, outcome.their_had) if outcome.won else (outcome.their_had, outcome.had)
        match outcome.by:
            case "purpose":
                assert first.place < last.place
            case "had":
                assert (first.place, first_had < last_had) == (last.place, True)
            case _:
                assert (first.place, first_had) == (last.place, last_had)
                assert (first.asked, first.id) < (last.asked, last.id)


@given(requests(), HAD, st.randoms(use_true_random=False))
def test_it_does_not_matter_in_which_order_requests_are_looked_at(
    asked: list[Request], had: dict[int, int], chance: random.Random
) -> None:
    shuffled = chance.sample(asked, len(asked))
    again = {one.id: one for one in bookings.allot(shuffled, had=had)}
    assert {one.id: one for one in bookings.allot(asked, had=had)} == again


@given(requests(), HAD)
def test_equals_are_treated_equally_who_they_are_does_not_count(asked: list[Request], had: dict[int, int]) -> None:
    """Everybody under another number: the same requests win."""
    other = [replace(one, member=one.member + 100) for one in asked]
    their_had = {member + 100: minutes for member, minutes in had.items()}
    assert bookings.allot(asked, had=had) == bookings.allot(other, had=their_had)


@given(requests(), HAD, st.data())
def test_a_purpose_that_goes_first_never_loses_somebody_their_time(
    asked: list[Request], had: dict[int, int], data: st.DataObject
) -> None:
    """A single request that is moved forward in the order does not do worse by it."""
    one = data.draw(st.sampled_from(asked))
    before = {found.id: found.won for found in bookings.allot(asked, had=had)}
    better = [replace(other, place=-1) if other.id == one.id else other for other in asked]
    after = {found.id: found.won for found in bookings.allot(better, had=had)}
    assert after[one.id]
    assert after[one.id] >= before[one.id]


def test_at_the_very_same_instant_the_first_in_the_book_has_it() -> None:
    span = Span(T0, T0 + timedelta(hours=1))
    asked = [Request(id=id_, member=id_, span=span, place=0, asked=T0) for id_ in (2, 1)]
    assert [(one.id, one.won, one.by) for one in bookings.allot(asked, had={})] == [
        (2, False, "asked"),
        (1, True, "asked"),
    ]


def test_asking_in_parts_gains_nothing() -> None:
    """Whoever asks for two hours in two parts has had the first of them when the second is decided."""
    early, late = Span(T0, T0 + timedelta(hours=1)), Span(T0 + timedelta(hours=1), T0 + timedelta(hours=2))
    asked = [
        Request(id=1, member=1, span=early, place=0, asked=T0),
        Request(id=2, member=1, span=late, place=0, asked=T0),
        Request(id=3, member=2, span=late, place=0, asked=T0 + timedelta(hours=1)),
    ]
    outcomes = bookings.allot(asked, had={})
    assert [one.won for one in outcomes] == [True, False, True]
    assert outcomes[1] == Outcome(id=2, won=False, to=3, by="had", had=60, their_had=0)


@given(requests())
def test_those_who_share_time_are_decided_together_and_nobody_else(asked: list[Request]) -> None:
    group = bookings.together(asked[0], asked)
    inside = {one.id for one in group}
    assert asked[0].id in inside
    for one in asked:
        touches = any(one.span.meets(other.span) for other in group)
        assert (one.id in inside) == touches or one.id == asked[0].id


@given(st.integers(0, 20 * DAY), st.one_of(st.none(), st.integers(60, 14 * DAY)))
def test_a_booking_is_firm_between_now_and_its_beginning(begins_min: int, before: int | None) -> None:
    start = T0 + timedelta(minutes=begins_min)
    at = bookings.firm_at(Span(start, start + timedelta(hours=1)), Terms(longest=60, firm=before), now=T0)
    assert T0 <= at <= max(T0, start)
    assert before is not None or at == T0


# --- what is free, and reminders ---------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(1, 16), TAKEN)
def test_what_is_offered_instead_is_free_as_long_and_may_be_booked(
    begins: int, quarters: int, taken: list[Span]
) -> None:
    start = T0 + timedelta(hours=begins)
    wanted = Span(start, start + timedelta(minutes=15 * quarters))
    terms = Terms(longest=240, ahead_days=30)
    found = bookings.free_instead(wanted, taken, MADRID, terms=terms, now=T0)
    assert len(found) <= 3
    assert found == sorted(found)
    for local, span in found:
        assert span.minutes == wanted.minutes
        assert span.start.astimezone(MADRID).replace(tzinfo=None) == local
        assert not any(span.meets(other) for other in taken)
        assert bookings.fault(span, terms, now=T0) is None


def test_the_nearest_before_and_after_and_the_same_time_on_another_day_are_offered() -> None:
    def at(day: int, hour: int, hours: int = 2) -> Span:
        found = bookings.span_of(wall(day, hour), hours * 60, MADRID)
        assert found is not None
        return found

    taken = [at(10, 11), at(11, 10)]
    found = bookings.free_instead(at(10, 10), taken, MADRID, terms=Terms(longest=240), now=T0)
    assert [local for local, _ in found] == [wall(10, 9), wall(10, 13), wall(12, 10)]


@given(st.integers(0, 60 * 24 * 5))
def test_a_reminder_comes_before_it_begins_and_not_when_one_has_just_booked(begins_min: int) -> None:
    start = T0 + timedelta(minutes=begins_min)
    at = bookings.remind_at(Span(start, start + timedelta(hours=1)), MADRID, now=T0)
    assert at is None or T0 + timedelta(hours=3) <= at < start
    assert at is not None or begins_min < 4 * 60
