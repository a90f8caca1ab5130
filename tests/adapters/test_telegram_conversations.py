"""The scripted conversations over the Bot API: what is heard there is, word for word, what the terminal shows."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.adapters.console import poll_text
from bot.adapters.telegram import TelegramAdapter
from bot.app import App
from bot.practice import DATABASE, MEMBERS, ORGANIZERS, SCRIPT_START, FixedClock, read_time
from bot.text import LANGUAGES
from storage import connections
from storage.members import RECOUNT_AFTER
from tests.conftest import without_hashes
from tests.scripts import SCRIPTS, SELDOM, TWINS
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Call, Chat, Message, User

SAID = (
    *("bot: ", "bot (edit): ", "bot sends a file: ", "bot sends a picture: "),
    *("bot sends a poll: ", "bot ends the poll: "),
)
"""How lines begin that tell what the bot says."""
_STEP = re.compile(r"(?P<who>\w+)(?:\s*(?P<dm>\(dm\))|\s*>\s*(?P<other>\w+))?\s*:\s?(?P<text>.*)")


class Telegram:
    """Riverside in a group at Telegram."""

    def __init__(self, server: TelegramServer, app: App, clock: FixedClock, *, basic: bool) -> None:
        self.server, self.app, self.clock = server, app, clock
        self.people: dict[str, User] = {}
        self.last_said: dict[tuple[str, int], Message] = {}
        self.heard: dict[str, list[str]] = {}
        self.silent = True
        self._orders: dict[tuple[int, int], int] = {}
        self._shown = 0
        server.on_message.append(self._sent)
        server.on_call.append(self._called)
        founder = self.person(ORGANIZERS[0])
        make = server.group if basic else server.supergroup
        members = [self.person(who) for who in (*ORGANIZERS[1:], *MEMBERS)]
        self.group: Chat = make("Riverside", creator=founder, members=members)

    def person(self, who: str) -> User:
        """Somebody, who comes to be when first named."""
        if who not in self.people:
            self.people[who] = self.server.user(first_name=who.title(), username=who)
        return self.people[who]

    async def begin(self) -> None:
        """The same beginning as in the terminal."""
        await self.say(ORGANIZERS[0], "/setup", self.group)
        for who in (ORGANIZERS[1], *MEMBERS):
            await self.say(who, "/join", self.group)
        await self.say(ORGANIZERS[0], f"/organizer @{ORGANIZERS[1]}", self.group)
        for who in (*ORGANIZERS, *MEMBERS):
            self.server.press_start(self.person(who))
            await self.quiet()
        # What changed in this moment is shown in it.
        await self.app.dispatcher.tick(self.clock() + RECOUNT_AFTER)
        await self.quiet()
        self.last_said.clear()
        self.silent = False

    async def step(self, line: str) -> None:
        """One line of a script."""
        if line.endswith((" joins", " leaves")):
            who, verb = line.split()
            move = self.server.join if verb == "joins" else self.server.leave
            move(self.person(who), self.group)
            await self.quiet()
        elif line.startswith("skip "):
            await self._skip(line.removeprefix("skip "))
        else:
            found = _STEP.fullmatch(line)
            assert found is not None, line
            who, text = found["who"], found["text"].strip()
            chat = self.server.private(self.person(who)) if found["dm"] else self.group
            if text.startswith("[") and text.endswith("]"):
                await self._press(who, text[1:-1], chat)
            else:
                await self.say(who, text.replace(" / ", "\n"), chat, reply_to=found["other"])

    async def say(self, who: str, text: str, chat: Chat, *, reply_to: str | None = None) -> None:
        """Somebody writes."""
        answered = self.last_said[reply_to, chat.id] if reply_to else None
        self.last_said[who, chat.id] = self.server.say(self.person(who), chat, text, reply_to=answered)
        await self.quiet()

    async def _press(self, who: str, label: str, chat: Chat) -> None:
        places = {place.id: place for place in (chat, self.server.private(self.person(who)))}
        candidates = [
            (message, button)
            for place in places.values()
            for message in self.server.messages(place, by_bot=True)
            for row in message.buttons
            for button in row
            if button.label == label
        ]
        polls = [
            (message, message.poll.options.index(label))
            for place in places.values()
            for message in self.server.messages(place, by_bot=True)
            if message.poll is not None and not message.poll.closed and label in message.poll.options
        ]
        newest = max([*candidates, *polls], key=lambda found: self.order(found[0]))
        if newest in polls:
            await self._vote(who, *newest)
            return
        message, button = max(candidates, key=lambda found: self.order(found[0]))
        if button.url is not None:
            self.server.press_start(self.person(who), button.url.partition("start=")[2])
            await self.quiet()
            return
        tap = self.server.tap(self.person(who), message.chat, message, label)
        await self.server.answer(tap)
        await self.quiet()
        if tap.text:
            self._hear(f"{who} (tap)", f"bot: {flat(tap.text)}")

    async def _vote(self, who: str, message: Message, place: int) -> None:
        """Choose in a poll of Telegram's own; what was chosen before is taken back."""
        poll = message.poll
        assert poll is not None
        before = poll.votes.get(self.person(who).id, [])
        kept = [one for one in before if one != place] if poll.multiple or place in before else []
        self.server.vote(
            self.person(who), message.chat, message, *(kept if place in before else sorted([*kept, place]))
        )
        await self.quiet()

    async def _skip(self, text: str) -> None:
        stretch = read_time(text)
        assert stretch is not None
        target = self.clock() + stretch
        while (following := await self.app.dispatcher.tick(self.clock())) is not None and following <= target:
            await self.quiet()
            self.clock.move(following)
        await self.quiet()
        self.clock.move(target)
        await self.app.dispatcher.tick(target)
        await self.quiet()

    async def quiet(self) -> None:
        """Until the bot has taken in everything and said everything."""
        await self.server.fetched(within=10)
        await self.app.settle()

    def order(self, message: Message) -> int:
        """Which message is newest on the screen: an edited card counts as new, as in the terminal."""
        return self._orders.get((message.chat.id, message.id), 0)

    # --- what is heard -----------------------------------------------------------------------------------------

    def _sent(self, message: Message) -> None:
        if message.sender is self.server.bot and not message.service:
            self._show(message, "bot")

    def _called(self, call: Call) -> None:
        if call.method.lower() == "editmessagetext" and call.status == 200:
            self._show(self.server.message(int(call.params["chat_id"]), int(call.params["message_id"])), "bot (edit)")

        elif call.method.lower() == "stoppoll" and call.status == 200:
            poll = self.server.message(int(call.params["chat_id"]), int(call.params["message_id"])).poll
            assert poll is not None
            self._hear("Riverside", f"bot ends the poll: {poll.question}")

    def _show(self, message: Message, who: str) -> None:
        self._shown += 1
        self._orders[message.chat.id, message.id] = self._shown
        labels = " ".join(f"[{button.label}]" for row in message.buttons for button in row)
        where = message.chat.title or f"{(message.chat.user.username if message.chat.user else '')} (dm)"
        if (poll := message.poll) is not None:
            text = poll_text(poll.question, poll.options, several=poll.multiple)
            self._hear(where, f"{who} sends a poll: {flat(text)}")
            return
        if "document" in message.content:
            name, data = self.server.files[message.content["document"]["file_id"]]
            if data.startswith(b"\x89PNG"):
                self._hear(where, f"{who} sends a picture: {Path(name).name}")
            else:
                self._hear(where, f"{who} sends a file: {Path(name).name} ({len(data)} bytes)")
            return
        self._hear(where, "  ".join([f"{who}: {flat(message.text or '')}", labels]).rstrip())

    def _hear(self, where: str, what: str) -> None:
        if not self.silent:
            self.heard.setdefault(where, []).append(what)


