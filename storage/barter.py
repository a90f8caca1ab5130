"""Barters of two, and rings of three or four: who promises whom what, who has agreed, and what of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import barter as rules
from bot.domain import chain
from bot.domain.barter import PromiseState, State
from bot.text import Minutes, Written
from storage import board, cards, due, notes, nudges
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

OF_MEMBER_MAX = 10
"""So many barters of one member may wait for an answer."""
LISTED_MAX = 20
_AT_ONCE = from_us(0).replace(tzinfo=None)  # any moment that is over
KEPT = timedelta(days=60)
"""How long it is known what did not come about: longer than an offer or a need mostly stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Who gives whom what. `giver`, `receiver`: as they show their names. `words`: None once they are erased."""

    id: int
    giver_id: int
    giver: str
    receiver_id: int
    receiver: str
    words: Written | None
    offer_id: int | None
    need_id: int | None
    answer: Literal["yes", "no"] | None
    """The giver's, to the whole of it."""
    state: PromiseState
    settle: Minutes | None
    """Hours in its place, where one of the two has said so."""
    settle_by: int | None
    """Which of the two."""

    @property
    def thing(self) -> str:
        """What its words are kept under."""
        return f"promise:{self.id}"

    @property
    def kept(self) -> bool:
        """Nothing is owed for it any more."""
        return self.state in rules.KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Barter:
    """Two or more promises that only hold together."""

    id: int
    number: int
    proposer_id: int | None
    """None: it is a ring that the bot has found."""
    state: State
    at: datetime
    by: datetime | None
    """Until when it shall be done."""
    reminded: int
    promises: tuple[Promise, ...]

    @property
    def thing(self) -> str:
        """What its days, its reminders and its card are kept under."""
        return thing_of(self.id)

    @property
    def ring(self) -> bool:
        """Whether the bot has found it."""
        return self.proposer_id is None

    @property
    def things(self) -> tuple[str, ...]:
        """What its words are kept under."""
        return tuple(promise.thing for promise in self.promises)

    def given_by(self, member_id: int) -> Promise:
        """What this member gives. Raises StopIteration where they are not in it."""
        return next(promise for promise in self.promises if promise.giver_id == member_id)

    def given_to(self, member_id: int) -> Promise:
        """What this member gets. Raises StopIteration where they are not in it."""
        return next(promise for promise in self.promises if promise.receiver_id == member_id)

    @property
    def owed(self) -> list[Promise]:
        """What somebody still waits for who has kept their own promise."""
        plain = {
            rules.Promise(giver=one.giver_id, receiver=one.receiver_id, state=one.state): one for one in self.promises
        }
        return [plain[one] for one in rules.owed(list(plain))]


def thing_of(barter_id: int) -> str:
    """What a barter's days, reminders and card are kept under."""
    return f"ring:{barter_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A promise that is about to be proposed."""

    giver_id: int
    receiver_id: int
    words: str | None = None
    """None: those of the need that it meets."""
    offer_id: int | None = None
    need_id: int | None = None


async def propose(
    tx: Transaction,
    committee: Committee,
    promises: Sequence[Planned],
    *,
    proposer: Member | None,
    by: datetime | None = None,
    now: datetime,
) -> Barter:
    """Keep what is asked of people now. `proposer`: has agreed by asking; None: the bot asks all."""
    row = await tx.one(
        """INSERT INTO barters (committee_id, number, proposer_id, state, at_us, by_us)
           SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM barters WHERE committee_id = ?1), ?, 'asked', ?, ?
           RETURNING id""",
        committee.id,
        proposer.id if proposer is not None else None,
        to_us(now),
        to_us(by) if by is not None else None,
    )
    assert row is not None
    for one in promises:
        made = await tx.one(
            """INSERT INTO promises (barter_id, giver_id, receiver_id, offer_id, need_id, answer, state)
               VALUES (?, ?, ?, ?, ?, ?, 'open') RETURNING id""",
            row[0],
            one.giver_id,
            one.receiver_id,
            one.offer_id,
            one.need_id,
            "yes" if proposer is not None and one.giver_id == proposer.id else None,
        )
        assert made is not None
        if one.words is not None:
            await notes.keep(tx, f"promise:{made[0]}", one.words)
    found = await by_id(tx, committee.id, row[0])
    assert found is not None
    return found


