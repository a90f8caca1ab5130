"""Committees linked over real homeservers: the rooms, what passes through them, and what must not.

Figures are printed: `pytest -s`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot import linking
from bot.adapters.matrix import Timing
from bot.adapters.matrix_federations import PROFILE, SEALED, Patience
from bot.adapters.matrix_rooms import GUEST, link_of
from bot.domain import envelope as rules
from bot.router import Context
from storage import peers
from storage.peers import Federation as Known
from tests.servers.link import Link
from tests.servers.linked_scene import Linked, Side, committee, committees, link, with_probes
from tests.servers.matrix_members import Account, Json, Member, Refused
from tests.servers.matrix_scene import scene
from tests.servers.synapse import Federation, Homeserver, homeservers

PARTS = ("wire", "roster", "council", "space")
MARKER = "MEETING-POINT-AT-THE-BRIDGE"


async def test_committees_on_two_servers_are_linked_over_rooms_that_nobody_else_can_use(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_probes(monkeypatch)
    async with committees(federation.servers, tmp_path, ["Riverside", "Hillside"]) as sides:
        begun = time.monotonic()
        linked = await link(sides)
        _tell(f"two bots are in all rooms {time.monotonic() - begun:.1f} s after their committees were linked")
        riverside, hillside = linked.sides
        await _rooms_are_as_they_should_be(linked)
        await _they_hear_each_other(riverside, hillside)
        _a_server_keeps_no_words(federation)
        await _a_forged_envelope_reaches_nobody(linked)
        await _their_members_talk_in_the_council(linked)
        await _who_is_put_out_reads_nothing_new(linked)
        await _whoever_leaves_their_committee_leaves_the_council(linked)


async def _rooms_are_as_they_should_be(linked: Linked) -> None:
    riverside, hillside = linked.sides
    async with riverside.as_bot() as ours, hillside.as_bot() as theirs:
        rooms = {part: linked.rooms(riverside, part)[0] for part in PARTS}
        for part, room in rooms.items():
            assert linked.rooms(hillside, part) == [room]
            state = await _state(ours, room)
            assert state["m.room.create", ""]["room_version"] == "12"
            assert state["m.room.join_rules", ""]["join_rule"] == "invite"
            assert state["m.room.history_visibility", ""]["history_visibility"] == "joined"
            assert state["m.room.guest_access", ""]["guest_access"] == "forbidden"
            assert (("m.room.encryption", "") in state) == (part == "council")
            assert {key for kind, key in state if kind == "m.room.member"} == {ours.user, theirs.user}
            # People who look with an app see what each room is for.
            assert "Northside" in state["m.room.name", ""]["name"]
        assert {key for kind, key in await _state(ours, rooms["space"]) if kind == "m.space.child"} == {
            rooms["wire"], rooms["roster"], rooms["council"],
        }  # fmt: skip
        with pytest.raises(Refused) as refused:
            await theirs.send(rooms["wire"], "m.room.message", {"msgtype": "m.text", "body": "Hello"})
        assert refused.value.status == 403
        await _until(lambda: _has(ours, rooms["roster"], theirs.user))
        # Nobody can write another one's profile, not even whoever made the room.
        with pytest.raises(Refused) as refused:
            await ours.send_state(rooms["roster"], PROFILE, {"versions": []}, theirs.user)
        assert refused.value.status == 403


async def _they_hear_each_other(riverside: Side, hillside: Side) -> None:
    begun = time.monotonic()
    await riverside.says({"n": 1, "words": MARKER})
    await hillside.hears(1)
    _tell(f"an envelope took {(time.monotonic() - begun) * 1000:.0f} ms from one committee's books to the other's")
    await hillside.says({"n": 2})
    await riverside.hears(1)
    assert (await riverside.heard(), await hillside.heard()) == ([{"n": 2}], [{"n": 1, "words": MARKER}])


def _a_server_keeps_no_words(federation: Federation) -> None:
    for server in federation.servers:
        kept, words = _files_with(server, SEALED), _files_with(server, MARKER)
        _tell(f"on a homeserver's disk: {kept} files with envelopes, {words} with the words of one")
        assert (kept > 0, words) == (True, 0)
        assert MARKER not in server.log.read_text(errors="replace")


async def _a_forged_envelope_reaches_nobody(linked: Linked) -> None:
    """The administrator of Hillside's homeserver logs in as its bot, and posts as it."""
    riverside, hillside = linked.sides
    [wire] = linked.rooms(hillside, "wire")
    heard, group = await riverside.heard(), await _said_in_group(riverside)
    login = await hillside.server.administer("POST", f"/v1/users/{quote(hillside.scene.bot)}/login", {})
    newest = await riverside.newest_of(hillside)
    forged = {
        **json.loads(newest),
        "number": json.loads(newest)["number"] + 1,
        "previous": rules.load(newest).hash,
        "signature": base64.b64encode(b"\x07" * 64).decode(),
    }
    forger = Member(hillside.server.url, Account(hillside.scene.bot, "", login["access_token"]))
    try:
        for content in (
            {"envelope": rules.canonical(forged).decode()},
            {"envelope": "ALERT: police at the market, everybody come"},
            {"envelope": {"kind": "alert"}},
            {"msgtype": "m.text", "body": "ALERT"},
        ):
            last = await forger.send(wire, SEALED, content)
    finally:
        await forger.close()
    await _until(lambda: riverside.scene.app.dispatcher.known("matrix", [last]))
    await riverside.scene.app.delivery.settle()
    faults = await riverside.read(lambda tx: tx.all("SELECT fault, many FROM quarantined ORDER BY fault"))
    said = len(await _said_in_group(riverside)) - len(group)
    _tell(f"posted as Hillside's bot by the server's administrator: {[*map(tuple, faults)]}, in the group: {said}")
    assert sum(many for _, many in faults) == 2
    assert (await riverside.heard(), said) == (heard, 0)
    # What Hillside says itself afterwards is heard as before.
    await hillside.says({"n": 3})
    await riverside.hears(len(heard) + 1)


