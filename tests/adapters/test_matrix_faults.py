"""The Matrix adapter when things go wrong on a real Synapse: gaps, keys, devices, limits, cut wires."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.adapters import matrix_account as account
from bot.adapters.matrix import CAME_IN, Timing
from bot.adapters.matrix_api import ApiProblem, path
from bot.adapters.matrix_rooms import PRIVATE_WITH
from storage.database import Reader
from tests.servers.link import Link
from tests.servers.matrix_members import EncryptedMember, Json, Member, reads_only_signed, relation
from tests.servers.matrix_scene import PASSWORD, QUICK, Scene, founded, invited, open_bot, says, scene
from tests.servers.synapse import Federation, Homeserver

TOLD_AGAIN = "I could not decrypt what you wrote"
FAULTS = ("reading failed", "event not converted", "event not handled")


@pytest.fixture(autouse=True)
def _nothing_fails_inside(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    assert not [record.message for record in caplog.records if record.message in FAULTS]


def _body(event: Json) -> str:
    return str(event["content"].get("body", ""))


async def _until(holds: Callable[[], Any], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.01)


async def _minutes(bot: Scene) -> list[int]:
    """What was recorded, in order."""

    async def ask(tx: Reader) -> list[int]:
        return [row[0] for row in await tx.all("SELECT minutes FROM postings WHERE minutes > 0 ORDER BY transfer_id")]

    return await bot.app.database.read(ask)


def _cards(member: Member, room: str, bot: str) -> list[str]:
    """The exchanges that the bot has told of, each as often as it did."""
    return [text.partition(" (")[0] for text in member.texts(room, by=bot) if " helped " in text]


# --- gaps ----------------------------------------------------------------------------------------------------


@pytest.mark.soak
async def test_what_was_said_while_the_bot_was_away_is_done_once_and_in_order(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user]) as bot:
        room = await founded(bot, ana, ben)
        done = await ana.say(room, "!thank Ben 1m")
        await bot.quiet(done)
        user = bot.bot

    async def talks(who: Member, to: str, first: int) -> None:
        # Each in their own order, both at once.
        for number in range(20):
            await who.say(room, f"!thank {to} {first + number}m")
            await asyncio.gather(*(who.say(room, f"So many words {word}") for word in range(5)))

    await asyncio.gather(talks(ana, "Ben", 10), talks(ben, "Ana", 30))
    # Said before, changed now: it was said once and counts once.
    await ana.edit(room, done, "!thank Ben 999m")
    command = await ana.say(room, "!thank Ben 5m")
    await ana.edit(room, command, "!thank Ben 998m")
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        await bot.quiet(command)
        minutes = await _minutes(bot)
        assert minutes[0] == 1
        assert minutes[-1] == 5
        assert [one for one in minutes[1:-1] if one < 30] == [*range(10, 30)]
        assert [one for one in minutes[1:-1] if one >= 30] == [*range(30, 50)]
        await ana.catch_up(room)
        assert len(_cards(ana, room, user)) == len(set(_cards(ana, room, user))) == 42


@pytest.mark.soak
async def test_a_second_look_finds_what_no_sync_told_of(federation: Federation, tmp_path: Path) -> None:
    near, far = federation[0], federation[1]
    (tmp_path / "bot").mkdir()
    ana, ben = await far.somebody("ana"), await near.somebody("ben")
    timing = replace(QUICK, look_again=3.0)
    async with scene(near, tmp_path / "bot", invites_from=[ana.user], timing=timing) as bot:
        room = await ana.create_room("Riverside", invite=[bot.bot, ben.user])
        await ana.hears(room, says("Hello!"), by=bot.bot, within=30)
        await ben.join(room)
        await ana.say(room, "!setup")
        await ben.hears(room, says("is set up"), by=bot.bot, within=30)
        await bot.quiet(await ben.say(room, "!join"))
        await ana.hears(room, says("Welcome"), within=30)
        user = bot.bot
        federation.cut()
        for number in range(30):
            await ana.say(room, f"!thank Ben {number + 1}m" if number % 3 == 0 else f"Words {number}")
        await far.restart()
        await federation.heal()
        async with asyncio.timeout(60):
            while len(found := await _minutes(bot)) < 10:
                await asyncio.sleep(0.1)
        assert sorted(found) == [*range(1, 31, 3)]
        await ben.catch_up(room)
        assert len(_cards(ben, room, user)) == len(set(_cards(ben, room, user)))


@pytest.mark.soak
async def test_somebody_whose_homeserver_is_away_is_called_into_one_room_only(
    federation: Federation, tmp_path: Path
) -> None:
    near, far = federation[0], federation[1]
    (tmp_path / "bot").mkdir()
    ana, ben = await near.somebody("ana"), await far.somebody("ben")
    async with scene(near, tmp_path / "bot", invites_from=[ana.user]) as bot:
        room = await invited(bot, ana)
        await ana.say(room, "!setup")
        await ana.invite(room, ben.user)
        await ben.invited(30, by=ana.user)
        await ben.join(room, via=[near.name])
        await ben.say(room, "!join")
        await ana.hears(room, says("Welcome"), by=bot.bot, within=30)
        federation.cut()
        await bot.app.dispatcher.position("matrix")
        await ana.say(room, "!thank Ben 1h")
        await _until(lambda: bot.adapter._empty_room(ben.user) is not None, within=30)
        # It is tried again.
        await _until(lambda: sum(chat.failures for chat in bot.app.delivery._chats.values()) >= 2, within=30)
        await federation.heal()
        private = (await ben.invited(60, by=bot.bot)).room
        await ben.hears(private, says("Ana thanked you with 1 h"), within=60)
        assert [one.id for one in bot.adapter._rooms.values() if one.private_with == ben.user] == [private]
        # What is said in the moment of somebody's coming in reaches their homeserver with what follows it.
        await ben.hears(private, lambda event: event["type"] == CAME_IN, by=bot.bot)


@pytest.mark.soak
async def test_a_room_whose_making_was_not_confirmed_is_not_made_twice(
    homeserver: Homeserver, link: Link, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    url = f"http://127.0.0.1:{link.port}"
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], url=url, timing=QUICK) as bot:
        room = await founded(bot, ana, ben)
        # What the bot said itself has come back to it: the question that is open now brings the next that is said.
        await link.still()
        link.loses = {b"/createRoom", b"/sync"}
        # It is read, and after that nothing is heard for a while.
        await ana.say(room, "!thank Ben 1h")
        await _until(lambda: link.lost[b"/createRoom"], within=30)
        link.loses = {b"/sync"}
        await _until(lambda: sum(chat.failures for chat in bot.app.delivery._chats.values()) >= 2, within=30)
        link.loses = set()
        private = (await ben.invited(60, by=bot.bot)).room
        await ben.hears(private, says("Ana thanked you with 1 h"), within=60)
        assert [one.id for one in bot.adapter._rooms.values() if one.private_with == ben.user] == [private]


async def test_a_room_that_a_homeserver_made_by_half_is_encrypted_before_anybody_comes_in(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben", encrypted=True)
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], encrypted_private_chats=True) as bot:
        room = await founded(bot, ana, ben)
        wire = bot.adapter._wire
        assert wire is not None
        # What comes last is missing: the encryption and the invitation.
        half: dict[str, Any] = {"preset": "private_chat", "creation_content": {PRIVATE_WITH: ben.user}}
        made = await wire.api.call("POST", path("createRoom"), half)
        await _until(lambda: bot.adapter._empty_room(ben.user) is not None)
        await ana.say(room, "!thank Ben 1h")
        private = (await ben.invited(60, by=bot.bot)).room
        assert private == made["room_id"]
        told = await ben.hears(private, says("Ana thanked you with 1 h"), within=60)
        assert ben.was_encrypted(told["event_id"])


async def test_an_invitation_that_is_not_yet_known_where_it_came_from_is_accepted_a_moment_later(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana = await homeserver.somebody("ana")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user]) as bot:
        await bot.adapter._caught_up.wait()
        wire, refused = bot.adapter._wire, asyncio.Event()
        assert wire is not None
        join = wire.join

        async def too_early(room_id: str, via: Any) -> None:
            if not refused.is_set():
                refused.set()
                raise ApiProblem(403, {"errcode": "M_FORBIDDEN"})
            await join(room_id, via)

        wire.join = too_early  # type: ignore[method-assign]
        await invited(bot, ana)
        assert refused.is_set()


async def test_what_a_second_look_finds_first_is_done_once_and_changes_the_room_too(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user]) as bot:
        room = await founded(bot, ana, ben)
        wire, held = bot.adapter._wire, asyncio.Event()
        assert wire is not None
        sync = wire.sync

        async def late(*given: Any, **more: Any) -> Any:
            answer = await sync(*given, **more)
            await held.wait()
            return answer

        wire.sync = late  # type: ignore[method-assign]
        # Until whatever was under way has been read nothing is held back: it may come by either of the two.
        held.set()
        await bot.quiet(await ana.say(room, "Words"))
        held.clear()
        await ana.set_power(room, ben.user, 100)
        await ana.named("Anabel")
        await ana.hears(room, lambda event: event["content"].get("displayname") == "Anabel")
        last = await ben.say(room, "!thank Ana 7m")
        found = await bot.adapter._look_at(wire, room, bot.app.now().replace(year=2000))
        assert last in found
        held.set()
        await bot.quiet(await ben.say(room, "Words"))
        assert await _minutes(bot) == [7]
        assert bot.adapter._rooms[room].power(ben.user) == 100
        assert bot.adapter._rooms[room].name_of(ana.user) == "Anabel"


@pytest.mark.soak
async def test_a_place_that_the_homeserver_does_not_know_is_found_again(homeserver: Homeserver, tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user]) as bot:
        room = await founded(bot, ana, ben)
        await bot.quiet(await ana.say(room, "!thank Ben 1m"))
        user = bot.bot
    await ana.say(room, "!thank Ben 2m")
    app, _ = await open_bot(homeserver, tmp_path / "bot", user)
    stored = json.loads(await app.dispatcher.position("matrix") or "")
    await app.dispatcher.advance("matrix", json.dumps({**stored, "since": "nonsense"}))
    await app.close()
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        await bot.quiet(await ana.say(room, "!thank Ben 3m"))
        assert await _minutes(bot) == [1, 2, 3]


# --- keys ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _sealed(
    server: Homeserver, folder: Path, *, version: str = "12", timing: Timing = QUICK
) -> AsyncIterator[tuple[Scene, str, EncryptedMember, EncryptedMember]]:
    folder.mkdir()
    ana = await server.somebody("ana", encrypted=True)
    ben = await server.somebody("ben", encrypted=True)
    async with scene(server, folder, invites_from=[ana.user], timing=timing) as bot:
        yield bot, await founded(bot, ana, ben, version=version, encrypted=True), ana, ben


def _device(bot: Scene) -> str:
    session = account.kept(bot.folder / "matrix")
    assert session is not None
    return session.device


@pytest.mark.soak
async def test_a_message_that_cannot_be_decrypted_is_asked_for_once_in_a_while(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    timing = replace(QUICK, keys=0.5)
    async with _sealed(homeserver, tmp_path / "bot", version="11", timing=timing) as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!language es"))
        await ben.say(room, "!agree 1")
        async with ben.without_keys_for(room, bot.bot):
            root = await ben.say(room, "Talk")
            lost = await ben.say(room, "!thank Ana 1h", thread=root)
            again = await ben.say(room, "!thank Ana 2h")
        [answer] = [event for event in await bot.heard(ben, room, after=again) if "/discardsession" in _body(event)]
        assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == root
        heard = [event for event in ben.events(room, by=bot.bot) if "/discardsession" in _body(event)]
        assert len(heard) == 1
        assert lost
        assert await _minutes(bot) == []
        # Said again, as he was asked to, it is done.
        await bot.quiet(await ben.say(room, "!thank Ana 1h"))
        assert await _minutes(bot) == [60]


async def test_a_key_that_comes_later_than_the_message_is_waited_for(homeserver: Homeserver, tmp_path: Path) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        async with ben.without_keys_for(room, bot.bot):
            assert ben.client.olm is not None
            ben.client.olm.create_outbound_group_session(room)
            session = ben.client.olm.outbound_group_sessions[room]
            key = session.session_key
            late = await ben.say(room, "!thank Ana 1h")
            # Meanwhile others are answered.
            await bot.app.dispatcher.position("matrix")
            assert await bot.adapter._dispatcher.known("matrix", [late]) == frozenset()
            await ana.say(room, "!settings")
            await ana.hears(room, says("Members: 2"), by=bot.bot)
        await _give_key(ben, bot, room, session.id, key)
        await bot.quiet(late)
        assert await _minutes(bot) == [60]
        await ben.catch_up(room)
        assert not [text for text in ben.texts(room, by=bot.bot) if TOLD_AGAIN in text]
        user = bot.bot
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        await bot.quiet(await ben.say(room, "Words"))
        assert await _minutes(bot) == [60]


async def _give_key(member: EncryptedMember, bot: Scene, room: str, session_id: str, key: str) -> None:
    """Send the key of a session to the bot's device, as a slow client does after the message."""
    olm = member.client.olm
    assert olm is not None
    device = member.client.device_store[bot.bot][_device(bot)]
    session = olm.session_store.get(device.curve25519)
    content = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "room_id": room,
        "session_id": session_id,
        "session_key": key,
    }
    sealed = olm._olm_encrypt(session, device, "m.room_key", content)
    body = {"messages": {bot.bot: {device.device_id: sealed}}}
    await member.call("PUT", f"/v3/sendToDevice/m.room.encrypted/{member._transaction()}", body)


