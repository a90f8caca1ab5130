"""What comes after an alert: how it went, the hours of those who came, and the figures that stay when the rest goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from bot.domain import aftermath as rule
from bot.domain import retention
from bot.domain.aftermath import Answer, Counts
from storage import alerts, cards, entries, notes, rules
from storage.alerts import Alert
from storage.database import Reader, Transaction
from storage.instants import to_us
from storage.people import Committee

KEEP = "alert_keep"
"""The rule that says for how many days an alert's content is kept after it is over."""
ASKED_MAX = 10_000
PURGED_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Debrief:
    """What somebody was asked, and what they have said so far."""

    id: int
    member_id: int
    truth: Answer | None
    in_time: Answer | None

    @property
    def thing(self) -> str:
        """What their words are kept under."""
        return f"alert_debrief:{self.id}"


# --- how it went -------------------------------------------------------------------------------------------------


async def ask(tx: Transaction, alert: Alert, member_id: int, *, now: datetime) -> bool:
    """Somebody is asked now. False: they were before."""
    asked = await tx.all(
        """INSERT INTO alert_debriefs (alert_id, member_id, asked_us) VALUES (?, ?, ?)
           ON CONFLICT (alert_id, member_id) DO NOTHING RETURNING id""",
        alert.id,
        member_id,
        to_us(now),
    )
    return bool(asked)


async def debrief_of(tx: Reader, alert: Alert, member_id: int) -> Debrief | None:
    """What somebody was asked about an alert; None: they were not."""
    row = await tx.one(
        "SELECT id, member_id, truth, in_time FROM alert_debriefs WHERE alert_id = ? AND member_id = ?",
        alert.id,
        member_id,
    )
    return None if row is None else _debrief(row)


async def debriefs(tx: Reader, alert: Alert) -> list[Debrief]:
    """What everybody who was asked about an alert has said."""
    rows = await tx.all(
        "SELECT id, member_id, truth, in_time FROM alert_debriefs WHERE alert_id = ? ORDER BY id LIMIT ?",
        alert.id,
        ASKED_MAX,
    )
    return [_debrief(row) for row in rows]


def _debrief(row: Sequence[object]) -> Debrief:
    id_, member_id, truth, in_time = row
    return Debrief(
        id=cast("int", id_),
        member_id=cast("int", member_id),
        truth=cast("Answer | None", truth),
        in_time=cast("Answer | None", in_time),
    )


async def say_truth(tx: Transaction, debrief: Debrief, said: Answer) -> None:
    """Whether it was real; said again, the last counts."""
    await tx.execute("UPDATE alert_debriefs SET truth = ? WHERE id = ?", said, debrief.id)


async def say_in_time(tx: Transaction, debrief: Debrief, said: Answer) -> None:
    """Whether it was in time; said again, the last counts."""
    await tx.execute("UPDATE alert_debriefs SET in_time = ? WHERE id = ?", said, debrief.id)


async def write(
    tx: Transaction, committee: Committee, alert: Alert, debrief: Debrief, words: str, *, now: datetime
) -> None:
    """What should be otherwise; said again, the last counts. The books tell that somebody wrote, not who."""
    if await tx.one("SELECT 1 FROM notes WHERE thing = ?", debrief.thing) is None:
        veil = await notes.keep(tx, f"alert_debrief:{debrief.id}", words)
    else:
        veil = await notes.reword(tx, f"alert_debrief:{debrief.id}", words)
    await entries.append(tx, committee, "alert_debrief", {"alert": alert.number, "words": veil}, now=now)


async def words_of(tx: Reader, alert: Alert) -> list[str]:
    """What people wrote, in an order that does not tell who was asked first."""
    rows = await tx.all(
        """SELECT n.text FROM alert_debriefs d JOIN notes n ON n.thing = 'alert_debrief:' || d.id
           WHERE d.alert_id = ? AND n.text IS NOT NULL ORDER BY n.text LIMIT ?""",
        alert.id,
        ASKED_MAX,
    )
    return [str(text) for (text,) in rows]


# --- hours -------------------------------------------------------------------------------------------------------


async def claim_of(tx: Reader, alert: Alert, member_id: int) -> int | None:
    """The exchange by which somebody asked for their hours at an alert; None: they have not."""
    id_ = await tx.value(
        "SELECT exchange_id FROM alert_hours WHERE alert_id = ? AND member_id = ?", alert.id, member_id
    )
    return None if id_ is None else int(id_)


