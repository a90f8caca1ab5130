"""The income pool: who takes part, and what each put in and got in a month."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from bot.domain import ledger, retention
from bot.domain import pool as rule
from bot.domain.pool import Agreed, Household
from bot.text import Amount, Minutes
from storage import enrolments, rules, transfers
from storage.database import Reader, Transaction
from storage.people import Committee

WHAT = "income pool"
"""What the agreement of those who take part is called."""
CARING = "income pool: care"
"""What it is called that somebody at home is ill or needs care."""
PAID_IN, PAID_OUT = "pool in", "pool out"
"""What the two transfers of a month's end are called."""
_RULE = "income_pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What somebody put in for a month. `got_minutes`, `got_money`: their share; None: it is not shared out yet."""

    minutes: Minutes = Minutes(0)
    money: Amount = Amount(0)
    got_minutes: Minutes | None = None
    got_money: Amount | None = None


async def agreed(tx: Reader, committee_id: int) -> Agreed:
    """By what it is shared out."""
    return replace(Agreed(), **(await rules.get(tx, committee_id, _RULE, {})))


async def agree(tx: Transaction, committee_id: int, to: Agreed) -> None:
    """From the next month's end on it is shared out so."""
    await rules.put(tx, committee_id, _RULE, asdict(to))


async def households(tx: Reader, committee_id: int) -> tuple[Household, ...]:
    """The households that take part."""
    taking = await enrolments.members(tx, committee_id, WHAT)
    caring = await enrolments.members(tx, committee_id, CARING)
    rows = await tx.all(
        """SELECT id, household_id, child FROM members
           WHERE committee_id = ? AND active = 1 AND (household_id IS NOT NULL OR child = 0) ORDER BY id LIMIT ?""",
        committee_id,
        enrolments.MEMBERS_MAX,
    )
    children: dict[int, int] = {}
    for _, home, child in rows:
        if child and home is not None:
            children[home] = children.get(home, 0) + 1
    return rule.homes({id_: home for id_, home, child in rows if not child and id_ in taking}, children, caring)


async def put(tx: Transaction, member_id: int, period: str, *, minutes: Minutes | None, money: Amount | None) -> None:
    """This is what they put in for the month; None: as they said before."""
    await tx.execute(
        """INSERT INTO pool_parts (member_id, period, minutes, money) VALUES (?1, ?2, coalesce(?3, 0), coalesce(?4, 0))
           ON CONFLICT (member_id, period) DO UPDATE
           SET minutes = coalesce(?3, pool_parts.minutes), money = coalesce(?4, pool_parts.money)""",
        member_id,
        period,
        minutes,
        money,
    )


async def part_of(tx: Reader, member_id: int, period: str) -> Part:
    """What somebody put in for a month, and got."""
    row = await tx.one(
        "SELECT minutes, money, got_minutes, got_money FROM pool_parts WHERE member_id = ? AND period = ?",
        member_id,
        period,
    )
    return Part() if row is None else _part(*row)


def _part(minutes: int, money: int, got_minutes: int | None, got_money: int | None) -> Part:
    return Part(
        minutes=Minutes(minutes),
        money=Amount(money),
        got_minutes=None if got_minutes is None else Minutes(got_minutes),
        got_money=None if got_money is None else Amount(got_money),
    )


async def last_shared(tx: Reader, member_id: int) -> Part | None:
    """What somebody put in and got in the newest month that was shared out with them; None: there was none."""
    row = await tx.one(
        """SELECT minutes, money, got_minutes, got_money FROM pool_parts
           WHERE member_id = ? AND got_minutes IS NOT NULL ORDER BY period DESC LIMIT 1""",
        member_id,
    )
    return None if row is None else _part(*row)


async def of_month(tx: Reader, committee_id: int, period: str) -> dict[int, Part]:
    """What each who takes part has put in for a month, by the member's id; of the others it does not count."""
    rows = await tx.all(
        """SELECT p.member_id, p.minutes, p.money, p.got_minutes, p.got_money FROM pool_parts p
           JOIN members m ON m.id = p.member_id JOIN enrolments e ON e.member_id = m.id AND e.what = ?
           WHERE m.committee_id = ? AND m.active = 1 AND p.period = ? ORDER BY p.member_id LIMIT ?""",
        WHAT,
        committee_id,
        period,
        enrolments.MEMBERS_MAX,
    )
    return {member_id: _part(*rest) for member_id, *rest in rows}


async def shared(
    tx: Transaction, period: str, put_in: Mapping[int, Part], got: Mapping[int, tuple[Minutes, Amount]]
) -> None:
    """The month is shared out. `put_in`: what counted; `got`: the share of each who takes part."""
    for member_id, (minutes, money) in got.items():
        part = put_in.get(member_id, Part())
        await tx.execute(
            """INSERT OR REPLACE INTO pool_parts (member_id, period, minutes, money, got_minutes, got_money)
               VALUES (?, ?, ?, ?, ?, ?)""",
            member_id,
            period,
            part.minutes,
            part.money,
            minutes,
            money,
        )


async def take_back(tx: Transaction, member_id: int, period: str) -> None:
    """They put in nothing for that month."""
    await tx.execute(
        "DELETE FROM pool_parts WHERE member_id = ? AND period = ? AND got_minutes IS NULL", member_id, period
    )


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Let go of what was put in and shared out long ago: the hours stay in the books."""
    await tx.execute("DELETE FROM pool_parts WHERE period < ?", f"{now - retention.POOL:%Y-%m}")


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what either put in and got counts together."""
    await tx.execute(
        """INSERT INTO pool_parts (member_id, period, minutes, money, got_minutes, got_money)
           SELECT ?2, period, minutes, money, got_minutes, got_money FROM pool_parts WHERE member_id = ?1
           ON CONFLICT (member_id, period) DO UPDATE SET minutes = pool_parts.minutes + excluded.minutes,
               money = pool_parts.money + excluded.money,
               got_minutes = coalesce(pool_parts.got_minutes + excluded.got_minutes, excluded.got_minutes,
                                      pool_parts.got_minutes),
               got_money = coalesce(pool_parts.got_money + excluded.got_money, excluded.got_money,
                                    pool_parts.got_money)""",
        old,
        into,
    )
    await tx.execute("DELETE FROM pool_parts WHERE member_id = ?", old)


async def accounts(tx: Reader, committee: Committee, member_ids: Iterable[int]) -> dict[int, ledger.Account]:
    """The own accounts of members, by the member's id."""
    rows = await tx.all(
        "SELECT member_id, id FROM accounts WHERE member_id IN (SELECT value FROM json_each(?)) LIMIT ?",
        json.dumps(sorted(member_ids)),
        enrolments.MEMBERS_MAX,
    )
    found = {account.id: account for account in await transfers.accounts_by_id(tx, committee, [id_ for _, id_ in rows])}
    return {member_id: found[id_] for member_id, id_ in rows}
