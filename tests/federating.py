"""Committees that send each other envelopes over a network that fails in every way, repeatably: one seed, one story.

The engine is the real one (`bot.wire`); only the network, the clock and the way of signing are stood in for, so that a
seed always tells the same story (age seals with chance). What committees keep is in the real tables (`Tables`) or in a
model of them (`Memory`): both must tell the same.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol, Self

from bot import wire
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content, Envelope, Head, Want, What
from bot.wire import Applied, Keys, Received
from storage import peers
from storage.database import Transaction

FEDERATION = "f" * 32
BEGIN = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
AUTHORS = 5
"""Four who are honest, and one who is not."""


class Kept(Protocol):
    """What a committee keeps, as a story looks at it."""

    effects: list[tuple[Chain, int, str]]
    """What was dealt with, in this order. A copy brings it back as it was, like all the rest."""

    def work(self, now: datetime) -> AbstractAsyncContextManager[wire.Store]:
        """All of it or, when an exception leaves it, nothing of it."""

    def copy(self) -> Self:
        """The same once more, which goes its own way."""

    async def purge(self, now: datetime) -> None:
        """What is kept no longer goes."""

    def all_heads(self) -> dict[Chain, Head]:
        """How far each chain was dealt with."""

    def all_kept(self) -> set[tuple[Chain, int]]:
        """Under which numbers there are envelopes."""

    def frozen_authors(self) -> set[str]:
        """Who is known to have lied."""

    def all_faults(self) -> dict[tuple[str, str | None], int]:
        """How often what had no effect."""


@dataclass
class Memory:
    """A committee's store as a model."""

    envelopes: dict[tuple[Chain, int], tuple[Envelope, bool, datetime]] = field(default_factory=dict)
    heads: dict[Chain, Head] = field(default_factory=dict)
    lacks: dict[Chain, datetime] = field(default_factory=dict)
    faults: dict[tuple[str, str | None], int] = field(default_factory=dict)
    proofs: dict[str, tuple[Envelope, Envelope | None]] = field(default_factory=dict)
    again: dict[str, datetime] = field(default_factory=dict)
    budgets: dict[tuple[str, str], int] = field(default_factory=dict)
    time: int = 0
    effects: list[tuple[Chain, int, str]] = field(default_factory=list)
    now: datetime = BEGIN

    @contextlib.asynccontextmanager
    async def work(self, now: datetime) -> AsyncIterator[wire.Store]:
        self.now = now
        yield self

    def copy(self) -> Self:
        return copy.deepcopy(self)

    async def purge(self, now: datetime) -> None:
        before = now - rules.OLD
        self.envelopes = {at: kept for at, kept in self.envelopes.items() if kept[2] >= before}
        self.faults = {}

    def all_heads(self) -> dict[Chain, Head]:
        return dict(self.heads)

    def all_kept(self) -> set[tuple[Chain, int]]:
        return set(self.envelopes)

    def frozen_authors(self) -> set[str]:
        return set(self.proofs)

    def all_faults(self) -> dict[tuple[str, str | None], int]:
        return self.faults

    async def head(self, chain: Chain) -> Head | None:
        return self.heads.get(chain)

    async def hash_at(self, chain: Chain, number: int) -> str | None:
        found = self.envelopes.get((chain, number))
        return found[0].hash if found is not None else None

    async def keep(self, envelope: Envelope, *, waits: bool) -> None:
        at = (envelope.chain, envelope.number)
        came = self.envelopes[at][2] if at in self.envelopes else self.now
        self.envelopes[at] = (envelope, waits, came)

    async def advance(self, envelope: Envelope) -> None:
        await self.jump(envelope.chain, Head(envelope.number, envelope.hash))

    async def jump(self, chain: Chain, head: Head) -> None:
        self.heads[chain] = head
        self.lacks.pop(chain, None)

    async def next_kept(self, chain: Chain, after: int) -> Envelope | None:
        behind = min((n for c, n in self.envelopes if c == chain and n > after), default=None)
        return None if behind is None else self.envelopes[chain, behind][0]

    async def forget(self, chain: Chain, last: int) -> None:
        self.envelopes = {at: kept for at, kept in self.envelopes.items() if at[0] != chain or at[1] > last}

    async def stuck(self, chain: Chain) -> datetime:
        return self.lacks.setdefault(chain, self.now)

    async def floors(self, author: str) -> Mapping[Chain, Head]:
        found = {}
        for chain, head in self.heads.items():
            if chain.author == author:
                first = min((n for c, n in self.envelopes if c == chain and n <= head.number), default=None)
                if first is None:
                    found[chain] = head
                elif first > 1:
                    found[chain] = Head(first - 1, self.envelopes[chain, first][0].previous)
        return found

    async def lives(self, author: str) -> Collection[int]:
        chains = [*self.heads, *(chain for chain, _ in self.envelopes)]
        return {chain.life for chain in chains if chain.author == author}

    async def numbers(self, want: Want) -> Collection[int]:
        return {n for n in range(want.first, want.last + 1) if (want.chain, n) in self.envelopes}

    async def spent(self, author: str, what: What) -> int:
        return self.budgets.get((author, what), 0)

    async def spend(self, author: str, what: What, until: int) -> None:
        self.budgets[author, what] = until

    async def kept(self, chain: Chain, number: int) -> Envelope | None:
        found = self.envelopes.get((chain, number))
        return found[0] if found is not None and not found[1] else None

    async def waiting(self) -> Sequence[Envelope]:
        kept = sorted(self.envelopes.items(), key=lambda item: item[0])
        return [envelope for _, (envelope, waits, _) in kept if waits]

    async def texts(self, want: Want) -> Sequence[Envelope]:
        return [
            found[0]
            for number in range(want.first, want.last + 1)
            if (found := self.envelopes.get((want.chain, number))) is not None
        ]

    async def vector(self) -> Mapping[Chain, Head]:
        return self.all_heads()

    async def lamport(self, seen: int = 0) -> int:
        self.time = max(self.time, min(seen, self.time + rules.LAMPORT_STEP))
        return self.time

    async def frozen(self, chain: Chain) -> bool:
        return chain.author in self.proofs

    async def chains(self, author: str) -> Sequence[Chain]:
        return sorted({chain for chain, _ in self.envelopes if chain.author == author})

    async def freeze(self, author: str, one: Envelope, other: Envelope | None) -> bool:
        if author in self.proofs:
            return False
        self.proofs[author] = (one, other)
        return True

    async def proof(self, author: str) -> Sequence[Envelope]:
        return [one for one in self.proofs.get(author, ()) if one is not None]

    async def liars(self) -> Sequence[str]:
        return [author for author, (_, other) in self.proofs.items() if other is not None]

    async def quarantine(self, fault: str, author: str | None) -> None:
        self.faults[fault, author] = self.faults.get((fault, author), 0) + 1

    async def posted(self, hash_: str, *, now: datetime) -> bool:
        before = self.again.get(hash_)
        if before is not None and now - before < timedelta(seconds=wire.POSTED_AGAIN_SECONDS):
            return False
        self.again[hash_] = now
        return True


