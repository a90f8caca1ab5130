"""The chained entries of a committee's books."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain import chain
from storage import rules
from storage.database import Reader, Row, Transaction
from storage.instants import to_us
from storage.people import Committee

PAGE = 1000
HEAD = "number, kind, at_us, body, hash"
LAST = "FROM entries WHERE committee_id = ? ORDER BY number DESC LIMIT 1"


async def append(
    tx: Transaction, committee: Committee, kind: str, body: Mapping[str, Any], *, now: datetime
) -> chain.Entry:
    """Write the committee's next entry. The body holds ids, figures and hashes, never words or names."""
    row = await tx.one(f"SELECT {HEAD} {LAST}", committee.id)
    return await follow(tx, committee, row, kind, body, now=now)


async def decide_rule(
    tx: Transaction, committee: Committee, name: str, value: Any, *, now: datetime, told: Any = None
) -> None:
    """From now on the rule is this, and the log says so. `told`: what stands in the log, where it is not the value."""
    await rules.put(tx, committee.id, name, value)
    await append(tx, committee, "rule", {name: value if told is None else told}, now=now)


async def next_number(tx: Reader, committee: Committee) -> int:
    """The number that the committee's next entry will have."""
    return int(await tx.value("SELECT coalesce(max(number), 0) + 1 FROM entries WHERE committee_id = ?", committee.id))


async def follow(
    tx: Transaction, committee: Committee, head: Row | None, kind: str, body: Mapping[str, Any], *, now: datetime
) -> chain.Entry:
    """Write the entry after the last one, which was asked for by the columns `HEAD` and the condition `LAST`."""
    previous = _entry(head) if head else None
    entry = chain.entry(committee=committee.uid, previous=previous, kind=kind, at_us=to_us(now), body=body)
    await tx.execute(
        "INSERT INTO entries (committee_id, number, kind, at_us, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
        committee.id,
        entry.number,
        entry.kind,
        entry.at_us,
        entry.body,
        entry.hash,
    )
    return entry


async def last_number(tx: Reader, committee_id: int) -> int:
    """The number of the committee's newest entry; 0: there is none."""
    return int(await tx.value(f"SELECT coalesce((SELECT number {LAST}), 0)", committee_id))


async def since(
    tx: Reader, committee_id: int, number: int, *kinds: str, limit: int = PAGE
) -> list[tuple[str, dict[str, Any]]]:
    """Kind and body of the entries of these kinds after the one with this number, oldest first, at most `limit`."""
    rows = await tx.all(
        f"""SELECT kind, body FROM entries WHERE committee_id = ? AND number > ?
            AND kind IN ({", ".join("?" * len(kinds))}) ORDER BY number LIMIT ?""",
        committee_id,
        number,
        *kinds,
        limit,
    )
    return [(kind, json.loads(body)) for kind, body in rows]


async def first_broken(tx: Reader, committee: Committee) -> int | None:
    """The number of the first entry that does not follow; None: the committee's chain is whole."""
    found: list[chain.Entry] = []
    while True:
        rows = await tx.all(
            """SELECT number, kind, at_us, body, hash FROM entries
               WHERE committee_id = ? AND number > ? ORDER BY number LIMIT ?""",
            committee.id,
            len(found),
            PAGE,
        )
        found += [_entry(row) for row in rows]
        if len(rows) < PAGE:
            return chain.first_broken(committee.uid, found)


def _entry(row: tuple[Any, ...]) -> chain.Entry:
    number, kind, at_us, body, digest = row
    return chain.Entry(number=number, kind=kind, at_us=at_us, body=body, hash=digest)
