"""What linked committees have said to expel, freeze and move, and who asks to visit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import governing as rules
from bot.domain.governing import Call, Case, Freeze, Move, Vote
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us

CASES_OF_ONE_MAX = 3
"""So many cases one committee may have begun within the time that a case takes."""
CASES_MAX = 200
VOTES_OF_ONE_MAX = 20
"""So many votes of one committee are kept within that time."""
CALLS_OF_ONE_MAX = 50
EPOCHS_AHEAD_MAX = 10
MOVES_OF_ONE_MAX = 10
VISITS_OF_ONE_MAX = 5
VISIT_KEPT = timedelta(days=2)
CALLS_KEPT = timedelta(days=30)
CASES_KEPT = timedelta(days=60)
"""Votes that were signed in time and come late still count for so long."""
CALLS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A case as one committee knows it."""

    id: int
    federation_id: int
    hash: str
    case: Case
    done_at: datetime | None
    name: str
    """The accused's."""


_CASE = """id, federation_id, hash, accused, asked_by, voters, sent_us, done_us,
    (SELECT p.name FROM peers p WHERE p.federation_id = expulsions.federation_id AND p.author = expulsions.accused)"""


def _case(row: Row) -> Kept:
    return Kept(
        id=row[0],
        federation_id=row[1],
        hash=row[2],
        case=Case(accused=row[3], asked_by=row[4], voters=frozenset(json.loads(row[5])), sent=from_us(row[6])),
        done_at=None if row[7] is None else from_us(row[7]),
        name=row[8] or "?",
    )


# --- expelling ---------------------------------------------------------------------------------------------------


async def add_case(tx: Transaction, federation_id: int, hash_: str, case: Case) -> Kept | None:
    """Keep a case. None: this committee has begun too many, or it is known."""
    row = await tx.one(
        f"""INSERT INTO expulsions (federation_id, hash, accused, asked_by, voters, sent_us)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6
            WHERE (SELECT count(*) FROM expulsions WHERE federation_id = ?1 AND asked_by = ?4 AND sent_us > ?7) < ?8
            ON CONFLICT DO NOTHING RETURNING {_CASE}""",
        federation_id,
        hash_,
        case.accused,
        case.asked_by,
        json.dumps(sorted(case.voters)),
        to_us(case.sent),
        to_us(case.sent - rules.EXPEL_WITHIN),
        CASES_OF_ONE_MAX,
    )
    return None if row is None else _case(row)


async def case_by_id(tx: Reader, committee_id: int, id_: int) -> Kept | None:
    """A case of one of a committee's federations."""
    row = await tx.one(
        f"""SELECT {_CASE} FROM expulsions
            WHERE id = ? AND federation_id IN (SELECT id FROM federations WHERE committee_id = ?)""",
        id_,
        committee_id,
    )
    return None if row is None else _case(row)


async def open_cases(tx: Reader, federation_id: int) -> list[Kept]:
    """The cases of which nothing has followed yet, oldest first."""
    rows = await tx.all(
        f"""SELECT {_CASE} FROM expulsions WHERE federation_id = ? AND done_us IS NULL ORDER BY sent_us, hash
            LIMIT ?""",
        federation_id,
        CASES_MAX,
    )
    return [_case(row) for row in rows]


async def close_cases(tx: Transaction, federation_id: int, accused: str, *, now: datetime) -> None:
    """They are out: nothing more follows from what was asked about them."""
    await tx.execute(
        "UPDATE expulsions SET done_us = ? WHERE federation_id = ? AND accused = ? AND done_us IS NULL",
        to_us(now),
        federation_id,
        accused,
    )


async def add_vote(tx: Transaction, federation_id: int, hash_: str, vote: Vote) -> bool:
    """Keep what a committee says to a case, known or not. False: it has said so before, or too much."""
    found = await tx.value(
        """INSERT INTO expulsion_votes (federation_id, hash, author, yes, sent_us) SELECT ?1, ?2, ?3, ?4, ?5
           WHERE (SELECT count(*) FROM expulsion_votes WHERE federation_id = ?1 AND author = ?3 AND sent_us > ?6) < ?7
           ON CONFLICT DO NOTHING RETURNING 1""",
        federation_id,
        hash_,
        vote.author,
        int(vote.yes),
        to_us(vote.sent),
        to_us(vote.sent - rules.EXPEL_WITHIN),
        VOTES_OF_ONE_MAX,
    )
    return found is not None


async def votes(tx: Reader, federation_id: int, hash_: str) -> list[Vote]:
    """What committees have said to a case."""
    rows = await tx.all(
        """SELECT author, yes, sent_us FROM expulsion_votes WHERE federation_id = ? AND hash = ?
           ORDER BY author, yes LIMIT 1000""",
        federation_id,
        hash_,
    )
    return [Vote(author=row[0], yes=bool(row[1]), sent=from_us(row[2])) for row in rows]


# --- freezing ----------------------------------------------------------------------------------------------------


async def add_call(tx: Transaction, federation_id: int, accused: str, call: Call) -> bool:
    """Keep that a committee asks to freeze another. False: it is known, or it has asked too often."""
    found = await tx.value(
        """INSERT INTO freeze_calls (federation_id, accused, asked_by, sent_us) SELECT ?1, ?2, ?3, ?4
           WHERE (SELECT count(*) FROM freeze_calls WHERE federation_id = ?1 AND asked_by = ?3 AND sent_us > ?5) < ?6
           ON CONFLICT DO NOTHING RETURNING 1""",
        federation_id,
        accused,
        call.by,
        to_us(call.at),
        to_us(call.at - rules.FREEZE_AGAIN_AFTER),
        CALLS_OF_ONE_MAX,
    )
    return found is not None


