"""Things that members lend each other, who would like them, and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import retention
from bot.domain.lending import ALIVE, COMING, HANDED, Span, State, Wish, taken
from storage import cards, due, notes, nudges
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

LISTED_MAX = 500
"""So many things of a committee are looked at; the oldest are left out."""
OF_MEMBER_MAX = 50
"""So many things one member may have on the list."""
WISHES_MAX = 20
"""So many things one member may wait for, or have, at once."""
LINE_MAX = 100
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time, as `due.plan` takes it
_ALIVE = ", ".join(f"'{state}'" for state in ALIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing to lend. `name`: its owner's, as they show it."""

    id: int
    number: int
    committee_id: int
    member_id: int
    name: str
    active: bool
    """Its owner is still a member."""
    days: int
    """For how many days at most."""
    listed: bool
    words: str | None
    """None once they are erased."""

    @property
    def thing(self) -> str:
        """What its card and its words are kept under."""
        return f"item:{self.id}"

    @property
    def lent(self) -> bool:
        """Whether it can be asked for."""
        return self.listed and self.active


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """Somebody's wish for a thing, and what became of it. `name`: the borrower's, as they show it."""

    id: int
    item: Item
    member_id: int
    name: str
    active: bool
    """The borrower is still a member."""
    state: State
    wish: Wish
    first: date | None
    last: date | None
    """While it is out: the day on which it is due back."""
    longer: date | None
    """Until then the borrower would like to keep it."""
    early: date | None
    """By then the owner would like to have it back."""
    since: datetime

    @property
    def thing(self) -> str:
        """What its owner's card and its reminder are kept under."""
        return f"loan:{self.id}"

    @property
    def alive(self) -> bool:
        """Whether it still goes on."""
        return self.state in ALIVE

    def taken(self, *, today: date) -> Span | None:
        """The days on which nobody else can have the thing; None: it takes none."""
        if self.first is None or self.last is None or self.state not in (*COMING, *HANDED):
            return None
        return taken(Span(self.first, self.last), today=today, here=self.state in HANDED)


_ITEM = """i.id, i.number, i.committee_id, i.member_id, o.called, o.active, i.days, i.listed, n.text"""
_FROM = """items i JOIN members o ON o.id = i.member_id LEFT JOIN notes n ON n.thing = 'item:' || i.id"""
_LOAN = """l.id, l.member_id, b.called, b.active, l.state, l.wish_days, l.wish_first, l.wish_last, l.first, l.last,
    l.longer, l.early, l.since_us"""
_LOANS = f"""SELECT {_LOAN}, {_ITEM} FROM loans l JOIN members b ON b.id = l.member_id
    JOIN items i ON i.id = l.item_id JOIN members o ON o.id = i.member_id
    LEFT JOIN notes n ON n.thing = 'item:' || i.id"""


def _item(row: Row) -> Item:
    id_, number, committee_id, member_id, name, active, days, listed, words = row
    return Item(
        id=id_,
        number=number,
        committee_id=committee_id,
        member_id=member_id,
        name=str(name),
        active=bool(active),
        days=days,
        listed=bool(listed),
        words=words,
    )


