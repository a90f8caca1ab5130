"""What a committee's chats hear later: in the morning, or in the digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.chat import Button, Lane, Link, Saying
from bot.domain.quiet import HOURS_DEFAULT, Hours, Rhythm, after_quiet, hours_of
from bot.text import Words, render
from storage import buttons as kept_buttons
from storage import due, entries, outbox, people, rules
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.outbox import Content
from storage.people import Committee, Place

HELD_MAX = 100
AGAIN_WITHIN = timedelta(minutes=10)
"""The same question in the same group within this is not answered at length again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What was told in the digest before: all until an instant, and until this number of an entry."""

    at: datetime
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """When a committee's digest comes, and since when nothing was told."""

    rhythm: Rhythm
    since: Since


async def of(tx: Reader, committee_id: int) -> Digest | None:
    """The committee's digest; None: it has none."""
    row = await tx.one("SELECT day, at, since_us, since_entry FROM digests WHERE committee_id = ?", committee_id)
    if row is None:
        return None
    return Digest(rhythm=Rhythm(row[0], time.fromisoformat(row[1])), since=Since(at=from_us(row[2]), entry=row[3]))


async def put(tx: Transaction, committee_id: int, rhythm: Rhythm, *, now: datetime) -> None:
    """From now on the committee has a digest at these times."""
    await tx.execute(
        """INSERT INTO digests (committee_id, day, at, since_us, since_entry) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (committee_id) DO UPDATE SET day = excluded.day, at = excluded.at""",
        committee_id,
        rhythm.day,
        f"{rhythm.at:%H:%M}",
        to_us(now),
        await entries.last_number(tx, committee_id),
    )


async def end(tx: Transaction, committee_id: int) -> bool:
    """The committee has no digest any more. False: it had none."""
    return bool(await tx.all("DELETE FROM digests WHERE committee_id = ? RETURNING 1", committee_id))


async def told(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """All until now was told."""
    await tx.execute(
        "UPDATE digests SET since_us = ?, since_entry = ? WHERE committee_id = ?",
        to_us(now),
        await entries.last_number(tx, committee_id),
        committee_id,
    )


# --- until the morning -----------------------------------------------------------------------------------------


NIGHT = "night"
"""The rule with the quiet hours of a committee's chats."""


async def night(tx: Reader, committee_id: int) -> Hours:
    """The quiet hours of a committee's chats: its own, or those that hold where it has said nothing."""
    kept = await rules.get(tx, committee_id, NIGHT)
    return HOURS_DEFAULT if kept is None else hours_of(kept)


async def plan_release(tx: Transaction, committee: Committee, at: datetime) -> None:
    """What was kept will be said at this instant."""
    await due.plan(
        tx,
        f"morning:{committee.id}",
        Saying(command="morning"),
        local=at.astimezone(committee.zone).replace(tzinfo=None),
        zone=committee.zone,
        committee=committee.id,
        late="do",
    )


async def release_after(tx: Transaction, committee: Committee, hours: Hours, *, now: datetime) -> None:
    """The quiet hours are others now: what was kept already goes by them."""
    if await tx.one("SELECT 1 FROM held WHERE committee_id = ? LIMIT 1", committee.id) is not None:
        await plan_release(tx, committee, after_quiet(hours, now, committee.zone))


async def hold(
    tx: Transaction,
    place: Place,
    words: Words,
    *,
    committee: Committee,
    buttons: Sequence[Sequence[Button | Link]],
    now: datetime,
) -> None:
    """Keep a notice for a chat until its quiet hours are over."""
    keys = await kept_buttons.keys(tx, buttons, reader=committee.reader, committee=committee.id, now=now)
    await tx.execute(
        "INSERT INTO held (committee_id, chat_id, body) VALUES (?, ?, ?)",
        committee.id,
        place.id,
        Content(render(words, committee.reader), keys).dump(),
    )


async def release(tx: Transaction, committee_id: int, *, now: datetime) -> None:
    """Say what was kept, where the chat is still the committee's."""
    rows = await tx.all(
        "DELETE FROM held WHERE id IN (SELECT id FROM held WHERE committee_id = ? ORDER BY id LIMIT ?)"
        " RETURNING id, chat_id, body",
        committee_id,
        HELD_MAX,
    )
    for _, chat_id, body in sorted(rows):
        place = await people.place_of(tx, chat_id)
        if place is not None and place.committee_id == committee_id:
            await outbox.queue_content(tx, place, Content.load(body), now=now, lane=Lane.NOTICE)


# --- the same question again -----------------------------------------------------------------------------------


async def answered(tx: Transaction, place: Place, says: str, *, entry: int, outbox_id: int, now: datetime) -> None:
    """A question was answered in a group, when the committee's newest entry was this one."""
    await tx.execute(
        """INSERT INTO answers (chat_id, says, entry, outbox_id, at_us) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (chat_id, says) DO UPDATE SET entry = excluded.entry, outbox_id = excluded.outbox_id,
               at_us = excluded.at_us""",
        place.id,
        says,
        entry,
        outbox_id,
        to_us(now),
    )


async def same_answer(tx: Reader, place: Place, says: str, *, entry: int, now: datetime) -> str | None:
    """The message in which the same was answered a moment ago, and nothing has happened since; None: there is none."""
    found = await tx.value(
        """SELECT o.message FROM answers a JOIN outbox o ON o.id = a.outbox_id
           WHERE a.chat_id = ? AND a.says = ? AND a.entry = ? AND a.at_us > ?""",
        place.id,
        says,
        entry,
        to_us(now - AGAIN_WITHIN),
    )
    return None if found is None else str(found)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget what was answered a while ago."""
    await tx.execute("DELETE FROM answers WHERE at_us <= ?", to_us(now - AGAIN_WITHIN))
