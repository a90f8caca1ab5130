"""How envelopes are sent, taken in, and asked for again: the same for every transport, and for none.

`receive` is given what came, from wherever it came, and `write` makes what is to go out. Both only read and write a
`Store`, in one unit of work with their effects: what they return is done once for each author and number, in the
author's order, however often and in whatever order it comes. A transport carries text to all committees of a
federation, may lose it, double it and bring it in any order, and may be run by somebody who lies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content, Envelope, Facts, Fault, Head, Unsound, Want, What

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

    async def next_kept(self, chain: Chain, after: int) -> Envelope | None:
        """The first that is kept behind a number."""

    async def forget(self, chain: Chain, last: int) -> None:
        """Keep nothing of a chain up to this number any more."""

    async def stuck(self, chain: Chain) -> datetime:
        """Since when it is known that its author has no more what a chain lacks; put down when it is first asked."""

    async def jump(self, chain: Chain, head: Head) -> None:
        """Count a chain as dealt with up to here: what lacks before is kept nowhere any more."""

    async def floors(self, author: str) -> Mapping[Chain, Head]:
        """Of each of an author's chains, the last that was dealt with and is kept no longer."""

    async def lives(self, author: str) -> Collection[int]:
        """Of which of an author's lives anything is known."""

    async def numbers(self, want: Want) -> Collection[int]:
        """Which of these are kept, also those that wait."""

    async def spent(self, author: str, what: What) -> int:
        """When what an author has spent will have grown back: see `rules.spent`."""

    async def spend(self, author: str, what: What, until: int) -> None:
        """Put that down."""

    async def waiting(self) -> Sequence[Envelope]:
        """What waits for its time."""

    async def texts(self, want: Want) -> Sequence[Envelope]:
        """What is kept of what is asked for, in order."""

    async def vector(self) -> Mapping[Chain, Head]:
        """How far each chain was dealt with."""

    async def lamport(self, seen: int = 0) -> int:
        """The highest Lamport time seen, this one included: up to `rules.LAMPORT_STEP` more than before."""

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
    vouches: Callable[[str, bytes, bytes], bool] = lambda author, words, signature: False
    """Whether any key of an author has signed the words: those of a hop say not when."""
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
    heard_sent: int = 0
    """When that was sent, by their clock, in seconds since 1970."""
    skipped: list[tuple[Chain, Head]] = field(default_factory=list)
    """Chains that go on behind what is kept nowhere any more: up to there they count as dealt with."""
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
    # What one says oneself is not measured: whoever says too much hears from the others.
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
) -> list[str]:
    """What tells the others how far each chain is known here, so that what is missing comes to light.

    Several, where there are more chains than go into one.
    """
    body = {
        **(more or {}),
        "liars": sorted(await store.liars()),
        "floors": rules.floors_body(await store.floors(keys.chain.author)),
    }
    return await _beats(store, keys, federation, rules.vector_body(await store.vector()), body, to=to, now=now)


async def _beats(
    store: Store,
    keys: Keys,
    federation: str,
    vector: Sequence[Any],
    body: Mapping[str, Any],
    *,
    to: Sequence[str],
    now: datetime,
) -> list[str]:
    content = Content(kind="heartbeat", body={**body, "vector": list(vector)}, to=tuple(to))
    try:
        return [(await write(store, keys, federation, content, now=now))[1]]
    except Unsound:
        if len(vector) < 2:
            raise
    half = len(vector) // 2
    parts = [
        await _beats(store, keys, federation, part, body, to=to, now=now) for part in (vector[:half], vector[half:])
    ]
    return [text for part in parts for text in part]


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
    """Take in what waited for its time, which may have come; and go on behind what one has lost of earlier lives."""
    found = Received()
    for one in await store.waiting():
        if one.sent <= rules.seconds(now + rules.FUTURE):
            await _take_in(store, keys, federation, one, found, now=now, again=True)
    for chain in await store.chains(keys.chain.author):
        if chain.life < keys.chain.life:
            await _behind_what_is_lost(store, keys, chain, found, now=now)
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
    if came.hops and not _vouched(keys, came):
        # Nobody can say whose fault that is: an author does not sign who hands it on.
        await _refuse(store, found, "forged", None)
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
    verdict = rules.judge(came, facts, now=now)
    if (
        verdict in ("apply", "keep", "wait")
        and not again
        and not await _affords(store, keys, came, facts.head, now=now)
    ):
        await _refuse(store, found, "flood", author)
        return
    match verdict:
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


def _vouched(keys: Keys, came: Envelope) -> bool:
    """Whether everybody who has handed it on is known here and has signed that."""
    for place, hop in enumerate(came.hops):
        try:
            signature = rules.decoded(hop.signature)
        except Unsound:
            return False
        if not keys.vouches(hop.by, came.covered_by_hop(place), signature):
            return False
    return True


async def _affords(store: Store, keys: Keys, came: Envelope, head: Head | None, *, now: datetime) -> bool:
    """Whether its author may have that much more kept here. One's own that comes back is not measured."""
    author = came.chain.author
    if author == keys.chain.author:
        return True
    if head is None:
        lives = await store.lives(author)
        if came.chain.life not in lives and len(lives) >= rules.LIVES_MAX:
            return False
    return await pays(store, author, "said", rules.cost(came), now=now)


