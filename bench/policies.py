"""How hours are counted: a quarter rehearsed, and a month's end of a large committee while others use the chat."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

from bench.books import answers, fill, found, shown
from bench.core import Sink, message
from bot.app import App, utc_now
from bot.chat import Letter
from bot.domain.effort import CLASSES
from bot.domain.ledger import Posting, Transfer
from bot.domain.policies import Scheme
from bot.text import Minutes
from storage import closings, enrolments, fund, people, schemes, tasks, transfers
from storage.database import Transaction
from storage.people import Committee, Member

ROUNDS = 5
QUARTER = 80
"""Days that lie within the months on which a change is tried, whatever day it is."""
TRIED = ("levy 8%", "melt 2% 1h", "budget 40h", "effort", "pooled", "gift")
GIVEN = Minutes(600)
"""What everybody is given before the month's end, so that it touches everybody's account."""


class Keeping(Sink):
    """It keeps the last letter, to see that what was measured was done."""

    last: Letter | None = None

    async def send(self, letter: Letter) -> str:
        """Take it."""
        self.last = letter
        return await super().send(letter)

    def said(self) -> str:
        """The words of the last letter."""
        return "" if self.last is None else "".join(span.text for span in self.last.spans)


async def _open(path: Path) -> tuple[App, Keeping]:
    app, sink = await App.open(path, popups={}, now=utc_now), Keeping()
    app.add(sink)
    await app.delivery.start()
    # When it starts, the bot checks all books by itself: that is not to be measured with the rest.
    await app.dispatcher.tick(utc_now())
    return app, sink


# --- a change that is tried ------------------------------------------------------------------------------------------


def _added_up(path: Path, rate: int = 800) -> float:
    """The baseline: CPU milliseconds for reading the entries and adding up their legs less a levy, and nothing else."""
    began = time.process_time()
    connection = sqlite3.connect(path)
    balances: dict[int, int] = {}
    for (text,) in connection.execute("SELECT body FROM entries WHERE committee_id = 1 AND kind = 'transfer'"):
        for account, minutes in json.loads(text)["postings"]:
            part = minutes * rate // 10_000 if minutes > 0 else 0
            balances[account] = balances.get(account, 0) + minutes - part
            balances[0] = balances.get(0, 0) + part
    connection.close()
    return (time.process_time() - began) * 1000


async def _rehearse(path: Path, entries: int, members: int) -> None:
    await found(path)
    await asyncio.to_thread(fill, path, entries, members, days=QUARTER)
    app, sink = await _open(path)
    costs: dict[str, list[float]] = {}
    number = 100
    for _ in range(ROUNDS):
        base = await asyncio.to_thread(_added_up, path)
        costs.setdefault("entries read and added up plainly", []).append(base)
        for change in TRIED:
            number += 1
            began = time.process_time()
            await app.dispatcher.handle(message(1, "ana", f"/policy try {change}", number))
            await app.delivery.settle()
            costs.setdefault(f"/policy try {change}", []).append((time.process_time() - began) * 1000)
            assert "Tried, not decided" in sink.said(), sink.said()
    await app.close()
    print(f"a quarter of {members:,} members, {entries:,} entries")
    base = statistics.median(costs["entries read and added up plainly"])
    for name, took in costs.items():
        print(f"{name:<40} CPU {statistics.median(took):8.1f} ms  {statistics.median(took) / base:5.2f} x")


# --- a month's end ---------------------------------------------------------------------------------------------------


def _moved(path: Path, members: int) -> float:
    """The baseline: CPU milliseconds for writing as many legs and balances by the plainest statements, and a hash."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    accounts = [id_ for (id_,) in connection.execute("SELECT id FROM accounts ORDER BY id LIMIT ?", (members,))]
    began = time.process_time()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO postings VALUES (-1, ?, 1)", [(id_,) for id_ in accounts])
    connection.executemany("UPDATE accounts SET balance = balance + 1 WHERE id = ?", [(id_,) for id_ in accounts])
    hashlib.sha256(json.dumps([[id_, 1] for id_ in accounts]).encode()).hexdigest()
    took = (time.process_time() - began) * 1000
    connection.execute("ROLLBACK")
    connection.close()
    return took


Prepare = Callable[[Transaction, Committee, Member], Awaitable[None]]
"""What must be decided before a month is closed."""


async def _melts(tx: Transaction, committee: Committee, ana: Member) -> None:
    await schemes.decide(tx, committee, Scheme(melt=200, above=Minutes(0)), ana, now=utc_now())


async def _weighs(tx: Transaction, committee: Committee, ana: Member) -> None:
    await schemes.decide(tx, committee, Scheme(base="effort"), ana, now=utc_now())
    for task_class, category in zip(CLASSES, ("childcare", "cooking", "repairs"), strict=True):
        await tasks.add(tx, 1, task_class, category=category)


