"""The Telegram adapter over real HTTP, against our Bot API server: what comes in, what goes out, what goes wrong."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from bot import app
from bot.adapters.splitting import fitting, parts, units
from bot.adapters.telegram import COMMANDS_MAX, CONNECTIONS_MAX, TelegramAdapter
from bot.adapters.telegram_updates import UPDATE_KINDS, Converter
from bot.adapters.telegram_words import UNITS_MAX, as_html
from bot.chat import (
    Adapter,
    Arrival,
    BotAdded,
    BotRemoved,
    Chat,
    ChatClosed,
    ChatHasMoved,
    ChatId,
    ChatMoved,
    Departure,
    Incoming,
    Key,
    Lane,
    Letter,
    Message,
    MessageGone,
    NotReached,
    Pace,
    PopUp,
    Press,
    Refused,
    ServiceMessage,
    SlowDown,
    Unreadable,
    UserId,
)
from bot.router import Where
from bot.text import LANGUAGES, Reader, Span, shown
from storage.database import Reader as Asking
from storage.database import Unavailable
from tests.servers import telegram_state as world
from tests.servers.telegram_api import TelegramServer

SHORT = 0.02
"""Pauses in these tests, in seconds."""


@dataclass
class Core:
    """What an adapter needs of a core: it remembers what it heard, knows events again, and fails when told to."""

    heard: list[Incoming] = field(default_factory=list)
    written: list[ServiceMessage] = field(default_factory=list)
    """What Telegram itself wrote: kept apart, for it comes beside what it tells of."""
    begun: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    positions: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    sizes: dict[ChatId, int] = field(default_factory=dict)
    popup: PopUp | None = None
    fails: Callable[[Incoming], Exception | None] = lambda incoming: None
    broken: bool = False
    mended: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, incoming: Incoming) -> PopUp | None:
        async with self.changed:
            self.begun.append(incoming.event)
            self.changed.notify_all()
        # As the real core: it is durable a little after it was begun.
        await asyncio.sleep(0.001)
        if self.broken:
            raise Unavailable("disk full")
        if error := self.fails(incoming):
            raise error
        if incoming.event not in self.seen:
            self.seen.add(incoming.event)
            async with self.changed:
                if isinstance(incoming, ServiceMessage):
                    self.written.append(incoming)
                else:
                    self.heard.append(incoming)
                self.changed.notify_all()
        return self.popup

    def needs_rights(self, text_or_token: str) -> bool:
        return text_or_token.startswith(("/setup", "~setup"))

    def takes_document(self, text: str) -> bool:
        return False

    async def position(self, network: str) -> str | None:
        return self.positions[-1] if self.positions else None

    async def known(self, network: str, events: Collection[str]) -> frozenset[str]:
        return frozenset()

    async def sized(self, chat: Chat, size: int) -> None:
        self.sizes[chat.id] = size

    async def welcomes(self, user: UserId, *, private: bool) -> bool:
        return False

    async def federated(self, wire: ChatId) -> frozenset[str] | None:
        return None

    async def reconnected(self, network: str) -> None:
        pass

    async def drifted(self, wire: ChatId, kind: str) -> None:
        pass

    async def advance(self, network: str, position: str, seen: Collection[str] = ()) -> None:
        if self.broken:
            raise Unavailable("disk full")
        async with self.changed:
            self.positions.append(position)
            self.changed.notify_all()

    async def alarm(self, network: str, kind: str) -> None:
        async with self.changed:
            self.alarms.append(kind)
            self.changed.notify_all()

    async def writable(self) -> None:
        if self.broken:
            await self.mended.wait()
            self.broken = False

    async def until(self, look: Callable[[], Any], within: float = 5.0) -> None:
        """Wait until something has come about."""
        async with asyncio.timeout(within), self.changed:
            await self.changed.wait_for(look)

    async def hears(self, count: int = 1) -> list[Incoming]:
        """The first so many events."""
        await self.until(lambda: len(self.heard) >= count)
        return self.heard[:count]

    async def hears_message(self) -> Message:
        """The first event, which is a message."""
        [message] = await self.hears()
        assert isinstance(message, Message)
        return message


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        running.short_polls(SHORT)
        yield running
        assert running.violations == []


def adapter_for(server: TelegramServer, core: Core, **settings: Any) -> TelegramAdapter:
    defaults: dict[str, Any] = {"pause_seconds": SHORT, "pause_seconds_max": 5 * SHORT, "token": server.token}
    return TelegramAdapter(
        dispatcher=core,
        commands=app.commands(),
        languages=LANGUAGES,
        base_url=server.base_url,
        base_file_url=server.base_file_url,
        **(defaults | settings),
    )


@asynccontextmanager
async def running(adapter: TelegramAdapter) -> AsyncIterator[asyncio.Event]:
    """The adapter reading; the event says that it has caught up."""
    caught_up = asyncio.Event()
    task = asyncio.create_task(adapter.run(caught_up.set))
    try:
        yield caught_up
        assert not task.done(), "reading has ended by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Scene:
    """Riverside on Telegram: ana made the group, ben is in it, and so is the bot."""

    server: TelegramServer
    core: Core
    adapter: TelegramAdapter
    ana: world.User
    ben: world.User
    group: world.Chat

    def says(self, who: world.User, text: str, **more: Any) -> world.Message:
        """Somebody writes in the group."""
        return self.server.say(who, self.group, text, **more)

    def whispers(self, who: world.User, text: str, **more: Any) -> world.Message:
        """Somebody writes to the bot in private."""
        return self.server.say(who, self.server.private(who), text, **more)

    def bot_says(self, chat: world.Chat | None = None) -> list[world.Message]:
        """All that the bot has said in a chat."""
        return self.server.messages(chat or self.group, by_bot=True)


@pytest.fixture
async def scene(server: TelegramServer) -> AsyncIterator[Scene]:
    """The bot is not yet reading."""
    core = Core()
    ana = server.user(first_name="Ana", last_name="Ruiz", username="ana", language_code="es")
    ben = server.user(first_name="Ben")
    group = server.supergroup("Riverside", creator=ana, members=[ben])
    adapter = adapter_for(server, core)
    yield Scene(server, core, adapter, ana, ben, group)
    await adapter.close()


@pytest.fixture
async def live(scene: Scene) -> AsyncIterator[Scene]:
    """The bot has caught up and listens."""
    async with running(scene.adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        yield scene


def letter(chat: world.Chat | world.User, *spans: Span | str, **more: Any) -> Letter:
    words = tuple(Span(span) if isinstance(span, str) else span for span in spans)
    rest: dict[str, Any] = {"key": "k1", "topic": None, "reply_to": None, "keys": (), "lane": Lane.ANSWER}
    return Letter(chat=ChatId(f"telegram:{chat.id}"), spans=words, **(rest | more))


def converter(username: str = "solibot", now: datetime = datetime(2026, 11, 22, tzinfo=UTC)) -> Converter:
    return Converter(7_000_000_001, username, commands=app.commands(), now=lambda: now)


# --- what people say ---------------------------------------------------------------------------------------------


async def test_a_command_in_a_group_reaches_the_core(live: Scene) -> None:
    said = live.says(live.ana, "/thank@SoliBot @ben 1h30 fixed the bike")
    heard = await live.core.hears_message()
    assert heard.text == "/thank @ben 1h30 fixed the bike"
    assert heard.addressed
    assert heard.message == str(said.id)
    assert heard.at == datetime.fromtimestamp(said.date, UTC)
    assert (heard.chat.id, heard.chat.private, heard.chat.title, heard.chat.topic) == (
        f"telegram:{live.group.id}", False, "Riverside", None,
    )  # fmt: skip
    sender = heard.sender
    assert (sender.user, sender.name, sender.username) == (f"telegram:{live.ana.id}", "Ana Ruiz", "ana")
    assert (sender.language, sender.anonymous, sender.bot) == ("es", False, False)
    assert (heard.reply_to, heard.mentions, heard.manages_chat) == (None, (), None)


async def test_what_is_said_in_private_reaches_the_core(live: Scene) -> None:
    live.whispers(live.ben, "/balance")
    heard = await live.core.hears_message()
    assert (heard.text, heard.chat.private, heard.chat.id) == ("/balance", True, f"telegram:{live.ben.id}")


async def test_a_command_for_another_bot_is_not_ours(scene: Scene) -> None:
    scene.group.reads_all = True
    async with running(scene.adapter):
        scene.says(scene.ana, "/thank@otherbot @ben 1h")
        scene.says(scene.ana, "/menu")
        assert (await scene.core.hears_message()).text == "/menu"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("@solibot thank @ben 1h", "/thank @ben 1h"),
        ("@Solibot /thank @ben 1h", "/thank @ben 1h"),
        ("@solibot, Balance", "/Balance"),
        ("@solibot /thank@solibot @ben 1h", "/thank @ben 1h"),
        ("@solibot /thnak @ben 1h", "/thnak @ben 1h"),
        ("@solibot can you help us?", "can you help us?"),
        ("@solibot hello", "hello"),
        ("@solibot", ""),
    ],
)
async def test_naming_the_bot_first_is_as_good_as_a_slash(scene: Scene, typed: str, text: str) -> None:
    scene.group.reads_all = True
    async with running(scene.adapter):
        scene.says(scene.ana, typed)
        heard = await scene.core.hears_message()
        assert (heard.text, heard.addressed) == (text, True)


@pytest.mark.parametrize("text", ["hello all", "ask @solibot tomorrow", "@solibots thank @ben 1h", "a/b", "/menu"])
async def test_talk_stays_as_it_is(scene: Scene, text: str) -> None:
    scene.group.reads_all = True
    async with running(scene.adapter):
        scene.says(scene.ana, text)
        heard = await scene.core.hears_message()
        assert (heard.text, heard.addressed) == (text, False)


async def test_privacy_mode_hides_talk_but_no_command(live: Scene) -> None:
    live.says(live.ana, "hello all")
    live.says(live.ana, "/menu@solibot")
    assert (await live.core.hears_message()).text == "/menu"


async def test_somebody_without_a_username_is_named_by_a_mention(live: Scene) -> None:
    text = "/thank@solibot Ben 1h for the 🎂🎂 and for Ben"
    live.says(live.ana, text, mentions={"Ben": live.ben})
    heard = await live.core.hears_message()
    assert [heard.text[mention.start : mention.end] for mention in heard.mentions] == ["Ben", "Ben"]
    assert {mention.person.user for mention in heard.mentions} == {f"telegram:{live.ben.id}"}


async def test_emoji_before_the_bots_name_do_not_shift_a_mention(live: Scene) -> None:
    live.server.say(live.ana, live.server.private(live.ana), "@solibot thank 👩‍🌾Ben 2h", mentions={"Ben": live.ben})
    heard = await live.core.hears_message()
    assert heard.text == "/thank 👩‍🌾Ben 2h"
    assert [heard.text[mention.start : mention.end] for mention in heard.mentions] == ["Ben"]


async def test_a_reply_names_whoever_is_replied_to(live: Scene) -> None:
    question = live.says(live.ben, "the bike is done")
    live.says(live.ana, "/thank@solibot 1h", reply_to=question)
    heard = await live.core.hears_message()
    assert heard.reply_to is not None
    assert heard.reply_to.user == f"telegram:{live.ben.id}"


async def test_a_reply_to_the_bot_names_nobody(live: Scene) -> None:
    number = await live.adapter.send(letter(live.group, "Ben helped Ana."))
    live.says(live.ana, "/thank@solibot 1h", reply_to=int(number))
    assert (await live.core.hears_message()).reply_to is None


async def test_a_topic_is_remembered_and_its_opening_is_no_reply(live: Scene) -> None:
    forum = live.server.supergroup("Forum", creator=live.ana, members=[live.ben], forum=True)
    topic = live.server.create_topic(live.ben, forum, "Kitchen")
    live.server.say(live.ana, forum, "/menu@solibot", topic=topic)
    heard = await live.core.hears_message()
    assert (heard.chat.topic, heard.reply_to) == (str(topic), None)


async def test_the_thread_of_a_reply_outside_topics_is_no_topic(live: Scene) -> None:
    question = live.says(live.ben, "the bike is done")
    said = live.says(live.ana, "/thank@solibot 1h", reply_to=question)
    assert said.topic is not None, "Telegram gives it a thread all the same"
    assert (await live.core.hears_message()).chat.topic is None


async def test_an_anonymous_administrator_is_nobody_in_particular(live: Scene) -> None:
    live.says(live.ana, "/thank@solibot @ben 1h", anonymous=True)
    sender = (await live.core.hears_message()).sender
    assert (sender.anonymous, sender.bot, sender.user) == (True, False, f"telegram:{live.group.id}")


async def test_a_channel_speaks_for_nobody(live: Scene) -> None:
    news = live.server.channel("News", creator=live.ana)
    live.says(live.ana, "/setup@solibot", as_channel=news)
    heard = await live.core.hears_message()
    assert (heard.sender.anonymous, heard.sender.name) == (True, "News")
    assert heard.manages_chat is False


async def test_posts_in_channels_and_what_is_forwarded_from_them_are_no_commands(scene: Scene) -> None:
    scene.group.reads_all = True
    news = scene.server.channel("News", creator=scene.ana, discussed_in=scene.group)
    async with running(scene.adapter):
        scene.server.post(news, "/thank @ben 1h")
        scene.says(scene.ana, "/menu")
        assert (await scene.core.hears_message()).text == "/menu"


async def test_a_forwarded_command_is_not_said_again(live: Scene) -> None:
    said = live.says(live.ben, "/thank@solibot @ana 5h")
    live.server.forward(live.ana, said, live.group)
    live.says(live.ana, "/menu@solibot")
    assert [heard.text for heard in await live.core.hears(2) if isinstance(heard, Message)] == [
        "/thank @ana 5h",
        "/menu",
    ]


async def test_other_bots_are_not_listened_to(scene: Scene) -> None:
    scene.server.bot_to_bot = scene.group.reads_all = True
    other = scene.server.user(first_name="Karma", username="karmabot", is_bot=True)
    scene.server.set_status(other, scene.group, "member")
    async with running(scene.adapter):
        scene.server.say(other, scene.group, "/thank @ben 1h")
        scene.says(scene.ana, "/menu")
        assert (await scene.core.hears_message()).text == "/menu"


async def test_an_edited_command_is_not_run_again(live: Scene) -> None:
    said = live.says(live.ana, "/thank@solibot @ben 1h")
    live.server.edit(live.group, said, "/thank@solibot @ben 10h")
    live.says(live.ana, "/menu@solibot")
    heard = [one for one in await live.core.hears(3) if isinstance(one, Message)]
    assert [(one.text, one.edited) for one in heard] == [
        ("/thank @ben 1h", False),
        ("/thank @ben 10h", True),
        ("/menu", False),
    ]
    assert heard[0].message == heard[1].message


async def test_a_command_under_a_picture_counts(live: Scene) -> None:
    live.server.upload(
        live.ana, live.server.private(live.ana), "bike.jpg", b"...", caption="/thank @ben 1h see picture"
    )
    assert (await live.core.hears_message()).text == "/thank @ben 1h see picture"


async def test_a_file_without_words_is_not_passed_over_in_private(live: Scene) -> None:
    live.server.rename(live.group, "Riverside!")
    live.server.upload(live.ana, live.server.private(live.ana), "bike.jpg", b"...")
    heard = await live.core.hears_message()
    assert (heard.text, heard.chat.private) == ("", True)


# --- links and buttons -------------------------------------------------------------------------------------------


async def test_a_link_to_the_bot_says_what_it_carries(live: Scene) -> None:
    link = live.adapter.link("abcdefgh12345678")
    assert link == "https://t.me/solibot?start=abcdefgh12345678"
    live.server.press_start(live.ben, link.partition("=")[2])
    [press] = await live.core.hears()
    assert isinstance(press, Press)
    assert (press.token, press.message, press.chat.private) == ("abcdefgh12345678", None, True)
    assert press.sender.user == f"telegram:{live.ben.id}"


async def test_starting_the_bot_without_a_link_is_a_command(live: Scene) -> None:
    live.server.press_start(live.ben)
    assert (await live.core.hears_message()).text == "/start"


async def test_a_link_that_brings_the_bot_into_a_group_says_nothing_there(live: Scene) -> None:
    group = live.server.supergroup("Hillside", creator=live.ana, bot=None)
    live.server.startgroup(live.ana, group, "payload")
    added, said = await live.core.hears(2)
    assert isinstance(added, BotAdded)
    assert isinstance(said, Message)
    assert (said.text, said.addressed) == ("/start", True)


async def test_a_press_is_answered_in_a_pop_up(live: Scene) -> None:
    live.core.popup = PopUp("You have 1 h 30.", alert=True)
    number = await live.adapter.send(letter(live.group, "Card", keys=((Key(label="My balance", token="~balance"),),)))
    tap = live.server.tap(live.ben, live.group, int(number), "My balance")
    answered = await live.server.answer(tap)
    assert (answered.text, answered.show_alert) == ("You have 1 h 30.", True)
    [press] = await live.core.hears()
    assert isinstance(press, Press)
    assert (press.token, press.message, press.sender.name) == ("~balance", number, "Ben")
    assert (press.chat.id, press.chat.topic) == (f"telegram:{live.group.id}", None)


async def test_a_press_with_nothing_to_tell_only_stops_the_spinner(live: Scene) -> None:
    for popup in (None, PopUp(None)):
        live.core.popup = popup
        tap = live.server.tap(live.ben, live.group, 1, data="~join")
        answered = await live.server.answer(tap)
        assert (answered.text, answered.show_alert) == (None, False)


async def test_a_long_pop_up_is_cut_to_what_telegram_takes(live: Scene) -> None:
    live.core.popup = PopUp("long " * 100)
    tap = live.server.tap(live.ben, live.group, 1, data="~join")
    assert len((await live.server.answer(tap)).text or "") == live.adapter.popup_characters_max


async def test_a_press_on_a_message_that_is_gone_still_counts(live: Scene) -> None:
    number = await live.adapter.send(letter(live.group, "Card", keys=((Key(label="Undo", token="undo1"),),)))
    live.server.delete(live.group, int(number))
    await live.server.answer(live.server.tap(live.ben, live.group, int(number), data="undo1"))
    [press] = await live.core.hears()
    assert isinstance(press, Press)
    assert (press.token, press.message) == ("undo1", number)


async def test_an_anonymous_administrator_presses_as_themselves(live: Scene) -> None:
    live.server.promote(live.ben, live.group, anonymous=True)
    live.server.tap(live.ben, live.group, 1, data="~setup")
    [press] = await live.core.hears()
    assert isinstance(press, Press)
    assert (press.sender.user, press.sender.anonymous) == (f"telegram:{live.ben.id}", False)
    assert press.manages_chat is True


async def test_a_press_that_came_too_late_to_answer_still_counts(live: Scene) -> None:
    live.server.callback_seconds = -1
    live.server.tap(live.ben, live.group, 1, data="~join")
    await live.core.hears()
    await live.server.wait_for(lambda: live.server.called("answerCallbackQuery"))
    assert live.server.called("answerCallbackQuery")[0].status == 400
    live.says(live.ana, "/menu@solibot")
    await live.core.hears(2)


# --- who may manage the chat -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "manages"), [("ana", True), ("ben", False), ("chi", True), ("ana in private", True), ("anonymous", True)]
)
async def test_rights_are_asked_only_for_commands_that_need_them(live: Scene, who: str, manages: bool) -> None:
    chi = live.server.user(first_name="Chi")
    live.server.set_status(chi, live.group, "administrator")
    people = {"ana": live.ana, "ben": live.ben, "chi": chi}
    person = people.get(who, live.ana)
    place = live.server.private(person) if who == "ana in private" else live.group
    live.server.say(person, place, "/menu@solibot", anonymous=who == "anonymous")
    live.server.say(person, place, "/setup@solibot", anonymous=who == "anonymous")
    menu, setup = await live.core.hears(2)
    assert isinstance(menu, Message)
    assert isinstance(setup, Message)
    assert (menu.manages_chat, setup.manages_chat) == (None, manages)


async def test_rights_that_cannot_be_learnt_are_unknown_not_granted(live: Scene) -> None:
    live.server.fault("getChatMember", "500")
    live.says(live.ana, "/setup@solibot")
    assert (await live.core.hears_message()).manages_chat is None


async def test_a_question_about_rights_overtakes_nothing_in_its_chat_and_holds_up_no_other(scene: Scene) -> None:
    scene.server.fault("getChatMember", "slow", seconds=0.1)
    other = scene.server.supergroup("Hillside", creator=scene.ana)
    for text in ("/first@solibot", "/setup@solibot", "/second@solibot", "/third@solibot"):
        scene.says(scene.ana, text)
        scene.server.say(scene.ana, other, text.replace("setup", "join"))
    async with running(scene.adapter):
        heard = [message for message in await scene.core.hears(8) if isinstance(message, Message)]
        here = [message.text for message in heard if message.chat.title == "Riverside"]
        assert here == ["/first", "/setup", "/second", "/third"]
        there = [message.text for message in heard if message.chat.title == "Hillside"]
        assert there == ["/first", "/join", "/second", "/third"]
        assert [message.text for message in heard][5:] == ["/setup", "/second", "/third"]


# --- coming and going --------------------------------------------------------------------------------------------


async def test_somebody_who_joins_and_leaves_is_told_once_each(live: Scene) -> None:
    live.server.promote(live.server.bot, live.group)  # so that it hears of it twice, as a message and as a change
    chi = live.server.user(first_name="Chi")
    live.server.join(chi, live.group)
    live.server.leave(chi, live.group)
    live.server.kick(live.ben, live.group)
    live.says(live.ana, "/menu")
    came, went, kicked, _ = await live.core.hears(4)
    assert isinstance(came, Arrival)
    assert isinstance(went, Departure)
    assert isinstance(kicked, Departure)
    assert (came.person.name, went.person.name, kicked.person.name) == ("Chi", "Chi", "Ben")
    assert len(live.core.written) == 3, "and what Telegram wrote about it can be tidied"
    assert not came.chat.private


async def test_without_being_administrator_the_bot_still_hears_who_comes_and_goes(live: Scene) -> None:
    chi = live.server.user(first_name="Chi")
    other = live.server.user(first_name="Karma", username="karmabot", is_bot=True)
    live.server.join(other, live.group)
    live.server.join(chi, live.group, by=live.ana)
    live.server.leave(chi, live.group)
    assert [type(event) for event in await live.core.hears(2)] == [Arrival, Departure]


async def test_who_added_somebody_is_told_and_how_many_there_are_now(live: Scene) -> None:
    chi, dan = (live.server.user(first_name=name) for name in ("Chi", "Dan"))
    live.server.join(chi, live.group, by=live.ana)
    live.server.join(dan, live.group)
    added, by_themselves = await live.core.hears(2)
    assert isinstance(added, Arrival)
    assert isinstance(by_themselves, Arrival)
    assert added.by is not None
    assert added.by.user == f"telegram:{live.ana.id}"
    assert by_themselves.by is None
    sizes = live.core.sizes
    await live.server.wait_for(lambda: sizes.get(ChatId(f"telegram:{live.group.id}")) == 4 or None)
    live.server.leave(dan, live.group)
    await live.server.wait_for(lambda: sizes.get(ChatId(f"telegram:{live.group.id}")) == 3 or None)


async def test_when_the_size_is_not_told_reading_goes_on(live: Scene) -> None:
    live.server.fault("getChatMemberCount", "500", times=9)
    live.server.join(live.server.user(first_name="Chi"), live.group)
    live.says(live.ben, "/menu@solibot")
    assert [type(event) for event in await live.core.hears(2)] == [Arrival, Message]
    assert live.core.sizes == {}


async def test_a_message_is_pinned_without_a_sound_where_the_bot_may(scene: Scene) -> None:
    message = await scene.adapter.send(letter(scene.group, "Riverside"))
    chat = ChatId(f"telegram:{scene.group.id}")
    assert await scene.adapter.pin(chat, message) is False, "as a member it has no right to"
    scene.server.set_status(scene.server.bot, scene.group, "administrator", by=scene.ana, rights=["can_pin_messages"])
    assert await scene.adapter.pin(chat, message) is True
    assert scene.group.pinned == [int(message)]
    assert scene.server.called("pinChatMessage")[-1].params["disable_notification"]
    assert await scene.adapter.pin(chat, message) is True, "it stands there already"
    scene.server.fault("pinChatMessage", "429", retry_after=1)
    with pytest.raises(SlowDown):
        await scene.adapter.pin(chat, message)


async def test_a_blocked_bot_and_one_that_is_let_in_again(live: Scene) -> None:
    live.server.press_start(live.ben)
    live.server.block(live.ben)
    live.server.unblock(live.ben)
    _, gone, back = await live.core.hears(3)
    assert isinstance(gone, Departure)
    assert isinstance(back, Arrival)
    assert gone.chat.private
    assert gone.person.user == back.person.user == f"telegram:{live.ben.id}"


async def test_the_bot_comes_into_a_group_and_is_put_out(live: Scene) -> None:
    group = live.server.group("Hillside", creator=live.ana, bot=None)
    live.server.join(live.server.bot, group)
    live.server.promote(live.server.bot, group)  # nothing new for the core
    live.server.kick(live.server.bot, group)
    added, removed = await live.core.hears(2)
    assert isinstance(added, BotAdded)
    assert isinstance(removed, BotRemoved)
    assert (added.chat.title, removed.chat.id) == ("Hillside", f"telegram:{group.id}")


async def test_a_bot_that_may_speak_again_has_come_back(live: Scene) -> None:
    live.server.restrict(live.server.bot, live.group)
    live.server.set_status(live.server.bot, live.group, "member", by=live.ana)
    [added] = await live.core.hears()
    assert isinstance(added, BotAdded)


@pytest.mark.parametrize("new_first", [False, True])
async def test_a_group_that_becomes_a_supergroup_moves_once_and_before_anything_there(
    scene: Scene, new_first: bool
) -> None:
    small = scene.server.group("Small", creator=scene.ana, members=[scene.ben])
    scene.server.say(scene.ana, small, "/menu@solibot")
    new = scene.server.migrate(small, new_first=new_first)
    scene.server.say(scene.ana, new, "/balance@solibot")
    async with running(scene.adapter):
        said, moved, added, after = await scene.core.hears(4)
        assert isinstance(said, Message)
        assert isinstance(moved, ChatMoved)
        assert (moved.chat.id, moved.to) == (f"telegram:{small.id}", f"telegram:{new.id}")
        assert isinstance(added, BotAdded)
        assert isinstance(after, Message)
        assert after.chat.id == moved.to


# --- nothing lost, nothing twice ---------------------------------------------------------------------------------


async def test_a_fetch_is_acknowledged_only_when_all_of_it_is_stored(scene: Scene) -> None:
    for number in range(5):
        scene.says(scene.ana, f"/menu@solibot {number}")
    scene.core.fails = lambda incoming: (
        Unavailable("disk full") if not scene.core.mended.is_set() and len(scene.core.heard) >= 3 else None
    )
    async with running(scene.adapter) as caught_up:
        await scene.core.hears(3)
        await asyncio.sleep(5 * SHORT)
        assert scene.core.positions == []
        assert len(scene.server.updates) == 5
        assert not caught_up.is_set()
        scene.core.mended.set()
        await asyncio.wait_for(caught_up.wait(), 5)
        texts = [heard.text for heard in scene.core.heard if isinstance(heard, Message)]
        assert sorted(texts) == [f"/menu {number}" for number in range(5)]
        await scene.server.fetched()


async def test_a_full_disk_acknowledges_nothing_until_it_is_mended(live: Scene) -> None:
    live.core.broken = True
    live.says(live.ana, "/menu@solibot")
    await live.core.until(lambda: live.core.begun)
    await asyncio.sleep(5 * SHORT)
    assert len(live.core.begun) == 1, "it does not try again before it is told to"
    assert len(live.server.updates) == 1
    live.core.mended.set()
    await live.server.fetched()
    assert len(live.core.heard) == 1


async def test_a_restarted_bot_goes_on_where_it_had_come_to(scene: Scene) -> None:
    for number in range(2):
        scene.says(scene.ana, f"/menu@solibot {number}")
        adapter = adapter_for(scene.server, scene.core)
        async with running(scene.adapter) as caught_up:
            await asyncio.wait_for(caught_up.wait(), 5)
        await adapter.close()
    assert scene.core.begun == [heard.event for heard in scene.core.heard]
    assert len(scene.core.heard) == 2
    assert scene.server.called("getUpdates")[-1].params["offset"] == int(scene.core.positions[-1])


async def test_updates_come_in_the_order_in_which_they_were_said(scene: Scene) -> None:
    # More than a fetch holds.
    for number in range(250):
        scene.says(scene.ana, f"/menu@solibot {number}")
    async with running(scene.adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 10)
        texts = [heard.text for heard in scene.core.heard if isinstance(heard, Message)]
        assert texts == [f"/menu {number}" for number in range(250)]
    fetches = [call for call in scene.server.called("getUpdates") if call.status == 200]
    assert len(fetches) <= 5


async def test_one_update_alone_does_not_mean_that_nothing_waits(scene: Scene) -> None:
    # Telegram gives whoever asks the same twice in a moment one update of many: so it is after a crash.
    for number in range(3):
        scene.says(scene.ana, f"/menu@solibot {number}")
    await scene.adapter._fetch(0, 0)
    async with running(scene.adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        assert len(scene.core.heard) == 3


async def test_a_bot_with_nothing_to_read_has_caught_up_at_once(scene: Scene) -> None:
    started = time.monotonic()
    async with running(scene.adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        assert time.monotonic() - started < 2, "it must not sit out a long poll first"
        assert scene.core.positions == ["0"], "reading is put down as alive"


@pytest.mark.parametrize("kind", ["duplicate", "reorder", "gap", "jump"])
async def test_updates_repeated_out_of_order_or_with_odd_numbers_count_once(scene: Scene, kind: str) -> None:
    scene.server.fault("update", kind, times=None)
    async with running(scene.adapter):
        for burst in range(3):
            for number in range(4):
                scene.says(scene.ana, f"/menu@solibot {burst} {number}")
            await scene.core.hears(4 * (burst + 1))
            await scene.server.fetched()
        texts = sorted(heard.text for heard in scene.core.heard if isinstance(heard, Message))
        assert texts == [f"/menu {burst} {number}" for burst in range(3) for number in range(4)]
        # All of a fetch is acknowledged, whatever its order: nothing is asked for twice.
        assert kind == "duplicate" or len(scene.core.begun) == len(texts)


async def test_an_update_that_the_core_cannot_do_is_put_down_and_passed(live: Scene) -> None:
    live.core.fails = lambda incoming: (
        ZeroDivisionError() if isinstance(incoming, Message) and "0" in incoming.text else None
    )
    live.says(live.ana, "/menu@solibot 0")
    live.says(live.ana, "/menu@solibot 1")
    heard = await live.core.hears(2)
    assert sorted(type(event).__name__ for event in heard) == ["Message", "Unreadable"]
    await live.server.fetched()


async def test_an_update_that_cannot_even_be_put_down_is_not_acknowledged(live: Scene) -> None:
    waiting: list[int] = []

    def fails(incoming: Incoming) -> Exception | None:
        waiting.append(len(live.server.updates))
        return ZeroDivisionError() if len(waiting) <= 4 else None

    live.core.fails = fails
    live.says(live.ana, "/menu@solibot")
    assert (await live.core.hears_message()).text == "/menu"
    await live.server.fetched()
    assert waiting == [1] * 5


@pytest.mark.parametrize(
    "poison",
    [
        {"message": {"message_id": 1, "date": 0, "chat": {"id": "x", "type": "private"}, "text": "/menu"}},
        {"message": {"message_id": 1, "date": 10**30, "chat": {"id": 5, "type": "private"}, "from": {"id": 5}}},
        {"message": {"text": 5}},
        {"message": "hello"},
        {"callback_query": {"id": 5}},
        {"telepathy": {"thought": "hello"}},
        {},
    ],
)  # fmt: skip
async def test_an_update_that_makes_no_sense_blocks_nothing(live: Scene, poison: dict[str, Any]) -> None:
    live.server.inject(poison)
    live.says(live.ana, "/menu@solibot")
    unreadable, menu = await live.core.hears(2)
    assert isinstance(unreadable, Unreadable)
    assert isinstance(menu, Message)
    await live.server.fetched()


async def test_fields_and_kinds_of_a_later_telegram_do_no_harm(live: Scene) -> None:
    said = live.server.message_json(live.server.new_message(live.group, live.ana, text="/menu"))
    live.server.inject(
        {"message": said | {"mood": {"good": True}, "chat": said["chat"] | {"type": "supergroup", "moon": 1}}}
    )
    live.server.inject({"poll": {"whatever": 1}})
    assert (await live.core.hears_message()).text == "/menu"
    await live.server.fetched()
    assert len(live.core.heard) == 1


async def test_half_a_surrogate_pair_in_a_text_can_be_stored(live: Scene) -> None:
    said = live.server.message_json(live.server.new_message(live.group, live.ana, text="/menu \ud83d x"))
    (said["from"])["first_name"] = "A\udc00"
    body = converter().events({"update_id": 1, "message": said})[0].incoming
    assert isinstance(body, Message)
    assert (body.text, body.sender.name) == ("/menu ? x", "A? Ruiz")


# --- when Telegram fails -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["500", "502", "504", "reset_before", "reset_after", "truncated", "429"])
async def test_a_failed_poll_is_tried_again(scene: Scene, kind: str) -> None:
    scene.server.fault("getUpdates", kind, times=2, retry_after=0.1)
    scene.says(scene.ana, "/menu@solibot")
    async with running(scene.adapter):
        await scene.core.hears()
        await scene.server.fetched()
    assert len(scene.core.heard) == 1
    assert scene.core.alarms == []


async def test_a_poll_waits_as_long_as_telegram_says(scene: Scene) -> None:
    scene.server.fault("getUpdates", "429", retry_after=1)
    async with running(scene.adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
    first, second, *_ = scene.server.called("getUpdates")
    assert (first.status, second.status) == (429, 200)
    assert second.at - first.at >= 1


@pytest.mark.parametrize("method", ["getMe", "deleteWebhook"])
@pytest.mark.parametrize("kind", ["502", "reset_before", "429"])
async def test_a_bot_that_starts_while_telegram_is_down_starts_later(scene: Scene, method: str, kind: str) -> None:
    scene.server.fault(method, kind, times=2, retry_after=0.1)
    scene.says(scene.ana, "/menu@solibot")
    async with running(scene.adapter):
        await scene.core.hears()


async def struck(server: TelegramServer, times: int) -> None:
    """Wait until the first fault has struck so often."""
    async with asyncio.timeout(5):
        while server.faults._waiting[0].fired < times:
            await asyncio.sleep(0.005)


async def test_a_poll_that_never_returns_is_given_up_and_keeps_no_message_waiting(scene: Scene) -> None:
    scene.server.fault("getUpdates", "hang", nth=2, times=1)
    adapter = adapter_for(scene.server, scene.core, poll_seconds=0, timeout_seconds=0.3)
    async with running(adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        await struck(scene.server, 1)
        started = time.monotonic()
        await adapter.send(letter(scene.group, "still here"))
        assert time.monotonic() - started < 0.25
        scene.says(scene.ana, "/menu@solibot")
        await scene.core.hears()
    await adapter.close()


async def test_messages_that_hang_keep_no_reading_waiting(scene: Scene) -> None:
    scene.server.fault("sendMessage", "hang", times=None)
    adapter = adapter_for(scene.server, scene.core)
    async with running(adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        sends = [asyncio.create_task(adapter.send(letter(scene.group, "hello"))) for _ in range(CONNECTIONS_MAX + 1)]
        await struck(scene.server, CONNECTIONS_MAX)
        scene.says(scene.ana, "/menu@solibot")
        await scene.core.until(lambda: scene.core.heard, within=1)
        scene.says(scene.ana, "/balance@solibot")
        await scene.core.until(lambda: len(scene.core.heard) == 2, within=1)
        for task in sends:
            task.cancel()
        await asyncio.gather(*sends, return_exceptions=True)
    await adapter.close()


async def test_a_second_reader_raises_an_alarm_and_reading_goes_on(live: Scene) -> None:
    thief = adapter_for(live.server, Core())
    await thief._fetch(-1, 0)
    await live.server.wait_for(lambda: live.server.updates.polling)
    stolen = asyncio.create_task(thief._fetch(0, 1))
    await live.core.until(lambda: live.core.alarms)
    live.says(live.ana, "/menu@solibot")
    await live.core.hears()
    assert live.core.alarms == ["second_poller"]
    await asyncio.gather(stolen, return_exceptions=True)
    await thief.close()


async def test_a_webhook_that_somebody_set_is_removed_and_told(live: Scene) -> None:
    await live.adapter._bot.set_webhook("https://example.org/hook")
    await live.core.until(lambda: live.core.alarms)
    live.says(live.ana, "/menu@solibot")
    await live.core.hears()
    assert live.core.alarms == ["second_poller"]


async def test_a_webhook_from_before_the_start_is_no_alarm(scene: Scene) -> None:
    await scene.adapter._bot.set_webhook("https://example.org/hook")
    scene.says(scene.ana, "/menu@solibot")
    async with running(scene.adapter):
        await scene.core.hears()
    assert scene.core.alarms == []


async def test_a_revoked_token_raises_an_alarm_and_reading_goes_on_when_it_is_good_again(live: Scene) -> None:
    live.server.revoke_token()
    live.server.updates.wake()
    await live.core.until(lambda: live.core.alarms)
    with pytest.raises(NotReached):
        await live.adapter.send(letter(live.group, "hello"))
    live.server.revoke_token(False)
    live.says(live.ana, "/menu@solibot")
    await live.core.hears()
    assert live.core.alarms == ["token_revoked"]


async def test_a_wrong_token_does_not_end_the_program(scene: Scene) -> None:
    adapter = adapter_for(scene.server, scene.core, token="123:wrong")
    async with running(adapter):
        await scene.core.until(lambda: scene.core.alarms)
    assert scene.core.alarms == ["token_revoked"]
    await adapter.close()


async def test_a_bot_that_is_told_to_stop_stops_at_once_and_finishes_what_it_began(scene: Scene) -> None:
    async with running(scene.adapter) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        scene.says(scene.ana, "/menu@solibot")
        await scene.core.until(lambda: scene.core.begun)
        started = time.monotonic()
    await scene.adapter.close()
    assert time.monotonic() - started < 1
    assert len(scene.core.heard) == 1


async def test_neither_token_nor_words_nor_names_are_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scene.group.reads_all = True
    for method in ("getUpdates", "sendMessage", "getMe", "answerCallbackQuery"):
        for kind in ("reset_before", "500", "truncated", "429"):
            scene.server.fault(method, kind, retry_after=0.02)
    scene.core.fails = lambda event: ValueError("secret words") if len(scene.core.begun) < 60 else None
    async with running(scene.adapter):
        for number in range(20):
            scene.says(scene.ana, f"/thank @ben 1h secret words {number}")
        scene.server.inject({"message": {"text": "secret words"}})
        scene.server.tap(scene.ben, scene.group, 1, data="secret words")
        for _ in range(6):
            try:
                await scene.adapter.send(letter(scene.group, "secret words"))
            except (NotReached, SlowDown):
                continue
        await scene.server.fetched()
    gc.collect()  # asyncio logs what nobody looked at when it is forgotten
    assert caplog.records, "something was logged"
    assert not [record for record in caplog.records if record.name == "asyncio" and record.levelno >= logging.WARNING]
    for record in caplog.records:
        said = f"{record.getMessage()} {record.__dict__}"
        if record.name.startswith(("bot", "telegram", "aiohttp", "asyncio")):
            key = scene.server.token.partition(":")[2]
            found = [word for word in (key, "secret", "Ana", "Ruiz", str(scene.group.id)) if word in said]
            assert not found, record.name


# --- sending -----------------------------------------------------------------------------------------------------


async def test_styles_mentions_and_buttons_arrive_as_they_were_meant(scene: Scene) -> None:
    scene.server.press_start(scene.ben)
    number = await scene.adapter.send(
        letter(
            scene.group,
            Span("Riverside <3", "bold"),
            "\n5 < 6 & “7” > 6, &amp; ",
            Span("Ben", "mention", f"telegram:{scene.ben.id}"),
            " and ",
            Span("Eli", "mention", "matrix:@eli:example.org"),
            ": ",
            Span("/thank @ben 1h", "code"),
            keys=(
                (Key(label="My balance", token="~balance"), Key(label="Undo", token="x" * 64)),
                (Key(label="Open a private chat", token="abc", link=True),),
            ),
        )
    )
    sent = scene.server.message(scene.group, int(number))
    assert sent.text == "Riverside <3\n5 < 6 & “7” > 6, &amp; Ben and Eli: /thank @ben 1h"
    styles = {(entity["type"], sent.text[entity["offset"] :][: entity["length"]]) for entity in sent.entities}
    assert styles == {("bold", "Riverside <3"), ("text_mention", "Ben"), ("code", "/thank @ben 1h")}
    assert [[(button.label, button.data, button.url) for button in row] for row in sent.buttons] == [
        [("My balance", "~balance", None), ("Undo", "x" * 64, None)],
        [("Open a private chat", None, "https://t.me/solibot?start=abc")],
    ]


async def test_links_in_a_message_are_not_previewed(scene: Scene) -> None:
    number = await scene.adapter.send(letter(scene.group, "see https://example.org"))
    assert scene.server.message(scene.group, int(number)).content["link_preview_options"] == {"is_disabled": True}


async def test_an_answer_goes_to_the_message_and_topic_it_answers(scene: Scene) -> None:
    forum = scene.server.supergroup("Forum", creator=scene.ana, forum=True)
    topic = scene.server.create_topic(scene.ana, forum, "Kitchen")
    said = scene.server.say(scene.ana, forum, "/menu@solibot", topic=topic)
    number = await scene.adapter.send(letter(forum, "hello", topic=str(topic), reply_to=str(said.id)))
    sent = scene.server.message(forum, int(number))
    assert (sent.topic, sent.is_topic, sent.reply_to) == (topic, True, said.id)


async def test_the_general_topic_is_never_named(scene: Scene) -> None:
    forum = scene.server.supergroup("Forum", creator=scene.ana, forum=True)
    number = await scene.adapter.send(letter(forum, "hello", topic="1"))
    assert scene.server.message(forum, int(number)).topic is None
    assert [call.status for call in scene.server.called("sendMessage")] == [200]


@pytest.mark.parametrize("closed", [True, False])
async def test_what_cannot_be_said_in_its_topic_is_said_beside_it(scene: Scene, closed: bool) -> None:
    forum = scene.server.supergroup("Forum", creator=scene.ana, forum=True)
    topic = scene.server.create_topic(scene.ana, forum, "Kitchen")
    if closed:
        scene.server.close_topic(scene.ana, forum, topic)
    number = await scene.adapter.send(letter(forum, "hello", topic=str(topic if closed else 999)))
    assert scene.server.message(forum, int(number)).topic is None


async def test_an_answer_to_a_deleted_message_is_sent_all_the_same(scene: Scene) -> None:
    number = await scene.adapter.send(letter(scene.group, "hello", reply_to="12345"))
    assert scene.server.message(scene.group, int(number)).reply_to is None


async def test_a_long_text_becomes_several_messages(scene: Scene) -> None:
    sentences = "".join(f"Sentence number {number} is here. " for number in range(400))
    said = scene.says(scene.ana, "/history@solibot")
    keys = ((Key(label="Menu", token="~menu"),),)
    last = await scene.adapter.send(letter(scene.group, sentences, reply_to=str(said.id), keys=keys))
    sent = scene.bot_says()
    assert " ".join(message.text or "" for message in sent) == sentences.strip()
    assert all((message.text or "").endswith("here.") for message in sent)
    assert sent[-1].id == int(last)
    assert [bool(message.buttons) for message in sent] == [False] * (len(sent) - 1) + [True]
    assert [message.reply_to for message in sent] == [said.id] + [None] * (len(sent) - 1)


async def test_a_long_text_that_failed_in_the_middle_is_not_begun_again(scene: Scene) -> None:
    text = "".join(f"Line {number}\n" for number in range(1000))
    scene.server.fault("sendMessage", "502", nth=2, times=1)
    with pytest.raises(NotReached):
        await scene.adapter.send(letter(scene.group, text))
    await scene.adapter.send(letter(scene.group, text))
    said = "\n".join(message.text or "" for message in scene.bot_says())
    assert said == text.strip()
    # The same letter is known only until it is sent; another with its words is another.
    await scene.adapter.send(letter(scene.group, text))
    assert "\n".join(m.text or "" for m in scene.bot_says()) == text.strip() + "\n" + text.strip()


styled = st.lists(
    st.builds(Span, st.text(alphabet="ab .\n<&🎂é", min_size=1, max_size=30), st.sampled_from(["", "bold", "code"])),
    min_size=1,
    max_size=30,
)


@given(styled, st.integers(min_value=4, max_value=60))
def test_splitting_loses_nothing_but_blanks_and_keeps_every_part_short(spans: list[Span], units_max: int) -> None:
    found = parts(spans, units_max)
    texts = ["".join(span.text for span in part) for part in found]
    assert all(units(text) <= units_max for text in texts)

    def signs(some: list[Span]) -> list[tuple[str, str]]:
        return [(sign, span.style) for span in some for sign in span.text if not sign.isspace()]

    assert signs([span for part in found for span in part]) == signs(spans)


@given(styled)
def test_markup_says_exactly_the_words(spans: list[Span]) -> None:
    from tests.servers.telegram_markup import parse_html

    text, entities = parse_html(as_html(spans))
    assert text.strip() == "".join(span.text for span in spans).strip()
    assert len(entities) <= sum(bool(span.style) for span in spans)


def test_a_styled_run_stays_whole_when_a_text_is_split() -> None:
    found = parts([Span("word " * 8), Span("/thank @ben 1h", "code"), Span(" and more words")], 50)
    assert Span("/thank @ben 1h", "code") in found[1]


@pytest.mark.parametrize(
    ("kind", "details", "problem"),
    [
        ("429", {"retry_after": 7}, SlowDown),
        ("500", {}, NotReached),
        ("504", {}, NotReached),
        ("truncated", {}, NotReached),
        ("reset_before", {}, NotReached),
        ("reset_after", {}, NotReached),
        ("401", {}, NotReached),
        ("409", {}, NotReached),
        ("error", {"error_code": 400, "description": "Bad Request: can't parse entities"}, Refused),
        ("error", {"error_code": 400, "description": "Bad Request: chat not found"}, ChatClosed),
        ("error", {"error_code": 400, "description": "Bad Request: CHAT_WRITE_FORBIDDEN"}, ChatClosed),
        ("error", {"error_code": 403, "description": "Forbidden: bot was kicked from the group chat"}, ChatClosed),
    ],
)
async def test_what_goes_wrong_with_a_message_is_told_in_the_cores_words(
    scene: Scene, kind: str, details: dict[str, Any], problem: type[Exception]
) -> None:
    scene.server.fault("sendMessage", kind, **details)
    with pytest.raises(problem) as caught:
        await scene.adapter.send(letter(scene.group, "hello"))
    assert type(caught.value) is problem
    if isinstance(caught.value, SlowDown):
        assert caught.value.seconds == 7
    assert scene.server.token not in repr(caught.getrepr())
    scene.server.faults.clear()
    await scene.adapter.send(letter(scene.group, "hello"))


async def test_a_server_that_does_not_answer_is_not_reached(scene: Scene) -> None:
    adapter = adapter_for(scene.server, scene.core, timeout_seconds=0.2)
    scene.server.fault("sendMessage", "hang", times=1)
    with pytest.raises(NotReached):
        await adapter.send(letter(scene.group, "hello"))
    await scene.server.stop()
    with pytest.raises(NotReached):
        await adapter.send(letter(scene.group, "hello"))
    await scene.server.start()
    await adapter.send(letter(scene.group, "hello"))
    await adapter.close()


@pytest.mark.parametrize("answer", ["[]", "5", '{"ok":true}', '{"ok":true,"result":7}', "", "null"])
async def test_json_that_is_no_answer_is_no_message_sent(scene: Scene, answer: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n{answer}".encode())
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        adapter = TelegramAdapter(
            token="1:a", dispatcher=scene.core, commands=app.commands(), languages=LANGUAGES, base_url=f"http://127.0.0.1:{port}/bot"
        )  # fmt: skip
        with pytest.raises(NotReached):
            await adapter.send(letter(scene.group, "hello"))
        await adapter.close()


async def test_people_who_cannot_be_written_to(scene: Scene) -> None:
    scene.server.user_json(scene.ben)  # known, but never started the bot
    scene.server.press_start(scene.ana)
    scene.server.block(scene.ana)
    gone = scene.server.user(first_name="Gone")
    scene.server.press_start(gone)
    scene.server.deactivate(gone)
    for person in (scene.ben, scene.ana, gone):
        with pytest.raises(ChatClosed):
            await scene.adapter.send(letter(person, "hello"))


async def test_groups_that_cannot_be_written_to(scene: Scene) -> None:
    quiet = scene.server.supergroup("Quiet", creator=scene.ana)
    scene.server.restrict(scene.server.bot, quiet)
    scene.server.kick(scene.server.bot, scene.group)
    for chat in (quiet, scene.group, scene.server.supergroup("Elsewhere", creator=scene.ana, bot=None)):
        with pytest.raises(ChatClosed):
            await scene.adapter.send(letter(chat, "hello"))


async def test_a_group_that_moves_between_two_parts_of_a_message_gets_the_rest_where_it_went(scene: Scene) -> None:
    small = scene.server.group("Small", creator=scene.ana)
    text = "".join(f"Line {number}\n" for number in range(1000))
    scene.server.fault("sendMessage", "migrate", nth=2, times=1)
    with pytest.raises(ChatHasMoved) as moved:
        await scene.adapter.send(letter(small, text))
    new = small.migrated_to
    assert new is not None
    assert moved.value.to == f"telegram:{new.id}"
    await scene.adapter.send(letter(new, text))
    sent = [*scene.server.messages(small, by_bot=True), *scene.server.messages(new, by_bot=True)]
    assert "\n".join(message.text or "" for message in sent) == text.strip()


# --- editing -----------------------------------------------------------------------------------------------------


async def test_a_card_is_changed_in_place(scene: Scene) -> None:
    number = await scene.adapter.send(letter(scene.group, "Poll: 1", keys=((Key(label="Yes", token="yes"),),)))
    await scene.adapter.edit(letter(scene.group, Span("Poll", "bold"), ": <2>"), number)
    sent = scene.server.message(scene.group, int(number))
    assert (sent.text, sent.buttons) == ("Poll: <2>", [])
    assert [entity["type"] for entity in sent.entities] == ["bold"]


async def test_changing_a_card_to_what_it_shows_already_is_fine(scene: Scene) -> None:
    card = letter(scene.group, "Poll: 1", keys=((Key(label="Yes", token="yes"),),))
    number = await scene.adapter.send(card)
    await scene.adapter.edit(card, number)
    assert not scene.server.message(scene.group, int(number)).edited


async def test_a_card_that_was_deleted_is_gone(scene: Scene) -> None:
    number = await scene.adapter.send(letter(scene.group, "Poll: 1"))
    scene.server.delete(scene.group, int(number))
    with pytest.raises(MessageGone):
        await scene.adapter.edit(letter(scene.group, "Poll: 2"), number)
    said = scene.says(scene.ana, "hello")
    with pytest.raises(MessageGone):
        await scene.adapter.edit(letter(scene.group, "Poll: 2"), str(said.id))


async def test_a_card_that_grew_too_long_shows_what_fits(scene: Scene) -> None:
    number = await scene.adapter.send(letter(scene.group, "Poll: 1"))
    text = "".join(f"Line {number}\n" for number in range(1000))
    await scene.adapter.edit(letter(scene.group, text), number)
    shown_now = scene.server.message(scene.group, int(number)).text or ""
    assert shown_now.endswith("\n…")
    assert text.startswith(shown_now.removesuffix("…"))
    assert 3900 < len(shown_now) <= 4096
    assert fitting([Span("short")], UNITS_MAX) == (Span("short"),)


async def test_what_goes_wrong_with_an_edit(scene: Scene) -> None:
    number = await scene.adapter.send(letter(scene.group, "Poll: 1"))
    scene.server.fault("editMessageText", "429", retry_after=3)
    with pytest.raises(SlowDown):
        await scene.adapter.edit(letter(scene.group, "Poll: 2"), number)
    scene.server.fault("editMessageText", "502")
    with pytest.raises(NotReached):
        await scene.adapter.edit(letter(scene.group, "Poll: 2"), number)
    scene.server.kick(scene.server.bot, scene.group)
    with pytest.raises(ChatClosed):
        await scene.adapter.edit(letter(scene.group, "Poll: 2"), number)


def test_groups_bear_twenty_messages_a_minute(scene: Scene) -> None:
    adapter = adapter_for(scene.server, scene.core)
    assert adapter.pace(ChatId("telegram:-100123")) == Pace(20, 60)
    private = adapter.pace(ChatId("telegram:123"))
    assert private is not None
    assert private.messages / private.seconds == 1
    assert (
        adapter_for(scene.server, scene.core, messages_per_minute_in_group=0).pace(ChatId("telegram:-100123")) is None
    )
    assert adapter.link("x") is None, "it does not know its name yet"
    same: Adapter = adapter
    assert (same.network, same.prefix, same.popup_characters_max) == ("telegram", "/", 200)


# --- menus and checks --------------------------------------------------------------------------------------------


async def test_menus_are_published_for_each_place_and_language(live: Scene) -> None:
    scopes = ("default", "all_private_chats", "all_group_chats")
    expected = {(scope, language) for scope in scopes for language in ("", "es", "de")}
    await live.server.wait_for(lambda: set(live.server.commands) == expected)
    menu = {entry["command"]: entry["description"] for entry in live.server.commands["all_group_chats", ""]}
    thank = app.commands().get("thank")
    assert thank is not None
    assert menu["thank"] == shown(thank.help, Reader("en"))
    spanish = {entry["command"]: entry["description"] for entry in live.server.commands["all_group_chats", "es"]}
    assert spanish["thank"] == shown(thank.help, Reader("es")) != menu["thank"]
    private = {entry["command"] for entry in live.server.commands["all_private_chats", ""]}
    assert "join" in menu
    assert "join" not in private
    assert "balance" in private
    everywhere = {entry["command"] for entry in live.server.commands["default", ""]}
    assert everywhere == menu.keys() | private
    assert "start" not in everywhere
    assert "limit" not in everywhere, "what the committee sets stands in its menu"


@pytest.mark.parametrize("where", [None, Where.PRIVATE, Where.GROUP])
def test_what_is_suggested_fits_into_telegrams_menu(where: Where | None) -> None:
    suggested = [command.name for command in app.commands().suggested(where=where)]
    assert len(suggested) <= COMMANDS_MAX
    assert {"thank", "balance", "policy", "fund", "gift"} <= set(suggested)


async def test_menus_that_are_right_already_are_left_alone(live: Scene) -> None:
    await live.server.wait_for(lambda: len(live.server.commands) == 9)
    before = len(live.server.called("setMyCommands"))
    again = adapter_for(live.server, live.core)
    async with running(again) as caught_up:
        await asyncio.wait_for(caught_up.wait(), 5)
        await live.server.wait_for(lambda: len(live.server.called("getMyCommands")) == 18)
    await again.close()
    assert len(live.server.called("setMyCommands")) == before == 9


async def test_reading_goes_on_when_menus_cannot_be_published(scene: Scene) -> None:
    scene.server.fault("getMyCommands", "429", times=None)
    scene.says(scene.ana, "/menu@solibot")
    async with running(scene.adapter):
        await scene.core.hears()


async def test_the_check_tells_what_is_right_and_wrong(scene: Scene) -> None:
    async def told() -> list[tuple[bool, str]]:
        return [(fine, shown(words, Reader("en"))) for fine, words in await scene.adapter.describe()]

    assert await told() == [
        (True, "Telegram knows the bot as @solibot."),
        (True, "Privacy mode is on: in groups the bot is sent only commands and replies to it."),
        (True, "No webhook stands in the way."),
    ]
    scene.server.set_privacy(False)
    await scene.adapter._bot.set_webhook("https://example.org/hook")
    found = await told()
    assert [fine for fine, _ in found] == [True, True, False]
    assert found[1][1].startswith("Privacy mode is off")
    assert "webhook" in found[2][1]
    scene.server.fault("getMe", "502")
    assert await told() == [(False, "Telegram cannot be reached (NetworkError).")]
    scene.server.revoke_token()
    assert (await told())[0][1].startswith("Telegram does not accept the token.")


async def test_the_check_tells_what_the_bot_is_in_a_chat(scene: Scene) -> None:
    here = ChatId(f"telegram:{scene.group.id}")
    assert await scene.adapter.rights(here) == "member"
    scene.server.promote(scene.server.bot, scene.group)
    assert await scene.adapter.rights(here) == "administrator"
    scene.server.kick(scene.server.bot, scene.group)
    assert await scene.adapter.rights(here) in ("left", "kicked")
    assert await scene.adapter.rights(ChatId("telegram:-1009999")) == "left"
    scene.server.fault("getChatMember", "502")
    assert await scene.adapter.rights(here) == "unknown"


def test_the_heavy_part_of_the_library_is_not_loaded() -> None:
    code = "import sys, bot.adapters.telegram; print(sorted({'telegram.ext', 'tornado', 'aiogram'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- whatever may come -------------------------------------------------------------------------------------------

USER = {"id": 1001, "is_bot": False, "first_name": "Ana", "last_name": "Ruiz", "username": "ana", "language_code": "es"}
BOT = {"id": 55, "is_bot": True, "first_name": "Karma", "username": "karmabot"}
OURSELVES = {"id": 7_000_000_001, "is_bot": True, "first_name": "Solibot", "username": "solibot"}
ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
GROUP: dict[str, Any] = {"id": -1002000000001, "type": "supergroup", "title": "Riverside", "is_forum": True}
PRIVATE = {"id": 1001, "type": "private", "first_name": "Ana"}
CHANNEL = {"id": -1002000000009, "type": "channel", "title": "News"}

users = st.sampled_from([USER, BOT, OURSELVES, ANONYMOUS])
chats = st.sampled_from([GROUP, PRIVATE, CHANNEL, {"id": -5, "type": "group", "title": "Small"}])
texts = st.one_of(
    st.sampled_from(["/thank@solibot @ben 1h", "/setup", "@solibot", "/start abc", "/menu@otherbot", "", "\ud800"]),
    st.text(max_size=40),
    st.builds(
        "{}{}{}".format, st.text(max_size=5), st.sampled_from(["@solibot ", "/x@solibot ", "🎂"]), st.text(max_size=9)
    ),
)
numbers = st.integers(min_value=-(2**53), max_value=2**53)
entities = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["text_mention", "bot_command"]),
            "offset": st.integers(-3, 60),
            "length": st.integers(-3, 60),
        },
        optional={"user": users},
    ),
    max_size=3,
)  # fmt: skip
replies = st.fixed_dictionaries(
    {"message_id": numbers, "date": numbers, "chat": chats},
    optional={"from": users, "sender_chat": chats, "forum_topic_created": st.just({}), "text": texts},
)
messages = st.fixed_dictionaries(
    {"message_id": numbers, "date": st.one_of(st.integers(0, 2**31), numbers), "chat": chats},
    optional={
        "from": users, "sender_chat": chats, "text": texts, "caption": texts, "entities": entities,
        "caption_entities": entities, "message_thread_id": numbers, "is_topic_message": st.booleans(),
        "reply_to_message": replies, "forward_origin": st.just({}), "photo": st.just([]),
        "new_chat_members": st.lists(users, max_size=3), "left_chat_member": users, "migrate_to_chat_id": numbers,
        "migrate_from_chat_id": numbers,
    },
)  # fmt: skip
standings = st.fixed_dictionaries(
    {
        "user": users,
        "status": st.sampled_from(["creator", "administrator", "member", "restricted", "left", "kicked", "x"]),
    },
    optional={"is_member": st.booleans(), "can_send_messages": st.booleans()},
)
changes = st.fixed_dictionaries(
    {
        "chat": chats,
        "from": users,
        "date": st.integers(0, 2**31),
        "old_chat_member": standings,
        "new_chat_member": standings,
    }
)
taps = st.fixed_dictionaries(
    {"id": st.text(max_size=9), "from": users, "chat_instance": st.text(max_size=9)},
    optional={"message": messages, "data": texts, "inline_message_id": texts},
)
updates = st.builds(
    lambda number, kind: {"update_id": number, **kind},
    st.integers(min_value=1, max_value=2**31),
    st.one_of(
        st.builds(lambda value: {"message": value}, messages),
        st.builds(lambda value: {"callback_query": value}, taps),
        st.builds(lambda value: {"my_chat_member": value}, changes),
        st.builds(lambda value: {"chat_member": value}, changes),
    ),
)
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.floats(allow_nan=False), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def mangled(draw: st.DrawFn) -> object:
    """An update in which one value is something else, or missing."""
    update = copy.deepcopy(draw(updates))
    places = list(_places(update))
    holder, key = draw(st.sampled_from(places))
    if draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = draw(junk)
    return update


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield value, key
        yield from _places(below)


def check(update: object) -> list[Incoming]:
    """What holds of every event that is made of any update."""
    found = [event.incoming for event in converter().events(update) if event.incoming is not None]
    for incoming in found:
        assert incoming.event
        assert incoming.at.tzinfo is not None
        match incoming:
            case Message() | Press():
                assert not incoming.sender.bot
                assert incoming.sender.user != "telegram:7000000001"
            case Arrival() | Departure():
                assert not incoming.person.bot
            case _:
                continue
        if isinstance(incoming, Message):
            incoming.text.encode()
            assert "@otherbot" not in incoming.text[:12] or incoming.chat.private
            for mention in incoming.mentions:
                assert 0 <= mention.start < mention.end <= len(incoming.text)
    keys = [incoming.event for incoming in found if not isinstance(incoming, ServiceMessage)]
    # The same person may be named twice in one notice; that is one arrival.
    assert len(set(keys)) == len(keys) or all(isinstance(incoming, Arrival | ServiceMessage) for incoming in found)
    return found


@given(updates)
@example({"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": GROUP, "from": BOT, "text": "/menu"}})
def test_whatever_is_well_formed_is_understood(update: dict[str, Any]) -> None:
    found = check(update)
    date = update.get("message", {}).get("date", 0)
    if 0 <= date < 2**31:
        assert not any(isinstance(incoming, Unreadable) for incoming in found)


@given(st.one_of(mangled(), junk, st.dictionaries(st.sampled_from([*UPDATE_KINDS, "update_id", "poll"]), junk)))
def test_whatever_is_malformed_does_no_harm(update: object) -> None:
    check(update)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """So many different examples, the same ones every time."""
    collected: list[Any] = []

    @settings(max_examples=count, database=None, phases=[Phase.generate], derandomize=True)
    @given(strategy)
    def collect(value: Any) -> None:
        collected.append(copy.deepcopy(value))

    collect()
    return collected


# --- with the real core ------------------------------------------------------------------------------------------


@asynccontextmanager
async def solibot(server: TelegramServer, folder: Path, **settings: Any) -> AsyncIterator[app.App]:
    """The whole bot on a real database, reading and writing over HTTP."""
    whole = await app.App.open(folder / "solibot.db", popups={"telegram": 200})
    whole.add(adapter_for(server, whole.dispatcher, **settings))  # type: ignore[arg-type]
    stop = asyncio.Event()
    task = asyncio.create_task(whole.run(stop))
    try:
        yield whole
        assert whole.dispatcher.incidents == 0
    finally:
        stop.set()
        await task


async def test_a_committee_lives_on_telegram(server: TelegramServer, tmp_path: Path) -> None:
    async with solibot(server, tmp_path):
        ana = server.user(first_name="Ana", username="ana")
        ben = server.user(first_name="Ben")
        group = server.supergroup("Riverside", creator=ana, members=[ben], bot=None)
        server.join(server.bot, group)
        hello = await server.next_message(group, after=0)
        await server.answer(server.tap(ana, group, hello, "Set up"))
        setup = await server.next_message(group, after=hello)
        assert "Riverside is set up" in (setup.text or "")
        welcome = await server.answer(server.tap(ben, group, setup, "I'm in"))
        assert (welcome.text or "").startswith("Welcome to Riverside, Ben.")
        thanks = server.say(ana, group, "/thank@solibot Ben 1h30 fixed the <bike>", mentions={"Ben": ben})
        card = await server.reply(thanks)
        assert (card.text or "").startswith("Ben helped Ana: 1 h 30.")
        assert card.reply_to == thanks.id
        tap = await server.answer(server.tap(ben, group, card, "My balance"))
        assert (tap.text, tap.show_alert) == ("You have 1 h 30.", True)
        assert (await server.reply(server.press_start(ben))).text
        balance = await server.reply(server.say(ben, server.private(ben), "/balance"))
        assert balance.text == "You have 1 h 30."


async def test_whatever_strangers_send_does_nothing_and_is_no_fault_of_ours(
    server: TelegramServer, tmp_path: Path
) -> None:
    ana = server.user(5001, first_name="Ana", username="ana5")
    ben = server.user(5002, first_name="Ben", username="ben")
    group = server.supergroup("Riverside", chat_id=GROUP["id"], creator=ana, members=[ben])

    async def books(tx: Asking) -> Any:
        return [await tx.value(f"SELECT count(*) FROM {table}") for table in ("transfers", "members", "committees")]

    async with solibot(server, tmp_path, messages_per_minute_in_group=0) as whole:
        await server.reply(server.say(ana, group, "/setup@solibot"))
        await server.reply(server.say(ben, group, "/join@solibot"))
        before = await whole.database.read(books)
        for update in (*drawn(updates, 100), *drawn(mangled(), 100)):
            # Half a surrogate pair does not pass through the server; the converter alone is tried with it above.
            if isinstance(update, dict) and "\\ud800" not in json.dumps(update):
                update.pop("update_id", None)
                server.inject(update)
        end = server.say(ben, server.private(ben), "/balance")
        assert "0 min" in ((await server.reply(end, within=20)).text or "")
        await server.fetched()
        assert await whole.database.read(books) == before


async def test_a_group_that_telegram_slows_down_gets_its_answers_later(server: TelegramServer, tmp_path: Path) -> None:
    ana = server.user(first_name="Ana")
    group = server.supergroup("Riverside", creator=ana)
    server.fault("sendMessage", "429", retry_after=1, chat=group)
    async with solibot(server, tmp_path):
        server.say(ana, group, "/setup@solibot")
        said = server.say(ana, group, "/menu@solibot")
        # Whoever writes in private does not wait with them.
        await server.reply(server.say(ana, server.private(ana), "/menu"), within=0.9)
        await server.wait_for(lambda: any(message.reply_to == said.id for message in server.messages(group)))
        refused, *taken = [call for call in server.called("sendMessage") if call.params["chat_id"] == group.id]
        assert (refused.status, [call.status for call in taken]) == (429, [200, 200])
        assert taken[0].at - refused.at >= 1


async def test_a_stranger_cannot_set_up_a_committee(server: TelegramServer, tmp_path: Path) -> None:
    async with solibot(server, tmp_path) as whole:
        ana, ben = server.user(first_name="Ana"), server.user(first_name="Ben")
        group = server.supergroup("Riverside", creator=ana, members=[ben])
        refused = await server.reply(server.say(ben, group, "/setup@solibot"))
        assert "set up" not in (refused.text or "").split(".")[0] or "Only" in (refused.text or "")
        count = await whole.database.read(lambda tx: tx.value("SELECT count(*) FROM committees"))
        assert count == 0


async def test_updates_that_come_again_after_a_crash_are_done_once(server: TelegramServer, tmp_path: Path) -> None:
    ana, ben = server.user(first_name="Ana", username="ana"), server.user(first_name="Ben", username="ben")
    group = server.supergroup("Riverside", creator=ana, members=[ben])
    async with solibot(server, tmp_path):
        await server.reply(server.say(ana, group, "/setup@solibot"))
        await server.reply(server.say(ben, group, "/join@solibot"))
        await server.fetched()
    server.fault("update", "duplicate", times=None)
    server.fault("sendMessage", "502", nth=3, times=1)
    server.fault("getUpdates", "reset_after", probability=0.3, times=6)
    for _ in range(12):
        server.say(ana, group, "/thank@solibot @ben 5m")
    async with solibot(server, tmp_path, messages_per_minute_in_group=0) as whole:
        await server.wait_for(
            lambda: len([m for m in server.messages(group, by_bot=True) if "Ben helped Ana" in (m.text or "")]) >= 12,
            10,
        )
        await server.fetched()
        await whole.delivery.settle()
        minutes = await whole.database.read(lambda tx: tx.value("SELECT sum(minutes) FROM postings WHERE minutes > 0"))
        assert minutes == 60
    cards = [m.text for m in server.messages(group, by_bot=True) if "Ben helped Ana" in (m.text or "")]
    assert len(cards) == len(set(cards)) == 12
