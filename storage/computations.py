"""What is worked out in a process of its own: what is wanted, with all the facts it depends on, and what came of it.

A work writes down what it wants (`want`) and returns; the result comes back as a command that the clock says.
Whoever carries that out compares `Computed.hash` with the hash of the facts as they are then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain.chain import canonical
from storage import due
from storage.database import Reader, Transaction
from storage.instants import to_us

KEPT = timedelta(days=1)
"""So long a result stands: whoever wanted it has it by then."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Told to whoever computes: look for what waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is to be worked out: the rule's name, and the facts as plain values."""

    id: int
    kind: str
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What came of it. `hash`: that of the facts; `result`: plain values, None: it could not be worked out."""

    id: int
    body: Any
    hash: str
    result: Any | None


def hash_of(body: Mapping[str, Any]) -> str:
    """By which it is seen whether the facts are still the same."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


async def want(
    tx: Transaction, committee_id: int, kind: str, body: Mapping[str, Any], says: Saying, *, now: datetime
) -> int:
    """Have something worked out; then the clock says this, with the argument `computation`: the number returned."""
    text = canonical(body)
    id_ = await tx.value(
        """INSERT INTO computations (committee_id, kind, body, hash, command, version, arguments, wanted_us)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        committee_id,
        kind,
        text,
        hash_of(body),
        says.command,
        says.version,
        canonical(says.arguments),
        to_us(now),
    )
    tx.outgoing.append(Wanted())
    return int(id_)


async def first_waiting(tx: Reader) -> Waiting | None:
    """What has waited longest."""
    row = await tx.one("SELECT id, kind, body FROM computations WHERE done_us IS NULL ORDER BY id LIMIT 1")
    return None if row is None else Waiting(id=row[0], kind=row[1], body=json.loads(row[2]))


async def answer(tx: Transaction, id_: int, result: Any | None, *, now: datetime) -> None:
    """It is worked out, or cannot be: whoever wanted it hears of it at once. Twice does nothing."""
    row = await tx.one(
        """UPDATE computations SET result = ?, done_us = ? WHERE id = ? AND done_us IS NULL
           RETURNING committee_id, command, version, arguments""",
        None if result is None else canonical(result),
        to_us(now),
        id_,
    )
    if row is None:
        return
    await _say(tx, row[0], id_, row[1:], now=now)


async def _say(tx: Transaction, committee_id: int, id_: int, says: tuple[str, int, str], *, now: datetime) -> None:
    command, version, arguments = says
    await due.plan(
        tx,
        f"computed:{id_}",
        Saying(command=command, version=version, arguments={**json.loads(arguments), "computation": id_}),
        local=now.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=committee_id,
        late="do",
    )


async def computed(tx: Reader, committee_id: int, id_: int) -> Computed | None:
    """What came of it. None: it is not there, or not done."""
    row = await tx.one(
        "SELECT body, hash, result FROM computations WHERE id = ? AND committee_id = ? AND done_us IS NOT NULL",
        id_,
        committee_id,
    )
    if row is None:
        return None
    body, hash_, result = row
    return Computed(id=id_, body=json.loads(body), hash=hash_, result=None if result is None else json.loads(result))


async def under_way(tx: Reader, committee_id: int, command: str) -> bool:
    """Whether something is being worked out for this command, or it has not been said yet what came of it."""
    row = await tx.one(
        """SELECT 1 FROM computations c WHERE c.committee_id = ? AND c.command = ?
           AND (c.done_us IS NULL OR EXISTS (SELECT 1 FROM due d WHERE d.key = 'computed:' || c.id)) LIMIT 1""",
        committee_id,
        command,
    )
    return row is not None


async def forget(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """Nothing of a committee's facts stays here. Whoever wanted something that is not done finds nothing, at once."""
    rows = await tx.all(
        """DELETE FROM computations WHERE committee_id = ?
           RETURNING id, command, version, arguments, done_us IS NULL""",
        committee_id,
    )
    for id_, command, version, arguments, waits in rows:
        if waits:
            await _say(tx, committee_id, id_, (command, version, arguments), now=now)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """What is done is not kept."""
    await tx.execute("DELETE FROM computations WHERE done_us <= ?", to_us(now - KEPT))
