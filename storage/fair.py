"""How evenly the work was shared in a week, seats lent to tasks so that somebody learns them, and who learns them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from bot.domain import fairness, retention
from bot.domain.fairness import Figures
from bot.domain.shifts import CREW_MAX
from storage import shifts
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Member
from storage.shifts import RotaTask

ASKED_AGAIN = timedelta(weeks=12)
"""So long nobody is asked again to learn the same task."""
LEARNT_AFTER = 2
"""After so many shifts beside somebody they can do what needs no skill."""
_ROWS_MAX = 20_000
_WEEKS_KEPT = timedelta(days=366)

Said = Literal["asked", "yes", "no", "over"]
_SAID: tuple[Said, ...] = ("asked", "yes", "no", "over")


# --- how evenly ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """How evenly the work was shared, as the group may hear it. `first`: the Monday of that week."""

    first: date
    burden: Figures
    power: Figures


async def week(tx: Reader, committee_id: int, first: date) -> Week | None:
    """The figures of one week; None: there are none."""
    row = await tx.one(
        """SELECT burden_least, burden_most, power_least, power_most FROM fair_weeks
           WHERE committee_id = ? AND week = ?""",
        committee_id,
        first.isoformat(),
    )
    if row is None:
        return None
    return Week(first=first, burden=Figures(least=row[0], most=row[1]), power=Figures(least=row[2], most=row[3]))


async def keep_week(tx: Transaction, committee_id: int, week_: Week) -> None:
    """These are the figures of that week: they stay, whatever changes in it."""
    await tx.execute(
        """INSERT INTO fair_weeks (committee_id, week, burden_least, burden_most, power_least, power_most)
           VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
        committee_id,
        week_.first.isoformat(),
        week_.burden.least,
        week_.burden.most,
        week_.power.least,
        week_.power.most,
    )


async def organizing_done(tx: Reader, committee_id: int, since: datetime) -> dict[str, int]:
    """Minutes of shifts that were done since an instant and empowered much, by members' ids as text."""
    rows = await tx.all(
        f"""SELECT a.member_id, sum(a.minutes) FROM assignments a JOIN seats e ON e.id = a.seat_id
           JOIN shifts s ON s.id = e.shift_id JOIN rota_tasks k ON k.id = s.task_id
           WHERE k.committee_id = ? AND {shifts.DONE} AND a.empowerment >= ? AND s.start_us >= ?
           GROUP BY a.member_id LIMIT ?""",
        committee_id,
        fairness.EMPOWERING,
        to_us(since),
        _ROWS_MAX,
    )
    return {str(member_id): minutes for member_id, minutes in rows}


