"""What a calendar tells of a shift (RFC 5545): its name and its times, and nothing of who has a seat. Pure rules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.text import Written

BACK = timedelta(weeks=4)
"""So long a shift that is over stays in the calendar."""
EVENTS_MAX = 500
"""So many shifts a calendar holds; more than anybody looks at."""
REFRESH = timedelta(hours=4)
"""How often a calendar program is asked to look again."""
_FORM = 1
"""Raised when the same shifts are written otherwise: programs must then fetch them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A shift as a calendar takes it. `local`, `until`: wall times; `at`, `end`, `revised`: instants (UTC).

    `until`: it is done at any time before then; None: it begins at that time. `revision`: how often its times have
    changed; `draft`: whose it is may still change. `name` None: that is erased.
    """

    uid: str
    name: Written | None
    local: datetime
    until: datetime | None
    at: datetime
    end: datetime
    minutes: int
    revision: int
    revised: datetime
    draft: bool

    @property
    def days(self) -> tuple[date, date] | None:
        """The first day, and the day after the last, of what is done at any time; None: it has a time of its own."""
        return None if self.until is None else (self.local.date(), self.until.date())


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of a calendar, in words. `begins`, `ends`: instants, or the first day and the day after the last."""

    uid: str
    title: str
    text: str
    begins: datetime | date
    ends: datetime | date
    revision: int
    revised: datetime
    draft: bool


def uid(committee: str, task: int, local: datetime) -> str:
    """What a shift is known by in every calendar: the same whenever it is read again, so that it is never doubled.

    `committee`: its public id. A task has one shift at a wall time; row ids may come again for another shift.
    """
    said = f"{committee}:{task}:{local.isoformat()}"
    return f"{hashlib.sha256(said.encode()).hexdigest()[:32]}@solibot"


def mark(name: str, events: Sequence[Event]) -> str:
    """What is the same exactly as long as a calendar says the same: programs that have it are sent nothing."""
    return hashlib.sha256(repr((_FORM, name, tuple(events))).encode()).hexdigest()[:32]
