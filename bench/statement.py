"""A year's statement of one member, as a page and as a file, against the plainest program that could make the file."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.books import fill
from bench.core import NETWORK, Sink, message
from bot.app import App, utc_now
from bot.chat import Chat, ChatId, Letter

ROUNDS = 5
TIMES = 10


class Keeping(Sink):
    """It keeps the last letter, to see that what was measured was the statement."""

    last: Letter | None = None

    async def send(self, letter: Letter) -> str:
        """Take it."""
        self.last = letter
        return await super().send(letter)


async def _say(app: App, who: str, text: str, number: int) -> None:
    chat = Chat(id=ChatId(f"{NETWORK}:private-{who}"), private=True)
    await app.dispatcher.handle(replace(message(1, who, text, number), event=f"private-{number}", chat=chat))
    await app.delivery.settle()


async def _open(path: Path) -> tuple[App, Keeping]:
    app, sink = await App.open(path, popups={}, now=utc_now), Keeping()
    app.add(sink)
    await app.delivery.start()
    return app, sink


def _plainly(path: Path) -> float:
    """The baseline: CPU milliseconds for reading one's postings and writing them as a table, and nothing else."""
    began = time.process_time()
    for _ in range(TIMES):
        connection = sqlite3.connect(path)
        rows = connection.execute(
            """SELECT t.number, t.at_us, p.minutes,
                      (SELECT m.name FROM postings q JOIN accounts b ON b.id = q.account_id
                       JOIN members m ON m.id = b.member_id WHERE q.transfer_id = t.id AND q.account_id <> p.account_id)
               FROM accounts a JOIN postings p ON p.account_id = a.id JOIN transfers t ON t.id = p.transfer_id
               WHERE a.member_id = 1 ORDER BY t.id"""
        ).fetchall()
        csv.writer(io.StringIO()).writerows(
            (number, datetime.fromtimestamp(at / 1e6, UTC).date(), name, minutes) for number, at, minutes, name in rows
        )
        connection.close()
    return (time.process_time() - began) / TIMES * 1000


async def _measure(path: Path, entries: int, members: int) -> None:
    app, _ = await _open(path)
    await app.dispatcher.handle(message(1, "ana", "/setup", 1, manages=True))
    await app.dispatcher.handle(message(1, "ben", "/join", 1))
    await app.delivery.settle()
    await app.close()
    await asyncio.to_thread(fill, path, entries, members)
    app, sink = await _open(path)
    year, number = datetime.now(UTC).year, 1000
    costs: dict[str, list[float]] = {}
    for round_ in range(ROUNDS + 1):
        found = {"plainly": await asyncio.to_thread(_plainly, path)}
        for what in ("/balance", f"/history {year}", f"/history {year} csv"):
            began = time.process_time()
            for _ in range(TIMES):
                number += 1
                await _say(app, "ana", what, number)
            found[what] = (time.process_time() - began) / TIMES * 1000
        if round_:
            for what, cost in found.items():
                costs.setdefault(what, []).append(cost)
    assert sink.last is not None
    assert sink.last.document is not None
    lines = sink.last.document.content.decode().count("\n") - 3
    await app.close()
    print(f"{entries:,} entries, {members:,} members; {lines:,} of them one member's in the year")
    for what, all_ in costs.items():
        ratio = median(mine / base for mine, base in zip(all_, costs["plainly"], strict=True))
        print(f"  {what:<18} CPU {median(all_):6.2f} ms ({min(all_):.2f} to {max(all_):.2f})  {ratio:5.2f} x")


async def _all(folder: Path, entries: int) -> None:
    for number, shape in enumerate(((2_000, 20), (10_000, 20), (entries, 10_000))):
        await _measure(folder / f"{number}.sqlite", *shape)


def run(entries: int) -> None:
    """Print the figures of small books, of somebody very busy, and of long books with many members."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_all(Path(name), entries))
