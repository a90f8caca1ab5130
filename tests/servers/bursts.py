"""Bursts of commands, and a kill -9 in the middle of each: what is lost, and what is done twice?"""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain import chain
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


@dataclass(frozen=True)
class Life:
    """How long the bot lives: some time between these two, from then on."""

    from_when: Callable[[], Awaitable[None]]
    seconds: tuple[float, float]


async def at_once() -> None:
    """From its start on: do not wait until the bot is up."""


class Bursts(ABC):
    """Committees on a network; `thank` comes in bursts, and the bot dies in each of them."""

    bot: RunningBot

    def __init__(self, *, seed: int) -> None:
        self.random = random.Random(seed)
        self.said = 0
        self.watches_each_life = 0
        """With so many shifts of which people are to be reminded each life of the bot begins."""
        self.watches = 0
        self._begun_before = 0

    async def start(self) -> None:
        """Start the bot (again); returns at once."""
        self._begun_before = self._begun()
        for _ in range(self.watches_each_life):
            self.watches += 1
            watch(self.bot.database, self.watches, in_seconds=self.random.uniform(0.5, 3.0))
        await self.bot.start()

    async def begun(self) -> None:
        """Return when the bot, started just now, begins to read: from then on a signal ends it in order."""
        await self.quiet(lambda: self._begun() > self._begun_before)

    def _begun(self) -> int:
        return self.bot.log.read_text().count('"ready"') if self.bot.log.exists() else 0

    @abstractmethod
    async def up(self) -> None:
        """Return when the bot listens (again)."""

    @abstractmethod
    async def burst(self, size: int) -> None:
        """Say so many commands, each with a number of its own."""

    async def kills(self, count: int, *, size: int, lives: Sequence[Life]) -> None:
        """So many bursts of `size` commands, each with a kill in one of these ways; at the end the bot runs."""
        for _ in range(count):
            life = self.random.choice(lives)
            await life.from_when()
            saying = asyncio.create_task(self.burst(size))
            await asyncio.sleep(self.random.uniform(*life.seconds))
            await self.bot.kill()
            await self.start()
            await saying

    async def quiet(self, done: Callable[[], bool], *, within: float = AWAY_SECONDS) -> None:
        """Wait until it is done; on a busy machine many lives have left much for the last one."""
        end = asyncio.get_running_loop().time() + within + self.said / 5
        while not done() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)


class TelegramBursts(Bursts):
    """A committee of two in one group."""

    def __init__(self, server: TelegramServer, bot: RunningBot, *, seed: int) -> None:
        super().__init__(seed=seed)
        self.server, self.bot = server, bot
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
        for line, done in (("/decide_by organizers", "has passed"), ("/limit off", "There is no lowest balance now.")):
            for who in (self.ana, self.ben):
                self.server.say(who, self.group, line)
            await self._hears(done)

    async def _hears(self, words: str) -> None:
        async with asyncio.timeout(AWAY_SECONDS):
            while not any(words in (one.text or "") for one in self.server.messages(self.group, by_bot=True)):
                await asyncio.sleep(0.05)

    async def up(self) -> None:
        """Return when the bot asks for updates (again)."""
        await self.begun()
        await self.server.listening(within=AWAY_SECONDS)

    async def burst(self, size: int) -> None:
        """Say so many commands, all at once."""
        for _ in range(size):
            self.said += 1
            who, other = (self.ana, "ben") if self.random.random() < 0.5 else (self.ben, "ana")
            self.server.say(who, self.group, f"/thank @{other} 30m burst {self.said}")

    def replies(self, pattern: str) -> Counter[int]:
        """How often each number stands in what the bot said in the group."""
        found: Counter[int] = Counter()
        for message in self.server.messages(self.group, by_bot=True):
            number = re.search(pattern, message.text or "")
            if number is not None:
                found[int(number.group(1))] += 1
        return found


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A look into a database that others write to."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def owed(database: Path) -> int:
    """How much our bot has still to say."""
    with reading(database) as connection:
        row = connection.execute(
            """SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting')
                   + (SELECT count(*) FROM cards WHERE sent < wanted)"""
        ).fetchone()
    return int(row[0])


