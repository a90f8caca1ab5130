"""Soft limits: when somebody is told how far they have gone, how a limit grows, and what is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.text import Minutes

WARNED_AT = (50, 80, 100)
"""Parts of the way to a limit, in percent, at which somebody is told."""


def part(balance: Minutes, limit: Minutes) -> int:
    """The greatest of `WARNED_AT` that a balance has reached on the way from zero to the limit; 0: none of them.

    Works downwards (a limit below zero) and upwards (a ceiling above it). A limit of zero warns of nothing.
    """
    if limit == 0 or (balance < 0) != (limit < 0):
        return 0
    return max((at for at in WARNED_AT if 100 * abs(balance) >= at * abs(limit)), default=0)


def passed(before: Minutes, after: Minutes, limit: Minutes | None) -> int:
    """What was reached by going from one balance to another and had not been before; 0: nothing."""
    if limit is None:
        return 0
    reached = part(after, limit)
    return reached if reached > part(before, limit) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a limit grows with what somebody has given to others.

    It counts only from `people` different people on, and from each of them at most `each` minutes: so two accounts that
    trade with each other gain nothing (the cheat of community-exchange-network/komunitin#987). `most`: the lowest
    balance, as minutes below zero, that anybody can come to.
    """

    people: int
    each: Minutes
    most: Minutes


def floor(base: Minutes | None, given: Mapping[int, Minutes], growth: Growth | None) -> Minutes | None:
    """The lowest balance of somebody who has given these minutes to others, by branch; None: there is no limit.

    Those who came in through one another are one branch: whoever brings in ten accounts has given to one.
    """
    if base is None or growth is None:
        return base
    counted = [min(minutes, growth.each) for minutes in given.values() if minutes > 0]
    if len(counted) < growth.people:
        return base
    # A limit that the committee has set wider than the growth goes stays as it is.
    return min(base, max(Minutes(-growth.most), Minutes(base - sum(counted))))
