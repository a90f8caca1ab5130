"""Commands that wait for enough people to agree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.chat import Saying
from bot.domain.chain import canonical
from bot.domain.consent import Who
from storage import cards
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

DECIDED_BY = "decided_by"
"""The rule that says who decides what needs the committee; where there is none, two organizers do."""
POLL = "poll"
"""Its value where a poll of all members decides. So it is in every committee that is set up."""
State = Literal["open", "passed", "failed", "lapsed", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A command, who proposed it, and where it stands. `outcome`: why it failed, in the committee's language."""

    id: int
    committee_id: int
    number: int
    says: Saying
    proposer_id: int
    who: Who
    state: State
    outcome: str | None
    made_at: datetime
    expires_at: datetime


async def open_(
    tx: Transaction, committee_id: int, says: Saying, *, proposer_id: int, who: Who, now: datetime, expires_at: datetime
) -> Proposal:
    """A new proposal."""
    row = await tx.one(
        """INSERT INTO proposals
               (committee_id, number, command, version, arguments, proposer_id, rule, created_us, expires_us)
           SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM proposals WHERE committee_id = ?1
           RETURNING id, number""",
        committee_id,
        says.command,
        says.version,
        canonical(says.arguments),
        proposer_id,
        who,
        to_us(now),
        to_us(expires_at),
    )
    assert row is not None
    return Proposal(
        id=row[0],
        committee_id=committee_id,
        number=row[1],
        says=says,
        proposer_id=proposer_id,
        who=who,
        state="open",
        outcome=None,
        made_at=now,
        expires_at=expires_at,
    )


_COLUMNS = "id, number, command, version, arguments, proposer_id, rule, state, outcome, created_us, expires_us"


async def get(tx: Reader, committee_id: int, id_: int) -> Proposal | None:
    """A proposal of this committee."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM proposals WHERE committee_id = ? AND id = ?", committee_id, id_)
    return _proposal(committee_id, row) if row else None


async def numbered(tx: Reader, committee_id: int, number: int) -> Proposal | None:
    """The committee's proposal with this number."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM proposals WHERE committee_id = ? AND number = ?", committee_id, number)
    return _proposal(committee_id, row) if row else None


def _proposal(committee_id: int, row: tuple[Any, ...]) -> Proposal:
    id_, number, command, version, arguments, proposer_id, who, state, outcome, created_us, expires_us = row
    return Proposal(
        id=id_,
        committee_id=committee_id,
        number=number,
        says=Saying(command=command, version=version, arguments=json.loads(arguments)),
        proposer_id=proposer_id,
        who=who,
        state=state,
        outcome=outcome,
        made_at=from_us(created_us),
        expires_at=from_us(expires_us),
    )


async def same_open(tx: Reader, committee_id: int, says: Saying) -> int | None:
    """The id of an open proposal of the very same command."""
    row = await tx.one(
        "SELECT id FROM proposals WHERE committee_id = ? AND state = 'open' AND command = ? AND arguments = ?",
        committee_id,
        says.command,
        canonical(says.arguments),
    )
    return row[0] if row else None


async def open_ones(tx: Reader, committee_id: int) -> list[int]:
    """The ids of the committee's open proposals."""
    rows = await tx.all(
        "SELECT id FROM proposals WHERE committee_id = ? AND state = 'open' ORDER BY id LIMIT 1000", committee_id
    )
    return [id_ for (id_,) in rows]


async def consent(tx: Transaction, id_: int, member_id: int, *, now: datetime) -> bool:
    """A member agrees. False: had agreed before."""
    return bool(
        await tx.all(
            "INSERT INTO consents (proposal_id, member_id, at_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
            id_,
            member_id,
            to_us(now),
        )
    )


async def consents(tx: Reader, id_: int) -> frozenset[int]:
    """The ids of the members who have agreed."""
    rows = await tx.all("SELECT member_id FROM consents WHERE proposal_id = ? LIMIT 100000", id_)
    return frozenset(member for (member,) in rows)


async def rule_by(tx: Transaction, id_: int, who: Who, *, expires_at: datetime) -> None:
    """Other people have to agree to it now, until then; who has agreed is kept."""
    await tx.execute("UPDATE proposals SET rule = ?, expires_us = ? WHERE id = ?", who, to_us(expires_at), id_)


async def reconsider(tx: Transaction, committee_id: int) -> None:
    """Who may agree has changed: the cards of open proposals show it."""
    for id_ in await open_ones(tx, committee_id):
        await cards.changed(tx, f"proposal:{id_}")


async def close(tx: Transaction, id_: int, state: State, *, outcome: str | None = None) -> None:
    """The proposal is open no more."""
    await tx.execute("UPDATE proposals SET state = ?, outcome = ? WHERE id = ?", state, outcome, id_)
