"""Copies that can be carried away: made every night and by hand, opened by custodians, and put to work elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from bot import archive, config
from bot.chat import DOCUMENT_CHARACTERS_MAX, Document
from bot.config import Config
from bot.domain import chain
from bot.text import T, Typed
from storage import copies, custodians, database, people, privacy
from storage.copies import Holdings, NotSound
from storage.database import Database, NewerSchema, Reader, StorageError, Transaction

log = logging.getLogger(__name__)

FOLDER = "backups"
KEPT = 7
"""So many nightly copies of each committee are kept."""
MANIFEST, DATABASE, KEY, SETTINGS, MATRIX = (
    "manifest.json", "solibot.sqlite", "database.key", "config.toml", "matrix",
)  # fmt: skip
AWAY = "handed-over"
"""This file in a data folder says that the bot lives elsewhere now."""
FORMAT = 1
_STAMP = "%Y-%m-%d-%H%M%S"

Kind = Literal["copy", "handover"]


class CannotCopy(Exception):
    """Nothing was made or changed; `sentences` say why and what to do."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive says of itself. `committee`: the public id of the only one in it; None: everything."""

    kind: Kind
    made: datetime
    solibot: str
    schema: int
    committee: str | None
    books: tuple[copies.Books, ...]

    def written(self) -> bytes:
        """As it stands in the archive."""
        said = {
            "format": FORMAT,
            "kind": self.kind,
            "made": self.made.isoformat(),
            "solibot": self.solibot,
            "schema": self.schema,
            "committee": self.committee,
            "books": [{"uid": b.uid, "name": b.name, "entries": b.entries, "head": b.head} for b in self.books],
        }
        return json.dumps(said, ensure_ascii=False, indent=1).encode()

    @classmethod
    def read(cls, text: bytes) -> Manifest:
        """Back from the archive. Raises archive.Damaged."""
        try:
            said = json.loads(text)
            if said["format"] > FORMAT:
                raise CannotCopy(
                    f"It was made by a newer version of Solibot ({said['solibot']}). Update this one first."
                )
            books = tuple(copies.Books(**book) for book in said["books"])
            return cls(
                kind=said["kind"],
                made=datetime.fromisoformat(said["made"]),
                solibot=str(said["solibot"]),
                schema=int(said["schema"]),
                committee=said["committee"],
                books=books,
            )
        except (ValueError, KeyError, TypeError):
            raise archive.Damaged from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A sealed archive on the disk."""

    path: Path
    bytes: int
    manifest: Manifest
    recipients: tuple[str, ...]


# --- making ----------------------------------------------------------------------------------------------------------


def make(
    settings: Config, *, committee: str | None, recipients: Sequence[str], kind: Kind, to: Path, now: datetime
) -> Made:
    """Seal one committee, or everything with the bot's own account, for these public keys.

    The bot may be running. What is in the copy is looked through before, and the archive is read back after it was
    written. Raises CannotCopy.
    """
    file, key = settings.database_file, settings.database_key
    try:
        with _workplace(settings.data) as work:
            copy = work / DATABASE
            copies.copy(file, key, copy)
            files: dict[str, bytes] = {}
            if committee is not None:
                copies.keep_only(copy, key, committee)
                if key is not None:
                    # The other committees' key is none of theirs.
                    key, old = secrets.token_hex(32), key
                    copies.change_key(copy, old, key)
            found = copies.holdings(copy, key)
            name = found.books[0].uid if committee is not None else "solibot"
            manifest = Manifest(
                kind=kind, made=now, solibot=version("solibot"), schema=found.schema, committee=committee,
                books=found.books,
            )  # fmt: skip
            files[MANIFEST] = manifest.written()
            files[DATABASE] = copy.read_bytes()
            if key is not None:
                files[KEY] = f"{key}\n".encode()
            files[SETTINGS] = _portable(settings, whole=committee is None, encrypted=key is not None).encode()
            if committee is None:
                files |= _matrix_files(settings)
        to.mkdir(parents=True, exist_ok=True)
        path = to / f"{name}-{now:{_STAMP}}{archive.SUFFIX}"
        size = archive.seal(path, files, recipients)
    except FileNotFoundError:
        raise CannotCopy(f"There is no database in {settings.data} yet.") from None
    except NotSound as wrong:
        raise CannotCopy(f"Nothing was copied, because {wrong}. “solibot check” tells more.") from None
    except (StorageError, OSError, archive.Damaged) as error:
        raise CannotCopy(f"No copy could be made: {_why(error)}.") from None
    return Made(path=path, bytes=size, manifest=manifest, recipients=tuple(recipients))


class _workplace:  # noqa: N801 - read as a word: with _workplace(folder)
    """A folder for copies that are not sealed yet: beside the data, where nobody else may look, and gone afterwards."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __enter__(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix=".copying-", dir=self._data))
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _portable(settings: Config, *, whole: bool, encrypted: bool) -> str:
    """Settings that stand beside the data: what was said of networks, with their secrets, only where all of it goes."""
    values: dict[str, dict[str, Any]] = {"bot": {"data": ".", "language": settings.bot.language}}
    if encrypted:
        values["database"] = {"key_file": KEY}
    if whole:
        values["host"] = settings.host.model_dump(exclude_unset=True)
        values["web"] = settings.web.model_dump(exclude_unset=True)
        if settings.telegram is not None:
            said = settings.telegram.model_dump(exclude_unset=True, exclude={"token", "token_file"})
            values["telegram"] = {"token": settings.telegram_token, **said}
        if settings.matrix is not None:
            said = settings.matrix.model_dump(exclude_unset=True, exclude={"password", "password_file"})
            password = {"password": settings.matrix_password} if settings.matrix_password is not None else {}
            values["matrix"] = {**said, **password}
    return config.written(values, top="Settings of Solibot, as they came with the copy.")


