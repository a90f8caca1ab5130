"""The counterparts of the Matrix tests do what the tests believe: real homeservers, members and cut wires."""

from __future__ import annotations

import asyncio
import copy
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.homeserver import NotStarted
from tests.servers.link import Link
from tests.servers.matrix_members import (
    EncryptedMember,
    Json,
    Member,
    NotHeard,
    Refused,
    reads_only_signed,
    signed_by_owner,
)
from tests.servers.synapse import Federation, Homeserver

LIMITED = {"rc_message": {"per_second": 0.2, "burst_count": 3}}


def _joined(user: str) -> Any:
    return lambda event: (
        event["type"] == "m.room.member"
        and event.get("state_key") == user
        and event["content"].get("membership") == "join"
    )


def _is(event_id: str) -> Any:
    return lambda event: event["event_id"] == event_id


async def _room(owner: Member, *others: Member, **options: Any) -> str:
    """A room in which everybody has arrived, and everybody's client knows it."""
    room = await owner.create_room("Riverside", invite=[other.user for other in others], **options)
    for other in others:
        await other.invited(by=owner.user)
        await other.join(room)
    for one in (owner, *others):
        for other in others:
            await one.hears(room, _joined(other.user))
    return room


async def _chatter(member: Member, room: str) -> None:
    for number in range(20):
        await member.say(room, str(number))


@pytest.mark.parametrize("version", ["11", "12"])
async def test_members_talk_in_rooms_of_this_version(homeserver: Homeserver, version: str) -> None:
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    room = await _room(ana, ben, version=version)
    assert (":" in room) == (version == "11")
    assert (await ben.state(room, "m.room.create"))["room_version"] == version
    said = await ana.say(room, "Hello")
    answer = await ben.say(room, "Hi", reply_to=said)
    assert (await ana.hears(room, "Hi", by=ben.user, after=said))["event_id"] == answer
    heart = await ben.react(room, said, "❤️")
    await ana.edit(room, said, "Hello all", html="Hello <b>all</b>")
    await ben.hears(room, "* Hello all")
    shown = ben.shown(said)
    assert (shown.text, shown.html, shown.edits) == ("Hello all", "Hello <b>all</b>", 1)
    assert shown.reactions == {"❤️": [ben.user]}
    await ben.redact(room, heart)
    await ana.redact(room, answer)
    await ben.sees(lambda: ben.shown(answer).redacted or None)
    assert ben.shown(said).reactions == {}
    assert ben.texts(room, by=ana.user) == ["Hello"]
    await ana.set_power(room, ben.user, 50)
    assert (await ben.state(room, "m.room.power_levels"))["users"][ben.user] == 50
    await ana.kick(room, ben.user)
    await ben.sees(lambda: room in ben.left or None)
    assert await ana.joined(room) == {ana.user}
    with pytest.raises(Refused) as refused:
        await ben.say(room, "Let me in")
    assert refused.value.code == "M_FORBIDDEN"


async def test_a_room_can_be_replaced_by_one_of_the_next_version(homeserver: Homeserver) -> None:
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben", accepts="all")
    old = await _room(ana, ben, version="11")
    new = await ana.upgrade_room(old, "12")
    gone = await ben.hears(old, lambda event: event["type"] == "m.room.tombstone")
    assert gone["content"]["replacement_room"] == new
    assert (await ana.state(new, "m.room.create"))["predecessor"]["room_id"] == old


async def test_messages_are_as_element_writes_them(homeserver: Homeserver) -> None:
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    room = await _room(ana, ben)
    root = await ana.say(room, "/thank Ben 1h <3", pills={"Ben": ben.user})
    inside = await ana.say(room, "in the thread", thread=root)
    await ana.say(room, "to you", reply_to=inside, thread=root, mentions=[ben.user], msgtype="m.notice")
    heard = {event["content"]["body"]: event["content"] for event in [await ben.hears(room, "to you")]} | {
        event["content"]["body"]: event["content"] for event in ben.events(room, kind="m.room.message")
    }
    pill = f'<a href="https://matrix.to/#/{ben.user}">Ben</a>'
    assert heard["/thank Ben 1h <3"]["formatted_body"] == f"/thank {pill} 1h &lt;3"
    assert heard["/thank Ben 1h <3"]["m.mentions"] == {"user_ids": [ben.user]}
    assert heard["in the thread"]["m.relates_to"]["is_falling_back"] is True
    assert heard["to you"]["m.relates_to"]["m.in_reply_to"] == {"event_id": inside}
    assert heard["to you"]["msgtype"] == "m.notice"


