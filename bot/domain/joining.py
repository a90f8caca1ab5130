"""One committee in several groups, one person with several accounts: codes, and which of two memberships goes on."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

CODE_EXPIRES_AFTER = timedelta(minutes=30)
GUESSES_MAX = 5
"""So many wrong codes from one account are too many ..."""
GUESSES_WITHIN = timedelta(hours=1)
"""... within this time."""
GROUPS_MAX = 10
"""More groups than this are not one committee any more."""
ACCOUNTS_MAX = 10

_ALPHABET = "CDFGHJKMNPQRTVWXY34679"
"""What looks like nothing else, without vowels, so that no code is a word: 22^8 codes are more than 2^35."""
_CHARACTERS = 8
_WRITTEN = re.compile(rf"([{_ALPHABET}]{{4}})[-\u2010-\u2015\s]?([{_ALPHABET}]{{4}})", re.IGNORECASE)


def code(chance: bytes) -> str:
    """The code that random bytes stand for, such as `KQ7M-4MX9`; 16 bytes are enough."""
    assert len(chance) >= 16, "or some codes would be likelier than others"
    number = int.from_bytes(chance, "big")
    letters = ""
    for _ in range(_CHARACTERS):
        number, left = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[left]
    return f"{letters[:4]}-{letters[4:]}"


def read_code(text: str) -> str | None:
    """A code as somebody has typed it, in its proper form; None: it is none."""
    found = _WRITTEN.fullmatch(text)
    return f"{found[1]}-{found[2]}".upper() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What decides. `id` grows with the time of joining; `roles` are those held now."""

    id: int
    active: bool
    roles: AbstractSet[str]


def kept(one: Membership, other: Membership) -> tuple[Membership, Membership]:
    """The membership that goes on, and the one that goes into it.

    One that is active before one that has ended; then one with roles; then the older.
    """
    assert one.id != other.id
    first, second = sorted((one, other), key=lambda found: (not found.active, not found.roles, found.id))
    return first, second
