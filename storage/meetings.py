"""Looking for a time to meet: who must be there. Times stand in the poll's rule, answers in its ballots."""

from __future__ import annotations

from collections.abc import Iterable

from storage.database import Reader, Transaction
from storage.polls import Poll


async def need(tx: Transaction, poll: Poll, member_ids: Iterable[int]) -> None:
    """These must be there."""
    for member_id in sorted(set(member_ids)):
        await tx.execute("INSERT INTO meeting_needed (poll_id, member_id) VALUES (?, ?)", poll.id, member_id)


async def needed(tx: Reader, poll: Poll) -> list[int]:
    """The ids of those who must be there."""
    rows = await tx.all("SELECT member_id FROM meeting_needed WHERE poll_id = ? ORDER BY member_id LIMIT 1000", poll.id)
    return [member_id for (member_id,) in rows]


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one."""
    await tx.execute(
        """INSERT INTO meeting_needed (poll_id, member_id) SELECT poll_id, ? FROM meeting_needed WHERE member_id = ?
           ON CONFLICT DO NOTHING""",
        into,
        old,
    )
    await tx.execute("DELETE FROM meeting_needed WHERE member_id = ?", old)
