"""The roll call: who is asked, who has answered, and which round comes when."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alarm import Event
from bot.domain.rollcall import EVERY, LEGAL, RollCall, roll_call, roster

START = datetime(2026, 1, 5, 18, tzinfo=UTC)
KINDS = ["roll_called", "roll_asked", "roll_round", "safe", "help", "roster", "coming", "ended"]


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Anything that can happen in an alert, at any time."""
    count = draw(st.integers(0, 20))
    made = []
    for id_ in range(count):
        kind = draw(st.sampled_from(KINDS))
        data = {"n": draw(st.integers(1, 5))} if kind == "roll_round" else {}
        member = draw(st.integers(1, 5)) if kind not in ("roll_called", "roll_round", "ended") else None
        at = START + timedelta(minutes=draw(st.integers(0, 120)))
        made.append(Event(id=id_, kind=kind, member=member, at=at, data=data))
    return made


@given(events(), st.randoms())
def test_in_whatever_order_and_however_often_it_comes_in_the_same_follows(happened, chance) -> None:  # type: ignore[no-untyped-def]
    again = [*happened, *happened]
    chance.shuffle(again)
    assert roll_call(again) == roll_call(happened)
    assert roster(again) == roster(happened)


@given(events())
def test_everybody_who_is_asked_is_safe_or_needs_help_or_is_missing(happened: list[Event]) -> None:
    found = roll_call(happened)
    if found is None:
        assert not any(one.kind == "roll_called" for one in happened)
        return
    assert found.safe | found.help | found.missing == found.asked
    assert len(found.safe) + len(found.help) + len(found.missing) == len(found.asked)
    assert 1 <= found.round <= LEGAL
    assert (found.next_at is None) == found.over
    assert found.over == (not found.missing or found.round == LEGAL)


def _steps(lates: list[int]) -> tuple[RollCall, list[datetime]]:
    """A roll call of one who never answers, by a clock that is late by so many minutes each time."""
    happened = [
        Event(id=1, kind="roll_called", member=None, at=START),
        Event(id=2, kind="roll_asked", member=1, at=START),
    ]
    asked = [START]
    for late in lates:
        found = roll_call(happened)
        assert found is not None
        if found.next_at is None:
            break
        now = found.next_at + timedelta(minutes=late)
        happened.append(
            Event(id=len(happened) + 1, kind="roll_round", member=None, at=now, data={"n": found.round + 1})
        )
        asked.append(now)
    found = roll_call(happened)
    assert found is not None
    return found, asked


@given(st.lists(st.integers(0, 600), min_size=5, max_size=8))
def test_however_late_the_clock_is_no_two_rounds_come_at_once_and_none_is_passed_over(lates: list[int]) -> None:
    found, asked = _steps(lates)
    assert len(asked) == found.round == LEGAL
    assert all(later - earlier >= EVERY for earlier, later in itertools.pairwise(asked))


def test_the_last_answer_counts_and_a_new_roll_call_begins_anew() -> None:
    happened = [
        Event(id=1, kind="roll_called", member=None, at=START),
        Event(id=2, kind="roll_asked", member=1, at=START),
        Event(id=3, kind="safe", member=1, at=START + timedelta(minutes=1)),
        Event(id=4, kind="help", member=1, at=START + timedelta(minutes=2)),
    ]
    found = roll_call(happened)
    assert found is not None
    assert found.help == {1}
    assert not found.safe
    happened.append(Event(id=5, kind="roll_called", member=None, at=START + timedelta(minutes=30)))
    happened.append(Event(id=6, kind="roll_asked", member=1, at=START + timedelta(minutes=30)))
    again = roll_call(happened)
    assert again is not None
    assert again.missing == {1}
    assert again.round == 1
