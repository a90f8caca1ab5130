"""Roles that go round: which they are, the draws that were announced, and who has had which term."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bot.domain import rounds as rule
from bot.domain.chain import Entry
from bot.domain.offices import Stretch
from bot.domain.rounds import How, Stint
from storage import entries, shifts
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee
from storage.shifts import RotaTask

ROUNDS_MAX = 40
_ROWS_MAX = 20_000
DRAWS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A role that goes round: `task` is set where it is a task of the rota, else `role`.

    `stretch`: how long a term is; `first`: the day from which the terms of a task are counted; `most`: so many terms in
    a row; `pause`: so many terms off after that.
    """

    id: int
    committee_id: int
    task: RotaTask | None
    role: str | None
    how: How
    stretch: Stretch
    first: date
    most: int
    pause: int
    listed: bool

    def turn_on(self, day: date) -> int:
        """The number of the term in which a day is (by the wall)."""
        return rule.turn_of(day, first=self.first, stretch=self.stretch)

    def days_of(self, turn: int) -> tuple[date, date]:
        """The first and the last day of a term."""
        begins, following = (rule.begin_of(one, first=self.first, stretch=self.stretch) for one in (turn, turn + 1))
        return begins, following - timedelta(days=1)


_ROUND = "r.id, r.committee_id, r.task_id, r.role, r.how, r.count, r.unit, r.first, r.most, r.pause, r.listed"


async def _round(tx: Reader, row: Row) -> Round:
    id_, committee_id, task_id, role, how, count, unit, first, most, pause, listed = row
    return Round(
        id=id_,
        committee_id=committee_id,
        task=None if task_id is None else await shifts.task(tx, committee_id, task_id),
        role=role,
        how=how,
        stretch=Stretch(count=count, unit=unit),
        first=date.fromisoformat(first),
        most=most,
        pause=pause,
        listed=bool(listed),
    )


async def of_committee(tx: Reader, committee_id: int) -> list[Round]:
    """The roles that go round, in the order in which that was decided; a task that has ended does not go round."""
    rows = await tx.all(
        f"""SELECT {_ROUND} FROM rounds r LEFT JOIN rota_tasks k ON k.id = r.task_id
            WHERE r.committee_id = ? AND r.listed = 1 AND coalesce(k.listed, 1) = 1 ORDER BY r.id LIMIT ?""",
        committee_id,
        ROUNDS_MAX,
    )
    return [await _round(tx, row) for row in rows]


async def get(tx: Reader, committee_id: int, id_: int) -> Round | None:
    """One of them, also one that goes round no more."""
    row = await tx.one(f"SELECT {_ROUND} FROM rounds r WHERE r.committee_id = ? AND r.id = ?", committee_id, id_)
    return await _round(tx, row) if row else None


async def of_role(tx: Reader, committee_id: int, role: str) -> Round | None:
    """How a role that the committee gives goes round; None: it does not."""
    row = await tx.one(
        f"SELECT {_ROUND} FROM rounds r WHERE r.committee_id = ? AND r.role = ? AND r.listed = 1", committee_id, role
    )
    return await _round(tx, row) if row else None


async def of_task(tx: Reader, task: RotaTask) -> Round | None:
    """How a task goes round; None: it does not."""
    row = await tx.one(f"SELECT {_ROUND} FROM rounds r WHERE r.task_id = ? AND r.listed = 1", task.id)
    return await _round(tx, row) if row else None


