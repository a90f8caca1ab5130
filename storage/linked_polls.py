"""Polls that several linked committees vote on: what was asked, and what each committee has said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain import jointly
from bot.domain.chain import canonical
from bot.domain.jointly import Question, Statement, Terms
from storage import cards, notes
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us

State = Literal["asked", "open", "declined", "withdrawn", "missed"]
Kind = Literal["answer", "count", "result"]
STATEMENTS_MAX = 5
"""So many statements of a kind by one committee on one poll are kept: the first of counts and answers, the last of
results, by their own numbers."""
UNKNOWN_MAX = 50
"""On so many polls that are not known here (yet) the statements of one committee are kept."""
BODY_CHARACTERS_MAX = 40_000
LISTED_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A question to several committees, as one of them knows it."""

    id: int
    committee_id: int
    federation_id: int
    hash: str
    author: str
    terms: Terms
    state: State
    poll_id: int | None
    came: datetime
    tally: str | None
    """What this committee has told the others that all counts come to."""
    told: str | None
    """What was told here, a line each time."""

    @property
    def thing(self) -> str:
        """What its words are kept under."""
        return f"linked_poll:{self.id}"


_COLUMNS = "id, committee_id, federation_id, hash, author, terms, state, poll_id, came_us, tally, told"


def _linked(row: Row) -> Linked:
    return Linked(
        id=row[0],
        committee_id=row[1],
        federation_id=row[2],
        hash=row[3],
        author=row[4],
        terms=jointly.read_terms(json.loads(row[5])),
        state=row[6],
        poll_id=row[7],
        came=from_us(row[8]),
        tally=row[9],
        told=row[10],
    )


async def add(
    tx: Transaction,
    committee_id: int,
    federation_id: int,
    question: Question,
    *,
    hash_: str,
    author: str,
    state: State,
    now: datetime,
) -> Linked:
    """A question that is asked, or has come."""
    row = await tx.one(
        f"""INSERT INTO linked_polls (committee_id, federation_id, hash, author, terms, state, came_us)
            VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}""",
        committee_id,
        federation_id,
        hash_,
        author,
        canonical(jointly.terms_body(question.terms)),
        state,
        to_us(now),
    )
    assert row is not None
    made = _linked(row)
    if state == "asked":
        # Once it is voted on here its words are those of the poll, and are erased with it.
        await notes.keep(tx, f"linked_poll:{made.id}", "\n".join((question.words, *question.options)))
    return made


async def get(tx: Reader, committee_id: int, id_: int) -> Linked | None:
    """A question that this committee knows."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM linked_polls WHERE committee_id = ? AND id = ?", committee_id, id_)
    return None if row is None else _linked(row)


async def called(tx: Reader, federation_id: int, hash_: str) -> Linked | None:
    """A question by the hash of the envelope that asked it."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM linked_polls WHERE federation_id = ? AND hash = ?", federation_id, hash_
    )
    return None if row is None else _linked(row)