async def test_what_came_without_encryption_into_an_encrypted_room_is_not_done(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        command = await Member.send(ben, room, "m.room.message", {"msgtype": "m.text", "body": "!thank Ana 1h"})
        [answer] = await bot.heard(ben, room, after=command)
        assert _body(answer).startswith("This room is encrypted, but what you wrote came without encryption")
        assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == command
        assert await _minutes(bot) == []
        # Whoever only talks, through a bridge for example, is left in peace.
        talk = await Member.send(ana, room, "m.room.message", {"msgtype": "m.text", "body": "Hello all"})
        assert await bot.heard(ana, room, after=talk) == []


async def test_a_device_that_its_owner_has_not_signed_is_not_believed(homeserver: Homeserver, tmp_path: Path) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, _):
        strict = await homeserver.somebody("chi", strict=True)
        await strict.sign_device()
        await ana.invite(room, strict.user)
        await strict.join(room)
        # She reads only what comes from devices that are signed, and the bot's is; and it reads her.
        welcome = await bot.answers(strict, room, "!join")
        assert welcome[0].startswith("Welcome to Riverside, Chi")
        assert strict.refused == {}
        assert await reads_only_signed(strict, bot.bot, _device(bot)) is None
        # Somebody else has her password.
        thief = await EncryptedMember.login(homeserver.url, strict.user, "correct horse")
        async with thief:
            thief.encrypted_rooms.add(room)
            await thief.sees(lambda: thief.events(room) or None)
            command = await thief.say(room, "!thank Ben 5h")
            [answer] = await bot.heard(strict, room, after=command)
            assert _body(answer).startswith("You wrote on a device that you have not verified")
            talk = await thief.say(room, "Hello all")
            assert await bot.heard(strict, room, after=talk) == []
        assert await _minutes(bot) == []
        await bot.quiet(await strict.say(room, "!thank Ben 1h"))
        assert await _minutes(bot) == [60]


