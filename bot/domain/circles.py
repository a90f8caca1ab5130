"""Working groups: how they are called, who ends them, and when to propose several small ones instead of one big one."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.text import Refusal, T

NAME_CHARACTERS_MAX = 40
GROUPS_MAX = 30
ORGANIZERS_NEEDED = 2
END_WITHIN = timedelta(days=7)
"""Who wanted a group to end longer ago than this does not count any more."""
SIZE_LEAST = 5
SIZE_MOST = 10_000
PROPOSED_EVERY = timedelta(days=30)
SMALL = 8
"""In a group of so many everybody can still speak at a meeting."""


def name(typed: str) -> str:
    """A group's name as it is kept: one line. Raises Refusal."""
    found = " ".join(typed.split())
    if len(found) > NAME_CHARACTERS_MAX or not any(letter.isalpha() for letter in found):
        raise Refusal(T("A name needs a letter and at most {n} characters.", n=NAME_CHARACTERS_MAX))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Whether a group ends: the ids of its members and of the committee's organizers, those with a vote only.

    It takes more than half of its members, or two organizers.
    """

    members: AbstractSet[int]
    organizers: AbstractSet[int]
    wanted_by: AbstractSet[int]

    @property
    def members_missing(self) -> int:
        """How many more of its members must want it; a group without members is ended by organizers only."""
        return max(0, len(self.members) // 2 + 1 - len(self.members & self.wanted_by))

    @property
    def organizers_missing(self) -> int:
        """How many more organizers must want it."""
        return max(0, ORGANIZERS_NEEDED - len(self.organizers & self.wanted_by))

    @property
    def carried(self) -> bool:
        """Enough of those who count want it."""
        return self.members_missing == 0 or self.organizers_missing == 0

    def counts(self, member: int) -> bool:
        """Whether this member's word counts."""
        return member in self.members or member in self.organizers


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The last time that small groups were proposed. `below`: since then there were no more than the size."""

    at: datetime
    below: bool


def proposes(*, size: int, count: int, last: Proposed | None, now: datetime) -> bool:
    """Whether to propose small groups now: beyond the size; and again only after a while, or when passed anew."""
    return count > size and (last is None or last.below or now - last.at >= PROPOSED_EVERY)


def parts(count: int) -> int:
    """Into how many small groups so many people go; at least two."""
    return max(2, round(count / SMALL))