_MIGRATIONS = Path(__file__).parents[1] / "storage" / "migrations" / "sqlite"


@functools.cache
def _nobody() -> bytes:
    """A database with the newest schema, and one federation in it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("BEGIN")
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        connection.executescript(file.read_text("utf-8"))
    connection.execute(
        "INSERT INTO federations (committee_id, uid, name, state, since_us) VALUES (1, ?, '', 'in', 0)",
        (FEDERATION,),
    )
    return connection.serialize()


class Tables:
    """A committee's store in the real tables, in a database of its own."""

    def __init__(self, connection: sqlite3.Connection | None = None) -> None:
        self.effects: list[tuple[Chain, int, str]] = []
        self.connection = connection or sqlite3.connect(":memory:", isolation_level=None)
        if connection is None:
            self.connection.deserialize(_nobody())

    @contextlib.asynccontextmanager
    async def work(self, now: datetime) -> AsyncIterator[wire.Store]:
        self.connection.execute("BEGIN")
        try:
            yield peers.Store(self._tx(), 1, now=now)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def _tx(self) -> Transaction:
        return Transaction(sqlite3, self.connection, 3600, lambda: "")

    def copy(self) -> Self:
        other = sqlite3.connect(":memory:", isolation_level=None)
        other.deserialize(self.connection.serialize())
        found = type(self)(other)
        found.effects = list(self.effects)
        return found

    async def purge(self, now: datetime) -> None:
        await peers.purge(self._tx(), now=now)

    def all_heads(self) -> dict[Chain, Head]:
        rows = self.connection.execute("SELECT author, life, number, hash FROM chain_heads")
        return {Chain(author, life): Head(number, hash_) for author, life, number, hash_ in rows}

    def all_kept(self) -> set[tuple[Chain, int]]:
        rows = self.connection.execute("SELECT author, life, number FROM envelopes")
        return {(Chain(author, life), number) for author, life, number in rows}

    def frozen_authors(self) -> set[str]:
        return {author for (author,) in self.connection.execute("SELECT author FROM equivocations")}

    def all_faults(self) -> dict[tuple[str, str | None], int]:
        rows = self.connection.execute("SELECT fault, author, many FROM quarantined")
        return {(fault, author or None): many for fault, author, many in rows}


