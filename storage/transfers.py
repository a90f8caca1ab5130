"""Transfers of hours, their postings, and the balances that are their fold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain import ledger
from bot.text import Minutes
from storage import entries, notes
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

HISTORY_MAX = 15

# Of a membership that went into another one, and of its account, the ones that go on.
_NOW = "coalesce((SELECT into_id FROM absorbed WHERE member_id = {0}), {0})"
_ACCOUNT_NOW = """coalesce((SELECT a.id FROM accounts o JOIN absorbed b ON b.member_id = o.member_id
                                JOIN accounts a ON a.member_id = b.into_id WHERE o.id = {0}), {0})"""
_CARRIES = "SELECT transfer_id FROM absorbed WHERE transfer_id IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One transfer as a member reads it."""

    id: int
    number: int
    minutes: Minutes
    """What the account gained or, below zero, lost."""
    other: str
    note: str | None
    reverses: int | None
    """The number of the transfer that this one undoes."""
    reversed: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One transfer as its card shows it."""

    number: int
    giver: str
    receiver: str
    minutes: Minutes
    recorder_id: int
    recorder: str | None
    """Whoever recorded it in the giver's name; None: the giver did."""
    reversed: bool
    reverses: int | None
    at: datetime


async def account(tx: Reader, committee: Committee, member: Member) -> ledger.Account:
    """The member's hours in this committee. Raises NoHours for a child."""
    if member.child:
        raise ledger.NoHours(member.name)
    row = await tx.one("SELECT id, balance FROM accounts WHERE member_id = ?", member.id)
    assert row is not None, "every member has an account"
    return ledger.Account(id=row[0], balance=Minutes(row[1]), floor=committee.floor)


async def accounts(
    tx: Reader, committee: Committee, giver: Member, receiver: Member
) -> tuple[ledger.Account, ledger.Account]:
    """The hours of two members (who may be one). Raises NoHours where one of them is a child."""
    for member in (giver, receiver):
        if member.child:
            raise ledger.NoHours(member.name)
    rows = await tx.all("SELECT member_id, id, balance FROM accounts WHERE member_id IN (?, ?)", giver.id, receiver.id)
    found = {
        member_id: ledger.Account(id=id_, balance=Minutes(balance), floor=committee.floor)
        for member_id, id_, balance in rows
    }
    return found[giver.id], found[receiver.id]


