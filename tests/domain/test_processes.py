"""Processes as data: what the files say, when a poll has passed, and when nobody can change that any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from importlib import resources
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import processes
from bot.domain.processes import Process, Turnout, Wrong
from bot.text import LANGUAGES

FILES = sorted((file for file in (resources.files("bot") / "processes").iterdir()), key=lambda file: file.name)
SHIPPED = {
    found.name: found
    for file in FILES
    if file.name.endswith(".toml")
    for found in [processes.read(file.read_text("utf-8"))]
}
DECIDING = sorted(name for name, process in SHIPPED.items() if process.rule.tests)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_is_a_process_in_every_language(file: object) -> None:
    name = file.name.removesuffix(".toml")  # type: ignore[attr-defined]
    process = SHIPPED[name]
    worded = [process.title, process.meaning, *(one.label for one in process.rule.choices)]
    worded += [one.meaning for one in process.rule.choices if one.meaning]
    for words in worded:
        assert words.keys() == LANGUAGES.keys()
        assert all(words.values())
    assert "anonym" not in str(worded).casefold()


def test_no_word_calls_two_processes() -> None:
    words = [word.casefold() for process in SHIPPED.values() for word in set(process.aliases)]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_rule_is_the_same_after_it_was_kept(name: str) -> None:
    rule = SHIPPED[name].rule
    assert processes.load(processes.dump(rule)) == rule


def _tallies(process: Process, most: int) -> st.SearchStrategy[dict[str, int]]:
    keys = [one.key for one in process.rule.choices]
    return st.dictionaries(st.sampled_from(keys), st.integers(0, most))


def _completions(process: Process, tally: Mapping[str, int], left: int) -> Iterator[tuple[dict[str, int], int]]:
    """Everything that those who have not voted could still say, or not say."""
    keys = [one.key for one in process.rule.choices]
    for votes in range(left + 1):
        for more in combinations_with_replacement(keys, votes):
            yield {key: tally.get(key, 0) + more.count(key) for key in keys}, votes


@given(st.data(), st.sampled_from(DECIDING), st.integers(0, 4))
def test_what_is_settled_nobody_can_change(data: st.DataObject, name: str, left: int) -> None:
    process = SHIPPED[name]
    tally = data.draw(_tallies(process, 4))
    voters = sum(tally.values())
    turnout = Turnout(voters=voters, roll=voters + left, active=voters + left)
    settled = processes.settled(process.rule, tally, turnout)
    if settled is None:
        return
    for after, votes in _completions(process, tally, left):
        then = Turnout(voters=voters + votes, roll=turnout.roll, active=turnout.active)
        assert processes.outcome(process.rule, after, then).passed == settled.passed
        assert processes.quorate(process.rule, then) == processes.quorate(process.rule, turnout)


@given(st.data(), st.sampled_from(DECIDING))
def test_it_is_settled_when_all_have_voted(data: st.DataObject, name: str) -> None:
    process = SHIPPED[name]
    tally = data.draw(_tallies(process, 4))
    voters = sum(tally.values())
    turnout = Turnout(voters=voters, roll=voters, active=voters)
    settled = processes.settled(process.rule, tally, turnout)
    assert settled is not None
    assert settled == processes.outcome(process.rule, tally, turnout)


@pytest.mark.parametrize(
    ("yes", "no", "abstain", "share", "passed"),
    [
        (2, 1, 0, "2/3", True),
        (3, 2, 0, "2/3", False),
        (4, 2, 3, "2/3", True),
        (66, 34, 0, "2/3", False),
        (67, 33, 0, "2/3", True),
        (1, 1, 0, "1/2", False),
        (2, 1, 7, "1/2", True),
        (0, 0, 5, "1/2", False),
        (3, 1, 0, "3/4", True),
        (3, 0, 0, "1", True),
        (3, 1, 0, "1", False),
    ],
)
def test_a_share_is_exact(yes: int, no: int, abstain: int, share: str, passed: bool) -> None:
    rule = processes.with_threshold(SHIPPED["proposal"].rule, Fraction(share))
    all_ = yes + no + abstain
    turnout = Turnout(voters=all_, roll=all_, active=all_)
    found = processes.outcome(rule, {"yes": yes, "no": no, "abstain": abstain}, turnout)
    assert found.passed is passed


def test_consensus_minus_one_bears_one_block_and_not_two() -> None:
    rule = SHIPPED["minus_one"].rule
    turnout = Turnout(voters=6, roll=6, active=6)
    assert processes.outcome(rule, {"agree": 5, "block": 1}, turnout).passed
    assert not processes.outcome(rule, {"agree": 4, "block": 2}, turnout).passed
    assert processes.outcome(rule, {"agree": 4, "block": 2}, turnout, standing=1).passed
    assert not processes.outcome(SHIPPED["consensus"].rule, {"agree": 5, "block": 1}, turnout).passed


def test_a_quorum_is_rounded_up() -> None:
    rule = SHIPPED["proposal"].rule
    assert processes.quorum_needed(rule, Turnout(voters=0, roll=4, active=4)) == 2
    assert processes.quorate(rule, Turnout(voters=2, roll=6, active=6))
    assert not processes.quorate(rule, Turnout(voters=2, roll=7, active=7))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = ", "it is no TOML"),
        ('name = "x"\nmethod = "lottery"', "“lottery” is no method"),
        ('name = "x"\nmethod = "options"\ntitle.en = "X"\nmeaning.en = "X."', "has options of its own"),
        ('name = "x"\nmethod = "plurality"\nquorom = "1/2"', "nobody knows the key “quorom”"),
        ('name = "x"\nmethod = "plurality"', "it has no title"),
        ('name = "x"\nmethod = "plurality"\nquorum = "-1"\ntitle.en = "X"\nmeaning.en = "X."', "less than nothing"),
        ('name = "x"\nmethod = "plurality"\nquorum = "2"\ntitle.en = "X"\nmeaning.en = "X."', "more than all"),
        ('name = "a b"\nmethod = "plurality"\ntitle.en = "X"\nmeaning.en = "X."', "“a b” is no name"),
        ('name = "x"\nmethod = "plurality"\ntitle = "X"\nmeaning.en = "X."', "title must be a table"),
        ('name = "x"\nmethod = "plurality"\ndays = "x"\ntitle.en = "X"\nmeaning.en = "X."', "days must be"),
        ('name = "x"\nmethod = "plurality"\nseats = 0\ntitle.en = "X"\nmeaning.en = "X."', "seats must be"),
        ('name = "x"\nmethod = "plurality"\noptions = 3\ntitle.en = "X"\nmeaning.en = "X."', "options must be"),
        (
            'name = "x"\nmethod = "options"\ntitle.en = "X"\nmeaning.en = "X."\n[[options]]\nkey = "yes"\n'
            'label.en = "Yes"\n[[tests]]\noption = "no"\nmore = "1/2"',
            "a test is about “no”, which is no option",
        ),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong_with_it(text: str, why: str) -> None:
    with pytest.raises(Wrong) as found:
        processes.read(text)
    assert why in str(found.value)


@given(
    st.dictionaries(
        st.sampled_from(("name", "method", "title", "days", "options", "tests", "aliases")),
        st.one_of(
            st.integers(),
            st.booleans(),
            st.sampled_from(('"x"', '"options"', '"plurality"', "[]", "[1]", "{en = 1}", '["x"]')),
        ),
    )
)
def test_no_file_brings_it_down(data: dict[str, object]) -> None:
    text = "\n".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else value}" for key, value in data.items()
    )
    try:
        processes.read(text)
    except Wrong:
        return