@pytest.mark.soak
async def test_encryption_that_comes_later_and_members_who_come_later(homeserver: Homeserver, tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", encrypted=True)
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], encrypted_private_chats=True) as bot:
        room = await founded(bot, ana, ben)
        await bot.quiet(await ana.say(room, "!thank Ben 1m"))
        await ana.encrypt_room(room)
        await ben.sees(lambda: room in ben.encrypted_rooms or None)
        command = await ben.say(room, "!thank Ana 2m")
        [card] = await bot.heard(ben, room, after=command)
        assert _body(card).startswith("Ana helped Ben: 2 min")
        assert ben.was_encrypted(card["event_id"])
        chi = await homeserver.somebody("chi", encrypted=True, accepts="none")
        await ana.invite(room, chi.user)
        await chi.join(room)
        await chi.sees(lambda: room in chi.encrypted_rooms or None)
        [answer] = await bot.answers(chi, room, "!join")
        assert answer.startswith("Welcome to Riverside, Chi")
        # What was said to her in private before she came in, she can read when she does.
        await bot.quiet(await chi.say(room, "!balance"))
        private = (await chi.invited(by=bot.bot)).room
        await chi.join(private)
        await chi.hears(private, "You have 0 min.")
        # Somebody with the power for it sends nonsense about encryption: that room stays encrypted all the same.
        await ana.send_state(room, "m.room.encryption", {"algorithm": 5, "rotation_period_ms": "x"})
        [answer] = await bot.answers(ben, room, "!thank Ana 3m")
        assert answer.startswith("Ana helped Ben: 3 min")


