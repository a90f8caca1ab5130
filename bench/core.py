"""The core alone, without a network: full `/thank` commands, durable, from many chats at once."""

from __future__ import annotations

import asyncio
import itertools
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.app import App, utc_now
from bot.chat import (
    Chat,
    ChatId,
    Letter,
    Message,
    NativePoll,
    Pace,
    PollSent,
    Refused,
    Sender,
    UserId,
    WireAct,
)

NETWORK = "bench"


class Sink:
    """A network that takes everything at once and tells whom it concerns."""

    network = NETWORK
    prefix = "/"
    popup_characters_max = 200
    numbered = False
    reaches = False
    one_limit = False
    carries: str | None = None
    per_second_max: int | None = None

    def __init__(self) -> None:
        self.taken: dict[ChatId, asyncio.Event] = {}
        self._ids = itertools.count(1)

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Nothing comes from here by itself."""
        caught_up()

    async def send(self, letter: Letter) -> str:
        """Take it."""
        if event := self.taken.get(letter.chat):
            event.set()
        return str(next(self._ids))

    async def edit(self, letter: Letter, message: str) -> None:
        """Take it."""

    async def carry(self, key: str, chat: ChatId, wire: WireAct) -> str:
        """Committees are not linked over this network. Raises Refused."""
        raise Refused

    async def pin(self, chat: ChatId, message: str) -> bool:
        """Take it."""
        return True

    async def send_poll(self, letter: Letter, poll: NativePoll) -> PollSent:
        """None here."""
        raise Refused

    async def end_poll(self, letter: Letter, message: str) -> None:
        """None here."""

    async def delete(self, chat: ChatId, message: str) -> bool:
        """Take it."""
        return True

    def pace(self, chat: ChatId) -> Pace | None:
        """No limit."""
        return None

    def link(self, payload: str) -> str | None:
        """No links."""
        return None

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Figures:
    """What one run showed."""

    commands: int
    seconds: float
    cpu_seconds: float
    latencies: list[float]
    commits: int

    @property
    def per_second(self) -> float:
        """Commands a second."""
        return self.commands / self.seconds

    def line(self, name: str) -> str:
        """One line for people."""
        ordered = sorted(self.latencies)
        p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
        return (
            f"{name:<34} {self.per_second:8.0f}/s  p50 {p50 * 1000:6.1f} ms  p95 {p95 * 1000:6.1f} ms  "
            f"CPU {self.cpu_seconds / self.commands * 1000:5.2f} ms/command  "
            f"{self.commands / max(1, self.commits):5.1f} commands/commit"
        )


def _sender(chat: int, who: str) -> Sender:
    return Sender(user=UserId(f"{NETWORK}:{chat}-{who}"), name=f"{who.title()}{chat}", username=f"{who}{chat}")


def message(chat: int, who: str, text: str, number: int, *, manages: bool = False) -> Message:
    """What somebody says in the group of a committee with this number."""
    return Message(
        event=f"{chat}-{who}-{number}",
        at=datetime.now(UTC),
        chat=Chat(id=ChatId(f"{NETWORK}:{chat}"), private=False, title=f"Committee {chat}"),
        sender=_sender(chat, who),
        text=text,
        message=str(number),
        manages_chat=manages,
    )


async def measure(chats: int, seconds: float, folder: Path) -> Figures:
    """Each chat says its next `/thank` when the last one was answered, for so long."""
    app = await App.open(folder / "core.sqlite", popups={}, now=utc_now)
    sink = Sink()
    app.add(sink)
    await app.delivery.start()
    for chat in range(chats):
        await app.dispatcher.handle(message(chat, "ana", "/setup", 1, manages=True))
        await app.dispatcher.handle(message(chat, "ben", "/join", 1))
    await app.delivery.settle()
    latencies: list[float] = []
    commits, cpu, start = app.database.counts.commits, _cpu(), time.perf_counter()

    async def talk(chat: int) -> None:
        event = sink.taken[ChatId(f"{NETWORK}:{chat}")] = asyncio.Event()
        for number in itertools.count(2):
            if time.perf_counter() - start > seconds:
                return
            who, other = ("ana", "ben") if number % 2 else ("ben", "ana")
            event.clear()
            began = time.perf_counter()
            await app.dispatcher.handle(message(chat, who, f"/thank @{other}{chat} 1h30 fixed the bike", number))
            await event.wait()
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(talk(chat) for chat in range(chats)))
    took, used = time.perf_counter() - start, _cpu() - cpu
    figures = Figures(len(latencies), took, used, latencies, app.database.counts.commits - commits)
    await app.delivery.settle()
    await app.close()
    return figures


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def commits_per_second(folder: Path, seconds: float = 1.0) -> float:
    """The baseline: how many commits of one row, each on its own, this disk makes durable."""
    connection = sqlite3.connect(folder / "baseline.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (a INTEGER)")
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        connection.execute("INSERT INTO t VALUES (1)")
        count += 1
    connection.close()
    return count / seconds


def run(seconds: float) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        baseline = commits_per_second(Path(name))
    print(f"baseline: {baseline:.0f} single-row commits a second on this disk")
    for chats in (1, 10, 50):
        with tempfile.TemporaryDirectory() as name:
            figures = asyncio.run(measure(chats, seconds, Path(name)))
        print(figures.line(f"/thank, {chats} chats"), f"  {figures.per_second / baseline:5.2f} x baseline")
