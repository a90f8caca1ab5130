"""People with Matrix clients of their own, for tests: nothing here is the bot's code.

`Member` speaks plain HTTP. `EncryptedMember` reads and writes encrypted rooms through matrix-nio, and `StrictMember`
reads only what comes from devices that their owners have signed, as Element in its strict mode.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import html
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import nio
import nio.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nio.client.async_client import AsyncClient, AsyncClientConfig
from nio.crypto.attachments import decrypt_attachment, encrypt_attachment
from nio.store.database import SqliteMemoryStore

from bot.homeserver import Refused as Refused

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
T = TypeVar("T")

WITHIN_SECONDS = 10.0
_SYNC_MS = 10_000
_PAGE = 100
_PAGES_MAX = 50
_JOIN_TRIES = 5
_JOIN_AGAIN_SECONDS = 0.3
_MEGOLM = "m.megolm.v1.aes-sha2"


@dataclass(frozen=True)
class Account:
    """Somebody's account and the device they are logged in with."""

    user: str
    device: str
    token: str
    password: str = ""


@dataclass(frozen=True)
class Invite:
    """An invite that somebody got."""

    room: str
    by: str
    direct: bool
    name: str | None


@dataclass
class Shown:
    """A message as a client shows it now: edits applied, reactions gathered."""

    text: str
    html: str | None
    edits: int = 0
    redacted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    """Who reacted with each key, in order."""


class NotHeard(AssertionError):
    """What was waited for did not come; says what came instead."""


