"""What a line that raises an alert says: `eviction Main St 5, 20 people, 1 van, until 14:00`. Pure rules.

Words are read in English, Spanish and German. The kind comes first; what stands between commas is where it is, what it
takes, until when, and whatever else there is to say. What is plainly a time and cannot be understood is asked back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain import alarm
from bot.domain.board import plain
from bot.domain.bookings import read_days, read_when
from bot.domain.grammar import read_duration
from bot.text import Refusal

LINE_CHARACTERS_MAX = 1000
AREA_CHARACTERS_MAX = 120
WORDS_CHARACTERS_MAX = 500


class Unclear(Exception):
    """A part that says until when, or how many, but not so that it can be understood; `words`: which."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was said. `kind`: None where the line begins with none; `until`: a wall time."""

    kind: str | None
    area: str = ""
    words: str = ""
    needs: Mapping[str, int] = field(default_factory=dict)
    until: datetime | None = None
    length: timedelta | None = None
    exercise: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


KIND_WORDS: Mapping[str, str] = {
    plain(word): key
    for key, words in {
        "eviction": "eviction evict desahucio desalojo lanzamiento räumung raeumung zwangsräumung",
        "raid": "raid detention arrests redada detención detencion razzia festnahme festnahmen abschiebung",
        "strike": "strike picket huelga piquete streik streikposten",
        "threat": "threat attack amenaza ataque agresión agresion bedrohung angriff überfall",
        "aid": "aid help urgent ayuda urgencia hilfe nothilfe",
        "other": "other otra otro andere anderes sonstiges",
    }.items()
    for word in words.split()
}
"""How members call the kinds that every committee begins with."""
NEED_WORDS: Mapping[str, str] = {
    plain(word): what
    for what, words in {
        alarm.PEOPLE: "people person persons personas persona gente leute personen person menschen helfer",
        "van": "van vans car cars transporter furgoneta furgonetas coche coches bus busse auto autos",
        "legal": "legal lawyer lawyers abogada abogado abogadas abogados anwalt anwältin anwälte anwaelte",
        "medic": "medic medics doctor doctors sanitaria sanitario sanitarias sanitarios médica médico sani ärztin",
        "child_care": "childcare babysitter guardería canguro kinderbetreuung",
        "phone_tree": "phones telefonistas telefone telefonkette",
    }.items()
    for word in words.split()
}
_EXERCISE = _words("drill exercise simulacro ejercicio übung uebung probealarm")
_UNTIL = _words("until till til hasta bis")
_FOR = _words("for durante für fuer")
_COUNTED = re.compile(r"(?P<many>\d{1,6})\s*x?\s+(?P<what>[^\W\d]+)", re.IGNORECASE)
_PREPOSITIONS = re.compile(r"^(?:at|in|on|near|en|an|am|bei|beim|la|el)\s+(?=\S)", re.IGNORECASE)


def read(text: str, *, now: datetime, kinds: Mapping[str, str]) -> Line:
    """A line. `now`: the wall time; `kinds`: the words for the kinds, folded by `plain`. Raises Unclear."""
    first, *rest = re.split(r"\s*[,;\n]\s*", text.strip()[:LINE_CHARACTERS_MAX])
    kind, left, exercise = _kind(first, kinds)
    area, words = left.strip(" :.-–"), []
    needs: dict[str, int] = {}
    until: datetime | None = None
    length: timedelta | None = None
    for part in filter(None, (one.strip() for one in rest)):
        if plain(part) in _EXERCISE:
            exercise = True
        elif (counted := _need(part)) is not None:
            needs[counted[0]] = counted[1]
        elif (end := _end(part, now)) is not None:
            if until is not None or length is not None:
                # Two ends contradict each other.
                raise Unclear(part)
            until, length = (end, None) if isinstance(end, datetime) else (None, end)
        elif not area:
            area = part
        else:
            words.append(part)
    if not needs and not rest and (counted := _need(area)) is not None:
        needs, area = {counted[0]: counted[1]}, ""
    if len(area) > AREA_CHARACTERS_MAX:
        # A whole sentence and no comma: it says more than where.
        words, area = [area, *words], ""
    return Line(
        kind=kind,
        area=area,
        words=", ".join(words),
        needs=needs,
        until=until,
        length=length,
        exercise=exercise,
    )


def names_exercise(said: Line) -> bool:
    """Whether a word for a drill stands somewhere in a line that raises a real alert: then it is in doubt."""
    return not said.exercise and not _EXERCISE.isdisjoint(
        re.split(r"[^\w]+", f"{plain(said.area)} {plain(said.words)}")
    )


def _kind(first: str, kinds: Mapping[str, str]) -> tuple[str | None, str, bool]:
    """The kind that a line begins with, what is left, and whether it is a drill."""
    words = first.split()
    exercise = False
    if words and plain(words[0].strip(":!")) in _EXERCISE:
        exercise, words = True, words[1:]
    for count in range(min(4, len(words)), 0, -1):
        found = kinds.get(plain(" ".join(words[:count])).strip(":!."))
        if found is not None:
            return found, _PREPOSITIONS.sub("", " ".join(words[count:])), exercise
    return None, " ".join(words), exercise


def _need(part: str) -> tuple[str, int] | None:
    """`20 people`, `1 van`: what, and how many. Raises Unclear where they are too many."""
    found = _COUNTED.fullmatch(part)
    what = NEED_WORDS.get(plain(found["what"])) if found is not None else None
    if found is None or what is None:
        return None
    if not 0 < int(found["many"]) <= alarm.NEEDS_MAX:
        raise Unclear(part)
    return what, int(found["many"])


def read_needs(text: str) -> dict[str, int]:
    """`20 people, 2 vans`. Raises Unclear where that is no need."""
    needs: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in re.split(r"[,;\n]", text))):
        found = _need(part)
        if found is None:
            raise Unclear(part)
        needs[found[0]] = found[1]
    return needs


def _end(part: str, now: datetime) -> datetime | timedelta | None:
    """`until 14:00`, `for 3h`: a wall time, or how long. Raises Unclear."""
    first, *rest = part.split()
    if plain(first) in _UNTIL and rest:
        end = read_end(" ".join(rest), now=now)
        if end is None and any(char.isdigit() for char in part):
            raise Unclear(part)
        return end
    if plain(first) in _FOR and rest:
        return _length(rest)
    return None


def read_end(text: str, *, now: datetime) -> datetime | timedelta | None:
    """When it is over: a wall time (`14:00`, `tomorrow 9:00`), or how long it goes on (`3h`); None: neither."""
    words = text.split()
    if words and plain(words[0]) in _UNTIL | _FOR:
        words = words[1:]
    found = read_when(words, now=now) if words else None
    if found is not None and found[1] == len(words) and found[0].end is None:
        return found[0].start
    # “until 14” is an hour, as people say it.
    if len(words) == 1 and words[0].isdecimal() and int(words[0]) <= 24:
        bare = read_when([f"{words[0]}:00"], now=now)
        return bare[0].start if bare is not None else None
    return _length(words)


def _length(words: list[str]) -> timedelta | None:
    days = read_days(words)
    if days is not None and days[1] == len(words):
        return timedelta(minutes=days[0])
    try:
        found = read_duration(words) if words else None
    except Refusal:
        return None
    return timedelta(minutes=found[0]) if found is not None and found[1] == len(words) else None
