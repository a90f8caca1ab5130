"""How far alerts have come: what became of their messages, who is to be called, and phone numbers.

What a message was for stands in what it is about (`page_thing`, `over_thing`), so that it is known when the network has
taken it, in the same unit of work, and also after the message itself was forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain.calling import Sees
from storage import cards
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

What = Literal["alert", "over"]
"""What somebody is called for: that there is an alert, or that it is over."""
Result = Literal["called", "coming"]
State = Literal["sent", "delivered", "unreachable", "known"]

LISTED_MAX = 100_000
_PAGE, _OVER = "alert_page:", "alert_over:"


def page_thing(alert_id: int, member_id: int) -> str:
    """What the message is about in which a member is told of an alert."""
    return f"{_PAGE}{alert_id}-{member_id}"


def over_thing(alert_id: int, member_id: int) -> str:
    """What the message is about in which a member is told that an alert is over."""
    return f"{_OVER}{alert_id}-{member_id}"


def tracking_thing(alert_id: int) -> str:
    """What the card shows that tells who knows that an alert is over."""
    return f"standing_down:{alert_id}"


async def came_of(tx: Transaction, about: Iterable[str], *, delivered: bool) -> None:
    """A message about these things was taken by its network, or will never be."""
    for thing in about:
        if not thing.startswith((_PAGE, _OVER)):
            continue
        alert_id, member_id = map(int, thing.partition(":")[2].split("-"))
        if thing.startswith(_PAGE):
            await tx.execute(
                "UPDATE alert_pages SET delivered = 1 WHERE alert_id = ? AND member_id = ?"
                if delivered
                else """UPDATE alert_pages SET state = 'unreachable'
                        WHERE alert_id = ? AND member_id = ? AND state = 'sent' AND delivered = 0""",
                alert_id,
                member_id,
            )
        else:
            await tx.execute(
                """UPDATE alert_stand_downs SET state = ?
                   WHERE alert_id = ? AND member_id = ? AND state IN ('sent', 'unreachable')""",
                "delivered" if delivered else "unreachable",
                alert_id,
                member_id,
            )
            await cards.changed(tx, tracking_thing(alert_id))


async def pages(tx: Reader, alert_id: int) -> list[tuple[int, str, bool]]:
    """Whom an alert was to reach: the member, the state, and whether the network has taken the message."""
    rows = await tx.all(
        "SELECT member_id, state, delivered FROM alert_pages WHERE alert_id = ? ORDER BY ring, member_id LIMIT ?",
        alert_id,
        LISTED_MAX,
    )
    return [(member, state, bool(delivered)) for member, state, delivered in rows]


async def page_message(tx: Reader, alert_id: int, member_id: int) -> int | None:
    """The row id of the message in which a member was told of an alert last; None: there is none."""
    row = await tx.one("SELECT outbox_id FROM alert_pages WHERE alert_id = ? AND member_id = ?", alert_id, member_id)
    return None if row is None else row[0]


async def unreachable(tx: Reader, alert_id: int) -> int:
    """How many could not be reached."""
    return int(
        await tx.value("SELECT count(*) FROM alert_pages WHERE alert_id = ? AND state = 'unreachable'", alert_id)
    )


# --- numbers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """Somebody's number, and who may see it."""

    number: str
    sees: Sees


async def phone(tx: Reader, member_id: int) -> Phone | None:
    """A member's number; None: they gave none."""
    row = await tx.one("SELECT number, sees FROM phones WHERE member_id = ?", member_id)
    return None if row is None else Phone(number=row[0], sees=row[1])


async def may_be_seen_by(tx: Reader, members: Collection[int]) -> dict[int, Sees]:
    """Of those who gave a number: who may see it."""
    rows = await tx.all(
        "SELECT member_id, sees FROM phones WHERE member_id IN (SELECT value FROM json_each(?)) LIMIT ?",
        json.dumps(sorted(members)),
        LISTED_MAX,
    )
    return dict(rows)


async def keep_phone(tx: Transaction, member_id: int, number: str, sees: Sees, *, now: datetime) -> None:
    """From now on this is their number, and these may see it."""
    await tx.execute(
        """INSERT INTO phones (member_id, number, sees, since_us) VALUES (?, ?, ?, ?)
           ON CONFLICT (member_id) DO UPDATE SET number = excluded.number, sees = excluded.sees,
               since_us = excluded.since_us""",
        member_id,
        number,
        sees,
        to_us(now),
    )
    tx.wipe = True


