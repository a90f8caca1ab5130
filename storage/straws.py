"""Straw polls: what was asked, where the networks' own polls of it stand, and votes until it is over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.chat import ChatId, PollSent, UserId, network_of
from bot.domain.straw import Line, Tally, Vote, tally
from bot.text import Written
from storage import entries, notes, people
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member, Place

State = Literal["asked", "native", "buttons"]
OPEN_MAX = 20
VOTES_MAX = 100_000
UNKNOWN_KEPT = timedelta(days=2)
"""So long a vote waits to be told of which of our polls it is: delivery puts that down a moment after it is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Straw:
    """One straw poll. Words are None where they were erased; `counted`: what it came to, once it is over."""

    id: int
    committee_id: int
    number: int
    maker_id: int
    question: Written | None
    options: tuple[Written | None, ...]
    several: bool
    ends_at: datetime
    counted: Tally | None

    @property
    def thing(self) -> str:
        """What its card and its question are kept under."""
        return f"straw:{self.id}"

    @property
    def over(self) -> bool:
        """Whether nobody can vote any more."""
        return self.counted is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """A poll of the network's own that people can see."""

    place: Place
    message: str


# --- making and reading ------------------------------------------------------------------------------------------


async def add(
    tx: Transaction, committee: Committee, said: Line, *, maker: Member, ends_at: datetime, now: datetime
) -> Straw:
    """Begin one, with a chained entry."""
    number = int(await tx.value("SELECT coalesce(max(number), 0) + 1 FROM straws WHERE committee_id = ?", committee.id))
    id_ = int(
        await tx.value(
            """INSERT INTO straws (committee_id, number, maker_id, several, made_us, ends_us)
               VALUES (?, ?, ?, ?, ?, ?) RETURNING id""",
            committee.id,
            number,
            maker.id,
            int(said.several),
            to_us(now),
            to_us(ends_at),
        )
    )
    body: dict[str, object] = {"straw": number, "member": maker.id}
    body["question"] = await notes.keep(tx, f"straw:{id_}", said.question)
    await notes.wrote(tx, f"straw:{id_}", maker.id, now=now)
    hashes = []
    for place, option in enumerate(said.options):
        option_id = await tx.value("INSERT INTO straw_options (straw_id, place) VALUES (?, ?) RETURNING id", id_, place)
        hashes.append(await notes.keep(tx, f"straw_option:{option_id}", option))
    await entries.append(tx, committee, "straw", {**body, "options": hashes}, now=now)
    made = await get(tx, committee.id, id_)
    assert made is not None
    return made


async def get(tx: Reader, committee_id: int, id_: int) -> Straw | None:
    """One of the committee's straw polls."""
    row = await tx.one(
        """SELECT number, maker_id, several, ends_us, members, others FROM straws WHERE id = ? AND committee_id = ?""",
        id_,
        committee_id,
    )
    if row is None:
        return None
    number, maker_id, several, ends_us, members, others = row
    options = await tx.all(
        "SELECT id, members, others FROM straw_options WHERE straw_id = ? ORDER BY place LIMIT 100", id_
    )
    counted = None
    if members is not None:
        counted = Tally(members=members, others=others, chosen=tuple((ours, theirs) for _, ours, theirs in options))
    return Straw(
        id=id_,
        committee_id=committee_id,
        number=number,
        maker_id=maker_id,
        question=await notes.written(tx, f"straw:{id_}"),
        options=tuple([await notes.written(tx, f"straw_option:{option_id}") for option_id, _, _ in options]),
        several=bool(several),
        ends_at=from_us(ends_us),
        counted=counted,
    )


async def numbered(tx: Reader, committee_id: int, number: int) -> Straw | None:
    """The committee's straw poll with this number."""
    id_ = await tx.value("SELECT id FROM straws WHERE committee_id = ? AND number = ?", committee_id, number)
    return None if id_ is None else await get(tx, committee_id, id_)


