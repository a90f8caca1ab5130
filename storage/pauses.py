"""Whose rights rest because others fear for their account: the rows, and what stops while they do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from bot.domain import pauses as rules
from bot.domain import retention
from bot.domain.pauses import Earlier, Kinds, Report
from storage import cards, dialogues, members, outbox
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Member

RUNNING_MAX = 200
REPORTS_MAX = 1000
CHATS_MAX = 100
WAITING_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Somebody's rights rest, or have rested."""

    id: int
    member_id: int
    alert_id: int | None
    since: datetime
    until: datetime
    over_at: datetime | None

    @property
    def key(self) -> str:
        """Under which its end is planned."""
        return f"pause:{self.id}:end"


_COLUMNS = "id, member_id, alert_id, from_us, until_us, over_us"


def _row(row: Sequence[Any]) -> Row:
    id_, member_id, alert_id, from_, until, over = row
    return Row(
        id=id_,
        member_id=member_id,
        alert_id=alert_id,
        since=from_us(from_),
        until=from_us(until),
        over_at=None if over is None else from_us(over),
    )


async def get(tx: Reader, committee_id: int, id_: int) -> Row | None:
    """The committee's pause with this id."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM pauses WHERE id = ? AND committee_id = ?", id_, committee_id)
    return _row(row) if row else None


async def of(tx: Reader, member_id: int) -> Row | None:
    """The pause of a member that runs; None: their rights are whole."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM pauses WHERE member_id = ? AND over_us IS NULL", member_id)
    return _row(row) if row else None


async def running(tx: Reader, committee_id: int) -> list[Row]:
    """The committee's pauses that run, oldest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM pauses WHERE committee_id = ? AND over_us IS NULL ORDER BY id LIMIT ?",
        committee_id,
        RUNNING_MAX,
    )
    return [_row(row) for row in rows]


async def reports(tx: Reader, pause_id: int) -> list[Report]:
    """What was said in a pause, in the order in which it was known."""
    rows = await tx.all(
        "SELECT id, kind, member_id, at_us FROM pause_reports WHERE pause_id = ? ORDER BY id LIMIT ?",
        pause_id,
        REPORTS_MAX,
    )
    return [Report(id=id_, kind=kind, member=member, at=from_us(at)) for id_, kind, member, at in rows]


async def earlier(tx: Reader, reporter_id: int, *, now: datetime) -> list[Earlier]:
    """What somebody has reported lately, newest first."""
    rows = await tx.all(
        """SELECT p.member_id, r.at_us, p.over_us IS NULL FROM pause_reports r JOIN pauses p ON p.id = r.pause_id
           WHERE r.member_id = ? AND r.kind = 'reported' AND (r.at_us > ? OR p.over_us IS NULL)
           ORDER BY r.id DESC LIMIT ?""",
        reporter_id,
        to_us(now - rules.AGAIN_AFTER),
        REPORTS_MAX,
    )
    return [Earlier(about=about, at=from_us(at), open=bool(runs)) for about, at, runs in rows]


async def related(tx: Reader, committee_id: int, who: Collection[int]) -> frozenset[frozenset[int]]:
    """Which pairs of these members are of one invite branch."""
    return frozenset(
        {
            frozenset(pair)
            for pair in combinations(sorted(set(who)), 2)
            if await members.same_branch(tx, committee_id, *pair)
        }
    )


async def begin(tx: Transaction, committee_id: int, about: Member, *, alert_id: int | None, now: datetime) -> Row:
    """From now on somebody's rights rest: nothing more goes to their telephone, and what it holds is void."""
    row = await tx.one(
        f"""INSERT INTO pauses (committee_id, member_id, alert_id, from_us, until_us) VALUES (?, ?, ?, ?, ?)
            RETURNING {_COLUMNS}""",
        committee_id,
        about.id,
        alert_id,
        to_us(now),
        to_us(now + rules.ALONE),
    )
    assert row is not None
    await dialogues.close(tx, about.id)
    await tx.execute(
        """DELETE FROM codes WHERE used_us IS NULL AND (member_id = ?1
           OR user IN (SELECT user FROM identities WHERE person_id = ?2))""",
        about.id,
        about.person_id,
    )
    await _silence(tx, about)
    return _row(row)


