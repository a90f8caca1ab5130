"""A whole group is in tonight: forty people, one tap each, one card, over each real network."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.telegram import TelegramAdapter
from bot.app import App
from bot.practice import SCRIPT_START, FixedClock
from bot.text import LANGUAGES
from storage import members as rolls
from storage import people
from storage.database import Reader
from tests.servers.matrix_members import relation
from tests.servers.matrix_scene import invited, scene
from tests.servers.synapse import Homeserver
from tests.servers.telegram_api import TelegramServer

FORTY = 40
EDITS_MAX = 8
"""Of the card, for forty taps in a few moments."""


async def _everybody_is_in(app: App, people_: int) -> None:
    async def ask(tx: Reader) -> tuple[int, int, int]:
        committee = (await people.committee(tx, 1)).id
        owed = await tx.value("SELECT count(*) FROM outbox WHERE state <> 'delivered'")
        private = await tx.value("SELECT count(*) FROM outbox o JOIN chats c ON c.id = o.chat_id WHERE c.private = 1")
        return await people.count_members(tx, committee), owed, private

    assert await app.database.read(ask) == (people_, 0, 0), "all are in, nothing is owed, nobody was written to"


async def test_forty_people_are_in_on_telegram_by_one_tap_each(tmp_path: Path) -> None:
    clock = FixedClock(SCRIPT_START)
    async with TelegramServer(clock=lambda: clock().timestamp()) as server:
        server.short_polls(0)
        app = await App.open(tmp_path / "solibot.sqlite", popups={"telegram": 200}, now=clock)
        adapter = TelegramAdapter(
            token=server.token,
            dispatcher=app.dispatcher,
            commands=app.commands,
            languages=LANGUAGES,
            base_url=server.base_url,
            base_file_url=server.base_file_url,
            # As Telegram has it: twenty messages a minute.
            messages_per_minute_in_group=20,
            pause_seconds=0.05,
        )
        app.add(adapter)
        # Forty people of whom most have no username, and nobody has ever written to the bot.
        ana, *others = [server.user(first_name=f"Person {number}") for number in range(FORTY)]
        group = server.supergroup("Riverside", creator=ana, members=others)
        server.set_status(server.bot, group, "administrator", by=ana, rights=["can_pin_messages"])
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        await server.listening(within=10)

        setup = server.say(ana, group, "/setup@solibot")
        card = await server.reply(setup, within=10)
        assert "Joined: 1 of 40" in (card.text or "")
        await server.wait_for(lambda: group.pinned == [card.id] or None)
        for who in others:
            tap = await server.answer(server.tap(who, group, card, "I'm in"), within=10)
            assert (tap.text or "").startswith("Welcome to Riverside, Person ")
            # A tap each second.
            clock.move(clock() + timedelta(seconds=1))
            await app.dispatcher.tick(clock())
        clock.move(clock() + rolls.RECOUNT_AFTER)
        await app.dispatcher.tick(clock())
        await app.delivery.settle()

        assert "Joined: 40 of 40" in (server.message(group, card.id).text or "")
        said = [message for message in server.messages(group, by_bot=True) if not message.service]
        assert [message.id for message in said] == [card.id], "the card, and nothing else"
        assert 3 <= len(server.called("editMessageText")) <= EDITS_MAX, "it counts up, and not forty times"
        await _everybody_is_in(app, FORTY)
        assert server.violations == []
        assert app.dispatcher.incidents == 0
        stop.set()
        await running


@pytest.mark.soak
async def test_forty_people_are_in_on_matrix_by_one_number_each(homeserver: Homeserver, tmp_path: Path) -> None:
    ana, *others = [await homeserver.somebody(f"p{number}") for number in range(FORTY)]
    async with scene(homeserver, tmp_path, invites_from=[ana.user]) as bot:
        room = await invited(bot, ana)
        await ana.set_power(room, bot.bot, 50)
        await asyncio.gather(*(ana.invite(room, who.user) for who in others))
        for at in range(0, len(others), 8):
            await asyncio.gather(*(who.join(room) for who in others[at : at + 8]))
        founded = await ana.say(room, "!setup")
        [card] = await bot.heard(ana, room, after=founded)
        assert "Joined: 1 of 40" in card["content"]["body"]
        assert (await ana.state(room, "m.room.pinned_events"))["pinned"] == [card["event_id"]]

        taps = []
        for number, who in enumerate(others):
            # Some tap on the number under the card, and some answer with it.
            if number % 2:
                taps.append(await who.react(room, card["event_id"], "1\ufe0f\u20e3"))
            else:
                taps.append(await who.say(room, "1", reply_to=card["event_id"]))
        for tap in taps:
            await bot.quiet(tap)
        await ana.sees(lambda: "Joined: 40 of 40" in ana.shown(card["event_id"]).text or None, within=30)
        await ana.catch_up(room)
        since = ana.events(room, kind="m.room.message", by=bot.bot)
        since = since[[event["event_id"] for event in since].index(card["event_id"]) + 1 :]
        assert {relation(event) for event in since} == {("m.replace", card["event_id"])}, "the card, and nothing else"
        assert len(since) <= EDITS_MAX
        await _everybody_is_in(bot.app, FORTY)
        assert all(not invite.direct for who in (ana, *others) for invite in who.invites)
