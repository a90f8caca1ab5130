"""How linked committees decide about each other: who is expelled, frozen, and where they move. Pure rules.

Each committee computes the result for itself from what the others have signed. What they signed comes in any order,
late and more than once: the same set of statements gives the same result everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.envelope import FUTURE

EXPEL_WITHIN = timedelta(days=14)
"""A vote that was signed later does not count."""
FREEZE_TOGETHER = timedelta(hours=1)
"""Two committees must say so within this time of each other."""
FROZEN_FOR = timedelta(hours=24)
FREEZE_AGAIN_AFTER = timedelta(days=7)
"""The same two cannot freeze the same committee again before."""


# --- expelling ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Somebody asks to expel `accused`. `voters`: who may vote, frozen when it was signed; whoever asks is one."""

    accused: str
    asked_by: str
    voters: frozenset[str]
    sent: datetime

    @property
    def sound(self) -> bool:
        """Whether it can be voted on at all."""
        return self.accused not in self.voters and self.asked_by in self.voters


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What a committee says to a case. `sent`: as it was signed."""

    author: str
    yes: bool
    sent: datetime


def agreeing(case: Case, votes: Iterable[Vote]) -> frozenset[str]:
    """Who has said yes, of those who may vote and in time. Once said it stands: else the order of arrival counted."""
    said = {vote.author for vote in votes if vote.yes and vote.sent <= case.sent + EXPEL_WITHIN}
    return frozenset(case.voters & (said | {case.asked_by}))


def expelled(case: Case, votes: Iterable[Vote], *, known: Iterable[str]) -> bool:
    """Whether two thirds have agreed.

    `known`: who was in when it was asked, as it is known here. Whoever is left out of the frozen list counts as if they
    had not agreed, so that nobody can make two thirds by leaving the others out.
    """
    if not case.sound:
        return False
    everybody = (case.voters | set(known)) - {case.accused}
    return 3 * len(agreeing(case, votes)) >= 2 * len(everybody)


# --- freezing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A committee asks to freeze another."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Two committees have frozen another."""

    begins: datetime
    by: frozenset[str]

    @property
    def ends(self) -> datetime:
        """It ends by itself."""
        return self.begins + FROZEN_FOR


def freezes(calls: Iterable[Call]) -> list[Freeze]:
    """The times for which a committee is frozen, from all that ask for it, in whatever order they came."""
    found: list[Freeze] = []
    before: list[Call] = []
    for call in sorted(set(calls)):
        for other in reversed(before):
            if call.at - other.at > FREEZE_TOGETHER:
                break
            pair = frozenset({call.by, other.by})
            again = any(one.by == pair and call.at - one.begins < FREEZE_AGAIN_AFTER for one in found)
            if len(pair) == 2 and not again:
                found.append(Freeze(begins=call.at, by=pair))
                break
        before.append(call)
    return found


def frozen_until(calls: Iterable[Call], *, now: datetime) -> Freeze | None:
    """The freeze that goes on now and ends last; None: none does."""
    # Whoever's clock is ahead has signed it a little later than now, and it is so at once.
    running = [one for one in freezes(calls) if one.begins - FUTURE <= now < one.ends]
    return max(running, key=lambda one: (one.ends, sorted(one.by)), default=None)


# --- moving ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Move:
    """To which wire: the `epoch`th of the federation, on a network, made by the host's bot."""

    epoch: int
    network: str
    host: str


def moved(said: Iterable[tuple[str, Move]], members: Iterable[str], *, epoch: int) -> Move | None:
    """Where more than half of the committees want to move, from this epoch on; None: nowhere."""
    inside = set(members)
    wanted: dict[Move, set[str]] = {}
    for author, move in said:
        if author in inside and move.epoch > epoch and move.host in inside:
            wanted.setdefault(move, set()).add(author)
    return max((move for move, authors in wanted.items() if 2 * len(authors) > len(inside)), default=None)


# --- keys --------------------------------------------------------------------------------------------------------

RECIPIENT_FOR = timedelta(days=7)
SIGNING_FOR = timedelta(days=70)
"""So long a signing key is in use before the next one is told."""
TOLD_BEFORE = timedelta(days=14)
"""The next signing key is told so long before it signs: whoever was away must know it by then."""
KEPT_FOR = timedelta(days=14)
"""So long the secret halves are kept after others have taken their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a root key has spoken for: `signing` is the name of the signing key."""

    signing: str
    begins: datetime
    ends: datetime


Change = Literal["none", "recipient", "both"]


def change_due(keys: Sequence[Key], *, now: datetime) -> Change:
    """What is to change now. `keys`: newest first. The recipient changes weekly, the signing key before 90 days."""
    newest = keys[0]
    if newest.begins > now:
        return "none"
    first = min(one.begins for one in keys if one.signing == newest.signing)
    if now - first >= SIGNING_FOR or newest.ends - now < TOLD_BEFORE:
        return "both"
    return "recipient" if now - newest.begins >= RECIPIENT_FOR else "none"


def over(keys: Sequence[Key], *, now: datetime) -> list[int]:
    """The places of the keys whose secret halves are to be destroyed. `keys`: newest first."""
    return [place for place in range(1, len(keys)) if keys[place - 1].begins + KEPT_FOR <= now]


# --- visitors ----------------------------------------------------------------------------------------------------

_CONTACT = re.compile(
    r"""\S*(?:://|www\.)\S*            # an address on the net
    | \S*@\S*                        # an e-mail address, or an account
    | \b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*  # such as t.me/name
    | \+?\(?\d(?:[\s()/.-]*\d){5,}   # a telephone number
    """,
    re.IGNORECASE | re.VERBOSE,
)


def without_contacts(words: str) -> str:
    """Words as visitors see them: what looks like a telephone number, an account or an address is left out."""
    return " ".join(_CONTACT.sub("…", words).split())
