"""The snapshot of a rota: all that a plan depends on, as JSON that is the same byte by byte, and its hash.

Whoever has it can plan again and compare (`verify`). The format is described in docs/rota.md; no floating point in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain import recurrence, rostering
from bot.domain.chain import canonical
from bot.domain.rotation import (
    ALWAYS,
    PARTS,
    STAGES,
    Holding,
    Instance,
    Member,
    NotPossible,
    Role,
    Seat,
    Slot,
    Terms,
    stage_of,
)

FORMAT = 1
"""The number of the format."""
METHOD = 2
"""The number of the way of planning: another one gives other plans, and a hash is only compared under its own."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ID_CHARACTERS_MAX = 200


# --- writing -------------------------------------------------------------------------------------------------------


def snapshot(instance: Instance) -> dict[str, Any]:
    """The instance as plain values, everything spelled out, in an order that its own order does not change."""
    terms = instance.terms
    return {
        "format": FORMAT,
        "start": instance.start.isoformat(),
        "days": instance.days,
        "seed": instance.seed,
        "terms": {one.name: getattr(terms, one.name) for one in fields(terms)},
        "members": [_member(one) for one in sorted(instance.members, key=lambda one: one.id)],
        "seats": [_seat(one) for one in sorted(instance.seats, key=lambda one: one.id)],
        "held": [
            {"seat": one.seat, "member": one.member, "stage": one.stage, "agreed": one.agreed}
            for one in sorted(instance.held, key=lambda one: one.seat)
        ],
        "declined": [{"member": member, "seat": seat} for member, seat in sorted(instance.declined)],
        "roles": [
            {
                "task": one.task,
                "terms_max": one.terms_max,
                "cooldown": one.cooldown,
                "lot": one.lot,
                "announced": [{"turn": turn, "hash": hash_} for turn, hash_ in sorted(one.announced)],
            }
            for one in sorted(instance.roles, key=lambda one: one.task)
        ],
    }


def _member(one: Member) -> dict[str, Any]:
    times = {day: [part for part in PARTS if (at, part) in one.available] for at, day in enumerate(DAYS)}
    return {
        "id": one.id,
        "share_minutes": one.share_minutes,
        "available": {day: parts for day, parts in times.items() if parts},
        "away": [[first.isoformat(), last.isoformat()] for first, last in sorted(one.away)],
        "joined": one.joined.isoformat() if one.joined else None,
        "leaves": one.leaves.isoformat() if one.leaves else None,
        **{
            name: sorted(getattr(one, name))
            for name in ("skills", "learning", "likes", "dislikes", "vetoes", "not_with")
        },
        "burden": one.burden,
        "empowerment": one.empowerment,
        "week_minutes_max": one.week_minutes_max,
        "week_seats_max": one.week_seats_max,
        "task_seats_max": dict(sorted(one.task_seats_max)),
        "served": [{"task": task, "turn": turn} for task, turn in sorted(one.served)],
    }


def _seat(one: Seat) -> dict[str, Any]:
    return {
        "id": one.id,
        "shift": one.shift,
        "task": one.task,
        "local": one.local.isoformat(timespec="minutes"),
        "at": one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "until": one.until.isoformat(timespec="minutes") if one.until else None,
        "minutes": one.minutes,
        "onerousness": one.onerousness,
        "empowerment": one.empowerment,
        "skill": one.skill,
        "trainee": one.trainee,
        "turn": one.turn,
    }


def instance_hash(instance: Instance) -> str:
    """The SHA-256 of the instance's snapshot, in hexadecimal."""
    return _hash(snapshot(instance))


def plan_hash(instance: Instance, holders: Mapping[str, str]) -> str:
    """The SHA-256 of a plan together with the snapshot that it comes from."""
    return _hash({"method": METHOD, "instance": instance_hash(instance), "holders": dict(holders)})


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def verify(instance: Instance, expected: str) -> bool:
    """Plan again, and tell whether the plan is the one with this hash."""
    return plan_hash(instance, rostering.plan(instance).holders) == expected


# --- reading -------------------------------------------------------------------------------------------------------

V = TypeVar("V")