class Member:
    """A client without encryption. `async with`, or `start()` and `close()`; it listens from the start on.

    `accepts`: which invites are taken at once, "direct", "all" or "none".
    """

    def __init__(self, url: str, account: Account, *, accepts: str = "direct") -> None:
        self.url = url
        self.account = account
        self.user = account.user
        self.device = account.device
        self.accepts = accepts
        self.invites: list[Invite] = []
        self.encrypted_rooms: set[str] = set()
        self.left: set[str] = set()
        """Rooms that they left or were thrown out of."""
        self.trouble: list[str] = []
        """What went wrong while listening, newest last; a server that is down is no trouble."""
        self._rooms: defaultdict[str, list[Json]] = defaultdict(list)
        self._ids: defaultdict[str, set[str]] = defaultdict(set)
        self._invites_told = 0
        self._since: str | None = None
        self._news = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._transactions = itertools.count(1)

    @classmethod
    async def login(
        cls, url: str, user: str, password: str, *, device: str | None = None, accepts: str = "direct"
    ) -> Self:
        """A client on a new device (or on `device`), not yet started."""
        body: Json = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
        }
        if device is not None:
            body["device_id"] = device
        path = url + "/_matrix/client/v3/login"
        async with aiohttp.ClientSession() as session, session.post(path, json=body) as response:
            answer: Json = await response.json()
            if response.status != 200:
                raise Refused(response.status, answer)
        account = Account(answer["user_id"], answer["device_id"], answer["access_token"], password)
        return cls(url, account, accepts=accepts)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin to listen; what is in the rooms already has been read when this returns."""
        assert self._listener is None
        await self._sync(0)
        self._listener = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening; the device stays logged in."""
        await self.stop_listening()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def stop_listening(self) -> None:
        """Hear nothing more, and still be able to speak."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    # -- the wire -------------------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, body: Json | None = None, *, query: Mapping[str, str | int] | None = None
    ) -> Json:
        """One call to the client-server API; `path` begins after `/_matrix/client`. Raises Refused."""
        headers = {"Authorization": f"Bearer {self.account.token}"}
        if body is None and method in {"POST", "PUT"}:
            body = {}
        async with self._open_session().request(
            method, self.url + "/_matrix/client" + path, json=body, params=query, headers=headers
        ) as response:
            answer: Json = await response.json(content_type=None)
            if response.status != 200:
                raise Refused(response.status, answer)
            return answer

    async def attach(self, room: str, name: str, data: bytes, caption: str | None = None) -> str:
        """Put a file into a room, sealed where the room is encrypted; the id of its message."""
        content: Json = {"msgtype": "m.file", "body": caption or name, "filename": name, "info": {"size": len(data)}}
        if room in self.encrypted_rooms:
            data, sealed = encrypt_attachment(data)
            content["file"] = {**sealed, "url": await self._upload(data)}
        else:
            content["url"] = await self._upload(data)
        return await self.send(room, "m.room.message", content)

    async def opened(self, event: Json) -> bytes:
        """What a file holds that came into a room, as somebody who may read the message sees it."""
        content = event["content"]
        sealed = content.get("file")
        data = await self._fetch((sealed or content)["url"])
        if sealed is None:
            return data
        found: bytes = decrypt_attachment(data, sealed["key"]["k"], sealed["hashes"]["sha256"], sealed["iv"])
        return found

    async def stored(self, event: Json) -> bytes:
        """What the homeserver keeps of a file, as its administrator sees it."""
        content = event["content"]
        return await self._fetch(content.get("file", content)["url"])

    async def _upload(self, data: bytes) -> str:
        async with self._raw("POST", "/_matrix/media/v3/upload", data=data) as response:
            address: str = (await response.json())["content_uri"]
            return address

    async def _fetch(self, address: str) -> bytes:
        where = address.removeprefix("mxc://")
        async with self._raw("GET", f"/_matrix/client/v1/media/download/{where}") as response:
            found: bytes = await response.read()
            return found

    def _raw(self, method: str, path: str, data: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.account.token}", "Content-Type": "application/octet-stream"}
        return self._open_session().request(method, self.url + path, data=data, headers=headers, raise_for_status=True)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self._session

    def _path(self, room: str, *parts: str) -> str:
        return "/".join(("/v3/rooms", quote(room, safe=""), *(quote(part, safe="") for part in parts)))

    def _transaction(self) -> str:
        return f"t{id(self)}.{next(self._transactions)}"

    # -- rooms ----------------------------------------------------------------------------------------

    async def create_room(
        self,
        name: str | None = None,
        *,
        version: str | None = None,
        encrypted: bool = False,
        invite: Iterable[str] = (),
        direct: bool = False,
        public: bool = False,
        **more: Any,
    ) -> str:
        """Make a room and return its id; `more` goes into the request as it is. Invites as a client sends them."""
        body: Json = {"invite": [*invite], "is_direct": direct, "visibility": "private", **more}
        body.setdefault("preset", "public_chat" if public else "trusted_private_chat" if direct else "private_chat")
        if name is not None:
            body["name"] = name
        if version is not None:
            body["room_version"] = version
        if encrypted:
            body["initial_state"] = [
                *body.get("initial_state", ()),
                {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": _MEGOLM}},
            ]
        room: str = (await self.call("POST", "/v3/createRoom", body))["room_id"]
        if encrypted:
            self.encrypted_rooms.add(room)
        if direct:
            await self._mark_direct(room, body["invite"])
        return room

    async def invite(self, room: str, user: str) -> None:
        """Invite somebody."""
        await self.call("POST", self._path(room, "invite"), {"user_id": user})

    async def join(self, room: str, *, via: Sequence[str] = ()) -> None:
        """Join, by an invite or because the room is public; `via` names servers that are in it."""
        query = "?" + "&".join(f"via={quote(server)}" for server in via) if via else ""
        await self.call("POST", f"/v3/join/{quote(room, safe='')}{query}")
        await self._until(lambda: room in self._rooms or None, WITHIN_SECONDS)

    async def leave(self, room: str) -> None:
        """Leave, or turn an invite down."""
        await self.call("POST", self._path(room, "leave"))

    async def kick(self, room: str, user: str, reason: str = "") -> None:
        """Remove somebody, who may come back by an invite."""
        await self.call("POST", self._path(room, "kick"), {"user_id": user, "reason": reason})

    async def ban(self, room: str, user: str, reason: str = "") -> None:
        """Remove somebody for good."""
        await self.call("POST", self._path(room, "ban"), {"user_id": user, "reason": reason})

    async def unban(self, room: str, user: str) -> None:
        """Lift a ban."""
        await self.call("POST", self._path(room, "unban"), {"user_id": user})

    async def set_power(self, room: str, user: str, level: int) -> None:
        """Give somebody a power level (100 is an administrator, 50 a moderator)."""
        content = await self.state(room, "m.room.power_levels")
        content.setdefault("users", {})[user] = level
        await self.send_state(room, "m.room.power_levels", content)

    async def encrypt_room(self, room: str) -> None:
        """Turn encryption on, which can never be turned off."""
        await self.send_state(room, "m.room.encryption", {"algorithm": _MEGOLM})
        await self._until(lambda: room in self.encrypted_rooms or None, WITHIN_SECONDS)

    async def upgrade_room(self, room: str, version: str = "12") -> str:
        """Replace the room by one of another version; the new room's id. Nobody is moved: clients follow it."""
        answer = await self.call("POST", self._path(room, "upgrade"), {"new_version": version})
        replacement: str = answer["replacement_room"]
        return replacement

    async def state(self, room: str, kind: str, key: str = "") -> Json:
        """The content of a state event now."""
        return await self.call("GET", self._path(room, "state", kind, key))

    async def send_state(self, room: str, kind: str, content: Json, key: str = "") -> str:
        """Set a state event; the id of the event."""
        event: str = (await self.call("PUT", self._path(room, "state", kind, key), content))["event_id"]
        return event

    async def joined(self, room: str) -> set[str]:
        """Who is in the room now."""
        return set((await self.call("GET", self._path(room, "joined_members")))["joined"])

    async def joined_rooms(self) -> set[str]:
        """The rooms they are in now."""
        return set((await self.call("GET", "/v3/joined_rooms"))["joined_rooms"])

    async def named(self, name: str) -> None:
        """Change their display name."""
        await self.call("PUT", f"/v3/profile/{quote(self.user, safe='')}/displayname", {"displayname": name})

    async def _mark_direct(self, room: str, users: Iterable[str]) -> None:
        path = f"/v3/user/{quote(self.user, safe='')}/account_data/m.direct"
        direct: Json = {}
        with contextlib.suppress(Refused):
            direct = await self.call("GET", path)
        for user in users:
            direct.setdefault(user, []).append(room)
        await self.call("PUT", path, direct)

    # -- speaking -------------------------------------------------------------------------------------

    async def send(self, room: str, kind: str, content: Json, *, transaction: str | None = None) -> str:
        """Send any event, encrypted if the room is and we can; its id. The same `transaction` twice sends once."""
        path = self._path(room, "send", kind, transaction or self._transaction())
        event: str = (await self.call("PUT", path, content))["event_id"]
        return event

    async def say(
        self,
        room: str,
        body: str,
        *,
        reply_to: str | None = None,
        thread: str | None = None,
        html: str | None = None,
        pills: Mapping[str, str] | None = None,
        mentions: Iterable[str] = (),
        msgtype: str = "m.text",
        more: Mapping[str, Any] | None = None,
        transaction: str | None = None,
    ) -> str:
        """Send a message as Element does; its id.

        `pills`: words of `body` and the user whom each stands for; they become links in the HTML, and mentions.
        `mentions`: users who are meant without a pill. `thread`: the id of the thread's first message.
        `more`: anything else, over the content.
        """
        content: Json = {"msgtype": msgtype, "body": body}
        named = list(dict.fromkeys((*(pills or {}).values(), *mentions)))
        if pills and html is None:
            html = _with_pills(body, pills)
        if html is not None:
            content |= {"format": "org.matrix.custom.html", "formatted_body": html}
        content["m.mentions"] = {"user_ids": named} if named else {}
        if thread is not None:
            content["m.relates_to"] = {
                "rel_type": "m.thread", "event_id": thread, "is_falling_back": reply_to is None,
                "m.in_reply_to": {"event_id": reply_to or thread},
            }  # fmt: skip
        elif reply_to is not None:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self.send(room, "m.room.message", content | dict(more or {}), transaction=transaction)

    async def edit(self, room: str, event: str, body: str, *, html: str | None = None) -> str:
        """Replace the words of a message; the id of the event that does it."""
        new: Json = {"msgtype": "m.text", "body": body, "m.mentions": {}}
        if html is not None:
            new |= {"format": "org.matrix.custom.html", "formatted_body": html}
        content = new | {
            "body": f"* {body}", "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        }  # fmt: skip
        if html is not None:
            content["formatted_body"] = f"* {html}"
        return await self.send(room, "m.room.message", content)

    async def react(self, room: str, event: str, key: str) -> str:
        """React to a message; the id of the reaction. In clear even in encrypted rooms, as every client does it."""
        relates = {"rel_type": "m.annotation", "event_id": event, "key": key}
        return await Member.send(self, room, "m.reaction", {"m.relates_to": relates})

    async def redact(self, room: str, event: str, reason: str = "") -> str:
        """Take an event back, a reaction for example; the id of the redaction."""
        answer = await self.call("PUT", self._path(room, "redact", event, self._transaction()), {"reason": reason})
        redaction: str = answer["event_id"]
        return redaction

    # -- listening ------------------------------------------------------------------------------------

    def events(self, room: str, *, kind: str | None = None, by: str | None = None) -> list[Json]:
        """Everything heard in a room so far, in order; decrypted where that was possible."""
        return [
            event
            for event in self._rooms.get(room, [])
            if (kind is None or event["type"] == kind) and (by is None or event["sender"] == by)
        ]

    def texts(self, room: str, *, by: str | None = None) -> list[str]:
        """The words of every message heard in a room, edits left out."""
        return [
            event["content"].get("body", "")
            for event in self.events(room, kind="m.room.message", by=by)
            if relation(event)[0] != "m.replace"
        ]

    async def hears(
        self,
        room: str,
        what: str | Predicate,
        *,
        within: float = WITHIN_SECONDS,
        by: str | None = None,
        after: str | None = None,
    ) -> Json:
        """Wait for an event, or find it among those heard; `what` is a message's exact words or a question about it.

        `after`: only events that came after this one, say after the command that is being answered.
        """

        def find() -> Json | None:
            events = self._rooms.get(room, [])
            if after is not None:
                place = next((n for n, event in enumerate(events) if event["event_id"] == after), None)
                if place is None:
                    return None
                events = events[place + 1 :]
            matches = (event for event in events if by is None or event["sender"] == by)
            return next((event for event in matches if _says(event, what)), None)

        try:
            return await self._until(find, within)
        except TimeoutError:
            # /sync leaves events out when they come in bursts over federation; they are in the history all the same.
            with contextlib.suppress(aiohttp.ClientError, Refused):
                await self.catch_up(room)
            if (found := find()) is not None:
                return found
            heard = "\n".join(f"  {brief(event)}" for event in self._rooms.get(room, [])[-15:])
            wanted = repr(what) if isinstance(what, str) else getattr(what, "__name__", "an event")
            raise NotHeard(
                f"{self.user} did not hear {wanted} within {within} s, but:\n{heard}\n{self.trouble}"
            ) from None

    async def invited(self, within: float = WITHIN_SECONDS, *, by: str | None = None) -> Invite:
        """The next invite that was not yet returned here."""

        def find() -> Invite | None:
            for number in range(self._invites_told, len(self.invites)):
                if by is None or self.invites[number].by == by:
                    self._invites_told = number + 1
                    return self.invites[number]
            return None

        try:
            return await self._until(find, within)
        except TimeoutError:
            raise NotHeard(f"{self.user} was not invited within {within} s; before: {self.invites}") from None

    async def sees(self, what: Callable[[], T | None], within: float = WITHIN_SECONDS) -> T:
        """Wait until a question about this member has an answer; asked again whenever something is heard."""
        return await self._until(what, within)

    def shown(self, event_id: str) -> Shown:
        """A message as it looks now. Raises KeyError if it was not heard."""
        for room, events in self._rooms.items():
            if event_id in self._ids[room]:
                # What changes it came later, and is not far from the end in a room with a long past.
                since = [*itertools.takewhile(lambda event: event["event_id"] != event_id, reversed(events))]
                return _shown(events[-1 - len(since)], since[::-1])
        raise KeyError(event_id)

    def was_encrypted(self, event_id: str) -> bool:
        """Whether it came encrypted, read or not."""
        return any(
            event["event_id"] == event_id and event["type"] == "m.room.encrypted"
            for events in self._rooms.values()
            for event in events
        )

    async def catch_up(self, room: str) -> int:
        """Read the history for what /sync left out; how many events that were."""
        if room not in self._rooms:
            return 0
        later: str | None = None
        missing: list[tuple[Json, str | None]] = []
        for chunk in [page async for page in self.history(room)]:
            for event in chunk:
                if event["event_id"] not in self._ids[room]:
                    missing.append((event, later))
                later = event["event_id"]
        for event, follower in missing:
            events = self._rooms[room]
            place = next((n for n, other in enumerate(events) if other["event_id"] == follower), len(events))
            self._hear(room, [event], place)
        return len(missing)

    async def _until(self, find: Callable[[], T | None], within: float) -> T:
        async with asyncio.timeout(within):
            while (found := find()) is None:
                await self._news.wait()
            return found

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _listen(self) -> None:
        while True:
            try:
                await self._sync(_SYNC_MS)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1)
            except Refused as refusal:
                self.trouble.append(str(refusal))
                if refusal.status == 401:
                    return  # logged out
                await asyncio.sleep((refusal.retry_after_ms or 200) / 1000)
            except Exception as error:
                self.trouble.append(repr(error))
                raise

    async def _sync(self, timeout_ms: int) -> None:
        query: dict[str, str | int] = {"timeout": timeout_ms, "filter": _FILTER}
        if self._since is not None:
            query["since"] = self._since
        body = await self.call("GET", "/v3/sync", query=query)
        await self._absorb(body)
        rooms = body.get("rooms", {})
        for room, joined in rooms.get("join", {}).items():
            self.left.discard(room)
            for event in joined.get("state", {}).get("events", []):
                self._notice(room, event)
            timeline = joined.get("timeline", {})
            if timeline.get("limited") and timeline.get("prev_batch"):
                with self._noting_refusals():
                    await self._fill(room, timeline["prev_batch"])
            self._hear(room, timeline.get("events", []))
        for room, gone in rooms.get("leave", {}).items():
            self._hear(room, gone.get("timeline", {}).get("events", []))
            self.left.add(room)
        for room, invited in rooms.get("invite", {}).items():
            await self._take_invite(room, invited.get("invite_state", {}).get("events", []))
        self._since = body["next_batch"]
        self._tell()

    async def _absorb(self, body: Json) -> None:
        """Before the rooms of a sync are read."""

    async def _fill(self, room: str, start: str) -> None:
        """What came between the last sync and this one."""
        found: list[Json] = []
        async for chunk in self.history(room, start):
            found.extend(chunk)
            if any(event["event_id"] in self._ids[room] for event in chunk):
                break
        self._hear(room, reversed(found))

    async def history(self, room: str, start: str | None = None) -> AsyncIterator[list[Json]]:
        """Pages of the room's past, newest first."""
        for _ in range(_PAGES_MAX):
            query: dict[str, str | int] = {"dir": "b", "limit": _PAGE}
            if start is not None:
                query["from"] = start
            page = await self.call("GET", self._path(room, "messages"), query=query)
            yield page["chunk"]
            start = page.get("end")
            if start is None or not page["chunk"]:
                return

    def _hear(self, room: str, events: Iterable[Json], place: int | None = None) -> None:
        for event in events:
            if event["event_id"] in self._ids[room]:
                continue
            self._ids[room].add(event["event_id"])
            self._notice(room, event)
            heard = self._rooms[room]
            heard.insert(len(heard) if place is None else place, self._read(room, event))

    def _notice(self, room: str, event: Json) -> None:
        if event["type"] == "m.room.encryption":
            self.encrypted_rooms.add(room)

    def _read(self, room: str, event: Json) -> Json:
        """The event as this member can read it."""
        return event

    async def _take_invite(self, room: str, stripped: Sequence[Json]) -> None:
        mine = next(
            (e for e in reversed(stripped) if e["type"] == "m.room.member" and e["state_key"] == self.user), None
        )
        if mine is None:
            return
        direct = bool(mine["content"].get("is_direct"))
        name = next((event["content"].get("name") for event in stripped if event["type"] == "m.room.name"), None)
        self.invites.append(Invite(room, mine["sender"], direct, name))
        if self.accepts == "all" or (self.accepts == "direct" and direct):
            with self._noting_refusals():
                await self._accept(room)
                if direct:
                    await self._mark_direct(room, [mine["sender"]])

    async def _accept(self, room: str) -> None:
        for tries_left in reversed(range(_JOIN_TRIES)):
            try:
                await self.call("POST", f"/v3/join/{quote(room, safe='')}")
            except Refused as refusal:
                # Over federation an invite arrives before the server that sent it has stored it.
                if refusal.status != 403 or not tries_left:
                    raise
                await asyncio.sleep(_JOIN_AGAIN_SECONDS)
            else:
                return

    @contextlib.contextmanager
    def _noting_refusals(self) -> Iterator[None]:
        """What the server refuses here is no reason to stop listening: an invite was withdrawn, say."""
        try:
            yield
        except Refused as refusal:
            self.trouble.append(str(refusal))


