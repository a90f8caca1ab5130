"""Buddies: whom somebody has named to be told when they do not answer whether they are safe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.database import Reader, Transaction
from storage.instants import to_us

BUDDIES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Buddy:
    """Somebody's buddy. `agreed`: they have said yes."""

    member_id: int
    agreed: bool


async def of(tx: Reader, member_id: int) -> list[Buddy]:
    """Whom somebody has named, in the order of when."""
    rows = await tx.all(
        "SELECT buddy_id, agreed FROM buddies WHERE member_id = ? ORDER BY at_us, buddy_id LIMIT ?",
        member_id,
        BUDDIES_MAX,
    )
    return [Buddy(member_id=buddy, agreed=bool(agreed)) for buddy, agreed in rows]


async def name(tx: Transaction, member_id: int, buddy_id: int, *, now: datetime) -> None:
    """Somebody names a buddy, who has yet to agree."""
    await tx.execute(
        "INSERT INTO buddies (member_id, buddy_id, at_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        member_id,
        buddy_id,
        to_us(now),
    )


async def agree(tx: Transaction, member_id: int, buddy_id: int) -> bool:
    """A buddy agrees. False: they are not named any more."""
    found = await tx.all(
        "UPDATE buddies SET agreed = 1 WHERE member_id = ? AND buddy_id = ? RETURNING 1", member_id, buddy_id
    )
    return bool(found)


async def drop(tx: Transaction, member_id: int, buddy_id: int) -> None:
    """They are no buddies any more."""
    await tx.execute("DELETE FROM buddies WHERE member_id = ? AND buddy_id = ?", member_id, buddy_id)


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another, with its buddies."""
    await tx.execute("DELETE FROM buddies WHERE member_id IN (?1, ?2) AND buddy_id IN (?1, ?2)", old, into)
    await tx.execute("UPDATE OR IGNORE buddies SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE OR IGNORE buddies SET buddy_id = ? WHERE buddy_id = ?", into, old)
    await tx.execute("DELETE FROM buddies WHERE member_id = ?1 OR buddy_id = ?1", old)


async def asked(tx: Reader, buddy_id: int) -> list[int]:
    """Who waits for somebody to agree to be their buddy."""
    rows = await tx.all(
        "SELECT member_id FROM buddies WHERE buddy_id = ? AND agreed = 0 ORDER BY at_us, member_id LIMIT ?",
        buddy_id,
        BUDDIES_MAX,
    )
    return [member for (member,) in rows]
