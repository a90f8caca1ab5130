"""Exchanges that wait for a yes, what they hold back, and what was recorded for people without an account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain.ledger import Posting
from bot.text import Minutes
from storage import board, cards, due, effort, enrolments, limits, notes, people, pooling
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

State = Literal["open", "done", "declined", "lapsed", "withdrawn"]
WAITING_MAX = 20
"""So many are listed for one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that takes the yes of one or more members."""

    id: int
    together: int
    """The id of the first of those that were asked for at once."""
    recorder_id: int
    state: State
    legs: tuple[Posting, ...]
    policy: tuple[str, int]
    scheme: int
    """The version of what the committee had decided about how hours are counted."""
    plain: tuple[Posting, ...]
    """The plain hours from which the legs were counted."""
    reverses_id: int | None
    """The transfer that it undoes."""
    post_id: int | None
    """The offer or need that it came from."""
    at: datetime
    expires: datetime
    transfer_id: int | None
    """What it became."""
    asked: frozenset[int]
    """The members whose yes it takes."""
    agreed: frozenset[int]
    """Those of them who have said it."""

    @property
    def thing(self) -> str:
        """What its card, its words and what is due for it are kept under, with those asked for at once."""
        return f"exchange:{self.together}"


async def open_(
    tx: Transaction,
    committee: Committee,
    legs: Sequence[Posting],
    *,
    recorder: Member,
    asked: Iterable[Member],
    holds: Mapping[int, Minutes],
    policy: tuple[str, int],
    note: str,
    now: datetime,
    expires: datetime,
    scheme: int = 0,
    plain: Sequence[Posting] = (),
    together: int | None = None,
    reverses: int | None = None,
    post: int | None = None,
) -> Waiting:
    """Ask for somebody's yes. `holds`: by account the minutes that are kept back until then.

    `together`: the first of those that are asked for at once; None: this one is it, and has the words.
    """
    row = await tx.one(
        """INSERT INTO exchanges (committee_id, together, recorder_id, state, legs, policy, policy_version,
               scheme, plain, reverses_id, post_id, at_us, expires_us)
           VALUES (?, coalesce(?, (SELECT coalesce(max(id), 0) + 1 FROM exchanges)), ?, 'open', ?, ?, ?, ?, ?, ?, ?, ?,
                   ?)
           RETURNING id""",
        committee.id,
        together,
        recorder.id,
        _legs(legs),
        *policy,
        scheme,
        _legs(plain or legs),
        reverses,
        post,
        to_us(now),
        to_us(expires),
    )
    assert row is not None
    for member in asked:
        await tx.execute("INSERT INTO approvals (exchange_id, member_id) VALUES (?, ?)", row[0], member.id)
    for account_id, minutes in sorted(holds.items()):
        await tx.execute(
            "INSERT INTO holds (exchange_id, account_id, minutes) VALUES (?, ?, ?)", row[0], account_id, minutes
        )
        # The rules have looked at the limit already; this is the last place where it can be passed by.
        kept = await tx.all(
            """UPDATE accounts SET held = held + ?1
               WHERE id = ?2 AND (member_id IS NULL OR ?3 IS NULL OR balance - held - ?1 >= ?3) RETURNING 1""",
            minutes,
            account_id,
            await limits.floor_of(tx, committee.id, committee.floor, account_id),
        )
        assert kept, "no promise goes below a limit"
    found = await waiting(tx, committee.id, row[0])
    assert found is not None
    if note and together is None:
        await notes.keep(tx, f"exchange:{found.together}", note)
        await notes.wrote(tx, found.thing, recorder.id, now=now)
    return found


async def waiting(tx: Reader, committee_id: int, id_: int) -> Waiting | None:
    """One of the committee's exchanges, whatever became of it."""
    row = await tx.one(
        """SELECT together, recorder_id, state, legs, policy, policy_version, scheme, plain, reverses_id,
                  post_id, at_us, expires_us, transfer_id
           FROM exchanges WHERE id = ? AND committee_id = ?""",
        id_,
        committee_id,
    )
    if row is None:
        return None
    together, recorder_id, state, legs, policy, version, scheme, plain, reverses_id, *rest = row
    post_id, at_us, expires_us, transfer_id = rest
    said = await tx.all(
        "SELECT member_id, said_us IS NOT NULL FROM approvals WHERE exchange_id = ? ORDER BY member_id LIMIT 1000", id_
    )
    return Waiting(
        id=id_,
        together=together,
        recorder_id=recorder_id,
        state=state,
        legs=_postings(legs),
        scheme=scheme,
        plain=_postings(plain or legs),
        policy=(policy, version),
        reverses_id=reverses_id,
        post_id=post_id,
        at=from_us(at_us),
        expires=from_us(expires_us),
        transfer_id=transfer_id,
        asked=frozenset(member_id for member_id, _ in said),
        agreed=frozenset(member_id for member_id, yes in said if yes),
    )


