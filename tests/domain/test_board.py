"""What words say about offers and needs, what fits whom, and what a digest shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import board
from bot.domain.board import CATEGORIES, OTHER, Exposure, Post, Said

MONDAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 18, tzinfo=UTC)
KNOWN = tuple(CATEGORIES)


@pytest.mark.parametrize(
    ("words", "category"),
    [
        ("bike repair, saturday mornings", "repairs"),
        ("arreglo bicis los sábados", "repairs"),
        ("Fahrradreparatur", "repairs"),
        ("childcare fri 18:00 near the park", "childcare"),
        ("canguro el viernes", "childcare"),
        ("Brot backen", "food"),
        ("pan casero", "food"),
        ("panel discussion", None),
        ("clases de guitarra", "teaching"),
        ("übersetzen ins Englische", "languages"),
        ("something nice", None),
        ("cook in the garden", None),
        ("", None),
    ],
)
def test_plain_words_say_the_category_and_others_are_asked_about(words: str, category: str | None) -> None:
    assert board.category_of(words, KNOWN) == category


def test_a_category_that_the_committee_has_dropped_is_not_recognised() -> None:
    assert board.category_of("bike repair", [one for one in KNOWN if one != "repairs"]) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("fri", date(2026, 1, 9)),
        ("viernes", date(2026, 1, 9)),
        ("Freitag", date(2026, 1, 9)),
        ("monday", MONDAY),
        ("mañana", date(2026, 1, 6)),
        ("heute", MONDAY),
        ("12 feb", date(2026, 2, 12)),
        ("12 de febrero", date(2026, 2, 12)),
        ("12. Februar", date(2026, 2, 12)),
        ("feb 12", date(2026, 2, 12)),
        ("12.2.", date(2026, 2, 12)),
        ("3.1.", date(2027, 1, 3)),
        ("29 feb", date(2028, 2, 29)),
        ("2026-02-12", date(2026, 2, 12)),
        ("2025-02-12", None),
        ("31.2.", None),
        ("soon", None),
        ("99.99.", None),
    ],
)
def test_days_are_read_as_people_write_them(text: str, day: date | None) -> None:
    assert board.read_day(text, today=MONDAY) == day


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "childcare fri 18:00 near the park",
            Said(words="childcare fri 18:00 near the park", day=date(2026, 1, 9), until=None, helpers=1),
        ),
        (
            "bike repair, until 12 feb",
            Said(words="bike repair", day=None, until=date(2026, 2, 12), helpers=1),
        ),
        (
            "mudanza el 12 de febrero, 3 personas",
            Said(words="mudanza el 12 de febrero, 3 personas", day=None, until=None, helpers=3),
        ),
        ("so many things to do", Said(words="so many things to do", day=None, until=None, helpers=1)),
        ("mi casa, do re mi", Said(words="mi casa, do re mi", day=None, until=None, helpers=1)),
        ("stand by me", Said(words="stand by me", day=None, until=None, helpers=1)),
    ],
)
def test_a_line_says_when_until_when_and_how_many(line: str, said: Said) -> None:
    assert board.read(line, today=MONDAY) == said


@given(line=st.text(max_size=80))
def test_whatever_is_written_is_read_and_no_day_lies_behind(line: str) -> None:
    said = board.read(line, today=MONDAY)
    assert all(day is None or day >= MONDAY for day in (said.day, said.until))
    assert 1 <= said.helpers <= board.HELPERS_MAX
    for side in ("offer", "need"):
        last = board.last_day(side, said, today=MONDAY)
        assert MONDAY <= last <= MONDAY + timedelta(days=board.DAYS_MAX)
        reminded = board.reminder_day(last, today=MONDAY)
        assert reminded is None or MONDAY < reminded < last


def test_a_need_stands_until_its_day_and_an_offer_for_thirty() -> None:
    said = board.read("childcare fri", today=MONDAY)
    assert board.last_day("need", said, today=MONDAY) == date(2026, 1, 9)
    assert board.last_day("offer", said, today=MONDAY) == date(2026, 2, 4)


# --- what fits -----------------------------------------------------------------------------------------------------

posts = st.builds(
    Post,
    id=st.integers(1, 10_000),
    member=st.integers(1, 5),
    side=st.sampled_from(["offer", "need"]),
    category=st.sampled_from([*KNOWN[:3], OTHER]),
    words=st.sampled_from(["bike repair", "repair my bike", "a lift to town", "bread", "for the and"]),
    until=st.integers(0, 9).map(lambda days: NOW + timedelta(days=days)),
)
many = st.lists(posts, max_size=12, unique_by=lambda post: post.id)


@given(one=posts, other=posts)
def test_fitting_is_the_same_both_ways_and_never_with_oneself(one: Post, other: Post) -> None:
    assert board.closeness(one, other) == board.closeness(other, one)
    assert board.closeness(one, replace(other, member=one.member)) == 0
    assert board.closeness(one, replace(other, side=one.side)) == 0


@given(mine=many, theirs=many, order=st.randoms(use_true_random=False))
def test_what_fits_does_not_depend_on_the_order_it_is_looked_at(mine: list[Post], theirs: list[Post], order) -> None:  # type: ignore[no-untyped-def]
    found = board.fitting(mine, theirs)
    mixed = list(theirs)
    order.shuffle(mixed)
    assert board.fitting(list(reversed(mine)), mixed) == found
    best = [max(board.closeness(one, post) for one in mine) for post in found]
    assert best == sorted(best, reverse=True)
    assert all(best)
    left = [post for post in theirs if post not in found]
    assert all(board.closeness(one, post) == 0 for one in mine for post in left)


def test_having_no_category_in_common_fits_nothing_and_small_words_neither() -> None:
    mine = Post(id=1, member=1, side="offer", category=OTHER, words="help for the cat", until=NOW)
    theirs = Post(id=2, member=2, side="need", category=OTHER, words="help for the dog", until=NOW)
    assert board.fitting([mine], [theirs]) == []
    assert board.fitting([replace(mine, category="care")], [replace(theirs, category="care")]) != []


@given(query=st.text(max_size=20), words=st.text(max_size=40))
def test_a_search_finds_what_is_written_and_the_empty_one_everything(query: str, words: str) -> None:
    assert board.found_by("", words)
    assert board.found_by(words, words)
    if board.found_by(query, words):
        assert board.found_by(query, f"{words} more")


@pytest.mark.parametrize("query", ["bici", "BICI", "arregl bici", "sabado"])
def test_a_search_does_not_mind_accents_and_ends(query: str) -> None:
    assert board.found_by(query, "Arreglo bicicletas los sábados")


# --- the digest ------------------------------------------------------------------------------------------------------


def digests(owners: list[int], *, count: int, rounds: int) -> list[list[int]]:
    """Which posts a row of digests shows; post n is of member owners[n]."""
    state = [Exposure(id=id_, member=member) for id_, member in enumerate(owners)]
    history = []
    for number in range(1, rounds + 1):
        shown = board.next_shown(state, count=count)
        history.append(shown)
        state = [
            replace(one, last=number, running=one.running + 1, times=one.times + 1)
            if one.id in shown
            else replace(one, running=0)
            for one in state
        ]
    return history


@given(owners=st.lists(st.integers(1, 6), min_size=1, max_size=15), count=st.integers(1, 6))
def test_nothing_is_shown_three_times_running_and_nothing_twice_in_one(owners: list[int], count: int) -> None:
    history = digests(owners, count=count, rounds=12)
    for shown in history:
        assert len(shown) == len(set(shown)) <= count
    for three in zip(history, history[1:], history[2:], strict=False):
        assert not set.intersection(*map(set, three))


@given(sizes=st.lists(st.integers(1, 6), min_size=3, max_size=8), data=st.data())
def test_whoever_has_one_thing_on_the_board_is_shown_as_often_as_whoever_has_many(
    sizes: list[int], data: st.DataObject
) -> None:
    # So few places that nobody is passed over for having been shown too often.
    count = data.draw(st.integers(1, max(1, len(sizes) // 2)))
    owners = [member for member, size in enumerate(sizes) for _ in range(size)]
    for rounds in range(1, 14):
        times = Counter(owners[id_] for shown in digests(owners, count=count, rounds=rounds) for id_ in shown)
        assert max(times.values()) - min(times[member] for member in range(len(sizes))) <= 1


@given(owners=st.lists(st.integers(1, 6), min_size=1, max_size=15), count=st.integers(1, 6))
def test_everything_on_the_board_is_shown_in_time(owners: list[int], count: int) -> None:
    most = Counter(owners).most_common(1)[0][1]
    rounds = 3 * most * len(set(owners))
    assert {id_ for shown in digests(owners, count=count, rounds=rounds) for id_ in shown} == set(range(len(owners)))


@given(owners=st.lists(st.integers(1, 6), min_size=1, max_size=15), count=st.integers(1, 6))
def test_places_are_filled_as_far_as_anything_may_be_shown(owners: list[int], count: int) -> None:
    state = [Exposure(id=id_, member=member, last=5, running=id_ % 3) for id_, member in enumerate(owners)]
    free = sum(one.running < board.DIGEST_TIMES_MAX for one in state)
    assert len(board.next_shown(state, count=count)) == min(count, free)
