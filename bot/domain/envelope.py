"""What committees send each other: signed, sealed, numbered envelopes, and what follows from one that comes in.

Pure rules. The wire format, with test vectors, is described in docs/protocol.md. An envelope has an outside, which
everybody on the wire can check and keep (author, number, hash of the one before, signature), and an inside, sealed to
the committees it is for. Whoever has an envelope may hand it on: what makes it true is the signature, not who brought
it. Networks lose, double, delay and reorder; nothing here trusts an order of arrival or a server's clock.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, get_args

from bot.domain.chain import FIRST as FIRST
from bot.domain.chain import canonical as canonical_json

MAJOR = 1
"""The version of the format that is spoken here. Another major one cannot be read; minor changes add fields."""
DOMAIN = b"solibot.envelope.v1\0"
"""Stands before what is signed, so that a signature for one purpose is none for another."""
HOP_DOMAIN = b"solibot.hop.v1\0"
WIRE_CHARACTERS_MAX = 48_000
"""A Matrix event holds 65,536 bytes with everything around it."""
PADDED = (1024, 4096, 16_384)
"""The inside is filled up to one of these sizes (bytes), so that its length tells little."""
INSIDE_MAX = PADDED[-1] - 4
INT_MAX = 2**53 - 1
INSTANT_MAX = 2**33
DEPTH_MAX = 12
RECIPIENTS_MAX = 200
REFERENCES_MAX = 20
HOPS_MAX = 3
FUTURE = timedelta(minutes=5)
"""Clocks differ: an envelope from further ahead waits until its time has come."""
OLD = timedelta(days=30)
"""An older heartbeat or want is not listened to. What is numbered is taken at any age: it says when it expires."""
WINDOW = 1000
"""What is numbered further ahead than this is not kept: it is asked for when its turn comes."""
VECTOR_MAX = 2000
WANTED_MAX = 50
"""So many envelopes of a chain are asked for at once, and of so many chains."""
ANSWERED_MAX = 200
"""So many envelopes are handed over at once to whoever asks."""
LIVES_MAX = 50
"""An author begins anew no more often: heads of chains are never forgotten, or what was said could be said again."""
LAMPORT_STEP = 1_000_000
"""A Lamport time from further ahead counts as this far ahead: nobody shall use all numbers up."""
GIVEN_UP_AFTER = timedelta(hours=1)
"""What a chain lacks is given up so long after its author has said that it is gone: time to ask all the others."""
KINDS_UNNUMBERED = frozenset({"heartbeat", "want"})
"""What is said again and again stands outside of its author's chain."""

Fault = Literal[
    "too_big",  # more than is read at all
    "unsound",  # not what the format says
    "version",  # a major version that this bot does not speak
    "stranger",  # of nobody who is in this federation
    "forged",  # not signed by a key of its author, or the inside belongs to another outside
    "equivocation",  # its author has said two different things under one number
    "future",  # from further ahead than clocks differ
    "old",  # from longer ago than is kept
    "flood",  # more than one author may have kept here; it is asked for again when there is room
    "lost",  # part of what its author has said is kept nowhere any more, and was passed over
    "other_root",  # new keys that the root key which people have compared has not signed
    "not_understood",  # it says of itself that a field must be understood, and it is not
]
"""Why an envelope has no effect. Told to people in one line."""
FAULTS: frozenset[Fault] = frozenset(get_args(Fault))


class Unsound(Exception):
    """It is no envelope, or none that can be read here; `fault`: why."""

    def __init__(self, fault: Fault, what: str = "") -> None:
        super().__init__(what or fault)
        self.fault = fault