async def _all_help(app: App, period: str) -> None:
    """Each member has helped the one who came before, with tasks of three kinds."""
    at = datetime.fromisoformat(f"{period}-15").replace(tzinfo=UTC)
    rows = await app.database.read(
        lambda tx: tx.all("SELECT id FROM accounts WHERE member_id IS NOT NULL ORDER BY id LIMIT 100000")
    )
    pairs = list(pairwise(id_ for (id_,) in rows))

    async def work(tx: Transaction, some: list[tuple[int, int]]) -> None:
        committee, ana = await people.committee(tx, 1), await people.member(tx, 1, 1)
        assert ana is not None
        kinds = await tasks.kinds(tx, 1)
        for giver, helper in some:
            legs = (Posting(giver, Minutes(-30)), Posting(helper, Minutes(30)))
            kind, thanks = kinds[helper % len(kinds)], Transfer(postings=legs, at=at)
            await transfers.record(tx, committee, thanks, recorder=ana, policy=("effort", 1), scheme=2, kind=kind)

    for first in range(0, len(pairs), 500):
        await app.database.transact(partial(work, some=pairs[first : first + 500]))


async def _pools(tx: Transaction, committee: Committee, ana: Member) -> None:
    await schemes.decide(
        tx, committee, Scheme(base="pooled", allowance=Minutes(60), quota=Minutes(600)), ana, now=_ago()
    )
    rows = await tx.all("SELECT id FROM members WHERE active = 1 ORDER BY id LIMIT 100000")
    for (id_,) in rows:
        member = await people.member(tx, 1, id_)
        assert member is not None
        await enrolments.enrol(tx, member, schemes.POOLING, now=_ago())


def _ago() -> datetime:
    """Before the month that is closed."""
    return utc_now() - timedelta(days=70)


async def _gives(tx: Transaction, committee: Committee, ana: Member) -> None:
    rows = await tx.all("SELECT id FROM members WHERE active = 1 ORDER BY id LIMIT 100000")
    for (id_,) in rows:
        member = await people.member(tx, 1, id_)
        assert member is not None
        await fund.contribute(tx, member, Minutes(30), now=utc_now())


CLOSINGS: dict[str, tuple[Prepare, Callable[[App, str], Awaitable[None]] | None]] = {
    "melt_month": (_melts, None),
    "weigh_month": (_weighs, _all_help),
    "close_contributions": (_gives, None),
    "share_month": (_pools, None),
}
"""What is closed, and what must be decided, and recorded, before."""


async def _begin(app: App, command: str) -> None:
    """The month before this one is to be closed, by this command, now."""
    committee = await app.database.read(lambda tx: people.committee(tx, 1))
    period = closings.month_of(utc_now().replace(day=1) - timedelta(days=1), committee)
    prepare, record = CLOSINGS[command]

    async def decide(tx: Transaction) -> None:
        ana = await people.member(tx, 1, 1)
        assert ana is not None
        await prepare(tx, committee, ana)

    await app.database.transact(decide)
    if record is not None:
        await record(app, period)
    await app.database.transact(lambda tx: closings.plan(tx, committee, command, period=period))


async def _give_all(app: App) -> None:
    async def work(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        ana = await people.member(tx, 1, 1)
        assert ana is not None
        own = await transfers.committee_account(tx, committee)
        # With a limit, which at a month's end is asked for of everybody.
        await tx.execute("UPDATE committees SET floor_minutes = -720")
        rows = await tx.all("SELECT id FROM accounts WHERE member_id IS NOT NULL LIMIT 100000")
        legs = [Posting(id_, GIVEN) for (id_,) in rows]
        given = Transfer(postings=(*legs, Posting(own.id, Minutes(-GIVEN * len(legs)))), at=utc_now())
        await transfers.record(tx, committee, given, recorder=ana, closes=("gift", "2000-01"))

    await app.database.transact(work)


async def _close(folder: Path, members: int) -> None:
    path = folder / "large.sqlite"
    await found(path)
    await asyncio.to_thread(fill, path, 1_000, members)
    app, _ = await _open(path)
    await _give_all(app)
    base = statistics.median([await asyncio.to_thread(_moved, path, members) for _ in range(3)])
    print(f"a month's end of {members:,} members")
    print(f"{'as many legs written plainly':<40} CPU {base:8.1f} ms   1.00 x")
    quiet, _ = await answers(app, 1_000_000)
    print(f"{'/balance before it':<40} {shown(quiet)}")
    for number, command in enumerate(CLOSINGS, start=2):
        await _begin(app, command)
        done = asyncio.Event()
        asking = asyncio.create_task(answers(app, number * 1_000_000, until=done))
        await asyncio.sleep(0.5)
        began, wall = time.process_time(), time.perf_counter()
        await app.dispatcher.tick(utc_now())
        took, wall = (time.process_time() - began) * 1000, time.perf_counter() - wall
        await asyncio.sleep(0.5)
        done.set()
        waited, _ = await asking
        touched = await app.database.read(
            lambda tx: tx.value(
                "SELECT count(*) FROM postings WHERE transfer_id = (SELECT max(transfer_id) FROM closings)"
            )
        )
        print(f"{command:<40} CPU {took:8.1f} ms  {took / base:5.2f} x  {wall:.2f} s, {touched:,} accounts")
        print(f"{'/balance meanwhile (in the CPU above)':<40} {shown(waited)}")
    await app.delivery.settle()
    await app.close()


def run(members: int) -> None:
    """Print what a rehearsal takes, what a month's end takes, and how long others wait for an answer meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_rehearse(Path(name) / "quarter.sqlite", 5_000, 200))
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_close(Path(name), members))
