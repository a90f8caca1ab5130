"""Being called to alerts: what members have said of it, and who there is to call."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.domain import escalation as rule
from storage import availability, outbox, people
from storage.alerts import Alert
from storage.database import Reader, Transaction
from storage.people import Member

MEMBERS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one member has said. `wakes`: None: nothing yet."""

    wakes: bool | None
    near: tuple[str, ...]


async def own(tx: Reader, member_id: int) -> Own:
    """What a member has said of being called. Tell `near` to nobody but them."""
    row = await tx.one("SELECT wakes, near FROM alert_wishes WHERE member_id = ?", member_id)
    wakes, near = row or (None, "[]")
    return Own(wakes=None if wakes is None else bool(wakes), near=tuple(json.loads(near)))


async def set_wakes(tx: Transaction, member_id: int, wakes: bool) -> None:
    """From now on alerts may be told in their quiet hours, or not."""
    await tx.execute(
        """INSERT INTO alert_wishes (member_id, wakes) VALUES (?, ?)
           ON CONFLICT (member_id) DO UPDATE SET wakes = excluded.wakes""",
        member_id,
        int(wakes),
    )


async def set_near(tx: Transaction, member_id: int, near: Sequence[str]) -> None:
    """From now on they are near these areas."""
    await tx.execute(
        """INSERT INTO alert_wishes (member_id, near) VALUES (?, ?)
           ON CONFLICT (member_id) DO UPDATE SET near = excluded.near""",
        member_id,
        json.dumps([*near], ensure_ascii=False),
    )
    tx.wipe = True


async def forget(tx: Transaction, member_id: int) -> None:
    """Nothing of this is kept any more."""
    await tx.execute("DELETE FROM alert_wishes WHERE member_id = ?", member_id)
    tx.wipe = True


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another: what was said for that one holds, else what was said for the other."""
    await tx.execute("UPDATE OR IGNORE alert_wishes SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM alert_wishes WHERE member_id = ?", old)


# --- who there is to call ----------------------------------------------------------------------------------------


async def who_wakes(tx: Reader, committee_id: int) -> frozenset[int]:
    """Ids of the members who agreed to be told in their quiet hours."""
    rows = await tx.all(
        """SELECT w.member_id FROM alert_wishes w JOIN members m ON m.id = w.member_id
           WHERE m.committee_id = ? AND w.wakes = 1 LIMIT ?""",
        committee_id,
        MEMBERS_MAX,
    )
    return frozenset(id_ for (id_,) in rows)


async def to_call(
    tx: Reader, committee_id: int, *, on_call: Collection[int], places: Sequence[str]
) -> list[tuple[Member, rule.Person]]:
    """The committee's members, and in which ring each of them may be. `places`: what was said of where the alert is, as
    all may know it."""
    near: dict[int, list[str]] = {}
    if places:
        near = {
            id_: json.loads(areas)
            for id_, areas in await tx.all(
                """SELECT w.member_id, w.near FROM alert_wishes w JOIN members m ON m.id = w.member_id
                   WHERE m.committee_id = ? AND w.near <> '[]' LIMIT ?""",
                committee_id,
                MEMBERS_MAX,
            )
        }
    can: dict[int, set[str]] = {}
    for skill in await availability.skills(tx, committee_id):
        if needs := rule.need_of(skill.names):
            for holder in await availability.holders(tx, skill.id):
                can.setdefault(holder, set()).update(needs)
    return [
        (
            one,
            rule.Person(
                id=one.id,
                on_call=one.id in on_call,
                near=any(rule.is_near(near.get(one.id, ()), place) for place in places),
                can=frozenset(can.get(one.id, ())),
            ),
        )
        for one in await people.active(tx, committee_id, limit=MEMBERS_MAX)
    ]


# --- what is on its way ------------------------------------------------------------------------------------------


async def call_back(tx: Transaction, alert: Alert, thing: str) -> None:
    """What still waits to be sent of a call is not sent: enough are coming. Those people wait to be called again."""
    await tx.execute(
        """UPDATE alert_pages SET state = 'waits' WHERE alert_id = ?1 AND state = 'sent'
           AND outbox_id IN (SELECT id FROM outbox WHERE state = 'waiting' AND instr(about, ?2) > 0)""",
        alert.id,
        f" {thing} ",
    )
    await outbox.withdraw(tx, thing)


async def messages(tx: Reader, outbox_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """For those of our messages that the network has taken: the chat's row id, and the network's name for it."""
    rows = await tx.all(
        """SELECT id, chat_id, message FROM outbox WHERE state = 'delivered' AND message IS NOT NULL
           AND id IN (SELECT value FROM json_each(?)) LIMIT ?""",
        json.dumps(sorted(outbox_ids)),
        MEMBERS_MAX,
    )
    return {id_: (chat_id, message) for id_, chat_id, message in rows}