class EncryptedMember(Member):
    """A client that also speaks in encrypted rooms: matrix-nio's cryptography, fed from our own listening.

    What it cannot read stays among the events as `m.room.encrypted`; `unread` has their ids and why.
    """

    def __init__(self, url: str, account: Account, *, accepts: str = "direct") -> None:
        super().__init__(url, account, accepts=accepts)
        self.unread: dict[str, str] = {}
        self._came_encrypted: set[str] = set()
        self._identity: Json | None = None
        config = AsyncClientConfig(store=SqliteMemoryStore, max_limit_exceeded=0, max_timeouts=1)
        self.client = AsyncClient(url, account.user, account.device, config=config)
        self.client.restore_login(account.user, account.device, account.token)

    async def start(self) -> None:
        """Publish this device's keys and begin to listen."""
        if self.client.should_upload_keys:
            await self._done(self.client.keys_upload())
        await super().start()

    async def close(self) -> None:
        """Stop listening; the keys stay in memory, so that this same object can start again."""
        await super().close()
        await self.client.close()

    @property
    def keys(self) -> tuple[str, str]:
        """This device's public keys: curve25519 and ed25519."""
        assert self.client.olm is not None
        own = self.client.olm.account.identity_keys
        return own["curve25519"], own["ed25519"]

    async def send(self, room: str, kind: str, content: Json, *, transaction: str | None = None) -> str:
        """Send any event, encrypted if the room is; its id."""
        if room not in self.encrypted_rooms:
            return await super().send(room, kind, content, transaction=transaction)
        await self._know(room)
        sent = await self.client.room_send(
            room, kind, content, tx_id=transaction or self._transaction(), ignore_unverified_devices=True
        )
        if not isinstance(sent, nio.RoomSendResponse):
            raise _refused(sent)
        event: str = sent.event_id
        return event

    async def discard_session(self, room: str) -> None:
        """The next message begins a new megolm session, as when a client is started anew or somebody left."""
        await self._know(room)
        assert self.client.olm is not None
        self.client.olm.outbound_group_sessions.pop(room, None)

    @contextlib.asynccontextmanager
    async def without_keys_for(self, room: str, user: str, device: str | None = None) -> AsyncIterator[None]:
        """What is said in this block cannot be read by somebody (or by one device of theirs): they get no key."""
        await self._know(room)
        devices = [one for one in self.client.device_store.active_user_devices(user) if device in {None, one.device_id}]
        assert devices, f"{user} has no device that we know"
        await self.discard_session(room)
        for one in devices:
            self.client.blacklist_device(one)
        try:
            yield
        finally:
            for one in devices:
                self.client.unblacklist_device(one)
            await self.discard_session(room)

    def unreadable(self, room: str) -> list[Json]:
        """The events of a room that this member cannot read; `unread[event["event_id"]]` says why."""
        return [event for event in self._rooms.get(room, []) if event["event_id"] in self.unread]

    def was_encrypted(self, event_id: str) -> bool:
        """Whether it came encrypted, read or not."""
        return event_id in self._came_encrypted

    async def sign_device(self) -> None:
        """Cross-sign this device, as somebody does who has set up Element properly."""
        self._identity = self._identity or new_identity(self.user)
        upload = {kind: self._identity[kind] for kind in ("master_key", "self_signing_key", "user_signing_key")}
        await self.call("POST", "/v3/keys/device_signing/upload", upload)
        answer = await self.call("POST", "/v3/keys/query", {"device_keys": {self.user: [self.device]}})
        device: Json = answer["device_keys"][self.user][self.device]
        seed: Ed25519PrivateKey = self._identity["self_signing_seed"]
        signed = _sign({k: v for k, v in device.items() if k not in {"signatures", "unsigned"}}, self.user, seed)
        done = await self.call("POST", "/v3/keys/signatures/upload", {self.user: {self.device: signed}})
        assert not done.get("failures"), done

    async def _know(self, room: str) -> None:
        """Who is in the room and which devices they have, as it is now."""
        await self._until(lambda: room in self.client.rooms or None, WITHIN_SECONDS)
        await self._until(lambda: self.client.rooms[room].encrypted or None, WITHIN_SECONDS)
        before = set(self.client.rooms[room].users)
        await self._done(self.client.joined_members(room))
        if set(self.client.rooms[room].users) - before:
            # Somebody came whom no sync has told of yet: a session from before is not shared with them.
            self.client.invalidate_outbound_session(room)
        if self.client.should_query_keys:
            await self._done(self.client.keys_query())

    async def _absorb(self, body: Json) -> None:
        response = nio.SyncResponse.from_dict(copy.deepcopy(body))
        if not isinstance(response, nio.SyncResponse):
            raise TypeError(f"matrix-nio does not understand a sync: {response}")
        await self.client.receive_response(response)
        client = self.client
        if client.should_upload_keys:
            await self._done(client.keys_upload())
        if client.should_query_keys:
            await self._done(client.keys_query())
        if client.should_claim_keys:
            await self._done(client.keys_claim(client.get_users_for_key_claiming()))
        await client.send_to_device_messages()
        if self.unread and (body.get("to_device", {}).get("events") or body.get("device_lists", {}).get("changed")):
            self._try_again()

    async def _done(self, request: Any) -> None:
        answer = await request
        if isinstance(answer, nio.ErrorResponse):
            raise _refused(answer)

    def _try_again(self) -> None:
        for room, events in self._rooms.items():
            for place, event in enumerate(events):
                if event["event_id"] in self.unread:
                    events[place] = self._read(room, event)

    def _read(self, room: str, event: Json) -> Json:
        if event["type"] != "m.room.encrypted" or not event["content"]:
            return event
        self._came_encrypted.add(event["event_id"])
        assert self.client.olm is not None
        sealed = nio.Event.parse_encrypted_event(copy.deepcopy(event))
        if not isinstance(sealed, nio.MegolmEvent):
            self.unread[event["event_id"]] = f"not megolm: {type(sealed).__name__}"
            return event
        try:
            opened = self.client.olm.decrypt_megolm_event(sealed, room)
        except nio.exceptions.EncryptionError as error:
            self.unread[event["event_id"]] = str(error)
            return event
        self.unread.pop(event["event_id"], None)
        return {**event, "type": opened.source["type"], "content": opened.source["content"]}


