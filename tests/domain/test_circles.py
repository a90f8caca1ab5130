"""When a working group ends, and when small groups are proposed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import circles
from bot.domain.circles import Ending, Proposed
from bot.text import Refusal

NOW = datetime(2026, 1, 5, 18, tzinfo=UTC)

ids = st.frozensets(st.integers(1, 9))
endings = st.builds(Ending, members=ids, organizers=ids, wanted_by=ids)


@given(ending=endings)
def test_more_than_half_of_its_members_or_two_organizers_end_it(ending: Ending) -> None:
    wanting = ending.members & ending.wanted_by
    by_members = 2 * len(wanting) > len(ending.members)
    by_organizers = len(ending.organizers & ending.wanted_by) >= 2
    assert ending.carried == (by_members or by_organizers)


@given(ending=endings, more=ids)
def test_another_yes_never_keeps_it_alive_and_a_strangers_changes_nothing(ending: Ending, more: frozenset[int]) -> None:
    after = Ending(members=ending.members, organizers=ending.organizers, wanted_by=ending.wanted_by | more)
    assert after.carried or not ending.carried
    strangers = frozenset(one for one in more if not ending.counts(one))
    same = Ending(members=ending.members, organizers=ending.organizers, wanted_by=ending.wanted_by | strangers)
    assert same.carried == ending.carried


@given(organizers=ids, wanted_by=ids)
def test_a_group_without_members_is_ended_by_two_organizers_only(
    organizers: frozenset[int], wanted_by: frozenset[int]
) -> None:
    ending = Ending(members=frozenset(), organizers=organizers, wanted_by=wanted_by)
    assert ending.carried == (len(organizers & wanted_by) >= 2)


@given(size=st.integers(5, 100), counts=st.lists(st.integers(0, 120), min_size=1, max_size=90))
def test_small_groups_are_proposed_once_a_month_at_most_unless_the_size_is_passed_anew(
    size: int, counts: list[int]
) -> None:
    last: Proposed | None = None
    for day, count in enumerate(counts):
        now = NOW + timedelta(days=day)
        if circles.proposes(size=size, count=count, last=last, now=now):
            assert count > size
            assert last is None or last.below or now - last.at >= timedelta(days=30)
            last = Proposed(at=now, below=False)
        elif count > size:
            assert last is not None, "the first time is never passed over"
            assert now - last.at < timedelta(days=30)
        elif last is not None:
            last = Proposed(at=last.at, below=True)


@given(count=st.integers(5, 10_000))
def test_the_groups_that_are_proposed_are_small_but_not_tiny(count: int) -> None:
    assert circles.parts(count) >= 2
    assert 2 <= count / circles.parts(count) <= 2 * circles.SMALL


@pytest.mark.parametrize("typed", ["", "  ", "12", "🍲", "x" * 41])
def test_a_name_needs_a_letter_and_an_end(typed: str) -> None:
    with pytest.raises(Refusal):
        circles.name(typed)


def test_a_name_is_one_line() -> None:
    assert circles.name(" Big \n kitchen ") == "Big kitchen"
