"""Bursts of commands, and a kill -9 in the middle of each: what is lost, and what is done twice?"""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.running import RunningBot
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, User

AWAY_SECONDS = 60.0


@dataclass(frozen=True)
class Tally:
    """What became of the commands."""

    said: int
    lost: int
    doubled: int
    replies_missing: int
    replies_doubled: int

    def line(self, name: str) -> str:
        """One line for people."""
        return (
            f"{name:<44} said {self.said:5}  effects lost {self.lost:5}  effects twice {self.doubled:3}  "
            f"replies missing {self.replies_missing:5}  replies twice {self.replies_doubled:3}"
        )


class Bursts:
    """A committee of two in one group; `/thank` comes in bursts, and the bot dies in each of them."""

    def __init__(self, server: TelegramServer, bot: RunningBot, *, seed: int) -> None:
        self.server, self.bot = server, bot
        self.random = random.Random(seed)
        self.said = 0
        # Before the bot comes into the group: it keeps the mode it came with.
        server.set_privacy(False)
        server.short_polls(0.01)
        self.ana: User = server.user(first_name="Ana", username="ana")
        self.ben: User = server.user(first_name="Ben", username="ben")
        self.group: Chat = server.supergroup("Riverside", creator=self.ana, members=(self.ben,))

    async def set_up(self) -> None:
        """Found the committee; the bot is killed and started many times afterwards."""
        await self.bot.start()
        await self.server.reply(self.server.say(self.ana, self.group, "/setup"), within=AWAY_SECONDS)
        await self.server.reply(self.server.say(self.ben, self.group, "/join"), within=AWAY_SECONDS)
        # In a burst hours go one way only: the limit must not decide what is done.
        await self.server.reply(self.server.say(self.ana, self.group, "/organizer @ben"), within=AWAY_SECONDS)
        for who in (self.ana, self.ben):
            answer = await self.server.reply(self.server.say(who, self.group, "/limit off"), within=AWAY_SECONDS)
        assert answer.text == "There is no lowest balance now."

    async def kills(self, count: int, *, size: int, seconds: tuple[float, float], while_starting: float = 0.0) -> None:
        """So many bursts of `size` commands, each with a kill at a random moment; at the end the bot is left running.

        `while_starting`: the share of bursts that do not wait until the bot is up again.
        """
        for _ in range(count):
            if self.random.random() >= while_starting:
                await self.server.listening(within=AWAY_SECONDS)
            for _ in range(size):
                self.said += 1
                who, other = (self.ana, "ben") if self.random.random() < 0.5 else (self.ben, "ana")
                self.server.say(who, self.group, f"/thank @{other} 30m burst {self.said}")
            await asyncio.sleep(self.random.uniform(*seconds))
            await self.bot.kill()
            await self.bot.start()

    def replies(self, pattern: str) -> Counter[int]:
        """How often each number stands in what the bot said in the group."""
        found: Counter[int] = Counter()
        for message in self.server.messages(self.group, by_bot=True):
            number = re.search(pattern, message.text or "")
            if number is not None:
                found[int(number.group(1))] += 1
        return found

    async def quiet(self, done: Callable[[], bool], *, within: float = AWAY_SECONDS) -> None:
        """Wait until it is done, or until nothing more comes."""
        end = asyncio.get_running_loop().time() + within
        while not done() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)


def effects(database: Path) -> Counter[int]:
    """How often each command of the bursts stands in the books of our bot."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT text FROM notes WHERE text LIKE 'burst %'").fetchall()
    finally:
        connection.close()
    return Counter(int(text.removeprefix("burst ")) for (text,) in rows)


def numbers(database: Path) -> dict[int, int]:
    """The number of the transfer that each command of the bursts became."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT n.text, t.number FROM notes n JOIN transfers t ON n.thing = 'transfer:' || t.id"
        ).fetchall()
    finally:
        connection.close()
    return {int(text.removeprefix("burst ")): number for text, number in rows}


def tally(said: int, done: Counter[int], replied: Counter[int]) -> Tally:
    """Compare what was said with what was done and answered; both are counted by the number of the command."""
    every = range(1, said + 1)
    return Tally(
        said=said,
        lost=sum(done[number] == 0 for number in every),
        doubled=sum(done[number] > 1 for number in every),
        replies_missing=sum(replied[number] == 0 for number in every),
        replies_doubled=sum(replied[number] > 1 for number in every),
    )
