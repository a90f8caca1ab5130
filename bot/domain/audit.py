"""Recomputing a committee's books from its chain: what must agree with what, a stretch of entries at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json

from bot.domain import chain
from bot.domain.chain import Entry

Fault = Literal["chain", "transfer", "note", "words", "balance", "hold"]
"""What does not agree: an entry with those before it; a transfer with its entry; the words of a transfer, or of
another entry, with the hash in it; the balances with the transfers; what is kept back with the open exchanges."""


_NONE: Mapping[int, Any] = MappingProxyType({})


class Booked(NamedTuple):
    """A transfer as it stands beside the chain. `note_hash`: that of its words; None: it has none (any more)."""

    number: int
    recorder: int
    reverses: int | None
    postings: Mapping[int, int]
    """Minutes by account; where it is in another unit, hundredths of that."""
    note_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the recomputing has come, and what it has found until there."""

    number: int = 0
    """The last entry that was read."""
    hash: str = chain.FIRST
    transfers: int = 0
    balances: Mapping[int, int] = field(default_factory=dict)
    """By account, the sum of the postings that the chain tells of."""


@dataclass(eq=False, kw_only=True)
class Broken(Exception):
    """Something does not agree. `number`: the first entry where it shows; of balances, the last one."""

    number: int
    fault: Fault


def follow(
    committee: str,
    so_far: Progress,
    entries: Sequence[Entry],
    booked: Mapping[int, Booked],
    worded: Mapping[int, Sequence[str]] = _NONE,
    units: Mapping[int, int] = _NONE,
) -> Progress:
    """Read the next entries. `booked`: the transfers beside them, by the entry's number. Raises Broken.

    `worded`: the hashes of the words that stand beside entries, where they are not erased. `units`: by account, in
    which other unit than hours it is.
    """
    balances = dict(so_far.balances)
    number, previous, count = so_far.number, so_far.hash, so_far.transfers
    for entry in entries:
        number += 1
        if not chain.follows(committee, previous, number, entry):
            raise Broken(number=number, fault="chain")
        previous = entry.hash
        transfer = booked.get(number)
        if (entry.kind == "transfer") != (transfer is not None):
            raise Broken(number=number, fault="transfer")
        if number in worded and any(f'"{digest}"' not in entry.body for digest in worded[number]):
            raise Broken(number=number, fault="words")
        if transfer is not None:
            _compare(entry, transfer, units)
            count += 1
            for account, minutes in transfer.postings.items():
                balances[account] = balances.get(account, 0) + minutes
    return replace(so_far, number=number, hash=previous, transfers=count, balances=balances)


def sums(balances: Iterable[tuple[int, int]], units: Mapping[int, int]) -> dict[int | None, int]:
    """What accounts sum to in each unit that does not come to zero: none, ever. None stands for hours."""
    found: dict[int | None, int] = {}
    for account, amount in balances:
        unit = units.get(account)
        found[unit] = found.get(unit, 0) + amount
    return {unit: total for unit, total in found.items() if total}


def _compare(entry: Entry, transfer: Booked, units: Mapping[int, int]) -> None:
    # Not by `json`: this takes a third of the time, and an audit does it a million times.
    body = from_json(entry.body)
    postings = transfer.postings
    if (
        body["number"] != transfer.number
        or body["recorder"] != transfer.recorder
        or body.get("reverses") != transfer.reverses
        or dict(body["postings"]) != postings
        or sum(postings.values()) != 0
        or ((units or "unit" in body) and any(units.get(account) != body.get("unit") for account in postings))
    ):
        raise Broken(number=entry.number, fault="transfer")
    if transfer.note_hash is not None and transfer.note_hash != body.get("note"):
        raise Broken(number=entry.number, fault="note")


def close(
    found: Progress,
    *,
    transfers: int,
    balances: Mapping[int, int],
    held: Mapping[int, int] = _NONE,
    holds: Mapping[int, int] = _NONE,
    units: Mapping[int, int] = _NONE,
) -> None:
    """At the end of the chain: as many transfers as it tells of, and balances that are their sum. Raises Broken.

    `held`: the minutes kept back, by account; `holds`: those that open exchanges keep back. Each unit sums to zero.
    """
    if transfers != found.transfers:
        raise Broken(number=found.number, fault="transfer")
    told = {account: minutes for account, minutes in found.balances.items() if minutes}
    if told != {account: minutes for account, minutes in balances.items() if minutes} or sums(balances.items(), units):
        raise Broken(number=found.number, fault="balance")
    if held != holds:
        raise Broken(number=found.number, fault="hold")