@dataclass
class _Object:
    """A JSON object that is read field by field; what is left over at the end was a slip of the pen."""

    where: str
    values: dict[str, Any]

    def take(self, name: str, kind: type[V], *, default: V | None = None, needed: bool = False) -> V | None:
        """A value of a kind; null and nothing are the default. Raises `NotPossible`."""
        value = self.values.pop(name, None)
        if value is None:
            if needed:
                raise NotPossible(self.where, f"“{name}” is missing")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            words = {int: "a whole number", str: "text", bool: "true or false", list: "a list", dict: "an object"}
            raise NotPossible(self.where, f"“{name}” must be {words[kind]}")
        return value

    def needs(self, name: str, kind: type[V]) -> V:
        """The same for what must be there."""
        value = self.take(name, kind, needed=True)
        assert value is not None
        return value

    def id(self, name: str) -> str:
        """An id that must be there."""
        return _id(self.where, name, self.needs(name, str))

    def ids(self, name: str) -> frozenset[str]:
        """A list of ids."""
        found = self.take(name, list, default=[]) or []
        return frozenset(_id(self.where, name, one) for one in found)

    def day(self, name: str) -> date | None:
        """A date."""
        value = self.take(name, str)
        return None if value is None else _day(self.where, name, value)

    def moment(self, name: str) -> datetime | None:
        """A wall time, or an instant with its zone."""
        value = self.take(name, str)
        try:
            return None if value is None else datetime.fromisoformat(value)
        except ValueError:
            raise NotPossible(self.where, f"“{name}” must be a time such as 2026-12-08T18:00, not {value}") from None

    def objects(self, name: str, what: str) -> Iterable[_Object]:
        """A list of objects."""
        for number, one in enumerate(self.take(name, list, default=[]) or [], 1):
            if not isinstance(one, dict):
                raise NotPossible(f"{what} {number}", "it must be an object")
            label = one.get("id", one.get("seat", one.get("task", number)))
            yield _Object(f"{what} {label}", dict(one))

    def end(self) -> None:
        """Nothing may be left."""
        if self.values:
            raise NotPossible(self.where, f"“{min(self.values)}” is not known here")


