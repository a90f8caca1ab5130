"""To what members have said yes for themselves, one by one: nobody says it for them, and each may say no again."""

from __future__ import annotations

from datetime import datetime

from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Member

MEMBERS_MAX = 100_000


async def since(tx: Reader, member_id: int, what: str) -> datetime | None:
    """Since when somebody is in it; None: they are not."""
    at_us = await tx.value("SELECT since_us FROM enrolments WHERE member_id = ? AND what = ?", member_id, what)
    return None if at_us is None else from_us(at_us)


async def enrol(tx: Transaction, member: Member, what: str, *, now: datetime) -> None:
    """They say yes; who has said it already stays since when they were."""
    await tx.execute(
        "INSERT INTO enrolments (member_id, what, since_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        member.id,
        what,
        to_us(now),
    )


async def leave(tx: Transaction, member_id: int, what: str | None = None) -> None:
    """They are not in it any more; None: in nothing."""
    await tx.execute(
        "DELETE FROM enrolments WHERE member_id = ?1 AND (?2 IS NULL OR what = ?2)",
        member_id,
        what,
    )


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one, which is in all that either was."""
    await tx.execute(
        """INSERT INTO enrolments (member_id, what, since_us)
           SELECT ?2, what, since_us FROM enrolments WHERE member_id = ?1
           ON CONFLICT (member_id, what) DO UPDATE SET since_us = min(enrolments.since_us, excluded.since_us)""",
        old,
        into,
    )
    await leave(tx, old)


async def members(tx: Reader, committee_id: int, what: str) -> dict[int, datetime]:
    """Who is in it, active members by id, and since when."""
    rows = await tx.all(
        """SELECT g.member_id, g.since_us FROM enrolments g JOIN members m ON m.id = g.member_id
           WHERE m.committee_id = ? AND g.what = ? AND m.active = 1 ORDER BY g.member_id LIMIT ?""",
        committee_id,
        what,
        MEMBERS_MAX,
    )
    return {member_id: from_us(at_us) for member_id, at_us in rows}


async def accounts(tx: Reader, committee_id: int, what: str) -> frozenset[int]:
    """The own accounts of those who are in it."""
    rows = await tx.all(
        """SELECT a.id FROM enrolments g JOIN members m ON m.id = g.member_id JOIN accounts a ON a.member_id = m.id
           WHERE m.committee_id = ? AND g.what = ? AND m.active = 1 LIMIT ?""",
        committee_id,
        what,
        MEMBERS_MAX,
    )
    return frozenset(id_ for (id_,) in rows)
