"""Gifts: who gave to whom. Nobody owes anything for one, so nothing is ever subtracted, and nobody stands above others.

Two counters beside each other instead of a balance, as members of several time banks have asked for
(community-exchange-network/komunitin#769, coopdevs/timeoverflow#655).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.statistics import MEMBERS_MIN, PARTIES_MIN
from bot.text import Minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A gift that stands. Members by id; `got` is empty where it was for all. `minutes`: None where nobody said."""

    gave: frozenset[int]
    got: frozenset[int]
    minutes: Minutes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """How often somebody gave, and got; to how many people they gave, and with how many there was either.

    All of it is for their own eyes. Others see what somebody gave at most: so nobody can take one from the other.
    """

    given: int
    received: int
    given_to: int
    people: int


def counters(gifts: Iterable[Given], member: int) -> Counters:
    """A member's own counters. What is for all counts for whoever gave it alone."""
    given = received = 0
    to: set[int] = set()
    people: set[int] = set()
    for gift in gifts:
        if member in gift.gave:
            given += 1
            to |= gift.got - {member}
        if member in gift.got:
            received += 1
            people |= gift.gave - {member}
    return Counters(given=given, received=received, given_to=len(to), people=len(to | people))


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the whole group is told. `minutes`: about how long those gifts took of which somebody said it; None: it
    would tell of one person."""

    gifts: int
    minutes: Minutes | None


def total(gifts: Iterable[Given], members: int) -> Total | None:
    """The group's sum; None where it would tell of single people: few members, or few who took part."""
    found = list(gifts)
    took_part = frozenset[int]().union(*(gift.gave | gift.got for gift in found))
    if members < MEMBERS_MIN or len(took_part) < PARTIES_MIN:
        return None
    told = [gift for gift in found if gift.minutes is not None]
    givers = frozenset[int]().union(*(gift.gave for gift in told))
    minutes = Minutes(sum(gift.minutes or 0 for gift in told)) if len(givers) >= PARTIES_MIN else None
    return Total(gifts=len(found), minutes=minutes)
