"""Telegram's own polls over the Bot API: sent with names, voted in from wherever they were forwarded to, stopped."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.telegram_updates import Converter
from bot.app import commands
from bot.chat import StrawVote, Unreadable
from tests.adapters.test_telegram_conversations import Telegram, riverside
from tests.servers.bursts import AWAY_SECONDS, TelegramBursts
from tests.servers.running import on_telegram
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, Message

KILLS = 4
ASKED = "/straw Where do we meet? | Library | Park"


def _polls(telegram: Telegram, chat: Chat | None = None) -> list[Message]:
    return [message for message in telegram.server.messages(chat or telegram.group) if message.poll is not None]


def _card(telegram: Telegram, chat: Chat | None = None) -> str:
    shown = telegram.server.messages(chat or telegram.group, by_bot=True)
    return next(message.text for message in reversed(shown) if (message.text or "").startswith("Straw poll")) or ""


async def _votes(telegram: Telegram, who: str, message: Message, *options: int, **more: Any) -> None:
    telegram.server.vote(telegram.person(who), message.chat, message, *options, **more)
    await telegram.quiet()


async def test_a_poll_shows_names_and_its_forwarded_copy_brings_votes_that_are_told_apart(
    practice_folder: Path,
) -> None:
    async with riverside(practice_folder) as telegram:
        await telegram.say("chi", f"{ASKED}, several", telegram.group)
        (message,) = _polls(telegram)
        poll = message.poll
        assert poll is not None
        assert (poll.question, poll.options) == ("Where do we meet?", ["Library", "Park"])
        assert not poll.anonymous
        assert poll.multiple
        await _votes(telegram, "chi", message, 0, 1)
        assert "Library: 1\nPark: 1\nVotes: 1 of members\n" in _card(telegram)
        # Somebody takes it elsewhere, where there is no bot. Telegram tells of votes there too.
        elsewhere = telegram.server.group("Elsewhere", creator=telegram.person("gus"), bot=None)
        copy = telegram.server.forward(telegram.person("chi"), message, elsewhere)
        await _votes(telegram, "gus", copy, 1)
        assert "Park: 2 (members: 1)\nVotes: 1 of members, 1 of others\n" in _card(telegram)
        await _votes(telegram, "gus", copy)
        assert "Park: 1\nVotes: 1 of members\n" in _card(telegram)
        # A channel, or an administrator who is hidden behind the group, is nobody.
        await _votes(telegram, "ana", message, 0, as_chat=telegram.group)
        await _votes(telegram, "ben", message, 0)
        assert "Library: 2\nPark: 1\nVotes: 2 of members\n" in _card(telegram)
        await telegram.say("chi", "/straw_end", telegram.group)
        assert poll.closed
        assert _card(telegram).startswith("Straw poll 1 is over: Where do we meet?\nLibrary: 2\nPark: 1\n")


async def test_a_vote_that_is_told_of_twice_counts_once(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        await telegram.say("chi", ASKED, telegram.group)
        (message,) = _polls(telegram)
        telegram.server.fault("update", "duplicate", times=None)
        await _votes(telegram, "chi", message, 0)
        await _votes(telegram, "eli", message, 0)
        await _votes(telegram, "chi", message)
        assert "Library: 1\nPark: 0\nVotes: 1 of members\n" in _card(telegram)


async def test_where_polls_are_not_allowed_the_card_has_buttons_and_the_group_stays_open(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        telegram.server.fault(
            "sendPoll", "error", description="Bad Request: not enough rights to send polls to the chat"
        )
        await telegram.say("chi", ASKED, telegram.group)
        assert _polls(telegram) == []
        await telegram.step("eli: [Park]")
        assert "Library: 0\nPark: 1\nVotes: 1 of members\n" in _card(telegram)
        await telegram.say("chi", "/straw_end", telegram.group)
        assert _card(telegram).startswith("Straw poll 1 is over")


async def test_a_poll_that_is_gone_or_has_ended_already_ends_without_a_fault(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        for number in (1, 2):
            await telegram.say("chi", ASKED, telegram.group)
            message = _polls(telegram)[-1]
            assert message.poll is not None
            if number == 1:
                telegram.server.delete(telegram.group, message)
            else:
                message.poll.closed = True
            await telegram.say("chi", "/straw_end", telegram.group)
            assert _card(telegram).startswith(f"Straw poll {number} is over")


async def test_when_the_group_moves_votes_still_count(practice_folder: Path) -> None:
    async with riverside(practice_folder, basic=True) as telegram:
        await telegram.say("chi", ASKED, telegram.group)
        (message,) = _polls(telegram)
        await _votes(telegram, "chi", message, 0)
        telegram.group = telegram.server.migrate(telegram.group)
        await telegram.quiet()
        await _votes(telegram, "eli", message, 0)
        await telegram.say("chi", "/straw_end", telegram.group)
        assert _card(telegram).startswith("Straw poll 1 is over: Where do we meet?\nLibrary: 2\nPark: 0\n")


@pytest.mark.soak
async def test_kill_9_between_votes_and_their_counting_loses_none_and_counts_none_twice(tmp_path: Path) -> None:
    chance = random.Random(5)
    async with TelegramServer() as server:
        bot = on_telegram(server, tmp_path)
        bursts = TelegramBursts(server, bot, seed=1)
        await bursts.set_up()
        asked = server.say(bursts.ana, bursts.group, ASKED)
        await server.reply(asked, within=AWAY_SECONDS)
        voters = [server.user(first_name=f"Voter {number}") for number in range(30)]
        (message,) = [message for message in server.messages(bursts.group) if message.poll is not None]
        last: dict[int, int] = {}
        for _ in range(KILLS):
            for voter in chance.choices(voters, k=40):
                last[voter.id] = chance.randrange(2)
                server.vote(voter, bursts.group, message, last[voter.id])
            await asyncio.sleep(chance.uniform(0.0, 0.1))
            await bot.kill()
            await bot.start()
            await server.listening(within=AWAY_SECONDS)
        server.vote(bursts.ben, bursts.group, message, 1)
        ended = await server.reply(server.say(bursts.ana, bursts.group, "/straw_end"), within=AWAY_SECONDS)
        library, park = (sum(place == chosen for chosen in last.values()) for place in (0, 1))
        assert (ended.text or "").splitlines()[1:4] == [
            f"Library: {library} (members: 0)",
            f"Park: {park + 1} (members: 1)",
            f"Votes: 1 of members, {len(last)} of others",
        ]
        assert await bot.stop() == 0
        assert message.poll is not None
        assert message.poll.closed
        assert server.violations == []


# --- without a server ----------------------------------------------------------------------------------------------

ELI = {"id": 7, "is_bot": False, "first_name": "Eli"}


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        ({"poll_id": "9", "user": ELI, "option_ids": [1]}, (1,)),
        ({"poll_id": "9", "user": ELI, "option_ids": []}, ()),
        ({"poll_id": "9", "user": {**ELI, "is_bot": True}, "option_ids": [1]}, None),
        ({"poll_id": "9", "voter_chat": {"id": -1, "type": "channel"}, "option_ids": [1]}, None),
        ({"poll_id": 9, "user": ELI, "option_ids": [1]}, Unreadable),
        ({"poll_id": "9", "user": ELI, "option_ids": ["1"]}, Unreadable),
    ],
)
def test_what_telegram_tells_of_a_vote(answer: dict[str, Any], options: Any) -> None:
    converter = Converter(1, "solibot", commands=commands())
    events = converter.events({"update_id": 3, "poll_answer": answer})
    if options is None:
        assert events == []
        return
    (event,) = events
    if options is Unreadable:
        assert isinstance(event.incoming, Unreadable)
    else:
        assert isinstance(event.incoming, StrawVote)
        assert event.incoming.event == "update:3"
        assert event.incoming.sender.user == "telegram:7"
        assert (event.incoming.poll, event.incoming.options) == ("9", options)