class StrictMember(EncryptedMember):
    """A client that has nothing to do with devices which their owners have not signed, as MSC4153 asks.

    It reads nothing from them (`refused` has what it could have read) and gives them no keys.
    """

    def __init__(self, url: str, account: Account, *, accepts: str = "direct") -> None:
        super().__init__(url, account, accepts=accepts)
        self.refused: dict[str, str] = {}
        """Events that are not read although they could be, and why; also in `unread`."""
        self._signed: set[tuple[str, str, str]] = set()

    async def _know(self, room: str) -> None:
        await super()._know(room)
        for user in list(self.client.rooms[room].users):
            for device in list(self.client.device_store.active_user_devices(user)):
                own = (user, device.device_id) == (self.user, self.device)
                if own or await self._trusts(user, device.curve25519, device.ed25519) is None:
                    if device.blacklisted:
                        self.client.unblacklist_device(device)
                        self.client.invalidate_outbound_session(room)
                elif not device.blacklisted:
                    self.client.blacklist_device(device)
                    self.client.invalidate_outbound_session(room)

    async def _absorb(self, body: Json) -> None:
        # The verdicts have to be there when the events are read.
        await super()._absorb(body)
        rooms = body.get("rooms", {}).get("join", {})
        for room, joined in rooms.items():
            await self._judge(room, joined.get("timeline", {}).get("events", []))
        if self.refused and (body.get("to_device", {}).get("events") or body.get("device_lists", {}).get("changed")):
            for room in list(self._rooms):
                await self._judge(room, [e for e in self._rooms[room] if e["event_id"] in self.refused])
            self._try_again()

    async def history(self, room: str, start: str | None = None) -> AsyncIterator[list[Json]]:
        async for chunk in super().history(room, start):
            await self._judge(room, chunk)
            yield chunk

    async def _judge(self, room: str, events: Iterable[Json]) -> None:
        for event in events:
            if (keys := self._keys_of(room, event)) is not None:
                await self._trusts(event["sender"], *keys)

    def _keys_of(self, room: str, event: Json) -> tuple[str, str] | None:
        """The sending device's keys, by the session that the message was encrypted with."""
        content = event["content"]
        if event["type"] != "m.room.encrypted" or content.get("algorithm") != _MEGOLM:
            return None
        assert self.client.olm is not None
        sender_key = content.get("sender_key", "")
        session = self.client.olm.inbound_group_store.get(room, sender_key, content.get("session_id", ""))
        return None if session is None else (sender_key, session.ed25519)

    def _read(self, room: str, event: Json) -> Json:
        opened = super()._read(room, event)
        if opened is event or (keys := self._keys_of(room, event)) is None or keys == self.keys:
            return opened
        if (event["sender"], *keys) in self._signed:
            self.refused.pop(event["event_id"], None)
            return opened
        self.refused[event["event_id"]] = self.unread[event["event_id"]] = (
            "the sender's device is not signed by its owner"
        )
        return event

    async def _trusts(self, user: str, curve25519: str, ed25519: str) -> str | None:
        if (user, curve25519, ed25519) in self._signed:
            return None
        answer = await self.call("POST", "/v3/keys/query", {"device_keys": {user: []}, "timeout": 10_000})
        for device, keys in answer.get("device_keys", {}).get(user, {}).items():
            own = keys.get("keys", {})
            if (own.get(f"curve25519:{device}"), own.get(f"ed25519:{device}")) == (curve25519, ed25519):
                reason = signed_by_owner(answer, user, device)
                if reason is None:
                    self._signed.add((user, curve25519, ed25519))
                return reason
        return "no such device"


