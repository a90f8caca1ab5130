"""Alerts: the rows, what has happened in each, and whom it was to reach."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from bot.domain import alarm
from bot.domain.alarm import Alarm, Event, Outcome, Severity, Status, Urgency
from bot.domain.chain import canonical
from bot.text import Written
from storage import entries, linked_alerts, notes, outbox
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

OPEN_MAX = 50
RECENT_MAX = 20
EVENTS_MAX = 20_000
PAGES_MAX = 100_000

CONTENT_TABLES: tuple[str, ...] = (
    *("alert_debriefs", "alert_hours", "alert_named", "alert_disclosures", "linked_tallies", "linked_sent"),
    *("phone_views", "alert_callers", "alert_calls", "alert_stand_downs", "alert_pages", "alert_events"),
)
"""Whose rows go with an alert's content, by their column alert_id, in this order."""
CONTENT_NOTES: tuple[str, ...] = (
    "SELECT 'alert:' || ?1",
    "SELECT 'alert_area:' || ?1",
    "SELECT 'alert_meet:' || ?1",
    "SELECT 'alert_exact:' || ?1",
    "SELECT 'alert_update:' || id FROM alert_events WHERE alert_id = ?1",
    "SELECT 'alert_debrief:' || id FROM alert_debriefs WHERE alert_id = ?1",
)
"""Which words go with it: questions for the things that they are kept under."""
CONTENT_KEPT = frozenset({"alert_counts", "drill_scores"})
"""Tables about alerts that stay: they hold figures and nothing else."""
CONTENT_FREED = ("pauses", "linked_alerts")
"""Tables whose rows go in their own time; which alert they came from goes with its content."""
_CONTENT_MAX = 100_000

