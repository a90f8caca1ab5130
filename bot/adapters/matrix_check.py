"""Setting the bot up at a homeserver, and looking whether all is well there: for `solibot init` and `solibot check`.

What is found is told as pairs: what it is, and what to do about it where it is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import time
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from bot.adapters import matrix_account as account
from bot.adapters.matrix_account import AccountDevice, CannotLogIn, CannotSign, KeyStore, NeedsLogin, Session, WrongKey
from bot.adapters.matrix_api import Api, ApiProblem, Json, NotFound, Unreachable, discover, path, versions
from bot.adapters.matrix_rooms import Room, server_of
from bot.adapters.matrix_trust import Damaged, write_private
from bot.text import Listed, T, Text

Unanswered = (ApiProblem, Unreachable)
"""What a call raises."""
Found = tuple[str, str | None]
"""What was found, and what to do about it; None: it is as it should be."""

CALL_SECONDS_MAX = 10.0
DESCRIBING_SECONDS_MAX = 20.0
EVENTS_MAX = 30
"""What a homeserver lets through at a stretch is more than a group of people needs."""
SLOW_SECONDS = 2.0
"""A bot that may speak less often than this lets a busy group wait."""
MEASURING_SECONDS_MAX = 15.0
LEAVING_SECONDS_MAX = 15.0
PATIENCE_SECONDS = 8.0
"""How long it waits to be allowed to make a room."""
ROOMS_AT_ONCE = 8
ROOMS_SEARCHED_MAX = 500
MARK = "org.solibot.measuring"
"""In the creation event of the room in which the message limit is measured, and the type of what is sent there."""
MEASURING_FILE = "measuring.json"
"""There as long as such a room may be: should measuring be cut short, the next one leaves it."""

_STATE = ("m.room.create", "m.room.power_levels", "m.room.encryption", "m.room.tombstone")
_SIGNED = {
    "no_identity": T(
        "The bot's account has no identity (cross-signing), so strict clients cannot read the bot. "
        "“solibot run” makes one; if it does not, “solibot init” does."
    ),
    "other_identity": T(
        "The bot's account has another identity (cross-signing) than the one kept here. If you did not reset it, "
        "change the account's password; “solibot init” gives it the bot's own again."
    ),
    "no_device": T(
        "The homeserver does not show the keys of the bot's device. “solibot run” uploads them; "
        "if it does not, “solibot init” makes a new device."
    ),
    "bad_signature": T(
        "The signature of the bot's device is not right, so strict clients cannot read the bot. "
        "“solibot init” makes a new one; if it comes again, do not trust this homeserver."
    ),
    "unsigned": T(
        "The bot's device is not signed, so strict clients cannot read the bot. "
        "“solibot run” signs it; if it does not, “solibot init” does."
    ),
}


class OtherAccount(Exception):
    """The folder is the home of another account than the one that was named; `sentence` says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


PROBLEMS = (
    CannotLogIn, CannotSign, NeedsLogin, WrongKey, Damaged, NotFound, OtherAccount, ApiProblem, Unreachable,
)  # fmt: skip
"""What `prepare` and `settle` raise."""


def why_not(error: Exception) -> str:
    """One of the `PROBLEMS` as a sentence."""
    if isinstance(error, (ApiProblem, Unreachable)):
        return f"The homeserver does not answer as it should ({error}). Try again in a minute."
    return str(getattr(error, "sentence", error))


def may_be_the_password(error: Exception) -> bool:
    """Whether there is a point in asking for the password again."""
    return isinstance(error, (CannotLogIn, ApiProblem, Unreachable))


# --- setting up ----------------------------------------------------------------------------------------------


async def prepare(
    folder: Path, *, address: str, user: str, password: str, device_name: str = account.DEVICE_NAME
) -> tuple[Session, list[AccountDevice]]:
    """Make the bot's device ready, with its keys and its signed identity; what is kept here already is kept.

    `address`: see `discover`. Returns the session, and the logins of the account that are not ours. Raises
    `PROBLEMS`.
    """
    from bot.adapters.matrix_wire import open_wire

    account.make_folder(folder)
    old = account.kept(folder)
    if old is not None:
        if not _same(old, user):
            raise OtherAccount(
                f"The folder {folder} is the home of another account, {old.user}. Move the folder away, if this bot "
                "is to be somebody else from now on."
            )
        if old.homeserver != address:
            account.keep(folder, replace(old, homeserver=address))
        await _try_password(folder, password)
    wire = await open_wire(folder, homeserver=address, user=user, password=password, device_name=device_name)
    try:
        return wire.session, account.unexpected(await account.devices(wire.api), wire.session)
    finally:
        await wire.close()


