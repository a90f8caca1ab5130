"""A line that raises an alert, as people write it when there is no time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import alarm, alertline
from bot.domain.alertline import KIND_WORDS, Line, Unclear
from bot.domain.board import plain

NOW = datetime(2026, 1, 5, 18, 20)
TOMORROW = datetime(2026, 1, 6)


def read(text: str) -> Line:
    return alertline.read(text, now=NOW, kinds=KIND_WORDS)


@pytest.mark.parametrize(
    "line",
    [
        "eviction Main St 5, 20 people, 1 van, until 14:00",
        "Eviction: at Main St 5; 20 people and 1 van; until 2pm",
        "EVICTION Main St 5 until 14:00, 20 people 1 van",
        "desahucio en Main St 5, 20 personas y 1 furgoneta, hasta las 14:00",
        "lanzamiento Main St 5, hasta las 14, 20 personas, 1 coche",
        "Räumung Main St 5, 20 Leute und 1 Transporter, bis 14 Uhr",
        "zwangsräumung: Main St 5 bis um 14:00\n20x Menschen\n1 Auto",
    ],
)
def test_the_same_in_three_languages(line: str) -> None:
    assert read(line) == Line(
        kind="eviction",
        area="Main St 5",
        needs={"people": 20, "van": 1},
        until=TOMORROW + timedelta(hours=14),
    )


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("raid", "raid"),
        ("Redada!", "raid"),
        ("Razzia: Hof", "raid"),
        ("huelga puerta 3", "strike"),
        ("Streikposten Tor 3", "strike"),
        ("amenaza", "threat"),
        ("Überfall", "threat"),
        ("ueberfall", "threat"),
        ("ayuda comida", "aid"),
        ("Nothilfe", "aid"),
        ("otro", "other"),
        ("the police are here", None),
    ],
)
def test_the_kind_comes_first(line: str, kind: str | None) -> None:
    assert read(line).kind == kind


@pytest.mark.parametrize(
    ("line", "near"),
    [("evicton Main St", "eviction"), ("desaucio, ya", "eviction"), ("raumung", "eviction"), ("hello all", None)],
)
def test_a_slip_of_the_finger_is_taken_for_what_it_is_near_to(line: str, near: str | None) -> None:
    assert alertline.nearest_kind(line, KIND_WORDS) == near


@pytest.mark.parametrize(
    "line", ["drill: eviction Hall", "simulacro de desahucio Hall", "Übung Räumung Hall", "eviction Hall, drill"]
)
def test_a_drill_says_that_it_is_one(line: str) -> None:
    found = read(line)
    assert (found.kind, found.area, found.exercise) == ("eviction", "Hall", True)


def test_what_is_no_setting_is_what_there_is_to_say() -> None:
    found = read("raid La Rambla 5, 3rd floor, they took 3 people, until the van comes, for everybody to know")
    assert found == Line(
        kind="raid",
        area="La Rambla 5",
        words="3rd floor, they took 3 people, until the van comes, for everybody to know",
    )


def test_a_whole_sentence_is_no_place() -> None:
    long = "they are " + "at the door " * 12
    found = read(f"raid {long}")
    assert (found.area, found.words) == ("", long.strip())


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("until 14:00", TOMORROW + timedelta(hours=14)),
        ("until 19:00", datetime(2026, 1, 5, 19)),
        ("hasta las 20", datetime(2026, 1, 5, 20)),
        ("bis morgen 9 Uhr", TOMORROW + timedelta(hours=9)),
        ("until tomorrow", TOMORROW + timedelta(hours=23, minutes=59)),
        ("until 3h", timedelta(hours=3)),
        ("for 90 min", timedelta(minutes=90)),
        ("durante 2 h", timedelta(hours=2)),
        ("für 3 Stunden", timedelta(hours=3)),
    ],
)
def test_until_when(words: str, end: datetime | timedelta) -> None:
    for line in (f"eviction Hall, {words}", f"eviction Hall, 3 people, {words}"):
        found = read(line)
        assert found.area == "Hall"
        assert (found.until or found.length) == end


@pytest.mark.parametrize(
    ("line", "words", "twice"),
    [
        ("eviction Hall, until 25:99", "until 25:99", False),
        ("eviction Hall, bis 99", "bis 99", False),
        ("eviction Hall, bis 25:00", "bis 25:00", False),
        ("eviction Hall until 14:00 until 15:00", "Hall until 14:00 until 15:00", True),
        ("eviction Hall, until 14:00, until 15:00", "until 15:00", True),
        ("eviction Hall until 14:00, for 2h", "for 2h", True),
        ("eviction Hall, 0 people", "0 people", False),
        ("eviction Hall, 501 people", "501 people", False),
        ("eviction Hall, 20 people, 30 people", "30 people", True),
        ("eviction Hall, 1 van and 2 cars", "1 van and 2 cars", True),
    ],
)
def test_what_cannot_be_understood_or_contradicts_is_asked_back(line: str, words: str, twice: bool) -> None:
    with pytest.raises(Unclear) as unclear:
        read(line)
    assert (unclear.value.words, unclear.value.twice) == (words, twice)


def test_the_same_said_twice_is_no_contradiction() -> None:
    assert read("raid Hall, until 14:00, until 14:00, 2 people, 2 people").needs == {"people": 2}


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("20 people, 2 vans", {"people": 20, "van": 2}),
        ("0 vans", {"van": 0}),
        ("1 child care and 2 phone trees", None),
        ("1 child care & 2 phone tree", {"child_care": 1, "phone_tree": 2}),
        ("1 sanitaria y 1 abogada", {"medic": 1, "legal": 1}),
        ("3 ducks", None),
        ("many", None),
        ("", None),
        ("2 people, 3 people", None),
    ],
)
def test_what_it_takes(line: str, needs: dict[str, int] | None) -> None:
    if needs is not None:
        assert alertline.read_needs(line) == needs
        return
    with pytest.raises(Unclear):
        alertline.read_needs(line)


# --- nothing is lost -----------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    (
        *("eviction", "raid", "desahucio", "Räumung", "drill", "simulacro", "at", "en", "until", "hasta", "bis", "for"),
        *("14:00", "14", "3h", "99:99", "tomorrow", "20", "0", "2x", "people", "van", "personas", "Leute", "and", "y"),
        *("Main", "St", "5", "La", "Rambla", "🚨", "the", "police", ",", ";", "\n", ":", "-", "#3", "…"),
    )
)
_LINES = st.one_of(st.lists(_PIECES, max_size=25).map(" ".join), st.text(max_size=200))
_SMALL = """until till til hasta bis for durante für fuer las la a um at en and y e und & + x of an de del un una
einer eine des tomorrow drill exercise simulacro ejercicio übung uebung probealarm"""
_SETTINGS = frozenset(map(plain, (*_SMALL.split(), *KIND_WORDS, *alertline.NEED_WORDS)))
"""Words that may have become a setting."""


def _read(text: str) -> Line | None:
    try:
        return read(text)
    except Unclear:
        return None


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\s,;:.\-–!]+", plain(text)) if word]


@given(_LINES)
@example("raid , until 14:00 Main")
@example("raid Hall, one thing, another thing, the third")
@example("eviction" + ",x" * 300)
@example("a" * 4000)
def test_whatever_is_typed_is_read_or_asked_back_and_no_word_is_lost(text: str) -> None:
    found = _read(text)
    if found is None:
        return
    kept = _words(f"{found.area} {found.words}")
    for word in _words(text):
        if word in kept:
            kept.remove(word)
            continue
        assert word in _SETTINGS or any(char.isdigit() for char in word), f"{word!r} is lost: {found}"
    assert all(0 < many <= alarm.NEEDS_MAX for many in found.needs.values())
    assert len(found.area) <= alertline.AREA_CHARACTERS_MAX
    assert found.until is None or found.length is None
    if found.kind is None:
        assert plain(text.split()[0]) not in KIND_WORDS if text.split() else True


@given(st.text(max_size=60))
def test_no_end_and_no_need_is_a_fault(text: str) -> None:
    assert isinstance(alertline.read_end(text, now=NOW), datetime | timedelta | None)
    try:
        needs = alertline.read_needs(text)
    except Unclear:
        return
    assert needs
