"""What the committee has in stock, and who has lately changed how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain import retention
from bot.domain import stock as rule
from bot.domain.stock import Change, Level, Taken
from bot.text import T, Text, Written
from storage import notes, nudges
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

THINGS_MAX = 100
"""So many things a committee may count."""
HISTORY_MAX = 8
_AT_ONCE_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Something that is counted."""

    id: int
    committee_id: int
    level: Level
    listed: bool
    words: Written | None
    """Its name, a comma, and its unit; None: that is erased."""

    @property
    def thing(self) -> str:
        """The thing whose note are its words."""
        return f"stock:{self.id}"

    @property
    def called(self) -> Text:
        """Its name, to be put into sentences."""
        if self.words is None:
            return T("(erased)")
        others = {language: rule.parts_of(text)[0] for language, text in self.words.others.items()}
        return T("{title}", title=Written(rule.parts_of(self.words.text)[0], others))

    @property
    def unit(self) -> Written | None:
        """In what it is counted; None: in pieces, without a word for it."""
        if self.words is None or not rule.parts_of(self.words.text)[1]:
            return None
        others = {language: rule.parts_of(text)[1] for language, text in self.words.others.items()}
        return Written(rule.parts_of(self.words.text)[1], others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Somebody has counted it, put something in or taken something out."""

    id: int
    stock_id: int
    member_id: int
    name: str
    change: Change
    amount: int
    total: int
    at: datetime


_COUNTED = "id, committee_id, amount, lowest, weekly, listed"


async def _counted(tx: Reader, row: Sequence[Any]) -> Counted:
    id_, committee_id, amount, lowest, weekly, listed = row
    return Counted(
        id=id_,
        committee_id=committee_id,
        level=Level(amount=amount, lowest=lowest, weekly=weekly),
        listed=bool(listed),
        words=await notes.written(tx, f"stock:{id_}"),
    )


async def add(tx: Transaction, committee: Committee, words: str, *, by: Member, now: datetime) -> tuple[Counted, str]:
    """Something more is counted, of which there is nothing yet; it, and the salted hash of its words for the chain."""
    id_ = await tx.value("INSERT INTO stock (committee_id, amount) VALUES (?, 0) RETURNING id", committee.id)
    hashed = await notes.keep(tx, f"stock:{id_}", words)
    await notes.wrote(tx, f"stock:{id_}", by.id, now=now)
    found = await counted(tx, committee.id, id_)
    assert found is not None
    return found, hashed


async def counted(tx: Reader, committee_id: int, id_: int) -> Counted | None:
    """One of the things that the committee counts, or has counted."""
    row = await tx.one(f"SELECT {_COUNTED} FROM stock WHERE committee_id = ? AND id = ?", committee_id, id_)
    return await _counted(tx, row) if row else None


async def things(tx: Reader, committee_id: int) -> list[Counted]:
    """What the committee counts now, at most `THINGS_MAX`."""
    rows = await tx.all(
        f"SELECT {_COUNTED} FROM stock WHERE committee_id = ? AND listed = 1 ORDER BY id LIMIT ?",
        committee_id,
        THINGS_MAX,
    )
    return [await _counted(tx, row) for row in rows]


async def change(
    tx: Transaction, thing: Counted, change_: Change, amount: int, total: int, *, by: Member, now: datetime
) -> int:
    """There is so much now, and who has said so is kept for a while; the id of the change."""
    await tx.execute("UPDATE stock SET amount = ? WHERE id = ?", total, thing.id)
    return int(
        await tx.value(
            """INSERT INTO stock_moves (stock_id, member_id, change, amount, total, at_us) VALUES (?, ?, ?, ?, ?, ?)
               RETURNING id""",
            thing.id,
            by.id,
            change_,
            amount,
            total,
            to_us(now),
        )
    )


async def set_lowest(tx: Transaction, thing: Counted, lowest: int | None) -> None:
    """Below this those who look after it hear; None: never."""
    await tx.execute("UPDATE stock SET lowest = ? WHERE id = ?", lowest, thing.id)


async def set_weekly(tx: Transaction, thing: Counted, weekly: int | None) -> None:
    """So much one person may take in seven days; None: as much as there is."""
    await tx.execute("UPDATE stock SET weekly = ? WHERE id = ?", weekly, thing.id)


async def unlist(tx: Transaction, thing: Counted) -> None:
    """It is not counted any more: its words and its history go."""
    await tx.execute("UPDATE stock SET listed = 0, amount = 0 WHERE id = ?", thing.id)
    await tx.execute("DELETE FROM stock_moves WHERE stock_id = ?", thing.id)
    await notes.erase(tx, thing.thing)
    await nudges.withdraw(tx, thing.thing)


_MOVE = "v.id, v.stock_id, v.member_id, m.called, v.change, v.amount, v.total, v.at_us"


def _move(row: Sequence[Any]) -> Move:
    id_, stock_id, member_id, name, change_, amount, total, at_us = row
    return Move(
        id=id_,
        stock_id=stock_id,
        member_id=member_id,
        name=str(name),
        change=change_,
        amount=amount,
        total=total,
        at=from_us(at_us),
    )


async def history(tx: Reader, thing: Counted) -> list[Move]:
    """The latest changes, newest first, at most `HISTORY_MAX`."""
    rows = await tx.all(
        f"""SELECT {_MOVE} FROM stock_moves v JOIN members m ON m.id = v.member_id WHERE v.stock_id = ?
            ORDER BY v.id DESC LIMIT ?""",
        thing.id,
        HISTORY_MAX,
    )
    return [_move(row) for row in rows]


async def move(tx: Reader, committee_id: int, id_: int) -> Move | None:
    """A change of something that the committee counts, by its id."""
    row = await tx.one(
        f"""SELECT {_MOVE} FROM stock_moves v JOIN members m ON m.id = v.member_id JOIN stock s ON s.id = v.stock_id
            WHERE s.committee_id = ? AND v.id = ?""",
        committee_id,
        id_,
    )
    return _move(row) if row else None


async def take_back(tx: Transaction, move_: Move) -> None:
    """Something was put in or taken out by a slip: it is as if it had not been. It must be the latest of its thing."""
    before = move_.total - move_.amount if move_.change == "in" else move_.total + move_.amount
    await tx.execute("DELETE FROM stock_moves WHERE id = ?", move_.id)
    await tx.execute("UPDATE stock SET amount = ? WHERE id = ?", before, move_.stock_id)


async def taken(tx: Reader, thing: Counted, member: Member, *, now: datetime) -> list[Taken]:
    """What a member has taken out in the last week."""
    rows = await tx.all(
        """SELECT amount, at_us FROM stock_moves WHERE stock_id = ? AND member_id = ? AND change = 'out' AND at_us > ?
           ORDER BY id DESC LIMIT ?""",
        thing.id,
        member.id,
        to_us(now - rule.WEEK),
        _AT_ONCE_MAX,
    )
    return [Taken(amount, from_us(at_us)) for amount, at_us in rows]


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what they have changed, that one has."""
    await tx.execute("UPDATE stock_moves SET member_id = ? WHERE member_id = ?", into, old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who took or brought what some time ago."""
    await tx.execute("DELETE FROM stock_moves WHERE at_us < ?", to_us(now - retention.BOOKINGS))
