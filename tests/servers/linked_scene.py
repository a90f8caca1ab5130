"""Committees of several bots on real homeservers, linked, with what must be looked at to see what came through.

Linking itself is not shown here: what people do for it is written down as if they had done it (as in
`tests/linked.py`), and the rooms are made and entered as always. Each bot also has a small area of its own that keeps
what linked committees say under the kind `probe`, so that it can be counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import bot.app
from bot import linking
from bot.adapters.matrix_rooms import Room
from bot.adapters.matrix_words import NETWORK
from bot.chat import Lane
from bot.linking import FromPeer
from bot.router import Authority, Context, Router
from bot.text import T
from storage import peers, people
from storage.database import Reader, Transaction
from storage.peers import Federation
from storage.people import Committee
from tests.servers.matrix_members import Account, Member
from tests.servers.matrix_scene import Scene, says, scene
from tests.servers.synapse import Homeserver

UID = "f0" * 16
NAME = "Northside"
WITHIN_SECONDS = 60.0

probing = Router("probing", under="federation")


@probing.command("peer_probe", allow=Authority.PEER, typed=False, help=T("For tests."))
async def peer_probe(context: Context, *, said: FromPeer) -> None:
    """Keep what was said: once more is twice."""
    await context.tx.execute(
        "INSERT INTO probes (committee_id, author, body) VALUES (?, ?, ?)",
        context.committee.id,
        said.peer.author,
        json.dumps(said.body),
    )


def with_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bots that are started from now on have the area of the tests."""
    monkeypatch.setattr(bot.app, "AREAS", (*bot.app.AREAS, probing))


@dataclass
class Side:
    """One committee with its bot."""

    scene: Scene
    name: str
    committee: int
    people: list[Member] = field(default_factory=list)
    room: str = ""
    """Where its people are, encrypted."""

    @property
    def server(self) -> Homeserver:
        """Its homeserver."""
        return self.scene.server

    async def read(self, ask: Callable[[Reader], Any]) -> Any:
        """Look into its database."""
        return await self.scene.app.database.read(ask)

    async def there(self, tx: Reader) -> Federation:
        """The federation as it knows it."""
        found = await peers.federation_called(tx, self.committee, UID)
        assert found is not None
        return found

    async def does(self, work: Callable[[Context, Federation], Any]) -> Any:
        """Let it do something with its federation, in one unit of work."""

        async def whole(tx: Transaction) -> Any:
            context = _context(self.scene, tx, await people.committee(tx, self.committee))
            return await work(context, await self.there(tx))

        return await self.scene.app.database.transact(whole)

    async def says(self, body: Mapping[str, Any], *, lane: Lane = Lane.ALERT) -> str:
        """Say something to the others; the hash of the envelope."""
        made = await self.does(lambda context, there: linking.post(context, there, "probe", body, lane=lane))
        return str(made.hash)

    async def heard(self) -> list[Any]:
        """What the others have said to it, in the order in which that had its effect."""
        rows = await self.read(
            lambda tx: tx.all("SELECT body FROM probes WHERE committee_id = ? ORDER BY rowid", self.committee)
        )
        return [json.loads(row[0]) for row in rows]

    async def hears(self, count: int, *, within: float = WITHIN_SECONDS) -> float:
        """Wait until so much was heard; the seconds that it took."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(within):
                while len(await self.heard()) < count:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name} has heard {len(await self.heard())} of {count}") from None
        return time.monotonic() - begun

    @asynccontextmanager
    async def as_bot(self) -> AsyncIterator[Member]:
        """Its bot's own account in other hands, which hear nothing."""
        wire = self.scene.adapter._wire
        assert wire is not None
        client = Member(self.server.url, Account(wire.me, wire.session.device, wire.session.token))
        try:
            yield client
        finally:
            await client.close()

    async def newest_of(self, other: Side) -> str:
        """The newest envelope of another committee's that it keeps."""
        name = await other.read(lambda tx: tx.value("SELECT author FROM peer_selves WHERE committee_id = 1"))
        return str(
            await self.read(
                lambda tx: tx.value("SELECT text FROM envelopes WHERE author = ? ORDER BY life DESC, number DESC", name)
            )
        )

    async def count(self, question: str, *values: Any) -> int:
        """A number from its database."""
        return int(await self.read(lambda tx: tx.value(question, *values)) or 0)


