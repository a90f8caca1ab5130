"""Proxies: who votes for whom while they are away; and ballots on paper or by phone, which two tellers enter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain.chain import canonical
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Member
from storage.polls import Poll

AssistedBy = Literal["paper", "phone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Somebody votes for somebody else until then; `poll`: the id of the one poll it is for."""

    id: int
    giver_id: int
    holder_id: int
    poll_id: int | None
    until: datetime


_PROXY = "id, giver_id, holder_id, poll_id, until_us"
_STANDS = "ended_us IS NULL AND until_us > ?2"


def _proxy(row: Row) -> Proxy:
    id_, giver_id, holder_id, poll_id, until_us = row
    return Proxy(id=id_, giver_id=giver_id, holder_id=holder_id, poll_id=poll_id, until=from_us(until_us))


async def given(tx: Reader, member_id: int, *, now: datetime) -> Proxy | None:
    """The proxy that somebody has given."""
    row = await tx.one(f"SELECT {_PROXY} FROM proxies WHERE giver_id = ?1 AND {_STANDS}", member_id, to_us(now))
    return None if row is None else _proxy(row)


async def held(tx: Reader, member_id: int, *, now: datetime) -> Proxy | None:
    """The proxy that somebody holds."""
    row = await tx.one(f"SELECT {_PROXY} FROM proxies WHERE holder_id = ?1 AND {_STANDS}", member_id, to_us(now))
    return None if row is None else _proxy(row)


async def give(
    tx: Transaction, giver: Member, holder: Member, *, poll: Poll | None, until: datetime, now: datetime
) -> None:
    """Somebody votes for somebody else from now on."""
    await tx.execute(
        """INSERT INTO proxies (committee_id, giver_id, holder_id, poll_id, given_us, until_us)
           VALUES (?, ?, ?, ?, ?, ?)""",
        giver.committee_id,
        giver.id,
        holder.id,
        None if poll is None else poll.id,
        to_us(now),
        to_us(until),
    )


async def end(tx: Transaction, proxy: Proxy, *, now: datetime) -> None:
    """It ends now, before its time."""
    await tx.execute("UPDATE proxies SET ended_us = ? WHERE id = ?", to_us(now), proxy.id)
    await tx.execute("DELETE FROM papers WHERE voter = ? AND holder_id = ?", str(proxy.giver_id), proxy.holder_id)


# --- tellers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What the first teller has entered of somebody's ballot."""

    member_id: int
    teller_id: int
    how: AssistedBy
    choice: Any


async def entered(tx: Reader, poll: Poll, voter: Member) -> Entered | None:
    """What waits for a second teller."""
    row = await tx.one(
        "SELECT member_id, teller_id, how, choice FROM teller_entries WHERE poll_id = ? AND member_id = ?",
        poll.id,
        voter.id,
    )
    if row is None:
        return None
    return Entered(member_id=row[0], teller_id=row[1], how=row[2], choice=json.loads(row[3])["is"])


async def enter(tx: Transaction, poll: Poll, voter: Member, teller: Member, how: AssistedBy, choice: Any) -> None:
    """A teller enters a ballot; a second one must enter the same."""
    await tx.execute(
        """INSERT INTO teller_entries (poll_id, member_id, teller_id, how, choice) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (poll_id, member_id) DO UPDATE SET teller_id = excluded.teller_id, how = excluded.how,
               choice = excluded.choice""",
        poll.id,
        voter.id,
        teller.id,
        how,
        canonical({"is": choice}),
    )


async def let_go(tx: Transaction, poll: Poll, voter: Member) -> None:
    """It is counted, or the two did not agree."""
    await tx.execute("DELETE FROM teller_entries WHERE poll_id = ? AND member_id = ?", poll.id, voter.id)


async def tellers(tx: Reader, committee_id: int, *, now: datetime) -> frozenset[int]:
    """The ids of those who have the role."""
    rows = await tx.all(
        """SELECT r.member_id FROM roles r JOIN members m ON m.id = r.member_id
           WHERE m.committee_id = ? AND m.active = 1 AND r.role = 'teller' AND r.until_us IS NULL
               AND coalesce(m.suspended_until_us, 0) <= ? LIMIT 1000""",
        committee_id,
        to_us(now),
    )
    return frozenset(member_id for (member_id,) in rows)


# --- votes without an account ------------------------------------------------------------------------------------


async def votes_on_paper(tx: Reader, committee_id: int) -> frozenset[int]:
    """The ids of the members without an account who have a vote, on paper or by phone."""
    rows = await tx.all(
        """SELECT p.member_id FROM paper_voters p JOIN members m ON m.id = p.member_id
           WHERE m.committee_id = ? AND m.active = 1 AND m.child = 0 AND m.helper_id IS NOT NULL LIMIT 10000""",
        committee_id,
    )
    return frozenset(member_id for (member_id,) in rows)


async def give_paper_vote(tx: Transaction, member: Member, *, now: datetime) -> bool:
    """From the next poll on they have a vote. False: they have one already."""
    rows = await tx.all(
        "INSERT INTO paper_voters (member_id, since_us) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        member.id,
        to_us(now),
    )
    return bool(rows)


async def take_paper_vote(tx: Transaction, member: Member) -> bool:
    """From the next poll on they have none. False: they had none."""
    return bool(await tx.all("DELETE FROM paper_voters WHERE member_id = ? RETURNING 1", member.id))


async def join(tx: Transaction, old: int, into: int, *, now: datetime) -> None:
    """One membership goes into another: what was given to it or by it goes on, but nobody has two, or their own."""
    at = to_us(now)
    await tx.execute(
        """UPDATE proxies SET ended_us = ?3 WHERE ended_us IS NULL AND (
               (giver_id = ?1 AND holder_id = ?2) OR (giver_id = ?2 AND holder_id = ?1)
               OR (giver_id = ?1 AND EXISTS
                   (SELECT 1 FROM proxies o WHERE o.giver_id = ?2 AND o.ended_us IS NULL AND o.until_us > ?3))
               OR (holder_id = ?1 AND EXISTS
                   (SELECT 1 FROM proxies o WHERE o.holder_id = ?2 AND o.ended_us IS NULL AND o.until_us > ?3)))""",
        old,
        into,
        at,
    )
    await tx.execute("UPDATE proxies SET giver_id = ?2 WHERE giver_id = ?1 AND holder_id <> ?2", old, into)
    await tx.execute("UPDATE proxies SET holder_id = ?2 WHERE holder_id = ?1 AND giver_id <> ?2", old, into)
    await tx.execute("DELETE FROM teller_entries WHERE member_id = ?1 OR teller_id = ?1", old)
    await tx.execute("DELETE FROM paper_voters WHERE member_id = ?", old)
