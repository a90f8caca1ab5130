"""Seats that look for somebody, and seats that change hands: who was asked, and what each has said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import retention
from storage import cards, due
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us

ASKED_MAX = 1_000
OPEN_MAX = 200
_AT_ONCE_MAX = 500

Answer = Literal["yes", "no"]
SearchState = Literal["open", "taken", "over"]
TradeKind = Literal["swap", "hand", "chain", "open"]
TradeState = Literal["offered", "asked", "done", "over"]


async def soon(tx: Transaction, key: str, says: Saying, committee_id: int, at: datetime) -> None:
    """The clock says this at an instant."""
    await due.plan(
        tx,
        key,
        says,
        local=at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=committee_id,
        late="do",
    )


# --- a seat that looks for somebody ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Somebody is looked for who takes a seat. Ids are those of members. `group`, `told`: when the group was asked, and
    when those who organize heard of it. `seat_id` None: the seat is gone."""

    id: int
    committee_id: int
    seat_id: int | None
    giver_id: int | None
    taker_id: int | None
    state: SearchState
    group: datetime | None
    told: datetime | None

    @property
    def key(self) -> str:
        """What the clock has it by."""
        return f"search:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody who was asked for a seat. `by`: until then the next one waits."""

    id: int
    search_id: int
    member_id: int
    by: datetime
    answer: Answer | None


_SEARCH = "id, committee_id, seat_id, giver_id, taker_id, state, group_us, told_us"


def _search(row: Row) -> Search:
    id_, committee_id, seat_id, giver_id, taker_id, state, group_us, told_us = row
    return Search(
        id=id_,
        committee_id=committee_id,
        seat_id=seat_id,
        giver_id=giver_id,
        taker_id=taker_id,
        state=state,
        group=None if group_us is None else from_us(group_us),
        told=None if told_us is None else from_us(told_us),
    )


async def search(tx: Reader, committee_id: int, id_: int) -> Search | None:
    """One of the committee's searches."""
    row = await tx.one(f"SELECT {_SEARCH} FROM searches WHERE committee_id = ? AND id = ?", committee_id, id_)
    return None if row is None else _search(row)


async def search_for(tx: Reader, seat_id: int) -> Search | None:
    """The search that goes on for a seat."""
    row = await tx.one(f"SELECT {_SEARCH} FROM searches WHERE seat_id = ? AND state = 'open'", seat_id)
    return None if row is None else _search(row)


async def seek(
    tx: Transaction, committee_id: int, seat_id: int, giver_id: int | None, *, at: datetime, now: datetime
) -> Search:
    """From now on somebody is looked for who takes this seat; `at`: when the clock goes about it."""
    await tx.execute(
        """INSERT INTO searches (committee_id, seat_id, giver_id, state, since_us) VALUES (?, ?, ?, 'open', ?)
           ON CONFLICT DO NOTHING""",
        committee_id,
        seat_id,
        giver_id,
        to_us(now),
    )
    found = await search_for(tx, seat_id)
    assert found is not None
    await look(tx, found, at=at)
    return found


async def look(tx: Transaction, search_: Search, *, at: datetime) -> None:
    """The clock looks at it then."""
    says = Saying(command="seat_seek", arguments={"search": search_.id})
    await soon(tx, search_.key, says, search_.committee_id, at)


async def asked(tx: Reader, search_id: int) -> list[Asked]:
    """Who was asked, in this order."""
    rows = await tx.all(
        "SELECT id, search_id, member_id, by_us, answer FROM seat_asked WHERE search_id = ? ORDER BY id LIMIT ?",
        search_id,
        ASKED_MAX,
    )
    return [_asked(row) for row in rows]


def _asked(row: Row) -> Asked:
    id_, search_id, member_id, by_us, answer = row
    return Asked(id=id_, search_id=search_id, member_id=member_id, by=from_us(by_us), answer=answer)


async def ask(tx: Transaction, search_: Search, member_id: int, *, by: datetime, now: datetime) -> Asked:
    """Somebody is asked for the seat, once."""
    row = await tx.one(
        """INSERT INTO seat_asked (search_id, member_id, at_us, by_us) VALUES (?, ?, ?, ?)
           RETURNING id, search_id, member_id, by_us, answer""",
        search_.id,
        member_id,
        to_us(now),
        to_us(by),
    )
    assert row is not None
    return _asked(row)


