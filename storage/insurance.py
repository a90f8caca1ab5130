"""Who takes part in the mutual insurance, who cannot work, and what was given for whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

from bot.domain import ledger, retention
from bot.domain.insurance import Insured, Spell, Terms
from bot.text import Minutes
from storage import enrolments, limits, people, rules, transfers
from storage.database import Reader, Row, Transaction
from storage.instants import from_us
from storage.people import Committee

WHAT = "insurance"
"""What the agreement of those who take part is called."""
PAID_IN, PAID_OUT = "insurance in", "insurance out"
"""What the two transfers of a month's end are called: into the reserves, and out of them."""
MEMBERS_MAX = 100_000
_RULE = "insurance_terms"
_NAMES = "insurance_names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Somebody who takes part. `before`: their level until it was raised. `own`: what their own account can give."""

    member_id: int
    level: Minutes
    before: Minutes
    raised: date | None
    leaves: bool
    missed: int
    since: datetime
    active: bool
    forgotten: bool
    reserve: Minutes
    reserve_account: int | None
    account: int
    own: Minutes

    @property
    def insured(self) -> Insured:
        """As the rulebook sees them."""
        return Insured(id=self.member_id, level=self.level, reserve=self.reserve)


@dataclass(frozen=True, slots=True, kw_only=True)
class Illness:
    """A time in which somebody cannot work."""

    id: int
    member_id: int
    case_id: int
    level: Minutes
    spell: Spell
    named: bool
    """Those who give may hear the name."""


# --- what the committee has set ------------------------------------------------------------------------------------


async def terms(tx: Reader, committee_id: int) -> Terms:
    """What the committee has agreed."""
    return replace(Terms(), **(await rules.get(tx, committee_id, _RULE, {})))


async def set_terms(tx: Transaction, committee_id: int, agreed: Terms) -> None:
    """From now on this holds; for whoever cannot work already, waiting and longest time stay as they were."""
    await rules.put(tx, committee_id, _RULE, asdict(agreed))


async def may_be_named(tx: Reader, committee_id: int) -> bool:
    """Whether whoever cannot work may choose to be named to those who give."""
    return bool(await rules.get(tx, committee_id, _NAMES, True))


async def let_be_named(tx: Transaction, committee_id: int, may: bool) -> None:
    """Whether they may."""
    await rules.put(tx, committee_id, _NAMES, may)


# --- who takes part ------------------------------------------------------------------------------------------------

# Whoever left the committee is enrolled in nothing any more: their reserve comes back to them when the month ends.
_TAKING = """SELECT i.member_id, i.level, i.before, i.raised, i.leaves OR e.since_us IS NULL, i.missed,
        coalesce(e.since_us, m.joined_us), m.active,
        m.forgotten_us IS NOT NULL, coalesce(r.balance, 0), r.id, a.id, a.balance - a.held
    FROM insured i JOIN members m ON m.id = i.member_id
    LEFT JOIN enrolments e ON e.member_id = i.member_id AND e.what = 'insurance'
    JOIN accounts a ON a.member_id = i.member_id
    LEFT JOIN accounts r ON r.owner_id = i.member_id AND r.kind = 'reserve'"""


async def all_of(tx: Reader, committee_id: int) -> list[Taking]:
    """Who takes part, by id; also those who have left the committee since the last month's end."""
    rows = await tx.all(f"{_TAKING} WHERE m.committee_id = ? ORDER BY i.member_id LIMIT ?", committee_id, MEMBERS_MAX)
    return [_taking(row) for row in rows]


async def of(tx: Reader, member_id: int) -> Taking | None:
    """How somebody takes part; None: they do not."""
    row = await tx.one(f"{_TAKING} WHERE i.member_id = ?", member_id)
    return None if row is None else _taking(row)


def _taking(row: Row) -> Taking:
    member_id, level, before, raised, leaves, missed, since_us, active, forgotten, reserve, reserve_id, own_id, own = (
        row
    )
    return Taking(
        member_id=member_id,
        level=Minutes(level),
        before=Minutes(before),
        raised=None if raised is None else date.fromisoformat(raised),
        leaves=bool(leaves),
        missed=missed,
        since=from_us(since_us),
        active=bool(active),
        forgotten=bool(forgotten),
        reserve=Minutes(reserve),
        reserve_account=reserve_id,
        account=own_id,
        own=Minutes(own),
    )


