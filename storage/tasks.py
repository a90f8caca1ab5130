"""Kinds of tasks, how hard the committee says they are, and of which kind an exchange was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import board as rules
from bot.domain import effort
from bot.domain.effort import TaskClass
from bot.domain.ledger import Posting
from bot.text import Written
from storage import board, notes
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us

KINDS_MAX = 30
"""So many kinds of tasks a committee may have, so that they fit on a phone."""
UNSAID_MAX = 3
"""Of so many exchanges somebody is asked, in their own list of what waits, of which kind they were."""
_POLICY = "effort"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """A kind of task and its class. `category`: the kind of help on the board that it is; None: it has words."""

    id: int
    committee_id: int
    task_class: TaskClass
    category: str | None
    words: Written | None
    """What it is called; None: it is a category that every committee begins with, or the words are erased."""
    listed: bool

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, in each language that somebody has given; none, where it is a category."""
        return () if self.words is None else (self.words.text, *self.words.others.values())

    @property
    def thing(self) -> str:
        """The thing whose note is its name."""
        return _thing(self.id)


def _thing(id_: int) -> str:
    return f"task_kind:{id_}"


_KIND = "id, committee_id, class, category, listed"


async def _kind(tx: Reader, row: Row) -> TaskKind:
    id_, committee_id, class_, category, listed = row
    thing = _thing(id_)
    if category is not None:
        thing = f"category:{category.removeprefix(board.OWN)}"
    return TaskKind(
        id=id_,
        committee_id=committee_id,
        task_class=class_,
        category=category,
        words=await notes.written(tx, thing),
        listed=bool(listed),
    )


async def kinds(tx: Reader, committee_id: int) -> list[TaskKind]:
    """The committee's kinds of tasks, in the order in which they were named."""
    rows = await tx.all(
        f"SELECT {_KIND} FROM task_kinds WHERE committee_id = ? AND listed = 1 ORDER BY id LIMIT ?",
        committee_id,
        KINDS_MAX,
    )
    return [await _kind(tx, row) for row in rows]


async def kind(tx: Reader, committee_id: int, id_: int) -> TaskKind | None:
    """One of them, also one that was taken away."""
    row = await tx.one(f"SELECT {_KIND} FROM task_kinds WHERE committee_id = ? AND id = ?", committee_id, id_)
    return await _kind(tx, row) if row else None


async def of_category(tx: Reader, committee_id: int, category: str) -> TaskKind | None:
    """The one that is this kind of help on the board, also if it was taken away; None: there never was one."""
    row = await tx.one(
        f"SELECT {_KIND} FROM task_kinds WHERE committee_id = ? AND category = ?", committee_id, category
    )
    return await _kind(tx, row) if row else None


async def add(
    tx: Transaction, committee_id: int, task_class: TaskClass, *, category: str | None = None, name: str = ""
) -> tuple[int, str | None]:
    """A new kind of task. Its id, and the salted hash of its name for the chain, where it has one of its own."""
    assert (category is None) == bool(name)
    id_ = int(
        await tx.value(
            "INSERT INTO task_kinds (committee_id, category, class) VALUES (?, ?, ?) RETURNING id",
            committee_id,
            category,
            task_class,
        )
    )
    return id_, None if category is not None else await notes.keep(tx, _thing(id_), name)


async def put(tx: Transaction, id_: int, task_class: TaskClass | None) -> None:
    """From now on it has this class; None: it is taken away. What was done of it keeps the class that it had."""
    await tx.execute(
        "UPDATE task_kinds SET class = coalesce(?2, class), listed = ?2 IS NOT NULL WHERE id = ?1", id_, task_class
    )


# --- of which kind an exchange is ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Classed:
    """An exchange that counts by effort."""

    transfer_id: int
    kind: TaskKind | None
    """None: nobody has said of which kind it was."""
    task_class: TaskClass
    at: datetime


