"""How somebody comes into a committee: by the open group, by a member who vouches for them, or by a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final, Literal, TypeGuard

from bot.domain import consent

Admission = Literal["open", "vouched", "decided"]
ADMISSIONS: Final[tuple[Admission, ...]] = ("open", "vouched", "decided")
ADMISSION_DEFAULT: Final[Admission] = "open"
VOUCH_WITHIN = timedelta(days=7)

Step = Literal["agree", "in", "vouch", "decide"]


def is_admission(value: object) -> TypeGuard[Admission]:
    """Whether a committee can have chosen this."""
    return value in ADMISSIONS


def next_step(admission: Admission, *, agreement: int | None, agreed: AbstractSet[int]) -> Step:
    """What comes next for somebody who wants to join: to agree, to be in, or to be vouched for or decided about.

    `agreement`: the number of the one in force; None: there is none. `agreed`: those that they have agreed to.
    """
    if agreement is not None and agreement not in agreed:
        return "agree"
    steps: Mapping[Admission, Step] = {"open": "in", "vouched": "vouch", "decided": "decide"}
    return steps[admission]


def may_vouch(committee: consent.Committee, *, voucher: int, asker: int) -> bool:
    """Whether this member's word brings the asker in: only members with a vote, and nobody for themselves."""
    return voucher != asker and voucher in committee.members


def newcomer_until(now: datetime, *, days: int | None, returning: bool) -> datetime | None:
    """Until when somebody who comes in now has no vote; None: they have one at once.

    `days`: the committee's rule; None: it has none. Whoever was in before is no newcomer again.
    """
    if days is None or returning:
        return None
    return now + timedelta(days=days)


def lineage(member: int, inviters: Mapping[int, int]) -> Iterator[int]:
    """The member, who brought them in, who brought in those, and so on. Ends also where the map goes in a circle."""
    seen: set[int] = set()
    while member not in seen:
        yield member
        seen.add(member)
        if member not in inviters:
            return
        member = inviters[member]


def same_branch(one: int, other: int, inviters: Mapping[int, int], *, trunk: AbstractSet[int] = frozenset()) -> bool:
    """Whether two members are of one invite branch, and so are not two witnesses.

    They are where one of them brought in the other, in however many steps, or somebody brought in both. `trunk`: those
    who began the committee: whom they brought in are branches of their own, or a small committee would be one branch.
    """
    first, second = set(lineage(one, inviters)), set(lineage(other, inviters))
    if one in second or other in first:
        return True
    return bool((first & second) - trunk)
