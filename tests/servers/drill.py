"""A drill of many simulated members against the running program: a seed draws who answers how, and after how long."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tests.servers.matrix_members import Member
from tests.servers.running import RunningBot, on_matrix, on_telegram
from tests.servers.synapse import Homeserver
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Message, User

T = TypeVar("T")
S = TypeVar("S")

AT_ONCE = 8
GRACE_SECONDS = 60
BLOCKED, SILENT = 0.06, 0.24
"""Shares of those who cannot be reached, and of those who are reached and say nothing."""
ANSWERS = ("In 10 min", "In 30 min", "In 60 min", "I can't")
LINE = "eviction Main St 5, 500 people"
"""Nobody can meet that: it goes on until all are called."""
CONFIRM = "I can confirm it"
SCORE = re.compile(r"^DRILL \d+: how it went")
_NUMBERED = re.compile(r"(\d)\ufe0f\u20e3 ([^\n/\ufe0f]+?)\s*(?=\d\ufe0f\u20e3|\n|/|$)")


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody takes it. `label`: the button that they press; None: none."""

    blocked: bool
    label: str | None
    after_seconds: float


def manners(count: int, *, seed: int, slowest: float) -> list[Manner]:
    """As many as there are members: most answer, soon or late; some are silent, and a few cannot be reached."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        drawn, label = chance.random(), chance.choice(ANSWERS)
        after = min(slowest, chance.lognormvariate(0, 1) * slowest / 6)
        found.append(Manner(drawn < BLOCKED, label if drawn >= BLOCKED + SILENT else None, after))
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `score`: the bot's own message about it, as it stands in the group."""

    score: str
    told: int
    answering: int
    blocked: int
    set_up_seconds: float
    drill_seconds: float
    memory_mb: float


def _asked(database: Path, question: str) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute(question).fetchone()[0])
    finally:
        connection.close()


async def _until(found: Callable[[], bool], *, within: float) -> bool:
    end = time.monotonic() + within
    while not found():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.1)
    return True


def _whatever_time(bot: RunningBot) -> None:
    """Nobody rests: a drill keeps quiet hours, and it may be night here."""
    with closing(sqlite3.connect(bot.database, isolation_level=None)) as connection:
        connection.execute(
            """INSERT INTO wishes (person_id, hours) SELECT id, '' FROM persons WHERE true
               ON CONFLICT (person_id) DO UPDATE SET hours = ''"""
        )


async def _all_called(bot: RunningBot, count: int, call: Callable[[], Awaitable[object]], *, within: float) -> None:
    """Everybody is called but who has raised and who has confirmed it; the next ring as soon as one is called."""
    end = time.monotonic() + within
    while not await _until(lambda: _asked(bot.database, "SELECT count(*) FROM alert_pages") >= count, within=2):
        if time.monotonic() > end:
            return
        await call()


# --- Telegram ----------------------------------------------------------------------------------------------------


class _Telegram:
    """Members who press a button under what calls them, each once."""

    def __init__(self, server: TelegramServer) -> None:
        self.server = server
        self.manners: dict[int, Manner] = {}
        self.pressing: list[asyncio.Task[None]] = []
        self.called: set[int] = set()

    def heard(self, message: Message) -> None:
        """The bot has said something in somebody's private chat."""
        who = message.chat.id
        manner = self.manners.get(who)
        if manner is None or not message.outgoing or who in self.called or not _is_call(message.text):
            return
        self.called.add(who)
        if manner.label is not None:
            self.pressing.append(asyncio.create_task(self._press(who, message, manner)))

    async def _press(self, who: int, message: Message, manner: Manner) -> None:
        await asyncio.sleep(manner.after_seconds)
        await self.server.answer(self.server.tap(who, message.chat, message, manner.label), within=60)


def _is_call(words: str | None) -> bool:
    return words is not None and words.startswith("DRILL") and "Until" in words


