"""Figures on a time bank that help without pointing at anybody. Pure and exact: integers and fractions, no floats."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

_Thing = TypeVar("_Thing")

MEMBERS_MIN = 5
"""In a smaller committee every figure tells of somebody: there are none."""
PARTIES_MIN = 3
"""Where fewer people took part, what moved is theirs alone: it is left out."""

CELL_MIN = 5
"""A part of the whole, such as one kind of help, is told where so many people took part in it."""
SIDE_MIN = 3
"""And so many of them helped, and so many were helped: else it tells the hours of the only one who drives."""
SHARE_MAX = Fraction(3, 4)
"""And nobody gave or got more of it than this: else it tells nearly what theirs is (dominance rule)."""

Legs = Sequence[tuple[int, int]]
"""Accounts and the minutes that each gains or, below zero, gives; they sum to zero."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the figures are made of: exchanges that stand (neither undone nor an undo), and the members' balances.

    `nobodys`: the committee's own account, the fund's, and reserves: their hours move too, but nobody takes part there.
    """

    exchanges: tuple[Legs, ...]
    balances: Mapping[int, int]
    """Minutes by account of everybody who is a member now."""
    nobodys: frozenset[int]
    limit: int | None
    """How many minutes below zero somebody may go; None: no limit."""
    categories: tuple[str | None, ...] = ()
    """The kind of help of each exchange, where it came from an offer or a need; empty: of none of them."""
    unmet: tuple[tuple[str, int], ...] = ()
    """Needs that ended without help: the kind, and the account or anything else that stands for who had it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """None: it cannot be said, or would tell of one person."""

    exchanges: int
    moved: int
    """Minutes."""
    members: int
    took_part: int
    evenness: Fraction | None
    within: Fraction | None
    velocity: Fraction | None
    reciprocity: Fraction | None
    by_category: Parts | None
    """Minutes by kind of help."""
    unmet: Parts | None
    """Needs without help, by kind."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A whole in parts that tell of nobody, the largest first; `rest` is what is told together, or not by kind."""

    told: tuple[tuple[str, int], ...]
    rest: int


def figures(facts: Facts) -> Figures | None:
    """All figures of a stretch of time; None: the committee or its activity is too small to tell of nobody."""
    members = len(facts.balances)
    flows = between(facts.exchanges)
    parties = {account for legs in facts.exchanges for account, _ in legs} & set(facts.balances)
    if members < MEMBERS_MIN or len(parties) < PARTIES_MIN:
        return None
    categories = facts.categories or (None,) * len(facts.exchanges)
    cells: dict[str | None, list[Legs]] = {}
    for legs, category in zip(facts.exchanges, categories, strict=True):
        cells.setdefault(category, []).append(legs)
    wanting: dict[str | None, list[int]] = {}
    for kind, who in facts.unmet:
        wanting.setdefault(kind, []).append(who)
    moved = sum(given(legs) for legs in facts.exchanges)
    helped = dict.fromkeys(facts.balances, 0)
    for legs in facts.exchanges:
        for account, minutes in legs:
            if minutes > 0 and account in helped:
                helped[account] += minutes
    return Figures(
        exchanges=len(facts.exchanges),
        moved=moved,
        members=members,
        took_part=len(parties),
        evenness=gini(helped.values()),
        within=within(facts.balances.values(), facts.limit) if facts.limit is not None else None,
        velocity=velocity(moved, facts.balances.values()),
        reciprocity=reciprocity({pair: amount for pair, amount in flows.items() if not facts.nobodys & set(pair)}),
        by_category=parts(
            cells,
            size=lambda found: sum(map(given, found)),
            tells_of_nobody=lambda found: broad(found, but=facts.nobodys),
        ),
        unmet=parts(wanting, size=len, tells_of_nobody=lambda found: len(set(found)) >= SIDE_MIN),
    )


