"""What a kill -9 costs: our bot and a stock bot that writes before it answers, with the same bursts and kills."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from collections import Counter
from pathlib import Path

from tests.servers.bursts import Life, Tally, TelegramBursts, effects, numbers, tally
from tests.servers.running import folder, on_telegram
from tests.servers.telegram_api import TelegramServer

KILLS = 6
BURST = 20
MOMENTS = (0.2, 1.0)
STOCK = (sys.executable, "-m", "bench.stock_bot")


async def ours() -> Tally:
    """Our bot."""
    async with TelegramServer(validate=False) as server:
        with folder() as name:
            bot = on_telegram(server, Path(name))
            bursts = TelegramBursts(server, bot, seed=1)
            await bursts.set_up()
            await bursts.kills(KILLS, size=BURST, lives=[Life(bursts.up, MOMENTS)])
            await bursts.quiet(lambda: len(effects(bot.database)) == bursts.said)
            await asyncio.sleep(2)
            by_number = bursts.replies(r"\(No\. (\d+)\)")
            replied = Counter({said: by_number[number] for said, number in numbers(bot.database).items()})
            await bot.stop()
            return tally(bursts.said, effects(bot.database), replied)


async def stock() -> Tally:
    """python-telegram-bot, its handler 50 ms and one row."""
    os.environ["BOT_STORE"] = "1"
    async with TelegramServer(validate=False) as server:
        with folder() as name:
            bot = on_telegram(server, Path(name), STOCK)
            bursts = TelegramBursts(server, bot, seed=1)
            await bot.start()
            await server.listening(within=30)
            await bursts.kills(KILLS, size=BURST, lives=[Life(bursts.up, MOMENTS)])
            await asyncio.sleep(10)
            await bot.stop()
            connection = sqlite3.connect(Path(name) / "stock.sqlite")
            rows = connection.execute("SELECT text FROM done").fetchall()
            done = Counter(int(re.findall(r"burst (\d+)", text)[0]) for (text,) in rows)
            return tally(bursts.said, done, bursts.replies(r"burst (\d+)"))


def run() -> None:
    """Print both tallies."""
    print(f"{KILLS} bursts of {BURST} commands, killed 0.2 to 1.0 s after each")
    print(asyncio.run(stock()).line("stock python-telegram-bot"))
    print(asyncio.run(ours()).line("Solibot"))
