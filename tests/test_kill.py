"""kill -9 at random moments: every accepted command has its effect once, every reply comes at least once."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from pathlib import Path

from bot.domain import chain
from tests.servers.bursts import Bursts, effects, numbers, tally
from tests.servers.running import RunningBot
from tests.servers.telegram_api import TelegramServer

KILLS = int(os.environ.get("SOLIBOT_KILLS", "10"))
SEED = int(os.environ.get("SOLIBOT_SEED", "1"))


async def test_kill_9_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        bot = RunningBot(server, tmp_path)
        bursts = Bursts(server, bot, seed=SEED)
        await bursts.set_up()
        await bursts.kills(KILLS, size=20, seconds=(0.0, 0.25), while_starting=0.2)
        replied: Counter[int] = Counter()

        def answered() -> bool:
            replied.clear()
            by_number = bursts.replies(r"\(No\. (\d+)\)")
            replied.update({said: by_number[number] for said, number in numbers(bot.database).items()})
            return len(effects(bot.database)) == bursts.said and all(replied.values())

        await bursts.quiet(answered)
        found = tally(bursts.said, effects(bot.database), replied)
        assert await bot.stop() == 0
        assert found.lost == found.doubled == found.replies_missing == 0, found.line("Solibot")
        # A repeated reply is possible only when the bot died between the network's answer and its own mark.
        assert found.replies_doubled <= KILLS
        assert server.violations == []
        _books_are_sound(bot.database, bursts.said)


def _books_are_sound(database: Path, said: int) -> None:
    """By SQL of our own, not by the program's."""
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT sum(balance) FROM accounts").fetchone() == (0,)
    assert connection.execute("SELECT count(*), sum(minutes) FROM postings").fetchone() == (2 * said, 0)
    fold = dict(connection.execute("SELECT account_id, sum(minutes) FROM postings GROUP BY account_id").fetchall())
    balances = dict(connection.execute("SELECT id, balance FROM accounts WHERE member_id IS NOT NULL").fetchall())
    assert fold == balances
    [(uid,)] = connection.execute("SELECT uid FROM committees").fetchall()
    entries = connection.execute("SELECT number, kind, at_us, body, hash FROM entries ORDER BY number").fetchall()
    assert (
        chain.first_broken(uid, [chain.Entry(number=n, kind=k, at_us=a, body=b, hash=h) for n, k, a, b, h in entries])
        is None
    )
    connection.close()
