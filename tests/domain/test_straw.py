"""The rules of straw polls: what a line says, and what votes come to."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.straw import OPEN_LEAST, OPEN_MOST, Line, Unclear, Vote, fault, read, tally

NOW = datetime(2026, 1, 5, 18, 0)
"""A Monday."""

_VOTES = st.lists(
    st.builds(
        Vote,
        voter=st.sampled_from("abcde"),
        member=st.just(True),
        choices=st.lists(st.integers(-1, 3), max_size=4).map(tuple),
    ).map(lambda vote: Vote(vote.voter, vote.voter in "abc", vote.choices)),
    max_size=20,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Where? | a | b", Line(question="Where?", options=("a", "b"))),
        (" Where ?|a|  b  c | ", Line(question="Where ?", options=("a", "b c"))),
        ("Where?\na\nb, several", Line(question="Where?", options=("a", "b"), several=True)),
        ("Who, and when? | you, me | all, of us", Line(question="Who, and when?", options=("you, me", "all, of us"))),
        (
            "¿Qué? | a | b, varias, hasta el vie a las 20:00",
            Line(question="¿Qué?", options=("a", "b"), several=True, ends=datetime(2026, 1, 9, 20, 0)),
        ),
        (
            "Was? | a | b, bis in 2 Tagen, mehrere",
            Line(question="Was?", options=("a", "b"), several=True, ends=NOW + timedelta(days=2)),
        ),
        ("Q | a | b, closes 9 jan", Line(question="Q", options=("a", "b"), ends=datetime(2026, 1, 9, 20, 0))),
        ("Q | a | b, until 2h", Line(question="Q", options=("a", "b"), ends=NOW + timedelta(hours=2))),
        ("", Line(question="", options=())),
        ("Q, several", Line(question="Q", options=(), several=True)),
    ],
)
def test_what_a_line_says(text: str, line: Line) -> None:
    assert read(text, now=NOW) == line


@pytest.mark.parametrize(
    "setting", ["until", "until friday-ish", "until fri 18:00 to 20:00", "several people", "closes 0h", "until the end"]
)
def test_what_cannot_be_understood_is_named(setting: str) -> None:
    with pytest.raises(Unclear) as unclear:
        read(f"Q | a | b, {setting}", now=NOW)
    assert unclear.value.words == setting


@given(st.text(max_size=200))
def test_any_line_is_read_or_named(text: str) -> None:
    try:
        said = read(text, now=NOW)
    except Unclear:
        pass
    else:
        assert said.options == tuple(option for option in said.options if option.strip() == option != "")


@given(st.integers(-100_000, 100_000))
def test_it_runs_neither_too_short_nor_too_long(minutes: int) -> None:
    found = fault(Line(question="Q", options=("a", "b"), ends=NOW + timedelta(minutes=minutes)), now=NOW)
    length = timedelta(minutes=minutes)
    assert found == ("past" if length < OPEN_LEAST else "far" if length > OPEN_MOST else None)


@given(_VOTES, st.booleans())
def test_everybody_counts_once_by_their_last_vote(votes: list[Vote], several: bool) -> None:
    found = tally(votes, options=3, several=several)
    assert found.members <= 3
    assert found.others <= 2
    if several:
        assert all(ours <= found.members and theirs <= found.others for ours, theirs in found.chosen)
    else:
        assert sum(ours for ours, _ in found.chosen) == found.members
        assert sum(theirs for _, theirs in found.chosen) == found.others
    # What somebody voted before does not matter, nor in which order different people voted.
    last = {vote.voter: vote for vote in votes}
    assert tally([last[voter] for voter in sorted(last)], options=3, several=several) == found
    assert tally([*votes, *votes], options=3, several=several) == found


@given(_VOTES, st.sampled_from([(), (3,), (-1,), (0, 0), (0, 3)]))
def test_a_void_vote_is_none(votes: list[Vote], choices: tuple[int, ...]) -> None:
    found = tally([*votes, Vote("a", True, choices)], options=3, several=True)
    assert found == tally([vote for vote in votes if vote.voter != "a"], options=3, several=True)
