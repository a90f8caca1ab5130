"""Ballots that somebody is filling in, and what is published of receipts."""

from __future__ import annotations

import json
from typing import Any

from bot.domain import receipts, voting
from bot.domain.chain import canonical
from bot.domain.voting import Draft
from storage import ballots
from storage.database import Reader, Transaction
from storage.people import Member
from storage.polls import Poll

RECEIPTS_MAX = 100_000


async def of(tx: Reader, poll: Poll, voter: Member, *, holder: int = 0) -> tuple[Draft, int] | None:
    """The paper that somebody is filling in, and how often it was changed. `holder`: who does it for the voter."""
    row = await tx.one(
        "SELECT draft, at FROM papers WHERE poll_id = ? AND voter = ? AND holder_id = ?",
        poll.id,
        await ballots.voter_of(tx, poll, voter.id),
        holder,
    )
    return None if row is None else (voting.load(json.loads(row[0])), row[1])


async def keep(tx: Transaction, poll: Poll, voter: Member, draft: Draft, *, holder: int = 0) -> int:
    """The paper says this now; how often it was changed."""
    at = await tx.value(
        """INSERT INTO papers (poll_id, voter, holder_id, draft, at) VALUES (?, ?, ?, ?, 0)
           ON CONFLICT (poll_id, voter, holder_id) DO UPDATE SET draft = excluded.draft, at = at + 1 RETURNING at""",
        poll.id,
        await ballots.voter_of(tx, poll, voter.id),
        holder,
        canonical(voting.dump(draft)),
    )
    _wiped(tx, poll)
    return int(at)


async def erase(tx: Transaction, poll: Poll, voter: Member, *, holder: int = 0) -> None:
    """The ballot is cast, or somebody begins anew."""
    await tx.execute(
        "DELETE FROM papers WHERE poll_id = ? AND voter = ? AND holder_id = ?",
        poll.id,
        await ballots.voter_of(tx, poll, voter.id),
        holder,
    )
    _wiped(tx, poll)


def _wiped(tx: Transaction, poll: Poll) -> None:
    # What is on a hidden paper, and was, is not to be read from the file.
    tx.wipe = tx.wipe or poll.secrecy == "hidden"


# --- receipts ----------------------------------------------------------------------------------------------------


async def give_receipt(tx: Transaction, poll: Poll, member_id: int, choice: Any) -> str:
    """A new receipt for this ballot, in place of an earlier one: the code that only its voter is told."""
    code = receipts.written(tx.token())
    await tx.execute(
        """INSERT INTO poll_receipts (poll_id, voter, hash) VALUES (?, ?, ?)
           ON CONFLICT (poll_id, voter) DO UPDATE SET hash = excluded.hash""",
        poll.id,
        await ballots.voter_of(tx, poll, member_id),
        receipts.hashed(poll.number, choice, code),
    )
    return code


async def receipt_hashes(tx: Reader, poll: Poll) -> list[str]:
    """What stands for each ballot, in the order of the hashes."""
    rows = await tx.all("SELECT hash FROM poll_receipts WHERE poll_id = ? ORDER BY hash LIMIT ?", poll.id, RECEIPTS_MAX)
    return [hash_ for (hash_,) in rows]
