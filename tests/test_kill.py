"""kill -9 at random moments: every accepted command has its effect once, every reply comes at least once."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.servers.bursts import (
    Life,
    TelegramBursts,
    at_once,
    books_are_sound,
    effects,
    not_named,
    numbers,
    owed,
    reading,
    reminded,
    reminders_waiting,
    tally,
)
from tests.servers.running import on_telegram
from tests.servers.telegram_api import TelegramServer

KILLS = int(os.environ.get("SOLIBOT_KILLS", "4"))
SEED = int(os.environ.get("SOLIBOT_SEED", "1"))


async def test_kill_9_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        bot = on_telegram(server, tmp_path)
        bursts = TelegramBursts(server, bot, seed=SEED)
        await bursts.set_up()
        for person in (bursts.ana, bursts.ben):
            server.press_start(person)
        bursts.watches_each_life = 2
        moments = (0.0, 0.25)
        await bursts.kills(KILLS, size=20, lives=[*[Life(bursts.up, moments)] * 4, Life(at_once, moments)])
        replied: Counter[int] = Counter()

        def answered() -> bool:
            replied.clear()
            by_number = bursts.replies(r"\(No\. (\d+)\)")
            replied.update({said: by_number[number] for said, number in numbers(bot.database).items()})
            done = len(effects(bot.database)) == bursts.said and all(replied.values())
            return done and not reminders_waiting(bot.database) and not owed(bot.database)

        await bursts.quiet(answered)
        found = tally(bursts.said, effects(bot.database), replied)
        assert await bot.stop() == 0
        assert found.lost == found.doubled == found.replies_missing == 0, found.line("Solibot")
        # A repeated reply is possible only when the bot died between the network's answer and its own mark.
        assert found.replies_doubled <= KILLS
        private = [
            message.text or ""
            for person in (bursts.ana, bursts.ben)
            for message in server.messages(server.private(person), by_bot=True)
        ]
        told = reminded(private)
        assert len(told) + not_named(private) >= bursts.watches
        assert sum(told.values()) - bursts.watches <= KILLS
        assert server.violations == []
        books_are_sound(bot.database, bursts.said)


class _Votes(TelegramBursts):
    """In a poll that is open, people vote in bursts, each time something else."""

    last: dict[str, int]

    async def set_up(self) -> None:
        """Open the poll."""
        await self.bot.start()
        await self.server.reply(self.server.say(self.ana, self.group, "/setup"), within=60)
        await self.server.reply(self.server.say(self.ben, self.group, "/join"), within=60)
        self.last = {}
        line = "/poll Where do we meet? | Library | Union hall | Park | Quay | Station, closes in 5 days"
        answer = await self.server.reply(self.server.say(self.ana, self.group, line), within=60)
        found = re.search(r"Poll (\d+) by Ana", answer.text or "")
        assert found is not None
        self.poll = int(found.group(1))

    async def burst(self, size: int) -> None:
        """Vote so many times, all at once; now and then somebody takes their vote back."""
        for _ in range(size):
            self.said += 1
            who = self.random.choice((self.ana, self.ben))
            place = self.random.randint(1, 5)
            assert who.username is not None
            self.server.say(who, self.group, f"/vote {self.poll} {place}")
            self.last[who.username] = place


@pytest.mark.soak
async def test_kill_9_between_a_vote_and_its_answer_loses_no_vote_and_doubles_none(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        bot = on_telegram(server, tmp_path)
        bursts = _Votes(server, bot, seed=SEED)
        await bursts.set_up()
        await bursts.kills(
            max(3, KILLS // 3), size=20, lives=[Life(bursts.up, (0.0, 0.25)), Life(at_once, (0.0, 0.25))]
        )

        def ballots() -> dict[str, int]:
            with reading(bot.database) as connection:
                rows = connection.execute(
                    """SELECT i.username, json_extract(b.choice, '$.is') FROM poll_ballots b
                       JOIN polls p ON p.id = b.poll_id AND p.number = ?
                       JOIN members m ON CAST(m.id AS TEXT) = b.voter JOIN identities i ON i.person_id = m.person_id""",
                    (bursts.poll,),
                ).fetchall()
            assert len(rows) == len({name for name, _ in rows})
            return dict(rows)

        def answered() -> int:
            return sum((one.text or "").startswith("Counted: ") for one in server.messages(bursts.group, by_bot=True))

        await bursts.quiet(lambda: ballots() == bursts.last and answered() >= bursts.said and not owed(bot.database))
        assert await bot.stop() == 0
        assert ballots() == bursts.last
        # A repeated answer is possible only when the bot died between the network's answer and its own mark.
        assert bursts.said <= answered() <= bursts.said + KILLS
        assert server.violations == []
