"""When somebody's rights rest because others report that they were arrested: a fold over reports. Pure rules.

Nobody can take anybody's rights for long alone: one report lets them rest for two hours, a second one of another invite
branch for a day from then, and each person counts once. Two people of different branches end it before.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ALONE = timedelta(hours=2)
"""So long do rights rest by the report of one person."""
CONFIRMED = timedelta(hours=24)
"""So long from a report that confirms the first one."""
LONGEST = timedelta(hours=72)
"""However many report it one after another, it ends so long after it began; it can be reported anew then."""
AGAIN_AFTER = timedelta(days=7)
"""Only after so long can one person begin it anew for the same person."""
REPORTS_MOST = 2
REPORTS_WITHIN = timedelta(days=7)
"""So many reports has somebody in so long."""

Kinds = Literal["reported", "restored"]
Why = Literal["self", "said", "open", "again", "often"]
"""Why a report is not taken: about oneself; said already; another of one's reports still runs; too soon after one's
last report of the same person; too many in a week."""
Related = Set[frozenset[int]]
"""Pairs of members who are of one invite branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Somebody says that it is so, or that it is over. `id`: the same report never counts twice."""

    id: int
    kind: Kinds
    member: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What follows from the reports. Members by id; nobody but the organizers learns who reported."""

    since: datetime
    until: datetime
    """When it ends by itself."""
    reporters: frozenset[int]
    restorers: frozenset[int]
    """Who has said since the last report that counts that it is over."""
    confirmed: bool
    restored_at: datetime | None

    def over(self, now: datetime) -> bool:
        """Whether rights are whole again."""
        return self.restored_at is not None or now >= self.until


def pause(reports: Iterable[Report], *, related: Related) -> Pause | None:
    """What follows from the reports about one person; None: nobody has reported anything.

    They may come in any order and any number of times. What comes after it is over does not count.
    """
    opener: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    restored_at: datetime | None = None
    confirmed = False
    reporters: set[int] = set()
    restorers: set[int] = set()
    for one in sorted({report.id: report for report in reports}.values(), key=lambda report: (report.at, report.id)):
        if restored_at is not None or (until is not None and one.at >= until):
            break
        if one.kind == "reported":
            if opener is None or since is None:
                opener, since, until = one.member, one.at, one.at + ALONE
            elif one.member not in reporters and frozenset({opener, one.member}) not in related:
                confirmed, until = True, min(one.at + CONFIRMED, since + LONGEST)
                restorers.clear()
            reporters.add(one.member)
        elif opener is not None:
            if any(frozenset({other, one.member}) not in related for other in restorers - {one.member}):
                restored_at = one.at
            restorers.add(one.member)
    if since is None or until is None:
        return None
    return Pause(
        since=since,
        until=until,
        reporters=frozenset(reporters),
        restorers=frozenset(restorers),
        confirmed=confirmed,
        restored_at=restored_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A report that somebody has made before. `open`: it is about a pause that still runs."""

    about: int
    at: datetime
    open: bool


def refused(member: int, about: int, earlier: Iterable[Earlier], *, begins: bool, now: datetime) -> Why | None:
    """Why somebody's report is not taken; None: it is. `begins`: nobody else's report about the same person runs."""
    if member == about:
        return "self"
    told = list(earlier)
    if any(one.open and one.about == about for one in told):
        return "said"
    if any(one.open for one in told):
        return "open"
    if begins and any(one.about == about and now - one.at < AGAIN_AFTER for one in told):
        return "again"
    if sum(now - one.at < REPORTS_WITHIN for one in told) >= REPORTS_MOST:
        return "often"
    return None
