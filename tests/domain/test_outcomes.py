"""Who does what by when is read out of sentences; a decision lapses after it was reminded of."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import outcomes, recalls

NOW = datetime(2026, 1, 5, 18, 0)
NAMES = ["ana", "ben"]


@pytest.mark.parametrize(
    ("text", "who", "what", "day"),
    [
        ("Ana buys paint by fri 18:00", "Ana", "buys paint", 9),
        ("We paint on Saturday. @eli brings ladders by sat 10:00.", "@eli", "brings ladders", 10),
        ("Ben compra pintura para el viernes 18:00", "Ben", "compra pintura", 9),
        ("Ben kauft Farbe bis Fr 18:00; wir streichen", "Ben", "kauft Farbe", 9),
    ],
)
def test_a_sentence_says_who_does_what_by_when(text: str, who: str, what: str, day: int) -> None:
    [task] = outcomes.tasks(text, now=NOW, names=NAMES)
    assert (task.who, task.what, task.by.day) == (who, what, day)


@pytest.mark.parametrize(
    "text", ["We buy paint by fri 18:00", "Ana buys paint", "Ana buys paint by and by", "Ana by fri 18:00", "", "Ana"]
)
def test_other_sentences_are_left_alone(text: str) -> None:
    assert outcomes.tasks(text, now=NOW, names=NAMES) == []


@given(st.text(max_size=300))
def test_no_text_breaks_it_and_every_part_is_ahead(text: str) -> None:
    found = outcomes.tasks(text, now=NOW, names=NAMES)
    assert len(found) <= outcomes.TASKS_MAX
    assert all(task.by > NOW and task.what and task.who for task in found)


@given(st.integers(1, 1000))
def test_a_decision_is_reminded_of_before_it_lapses(days: int) -> None:
    decided = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
    lapses = decided + timedelta(days=days)
    assert decided < outcomes.reminder_before_lapse(decided, lapses) < lapses
    assert outcomes.lapses_again(lapses, days, now=decided) == lapses + timedelta(days=days)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_what_a_review_comes_to(keep: int, change: int, drop: int) -> None:
    passed = 2 * keep > keep + change + drop
    came = outcomes.review_said([("keep", keep), ("change", change), ("drop", drop)], passed=passed)
    assert (came == "keep") == passed
    assert (came == "drop") == (not passed and 2 * drop > keep + change + drop)


@given(st.integers(0, 200), st.fractions(Fraction(1, 100), Fraction(1, 2)))
def test_nobody_recalls_alone_and_a_quarter_is_a_quarter(voters: int, share: Fraction) -> None:
    needed = recalls.needed(voters, share)
    assert needed >= 2
    assert needed == 2 or needed - 1 < share * voters <= needed


@given(st.frozensets(st.integers(1, 20)), st.frozensets(st.integers(1, 20)), st.integers(1, 20))
def test_a_name_more_never_makes_it_less_and_those_without_a_vote_do_not_count(
    signed: frozenset[int], voters: frozenset[int], one: int
) -> None:
    share = Fraction(1, 4)
    assert recalls.enough(signed, voters, share) <= recalls.enough(signed | {one}, voters, share)
    assert recalls.enough(signed, voters, share) == recalls.enough(signed & voters, voters, share)
