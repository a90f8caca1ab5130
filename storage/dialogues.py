"""The question that a member was asked last, which they may answer in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from bot.chat import Saying
from bot.domain.chain import canonical
from storage.database import Reader, Transaction
from storage.instants import to_us


@dataclass(frozen=True, slots=True)
class Open:
    """What was asked: the command so far, in which committee, and the argument that is missing."""

    committee_id: int
    says: Saying
    parameter: str


async def ask(tx: Transaction, member_id: int, says: Saying, parameter: str, *, expires_at: datetime) -> None:
    """This is asked now. A person has one open question, in whichever committee."""
    await close(tx, member_id)
    await tx.execute(
        """INSERT INTO dialogues (member_id, command, version, arguments, parameter, expires_us)
           VALUES (?, ?, ?, ?, ?, ?)""",
        member_id,
        says.command,
        says.version,
        canonical(says.arguments),
        parameter,
        to_us(expires_at),
    )


async def close(tx: Transaction, member_id: int) -> None:
    """The person behind this membership is asked nothing any more."""
    await tx.execute(
        """DELETE FROM dialogues WHERE member_id IN (SELECT other.id FROM members m
               JOIN members other ON other.person_id = m.person_id WHERE m.id = ?)""",
        member_id,
    )


async def open_of(tx: Reader, person_id: int, *, now: datetime) -> Open | None:
    """The question that a person may answer now."""
    row = await tx.one(
        """SELECT m.committee_id, d.command, d.version, d.arguments, d.parameter
           FROM members m JOIN dialogues d ON d.member_id = m.id
           WHERE m.person_id = ? AND m.active = 1 AND d.expires_us >= ?""",
        person_id,
        to_us(now),
    )
    if row is None:
        return None
    committee_id, command, version, arguments, parameter = row
    return Open(committee_id, Saying(command=command, version=version, arguments=json.loads(arguments)), parameter)