LIES = ("one thing", "another thing", "later")


@functools.cache
def author(place: int) -> str:
    return hashlib.sha256(f"root {place}".encode()).hexdigest()


def signature(place_or_author: int | str, words: bytes) -> bytes:
    """Stands in for Ed25519: nobody else knows how an author signs."""
    who = author(place_or_author) if isinstance(place_or_author, int) else place_or_author
    return hashlib.sha256(b"secret of " + who.encode() + words).digest()


def keys_of(place: int, life: int) -> Keys:
    me = author(place)

    def open_(sealed: bytes) -> bytes | None:
        whom, _, inside = sealed.partition(b"\n")
        return inside if me in json.loads(whom) else None

    return Keys(
        chain=Chain(me, life),
        key="0" * 16,
        sign=lambda words: signature(me, words),
        # To oneself too: what is forgotten must be readable when it comes back.
        seal=lambda inside, to: json.dumps(sorted({*to, me})).encode() + b"\n" + inside,
        verify=lambda who, key, sent, words, given: given == signature(who, words),
        vouches=lambda who, words, given: given == signature(who, words),
        open_=open_,
        member=lambda who: who in {author(one) for one in range(AUTHORS)},
        understands=frozenset({"words"}),
    )


@dataclass
class Peer:
    """An honest committee."""

    place: int
    memory: Kept
    life: int = 0
    copies: list[Kept] = field(default_factory=list)


class Broken(AssertionError):
    """Something that must always hold does not."""


