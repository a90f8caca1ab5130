"""What several committees decide together: the same counts come to the same, and no count counts twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import jointly
from bot.domain.jointly import Common, Count, Question, Statement, Terms, Unfit

POLL = "d" * 64
AUTHORS = tuple(sorted(letter * 64 for letter in "abc"))
TERMS = Terms(options=3, yesno=True, asked=AUTHORS, closes=1_000_000, grace=1000)
PLACES = Terms(options=3, yesno=False, asked=AUTHORS, closes=1_000_000, grace=1000)


def body(heads: Sequence[int] | None, *, result: int, at: int = 1_000_000, **more: Any) -> dict[str, Any]:
    voters = sum(heads) if heads is not None else 2
    found = jointly.count_body(POLL, at=at, heads=heads, voters=voters, roll=voters + 5, result=result)
    return {**found, **more}


def said(author: str, what: dict[str, Any], *, life: int = 0, number: int = 1) -> Statement:
    hash_ = hashlib.sha256(repr((author, life, number, what)).encode()).hexdigest()
    return Statement(author=author, hash=hash_, life=life, number=number, body=what)


def tally(*statements: Statement, terms: Terms = TERMS) -> jointly.Tally:
    return jointly.tally(POLL, terms, statements)


BODIES = st.builds(
    lambda heads, result, late, extra: {**body(heads, result=result, at=1_000_000 + late), **extra},
    st.none() | st.lists(st.integers(-1, 40), min_size=2, max_size=4),
    st.integers(-1, 4),
    st.integers(-10, 2000),
    st.sampled_from([{}, {}, {}, {"roll": 1}, {"heads": "many"}, {"voters": None}, {"at": True}]),
)
STATEMENTS = st.lists(
    st.builds(said, st.sampled_from([*AUTHORS, "e" * 64]), BODIES, life=st.integers(0, 2), number=st.integers(1, 3)),
    max_size=12,
    unique_by=lambda one: (one.author, one.life, one.number),
)


@given(STATEMENTS, st.randoms(use_true_random=False), st.sampled_from([TERMS, PLACES]))
def test_any_order_and_repetition_comes_to_the_same(statements: list[Statement], chance: Any, terms: Terms) -> None:
    again = [*statements, *(one for one in statements if chance.random() < 0.5)]
    chance.shuffle(again)
    assert tally(*again, terms=terms) == tally(*statements, terms=terms)


@given(STATEMENTS)
def test_no_committee_counts_twice_and_no_stranger_at_all(statements: list[Statement]) -> None:
    found = tally(*statements)
    authors = [one.author for one in (*found.counted, *found.late)]
    assert len(set(authors)) == len(authors)
    assert set(authors) <= set(AUTHORS)
    assert sum(found.committees) + found.undecided == len(found.counted)
    for one in (*found.counted, *found.late):
        assert one.heads is None or (min(one.heads) >= 0 and sum(one.heads) <= one.voters <= one.roll)
    spoken = [one.heads for one in found.counted if one.heads is not None]
    assert found.heads == tuple(map(sum, zip(*spoken, strict=True))) if spoken else found.heads == (0, 0, 0)


@given(STATEMENTS)
def test_what_is_late_or_refused_changes_nothing(statements: list[Statement]) -> None:
    found = tally(*statements)
    kept = {one.author for one in found.counted}
    only = tally(*(one for one in statements if one.author in kept))
    assert (only.hash, only.heads, only.decided) == (found.hash, found.heads, found.decided)
    assert all(one.at <= TERMS.ends for one in found.counted)
    assert all(one.at > TERMS.ends for one in found.late)


@given(STATEMENTS, STATEMENTS)
def test_the_same_hash_means_the_same_counts(one: list[Statement], other: list[Statement]) -> None:
    mine, theirs = tally(*one), tally(*other)
    counts = [{count.author: count.hash for count in found.counted} for found in (mine, theirs)]
    same = counts[0] == counts[1] and (mine.heads, mine.committees) == (theirs.heads, theirs.committees)
    assert (mine.hash == theirs.hash) == same
    read = jointly.read_result(TERMS, said(AUTHORS[0], jointly.result_body(POLL, theirs)))
    assert read is not None
    gap = jointly.difference(mine, read)
    assert (gap is None) == same
    if gap is not None and counts[0] != counts[1]:
        assert gap.other or gap.there or gap.here


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (body([3, -1, 0], result=1, voters=3), "negative"),
        (body([3, 1], result=1), "options"),
        (body([3, 1, 0], result=4), "options"),
        (body([3, 1, 0], result=1, roll=3), "roll"),
        (body([3, 1, 0], result=1, voters=3), "sum"),
        (body([3, 1, 0], result=1, voters="4"), "unsound"),
        ({**body([3, 1, 0], result=1), "at": None}, "unsound"),
        (body([3, True, 0], result=1), "unsound"),
    ],
)
def test_a_count_that_cannot_be_is_refused(what: dict[str, Any], fault: str) -> None:
    assert jointly.read_count(TERMS, said(AUTHORS[0], what)) == fault
    assert tally(said(AUTHORS[0], what)).counted == ()
    assert tally(said(AUTHORS[0], what)).refused == {AUTHORS[0]: fault}


def test_a_count_of_nobody_who_was_asked_is_refused() -> None:
    assert jointly.read_count(TERMS, said("e" * 64, body([3, 1, 0], result=1))) == "stranger"


def test_the_first_count_counts_and_a_second_one_does_not() -> None:
    first, second = body([3, 1, 0], result=1), body([0, 9, 0], result=2)
    found = tally(said(AUTHORS[0], second, number=2), said(AUTHORS[0], first))
    assert found.heads == (3, 1, 0)
    # Also after a database was put back from a copy.
    assert tally(said(AUTHORS[0], second, life=5), said(AUTHORS[0], first, number=9)).heads == (3, 1, 0)


def test_late_is_what_was_counted_late_not_what_came_late() -> None:
    in_time, late = body([3, 1, 0], result=1, at=TERMS.ends), body([3, 1, 0], result=1, at=TERMS.ends + 1)
    assert isinstance(jointly.read_count(TERMS, said(AUTHORS[0], late)), Count)
    assert tally(said(AUTHORS[0], in_time)).heads == (3, 1, 0)
    assert tally(said(AUTHORS[0], late)).heads == (0, 0, 0)
    assert [one.author for one in tally(said(AUTHORS[0], late)).late] == [AUTHORS[0]]


def three(*votes: tuple[Sequence[int] | None, int], terms: Terms = TERMS) -> jointly.Tally:
    return tally(
        *(said(author, body(heads, result=result)) for author, (heads, result) in zip(AUTHORS, votes, strict=False)),
        terms=terms,
    )


def test_it_passes_if_most_people_and_most_committees_say_so() -> None:
    found = three(([5, 1, 0], 1), ([4, 2, 0], 1), ([1, 3, 0], 2))
    assert (found.heads, found.committees, found.decided, found.why) == ((10, 6, 0), (2, 1, 0), 1, "agree")


def test_people_and_committees_can_say_two_things() -> None:
    found = three(([40, 1, 0], 1), ([4, 5, 0], 2), ([1, 3, 0], 2))
    assert (found.by_heads, found.by_committees, found.decided, found.why) == (1, 2, 0, "differ")
    assert three(([40, 1, 0], 1), ([4, 5, 0], 2), ([1, 3, 0], 2), terms=replace(TERMS, needs="heads")).decided == 1
    only = replace(TERMS, needs="committees")
    assert three(([40, 1, 0], 1), ([4, 5, 0], 2), ([1, 3, 0], 2), terms=only).decided == 2


def test_a_tie_stays_a_tie() -> None:
    assert three(([3, 3, 0], 0), ([1, 1, 0], 0)).why == "tie"
    # Of people or of committees alone, too.
    assert three(([4, 3, 0], 1), ([1, 2, 0], 2)).why == "tie"
    assert three(([5, 3, 0], 1), ([1, 2, 0], 2)).why == "tie"
    assert three(([2, 2, 0], 1), ([1, 1, 0], 2), terms=PLACES).why == "tie"


def test_so_many_committees_must_have_voted() -> None:
    terms = replace(TERMS, least=3)
    assert three(([5, 1, 0], 1), ([4, 2, 0], 1), terms=terms).why == "few"
    assert three(([5, 1, 0], 1), ([4, 2, 0], 1), ([1, 3, 0], 2), terms=terms).decided == 1
    assert tally().why == "few"


def test_with_a_threshold_yes_needs_that_share_of_the_people() -> None:
    votes: tuple[tuple[Sequence[int], int], ...] = (([5, 3, 9], 1), ([1, 1, 0], 1))
    terms = replace(TERMS, common=Common(threshold=Fraction(2, 3)))
    assert three(*votes).decided == 1
    assert three(*votes, terms=terms).by_heads == 2
    assert three(([6, 3, 9], 1), terms=terms).by_heads == 1


def test_where_nobody_says_how_many_committees_decide_alone() -> None:
    found = three((None, 1), (None, 1), (None, 2))
    assert (found.silent, found.decided) == (3, 1)
    # One that says so is enough for both to be needed.
    assert three((None, 1), (None, 1), ([1, 3, 0], 2)).why == "differ"


def test_of_several_options_the_one_that_most_want() -> None:
    found = three(([2, 5, 0], 2), ([4, 2, 1], 1), ([0, 3, 1], 2), terms=PLACES)
    assert (found.heads, found.committees, found.decided) == ((6, 10, 2), (1, 2, 0), 2)


def test_where_one_may_choose_several_there_are_more_answers_than_votes() -> None:
    terms = replace(PLACES, common=Common(process=jointly.SEVERAL))
    what = body([3, 3, 2], result=1, voters=4)
    assert jointly.read_count(PLACES, said(AUTHORS[0], what)) == "sum"
    assert isinstance(jointly.read_count(terms, said(AUTHORS[0], what)), Count)
    assert jointly.read_count(terms, said(AUTHORS[0], body([5, 3, 2], result=1, voters=4))) == "sum"


# --- what is asked -----------------------------------------------------------------------------------------------


@given(
    st.builds(
        Terms,
        options=st.just(3),
        yesno=st.just(False),
        asked=st.just(AUTHORS),
        closes=st.integers(0, 2**33),
        grace=st.integers(0, 86_400),
        needs=st.sampled_from(["both", "heads", "committees"]),
        least=st.integers(1, 3),
        common=st.none()
        | st.builds(
            Common,
            process=st.sampled_from([None, "poll", "several"]),
            quorum=st.none() | st.fractions(0, 1, max_denominator=9),
            threshold=st.none() | st.fractions(Fraction(1, 2), 1, max_denominator=9),
        ),
        language=st.sampled_from(["en", "es", "de"]),
    )
)
def test_a_question_is_read_as_it_was_asked(terms: Terms) -> None:
    asked = Question(words="Where?", options=("Park", "Hall", "Café"), terms=terms)
    assert jointly.read_question(jointly.question_body(asked)) == asked


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(jointly.question_body(Question(words="x", options=(), terms=TERMS)))), PLAIN)
def test_whatever_comes_is_a_question_or_none(name: str, value: Any) -> None:
    good = jointly.question_body(Question(words="Van?", options=(), terms=TERMS))
    try:
        read = jointly.read_question({**good, name: value})
    except Unfit:
        return
    assert read.terms.grace <= jointly.GRACE_MOST.total_seconds()
    assert len(read.words) <= 300


@given(st.sampled_from(["at", "heads", "voters", "roll", "result"]), PLAIN)
def test_whatever_comes_is_a_count_or_none(name: str, value: Any) -> None:
    tally(said(AUTHORS[0], {**body([3, 1, 0], result=1), name: value}))
    jointly.read_result(TERMS, said(AUTHORS[0], {"tally": value, "counts": value}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"asked": list(reversed(AUTHORS))},
        {"asked": [AUTHORS[0]]},
        {"question": "two\nlines"},
        {"question": "x" * 301},
        {"grace": 10**9},
        {"least": 4},
        {"common": {"process": "several"}},
        {"common": {"quorum": "3/2"}},
        {"common": {"threshold": "1/3"}},
        {"options": ["a", "b", "c"]},
    ],
)
def test_a_question_that_cannot_be_meant_is_none(wrong: dict[str, Any]) -> None:
    good = jointly.question_body(Question(words="Van?", options=(), terms=TERMS))
    with pytest.raises(Unfit):
        jointly.read_question({**good, **wrong})


def test_how_they_decide_together_is_said_in_the_line() -> None:
    assert jointly.settings("Van?, by heads, until fri 18:00") == ("heads", 1, "Van?, until fri 18:00")
    assert jointly.settings("¿Furgoneta?\npor comités\nhasta vie 18:00") == (
        "committees",
        1,
        "¿Furgoneta?\nhasta vie 18:00",
    )
    assert jointly.settings("Van?, mindestens 2 Komitees") == ("both", 2, "Van?")
    assert jointly.settings("Shall we go by committees or by heads?") == (
        "both",
        1,
        "Shall we go by committees or by heads?",
    )


def test_yes_and_no_are_known_in_any_of_our_languages() -> None:
    assert all(map(jointly.is_yes_or_no, [(), ("yes", "no"), ("Sí", "No"), ("Ja.", "Nein")]))
    assert not any(map(jointly.is_yes_or_no, [("yes", "maybe"), ("no", "yes"), ("Library", "Park"), ("a", "b", "c")]))