async def recognised(
    tx: Reader,
    committee_id: int,
    policy: tuple[str, int],
    legs: Sequence[Posting],
    *,
    note: str | None,
    post: int | None,
) -> TaskKind | None:
    """The kind of task that an exchange plainly is: by what it came from on the board, else by the words of its note.

    Whoever gives the hours has seen both. None: neither says it; nobody counts by effort; or whoever speaks for the
    one who gives is the one who helped, and they would say it of themselves.
    """
    if policy[0] != _POLICY:
        return None
    there = await kinds(tx, committee_id)
    if not there or await _speaks_for_giver(tx, legs):
        return None
    category = None if post is None else await tx.value("SELECT category FROM posts WHERE id = ?", post)
    return kind_of(there, None, category, note)


def kind_of(there: Sequence[TaskKind], said: int | None, category: str | None, note: str | None) -> TaskKind | None:
    """Of which of these kinds something is: `said` by its id, by the `category` on the board, or by its note."""
    by_id: dict[int | None, TaskKind] = {one.id: one for one in there}
    by_category: dict[str | None, TaskKind] = {one.category: one for one in there if one.category is not None}
    if said in by_id:
        return by_id[said]
    if category in by_category:
        return by_category[category]
    if not note or not there:
        return None
    named = effort.kind_named(note, {one.id: one.names for one in there})
    if named is not None:
        return by_id[named]
    return by_category.get(rules.category_of(note, rules.CATEGORIES))


async def _speaks_for_giver(tx: Reader, legs: Sequence[Posting]) -> bool:
    giving = [leg.account_id for leg in legs if leg.minutes < 0]
    gaining = [leg.account_id for leg in legs if leg.minutes > 0]
    found = await tx.one(
        f"""SELECT 1 FROM accounts g JOIN members m ON m.id = g.member_id
            JOIN accounts h ON h.member_id = m.helper_id
            WHERE g.id IN ({_marks(giving)}) AND h.id IN ({_marks(gaining)})""",
        *giving,
        *gaining,
    )
    return found is not None


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


async def keep(
    tx: Transaction,
    committee_id: int,
    transfer_id: int,
    policy: tuple[str, int] | None,
    kind_: TaskKind | None,
    *,
    now: datetime,
) -> None:
    """An exchange was recorded: where hours count by effort, it is weighed at the month's end."""
    if policy is None or policy[0] != _POLICY:
        return
    await tx.execute(
        "INSERT INTO efforts (transfer_id, committee_id, kind_id, class, said, at_us) VALUES (?, ?, ?, ?, ?, ?)",
        transfer_id,
        committee_id,
        None if kind_ is None else kind_.id,
        "moderate" if kind_ is None else kind_.task_class,
        int(kind_ is not None),
        to_us(now),
    )


async def classed(tx: Reader, transfer_id: int) -> Classed | None:
    """Of which kind an exchange was; None: it does not count by effort."""
    row = await tx.one("SELECT committee_id, kind_id, class, at_us FROM efforts WHERE transfer_id = ?", transfer_id)
    if row is None:
        return None
    committee_id, kind_id, class_, at_us = row
    return Classed(
        transfer_id=transfer_id,
        kind=None if kind_id is None else await kind(tx, committee_id, kind_id),
        task_class=class_,
        at=from_us(at_us),
    )


async def say(tx: Transaction, transfer_id: int, kind_: TaskKind | None) -> None:
    """Somebody who may says of which kind an exchange was; None: of none, and an hour of it is an hour."""
    await tx.execute(
        "UPDATE efforts SET kind_id = ?, class = ?, said = 1 WHERE transfer_id = ?",
        None if kind_ is None else kind_.id,
        "moderate" if kind_ is None else kind_.task_class,
        transfer_id,
    )


async def unsaid(tx: Reader, member_id: int, *, since: datetime) -> list[tuple[int, int]]:
    """Ids and numbers of exchanges for which a member gave hours and nobody has said of which kind, newest first."""
    rows = await tx.all(
        """SELECT t.id, t.number FROM accounts a JOIN postings p ON p.account_id = a.id AND p.minutes < 0
           JOIN efforts f ON f.transfer_id = p.transfer_id JOIN transfers t ON t.id = f.transfer_id
           WHERE a.member_id = ? AND f.said = 0 AND f.at_us >= ?
             AND NOT EXISTS (SELECT 1 FROM transfers r WHERE r.reverses_id = t.id)
           ORDER BY t.id DESC LIMIT ?""",
        member_id,
        to_us(since),
        UNSAID_MAX,
    )
    return [(id_, number) for id_, number in rows]
