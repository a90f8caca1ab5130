"""Receipts: with a code that only the voter knows, a ballot is found on the list that is published. Pure rules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.domain.chain import canonical

_CODE = re.compile(r"[a-z2-7]{16}")


def written(code: str) -> str:
    """A code as people read it: `ABCD-EFGH-IJKL-MNOP`."""
    upper = code.upper()
    return "-".join(upper[at : at + 4] for at in range(0, len(upper), 4))


def read(text: str) -> str | None:
    """A code as somebody typed it, as it is written; None: it is none."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return written(plain) if _CODE.fullmatch(plain) else None


def hashed(number: int, choice: Any, code: str) -> str:
    """What is published of a ballot: SHA-256 over the poll's number, the ballot and the code, a line each."""
    whole = f"solibot receipt\n{number}\n{canonical({'is': choice})}\n{code}"
    return hashlib.sha256(whole.encode()).hexdigest()


def root(hashes: Iterable[str]) -> str:
    """What stands for the whole list: SHA-256 over the hashes in their order, a line each."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(hashes)).encode()).hexdigest()


def found(number: int, code: str, choices: Iterable[Any], hashes: Sequence[str]) -> Any | None:
    """The ballot that this code stands for, among those that were counted; None: none of them."""
    published = set(hashes)
    return next((choice for choice in choices if hashed(number, choice, code) in published), None)
