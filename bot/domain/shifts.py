"""Tasks of the rota: when they come, how many they take, and what a line that makes one says. Pure rules.

A task comes by a rule (RFC 5545) on wall time in its zone, or once. It is done at a fixed time, or at any time within
some days. Words are read in English, Spanish and German.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from bot.domain.board import plain, read_day
from bot.domain.bookings import read_when
from bot.domain.recurrence import instant

AHEAD = timedelta(weeks=8)
"""So far ahead there are shifts."""
CREW_MAX = 20
MINUTES_MAX = 24 * 60
SHIFTS_MAX = 400
"""So many shifts of one task there are at most; more than any rule here makes in eight weeks."""
RATING = 3
"""How unpleasant or empowering a task is as long as nobody has said it: in the middle of 1 to 5."""
RATINGS = range(1, 6)
HERE_BEFORE = timedelta(hours=1)
"""So long before it begins somebody can say that they are there."""
SAID_WITHIN = timedelta(days=14)
"""So long after a shift whoever had it can say that it is done; then it is noted that nobody said so."""
RATE_AGAIN = timedelta(days=90)
"""Nobody is asked more often how hard the same task is."""
LATE = timedelta(hours=48)
"""A seat that is given back so shortly before goes to the group at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a task comes. `start`: wall time of the first; `rule`: RFC 5545, None: once.

    `days`: it is done at any time within so many days from then on; None: it begins at that time.
    """

    start: datetime
    rule: str | None = None
    days: int | None = None


# --- what people write -------------------------------------------------------------------------------------------


class Unclear(Exception):
    """Words say when, but not so that it can be understood; `words`: which."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def _table(text: str) -> Mapping[str, int]:
    return {
        plain(name): number for number, line in enumerate(text.strip().splitlines(), start=1) for name in line.split()
    }


_DAY_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ORDINALS = {
    **_table("""
    first 1st primer primero 1er erster ersten erste
    second 2nd segundo zweiter zweiten zweite
    third 3rd tercer tercero dritter dritten dritte
    fourth 4th cuarto vierter vierten vierte
    """),
    **dict.fromkeys(map(plain, ("last", "último", "letzter", "letzten", "letzte")), -1),
}
_COUNTS = {
    **_table("""
    one un una ein eine einen jeden
    two other second dos otra otro segunda segundo zwei zweite zweiten zweiter
    three third tres tercera tercer drei dritte dritten
    four fourth cuatro cuarta vier vierte vierten
    """),
    **{str(n): n for n in range(1, 53)},
}
_UNITS = {
    **dict.fromkeys(map(plain, ["day", "days", "día", "días", "tag", "tage", "tagen"]), "DAILY"),
    **dict.fromkeys(map(plain, ["week", "weeks", "semana", "semanas", "woche", "wochen"]), "WEEKLY"),
    **dict.fromkeys(map(plain, ["month", "months", "mes", "meses", "monat", "monate", "monaten"]), "MONTHLY"),
}
_ALONE: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(map(plain, ["daily", "diario", "diaria", "diariamente", "täglich"]), ("DAILY", 1)),
    **dict.fromkeys(map(plain, ["weekly", "semanal", "semanalmente", "wöchentlich"]), ("WEEKLY", 1)),
    **dict.fromkeys(map(plain, ["fortnightly", "biweekly", "quincenal", "vierzehntägig", "14-tägig"]), ("WEEKLY", 2)),
    **dict.fromkeys(map(plain, ["monthly", "mensual", "mensualmente", "monatlich"]), ("MONTHLY", 1)),
}
_EVERY = frozenset(map(plain, ["every", "each", "cada", "todos", "todas", "alle", "jede", "jeden", "jeder", "jedes"]))
_SMALL = frozenset(map(plain, ["on", "the", "el", "la", "los", "las", "am", "an", "den", "der", "die", "das"]))
_AND = frozenset(("and", "y", "e", "und", "&"))
_ANY = re.compile(
    r"(?:(?:at )?any ?time|(?:en |a )?cualquier (?:momento|hora)|irgendwann)(?: (?:in|during|on|en|de|in der|am))?"
)
_THIS_WEEK = re.compile(r"(?:this|esta|diese|dieser) (?:week|semana|woche)")
_OF_MONTH = re.compile(
    r"(?:of (?:the|each|every) month|(?:del?|de cada|de todos los) mes(?:es)?|(?:im|des|jeden|in jedem) monats?)"
)
_DATED = re.compile(r"\d{1,2}[./]\d{1,2}\.?(?:\d{4})?|\d{4}-\d{1,2}-\d{1,2}")
_NUMBERED_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th|\.)?")
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}")
_LENGTH = re.compile(r"\d+(?:[.,]\d+)?\s?(?:h|hs|hrs?|hours?|horas?|std|stunden?|m|min|mins|minut\w*)\.?|\d+h\d{2}")
_CREW_WORDS = frozenset(map(plain, ["crew", "team", "equipo", "grupo", "besetzung", "gruppe"]))
_PEOPLE_WORDS = frozenset(
    map(plain, ["people", "persons", "person", "personas", "persona", "leute", "personen", "menschen"])
)
_SKILL_WORDS = frozenset(map(plain, ["skill", "habilidad", "saber", "fähigkeit", "können"]))
_TRAINEE_WORDS = frozenset(map(plain, ["trainee", "learner", "aprendiz", "aprendizaje", "lernplatz"]))
_RANGE = re.compile(r"(\d{1,3})(?:\s?(?:-|–|to|a|bis)\s?(\d{1,3}))?")
_MONTH_WORDS = 3
_SOME_DAY = datetime(2000, 1, 3)  # noqa: DTZ001 - a wall time
_WEEKDAY_LETTERS_MIN = 2


