"""Long books: what `/thank` and `/balance` cost in them, and what recomputing all of them takes."""

from __future__ import annotations

import asyncio
import hashlib
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.core import Sink, message
from bot.app import App, utc_now
from bot.domain import audit, chain
from storage import log, people

ROUNDS = 5
COMMANDS = 100


async def found(path: Path) -> None:
    """A committee of two, ana and ben."""
    app = await App.open(path, popups={}, now=utc_now)
    app.add(Sink())
    await app.delivery.start()
    await app.dispatcher.handle(message(1, "ana", "/setup", 1, manages=True))
    await app.dispatcher.handle(message(1, "ben", "/join", 1))
    await app.delivery.settle()
    await app.close()


def fill(path: Path, entries: int, members: int, *, days: int = 0) -> None:
    """Write members and transfers by the real schema, with its triggers, and a real chain; without the program.

    `days`: over so many, until now, the transfers are spread.
    """
    chance = random.Random(1)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    ((uid,),) = connection.execute("SELECT uid FROM committees WHERE id = 1")
    for number in range(3, members + 1):
        _copy(connection, "persons", number, {})
        name = f"Person{number}"
        keys = {"name": name, "name_key": name.casefold(), "first_key": name.casefold(), "person_id": number}
        _copy(connection, "members", number, keys)
        connection.execute("INSERT INTO accounts (committee_id, member_id) VALUES (1, ?)", (number,))
    accounts = [(a, m) for a, m in connection.execute("SELECT id, member_id FROM accounts WHERE member_id IS NOT NULL")]
    last = connection.execute(
        "SELECT number, kind, at_us, body, hash FROM entries ORDER BY number DESC LIMIT 1"
    ).fetchone()
    previous = chain.Entry(number=last[0], kind=last[1], at_us=last[2], body=last[3], hash=last[4])
    now = int(datetime.now(UTC).timestamp()) * 1_000_000
    balances = dict.fromkeys((a for a, _ in accounts), 0)
    rows: dict[str, list[tuple[object, ...]]] = {sql: [] for sql in _INSERTS}
    for number in range(1, entries - previous.number + 1):
        (giver, recorder), (receiver, _) = chance.choice(accounts), chance.choice(accounts)
        if giver == receiver:
            giver, recorder = accounts[0] if receiver != accounts[0][0] else accounts[1]
        minutes = chance.randrange(5, 180)
        at = now - days * 86_400_000_000 * (entries - number) // entries
        body: dict[str, object] = {
            "number": number,
            "policy": ["hours", 1],
            "postings": [[giver, -minutes], [receiver, minutes]],
            "recorder": recorder,
        }
        worded: list[tuple[object, ...]] = []
        if number % 2:
            # As many say what it was for as do not.
            text, salt = f"helped with the bike no. {number}", f"{number:016}"
            body["note"] = chain.veil(text, salt=salt)
            worded = [(f"transfer:{number}", text, salt)]
        previous = chain.entry(committee=uid, previous=previous, kind="transfer", at_us=at, body=body)
        values: tuple[list[tuple[object, ...]], ...] = (
            [(previous.number, "transfer", at, previous.body, previous.hash)],
            [(number, giver, -minutes), (number, receiver, minutes)],
            [(number, number, previous.number, recorder, at)],
            worded,
        )
        for waiting, more in zip(rows.values(), values, strict=True):
            waiting += more
        balances[giver] -= minutes
        balances[receiver] += minutes
        if number % 10_000 == 0:
            _write(connection, rows)
    _write(connection, rows)
    connection.executemany("UPDATE accounts SET balance = ? WHERE id = ?", [(b, a) for a, b in balances.items()])
    # Whoever thanks all the time must not come to the limit.
    connection.execute("UPDATE committees SET floor_minutes = NULL")
    connection.execute("COMMIT")
    connection.close()


_INSERTS = (
    "INSERT INTO entries (committee_id, number, kind, at_us, body, hash) VALUES (1, ?, ?, ?, ?, ?)",
    "INSERT INTO postings (transfer_id, account_id, minutes) VALUES (?, ?, ?)",
    "INSERT INTO transfers (id, committee_id, number, entry, recorder_id, at_us) VALUES (?, 1, ?, ?, ?, ?)",
    "INSERT INTO notes (thing, text, salt) VALUES (?, ?, ?)",
)
"""In this order: a transfer seals its postings, and refers to its entry."""


def _write(connection: sqlite3.Connection, rows: dict[str, list[tuple[object, ...]]]) -> None:
    for sql, waiting in rows.items():
        connection.executemany(sql, waiting)
        waiting.clear()


def _copy(connection: sqlite3.Connection, table: str, id_: int, changed: dict[str, object]) -> None:
    """A row like the second one of its table."""
    cursor = connection.execute(f"SELECT * FROM {table} WHERE id = 2")
    row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True)) | changed
    row["id"] = id_
    generated = {name for _, name, *_, hidden in connection.execute(f"PRAGMA table_xinfo({table})") if hidden}
    row = {name: value for name, value in row.items() if name not in generated}
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


