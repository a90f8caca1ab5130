"""Rights that rest because somebody was reported to be arrested: for how long, and by how many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pauses import (
    AGAIN_AFTER,
    ALONE,
    CONFIRMED,
    LONGEST,
    REPORTS_MOST,
    Earlier,
    Pause,
    Report,
    pause,
    refused,
)

START = datetime(2026, 1, 5, 18, tzinfo=UTC)
PEOPLE = st.integers(1, 6)
MOMENTS = st.integers(0, 5 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
REPORTS = st.lists(
    st.builds(Report, id=st.integers(1, 20), kind=st.sampled_from(["reported", "restored"]), member=PEOPLE, at=MOMENTS),
    max_size=12,
    unique_by=lambda one: one.id,
)
RELATED = st.frozensets(st.tuples(PEOPLE, PEOPLE).filter(lambda pair: pair[0] != pair[1]).map(frozenset), max_size=15)


def _report(id_: int, member: int, hours: float, kind: str = "reported") -> Report:
    return Report(id=id_, kind=kind, member=member, at=START + timedelta(hours=hours))  # type: ignore[arg-type]


def _found(*reports: Report, related: frozenset[frozenset[int]] = frozenset()) -> Pause:
    found = pause(reports, related=related)
    assert found is not None
    return found


def test_nobody_rests_of_whom_nothing_was_reported() -> None:
    assert pause([], related=frozenset()) is None
    assert pause([_report(1, 2, 0, "restored")], related=frozenset()) is None


def test_a_second_report_makes_it_a_day_from_then() -> None:
    found = _found(_report(1, 2, 0), _report(2, 3, 1))
    assert found.confirmed
    assert found.until == START + timedelta(hours=25)


def test_whoever_was_invited_by_the_same_people_confirms_nothing() -> None:
    found = _found(_report(1, 2, 0), _report(2, 3, 1), related=frozenset({frozenset({2, 3})}))
    assert not found.confirmed
    assert found.until == START + ALONE


def test_two_give_the_rights_back_and_one_does_not() -> None:
    one = (_report(1, 2, 0), _report(2, 3, 0.5, "restored"))
    assert _found(*one).restored_at is None
    assert _found(*one, _report(3, 3, 0.6, "restored")).restored_at is None
    assert _found(*one, _report(3, 4, 0.6, "restored")).restored_at == START + timedelta(hours=0.6)
    related = frozenset({frozenset({3, 4})})
    assert _found(*one, _report(3, 4, 0.6, "restored"), related=related).restored_at is None


def test_what_confirms_it_counts_after_those_who_doubted_it() -> None:
    found = _found(_report(1, 2, 0), _report(2, 3, 0.5, "restored"), _report(3, 4, 1), _report(4, 5, 1.5, "restored"))
    assert found.restored_at is None
    assert found.restorers == {5}


@given(REPORTS, RELATED, st.randoms())
def test_in_whatever_order_and_however_often_it_comes_in_the_same_follows(reports, related, chance) -> None:  # type: ignore[no-untyped-def]
    again = [*reports, *reports]
    chance.shuffle(again)
    assert pause(again, related=related) == pause(reports, related=related)


@given(REPORTS, RELATED)
def test_it_never_lasts_longer_than_a_day_after_the_last_report(
    reports: list[Report], related: frozenset[frozenset[int]]
) -> None:
    found = pause(reports, related=related)
    if found is None:
        return
    told = [one.at for one in reports if one.kind == "reported"]
    assert found.until <= max(told) + CONFIRMED
    assert found.until <= found.since + LONGEST
    assert found.until - found.since >= ALONE
    if not found.confirmed:
        assert found.until == found.since + ALONE


@given(REPORTS, RELATED, PEOPLE)
def test_one_person_alone_or_one_branch_never_makes_it_longer_than_two_hours(
    reports: list[Report], related: frozenset[frozenset[int]], alone: int
) -> None:
    branch = frozenset({alone}) | {other for pair in related if alone in pair for other in pair}
    first = [one for one in reports if one.kind == "reported" and one.member in branch]
    everybody = frozenset(frozenset({one, other}) for one in branch for other in branch if one != other)
    found = pause(first, related=everybody)
    assert found is None or (found.until == found.since + ALONE and not found.confirmed)


@given(REPORTS, RELATED)
def test_one_branch_never_ends_it_alone(reports: list[Report], related: frozenset[frozenset[int]]) -> None:
    found = pause(reports, related=related)
    if found is not None and found.restored_at is not None:
        told = {one.member for one in reports if one.kind == "restored" and one.at <= found.restored_at}
        assert any(frozenset({one, other}) not in related for one in told for other in told if one != other)


@given(st.lists(st.tuples(st.integers(0, 14 * 24), st.integers(1, 3)), max_size=40))
def test_one_person_cannot_keep_anybody_away_by_reporting_again_and_again(tries: list[tuple[int, int]]) -> None:
    """A whole fortnight of trying: never two beginnings within a week for one person, never three reports in a week."""
    earlier: list[tuple[int, datetime]] = []
    for hours, about in sorted(tries):
        now = START + timedelta(hours=hours)
        told = [Earlier(about=who, at=at, open=now < at + ALONE) for who, at in earlier]
        if refused(9, about, told, begins=True, now=now) is None:
            earlier.append((about, now))
    for number, (about, at) in enumerate(earlier):
        lately = [other for other in earlier[:number] if at - other[1] < AGAIN_AFTER]
        assert about not in {who for who, _ in lately}
        assert len(lately) < REPORTS_MOST
        assert all(at >= other[1] + ALONE for other in lately)


def test_nobody_reports_themselves_and_another_report_can_be_confirmed_within_the_week() -> None:
    assert refused(1, 1, [], begins=True, now=START) == "self"
    before = [Earlier(about=2, at=START - timedelta(days=1), open=False)]
    assert refused(1, 2, before, begins=True, now=START) == "again"
    assert refused(1, 2, before, begins=False, now=START) is None
    assert refused(1, 2, [Earlier(about=2, at=START, open=True)], begins=False, now=START) == "said"
    assert refused(1, 2, [Earlier(about=3, at=START, open=True)], begins=True, now=START) == "open"