# --- canonical JSON ----------------------------------------------------------------------------------------------


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON that is the same, byte by byte, for the same facts: sorted keys, no spaces, UTF-8, whole numbers only.

    Raises Unsound for what another implementation might write otherwise.
    """
    _check(value, 0)
    return canonical_json(value).encode("utf-8")


def _check(value: Any, depth: int) -> None:
    """Every envelope passes here several times: what stands in nearly all places is looked at first."""
    kind = type(value)
    if kind is str:
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise Unsound("unsound", "half a character")
    elif kind is int:
        if not -INT_MAX <= value <= INT_MAX:
            raise Unsound("unsound", "a number that is too big")
    elif kind is dict or kind is list or kind is tuple:
        if depth >= DEPTH_MAX:
            raise Unsound("unsound", "too deep")
        if kind is dict:
            for key in value:
                if type(key) is not str:
                    raise Unsound("unsound", "a key that is no text")
                if not key.isascii():
                    _check(key, depth + 1)
            value = value.values()
        for inner in value:
            if type(inner) is not str or not inner.isascii():
                _check(inner, depth + 1)
    elif value is not None and kind is not bool:
        raise Unsound("unsound", "neither text nor whole number")


def parsed(text: str | bytes) -> dict[str, Any]:
    """A JSON object as it came over a wire. Raises Unsound where it is none, or not written canonically."""
    if len(text) > WIRE_CHARACTERS_MAX:
        raise Unsound("too_big")
    try:
        # Of bytes, json.loads would guess UTF-16 and UTF-32 too.
        text = text if isinstance(text, str) else text.decode("utf-8")
        read = json.loads(text, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Unsound("unsound") from error
    if not isinstance(read, dict):
        raise Unsound("unsound")
    _check(read, 0)
    return read


def _no_float(_: str) -> Any:
    raise ValueError("whole numbers only")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key that stands twice")
    return read


# --- the outside -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """An author's chain: numbered from 1, each naming the hash of the one before.

    `author`: the hash of the committee's root key. `life`: begun anew (seconds since 1970) when its database was put
    back from a copy, for it may have forgotten what it said; two things under one number would be a lie.
    """

    author: str
    life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Somebody has handed an envelope on into another federation, and stands for that."""

    by: str
    federation: str
    signature: str


# Without slots, so that what is worked out of it is kept.
@dataclass(frozen=True, kw_only=True)
class Envelope:
    """An envelope as it travels. `number` 0: it stands outside of the chain (a heartbeat, a want)."""

    federation: str
    chain: Chain
    key: str
    """Which of the author's keys has signed it."""
    number: int
    previous: str
    lamport: int
    sent: int
    """Seconds since 1970 by the author's clock."""
    sealed: str
    """The inside, sealed with age, in base64."""
    signature: str = ""
    hops: tuple[Hop, ...] = ()

    @cached_property
    def covered(self) -> bytes:
        """What its author signs. Its fields were looked at when it was read, or made here."""
        return DOMAIN + canonical_json(_outside(self)).encode()

    @cached_property
    def hash(self) -> str:
        """What stands for it in the next one, and in vectors.

        Without the signature: whoever hands it on could write that otherwise, and it would still be the same envelope.
        """
        return hashlib.sha256(self.covered).hexdigest()

    def covered_by_hop(self, place: int) -> bytes:
        """What whoever handed it on at this place signs: the envelope, and all hops before."""
        hop = self.hops[place]
        before = [[one.by, one.federation, one.signature] for one in self.hops[:place]]
        return HOP_DOMAIN + canonical(
            {"envelope": self.hash, "before": before, "by": hop.by, "federation": hop.federation}
        )


def _outside(envelope: Envelope) -> dict[str, Any]:
    return {
        "v": MAJOR,
        "federation": envelope.federation,
        "author": envelope.chain.author,
        "life": envelope.chain.life,
        "key": envelope.key,
        "number": envelope.number,
        "previous": envelope.previous,
        "lamport": envelope.lamport,
        "sent": envelope.sent,
        "sealed": envelope.sealed,
    }


def dump(envelope: Envelope) -> str:
    """An envelope as text for a wire, a file or a picture."""
    whole = {**_outside(envelope), "signature": envelope.signature}
    if envelope.hops:
        whole["hops"] = [
            {"by": hop.by, "federation": hop.federation, "signature": hop.signature} for hop in envelope.hops
        ]
    return canonical(whole).decode("utf-8")


