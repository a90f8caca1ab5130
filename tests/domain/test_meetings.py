"""When to meet: how times are read, and which one is the best."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import meetings
from bot.domain.meetings import MAYBE, NO, YES, Doubt, Time

NOW = datetime(2026, 1, 5, 18)
FIRST = datetime(2026, 1, 10, 10, tzinfo=UTC)


def wall(*parts: int) -> datetime:
    return datetime(2026, *parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "start", "minutes"),
    [
        ("sat 10:00", wall(1, 10, 10), None),
        ("sáb 10:00", wall(1, 10, 10), None),
        ("Sa 10 Uhr", wall(1, 10, 10), None),
        ("tomorrow 18-20 h", wall(1, 6, 18), 120),
        ("14.2. 19:30", wall(2, 14, 19, 30), None),
        ("10:00 saturday", wall(1, 10, 10), None),
    ],
)
def test_a_time(written: str, start: datetime, minutes: int | None) -> None:
    assert meetings.read_time(written, now=NOW) == Time(start=start, minutes=minutes)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sat 7", [wall(1, 10, 7), wall(1, 10, 19)]),
        ("sat 11", [wall(1, 10, 11), wall(1, 10, 23)]),
        ("3/4 20:00", [wall(4, 3, 20), wall(3, 4, 20)]),
    ],
)
def test_what_can_mean_two_times_is_in_doubt(written: str, meant: list[datetime]) -> None:
    found = meetings.read_time(written, now=NOW)
    assert isinstance(found, Doubt)
    assert [at for _, at in found.instead] == meant
    for instead, at in found.instead:
        assert meetings.read_time(instead, now=NOW) == Time(start=at), "the answer says one thing"


@pytest.mark.parametrize("written", ["sometime", "sat", "friday-ish", "", "31.2. 10:00", "sat 99"])
def test_what_is_no_time(written: str) -> None:
    assert meetings.read_time(written, now=NOW) is None


def test_who_must_be_there_and_how_long() -> None:
    assert meetings.read_settings(["must @ana and @ben", "lasts 1h30"]) == (["@ana", "@ben"], 90)
    assert meetings.read_settings(["imprescindible Ana", "dura 2 horas"]) == (["Ana"], 120)
    with pytest.raises(ValueError, match="lasts"):
        meetings.read_settings(["lasts forever"])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("yes no maybe", (YES, NO, MAYBE)),
        ("yes, if need be, no", (YES, MAYBE, NO)),
        ("sí si hace falta no", (YES, MAYBE, NO)),
        ("ja, zur Not, nein", (YES, MAYBE, NO)),
        ("no", (NO, NO, NO)),
    ],
)
def test_answers_in_a_line(written: str, said: tuple[int, ...]) -> None:
    assert meetings.read_answers(written, times=3) == said


@pytest.mark.parametrize("written", ["yes no", "yes no yes no", "yes no perhapsish", ""])
def test_answers_that_are_not_one_for_each_time(written: str) -> None:
    with pytest.raises(ValueError):
        meetings.read_answers(written, times=3)


ANSWERS = st.dictionaries(
    st.integers(1, 8), st.dictionaries(st.integers(1, 4), st.sampled_from([YES, MAYBE, NO])), max_size=8
)
TIMES = {place: FIRST + timedelta(hours=place) for place in range(1, 5)}


@given(ANSWERS, st.sets(st.integers(1, 8), max_size=3), st.randoms(use_true_random=False))
def test_the_best_time_is_the_one_the_card_says(answers: dict[int, dict[int, int]], needed: set[int], order) -> None:  # type: ignore[no-untyped-def]
    found = meetings.standings(TIMES, answers, needed=needed)
    best = meetings.best(found)
    able = [one for one in found if one.yes + one.maybe]
    if best is None:
        assert not able
        return
    one = best.time
    for other in able:
        better = (other.lacking, -(other.yes + other.maybe), -other.yes, other.start)
        assert (one.lacking, -(one.yes + one.maybe), -one.yes, one.start) <= better
    shuffled = list(answers.items())
    order.shuffle(shuffled)
    assert meetings.best(meetings.standings(TIMES, dict(shuffled), needed=needed)) == best


@given(ANSWERS, st.integers(1, 4), st.integers(1, 8))
def test_saying_yes_to_the_best_time_never_makes_another_one_the_best(
    answers: dict[int, dict[int, int]], place: int, member: int
) -> None:
    best = meetings.best(meetings.standings(TIMES, answers))
    if best is None:
        return
    more = {**answers, member: {**answers.get(member, {}), best.time.place: YES}}
    again = meetings.best(meetings.standings(TIMES, more))
    assert again is not None
    assert again.time.place == best.time.place


@given(ANSWERS, st.sets(st.integers(1, 8), min_size=1, max_size=3))
def test_a_no_of_somebody_needed_counts_more_than_all_others(
    answers: dict[int, dict[int, int]], needed: set[int]
) -> None:
    found = meetings.standings(TIMES, answers, needed=needed)
    best = meetings.best(found)
    assert best is None or best.time.lacking == min(one.lacking for one in found if one.come)
