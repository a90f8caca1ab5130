"""Working groups, their rolls and chats, who wants one to end; and what was proposed about the committee's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain import circles
from bot.domain.grammar import folded
from storage import connections, people
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingGroup:
    """A working group of a committee, and how many are in it."""

    id: int
    committee_id: int
    name: str
    size: int
    ended: bool


_GROUP = """g.id, g.committee_id, g.name, g.ended_us,
            (SELECT count(*) FROM working_group_members w WHERE w.group_id = g.id AND w.until_us IS NULL)"""


def _group(row: Sequence[Any]) -> WorkingGroup:
    id_, committee_id, name, ended_us, size = row
    return WorkingGroup(id=id_, committee_id=committee_id, name=name, size=size, ended=ended_us is not None)


async def make(tx: Transaction, committee_id: int, name: str, *, now: datetime) -> WorkingGroup:
    """A new group, with nobody in it. Its name must be free."""
    id_ = await tx.value(
        "INSERT INTO working_groups (committee_id, name, name_key, made_us) VALUES (?, ?, ?, ?) RETURNING id",
        committee_id,
        name,
        folded(name),
        to_us(now),
    )
    return WorkingGroup(id=id_, committee_id=committee_id, name=name, size=0, ended=False)


async def get(tx: Reader, committee_id: int, id_: int) -> WorkingGroup | None:
    """A group of this committee, also one that has ended."""
    row = await tx.one(
        f"SELECT {_GROUP} FROM working_groups g WHERE g.id = ? AND g.committee_id = ?", id_, committee_id
    )
    return _group(row) if row else None


async def named(tx: Reader, committee_id: int, name: str) -> WorkingGroup | None:
    """The committee's group of this name."""
    row = await tx.one(
        f"SELECT {_GROUP} FROM working_groups g WHERE g.committee_id = ? AND g.name_key = ? AND g.ended_us IS NULL",
        committee_id,
        folded(" ".join(name.split())),
    )
    return _group(row) if row else None


async def all_of(tx: Reader, committee_id: int) -> list[WorkingGroup]:
    """The committee's groups, by name."""
    rows = await tx.all(
        f"""SELECT {_GROUP} FROM working_groups g WHERE g.committee_id = ? AND g.ended_us IS NULL
            ORDER BY g.name_key LIMIT ?""",
        committee_id,
        circles.GROUPS_MAX,
    )
    return [_group(row) for row in rows]


async def of_member(tx: Reader, member_id: int) -> list[WorkingGroup]:
    """The groups that a member is in, by name."""
    rows = await tx.all(
        f"""SELECT {_GROUP} FROM working_group_members o JOIN working_groups g ON g.id = o.group_id
            WHERE o.member_id = ? AND o.until_us IS NULL ORDER BY g.name_key LIMIT ?""",
        member_id,
        circles.GROUPS_MAX,
    )
    return [_group(row) for row in rows]


async def of_person(tx: Reader, person_id: int, name: str) -> list[tuple[WorkingGroup, int]]:
    """The groups of this name that a person is in, in whichever committee; with the ids of their memberships there."""
    rows = await tx.all(
        f"""SELECT {_GROUP}, m.id FROM members m
            JOIN working_group_members o ON o.member_id = m.id AND o.until_us IS NULL
            JOIN working_groups g ON g.id = o.group_id
            WHERE m.person_id = ? AND m.active = 1 AND g.name_key = ? ORDER BY g.id LIMIT ?""",
        person_id,
        folded(" ".join(name.split())),
        people.COMMITTEES_MAX,
    )
    return [(_group(row[:-1]), row[-1]) for row in rows]


async def join(tx: Transaction, group_id: int, member_id: int, *, now: datetime) -> bool:
    """From now on the member is on the group's roll. False: was already."""
    return bool(
        await tx.all(
            """INSERT INTO working_group_members (group_id, member_id, from_us) VALUES (?, ?, ?)
               ON CONFLICT DO NOTHING RETURNING 1""",
            group_id,
            member_id,
            to_us(now),
        )
    )


async def leave(tx: Transaction, group_id: int, member_id: int, *, now: datetime) -> bool:
    """From now on the member is not on the group's roll. False: was not."""
    return bool(
        await tx.all(
            """UPDATE working_group_members SET until_us = ?
               WHERE group_id = ? AND member_id = ? AND until_us IS NULL RETURNING 1""",
            to_us(now),
            group_id,
            member_id,
        )
    )


