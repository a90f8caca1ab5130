"""Polls that are made again: templates that a committee keeps by name, and series that come again by themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain import processes
from bot.domain.board import plain
from bot.domain.chain import canonical
from bot.domain.processes import Method, Rule, Secrecy
from storage import notes
from storage.database import Reader, Row, Transaction
from storage.instants import to_us
from storage.people import Committee
from storage.polls import Poll

Kind = Literal["template", "series"]
PATTERNS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A poll as it is made each time. `minutes`: so long it is open; `again`: RFC 5545, for a series."""

    id: int
    committee_id: int
    kind: Kind
    process: str
    method: Method
    rule: Rule
    secrecy: Secrecy
    minutes: int
    again: str | None
    maker_id: int | None
    name: str | None
    words: tuple[str, ...]
    """The question, then the options; none: they were erased."""

    @property
    def thing(self) -> str:
        """What its words are kept under."""
        return f"pattern:{self.id}"


_COLUMNS = "id, committee_id, kind, process, method, rule, secrecy, minutes, rrule, maker_id"


async def _pattern(tx: Reader, row: Row) -> Pattern:
    id_, committee_id, kind, process, method, rule, secrecy, minutes, again, maker_id = row
    words = await notes.of(tx, f"pattern:{id_}")
    return Pattern(
        id=id_,
        committee_id=committee_id,
        kind=kind,
        process=process,
        method=method,
        rule=processes.load(json.loads(rule)),
        secrecy=secrecy,
        minutes=minutes,
        again=again,
        maker_id=maker_id,
        name=await notes.of(tx, f"pattern_name:{id_}"),
        words=tuple(words.split("\n")) if words else (),
    )


async def add(
    tx: Transaction,
    committee: Committee,
    kind: Kind,
    *,
    process: str,
    method: Method,
    rule: Rule,
    secrecy: Secrecy,
    minutes: int,
    words: Sequence[str],
    maker_id: int | None,
    now: datetime,
    name: str | None = None,
    again: str | None = None,
) -> Pattern:
    """Keep a poll to be made again. `words`: the question, then the options, each on one line."""
    row = await tx.one(
        f"""INSERT INTO poll_patterns
            (committee_id, kind, process, method, rule, secrecy, minutes, rrule, maker_id, made_us)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}""",
        committee.id,
        kind,
        process,
        method,
        canonical(processes.dump(rule)),
        secrecy,
        minutes,
        again,
        maker_id,
        to_us(now),
    )
    assert row is not None
    await notes.keep(tx, f"pattern:{row[0]}", "\n".join(words))
    if name is not None:
        await notes.keep(tx, f"pattern_name:{row[0]}", name)
    return await _pattern(tx, row)


async def get(tx: Reader, committee_id: int, id_: int) -> Pattern | None:
    """A template or series that is still kept."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM poll_patterns WHERE committee_id = ? AND id = ? AND ended_us IS NULL",
        committee_id,
        id_,
    )
    return None if row is None else await _pattern(tx, row)


async def all_of(tx: Reader, committee_id: int, kind: Kind) -> list[Pattern]:
    """The committee's templates or series whose words are there, oldest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM poll_patterns WHERE committee_id = ? AND kind = ? AND ended_us IS NULL
            ORDER BY id LIMIT ?""",
        committee_id,
        kind,
        PATTERNS_MAX,
    )
    found = [await _pattern(tx, row) for row in rows]
    return [one for one in found if one.words]


async def named(tx: Reader, committee_id: int, name: str) -> Pattern | None:
    """The committee's template of this name, in any letter case, with accents or without."""
    key = " ".join(plain(name).split())
    found = await all_of(tx, committee_id, "template")
    return next((one for one in found if " ".join(plain(one.name or "").split()) == key), None)


async def end(tx: Transaction, pattern: Pattern, *, now: datetime) -> None:
    """It is made no more, and its words are erased."""
    await tx.execute("UPDATE poll_patterns SET ended_us = ? WHERE id = ?", to_us(now), pattern.id)
    await notes.erase(tx, pattern.thing)
    await notes.erase(tx, f"pattern_name:{pattern.id}")


async def made(tx: Transaction, pattern: Pattern, poll: Poll) -> None:
    """This poll is one of the series."""
    await tx.execute("INSERT INTO poll_patterned (poll_id, pattern_id) VALUES (?, ?)", poll.id, pattern.id)


async def of_poll(tx: Reader, poll: Poll) -> Pattern | None:
    """The series that a poll belongs to, as long as that goes on."""
    id_ = await tx.value("SELECT pattern_id FROM poll_patterned WHERE poll_id = ?", poll.id)
    return None if id_ is None else await get(tx, poll.committee_id, int(id_))


async def join(tx: Transaction, old: int, into: int) -> None:
    """One membership goes into another: what it made again is the other's."""
    await tx.execute("UPDATE poll_patterns SET maker_id = ? WHERE maker_id = ?", into, old)