async def put(
    tx: Transaction,
    committee_id: int,
    *,
    task: RotaTask | None,
    role: str | None,
    how: How,
    stretch: Stretch,
    most: int,
    pause: int,
    today: date,
) -> Round:
    """From now on it goes round like this. Terms are counted on where they stay as long as they were."""
    there = await of_task(tx, task) if task is not None else await of_role(tx, committee_id, role or "")
    if there is not None and there.stretch == stretch:
        await tx.execute("UPDATE rounds SET how = ?, most = ?, pause = ? WHERE id = ?", how, most, pause, there.id)
        found = await get(tx, committee_id, there.id)
        assert found is not None
        return found
    if there is not None:
        await stop(tx, there)
    id_ = await tx.value(
        """INSERT INTO rounds (committee_id, task_id, role, how, count, unit, first, most, pause)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        committee_id,
        None if task is None else task.id,
        role,
        how,
        stretch.count,
        stretch.unit,
        rule.first_day(today, stretch).isoformat(),
        most,
        pause,
    )
    found = await get(tx, committee_id, id_)
    assert found is not None
    return found


async def stop(tx: Transaction, round_: Round) -> None:
    """It goes round no more."""
    await tx.execute("UPDATE rounds SET listed = 0 WHERE id = ?", round_.id)


# --- draws -------------------------------------------------------------------------------------------------------


async def announced(tx: Reader, round_: Round) -> dict[int, str]:
    """By number of the term, the hash of the entry with which its draw was announced; the latest ones."""
    rows = await tx.all(
        "SELECT turn, hash FROM round_draws WHERE round_id = ? ORDER BY turn DESC LIMIT ?", round_.id, DRAWS_MAX
    )
    return dict(rows)


async def announce(tx: Transaction, committee: Committee, round_: Round, turn: int, *, now: datetime) -> Entry:
    """Write the entry that announces the draw for a term, and keep its hash, once."""
    body = {"round": round_.id, "turn": turn, "is": "announced"}
    entry = await entries.append(tx, committee, "draw", body, now=now)
    await tx.execute(
        "INSERT INTO round_draws (round_id, turn, number, hash) VALUES (?, ?, ?, ?)",
        round_.id,
        turn,
        entry.number,
        entry.hash,
    )
    return entry


async def draw(
    tx: Transaction, committee: Committee, round_: Round, turn: int, members: Sequence[str], *, now: datetime
) -> None:
    """Write down that lots were drawn for a term: among whom (ids as text), and who came first."""
    row = await tx.one("SELECT number, hash FROM round_draws WHERE round_id = ? AND turn = ?", round_.id, turn)
    assert row is not None
    number, hash_ = row
    body = {
        "round": round_.id,
        "turn": turn,
        "is": "drawn",
        "announced": number,
        "seed": hash_,
        "of": sorted(map(int, members)),
        "first": int(members[0]),
    }
    await entries.append(tx, committee, "draw", body, now=now)


async def drawn(tx: Reader, committee_id: int) -> list[tuple[int, dict[str, Any]]]:
    """The latest draws as the chain has them: number of the entry and its body, latest first."""
    rows = await tx.all(
        """SELECT number, body FROM entries WHERE committee_id = ? AND kind = 'draw'
           AND json_extract(body, '$.is') = 'drawn' ORDER BY number DESC LIMIT ?""",
        committee_id,
        DRAWS_MAX,
    )
    return [(number, json.loads(body)) for number, body in rows]


async def seed_of(tx: Reader, committee_id: int, number: int, *, round_id: int, turn: int) -> str | None:
    """The hash of the entry with this number, if it announces the draw for this term."""
    found = await tx.value(
        """SELECT hash FROM entries WHERE committee_id = ? AND number = ? AND kind = 'draw'
           AND json_extract(body, '$.is') = 'announced' AND json_extract(body, '$.round') = ?
           AND json_extract(body, '$.turn') = ?""",
        committee_id,
        number,
        round_id,
        turn,
    )
    return None if found is None else str(found)


# --- who has had it ----------------------------------------------------------------------------------------------


async def served(tx: Reader, rounds: Sequence[Round], *, before: datetime) -> dict[int, list[tuple[str, int]]]:
    """By member, the terms of tasks (id as text, number) of which they have had a seat, of shifts that began before an
    instant. Whether they said that it was done does not matter: else nobody would have to stop who never says so."""
    found: defaultdict[int, set[tuple[str, int]]] = defaultdict(set)
    for one in rounds:
        if one.task is None:
            continue
        rows = await tx.all(
            """SELECT DISTINCT a.member_id, s.local FROM assignments a JOIN seats e ON e.id = a.seat_id
               JOIN shifts s ON s.id = e.shift_id
               WHERE s.task_id = ? AND e.trainee = 0 AND a.state <> 'back' AND s.start_us < ?
               ORDER BY s.local DESC LIMIT ?""",
            one.task.id,
            to_us(before),
            _ROWS_MAX,
        )
        for member_id, local in rows:
            found[member_id].add((str(one.task.id), one.turn_on(datetime.fromisoformat(local).date())))
    return {member: sorted(terms) for member, terms in found.items()}


async def stints(tx: Reader, committee: Committee, role: str) -> dict[int, list[Stint]]:
    """By member, from when until when they have held a role."""
    rows = await tx.all(
        """SELECT r.member_id, r.from_us, r.until_us FROM roles r JOIN members m ON m.id = r.member_id
           WHERE m.committee_id = ? AND r.role = ? ORDER BY r.id LIMIT ?""",
        committee.id,
        role,
        _ROWS_MAX,
    )
    found: defaultdict[int, list[Stint]] = defaultdict(list)
    for member_id, from_us_, until_us in rows:
        since, until = (
            None if one is None else from_us(one).astimezone(committee.zone).date() for one in (from_us_, until_us)
        )
        found[member_id].append(Stint(since=since or date.min, until=until))
    return found


async def rests_until(tx: Reader, committee: Committee, round_: Round, *, now: datetime) -> dict[int, date]:
    """By member, the day until which they rest from a role that the committee gives."""
    assert round_.role is not None
    today = now.astimezone(committee.zone).date()
    found = {}
    for member, own in (await stints(tx, committee, round_.role)).items():
        until = rule.rests_until(own, stretch=round_.stretch, most=round_.most, pause=round_.pause, today=today)
        if until is not None:
            found[member] = until
    return found
