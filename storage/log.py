"""Reading a committee's books: page by page, one entry, and all of them to recompute what they say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic_core import from_json, to_json

from bot.domain import audit
from bot.domain.audit import Booked, Progress
from bot.domain.chain import Entry, veil
from storage import transfers
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

STRETCH = 1000
"""So many entries are recomputed at a time, so that nobody waits for it."""

_COLUMNS = "number, kind, at_us, body, hash"


async def newest(tx: Reader, committee: Committee) -> Entry:
    """The last entry. There is one: the committee's founding."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM entries WHERE committee_id = ? ORDER BY number DESC LIMIT 1", committee.id
    )
    assert row is not None
    return _entry(row)


async def entry(tx: Reader, committee: Committee, number: int) -> Entry | None:
    """The committee's entry with this number."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM entries WHERE committee_id = ? AND number = ?", committee.id, number)
    return _entry(row) if row else None


async def page(tx: Reader, committee: Committee, reader: Member, *, before: int, limit: int) -> list[Entry]:
    """The newest entries before a number that are told to this member one by one, newest first.

    That is all but other members' transfers.
    """
    own = await tx.all(
        """WITH own (id) AS (SELECT id FROM accounts
               WHERE coalesce(member_id, owner_id) IN
                     (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1))
           SELECT t.entry FROM transfers t WHERE t.committee_id = ?2 AND t.entry < ?3 AND t.id IN (
               SELECT transfer_id FROM postings WHERE account_id IN own
               UNION ALL SELECT transfer_id FROM pooled WHERE account_id IN own)
           ORDER BY t.entry DESC LIMIT ?4""",
        reader.id,
        committee.id,
        before,
        limit,
    )
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM entries WHERE committee_id = ? AND kind <> 'transfer' AND number < ?
            ORDER BY number DESC LIMIT ?""",
        committee.id,
        before,
        limit,
    )
    found = [_entry(row) for row in rows]
    for (number,) in own:
        if (transfer := await entry(tx, committee, number)) is not None:
            found.append(transfer)
    return sorted(found, key=lambda one: -one.number)[:limit]


async def page_of(tx: Reader, committee: Committee, kinds: Sequence[str], *, before: int, limit: int) -> list[Entry]:
    """The newest entries of these kinds before a number, newest first."""
    places = ", ".join("?" for _ in kinds)
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM entries
            WHERE committee_id = ? AND kind <> 'transfer' AND number < ? AND kind IN ({places})
            ORDER BY number DESC LIMIT ?""",
        committee.id,
        before,
        *kinds,
        limit,
    )
    return [_entry(row) for row in rows]


def _entry(row: Row) -> Entry:
    # The table is STRICT: the columns are of the types that they should be.
    return Entry._make(row)


# --- recomputing -----------------------------------------------------------------------------------------------


async def stretch(tx: Reader, committee: Committee, so_far: Progress) -> tuple[Progress, bool]:
    """Recompute the next entries; True: it was the last stretch, and all agrees. Raises audit.Broken."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM entries WHERE committee_id = ? AND number > ? ORDER BY number LIMIT ?",
        committee.id,
        so_far.number,
        STRETCH,
    )
    entries = [_entry(row) for row in rows]
    last = entries[-1].number if entries else so_far.number
    booked = await _booked(tx, committee, so_far.number, last)
    units = await transfers.units_of(tx, committee.id)
    found = audit.follow(committee.uid, so_far, entries, booked, await _worded(tx, committee, entries), units)
    if len(entries) == STRETCH:
        return found, False
    balances = await tx.all(
        "SELECT id, balance FROM accounts WHERE committee_id = ? AND balance <> 0 LIMIT 100000", committee.id
    )
    count = await tx.value("SELECT count(*) FROM transfers WHERE committee_id = ?", committee.id)
    held = await tx.all("SELECT id, held FROM accounts WHERE committee_id = ? AND held <> 0 LIMIT 100000", committee.id)
    holds = await tx.all(
        """SELECT h.account_id, sum(h.minutes) FROM exchanges e JOIN holds h ON h.exchange_id = e.id
           WHERE e.committee_id = ? AND e.state = 'open' GROUP BY h.account_id LIMIT 100000""",
        committee.id,
    )
    audit.close(found, transfers=int(count), balances=dict(balances), held=dict(held), holds=dict(holds), units=units)
    return found, True


async def count_accounts(tx: Reader, committee: Committee) -> int:
    """How many accounts there are in the committee, its own among them."""
    return int(await tx.value("SELECT count(*) FROM accounts WHERE committee_id = ?", committee.id))


async def stopped_since(tx: Reader, committee_id: int) -> datetime | None:
    """Since when nothing is written into these books; None: they may be written."""
    at_us = await tx.value("SELECT at_us FROM stopped WHERE committee_id = ?", committee_id)
    return None if at_us is None else from_us(at_us)


async def recompute(tx: Reader, committee: Committee) -> Progress:
    """Recompute all of the committee's books at once. Raises audit.Broken."""
    found, done = Progress(), False
    while not done:
        found, done = await stretch(tx, committee, found)
    return found


