"""What is asked and decided about somebody, and requests for care."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain import retention
from bot.domain.conduct import Carer
from storage import barter, board, bookings, buttons, exchanges, fund, lending, notes, orders, outbox, shifts, slots
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Member

Kind = Literal["suspension", "exclusion"]
State = Literal["asked", "heard", "voting", "in_force", "over", "dropped"]
PURGED_AT_ONCE_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked or was decided about a member. Ids are those of members."""

    id: int
    committee_id: int
    number: int
    kind: Kind
    member_id: int
    opener_id: int
    seconder_id: int | None
    state: State
    majority: bool
    """It takes, or took, a majority."""
    opened_at: datetime
    decided_at: datetime | None
    appealed_at: datetime | None

    @property
    def reason(self) -> str:
        """The thing whose note is the reason."""
        return f"case:{self.id}"

    @property
    def reply(self) -> str:
        """The thing whose note is what the person concerned says to it."""
        return f"reply:{self.id}"

    @property
    def appeal(self) -> str:
        """The thing whose note is why the decision is wrong."""
        return f"appeal:{self.id}"


_COLUMNS = """k.id, k.committee_id, k.number, k.kind, k.member_id, k.opener_id, k.seconder_id, k.state, k.majority,
              k.opened_us, k.decided_us, k.appealed_us"""


def _case(row: tuple[Any, ...]) -> Case:
    *plain, majority, opened_us, decided_us, appealed_us = row
    id_, committee_id, number, kind, member_id, opener_id, seconder_id, state = plain
    return Case(
        id=id_,
        committee_id=committee_id,
        number=number,
        kind=kind,
        member_id=member_id,
        opener_id=opener_id,
        seconder_id=seconder_id,
        state=state,
        majority=bool(majority),
        opened_at=from_us(opened_us),
        decided_at=None if decided_us is None else from_us(decided_us),
        appealed_at=None if appealed_us is None else from_us(appealed_us),
    )


async def open_(
    tx: Transaction, committee_id: int, kind: Kind, member_id: int, *, opener_id: int, majority: bool, now: datetime
) -> Case:
    """A new case."""
    row = await tx.one(
        f"""INSERT INTO cases AS k (committee_id, number, kind, member_id, opener_id, majority, opened_us)
            SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM cases WHERE committee_id = ?1
            RETURNING {_COLUMNS.replace("k.", "")}""",
        committee_id,
        kind,
        member_id,
        opener_id,
        int(majority),
        to_us(now),
    )
    assert row is not None
    return _case(row)


async def numbered(tx: Reader, committee_id: int, number: int) -> Case | None:
    """The committee's case with this number."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM cases k WHERE k.committee_id = ? AND k.number = ?", committee_id, number
    )
    return _case(row) if row else None


async def get(tx: Reader, committee_id: int, id_: int) -> Case | None:
    """A case of this committee."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM cases k WHERE k.committee_id = ? AND k.id = ?", committee_id, id_)
    return _case(row) if row else None


async def running(tx: Reader, member_id: int) -> list[Case]:
    """What is asked about a member or in force against them, newest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM cases k WHERE k.member_id = ? AND k.state NOT IN ('over', 'dropped')
            ORDER BY k.id DESC LIMIT 50""",
        member_id,
    )
    return [_case(row) for row in rows]


async def undecided(tx: Reader, committee_id: int) -> list[Case]:
    """The committee's cases on which something is still to be said, oldest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM cases k WHERE k.committee_id = ? AND k.state IN ('asked', 'heard', 'voting')
            ORDER BY k.id LIMIT 50""",
        committee_id,
    )
    return [_case(row) for row in rows]


async def in_force_against(tx: Reader, person_id: int) -> list[Case]:
    """The suspensions and exclusions of a person that are in force, in any committee, newest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM cases k JOIN members m ON m.id = k.member_id
            WHERE m.person_id = ? AND k.state = 'in_force' ORDER BY k.decided_us DESC, k.id DESC LIMIT 50""",
        person_id,
    )
    return [_case(row) for row in rows]


async def excluded(tx: Reader, committee_id: int, person_id: int) -> Case | None:
    """The exclusion of a person that is in force in this committee: they cannot come in by themselves."""
    found = await in_force_against(tx, person_id)
    return next((case for case in found if case.kind == "exclusion" and case.committee_id == committee_id), None)


