"""Linked committees: what an envelope costs, and how many messages an alert takes among a hundred of them."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bot import keys as signing
from bot import wire
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content
from tests.federating import Tables

if TYPE_CHECKING:
    from tests.servers.linked_scene import Side as LinkedSide
    from tests.servers.synapse import Homeserver

RECIPIENTS = 30
COMMITTEES = 100
FEDERATION = "f" * 32
LOOKS_EVERY_SECONDS = 0.002
BEGIN = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
BODY = {"kind": "eviction", "area": "Mitte", "needs": {"people": 20, "vans": 1}, "text": "Come to the house. " * 20}


@dataclass
class Side:
    """A committee with real keys."""

    place: int
    kept: Tables = field(default_factory=Tables)

    def __post_init__(self) -> None:
        self.root, self.signing = (
            signing.SigningKey(hashlib.sha256(f"{what} {self.place}".encode()).digest()) for what in ("root", "signing")
        )
        self.identity, recipient = signing.new_identity()
        at = rules.seconds(BEGIN)
        self.certificate = signing.certify(
            self.root, self.signing.public, recipient, begins=at - 60, ends=at + 30 * 24 * 3600
        )

    @property
    def author(self) -> str:
        """Its name on the wire."""
        return self.certificate.author

    def knows(self, pinned: signing.Pinned) -> wire.Keys:
        """What it knows to do with keys."""

        def seal(words: bytes, to: Sequence[str]) -> bytes:
            return signing.seal(words, pinned.recipients(sorted({*to, self.author})))

        return wire.Keys(
            chain=Chain(self.author, 0),
            key=self.certificate.key,
            sign=self.signing.sign,
            seal=seal,
            verify=pinned.verify,
            vouches=pinned.vouches,
            open_=lambda sealed: signing.open_(sealed, [self.identity]),
            member=pinned.member,
        )


def _milliseconds(rounds: int, work: Callable[[], object]) -> float:
    """CPU of one, the median of three times so many."""
    found = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(rounds):
            work()
        found.append((time.process_time() - began) * 1000 / rounds)
    return statistics.median(found)


def _costs(rounds: int) -> None:
    sides = [Side(place) for place in range(RECIPIENTS + 1)]
    pinned = signing.Pinned(side.certificate for side in sides)
    to = [side.author for side in sides[1:]]
    author = sides[0]
    # What is sealed is tried for one after another: nobody has more work than whoever comes last.
    reader = max(sides[1:], key=lambda side: side.author)
    words = rules.padded(rules.canonical(BODY))
    recipients = pinned.recipients(sorted([*to, author.author]))
    sealed = signing.seal(words, recipients)
    text = rules.encoded(sealed)
    covered = b"x" * len(text)
    signature = author.signing.sign(covered)
    at = rules.seconds(BEGIN)
    parts = {
        "sign": _milliseconds(rounds, lambda: author.signing.sign(covered)),
        f"seal to {len(recipients)}": _milliseconds(rounds, lambda: signing.seal(words, recipients)),
        "verify": _milliseconds(
            rounds, lambda: pinned.verify(author.author, author.certificate.key, at, covered, signature)
        ),
        "open": _milliseconds(rounds, lambda: signing.open_(sealed, [reader.identity])),
    }
    print(f"one envelope for {RECIPIENTS} committees ({len(text):,} characters sealed), milliseconds of CPU:")
    for name, each in parts.items():
        print(f"  {name:<16} {each:8.3f}")
    print(f"  {'all of that':<16} {sum(parts.values()):8.3f}   at most 20 are allowed")
    written, taken = asyncio.run(_whole(author, reader, pinned, to, rounds))
    print("with the tables in memory, what one committee does:")
    print(f"  {'write':<16} {written:8.3f}")
    print(f"  {'take in':<16} {taken:8.3f}")
    print(f"  {'both':<16} {written + taken:8.3f}")


async def _whole(
    author: Side, reader: Side, pinned: signing.Pinned, to: Sequence[str], rounds: int
) -> tuple[float, float]:
    """Milliseconds of CPU for writing one, and for taking one in: numbers, tables and all."""
    content, texts = Content(kind="alert", body=BODY, to=tuple(to)), []
    mine, theirs = author.knows(pinned), reader.knows(pinned)
    began = time.process_time()
    for _ in range(rounds):
        async with author.kept.work(BEGIN) as store:
            texts.append((await wire.write(store, mine, FEDERATION, content, now=BEGIN))[1])
    between = time.process_time()
    for text in texts:
        async with reader.kept.work(BEGIN) as store:
            found = await wire.receive(store, theirs, FEDERATION, text, now=BEGIN)
        assert len(found.applied) == 1
    return (between - began) * 1000 / rounds, (time.process_time() - between) * 1000 / rounds


async def _spread(lost: float, seed: int) -> None:
    """One alert among a hundred committees on one wire, which loses this share of what it carries to each.

    Signing and sealing are stood in for: messages are counted here, not time.
    """
    random = Random(seed)
    everybody = [hashlib.sha256(f"{place}".encode()).hexdigest() for place in range(COMMITTEES)]
    knows, kept = [_stood_in(author, everybody) for author in everybody], [Tables() for _ in everybody]
    now, posts, beats, have = BEGIN, 0, 0, {0}

    async def carry(texts: Sequence[str], by: int) -> None:
        nonlocal posts
        waiting = [(text, by) for text in texts]
        while waiting:
            text, by = waiting.pop(0)
            for place in range(COMMITTEES):
                if place == by or random.random() < lost:
                    continue
                async with kept[place].work(now) as store:
                    found = await wire.receive(store, knows[place], FEDERATION, text, now=now)
                if found.applied:
                    have.add(place)
                posts += len(found.posts)
                waiting += [(one, place) for one in found.posts]

    content = Content(kind="alert", body=BODY, to=tuple(everybody[1:]))
    async with kept[0].work(now) as store:
        _, text = await wire.write(store, knows[0], FEDERATION, content, now=now)
    posts += 1
    await carry([text], 0)
    at_once = len(have)
    # Whoever has missed it hears of it from the next heartbeats; the first of them in this round is anybody's.
    for place in random.sample(range(COMMITTEES), COMMITTEES):
        if len(have) == COMMITTEES:
            break
        now += timedelta(seconds=4)
        async with kept[place].work(now) as store:
            to = [one for one in everybody if one != everybody[place]]
            texts = await wire.heartbeat(store, knows[place], FEDERATION, to=to, now=now)
        beats += len(texts)
        await carry(texts, place)
    each = (posts + beats) / COMMITTEES
    print(
        f"  {lost:>4.0%} lost: {at_once:3} have it at once, {len(have):3} after {beats:2} "
        f"heartbeats: {posts + beats:3} messages, {each:.2f} per committee (3 are allowed)"
    )


def _stood_in(me: str, everybody: Sequence[str]) -> wire.Keys:
    def signed(who: str, words: bytes) -> bytes:
        return hashlib.sha256(who.encode() + words).digest()

    def open_(sealed: bytes) -> bytes | None:
        whom, _, inside = sealed.partition(b"\n")
        return inside if me in whom.decode().split() else None

    return wire.Keys(
        chain=Chain(me, 0),
        key="0" * 16,
        sign=lambda words: signed(me, words),
        seal=lambda words, to: " ".join(sorted({*to, me})).encode() + b"\n" + words,
        verify=lambda who, key, sent, words, given: given == signed(who, words),
        open_=open_,
        member=frozenset(everybody).__contains__,
    )


# --- over two homeservers ----------------------------------------------------------------------------------------


async def _latencies(times: int) -> None:
    """An alert's envelope from one committee's books to another's, and a bare event, over the same two Synapses."""
    import bot.app
    from tests.servers.linked_scene import committees, link, probing
    from tests.servers.synapse import Federation

    setattr(bot.app, "AREAS", (*bot.app.AREAS, probing))  # noqa: B010 - one more than its type counts
    with tempfile.TemporaryDirectory() as folder:
        servers = Federation(Path(folder) / "servers", links=False)
        servers.open()
        try:
            async with committees(servers.servers, Path(folder), ("Riverside", "Hillside")) as sides:
                await link(sides)
                bare, sealed = await _in_turn(servers.servers, sides, times)
            await servers.dismiss()
        finally:
            servers.close()
    print(f"from one homeserver to another, {times} of each, in turn:")
    for name, found in (("a bare event", bare), ("an envelope", sealed)):
        print(f"  {name:<16} p50 {found[times // 2] * 1000:6.1f} ms   p95 {found[int(times * 0.95)] * 1000:6.1f} ms")
    print(f"  ratio of p95: {sealed[int(times * 0.95)] / bare[int(times * 0.95)]:.2f} x (1.25 are allowed)")


