"""What members order together: who takes how many, what it costs, and whose turn it is to fetch it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import retention
from bot.domain.lending import name_of
from bot.domain.orders import ALIVE, CALLED_OFF, OVER, Cost, How, Least, Said, State, Times, missing, shares
from bot.text import Amount, T, Text, Written
from storage import cards, due, notes, nudges
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

OPEN_MAX = 50
"""So many orders of a committee go on at once."""
OF_MEMBER_MAX = 10
"""So many of them one member looks after."""
LINES_MAX = 500
"""So many people take part in one order."""
COSTS_MAX = 10
SLOTS_MAX = 10
_AT_ONCE_MAX = 100
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time, as `due.plan` takes it
_ALIVE = "('open', 'short', 'ordered')"
assert set(ALIVE) == {"open", "short", "ordered"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A group purchase. Money in hundredths. `name`: of whoever began it, or took it over, as they show it."""

    id: int
    number: int
    committee_id: int
    member_id: int
    name: str
    active: bool
    """Whoever it is of is still a member."""
    price: Amount | None
    least: int | None
    least_amount: Amount | None
    state: State
    until: datetime
    since: datetime
    """When it came into its state."""
    total: int
    people: int
    words: Written | None
    """None once they are erased."""

    @property
    def thing(self) -> str:
        """What its card, its words and its due row are kept under."""
        return f"order:{self.id}"

    @property
    def called(self) -> Text:
        """What it is, in few words."""
        if self.words is None:
            return T("(erased)")
        others = {language: name_of(text) for language, text in self.words.others.items()}
        return T("{title}", title=Written(name_of(self.words.text), others))

    @property
    def missing(self) -> int:
        """How many more must be ordered."""
        return missing(self.total, price=self.price, least=self.least, least_amount=self.least_amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How many somebody takes of an order."""

    id: int
    order_id: int
    member_id: int
    name: str
    active: bool
    quantity: int
    paid: Amount | None
    collected: bool

    @property
    def thing(self) -> str:
        """What a reminder to pay is kept under."""
        return f"order_line:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A cost that all share."""

    id: int
    cost: Cost
    words: Written | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time when something of an order is fetched or handed out."""

    id: int
    order_id: int
    times: Times
    seats: int
    step: int
    words: Written | None

    @property
    def start(self) -> datetime:
        """When it begins."""
        return self.times.start

    @property
    def thing(self) -> str:
        """What its card, its words and its due row are kept under."""
        return f"order_slot:{self.id}"

    @property
    def called(self) -> Text:
        """What is to be done."""
        return T("{title}", title=self.words) if self.words is not None else T("(erased)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Somebody's turn. `state`: taken, given by the bot, or declined."""

    member_id: int
    name: str
    state: str

    @property
    def stands(self) -> bool:
        """Whether it is theirs."""
        return self.state != "declined"


_ORDERS = """SELECT o.id, o.number, o.committee_id, o.member_id, m.called, m.active, o.price, o.least, o.least_amount,
    o.state, o.until_us, o.since_us, (SELECT coalesce(sum(l.quantity), 0) FROM order_lines l WHERE l.order_id = o.id),
    (SELECT count(*) FROM order_lines l WHERE l.order_id = o.id) FROM orders o JOIN members m ON m.id = o.member_id"""
_LINES = """SELECT l.id, l.order_id, l.member_id, m.called, m.active, l.quantity, l.paid, l.collected
    FROM order_lines l JOIN members m ON m.id = l.member_id"""
_SLOTS = """SELECT s.id, s.order_id, s.start_us, s.end_us, s.seats, s.step, s.at_us
    FROM order_slots s JOIN orders o ON o.id = s.order_id"""


async def _order(tx: Reader, row: Row) -> Order:
    id_, number, committee_id, member_id, name, active, price, least, amount, state, until, since, total, people = row
    return Order(
        id=id_,
        number=number,
        committee_id=committee_id,
        member_id=member_id,
        name=str(name),
        active=bool(active),
        price=None if price is None else Amount(price),
        least=least,
        least_amount=None if amount is None else Amount(amount),
        state=state,
        until=from_us(until),
        since=from_us(since),
        total=int(total),
        people=int(people),
        words=await notes.written(tx, f"order:{id_}"),
    )


def _line(row: Row) -> Line:
    id_, order_id, member_id, name, active, quantity, paid, collected = row
    return Line(
        id=id_,
        order_id=order_id,
        member_id=member_id,
        name=str(name),
        active=bool(active),
        quantity=quantity,
        paid=None if paid is None else Amount(paid),
        collected=bool(collected),
    )


async def _slot(tx: Reader, row: Row) -> Slot:
    id_, order_id, start_us, end_us, seats, step, at_us = row
    return Slot(
        id=id_,
        order_id=order_id,
        times=Times(start=from_us(start_us), end=from_us(end_us), announced=from_us(at_us)),
        seats=seats,
        step=step,
        words=await notes.written(tx, f"order_slot:{id_}"),
    )


# --- orders ------------------------------------------------------------------------------------------------------


async def begin(
    tx: Transaction, committee: Committee, opener: Member, said: Said, *, until: datetime, now: datetime
) -> tuple[Order, str]:
    """Somebody begins an order. Returns it, and the salted hash of its words for the chain."""
    least = said.least or Least()
    id_ = await tx.value(
        """INSERT INTO orders (committee_id, number, member_id, price, least, least_amount, state, until_us, since_us)
           SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM orders WHERE committee_id = ?1), ?2, ?3, ?4, ?5,
               'open', ?6, ?7 RETURNING id""",
        committee.id,
        opener.id,
        said.price,
        least.count,
        least.amount,
        to_us(until),
        to_us(now),
    )
    hashed = await notes.keep(tx, f"order:{id_}", said.words)
    await notes.wrote(tx, f"order:{id_}", opener.id, now=now)
    return await _known(tx, committee.id, id_), hashed


async def order(tx: Reader, committee_id: int, id_: int) -> Order | None:
    """One of the committee's orders by its id, whatever became of it."""
    row = await tx.one(f"{_ORDERS} WHERE o.committee_id = ? AND o.id = ?", committee_id, id_)
    return await _order(tx, row) if row else None


async def _known(tx: Reader, committee_id: int, id_: int) -> Order:
    found = await order(tx, committee_id, id_)
    assert found is not None
    return found


async def numbered(tx: Reader, committee_id: int, number: int) -> Order | None:
    """One of the committee's orders by its number, whatever became of it."""
    row = await tx.one(f"{_ORDERS} WHERE o.committee_id = ? AND o.number = ?", committee_id, number)
    return await _order(tx, row) if row else None


async def alive(tx: Reader, committee_id: int) -> list[Order]:
    """The orders that go on, the oldest first."""
    rows = await tx.all(
        f"{_ORDERS} WHERE o.committee_id = ? AND o.state IN {_ALIVE} ORDER BY o.id LIMIT ?", committee_id, OPEN_MAX
    )
    return [await _order(tx, row) for row in rows]


async def move(tx: Transaction, order_: Order, state: State, *, now: datetime) -> Order:
    """It is in another state. Reminders of the one before are taken back."""
    await tx.execute("UPDATE orders SET state = ?, since_us = ? WHERE id = ?", state, to_us(now), order_.id)
    await due.cancel(tx, order_.thing)
    await nudges.withdraw(tx, order_.thing)
    for line_ in await lines_of(tx, order_):
        await nudges.withdraw(tx, line_.thing)
    return await changed(tx, order_)


async def prolong(tx: Transaction, order_: Order, until: datetime, *, now: datetime) -> Order:
    """It is open again, or longer."""
    await tx.execute("UPDATE orders SET until_us = ? WHERE id = ?", to_us(until), order_.id)
    return await move(tx, order_, "open", now=now)


async def reprice(tx: Transaction, order_: Order, price: int) -> Order:
    """One costs so much."""
    await tx.execute("UPDATE orders SET price = ? WHERE id = ?", price, order_.id)
    return await changed(tx, order_)


async def hand_over(tx: Transaction, order_: Order, member_id: int) -> Order:
    """Somebody else goes on with it."""
    await tx.execute("UPDATE orders SET member_id = ? WHERE id = ?", member_id, order_.id)
    return await changed(tx, order_)


async def changed(tx: Transaction, order_: Order) -> Order:
    """What is shown of it is brought up to date; returns it as it is now."""
    await cards.changed(tx, order_.thing)
    return await _known(tx, order_.committee_id, order_.id)


# --- who takes how many ------------------------------------------------------------------------------------------


async def lines_of(tx: Reader, order_: Order) -> list[Line]:
    """Who takes how many, in the order in which they came."""
    rows = await tx.all(f"{_LINES} WHERE l.order_id = ? ORDER BY l.id LIMIT ?", order_.id, LINES_MAX)
    return [_line(row) for row in rows]


async def line(tx: Reader, committee_id: int, id_: int) -> Line | None:
    """What somebody in the committee takes, by its id."""
    row = await tx.one(
        f"{_LINES} JOIN orders o ON o.id = l.order_id WHERE o.committee_id = ? AND l.id = ?", committee_id, id_
    )
    return _line(row) if row else None


async def line_of(tx: Reader, order_: Order, member_id: int) -> Line | None:
    """What a member takes of an order; None: nothing."""
    row = await tx.one(f"{_LINES} WHERE l.order_id = ? AND l.member_id = ?", order_.id, member_id)
    return _line(row) if row else None


async def put(tx: Transaction, order_: Order, member_id: int, quantity: int) -> Order:
    """From now on a member takes so many; 0: none."""
    if quantity:
        await tx.execute(
            """INSERT INTO order_lines (order_id, member_id, quantity) VALUES (?, ?, ?)
               ON CONFLICT (order_id, member_id) DO UPDATE SET quantity = excluded.quantity""",
            order_.id,
            member_id,
            quantity,
        )
    else:
        await tx.execute("DELETE FROM order_lines WHERE order_id = ? AND member_id = ?", order_.id, member_id)
    return await changed(tx, order_)


async def set_paid(tx: Transaction, line_: Line, paid: int | None) -> None:
    """So much is said to be paid; None: nothing."""
    await tx.execute("UPDATE order_lines SET paid = ? WHERE id = ?", paid, line_.id)
    await nudges.withdraw(tx, line_.thing)


async def set_collected(tx: Transaction, line_: Line, *, collected: bool) -> None:
    """They have what they ordered, or not."""
    await tx.execute("UPDATE order_lines SET collected = ? WHERE id = ?", int(collected), line_.id)


async def mine(tx: Reader, member: Member) -> list[tuple[Order, Line]]:
    """What a member takes of orders that go on; with what those take for whom they speak."""
    rows = await tx.all(
        f"""SELECT l.id, l.order_id FROM order_lines l JOIN orders o ON o.id = l.order_id
            JOIN members m ON m.id = l.member_id
            WHERE o.committee_id = ?1 AND o.state IN {_ALIVE}
                AND (l.member_id = ?2 OR (m.helper_id = ?2 AND m.active = 1)) ORDER BY l.id LIMIT ?3""",
        member.committee_id,
        member.id,
        _AT_ONCE_MAX,
    )
    found = []
    for id_, order_id in rows:
        line_ = await line(tx, member.committee_id, id_)
        assert line_ is not None
        found.append((await _known(tx, member.committee_id, order_id), line_))
    return found


# --- what all share ----------------------------------------------------------------------------------------------


async def costs_of(tx: Reader, order_: Order) -> list[Shared]:
    """The shared costs, the oldest first."""
    rows = await tx.all(
        "SELECT id, amount, how FROM order_costs WHERE order_id = ? ORDER BY id LIMIT ?", order_.id, COSTS_MAX
    )
    return [
        Shared(id=id_, cost=Cost(amount, how), words=await notes.written(tx, f"order_cost:{id_}"))
        for id_, amount, how in rows
    ]


async def add_cost(
    tx: Transaction, order_: Order, amount: int, how: How, words: str, *, by: Member, now: datetime
) -> tuple[int, str | None]:
    """One more shared cost: its id, and the salted hash of its words for the chain."""
    id_ = int(
        await tx.value(
            "INSERT INTO order_costs (order_id, amount, how) VALUES (?, ?, ?) RETURNING id", order_.id, amount, how
        )
    )
    hashed = None
    if words:
        hashed = await notes.keep(tx, f"order_cost:{id_}", words)
        await notes.wrote(tx, f"order_cost:{id_}", by.id, now=now)
    return id_, hashed


async def drop_cost(tx: Transaction, order_: Order, id_: int) -> bool:
    """It is not shared any more. False: it was not."""
    gone = await tx.all("DELETE FROM order_costs WHERE order_id = ? AND id = ? RETURNING 1", order_.id, id_)
    if gone:
        await notes.erase(tx, f"order_cost:{id_}")
    return bool(gone)


async def order_of_cost(tx: Reader, committee_id: int, id_: int) -> Order | None:
    """The order that a shared cost is of."""
    row = await tx.one(
        f"{_ORDERS} JOIN order_costs k ON k.order_id = o.id WHERE o.committee_id = ? AND k.id = ?", committee_id, id_
    )
    return await _order(tx, row) if row else None


async def owed(tx: Reader, order_: Order) -> dict[int, Amount]:
    """What each pays in all, by the id of their line; what was paid already is not taken off."""
    quantities = {one.id: one.quantity for one in await lines_of(tx, order_)}
    return shares(quantities, price=order_.price, costs=[one.cost for one in await costs_of(tx, order_)])


# --- turns -------------------------------------------------------------------------------------------------------


async def add_slot(
    tx: Transaction, order_: Order, start: datetime, end: datetime, seats: int, words: str, *, by: Member, now: datetime
) -> tuple[Slot, str]:
    """A time when something is fetched or handed out: it, and the salted hash of its words for the chain."""
    id_ = await tx.value(
        """INSERT INTO order_slots (order_id, start_us, end_us, seats, at_us) VALUES (?, ?, ?, ?, ?) RETURNING id""",
        order_.id,
        to_us(start),
        to_us(end),
        seats,
        to_us(now),
    )
    hashed = await notes.keep(tx, f"order_slot:{id_}", words)
    await notes.wrote(tx, f"order_slot:{id_}", by.id, now=now)
    found = await slot(tx, order_.committee_id, id_)
    assert found is not None
    return found, hashed


async def slot(tx: Reader, committee_id: int, id_: int) -> Slot | None:
    """One of the committee's times by its id, also when it is over."""
    row = await tx.one(f"{_SLOTS} WHERE o.committee_id = ? AND s.id = ?", committee_id, id_)
    return await _slot(tx, row) if row else None


async def slots_of(tx: Reader, order_: Order) -> list[Slot]:
    """The times of an order that were not called off, by their beginning."""
    rows = await tx.all(
        f"{_SLOTS} WHERE s.order_id = ? AND s.step <> ? ORDER BY s.start_us, s.id LIMIT ?",
        order_.id,
        CALLED_OFF,
        SLOTS_MAX,
    )
    return [await _slot(tx, row) for row in rows]


async def stepped(tx: Transaction, slot_: Slot, step: int) -> None:
    """It has come so far."""
    await tx.execute("UPDATE order_slots SET step = ? WHERE id = ?", step, slot_.id)
    if step >= OVER:
        await due.cancel(tx, slot_.thing)
        await nudges.withdraw(tx, slot_.thing)
    await cards.changed(tx, slot_.thing)


async def turns_of(tx: Reader, slot_: Slot) -> list[Turn]:
    """Whose turn it is, and who has declined; in the order in which they said so."""
    rows = await tx.all(
        """SELECT t.member_id, m.called, t.state FROM order_turns t JOIN members m ON m.id = t.member_id
           WHERE t.slot_id = ? ORDER BY t.at_us, t.member_id LIMIT ?""",
        slot_.id,
        LINES_MAX,
    )
    return [Turn(member_id=member_id, name=str(name), state=state) for member_id, name, state in rows]


async def turn(tx: Transaction, slot_: Slot, member_id: int, state: str, *, now: datetime) -> None:
    """A member's turn is taken, given, or declined."""
    await tx.execute(
        """INSERT INTO order_turns (slot_id, member_id, state, at_us) VALUES (?, ?, ?, ?)
           ON CONFLICT (slot_id, member_id) DO UPDATE SET state = excluded.state, at_us = excluded.at_us""",
        slot_.id,
        member_id,
        state,
        to_us(now),
    )
    await cards.changed(tx, slot_.thing)


async def could(tx: Reader, order_: Order, *, now: datetime) -> dict[int, int]:
    """Who of those who take something could fetch it, by id, and how often each has done so here or is going to.

    Whoever has no account of their own, a child, or whoever is suspended is not asked.
    """
    rows = await tx.all(
        """SELECT m.id, (SELECT count(*) FROM order_turns t JOIN order_slots s ON s.id = t.slot_id
                         WHERE t.member_id = m.id AND t.state <> 'declined' AND s.step <> ?)
           FROM order_lines l JOIN members m ON m.id = l.member_id
           WHERE l.order_id = ? AND m.active = 1 AND m.child = 0 AND m.helper_id IS NULL
               AND coalesce(m.suspended_until_us, 0) <= ? ORDER BY m.id LIMIT ?""",
        CALLED_OFF,
        order_.id,
        to_us(now),
        LINES_MAX,
    )
    return dict(rows)


async def turns_ahead(tx: Reader, member: Member, *, now: datetime) -> list[tuple[Order, Slot, str]]:
    """A member's turns that are not over, the next first, with their state."""
    rows = await tx.all(
        """SELECT s.id, s.order_id, t.state FROM order_turns t JOIN order_slots s ON s.id = t.slot_id
           JOIN orders o ON o.id = s.order_id
           WHERE t.member_id = ? AND o.committee_id = ? AND t.state <> 'declined' AND s.step < ? AND s.end_us > ?
           ORDER BY s.start_us, s.id LIMIT ?""",
        member.id,
        member.committee_id,
        OVER,
        to_us(now),
        _AT_ONCE_MAX,
    )
    found = []
    for id_, order_id, state in rows:
        slot_ = await slot(tx, member.committee_id, id_)
        assert slot_ is not None
        found.append((await _known(tx, member.committee_id, order_id), slot_, str(state)))
    return found


async def fetches(tx: Reader, order_: Order, member_id: int) -> bool:
    """Whether a member fetches or hands out something of an order: they see who takes how many."""
    found = await tx.one(
        """SELECT 1 FROM order_turns t JOIN order_slots s ON s.id = t.slot_id
           WHERE s.order_id = ? AND t.member_id = ? AND t.state <> 'declined' AND s.step <> ? LIMIT 1""",
        order_.id,
        member_id,
        CALLED_OFF,
    )
    return found is not None


# --- people come and go ------------------------------------------------------------------------------------------


async def leave(tx: Transaction, member: Member) -> None:
    """Somebody goes: at once, the clock settles what they order and have begun, and tells the others."""
    concerned = await tx.one(
        f"""SELECT 1 FROM orders WHERE member_id = ?1 AND state IN {_ALIVE}
            UNION ALL SELECT 1 FROM order_lines l JOIN orders o ON o.id = l.order_id
                WHERE l.member_id = ?1 AND o.state IN {_ALIVE}
            UNION ALL SELECT 1 FROM order_turns t JOIN order_slots s ON s.id = t.slot_id
                WHERE t.member_id = ?1 AND s.step < ?2 LIMIT 1""",
        member.id,
        OVER,
    )
    if concerned is not None:
        await due.plan(
            tx,
            f"orders:{member.id}",
            Saying(command="orderer_left", arguments={"who": member.id}),
            local=_LONG_AGO,
            zone=ZoneInfo("UTC"),
            committee=member.committee_id,
            late="do",
        )


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what they ordered together is that one's, and so are their turns."""
    await tx.execute("UPDATE orders SET member_id = ? WHERE member_id = ?", into, old)
    rows = await tx.all(
        """SELECT a.id, b.id, min(a.quantity + b.quantity, 999), a.paid, b.paid, a.collected AND b.collected
           FROM order_lines a JOIN order_lines b ON b.order_id = a.order_id
           WHERE a.member_id = ? AND b.member_id = ? ORDER BY a.id LIMIT ?""",
        old,
        into,
        LINES_MAX,
    )
    for gone, kept, quantity, one, other, collected in rows:
        await tx.execute("DELETE FROM order_lines WHERE id = ?", gone)
        await tx.execute(
            "UPDATE order_lines SET quantity = ?, paid = ?, collected = ? WHERE id = ?",
            quantity,
            None if one is None and other is None else (one or 0) + (other or 0),
            collected,
            kept,
        )
    await tx.execute("UPDATE order_lines SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute(
        """DELETE FROM order_turns WHERE member_id = ?1
           AND slot_id IN (SELECT slot_id FROM order_turns WHERE member_id = ?2)""",
        old,
        into,
    )
    await tx.execute("UPDATE order_turns SET member_id = ? WHERE member_id = ?", into, old)
    things = await tx.all(
        """SELECT 'order:' || order_id FROM order_lines WHERE member_id = ?1
           UNION SELECT 'order:' || id FROM orders WHERE member_id = ?1
           UNION SELECT 'order_slot:' || slot_id FROM order_turns WHERE member_id = ?1 LIMIT ?2""",
        into,
        LINES_MAX,
    )
    for (thing,) in things:
        await cards.changed(tx, thing)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who took what some time after it was settled, with its words; and much later whose turn it was."""
    before = to_us(now - retention.ORDERS)
    rows = await tx.all(
        """SELECT o.id FROM orders o WHERE o.state IN ('done', 'off') AND o.since_us < ?1
               AND (EXISTS (SELECT 1 FROM order_lines WHERE order_id = o.id)
                    OR EXISTS (SELECT 1 FROM order_costs WHERE order_id = o.id)
                    OR EXISTS (SELECT 1 FROM notes n WHERE n.thing = 'order:' || o.id AND n.text IS NOT NULL))
           ORDER BY o.since_us LIMIT ?2""",
        before,
        _AT_ONCE_MAX,
    )
    for (id_,) in rows:
        await tx.execute("DELETE FROM order_lines WHERE order_id = ?", id_)
        gone = await tx.all("DELETE FROM order_costs WHERE order_id = ? RETURNING id", id_)
        slots = await tx.all("SELECT id FROM order_slots WHERE order_id = ? LIMIT 1000", id_)
        await _erase(tx, "order", [(id_,)])
        await _erase(tx, "order_cost", gone)
        await _erase(tx, "order_slot", slots)
    over = await tx.all(
        "SELECT id FROM order_slots WHERE end_us < ? ORDER BY end_us LIMIT ?",
        to_us(now - retention.TURNS),
        _AT_ONCE_MAX,
    )
    for (id_,) in over:
        await tx.execute("DELETE FROM order_turns WHERE slot_id = ?", id_)
        await tx.execute("DELETE FROM order_slots WHERE id = ?", id_)
    await _erase(tx, "order_slot", over)


async def _erase(tx: Transaction, kind: str, ids: Sequence[Row]) -> None:
    for (id_,) in ids:
        await notes.erase(tx, f"{kind}:{id_}")
        await cards.changed(tx, f"{kind}:{id_}")


async def plan(tx: Transaction, committee: Committee, key: str, says: Saying, *, at: datetime) -> None:
    """The clock will say this at an instant."""
    await due.plan(
        tx,
        key,
        says,
        local=at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=committee.id,
        late="do",
    )