async def reads_only_signed(viewer: Member, user: str, device: str) -> str | None:
    """Whether a strict client would read this device, seen from the viewer's homeserver: None, or what is wrong."""
    answer = await viewer.call("POST", "/v3/keys/query", {"device_keys": {user: []}, "timeout": 10_000})
    return signed_by_owner(answer, user, device)


def signed_by_owner(answer: Json, user: str, device: str) -> str | None:
    """Walk the chain in an answer to `/keys/query`: master key, self-signing key, device. None, or what is wrong."""
    master = answer.get("master_keys", {}).get(user)
    if master is None:
        return "no master key"
    self_signing = answer.get("self_signing_keys", {}).get(user)
    if self_signing is None:
        return "no self-signing key"
    keys = answer.get("device_keys", {}).get(user, {}).get(device)
    if keys is None:
        return "no such device"
    if (keys.get("user_id"), keys.get("device_id")) != (user, device):
        return "the keys are another device's"
    if "master" not in master.get("usage", ()) or "self_signing" not in self_signing.get("usage", ()):
        return "a key is not for this use"
    if not master.get("user_id") == self_signing.get("user_id") == user:
        return "a key is another user's"
    if not _verifies(keys, user, device, keys.get("keys", {}).get(f"ed25519:{device}", "")):
        return "the device's keys are not signed by the device"
    [own] = master["keys"].values()
    [signer] = self_signing["keys"].values()
    if not _verifies(self_signing, user, own, own):
        return "the self-signing key is not signed by the master key"
    if not _verifies(keys, user, signer, signer):
        return "the device is not signed by the self-signing key"
    return None