def flat(text: str) -> str:
    """A message on one line, as transcripts show it."""
    return " / ".join(line.strip() for line in html.unescape(text).splitlines() if line.strip())


@asynccontextmanager
async def riverside(folder: Path, *, basic: bool = False) -> AsyncIterator[Telegram]:
    """The real core and the real adapter in this process, the server over real HTTP."""
    clock = FixedClock(SCRIPT_START)
    async with TelegramServer(clock=lambda: clock().timestamp()) as server:
        server.short_polls(0)
        server.set_privacy(False)
        app = await App.open(folder / DATABASE, popups={"telegram": 200}, now=clock)
        # The same codes as in the terminal.
        await app.database.transact(lambda tx: connections.begin(tx, b"practice"))
        adapter = TelegramAdapter(
            token=server.token,
            dispatcher=app.dispatcher,
            commands=app.commands,
            languages=LANGUAGES,
            base_url=server.base_url,
            base_file_url=server.base_file_url,
            messages_per_minute_in_group=0,
            pause_seconds=0.05,
        )
        app.add(adapter)
        telegram = Telegram(server, app, clock, basic=basic)
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        await server.listening(within=10)
        await telegram.begin()
        yield telegram
        assert server.violations == []
        assert app.dispatcher.incidents == 0
        stop.set()
        await running


def expected(script: Path) -> dict[str, list[str]]:
    """What the bot says in each place, by the transcript of the terminal."""
    heard: dict[str, list[str]] = {}
    for line in script.with_suffix(".txt").read_text("utf-8").splitlines():
        where, _, what = line.partition(" | ")
        if what.startswith(SAID):
            heard.setdefault(where, []).append(what)
    return heard


@pytest.mark.parametrize(
    "script",
    [pytest.param(script, marks=[pytest.mark.soak] if script in TWINS | SELDOM else []) for script in SCRIPTS],
    ids=lambda script: script.stem,
)
async def test_telegram_hears_what_the_terminal_shows(script: Path, practice_folder: Path) -> None:
    steps = script.read_text("utf-8").splitlines()
    async with riverside(practice_folder) as telegram:
        for line in steps:
            if line.strip() and not line.startswith("#"):
                await telegram.step(line.strip())
        heard, told = (json.dumps(said, indent=1, sort_keys=True) for said in (telegram.heard, expected(script)))
        assert without_hashes(heard) == without_hashes(told)
