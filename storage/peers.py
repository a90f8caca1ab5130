"""Linked committees: keys, federations and who is in them, and the envelopes that were said there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bot import keys as signing
from bot import wire
from bot.chat import ChatId, UserId, federation_of
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Envelope, Fault, Head, Want, What
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

FEDERATIONS_MAX = 20
"""A committee is in no more."""
PEERS_MAX = 200
KEYS_MAX = 20
"""So many certificates of one committee are looked at, newest first."""
WAITING_MAX = 1000
QUARANTINED_MAX = 200
"""So many kinds of faults by authors are told apart."""

State = Literal["coming", "in", "left", "expelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """A federation as one committee of it sees it. `uid`: its name on the wire."""

    id: int
    committee_id: int
    uid: str
    name: str
    place_id: int | None
    """The wire; None: envelopes go by files only."""
    state: State
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A committee of a federation, as another one knows it; each is one of its own."""

    id: int
    federation_id: int
    author: str
    name: str
    account: str | None
    state: State
    since: datetime
    heard_at: datetime | None
    frozen_until: datetime | None
    new: bool = False
    """Another committee has brought it in lately: see `roster.NEW_FOR`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A committee's own name and keys. `seeds` and `identities`: newest first; `certificates` too, all that were."""

    author: str
    root: signing.SigningKey | None
    life: int
    certificates: tuple[signing.Certificate, ...]
    seeds: tuple[bytes | None, ...]
    identities: tuple[str | None, ...]

    def current(self, now: datetime) -> int:
        """The place of the keys that sign now. Raises LookupError where none may."""
        at = rules.seconds(now)
        for place, (one, seed) in enumerate(zip(self.certificates, self.seeds, strict=True)):
            if seed is not None and one.begins <= at <= one.ends:
                return place
        raise LookupError("no key may sign now")


# --- a committee's own keys --------------------------------------------------------------------------------------


async def begin_self(tx: Transaction, committee_id: int, root: signing.SigningKey) -> None:
    """A committee has a root key from now on."""
    await tx.execute(
        "INSERT INTO peer_selves (committee_id, author, root) VALUES (?, ?, ?)",
        committee_id,
        signing.author_of(root.public),
        root.seed,
    )


async def add_own_key(
    tx: Transaction, committee_id: int, certificate: signing.Certificate, *, seed: bytes, identity: str
) -> None:
    """Keys that the root key has spoken for."""
    await tx.execute(
        """INSERT INTO peer_own_keys (committee_id, certificate, seed, identity, begins_us, ends_us)
           VALUES (?, ?, ?, ?, ?, ?)""",
        committee_id,
        json.dumps(certificate.dump(), sort_keys=True),
        seed,
        identity,
        certificate.begins * 1_000_000,
        certificate.ends * 1_000_000,
    )


async def own(tx: Reader, committee_id: int) -> Own | None:
    """A committee's own keys; None: it has none yet."""
    row = await tx.one("SELECT author, root, life FROM peer_selves WHERE committee_id = ?", committee_id)
    if row is None:
        return None
    rows = await tx.all(
        """SELECT certificate, seed, identity FROM peer_own_keys WHERE committee_id = ?
           ORDER BY begins_us DESC, id DESC LIMIT ?""",
        committee_id,
        KEYS_MAX,
    )
    return Own(
        author=row[0],
        root=None if row[1] is None else signing.SigningKey(row[1]),
        life=row[2],
        certificates=tuple(signing.kept_certificate(json.loads(one[0])) for one in rows),
        seeds=tuple(one[1] for one in rows),
        identities=tuple(one[2] for one in rows),
    )


async def destroy_own(tx: Transaction, committee_id: int, certificates: Sequence[signing.Certificate]) -> None:
    """Destroy the secret halves: what was sealed to them can never be opened again."""
    for one in certificates:
        await tx.execute(
            "UPDATE peer_own_keys SET seed = NULL, identity = NULL WHERE committee_id = ? AND certificate = ?",
            committee_id,
            json.dumps(one.dump(), sort_keys=True),
        )


async def forget_root(tx: Transaction, committee_id: int) -> bool:
    """The root key lies in a drawer from now on, and not here. False: it was not here."""
    return bool(
        await tx.value(
            "UPDATE peer_selves SET root = NULL WHERE committee_id = ? AND root IS NOT NULL RETURNING 1", committee_id
        )
    )