def _words(words: Sequence[str]) -> list[str]:
    return [plain(word).strip(" ,;") for word in words]


def _weekday(word: str) -> int | None:
    """Monday is 0; also `mondays`, `montags`."""
    for name in (word, word.removesuffix("s")):
        if _is_weekday(name):
            found = read_day(name, today=_SOME_DAY.date())
            return None if found is None else found.weekday()
    return None


def _is_weekday(name: str) -> bool:
    if not name.isalpha() or len(name) < _WEEKDAY_LETTERS_MIN or name in _RELATIVE:
        return False
    # What is a day of its own without any figures is a weekday.
    return read_day(name, today=_SOME_DAY.date()) is not None


_RELATIVE = frozenset(map(plain, ["today", "hoy", "heute", "tomorrow", "mañana", "morgen"]))


def _clock(words: Sequence[str]) -> tuple[time, int] | None:
    """A time of day at the beginning of the words, and how many of them it takes."""
    for count in range(min(4, len(words)), 0, -1):
        found = read_when(["2000-01-04", *words[:count]], now=_SOME_DAY)
        if found is not None and found[1] == count + 1 and found[0].end is None and found[0].start.day == 4:
            return found[0].start.time(), count
    return None


def begins_timing(words: Sequence[str]) -> bool:
    """Whether words plainly begin to say when, understood or not."""
    said = _words(words)
    if not said:
        return False
    first, second = said[0], said[1] if len(said) > 1 else ""
    if first in _EVERY or first in _ALONE or _DATED.fullmatch(first) or _CLOCK.fullmatch(first):
        return True
    if _plural(said) or (first in _ORDINALS and _weekday(second) is not None):
        return True
    if first in _SMALL and second in _ORDINALS and _weekday("".join(said[2:3])) is not None:
        return True
    together = " ".join(said[:4])
    if _ANY.match(together) or _THIS_WEEK.match(together):
        return True
    if _weekday(first) is not None and (_NUMBERED_DAY.fullmatch(second) or _clock(said[1:]) is not None):
        return True
    if _NUMBERED_DAY.fullmatch(first) and second and _is_month(second):
        return True
    if _is_weekday(first) and (not second or _LENGTH.fullmatch(second) or second in _CREW_WORDS):
        return True
    return read_when(list(words), now=_SOME_DAY) is not None


def _plural(said: Sequence[str]) -> int:
    """How many words come before the weekday in `mondays`, `montags`, `los lunes`, plus one; 0: it is none of these."""
    if said[0] == "los" and len(said) > 1 and _weekday(said[1]) is not None:
        return 2
    one = said[0].removesuffix("s")
    return int(one != said[0] and not _is_weekday(said[0]) and _is_weekday(one))


