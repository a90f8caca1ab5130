"""One account at a homeserver: what comes in is decrypted, what goes out encrypted, and keys are kept in order."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nio.events import MegolmEvent
from nio.responses import SyncResponse

from bot.adapters import matrix_account as account
from bot.adapters.matrix_account import NeedsLogin, Session
from bot.adapters.matrix_api import Api, ApiProblem, discover, path
from bot.adapters.matrix_keys import Client, NotShared, claim_keys, look_at_devices, share_room_key, upload_keys
from bot.adapters.matrix_trust import Trust
from bot.chat import ChatClosed, DeliveryProblem, MessageGone, NotReached, Refused, SlowDown

log = logging.getLogger(__name__)

Json = dict[str, Any]

TIMELINE_MAX = 100
"""Events of a room in one answer; homeservers give no more, however many are asked for."""
FILTER = json.dumps(
    {
        "room": {"timeline": {"limit": TIMELINE_MAX}, "ephemeral": {"types": []}, "account_data": {"types": []}},
        "presence": {"types": []},
        "account_data": {"types": ["m.direct"]},
    }
)
WATCHDOG_SECONDS = 30.0
"""An answer that is so much later than was asked for does not come any more."""
FIRST_SECONDS = 300.0
"""The first answer holds the state of all rooms, and some homeservers take their time over it."""
BUSY = frozenset({429, 502, 503, 504})
"""With these a homeserver, or what is before it, says that it may be otherwise soon."""
_FOR_KEYS = frozenset({"m.room.member", "m.room.encryption", "m.room.create"})
"""What the library must see of a room; the rest costs time and tells it nothing."""


class Unopened(Exception):
    """What the homeserver answered makes no sense."""


@dataclass(slots=True)
class Read:
    """An event of a timeline: as it is, or decrypted."""

    event: Json
    said: Any = None
    """The library's own view of it, where it was decrypted."""
    outside: Json = field(default_factory=dict)
    """Where it was decrypted, what could be read without."""
    vouched: bool = True
    """It came from a device that its sender stands by; known once the senders were checked."""
    known: bool = False
    """It was carried out before: only what it changes of the room counts."""

    @property
    def decrypted(self) -> bool:
        """Whether it was encrypted and could be read."""
        return self.said is not None


@dataclass(slots=True)
class Joined:
    """What is new in a room that the bot is in, in order."""

    state: list[Json]
    timeline: list[Read]
    limited: bool
    """There was more, older than the timeline."""
    before: str | None
    """From here on back."""


@dataclass(slots=True)
class Batch:
    """One answer to a sync."""

    next: str
    joined: dict[str, Joined] = field(default_factory=dict)
    invites: dict[str, list[Json]] = field(default_factory=dict)
    """Room -> what is told of it before one is in it."""
    left: dict[str, Json | None] = field(default_factory=dict)
    """Room -> the event by which the bot is not in it any more, where it is told."""
    to_devices: list[Json] = field(default_factory=list)
    """What came straight to this device."""
    directs: Json | None = None
    """The rooms that the account has marked as private, where that changed."""