async def calls(tx: Reader, federation_id: int, accused: str) -> list[Call]:
    """Who has asked to freeze a committee, and when."""
    rows = await tx.all(
        """SELECT sent_us, asked_by FROM freeze_calls WHERE federation_id = ? AND accused = ?
           ORDER BY sent_us DESC, asked_by LIMIT ?""",
        federation_id,
        accused,
        CALLS_MAX,
    )
    return [Call(from_us(row[0]), row[1]) for row in rows]


async def freeze(tx: Transaction, federation_id: int, accused: str, found: Freeze) -> bool:
    """Nothing of a committee has an effect until the freeze ends. False: it was so already."""
    done = await tx.value(
        """UPDATE peers SET frozen_until_us = ?1 WHERE federation_id = ?2 AND author = ?3
           AND (frozen_until_us IS NULL OR frozen_until_us < ?1) RETURNING 1""",
        to_us(found.ends),
        federation_id,
        accused,
    )
    return done is not None


# --- moving ------------------------------------------------------------------------------------------------------


async def add_move(tx: Transaction, federation_id: int, author: str, move: Move, *, epoch: int) -> bool:
    """Keep that a committee wants to move. False: it is known, too far ahead, or one of too many."""
    if not epoch < move.epoch <= epoch + EPOCHS_AHEAD_MAX:
        return False
    found = await tx.value(
        """INSERT INTO move_calls (federation_id, epoch, network, host, asked_by) SELECT ?1, ?2, ?3, ?4, ?5
           WHERE (SELECT count(*) FROM move_calls WHERE federation_id = ?1 AND asked_by = ?5 AND epoch > ?6) < ?7
           ON CONFLICT DO NOTHING RETURNING 1""",
        federation_id,
        move.epoch,
        move.network,
        move.host,
        author,
        epoch,
        MOVES_OF_ONE_MAX,
    )
    return found is not None


async def moves(tx: Reader, federation_id: int, *, epoch: int) -> list[tuple[str, Move]]:
    """Who wants to move where, from this epoch on."""
    rows = await tx.all(
        """SELECT asked_by, epoch, network, host FROM move_calls WHERE federation_id = ? AND epoch > ?
           ORDER BY epoch, network, host, asked_by LIMIT 3000""",
        federation_id,
        epoch,
    )
    return [(row[0], Move(row[1], row[2], row[3])) for row in rows]


async def epoch(tx: Reader, federation_id: int) -> int:
    """Which of its wires a federation speaks over; the first is 1."""
    return int(await tx.value("SELECT epoch FROM federations WHERE id = ?", federation_id))


async def move_wire(tx: Transaction, federation_id: int, *, epoch: int, place_id: int) -> None:
    """The wire is another one from now on."""
    await tx.execute("UPDATE federations SET epoch = ?, place_id = ? WHERE id = ?", epoch, place_id, federation_id)
    await tx.execute("DELETE FROM move_calls WHERE federation_id = ? AND epoch <= ?", federation_id, epoch)


# --- lies --------------------------------------------------------------------------------------------------------


async def liars(tx: Reader, federation_id: int) -> Sequence[str]:
    """The authors who have said two things under one number, and are not heard again."""
    rows = await tx.all(
        "SELECT author FROM equivocations WHERE federation_id = ? AND heard_life IS NULL ORDER BY author LIMIT 200",
        federation_id,
    )
    return [row[0] for row in rows]


async def hear_again(tx: Transaction, federation_id: int, author: str, *, after_life: int) -> None:
    """Lives of theirs that are later than this one have effects again."""
    await tx.execute(
        "UPDATE equivocations SET heard_life = ? WHERE federation_id = ? AND author = ?",
        after_life,
        federation_id,
        author,
    )


# --- trust -------------------------------------------------------------------------------------------------------


async def forget_trust(tx: Transaction, peer_id: int) -> None:
    """What was set for another committee in this federation is not any more."""
    await tx.execute("DELETE FROM peer_trust WHERE peer_id = ?", peer_id)


# --- visits ------------------------------------------------------------------------------------------------------


async def add_visit(tx: Transaction, peer_id: int, member_id: int, *, now: datetime) -> str | None:
    """A member asks to see what another committee shows; the name of the question. None: they have asked enough."""
    many = await tx.value(
        "SELECT count(*) FROM visits WHERE member_id = ? AND at_us > ?", member_id, to_us(now - timedelta(hours=1))
    )
    if many >= VISITS_OF_ONE_MAX:
        return None
    token = tx.token()
    await tx.execute(
        "INSERT INTO visits (token, peer_id, member_id, at_us) VALUES (?, ?, ?, ?)",
        token,
        peer_id,
        member_id,
        to_us(now),
    )
    return token


async def visit(tx: Transaction, peer_id: int, token: str) -> int | None:
    """The id of the member who has asked, once; None: nobody has asked that of this committee."""
    found: int | None = await tx.value(
        "DELETE FROM visits WHERE token = ? AND peer_id = ? RETURNING member_id", token, peer_id
    )
    return found


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Delete what nothing follows from any more."""
    await tx.execute("DELETE FROM visits WHERE at_us <= ?", to_us(now - VISIT_KEPT))
    await tx.execute("DELETE FROM freeze_calls WHERE sent_us <= ?", to_us(now - CALLS_KEPT))
    old = to_us(now - CASES_KEPT)
    await tx.execute("UPDATE expulsions SET done_us = ? WHERE sent_us <= ? AND done_us IS NULL", to_us(now), old)
    await tx.execute("DELETE FROM expulsion_votes WHERE sent_us <= ?", old)