def _is_month(word: str) -> bool:
    return read_day(f"1 {word}", today=_SOME_DAY.date()) is not None


def read_timing(words: Sequence[str], *, now: datetime | None = None) -> tuple[Timing, int] | None:
    """When a task comes, at the beginning of the words, and how many of them it takes; None: they say no time.

    `now`: the wall time; the first one is after it. None: only whether the words can be read counts, and a weekday
    before a date may be that of any year. Raises Unclear where words begin to say when and go wrong: a rule
    that is none, a day that does not exist or is over.
    """
    if not begins_timing(words):
        return None
    said = _words(words)
    at = now or _SOME_DAY
    found = _anytime(said, now=at) or _recurring(said, now=at) or _once(words, now=at, any_year=now is None)
    if found is None:
        raise Unclear(" ".join(words[: _unclear_words(said)]))
    return found


def _unclear_words(said: Sequence[str]) -> int:
    count = 1
    while count < min(4, len(said)) and not _LENGTH.fullmatch(said[count]) and said[count] not in _CREW_WORDS:
        count += 1
    return count


def _anytime(said: Sequence[str], *, now: datetime) -> tuple[Timing, int] | None:
    """`any time this week`, `this week`: from today on until Monday; `any time every week` and `any time on sat`."""
    at = 0
    for count in range(min(5, len(said)), 0, -1):
        if _ANY.fullmatch(" ".join(said[:count])):
            at = count
            break
    today = datetime.combine(now.date(), time())
    if _THIS_WEEK.fullmatch(" ".join(said[at : at + 2])):
        return Timing(start=today, days=7 - now.weekday()), at + 2
    if at == 0:
        return None
    found = _recurring(said[at:], now=now) or _once(said[at:], now=now)
    if found is None or found[0].days is None:
        return None
    return found[0], found[1] + at


def _recurring(said: Sequence[str], *, now: datetime) -> tuple[Timing, int] | None:
    at, days, ordinal = 0, list[int](), 0
    rule = _rule(said)
    if rule is not None:
        freq, interval, at = rule
    elif said[0] in _EVERY:
        # Every Saturday; every second Saturday; every first Monday.
        freq, interval, at = "WEEKLY", 1, 1
        while at < len(said) and said[at] in _SMALL:
            at += 1
    elif _plural(said):
        freq, interval, at = "WEEKLY", 1, _plural(said) - 1
    elif said[0] in _ORDINALS or said[0] in _SMALL:
        freq, interval, at = "MONTHLY", 1, int(said[0] in _SMALL)
    else:
        return None
    while at < len(said) and said[at] in _SMALL and _weekday(" ".join(said[at + 1 : at + 2])) is not None:
        at += 1
    if (
        rule is None
        and at < len(said)
        and said[at] in _ORDINALS
        and _weekday("".join(said[at + 1 : at + 2])) is not None
    ):
        if said[0] in _EVERY and said[at] in _COUNTS and _COUNTS[said[at]] == 2 and not _of_month(said[at + 2 :]):
            interval = 2
        else:
            freq, ordinal = "MONTHLY", _ORDINALS[said[at]]
        at += 1
    elif rule is not None and freq == "MONTHLY" and at < len(said) and said[at] in _ORDINALS:
        ordinal, at = _ORDINALS[said[at]], at + 1
    while at < len(said) and (day := _weekday(said[at])) is not None:
        days.append(day)
        at += 1
        if at + 1 < len(said) and said[at] in _AND and _weekday(said[at + 1]) is not None:
            at += 1
    at += _of_month(said[at:])
    clock = _clock(said[at:])
    if clock is not None:
        at += clock[1]
    wanted = ordinal != 0 or (rule is None and said[0] in _EVERY)
    if (wanted and not days) or (ordinal and len(days) != 1) or (freq == "DAILY" and days):
        return None
    if freq == "MONTHLY" and not ordinal:
        return None
    whole_week = freq == "WEEKLY" and not days and clock is None
    if whole_week:
        days = [0]
    parts = [f"FREQ={freq}"]
    if interval > 1:
        parts.append(f"INTERVAL={interval}")
    if days:
        number = str(ordinal) if ordinal else ""
        parts.append("BYDAY=" + ",".join(f"{number}{_DAY_CODES[day]}" for day in sorted(set(days))))
    start = _first(";".join(parts), clock[0] if clock is not None else time(), now=now)
    return Timing(start=start, rule=";".join(parts), days=None if clock is not None else 7 if whole_week else 1), at


