"""Who holds which role until when, who was seen when, and the search for the next organizers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from bot.domain.offices import Candidate, Reason, Turn
from storage import people
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Member

ROLES_MAX = 500
MEMBERS_MAX = 100_000
COMMITTEES_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A role that an active member holds now. `term_ends` None: it has no term."""

    id: int
    member: Member
    role: str
    term_ends: datetime | None
    vanished: bool
    """They have not been seen for so long that they do not count as an organizer."""


_VANISHED = "(m.vanished_on IS NOT NULL AND coalesce(m.seen_on, '') < m.vanished_on)"
_HELD = f"SELECT r.id, r.member_id, r.role, r.term_us, {_VANISHED} FROM roles r JOIN members m ON m.id = r.member_id"


async def held(tx: Reader, committee_id: int, *, member: int | None = None) -> list[Held]:
    """The roles held in a committee, or by one of its members, longest held first; `founder` is none of them."""
    rows = await tx.all(
        f"""{_HELD} WHERE m.committee_id = ? AND m.active = 1 AND r.until_us IS NULL AND r.role <> 'founder'
            AND m.id = coalesce(?, m.id) ORDER BY r.id LIMIT ?""",
        committee_id,
        member,
        ROLES_MAX,
    )
    return [await _held(tx, committee_id, row) for row in rows]


async def get(tx: Reader, committee_id: int, id_: int) -> Held | None:
    """The role with this id, if a member of the committee holds it now."""
    row = await tx.one(
        f"{_HELD} WHERE r.id = ? AND m.committee_id = ? AND m.active = 1 AND r.until_us IS NULL", id_, committee_id
    )
    return await _held(tx, committee_id, row) if row else None


async def _held(tx: Reader, committee_id: int, row: tuple[Any, ...]) -> Held:
    id_, member_id, role, term_us, vanished = row
    member = await people.member(tx, committee_id, member_id)
    assert member is not None
    return Held(
        id=id_,
        member=member,
        role=role,
        term_ends=None if term_us is None else from_us(term_us),
        vanished=bool(vanished),
    )


async def set_term(tx: Transaction, id_: int, term_ends: datetime | None) -> None:
    """From now on the role ends then; None: it has no term."""
    await tx.execute("UPDATE roles SET term_us = ? WHERE id = ?", None if term_ends is None else to_us(term_ends), id_)


async def planned(tx: Reader, key: str) -> bool:
    """Whether the clock has this before it."""
    return await tx.one("SELECT 1 FROM due WHERE key = ?", key) is not None


# --- who was seen --------------------------------------------------------------------------------------------------