@dataclass
class Linked:
    """Committees that are linked."""

    sides: list[Side]

    def __getitem__(self, number: int) -> Side:
        return self.sides[number]

    @property
    def founder(self) -> Side:
        """The one whose bot has made the rooms."""
        return self.sides[0]

    def rooms(self, side: Side, part: str) -> list[str]:
        """The rooms of a kind in which a bot is."""
        return [room.id for room in _rooms(side, part)]

    async def all_in(self, *, within: float = WITHIN_SECONDS) -> None:
        """Wait until every bot is in all rooms, and each knows it of the others."""
        bots = {side.scene.bot for side in self.sides}
        async with asyncio.timeout(2 * within):
            for side in self.sides:
                for part in ("wire", "roster", "council", "space"):
                    while not any(
                        bots <= {user for user, member in room.members.items() if member.joined}
                        for room in _rooms(side, part)
                    ):
                        await asyncio.sleep(0.05)


def _rooms(side: Side, part: str) -> list[Room]:
    return side.scene.adapter._links.rooms(UID, part)


def _context(scene: Scene, tx: Transaction, committee: Committee) -> Context:
    now = scene.app.now()
    return Context(
        tx=tx,
        now=now,
        said_at=now,
        commands=scene.app.commands,
        place=None,
        chat=None,
        language=committee.language,
        of_committee=committee,
        authority=Authority.CLOCK,
        carriers={NETWORK: scene.bot},
    )


@asynccontextmanager
async def committees(
    servers: Sequence[Homeserver],
    folder: Path,
    names: Sequence[str],
    *,
    members: int = 1,
    encrypted: bool = True,
    **options: Any,
) -> AsyncIterator[list[Side]]:
    """A committee with a bot of its own on each of these homeservers, in an encrypted room; nobody is linked yet."""
    async with AsyncExitStack() as stack:
        sides = []
        for server, name in zip(servers, names, strict=True):
            somebody = [
                await (server.somebody(f"{name}{n}", encrypted=True) if encrypted else server.somebody(f"{name}{n}"))
                for n in range(members)
            ]
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            bot_ = await stack.enter_async_context(scene(server, place, invites_from=[somebody[0].user], **options))
            sides.append(await committee(bot_, name, somebody, encrypted=encrypted))
        yield sides


async def committee(
    bot_: Scene, name: str, somebody: Sequence[Member], *, encrypted: bool, public: bool = False
) -> Side:
    """A committee in a room of its own, the first of its people its organizer.

    `public`: the others come by themselves; whom somebody has called in cannot confirm their alerts.
    """
    founder = somebody[0]
    room = await founder.create_room(name, version="12", encrypted=encrypted, public=public, invite=[bot_.bot])
    await founder.hears(room, says("Hello!"), by=bot_.bot, within=30)
    await bot_.quiet(await founder.say(room, "!setup"))
    for one in somebody[1:]:
        if not public:
            await founder.invite(room, one.user)
        await one.join(room)
        await bot_.quiet(await one.say(room, "!join"))
    id_ = await bot_.app.database.read(lambda tx: tx.value("SELECT max(id) FROM committees"))
    return Side(bot_, name, int(id_), [*somebody], room)


async def link(sides: Sequence[Side], *, wait: bool = True) -> Linked:
    """Link them as they are once all have decided so: the first has founded it and lets the others in.

    `wait`: until all bots are in all rooms.
    """
    selves = []
    for side in sides:

        async def keys(tx: Transaction, side: Side = side) -> peers.Own:
            await tx.execute("CREATE TABLE IF NOT EXISTS probes (committee_id INTEGER, author TEXT, body TEXT)")
            return await linking.own(tx, await people.committee(tx, side.committee), now=side.scene.app.now())

        selves.append(await side.scene.app.database.transact(keys))
    for number, side in enumerate(sides):

        async def knows(tx: Transaction, side: Side = side, number: int = number) -> None:
            now = side.scene.app.now()
            wire = await linking.open_wire(tx, NETWORK, UID, NAME)
            there = await peers.add_federation(tx, side.committee, UID, NAME, place_id=wire, state="in", now=now)
            for other, own in zip(sides, selves, strict=True):
                await peers.add_peer(
                    tx, there.id, own.certificates[0], other.name, account=other.scene.bot, state="in", now=now
                )
            if number == 0:
                context = _context(side.scene, tx, await people.committee(tx, side.committee))
                await linking.doors(context, there)
                if others := [other.scene.bot for other in sides[1:]]:
                    await linking.doors(context, there, let_in=others)

        await side.scene.app.database.transact(knows)
    linked = Linked([*sides])
    if wait:
        await linked.all_in()
    return linked
