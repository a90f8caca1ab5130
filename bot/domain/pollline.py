"""What a line that makes a poll says: `Where do we meet? | Library | Union hall | Park, closes fri 20:00`. Pure rules.

Words are read in English, Spanish and German. Settings stand at the end, each behind a comma.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Literal

from bot.domain.board import plain, read_day
from bot.domain.bookings import read_days, read_when
from bot.domain.grammar import folded, read_duration
from bot.domain.offices import days, read_stretch
from bot.text import Refusal

QUESTION_CHARACTERS_MAX = 300
OPTION_CHARACTERS_MAX = 100
OPTIONS_MAX = 20
DAY_ENDS = time(20, 0)
"""A day without a time means this: people are awake, and at home."""

Fault = Literal["question", "long", "one", "many", "twice", "long_option"]


class Unclear(Exception):
    """Words that set something, but not so that it can be understood; `words`: which."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was said. `process`: by which word, None: by none. Wall times; shares as fractions."""

    process: str | None
    question: str
    options: tuple[str, ...] = ()
    opens: datetime | None = None
    closes: datetime | None = None
    quorum: Fraction | None = None
    threshold: Fraction | None = None
    seats: int | None = None
    hidden: bool | None = None
    """None: as the process has it."""
    review_days: int | None = None
    lapse_days: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    """Other settings, as they were written."""


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


_CLOSES = _words("closes closing close until till ends cierra cierre hasta termina schließt endet bis ende")
_OPENS = _words("opens opening starts abre apertura empieza öffnet beginnt startet ab")
_QUORUM = _words("quorum quórum mindestbeteiligung")
_THRESHOLD = _words("threshold umbral mayoría mehrheit majority")
_SEATS = _words("seats seat puestos puesto plazas sitze sitz plätze platz")
_HIDDEN = _words("hidden secret oculto oculta secreta secreto verdeckt geheim")
_SHOWN = _words("names open nombres abierta abierto namen offen")
_REVIEW = _words("review revisar revisión überprüfen prüfen")
_LAPSES = _words("lapses lapse expires caduca vence verfällt erlischt")
_FILLERS = _words("on at the in within el la las a en dentro am um der den das innerhalb")


def read(text: str, *, now: datetime, processes: Iterable[str]) -> Line:
    """A line. `now`: the wall time; `processes`: the words by which processes are called. Raises Unclear."""
    text = " ".join(text.split(" ")).strip()
    known = {folded(name): name for name in processes}
    head, _, rest = text.partition(" ")
    word = folded(head.rstrip(":"))
    process = known.get(word)
    if process is not None:
        text = rest.strip()
    parts = [part.strip() for part in re.split(r"\s*\|\s*|\n+", text)]
    said = Line(process=process, question="")
    last, settings = _settings(parts[-1])
    parts[-1] = last
    for setting in settings:
        said = _with(said, setting, now=now)
    return replace(said, question=parts[0], options=tuple(part for part in parts[1:] if part))


def fault(said: Line, *, own: bool) -> Fault | None:
    """What is wrong with it; None: nothing. `own`: it needs options of its own."""
    if not said.question:
        return "question"
    if len(said.question) > QUESTION_CHARACTERS_MAX:
        return "long"
    if not own:
        return None
    if len(said.options) < 2:
        return "one"
    if len(said.options) > OPTIONS_MAX:
        return "many"
    if len({plain(option) for option in said.options}) < len(said.options):
        return "twice"
    return "long_option" if any(len(option) > OPTION_CHARACTERS_MAX for option in said.options) else None


def _settings(part: str) -> tuple[str, list[str]]:
    """The settings at the end of what stands last, and what is left without them."""
    pieces = part.split(",")
    found: list[str] = []
    while len(pieces) > 1 and _is_setting(pieces[-1]):
        found.insert(0, pieces.pop().strip())
    return ",".join(pieces).strip(), found


def _is_setting(piece: str) -> bool:
    words = plain(piece).split()
    first = words[0] if words else ""
    return first in _CLOSES | _OPENS | _QUORUM | _THRESHOLD | _SEATS | _HIDDEN | _SHOWN | _REVIEW | _LAPSES


def _with(said: Line, setting: str, *, now: datetime) -> Line:
    words = setting.split()
    first, rest = plain(words[0]), words[1:]
    try:
        if first in _CLOSES:
            return replace(said, closes=read_moment(rest, now=now))
        if first in _OPENS:
            return replace(said, opens=read_moment(rest, now=now))
        if first in _QUORUM:
            return replace(said, quorum=read_share(rest))
        if first in _THRESHOLD:
            return replace(said, threshold=read_share(rest))
        if first in _SEATS:
            return replace(said, seats=int(" ".join(rest)))
        if first in _REVIEW:
            return replace(said, review_days=read_days_ahead(rest))
        if first in _LAPSES:
            return replace(said, lapse_days=read_days_ahead(rest))
        if first in _HIDDEN or first in _SHOWN:
            return replace(said, hidden=first in _HIDDEN)
    except (ValueError, ZeroDivisionError):
        pass
    raise Unclear(setting)


def read_moment(words: list[str], *, now: datetime) -> datetime:
    """`fri 20:00`, `tomorrow`, `in 3 days`, `2h`: a wall time. Raises ValueError."""
    while words and plain(words[0]) in _FILLERS:
        words = words[1:]
    if not words:
        raise ValueError("no time")
    found = read_when(words, now=now)
    if found is not None and found[1] == len(words) and found[0].end is None:
        return found[0].start
    days = read_days(words)
    if days is not None and days[1] == len(words):
        return now + timedelta(minutes=days[0])
    try:
        length = read_duration(words)
    except Refusal as error:
        raise ValueError("no time") from error
    if length is not None and length[1] == len(words):
        return now + timedelta(minutes=length[0])
    day = read_day(plain(" ".join(words)), today=now.date())
    if day is None:
        raise ValueError("no time")
    return datetime.combine(day, DAY_ENDS)


DAYS_AHEAD_MAX = 3 * 366


def read_days_ahead(words: list[str]) -> int:
    """`in 60 days`, `6 months`: so many days, a month counted as 30 and a year as 365. Raises ValueError."""
    while words and plain(words[0]) in _FILLERS | {"nach", "después", "tras", "after", "de", "al", "cabo"}:
        words = words[1:]
    found = read_stretch(words)
    if found is None or found[1] != len(words) or not 1 <= days(found[0]) <= DAYS_AHEAD_MAX:
        raise ValueError("no stretch of days")
    return days(found[0])


def read_share(words: list[str]) -> Fraction:
    """`1/2`, `66%`, `2 / 3` as an exact fraction from 0 to 1. Raises ValueError."""
    text = "".join(words).replace(",", ".")
    found = Fraction(text.rstrip("%")) / 100 if text.endswith("%") else Fraction(text)
    if not 0 <= found <= 1:
        raise ValueError("not a share")
    return found
