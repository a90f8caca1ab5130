"""Figures against independent definitions."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import statistics

amounts = st.lists(st.integers(0, 10_000), min_size=1, max_size=30)
flows = st.dictionaries(
    st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda pair: pair[0] != pair[1]),
    st.integers(1, 500).map(Fraction),
    max_size=20,
)


@given(amounts)
def test_gini_is_half_the_mean_difference_over_the_mean(found: list[int]) -> None:
    n, total = len(found), sum(found)
    ours = statistics.gini(found)
    if not total:
        assert ours is None
        return
    assert ours == Fraction(sum(abs(a - b) for a in found for b in found), 2 * n * total)
    assert 0 <= ours <= 1 - Fraction(1, n)


def test_gini_of_the_same_is_zero_and_of_one_giver_is_nearly_one() -> None:
    assert statistics.gini([7, 7, 7]) == 0
    assert statistics.gini([0, 0, 0, 8]) == Fraction(3, 4)


@given(flows)
def test_reciprocity_lies_between_none_and_all_and_does_not_depend_on_direction(
    found: dict[tuple[int, int], Fraction],
) -> None:
    ours = statistics.reciprocity(found)
    assert ours == statistics.reciprocity({(b, a): amount for (a, b), amount in found.items()})
    if ours is not None:
        assert 0 <= ours <= 1


def test_reciprocity_of_what_came_back() -> None:
    assert statistics.reciprocity({(1, 2): Fraction(60), (2, 1): Fraction(60)}) == 1
    assert statistics.reciprocity({(1, 2): Fraction(60), (2, 3): Fraction(60)}) == 0
    assert statistics.reciprocity({(1, 2): Fraction(90), (2, 1): Fraction(30)}) == Fraction(1, 2)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(1, 5))
def test_what_flows_between_people_is_what_moved(gained: list[int], givers: int) -> None:
    whole = sum(gained)
    share, rest = divmod(whole, givers)
    lost = [share + (place < rest) for place in range(givers)]
    legs = [(place, -amount) for place, amount in enumerate(lost) if amount]
    legs += [(100 + place, amount) for place, amount in enumerate(gained)]
    assert sum(statistics.between([legs]).values()) == whole == statistics.given(legs)


def test_few_members_or_few_who_took_part_have_no_figures() -> None:
    def facts(members: int, *exchanges: tuple[tuple[int, int], ...]) -> statistics.Facts:
        return statistics.Facts(exchanges, dict.fromkeys(range(1, members + 1), 0), committee=99, limit=720)

    pair, third = ((1, -60), (2, 60)), ((2, -30), (3, 30))
    assert statistics.figures(facts(4, pair, third)) is None
    assert statistics.figures(facts(5, pair)) is None
    assert statistics.figures(facts(5, pair, ((1, -5), (99, 5)))) is None
    found = statistics.figures(facts(5, pair, third))
    assert found is not None
    assert (found.took_part, found.moved, found.velocity) == (3, 90, None)
