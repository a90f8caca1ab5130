"""Rings against every way of putting people in a row; barters as people write them."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import barter, board, rings
from bot.domain.board import CATEGORIES, Post
from bot.domain.rings import NEXT_MAX, ROUND_MAX

UNTIL = datetime(2026, 2, 1, tzinfo=UTC)
KINDS = [*list(CATEGORIES)[:3], board.OTHER]


@st.composite
def boards(draw: st.DrawFn, *, members: int = 6, posts: int = 14) -> list[Post]:
    """A small board: so few people that nobody has more neighbours than are looked at."""
    found = draw(
        st.lists(
            st.tuples(
                st.integers(1, members),
                st.sampled_from(["offer", "need"]),
                st.sampled_from(KINDS),
                st.sampled_from(["bread", "bike", "bread and bike", "things"]),
            ),
            max_size=posts,
        )
    )
    return [
        Post(
            id=id_,
            member=member,
            side="offer" if side == "offer" else "need",
            category=category,
            words=words,
            until=UNTIL,
        )
        for id_, (member, side, category, words) in enumerate(found, start=1)
    ]


def helps(posts: list[Post], giver: int, receiver: int, barred: frozenset[tuple[int, int]]) -> bool:
    """Whether some offer of one fits some need of the other, as the board says it."""
    return any(
        board.closeness(offer, need) > 0
        for offer in posts
        for need in posts
        if (offer.member, offer.side, need.member, need.side) == (giver, "offer", receiver, "need")
        and (offer.id, need.id) not in barred
    )


def by_trying_all(posts: list[Post], barred: frozenset[tuple[int, int]] = frozenset()) -> set[tuple[int, ...]]:
    """Every ring of three or four people, each once, beginning with the lowest id."""
    people = sorted({post.member for post in posts})
    return {
        row
        for length in (3, 4)
        for row in itertools.permutations(people, length)
        if row[0] == min(row)
        and all(helps(posts, one, other, barred) for one, other in zip(row, (*row[1:], row[0]), strict=True))
    }


@given(boards(), st.data())
def test_every_ring_is_found_once_and_none_that_is_not_there(posts: list[Post], data: st.DataObject) -> None:
    pairs = [
        (one.id, other.id) for one in posts for other in posts if board.closeness(one, other) and one.side == "offer"
    ]
    barred = frozenset(data.draw(st.lists(st.sampled_from(pairs), max_size=5)) if pairs else [])
    found = rings.all_rings(rings.steps(posts, barred=barred))
    rows = [tuple(step.giver for step in ring) for ring in found]
    assert len(rows) == len(set(rows))
    assert set(rows) == by_trying_all(posts, barred)
    there = {post.id: post for post in posts}
    for ring in found:
        for step, following in zip(ring, (*ring[1:], ring[0]), strict=True):
            assert step.receiver == following.giver
            offer, need = there[step.offer], there[step.need]
            assert (offer.side, offer.member, need.side, need.member) == ("offer", step.giver, "need", step.receiver)
            assert step.closeness == board.closeness(offer, need)
            assert (step.offer, step.need) not in barred


@given(boards(members=12, posts=40), st.integers(0, ROUND_MAX))
def test_a_round_is_small_and_nobody_is_in_two_of_its_rings(posts: list[Post], count: int) -> None:
    chosen = rings.next_round(posts, count=count)
    people = [step.giver for ring in chosen for step in ring]
    assert len(chosen) <= count
    assert len(people) == len(set(people))
    if count and not chosen:
        assert rings.all_rings(rings.steps(posts)) == [], "where there is a ring, one is proposed"


@given(boards(members=12, posts=40), st.randoms(use_true_random=False))
def test_the_order_in_which_the_board_is_read_does_not_matter(posts: list[Post], chance: random.Random) -> None:
    mixed = posts[:]
    chance.shuffle(mixed)
    assert rings.next_round(mixed) == rings.next_round(posts)


@settings(max_examples=3)
@given(st.integers(60, 90))
def test_a_board_where_everybody_could_help_everybody_is_searched_within_bounds(people: int) -> None:
    posts = [
        post
        for member in range(1, people + 1)
        for post in (
            Post(id=2 * member, member=member, side="offer", category="garden", words="", until=UNTIL),
            Post(id=2 * member + 1, member=member, side="need", category="garden", words="", until=UNTIL),
        )
    ]
    ways = rings.steps(posts)
    assert max(len(own) for own in ways.values()) == NEXT_MAX
    assert len(rings.all_rings(ways)) <= people * NEXT_MAX**3
    assert len(rings.next_round(posts)) == ROUND_MAX


def test_a_short_ring_comes_before_a_long_one_and_a_good_one_before_a_loose_one() -> None:
    def both(member: int, offers: str, needs: str) -> list[Post]:
        return [
            Post(id=2 * member, member=member, side="offer", category=offers, words="", until=UNTIL),
            Post(id=2 * member + 1, member=member, side="need", category=needs, words="", until=UNTIL),
        ]

    long = [*both(1, "a", "d"), *both(2, "b", "a"), *both(3, "c", "b"), *both(4, "d", "c")]
    short = [*both(5, "x", "z"), *both(6, "y", "x"), *both(7, "z", "y")]
    assert [len(ring) for ring in rings.next_round([*long, *short])] == [3, 4]
    [(first, *_)] = rings.next_round([*long, *short], count=1)
    assert first.giver == 5


# --- barters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "readings"),
    [
        ("bread for a haircut", [("bread", "a haircut")]),
        ("pan por un corte de pelo", [("pan", "un corte de pelo")]),
        ("Brot für einen Haarschnitt", [("Brot", "einen Haarschnitt")]),
        ("Brot für Sonntag gegen einen Haarschnitt", [("Brot für Sonntag", "einen Haarschnitt")]),
        ("bread for Sunday <-> a haircut for my son", [("bread for Sunday", "a haircut for my son")]),
        ("pan para el domingo a cambio de un corte", [("pan para el domingo", "un corte")]),
        ("bread for Sunday for a haircut", [("bread", "Sunday for a haircut"), ("bread for Sunday", "a haircut")]),
        ("bread, for a haircut", [("bread", "a haircut")]),
        ("bread", []),
        ("bread for", []),
        ("for a haircut", []),
        ("", []),
    ],
)
def test_a_line_says_what_for_what(line: str, readings: list[tuple[str, str]]) -> None:
    assert barter.readings(line) == readings


SIDES = st.lists(st.sampled_from(["bread", "soup", "pan", "ein", "Kuchen", "3"]), min_size=1, max_size=4).map(" ".join)


@given(
    SIDES, SIDES, st.sampled_from(["for", "por", "für", "gegen", "a cambio de", "<->", "↔", "FOR", "in exchange for"])
)
def test_whatever_stands_on_both_sides_comes_back(give: str, get: str, between: str) -> None:
    assert barter.readings(f"{give} {between} {get}") == [(give, get)]


@given(st.text(alphabet="abfor ün<>-", max_size=60))
def test_no_line_is_read_as_half_a_barter(line: str) -> None:
    found = barter.readings(line)
    assert len(found) <= barter.READINGS_MAX
    assert all(give.strip() and get.strip() for give, get in found)


@pytest.mark.parametrize(
    ("words", "number"), [("no. 3", 3), ("#12", 12), ("Nr. 4", 4), ("n.º 5", 5), ("3 loaves", None)]
)
def test_a_side_may_be_a_number_on_the_board(words: str, number: int | None) -> None:
    assert barter.post_number(words) == number


STATES = st.sampled_from(["open", "given", "received", "settled", "even"])


@given(st.lists(STATES, min_size=2, max_size=4))
def test_it_is_half_from_the_first_that_is_kept_and_done_with_the_last(states: list[barter.PromiseState]) -> None:
    kept = sum(state not in ("open", "given") for state in states)
    assert barter.standing(states) == ("agreed" if kept == 0 else "done" if kept == len(states) else "half")
    people = range(len(states))
    promises = [
        barter.Promise(giver=one, receiver=(one + 1) % len(states), state=state)
        for one, state in zip(people, states, strict=True)
    ]
    owed = barter.owed(promises)
    for promise in promises:
        waits = states[promise.receiver] not in ("open", "given")
        assert (promise in owed) == (promise.state in ("open", "given") and waits)
    assert bool(owed) == (0 < kept < len(states)), "where it is half done, somebody waits"
