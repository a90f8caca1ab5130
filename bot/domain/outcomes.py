"""What came of a decision: who does what by when, when it is looked at again, and until when it holds. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.grammar import folded
from bot.domain.pollline import read_moment

TASKS_MAX = 8
TASK_CHARACTERS_MAX = 120
REMINDED_BEFORE = timedelta(days=14)
"""So long before a decision lapses the committee is reminded; half of its time where that is shorter."""
TASK_REMINDED_BEFORE = timedelta(days=1)

_BY = re.compile(
    r"\s(?:by|until|till|para el|para la|para|antes del|antes de|hasta el|hasta|bis zum|bis)\s", re.IGNORECASE
)
_ENDS = re.compile(r"(?:[.;!]+(?=\s|$))|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Somebody's part: `who`, as it was written; `what` they do; `by` when, a wall time."""

    who: str
    what: str
    by: datetime


def sentences(text: str) -> list[str]:
    """The sentences of a statement, without what ends them."""
    return [part for part in (piece.strip(" ,") for piece in _ENDS.split(text)) if part]


def tasks(text: str, *, now: datetime, names: Iterable[str] = ()) -> list[Task]:
    """The sentences that say who does what by when: `Ana buys paint by fri 18:00`, `@eli fährt bis Sa`.

    `now`: the wall time; `names`: what members are called by, folded. Other sentences are left alone.
    """
    known = frozenset(names)
    found = []
    for sentence in sentences(text):
        who, _, rest = sentence.partition(" ")
        who = who.rstrip(",:")
        if not (who.startswith("@") and len(who) > 1) and folded(who) not in known:
            continue
        task = _task(who, rest.strip(), now=now)
        if task is not None:
            found.append(task)
    return found[:TASKS_MAX]


def _task(who: str, rest: str, *, now: datetime) -> Task | None:
    for gap in reversed(list(_BY.finditer(rest))):
        try:
            by = read_moment(rest[gap.end() :].split(), now=now)
        except ValueError:
            continue
        what = rest[: gap.start()].strip(" ,")
        if what and len(what) <= TASK_CHARACTERS_MAX and by > now:
            return Task(who=who, what=what, by=by)
    return None


def reminder_before_lapse(decided: datetime, lapses: datetime) -> datetime:
    """When the committee is reminded that a decision will lapse."""
    return max(lapses - REMINDED_BEFORE, decided + (lapses - decided) / 2)


def lapses_again(lapses: datetime, days: int, *, now: datetime) -> datetime:
    """Until when a renewed decision holds: as long again, from the end of its time."""
    return max(lapses, now) + timedelta(days=days)


def review_said(totals: Sequence[tuple[str, int]], *, passed: bool) -> str:
    """What a review came to: `keep`, `change` or `drop`.

    It is dropped only where more than half of those who take a side say so; where neither keeping nor dropping has
    that, it is to be changed, since that can still lead to either.
    """
    if passed:
        return "keep"
    said = dict(totals)
    sides = sum(said.get(key, 0) for key in ("keep", "change", "drop"))
    return "drop" if 2 * said.get("drop", 0) > sides else "change"
