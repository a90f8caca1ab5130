"""kill -9 while people are called to an alert, and a network that is away for an hour: each is called once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.servers.bursts import AWAY_SECONDS, owed, reading
from tests.servers.running import RunningBot, on_telegram
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Message

KILLS = int(os.environ.get("SOLIBOT_KILLS", "40"))
SEED = int(os.environ.get("SOLIBOT_SEED", "1"))
NAMES = ("cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon")
NEAR = ("cat", "dan")


class _Calling:
    """A committee of ten on Telegram. Two are near every alert, and nobody rests."""

    def __init__(self, server: TelegramServer, bot: RunningBot) -> None:
        self.server, self.bot = server, bot
        server.set_privacy(False)
        server.short_polls(0.01)
        self.people = {
            name: server.user(first_name=name.capitalize(), username=name) for name in ("ana", "ben", *NAMES)
        }
        self.ana, self.ben = self.people["ana"], self.people["ben"]
        others = [one for name, one in self.people.items() if name != "ana"]
        self.group = server.supergroup("Riverside", creator=self.ana, members=others)
        self.alerts = 0

    async def set_up(self) -> None:
        """Found the committee; everybody can be written to."""
        await self.bot.start()
        await self.server.reply(self.server.say(self.ana, self.group, "/setup"), within=AWAY_SECONDS)
        for one in self.people.values():
            self.server.press_start(one)
        for said in [self.server.say(one, self.group, "/join") for one in self.people.values() if one is not self.ana]:
            await self.server.reply(said, within=AWAY_SECONDS)
        await self.server.reply(self.server.say(self.ana, self.group, "/organizer @ben"), within=AWAY_SECONDS)
        near = [self.people[name] for name in NEAR]
        for said in [self.server.say(one, self.server.private(one), "/near Quay") for one in near]:
            await self.server.reply(said, within=AWAY_SECONDS)
        await self.quiet(lambda: not owed(self.bot.database))
        # Whatever time of day it is here.
        with self.writing() as connection:
            connection.execute(
                """INSERT INTO wishes (person_id, hours) SELECT id, '' FROM persons WHERE true
                   ON CONFLICT (person_id) DO UPDATE SET hours = ''"""
            )

    async def up(self) -> None:
        """Start it (again), and return when it listens."""
        before = self._begun()
        await self.bot.start()
        await self.quiet(lambda: self._begun() > before)
        await self.server.listening(within=AWAY_SECONDS)

    def _begun(self) -> int:
        return self.bot.log.read_text().count('"ready"') if self.bot.log.exists() else 0

    def writing(self) -> closing[sqlite3.Connection]:
        """Its database, while it is down or has nothing to do."""
        return closing(sqlite3.connect(self.bot.database, isolation_level=None))

    async def quiet(self, done: Callable[[], bool]) -> None:
        """Wait until it is done."""
        async with asyncio.timeout(AWAY_SECONDS):
            while not done():
                await asyncio.sleep(0.02)

    async def raised(self) -> Message:
        """Raise an alert that takes more than there are; its card in the group.

        Each at another place: it would be asked whether two at the same one, shortly after one another, are the same.
        """
        self.alerts += 1
        place = f"Quay Gate{self.alerts} Yard{self.alerts}"
        self.server.say(self.ana, self.group, f"/alert eviction {place}, 50 people, for 47h")
        head = f"ALERT {self.alerts}:"
        await self.quiet(lambda: any(head in (one.text or "") for one in self._cards()))
        return next(one for one in self._cards() if head in (one.text or ""))

    def _cards(self) -> list[Message]:
        return self.server.messages(self.group, by_bot=True)

    def passes(self, time: timedelta) -> None:
        """While the bot is down, let all that was, and all that is planned of alerts, lie further back by so much."""
        us = time // timedelta(microseconds=1)
        with self.writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE alerts SET raised_us = raised_us - ?1, expires_us = expires_us - ?1", (us,))
            connection.execute("UPDATE alert_events SET at_us = at_us - ?", (us,))
            connection.execute(
                "UPDATE due SET at_us = at_us - ?1, planned_us = planned_us - ?1 WHERE key LIKE 'alert:%'", (us,)
            )
            connection.execute("COMMIT")

    def told(self, number: int) -> Counter[str]:
        """How often each was called to an alert, as the network has it."""
        return Counter({
            name: sum(
                f"ALERT {number}:" in (one.text or "")
                for one in self.server.messages(self.server.private(person), by_bot=True)
            )
            for name, person in self.people.items()
        })  # fmt: skip

    async def called(self, number: int) -> None:
        """Wait until a ring of an alert is called."""
        await self.quiet(lambda: self.rings(number) != [])

    async def all_told(self, number: int) -> None:
        """Wait until all have been told of an alert, and nothing more is owed."""
        await self.quiet(lambda: all(self.told(number)[name] for name in NAMES) and not owed(self.bot.database))

    def owed_each(self, number: int) -> Counter[int]:
        """How many messages that call to an alert were ever owed to each chat."""
        with reading(self.bot.database) as connection:
            rows = connection.execute(
                "SELECT chat_id FROM outbox WHERE instr(about, ?) > 0", (f" alert:{number}:call ",)
            ).fetchall()
        return Counter(chat for (chat,) in rows)

    def rings(self, number: int) -> list[int]:
        """Which rings were called, in the order in which they were."""
        with reading(self.bot.database) as connection:
            rows = connection.execute(
                "SELECT data FROM alert_events WHERE alert_id = ? AND kind = 'ring' ORDER BY id", (number,)
            ).fetchall()
        return [json.loads(data)["ring"] for (data,) in rows]


async def _dies_after_each_ring(calling: _Calling, card: Message, chance: random.Random) -> None:
    """An alert of whose rings each is written down when it dies; nobody has heard of the first one by then."""
    number = calling.alerts
    calling.server.fault("sendMessage", "502", times=None)
    calling.server.tap(calling.ben, calling.group, card, "I can confirm it")
    await calling.called(number)
    await asyncio.sleep(chance.uniform(0.0, 0.1))
    await calling.bot.kill()
    assert not calling.told(number).total()
    calling.server.faults.clear()
    calling.passes(timedelta(minutes=4))
    # The next ring is due as soon as it is up. It dies in the middle of that.
    await calling.bot.start()
    await calling.quiet(lambda: calling.rings(number) == [1, 2])
    await asyncio.sleep(chance.uniform(0.0, 0.1))
    await calling.bot.kill()
    await calling.up()


async def _dies_at_any_time(calling: _Calling, card: Message, chance: random.Random) -> None:
    """An alert in which it dies when chance will have it."""
    number = calling.alerts
    # It is confirmed: those who are near are called now. It dies in the middle of that.
    calling.server.tap(calling.ben, calling.group, card, "I can confirm it")
    await asyncio.sleep(chance.uniform(0.0, 0.25))
    await calling.bot.kill()
    calling.passes(timedelta(minutes=4))
    # The next ring is due as soon as it is up. It dies in the middle of that too.
    await calling.bot.start()
    await asyncio.sleep(chance.uniform(0.8, 2.0))
    await calling.bot.kill()
    calling.passes(timedelta(minutes=4))
    await calling.up()
    await calling.called(number)
    if calling.rings(number)[-1] == 1:
        # It died before it had heard of the tap, so the ring has just been called.
        await calling.bot.kill()
        calling.passes(timedelta(minutes=4))
        await calling.up()


@pytest.mark.parametrize("kills", [2, pytest.param(KILLS, marks=pytest.mark.soak)])
async def test_kill_9_between_a_ring_and_its_messages_loses_nobody_and_calls_nobody_twice(
    tmp_path: Path, kills: int
) -> None:
    chance = random.Random(SEED)
    async with TelegramServer() as server:
        calling = _Calling(server, on_telegram(server, tmp_path))
        await calling.set_up()
        for turn in range(kills // 2):
            card = await calling.raised()
            await (_dies_at_any_time if turn % 2 else _dies_after_each_ring)(calling, card, chance)
            await calling.all_told(calling.alerts)
        assert await calling.bot.stop() == 0
        for number in range(1, calling.alerts + 1):
            told = calling.told(number)
            assert {name for name in NAMES if told[name]} == {*NAMES}
            assert not told["ana"]
            assert not told["ben"], "they stand for it"
            assert set(calling.owed_each(number).values()) == {1}, "nobody is called twice"
            rings = calling.rings(number)
            assert rings == sorted(set(rings))
            assert rings[-1] == 2
        # A message comes twice only where the bot died between the network's answer and its own mark.
        assert sum(sum(calling.told(number).values()) for number in range(1, calling.alerts + 1)) <= (
            len(NAMES) * calling.alerts + kills * len(NAMES)
        )


@pytest.mark.soak
async def test_when_the_network_was_away_for_an_hour_each_is_told_once_and_how_old_it_is(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        calling = _Calling(server, on_telegram(server, tmp_path))
        await calling.set_up()
        first, second = await calling.raised(), await calling.raised()
        for method in ("sendMessage", "editMessageText"):
            server.fault(method, "502", times=None)
        for card in (first, second):
            server.tap(calling.ben, calling.group, card, "I can confirm it")
        await calling.quiet(lambda: calling.rings(2) == [1])
        await calling.bot.kill()
        calling.passes(timedelta(hours=1))
        with calling.writing() as connection:
            # The second one expired meanwhile.
            connection.execute("UPDATE alerts SET expires_us = raised_us + 1800000000 WHERE id = 2")
            connection.execute(
                "UPDATE due SET at_us = (SELECT expires_us FROM alerts WHERE id = 2) WHERE key = 'alert:2:end'"
            )
        await calling.up()
        await calling.quiet(lambda: calling.rings(1) == [1, 2])
        server.faults.clear()
        await calling.all_told(1)
        assert await calling.bot.stop() == 0
        told = calling.told(1)
        assert {name: told[name] for name in NAMES} == dict.fromkeys(NAMES, 1)
        words = server.messages(server.private(calling.people["jon"]), by_bot=True)[-1].text or ""
        assert "1 h before I wrote this." in words
        assert sum(calling.told(2).values()) == 0, "what expired meanwhile calls nobody"
        assert calling.rings(2) == [1]
