"""Drawing lots so that everybody can check it: no secret, nothing that somebody could choose afterwards. Pure rules.

The seed is the hash of the entry with which a draw is announced in the committee's chain: it covers all that was
written before it, and the microsecond. Whose id, hashed after it, gives the lowest number is first. So everybody weighs
the same, nobody's place depends on who else is there, and whoever passes moves nobody but themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def ticket(announced: str, term: int, member: str) -> bytes:
    """The number that a member draws. `announced`: the hash of the entry that announces it; `term`: its number."""
    return hashlib.sha256(f"{announced}\n{term}\n{member}".encode()).digest()


def order(announced: str, term: int, members: Iterable[str]) -> tuple[str, ...]:
    """These members in the order in which they are drawn, whatever order they come in."""
    return tuple(sorted(set(members), key=lambda member: (ticket(announced, term, member), member)))
