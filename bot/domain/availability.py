"""When somebody can take a task, and which: weekdays and parts of the day, days away, and what they wish of tasks.

Days are of the committee's zone; spans of days hold both their first and their last.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from bot.domain.board import found_by, plain, read_day
from bot.domain.rotation import ALWAYS, PARTS, Part, Slot

AT_DAY: tuple[Part, ...] = ("morning", "afternoon", "evening")
"""What a day means where no part of it is said: nobody means the night by it."""
USUAL: frozenset[Slot] = frozenset((day, part) for day in range(7) for part in AT_DAY)
"""For whoever has said nothing: any time but the night."""
SHARE_MAX = 100 * 60
"""So many minutes a month at most: more would be a slip of the finger."""

Away = tuple[date, date]
AWAY_DAYS_MAX = 366
AWAY_MAX = 20
"""So many absences one member may have ahead."""
LATE_DAYS = 31
"""So long afterwards somebody may still say that they were away."""

Wish = Literal["like", "dislike", "veto"]
WISHES: Sequence[Wish] = get_args(Wish)
WISHES_MAX = 30
"""For so many tasks one member may have a wish."""
APART_MAX = 10
"""So many people one member may want not to be put together with."""
KEY_CHARACTERS_MAX = 60


# --- weekdays and parts of the day -----------------------------------------------------------------------------------

_DAYS = {
    plain(name): day
    for day, names in enumerate(
        (
            "monday mondays mon lunes lun montag montags mo",
            "tuesday tuesdays tue tues martes mar dienstag dienstags di",
            "wednesday wednesdays wed miércoles mié mittwoch mittwochs mi",
            "thursday thursdays thu thur thurs jueves jue donnerstag donnerstags do",
            "friday fridays fri viernes vie freitag freitags fr",
            "saturday saturdays sat sábado sábados sáb samstag samstags sonnabend sa",
            "sunday sundays sun domingo domingos dom sonntag sonntags so",
        )
    )
    for name in names.split()
}
_PART_NAMES: Sequence[tuple[Part, str]] = (
    ("night", "night nights madrugada madrugadas nacht nachts nächte"),
    ("morning", "morning mornings mañana mañanas morgen morgens vormittag vormittags vormittage früh"),
    ("afternoon", "afternoon afternoons tarde tardes nachmittag nachmittags nachmittage"),
    # “Noche” is when people meet after work; the hours after midnight are “la madrugada”.
    ("evening", "evening evenings noche noches abend abends abende"),
)
_PARTS: Mapping[str, Part] = {plain(name): part for part, names in _PART_NAMES for name in names.split()}
_RUNS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("weekday", "weekdays", "laborables", "werktags", "werktage", "wochentags"), tuple(range(5))),
    **dict.fromkeys(("weekend", "weekends", "wochenende", "wochenenden"), (5, 6)),
    **dict.fromkeys(("daily", "everyday", "diario", "taglich"), tuple(range(7))),
}
_PHRASES: Mapping[str, str] = {
    "entre semana": "weekdays",
    "fin de semana": "weekend",
    "fines de semana": "weekend",
    "every day": "daily",
    "any day": "daily",
    "all days": "daily",
    "todos los dias": "daily",
    "cada dia": "daily",
    "a diario": "daily",
    "jeden tag": "daily",
    "alle tage": "daily",
}
_WHOLE = frozenset(("always", "siempre", "immer"))
_NEVER = frozenset(("never", "nunca", "nie", "none"))
_TO = frozenset(("-", "–", "—", "to", "till", "until", "through", "a", "al", "hasta", "bis"))
_SMALL_WORDS = """
    on in the at and every all also i can day days from & +
    el la los las en de del desde por y e dia dias puedo tambien
    am im der die das und jeden jede alle von vom tag kann ich auch
