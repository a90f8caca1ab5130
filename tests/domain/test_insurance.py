"""Mutual insurance, for any group and any number of people who are ill at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.insurance import Insured, Terms, contribution, is_due, months_of_cover, payouts, put_in, within

TERMS = Terms()


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[Insured], list[int]]:
    count = draw(st.integers(1, 12))
    group = [
        Insured(id=id_, level=draw(st.integers(100, 3000)), reserve=draw(st.integers(0, 5000)))
        for id_ in range(1, count + 1)
    ]
    return group, draw(st.lists(st.sampled_from([one.id for one in group]), unique=True))


@given(found=groups())
def test_nothing_is_paid_that_is_not_there_and_nobody_pays_for_themselves(
    found: tuple[list[Insured], list[int]],
) -> None:
    group, ill = found
    paid = payouts(group, ill, TERMS)
    assert paid.keys() == set(ill)
    given_ = {one.id: sum(by.get(one.id, 0) for by in paid.values()) for one in group}
    for one in group:
        assert given_[one.id] <= (0 if one.id in ill else one.reserve)
    assert all(amount > 0 for by in paid.values() for amount in by.values())


@given(found=groups())
def test_whoever_is_ill_gets_their_level_or_all_get_the_same_part(found: tuple[list[Insured], list[int]]) -> None:
    group, ill = found
    paid = {id_: sum(by.values()) for id_, by in payouts(group, ill, TERMS).items()}
    levels = {one.id: one.level for one in group if one.id in ill}
    there = sum(one.reserve for one in group if one.id not in ill)
    assert sum(paid.values()) == min(there, sum(levels.values()))
    for id_, level in levels.items():
        exact = level if sum(levels.values()) <= there else level * there / sum(levels.values())
        assert abs(paid[id_] - exact) < 1 or (not there and paid[id_] == 0)


@given(
    room=st.dictionaries(st.integers(1, 30), st.integers(0, 1000), max_size=8),
    total=st.integers(0, 10_000),
    data=st.data(),
)
def test_whoever_has_room_gives_in_proportion_and_all_that_is_missing(
    room: dict[int, int], total: int, data: st.DataObject
) -> None:
    weights = {key: data.draw(st.integers(0, 9)) for key in room}
    given_ = within(total, weights, room)
    assert sum(given_.values()) == min(total, sum(room.values()))
    assert all(0 < given_[key] <= room[key] for key in given_)


def test_two_who_put_in_the_same_give_the_same() -> None:
    group = [Insured(id=id_, level=1000, reserve=1000) for id_ in (1, 2, 3)]
    assert payouts(group, [3], TERMS) == {3: {1: 500, 2: 500}}


def test_the_figures_of_the_bread_funds() -> None:
    # In cents: 33.75 a month for 750, 112.50 for 2,500.
    assert (contribution(75_000, TERMS), contribution(250_000, TERMS)) == (3_375, 11_250)
    full = Insured(id=1, level=75_000, reserve=36 * 3_375)
    assert put_in(full, TERMS) == (0, 0)
    assert put_in(Insured(id=1, level=75_000, reserve=36 * 3_375 - 1_000), TERMS) == (1_000, 0)
    assert put_in(Insured(id=1, level=75_000, reserve=200_000), TERMS) == (0, 200_000 - 36 * 3_375), (
        "the level was lowered"
    )
    assert [month for month in range(40) if is_due(month, TERMS)] == list(range(1, 25))


@given(found=groups())
def test_a_reserve_is_never_above_its_cap_after_a_month(found: tuple[list[Insured], list[int]]) -> None:
    for one in found[0]:
        into, back = put_in(one, TERMS)
        assert 0 <= into <= contribution(one.level, TERMS)
        after = one.reserve + into - back
        assert after <= contribution(one.level, TERMS) * TERMS.cap_months
        assert back == 0 or into == 0, "nobody pays and is paid back at once"


def test_the_months_of_cover() -> None:
    group = [Insured(id=id_, level=1000, reserve=1500) for id_ in (1, 2, 3)]
    assert months_of_cover(group, [3]) == 3
    assert months_of_cover(group, []) is None
