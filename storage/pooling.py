"""Who pools what they earn, how much they have worked, and what holds for each of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import retention
from bot.domain.policies import Scheme
from bot.domain.pooling import Span, Terms
from bot.text import Minutes
from storage import closings, enrolments, schemes
from storage.database import Reader, Transaction
from storage.enrolments import MEMBERS_MAX
from storage.instants import to_us
from storage.people import Committee, Member

SCHEMES_MAX = 1000
_END = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What holds for one who pools. `relief` in basis points; `extra` and `leave` in minutes."""

    relief: int = 0
    extra: Minutes = Minutes(0)
    leave: Minutes = Minutes(0)


def month(period: str, committee: Committee) -> Span:
    """The month `2026-11` in the committee's own time."""
    first, after = closings.bounds(period, committee)
    return to_us(first), to_us(after)


async def terms(tx: Reader, committee_id: int) -> list[Terms]:
    """Everything that the committee has decided about pooling, with the time for which it held."""
    rows = await tx.all(
        "SELECT version, at_us FROM schemes WHERE committee_id = ? ORDER BY version LIMIT ?", committee_id, SCHEMES_MAX
    )
    found: list[tuple[Scheme, int]] = []
    for version, at_us in rows:
        decided = await schemes.decided(tx, committee_id, version)
        assert decided is not None
        found.append((decided.scheme, at_us))
    ends = [at_us for _, at_us in found[1:]] + [_END]
    return [
        Terms(allowance=scheme.allowance, quota=scheme.quota, held=(at_us, end))
        for (scheme, at_us), end in zip(found, ends, strict=True)
        if scheme.base == "pooled"
    ]


async def spans(tx: Reader, committee_id: int) -> dict[int, list[Span]]:
    """When each active member, no child, was in it, by id."""
    rows = await tx.all(
        """SELECT g.member_id, g.since_us, NULL FROM enrolments g JOIN members m ON m.id = g.member_id
           WHERE m.committee_id = ?1 AND m.active = 1 AND m.child = 0 AND g.what = ?2
           UNION ALL SELECT b.member_id, b.from_us, b.until_us
           FROM pooling_before b JOIN members m ON m.id = b.member_id
           WHERE m.committee_id = ?1 AND m.active = 1 AND m.child = 0 ORDER BY 1, 2 LIMIT ?3""",
        committee_id,
        schemes.POOLING,
        MEMBERS_MAX,
    )
    found: dict[int, list[Span]] = {}
    for member_id, from_us, until_us in rows:
        found.setdefault(member_id, []).append((from_us, _END if until_us is None else until_us))
    return found


async def done(tx: Reader, committee_id: int, held: Span) -> dict[int, Minutes]:
    """How much each member has worked for the fund in some time, by id; what was taken back does not count."""
    rows = await tx.all(
        """SELECT coalesce(b.into_id, a.member_id), sum(p.minutes) FROM transfers t
           JOIN pooled p ON p.transfer_id = t.id JOIN accounts a ON a.id = p.account_id
           LEFT JOIN absorbed b ON b.member_id = a.member_id
           WHERE t.committee_id = ? AND t.at_us >= ? AND t.at_us < ?
               AND NOT EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id)
           GROUP BY 1 ORDER BY 1 LIMIT ?""",
        committee_id,
        *held,
        MEMBERS_MAX,
    )
    return {member_id: Minutes(minutes) for member_id, minutes in rows}


async def holdings(tx: Reader, committee_id: int) -> dict[int, Holding]:
    """What holds for each member for whom anything was set or kept, by id."""
    rows = await tx.all(
        """SELECT p.member_id, p.relief, p.extra, p.leave FROM pooling p JOIN members m ON m.id = p.member_id
           WHERE m.committee_id = ? LIMIT ?""",
        committee_id,
        MEMBERS_MAX,
    )
    return {
        member_id: Holding(relief=relief, extra=Minutes(extra), leave=Minutes(leave))
        for member_id, relief, extra, leave in rows
    }


async def holding(tx: Reader, member: Member) -> Holding:
    """What holds for one member."""
    return (await holdings(tx, member.committee_id)).get(member.id, Holding())


