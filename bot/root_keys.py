"""`solibot root-key`: a committee's root key goes into a drawer, and comes back when its other keys are to be renewed.

Whoever has it can speak for new keys of the committee. Without it, whoever takes the database can speak as the
committee for some weeks at most (decision 60).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from bot import keys
from bot.app import only_process
from bot.exporting import CannotExport, database_of, meant
from storage import peers
from storage.database import Database, StorageError

R = TypeVar("R")
MARK = "solibot_root_key"


def take_out(file: Path, *, committee: str | None, config: Path | None, data: Path | None) -> list[str]:
    """Write the root key to a new file, and forget it here. What to tell. Raises CannotExport."""

    async def work(database: Database) -> list[str]:
        there = await database.read(lambda tx: meant(tx, committee))
        own = await database.read(lambda tx: peers.own(tx, there.id))
        if own is None:
            raise CannotExport(f"{there.name} has no keys yet: it is linked with nobody.")
        if own.root is None:
            raise CannotExport(f"The root key of {there.name} is not here: it was taken out before.")
        _written(file, json.dumps({MARK: 1, "committee": there.name, "seed": own.root.seed.hex()}) + "\n")
        await database.transact(lambda tx: peers.forget_root(tx, there.id))
        return [
            f"The root key of {there.name} is in {file}, and nowhere else here. Older copies still hold it.",
            "Print it or put it on a stick, in two places that do not burn together, and delete the file.",
            "The bot tells the organizers two weeks before it needs it: solibot root-key back FILE.",
        ]

    return _with_database(work, config, data)


def bring_back(file: Path, *, config: Path | None, data: Path | None) -> list[str]:
    """Read the root key from a file; the bot renews the other keys by itself. What to tell. Raises CannotExport."""
    try:
        read = json.loads(file.read_text("utf-8"))
        root = keys.SigningKey(bytes.fromhex(read["seed"])) if read[MARK] == 1 else None
    except OSError as error:
        raise CannotExport(f"{file} cannot be read ({(error.strerror or 'error').lower()}).") from None
    except (ValueError, KeyError, TypeError, AssertionError):
        root = None
    if root is None:
        raise CannotExport(f"{file} holds no root key of Solibot.")
    found = root

    async def work(database: Database) -> list[str]:
        if not await database.transact(lambda tx: peers.bring_root(tx, found)):
            raise CannotExport("That is the root key of no committee here.")
        return ["The root key is back. Start the bot: it renews the other keys within a day. Then take it out again."]

    return _with_database(work, config, data)


def _written(file: Path, text: str) -> None:
    """A new file that only its owner can read, on the disk before anything is forgotten."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise CannotExport(f"{file} cannot be written ({(error.strerror or 'error').lower()}).") from None


def _with_database(work: Callable[[Database], Awaitable[R]], config: Path | None, data: Path | None) -> R:
    path, key = database_of(config, data)
    if not path.exists():
        raise CannotExport(f"There is no database in {path.parent} yet.")

    async def run() -> R:
        database = await Database.open(path, key=key)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        with only_process(path.parent):
            return asyncio.run(run())
    except BlockingIOError:
        raise CannotExport("The bot is running. Stop it first.") from None
    except StorageError as error:
        raise CannotExport(
            f"The database cannot be opened ({type(error).__name__}). “solibot check” tells more."
        ) from None
