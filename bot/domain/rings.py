"""Rings of three or four: each helps the next with what they need, and the last helps the first."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.domain import board
from bot.domain.board import Post

LENGTHS = (3, 4)
ROUND_MAX = 3
"""So many rings are proposed at once in a committee."""
NEXT_MAX = 8
"""So many people are looked at whom somebody could help, those first whose needs fit best: 4,096 ways for each person
whom a search begins with, however full the board is."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Step:
    """One helps another: an offer meets a need. Ids."""

    giver: int
    receiver: int
    offer: int
    need: int
    closeness: int
    """How well they fit, as the board says it."""


Ring = tuple[Step, ...]
"""Each step's receiver is the next one's giver; the last one's receiver is the first one's giver, the lowest id."""


def steps(posts: Iterable[Post], *, barred: Collection[tuple[int, int]] = ()) -> dict[int, list[Step]]:
    """For everybody with an offer: whom they could help, and how; for each of those the best pair of offer and need.

    `barred`: pairs of offer and need that are not to be proposed. The best come first, at most `NEXT_MAX` each.
    """
    there = list(posts)
    needs = [post for post in there if post.side == "need"]
    best: dict[tuple[int, int], tuple[int, Step]] = {}
    # Remembered here only: nobody's words outlive the search.
    terms = functools.cache(board.terms)
    for offer in (post for post in there if post.side == "offer"):
        for need in needs:
            close = board.closeness(offer, need, terms=terms)
            if not close or (offer.id, need.id) in barred:
                continue
            step = Step(giver=offer.member, receiver=need.member, offer=offer.id, need=need.id, closeness=close)
            pair = (offer.member, need.member)
            if pair not in best or (-close, step) < best[pair]:
                best[pair] = (-close, step)
    found: dict[int, list[Step]] = {}
    for ranked in sorted(best.values()):
        found.setdefault(ranked[1].giver, []).append(ranked[1])
    return {giver: ways[:NEXT_MAX] for giver, ways in found.items()}


def all_rings(ways: dict[int, list[Step]]) -> list[Ring]:
    """Every ring of three or four different people that these steps make, each once; the best first.

    A short ring comes about more easily than a long one; then counts the step that fits worst, then all of them.
    """
    found: list[Ring] = []

    def go_on(path: Ring) -> None:
        for step in ways.get(path[-1].receiver, ()):
            first = path[0].giver
            if step.receiver == first:
                if len(path) + 1 in LENGTHS:
                    found.append((*path, step))
            elif (
                len(path) + 1 < max(LENGTHS)
                and step.receiver > first
                and all(step.receiver != one.receiver for one in path)
            ):
                go_on((*path, step))

    for giver, own in ways.items():
        for step in own:
            if step.receiver > giver:
                go_on((step,))
    return sorted(found, key=_rank)


def _rank(ring: Ring) -> tuple[int, int, int, Ring]:
    closeness = [step.closeness for step in ring]
    return len(ring), -min(closeness), -sum(closeness), ring


def next_round(
    posts: Iterable[Post], *, barred: Collection[tuple[int, int]] = (), count: int = ROUND_MAX
) -> list[Ring]:
    """The rings that are proposed now: the best ones, at most `count`, nobody in more than one of them.

    The same board gives the same rings, in whatever order it is read. `posts`: only those of people who may be asked.
    """
    chosen: list[Ring] = []
    busy: set[int] = set()
    for ring in all_rings(steps(posts, barred=barred)):
        people = {step.giver for step in ring}
        if len(chosen) < count and not people & busy:
            chosen.append(ring)
            busy |= people
    return chosen
