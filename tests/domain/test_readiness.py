"""How a drill went, when the next one is, and what is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import readiness
from bot.domain.admission import same_branch
from bot.domain.readiness import Called, Readiness

SECOND = timedelta(seconds=1)

times = st.none() | st.integers(0, 7200).map(lambda seconds: timedelta(seconds=seconds))
people = st.lists(
    st.builds(
        Called,
        ring=st.none() | st.integers(0, 3),
        delivered=st.booleans(),
        unreachable=st.booleans(),
        waits=st.booleans(),
        after=times,
    ),
    max_size=40,
)
windows = st.integers(1, 3600).map(lambda seconds: timedelta(seconds=seconds))


@given(people, windows)
def test_figures_add_up(called: list[Called], window: timedelta) -> None:
    score = readiness.score(called, window=window)
    assert score.told + score.waiting == len(called)
    assert score.in_time <= score.answered <= score.delivered <= score.told
    assert score.answered + score.unreachable <= score.told
    assert 0 <= score.share <= readiness.WHOLE
    assert sum(ring.told for ring in score.rings) <= score.told
    assert sum(ring.in_time for ring in score.rings) <= score.in_time
    assert all(0 < ring.told >= ring.in_time for ring in score.rings)


@given(people, windows, st.randoms(use_true_random=False))
def test_it_does_not_matter_who_is_looked_at_first(called: list[Called], window: timedelta, chance: object) -> None:
    shuffled = [*called]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert readiness.score(shuffled, window=window) == readiness.score(called, window=window)


@given(people, windows)
def test_half_of_the_answers_came_until_the_median_and_none_before_the_first(
    called: list[Called], window: timedelta
) -> None:
    score = readiness.score(called, window=window)
    after = [one.after for one in called if one.after is not None]
    if not after:
        assert score.first is None
        assert score.median is None
        return
    assert score.first == min(after)
    assert score.median in after
    assert 2 * sum(one <= score.median for one in after) >= len(after)
    assert 2 * sum(one < score.median for one in after) < len(after)


@given(people, windows, windows)
def test_more_time_never_makes_it_worse(called: list[Called], one: timedelta, other: timedelta) -> None:
    less, more = sorted((one, other))
    assert readiness.score(called, window=less).share <= readiness.score(called, window=more).share


@given(people, windows, st.data())
def test_one_answer_more_in_time_never_makes_it_worse(
    called: list[Called], window: timedelta, data: st.DataObject
) -> None:
    silent = [place for place, one in enumerate(called) if one.after is None and not one.waits]
    if not silent:
        return
    place = data.draw(st.sampled_from(silent))
    before = readiness.score(called, window=window)
    called[place] = replace(called[place], after=SECOND)
    after = readiness.score(called, window=window)
    assert after.share >= before.share
    assert after.in_time == before.in_time + 1
    assert after.told == before.told


@given(people, windows)
def test_whose_quiet_hours_were_left_in_peace_do_not_count_against_it(called: list[Called], window: timedelta) -> None:
    score = readiness.score(called, window=window)
    more = readiness.score([*called, Called(ring=2, waits=True)], window=window)
    assert more.share == score.share
    assert more.waiting == score.waiting + 1


def test_a_drill_in_which_nobody_was_called_is_never_good() -> None:
    assert not readiness.score([], window=SECOND).good(0)


@pytest.mark.parametrize(("answered", "good"), [(0, False), (1, False), (2, True), (4, True)])
def test_it_is_good_from_the_bar_on(answered: int, good: bool) -> None:
    called = [Called(ring=0, after=SECOND if number < answered else None) for number in range(4)]
    assert readiness.score(called, window=SECOND).good(readiness.BAR) is good


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)), st.text(max_size=20))
def test_the_next_drill_is_next_month_by_day(today: date, seed: str) -> None:
    at = readiness.next_drill(today, seed)
    assert (at.year * 12 + at.month) - (today.year * 12 + today.month) == 1
    assert at.date() > today
    assert at.hour in readiness.HOURS
    assert at == readiness.next_drill(today, seed)


def test_nobody_can_guess_when_it_is() -> None:
    days = {readiness.next_drill(date(2026, 1, 5), str(seed)) for seed in range(1000)}
    assert {at.day for at in days} == set(readiness.DAYS)
    assert {at.hour for at in days} == set(readiness.HOURS)


def test_each_kind_has_its_turn() -> None:
    kinds, seen, last = ("eviction", "raid", "strike"), [], None
    for _ in range(4):
        last = readiness.rotated(kinds, last)
        seen.append(last)
    assert seen == ["eviction", "raid", "strike", "eviction"]
    assert readiness.rotated(kinds, "gone") == "eviction"


READY = Readiness(
    good_drill=timedelta(days=3),
    on_call=True,
    confirmable=True,
    unreachable=0,
    legal=True,
    lacking=(),
    encrypted=True,
    planned=True,
)


def test_where_all_is_well_nothing_is_broken() -> None:
    assert readiness.faults(READY) == ()


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (replace(READY, good_drill=None), "no_drill"),
        (replace(READY, good_drill=readiness.STALE + SECOND), "no_drill"),
        (replace(READY, on_call=False), "no_on_call"),
        (replace(READY, confirmable=False), "no_second"),
        (replace(READY, unreachable=1), "unreachable"),
        (replace(READY, legal=False), "no_legal"),
        (replace(READY, lacking=("van",)), "needs"),
        (replace(READY, encrypted=False), "unencrypted"),
        (replace(READY, planned=False), "not_planned"),
    ],
)
def test_what_is_broken_is_said_and_nothing_else(broken: Readiness, fault: str) -> None:
    assert readiness.faults(broken) == (fault,)


def test_nothing_is_said_of_what_nobody_deals_with_here() -> None:
    assert readiness.faults(replace(READY, on_call=None, legal=None, encrypted=None)) == ()


@given(
    st.dictionaries(st.integers(1, 8), st.integers(1, 8)), st.frozensets(st.integers(1, 8)), st.sets(st.integers(1, 8))
)
def test_two_can_confirm_where_some_pair_is_of_two_branches(
    inviters: dict[int, int], trunk: frozenset[int], people: set[int]
) -> None:
    inviters = {one: by for one, by in inviters.items() if by < one}
    some = any(not same_branch(one, other, inviters, trunk=trunk) for one, other in combinations(people, 2))
    assert readiness.confirmable(people, inviters, trunk=trunk) is some
