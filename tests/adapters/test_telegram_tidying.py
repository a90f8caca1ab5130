"""What Telegram itself writes into a group goes after a while, where the committee wants it and the bot may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.test_telegram_conversations import Telegram, riverside
from tests.servers.telegram_state import Message

RIGHT = "the right to delete messages; until then they stay."


async def tidy(telegram: Telegram, switch: str = "on") -> None:
    """Enough of them want it."""
    for who in ("ana", "ben", "chi"):
        await telegram.say(who, f"/tidy {switch}", telegram.group)


def notes(telegram: Telegram) -> list[Message]:
    """What Telegram itself has written and is still there."""
    return [one for one in telegram.server.messages(telegram.group) if one.service]


def told(telegram: Telegram) -> int:
    """How often the bot has said which right it needs."""
    return sum(RIGHT in (one.text or "") for one in telegram.server.messages(telegram.group, by_bot=True))


async def test_notes_on_who_came_left_pinned_or_renamed_go_after_an_hour_and_nothing_else(
    practice_folder: Path,
) -> None:
    async with riverside(practice_folder) as telegram:
        server, group = telegram.server, telegram.group
        server.promote(server.bot, group, rights=["can_delete_messages"])
        await tidy(telegram)
        before = len(notes(telegram))
        dan = telegram.person("dan")
        server.join(dan, group)
        said = server.say(dan, group, "good evening")
        server.pin(telegram.person("ana"), group, said)
        server.rename(group, "Riverside and around")
        server.leave(dan, group)
        await telegram.quiet()
        everything = server.messages(group)
        assert len(notes(telegram)) == before + 4
        await telegram.step("skip 59m")
        assert len(notes(telegram)) == before + 4, "so long everybody can see it"
        await telegram.step("skip 2m")
        assert len(notes(telegram)) == before
        assert [one for one in everything if one.deleted] == [one for one in everything[-5:] if one.service]
        assert not said.deleted
        assert told(telegram) == 0
        await tidy(telegram, "off")
        server.join(dan, group)
        await telegram.quiet()
        await telegram.step("skip 2h")
        assert len(notes(telegram)) == before + 1


async def test_without_the_right_it_says_once_which_one_it_needs(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        server, group = telegram.server, telegram.group
        await tidy(telegram)
        for who in ("dan", "fay"):
            server.join(telegram.person(who), group)
            await telegram.quiet()
            await telegram.step("skip 61m")
        assert told(telegram) == 1
        server.promote(server.bot, group, rights=["can_pin_messages"])
        server.join(telegram.person("gil"), group)
        await telegram.quiet()
        await telegram.step("skip 61m")
        there = len(notes(telegram))
        server.promote(server.bot, group)
        server.join(telegram.person("hal"), group)
        await telegram.quiet()
        await telegram.step("skip 61m")
        assert len(notes(telegram)) == there, "once it may, it does"
        assert told(telegram) == 1


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "502"])
async def test_an_answer_that_was_lost_deletes_nothing_else(fault: str, practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        server, group = telegram.server, telegram.group
        server.promote(server.bot, group)
        await tidy(telegram)
        before = len(notes(telegram))
        server.join(telegram.person("dan"), group)
        await telegram.quiet()
        server.fault("deleteMessage", fault)
        await telegram.step("skip 61m")
        assert len(notes(telegram)) == before
        assert sum(one.deleted for one in server.chats[group.id].messages.values()) == 0
        assert telegram.app.dispatcher.incidents == 0


async def test_a_group_that_became_a_supergroup_loses_no_message_that_has_the_same_number_there(
    practice_folder: Path,
) -> None:
    async with riverside(practice_folder, basic=True) as telegram:
        server, group = telegram.server, telegram.group
        server.promote(server.bot, group)
        await tidy(telegram)
        server.join(telegram.person("dan"), group)
        await telegram.quiet()
        new = server.migrate(group)
        server.promote(server.bot, new)
        await telegram.quiet()
        for number in range(2 * group.last_id):
            server.say(telegram.person("ana"), new, f"words {number}")
        await telegram.quiet()
        await telegram.step("skip 61m")
        assert len([one for one in server.messages(new) if (one.text or "").startswith("words")]) == 2 * group.last_id
