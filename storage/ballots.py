"""Ballots: one for each voter. In a hidden poll nothing leads from a ballot to a person once it is closed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from bot.domain.chain import canonical
from storage import cards
from storage.database import Reader, Transaction
from storage.polls import Poll, roll

How = Literal["self", "proxy", "paper", "phone"]
"""How a ballot came in: by the voter, by whoever holds their proxy, or on paper or by phone through two tellers."""
BALLOTS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What somebody has voted. `choice`: as JSON, in the form of the poll's method."""

    choice: Any
    how: How


async def _voter(tx: Reader, poll: Poll, member_id: int) -> str | None:
    """What stands for a voter in the table of ballots; None: nothing does any more."""
    if poll.secrecy != "hidden":
        return str(member_id)
    key = await tx.value("SELECT key FROM poll_keys WHERE poll_id = ?", poll.id)
    if key is None:
        return None
    return hmac.new(str(key).encode(), f"{poll.id}:{member_id}".encode(), hashlib.sha256).hexdigest()


async def cast(tx: Transaction, poll: Poll, member_id: int, choice: Any, *, how: How = "self") -> None:
    """Somebody votes, or votes otherwise than before: the last one counts."""
    voter = await _voter(tx, poll, member_id)
    assert voter is not None, "the poll is open"
    await tx.execute(
        """INSERT INTO poll_ballots (poll_id, voter, choice, how) VALUES (?, ?, ?, ?)
           ON CONFLICT (poll_id, voter) DO UPDATE SET choice = excluded.choice, how = excluded.how""",
        poll.id,
        voter,
        canonical({"is": choice}),
        how,
    )
    await _changed(tx, poll)


async def withdraw(tx: Transaction, poll: Poll, member_id: int) -> bool:
    """Somebody takes their ballot back. False: there was none."""
    voter = await _voter(tx, poll, member_id)
    gone = await tx.all("DELETE FROM poll_ballots WHERE poll_id = ? AND voter = ? RETURNING 1", poll.id, voter)
    if gone:
        await _changed(tx, poll)
    return bool(gone)


async def _changed(tx: Transaction, poll: Poll) -> None:
    if poll.secrecy == "open":
        await cards.changed(tx, poll.thing)
    else:
        # Its card tells nothing of ballots while it runs. What was there before is not to be read from the file.
        tx.wipe = True


async def of(tx: Reader, poll: Poll, member_id: int) -> Ballot | None:
    """Somebody's ballot; None: they have none, or nobody can tell any more."""
    voter = await _voter(tx, poll, member_id)
    row = await tx.one("SELECT choice, how FROM poll_ballots WHERE poll_id = ? AND voter = ?", poll.id, voter)
    return None if row is None else Ballot(choice=json.loads(row[0])["is"], how=row[1])


async def by_voter(tx: Reader, poll: Poll) -> dict[int, Ballot]:
    """Who has voted what, by member id: only of polls that show names."""
    assert poll.secrecy == "open"
    rows = await tx.all("SELECT voter, choice, how FROM poll_ballots WHERE poll_id = ? LIMIT ?", poll.id, BALLOTS_MAX)
    return {int(voter): Ballot(choice=json.loads(choice)["is"], how=how) for voter, choice, how in sorted(rows)}


async def voter_of(tx: Reader, poll: Poll, member_id: int) -> str | None:
    """What stands for a member among a poll's ballots; None: nobody can tell any more."""
    return await _voter(tx, poll, member_id)


async def rows(tx: Reader, poll: Poll) -> list[tuple[str, Any]]:
    """What stands for each voter, and what they have voted, while the poll is open."""
    found = await tx.all("SELECT voter, choice FROM poll_ballots WHERE poll_id = ? LIMIT ?", poll.id, BALLOTS_MAX)
    return [(voter, json.loads(choice)["is"]) for voter, choice in found]


async def all_of(tx: Reader, poll: Poll) -> list[Ballot]:
    """All ballots, in an order that tells nothing: by what they say."""
    rows = await tx.all("SELECT choice, how FROM poll_ballots WHERE poll_id = ? LIMIT ?", poll.id, BALLOTS_MAX)
    return [Ballot(choice=json.loads(choice)["is"], how=how) for choice, how in sorted(rows)]


async def count(tx: Reader, poll: Poll) -> int:
    """How many have voted."""
    return int(await tx.value("SELECT count(*) FROM poll_ballots WHERE poll_id = ?", poll.id))


async def count_how(tx: Reader, poll: Poll) -> Counter[str]:
    """How many ballots came in which way."""
    rows = await tx.all("SELECT how, count(*) FROM poll_ballots WHERE poll_id = ? GROUP BY how LIMIT 10", poll.id)
    return Counter(dict(rows))


async def missing(tx: Reader, poll: Poll) -> list[int]:
    """The ids of those on the roll who have not voted, while the poll is open."""
    found = []
    for member_id in await roll(tx, poll):
        voter = await _voter(tx, poll, member_id)
        if await tx.one("SELECT 1 FROM poll_ballots WHERE poll_id = ? AND voter = ?", poll.id, voter) is None:
            found.append(member_id)
    return found


async def seal(tx: Transaction, poll: Poll) -> None:
    """A hidden poll is closed: its ballots are written anew in shuffled order, and its key is erased."""
    if poll.secrecy != "hidden":
        return
    rows = await tx.all("DELETE FROM poll_ballots WHERE poll_id = ? RETURNING choice, how", poll.id)
    # A fresh number for each, from the source of chance that all tokens come from.
    shuffled = sorted((tx.token(), choice, how) for choice, how in rows)
    for place, (_, choice, how) in enumerate(shuffled, start=1):
        await tx.execute(
            "INSERT INTO poll_ballots (poll_id, voter, choice, how) VALUES (?, ?, ?, ?)",
            poll.id,
            f"n{place:06}",
            choice,
            how,
        )
    await tx.execute("DELETE FROM poll_keys WHERE poll_id = ?", poll.id)
    tx.wipe = True
