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
        return statistics.Facts(exchanges, dict.fromkeys(range(1, members + 1), 0), nobodys=frozenset({99}), limit=720)

    pair, third = ((1, -60), (2, 60)), ((2, -30), (3, 30))
    assert statistics.figures(facts(4, pair, third)) is None
    assert statistics.figures(facts(5, pair)) is None
    assert statistics.figures(facts(5, pair, ((1, -5), (99, 5)))) is None
    found = statistics.figures(facts(5, pair, third))
    assert found is not None
    assert (found.took_part, found.moved, found.velocity) == (3, 90, None)


def exchange(giver: int, gainer: int, minutes: int) -> tuple[tuple[int, int], ...]:
    """Somebody got help and gives the minutes for it."""
    return (giver, -minutes), (gainer, minutes)


RING = [exchange(one, one % 6 + 1, 60) for one in range(1, 7)]


def by_category(*kinds: tuple[str | None, list[tuple[tuple[int, int], ...]]]) -> statistics.Parts | None:
    exchanges = [(kind, legs) for kind, found in kinds for legs in found]
    found = statistics.figures(
        statistics.Facts(
            exchanges=tuple(legs for _, legs in exchanges),
            balances=dict.fromkeys(range(1, 13), 0),
            nobodys=frozenset({99}),
            limit=None,
            categories=tuple(kind for kind, _ in exchanges),
        )
    )
    assert found is not None
    return found.by_category


def test_a_kind_of_help_is_told_where_many_took_part_and_nobody_stands_out() -> None:
    assert by_category(("garden", RING)) == statistics.Parts((("garden", 360),), 0)
    only_driver = [exchange(one, 9, 60) for one in range(1, 7)]
    assert by_category(("garden", RING), ("transport", only_driver), (None, RING)) == statistics.Parts(
        (("garden", 360),), 720
    )
    two_drivers = [exchange(one, 9 + one % 2, 60) for one in range(1, 7)]
    assert by_category(("transport", two_drivers), (None, RING)) is None
    two = [exchange(1, 2, 60), exchange(2, 1, 60)]
    assert by_category(("garden", two), (None, RING)) is None
    nearly_one = [exchange(1, 2, 5000), *RING]
    assert by_category(("garden", nearly_one), (None, RING)) is None


def test_a_kind_that_is_left_out_is_not_found_by_taking_the_others_from_the_whole() -> None:
    two = [exchange(1, 2, 60), exchange(2, 1, 60)]
    small = [exchange(one, one % 6 + 1, 10) for one in range(1, 7)]
    # The two of them alone would be the rest: the smaller kind goes in with them.
    assert by_category(("garden", RING), ("food", small), ("care", two)) == statistics.Parts((("garden", 360),), 180)
    assert by_category(("garden", RING), ("care", two)) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["garden", "food", "care", None]),
            st.integers(1, 7),
            st.integers(1, 7),
            st.integers(1, 200),
        ).filter(lambda one: one[1] != one[2]),
        min_size=1,
        max_size=60,
    )
)
def test_whatever_is_told_by_kind_has_enough_people_behind_it_and_adds_up(
    found: list[tuple[str | None, int, int, int]],
) -> None:
    parties = {one for _, giver, gainer, _ in found for one in (giver, gainer)}
    if len(parties) < statistics.PARTIES_MIN:
        return
    kinds: dict[str | None, list[tuple[tuple[int, int], ...]]] = {}
    for kind, giver, gainer, minutes in found:
        kinds.setdefault(kind, []).append(exchange(giver, gainer, minutes))
    told = by_category(*kinds.items())
    if told is None:
        return
    assert sum(size for _, size in told.told) + told.rest == sum(minutes for *_, minutes in found)
    names = {kind for kind, _ in told.told}
    rest = [one for one in found if one[0] not in names]
    for group in [*([one for one in found if one[0] == kind] for kind in names), *([rest] if rest else [])]:
        givers, gainers = {one[1] for one in group}, {one[2] for one in group}
        assert len(givers | gainers) >= 5
        assert min(len(givers), len(gainers)) >= 3


def test_needs_without_help_are_told_where_three_had_them() -> None:
    def unmet(*needs: tuple[str, int]) -> statistics.Parts | None:
        facts = statistics.Facts(
            tuple(RING), dict.fromkeys(range(1, 8), 0), nobodys=frozenset({99}), limit=None, unmet=needs
        )
        found = statistics.figures(facts)
        assert found is not None
        return found.unmet

    assert unmet(("care", 1), ("care", 2), ("care", 1)) is None
    assert unmet(("care", 1), ("care", 2), ("care", 3)) == statistics.Parts((("care", 3),), 0)
    assert unmet(*[("care", one) for one in (1, 2, 3)], ("food", 1)) is None
