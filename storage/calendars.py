"""Shifts as calendars take them, and the addresses under which calendar programs ask for them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain import calendars as rule
from bot.domain.calendars import Planned
from bot.text import Reader as For
from bot.text import supported
from storage import notes, people
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

Whose = Literal["mine", "committee"]
"""A member's own shifts, or all of the committee."""
WHOSE: tuple[Whose, ...] = ("mine", "committee")
WEB = "calendars"
"""Under this name `custodians.host` tells where the bot answers calendar programs; without it: nowhere."""

_PLANNED = "k.id, s.local, s.until, s.start_us, s.end_us, s.minutes, s.revision, s.revised_us"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A member's calendar of a committee. `reader`: in whose language it is."""

    committee: Committee
    whose: Whose
    reader: For
    shifts: tuple[Planned, ...]


# --- what is in it -----------------------------------------------------------------------------------------------


async def of(tx: Reader, member: Member, whose: Whose, reader: For, *, now: datetime) -> Calendar:
    """What a member's calendar holds: what is ahead, and the last weeks."""
    since = now - rule.BACK
    rows = await (_mine(tx, member, since=since) if whose == "mine" else _all(tx, member.committee_id, since=since))
    names = {task_id: await notes.written(tx, f"rota_task:{task_id}") for task_id in sorted({row[0] for row in rows})}
    committee = await people.committee(tx, member.committee_id)
    planned = [
        Planned(
            uid=rule.uid(committee.uid, task_id, datetime.fromisoformat(local)),
            name=names[task_id],
            local=datetime.fromisoformat(local),
            until=None if until is None else datetime.fromisoformat(until),
            at=from_us(start_us),
            end=from_us(end_us),
            minutes=minutes,
            revision=revision,
            revised=from_us(max(revised_us, since_us)),
            draft=bool(draft),
        )
        for task_id, local, until, start_us, end_us, minutes, revision, revised_us, since_us, draft in rows
    ]
    return Calendar(committee=committee, whose=whose, reader=reader, shifts=tuple(planned))


async def _mine(tx: Reader, member: Member, *, since: datetime) -> list[Row]:
    return await tx.all(
        f"""SELECT {_PLANNED}, a.since_us, a.stage = 'draft' FROM assignments a JOIN seats e ON e.id = a.seat_id
            JOIN shifts s ON s.id = e.shift_id JOIN rota_tasks k ON k.id = s.task_id
            WHERE a.member_id = ? AND a.state IN ('held', 'here', 'done', 'problem') AND s.end_us > ?
            ORDER BY s.end_us, s.id LIMIT ?""",
        member.id,
        to_us(since),
        rule.EVENTS_MAX,
    )


async def _all(tx: Reader, committee_id: int, *, since: datetime) -> list[Row]:
    return await tx.all(
        f"""SELECT {_PLANNED}, 0, 0 FROM rota_tasks k JOIN shifts s ON s.task_id = k.id
            WHERE k.committee_id = ? AND s.end_us > ? ORDER BY s.end_us, s.id LIMIT ?""",
        committee_id,
        to_us(since),
        rule.EVENTS_MAX,
    )


# --- addresses ---------------------------------------------------------------------------------------------------


def hashed(token: str) -> str:
    """What is kept of an address. It holds 160 random bits, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


async def since(tx: Reader, member: Member, whose: Whose) -> datetime | None:
    """Since when a member has an address for this; None: they have none."""
    since_us = await tx.value("SELECT since_us FROM calendars WHERE member_id = ? AND whose = ?", member.id, whose)
    return None if since_us is None else from_us(since_us)


async def make(tx: Transaction, member: Member, whose: Whose, *, now: datetime) -> str:
    """A new address; the one that was there works no more. What stands in it is told this once, and not kept."""
    token = tx.token() + tx.token()
    await tx.execute(
        """INSERT INTO calendars (digest, member_id, whose, since_us) VALUES (?, ?, ?, ?)
           ON CONFLICT (member_id, whose) DO UPDATE SET digest = excluded.digest, since_us = excluded.since_us""",
        hashed(token),
        member.id,
        whose,
        to_us(now),
    )
    return token


async def end(tx: Transaction, member: Member, whose: Whose) -> bool:
    """The address works no more. False: there was none."""
    return bool(await tx.all("DELETE FROM calendars WHERE member_id = ? AND whose = ? RETURNING 1", member.id, whose))


async def count(tx: Reader, committee_id: int) -> int:
    """How many members have an address for the committee's shifts."""
    return int(
        await tx.value(
            """SELECT count(*) FROM calendars c JOIN members m ON m.id = c.member_id
               WHERE m.committee_id = ? AND c.whose = 'committee'""",
            committee_id,
        )
    )


async def end_all(tx: Transaction, committee_id: int) -> int:
    """No address for the committee's shifts works any more; how many there were."""
    gone = await tx.all(
        """DELETE FROM calendars WHERE whose = 'committee'
           AND member_id IN (SELECT id FROM members WHERE committee_id = ?) RETURNING 1""",
        committee_id,
    )
    return len(gone)


async def asked(tx: Reader, token: str, *, now: datetime) -> Calendar | None:
    """What is under an address; None: nothing (any more)."""
    digest = hashed(token)
    row = await tx.one(
        """SELECT c.digest, c.whose, m.committee_id, m.id, p.language FROM calendars c
           JOIN members m ON m.id = c.member_id AND m.active = 1 JOIN persons p ON p.id = m.person_id
           WHERE c.digest = ?""",
        digest,
    )
    if row is None or not hmac.compare_digest(str(row[0]), digest):
        return None
    _, whose, committee_id, member_id, language = row
    member = await people.member(tx, committee_id, member_id)
    assert member is not None
    if member.rests_until is not None:
        # Others may have the telephone that asks.
        return None
    committee = await people.committee(tx, committee_id)
    reader = For(supported(language) or committee.language, committee.zone)
    return await of(tx, member, next(one for one in WHOSE if one == whose), reader, now=now)


# --- people come and go ------------------------------------------------------------------------------------------


async def leave_person(tx: Transaction, person_id: int) -> None:
    """Somebody else may have been in a person's accounts: none of their addresses works any more."""
    await tx.execute("DELETE FROM calendars WHERE member_id IN (SELECT id FROM members WHERE person_id = ?)", person_id)


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: its own addresses go on, else those of the other."""
    await tx.execute("UPDATE OR IGNORE calendars SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM calendars WHERE member_id = ?", old)