"""
_SMALL = frozenset(_SMALL_WORDS.split())
_TOKEN = re.compile(r"[^\W\d_]+|[-–—,;/&+]|\S")


def read_slots(line: str) -> frozenset[Slot] | None:
    """The times that a line means, in English, Spanish or German: `mon evening, sat`, `lunes a viernes por la tarde`,
    `Mo–Fr abends, Sa`, `always`, `never`; None: something in it is none.

    A day without a part is the day without its night; parts without a day are those of every day.
    """
    text = " ".join(plain(line).split())
    for phrase, word in _PHRASES.items():
        text = re.sub(rf"\b{phrase}\b", word, text)
    tokens = [one for one in _TOKEN.findall(text) if one != "."]
    said = [token for token in tokens if token not in _SMALL and token not in (",", ";")]
    if said and all(token in _WHOLE for token in said):
        return ALWAYS
    if said and all(token in _NEVER for token in said):
        return frozenset()
    return _grouped(tokens)


def _grouped(tokens: Sequence[str]) -> frozenset[Slot] | None:
    found: set[Slot] = set()
    days: list[int] = []
    parts: list[Part] = []
    led = ranging = ended = False
    """`led`: the group began with a part of the day; `ranging`: “to” stands behind a day; `ended`: a comma."""

    def close() -> None:
        nonlocal led
        found.update((day, part) for day in (days or (range(7) if parts else ())) for part in (parts or AT_DAY))
        days.clear()
        parts.clear()
        led = False

    for token in tokens:
        if token in (",", ";", "/"):
            ended, ranging = True, False
        elif token in _DAYS or token in _RUNS:
            if days and (parts or ended):
                close()
            run = (_DAYS[token],) if token in _DAYS else _RUNS[token]
            if ranging and days and token in _DAYS:
                run = tuple((days[-1] + step) % 7 for step in range((run[0] - days[-1]) % 7 + 1))
            days.extend(run)
            ended = ranging = False
        elif token in _PARTS:
            if ended and led:
                close()
            led |= not days and not parts
            parts.append(_PARTS[token])
            ended = ranging = False
        elif token in _TO and days and not parts:
            ranging = True
        elif token not in _SMALL and token not in _TO:
            return None
    close()
    return frozenset(found) or None


@dataclass(frozen=True, slots=True)
class Run:
    """Days in a row, from first to last, with the same parts of the day; without any: the day without its night."""

    first: int
    last: int
    parts: tuple[Part, ...]


def runs(slots: Collection[Slot]) -> list[Run]:
    """The times as few runs of days, in the order of the week: how they are told."""
    found: list[Run] = []
    for day in range(7):
        parts = tuple(part for part in PARTS if (day, part) in slots)
        if not parts:
            continue
        told = () if parts == AT_DAY else parts
        if found and found[-1].last == day - 1 and found[-1].parts == told:
            found[-1] = Run(found[-1].first, day, told)
        else:
            found.append(Run(day, day, told))
    return found


_SHORT = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def line_of(slots: Collection[Slot]) -> str:
    """The times as one line of English, which `read_slots` reads back: how they are kept."""
    if not slots:
        return "never"
    if frozenset(slots) >= ALWAYS:
        return "always"
    return ", ".join(
        " ".join((_SHORT[run.first] + (f"-{_SHORT[run.last]}" if run.last > run.first else ""), *run.parts))
        for run in runs(slots)
    )


def set_part(slots: Collection[Slot], day: int, part: Part, *, on: bool) -> frozenset[Slot]:
    """The times with one part of one weekday in it, or not."""
    return frozenset(slots) | {(day, part)} if on else frozenset(slots) - {(day, part)}


def set_day(slots: Collection[Slot], day: int, parts: Iterable[Part]) -> frozenset[Slot]:
    """The times with these parts of one weekday, and no others of it."""
    return frozenset(slot for slot in slots if slot[0] != day) | {(day, part) for part in parts}


# --- away ------------------------------------------------------------------------------------------------------------

_BETWEEN = re.compile(r"\s+(?:to|till|until|through|a|al|hasta(?:\s+el)?|bis(?:\s+zum)?)\s+|\s*[–—]\s*|\s+-\s+")
_UNTIL = re.compile(r"^(?:until|till|hasta(?:\s+el)?|bis(?:\s+zum)?)\s+")
_FROM = re.compile(r"^(?:from|on|desde(?:\s+el)?|del?|el|vom|von|am|ab)\s+")
_NUMBERS = re.compile(r"^(\d{1,2})\.?\s*(?:-|–|—|\s(?:to|a|al|bis)\s)\s*(\d{1,2})(\D.*)$")
_HYPHEN = re.compile(r"(?<=\D)-(?=\D)|(?<=\d)-(?=\d{1,2}[./])|(?<=\.)-(?=\d)|(?<=[^\W\d_])-(?=\d)")
_MARCH = re.compile(r"(?<=\d )mar\b\.?|(?<=\d\. )mar\b\.?|\bmar\.?(?= \d)")
"""Beside a number it is March; alone it is Tuesday in Spanish."""
_YEAR = re.compile(r"\d{4}")
_PLAIN_DAYS_MAX = 200
"""Days that are further apart without a year are the wrong way round: `14 feb to 1 feb`."""
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")


def read_away(line: str, *, today: date) -> Away | None:
    """From when to when somebody is away: `1 feb to 14 feb`, `1-14 feb`, `del 1 al 14 de febrero`, `1.2. bis 14.2.`,
    `until 14 feb`, `fri`; None: it is none. It may have begun, up to 31 days ago.

    A first and last day in the wrong order, or more than a year, is none.
    """
    text = _MARCH.sub("march", " ".join(line.split()).strip(" ,;!").lower())
    if (found := _NUMBERS.match(_FROM.sub("", text))) is not None:
        # “1-14 feb”: the month stands once.
        return _span(f"{found[1]}{_glue(found[3])}", f"{found[2]}{_glue(found[3])}", today)
    if (last := _UNTIL.sub("", text)) != text:
        end = read_day(last, today=today)
        return None if end is None else _sound(today, end)
    text = _FROM.sub("", text)
    halves = _BETWEEN.split(text)
    if len(halves) == 1 and not _ISO_DAY.fullmatch(text):
        halves = _HYPHEN.split(text)
    if len(halves) == 1:
        return _span(text, text, today)
    if len(halves) == 2 and all(halves):
        # “1 to 14 feb” and “1 al 14 de febrero” name the month once as well.
        first = halves[0]
        if first.rstrip(".").isdigit():
            month = re.sub(r"^\d{1,2}\.?", "", _FROM.sub("", halves[1]))
            first += _glue(month) if month != halves[1] else ""
        return _span(first, _FROM.sub("", halves[1]), today)
    return None


def _glue(rest: str) -> str:
    return rest if rest.startswith((" ", ".", "/")) else f" {rest}"


def _span(first: str, last: str, today: date) -> Away | None:
    begin = read_day(first, today=today)
    lately = read_day(first, today=today - timedelta(days=LATE_DAYS))
    if lately is not None and lately < today and (begin is None or begin - lately > timedelta(days=300)):
        begin = lately
    if begin is None:
        return None
    end = begin if last == first else read_day(last, today=begin)
    if end is None or (not _YEAR.search(last) and (end - begin).days > _PLAIN_DAYS_MAX):
        return None
    return _sound(begin, end)


def _sound(first: date, last: date) -> Away | None:
    return (first, last) if 0 <= (last - first).days < AWAY_DAYS_MAX else None


def merged(spans: Iterable[Away]) -> tuple[Away, ...]:
    """The same days as few spans, in order: those that overlap or follow each other become one."""
    found: list[Away] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def back(spans: Iterable[Away], span: Away, *, today: date) -> tuple[Away, ...]:
    """What is left when somebody is not away on this span after all: of its days only those that have passed."""
    first, last = span
    left: list[Away] = []
    gone = max(first, today)
    for begin, end in spans:
        if end < gone or begin > last:
            left.append((begin, end))
            continue
        if begin < gone:
            left.append((begin, gone - timedelta(days=1)))
        if end > last:
            left.append((last + timedelta(days=1), end))
    return merged(left)


# --- what somebody wishes of tasks -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as wishes see it. `kind`: the id of its kind of task; `names`: what it is called, in any language."""

    id: str
    kind: int | None = None
    names: tuple[str, ...] = ()


