"""Alerts under load, over the Bot API test server with Telegram's limits: behind a long queue, and to many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.chat import Lane
from bot.domain import alarm
from bot.text import Reader, T
from storage import alert_kinds, outbox, people
from storage.database import Database, Transaction
from tests.servers.running import RunningBot, folder
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, Message, User

GROUPS = 20
QUEUED = 5_000
MEMBERS = 500
ALLOWED_A_SECOND = 30
"""What Telegram bears in all chats together."""
BURST = 20
SETTLE_SECONDS = 60.0
"""So long the queue is worked off before the first alert: then in every group as much is said in a minute as may be."""
APART_SECONDS = 1.5
WITHIN_SECONDS = 90.0


class Town:
    """Groups of three people, and when the bot has said in each what is waited for."""

    def __init__(self, server: TelegramServer, groups: int) -> None:
        self.server = server
        self.said_at: dict[int, float] = {}
        self.latencies: list[float] = []
        self.handed_over = asyncio.Event()
        self.ordinary = 0
        self.paged: dict[int, float] = {}
        self.wanted = 0
        self.all_paged = asyncio.Event()
        self.groups: list[tuple[Chat, tuple[User, User, User]]] = []
        for number in range(groups):
            three = tuple(
                server.user(first_name=f"{who}{number}", username=f"{who}_{number}") for who in ("A", "B", "C")
            )
            group = server.supergroup(f"Committee {number}", creator=three[0], members=three[1:])
            self.groups.append((group, (three[0], three[1], three[2])))
        server.on_message.append(self._said)

    def _said(self, message: Message) -> None:
        if message.sender is None or message.sender.id != self.server.bot.id:
            return
        text = message.text or ""
        if text.startswith("Ordinary"):
            self.ordinary += 1
        elif text.startswith("ALERT") and message.chat.kind == "private":
            self.paged.setdefault(message.chat.id, time.perf_counter())
            if len(self.paged) == self.wanted:
                self.all_paged.set()
        elif text.startswith("ALERT") and (began := self.said_at.pop(message.chat.id, None)) is not None:
            self.latencies.append(time.perf_counter() - began)
            if not self.said_at:
                self.handed_over.set()

    async def set_up(self) -> None:
        """Found a committee in each group."""
        for group, (ana, *others) in self.groups:
            await self.server.reply(self.server.say(ana, group, "/setup"), within=30)
            for one in others:
                await self.server.reply(self.server.say(one, group, "/join"), within=30)

    async def alert(self, who: int, line: str) -> list[float]:
        """An alert in each group, one after another: how many seconds each took until its card was handed over."""
        self.latencies = []
        for group, three in self.groups:
            self.handed_over.clear()
            self.said_at[group.id] = time.perf_counter()
            self.server.say(three[who], group, f"/alert {line}")
            await asyncio.sleep(APART_SECONDS)
        await asyncio.wait_for(self.handed_over.wait(), WITHIN_SECONDS)
        return sorted(self.latencies)


@asynccontextmanager
async def subject(groups: int) -> AsyncIterator[tuple[TelegramServer, Town, RunningBot]]:
    """A bot that keeps to Telegram's limits, in so many groups; the server does not hold it to them yet."""
    async with TelegramServer(validate=False, calls_kept=0, messages_kept=100_000) as server:
        server.short_polls(0)
        server.set_privacy(False)
        town = Town(server, groups)
        with folder() as there:
            bot = RunningBot(
                Path(there),
                f'[bot]\ndata = "data"\n\n[telegram]\ntoken = "{server.token}"\nbase_url = "{server.base_url}"\n'
                "messages_per_minute_in_group = 20\n",
            )
            await bot.start()
            await server.listening(within=60)
            try:
                yield server, town, bot
            finally:
                await bot.stop()


async def _fill(path: Path, messages: int) -> None:
    """Owe ordinary messages to the groups, half of them notices, half answers; the bot is not running."""
    database = await Database.open(path)

    async def owe(tx: Transaction) -> None:
        places = []
        for (id_,) in await tx.all("SELECT id FROM committees ORDER BY id LIMIT 1000"):
            places += await people.chats_of(tx, id_)
        for number in range(messages):
            place = places[number % len(places)]
            lane = Lane.NOTICE if number // len(places) % 2 else Lane.ANSWER
            words = T(
                "Ordinary {number}: the meeting is on Saturday at six, bring cups and something to eat.", number=number
            )
            await outbox.queue(
                tx, place, words, reader=Reader("en"), now=datetime.now(UTC), lane=lane, committee=place.committee_id
            )

    await database.transact(owe)
    await database.close()


