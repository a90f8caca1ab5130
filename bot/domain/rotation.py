"""Who may take which seat: members, seats and what is settled already, as one instance of a rota. Pure rules.

A shift has seats; a seat is what one member fills. Burden is minutes x onerousness, empowerment minutes x empowerment.
All numbers are whole. How an instance is planned stands in `rostering`, how fair a plan is in `fairness`.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

Part = Literal["night", "morning", "afternoon", "evening"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a day, six hours each, from midnight."""
PART_HOURS = 6
Slot = tuple[int, Part]
"""A weekday (Monday is 0) and a part of the day."""
ALWAYS: frozenset[Slot] = frozenset((day, part) for day in range(7) for part in PARTS)

Stage = Literal["frozen", "firm", "draft"]
STAGES: tuple[Stage, ...] = get_args(Stage)

RATINGS = range(1, 6)
MEMBERS_MAX = 1_000
SEATS_MAX = 20_000
DAYS_MAX = 366
SEAT_MINUTES_MAX = 31 * 24 * 60

Reason = Literal[
    "skill", "not learning", "not here", "no share", "away", "unavailable", "veto", "declined",
    "busy", "week", "task", "hours", "cool-down", "not with",
]  # fmt: skip
"""Why somebody cannot take a seat. The first eight hold whatever else is planned; the others because of it:
`busy` has another seat then, `week` is at the most for that week, `task` at the most of that task, `hours` has used up
the agreed hours, `cool-down` has held the role too long, `not with` does not serve with somebody on that shift."""
PRIVATE: frozenset[Reason] = frozenset({"veto", "declined", "not with"})
"""Reasons that nobody but the member may learn; others are told "cannot"."""


