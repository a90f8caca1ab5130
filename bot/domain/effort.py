"""Effort and sacrifice: hours that were hard count for more, as parts of a pie that stays as large as the hours.

(Albert and Hahnel; participatoryeconomy.org, Who will decide how much I am compensated?) Whoever was helped paid
the time at once, and whoever helped had it: at the end of a period the difference is put right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from bot.domain.ledger import Posting
from bot.domain.policies import ONEROUSNESS, apportion
from bot.text import Minutes

LEVELS = (900, 1_000, 1_100)
"""Less effort than usual, as usual, more: three coarse levels, since nobody can measure more finely
(participatoryeconomy.org, Isn't it difficult to measure effort?)."""
PEERS_MIN = 3
"""From fewer ratings nobody's effort is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of work in a period. `onerousness`: of its class of tasks, in thousandths.

    `ratings`: by the account of whoever worked on the same task, one of `LEVELS`; one's own does not count.
    """

    account: int
    minutes: Minutes
    onerousness: int = ONEROUSNESS.default
    ratings: Mapping[int, int] = field(default_factory=dict)


def intensities(work: Sequence[Work]) -> tuple[Fraction, ...]:
    """How hard each piece was, as its peers see it: the median of at least three, or one.

    What a rater says is divided by their own mean over all that they rated, so whoever rates everything high, or low,
    says nothing by it (as proposed in the forum of participatoryeconomy.org, thread 459).
    """
    by_rater: dict[int, list[int]] = {}
    for piece in work:
        for rater, level in piece.ratings.items():
            if rater != piece.account:
                by_rater.setdefault(rater, []).append(level)
    means = {rater: Fraction(sum(levels), len(levels)) for rater, levels in by_rater.items()}
    found = []
    for piece in work:
        seen = sorted(level / means[rater] for rater, level in piece.ratings.items() if rater != piece.account)
        middle = len(seen) // 2
        found.append(
            Fraction(1)
            if len(seen) < PEERS_MIN
            else seen[middle]
            if len(seen) % 2
            else (seen[middle - 1] + seen[middle]) / 2
        )
    return tuple(found)


def by_effort(work: Sequence[Work], *, with_ratings: bool = False) -> tuple[Posting, ...]:
    """What is put right at a period's end: each gets their part of a pie that stays as large as the hours worked.

    `credit = hours x onerousness x intensity x sum(hours) / sum(hours x onerousness x intensity)`. Everybody was paid
    their hours at once; this is the difference. It sums to zero without the fund, so nobody gains by calling everything
    hard ("slice a given pie": participatoryeconomy.org, Won't workers exaggerate their effort?).
    """
    intensity = intensities(work) if with_ratings else (Fraction(1),) * len(work)
    hours: dict[int, int] = {}
    weights: dict[int, Fraction] = {}
    for piece, hard in zip(work, intensity, strict=True):
        assert ONEROUSNESS.low <= piece.onerousness <= ONEROUSNESS.high
        hours[piece.account] = hours.get(piece.account, 0) + piece.minutes
        weights[piece.account] = weights.get(piece.account, Fraction(0)) + piece.minutes * piece.onerousness * hard
    if not hours:
        return ()
    whole = math.lcm(*(weight.denominator for weight in weights.values()))
    earned = apportion(sum(hours.values()), {account: int(weight * whole) for account, weight in weights.items()})
    return tuple(
        Posting(account, Minutes(earned[account] - minutes))
        for account, minutes in sorted(hours.items())
        if earned[account] != minutes
    )
