"""The bot's encryption: nio's, with what it gets wrong put right, and the ways in which keys travel.

nio writes the two halves of a received room key apart (a kill between them loses it), is stopped for ever by one
malformed event, believes state that was sent encrypted, takes no notice when all one-time keys are used up, and
forgets keys that it has just uploaded when it is killed. https://github.com/matrix-nio/matrix-nio, 0.26.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from nio import AsyncClient, AsyncClientConfig, KeysClaimResponse, KeysUploadResponse
from nio.crypto import OlmDevice, TrustState
from nio.events import Event, MegolmEvent, RoomKeyRequest, RoomKeyRequestCancellation
from nio.store import MatrixStore

from bot.adapters.matrix_api import Api, path
from bot.adapters.matrix_trust import Changes, Trust, refresh_devices

CLAIM_MILLISECONDS_MAX = 10_000
CLAIM_AGAIN_SECONDS = 600.0
"""How long after a vain try the devices that had no one-time keys are asked for some."""
ASK_AGAIN_SECONDS = 60.0
"""How long after a vain try users whose homeserver did not answer are asked for again."""
ROUNDS_MAX = 5
SQLITE_FILES = ("", "-wal", "-shm")

_log = logging.getLogger(__name__)


class NotShared(Exception):
    """The members of the room change faster than they can be given its key."""


class Store(MatrixStore):  # type: ignore[misc]
    """nio's keys on disk, for our eyes only; who is trusted is in memory, since it is decided anew at each start."""

    def __post_init__(self) -> None:
        folder = Path(self.store_path)
        name = self.database_name or f"{self.user_id}_{self.device_id}.db"
        with private():
            os.close(os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600))
            super().__post_init__()
            # A commit is one fsync instead of three; and no step of a ratchet is forgotten, or it would be used twice.
            self.database.execute_sql("PRAGMA journal_mode=WAL")
            self.database.execute_sql("PRAGMA synchronous=FULL")
        for end in SQLITE_FILES:
            file = folder / (name + end)
            if file.exists():
                file.chmod(0o600)

    def save_encrypted_rooms(self, rooms: Iterable[str]) -> None:
        """Remember that these rooms are encrypted; nio says so after every sync, of none at most."""
        if rooms := set(rooms):
            super().save_encrypted_rooms(rooms)

    def verify_device(self, device: OlmDevice) -> bool:
        """Trust it; whether that is new."""
        return _set(device, TrustState.verified)

    def blacklist_device(self, device: OlmDevice) -> bool:
        """Trust it not; whether that is new."""
        return _set(device, TrustState.blacklisted)

    def unverify_device(self, device: OlmDevice) -> bool:
        """Undecided again; whether it was trusted."""
        return device.trust_state is TrustState.verified and _set(device, TrustState.unset)

    def unblacklist_device(self, device: OlmDevice) -> bool:
        """Undecided again; whether it was not trusted."""
        return device.trust_state is TrustState.blacklisted and _set(device, TrustState.unset)

    def is_device_verified(self, device: OlmDevice) -> bool:
        """Whether it may read."""
        return bool(device.trust_state is TrustState.verified)

    def is_device_blacklisted(self, device: OlmDevice) -> bool:
        """Whether it may not."""
        return bool(device.trust_state is TrustState.blacklisted)

    def is_device_ignored(self, device: OlmDevice) -> bool:
        """Never: a device is trusted or not."""
        return False


def _set(device: OlmDevice, state: TrustState) -> bool:
    new = device.trust_state is not state
    device.trust_state = state
    return new


