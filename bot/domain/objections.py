"""Objections: when one stands, and how many do. Pure rules.

An objection is a thing with a life: it is raised, it gets a reason, it is withdrawn by whoever raised it or answered by
a later round of the poll, or it stands. Where a process says so, it stands only with others behind it, so that nobody
holds up everybody alone (the block that needs a seconder of consensus minus one).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.processes import Rule

REASON_WITHIN = timedelta(days=1)
"""So long whoever objects has to say why; an objection without a reason does not count."""

State = Literal["raised", "withdrawn", "answered"]
Standing = Literal["unreasoned", "unseconded", "stands", "withdrawn", "answered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides whether an objection stands. `raised_at` None: long ago; `seconds`: how many more see it so."""

    state: State
    raised_at: datetime | None
    reasoned: bool
    seconds: int


def seconders(rule: Rule) -> int:
    """How many others have to stand behind an objection for it to count: `extra = { seconders = 1 }` in the process."""
    found = rule.extra.get("seconders", 0)
    return found if isinstance(found, int) and found > 0 else 0


def how_it_stands(one: Facts, rule: Rule) -> Standing:
    """Where it is in its life."""
    if one.state != "raised":
        return one.state
    if not one.reasoned:
        return "unreasoned"
    return "stands" if one.seconds >= seconders(rule) else "unseconded"


def standing(found: Iterable[Facts], rule: Rule) -> int:
    """How many stand: only those count against what is proposed."""
    return sum(how_it_stands(one, rule) == "stands" for one in found)


def awaited(found: Iterable[Facts], *, now: datetime) -> bool:
    """Whether a reason may still come: whoever objected just now has a day for it."""
    return any(
        one.state == "raised" and not one.reasoned and one.raised_at is not None and now < one.raised_at + REASON_WITHIN
        for one in found
    )


def open_ended(found: Iterable[Facts], rule: Rule) -> bool:
    """Whether one of them could still come to stand, without anybody else voting: then nothing is settled early."""
    return any(how_it_stands(one, rule) in ("unreasoned", "unseconded") for one in found)
