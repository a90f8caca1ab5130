"""How envelopes are sent, taken in, and asked for again: the same for every transport, and for none.

`receive` is given what came, from wherever it came, and `write` makes what is to go out. Both only read and write a
`Store`, in one unit of work with their effects: what they return is done once for each author and number, in the
author's order, however often and in whatever order it comes. A transport carries text to all committees of a
federation, may lose it, double it and bring it in any order, and may be run by somebody who lies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content, Envelope, Facts, Fault, Head, Unsound, Want

POSTED_AGAIN_SECONDS = 30
"""What was handed over so lately is not handed over again: whoever asks twice is not worth a flood."""


class Store(Protocol):
    """What a committee keeps of a federation. Every call is part of the unit of work that is open."""

    async def head(self, chain: Chain) -> Head | None:
        """How far a chain was dealt with, without a gap."""

    async def hash_at(self, chain: Chain, number: int) -> str | None:
        """The hash of what is kept under a number, dealt with or not."""

    async def keep(self, envelope: Envelope, *, waits: bool) -> None:
        """Keep an envelope that is its author's. `waits`: until its time has come."""

    async def advance(self, envelope: Envelope) -> None:
        """Its chain was dealt with up to this envelope."""

    async def kept(self, chain: Chain, number: int) -> Envelope | None:
        """What is kept under a number and does not wait for its time."""

    async def waiting(self) -> Sequence[Envelope]:
        """What waits for its time."""

    async def texts(self, want: Want) -> Sequence[Envelope]:
        """What is kept of what is asked for, in order."""

    async def vector(self) -> Mapping[Chain, Head]:
        """How far each chain was dealt with."""

    async def lamport(self, seen: int = 0) -> int:
        """The highest Lamport time seen, this one included."""

    async def frozen(self, chain: Chain) -> bool:
        """Whether nothing of a chain has an effect: until people have looked, or for as long as two have frozen it."""

    async def chains(self, author: str) -> Sequence[Chain]:
        """The chains of an author of which anything is kept, oldest first."""

    async def freeze(self, author: str, one: Envelope, other: Envelope | None) -> bool:
        """From now on nothing of them has an effect; the proof is kept. False: it was so already."""

    async def proof(self, author: str) -> Sequence[Envelope]:
        """The envelopes that prove that an author has said two things under one number; none: they have not."""

    async def liars(self) -> Sequence[str]:
        """The authors of whom there is such a proof."""

    async def quarantine(self, fault: Fault, author: str | None) -> None:
        """Count what had no effect; people are told in one line."""

    async def posted(self, hash_: str, *, now: datetime) -> bool:
        """Note that it is handed over again. False: that was done within `POSTED_AGAIN_SECONDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a committee knows to do with its keys, and with the others'.

    `verify` is given the author, the name of the key, when it was sent (seconds), what was signed and the signature.
    `open_` gives what is inside, None where it is not sealed to this committee.
    """

    chain: Chain
    """One's own."""
    key: str
    """The name of the key that signs now."""
    sign: Callable[[bytes], bytes]
    seal: Callable[[bytes, Sequence[str]], bytes]
    verify: Callable[[str, str, int, bytes, bytes], bool]
    open_: Callable[[bytes], bytes | None]
    member: Callable[[str], bool]
    """Whether an author is in the federation, or was: what they have numbered then counts."""
    present: Callable[[str], bool] = lambda author: True
    """Whether they are now: only then they are asked and answered."""
    understands: frozenset[str] = frozenset()
    """The fields that an author may say must be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """An envelope whose turn it is. `content` None: it is for others. `past`: it came too late to do anything."""

    envelope: Envelope
    content: Content | None
    past: bool = False


@dataclass(slots=True)
class Received:
    """What follows from what came: effects in this order, what had none and why, and what is to go out."""

    applied: list[Applied] = field(default_factory=list)
    refused: list[tuple[Fault, str | None]] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    heard: str | None = None
    """The author whose heartbeat it was."""
    ends: dict[Chain, int] = field(default_factory=dict)
    """How far that author's own chains go, by their own word."""
    forgotten: bool = False
    """It is one's own, and not known here: this database was put back from a copy, and its chain must not go on."""