async def settle(folder: Path, found: Sequence[AccountDevice], *, password: str, log_out: bool) -> None:
    """Log those other logins out, or take them for ours. Raises what `prepare` raises."""
    session = account.kept(folder)
    assert session is not None
    if not log_out:
        account.know(folder, session, [device.id for device in found])
        return
    api = session.api(seconds=CALL_SECONDS_MAX)
    try:
        for device in found:
            await account.delete_device(api, device.id, user=session.user, password=password)
    finally:
        await api.close()


def _same(session: Session, user: str) -> bool:
    name = user if user.startswith("@") else f"@{user}:{server_of(session.user)}"
    return name.casefold() == session.user.casefold()


async def _try_password(folder: Path, password: str) -> None:
    """Log in as the device that is there: a password that is not right would be missed only when it is too late."""
    session = account.kept(folder)
    assert session is not None
    api = session.api(seconds=CALL_SECONDS_MAX)
    try:
        await api.call("GET", path("account", "whoami"))
    except ApiProblem as problem:
        if problem.logged_out:
            # `open_wire` sees to it.
            return
        raise
    finally:
        await api.close()
    await account.log_in_again(folder, session, password)


def lasting(error: Exception) -> str | None:
    """What only a person can mend, as a sentence; None: trying again may help."""
    if isinstance(error, CannotLogIn):
        # A homeserver that is busy or broken says nothing about the account.
        cause = error.__context__
        if isinstance(cause, ApiProblem) and (cause.status == 429 or cause.status >= 500):
            return None
    if isinstance(error, (CannotLogIn, CannotSign, NeedsLogin, WrongKey, Damaged)):
        return error.sentence
    return None


# --- looking -------------------------------------------------------------------------------------------------


