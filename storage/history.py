"""Work of before the bot counted it: tables that were sent, what of them counts, and all that was done as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from bot.domain import chain, retention
from bot.domain.grammar import folded
from bot.domain.history import ROWS_MAX, Row, Work
from bot.domain.recurrence import instant
from bot.text import Minutes
from storage import notes
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

State = Literal["read", "counted"]
WAITS = timedelta(days=30)
"""So long a table that nobody has said yes to is kept."""
TABLES_MAX = 10
"""So many that count are listed."""
WAITING_MAX = 5
"""So many that do not count yet are kept in a committee; then the oldest go."""
_LISTED_MAX = 20_000
_AT_ONCE_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A table as it was sent. `minutes`: by member id, what it says they did."""

    id: int
    by: str
    at: datetime
    state: State
    rows: int
    minutes: dict[int, Minutes]

    @property
    def total(self) -> Minutes:
        """All that it says was done."""
        return Minutes(sum(self.minutes.values()))


async def keep(tx: Transaction, committee: Committee, works: Sequence[Work], *, by: Member, now: datetime) -> Sent:
    """Keep a table that was read; nothing of it counts yet."""
    id_ = int(
        await tx.value(
            "INSERT INTO history_tables (committee_id, member_id, at_us, state) VALUES (?, ?, ?, 'read') RETURNING id",
            committee.id,
            by.id,
            to_us(now),
        )
    )
    tasks: dict[str, int] = {}
    for one in works:
        if one.task not in tasks:
            tasks[one.task] = int(await tx.value("INSERT INTO history_tasks (table_id) VALUES (?) RETURNING id", id_))
            await notes.keep(tx, f"history_task:{tasks[one.task]}", one.task)
        await tx.execute(
            """INSERT INTO history_works (table_id, task_id, member_id, day, at_us, minutes, onerousness, empowerment)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            id_,
            tasks[one.task],
            one.member_id,
            one.day.isoformat(),
            to_us(instant(datetime.combine(one.day, time(12)), committee.zone)),
            one.minutes,
            one.onerousness,
            one.empowerment,
        )
    for old in (await tables(tx, committee.id, "read"))[WAITING_MAX:]:
        await drop(tx, old.id)
    found = await sent(tx, committee.id, id_)
    assert found is not None
    return found


async def sent(tx: Reader, committee_id: int, id_: int) -> Sent | None:
    """One of the committee's tables; None: there is none (any more)."""
    row = await tx.one(
        """SELECT t.id, m.called, t.at_us, t.state FROM history_tables t JOIN members m ON m.id = t.member_id
           WHERE t.committee_id = ? AND t.id = ?""",
        committee_id,
        id_,
    )
    if row is None:
        return None
    sums = await tx.all(
        """SELECT member_id, sum(minutes), count(*) FROM history_works WHERE table_id = ?
           GROUP BY member_id ORDER BY member_id LIMIT ?""",
        id_,
        ROWS_MAX,
    )
    return Sent(
        id=row[0],
        by=str(row[1]),
        at=from_us(row[2]),
        state="counted" if row[3] == "counted" else "read",
        rows=sum(count for _, _, count in sums),
        minutes={member_id: Minutes(minutes) for member_id, minutes, _ in sums},
    )


async def tables(tx: Reader, committee_id: int, state: State) -> list[Sent]:
    """The tables that count, or do not count yet, newest first."""
    rows = await tx.all(
        "SELECT id FROM history_tables WHERE committee_id = ? AND state = ? ORDER BY id DESC LIMIT ?",
        committee_id,
        state,
        TABLES_MAX,
    )
    return [one for (id_,) in rows if (one := await sent(tx, committee_id, id_)) is not None]


async def there(tx: Reader, committee: Committee) -> Counter[tuple[int, date, str, int]]:
    """How often the same work counts already: from tables, and from shifts that were done here."""
    found: Counter[tuple[int, date, str, int]] = Counter()
    for member_id, day, task, minutes in await _all(tx, committee, limit=_LISTED_MAX):
        found[member_id, day, folded(task), minutes] += 1
    return found


async def _all(tx: Reader, committee: Committee, *, limit: int) -> list[tuple[int, date, str, int]]:
    rows = await tx.all(f"SELECT member_id, day, task, minutes FROM ({_DONE}) LIMIT ?2", committee.id, limit)
    return [(member_id, date.fromisoformat(day[:10]), task or "", minutes) for member_id, day, task, minutes in rows]


_DONE = """SELECT a.member_id AS member_id, s.local AS day, n.text AS task, a.minutes AS minutes,
        a.onerousness AS onerousness, a.empowerment AS empowerment, s.start_us AS at_us
    FROM assignments a JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
    JOIN rota_tasks k ON k.id = s.task_id LEFT JOIN notes n ON n.thing = 'rota_task:' || k.id
    WHERE k.committee_id = ?1 AND a.state IN ('done', 'problem')
    UNION ALL SELECT w.member_id, w.day, n.text, w.minutes, w.onerousness, w.empowerment, w.at_us
    FROM history_works w JOIN history_tables t ON t.id = w.table_id
    LEFT JOIN notes n ON n.thing = 'history_task:' || w.task_id
    WHERE t.committee_id = ?1 AND t.state = 'counted'"""
"""All work that counts."""


async def count(tx: Transaction, committee: Committee, table: Sent) -> tuple[Sent | None, list[str]]:
    """From now on it counts, but for what meanwhile counts already.

    Returns it as it counts (None: all of it counted already, and it is gone), and the salted hashes of its tasks'
    names for the chain.
    """
    left = await there(tx, committee)
    rows = await tx.all(
        """SELECT w.id, w.member_id, w.day, n.text, w.minutes FROM history_works w
           LEFT JOIN notes n ON n.thing = 'history_task:' || w.task_id WHERE w.table_id = ? ORDER BY w.id LIMIT ?""",
        table.id,
        ROWS_MAX,
    )
    new = 0
    for id_, member_id, day, task, minutes in rows:
        key = (member_id, date.fromisoformat(day), folded(task or ""), minutes)
        if left[key] > 0:
            left[key] -= 1
            await tx.execute("DELETE FROM history_works WHERE id = ?", id_)
        else:
            new += 1
    if not new:
        await drop(tx, table.id)
        return None, []
    await tx.execute("UPDATE history_tables SET state = 'counted' WHERE id = ?", table.id)
    await _drop_unused(tx, table.id)
    words = await tx.all(
        """SELECT n.text, n.salt FROM history_tasks k JOIN notes n ON n.thing = 'history_task:' || k.id
           WHERE k.table_id = ? AND n.text IS NOT NULL ORDER BY k.id LIMIT ?""",
        table.id,
        ROWS_MAX,
    )
    found = await sent(tx, committee.id, table.id)
    return found, [chain.veil(text, salt=salt) for text, salt in words]


async def drop(tx: Transaction, id_: int) -> None:
    """A table goes as a whole, with its words: nothing of it counts any more."""
    await tx.execute("DELETE FROM history_works WHERE table_id = ?", id_)
    await _drop_unused(tx, id_)
    await tx.execute("DELETE FROM history_tables WHERE id = ?", id_)


async def _drop_unused(tx: Transaction, table_id: int) -> None:
    """Tasks of which a table has no row (any more)."""
    rows = await tx.all(
        """SELECT id FROM history_tasks WHERE table_id = ?
           AND id NOT IN (SELECT task_id FROM history_works WHERE table_id = ?1) LIMIT ?""",
        table_id,
        ROWS_MAX,
    )
    for (id_,) in rows:
        await notes.erase(tx, f"history_task:{id_}")
        await tx.execute("DELETE FROM notes WHERE thing = ?", f"history_task:{id_}")
        await tx.execute("DELETE FROM history_tasks WHERE id = ?", id_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """One piece of work of before, as it is noted for a member."""

    day: date
    task: str | None
    minutes: Minutes


async def of_member(tx: Reader, member: Member, *, limit: int) -> tuple[list[Own], int, Minutes]:
    """What counts for a member out of tables, newest first and at most `limit`; how many there are, and the sum."""
    counts = (
        "FROM history_works w JOIN history_tables t ON t.id = w.table_id WHERE w.member_id = ? AND t.state = 'counted'"
    )
    rows = await tx.all(
        f"""SELECT w.day, (SELECT text FROM notes WHERE thing = 'history_task:' || w.task_id), w.minutes {counts}
            ORDER BY w.day DESC, w.id LIMIT ?""",
        member.id,
        limit,
    )
    total = await tx.one(f"SELECT count(*), coalesce(sum(w.minutes), 0) {counts}", member.id)
    assert total is not None
    own = [Own(day=date.fromisoformat(day), task=task, minutes=Minutes(minutes)) for day, task, minutes in rows]
    return own, int(total[0]), Minutes(total[1])


async def done(tx: Reader, committee: Committee, *, limit: int) -> tuple[list[Row], int]:
    """All work that counts, as rows of a table: the newest `limit`, oldest first; and how many there are in all."""
    count_ = int(await tx.value(f"SELECT count(*) FROM ({_DONE})", committee.id))
    rows = await tx.all(
        f"""SELECT d.day, d.task, m.called, d.minutes, d.onerousness, d.empowerment FROM ({_DONE}) d
            JOIN members m ON m.id = d.member_id ORDER BY d.at_us DESC, m.called, d.minutes LIMIT ?2""",
        committee.id,
        limit,
    )
    found = [
        Row(
            line=0,
            day=date.fromisoformat(day[:10]),
            task=task or "?",
            who=name,
            minutes=minutes,
            onerousness=hard,
            empowerment=power,
        )
        for day, task, name, minutes, hard, power in reversed(rows)
    ]
    return found, count_


# --- people come and go ------------------------------------------------------------------------------------------


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what was noted for both is that one's."""
    await tx.execute("UPDATE history_works SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE history_tables SET member_id = ? WHERE member_id = ?", into, old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget what counts nowhere any more, and tables to which nobody said yes."""
    before = to_us(now - retention.SHIFTS)
    old = await tx.all(
        "SELECT DISTINCT table_id FROM history_works WHERE at_us < ? ORDER BY table_id LIMIT ?", before, _AT_ONCE_MAX
    )
    for (id_,) in old:
        await tx.execute("DELETE FROM history_works WHERE table_id = ? AND at_us < ?", id_, before)
        await _drop_unused(tx, id_)
    gone = await tx.all(
        """SELECT id FROM history_tables WHERE (state = 'read' AND at_us < ?)
           OR id NOT IN (SELECT table_id FROM history_works) ORDER BY id LIMIT ?""",
        to_us(now - WAITS),
        _AT_ONCE_MAX,
    )
    for (id_,) in gone:
        await drop(tx, id_)
