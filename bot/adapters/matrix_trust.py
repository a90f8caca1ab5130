"""Whose devices may read what we encrypt: trust on first use, of identities where people have them.

A homeserver tells which devices its users have, and could name one more that is its own. Whoever has cross-signing
signs their devices with an identity; we keep the first identity that we saw and trust what it signed. Of a user
without one we trust each device that is named, and see when a device's key changes.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vodozemac

from bot.adapters.matrix_api import Api, path

if TYPE_CHECKING:
    from nio import AsyncClient

Json = dict[str, Any]
Device = tuple[str, str]
"""A user's id and a device's."""

FILE = "trust.json"
DEVICES_MAX = 200
"""Devices of one user that are looked at: more is not a person."""
QUERY_MILLISECONDS_MAX = 10_000


# --- signatures ----------------------------------------------------------------------------------------------


def canonical(thing: Mapping[str, Any]) -> bytes:
    """What is signed of a thing. Raises ValueError for what JSON cannot say.

    https://spec.matrix.org/latest/appendices/#canonical-json
    """
    bare = {key: value for key, value in thing.items() if key not in ("signatures", "unsigned")}
    text = json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.encode()


def is_signed(thing: Any, *, user: str, key: str, public: str) -> bool:
    """Whether the thing bears a signature of the user's key (`ed25519:<key>`) that is right."""
    try:
        signature = thing["signatures"][user][f"ed25519:{key}"]
        vodozemac.Ed25519PublicKey.from_base64(public).verify_signature(
            canonical(thing), vodozemac.Ed25519Signature.from_base64(signature)
        )
    except (KeyError, TypeError, ValueError, RecursionError, vodozemac.KeyException, vodozemac.SignatureException):
        return False
    return True


def public_key(thing: Any, *, user: str, usage: str) -> str | None:
    """The one key of a user's cross-signing object, unpadded; None: it is none."""
    if not isinstance(thing, dict) or thing.get("user_id") != user:
        return None
    usages, keys = thing.get("usage"), thing.get("keys")
    if not isinstance(usages, list) or usage not in usages or not isinstance(keys, dict) or len(keys) != 1:
        return None
    ((name, key),) = keys.items()
    if not isinstance(key, str) or name != f"ed25519:{key}":
        return None
    try:
        whole = len(base64.b64decode(key + "=" * (-len(key) % 4), validate=True)) == 32
    except (binascii.Error, ValueError):
        return None
    return key if whole else None


@dataclass(frozen=True, slots=True)
class Identity:
    """A user's cross-signing: `signing` is the key that signs devices, None where the master key did not sign it."""

    master: str
    signing: str | None


def identity(answer: Mapping[str, Any], user: str) -> Identity | None:
    """The user's identity in an answer to keys/query; None: they have none."""
    master = public_key(_of(answer, "master_keys", user), user=user, usage="master")
    if master is None:
        return None
    thing = _of(answer, "self_signing_keys", user)
    signing = public_key(thing, user=user, usage="self_signing")
    if signing is not None and not is_signed(thing, user=user, key=master, public=master):
        signing = None
    return Identity(master, signing)


def _of(answer: Mapping[str, Any], kind: str, user: str) -> Any:
    things = answer.get(kind)
    return things.get(user) if isinstance(things, dict) else None


# --- decisions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pin:
    """What we hold on to of a user: the first master key, and the keys of the devices that may read."""

    identity: str | None = None
    devices: Mapping[str, str] = field(default_factory=dict)
    """Device id -> ed25519 key."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a device may read."""

    ed25519: str | None
    trusted: bool
    reason: str
    """`signed`, `first` or `pinned`; `unsigned`, `changed_key`, `malformed`, `not_ours` or `too_many`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows of an answer to keys/query. `pins` are those of all users of whom something was said."""

    decisions: Mapping[Device, Decision]
    pins: Mapping[str, Pin]
    changed: tuple[str, ...] = ()
    """Users with another identity than before: reset by them, or somebody else is behind the account."""
    lost: tuple[str, ...] = ()
    """Users whose identity is not shown any more."""
    unreached: tuple[str, ...] = ()
    """Users of whom nothing was said: their homeserver does not answer."""


@dataclass(frozen=True, slots=True)
class Own:
    """Our own account: `master` is our own identity's key, which is not a matter of trust; None: not made yet."""

    user: str
    master: str | None


