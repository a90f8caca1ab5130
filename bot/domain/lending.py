"""Things that members lend each other: for how long, who comes next, when they are due back, and who is reminded.

All days are whole days in the committee's zone, and spans count their first and their last day. Lending costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from bot.domain.board import plain, read_day

DAYS_MAX = 365
ASK_BACK_DAYS = 3
"""Who asks for a thing back early, without a day, gives so many days for it."""


# --- what people write -------------------------------------------------------------------------------------------

_NUMBERS = {
    plain(word): number
    for number, words in enumerate(
        (
            "a an one un una uno ein eine einen einem einer",
            "two dos zwei",
            "three tres drei",
            "four cuatro vier",
            "five cinco fünf",
            "six seis sechs",
            "seven siete sieben",
            "eight ocho acht",
            "nine nueve neun",
            "ten diez zehn",
        ),
        start=1,
    )
    for word in words.split()
}
_UNITS = {
    plain(word): days
    for days, words in {
        1: "d day days día días tag tage tagen",
        7: "w week weeks semana semanas woche wochen",
        30: "month months mes meses monat monate monaten",
        3: "weekend finde wochenende",
    }.items()
    for word in words.split()
}
_BEFORE = r"(?:for|up to|at most|max\.?|maximum|por|durante|hasta|como mucho|maximo|fur|bis zu|hochstens|maximal)"
"""As `plain` writes it: without accents."""
_STRETCH = re.compile(rf"(?:{_BEFORE}\s+)*(?P<many>\d{{1,3}}|[^\W\d_]+)\s*(?P<unit>[^\W\d_]+)", re.IGNORECASE)
_FROM_TO = re.compile(
    r"(?:^|[\s,])(?:from|del?|desde(?:\s+el)?|von|vom|ab)\s+(?P<first>[^,]+?)"
    r"(?:\s+(?:to|until|till|al?|hasta(?:\s+el)?|bis(?:\s+zum)?)\s+(?P<last>[^,]+?))?$",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"(?:^|[\s,])(?:until|till|hasta(?:\s+el)?|bis(?:\s+zum)?)\s+(?P<last>[^,]+?)$", re.IGNORECASE)


def read_stretch(text: str) -> int | None:
    """A stretch of days, `1` to `DAYS_MAX`: `a week`, `3 days`, `10d`, `dos semanas`; None: it is none."""
    line = re.sub(r"fin(?:es)?\s+de\s+semana", "finde", plain(text).strip(" .,;!"))
    if line in ("weekend", "finde", "wochenende"):
        return _UNITS[line]
    found = _STRETCH.fullmatch(line)
    if found is None:
        return None
    many = int(found["many"]) if found["many"].isdigit() else _NUMBERS.get(found["many"])
    unit = _UNITS.get(found["unit"])
    if many is None or unit is None or not 1 <= many * unit <= DAYS_MAX:
        return None
    return many * unit


def _stretch_at_end(line: str) -> tuple[str, int] | None:
    """What stands before `for 3 days`, `, a week`, `2w` at the end of a line, and how many days that is."""
    words = line.split(" ")
    for count in range(min(5, len(words) - 1), 0, -1):
        head = " ".join(words[:-count]).strip(" ,")
        if head and (days := read_stretch(" ".join(words[-count:]))) is not None:
            return head, days
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """What a line such as `ladder, a week, two people carry it` says. `days`: the longest; None: not said."""

    words: str
    days: int | None


NAME_CHARACTERS_MAX = 60


def name_of(words: str) -> str:
    """What a thing is called: its words up to the first comma, and no more of them than fit a line."""
    name = words.partition(",")[0].strip() or words.strip()
    return name if len(name) <= NAME_CHARACTERS_MAX else name[: NAME_CHARACTERS_MAX - 1].rstrip() + "…"


def read_lent(line: str) -> Lent:
    """Read what somebody lends, and for how long at most. Whatever is not understood stays words."""
    parts = [" ".join(part.split()) for part in line.split(",")]
    parts = [part for part in parts if part]
    for at in range(1, len(parts)):
        if (days := read_stretch(parts[at])) is not None:
            return Lent(words=", ".join(parts[:at] + parts[at + 1 :]), days=days)
    words = ", ".join(parts)
    if (split := _stretch_at_end(words)) is not None:
        return Lent(words=split[0], days=split[1])
    return Lent(words=words, days=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a line such as `ladder from fri to sun` says. Without `first` it is wanted as soon as it can be had."""

    words: str
    days: int | None = None
    first: date | None = None
    last: date | None = None


def read_asked(line: str, *, today: date) -> Asked:
    """Read what somebody would like to borrow, and when. Whatever is not understood stays words."""
    line = " ".join(line.split()).rstrip(" ,;.!")
    if (split := _stretch_at_end(line)) is not None:
        before_it = read_asked(split[0], today=today)
        return Asked(words=before_it.words, days=split[1], first=before_it.first)
    for pattern in (_FROM_TO, _UNTIL):
        for start in range(len(line)):
            # A later word may be the one that is meant: “from” may stand in the name of the thing.
            found = pattern.match(line, start)
            days_ = _days_of(found.groupdict(), today=today) if found is not None else None
            if days_ is not None:
                return Asked(words=line[:start].strip(" ,"), first=days_[0], last=days_[1])
    return Asked(words=line)