async def by_id(tx: Reader, committee_id: int, id_: int) -> Barter | None:
    """One of the committee's by its id, whatever became of it."""
    return await _found(tx, await tx.one(f"SELECT {_BARTER} WHERE committee_id = ? AND id = ?", committee_id, id_))


async def numbered(tx: Reader, committee_id: int, number: int) -> Barter | None:
    """One of the committee's by its number, whatever became of it."""
    row = await tx.one(f"SELECT {_BARTER} WHERE committee_id = ? AND number = ?", committee_id, number)
    return await _found(tx, row)


_BARTER = "id, number, proposer_id, state, at_us, by_us, reminded FROM barters"


async def _found(tx: Reader, row: Row | None) -> Barter | None:
    if row is None:
        return None
    id_, number, proposer_id, state, at_us, by_us, reminded = row
    promises = await tx.all(
        """SELECT p.id, p.giver_id, g.called, p.receiver_id, r.called, p.offer_id, p.need_id, p.answer, p.state,
               p.settle_minutes, p.settle_by FROM promises p
           JOIN members g ON g.id = p.giver_id JOIN members r ON r.id = p.receiver_id
           WHERE p.barter_id = ? ORDER BY p.id LIMIT 10""",
        id_,
    )
    return Barter(
        id=id_,
        number=number,
        proposer_id=proposer_id,
        state=state,
        at=from_us(at_us),
        by=from_us(by_us) if by_us is not None else None,
        reminded=reminded,
        promises=tuple([await _promise(tx, one) for one in promises]),
    )


async def _promise(tx: Reader, row: Row) -> Promise:
    id_, giver_id, giver, receiver_id, receiver, offer_id, need_id, answer, state, settle, settle_by = row
    words = await notes.written(tx, f"promise:{id_}")
    if words is None and need_id is not None:
        words = await notes.written(tx, board.thing_of(need_id))
    return Promise(
        id=id_,
        giver_id=giver_id,
        giver=str(giver),
        receiver_id=receiver_id,
        receiver=str(receiver),
        words=words,
        offer_id=offer_id,
        need_id=need_id,
        answer=answer,
        state=state,
        settle=Minutes(settle) if settle is not None else None,
        settle_by=settle_by,
    )


async def open_of(tx: Reader, member: Member) -> list[Barter]:
    """What a member, or somebody whom they speak for, is in and is not over; oldest first."""
    rows = await tx.all(
        """SELECT id FROM barters b WHERE committee_id = ?1 AND state IN ('asked', 'agreed', 'half')
             AND EXISTS (SELECT 1 FROM promises p JOIN members g ON g.id = p.giver_id
                         WHERE p.barter_id = b.id AND (g.id = ?2 OR g.helper_id = ?2)) ORDER BY id LIMIT ?3""",
        member.committee_id,
        member.id,
        LISTED_MAX,
    )
    found = [await by_id(tx, member.committee_id, id_) for (id_,) in rows]
    return [one for one in found if one is not None]


async def count_asked_by(tx: Reader, member: Member) -> int:
    """How many barters that a member has proposed wait for an answer."""
    return int(await tx.value("SELECT count(*) FROM barters WHERE proposer_id = ? AND state = 'asked'", member.id))


async def answer(tx: Transaction, promise: Promise, says: Literal["yes", "no"]) -> None:
    """The giver has answered."""
    await tx.execute("UPDATE promises SET answer = ? WHERE id = ?", says, promise.id)


async def agree(tx: Transaction, barter: Barter) -> list[str]:
    """All have said yes. A ring's words are its own from now on; returns the salted hashes of all words."""
    await _put(tx, barter, "agreed")
    hashes = []
    for one in barter.promises:
        row = await tx.one("SELECT text, salt FROM notes WHERE thing = ?", one.thing)
        if row is not None and row[0] is not None:
            hashes.append(chain.veil(row[0], salt=row[1]))
        elif row is None and one.words is not None:
            hashes.append(await notes.keep(tx, f"promise:{one.id}", one.words.text))
        if one.need_id is not None:
            await cards.changed(tx, board.thing_of(one.need_id))
    return hashes


