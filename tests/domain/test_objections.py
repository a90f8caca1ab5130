"""Objections: only one with a reason, with enough people behind it and not over, counts."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import objections, processes
from bot.domain.objections import Facts
from bot.domain.processes import Choice, Rule, Turnout

NOW = datetime(2026, 1, 5, 18, tzinfo=UTC)
facts = st.builds(
    Facts,
    state=st.sampled_from(["raised", "withdrawn", "answered"]),
    raised_at=st.none() | st.timedeltas(timedelta(), timedelta(days=3)).map(lambda ago: NOW - ago),
    reasoned=st.booleans(),
    seconds=st.integers(0, 4),
)
RULES = st.integers(0, 3).map(lambda n: Rule(extra={"seconders": n}))


def _consent(most: int) -> Rule:
    choices = tuple(Choice(key=key, label={"en": key}, objects=key == "object") for key in ("consent", "object"))
    return Rule(choices=choices, tests=(processes.Test(option="object", at="most", value=Fraction(most), of="count"),))


@given(st.lists(facts, max_size=8), RULES)
def test_only_reasoned_seconded_and_raised_ones_stand(found: list[Facts], rule: Rule) -> None:
    needed = objections.seconders(rule)
    assert objections.standing(found, rule) == len(
        [one for one in found if one.state == "raised" and one.reasoned and one.seconds >= needed]
    )


@given(st.lists(facts, max_size=8), RULES)
def test_the_order_never_matters_and_needing_more_people_never_makes_more_stand(found: list[Facts], rule: Rule) -> None:
    assert objections.standing(found, rule) == objections.standing(found[::-1], rule)
    stricter = Rule(extra={"seconders": objections.seconders(rule) + 1})
    assert objections.standing(found, stricter) <= objections.standing(found, rule)


@given(st.lists(facts, max_size=8), RULES)
def test_where_nothing_is_open_ended_all_is_said(found: list[Facts], rule: Rule) -> None:
    stand = [objections.how_it_stands(one, rule) for one in found]
    assert objections.open_ended(found, rule) == any(one in ("unreasoned", "unseconded") for one in stand)
    if objections.awaited(found, now=NOW):
        assert objections.open_ended(found, rule)
    assert not objections.awaited(found, now=NOW + timedelta(days=9))


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2))
def test_consent_passes_exactly_when_no_more_stand_than_it_bears(yes: int, no: int, stand: int, most: int) -> None:
    turnout = Turnout(voters=yes + no, roll=20, active=20)
    stand = min(stand, no)
    came = processes.outcome(_consent(most), {"consent": yes, "object": no}, turnout, standing=stand)
    assert came.passed == (stand <= most and yes + no > 0)


def test_what_is_no_number_of_seconders_is_none() -> None:
    assert objections.seconders(Rule()) == 0
    assert objections.seconders(Rule(extra={"seconders": "two"})) == 0
    assert objections.seconders(Rule(extra={"seconders": -1})) == 0