async def of_poll(tx: Reader, poll_id: int) -> Linked | None:
    """The question that a poll here is about; None: it is this committee's own."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM linked_polls WHERE poll_id = ?", poll_id)
    return None if row is None else _linked(row)


async def words(tx: Reader, there: Linked) -> tuple[str, tuple[str, ...]] | None:
    """What is asked, and what can be chosen; None: it was erased."""
    text = await notes.of(tx, there.thing)
    if text is None:
        return None
    question, *options = text.split("\n")
    return question, tuple(options)


async def count_open(tx: Reader, federation_id: int, author: str, *, now: datetime) -> int:
    """On how many questions of a committee is being voted here now."""
    return int(
        await tx.value(
            """SELECT count(*) FROM linked_polls WHERE federation_id = ? AND author = ? AND state = 'open'
               AND json_extract(terms, '$.closes') > ?""",
            federation_id,
            author,
            to_us(now) // 1_000_000,
        )
    )


async def count_since(tx: Reader, federation_id: int, author: str, *, since: datetime) -> int:
    """How many questions of a committee have come since then."""
    return int(
        await tx.value(
            "SELECT count(*) FROM linked_polls WHERE federation_id = ? AND author = ? AND came_us > ?",
            federation_id,
            author,
            to_us(since),
        )
    )


async def waiting(tx: Reader, committee_id: int, *, now: datetime) -> list[Linked]:
    """The questions about which organizers have not decided yet whether they are voted on, oldest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM linked_polls WHERE committee_id = ? AND state = 'asked'
            AND json_extract(terms, '$.closes') > ? ORDER BY id LIMIT 20""",
        committee_id,
        to_us(now) // 1_000_000,
    )
    return [_linked(row) for row in rows]


async def set_state(tx: Transaction, there: Linked, state: State) -> None:
    """It is in another state; its card shows it."""
    await tx.execute("UPDATE linked_polls SET state = ? WHERE id = ?", state, there.id)
    await notes.erase(tx, there.thing)
    await changed(tx, there)


async def set_poll(tx: Transaction, there: Linked, poll_id: int) -> None:
    """It is voted on here, by this poll."""
    await tx.execute("UPDATE linked_polls SET poll_id = ?, state = 'open' WHERE id = ?", poll_id, there.id)
    await notes.erase(tx, there.thing)
    await cards.changed(tx, f"poll:{poll_id}")


async def set_tally(tx: Transaction, there: Linked, tally: str) -> None:
    """This is what the others were told that all counts come to."""
    await tx.execute("UPDATE linked_polls SET tally = ? WHERE id = ?", tally, there.id)


async def set_told(tx: Transaction, there: Linked, told: str) -> None:
    """This is what was told here, a line each time, the last one last."""
    await tx.execute("UPDATE linked_polls SET told = ? WHERE id = ?", told, there.id)


async def changed(tx: Transaction, there: Linked) -> None:
    """Its card shows something else now."""
    if there.poll_id is not None:
        await cards.changed(tx, f"poll:{there.poll_id}")


# --- what was said of it -----------------------------------------------------------------------------------------


async def put(tx: Transaction, federation_id: int, poll: str, kind: Kind, said: Statement, *, now: datetime) -> bool:
    """Keep what a committee has said of a poll, whether that is known yet or not. False: there is no room for it."""
    text = canonical(said.body)
    if len(text) > BODY_CHARACTERS_MAX:
        return False
    if await called(tx, federation_id, poll) is None and await _unknown(tx, federation_id, said.author, poll):
        return False
    await tx.execute(
        """INSERT INTO linked_statements (federation_id, poll, author, kind, life, number, hash, body, came_us)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
        federation_id,
        poll,
        said.author,
        kind,
        said.life,
        said.number,
        said.hash,
        text,
        to_us(now),
    )
    # Whichever order they come in, the same ones stay.
    order = "DESC" if kind == "result" else "ASC"
    await tx.execute(
        f"""DELETE FROM linked_statements WHERE federation_id = ?1 AND poll = ?2 AND kind = ?3 AND author = ?4
            AND (life, number) NOT IN (SELECT life, number FROM linked_statements WHERE federation_id = ?1
                AND poll = ?2 AND kind = ?3 AND author = ?4 ORDER BY life {order}, number {order} LIMIT ?5)""",
        federation_id,
        poll,
        kind,
        said.author,
        STATEMENTS_MAX,
    )
    return True


async def _unknown(tx: Reader, federation_id: int, author: str, poll: str) -> bool:
    """Whether so much is kept of this committee on other polls that nobody here knows that there is no room."""
    many = await tx.value(
        """SELECT count(DISTINCT s.poll) FROM linked_statements s WHERE s.federation_id = ?1 AND s.author = ?2
           AND s.poll <> ?3
           AND NOT EXISTS (SELECT 1 FROM linked_polls p WHERE p.federation_id = ?1 AND p.hash = s.poll)""",
        federation_id,
        author,
        poll,
    )
    return int(many) >= UNKNOWN_MAX


async def said(tx: Reader, there: Linked, kind: Kind) -> list[Statement]:
    """What was said of a poll, by author and their own numbers."""
    rows = await tx.all(
        """SELECT author, hash, life, number, body FROM linked_statements
           WHERE federation_id = ? AND poll = ? AND kind = ? ORDER BY author, life, number LIMIT ?""",
        there.federation_id,
        there.hash,
        kind,
        LISTED_MAX,
    )
    return [
        Statement(author=author, hash=hash_, life=life, number=number, body=json.loads(body))
        for author, hash_, life, number, body in rows
    ]


def answers(found: Sequence[Statement]) -> Mapping[str, str]:
    """The last answer of each committee: `taken`, `declined`, or of whoever asked `withdrawn`."""
    return {one.author: _answer(one.body) for one in sorted(found, key=lambda one: (one.author, one.order))}


def _answer(body: Mapping[str, Any]) -> str:
    said_ = body.get("answer")
    return said_ if isinstance(said_, str) else ""
