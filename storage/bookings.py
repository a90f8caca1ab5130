"""What the committee shares and books, what for, and who has asked for it when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import bookings as rule
from bot.domain import retention
from bot.domain.bookings import Kind, Outcome, Request, Span, Terms
from bot.text import T, Text, Written
from storage import cards, due, notes, nudges
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

RESOURCES_MAX = 50
"""So many things a committee may share."""
OF_MEMBER_MAX = 20
"""So many bookings one member may have ahead."""
WAITING_MAX = 200
"""So many may ask for one thing at once."""
LISTED_MAX = 500
_AT_ONCE_MAX = 500
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time

State = Literal["waiting", "firm", "lost", "cancelled"]
ALIVE: Sequence[State] = ("waiting", "firm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A room, a vehicle or a tool of the committee's."""

    id: int
    number: int
    committee_id: int
    kind: Kind
    terms: Terms
    listed: bool
    name: Written | None
    """As the committee calls it; None: that is erased."""

    @property
    def thing(self) -> str:
        """The thing whose note is its name."""
        return f"resource:{self.id}"

    @property
    def called(self) -> Text:
        """Its name, to be put into sentences."""
        return T("(erased)") if self.name is None else T("{title}", title=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What something is booked for. `place` in the committee's order, 0 comes first; None: not in it any more."""

    id: int
    place: int | None
    name: Written | None

    @property
    def called(self) -> Text:
        """Its name, to be put into sentences."""
        return T("(erased)") if self.name is None else T("{title}", title=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Somebody has asked for a time. Ids are those of members."""

    id: int
    resource: Resource
    member_id: int
    name: str
    purpose_id: int | None
    place: int | None
    """Of its purpose in the committee's order; None: it comes after all of them."""
    state: State
    span: Span
    asked_at: datetime
    decided: Outcome | None

    @property
    def thing(self) -> str:
        """The thing that its card shows and that its words stand beside."""
        return f"booking:{self.id}"

    @property
    def request(self) -> Request:
        """As the rule looks at it."""
        place = rule.PURPOSES_MAX if self.place is None else self.place
        return Request(id=self.id, member=self.member_id, span=self.span, place=place, asked=self.asked_at)


# --- things ------------------------------------------------------------------------------------------------------

_RESOURCE = "r.id, r.number, r.committee_id, r.kind, r.longest, r.ahead_days, r.firm, r.listed"


async def _resource(tx: Reader, row: Sequence[Any]) -> Resource:
    id_, number, committee_id, kind, longest, ahead_days, firm, listed = row
    return Resource(
        id=id_,
        number=number,
        committee_id=committee_id,
        kind=kind,
        terms=Terms(longest=longest, ahead_days=ahead_days, firm=firm),
        listed=bool(listed),
        name=await notes.written(tx, f"resource:{id_}"),
    )


async def add(
    tx: Transaction, committee: Committee, kind: Kind, name: str, *, by: Member, now: datetime
) -> tuple[Resource, str]:
    """The committee shares something; it, and the salted hash of its name for the chain."""
    id_ = await tx.value(
        """INSERT INTO resources (committee_id, number, kind, longest, ahead_days)
           SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM resources WHERE committee_id = ?1), ?2, ?3, ?4
           RETURNING id""",
        committee.id,
        kind,
        rule.LONGEST[kind],
        rule.AHEAD_DAYS,
    )
    hashed = await notes.keep(tx, f"resource:{id_}", name)
    await notes.wrote(tx, f"resource:{id_}", by.id, now=now)
    found = await resource(tx, committee.id, id_)
    assert found is not None
    return found, hashed


async def resource(tx: Reader, committee_id: int, id_: int) -> Resource | None:
    """One of the committee's things, whether or not it is shared still."""
    row = await tx.one(f"SELECT {_RESOURCE} FROM resources r WHERE r.committee_id = ? AND r.id = ?", committee_id, id_)
    return await _resource(tx, row) if row else None


async def resources(tx: Reader, committee_id: int) -> list[Resource]:
    """What the committee shares now, at most `RESOURCES_MAX`."""
    rows = await tx.all(
        f"SELECT {_RESOURCE} FROM resources r WHERE r.committee_id = ? AND r.listed = 1 ORDER BY r.id LIMIT ?",
        committee_id,
        RESOURCES_MAX,
    )
    return [await _resource(tx, row) for row in rows]


async def unlist(tx: Transaction, resource_: Resource) -> None:
    """It is not shared any more. Its name goes when nobody has had it for a while."""
    await tx.execute("UPDATE resources SET listed = 0 WHERE id = ?", resource_.id)
    await _erase_unused(tx)


async def set_terms(tx: Transaction, resource_: Resource, terms: Terms) -> None:
    """From now on it is booked so."""
    await tx.execute(
        "UPDATE resources SET longest = ?, ahead_days = ?, firm = ? WHERE id = ?",
        terms.longest,
        terms.ahead_days,
        terms.firm,
        resource_.id,
    )


# --- purposes ----------------------------------------------------------------------------------------------------


async def purposes(tx: Reader, resource_id: int) -> list[Purpose]:
    """What a thing is booked for, in the committee's order."""
    rows = await tx.all(
        "SELECT id, place FROM purposes WHERE resource_id = ? AND place IS NOT NULL ORDER BY place LIMIT ?",
        resource_id,
        rule.PURPOSES_MAX,
    )
    return [Purpose(id=id_, place=place, name=await notes.written(tx, f"purpose:{id_}")) for id_, place in rows]


async def purpose(tx: Reader, resource_id: int, id_: int) -> Purpose | None:
    """One of a thing's purposes, whether or not it is in the order still."""
    row = await tx.one("SELECT id, place FROM purposes WHERE resource_id = ? AND id = ?", resource_id, id_)
    if row is None:
        return None
    return Purpose(id=row[0], place=row[1], name=await notes.written(tx, f"purpose:{id_}"))


async def set_purposes(
    tx: Transaction,
    resource_: Resource,
    names: Sequence[str],
    *,
    same: Mapping[str, int],
    by: Member | None,
    now: datetime,
) -> list[str]:
    """From now on this is the order. `same`: the purposes that there are already, by name. The hashes of new names."""
    await tx.execute("UPDATE purposes SET place = NULL WHERE resource_id = ?", resource_.id)
    hashes = []
    for place, name in enumerate(names):
        if name in same:
            await tx.execute("UPDATE purposes SET place = ? WHERE id = ?", place, same[name])
            continue
        id_ = await tx.value(
            "INSERT INTO purposes (resource_id, place) VALUES (?, ?) RETURNING id", resource_.id, place
        )
        hashes.append(await notes.keep(tx, f"purpose:{id_}", name))
        if by is not None:
            await notes.wrote(tx, f"purpose:{id_}", by.id, now=now)
    await _erase_unused(tx)
    return hashes


# --- bookings ----------------------------------------------------------------------------------------------------

_BOOKING = f"""b.id, b.member_id, m.called, b.purpose_id, p.place, b.state, b.start_us, b.end_us, b.asked_us, b.decided,
    {_RESOURCE}"""
_FROM = """bookings b JOIN resources r ON r.id = b.resource_id JOIN members m ON m.id = b.member_id
    LEFT JOIN purposes p ON p.id = b.purpose_id"""
_ALIVE = "('waiting', 'firm')"


async def _booking(tx: Reader, row: Row) -> Booking:
    id_, member_id, name, purpose_id, place, state, start_us, end_us, asked_us, decided, *of = row
    return Booking(
        id=id_,
        resource=await _resource(tx, of),
        member_id=member_id,
        name=str(name),
        purpose_id=purpose_id,
        place=place,
        state=state,
        span=Span(from_us(start_us), from_us(end_us)),
        asked_at=from_us(asked_us),
        decided=None if decided is None else Outcome(**json.loads(decided)),
    )


async def put(
    tx: Transaction,
    resource_: Resource,
    member: Member,
    span: Span,
    *,
    purpose_id: int | None,
    words: str,
    now: datetime,
) -> Booking:
    """Somebody asks for a time. `words`: what else they say about it; none: nothing."""
    id_ = await tx.value(
        """INSERT INTO bookings (resource_id, member_id, purpose_id, state, start_us, end_us, asked_us)
           VALUES (?, ?, ?, 'waiting', ?, ?, ?) RETURNING id""",
        resource_.id,
        member.id,
        purpose_id,
        to_us(span.start),
        to_us(span.end),
        to_us(now),
    )
    if words:
        await notes.keep(tx, f"booking:{id_}", words)
        await notes.wrote(tx, f"booking:{id_}", member.id, now=now)
    found = await booking(tx, resource_.committee_id, id_)
    assert found is not None
    return found


async def booking(tx: Reader, committee_id: int, id_: int) -> Booking | None:
    """One of the committee's bookings by its id, whatever became of it."""
    row = await tx.one(f"SELECT {_BOOKING} FROM {_FROM} WHERE r.committee_id = ? AND b.id = ?", committee_id, id_)
    return await _booking(tx, row) if row else None


async def words(tx: Reader, booking_: Booking) -> Written | None:
    """What else whoever asked has said about it; None: nothing, or that is erased."""
    return await notes.written(tx, booking_.thing)


async def within(tx: Reader, resource_: Resource, span: Span) -> list[Booking]:
    """Who has a thing, or has asked for it, at some time of the span; by when it begins."""
    rows = await tx.all(
        f"""SELECT {_BOOKING} FROM {_FROM} WHERE b.resource_id = ? AND b.state IN {_ALIVE}
            AND b.start_us < ? AND b.end_us > ? ORDER BY b.start_us, b.id LIMIT ?""",
        resource_.id,
        to_us(span.end),
        to_us(span.start),
        LISTED_MAX,
    )
    return [await _booking(tx, row) for row in rows]


async def waiting(tx: Reader, resource_: Resource) -> list[Booking]:
    """Who has asked for a thing and waits for the decision, in the order in which they asked."""
    rows = await tx.all(
        f"SELECT {_BOOKING} FROM {_FROM} WHERE b.resource_id = ? AND b.state = 'waiting' ORDER BY b.id LIMIT ?",
        resource_.id,
        WAITING_MAX,
    )
    return [await _booking(tx, row) for row in rows]


async def all_within(tx: Reader, committee_id: int, span: Span) -> list[Booking]:
    """All that is booked or asked for at some time of the span; by when it begins."""
    rows = await tx.all(
        f"""SELECT {_BOOKING} FROM {_FROM} WHERE r.committee_id = ? AND r.listed = 1 AND b.state IN {_ALIVE}
            AND b.start_us < ? AND b.end_us > ? ORDER BY b.start_us, b.id LIMIT ?""",
        committee_id,
        to_us(span.end),
        to_us(span.start),
        LISTED_MAX,
    )
    return [await _booking(tx, row) for row in rows]


async def ahead_of(tx: Reader, member: Member, *, now: datetime) -> list[Booking]:
    """What a member, or somebody for whom they speak, has booked or asked for; by when it begins."""
    rows = await tx.all(
        f"""SELECT {_BOOKING} FROM {_FROM} WHERE r.committee_id = ?1 AND b.state IN {_ALIVE} AND b.end_us > ?3
            AND (b.member_id = ?2 OR (m.helper_id = ?2 AND m.active = 1)) ORDER BY b.start_us, b.id LIMIT ?4""",
        member.committee_id,
        member.id,
        to_us(now),
        LISTED_MAX,
    )
    return [await _booking(tx, row) for row in rows]


async def ahead(tx: Reader, resource_: Resource, *, now: datetime) -> list[Booking]:
    """Who has a thing from now on, or has asked for it; by when it begins."""
    rows = await tx.all(
        f"""SELECT {_BOOKING} FROM {_FROM} WHERE b.resource_id = ? AND b.state IN {_ALIVE} AND b.end_us > ?
            ORDER BY b.start_us, b.id LIMIT ?""",
        resource_.id,
        to_us(now),
        LISTED_MAX,
    )
    return [await _booking(tx, row) for row in rows]


async def had(tx: Reader, resource_: Resource, *, now: datetime) -> dict[int, int]:
    """How many minutes each member has had a thing in the last `HAD_WITHIN`: bookings that have begun."""
    rows = await tx.all(
        """SELECT member_id, sum(end_us - start_us) / 60000000 FROM bookings
           WHERE resource_id = ? AND state = 'firm' AND start_us >= ? AND start_us < ?
           GROUP BY member_id LIMIT 10000""",
        resource_.id,
        to_us(now - rule.HAD_WITHIN),
        to_us(now),
    )
    return dict(rows)


async def lost_to(tx: Reader, booking_: Booking, *, now: datetime) -> list[Booking]:
    """Who did not get a time that is still ahead because this booking went before, in the order in which they asked."""
    rows = await tx.all(
        f"""SELECT {_BOOKING} FROM {_FROM} WHERE b.resource_id = ? AND b.state = 'lost' AND b.start_us > ?
            AND json_extract(b.decided, '$.to') = ? AND m.active = 1 ORDER BY b.id LIMIT ?""",
        booking_.resource.id,
        to_us(now),
        booking_.id,
        WAITING_MAX,
    )
    return [await _booking(tx, row) for row in rows]


async def decide(tx: Transaction, booking_: Booking, outcome: Outcome) -> Booking:
    """It is firm, or somebody else has the time."""
    await tx.execute(
        "UPDATE bookings SET state = ?, decided = ? WHERE id = ?",
        "firm" if outcome.won else "lost",
        json.dumps(asdict(outcome)),
        booking_.id,
    )
    return await _changed(tx, booking_)


async def cancel(tx: Transaction, booking_: Booking) -> Booking:
    """It is not wanted any more, or cannot be had."""
    await tx.execute("UPDATE bookings SET state = 'cancelled' WHERE id = ?", booking_.id)
    return await _changed(tx, booking_)


async def set_purpose(tx: Transaction, booking_: Booking, purpose_id: int) -> Booking:
    """It is for this."""
    await tx.execute("UPDATE bookings SET purpose_id = ? WHERE id = ?", purpose_id, booking_.id)
    found = await booking(tx, booking_.resource.committee_id, booking_.id)
    assert found is not None
    await cards.changed(tx, found.thing)
    return found


async def _changed(tx: Transaction, booking_: Booking) -> Booking:
    for key in (booking_.thing, f"reminder:{booking_.thing}"):
        await due.cancel(tx, key)
    await nudges.withdraw(tx, booking_.thing)
    await cards.changed(tx, booking_.thing)
    found = await booking(tx, booking_.resource.committee_id, booking_.id)
    assert found is not None
    return found


async def plan(tx: Transaction, booking_: Booking, says: Saying, at: datetime, *, reminder: bool = False) -> None:
    """The clock says this about a booking at an instant: that it is decided, or as a reminder."""
    await due.plan(
        tx,
        f"reminder:{booking_.thing}" if reminder else booking_.thing,
        says,
        local=at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=booking_.resource.committee_id,
        late="skip" if reminder else "do",
    )


# --- people come and go ------------------------------------------------------------------------------------------


async def leave(tx: Transaction, member: Member) -> None:
    """Somebody goes: at once, the clock takes back what they have booked."""
    concerned = await tx.one(f"SELECT 1 FROM bookings WHERE member_id = ? AND state IN {_ALIVE} LIMIT 1", member.id)
    if concerned is not None:
        await due.plan(
            tx,
            f"books:{member.id}",
            Saying(command="booker_left", arguments={"who": member.id}),
            local=_LONG_AGO,
            zone=ZoneInfo("UTC"),
            committee=member.committee_id,
            late="do",
        )


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what they have booked is that one's, and of two requests for one time one goes on."""
    await tx.execute("UPDATE bookings SET member_id = ? WHERE member_id = ?", into, old)
    rows = await tx.all(
        """SELECT DISTINCT b.id, r.committee_id FROM bookings b JOIN resources r ON r.id = b.resource_id
           JOIN bookings o ON o.resource_id = b.resource_id AND o.member_id = b.member_id AND o.id < b.id
               AND o.state = 'waiting' AND o.start_us < b.end_us AND b.start_us < o.end_us
           WHERE b.member_id = ? AND b.state = 'waiting' ORDER BY b.id LIMIT ?""",
        into,
        LISTED_MAX,
    )
    for id_, committee_id in rows:
        found = await booking(tx, committee_id, id_)
        assert found is not None
        await cancel(tx, found)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who had what some time ago, and the words of what is not shared or not booked for any more."""
    rows = await tx.all(
        "DELETE FROM bookings WHERE id IN (SELECT id FROM bookings WHERE end_us < ? ORDER BY id LIMIT ?) RETURNING id",
        to_us(now - retention.BOOKINGS),
        _AT_ONCE_MAX,
    )
    for (id_,) in rows:
        await notes.erase(tx, f"booking:{id_}")
        await tx.execute("DELETE FROM notes WHERE thing = ?", f"booking:{id_}")
    await _erase_unused(tx)


async def _erase_unused(tx: Transaction) -> None:
    rows = await tx.all(
        """SELECT n.thing FROM resources r JOIN notes n ON n.thing = 'resource:' || r.id
           WHERE r.listed = 0 AND n.text IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM bookings b WHERE b.resource_id = r.id)
           UNION ALL SELECT n.thing FROM purposes p JOIN resources r ON r.id = p.resource_id
           JOIN notes n ON n.thing = 'purpose:' || p.id
           WHERE (p.place IS NULL OR r.listed = 0) AND n.text IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM bookings b WHERE b.purpose_id = p.id) LIMIT ?""",
        _AT_ONCE_MAX,
    )
    for (thing,) in rows:
        await notes.erase(tx, thing)
