"""Mutual insurance in the form of the Dutch bread funds: everybody saves for themselves and gives when another is ill.

Whoever takes part chooses a level, the help that they get a month when they cannot work, and puts a small part of it
into a reserve of their own every month until it is full. While somebody is ill the others give from their reserves, in
proportion to what they put in. Nothing is ever paid that is not there. The figures are those of the bread funds
(broodfonds.nl; jobmarketmonitor.com 2015/01/14; broodfondsbommelerwaard.com); a committee may choose others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.policies import apportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a committee has agreed. Months are counted from the first day of illness."""

    rate: int = 450
    """What everybody puts in, in basis points of their level: 4.5 % (33.75 of 750 a month)."""
    cap_months: int = 36
    """A reserve holds at most what is put in over so many months; what is over goes back."""
    wait_months: int = 1
    longest_months: int = 24
    group_max: int = 50
    """Beyond that people do not know each other any more, and a second group is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insured:
    """Somebody who takes part: whole units (minutes, or cents). `level`: a month; `reserve`: what they have saved."""

    id: int
    level: int
    reserve: int


def contribution(level: int, terms: Terms) -> int:
    """What is put in each month, rounded down."""
    return level * terms.rate // 10_000


def put_in(insured: Insured, terms: Terms) -> tuple[int, int]:
    """What goes into the reserve this month, and what is over and goes back, because the reserve is full."""
    monthly = contribution(insured.level, terms)
    cap = monthly * terms.cap_months
    into = max(0, min(monthly, cap - insured.reserve))
    return into, max(0, insured.reserve + into - cap)


def is_due(ill_months: int, terms: Terms) -> bool:
    """Whether somebody is helped who has been unable to work for so many whole months."""
    return terms.wait_months <= ill_months < terms.wait_months + terms.longest_months


def payouts(insured: Sequence[Insured], ill: Sequence[int], terms: Terms) -> dict[int, dict[int, int]]:
    """What each of the ill gets this month, and from whom: by the ill person's id, then by the giver's.

    Those who are ill themselves give nothing. Where all reserves together are too small, all who are ill get the same
    part of their level. Nobody gives more than their reserve holds.
    """
    members = {one.id: one for one in insured}
    claims = {id_: members[id_].level for id_ in sorted(ill)}
    reserves = {one.id: one.reserve for one in insured if one.id not in claims and one.reserve > 0}
    there = sum(reserves.values())
    if not there or not sum(claims.values()):
        return {id_: {} for id_ in claims}
    if sum(claims.values()) > there:
        claims = apportion(there, claims)
    found: dict[int, dict[int, int]] = {}
    for id_, claim in claims.items():
        weights = {giver: contribution(members[giver].level, terms) for giver in reserves}
        found[id_] = within(claim, weights, reserves)
        for giver, given in found[id_].items():
            reserves[giver] -= given
    return found


def within(total: int, weights: Mapping[int, int], room: Mapping[int, int]) -> dict[int, int]:
    """A total shared by weight where nobody gives more than they have room for: the others give what is missing.

    `weights` and `room` have the same keys. Where all the room is too little, all of it is given. Those who give
    nothing are left out.
    """
    left, found = min(total, sum(room.values())), dict.fromkeys(room, 0)
    while left:
        # Those without a weight give only where all others are at their end.
        open_ = {key: weights[key] for key in room if found[key] < room[key]}
        open_ = {key: weight for key, weight in open_.items() if weight} or dict.fromkeys(open_, 1)
        for key, share in apportion(left, open_).items():
            taken = min(share, room[key] - found[key])
            found[key] += taken
            left -= taken
    return {key: given for key, given in found.items() if given}


def months_of_cover(insured: Sequence[Insured], ill: Sequence[int]) -> int | None:
    """For how many months the reserves would last with those who are ill now; None: nobody is."""
    monthly = sum(one.level for one in insured if one.id in ill)
    return sum(one.reserve for one in insured if one.id not in ill) // monthly if monthly else None
