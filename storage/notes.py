"""Words that stand beside things in the books, and can be erased without breaking them."""

from __future__ import annotations

import re

from bot.domain import chain
from storage import outbox
from storage.database import Reader, Transaction

_HASH = re.compile(r"\"([0-9a-f]{64})\"")
CHARACTERS_MAX = 500


async def keep(tx: Transaction, thing: str, text: str) -> str:
    """Store the words and return the salted hash that stands for them in the chain."""
    salt = tx.token()
    await tx.execute("INSERT INTO notes (thing, text, salt) VALUES (?, ?, ?)", thing, text, salt)
    return chain.veil(text, salt=salt)


async def of(tx: Reader, thing: str) -> str | None:
    """The words of a thing; None: there are none (any more)."""
    text = await tx.value("SELECT text FROM notes WHERE thing = ?", thing)
    return None if text is None else str(text)


async def erase(tx: Transaction, thing: str) -> bool:
    """Erase the words from every file, and messages about the thing that still wait. False: there were none."""
    erased = await tx.all(
        "UPDATE notes SET text = NULL, salt = NULL WHERE thing = ? AND text IS NOT NULL RETURNING 1", thing
    )
    if not erased:
        return False
    await outbox.withdraw(tx, thing)
    tx.wipe = True
    return True


def hashes_in(body: str) -> list[str]:
    """The hashes of words that an entry's body holds."""
    return _HASH.findall(body)
