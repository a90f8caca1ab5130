"""Objections in polls: who raised which, who stands behind it, and what became of it. The reason is a note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.objections import Facts
from bot.text import Written
from storage import ballots, cards, notes, polls
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.polls import Poll

LISTED_MAX = 200
SECONDS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """An objection. `voter`: what stands for whoever raised it, as for ballots; None: nobody can tell any more."""

    id: int
    poll_id: int
    voter: str | None
    facts: Facts
    answer_id: int | None
    reason: Written | None

    @property
    def thing(self) -> str:
        """What its card and its reason are kept under."""
        return f"objection:{self.id}"


_COLUMNS = "id, poll_id, voter, at_us, reasoned, seconds, state, answer_id"


async def _objection(tx: Reader, row: Row) -> Objection:
    id_, poll_id, voter, at_us, reasoned, seconds, state, answer_id = row
    return Objection(
        id=id_,
        poll_id=poll_id,
        voter=voter,
        facts=Facts(
            state=state,
            raised_at=None if at_us is None else from_us(at_us),
            reasoned=bool(reasoned),
            seconds=seconds,
        ),
        answer_id=answer_id,
        reason=await notes.written(tx, f"objection:{id_}"),
    )


async def get(tx: Reader, committee_id: int, id_: int) -> tuple[Objection, Poll] | None:
    """An objection in one of this committee's polls, and that poll."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM objections WHERE id = ?", id_)
    poll = None if row is None else await polls.get(tx, committee_id, row[1])
    return None if row is None or poll is None else (await _objection(tx, row), poll)


async def of_poll(tx: Reader, poll: Poll) -> list[Objection]:
    """A poll's objections, oldest first, also those that are over."""
    rows = await tx.all(f"SELECT {_COLUMNS} FROM objections WHERE poll_id = ? ORDER BY id LIMIT ?", poll.id, LISTED_MAX)
    return [await _objection(tx, row) for row in rows]


async def raised_by(tx: Reader, poll: Poll, member_id: int) -> Objection | None:
    """The objection that somebody has raised in an open poll and not withdrawn."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM objections WHERE poll_id = ? AND voter = ? AND state = 'raised'",
        poll.id,
        await ballots.voter_of(tx, poll, member_id),
    )
    return None if row is None else await _objection(tx, row)


async def is_whose(tx: Reader, one: Objection, poll: Poll, member_id: int) -> bool:
    """Whether this member has raised it."""
    return one.voter is not None and one.voter == await ballots.voter_of(tx, poll, member_id)


def member_id(one: Objection, poll: Poll) -> int | None:
    """Who has raised it, where the poll shows names."""
    return int(one.voter) if poll.secrecy == "open" and one.voter is not None else None


async def follow(tx: Transaction, poll: Poll, *, now: datetime) -> tuple[list[Objection], list[Objection]]:
    """Bring the objections in line with the ballots: those that were raised by that, and those that were withdrawn."""
    objecting = [
        one.place
        for one in poll.options
        if (choice := poll.rule.choice(one.key)) is not None and choice.objects and not one.withdrawn
    ]
    said = {voter for voter, choice in await ballots.rows(tx, poll) if choice in objecting}
    there = {one.voter: one for one in await of_poll(tx, poll) if one.facts.state == "raised"}
    withdrawn = [one for voter, one in there.items() if voter not in said]
    for one in withdrawn:
        await tx.execute("UPDATE objections SET state = 'withdrawn' WHERE id = ?", one.id)
        await cards.changed(tx, one.thing)
    raised = []
    for voter in sorted(said - there.keys()):
        row = await tx.one(
            f"INSERT INTO objections (poll_id, voter, at_us) VALUES (?, ?, ?) RETURNING {_COLUMNS}",
            poll.id,
            voter,
            to_us(now),
        )
        assert row is not None
        raised.append(await _objection(tx, row))
    if raised or withdrawn:
        await cards.changed(tx, poll.thing)
    return raised, withdrawn


async def give_reason(tx: Transaction, one: Objection, poll: Poll, reason: str, *, now: datetime) -> str:
    """Why somebody objects, in place of what was there; the salted hash that stands for it."""
    if one.facts.reasoned:
        hashed = await notes.reword(tx, f"objection:{one.id}", reason)
    else:
        hashed = await notes.keep(tx, f"objection:{one.id}", reason)
        await tx.execute("UPDATE objections SET reasoned = 1 WHERE id = ?", one.id)
    by = member_id(one, poll)
    if by is not None:
        await notes.wrote(tx, one.thing, by, now=now)
    await _changed(tx, one, poll)
    return hashed


async def second(tx: Transaction, one: Objection, poll: Poll, member_id: int) -> bool:
    """Somebody stands behind it; False: they did already, and do not any more."""
    added = await tx.all(
        "INSERT INTO objection_seconds (objection_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        one.id,
        member_id,
    )
    if not added:
        await tx.execute("DELETE FROM objection_seconds WHERE objection_id = ? AND member_id = ?", one.id, member_id)
    await tx.execute(
        """UPDATE objections SET seconds = (SELECT count(*) FROM objection_seconds WHERE objection_id = ?1)
           WHERE id = ?1""",
        one.id,
    )
    await _changed(tx, one, poll)
    return bool(added)


async def seconded_by(tx: Reader, one: Objection) -> list[int]:
    """The ids of those who stand behind it."""
    rows = await tx.all(
        "SELECT member_id FROM objection_seconds WHERE objection_id = ? ORDER BY member_id LIMIT ?", one.id, SECONDS_MAX
    )
    return [id_ for (id_,) in rows]


async def answered(tx: Transaction, one: Objection, poll: Poll, by: Poll) -> None:
    """A later round of the poll takes it up."""
    await tx.execute("UPDATE objections SET state = 'answered', answer_id = ? WHERE id = ?", by.id, one.id)
    await _changed(tx, one, poll)


async def seal(tx: Transaction, poll: Poll) -> None:
    """The poll is closed: in a hidden one, nothing leads from an objection to a person any more."""
    if poll.secrecy == "hidden":
        await tx.execute(
            "DELETE FROM objection_seconds WHERE objection_id IN (SELECT id FROM objections WHERE poll_id = ?)", poll.id
        )
        await tx.execute("UPDATE objections SET voter = NULL, at_us = NULL WHERE poll_id = ?", poll.id)
        tx.wipe = True
    for one in await of_poll(tx, poll):
        await cards.changed(tx, one.thing)


async def _changed(tx: Transaction, one: Objection, poll: Poll) -> None:
    await cards.changed(tx, one.thing)
    await cards.changed(tx, poll.thing)


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships are one. What the other has raised in the same poll stays; this one's is withdrawn."""
    open_ = "SELECT id FROM polls WHERE secrecy = 'open'"
    await tx.execute(
        f"""UPDATE objections SET state = 'withdrawn' WHERE state = 'raised' AND voter = ?1 AND poll_id IN ({open_})
            AND EXISTS (SELECT 1 FROM objections o WHERE o.poll_id = objections.poll_id AND o.voter = ?2
                        AND o.state = 'raised')""",
        str(old),
        str(into),
    )
    await tx.execute(f"UPDATE objections SET voter = ? WHERE voter = ? AND poll_id IN ({open_})", str(into), str(old))
    await tx.execute("UPDATE OR IGNORE objection_seconds SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM objection_seconds WHERE member_id = ?", old)
    await tx.execute(
        """UPDATE objections SET seconds =
               (SELECT count(*) FROM objection_seconds s WHERE s.objection_id = objections.id)
           WHERE id IN (SELECT objection_id FROM objection_seconds WHERE member_id = ?)""",
        into,
    )
