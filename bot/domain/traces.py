"""What one ranked ballot did at each stage of a count: for whom it counted, with how much. Pure.

It follows the stages of `bot.domain.ranked` for a single paper, so nothing of a count has to be kept but its stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

SCALE = 100_000


@dataclass(frozen=True, slots=True)
class Step:
    """At a stage: for whom it counts now (None: for nobody any more), with which part of a vote that goes on.

    `left`: whom it counted for before, where that has changed; `stays`: a part of it stays there.
    """

    stage: int
    holder: str | None
    value: Fraction
    left: str | None = None
    stays: bool = False


def plain(ranking: Sequence[Sequence[str]], options: Sequence[str]) -> tuple[str, ...]:
    """The preferences of a ballot for what stands, up to where two are level."""
    path: list[str] = []
    for group in ranking:
        standing = [one for one in group if one in options]
        if len(standing) > 1:
            break
        path += standing
    return tuple(path)


def follow(count: Mapping[str, Any], ranking: Sequence[Sequence[str]]) -> tuple[Step, ...]:
    """The ballot's way through the stages of a count (as `result_dict` gives it): a step for each that changes it."""
    path = plain(ranking, count["options"])
    stages = count["stages"]
    if not stages:
        return ()
    at, value = 0, Fraction(1)
    steps = [Step(stages[0]["number"], path[0] if path else None, value if path else Fraction(0))]
    for before, stage in pairwise(stages):
        if at >= len(path) or path[at] not in stage["options"] or stage["action"] == "remaining":
            continue
        holder, stays = path[at], stage["action"] == "surplus"
        if stays:
            value = _part(value, Fraction(before["totals"][holder]), Fraction(stage["totals"][holder]))
        gone = {*before["elected"], *before["excluded"], holder}
        at += 1
        while at < len(path) and path[at] in gone:
            at += 1
        to = path[at] if at < len(path) else None
        steps.append(Step(stage["number"], to, value, holder, stays))
    return tuple(steps)


def _part(value: Fraction, total: Fraction, kept: Fraction) -> Fraction:
    """What goes on of a paper's value with a surplus, five decimals, the rest left off (Scottish rule 49(3))."""
    units, whole, surplus = (int(one * SCALE) for one in (value, total, total - kept))
    return Fraction(surplus * units // whole, SCALE)