class Wire:
    """The account's connection, its keys, and whom it trusts."""

    def __init__(
        self, session: Session, api: Api, client: Client, trust: Trust, *, watchdog_seconds: float = WATCHDOG_SECONDS
    ) -> None:
        self._watchdog_seconds = watchdog_seconds
        self._keys_left: object = None
        """What the homeserver last told of our one-time keys."""
        self.session = session
        self.api = api
        self.client = client
        self.trust = trust

    @property
    def me(self) -> str:
        """The bot's own account."""
        return self.session.user

    # --- reading -----------------------------------------------------------------------------------------------

    async def sync(self, since: str | None, *, seconds: float, everything: bool) -> Batch:
        """Wait for news. `everything`: with the whole state of all rooms. Raises ApiProblem, Unreachable or Unopened.

        When this returns the keys that came are stored, so that the next call may acknowledge them.
        """
        query = {"filter": FILTER, "timeout": str(int(seconds * 1000))}
        if since is not None:
            query["since"] = since
        if everything:
            query["full_state"] = "true"
        patience = FIRST_SECONDS if everything else seconds + self._watchdog_seconds
        body = await self.api.call("GET", path("sync"), query=query, seconds=patience)
        following = body.get("next_batch")
        if not isinstance(following, str):
            raise Unopened
        await self._take_keys(body)
        return _batch(body, following, self.read, self.me)

    async def _take_keys(self, body: Json) -> None:
        """Show the library what it needs to encrypt and decrypt."""
        slim = _for_keys(body)
        count = body.get("device_one_time_keys_count")
        if not _concerns_keys(slim) and count == self._keys_left:
            # Most answers: the library would spend more time on nothing than all else takes.
            return
        # It never looks at an answer twice, and the same token means to it that it did.
        self.client.next_batch = ""
        response = SyncResponse.from_dict(slim)
        if not isinstance(response, SyncResponse):
            raise Unopened
        await self.client.receive_response(response)
        self._keys_left = count

    def read(self, room_id: str, event: Json) -> Read:
        """An event, decrypted where it is encrypted and its key is there."""
        if event.get("type") != "m.room.encrypted" or event.get("sender") == self.me:
            # Of what we sent ourselves all that we look at can be read without.
            return Read(event)
        parsed = MegolmEvent.from_dict(event)
        said = self.client.readable(parsed, room_id) if isinstance(parsed, MegolmEvent) else None
        return Read(event) if said is None else _opened(event, said)

    async def check_senders(self, events: Sequence[Read]) -> None:
        """For those that were decrypted: whether the device is one that the sender stands by."""
        unknown = {read.event["sender"] for read in events if read.decrypted and not self._vouched(read)}
        if unknown:
            # Their devices may be new: look again before anything is held against them.
            await look_at_devices(self.client, self.api, self.trust, unknown)
        for read in events:
            if read.decrypted:
                read.vouched = self._vouched(read)

    def _vouched(self, read: Read) -> bool:
        return read.event["sender"] == self.me or self.client.vouched(read.said)

    async def messages(self, room_id: str, start: str | None) -> tuple[list[Json], str | None]:
        """A page of what was said before `start` (None: the newest), newest first, and where the next one begins."""
        query = {"dir": "b", "limit": str(TIMELINE_MAX)}
        if start is not None:
            query["from"] = start
        body = await self.api.call("GET", path("rooms", room_id, "messages"), query=query)
        chunk, end = body.get("chunk"), body.get("end")
        events = [event for event in chunk if _is_event(event)] if isinstance(chunk, list) else []
        return events, end if isinstance(end, str) and end != start else None

    async def author(self, room_id: str, event_id: str) -> str | None:
        """Who wrote a message; None: nobody can tell."""
        sender = (await self.event(room_id, event_id) or {}).get("sender")
        return sender if isinstance(sender, str) else None

    async def event(self, room_id: str, event_id: str) -> Json | None:
        """An event as it was sent; None: the homeserver does not give it out."""
        try:
            return await self.api.call("GET", path("rooms", room_id, "event", event_id))
        except ApiProblem as problem:
            # What people name may be anything, and must not keep anybody from being heard.
            if problem.logged_out or problem.status in BUSY:
                raise
            return None

    async def upkeep(self) -> bool:
        """What keys need after a sync: more of them uploaded, new devices looked at, broken sessions begun again.

        Whether somebody has another identity than before. Raises ApiProblem or Unreachable.
        """
        await upload_keys(self.client, self.api)
        changes = await look_at_devices(self.client, self.api, self.trust)
        if self.client.should_claim_keys:
            wanted = self.client.get_users_for_key_claiming()
            await claim_keys(self.client, self.api, {user: [*devices] for user, devices in wanted.items()})
        await self.client.send_to_device_messages()
        return bool(changes.changed)

    # --- rooms -------------------------------------------------------------------------------------------------

    async def join(self, room_id: str, via: Iterable[str]) -> None:
        """Go into a room; `via`: servers that know it. Raises ApiProblem or Unreachable."""
        query = urlencode([(name, server) for server in via for name in ("server_name", "via")])
        await self.api.call("POST", f"{path('join', room_id)}?{query}", seconds=FIRST_SECONDS)

    async def invites(self) -> dict[str, list[Json]]:
        """The invitations that are open, as in `Batch`: a later answer to a sync does not tell of them again.

        Raises ApiProblem or Unreachable.
        """
        none: Json = {"types": []}
        bare = {"room": {"state": none, "timeline": none, "ephemeral": none, "account_data": none}, "presence": none}
        query = {"filter": json.dumps(bare), "timeout": "0"}
        body = await self.api.call("GET", path("sync"), query=query, seconds=FIRST_SECONDS)
        return _invites(body.get("rooms"))

    async def leave(self, room_id: str, why: str) -> None:
        """Out of a room, or not into it, with a word to those who are. Raises ApiProblem or Unreachable."""
        await self.api.call("POST", path("rooms", room_id, "leave"), {"reason": why})

    def forget(self, room_id: str) -> None:
        """The bot is not in this room any more."""
        self.client.rooms.pop(room_id, None)

    async def unexpected_devices(self) -> bool:
        """Whether somebody else is logged in to the account. Raises ApiProblem or Unreachable."""
        return bool(account.unexpected(await account.devices(self.api), self.session))

    # --- writing -----------------------------------------------------------------------------------------------

    async def send(
        self, room_id: str, kind: str, content: Json, *, transaction: str, encrypted: bool, mark: Json
    ) -> str:
        """Send an event once, however often it is tried; its id. `mark`: what stays readable in any case.

        Raises a DeliveryProblem.
        """
        if encrypted and kind != "m.reaction":
            try:
                await share_room_key(self.client, self.api, self.trust, room_id)
            except NotShared:
                raise NotReached from None
            # Nothing may be waited for in between: the key has gone to those who are in the room now.
            kind, content = self.client.encrypt(room_id, kind, content)
        answer = await self.api.call("PUT", path("rooms", room_id, "send", kind, transaction), {**content, **mark})
        event_id = answer.get("event_id")
        if not isinstance(event_id, str):
            raise NotReached
        return event_id

    async def close(self) -> None:
        """Let go of the connections and of the key store."""
        await self.api.close()
        await self.client.close()
        if self.client.store is not None:
            self.client.store.database.close()