async def bring_root(tx: Transaction, root: signing.SigningKey) -> bool:
    """The root key is brought back. False: it is no committee's here."""
    return bool(
        await tx.value(
            "UPDATE peer_selves SET root = ? WHERE author = ? RETURNING 1", root.seed, signing.author_of(root.public)
        )
    )


async def begin_life(tx: Transaction, committee_id: int, life: int) -> None:
    """The database was put back from a copy: a committee speaks in a new chain."""
    await tx.execute("UPDATE peer_selves SET life = max(life + 1, ?) WHERE committee_id = ?", life, committee_id)


# --- federations and their committees ----------------------------------------------------------------------------

_FEDERATION = "id, committee_id, uid, name, place_id, state, since_us"
_OF_FEDERATION = ", ".join(f"f.{name}" for name in _FEDERATION.split(", "))
"""The same where others stand beside it."""


def _federation(row: Sequence[Any]) -> Federation:
    return Federation(
        id=row[0],
        committee_id=row[1],
        uid=row[2],
        name=row[3],
        place_id=row[4],
        state=row[5],
        since=from_us(row[6]),
    )


async def add_federation(
    tx: Transaction, committee_id: int, uid: str, name: str, *, place_id: int | None, state: State, now: datetime
) -> Federation:
    """A federation that a committee founds, or comes into."""
    row = await tx.one(
        f"""INSERT INTO federations (committee_id, uid, name, place_id, state, since_us) VALUES (?, ?, ?, ?, ?, ?)
            RETURNING {_FEDERATION}""",
        committee_id,
        uid,
        name,
        place_id,
        state,
        to_us(now),
    )
    assert row is not None
    return _federation(row)


async def federations(tx: Reader, committee_id: int, *, states: Sequence[State] = ("in",)) -> list[Federation]:
    """The federations that a committee is in, oldest first."""
    rows = await tx.all(
        f"""SELECT {_FEDERATION} FROM federations
            WHERE committee_id = ? AND state IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?""",
        committee_id,
        json.dumps([*states]),
        FEDERATIONS_MAX,
    )
    return [_federation(row) for row in rows]


async def seats(tx: Reader, users: Collection[UserId]) -> dict[tuple[str, UserId], Federation]:
    """Which of these accounts are of members of linked committees; by the federation's name on the wire and account."""
    rows = await tx.all(
        f"""SELECT i.user, {_OF_FEDERATION} FROM identities i
            JOIN members m ON m.person_id = i.person_id AND m.active = 1
            JOIN federations f ON f.committee_id = m.committee_id AND f.state = 'in'
            WHERE i.user IN (SELECT value FROM json_each(?)) ORDER BY f.id, i.user LIMIT 100000""",
        json.dumps([*users]),
    )
    found = ((user, _federation(row)) for user, *row in rows)
    return {(there.uid, UserId(user)): there for user, there in found}


async def federation(tx: Reader, committee_id: int, id_: int) -> Federation | None:
    """One of a committee's federations, also one that it has left."""
    row = await tx.one(f"SELECT {_FEDERATION} FROM federations WHERE id = ? AND committee_id = ?", id_, committee_id)
    return None if row is None else _federation(row)


async def federation_called(tx: Reader, committee_id: int, uid: str) -> Federation | None:
    """One of a committee's federations by its name on the wire, also one that it has left."""
    row = await tx.one(f"SELECT {_FEDERATION} FROM federations WHERE committee_id = ? AND uid = ?", committee_id, uid)
    return None if row is None else _federation(row)


async def committees_at(tx: Reader, chat: ChatId) -> list[int]:
    """Whom what comes over a wire is for: the ids of the committees here that are in its federation.

    Who only comes into it knows nobody's keys yet, and asks for what they have missed once they are in.
    """
    rows = await tx.all(
        "SELECT committee_id FROM federations WHERE uid = ? AND state = 'in' ORDER BY committee_id LIMIT 1000",
        federation_of(chat) or "",
    )
    return [row[0] for row in rows]


async def accounts_at(tx: Reader, chat: ChatId) -> frozenset[str] | None:
    """The accounts of the bots of the federation of a wire; None: no committee here is in it or comes into it."""
    here = await committees_at(tx, chat)
    if not here:
        return None
    rows = await tx.all(
        """SELECT DISTINCT p.account FROM federations f JOIN peers p ON p.federation_id = f.id
           WHERE f.uid = ? AND f.state IN ('coming', 'in') AND p.state IN ('coming', 'in') AND p.account IS NOT NULL
           LIMIT ?""",
        federation_of(chat) or "",
        PEERS_MAX,
    )
    return frozenset(row[0] for row in rows)


