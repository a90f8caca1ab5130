"""How close it was, against all the ways in which people could have voted."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from importlib import resources
from itertools import combinations_with_replacement

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import processes
from bot.domain.processes import Choice, Rule, Turnout

SHIPPED = [
    processes.read(file.read_text("utf-8")).rule
    for file in sorted((resources.files("bot") / "processes").iterdir(), key=lambda file: file.name)
    if file.name.endswith(".toml")
]
DECIDING = [rule for rule in SHIPPED if rule.tests]


def _by_hand(rule: Rule, said: tuple[str, ...], turnout: Turnout, standing: int | None) -> int | None:
    """Every other way to vote is looked at; that with the fewest changed votes that comes out otherwise counts."""
    before = Counter(said)
    passed = processes.outcome(rule, before, turnout, standing=standing).passed
    found = [
        sum((after - before).values())
        for after in map(Counter, combinations_with_replacement([one.key for one in rule.choices], len(said)))
        if processes.outcome(rule, after, turnout, standing=standing).passed != passed
    ]
    return min(found, default=None)


@st.composite
def _polls(draw: st.DrawFn, rules: st.SearchStrategy[Rule]) -> tuple[Rule, tuple[str, ...], Turnout, int | None]:
    rule = draw(rules)
    said = tuple(draw(st.lists(st.sampled_from([one.key for one in rule.choices]), max_size=7)))
    turnout = Turnout(voters=len(said), roll=len(said) + draw(st.integers(0, 4)), active=0)
    return rule, said, turnout, draw(st.none() | st.integers(0, 2))


def _rules() -> st.SearchStrategy[Rule]:
    choices = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=4).map(
        lambda kinds: tuple(
            Choice(key=f"k{at}", label={"en": f"k{at}"}, side=side, objects=objects)
            for at, (side, objects) in enumerate(kinds)
        )
    )

    def tested(there: tuple[Choice, ...]) -> st.SearchStrategy[Rule]:
        test = st.builds(
            processes.Test,
            option=st.sampled_from([one.key for one in there]),
            at=st.sampled_from(["least", "most", "more", "less"]),
            value=st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(1)]),
            of=st.sampled_from(["votes", "voters", "roll", "count"]),
        )
        return st.lists(test, min_size=1, max_size=3).map(lambda tests: Rule(choices=there, tests=tuple(tests)))

    return choices.flatmap(tested)


@given(_polls(st.sampled_from(DECIDING)))
def test_how_close_it_was_is_exact_in_every_process_that_decides(
    poll: tuple[Rule, tuple[str, ...], Turnout, int | None],
) -> None:
    rule, said, turnout, standing = poll
    assert processes.margin(rule, Counter(said), turnout, standing=standing) == _by_hand(rule, said, turnout, standing)


@given(_polls(_rules()))
def test_how_close_it_was_is_exact_whatever_the_tests_are(
    poll: tuple[Rule, tuple[str, ...], Turnout, int | None],
) -> None:
    rule, said, turnout, standing = poll
    assert processes.margin(rule, Counter(said), turnout, standing=standing) == _by_hand(rule, said, turnout, standing)


def test_what_decides_nothing_was_not_close_to_anything() -> None:
    for rule in SHIPPED:
        if not rule.tests:
            assert processes.margin(rule, {}, Turnout(voters=0, roll=3, active=3)) is None


def test_five_yes_of_seven_would_be_no_with_two_otherwise() -> None:
    rule = next(rule for rule in DECIDING if len(rule.tests) == 1 and rule.tests[0].option == "yes")
    assert processes.margin(rule, {"yes": 5, "no": 2}, Turnout(voters=7, roll=9, active=9)) == 2
    assert processes.margin(rule, {"yes": 500, "no": 200}, Turnout(voters=700, roll=900, active=900)) == 150


def test_a_large_consensus_is_worked_out_too() -> None:
    rule = next(rule for rule in DECIDING if {one.option for one in rule.tests} == {"block", "agree"})
    turnout = Turnout(voters=400, roll=500, active=500)
    # Two blocks too many, and 51 too few agree: whoever blocked and now agrees does both.
    assert processes.margin(rule, {"agree": 150, "aside": 240, "block": 10}, turnout) == 51
