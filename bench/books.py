"""Long books: what `/thank` and `/balance` cost in them, and what recomputing all of them takes."""

from __future__ import annotations

import asyncio
import random
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


async def _found(path: Path) -> None:
    app = await App.open(path, popups={}, now=utc_now)
    app.add(Sink())
    await app.delivery.start()
    await app.dispatcher.handle(message(1, "ana", "/setup", 1, manages=True))
    await app.dispatcher.handle(message(1, "ben", "/join", 1))
    await app.delivery.settle()
    await app.close()


def fill(path: Path, entries: int, members: int) -> None:
    """Write members and transfers by the real schema, with its triggers, and a real chain; without the program."""
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
    at = int(datetime.now(UTC).timestamp()) * 1_000_000
    balances = dict.fromkeys((a for a, _ in accounts), 0)
    for number in range(1, entries - previous.number + 1):
        (giver, recorder), (receiver, _) = chance.sample(accounts, 2)
        minutes = chance.randrange(5, 180)
        body = {"number": number, "recorder": recorder, "postings": [[giver, -minutes], [receiver, minutes]]}
        previous = chain.entry(committee=uid, previous=previous, kind="transfer", at_us=at, body=body)
        connection.execute(
            "INSERT INTO entries (committee_id, number, kind, at_us, body, hash) VALUES (1, ?, ?, ?, ?, ?)",
            (previous.number, "transfer", at, previous.body, previous.hash),
        )
        connection.executemany(
            "INSERT INTO postings (transfer_id, account_id, minutes) VALUES (?, ?, ?)",
            ((number, giver, -minutes), (number, receiver, minutes)),
        )
        connection.execute(
            "INSERT INTO transfers (id, committee_id, number, entry, recorder_id, at_us) VALUES (?, 1, ?, ?, ?, ?)",
            (number, number, previous.number, recorder, at),
        )
        balances[giver] -= minutes
        balances[receiver] += minutes
    connection.executemany("UPDATE accounts SET balance = ? WHERE id = ?", [(b, a) for a, b in balances.items()])
    # Whoever thanks all the time must not come to the limit.
    connection.execute("UPDATE committees SET floor_minutes = NULL")
    connection.execute("COMMIT")
    connection.close()


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
        await _found(path)
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
    for (_, members), one in opened:
        committee = await one.app.database.read(lambda tx: people.committee(tx, 1))
        began = time.process_time()
        found, done = audit.Progress(), False
        while not done:
            found, done = await one.app.database.read(partial(log.stretch, committee=committee, so_far=found))
        print(f"audit     {found.number:9,} entries {members:6,} members  CPU {time.process_time() - began:5.2f} s")
        await one.app.close()


def run(entries: int) -> None:
    """Print the figures: small books, long ones, and a large committee, each ratio against the small ones."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_measure(Path(name), [(1_000, 100), (entries, 100), (1_000, 10_000), (entries, 10_000)]))