async def open_wire(
    folder: Path,
    *,
    homeserver: str,
    user: str,
    password: str | None,
    device_name: str,
    watchdog_seconds: float = WATCHDOG_SECONDS,
) -> Wire:
    """The account, logged in, with its keys loaded, uploaded and signed; what was lost is made anew where it can be.

    Raises NeedsLogin, CannotLogIn, CannotSign, WrongKey, Damaged, NotFound, ApiProblem or Unreachable.
    """
    if account.kept(folder) is None and password is not None:
        await _log_in(folder, homeserver=homeserver, user=user, password=password, device_name=device_name)
    session, found = await account.ready(folder, password=password)
    if found is account.KeyStore.LOST:
        log.warning("the keys were lost: this is a new device")
    try:
        return await _open(folder, session, password, watchdog_seconds)
    except ApiProblem as problem:
        if password is None or not (problem.logged_out or account.lost_by(problem)):
            raise
        log.warning("logging in again", extra={"soft": problem.soft_logout})
        if problem.soft_logout:
            session = await account.log_in_again(folder, session, password)
        else:
            session = await _log_in(
                folder, homeserver=homeserver, user=user, password=password, device_name=device_name
            )
    return await _open(folder, session, password, watchdog_seconds)


async def _log_in(folder: Path, *, homeserver: str, user: str, password: str, device_name: str) -> Session:
    url = await discover(homeserver)
    return await account.log_in(folder, homeserver=url, user=user, password=password, device_name=device_name)


async def _open(folder: Path, session: Session, password: str | None, watchdog_seconds: float) -> Wire:
    api = session.api()
    client: Client | None = None
    try:
        who = await api.call("GET", path("account", "whoami"))
        if who.get("user_id") != session.user or who.get("device_id") not in (None, session.device):
            raise NeedsLogin("logged_out", "The session of the bot's Matrix account is of another one. Log in again.")
        session, client = account.open_client(folder, session)
        await upload_keys(client, api)
        await account.cross_sign(api, session, folder, password)
        return Wire(session, api, client, account.trust(folder, session), watchdog_seconds=watchdog_seconds)
    except BaseException:
        await api.close()
        if client is not None:
            await client.close()
            client.store.database.close()
        raise


def _opened(event: Json, said: Any) -> Read:
    source, outside = said.source, event.get("content")
    opened = {**event, "type": source.get("type"), "content": source.get("content")}
    # State is never encrypted: what claims to be is not.
    opened.pop("state_key", None)
    return Read(opened, said, outside if isinstance(outside, dict) else {})


