"""What members have set up for a time when they are under threat, and who was told when they called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

CONTACTS_MAX = 10
CallState = Literal["on", "wrong", "off"]
"""It goes on; it goes on, and a wrong word was written; it was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom a member wants told, what, and what is kept of the word that cancels."""

    id: int
    member_id: int
    words: str
    salt: str
    hashed: str
    contacts: dict[int, bool | None]
    """Whether those whom they named have agreed; None: they have not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call for help. `said_at`: when it was said last."""

    id: int
    member_id: int
    at: datetime
    said_at: datetime
    state: CallState


async def plan_of(tx: Reader, member_id: int) -> Plan | None:
    """What a member has set up."""
    row = await tx.one("SELECT id, words, salt, hash FROM sos_plans WHERE member_id = ?", member_id)
    if row is None:
        return None
    contacts = await tx.all(
        "SELECT member_id, agreed FROM sos_contacts WHERE plan_id = ? ORDER BY member_id LIMIT ?", row[0], CONTACTS_MAX
    )
    return Plan(
        id=row[0],
        member_id=member_id,
        words=row[1],
        salt=row[2],
        hashed=row[3],
        contacts={id_: None if agreed is None else bool(agreed) for id_, agreed in contacts},
    )


async def set_plan(
    tx: Transaction, member_id: int, *, words: str, salt: str, hashed: str, contacts: Iterable[int]
) -> None:
    """In place of what was set up before. Who had agreed, and is named again, need not be asked again."""
    before = await plan_of(tx, member_id)
    await drop_plan(tx, member_id)
    id_ = await tx.value(
        "INSERT INTO sos_plans (member_id, words, salt, hash) VALUES (?, ?, ?, ?) RETURNING id",
        member_id,
        words,
        salt,
        hashed,
    )
    for contact in contacts:
        agreed = before is not None and before.contacts.get(contact) is True
        await tx.execute(
            "INSERT INTO sos_contacts (plan_id, member_id, agreed) VALUES (?, ?, ?)",
            id_,
            contact,
            1 if agreed else None,
        )


async def drop_plan(tx: Transaction, member_id: int) -> bool:
    """What was set up is gone. False: nothing was."""
    await tx.execute(
        "DELETE FROM sos_contacts WHERE plan_id IN (SELECT id FROM sos_plans WHERE member_id = ?)", member_id
    )
    tx.wipe = True
    return bool(await tx.all("DELETE FROM sos_plans WHERE member_id = ? RETURNING 1", member_id))


async def answer(tx: Transaction, plan: Plan, contact: int, *, agreed: bool) -> None:
    """Whoever was named has said whether they agree to be told."""
    await tx.execute(
        "UPDATE sos_contacts SET agreed = ? WHERE plan_id = ? AND member_id = ?", int(agreed), plan.id, contact
    )


async def asked_of(tx: Reader, member_id: int) -> list[int]:
    """Who has named this member, and waits for their answer."""
    rows = await tx.all(
        """SELECT p.member_id FROM sos_contacts c JOIN sos_plans p ON p.id = c.plan_id
           WHERE c.member_id = ? AND c.agreed IS NULL ORDER BY p.id LIMIT 50""",
        member_id,
    )
    return [id_ for (id_,) in rows]


# --- calls -------------------------------------------------------------------------------------------------------


async def running(tx: Reader, member_id: int) -> Call | None:
    """The call of a member that goes on."""
    row = await tx.one(
        """SELECT id, member_id, at_us, said_us, state FROM sos_calls WHERE member_id = ? AND state <> 'off'
           ORDER BY id DESC LIMIT 1""",
        member_id,
    )
    return None if row is None else _call(row[0], row[1], row[2], row[3], row[4])


def _call(id_: int, member_id: int, at_us: int, said_us: int, state: CallState) -> Call:
    return Call(id=id_, member_id=member_id, at=from_us(at_us), said_at=from_us(said_us), state=state)


async def call(tx: Reader, call_id: int) -> Call | None:
    """The call with this id, as long as it is kept."""
    row = await tx.one("SELECT id, member_id, at_us, said_us, state FROM sos_calls WHERE id = ?", call_id)
    return None if row is None else _call(row[0], row[1], row[2], row[3], row[4])


async def begin(tx: Transaction, member_id: int, *, now: datetime) -> Call:
    """A member calls for help."""
    id_ = await tx.value(
        "INSERT INTO sos_calls (member_id, at_us, said_us, state) VALUES (?, ?, ?, 'on') RETURNING id",
        member_id,
        to_us(now),
        to_us(now),
    )
    return Call(id=id_, member_id=member_id, at=now, said_at=now, state="on")


async def said_again(tx: Transaction, call: Call, *, now: datetime) -> None:
    """They have said it once more."""
    await tx.execute("UPDATE sos_calls SET said_us = ? WHERE id = ?", to_us(now), call.id)


async def put_state(tx: Transaction, call: Call, state: CallState) -> None:
    """Somebody has written a word."""
    await tx.execute("UPDATE sos_calls SET state = ? WHERE id = ?", state, call.id)


async def told(tx: Transaction, call: Call, member_id: int) -> None:
    """Somebody was told of it."""
    await tx.execute(
        "INSERT INTO sos_told (call_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING", call.id, member_id
    )


async def sees_to_it(tx: Transaction, call: Call, member_id: int) -> bool:
    """Somebody who was told sees to it. False: they were not told, or have said so before."""
    return bool(
        await tx.all(
            "UPDATE sos_told SET sees = 1 WHERE call_id = ? AND member_id = ? AND sees = 0 RETURNING 1",
            call.id,
            member_id,
        )
    )


async def who_was_told(tx: Reader, call: Call) -> list[int]:
    """The ids of those who were told of it."""
    rows = await tx.all("SELECT member_id FROM sos_told WHERE call_id = ? ORDER BY member_id LIMIT 100", call.id)
    return [id_ for (id_,) in rows]


async def drop_call(tx: Transaction, call_id: int) -> None:
    """Nothing of a call is kept."""
    await tx.execute("DELETE FROM sos_told WHERE call_id = ?", call_id)
    await tx.execute("DELETE FROM sos_calls WHERE id = ?", call_id)
    tx.wipe = True


async def leave(tx: Transaction, member_id: int) -> None:
    """Nothing is kept of what somebody has set up or said who leaves, nor that others have named them."""
    await drop_plan(tx, member_id)
    await tx.execute("DELETE FROM sos_contacts WHERE member_id = ?", member_id)
    await tx.execute("DELETE FROM sos_told WHERE member_id = ?", member_id)
    for (id_,) in await tx.all("SELECT id FROM sos_calls WHERE member_id = ? LIMIT 1000", member_id):
        await drop_call(tx, id_)


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another: what was set up last under the other stays, else this."""
    if await plan_of(tx, into) is not None:
        await drop_plan(tx, old)
    await tx.execute("UPDATE sos_plans SET member_id = ? WHERE member_id = ?", into, old)
    for table in ("sos_contacts", "sos_told"):
        await tx.execute(f"UPDATE OR IGNORE {table} SET member_id = ? WHERE member_id = ?", into, old)
        await tx.execute(f"DELETE FROM {table} WHERE member_id = ?", old)
    await tx.execute(
        """DELETE FROM sos_contacts WHERE member_id = ?1
           AND plan_id IN (SELECT id FROM sos_plans WHERE member_id = ?1)""",
        into,
    )
    await tx.execute("UPDATE sos_calls SET member_id = ? WHERE member_id = ?", into, old)
