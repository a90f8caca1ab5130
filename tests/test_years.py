"""A random year under each way of counting: other programs read it, and it is written again from its entries alone."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import ledger, statements
from bot.domain.ledger import Posting
from bot.domain.policies import Event, Scheme, plain
from bot.router import Authority, Context
from bot.text import Minutes, Percent
from storage import due, enrolments, entries, log, people, schemes, tasks, transfers
from storage import statements as rows
from storage.database import Transaction
from storage.instants import from_us
from storage.people import Committee, Member
from storage.tasks import TaskKind
from tests.test_ledger_machine import CLOSINGS, COMMANDS, NAMES, START, Books
from tests.test_statements import read_journal

BASES = ("equal", "effort", "needs", "pooled")
"""Under gifts nothing moves."""
SALT = "salt"


class Year:
    """A committee of five lives through some months, by the program's own functions and the clock's commands."""

    def __init__(self, base: str, seed: int) -> None:
        self.chance, self.base, self.books, self.now = random.Random(seed), base, Books(), START
        self.books.run(self._begin)
        self.books.run(self._found)

    async def _begin(self, tx: Transaction) -> None:
        self.committee = await people.committee(tx, 1)
        self.members = [await _member(tx, number) for number in range(1, len(NAMES) + 1)]
        self.kinds = await tasks.kinds(tx, 1)
        for member in self.members[:3]:
            await enrolments.enrol(tx, member, schemes.POOLING, now=self.now)

    async def _found(self, tx: Transaction) -> None:
        decide = COMMANDS.get("policy_change")
        assert decide is not None
        changes: tuple[dict[str, Any], ...] = (
            {"what": self.base},
            {"what": "levy", "percent": Percent(self.chance.randrange(1, 2_000))},
            {"what": "melt", "percent": Percent(self.chance.randrange(100, 5_000)), "hours": Minutes(60)},
        )
        if self.base == "pooled":
            changes += ({"what": "allowance", "hours": Minutes(30)},)
        for arguments in changes:
            if arguments != {"what": "equal"}:
                await decide.handler(self._context(tx, by=self.members[0]), **arguments)

    def _context(self, tx: Transaction, *, by: Member | None = None) -> Context:
        return Context(
            tx=tx,
            now=self.now,
            said_at=self.now,
            commands=COMMANDS,
            place=None,
            chat=None,
            language="en",
            of_committee=self.committee,
            of_member=by,
            authority=Authority.CLOCK if by is None else Authority.COMMITTEE,
        )

    def live(self, months: int) -> None:
        """Thanks, slips taken back, what is given to the fund and what it pays; and each month's end."""
        for _ in range(months):
            for day in sorted(self.chance.sample(range(27), 12)):
                self.now = self.now.replace(day=day + 2, hour=12)
                self.books.run(self._business)
            self.now = (self.now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=5, minute=1)
            self.books.run(self._close)

    async def _business(self, tx: Transaction) -> None:
        giver, gainer = self.chance.sample(self.members, 2)
        minutes, fund = Minutes(self.chance.randrange(5, 200)), await transfers.beside(tx, self.committee, "fund")
        accounts = await transfers.accounts_of(tx, self.committee, [giver, gainer])
        own, other = accounts[giver.id], accounts[gainer.id]
        how = self.chance.choice(["thank"] * 5 + ["contribute", "pay", "pay"])
        try:
            if how == "thank":
                await self._thank(tx, giver, own.id, other.id, minutes)
            elif how == "contribute":
                await self._move(tx, giver, own.id, fund.id, minutes)
            else:
                await self._move(tx, giver, fund.id, own.id, minutes)
        except ledger.BelowFloor:
            return  # The next one has more luck.

    async def _thank(self, tx: Transaction, giver: Member, own: int, other: int, minutes: Minutes) -> None:
        by = await schemes.counting(tx, self.committee)
        event = Event(providers=(other,), receivers=(own,), minutes=minutes, committee=by.committee)
        legs = by.legs(plain(event))
        found = await transfers.accounts_by_id(tx, self.committee, {leg.account_id for leg in legs})
        id_, _ = await transfers.record(
            tx,
            self.committee,
            ledger.post(legs, found, at=self.now),
            recorder=giver,
            policy=(by.scheme.policy.name, by.scheme.policy.version),
            scheme=by.scheme.version,
            plain=plain(event),
            kind=self.chance.choice(self.kinds) if self.base == "effort" else None,
        )
        if self.chance.random() < 0.1:
            recorded = await transfers.recorded(tx, self.committee, id_)
            assert recorded is not None
            opposite = ledger.reversal(recorded, by=giver.id, said_at=self.now, at=self.now)
            await transfers.record(tx, self.committee, opposite, recorder=giver, reverses=id_)

    async def _move(self, tx: Transaction, by: Member, source: int, to: int, minutes: Minutes) -> None:
        found = await transfers.accounts_by_id(tx, self.committee, (source, to))
        legs = (Posting(source, Minutes(-minutes)), Posting(to, minutes))
        await transfers.record(tx, self.committee, ledger.post(legs, found, at=self.now), recorder=by)

    async def _close(self, tx: Transaction) -> None:
        for row in await due.fallen(tx, now=self.now):
            await due.done(tx, row, now=self.now)
            if row.says.command in CLOSINGS:
                await CLOSINGS[row.says.command].handler(self._context(tx), **row.says.arguments)


