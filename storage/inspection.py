"""What `check` and `status` ask the database, while the bot runs or stands still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.chat import ChatId
from storage import due, inbox, outbox
from storage.database import Reader

COMMITTEES_MAX = 10_000
CHATS_MAX = 200
FAULTS_MAX = 5
PLAIN = b"SQLite format 3\0"
"""How a file begins that is not encrypted."""


def is_plain(path: Path) -> bool:
    """Whether the file is there and not encrypted."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(PLAIN)) == PLAIN


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
