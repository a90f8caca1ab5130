"""What a line that makes a poll says."""

from __future__ import annotations

import string
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import pollline, pollqueue
from bot.domain.pollline import Line, Unclear

NOW = datetime(2026, 1, 5, 10, 0)
PROCESSES = ("poll", "proposal", "election", "consensus_minus_one", "several", "umfrage")


def read(text: str) -> Line:
    return pollline.read(text, now=NOW, processes=PROCESSES)


@given(st.text(alphabet=string.printable + "¿áñüßÄ„“|,\n", max_size=200))
def test_no_line_brings_it_down(text: str) -> None:
    try:
        said = read(text)
    except Unclear:
        return
    pollline.fault(said, own=True)


_SETTING_WORDS = (
    *("closes fri 20:00", "until", "opens", "quorum 1/2", "seats 2", "every month", "|", ",", "\n", "?", ":", "hidden"),
    *(
        "irv",
        "threshold",
        "2/3",
        "dots 10",
        "in 3 days",
        "friday-ish",
        "Library",
        "Where do we meet",
        "no deadline",
        "by",
    ),
)


@given(st.lists(st.sampled_from(_SETTING_WORDS), max_size=12))
def test_no_heap_of_settings_brings_it_down(words: list[str]) -> None:
    try:
        read(" ".join(words))
    except Unclear:
        return


_NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyzäñé", min_size=6, max_size=12).map(lambda word: f"X{word}")
_SETTINGS: dict[str, dict[str, Any]] = {
    "closes fri 20:00": {"closes": datetime(2026, 1, 9, 20, 0)},
    "hasta el viernes a las 20:00": {"closes": datetime(2026, 1, 9, 20, 0)},
    "schließt in 3 Tagen": {"length": timedelta(days=3)},
    "quorum 50%": {"quorum": Fraction(1, 2)},
    "quorum 1/2 of active members": {"quorum": Fraction(1, 2), "quorum_of": "active"},
    "quórum 1/2 de activos": {"quorum": Fraction(1, 2), "quorum_of": "active"},
    "quorum 1/2 der Aktiven": {"quorum": Fraction(1, 2), "quorum_of": "active"},
    "tie open": {"tie": "open"},
    "empate por sorteo": {"tie": "lot"},
    "gleichstand offen": {"tie": "open"},
    "2/3 majority": {"threshold": Fraction(2, 3)},
    "2 Sitze": {"seats": 2},
    "names hidden": {"hidden": True},
    "10 dots": {"most": 10},
    "by schulze": {"method": "schulze"},
}


@given(
    st.lists(_NAMES, min_size=2, max_size=6, unique=True),
    st.lists(st.sampled_from(sorted(_SETTINGS)), max_size=4, unique_by=lambda one: tuple(sorted(_SETTINGS[one]))),
    st.sampled_from((" | ", "\n", "|")),
    st.booleans(),
)
def test_what_is_read_is_what_was_written(options: list[str], settings: list[str], between: str, before: bool) -> None:
    if {"closes", "length"} <= {name for one in settings for name in _SETTINGS[one]}:
        settings = settings[:1]
    words = between.join(["Xwhere do we meet?", *options])
    text = ", ".join([*settings, words] if before else [words, *settings])
    said = read(text)
    assert said.question == "Xwhere do we meet?"
    assert said.options == tuple(options)
    wanted = {name: value for one in settings for name, value in _SETTINGS[one].items()}
    for name in ("closes", "length", "quorum", "threshold", "seats", "hidden", "most", "method", "opens", "rule"):
        assert getattr(said, name) == wanted.get(name), name