def _id(where: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= ID_CHARACTERS_MAX or not value.isprintable():
        raise NotPossible(where, f"“{name}” must hold names of 1 to {ID_CHARACTERS_MAX} characters that can be printed")
    return value


def _day(where: str, name: str, value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise NotPossible(where, f"“{name}” must be a date such as 2026-12-08, not {value}") from None


def read(body: object) -> Instance:
    """The instance that JSON describes: a snapshot, or one written by hand, with a "zone" in place of each "at".

    Raises `NotPossible`, which says where and why.
    """
    if not isinstance(body, dict):
        raise NotPossible("the file", "it must be an object")
    top = _Object("the file", dict(body))
    if top.take("format", int, default=FORMAT) != FORMAT:
        raise NotPossible("the file", f"only format {FORMAT} is known")
    start = top.day("start")
    if start is None:
        raise NotPossible("the file", "“start” is missing")
    terms = _read_terms(top)
    zone = _read_zone(top)
    members = tuple(_read_member(one) for one in top.objects("members", "member"))
    seats = tuple(_read_seat(one, zone) for one in top.objects("seats", "seat"))
    days = {seat.id: seat.local.date() for seat in seats}
    instance = Instance(
        start=start,
        days=top.needs("days", int),
        seed=top.take("seed", str, default="") or "",
        terms=terms,
        members=members,
        seats=seats,
        held=tuple(_read_held(one, days, start, terms) for one in top.objects("held", "held")),
        declined=frozenset(_read_declined(one) for one in top.objects("declined", "declined")),
        roles=tuple(_read_role(one) for one in top.objects("roles", "role")),
    )
    top.end()
    return instance


def _read_declined(one: _Object) -> tuple[str, str]:
    pair = one.id("member"), one.id("seat")
    one.end()
    return pair


def _read_role(one: _Object) -> Role:
    role = Role(
        task=one.id("task"),
        terms_max=one.needs("terms_max", int),
        cooldown=one.needs("cooldown", int),
        lot=one.take("lot", bool, default=False) or False,
        announced=tuple(sorted(_read_announced(term) for term in one.objects("announced", "announced"))),
    )
    one.end()
    return role


def _read_announced(one: _Object) -> tuple[int, str]:
    pair = one.needs("turn", int), one.id("hash")
    one.end()
    return pair


def _read_terms(top: _Object) -> Terms:
    terms = _Object("terms", dict(top.take("terms", dict, default={}) or {}))
    given = {one.name: terms.take(one.name, int, default=getattr(Terms(), one.name)) for one in fields(Terms)}
    terms.end()
    return Terms(**given)  # type: ignore[arg-type]


def _read_zone(top: _Object) -> ZoneInfo | None:
    name = top.take("zone", str)
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotPossible("the file", f"there is no time zone {name}") from None


def _read_member(one: _Object) -> Member:
    away = []
    for pair in one.take("away", list, default=[]) or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise NotPossible(one.where, "“away” must hold pairs of dates")
        away.append((_day(one.where, "away", pair[0]), _day(one.where, "away", pair[1])))
    caps = one.take("task_seats_max", dict, default={}) or {}
    for task, most in caps.items():
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise NotPossible(one.where, f"“task_seats_max” of {task} must be a whole number")
    member = Member(
        id=one.id("id"),
        share_minutes=one.needs("share_minutes", int),
        available=_read_slots(one),
        away=tuple(away),
        joined=one.day("joined"),
        leaves=one.day("leaves"),
        skills=one.ids("skills"),
        learning=one.ids("learning"),
        likes=one.ids("likes"),
        dislikes=one.ids("dislikes"),
        vetoes=one.ids("vetoes"),
        not_with=one.ids("not_with"),
        burden=one.take("burden", int, default=0) or 0,
        empowerment=one.take("empowerment", int, default=0) or 0,
        week_minutes_max=one.take("week_minutes_max", int),
        week_seats_max=one.take("week_seats_max", int),
        task_seats_max=tuple(sorted(caps.items())),
        served=tuple(sorted(_read_served(term) for term in one.objects("served", "served"))),
    )
    one.end()
    return member


def _read_served(one: _Object) -> tuple[str, int]:
    pair = one.id("task"), one.needs("turn", int)
    one.end()
    return pair


def _read_slots(one: _Object) -> frozenset[Slot]:
    days = one.take("available", dict)
    if days is None:
        return ALWAYS
    found = set()
    for day, parts in days.items():
        if day not in DAYS or not isinstance(parts, list):
            raise NotPossible(one.where, f"“available” knows {', '.join(DAYS)}, each with a list")
        for part in parts:
            if part not in PARTS:
                raise NotPossible(one.where, f"“available” knows {', '.join(PARTS)}, not {part}")
            found.add((DAYS.index(day), part))
    return frozenset(found)


def _read_seat(one: _Object, zone: ZoneInfo | None) -> Seat:
    local, at = one.moment("local"), one.moment("at")
    if local is None or local.tzinfo is not None:
        raise NotPossible(one.where, "“local” must be a time such as 2026-12-08T18:00, without a zone")
    if at is None:
        if zone is None:
            raise NotPossible(one.where, "“at” is missing, and the file has no “zone”")
        at = recurrence.instant(local, zone)
    if at.tzinfo is None:
        raise NotPossible(one.where, "“at” must be a time such as 2026-12-08T17:00Z, with a zone")
    seat = Seat(
        id=one.id("id"),
        shift=one.id("shift"),
        task=one.id("task"),
        local=local,
        at=at.astimezone(UTC),
        until=one.moment("until"),
        minutes=one.needs("minutes", int),
        onerousness=one.needs("onerousness", int),
        empowerment=one.needs("empowerment", int),
        skill=one.id("skill") if one.values.get("skill") is not None else one.take("skill", str),
        trainee=one.take("trainee", bool, default=False) or False,
        turn=one.take("turn", int),
    )
    one.end()
    return seat


def _read_held(one: _Object, days: Mapping[str, date], start: date, terms: Terms) -> Holding:
    seat, stage = one.id("seat"), one.take("stage", str)
    if stage is None and seat in days:
        stage = stage_of(days[seat], start=start, terms=terms)
    chosen = next((known for known in STAGES if known == stage), None)
    if chosen is None:
        raise NotPossible(one.where, f"“stage” is one of {', '.join(STAGES)}")
    held = Holding(
        seat=seat, member=one.id("member"), stage=chosen, agreed=one.take("agreed", bool, default=False) or False
    )
    one.end()
    return held
