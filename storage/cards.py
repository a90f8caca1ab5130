"""Cards: which message shows which thing where, how new it should be, and how new it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.chat import ChatId, Key, Lane
from bot.text import Span
from storage.database import Reader, Transaction
from storage.people import Place

LOADED_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A card whose message is behind the thing it shows."""

    id: int
    key: str
    """The same at every try to send this revision of it, and in no other database."""
    thing: str
    chat_id: int
    address: ChatId
    committee_id: int
    private: bool
    topic: str | None
    lane: Lane
    reply_to: str | None
    wanted: int
    message: str | None
    pinned: bool = False
    """It is to stand at the top of the chat once it is sent."""
    prepared: tuple[tuple[Span, ...], tuple[tuple[Key, ...], ...]] | None = None
    """What revision `wanted` shows, where that was worked out already."""


_DUE = """k.id, k.key, k.thing, k.chat_id, c.address, k.committee_id, c.private, k.topic, k.lane, k.reply_to, k.wanted,
          k.message, k.pinned FROM cards k JOIN chats c ON c.id = k.chat_id"""


async def show(
    tx: Transaction,
    thing: str,
    place: Place,
    *,
    committee: int,
    topic: str | None = None,
    lane: Lane = Lane.CARD,
    reply_to: str | None = None,
    message: str | None = None,
    pinned: bool = False,
) -> Due:
    """Show a thing in a chat: a new message, also where an older one showed it (that one is let go).

    `message`: one of ours whose place it takes.
    """
    row = await tx.one(
        """INSERT INTO cards (key, thing, chat_id, committee_id, topic, lane, reply_to, message, pinned)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (thing, chat_id) DO UPDATE SET wanted = wanted + 1, message = excluded.message,
               topic = excluded.topic, reply_to = excluded.reply_to, lane = excluded.lane, pinned = excluded.pinned
           RETURNING id, wanted, key""",
        tx.token(),
        thing,
        place.id,
        committee,
        topic or place.topic,
        int(lane),
        reply_to,
        message,
        int(pinned),
    )
    assert row is not None
    due = Due(
        id=row[0],
        key=_key(row[2], row[1]),
        thing=thing,
        chat_id=place.id,
        address=place.address,
        committee_id=committee,
        private=place.private,
        topic=topic or place.topic,
        lane=lane,
        reply_to=reply_to,
        wanted=row[1],
        message=message,
        pinned=pinned,
    )
    tx.outgoing.append(due)
    return due


async def changed(tx: Transaction, thing: str) -> None:
    """The thing is not what its messages show: each of them will be brought up to date."""
    rows = await tx.all("UPDATE cards SET wanted = wanted + 1 WHERE thing = ? RETURNING id", thing)
    for (id_,) in rows:
        due = await get(tx, id_)
        if due is not None:
            tx.outgoing.append(due)


async def is_shown(tx: Reader, thing: str) -> bool:
    """Whether some chat shows the thing."""
    return await tx.one("SELECT 1 FROM cards WHERE thing = ? LIMIT 1", thing) is not None


async def stands_in(tx: Reader, thing: str, chat_id: int) -> bool:
    """Whether this chat shows the thing."""
    return await tx.one("SELECT 1 FROM cards WHERE thing = ? AND chat_id = ?", thing, chat_id) is not None


async def not_pinned(tx: Transaction, id_: int) -> None:
    """The bot has no right to pin the card's message."""
    thing = await tx.value("UPDATE cards SET pinned = 2 WHERE id = ? RETURNING thing", id_)
    if thing is not None:
        await changed(tx, thing)


async def lacks_pin(tx: Reader, thing: str) -> bool:
    """Whether somewhere the thing's message should be pinned, and the bot had no right to."""
    return await tx.one("SELECT 1 FROM cards WHERE thing = ? AND pinned = 2 LIMIT 1", thing) is not None


async def is_card(tx: Reader, chat_id: int, message: str) -> bool:
    """Whether this message shows a thing, and so what becomes of it."""
    return await tx.one("SELECT 1 FROM cards WHERE chat_id = ? AND message = ?", chat_id, message) is not None


async def get(tx: Reader, id_: int) -> Due | None:
    """The card, if its message is behind."""
    row = await tx.one(f"SELECT {_DUE} WHERE k.id = ? AND k.sent < k.wanted", id_)
    return _due(row) if row else None


async def waiting(tx: Reader, *, after: int = 0) -> list[Due]:
    """Cards that are behind, at most `LOADED_MAX`."""
    rows = await tx.all(f"SELECT {_DUE} WHERE k.sent < k.wanted AND k.id > ? ORDER BY k.id LIMIT ?", after, LOADED_MAX)
    return [_due(row) for row in rows]


async def sent(tx: Transaction, id_: int, revision: int, message: str | None) -> None:
    """The message shows this revision now. `message` None: it is gone, and is sent anew when the thing changes."""
    await tx.execute(
        "UPDATE cards SET sent = ?, message = ? WHERE id = ? AND sent < ?", revision, message, id_, revision
    )


async def came_round(tx: Transaction, key: str, message: str) -> Due | None:
    """A revision that nobody knew to be sent is there; the card, if it was behind. What is newer is still owed."""
    base, _, revision = key.rpartition("-")
    row = await tx.one(f"SELECT {_DUE} WHERE k.key = ? AND k.sent < k.wanted", base)
    if row is None or not revision.isdecimal():
        return None
    due = _due(row)
    # An edit has an id of its own; the card's message is the first one.
    shown = due.message or message
    await sent(tx, due.id, min(int(revision), due.wanted), shown)
    return replace(due, message=shown)


async def let_go(tx: Transaction, chat_id: int, message: str) -> None:
    """A message is gone: if it showed a card, that is sent anew when the thing changes."""
    await tx.execute("UPDATE cards SET message = NULL WHERE chat_id = ? AND message = ?", chat_id, message)


def _key(key: str, revision: int) -> str:
    return f"{key}-{revision}"


def _due(row: tuple[object, ...]) -> Due:
    id_, key, thing, chat_id, address, committee_id, private, topic, lane, reply_to, wanted, message, pinned = row
    assert isinstance(id_, int)
    assert isinstance(chat_id, int)
    assert isinstance(lane, int)
    assert isinstance(wanted, int)
    assert isinstance(committee_id, int)
    return Due(
        id=id_,
        key=_key(str(key), wanted),
        thing=str(thing),
        chat_id=chat_id,
        address=ChatId(str(address)),
        committee_id=committee_id,
        private=bool(private),
        topic=None if topic is None else str(topic),
        lane=Lane(lane),
        reply_to=None if reply_to is None else str(reply_to),
        wanted=wanted,
        message=None if message is None else str(message),
        pinned=pinned == 1,
    )