def decide(
    answer: Mapping[str, Any], pins: Mapping[str, Pin], users: Iterable[str], *, own: Own | None = None
) -> Verdict:
    """Judge the devices of these users by the homeserver's answer to keys/query."""
    decisions: dict[Device, Decision] = {}
    after: dict[str, Pin] = {}
    changed, lost, unreached = [], [], []
    for user in sorted(set(users)):
        devices = _of(answer, "device_keys", user)
        if not isinstance(devices, dict):
            unreached.append(user)
            continue
        pin = pins.get(user, Pin())
        shown = identity(answer, user)
        ours = own is not None and own.user == user
        if own is not None and ours:
            pin = Pin(own.master, pin.devices)
        if pin.identity is not None and shown is None:
            lost.append(user)
        elif pin.identity is not None and shown is not None and shown.master != pin.identity:
            changed.append(user)
        signing = shown.signing if shown is not None else None
        if ours and (shown is None or own is None or shown.master != own.master):
            signing = None
        judged = {
            device: _judge(devices[device], user, device, pin, shown, signing, ours=ours)
            for device in sorted(devices)[:DEVICES_MAX]
        }
        judged |= {device: Decision(None, False, "too_many") for device in sorted(devices)[DEVICES_MAX:]}
        decisions |= {(user, device): decision for device, decision in judged.items()}
        after[user] = _pin(pin, shown, judged, ours=ours)
    return Verdict(decisions, after, tuple(changed), tuple(lost), tuple(unreached))


def _judge(
    thing: Any, user: str, device: str, pin: Pin, shown: Identity | None, signing: str | None, *, ours: bool
) -> Decision:
    key = device_key(thing, user, device)
    if key is None:
        return Decision(None, False, "malformed")
    known = pin.devices.get(device)
    if known is not None and known != key:
        return Decision(key, False, "changed_key")
    if signing is not None and is_signed(thing, user=user, key=signing, public=signing):
        return Decision(key, True, "signed")
    if ours:
        return Decision(key, False, "not_ours")
    if shown is not None:
        return Decision(key, False, "unsigned")
    if known is not None:
        return Decision(key, True, "pinned")
    if pin.identity is not None:
        return Decision(key, False, "unsigned")
    return Decision(key, True, "first")


def device_key(thing: Any, user: str, device: str) -> str | None:
    """The ed25519 key of a device as its owner uploaded it; None: it is not theirs, not whole, or not signed by itself.

    What is not whole would stop nio, and with it all the others.
    """
    if not isinstance(thing, dict) or thing.get("user_id") != user or thing.get("device_id") != device:
        return None
    keys, algorithms = thing.get("keys"), thing.get("algorithms")
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        return None
    if not isinstance(algorithms, list) or not all(isinstance(name, str) for name in algorithms):
        return None
    key = keys.get(f"ed25519:{device}")
    try:
        vodozemac.Curve25519PublicKey.from_base64(keys[f"curve25519:{device}"])
    except (KeyError, ValueError, vodozemac.KeyException):
        return None
    if key is None or not is_signed(thing, user=user, key=device, public=key):
        return None
    return str(key)


def _pin(pin: Pin, shown: Identity | None, judged: Mapping[str, Decision], *, ours: bool) -> Pin:
    """The user's pin from now on: devices that are gone are let go, so that the file does not grow for ever."""
    master = pin.identity if ours or shown is None else shown.master
    devices = {}
    for device, decision in judged.items():
        if decision.trusted and decision.ed25519 is not None:
            devices[device] = decision.ed25519
        elif decision.reason == "changed_key":
            devices[device] = pin.devices[device]
    return Pin(master, devices)


# --- what is kept --------------------------------------------------------------------------------------------


