"""When it goes wrong between people: nobody decides about somebody alone, and care never reaches the wrong person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import conduct, consent
from bot.domain.conduct import Carer
from bot.domain.consent import Committee

NOW = datetime(2026, 1, 5, 18, tzinfo=UTC)
ids = st.integers(1, 8)
crowds = st.frozensets(ids)


@st.composite
def about_somebody(draw: st.DrawFn) -> Committee:
    """Any committee that has to decide about one person, who may or may not organize it."""
    members = draw(crowds)
    organizers = draw(st.frozensets(st.sampled_from(sorted(members)))) if members else frozenset[int]()
    founder = draw(st.none() | st.sampled_from(sorted(members))) if members else None
    return Committee(members=members, organizers=organizers, founder=founder, concerned=frozenset({draw(ids)}))


@given(committee=about_somebody(), consents=crowds, majority=st.booleans())
def test_the_person_concerned_never_counts(committee: Committee, consents: frozenset[int], majority: bool) -> None:
    who = consent.rule(committee, appoints=False, majority=majority).who
    assert not any(consent.may_consent(who, committee, one) for one in committee.concerned)
    without = consent.carried(who, committee, consents - committee.concerned)
    assert consent.carried(who, committee, consents | committee.concerned) == without


@given(committee=about_somebody(), alone=ids, majority=st.booleans())
def test_nobody_decides_about_somebody_alone(committee: Committee, alone: int, majority: bool) -> None:
    who = consent.rule(committee, appoints=False, majority=majority).who
    assert not consent.carried(who, committee, {alone} | committee.concerned)


@given(committee=about_somebody())
def test_when_too_few_other_organizers_are_left_the_majority_takes_over(committee: Committee) -> None:
    others = committee.organizers - committee.concerned
    assert consent.rule(committee, appoints=False).who == ("organizers" if len(others) >= 2 else "members")


@given(committee=about_somebody(), consents=crowds)
def test_excluding_takes_more_than_half_of_the_others(committee: Committee, consents: frozenset[int]) -> None:
    others = committee.members - committee.concerned
    agreed = len(consents & others)
    assert consent.carried("members", committee, consents) == (agreed >= 2 and 2 * agreed > len(others))


@given(askers=crowds, organizers=crowds, concerned=ids)
def test_a_case_is_opened_by_an_organizer_or_two_members_and_never_by_whom_it_is_about(
    askers: frozenset[int], organizers: frozenset[int], concerned: int
) -> None:
    opened = conduct.may_open(askers, organizers, concerned=concerned)
    assert opened == conduct.may_open(askers - {concerned}, organizers, concerned=concerned)
    if opened:
        assert len(askers - {concerned}) >= 2 or (askers - {concerned}) & organizers


@given(days=st.integers(0, 90))
def test_soon_after_the_last_time_a_suspension_takes_the_majority(days: int) -> None:
    assert conduct.needs_majority(NOW - timedelta(days=days), now=NOW) == (days <= 30)
    assert not conduct.needs_majority(None, now=NOW)


def test_a_suspension_ends_on_the_instant() -> None:
    assert conduct.is_suspended(NOW, now=NOW - timedelta(microseconds=1))
    assert not conduct.is_suspended(NOW, now=NOW)
    assert not conduct.is_suspended(None, now=NOW)


def test_an_appeal_is_made_once_and_in_time() -> None:
    assert conduct.may_appeal(NOW - timedelta(days=30), appealed=False, now=NOW)
    assert not conduct.may_appeal(NOW - timedelta(days=31), appealed=False, now=NOW)
    assert not conduct.may_appeal(NOW, appealed=True, now=NOW)


NAMES = ["ana", "ben", "chi", "josé", "o'neill", "benny the baker", "sam", "müller"]


@st.composite
def crews(draw: st.DrawFn) -> list[Carer]:
    """Whom a request could reach, with names that some of them share."""
    return [
        Carer(
            id=id_,
            tier=draw(st.integers(0, 2)),
            asked=draw(st.integers(0, 3)),
            last_asked=draw(st.none() | st.datetimes(timezones=st.just(UTC))),
            names=tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))),
        )
        for id_ in sorted(draw(crowds))
    ]


marks = st.sampled_from(["@{}", "{}", "{},", "“{}”", "{}!", "({})", "{}'s"])


@given(
    crew=crews(), data=st.data(), mark=marks, before=st.sampled_from(["", "yesterday ", "not "]), upper=st.booleans()
)
def test_care_never_reaches_whom_it_is_about(
    crew: list[Carer], data: st.DataObject, mark: str, before: str, upper: bool
) -> None:
    name = data.draw(st.sampled_from(NAMES))
    words = before + mark.format(name.upper() if upper else name) + " hurt me"
    reached = conduct.carers(crew, words, never={3}, count=8)
    assert 3 not in reached
    assert not any(name in one.names for one in crew if one.id in reached)
    assert set(reached) == {one.id for one in crew if one.id != 3 and name not in one.names}


@given(crew=crews())
def test_care_goes_round(crew: list[Carer]) -> None:
    pair = conduct.carers(crew, "help", never=frozenset(), count=conduct.CARERS_ASKED)
    assert len(pair) == min(2, len(crew))
    by_id = {one.id: one for one in crew}
    for chosen in pair:
        for other in crew:
            if other.id not in pair:
                assert (by_id[chosen].tier, by_id[chosen].asked) <= (other.tier, other.asked)