async def _let_one_page(path: Path) -> None:
    """One person alone calls everybody, as a committee may decide by poll; the bot is not running."""
    database = await Database.open(path)

    async def decide(tx: Transaction) -> None:
        for (id_,) in await tx.all("SELECT id FROM committees ORDER BY id LIMIT 1000"):
            kind = replace(alarm.KINDS["eviction"], alone="everyone")
            await alert_kinds.put(tx, await people.committee(tx, id_), kind)

    await database.transact(decide)
    await database.close()


def _line(name: str, found: list[float]) -> str:
    return (
        f"  {name:<28} {len(found):4} alerts   p50 {found[len(found) // 2]:6.3f} s   "
        f"p95 {found[int(len(found) * 0.95)]:6.3f} s   most {found[-1]:6.3f} s"
    )


async def behind_a_queue(groups: int, queued: int) -> None:
    """From the command until the network has the alert's card, with an empty queue and behind a long one."""
    async with subject(groups) as (server, town, bot):
        await town.set_up()
        # The worst for an alert: what a group may hear in a minute can be used up at once by what is ordinary.
        server.limit(per_chat_burst=BURST)
        await asyncio.sleep(60)  # What was said to set up counts no more.
        alone = await town.alert(0, "eviction Main St 5, for 3h")
        await bot.stop()
        await _fill(bot.database, queued)
        await bot.start()
        await server.listening(within=60)
        await asyncio.sleep(SETTLE_SECONDS)
        before, sent = bot.memory_mb(), town.ordinary
        loaded = await town.alert(1, "raid Dock 3, for 3h") + await town.alert(2, "threat Mill Lane 9, for 3h")
        loaded.sort()
        print(f"{queued} ordinary messages in the queue of {groups} groups, 20 a minute for each")
        print(_line("empty queue", alone))
        print(_line("behind the queue", loaded))
        print(f"  ratio of p95: {loaded[int(len(loaded) * 0.95)] / alone[int(len(alone) * 0.95)]:.1f} x")
        print(
            f"  ordinary messages sent meanwhile: {town.ordinary - sent}, still waiting: {queued - town.ordinary}   "
            f"RSS {before:.1f} MB before the alerts, {bot.memory_mb():.1f} MB after"
        )


async def _bare(server: TelegramServer, chats: list[int]) -> float:
    """The baseline: one sender that does nothing but send so many messages a second. How many seconds it takes."""
    began = time.perf_counter()

    async def send(session: aiohttp.ClientSession, number: int, chat: int) -> None:
        await asyncio.sleep(number / ALLOWED_A_SECOND)
        while True:
            async with session.post(
                f"{server.base_url}{server.token}/sendMessage", json={"chat_id": chat, "text": "bare"}
            ) as answer:
                said = await answer.json()
            if said["ok"]:
                return
            await asyncio.sleep(said["parameters"]["retry_after"])

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(send(session, number, chat) for number, chat in enumerate(chats)))
    return time.perf_counter() - began


async def to_many(members: int) -> None:
    """One alert to so many members in private, all at once."""
    async with subject(1) as (server, town, bot):
        await town.set_up()
        group, (ana, *_) = town.groups[0]
        people_ = [server.user(first_name=f"M{number}", username=f"m_{number}") for number in range(members - 3)]
        for one in people_:
            server.join(one, group)
            server.press_start(one)
            server.say(one, group, "/join")
        for one in town.groups[0][1]:
            server.press_start(one)
        # Until the bot has taken all of them in, and has said what it says to each.
        seen = -1
        while seen != len(server.messages(group)):
            seen = len(server.messages(group))
            await asyncio.sleep(10)
        await bot.stop()
        await _let_one_page(bot.database)
        await bot.start()
        await server.listening(within=60)
        server.limit()
        await asyncio.sleep(60)
        chats = [server.private(one).id for one in people_]
        bare = await _bare(server, chats)
        await asyncio.sleep(20)
        before = bot.memory_mb()
        town.wanted = len(chats) + 2  # Whoever raises it is not called.
        began = time.perf_counter()
        server.say(ana, group, "/alert eviction Main St 5, for 3h")
        await asyncio.wait_for(town.all_paged.wait(), WITHIN_SECONDS)
        took = max(town.paged.values()) - began
        allowed = len(town.paged) / ALLOWED_A_SECOND
        print(f"one alert to {len(town.paged)} members in private")
        print(
            f"  {ALLOWED_A_SECOND} a second allow: {allowed:.1f} s   bare sender: {bare:.1f} s   Solibot: {took:.1f} s"
        )
        print(f"  ratios: {took / allowed:.2f} x of what is allowed, {took / bare:.2f} x of the bare sender")
        print(f"  RSS {before:.1f} MB before, {bot.memory_mb():.1f} MB after")


def run(rounds: int, *, groups: int = GROUPS, queued: int = QUEUED, members: int = MEMBERS) -> None:
    """Print the figures."""
    for number in range(rounds):
        print(f"round {number + 1}", flush=True)
        asyncio.run(behind_a_queue(groups, queued))
        asyncio.run(to_many(members))