async def on_network(tx: Reader, network: str) -> list[Federation]:
    """The federations whose wire is on this network, of all committees here that are in one."""
    rows = await tx.all(
        f"""SELECT {_OF_FEDERATION} FROM federations f JOIN chats c ON c.id = f.place_id
            WHERE f.state = 'in' AND c.address LIKE ? ORDER BY f.id LIMIT 1000""",
        f"{network}:wire:%",
    )
    return [_federation(row) for row in rows]


async def committees_asked_for(tx: Reader, text: str) -> list[int]:
    """Whom something at the door is for: the committee here that has invited with its code, or awaits more of it.

    Whoever knocks without a code that waits here reaches nobody.
    """
    try:
        read = rules.parsed(text)
    except rules.Unsound:
        return []
    to, code = read.get("to"), read.get("code")
    if not isinstance(to, str) or not isinstance(code, str):
        return []
    rows = await tx.all(
        """SELECT l.committee_id FROM links l LEFT JOIN peer_selves s ON s.committee_id = l.committee_id
           WHERE l.code = ?1 AND l.state <> 'ended'
               AND CASE WHEN ?2 = '' THEN l.state = 'offered' ELSE s.author = ?2 END LIMIT 1""",
        code,
        to,
    )
    return [row[0] for row in rows]


async def drop_coming(tx: Transaction, federation_id: int) -> None:
    """A committee does not come into a federation after all; where it was in it once, it has left it."""
    await tx.execute(
        """UPDATE federations SET state = 'left' WHERE id = ?1 AND state = 'coming'""",
        federation_id,
    )


async def set_state(tx: Transaction, federation_id: int, state: State) -> None:
    """A committee is in a federation now, or not any more."""
    await tx.execute("UPDATE federations SET state = ? WHERE id = ?", state, federation_id)


_PEER = "id, federation_id, author, name, account, state, since_us, heard_us, frozen_until_us, new"


def _peer(row: Sequence[Any]) -> Peer:
    return Peer(
        id=row[0],
        federation_id=row[1],
        author=row[2],
        name=row[3],
        account=row[4],
        state=row[5],
        since=from_us(row[6]),
        heard_at=None if row[7] is None else from_us(row[7]),
        frozen_until=None if row[8] is None else from_us(row[8]),
        new=bool(row[9]),
    )


async def add_peer(
    tx: Transaction,
    federation_id: int,
    certificate: signing.Certificate,
    name: str,
    *,
    account: str | None,
    state: State,
    now: datetime,
    new: bool = False,
) -> Peer:
    """A committee of a federation, with keys that were compared; one that is known is brought up to date.

    `new`: another committee has compared them, and brings it in.
    """
    row = await tx.one(
        f"""INSERT INTO peers (federation_id, author, name, account, state, since_us, new)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (federation_id, author) DO UPDATE SET name = excluded.name, account = excluded.account,
                new = CASE WHEN state = 'in' THEN new ELSE excluded.new END,
                since_us = CASE WHEN state = 'in' THEN since_us ELSE excluded.since_us END, state = excluded.state
            RETURNING {_PEER}""",
        federation_id,
        certificate.author,
        name,
        account,
        state,
        to_us(now),
        int(new),
    )
    assert row is not None
    there = _peer(row)
    await add_key(tx, there, certificate)
    return there


async def add_key(tx: Transaction, peer: Peer, certificate: signing.Certificate) -> None:
    """A key of another committee, by the word of its pinned root key. Raises ValueError where it is another's."""
    if certificate.author != peer.author:
        raise ValueError("another committee's key")
    await tx.execute(
        "INSERT INTO peer_keys (peer_id, certificate, begins_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        peer.id,
        json.dumps(certificate.dump(), sort_keys=True),
        certificate.begins * 1_000_000,
    )


async def prune_keys(tx: Transaction, peer_id: int) -> None:
    """Keep the newest keys of another committee only: whoever changes them all the time makes no rows."""
    await tx.execute(
        """DELETE FROM peer_keys WHERE peer_id = ?1 AND id NOT IN
               (SELECT id FROM peer_keys WHERE peer_id = ?1 ORDER BY begins_us DESC, id DESC LIMIT ?2)""",
        peer_id,
        KEYS_MAX,
    )