def federation_of(text: str | bytes) -> str | None:
    """Which federation an envelope is of, whichever way it came; None: it is no envelope."""
    try:
        return load(text).federation
    except Unsound:
        return None


_HEX = frozenset("0123456789abcdef")


def load(text: str | bytes) -> Envelope:
    """An envelope as it came. Fields that are not known are left alone: they are not covered by the signature.

    Raises Unsound.
    """
    read = parsed(text)
    if type(read.get("v")) is int and read["v"] != MAJOR:
        raise Unsound("version")
    hops = read.get("hops", [])
    if not isinstance(hops, list) or len(hops) > HOPS_MAX:
        raise Unsound("unsound")
    if read.get("v") != MAJOR or isinstance(read.get("v"), bool):
        raise Unsound("unsound")
    number = _number(read, "number")
    previous = _text(read, "previous", 64)
    envelope = Envelope(
        federation=_hexed(read, "federation", 32),
        chain=Chain(_hexed(read, "author", 64), _number(read, "life")),
        key=_hexed(read, "key", 16),
        number=number,
        previous=previous,
        lamport=_number(read, "lamport"),
        sent=_number(read, "sent"),
        sealed=_text(read, "sealed", WIRE_CHARACTERS_MAX),
        signature=_text(read, "signature", 200),
        hops=tuple(_hop(one) for one in hops),
    )
    if (number == 0 and previous) or round_trip(envelope):
        raise Unsound("unsound")
    if number > 0 and (len(previous) != 64 or not set(previous) <= _HEX or (number == 1 and previous != FIRST)):
        raise Unsound("unsound")
    return envelope


def round_trip(envelope: Envelope) -> bool:
    """Whether it was handed on in a circle: into a federation where it was before, or twice by the same."""
    been = [envelope.federation, *(hop.federation for hop in envelope.hops)]
    by = [hop.by for hop in envelope.hops]
    return len(set(been)) < len(been) or len(set(by)) < len(by)


def _hop(read: Any) -> Hop:
    if not isinstance(read, dict):
        raise Unsound("unsound")
    return Hop(
        by=_hexed(read, "by", 64),
        federation=_hexed(read, "federation", 32),
        signature=_text(read, "signature", 200),
    )


def _number(read: Mapping[str, Any], name: str) -> int:
    value = read.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unsound("unsound", name)
    return value


def _text(read: Mapping[str, Any], name: str, most: int) -> str:
    value = read.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise Unsound("unsound", name)
    return value


def hexed(text: str, length: int) -> bool:
    """Whether it is so many small hexadecimal letters."""
    return len(text) == length and set(text) <= _HEX


def _hexed(read: Mapping[str, Any], name: str, length: int) -> str:
    value = _text(read, name, length)
    if len(value) != length or not set(value) <= _HEX:
        raise Unsound("unsound", name)
    return value