async def _booked(tx: Reader, committee: Committee, after: int, until: int) -> dict[int, Booked]:
    """The transfers beside these entries, by entry."""
    stretch = (committee.id, after, until, STRETCH * 1000)
    postings: dict[int, dict[int, int]] = {}
    for at, account, minutes in await tx.all(
        """SELECT t.entry, p.account_id, p.minutes FROM transfers t JOIN postings p ON p.transfer_id = t.id
           WHERE t.committee_id = ? AND t.entry > ? AND t.entry <= ? ORDER BY t.entry LIMIT ?""",
        *stretch,
    ):
        postings.setdefault(at, {})[account] = minutes
    # Words are sought once for each transfer, not for each of its postings.
    rows = await tx.all(
        """SELECT t.entry, t.number, t.recorder_id, t.reverses_id, n.text, n.salt
           FROM transfers t LEFT JOIN notes n ON n.thing = 'transfer:' || t.id
           WHERE t.committee_id = ? AND t.entry > ? AND t.entry <= ? ORDER BY t.entry LIMIT ?""",
        *stretch,
    )
    return {
        at: Booked(number, recorder, reverses, postings.get(at, {}), None if text is None else veil(text, salt=salt))
        for at, number, recorder, reverses, text, salt in rows
    }


async def _worded(tx: Reader, committee: Committee, entries: Sequence[Entry]) -> dict[int, list[str]]:
    """The hashes of the words beside decisions, by entry, where they are not erased."""
    found: dict[int, list[str]] = {}
    for entry in entries:
        if entry.kind != "decision":
            continue
        thing = f"decision:{committee.id}:{entry.number}:"
        rows = await tx.all(
            "SELECT text, salt FROM notes WHERE thing >= ? AND thing < ? AND text IS NOT NULL LIMIT 100",
            thing,
            thing[:-1] + ";",
        )
        found[entry.number] = [veil(text, salt=salt) for text, salt in rows]
    return found


def _kept(so_far: Progress) -> str:
    """The balances as they are kept between two stretches: the accounts, then their minutes, as two lists in JSON.

    With 10,000 members this is written and read a thousand times in an audit of a million entries.
    """
    return to_json([[*so_far.balances], [*so_far.balances.values()]]).decode()


def _balances(kept: str) -> dict[int, int]:
    found = from_json(kept)
    if isinstance(found, dict):
        # Kept by an older version: one object, whose names are the accounts.
        return {int(account): minutes for account, minutes in found.items()}
    return dict(zip(*found, strict=True))


async def begin(tx: Transaction, committee: Committee, reader: Member, so_far: Progress) -> int:
    """Keep how far recomputing for a member has come. Returns its id; what was kept for them before is forgotten."""
    id_ = await tx.value(
        """INSERT INTO audits (committee_id, member_id, number, hash, transfers, balances) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (member_id) DO UPDATE SET number = excluded.number, hash = excluded.hash,
               transfers = excluded.transfers, balances = excluded.balances RETURNING id""",
        committee.id,
        reader.id,
        so_far.number,
        so_far.hash,
        so_far.transfers,
        _kept(so_far),
    )
    return int(id_)


async def begun(tx: Reader, committee: Committee, id_: int) -> tuple[int, Progress] | None:
    """The member for whom it is recomputed, and how far that has come."""
    row = await tx.one(
        "SELECT member_id, number, hash, transfers, balances FROM audits WHERE id = ? AND committee_id = ?",
        id_,
        committee.id,
    )
    if row is None:
        return None
    member_id, number, digest, transfers, balances = row
    return member_id, Progress(number=number, hash=digest, transfers=transfers, balances=_balances(balances))


async def end(tx: Transaction, id_: int) -> None:
    """It is recomputed, or given up."""
    await tx.execute("DELETE FROM audits WHERE id = ?", id_)


# --- the nightly check -----------------------------------------------------------------------------------------


async def checking(tx: Reader, committee: Committee) -> Progress:
    """How far the check of the committee's books has come; at its beginning, nowhere."""
    row = await tx.one("SELECT number, hash, transfers, balances FROM checks WHERE committee_id = ?", committee.id)
    if row is None:
        return Progress()
    number, digest, transfers, balances = row
    return Progress(number=number, hash=digest, transfers=transfers, balances=_balances(balances))


async def keep_checking(tx: Transaction, committee: Committee, so_far: Progress) -> None:
    """Remember how far the check has come."""
    await tx.execute(
        "INSERT OR REPLACE INTO checks (committee_id, number, hash, transfers, balances) VALUES (?, ?, ?, ?, ?)",
        committee.id,
        so_far.number,
        so_far.hash,
        so_far.transfers,
        _kept(so_far),
    )


async def end_check(tx: Transaction, committee_id: int) -> None:
    """The check is through, or begins anew."""
    await tx.execute("DELETE FROM checks WHERE committee_id = ?", committee_id)


async def stop(tx: Transaction, committee: Committee, broken: audit.Broken, *, now: datetime) -> bool:
    """From now on nothing is written into these books (the schema holds that). False: so it was already."""
    return bool(
        await tx.all(
            """INSERT INTO stopped (committee_id, number, fault, at_us) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING RETURNING 1""",
            committee.id,
            broken.number,
            broken.fault,
            to_us(now),
        )
    )


async def resume(tx: Transaction, committee: Committee) -> bool:
    """The books are sound: they may be written again. False: so it was already."""
    return bool(await tx.all("DELETE FROM stopped WHERE committee_id = ? RETURNING 1", committee.id))
