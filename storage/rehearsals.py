"""What a rehearsal reads: how the books stood, and what moved since, in plain hours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.ledger import Posting
from bot.domain.rehearsal import Past
from bot.text import Minutes
from storage import closings, tasks
from storage.database import Reader
from storage.instants import from_us, to_us
from storage.people import Committee

ENTRIES_MAX = 100_000
CLOSED = frozenset({"melt", "effort", "pool"})
"""What a rule has done at a month's end: a rehearsal does its own instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the books. `opening`, `standing`: minutes by account, before and after; accounts of hours only."""

    opening: dict[int, Minutes]
    standing: dict[int, Minutes]
    past: tuple[Past, ...]
    members: frozenset[int]
    """The own accounts of those who are members now."""

    @property
    def exchanges(self) -> int:
        """How many were counted by the committee's rule."""
        return sum(one.counted for one in self.past)

    @property
    def earned(self) -> Minutes:
        """How much was earned by them, by the clock."""
        return Minutes(sum(leg.minutes for one in self.past if one.counted for leg in one.legs if leg.minutes > 0))

    def differences(self, balances: Mapping[int, Minutes]) -> dict[int, int]:
        """By how much each member would have more, or below zero less, than they have."""
        return {account: balances[account] - self.standing[account] for account in self.members if account in balances}


async def since(tx: Reader, committee: Committee, first: datetime, *, now: datetime) -> Stretch:
    """What moved from an instant on, oldest first. What was taken back within it is left out, and so is its undo."""
    accounts = await tx.all(
        """SELECT a.id, a.balance, m.id FROM accounts a
           LEFT JOIN members m ON m.id = a.member_id AND m.active = 1 AND m.child = 0
           WHERE a.committee_id = ? AND a.kind <> 'unit' LIMIT 1000000""",
        committee.id,
    )
    rows = await tx.all(
        """SELECT t.at_us, e.body, u.id, r.at_us, c.what, f.kind_id, s.category, n.text FROM transfers t
           JOIN entries e ON e.committee_id = t.committee_id AND e.number = t.entry
           LEFT JOIN transfers u ON u.reverses_id = t.id
           LEFT JOIN transfers r ON r.id = t.reverses_id
           LEFT JOIN closings c ON c.transfer_id = t.id
           LEFT JOIN efforts f ON f.transfer_id = t.id
           LEFT JOIN origins o ON o.transfer_id = t.id LEFT JOIN posts s ON s.id = o.post_id
           LEFT JOIN notes n ON n.thing = 'transfer:' || t.id
           WHERE t.committee_id = ? AND t.at_us >= ? ORDER BY t.number LIMIT ?""",
        committee.id,
        to_us(first),
        ENTRIES_MAX,
    )
    standing = {id_: Minutes(balance) for id_, balance, _ in accounts}
    opening = dict(standing)
    month, past = closings.month_of(first, committee), []
    while month <= closings.month_of(now, committee):
        # Also a month in which nothing moved is closed.
        past.append(Past((), month, counted=False))
        month = closings.month_after(month)
    kinds = await tasks.kinds(tx, committee.id)
    for at_us, text, undone, undoes_us, closing, *signs in rows:
        body = json.loads(text)
        if body["postings"][0][0] not in standing:
            continue  # In another unit than hours.
        for account, minutes in body["postings"]:
            opening[account] = Minutes(opening[account] - minutes)
        pair = undone is not None or (undoes_us is not None and undoes_us >= to_us(first))
        if pair or closing in CLOSED:
            continue
        counted = "policy" in body and "reverses" not in body
        legs = body.get("plain", body["postings"]) if counted else body["postings"]
        kind = tasks.kind_of(kinds, *signs) if counted else None
        past.append(
            Past(
                tuple(Posting(account, Minutes(minutes)) for account, minutes in legs),
                closings.month_of(from_us(at_us), committee),
                counted=counted,
                kind=None if kind is None else kind.id,
                task_class="moderate" if kind is None else kind.task_class,
            )
        )
    return Stretch(
        opening=opening,
        standing=standing,
        past=tuple(sorted(past, key=lambda one: one.month)),
        members=frozenset(id_ for id_, _, member in accounts if member is not None),
    )
