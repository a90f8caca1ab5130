"""Slots that people sign up for: who asked for which, in which order. `bot.domain.slots` says who has one by that."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain.slots import Asking
from storage import cards, due
from storage.database import Reader, Transaction
from storage.instants import to_us
from storage.people import Member
from storage.polls import Poll

ASKINGS_MAX = 10_000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)


async def asked(tx: Reader, poll: Poll) -> list[Asking]:
    """Who asked for which slot, in the order of asking."""
    rows = await tx.all(
        "SELECT member_id, place FROM slot_askings WHERE poll_id = ? ORDER BY id LIMIT ?", poll.id, ASKINGS_MAX
    )
    return [Asking(member_id, place) for member_id, place in rows]


async def ask(tx: Transaction, poll: Poll, asking: Asking, *, now: datetime) -> None:
    """Somebody asks for a slot, behind all who asked before."""
    await tx.execute(
        "INSERT INTO slot_askings (poll_id, place, member_id, asked_us) VALUES (?, ?, ?, ?)",
        poll.id,
        asking.place,
        asking.member,
        to_us(now),
    )
    await cards.changed(tx, poll.thing)


async def give_up(tx: Transaction, poll: Poll, asking: Asking) -> bool:
    """Somebody gives a slot up, or waits for it no more. False: they had not asked for it."""
    gone = await tx.all(
        "DELETE FROM slot_askings WHERE poll_id = ? AND place = ? AND member_id = ? RETURNING 1",
        poll.id,
        asking.place,
        asking.member,
    )
    if gone:
        await cards.changed(tx, poll.thing)
    return bool(gone)


async def open_of(tx: Reader, member_id: int) -> list[tuple[int, int]]:
    """The polls that are open, and the slots in them for which this member has asked."""
    rows = await tx.all(
        """SELECT a.poll_id, a.place FROM slot_askings a JOIN polls p ON p.id = a.poll_id
           WHERE a.member_id = ? AND p.state = 'open' ORDER BY a.id LIMIT 1000""",
        member_id,
    )
    return [(poll_id, place) for poll_id, place in rows]


# --- what the rota has of it -------------------------------------------------------------------------------------


async def task_of(tx: Reader, poll: Poll, place: int) -> int | None:
    """The task of the rota that was made of this slot, or of a meeting (place 0)."""
    found = await tx.value("SELECT task_id FROM poll_tasks WHERE poll_id = ? AND place = ?", poll.id, place)
    return None if found is None else int(found)


async def made_task(tx: Transaction, poll: Poll, place: int, task_id: int) -> None:
    """This task of the rota was made of it."""
    await tx.execute("INSERT INTO poll_tasks (poll_id, place, task_id) VALUES (?, ?, ?)", poll.id, place, task_id)
    await cards.changed(tx, poll.thing)


# --- people come and go ------------------------------------------------------------------------------------------


async def leave(tx: Transaction, member: Member) -> None:
    """Somebody goes: at once, the clock gives their slots to those who wait."""
    if await open_of(tx, member.id):
        await due.plan(
            tx,
            f"slots:{member.id}",
            Saying(command="slots_left", arguments={"who": member.id}),
            local=_LONG_AGO,
            zone=ZoneInfo("UTC"),
            committee=member.committee_id,
            late="do",
        )


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what either has asked for is that one's, by who asked first."""
    await tx.execute(
        """DELETE FROM slot_askings WHERE member_id IN (?1, ?2) AND EXISTS (
               SELECT 1 FROM slot_askings o WHERE o.poll_id = slot_askings.poll_id AND o.place = slot_askings.place
               AND o.member_id IN (?1, ?2) AND o.id < slot_askings.id)""",
        old,
        into,
    )
    await tx.execute("UPDATE slot_askings SET member_id = ? WHERE member_id = ?", into, old)
