"""Barter without hours: how a line of it is read, how its promises stand together, and who still owes whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["asked", "agreed", "half", "done", "declined", "lapsed", "withdrawn", "broken"]
"""`broken`: somebody went away before all was done."""
PromiseState = Literal["open", "given", "received", "settled", "even"]
"""`given`: only the giver says so. `settled`: by hours. `even`: let go by whoever was to receive."""

OPEN: frozenset[State] = frozenset({"asked", "agreed", "half"})
KEPT: frozenset[PromiseState] = frozenset({"received", "settled", "even"})
"""Nothing is owed for these any more."""
READINGS_MAX = 4

# What stands between the two sides of a barter and hardly anywhere else; then what stands elsewhere too.
_PLAIN = re.compile(
    r"\s*(?:<[-=]+>|[↔⇄⇆])\s*|\s+(?:in exchange for|in return for|a cambio de|im tausch gegen|gegen)\s+", re.IGNORECASE
)
_LOOSE = re.compile(r"\s+(?:for|por|für)\s+", re.IGNORECASE)
_POST = re.compile(r"(?:no\.?|nr\.?|n\.?º|#)\s*([0-9]{1,9})\.?", re.ASCII | re.IGNORECASE)


def readings(line: str) -> list[tuple[str, str]]:
    """What a line may mean, such as `bread for a haircut`: what is given, and what for; at most `READINGS_MAX`.

    Empty: it does not say what for what. Several: a word between the two sides stands in them too.
    """
    words = " ".join(line.split())
    for between in (_PLAIN, _LOOSE):
        sides = [
            (words[: found.start()].strip(" ,;"), words[found.end() :].strip(" ,;"))
            for found in between.finditer(words)
        ]
        if whole := [(give, get) for give, get in sides if give and get]:
            return whole[:READINGS_MAX]
    return []


def post_number(words: str) -> int | None:
    """The number on the board that is meant where a side says nothing else: `no. 3`, `#3`."""
    found = _POST.fullmatch(words.strip())
    return int(found[1]) if found else None


def standing(promises: Iterable[PromiseState]) -> State:
    """How something stands that all have agreed to: `agreed`, `half` when some of it is kept, `done` when all is."""
    kept = [state in KEPT for state in promises]
    return "done" if all(kept) else "half" if any(kept) else "agreed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Who gives whom something, and how that stands. Ids are those of members."""

    giver: int
    receiver: int
    state: PromiseState


def owed(promises: Sequence[Promise]) -> list[Promise]:
    """The promises that somebody still waits for who has kept their own."""
    kept = {promise.giver for promise in promises if promise.state in KEPT}
    return [promise for promise in promises if promise.state not in KEPT and promise.receiver in kept]
