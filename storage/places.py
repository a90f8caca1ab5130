"""Where an alert is, for those who come: the words, who is named, and what was shown to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.places import Tier
from bot.text import Written
from storage import notes, outbox
from storage.alerts import Alert
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

DISCLOSURES_MAX = 1000
TIERS: tuple[Tier, ...] = ("meeting", "exact")


def thing(alert: Alert, tier: Tier) -> str:
    """What the words are kept under."""
    return f"alert_meet:{alert.id}" if tier == "meeting" else f"alert_exact:{alert.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A place as it was shown to somebody. `ends_at`: it is taken away then; `taken`: it was, or never arrived."""

    id: int
    member_id: int
    tier: Tier
    at: datetime
    ends_at: datetime
    taken: bool
    outbox_id: int


# --- the words ---------------------------------------------------------------------------------------------------


async def of(tx: Reader, alert: Alert, tier: Tier) -> Written | None:
    """The words; None: nobody has said any, or they are erased."""
    return await notes.written(tx, thing(alert, tier))


async def say(tx: Transaction, alert: Alert, tier: Tier, text: str) -> str:
    """Write a place down, instead of an earlier one; the salted hash that stands for it in the books."""
    if await tx.one("SELECT 1 FROM notes WHERE thing = ?", thing(alert, tier)) is not None:
        await outbox.withdraw(tx, thing(alert, tier))
        return await notes.reword(tx, thing(alert, tier), text)
    if tier == "meeting":
        return await notes.keep(tx, f"alert_meet:{alert.id}", text)
    return await notes.keep(tx, f"alert_exact:{alert.id}", text)


async def erase(tx: Transaction, alert: Alert) -> None:
    """Nobody needs to know any more: the words go from every file."""
    for tier in TIERS:
        await notes.erase(tx, thing(alert, tier))


# --- who is named ------------------------------------------------------------------------------------------------


async def name(tx: Transaction, alert: Alert, member_id: int, *, until: datetime, now: datetime) -> None:
    """Somebody may see the exact place until then."""
    await tx.execute(
        """INSERT INTO alert_named (alert_id, member_id, at_us, until_us) VALUES (?, ?, ?, ?)
           ON CONFLICT (alert_id, member_id) DO UPDATE SET at_us = excluded.at_us, until_us = excluded.until_us""",
        alert.id,
        member_id,
        to_us(now),
        to_us(until),
    )


async def unname(tx: Transaction, alert: Alert, member_id: int) -> None:
    """They may not any more."""
    await tx.execute("DELETE FROM alert_named WHERE alert_id = ? AND member_id = ?", alert.id, member_id)


async def named(tx: Reader, alert: Alert, *, now: datetime) -> Mapping[int, datetime]:
    """Who may see the exact place now, and until when."""
    rows = await tx.all(
        "SELECT member_id, until_us FROM alert_named WHERE alert_id = ? AND until_us > ? ORDER BY member_id LIMIT ?",
        alert.id,
        to_us(now),
        DISCLOSURES_MAX,
    )
    return {member: from_us(until_us) for member, until_us in rows}


# --- what was shown ----------------------------------------------------------------------------------------------


async def disclosed(
    tx: Transaction, alert: Alert, member_id: int, tier: Tier, *, outbox_id: int, until: datetime, now: datetime
) -> None:
    """Somebody is shown a place by this message."""
    await tx.execute(
        """INSERT INTO alert_disclosures (alert_id, member_id, tier, at_us, ends_us, outbox_id)
           VALUES (?, ?, ?, ?, ?, ?)""",
        alert.id,
        member_id,
        tier,
        to_us(now),
        to_us(until),
        outbox_id,
    )


async def disclosures(tx: Reader, alert: Alert, *, left: bool = False) -> list[Disclosure]:
    """What was shown to whom, oldest first. `left`: only what is not taken away yet."""
    rows = await tx.all(
        """SELECT id, member_id, tier, at_us, ends_us, taken_us IS NOT NULL, outbox_id FROM alert_disclosures
           WHERE alert_id = ? AND (taken_us IS NULL OR NOT ?) ORDER BY id LIMIT ?""",
        alert.id,
        int(left),
        DISCLOSURES_MAX,
    )
    return [
        Disclosure(
            id=id_,
            member_id=member,
            tier=tier,
            at=from_us(at_us),
            ends_at=from_us(ends_us),
            taken=bool(taken),
            outbox_id=outbox_id,
        )
        for id_, member, tier, at_us, ends_us, taken, outbox_id in rows
    ]


async def end(
    tx: Transaction, alert: Alert, *, tier: Tier | None = None, member_id: int | None = None, now: datetime
) -> None:
    """What is shown (of this tier, to this member) is shown no longer."""
    await tx.execute(
        """UPDATE alert_disclosures SET ends_us = max(at_us, min(ends_us, ?)) WHERE alert_id = ? AND taken_us IS NULL
           AND tier = coalesce(?, tier) AND member_id = coalesce(?, member_id)""",
        to_us(now),
        alert.id,
        tier,
        member_id,
    )


async def taken(tx: Transaction, one: Disclosure, *, now: datetime) -> None:
    """It is taken away."""
    await tx.execute("UPDATE alert_disclosures SET taken_us = ? WHERE id = ?", to_us(now), one.id)


async def any_left(tx: Reader, alert: Alert) -> bool:
    """Whether it is still known who was named, or was shown something."""
    shown = (
        "SELECT 1 FROM alert_disclosures WHERE alert_id = ?1 UNION ALL SELECT 1 FROM alert_named WHERE alert_id = ?1"
    )
    return await tx.one(f"{shown} LIMIT 1", alert.id) is not None


async def forget(tx: Transaction, alert: Alert) -> None:
    """Nobody need know any more who was named, and who was shown what."""
    await tx.execute("DELETE FROM alert_named WHERE alert_id = ?", alert.id)
    await tx.execute("DELETE FROM alert_disclosures WHERE alert_id = ?", alert.id)


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another."""
    await tx.execute("UPDATE alert_disclosures SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE OR IGNORE alert_named SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM alert_named WHERE member_id = ?", old)