async def write(store: Store, keys: Keys, federation: str, content: Content, *, now: datetime) -> tuple[Envelope, str]:
    """The next envelope of one's own, kept already, and its text for the wire. Raises Unsound where it is too long."""
    made = rules.next_of(
        keys.chain,
        await store.head(keys.chain),
        federation=federation,
        key=keys.key,
        lamport=await store.lamport(),
        now=now,
        content=content,
        seal=keys.seal,
        sign=keys.sign,
    )
    await store.lamport(made.lamport)
    if made.number:
        await store.keep(made, waits=False)
        await store.advance(made)
    return made, rules.dump(made)


async def heartbeat(
    store: Store,
    keys: Keys,
    federation: str,
    *,
    to: Sequence[str],
    now: datetime,
    more: Mapping[str, Any] | None = None,
) -> str:
    """What tells the others how far each chain is known here, so that what is missing comes to light."""
    vector = rules.vector_body(await store.vector())
    body = {**(more or {}), "vector": vector, "liars": sorted(await store.liars())}
    _, text = await write(store, keys, federation, Content(kind="heartbeat", body=body, to=tuple(to)), now=now)
    return text


async def receive(store: Store, keys: Keys, federation: str, text: str | bytes, *, now: datetime) -> Received:
    """Take in what came. Whatever is wrong with it: it has no effect, is counted, and nothing is raised."""
    found = Received()
    try:
        came = rules.load(text)
    except Unsound as unsound:
        await _refuse(store, found, unsound.fault, None)
        return found
    await _take_in(store, keys, federation, came, found, now=now)
    return found


async def ripen(store: Store, keys: Keys, federation: str, *, now: datetime) -> Received:
    """Take in what waited for its time, which may have come."""
    found = Received()
    for one in await store.waiting():
        if one.sent <= rules.seconds(now + rules.FUTURE):
            await _take_in(store, keys, federation, one, found, now=now, again=True)
    return found


async def resume(store: Store, keys: Keys, author: str, *, now: datetime) -> Received:
    """Deal with what was kept of an author while nothing of theirs had an effect, in order, once."""
    found = Received()
    for chain in await store.chains(author):
        head = await store.head(chain) or Head(0, rules.FIRST)
        one = await store.kept(chain, head.number + 1)
        if one is not None:
            await _apply(store, keys, one, found, now=now)
    return found


async def _take_in(
    store: Store, keys: Keys, federation: str, came: Envelope, found: Received, *, now: datetime, again: bool = False
) -> None:
    author = came.chain.author
    if came.federation != federation or not keys.member(author) or not (came.number or keys.present(author)):
        await _refuse(store, found, "stranger", None)
        return
    if came.number and not again and await store.hash_at(came.chain, came.number) == came.hash:
        return
    try:
        signature = rules.decoded(came.signature)
    except Unsound:
        signature = b""
    if not keys.verify(author, came.key, came.sent, came.covered, signature):
        await _refuse(store, found, "forged", author)
        return
    await store.lamport(came.lamport)
    if came.number == 0:
        await _unnumbered(store, keys, federation, came, found, now=now)
        return
    facts = Facts(
        head=await store.head(came.chain),
        same=None if again else await store.hash_at(came.chain, came.number),
        before=await store.hash_at(came.chain, came.number - 1) if came.number > 1 else None,
    )
    match rules.judge(came, facts, now=now):
        case "again" | "far":
            return
        case "equivocation":
            await _equivocates(store, keys, came, found)
        case "wait":
            await store.keep(came, waits=True)
            await _refuse(store, found, "future", author)
        case "keep":
            found.forgotten |= came.chain == keys.chain
            await store.keep(came, waits=False)
        case "apply":
            found.forgotten |= came.chain == keys.chain
            await store.keep(came, waits=False)
            await _apply(store, keys, came, found, now=now)


async def _apply(store: Store, keys: Keys, first: Envelope, found: Received, *, now: datetime) -> None:
    """It is its turn, and that of all that was kept behind it."""
    one: Envelope | None = first
    while one is not None:
        if await store.frozen(one.chain):
            return
        head = await store.head(one.chain) or Head(0, rules.FIRST)
        if one.previous != head.hash:
            # Kept before what it follows was known, and it does not follow from that.
            await _equivocates(store, keys, one, found)
            return
        await store.advance(one)
        await _effect(store, keys, one, found, now=now)
        one = await store.kept(one.chain, one.number + 1)