async def _silence(tx: Transaction, about: Member) -> None:
    """What waits for somebody in private is not sent, and cards that stand there show nothing any more."""
    chats = f"SELECT private_chat_id FROM identities WHERE person_id = {int(about.person_id)}"
    rows = await tx.all(
        f"""UPDATE outbox SET body = NULL, state = 'given_up' WHERE state = 'waiting' AND chat_id IN ({chats})
            RETURNING id""",
    )
    for (id_,) in rows[:WAITING_MAX]:
        tx.outgoing.append(outbox.Withdrawn(outbox.thing(id_)))
    await show_anew(tx, about)


async def show_anew(tx: Transaction, about: Member) -> None:
    """The cards in somebody's private chats are brought up to date: their rights rest, or are whole again."""
    rows = await tx.all(
        """UPDATE cards SET wanted = wanted + 1 WHERE chat_id IN
               (SELECT private_chat_id FROM identities WHERE person_id = ? AND private_chat_id IS NOT NULL)
           RETURNING id""",
        about.person_id,
    )
    for (id_,) in rows:
        due = await cards.get(tx, id_)
        if due is not None:
            tx.outgoing.append(due)


async def say(tx: Transaction, pause: Row, kind: Kinds, member_id: int, *, now: datetime) -> None:
    """Somebody reports it, or says that it is over; each person once."""
    await tx.execute(
        """INSERT INTO pause_reports (pause_id, kind, member_id, at_us) VALUES (?, ?, ?, ?)
           ON CONFLICT (pause_id, kind, member_id) DO UPDATE SET at_us = excluded.at_us WHERE kind = 'restored'""",
        pause.id,
        kind,
        member_id,
        to_us(now),
    )


async def goes_on(tx: Transaction, pause: Row, *, until: datetime) -> None:
    """It ends by itself then."""
    await tx.execute("UPDATE pauses SET until_us = ? WHERE id = ? AND over_us IS NULL", to_us(until), pause.id)


async def end(tx: Transaction, pause: Row, *, now: datetime) -> None:
    """Their rights are whole again."""
    await tx.execute("UPDATE pauses SET over_us = ? WHERE id = ? AND over_us IS NULL", to_us(now), pause.id)


async def join(tx: Transaction, old: int, into: int, *, now: datetime) -> None:
    """One membership goes into another: it rests as long as either does."""
    both = await tx.one("SELECT 1 FROM pauses WHERE member_id = ? AND over_us IS NULL", into) is not None
    if both:
        await tx.execute("UPDATE pauses SET over_us = ? WHERE member_id = ? AND over_us IS NULL", to_us(now), old)
    await tx.execute("UPDATE pauses SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE OR IGNORE pause_reports SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM pause_reports WHERE member_id = ?", old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who rested, and who said so, once it has been over for long."""
    before = to_us(now - retention.PAUSES)
    await tx.execute("DELETE FROM pause_reports WHERE pause_id IN (SELECT id FROM pauses WHERE over_us < ?)", before)
    await tx.execute("DELETE FROM pauses WHERE over_us < ?", before)


# --- whom to call ------------------------------------------------------------------------------------------------


async def contact(tx: Reader, committee_id: int) -> int | None:
    """The id of the committee's legal contact, whose words are the note `legal_contact:ID`; None: there is none."""
    return await tx.value(  # type: ignore[no-any-return]
        "SELECT id FROM legal_contacts WHERE committee_id = ? AND ended_us IS NULL", committee_id
    )


async def set_contact(tx: Transaction, committee_id: int, *, now: datetime) -> int:
    """There is a new legal contact in place of the one before; its id."""
    await end_contact(tx, committee_id, now=now)
    return int(
        await tx.value(
            "INSERT INTO legal_contacts (committee_id, at_us) VALUES (?, ?) RETURNING id", committee_id, to_us(now)
        )
    )


async def end_contact(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """There is no legal contact any more."""
    await tx.execute(
        "UPDATE legal_contacts SET ended_us = ? WHERE committee_id = ? AND ended_us IS NULL", to_us(now), committee_id
    )
