"""What was given in a committee and is not counted in hours: who gave it, who got it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain.gifts import Given
from bot.text import Minutes
from storage import cards, entries, notes
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

Side = Literal["gave", "got"]
COUNTED_MAX = 100_000
HIDDEN = "gifts_hidden"
"""The agreement of whoever shows how often they gave to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """One gift. `got` is empty where it was for all. Names are those of now."""

    id: int
    number: int
    recorder_id: int
    recorder: str
    gave: tuple[tuple[int, str], ...]
    got: tuple[tuple[int, str], ...]
    undone: bool
    at: datetime

    @property
    def thing(self) -> str:
        """What its card and its words are kept under."""
        return f"gift:{self.id}"

    @property
    def people(self) -> frozenset[int]:
        """All who are in it."""
        return frozenset(id_ for id_, _ in (*self.gave, *self.got))


async def record(
    tx: Transaction,
    committee: Committee,
    *,
    gave: Sequence[Member],
    got: Sequence[Member],
    minutes: Minutes | None,
    words: str,
    recorder: Member,
    now: datetime,
) -> Gift:
    """Write it down, with a chained entry. `got`: nobody where it is for all."""
    number = int(await tx.value("SELECT coalesce(max(number), 0) + 1 FROM gifts WHERE committee_id = ?", committee.id))
    id_ = int(
        await tx.value(
            """INSERT INTO gifts (committee_id, number, recorder_id, minutes, at_us) VALUES (?, ?, ?, ?, ?)
               RETURNING id""",
            committee.id,
            number,
            recorder.id,
            minutes,
            to_us(now),
        )
    )
    sides: tuple[tuple[Side, Iterable[Member]], ...] = (("gave", gave), ("got", got))
    for side, members in sides:
        for member in members:
            await tx.execute(
                "INSERT INTO gift_people (gift_id, member_id, side) VALUES (?, ?, ?)", id_, member.id, side
            )
    body: dict[str, object] = {
        "gift": number,
        "recorder": recorder.id,
        "gave": [member.id for member in gave],
        "got": [member.id for member in got],
    }
    if minutes is not None:
        body["minutes"] = int(minutes)
    if words:
        body["note"] = await notes.keep(tx, f"gift:{id_}", words)
    await entries.append(tx, committee, "gift", body, now=now)
    found = await numbered(tx, committee.id, number)
    assert found is not None
    return found


async def numbered(tx: Reader, committee_id: int, number: int) -> Gift | None:
    """The committee's gift with this number."""
    id_ = await tx.value("SELECT id FROM gifts WHERE committee_id = ? AND number = ?", committee_id, number)
    return None if id_ is None else await get(tx, committee_id, id_)


async def get(tx: Reader, committee_id: int, id_: int) -> Gift | None:
    """One of the committee's gifts."""
    row = await tx.one(
        """SELECT g.number, g.recorder_id, m.called, g.undone_us IS NOT NULL, g.at_us
           FROM gifts g JOIN members m ON m.id = g.recorder_id WHERE g.id = ? AND g.committee_id = ?""",
        id_,
        committee_id,
    )
    if row is None:
        return None
    number, recorder_id, recorder, undone, at_us = row
    people = await tx.all(
        """SELECT p.side, m.id, m.called FROM gift_people p JOIN members m ON m.id = p.member_id
           WHERE p.gift_id = ? ORDER BY m.id LIMIT 1000""",
        id_,
    )
    return Gift(
        id=id_,
        number=number,
        recorder_id=recorder_id,
        recorder=recorder,
        gave=tuple((member_id, name) for side, member_id, name in people if side == "gave"),
        got=tuple((member_id, name) for side, member_id, name in people if side == "got"),
        undone=bool(undone),
        at=from_us(at_us),
    )


async def newest_by(tx: Reader, member_id: int) -> tuple[int, datetime] | None:
    """Number and time of the newest gift that somebody recorded and that stands; None: there is none."""
    row = await tx.one(
        "SELECT number, at_us FROM gifts WHERE recorder_id = ? AND undone_us IS NULL ORDER BY id DESC LIMIT 1",
        member_id,
    )
    return None if row is None else (row[0], from_us(row[1]))


async def take_back(tx: Transaction, committee: Committee, gift: Gift, by: Member, *, now: datetime) -> bool:
    """Whoever recorded it takes it back; another one in it takes themselves out. Returns whether anything is left.

    What nobody gave, or nobody got, is no gift any more. Its words go with it.
    """
    gave, got = ({id_ for id_, _ in side} - {by.id} for side in (gift.gave, gift.got))
    left = by.id != gift.recorder_id and bool(gave) and bool(got or not gift.got)
    if left:
        await tx.execute("DELETE FROM gift_people WHERE gift_id = ? AND member_id = ?", gift.id, by.id)
    else:
        await tx.execute("UPDATE gifts SET undone_us = ? WHERE id = ?", to_us(now), gift.id)
        await notes.erase(tx, gift.thing)
    body = {"ungift": gift.number, "member": by.id, "left": left}
    await entries.append(tx, committee, "gift", body, now=now)
    await cards.changed(tx, gift.thing)
    return left


async def of_member(tx: Reader, member_id: int) -> list[Given]:
    """Every gift that somebody is in and that stands."""
    return await _given(
        tx,
        "g.id IN (SELECT gift_id FROM gift_people WHERE member_id = ?)",
        member_id,
    )


async def since(tx: Reader, committee_id: int, first: datetime) -> list[Given]:
    """Every gift in a committee from an instant on that stands."""
    return await _given(tx, "g.committee_id = ? AND g.at_us >= ?", committee_id, to_us(first))


async def _given(tx: Reader, which: str, *values: int) -> list[Given]:
    rows = await tx.all(
        f"""SELECT g.minutes, (SELECT json_group_array(json_array(p.side, p.member_id)) FROM gift_people p
                WHERE p.gift_id = g.id)
            FROM gifts g WHERE {which} AND g.undone_us IS NULL ORDER BY g.id LIMIT {COUNTED_MAX}""",
        *values,
    )
    found = []
    for minutes, people in rows:
        sides: dict[str, set[int]] = {"gave": set(), "got": set()}
        for side, member_id in json.loads(people):
            sides[side].add(member_id)
        found.append(
            Given(
                gave=frozenset(sides["gave"]),
                got=frozenset(sides["got"]),
                minutes=None if minutes is None else Minutes(minutes),
            )
        )
    return found


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one, which is in every gift that either was in."""
    await tx.execute(
        """INSERT INTO gift_people (gift_id, member_id, side) SELECT gift_id, ?2, side FROM gift_people
           WHERE member_id = ?1 ON CONFLICT DO NOTHING""",
        old,
        into,
    )
    await tx.execute("DELETE FROM gift_people WHERE member_id = ?", old)
    await tx.execute("UPDATE gifts SET recorder_id = ? WHERE recorder_id = ?", into, old)
