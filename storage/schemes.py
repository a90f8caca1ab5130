"""How a committee counts hours: each version that it has decided, with the entry of the decision."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.domain.chain import canonical
from bot.domain.policies import Counting, Scheme
from storage import enrolments, entries, transfers
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

POOLING = "pooling"
"""The agreement of whoever gives what they earn to the fund."""
RATINGS = "ratings"
"""The agreement of whoever says of others how hard their work was, and lets others say it of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One version, and when and by which chained entry it came to hold."""

    scheme: Scheme
    entry: int
    member_id: int
    """Whoever had asked for it; what is booked at a month's end stands under their name."""
    at: datetime


async def now(tx: Reader, committee_id: int) -> Scheme:
    """What holds now; where nothing was decided, an hour is an hour."""
    found = await newest(tx, committee_id)
    return Scheme() if found is None else found.scheme


async def newest(tx: Reader, committee_id: int) -> Decided | None:
    """What was decided last; None: nothing yet."""
    version = await tx.value("SELECT max(version) FROM schemes WHERE committee_id = ?", committee_id)
    return None if version is None else await decided(tx, committee_id, int(version))


async def decided(tx: Reader, committee_id: int, version: int) -> Decided | None:
    """One version; None: there is none of this number."""
    row = await tx.one(
        "SELECT entry, parameters, member_id, at_us FROM schemes WHERE committee_id = ? AND version = ?",
        committee_id,
        version,
    )
    if row is None:
        return None
    entry, parameters, member_id, at_us = row
    return Decided(scheme=_scheme(version, parameters), entry=entry, member_id=member_id, at=from_us(at_us))


async def decide(tx: Transaction, committee: Committee, scheme: Scheme, by: Member, *, now: datetime) -> Scheme:
    """From now on hours are counted so; what was recorded before stays as it was counted. Returns the new version."""
    version = int(
        await tx.value("SELECT coalesce(max(version), 0) + 1 FROM schemes WHERE committee_id = ?", committee.id)
    )
    parameters = {name: value for name, value in asdict(scheme).items() if name != "version"}
    entry = await entries.append(tx, committee, "rule", {"scheme": {"version": version, **parameters}}, now=now)
    await tx.execute(
        "INSERT INTO schemes (committee_id, version, entry, parameters, member_id, at_us) VALUES (?, ?, ?, ?, ?, ?)",
        committee.id,
        version,
        entry.number,
        canonical(parameters),
        by.id,
        to_us(now),
    )
    return _scheme(version, canonical(parameters))


def _scheme(version: int, parameters: str) -> Scheme:
    # Minutes come back as minutes; what an older version did not know yet stands as it does by itself.
    kinds = {name: type(value) for name, value in asdict(Scheme()).items()}
    decided = {name: kinds[name](value) for name, value in json.loads(parameters).items() if name in kinds}
    return Scheme(version=version, **decided)


async def counting(tx: Transaction, committee: Committee) -> Counting:
    """How an exchange that is recorded now is counted."""
    scheme = await now(tx, committee.id)
    if scheme.version:
        await transfers.beside(tx, committee, "fund")
    return await counting_by(tx, committee, scheme)


async def counting_by(tx: Reader, committee: Committee, scheme: Scheme) -> Counting:
    """How it would be counted by a scheme; where the fund has no account yet, its id is 0."""
    own = await transfers.committee_account(tx, committee)
    pooling = await enrolments.accounts(tx, committee.id, POOLING) if scheme.base == "pooled" else frozenset[int]()
    fund = await transfers.fund_account(tx, committee)
    return Counting(scheme=scheme, fund=fund or 0, committee=own.id, pooling=pooling)
