"""The roll call of an alert: who is asked whether they are safe, who has answered, and what comes next. Pure rules.

It is a fold over the same events as the alert itself, in whatever order and however often they come in. It goes on when
the alert is over: that is when people walk home.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.alarm import Event

EVERY = timedelta(minutes=15)
"""So long after each round comes the next one."""
ASK_AGAIN, BUDDIES, LEGAL = 2, 3, 4
"""What the rounds after the first one are: those who have not answered are asked again; their buddies are told; whoever
looks after legal help is."""
OPEN_FOR = timedelta(hours=24)
"""So long after an alert is over a roll call can be begun or answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollCall:
    """The last roll call of an alert. Members by id: nobody sees more of them than figures."""

    since: datetime
    asked: frozenset[int]
    safe: frozenset[int]
    help: frozenset[int]
    round: int
    round_at: datetime

    @property
    def answered(self) -> frozenset[int]:
        """Who has answered, or for whom a buddy has."""
        return self.safe | self.help

    @property
    def missing(self) -> frozenset[int]:
        """Of whom nothing is known."""
        return self.asked - self.answered

    @property
    def over(self) -> bool:
        """Nothing comes any more by itself."""
        return self.round >= LEGAL or not self.missing

    @property
    def next_at(self) -> datetime | None:
        """When the next round comes; None: none does."""
        return None if self.over else self.round_at + EVERY


def roll_call(events: Iterable[Event]) -> RollCall | None:
    """The last roll call; None: there was none.

    Rounds count from when the one before was really asked: one that is late is asked once, and the next one after it.
    """
    since: datetime | None = None
    round_at: datetime | None = None
    round_ = 0
    asked: set[int] = set()
    said: dict[int, bool] = {}
    for event in sorted({event.id: event for event in events}.values(), key=lambda one: (one.at, one.id)):
        if event.kind == "roll_called":
            since, round_, round_at = event.at, 1, event.at
            asked, said = set(), {}
        elif since is None:
            continue
        elif event.kind == "roll_round" and event.data.get("n", 0) == round_ + 1:
            round_, round_at = round_ + 1, event.at
        elif event.kind == "roll_asked" and event.member is not None:
            asked.add(event.member)
        elif event.kind in ("safe", "help") and event.member is not None:
            asked.add(event.member)
            said[event.member] = event.kind == "safe"
    if since is None or round_at is None:
        return None
    return RollCall(
        since=since,
        asked=frozenset(asked),
        safe=frozenset(member for member, safe in said.items() if safe),
        help=frozenset(member for member, safe in said.items() if not safe),
        round=round_,
        round_at=round_at,
    )


def roster(events: Iterable[Event]) -> frozenset[int]:
    """Who wants to be asked though they do not say that they come."""
    on: set[int] = set()
    for event in sorted({event.id: event for event in events}.values(), key=lambda one: (one.at, one.id)):
        if event.kind == "roster" and event.member is not None:
            (on.discard if event.data.get("off") else on.add)(event.member)
    return frozenset(on)