async def last_suspended(tx: Reader, member_id: int) -> datetime | None:
    """When the last suspension of a member began; None: never."""
    at_us = await tx.value("SELECT max(decided_us) FROM cases WHERE member_id = ? AND kind = 'suspension'", member_id)
    return None if at_us is None else from_us(at_us)


async def move_on(tx: Transaction, case: Case, state: State) -> None:
    """The case goes on to this state."""
    await tx.execute("UPDATE cases SET state = ? WHERE id = ?", state, case.id)


async def second(tx: Transaction, case: Case, member_id: int) -> None:
    """Another member asks the same."""
    await tx.execute("UPDATE cases SET seconder_id = ? WHERE id = ?", member_id, case.id)


async def decided(tx: Transaction, case: Case, *, now: datetime) -> None:
    """From now on it is in force."""
    await tx.execute("UPDATE cases SET state = 'in_force', decided_us = ? WHERE id = ?", to_us(now), case.id)


async def appealed(tx: Transaction, case: Case, *, now: datetime) -> None:
    """The one appeal against it was made now."""
    await tx.execute("UPDATE cases SET appealed_us = ? WHERE id = ?", to_us(now), case.id)


async def suspend(tx: Transaction, member_id: int, *, until: datetime | None) -> None:
    """Until then the member is suspended; None: not any more."""
    await tx.execute(
        "UPDATE members SET suspended_until_us = ? WHERE id = ?", None if until is None else to_us(until), member_id
    )


async def readmit(tx: Transaction, member_id: int) -> None:
    """A former member is a member again, with the books they had."""
    await tx.execute("UPDATE members SET active = 1, left_us = NULL WHERE id = ?", member_id)


async def quieten(tx: Transaction, member: Member) -> None:
    """Somebody has left: nothing more of the committee's is told in their private chats, and no answer is waited for.

    Books, roles that ended and what the others see stay as they are.
    """
    rows = await tx.all(
        "SELECT private_chat_id FROM identities WHERE person_id = ? AND private_chat_id IS NOT NULL LIMIT 100",
        member.person_id,
    )
    for (chat_id,) in rows:
        await outbox.withdraw(tx, outbox.private_thing(member.committee_id, chat_id))
    await buttons.forget_questions(tx, [member.id])
    await exchanges.end_all(tx, member.id)
    await barter.end_all(tx, member.id)
    await board.end_all(tx, member.id)
    await lending.leave(tx, member)
    await bookings.leave(tx, member)
    await fund.leave(tx, member)
    await orders.leave(tx, member)
    await shifts.leave(tx, member)
    await slots.leave(tx, member)
    await tx.execute("DELETE FROM codes WHERE member_id = ? AND used_us IS NULL", member.id)


# --- care --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """A request for care. Ids are those of members."""

    id: int
    committee_id: int
    number: int
    writer_id: int
    taker_id: int | None
    never: frozenset[int]
    """Whom it must not reach: whoever wrote it, and whoever it is about."""

    @property
    def thing(self) -> str:
        """The thing whose note is what was written."""
        return f"care:{self.id}"


async def ask_care(
    tx: Transaction, committee_id: int, writer_id: int, *, never: Collection[int], now: datetime
) -> Care:
    """A new request, which never reaches these members."""
    row = await tx.one(
        """INSERT INTO care (committee_id, number, writer_id, never, at_us)
           SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4 FROM care WHERE committee_id = ?1
           RETURNING id, number""",
        committee_id,
        writer_id,
        json.dumps(sorted(never)),
        to_us(now),
    )
    assert row is not None
    return Care(
        id=row[0],
        committee_id=committee_id,
        number=row[1],
        writer_id=writer_id,
        taker_id=None,
        never=frozenset(never),
    )


async def care_numbered(tx: Reader, committee_id: int, number: int) -> Care | None:
    """The committee's request with this number."""
    row = await tx.one(f"SELECT {_CARE} FROM care c WHERE c.committee_id = ? AND c.number = ?", committee_id, number)
    return _care(row) if row else None


_CARE = "c.id, c.committee_id, c.number, c.writer_id, c.taker_id, c.never"