def _rule(said: Sequence[str]) -> tuple[str, int, int] | None:
    """`daily`, `every 2 weeks`, `todos los días`, `jede zweite Woche`: how often, and how many words say it."""
    if said[0] in _ALONE:
        return *_ALONE[said[0]], 1
    if said[0] not in _EVERY:
        return None
    at, interval = 1, 1
    while at < len(said) and said[at] in _SMALL:
        at += 1
    if at + 1 < len(said) and said[at] in _COUNTS and said[at + 1] in _UNITS:
        interval, at = _COUNTS[said[at]], at + 1
    if at < len(said) and said[at] in _UNITS:
        return _UNITS[said[at]], interval, at + 1
    return None


def _of_month(said: Sequence[str]) -> int:
    """How many words say `of the month`."""
    return next((n for n in range(min(4, len(said)), 0, -1) if _OF_MONTH.fullmatch(" ".join(said[:n]))), 0)


def _first(rule: str, clock: time, *, now: datetime) -> datetime:
    found = rrulestr(rule, dtstart=datetime.combine(now.date(), clock)).after(now)
    assert isinstance(found, datetime)
    return found


def _once(words: Sequence[str], *, now: datetime, any_year: bool = False) -> tuple[Timing, int] | None:
    """`sat 14 feb 10:00`, `tomorrow 18:00`, `14.2.`; a weekday before a date has to be that date's."""
    said = _words(words)
    for skip in (0, 1) if len(said) > 1 and _weekday(said[0]) is not None else (0,):
        when = read_when(list(words[skip:]), now=now)
        day = None
        if when is None:
            counts = range(min(_MONTH_WORDS, len(said) - skip), 0, -1)
            dated = ((read_day(" ".join(said[skip : skip + n]), today=now.date()), n) for n in counts)
            day = next(((found, n) for found, n in dated if found is not None), None)
            if day is not None and not skip and len(said) > 1 and _NUMBERED_DAY.fullmatch(said[1]):
                # “sat 30 feb” is not the next Saturday.
                day = None
        start = when[0].start if when is not None else datetime.combine(day[0], time()) if day is not None else None
        if start is None:
            continue
        if skip and not any_year and start.weekday() != _weekday(said[0]):
            return None
        count = (when[1] if when is not None else day[1] if day is not None else 0) + skip
        if start + timedelta(days=when is None) <= now:
            return None
        return Timing(start=start, days=None if when is not None else 1), count
    return None


def read_crew(words: Sequence[str]) -> tuple[int, int, int] | None:
    """The least and the most who do it, and how many words say so: `crew 2-3`, `equipo 2 a 3`, `2-3 Leute`.

    None: they say none. The bounds may contradict each other: see `is_crew`.
    """
    said = _words(words)
    if len(said) > 1 and said[0] in _CREW_WORDS:
        for count in (3, 1):
            if found := _RANGE.fullmatch(" ".join(said[1 : 1 + count])):
                after = said[1 + count] in _PEOPLE_WORDS if len(said) > 1 + count else False
                return int(found[1]), int(found[2] or found[1]), 1 + min(count, len(said) - 1) + after
        return None
    for count in (3, 1):
        if len(said) > count and said[count] in _PEOPLE_WORDS and (found := _RANGE.fullmatch(" ".join(said[:count]))):
            return int(found[1]), int(found[2] or found[1]), count + 1
    return None


def is_crew(least: int, most: int) -> bool:
    """Whether so many can do something."""
    return 1 <= least <= most <= CREW_MAX


Part = Literal["timing", "length", "crew", "skill", "trainee"]


