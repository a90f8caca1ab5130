"""Who can open a committee's copies, who runs the bot, and how it stands with the copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat import Document, Lane
from bot.text import Words
from storage import outbox, people
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

CUSTODIANS_MAX = 10
ENOUGH = 2
"""One who moves away must not take the only key along."""
ASK_AGAIN = timedelta(days=7)
SEND_AGAIN = timedelta(days=6, hours=12)
"""So that it is the same night of each week, also when one is a little late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custodian:
    """A member and the public key to which copies are sealed."""

    member: Member
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The newest copy: when it was made, how large it is, how many entries it holds, or why there is none."""

    made_at: datetime | None
    bytes: int
    entries: int
    trouble: str | None


@dataclass(frozen=True, slots=True)
class CopiesWanted:
    """Told to the process: make copies now, outside of any unit of work."""


def want_copies(tx: Transaction) -> None:
    """Once this is stored, copies are to be made."""
    tx.outgoing.append(CopiesWanted())


async def describe_host(tx: Transaction, said: Mapping[str, str]) -> None:
    """What whoever runs the bot says about that, in place of what they said before."""
    await tx.execute("DELETE FROM host")
    for name, value in said.items():
        await tx.execute("INSERT INTO host (name, value) VALUES (?, ?)", name, value)


async def host(tx: Reader) -> dict[str, str]:
    """What whoever runs the bot says about that."""
    return dict(await tx.all("SELECT name, value FROM host LIMIT 20"))


async def of(tx: Reader, committee_id: int) -> list[Custodian]:
    """The committee's custodians, longest first."""
    rows = await tx.all(
        """SELECT c.member_id, c.recipient FROM custodians c JOIN members m ON m.id = c.member_id
           WHERE m.committee_id = ? AND m.active = 1 ORDER BY c.since_us, c.member_id LIMIT ?""",
        committee_id,
        CUSTODIANS_MAX,
    )
    found = []
    for member_id, recipient in rows:
        member = await people.member(tx, committee_id, member_id)
        assert member is not None
        found.append(Custodian(member=member, recipient=recipient))
    return found


async def appoint(tx: Transaction, member: Member, recipient: str, *, now: datetime) -> None:
    """From now on copies are sealed to this key of the member too; a key that they had before counts no more."""
    await tx.execute(
        """INSERT INTO custodians (member_id, recipient, since_us) VALUES (?, ?, ?)
           ON CONFLICT (member_id) DO UPDATE SET recipient = excluded.recipient, since_us = excluded.since_us""",
        member.id,
        recipient,
        to_us(now),
    )


async def dismiss(tx: Transaction, member: Member) -> bool:
    """From now on copies are not sealed to the member any more. False: they were not before."""
    return bool(await tx.all("DELETE FROM custodians WHERE member_id = ? RETURNING 1", member.id))


async def copied(
    tx: Transaction, committee_id: int, *, now: datetime, bytes_: int, entries: int, trouble: str | None
) -> None:
    """A copy was made, or could not be: then the one before still counts, with what is in the way now."""
    await tx.execute(
        """INSERT INTO copies (committee_id, made_us, bytes, entries, trouble) VALUES (?1, ?2, ?3, ?4, ?5)
           ON CONFLICT (committee_id) DO UPDATE SET made_us = coalesce(?2, made_us), bytes = coalesce(?3, bytes),
               entries = coalesce(?4, entries), trouble = ?5""",
        committee_id,
        None if trouble else to_us(now),
        None if trouble else bytes_,
        None if trouble else entries,
        trouble,
    )


async def send_copy(tx: Transaction, committee: Committee, words: Words, document: Document, *, now: datetime) -> None:
    """Owe the copy to each custodian in private, if it is a week since they had one."""
    sent_us = await tx.value("SELECT sent_us FROM copies WHERE committee_id = ?", committee.id)
    if sent_us is not None and now - from_us(sent_us) < SEND_AGAIN:
        return
    for custodian in await of(tx, committee.id):
        place = await people.private_chat_of(tx, custodian.member.person_id)
        if place is None:
            continue
        reader = await people.reader_in(tx, place.id, private=True, committee_id=committee.id)
        await outbox.queue(
            tx, place, words, reader=reader, now=now, lane=Lane.NOTICE, committee=committee.id, document=document
        )
    await tx.execute("UPDATE copies SET sent_us = ? WHERE committee_id = ?", to_us(now), committee.id)


async def newest(tx: Reader, committee_id: int) -> Copy | None:
    """How it stands with the committee's copies; None: none was ever tried."""
    row = await tx.one("SELECT made_us, bytes, entries, trouble FROM copies WHERE committee_id = ?", committee_id)
    if row is None or (row[0] is None and row[3] is None):
        return None
    return Copy(
        made_at=None if row[0] is None else from_us(row[0]), bytes=row[1] or 0, entries=row[2] or 0, trouble=row[3]
    )


async def to_be_asked(tx: Transaction, *, now: datetime) -> list[int]:
    """The committees whose organizers are to be asked for custodians now; they count as asked."""
    rows = await tx.all(
        """SELECT k.id FROM committees k LEFT JOIN copies c ON c.committee_id = k.id
           WHERE coalesce(c.asked_us, k.created_us) <= ?1
             AND (SELECT count(*) FROM custodians u JOIN members m ON m.id = u.member_id
                  WHERE m.committee_id = k.id AND m.active = 1) < ?2
           ORDER BY k.id LIMIT 1000""",
        to_us(now - ASK_AGAIN),
        ENOUGH,
    )
    for (id_,) in rows:
        await tx.execute(
            """INSERT INTO copies (committee_id, asked_us) VALUES (?1, ?2)
               ON CONFLICT (committee_id) DO UPDATE SET asked_us = ?2""",
            id_,
            to_us(now),
        )
    return [id_ for (id_,) in rows]


async def all_committees(tx: Reader) -> list[tuple[int, str, str]]:
    """Every committee: id, public id, name."""
    return [
        (id_, uid, name)
        for id_, uid, name in await tx.all("SELECT id, uid, name FROM committees ORDER BY id LIMIT 10000")
    ]