def broad(exchanges: Iterable[Legs], *, but: Collection[int]) -> bool:
    """Whether so many people stand behind these exchanges, on both sides, that their sum tells of none of them.

    A minimum of people and a rule against dominance, as offices of statistics use them (A. Hundepool et al.,
    Statistical Disclosure Control, 2012, ch. 4). `but`: the committee's own account and others that are nobody's.
    """
    gave, got = dict[int, int](), dict[int, int]()
    for legs in exchanges:
        for account, minutes in legs:
            side = gave if minutes > 0 else got
            side[account] = side.get(account, 0) + abs(minutes)
    people = [set(side) - set(but) for side in (gave, got)]
    return (
        len(people[0] | people[1]) >= CELL_MIN
        and min(map(len, people)) >= SIDE_MIN
        and all(max(side.values()) <= SHARE_MAX * sum(side.values()) for side in (gave, got))
    )


def parts(
    cells: Mapping[str | None, Sequence[_Thing]],
    *,
    size: Callable[[Sequence[_Thing]], int],
    tells_of_nobody: Callable[[Sequence[_Thing]], bool],
) -> Parts | None:
    """A whole by kind, without the parts that would tell of somebody; None: no part can be told.

    What is left out is told together. Where even that would tell of somebody, since the whole is known, the smallest
    of the other parts go in with it (complementary suppression).
    """
    told = {kind: found for kind, found in cells.items() if kind is not None and tells_of_nobody(found)}
    rest = [thing for kind, found in cells.items() if kind not in told for thing in found]
    while told and rest and not tells_of_nobody(rest):
        smallest = min(told, key=lambda kind: (size(told[kind]), kind))
        rest += told.pop(smallest)
    if not told:
        return None
    ordered = sorted(told, key=lambda kind: (-size(told[kind]), kind))
    return Parts(told=tuple((kind, size(told[kind])) for kind in ordered), rest=size(rest))


def given(legs: Legs) -> int:
    """The minutes that move in one exchange."""
    return sum(minutes for _, minutes in legs if minutes > 0)


def gini(amounts: Collection[int]) -> Fraction | None:
    """How unevenly amounts of zero or more are spread: 0, all the same; towards 1, one has everything.

    G = sum((2i - n - 1) x_i) / (n sum(x)), x sorted, i from 1 (C. Gini 1912 in the form of A. Sen, On Economic
    Inequality, 1973). Taken of hours given, not of balances, which sum to zero and for which it is not defined.
    None: nothing was given.
    """
    ordered = sorted(amounts)
    total, n = sum(ordered), len(ordered)
    if not total:
        return None
    return Fraction(sum((2 * i - n - 1) * amount for i, amount in enumerate(ordered, start=1)), n * total)


def within(balances: Collection[int], limit: int) -> Fraction | None:
    """The share of balances that are no farther from zero than the limit, either way."""
    return Fraction(sum(abs(one) <= limit for one in balances), len(balances)) if balances else None


def velocity(moved: int, balances: Iterable[int]) -> Fraction | None:
    """How often an hour that somebody has in hand was moved: what moved, over the sum of the balances above zero.

    I. Fisher, The Purchasing Power of Money, 1911: V = T / M. None: nobody has hours in hand.
    """
    stock = sum(one for one in balances if one > 0)
    return Fraction(moved, stock) if stock else None


def between(exchanges: Iterable[Legs]) -> dict[tuple[int, int], Fraction]:
    """Minutes that went from one account to another, summed; of several givers each gave in proportion."""
    flows: dict[tuple[int, int], Fraction] = {}
    for legs in exchanges:
        whole = given(legs)
        for giver, lost in legs:
            for gainer, gained in legs:
                if lost < 0 < gained:
                    flows[giver, gainer] = flows.get((giver, gainer), Fraction()) + Fraction(-lost * gained, whole)
    return flows


def reciprocity(flows: Mapping[tuple[int, int], Fraction]) -> Fraction | None:
    """The share of hours that came back between the same two: sum of min(w_ij, w_ji) over sum of w_ij.

    T. Squartini, F. Picciuto, F. Ruzzenenti, D. Garlaschelli, Reciprocity of weighted networks, Scientific Reports
    3:2729, 2013. None: nothing moved between members.
    """
    total = sum(flows.values(), Fraction())
    if not total:
        return None
    back = sum((min(amount, flows.get((b, a), Fraction())) for (a, b), amount in flows.items()), Fraction())
    return back / total