async def rooms(tx: Reader, committee: Committee, taking: Iterable[Taking]) -> dict[int, int | None]:
    """What the own account of each can give down to its limit, by the member's id; None: there is no limit."""
    grows = await limits.growth(tx, committee.id) is not None
    found: dict[int, int | None] = {}
    for one in taking:
        floor = committee.floor
        if grows:
            floor = await limits.floor_of(tx, committee.id, floor, one.account)
        found[one.member_id] = None if floor is None else max(0, one.own - floor)
    return found


async def take_part(
    tx: Transaction, member: people.Member, level: Minutes, *, before: Minutes, raised: date | None, now: datetime
) -> None:
    """They take part with this level, and do not leave."""
    await enrolments.enrol(tx, member, WHAT, now=now)
    await tx.execute(
        """INSERT INTO insured (member_id, level, before, raised) VALUES (?, ?, ?, ?)
           ON CONFLICT (member_id) DO UPDATE SET level = excluded.level, before = excluded.before,
               raised = excluded.raised, leaves = 0""",
        member.id,
        level,
        before,
        None if raised is None else raised.isoformat(),
    )


async def leaves(tx: Transaction, member_id: int) -> None:
    """They go when the month ends."""
    await tx.execute("UPDATE insured SET leaves = 1 WHERE member_id = ?", member_id)


async def has_left(tx: Transaction, member_id: int, *, on: date) -> None:
    """They take part no more."""
    await tx.execute("DELETE FROM insured WHERE member_id = ?", member_id)
    await enrolments.leave(tx, member_id, WHAT)
    await tx.execute(
        "UPDATE illnesses SET ended = max(began, ?) WHERE member_id = ? AND ended IS NULL", on.isoformat(), member_id
    )


async def missed(tx: Transaction, put_in: Iterable[int], passed_over: Iterable[int]) -> None:
    """Who has put in something this month, and who could not, by the members' ids."""
    await tx.execute(
        "UPDATE insured SET missed = 0 WHERE missed > 0 AND member_id IN (SELECT value FROM json_each(?))",
        json.dumps([*put_in]),
    )
    await tx.execute(
        "UPDATE insured SET missed = missed + 1 WHERE member_id IN (SELECT value FROM json_each(?))",
        json.dumps([*passed_over]),
    )


# --- who cannot work -----------------------------------------------------------------------------------------------

_ILLNESS = """SELECT l.id, l.member_id, coalesce(l.case_id, l.id), l.level, l.began, l.ended, l.before, l.wait_months,
        l.longest_months, l.named FROM illnesses l"""


def _illness(row: Row) -> Illness:
    id_, member_id, case_id, level, began, ended, before, wait, longest, named = row
    return Illness(
        id=id_,
        member_id=member_id,
        case_id=case_id,
        level=Minutes(level),
        spell=Spell(
            began=date.fromisoformat(began),
            ended=None if ended is None else date.fromisoformat(ended),
            before=before,
            wait_months=wait,
            longest_months=longest,
        ),
        named=bool(named),
    )


async def last_illness(tx: Reader, member_id: int) -> Illness | None:
    """The time in which somebody cannot work, else the newest in which they could not."""
    row = await tx.one(f"{_ILLNESS} WHERE l.member_id = ? ORDER BY l.ended IS NULL DESC, l.id DESC LIMIT 1", member_id)
    return None if row is None else _illness(row)


async def illnesses(tx: Reader, committee_id: int, *, since: date) -> list[Illness]:
    """All times that were not over on a day, by who cannot work, oldest first."""
    rows = await tx.all(
        f"""{_ILLNESS} JOIN members m ON m.id = l.member_id
            WHERE m.committee_id = ? AND (l.ended IS NULL OR l.ended > ?) ORDER BY l.member_id, l.id LIMIT ?""",
        committee_id,
        since.isoformat(),
        MEMBERS_MAX,
    )
    return [_illness(row) for row in rows]


