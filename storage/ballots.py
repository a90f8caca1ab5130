"""Ballots: one for each voter. In a hidden poll nothing leads from a ballot to a person once it is closed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain.chain import canonical
from storage import cards, people, polls
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


async def voter_of(tx: Reader, poll: Poll, member_id: int) -> str | None:
    """What stands for a voter in the table of ballots; None: nothing does any more."""
    if poll.secrecy != "hidden":
        return str(member_id)
    key = await tx.value("SELECT key FROM poll_keys WHERE poll_id = ?", poll.id)
    if key is None:
        return None
    return hmac.new(str(key).encode(), f"{poll.id}:{member_id}".encode(), hashlib.sha256).hexdigest()


async def cast(tx: Transaction, poll: Poll, member_id: int, choice: Any, *, how: How = "self") -> None:
    """Somebody votes, or votes otherwise than before: the last one counts."""
    # In a hidden poll nobody fills in a ballot for somebody else, so how it came in tells nothing either.
    assert how == "self" or poll.secrecy == "open"
    voter = await voter_of(tx, poll, member_id)
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
    voter = await voter_of(tx, poll, member_id)
    gone = await tx.all("DELETE FROM poll_ballots WHERE poll_id = ? AND voter = ? RETURNING 1", poll.id, voter)
    await tx.execute("DELETE FROM poll_receipts WHERE poll_id = ? AND voter = ?", poll.id, voter)
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
    voter = await voter_of(tx, poll, member_id)
    row = await tx.one("SELECT choice, how FROM poll_ballots WHERE poll_id = ? AND voter = ?", poll.id, voter)
    return None if row is None else Ballot(choice=json.loads(row[0])["is"], how=row[1])


async def by_voter(tx: Reader, poll: Poll) -> dict[int, Ballot]:
    """Who has voted what, by member id: only of polls that show names."""
    assert poll.secrecy == "open"
    rows = await tx.all("SELECT voter, choice, how FROM poll_ballots WHERE poll_id = ? LIMIT ?", poll.id, BALLOTS_MAX)
    return {int(voter): Ballot(choice=json.loads(choice)["is"], how=how) for voter, choice, how in sorted(rows)}


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
        voter = await voter_of(tx, poll, member_id)
        if await tx.one("SELECT 1 FROM poll_ballots WHERE poll_id = ? AND voter = ?", poll.id, voter) is None:
            found.append(member_id)
    return found


async def seal(tx: Transaction, poll: Poll) -> None:
    """A poll is closed: what was in progress is erased.

    A hidden one's ballots are written anew in shuffled order, and its key is erased. Receipts stay as a list of hashes.
    """
    await _erase_unfinished(tx, poll)
    await _list_receipts(tx, poll)
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


async def drop(tx: Transaction, poll: Poll) -> None:
    """A poll is withdrawn: nothing of it is counted, so of a hidden one nothing is kept."""
    await _erase_unfinished(tx, poll)
    if poll.secrecy != "hidden":
        return
    for table in ("poll_ballots", "poll_receipts", "poll_keys"):
        await tx.execute(f"DELETE FROM {table} WHERE poll_id = ?", poll.id)
    tx.wipe = True


async def _erase_unfinished(tx: Transaction, poll: Poll) -> None:
    await tx.execute("DELETE FROM papers WHERE poll_id = ?", poll.id)
    await tx.execute("DELETE FROM teller_entries WHERE poll_id = ?", poll.id)


async def _list_receipts(tx: Transaction, poll: Poll) -> None:
    """Nothing leads from a receipt to a voter any more, in no poll: their order is that of the hashes."""
    rows = await tx.all("DELETE FROM poll_receipts WHERE poll_id = ? RETURNING hash", poll.id)
    for place, (hash_,) in enumerate(sorted(rows), start=1):
        await tx.execute(
            "INSERT INTO poll_receipts (poll_id, voter, hash) VALUES (?, ?, ?)", poll.id, f"n{place:06}", hash_
        )


async def join(tx: Transaction, poll: Poll, old: int, into: int) -> None:
    """Two members are one person: one place on the roll of a running poll, and one ballot; that of `into` first."""
    await tx.execute("DELETE FROM poll_roll WHERE poll_id = ? AND member_id = ?", poll.id, old)
    await tx.execute("INSERT INTO poll_roll (poll_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING", poll.id, into)
    before, after = await voter_of(tx, poll, old), await voter_of(tx, poll, into)
    # A ballot and its receipt go together.
    has = await tx.one("SELECT 1 FROM poll_ballots WHERE poll_id = ? AND voter = ?", poll.id, after)
    for table in ("poll_ballots", "poll_receipts"):
        if has is None:
            await tx.execute(f"UPDATE {table} SET voter = ? WHERE poll_id = ? AND voter = ?", after, poll.id, before)
        else:
            await tx.execute(f"DELETE FROM {table} WHERE poll_id = ? AND voter = ?", poll.id, before)
    await tx.execute("DELETE FROM papers WHERE poll_id = ? AND voter = ?", poll.id, before)
    await _changed(tx, poll)


async def join_running(tx: Transaction, old: int, into: int, *, now: datetime) -> None:
    """Two members are one person: in every poll that runs. The roll that was sealed is another one then, and the
    books say so."""
    committee_id = int(await tx.value("SELECT committee_id FROM members WHERE id = ?", into))
    committee = await people.committee(tx, committee_id)
    await tx.execute("UPDATE polls SET maker_id = ? WHERE maker_id = ?", into, old)
    for poll in await polls.in_state(tx, committee_id, "open", "counting"):
        if not await polls.may_vote(tx, poll, old):
            continue
        await join(tx, poll, old, into)
        await polls.roll_changed(tx, committee, poll, merged=(old, into), now=now)