async def running(tx: Reader, committee_id: int) -> list[Straw]:
    """Those that are not over, oldest first, at most `OPEN_MAX`."""
    rows = await tx.all(
        "SELECT id FROM straws WHERE committee_id = ? AND ended_us IS NULL ORDER BY id LIMIT ?", committee_id, OPEN_MAX
    )
    found = [await get(tx, committee_id, id_) for (id_,) in rows]
    return [straw for straw in found if straw is not None]


# --- where it stands ---------------------------------------------------------------------------------------------


async def ask(tx: Transaction, straw: Straw, place: Place) -> int:
    """A poll of the network's own is on its way to a chat; the row id that it is to carry."""
    return int(
        await tx.value(
            "INSERT INTO straw_places (straw_id, chat_id, state) VALUES (?, ?, 'asked') RETURNING id",
            straw.id,
            place.id,
        )
    )


async def sent(tx: Transaction, ref: int, network: str, found: PollSent | None) -> tuple[str, bool] | None:
    """It is there; None: it cannot be. Votes that came before are its votes now.

    The thing whose card has changed, and whether it is over meanwhile; None: what was to be shown is gone.
    """
    row = await tx.one(
        """UPDATE straw_places SET state = ?, poll = ?, message = ? WHERE id = ?
           RETURNING straw_id, (SELECT ended_us IS NOT NULL FROM straws s WHERE s.id = straw_id)""",
        "buttons" if found is None else "native",
        None if found is None else _poll(network, found.poll),
        None if found is None else found.message,
        ref,
    )
    if row is None:
        return None
    straw_id, over = row
    if found is not None and not over:
        await tx.execute(
            "UPDATE straw_votes SET straw_id = ? WHERE poll = ? AND straw_id IS NULL",
            straw_id,
            _poll(network, found.poll),
        )
    return f"straw:{straw_id}", bool(over)


async def state_in(tx: Reader, straw_id: int, chat_id: int) -> State | None:
    """How it is shown in a chat; None: only by its card."""
    found: State | None = await tx.value(
        "SELECT state FROM straw_places WHERE straw_id = ? AND chat_id = ?", straw_id, chat_id
    )
    return found


async def standing(tx: Reader, straw_id: int) -> list[Standing]:
    """The networks' own polls of it that people can see."""
    rows = await tx.all(
        "SELECT chat_id, message FROM straw_places WHERE straw_id = ? AND message IS NOT NULL ORDER BY id LIMIT 100",
        straw_id,
    )
    found = [(await people.place_of(tx, chat_id), message) for chat_id, message in rows]
    return [Standing(place, message) for place, message in found if place is not None]


# --- votes -------------------------------------------------------------------------------------------------------


async def voted(
    tx: Transaction, poll: ChatId, user: UserId, event: str, choices: Sequence[int], *, at: datetime
) -> str | None:
    """Somebody has voted in a poll of the network's own (`telegram:123`). The thing that has changed; None: none has.

    It may be one of ours whose sending is not put down yet: the vote waits for that.
    """
    row = await tx.one(
        """SELECT s.id, s.ended_us IS NOT NULL FROM straw_places p JOIN straws s ON s.id = p.straw_id
           WHERE p.poll = ?""",
        poll,
    )
    straw_id, over = row if row is not None else (None, False)
    if over:
        return None
    await _put_down(tx, straw_id, poll, user, event, choices, at=at)
    return None if straw_id is None else f"straw:{straw_id}"


async def chose(
    tx: Transaction, straw: Straw, user: UserId, event: str, choices: Sequence[int], *, at: datetime
) -> None:
    """Somebody has voted by the card's buttons."""
    await _put_down(tx, straw.id, None, user, event, choices, at=at)


