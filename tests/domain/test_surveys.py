"""Surveys: how questions are read, and what the answers come to."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import surveys
from bot.domain.surveys import Asked, Unclear


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("How is the food? | good | bad", Asked(words="How is the food?", kind="one", options=("good", "bad"))),
        ("What else?", Asked(words="What else?", kind="free")),
        ("Which? (several) | a | b", Asked(words="Which?", kind="several", options=("a", "b"))),
        ("¿Cuáles? (varias) | a | b", Asked(words="¿Cuáles?", kind="several", options=("a", "b"))),
        ("Welche? (mehrere) | a | b", Asked(words="Welche?", kind="several", options=("a", "b"))),
    ],
)
def test_a_question(written: str, asked: Asked) -> None:
    assert surveys.read_question(written, 1) == asked


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("One? | a", "one"),
        ("Twice? | Sí | si", "twice"),
        ("| a | b", "empty"),
        ("Many? " + "".join(f"| {n} " for n in range(13)), "many"),
        ("x" * 301, "long"),
        ("Long? | a | " + "x" * 101, "long"),
    ],
)
def test_a_question_that_cannot_be_asked_like_this(written: str, why: str) -> None:
    with pytest.raises(Unclear) as unclear:
        surveys.read_question(written, 3)
    assert (unclear.value.why, unclear.value.number) == (why, 3)


BALLOT = st.fixed_dictionaries(
    {},
    optional={
        "1": st.integers(1, 3),
        "2": st.lists(st.integers(1, 2), unique=True).map(sorted),
        "3": st.just(True),
    },
)


@given(st.lists(BALLOT, max_size=12), st.randoms(use_true_random=False))
def test_every_answer_counts_once_in_whichever_order(ballots: list[dict[str, Any]], order: Any) -> None:
    questions = {1: [1, 2, 3], 2: [1, 2], 3: []}
    found = surveys.totals(questions, ballots)
    assert sum(found[1][0].values()) == found[1][1] == sum("1" in one for one in ballots)
    assert sum(found[2][0].values()) == sum(len(one.get("2", [])) for one in ballots)
    assert found[2][1] == sum("2" in one for one in ballots)
    assert found[3] == ({}, sum("3" in one for one in ballots)), "answers in words are only counted"
    shuffled = list(ballots)
    order.shuffle(shuffled)
    assert surveys.totals(questions, shuffled) == found


@given(st.sets(st.integers(1, 5)), st.integers(0, 5))
def test_the_next_question_is_the_first_that_is_not_answered(answered: set[int], after: int) -> None:
    found = surveys.next_question([1, 2, 3, 4, 5], answered, after=after)
    left = [one for one in range(after + 1, 6) if one not in answered]
    assert found == (left[0] if left else None)


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_no_cell_of_the_table_is_a_formula(rows: list[tuple[str, str]]) -> None:
    read = list(csv.reader(io.StringIO(surveys.table(("a", "b"), rows), newline="")))
    assert len(read) == len(rows) + 1
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in read for cell in row)
