"""Signatures for ending somebody's role early: who has signed, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage import cards
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us

State = Literal["open", "polled", "lapsed", "over"]
SIGNATURES_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """A recall that is being signed, or was. `role`: as in `roles`."""

    id: int
    member_id: int
    role_id: int
    role: str
    state: State
    expires_at: datetime
    poll_id: int | None

    @property
    def thing(self) -> str:
        """What its card is kept under."""
        return f"recall:{self.id}"


_SELECT = """SELECT c.id, c.member_id, c.role_id, r.role, c.state, c.expires_us, c.poll_id
             FROM recalls c JOIN roles r ON r.id = c.role_id"""


def _recall(row: Row) -> Recall:
    id_, member_id, role_id, role, state, expires_us, poll_id = row
    return Recall(
        id=id_,
        member_id=member_id,
        role_id=role_id,
        role=role,
        state=state,
        expires_at=from_us(expires_us),
        poll_id=poll_id,
    )


async def get(tx: Reader, committee_id: int, id_: int) -> Recall | None:
    """A recall in this committee."""
    row = await tx.one(f"{_SELECT} WHERE c.committee_id = ? AND c.id = ?", committee_id, id_)
    return None if row is None else _recall(row)


async def of_role(tx: Reader, role_id: int) -> Recall | None:
    """The one that is being signed about somebody's role."""
    row = await tx.one(f"{_SELECT} WHERE c.role_id = ? AND c.state = 'open'", role_id)
    return None if row is None else _recall(row)


async def begin(
    tx: Transaction, committee_id: int, member_id: int, role_id: int, *, expires: datetime, now: datetime
) -> Recall:
    """Signatures are gathered from now on."""
    id_ = await tx.value(
        """INSERT INTO recalls (committee_id, member_id, role_id, began_us, expires_us) VALUES (?, ?, ?, ?, ?)
           RETURNING id""",
        committee_id,
        member_id,
        role_id,
        to_us(now),
        to_us(expires),
    )
    found = await get(tx, committee_id, int(id_))
    assert found is not None
    return found


async def sign(tx: Transaction, one: Recall, member_id: int) -> bool:
    """Somebody signs; False: they had signed."""
    added = await tx.all(
        "INSERT INTO recall_signatures (recall_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        one.id,
        member_id,
    )
    await cards.changed(tx, one.thing)
    return bool(added)


async def unsign(tx: Transaction, one: Recall, member_id: int) -> bool:
    """Somebody takes their name off; False: it was not there."""
    gone = await tx.all(
        "DELETE FROM recall_signatures WHERE recall_id = ? AND member_id = ? RETURNING 1", one.id, member_id
    )
    await cards.changed(tx, one.thing)
    return bool(gone)


async def signed(tx: Reader, one: Recall) -> list[int]:
    """The ids of those who have signed."""
    rows = await tx.all(
        "SELECT member_id FROM recall_signatures WHERE recall_id = ? ORDER BY member_id LIMIT ?", one.id, SIGNATURES_MAX
    )
    return [id_ for (id_,) in rows]


async def end(tx: Transaction, one: Recall, state: State, *, poll_id: int | None = None) -> None:
    """Nobody can sign any more."""
    await tx.execute("UPDATE recalls SET state = ?, poll_id = ? WHERE id = ?", state, poll_id, one.id)
    await cards.changed(tx, one.thing)


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships are one, with one signature."""
    await tx.execute("UPDATE recalls SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE OR IGNORE recall_signatures SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM recall_signatures WHERE member_id = ?", old)