class Story:
    """What happens to five committees. Raises Broken as soon as what must hold does not."""

    def __init__(self, seed: int, kept: Callable[[], Kept] = Memory) -> None:
        self.random = Random(seed)
        self.now = BEGIN
        self.honest = [Peer(place, kept()) for place in range(AUTHORS - 1)]
        self.liar = AUTHORS - 1
        self.liar_number = 0
        self.liar_previous = rules.FIRST
        self.lies: dict[str, Envelope] = {}
        """Of two things under one number, each as it was posted."""
        self.happened: Counter[str] = Counter()
        self.flying: list[tuple[datetime, int, str]] = []
        self.seen: list[str] = []
        self.parted: set[int] = set()
        self.said: dict[tuple[Chain, int], tuple[str, frozenset[str]]] = {}
        """What honest committees have said: its hash, and to whom."""
        self.lossy = True

    # --- the network ---------------------------------------------------------------------------------------------

    def post(self, text: str, *, by: int, only: Sequence[int] | None = None, broken: bool = False) -> None:
        if not broken:
            self.seen = [*self.seen[-400:], text]
        for peer in self.honest:
            if only is not None and peer.place not in only:
                continue
            cut = self.lossy and (peer.place in self.parted) != (by in self.parted)
            times = 2 if self.lossy and self.random.random() < 0.15 else 1
            self.happened["doubled"] += times - 1
            for _ in range(times):
                if self.lossy and (cut or self.random.random() < 0.2):
                    self.happened["cut off" if cut else "dropped"] += 1
                    continue
                delay = self.random.randint(0, 90 if self.lossy else 2)
                self.flying.append((self.now + timedelta(seconds=delay), peer.place, text))

    async def deliver(self) -> None:
        due = [one for one in self.flying if one[0] <= self.now]
        self.flying = [one for one in self.flying if one[0] > self.now]
        self.random.shuffle(due)
        self.happened["out of order"] += due != sorted(due, key=lambda one: one[0])
        for _, place, text in due:
            peer = self.honest[place]
            keys = self.keys(peer)
            await self.take(peer, functools.partial(self.received, keys=keys, text=text))

    async def received(self, store: wire.Store, *, keys: Keys, text: str) -> Received:
        """Raises Broken where somebody has both of two things under one number, and does not see the lie at once."""
        lie = self.lies.get(text)
        before = None if lie is None else await store.hash_at(lie.chain, lie.number)
        found = await wire.receive(store, keys, FEDERATION, text, now=self.now)
        if lie is not None and before not in (None, lie.hash):
            self.happened["a lie found"] += 1
            if not await store.frozen(lie.chain):
                raise Broken("has both of two things under one number, and does not see it")
        return found

    async def take(self, peer: Peer, receiving: Callable[[wire.Store], Awaitable[Received]]) -> None:
        async with peer.memory.work(self.now) as store:
            found = await receiving(store)
            self.skipped(peer, found)
            for one in found.applied:
                await self.effect(peer, one, store)
        if len(found.posts) > 2 * rules.ANSWERED_MAX:
            raise Broken("an answer without bounds")
        for text in found.posts:
            self.post(text, by=peer.place)
        if found.forgotten:
            self.begin_anew(peer)

    def keys(self, peer: Peer) -> Keys:
        return keys_of(peer.place, peer.life)

    # --- what must hold ------------------------------------------------------------------------------------------

    def skipped(self, peer: Peer, found: Received) -> None:
        """It goes on behind a gap: only where nobody can have what is missing any more."""
        for chain, head in found.skipped:
            done = max((number for c, number, _ in peer.memory.effects if c == chain), default=0)
            if head.number <= done:
                raise Broken("back to what was dealt with")
            if chain.author != author(self.liar):
                whose = next(other for other in self.honest if author(other.place) == chain.author)
                if any((chain, number) in whose.memory.all_kept() for number in range(done + 1, head.number + 1)):
                    raise Broken("passed over what its author still has")
            peer.memory.effects.append((chain, head.number, head.hash))

    async def effect(self, peer: Peer, one: Applied, store: wire.Store) -> None:
        envelope, chain = one.envelope, one.envelope.chain
        done = [number for c, number, _ in peer.memory.effects if c == chain]
        if envelope.number != (done[-1] if done else 0) + 1:
            raise Broken(f"{envelope.number} had its effect after {done[-1:]}, or twice")
        if not await store.numbers(Want(chain, envelope.number, envelope.number)):
            raise Broken("an effect without its envelope")
        if chain.author != author(self.liar):
            said = self.said.get((chain, envelope.number))
            if said is None or said[0] != envelope.hash:
                raise Broken("an honest committee never said that")
            meant = author(peer.place) in said[1] or chain.author == author(peer.place)
            if (one.content is not None) != meant:
                raise Broken("read by somebody it is not for, or not by somebody it is for")
            if one.content is not None and one.content.body.get("words") != f"{chain.life} {envelope.number}":
                raise Broken("other words than were said")
        elif one.content is not None and one.content.body.get("words") not in LIES:
            raise Broken("somebody else's words under the liar's name")
        if one.content is not None and one.past != rules.expired(one.content, now=self.now):
            raise Broken("what is over has an effect, or what is not has none")
        peer.memory.effects.append((chain, envelope.number, envelope.hash))

    def check(self) -> None:
        for peer in self.honest:
            last = {chain: (number, hash_) for chain, number, hash_ in peer.memory.effects}
            for chain, head in peer.memory.all_heads().items():
                if last.get(chain) != (head.number, head.hash):
                    raise Broken("no effect for what was dealt with")
            if any(who != author(self.liar) for who in peer.memory.frozen_authors()):
                raise Broken("an honest committee is said to have lied")
            if len(peer.memory.all_kept()) > 5000 or sum(map(len, self.flying)) > 500_000:
                raise Broken("without bounds")
            if any(fault == "flood" and who != author(self.liar) for fault, who in peer.memory.all_faults()):
                raise Broken("an honest committee has said too much")

    # --- what happens --------------------------------------------------------------------------------------------

    async def speak(self, peer: Peer) -> None:
        others = [author(place) for place in range(AUTHORS) if place != peer.place]
        to = self.random.sample(others, self.random.randint(1, len(others)))
        keys = self.keys(peer)
        head = peer.memory.all_heads().get(keys.chain)
        number = (head.number if head is not None else 0) + 1
        expires = rules.seconds(self.now + timedelta(seconds=self.random.randint(30, 4000)))
        content = Content(
            kind="alert", body={"words": f"{keys.chain.life} {number}"}, to=tuple(to), expires=expires, must=("words",)
        )
        # Some clocks are ahead for a while.
        clock = self.now + timedelta(minutes=self.random.randint(10, 60) if self.random.random() < 0.04 else 0)
        async with peer.memory.work(self.now) as store:
            made, text = await wire.write(store, keys, FEDERATION, content, now=clock)
        self.said[made.chain, made.number] = (made.hash, frozenset(to))
        peer.memory.effects.append((made.chain, made.number, made.hash))
        self.post(text, by=peer.place)

    async def beat(self, peer: Peer) -> None:
        others = [author(place) for place in range(AUTHORS) if place != peer.place]
        keys = self.keys(peer)
        async with peer.memory.work(self.now) as store:
            texts = await wire.heartbeat(store, keys, FEDERATION, to=others, now=self.now)
        for text in texts:
            self.post(text, by=peer.place)
        await self.take(peer, lambda store: wire.ripen(store, keys, FEDERATION, now=self.now))

    def copy(self, peer: Peer) -> None:
        peer.copies = [*peer.copies[-3:], peer.memory.copy()]

    def restore(self, peer: Peer) -> None:
        """Its database is put back from an old copy: what it said meanwhile it has forgotten."""
        if peer.copies:
            known = len(peer.memory.effects)
            peer.memory = self.random.choice(peer.copies).copy()
            self.happened["forgotten"] += len(peer.memory.effects) < known
            self.begin_anew(peer)

    async def month(self) -> None:
        """A month passes without a word: nobody has what was said before any more, but for what copies bring back."""
        self.happened["a month"] += 1
        self.flying = []
        self.now += rules.OLD + timedelta(hours=1)
        for peer in self.honest:
            await peer.memory.purge(self.now)

    def begin_anew(self, peer: Peer) -> None:
        peer.life = max(peer.life + 1, rules.seconds(self.now))

    def lie(self) -> None:
        """The dishonest one: two things under one number, forged, changed, replayed, from the future, or rubbish."""
        chain = Chain(author(self.liar), 0)
        match self.random.randrange(8):
            case 0 | 1:
                self.liar_number += 1
                made = self._made(chain, self.liar_number, self.liar_previous, "one thing")
                self.liar_previous = made.hash
                self.post(rules.dump(made), by=self.liar)
            case 2:
                self.liar_number += 1
                one = self._made(chain, self.liar_number, self.liar_previous, "one thing")
                other = self._made(chain, self.liar_number, self.liar_previous, "another thing")
                half = self.random.sample(range(AUTHORS - 1), 2)
                self.post(rules.dump(one), by=self.liar, only=half)
                self.post(rules.dump(other), by=self.liar, only=[p for p in range(AUTHORS - 1) if p not in half])
                self.liar_previous = one.hash
                self.lies |= {rules.dump(one): one, rules.dump(other): other}
            case 3 if self.seen:
                # In somebody else's name.
                victim = self.random.choice(self.honest)
                there = victim.memory.all_heads().get(Chain(author(victim.place), victim.life))
                number, previous = (there.number + 1, there.hash) if there else (1, rules.FIRST)
                forged = self._made(Chain(author(victim.place), victim.life), number, previous, "never said")
                forged = replace(forged, signature=rules.encoded(signature(self.liar, forged.covered)))
                self.post(rules.dump(forged), by=self.liar)
            case 4 if self.seen:
                self.post(self.random.choice(self.seen), by=self.liar)
            case 5 if self.seen:
                # Words of somebody else's, sealed, under one's own name and number.
                stolen = json.loads(self.random.choice(self.seen))
                self.liar_number += 1
                made = self._made(chain, self.liar_number, self.liar_previous, "", sealed=stolen["sealed"])
                self.liar_previous = made.hash
                self.post(rules.dump(made), by=self.liar)
            case 6 if self.seen:
                # A signature written otherwise, so that it looks like another envelope; and bits that fell over.
                text = self.random.choice(self.seen)
                place = self.random.randrange(len(text))
                self.post(text[:place] + self.random.choice('0aZ"{,') + text[place + 1 :], by=self.liar, broken=True)
            case _:
                ahead = self.now + timedelta(hours=self.random.randint(1, 3))
                self.liar_number += 1
                made = self._made(chain, self.liar_number, self.liar_previous, "later", sent=ahead)
                self.liar_previous = made.hash
                self.post(rules.dump(made), by=self.liar)

    def _made(
        self,
        chain: Chain,
        number: int,
        previous: str,
        words: str,
        *,
        sealed: str | None = None,
        sent: datetime | None = None,
    ) -> Envelope:
        keys = keys_of(self.liar, 0)
        bare = Envelope(
            federation=FEDERATION,
            chain=chain,
            key="0" * 16,
            number=number,
            previous=previous,
            lamport=number,
            sent=rules.seconds(sent or self.now),
            sealed="",
        )
        everybody = tuple(author(place) for place in range(AUTHORS - 1))
        content = Content(kind="alert", body={"words": words}, to=everybody, expires=rules.seconds(self.now) + 900)
        inside = keys.seal(rules.inside(content, of=bare), everybody)
        whole = replace(bare, sealed=sealed if sealed is not None else rules.encoded(inside))
        return replace(whole, signature=rules.encoded(signature(self.liar, whole.covered)))

    async def run(self, steps: int) -> None:
        """So many things happen; then the network is well again, and all that is left to learn is learnt."""
        # In every third story a month passes without a word.
        month = self.random.randrange(steps) if self.random.randrange(3) == 0 else None
        for step in range(steps):
            if step == month:
                await self.month()
            self.now += timedelta(seconds=self.random.randint(1, 40))
            peer = self.random.choice(self.honest)
            match self.random.randrange(100):
                case n if n < 40:
                    await self.speak(peer)
                case n if n < 62:
                    await self.beat(peer)
                case n if n < 70:
                    self.copy(peer)
                case n if n < 72:
                    self.restore(peer)
                case n if n < 78:
                    self.parted = set(self.random.sample(range(AUTHORS), self.random.randint(0, 2)))
                case _:
                    self.lie()
            await self.deliver()
            self.check()
        self.lossy, self.parted = False, set()
        for _ in range(60):
            for peer in self.honest:
                self.now += timedelta(seconds=45)
                await self.beat(peer)
                await self.deliver()
                self.check()
            if self._all_know():
                break
        # What its author has lost too is given up after hours: first by the author, and on their word by the others.
        for _ in range(2):
            self.now += timedelta(hours=4)
            for _ in range(4):
                for peer in self.honest:
                    self.now += timedelta(seconds=45)
                    await self.beat(peer)
                    await self.deliver()
                    self.check()
        if not self._all_know():
            raise Broken("not everybody knows what the honest ones have said")
        for peer in self.honest:
            heads = peer.memory.all_heads()
            async with peer.memory.work(self.now) as store:
                for late in await store.waiting():
                    head = heads.get(late.chain) or Head(0, "")
                    if late.number == head.number + 1 and not await store.frozen(late.chain):
                        raise Broken("what has waited for its time is still waiting")
        if self._contradict() and any(author(self.liar) not in peer.memory.frozen_authors() for peer in self.honest):
            raise Broken("that the liar lied was not found")

    def _contradict(self) -> bool:
        """Whether the honest ones have dealt with different things under one number, and still have both."""
        dealt: dict[tuple[Chain, int], set[str]] = {}
        for peer in self.honest:
            kept = peer.memory.all_kept()
            for chain, number, hash_ in peer.memory.effects:
                if (chain, number) in kept:
                    dealt.setdefault((chain, number), set()).add(hash_)
        return any(len(hashes) > 1 for hashes in dealt.values())

    def _all_know(self) -> bool:
        """Whether all know as much of each honest chain as is left anywhere, and what its author says all of it now."""
        left = {at for peer in self.honest for at in peer.memory.all_kept()}
        heads = {peer.place: peer.memory.all_heads() for peer in self.honest}
        for chain in {chain for chain, _ in self.said}:
            known = {place: (there.get(chain) or Head(0, "")).number for place, there in heads.items()}
            if any((chain, number + 1) in left for number in known.values()):
                return False
            whose = next(peer for peer in self.honest if author(peer.place) == chain.author)
            if whose.life == chain.life and len(set(known.values())) > 1:
                return False
        if not self._contradict():
            return True
        return all(author(self.liar) in peer.memory.frozen_authors() for peer in self.honest)

    def told(self) -> list[object]:
        """All that came of it, to be compared."""
        return [
            (
                peer.life,
                peer.memory.effects,
                sorted(peer.memory.all_faults().items(), key=str),
                peer.memory.all_heads(),
                peer.memory.all_kept(),
                peer.memory.frozen_authors(),
            )
            for peer in self.honest
        ]
