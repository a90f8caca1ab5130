"""Mutual insurance, for any group and any number of people who are ill at once."""

from __future__ import annotations

import time
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.insurance import (
    AGAIN_DAYS,
    LEVEL,
    Insured,
    Spell,
    Standing,
    Terms,
    again,
    claim,
    contribution,
    is_due,
    month,
    months_of_cover,
    payouts,
    put_in,
    whole_months,
    within,
)

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


@given(found=groups(), data=st.data())
def test_equals_are_treated_equally(found: tuple[list[Insured], list[int]], data: st.DataObject) -> None:
    group, ill = found
    level, reserve = data.draw(st.integers(100, 3000)), data.draw(st.integers(0, 5000))
    twins = [Insured(id=id_, level=level, reserve=reserve) for id_ in (101, 102)]
    paid = payouts([*group, *twins], ill, TERMS)
    gave = [sum(by.get(one.id, 0) for by in paid.values()) for one in twins]
    assert abs(gave[0] - gave[1]) <= 1
    both = payouts([*group, *twins], [*ill, 101, 102], TERMS)
    assert abs(sum(both[101].values()) - sum(both[102].values())) <= 1


@given(found=groups(), first=st.integers(120, 2000), second=st.integers(120, 2000), reserve=st.integers(0, 3000))
def test_two_memberships_of_one_person_gain_nothing_beyond_what_two_levels_pay(
    found: tuple[list[Insured], list[int]], first: int, second: int, reserve: int
) -> None:
    group, ill = found
    one = Insured(id=100, level=first + second, reserve=reserve)
    whole = sum(payouts([*group, one], [*ill, 100], TERMS)[100].values())
    two = [Insured(id=101, level=first, reserve=reserve), Insured(id=102, level=second, reserve=0)]
    paid = payouts([*group, *two], [*ill, 101, 102], TERMS)
    assert abs(sum(paid[101].values()) + sum(paid[102].values()) - whole) <= 1
    half = payouts([*group, *two], [*ill, 102], TERMS)
    # Only one of the two is said to be ill: what the other gives is their own.
    own = half[102].get(101, 0)
    assert sum(half[102].values()) - own <= second
    assert contribution(first, TERMS) + contribution(second, TERMS) >= contribution(first + second, TERMS) - 1


@st.composite
def standings(draw: st.DrawFn) -> list[Standing]:
    found = []
    for id_ in range(1, draw(st.integers(1, 12)) + 1):
        level = draw(st.integers(LEVEL.low, LEVEL.high))
        found.append(
            Standing(
                insured=Insured(id=id_, level=level, reserve=draw(st.integers(0, 5000))),
                room=draw(st.none() | st.integers(0, 300)),
                claim=draw(st.just(0) | st.integers(1, level)),
                leaves=draw(st.booleans()),
            )
        )
    return found


@given(group=standings())
def test_at_a_months_end_nobody_gives_more_than_they_have_and_nothing_is_lost(group: list[Standing]) -> None:
    done = month(group, TERMS)
    before = {one.insured.id: one.insured.reserve for one in group}
    after = dict(before)
    for one in group:
        id_ = one.insured.id
        after[id_] += done.put_in.get(id_, 0) - done.back.get(id_, 0) - done.returned.get(id_, 0)
        after[id_] -= sum(by.get(id_, 0) for by in done.paid.values())
        assert one.room is None or done.put_in.get(id_, 0) <= one.room
        assert after[id_] >= 0
        if one.leaves:
            assert after[id_] == 0
        if one.claim:
            assert not any(id_ in by for by in done.paid.values())
            assert sum(done.paid.get(id_, {}).values()) <= one.claim
            assert id_ not in done.put_in
    moved = sum(done.put_in.values()) - sum(done.back.values()) - sum(done.returned.values())
    assert sum(after.values()) == sum(before.values()) + moved - sum(sum(by.values()) for by in done.paid.values())
    passed = {one.insured.id for one in group if one.insured.id in done.passed_over}
    assert not passed & done.put_in.keys()