async def _put_down(
    tx: Transaction,
    straw_id: int | None,
    poll: str | None,
    user: UserId,
    event: str,
    choices: Sequence[int],
    *,
    at: datetime,
) -> None:
    await tx.execute(
        "INSERT INTO straw_votes (straw_id, poll, user, event, choices, at_us) VALUES (?, ?, ?, ?, ?, ?)",
        straw_id,
        poll,
        user,
        event,
        json.dumps([*choices]),
        to_us(at),
    )


async def erased(tx: Transaction, place: Place, message: str) -> str | None:
    """A message is gone from a chat. The thing that has changed by that; None: it was no vote and no poll of ours.

    Without the newest vote of somebody the one before it counts, as clients that show such polls have it. Where a poll
    itself is gone, its card has buttons instead.
    """
    straw_id = await tx.value(
        """DELETE FROM straw_votes WHERE event = ?1 AND straw_id IN (SELECT straw_id FROM straw_places
               WHERE chat_id = ?2) AND straw_votes.poll IN (SELECT poll FROM straw_places WHERE chat_id = ?2)
           RETURNING straw_id""",
        message,
        place.id,
    )
    if straw_id is None:
        straw_id = await tx.value(
            """UPDATE straw_places SET state = 'buttons', poll = NULL, message = NULL
               WHERE chat_id = ? AND message = ? RETURNING straw_id""",
            place.id,
            message,
        )
    return None if straw_id is None else f"straw:{straw_id}"


async def count(tx: Reader, straw: Straw) -> Tally:
    """What it comes to: now, or at its end."""
    if straw.counted is not None:
        return straw.counted
    return tally(await _votes(tx, straw), options=len(straw.options), several=straw.several)


async def choices_of(tx: Reader, straw: Straw, person_id: int) -> tuple[int, ...]:
    """What somebody chooses, by their newest vote wherever they cast it."""
    found = [vote.choices for vote in await _votes(tx, straw) if vote.voter == f"person:{person_id}"]
    return found[-1] if found else ()


async def _votes(tx: Reader, straw: Straw) -> list[Vote]:
    """All votes, in the order in which they were cast."""
    rows = await tx.all(
        """SELECT coalesce('person:' || i.person_id, v.user), v.choices, EXISTS (SELECT 1 FROM members m
               WHERE m.person_id = i.person_id AND m.committee_id = ? AND m.active = 1)
           FROM straw_votes v LEFT JOIN identities i ON i.user = v.user
           WHERE v.straw_id = ? ORDER BY v.at_us, v.id LIMIT ?""",
        straw.committee_id,
        straw.id,
        VOTES_MAX,
    )
    return [Vote(voter, bool(member), tuple(json.loads(choices))) for voter, choices, member in rows]


async def end(tx: Transaction, straw: Straw, *, now: datetime) -> Tally:
    """It is over: what it came to stays, and who voted is nowhere any more."""
    found = await count(tx, straw)
    await tx.execute(
        "UPDATE straws SET ended_us = ?, members = ?, others = ? WHERE id = ?",
        to_us(now),
        found.members,
        found.others,
        straw.id,
    )
    for place, (members, others) in enumerate(found.chosen):
        await tx.execute(
            "UPDATE straw_options SET members = ?, others = ? WHERE straw_id = ? AND place = ?",
            members,
            others,
            straw.id,
            place,
        )
    await tx.execute("DELETE FROM straw_votes WHERE straw_id = ?", straw.id)
    tx.wipe = True
    return found


# --- people and time -------------------------------------------------------------------------------------------------


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one."""
    await tx.execute("UPDATE straws SET maker_id = ? WHERE maker_id = ?", into, old)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget votes of which nobody knows what they are about."""
    await tx.execute("DELETE FROM straw_votes WHERE straw_id IS NULL AND at_us < ?", to_us(now - UNKNOWN_KEPT))


def poll_of(chat: ChatId, poll: str) -> ChatId:
    """What a poll of the network's own is known by here: `telegram:123`."""
    return ChatId(_poll(network_of(chat), poll))


def _poll(network: str, poll: str) -> str:
    return f"{network}:{poll}"