class Inspection:
    """A look at the bot's account and its rooms. It changes nothing but for `limit`, which tidies up."""

    def __init__(self, *, folder: Path, homeserver: str, user: str, password_known: bool) -> None:
        self._folder = folder
        self._homeserver = homeserver
        self._user = user
        self._password_known = password_known
        self.address: str | None = None
        """Where the homeserver is, once `describe` has found it."""
        self.let_in = False
        """Whether `describe` found a session that works."""
        self._session: Session | None = None
        self._api: Api | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._api is not None:
            await self._api.close()

    # --- the account -----------------------------------------------------------------------------------------

    async def describe(self) -> list[tuple[bool, Text]]:
        """What is right and wrong with the bot's account, one sentence each."""
        found: list[tuple[bool, Text]] = []
        try:
            async with asyncio.timeout(DESCRIBING_SECONDS_MAX):
                await self._describe(found)
        except NotFound as error:
            words = T(
                "No homeserver was found: {why} Look at [matrix] in the settings, and try again later; "
                "if it has moved, “solibot init” finds it again.",
                why=error.sentence,
            )
            found.append((False, words))
        except (Damaged, OSError) as error:
            found.append((False, T("What is kept of the bot's account is damaged: {why}", why=_why(error))))
        except (ApiProblem, Unreachable, TimeoutError) as error:
            words = T("The homeserver does not answer as it should ({error}).", error=str(error) or "timeout")
            found.append((False, words))
        return found

    async def _describe(self, found: list[tuple[bool, Text]]) -> None:
        session = account.kept(self._folder)
        given = self._homeserver if self._homeserver.startswith(("http://", "https://")) else None
        known = session.homeserver if session is not None else given
        self.address = known or await discover(self._homeserver, seconds=CALL_SECONDS_MAX)
        spoken = await _spoken(self.address)
        words = T(
            "There is a homeserver at {address}; it speaks Matrix {version}.",
            address=self.address,
            version=_newest(spoken),
        )
        found.append((True, words))
        if session is None:
            found.append((False, self._not_logged_in()))
            return
        if given is not None and given.rstrip("/") != session.homeserver:
            words = T(
                "The settings name the homeserver {address}, but the bot is logged in at {other}. “solibot init” "
                "logs it in where the settings say.",
                address=given,
                other=session.homeserver,
            )
            found.append((False, words))
        if not _same(session, self._user):
            words = T(
                "The settings name {user}, but the bot is logged in as {other}. Change user in [matrix], or "
                "move the folder {folder} away and run “solibot init”.",
                user=self._user,
                other=session.user,
                folder=str(self._folder),
            )
            found.append((False, words))
            return
        self._session, self._api = session, session.api(seconds=CALL_SECONDS_MAX)
        who = await self._who(self._api)
        if who != (session.user, session.device):
            words = T("The homeserver takes the bot for another account or device. Log in again with “solibot init”.")
            found.append((False, self._shut_out() if who is None else words))
            return
        words = T("The bot is logged in as {user}, device {device}.", user=session.user, device=session.device)
        found.append((True, words))
        self.let_in = True
        found.append(await self._signature(self._api, session))
        others = account.unexpected(await account.devices(self._api), session)
        found.append((not others, _others(others)))

    async def _who(self, api: Api) -> tuple[str, str] | None:
        """For whom the homeserver takes us; None: for nobody."""
        assert self._session is not None
        try:
            said = await api.call("GET", path("account", "whoami"))
        except ApiProblem as problem:
            if problem.logged_out:
                return None
            raise
        return str(said.get("user_id")), str(said.get("device_id") or self._session.device)

    def _not_logged_in(self) -> Text:
        if self._password_known:
            return T("The bot is not logged in yet. “solibot run” does it, with the password in the settings.")
        return T("The bot is not logged in, and there is no password in the settings. Run “solibot init”.")

    def _shut_out(self) -> Text:
        if self._password_known:
            return T(
                "The homeserver has ended the bot's access. “solibot run” logs in again, with the password in the "
                "settings; if nobody you know has ended it, change the password."
            )
        return T(
            "The homeserver has ended the bot's access, and there is no password in the settings. "
            "Run “solibot init”; if nobody you know has ended it, change the password."
        )

    async def _signature(self, api: Api, session: Session) -> tuple[bool, Text]:
        master = account.master_key(self._folder)
        if session.fingerprint is None:
            return False, _SIGNED["no_device"]
        if master is None:
            wrong = "no_identity" if await account.signed(api, session.user, session.device) == "no_identity" else None
            return False, _SIGNED[wrong or "other_identity"]
        wrong = await account.signed(api, session.user, session.device, master=master)
        if wrong is not None:
            return False, _SIGNED[wrong]
        return True, T("The bot's device is signed by its identity: strict clients can read it.")

    def keys(self) -> Found:
        """What is there of the device's keys. Not while the bot runs: they are its own then."""
        try:
            session = account.kept(self._folder)
            if session is None:
                return "none yet", None
            state = account.look(self._folder, session)
        except Damaged as error:
            return _halves(error.sentence)
        except Exception as error:  # noqa: BLE001 - whatever the disk or the library says of them, they cannot be read
            return f"they cannot be read ({type(error).__name__}).", f"look at the folder {self._folder}"
        match state:
            case KeyStore.WHOLE:
                return "whole, and they open", None
            case KeyStore.FRESH:
                return "to be made when the bot runs first", None
            case KeyStore.LOST if self._password_known:
                return (
                    "they are lost: what was sent to this device can never be read again.",
                    "put back a newer copy of the folder if there is one; else “solibot run” makes a new device",
                )
            case KeyStore.LOST:
                return (
                    "they are lost: what was sent to this device can never be read again.",
                    "“solibot init” makes a new device; it asks for the password",
                )
            case KeyStore.WRONG_KEY:
                return (
                    f"{account.PICKLE_KEY_FILE} does not open them.",
                    f"put back the right one from your copies; or move {self._folder} away and run “solibot init”",
                )

    # --- rooms -----------------------------------------------------------------------------------------------

    async def rooms(self, ids: Sequence[str]) -> dict[str, Found]:
        """What the bot may do in these rooms. Raises ApiProblem or Unreachable."""
        assert self._api is not None
        assert self._session is not None
        joined = await _joined(self._api)
        found: dict[str, Found] = {}
        for at in range(0, len(ids), ROOMS_AT_ONCE):
            some = ids[at : at + ROOMS_AT_ONCE]
            rooms = [Room(room_id, self._session.user) for room_id in some]
            there = [room for room in rooms if room.id in joined]
            # Not by a sync, which would be one call: asked for certain rooms, Synapse leaves out how those of the
            # newer versions were made.
            await asyncio.gather(*(_take(self._api, room, kind) for room in there for kind in _STATE))
            found |= {room.id: _standing(room, joined) if room.id in joined else _GONE for room in rooms}
        return found

    # --- the message limit -----------------------------------------------------------------------------------

    async def limit(self) -> Found:
        """How much the homeserver lets the bot say: tried in a room of its own, of which nothing is left."""
        assert self._api is not None
        assert self._session is not None
        try:
            if (told := await self._told_limit(self._api, self._session.user)) is not None:
                return told
            count, seconds = await self._measured(self._api)
        except ApiProblem as problem:
            if problem.status == 403:
                return (
                    "the account may not make rooms, so the bot can write to nobody in private.",
                    "ask those who run the homeserver, or take another one",
                )
            if problem.status == 429:
                wait = f" for {_seconds(problem.retry_after_seconds)}" if problem.retry_after_seconds else ""
                return f"not measured: the homeserver wants to be left alone{wait}", None
            return f"not measured: the homeserver answered {problem}", None
        except (Unreachable, TimeoutError) as error:
            return f"not measured: the homeserver does not answer ({type(error).__name__})", None
        if seconds is None:
            return f"none that matters: {count} messages at a stretch were let through", None
        return _limited(count, seconds, self._session.user)

    async def _told_limit(self, api: Api, user: str) -> Found | None:
        """What Synapse tells of the account's own limit, if it is one of an administrator."""
        try:
            said = await api.call("GET", f"/_synapse/admin/v1/users/{quote(user, safe='')}/override_ratelimit")
        except ApiProblem:
            return None
        rate, burst = said.get("messages_per_second"), said.get("burst_count")
        if not isinstance(rate, (int, float)) or not isinstance(burst, int):
            return None
        if not rate:
            return "none: the homeserver makes an exception for the bot", None
        return _limited(burst, 1 / rate, user)

    async def _measured(self, api: Api) -> tuple[int, float | None]:
        """How many events go through at a stretch, and in how many seconds one more (None: no end was found)."""
        await self._leave_old(api)
        file = self._folder / MEASURING_FILE
        write_private(file, json.dumps({"room": None}))
        began = time.monotonic()
        room_id: str | None = None
        try:
            async with asyncio.timeout(MEASURING_SECONDS_MAX):
                room_id = await _make_room(api)
                write_private(file, json.dumps({"room": room_id}))
                for count in range(EVENTS_MAX):
                    before = time.monotonic()
                    try:
                        await api.call("PUT", path("rooms", room_id, "send", MARK, uuid4().hex), {})
                    except ApiProblem as problem:
                        if problem.status != 429:
                            raise
                        # It is told when one more may come, counted from the first.
                        return count, (problem.retry_after_seconds or 0.0) + before - began
            return EVENTS_MAX, None
        except ApiProblem as problem:
            if room_id is None and problem.status < 500:
                # It said no, so there is none.
                file.unlink(missing_ok=True)
            raise
        finally:
            if room_id is not None and await _left(api, room_id):
                file.unlink(missing_ok=True)

    async def _leave_old(self, api: Api) -> None:
        """Leave the room of a measuring that was cut short."""
        file = self._folder / MEASURING_FILE
        if not file.exists():
            return
        try:
            room_id = json.loads(file.read_text("utf-8")).get("room")
        except (ValueError, AttributeError):
            room_id = None
        rooms = [room_id] if isinstance(room_id, str) else await self._marked(api)
        if all([await _left(api, room) for room in rooms]):
            file.unlink(missing_ok=True)

    async def _marked(self, api: Api) -> list[str]:
        """The rooms that were made to measure in."""
        found = []
        for room_id in sorted(await _joined(api))[:ROOMS_SEARCHED_MAX]:
            with contextlib.suppress(ApiProblem):
                if (await api.call("GET", path("rooms", room_id, "state", "m.room.create", ""))).get(MARK) is True:
                    found.append(room_id)
        return found


