"""Who is told when, and how a limit grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import limits
from bot.domain.limits import Growth
from bot.text import Minutes

balances = st.integers(-6000, 6000).map(Minutes)
ways = st.dictionaries(st.integers(1, 20), st.integers(-600, 6000).map(Minutes), max_size=12)
growths = st.builds(
    Growth, people=st.integers(2, 5), each=st.integers(1, 600).map(Minutes), most=st.integers(0, 6000).map(Minutes)
)


@given(balances, balances, st.integers(-3000, 3000).map(Minutes))
def test_one_is_told_only_on_the_way_to_the_limit_and_once_for_each_step(
    before: Minutes, after: Minutes, limit: Minutes
) -> None:
    told = limits.passed(before, after, limit)
    assert told in (0, *limits.WARNED_AT)
    if told:
        assert abs(after) > abs(before) or before * after <= 0
        assert limits.passed(after, after, limit) == 0


def test_the_steps_are_half_four_fifths_and_all() -> None:
    reached = [limits.part(Minutes(-minutes), Minutes(-720)) for minutes in (359, 360, 575, 576, 719, 720, 900)]
    assert reached == [0, 50, 50, 80, 80, 100, 100]


@given(st.integers(-1000, 0).map(Minutes), ways, growths)
def test_a_limit_only_ever_grows_and_never_beyond_the_most(
    base: Minutes, way: dict[int, Minutes], growth: Growth
) -> None:
    floor = limits.floor(base, way, growth)
    assert floor is not None
    assert min(base, -growth.most) <= floor <= base


@given(st.integers(1, 10**6).map(Minutes), growths)
def test_two_accounts_that_trade_with_each_other_gain_nothing(minutes: Minutes, growth: Growth) -> None:
    assert limits.floor(Minutes(-720), {7: minutes}, growth) == -720


@given(ways, growths)
def test_without_a_limit_there_is_none_to_grow(way: dict[int, Minutes], growth: Growth) -> None:
    assert limits.floor(None, way, growth) is None
