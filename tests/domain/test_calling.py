"""Phone numbers, and who calls whom."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.calling import DIGITS_MAX, deal, may_see, number_of, reached, read, shown

PEOPLE = st.lists(st.integers(1, 60), unique=True, max_size=40)
CALLERS = st.lists(st.integers(101, 112), unique=True, min_size=1, max_size=8)


@given(people=PEOPLE, callers=CALLERS, held=st.dictionaries(st.integers(1, 60), st.integers(99, 114)))
def test_everybody_is_called_by_exactly_one_and_parts_differ_by_at_most_one(
    people: list[int], callers: list[int], held: dict[int, int]
) -> None:
    given_ = deal(people, callers, held=held, may_call=lambda _caller, _person: True)
    assert sorted(given_) == sorted(people)
    parts = Counter(given_.values())
    assert set(parts) <= set(callers)
    sizes = [parts[caller] for caller in callers]
    assert max(sizes) - min(sizes) <= 1


@given(people=PEOPLE, callers=CALLERS, held=st.dictionaries(st.integers(1, 60), st.integers(99, 114)))
def test_nobody_is_given_to_another_without_need(people: list[int], callers: list[int], held: dict[int, int]) -> None:
    first = deal(people, callers, held=held, may_call=lambda _caller, _person: True)
    assert deal(people, callers, held=first, may_call=lambda _caller, _person: True) == first
    # One more on the list moves nobody who is on it.
    more = deal([*people, 77], callers, held=first, may_call=lambda _caller, _person: True)
    assert {person: more[person] for person in people} == first


@given(people=PEOPLE, callers=CALLERS, more=CALLERS, data=st.data())
def test_whoever_is_being_called_stays_with_whom_they_are_and_parts_are_even_all_the_same(
    people: list[int], callers: list[int], more: list[int], data: st.DataObject
) -> None:
    first = deal(people, callers, held={}, may_call=lambda _caller, _person: True)
    # Everybody who calls has one on the phone.
    busy = {data.draw(st.sampled_from(theirs)) for c in callers if (theirs := [p for p in people if first[p] == c])}
    both = sorted({*callers, *more})
    given_ = deal(people, both, held=first, may_call=lambda _caller, _person: True, busy=busy)
    assert {person: given_[person] for person in busy} == {person: first[person] for person in busy}
    parts = Counter(given_.values())
    sizes = [parts[caller] for caller in both]
    assert max(sizes) - min(sizes) <= 1


@given(people=PEOPLE, callers=CALLERS, data=st.data())
def test_whoever_may_not_see_a_number_is_not_given_it_where_another_may(
    people: list[int], callers: list[int], data: st.DataObject
) -> None:
    some = st.sets(st.sampled_from(callers))
    able = {person: data.draw(some) for person in people}
    given_ = deal(people, callers, held={}, may_call=lambda caller, person: caller in able[person])
    assert sorted(given_) == sorted(people)
    load = Counter(given_.values())
    for person, caller in given_.items():
        could = able[person] or set(callers)
        assert caller in could
        # Nobody else who could call them has a part shorter by two.
        assert all(load[caller] - load[other] <= 1 for other in could)


def test_without_anybody_who_calls_nobody_is_given() -> None:
    assert deal([1, 2], [], held={1: 5}, may_call=lambda _caller, _person: True) == {}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+49 30 1234567", "+49301234567"),
        ("0049 30/1234-567", "+49301234567"),
        ("+49 (0)30 1234567", "+49301234567"),
        ("(030) 1234567", "0301234567"),
        ("030.1234.567", "0301234567"),
        ("+34\u00a0600\u00a0123\u2013456", "+34600123456"),
        ("112", None),
        ("+0 30 1234567", None),
        ("1234567890123456", None),
        ("call me", None),
        ("+", None),
        ("030 1234567 after six", None),
        ("", None),
    ],
)
def test_a_number_is_kept_as_digits(written: str, kept: str | None) -> None:
    assert number_of(written) == kept


@given(text=st.text(alphabet="+0123456789 ()/-.abc٣", max_size=70))
def test_what_is_kept_can_be_dialled_and_read_again(text: str) -> None:
    kept = number_of(text)
    if kept is not None:
        assert kept.removeprefix("+").isascii()
        assert kept.removeprefix("+").isdecimal()
        assert len(kept.removeprefix("+")) <= DIGITS_MAX
        assert number_of(shown(kept)) == kept


def test_a_line_says_a_number_and_who_may_see_it() -> None:
    for line, number, sees in (
        ("+49 30 1234567 on_call", "+49301234567", "on_call"),
        ("+49 30 1234567 Guardia", "+49301234567", "on_call"),
        ("030 1234567", "0301234567", None),
        ("alle", None, "all"),
    ):
        said = read(line)
        assert said is not None
        assert (said.number, said.sees) == (number, sees)
    assert read("on_call 030 1234567") is None
    assert read("   ") is None
    assert read("x") is None


def test_who_sees_a_number_is_as_its_owner_chose() -> None:
    everybody = [(on_call, organizer) for on_call in (False, True) for organizer in (False, True)]

    def seen(sees: str | None) -> list[tuple[bool, bool]]:
        return [(c, o) for c, o in everybody if may_see(sees, on_call=c, organizer=o)]  # type: ignore[arg-type]

    assert seen(None) == seen("nobody") == []
    assert seen("on_call") == [(True, False), (True, True)]
    assert seen("organizers") == [(False, True), (True, True)]
    assert seen("all") == everybody


@given(
    pages=st.lists(st.tuples(st.sampled_from(["sent", "unreachable", "waits", "answered"]), st.booleans()), max_size=30)
)
def test_figures_add_up(pages: list[tuple[str, bool]]) -> None:
    found = reached(pages)
    assert found.told == len(pages)
    assert found.seen <= found.delivered <= found.told - found.unreached - found.waits
    assert found.seen + found.unreached + found.waits <= found.told
