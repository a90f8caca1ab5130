"""Words that stand beside things in the books, and can be erased without breaking them."""

from __future__ import annotations

import re
from datetime import datetime

from bot.domain import chain
from bot.text import Written
from storage import outbox
from storage.database import Reader, Transaction
from storage.instants import to_us

_HASH = re.compile(r"\"([0-9a-f]{64})\"")
CHARACTERS_MAX = 500


async def keep(tx: Transaction, thing: str, text: str) -> str:
    """Store the words and return the salted hash that stands for them in the chain."""
    salt = tx.token()
    await tx.execute("INSERT INTO notes (thing, text, salt) VALUES (?, ?, ?)", thing, text, salt)
    return chain.veil(text, salt=salt)


async def reword(tx: Transaction, thing: str, text: str) -> str:
    """Put other words in place of a thing's words, which are wiped; the salted hash that stands for them."""
    salt = tx.token()
    await tx.execute("UPDATE notes SET text = ?, salt = ? WHERE thing = ?", text, salt, thing)
    tx.wipe = True
    return chain.veil(text, salt=salt)


async def of(tx: Reader, thing: str, language: str | None = None) -> str | None:
    """The words of a thing, in this language where its author gave them in it; None: there are none (any more)."""
    found = await written(tx, thing)
    return None if found is None else found.others.get(language or "", found.text)


async def written(tx: Reader, thing: str) -> Written | None:
    """The words of a thing, to be shown to everybody in the language they read; None: there are none (any more)."""
    text = await tx.value("SELECT text FROM notes WHERE thing = ?", thing)
    if text is None:
        return None
    others = await tx.all("SELECT language, text FROM second_texts WHERE thing = ? LIMIT 10", thing)
    return Written(str(text), dict(others))


async def veil_of(tx: Reader, thing: str) -> str | None:
    """The salted hash that stands for a thing's words in the chain; None: there are none (any more)."""
    row = await tx.one("SELECT text, salt FROM notes WHERE thing = ? AND text IS NOT NULL", thing)
    return None if row is None else chain.veil(row[0], salt=row[1])


async def wrote(tx: Transaction, thing: str, member_id: int, *, now: datetime) -> None:
    """Remember whose words these are: they may give them in another language, by `/also`."""
    await tx.execute(
        "INSERT OR REPLACE INTO written (thing, member_id, at_us) VALUES (?, ?, ?)",
        thing,
        member_id,
        to_us(now),
    )


async def newest_of(tx: Reader, member_id: int, *, since: datetime) -> str | None:
    """The thing for which a member wrote words last, since then, if the words are still there; None: there is none."""
    thing = await tx.value(
        """SELECT w.thing FROM written w JOIN notes n ON n.thing = w.thing
           WHERE w.member_id = ? AND w.at_us >= ? AND n.text IS NOT NULL ORDER BY w.id DESC LIMIT 1""",
        member_id,
        to_us(since),
    )
    return None if thing is None else str(thing)


async def keep_second(tx: Transaction, thing: str, language: str, text: str) -> str:
    """Store a thing's words in another language, in place of earlier ones in it; the salted hash for the chain."""
    salt = tx.token()
    await tx.execute(
        """INSERT INTO second_texts (thing, language, text, salt) VALUES (?, ?, ?, ?)
           ON CONFLICT (thing, language) DO UPDATE SET text = excluded.text, salt = excluded.salt""",
        thing,
        language,
        text,
        salt,
    )
    return chain.veil(text, salt=salt)


def cards_of(thing: str) -> tuple[str, ...]:
    """The cards that show a thing's words: its own, and for an exchange what whoever helped is told."""
    kind, _, ref = thing.partition(":")
    return (thing, f"thanks:{ref}") if kind == "transfer" else (thing,)


async def erase(tx: Transaction, thing: str) -> bool:
    """Erase the words from every file, and messages about the thing that still wait. False: there were none."""
    erased = await tx.all(
        "UPDATE notes SET text = NULL, salt = NULL WHERE thing = ? AND text IS NOT NULL RETURNING 1", thing
    )
    if not erased:
        return False
    await tx.execute("DELETE FROM second_texts WHERE thing = ?", thing)
    await tx.execute("DELETE FROM written WHERE thing = ?", thing)
    await outbox.withdraw(tx, thing)
    tx.wipe = True
    return True


def hashes_in(body: str) -> list[str]:
    """The hashes of words that an entry's body holds."""
    return _HASH.findall(body)
