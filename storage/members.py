"""How people come into a committee: who asks, who brought them, what they agreed to, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import admission
from bot.text import Written
from storage import cards, due, leaving, notes, people, rules
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Member, Person

WAITING_MAX = 50
RECOUNT_AFTER = timedelta(seconds=10)
"""So often at most the committee's card shows another number, or a group of forty would fill the chat with edits."""

State = Literal["open", "admitted", "lapsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody would like to join and waits for a member to vouch for them."""

    id: int
    number: int
    member_id: int
    vouched_by: int | None
    state: State
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What everybody who joins agrees to. `words`: as it is shown to each in their language; empty where erased."""

    id: int
    number: int
    words: Written
    in_force: bool


# --- coming in -------------------------------------------------------------------------------------------------


async def candidate(tx: Transaction, committee_id: int, person: Person, *, now: datetime) -> tuple[Member, bool]:
    """The membership of somebody who wants to join, made where there is none; and whether they were in before.

    It is not active: that it becomes by `take_in`.
    """
    found = await people.member_of(tx, committee_id, person.id)
    if found is None:
        joined = await people.join(tx, committee_id, person, now=now)
        await tx.execute("UPDATE members SET active = 0 WHERE id = ?", joined.id)
        found = await people.member_of(tx, committee_id, person.id)
    assert found is not None
    return found[0], await was_in(tx, found[0].id)


async def was_in(tx: Reader, member_id: int) -> bool:
    """Whether they are a member or were one: who only asked has never left."""
    return (
        await tx.one("SELECT 1 FROM members WHERE id = ? AND (active = 1 OR left_us IS NOT NULL)", member_id)
        is not None
    )


async def take_in(
    tx: Transaction, member_id: int, *, by: int | None, newcomer_until: datetime | None, now: datetime
) -> None:
    """Make somebody a member. Whoever was one before keeps all they had, and who brought them in the first time."""
    if await was_in(tx, member_id):
        await tx.execute("UPDATE members SET active = 1, left_us = NULL WHERE id = ?", member_id)
        await leaving.returned(tx, member_id, now=now)
    else:
        await tx.execute(
            "UPDATE members SET active = 1, joined_us = ?, invited_by = ?, newcomer_until_us = ? WHERE id = ?",
            to_us(now),
            by,
            None if newcomer_until is None else to_us(newcomer_until),
            member_id,
        )
    ended = await tx.all(
        """UPDATE admissions SET state = 'admitted', vouched_by = ?2 WHERE member_id = ?1 AND state = 'open'
           RETURNING id""",
        member_id,
        by,
    )
    for (id_,) in ended:
        await due.cancel(tx, f"admission:{id_}")
        await cards.changed(tx, f"admission:{id_}")


async def note_brought(tx: Transaction, committee_id: int, person_id: int, by_id: int) -> None:
    """This member added somebody to a group of the committee. The first who did so counts."""
    await tx.execute(
        """INSERT INTO brought (committee_id, person_id, by_id) VALUES (?, ?, ?)
           ON CONFLICT (committee_id, person_id) DO NOTHING""",
        committee_id,
        person_id,
        by_id,
    )


async def brought_by(tx: Reader, committee_id: int, person_id: int) -> int | None:
    """The member who added this person to a group of the committee, as far as a network told it."""
    by = await tx.value("SELECT by_id FROM brought WHERE committee_id = ? AND person_id = ?", committee_id, person_id)
    return None if by is None else int(by)


async def same_branch(tx: Reader, committee_id: int, one: int, other: int) -> bool:
    """Whether two members are of one invite branch, and so are not two witnesses. The founder's is the trunk."""
    inviters, trunk = await branches(tx, committee_id)
    return admission.same_branch(one, other, inviters, trunk=trunk)


async def branches(tx: Reader, committee_id: int) -> tuple[dict[int, int], frozenset[int]]:
    """Who brought in whom, by ids, and who began the committee: what `admission.same_branch` looks at."""
    # A membership that went into another one counts as that one.
    rows = await tx.all(
        """SELECT m.id, coalesce(a.into_id, m.invited_by) FROM members m
           LEFT JOIN absorbed a ON a.member_id = m.invited_by
           WHERE m.committee_id = ? AND m.invited_by IS NOT NULL LIMIT 100000""",
        committee_id,
    )
    founders = await tx.all(
        """SELECT r.member_id FROM roles r JOIN members m ON m.id = r.member_id
           WHERE m.committee_id = ? AND r.role = 'founder' LIMIT 100""",
        committee_id,
    )
    return dict(rows), frozenset(founder for (founder,) in founders)


# --- asking to be vouched for ------------------------------------------------------------------------------------

_REQUEST = "id, number, member_id, vouched_by, state, expires_us FROM admissions"


async def ask(tx: Transaction, committee_id: int, member_id: int, *, expires_at: datetime) -> Request:
    """Somebody would like to join."""
    row = await tx.one(
        """INSERT INTO admissions (committee_id, number, member_id, expires_us)
           SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3 FROM admissions WHERE committee_id = ?1
           RETURNING id, number, member_id, vouched_by, state, expires_us""",
        committee_id,
        member_id,
        to_us(expires_at),
    )
    assert row is not None
    return _request(row)


async def asked(tx: Reader, committee_id: int, member_id: int) -> Request | None:
    """The request of somebody that is still open."""
    row = await tx.one(
        f"SELECT {_REQUEST} WHERE committee_id = ? AND member_id = ? AND state = 'open'", committee_id, member_id
    )
    return _request(row) if row else None


async def request(tx: Reader, committee_id: int, id_: int) -> Request | None:
    """A request to this committee."""
    row = await tx.one(f"SELECT {_REQUEST} WHERE committee_id = ? AND id = ?", committee_id, id_)
    return _request(row) if row else None


async def request_numbered(tx: Reader, committee_id: int, number: int) -> Request | None:
    """The committee's request with this number."""
    row = await tx.one(f"SELECT {_REQUEST} WHERE committee_id = ? AND number = ?", committee_id, number)
    return _request(row) if row else None


async def requests_open(tx: Reader, committee_id: int) -> list[Request]:
    """Who waits to be vouched for, longest first, at most `WAITING_MAX`."""
    rows = await tx.all(
        f"SELECT {_REQUEST} WHERE committee_id = ? AND state = 'open' ORDER BY id LIMIT ?", committee_id, WAITING_MAX
    )
    return [_request(row) for row in rows]


async def lapse(tx: Transaction, request_id: int) -> None:
    """Nobody has vouched in time."""
    await tx.execute("UPDATE admissions SET state = 'lapsed' WHERE id = ? AND state = 'open'", request_id)
    await cards.changed(tx, f"admission:{request_id}")


def _request(row: tuple[object, ...]) -> Request:
    id_, number, member_id, vouched_by, state, expires_us = row
    assert isinstance(id_, int)
    assert isinstance(number, int)
    assert isinstance(member_id, int)
    assert vouched_by is None or isinstance(vouched_by, int)
    assert state in ("open", "admitted", "lapsed")
    assert isinstance(expires_us, int)
    return Request(
        id=id_,
        number=number,
        member_id=member_id,
        vouched_by=vouched_by,
        state=state,
        expires_at=from_us(expires_us),
    )


# --- the agreement -----------------------------------------------------------------------------------------------


async def agreement(tx: Reader, committee_id: int) -> Agreement | None:
    """The agreement in force; None: there is none."""
    row = await tx.one("SELECT id FROM agreements WHERE committee_id = ? AND ended_us IS NULL", committee_id)
    return await agreement_of(tx, committee_id, row[0]) if row else None


async def agreement_of(tx: Reader, committee_id: int, id_: int) -> Agreement | None:
    """An agreement of this committee, in force or not."""
    row = await tx.one("SELECT number, ended_us FROM agreements WHERE committee_id = ? AND id = ?", committee_id, id_)
    if row is None:
        return None
    words = await notes.written(tx, f"agreement:{id_}")
    return Agreement(id=id_, number=row[0], words=words or Written(""), in_force=row[1] is None)


async def wrote_agreement(tx: Reader, committee_id: int, member_id: int) -> Agreement | None:
    """The agreement in force, if this member has written it; None: somebody else has, or there is none."""
    found = await agreement(tx, committee_id)
    if found is None:
        return None
    thing = f"agreement:{found.id}"
    mine = await tx.one("SELECT 1 FROM written WHERE thing = ? AND member_id = ?", thing, member_id)
    return found if mine is not None else None


async def end_agreement(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """From now on nobody is asked to agree to anything."""
    ended = await tx.all(
        "UPDATE agreements SET ended_us = ? WHERE committee_id = ? AND ended_us IS NULL RETURNING id",
        to_us(now),
        committee_id,
    )
    for (id_,) in ended:
        await cards.changed(tx, f"agreement:{id_}")


async def set_agreement(tx: Transaction, committee_id: int, text: str, *, now: datetime) -> tuple[Agreement, str]:
    """From now on this is the agreement. It, and the hash that stands for its words in the chain."""
    await end_agreement(tx, committee_id, now=now)
    row = await tx.one(
        """INSERT INTO agreements (committee_id, number)
           SELECT ?1, coalesce(max(number), 0) + 1 FROM agreements WHERE committee_id = ?1 RETURNING id, number""",
        committee_id,
    )
    assert row is not None
    hash_ = await notes.keep(tx, f"agreement:{row[0]}", text)
    return Agreement(id=row[0], number=row[1], words=Written(text), in_force=True), hash_


async def agree(tx: Transaction, agreement_id: int, member_id: int, *, now: datetime) -> bool:
    """The member agrees. False: they had already."""
    done = await tx.all(
        """INSERT INTO agreed (agreement_id, member_id, at_us) VALUES (?, ?, ?)
           ON CONFLICT (agreement_id, member_id) DO NOTHING RETURNING 1""",
        agreement_id,
        member_id,
        to_us(now),
    )
    return bool(done)


async def has_agreed(tx: Reader, agreement_id: int, member_id: int) -> bool:
    """Whether the member has agreed to it."""
    return (
        await tx.one("SELECT 1 FROM agreed WHERE agreement_id = ? AND member_id = ?", agreement_id, member_id)
        is not None
    )


async def count_agreed(tx: Reader, agreement_id: int) -> int:
    """How many active members have agreed to it."""
    return int(
        await tx.value(
            """SELECT count(*) FROM agreed a JOIN members m ON m.id = a.member_id
               WHERE a.agreement_id = ? AND m.active = 1""",
            agreement_id,
        )
    )


# --- how many there are -------------------------------------------------------------------------------------------


async def note_size(tx: Transaction, chat_id: int, size: int) -> bool:
    """So many people are in this group now, the bot not among them. False: as before."""
    changed = await tx.all("UPDATE chats SET size = ?1 WHERE id = ?2 AND size IS NOT ?1 RETURNING 1", size, chat_id)
    return bool(changed)


async def people_around(tx: Reader, committee_id: int) -> int | None:
    """How many people are in the committee's group; None: nobody knows, or it has several with the same people."""
    rows = await tx.all(
        "SELECT size FROM chats WHERE committee_id = ? AND private = 0 AND open = 1 LIMIT 2", committee_id
    )
    return rows[0][0] if len(rows) == 1 else None


async def roll_changed(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """Somebody has come or gone: the committee's card will show it soon. To be called by whoever changes that."""
    if not await cards.is_shown(tx, f"committee:{committee_id}"):
        return
    recount = Saying(command="recount")
    local = (now + RECOUNT_AFTER).replace(tzinfo=None)
    await due.plan(
        tx,
        f"recount:{committee_id}",
        recount,
        local=local,
        zone=ZoneInfo("UTC"),
        committee=committee_id,
        late="do",
        # What changes in between is shown together.
        move=False,
    )


# --- the rules ------------------------------------------------------------------------------------------------------


async def admission_rule(tx: Reader, committee_id: int) -> admission.Admission:
    """How the committee lets people in."""
    found = await rules.get(tx, committee_id, "admission", admission.ADMISSION_DEFAULT)
    assert admission.is_admission(found)
    return found


async def newcomer_days(tx: Reader, committee_id: int) -> int | None:
    """For how many days somebody new has no vote; None: they have one at once."""
    days = await rules.get(tx, committee_id, "newcomers")
    assert days is None or isinstance(days, int)
    return days