async def _in_turn(
    servers: Sequence[Homeserver], sides: Sequence[LinkedSide], times: int
) -> tuple[list[float], list[float]]:
    """Seconds, sorted.

    Of bare events: from a client's call to another client's /sync. Of envelopes: from the unit of work that says it to
    the commit of its effect.
    """
    one, other = await servers[0].somebody("one"), await servers[1].somebody("other", accepts="all")
    room = await one.create_room("bare", version="12", invite=[other.user])
    await one.hears(room, lambda event: event.get("state_key") == other.user, within=60, by=other.user)
    riverside, hillside = sides
    bare, sealed = [], []
    for number in range(times):
        began = time.perf_counter()
        await one.call(
            "PUT", f"/v3/rooms/{quote(room)}/send/org.solibot.bench/{number}", {"number": number, "text": "x" * 6000}
        )
        await other.hears(room, _numbered(number), within=30)
        bare.append(time.perf_counter() - began)
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        await riverside.says({"number": number, **BODY})
        async with asyncio.timeout(30):
            # A commit that owes nobody a message is not told to anybody.
            while await hillside.count("SELECT count(*) FROM probes") <= number:  # noqa: ASYNC110
                await asyncio.sleep(LOOKS_EVERY_SECONDS)
        sealed.append(time.perf_counter() - began)
        await asyncio.sleep(0.2)
    return sorted(bare), sorted(sealed)


def _numbered(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda event: bool(event["content"].get("number") == number)


def run(rounds: int) -> None:
    """Print the figures."""
    _costs(max(rounds, 2) * 10)
    print(f"one alert among {COMMITTEES} committees on one wire:")
    for lost in (0.0, 0.02, 0.2):
        asyncio.run(_spread(lost, 1))
    asyncio.run(_latencies(max(rounds, 2) * 50))