# --- the inside --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an envelope says, to those whom it is sealed to.

    `to`: the committees it is for, by author. `expires`: seconds since 1970; afterwards it is only told as past; None:
    never. `refs`: hashes of envelopes that it speaks of. `hops`: how often it may be handed on into other federations.
    `must`: names of fields of the body that have to be understood, or it has no effect.
    """

    kind: str
    body: Mapping[str, Any]
    to: tuple[str, ...]
    expires: int | None = None
    refs: tuple[str, ...] = ()
    hops: int = 0
    must: tuple[str, ...] = ()


def inside(content: Content, *, of: Envelope) -> bytes:
    """What is sealed: the content, bound to its outside, and filled up. Raises Unsound where it is too long."""
    whole = {
        "kind": content.kind,
        "body": content.body,
        "to": list(content.to),
        "expires": content.expires,
        "refs": list(content.refs),
        "hops": content.hops,
        "must": list(content.must),
        # Else somebody could sign another's sealed words as their own.
        "outside": _bound(of),
    }
    return padded(canonical(whole))


def _bound(envelope: Envelope) -> dict[str, Any]:
    return {
        "federation": envelope.federation,
        "author": envelope.chain.author,
        "life": envelope.chain.life,
        "number": envelope.number,
        "previous": envelope.previous,
        "sent": envelope.sent,
    }


def content(opened: bytes, *, of: Envelope) -> Content:
    """What was sealed. Raises Unsound: `forged` where it belongs to another outside."""
    read = parsed(unpadded(opened))
    if read.get("outside") != _bound(of):
        raise Unsound("forged")
    body, expires = read.get("body"), read.get("expires")
    if not isinstance(body, dict) or not (expires is None or (type(expires) is int and expires >= 0)):
        raise Unsound("unsound")
    found = Content(
        kind=_text(read, "kind", 40),
        body=body,
        to=_texts(read, "to", RECIPIENTS_MAX),
        expires=expires,
        refs=_texts(read, "refs", REFERENCES_MAX),
        hops=min(_number(read, "hops"), HOPS_MAX),
        must=_texts(read, "must", 40),
    )
    if (found.kind in KINDS_UNNUMBERED) != (of.number == 0):
        raise Unsound("unsound")
    return found


def _texts(read: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    value = read.get(name)
    if not isinstance(value, list) or len(value) > most or not all(isinstance(one, str) for one in value):
        raise Unsound("unsound", name)
    return tuple(value)


def understood(found: Content, known: Iterable[str]) -> bool:
    """Whether all that its author says must be understood is."""
    return set(found.must) <= set(known)


def padded(words: bytes) -> bytes:
    """The length in four bytes, the words, and zeros up to one of the sizes. Raises Unsound where it is too long."""
    if len(words) > INSIDE_MAX:
        raise Unsound("too_big")
    size = next(size for size in PADDED if len(words) + 4 <= size)
    return len(words).to_bytes(4, "big") + words + bytes(size - 4 - len(words))


def unpadded(filled: bytes) -> bytes:
    """The words without what fills them up. Raises Unsound."""
    if len(filled) not in PADDED:
        raise Unsound("unsound")
    length = int.from_bytes(filled[:4], "big")
    if length > len(filled) - 4 or any(filled[4 + length :]):
        raise Unsound("unsound")
    return filled[4 : 4 + length]


def encoded(sealed: bytes) -> str:
    """Bytes as they stand in JSON."""
    return base64.b64encode(sealed).decode("ascii")


def decoded(text: str) -> bytes:
    """Bytes back. Raises Unsound."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unsound("unsound") from error