async def _their_members_talk_in_the_council(linked: Linked) -> None:
    riverside, hillside = linked.sides
    [council] = linked.rooms(riverside, "council")
    ana, dora = (side.people[0] for side in linked.sides)
    for side, one in ((riverside, ana), (hillside, dora)):
        one.accepts = "all"
        await side.scene.quiet(await one.say(side.room, "!council"))
    for one in (ana, dora):
        await _until(lambda one=one: _is_in(one, council))  # type: ignore[misc]
    await ana.hears(council, lambda event: event.get("state_key") == dora.user, within=30, by=dora.user)
    await ana.say(council, "Who has a van?")
    heard = await dora.hears(council, lambda event: _body(event) == "Who has a van?", within=30, by=ana.user)
    assert dora.was_encrypted(heard["event_id"])
    await dora.say(council, "!sos")
    await ana.hears(council, lambda event: _body(event) == "!sos", within=30, by=dora.user)
    async with riverside.as_bot() as ours:
        state = await _state(ours, council)
        assert {key: state[GUEST, key] for kind, key in state if kind == GUEST} == {
            one.user[1:]: {"called": True} for one in (ana, dora)
        }
    # Nothing is carried out there, and the bots say nothing.
    for side in linked.sides:
        await side.scene.app.delivery.settle()
        assert ana.texts(council, by=side.scene.bot) == []


async def _whoever_leaves_their_committee_leaves_the_council(linked: Linked) -> None:
    riverside = linked[0]
    rooms = [linked.rooms(riverside, part)[0] for part in ("council", "space")]
    ana = riverside.people[0]
    assert {*rooms} <= await ana.joined_rooms()
    await riverside.scene.quiet(await ana.say(riverside.room, "!leave"))
    for room in rooms:
        await _until(lambda room=room: _is_out(ana, room))  # type: ignore[misc]
    async with riverside.as_bot() as ours:
        state = await _state(ours, rooms[0])
        assert {content.get("called") for (kind, _), content in state.items() if kind == GUEST} == {None}


