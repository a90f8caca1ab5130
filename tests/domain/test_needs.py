"""Sharing out by need, for every fund and any requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.needs import CLASSES, RESERVE_MAX, Need, at_once, awards, constrained_equal, spendable, unmet
from bot.text import Minutes

claims = st.dictionaries(st.integers(1, 60), st.integers(1, 10**5), max_size=12)


@st.composite
def needs(draw: st.DrawFn) -> list[Need]:
    return [
        Need(
            id=id_,
            minutes=Minutes(draw(st.integers(1, 5000))),
            class_=draw(st.sampled_from(CLASSES)),
            weight=draw(st.integers(1, 4)),
        )
        for id_ in range(1, draw(st.integers(0, 10)) + 1)
    ]


there = st.integers(0, 40_000).map(Minutes)


@given(found=needs(), there=there)
def test_nobody_gets_more_than_they_ask_for_and_the_fund_gives_no_more_than_it_has(
    found: list[Need], there: Minutes
) -> None:
    given_ = awards(found, there)
    assert given_.keys() == {need.id for need in found}
    assert all(0 <= given_[need.id] <= need.minutes for need in found)
    assert sum(given_.values()) == min(there, sum(need.minutes for need in found)), (
        "and all of it where it is asked for"
    )
    assert unmet(found, given_) == sum(need.minutes for need in found) - sum(given_.values())


@given(found=needs(), there=there)
def test_what_is_less_urgent_waits_until_all_else_is_met(found: list[Need], there: Minutes) -> None:
    given_ = awards(found, there)
    for need in found:
        if given_[need.id]:
            assert all(given_[more.id] == more.minutes for more in found if more.class_ < need.class_)


@given(claims=claims, there=there)
def test_equals_are_treated_equally(claims: dict[int, int], there: int) -> None:
    given_ = constrained_equal(claims, there)
    lacking = [key for key in claims if given_[key] < claims[key]]
    for key in lacking:
        # Whoever lacks something has at least what anybody else has, to the minute.
        assert all(given_[key] >= given_[other] - 1 for other in claims)


@given(claims=claims, there=there, more=st.integers(1, 10**5), who=st.integers(0, 11))
def test_asking_for_more_than_one_could_get_gains_nothing(
    claims: dict[int, int], there: int, more: int, who: int
) -> None:
    if not claims:
        return
    key = sorted(claims)[who % len(claims)]
    before = constrained_equal(claims, there)
    if before[key] == claims[key]:
        return
    after = constrained_equal(claims | {key: claims[key] + more}, there)
    assert after == before


@given(claims=claims, there=there, more=st.integers(0, 10**4))
def test_a_fuller_fund_leaves_nobody_with_less(claims: dict[int, int], there: int, more: int) -> None:
    before, after = constrained_equal(claims, there), constrained_equal(claims, there + more)
    assert all(after[key] >= before[key] for key in claims)


@given(claims=claims, there=there, weight=st.integers(1, 5))
def test_weights_that_are_alike_change_nothing_but_the_last_minutes(
    claims: dict[int, int], there: int, weight: int
) -> None:
    plain = constrained_equal(claims, there)
    weighted = constrained_equal(claims, there, weights=dict.fromkeys(claims, weight))
    assert all(abs(plain[key] - weighted[key]) <= weight for key in claims)


def test_a_household_of_three_counts_three_parts() -> None:
    found = [Need(id=1, minutes=Minutes(600), class_=1, weight=3), Need(id=2, minutes=Minutes(600), class_=1)]
    assert awards(found, Minutes(400)) == {1: 300, 2: 100}


@given(fund=st.integers(-(10**6), 10**6).map(Minutes), reserve=st.integers(0, RESERVE_MAX))
def test_the_reserve_stays(fund: Minutes, reserve: int) -> None:
    free = spendable(fund, reserve)
    assert 0 <= free <= max(0, fund)
    assert (max(0, fund) - free) * 10_000 >= max(0, fund) * reserve


@given(fund=st.integers(-1000, 40_000), reserve=st.integers(0, RESERVE_MAX), kept=st.integers(0, 40_000))
def test_the_larger_of_the_two_reserves_stays_in_the_fund(fund: int, reserve: int, kept: int) -> None:
    free = spendable(Minutes(fund), reserve, Minutes(kept))
    assert free >= 0
    if free:
        assert fund - free >= kept
        assert (fund - free) * 10_000 >= fund * reserve
    assert free == min(spendable(Minutes(fund), reserve), spendable(Minutes(fund), 0, Minutes(kept)))


@given(
    wanted=st.integers(1, 6000), cap=st.integers(0, 6000), drawn=st.integers(0, 9000), fund=st.integers(-1000, 40_000)
)
def test_urgent_help_is_paid_up_to_what_is_left_of_the_cap_and_of_the_fund(
    wanted: int, cap: int, drawn: int, fund: int
) -> None:
    paid = at_once(Minutes(wanted), cap=Minutes(cap), drawn=Minutes(drawn), fund=Minutes(fund))
    assert 0 <= paid <= wanted
    assert paid == 0 or paid <= min(cap - drawn, fund)
    assert paid == wanted or paid == max(0, min(cap - drawn, fund)), "no less than could be"
