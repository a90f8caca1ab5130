"""Sharing out what a fund has among those who need it: by urgency, and among equals equally.

Inside a class it is the rule of constrained equal awards (Herrero and Villar, The Three Musketeers: Four Classical
Solutions to Bankruptcy Problems, Mathematical Social Sciences 42, 2001): everybody gets the same, but nobody more than
they asked for. Asking for more than one could get gains nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bot.text import Minutes

CLASSES = (1, 2, 3)
"""What life depends on; what makes daily life possible; what would be good. The first goes first."""
RESERVE_MAX = 9_000
"""Basis points: more than nine tenths kept back would be no fund any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What somebody asks for. `weight`: parts that count for one who asks for several, as a household with children."""

    id: int
    minutes: Minutes
    class_: int
    weight: int = 1


def spendable(fund: Minutes, reserve: int, kept: int = 0) -> Minutes:
    """What may be shared out now. Of a fund below zero: nothing.

    `reserve`: the part that stays, in basis points; `kept`: the minutes that stay. The larger of the two counts.
    """
    assert 0 <= reserve <= RESERVE_MAX
    assert kept >= 0
    return Minutes(max(0, min(fund * (10_000 - reserve) // 10_000, fund - kept)))


def at_once(wanted: Minutes, *, cap: Minutes, drawn: Minutes, fund: Minutes) -> Minutes:
    """What urgent help is paid before anybody decides: never more than is wanted, than is left of the cap, or is there.

    `drawn`: what the same person had at once lately. Nobody's own balance is asked for.
    """
    assert wanted > 0
    return Minutes(max(0, min(wanted, cap - drawn, fund)))


def awards(needs: Iterable[Need], there: Minutes) -> dict[int, Minutes]:
    """What each need gets, by id: never more than it asks for, and in all never more than is there.

    A class gets something only when all before it have what they asked for. Where a minute is left over that cannot be
    shared equally, those who asked first have it.
    """
    by_class: dict[int, list[Need]] = {}
    for need in needs:
        assert need.minutes > 0
        assert need.weight > 0
        by_class.setdefault(need.class_, []).append(need)
    left = max(0, int(there))
    found: dict[int, Minutes] = {}
    for class_ in sorted(by_class):
        equal = constrained_equal(
            {need.id: need.minutes for need in by_class[class_]},
            left,
            weights={need.id: need.weight for need in by_class[class_]},
        )
        left -= sum(equal.values())
        found |= {id_: Minutes(minutes) for id_, minutes in equal.items()}
    return found


def constrained_equal(
    claims: Mapping[int, int], there: int, *, weights: Mapping[int, int] | None = None
) -> dict[int, int]:
    """`min(claim, weight * level)` for each, with the highest level that what is there allows, in whole numbers.

    What is left below one more level goes to those who lack something, by the lower key, one each until it is gone.
    """
    assert there >= 0
    shares = dict.fromkeys(claims, 1) if weights is None else weights
    left, parts, level = there, sum(shares[key] for key in claims), 0
    for key in sorted(claims, key=lambda key: (Fraction(claims[key], shares[key]), key)):
        level = left // parts
        if claims[key] > shares[key] * level:
            break
        # Whoever is content with less than an equal part leaves the rest to the others.
        left -= claims[key]
        parts -= shares[key]
    given = {key: min(claim, shares[key] * level) for key, claim in claims.items()}
    left = there - sum(given.values())
    while left and (lacking := [key for key in sorted(claims) if given[key] < claims[key]]):
        for key in lacking[:left]:
            given[key] += 1
        left -= len(lacking[:left])
    return given


def unmet(needs: Sequence[Need], given: Mapping[int, Minutes]) -> Minutes:
    """How much of what was asked for there was nothing for: the most important figure that a committee has."""
    return Minutes(sum(need.minutes - given.get(need.id, Minutes(0)) for need in needs))