async def forget_phone(tx: Transaction, member_id: int) -> bool:
    """Their number is not kept any more, nor who has seen it. False: there was none."""
    gone = await tx.all("DELETE FROM phones WHERE member_id = ? RETURNING 1", member_id)
    tx.wipe = True
    return bool(gone)


async def number_shown(tx: Transaction, alert_id: int, member_id: int, viewer_id: int, *, now: datetime) -> None:
    """Somebody has been shown a member's number in an alert."""
    if member_id != viewer_id:
        await tx.execute(
            """INSERT INTO phone_views (alert_id, member_id, viewer_id, at_us) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING""",
            alert_id,
            member_id,
            viewer_id,
            to_us(now),
        )


async def take_views(tx: Transaction, alert_id: int, *, now: datetime) -> dict[int, list[int]]:
    """Whose numbers were shown to whom in an alert, and they have not been told; now they are."""
    rows = await tx.all(
        """UPDATE phone_views SET told_us = ? WHERE alert_id = ? AND told_us IS NULL
           RETURNING member_id, viewer_id, id""",
        to_us(now),
        alert_id,
    )
    found: dict[int, list[int]] = {}
    for member, viewer, _ in sorted(rows, key=lambda row: row[2]):
        found.setdefault(member, []).append(viewer)
    return found


# --- calls -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Somebody who is to be called. `caller_id`: whose part it is. `tries`: how often they did not answer."""

    member_id: int
    caller_id: int | None
    tries: int
    result: Result | None
    at: datetime
    shown_at: datetime | None
    """Since when whoever calls sees them, and perhaps has them on the phone."""


async def list_calls(tx: Transaction, alert_id: int, what: What, members: Iterable[int], *, now: datetime) -> int:
    """These are to be called; how many of them had not been on the list."""
    new = 0
    for member in members:
        added = await tx.all(
            """INSERT INTO alert_calls (alert_id, what, member_id, at_us) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING RETURNING 1""",
            alert_id,
            what,
            member,
            to_us(now),
        )
        new += bool(added)
    return new


async def calls(tx: Reader, alert_id: int, what: What) -> list[Call]:
    """The list, in the order in which they came on it."""
    rows = await tx.all(
        """SELECT member_id, caller_id, tries, result, at_us, shown_us FROM alert_calls WHERE alert_id = ? AND what = ?
           ORDER BY member_id LIMIT ?""",
        alert_id,
        what,
        LISTED_MAX,
    )
    return [
        Call(
            member_id=member,
            caller_id=caller,
            tries=tries,
            result=result,
            at=from_us(at_us),
            shown_at=None if shown_us is None else from_us(shown_us),
        )
        for member, caller, tries, result, at_us, shown_us in rows
    ]


async def give_call(tx: Transaction, alert_id: int, what: What, member_id: int, caller_id: int | None) -> None:
    """Whose part somebody is."""
    await tx.execute(
        "UPDATE alert_calls SET caller_id = ?, shown_us = NULL WHERE alert_id = ? AND what = ? AND member_id = ?",
        caller_id,
        alert_id,
        what,
        member_id,
    )


async def show_call(tx: Transaction, alert_id: int, what: What, member_id: int, *, now: datetime) -> None:
    """Whoever calls somebody sees them from now on."""
    await tx.execute(
        "UPDATE alert_calls SET shown_us = ? WHERE alert_id = ? AND what = ? AND member_id = ?",
        to_us(now),
        alert_id,
        what,
        member_id,
    )


async def came_of_call(
    tx: Transaction, alert_id: int, what: What, member_id: int, result: Result | None, *, caller_id: int, now: datetime
) -> bool:
    """What a call came to; None: nobody answered. False: somebody else has reached them already."""
    found = await tx.all(
        """UPDATE alert_calls SET result = ?1, tries = tries + (?1 IS NULL), caller_id = ?2, at_us = ?3,
               shown_us = NULL
           WHERE alert_id = ?4 AND what = ?5 AND member_id = ?6 AND result IS NULL RETURNING 1""",
        result,
        caller_id,
        to_us(now),
        alert_id,
        what,
        member_id,
    )
    return bool(found)


