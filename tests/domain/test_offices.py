"""Terms, the rotation and who is still there: whoever is asked is entitled, in the stated order, and nobody twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import consent, offices
from bot.domain.offices import Candidate, Stretch
from bot.text import Refusal

instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["UTC", "Europe/Madrid", "America/Sao_Paulo", "Pacific/Auckland"]).map(ZoneInfo)
units: st.SearchStrategy[offices.Unit] = st.sampled_from(["days", "weeks", "months", "years"])
stretches = st.builds(lambda count, unit: Stretch(count=count, unit=unit), st.integers(1, 40), units)
crowds = st.frozensets(st.integers(1, 12))
everybody = st.lists(
    st.builds(
        lambda member, joined_at, until, willing: Candidate(
            member=member, joined_at=joined_at, organized_until=until, willing=willing
        ),
        st.integers(1, 12),
        instants,
        st.none() | instants,
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.member,
)


@given(candidates=everybody, voting=crowds, organizers=crowds, passed=crowds)
def test_only_those_are_asked_who_may_and_are_willing(
    candidates: list[Candidate], voting: frozenset[int], organizers: frozenset[int], passed: frozenset[int]
) -> None:
    turns = offices.successors(candidates, voting=voting, organizers=organizers, passed=passed)
    asked = [turn.member for turn in turns]
    assert len(asked) == len(set(asked))
    willing = {one.member for one in candidates if one.willing}
    assert set(asked) == (willing & voting) - organizers - passed


@given(candidates=everybody)
def test_who_never_has_is_asked_first_and_then_who_stopped_longest_ago(candidates: list[Candidate]) -> None:
    voting = frozenset(one.member for one in candidates)
    turns = offices.successors(candidates, voting=voting, organizers=frozenset())
    known = {one.member: one for one in candidates}
    for one, next_ in pairwise(turns):
        first, second = known[one.member], known[next_.member]
        if second.organized_until is None:
            assert first.organized_until is None
            assert first.joined_at <= second.joined_at, "ties by who joined first"
        elif first.organized_until is not None:
            assert first.organized_until <= second.organized_until
    assert all((known[turn.member].organized_until is None) == (turn.why == "never") for turn in turns)


@given(candidates=everybody, data=st.data())
def test_the_order_in_which_they_are_read_does_not_matter(candidates: list[Candidate], data: st.DataObject) -> None:
    voting = frozenset(one.member for one in candidates)
    shuffled = data.draw(st.permutations(candidates))
    assert offices.successors(candidates, voting=voting, organizers=frozenset()) == offices.successors(
        shuffled, voting=voting, organizers=frozenset()
    )


@given(begins=instants, stretch=stretches, zone=zones)
def test_a_term_ends_at_noon_of_a_later_day(begins: datetime, stretch: Stretch, zone: ZoneInfo) -> None:
    ends = offices.term_ends(begins, stretch, zone)
    assert ends > begins
    assert ends.astimezone(zone).hour == 12
    assert abs((ends - begins).days - offices.days(stretch)) <= 2 + stretch.count


@given(begins=instants, stretch=stretches, zone=zones)
def test_every_step_of_a_term_comes_once_and_in_order(begins: datetime, stretch: Stretch, zone: ZoneInfo) -> None:
    ends = offices.term_ends(begins, stretch, zone)
    steps, at = [], begins
    while (following := offices.next_step(ends, after=at)) is not None:
        steps.append(following[0])
        assert following[1] > at
        at = following[1]
    assert steps == list(offices.STEPS)[-len(steps) :]
    assert steps[-2:] == ["end", "end of grace"]


@given(ends=instants, others=st.integers(0, 3), late=st.timedeltas(timedelta(), timedelta(days=40)))
def test_the_last_organizer_goes_on_two_weeks_at_most(ends: datetime, others: int, late: timedelta) -> None:
    goes_on = offices.goes_on(ends, role="organizer", others=others, now=ends + late)
    assert goes_on == (others == 0 and late < timedelta(days=14))
    assert not offices.goes_on(ends, role="care", others=others, now=ends + late)


days = st.dates(date(2025, 1, 1), date(2027, 1, 1))


@given(seen=days, asked=st.none() | days, vanished=st.none() | days, today=days, after=st.integers(14, 365))
def test_nobody_vanishes_unasked_or_within_a_week_or_on_the_day_they_were_seen(
    seen: date, asked: date | None, vanished: date | None, today: date, after: int
) -> None:
    found = offices.presence(seen_on=seen, asked_on=asked, vanished_on=vanished, today=today, after_days=after)
    if found == "vanishes":
        assert asked is not None
        assert seen < asked <= today - timedelta(days=7)
    if seen == today and vanished is None and (asked is None or asked <= today):
        assert found == "here"
    if vanished is not None and seen >= vanished:
        assert found == "back"


@pytest.mark.parametrize(
    ("line", "stretch", "count"),
    [
        ("3 months", Stretch(count=3, unit="months"), 2),
        ("60d", Stretch(count=60, unit="days"), 1),
        ("2w @eli", Stretch(count=2, unit="weeks"), 1),
        ("6 meses", Stretch(count=6, unit="months"), 2),
        ("1 Jahr", Stretch(count=1, unit="years"), 2),
        ("10 días", Stretch(count=10, unit="days"), 2),
        ("12 Wochen lang", Stretch(count=12, unit="weeks"), 2),
    ],
)
def test_a_stretch_of_time_is_read_as_people_write_it(line: str, stretch: Stretch, count: int) -> None:
    assert offices.read_stretch(line.split()) == (stretch, count)


@pytest.mark.parametrize("line", ["", "months", "0 days", "3", "3 hours", "-2d", "1000 days", "3m"])
def test_what_is_no_stretch_of_time_is_not_read(line: str) -> None:
    assert offices.read_stretch(line.split()) is None


@given(
    members=crowds,
    organizers=crowds,
    vanished=crowds,
    founder=st.none() | st.integers(1, 12),
)
@example(members=frozenset({1, 2, 3}), organizers=frozenset({1, 2}), vanished=frozenset({2}), founder=1)
def test_vanished_organizers_do_not_count_and_leave_nobody_to_appoint_alone(
    members: frozenset[int], organizers: frozenset[int], vanished: frozenset[int], founder: int | None
) -> None:
    facts = consent.Committee(members=members, organizers=organizers, founder=founder, vanished=vanished)
    for who in sorted(vanished & organizers):
        assert not consent.may_consent("organizers", facts, who)
    rule = consent.rule(facts, appoints=True)
    left = organizers - vanished
    if len(left) < 2 and organizers & vanished:
        assert rule.who == "members"
        with pytest.raises(Refusal):
            consent.rule(facts, appoints=False)
    if len(left) >= 2:
        assert rule.who == "organizers"
