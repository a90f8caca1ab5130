"""What a line that raises an alert says: `eviction Main St 5, 20 people, 1 van, until 14:00`. Pure rules.

Words are read in English, Spanish and German. The kind comes first; what stands between commas is where it is, what it
takes, until when, and whatever else there is to say. What is plainly a time and cannot be understood is asked back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from difflib import get_close_matches

from bot.domain import alarm
from bot.domain.board import plain, read_day
from bot.domain.bookings import read_days, read_when
from bot.domain.grammar import read_duration
from bot.text import Refusal

AREA_CHARACTERS_MAX = 120
WORDS_CHARACTERS_MAX = 500
WORDS_SHOWN_MAX = 60
"""Of words that were not understood, no more is said back."""


class Unclear(Exception):
    """A part that says until when, or how many, but not so that it can be understood; `words`: which.

    `twice`: something before it says otherwise.
    """

    def __init__(self, words: str, *, twice: bool = False) -> None:
        super().__init__(words)
        self.words = words[:WORDS_SHOWN_MAX]
        self.twice = twice


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
        "threat": "threat attack amenaza ataque agresión agresion bedrohung angriff überfall ueberfall",
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
        "legal": "legal legalhelp lawyer lawyers abogada abogado abogadas abogados ayudalegal anwalt anwältin anwälte "
        "anwaelte rechtshilfe",
        "medic": "medic medics doctor doctors sanitaria sanitario sanitarias sanitarios médica médico primerosauxilios "
        "sani ärztin erstehilfe",
        "child_care": "childcare babysitter guardería canguro cuidadoinfantil kinderbetreuung",
        "phone_tree": "phones phonetree telefonistas cadenatelefónica telefone telefonkette",
    }.items()
    for word in words.split()
}
_EXERCISE = _words("drill exercise simulacro ejercicio übung uebung probealarm")
_OF = _words("of an a de del un una einer eine des : -")
_UNTIL = _words("until till til hasta bis")
_FOR = _words("for durante für fuer")
_AND = _words("and y e und & +")
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}")
_ABOUT_CLOCKS = _words("las la a um at")
_COUNT = re.compile(r"(\d{1,6})x?", re.IGNORECASE)
_PREPOSITIONS = re.compile(r"^(?:at|en)\s+(?=\S)", re.IGNORECASE)


def read(text: str, *, now: datetime, kinds: Mapping[str, str]) -> Line:
    """A line. `now`: the wall time; `kinds`: the words for the kinds, folded by `plain`. Raises Unclear."""
    first, *rest = re.split(r"[,;\n]", text.strip())
    kind, left, exercise = _kind(first.strip(), kinds)
    area, words = "", []
    needs: dict[str, int] = {}
    until: datetime | None = None
    length: timedelta | None = None
    for part in filter(None, (one.strip() for one in (left.strip(" :.-–"), *rest))):
        said, end = _ending(part, now)
        if end is not None and _ending(said, now)[1] is not None:
            raise Unclear(part, twice=True)
        if end is not None:
            found = (end, None) if isinstance(end, datetime) else (None, end)
            if (until, length) not in ((None, None), found):
                raise Unclear(part, twice=True)
            until, length = found
        if not said:
            continue
        if plain(said) in _EXERCISE:
            exercise = True
        elif (counted := _needs(said)) is not None:
            for what, many in counted.items():
                if needs.setdefault(what, many) != many:
                    raise Unclear(said, twice=True)
        elif not area:
            area = said
        else:
            words.append(said)
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
        while len(words) > 1 and plain(words[0]) in _OF and kinds.get(_bare(words[0])) is None:
            words = words[1:]
    for count in range(min(4, len(words)), 0, -1):
        found = kinds.get(_bare(" ".join(words[:count])))
        if found is not None:
            return found, _PREPOSITIONS.sub("", " ".join(words[count:])), exercise
    return None, " ".join(words), exercise


def _bare(words: str) -> str:
    return plain(words).strip(":!.")


def nearest_kind(text: str, kinds: Mapping[str, str]) -> str | None:
    """The kind that the first word of a line was perhaps meant to be; None: it is like none."""
    first = _bare(text.strip().partition(" ")[0][:40]).rstrip(",;")
    close = get_close_matches(first, kinds, 1, 0.75) if len(first) > 3 else []
    return kinds[close[0]] if close else None


def _needs(part: str, *, least: int = 1) -> dict[str, int] | None:
    """`20 people`, `2 vans and 1 medic`: what, and how many; None: it says something else. Raises Unclear where they
    are too many, or fewer than `least`, or contradict each other.
    """
    words = part.split()
    needs: dict[str, int] = {}
    at = 0
    while at < len(words):
        if needs and plain(words[at]) in _AND:
            at += 1
        many = _COUNT.fullmatch(words[at]) if at < len(words) else None
        if many is None:
            return None
        at += 2 if words[at + 1 : at + 2] in (["x"], ["X"], ["×"]) else 1
        for count in (2, 1):
            what = NEED_WORDS.get(plain("".join(words[at : at + count])).strip("."))
            if what is not None and at + count <= len(words):
                at += count
                break
        else:
            return None
        if not least <= int(many[1]) <= alarm.NEEDS_MAX:
            raise Unclear(part)
        if needs.setdefault(what, int(many[1])) != int(many[1]):
            raise Unclear(part, twice=True)
    return needs or None


def read_needs(text: str) -> dict[str, int]:
    """`20 people, 2 vans`; `0 vans`: none any more. Raises Unclear where that is no need."""
    needs: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in re.split(r"[,;\n]", text))):
        found = _needs(part, least=0)
        if found is None or any(needs.get(what, many) != many for what, many in found.items()):
            raise Unclear(part, twice=found is not None)
        needs.update(found)
    if not needs:
        raise Unclear(text.strip())
    return needs


def _ending(part: str, now: datetime) -> tuple[str, datetime | timedelta | None]:
    """What a part says beside its end, and the end: `Main St 5 until 14:00`, `for 3h`. Raises Unclear."""
    words = part.split()
    for at, word in enumerate(words[:-1]):
        until = plain(word) in _UNTIL
        if not until and (at > 0 or plain(word) not in _FOR):
            continue
        end = read_end(" ".join(words[at + 1 :]), now=now) if until else _length(words[at + 1 :])
        if end is not None:
            return " ".join(words[:at]), end
        if until and at == 0 and any(char.isdigit() for char in part):
            raise Unclear(part)
    return part, None


def read_end(text: str, *, now: datetime) -> datetime | timedelta | None:
    """When it is over: a wall time (`14:00`, `tomorrow 9:00`), or how long it goes on (`3h`); None: neither."""
    words = text.split()
    if words and plain(words[0]) in _UNTIL | _FOR:
        words = words[1:]
    while len(words) > 1 and plain(words[0]) in _ABOUT_CLOCKS:
        words = words[1:]
    found = read_when(words, now=now) if words else None
    if found is not None and found[1] == len(words) and found[0].end is None:
        return found[0].start
    # “until 14” is an hour, as people say it.
    if len(words) == 1 and words[0].isdecimal() and int(words[0]) <= 24:
        bare = read_when([f"{words[0]}:00"], now=now)
        return bare[0].start if bare is not None else None
    day = read_day(" ".join(words), today=now.date()) if words else None
    if day is not None:
        return datetime.combine(day, time(23, 59))
    # “until 25:00” is no length of 25 hours.
    return None if words and _CLOCK.fullmatch(words[0]) else _length(words)


def _length(words: list[str]) -> timedelta | None:
    days = read_days(words)
    if days is not None and days[1] == len(words):
        return timedelta(minutes=days[0])
    try:
        found = read_duration(words) if words else None
    except Refusal:
        return None
    return timedelta(minutes=found[0]) if found is not None and found[1] == len(words) else None