def kind_key(id_: int) -> str:
    """How a wish for a kind of task is kept."""
    return f"kind:{id_}"


def task_key(id_: str) -> str:
    """How a wish for one task is kept."""
    return f"task:{id_}"


def words_key(words: str) -> str:
    """How a wish for tasks that are called so is kept."""
    return f"words:{' '.join(words.split())}"


def wish_for(task: Task, wishes: Mapping[str, Wish]) -> Wish | None:
    """What somebody wishes of this task: what they said of itself, else of its name, else of its kind.

    Where their words say different things of it, a veto comes first, then a dislike.
    """
    if (own := wishes.get(task_key(task.id))) is not None:
        return own
    called = [
        wish
        for key, wish in wishes.items()
        if key.startswith("words:") and any(_called(key.removeprefix("words:"), name) for name in task.names)
    ]
    if called:
        return max(called, key=WISHES.index)
    return None if task.kind is None else wishes.get(kind_key(task.kind))


def _called(words: str, name: str) -> bool:
    return plain(words) == plain(name) or found_by(words, name)


# --- skills ----------------------------------------------------------------------------------------------------------

SKILLS_MAX = 30
"""So many skills a committee may tell apart, so that they fit on a phone."""
SKILL_CHARACTERS_MAX = 30
GRANTS = 2
"""So many who have a skill must say that somebody has it too."""


def skill_name(said: str) -> str | None:
    """A skill as it is called here: `first_aid` and `First aid` are the same; None: that is no name."""
    name = " ".join(said.replace("_", " ").split()).strip(" .,;:!")
    return name if name and len(name) <= SKILL_CHARACTERS_MAX and any(one.isalpha() for one in name) else None


def skill_key(name: str) -> str:
    """A skill's name as it is compared, without letter case, accents and underscores: how a seat names its skill."""
    return plain(" ".join(name.replace("_", " ").split()))