def _days_of(said: Mapping[str, str | None], *, today: date) -> tuple[date | None, date | None] | None:
    """The first and the last day that were said; None: what was said are no days."""
    first = last = None
    if (word := said.get("first")) is not None and (first := read_day(word, today=today)) is None:
        # “from 12 to 15 jan”: the month is said once.
        end = read_day(said["last"], today=today) if said["last"] else None
        number = word.strip(" .")
        if end is None or not number.isdecimal() or not 1 <= int(number) <= end.day:
            return None
        return end.replace(day=int(number)), end
    if (word := said.get("last")) is not None and (last := read_day(word, today=first or today)) is None:
        return None
    return first, last


# --- who has it when ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days, the first and the last of them included."""

    first: date
    last: date

    def meets(self, other: Span) -> bool:
        """Whether they share a day."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody in the waiting line would like. Without `first`: as soon as it can be had, for `days`."""

    id: int
    days: int
    first: date | None = None
    last: date | None = None


def taken(span: Span, *, today: date, here: bool) -> Span:
    """The days that are not free: what is out (or not yet handed over) after its last day takes today too.

    `here`: it is out, so all days up to its last are taken, whenever it was to begin.
    """
    return Span(min(span.first, today) if here else span.first, max(span.last, today))


def fit(wish: Wish, spans: Iterable[Span], *, today: date, longest: int) -> Span | None:
    """The days that somebody can have the thing, at most `longest` after the first; None: they have to wait.

    Wanted on certain days, it is all of them or none. Wanted as soon as possible, it begins today, and ends before
    somebody else's begins.
    """
    spans = list(spans)
    days = max(1, min(wish.days, longest))
    if wish.first is not None or wish.last is not None:
        first = max(wish.first or today, today)
        last = min(wish.last or first + timedelta(days=days), first + timedelta(days=longest))
        whole = Span(first, last)
        return None if last < first or any(whole.meets(span) for span in spans) else whole
    if any(span.first <= today <= span.last for span in spans):
        return None
    return Span(today, _cut(today + timedelta(days=days), spans, after=today))


def _cut(last: date, spans: Iterable[Span], *, after: date) -> date:
    """The last day, moved before whatever begins after a day."""
    return min([last, *(span.first - timedelta(days=1) for span in spans if span.first > after)])


def passed(wish: Wish, *, today: date) -> bool:
    """Whether the days on which it was wanted are over."""
    return wish.last is not None and wish.last < today


def next_in_line(line: Sequence[Wish], spans: Iterable[Span], *, today: date, longest: int) -> tuple[int, Span] | None:
    """Who is offered the thing next, and for which days: the first in line for whom there are days; None: nobody."""
    spans = list(spans)
    for wish in line:
        if (span := fit(wish, spans, today=today, longest=longest)) is not None:
            return wish.id, span
    return None


def before(line: Sequence[Wish], id_: int) -> int:
    """How many are before somebody in the waiting line."""
    return next((place for place, wish in enumerate(line) if wish.id == id_), len(line))


def due_day(handed: date, wish: Wish, spans: Iterable[Span], *, longest: int) -> date:
    """When a thing is due back that is handed over on this day; `spans`: what others are promised."""
    latest = handed + timedelta(days=longest)
    wanted = wish.last if wish.last is not None and wish.last >= handed else handed + timedelta(days=max(1, wish.days))
    return max(handed, _cut(min(wanted, latest), spans, after=handed))


def longer(due: date, days: int, spans: Iterable[Span], *, today: date) -> date | None:
    """Until when it can be kept, so many days more (late: from today), before somebody else has it; None: it cannot."""
    last = _cut(max(due, today) + timedelta(days=days), spans, after=due)
    return last if last > max(due, today) else None


# --- reminders ---------------------------------------------------------------------------------------------------

State = Literal[
    "waiting", "offered", "asked", "promised", "out", "back", "returned", "declined", "withdrawn", "lapsed", "lost"
]
"""Of somebody's wish for a thing: in line, their turn, the owner is asked, the owner said yes, they have it, they say
that it is back, it is back; and what else ends it."""
COMING: Sequence[State] = ("offered", "asked", "promised")
HANDED: Sequence[State] = ("out", "back")
ALIVE: Sequence[State] = ("waiting", *COMING, *HANDED)

STEPS: Mapping[State, Sequence[int]] = {
    "offered": (3,),
    "asked": (2, 7),
    "promised": (1, 7),
    "out": (-1, 0, 1, 3, 7, 14),
    "back": (3, 10),
}
"""On which days somebody is reminded, in each state: counted from its beginning; for what is promised from the first
day on which it may be had, for what is out from the day on which it is due. The last ends the state. What is out stays
out: there both are told, with what they can do, and are left in peace."""


def ends(state: State, step: int) -> bool:
    """Whether this is the last step of the state."""
    return step == STEPS[state][-1]


def step_on(state: State, base: date, *, today: date) -> int | None:
    """The latest step that has come; None: none has."""
    return max((step for step in STEPS.get(state, ()) if base + timedelta(days=step) <= today), default=None)


def next_day(state: State, base: date, *, after: date) -> date | None:
    """The next day after this one on which there is a step; None: there is none any more."""
    days = (base + timedelta(days=step) for step in STEPS.get(state, ()))
    return min((day for day in days if day > after), default=None)