async def over_telegram(
    folder: Path, members: int, *, seed: int, slowest: float, patience: float = 900, validate: bool = False
) -> Outcome:
    """A drill of so many members in their private chats with the bot, over the Bot API."""
    began = time.monotonic()
    async with TelegramServer(validate=validate, seed=seed) as server:
        server.short_polls(0)
        server.set_privacy(False)
        ana, ben = (server.user(first_name=name, username=name.lower()) for name in ("Ana", "Ben"))
        others: list[User] = [server.user(first_name=f"Member{number}") for number in range(members)]
        group = server.supergroup("Riverside", creator=ana, members=(ben, *others))
        bot = on_telegram(server, folder)
        await bot.start()
        try:
            await server.listening(within=60)
            await server.reply(server.say(ana, group, "/setup"), within=30)
            for who in (ben, *others):
                server.say(who, group, "/join")
                server.press_start(who)
            server.press_start(ana)
            await server.fetched(within=300)
            await _until(lambda: not _asked(bot.database, _OWED), within=300)
            drill = _Telegram(server)
            told = manners(members, seed=seed, slowest=slowest)
            drill.manners = {who.id: manner for who, manner in zip(others, told, strict=True)}
            for who, manner in zip(others, told, strict=True):
                if manner.blocked:
                    server.block(who)
            await server.fetched(within=60)
            server.on_message.append(drill.heard)

            async def confirm() -> None:
                card = await server.wait_for(lambda: _with_button(server, group.id), 60)
                assert card is not None
                await server.answer(server.tap(ben, group, card, CONFIRM), within=60)

            async def next_ring() -> None:
                server.say(ana, group, "/alert 1 call")
                await server.fetched(within=60)

            _whatever_time(bot)
            set_up, started = time.monotonic() - began, time.monotonic()
            server.say(ana, group, f"/drill {LINE}")
            await confirm()
            await _all_called(bot, members, next_ring, within=patience)
            await server.wait_for(lambda: len(drill.called) >= sum(not one.blocked for one in told) or None, 300)
            await asyncio.gather(*drill.pressing)
            took = time.monotonic() - started
            server.say(ana, group, "/alert 1 end")
            score = await server.wait_for(lambda: _scored(server, group.id), 120)
            assert score is not None
            memory = bot.memory_mb()
            assert await bot.stop() == 0
        finally:
            await bot.kill()
        assert server.violations == []
    return _outcome(score, told, set_up, took, memory)


_OWED = "SELECT count(*) FROM outbox WHERE state = 'waiting'"


def _with_button(server: TelegramServer, group: int) -> Message | None:
    found = server.messages(group, by_bot=True)
    return next((one for one in found if any(key.label == CONFIRM for row in one.buttons for key in row)), None)


def _scored(server: TelegramServer, group: int) -> str | None:
    found = (one.text or "" for one in server.messages(group, by_bot=True))
    return next((words for words in found if SCORE.match(words)), None)


def _outcome(score: str, told: list[Manner], set_up: float, took: float, memory: float) -> Outcome:
    return Outcome(
        score=score,
        told=len(told),
        answering=sum(one.label is not None for one in told),
        blocked=sum(one.blocked for one in told),
        set_up_seconds=set_up,
        drill_seconds=took,
        memory_mb=memory,
    )


# --- Matrix ------------------------------------------------------------------------------------------------------