def new_identity(user: str) -> Json:
    """Keys for cross-signing: what is uploaded, and under `self_signing_seed` the private key that signs devices."""
    master, own, other = (Ed25519PrivateKey.generate() for _ in range(3))

    def key(usage: str, seed: Ed25519PrivateKey) -> Json:
        public = _public(seed)
        return {"user_id": user, "usage": [usage], "keys": {f"ed25519:{public}": public}}

    return {
        "master_key": key("master", master),
        "self_signing_key": _sign(key("self_signing", own), user, master),
        "user_signing_key": _sign(key("user_signing", other), user, master),
        "self_signing_seed": own,
    }


def brief(event: Json) -> str:
    """An event on one line, for people who read a failed test."""
    content = event["content"]
    words = content.get("body") or json.dumps(content, ensure_ascii=False)[:200]
    return f"{event['sender']} {event['type']}: {words}"


def relation(event: Json) -> tuple[str | None, str | None]:
    """How an event relates to another, and to which."""
    relates = event["content"].get("m.relates_to") or {}
    return relates.get("rel_type"), relates.get("event_id")


# Everything that a test may want, and up to the 100 that a server gives by default.
_FILTER = json.dumps({"room": {"timeline": {"limit": 100}}, "presence": {"types": []}})


def _says(event: Json, what: str | Predicate) -> bool:
    if isinstance(what, str):
        return bool(event["type"] == "m.room.message" and event["content"].get("body") == what)
    return what(event)