def _legs(legs: Iterable[Posting]) -> str:
    return json.dumps([[leg.account_id, leg.minutes] for leg in legs])


def _postings(legs: str) -> tuple[Posting, ...]:
    return tuple(Posting(account_id, Minutes(minutes)) for account_id, minutes in json.loads(legs))


async def asked_together(tx: Reader, committee_id: int, together: int) -> list[Waiting]:
    """All that were asked for at once, in that order."""
    rows = await tx.all(
        "SELECT id FROM exchanges WHERE committee_id = ? AND together = ? ORDER BY id LIMIT 100", committee_id, together
    )
    found = [await waiting(tx, committee_id, id_) for (id_,) in rows]
    return [one for one in found if one is not None]


async def agree(tx: Transaction, exchange: Waiting, member_id: int, *, now: datetime) -> frozenset[int]:
    """Somebody says yes. Returns all who have."""
    await tx.execute(
        "UPDATE approvals SET said_us = ? WHERE exchange_id = ? AND member_id = ? AND said_us IS NULL",
        to_us(now),
        exchange.id,
        member_id,
    )
    return exchange.agreed | {member_id}


async def release(tx: Transaction, exchange: Waiting) -> dict[int, Minutes]:
    """What it kept back is free again. Returns it, by account."""
    held = await tx.all(
        "DELETE FROM holds WHERE exchange_id = ? RETURNING account_id, minutes",
        exchange.id,
    )
    for account_id, minutes in held:
        await tx.execute("UPDATE accounts SET held = held - ? WHERE id = ?", minutes, account_id)
    return {account_id: Minutes(minutes) for account_id, minutes in held}


async def end(tx: Transaction, exchange: Waiting, state: State, *, transfer_id: int | None = None) -> None:
    """It is over; what it held must be released already. Ends once.

    What it came from on the board counts as done only if hours have moved.
    """
    await tx.execute("UPDATE exchanges SET state = ?, transfer_id = ? WHERE id = ?", state, transfer_id, exchange.id)
    if exchange.post_id is not None and state != "done":
        committee_id = await tx.value("SELECT committee_id FROM exchanges WHERE id = ?", exchange.id)
        committee = await people.committee(tx, int(committee_id))
        await board.reopen(tx, committee, exchange.post_id, [leg.account_id for leg in exchange.legs])


async def forget_words(tx: Transaction, exchange: Waiting) -> None:
    """What was written when it was asked for goes: an entry has it now, or nobody needs it."""
    await notes.erase(tx, exchange.thing)


async def came_from(tx: Transaction, transfer_id: int, post_id: int) -> None:
    """A transfer came from an offer or a need on the board."""
    await tx.execute("INSERT INTO origins (transfer_id, post_id) VALUES (?, ?)", transfer_id, post_id)


async def end_all(tx: Transaction, member_id: int) -> None:
    """Somebody goes: nothing that they asked for, or are asked for, waits any more, and nothing is held back."""
    await enrolments.leave(tx, member_id)
    await effort.withdraw(tx, member_id)
    await pooling.gone(tx, member_id)
    await tx.execute("DELETE FROM trusting WHERE member_id = ?", member_id)
    await tx.execute("DELETE FROM trusting_some WHERE ?1 IN (member_id, trusted_id)", member_id)
    rows = await tx.all(
        """SELECT id, committee_id FROM exchanges e WHERE state = 'open'
             AND (recorder_id = ?1 OR EXISTS (SELECT 1 FROM approvals a WHERE a.exchange_id = e.id AND a.member_id = ?1)
                  OR EXISTS (SELECT 1 FROM holds h JOIN accounts c ON c.id = h.account_id
                             WHERE h.exchange_id = e.id AND c.member_id = ?1)) LIMIT 1000""",
        member_id,
    )
    for id_, committee_id in rows:
        one = await waiting(tx, committee_id, id_)
        assert one is not None
        await release(tx, one)
        await end(tx, one, "withdrawn")
        if not any(other.state == "open" for other in await asked_together(tx, committee_id, one.together)):
            await due.cancel(tx, one.thing)
            await forget_words(tx, one)
        await cards.changed(tx, one.thing)


async def open_of(tx: Reader, member: Member) -> list[Waiting]:
    """What a member has recorded, or is asked for, and is still open; oldest first."""
    rows = await tx.all(
        """SELECT e.id FROM exchanges e
           WHERE e.committee_id = ?1 AND e.state = 'open'
             AND (e.recorder_id = ?2
                  OR EXISTS (SELECT 1 FROM approvals a WHERE a.exchange_id = e.id AND a.member_id = ?2))
           ORDER BY e.id LIMIT ?3""",
        member.committee_id,
        member.id,
        WAITING_MAX,
    )
    found = [await waiting(tx, member.committee_id, id_) for (id_,) in rows]
    return [one for one in found if one is not None]


