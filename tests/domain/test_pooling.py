"""Allowances and quotas: nothing beyond what is there, equals equally, and a fair part of a month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policies import Counting, Event, Scheme, plain
from bot.domain.pooling import Span, Terms, allowances, due, settle, shared, together
from bot.text import Minutes

MINUTES = st.integers(0, 20_000).map(Minutes)
MONTH = (1_000, 4_000)
SPANS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), max_size=5)


@given(claims=st.dictionaries(st.integers(1, 50), MINUTES, max_size=12), there=st.integers(-500, 100_000).map(Minutes))
def test_no_allowance_goes_beyond_the_fund_and_equals_get_the_same(
    claims: Mapping[int, Minutes], there: Minutes
) -> None:
    paid = allowances(claims, there)
    assert paid.keys() == claims.keys()
    assert sum(paid.values()) <= max(0, there)
    assert all(0 <= paid[key] <= claim for key, claim in claims.items())
    for one in claims:
        for other in claims:
            if claims[one] == claims[other]:
                assert paid[one] == paid[other]
            if claims[one] < claims[other]:
                assert paid[one] <= paid[other]
    if sum(claims.values()) <= max(0, there):
        assert paid == claims
    else:
        # What is left in the fund is less than a minute for each.
        assert max(0, there) - sum(paid.values()) < len(claims)


@given(spans=SPANS, held=st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)))
def test_time_is_counted_once_however_often_it_is_named(spans: Sequence[Span], held: Span) -> None:
    moments = {at for begin, end in spans for at in range(begin, end)}
    assert shared(spans, held) == len(moments & set(range(*held)))
    assert shared([*spans, *spans], held) == shared(spans, held)
    assert together(together(spans)) == together(spans)


TERMS = st.lists(
    st.builds(
        lambda allowance, quota, begin, length: Terms(allowance=allowance, quota=quota, held=(begin, begin + length)),
        MINUTES,
        MINUTES,
        st.integers(0, 4_500),
        st.integers(1, 4_000),
    ),
    max_size=1,
)


@given(terms=TERMS, cut=st.integers(1_000, 4_000), relief=st.integers(0, 10_000), extra=MINUTES)
def test_parts_of_a_month_are_together_never_more_than_the_whole(
    terms: Sequence[Terms], cut: int, relief: int, extra: Minutes
) -> None:
    def of(*spans: Span) -> tuple[int, int]:
        found = due(spans, terms, MONTH, relief=relief, extra=extra)
        return (0, 0) if found is None else (found.allowance, found.quota or 0)

    whole, before, after = of((0, 9_000)), of((0, cut)), of((cut, 9_000))
    for one, first, second in zip(whole, before, after, strict=True):
        assert one - 3 <= first + second <= one + 1
        assert max(first, second) <= one
    assert of((0, cut), (cut, 9_000)) == whole


@given(quota=MINUTES, relief=st.integers(0, 10_000))
def test_a_whole_month_is_the_whole_quota_less_the_relief(quota: Minutes, relief: int) -> None:
    terms = [Terms(allowance=Minutes(600), quota=quota, held=(0, 9_000))]
    found = due([(500, 9_000)], terms, MONTH, relief=relief, extra=Minutes(60))
    assert found is not None
    assert found.allowance == 660
    assert (found.quota is None) == (quota == 0)
    if found.quota is not None:
        assert found.quota == quota * (10_000 - relief) // 10_000
    assert due([(4_000, 9_000)], terms, MONTH, relief=relief, extra=Minutes(60)) is None


@given(months=st.lists(st.tuples(MINUTES, MINUTES), max_size=6))
def test_leave_is_what_was_done_beyond_and_never_below_zero(months: Sequence[tuple[Minutes, Minutes]]) -> None:
    leave, lacking = Minutes(0), 0
    for done, quota in months:
        found = settle(done, quota, leave)
        assert found.leave >= 0
        assert found.short >= 0
        assert not (found.leave and found.short)
        leave, lacking = found.leave, lacking + found.short
    assert leave - lacking == sum(done - quota for done, quota in months)


@given(
    minutes=st.integers(1, 600).map(Minutes),
    levy=st.integers(0, 5_000),
    pooling=st.frozensets(st.integers(1, 6)),
    providers=st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True),
    receivers=st.lists(st.integers(4, 6), min_size=1, max_size=3, unique=True),
)
def test_an_exchange_between_pooling_and_not_pooling_members_sums_to_zero(
    minutes: Minutes, levy: int, pooling: frozenset[int], providers: list[int], receivers: list[int]
) -> None:
    fund, committee = 7, 8
    hours = plain(Event(providers=tuple(providers), receivers=tuple(receivers), minutes=minutes, committee=committee))
    by = Counting(scheme=Scheme(base="pooled", levy=levy), fund=fund, committee=committee, pooling=pooling)
    legs = {leg.account_id: leg.minutes for leg in by.legs(hours)}
    assert sum(legs.values()) == 0
    for provider in providers:
        assert (provider in legs) == (provider not in pooling)
    assert all(
        legs[receiver] == leg.minutes
        for receiver, leg in {one.account_id: one for one in hours if one.minutes < 0}.items()
    )
    assert (legs.get(fund, 0) > 0) == (
        bool(pooling & set(providers)) or any(minutes * levy // 10_000 for _ in providers)
    )