# --- what follows from one that comes in -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain is known without a gap: the number and the hash of the last."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the chain of an envelope that comes in.

    `head`: how far it is known without a gap; None: nothing of it. `same`, `before`: the hashes of what is kept under
    its own number and the one before; None: nothing is kept there.
    """

    head: Head | None
    same: str | None
    before: str | None


Verdict = Literal["apply", "keep", "far", "again", "wait", "equivocation"]
"""apply: it is next. keep: something before it is missing; far: so much that it is not kept. again: it is known.
wait: it comes from the future."""


def judge(envelope: Envelope, facts: Facts, *, now: datetime) -> Verdict:
    """What becomes of a numbered envelope whose signature is its author's.

    `equivocation`: its author has signed two different envelopes with one number, or one that follows from another past
    than it has signed: both together are the proof.
    """
    head = facts.head or Head(0, FIRST)
    if facts.same is not None:
        return "again" if facts.same == envelope.hash else "equivocation"
    if envelope.number <= head.number:
        # It was dealt with, and is kept no longer.
        return "again" if envelope.hash == head.hash or envelope.number < head.number else "equivocation"
    before = head.hash if envelope.number == head.number + 1 else facts.before
    if before is not None and envelope.previous != before:
        return "equivocation"
    if envelope.sent > seconds(now + FUTURE):
        return "wait"
    if envelope.number == head.number + 1:
        return "apply"
    return "keep" if envelope.number <= head.number + WINDOW else "far"


def expired(found: Content, *, now: datetime) -> bool:
    """Whether it came too late to have an effect."""
    return found.expires is not None and found.expires <= seconds(now)


def seconds(at: datetime) -> int:
    """An instant as it stands in an envelope: whole seconds since 1970."""
    return int(at.timestamp())


def instant(seconds_: int) -> datetime:
    """The instant back, aware, UTC; what lies too far ahead to be one is as far ahead as can be told."""
    return datetime.fromtimestamp(min(seconds_, INSTANT_MAX), UTC)


def next_of(
    chain: Chain,
    head: Head | None,
    *,
    federation: str,
    key: str,
    lamport: int,
    now: datetime,
    content: Content,
    seal: Callable[[bytes, Sequence[str]], bytes],
    sign: Callable[[bytes], bytes],
) -> Envelope:
    """The next envelope of one's own chain; outside of it, where its kind is never numbered.

    `lamport`: the highest that was seen. `seal` and `sign` are given the bytes. Raises Unsound where it is too long.
    """
    last = head or Head(0, FIRST)
    numbered = content.kind not in KINDS_UNNUMBERED
    bare = Envelope(
        federation=federation,
        chain=chain,
        key=key,
        number=last.number + 1 if numbered else 0,
        previous=last.hash if numbered else "",
        lamport=min(lamport + 1, INT_MAX),
        sent=seconds(now),
        sealed="",
    )
    sealed = replace(bare, sealed=encoded(seal(inside(content, of=bare), content.to)))
    signed = replace(sealed, signature=encoded(sign(sealed.covered)))
    if len(dump(signed)) > WIRE_CHARACTERS_MAX:
        raise Unsound("too_big")
    return signed


# --- how much anybody may ask of the others ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So much at once, and so much more with every hour; unused, it grows back to as much as at first."""

    most: int
    an_hour: int


What = Literal["said", "asked", "unnumbered"]
BUDGETS: Mapping[What, Budget] = {
    # Envelopes that are kept, a long one as several. Over 30 days that is 15,400 of 8,000 characters at most.
    "said": Budget(most=1000, an_hour=20),
    # Envelopes that are handed over to whoever asks.
    "asked": Budget(most=1000, an_hour=240),
    # Heartbeats and wants: each is opened, and may be answered.
    "unnumbered": Budget(most=120, an_hour=60),
}
"""What each author may ask of each other committee. Honest ones never come near it; what is over it is not lost, for it
is asked for again later."""
_LONG = 8000
"""Characters of an envelope that count as one."""


def cost(envelope: Envelope) -> int:
    """As how many envelopes a long one counts."""
    return 1 + len(envelope.sealed) // _LONG


def spent(until: int, cost: int, budget: Budget, *, now: datetime) -> int | None:
    """When what was spent will have grown back, this cost too, in milliseconds since 1970; None: there is too little.

    `until`: the same from the time before (0: never). A leaky bucket (the "generic cell rate algorithm").
    """
    at = seconds(now) * 1000
    each = 3_600_000 // budget.an_hour
    # Whoever has had a clock that was ahead does not wait for it longer than for anything else.
    full = at + budget.most * each
    after = max(min(until, full), at) + cost * each
    return after if after <= full else None


# --- who has what ------------------------------------------------------------------------------------------------

Vector = Mapping[Chain, Head]
"""How far somebody knows each chain without a gap."""


@dataclass(frozen=True, slots=True, order=True)
class Want:
    """Asks for envelopes of a chain, both numbers included."""

    chain: Chain
    first: int
    last: int


