"""Looking into the database from beside it, while the bot runs or stands still: for `check` and `status`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from bot.chat import ChatId
from storage import due, inbox, outbox
from storage.database import NewerSchema, Reader, StorageError, Unavailable, WrongKey
from storage.database import _connection as connection_to
from storage.database import _driver as driver_for
from storage.database import _Failed as StatementFailed
from storage.database import _medium_at_fault as medium_at_fault

LOOK_SECONDS_MAX = 600.0
"""Reading all books takes its time; nobody waits for it but whoever asked."""
COMMITTEES_MAX = 10_000
CHATS_MAX = 200
FAULTS_MAX = 5
PLAIN = b"SQLite format 3\0"
"""How a file begins that is not encrypted."""


class OlderSchema(StorageError):
    """The file was last used by an older version of the program; the bot brings it up to date when it starts."""


@contextlib.asynccontextmanager
async def look(path: Path, *, key: str | None) -> AsyncIterator[Reader]:
    """Open the file to ask questions only; nothing is made, changed or brought up to date.

    Raises FileNotFoundError, WrongKey, NewerSchema, OlderSchema, StorageError where the driver for a key is missing,
    or Unavailable.
    """
    _must_exist(path)
    driver = driver_for(key)
    connection = connection_to(driver, path, key)
    try:
        await connection
        await connection.execute_fetchall("PRAGMA query_only = ON")
        [(found,)] = await connection.execute_fetchall("PRAGMA user_version")
        await connection.execute_fetchall("SELECT count(*) FROM sqlite_schema")
        if found != newest_schema():
            raise NewerSchema if found > newest_schema() else OlderSchema
        yield Reader(driver, connection._conn, LOOK_SECONDS_MAX)
    except driver.DatabaseError as error:
        if "not a database" in str(error) or "encrypted" in str(error):
            raise WrongKey(str(path)) from error
        raise Unavailable(medium_at_fault(error) or type(error).__name__) from error
    except StatementFailed as failure:
        cause = failure.__cause__ or failure
        raise Unavailable(medium_at_fault(cause) or type(cause).__name__) from cause
    finally:
        with contextlib.suppress(ValueError):
            await connection.close()


def _must_exist(path: Path) -> None:
    # SQLite would make it.
    if not path.exists():
        raise FileNotFoundError


def is_plain(path: Path) -> bool:
    """Whether the file is there and not encrypted."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(PLAIN)) == PLAIN


def newest_schema() -> int:
    """The newest schema that this version of the program knows."""
    folder = resources.files("storage") / "migrations" / "sqlite"
    return max(int(file.name[:4]) for file in folder.iterdir() if file.name.endswith(".sql"))


async def damage(tx: Reader) -> list[str]:
    """What SQLite finds wrong with the file; nothing: it is whole."""
    rows = await tx.all(f"PRAGMA quick_check({FAULTS_MAX})")
    return [row[0] for row in rows if row[0] != "ok"]


async def committees(tx: Reader) -> list[int]:
    """The ids of all committees."""
    rows = await tx.all("SELECT id FROM committees ORDER BY id LIMIT ?", COMMITTEES_MAX)
    return [id_ for (id_,) in rows]


async def count_entries(tx: Reader) -> int:
    """How many entries the books of all committees have."""
    return int(await tx.value("SELECT count(*) FROM entries"))


async def groups(tx: Reader, network: str) -> list[tuple[ChatId, str]]:
    """The committees' open group chats on a network, with the committees' names."""
    rows = await tx.all(
        """SELECT c.address, k.name FROM chats c JOIN committees k ON k.id = c.committee_id
           WHERE c.private = 0 AND c.open = 1 AND c.address LIKE ? ORDER BY c.id LIMIT ?""",
        f"{network}:%",
        CHATS_MAX,
    )
    return [(ChatId(address), name) for address, name in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the bot has come, as the database tells it."""

    read: list[tuple[str, datetime]]
    """Each network, and when it last answered a poll."""
    owed: int
    oldest: datetime | None
    cards: int
    """Cards that show an older state than they should."""
    due: datetime | None


async def standing(tx: Reader) -> Standing:
    """What `status` tells."""
    owed, oldest = await outbox.oldest(tx)
    return Standing(
        read=await inbox.positions(tx),
        owed=owed,
        oldest=oldest,
        cards=int(await tx.value("SELECT count(*) FROM cards WHERE sent < wanted")),
        due=await due.next_at(tx),
    )
