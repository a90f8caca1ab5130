"""Our bot, with a full durable `/thank`, and a bare stock echo bot, on the same server in the same run."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figures, figures, show
from tests.servers.running import RunningBot, folder, on_telegram
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, Message, User

STOCK = (sys.executable, "-m", "bench.stock_bot")
IDLE_SECONDS = 3.0
CHATS = (1, 10, 50)


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
        return figures(self.latencies, took, used)


@dataclass
class Subject:
    """One bot on a server of its own, ready to be talked to."""

    name: str
    server: TelegramServer
    town: Town
    bot: RunningBot
    start_seconds: float
    idle_mb: float = 0.0


@asynccontextmanager
async def subject(name: str, program: tuple[str, ...] | None, chats: int) -> AsyncIterator[Subject]:
    """Start one bot and, if it is ours, let each group found its committee."""
    async with TelegramServer(validate=False, calls_kept=10, messages_kept=200) as server:
        server.short_polls(0)
        server.set_privacy(False)
        town = Town(server, chats)
        with folder() as there:
            bot = on_telegram(server, Path(there), program)
            began = time.perf_counter()
            await bot.start()
            await server.listening(within=60)
            found = Subject(name, server, town, bot, time.perf_counter() - began)
            if program is None:
                await town.set_up()
            try:
                yield found
            finally:
                await bot.stop()


async def compare(seconds: float, slices: int) -> None:
    """Let both run, and talk to them in turn, a slice at a time: the machine's moods then meet both alike."""
    async with subject("stock echo", STOCK, max(CHATS)) as stock, subject("Solibot /thank", None, max(CHATS)) as ours:
        await asyncio.sleep(IDLE_SECONDS)
        for one in (stock, ours):
            one.idle_mb = one.bot.memory_mb()
        for chats in CHATS:
            found: dict[str, list[Figures]] = {stock.name: [], ours.name: []}
            for one in (stock, ours):
                await one.town.talk(chats, 0.5, one.bot)
            for _ in range(slices):
                for one in (stock, ours):
                    found[one.name].append(await one.town.talk(chats, seconds / slices, one.bot))
            show(f"{chats} chats", found[stock.name], found[ours.name], stock.name, ours.name)
        print(
            f"start: stock {stock.start_seconds:.2f} s, Solibot {ours.start_seconds:.2f} s   "
            f"idle RSS: stock {stock.idle_mb:.0f} MB, Solibot {ours.idle_mb:.0f} MB   "
            f"after load: {stock.bot.memory_mb():.0f} MB, {ours.bot.memory_mb():.0f} MB"
        )
        # Started anew, our bot counts only what the most chats at once make it do.
        await ours.bot.stop()
        await ours.bot.start()
        await ours.server.listening(within=60)
        said = sum(ours.town.turn.values())
        await ours.town.talk(max(CHATS), seconds, ours.bot)
        await ours.bot.stop()
        commits = json.loads(ours.bot.log.read_text().splitlines()[-1])["commits"]
        print(f"commands a commit with {max(CHATS)} chats: {(sum(ours.town.turn.values()) - said) / commits:.1f}")


def run(seconds: float, rounds: int) -> None:
    """Print the figures and the ratios; `seconds` for each figure, in `rounds` times five slices."""
    asyncio.run(compare(seconds * rounds, 5 * rounds))
