"""The plan of a committee's rota that is in force, with all that it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.domain import retention
from bot.domain.chain import canonical
from storage import computations
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as it was published. `until`: the last day that it holds; `entry`: its entry in the log, with its hash.

    `snapshot`: all that it was made from, for the rules alone; None: that is erased. `holders`: members by seat;
    `empty`, `changes`: as `bot.calculations.plan` tells them. Ids are text.
    """

    entry: int
    at: datetime
    until: date
    weeks: int
    method: int
    hash: str
    snapshot: Mapping[str, Any] | None
    holders: Mapping[str, str]
    empty: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]


async def last(tx: Reader, committee_id: int) -> Plan | None:
    """The plan in force; None: nothing was planned yet."""
    row = await tx.one(
        """SELECT entry, at_us, until, weeks, method, hash, snapshot, holders, empty, changes FROM rota_plans
           WHERE committee_id = ?""",
        committee_id,
    )
    if row is None:
        return None
    entry, at_us, until, weeks, method, hash_, snapshot, *lists = row
    holders, empty, changes = map(json.loads, lists)
    return Plan(
        entry=entry,
        at=from_us(at_us),
        until=date.fromisoformat(until),
        weeks=weeks,
        method=method,
        hash=hash_,
        snapshot=None if snapshot is None else json.loads(snapshot),
        holders=holders,
        empty=empty,
        changes=changes,
    )


async def put(tx: Transaction, committee_id: int, plan: Plan) -> None:
    """From now on this plan is in force; nothing is kept of the one before."""
    await tx.execute(
        """INSERT OR REPLACE INTO rota_plans
               (committee_id, entry, at_us, until, weeks, method, hash, snapshot, holders, empty, changes)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        committee_id,
        plan.entry,
        to_us(plan.at),
        plan.until.isoformat(),
        plan.weeks,
        plan.method,
        plan.hash,
        canonical(plan.snapshot or {}),
        canonical(plan.holders),
        json.dumps([*plan.empty]),
        json.dumps([*plan.changes]),
    )


async def forget(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """Somebody is forgotten: what plans were made from, or are being made from, is erased."""
    await tx.execute("UPDATE rota_plans SET snapshot = NULL WHERE committee_id = ?", committee_id)
    await computations.forget(tx, committee_id, now=now)
    tx.wipe = True


async def purge(tx: Transaction, *, now: datetime) -> None:
    """What an old plan was made from is not kept."""
    await tx.execute(
        "UPDATE rota_plans SET snapshot = NULL WHERE snapshot IS NOT NULL AND at_us <= ?",
        to_us(now - retention.ROTA_PLANS),
    )