async def peers(tx: Reader, federation_id: int, *, states: Sequence[State] = ("in",)) -> list[Peer]:
    """The committees of a federation, the asking one too, by name."""
    rows = await tx.all(
        f"""SELECT {_PEER} FROM peers WHERE federation_id = ? AND state IN (SELECT value FROM json_each(?))
            ORDER BY name, author LIMIT ?""",
        federation_id,
        json.dumps([*states]),
        PEERS_MAX,
    )
    return [_peer(row) for row in rows]


async def others(tx: Reader, federation_id: int, me: str) -> list[Peer]:
    """The committees of a federation but for one, by name."""
    return [one for one in await peers(tx, federation_id) if one.author != me]


def beat_of(federation_id: int) -> str:
    """The key of the due row by which the others hear how far each chain is known here."""
    return f"federation:{federation_id}:beat"


async def peer(tx: Reader, federation_id: int, author: str) -> Peer | None:
    """One committee of a federation."""
    row = await tx.one(f"SELECT {_PEER} FROM peers WHERE federation_id = ? AND author = ?", federation_id, author)
    return None if row is None else _peer(row)


async def peer_by_id(tx: Reader, committee_id: int, id_: int) -> Peer | None:
    """One committee of any of a committee's federations."""
    columns = ", ".join(f"p.{name}" for name in _PEER.split(", "))
    row = await tx.one(
        f"""SELECT {columns} FROM peers p JOIN federations f ON f.id = p.federation_id
            WHERE p.id = ? AND f.committee_id = ?""",
        id_,
        committee_id,
    )
    return None if row is None else _peer(row)


async def set_peer_state(tx: Transaction, peer_id: int, state: State) -> None:
    """Another committee is in now, or not any more."""
    await tx.execute("UPDATE peers SET state = ? WHERE id = ?", state, peer_id)


async def heard(tx: Transaction, federation_id: int, author: str, *, at: datetime) -> None:
    """Something that they have signed at this time has come in: what is old, or handed on, is no sign of life."""
    await tx.execute(
        "UPDATE peers SET heard_us = max(coalesce(heard_us, 0), ?) WHERE federation_id = ? AND author = ?",
        to_us(at),
        federation_id,
        author,
    )


async def settle_in(tx: Transaction, peer_id: int) -> None:
    """Another committee has been in for long enough not to be new any more."""
    await tx.execute("UPDATE peers SET new = 0 WHERE id = ?", peer_id)


async def certificate_of(tx: Reader, peer_id: int) -> signing.Certificate | None:
    """The newest word of another committee's root key for its keys."""
    kept = await tx.value(
        "SELECT certificate FROM peer_keys WHERE peer_id = ? ORDER BY begins_us DESC, id DESC LIMIT 1", peer_id
    )
    return None if kept is None else signing.kept_certificate(json.loads(kept))


async def begin_at(tx: Transaction, federation_id: int, heads: Mapping[Chain, Head]) -> None:
    """Whoever comes in later begins where the others were then: what was said before was not for them."""
    for chain, head in heads.items():
        await tx.execute(
            """INSERT INTO chain_heads (federation_id, author, life, number, hash) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING""",
            federation_id,
            chain.author,
            chain.life,
            head.number,
            head.hash,
        )


async def tells_end(tx: Transaction, federation_id: int, chain: Chain, number: int) -> None:
    """A committee has told how far its own chain goes."""
    await tx.execute(
        """INSERT INTO chain_ends (federation_id, author, life, number) VALUES (?, ?, ?, ?)
           ON CONFLICT (federation_id, author) DO UPDATE SET life = excluded.life, number = excluded.number
           WHERE (excluded.life, excluded.number) > (life, number)""",
        federation_id,
        chain.author,
        chain.life,
        number,
    )


async def missing(tx: Reader, federation_id: int) -> Mapping[str, int]:
    """How many envelopes are missing, by author: known of from the author's own word, or from what came behind them."""
    rows = await tx.all(
        """WITH ends AS (
               SELECT author, life, number FROM chain_ends WHERE federation_id = ?1
               UNION ALL SELECT author, life, max(number) FROM envelopes WHERE federation_id = ?1 GROUP BY author, life
           ), furthest AS (SELECT author, life, max(number) AS number FROM ends GROUP BY author, life)
           SELECT f.author, sum(f.number - coalesce(h.number, 0) - (
               SELECT count(*) FROM envelopes e WHERE e.federation_id = ?1 AND e.author = f.author AND e.life = f.life
                   AND e.number > coalesce(h.number, 0) AND e.number <= f.number))
           FROM furthest f
           JOIN peers p ON p.federation_id = ?1 AND p.author = f.author AND p.state = 'in'
           LEFT JOIN chain_heads h ON h.federation_id = ?1 AND h.author = f.author AND h.life = f.life
           WHERE f.number > coalesce(h.number, 0) GROUP BY f.author ORDER BY f.author LIMIT ?2""",
        federation_id,
        PEERS_MAX,
    )
    return {author: int(many) for author, many in rows if many > 0}


