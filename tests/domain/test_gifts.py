"""Counting gifts: two counters, never a difference, and a sum for the group alone."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gifts import Given, counters, total
from bot.text import Minutes

_PEOPLE = st.frozensets(st.integers(1, 6), max_size=3)


@st.composite
def gifts(draw: st.DrawFn) -> Given:
    """Some gift: at least one who gave, and nobody on both sides."""
    gave = draw(_PEOPLE.filter(bool))
    minutes = draw(st.none() | st.integers(1, 600))
    return Given(gave=gave, got=draw(_PEOPLE) - gave, minutes=None if minutes is None else Minutes(minutes))


@given(there=st.lists(gifts(), max_size=8), member=st.integers(1, 6))
def test_giving_adds_to_one_counter_alone_and_takes_from_nobody(there: Sequence[Given], member: int) -> None:
    before = counters(there, member)
    more = Given(gave=frozenset({member}), got=frozenset({member + 1}))
    after = counters([*there, more], member)
    assert (after.given, after.received) == (before.given + 1, before.received)
    other = counters([*there, more], member + 1)
    assert other.given == counters(there, member + 1).given
    assert after.given_to <= after.people <= 6


@given(there=st.lists(gifts(), max_size=8), members=st.integers(0, 8))
def test_the_sum_tells_of_nobody_alone(there: Sequence[Given], members: int) -> None:
    found = total(there, members)
    took_part = {member for gift in there for member in gift.gave | gift.got}
    if found is None:
        assert members < 5 or len(took_part) < 3
        return
    assert members >= 5
    assert len(took_part) >= 3
    assert found.gifts == len(there)
    givers = {member for gift in there if gift.minutes is not None for member in gift.gave}
    assert (found.minutes is not None) == (len(givers) >= 3)
    if found.minutes is not None:
        assert found.minutes == sum(gift.minutes or 0 for gift in there)


@given(there=st.lists(gifts(), max_size=8), members=st.integers(5, 8), minutes=st.integers(1, 600))
def test_what_one_giver_took_is_never_told(there: Sequence[Given], members: int, minutes: int) -> None:
    alone = [Given(gave=frozenset({1}), got=gift.got - {1}, minutes=Minutes(minutes)) for gift in there]
    found = total(alone, members)
    assert found is None or found.minutes is None
