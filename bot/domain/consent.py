"""Who must agree before something is done in the committee's name, until polls decide it.

Rule changes need two organizers. The one who set the committee up appoints the second; when that person is no
organizer any more and fewer than two are left, a majority of the members appoints within 24 hours. Organizers who have
vanished do not count; where that leaves fewer than two, it is the majority that appoints, whoever set the committee up.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from bot.text import Refusal, T, Typed

ORGANIZERS_NEEDED = 2
ANSWER_WITHIN = timedelta(days=7)
APPOINT_WITHIN = timedelta(hours=24)

Who = Literal["organizers", "members", "founder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """The facts: member ids. `founder` is None once that person has left or stepped down."""

    members: AbstractSet[int]
    organizers: AbstractSet[int]
    founder: int | None
    vanished: AbstractSet[int] = frozenset()
    """Organizers who have not been seen for long and did not answer."""

    @property
    def present(self) -> AbstractSet[int]:
        """The organizers who count."""
        return self.organizers - self.vanished


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whose consent counts and how long there is to give it."""

    who: Who
    within: timedelta


def rule(committee: Committee, *, appoints: bool, majority: bool = False) -> Rule:
    """The rule for a proposal made now. `appoints`: it makes somebody an organizer.

    `majority`: it is for all who have a vote, whoever organizes. Raises Refusal where nobody could carry it: rules
    wait until there are two organizers.
    """
    if majority:
        return Rule(who="members", within=ANSWER_WITHIN)
    if len(committee.present) >= ORGANIZERS_NEEDED:
        return Rule(who="organizers", within=ANSWER_WITHIN)
    if not appoints:
        raise Refusal(
            T(
                "Two organizers must agree to this, and there are fewer now. Appoint one first: {command}",
                command=Typed("/organizer @name"),
            )
        )
    nobody_vanished = committee.present == committee.organizers
    if committee.founder is not None and committee.founder in committee.present and nobody_vanished:
        return Rule(who="founder", within=ANSWER_WITHIN)
    return Rule(who="members", within=APPOINT_WITHIN)


def may_consent(who: Who, committee: Committee, member: int) -> bool:
    """Whether this member's consent counts."""
    return member in _electorate(who, committee)


def missing(who: Who, committee: Committee, consents: AbstractSet[int]) -> int:
    """How many more must agree, as the committee is now; 0: it is carried."""
    return max(0, needed(who, committee) - len(consents & _electorate(who, committee)))


def needed(who: Who, committee: Committee) -> int:
    """How many must agree, as the committee is now."""
    if who == "members":
        return len(committee.members) // 2 + 1
    return 1 if who == "founder" else ORGANIZERS_NEEDED


def carried(who: Who, committee: Committee, consents: AbstractSet[int]) -> bool:
    """Whether enough of those who count have agreed. Consents of people who no longer count are passed over."""
    return missing(who, committee, consents) == 0


def _electorate(who: Who, committee: Committee) -> AbstractSet[int]:
    if who == "members":
        return committee.members
    if who == "founder":
        return {committee.founder} & set(committee.members) if committee.founder is not None else set()
    return committee.present & committee.members
