"""Recalling somebody from a role: how many must sign before all vote on it. Pure rules."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from fractions import Fraction

LEAST = 2
"""Nobody brings a recall about alone."""
SHARE = Fraction(1, 4)
"""So many of those who have a vote must sign, where the committee has set nothing else."""
SIGNED_WITHIN = timedelta(days=30)


def needed(voters: int, share: Fraction) -> int:
    """How many must sign: the share of `voters` (all but the person whom it is about), rounded up; at least two."""
    wanted = share * voters
    return max(LEAST, -(-wanted.numerator // wanted.denominator))


def counted(signed: AbstractSet[int], voters: AbstractSet[int]) -> int:
    """How many signatures count: of those who still have a vote."""
    return len(signed & voters)


def enough(signed: AbstractSet[int], voters: AbstractSet[int], share: Fraction) -> bool:
    """Whether a poll begins. `voters`: all who have a vote but the person whom it is about."""
    return counted(signed, voters) >= needed(len(voters), share)