async def mark(tx: Transaction, barter: Barter, promise: Promise, state: PromiseState) -> State:
    """How a promise stands now; returns how the whole stands with it."""
    await tx.execute(
        "UPDATE promises SET state = ?, settle_minutes = NULL, settle_by = NULL WHERE id = ?", state, promise.id
    )
    whole = rules.standing([state if one.id == promise.id else one.state for one in barter.promises])
    await _put(tx, barter, whole)
    if promise.need_id is not None:
        await cards.changed(tx, board.thing_of(promise.need_id))
    return whole


async def settle(tx: Transaction, promise: Promise, minutes: Minutes | None, by: int | None) -> None:
    """One of the two would settle it with hours; None: nobody would any more."""
    await tx.execute(
        "UPDATE promises SET settle_minutes = ?, settle_by = ? WHERE id = ?",
        None if minutes is None else int(minutes),
        by,
        promise.id,
    )


async def remind(tx: Transaction, barter: Barter) -> None:
    """Whoever still owes was reminded once more."""
    await tx.execute("UPDATE barters SET reminded = reminded + 1 WHERE id = ?", barter.id)


async def end(tx: Transaction, barter: Barter, state: State) -> None:
    """It did not come about, or came apart: nothing of it waits any more, and nobody needs its words."""
    await _put(tx, barter, state)
    for one in barter.promises:
        await notes.erase(tx, one.thing)
        if one.need_id is not None:
            await cards.changed(tx, board.thing_of(one.need_id))


async def _put(tx: Transaction, barter: Barter, state: State) -> None:
    await tx.execute("UPDATE barters SET state = ? WHERE id = ?", state, barter.id)
    await nudges.withdraw(tx, barter.thing)
    if state not in ("agreed", "half"):
        await due.cancel(tx, barter.thing)
    await cards.changed(tx, barter.thing)


async def end_all(tx: Transaction, member_id: int) -> None:
    """Somebody goes: whatever they are in and is not over is broken off; the clock tells the others at once."""
    for committee_id, one in await _open_with(tx, member_id):
        # Of a ring that was only asked for, nobody but those asked knew.
        told = one.state != "asked" or not one.ring
        await end(tx, one, "broken" if one.state in ("agreed", "half") else "lapsed")
        if told:
            says = Saying(command="barter_broken", arguments={"number": one.number, "gone": member_id})
            await due.plan(
                tx, f"{one.thing}:broken", says, local=_AT_ONCE, zone=ZoneInfo("UTC"), committee=committee_id, late="do"
            )