async def _who_is_put_out_reads_nothing_new(linked: Linked) -> None:
    riverside, hillside = linked.sides
    dora, council = hillside.people[0], linked.rooms(riverside, "council")[0]
    [wire] = linked.rooms(riverside, "wire")
    heard = await hillside.heard()
    await riverside.does(lambda context, there: _expels(context, there, hillside.scene.bot))
    async with hillside.as_bot() as theirs:
        await _until(lambda: _is_out(theirs, wire))
        # Their people do not read on where the members of the others talk.
        await _until(lambda: _is_out(dora, council))
        await riverside.says({"n": 4})
        await riverside.scene.app.delivery.settle()
        sealed = json.loads(await riverside.newest_of(riverside))["sealed"][:200]
        assert _files_with(riverside.server, sealed) > 0
        # Not even their homeserver is told.
        assert _files_with(hillside.server, sealed) == 0
        for attempt in (
            theirs.send(wire, SEALED, {"envelope": "let me in"}),
            theirs.join(wire, via=[riverside.server.name]),
            dora.join(council, via=[riverside.server.name]),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.status == 403
    assert await hillside.heard() == heard
    _tell("put out: nothing new at their homeserver, and none of their words is taken")


@pytest.mark.soak
async def test_whom_nobody_has_called_is_shown_out_of_the_council_and_a_bot_that_stays_is_told(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    timing = Timing(pause=0.1, linked=Patience(probe=0.5, look=0.5, look_soon=0.5, stranger=1.0))
    there = [homeserver, homeserver]
    async with committees(there, tmp_path, ["Riverside", "Hillside"], encrypted=False, timing=timing) as sides:
        linked = await link(sides)
        riverside, hillside = linked.sides
        [council] = linked.rooms(hillside, "council")
        zed, (dora, *_) = await homeserver.somebody("zed", accepts="all"), hillside.people
        dora.accepts = "all"
        await hillside.scene.quiet(await dora.say(hillside.room, "!council"))
        await _until(lambda: _is_in(dora, council))
        async with riverside.as_bot() as ours:
            await ours.invite(council, zed.user)
            await zed.join(council)
            await _until(lambda: _is_out(zed, council))
        assert council in await dora.joined_rooms()
        # Riverside's bot has made the rooms: nobody can put it out of them.
        await hillside.does(lambda context, there: _expels(context, there, riverside.scene.bot))
        await _until(lambda: _was_told(dora, "still in the council"))


async def _was_told(who: Member, words: str) -> bool:
    return any(words in said for room in await who.joined_rooms() for said in who.texts(room))


async def _expels(context: Context, there: Known, account: str) -> None:
    """What is done once the committees have decided it."""
    found = await peers.peers(context.tx, there.id)
    await peers.set_peer_state(context.tx, next(one.id for one in found if one.account == account), "expelled")
    await linking.doors(context, there, put_out=[account])


@pytest.mark.soak
async def test_rooms_are_made_once_though_no_answer_comes_and_the_bot_ends_meanwhile(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    ana = await homeserver.somebody("ana")
    account = await homeserver.register(f"bot-{secrets.token_hex(4)}")
    with Link(homeserver.port) as way:
        way.loses.add(b"/createRoom")
        options: dict[str, Any] = {"user": account.user, "url": f"http://127.0.0.1:{way.port}"}
        async with scene(homeserver, tmp_path, invites_from=[ana.user], **options) as bot:
            side = await committee(bot, "Riverside", [ana], encrypted=False)
            linked = await link([side], wait=False)
            await _until(lambda: _rooms_made(homeserver, account.user))
        made = await _rooms_made(homeserver, account.user)
        assert len(made) < len(PARTS), "else nothing was left to do"
        async with scene(homeserver, tmp_path, **options) as bot:
            linked[0].scene = bot
            await linked.all_in()
            await bot.app.delivery.settle()
        _tell(f"rooms asked for without an answer: {way.lost.total()}; there are: {PARTS}, each once")
        assert sorted(await _rooms_made(homeserver, account.user)) == sorted(PARTS)


async def _rooms_made(server: Homeserver, user: str) -> list[str]:
    """The rooms of linked committees in which an account is, as its homeserver's administrator sees them."""
    rooms = (await server.administer("GET", f"/v1/users/{quote(user)}/joined_rooms"))["joined_rooms"]
    found = []
    for room in rooms:
        state = (await server.administer("GET", f"/v1/rooms/{quote(room, safe='')}/state"))["state"]
        created = next(event["content"] for event in state if event["type"] == "m.room.create")
        if (said := link_of(created)) is not None:
            found.append(said[1])
    return found


@pytest.mark.soak
async def test_of_200_envelopes_from_ten_senders_at_once_each_has_its_effect_once(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_probes(monkeypatch)
    async with committees(federation.servers, tmp_path, ["Riverside", "Hillside"]) as sides:
        linked = await link(sides)
        riverside, hillside = linked.sides
        [wire] = linked.rooms(riverside, "wire")
        senders = [await riverside.server.somebody(f"sender{n}") for n in range(10)]
        async with riverside.as_bot() as ours:
            for one in senders:
                await ours.invite(wire, one.user)
                await one.join(wire)
        # Written without being sent: ten others carry them, as ten bots would speak.
        for n in range(200):

            async def write(context: Context, there: Known, n: int = n) -> object:
                return await linking.post(context, replace(there, place_id=None), "probe", {"n": n})

            await riverside.does(write)
        rows = await riverside.read(
            lambda tx: tx.all(
                "SELECT text FROM envelopes WHERE author = (SELECT author FROM peer_selves) ORDER BY number"
            )
        )
        texts = [row[0] for row in rows][-200:]
        begun = time.monotonic()

        async def carry(sender: Member, mine: list[str]) -> None:
            for text in mine:
                await sender.send(wire, SEALED, {"envelope": text})

        await asyncio.gather(*(carry(one, texts[n::10]) for n, one in enumerate(senders)))
        sent = time.monotonic()
        await hillside.hears(200)
        _tell(
            f"200 envelopes from 10 senders at once: sent within {sent - begun:.1f} s, all heard "
            f"{time.monotonic() - sent:.1f} s later"
        )
        await asyncio.sleep(5)
        assert await hillside.heard() == [{"n": n} for n in range(200)]


@pytest.mark.soak
async def test_60_envelopes_said_while_the_link_was_cut_and_the_server_killed_arrive_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_probes(monkeypatch)
    # With Synapse's own patience: it waits ten minutes before it tries a server again that was away.
    async with (
        homeservers(tmp_path / "servers", 2, config={"federation": {}}) as federation,
        committees(federation.servers, tmp_path, ["Riverside", "Hillside"]) as sides,
    ):
        riverside, hillside = (await link(sides)).sides
        await riverside.says({"n": -1})
        await hillside.hears(1)
        for way in federation.links:
            way.cut()
        for n in range(60):
            await riverside.says({"n": n})
        await hillside.says({"n": "nobody hears that"})
        await riverside.scene.app.delivery.settle()
        await asyncio.sleep(40)
        assert len(await hillside.heard()) == 1
        await riverside.server.kill()
        await riverside.server.start()
        await asyncio.sleep(10)
        assert len(await hillside.heard()) == 1
        for way in federation.links:
            way.heal()
        healed = time.monotonic()
        await hillside.hears(61)
        seconds = time.monotonic() - healed
        await riverside.hears(1)
        _tell(f"60 envelopes from behind a cut link and a killed server: all heard {seconds:.1f} s after healing")
        await asyncio.sleep(10)
        assert await hillside.heard() == [{"n": n} for n in range(-1, 60)]
        assert seconds < 60


@pytest.mark.soak
async def test_what_is_said_at_the_door_outlives_that_the_other_server_is_away_and_both_begin_anew(
    tmp_path: Path,
) -> None:
    async with (
        homeservers(tmp_path / "servers", 2, config={"federation": {}}) as federation,
        committees(federation.servers, tmp_path, ["Riverside", "Hillside"]) as sides,
    ):
        riverside, hillside = (await link(sides)).sides
        knocks = "SELECT count(*) FROM inbox WHERE event LIKE 'door:%'"
        await hillside.server.kill()
        await riverside.does(lambda context, _: linking.knock(context, "matrix", hillside.scene.bot, '{"to":"nobody"}'))
        await asyncio.sleep(30)
        await riverside.server.kill()
        await riverside.server.start()
        await hillside.server.start()
        begun = time.monotonic()

        async def came() -> bool:
            return await hillside.count(knocks) == 1

        await _until(came, within=120)
        _tell(f"at the door {time.monotonic() - begun:.1f} s after the other server came back")

        async def answered() -> bool:
            waiting = """SELECT count(*) FROM outbox o JOIN chats c ON c.id = o.chat_id
                         WHERE o.state = 'waiting' AND c.address LIKE 'matrix:door:%'"""
            return await riverside.count(waiting) == 0

        await _until(answered, within=120)
        assert await hillside.count(knocks) == 1


# --- what they need ----------------------------------------------------------------------------------------------


def _tell(words: str) -> None:
    print(f"\n[federation] {words}")


def _files_with(server: Homeserver, words: str) -> int:
    """In how many files of a homeserver some words stand: its database, what is written ahead of it, its log."""
    places = [str(server.data), str(server.log)]
    found = subprocess.run(["grep", "-rlaF", "-e", words, *places], capture_output=True, check=False)
    return len(found.stdout.splitlines())


async def _state(client: Member, room: str) -> dict[tuple[str, str], Json]:
    events: Any = await client.call("GET", f"/v3/rooms/{quote(room, safe='')}/state")
    return {(event["type"], event["state_key"]): event["content"] for event in events}


async def _has(client: Member, room: str, user: str) -> bool:
    return (PROFILE, user) in await _state(client, room)


async def _is_in(client: Member, room: str) -> bool:
    return room in await client.joined_rooms()


def _body(event: Json) -> object:
    return event["content"].get("body")


async def _is_out(client: Member, room: str) -> bool:
    return room not in await client.joined_rooms()


async def _said_in_group(side: Side) -> list[Json]:
    await side.people[0].catch_up(side.room)
    return [event for event in side.people[0].events(side.room) if event["sender"] == side.scene.bot]


async def _until(look: Callable[[], Awaitable[object]], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not await look():
            await asyncio.sleep(0.1)