async def newest_open_by(tx: Reader, recorder: Member) -> Waiting | None:
    """What a member recorded last, if it still waits."""
    id_ = await tx.value(
        """SELECT max(id) FROM exchanges
           WHERE committee_id = ? AND recorder_id = ? AND state = 'open' AND reverses_id IS NULL""",
        recorder.committee_id,
        recorder.id,
    )
    return None if id_ is None else await waiting(tx, recorder.committee_id, int(id_))


async def claims_on(tx: Reader, recorder: Member, payer: Member) -> int:
    """How many claims of one member on another wait."""
    return int(
        await tx.value(
            """SELECT count(*) FROM exchanges e JOIN approvals a ON a.exchange_id = e.id
               WHERE e.committee_id = ? AND e.recorder_id = ? AND e.state = 'open' AND e.reverses_id IS NULL
                 AND a.member_id = ?""",
            recorder.committee_id,
            recorder.id,
            payer.id,
        )
    )


async def became(tx: Reader, transfer_id: int) -> int | None:
    """The first of those asked for at once of which one became this transfer."""
    together = await tx.value("SELECT together FROM exchanges WHERE transfer_id = ?", transfer_id)
    return None if together is None else int(together)


async def undo_of(tx: Reader, committee_id: int, transfer_id: int) -> Waiting | None:
    """The undo of a transfer that waits for a yes."""
    id_ = await tx.value(
        "SELECT id FROM exchanges WHERE committee_id = ? AND reverses_id = ? AND state = 'open'",
        committee_id,
        transfer_id,
    )
    return None if id_ is None else await waiting(tx, committee_id, int(id_))


# --- letting stand -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose claims somebody lets stand without a yes."""

    everybody: bool
    some: tuple[str, ...]
    """The names of those whom they have named."""


async def trust_of(tx: Reader, member_id: int) -> Trust:
    """Whom a member trusts so."""
    rows = await tx.all(
        """SELECT m.called FROM trusting_some s JOIN members m ON m.id = s.trusted_id
           WHERE s.member_id = ? ORDER BY m.called, m.id LIMIT 1000""",
        member_id,
    )
    everybody = await tx.one("SELECT 1 FROM trusting WHERE member_id = ?", member_id) is not None
    return Trust(everybody=everybody, some=tuple(str(name) for (name,) in rows))


async def trusts(tx: Reader, member_id: int, recorder: Member) -> bool:
    """Whether somebody lets hours that this member says to have worked for them stand without a yes."""
    found = await tx.one(
        """SELECT 1 FROM trusting WHERE member_id = ?1
           UNION ALL SELECT 1 FROM trusting_some WHERE member_id = ?1 AND trusted_id = ?2""",
        member_id,
        recorder.id,
    )
    return found is not None


async def set_trust(tx: Transaction, member_id: int, *, trusts: bool, of: Member | None = None) -> None:
    """From now on they do, or do not: everybody's (then nobody is named any more), or those `of` one member."""
    if of is None:
        await tx.execute("DELETE FROM trusting_some WHERE member_id = ?", member_id)
        await tx.execute("DELETE FROM trusting WHERE member_id = ?", member_id)
        if trusts:
            await tx.execute("INSERT INTO trusting (member_id) VALUES (?)", member_id)
    elif trusts:
        await tx.execute(
            "INSERT INTO trusting_some (member_id, trusted_id) VALUES (?, ?) ON CONFLICT DO NOTHING", member_id, of.id
        )
    else:
        await tx.execute("DELETE FROM trusting_some WHERE member_id = ? AND trusted_id = ?", member_id, of.id)


# --- recorded for people without an account --------------------------------------------------------------------------


async def proxied(tx: Transaction, transfer_id: int, member: Member) -> None:
    """Somebody recorded this for a member without an account, who may look at it later."""
    await tx.execute("INSERT INTO proxied (transfer_id, member_id) VALUES (?, ?)", transfer_id, member.id)


async def to_look_at(tx: Reader, member_id: int) -> list[int]:
    """The ids of transfers that were recorded for a member and that they have not looked at; oldest first."""
    rows = await tx.all(
        """SELECT transfer_id FROM proxied
           WHERE member_id IN (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)
             AND confirmed_us IS NULL ORDER BY transfer_id LIMIT ?2""",
        member_id,
        WAITING_MAX,
    )
    return [id_ for (id_,) in rows]


async def looked_at(tx: Transaction, transfer_id: int, *, now: datetime) -> None:
    """They say that it is right."""
    await tx.execute("UPDATE proxied SET confirmed_us = ? WHERE transfer_id = ?", to_us(now), transfer_id)