async def pays(store: Store, author: str, what: What, cost: int, *, now: datetime) -> bool:
    """Whether an author may still have that much; it is put down."""
    until = rules.spent(await store.spent(author, what), cost, rules.BUDGETS[what], now=now)
    if until is not None:
        await store.spend(author, what, until)
    return until is not None


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
    if not await pays(store, author, "unnumbered", 1, now=now):
        await _refuse(store, found, "flood", author)
        return
    try:
        said = _opened(keys, came)
        if said is None:
            return
        if said.kind == "heartbeat":
            vector = rules.read_vector(said.body.get("vector"))
            floors = rules.read_floors(said.body.get("floors", []), author)
            liars = rules.read_authors(said.body.get("liars", []))
        else:
            wants = rules.read_wants(said.body.get("wants", []))
            liars = rules.read_authors(said.body.get("proofs", []))
    except Unsound as unsound:
        await _refuse(store, found, unsound.fault, author)
        return
    if said.kind == "want":
        await _hand_over(store, keys, federation, author, wants, liars, found, now=now)
        return
    found.heard, found.heard_sent = author, came.sent
    found.ends = {chain: head.number for chain, head in vector.items() if chain.author == author}
    for chain, floor in floors.items():
        await _go_on(store, keys, chain, floor, found, now=now)
    kept = {chain: await store.hash_at(chain, head.number) for chain, head in vector.items()}
    # What waits until a freeze ends is not asked for again and again.
    known = {
        chain: head
        for chain, head in vector.items()
        if keys.member(chain.author) and not (kept[chain] == head.hash and await store.frozen(chain))
    }
    asked = rules.wanted(await store.vector(), known, kept=kept)
    # What is kept already, behind a gap or for its time, is not asked for again, nor what its author says is gone.
    asked = [part for want in asked for part in rules.lacking(want, await _there(store, want, floors))]
    unproved = [liar for liar in liars if keys.member(liar) and not await store.frozen(Chain(liar, 0))]
    if asked or unproved:
        body = {"wants": rules.wants_body(asked[: rules.WANTED_MAX]), "proofs": unproved}
        _, text = await write(store, keys, federation, Content(kind="want", body=body, to=(author,)), now=now)
        found.posts.append(text)


async def _there(store: Store, want: Want, floors: Mapping[Chain, Head]) -> set[int]:
    """The numbers of a want that need not be asked for."""
    if want.last <= ((await store.head(want.chain)) or Head(0, "")).number:
        # Something else is known under it here: theirs is asked for as the proof.
        return set()
    floor = floors.get(want.chain)
    gone = range(want.first, min(floor.number, want.last) + 1) if floor is not None else ()
    return {*await store.numbers(want), *gone}


async def _hand_over(
    store: Store,
    keys: Keys,
    federation: str,
    author: str,
    wants: Sequence[Want],
    liars: Sequence[str],
    found: Received,
    *,
    now: datetime,
) -> None:
    """Post what somebody asks for, as it is; and where there is more, tell them so that they ask for it."""
    handed, left = 0, False
    for liar in liars:
        for one in await store.proof(liar):
            if await store.posted(one.hash, now=now) and await pays(store, author, "asked", rules.cost(one), now=now):
                found.posts.append(rules.dump(one))
    for want in wants[: rules.WANTED_MAX]:
        head = await store.head(want.chain)
        left |= head is not None and head.number > want.last
        for one in await store.texts(want) if handed < rules.ANSWERED_MAX else ():
            if handed >= rules.ANSWERED_MAX or not await store.posted(one.hash, now=now):
                left |= handed >= rules.ANSWERED_MAX
                continue
            if not await pays(store, author, "asked", rules.cost(one), now=now):
                await _refuse(store, found, "flood", author)
                return
            handed += 1
            found.posts.append(rules.dump(one))
    if handed and left:
        found.posts += await heartbeat(store, keys, federation, to=(author,), now=now)


async def _go_on(store: Store, keys: Keys, chain: Chain, floor: Head, found: Received, *, now: datetime) -> bool:
    """Go on behind a gap that nobody can fill any more, by the word of whoever said what is lost. True: it does."""
    head = await store.head(chain)
    if await store.frozen(chain) or (head is not None and floor.number <= head.number):
        return False
    if not rules.gone(None if head is None else await store.stuck(chain), now=now):
        return False
    if head is None and len(await store.lives(chain.author)) >= rules.LIVES_MAX:
        return False
    await store.jump(chain, floor)
    found.skipped.append((chain, floor))
    if head is not None and chain.author != keys.chain.author:
        await _refuse(store, found, "lost", chain.author)
    following = await store.kept(chain, floor.number + 1)
    if following is not None:
        await _apply(store, keys, following, found, now=now)
    return True


async def _behind_what_is_lost(store: Store, keys: Keys, chain: Chain, found: Received, *, now: datetime) -> None:
    """Go on behind a gap in an earlier life of one's own: put back from a copy, one has what others brought back of it.

    Nobody else can say of it what is kept no longer. What lay before the gap goes too, since all that is said to others
    is how far nothing is kept; they had as long to ask for it as one waited oneself.
    """
    head = await store.head(chain)
    behind = None if head is None else await store.next_kept(chain, head.number)
    if head is None or behind is None or behind.number == head.number + 1:
        return
    floor = Head(behind.number - 1, behind.previous)
    if await _go_on(store, keys, chain, floor, found, now=now):
        await store.forget(chain, floor.number)


async def _refuse(store: Store, found: Received, fault: Fault, author: str | None) -> None:
    await store.quarantine(fault, author)
    found.refused.append((fault, author))
