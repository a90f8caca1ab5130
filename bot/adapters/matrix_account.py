"""The bot's Matrix account at rest: its session, its keys and its identity, in a folder that only the bot can read.

Whoever has this folder is the bot. Its files: `session.json` (the device and its token), `pickle.key` and `store/`
(the device's keys and what opens them), `identity.json` (the seeds of cross-signing), `trust.json` (whom we trust).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bot.adapters.matrix_api import Api, ApiProblem, path
from bot.adapters.matrix_trust import (
    Damaged,
    Own,
    Trust,
    canonical,
    device_key,
    identity,
    is_signed,
    write_private,
)

if TYPE_CHECKING:
    from bot.adapters.matrix_keys import Client

SESSION_FILE = "session.json"
NEXT_DEVICE_FILE = "device.next"
IDENTITY_FILE = "identity.json"
PICKLE_KEY_FILE = "pickle.key"
STORE_FOLDER = "store"
DEVICE_NAME = "Solibot"
PASSWORD = "m.login.password"  # noqa: S105 - a kind of login
KNOWN_MAX = 200

_USAGES = ("master", "self_signing", "user_signing")


class CannotLogIn(Exception):
    """The homeserver does not let us in; `sentence` says why, to whoever set it up. `certain`: no login was made."""

    def __init__(self, sentence: str, *, certain: bool = True) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.certain = certain


class NeedsLogin(Exception):
    """It takes the password to go on; `sentence` says what to do, `reason` is why.

    `reason`: `logged_out`, `lost_store`, `no_identity`, `other_identity` or `confirm`.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class WrongKey(Exception):
    """`pickle.key` is not the one that the device's keys were locked with; `sentence` says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class CannotSign(Exception):
    """The bot's device cannot be cross-signed; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


# --- the session ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login. `fingerprint` is the device's public key once its keys were made: they are never uploaded before."""

    homeserver: str
    user: str
    device: str
    token: str
    fingerprint: str | None = None
    known: tuple[str, ...] = ()
    """The devices of this account that we made, or that were told to us as ours."""

    def __repr__(self) -> str:
        return f"Session(device={self.device})"

    def api(self, *, seconds: float = 60.0) -> Api:
        """The way to the homeserver, as this device."""
        return Api(self.homeserver, token=self.token, seconds=seconds)