async def end(tx: Transaction, group_id: int, *, now: datetime) -> None:
    """The group is over: nobody is in it, and its name is free. Its chat must have been let go."""
    await tx.execute("UPDATE working_groups SET ended_us = ? WHERE id = ?", to_us(now), group_id)
    await tx.execute(
        "UPDATE working_group_members SET until_us = ? WHERE group_id = ? AND until_us IS NULL", to_us(now), group_id
    )


# --- its chat --------------------------------------------------------------------------------------------------


async def chat_of(tx: Reader, group_id: int) -> tuple[Place, bool] | None:
    """The group's own chat, and whether the bot can write there; None: it has none."""
    row = await tx.one("SELECT id, open FROM chats WHERE working_group_id = ?", group_id)
    place = await people.place_of(tx, row[0]) if row else None
    return (place, bool(row[1])) if row and place else None


async def title_of(tx: Reader, place: Place) -> str:
    """What the chat is called, with its network."""
    title = await tx.value("SELECT title FROM chats WHERE id = ?", place.id)
    return connections.Group(place=place, title=str(title), open=True).name


async def settle(tx: Transaction, place: Place, group: WorkingGroup, *, topic: str | None) -> None:
    """Make a chat the group's own."""
    await people.settle_in(tx, place, group.committee_id, topic=topic)
    await tx.execute("UPDATE chats SET working_group_id = ? WHERE id = ?", group.id, place.id)


async def let_go(tx: Transaction, place: Place) -> None:
    """The chat is no group's and no committee's any more."""
    await connections.take_out_group(tx, place)


# --- its end ---------------------------------------------------------------------------------------------------


async def want_end(tx: Transaction, group_id: int, member_id: int, *, now: datetime) -> bool:
    """A member wants the group to end. False: wanted it already, and that still counts."""
    return bool(
        await tx.all(
            """INSERT INTO working_group_endings (group_id, member_id, at_us) VALUES (?, ?, ?)
               ON CONFLICT (group_id, member_id) DO UPDATE SET at_us = excluded.at_us WHERE at_us <= ? RETURNING 1""",
            group_id,
            member_id,
            to_us(now),
            to_us(now - circles.END_WITHIN),
        )
    )


async def wanting_end(tx: Reader, group_id: int, *, now: datetime) -> frozenset[int]:
    """The ids of the members who want it to end."""
    rows = await tx.all(
        "SELECT member_id FROM working_group_endings WHERE group_id = ? AND at_us > ? LIMIT 100000",
        group_id,
        to_us(now - circles.END_WITHIN),
    )
    return frozenset(member_id for (member_id,) in rows)


# --- its size, and the committee's -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A proposal to become several small groups. `group_id`: of which one; None: of the whole committee."""

    id: int
    group_id: int | None
    size: int
    """Beyond how many it was proposed."""
    at: datetime
    below: bool
    declined_by: int | None


_SPLIT = "id, group_id, size, at_us, below, declined_by"


def _split(row: Sequence[Any]) -> Split:
    id_, group_id, size, at_us, below, declined_by = row
    return Split(id=id_, group_id=group_id, size=size, at=from_us(at_us), below=bool(below), declined_by=declined_by)


async def propose_split(tx: Transaction, committee_id: int, group_id: int | None, *, size: int, now: datetime) -> int:
    """Write down that it was proposed. Returns the id."""
    return int(
        await tx.value(
            "INSERT INTO splits (committee_id, group_id, size, at_us) VALUES (?, ?, ?, ?) RETURNING id",
            committee_id,
            group_id,
            size,
            to_us(now),
        )
    )


async def split(tx: Reader, committee_id: int, id_: int) -> Split | None:
    """A proposal of this committee."""
    row = await tx.one(f"SELECT {_SPLIT} FROM splits WHERE id = ? AND committee_id = ?", id_, committee_id)
    return _split(row) if row else None


async def last_split(tx: Reader, committee_id: int, group_id: int | None) -> Split | None:
    """The newest proposal about a group, or about the whole committee."""
    row = await tx.one(
        f"SELECT {_SPLIT} FROM splits WHERE committee_id = ? AND group_id IS ? ORDER BY id DESC LIMIT 1",
        committee_id,
        group_id,
    )
    return _split(row) if row else None


async def went_below(tx: Transaction, split_id: int) -> None:
    """There are no more than the size: when it is passed again, that is news."""
    await tx.execute("UPDATE splits SET below = 1 WHERE id = ?", split_id)


async def decline(tx: Transaction, split_id: int, member_id: int) -> None:
    """A member said: not now."""
    await tx.execute("UPDATE splits SET declined_by = ? WHERE id = ?", member_id, split_id)