async def fell_ill(
    tx: Transaction, member_id: int, spell: Spell, *, level: Minutes, case_id: int | None, named: bool
) -> None:
    """From that day on they cannot work. `case_id`: it goes on with this case."""
    await tx.execute(
        """INSERT INTO illnesses (member_id, case_id, level, began, before, wait_months, longest_months, named)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        member_id,
        case_id,
        level,
        spell.began.isoformat(),
        spell.before,
        spell.wait_months,
        spell.longest_months,
        named,
    )


async def is_well(tx: Transaction, illness: Illness, *, on: date) -> None:
    """From that day on they can work again."""
    await tx.execute("UPDATE illnesses SET ended = max(began, ?) WHERE id = ?", on.isoformat(), illness.id)


# --- what was given ------------------------------------------------------------------------------------------------


async def gave(tx: Transaction, case_id: int, period: str, by: Mapping[int, int]) -> None:
    """What each gave for a case in a month. Nobody gives for one twice: the table refuses it."""
    await tx.execute(
        """INSERT INTO insurance_gifts (case_id, period, member_id, minutes)
           SELECT ?, ?, value ->> 0, value ->> 1 FROM json_each(?)""",
        case_id,
        period,
        json.dumps([*by.items()]),
    )


async def given_by(tx: Reader, member_id: int) -> tuple[str, Minutes] | None:
    """What somebody gave in the newest month in which they did, for all cases; None: they never did."""
    row = await tx.one(
        """SELECT period, sum(minutes) FROM insurance_gifts WHERE member_id = ?
           GROUP BY period ORDER BY period DESC LIMIT 1""",
        member_id,
    )
    return None if row is None else (str(row[0]), Minutes(row[1]))


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Let go of cases that have been over for long, and of who gave for them: the hours stay in the books."""
    day = (now - retention.ILLNESS).date().isoformat()
    old = """SELECT c.id FROM illnesses c WHERE c.case_id IS NULL AND c.ended < ?1
             AND NOT EXISTS (SELECT 1 FROM illnesses s WHERE s.case_id = c.id AND (s.ended IS NULL OR s.ended >= ?1))"""
    for (id_,) in await tx.all(f"{old} ORDER BY c.id LIMIT 1000", day):
        await tx.execute("DELETE FROM insurance_gifts WHERE case_id = ?", id_)
        await tx.execute("DELETE FROM illnesses WHERE case_id = ?", id_)
        await tx.execute("DELETE FROM illnesses WHERE id = ?", id_)


async def recorder(tx: Reader, committee_id: int) -> people.Member:
    """Under whose name the books have what is done for all: whoever is there longest. It says nothing about them."""
    id_ = await tx.value(
        "SELECT id FROM members WHERE committee_id = ? AND child = 0 ORDER BY active DESC, id LIMIT 1", committee_id
    )
    found = await people.member(tx, committee_id, id_)
    assert found is not None
    return found


# --- two memberships that become one ---------------------------------------------------------------------------------


async def join(tx: Transaction, old: int, into: int, *, now: datetime) -> None:
    """The higher level stays, both reserves come together, and whoever could not work still cannot."""
    await tx.execute(
        """INSERT INTO insured (member_id, level, before, raised, leaves, missed)
           SELECT ?2, level, before, raised, leaves, missed FROM insured WHERE member_id = ?1
           ON CONFLICT (member_id) DO UPDATE SET level = max(insured.level, excluded.level),
               before = max(insured.before, excluded.before), leaves = min(insured.leaves, excluded.leaves),
               missed = min(insured.missed, excluded.missed)""",
        old,
        into,
    )
    await tx.execute("DELETE FROM insured WHERE member_id = ?", old)
    await tx.execute(
        """UPDATE illnesses SET ended = began WHERE member_id = ?1 AND ended IS NULL
           AND EXISTS (SELECT 1 FROM illnesses o WHERE o.member_id = ?2 AND o.ended IS NULL)""",
        old,
        into,
    )
    await tx.execute("UPDATE illnesses SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute(
        """INSERT INTO insurance_gifts (case_id, period, member_id, minutes)
           SELECT case_id, period, ?2, minutes FROM insurance_gifts WHERE member_id = ?1
           ON CONFLICT (case_id, period, member_id)
           DO UPDATE SET minutes = insurance_gifts.minutes + excluded.minutes""",
        old,
        into,
    )
    await tx.execute("DELETE FROM insurance_gifts WHERE member_id = ?", old)
    if not await tx.value("SELECT count(*) FROM accounts WHERE owner_id = ? AND kind = 'reserve'", old):
        return
    if not await tx.value("SELECT count(*) FROM accounts WHERE owner_id = ? AND kind = 'reserve'", into):
        await tx.execute("UPDATE accounts SET owner_id = ? WHERE owner_id = ? AND kind = 'reserve'", into, old)
        return
    committee = await people.committee(tx, await tx.value("SELECT committee_id FROM members WHERE id = ?", into))
    one = await people.member(tx, committee.id, old)
    other = await people.member(tx, committee.id, into)
    assert one is not None
    assert other is not None
    carried = ledger.carry(
        await transfers.beside(tx, committee, "reserve", owner=one),
        await transfers.beside(tx, committee, "reserve", owner=other),
        at=now,
    )
    if carried is not None:
        # Once, and nobody takes it back: the other membership is no more.
        await transfers.record(
            tx, committee, carried, recorder=other, carried=True, closes=("reserve", f"membership {old}")
        )
