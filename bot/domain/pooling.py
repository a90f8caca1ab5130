"""Pooling: allowances from the common fund, and a part of the common work that is somebody's each month.

What is worked is compared with a quota, which is no price: nothing is bought with it, and nobody is paid by it. Relief
for age or illness makes the quota smaller; what is worked beyond it is leave for later months (the labour policy of
Twin Oaks: quota, pension and sick time, over-quota hours). Whoever worked less is told so, and nothing follows by
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain import policies
from bot.text import Minutes

Span = tuple[int, int]
"""From an instant until before another, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a committee has decided about pooling, while it held: minutes a month."""

    allowance: Minutes
    quota: Minutes
    held: Span


def together(spans: Iterable[Span]) -> list[Span]:
    """The same time, without any of it twice."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def shared(spans: Iterable[Span], held: Span) -> int:
    """How much of some time is within other time, in microseconds."""
    return sum(max(0, min(end, held[1]) - max(begin, held[0])) for begin, end in together(spans))


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is somebody's for one month: what they get, if it is there, and how much of the work.

    `quota`: None where the committee has none.
    """

    allowance: Minutes
    quota: Minutes | None


def due(spans: Sequence[Span], terms: Sequence[Terms], month: Span, *, relief: int, extra: Minutes) -> Due | None:
    """Somebody's part of a month in which they pooled for some time: in proportion to that time, rounded down.

    `relief` makes the quota smaller, in basis points; `extra` minutes a month come on top of the allowance. None: they
    did not pool while the committee did.
    """
    length = month[1] - month[0]
    parts = [(one, shared(spans, (max(one.held[0], month[0]), min(one.held[1], month[1])))) for one in terms]
    if not any(part for _, part in parts):
        return None
    return Due(
        allowance=Minutes(sum((one.allowance + extra) * part for one, part in parts) // length),
        quota=policies.quota(Minutes(sum(one.quota * part for one, part in parts) // length), relief)
        if any(one.quota and part for one, part in parts)
        else None,
    )


def allowances(claims: Mapping[int, Minutes], there: Minutes) -> dict[int, Minutes]:
    """What each gets: what is theirs, or the same part of it for everybody where the fund has less.

    Rounded down, so that equals get the same to the minute; what cannot be shared stays in the fund. Nothing is paid
    beyond what is there.
    """
    whole = sum(claims.values())
    if whole <= max(0, there):
        return dict(claims)
    return {key: Minutes(max(0, there) * claim // whole) for key, claim in claims.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A month's end for one person. `leave`: what they have from now on; `short`: what was lacking, with all leave."""

    leave: Minutes
    short: Minutes


def settle(done: Minutes, quota: Minutes, leave: Minutes) -> Settled:
    """What is worked beyond the quota becomes leave; what is lacking is taken from it first."""
    over = leave + done - quota
    return Settled(leave=Minutes(max(0, over)), short=Minutes(max(0, -over)))
