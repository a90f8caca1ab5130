"""Reminders that can wait: what somebody bears, what waits for them, and when the latest were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.chat import Button, Key, Lane, Link, Saying
from bot.domain import quiet
from bot.domain.quiet import Hours, Wish
from bot.text import Reader as For
from bot.text import Span, T, Words, render
from storage import buttons as kept_buttons
from storage import due, outbox, people
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.outbox import Content
from storage.people import Committee, Member

AT_ONCE_MAX = 20
"""More than this does not go into one message; the rest comes the next time."""
KEPT = timedelta(days=3)
"""How long it is remembered that something was sent: longer than the budget looks back."""


async def wish(tx: Reader, member: Member, *, committee: Committee) -> Wish:
    """What a person bears, in their own zone, else in that of the committee that they have been in longest."""
    mine = await people.committees_of(tx, member.person_id)
    row = await tx.one("SELECT budget, until_us, hours, zone FROM wishes WHERE person_id = ?", member.person_id)
    budget, until_us, hours, zone = row or (None, None, None, None)
    return Wish(
        zone=ZoneInfo(zone) if zone is not None else (mine[0] if mine else committee).zone,
        budget=quiet.BUDGET_DEFAULT if budget is None else budget,
        until=None if until_us is None else from_us(until_us),
        hours=hours_of(hours),
    )


def hours_of(stored: str | None) -> Hours | None:
    """Quiet hours out of a column or a rule: None as everybody has them, empty at no time."""
    if stored is None:
        return quiet.HOURS_DEFAULT
    if not stored:
        return None
    begin, _, end = stored.partition("-")
    return Hours(time.fromisoformat(begin), time.fromisoformat(end))


async def set_wish(tx: Transaction, member: Member, wish: Wish) -> None:
    """From now on a person bears this."""
    hours = "" if wish.hours is None else str(wish.hours)
    await tx.execute(
        """INSERT INTO wishes (person_id, budget, until_us, hours) VALUES (?, ?, ?, ?)
           ON CONFLICT (person_id) DO UPDATE SET budget = excluded.budget, until_us = excluded.until_us,
               hours = excluded.hours""",
        member.person_id,
        wish.budget,
        None if wish.until is None else to_us(wish.until),
        None if wish.hours == quiet.HOURS_DEFAULT else hours,
    )
    # Reminders of shifts keep to it as well.
    due.look_again(tx)


async def nudge(
    tx: Transaction,
    to: Member,
    words: Words,
    *,
    committee: Committee,
    now: datetime,
    buttons: Sequence[Sequence[Button | Link]] = (),
    key: str | None = None,
) -> bool:
    """Remind a member in private, now or when they next bear it. `key`: it takes the place of what waits under it.

    False: they have not opened a private chat. Whoever wants no reminders at all is not sent any: that is True.
    """
    place = await people.private_chat_of(tx, to.person_id)
    if place is None:
        return False
    wishes = await wish(tx, to, committee=committee)
    if wishes.budget == 0:
        return True
    if key is not None:
        await tx.execute("DELETE FROM nudges WHERE key = ? AND member_id = ? AND body IS NOT NULL", key, to.id)
    reader = await people.reader_in(tx, place.id, private=True, committee_id=committee.id)
    keys = await kept_buttons.keys(tx, buttons, reader=reader, committee=committee.id, now=now)
    await tx.execute(
        "INSERT INTO nudges (member_id, key, body, created_us) VALUES (?, ?, ?, ?)",
        to.id,
        key,
        Content(render(words, reader), keys).dump(),
        to_us(now),
    )
    await settle(tx, to, committee=committee, now=now)
    return True


async def withdraw(tx: Transaction, key: str, *, of: Member | None = None) -> None:
    """What waits under this key is over, for everybody or for one member, and will not be said."""
    await tx.execute(
        "DELETE FROM nudges WHERE key = ?1 AND body IS NOT NULL AND member_id = coalesce(?2, member_id)",
        key,
        of.id if of is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: int
    content: Content
    committee_id: int


async def settle(tx: Transaction, member: Member, *, committee: Committee, now: datetime) -> None:
    """Send a person what waits for them if they bear it now, all of it in one message; else plan when."""
    waiting = [
        _Waiting(id_, Content.load(body), committee_id)
        for id_, body, committee_id in await tx.all(
            """SELECT n.id, n.body, m.committee_id FROM nudges n JOIN members m ON m.id = n.member_id
               WHERE m.person_id = ? AND m.active = 1 AND n.body IS NOT NULL ORDER BY n.id LIMIT ?""",
            member.person_id,
            AT_ONCE_MAX,
        )
    ]
    place = await people.private_chat_of(tx, member.person_id)
    if not waiting or place is None:
        return
    wishes = await wish(tx, member, committee=committee)
    at = quiet.wait_until(wishes, now=now, sent=await _sent(tx, member))
    if at is None:
        await forget(tx, member)
    elif at > now:
        await due.plan(
            tx,
            f"nudges:{member.id}",
            Saying(command="remind", arguments={"who": member.id}),
            local=at.astimezone(wishes.zone).replace(tzinfo=None),
            zone=wishes.zone,
            committee=committee.id,
            late="do",
        )
    else:
        reader = await people.reader_in(tx, place.id, private=True, committee_id=committee.id)
        content = waiting[0].content if len(waiting) == 1 else _together([one.content for one in waiting], reader)
        of = {one.committee_id for one in waiting}
        about = [outbox.private_thing(of.pop(), place.id)] if len(of) == 1 else []
        message = await outbox.queue_content(tx, place, content, now=now, lane=Lane.NOTICE, about=about)
        for one in waiting:
            await tx.execute(
                "UPDATE nudges SET body = NULL, sent_us = ?, outbox_id = ? WHERE id = ?", to_us(now), message, one.id
            )


def _together(contents: Sequence[Content], reader: For) -> Content:
    """Several reminders in one message: numbered, and so are their buttons."""
    spans: list[Span] = list(render(T("Several things wait for you:"), reader))
    keys: list[tuple[Key, ...]] = []
    for number, content in enumerate(contents, start=1):
        spans += [Span(f"\n\n{number}. "), *content.spans]
        keys += [tuple(replace(key, label=f"{number}. {key.label}") for key in row) for row in content.keys]
    return Content(tuple(spans), tuple(keys))


async def _sent(tx: Reader, member: Member) -> list[datetime]:
    """When messages with nudges went to this person lately; several in one message count once."""
    rows = await tx.all(
        """SELECT DISTINCT n.outbox_id, n.sent_us FROM nudges n JOIN members m ON m.id = n.member_id
           WHERE m.person_id = ? AND n.sent_us IS NOT NULL ORDER BY n.sent_us DESC LIMIT 50""",
        member.person_id,
    )
    return [from_us(sent_us) for _, sent_us in rows]


async def count_waiting(tx: Reader, member: Member) -> int:
    """How many reminders wait for a person."""
    return int(
        await tx.value(
            """SELECT count(*) FROM nudges n JOIN members m ON m.id = n.member_id
               WHERE m.person_id = ? AND n.body IS NOT NULL""",
            member.person_id,
        )
    )


async def forget(tx: Transaction, member: Member) -> None:
    """What waits for a person is not sent any more."""
    await tx.execute(
        """DELETE FROM nudges WHERE body IS NOT NULL
               AND member_id IN (SELECT id FROM members WHERE person_id = ?)""",
        member.person_id,
    )


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget what was sent a while ago, and what waits for people who are not members any more."""
    await tx.execute("DELETE FROM nudges WHERE sent_us < ?", to_us(now - KEPT))
    await tx.execute(
        "DELETE FROM nudges WHERE body IS NOT NULL AND member_id IN (SELECT id FROM members WHERE active = 0)"
    )