@pytest.mark.parametrize(
    ("text", "words", "doubt"),
    [
        ("Where? | A | B, closes friday-ish", "closes friday-ish", "setting"),
        ("Where? | A | B, until next friday-ish", "until next friday-ish", "setting"),
        ("Where? | A | B | until next friday-ish", "until next friday-ish", "setting"),
        ("Where? | A | B, quorum many", "quorum many", "setting"),
        ("Where? | A | B, closes fri 20:00, closes sat 20:00", "closes sat 20:00", "setting"),
        ("Where? | A | Park closes fri 20:00", "closes fri 20:00", "comma"),
        ("Wo? | A | Park schließt Freitag", "schließt Freitag", "comma"),
        ("¿Dónde? | A | Parque cierra mañana", "cierra mañana", "comma"),
        ("Where? A, B or C", "Where? | A | B | C", "options"),
        ("Where? | A | B, sin plazo", "sin plazo", "end"),
    ],
)
def test_what_is_in_doubt_is_asked_back(text: str, words: str, doubt: str) -> None:
    with pytest.raises(Unclear) as found:
        read(text)
    assert (found.value.words, found.value.doubt) == (words, doubt)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Until when? | until fri | until sun, closes wed 20:00", ("until fri", "until sun")),
        ("What about the shop? | Open | Closed | Names", ("Open", "Closed", "Names")),
        ("Where? | Library, upstairs | Park, by the river", ("Library, upstairs", "Park, by the river")),
        ('What stands there? | "closes fri 20:00" | nothing', ("closes fri 20:00", "nothing")),
        ("When? | Fri 20:00 | Sat 10:00", ("Fri 20:00", "Sat 10:00")),
        ("Where?\n- Library\n- Park", ("Library", "Park")),
    ],
)
def test_what_only_looks_a_little_like_a_setting_stays_an_option(text: str, options: tuple[str, ...]) -> None:
    assert read(text).options == options


@pytest.mark.parametrize(
    ("text", "rule", "opens"),
    [
        ("How are we?, every month", "FREQ=MONTHLY;BYMONTHDAY=5", None),
        ("How are we?, every month 1st 9:00", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-02-01 09:00"),
        ("How are we?, every month first mon 9:00", "FREQ=MONTHLY;BYDAY=1MO", "2026-02-02 09:00"),
        ("How are we?, every 2 weeks fri 18:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "2026-01-09 18:00"),
        ("¿Cómo estamos?, cada semana, abre el mié 9:00", "FREQ=WEEKLY", "2026-01-07 09:00"),
        ("Wie geht es uns?, jeden Monat am 15. 9:00", "FREQ=MONTHLY;BYMONTHDAY=15", "2026-01-15 09:00"),
        (
            "How are we?, every month, opens 31 jan 9:00",
            "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
            "2026-01-31 09:00",
        ),
    ],
)
def test_how_often_it_comes_again(text: str, rule: str, opens: str | None) -> None:
    said = read(text)
    assert said.rule == rule
    assert said.opens == (None if opens is None else datetime.fromisoformat(opens))


def test_what_closes_is_after_it_opens() -> None:
    said = read("Where? | A | B, closes fri 20:00, opens mon 9:00")
    assert said.opens == datetime(2026, 1, 12, 9, 0)
    assert said.closes == datetime(2026, 1, 16, 20, 0)


@pytest.mark.parametrize("text", ["in 3 days", "for 3 days", "closes in 3 days", "en 3 días", "in 3 Tagen"])
def test_how_long_it_is_open(text: str) -> None:
    assert read(f"Where? | A | B, {text}").length == timedelta(days=3)
    assert read(f"Shall we meet? {text}").length == timedelta(days=3)


def test_a_process_has_a_name_of_several_words() -> None:
    assert read("Consensus minus one: Shall we?").process == "consensus_minus_one"
    assert read("Umfrage: Wo? | A | B").process == "umfrage"
    assert read("scottish-stv: Who? | A | B").method == "scottish-stv"


@given(
    st.lists(st.integers(0, 60 * 24 * 7), max_size=12),
    st.integers(1, 8),
    st.integers(0, 12),
)
def test_never_more_than_the_cap_open_in_a_week(minutes: list[int], cap: int, waiting: int) -> None:
    opened = sorted(NOW - timedelta(minutes=one) for one in minutes)
    found = pollqueue.openings(opened, cap, waiting, now=NOW)
    assert found == sorted(found)
    every = sorted([*opened, *found])
    for at in found:
        # The week that ends then, without what opens at the very same moment and comes later.
        before = [one for one in every if at - pollqueue.WEEK < one <= at]
        assert len(before) <= max(cap, len([one for one in opened if at - pollqueue.WEEK < one]))
