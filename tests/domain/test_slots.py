"""Who has which slot: never more than fit, and whoever waits longest moves up."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.domain import slots
from bot.domain.slots import Asking, Slot, Stretch

NOW = datetime(2026, 1, 5, 18)


def hours(begin: int, end: int) -> Stretch:
    return Stretch(datetime(2026, 1, 10, begin), datetime(2026, 1, 10, end))


SLOTS = (
    Slot(place=1, most=1, stretch=hours(10, 12)),
    Slot(place=2, most=2, stretch=hours(11, 13)),
    Slot(place=3, most=3, stretch=hours(12, 14)),
    Slot(place=4, most=2),
    Slot(place=5),
)
MEMBERS = range(1, 9)


class SigningUp(RuleBasedStateMachine):
    """Members ask for slots and give them up, in any order. A model keeps one queue for each slot."""

    each = 2

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asking] = []
        self.queues: dict[int, list[int]] = {slot.place: [] for slot in SLOTS}

    @rule(member=st.sampled_from(MEMBERS), place=st.integers(1, 5))
    def ask(self, member: int, place: int) -> None:
        before = slots.seated(SLOTS, self.asked)
        if slots.fault(SLOTS, self.asked, Asking(member, place), each=self.each) is not None:
            return
        self.asked.append(Asking(member, place))
        self.queues[place].append(member)
        after = slots.seated(SLOTS, self.asked)
        assert slots.moved_up(before, after) == [], "nobody moves because somebody else asks"

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.asked))
        before = slots.seated(SLOTS, self.asked)
        self.asked.remove(gone)
        self.queues[gone.place].remove(gone.member)
        after = slots.seated(SLOTS, self.asked)
        moved = slots.moved_up(before, after)
        first = before.waiting[gone.place][:1]
        had = gone.member in before.holders[gone.place]
        assert moved == ([Asking(first[0], gone.place)] if had and first else []), "the one who waits longest moves up"

    @invariant()
    def never_more_than_fit_and_in_the_order_of_asking(self) -> None:
        seating = slots.seated(SLOTS, self.asked)
        for slot in SLOTS:
            holders, waiting = seating.holders[slot.place], seating.waiting[slot.place]
            assert slot.most is None or len(holders) <= slot.most
            assert not waiting or len(holders) == slot.most, "nobody waits while there is room"
            assert not set(holders) & set(waiting)
            assert [*holders, *waiting] == self.queues[slot.place]

    @invariant()
    def nobody_is_in_two_places_at_once(self) -> None:
        there = {slot.place: slot.stretch for slot in SLOTS}
        for member in MEMBERS:
            mine = [one.place for one in self.asked if one.member == member]
            assert len(mine) <= self.each
            assert len(set(mine)) == len(mine)
            stretches = [found for place in mine if (found := there[place]) is not None]
            assert not any(one.meets(other) for one in stretches for other in stretches if one is not other)


TestSigningUp = SigningUp.TestCase


@given(st.permutations([Asking(member, 1) for member in range(5)]), st.integers(1, 6))
def test_whoever_asks_first_has_it(asked: list[Asking], most: int) -> None:
    seating = slots.seated([Slot(place=1, most=most)], asked)
    assert list(seating.holders[1]) == [one.member for one in asked[:most]]
    assert [seating.waits_at(one.member, 1) for one in asked[most:]] == list(range(1, len(asked) - most + 1))


@pytest.mark.parametrize(
    ("written", "name", "most"),
    [
        ("10-12 max 2", "10-12", 2),
        ("10-12, max. 2", "10-12", 2),
        ("10-12 (max 2)", "10-12", 2),
        ("cocina máx 3", "cocina", 3),
        ("cocina hasta 3", "cocina", 3),
        ("Küche höchstens 4", "Küche", 4),
        ("Küche bis zu 4", "Küche", 4),
        ("up to 5", "up to 5", None),
        ("Max 3", "Max 3", None),
        ("table 3", "table 3", None),
        ("at Max's", "at Max's", None),
    ],
)
def test_a_slot_says_how_many_fit_in(written: str, name: str, most: int | None) -> None:
    assert slots.read_slot(written) == (name, most)


@pytest.mark.parametrize("written", ["10-12 max 0", "10-12 max 9999"])
def test_a_maximum_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="max"):
        slots.read_slot(written)


@pytest.mark.parametrize(
    ("written", "each"),
    [("max 1 each", 1), ("2 per person", 2), ("máx 1 por persona", 1), ("höchstens 3 pro Person", 3), ("each 2", 2)],
)
def test_how_many_one_may_have(written: str, each: int) -> None:
    assert slots.is_setting(written)
    assert slots.read_each([written]) == each


def test_the_day_is_in_the_slots_or_in_the_title() -> None:
    found, dated = slots.stretches("Soup kitchen Saturday", ["10-12", "12-14"], now=NOW)
    assert (found, dated) == ([hours(10, 12), hours(12, 14)], True)
    found, dated = slots.stretches("Olla común", ["sáb 10-12", "sáb 12-14"], now=NOW)
    assert (found, dated) == ([hours(10, 12), hours(12, 14)], True)
    found, dated = slots.stretches("Essen am 10.1.", ["10-12 Uhr"], now=NOW)
    assert (found, dated) == ([hours(10, 12)], True)


def test_times_without_a_day_only_say_what_overlaps() -> None:
    found, dated = slots.stretches("Soup kitchen", ["10-12", "11-13", "chairs"], now=NOW)
    assert not dated
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].meets(found[1])
    assert found[2] is None