def watch(database: Path, number: int, *, in_seconds: float) -> None:
    """While the bot is down, give somebody a seat on a shift called “watch 1” of which they are to be reminded so soon.

    Only the seat: planning the reminder is up to the bot.
    """
    connection = sqlite3.connect(database, isolation_level=None)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        people = connection.execute("SELECT id, person_id, committee_id FROM members WHERE active = 1 ORDER BY id")
        members = people.fetchall()
        member, person, committee = members[number % len(members)]
        connection.execute(
            """INSERT INTO wishes (person_id, hours, remind) VALUES (?, '', '10min')
               ON CONFLICT (person_id) DO UPDATE SET hours = excluded.hours, remind = excluded.remind""",
            (person,),
        )
        now = datetime.now(UTC)
        begins = now + timedelta(minutes=10, seconds=in_seconds)
        begins_us, now_us = (int(at.timestamp() * 1_000_000) for at in (begins, now))
        local = begins.replace(tzinfo=None).isoformat()
        ((task,),) = connection.execute(
            """INSERT INTO rota_tasks (committee_id, minutes, crew_min, crew_max, local, zone, onerousness, empowerment)
               VALUES (?, 60, 1, 1, ?, 'UTC', 3, 3) RETURNING id""",
            (committee, local),
        ).fetchall()
        connection.execute("INSERT INTO notes VALUES (?, ?, 'salt')", (f"rota_task:{task}", f"watch {number}"))
        ((shift,),) = connection.execute(
            "INSERT INTO shifts (task_id, local, start_us, end_us, minutes) VALUES (?, ?, ?, ?, 60) RETURNING id",
            (task, local, begins_us, begins_us + 3_600_000_000),
        ).fetchall()
        ((seat,),) = connection.execute(
            "INSERT INTO seats (shift_id, needed) VALUES (?, 1) RETURNING id", (shift,)
        ).fetchall()
        connection.execute(
            """INSERT INTO assignments (seat_id, member_id, stage, agreed, state, since_us)
               VALUES (?, ?, 'frozen', 1, 'held', ?)""",
            (seat, member, now_us),
        )
    connection.close()


def reminded(words: Iterable[str]) -> Counter[int]:
    """How many of the messages that the bot has said are about each of these shifts: its buttons may name it again."""
    return Counter(int(number) for said in words for number in set(re.findall(r"\bwatch (\d+)", said)))


def not_named(words: Iterable[str]) -> int:
    """Of how many shifts those messages remind that they do not name: of many at once they name eight."""
    return sum(int(number) for said in words for number in re.findall(r"\band (\d+) more\b", said))


def reminders_waiting(database: Path) -> int:
    """How many reminders are planned or to be planned."""
    with reading(database) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM reminders) + (SELECT count(*) FROM reminders_stale)"
        ).fetchone()
    return int(row[0])


def effects(database: Path) -> Counter[int]:
    """How often each command of the bursts stands in the books of our bot."""
    with reading(database) as connection:
        rows = connection.execute("SELECT text FROM notes WHERE text LIKE 'burst %'").fetchall()
    return Counter(int(text.removeprefix("burst ")) for (text,) in rows)


def numbers(database: Path) -> dict[int, int]:
    """The number of the transfer that each command of the bursts became; in the order in which that was done."""
    with reading(database) as connection:
        rows = connection.execute(
            "SELECT n.text, t.number FROM notes n JOIN transfers t ON n.thing = 'transfer:' || t.id ORDER BY t.id"
        ).fetchall()
    return {int(text.removeprefix("burst ")): number for text, number in rows}


def books_are_sound(database: Path, said: int) -> None:
    """By SQL of our own, not by the program's."""
    with reading(database) as connection:

        def rows(question: str, *values: object) -> list[tuple[Any, ...]]:
            return connection.execute(question, values).fetchall()

        assert rows("SELECT count(*), sum(minutes) FROM postings") == [(2 * said, 0)]
        folds = "SELECT account_id, sum(minutes) FROM postings GROUP BY account_id"
        assert dict(rows(folds)) == dict(rows("SELECT id, balance FROM accounts WHERE member_id IS NOT NULL"))
        for id_, uid in rows("SELECT id, uid FROM committees"):
            assert rows("SELECT sum(balance) FROM accounts WHERE committee_id = ?", id_) == [(0,)]
            entries = rows(
                "SELECT number, kind, at_us, body, hash FROM entries WHERE committee_id = ? ORDER BY number", id_
            )
            links = [chain.Entry(number=n, kind=k, at_us=a, body=b, hash=h) for n, k, a, b, h in entries]
            assert chain.first_broken(uid, links) is None


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