async def doers(tx: Reader, committee_id: int, since: datetime) -> dict[str, dict[str, int]]:
    """How often who has done which task since an instant, ids as text.

    Whoever learns it is not among them before they have been beside somebody `LEARNT_AFTER` times.
    """
    rows = await tx.all(
        f"""SELECT s.task_id, a.member_id, count(*) FROM assignments a JOIN seats e ON e.id = a.seat_id
           JOIN shifts s ON s.id = e.shift_id JOIN rota_tasks k ON k.id = s.task_id
           WHERE k.committee_id = ? AND {shifts.DONE} AND s.start_us >= ?
           GROUP BY s.task_id, a.member_id HAVING sum(1 - e.trainee) > 0 OR sum(e.trainee) >= ? LIMIT ?""",
        committee_id,
        to_us(since),
        LEARNT_AFTER,
        _ROWS_MAX,
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for task_id, member_id, often in rows:
        found[str(task_id)][str(member_id)] = often
    return dict(found)


# --- seats to learn it -----------------------------------------------------------------------------------------------


async def lend(tx: Transaction, task_: RotaTask, *, now: datetime) -> bool:
    """Its shifts ahead have a seat to learn it, for a while. False: they have one already."""
    if task_.trainee:
        return False
    await tx.execute("UPDATE rota_tasks SET trainee = 1, lent_us = ? WHERE id = ?", to_us(now), task_.id)
    await shifts.make_shifts(tx, replace(task_, trainee=True), now=now)
    return True


async def end_lending(tx: Transaction, task_: RotaTask, *, now: datetime) -> None:
    """No more seats to learn it but those that somebody has."""
    await tx.execute("UPDATE rota_tasks SET trainee = 0, lent_us = NULL WHERE id = ?", task_.id)
    await shifts.make_shifts(tx, replace(task_, trainee=False), now=now)


async def lent(tx: Reader, committee_id: int) -> dict[int, datetime]:
    """Tasks that have a seat to learn them for a while, and since when."""
    rows = await tx.all(
        "SELECT id, lent_us FROM rota_tasks WHERE committee_id = ? AND listed = 1 AND lent_us IS NOT NULL LIMIT ?",
        committee_id,
        shifts.TASKS_MAX,
    )
    return {id_: from_us(lent_us) for id_, lent_us in rows}


# --- who learns it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Understudy:
    """Somebody who was asked to learn a task beside somebody. Ids are those of members."""

    id: int
    task_id: int
    beside_id: int
    member_id: int
    said: Said
    at: datetime


_UNDERSTUDY = "u.id, u.task_id, u.beside_id, u.member_id, u.state, u.at_us"


def _understudy(row: Row) -> Understudy:
    id_, task_id, beside_id, member_id, said, at_us = row
    return Understudy(
        id=id_,
        task_id=task_id,
        beside_id=beside_id,
        member_id=member_id,
        said=next(one for one in _SAID if one == said),
        at=from_us(at_us),
    )


async def understudies(tx: Reader, committee_id: int, *, since: datetime) -> list[Understudy]:
    """All who were asked since an instant, first asked first."""
    rows = await tx.all(
        f"""SELECT {_UNDERSTUDY} FROM understudies u JOIN rota_tasks k ON k.id = u.task_id
            WHERE k.committee_id = ? AND u.at_us >= ? ORDER BY u.id LIMIT ?""",
        committee_id,
        to_us(since),
        _ROWS_MAX,
    )
    return [_understudy(row) for row in rows]


async def understudy(tx: Reader, committee_id: int, id_: int) -> Understudy | None:
    """One of them."""
    row = await tx.one(
        f"""SELECT {_UNDERSTUDY} FROM understudies u JOIN rota_tasks k ON k.id = u.task_id
            WHERE k.committee_id = ? AND u.id = ?""",
        committee_id,
        id_,
    )
    return _understudy(row) if row else None


async def ask(tx: Transaction, task_: RotaTask, *, beside_id: int, member_id: int, now: datetime) -> int:
    """Somebody is asked to learn a task beside somebody. Its number."""
    return int(
        await tx.value(
            """INSERT INTO understudies (task_id, beside_id, member_id, state, at_us) VALUES (?, ?, ?, 'asked', ?)
               RETURNING id""",
            task_.id,
            beside_id,
            member_id,
            to_us(now),
        )
    )


async def say(tx: Transaction, id_: int, said: Said, *, was: Said = "asked") -> bool:
    """What became of it. False: it is settled otherwise already."""
    turned = await tx.all("UPDATE understudies SET state = ? WHERE id = ? AND state = ? RETURNING 1", said, id_, was)
    return bool(turned)


async def times_beside(tx: Reader, one: Understudy) -> int:
    """On how many shifts they have been, since they said yes, to learn it."""
    return int(
        await tx.value(
            """SELECT count(*) FROM assignments a JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
               WHERE s.task_id = ? AND a.member_id = ? AND e.trainee = 1 AND a.state IN ('done', 'problem')
               AND s.end_us >= ?""",
            one.task_id,
            one.member_id,
            to_us(one.at),
        )
    )


async def seats_beside(tx: Reader, task_: RotaTask, member: Member, *, now: datetime) -> list[shifts.Shift]:
    """The shifts ahead of a task with a free seat to learn it, and on which the member has none; earliest first."""
    rows = await shifts.within(tx, task_.committee_id, now, now + timedelta(weeks=8))
    return [
        one
        for one in rows
        if one.task.id == task_.id and one.at > now and one.open(trainee=True) and one.of(member.id) is None
    ][:CREW_MAX]


# --- people come and go ----------------------------------------------------------------------------------------------


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: nobody learns beside themselves."""
    for column in ("member_id", "beside_id"):
        await tx.execute(f"UPDATE understudies SET {column} = ? WHERE {column} = ?", into, old)
    await tx.execute("DELETE FROM understudies WHERE member_id = beside_id")


async def forget(tx: Transaction, member_id: int) -> None:
    """Nothing of this is kept any more."""
    await tx.execute("DELETE FROM understudies WHERE member_id = ?1 OR beside_id = ?1", member_id)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who was asked a while ago, and figures of a year ago."""
    await tx.execute("DELETE FROM understudies WHERE at_us < ?", to_us(now - retention.UNDERSTUDIES))
    await tx.execute("DELETE FROM fair_weeks WHERE week < ?", (now - _WEEKS_KEPT).date().isoformat())