async def _make_room(api: Api) -> str:
    body: Json = {"preset": "private_chat", "visibility": "private", "creation_content": {MARK: True}}
    for last in (False, True):
        try:
            made = (await api.call("POST", path("createRoom"), body)).get("room_id")
        except ApiProblem as problem:
            wait = problem.retry_after_seconds
            if last or problem.status != 429 or wait is None or wait > PATIENCE_SECONDS:
                raise
            await asyncio.sleep(wait + 0.1)
            continue
        if not isinstance(made, str):
            raise Unreachable("no room")
        return made
    raise AssertionError


async def _left(api: Api, room_id: str) -> bool:
    """Whether the room could be left, and is forgotten. What was measured may mean that it takes a while."""
    end = time.monotonic() + LEAVING_SECONDS_MAX
    while True:
        try:
            await api.call("POST", path("rooms", room_id, "leave"))
            break
        except ApiProblem as problem:
            wait = problem.retry_after_seconds or 1.0
            if problem.status in (403, 404):
                # Out of it already.
                break
            if problem.status != 429 or time.monotonic() + wait > end:
                return False
        except Unreachable:
            return False
        await asyncio.sleep(wait + 0.1)
    with contextlib.suppress(ApiProblem, Unreachable):
        await api.call("POST", path("rooms", room_id, "forget"))
    return True