async def ask_of(tx: Reader, committee_id: int, id_: int) -> tuple[Asked, Search] | None:
    """Who was asked, by the number of the question."""
    row = await tx.one(
        """SELECT a.id, a.search_id, a.member_id, a.by_us, a.answer FROM seat_asked a
           JOIN searches s ON s.id = a.search_id WHERE s.committee_id = ? AND a.id = ?""",
        committee_id,
        id_,
    )
    if row is None:
        return None
    of = await search(tx, committee_id, row[1])
    assert of is not None
    return _asked(row), of


async def waiting_for(tx: Reader, member_id: int) -> list[Asked]:
    """For which seats a member is asked and has not said anything."""
    rows = await tx.all(
        """SELECT a.id, a.search_id, a.member_id, a.by_us, a.answer FROM seat_asked a
           JOIN searches s ON s.id = a.search_id AND s.state = 'open'
           WHERE a.member_id = ? AND a.answer IS NULL ORDER BY a.id LIMIT ?""",
        member_id,
        OPEN_MAX,
    )
    return [_asked(row) for row in rows]


async def answered(tx: Transaction, asked_: Asked, answer: Answer) -> None:
    """What somebody says; nobody else is told."""
    await tx.execute("UPDATE seat_asked SET answer = ? WHERE id = ?", answer, asked_.id)
    await cards.changed(tx, f"seat_ask:{asked_.id}")


async def group_asked(tx: Transaction, search_: Search, *, now: datetime) -> None:
    """The group was asked."""
    await tx.execute("UPDATE searches SET group_us = ? WHERE id = ?", to_us(now), search_.id)


async def organizers_told(tx: Transaction, search_: Search, *, now: datetime) -> None:
    """Those who organize have heard that nobody was found."""
    await tx.execute("UPDATE searches SET told_us = ? WHERE id = ?", to_us(now), search_.id)


async def end_search(tx: Transaction, search_: Search, *, taker_id: int | None = None) -> None:
    """Nobody is looked for any more: somebody has the seat, or it is over. Whoever was asked sees it."""
    await tx.execute(
        "UPDATE searches SET state = ?, taker_id = ? WHERE id = ? AND state = 'open'",
        "over" if taker_id is None else "taken",
        taker_id,
        search_.id,
    )
    await due.cancel(tx, search_.key)
    await cards.changed(tx, f"wanted:{search_.id}")
    for one in await asked(tx, search_.id):
        await cards.changed(tx, f"seat_ask:{one.id}")


# --- what becomes of seats elsewhere ---------------------------------------------------------------------------------


async def taken(tx: Transaction, committee_id: int, seat_id: int, member_id: int, *, now: datetime) -> None:
    """Somebody has a seat now: nobody is asked for it any more, and whoever gave it back hears of it."""
    found = await search_for(tx, seat_id)
    if found is not None:
        await end_search(tx, found, taker_id=member_id)
        says = Saying(command="search_taken", arguments={"search": found.id})
        await soon(tx, f"search_taken:{found.id}", says, committee_id, now)
    await touched(tx, [seat_id], now=now)


async def touched(tx: Transaction, seat_ids: Collection[int], *, now: datetime) -> None:
    """These seats are not what they were: proposals to change them are looked at again."""
    for seat_id in sorted(seat_ids):
        for id_, committee_id in await tx.all(
            """SELECT DISTINCT t.id, t.committee_id FROM trade_moves m JOIN trades t ON t.id = m.trade_id
               WHERE m.seat_id = ? AND t.state = 'asked' ORDER BY t.id LIMIT ?""",
            seat_id,
            OPEN_MAX,
        ):
            says = Saying(command="trade_look", arguments={"trade": id_})
            await soon(tx, f"trade_look:{id_}", says, committee_id, now)


async def gone(tx: Transaction, seat_ids: Collection[int], *, now: datetime) -> None:
    """These seats are about to be deleted."""
    await touched(tx, seat_ids, now=now)
    for seat_id in sorted(seat_ids):
        found = await search_for(tx, seat_id)
        if found is not None:
            await end_search(tx, found)
        await tx.execute("UPDATE searches SET seat_id = NULL WHERE seat_id = ?", seat_id)
        await tx.execute("UPDATE trade_moves SET seat_id = NULL WHERE seat_id = ?", seat_id)


