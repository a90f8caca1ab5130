"""Messages owed: written with what caused them, sent by delivery, blanked when delivered."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from bot.chat import Button, Chart, ChatId, Document, Key, Lane, Link, NativePoll, WireAct, WireDoors, WirePost, chart
from bot.domain import retention
from bot.text import Reader as For
from bot.text import Span, Words, render
from storage import buttons as kept_buttons
from storage import people, reach
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member, Place

LOADED_MAX = 1000
KEPT = retention.SENT
"""How long the key of a message that was sent is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One message that waits, ready to be sent."""

    id: int
    key: str
    chat_id: int
    address: ChatId
    topic: str | None
    lane: Lane
    about: tuple[str, ...]
    reply_to: str | None
    spans: tuple[Span, ...]
    keys: tuple[tuple[Key, ...], ...]
    fallback: int | None
    """The row id of the group that is told when a private chat turns out to be closed."""
    created_at: datetime
    document: Document | Chart | None = None
    edits: str | None = None
    """The message of ours whose place it takes."""
    deletes: tuple[ChatId, str] | None = None
    """It says nothing: this message is to be taken out of this chat, if that has not moved meanwhile."""
    poll: NativePoll | None = None
    """The network's own poll that it is."""
    ends: tuple[ChatId, str] | None = None
    """The network's own poll that is to end: a message in this chat, if that has not moved meanwhile."""
    wire: WireAct | None = None
    """It is not for people: what other bots are sent, or who is let in among them."""


GOODBYE = "goodbye"
"""What the last words to somebody who is forgotten are about."""


def thing(id_: int) -> str:
    """One message by its own name, for whoever withdraws it."""
    return f"outbox:{id_}"


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: words and buttons as they go out."""

    spans: tuple[Span, ...]
    keys: tuple[tuple[Key, ...], ...] = ()

    def dump(self) -> str:
        """As text for a column."""
        return _body(self.spans, self.keys, None, None)

    @classmethod
    def load(cls, body: str) -> Content:
        """Back from a column."""
        read = json.loads(body)
        return cls(_spans(read), _keys(read))


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Told to delivery: messages about this thing are not owed any more."""

    thing: str


_OWED = """o.id, o.key, o.chat_id, c.address, o.topic, o.lane, o.about, o.reply_to, o.body, o.created_us
           FROM outbox o JOIN chats c ON c.id = o.chat_id"""


async def queue(
    tx: Transaction,
    place: Place,
    words: Words,
    *,
    reader: For,
    now: datetime,
    lane: Lane = Lane.ANSWER,
    buttons: Sequence[Sequence[Button | Link]] = (),
    committee: int | None = None,
    topic: str | None = None,
    reply_to: str | None = None,
    about: Sequence[str] = (),
    fallback: int | None = None,
    document: Document | Chart | None = None,
    edits: str | None = None,
    poll: NativePoll | None = None,
    ends: str | None = None,
    said: dict[For, Content] | None = None,
) -> int:
    """Owe these words to a chat. `about`: the things they tell of; erasing one erases them while they wait.

    `edits`: the message of ours whose place they take. `poll`: the network's own poll that they stand for. `ends`: the
    message of such a poll, which ends. `said`: what the same words and buttons look like, by reader, where many are
    told: it is put into words once for all who read alike. The message's row id.
    """
    if place.private and committee is not None:
        # Whoever leaves the committee is told no more of what it had for them.
        about = (*about, private_thing(committee, place.id))
    content = None if said is None else said.get(reader)
    if content is None:
        keys = await kept_buttons.keys(tx, buttons, reader=reader, committee=committee, now=now)
        content = Content(render(words, reader), keys)
        if said is not None:
            said[reader] = content
    return await queue_content(
        tx,
        place,
        content,
        now=now,
        lane=lane,
        topic=topic,
        reply_to=reply_to,
        about=about,
        fallback=fallback,
        document=document,
        edits=edits,
        poll=poll,
        ends=ends,
    )


