"""The rules by which hours are counted, for every amount and any number of people."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import grammar
from bot.domain.ledger import Posting, balances
from bot.domain.policies import EQUAL, POLICIES, SHARINGS, Event, Sharing, State, apportion, equal, portions
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
    return balances(equal(event, State(), {}))


# --- an hour is an hour --------------------------------------------------------------------------------------------


@given(event=events())
def test_what_is_quoted_sums_to_zero_and_no_leg_is_nothing(event: Event) -> None:
    legs = equal(event, State(), {})
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
        equal(event, State(), {})


@given(event=events(sharing=st.just("committee")))
def test_where_the_committee_pays_nobody_who_came_does(event: Event) -> None:
    found = quoted(event)
    assert found[COMMITTEE] == -event.minutes * len(event.providers)
    assert not found.keys() & set(event.receivers)


@given(event=events(), balance=st.integers(-(10**6), 10**6).map(Minutes))
def test_nothing_but_the_event_counts_and_the_same_always_gives_the_same(event: Event, balance: Minutes) -> None:
    rich = State(balances=dict.fromkeys((*event.providers, *event.receivers), balance))
    assert equal(event, rich, {"anything": 7}) == equal(event, State(), {})


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
    legs = equal(event, State(), {})
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
    found = portions(equal(event, State(), {}), first=1)
    del found[3]
    left = balances([leg for portion in found.values() for leg in portion])
    assert left[2] == left[4] == -minutes
    assert sum(left.values()) == 0