def begins(words: Sequence[str]) -> Part | None:
    """What else than a name the words begin to say; None: nothing, so that they go on with the name."""
    said = _words(words)
    if not said:
        return None
    if _LENGTH.fullmatch(said[0]) or (len(said) > 1 and said[0].isdecimal() and _LENGTH.fullmatch("".join(said[:2]))):
        return "length"
    if read_crew(words) is not None:
        return "crew"
    if said[0] in _SKILL_WORDS and len(said) > 1:
        return "skill"
    if said[0] in _TRAINEE_WORDS:
        return "trainee"
    return "timing" if begins_timing(words) else None


# --- when shifts are ---------------------------------------------------------------------------------------------


def occurrences(timing: Timing, zone: ZoneInfo, *, now: datetime) -> list[datetime]:
    """The wall times of all shifts that are not over yet and begin within `AHEAD`, earliest first."""
    until = now + AHEAD
    if timing.rule is None:
        found = [timing.start]
    else:
        last = until.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)
        # Begin as early as one could still go on, and a day for clock changes: instants decide.
        first = now.astimezone(zone).replace(tzinfo=None) - timedelta(days=(timing.days or 0) + 1)
        found = rrulestr(timing.rule, dtstart=timing.start).between(first, last, inc=True)
    return [
        local
        for local in found[: SHIFTS_MAX + 10]
        if instant(local, zone) <= until and _begins(timing, local, zone) > now
    ]


def _begins(timing: Timing, local: datetime, zone: ZoneInfo) -> datetime:
    """Until when it makes sense to have the shift still: what has begun is not made any more."""
    return instant(local if timing.days is None else local + timedelta(days=timing.days), zone)


def ends(timing: Timing, local: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant at which a shift is over."""
    if timing.days is not None:
        return instant(local + timedelta(days=timing.days), zone)
    return instant(local, zone) + timedelta(minutes=minutes)


def rating(said: Sequence[int], otherwise: int = RATING) -> int:
    """The median of what members said, 1 to 5; between two the higher one. `otherwise`: where nobody has said it."""
    if not said:
        return otherwise
    ordered, half = sorted(said), len(said) // 2
    return ordered[half] if len(said) % 2 else (ordered[half - 1] + ordered[half] + 1) // 2


# --- what committees often do ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A task as many committees have it. `names`: by language; ratings are a first guess until members say theirs."""

    names: Mapping[str, str]
    minutes: int
    crew: tuple[int, int]
    onerousness: int
    empowerment: int


def _usual(en: str, es: str, de: str, minutes: int, crew: tuple[int, int], onerousness: int, empowerment: int) -> Usual:
    names = {"en": en, "es": es, "de": de}
    return Usual(names=names, minutes=minutes, crew=crew, onerousness=onerousness, empowerment=empowerment)


TEMPLATES: Mapping[str, tuple[Usual, ...]] = {
    "food": (_usual("Food distribution", "Reparto de alimentos", "Lebensmittelausgabe", 180, (3, 6), 3, 2),),
    "picket": (_usual("Picket", "Piquete", "Streikposten", 240, (4, 8), 4, 2),),
    "assembly": (
        _usual("Assembly: chair", "Asamblea: moderación", "Versammlung: Moderation", 120, (1, 1), 2, 5),
        _usual("Assembly: minutes", "Asamblea: acta", "Versammlung: Protokoll", 150, (1, 1), 4, 3),
        _usual("Assembly: care", "Asamblea: cuidados", "Versammlung: Awareness", 120, (1, 2), 2, 3),
    ),
    "cleaning": (_usual("Cleaning", "Limpieza", "Putzen", 120, (2, 3), 4, 1),),
    "childcare": (_usual("Childcare", "Cuidado infantil", "Kinderbetreuung", 180, (2, 3), 3, 2),),
    "stewarding": (_usual("Stewarding", "Servicio de orden", "Ordnungsdienst", 180, (4, 10), 3, 3),),
}
"""What a committee can begin with; an assembly is three tasks, so that nobody does all of it."""


def template_named(name: str) -> Usual | None:
    """The usual task that a name means, in any language."""
    said = plain(" ".join(name.split()))
    every = (usual for tasks in TEMPLATES.values() for usual in tasks)
    return next((usual for usual in every if said in map(plain, usual.names.values())), None)
