"""Things that fall due: what the clock will say, and when."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.chat import Saying
from bot.domain import recurrence
from bot.domain.chain import canonical
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

log = logging.getLogger(__name__)

AT_ONCE_MAX = 100

Late = Literal["do", "skip"]
"""What a late start means: still useful, so do it; or useless, so pass it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that falls due."""

    key: str
    committee_id: int | None
    says: Saying
    local: datetime
    zone: str
    rrule: str | None
    at: datetime
    late: Late


async def plan(
    tx: Transaction,
    key: str,
    says: Saying,
    *,
    local: datetime,
    zone: ZoneInfo,
    committee: int | None,
    late: Late,
    rrule: str | None = None,
    move: bool = True,
    since: datetime | None = None,
) -> None:
    """The clock will say this at a wall time in a zone. The key is unique: planning it again moves it, if `move`.

    `since`: it comes after a stretch of time that begins then. Where the clock is set back behind that, it comes at
    once, and what is said then looks at the time anew.
    """
    assert local.tzinfo is None
    if not move and await tx.one("SELECT 1 FROM due WHERE key = ?", key) is not None:
        return
    await tx.execute(
        """INSERT INTO due (key, committee_id, command, version, arguments, local, zone, rrule, at_us, late,
               planned_us)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (key) DO UPDATE SET local = excluded.local, zone = excluded.zone, rrule = excluded.rrule,
               at_us = excluded.at_us, command = excluded.command, version = excluded.version,
               arguments = excluded.arguments, late = excluded.late, planned_us = excluded.planned_us""",
        key,
        committee,
        says.command,
        says.version,
        canonical(says.arguments),
        local.isoformat(),
        zone.key,
        rrule,
        to_us(recurrence.instant(local, zone)),
        late,
        None if since is None else to_us(since),
    )
    tx.outgoing.append(Planned())


async def plan_at(tx: Transaction, key: str, says: Saying, when: datetime, *, committee: int) -> None:
    """The clock will say this at an instant, late rather than never. A change of clocks does not move it."""
    local = when.astimezone(UTC).replace(tzinfo=None)
    await plan(tx, key, says, local=local, zone=ZoneInfo("UTC"), committee=committee, late="do")


async def plan_after(
    tx: Transaction, key: str, says: Saying, when: datetime, *, since: datetime, committee: int
) -> None:
    """The clock will say this at an instant that is a stretch of time away; it does not wait for longer where the
    clock is set back."""
    local = when.astimezone(UTC).replace(tzinfo=None)
    await plan(tx, key, says, local=local, zone=ZoneInfo("UTC"), committee=committee, late="do", since=since)


@dataclass(frozen=True, slots=True)
class Planned:
    """Told to the clock: look again when the next thing falls due."""


def look_again(tx: Transaction) -> None:
    """Something was planned otherwise than by `plan`, such as by the schema itself."""
    tx.outgoing.append(Planned())


async def cancel(tx: Transaction, key: str) -> None:
    """The clock will not say this."""
    await tx.execute("DELETE FROM due WHERE key = ?", key)
    tx.outgoing.append(Planned())


async def at(tx: Reader, key: str) -> datetime | None:
    """When the clock says this; None: it does not."""
    at_us = await tx.value("SELECT at_us FROM due WHERE key = ?", key)
    return from_us(at_us) if at_us is not None else None


async def next_at(tx: Reader) -> datetime | None:
    """When the next thing falls due."""
    at_us = await tx.value("SELECT min(at_us) FROM due")
    return from_us(at_us) if at_us is not None else None


async def next_but(tx: Reader, command: str) -> datetime | None:
    """When the next thing falls due that is not this command."""
    at_us = await tx.value("SELECT min(at_us) FROM due WHERE command <> ?", command)
    return from_us(at_us) if at_us is not None else None


async def put_off(tx: Transaction, command: str, *, until: datetime) -> int:
    """Let this command fall due no sooner than this, wherever it is planned. How many it was sooner."""
    rows = await tx.all(
        "UPDATE due SET at_us = ?1 WHERE command = ?2 AND at_us < ?1 AND rrule IS NULL RETURNING 1",
        to_us(until),
        command,
    )
    return len(rows)


async def fallen(tx: Reader, *, now: datetime) -> list[Row]:
    """What has fallen due, longest ago first, at most `AT_ONCE_MAX`."""
    rows = await tx.all(
        """SELECT key, committee_id, command, version, arguments, local, zone, rrule, at_us, late
           FROM due WHERE at_us <= ?1 OR planned_us > ?1 ORDER BY at_us, key LIMIT ?2""",
        to_us(now),
        AT_ONCE_MAX,
    )
    return [
        Row(
            key=key,
            committee_id=committee_id,
            says=Saying(command=command, version=version, arguments=json.loads(arguments)),
            local=datetime.fromisoformat(local),
            zone=zone,
            rrule=rrule,
            at=from_us(at_us),
            late=late,
        )
        for key, committee_id, command, version, arguments, local, zone, rrule, at_us, late in rows
    ]


async def done(tx: Transaction, row: Row, *, now: datetime) -> bool:
    """Take a row off, or move it to its next time. False: it was taken off or moved before."""
    following = None
    if row.rrule is not None:
        try:
            zone = ZoneInfo(row.zone)
            following = recurrence.following(row.rrule, start=row.local, zone=zone, after=max(now, row.at))
        except (ValueError, ZoneInfoNotFoundError):
            # A zone that is no more: it happens this once, and must not hold up everything after it.
            log.exception("recurrence ended")
    if following is None:
        return bool(await tx.all("DELETE FROM due WHERE key = ? AND at_us = ? RETURNING 1", row.key, to_us(row.at)))
    # `local` stays the first occurrence: the rule counts from it.
    return bool(
        await tx.all(
            "UPDATE due SET at_us = ? WHERE key = ? AND at_us = ? RETURNING 1",
            to_us(following[1]),
            row.key,
            to_us(row.at),
        )
    )