def kept(folder: Path) -> Session | None:
    """The login that is kept here; None: none yet. Raises Damaged."""
    file = folder / SESSION_FILE
    if not file.exists():
        return None
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return Session(
            homeserver=str(said["homeserver"]),
            user=str(said["user"]),
            device=str(said["device"]),
            token=str(said["token"]),
            fingerprint=said.get("fingerprint"),
            known=tuple(said.get("known", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"{file} cannot be read. Put back a copy of it, or log in again with “solibot init”.") from None


def keep(folder: Path, session: Session) -> None:
    """Keep the login."""
    make_folder(folder)
    write_private(folder / SESSION_FILE, json.dumps(asdict(session), indent=1))


def make_folder(folder: Path) -> None:
    """Make a folder that only we can look into, or close one that is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


async def log_in(folder: Path, *, homeserver: str, user: str, password: str, device_name: str = DEVICE_NAME) -> Session:
    """Log in as a new device and keep the session. Raises CannotLogIn or Unreachable.

    `homeserver`: its address for clients, see `discover`.
    """
    before = kept(folder)
    # Chosen and kept before it is asked for: a kill right after the answer would leave a login that nobody knows of.
    device = _next_device(folder, before)
    body = {"initial_device_display_name": device_name, "device_id": device}
    try:
        made = await _log_in(homeserver, user, password, body)
    except CannotLogIn as error:
        if error.certain:
            (folder / NEXT_DEVICE_FILE).unlink(missing_ok=True)
        raise
    if before is not None and before.user == made.user:
        made = replace(made, known=(*before.known, *made.known)[-KNOWN_MAX:])
    keep(folder, made)
    (folder / NEXT_DEVICE_FILE).unlink(missing_ok=True)
    return made


def _next_device(folder: Path, before: Session | None) -> str:
    """The id of the device that is to be made, the same until it is; never one that had keys."""
    file = folder / NEXT_DEVICE_FILE
    said = file.read_text(encoding="ascii").strip() if file.exists() else ""
    if re.fullmatch(r"[A-Z]{10}", said) and (before is None or said not in (before.device, *before.known)):
        return said
    device = "".join(secrets.choice(string.ascii_uppercase) for _ in range(10))
    make_folder(folder)
    write_private(file, device + "\n")
    return device


async def log_in_again(folder: Path, old: Session, password: str) -> Session:
    """Log in as the same device, whose keys we have, after a soft logout. Raises CannotLogIn or Unreachable."""
    made = await _log_in(old.homeserver, old.user, password, {"device_id": old.device})
    if made.user != old.user or made.device != old.device:
        raise CannotLogIn("The homeserver did not give us back our device. Log in as a new one.")
    made = replace(old, token=made.token)
    keep(folder, made)
    return made


async def _log_in(homeserver: str, user: str, password: str, more: Mapping[str, Any]) -> Session:
    api = Api(homeserver)
    try:
        if not await _takes_passwords(api):
            raise CannotLogIn(
                "This homeserver does not let programs log in with a password. Make the bot's account on another one."
            )
        body = {"type": PASSWORD, "identifier": {"type": "m.id.user", "user": user}, "password": password, **more}
        answer = await api.call("POST", path("login"), body)
    except ApiProblem as problem:
        raise CannotLogIn(_why_not(problem), certain=problem.status < 500) from None
    finally:
        await api.close()
    found = [answer.get(name) for name in ("user_id", "device_id", "access_token")]
    if not all(isinstance(one, str) and one for one in found):
        raise CannotLogIn("The homeserver answered a login with nothing that can be used.", certain=False)
    name, device, token = (str(one) for one in found)
    return Session(homeserver=homeserver, user=name, device=device, token=token, known=(device,))


async def _takes_passwords(api: Api) -> bool:
    flows = (await api.call("GET", path("login"))).get("flows")
    return isinstance(flows, list) and any(isinstance(flow, dict) and flow.get("type") == PASSWORD for flow in flows)


def _why_not(problem: ApiProblem) -> str:
    match problem.code:
        case "M_FORBIDDEN" | "M_INVALID_USERNAME":
            return "The homeserver says that the user name or the password is not right."
        case "M_USER_DEACTIVATED":
            return "This account was closed. Make another one for the bot."
        case "M_USER_LOCKED" | "M_USER_SUSPENDED":
            return "This account is locked. Ask those who run the homeserver."
        case "M_LIMIT_EXCEEDED":
            wait = problem.retry_after_seconds
            return f"Too many logins: try again in {wait:.0f} s." if wait else "Too many logins: try again later."
        case _:
            return f"The homeserver answered a login with {problem}."


async def log_out(api: Api) -> None:
    """End the session at the homeserver; it is no error where it had ended. Raises ApiProblem or Unreachable."""
    try:
        await api.call("POST", path("logout"))
    except ApiProblem as problem:
        if not problem.logged_out:
            raise


# --- the key store -------------------------------------------------------------------------------------------


class KeyStore(Enum):
    """What was found where the device's keys should be."""

    FRESH = "fresh"
    """A new device, whose keys are yet to be made."""
    WHOLE = "whole"
    LOST = "lost"
    """The device had keys and they are gone: nothing sent to it can ever be read again."""
    WRONG_KEY = "wrong_key"


def store_file(folder: Path, session: Session) -> Path:
    """Where nio keeps the device's keys."""
    return folder / STORE_FOLDER / f"{session.user}_{session.device}.db".replace("/", "_")


def look(folder: Path, session: Session) -> KeyStore:
    """What is there of the device's keys; nothing is made or changed by looking."""
    file = store_file(folder, session)
    nothing = KeyStore.FRESH if session.fingerprint is None else KeyStore.LOST
    if not file.exists() or file.stat().st_size == 0:
        return nothing
    key = _read_pickle_key(folder)
    pickled = _pickled_account(file, session)
    if pickled is None:
        return nothing
    if key is None:
        return KeyStore.WRONG_KEY
    fingerprint = _fingerprint(pickled, key)
    if fingerprint is None:
        return KeyStore.WRONG_KEY
    # Of another device: an account that was made in place of a lost one.
    return KeyStore.WHOLE if session.fingerprint in (None, fingerprint) else KeyStore.LOST


def _pickled_account(file: Path, session: Session) -> bytes | None:
    """The device's account as it was locked; None: there is none in the file, or it is no database (any more)."""
    from peewee import DatabaseError, OperationalError, SqliteDatabase

    database = SqliteDatabase(str(file), pragmas={"query_only": 1})
    try:
        database.connect()
        rows = database.execute_sql(
            "SELECT account FROM accounts WHERE user_id = ? AND device_id = ?", (session.user, session.device)
        ).fetchall()
    except OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    except DatabaseError:
        return None
    finally:
        database.close()
    return bytes(rows[0][0]) if rows else None


def _fingerprint(pickled: bytes, key: str) -> str | None:
    from nio.crypto import OlmAccount

    try:
        return str(OlmAccount.from_pickle(pickled, key).identity_keys["ed25519"])
    except ValueError:
        return None


def _read_pickle_key(folder: Path) -> str | None:
    file = folder / PICKLE_KEY_FILE
    return file.read_text(encoding="ascii").strip() if file.exists() else None


async def ready(folder: Path, *, password: str | None = None) -> tuple[Session, KeyStore]:
    """The session to run with, and what was found of its keys; a device whose keys are lost is replaced by a new one.

    Raises NeedsLogin, WrongKey, CannotLogIn, Damaged, ApiProblem or Unreachable.
    """
    old = kept(folder)
    if old is None:
        raise NeedsLogin("logged_out", "The bot is not logged in to Matrix. Log in with “solibot init”.")
    found = look(folder, old)
    if found is KeyStore.WRONG_KEY:
        raise WrongKey(
            f"{folder / PICKLE_KEY_FILE} does not open the keys in {folder / STORE_FOLDER}. Put back the right one "
            f"from your copies; or move the folder {folder} away and run “solibot init”, to begin as a new device."
        )
    if found is not KeyStore.LOST:
        return old, found
    if password is None:
        raise NeedsLogin(
            "lost_store",
            "The keys of the bot's Matrix device are lost, so it can never again read what is sent to it. "
            "Run “solibot init” to log in as a new device: it asks for the password of the bot's account.",
        )
    new = await log_in(folder, homeserver=old.homeserver, user=old.user, password=password)
    api = new.api()
    try:
        await delete_device(api, old.device, user=new.user, password=password)
    except (ApiProblem, NeedsLogin, CannotLogIn):
        # Not every homeserver lets go of it; without keys and without its token it does no harm.
        pass
    finally:
        await api.close()
    return new, KeyStore.LOST


def open_client(folder: Path, session: Session) -> tuple[Session, Client]:
    """nio, with the device's keys loaded or made; returns the session too, which then names the keys.

    Call `ready` before. Raises WrongKey.
    """
    from bot.adapters.matrix_keys import Client

    make_folder(folder)
    make_folder(folder / STORE_FOLDER)
    client = Client(
        session.homeserver,
        session.user,
        session.device,
        folder=folder / STORE_FOLDER,
        file=store_file(folder, session).name,
        pickle_key=_pickle_key(folder),
    )
    client.restore_login(session.user, session.device, session.token)
    fingerprint = str(client.olm.account.identity_keys["ed25519"])
    if session.fingerprint is None:
        # Before anything is uploaded: from now on keys that are missing are lost ones.
        session = replace(session, fingerprint=fingerprint)
        keep(folder, session)
    assert session.fingerprint == fingerprint, "these are not the keys of this device"
    return session, client


def _pickle_key(folder: Path) -> str:
    key = _read_pickle_key(folder)
    if key is None:
        key = secrets.token_hex(32)
        write_private(folder / PICKLE_KEY_FILE, key + "\n")
    return key


def lost_by(problem: ApiProblem) -> bool:
    """Whether an answer to keys/upload says that the homeserver has other keys of this device: ours were lost."""
    said = problem.body.get("error")
    text = said.lower() if isinstance(said, str) else ""
    return problem.status == 400 and "one time key" in text and "already exists" in text


def trust(folder: Path, session: Session) -> Trust:
    """Whom we trust, and that we are ourselves. Raises Damaged."""
    return Trust(folder, own=Own(session.user, master_key(folder)))


# --- the identity --------------------------------------------------------------------------------------------


class _Key:
    """An Ed25519 key pair of cross-signing."""

    def __init__(self, seed: bytes) -> None:
        from Crypto.Signature import eddsa

        ed: Any = eddsa
        pair = ed.import_private_key(seed)
        self._signer = ed.new(pair, "rfc8032")
        self.public = _base64(pair.public_key().export_key(format="raw"))

    def sign(self, thing: Mapping[str, Any], user: str) -> dict[str, Any]:
        """The thing with our signature added."""
        signature = _base64(self._signer.sign(canonical(thing)))
        others = thing.get("signatures", {})
        mine = {**others.get(user, {}), f"ed25519:{self.public}": signature}
        return {**thing, "signatures": {**others, user: mine}}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _keys(folder: Path) -> dict[str, _Key] | None:
    """The identity's keys; None: none yet. Raises Damaged."""
    file = folder / IDENTITY_FILE
    if not file.exists():
        return None
    try:
        seeds = json.loads(file.read_text(encoding="utf-8"))
        return {usage: _Key(base64.b64decode(seeds[usage], validate=True)) for usage in _USAGES}
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise Damaged(
            f"{file} cannot be read. Put back a copy of it; or move it away and run “solibot init”, to make the bot a "
            "new identity (clients will say that it changed)."
        ) from None


def master_key(folder: Path) -> str | None:
    """The public key of our identity; None: none yet. Raises Damaged."""
    keys = _keys(folder)
    return keys["master"].public if keys else None


async def cross_sign(api: Api, session: Session, folder: Path, password: str | None = None) -> None:
    """See to it that our device is signed by our identity, so that strict clients read us; does nothing when it is.

    The device's keys must be uploaded. With a password, an identity that somebody else made for the account is
    replaced. Raises NeedsLogin, CannotLogIn, CannotSign, Damaged, ApiProblem or Unreachable.
    """
    user = session.user
    answer = await _query(api, user)
    shown = identity(answer, user)
    keys = _keys(folder)
    if shown is not None and (keys is None or keys["master"].public != shown.master) and password is None:
        raise NeedsLogin(
            "other_identity",
            "The bot's account has another identity on Matrix (cross-signing) than the one kept here: somebody reset "
            "it, or it was made with another program. Run “solibot init” to give it the bot's own: it asks for the "
            "password of the account. If you did not do this, change the password.",
        )
    if keys is None:
        make_folder(folder)
        seeds = {usage: base64.b64encode(secrets.token_bytes(32)).decode() for usage in _USAGES}
        write_private(folder / IDENTITY_FILE, json.dumps(seeds))
        keys = _keys(folder)
        assert keys is not None
    if shown is None or shown.master != keys["master"].public or shown.signing != keys["self_signing"].public:
        await _upload_identity(api, user, keys, password)
    thing = _own_device(answer, session)
    signing = keys["self_signing"]
    if is_signed(thing, user=user, key=signing.public, public=signing.public):
        return
    bare = {name: value for name, value in thing.items() if name not in ("signatures", "unsigned")}
    body = {user: {session.device: signing.sign(bare, user)}}
    failures = (await api.call("POST", path("keys", "signatures", "upload"), body)).get("failures")
    if failures:
        raise CannotSign("The homeserver did not take the signature of the bot's device.")


def _own_device(answer: Mapping[str, Any], session: Session) -> dict[str, Any]:
    """Our device as the homeserver shows it, after a look whether it is ours: else we would vouch for another."""
    devices = answer.get("device_keys", {}).get(session.user, {})
    thing = devices.get(session.device)
    key = device_key(thing, session.user, session.device)
    if key is None:
        raise CannotSign("The homeserver does not show the keys of the bot's device.")
    if session.fingerprint is None or key != session.fingerprint:
        raise CannotSign("The homeserver shows other keys for the bot's device than it has. Do not trust this server.")
    return cast("dict[str, Any]", thing)


async def _upload_identity(api: Api, user: str, keys: Mapping[str, _Key], password: str | None) -> None:
    body: dict[str, Any] = {}
    for usage in _USAGES:
        public = keys[usage].public
        thing = {"user_id": user, "usage": [usage], "keys": {f"ed25519:{public}": public}}
        body[f"{usage}_key"] = thing if usage == "master" else keys["master"].sign(thing, user)
    await _confirmed(
        api, "POST", path("keys", "device_signing", "upload"), body, user=user, password=password, reason="no_identity"
    )


async def _confirmed(
    api: Api, method: str, where: str, body: Mapping[str, Any], *, user: str, password: str | None, reason: str
) -> None:
    """A call for which the homeserver may ask for the password once more."""
    try:
        await api.call(method, where, body)
        return
    except ApiProblem as problem:
        if problem.status != 401 or "flows" not in problem.body:
            raise
        asked = problem.body
    if not any(isinstance(flow, dict) and flow.get("stages") == [PASSWORD] for flow in asked["flows"]):
        raise CannotLogIn("The homeserver wants this to be confirmed in a browser, by whoever owns the bot's account.")
    if password is None:
        raise NeedsLogin(
            reason, "The homeserver asks for the password of the bot's account. Run “solibot init”, which asks for it."
        )
    auth = {
        "type": PASSWORD,
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
        "session": asked.get("session"),
    }
    try:
        await api.call(method, where, {**body, "auth": auth})
    except ApiProblem as problem:
        if problem.status == 401:
            raise CannotLogIn("The homeserver says that the password is not right.") from None
        raise


async def signed(api: Api, user: str, device: str, *, master: str | None = None) -> str | None:
    """Why a device is not one that a strict client reads; None: it is. Raises ApiProblem or Unreachable.

    `no_identity`, `other_identity` (than the `master` key given), `bad_signature`, `no_device` or `unsigned`.
    """
    answer = await _query(api, user)
    shown = identity(answer, user)
    if shown is None:
        return "no_identity"
    if master is not None and shown.master != master:
        return "other_identity"
    if shown.signing is None:
        return "bad_signature"
    thing = answer.get("device_keys", {}).get(user, {}).get(device)
    if device_key(thing, user, device) is None:
        return "no_device"
    if is_signed(thing, user=user, key=shown.signing, public=shown.signing):
        return None
    return "bad_signature" if f"ed25519:{shown.signing}" in thing["signatures"][user] else "unsigned"


async def _query(api: Api, user: str) -> dict[str, Any]:
    return await api.call("POST", path("keys", "query"), {"device_keys": {user: []}, "timeout": 10_000})


# --- the account's devices -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountDevice:
    """A login of the account, as the homeserver tells it."""

    id: str
    name: str
    seen_at: datetime | None


async def devices(api: Api) -> list[AccountDevice]:
    """All logins of our account. Raises ApiProblem or Unreachable."""
    said = (await api.call("GET", path("devices"))).get("devices")
    found = []
    for one in said if isinstance(said, list) else []:
        if isinstance(one, dict) and isinstance(one.get("device_id"), str):
            name, seen = one.get("display_name"), one.get("last_seen_ts")
            at = datetime.fromtimestamp(seen / 1000, UTC) if isinstance(seen, int) and 0 < seen < 1e14 else None
            found.append(AccountDevice(one["device_id"], name if isinstance(name, str) else "", at))
    return found


def unexpected(found: Sequence[AccountDevice], session: Session) -> list[AccountDevice]:
    """The logins that we did not make: somebody has the password or a token."""
    return [device for device in found if device.id not in {session.device, *session.known}]


def know(folder: Path, session: Session, ids: Iterable[str]) -> Session:
    """Take these devices for ours from now on: whoever runs the bot said so."""
    session = replace(session, known=tuple(dict.fromkeys((*session.known, *ids)))[-KNOWN_MAX:])
    keep(folder, session)
    return session


async def delete_device(api: Api, device: str, *, user: str, password: str | None) -> None:
    """Log a device of ours out and forget its keys.

    Raises NeedsLogin, CannotLogIn, ApiProblem or Unreachable.
    """
    await _confirmed(api, "DELETE", path("devices", device), {}, user=user, password=password, reason="confirm")
