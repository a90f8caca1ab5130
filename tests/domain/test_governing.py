"""What committees decide about each other is the same everywhere, in whatever order they hear of it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import governing as rules
from bot.domain.governing import Call, Case, Key, Move, Vote

NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
NAMES = ("a", "b", "c", "d", "e", "f", "g")

_votes = st.lists(
    st.builds(
        Vote,
        author=st.sampled_from(NAMES),
        yes=st.booleans(),
        sent=st.integers(0, 16 * 24).map(lambda hours: NOW + timedelta(hours=hours)),
    ),
    max_size=12,
)
# Few days and minutes, so that the same two often ask within an hour, and again within a week.
_calls = st.lists(
    st.builds(
        lambda day, minutes, by: Call(NOW + timedelta(days=day, minutes=minutes), by),
        st.sampled_from((0, 6, 7)),
        st.sampled_from((0, 60, 70)),
        st.sampled_from("abc"),
    ),
    max_size=25,
)


def _case(voters: str = "bcdef") -> Case:
    return Case(accused="a", asked_by="b", voters=frozenset(voters), sent=NOW)


def _yes(*authors: str) -> list[Vote]:
    return [Vote(author=one, yes=True, sent=NOW + timedelta(days=1)) for one in authors]


# --- expelling ---------------------------------------------------------------------------------------------------


@given(votes=_votes, data=st.data())
def test_everybody_computes_the_same_expulsion_whatever_comes_when_and_how_often(
    votes: list[Vote], data: st.DataObject
) -> None:
    result = rules.expelled(_case(), votes, known="abcdef")
    mixed = data.draw(st.permutations([*votes, *votes[: len(votes) // 2]]))
    assert rules.expelled(_case(), mixed, known="abcdef") == result
    # Whoever has heard less has expelled nobody whom the others have not.
    assert result or not rules.expelled(_case(), mixed[: len(mixed) // 2], known="abcdef")


def test_two_thirds_are_enough_and_less_is_not() -> None:
    assert not rules.expelled(_case(), _yes("c", "d"), known="abcdef")
    assert rules.expelled(_case(), _yes("c", "d", "e"), known="abcdef")
    assert rules.expelled(_case("bc"), _yes("c"), known="abc")
    assert rules.expelled(_case("b"), [], known="ab")


@given(votes=_votes)
def test_whoever_came_in_later_or_is_accused_has_no_vote(votes: list[Vote]) -> None:
    outside = [vote for vote in votes if vote.author in "ag"]
    inside = [vote for vote in votes if vote.author not in "ag"]
    assert rules.agreeing(_case(), outside) == {"b"}
    assert rules.expelled(_case(), votes, known="abcdef") == rules.expelled(_case(), inside, known="abcdef")


@given(votes=_votes, voters=st.sets(st.sampled_from("cdef")))
def test_leaving_others_out_of_the_list_helps_nobody(votes: list[Vote], voters: set[str]) -> None:
    short = Case(accused="a", asked_by="b", voters=frozenset(voters | {"b"}), sent=NOW)
    if rules.expelled(short, votes, known="abcdef"):
        assert rules.expelled(_case(), votes, known="abcdef")


def test_a_vote_that_was_signed_too_late_does_not_count() -> None:
    late = [Vote(author=one, yes=True, sent=NOW + timedelta(days=14, seconds=1)) for one in "cdef"]
    assert rules.agreeing(_case(), late) == {"b"}


def test_nobody_votes_on_themselves_or_asks_from_outside() -> None:
    assert not Case(accused="a", asked_by="b", voters=frozenset("ab"), sent=NOW).sound
    assert not Case(accused="a", asked_by="b", voters=frozenset("cd"), sent=NOW).sound


# --- freezing ----------------------------------------------------------------------------------------------------


@given(calls=_calls, data=st.data())
def test_freezes_are_the_same_whatever_order_they_were_asked_for_in(calls: list[Call], data: st.DataObject) -> None:
    assert rules.freezes(data.draw(st.permutations([*calls, *calls[:3]]))) == rules.freezes(calls)


@given(calls=_calls)
def test_a_freeze_takes_two_within_an_hour_and_the_same_two_only_once_a_week(calls: list[Call]) -> None:
    found = rules.freezes(calls)
    for one in found:
        assert len(one.by) == 2
        for who in one.by:
            assert any(call.by == who and timedelta() <= one.begins - call.at <= timedelta(hours=1) for call in calls)
        assert one.ends - one.begins == timedelta(hours=24)
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            assert one.by != other.by or other.begins - one.begins >= timedelta(days=7)
    # And whoever may freeze does: a call ends in one freeze, or has none because of those of the last week.
    for first, second in itertools.combinations(sorted(set(calls)), 2):
        if first.by != second.by and second.at - first.at <= timedelta(hours=1):
            assert any(
                (one.begins == second.at and second.by in one.by)
                or (one.by == {first.by, second.by} and timedelta() <= second.at - one.begins < timedelta(days=7))
                for one in found
            )


def test_two_are_enough_and_it_ends_by_itself() -> None:
    calls = [Call(NOW, "b"), Call(NOW + timedelta(minutes=59), "c")]
    now = NOW + timedelta(hours=2)
    found = rules.frozen_until(calls, now=now)
    assert found is not None
    assert found.ends == NOW + timedelta(hours=24, minutes=59)
    # Whose clock is ahead by a little is not waited for.
    assert rules.frozen_until(calls, now=NOW + timedelta(minutes=55)) == found
    assert rules.frozen_until(calls, now=NOW + timedelta(minutes=53)) is None
    assert rules.frozen_until(calls, now=found.ends) is None
    assert rules.frozen_until([Call(NOW, "b"), Call(NOW, "b")], now=now) is None
    assert rules.frozen_until([Call(NOW, "b"), Call(NOW + timedelta(minutes=61), "c")], now=now) is None


# --- moving ------------------------------------------------------------------------------------------------------

_moves = st.lists(
    st.tuples(st.sampled_from(NAMES), st.builds(Move, st.integers(1, 3), st.just("matrix"), st.sampled_from("abz"))),
    max_size=20,
)


@given(said=_moves, data=st.data())
def test_a_move_takes_more_than_half_in_any_order(said: list[tuple[str, Move]], data: st.DataObject) -> None:
    found = rules.moved(said, "abcde", epoch=1)
    assert rules.moved(data.draw(st.permutations([*said, *said[:4]])), "abcde", epoch=1) == found
    if found is not None:
        assert found.epoch > 1
        assert found.host in "ab"
        assert len({author for author, move in said if move == found and author in "abcde"}) >= 3
    else:
        for move in {move for _, move in said if move.epoch > 1 and move.host in "ab"}:
            assert len({author for author, wanted in said if wanted == move and author in "abcde"}) <= 2


# --- keys --------------------------------------------------------------------------------------------------------


@given(steps=st.lists(st.integers(1, 30), min_size=20, max_size=80), root=st.booleans())
def test_keys_change_in_time_and_nothing_secret_is_kept_for_long(steps: list[int], root: bool) -> None:
    day = timedelta(days=1)
    keys = [Key(signing="0", begins=NOW - day, ends=NOW + 89 * day)]
    now, made = NOW, 0
    for hours in steps:
        now += timedelta(hours=hours)
        change = rules.change_due(keys, now=now)
        if change == "recipient":
            keys.insert(0, Key(signing=keys[0].signing, begins=now, ends=now + 90 * day))
        elif change == "both":
            made += 1
            begins = now + rules.TOLD_BEFORE
            keys.insert(0, Key(signing=str(made), begins=begins, ends=begins + 90 * day))
        current = next(one for one in keys if one.begins <= now)
        assert now <= current.ends
        first = min(one.begins for one in keys if one.signing == current.signing)
        assert now - first <= 90 * day
        assert now - current.begins <= 15 * day + timedelta(hours=30)
        over = rules.over(keys, now=now)
        assert keys.index(current) not in over
        assert len(keys) - len(over) <= 5


def test_the_next_signing_key_is_told_before_it_signs() -> None:
    day = timedelta(days=1)
    old = Key(signing="0", begins=NOW - 69 * day, ends=NOW + 21 * day)
    assert rules.change_due([old], now=NOW + day) == "both"
    new = Key(signing="1", begins=NOW + 15 * day, ends=NOW + 105 * day)
    assert rules.change_due([new, old], now=NOW + 10 * day) == "none"
    assert rules.over([new, old], now=NOW + 28 * day) == []
    assert rules.over([new, old], now=NOW + 29 * day) == [1]


# --- visitors ----------------------------------------------------------------------------------------------------


def test_what_looks_like_a_contact_is_left_out_and_the_rest_stays() -> None:
    for contact in (
        *("+49 151 2345678", "(030) 123-4567", "600.123.456"),
        *("gus@example.org", "@gus", "@gus:example.org", "https://example.org/gus", "www.example.org", "t.me/gus"),
    ):
        assert rules.without_contacts(f"bike repair, {contact} on saturdays") == "bike repair, … on saturdays", contact
    assert rules.without_contacts("2 chairs, fri 18:00-20:00, near no. 5") == "2 chairs, fri 18:00-20:00, near no. 5"