async def _effect(store: Store, keys: Keys, one: Envelope, found: Received, *, now: datetime) -> None:
    try:
        said = _opened(keys, one)
    except Unsound as unsound:
        await _refuse(store, found, unsound.fault, one.chain.author)
        said = None
    if said is not None and not rules.understood(said, keys.understands):
        await _refuse(store, found, "not_understood", one.chain.author)
        said = None
    found.applied.append(Applied(envelope=one, content=said, past=said is not None and rules.expired(said, now=now)))


def _opened(keys: Keys, one: Envelope) -> Content | None:
    """What it says; None: it is for others. Raises Unsound."""
    opened = keys.open_(rules.decoded(one.sealed))
    if opened is None:
        return None
    said = rules.content(opened, of=one)
    return said if keys.chain.author in said.to or one.chain.author == keys.chain.author else None


async def _equivocates(store: Store, keys: Keys, came: Envelope, found: Received) -> None:
    """Two things were said under one number: both are handed on, so that everybody sees it."""
    author = came.chain.author
    other = await _other(store, came)
    # It may be oneself, put back from a copy by hand: only a new life can be heard again.
    found.forgotten |= came.chain == keys.chain
    if await store.freeze(author, came, other):
        await _refuse(store, found, "equivocation", author)
        found.posts += [rules.dump(one) for one in (came, other) if one is not None]


async def _other(store: Store, came: Envelope) -> Envelope | None:
    """What contradicts it: what is kept under its number, else what it should follow from."""
    for number in (came.number, came.number - 1):
        for one in await store.texts(Want(came.chain, number, number)) if number > 0 else ():
            if one.hash not in (came.hash, came.previous):
                return one
    return None


async def _unnumbered(
    store: Store, keys: Keys, federation: str, came: Envelope, found: Received, *, now: datetime
) -> None:
    """A heartbeat, or somebody asks for something."""
    author = came.chain.author
    if author == keys.chain.author:
        return
    if not rules.seconds(now - rules.OLD) <= came.sent <= rules.seconds(now + rules.FUTURE):
        await _refuse(store, found, "old" if came.sent < rules.seconds(now) else "future", author)
        return
    try:
        said = _opened(keys, came)
        if said is None:
            return
        if said.kind == "heartbeat":
            vector = rules.read_vector(said.body.get("vector"))
            liars = rules.read_authors(said.body.get("liars", []))
        else:
            wants = rules.read_wants(said.body.get("wants", []))
            liars = rules.read_authors(said.body.get("proofs", []))
    except Unsound as unsound:
        await _refuse(store, found, unsound.fault, author)
        return
    if said.kind == "want":
        asked_for = [one for want in wants[: rules.WANTED_MAX] for one in await store.texts(want)]
        asked_for += [one for liar in liars for one in await store.proof(liar)]
        for one in asked_for:
            if await store.posted(one.hash, now=now):
                found.posts.append(rules.dump(one))
        return
    found.heard = author
    found.ends = {chain: head.number for chain, head in vector.items() if chain.author == author}
    kept = {chain: await store.hash_at(chain, head.number) for chain, head in vector.items()}
    # What waits until a freeze ends is not asked for again and again.
    known = {
        chain: head
        for chain, head in vector.items()
        if keys.member(chain.author) and not (kept[chain] == head.hash and await store.frozen(chain))
    }
    asked = rules.wanted(await store.vector(), known, kept=kept)
    proved = await store.liars()
    unproved = [liar for liar in liars if keys.member(liar) and liar not in proved]
    if asked or unproved:
        body = {"wants": rules.wants_body(asked[: rules.WANTED_MAX]), "proofs": unproved}
        _, text = await write(store, keys, federation, Content(kind="want", body=body, to=(author,)), now=now)
        found.posts.append(text)


async def _refuse(store: Store, found: Received, fault: Fault, author: str | None) -> None:
    await store.quarantine(fault, author)
    found.refused.append((fault, author))
