"""Before an alert spreads: budgets, which two are one, what goes over, changes of kinds, the word that cancels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import alarm, raising
from bot.domain.alarm import Alarm, Event
from bot.domain.raising import Change, alike, carried, read_change, tokens, why_held

NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
AGO = st.integers(min_value=0, max_value=3 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))


@given(st.lists(AGO, max_size=12), st.integers(min_value=1, max_value=raising.BUDGET_MAX))
def test_who_keeps_to_the_budget_is_not_held_and_who_does_not_is(raised: list[datetime], budget: int) -> None:
    lately = [at for at in raised if NOW - at < timedelta(hours=24)]
    held = why_held(raised, budget=budget, newcomer=False, member=True, now=NOW)
    assert held == ("budget" if len(lately) >= budget else None)


@given(st.lists(AGO, max_size=12), st.integers(min_value=1, max_value=9), st.booleans())
def test_a_stranger_and_a_newcomer_are_held_always(raised: list[datetime], budget: int, newcomer: bool) -> None:
    assert why_held(raised, budget=budget, newcomer=newcomer, member=False, now=NOW) == "stranger"
    assert why_held(raised, budget=budget, newcomer=True, member=True, now=NOW) == "newcomer"


AREAS = st.lists(
    st.sampled_from(
        ["Main", "main", "MÄIN", "St", "Street", "Calle", "Mayor", "5", "7b", "Oak", "Elm", "Luna", "Sol", ","]
    ),
    max_size=6,
).map(" ".join) | st.text(max_size=40)


@given(AREAS, AREAS)
def test_whether_two_places_are_alike_does_not_depend_on_which_comes_first(one: str, other: str) -> None:
    assert alike(one, other) == alike(other, one)
    assert alike(one, one)
    assert alike(one, "")
    assert alike(one.upper(), one) or one.upper().lower() != one.lower()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Main St 5", "Main Street 7", True),
        ("Main St 5", "main street", True),
        ("Calle Mayor 5", "mayor", True),
        ("Schönhauser Allee 5, hinten", "Schonhauser Allee", True),
        ("Main St 5", "Oak St 5", False),
        ("Oak Street", "Elm Street", False),
        ("Street 5", "Street 7", True),
        ("", "Main St 5", True),
        ("Calle Mayor 5", "Calle Luna 5", False),
        ("Oak", "Elm, behind the old Oak", True),
    ],
)
def test_places_are_alike_as_people_mean_it(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same
    assert tokens("Main St 5") == {"main"}


# --- one out of two ----------------------------------------------------------------------------------------------

SAID = st.lists(
    st.tuples(
        st.sampled_from(["coming", "brings", "arrived", "cannot", "left"]),
        st.integers(min_value=1, max_value=5),
        st.sampled_from(["van", "medic"]),
        st.integers(min_value=0, max_value=90),
    ),
    max_size=15,
)


def _alarm(said: list[tuple[str, int, str, int]]) -> Alarm:
    events = [Event(id=0, kind="raised", member=9, at=NOW)]
    for number, (kind, member, what, minutes) in enumerate(said, 1):
        data = {"what": what} if kind == "brings" else {"minutes": minutes} if kind == "coming" else {}
        events.append(Event(id=number, kind=kind, member=member, at=NOW + timedelta(seconds=number), data=data))
    return alarm.alarm(events, expires_at=NOW + timedelta(hours=6), now=NOW)


def _with(said: list[tuple[str, int, str, int]], more: list[tuple[str, int, dict[str, object]]], at: datetime) -> Alarm:
    events = [Event(id=0, kind="raised", member=9, at=NOW)]
    for number, (kind, member, what, minutes) in enumerate(said, 1):
        data = {"what": what} if kind == "brings" else {"minutes": minutes} if kind == "coming" else {}
        events.append(Event(id=number, kind=kind, member=member, at=NOW + timedelta(seconds=number), data=data))
    events += [
        Event(id=1000 + n, kind=kind, member=member, at=at, data=data) for n, (kind, member, data) in enumerate(more)
    ]
    return alarm.alarm(events, expires_at=NOW + timedelta(hours=6), now=at)


@given(SAID, SAID)
def test_who_comes_to_either_comes_to_the_one_that_goes_on_and_says_there_what_they_said(
    mine: list[tuple[str, int, str, int]], theirs: list[tuple[str, int, str, int]]
) -> None:
    at = NOW + timedelta(minutes=20)
    one, into = _alarm(mine), _alarm(theirs)
    merged = _with(theirs, carried(one, into, at=at), at)
    assert merged.coming.keys() == into.coming.keys() | (one.coming.keys() - into.cannot)
    assert merged.witnesses == into.witnesses
    for member, response in merged.coming.items():
        before = into.coming.get(member) or one.coming[member]
        assert (response.brings, response.arrived) == (before.brings, before.arrived)
        if member not in into.coming and not before.arrived:
            # Whole minutes, and nobody is expected in the past.
            assert timedelta(0) <= response.there_at - max(before.there_at, at) < timedelta(minutes=1)
    # Said once more, it changes nothing.
    assert carried(one, merged, at=at) == []


# --- the kinds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("alone organizers", Change(what="alone", value="organizers")),
        ("sola equipo organizador", Change(what="alone", value="organizers")),
        ("allein Orga-Team", Change(what="alone", value="organizers")),
        ("allein alle", Change(what="alone", value="everyone")),
        ("solo grupo", Change(what="alone", value="group")),
        ("hours 12", Change(what="hours", value=12)),
        ("Stunden 48", Change(what="hours", value=48)),
        ("needs 20 people, 1 van", Change(what="needs", value={"people": 20, "van": 1})),
        ("necesita nada", Change(what="needs", value={})),
        ("ask How many police?", Change(what="ask", value="How many police?")),
        ("frage nichts", Change(what="ask", value="")),
        ("urgency immediate", Change(what="urgency", value="immediate")),
        ("gravedad grave", Change(what="severity", value="severe")),
        ("drop", Change(what="drop")),
        ("zurück", Change(what="back")),
    ],
)
def test_a_change_is_read_in_three_languages(text: str, change: Change) -> None:
    assert read_change(text) == change


@pytest.mark.parametrize(
    "text",
    ["", "alone", "alone them", "hours", "hours 0", "hours 49", "hours ½", "hours -1", "needs love", "ask", "drop it"],
)
def test_what_is_no_change_is_none(text: str) -> None:
    assert read_change(text) is None


@given(st.text(max_size=200))
def test_whatever_is_written_is_read_or_not(text: str) -> None:
    found = read_change(text)
    if found is not None:
        kind = raising.changed(alarm.KINDS["eviction"], found)
        assert kind.key == "eviction"
        assert 1 <= kind.hours <= 48


# --- the word ----------------------------------------------------------------------------------------------------


# It is made slow to guess a word, and so it is slow to test.
@settings(max_examples=settings().max_examples // 10)
@given(
    st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.text(alphabet="abc", min_size=4, max_size=8)
)
def test_only_the_word_is_the_word(word: str, other: str, salt: str) -> None:
    hashed = raising.word_hash(word, salt)
    assert raising.is_word(word, salt=salt, hashed=hashed)
    assert raising.is_word(f" {word} ", salt=salt, hashed=hashed)
    assert raising.is_word(f"“{word}”.", salt=salt, hashed=hashed) == (word.strip(raising.MARKS) == word.strip())
    said = {raising.folded_word(other), raising.folded_word(other.strip(raising.MARKS))}
    assert raising.is_word(other, salt=salt, hashed=hashed) == (raising.folded_word(word) in said)
    assert word.encode() not in hashed.encode() or len(word) < 8
    assert not raising.is_word(word, salt=salt, hashed="")