@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    months=st.integers(1, 30),
    data=st.data(),
    level=st.integers(LEVEL.low, LEVEL.high),
)
def test_help_is_for_the_time_between_waiting_and_the_longest_and_never_for_more(
    first: date, months: int, data: st.DataObject, level: int
) -> None:
    wait, longest = data.draw(st.integers(1, 6)), data.draw(st.integers(3, 12))
    days = data.draw(st.integers(0, months * 31))
    spell = Spell(began=first, ended=first + timedelta(days=days), wait_months=wait, longest_months=longest)
    at, paid, counted = first.replace(day=1), 0, 0
    for _ in range(months + 8):
        found = claim(level, [spell], at)
        assert 0 <= found <= level
        paid += found
        at = (at + timedelta(days=32)).replace(day=1)
    counted = max(0, (min(first + timedelta(days=days), spell.helped_until) - spell.helped_from).days)
    assert paid <= level * counted / 28 + 1
    assert (paid > 0) == (counted > 0)
    assert paid <= level * longest + level


@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    long=st.integers(0, 400),
    gap=st.integers(1, AGAIN_DAYS),
    more=st.integers(0, 400),
)
def test_whoever_is_ill_again_soon_goes_on_where_they_were(first: date, long: int, gap: int, more: int) -> None:
    one = Spell(began=first, ended=first + timedelta(days=long))
    second = again(one, first + timedelta(days=long + gap), waits_until=first, terms=TERMS)
    assert second.days(second.began) == long
    end = second.began + timedelta(days=more)
    assert second.days(end) == long + more, "the time between does not count"
    later = again(one, first + timedelta(days=long + AGAIN_DAYS + 1), waits_until=first, terms=TERMS)
    assert later.before == 0


def test_two_spells_in_one_month_are_no_more_than_their_days() -> None:
    one = Spell(began=date(2026, 1, 1), ended=date(2026, 3, 10))
    two = again(one, date(2026, 3, 20), waits_until=date(2026, 1, 1), terms=TERMS)
    # Nine days before, twelve after, of thirty-one.
    assert claim(310, [one, two], date(2026, 3, 1)) == 210
    assert claim(310, [one, two], date(2026, 4, 1)) == 310
    assert claim(280, [one], date(2026, 2, 1)) == 280
    assert claim(310, [one], date(2026, 1, 1)) == 0, "the first month is waiting"


def test_whoever_came_lately_waits_longer() -> None:
    spell = again(None, date(2026, 3, 5), waits_until=date(2026, 4, 1), terms=TERMS)
    assert (spell.first, spell.helped_from) == (date(2026, 4, 1), date(2026, 5, 1))
    assert claim(300, [spell], date(2026, 4, 1)) == 0
    assert claim(310, [spell], date(2026, 5, 1)) == 310


def test_months_are_counted_as_people_do() -> None:
    assert whole_months(date(2026, 1, 31), date(2026, 2, 27)) == 0
    assert whole_months(date(2026, 1, 31), date(2026, 2, 28)) == 1
    assert whole_months(date(2026, 1, 10), date(2028, 1, 9)) == 23
    assert whole_months(date(2026, 4, 1), date(2026, 3, 5)) == -1


def test_a_month_of_ten_thousand_members_takes_at_most_two_seconds() -> None:
    # Every reserve runs out at another point, which is the slowest that there is.
    group = [
        Standing(
            insured=Insured(id=id_, level=120 + id_ * 7 % 4000, reserve=1 + id_ * id_ % 977),
            room=None if id_ % 3 else 40,
            claim=600 if id_ % 40 == 0 else 0,
        )
        for id_ in range(10_000)
    ]
    began = time.process_time()
    done = month(group, TERMS)
    assert time.process_time() - began < 2
    assert len(done.paid) == 250
