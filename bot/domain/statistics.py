"""Figures on a time bank that help without pointing at anybody. Pure and exact: integers and fractions, no floats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

MEMBERS_MIN = 5
"""In a smaller committee every figure tells of somebody: there are none."""
PARTIES_MIN = 3
"""Where fewer people took part, what moved is theirs alone: it is left out."""

Legs = Sequence[tuple[int, int]]
"""Accounts and the minutes that each gains or, below zero, gives; they sum to zero."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the figures are made of: exchanges that stand (neither undone nor an undo), and the members' balances.

    `committee` is the committee's own account: its hours move too, but it is nobody who takes part.
    """

    exchanges: tuple[Legs, ...]
    balances: Mapping[int, int]
    """Minutes by account of everybody who is a member now."""
    committee: int
    limit: int | None
    """How many minutes below zero somebody may go; None: no limit."""


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


def figures(facts: Facts) -> Figures | None:
    """All figures of a stretch of time; None: the committee or its activity is too small to tell of nobody."""
    members = len(facts.balances)
    flows = between(facts.exchanges)
    parties = {account for legs in facts.exchanges for account, _ in legs} & set(facts.balances)
    if members < MEMBERS_MIN or len(parties) < PARTIES_MIN:
        return None
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
        reciprocity=reciprocity({pair: amount for pair, amount in flows.items() if facts.committee not in pair}),
    )


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