def _shown(original: Json, events: Iterable[Json]) -> Shown:
    event_id, content = original["event_id"], original["content"]
    events = [*events]
    gone = {
        event["content"].get("redacts") or event.get("redacts")
        for event in events
        if event["type"] == "m.room.redaction"
    } | {event["event_id"] for event in events if "redacted_because" in event.get("unsigned", {})}
    shown = Shown(content.get("body", ""), content.get("formatted_body"))
    for event in events:
        kind, target = relation(event)
        if target != event_id or event["event_id"] in gone:
            continue
        if kind == "m.replace" and event["sender"] == original["sender"] and event["type"] == original["type"]:
            new = event["content"].get("m.new_content", {})
            shown.text, shown.html = new.get("body", ""), new.get("formatted_body")
            shown.edits += 1
        elif kind == "m.annotation" and event["type"] == "m.reaction":
            who = shown.reactions.setdefault(event["content"]["m.relates_to"]["key"], [])
            if event["sender"] not in who:
                who.append(event["sender"])
    if event_id in gone:
        return Shown("", None, redacted=True)
    return shown


def _with_pills(body: str, pills: Mapping[str, str]) -> str:
    text = html.escape(body, quote=False)
    for word, user in pills.items():
        escaped = html.escape(word, quote=False)
        text = text.replace(escaped, f'<a href="https://matrix.to/#/{user}">{escaped}</a>')
    return text


def _refused(answer: Any) -> Refused:
    body: Json = {"errcode": answer.status_code, "error": answer.message}
    if answer.retry_after_ms is not None:
        body["retry_after_ms"] = answer.retry_after_ms
    response = answer.transport_response
    return Refused(response.status if response is not None else 0, body)


def _canonical(thing: Json) -> bytes:
    plain = {key: value for key, value in thing.items() if key not in {"signatures", "unsigned"}}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _public(seed: Ed25519PrivateKey) -> str:
    return _unpadded(seed.public_key().public_bytes_raw())


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _sign(thing: Json, user: str, seed: Ed25519PrivateKey) -> Json:
    signature = _unpadded(seed.sign(_canonical(thing)))
    return {**thing, "signatures": {user: {f"ed25519:{_public(seed)}": signature}}}


def _verifies(thing: Json, user: str, key_id: str, key: str) -> bool:
    signature = thing.get("signatures", {}).get(user, {}).get(f"ed25519:{key_id}")
    if signature is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(key)).verify(_bytes(signature), _canonical(thing))
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes(unpadded: str) -> bytes:
    return base64.b64decode(unpadded + "=" * (-len(unpadded) % 4))
