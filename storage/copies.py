"""Whole files: a copy of the database beside a running bot, one committee's part of it, and what must hold in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.domain import chain
from storage import database, notes

_OTHERS: tuple[str, ...] = (
    # Persons of no committee that is left, and chats that are neither a committee's nor somebody's.
    "DELETE FROM persons WHERE id NOT IN (SELECT person_id FROM members)",
    """DELETE FROM chats WHERE committee_id IS NULL
       AND id NOT IN (SELECT private_chat_id FROM identities WHERE private_chat_id IS NOT NULL)
       AND id NOT IN (SELECT place_id FROM federations WHERE place_id IS NOT NULL)""",
    "DELETE FROM guesses WHERE user NOT IN (SELECT user FROM identities)",
    "DELETE FROM straw_votes WHERE straw_id IS NULL",
)
_BOT_ITSELF: tuple[str, ...] = (
    # What belongs to the bot's own account and process: another bot begins anew.
    "DELETE FROM inbox",
    "DELETE FROM positions",
    "DELETE FROM due WHERE committee_id IS NULL",
    "DELETE FROM buttons WHERE committee_id IS NULL",
    "DELETE FROM meta WHERE name NOT IN ('mend_tries')",
    "DELETE FROM host",
    "DELETE FROM forgotten",
    # Calendars ask the other bot, at its address.
    "DELETE FROM calendars",
    # Another bot has yet to be let into the groups, and into private chats.
    "DELETE FROM outbox",
    "UPDATE identities SET private_chat_id = NULL",
    "UPDATE chats SET open = 0",
    # The networks tell of votes in a poll only whoever sent it.
    "UPDATE straw_places SET state = 'buttons', poll = NULL, message = NULL",
)
BELONGS_TO_NOBODY = frozenset({"inbox", "positions", "guesses", "meta", "notes", "host", "forgotten", "second_texts"})
"""Tables whose rows lead to no committee by references; each is dealt with above or below."""


class NotSound(Exception):
    """The file does not hold what it must; the sentence says what."""


class NoSuchCommittee(LookupError):
    """There is no committee with this id or name, or there are several; `names`: those that there are."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A committee's books by their last entry: the same figures mean the same books."""

    uid: str
    name: str
    entries: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a database file holds."""

    schema: int
    books: tuple[Books, ...]


def copy(source: Path, key: str | None, target: Path) -> None:
    """Write the whole database, as it stands at one moment, into a new file with the same key.

    The bot may be running. Raises StorageError.
    """
    with _opened(source, key) as connection:
        # SQLite reads one consistent view, however long it takes; nobody waits for it.
        connection.execute("VACUUM INTO ?", (str(target),))


def change_key(path: Path, key: str, new: str) -> None:
    """From now on another key opens this file, which nobody else uses."""
    with _opened(path, key) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        connection.execute(f"PRAGMA rekey = {database.quoted_key(new)}").fetchall()


def committee_named(path: Path, key: str | None, wanted: str) -> str:
    """The public id of the committee that is meant by this id or name. Raises NoSuchCommittee."""
    with _opened(path, key) as connection:
        found = connection.execute("SELECT uid, name FROM committees ORDER BY id LIMIT 10000").fetchall()
    meant = [uid for uid, name in found if wanted == uid or name.casefold() == wanted.casefold()]
    if len(meant) != 1:
        raise NoSuchCommittee([f"{name} ({uid})" for uid, name in found])
    return str(meant[0])


def keep_only(path: Path, key: str | None, uid: str) -> None:
    """Take everything out of a copy but one committee: its books, its people, and what is planned and shown for it."""
    _cut(path, key, "uid <> ?", uid, also=_BOT_ITSELF)


def take_out(path: Path, key: str | None, uid: str) -> None:
    """Take one committee out of the database, which nobody else uses: it has moved away."""
    _cut(path, key, "uid = ?", uid, also=())


def _cut(path: Path, key: str | None, which: str, uid: str, *, also: tuple[str, ...]) -> None:
    with _opened(path, key) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        # They keep anybody from taking entries out of books. Here whole books go.
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(f"DELETE FROM committees WHERE {which}", (uid,))
        _follow(connection)
        for statement in (*_OTHERS, *also):
            connection.execute(statement)
            _follow(connection)
        _drop_notes(connection)
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def references(connection: Any) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Every foreign key of the schema: table, the table it refers to, and pairs of columns."""
    found = []
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        columns: dict[int, tuple[str, list[tuple[str, str]]]] = {}
        for number, _, parent, own, other, *_ in connection.execute(f'PRAGMA foreign_key_list("{table}")'):
            keys = [
                name for _, name, _, _, _, primary in connection.execute(f'PRAGMA table_info("{parent}")') if primary
            ]
            columns.setdefault(number, (parent, []))[1].append((own, other or keys[0]))
        found += [(table, parent, pairs) for parent, pairs in columns.values()]
    return found


