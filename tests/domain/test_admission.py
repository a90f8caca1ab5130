"""Who comes in how, and who is one witness with whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import admission, consent

MEMBERS = st.integers(1, 12)
INVITERS = st.dictionaries(MEMBERS, MEMBERS)
"""Who brought whom in; also such maps as should not be, with circles in them."""
NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)


@st.composite
def trees(draw: st.DrawFn) -> dict[int, int]:
    """Everybody was brought in by somebody who was there before, or by nobody."""
    return {member: draw(st.integers(1, member - 1)) for member in range(2, 13) if draw(st.booleans())}


@given(MEMBERS, MEMBERS, INVITERS, st.frozensets(MEMBERS, max_size=2))
def test_being_of_one_branch_goes_both_ways_and_ends(
    one: int, other: int, inviters: dict[int, int], trunk: frozenset[int]
) -> None:
    assert admission.same_branch(one, one, inviters, trunk=trunk)
    assert admission.same_branch(one, other, inviters, trunk=trunk) == admission.same_branch(
        other, one, inviters, trunk=trunk
    )


@given(trees(), st.frozensets(MEMBERS, max_size=2))
def test_whoever_brought_somebody_in_is_no_second_witness(inviters: dict[int, int], trunk: frozenset[int]) -> None:
    for member in inviters:
        for earlier in admission.lineage(member, inviters):
            assert admission.same_branch(member, earlier, inviters, trunk=trunk)


@given(trees(), MEMBERS, MEMBERS, MEMBERS)
def test_nobody_makes_two_witnesses_by_bringing_people_in(
    inviters: dict[int, int], bad: int, one: int, other: int
) -> None:
    brought = {member for member in range(1, 13) if bad in admission.lineage(member, inviters)}
    if one in brought and other in brought:
        # Whoever else began the committee.
        assert admission.same_branch(one, other, inviters, trunk=frozenset({1} - {bad}))


@given(trees())
def test_without_a_trunk_branches_are_separate_heaps(inviters: dict[int, int]) -> None:
    tops = {member: list(admission.lineage(member, inviters))[-1] for member in range(1, 13)}
    for one in tops:
        for other in tops:
            assert admission.same_branch(one, other, inviters) == (tops[one] == tops[other])


def test_those_whom_the_founder_brought_in_are_two_witnesses() -> None:
    founder, ben, chi, eli = 1, 2, 3, 4
    inviters = {ben: founder, chi: founder, eli: chi}
    assert not admission.same_branch(ben, chi, inviters, trunk={founder})
    assert not admission.same_branch(ben, eli, inviters, trunk={founder})
    assert admission.same_branch(chi, eli, inviters, trunk={founder})
    assert admission.same_branch(founder, ben, inviters, trunk={founder})
    assert admission.same_branch(ben, chi, inviters), "were it anybody else who brought in both"


@given(
    st.sampled_from(admission.ADMISSIONS),
    st.none() | st.integers(1, 5),
    st.frozensets(st.integers(1, 5)),
)
def test_nobody_comes_in_without_what_the_committee_asks_for(
    rule: admission.Admission, agreement: int | None, agreed: frozenset[int]
) -> None:
    step = admission.next_step(rule, agreement=agreement, agreed=agreed)
    assert (step == "agree") == (agreement is not None and agreement not in agreed)
    if step == "in":
        assert rule == "open"


@given(st.frozensets(MEMBERS), MEMBERS, MEMBERS)
def test_only_another_member_with_a_vote_vouches(voting: frozenset[int], voucher: int, asker: int) -> None:
    committee = consent.Committee(members=voting, organizers=frozenset(), founder=None)
    allowed = admission.may_vouch(committee, voucher=voucher, asker=asker)
    assert allowed == (voucher in voting and voucher != asker)


def test_a_newcomer_is_one_only_the_first_time() -> None:
    assert admission.newcomer_until(NOW, days=30, returning=False) == NOW + timedelta(days=30)
    assert admission.newcomer_until(NOW, days=30, returning=True) is None
    assert admission.newcomer_until(NOW, days=None, returning=False) is None
