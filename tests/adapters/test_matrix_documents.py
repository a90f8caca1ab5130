"""Files over Matrix: a list of people comes in with a command under it, and what is kept about somebody goes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.servers.matrix_members import Member
from tests.servers.matrix_scene import Scene, founded, scene
from tests.servers.synapse import Homeserver

TABLE = "name,spoken for by\nRosa Gil,Chi\nUwe Mann,\n".encode("utf-8-sig")


@dataclass(frozen=True, slots=True)
class Town:
    bot: Scene
    ana: Member
    chi: Member
    room: str
    private: str
    """Ana's room with the bot."""
    sealed: bool


@pytest_asyncio.fixture(params=[False, True], ids=["plain", "encrypted"])
async def town(homeserver: Homeserver, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    sealed: bool = request.param

    async def somebody(name: str) -> Member:
        return await (homeserver.somebody(name, encrypted=True) if sealed else homeserver.somebody(name))

    ana, ben, chi = [await somebody(name) for name in ("ana", "ben", "chi")]
    (tmp_path / "bot").mkdir()
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], encrypted_private_chats=sealed) as bot:
        room = await founded(bot, ana, ben, chi, encrypted=sealed)
        assert (await bot.whispers(ana, "!balance", room))[-1] == "You have 0 min."
        yield Town(bot, ana, chi, room, (await bot.private_rooms(ana))[0], sealed)


async def test_a_list_comes_in_as_a_file_with_the_command_under_it(town: Town) -> None:
    sent = await town.ana.attach(town.private, "people.csv", TABLE, "!list")
    answer = (await town.bot.heard(town.ana, town.private, after=sent))[-1]["content"]["body"]
    assert answer.startswith("I can add 2 people:")
    assert "Rosa Gil and Uwe Mann" in answer
    file = next(event for event in town.ana.events(town.private) if event["event_id"] == sent)
    assert (b"Rosa" in await town.ana.stored(file)) is not town.sealed, "the homeserver sees nothing of what is sealed"


@pytest.mark.parametrize("town", [False], ids=["plain"], indirect=True)
async def test_a_command_that_answers_a_file_takes_it_too(town: Town) -> None:
    file = await town.ana.attach(town.private, "people.csv", TABLE)
    assert await town.bot.heard(town.ana, town.private, after=file) == [], "a file alone says nothing"
    answers = await town.bot.answers(town.ana, town.private, "!list", reply_to=file)
    assert answers[-1].startswith("I can add 2 people:")


@pytest.mark.parametrize("town", [False], ids=["plain"], indirect=True)
async def test_a_file_that_is_no_text_is_refused_and_loses_nothing(town: Town) -> None:
    sent = await town.ana.attach(town.private, "people.xlsx", b"PK\x03\x04\x00\x00\xff", "!list")
    assert "name" in (await town.bot.heard(town.ana, town.private, after=sent))[-1]["content"]["body"]
    answers = await town.bot.answers(town.ana, town.private, "!members")
    assert "Rosa" not in "".join(answers)


async def test_what_is_kept_about_somebody_arrives_as_a_file_for_them_alone(town: Town) -> None:
    await town.bot.answers(town.chi, town.room, "!thank Ben 1h fixed the bike")
    asked = await town.chi.say(town.room, "!export me")
    in_group = await town.bot.heard(town.chi, town.room, after=asked)
    assert not [event for event in in_group if event["content"]["msgtype"] == "m.file"]
    private = (await town.bot.private_rooms(town.chi))[0]
    files = [event for event in town.chi.events(private) if event["content"].get("msgtype") == "m.file"]
    assert len(files) == 1
    told = json.loads(await town.chi.opened(files[0]))
    assert [one["note"] for one in told["exchanges"]] == ["fixed the bike"]
    assert (b"fixed the bike" in await town.chi.stored(files[0])) is not town.sealed
