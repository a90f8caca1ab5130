"""Three committees are linked by their people and act together: two real Synapse servers, and our Bot API server.

Riverside and Hillside are in encrypted rooms, each on a homeserver of its own. Eastside is on Telegram; its bot has an
account at Hillside's homeserver, and no room there but those of the federation. Each has a bot and books of its own.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.matrix import MatrixAdapter
from bot.adapters.telegram import TelegramAdapter
from bot.app import App
from bot.text import LANGUAGES
from tests.conftest import two_decide
from tests.servers.linked_scene import committee
from tests.servers.matrix_members import Member
from tests.servers.matrix_scene import PASSWORD, QUICK, Scene, scene
from tests.servers.synapse import Federation, Homeserver
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, User

SECONDS_MAX = 90.0
_NUMBERED = re.compile(r"(?P<sign>\U0001f51f|[0-9]+(?:\ufe0f\u20e3)?) (?P<label>.+?)(?:   |$)", re.MULTILINE)


class MovableClock:
    """This machine's time, and what was skipped."""

    def __init__(self) -> None:
        self.skipped = timedelta()

    def __call__(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self.skipped


@dataclass
class Group:
    """A committee where its people are. `says` and `presses` wait until the bot is done with it."""

    name: str
    app: App

    async def says(self, who: int, text: str) -> None:
        """Somebody, by number, writes in the group."""
        raise NotImplementedError

    async def presses(self, who: int, label: str) -> None:
        """Somebody presses the newest button of this label that they see."""
        raise NotImplementedError

    async def shown(self) -> list[str]:
        """What the bot's messages in the group show now, oldest first."""
        raise NotImplementedError

    async def told(self, who: int) -> list[str]:
        """What the bot's messages to somebody in private show now."""
        raise NotImplementedError

    async def shows(self, *words: str) -> str:
        """Wait until one message shows all of these words; that one."""
        return await self._waits(self.shown, words)

    async def tells(self, who: int, *words: str) -> str:
        """Wait until one message in private shows all of these words; that one."""
        return await self._waits(lambda: self.told(who), words)

    async def _waits(self, look: Callable[[], Awaitable[list[str]]], words: tuple[str, ...]) -> str:
        end = time.monotonic() + SECONDS_MAX
        while True:
            seen = await look()
            for text in reversed(seen):
                if all(one in text for one in words):
                    return text
            assert time.monotonic() < end, f"{self.name} does not show {words}, but {seen[-5:]}"
            await asyncio.sleep(0.2)


class InRoom(Group):
    """In an encrypted room."""

    def __init__(self, name: str, bot: Scene, room: str, people: list[Member]) -> None:
        super().__init__(name, bot.app)
        self.bot, self.room, self.people = bot, room, people

    async def says(self, who: int, text: str) -> None:
        await self.bot.quiet(await self.people[who].say(self.room, text.replace("/", "!", 1)))

    async def presses(self, who: int, label: str) -> None:
        member, end = self.people[who], time.monotonic() + SECONDS_MAX
        while True:
            places = [self.room, *await self.bot.private_rooms(member)]
            found = [
                (event["origin_server_ts"], place, event["event_id"], one["sign"])
                for place in places
                for event in member.events(place, kind="m.room.message", by=self.bot.bot)
                if "m.new_content" not in event["content"]
                for one in _NUMBERED.finditer(member.shown(event["event_id"]).text)
                if one["label"] == label
            ]
            if found:
                _, place, message, sign = max(found)
                await self.bot.quiet(await member.say(place, re.sub(r"[^0-9]", "", sign) or "10", reply_to=message))
                return
            assert time.monotonic() < end, f"{self.name}: there is no button {label}: {(await self.shown())[-3:]}"
            await asyncio.sleep(0.2)

    async def shown(self) -> list[str]:
        return self._shown(self.people[0], self.room)

    async def told(self, who: int) -> list[str]:
        rooms = await self.bot.private_rooms(self.people[who])
        return [text for room in rooms for text in self._shown(self.people[who], room)]

    def _shown(self, member: Member, room: str) -> list[str]:
        events = member.events(room, kind="m.room.message", by=self.bot.bot)
        return [member.shown(event["event_id"]).text for event in events if "m.new_content" not in event["content"]]


class OnTelegram(Group):
    """In a group on Telegram."""

    def __init__(self, name: str, app: App, server: TelegramServer, chat: Chat, people: list[User]) -> None:
        super().__init__(name, app)
        self.server, self.chat, self.people = server, chat, people

    async def says(self, who: int, text: str) -> None:
        self.server.say(self.people[who], self.chat, text)

    async def presses(self, who: int, label: str) -> None:
        end = time.monotonic() + SECONDS_MAX
        places = [self.chat, self.server.private(self.people[who])]
        while True:
            found = [
                (message.date, place, message)
                for place in places
                for message in self.server.messages(place, by_bot=True)
                if any(one["text"] == label for row in (message.markup or {}).get("inline_keyboard", ()) for one in row)
            ]
            if found:
                _, place, message = found[-1]
                self.server.tap(self.people[who], place, message, label)
                return
            assert time.monotonic() < end, f"{self.name}: there is no button {label}: {(await self.shown())[-3:]}"
            await asyncio.sleep(0.2)

    async def shown(self) -> list[str]:
        return [message.text or "" for message in self.server.messages(self.chat, by_bot=True)]

    async def told(self, who: int) -> list[str]:
        return [
            message.text or "" for message in self.server.messages(self.server.private(self.people[who]), by_bot=True)
        ]


@dataclass
class Three:
    """The three, and their common time."""

    riverside: InRoom
    hillside: InRoom
    eastside: OnTelegram
    clock: MovableClock

    @property
    def all(self) -> tuple[Group, ...]:
        return (self.riverside, self.hillside, self.eastside)

    async def skip(self, time_: timedelta) -> None:
        """Let time pass for all of them at once."""
        self.clock.skipped += time_
        for _ in range(3):
            for group in self.all:
                await group.app.dispatcher.tick(group.app.now())
            await asyncio.sleep(1)

    async def links(self, sponsor: Group, newcomer: Group, *, others: Sequence[Group] = ()) -> None:
        """An invitation goes from hand to hand; people compare the words, and both decide; then the others do."""
        await sponsor.says(0, "/link")
        offer = await sponsor.tells(0, "An invitation into Northside")
        code = re.search(r"link (@\S+ [0-9A-Z-]{8,})", offer)
        assert code is not None, offer
        await newcomer.says(0, f"/link {code[1]}")
        for one in (sponsor, newcomer):
            await one.shows("Theirs:", "Ours:")
        for one in (sponsor, newcomer):
            await one.presses(0, "The words are the same")
            await one.presses(1, "Agree")
        for one in others:
            await one.presses(0, "Let them in")
            await one.presses(1, "Agree")
        await sponsor.shows(f"{newcomer.name} is linked with us now, in Northside.")
        await newcomer.shows("We are in Northside now")


@asynccontextmanager
async def three(federation: Federation, folder: Path) -> AsyncIterator[Three]:
    """The three committees, not linked yet; in each two people, who are organizers and decide together."""
    clock = MovableClock()
    async with AsyncExitStack() as stack:
        rooms = []
        for server, name, names in zip(
            federation.servers, ("Riverside", "Hillside"), (("ana", "ben"), ("dora", "emil")), strict=True
        ):
            people: list[Member] = [await server.somebody(one, encrypted=True) for one in names]
            (folder / name).mkdir()
            bot = await stack.enter_async_context(
                scene(server, folder / name, invites_from=[people[0].user], now=clock, encrypted_private_chats=True)
            )
            side = await committee(bot, name, people, encrypted=True, public=True)
            group = InRoom(name, bot, side.room, people)
            await group.says(0, f"/organizer @{names[1]}")
            rooms.append(group)
        eastside = await stack.enter_async_context(on_telegram(federation[1], folder / "Eastside", clock))
        found = Three(rooms[0], rooms[1], eastside, clock)
        for one in found.all:
            await two_decide(one.app.database)
        yield found


@asynccontextmanager
async def on_telegram(server: Homeserver, folder: Path, clock: MovableClock) -> AsyncIterator[OnTelegram]:
    """Eastside: a group on Telegram whose bot has an account at a homeserver too."""
    folder.mkdir()
    account = await server.register(f"bot-{secrets.token_hex(4)}", PASSWORD, display="Solibot")
    await server.log_out_device(account.user, account.device)
    async with TelegramServer() as telegram:
        telegram.short_polls(0.05)
        telegram.set_privacy(False)
        ida, jan = (telegram.user(first_name=name, username=name.lower()) for name in ("Ida", "Jan"))
        chat = telegram.supergroup("Eastside", creator=ida, members=(jan,))
        app = await App.open(
            folder / "solibot.sqlite",
            popups={"telegram": TelegramAdapter.popup_characters_max},
            reaches={"matrix"},
            carriers={"matrix": account.user},
            now=clock,
        )
        app.add(
            TelegramAdapter(
                token=telegram.token,
                dispatcher=app.dispatcher,
                commands=app.commands,
                languages=LANGUAGES,
                base_url=telegram.base_url,
                messages_per_minute_in_group=0,
                now=clock,
            )
        )
        app.add(
            MatrixAdapter(
                folder=folder / "matrix",
                homeserver=server.url,
                user=account.user,
                password=PASSWORD,
                dispatcher=app.dispatcher,
                commands=app.commands,
                timing=QUICK,
                now=clock,
            )
        )
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        try:
            group = OnTelegram("Eastside", app, telegram, chat, [ida, jan])
            await telegram.listening(within=SECONDS_MAX)
            await telegram.reply(telegram.say(ida, chat, "/setup"), within=SECONDS_MAX)
            await telegram.reply(telegram.say(jan, chat, "/join"), within=SECONDS_MAX)
            for person in (ida, jan):
                telegram.press_start(person)
            await telegram.reply(telegram.say(ida, chat, "/organizer @jan"), within=SECONDS_MAX)
            yield group
            assert app.dispatcher.incidents == 0
        finally:
            stop.set()
            await running


@pytest.mark.soak
async def test_three_committees_link_alert_each_other_and_decide_together(
    federation: Federation, tmp_path: Path
) -> None:
    async with three(federation, tmp_path) as there:
        begun = time.monotonic()
        await there.riverside.says(0, '/federation found "Northside"')
        await there.riverside.presses(1, "Agree")
        await there.riverside.shows("The federation “Northside” is founded.")
        await there.links(there.riverside, there.hillside)
        await there.links(there.riverside, there.eastside, others=[there.hillside])
        _tell(f"three committees are linked, by their people, after {time.monotonic() - begun:.0f} s")
        await _they_alert_each_other(there)
        await _they_decide_together(there)


async def _they_alert_each_other(there: Three) -> None:
    riverside, hillside, eastside = there.all
    await riverside.says(0, "/alert eviction Main St 5, 9 people, 1 van, until 23:30")
    await riverside.presses(1, "I can confirm it")
    await riverside.shows("Confirmed")
    begun = time.monotonic()
    await riverside.presses(0, "More …")
    await riverside.presses(0, "Ask linked committees")
    for one in (hillside, eastside):
        await one.shows("eviction", "Main St 5", "From Riverside")
    _tell(f"the alert is in both other groups {time.monotonic() - begun:.1f} s after somebody asked for it")
    await hillside.presses(0, "In 10 min")
    await eastside.presses(1, "In 10 min")
    await there.skip(timedelta(minutes=2))
    await riverside.shows("From Hillside: 1 person", "From Eastside: 1 person")
    await riverside.says(0, "/alert 1 end")
    for one in (hillside, eastside):
        await one.shows("It is over")
    await hillside.tells(0, "It is over: nobody need come any more.")
    # What the other groups have seen names nobody.
    for one in (hillside, eastside):
        assert not any(name in text for text in await one.shown() for name in ("Ana", "Ben"))


async def _they_decide_together(there: Three) -> None:
    for one in there.all:
        # Of so few people figures are told only where a committee has said so.
        await one.says(0, "/together_small on")
        await one.presses(1, "Agree")
    begun = time.monotonic()
    closes = (there.clock() + timedelta(days=2)).replace(hour=18, minute=0, second=0, microsecond=0)
    await there.riverside.says(0, f"/ask_together Shall we share a van? until {closes:%Y-%m-%d %H:%M}")
    for one in there.all:
        await one.shows("Shall we share a van?", "ecided together")
    _tell(f"all three vote, {time.monotonic() - begun:.1f} s after the question")
    for one, label in zip(there.all, ("Yes", "Yes", "No"), strict=True):
        for who in (0, 1):
            await one.presses(who, label)
    # No further: what is counted much later than it closes is not counted.
    await there.skip(closes + timedelta(minutes=1) - there.clock())
    for one in there.all:
        await one.shows("Decided together: it has passed.", "All 3 committees count the same.")


def _tell(words: str) -> None:
    print(f"\n[federation] {words}")