class NotPossible(ValueError):
    """An instance contradicts itself. `where`: what is wrong, such as `seats cook-1`; `why`: a sentence in English."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where, self.why = where, why


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as the rota sees them. Tasks, skills and members are named by their ids.

    `share_minutes`: agreed minutes a month; 0: nothing is planned for them. `away`: days from and to, both included, in
    the window behind as well as ahead. `burden`, `empowerment`: carried in the window behind. `joined`, `leaves`: first
    and last day. `served`: terms of roles held before (role, number of the term).
    """

    id: str
    share_minutes: int
    available: frozenset[Slot] = ALWAYS
    away: tuple[tuple[date, date], ...] = ()
    joined: date | None = None
    leaves: date | None = None
    skills: frozenset[str] = frozenset()
    learning: frozenset[str] = frozenset()
    likes: frozenset[str] = frozenset()
    dislikes: frozenset[str] = frozenset()
    vetoes: frozenset[str] = frozenset()
    not_with: frozenset[str] = frozenset()
    burden: int = 0
    empowerment: int = 0
    week_minutes_max: int | None = None
    week_seats_max: int | None = None
    task_seats_max: tuple[tuple[str, int], ...] = ()
    served: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One place on a shift. `local`: wall time of the committee, naive; `at`: the same as an instant.

    `until` (wall time): it is done at any time between, and keeps nobody from another seat. `trainee`: for somebody
    who learns the skill. `turn`: the number of the term, where the task is a role.
    """

    id: str
    shift: str
    task: str
    local: datetime
    at: datetime
    minutes: int
    onerousness: int
    empowerment: int
    skill: str | None = None
    trainee: bool = False
    until: datetime | None = None
    turn: int | None = None

    @property
    def burden(self) -> int:
        """What it weighs: minutes x onerousness."""
        return self.minutes * self.onerousness

    @property
    def power(self) -> int:
        """What it gives: minutes x empowerment."""
        return self.minutes * self.empowerment


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A seat that has somebody already. Frozen: published, only a decline or a swap changes it; firm and draft: a
    change has its price. `agreed`: they said yes to it by hand, so it is not taken from them either."""

    seat: str
    member: str
    stage: Stage
    agreed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A task that is held for terms: at most `terms_max` in a row, and after so many a pause of `cooldown` terms.

    All seats of a term (by their `turn`) are for one member. `lot`: it is drawn (`lot.order`), else whoever has had the
    least empowering work for their share comes first. `announced`: by number of the term, the hash of the entry with
    which its draw was announced; where there is none, the instance's seed.
    """

    task: str
    terms_max: int
    cooldown: int
    lot: bool = False
    announced: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the committee has decided about its rota.

    `window_days`: how far back counts. `stretch_percent`: nobody is planned for more than so much of the agreed hours.
    `rest_minutes`: between two seats of one member. `empowerment_percent`: how much it weighs against burden.
    `moves_max`: so many moves are tried; None: as many as the size asks for.
    """

    window_days: int = 56
    frozen_weeks: int = 2
    firm_weeks: int = 2
    stretch_percent: int = 150
    rest_minutes: int = 0
    empowerment_percent: int = 70
    moves_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Everything that a plan depends on. `start`: the first day that is planned; `days`: how many.

    `seed`: decides ties, so that nobody is always first; such as the committee's id and the week. `declined`: pairs of
    member and seat. Raises `NotPossible` where it contradicts itself.
    """

    start: date
    days: int
    members: tuple[Member, ...]
    seats: tuple[Seat, ...]
    held: tuple[Holding, ...] = ()
    declined: frozenset[tuple[str, str]] = frozenset()
    roles: tuple[Role, ...] = ()
    terms: Terms = Terms()
    seed: str = ""

    def __post_init__(self) -> None:
        _whole(self)


def _whole(instance: Instance) -> None:
    members = _distinct("members", [one.id for one in instance.members], MEMBERS_MAX)
    seats = _distinct("seats", [one.id for one in instance.seats], SEATS_MAX)
    roles = {role.task for role in instance.roles}
    _distinct("roles", [role.task for role in instance.roles], SEATS_MAX)
    _distinct("held", [one.seat for one in instance.held], SEATS_MAX)
    _within("days", instance.days, 1, DAYS_MAX)
    terms = instance.terms
    _within("window_days", terms.window_days, 0, DAYS_MAX)
    for name in ("frozen_weeks", "firm_weeks"):
        _within(name, getattr(terms, name), 0, 52)
    _within("stretch_percent", terms.stretch_percent, 1, 10_000)
    _within("rest_minutes", terms.rest_minutes, 0, 7 * 24 * 60)
    _within("empowerment_percent", terms.empowerment_percent, 0, 1_000)
    _within("moves_max", terms.moves_max or 0, 0, 10_000_000)
    for role in instance.roles:
        _within(f"role {role.task}, terms_max", role.terms_max, 1, 1_000)
        _within(f"role {role.task}, cooldown", role.cooldown, 0, 1_000)
        if len({turn for turn, _ in role.announced}) < len(role.announced):
            raise NotPossible(f"role {role.task}, announced", "a term is announced once")
    for member in instance.members:
        where = f"member {member.id}"
        _within(f"{where}, share_minutes", member.share_minutes, 0, SEAT_MINUTES_MAX)
        for name in ("burden", "empowerment", "week_minutes_max", "week_seats_max"):
            _within(f"{where}, {name}", getattr(member, name) or 0, 0, 10**9)
        for first, last in member.away:
            if last < first:
                raise NotPossible(f"{where}, away", f"{last} comes before {first}")
        for other in member.not_with:
            if other == member.id:
                raise NotPossible(f"{where}, not_with", "nobody can be kept apart from themselves")
    end = instance.start + timedelta(days=instance.days)
    shifts: dict[str, tuple[str, datetime, datetime | None]] = {}
    for seat in instance.seats:
        where = f"seat {seat.id}"
        _within(f"{where}, minutes", seat.minutes, 1, SEAT_MINUTES_MAX)
        _within(f"{where}, onerousness", seat.onerousness, RATINGS[0], RATINGS[-1])
        _within(f"{where}, empowerment", seat.empowerment, RATINGS[0], RATINGS[-1])
        if not instance.start <= seat.local.date() < end:
            raise NotPossible(where, f"{seat.local.date()} is not one of the days that are planned")
        if any(one is not None and (one.second or one.microsecond) for one in (seat.local, seat.at, seat.until)):
            raise NotPossible(where, "times are whole minutes")
        if seat.local.tzinfo is not None or seat.at.tzinfo is None:
            raise NotPossible(where, "`local` is a wall time without a zone, `at` an instant with one")
        if seat.until is not None and seat.until.tzinfo is not None:
            raise NotPossible(f"{where}, until", "it is a wall time without a zone")
        if seat.until is not None and (seat.until <= seat.local or seat.until - seat.local > timedelta(days=DAYS_MAX)):
            raise NotPossible(f"{where}, until", "it must come after the beginning, and within a year")
        if seat.trainee and seat.skill is None:
            raise NotPossible(where, "a trainee seat needs the skill that is learnt there")
        if (seat.turn is not None) != (seat.task in roles):
            raise NotPossible(where, "a role's seat needs the number of its term, and no other seat has one")
        same = (seat.task, seat.local, seat.until)
        if shifts.setdefault(seat.shift, same) != same:
            raise NotPossible(where, f"the seats of shift {seat.shift} must be of one task and time")
    for held in instance.held:
        if held.seat not in seats or held.member not in members:
            raise NotPossible(f"held {held.seat}", f"there is no seat {held.seat} or no member {held.member}")


def _distinct(where: str, ids: Sequence[str], most: int) -> frozenset[str]:
    found = frozenset(ids)
    if len(found) < len(ids):
        twice = next(one for at, one in enumerate(ids) if one in ids[:at])
        raise NotPossible(where, f"{twice} stands there twice")
    if len(found) > most:
        raise NotPossible(where, f"{len(found)} are too many: at most {most}")
    return found


def _within(where: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise NotPossible(where, f"{value} is not between {least} and {most}")


def stage_of(day: date, *, start: date, terms: Terms) -> Stage:
    """How settled a day of the rota is by default: weeks 1-2 frozen, 3-4 firm, the rest draft."""
    week = (day - start).days // 7
    if week < terms.frozen_weeks:
        return "frozen"
    return "firm" if week < terms.frozen_weeks + terms.firm_weeks else "draft"


def slots(local: datetime, minutes: int) -> frozenset[Slot]:
    """The weekdays and parts of the day that so long a time touches."""
    found = set()
    at, ends = local, local + timedelta(minutes=minutes)
    while at < ends:
        found.add((at.weekday(), PARTS[at.hour // PART_HOURS]))
        at = at.replace(hour=at.hour // PART_HOURS * PART_HOURS, minute=0, second=0, microsecond=0)
        at += timedelta(hours=PART_HOURS)
    return frozenset(found)


def present_days(member: Member, first: date, days: int) -> int:
    """On how many of these days the member is there: since they joined, until they leave, and not away."""
    begins, ends = first.toordinal(), first.toordinal() + days
    if member.joined is not None:
        begins = max(begins, member.joined.toordinal())
    if member.leaves is not None:
        ends = min(ends, member.leaves.toordinal() + 1)
    count, seen = max(0, ends - begins), begins
    for left, back in sorted(member.away):
        low, high = max(left.toordinal(), seen), min(back.toordinal() + 1, ends)
        if high > low:
            count -= high - low
        seen = max(seen, high)
    return count


def weight(instance: Instance, member: Member) -> int:
    """Their part of the work: the agreed share, times the days behind and those ahead on which they are there.

    Nobody is there ahead: 0. For days behind on which they were not there, they are credited (`fairness.credited`).
    """
    ahead = present_days(member, instance.start, instance.days)
    return member.share_minutes * (instance.terms.window_days + ahead) if ahead else 0


def missed_days(instance: Instance, member: Member) -> int:
    """On how many days of the window behind they were not there: not joined yet, or away."""
    behind = instance.terms.window_days
    return behind - present_days(member, instance.start - timedelta(days=behind), behind)


def minutes_max(instance: Instance, member: Member) -> int:
    """So many minutes are planned for them at most: the agreed hours for the days on which they are there, stretched.

    A month counts as 30 days.
    """
    days = present_days(member, instance.start, instance.days)
    return member.share_minutes * days * instance.terms.stretch_percent // (30 * 100)


def barred(
    member: Member, seat: Seat, declined: Collection[tuple[str, str]] = (), *, agreed: bool = False
) -> Reason | None:
    """Why this member can never take this seat, whatever else is planned; None: they may.

    `agreed`: they said yes to this very seat, which sets aside what is there for their own sake only.
    """
    if seat.trainee:
        if seat.skill not in member.learning or seat.skill in member.skills:
            return "not learning"
    elif seat.skill is not None and seat.skill not in member.skills:
        return "skill"
    first, days, needed, asked = _span(seat.local, seat.minutes, seat.until)
    if member.joined is not None or member.leaves is not None:
        begins = first if member.joined is None else max(first, member.joined)
        last = first + timedelta(days=days - 1)
        ends = last if member.leaves is None else min(last, member.leaves)
        if (ends - begins).days + 1 < needed:
            return "not here"
    if not member.share_minutes and not agreed:
        return "no share"
    if member.away and present_days(member, first, days) < needed:
        return "away"
    if declined and (member.id, seat.id) in declined:
        return "declined"
    if agreed:
        return None
    if not (asked <= member.available if seat.until is None else asked & member.available):
        return "unavailable"
    return "veto" if seat.task in member.vetoes else None


@functools.lru_cache(maxsize=1024)
def _span(local: datetime, minutes: int, until: datetime | None) -> tuple[date, int, int, frozenset[Slot]]:
    """The first day of a seat, its number of days, on how many of them its holder must be there, and its slots.

    A seat without an hour of its own is for those who are there at least half of its days.
    """
    ends = until if until is not None else local + timedelta(minutes=minutes)
    days = ((ends - timedelta(microseconds=1)).date() - local.date()).days + 1
    needed = days if until is None else (days + 1) // 2
    # After a week all weekdays have come.
    length = min(int((ends - local).total_seconds()) // 60, 7 * 24 * 60)
    return local.date(), days, needed, slots(local, length)


def rested(turns: Iterable[int], role: Role) -> bool:
    """Whether these terms of one member keep to the role's rule."""
    run, previous, full = 0, None, None
    for turn in sorted(set(turns)):
        run = run + 1 if previous is not None and turn == previous + 1 else 1
        if run > role.terms_max:
            return False
        if run == 1 and full is not None and turn - full <= role.cooldown:
            return False
        if run == role.terms_max:
            full = turn
        previous = turn
    return True
