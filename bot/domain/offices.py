"""Offices: who holds a role for how long, whose turn it is to organize, and who is not seen any more. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from bot.domain import consent, lot, recurrence
from bot.domain.grammar import folded
from bot.text import LANGUAGES, N, Reader, T, Text, Typed, shown

ENDS_AT = time(12)
"""The wall time at which a term ends, and at which people are reminded of it."""
WARNED_BEFORE = (timedelta(days=14), timedelta(days=2))
GRACE = timedelta(days=14)
"""The last organizer's term goes on so long at most, until there is a successor."""
ANSWER_WITHIN = timedelta(days=3)
"""Whoever is asked to organize has so long; then the next one is asked."""
VANISHED_AFTER_DAYS = 30
BACK_WITHIN_DAYS = 7
"""Whoever has not been seen is asked, and has so long to say so."""
STRETCH_DAYS_MAX = 3 * 366

Unit = Literal["days", "weeks", "months", "years"]

_WORDS: dict[Unit, str] = {
    "days": "d day days día días dia dias tag tage tagen t",
    "weeks": "w wk week weeks semana semanas sem woche wochen",
    "months": "mo month months mes meses monat monate monaten",
    "years": "y year years año años ano anos jahr jahre jahren j a",
}
_UNITS: dict[str, Unit] = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_STRETCH = re.compile(r"([0-9]{1,3})\s*([^\W\d_]+)\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the calendar: `3 months`, `60d`."""

    count: int
    unit: Unit

    @property
    def words(self) -> Text:
        """The stretch in words."""
        match self.unit:
            case "days":
                return N("{n} day", "{n} days", self.count)
            case "weeks":
                return N("{n} week", "{n} weeks", self.count)
            case "months":
                return N("{n} month", "{n} months", self.count)
            case "years":
                return N("{n} year", "{n} years", self.count)


def read_stretch(words: Sequence[str]) -> tuple[Stretch, int] | None:
    """The stretch at the beginning of the words, and how many of them it takes; None: there is none."""
    for count in (2, 1):
        found = _STRETCH.fullmatch(folded(" ".join(words[:count]))) if len(words) >= count else None
        unit = _UNITS.get(found.group(2)) if found else None
        if found and unit and int(found.group(1)):
            return Stretch(count=int(found.group(1)), unit=unit), count
    return None


def days(stretch: Stretch) -> int:
    """How many days a stretch has, a month counted as 30 and a year as 365."""
    return stretch.count * {"days": 1, "weeks": 7, "months": 30, "years": 365}[stretch.unit]


def term_ends(begins: datetime, stretch: Stretch, zone: ZoneInfo) -> datetime:
    """When a term that begins now ends: at noon of the day that the calendar gives. The 31st becomes the last day."""
    day = begins.astimezone(zone).date() + relativedelta(**{stretch.unit: stretch.count})  # type: ignore[arg-type]
    return recurrence.instant(datetime.combine(day, ENDS_AT), zone)


Step = Literal["first warning", "last warning", "end", "end of grace"]
STEPS: tuple[Step, ...] = ("first warning", "last warning", "end", "end of grace")


def next_step(ends: datetime, *, after: datetime) -> tuple[Step, datetime] | None:
    """What comes next in a term that ends then, strictly after an instant; None: nothing more."""
    moments = (ends - WARNED_BEFORE[0], ends - WARNED_BEFORE[1], ends, ends + GRACE)
    return next(((step, at) for step, at in zip(STEPS, moments, strict=True) if at > after), None)


def goes_on(ends: datetime, *, role: str, others: int, now: datetime) -> bool:
    """Whether a term that is over goes on for a while: nobody is left without an organizer from one day to the next.

    `others`: how many other organizers there are, those who have vanished left out.
    """
    return role == "organizer" and others == 0 and now < ends + GRACE


def wanted(organizers: Sequence[str]) -> Text | None:
    """What to say when organizers have become few; None: there are enough. `organizers`: their names."""
    command = Typed("/organizer @name")
    if not organizers:
        return T(
            "There is no organizer now. Any member can propose one, and a majority decides within 24 hours: {command}",
            command=command,
        )
    if len(organizers) < consent.ORGANIZERS_NEEDED:
        return T(
            "{name} is the only organizer now. A second one is needed: {command}", name=organizers[0], command=command
        )
    return None


# --- the rotation ------------------------------------------------------------------------------------------------

Reason = Literal["never", "longest ago", "lot", "deficit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A member as the rotation sees them. `organized_until`: when they last stopped organizing; None: never did."""

    member: int
    joined_at: datetime
    organized_until: datetime | None
    willing: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whose turn it is, and why."""

    member: int
    why: Reason


def successors(
    candidates: Iterable[Candidate],
    *,
    voting: AbstractSet[int],
    organizers: AbstractSet[int],
    passed: AbstractSet[int] = frozenset(),
) -> list[Turn]:
    """Whom to ask to organize, in this order: who never has; then who stopped longest ago; ties by who joined first.

    Only those with a vote, so no children, newcomers, suspended or spoken-for people; nobody who organizes already,
    has said no for good, or has `passed` this time.
    """
    possible = [
        one
        for one in candidates
        if one.willing and one.member in voting and one.member not in organizers and one.member not in passed
    ]
    beginning = datetime.min.replace(tzinfo=UTC)
    possible.sort(key=lambda one: (one.organized_until or beginning, one.joined_at, one.member))
    return [Turn(member=one.member, why="never" if one.organized_until is None else "longest ago") for one in possible]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What somebody has had lately. `roles`: how many other roles they hold; `power`: minutes x empowerment of their
    shifts; `share`: agreed minutes a month; `here`: they are not away."""

    roles: int
    power: int
    share: int
    here: bool = True


def least_first(turns: Sequence[Turn], loads: Mapping[int, Load]) -> list[Turn]:
    """Those turns by empowerment deficit: who holds no other role first, then who has had the least empowering work for
    their share; who agreed to no hours comes last. Where that is equal, the order stays as it was."""

    def key(turn: Turn) -> tuple[bool, int, Fraction]:
        load = loads[turn.member]
        return not load.share, load.roles, Fraction(load.power, load.share or 1)

    return [Turn(member=one.member, why="deficit") for one in sorted(turns, key=key)]


def drawn(turns: Sequence[Turn], announced: str, term: int) -> list[Turn]:
    """Those turns by lot."""
    order = lot.order(announced, term, (str(one.member) for one in turns))
    return [Turn(member=int(member), why="lot") for member in order]


# --- those who are not seen any more -------------------------------------------------------------------------------

Presence = Literal["here", "ask", "asked", "vanishes", "vanished", "back"]


def presence(
    *, seen_on: date, asked_on: date | None, vanished_on: date | None, today: date, after_days: int
) -> Presence:
    """Whether somebody is still there. `seen_on`: the last day on which they said or pressed something.

    Not seen for `after_days`, they are to be asked; a week later, unless they were seen, they count as vanished; seen
    again, they are back.
    """
    if vanished_on is not None:
        return "back" if seen_on >= vanished_on else "vanished"
    if asked_on is not None and seen_on < asked_on:
        return "vanishes" if (today - asked_on).days >= BACK_WITHIN_DAYS else "asked"
    return "ask" if (today - seen_on).days >= after_days else "here"


# --- what roles are called ---------------------------------------------------------------------------------------

# What a committee usually needs. Others may be named freely; these are shown in everybody's language.
KNOWN = {
    "organizer": T("organizer"),
    "care": T("care"),
    "teller": T("teller"),
    "delegate": T("delegate"),
    "legal": T("legal"),
    "guest": T("guest"),
    "treasurer": T("treasurer"),
}


def titled(role: str) -> Text | str:
    """A role as it is shown."""
    return KNOWN.get(role, role)


@cache
def _spellings() -> dict[str, str]:
    """The known roles by what people call them. Not before somebody names one: all translations are read for it."""
    return {folded(shown(label, Reader(language))): name for name, label in KNOWN.items() for language in LANGUAGES} | {
        name: name for name in KNOWN
    }


def spelled(word: str) -> str | None:
    """The role that is known by this word, in any language; None: it is none of those."""
    return _spellings().get(folded(word))