async def record(
    tx: Transaction,
    committee: Committee,
    transfer: ledger.Transfer,
    *,
    recorder: Member,
    note: str = "",
    reverses: int | None = None,
) -> tuple[int, int]:
    """Write a transfer into the books: postings, balances and a chained entry. Returns its id and its number here."""
    # One question for all that the next transfer follows on. There is an entry: the committee's founding.
    row = await tx.one(
        f"""SELECT (SELECT coalesce(max(id), 0) FROM transfers) + 1,
                   (SELECT coalesce(max(number), 0) FROM transfers WHERE committee_id = ?) + 1,
                   {entries.HEAD} {entries.LAST}""",
        committee.id,
        committee.id,
    )
    assert row is not None
    id_, number, *head = row
    body: dict[str, object] = {
        "number": number,
        "recorder": recorder.id,
        "postings": [[posting.account_id, posting.minutes] for posting in transfer.postings],
    }
    if note:
        body["note"] = await notes.keep(tx, f"transfer:{id_}", note)
    if reverses is not None:
        body["reverses"] = reverses
    entry = await entries.follow(tx, committee, tuple(head), "transfer", body, now=transfer.at)
    for posting in transfer.postings:
        await tx.execute(
            "INSERT INTO postings (transfer_id, account_id, minutes) VALUES (?, ?, ?)",
            id_,
            posting.account_id,
            posting.minutes,
        )
        await tx.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", posting.minutes, posting.account_id)
    await tx.execute(
        """INSERT INTO transfers (id, committee_id, number, entry, recorder_id, reverses_id, at_us)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        id_,
        committee.id,
        number,
        entry.number,
        recorder.id,
        reverses,
        to_us(transfer.at),
    )
    return id_, number


async def recorded(tx: Reader, committee: Committee, transfer_id: int) -> ledger.Recorded | None:
    """A transfer of this committee as it stands in the books, between the accounts as they are now."""
    row = await tx.one(
        f"""SELECT t.number, {_NOW.format("t.recorder_id")}, t.reverses_id, t.at_us,
                  EXISTS (SELECT 1 FROM transfers r WHERE r.reverses_id = t.id),
                  EXISTS (SELECT 1 FROM absorbed b WHERE b.transfer_id = t.id)
           FROM transfers t WHERE t.id = ? AND t.committee_id = ?""",
        transfer_id,
        committee.id,
    )
    if row is None:
        return None
    number, recorder_id, reverses_id, at_us, is_reversed, is_carry = row
    postings = await tx.all(
        f"""SELECT {_ACCOUNT_NOW.format("p.account_id")}, p.minutes FROM postings p
            WHERE p.transfer_id = ? ORDER BY p.account_id LIMIT 1000""",
        transfer_id,
    )
    return ledger.Recorded(
        transfer=ledger.Transfer(
            postings=tuple(ledger.Posting(account_id, Minutes(minutes)) for account_id, minutes in postings),
            at=from_us(at_us),
        ),
        number=number,
        recorder_id=recorder_id,
        is_reversal=reverses_id is not None,
        is_reversed=bool(is_reversed),
        is_carry=bool(is_carry),
    )


async def id_of_number(tx: Reader, committee: Committee, number: int) -> int | None:
    """The id of the committee's transfer with this number."""
    row = await tx.one("SELECT id FROM transfers WHERE committee_id = ? AND number = ?", committee.id, number)
    return row[0] if row else None


async def newest_by(tx: Reader, recorder: Member) -> int | None:
    """The id of the newest transfer that this member recorded and that is not an undo."""
    row = await tx.one(
        f"""SELECT id FROM transfers
            WHERE recorder_id IN (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)
              AND reverses_id IS NULL AND id NOT IN ({_CARRIES}) ORDER BY id DESC LIMIT 1""",
        recorder.id,
    )
    return row[0] if row else None


async def exchange(tx: Reader, committee: Committee, transfer_id: int) -> Exchange | None:
    """What the card of a transfer between two members shows."""
    row = await tx.one(
        f"""SELECT t.number, g.called, r.called, pr.minutes, t.recorder_id,
                  EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id),
                  (SELECT u.number FROM transfers u WHERE u.id = t.reverses_id), t.at_us,
                  CASE WHEN w.id <> g.id THEN coalesce(w.nickname, w.name) END
           FROM transfers t JOIN members w ON w.id = {_NOW.format("t.recorder_id")}
           JOIN postings pg ON pg.transfer_id = t.id AND pg.minutes < 0
           JOIN accounts ag ON ag.id = pg.account_id JOIN members g ON g.id = {_NOW.format("ag.member_id")}
           JOIN postings pr ON pr.transfer_id = t.id AND pr.minutes > 0
           JOIN accounts ar ON ar.id = pr.account_id JOIN members r ON r.id = {_NOW.format("ar.member_id")}
           WHERE t.id = ? AND t.committee_id = ?""",
        transfer_id,
        committee.id,
    )
    if row is None:
        return None
    number, giver, receiver, minutes, recorder_id, is_reversed, reverses, at_us, recorder = row
    return Exchange(
        number=number,
        giver=giver,
        receiver=receiver,
        minutes=Minutes(minutes),
        recorder_id=recorder_id,
        recorder=recorder,
        reversed=bool(is_reversed),
        reverses=reverses,
        at=from_us(at_us),
    )


async def parties(tx: Reader, transfer_id: int) -> set[int]:
    """The ids of the members whose accounts a transfer touches, as they are now."""
    rows = await tx.all(
        f"""SELECT {_NOW.format("a.member_id")} FROM postings p JOIN accounts a ON a.id = p.account_id
           WHERE p.transfer_id = ? AND a.member_id IS NOT NULL LIMIT 1000""",
        transfer_id,
    )
    return {member_id for (member_id,) in rows}


async def recent(tx: Reader, member: Member) -> list[Line]:
    """The newest transfers of a member's account, newest first, with those of accounts that went into it."""
    rows = await tx.all(
        f"""SELECT t.id, t.number, p.minutes, coalesce(m.called, ''), n.text,
                  (SELECT u.number FROM transfers u WHERE u.id = t.reverses_id),
                  EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id), t.at_us
           FROM (SELECT own.transfer_id, own.account_id, own.minutes
                 FROM accounts a JOIN postings own ON own.account_id = a.id
                 WHERE a.member_id IN (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)
                   AND own.transfer_id NOT IN ({_CARRIES})
                 ORDER BY own.transfer_id DESC, own.minutes LIMIT ?2) p
           JOIN transfers t ON t.id = p.transfer_id
           LEFT JOIN postings po ON po.transfer_id = t.id AND po.account_id <> p.account_id
           LEFT JOIN accounts ao ON ao.id = po.account_id
           LEFT JOIN members m ON m.id = {_NOW.format("ao.member_id")}
           LEFT JOIN notes n ON n.thing = 'transfer:' || t.id
           ORDER BY p.transfer_id DESC, p.minutes""",
        member.id,
        HISTORY_MAX,
    )
    return [
        Line(
            id=id_,
            number=number,
            minutes=Minutes(minutes),
            other=other,
            note=note,
            reverses=reverses,
            reversed=bool(is_reversed),
            at=from_us(at_us),
        )
        for id_, number, minutes, other, note, reverses, is_reversed, at_us in rows
    ]


async def unbalanced(tx: Reader) -> list[int]:
    """Ids of accounts whose balance is not the fold of their postings: always none."""
    rows = await tx.all(
        """SELECT a.id FROM accounts a LEFT JOIN postings p ON p.account_id = a.id
           GROUP BY a.id HAVING a.balance <> coalesce(sum(p.minutes), 0) LIMIT 100"""
    )
    return [id_ for (id_,) in rows]


async def total(tx: Reader, committee_id: int) -> int:
    """The sum of all balances in a committee: always zero."""
    return int(await tx.value("SELECT coalesce(sum(balance), 0) FROM accounts WHERE committee_id = ?", committee_id))