async def test_invites_to_private_chats_are_taken_and_others_wait(homeserver: Homeserver) -> None:
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    group = await ana.create_room("Riverside", invite=[ben.user])
    assert (await ben.invited()).name == "Riverside"
    private = await ana.create_room(invite=[ben.user], direct=True)
    invite = await ben.invited()
    assert (invite.room, invite.by, invite.direct) == (private, ana.user, True)
    await ana.hears(private, _joined(ben.user))
    assert group not in await ben.joined_rooms()
    with pytest.raises(NotHeard):
        await ben.invited(within=0.05)


@pytest.mark.soak
async def test_nothing_is_missed_in_a_burst(homeserver: Homeserver) -> None:
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    room = await _room(ana, ben)
    await ben.close()
    for start in range(0, 132, 12):
        await asyncio.gather(*(ana.say(room, str(number)) for number in range(start, start + 12)))
    last = await ana.say(room, "last")
    await ben.start()
    await ben.hears(room, "last")
    await ana.hears(room, "last")
    assert sorted(ben.texts(room)) == sorted([*map(str, range(132)), "last"])
    assert ben.texts(room) == ana.texts(room)
    assert await ben.catch_up(room) == 0
    assert ben.events(room)[-1]["event_id"] == last


async def test_an_event_that_sync_left_out_is_found_in_the_history(homeserver: Homeserver) -> None:
    ana, ben = await homeserver.somebody("ana"), await homeserver.somebody("ben")
    room = await _room(ana, ben)
    for words in ("one", "two", "three"):
        await ana.say(room, words)
    await ben.hears(room, "three")
    two = ben._rooms[room].pop(-2)
    ben._ids[room].discard(two["event_id"])
    assert (await ben.hears(room, "two", within=0.1))["event_id"] == two["event_id"]
    assert ben.texts(room) == ["one", "two", "three"]


async def test_encrypted_talk_is_read_by_those_inside_only(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", encrypted=True)
    eve = await homeserver.somebody("eve")
    room = await _room(ana, ben, eve, encrypted=True)
    said = await ana.say(room, "psst", html="<i>psst</i>")
    assert (await ben.hears(room, "psst"))["content"]["formatted_body"] == "<i>psst</i>"
    assert ben.was_encrypted(said)
    wire = await eve.hears(room, _is(said))
    assert wire["type"] == "m.room.encrypted"
    assert "psst" not in str(wire)
    answer = await ben.say(room, "yes?", reply_to=said)
    assert (await ana.hears(room, "yes?"))["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": said}}
    await ben.edit(room, answer, "yes!")
    await ana.hears(room, "* yes!")
    assert ana.shown(answer).text == "yes!"
    assert eve.shown(answer).text == ""