async def over_matrix(
    server: Homeserver, folder: Path, members: int, *, seed: int, slowest: float, patience: float = 900
) -> Outcome:
    """The same over a Synapse: each has an account of their own, and a room with the bot, which opens it."""
    began = time.monotonic()
    told = manners(members, seed=seed, slowest=slowest)
    ana, ben = [await server.somebody(name) for name in ("ana", "ben")]

    async def comes(number: int) -> Member:
        member = await server.somebody(f"m{number}", accepts="none" if told[number].blocked else "direct")
        # Each word in the group would wake them all, and again at every word of the others.
        await member.stop_listening()
        return member

    others = await _in_turns(comes, range(members))
    account = await server.register(f"bot-{secrets.token_hex(4)}", secrets.token_hex(8), display="Solibot")
    await server.log_out_device(account.user, account.device)
    await server.override_ratelimit(account.user)
    bot = on_matrix(server, folder, account, invites_from=[ana.user])
    # The members have no keys: what is said to each of them can be read as it is in the group.
    bot.config.write_text(f"{bot.config.read_text()}encrypted_private_chats = false\n")
    await bot.start()
    try:
        room = await ana.create_room("Riverside", invite=[account.user], public=True)
        await ana.hears(room, lambda event: _joined(event, account.user), within=120)
        # They do not wait until they see the room: each who comes in wakes all who listen there.
        await _in_turns(lambda who: who.call("POST", f"/v3/join/{quote(room)}"), (ben, *others))
        await ana.say(room, "!setup")
        await ana.hears(room, _says("Joined: 1"), within=60, by=account.user)
        for who in (ben, *others):
            await who.say(room, "!join")
        counted = "SELECT count(*) FROM members WHERE active = 1"
        assert await _until(lambda: _asked(bot.database, counted) == members + 2, within=900)
        await _until(lambda: not _asked(bot.database, _OWED), within=300)
        _whatever_time(bot)
        for who in others:
            who.passes_over = room
        await _in_turns(lambda who: who.start(), others)
        set_up, started = time.monotonic() - began, time.monotonic()
        pressing = [
            asyncio.create_task(_answers(who, account.user, manner, patience + 300))
            for who, manner in zip(others, told, strict=True)
            if not manner.blocked
        ]
        await ana.say(room, f"!drill {LINE}")
        card = await ben.hears(room, _says(CONFIRM), within=120, by=account.user)
        numbers = {label.strip(): number for number, label in _NUMBERED.findall(card["content"]["body"])}
        await ben.say(room, numbers[CONFIRM], reply_to=card["event_id"])
        await _all_called(bot, members, lambda: ana.say(room, "!alert 1 call"), within=patience)
        await _until(lambda: not _asked(bot.database, _OWED), within=patience)
        # Whoever the bot gave up on hears nothing: they are not waited for.
        _, deaf = await asyncio.wait(pressing, timeout=slowest + GRACE_SECONDS)
        for one in deaf:
            one.cancel()
        answered = "SELECT count(DISTINCT member_id) FROM alert_events WHERE kind IN ('coming', 'cannot')"
        pressed = sum(
            one.done() and not one.cancelled() and one.exception() is None and one.result() for one in pressing
        )
        await _until(lambda: _asked(bot.database, answered) >= pressed, within=60)
        took = time.monotonic() - started
        await ana.say(room, "!alert 1 end")
        score = await ana.hears(room, lambda event: bool(SCORE.match(_body(event))), within=300, by=account.user)
        memory = bot.memory_mb()
        await bot.stop()
    finally:
        await bot.kill()
    return _outcome(_body(score), told, set_up, took, memory)


async def _in_turns(one: Callable[[T], Awaitable[S]], all_: Iterable[T]) -> list[S]:
    """A few at a time: a homeserver with one process takes no more."""
    done: list[S] = []
    waiting = [*all_]
    for start in range(0, len(waiting), AT_ONCE):
        done += await asyncio.gather(*(one(which) for which in waiting[start : start + AT_ONCE]))
    return done


async def _answers(who: Member, bot: str, manner: Manner, within: float) -> bool:
    """Taken into a room with the bot, they see the call, wait, and press a number; whether they do."""
    invite = await who.invited(within, by=bot)
    event = await who.hears(invite.room, lambda one: _is_call(_body(one)), within=within, by=bot)
    if manner.label is None:
        return False
    await asyncio.sleep(manner.after_seconds)
    numbers = {label.strip(): number for number, label in _NUMBERED.findall(_body(event))}
    await who.react(invite.room, event["event_id"], f"{numbers[manner.label]}\ufe0f\u20e3")
    return True


def _body(event: dict[str, Any]) -> str:
    return str(event.get("content", {}).get("body", ""))


def _says(words: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: words in _body(event)


def _joined(event: dict[str, Any], user: str) -> bool:
    return (
        event["type"] == "m.room.member"
        and event.get("state_key") == user
        and event["content"].get("membership") == "join"
    )
