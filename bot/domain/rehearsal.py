"""Counting a stretch of time again by other rules, on a scratch ledger: what would have come of it?

The books are not touched. What was recorded keeps its plain hours, so each exchange can be counted by any scheme.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from bot.domain import effort, pooling
from bot.domain.effort import Helped, Pair, TaskClass, Work
from bot.domain.ledger import Posting
from bot.domain.policies import Counting, melted
from bot.text import Minutes


@dataclass(frozen=True, slots=True)
class Past:
    """Something that moved. `month`: `2026-11`; `counted`: by the committee's rule, else it moves as it stands.

    `kind`, `task_class`: of what kind of task it was, and how hard that is said to be now.
    """

    legs: tuple[Posting, ...]
    month: str
    counted: bool = True
    kind: int | None = None
    task_class: TaskClass = "moderate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """How it would stand. `balances`: minutes by account, the fund's among them; they sum to what they did before.

    `levied` and `melted`: the minutes that went to the fund by each.
    """

    balances: Mapping[int, Minutes]
    levied: Minutes
    melted: Minutes


def rehearse(opening: Mapping[int, Minutes], past: Iterable[Past], counting: Counting) -> Rehearsed:
    """What moved since `opening`, in the order in which it did, counted by a scheme; each month is closed by it.

    The last month is closed too: what is compared are whole months. Of limits nothing is asked: whether somebody would
    not have asked for help nobody can know. As gifts nothing that was counted would have moved.
    """
    gifts = counting.scheme.base == "gift"
    standing = {account: int(minutes) for account, minutes in opening.items()}
    levied, melting = 0, 0
    common = {counting.fund, counting.committee}
    known: dict[Pair, Helped] = {}
    for _, of_month in groupby(past, key=lambda one: one.month):
        month = tuple(of_month)
        for one in month:
            legs = one.legs if not one.counted else () if gifts else counting.legs(one.legs)
            if one.counted and not gifts:
                levied += _to(counting.fund, legs) - _to(counting.fund, one.legs)
            _move(standing, legs)
        if counting.scheme.base == "effort":
            work = _work(month, counting, common)
            _move(standing, effort.by_effort(effort.uneven(work, known)))
            known |= effort.helped(work, known)
        if counting.pooling and counting.scheme.allowance:
            _move(standing, _allowances(standing, counting))
        if counting.scheme.melt:
            members = {account: Minutes(minutes) for account, minutes in standing.items() if account not in common}
            parts = melted(members, fund=counting.fund, above=counting.scheme.above, rate=counting.scheme.melt)
            melting += _to(counting.fund, parts)
            _move(standing, parts)
    return Rehearsed(
        balances={account: Minutes(minutes) for account, minutes in standing.items()},
        levied=Minutes(levied),
        melted=Minutes(melting),
    )


def _work(month: Iterable[Past], counting: Counting, common: set[int]) -> list[Work]:
    """What was done in a month, as it would have been weighed."""
    found = []
    for one in month:
        giving = [leg.account_id for leg in one.legs if leg.minutes < 0]
        found += [
            Work(
                account=leg.account_id,
                minutes=leg.minutes,
                onerousness=effort.onerousness(one.task_class, counting.scheme),
                receiver=giving[0] if len(giving) == 1 else None,
                kind=one.kind,
                task_class=one.task_class,
            )
            for leg in one.legs
            if one.counted and leg.minutes > 0 and leg.account_id not in common
        ]
    return found


def _allowances(standing: Mapping[int, int], counting: Counting) -> list[Posting]:
    """What the fund would have given those who pool at a month's end; of relief and needs nothing is known."""
    claims = dict.fromkeys(sorted(counting.pooling), counting.scheme.allowance)
    paid = pooling.allowances(claims, Minutes(standing.get(counting.fund, 0)))
    return [
        Posting(counting.fund, Minutes(-sum(paid.values()))),
        *(Posting(account, minutes) for account, minutes in paid.items()),
    ]


def _to(account: int, legs: Iterable[Posting]) -> int:
    return sum(leg.minutes for leg in legs if leg.account_id == account)


def _move(standing: dict[int, int], legs: Iterable[Posting]) -> None:
    for leg in legs:
        standing[leg.account_id] = standing.get(leg.account_id, 0) + leg.minutes