PageState = Literal["sent", "unreachable", "waits", "answered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert as it was raised. What it is now: `now_is`."""

    id: int
    committee_id: int
    number: int
    kind: str
    status: Status
    urgency: Urgency
    severity: Severity
    raiser_id: int | None
    raised_at: datetime
    expires_at: datetime
    over_at: datetime | None
    outcome: Outcome | None
    area: Written | None
    """Where, as all may know; None: nobody said, or it is erased."""
    words: Written | None
    news: tuple[datetime, Written] | None
    """What whoever raised it, or an organizer, has written last, and when."""
    origin: tuple[str, str | None] | None = None
    """The linked committee that has sent it, and the one whose alert it is, where that is another."""

    @property
    def thing(self) -> str:
        """What its card and its words are kept under."""
        return f"alert:{self.id}"

    @property
    def exercise(self) -> bool:
        """It is a drill."""
        return self.status == "exercise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Somebody whom an alert was to reach in private."""

    member_id: int
    ring: int
    at: datetime
    outbox_id: int | None
    state: PageState


_COLUMNS = """id, committee_id, number, kind, status, urgency, severity, raiser_id, raised_us, expires_us, over_us,
              outcome"""


async def _alert(tx: Reader, row: Sequence[Any]) -> Alert:
    (id_, committee_id, number, kind, status, urgency, severity, raiser, raised_us, expires_us, over_us, outcome) = row
    return Alert(
        id=id_,
        committee_id=committee_id,
        number=number,
        kind=kind,
        status=status,
        urgency=urgency,
        severity=severity,
        raiser_id=raiser,
        raised_at=from_us(raised_us),
        expires_at=from_us(expires_us),
        over_at=None if over_us is None else from_us(over_us),
        outcome=outcome,
        area=await notes.written(tx, f"alert_area:{id_}"),
        words=await notes.written(tx, f"alert:{id_}"),
        news=await _news(tx, id_),
        origin=await linked_alerts.name_of_origin(tx, id_),
    )


async def _news(tx: Reader, alert_id: int) -> tuple[datetime, Written] | None:
    row = await tx.one(
        """SELECT e.id, e.at_us FROM alert_events e JOIN notes n ON n.thing = 'alert_update:' || e.id
           WHERE e.alert_id = ? AND e.kind = 'updated' AND n.text IS NOT NULL ORDER BY e.id DESC LIMIT 1""",
        alert_id,
    )
    if row is None:
        return None
    words = await notes.written(tx, f"alert_update:{row[0]}")
    assert words is not None
    return from_us(row[1]), words


async def add(
    tx: Transaction,
    committee: Committee,
    *,
    kind: str,
    status: Status,
    urgency: Urgency,
    severity: Severity,
    raiser_id: int | None,
    area: str,
    words: str,
    needs: Mapping[str, int],
    expires: datetime,
    now: datetime,
    outside: int | None = None,
) -> Alert:
    """A new alert, with its first event; the books tell that it was raised, not by whom.

    `outside`: for how many witnesses the linked committee counts whose alert it is; None: it is raised here.
    """
    row = await tx.one(
        f"""INSERT INTO alerts (committee_id, number, kind, status, urgency, severity, raiser_id, raised_us, expires_us)
            SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM alerts WHERE committee_id = ?1
            RETURNING {_COLUMNS}""",
        committee.id,
        kind,
        status,
        urgency,
        severity,
        raiser_id,
        to_us(now),
        to_us(expires),
    )
    assert row is not None
    id_, number = row[0], row[2]
    body: dict[str, Any] = {"alert": number, "raised": kind, "status": status}
    if words:
        body["words"] = await notes.keep(tx, f"alert:{id_}", words)
    if area:
        body["area"] = await notes.keep(tx, f"alert_area:{id_}", area)
    if words and raiser_id is not None:
        await notes.wrote(tx, f"alert:{id_}", raiser_id, now=now)
    await entries.append(tx, committee, "alert", body, now=now)
    found = await _alert(tx, row)
    data = {"needs": dict(needs), **({} if outside is None else {"outside": outside})}
    await happened(tx, found, "raised", member_id=raiser_id, data=data, now=now)
    return found


async def update(
    tx: Transaction, committee: Committee, alert: Alert, words: str, *, member_id: int | None, now: datetime
) -> Alert:
    """Something new is known; the books tell that, not by whom."""
    id_ = await happened(tx, alert, "updated", member_id=member_id, now=now)
    hashed = await notes.keep(tx, f"alert_update:{id_}", words)
    if member_id is not None:
        await notes.wrote(tx, f"alert_update:{id_}", member_id, now=now)
    await entries.append(tx, committee, "alert", {"alert": alert.number, "update": id_, "words": hashed}, now=now)
    return replace(alert, news=await _news(tx, alert.id))


async def shown_on(tx: Reader, thing: str) -> str | None:
    """The card that shows a note that is kept beside an alert's own; None: it is none of an alert."""
    kind, _, ref = thing.partition(":")
    match kind:
        case "alert_area":
            return f"alert:{ref}"
        case "alert_update":
            id_ = await tx.value("SELECT alert_id FROM alert_events WHERE id = ?", int(ref))
            return None if id_ is None else f"alert:{id_}"
        case _:
            return None


async def get(tx: Reader, committee_id: int, id_: int) -> Alert | None:
    """The committee's alert with this id."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM alerts WHERE id = ? AND committee_id = ?", id_, committee_id)
    return await _alert(tx, row) if row else None


async def numbered(tx: Reader, committee_id: int, number: int) -> Alert | None:
    """The committee's alert with this number."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM alerts WHERE committee_id = ? AND number = ?", committee_id, number)
    return await _alert(tx, row) if row else None


async def open_(tx: Reader, committee_id: int) -> list[Alert]:
    """The alerts that go on, oldest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM alerts WHERE committee_id = ? AND over_us IS NULL ORDER BY id LIMIT ?",
        committee_id,
        OPEN_MAX,
    )
    return [await _alert(tx, row) for row in rows]


async def recent(tx: Reader, committee_id: int, *, since: datetime) -> list[Alert]:
    """The alerts that were raised since then, newest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM alerts WHERE committee_id = ? AND raised_us >= ? ORDER BY id DESC LIMIT ?",
        committee_id,
        to_us(since),
        RECENT_MAX,
    )
    return [await _alert(tx, row) for row in rows]