async def queue_content(
    tx: Transaction,
    place: Place,
    content: Content,
    *,
    now: datetime,
    lane: Lane,
    topic: str | None = None,
    reply_to: str | None = None,
    about: Sequence[str] = (),
    fallback: int | None = None,
    document: Document | Chart | None = None,
    edits: str | None = None,
    poll: NativePoll | None = None,
    ends: str | None = None,
) -> int:
    """Owe what is put into words already; the message's row id."""
    spans, keys = content.spans, content.keys
    key = tx.token()
    ended = None if ends is None else (place.address, ends)
    id_ = await tx.value(
        """INSERT INTO outbox (key, chat_id, topic, lane, about, body, reply_to, created_us)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        key,
        place.id,
        topic or place.topic,
        int(lane),
        _listed(about),
        _body(spans, keys, fallback, document, edits=edits, poll=poll, ends=ended),
        reply_to,
        to_us(now),
    )
    tx.outgoing.append(
        Owed(
            id=id_,
            key=key,
            chat_id=place.id,
            address=place.address,
            topic=topic or place.topic,
            lane=lane,
            about=tuple(about),
            reply_to=reply_to,
            spans=spans,
            keys=keys,
            fallback=fallback,
            created_at=now,
            edits=edits,
            document=document,
            poll=poll,
            ends=ended,
        )
    )
    return int(id_)


async def queue_deletion(tx: Transaction, place: Place, message: str, *, now: datetime) -> None:
    """Owe it to a chat to take a message out of it. In place of words there is what to delete."""
    await _queue_act(tx, place, now=now, lane=Lane.NOTICE, deletes=(place.address, message))


async def queue_wire(
    tx: Transaction, place: Place, wire: WireAct, *, now: datetime, lane: Lane, about: Sequence[str] = ()
) -> None:
    """Owe something to other bots, behind a wire or a door. In place of words there is what it is."""
    await _queue_act(tx, place, now=now, lane=lane, about=about, wire=wire)


async def _queue_act(
    tx: Transaction,
    place: Place,
    *,
    now: datetime,
    lane: Lane,
    about: Sequence[str] = (),
    deletes: tuple[ChatId, str] | None = None,
    wire: WireAct | None = None,
) -> None:
    key = tx.token()
    body: dict[str, object] = {"spans": [], "keys": [], "fallback": None}
    if deletes is not None:
        body["deletes"] = deletes
    if wire is not None:
        body["wire"] = asdict(wire)
    id_ = await tx.value(
        "INSERT INTO outbox (key, chat_id, lane, about, body, created_us) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        key,
        place.id,
        int(lane),
        _listed(about),
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        to_us(now),
    )
    tx.outgoing.append(
        Owed(
            id=id_,
            key=key,
            chat_id=place.id,
            address=place.address,
            topic=None,
            lane=lane,
            about=tuple(about),
            reply_to=None,
            spans=(),
            keys=(),
            fallback=None,
            created_at=now,
            deletes=deletes,
            wire=wire,
        )
    )


def private_thing(committee_id: int, chat_id: int) -> str:
    """What everything that a committee says in a private chat is about, to withdraw it."""
    return f"private:{committee_id}-{chat_id}"


async def tell(
    tx: Transaction,
    to: Member,
    words: Words,
    *,
    committee: Committee,
    now: datetime,
    lane: Lane = Lane.NOTICE,
    buttons: Sequence[Sequence[Button | Link]] = (),
    network: str | None = None,
    about: Sequence[str] = (),
) -> bool:
    """Owe these words to a member, in their private chat (best on this network) and language.

    `about`: see `queue`. False: they have not opened one.
    """
    place = await people.private_chat_of(tx, to.person_id, network=network)
    if place is None:
        return False
    reader = await people.reader_in(tx, place.id, private=True, committee_id=committee.id)
    await queue(
        tx, place, words, reader=reader, now=now, lane=lane, buttons=buttons, committee=committee.id, about=about
    )
    return True


async def waiting(tx: Reader, *, after: int = 0) -> list[Owed]:
    """Messages that wait, oldest first, at most `LOADED_MAX`."""
    rows = await tx.all(
        f"SELECT {_OWED} WHERE o.state = 'waiting' AND o.id > ? ORDER BY o.id LIMIT ?",
        after,
        LOADED_MAX,
    )
    return [_owed(row) for row in rows]


async def by_key(tx: Reader, key: str) -> Owed | None:
    """The message that was given this key, if it still waits."""
    row = await tx.one(f"SELECT {_OWED} WHERE o.key = ? AND o.state = 'waiting'", key)
    return _owed(row) if row else None


async def delivered(tx: Transaction, id_: int, message: str) -> None:
    """The network has taken the message; its words go."""
    rows = await tx.all(
        "UPDATE outbox SET state = 'delivered', body = NULL, message = ? WHERE id = ? RETURNING chat_id, about",
        message,
        id_,
    )
    await _after(tx, rows, delivered=True)


async def give_up(tx: Transaction, id_: int) -> None:
    """The message will never be taken; its words go."""
    rows = await tx.all("UPDATE outbox SET state = 'given_up', body = NULL WHERE id = ? RETURNING chat_id, about", id_)
    await _after(tx, rows, delivered=False)


async def _after(tx: Transaction, rows: list[Row], *, delivered: bool) -> None:
    """After the last words to somebody who is forgotten, the chat they were said in is forgotten too.

    And alerts learn how far they have come.
    """
    for chat_id, about in rows:
        await reach.came_of(tx, (about or "").split(), delivered=delivered)
        if about and f" {GOODBYE} " in about:
            await people.forget_place(tx, chat_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What has become of a message. `message`: the network's id for it; None: it has not taken it yet, if ever."""

    chat_id: int
    waits: bool
    message: str | None


async def became(tx: Reader, id_: int) -> Sent | None:
    """What has become of a message; None: nobody knows any more."""
    row = await tx.one("SELECT chat_id, state = 'waiting', message FROM outbox WHERE id = ?", id_)
    return None if row is None else Sent(chat_id=row[0], waits=bool(row[1]), message=row[2])


async def withdraw(tx: Transaction, thing: str) -> None:
    """What still waits to be said about a thing will not be said."""
    await tx.execute(
        "UPDATE outbox SET body = NULL, state = 'given_up' WHERE state = 'waiting' AND instr(about, ?) > 0",
        _listed((thing,)),
    )
    tx.outgoing.append(Withdrawn(thing))


async def rename(tx: Transaction, chats: Collection[int], change: Callable[[str], str]) -> None:
    """Say what waits for these chats in other words: `change` is given each piece of text.

    A message that changes is withdrawn and queued again, behind what waits already; one with a file loses the file.
    """
    rows = await tx.all(
        f"SELECT {_OWED} WHERE o.state = 'waiting' AND o.chat_id IN (SELECT value FROM json_each(?)) ORDER BY o.id"
        " LIMIT 10000",
        json.dumps([*chats]),
    )
    for owed in map(_owed, rows):
        spans = tuple(replace(span, text=change(span.text)) for span in owed.spans)
        keys = tuple(tuple(replace(key, label=change(key.label)) for key in row) for row in owed.keys)
        file = owed.document
        # A chart holds the names of no people, but what a committee calls a kind of help might be one.
        held = file.text if isinstance(file, Document) else json.dumps(asdict(file), ensure_ascii=False) if file else ""
        if change(held) != held:
            file = None
        poll = owed.poll and replace(
            owed.poll, question=change(owed.poll.question), options=tuple(map(change, owed.poll.options))
        )
        if (spans, keys, file, poll) == (owed.spans, owed.keys, owed.document, owed.poll):
            continue
        await tx.execute("UPDATE outbox SET body = NULL, state = 'given_up' WHERE id = ?", owed.id)
        tx.outgoing.append(Withdrawn(thing(owed.id)))
        key = tx.token()
        id_ = await tx.value(
            """INSERT INTO outbox (key, chat_id, topic, lane, about, body, reply_to, created_us)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
            key,
            owed.chat_id,
            owed.topic,
            int(owed.lane),
            _listed(owed.about),
            _body(spans, keys, owed.fallback, file, edits=owed.edits, poll=poll, ends=owed.ends),
            owed.reply_to,
            to_us(owed.created_at),
        )
        tx.outgoing.append(replace(owed, id=id_, key=key, spans=spans, keys=keys, document=file, poll=poll))


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget messages that were sent or given up."""
    await tx.execute("DELETE FROM outbox WHERE state <> 'waiting' AND created_us < ?", to_us(now - KEPT))


async def oldest(tx: Reader) -> tuple[int, datetime | None]:
    """How many messages wait, and since when the oldest does."""
    row = await tx.one("SELECT count(*), min(created_us) FROM outbox WHERE state = 'waiting'")
    assert row is not None
    return row[0], from_us(row[1]) if row[1] is not None else None


def _listed(things: Sequence[str]) -> str | None:
    """Things in a column, each between spaces, so that none is found inside the name of another."""
    return f" {' '.join(things)} " if things else None


def _body(
    spans: tuple[Span, ...],
    keys: tuple[tuple[Key, ...], ...],
    fallback: int | None,
    document: Document | Chart | None,
    *,
    edits: str | None = None,
    poll: NativePoll | None = None,
    ends: tuple[ChatId, str] | None = None,
) -> str:
    body: dict[str, object] = {
        "spans": [[span.text, span.style, span.target] for span in spans],
        "keys": [[[key.label, key.token, key.link] for key in row] for row in keys],
        "fallback": fallback,
    }
    match document:
        case Document():
            body["document"] = [document.name, document.text]
        case Chart():
            body["chart"] = asdict(document)
        case None:
            pass
    if edits is not None:
        body["edits"] = edits
    if poll is not None:
        body["poll"] = asdict(poll)
    if ends is not None:
        body["ends"] = ends
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _spans(read: Any) -> tuple[Span, ...]:
    return tuple(Span(text, style, target) for text, style, target in read["spans"])


def _keys(read: Any) -> tuple[tuple[Key, ...], ...]:
    return tuple(
        tuple(Key(label=label, token=token, link=link) for label, token, link in keys) for keys in read["keys"]
    )


def _document(read: Any) -> Document | Chart | None:
    if "document" in read:
        return Document(name=read["document"][0], text=read["document"][1])
    return chart(read["chart"]) if "chart" in read else None


def _poll(read: Any) -> NativePoll | None:
    return NativePoll(**{**read["poll"], "options": tuple(read["poll"]["options"])}) if "poll" in read else None


def _owed(row: tuple[object, ...]) -> Owed:
    id_, key, chat_id, address, topic, lane, about, reply_to, body, created_us = row
    read = json.loads(str(body))
    assert isinstance(id_, int)
    assert isinstance(chat_id, int)
    assert isinstance(lane, int)
    assert isinstance(created_us, int)
    return Owed(
        id=id_,
        key=str(key),
        chat_id=chat_id,
        address=ChatId(str(address)),
        topic=None if topic is None else str(topic),
        lane=Lane(lane),
        about=tuple(str(about or "").split()),
        reply_to=None if reply_to is None else str(reply_to),
        spans=_spans(read),
        keys=_keys(read),
        fallback=read["fallback"],
        created_at=from_us(created_us),
        document=_document(read),
        edits=read.get("edits"),
        deletes=(ChatId(read["deletes"][0]), read["deletes"][1]) if "deletes" in read else None,
        poll=_poll(read),
        ends=(ChatId(read["ends"][0]), read["ends"][1]) if "ends" in read else None,
        wire=_wire(read["wire"]) if "wire" in read else None,
    )


def _wire(read: Any) -> WireAct:
    if "text" in read:
        return WirePost(read["text"])
    return WireDoors(
        name=read["name"],
        let_in=tuple(read["let_in"]),
        put_out=tuple(read["put_out"]),
        people=tuple(read.get("people", ())),
        people_out=tuple(read.get("people_out", ())),
    )
