"""Who must agree: nothing is carried by fewer than the rule asks, nor by people who have no say in it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import consent
from bot.domain.consent import Committee, Who
from bot.text import Refusal

people = st.integers(1, 12)
crowds = st.frozensets(people)
rules: st.SearchStrategy[Who] = st.sampled_from(["organizers", "members", "founder"])


@st.composite
def committees(draw: st.DrawFn) -> Committee:
    """Any committee there can be: organizers and the founder are members."""
    members = draw(crowds)
    organizers = draw(st.frozensets(st.sampled_from(sorted(members)))) if members else frozenset[int]()
    founder = draw(st.none() | st.sampled_from(sorted(members))) if members else None
    return Committee(members=members, organizers=organizers, founder=founder)


def entitled(who: Who, committee: Committee) -> set[int]:
    """Who has a say, told once more in other words."""
    return {
        person
        for person in committee.members
        if who == "members"
        or (who == "organizers" and person in committee.organizers)
        or (who == "founder" and person == committee.founder)
    }


@given(who=rules, committee=committees(), consents=crowds)
def test_people_without_a_say_never_count(who: Who, committee: Committee, consents: frozenset[int]) -> None:
    with_a_say = consents & entitled(who, committee)
    assert consent.carried(who, committee, consents) == consent.carried(who, committee, with_a_say)
    assert not consent.carried(who, committee, consents - entitled(who, committee))


@given(who=rules, committee=committees(), consents=crowds)
def test_fewer_than_the_rule_asks_carry_nothing(who: Who, committee: Committee, consents: frozenset[int]) -> None:
    enough = {"organizers": 2, "founder": 1, "members": len(committee.members) // 2 + 1}[who]
    assert consent.needed(who, committee) == enough
    assert consent.carried(who, committee, consents) == (len(consents & entitled(who, committee)) >= enough)


@given(who=rules, committee=committees(), consents=crowds, more=crowds)
def test_one_more_who_agrees_never_undoes_it(
    who: Who, committee: Committee, consents: frozenset[int], more: frozenset[int]
) -> None:
    if consent.carried(who, committee, consents):
        assert consent.carried(who, committee, consents | more)


@given(committee=committees(), consents=crowds)
def test_a_majority_is_more_than_half_of_the_members(committee: Committee, consents: frozenset[int]) -> None:
    agreed = len(consents & committee.members)
    assert consent.carried("members", committee, consents) == (2 * agreed > len(committee.members))


@given(committee=committees())
def test_two_majorities_always_share_somebody(committee: Committee) -> None:
    assert 2 * consent.needed("members", committee) > len(committee.members)


@given(who=rules, committee=committees(), person=people)
def test_whoever_is_asked_is_whoever_counts(who: Who, committee: Committee, person: int) -> None:
    assert consent.may_consent(who, committee, person) == (person in entitled(who, committee))


@given(committee=committees())
def test_whoever_has_left_has_no_say_in_any_role(committee: Committee) -> None:
    rules: tuple[Who, ...] = ("organizers", "members", "founder")
    for who in rules:
        assert not consent.may_consent(who, committee, 99)
    left = Committee(members=frozenset(), organizers=committee.organizers, founder=committee.founder)
    for person in committee.members:
        assert not any(consent.may_consent(who, left, person) for who in rules)
    for who in rules:
        assert not consent.carried(who, left, committee.members)


# --- which rule ------------------------------------------------------------------------------------------------


@given(committee=committees(), appoints=st.booleans())
def test_two_organizers_decide_what_organizers_decide(committee: Committee, appoints: bool) -> None:
    if len(committee.organizers) >= 2:
        rule = consent.rule(committee, appoints=appoints)
        assert (rule.who, rule.within) == ("organizers", timedelta(days=7))


@given(committee=committees())
def test_without_two_organizers_rules_wait(committee: Committee) -> None:
    if len(committee.organizers) < 2:
        with pytest.raises(Refusal):
            consent.rule(committee, appoints=False)


@given(committee=committees())
def test_the_founder_alone_appoints_only_while_an_organizer_and_only_the_second(committee: Committee) -> None:
    rule = consent.rule(committee, appoints=True)
    alone = len(committee.organizers) < 2 and committee.founder in committee.organizers
    assert (rule.who == "founder") == alone


@given(committee=committees())
def test_where_nobody_is_left_a_majority_appoints_within_a_day(committee: Committee) -> None:
    rule = consent.rule(committee, appoints=True)
    if not committee.organizers:
        assert (rule.who, rule.within) == ("members", timedelta(hours=24))


@given(committee=committees(), appoints=st.booleans())
def test_a_rule_is_only_given_where_enough_people_could_agree_to_it(committee: Committee, appoints: bool) -> None:
    try:
        rule = consent.rule(committee, appoints=appoints)
    except Refusal:
        return
    if committee.members:
        assert consent.carried(rule.who, committee, committee.members)
