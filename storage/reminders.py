"""Reminders of shifts that are still to be said: planned anew whenever a seat, a shift or a wish changes.

The schema notes who is concerned, whoever changes it, and the clock plans for them. What is said is taken off in the
same work that puts it into the outbox: so it is said once, however often the program dies.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.chat import Button, Key, Lane, Link, Saying
from bot.domain import reminders as rule
from bot.domain.reminders import Before, Peace
from bot.text import Reader as For
from bot.text import Span
from storage import buttons as kept_buttons
from storage import due, outbox
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.nudges import hours_of
from storage.outbox import Content
from storage.people import Committee, Member, Place

MEMBERS_AT_ONCE_MAX = 50
"""So many members' reminders are planned in one work: more would keep the chat waiting."""
SAID_AT_ONCE_MAX = 10
"""So many reminders are said in one work."""
_SEATS_MAX = 20_000
_KEY = "reminders"
_PLAN = "reminders:plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """When somebody is reminded of shifts, and when not. `chosen` False: the times are those that everybody has."""

    times: tuple[Before, ...]
    chosen: bool
    peace: Peace
    zone: ZoneInfo | None
    """The zone that they have said to live in; None: that of their committee, in which `peace` is then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One reminder that is due. `begins`: when it is too late for it."""

    assignment_id: int
    member_id: int
    person_id: int
    committee_id: int
    shift_id: int
    at: datetime
    begins: datetime
    late: bool


# --- what somebody wants -----------------------------------------------------------------------------------------

_WANTED = """m.id, m.person_id, w.budget, w.until_us, w.hours, w.remind, w.zone, coalesce(
        (SELECT c.zone FROM members o JOIN committees c ON c.id = o.committee_id
         WHERE o.person_id = m.person_id AND o.active = 1 ORDER BY c.id LIMIT 1),
        (SELECT c.zone FROM committees c WHERE c.id = m.committee_id))
    FROM members m LEFT JOIN wishes w ON w.person_id = m.person_id"""


def _wanted(row: Sequence[object]) -> Wanted:
    _, _, budget, until_us, hours, remind, zone, committees = row
    assert until_us is None or isinstance(until_us, int)
    # Whoever wants no reminders at all has not meant to keep these.
    usual = () if budget == 0 else rule.DEFAULT
    return Wanted(
        times=usual if remind is None else rule.times_of(str(remind)),
        chosen=remind is not None,
        peace=Peace(
            zone=ZoneInfo(str(zone if zone is not None else committees)),
            hours=hours_of(None if hours is None else str(hours)),
            until=None if until_us is None else from_us(until_us),
        ),
        zone=None if zone is None else ZoneInfo(str(zone)),
    )


async def wanted(tx: Reader, member_id: int) -> Wanted:
    """When a member is reminded of shifts."""
    row = await tx.one(f"SELECT {_WANTED} WHERE m.id = ?", member_id)
    assert row is not None
    return _wanted(row)


async def choose(tx: Transaction, member: Member, times: tuple[Before, ...] | None) -> None:
    """From now on a person is reminded at these times; none: never; None: as everybody."""
    await tx.execute(
        "INSERT INTO wishes (person_id, remind) VALUES (?, ?) ON CONFLICT (person_id) DO UPDATE SET"
        " remind = excluded.remind",
        member.person_id,
        None if times is None else " ".join(map(str, times)),
    )
    due.look_again(tx)


async def choose_zone(tx: Transaction, member: Member, zone: ZoneInfo | None) -> None:
    """From now on a person lives in this zone; None: in that of their committee."""
    await tx.execute(
        "INSERT INTO wishes (person_id, zone) VALUES (?, ?) ON CONFLICT (person_id) DO UPDATE SET zone = excluded.zone",
        member.person_id,
        None if zone is None else zone.key,
    )
    due.look_again(tx)


# --- planning ----------------------------------------------------------------------------------------------------

_SEATS = """assignments a JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id"""
_BEGINS = "CASE WHEN s.until IS NULL THEN s.start_us ELSE s.end_us - 60000000 END"
"""What is done at any time is to be done before its end: its last minute, which is still on its last day."""


async def plan_stale(tx: Transaction, *, now: datetime) -> None:
    """Plan anew for whom something has changed, at most `MEMBERS_AT_ONCE_MAX`; the clock comes back for the rest."""
    stale: dict[int, int | None] = dict(
        await tx.all("SELECT member_id, since_us FROM reminders_stale ORDER BY member_id LIMIT ?", MEMBERS_AT_ONCE_MAX)
    )
    ids = json.dumps([*stale])
    await tx.execute(
        """DELETE FROM reminders WHERE late = 0 AND at_us > ? AND assignment_id IN (SELECT a.id FROM assignments a
               WHERE a.member_id IN (SELECT value FROM json_each(?)) AND a.state = 'held')""",
        to_us(now),
        ids,
    )
    rows = await tx.all(
        f"SELECT {_WANTED} WHERE m.active = 1 AND m.id IN (SELECT value FROM json_each(?)) LIMIT ?",
        ids,
        MEMBERS_AT_ONCE_MAX,
    )
    wanted_ = {row[0]: _wanted(row) for row in rows}
    new: list[tuple[int, int]] = []
    for assignment_id, member_id, begins_us, since_us in await tx.all(
        f"""SELECT a.id, a.member_id, {_BEGINS}, a.since_us FROM {_SEATS}
            WHERE a.state = 'held' AND s.end_us > ? AND a.member_id IN (SELECT value FROM json_each(?))
            ORDER BY a.id LIMIT ?""",
        to_us(now),
        ids,
        _SEATS_MAX,
    ):
        if (one := wanted_.get(member_id)) is None:
            continue
        taken_since = stale[member_id]
        untold = taken_since is not None and since_us >= taken_since
        after = min(now, from_us(since_us)) if untold else now
        found = rule.moments(one.times, one.peace, at=from_us(begins_us), after=after)
        new += [(assignment_id, to_us(at)) for at in found]
    await tx.execute(
        """INSERT INTO reminders (assignment_id, at_us)
           SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?) WHERE true
           ON CONFLICT DO NOTHING""",
        json.dumps(new),
    )
    await tx.execute("DELETE FROM reminders_stale WHERE member_id IN (SELECT value FROM json_each(?))", ids)
    await arm(tx, now=now)


async def arm(tx: Transaction, *, now: datetime) -> None:
    """The clock wakes for the next reminder, and at once where there is something to plan. Also where the program is
    started: a copy of a committee brings its reminders along, and not what the clock of its old bot was about."""
    if await tx.one("SELECT 1 FROM reminders_stale LIMIT 1") is not None:
        await _wake(tx, _PLAN, Saying(command="reminders_plan"), now)
    at_us = await tx.value("SELECT min(at_us) FROM reminders")
    if at_us is None:
        await due.cancel(tx, _KEY)
    else:
        await _wake(tx, _KEY, Saying(command="reminders_say"), from_us(at_us))


async def _wake(tx: Transaction, key: str, says: Saying, at: datetime) -> None:
    local = at.astimezone(UTC).replace(tzinfo=None)
    await due.plan(tx, key, says, local=local, zone=ZoneInfo("UTC"), committee=None, late="do")


# --- saying ------------------------------------------------------------------------------------------------------

_DUE = f"""r.assignment_id, a.member_id, m.person_id, m.committee_id, s.id, r.at_us, {_BEGINS}, r.late, m.active
    FROM reminders r JOIN assignments a ON a.id = r.assignment_id JOIN members m ON m.id = a.member_id
    JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id"""


async def too_late(tx: Transaction, *, now: datetime, since: datetime) -> dict[int, int]:
    """Take off what fell due before `since` and is of no use any more; by committee, of how many seats."""
    rows = await tx.all(
        f"""SELECT committee_id, count(DISTINCT assignment_id) FROM (SELECT {_DUE} WHERE r.at_us < ? AND {_BEGINS} <= ?)
            GROUP BY committee_id LIMIT 10000""",
        to_us(since),
        to_us(now),
    )
    if rows:
        await tx.execute(
            f"""DELETE FROM reminders WHERE at_us < ? AND assignment_id IN (
                    SELECT a.id FROM {_SEATS} WHERE {_BEGINS} <= ?)""",
            to_us(since),
            to_us(now),
        )
    return dict(rows)


async def take(tx: Transaction, *, now: datetime) -> list[Due]:
    """Take off what is due, longest ago first: at most for `SAID_AT_ONCE_MAX` persons, but for these all of it."""
    rows = await tx.all(
        f"""SELECT {_DUE} WHERE r.at_us <= ?1 AND m.person_id IN (SELECT w.person_id FROM (
                SELECT assignment_id FROM reminders WHERE at_us <= ?1 ORDER BY at_us, assignment_id LIMIT ?2) f
                JOIN assignments b ON b.id = f.assignment_id JOIN members w ON w.id = b.member_id)
            ORDER BY r.at_us, r.assignment_id LIMIT {_SEATS_MAX}""",
        to_us(now),
        SAID_AT_ONCE_MAX,
    )
    found = [
        Due(
            assignment_id=assignment_id,
            member_id=member_id,
            person_id=person_id,
            committee_id=committee_id,
            shift_id=shift_id,
            at=from_us(at_us),
            begins=from_us(begins_us),
            late=bool(late),
        )
        for assignment_id, member_id, person_id, committee_id, shift_id, at_us, begins_us, late, active in rows
        if active
    ]
    await tx.execute(
        "DELETE FROM reminders WHERE at_us <= ? AND assignment_id IN (SELECT value FROM json_each(?))",
        to_us(now),
        json.dumps(sorted({row[0] for row in rows})),
    )
    return found


async def postpone(tx: Transaction, assignments: Collection[int], at: datetime) -> None:
    """These cannot be said now: they are said then."""
    await tx.execute(
        """INSERT INTO reminders (assignment_id, at_us, late) SELECT value, ?, 1 FROM json_each(?) WHERE true
           ON CONFLICT DO UPDATE SET late = 1""",
        to_us(at),
        json.dumps(sorted(assignments)),
    )


async def say(
    tx: Transaction,
    place: Place,
    parts: Sequence[tuple[Committee, For, tuple[Span, ...], Sequence[Sequence[Button | Link]]]],
    *,
    now: datetime,
) -> None:
    """Owe a person one message: a part for each of their committees, in words already, with its own buttons."""
    spans: list[Span] = []
    keys: list[tuple[Key, ...]] = []
    for committee, reader, words, buttons in parts:
        spans += [*([Span("\n\n")] if spans else []), *words]
        keys += await kept_buttons.keys(tx, buttons, reader=reader, committee=committee.id, now=now)
    about = [outbox.private_thing(committee.id, place.id) for committee, *_ in parts]
    await outbox.queue_content(tx, place, Content(tuple(spans), tuple(keys)), now=now, lane=Lane.NOTICE, about=about)