async def seen(tx: Transaction, committee_id: int, person_id: int, *, on: date) -> None:
    """A person has said or pressed something in a committee. Only the day is kept, and written once a day."""
    await tx.execute(
        """UPDATE members SET seen_on = ?1
           WHERE committee_id = ?2 AND person_id = ?3 AND coalesce(seen_on, '') < ?1""",
        on.isoformat(),
        committee_id,
        person_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When an organizer was last seen, asked, and found to have vanished (days in UTC)."""

    member: Member
    seen_on: date
    asked_on: date | None
    vanished_on: date | None


async def sightings(tx: Reader, committee_id: int) -> list[Sighting]:
    """The committee's organizers, and those who once vanished; whoever was never seen counts from when they began."""
    rows = await tx.all(
        """SELECT m.id, coalesce(m.seen_on, date(max(m.joined_us, coalesce(r.from_us, 0)) / 1000000, 'unixepoch')),
                  m.asked_on, m.vanished_on
           FROM members m LEFT JOIN roles r ON r.member_id = m.id AND r.role = 'organizer' AND r.until_us IS NULL
           WHERE m.committee_id = ? AND m.active = 1 AND (r.id IS NOT NULL OR m.vanished_on IS NOT NULL)
           ORDER BY m.id LIMIT ?""",
        committee_id,
        ROLES_MAX,
    )
    found = []
    for id_, seen_on, asked_on, vanished_on in rows:
        member = await people.member(tx, committee_id, id_)
        assert member is not None
        found.append(
            Sighting(
                member=member,
                seen_on=date.fromisoformat(seen_on),
                asked_on=date.fromisoformat(asked_on) if asked_on else None,
                vanished_on=date.fromisoformat(vanished_on) if vanished_on else None,
            )
        )
    return found


async def asked(tx: Transaction, member_id: int, on: date | None) -> None:
    """The member was asked on that day whether they are still there; None: as if never asked."""
    await tx.execute("UPDATE members SET asked_on = ? WHERE id = ?", on.isoformat() if on else None, member_id)


async def vanished(tx: Transaction, member_id: int, on: date | None) -> None:
    """From that day the member counts as vanished, until they are seen; None: they are back."""
    await tx.execute("UPDATE members SET vanished_on = ? WHERE id = ?", on.isoformat() if on else None, member_id)


async def to_look_after(tx: Reader, *, unseen_since: date) -> list[int]:
    """The committees where a term runs, or an organizer was not seen since that day or has vanished."""
    rows = await tx.all(
        """SELECT DISTINCT m.committee_id FROM roles r JOIN members m ON m.id = r.member_id
           WHERE r.until_us IS NULL AND m.active = 1
               AND (r.term_us IS NOT NULL OR m.vanished_on IS NOT NULL
                    OR (r.role = 'organizer' AND coalesce(m.seen_on, '') <= ?))
           ORDER BY m.committee_id LIMIT ?""",
        unseen_since.isoformat(),
        COMMITTEES_MAX,
    )
    return [committee for (committee,) in rows]


# --- the rotation of organizers ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A search that goes on. `asked`: who is asked now; None: nobody.

    `role`: for whom, such as `organizer`; `TERM`: for a term (`turn`) of a task that goes round (`round_id`).
    """

    id: int
    role: str
    round_id: int | None
    turn: int | None
    seats: int
    asked: int | None
    why: Reason
    asked_at: datetime | None


async def willing(tx: Transaction, member_id: int, yes: bool) -> None:
    """Whether the member is asked when an organizer is looked for."""
    await tx.execute("UPDATE members SET organizing = ? WHERE id = ?", int(yes), member_id)


async def candidates(tx: Reader, committee_id: int, role: str = "organizer") -> list[Candidate]:
    """The active members, and when each last stopped holding the role."""
    rows = await tx.all(
        """SELECT m.id, m.joined_us, m.organizing OR ?1 <> 'organizer',
                  (SELECT max(r.until_us) FROM roles r WHERE r.member_id = m.id AND r.role = ?1)
           FROM members m WHERE m.committee_id = ?2 AND m.active = 1 ORDER BY m.id LIMIT ?3""",
        role,
        committee_id,
        MEMBERS_MAX,
    )
    return [
        Candidate(
            member=id_,
            joined_at=from_us(joined_us),
            organized_until=None if until_us is None else from_us(until_us),
            willing=bool(organizing),
        )
        for id_, joined_us, organizing, until_us in rows
    ]


TERM = "term"
"""What a search is for, in place of a role, where it is for a term of a task."""
SEARCHES_MAX = 100


async def rotation(
    tx: Reader, committee_id: int, role: str = "organizer", *, round_id: int | None = None
) -> Rotation | None:
    """The committee's search for this that goes on, if there is one."""
    found = await rotations(tx, committee_id)
    return next((one for one in found if one.role == role and (role != TERM or one.round_id == round_id)), None)


async def rotations(tx: Reader, committee_id: int) -> list[Rotation]:
    """The committee's searches that go on."""
    rows = await tx.all(
        """SELECT o.id, o.role, o.round_id, o.turn, o.seats, a.member_id, a.why, a.asked_us FROM rotations o
           LEFT JOIN rotation_asked a ON a.rotation_id = o.id AND a.answer IS NULL
           WHERE o.committee_id = ? AND o.closed_us IS NULL ORDER BY o.id LIMIT ?""",
        committee_id,
        SEARCHES_MAX,
    )
    return [
        Rotation(
            id=id_,
            role=role,
            round_id=round_id,
            turn=turn,
            seats=seats,
            asked=member,
            why=why or "never",
            asked_at=None if asked_us is None else from_us(asked_us),
        )
        for id_, role, round_id, turn, seats, member, why, asked_us in rows
    ]


async def seek(
    tx: Transaction,
    committee_id: int,
    role: str = "organizer",
    *,
    round_id: int | None = None,
    turn: int | None = None,
) -> None:
    """One more is wanted."""
    found = await rotation(tx, committee_id, role, round_id=round_id)
    if found is None:
        await tx.execute(
            "INSERT INTO rotations (committee_id, seats, role, round_id, turn) VALUES (?, 1, ?, ?, ?)",
            committee_id,
            role,
            round_id,
            turn,
        )
    else:
        await tx.execute("UPDATE rotations SET seats = seats + 1 WHERE id = ?", found.id)


async def last_search(tx: Reader, committee_id: int, role: str) -> datetime | None:
    """When the last search for this role was over; None: there was none."""
    at_us = await tx.value(
        "SELECT max(closed_us) FROM rotations WHERE committee_id = ? AND role = ?", committee_id, role
    )
    return None if at_us is None else from_us(at_us)


async def were_asked_for(tx: Reader, round_id: int, turn: int) -> frozenset[int]:
    """Who was asked for a term of a task, in this search or an earlier one."""
    rows = await tx.all(
        """SELECT DISTINCT a.member_id FROM rotation_asked a JOIN rotations o ON o.id = a.rotation_id
           WHERE o.round_id = ? AND o.turn = ? LIMIT ?""",
        round_id,
        turn,
        MEMBERS_MAX,
    )
    return frozenset(member for (member,) in rows)


async def found(tx: Transaction, rotation_id: int) -> None:
    """One organizer less is wanted."""
    await tx.execute("UPDATE rotations SET seats = max(0, seats - 1) WHERE id = ?", rotation_id)


async def close(tx: Transaction, rotation_id: int, *, now: datetime) -> None:
    """The search is over."""
    await tx.execute("UPDATE rotations SET closed_us = ? WHERE id = ?", to_us(now), rotation_id)


async def were_asked(tx: Reader, rotation_id: int) -> frozenset[int]:
    """Who has been asked in this search."""
    rows = await tx.all("SELECT member_id FROM rotation_asked WHERE rotation_id = ? LIMIT ?", rotation_id, MEMBERS_MAX)
    return frozenset(member for (member,) in rows)


async def said_yes(tx: Reader, rotation_id: int, member_id: int) -> bool:
    """Whether this member has agreed to organize in this search."""
    row = await tx.one(
        "SELECT 1 FROM rotation_asked WHERE rotation_id = ? AND member_id = ? AND answer = 'yes'",
        rotation_id,
        member_id,
    )
    return row is not None


async def ask(tx: Transaction, rotation_id: int, turn: Turn, *, now: datetime) -> None:
    """It is this member's turn to be asked."""
    await tx.execute(
        "INSERT INTO rotation_asked (rotation_id, member_id, why, asked_us) VALUES (?, ?, ?, ?)",
        rotation_id,
        turn.member,
        turn.why,
        to_us(now),
    )


async def answered(tx: Transaction, rotation_id: int, member_id: int, answer: Literal["yes", "no", "silent"]) -> None:
    """What the member who was asked has said, or that they said nothing."""
    await tx.execute(
        "UPDATE rotation_asked SET answer = ? WHERE rotation_id = ? AND member_id = ? AND answer IS NULL",
        answer,
        rotation_id,
        member_id,
    )