def _matrix_files(settings: Config) -> dict[str, bytes]:
    folder = settings.matrix_folder
    if settings.matrix is None or not folder.exists():
        return {}
    return {
        f"{MATRIX}/{file.relative_to(folder)}": file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return str(error) or type(error).__name__


# --- every night -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    id: int | None
    uid: str | None
    recipients: tuple[str, ...]


async def nightly(settings: Config, kept: Database, *, now: Callable[[], datetime]) -> None:
    """A copy of each committee that has custodians, and of everything for those whom the host has named.

    How it went stands in the database afterwards; older copies go, as many as there are too many.
    """
    forgotten = await kept.read(privacy.last_forgotten)
    failed = set[str]()
    for wanted in await kept.read(lambda tx: _wanted(tx, settings)):
        trouble, made, text = None, None, None
        try:
            made = await asyncio.to_thread(
                make, settings, committee=wanted.uid, recipients=wanted.recipients, kind="copy",
                to=settings.data / FOLDER, now=now(),
            )  # fmt: skip
            await asyncio.to_thread(_thin_out, settings.data / FOLDER, wanted.uid or "solibot")
            text = await asyncio.to_thread(_sendable, made)
        except CannotCopy as error:
            trouble = " ".join(error.sentences)
            failed.add(wanted.uid or "solibot")
            log.error("no copy was made")
        if wanted.id is not None:
            await kept.transact(partial(_note, wanted=wanted, made=made, text=text, trouble=trouble, now=now()))
    if forgotten is not None:
        await asyncio.to_thread(_forget, settings.data / FOLDER, forgotten, failed=failed)


def _sendable(made: Made) -> str | None:
    """The archive as text that can be sent in a chat; None: it is too large for that."""
    text = archive.armored(made.path.read_bytes())
    return text if len(text) <= DOCUMENT_CHARACTERS_MAX else None


async def _wanted(tx: Reader, settings: Config) -> list[_Wanted]:
    found = []
    for id_, uid, _ in await custodians.all_committees(tx):
        keys = tuple(custodian.recipient for custodian in await custodians.of(tx, id_))
        if keys:
            found.append(_Wanted(id=id_, uid=uid, recipients=keys))
    if settings.host.keys:
        found.append(_Wanted(id=None, uid=None, recipients=settings.host.keys))
    return found


async def _note(
    tx: Transaction, wanted: _Wanted, made: Made | None, text: str | None, trouble: str | None, now: datetime
) -> None:
    assert wanted.id is not None
    entries = made.manifest.books[0].entries if made is not None else 0
    size = made.bytes if made is not None else 0
    await custodians.copied(tx, wanted.id, now=now, bytes_=size, entries=entries, trouble=trouble)
    if text is None or made is None:
        return
    committee = await people.committee(tx, wanted.id)
    words = T(
        "This week's copy of {committee}, which only its custodians can open. Keep it somewhere safe and delete the "
        "one before. Should the bot be gone, you put it to work elsewhere: {command}",
        committee=committee.name,
        command=Typed("solibot restore"),
    )
    document = Document(name=made.path.name, text=text)
    await custodians.send_copy(tx, committee, words, document, now=now)


def _thin_out(folder: Path, name: str) -> None:
    for old in sorted(folder.glob(f"{name}-*{archive.SUFFIX}"))[:-KEPT]:
        old.unlink()


def _forget(folder: Path, before: datetime, *, failed: Collection[str]) -> None:
    """Copies that still hold what was erased go, but for those that no newer one could take the place of yet."""
    for old in folder.glob(f"*{archive.SUFFIX}"):
        name, _, made = old.stem.partition("-")
        if made < f"{before:{_STAMP}}" and name not in failed:
            old.unlink()


# --- by hand ---------------------------------------------------------------------------------------------------------


def chosen(settings: Config, wanted: str | None) -> list[tuple[str | None, tuple[str, ...]]]:
    """What is to be copied by hand, and for which public keys. Raises CannotCopy."""
    try:
        uid = copies.committee_named(settings.database_file, settings.database_key, wanted) if wanted else None
        found = [(None if one.uid is None else one.uid, one.recipients) for one in asyncio.run(_asked(settings))]
    except copies.NoSuchCommittee as wrong:
        raise CannotCopy(
            f"There is no one committee “{wanted}”. Name one of these, or its id: {', '.join(wrong.names)}."
        ) from None
    except FileNotFoundError:
        raise CannotCopy(f"There is no database in {settings.data} yet.") from None
    except StorageError as error:
        raise CannotCopy(f"The database cannot be read: {_why(error)}. “solibot check” tells more.") from None
    if uid is not None:
        found = [one for one in found if one[0] == uid]
    if not found:
        raise CannotCopy(
            "Nobody could open the copy. Somebody who shall be able to runs “solibot key” on their own computer and",
            "types what it prints to the bot: /custodian age1... Or name keys in the section [host] of the settings.",
        )
    return found


async def _asked(settings: Config) -> list[_Wanted]:
    async with database.look(settings.database_file, key=settings.database_key) as tx:
        return await _wanted(tx, settings)


def hand_over(settings: Config, *, committee: str | None, to: Path, now: datetime, few: bool = False) -> Made:
    """Seal everything, or one committee, to go on elsewhere; here it goes on no more.

    Nobody else may use the data folder meanwhile. `few`: also where only one person could open it. Raises CannotCopy.
    """
    found = chosen(settings, committee)
    if committee is None:
        # A bot with one committee is that committee's own: its custodians may have all of it.
        keys = {key for uid, keys in found if uid is None or len(_uids(settings)) == 1 for key in keys}
        uid = None
        if not keys:
            raise CannotCopy(
                "The bot serves several committees, so no committee's custodians may have everything. Name keys in",
                "[host] of the settings, or hand over one committee: --committee.",
            )
    else:
        [(uid, recipients)] = found
        keys = set(recipients)
    if len(keys) < custodians.ENOUGH and not few:
        raise CannotCopy(
            "Only one person could open it: if that key is lost, all is lost. Find a second custodian first, or say",
            "--one-is-enough.",
        )
    made = make(settings, committee=uid, recipients=sorted(keys), kind="handover", to=to, now=now)
    if uid is None:
        (settings.data / AWAY).write_text(
            f"Handed over on {now:%Y-%m-%d %H:%M} UTC, in {made.path.name}. The bot lives elsewhere now; two at once\n"
            "would undo each other. To take it back, delete this file, if it was never started elsewhere.\n",
            encoding="utf-8",
        )
    else:
        copies.take_out(settings.database_file, settings.database_key, uid)
    return made


def _uids(settings: Config) -> list[str]:
    return [books.uid for books in copies.holdings(settings.database_file, settings.database_key).books]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put into a folder."""

    manifest: Manifest
    settings: Path
    holdings: Holdings


def look_into(file: Path, key_file: Path) -> tuple[Manifest, dict[str, bytes]]:
    """What an archive holds. Raises CannotCopy."""
    try:
        keys = archive.secrets_in(key_file.read_text("utf-8"))
    except OSError as error:
        raise CannotCopy(f"{key_file} cannot be read ({_why(error)}).") from None
    except ValueError:
        raise CannotCopy(
            f"There is no secret key in {key_file}. It is a file with a line AGE-SECRET-KEY-1..., as “solibot key”",
            "wrote it on the custodian's computer.",
        ) from None
    try:
        files = archive.unseal(file, keys)
        if MANIFEST not in files or DATABASE not in files:
            raise archive.Damaged
        return Manifest.read(files[MANIFEST]), files
    except OSError as error:
        raise CannotCopy(f"{file} cannot be read ({_why(error)}).") from None
    except archive.CannotOpen:
        raise CannotCopy(f"{file} is sealed for other keys than the one in {key_file}.") from None
    except archive.Damaged:
        raise CannotCopy(f"{file} is not a copy of Solibot's, or it is not whole.") from None


def restore(file: Path, key_file: Path, folder: Path) -> Restored:
    """Put a copy into an empty folder, looked through before anything is written there. Raises CannotCopy."""
    manifest, files = look_into(file, key_file)
    if manifest.schema > database.newest_schema():
        raise CannotCopy(
            f"It was made by a newer version of Solibot ({manifest.solibot}). Nothing is written.",
            "Update this one first.",
        )
    try:
        if folder.exists() and any(folder.iterdir()):
            raise CannotCopy(
                f"{folder} is not empty, and stays as it is. Name a folder that is empty or not there yet."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            found = _fill(beside, files, manifest)
            if folder.exists():
                folder.rmdir()
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except NotSound as wrong:
        raise CannotCopy(f"The copy cannot be used: {wrong}. Take another one.") from None
    except NewerSchema:
        raise CannotCopy("It was made by a newer version of Solibot. Update this one first.") from None
    except (StorageError, OSError) as error:
        raise CannotCopy(f"The copy could not be put into {folder}: {_why(error)}.") from None
    return Restored(manifest=manifest, settings=folder / SETTINGS, holdings=found)


def _fill(folder: Path, files: Mapping[str, bytes], manifest: Manifest) -> Holdings:
    for name, content in files.items():
        if name == MANIFEST:
            continue
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    key = files[KEY].decode("ascii", "replace").strip() if KEY in files else None
    found = copies.holdings(folder / DATABASE, key)
    if found.books != manifest.books:
        raise NotSound("its books are not those that it says it holds")
    if manifest.kind == "copy":
        copies.settle_after_a_copy(folder / DATABASE, key)
    return found


def told(made: Made) -> Iterator[str]:
    """What to say of an archive."""
    yield f"{made.path} ({-(-made.bytes // 1024)} KB, read back after writing)"
    for books in made.manifest.books:
        yield f"  {books.name}: {books.entries} entries, fingerprint {chain.fingerprint(books.head)}"
    yield f"  can be opened by {len(made.recipients)} keys: {', '.join(made.recipients)}"


def after_restoring(done: Restored) -> Iterator[str]:
    """What to say once a copy stands in its folder, and what to do next."""
    manifest, folder = done.manifest, done.settings.parent
    yield f"{folder} holds what was copied on {manifest.made:%Y-%m-%d %H:%M} UTC:"
    for books in manifest.books:
        yield f"  {books.name}: {books.entries} entries, fingerprint {chain.fingerprint(books.head)}"
    yield "Compare the fingerprints with what /log verify says in the group, where somebody still can."
    if manifest.kind == "copy":
        yield "What was recorded after that is not in it, and what still waited to be said is not said any more."
        yield "Addresses of calendars do not work any more, since some may have been ended: members make new ones."
    if manifest.committee is None:
        yield "Make sure that the bot does not run anywhere else with the same accounts; then:"
    else:
        yield "The committee needs a bot of its own here, with an account that you make:"
        yield f"  solibot init --config {done.settings}"
    yield f"  solibot check --config {done.settings}"
    yield f"  solibot run --config {done.settings}"
    if manifest.committee is not None:
        yield "Then add the new bot to the committee's groups: it knows them, and goes on there. Take the old bot out."
    elif manifest.kind == "handover":
        yield from _OWNERSHIP


def after_handing_over(made: Made, settings: Config) -> Iterator[str]:
    """What to say once it is sealed, and what to do next."""
    yield "Give this file to those who can open it. One of them types:"
    yield f"  solibot restore {made.path.name} NEW-FOLDER --key THEIR-SECRET-KEY-FILE"
    if made.manifest.committee is None:
        yield f"Here the bot does not start any more ({settings.data / AWAY} says why)."
        yield from _OWNERSHIP
    else:
        yield "Its rows are gone here. Older copies in the folder “backups” may still hold them: delete those."


_OWNERSHIP = (
    "The accounts change hands too:",
    "  Telegram: in @BotFather, /mybots, the bot, Transfer Ownership (both of you need two-step verification). Whoever",
    "  has it now then types /revoke there and puts the new token into config.toml: the old one works no more.",
    "  Matrix: change the password in an app, and put the new one into config.toml.",
)


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)
