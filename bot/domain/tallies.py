"""What every count comes to, whatever the method: winners, stages, ties, and the lot. Pure data, exact figures.

Options are ids (short strings) throughout. A figure is a whole number, or a decimal number with all its places as a
string ("1412.45570"): nothing here is rounded a second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

OptionId = str
Figure = int | str
Method = Literal["plurality", "majority", "approval", "score", "dots", "schulze", "irv", "scottish-stv"]
METHODS: tuple[Method, ...] = ("plurality", "majority", "approval", "score", "dots", "schulze", "irv", "scottish-stv")

What = Literal["elect", "order", "exclude", "surplus"]
How = Literal["look-back", "lot", "either way", "undecided"]


Ranking = tuple[tuple[OptionId, ...], ...]


@dataclass(frozen=True)
class Ballot:
    """`weight` papers that say the same.

    `ranking`: groups of options, those of an earlier group before those of a later one, those of one group level. A
    ballot that only lists options is one group. `points`: what it gives to options, where options get points.
    """

    ranking: Ranking = ()
    weight: int = 1
    points: tuple[tuple[OptionId, int], ...] = ()


@dataclass(frozen=True)
class Lot:
    """A lot that anybody can draw again: `seed` is published when the count is, its commitment beforehand.

    Of tied options, the one whose SHA-256 of seed, place in the count and id is lowest comes first. So nobody's ticket
    depends on who else is tied, on the order of the ballots, or on the order in which the options are written.
    """

    seed: str

    def ticket(self, where: str, option: OptionId) -> bytes:
        """The number that an option draws at a place in the count, such as "exclude 3"."""
        return hashlib.sha256(f"{self.seed}\n{where}\n{option}".encode()).digest()

    def order(self, where: str, options: Iterable[OptionId]) -> tuple[OptionId, ...]:
        """These options in the order in which they are drawn."""
        return tuple(sorted(set(options), key=lambda one: (self.ticket(where, one), one)))

    @property
    def commitment(self) -> str:
        """What is published before the ballots are cast: it settles the seed and does not tell it."""
        return commitment(self.seed)


def commitment(seed: str) -> str:
    """SHA-256 of a seed, in hexadecimal."""
    return hashlib.sha256(seed.encode()).hexdigest()


@dataclass(frozen=True)
class Tie:
    """Options that were level where only one could go first.

    `where` is the place in the count, and what a lot is drawn for: "exclude 3" or "surplus 2" (the number is the
    stage's), or "elect", one draw for all places of an order. `chosen`: in which order they were taken. For "exclude"
    the first of them is excluded, for "surplus" the first one's surplus is transferred, for "elect" and "order" the
    first stands before the others.

    `how` it was settled: by a "look-back" to the stage `back_to`; by the "lot"; not at all, because the winners are the
    same "either way" (then `chosen` tells what the stages show); or it is "undecided", and nobody is chosen.
    """

    where: str
    what: What
    stage: int
    tied: tuple[OptionId, ...]
    how: How
    chosen: tuple[OptionId, ...] = ()
    back_to: int | None = None


@dataclass(frozen=True)
class Undecided:
    """A lot has to be drawn, and there is none. `tied` for `what`, and `seats`: how many of the seats are not sure yet.

    `may_win`: everyone who wins with one outcome of the lots and not with another.
    """

    where: str
    what: What
    stage: int
    tied: tuple[OptionId, ...]
    seats: int
    may_win: tuple[OptionId, ...]


@dataclass(frozen=True)
class Stage:
    """One step of a count, as it stands when the step is done.

    `action`: "first" (the first preferences), "surplus" (of `options`), "exclude" (of `options`), "remaining" (those
    who are left fill the seats), "tally" (a plain sum), "pairwise" (how many others each beats, one against one).
    `totals`: a figure for each option that stands. `elected`, `excluded`: who has been by now, in that order.
    `exhausted`: what no option can have any more; `residual`: what was lost to decimals that are not kept.
    """

    number: int
    action: str
    options: tuple[OptionId, ...]
    totals: tuple[tuple[OptionId, Figure], ...]
    elected: tuple[OptionId, ...] = ()
    excluded: tuple[OptionId, ...] = ()
    exhausted: Figure = 0
    residual: Figure = 0


@dataclass(frozen=True)
class Count:
    """What a count came to.

    `winners`: in the order of their election; only those who are sure where `undecided` is not None. `order`: all
    options from first to last where the method has such an order, level ones together. `ballots` counts everybody's,
    of which `blank` and `invalid` ones say nothing that this method can count; `exhausted`: what ended with nobody.
    `matrix`: for the pairwise methods, how many prefer the option of the row (as in `options`) to that of the column;
    `condorcet`: whoever beats every other option one against one.
    """

    method: Method
    seats: int
    options: tuple[OptionId, ...]
    winners: tuple[OptionId, ...]
    stages: tuple[Stage, ...]
    ties: tuple[Tie, ...] = ()
    undecided: Undecided | None = None
    order: tuple[tuple[OptionId, ...], ...] = ()
    ballots: int = 0
    blank: int = 0
    invalid: int = 0
    exhausted: Figure = 0
    quota: Figure | None = None
    matrix: tuple[tuple[int, ...], ...] = ()
    condorcet: OptionId | None = None
