"""A committee on a real homeserver, with the bot's core and adapter in this process."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.adapters.matrix import MatrixAdapter, Timing
from bot.app import App, utc_now
from tests import schema
from tests.servers.matrix_members import Json, Member, relation
from tests.servers.synapse import Homeserver

PASSWORD = "correct horse"
QUICK = Timing(pause=0.1, pause_max=2.0)
"""As the bot is, but for how long it waits before it tries again."""
QUIET_SECONDS_MAX = 20.0


@dataclass(slots=True)
class Scene:
    """The running bot and where it lives."""

    server: Homeserver
    folder: Path
    app: App
    adapter: MatrixAdapter
    bot: str
    """The bot's account."""

    async def quiet(self, event: str) -> None:
        """Return when the bot has taken in this event, all before it in the room, and said what it had to say."""
        core = self.app.dispatcher
        async with asyncio.timeout(QUIET_SECONDS_MAX):
            while not await core.known(self.adapter.network, [event]):
                await asyncio.sleep(0.005)
            # What is asked of the writer comes back only when delivery knows of all that was committed before.
            await core.position(self.adapter.network)
            await self.app.delivery.settle()

    async def heard(self, member: Member, room: str, *, after: str) -> list[Json]:
        """What the bot has said in a room since an event, when it has said all that it had to say to that."""
        await self.quiet(after)
        await member.catch_up(room)
        events = member.events(room)
        since = next(number for number, event in enumerate(events) if event["event_id"] == after)
        return [
            event
            for event in events[since + 1 :]
            if event["sender"] == self.bot and event["type"] in ("m.room.message", "m.room.encrypted")
        ]

    async def answers(self, member: Member, room: str, body: str, **how: Any) -> list[str]:
        """The words of each message of the bot's there when somebody says something (see `Member.say`)."""
        said = await member.say(room, body, **how)
        return _new(await self.heard(member, room, after=said))

    async def whispers(self, member: Member, body: str, room: str) -> list[str]:
        """Somebody says something in a group; each message of the bot's to them in private that follows."""
        before = {private: member.events(private)[-1]["event_id"] for private in await self.private_rooms(member)}
        await self.quiet(await member.say(room, body))
        rooms = await self.private_rooms(member)
        return [
            words
            for private in rooms
            for words in _new(
                await self.heard(member, private, after=before[private])
                if private in before
                else member.events(private, kind="m.room.message", by=self.bot)
            )
        ]

    async def private_rooms(self, member: Member) -> list[str]:
        """The rooms into which the bot called somebody alone, and in which they are, oldest first."""
        mine = {invite.room for invite in member.invites if invite.by == self.bot and invite.direct}
        inside = await member.joined_rooms()
        found = [invite.room for invite in member.invites if invite.room in mine & inside]
        for room in found:
            await member.sees(lambda room=room: member.events(room) or None)  # type: ignore[misc]
            await member.catch_up(room)
        return found


def _new(events: Iterable[Json]) -> list[str]:
    """The words of those that change no other."""
    return [str(event["content"].get("body", "")) for event in events if relation(event)[0] != "m.replace"]


async def open_bot(
    server: Homeserver,
    folder: Path,
    user: str,
    *,
    invites_from: Sequence[str] = (),
    now: Callable[[], datetime] = utc_now,
    password: str | None = PASSWORD,
    encrypted_private_chats: bool = False,
    key: str | None = None,
    url: str | None = None,
    timing: Timing = QUICK,
) -> tuple[App, MatrixAdapter]:
    """The core and the adapter, not yet running."""
    file = folder / "solibot.sqlite"
    if not file.exists():
        schema.write_new(file, key=key)
    app = await App.open(
        file,
        key=key,
        popups={},
        reaches={"matrix"},
        carriers={"matrix": user if user.startswith("@") else server.user(user)},
        now=now,
    )
    adapter = MatrixAdapter(
        folder=folder / "matrix",
        homeserver=url or server.url,
        user=user,
        password=password,
        dispatcher=app.dispatcher,
        commands=app.commands,
        invites_from=invites_from,
        encrypted_private_chats=encrypted_private_chats,
        timing=timing,
        now=now,
    )
    app.add(adapter)
    return app, adapter


@asynccontextmanager
async def scene(
    server: Homeserver,
    folder: Path,
    *,
    user: str | None = None,
    invites_from: Sequence[str] = (),
    now: Callable[[], datetime] = utc_now,
    password: str | None = PASSWORD,
    encrypted_private_chats: bool = False,
    key: str | None = None,
    url: str | None = None,
    timing: Timing = QUICK,
) -> AsyncIterator[Scene]:
    """A running bot; at the end it stops as it does when it is told to, and nothing may have gone wrong inside.

    `url`: where it finds the homeserver, if not at its own address. In the same folder it goes on with what it had.
    """
    if user is None:
        user = f"bot-{secrets.token_hex(4)}"
        account = await server.register(user, PASSWORD, display="Solibot")
        user = account.user
        await server.log_out_device(account.user, account.device)
    app, adapter = await open_bot(
        server,
        folder,
        user,
        invites_from=invites_from,
        now=now,
        password=password,
        encrypted_private_chats=encrypted_private_chats,
        key=key,
        url=url,
        timing=timing,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(app.run(stop))
    try:
        yield Scene(server, folder, app, adapter, user)
        assert app.dispatcher.incidents == 0
    finally:
        stop.set()
        await running


async def invited(scene: Scene, founder: Member, *, version: str = "12", encrypted: bool = False) -> str:
    """A room of the founder's into which the bot has come and said hello."""
    room = await founder.create_room("Riverside", version=version, encrypted=encrypted, invite=[scene.bot])
    await founder.hears(room, says("Hello!"), by=scene.bot, within=20)
    return room


async def founded(scene: Scene, founder: Member, *members: Member, version: str = "12", encrypted: bool = False) -> str:
    """A room whose group is the committee Riverside: its organizer, and its members in the order in which they came."""
    room = await invited(scene, founder, version=version, encrypted=encrypted)
    await founder.say(room, "!setup")
    for member in members:
        await founder.invite(room, member.user)
        await member.join(room)
        last = await member.say(room, "!join")
        await scene.quiet(last)
    for member in (founder, *members):
        await member.catch_up(room)
    return room


def says(words: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message has these words in it."""
    return lambda event: words in str(event["content"].get("body", ""))