async def told_to_call(tx: Reader, alert_id: int) -> dict[int, bool]:
    """Who was told that there is somebody to call, and whether they have taken a part."""
    rows = await tx.all("SELECT member_id, calls FROM alert_callers WHERE alert_id = ? LIMIT ?", alert_id, LISTED_MAX)
    return {member: bool(takes) for member, takes in rows}


async def tell_to_call(tx: Transaction, alert_id: int, member_id: int, *, takes: bool = False) -> None:
    """They are told of it. `takes`: they take a part."""
    await tx.execute(
        """INSERT INTO alert_callers (alert_id, member_id, calls) VALUES (?, ?, ?)
           ON CONFLICT (alert_id, member_id) DO UPDATE SET calls = max(calls, excluded.calls)""",
        alert_id,
        member_id,
        int(takes),
    )


# --- standing down -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StandDown:
    """Somebody who is to learn that an alert is over. `coming`: they have to say that they know."""

    member_id: int
    coming: bool
    state: State
    reminded: bool

    @property
    def open(self) -> bool:
        """It is not certain that they know."""
        return self.state in ("sent", "unreachable") or (self.coming and self.state != "known")


async def stand_down(
    tx: Transaction, alert_id: int, member_id: int, *, coming: bool, state: State, now: datetime
) -> None:
    """Somebody is to learn that it is over."""
    await tx.execute(
        """INSERT INTO alert_stand_downs (alert_id, member_id, coming, state, at_us) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO NOTHING""",
        alert_id,
        member_id,
        int(coming),
        state,
        to_us(now),
    )


async def stand_downs(tx: Reader, alert_id: int) -> list[StandDown]:
    """Who was to learn that it is over."""
    rows = await tx.all(
        """SELECT member_id, coming, state, reminded_us IS NOT NULL FROM alert_stand_downs WHERE alert_id = ?
           ORDER BY member_id LIMIT ?""",
        alert_id,
        LISTED_MAX,
    )
    return [
        StandDown(member_id=member, coming=bool(coming), state=state, reminded=bool(reminded))
        for member, coming, state, reminded in rows
    ]


async def knows(tx: Transaction, alert_id: int, member_id: int) -> bool:
    """Somebody knows that it is over. False: they were not to be told."""
    found = await tx.all(
        "UPDATE alert_stand_downs SET state = 'known' WHERE alert_id = ? AND member_id = ? RETURNING 1",
        alert_id,
        member_id,
    )
    await cards.changed(tx, tracking_thing(alert_id))
    return bool(found)


async def reminded(tx: Transaction, alert_id: int, member_id: int, *, now: datetime) -> None:
    """Somebody was told once more."""
    await tx.execute(
        "UPDATE alert_stand_downs SET reminded_us = ? WHERE alert_id = ? AND member_id = ?",
        to_us(now),
        alert_id,
        member_id,
    )


# --- people ------------------------------------------------------------------------------------------------------

_ABOUT_PEOPLE = (
    ("phones", "member_id"),
    ("phone_views", "member_id"),
    ("phone_views", "viewer_id"),
    ("alert_callers", "member_id"),
    ("alert_calls", "member_id"),
    ("alert_stand_downs", "member_id"),
)


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another, with its number where the other has none."""
    for table, column in _ABOUT_PEOPLE:
        await tx.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {column} = ?", into, old)
        await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", old)
    await tx.execute("UPDATE alert_calls SET caller_id = ? WHERE caller_id = ?", into, old)


async def forget(tx: Transaction, member_id: int) -> None:
    """Nothing of this is kept any more."""
    for table, column in _ABOUT_PEOPLE:
        await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", member_id)
    await tx.execute("UPDATE alert_calls SET caller_id = NULL WHERE caller_id = ?", member_id)
    tx.wipe = True


async def purge(tx: Transaction, *, before: datetime) -> None:
    """Forget who was called and who knew, of alerts that were over before then; not that a number was shown."""
    for table in ("alert_callers", "alert_calls", "alert_stand_downs", "phone_views"):
        await tx.execute(
            f"DELETE FROM {table} WHERE alert_id IN (SELECT id FROM alerts WHERE over_us < ?)", to_us(before)
        )
