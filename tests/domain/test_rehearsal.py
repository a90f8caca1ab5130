"""Counting a quarter again by other rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ledger import Posting, balances
from bot.domain.policies import Counting, Scheme, plain
from bot.domain.rehearsal import Past, rehearse
from bot.text import Minutes
from tests.domain.test_policies import COMMITTEE, FUND, events, schemes

MONTHS = ("2026-09", "2026-10", "2026-11")
openings = st.dictionaries(st.integers(1, 50), st.integers(-(10**4), 10**4).map(Minutes), max_size=10)
quarters = st.lists(st.tuples(st.sampled_from(MONTHS), events()), max_size=12).map(
    lambda found: [Past(plain(event), month) for month, event in sorted(found, key=lambda one: one[0])]
)


def counting(scheme: Scheme) -> Counting:
    return Counting(scheme=scheme, fund=FUND, committee=COMMITTEE)


@given(opening=openings, past=quarters, scheme=schemes)
def test_nothing_is_made_or_lost_and_the_same_gives_the_same(
    opening: dict[int, Minutes], past: list[Past], scheme: Scheme
) -> None:
    found = rehearse(opening, past, counting(scheme))
    assert sum(found.balances.values()) == sum(opening.values())
    assert found.balances.get(FUND, 0) == found.levied + found.melted
    assert rehearse(opening, past, counting(scheme)) == found


@given(opening=openings, past=quarters)
def test_by_the_plain_rule_it_stands_as_the_books_do(opening: dict[int, Minutes], past: list[Past]) -> None:
    moved = balances(leg for one in past for leg in one.legs)
    expected = {key: opening.get(key, 0) + moved.get(key, 0) for key in opening.keys() | moved.keys()}
    assert rehearse(opening, past, counting(Scheme())).balances == expected


@given(opening=openings, past=quarters, scheme=schemes)
def test_nobody_who_was_only_helped_stands_lower_by_a_levy(
    opening: dict[int, Minutes], past: list[Past], scheme: Scheme
) -> None:
    levy = Scheme(levy=scheme.levy)
    before, after = rehearse(opening, past, counting(Scheme())), rehearse(opening, past, counting(levy))
    earned = {leg.account_id for one in past for leg in one.legs if leg.minutes > 0}
    for account, minutes in before.balances.items():
        assert after.balances[account] == minutes if account not in earned else after.balances[account] <= minutes


def test_each_month_melts_by_itself() -> None:
    past = [Past((), month, counted=False) for month in MONTHS]
    found = rehearse({1: Minutes(1000)}, past, counting(Scheme(melt=1000, above=Minutes(0))))
    assert found.balances == {1: 729, FUND: 271}


def test_what_was_no_exchange_moves_as_it_stands() -> None:
    gift = Past((Posting(1, Minutes(-60)), Posting(COMMITTEE, Minutes(60))), "2026-11", counted=False)
    found = rehearse({}, [gift], counting(Scheme(levy=5000)))
    assert found.balances == {1: -60, COMMITTEE: 60}


def test_as_gifts_nothing_that_was_counted_would_have_moved() -> None:
    past = [Past((Posting(1, Minutes(-60)), Posting(2, Minutes(60))), "2026-11")]
    assert rehearse({1: Minutes(5)}, past, counting(Scheme(base="gift"))).balances == {1: 5}


def test_by_effort_hard_hours_would_have_counted_for_more_and_no_hour_is_made() -> None:
    past = [
        Past((Posting(1, Minutes(600)), Posting(3, Minutes(-600))), "2026-11", task_class="unpleasant"),
        Past((Posting(2, Minutes(600)), Posting(4, Minutes(-600))), "2026-11", task_class="pleasant"),
    ]
    found = rehearse({}, past, counting(Scheme(base="effort"))).balances
    # 600 x 1.3 and 600 x 0.8 are shares of 1200.
    assert found == {1: 743, 2: 457, 3: -600, 4: -600}


def test_who_pools_would_have_had_an_allowance_and_never_more_than_there_was() -> None:
    past = [Past((Posting(1, Minutes(90)), Posting(3, Minutes(-90))), "2026-11")]
    pooled = Counting(
        scheme=Scheme(base="pooled", allowance=Minutes(60)),
        fund=FUND,
        committee=COMMITTEE,
        pooling=frozenset({1, 2}),
    )
    assert rehearse({}, past, pooled).balances == {1: 45, 2: 45, 3: -90, FUND: 0}
