"""What came of polls: the words of it, who does what by when, and how long it holds. Words are notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.text import Written
from storage import cards, notes
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.polls import Poll

State = Literal["none", "stands", "dropped", "lapsed"]
TaskState = Literal["open", "done", "dropped"]
About = Literal["review", "renewal"]
LISTED_MAX = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a poll. `words`: what somebody put down; None: nobody did, or it was erased."""

    poll_id: int
    member_id: int | None
    at: datetime | None
    state: State
    review_at: datetime | None
    lapse_at: datetime | None
    over_at: datetime | None
    words: Written | None

    @property
    def thing(self) -> str:
        """What its card and its words are kept under."""
        return f"outcome:{self.poll_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Somebody's part in an outcome."""

    id: int
    poll_id: int
    member_id: int
    by: datetime
    state: TaskState
    words: Written | None

    @property
    def thing(self) -> str:
        """What its words are kept under."""
        return f"outcome_task:{self.id}"


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


async def of_poll(tx: Reader, poll_id: int) -> Outcome | None:
    """What came of a poll; None: nothing yet."""
    row = await tx.one(
        "SELECT poll_id, member_id, at_us, state, review_us, lapse_us, over_us FROM outcomes WHERE poll_id = ?", poll_id
    )
    if row is None:
        return None
    id_, member_id, at_us, state, review_us, lapse_us, over_us = row
    return Outcome(
        poll_id=id_,
        member_id=member_id,
        at=_at(at_us),
        state=state,
        review_at=_at(review_us),
        lapse_at=_at(lapse_us),
        over_at=_at(over_us),
        words=await notes.written(tx, f"outcome:{id_}"),
    )


async def begin(
    tx: Transaction, poll: Poll, state: State, *, review: datetime | None = None, lapse: datetime | None = None
) -> None:
    """Something came of a poll; what was there of it stays."""
    await tx.execute(
        """INSERT INTO outcomes (poll_id, state, review_us, lapse_us) VALUES (?, ?, ?, ?)
           ON CONFLICT (poll_id) DO NOTHING""",
        poll.id,
        state,
        None if review is None else to_us(review),
        None if lapse is None else to_us(lapse),
    )
    await _changed(tx, poll)


async def put_in_words(tx: Transaction, poll: Poll, member_id: int, words: str, *, now: datetime) -> str:
    """What came of it, in place of what was put down before; the salted hash that stands for it."""
    if await tx.one("SELECT 1 FROM notes WHERE thing = ?", f"outcome:{poll.id}") is None:
        hashed = await notes.keep(tx, f"outcome:{poll.id}", words)
    else:
        hashed = await notes.reword(tx, f"outcome:{poll.id}", words)
    await notes.wrote(tx, f"outcome:{poll.id}", member_id, now=now)
    await tx.execute("UPDATE outcomes SET member_id = ?, at_us = ? WHERE poll_id = ?", member_id, to_us(now), poll.id)
    await _changed(tx, poll)
    return hashed


async def set_state(tx: Transaction, poll: Poll, state: State, *, now: datetime) -> None:
    """It stands no more, or again."""
    await tx.execute(
        "UPDATE outcomes SET state = ?, over_us = ? WHERE poll_id = ?",
        state,
        None if state == "stands" else to_us(now),
        poll.id,
    )
    await _changed(tx, poll)


async def set_review(tx: Transaction, poll: Poll, at: datetime | None) -> None:
    """It is looked at again then."""
    await tx.execute("UPDATE outcomes SET review_us = ? WHERE poll_id = ?", None if at is None else to_us(at), poll.id)
    await _changed(tx, poll)


async def set_lapse(tx: Transaction, poll: Poll, at: datetime) -> None:
    """It holds until then."""
    await tx.execute("UPDATE outcomes SET lapse_us = ? WHERE poll_id = ?", to_us(at), poll.id)
    await _changed(tx, poll)


async def _changed(tx: Transaction, poll: Poll) -> None:
    await cards.changed(tx, poll.thing)
    await cards.changed(tx, f"outcome:{poll.id}")


# --- who does what -------------------------------------------------------------------------------------------------


async def add_task(tx: Transaction, poll: Poll, member_id: int, words: str, by: datetime) -> tuple[Task, str]:
    """Somebody's part; and the salted hash that stands for its words."""
    id_ = await tx.value(
        "INSERT INTO outcome_tasks (poll_id, member_id, by_us) VALUES (?, ?, ?) RETURNING id",
        poll.id,
        member_id,
        to_us(by),
    )
    hashed = await notes.keep(tx, f"outcome_task:{id_}", words)
    return Task(id=id_, poll_id=poll.id, member_id=member_id, by=by, state="open", words=Written(words)), hashed


