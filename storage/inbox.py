"""Events that were seen: keys only, kept long enough that no network can bring one again."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from bot.domain import retention
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

KEPT = retention.EVENTS
"""Telegram brings an update again for 24 hours at most; an adapter that reads back stops well before this."""


async def is_new(tx: Transaction, network: str, event: str, *, now: datetime) -> bool:
    """Put an event down as seen. False: it was seen before."""
    return bool(
        await tx.all(
            "INSERT INTO inbox (network, event, at_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
            network,
            event,
            to_us(now),
        )
    )


async def known(tx: Reader, network: str, events: Collection[str]) -> frozenset[str]:
    """Which of these events were put down as seen."""
    rows = await tx.all(
        "SELECT event FROM inbox WHERE network = ? AND event IN (SELECT value FROM json_each(?))",
        network,
        json.dumps([*events]),
    )
    return frozenset(event for (event,) in rows)


async def note(tx: Transaction, network: str, events: Collection[str], *, now: datetime) -> None:
    """Put events down as seen, whether or not they were before."""
    await tx.execute(
        "INSERT INTO inbox (network, event, at_us) SELECT ?, value, ? FROM json_each(?) WHERE true"
        " ON CONFLICT DO NOTHING",
        network,
        to_us(now),
        json.dumps([*events]),
    )


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget keys that no network can bring again."""
    await tx.execute("DELETE FROM inbox WHERE at_us < ?", to_us(now - KEPT))


async def position(tx: Reader, network: str) -> tuple[str, datetime] | None:
    """How far a network has been read, and when that was last confirmed."""
    row = await tx.one("SELECT position, at_us FROM positions WHERE network = ?", network)
    return (row[0], from_us(row[1])) if row else None


async def advance(tx: Transaction, network: str, position: str, *, now: datetime) -> None:
    """Everything before this position is handled."""
    await tx.execute(
        """INSERT INTO positions (network, position, at_us) VALUES (?, ?, ?)
           ON CONFLICT (network) DO UPDATE SET position = excluded.position, at_us = excluded.at_us""",
        network,
        position,
        to_us(now),
    )


async def positions(tx: Reader) -> list[tuple[str, datetime]]:
    """Each network that is read, and when it last answered."""
    rows = await tx.all("SELECT network, at_us FROM positions ORDER BY network LIMIT 20")
    return [(network, from_us(at_us)) for network, at_us in rows]


async def newest(tx: Reader) -> datetime | None:
    """When the newest event that is still remembered came in."""
    at_us = await tx.value("SELECT max(at_us) FROM inbox")
    return from_us(at_us) if at_us is not None else None