async def pinned(tx: Reader, federation_id: int) -> signing.Pinned:
    """The keys of all who are or were in a federation: what they said while they were in it stays true."""
    rows = await tx.all(
        """SELECT k.certificate FROM peer_keys k JOIN peers p ON p.id = k.peer_id
           WHERE p.federation_id = ? AND p.state <> 'coming' ORDER BY k.begins_us DESC LIMIT ?""",
        federation_id,
        PEERS_MAX * KEYS_MAX,
    )
    return signing.Pinned(signing.kept_certificate(json.loads(row[0])) for row in rows)


_SAME = """SELECT p.id FROM peers p JOIN federations f ON f.id = p.federation_id
    JOIN peers me ON me.id = ?1 AND me.author = p.author
    JOIN federations mine ON mine.id = me.federation_id AND mine.committee_id = f.committee_id"""
"""A committee (?1) in all federations in which this one knows it: whom it trusts is the same in each."""


async def trust(tx: Reader, peer_id: int) -> Mapping[str, int]:
    """The levels that were set for another committee, by kind; '': for all kinds that stand not there."""
    rows = await tx.all(
        f"SELECT kind, min(level) FROM peer_trust WHERE peer_id IN ({_SAME}) GROUP BY kind ORDER BY kind LIMIT 100",
        peer_id,
    )
    return {row[0]: row[1] for row in rows}


async def set_trust(tx: Transaction, peer_id: int, kind: str, level: int) -> None:
    """How far another committee is trusted in what it says of this kind; '': of all others. In every federation."""
    await tx.execute(
        f"""INSERT INTO peer_trust (peer_id, kind, level)
            SELECT id, ?2, ?3 FROM peers WHERE id IN ({_SAME}) AND (id = ?1 OR state = 'in')
            ON CONFLICT (peer_id, kind) DO UPDATE SET level = excluded.level""",
        peer_id,
        kind,
        level,
    )


async def reset_trust(tx: Transaction, peer_id: int) -> None:
    """What was set for another committee is not any more, in every federation."""
    await tx.execute(f"DELETE FROM peer_trust WHERE peer_id IN ({_SAME})", peer_id)


# --- envelopes ---------------------------------------------------------------------------------------------------