async def claimed(tx: Transaction, alert: Alert, member_id: int, exchange_id: int) -> None:
    """Somebody asks for their hours at an alert by this exchange, in place of one that came to nothing."""
    await tx.execute(
        """INSERT INTO alert_hours (alert_id, member_id, exchange_id) VALUES (?, ?, ?)
           ON CONFLICT (alert_id, member_id) DO UPDATE SET exchange_id = excluded.exchange_id""",
        alert.id,
        member_id,
        exchange_id,
    )


# --- what is kept ------------------------------------------------------------------------------------------------


async def kept_for(tx: Reader, committee_id: int) -> timedelta:
    """How long a committee keeps the content of alerts after they are over."""
    return timedelta(days=await rules.get(tx, committee_id, KEEP, retention.ALERTS.days))


async def counts(tx: Reader, alert: Alert) -> Counts | None:
    """The figures that are left of an alert; None: its content is still there."""
    row = await tx.one(
        """SELECT witnesses, told, coming, arrived, first_minutes, needs, met FROM alert_counts
           WHERE alert_id = ?""",
        alert.id,
    )
    if row is None:
        return None
    witnesses, told, coming, arrived, first_minutes, needs, met = row
    return Counts(
        witnesses=witnesses,
        told=told,
        coming=coming,
        arrived=arrived,
        first_minutes=first_minutes,
        needs=needs,
        met=met,
    )


async def counted(tx: Reader, alert: Alert) -> Counts:
    """The figures of an alert that is over, from what has happened in it."""
    assert alert.over_at is not None
    events = await alerts.events(tx, alert)
    return rule.counts(
        events,
        await alerts.now_is(tx, alert, now=alert.over_at),
        raised_at=alert.raised_at,
        until=alert.over_at,
        told=sum(one.state in ("sent", "answered") for one in await alerts.pages(tx, alert)),
    )


async def delete_content(tx: Transaction, alert: Alert, *, now: datetime) -> None:
    """Words, places, events, answers and whom it reached go from every file; figures stay. Twice does no harm."""
    if alert.over_at is None or await counts(tx, alert) is not None:
        return
    figures = await counted(tx, alert)
    said = rule.tally(one.truth for one in await debriefs(tx, alert))
    await tx.execute(
        """INSERT INTO alert_counts (alert_id, deleted_us, witnesses, told, coming, arrived, first_minutes, needs, met,
               truths, lies) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        alert.id,
        to_us(now),
        figures.witnesses,
        figures.told,
        figures.coming,
        figures.arrived,
        figures.first_minutes,
        figures.needs,
        figures.met,
        None if said is None else said["yes"],
        None if said is None else said["no"],
    )
    await alerts.delete_content(tx, alert)
    await cards.changed(tx, alert.thing)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Delete the content of every alert that has been over for as long as its committee keeps it."""
    after = 0
    while True:
        rows = await tx.all(
            """SELECT a.committee_id, a.id, a.over_us FROM alerts a
               WHERE a.over_us IS NOT NULL AND a.id > ? AND NOT EXISTS (SELECT 1 FROM alert_counts c
                   WHERE c.alert_id = a.id) ORDER BY a.id LIMIT ?""",
            after,
            PURGED_AT_ONCE,
        )
        for committee_id, after, over_us in rows:
            if over_us > to_us(now - await kept_for(tx, committee_id)):
                continue
            alert = await alerts.get(tx, committee_id, after)
            assert alert is not None
            await delete_content(tx, alert, now=now)
        if len(rows) < PURGED_AT_ONCE:
            return


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another: what it was asked and claimed goes on under the other."""
    for (id_,) in await tx.all(
        """SELECT d.id FROM alert_debriefs d WHERE d.member_id = ?1 AND EXISTS (SELECT 1 FROM alert_debriefs o
               WHERE o.alert_id = d.alert_id AND o.member_id = ?2) LIMIT 10000""",
        old,
        into,
    ):
        await notes.erase(tx, f"alert_debrief:{id_}")
        await tx.execute("DELETE FROM alert_debriefs WHERE id = ?", id_)
    await tx.execute("UPDATE alert_debriefs SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE OR IGNORE alert_hours SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM alert_hours WHERE member_id = ?", old)