async def raised_by(tx: Reader, raiser: Member, *, since: datetime) -> list[Alert]:
    """The alerts that somebody has raised since then, newest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM alerts WHERE raiser_id = ? AND raised_us > ? ORDER BY id DESC LIMIT ?",
        raiser.id,
        to_us(since),
        OPEN_MAX,
    )
    return [await _alert(tx, row) for row in rows]


async def of_strangers(tx: Reader, committee_id: int, *, since: datetime) -> list[Alert]:
    """The alerts that people who are no members have raised since then, newest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM alerts a WHERE committee_id = ? AND raised_us > ? AND EXISTS (
                SELECT 1 FROM alert_events e WHERE e.alert_id = a.id AND e.kind = 'held'
                AND json_extract(e.data, '$.why') = 'stranger')
            ORDER BY id DESC LIMIT ?""",
        committee_id,
        to_us(since),
        OPEN_MAX,
    )
    return [await _alert(tx, row) for row in rows]


# --- what has happened -------------------------------------------------------------------------------------------


async def happened(
    tx: Transaction,
    alert: Alert,
    kind: str,
    *,
    member_id: int | None = None,
    data: Mapping[str, Any] | None = None,
    now: datetime,
) -> int:
    """Add an event to an alert; its id."""
    return int(
        await tx.value(
            "INSERT INTO alert_events (alert_id, kind, member_id, at_us, data) VALUES (?, ?, ?, ?, ?) RETURNING id",
            alert.id,
            kind,
            member_id,
            to_us(now),
            canonical(dict(data or {})),
        )
    )


async def events(tx: Reader, alert: Alert) -> list[Event]:
    """What has happened in an alert, in the order in which it was known, and what linked committees bring."""
    rows = await tx.all(
        "SELECT id, kind, member_id, at_us, data FROM alert_events WHERE alert_id = ? ORDER BY id LIMIT ?",
        alert.id,
        EVENTS_MAX,
    )
    found = [
        Event(id=id_, kind=kind, member=member, at=from_us(at_us), data=json.loads(data))
        for id_, kind, member, at_us, data in rows
    ]
    return found + await linked_alerts.events(tx, alert.id)


async def has_had(tx: Reader, alert: Alert, kind: str) -> bool:
    """Whether something of this kind has happened in it."""
    found = await tx.one("SELECT 1 FROM alert_events WHERE alert_id = ? AND kind = ? LIMIT 1", alert.id, kind)
    return found is not None


async def now_is(tx: Reader, alert: Alert, *, now: datetime) -> Alarm:
    """What an alert is at a moment. What became of it stands in its row too, and stays when its content is deleted."""
    found = alarm.alarm(await events(tx, alert), expires_at=alert.expires_at, now=now)
    return found if alert.outcome is None else replace(found, outcome=alert.outcome, over_at=alert.over_at)


async def over(tx: Transaction, alert: Alert, outcome: Outcome, *, now: datetime) -> None:
    """From now on it is over."""
    await tx.execute(
        "UPDATE alerts SET over_us = ?, outcome = ? WHERE id = ? AND over_us IS NULL", to_us(now), outcome, alert.id
    )


async def delete_content(tx: Transaction, alert: Alert) -> None:
    """Everything that was said and done in an alert goes from every file, with who raised it."""
    for question in CONTENT_NOTES:
        for (thing,) in await tx.all(f"{question} LIMIT {_CONTENT_MAX}", alert.id):
            await notes.erase(tx, thing)
    for table in CONTENT_TABLES:
        await tx.execute(f"DELETE FROM {table} WHERE alert_id = ?", alert.id)
    for table in CONTENT_FREED:
        await tx.execute(f"UPDATE {table} SET alert_id = NULL WHERE alert_id = ?", alert.id)
    await tx.execute("UPDATE alerts SET raiser_id = NULL WHERE id = ?", alert.id)
    await outbox.withdraw(tx, alert.thing)
    tx.wipe = True


# --- whom it was to reach ----------------------------------------------------------------------------------------


async def page(
    tx: Transaction,
    alert: Alert,
    member_id: int,
    *,
    ring: int,
    outbox_id: int | None,
    state: PageState,
    now: datetime,
) -> None:
    """Somebody was to be reached; said again, how that went the last time counts, and the first ring."""
    await tx.execute(
        """INSERT INTO alert_pages (alert_id, member_id, ring, at_us, outbox_id, state) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (alert_id, member_id) DO UPDATE SET outbox_id = excluded.outbox_id, state = excluded.state""",
        alert.id,
        member_id,
        ring,
        to_us(now),
        outbox_id,
        state,
    )


async def answered(tx: Transaction, alert: Alert, member_id: int) -> None:
    """Somebody has done something in it, so the alert has reached them."""
    await tx.execute(
        "UPDATE alert_pages SET state = 'answered' WHERE alert_id = ? AND member_id = ?", alert.id, member_id
    )


async def pages(tx: Reader, alert: Alert) -> list[Page]:
    """Whom an alert was to reach in private, in the order of the rings."""
    rows = await tx.all(
        """SELECT member_id, ring, at_us, outbox_id, state FROM alert_pages WHERE alert_id = ?
           ORDER BY ring, member_id LIMIT ?""",
        alert.id,
        PAGES_MAX,
    )
    return [
        Page(member_id=member, ring=ring, at=from_us(at_us), outbox_id=outbox_id, state=state)
        for member, ring, at_us, outbox_id, state in rows
    ]


async def here_since(tx: Reader, member_id: int) -> tuple[datetime, datetime]:
    """When a member came in, and when their committee began."""
    row = await tx.one(
        "SELECT m.joined_us, c.created_us FROM members m JOIN committees c ON c.id = m.committee_id WHERE m.id = ?",
        member_id,
    )
    assert row is not None
    return from_us(row[0]), from_us(row[1])


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another: what it has raised and said goes on under the other."""
    await tx.execute("UPDATE alerts SET raiser_id = ? WHERE raiser_id = ?", into, old)
    await tx.execute("UPDATE alert_events SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE OR IGNORE alert_pages SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM alert_pages WHERE member_id = ?", old)