def _follow(connection: Any) -> None:
    """Delete whatever refers to something that is gone, until nothing does."""
    keys = references(connection)
    while True:
        before = connection.total_changes
        for table, parent, pairs in keys:
            set_ = " AND ".join(f'"{table}"."{own}" IS NOT NULL' for own, _ in pairs)
            same = " AND ".join(f'p."{other}" = "{table}"."{own}"' for own, other in pairs)
            connection.execute(
                f'DELETE FROM "{table}" WHERE {set_} AND NOT EXISTS (SELECT 1 FROM "{parent}" p WHERE {same})'
            )
        if connection.total_changes == before:
            return


def _drop_notes(connection: Any) -> None:
    """Words stay only where an entry that is left vouches for them, by the hash that stands in it."""
    bodies = connection.execute("SELECT body FROM entries").fetchall()
    vouched = {word for (body,) in bodies for word in notes.hashes_in(body)}
    for table in ("notes", "second_texts"):
        for thing, text, salt in connection.execute(f"SELECT thing, text, salt FROM {table}").fetchall():
            if text is None or chain.veil(text, salt=salt) not in vouched:
                connection.execute(f"DELETE FROM {table} WHERE thing = ? AND salt IS ?", (thing, salt))


def holdings(path: Path, key: str | None) -> Holdings:
    """Look through the whole file, and tell what it holds.

    Raises NotSound where it is damaged, a chain is broken, or hours do not sum to zero; StorageError where it cannot be
    opened with this key.
    """
    with _opened(path, key) as connection:
        [(schema,)] = connection.execute("PRAGMA user_version").fetchall()
        damage = connection.execute("PRAGMA integrity_check(5)").fetchall()
        if damage != [("ok",)]:
            raise NotSound("the file is damaged")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise NotSound("something refers to a row that is not there")
        found = connection.execute("SELECT id, uid, name FROM committees ORDER BY id").fetchall()
        return Holdings(schema=schema, books=tuple(_books(connection, *row) for row in found))


def _books(connection: Any, id_: int, uid: str, name: str) -> Books:
    rows = connection.execute(
        "SELECT number, kind, at_us, body, hash FROM entries WHERE committee_id = ? ORDER BY number", (id_,)
    )
    last: chain.Entry | None = None

    def entries() -> Iterator[chain.Entry]:
        nonlocal last
        for number, kind, at_us, body, digest in rows:
            last = chain.Entry(number=number, kind=kind, at_us=at_us, body=body, hash=digest)
            yield last

    broken = chain.first_broken(uid, entries())
    if broken is not None:
        raise NotSound(f"entry {broken} of {name} does not follow from the one before")
    # The copy may be of a version that knew hours alone.
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(accounts)")}
    unit = "coalesce(unit_id, 0)" if "unit_id" in columns else "coalesce(NULL, 0)"
    wrong = connection.execute(
        f"""SELECT 1 FROM accounts a WHERE a.committee_id = ?1
               AND a.balance <> (SELECT coalesce(sum(minutes), 0) FROM postings p WHERE p.account_id = a.id)
           UNION ALL SELECT 1 FROM accounts WHERE committee_id = ?1
           GROUP BY {unit} HAVING sum(balance) <> 0 LIMIT 1""",
        (id_,),
    ).fetchone()
    if wrong is not None:
        raise NotSound(f"the balances of {name} are not what its exchanges give")
    return Books(uid=uid, name=name, entries=last.number if last else 0, head=last.hash if last else chain.FIRST)


def settle_after_a_copy(path: Path, key: str | None) -> None:
    """Before a copy of a bot that went on afterwards is used: what it still owed may have been said meanwhile.

    An address of a calendar that was ended meanwhile must not work again, and nobody knows any more which those are.
    """
    with _opened(path, key) as connection:
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'calendars'").fetchone() is not None:
            connection.execute("DELETE FROM calendars")
        connection.execute("UPDATE outbox SET body = NULL, state = 'given_up' WHERE state = 'waiting'")
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'peer_selves'").fetchone() is not None:
            # What was said to linked committees meanwhile is forgotten: nothing may be said under those numbers again.
            connection.execute("UPDATE peer_selves SET life = max(life + 1, unixepoch())")


@contextlib.contextmanager
def _opened(path: Path, key: str | None) -> Iterator[Any]:
    if not path.exists():
        # SQLite would make it.
        raise FileNotFoundError(path)
    connection = database.connected(path, key)
    try:
        yield connection
    except connection.DatabaseError as error:
        raise database.opening_failed(path, error) from error
    finally:
        connection.close()