# --- seats that change hands -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One seat of a proposal. Ids of seats and members; None: the seat is gone, nobody has it, nobody takes it yet."""

    seat_id: int | None
    giver_id: int | None
    taker_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one of those who must agree has said; None: nothing yet."""

    id: int
    member_id: int
    answer: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A proposal by which seats change hands. `by`: then it is over."""

    id: int
    committee_id: int
    kind: TradeKind
    proposer_id: int | None
    search_id: int | None
    state: TradeState
    by: datetime
    moves: tuple[Given, ...]
    said: tuple[Said, ...]

    @property
    def agreed(self) -> bool:
        """Everybody has said yes."""
        return all(one.answer == "yes" for one in self.said)

    def of(self, member_id: int) -> Said | None:
        """What a member has to say to it, or has said."""
        return next((one for one in self.said if one.member_id == member_id), None)


async def offer(
    tx: Transaction,
    committee_id: int,
    kind: TradeKind,
    moves: Sequence[Given],
    *,
    proposer_id: int | None,
    by: datetime,
    search_id: int | None = None,
    now: datetime,
) -> Trade:
    """A proposal that nobody has been asked about yet."""
    id_ = await tx.value(
        """INSERT INTO trades (committee_id, kind, proposer_id, search_id, state, since_us, by_us)
           VALUES (?, ?, ?, ?, 'offered', ?, ?) RETURNING id""",
        committee_id,
        kind,
        proposer_id,
        search_id,
        to_us(now),
        to_us(by),
    )
    for place, move in enumerate(moves):
        await tx.execute(
            "INSERT INTO trade_moves (trade_id, place, seat_id, giver_id, taker_id) VALUES (?, ?, ?, ?, ?)",
            id_,
            place,
            move.seat_id,
            move.giver_id,
            move.taker_id,
        )
    found = await trade(tx, committee_id, id_)
    assert found is not None
    return found


async def propose(tx: Transaction, trade_: Trade) -> Trade:
    """From now on all who give or take are asked; whoever proposes it has said yes."""
    await tx.execute("UPDATE trades SET state = 'asked' WHERE id = ?", trade_.id)
    people = {who for one in trade_.moves for who in (one.giver_id, one.taker_id) if who is not None}
    for member_id in sorted(people):
        await tx.execute(
            "INSERT INTO trade_answers (trade_id, member_id, answer) VALUES (?, ?, ?)",
            trade_.id,
            member_id,
            "yes" if member_id == trade_.proposer_id else None,
        )
    says = Saying(command="trade_look", arguments={"trade": trade_.id})
    await soon(tx, f"trade:{trade_.id}", says, trade_.committee_id, trade_.by)
    found = await trade(tx, trade_.committee_id, trade_.id)
    assert found is not None
    return found


async def trade(tx: Reader, committee_id: int, id_: int) -> Trade | None:
    """One of the committee's proposals."""
    row = await tx.one(
        """SELECT id, committee_id, kind, proposer_id, search_id, state, by_us FROM trades
           WHERE committee_id = ? AND id = ?""",
        committee_id,
        id_,
    )
    if row is None:
        return None
    moves = await tx.all(
        "SELECT seat_id, giver_id, taker_id FROM trade_moves WHERE trade_id = ? ORDER BY place LIMIT 10", id_
    )
    said = await tx.all("SELECT id, member_id, answer FROM trade_answers WHERE trade_id = ? ORDER BY id LIMIT 20", id_)
    return Trade(
        id=row[0],
        committee_id=row[1],
        kind=row[2],
        proposer_id=row[3],
        search_id=row[4],
        state=row[5],
        by=from_us(row[6]),
        moves=tuple(Given(seat_id=seat, giver_id=giver, taker_id=taker) for seat, giver, taker in moves),
        said=tuple(Said(id=id_, member_id=member, answer=answer) for id_, member, answer in said),
    )


async def trade_said(tx: Reader, committee_id: int, answer_id: int) -> tuple[Said, Trade] | None:
    """The proposal to which somebody says something, by the number of the question."""
    row = await tx.one("SELECT trade_id FROM trade_answers WHERE id = ?", answer_id)
    found = None if row is None else await trade(tx, committee_id, row[0])
    return None if found is None else (next(one for one in found.said if one.id == answer_id), found)