def _day(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _loan(row: Row) -> Loan:
    id_, member_id, name, active, state, days, wish_first, wish_last, first, last, longer, early, since_us = row[:13]
    return Loan(
        id=id_,
        item=_item(row[13:]),
        member_id=member_id,
        name=str(name),
        active=bool(active),
        state=state,
        wish=Wish(id=id_, days=days, first=_day(wish_first), last=_day(wish_last)),
        first=_day(first),
        last=_day(last),
        longer=_day(longer),
        early=_day(early),
        since=from_us(since_us),
    )


# --- things ------------------------------------------------------------------------------------------------------


async def put(
    tx: Transaction, committee: Committee, owner: Member, words: str, *, days: int, now: datetime
) -> tuple[Item, str]:
    """Put a thing on the list. Returns it, and the salted hash of its words for the chain."""
    id_ = await tx.value(
        """INSERT INTO items (committee_id, number, member_id, days, at_us)
           SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM items WHERE committee_id = ?1), ?2, ?3, ?4
           RETURNING id""",
        committee.id,
        owner.id,
        days,
        to_us(now),
    )
    hashed = await notes.keep(tx, f"item:{id_}", words)
    await notes.wrote(tx, f"item:{id_}", owner.id, now=now)
    found = await item(tx, committee.id, id_)
    assert found is not None
    return found, hashed


async def item(tx: Reader, committee_id: int, id_: int) -> Item | None:
    """One of the committee's things by its id, whether or not it is on the list."""
    row = await tx.one(f"SELECT {_ITEM} FROM {_FROM} WHERE i.committee_id = ? AND i.id = ?", committee_id, id_)
    return _item(row) if row else None


async def numbered(tx: Reader, committee_id: int, number: int) -> Item | None:
    """One of the committee's things by its number, whether or not it is on the list."""
    row = await tx.one(f"SELECT {_ITEM} FROM {_FROM} WHERE i.committee_id = ? AND i.number = ?", committee_id, number)
    return _item(row) if row else None


async def items(tx: Reader, committee_id: int) -> list[Item]:
    """What can be borrowed, newest first, at most `LISTED_MAX`."""
    rows = await tx.all(
        f"""SELECT {_ITEM} FROM {_FROM} WHERE i.committee_id = ? AND i.listed = 1 AND o.active = 1
            ORDER BY i.id DESC LIMIT ?""",
        committee_id,
        LISTED_MAX,
    )
    return [_item(row) for row in rows]


async def unlist(tx: Transaction, item: Item) -> None:
    """It is off the list. Its words stay as long as is known who had it or asked for it: those are told what it is."""
    await tx.execute("UPDATE items SET listed = 0 WHERE id = ?", item.id)
    if await tx.one("SELECT 1 FROM loans WHERE item_id = ? LIMIT 1", item.id) is None:
        await notes.erase(tx, item.thing)
    await cards.changed(tx, item.thing)


# --- loans -------------------------------------------------------------------------------------------------------


async def loan(tx: Reader, committee_id: int, id_: int) -> Loan | None:
    """One of the committee's loans by its id, whatever became of it."""
    row = await tx.one(f"{_LOANS} WHERE i.committee_id = ? AND l.id = ?", committee_id, id_)
    return _loan(row) if row else None


async def loans_of(tx: Reader, item_id: int) -> list[Loan]:
    """Who has a thing, is to have it, or waits for it; in the order in which they asked."""
    rows = await tx.all(
        f"{_LOANS} WHERE l.item_id = ? AND l.state IN ({_ALIVE}) ORDER BY l.at_us, l.id LIMIT ?", item_id, LINE_MAX
    )
    return [_loan(row) for row in rows]


async def loans_with(tx: Reader, member: Member) -> list[Loan]:
    """What a member lends or borrows now, or waits for, oldest first."""
    rows = await tx.all(
        f"""{_LOANS} WHERE i.committee_id = ?1 AND l.state IN ({_ALIVE})
            AND (l.member_id = ?2 OR i.member_id = ?2
                 OR (b.helper_id = ?2 AND b.active = 1) OR (o.helper_id = ?2 AND o.active = 1))
            ORDER BY l.at_us, l.id LIMIT ?3""",
        member.committee_id,
        member.id,
        LISTED_MAX,
    )
    return [_loan(row) for row in rows]


async def wish(
    tx: Transaction, item: Item, borrower: Member, state: State, wish: Wish, span: Span | None, *, now: datetime
) -> Loan:
    """Somebody would like a thing: they are in line, or have days on which they could get it."""
    id_ = await tx.value(
        """INSERT INTO loans (item_id, member_id, state, wish_days, wish_first, wish_last, first, last, at_us, since_us)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        item.id,
        borrower.id,
        state,
        wish.days,
        _iso(wish.first),
        _iso(wish.last),
        _iso(span.first) if span else None,
        _iso(span.last) if span else None,
        to_us(now),
        to_us(now),
    )
    found = await loan(tx, item.committee_id, id_)
    assert found is not None
    await _changed(tx, found)
    return found


async def move(tx: Transaction, loan_: Loan, state: State, *, now: datetime, span: Span | None = None) -> Loan:
    """It is in another state, with other days where `span` says so; what was asked about its days is settled."""
    span = span or (Span(loan_.first, loan_.last) if loan_.first is not None and loan_.last is not None else None)
    await tx.execute(
        """UPDATE loans SET state = ?, first = ?, last = ?, longer = NULL, early = NULL, since_us = ? WHERE id = ?""",
        state,
        _iso(span.first) if span else None,
        _iso(span.last) if span else None,
        to_us(now),
        loan_.id,
    )
    await due.cancel(tx, loan_.thing)
    await nudges.withdraw(tx, loan_.thing)
    await _changed(tx, loan_)
    found = await loan(tx, loan_.item.committee_id, loan_.id)
    assert found is not None
    return found


async def ask(tx: Transaction, loan_: Loan, *, longer: date | None = None, early: date | None = None) -> Loan:
    """The borrower asks to keep it longer, the owner to have it back early: the other answers. None: not asked."""
    await tx.execute("UPDATE loans SET longer = ?, early = ? WHERE id = ?", _iso(longer), _iso(early), loan_.id)
    await _changed(tx, loan_)
    found = await loan(tx, loan_.item.committee_id, loan_.id)
    assert found is not None
    return found


async def _changed(tx: Transaction, loan_: Loan) -> None:
    """All that is shown of it, and of those in line, is brought up to date."""
    for other in {loan_.id, *(one.id for one in await loans_of(tx, loan_.item.id))}:
        await cards.changed(tx, f"loan:{other}")
        await cards.changed(tx, f"loaned:{other}")
    await cards.changed(tx, loan_.item.thing)


# --- people come and go ------------------------------------------------------------------------------------------


async def leave(tx: Transaction, member: Member) -> None:
    """Somebody goes: at once, the clock settles what they lend and borrow, and tells the others."""
    concerned = await tx.one(
        f"""SELECT 1 FROM items WHERE member_id = ?1 AND listed = 1
            UNION ALL SELECT 1 FROM loans l JOIN items i ON i.id = l.item_id
            WHERE (l.member_id = ?1 OR i.member_id = ?1) AND l.state IN ({_ALIVE}) LIMIT 1""",
        member.id,
    )
    if concerned is not None:
        await due.plan(
            tx,
            f"lends:{member.id}",
            Saying(command="lender_left", arguments={"who": member.id}),
            local=_LONG_AGO,
            zone=ZoneInfo("UTC"),
            committee=member.committee_id,
            late="do",
        )


async def items_of(tx: Reader, committee_id: int, member_id: int) -> list[Item]:
    """What a member has on the list, whether or not they are still here; at most `LISTED_MAX`."""
    rows = await tx.all(
        f"""SELECT {_ITEM} FROM {_FROM} WHERE i.committee_id = ? AND i.member_id = ? AND i.listed = 1
            ORDER BY i.id LIMIT ?""",
        committee_id,
        member_id,
        LISTED_MAX,
    )
    return [_item(row) for row in rows]


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what it lends and borrows is that one's. Nobody borrows from themselves."""
    await tx.execute("UPDATE items SET member_id = ? WHERE member_id = ?", into, old)
    rows = await tx.all(
        f"{_LOANS} WHERE l.member_id IN (?1, ?2) AND l.state IN ({_ALIVE}) ORDER BY l.at_us, l.id LIMIT ?3",
        into,
        old,
        LISTED_MAX,
    )
    kept: set[int] = set()
    # Of two wishes for one thing the one that has come further goes on.
    for loan_ in sorted(map(_loan, rows), key=lambda loan_: -ALIVE.index(loan_.state)):
        if loan_.item.member_id == into or loan_.item.id in kept:
            await tx.execute("UPDATE loans SET state = 'withdrawn' WHERE id = ?", loan_.id)
            await due.cancel(tx, loan_.thing)
            await _changed(tx, loan_)
        kept.add(loan_.item.id)
    await tx.execute("UPDATE loans SET member_id = ? WHERE member_id = ?", into, old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who had what, some time after it is back, and the words of what is off the list."""
    await tx.execute(f"DELETE FROM loans WHERE state NOT IN ({_ALIVE}) AND since_us < ?", to_us(now - retention.LOANS))
    rows = await tx.all(
        """SELECT n.thing FROM items i JOIN notes n ON n.thing = 'item:' || i.id
           WHERE i.listed = 0 AND n.text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM loans l WHERE l.item_id = i.id)
           ORDER BY i.id LIMIT ?""",
        LINE_MAX,
    )
    for (thing,) in rows:
        await notes.erase(tx, thing)