def _care(row: tuple[Any, ...]) -> Care:
    id_, committee_id, number, writer_id, taker_id, never = row
    return Care(
        id=id_,
        committee_id=committee_id,
        number=number,
        writer_id=writer_id,
        taker_id=taker_id,
        never=frozenset(json.loads(never)),
    )


async def possible_carers(tx: Reader, committee_id: int, *, now: datetime) -> list[Carer]:
    """Everybody whom a request can reach: members with a private chat, not suspended, no children."""
    rows = await tx.all(
        """SELECT m.id, m.person_id, m.name_key, m.first_key, m.nickname_key,
                  (SELECT min(CASE r.role WHEN 'care' THEN 0 WHEN 'organizer' THEN 1 ELSE 2 END) FROM roles r
                   WHERE r.member_id = m.id AND r.until_us IS NULL),
                  (SELECT count(*) FROM care_asked a WHERE a.member_id = m.id),
                  (SELECT max(a.at_us) FROM care_asked a WHERE a.member_id = m.id)
           FROM members m
           WHERE m.committee_id = ? AND m.active = 1 AND m.child = 0 AND coalesce(m.suspended_until_us, 0) <= ?
               AND EXISTS (SELECT 1 FROM identities i JOIN chats c ON c.id = i.private_chat_id
                           WHERE i.person_id = m.person_id AND c.open = 1)
           ORDER BY m.id LIMIT 10000""",
        committee_id,
        to_us(now),
    )
    return [
        Carer(
            id=id_,
            tier=2 if tier is None else tier,
            asked=asked,
            last_asked=None if last_us is None else from_us(last_us),
            names=(name, first, *((nickname,) if nickname else ()), *await _keys(tx, person_id, id_)),
        )
        for id_, person_id, name, first, nickname, tier, asked, last_us in rows
    ]


async def _keys(tx: Reader, person_id: int, member_id: int) -> list[str]:
    """All else that somebody is called, and what those are called for whom they speak: it may be about these."""
    rows = await tx.all(
        """SELECT name_key, first_key, username_key, local_key FROM identities WHERE person_id = ?
           UNION ALL SELECT name_key, first_key, nickname_key, NULL FROM members WHERE helper_id = ? LIMIT 100""",
        person_id,
        member_id,
    )
    return [key for row in rows for key in row if key]


async def asked_for_care(tx: Transaction, care: Care, member_id: int, *, now: datetime) -> None:
    """This member is asked."""
    await tx.execute(
        "INSERT INTO care_asked (care_id, member_id, at_us) VALUES (?, ?, ?)", care.id, member_id, to_us(now)
    )


async def carers_of(tx: Reader, care: Care) -> dict[int, bool]:
    """Who was asked, and whether they said that they cannot."""
    rows = await tx.all("SELECT member_id, passed FROM care_asked WHERE care_id = ? LIMIT 10000", care.id)
    return {member_id: bool(passed) for member_id, passed in rows}


async def take_care(tx: Transaction, care: Care, member_id: int) -> None:
    """This member sees to it."""
    await tx.execute("UPDATE care SET taker_id = ? WHERE id = ?", member_id, care.id)


async def pass_care(tx: Transaction, care: Care, member_id: int) -> None:
    """This member cannot."""
    await tx.execute("UPDATE care_asked SET passed = 1 WHERE care_id = ? AND member_id = ?", care.id, member_id)


async def care_waiting(tx: Reader, member_id: int) -> list[Care]:
    """The requests that wait for this member's answer, oldest first."""
    rows = await tx.all(
        f"""SELECT {_CARE} FROM care_asked a JOIN care c ON c.id = a.care_id
           WHERE a.member_id = ? AND a.passed = 0 AND c.taker_id IS NULL ORDER BY c.id LIMIT 50""",
        member_id,
    )
    return [_care(row) for row in rows]


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget requests for care that are old, with their words and who was asked."""
    rows = await tx.all(
        "SELECT id FROM care WHERE at_us < ? ORDER BY at_us LIMIT ?", to_us(now - retention.CARE), PURGED_AT_ONCE_MAX
    )
    for (id_,) in rows:
        await notes.erase(tx, f"care:{id_}")
        await tx.execute("DELETE FROM notes WHERE thing = ?", f"care:{id_}")
        await tx.execute("DELETE FROM care_asked WHERE care_id = ?", id_)
        await tx.execute("DELETE FROM care WHERE id = ?", id_)