@contextmanager
def private() -> Iterator[None]:
    """What is created meanwhile, only we can read."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


class Client(AsyncClient):  # type: ignore[misc]
    """nio's client, mended. Register no callbacks: work through the answer to a sync instead."""

    def __init__(
        self, homeserver_url: str, user: str, device: str, *, folder: Path, file: str, pickle_key: str
    ) -> None:
        config = AsyncClientConfig(
            store=Store,
            store_name=file,
            pickle_key=pickle_key,
            encryption_enabled=True,
            store_sync_tokens=False,
            max_limit_exceeded=0,
            max_timeouts=0,
        )
        super().__init__(homeserver_url, user, device, store_path=str(folder), config=config)
        self.sharing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.unreached_at: dict[str, float] = {}
        """User -> when we last asked for their devices in vain, by the monotonic clock."""
        self._claimed_at: dict[str, float] = {}

    async def _handle_to_device(self, response: Any) -> None:
        # All or nothing: a key that is only half there after a kill could never be had again.
        with self.store.database.atomic():
            for index, event in enumerate(response.to_device_events):
                if not isinstance(event, RoomKeyRequest | RoomKeyRequestCancellation):
                    response.to_device_events[index] = self._opened(event) or event
                else:
                    self._opened(event)

    def _opened(self, event: Any) -> Any:
        try:
            with self.store.database.atomic():
                return self._handle_decrypt_to_device(event)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # Anybody can send such a thing, and it would come again with every sync.
            _log.warning("malformed_to_device", extra={"error": type(error).__name__})
            return None

    def readable(self, event: MegolmEvent, room_id: str) -> Event | None:
        """What an encrypted event says; None: it cannot be read, or is what nobody may say in this way."""
        event.room_id = room_id
        try:
            said = self.olm._decrypt_megolm_no_error(event, room_id)
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
            _log.warning("malformed_encrypted_event")
            return None
        # State is not encrypted. Who says it so wants to be believed without having the power.
        return None if said is None or "state_key" in said.source else said

    def _handle_timeline_event(self, event: Any, room_id: str, room: Any, encrypted_rooms: set[str]) -> Any:
        if isinstance(event, MegolmEvent):
            return self.readable(event, room_id)
        return super()._handle_timeline_event(event, room_id, room, encrypted_rooms)

    def _handle_messages_response(self, response: Any) -> None:
        for index, event in enumerate(response.chunk):
            if isinstance(event, MegolmEvent):
                response.chunk[index] = self.readable(event, response.room_id) or event

    def _handle_olm_events(self, response: Any) -> None:
        super()._handle_olm_events(response)
        count = response.device_key_count.signed_curve25519
        if count is not None:
            self.olm.uploaded_key_count = count

    def claims_due(self, room_id: str) -> bool:
        """Whether to ask (now) for the one-time keys that are missing in a room: at every new key, else seldom."""
        session = self.olm.outbound_group_sessions.get(room_id)
        now = time.monotonic()
        in_use = session is not None and session.shared and not session.expired
        if in_use and now - self._claimed_at.setdefault(room_id, now) < CLAIM_AGAIN_SECONDS:
            return False
        self._claimed_at[room_id] = now
        return True

    def vouched(self, event: Event) -> bool:
        """Whether a decrypted event came from a trusted device of its sender: the homeserver could say anybody sent it.

        False too while the sender's devices are not known yet: refresh them and ask again.
        """
        device = self.device_store.device_from_sender_key(event.sender, event.sender_key)
        return device is not None and device.trust_state is TrustState.verified


async def upload_keys(client: Client, api: Api) -> None:
    """Upload what is missing of our keys, if anything is. Raises ApiProblem (see `lost_by`) or Unreachable."""
    if not client.should_upload_keys:
        return
    body = client.olm.share_keys()
    # Before they leave: a kill would forget them, and the next ones would have the same names.
    client.olm.save_account()
    answer = await api.call("POST", path("keys", "upload"), body)
    response = KeysUploadResponse.from_dict(answer)
    if not isinstance(response, KeysUploadResponse):
        raise TypeError("nio does not take an answer to keys/upload")
    await client.receive_response(response)


async def claim_keys(client: Client, api: Api, wanted: dict[str, list[str]]) -> bool:
    """Begin Olm sessions with these devices (user -> devices); whether any came about."""
    if not wanted:
        return False
    keys = {user: dict.fromkeys(devices, "signed_curve25519") for user, devices in wanted.items()}
    body = {"one_time_keys": keys, "timeout": CLAIM_MILLISECONDS_MAX}
    answer = await api.call("POST", path("keys", "claim"), body)
    given = answer.get("one_time_keys")
    begun = False
    with client.store.database.atomic():
        for user, devices in given.items() if isinstance(given, dict) else ():
            for device, key in devices.items() if isinstance(devices, dict) else ():
                if device in wanted.get(user, ()):
                    begun |= await _begin(client, user, device, key)
    return begun


async def _begin(client: Client, user: str, device: str, key: Any) -> bool:
    curve25519 = client.device_store[user][device].curve25519
    before = len(client.olm.session_store[curve25519])
    try:
        with client.store.database.atomic():
            response = KeysClaimResponse.from_dict({"one_time_keys": {user: {device: key}}, "failures": {}})
            if isinstance(response, KeysClaimResponse):
                await client.receive_response(response)
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        # A device can upload what it likes; it may not keep the others from reading.
        _log.warning("malformed_one_time_key", extra={"error": type(error).__name__})
    return len(client.olm.session_store[curve25519]) > before


