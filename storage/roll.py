"""Who is on a committee's roll: people without an account, children, who speaks for whom, and who shares a home."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain import roll
from bot.domain.grammar import folded
from storage import people
from storage.database import Reader, Transaction
from storage.instants import to_us
from storage.people import Committee, Member

MEMBERS_MAX = 10_000
HOUSEHOLD_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the roll. `home`: the names of the others who share a home."""

    name: str
    child: bool
    roles: tuple[str, ...]
    helper: str | None
    home: tuple[str, ...]


# --- people without an account ---------------------------------------------------------------------------------


async def add(
    tx: Transaction,
    committee: Committee,
    name: str,
    *,
    nickname: str | None = None,
    helper: int,
    invited_by: int,
    child: bool = False,
    household: int | None = None,
    newcomer_until: datetime | None = None,
    now: datetime,
) -> int:
    """The id of a new member without an account on a network, for whom a helper speaks; with hours, unless a child."""
    person = await tx.value("INSERT INTO persons (language, created_us) VALUES (NULL, ?) RETURNING id", to_us(now))
    key = folded(name)
    id_ = int(
        await tx.value(
            """INSERT INTO members (committee_id, person_id, name, name_key, first_key, nickname, nickname_key,
                                    joined_us, child, invited_by, helper_id, household_id, newcomer_until_us)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
            committee.id,
            person,
            name,
            key,
            key.split(" ")[0],
            nickname,
            folded(nickname) if nickname else None,
            to_us(now),
            int(child),
            invited_by,
            helper,
            household,
            None if newcomer_until is None else to_us(newcomer_until),
        )
    )
    if not child:
        await tx.execute("INSERT INTO accounts (committee_id, member_id) VALUES (?, ?)", committee.id, id_)
    return id_


async def known(tx: Reader, committee_id: int) -> list[roll.Known]:
    """All active members, as lists are compared with them."""
    usernames: dict[int, set[str]] = {}
    for person, username, local in await tx.all(
        """SELECT i.person_id, i.username_key, i.local_key FROM identities i JOIN members m ON m.person_id = i.person_id
           WHERE m.committee_id = ? AND m.active = 1 AND i.username_key IS NOT NULL LIMIT ?""",
        committee_id,
        MEMBERS_MAX,
    ):
        usernames.setdefault(person, set()).update(name for name in (username, local) if name)
    rows = await tx.all(
        """SELECT id, person_id, name_key, nickname_key, child, helper_id FROM members
           WHERE committee_id = ? AND active = 1 ORDER BY id LIMIT ?""",
        committee_id,
        MEMBERS_MAX,
    )
    return [
        roll.Known(
            id=id_,
            name=name,
            nickname=nickname,
            usernames=tuple(sorted(usernames.get(person, ()))),
            child=bool(child),
            helper_id=helper,
        )
        for id_, person, name, nickname, child, helper in rows
    ]


async def namesakes(tx: Reader, committee_id: int, name: str) -> list[Member]:
    """Who is called exactly this and has no account, children left out."""
    rows = await tx.all(
        """SELECT id FROM members WHERE committee_id = ? AND name_key = ? AND active = 1 AND child = 0
               AND helper_id IS NOT NULL ORDER BY id LIMIT ?""",
        committee_id,
        folded(name),
        people.NAMESAKES_MAX,
    )
    return [one for (id_,) in rows if (one := await people.member(tx, committee_id, id_)) is not None]


async def count_helped(tx: Reader, helper: Member) -> int:
    """For how many people without an account a member speaks, children left out."""
    return int(
        await tx.value("SELECT count(*) FROM members WHERE helper_id = ? AND active = 1 AND child = 0", helper.id)
    )


async def change_helper(tx: Transaction, member_id: int, helper: int | None) -> None:
    """From now on this member speaks for them; None: they speak for themselves."""
    await tx.execute("UPDATE members SET helper_id = ? WHERE id = ?", helper, member_id)


async def without_helper(tx: Reader, committee_id: int) -> list[Member]:
    """For whom nobody speaks any more: the helper has left, and no other adult shares a child's home."""
    rows = await tx.all(
        """SELECT m.id FROM members m JOIN members h ON h.id = m.helper_id
           WHERE m.committee_id = ? AND m.active = 1 AND h.active = 0
             AND NOT (m.child = 1 AND EXISTS (
                 SELECT 1 FROM members a WHERE a.household_id = m.household_id AND a.active = 1 AND a.child = 0
                     AND a.helper_id IS NULL))
           ORDER BY m.id LIMIT 50""",
        committee_id,
    )
    return [one for (id_,) in rows if (one := await people.member(tx, committee_id, id_)) is not None]


async def speaks_for(tx: Reader, helper: Member, who: Member) -> bool:
    """Whether a member speaks for somebody: as their helper; for a child as an adult of the home with an account."""
    if helper.id == who.id or helper.spoken_for or not who.spoken_for:
        return False
    if who.helper_id == helper.id:
        return True
    return who.child and helper.id in {one.id for one in await home_of(tx, who)}


# --- homes -----------------------------------------------------------------------------------------------------


async def household_of(tx: Reader, member: Member) -> int | None:
    """The id of the household that a member is in."""
    id_ = await tx.value("SELECT household_id FROM members WHERE id = ?", member.id)
    return None if id_ is None else int(id_)


async def home_of(tx: Reader, member: Member) -> list[Member]:
    """The active members who share this member's home, without them; adults first."""
    rows = await tx.all(
        """SELECT o.id FROM members m JOIN members o ON o.household_id = m.household_id AND o.id <> m.id
           WHERE m.id = ? AND o.active = 1 ORDER BY o.child, o.id LIMIT 50""",
        member.id,
    )
    return [one for (id_,) in rows if (one := await people.member(tx, member.committee_id, id_)) is not None]


async def settle_home(tx: Transaction, member: Member) -> int:
    """The member's household, made where they have none."""
    found = await household_of(tx, member)
    if found is None:
        found = int(
            await tx.value("INSERT INTO households (committee_id) VALUES (?) RETURNING id", member.committee_id)
        )
        await move_in(tx, member, found)
    return found


async def move_in(tx: Transaction, member: Member, household: int | None) -> None:
    """From now on the member shares this home; None: no home."""
    await tx.execute("UPDATE members SET household_id = ? WHERE id = ?", household, member.id)


async def move_out(tx: Transaction, member: Member) -> None:
    """The member shares this home no more. Children stay with the adults left; somebody alone has no household."""
    others = await home_of(tx, member)
    await move_in(tx, member, None)
    heir = next((one for one in others if not one.spoken_for), None)
    for one in others:
        if one.child and one.helper_id == member.id and heir is not None:
            await change_helper(tx, one.id, heir.id)
    if len(others) == 1:
        await move_in(tx, others[0], None)


# --- everybody -------------------------------------------------------------------------------------------------


async def page(tx: Reader, committee_id: int, *, first: int, size: int) -> list[Entry]:
    """A page of the roll in the order of names. `first` counts from 0."""
    rows = await tx.all(
        """SELECT m.id, coalesce(m.nickname, m.name), m.child, m.household_id, coalesce(h.nickname, h.name)
           FROM members m LEFT JOIN members h ON h.id = m.helper_id
           WHERE m.committee_id = ? AND m.active = 1
           ORDER BY coalesce(m.nickname_key, m.name_key), m.id LIMIT ? OFFSET ?""",
        committee_id,
        size,
        first,
    )
    found = []
    for id_, name, child, household, helper in rows:
        roles = await tx.all("SELECT role FROM roles WHERE member_id = ? AND until_us IS NULL LIMIT 50", id_)
        home = await tx.all(
            """SELECT coalesce(nickname, name) FROM members WHERE household_id = ? AND id <> ? AND active = 1
               ORDER BY child, id LIMIT 50""",
            household,
            id_,
        )
        found.append(
            Entry(
                name=name,
                child=bool(child),
                roles=tuple(sorted(role for (role,) in roles)),
                helper=helper,
                home=tuple(name for (name,) in home),
            )
        )
    return found


async def count_roll(tx: Reader, committee_id: int) -> tuple[int, int]:
    """How many adults and how many children are on the roll."""
    row = await tx.one(
        "SELECT count(*) - total(child), total(child) FROM members WHERE committee_id = ? AND active = 1", committee_id
    )
    assert row is not None
    return int(row[0]), int(row[1])