async def _member(tx: Transaction, number: int) -> Member:
    found = await people.member(tx, 1, number)
    assert found is not None
    return found


def _closed(books: Books) -> list[tuple[str, int]]:
    return books.connection.execute(
        "SELECT what, count(transfer_id) FROM closings GROUP BY what ORDER BY what"
    ).fetchall()


# --- read by others ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
def test_a_random_year_is_read_by_hledger_and_by_an_independent_reader(base: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    year = Year(base, seed)
    year.live(12)
    closed = dict(_closed(year.books))
    assert closed.get({"effort": "effort", "pooled": "pool"}.get(base, "melt"), 0) >= 1, f"seed {seed}"
    books = year.books.run(partial(rows.books, committee=year.committee, now=year.now))
    names = statements.pseudonyms(books, SALT)
    own = {
        name if name in (statements.COMMITTEE, statements.FUND) else f"members:{name}": account.balance
        for account in books.accounts
        for name in [names[account.id]]
    }
    assert own[statements.FUND] >= 0
    journal = statements.exported(books, "hledger", SALT)
    assert read_journal(journal) == own, f"seed {seed}"
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed: the independent reader alone has read the journal")
    file = tmp_path / "books.journal"
    file.write_text(journal, encoding="utf-8")
    checked = subprocess.run(["hledger", "-f", str(file), "check", "-s"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"seed {seed}: {checked.stderr}"
    told = ["hledger", "-f", str(file), "bal", "--flat", "--empty", "-N", "-O", "json"]
    found, _ = json.loads(subprocess.run(told, capture_output=True, text=True, check=True).stdout)
    balances = {name: amounts[0]["aquantity"]["floatingPoint"] if amounts else 0 for name, _, _, amounts in found}
    assert balances == own, f"seed {seed}"


# --- written again -----------------------------------------------------------------------------------------------


async def _write_again(tx: Transaction, committee: Committee, kind: str, at: datetime, body: dict[str, Any]) -> None:
    """One entry, through the functions that wrote it."""
    if kind == "rule" and "scheme" in body:
        given = {name: value for name, value in body["scheme"].items() if name != "version"}
        kinds = {name: type(getattr(Scheme(), name)) for name in given}
        scheme = Scheme(**{name: kinds[name](value) for name, value in given.items()})
        await schemes.decide(tx, committee, scheme, await _member(tx, 1), now=at)
    elif kind == "transfer":
        await _record_again(tx, committee, at, body)
    else:
        await entries.append(tx, committee, kind, body, now=at)


async def _record_again(tx: Transaction, committee: Committee, at: datetime, body: dict[str, Any]) -> None:
    def legs(key: str) -> tuple[Posting, ...]:
        return tuple(Posting(account, Minutes(minutes)) for account, minutes in body.get(key, ()))

    def pair(key: str) -> Any:
        return tuple(body[key]) if key in body else None

    task = pair("task")
    kind = None
    if task is not None:
        kind = TaskKind(
            id=task[0], committee_id=committee.id, task_class=task[1], category=None, words=None, listed=True
        )
    _, number = await transfers.record(
        tx,
        committee,
        ledger.Transfer(postings=legs("postings"), at=at),
        recorder=await _member(tx, body["recorder"]),
        reverses=body.get("reverses"),
        policy=pair("policy"),
        scheme=body.get("scheme", 0),
        plain=legs("plain"),
        past_limit=body.get("past_limit", ()),
        closes=pair("closes"),
        kind=kind,
    )
    assert number == body["number"]


SAME: dict[str, str] = {
    "balances": "SELECT id, balance, held FROM accounts ORDER BY id",
    "postings": "SELECT * FROM postings ORDER BY transfer_id, account_id",
    "transfers": "SELECT * FROM transfers ORDER BY id",
    "the chain": "SELECT number, kind, body, hash FROM entries ORDER BY number",
    "months closed": "SELECT what, period, transfer_id FROM closings WHERE transfer_id IS NOT NULL ORDER BY 1, 2",
    "what was decided": "SELECT version, entry, parameters FROM schemes ORDER BY version",
    "who has given whom": "SELECT * FROM given WHERE minutes <> 0 ORDER BY account_id, to_id",
}


@given(base=st.sampled_from(BASES), seed=st.integers(0, 10**6), months=st.integers(1, 4))
@settings(max_examples=8)
def test_the_whole_log_written_into_an_empty_database_gives_the_same_books(base: str, seed: int, months: int) -> None:
    year = Year(base, seed)
    year.live(months)
    empty = Books()

    async def write(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        there = await entries.last_number(tx, 1)
        written = year.books.connection.execute(
            "SELECT kind, at_us, body FROM entries WHERE number > ? ORDER BY number", (there,)
        ).fetchall()
        assert len(written) > months
        for kind, at_us, body in written:
            await _write_again(tx, committee, kind, from_us(at_us), json.loads(body))
        await log.recompute(tx, committee)

    empty.run(write)
    for what, sql in SAME.items():
        again, first = (one.connection.execute(sql).fetchall() for one in (empty, year.books))
        assert again == first, what