async def share_room_key(client: Client, api: Api, trust: Trust, room_id: str) -> Changes:
    """See to it that all trusted devices of the room's members have the key for what is sent next.

    The members must be known: the first sync asks for the full state. Call `client.encrypt` right afterwards, before
    anything is awaited. Raises ApiProblem or Unreachable: nobody was passed over, and the next try goes on from there.
    Raises NotShared.
    """
    async with client.sharing[room_id]:
        room, olm = client.rooms[room_id], client.olm
        changes = Changes()
        for _ in range(ROUNDS_MAX):
            changes += await look_at_devices(client, api, trust, set(room.users))
            session = olm.outbound_group_sessions.get(room_id)
            missing = _without_session(client, room)
            if missing and client.claims_due(room_id) and await claim_keys(client, api, missing):
                client.invalidate_outbound_session(room_id)
            elif session is not None and session.shared and not session.expired:
                break
            elif session is not None and session.expired:
                del olm.outbound_group_sessions[room_id]
            await _share(client, api, room_id)
            if _everybody_has_it(client, room):
                break
        else:
            raise NotShared
        # nio would ask for the members once more.
        room.members_synced = True
        return changes


async def look_at_devices(client: Client, api: Api, trust: Trust, users: set[str] | None = None) -> Changes:
    """Judge the devices of those (None: of all) of whom something is new. Raises ApiProblem or Unreachable.

    Who could not be asked is asked again after a minute.
    """
    async with trust.lock:
        # Whoever is being asked for just now is known afterwards, and not among those who wait.
        pass
    now = time.monotonic()
    waiting: set[str] = set(client.olm.users_for_key_query)
    if users is None:
        users = waiting
    else:
        undecided = {user for user in users if any(_state(device) is TrustState.unset for device in _of(client, user))}
        waiting = (waiting & users) | undecided
    waiting = {user for user in waiting if now - client.unreached_at.get(user, -ASK_AGAIN_SECONDS) >= ASK_AGAIN_SECONDS}
    changes = await refresh_devices(client, api, trust, waiting)
    for user in waiting:
        client.unreached_at.pop(user, None)
    client.unreached_at |= dict.fromkeys(changes.unreached, now)
    return changes


async def _share(client: Client, api: Api, room_id: str) -> None:
    room, olm = client.rooms[room_id], client.olm
    if session := olm.outbound_group_sessions.get(room_id):
        # Who was shut out at the first try need not be now.
        session.users_ignored.clear()
    with client.store.database.atomic():
        batches = list(olm.share_group_session_parallel(room_id, sorted(room.users)))
    session = olm.outbound_group_sessions[room_id]
    for devices, body in batches:
        await api.call("PUT", path("sendToDevice", "m.room.encrypted", uuid4().hex), body)
        session.users_shared_with.update(devices)


def _everybody_has_it(client: Client, room: Any) -> bool:
    """Whether those who may read have the room's key, and nobody else; if so it can be used."""
    session = client.olm.outbound_group_sessions[room.room_id]
    missing = _without_session(client, room)
    may = {(user, device.id) for user in room.users for device in _of(client, user) if _trusted(client, device)}
    if session.users_shared_with - may:
        # Somebody left, or a device is not trusted any more, while the key was on its way.
        del client.olm.outbound_group_sessions[room.room_id]
        return False
    if may - session.users_shared_with - {(user, device) for user, devices in missing.items() for device in devices}:
        return False
    session.shared = True
    return True


def _without_session(client: Client, room: Any) -> dict[str, list[str]]:
    """The trusted devices of a room to which no key can be sent as yet."""
    missing: dict[str, list[str]] = {}
    for user in room.users:
        for device in _of(client, user):
            if _trusted(client, device) and not client.olm.session_store.get(device.curve25519):
                missing.setdefault(user, []).append(device.id)
    return missing


def _of(client: Client, user: str) -> Iterator[OlmDevice]:
    return client.device_store.active_user_devices(user)  # type: ignore[no-any-return]


def _trusted(client: Client, device: OlmDevice) -> bool:
    # nio passes over every device that has its own id, whosever it is.
    return _state(device) is TrustState.verified and device.id != client.device_id


def _state(device: OlmDevice) -> TrustState:
    return device.trust_state
