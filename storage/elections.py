"""Elections that give a role: who is up for it, whether they stand, and who has got it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage import cards
from storage.database import Reader, Transaction
from storage.polls import Poll

CANDIDATES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A member who can be chosen. `place`: of the option; `stands` None: they have not said; `given`: has the role."""

    place: int
    member_id: int
    stands: bool | None
    given: bool


async def begin(tx: Transaction, poll: Poll, role: str, members: Mapping[int, int]) -> None:
    """The poll gives this role. `members`: by the option's place."""
    await tx.execute("INSERT INTO elections (poll_id, role) VALUES (?, ?)", poll.id, role)
    for place, member_id in members.items():
        await tx.execute(
            "INSERT INTO candidates (poll_id, place, member_id) VALUES (?, ?, ?)", poll.id, place, member_id
        )


async def role_of(tx: Reader, poll_id: int) -> str | None:
    """The role that a poll gives; None: it gives none."""
    role = await tx.value("SELECT role FROM elections WHERE poll_id = ?", poll_id)
    return None if role is None else str(role)


async def candidates(tx: Reader, poll_id: int) -> list[Candidate]:
    """Who is up, in the order of the options."""
    rows = await tx.all(
        "SELECT place, member_id, stands, given FROM candidates WHERE poll_id = ? ORDER BY place LIMIT ?",
        poll_id,
        CANDIDATES_MAX,
    )
    return [
        Candidate(place=place, member_id=member_id, stands=None if stands is None else bool(stands), given=bool(given))
        for place, member_id, stands, given in rows
    ]


async def stands(tx: Transaction, poll: Poll, one: Candidate, yes: bool) -> None:
    """Whether somebody stands."""
    await tx.execute("UPDATE candidates SET stands = ? WHERE poll_id = ? AND place = ?", int(yes), poll.id, one.place)
    await cards.changed(tx, poll.thing)


async def given(tx: Transaction, poll: Poll, one: Candidate) -> None:
    """Somebody who was chosen has got the role."""
    await tx.execute("UPDATE candidates SET given = 1 WHERE poll_id = ? AND place = ?", poll.id, one.place)


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships are one."""
    await tx.execute("UPDATE candidates SET member_id = ? WHERE member_id = ?", into, old)
