"""Polls of Matrix's own (MSC3381) on a real Synapse: begun, voted in under both names, taken back, ended."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import matrix_polls
from bot.adapters.matrix_events import Converter, chat_of
from bot.adapters.matrix_polls import END, RESPONSE, RESPONSE_UNSTABLE, START
from bot.adapters.matrix_rooms import Room
from bot.app import commands
from bot.chat import NativePoll, StrawVote
from bot.text import Span
from storage.database import Reader
from tests.adapters.test_matrix import riverside
from tests.servers.matrix_members import Json, Member, relation
from tests.servers.matrix_scene import Scene
from tests.servers.synapse import Homeserver

TEXT = "org.matrix.msc1767.text"


def _about(poll: str) -> Json:
    return {"m.relates_to": {"rel_type": "m.reference", "event_id": poll}}


async def _votes(member: Member, room: str, poll: str, *answers: str, stable: bool = False) -> str:
    """Vote as a client does, under the name of the specification or the one from before."""
    if stable:
        return await member.send(room, RESPONSE, {**_about(poll), "m.selections": [*answers]})
    return await member.send(room, RESPONSE_UNSTABLE, {**_about(poll), RESPONSE_UNSTABLE: {"answers": [*answers]}})


async def _card(bot: Scene, member: Member, room: str, after: str) -> str:
    """What the card says when the bot has said all that it has to say to that."""
    heard = await bot.heard(member, room, after=after)
    edits = [event["content"]["m.new_content"]["body"] for event in heard if relation(event)[0] == "m.replace"]
    (words,) = [words for words in edits if words.startswith("Straw poll")]
    return str(words)


async def _kept(bot: Scene) -> list[tuple[Any, ...]]:
    async def ask(tx: Reader) -> list[tuple[Any, ...]]:
        return await tx.all("SELECT user, choices FROM straw_votes ORDER BY id LIMIT 100")

    return await bot.app.database.read(ask)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_the_room_votes_in_its_own_poll_and_the_bot_counts(
    homeserver: Homeserver, tmp_path: Path, encrypted: bool
) -> None:
    async with riverside(homeserver, tmp_path / "bot", encrypted=encrypted) as (bot, room, ana, ben):
        said = await ana.say(room, "!straw Where do we meet? | Library | Park")
        shown = [event["content"]["body"] for event in await bot.heard(ana, room, after=said)]
        assert len(shown) == 1
        assert shown[0].startswith("Straw poll 1: Where do we meet?\nOnly a temperature check: it decides nothing.")
        (begun,) = ana.events(room, kind=START, by=bot.bot)
        poll = begun["event_id"]
        assert ana.was_encrypted(poll) is encrypted
        assert begun["content"][START] == {
            "kind": "org.matrix.msc3381.poll.disclosed",
            "max_selections": 1,
            "question": {"body": "Where do we meet?", "msgtype": "m.text", TEXT: "Where do we meet?"},
            "answers": [{"id": "0", TEXT: "Library"}, {"id": "1", TEXT: "Park"}],
        }
        # Whoever's client knows no polls reads this.
        assert begun["content"][TEXT] == begun["content"]["body"] == "Where do we meet?\n– Library\n– Park"

        voted = await _votes(ben, room, poll, "1")
        assert "Library: 0\nPark: 1\nVotes: 1 of members\n" in await _card(bot, ana, room, voted)
        voted = await _votes(ana, room, poll, "0", stable=True)
        assert "Library: 1\nPark: 1\nVotes: 2 of members\n" in await _card(bot, ana, room, voted)
        # The newest vote counts; without it, the one before.
        changed = await _votes(ben, room, poll, "0", stable=True)
        assert "Library: 2\nPark: 0\nVotes: 2 of members\n" in await _card(bot, ana, room, changed)
        gone = await ben.redact(room, changed)
        assert "Library: 1\nPark: 1\nVotes: 2 of members\n" in await _card(bot, ana, room, gone)
        # No answer takes the vote back; one that nobody offered is none.
        for answers in ((), ("7",), ("0", "1"), ("x",)):
            voted = await _votes(ana, room, poll, *answers)
            await bot.quiet(voted)
        voted = await _votes(ben, room, poll, "0")
        assert "Library: 1\nPark: 0\nVotes: 1 of members\n" in await _card(bot, ana, room, voted)
        # Whoever is in the room and no member is told apart.
        dan = await homeserver.somebody("dan", encrypted=True) if encrypted else await homeserver.somebody("dan")
        await ana.invite(room, dan.user)
        await dan.join(room)
        await dan.catch_up(room)
        voted = await _votes(dan, room, poll, "1", stable=True)
        assert "Library: 1\nPark: 1 (members: 0)\nVotes: 1 of members, 1 of others\n" in await _card(
            bot, ana, room, voted
        )

        said = await ben.say(room, "!straw_end")
        # The answer is private.
        assert await bot.heard(ben, room, after=said) == []
        said = await ana.say(room, "!straw_end 1")
        heard = await bot.heard(ana, room, after=said)
        result = (
            "Straw poll 1 is over: Where do we meet?\nLibrary: 1\nPark: 1 (members: 0)\n"
            "Votes: 1 of members, 1 of others\nIt was only a temperature check: it decides nothing."
        )
        assert result in [event["content"]["body"] for event in heard]
        (ended,) = ana.events(room, kind=END, by=bot.bot)
        assert relation(ended) == ("m.reference", poll)
        assert ended["content"][END] == {}
        assert ana.was_encrypted(ended["event_id"]) is encrypted
        assert await _kept(bot) == []
        late = await _votes(ben, room, poll, "1")
        assert await bot.heard(ana, room, after=late) == []
        assert await _kept(bot) == []


async def test_a_poll_that_members_begin_themselves_is_left_alone(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        said = await ana.say(room, "!straw Where do we meet? | Library | Park")
        await bot.quiet(said)
        for kind in (START, "m.poll.start"):
            own = await ana.send(
                room, kind, matrix_polls.start(NativePoll(ref=1, question="Tea?", options=("Yes", "No")), ())
            )
            for voter, stable in ((ana, True), (ben, False)):
                voted = await _votes(voter, room, own, "0", stable=stable)
            assert await bot.heard(ana, room, after=own) == []
            ended = await ana.send(room, END, {**_about(own), END: {}})
            assert await bot.heard(ana, room, after=voted) == await bot.heard(ana, room, after=ended) == []
        assert await _kept(bot) == []


async def test_in_an_encrypted_room_a_vote_that_came_in_plain_is_not_counted(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    async with riverside(homeserver, tmp_path / "bot", encrypted=True) as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!straw Where do we meet? | Library | Park"))
        await ana.catch_up(room)
        (begun,) = ana.events(room, kind=START, by=bot.bot)
        content = {**_about(begun["event_id"]), RESPONSE_UNSTABLE: {"answers": ["1"]}}
        plain = await Member.send(ben, room, RESPONSE_UNSTABLE, content)
        (told,) = await bot.heard(ben, room, after=plain)
        assert "came without encryption" in told["content"]["body"]
        assert await _kept(bot) == []


async def test_where_the_bot_may_send_no_polls_the_card_has_buttons(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        levels = await ana.state(room, "m.room.power_levels")
        await ana.send_state(room, "m.room.power_levels", {**levels, "events": {**levels["events"], START: 50}})
        said = await ana.say(room, "!straw Where do we meet? | Library | Park")
        card = (await bot.heard(ana, room, after=said))[-1]
        words = card["content"].get("m.new_content", card["content"])["body"]
        assert "Library" in words
        assert "Park" in words
        assert ana.events(room, kind=START, by=bot.bot) == []
        voted = await ben.say(room, "2", reply_to=relation(card)[1] or card["event_id"])
        heard = await bot.heard(ana, room, after=voted)
        assert "Library: 0\nPark: 1\nVotes: 1 of members\n" in heard[0]["content"]["m.new_content"]["body"]


async def test_when_the_poll_itself_is_erased_its_card_gets_buttons(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!straw Where do we meet? | Library | Park"))
        await ana.catch_up(room)
        (begun,) = ana.events(room, kind=START, by=bot.bot)
        await bot.quiet(await _votes(ben, room, begun["event_id"], "1"))
        gone = await ana.redact(room, begun["event_id"])
        words = await _card(bot, ana, room, gone)
        assert "Park: 1\nVotes: 1 of members" in words
        assert "2️⃣ Park" in words


# --- without a server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ({RESPONSE_UNSTABLE: {"answers": ["1"]}}, (1,)),
        ({"m.selections": ["0", "2"]}, (0, 2)),
        ({RESPONSE: {"answers": ["1", "1"]}}, (1,)),
        ({"m.selections": []}, ()),
        ({"m.selections": "1"}, (-1,)),
        ({"m.selections": [1]}, (-1,)),
        ({"m.selections": ["²"]}, (-1,)),
        ({"m.selections": ["1" * 5000]}, (-1,)),
        ({}, (-1,)),
    ],
)
def test_what_a_vote_names(content: Json, options: tuple[int, ...]) -> None:
    me, ana = "@bot:example.org", "@ana:example.org"
    room = Room("!riverside", me)
    event = {
        "type": RESPONSE,
        "event_id": "$vote",
        "sender": ana,
        "origin_server_ts": 0,
        "content": {**_about("$poll"), **content},
    }
    converter = Converter(me, commands=commands(), now=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    found = converter.incoming(room, chat_of(room, None), event, {"$poll": me})
    assert isinstance(found, StrawVote)
    assert (found.poll, found.options) == ("$poll", options)
    assert converter.answers_to(room, event) == "$poll"
    assert converter.incoming(room, chat_of(room, None), event, {"$poll": ana}) is None
    assert converter.incoming(room, chat_of(room, None), {**event, "content": {}}, {"$poll": me}) is None


def test_the_words_beside_a_poll_are_plain() -> None:
    poll = NativePoll(ref=1, question="Tea?", options=("Yes", "No"), several=True)
    content = matrix_polls.start(poll, (Span("Type "), Span("/straw", "code")))
    assert content["body"] == content[TEXT] == "Type !straw"
    assert content[START]["max_selections"] == 2