async def relieve(tx: Transaction, member_id: int, *, relief: int, extra: Minutes) -> None:
    """From now on so much less of the work is theirs, and they get so much more."""
    await tx.execute(
        """INSERT INTO pooling (member_id, relief, extra) VALUES (?, ?, ?)
           ON CONFLICT (member_id) DO UPDATE SET relief = excluded.relief, extra = excluded.extra""",
        member_id,
        relief,
        extra,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a closed month was for one member. `due`: what they would have got; `quota` None: there was none."""

    member_id: int
    due: Minutes
    paid: Minutes
    done: Minutes
    quota: Minutes | None
    leave: Minutes
    """What they have from then on."""
    short: Minutes


async def keep(tx: Transaction, period: str, months: Sequence[Month]) -> None:
    """A month is closed, and each has so much leave from now on."""
    rows = json.dumps([[one.member_id, one.due, one.paid, one.done, one.quota, one.leave, one.short] for one in months])
    await tx.execute(
        """INSERT INTO pooling_months (member_id, period, due, paid, done, quota, leave, short)
           SELECT value ->> 0, ?2, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
           FROM json_each(?1)""",
        rows,
        period,
    )
    await tx.execute(
        """INSERT INTO pooling (member_id, leave) SELECT value ->> 0, value ->> 5 FROM json_each(?)
           WHERE true ON CONFLICT (member_id) DO UPDATE SET leave = excluded.leave""",
        rows,
    )


async def months(tx: Reader, committee_id: int, period: str, *, after: int, limit: int) -> list[Month]:
    """What a closed month was for active members, by id, after this one."""
    rows = await tx.all(
        """SELECT p.member_id, p.due, p.paid, p.done, p.quota, p.leave, p.short
           FROM members m JOIN pooling_months p ON p.member_id = m.id
           WHERE m.committee_id = ? AND p.period = ? AND m.active = 1 AND m.id > ? ORDER BY m.id LIMIT ?""",
        committee_id,
        period,
        after,
        limit,
    )
    return [
        Month(
            member_id=member_id,
            due=Minutes(due),
            paid=Minutes(paid),
            done=Minutes(done_),
            quota=None if quota is None else Minutes(quota),
            leave=Minutes(leave),
            short=Minutes(short),
        )
        for member_id, due, paid, done_, quota, leave, short in rows
    ]


async def accounts(tx: Reader, committee_id: int) -> dict[int, int]:
    """The own account of each active member, by the member's id."""
    rows = await tx.all(
        """SELECT m.id, a.id FROM members m JOIN accounts a ON a.member_id = m.id
           WHERE m.committee_id = ? AND m.active = 1 LIMIT ?""",
        committee_id,
        MEMBERS_MAX,
    )
    return dict(rows)


async def stop(tx: Transaction, member: Member, *, now: datetime) -> bool:
    """They do not pool any more; when they did is kept until that month is closed. False: they did not."""
    since = await enrolments.since(tx, member.id, schemes.POOLING)
    if since is None:
        return False
    await enrolments.leave(tx, member.id, schemes.POOLING)
    await tx.execute(
        """INSERT INTO pooling_before (member_id, from_us, until_us) VALUES (?, ?, ?)
           ON CONFLICT (member_id, from_us) DO UPDATE SET until_us = max(until_us, excluded.until_us)""",
        member.id,
        to_us(since),
        max(to_us(since), to_us(now)),
    )
    return True


async def closed(tx: Transaction, committee_id: int, held: Span) -> None:
    """A month is closed: when somebody had been in it who was not in it any more at its end need not be known."""
    own = "member_id IN (SELECT id FROM members WHERE committee_id = ?)"
    await tx.execute(f"DELETE FROM pooling_before WHERE until_us <= ? AND {own}", held[1], committee_id)


async def over(tx: Transaction, committee_id: int) -> None:
    """The committee does not pool any more: should it begin again, it takes everybody's yes anew."""
    await tx.execute(
        "DELETE FROM enrolments WHERE what = ? AND member_id IN (SELECT id FROM members WHERE committee_id = ?)",
        schemes.POOLING,
        committee_id,
    )


async def gone(tx: Transaction, member_id: int) -> None:
    """Somebody has left the committee: what held for them, and why that might be, is nobody's business any more."""
    await tx.execute("DELETE FROM pooling WHERE member_id = ?", member_id)
    await tx.execute("DELETE FROM pooling_before WHERE member_id = ?", member_id)
    await tx.execute("DELETE FROM pooling_months WHERE member_id = ?", member_id)


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: leave of both counts, relief and extra as it is better for them."""
    await tx.execute(
        """INSERT INTO pooling (member_id, relief, extra, leave)
           SELECT ?2, relief, extra, leave FROM pooling WHERE member_id = ?1
           ON CONFLICT (member_id) DO UPDATE SET relief = max(relief, excluded.relief),
               extra = max(extra, excluded.extra), leave = leave + excluded.leave""",
        old,
        into,
    )
    await tx.execute(
        """INSERT INTO pooling_before (member_id, from_us, until_us)
           SELECT ?2, from_us, until_us FROM pooling_before WHERE member_id = ?1
           ON CONFLICT (member_id, from_us) DO UPDATE SET until_us = max(until_us, excluded.until_us)""",
        old,
        into,
    )
    await tx.execute("UPDATE OR IGNORE pooling_months SET member_id = ? WHERE member_id = ?", into, old)
    await gone(tx, old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget what months were that are long over."""
    await tx.execute("DELETE FROM pooling_months WHERE period < ?", f"{now - retention.POOL:%Y-%m}")