async def say(tx: Transaction, said: Said, answer: Answer) -> None:
    """What somebody says to a proposal."""
    await tx.execute("UPDATE trade_answers SET answer = ? WHERE id = ?", answer, said.id)


async def end_trade(tx: Transaction, trade_: Trade, state: Literal["done", "over"]) -> None:
    """It is carried out, or nothing comes of it; whoever was asked sees that."""
    await tx.execute("UPDATE trades SET state = ? WHERE id = ?", state, trade_.id)
    await due.cancel(tx, f"trade:{trade_.id}")
    await cards.changed(tx, f"swap_open:{trade_.id}")
    for one in trade_.said:
        await cards.changed(tx, f"swap_ask:{one.id}")


async def trades_asked(tx: Reader, member_id: int) -> list[tuple[int, int]]:
    """Ids of the proposals that wait for a member's answer, and of the questions."""
    rows = await tx.all(
        """SELECT t.id, a.id FROM trade_answers a JOIN trades t ON t.id = a.trade_id AND t.state = 'asked'
           WHERE a.member_id = ? AND a.answer IS NULL ORDER BY t.id LIMIT ?""",
        member_id,
        OPEN_MAX,
    )
    return [(trade_id, id_) for trade_id, id_ in rows]


async def tried(tx: Reader, search_id: int) -> list[Trade]:
    """The chains that were proposed so that a seat is taken."""
    rows = await tx.all(
        "SELECT committee_id, id FROM trades WHERE search_id = ? ORDER BY id LIMIT ?", search_id, OPEN_MAX
    )
    found = [await trade(tx, committee_id, id_) for committee_id, id_ in rows]
    return [one for one in found if one is not None]


async def wish_open(tx: Reader, seat_id: int) -> int | None:
    """The id of the proposal by which the group is asked to swap this seat."""
    row = await tx.one(
        """SELECT t.id FROM trades t JOIN trade_moves m ON m.trade_id = t.id
           WHERE t.kind = 'open' AND t.state = 'asked' AND m.seat_id = ? LIMIT 1""",
        seat_id,
    )
    return None if row is None else int(row[0])


# --- people come and go ----------------------------------------------------------------------------------------------


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: questions to the first are that one's, where it has not the same one itself."""
    for column in ("giver_id", "taker_id"):
        await tx.execute(f"UPDATE searches SET {column} = ? WHERE {column} = ?", into, old)
        await tx.execute(f"UPDATE trade_moves SET {column} = ? WHERE {column} = ?", into, old)
    await tx.execute("UPDATE trades SET proposer_id = ? WHERE proposer_id = ?", into, old)
    for table, of in (("seat_asked", "search_id"), ("trade_answers", "trade_id")):
        await tx.execute(
            f"""UPDATE {table} SET member_id = ?1 WHERE member_id = ?2
                AND {of} NOT IN (SELECT {of} FROM {table} WHERE member_id = ?1)""",
            into,
            old,
        )
        await tx.execute(f"DELETE FROM {table} WHERE member_id = ?", old)
    await tx.execute("UPDATE sign_offs SET by_id = ? WHERE by_id = ?", into, old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who was asked, and what was proposed, a while after it is over."""
    before = to_us(now - retention.ASKED)
    trades = await tx.all(
        "SELECT id FROM trades WHERE by_us < ? AND state <> 'asked' ORDER BY id LIMIT ?", before, _AT_ONCE_MAX
    )
    for (id_,) in trades:
        for table in ("trade_answers", "trade_moves"):
            await tx.execute(f"DELETE FROM {table} WHERE trade_id = ?", id_)
        await tx.execute("DELETE FROM trades WHERE id = ?", id_)
    old = await tx.all(
        """SELECT id FROM searches WHERE since_us < ? AND state <> 'open'
           AND id NOT IN (SELECT search_id FROM trades WHERE search_id IS NOT NULL) ORDER BY id LIMIT ?""",
        before,
        _AT_ONCE_MAX,
    )
    for (id_,) in old:
        await tx.execute("DELETE FROM seat_asked WHERE search_id = ?", id_)
        await tx.execute("DELETE FROM searches WHERE id = ?", id_)
