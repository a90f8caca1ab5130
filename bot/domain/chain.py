"""The chain of a committee's books: each entry's hash covers the one before it, so nothing can be changed unseen."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, NamedTuple

FIRST = "0" * 64
"""What stands for the hash before the first entry."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Entry(NamedTuple):
    """An entry as it is stored. `body` is canonical JSON; `at_us` microseconds since 1970, UTC.

    A tuple, because an audit makes a million of them: a frozen dataclass takes four times as long.
    """

    number: int
    kind: str
    at_us: int
    body: str
    hash: str


def canonical(body: Mapping[str, Any]) -> str:
    """JSON that is the same, byte by byte, for the same facts: sorted keys, no spaces, no floating point."""
    return _CANONICAL.encode(body)


def entry(*, committee: str, previous: Entry | None, kind: str, at_us: int, body: Mapping[str, Any]) -> Entry:
    """The next entry of the committee with this public id."""
    number = previous.number + 1 if previous else 1
    words = canonical(body)
    digest = _hash(committee, previous.hash if previous else FIRST, number, kind, at_us, words)
    return Entry(number=number, kind=kind, at_us=at_us, body=words, hash=digest)


def follows(committee: str, previous: str, number: int, found: Entry) -> bool:
    """Whether this is entry `number` of the committee, unchanged. `previous`: the hash of the one before it."""
    digest = _hash(committee, previous, number, found.kind, found.at_us, found.body)
    return found.number == number and found.hash == digest


def fingerprint(hash_: str) -> str:
    """What two people compare instead of a whole hash: its first 80 bits, such as `ABCD-EFGH-IJKL-MNOP`."""
    letters = base64.b32encode(bytes.fromhex(hash_)[:10]).decode()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def first_broken(committee: str, entries: Iterable[Entry]) -> int | None:
    """The number of the first entry that does not follow from those before it; None: the chain is whole."""
    previous, expected = FIRST, 1
    for found in entries:
        if not follows(committee, previous, expected, found):
            return expected
        previous, expected = found.hash, expected + 1
    return None


def veil(words: str, *, salt: str) -> str:
    """A salted hash that stands for words in an entry: with the words and the salt erased, it tells nothing."""
    return hashlib.sha256(f"{salt}\n{words}".encode()).hexdigest()


def _hash(committee: str, previous: str, number: int, kind: str, at_us: int, body: str) -> str:
    # What `canonical` makes of the mapping with these keys, put together by hand: an audit does it a million times.
    quoted = encode_basestring
    covered = (
        f'{{"at":{at_us},"body":{quoted(body)},"committee":{quoted(committee)},"kind":{quoted(kind)},'
        f'"n":{number},"previous":{quoted(previous)},"v":1}}'
    )
    return hashlib.sha256(covered.encode()).hexdigest()