_TASK = "id, poll_id, member_id, by_us, state"


async def _task(tx: Reader, row: Row) -> Task:
    id_, poll_id, member_id, by_us, state = row
    return Task(
        id=id_,
        poll_id=poll_id,
        member_id=member_id,
        by=from_us(by_us),
        state=state,
        words=await notes.written(tx, f"outcome_task:{id_}"),
    )


async def tasks_of(tx: Reader, poll_id: int) -> list[Task]:
    """Who does what, without what was dropped."""
    rows = await tx.all(
        f"SELECT {_TASK} FROM outcome_tasks WHERE poll_id = ? AND state <> 'dropped' ORDER BY id LIMIT 100", poll_id
    )
    return [await _task(tx, row) for row in rows]


async def task(tx: Reader, id_: int) -> Task | None:
    """A part in an outcome."""
    row = await tx.one(f"SELECT {_TASK} FROM outcome_tasks WHERE id = ?", id_)
    return None if row is None else await _task(tx, row)


async def open_tasks_of(tx: Reader, member_id: int) -> list[Task]:
    """What a member still has to do."""
    rows = await tx.all(
        f"SELECT {_TASK} FROM outcome_tasks WHERE member_id = ? AND state = 'open' ORDER BY by_us LIMIT 100", member_id
    )
    return [await _task(tx, row) for row in rows]


async def set_task(tx: Transaction, one: Task, state: TaskState) -> None:
    """It is done, or was dropped."""
    await tx.execute("UPDATE outcome_tasks SET state = ? WHERE id = ?", state, one.id)
    await cards.changed(tx, f"poll:{one.poll_id}")
    await cards.changed(tx, f"outcome:{one.poll_id}")


# --- polls about earlier ones --------------------------------------------------------------------------------------


async def is_about(tx: Transaction, poll: Poll, of: Poll, kind: About) -> None:
    """A poll asks about what another one decided."""
    await tx.execute("INSERT INTO polls_about (poll_id, of_id, kind) VALUES (?, ?, ?)", poll.id, of.id, kind)


async def about(tx: Reader, poll_id: int) -> tuple[int, About] | None:
    """The id of the poll that this one is about, and how."""
    row = await tx.one("SELECT of_id, kind FROM polls_about WHERE poll_id = ?", poll_id)
    return None if row is None else (row[0], row[1])


async def asking_about(tx: Reader, poll_id: int, kind: About) -> list[int]:
    """The ids of the polls that ask about this one and are not over, newest first."""
    rows = await tx.all(
        """SELECT a.poll_id FROM polls_about a JOIN polls p ON p.id = a.poll_id
           WHERE a.of_id = ? AND a.kind = ? AND p.state IN ('draft', 'planned', 'queued', 'open', 'counting')
           ORDER BY a.poll_id DESC LIMIT 10""",
        poll_id,
        kind,
    )
    return [id_ for (id_,) in rows]


# --- finding -------------------------------------------------------------------------------------------------------


async def decided(tx: Reader, committee_id: int) -> Sequence[int]:
    """The ids of the polls by which something was decided, newest first."""
    rows = await tx.all(
        """SELECT p.id FROM polls p LEFT JOIN outcomes o ON o.poll_id = p.id
           WHERE p.committee_id = ? AND p.state = 'closed'
               AND (p.verdict IN ('passed', 'decided', 'not_done') OR o.member_id IS NOT NULL)
           ORDER BY p.closed_us DESC, p.id DESC LIMIT ?""",
        committee_id,
        LISTED_MAX,
    )
    return [id_ for (id_,) in rows]


async def entry_of(tx: Reader, committee_id: int, number: int) -> tuple[int, str] | None:
    """Number and hash of the entry with which the poll of this number was closed."""
    row = await tx.one(
        """SELECT number, hash FROM entries WHERE committee_id = ? AND kind = 'poll'
               AND json_extract(body, '$.poll') = ? AND json_extract(body, '$.closed') IS NOT NULL
           ORDER BY number DESC LIMIT 1""",
        committee_id,
        number,
    )
    return None if row is None else (row[0], row[1])


async def gives_a_role(tx: Reader, poll_id: int) -> bool:
    """Whether the poll is an election whose outcome is a role, which has a term of its own."""
    return await tx.one("SELECT 1 FROM elections WHERE poll_id = ?", poll_id) is not None


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships are one."""
    await tx.execute("UPDATE outcomes SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE outcome_tasks SET member_id = ? WHERE member_id = ?", into, old)
