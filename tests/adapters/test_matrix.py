"""The Matrix adapter on a real Synapse, with members who have clients of their own: what they say, tap and see."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import matrix
from bot.adapters.matrix import Timing
from bot.adapters.matrix_words import symbol
from bot.chat import Button, Chat, ChatId, Saying
from bot.text import Reader, T
from storage import buttons, outbox, people
from storage.database import Transaction
from tests.servers.matrix_members import Json, Member, Refused, relation
from tests.servers.matrix_scene import QUICK, Scene, founded, invited, says, scene
from tests.servers.synapse import Homeserver

FAULTS = ("reading failed", "event not converted", "event not handled", "a gap cannot be filled now")


@pytest.fixture(autouse=True)
def _nothing_fails_inside(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    assert not [record.message for record in caplog.records if record.message in FAULTS]


@asynccontextmanager
async def riverside(
    server: Homeserver, folder: Path, *, version: str = "12", encrypted: bool = False, **options: Any
) -> AsyncIterator[tuple[Scene, str, Member, Member]]:
    """The bot in the room of a committee, with ana, who organizes, and ben."""
    folder.mkdir(exist_ok=True)
    ana: Member
    ben: Member
    if encrypted:
        ana, ben = await server.somebody("ana", encrypted=True), await server.somebody("ben", encrypted=True)
    else:
        ana, ben = await server.somebody("ana"), await server.somebody("ben")
    async with scene(server, folder, invites_from=[ana.user], **options) as bot:
        yield bot, await founded(bot, ana, ben, version=version, encrypted=encrypted), ana, ben


def _body(event: Json) -> str:
    return str(event["content"].get("body", ""))


# --- speaking ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "encrypted"), [pytest.param("11", False, marks=pytest.mark.soak), ("12", True)])
async def test_a_command_is_understood_in_each_way_and_talk_is_not_for_the_bot(
    homeserver: Homeserver, tmp_path: Path, version: str, encrypted: bool
) -> None:
    async with riverside(homeserver, tmp_path / "bot", version=version, encrypted=encrypted) as (bot, room, ana, ben):
        localpart = bot.bot[1:].partition(":")[0]
        ways = [
            "!settings", "/settings", "  !Settings  ", f"@{localpart}: settings", f"{bot.bot} settings",
            "Solibot: settings", "solibot, !settings", "Solibot settings",
        ]  # fmt: skip
        commands = []
        for way in ways:
            commands.append(await ana.say(room, way))
            # Else the same question would be answered once only.
            await ben.say(room, "!thank Ana 1m")
        commands.append(await ana.say(room, "Solibot settings", pills={"Solibot": bot.bot}))
        await ben.say(room, "!thank Ana 1m")
        commands.append(await ana.say(room, "Solibot: !settings", pills={"Solibot": bot.bot}))
        await bot.quiet(commands[-1])
        heard = await bot.heard(ana, room, after=commands[0])
        answers = [answer for answer in heard if "helped" not in answer["content"]["body"]]
        assert [answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] for answer in answers] == commands
        for answer in answers:
            content = answer["content"]
            assert content["body"].startswith("Riverside\nMembers: 2\n")
            assert content["formatted_body"].startswith("<strong>Riverside</strong><br>Members: 2<br>")
            assert "<code>!timezone Madrid</code>" in content["formatted_body"]
            plain = re.sub(r"<[^>]*>", "", content["formatted_body"].replace("<br>", "\n"))
            assert plain == content["body"]
            assert content["msgtype"] == "m.notice"
            assert ana.was_encrypted(answer["event_id"]) is encrypted
        talk = ["settings", "! settings", "!", "/", "!?", "Solibot is slow today", "Solibot", "5 !settings", "!1h"]
        said = [await ben.say(room, words) for words in talk]
        await bot.quiet(said[-1])
        assert await bot.heard(ben, room, after=said[0]) == []


async def test_in_a_thread_the_answer_is_in_the_thread_and_a_committee_may_live_there(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], timing=Timing(quiet=0.1)) as bot:
        room = await invited(bot, ana)
        await ana.invite(room, ben.user)
        await ben.join(room)
        root = await ana.say(room, "About our hours")
        setup = await ana.say(room, "!setup", thread=root)
        founded_, *_ = await bot.heard(ana, room, after=setup)
        assert founded_["content"]["m.relates_to"] == {
            "rel_type": "m.thread", "event_id": root, "is_falling_back": False, "m.in_reply_to": {"event_id": setup},
        }  # fmt: skip
        # Said in the thread, tapped there, or answered there: it stays in the thread.
        await bot.quiet(await ben.react(room, founded_["event_id"], symbol(1)))
        await ben.say(room, "!menu", thread=root)
        menu = await ben.hears(room, says("Did somebody help you?"))
        assert relation(menu) == ("m.thread", root)
        # What is said in private and concerns all is told where the committee is at home.
        private = await ana.create_room(direct=True, invite=[bot.bot])
        await ana.say(private, "!stepdown")
        told = await ana.hears(room, says("Ana is not an organizer any more"))
        assert relation(told) == ("m.thread", root)


async def test_what_is_edited_or_only_shown_is_no_command_and_what_was_said_stays_done(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, _):
        command = await ana.say(room, "!thank Ben 1h")
        [card] = await bot.heard(ana, room, after=command)
        before = [
            await ana.edit(room, command, "!thank Ben 2h"),
            await ana.say(room, "!thank Ben 3h", msgtype="m.notice"),
            await ana.say(room, "!thank Ben 4h", msgtype="m.emote"),
            await ana.say(room, "!thank Ben 5h", msgtype="m.image", more={"url": "mxc://riverside.test/none"}),
            await ana.say(room, "!thank Ben 6h", msgtype="org.example.shouting"),
            await ana.redact(room, command),
        ]
        assert await bot.heard(ana, room, after=before[-1]) == []
        assert ana.shown(card["event_id"]).text.startswith("Ben helped Ana: 1 h. (No. 1)")
        # The card is taken out of the room: when it changes it is there again, as a new message.
        gone = await ana.redact(room, card["event_id"])
        await bot.quiet(await ana.say(room, "!undo"))
        new = [event for event in await bot.heard(ana, room, after=gone) if relation(event)[0] != "m.replace"]
        assert sorted(_body(event).split("\n")[0] for event in new) == [
            "No. 1 is undone. (No. 2)", "Undone: Ben helped Ana: 1 h. (No. 1)",
        ]  # fmt: skip


async def test_names_are_understood_as_people_write_them(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot", version="11") as (bot, room, ana, ben):
        chi, eve = await homeserver.somebody("chi"), await homeserver.somebody("eve")
        await chi.named("an <b>Chi</b> & co")
        for other in (chi, eve):
            await ana.invite(room, other.user)
            await other.join(room)
        await bot.quiet(await chi.say(room, "!join"))
        there = await ben.say(room, "I fixed your bike")

        async def card(*said: Any, **how: Any) -> str:
            answers = await bot.answers(ana, room, *said, **how)
            return answers[0].partition("\n")[0]

        assert await card("!thank 1h", reply_to=there) == "Ben helped Ana: 1 h. (No. 1)"
        old = f"> <{ben.user}> !thank Eve 9h\n> and more\n\n!thank 1h30 for the bike"
        quote = "<mx-reply><blockquote>!thank <a href='https://matrix.to/#/@x:y'>Eve</a> 9h</blockquote></mx-reply>"
        assert await card(old, reply_to=there, html=f"{quote}!thank 1h30 for the bike") == (
            "Ben helped Ana: 1 h 30. (No. 2)"
        )
        # In the middle of the command there is “an”, which is how the name begins too.
        name = "an <b>Chi</b> & co"
        assert await card(f"!thank {name} 2h tea", pills={name: chi.user}) == f"{name} helped Ana: 2 h. (No. 3)"
        private = await bot.private_rooms(chi)
        assert "Ana thanked you with 2 h: tea" in [_body(event) for event in chi.events(private[0], by=bot.bot)]
        [shown] = [event for event in ana.events(room, by=bot.bot) if "(No. 3)" in _body(event)]
        assert "an &lt;b&gt;Chi&lt;/b&gt; &amp; co helped Ana" in shown["content"]["formatted_body"]
        # The account in place of the name, and the link as some clients write it.
        percent = f"https://matrix.to/#/{ben.user.replace('@', '%40').replace(':', '%3A')}"
        assert await card(f"!thank {ben.user} 15m", html=f'!thank <a href="{percent}">Ben</a> 15m') == (
            "Ben helped Ana: 15 min. (No. 4)"
        )
        uri = f"matrix:u/{ben.user[1:]}"
        assert await card("!thank Ben 20m", html=f"!thank <a href='{uri}'>Ben</a> 20m") == (
            "Ben helped Ana: 20 min. (No. 5)"
        )
        assert await card(f"!thank {ben.user} 25m") == "Ben helped Ana: 25 min. (No. 6)"
        no = await card("!thank Eve 1h", pills={"Eve": eve.user})
        assert "Eve" in no
        assert "helped" not in no


# --- numbers in place of buttons -----------------------------------------------------------------------------


def _seeds(member: Member, bot: Scene, message: str) -> list[str]:
    return [key for key, who in member.shown(message).reactions.items() if bot.bot in who]


@pytest.mark.parametrize(("version", "encrypted"), [("12", False), pytest.param("11", True, marks=pytest.mark.soak)])
async def test_a_number_is_tapped_or_written_in_place_of_a_button(
    homeserver: Homeserver, tmp_path: Path, version: str, encrypted: bool
) -> None:
    timing = Timing(pause=0.1, quiet=0.1)
    async with riverside(homeserver, tmp_path / "bot", version=version, encrypted=encrypted, timing=timing) as (
        bot,
        room,
        ana,
        ben,
    ):
        eve: Member = await (homeserver.somebody("eve", encrypted=True) if encrypted else homeserver.somebody("eve"))
        await ana.invite(room, eve.user)
        await eve.join(room)
        said = await ana.say(room, "!thank Ben 1h")
        [card] = await bot.heard(ana, room, after=said)
        assert _body(card) == "Ben helped Ana: 1 h. (No. 1)\n1️⃣ My balance   2️⃣ Undo"
        message = card["event_id"]
        await ana.sees(lambda: len(_seeds(ana, bot, message)) == 2 or None)
        assert _seeds(ana, bot, message) == ["1️⃣", "2️⃣"]
        # Wrong ones, those of others, and to what others said: nothing.
        about = await ana.say(room, "!undo? no", msgtype="m.notice")
        for key in ("👍", "3️⃣", "0️⃣", "99", " ", "22222222222222222222"):
            last = await ben.react(room, message, key)
        last = await ben.react(room, about, "2️⃣")
        assert await bot.heard(ben, room, after=last) == []
        assert await bot.private_rooms(ben) != []  # he was thanked there
        # Not her business: she is told so, and nobody else is.
        last = await eve.react(room, message, "2️⃣")
        await bot.quiet(last)
        assert await bot.heard(eve, room, after=last) == []
        assert any("Only members" in _body(event) for event in eve.events((await bot.private_rooms(eve))[0]))
        assert ana.shown(message).text.startswith("Ben helped Ana")
        # Tapped: what it stands for, for whoever tapped.
        last = await ben.react(room, message, "1️⃣")
        assert await bot.heard(ben, room, after=last) == []
        assert "You have 1 h." in [_body(event) for event in ben.events((await bot.private_rooms(ben))[0])]
        last = await ana.react(room, message, "2")
        await bot.quiet(last)
        await ana.sees(lambda: ana.shown(message).text.startswith("Undone") or None)
        assert ana.shown(message).text == "Undone: Ben helped Ana: 1 h. (No. 1)\n1️⃣ My balance"
        # Tapped once more, or the old way: there is nothing there any more.
        last = await ana.react(room, message, "2️⃣")
        assert await bot.heard(ana, room, after=last) == []
        # Answering with the number does it too.
        said = await ben.say(room, "!thank Ana 2h")
        [card] = await bot.heard(ben, room, after=said)
        answered = await ben.say(room, f"> <{bot.bot}> Ana helped Ben\n\n 2.", reply_to=card["event_id"])
        await bot.quiet(answered)
        await ben.sees(lambda: ben.shown(card["event_id"]).text.startswith("Undone") or None)
        # And so twice, or to what somebody else said, is talk.
        assert await bot.answers(ben, room, "2", reply_to=card["event_id"]) == []
        assert await bot.answers(ben, room, "1", reply_to=said) == []


async def test_a_question_is_answered_only_by_whoever_is_asked(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        second = await homeserver.somebody("ben")
        await ana.invite(room, second.user)
        await second.join(room)
        await bot.quiet(await second.say(room, "!join"))
        said = await ana.say(room, "!thank Ben 1h")
        [question] = await bot.heard(ana, room, after=said)
        assert "Whom do you mean?" in _body(question)
        assert "1️⃣" in _body(question)
        tapped = await ben.react(room, question["event_id"], "1️⃣")
        assert await bot.heard(ben, room, after=tapped) == []
        private = await bot.private_rooms(ben)
        assert [_body(event) for event in ben.events(private[0], by=bot.bot)][-1] == "This choice is for somebody else."
        assert await bot.answers(ana, room, "2", reply_to=question["event_id"]) != []
        # Once answered it is answered: the other choice is gone too.
        assert await bot.answers(ana, room, "1", reply_to=question["event_id"]) == []
        private = await bot.private_rooms(ana)
        assert _body(ana.events(private[-1], by=bot.bot)[-1]) == "That was chosen already."


async def test_each_of_twelve_buttons_can_be_chosen(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, _):
        labels = [f"Number {number}" for number in range(1, 13)]

        async def ask(tx: Transaction) -> None:
            place = await people.place(tx, Chat(id=ChatId(f"matrix:{room}"), private=False))
            rows = tuple(
                (Button(label=label, says=Saying(command="help", arguments={"about": f"x{label[7:]}x"})),)
                for label in labels
            )
            await outbox.queue(
                tx, place, T("Which?"), reader=Reader(), now=bot.app.now(), buttons=rows, committee=place.committee_id
            )

        await bot.app.database.transact(ask)
        question = await ana.hears(room, says("Which?"))
        for number in (10, 11, 12):
            assert f"\n{symbol(number)} Number {number}" in _body(question)

        async def stands_for(number: int) -> str:
            place = await bot.app.database.transact(
                lambda tx: people.place(tx, Chat(id=ChatId(f"matrix:{room}"), private=False))
            )
            found = await bot.app.database.read(lambda tx: buttons.numbered(tx, place.id, question["event_id"], number))
            assert found is not None
            kept = await bot.app.database.read(lambda tx: buttons.kept(tx, found[0], now=bot.app.now()))
            assert kept is not None
            return str(kept.says.arguments["about"])

        assert [await stands_for(number) for number in (1, 10, 12)] == ["x1x", "x10x", "x12x"]
        heard = 0
        for way in (ana.react(room, question["event_id"], "🔟"), ana.say(room, "12", reply_to=question["event_id"])):
            await bot.quiet(await way)
            private = (await bot.private_rooms(ana))[0]
            assert len(ana.events(private, kind="m.room.message", by=bot.bot)) > heard
            heard = len(ana.events(private, kind="m.room.message", by=bot.bot))


# --- in private ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encrypted", [False, True])
async def test_what_is_mine_is_told_in_a_room_of_my_own_that_stays_the_same(
    homeserver: Homeserver, tmp_path: Path, encrypted: bool
) -> None:
    options: dict[str, Any] = {"encrypted": encrypted, "encrypted_private_chats": encrypted}
    async with riverside(homeserver, tmp_path / "bot", **options) as (bot, room, ana, ben):
        command = await ben.say(room, "!balance")
        assert await bot.heard(ben, room, after=command) == []
        private = (await ben.invited(by=bot.bot)).room
        assert await ben.hears(private, "You have 0 min.")
        assert ben.invites[-1].direct
        assert (private in ben.encrypted_rooms) is encrypted
        assert await ben.joined(private) == {bot.bot, ben.user}
        [answer] = [event for event in ben.events(private, by=bot.bot) if _body(event) == "You have 0 min."]
        assert ben.was_encrypted(answer["event_id"]) is encrypted
        assert await bot.whispers(ben, "!history", room) != []
        assert await bot.private_rooms(ben) == [private]
        # There every command is understood, and what is answered is no reply: it is clear what it belongs to.
        [answer_] = await bot.heard(ben, private, after=await ben.say(private, "!thank Ana 1h tea"))
        assert _body(answer_).startswith("Ana helped Ben: 1 h. (No. 1)")
        assert relation(answer_) == (None, None)
        assert "m.in_reply_to" not in answer_["content"].get("m.relates_to", {})
        erased = await bot.answers(ben, private, "!erase 1")
        assert erased[0].startswith("I have erased the note of no. 1")
        assert await bot.answers(ben, private, "!language es") == [
            "De ahora en adelante te hablo en este idioma: Español."
        ]
        assert await bot.answers(ben, private, "hola") == ["No te entendí. Elige “Menú” o escribe !menu.\n1️⃣ Menú"]
        ana_private = (await bot.private_rooms(ana))[0]
        [thanks] = [event for event in ana.events(ana_private) if _body(event) == "Ben thanked you with 1 h: tea"]
        assert ana.shown(thanks["event_id"]).text == "Ben thanked you with 1 h."
        user = bot.bot
    async with scene(homeserver, tmp_path / "bot", user=user, encrypted_private_chats=encrypted) as bot:
        assert await bot.whispers(ben, "!balance", room) == ["Tienes -1 h.\nEl límite es de -12 h."]
        assert await bot.private_rooms(ben) == [private]


async def test_whoever_shuts_the_private_room_gets_another_one_only_by_asking(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, _):
        chi = await homeserver.somebody("chi", accepts="none")
        await ana.invite(room, chi.user)
        await chi.join(room)
        await bot.quiet(await chi.say(room, "!join"))
        # Declined before anything was read.
        await bot.quiet(await chi.say(room, "!balance"))
        first = await chi.invited(by=bot.bot)
        await chi.leave(first.room)
        await _until(lambda: first.room not in bot.adapter._rooms)
        # What comes unasked does not knock again.
        await bot.quiet(await ana.say(room, "!thank Chi 1h"))
        assert len(chi.invites) == 2
        # An answer does.
        chi.accepts = "direct"
        await chi.say(room, "!balance")
        second = await chi.invited(by=bot.bot)
        assert second.room != first.room
        await chi.hears(second.room, says("You have 1 h."))
        # Left after a while: the same.
        await chi.leave(second.room)
        await _until(lambda: second.room not in bot.adapter._rooms)
        await bot.quiet(await ana.say(room, "!thank Chi 2h"))
        assert len(chi.invites) == 3
        await chi.say(room, "!balance")
        await chi.hears((await chi.invited(by=bot.bot)).room, says("You have 3 h."))


async def _until(holds: Any, within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.soak
async def test_when_somebody_third_comes_into_a_private_room_the_bot_leaves_it(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        await bot.quiet(await ben.say(room, "!balance"))
        [first] = await bot.private_rooms(ben)
        # The room is the bot's: it lets nobody in, but the person whom it is for may be asked to share a room of
        # their own.
        own = await ben.create_room(direct=True, invite=[bot.bot])
        assert await bot.answers(ben, own, "!balance") == ["You have 0 min."]
        assert await bot.whispers(ben, "!balance", room) == []
        assert _body(ben.events(own, by=bot.bot)[-1]) == "You have 0 min."
        await ben.invite(own, ana.user)
        gone = await ben.hears(own, lambda event: event["sender"] == bot.bot and _membership(event) == "leave")
        assert gone["content"]["reason"] == (
            "This is no private chat any more, so I leave. Write to me, and I open a new one."
        )
        await _until(lambda: own not in bot.adapter._rooms)
        assert await bot.whispers(ben, "!balance", room) == ["You have 0 min."]
        assert await bot.private_rooms(ben) == [first]
        # While the bot is away too.
        again = await ben.create_room(direct=True, invite=[bot.bot])
        await bot.quiet(await ben.say(again, "!balance"))
        user = bot.bot
    await ben.invite(again, ana.user)
    await ana.join(again)
    for number in range(105):
        await ana.say(again, f"So many words {number}")
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        await ben.hears(again, lambda event: event["sender"] == bot.bot and _membership(event) == "leave")
        assert await bot.whispers(ben, "!balance", room) == ["You have 0 min."]
        assert await bot.private_rooms(ben) == [first]


def _membership(event: Json) -> str | None:
    return event["content"].get("membership") if event["type"] == "m.room.member" else None


# --- coming and going ----------------------------------------------------------------------------------------


async def test_the_bot_comes_where_it_may_be_called_and_says_why_not_elsewhere(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        chi, dan, eve = [await homeserver.somebody(name) for name in ("chi", "dan", "eve")]
        await ana.invite(room, dan.user)
        await dan.join(room)
        await ana.say(room, "!organizer Ben")
        await bot.quiet(await ana.say(room, "!settings"))
        await ana.invite(room, chi.user)
        await chi.join(room)
        await bot.quiet(await chi.say(room, "!join"))
        # Ben organizes now, chi is a member, dan is only in the room, and eve is nobody.
        assert "Organizers: Ana and Ben" in (await bot.answers(ben, room, "!settings"))[0]

        async def calls(who: Member, *others: Member, direct: bool = False) -> str | None:
            there = await who.create_room("There", direct=direct, invite=[bot.bot])
            what = await who.hears(
                there,
                lambda event: event["sender"] == bot.bot and _membership(event) in ("join", "leave"),
            )
            return None if _membership(what) == "join" else str(what["content"].get("reason"))

        no = (
            "I come only when an organizer of a committee that I serve invites me, or whoever runs me. Ask one of them."
        )
        assert await calls(ben) is None
        assert await calls(ben, direct=True) is None
        assert await calls(chi) == no
        assert await calls(chi, direct=True) is None
        assert await calls(dan) == no
        assert await calls(dan, direct=True) is None
        assert await calls(eve) == no
        assert await calls(eve, direct=True) == no
        # A private invitation is no way into a group.
        crowd = await chi.create_room("Crowd", invite=[eve.user])
        await eve.join(crowd)
        await chi.call(
            "PUT", chi._path(crowd, "state", "m.room.member", bot.bot), {"membership": "invite", "is_direct": True}
        )
        await chi.hears(crowd, lambda event: event["sender"] == bot.bot and _membership(event) == "leave")
        # For an organizer it is.
        crowd = await ben.create_room("Crowd", invite=[eve.user])
        await eve.join(crowd)
        await ben.call(
            "PUT", ben._path(crowd, "state", "m.room.member", bot.bot), {"membership": "invite", "is_direct": True}
        )
        await ben.hears(crowd, says("Hello!"), by=bot.bot)
        user = bot.bot
        # One whose homeserver keeps the bot waiting keeps nobody else waiting.
        wire = bot.adapter._wire
        assert wire is not None
        leave, waits = wire.leave, asyncio.Event()

        async def slow(room_id: str, why: str) -> None:
            await waits.wait()
            await leave(room_id, why)

        wire.leave = slow  # type: ignore[method-assign]
        for _ in range(5):
            slowly = await eve.create_room("Slow", invite=[bot.bot])
        assert (await bot.answers(ana, room, "!settings"))[0].startswith("Riverside")
        waits.set()
        await eve.hears(slowly, lambda event: event["sender"] == bot.bot and _membership(event) == "leave")
    # While it is away it is called by one who may and one who may not.
    mine = await ben.create_room("Mine", invite=[bot.bot])
    theirs = await eve.create_room("Theirs", invite=[bot.bot])
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        await ben.hears(mine, says("Hello!"), by=user)
        await eve.hears(theirs, lambda event: event["sender"] == user and _membership(event) == "leave")


@pytest.mark.parametrize("away", [False, True])
async def test_nothing_is_done_that_was_said_before_the_bot_came(
    homeserver: Homeserver, tmp_path: Path, away: bool
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user]) as bot:
        user = bot.bot
        await _begun(bot)
        if not away:
            room = await ana.create_room("Old", invite=[ben.user])
            await ben.join(room)
            await ana.say(room, "!setup")
            await ana.say(room, "!join")
            await ana.invite(room, bot.bot)
            await ana.hears(room, says("Hello!"), by=bot.bot)
    if away:
        # Its join is further back than one answer of the homeserver reaches.
        room = await ana.create_room("Old", invite=[ben.user], public=True)
        await ben.join(room)
        await ana.say(room, "!setup")
        async with Member(homeserver.url, await _logged_in(homeserver, user)) as other:
            await other.join(room)
        await asyncio.gather(*(ben.say(room, f"Words {number}") for number in range(110)))
    async with scene(homeserver, tmp_path / "bot", user=user, invites_from=[ana.user]) as bot:
        last = await ana.say(room, "!menu")
        heard = [_body(event) for event in await bot.heard(ana, room, after=last)]
        texts = [text.partition("\n")[0] for text in ana.texts(room, by=user)]
        assert [text[:6] for text in texts] == ["Hello!", "There "]
        assert len(heard) >= 1


async def _begun(bot: Scene) -> None:
    """Until the bot has begun to read: before, nothing is said to it."""
    async with asyncio.timeout(10):
        while await bot.app.dispatcher.position("matrix") is None:
            await asyncio.sleep(0.01)


async def _logged_in(server: Homeserver, user: str) -> Any:
    member = await Member.login(server.url, user, "correct horse")
    return member.account


@pytest.mark.parametrize("closed", [False, True])
async def test_when_the_room_is_upgraded_all_goes_on_in_the_new_one(
    homeserver: Homeserver, tmp_path: Path, closed: bool
) -> None:
    async with riverside(homeserver, tmp_path / "bot", version="11", encrypted=not closed) as (bot, room, ana, ben):
        if not closed:
            await ana.send_state(room, "m.room.join_rules", {"join_rule": "public"})
        said = await ana.say(room, "!thank Ben 1h")
        [card] = await bot.heard(ana, room, after=said)
        new = await ana.upgrade_room(room, "12")
        if closed:
            await ana.invite(new, bot.bot)
            await ana.invite(new, ben.user)
        await ben.join(new)
        for one in (ana, ben):
            await one.hears(new, lambda event: event.get("state_key") == bot.bot and _membership(event) == "join")
        assert new.partition(":")[2] == ""
        await bot.quiet(await ana.say(new, "!undo"))
        await ana.catch_up(new)
        shown = [text.partition("\n")[0] for text in ana.texts(new, by=bot.bot)]
        assert sorted(shown) == ["No. 1 is undone. (No. 2)", "Undone: Ben helped Ana: 1 h. (No. 1)"]
        assert await bot.whispers(ben, "!balance", new) == ["You have 0 min."]
        assert ana.shown(card["event_id"]).text.startswith("Ben helped Ana")


async def test_a_tombstone_takes_no_committee_where_it_does_not_belong(homeserver: Homeserver, tmp_path: Path) -> None:
    async with riverside(homeserver, tmp_path / "bot", version="11") as (bot, room, ana, ben):
        with pytest.raises(Refused):
            await ben.send_state(room, "m.room.tombstone", {"body": "Come", "replacement_room": "!a:riverside.test"})
        # Ben's own committee goes on, he says, in the room of Ana's: nobody there has said so.
        await ana.say(room, "!organizer Ben")
        await bot.quiet(await ana.say(room, "!settings"))
        bens = await ben.create_room("Ben's", version="11", invite=[bot.bot])
        await ben.hears(bens, says("Hello!"), by=bot.bot)
        assert (await bot.answers(ben, bens, "!setup"))[0].startswith("Ben's is set up")
        await ben.send_state(bens, "m.room.tombstone", {"body": "Come", "replacement_room": room})
        assert (await bot.answers(ben, bens, "!settings"))[0].startswith("Ben's\n")
        assert (await bot.answers(ana, room, "!join"))[0].startswith("You are in Riverside")
        # One that goes on in itself, and one that goes on in nothing.
        with contextlib.suppress(Refused):
            await ben.send_state(bens, "m.room.tombstone", {"body": "Come", "replacement_room": bens})
        assert (await bot.answers(ben, bens, "!join"))[0].startswith("You are in Ben's")
        for nonsense in (5, "", None, ["x"], "not a room"):
            await ben.send_state(bens, "m.room.tombstone", {"body": "Come", "replacement_room": nonsense})
        assert (await bot.answers(ben, bens, "!join"))[0].startswith("You are in Ben's")


@pytest.mark.parametrize("how", ["kick", "ban", "kicked while away"])
async def test_put_out_and_called_back_the_bot_goes_on_with_the_committee(
    homeserver: Homeserver, tmp_path: Path, how: str
) -> None:
    async def is_open() -> bool:
        rows = await bot.app.database.read(
            lambda tx: tx.all("SELECT open FROM chats WHERE address = ?", f"matrix:{room}")
        )
        return bool(rows[0][0])

    async with riverside(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!thank Ben 1h"))
        assert await is_open()
        user = bot.bot
        if how != "kicked while away":
            await (ana.kick if how == "kick" else ana.ban)(room, bot.bot, "Enough")
            await _until(lambda: room not in bot.adapter._rooms)
    if how == "kicked while away":
        await ana.kick(room, user)
    await ana.say(room, "!thank Ben 5h")
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        async with asyncio.timeout(10):
            while await is_open():
                await asyncio.sleep(0.02)
        if how == "ban":
            await ana.unban(room, user)
        await ana.invite(room, user)
        await ana.hears(room, lambda event: event.get("state_key") == user and _membership(event) == "join")
        assert await bot.whispers(ben, "!balance", room) == ["You have 1 h."]
        assert await is_open()
        assert (await bot.answers(ana, room, "!settings"))[0].startswith("Riverside\nMembers: 2")
        assert sum(text.startswith("Hello!") for text in ana.texts(room, by=user)) == 1


# --- nonsense ------------------------------------------------------------------------------------------------


async def test_nonsense_is_passed_over(homeserver: Homeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "REMEMBERED_MAX", 20)
    timing = replace(QUICK, keys=0.5)
    async with riverside(homeserver, tmp_path / "bot", version="11", timing=timing) as (bot, room, ana, ben):
        big = "x" * 60_000
        text, html_ = "m.room.message", "org.matrix.custom.html"
        contents: list[tuple[str, Json]] = [
            (text, {"msgtype": "m.text", "body": big}),
            (text, {"msgtype": "m.text", "body": "!thank " + big}),
            (text, {"msgtype": "m.text", "body": "!thank" + " „" * 15_000}),
            (text, {"msgtype": "m.text", "body": "!x", "m.relates_to": 5}),
            *(
                (text, {"msgtype": "m.text", "body": body, "m.relates_to": {"m.in_reply_to": answered}})
                for body in ("2", "!thank 1h")
                for answered in (5, {}, *({"event_id": odd} for odd in (5, big, "$\0/..", "../../x", "$" + "A" * 43)))
            ),
            (text, {"msgtype": "m.text", "body": "!x", "format": html_, "formatted_body": "matrix.to<a " * 5000}),
            (text, {"msgtype": "m.text", "body": "!x", "format": html_, "formatted_body": {"a": 1}}),
            (text, {"msgtype": "m.text", "body": "\0\u202e!settings\u202c\ud83d"}),
            (text, {"msgtype": "m.text", "body": "!thank \u202eneB 1h \0"}),
            ("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2"}),
            ("m.room.encrypted", {"algorithm": 7, "ciphertext": {"a": 1}, "session_id": [], "sender_key": None}),
            ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": 7}}),
            ("m.reaction", {"m.relates_to": "x"}),
            ("m.reaction", {}),
            ("org.matrix.msc3381.poll.start", {"a": [1, None, {"b": {}}]}),
            ("m.room.redaction", {"redacts": 5}),
            ("x" * 200, {}),
            ("org.solibot.x", {"org.solibot.key": "x"}),
        ]  # fmt: skip
        for kind, content in contents:
            with contextlib.suppress(Refused):  # some of it the homeserver itself refuses
                await ben.send(room, kind, content)
        states: list[tuple[str, str, Json]] = [
            ("m.room.member", "nobody", {"membership": "join"}),
            ("m.room.name", "", {"name": ["x"]}),
            ("m.room.name", "", {"name": "\u202eedis\0 " + "N" * 5000}),
            ("m.room.topic", "odd", {"topic": 5}),
            ("m.room.encryption", "elsewhere", {}),
            ("m.room.tombstone", "elsewhere", {"replacement_room": "x"}),
            ("m.room.create", "elsewhere", {}),
            ("org.example.odd", "\0/..", {"x": 1}),
            ("m.space.child", "!x", {"via": 5}),
            ("m.room.history_visibility", "", {"history_visibility": 5}),
        ]
        for kind, key, content in states:
            with contextlib.suppress(Refused):
                await ana.send_state(room, kind, content, key)
        for name in ("Ben \u202e nebbe", "\u202e\0", "B" * 255, "Solibot", "!thank", "@room", "", bot.bot):
            with contextlib.suppress(Refused):
                await ben.named(name)
            await ben.say(room, "!settings")
        await ben.named("Benedikta")
        await ana.hears(room, lambda event: event["content"].get("displayname") == "Benedikta")
        last = await ben.say(room, "!thank Ana 1h")
        answers = await bot.heard(ben, room, after=last)
        assert _body(answers[-1]).partition("\n")[0] == "Ana helped Benedikta: 1 h. (No. 1)"
        await ben.catch_up(room)
        for text in ben.texts(room, by=bot.bot):
            assert "\u202e" not in text
            assert "\0" not in text
        assert len(ana.texts(room, by=bot.bot)) < 40
        adapter = bot.adapter
        for kept in (adapter._recent, adapter._authors, adapter._threads, adapter._mine):
            assert len(kept) <= 20
        for waiting in (adapter._held, adapter._answering, adapter._leaving, adapter._arrived):
            assert len(waiting) == 0