def _for_keys(body: Json) -> Json:
    """A copy of the answer that the library may change, with what it needs."""
    rooms = body.get("rooms")
    join = rooms.get("join") if isinstance(rooms, dict) else None
    slim: Json = {}
    for room_id, room in join.items() if isinstance(join, dict) else ():
        timeline = room.get("timeline", {})
        events, state = _for_keys_of(timeline), _for_keys_of(room.get("state", {}))
        if not events and not state:
            continue
        slim[room_id] = {
            "timeline": {"events": events, "limited": False, "prev_batch": timeline.get("prev_batch", "")},
            "state": {"events": state},
            "summary": room.get("summary", {}),
            "ephemeral": {"events": []},
            "account_data": {"events": []},
        }
    kept = ("next_batch", "to_device", "device_lists", "device_one_time_keys_count")
    return {**{key: body[key] for key in kept if key in body}, "rooms": {"join": slim, "invite": {}, "leave": {}}}


def _concerns_keys(slim: Json) -> bool:
    lists = slim.get("device_lists", {})
    return bool(
        slim["rooms"]["join"] or slim.get("to_device", {}).get("events") or lists.get("changed") or lists.get("left")
    )


def _for_keys_of(part: Json) -> list[Json]:
    return [_bare(event) for event in part.get("events", ()) if _is_event(event) and event["type"] in _FOR_KEYS]


def _bare(event: Json) -> Json:
    """A copy for the library; of a membership event what it needs: over anything odd it would pass over the event.

    Then somebody who has left would still be given keys.
    """
    content = event.get("content")
    if event["type"] != "m.room.member" or not isinstance(content, dict):
        return dict(event)
    kept = ("type", "event_id", "sender", "state_key", "origin_server_ts")
    bare = {name: event[name] for name in kept if name in event}
    return {**bare, "content": {"membership": content.get("membership")}, "unsigned": {}}


def _batch(body: Json, following: str, read: Callable[[str, Json], Read], me: str) -> Batch:
    batch = Batch(following)
    rooms = body.get("rooms")
    rooms = rooms if isinstance(rooms, dict) else {}
    for room_id, room in rooms.get("join", {}).items():
        timeline = room.get("timeline", {})
        batch.joined[room_id] = Joined(
            state=[event for event in room.get("state", {}).get("events", ()) if _is_event(event)],
            timeline=[read(room_id, event) for event in timeline.get("events", ()) if _is_event(event)],
            limited=timeline.get("limited") is True,
            before=timeline.get("prev_batch"),
        )
    batch.invites = _invites(rooms)
    for room_id, room in rooms.get("leave", {}).items():
        events = [*room.get("state", {}).get("events", ()), *room.get("timeline", {}).get("events", ())]
        own = [
            event
            for event in events
            if _is_event(event) and event["type"] == "m.room.member" and event.get("state_key") == me
        ]
        batch.left[room_id] = own[-1] if own else None
    straight = body.get("to_device")
    told = straight.get("events") if isinstance(straight, dict) else None
    batch.to_devices = [event for event in told if isinstance(event, dict)] if isinstance(told, list) else []
    for event in body.get("account_data", {}).get("events", ()):
        if isinstance(event, dict) and event.get("type") == "m.direct" and isinstance(event.get("content"), dict):
            batch.directs = event["content"]
    return batch


def _invites(rooms: object) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for room_id, room in rooms.get("invite", {}).items() if isinstance(rooms, dict) else ():
        events = room.get("invite_state", {}).get("events", ())
        found[room_id] = [event for event in events if isinstance(event, dict)]
    return found


def _is_event(event: object) -> bool:
    return isinstance(event, dict) and isinstance(event.get("type"), str) and isinstance(event.get("event_id"), str)


def problem(error: ApiProblem, *, edits: bool = False) -> DeliveryProblem:
    """What an error of the homeserver means for what was to be sent."""
    if error.status == 429:
        return SlowDown(error.retry_after_seconds or 5.0)
    if error.logged_out or error.status >= 500 or error.status in (401, 408):
        return NotReached()
    if error.status in (403, 404):
        return ChatClosed()
    if edits and error.status == 400:
        # The message is in a room that this one took the place of, or nowhere at all.
        return MessageGone()
    return Refused()
