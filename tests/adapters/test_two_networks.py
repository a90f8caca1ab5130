"""One committee in a Telegram group and an encrypted Matrix room: one process, our Bot API server, a real Synapse."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from tests.servers.matrix_members import EncryptedMember
from tests.servers.matrix_scene import says
from tests.servers.running import RunningBot, on_matrix
from tests.servers.synapse import Homeserver
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, Message, User

SECONDS_MAX = 30.0


@dataclass
class Both:
    """A running bot with a group on each side: ana and ben on Telegram, fay (and ben again) on Matrix."""

    bot: RunningBot
    user: str
    """The bot's account on Matrix."""
    telegram: TelegramServer
    group: Chat
    ana: User
    ben: User
    fay: EncryptedMember
    also_ben: EncryptedMember
    room: str

    async def stands(self, chat: Chat, words: str) -> Message:
        """The newest message of the bot's on Telegram with these words in it, as it is shown now."""
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                for message in reversed(self.telegram.messages(chat, by_bot=True)):
                    if words in (message.text or ""):
                        return message
                await asyncio.sleep(0.05)

    async def code(self, who: User) -> str:
        """The newest code that somebody was given in private on Telegram."""
        message = await self.stands(self.telegram.private(who), "code")
        found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", message.text or "")
        assert found is not None
        return found[0]

    async def answer(self, who: EncryptedMember, words: str, answer: str, room: str | None = None) -> str:
        """Somebody says something on Matrix, and the bot answers with these words; the id of the answer."""
        room = room or self.room
        said = await who.say(room, words)
        heard = await who.hears(room, says(answer), by=self.user, after=said, within=SECONDS_MAX)
        return str(heard["event_id"])


@pytest_asyncio.fixture
async def both(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[Both]:
    """The committee Riverside on Telegram; on Matrix a room in which the bot has said hello."""
    async with TelegramServer() as telegram:
        telegram.short_polls(0.01)
        telegram.set_privacy(False)
        ana, ben = (telegram.user(first_name=name, username=name.lower()) for name in ("Ana", "Ben"))
        group = telegram.supergroup("Riverside", creator=ana, members=(ben,))
        fay = await homeserver.somebody("fay", encrypted=True)
        also_ben = await homeserver.somebody("ben", encrypted=True)
        account = await homeserver.register(f"bot-{secrets.token_hex(4)}", secrets.token_hex(8), display="Solibot")
        await homeserver.log_out_device(account.user, account.device)
        bot = on_matrix(homeserver, tmp_path, account, invites_from=[fay.user])
        bot.config.write_text(
            f'{bot.config.read_text()}\n[telegram]\ntoken = "{telegram.token}"\nbase_url = "{telegram.base_url}"\n'
        )
        await bot.start()
        try:
            await telegram.listening(within=SECONDS_MAX)
            await telegram.reply(telegram.say(ana, group, "/setup"), within=SECONDS_MAX)
            await telegram.reply(telegram.say(ben, group, "/join"), within=SECONDS_MAX)
            for person in (ana, ben):
                telegram.press_start(person)
            room = await fay.create_room("Riverside too", encrypted=True, invite=[account.user, also_ben.user])
            await also_ben.join(room)
            await fay.hears(room, says("Hello!"), by=account.user, within=SECONDS_MAX)
            yield Both(bot, account.user, telegram, group, ana, ben, fay, also_ben, room)
            assert telegram.violations == []
            assert await bot.stop() == 0
        finally:
            await bot.kill()


async def test_a_committee_lives_on_both_networks_and_on_one_when_the_other_is_gone(both: Both) -> None:
    telegram, group, room, fay = both.telegram, both.group, both.room, both.fay
    telegram.say(both.ana, group, "/connect")
    code = await both.code(both.ana)
    await both.answer(fay, f"!connect {code}", "This group is part of Riverside now")
    await both.stands(group, "Fay has connected another group with Riverside")
    await both.answer(fay, "!join", "Welcome to Riverside, Fay.")

    # What is recorded on one side is shown on the other, and whoever is thanked hears of it where they are.
    await both.answer(fay, "!thank Ben 1h30 fixed the bike", "Ben helped Fay: 1 h 30. (No. 1)")
    await both.stands(group, "Ben helped Fay: 1 h 30. (No. 1)")
    await both.stands(telegram.private(both.ben), "Fay thanked you with 1 h 30: fixed the bike")
    telegram.say(both.ben, group, "/thank fay 45m")
    card = await fay.hears(room, says("Fay helped Ben: 45 min. (No. 2)"), by=both.user, within=SECONDS_MAX)
    private = (await fay.invited(SECONDS_MAX, by=both.user)).room
    await fay.hears(private, says("Ben thanked you with 45 min."), within=SECONDS_MAX)

    # Cards are kept alike.
    telegram.tap(both.ben, group, await both.stands(group, "Fay helped Ben: 45 min. (No. 2)"), "Undo")
    await both.stands(group, "Undone: Fay helped Ben: 45 min. (No. 2)")
    await fay.sees(
        lambda: fay.shown(card["event_id"]).text.startswith("Undone: Fay helped Ben") or None, within=SECONDS_MAX
    )

    # Where one side is gone, the other goes on whole.
    telegram.kick(telegram.bot, group, by=both.ana)
    await both.answer(fay, "!thank Ana 1h", "Ana helped Fay: 1 h. (No. 4)")
    assert "Ana helped Fay" not in "".join(message.text or "" for message in telegram.messages(group, by_bot=True))


async def test_two_accounts_on_two_networks_are_one_person(both: Both) -> None:
    telegram = both.telegram
    telegram.say(both.ana, both.group, "/connect")
    code = await both.code(both.ana)
    await both.answer(both.fay, f"!connect {code}", "This group is part of Riverside now")
    telegram.say(both.ana, both.group, "/thank @ben 2h")
    await both.stands(both.group, "Ben helped Ana: 2 h. (No. 1)")

    # In the room, and not a member there: the bot comes when it is called in private.
    telegram.say(both.ben, telegram.private(both.ben), "/connect")
    code = await both.code(both.ben)
    private = await both.also_ben.create_room("", direct=True, encrypted=True, invite=[both.user])
    await both.also_ben.hears(
        private, lambda event: event["sender"] == both.user and event["content"].get("membership") == "join",
        within=SECONDS_MAX,
    )  # fmt: skip
    question = await both.answer(both.also_ben, f"!connect {code}", "Is this account yours too?", private)
    await both.also_ben.say(private, "1", reply_to=question)
    await both.also_ben.hears(private, says("are one person now: one balance, one vote."), within=SECONDS_MAX)
    await both.stands(telegram.private(both.ben), "is connected with this account")

    # One balance, and one member, from wherever they speak.
    await both.answer(both.also_ben, "!balance", "You have 2 h.", private)
    await both.answer(both.also_ben, "!thank Ana 30m", "Ana helped Ben: 30 min. (No. 2)")
    await both.stands(both.group, "Ana helped Ben: 30 min. (No. 2)")
    telegram.say(both.ben, telegram.private(both.ben), "/balance")
    await both.stands(telegram.private(both.ben), "You have 1 h 30.")
    await both.answer(both.also_ben, "!settings", "Members: 2\n")
