"""Where an alert is, over a real Synapse: shown in private, and taken out of what the homeserver keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adapters.test_matrix import riverside
from tests.servers.matrix_members import Json, Member
from tests.servers.matrix_scene import Scene
from tests.servers.synapse import Homeserver

KEY = "0123456789abcdef" * 4
MEETING, EXACT = "Xylophonbrunnen", "Zwetschgengasse 5"


async def chooses(bot: Scene, who: Member, room: str, event: Json, label: str) -> str:
    """Somebody taps the number of a button; the id of the tap."""
    found = re.search(rf"(\d)\ufe0f\u20e3 {re.escape(label)}", who.shown(event["event_id"]).text)
    assert found is not None, who.shown(event["event_id"]).text
    tapped = await who.react(room, event["event_id"], f"{found[1]}\ufe0f\u20e3")
    await bot.quiet(tapped)
    return tapped


async def newest(bot: Scene, who: Member, words: str) -> tuple[str, Json]:
    """The bot's newest message to somebody in private with these words: its room, and the event."""
    for room in reversed(await bot.private_rooms(who)):
        for event in reversed(who.events(room, kind="m.room.message", by=bot.bot)):
            if words in event["content"].get("body", ""):
                return room, event
    raise AssertionError(words)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_place_is_shown_in_private_and_the_homeserver_lets_go_of_it(
    homeserver: Homeserver, tmp_path: Path, encrypted: bool
) -> None:
    async with riverside(
        homeserver, tmp_path / "bot", key=KEY, encrypted=encrypted, encrypted_private_chats=encrypted
    ) as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!alert eviction Main St, 20 people"))
        await bot.whispers(ben, "!balance", room)
        await bot.whispers(ana, "!balance", room)
        [private] = await bot.private_rooms(ben)
        [anas] = await bot.private_rooms(ana)
        said = await ben.say(private, "!alert 1")
        [card] = await bot.heard(ben, private, after=said)
        await chooses(bot, ben, private, card, "In 10 min")
        await bot.quiet(await ana.say(anas, f"!alert 1 meet {MEETING}"))
        await bot.quiet(await ana.say(anas, f"!alert 1 address {EXACT}"))
        assert (await bot.answers(ana, anas, "!alert 1 name Ben"))[-1].startswith("Ben may see the exact place")

        _, told = await newest(bot, ben, "There is a meeting point now.")
        await chooses(bot, ben, private, told, "Where do we meet?")
        _, meeting = await newest(bot, ben, MEETING)
        await chooses(bot, ben, private, meeting, "Exact place")
        _, exact = await newest(bot, ben, EXACT)
        for event in (meeting, exact):
            assert ben.was_encrypted(event["event_id"]) is encrypted
            kept = await ben.call("GET", f"/v3/rooms/{private}/event/{event['event_id']}")
            assert kept["content"], "the homeserver has it"
        assert not [event for event in ben.events(room) if EXACT in str(event) or MEETING in str(event)]

        await bot.quiet(await ana.say(room, "!alert 1 end"))
        for event in (meeting, exact):
            kept = await ben.call("GET", f"/v3/rooms/{private}/event/{event['event_id']}")
            assert kept["content"] == {}, "the homeserver has it no more"
            assert kept["unsigned"]["redacted_because"]["sender"] == bot.bot
