"""Our bot, with a full durable `/thank`, and a bare stock echo bot, on the same server in the same run."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.servers.running import RunningBot, folder
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, Message, User

STOCK = (sys.executable, "-m", "bench.stock_bot")
IDLE_SECONDS = 3.0


@dataclass(frozen=True)
class Figures:
    """What one bot showed with one number of chats."""

    per_second: float
    p50: float
    p95: float
    cpu_ms: float

    def line(self, name: str) -> str:
        """One line for people."""
        return (
            f"{name:<26} {self.per_second:7.0f}/s   p50 {self.p50:7.1f} ms   p95 {self.p95:7.1f} ms   "
            f"bot CPU {self.cpu_ms:5.2f} ms/command"
        )


@dataclass(frozen=True)
class Subject:
    """What one bot showed in all."""

    figures: dict[int, Figures]
    start_seconds: float
    idle_mb: float
    busy_mb: float
    commands_per_commit: float | None


class Town:
    """Groups of two people; in each the next command is said when the last one was answered."""

    def __init__(self, server: TelegramServer, chats: int) -> None:
        self.server = server
        self.said_at: dict[int, float] = {}
        self.latencies: list[float] = []
        self.turn: dict[int, int] = {}
        self.until = 0.0
        self.idle = asyncio.Event()
        self.groups: dict[int, tuple[Chat, User, User]] = {}
        for number in range(chats):
            ana = server.user(first_name=f"Ana{number}", username=f"ana_{number}")
            ben = server.user(first_name=f"Ben{number}", username=f"ben_{number}")
            group = server.supergroup(f"Committee {number}", creator=ana, members=(ben,))
            self.groups[group.id] = (group, ana, ben)
        server.on_message.append(self._answered)

    def _answered(self, message: Message) -> None:
        chat = message.chat.id
        if chat not in self.said_at or message.sender is None or message.sender.id != self.server.bot.id:
            return
        now = time.perf_counter()
        self.latencies.append(now - self.said_at.pop(chat))
        if now < self.until:
            self._say(chat)
        elif not self.said_at:
            self.idle.set()

    def _say(self, chat: int) -> None:
        group, ana, ben = self.groups[chat]
        turn = self.turn[chat] = self.turn.get(chat, 0) + 1
        who, other = (ana, ben) if turn % 2 else (ben, ana)
        self.said_at[chat] = time.perf_counter()
        self.server.say(who, group, f"/thank @{other.username} 1h30 fixed the bike")

    async def set_up(self) -> None:
        """Found a committee in each group."""
        for group, ana, ben in self.groups.values():
            await self.server.reply(self.server.say(ana, group, "/setup"), within=30)
            await self.server.reply(self.server.say(ben, group, "/join"), within=30)

    async def talk(self, chats: int, seconds: float, bot: RunningBot) -> Figures:
        """So many groups talk for so long."""
        self.latencies.clear()
        self.idle.clear()
        cpu, start = bot.cpu_seconds(), time.perf_counter()
        self.until = start + seconds
        for chat in list(self.groups)[:chats]:
            self._say(chat)
        await asyncio.wait_for(self.idle.wait(), seconds + 30)
        took, used = time.perf_counter() - start, bot.cpu_seconds() - cpu
        ordered = sorted(self.latencies)
        count = len(ordered)
        return Figures(count / took, ordered[count // 2] * 1000, ordered[int(count * 0.95)] * 1000, used / count * 1000)


async def measure(program: tuple[str, ...] | None, seconds: float, chats: tuple[int, ...]) -> Subject:
    """Run one bot through all of it."""
    async with TelegramServer(validate=False, calls_kept=10, messages_kept=200) as server:
        server.short_polls(0)
        server.set_privacy(False)
        town = Town(server, max(chats))
        with folder() as name:
            bot = RunningBot(server, Path(name), program)
            began = time.perf_counter()
            await bot.start()
            await server.listening(within=60)
            start_seconds = time.perf_counter() - began
            if program is None:
                await town.set_up()
            await asyncio.sleep(IDLE_SECONDS)
            idle = bot.memory_mb()
            figures = {}
            for count in chats:
                await town.talk(count, 0.5, bot)
                figures[count] = await town.talk(count, seconds, bot)
            busy = bot.memory_mb()
            await bot.stop()
            commands_per_commit = None
            if program is None:
                # Started anew, it counts only what the most chats at once make it do.
                await bot.start()
                await server.listening(within=60)
                said = sum(town.turn.values())
                await town.talk(max(chats), seconds, bot)
                await bot.stop()
                last = json.loads(bot.log.read_text().splitlines()[-1])
                commands_per_commit = (sum(town.turn.values()) - said) / last["commits"]
            return Subject(figures, start_seconds, idle, busy, commands_per_commit)


def run(seconds: float, rounds: int) -> None:
    """Print the figures and the ratios, round by round."""
    chats = (1, 10, 50)
    for number in range(1, rounds + 1):
        print(f"round {number}")
        stock = asyncio.run(measure(STOCK, seconds, chats))
        ours = asyncio.run(measure(None, seconds, chats))
        for count in chats:
            theirs, mine = stock.figures[count], ours.figures[count]
            print(theirs.line(f"  stock echo, {count} chats"))
            print(mine.line(f"  Solibot /thank, {count} chats"))
            print(
                f"    ratio: commands/s {mine.per_second / theirs.per_second:.2f} x   "
                f"p50 {mine.p50 / theirs.p50:.2f} x   p95 {mine.p95 / theirs.p95:.2f} x   "
                f"CPU {mine.cpu_ms / theirs.cpu_ms:.2f} x"
            )
        print(
            f"  start: stock {stock.start_seconds:.2f} s, Solibot {ours.start_seconds:.2f} s   "
            f"idle RSS: stock {stock.idle_mb:.0f} MB, Solibot {ours.idle_mb:.0f} MB   "
            f"after load: {stock.busy_mb:.0f} MB, {ours.busy_mb:.0f} MB"
        )
        if ours.commands_per_commit is not None:
            print(f"  commands a commit with {max(chats)} chats: {ours.commands_per_commit:.1f}")
