"""Roles that go round: how long a term is, how often in a row, how long the pause, how it is written. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from dateutil.relativedelta import relativedelta

from bot.domain import offices
from bot.domain.board import plain
from bot.domain.offices import Stretch
from bot.domain.shifts import Timing

How = Literal["lot", "deficit"]
"""By lot; or first whoever has had the least empowering work for their share."""
HOWS: tuple[How, ...] = get_args(How)
MOST_MAX = 12
PAUSE_MAX = 12
OFFICE_DAYS_MIN = 28
"""A role that the committee gives is held so long at least: the next one is looked for two weeks before."""
ASKED_BEFORE = timedelta(days=28)
"""So long before a term of a task somebody is looked for."""


# --- how it is written -----------------------------------------------------------------------------------------------

_EVERY = frozenset(["every", "each", "cada", "alle", "jede", "jeden", "jedes", "je"])
_EACH = frozenset(map(plain, ("each time", "every time", "cada vez", "jedes mal", "jedesmal")))
_UNIT_ALONE = {
    plain(word): unit
    for unit, words in (
        ("days", "day día tag"),
        ("weeks", "week semana woche"),
        ("months", "month mes monat"),
        ("years", "year año jahr"),
    )
    for word in words.split()
}
_HOW: dict[str, How] = {
    **dict.fromkeys(map(plain, ("lot", "draw", "sorteo", "los", "losen", "auslosen")), "lot"),
    **dict.fromkeys(map(plain, ("deficit", "turn", "turns", "déficit", "turno", "defizit", "reihe")), "deficit"),
}
_HOW_BEFORE = frozenset(["by", "per", "por", "nach", "der", "la"])
_MOST = re.compile(
    r"(?:at most|max|maximum|como maximo|maximo|hochstens|max\.|hoechstens) ([0-9]{1,2})"
    r"(?: (?:in a row|terms?|times|seguid[oa]s?|veces|hintereinander|mal|am stuck))?"
)
_PAUSE = re.compile(r"(?:pause|pausa|rest|descanso) ([0-9]{1,2})(?: (?:terms?|turnos?|mal|times|veces))?")
_WORDS_MAX = 6


def _plain(words: Sequence[str]) -> str:
    return " ".join(plain(word.strip(",;.")) for word in words)


def read_term(words: Sequence[str]) -> tuple[Stretch | Literal["each"], int] | None:
    """How long a term is, such as `every 4 weeks`, `a month`, `each time`, and how many words say so."""
    if _plain(words[:2]) in _EACH:
        return "each", 2
    if words and _plain(words[:1]) in _EACH:
        return "each", 1
    skipped = 1 if words and _plain(words[:1]) in _EVERY else 0
    plain = [_plain([word]) for word in words[skipped : skipped + 2]]
    found = offices.read_stretch(plain)
    if found is not None:
        return found[0], skipped + found[1]
    unit = _UNIT_ALONE.get(plain[0]) if skipped and plain else None
    return (Stretch(count=1, unit=unit), 2) if unit else None  # type: ignore[arg-type]


def read_how(words: Sequence[str]) -> tuple[How, int] | None:
    """`lot`, `by lot`, `deficit`, and how many words say so."""
    skipped = 0
    while skipped < min(2, len(words)) and _plain(words[skipped : skipped + 1]) in _HOW_BEFORE:
        skipped += 1
    how = _HOW.get(_plain(words[skipped : skipped + 1]))
    return (how, skipped + 1) if how else None


def read_most(words: Sequence[str]) -> tuple[int, int] | None:
    """`at most 2 in a row`: the number, and how many words say so."""
    return _longest(_MOST, words)


def read_pause(words: Sequence[str]) -> tuple[int, int] | None:
    """`pause 2`: the number, and how many words say so."""
    return _longest(_PAUSE, words)


def _longest(pattern: re.Pattern[str], words: Sequence[str]) -> tuple[int, int] | None:
    for count in range(min(_WORDS_MAX, len(words)), 0, -1):
        found = pattern.fullmatch(_plain(words[:count]))
        if found:
            return int(found.group(1)), count
    return None


def begins(words: Sequence[str]) -> bool:
    """Whether these words say something of a round: a name ends before them."""
    return any(read(words) is not None for read in (read_term, read_how, read_most, read_pause))


# --- terms of a task -------------------------------------------------------------------------------------------------


def each(timing: Timing) -> Stretch | None:
    """The stretch after which a task comes again; None: it comes once."""
    if timing.rule is None:
        return None
    parts = dict(part.split("=") for part in timing.rule.split(";"))
    unit = {"DAILY": "days", "WEEKLY": "weeks", "MONTHLY": "months", "YEARLY": "years"}[parts["FREQ"]]
    return Stretch(count=int(parts.get("INTERVAL", "1")), unit=unit)  # type: ignore[arg-type]


def first_day(day: date, stretch: Stretch) -> date:
    """The day from which terms are counted: weeks begin on Mondays, months and years on their first."""
    match stretch.unit:
        case "days":
            return day
        case "weeks":
            return day - timedelta(days=day.weekday())
        case _:
            return day.replace(day=1)


def turn_of(day: date, *, first: date, stretch: Stretch) -> int:
    """The number of the term in which a day is: 1 is the one that begins on `first`."""
    if stretch.unit in ("days", "weeks"):
        length = stretch.count * (7 if stretch.unit == "weeks" else 1)
        return (day - first).days // length + 1
    months = (day.year - first.year) * 12 + day.month - first.month
    return months // (stretch.count * (12 if stretch.unit == "years" else 1)) + 1


def begin_of(turn: int, *, first: date, stretch: Stretch) -> date:
    """The first day of a term; its last is the one before the next begins."""
    return first + relativedelta(**{stretch.unit: stretch.count * (turn - 1)})  # type: ignore[arg-type]


def in_a_row(terms: Iterable[int], turn: int) -> int:
    """The how many-th term in a row a term is, for somebody who has had these."""
    had, count = {*terms, turn}, 1
    while turn - count in had:
        count += 1
    return count


# --- terms of a role that the committee gives ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Stint:
    """From when until when somebody held a role; `until` None: they hold it."""

    since: date
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The terms that somebody has held in a row up to now. `ended`: when the last one was over; None: not yet."""

    terms: int
    ended: date | None


def run_of(stints: Iterable[Stint], *, stretch: Stretch, today: date) -> Run:
    """The last terms in a row. A pause of less than half a term is none; who goes on without a new term has had as many
    as have gone by."""
    length = offices.days(stretch)
    terms, ended, first = 0, None, True
    for stint in sorted(stints, key=lambda one: one.since):
        if not first and (ended is None or (stint.since - ended).days * 2 >= length):
            terms = 0
        last = stint.until or today
        # Whoever begins while the one before is still there has had one term, not two.
        terms += max(1, ((last - stint.since).days + length // 4) // length)
        ended, first = last, False
        if stint.until is None:
            return Run(terms=terms, ended=None)
    return Run(terms=terms, ended=ended)


def rests_until(stints: Iterable[Stint], *, stretch: Stretch, most: int, pause: int, today: date) -> date | None:
    """The day from which somebody may hold the role again; None: they may have the next term.

    Whoever holds it the `most`-th time in a row now rests from its end on, which is counted from today.
    """
    run = run_of(stints, stretch=stretch, today=today)
    if run.terms < most:
        return None
    ends = (run.ended or today) + relativedelta(**{stretch.unit: stretch.count * pause})  # type: ignore[arg-type]
    if run.ended is None:
        return max(ends, today + timedelta(days=1))
    return ends if ends > today else None
