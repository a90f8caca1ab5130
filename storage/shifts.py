"""The rota: its tasks, their shifts with the seats on them, who has which seat, and what becomes of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import retention, rotation
from bot.domain import shifts as rule
from bot.domain.availability import skill_key
from bot.domain.recurrence import instant
from bot.domain.rotation import Stage
from bot.domain.shifts import Timing
from bot.text import T, Text, Written
from storage import cards, due, notes, swaps
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

TASKS_MAX = 40
"""So many tasks a committee may have at once."""
LISTED_MAX = 5000
"""So many shifts are read at once: more than `TASKS_MAX` tasks that are done daily have in eight weeks."""
OF_MEMBER_MAX = 200
_AT_ONCE_MAX = 500
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time

State = Literal["held", "here", "done", "problem", "back", "missed"]
"""Held: theirs; here: they have said that they are there; done, problem: it was done, and something is to be told;
back: given back; missed: nobody said that it was done."""
OPEN: Sequence[State] = ("held", "here")
CARRIED: Sequence[State] = ("done", "problem")
_OPEN = "('held', 'here')"
_CARRIED = "('done', 'problem')"
DONE = f"""a.state IN {_CARRIED}
    AND NOT EXISTS (SELECT 1 FROM sign_offs o WHERE o.assignment_id = a.id AND o.state = 'asked')"""
"""In SQL: the assignment `a` was carried out, and nobody else has yet to sign it off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaTask:
    """A task of the rota. Ratings are medians of what members said of it, 1 to 5, else a first guess."""

    id: int
    committee_id: int
    minutes: int
    crew: tuple[int, int]
    timing: Timing
    zone: ZoneInfo
    trainee: bool
    onerousness: int
    empowerment: int
    listed: bool
    name: Written | None
    """As the committee calls it; None: that is erased."""
    skill: Written | None
    """What whoever does it has to be able to do; None: nothing special."""

    @property
    def thing(self) -> str:
        """The thing whose note is its name."""
        return f"rota_task:{self.id}"

    @property
    def called(self) -> Text:
        """Its name, to be put into sentences."""
        return T("(erased)") if self.name is None else T("{title}", title=self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, in each language that somebody has given."""
        return () if self.name is None else (self.name.text, *self.name.others.values())

    @property
    def skill_key(self) -> str | None:
        """The skill as it is compared."""
        return None if self.skill is None else skill_key(self.skill.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who has a seat, or had it. `agreed`: they said yes to it themselves. Ids are those of members."""

    id: int
    seat_id: int
    member_id: int
    name: str
    stage: Stage
    agreed: bool
    state: State
    since: datetime

    @property
    def thing(self) -> str:
        """The thing whose note is what they tell the next crew."""
        return f"handover:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What one person fills. `needed`: the task cannot be done without; `trainee`: for somebody who learns it."""

    id: int
    shift_id: int
    needed: bool
    trainee: bool
    holder: Assignment | None
    """Who has it; None: nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One time at which a task is done. `local`, `until`: wall times in the task's zone; `at`, `end`: instants.

    `until`: it is done at any time before then; None: it begins at that time.
    """

    id: int
    task: RotaTask
    local: datetime
    until: datetime | None
    at: datetime
    end: datetime
    minutes: int
    seats: tuple[Seat, ...]

    @property
    def holders(self) -> tuple[Assignment, ...]:
        """Who has a seat, in the order of the seats."""
        return tuple(seat.holder for seat in self.seats if seat.holder is not None)

    def open(self, *, trainee: bool = False) -> tuple[Seat, ...]:
        """The seats that nobody has, those that are needed first."""
        free = [seat for seat in self.seats if seat.holder is None and seat.trainee is trainee]
        return tuple(sorted(free, key=lambda seat: (not seat.needed, seat.id)))

    @property
    def lacking(self) -> int:
        """How many seats that are needed nobody has."""
        return sum(seat.needed for seat in self.open())

    @property
    def begins(self) -> datetime:
        """Until when somebody can still be found for it: what is done at any time can be begun late."""
        return self.at if self.until is None else self.end

    def of(self, member_id: int) -> Assignment | None:
        """The member's assignment on it; None: they have no seat."""
        return next((one for one in self.holders if one.member_id == member_id), None)


# --- tasks -------------------------------------------------------------------------------------------------------

_TASK = """k.id, k.committee_id, k.minutes, k.crew_min, k.crew_max, k.local, k.rule, k.zone, k.days, k.trainee,
    k.onerousness, k.empowerment, k.listed"""


async def _task(tx: Reader, row: Row) -> RotaTask:
    id_, committee_id, minutes, least, most, local, rule_, zone, days, trainee, hard, power, listed = row
    said = await tx.all(
        "SELECT onerousness, empowerment FROM task_ratings WHERE task_id = ? ORDER BY member_id LIMIT ?",
        id_,
        rotation.MEMBERS_MAX,
    )
    return RotaTask(
        id=id_,
        committee_id=committee_id,
        minutes=minutes,
        crew=(least, most),
        timing=Timing(start=datetime.fromisoformat(local), rule=rule_, days=days),
        zone=ZoneInfo(zone),
        trainee=bool(trainee),
        onerousness=rule.rating([one for one, _ in said if one is not None], hard),
        empowerment=rule.rating([one for _, one in said if one is not None], power),
        listed=bool(listed),
        name=await notes.written(tx, f"rota_task:{id_}"),
        skill=await notes.written(tx, f"task_skill:{id_}"),
    )


async def tasks(tx: Reader, committee_id: int) -> list[RotaTask]:
    """The committee's tasks, in the order in which they were made."""
    rows = await tx.all(
        f"SELECT {_TASK} FROM rota_tasks k WHERE k.committee_id = ? AND k.listed = 1 ORDER BY k.id LIMIT ?",
        committee_id,
        TASKS_MAX,
    )
    return [await _task(tx, row) for row in rows]


async def task(tx: Reader, committee_id: int, id_: int) -> RotaTask | None:
    """One of the committee's tasks, also one that has ended."""
    row = await tx.one(f"SELECT {_TASK} FROM rota_tasks k WHERE k.committee_id = ? AND k.id = ?", committee_id, id_)
    return await _task(tx, row) if row else None


async def add(
    tx: Transaction,
    committee: Committee,
    timing: Timing,
    *,
    name: str,
    others: Mapping[str, str],
    minutes: int,
    crew: tuple[int, int],
    skill: str,
    trainee: bool,
    onerousness: int,
    empowerment: int,
    by: Member,
    now: datetime,
) -> tuple[RotaTask, list[str]]:
    """A new task, without shifts yet. `others`: its name by language; `skill`: none where empty.

    Returns it and the salted hashes of its words for the chain.
    """
    id_ = await tx.value(
        """INSERT INTO rota_tasks (committee_id, minutes, crew_min, crew_max, local, rule, zone, days, trainee,
               onerousness, empowerment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        committee.id,
        minutes,
        *crew,
        timing.start.isoformat(),
        timing.rule,
        committee.zone.key,
        timing.days,
        int(trainee),
        onerousness,
        empowerment,
    )
    hashes = [await notes.keep(tx, f"rota_task:{id_}", name)]
    await notes.wrote(tx, f"rota_task:{id_}", by.id, now=now)
    for language, text in sorted(others.items()):
        hashes.append(await notes.keep_second(tx, f"rota_task:{id_}", language, text))
    if skill:
        hashes.append(await notes.keep(tx, f"task_skill:{id_}", skill))
    found = await task(tx, committee.id, id_)
    assert found is not None
    return found, hashes


async def change(
    tx: Transaction,
    task_: RotaTask,
    *,
    timing: Timing,
    zone: ZoneInfo,
    minutes: int,
    crew: tuple[int, int],
) -> RotaTask:
    """From now on it is done so. Its shifts follow with `make_shifts`."""
    await tx.execute(
        """UPDATE rota_tasks SET local = ?, rule = ?, days = ?, zone = ?, minutes = ?, crew_min = ?, crew_max = ?
           WHERE id = ?""",
        timing.start.isoformat(),
        timing.rule,
        timing.days,
        zone.key,
        minutes,
        *crew,
        task_.id,
    )
    return replace(task_, timing=timing, zone=zone, minutes=minutes, crew=crew)


async def end(tx: Transaction, task_: RotaTask) -> None:
    """There are no more shifts of it. Those ahead go with `make_shifts`; its name stays as long as its past."""
    await tx.execute("UPDATE rota_tasks SET listed = 0 WHERE id = ?", task_.id)


async def make_shifts(tx: Transaction, task_: RotaTask, *, now: datetime) -> list[Shift]:
    """Let there be exactly the shifts ahead that the task asks for; what has begun stays as it is.

    Returns the shifts that vanish by it, as they were. Seats that somebody has stay on a shift whose time stays.
    """
    wanted = rule.occurrences(task_.timing, task_.zone, now=now) if task_.listed else []
    off = {datetime.fromisoformat(local) for (local,) in await tx.all(_OFF, task_.id, LISTED_MAX)}
    wanted = [local for local in wanted if local not in off]
    there = {shift.local: shift for shift in await _of_task(tx, task_, now=now)}
    gone = [shift for local, shift in there.items() if local not in wanted]
    for shift in gone:
        await _take_away(tx, shift, now=now)
    new = [local for local in wanted if not _fits(there.get(local), task_)]
    for local in new:
        until = None if task_.timing.days is None else local + timedelta(days=task_.timing.days)
        found = there.get(local)
        id_ = await tx.value(
            """INSERT INTO shifts (task_id, local, until, start_us, end_us, minutes, revised_us)
               VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (task_id, local) DO UPDATE SET until = excluded.until, start_us = excluded.start_us,
                   end_us = excluded.end_us, minutes = excluded.minutes,
                   revision = revision + (end_us <> excluded.end_us OR start_us <> excluded.start_us),
                   revised_us = CASE WHEN end_us = excluded.end_us AND start_us = excluded.start_us THEN revised_us
                       ELSE excluded.revised_us END RETURNING id""",
            task_.id,
            local.isoformat(),
            None if until is None else until.isoformat(),
            to_us(instant(local, task_.zone)),
            to_us(rule.ends(task_.timing, local, task_.minutes, task_.zone)),
            task_.minutes,
            to_us(now),
        )
        await _fit_seats(tx, id_, found.seats if found is not None else (), task_, now=now)
    if gone or new:
        due.look_again(tx)
        await cards.changed(tx, board(task_.committee_id))
    return gone


_OFF = "SELECT local FROM shifts_off WHERE task_id = ? LIMIT ?"


async def call_off(tx: Transaction, shift_: Shift, *, now: datetime) -> None:
    """This one time it does not take place, and does not come back; its seats are nobody's any more."""
    await tx.execute(
        "INSERT INTO shifts_off (task_id, local) VALUES (?, ?) ON CONFLICT DO NOTHING",
        shift_.task.id,
        shift_.local.isoformat(),
    )
    await _take_away(tx, shift_, now=now)
    await cards.changed(tx, board(shift_.task.committee_id))


async def call_on(tx: Transaction, task_: RotaTask, local: datetime, *, now: datetime) -> bool:
    """It takes place after all, with seats for everybody to take. False: it had not been called off."""
    was = await tx.all(
        "DELETE FROM shifts_off WHERE task_id = ? AND local = ? RETURNING 1", task_.id, local.isoformat()
    )
    if was:
        await make_shifts(tx, task_, now=now)
    return bool(was)


def _fits(shift: Shift | None, task_: RotaTask) -> bool:
    """Whether a shift is there as its task asks for it."""
    if shift is None or shift.minutes != task_.minutes or shift.at != instant(shift.local, task_.zone):
        return False
    until = None if task_.timing.days is None else shift.local + timedelta(days=task_.timing.days)
    trainees = sum(seat.trainee for seat in shift.seats)
    needed = sum(seat.needed for seat in shift.seats)
    crew = (needed, len(shift.seats) - trainees)
    return shift.until == until and crew == task_.crew and trainees == task_.trainee


async def _of_task(tx: Reader, task_: RotaTask, *, now: datetime) -> list[Shift]:
    """The shifts ahead of a task: those that have not begun, and those that are done at any time and are not over."""
    rows = await tx.all(
        f"""SELECT {_SHIFT} FROM shifts s WHERE s.task_id = ? AND s.end_us > ?
            AND (s.start_us > ? OR s.until IS NOT NULL) ORDER BY s.start_us, s.id LIMIT ?""",
        task_.id,
        to_us(now),
        to_us(now),
        LISTED_MAX,
    )
    return await _shifts(tx, rows, {task_.id: task_})


async def _fit_seats(tx: Transaction, shift_id: int, there: Sequence[Seat], task_: RotaTask, *, now: datetime) -> None:
    """As many seats as the task asks for: who has one keeps it, empty ones go first."""
    least, most = task_.crew
    for trainee, wanted in ((False, most), (True, int(task_.trainee))):
        seats = [seat for seat in there if seat.trainee is trainee]
        spare = [seat for seat in seats if seat.holder is None][::-1][: max(0, len(seats) - wanted)]
        await swaps.gone(tx, [seat.id for seat in spare], now=now)
        for seat in spare:
            await tx.execute("DELETE FROM assignments WHERE seat_id = ?", seat.id)
            await tx.execute("DELETE FROM seats WHERE id = ?", seat.id)
        for _ in range(len(seats), wanted):
            await tx.execute("INSERT INTO seats (shift_id, needed, trainee) VALUES (?, 0, ?)", shift_id, int(trainee))
    await tx.execute(
        """UPDATE seats SET needed = id IN (SELECT id FROM seats WHERE shift_id = ?1 AND trainee = 0
               ORDER BY id LIMIT ?2) WHERE shift_id = ?1""",
        shift_id,
        least,
    )


async def _take_away(tx: Transaction, shift: Shift, *, now: datetime) -> None:
    await swaps.gone(tx, [seat.id for seat in shift.seats], now=now)
    for assignment in shift.holders:
        await _erase_note(tx, assignment.thing)
    for assignment in shift.holders:
        await tx.execute("DELETE FROM sign_offs WHERE assignment_id = ?", assignment.id)
    await tx.execute("DELETE FROM assignments WHERE seat_id IN (SELECT id FROM seats WHERE shift_id = ?)", shift.id)
    await tx.execute("DELETE FROM seats WHERE shift_id = ?", shift.id)
    await tx.execute("DELETE FROM shifts WHERE id = ?", shift.id)


# --- shifts ------------------------------------------------------------------------------------------------------

_SHIFT = "s.id, s.task_id, s.local, s.until, s.start_us, s.end_us, s.minutes"


def board(committee_id: int) -> str:
    """The card that shows the committee's shifts."""
    return f"shifts:{committee_id}"


async def look_again(tx: Transaction, committee_id: int) -> None:
    """What the card shows is another day's: it is brought up to date."""
    await cards.changed(tx, board(committee_id))


async def _shifts(tx: Reader, rows: Sequence[Row], known: Mapping[int, RotaTask] | None = None) -> list[Shift]:
    """Shifts with their seats: whatever their number, the seats take one question."""
    tasks_ = dict(known or {})
    for task_id in sorted({row[1] for row in rows} - tasks_.keys()):
        row = await tx.one(f"SELECT {_TASK} FROM rota_tasks k WHERE k.id = ?", task_id)
        assert row is not None
        tasks_[task_id] = await _task(tx, row)
    seats: defaultdict[int, list[Seat]] = defaultdict(list)
    for id_, shift_id, needed, trainee, *of in await tx.all(
        """SELECT e.id, e.shift_id, e.needed, e.trainee, a.id, a.member_id, m.called, a.stage, a.agreed, a.state,
               a.since_us FROM seats e LEFT JOIN assignments a ON a.seat_id = e.id AND a.state <> 'back'
           LEFT JOIN members m ON m.id = a.member_id
           WHERE e.shift_id IN (SELECT value FROM json_each(?)) ORDER BY e.id LIMIT 1000000""",
        json.dumps([row[0] for row in rows]),
    ):
        holder = None if of[0] is None else _assignment((of[0], id_, *of[1:]))
        seats[shift_id].append(
            Seat(id=id_, shift_id=shift_id, needed=bool(needed), trainee=bool(trainee), holder=holder)
        )
    return [
        Shift(
            id=id_,
            task=tasks_[task_id],
            local=datetime.fromisoformat(local),
            until=None if until is None else datetime.fromisoformat(until),
            at=from_us(start_us),
            end=from_us(end_us),
            minutes=minutes,
            seats=tuple(seats[id_]),
        )
        for id_, task_id, local, until, start_us, end_us, minutes in rows
    ]


def _assignment(row: Sequence[object]) -> Assignment:
    id_, seat_id, member_id, name, stage, agreed, state, since_us = row
    assert isinstance(id_, int)
    assert isinstance(seat_id, int)
    assert isinstance(member_id, int)
    assert isinstance(since_us, int)
    return Assignment(
        id=id_,
        seat_id=seat_id,
        member_id=member_id,
        name=str(name),
        stage=next(one for one in rotation.STAGES if one == stage),
        agreed=bool(agreed),
        state=next(one for one in _STATES if one == state),
        since=from_us(since_us),
    )


_STATES: Sequence[State] = ("held", "here", "done", "problem", "back", "missed")


async def shift(tx: Reader, committee_id: int, id_: int) -> Shift | None:
    """One of the committee's shifts, also one that is over."""
    row = await tx.one(
        f"SELECT {_SHIFT} FROM shifts s JOIN rota_tasks k ON k.id = s.task_id WHERE k.committee_id = ? AND s.id = ?",
        committee_id,
        id_,
    )
    return (await _shifts(tx, [row]))[0] if row else None


async def on_seat(tx: Reader, committee_id: int, seat_id: int) -> tuple[Seat, Shift] | None:
    """A seat of the committee's, and the shift that it is on."""
    shift_id = await tx.value("SELECT shift_id FROM seats WHERE id = ?", seat_id)
    found = None if shift_id is None else await shift(tx, committee_id, shift_id)
    return None if found is None else (next(seat for seat in found.seats if seat.id == seat_id), found)


async def those(tx: Reader, ids: Collection[int]) -> dict[int, Shift]:
    """Shifts of any committee by their ids."""
    rows = await tx.all(
        f"SELECT {_SHIFT} FROM shifts s WHERE s.id IN (SELECT value FROM json_each(?)) LIMIT ?",
        json.dumps(sorted(ids)),
        LISTED_MAX,
    )
    return {one.id: one for one in await _shifts(tx, rows)}


async def within(
    tx: Reader, committee_id: int, start: datetime, end_: datetime, *, limit: int = LISTED_MAX
) -> list[Shift]:
    """The committee's shifts that are not over at `start` and begin before `end_` (instants), earliest first, with
    their seats and who has them."""
    rows = await tx.all(
        f"""SELECT {_SHIFT} FROM shifts s JOIN rota_tasks k ON k.id = s.task_id
            WHERE k.committee_id = ? AND s.end_us > ? AND s.start_us < ?
            ORDER BY coalesce(CASE WHEN s.until IS NOT NULL THEN s.end_us END, s.start_us), s.id LIMIT ?""",
        committee_id,
        to_us(start),
        to_us(end_),
        limit,
    )
    return await _shifts(tx, rows)


async def of_member(tx: Reader, member: Member, *, since: datetime) -> list[Shift]:
    """The shifts on which a member has a seat and has not said that it is done, over after `since`; earliest first."""
    rows = await tx.all(
        f"""SELECT {_SHIFT} FROM assignments a JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
            WHERE a.member_id = ? AND a.state IN {_OPEN} AND s.end_us > ? ORDER BY s.end_us, s.id LIMIT ?""",
        member.id,
        to_us(since),
        OF_MEMBER_MAX,
    )
    return await _shifts(tx, rows)


async def last_words(tx: Reader, shift_: Shift, *, now: datetime | None = None) -> list[Written]:
    """What the last crew before a shift that left any words has left. `now`: those that are ahead are passed over."""
    rows = await tx.all(
        """SELECT a.id FROM seats e JOIN assignments a ON a.seat_id = e.id
           JOIN notes n ON n.thing = 'handover:' || a.id WHERE n.text IS NOT NULL AND e.shift_id = (
               SELECT s.id FROM shifts s JOIN seats o ON o.shift_id = s.id JOIN assignments h ON h.seat_id = o.id
               JOIN notes w ON w.thing = 'handover:' || h.id
               WHERE s.task_id = ? AND s.start_us < ? AND w.text IS NOT NULL
               ORDER BY s.start_us DESC, s.id DESC LIMIT 1)
           ORDER BY a.id LIMIT ?""",
        shift_.task.id,
        to_us(shift_.at if now is None else min(shift_.at, now)),
        rule.CREW_MAX,
    )
    found = [await notes.written(tx, f"handover:{id_}") for (id_,) in rows]
    return [words for words in found if words is not None]


def as_instance(shifts_: Iterable[Shift]) -> tuple[list[rotation.Seat], list[rotation.Holding]]:
    """Seats and holders as the planner takes them: ids as text, tasks by id, skills as they are compared.

    A seat of which somebody has said how it went is behind. A free seat to learn what needs no skill is not planned:
    it is for whoever asks for it.
    """
    seats, held = [], []
    for one in shifts_:
        skill = one.task.skill_key
        for seat in one.seats:
            if seat.trainee and skill is None and seat.holder is None:
                continue
            if seat.holder is not None and seat.holder.state not in OPEN:
                continue
            seats.append(
                rotation.Seat(
                    id=str(seat.id),
                    shift=str(one.id),
                    task=str(one.task.id),
                    local=one.local,
                    at=one.at,
                    minutes=one.minutes,
                    onerousness=one.task.onerousness,
                    empowerment=one.task.empowerment,
                    skill=skill,
                    trainee=seat.trainee and skill is not None,
                    until=one.until,
                )
            )
            if seat.holder is not None:
                held.append(
                    rotation.Holding(
                        seat=str(seat.id),
                        member=str(seat.holder.member_id),
                        stage=seat.holder.stage,
                        agreed=seat.holder.agreed,
                    )
                )
    return seats, held


# --- who has which seat ------------------------------------------------------------------------------------------


async def assignment(tx: Reader, committee_id: int, id_: int) -> tuple[Assignment, Shift] | None:
    """Who has or had a seat, and the shift that it is on."""
    row = await tx.one(
        """SELECT a.id, a.seat_id, a.member_id, m.called, a.stage, a.agreed, a.state, a.since_us, e.shift_id
           FROM assignments a JOIN seats e ON e.id = a.seat_id JOIN members m ON m.id = a.member_id
           JOIN shifts s ON s.id = e.shift_id JOIN rota_tasks k ON k.id = s.task_id
           WHERE k.committee_id = ? AND a.id = ?""",
        committee_id,
        id_,
    )
    if row is None:
        return None
    on = await shift(tx, committee_id, row[-1])
    assert on is not None
    return _assignment(row[:-1]), on


async def assign(
    tx: Transaction, seat: Seat, member: Member, *, stage: Stage, agreed: bool, now: datetime
) -> Assignment | None:
    """The seat is theirs. None: somebody has it already."""
    row = await tx.one(
        """INSERT INTO assignments (seat_id, member_id, stage, agreed, state, since_us) VALUES (?, ?, ?, ?, 'held', ?)
           ON CONFLICT DO NOTHING RETURNING id""",
        seat.id,
        member.id,
        stage,
        int(agreed),
        to_us(now),
    )
    if row is None:
        return None
    due.look_again(tx)
    await cards.changed(tx, board(member.committee_id))
    await swaps.taken(tx, member.committee_id, seat.id, member.id, now=now)
    found = await assignment(tx, member.committee_id, row[0])
    assert found is not None
    return found[0]


async def settle_stage(tx: Transaction, assignment_: Assignment, *, stage: Stage, agreed: bool) -> None:
    """It is published, or only a draft; and whether whoever has it has said yes to it."""
    await tx.execute("UPDATE assignments SET stage = ?, agreed = ? WHERE id = ?", stage, int(agreed), assignment_.id)


async def give_back(tx: Transaction, assignment_: Assignment, shift_: Shift, *, now: datetime) -> bool:
    """The seat is open again. False: it was not held any more.

    Where somebody has a seat there that was not needed, theirs is from now on, and this one is not.
    """
    if not await _turn(tx, assignment_, shift_, "back", now=now):
        return False
    seat = next(one for one in shift_.seats if one.id == assignment_.seat_id)
    spare = [one for one in shift_.seats if one.holder is not None and not one.needed and not one.trainee]
    if seat.needed and spare:
        await tx.execute("UPDATE seats SET needed = (id = ?) WHERE id IN (?, ?)", spare[0].id, spare[0].id, seat.id)
    return True


async def hand_on(tx: Transaction, moves: Sequence[tuple[Seat, Shift, Member]], *, now: datetime) -> list[Assignment]:
    """These seats go to these members, all at once; whoever had one has it no more. They have said yes to it."""
    for seat, shift_, _ in moves:
        if seat.holder is not None:
            await _turn(tx, seat.holder, shift_, "back", now=now)
    made = [await assign(tx, seat, to, stage="frozen", agreed=True, now=now) for seat, _, to in moves]
    assert None not in made, "nobody has what was just given"
    return [one for one in made if one is not None]


async def move_away(tx: Transaction, assignment_: Assignment, shift_: Shift) -> None:
    """A new plan gives the seat to somebody else, or to nobody: nobody has declined it, so nothing stays of it."""
    await _erase_note(tx, assignment_.thing)
    await tx.execute(f"DELETE FROM assignments WHERE id = ? AND state IN {_OPEN}", assignment_.id)
    await cards.changed(tx, board(shift_.task.committee_id))


async def here(tx: Transaction, assignment_: Assignment, shift_: Shift, *, now: datetime) -> bool:
    """They say that they are there. False: that is said already, or the seat is not theirs any more."""
    return assignment_.state == "held" and await _turn(tx, assignment_, shift_, "here", now=now)


async def over(
    tx: Transaction,
    assignment_: Assignment,
    shift_: Shift,
    state: Literal["done", "problem", "missed"],
    *,
    now: datetime,
) -> bool:
    """What became of it; what somebody carried by it is kept as it is rated now. False: that is settled already."""
    if not await _turn(tx, assignment_, shift_, state, now=now):
        return False
    if state != "missed":
        await tx.execute(
            "UPDATE assignments SET minutes = ?, onerousness = ?, empowerment = ? WHERE id = ?",
            shift_.minutes,
            shift_.task.onerousness,
            shift_.task.empowerment,
            assignment_.id,
        )
    return True


async def _turn(tx: Transaction, assignment_: Assignment, shift_: Shift, state: State, *, now: datetime) -> bool:
    turned = await tx.all(
        f"""UPDATE assignments SET state = ?, over_us = CASE WHEN ?1 = 'here' THEN NULL ELSE ? END
            WHERE id = ? AND state IN {_OPEN} RETURNING id""",
        state,
        to_us(now),
        assignment_.id,
    )
    if turned:
        await cards.changed(tx, board(shift_.task.committee_id))
        if state not in OPEN:
            await swaps.touched(tx, [assignment_.seat_id], now=now)
    return bool(turned)


async def paid(tx: Transaction, assignment_: Assignment, transfer_id: int) -> None:
    """By this exchange its hours became credits."""
    await tx.execute("UPDATE assignments SET transfer_id = ? WHERE id = ?", transfer_id, assignment_.id)


async def say_to_next(tx: Transaction, assignment_: Assignment, words: str, *, now: datetime) -> None:
    """What whoever was there tells the next crew."""
    await notes.keep(tx, f"handover:{assignment_.id}", words)
    await notes.wrote(tx, assignment_.thing, assignment_.member_id, now=now)


async def carried(tx: Reader, committee_id: int, since: datetime) -> dict[int, tuple[int, int, int]]:
    """By member, since an instant: minutes, burden (minutes x onerousness) and empowerment (minutes x empowerment) of
    all shifts that were done, but for those that somebody else has yet to sign off; and of work of before that counts
    (`storage.history`)."""
    rows = await tx.all(
        f"""SELECT member_id, sum(minutes), sum(minutes * onerousness), sum(minutes * empowerment) FROM (
                SELECT a.member_id AS member_id, a.minutes AS minutes, a.onerousness AS onerousness,
                    a.empowerment AS empowerment
                FROM assignments a JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
                JOIN rota_tasks k ON k.id = s.task_id
                WHERE k.committee_id = ?1 AND {DONE} AND s.start_us >= ?2
                UNION ALL SELECT w.member_id, w.minutes, w.onerousness, w.empowerment
                FROM history_works w JOIN history_tables t ON t.id = w.table_id
                WHERE t.committee_id = ?1 AND t.state = 'counted' AND w.at_us >= ?2)
            GROUP BY member_id LIMIT 10000""",
        committee_id,
        to_us(since),
    )
    return {member_id: (minutes, burden, power) for member_id, minutes, burden, power in rows}


async def given_back(tx: Reader, committee_id: int, since: datetime) -> list[tuple[str, str]]:
    """Who has given back which seat of shifts that end after an instant: ids of members and seats as text."""
    rows = await tx.all(
        """SELECT DISTINCT a.member_id, a.seat_id FROM assignments a JOIN seats e ON e.id = a.seat_id
           JOIN shifts s ON s.id = e.shift_id JOIN rota_tasks k ON k.id = s.task_id
           WHERE k.committee_id = ? AND a.state = 'back' AND s.end_us > ? ORDER BY a.member_id, a.seat_id LIMIT ?""",
        committee_id,
        to_us(since),
        LISTED_MAX,
    )
    return [(str(member_id), str(seat_id)) for member_id, seat_id in rows]


async def unsaid(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """Nobody has said for a long time whether these were done: that is noted, and nothing follows from it."""
    rows = await tx.all(
        f"""SELECT a.id FROM assignments a JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
            JOIN rota_tasks k ON k.id = s.task_id
            WHERE k.committee_id = ? AND a.state IN {_OPEN} AND s.end_us <= ? ORDER BY a.id LIMIT ?""",
        committee_id,
        to_us(now - rule.SAID_WITHIN),
        _AT_ONCE_MAX,
    )
    for (id_,) in rows:
        found = await assignment(tx, committee_id, id_)
        assert found is not None
        await over(tx, *found, "missed", now=now)


# --- signed off by somebody else ---------------------------------------------------------------------------------

SignOff = Literal["asked", "signed", "counted"]


async def ask_sign_off(tx: Transaction, assignment_: Assignment, *, now: datetime) -> None:
    """It counts once somebody else says that it was done."""
    await tx.execute(
        "INSERT INTO sign_offs (assignment_id, state, at_us) VALUES (?, 'asked', ?) ON CONFLICT DO NOTHING",
        assignment_.id,
        to_us(now),
    )


async def sign_off_of(tx: Reader, assignment_: Assignment) -> tuple[SignOff, int | None] | None:
    """How that stands, and who has said so; None: nobody has to."""
    row = await tx.one("SELECT state, by_id FROM sign_offs WHERE assignment_id = ?", assignment_.id)
    return None if row is None else (row[0], row[1])


async def sign_off(tx: Transaction, assignment_: Assignment, by_id: int | None, *, now: datetime) -> bool:
    """It counts: this member says that it was done; None: nobody has in time. False: it counts already."""
    done = await tx.all(
        """UPDATE sign_offs SET state = ?, by_id = ?, at_us = ? WHERE assignment_id = ? AND state = 'asked'
           RETURNING 1""",
        "counted" if by_id is None else "signed",
        by_id,
        to_us(now),
        assignment_.id,
    )
    if done:
        await cards.changed(tx, f"sign_off:{assignment_.id}")
    return bool(done)


async def to_sign(tx: Reader, committee_id: int) -> list[tuple[Assignment, Shift]]:
    """What waits for somebody's signing off, oldest first."""
    rows = await tx.all(
        """SELECT o.assignment_id FROM sign_offs o JOIN assignments a ON a.id = o.assignment_id
           JOIN members m ON m.id = a.member_id WHERE o.state = 'asked' AND m.committee_id = ?
           ORDER BY o.at_us, o.assignment_id LIMIT ?""",
        committee_id,
        OF_MEMBER_MAX,
    )
    found = [await assignment(tx, committee_id, id_) for (id_,) in rows]
    return [one for one in found if one is not None]


# --- how hard a task is ------------------------------------------------------------------------------------------


async def to_rate(tx: Reader, member: Member, task_: RotaTask, *, now: datetime) -> bool:
    """Whether a member is asked how hard a task is: they have not said it lately."""
    at_us = await tx.value(
        """SELECT at_us FROM task_ratings WHERE task_id = ? AND member_id = ? AND onerousness IS NOT NULL
           AND empowerment IS NOT NULL""",
        task_.id,
        member.id,
    )
    return at_us is None or from_us(at_us) <= now - rule.RATE_AGAIN


async def rate(
    tx: Transaction,
    member: Member,
    task_: RotaTask,
    *,
    onerousness: int | None = None,
    empowerment: int | None = None,
    now: datetime,
) -> None:
    """How hard a task is, as a member says, 1 to 5; None: they do not say that now."""
    await tx.execute(
        """INSERT INTO task_ratings (task_id, member_id, onerousness, empowerment, at_us) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (task_id, member_id) DO UPDATE SET onerousness = coalesce(excluded.onerousness, onerousness),
               empowerment = coalesce(excluded.empowerment, empowerment), at_us = excluded.at_us""",
        task_.id,
        member.id,
        onerousness,
        empowerment,
        to_us(now),
    )


# --- people come and go ------------------------------------------------------------------------------------------


async def leave(tx: Transaction, member: Member) -> None:
    """Somebody goes: at once, the clock opens the seats that they have ahead."""
    concerned = await tx.one(f"SELECT 1 FROM assignments WHERE member_id = ? AND state IN {_OPEN} LIMIT 1", member.id)
    if concerned is not None:
        await due.plan(
            tx,
            f"seats:{member.id}",
            Saying(command="crew_left", arguments={"who": member.id}),
            local=_LONG_AGO,
            zone=ZoneInfo("UTC"),
            committee=member.committee_id,
            late="do",
        )


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what they did and have ahead is that one's; what it says of a task goes first."""
    await tx.execute("UPDATE assignments SET member_id = ? WHERE member_id = ?", into, old)
    await swaps.join(tx, old, into)
    await tx.execute(
        """UPDATE task_ratings SET member_id = ?1 WHERE member_id = ?2
           AND task_id NOT IN (SELECT task_id FROM task_ratings WHERE member_id = ?1)""",
        into,
        old,
    )
    await tx.execute("DELETE FROM task_ratings WHERE member_id = ?", old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who was on which shift a long time ago, and the words of tasks that have ended and have no past."""
    rows = await tx.all(
        "SELECT id FROM shifts WHERE end_us < ? ORDER BY end_us, id LIMIT ?",
        to_us(now - retention.SHIFTS),
        _AT_ONCE_MAX,
    )
    await _forget(tx, [id_ for (id_,) in rows], now=now)
    await tx.execute(
        "DELETE FROM shifts_off WHERE local < ?", (now - retention.SHIFTS).replace(tzinfo=None).isoformat()
    )
    await swaps.purge(tx, now=now)
    words = await tx.all(
        """SELECT n.thing FROM rota_tasks k JOIN notes n ON n.thing IN ('rota_task:' || k.id, 'task_skill:' || k.id)
           WHERE k.listed = 0 AND n.text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM shifts s WHERE s.task_id = k.id)
           LIMIT ?""",
        _AT_ONCE_MAX,
    )
    for (thing,) in words:
        await notes.erase(tx, thing)


async def _forget(tx: Transaction, ids: Collection[int], *, now: datetime) -> None:
    every = json.dumps(sorted(ids))
    seats = "SELECT e.id FROM seats e WHERE e.shift_id IN (SELECT value FROM json_each(?))"
    for (id_,) in await tx.all(f"SELECT id FROM assignments WHERE seat_id IN ({seats}) LIMIT 100000", every):
        await _erase_note(tx, f"handover:{id_}")
    await swaps.gone(tx, [id_ for (id_,) in await tx.all(f"{seats} LIMIT 100000", every)], now=now)
    await tx.execute(
        f"DELETE FROM sign_offs WHERE assignment_id IN (SELECT id FROM assignments WHERE seat_id IN ({seats}))", every
    )
    await tx.execute(f"DELETE FROM assignments WHERE seat_id IN ({seats})", every)
    await tx.execute("DELETE FROM seats WHERE shift_id IN (SELECT value FROM json_each(?))", every)
    await tx.execute("DELETE FROM shifts WHERE id IN (SELECT value FROM json_each(?))", every)


async def _erase_note(tx: Transaction, thing: str) -> None:
    await notes.erase(tx, thing)
    await tx.execute("DELETE FROM notes WHERE thing = ?", thing)
