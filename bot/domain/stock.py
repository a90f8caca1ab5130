"""What the committee has in stock: how lines about it are read, and how much may be put in, taken out, and by whom.

Amounts are whole thousandths of a unit (12 kg are 12000).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.board import plain

ONE = 1000
AMOUNT_MAX = 1_000_000 * ONE
WEEK = timedelta(days=7)
UNIT_CHARACTERS_MAX = 20
NAME_CHARACTERS_MAX = 60

Change = Literal["count", "in", "out"]

_AMOUNT = r"(?P<sign>[-+−–])?\s*(?P<amount>\d{1,7}(?:[.,]\d{1,3})?)"
_LAST = re.compile(rf"(?P<name>.*?[^\s,:=+−–-])[\s,:=]*\s{_AMOUNT}(?:\s*(?P<unit>[^\W\d_][^\W_]*\.?))?", re.DOTALL)
_FIRST = re.compile(rf"{_AMOUNT}\s*(?:(?P<unit>[^\W\d_]+\.?)\s+)?(?P<name>[^\W\d_].*)", re.DOTALL)
_UNITS = """
    kg g l ml m cm pcs pieces packs boxes bags piezas cajas bolsas stück kisten beutel
"""
"""Where the amount comes first, only these are units: “3 big pots” are no bigs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a line about stock says. Without `change` it only asks. `amount`: thousandths."""

    name: str
    change: Change | None = None
    amount: int = 0
    unit: str = ""


def read_line(line: str) -> Said:
    """Read `rice 12 kg`, `rice -3`, `rice +5`, `+5 kg rice`, or a name alone."""
    text = " ".join(line.split()).rstrip(" .;!")
    found = _LAST.fullmatch(text)
    if found is None:
        found = _FIRST.fullmatch(text)
        if found is not None and found["unit"] and plain(found["unit"].rstrip(".")) not in _UNITS_PLAIN:
            rest = text[found.start("unit") :]
            return _said(rest, found["sign"], found["amount"], "")
    if found is None:
        return Said(name=text)
    return _said(found["name"], found["sign"], found["amount"], found["unit"] or "")


_UNITS_PLAIN = frozenset(map(plain, _UNITS.split()))


def _said(name: str, sign: str | None, amount: str, unit: str) -> Said:
    change: Change = "count" if sign is None else "in" if sign == "+" else "out"
    return Said(name=name.strip(" ,"), change=change, amount=_thousandths(amount), unit=unit.rstrip("."))


def read_amount(word: str) -> int | None:
    """An amount without its sign and its unit: `3`, `1.5`, `2,25`; None: it is none."""
    found = re.fullmatch(r"[-+−–]?(\d{1,7}(?:[.,]\d{1,3})?)", word.strip())
    return _thousandths(found[1]) if found is not None else None


def _thousandths(text: str) -> int:
    whole, _, parts = text.replace(",", ".").partition(".")
    return int(whole) * ONE + int(parts.ljust(3, "0") if parts else 0)


def words_of(name: str, unit: str) -> str:
    """How a thing and its unit are kept as one note."""
    name = " ".join(name.replace(",", " ").split())
    return f"{name}, {unit}" if unit else name


def parts_of(words: str) -> tuple[str, str]:
    """The name and the unit, which may be none, out of a note."""
    name, _, unit = words.partition(",")
    return name.strip(), unit.strip()


def same_unit(one: str, other: str) -> bool:
    """Whether two ways of writing a unit mean the same; none said means the one that it has."""
    return not one or plain(one) == plain(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How much there is. `lowest`: below it whoever looks after it hears; `weekly`: so much one person may take."""

    amount: int
    lowest: int | None = None
    weekly: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be: there is too little, or too much, or somebody has taken what one person may. `left`: what can be
    taken now. `again`: when more can be."""

    why: Literal["little", "much", "weekly"]
    left: int
    again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What somebody has taken, and when."""

    amount: int
    at: datetime


def after(level: Level, change: Change, amount: int, *, taken: Sequence[Taken], now: datetime) -> int | Refused:
    """How much there is after a change, or why it cannot be. `taken`: by the same person, in whatever order.

    It never goes below nothing. Within any seven days nobody takes more than `weekly`.
    """
    if change != "out":
        total = amount if change == "count" else level.amount + amount
        return Refused("much", 0) if total > AMOUNT_MAX else total
    may = allowance(level, taken, now=now)
    if amount > level.amount:
        return Refused("little", min(level.amount, may) if may is not None else level.amount)
    if may is not None and amount > may:
        lately = sorted((one for one in taken if one.amount and one.at > now - WEEK), key=lambda one: one.at)
        return Refused("weekly", min(level.amount, may), lately[0].at + WEEK if lately else None)
    return level.amount - amount


def allowance(level: Level, taken: Sequence[Taken], *, now: datetime) -> int | None:
    """How much more somebody may take now; None: as much as there is."""
    if level.weekly is None:
        return None
    return max(0, level.weekly - sum(one.amount for one in taken if one.at > now - WEEK))


def runs_low(before: int, after_: int, lowest: int | None) -> bool:
    """Whether a change has brought it below the lowest level: only the one that crosses it."""
    return lowest is not None and after_ < lowest <= before


def figures(amount: int) -> tuple[int, str]:
    """An amount as whole units and what stands behind the point, without trailing zeros."""
    whole, parts = divmod(amount, ONE)
    return whole, f"{parts:03}".rstrip("0")
