"""The rules by which hours are counted, for every amount and any number of people."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import grammar
from bot.domain.ledger import Posting, balances
from bot.domain.policies import (
    ABOVE,
    DERIVED_MOST,
    EQUAL,
    POLICIES,
    RATE,
    RELIEF,
    SHARINGS,
    Counting,
    Event,
    Scheme,
    Sharing,
    State,
    apportion,
    levied,
    melted,
    plain,
    pooled,
    portions,
    quota,
    rate_for,
)
from bot.text import Minutes, Refusal

COMMITTEE = 99

amounts = st.integers(1, grammar.MINUTES_MAX).map(Minutes)
sharings: st.SearchStrategy[Sharing] = st.sampled_from(SHARINGS)
weights = st.dictionaries(st.integers(1, 50), st.integers(0, 10**6), min_size=1, max_size=12).filter(
    lambda found: sum(found.values()) > 0
)


@st.composite
def events(draw: st.DrawFn, *, providers: int = 3, sharing: st.SearchStrategy[Sharing] = sharings) -> Event:
    """Help that one or more gave to one or more others, in any order."""
    count = draw(st.integers(1, providers))
    people = draw(st.lists(st.integers(1, 50), min_size=count + 1, max_size=count + 8, unique=True))
    chosen = draw(sharing)
    receivers = people[count:]
    if chosen == "chest" and len(receivers) < count:
        receivers += range(60, 60 + count - len(receivers))
    return Event(
        providers=tuple(people[:count]),
        receivers=tuple(receivers),
        minutes=draw(amounts),
        committee=COMMITTEE,
        sharing=chosen,
    )


def quoted(event: Event) -> dict[int, Minutes]:
    """By account what it gains or, below zero, gives."""
    return balances(EQUAL.quote(event, State(), {}))


# --- an hour is an hour --------------------------------------------------------------------------------------------


@given(event=events())
def test_what_is_quoted_sums_to_zero_and_no_leg_is_nothing(event: Event) -> None:
    legs = EQUAL.quote(event, State(), {})
    assert sum(leg.minutes for leg in legs) == 0
    assert all(leg.minutes for leg in legs)
    assert len({leg.account_id for leg in legs}) == len(legs)
    assert all(isinstance(leg.minutes, int) for leg in legs)


@given(event=events())
def test_whoever_helps_gains_exactly_their_time_whoever_pays(event: Event) -> None:
    found = quoted(event)
    assert {provider: found[provider] for provider in event.providers} == dict.fromkeys(event.providers, event.minutes)


@given(event=events(sharing=st.just("split")))
def test_those_who_came_share_the_hours_to_the_minute(event: Event) -> None:
    found = quoted(event)
    paid = sorted(-found.get(receiver, 0) for receiver in event.receivers)
    assert sum(paid) == event.minutes * len(event.providers)
    assert paid[-1] - paid[0] <= 1
    assert COMMITTEE not in found
    larger = [receiver for receiver in event.receivers if -found.get(receiver, 0) == paid[-1]]
    assert paid[0] == paid[-1] or sorted(event.receivers)[: len(larger)] == sorted(larger), "ties by the lower account"


@given(event=events(sharing=st.just("chest")))
def test_each_pays_the_whole_and_the_committee_has_what_is_over(event: Event) -> None:
    found = quoted(event)
    assert {found[receiver] for receiver in event.receivers} == {-event.minutes}
    over = event.minutes * (len(event.receivers) - len(event.providers))
    assert found.get(COMMITTEE, 0) == over >= 0


def test_the_chest_is_never_emptied_by_it() -> None:
    event = Event(providers=(1, 2), receivers=(3,), minutes=Minutes(60), committee=COMMITTEE, sharing="chest")
    with pytest.raises(Refusal):
        EQUAL.quote(event, State(), {})


@given(event=events(sharing=st.just("committee")))
def test_where_the_committee_pays_nobody_who_came_does(event: Event) -> None:
    found = quoted(event)
    assert found[COMMITTEE] == -event.minutes * len(event.providers)
    assert not found.keys() & set(event.receivers)


@given(event=events(), balance=st.integers(-(10**6), 10**6).map(Minutes))
def test_nothing_but_the_event_counts_and_the_same_always_gives_the_same(event: Event, balance: Minutes) -> None:
    rich = State(balances=dict.fromkeys((*event.providers, *event.receivers), balance))
    assert EQUAL.quote(event, rich, {"anything": 7}) == EQUAL.quote(event, State(), {})


def test_every_policy_is_found_by_the_name_and_version_that_entries_keep() -> None:
    assert POLICIES[EQUAL.name, EQUAL.version] is EQUAL
    assert all((policy.name, policy.version) == key for key, policy in POLICIES.items())


# --- sharing out ---------------------------------------------------------------------------------------------------


@given(total=st.integers(0, 10**7), weights=weights)
def test_shares_sum_to_the_whole_and_none_is_off_by_a_minute(total: int, weights: dict[int, int]) -> None:
    parts = apportion(total, weights)
    assert parts.keys() == weights.keys()
    assert sum(parts.values()) == total
    whole = sum(weights.values())
    for key, part in parts.items():
        exact = Fraction(total * weights[key], whole)
        assert exact - 1 < part < exact + 1
        assert part >= 0


@given(total=st.integers(0, 10**7), weights=weights)
def test_the_order_in_which_people_are_named_changes_no_share(total: int, weights: dict[int, int]) -> None:
    backwards = dict(sorted(weights.items(), reverse=True))
    assert apportion(total, dict(sorted(weights.items()))) == apportion(total, backwards)


@given(total=st.integers(0, 10**7), weights=weights)
def test_whoever_has_the_larger_remainder_is_rounded_up_first(total: int, weights: dict[int, int]) -> None:
    parts, whole = apportion(total, weights), sum(weights.values())
    remainders = {key: total * weight % whole for key, weight in weights.items()}
    up = {key for key in weights if parts[key] > total * weights[key] // whole}
    for one in up:
        for other in weights.keys() - up:
            assert (-remainders[one], one) < (-remainders[other], other)


# --- what each says yes to -----------------------------------------------------------------------------------------


@given(event=events(providers=1, sharing=st.sampled_from(["split", "chest"])))
def test_what_each_says_yes_to_is_their_own_part_and_all_of_it_is_what_was_quoted(event: Event) -> None:
    legs = EQUAL.quote(event, State(), {})
    (provider,) = event.providers
    found = portions(legs, first=provider)
    assert found.keys() == {leg.account_id for leg in legs if leg.minutes < 0}
    for account, portion in found.items():
        assert sum(leg.minutes for leg in portion) == 0
        assert all(leg.minutes for leg in portion)
        assert [leg.account_id for leg in portion if leg.minutes < 0] == [account]
        assert Posting(account, quoted(event)[account]) in portion
    together = balances([leg for portion in found.values() for leg in portion])
    assert together == balances(legs)


@given(minutes=amounts)
def test_somebody_who_does_not_come_leaves_the_others_parts_as_they_were_told(minutes: Minutes) -> None:
    event = Event(providers=(1,), receivers=(2, 3, 4), minutes=minutes, committee=COMMITTEE, sharing="chest")
    found = portions(EQUAL.quote(event, State(), {}), first=1)
    del found[3]
    left = balances([leg for portion in found.values() for leg in portion])
    assert left[2] == left[4] == -minutes
    assert sum(left.values()) == 0


# --- what goes to the common fund ----------------------------------------------------------------------------------

FUND = 98
rates = st.integers(RATE.low, RATE.high)


@given(event=events(), rate=rates)
def test_a_levy_takes_nothing_from_whoever_is_helped_and_loses_nothing(event: Event, rate: int) -> None:
    before, after = (
        quoted(event),
        balances(levied(EQUAL.quote(event, State(), {}), fund=FUND, rate=rate, exempt={COMMITTEE})),
    )
    assert sum(after.values()) == 0
    for account in {*before, *after} - {FUND}:
        was, now = before.get(account, 0), after.get(account, 0)
        if was <= 0 or account == COMMITTEE:
            assert now == was
        else:
            # The fund's part is rounded down.
            assert was - now == was * rate // 10_000


@given(event=events())
def test_no_levy_changes_nothing(event: Event) -> None:
    legs = EQUAL.quote(event, State(), {})
    assert levied(legs, fund=FUND, rate=0) == legs


@given(budget=st.integers(0, 10**6).map(Minutes), expected=st.integers(1, 10**7).map(Minutes))
def test_the_levy_of_a_voted_budget_raises_it_or_as_much_as_may_be_raised(budget: Minutes, expected: Minutes) -> None:
    rate = rate_for(budget, expected)
    assert RATE.low <= rate <= DERIVED_MOST <= RATE.high
    assert expected * rate >= budget * 10_000 or rate == DERIVED_MOST
    assert rate == 0 or expected * (rate - 1) < budget * 10_000, "and not more than that"


def test_where_no_hours_are_expected_the_levy_is_what_it_may_be_at_most() -> None:
    assert rate_for(Minutes(600), Minutes(0)) == DERIVED_MOST
    assert rate_for(Minutes(0), Minutes(0)) == 0


@given(
    held=st.dictionaries(st.integers(1, 60), st.integers(-(10**4), 10**4).map(Minutes), max_size=12),
    above=st.integers(0, 5000).map(Minutes),
    rate=rates,
)
def test_only_what_is_above_the_threshold_melts(held: dict[int, Minutes], above: Minutes, rate: int) -> None:
    changes = balances(melted(held, fund=FUND, above=above, rate=rate))
    assert sum(changes.values()) == 0
    for account, balance in held.items():
        change = changes.get(account, 0)
        assert change == 0 if balance <= above else balance + change >= above
        assert change <= 0
    assert changes.get(FUND, 0) >= 0


@given(parts=st.lists(st.integers(1, 10**4), min_size=1, max_size=5), rate=rates)
def test_hours_over_several_accounts_save_less_than_a_minute_of_the_levy_each(parts: list[int], rate: int) -> None:
    def kept(earned: list[int]) -> int:
        legs = [Posting(account, Minutes(minutes)) for account, minutes in enumerate(earned, start=1)]
        changes = balances(levied([*legs, Posting(COMMITTEE, Minutes(-sum(earned)))], fund=FUND, rate=rate))
        return sum(changes.get(account, 0) for account, _ in enumerate(earned, start=1))

    assert 0 <= kept(parts) - kept([sum(parts)]) < len(parts)


@given(
    one=st.integers(0, 10**4),
    other=st.integers(0, 10**4),
    above=st.integers(0, 5000).map(Minutes),
    rate=rates,
)
def test_a_second_account_saves_what_one_threshold_is_worth_and_no_more(
    one: int, other: int, above: Minutes, rate: int
) -> None:
    def gone(held: dict[int, Minutes]) -> int:
        return balances(melted(held, fund=FUND, above=above, rate=rate)).get(FUND, 0)

    saved = gone({1: Minutes(one + other)}) - gone({1: Minutes(one), 2: Minutes(other)})
    assert 0 <= saved <= -(-above * rate // 10_000) + 1, "and a minute that is rounded off"


# --- pooling ---------------------------------------------------------------------------------------------------------


PARAMETERS = {"fund": FUND, "committee": COMMITTEE}


@given(event=events(), pooling=st.sets(st.integers(1, 68)).map(frozenset))
def test_what_those_who_pool_earn_is_the_funds_and_nobody_elses(event: Event, pooling: frozenset[int]) -> None:
    before = quoted(event)
    after = balances(pooled(plain(event), State(pooling=pooling), PARAMETERS))
    assert sum(after.values()) == 0
    earned = {account: minutes for account, minutes in before.items() if minutes > 0}
    assert after.get(FUND, 0) == sum(minutes for account, minutes in earned.items() if account in pooling)
    rest = {account: minutes for account, minutes in before.items() if minutes < 0 or account not in pooling}
    assert {account: minutes for account, minutes in after.items() if account != FUND} == rest


@given(whole=st.integers(0, 10**5).map(Minutes), relief=st.integers(RELIEF.low, RELIEF.high))
def test_relief_lowers_the_quota_and_never_below_nothing(whole: Minutes, relief: int) -> None:
    assert 0 <= quota(whole, relief) <= whole
    assert quota(whole, RELIEF.low) == whole
    assert quota(whole, RELIEF.high) == 0


# --- what a committee chooses ---------------------------------------------------------------------------------------

schemes = st.builds(
    Scheme,
    base=st.sampled_from(["equal", "effort", "needs", "pooled"]),
    levy=rates,
    melt=rates,
    above=st.integers(ABOVE.low, ABOVE.high).map(Minutes),
)


@given(event=events(), scheme=schemes, pooling=st.sets(st.integers(1, 68)).map(frozenset))
def test_legs_sum_to_zero_whatever_a_committee_chooses(event: Event, scheme: Scheme, pooling: frozenset[int]) -> None:
    counting = Counting(scheme=scheme, fund=FUND, committee=COMMITTEE, pooling=pooling)
    before, legs = plain(event), counting.legs(plain(event))
    assert sum(leg.minutes for leg in legs) == 0
    assert all(leg.minutes for leg in legs)
    assert len({leg.account_id for leg in legs}) == len(legs)
    # Nobody pays more than the time, and nobody earns more.
    for account, minutes in balances(legs).items():
        if account != FUND:
            was = balances(before)[account]
            assert minutes == was if was < 0 else minutes <= was
    assert counting.legs(before) == counting.under(scheme).legs(before)


def test_nobody_counts_gifts() -> None:
    counting = Counting(scheme=Scheme(base="gift"), fund=FUND, committee=COMMITTEE)
    with pytest.raises(Refusal):
        counting.legs([Posting(1, Minutes(5)), Posting(2, Minutes(-5))])
