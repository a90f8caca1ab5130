"""Votes in words and by tapping: what they mean, and what is no vote."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import receipts, voting
from bot.domain.processes import Method
from bot.domain.voting import Asked, Unread

NAMES = {1: ("Library",), 2: ("Union hall",), 3: ("Park", "Parque"), 4: ("Parking lot",)}


def asked(method: Method, *, most: int | None = None, withdrawn: frozenset[int] = frozenset()) -> Asked:
    """A poll about where to meet."""
    places = tuple(place for place in NAMES if place not in withdrawn)
    return Asked(method=method, places=places, withdrawn=withdrawn, most=most)


@pytest.mark.parametrize(
    ("method", "words", "choice"),
    [
        ("plurality", "2", 2),
        ("plurality", "#2", 2),
        ("plurality", "union hall", 2),
        ("plurality", "UN", 2),
        ("plurality", "parque", 3),
        ("plurality", "park", 3),
        ("approval", "3 1", [1, 3]),
        ("approval", "library, park", [1, 3]),
        ("approval", "lib and union hall", [1, 2]),
        ("approval", "lib y parque", [1, 3]),
        ("approval", "Union hall", [2]),
        ("schulze", "2 1 3", [[2], [1], [3]]),
        ("schulze", "Union > library = park > parking lot", [[2], [1, 3], [4]]),
        ("irv", "3", [[3]]),
        ("schulze", "library, park", [[1], [3]]),
        ("score", "library: 4, park: 2", {"1": 4, "3": 2}),
        ("score", "1: 4 3: 2", {"1": 4, "3": 2}),
        ("score", "1=4 3=2", {"1": 4, "3": 2}),
        ("score", "union hall 5", {"2": 5}),
        ("dots", "library: 3; park: 2", {"1": 3, "3": 2}),
        ("dots", "library: 3, park: 0", {"1": 3}),
    ],
)
def test_a_vote_in_words_means_this(method: Method, words: str, choice: Any) -> None:
    assert voting.read(words, asked(method), NAMES) == choice


@pytest.mark.parametrize(
    ("method", "words", "fault"),
    [
        ("plurality", "", "empty"),
        ("plurality", "5", "unknown"),
        ("plurality", "pa", "several"),
        ("plurality", "1 2", "one"),
        ("plurality", "somewhere else", "unknown"),
        ("approval", "1, 1", "twice"),
        ("approval", "library, zoo", "unknown"),
        ("schulze", "1 > 2 > 1", "twice"),
        ("schulze", "1 > > 2", "empty"),
        ("score", "library", "points"),
        ("score", "library: 6", "high"),
        ("score", "library: 0", "empty"),
        ("dots", "library: 3, park: 3", "dots"),
        ("dots", "1: 1, library: 1", "twice"),
    ],
)
def test_what_is_no_vote_says_why(method: Method, words: str, fault: str) -> None:
    with pytest.raises(Unread) as unread:
        voting.read(words, asked(method), NAMES)
    assert unread.value.fault == fault


def test_an_option_that_was_withdrawn_is_known_but_cannot_be_chosen() -> None:
    with pytest.raises(Unread) as unread:
        voting.read("union", asked("plurality", withdrawn=frozenset({2})), NAMES)
    assert unread.value.fault == "withdrawn"


def test_no_more_than_may_be_chosen() -> None:
    with pytest.raises(Unread) as unread:
        voting.read("1 2 3", asked("approval", most=2), NAMES)
    assert unread.value.fault == "many"


METHODS: tuple[Method, ...] = ("approval", "score", "dots", "schulze")


@given(
    method=st.sampled_from(METHODS),
    taps=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5), st.booleans()), max_size=25),
)
def test_whatever_is_tapped_becomes_a_ballot_or_says_why_not(method: Method, taps: list[tuple[int, int, bool]]) -> None:
    one = asked(method)
    draft = voting.begin(one)
    for place, points, equal in taps:
        draft = voting.load(voting.dump(draft))
        if equal and one.kind == "ranked":
            draft = voting.Draft(choice=draft.choice, equal=True)
        if method == "dots" and sum(draft.choice.values()) == one.points:
            with pytest.raises(Unread, match="dots"):
                voting.tap(one, draft, place)
            continue
        draft = voting.tap(one, draft, place, points if method == "score" else None)
    if not draft.choice or (method == "score" and not any(draft.choice.values())):
        with pytest.raises(Unread, match="empty"):
            voting.finished(one, draft)
        return
    voting.check(one, voting.finished(one, draft))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True))
def test_tapping_in_order_is_the_order(places: list[int]) -> None:
    one = asked("schulze")
    draft = voting.begin(one)
    for place in places:
        draft = voting.tap(one, draft, place)
    assert voting.finished(one, draft) == [[place] for place in places]
    # A second tap takes one out, and the others keep their order.
    draft = voting.tap(one, draft, places[0])
    assert draft.choice == [[place] for place in places[1:]]


@given(st.lists(st.integers(1, 50), min_size=1, unique=True), st.integers(0, 10_000))
def test_each_voter_sees_all_options_and_none_is_always_the_first(places: list[int], voter: int) -> None:
    assert sorted(voting.rotated(places, voter)) == sorted(places)
    assert {voting.rotated(places, voter + more)[0] for more in range(len(places))} == set(places)


@given(st.text(max_size=40), st.sampled_from(METHODS))
def test_any_text_is_a_vote_or_is_refused(text: str, method: Method) -> None:
    with contextlib.suppress(Unread):
        voting.check(asked(method), voting.read(text, asked(method), NAMES))


# --- receipts ------------------------------------------------------------------------------------------------------

CODE = "abcdefgh234567ab"


def test_a_receipt_finds_its_own_ballot_and_no_other() -> None:
    hashes = [receipts.hashed(12, 2, receipts.written(CODE)), receipts.hashed(12, 3, "OTHE-RONE-ABCD-2345")]
    code = receipts.read(" abcd efgh-2345 67AB")
    assert code == "ABCD-EFGH-2345-67AB"
    assert receipts.found(12, code, [1, 2, 3], hashes) == 2
    assert receipts.found(13, code, [1, 2, 3], hashes) is None
    assert receipts.read("nonsense") is None
    assert receipts.root(hashes) == receipts.root(hashes[::-1])