class Damaged(Exception):
    """What was kept cannot be read; `sentence` says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Trust:
    """The pins, kept in the account's folder. Raises Damaged when they cannot be read."""

    def __init__(self, folder: Path, *, own: Own | None = None) -> None:
        self.own = own
        self.lock = asyncio.Lock()
        self._file = folder / FILE
        self.pins: dict[str, Pin] = self._load()

    def keep(self, pins: Mapping[str, Pin]) -> None:
        """Lay these users' pins over what is kept; nothing is written where nothing is new."""
        new = {user: pin for user, pin in pins.items() if self.pins.get(user, Pin()) != pin}
        if not new:
            return
        self.pins |= new
        users = {user: {"identity": pin.identity, "devices": dict(pin.devices)} for user, pin in self.pins.items()}
        write_private(self._file, json.dumps({"version": 1, "users": users}))

    def _load(self) -> dict[str, Pin]:
        if not self._file.exists():
            return {}
        try:
            users = json.loads(self._file.read_text(encoding="utf-8"))["users"]
            return {user: Pin(pin["identity"], dict(pin["devices"])) for user, pin in users.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged(
                f"{self._file} cannot be read. Put back a copy of it, or move it away: then the bot trusts all that "
                "it meets as if for the first time."
            ) from None


def write_private(file: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# --- nio -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look at devices brought to light."""

    changed: tuple[str, ...] = ()
    """Users with another identity than before: the organizers should know."""
    lost: tuple[str, ...] = ()
    """Users whose identity is not shown any more."""
    unreached: tuple[str, ...] = ()
    """Users of whom nothing could be learned: they are asked for again, after a pause."""
    shut_out: Mapping[Device, str] = field(default_factory=dict)
    """Devices that may not read, and why; the same at each look."""

    def __add__(self, other: Changes) -> Changes:
        """What both brought to light."""
        both = ((*self.changed, *other.changed), (*self.lost, *other.lost), (*self.unreached, *other.unreached))
        return Changes(*both, shut_out={**self.shut_out, **other.shut_out})


def apply(client: AsyncClient, users: Iterable[str], decisions: Mapping[Device, Decision], trust: Trust) -> None:
    """Bring the decisions into nio, so that room keys go to trusted devices and to no other.

    Of whom nothing was decided, the pins decide: so it is after a restart, before anybody could be asked.
    """
    for user in users:
        pinned = trust.pins.get(user, Pin()).devices
        for device in list(client.device_store[user].values()):
            decision = decisions.get((user, device.id))
            # nio holds on to the first key that it saw of a device; what we judged is another one then.
            if decision is not None:
                trusted = decision.trusted and decision.ed25519 == device.ed25519
                if trusted and device.deleted:
                    # nio never notices that a device has come back.
                    device.deleted = False
                    client.store.save_device_keys({user: {device.id: device}})
            else:
                trusted = pinned.get(device.id) == device.ed25519
            if device.deleted:
                continue
            if trusted:
                client.verify_device(device)
            else:
                client.blacklist_device(device)


async def refresh_devices(client: AsyncClient, api: Api, trust: Trust, users: Iterable[str]) -> Changes:
    """Ask for the devices of these users, judge them, and tell nio. Raises ApiProblem or Unreachable."""
    asked = sorted(set(users))
    if not asked:
        return Changes()
    async with trust.lock:
        waiting: set[str] = client.olm.users_for_key_query
        # Who is named again while the answer is under way has changed since: nio would forget it.
        waiting.difference_update(asked)
        try:
            body = {"device_keys": {user: [] for user in asked}, "timeout": QUERY_MILLISECONDS_MAX}
            answer = await api.call("POST", path("keys", "query"), body)
        except BaseException:
            waiting.update(asked)
            raise
        again = waiting.intersection(asked)
        verdict = decide(answer, trust.pins, asked, own=trust.own)
        trust.keep(verdict.pins)
        await _tell(client, answer, verdict)
        apply(client, asked, verdict.decisions, trust)
        waiting.update(again, verdict.unreached)
        shut_out = {device: decision.reason for device, decision in verdict.decisions.items() if not decision.trusted}
        own = (client.user_id, client.device_id)
        shut_out.pop(own, None)
        return Changes(verdict.changed, verdict.lost, verdict.unreached, shut_out)


async def _tell(client: AsyncClient, answer: Mapping[str, Any], verdict: Verdict) -> None:
    """Give nio the devices that are whole, without what it would stumble over."""
    from nio import KeysQueryResponse

    devices: dict[str, Json] = {user: {} for user in verdict.pins}
    for (user, device), decision in verdict.decisions.items():
        if decision.ed25519 is not None:
            thing = {name: value for name, value in answer["device_keys"][user][device].items() if name != "unsigned"}
            own = f"ed25519:{device}"
            devices[user][device] = thing | {"signatures": {user: {own: thing["signatures"][user][own]}}}
    response = KeysQueryResponse.from_dict({"device_keys": devices, "failures": {}})
    if not isinstance(response, KeysQueryResponse):
        raise TypeError("nio does not take an answer to keys/query")
    with client.store.database.atomic():
        await client.receive_response(response)