async def test_a_room_can_be_encrypted_later(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", encrypted=True)
    room = await _room(ana, ben)
    before = await ana.say(room, "open")
    await ana.encrypt_room(room)
    after = await ana.say(room, "closed")
    await ben.hears(room, "closed")
    assert [ben.was_encrypted(event) for event in (before, after)] == [False, True]


async def test_somebody_without_the_key_sees_that_there_is_something(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", encrypted=True)
    chi = await homeserver.somebody("chi", encrypted=True)
    room = await _room(ana, ben, chi, encrypted=True)
    async with ana.without_keys_for(room, ben.user):
        said = await ana.say(room, "not for Ben")
    await chi.hears(room, "not for Ben")
    assert (await ben.hears(room, _is(said)))["type"] == "m.room.encrypted"
    assert [event["event_id"] for event in ben.unreadable(room)] == [said]
    again = await ana.say(room, "for all")
    await ben.hears(room, "for all")
    await ana.discard_session(room)
    anew = await ana.say(room, "for all again")
    await ben.hears(room, "for all again")
    sessions = []
    for event in (said, again, anew):
        wire = await chi.call("GET", chi._path(room, "event", event))
        sessions.append(wire["content"]["session_id"])
    assert len(set(sessions)) == 3


async def test_a_strict_member_has_nothing_to_do_with_unsigned_devices(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", strict=True)
    room = await _room(ana, ben, encrypted=True)
    assert await reads_only_signed(ben, ana.user, ana.device) == "no master key"
    said = await ana.say(room, "I am Ana")
    assert (await ben.hears(room, _is(said)))["type"] == "m.room.encrypted"
    assert said in ben.refused
    answer = await ben.say(room, "Who is there?")
    assert (await ana.hears(room, _is(answer)))["type"] == "m.room.encrypted"

    await ana.sign_device()
    assert await reads_only_signed(ben, ana.user, ana.device) is None
    await ana.say(room, "It is me")
    await ben.hears(room, "It is me")
    # What was refused becomes readable when the device is signed, as in Element.
    await ben.hears(room, "I am Ana")
    assert ben.refused == {}
    await ben.say(room, "Welcome")
    await ana.hears(room, "Welcome")


async def test_a_second_device_must_be_signed_too(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", strict=True)
    await ana.sign_device()
    room = await _room(ana, ben, encrypted=True)
    async with await EncryptedMember.login(homeserver.url, ana.user, ana.account.password) as injected:
        said = await injected.say(room, "I am Ana, really")
        assert (await ben.hears(room, _is(said)))["type"] == "m.room.encrypted"
        reason = await reads_only_signed(ben, ana.user, injected.device)
        assert reason == "the device is not signed by the self-signing key"


async def test_a_forged_signature_is_found(homeserver: Homeserver) -> None:
    ana, eve = await homeserver.somebody("ana", encrypted=True), await homeserver.somebody("eve", encrypted=True)
    for one in (ana, eve):
        await one.sign_device()
    query: Json = {"device_keys": {ana.user: [], eve.user: []}}
    answer = await ana.call("POST", "/v3/keys/query", query)
    assert signed_by_owner(answer, ana.user, ana.device) is None

    other_key = copy.deepcopy(answer)
    other_key["device_keys"][ana.user][ana.device]["keys"][f"curve25519:{ana.device}"] = eve.keys[0]
    assert signed_by_owner(other_key, ana.user, ana.device) == "the device's keys are not signed by the device"

    other_signer = copy.deepcopy(answer)
    other_signer["self_signing_keys"][ana.user]["keys"] = other_signer["self_signing_keys"][eve.user]["keys"]
    assert signed_by_owner(other_signer, ana.user, ana.device) == "the self-signing key is not signed by the master key"

    other_master = copy.deepcopy(answer)
    other_master["master_keys"][ana.user]["keys"] = other_master["master_keys"][eve.user]["keys"]
    assert signed_by_owner(other_master, ana.user, ana.device) == "the self-signing key is not signed by the master key"


async def test_a_member_who_talks_too_fast_is_told_how_long_to_wait(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana")
    room = await ana.create_room("Riverside")
    await homeserver.override_ratelimit(ana.user, per_second=1, burst=1)
    with pytest.raises(Refused) as refused:
        await _chatter(ana, room)
    assert (refused.value.status, refused.value.code) == (429, "M_LIMIT_EXCEEDED")
    assert 0 < (refused.value.retry_after_ms or 0) <= 20_000


async def test_a_token_that_is_no_more_is_refused(homeserver: Homeserver) -> None:
    ana = await homeserver.somebody("ana")
    await homeserver.log_out_device(ana.user, ana.device)
    with pytest.raises(Refused) as refused:
        await ana.create_room("Riverside")
    assert (refused.value.status, refused.value.code) == (401, "M_UNKNOWN_TOKEN")
    async with await Member.login(homeserver.url, ana.user, ana.account.password, device=ana.device) as again:
        assert again.account.token != ana.account.token
        await again.create_room("Riverside")


@pytest.mark.soak
async def test_a_server_of_ones_own_keeps_everything_over_restarts(tmp_path: Path) -> None:
    async with Homeserver.started(tmp_path, config=LIMITED) as server:
        ana, ben = await server.somebody("ana", encrypted=True), await server.somebody("ben", encrypted=True)
        await server.override_ratelimit(ana.user)
        room = await _room(ana, ben, encrypted=True)
        url, pid = server.url, server.pid
        await ana.say(room, "before")
        await ben.hears(room, "before")
        await server.restart()
        assert (server.url, server.pid == pid) == (url, False)
        await ana.say(room, "between")
        await server.kill()
        assert not server.running
        await server.start()
        for number in range(6):
            await ana.say(room, f"after {number}")
        await ben.hears(room, "after 5")
        assert ben.texts(room) == ["before", "between", *(f"after {number}" for number in range(6))]
        with pytest.raises(Refused) as refused:
            await _chatter(ben, room)
        assert refused.value.status == 429
        assert (refused.value.retry_after_ms or 0) > 0
        data = server.data
    assert not data.exists()
    assert not server.running


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    server = Homeserver(tmp_path, config={"max_event_delay_duration": "never"})
    with pytest.raises(NotStarted, match="max_event_delay_duration"):
        server.open()
    server.close()
    assert not server.data.exists()


async def test_servers_talk_to_each_other(federation: Federation) -> None:
    here, there = federation[0], federation[1]
    assert here.user("ana").count(":") == 2
    ana, ben = await here.somebody("ana", encrypted=True), await there.somebody("ben", strict=True)
    await ana.sign_device()
    for options in ({"version": "11"}, {"version": "12", "encrypted": True}):
        room = await _room(ana, ben, **options)
        said = await ana.say(room, "Hello over there")
        await ben.hears(room, "Hello over there")
        assert ben.was_encrypted(said) == ("encrypted" in options)
    await ben.sign_device()
    await ben.say(room, "Hello over here")
    await ana.hears(room, "Hello over here")
    assert await reads_only_signed(ben, ana.user, ana.device) is None


@pytest.mark.parametrize("hang", [False, True])
async def test_what_is_said_while_the_wire_is_cut_comes_later(federation: Federation, hang: bool) -> None:
    here, there = federation[0], federation[1]
    ana, ben = await here.somebody("ana"), await there.somebody("ben")
    room = await _room(ana, ben)
    federation.cut(hang=hang)
    for number in range(3):
        await ana.say(room, f"lost? {number}")
    with pytest.raises(NotHeard):
        await ben.hears(room, "lost? 0", within=0.5)
    await federation.heal()
    for number in range(3):
        await ben.hears(room, f"lost? {number}", within=20)


def test_no_server_is_left_when_its_starter_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from tests.servers.synapse import Homeserver\n"
        "server = Homeserver.opened(pathlib.Path(sys.argv[1]))\n"
        "print(server.pid, server.data, flush=True)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert starter.stdout is not None
        pid, data = starter.stdout.readline().split()
        assert _lives(int(pid))
        assert Path(data).exists()
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.communicate()
    end = time.monotonic() + 10
    while _lives(int(pid)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _lives(int(pid))
    assert not Path(data).exists()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_link_carries_until_it_is_cut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Link(server.getsockname()[1]) as link:

        def call() -> tuple[socket.socket, socket.socket]:
            near = socket.create_connection(("127.0.0.1", link.port), timeout=5)
            far, _ = server.accept()
            far.settimeout(5)
            return near, far

        near, far = call()
        near.sendall(b"ping")
        assert far.recv(4) == b"ping"
        far.sendall(b"pong")
        far.close()
        assert near.recv(4) == b"pong", "what was sent before the end still arrives"
        near.close()

        near, far = call()
        link.cut()
        for end in (near, far):
            with pytest.raises(ConnectionResetError):
                end.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", link.port), timeout=5)

        link.cut(hang=True)
        with socket.create_connection(("127.0.0.1", link.port), timeout=0.2) as hanging:
            hanging.sendall(b"ping")
            with pytest.raises(TimeoutError):
                hanging.recv(1)
            hanging.settimeout(5)
            link.heal()
            with pytest.raises(ConnectionResetError):
                hanging.recv(1)

        near, far = call()
        near.sendall(b"ping")
        assert far.recv(4) == b"ping"
        assert link.whole
