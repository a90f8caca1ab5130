"""Our bot, with a full durable `/thank`, and a bare nio echo bot, on the same Synapse in the same run."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.figures import Figures, figures, show
from tests.servers.bursts import owed
from tests.servers.matrix_members import EncryptedMember
from tests.servers.running import RunningBot, folder
from tests.servers.synapse import Homeserver
from tests.servers.telegram_api import TelegramServer

PASSWORD = "correct horse"
SENDERS = (1, 10, 50)
IDLE_SECONDS = 3.0
ANSWER_SECONDS_MAX = 60.0
SERVER = {"filter_timeline_limit": 1000}
"""The echo would lose what does not fit into one answer; ours does not need it."""
STOCK = (sys.executable, "-m", "bench.stock_matrix")


class Speaker(EncryptedMember):
    """Somebody who speaks and does not listen: whoever is in a room is looked up once."""

    def __init__(self, url: str, account: object) -> None:
        super().__init__(url, account, accepts="none")  # type: ignore[arg-type]
        self._known: set[str] = set()

    async def _know(self, room: str) -> None:
        if room not in self._known:
            await super()._know(room)
            self._known.add(room)


class Listener(EncryptedMember):
    """Hears every answer, and tells whoever waits for it. It need not read it: what it answers to travels in clear."""

    def __init__(self, url: str, account: object) -> None:
        super().__init__(url, account, accepts="none")  # type: ignore[arg-type]
        self.waiting: dict[str, asyncio.Future[float]] = {}
        self.reads = True
        """False once all is set up: decrypting what nobody looks at would be load of the bench's own."""

    async def _absorb(self, body: dict[str, Any]) -> None:
        if self.reads:
            await super()._absorb(body)

    def _read(self, room: str, event: dict[str, Any]) -> dict[str, Any]:
        return super()._read(room, event) if self.reads else event

    def answered(self, event: str) -> asyncio.Future[float]:
        """When the message with this id is answered."""
        return self.waiting.setdefault(event, asyncio.get_running_loop().create_future())

    def _notice(self, room: str, event: dict[str, Any]) -> None:
        super()._notice(room, event)
        content = event.get("content")
        replied = content.get("m.relates_to", {}).get("m.in_reply_to") if isinstance(content, dict) else None
        if replied is not None and not (future := self.answered(replied["event_id"])).done():
            future.set_result(time.perf_counter())


@dataclass(eq=False)
class Subject:
    """A bot with its two rooms."""

    name: str
    bot: RunningBot
    user: str
    rooms: dict[bool, str] = field(default_factory=dict)
    """The plain one and the encrypted one."""
    idle_mb: float = 0.0


@dataclass(frozen=True)
class Talk:
    """What people say to a bot. `words`: what the sender with a number says."""

    name: str
    one: Subject
    words: Callable[[int], str]


def to_zoe(_: int) -> str:
    """Everybody thanks Zoe, who wants nothing in private: one message out for each in, as with the echo."""
    return "!thank @zoe 1m for the bench"


def to_the_next(number: int) -> str:
    """Each thanks the next sender, who is told in private too: two messages out for each in."""
    return f"!thank @sender{(number + 1) % max(SENDERS)} 1m for the bench"


async def talk(
    told: Talk, listener: Listener, speakers: Sequence[Speaker], seconds: float, *, encrypted: bool
) -> Figures:
    """So many people talk for so long; each says the next command when the last one was answered.

    The time ends when the bot has said all that it owes.
    """
    one = told.one
    room, latencies = one.rooms[encrypted], []
    cpu, start = one.bot.cpu_seconds(), time.perf_counter()

    async def person(number: int, speaker: Speaker) -> None:
        while time.perf_counter() < start + seconds:
            said_at = time.perf_counter()
            event = await speaker.say(room, told.words(number))
            heard_at = await asyncio.wait_for(listener.answered(event), ANSWER_SECONDS_MAX)
            del listener.waiting[event]
            latencies.append(heard_at - said_at)

    await asyncio.gather(*(person(number, speaker) for number, speaker in enumerate(speakers)))
    await _all_said(one)
    took, used = time.perf_counter() - start, one.bot.cpu_seconds() - cpu
    return figures(latencies, took, used)


