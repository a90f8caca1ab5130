"""What is left of an alert when it is over: its timeline, its figures, and who was there. Pure rules.

Like `alarm`, these look at the events as a set, in the order of when they happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.alarm import WITNESSES, Alarm, Event
from bot.text import Minutes

What = Literal["raised", "accepted", "confirmed", "first_coming", "first_there", "needs", "expires", "updated"]
Answer = Literal["yes", "no", "unknown"]

ASKED_AFTER = timedelta(hours=3)
"""So long after it is over, those who took part are asked how it was."""
ANSWERS_LEAST = 3
"""Fewer answers are shown to nobody: one could guess whose they are."""
UPDATES_MAX = 20
"""The newest of them are shown in a timeline."""
ON_THE_WAY = Minutes(120)
"""So much longer than the alert somebody may have been out for it: getting there and home again."""
_TOOK_PART = frozenset({"raised", "verified", "doubted", "coming", "brings", "arrived"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened, without names. `minutes`: since it was raised; `event`: whose words it may have."""

    what: What
    at: datetime
    minutes: int
    event: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The figures of an alert. `first_minutes`: until the first answer. `needs`: of how many kinds; `met`: of those."""

    witnesses: int
    told: int
    coming: int
    arrived: int
    first_minutes: int | None
    needs: int
    met: int

    @property
    def verified(self) -> bool:
        """Enough people stood for it."""
        return self.witnesses >= WITNESSES


def in_order(events: Iterable[Event], *, until: datetime) -> list[Event]:
    """Each event once, in the order of when they happened, up to the end of the alert."""
    once = {event.id: event for event in events if event.at <= until}
    return sorted(once.values(), key=lambda one: (one.at, one.id))


def took_part(events: Iterable[Event], *, until: datetime) -> frozenset[int]:
    """Whoever did more in it than to say that they cannot come."""
    return frozenset(
        one.member for one in in_order(events, until=until) if one.kind in _TOOK_PART and one.member is not None
    )


def responders(events: Iterable[Event], found: Alarm, *, until: datetime) -> frozenset[int]:
    """Whoever was there, or was on the way when it ended."""
    return frozenset(found.coming) | _arrived(in_order(events, until=until))


def _arrived(events: Sequence[Event]) -> frozenset[int]:
    return frozenset(one.member for one in events if one.kind == "arrived" and one.member is not None)


def counts(events: Iterable[Event], found: Alarm, *, raised_at: datetime, until: datetime, told: int) -> Counts:
    """The figures that are kept. `found`: what follows from the events."""
    ordered = in_order(events, until=until)
    answers = [one for one in ordered if one.kind in ("coming", "arrived", "cannot") and one.member is not None]
    arrived = _arrived(ordered)
    return Counts(
        witnesses=len(found.witnesses),
        told=told,
        coming=len(found.coming.keys() | arrived),
        arrived=len(arrived),
        first_minutes=_minutes(raised_at, answers[0].at) if answers else None,
        needs=len(found.needs),
        met=len(found.needs) - len(found.unmet),
    )


def timeline(events: Iterable[Event], *, raised_at: datetime, until: datetime) -> list[Moment]:
    """What happened when. Nobody can be told from it: the first of many is shown, and who doubted is not."""
    found: list[Moment] = []
    seen: set[str] = set()
    witnesses: set[int] = set()
    for event in in_order(events, until=until):
        what = _WHAT.get(event.kind)
        if event.kind in ("raised", "verified") and event.member is not None:
            witnesses.add(event.member)
        if event.kind == "verified" and len(witnesses) < WITNESSES:
            continue
        if what is None or (what in _ONCE and what in seen):
            continue
        seen.add(what)
        found.append(Moment(what=what, at=event.at, minutes=_minutes(raised_at, event.at), event=event.id))
    updates = [one for one in found if one.what == "updated"][:-UPDATES_MAX]
    return [one for one in found if one not in updates]


_WHAT: Mapping[str, What] = {
    "raised": "raised",
    "accepted": "accepted",
    "verified": "confirmed",
    "coming": "first_coming",
    "arrived": "first_there",
    "needs": "needs",
    "expires": "expires",
    "updated": "updated",
}
_ONCE = frozenset({"raised", "confirmed", "first_coming", "first_there"})


def _minutes(since: datetime, at: datetime) -> int:
    return max(0, (at - since) // timedelta(minutes=1))


def hours_most(*, raised_at: datetime, over_at: datetime) -> Minutes:
    """So long at most somebody was out for an alert: as long as it went on, and the way."""
    return Minutes(-((raised_at - over_at) // timedelta(minutes=1)) + ON_THE_WAY)


def tally(answers: Iterable[Answer | None]) -> Mapping[str, int] | None:
    """How many said what; None: too few did to tell it."""
    said = [one for one in answers if one is not None]
    if len(said) < ANSWERS_LEAST:
        return None
    return {"yes": said.count("yes"), "no": said.count("no"), "unknown": said.count("unknown")}
