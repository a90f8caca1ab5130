"""Committees linked over real homeservers: the rooms, what passes through them, and what must not.

Figures are printed: `pytest -s`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot import linking
from bot.adapters.matrix_federations import PROFILE, SEALED
from bot.domain import envelope as rules
from bot.router import Context
from storage import peers
from storage.peers import Federation as Known
from tests.servers.linked_scene import Linked, Side, committees, link, with_probes
from tests.servers.matrix_members import Account, Json, Member, Refused
from tests.servers.synapse import Federation, Homeserver

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
        await _who_is_put_out_reads_nothing_new(linked)


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


async def _who_is_put_out_reads_nothing_new(linked: Linked) -> None:
    riverside, hillside = linked.sides
    [wire] = linked.rooms(riverside, "wire")
    heard = await hillside.heard()

    async def expels(context: Context, there: Known) -> None:
        found = await peers.peers(context.tx, there.id)
        expelled = next(one for one in found if one.account == hillside.scene.bot)
        await peers.set_peer_state(context.tx, expelled.id, "expelled")
        await linking.doors(context, there, put_out=[hillside.scene.bot])

    await riverside.does(expels)
    async with hillside.as_bot() as theirs:
        await _until(lambda: _is_out(theirs, wire))
        await riverside.says({"n": 4})
        await riverside.scene.app.delivery.settle()
        sealed = json.loads(await riverside.newest_of(riverside))["sealed"][:200]
        assert _files_with(riverside.server, sealed) > 0
        # Not even their homeserver is told.
        assert _files_with(hillside.server, sealed) == 0
        for attempt in (
            theirs.send(wire, SEALED, {"envelope": "let me in"}),
            theirs.join(wire, via=[riverside.server.name]),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.status == 403
    assert await hillside.heard() == heard
    _tell("put out: nothing new at their homeserver, and none of their words is taken")


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


async def _is_out(client: Member, room: str) -> bool:
    return room not in await client.joined_rooms()


async def _said_in_group(side: Side) -> list[Json]:
    await side.people[0].catch_up(side.room)
    return [event for event in side.people[0].events(side.room) if event["sender"] == side.scene.bot]


async def _until(look: Callable[[], Awaitable[object]], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not await look():
            await asyncio.sleep(0.1)