class Store(wire.Store):
    """What a committee keeps of a federation, in one unit of work."""

    def __init__(self, tx: Transaction, federation_id: int, *, now: datetime) -> None:
        self._tx = tx
        self._id = federation_id
        self._now = now

    async def head(self, chain: Chain) -> Head | None:
        """How far a chain was dealt with, without a gap."""
        row = await self._tx.one(
            "SELECT number, hash FROM chain_heads WHERE federation_id = ? AND author = ? AND life = ?",
            *self._of(chain),
        )
        return None if row is None else Head(row[0], row[1])

    async def hash_at(self, chain: Chain, number: int) -> str | None:
        """The hash of what is kept under a number, dealt with or not."""
        found: str | None = await self._tx.value(
            "SELECT hash FROM envelopes WHERE federation_id = ? AND author = ? AND life = ? AND number = ?",
            *self._of(chain),
            number,
        )
        return found

    async def keep(self, envelope: Envelope, *, waits: bool) -> None:
        """Keep an envelope that is its author's. `waits`: until its time has come."""
        await self._tx.execute(
            """INSERT INTO envelopes (federation_id, author, life, number, hash, text, waits, sent_us, came_us)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (federation_id, author, life, number)
               DO UPDATE SET waits = excluded.waits, hash = excluded.hash, text = excluded.text""",
            *self._of(envelope.chain),
            envelope.number,
            envelope.hash,
            rules.dump(envelope),
            int(waits),
            min(envelope.sent * 1_000_000, 2**62),
            to_us(self._now),
        )

    async def advance(self, envelope: Envelope) -> None:
        """Its chain was dealt with up to this envelope."""
        await self.jump(envelope.chain, Head(envelope.number, envelope.hash))

    async def jump(self, chain: Chain, head: Head) -> None:
        """Count a chain as dealt with up to here."""
        await self._tx.execute(
            """INSERT INTO chain_heads (federation_id, author, life, number, hash) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (federation_id, author, life)
               DO UPDATE SET number = excluded.number, hash = excluded.hash, stuck_us = NULL""",
            *self._of(chain),
            head.number,
            head.hash,
        )

    async def next_kept(self, chain: Chain, after: int) -> Envelope | None:
        """The first that is kept behind a number."""
        text = await self._tx.value(
            """SELECT text FROM envelopes WHERE federation_id = ? AND author = ? AND life = ? AND number > ?
               ORDER BY number LIMIT 1""",
            *self._of(chain),
            after,
        )
        return None if text is None else rules.load(text)

    async def forget(self, chain: Chain, last: int) -> None:
        """Keep nothing of a chain up to this number any more."""
        await self._tx.execute(
            "DELETE FROM envelopes WHERE federation_id = ? AND author = ? AND life = ? AND number <= ?",
            *self._of(chain),
            last,
        )

    async def stuck(self, chain: Chain) -> datetime:
        """Since when it is known that its author has no more what a chain lacks; put down when it is first asked."""
        return from_us(
            await self._tx.value(
                """UPDATE chain_heads SET stuck_us = coalesce(stuck_us, ?)
                   WHERE federation_id = ? AND author = ? AND life = ? RETURNING stuck_us""",
                to_us(self._now),
                *self._of(chain),
            )
        )

    async def floors(self, author: str) -> Mapping[Chain, Head]:
        """Of each of an author's chains, the last that was dealt with and is kept no longer."""
        rows = await self._tx.all(
            """SELECT h.life, h.number, h.hash, (SELECT e.text FROM envelopes e WHERE e.federation_id = h.federation_id
                      AND e.author = h.author AND e.life = h.life AND e.number <= h.number ORDER BY e.number LIMIT 1)
               FROM chain_heads h WHERE h.federation_id = ? AND h.author = ? ORDER BY h.life DESC LIMIT ?""",
            self._id,
            author,
            rules.LIVES_MAX,
        )
        found = {}
        for life, number, hash_, text in rows:
            first = None if text is None else rules.load(text)
            floor = Head(number, hash_) if first is None else Head(first.number - 1, first.previous)
            if floor.number:
                found[Chain(author, life)] = floor
        return found

    async def lives(self, author: str) -> Collection[int]:
        """Of which of an author's lives anything is known."""
        rows = await self._tx.all(
            """SELECT life FROM chain_heads WHERE federation_id = ?1 AND author = ?2
               UNION SELECT life FROM envelopes WHERE federation_id = ?1 AND author = ?2 LIMIT ?3""",
            self._id,
            author,
            rules.LIVES_MAX + 1,
        )
        return {row[0] for row in rows}

    async def numbers(self, want: Want) -> Collection[int]:
        """Which of these are kept, also those that wait."""
        rows = await self._tx.all(
            """SELECT number FROM envelopes WHERE federation_id = ? AND author = ? AND life = ?
               AND number BETWEEN ? AND ? LIMIT ?""",
            *self._of(want.chain),
            want.first,
            want.last,
            rules.WANTED_MAX,
        )
        return {row[0] for row in rows}

    async def spent(self, author: str, what: What) -> int:
        """When what an author has spent will have grown back: see `rules.spent`."""
        until = await self._tx.value(
            "SELECT until_ms FROM wire_spent WHERE federation_id = ? AND author = ? AND what = ?",
            self._id,
            author,
            what,
        )
        return until or 0

    async def spend(self, author: str, what: What, until: int) -> None:
        """Put that down."""
        await self._tx.execute(
            """INSERT INTO wire_spent (federation_id, author, what, until_ms) VALUES (?, ?, ?, ?)
               ON CONFLICT (federation_id, author, what) DO UPDATE SET until_ms = excluded.until_ms""",
            self._id,
            author,
            what,
            until,
        )

    async def kept(self, chain: Chain, number: int) -> Envelope | None:
        """What is kept under a number and does not wait for its time."""
        text = await self._tx.value(
            """SELECT text FROM envelopes WHERE federation_id = ? AND author = ? AND life = ? AND number = ?
               AND waits = 0""",
            *self._of(chain),
            number,
        )
        return None if text is None else rules.load(text)

    async def waiting(self) -> Sequence[Envelope]:
        """What waits for its time."""
        rows = await self._tx.all(
            "SELECT text FROM envelopes WHERE federation_id = ? AND waits = 1 ORDER BY author, life, number LIMIT ?",
            self._id,
            WAITING_MAX,
        )
        return [rules.load(row[0]) for row in rows]

    async def texts(self, want: Want) -> Sequence[Envelope]:
        """What is kept of what is asked for, in order."""
        rows = await self._tx.all(
            """SELECT text FROM envelopes WHERE federation_id = ? AND author = ? AND life = ? AND number BETWEEN ? AND ?
               ORDER BY number LIMIT ?""",
            *self._of(want.chain),
            want.first,
            want.last,
            rules.WANTED_MAX,
        )
        return [rules.load(row[0]) for row in rows]

    async def vector(self) -> Mapping[Chain, Head]:
        """How far each chain was dealt with."""
        rows = await self._tx.all(
            "SELECT author, life, number, hash FROM chain_heads WHERE federation_id = ? ORDER BY author, life LIMIT ?",
            self._id,
            rules.VECTOR_MAX,
        )
        return {Chain(author, life): Head(number, hash_) for author, life, number, hash_ in rows}

    async def lamport(self, seen: int = 0) -> int:
        """The highest Lamport time seen, this one included."""
        found = await self._tx.value(
            "UPDATE federations SET lamport = max(lamport, min(?, lamport + ?)) WHERE id = ? RETURNING lamport",
            seen,
            rules.LAMPORT_STEP,
            self._id,
        )
        return int(found)

    async def frozen(self, chain: Chain) -> bool:
        """Whether nothing of a chain has an effect: until people have looked, or for as long as two have frozen it."""
        return bool(
            await self._tx.value(
                """SELECT EXISTS (SELECT 1 FROM equivocations WHERE federation_id = ?1 AND author = ?2
                        AND (heard_life IS NULL OR heard_life >= ?3))
                    OR EXISTS (SELECT 1 FROM peers
                        WHERE federation_id = ?1 AND author = ?2 AND frozen_until_us > ?4)""",
                *self._of(chain),
                to_us(self._now),
            )
        )

    async def chains(self, author: str) -> Sequence[Chain]:
        """The chains of an author of which anything is kept, oldest first."""
        rows = await self._tx.all(
            "SELECT DISTINCT life FROM envelopes WHERE federation_id = ? AND author = ? ORDER BY life LIMIT ?",
            self._id,
            author,
            rules.VECTOR_MAX,
        )
        return [Chain(author, row[0]) for row in rows]

    async def freeze(self, author: str, one: Envelope, other: Envelope | None) -> bool:
        """From now on nothing of them has an effect; the proof is kept. False: it was so already."""
        found = await self._tx.value(
            """INSERT INTO equivocations (federation_id, author, one, other, at_us) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (federation_id, author) DO UPDATE SET one = excluded.one, other = excluded.other,
                   at_us = excluded.at_us, heard_life = NULL WHERE heard_life < ?
               RETURNING 1""",
            self._id,
            author,
            rules.dump(one),
            None if other is None else rules.dump(other),
            to_us(self._now),
            one.chain.life,
        )
        return found is not None

    async def proof(self, author: str) -> Sequence[Envelope]:
        """The envelopes that prove that an author has said two things under one number; none: they have not."""
        row = await self._tx.one(
            "SELECT one, other FROM equivocations WHERE federation_id = ? AND author = ?", self._id, author
        )
        return [rules.load(text) for text in row or () if text is not None]

    async def liars(self) -> Sequence[str]:
        """The authors of whom there is such a proof."""
        rows = await self._tx.all(
            """SELECT author FROM equivocations WHERE federation_id = ? AND other IS NOT NULL
               ORDER BY author LIMIT ?""",
            self._id,
            PEERS_MAX,
        )
        return [row[0] for row in rows]

    async def quarantine(self, fault: Fault, author: str | None) -> None:
        """Count what had no effect; people are told in one line."""
        many = await self._tx.value("SELECT count(*) FROM quarantined WHERE federation_id = ?", self._id)
        # Whoever makes up authors shall not make up rows.
        await self._tx.execute(
            """INSERT INTO quarantined (federation_id, fault, author, many, last_us) VALUES (?, ?, ?, 1, ?)
               ON CONFLICT (federation_id, fault, author) DO UPDATE SET many = many + 1, last_us = excluded.last_us""",
            self._id,
            fault,
            (author or "") if many < QUARANTINED_MAX else "",
            to_us(self._now),
        )

    async def posted(self, hash_: str, *, now: datetime) -> bool:
        """Note that it is handed over again. False: that was done within `POSTED_AGAIN_SECONDS`."""
        since = to_us(now - timedelta(seconds=wire.POSTED_AGAIN_SECONDS))
        await self._tx.execute("DELETE FROM posted_again WHERE federation_id = ? AND at_us <= ?", self._id, since)
        found = await self._tx.value(
            "INSERT INTO posted_again (federation_id, hash, at_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
            self._id,
            hash_,
            to_us(now),
        )
        return found is not None

    def _of(self, chain: Chain) -> tuple[int, str, int]:
        return self._id, chain.author, chain.life


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Delete what is kept no longer. How far each chain was dealt with stays, so that nothing has its effect again."""
    before = to_us(now - rules.OLD)
    await tx.execute("DELETE FROM envelopes WHERE came_us < ?", before)
    await tx.execute("DELETE FROM quarantined WHERE last_us < ?", before)
    await tx.execute("DELETE FROM posted_again WHERE at_us < ?", to_us(now - timedelta(days=1)))
    await tx.execute("DELETE FROM wire_spent WHERE until_ms < ?", rules.seconds(now) * 1000)


async def texts_since(tx: Reader, federation_id: int, since: datetime) -> list[str]:
    """What came since then, the newest first."""
    rows = await tx.all(
        """SELECT text FROM envelopes WHERE federation_id = ? AND came_us >= ?
           ORDER BY came_us DESC, author, life, number DESC LIMIT ?""",
        federation_id,
        to_us(since),
        rules.ANSWERED_MAX,
    )
    return [row[0] for row in rows]


# --- what people are told ----------------------------------------------------------------------------------------

TOLD_AGAIN = timedelta(hours=24)
TOLD_MAX = 6
"""Nobody is told of more kinds of faults than this in one day; a lie is always told."""


async def untold(tx: Transaction, federation_id: int, *, now: datetime) -> list[tuple[Fault, str]]:
    """What had no effect and people have not been told of for a day, by kind and author; from now on they have."""
    since = to_us(now - TOLD_AGAIN)
    told = await tx.value(
        "SELECT count(*) FROM quarantined WHERE federation_id = ? AND told_us > ?", federation_id, since
    )
    rows = await tx.all(
        """SELECT fault, author FROM quarantined WHERE federation_id = ? AND coalesce(told_us, 0) <= ?
           AND last_us > coalesce(told_us, 0) ORDER BY fault <> 'equivocation', last_us, fault, author LIMIT ?""",
        federation_id,
        since,
        QUARANTINED_MAX,
    )
    found = [(fault, author) for fault, author in rows if fault == "equivocation"]
    found += [(fault, author) for fault, author in rows if fault != "equivocation"][: max(0, TOLD_MAX - told)]
    for fault, author in found:
        await tx.execute(
            "UPDATE quarantined SET told_us = ? WHERE federation_id = ? AND fault = ? AND author = ?",
            to_us(now),
            federation_id,
            fault,
            author,
        )
    return found


async def listens(tx: Transaction, federation_id: int, *, now: datetime, but_for: timedelta) -> datetime:
    """Since when a committee listens, without a break longer than `but_for`; it does now."""
    since = await tx.value(
        """UPDATE federations SET beat_us = ?1,
               listening_us = CASE WHEN coalesce(beat_us, 0) < ?2 THEN ?1 ELSE coalesce(listening_us, ?1) END
           WHERE id = ?3 RETURNING listening_us""",
        to_us(now),
        to_us(now - but_for),
        federation_id,
    )
    return from_us(since)


async def silent(tx: Reader, federation_id: int) -> Mapping[int, datetime]:
    """Those of whom people have been told that they are not heard, by their ids, and when they were told."""
    rows = await tx.all(
        "SELECT id, silent_us FROM peers WHERE federation_id = ? AND silent_us IS NOT NULL ORDER BY id LIMIT ?",
        federation_id,
        PEERS_MAX,
    )
    return {row[0]: from_us(row[1]) for row in rows}


async def set_silent(tx: Transaction, federation_id: int, ids: Sequence[int], *, now: datetime) -> None:
    """These are not heard, and all others are."""
    await tx.execute(
        """UPDATE peers SET silent_us = CASE WHEN id IN (SELECT value FROM json_each(?1))
               THEN coalesce(silent_us, ?2) END
           WHERE federation_id = ?3""",
        json.dumps([*ids]),
        to_us(now),
        federation_id,
    )
