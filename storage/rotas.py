"""A committee's rota as the rules of planning see it: its members, shifts and terms, as one instance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from bot.domain import rotation
from bot.domain.availability import Task
from bot.domain.recurrence import instant
from storage import availability, rounds, rules, shifts
from storage.database import Reader
from storage.people import Committee
from storage.rounds import Round

WEEKS = 8
WINDOW_RULE = "rota_window"
"""The rule under which a committee keeps how many weeks back count."""
WINDOW_WEEKS = 8
STRETCH_RULE = "rota_stretch"
"""The rule under which it keeps how many per cent of the agreed hours are planned for one at most."""
EMPOWERMENT_RULE = "rota_empowerment"
"""The rule under which it keeps how many per cent of the weight of burden empowerment has."""


async def terms(tx: Reader, committee_id: int) -> rotation.Terms:
    """What the committee has decided about its rota."""
    weeks = await rules.get(tx, committee_id, WINDOW_RULE, WINDOW_WEEKS)
    usual = rotation.Terms()
    return rotation.Terms(
        window_days=int(weeks) * 7,
        stretch_percent=int(await rules.get(tx, committee_id, STRETCH_RULE, usual.stretch_percent)),
        empowerment_percent=int(await rules.get(tx, committee_id, EMPOWERMENT_RULE, usual.empowerment_percent)),
    )


def first_day(committee: Committee, *, now: datetime) -> date:
    """The Monday from which a rota is planned: that of this week."""
    today = now.astimezone(committee.zone).date()
    return today - timedelta(days=today.weekday())


async def instance(
    tx: Reader, committee: Committee, *, now: datetime, weeks: int = WEEKS, terms_: rotation.Terms | None = None
) -> rotation.Instance:
    """Everything that a plan of so many weeks depends on, from the Monday of this week on.

    Ids of members, seats and tasks are their numbers as text. Shifts that have begun are in it only with those who have
    a seat there: nobody is planned for them any more; so are seats that are not needed: whoever wants takes those.
    What was done in the window is in the members' `burden` and `empowerment`. It knows what nobody may see (`not_with`,
    vetoes): it is for the rules alone.
    """
    terms_ = terms_ or await terms(tx, committee.id)
    start = first_day(committee, now=now)
    behind = start - timedelta(days=terms_.window_days)
    last = start + timedelta(weeks=weeks)
    begins, ends, since = (instant(datetime.combine(day, time()), committee.zone) for day in (start, last, behind))
    found = [one for one in await shifts.within(tx, committee.id, max(now, begins), ends) if one.at >= begins]
    known = {one.task.id: one.task for one in found}
    people = await availability.members_of(
        tx,
        committee,
        (behind, last),
        now=now,
        tasks=[Task(id=str(id_), kind=None, names=task.names) for id_, task in sorted(known.items())],
    )
    done = await shifts.carried(tx, committee.id, since)
    going_round = [one for one in await rounds.of_committee(tx, committee.id) if one.task is not None]
    # What has begun and is not in the instance any more; the rest of a term that has begun is.
    served = await rounds.served(tx, going_round, before=max(now, begins))
    members = []
    for one in people:
        _, burden, empowerment = done.get(int(one.id), (0, 0, 0))
        terms_had = tuple(served.get(int(one.id), ()))
        members.append(replace(one, burden=burden, empowerment=empowerment, served=terms_had))
    there = {one.id for one in members}
    seats, held = shifts.as_instance(found)
    by_task = {str(one.task.id): one for one in going_round if one.task is not None}
    seats = [
        replace(one, turn=by_task[one.task].turn_on(one.local.date())) if one.task in by_task else one for one in seats
    ]
    held = [one for one in held if one.member in there]
    taken = {one.seat for one in held}
    wanted = {str(seat.id) for one in found for seat in one.seats if seat.needed or seat.trainee}
    ahead = {
        one.id for one in seats if one.id in taken or (one.id in wanted and (one.at > now or one.until is not None))
    }
    declined = await shifts.given_back(tx, committee.id, begins)
    return rotation.Instance(
        start=start,
        days=weeks * 7,
        members=tuple(members),
        seats=tuple(one for one in seats if one.id in ahead),
        held=tuple(held),
        declined=frozenset((member, seat) for member, seat in declined if member in there and seat in ahead),
        roles=tuple([await _role(tx, one, {seat.turn for seat in seats}) for one in going_round]),
        terms=terms_,
        seed=start.isoformat(),
    )


async def _role(tx: Reader, round_: Round, turns: Collection[int | None]) -> rotation.Role:
    assert round_.task is not None
    known = await rounds.announced(tx, round_)
    return rotation.Role(
        task=str(round_.task.id),
        terms_max=round_.most,
        cooldown=round_.pause,
        lot=round_.how == "lot",
        announced=tuple((turn, hash_) for turn, hash_ in sorted(known.items()) if turn in turns),
    )
