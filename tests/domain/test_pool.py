"""The income pool, for any households and any rule."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pool import SEEN_FROM, WEIGHT, Agreed, By, Household, homes, parts, shares, weight

AGREED = st.builds(
    Agreed,
    by=st.sampled_from(["equal", "heads", "needs"]),
    child=st.integers(WEIGHT.low, WEIGHT.high),
    care=st.integers(WEIGHT.low, WEIGHT.high),
)


@st.composite
def villages(draw: st.DrawFn, *, least: int = 1) -> list[Household]:
    found, next_ = [], 1
    for _ in range(draw(st.integers(least, 8))):
        adults = tuple(range(next_, next_ + draw(st.integers(1, 4))))
        next_ += len(adults)
        caring = draw(st.integers(0, len(adults)))
        found.append(Household(id=adults[0], adults=adults, children=draw(st.integers(0, 5)), caring=caring))
    return found


@given(total=st.integers(0, 10**9), village=villages(), agreed=AGREED)
def test_the_shares_sum_to_the_whole(total: int, village: list[Household], agreed: Agreed) -> None:
    assert sum(shares(total, village, agreed).values()) == total
    found = parts(total, village, agreed)
    assert sum(found.values()) == total
    assert found.keys() == {id_ for one in village for id_ in one.adults}
    assert min(found.values()) >= 0


@given(total=st.integers(0, 10**9), village=villages(least=2), agreed=AGREED)
def test_equals_are_treated_equally_and_who_needs_more_gets_no_less(
    total: int, village: list[Household], agreed: Agreed
) -> None:
    found = shares(total, village, agreed)
    for one in village:
        for other in village:
            if weight(one, agreed) == weight(other, agreed):
                assert abs(found[one.id] - found[other.id]) <= 1
            if weight(one, agreed) > weight(other, agreed):
                assert found[one.id] >= found[other.id]


@given(total=st.integers(0, 10**6), village=villages(), agreed=AGREED, split=st.integers(1, 3))
def test_two_accounts_of_one_adult_who_shares_a_home_gain_nothing_where_homes_count(
    total: int, village: list[Household], agreed: Agreed, split: int
) -> None:
    agreed = replace(agreed, by="equal")
    before = shares(total, village, agreed)
    first = village[0]
    more = replace(first, adults=(*first.adults, *range(1000, 1000 + split)))
    assert shares(total, [more, *village[1:]], agreed) == before


@given(total=st.integers(0, 10**6), village=villages(), agreed=AGREED)
def test_a_home_that_is_told_as_two_gains_nothing_where_heads_count(
    total: int, village: list[Household], agreed: Agreed
) -> None:
    agreed = replace(agreed, by="heads" if agreed.by == "equal" else agreed.by)
    big = Household(id=500, adults=(500, 501), children=2, caring=1)
    two = [
        Household(id=500, adults=(500,), children=2, caring=1),
        Household(id=501, adults=(501,), children=0, caring=0),
    ]
    whole = shares(total, [*village, big], agreed)[500]
    halves = shares(total, [*village, *two], agreed)
    assert abs(halves[500] + halves[501] - whole) <= 1


def test_the_rules_of_an_example() -> None:
    alone = Household(id=1, adults=(1,))
    family = Household(id=2, adults=(2, 3), children=2, caring=1)
    assert shares(100, [alone, family], Agreed(by="equal")) == {1: 50, 2: 50}
    assert shares(100, [alone, family], Agreed(by="heads")) == {1: 20, 2: 80}
    # 1 to 2 + 2 x 0.5 + 0.5.
    assert shares(90, [alone, family], Agreed(by="needs")) == {1: 20, 2: 70}
    assert parts(100, [alone, family], Agreed(by="heads")) == {1: 20, 2: 40, 3: 40}
    assert shares(0, [], Agreed()) == {}


def test_households_are_those_who_share_a_home_and_have_said_yes() -> None:
    found = homes({1: 7, 2: None, 3: 7, 4: 8}, {7: 2, 9: 5}, {3, 99})
    assert found == (
        Household(id=1, adults=(1, 3), children=2, caring=1),
        Household(id=2, adults=(2,)),
        Household(id=4, adults=(4,)),
    )
    assert len(found) >= SEEN_FROM


@pytest.mark.parametrize("by", ["equal", "heads", "needs"])
def test_ten_thousand_households_are_shared_out_in_at_most_two_seconds(by: By) -> None:
    village = [Household(id=n, adults=(n,), children=n % 4, caring=n % 2) for n in range(10_000)]
    agreed = Agreed(by=by)
    began = time.process_time()
    assert sum(parts(123_456_789, village, agreed).values()) == 123_456_789
    assert time.process_time() - began < 2