def wanted(mine: Vector, theirs: Vector, *, kept: Mapping[Chain, str | None]) -> list[Want]:
    """What to ask of somebody who has told their vector: what they have beyond mine, at most `WANTED_MAX` of a chain.

    `kept`: for chains of which they know no more, the hash that is kept here under their last number. Where that is
    another than theirs, one of us was lied to: theirs is asked for, as the proof.
    """
    asked = []
    for chain, their in sorted(theirs.items()):
        my = mine.get(chain) or Head(0, FIRST)
        if their.number > my.number:
            asked.append(Want(chain, my.number + 1, min(their.number, my.number + WANTED_MAX)))
        elif their.number and kept.get(chain) not in (None, their.hash):
            asked.append(Want(chain, their.number, their.number))
    return asked


def lacking(want: Want, kept: Iterable[int]) -> list[Want]:
    """The parts of a want that are not kept here already."""
    there, found, first = set(kept), [], 0
    for number in range(want.first, want.last + 2):
        lacks = number <= want.last and number not in there
        if lacks and not first:
            first = number
        elif not lacks and first:
            found.append(Want(want.chain, first, number - 1))
            first = 0
    return found


def gone(since: datetime | None, *, now: datetime) -> bool:
    """Whether to go on behind a gap: its author says that they have no more what was before.

    `since`: when they have said so first; None: nothing of the chain was ever known here. Others who have it still are
    asked meanwhile: an author shall not choose for whom something was never said.
    """
    return since is None or since <= now - GIVEN_UP_AFTER


def floors_body(floors: Mapping[Chain, Head]) -> list[list[Any]]:
    """Of one's own chains, the last that is kept no longer, as it stands in a heartbeat."""
    return [[chain.life, head.number, head.hash] for chain, head in sorted(floors.items())]


def read_floors(read: Any, author: str) -> dict[Chain, Head]:
    """The same out of a heartbeat by this author. Raises Unsound."""
    if not isinstance(read, list):
        raise Unsound("unsound")
    return read_vector([[author, *one] if isinstance(one, list) else one for one in read])


def vector_body(vector: Vector) -> list[list[Any]]:
    """A vector as it stands in a heartbeat."""
    return [[chain.author, chain.life, head.number, head.hash] for chain, head in sorted(vector.items())]


def read_vector(read: Any) -> dict[Chain, Head]:
    """A vector out of a heartbeat. Raises Unsound."""
    if not isinstance(read, list) or len(read) > VECTOR_MAX:
        raise Unsound("unsound")
    found: dict[Chain, Head] = {}
    for one in read:
        match one:
            case [str(author), int(life), int(number), str(hash_)] if (
                len(author) == 64
                and len(hash_) == 64
                and life >= 0
                and number > 0
                and not isinstance(number, bool)
                and not isinstance(life, bool)
            ):
                found[Chain(author, life)] = Head(number, hash_)
            case _:
                raise Unsound("unsound")
    return found


def read_authors(read: Any) -> list[str]:
    """Authors in a heartbeat or a want: those who have lied. Raises Unsound."""
    if not isinstance(read, list) or len(read) > RECIPIENTS_MAX:
        raise Unsound("unsound")
    return [_hexed({"author": one}, "author", 64) for one in read]


def wants_body(wants: Iterable[Want]) -> list[list[Any]]:
    """Wants as they stand in an envelope."""
    return [[want.chain.author, want.chain.life, want.first, want.last] for want in wants]


def read_wants(read: Any) -> list[Want]:
    """Wants out of an envelope, each for at most `WANTED_MAX`. Raises Unsound."""
    if not isinstance(read, list) or len(read) > VECTOR_MAX:
        raise Unsound("unsound")
    found = []
    for one in read:
        match one:
            case [str(author), int(life), int(first), int(last)] if (
                len(author) == 64
                and life >= 0
                and 0 < first <= last
                and not any(isinstance(one_, bool) for one_ in (life, first, last))
            ):
                found.append(Want(Chain(author, life), first, min(last, first + WANTED_MAX - 1)))
            case _:
                raise Unsound("unsound")
    return found