async def test_after_a_restart_the_bot_reads_on_with_its_keys(homeserver: Homeserver, tmp_path: Path) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!thank Ben 1m"))
        user, device = bot.bot, _device(bot)
    before = {event["event_id"] for event in ben.unreadable(room)}  # from before he came
    # In a session that the bot has the key of, and in a new one.
    await ana.say(room, "!thank Ben 2m")
    await ana.discard_session(room)
    await ana.say(room, "!thank Ben 3m")
    async with scene(homeserver, tmp_path / "bot", user=user, password=None) as bot:
        await bot.quiet(await ben.say(room, "!thank Ana 4m"))
        assert await _minutes(bot) == [1, 2, 3, 4]
        assert _device(bot) == device
        await ben.catch_up(room)
        await ben.sees(lambda: {event["event_id"] for event in ben.unreadable(room)} == before or None)


@pytest.mark.soak
async def test_a_lost_key_store_is_replaced_by_a_new_device(
    homeserver: Homeserver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        await bot.quiet(await ana.say(room, "!thank Ben 1m"))
        user, device = bot.bot, _device(bot)
    shutil.rmtree(tmp_path / "bot" / "matrix" / "store")
    # Without the password it can do nothing, says so, and touches nothing.
    async with scene(homeserver, tmp_path / "bot", user=user, password=None) as bot:
        error = await bot.adapter.first_opened()
        assert isinstance(error, account.NeedsLogin)
        assert error.reason == "lost_store"
        await _until(lambda: "alarm" in caplog.messages)
        assert _device(bot) == device
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        await _until(lambda: bot.adapter._caught_up.is_set())
        assert _device(bot) != device
        assert await reads_only_signed(ben, user, _device(bot)) is None
        # What is said from now on is read; nothing is done twice.
        await ben.sees(lambda: _device(bot) in ben.client.device_store[user] or None)
        assert (await bot.answers(ben, room, "!thank Ana 2m"))[0].startswith("Ana helped Ben: 2 min")
        assert await _minutes(bot) == [1, 2]


@pytest.mark.soak
async def test_a_wrong_pickle_key_destroys_nothing(
    homeserver: Homeserver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        user = bot.bot
    key = tmp_path / "bot" / "matrix" / account.PICKLE_KEY_FILE
    right = key.read_text()
    key.write_text("0" * 64 + "\n")
    files = {file: file.read_bytes() for file in (tmp_path / "bot" / "matrix").rglob("*") if file.is_file()}
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        assert isinstance(await bot.adapter.first_opened(), account.WrongKey)
        await _until(lambda: "alarm" in caplog.messages)
    assert {file: file.read_bytes() for file in files} == files
    key.write_text(right)
    async with scene(homeserver, tmp_path / "bot", user=user) as bot:
        assert (await bot.answers(ben, room, "!thank Ana 2m"))[0].startswith("Ana helped Ben: 2 min")
    assert ana


# --- the account ---------------------------------------------------------------------------------------------


@pytest.mark.soak
async def test_a_revoked_session_is_begun_again_with_the_password(
    homeserver: Homeserver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, room, ana, ben):
        device = _device(bot)
        await homeserver.log_out_device(bot.bot, device)
        await _until(lambda: _device(bot) != device and bot.adapter._caught_up.is_set(), within=20)
        await ben.sees(lambda: _device(bot) in ben.client.device_store[bot.bot] or None)
        assert (await bot.answers(ben, room, "!thank Ana 2m"))[0].startswith("Ana helped Ben: 2 min")
        assert await reads_only_signed(ben, bot.bot, _device(bot)) is None
        assert "alarm" not in caplog.messages
        assert ana


@pytest.mark.soak
async def test_a_revoked_session_without_the_password_is_an_alarm(
    homeserver: Homeserver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _sealed(homeserver, tmp_path / "bot") as (bot, *_):
        user = bot.bot
    async with scene(homeserver, tmp_path / "bot", user=user, password=None) as bot:
        await _until(lambda: bot.adapter._caught_up.is_set())
        await homeserver.log_out_device(user, _device(bot))
        await _until(lambda: "alarm" in caplog.messages)
        [alarm] = [record for record in caplog.records if record.message == "alarm"]
        assert alarm.__dict__["kind"] == "token_revoked"


async def test_a_stranger_in_the_account_is_told_of_once(homeserver: Homeserver, tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    timing = replace(QUICK, devices_every=0.1, alarm_every=0.1)
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], timing=timing) as bot:
        room = await founded(bot, ana, ben)
        await bot.quiet(await ana.say(room, "!balance"))
        [private] = await bot.private_rooms(ana)
        async with await Member.login(homeserver.url, bot.bot, PASSWORD) as thief:
            await ana.hears(private, says("Somebody else has logged in to this bot's account"))
            await bot.quiet(await ana.say(room, "Words"))
            assert thief
        await asyncio.sleep(0.5)
        await ana.catch_up(private)
        told = [text for text in ana.texts(private) if "Somebody else has logged in" in text]
        assert len(told) == 1


@pytest.mark.soak
async def test_a_soft_logout_keeps_the_device(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Homeserver.started(tmp_path / "server", config={"session_lifetime": 4000}) as server:
        (tmp_path / "bot").mkdir()
        async with scene(server, tmp_path / "bot", timing=replace(QUICK, sync=0.5)) as bot:
            await _until(lambda: bot.adapter._caught_up.is_set())
            session = account.kept(tmp_path / "bot" / "matrix")
            assert session is not None

            def renewed() -> bool:
                now = account.kept(tmp_path / "bot" / "matrix")
                return now is not None and now.token != session.token

            await _until(renewed, within=20)
            await _until(lambda: bot.adapter._caught_up.is_set())
            assert _device(bot) == session.device
            assert "alarm" not in caplog.messages


# --- limits and wires ----------------------------------------------------------------------------------------


@pytest.mark.soak
async def test_a_homeserver_that_lets_little_through_gets_all_of_it_in_the_end(tmp_path: Path) -> None:
    limits = {"rc_message": {"per_second": 2, "burst_count": 5}}
    async with Homeserver.started(tmp_path / "server", config=limits) as server:
        (tmp_path / "bot").mkdir()
        ana = await server.somebody("ana")
        await server.override_ratelimit(ana.user)
        timing = Timing(pause=0.1, quiet=0.05)
        async with scene(server, tmp_path / "bot", invites_from=[ana.user], timing=timing) as bot:
            room = await invited(bot, ana)
            await bot.quiet(await ana.say(room, "!setup"))
            commands = [await ana.say(room, f"!nickname Ana{n}") for n in range(12)]
            answers = await bot.heard(ana, room, after=commands[0])
            while len(answers) < 12:
                await asyncio.sleep(0.1)
                answers = await bot.heard(ana, room, after=commands[-1])
            asked = [answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] for answer in answers]
            everything = [
                event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"]
                for event in ana.events(room, kind="m.room.message", by=bot.bot)
                if " goes by " in _body(event)
            ]
            assert everything == commands
            assert asked == commands[-len(asked) :]
            # The numbers that help are left out from now on.
            seeds = len(ana.events(room, kind="m.reaction", by=bot.bot))
            menu = await ana.say(room, "!menu")
            await bot.heard(ana, room, after=menu)
            await asyncio.sleep(0.3)
            await ana.catch_up(room)
            assert len(ana.events(room, kind="m.reaction", by=bot.bot)) == seeds


@pytest_asyncio.fixture
async def link(homeserver: Homeserver) -> AsyncIterator[Link]:
    with Link(homeserver.port) as link:
        yield link


async def test_over_a_bad_wire_nothing_is_lost_and_nothing_comes_twice(
    homeserver: Homeserver, link: Link, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    timing = Timing(pause=0.05, pause_max=0.2, watchdog=0.5, sync=0.5, room=5)
    url = f"http://127.0.0.1:{link.port}"
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user], url=url, timing=timing) as bot:
        room = await founded(bot, ana, ben)
        said = 0
        for hang in (False, True, False, True):
            for _ in range(3):
                said += 1
                await ana.say(room, f"!thank Ben {said}m")
            link.cut(hang=hang)
            said += 1
            await ana.say(room, f"!thank Ben {said}m")
            if hang:
                connections = link.connections
                # The watchdog ends what hangs, and tries again.
                await _until(lambda before=connections: link.connections > before)  # type: ignore[misc]
            link.heal()
        last = await ana.say(room, "Words")
        await bot.quiet(last)
        assert await _minutes(bot) == [*range(1, said + 1)]
        await ana.catch_up(room)
        assert sorted(_cards(ana, room, bot.bot), key=_number) == [
            f"Ben helped Ana: {number} min." for number in range(1, said + 1)
        ]
        # The choices under the first card may come late: they wait behind everything else.
        written = [event for event in ana.events(room, by=bot.bot) if event["type"] != "m.reaction"]
        assert relation(written[-1])[0] is None
        await homeserver.restart()
        await bot.quiet(await ana.say(room, f"!thank Ben {said + 1}m"))
        assert (await _minutes(bot))[-1] == said + 1


def _number(card: str) -> int:
    found = re.search(r"(\d+) min", card)
    return int(found.group(1)) if found else 0


@pytest.mark.soak
async def test_one_room_whose_past_is_not_given_out_does_not_silence_the_others(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    (tmp_path / "bot").mkdir()
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    async with scene(homeserver, tmp_path / "bot", invites_from=[ana.user]) as bot:
        room = await founded(bot, ana, ben)
        other = await invited(bot, ana)
        user = bot.bot
    await ana.say(room, "!thank Ben 1m")
    await asyncio.gather(*(ana.say(room, f"Words {number}") for number in range(105)))
    timing = Timing(pause=0.01, pause_max=0.05, look_again=1.0)
    async with scene(homeserver, tmp_path / "bot", user=user, timing=timing) as bot:
        await _until(lambda: bot.adapter._wire is not None)
        wire = bot.adapter._wire
        assert wire is not None
        messages = wire.messages

        async def broken(room_id: str, start: str | None) -> Any:
            if room_id == room:
                raise ApiProblem(500, {"errcode": "M_UNKNOWN"})
            return await messages(room_id, start)

        wire.messages = broken  # type: ignore[method-assign]
        await bot.quiet(await ana.say(other, "!menu"))
        await ana.hears(other, says("There is no committee here yet"))
        await bot.quiet(await ana.say(room, "!thank Ben 2m"))
        assert (await _minutes(bot))[-1] == 2
        # When it is given out again, what was missing is found.
        wire.messages = messages  # type: ignore[method-assign]
        async with asyncio.timeout(10):
            while await _minutes(bot) != [2, 1]:
                await asyncio.sleep(0.05)