class Open:
    """A bot with long books, to be measured in turn with others."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.number = 100
        self.costs: dict[str, list[float]] = {"/thank": [], "/balance": []}
        """CPU milliseconds a command, a slice each."""

    async def measure(self) -> None:
        """One slice of each command."""
        for name, text in (("/thank", "/thank @ben1 1h fixed the bike"), ("/balance", "/balance")):
            began = time.process_time()
            for _ in range(COMMANDS):
                self.number += 1
                await self.app.dispatcher.handle(message(1, "ana", text, self.number))
            await self.app.delivery.settle()
            self.costs[name].append((time.process_time() - began) / COMMANDS * 1000)


async def _measure(folder: Path, shapes: list[tuple[int, int]]) -> None:
    opened: list[tuple[tuple[int, int], Open]] = []
    for entries, members in shapes:
        path = folder / f"{entries}-{members}.sqlite"
        await found(path)
        await asyncio.to_thread(fill, path, entries, members)
        app = await App.open(path, popups={}, now=utc_now)
        app.add(Sink())
        await app.delivery.start()
        opened.append(((entries, members), Open(app)))
    for _, one in opened:
        await one.measure()
        one.costs = {"/thank": [], "/balance": []}
    for _ in range(ROUNDS):
        for _, one in opened:
            await one.measure()
    for name in ("/thank", "/balance"):
        base = opened[0][1].costs[name]
        for (entries, members), one in opened:
            ratio = statistics.median(mine / first for mine, first in zip(one.costs[name], base, strict=True))
            cost = statistics.median(one.costs[name])
            print(f"{name:<9} {entries:9,} entries {members:6,} members  CPU {cost:5.2f} ms/command  {ratio:4.2f} x")
    for _, one in opened:
        await one.app.close()


def run(entries: int) -> None:
    """Print the figures: small books, long ones, and a large committee, each ratio against the small ones."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_measure(Path(name), [(1_000, 100), (entries, 100), (1_000, 10_000), (entries, 10_000)]))


# --- recomputing all of them -----------------------------------------------------------------------------------


def _read_plainly(path: Path) -> float:
    """The baseline: CPU seconds for reading the rows that an audit reads, and hashing and adding up what they hold."""
    connection = sqlite3.connect(path, isolation_level=None)
    began = time.process_time()
    for body, digest in connection.execute("SELECT body, hash FROM entries WHERE committee_id = 1 ORDER BY number"):
        hashlib.sha256(f"{digest}{body}".encode()).hexdigest()
    for text, salt in connection.execute("SELECT text, salt FROM notes"):
        hashlib.sha256(f"{salt}{text}".encode()).hexdigest()
    balances: dict[int, int] = {}
    for account, minutes in connection.execute("SELECT account_id, minutes FROM postings"):
        balances[account] = balances.get(account, 0) + minutes
    took = time.process_time() - began
    connection.close()
    return took


async def _at_once(app: App) -> float:
    """CPU seconds, the process's, for recomputing as `solibot check` does it."""
    committee = await app.database.read(lambda tx: people.committee(tx, 1))
    began = time.process_time()
    found, done = audit.Progress(), False
    while not done:
        found, done = await app.database.read(partial(log.stretch, committee=committee, so_far=found))
    return time.process_time() - began


async def answers(app: App, number: int, *, until: asyncio.Event | None = None) -> tuple[list[float], int]:
    """Milliseconds that somebody waits for `/balance`, twenty times a second: until then, or 100 times.

    And how many bytes long the write-ahead log has been.
    """
    waited: list[float] = []
    longest = 0
    log_file = app.database.path.with_name(f"{app.database.path.name}-wal")
    while not until.is_set() if until else len(waited) < COMMANDS:
        number += 1
        began = time.perf_counter()
        await app.dispatcher.handle(message(1, "ben", "/balance", number))
        waited.append((time.perf_counter() - began) * 1000)
        longest = max(longest, log_file.stat().st_size)
        await asyncio.sleep(0.05)
    return waited, longest


def shown(waited: list[float]) -> str:
    """How long somebody waited, in words."""
    ordered = sorted(waited)
    return (
        f"p50 {ordered[len(ordered) // 2]:6.1f} ms  p95 {ordered[int(len(ordered) * 0.95)]:6.1f} ms  "
        f"max {ordered[-1]:6.1f} ms  ({len(ordered)} times)"
    )


async def _audit(folder: Path, entries: int, members: int) -> None:
    path = folder / "books.sqlite"
    await found(path)
    await asyncio.to_thread(fill, path, entries, members)
    print(f"{entries:,} entries, {members:,} members, {path.stat().st_size / 1e6:.0f} MB")
    app = await App.open(path, popups={}, now=utc_now)
    app.add(Sink())
    await app.delivery.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        base, took = _read_plainly(path), await _at_once(app)
        print(f"rows read, hashed and added up plainly   CPU {base:6.2f} s")
        print(f"audit, as `solibot check` does it        CPU {took:6.2f} s  {took / base:4.2f} x")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"memory (RSS) at most {before / 1024:.0f} MB before, {grown / 1024:.0f} MB more after")

    # When it starts, the bot checks all books by itself: that is not to be measured with the rest.
    await app.dispatcher.tick(utc_now())
    quiet, _ = await answers(app, 1_000)
    done = asyncio.Event()
    asking = asyncio.create_task(answers(app, 1_000_000, until=done))
    began, wall = time.process_time(), time.perf_counter()
    await app.dispatcher.handle(message(1, "ana", "/audit", 2))
    await app.dispatcher.tick(utc_now())
    took, wall = time.process_time() - began, time.perf_counter() - wall
    done.set()
    meanwhile, longest = await asking
    assert not await app.database.read(lambda tx: tx.value("SELECT count(*) FROM audits"))
    print(
        f"/audit, from the command to the answer   CPU {took:6.2f} s  {took / base:4.2f} x  {wall:.1f} s by the clock"
    )
    print(f"/balance before it                       {shown(quiet)}")
    print(f"/balance during it (in the CPU above)    {shown(meanwhile)}")
    print(f"write-ahead log, at most                 {longest / 1e6:.1f} MB")
    await app.delivery.settle()
    await app.close()


def run_audit(entries: int, members: int) -> None:
    """Print what recomputing long books takes, and how long others wait meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_audit(Path(name), entries, members))