async def _open_with(tx: Reader, member_id: int) -> list[tuple[int, Barter]]:
    rows = await tx.all(
        """SELECT b.committee_id, b.id FROM barters b JOIN promises p ON p.barter_id = b.id
           WHERE p.giver_id = ? AND b.state IN ('asked', 'agreed', 'half') ORDER BY b.id LIMIT 1000""",
        member_id,
    )
    found = [(committee_id, await by_id(tx, committee_id, id_)) for committee_id, id_ in rows]
    return [(committee_id, one) for committee_id, one in found if one is not None]


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one, which takes over what was promised. Nobody barters with themselves."""
    for _, one in await _open_with(tx, old):
        if any(promise.giver_id == into for promise in one.promises):
            await end(tx, one, "broken")
    both = "SELECT barter_id FROM promises WHERE giver_id = ?2"
    await tx.execute(f"UPDATE barters SET proposer_id = ?2 WHERE proposer_id = ?1 AND id NOT IN ({both})", old, into)
    await tx.execute(
        f"""UPDATE promises SET giver_id = CASE giver_id WHEN ?1 THEN ?2 ELSE giver_id END,
               receiver_id = CASE receiver_id WHEN ?1 THEN ?2 ELSE receiver_id END,
               settle_by = CASE settle_by WHEN ?1 THEN ?2 ELSE settle_by END
           WHERE (giver_id = ?1 OR receiver_id = ?1) AND barter_id NOT IN ({both})""",
        old,
        into,
    )


# --- rings -------------------------------------------------------------------------------------------------------


async def promised(tx: Reader, committee_id: int) -> frozenset[int]:
    """The offers and needs that an open barter or ring is about."""
    rows = await tx.all(
        """SELECT p.offer_id, p.need_id FROM promises p JOIN barters b ON b.id = p.barter_id
           WHERE b.committee_id = ? AND b.state IN ('asked', 'agreed', 'half') LIMIT 10000""",
        committee_id,
    )
    return frozenset(id_ for row in rows for id_ in row if id_ is not None)


async def asked_in_rings(tx: Reader, committee_id: int) -> frozenset[int]:
    """The members who are asked for a ring just now, whatever they have answered."""
    rows = await tx.all(
        """SELECT p.giver_id FROM promises p JOIN barters b ON b.id = p.barter_id
           WHERE b.committee_id = ? AND b.state = 'asked' AND b.proposer_id IS NULL LIMIT 10000""",
        committee_id,
    )
    return frozenset(id_ for (id_,) in rows)


async def left_unanswered(tx: Reader, committee_id: int, *, since: datetime) -> frozenset[int]:
    """The members who let a ring lapse that they were asked for since then."""
    rows = await tx.all(
        """SELECT p.giver_id FROM promises p JOIN barters b ON b.id = p.barter_id
           WHERE b.committee_id = ? AND b.state = 'lapsed' AND b.proposer_id IS NULL AND b.at_us >= ?
             AND p.answer IS NULL LIMIT 10000""",
        committee_id,
        to_us(since),
    )
    return frozenset(id_ for (id_,) in rows)


async def barred(tx: Reader, committee_id: int) -> frozenset[tuple[int, int]]:
    """Pairs of offer and need that nobody is asked for again: one of the two did not want it, or it came apart."""
    rows = await tx.all(
        """SELECT p.offer_id, p.need_id FROM promises p JOIN barters b ON b.id = p.barter_id
           WHERE b.committee_id = ?1 AND b.proposer_id IS NULL AND p.offer_id IS NOT NULL AND p.need_id IS NOT NULL
             AND (b.state IN ('withdrawn', 'broken') OR b.state IN ('declined', 'lapsed')
                  AND EXISTS (SELECT 1 FROM promises q WHERE q.barter_id = b.id AND q.answer IS NOT 'yes'
                              AND q.giver_id IN (p.giver_id, p.receiver_id))) LIMIT 10000""",
        committee_id,
    )
    return frozenset((offer, need) for offer, need in rows)


async def plan_daily(tx: Transaction, committee: Committee, *, now: datetime) -> None:
    """From tomorrow on, rings are looked for each day at an hour when people may be asked something."""
    tomorrow = now.astimezone(committee.zone).date() + timedelta(days=1)
    await due.plan(
        tx,
        f"rings:{committee.id}",
        Saying(command="seek_rings"),
        local=datetime.combine(tomorrow, time(10)),
        zone=committee.zone,
        committee=committee.id,
        late="do",
        rrule="FREQ=DAILY",
        move=False,
    )


async def purge(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """What did not come about long ago is not known any more, nor who did not want it."""
    # The highest number stays, so that no old button means something new.
    old = """SELECT id FROM barters WHERE committee_id = ?1 AND at_us < ?2
        AND state IN ('declined', 'lapsed', 'withdrawn')
        AND number < (SELECT max(number) FROM barters WHERE committee_id = ?1) LIMIT 1000"""
    for (id_,) in await tx.all(old, committee_id, to_us(now - KEPT)):
        await tx.execute(
            "DELETE FROM notes WHERE thing IN (SELECT 'promise:' || id FROM promises WHERE barter_id = ?)", id_
        )
        await tx.execute("DELETE FROM promises WHERE barter_id = ?", id_)
        await tx.execute("DELETE FROM barters WHERE id = ?", id_)