async def _all_said(one: Subject) -> None:
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        while one.bot.database.exists() and owed(one.bot.database):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def compare(seconds: float, slices: int) -> None:
    """Let all run, and talk to them in turn, a slice at a time: the machine's moods then meet all alike."""
    async with AsyncExitStack() as stack:
        there = Path(stack.enter_context(folder()))
        server = await stack.enter_async_context(Homeserver.started(there / "homeserver", config=SERVER))
        telegram = await stack.enter_async_context(TelegramServer())
        founder = await stack.enter_async_context(Listener(server.url, await server.register("zoe", display="Zoe")))
        speakers = []
        for number in range(max(SENDERS)):
            account = await server.register(f"sender{number}", display=f"Sender{number}")
            speakers.append(Speaker(server.url, account))
            stack.push_async_callback(speakers[-1].close)
        subjects = []
        for name, program, more in (
            ("nio echo", STOCK, {}),
            ("nio echo, tasks", STOCK, {"BOT_TASKS": "1"}),
            ("Solibot", None, {}),
        ):
            subjects.append(await _subject(stack, server, telegram, there, name, program, more))
        for one in subjects:
            for encrypted in (False, True):
                one.rooms[encrypted] = await _room(one, founder, speakers, encrypted=encrypted)
        for speaker in speakers:
            # One look, when everybody is there: fifty who listen to each other would be most of what is measured.
            await speaker.start()
            await speaker.stop_listening()
        *stock, ours = subjects
        await _found(ours, founder, speakers)
        founder.reads = False
        await asyncio.sleep(IDLE_SECONDS)
        for one in subjects:
            one.idle_mb = one.bot.memory_mb()
        echoes = [Talk(one.name, one, to_zoe) for one in stock]
        quiet, whole = Talk("Solibot !thank", ours, to_zoe), Talk("Solibot !thank, told", ours, to_the_next)
        for encrypted in (False, True):
            for senders in SENDERS:
                found: dict[Talk, list[Figures]] = {told: [] for told in (*echoes, quiet, whole)}
                for told in found:
                    await talk(told, founder, speakers[:senders], 1.0, encrypted=encrypted)
                for _ in range(slices):
                    for told, seen in found.items():
                        share = seconds / slices
                        seen.append(await talk(told, founder, speakers[:senders], share, encrypted=encrypted))
                title = f"{'encrypted' if encrypted else 'plain'}, {senders} senders"
                for echo, told in ((echoes[0], quiet), (echoes[0], whole), (echoes[1], quiet)):
                    show(title, found[echo], found[told], echo.name, told.name)
        for one in subjects:
            print(f"RSS of {one.name}: idle {one.idle_mb:.0f} MB, after load {one.bot.memory_mb():.0f} MB")


async def _subject(
    stack: AsyncExitStack,
    server: Homeserver,
    telegram: TelegramServer,
    there: Path,
    name: str,
    program: Sequence[str] | None,
    more: dict[str, str],
) -> Subject:
    account = await server.register(f"bot{abs(hash(name)) % 1000}", PASSWORD, display="Solibot")
    await server.log_out_device(account.user, account.device)
    home = there / name.replace(" ", "-").replace(",", "").replace("!", "")
    home.mkdir()
    config = f"""[bot]
data = "data"

[telegram]
token = "{telegram.token}"
base_url = "{telegram.base_url}"

[matrix]
user = "{account.user}"
homeserver = "{server.url}"
password = "{PASSWORD}"
invites_from = ["{server.user("zoe")}"]
"""
    environment = {"BOT_URL": server.url, "BOT_USER": account.user, "BOT_PASSWORD": PASSWORD, **more}
    bot = RunningBot(home, config, program=program, environment=environment)
    await bot.start()
    stack.push_async_callback(bot.stop)
    return Subject(name, bot, account.user)


async def _room(one: Subject, founder: Listener, speakers: Sequence[Speaker], *, encrypted: bool) -> str:
    room = await founder.create_room(f"Bench {one.name}", encrypted=encrypted, invite=[one.user], public=True)
    await founder.hears(
        room,
        lambda event: (
            event["type"] == "m.room.member"
            and event.get("state_key") == one.user
            and event["content"].get("membership") == "join"
        ),
        within=60,
    )
    for speaker in speakers:
        await speaker.call("POST", f"/v3/join/{quote(room)}")
    return room


async def _found(ours: Subject, founder: Listener, speakers: Sequence[Speaker]) -> None:
    for room in ours.rooms.values():
        for speaker, words in [(founder, "!setup"), *((speaker, "!join") for speaker in speakers)]:
            event = await speaker.say(room, words)
            await asyncio.wait_for(founder.answered(event), ANSWER_SECONDS_MAX)
    # Everybody has been thanked once, so that the private rooms are there; Zoe does not come into hers.
    thanked = [(speaker, to_the_next(number)) for number, speaker in enumerate(speakers)]
    for speaker, words in [*thanked, (speakers[0], to_zoe(0))]:
        event = await speaker.say(ours.rooms[False], words)
        await asyncio.wait_for(founder.answered(event), ANSWER_SECONDS_MAX)
    await _all_said(ours)
    await founder.leave((await founder.invited(by=ours.user)).room)


def run(seconds: float, rounds: int) -> None:
    """Print the figures and the ratios; `seconds` for each figure, in `rounds` times three slices."""
    logging.getLogger("nio").setLevel(logging.CRITICAL + 1)
    asyncio.run(compare(seconds * rounds, 3 * rounds))
