"""When it goes wrong between people: how long what lasts, who may do what about whom, and whom a request reaches."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.grammar import folded

SUSPENDED_FOR = timedelta(days=7)
AGAIN_WITHIN = timedelta(days=30)
"""Whoever was suspended so long ago or less is suspended again only by a majority."""
REPLY_WITHIN = timedelta(hours=72)
DECIDED_WITHIN = timedelta(days=7)
APPEAL_WITHIN = timedelta(days=30)
CARERS_ASKED = 2


def is_suspended(until: datetime | None, *, now: datetime) -> bool:
    """Whether somebody whose suspension ends, or ended, then is suspended now."""
    return until is not None and now < until


def needs_majority(last_began: datetime | None, *, now: datetime) -> bool:
    """Whether a suspension takes the majority: the last one of the same person began not long ago."""
    return last_began is not None and now - last_began <= AGAIN_WITHIN


def may_open(askers: Collection[int], organizers: AbstractSet[int], *, concerned: int) -> bool:
    """Whether these members can open the question whether somebody is excluded: an organizer, or any two."""
    others = set(askers) - {concerned}
    return bool(others & organizers) or len(others) >= 2


def may_appeal(decided_at: datetime, *, appealed: bool, now: datetime) -> bool:
    """Whether a decision can still be appealed: in time, and once."""
    return not appealed and now - decided_at <= APPEAL_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Carer:
    """Somebody whom a request for care may reach. `tier`: 0 has the role, 1 organizes, 2 is any member."""

    id: int
    tier: int
    asked: int
    """How often they were asked before."""
    last_asked: datetime | None
    names: tuple[str, ...]
    """All that they are called, folded: names, first names, nicknames, usernames."""


def named(words: str, names: Iterable[str]) -> bool:
    """Whether the words name somebody who is called by these (folded) names. One hit too many does no harm."""
    said = _spaced(folded(words))
    return any(_spaced(name) in said for name in names if name.strip())


def _spaced(text: str) -> str:
    return f" {' '.join(_WORDS.findall(text))} "


_WORDS = re.compile(r"\w+")


def carers(people: Sequence[Carer], words: str, *, never: AbstractSet[int], count: int) -> list[int]:
    """The ids of those who are asked: whoever has the role first, and among equals who was asked least, longest ago.

    Whoever the words name is never asked, nor is anybody in `never`.
    """
    free = [person for person in people if person.id not in never and not named(words, person.names)]
    free.sort(key=lambda one: (one.tier, one.asked, one.last_asked.timestamp() if one.last_asked else 0.0, one.id))
    return [person.id for person in free[:count]]