async def _spoken(address: str) -> tuple[str, ...]:
    api = Api(address, seconds=CALL_SECONDS_MAX)
    try:
        return await versions(api)
    except NotFound as error:
        raise NotFound(f"{address}: {error.sentence}") from None
    finally:
        await api.close()


async def _take(api: Api, room: Room, kind: str) -> None:
    where = path("rooms", room.id, "state", kind, "")
    try:
        event = await api.call("GET", where, query={"format": "event"})
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        return
    if "content" not in event:
        # Older servers tell only the content.
        event = {"type": kind, "state_key": "", "sender": event.get("creator", ""), "content": event}
    room.take(event)


async def _joined(api: Api) -> frozenset[str]:
    said = (await api.call("GET", path("joined_rooms"))).get("joined_rooms")
    return frozenset(room for room in said if isinstance(room, str)) if isinstance(said, list) else frozenset()


def exposed(folder: Path) -> list[Path]:
    """What of the account's folder others of this machine can get at. Raises OSError."""
    if not folder.exists():
        return []
    return [file for file in (folder, *sorted(folder.rglob("*"))) if file.stat().st_mode & 0o077]


# --- words ---------------------------------------------------------------------------------------------------


def _others(devices: Sequence[AccountDevice]) -> Text:
    if not devices:
        return T("Nobody else is logged in to the bot's account.")
    named = Listed(tuple(f"{device.name} ({device.id})" if device.name else device.id for device in devices[:5]))
    return T(
        "Somebody else is logged in to the bot's account: {devices}. If that is not you, change the password; "
        "“solibot init” ends every login that is not its own.",
        devices=named,
    )


def _standing(room: Room, joined: Container[str]) -> Found:
    if room.successor is not None and room.successor in joined:
        return "replaced by another room, in which the bot is too; it goes on there when it runs", None
    if room.successor is not None:
        return "it was replaced by another room.", "invite the bot into the new one"
    me = room.me
    kind = "m.room.encrypted" if room.encrypted else "m.room.message"
    shape = f"{'encrypted' if room.encrypted else 'not encrypted'}, version {room.version}"
    if not room.may_send(me, kind):
        has, needs = _level(room.power(me)), _level(room.needed(kind))
        return (
            f"the bot may not write there: that takes power {needs}, and it has {has} ({shape}).",
            f"whoever manages the room gives it power {needs}",
        )
    taps = "" if room.may_send(me, "m.reaction") else "; it may not react, so it puts no numbers to tap under messages"
    return f"the bot may write ({shape}, power {_level(room.power(me))}){taps}", None


_GONE: Found = ("the bot is not in it any more.", "invite it again")


def _level(power: float) -> str:
    return "without end" if math.isinf(power) else f"{power:.0f}"


def _limited(count: int, seconds: float, user: str) -> Found:
    what = f"about {count} messages at a stretch, then one every {_seconds(seconds)}"
    if seconds <= SLOW_SECONDS:
        return what, None
    return (
        f"{what}: a busy group would wait for its answers.",
        "ask those who run the homeserver to make an exception for the bot (Synapse: POST "
        f"/_synapse/admin/v1/users/{user}/override_ratelimit with messages_per_second 0 and burst_count 0)",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1.5 else f"{max(seconds, 0.1):.1f} s"


def _newest(spoken: Sequence[str]) -> str:
    """`1.12` of `("r0.6.1", "v1.1", "v1.12")`."""
    numbers = [
        (int(found[1]), int(found[2])) for one in spoken if (found := re.fullmatch(r"v(\d{1,3})\.(\d{1,3})", one))
    ]
    return ".".join(map(str, max(numbers))) if numbers else ", ".join(spoken[-1:])


def _halves(sentence: str) -> Found:
    what, _, remedy = sentence.partition(". ")
    return f"{what.rstrip('.')}.", remedy or "look at it"


def _why(error: Any) -> str:
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read ({(error.strerror or 'error').lower()})."
    return str(error.sentence)
