"""What becomes of the hours of those who leave, and who was not seen for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from bot.chat import Saying
from bot.text import Minutes
from storage import due, rules
from storage.database import Reader, Transaction
from storage.instants import to_us

KEPT_MONTHS = 6
"""So long an account is kept as it was, where the committee has chosen nothing else."""
DORMANT_MONTHS = 6
_PARTNERS_MAX = 8
_AT_ONCE_MAX = 50


async def kept_months(tx: Reader, committee_id: int) -> int:
    """For how many months the hours of those who leave are kept for them."""
    return int(await rules.get(tx, committee_id, "leaving", KEPT_MONTHS))


async def went(tx: Transaction, member_id: int, *, now: datetime) -> None:
    """Somebody is no member any more: they hear what becomes of their hours, and later it happens.

    Whoever is forgotten cannot come back for them: it happens at once.
    """
    row = await tx.one(
        """SELECT m.committee_id, m.forgotten_us IS NOT NULL, a.balance, EXISTS (
               SELECT 1 FROM accounts b JOIN units u ON u.id = b.unit_id
               WHERE b.owner_id = m.id AND b.kind = 'unit' AND b.balance <> 0 AND u.kind = 'local') FROM members m
           JOIN accounts a ON a.member_id = m.id WHERE m.id = ? AND m.child = 0""",
        member_id,
    )
    if row is None:
        return
    committee_id, forgotten, balance, in_units = row
    if await tx.one(
        """SELECT 1 FROM alerts a JOIN alert_events e ON e.alert_id = a.id
           WHERE a.committee_id = ? AND a.over_us IS NULL AND e.member_id = ? LIMIT 1""",
        committee_id,
        member_id,
    ):
        # Whoever was coming to an alert is not counted on any more, nor shown where it is.
        await _plan(tx, f"left_alerts:{member_id}", "alert_left", member_id, committee_id, now)
    at = now if forgotten else now + relativedelta(months=await kept_months(tx, committee_id))
    await _plan(tx, f"leftover:{member_id}", "leftover", member_id, committee_id, at)
    if balance and not forgotten:
        await _plan(tx, f"left_with:{member_id}", "left_with", member_id, committee_id, now)
    if in_units:
        await _plan(tx, f"unit_leftover:{member_id}", "unit_leftover", member_id, committee_id, at)
        if not forgotten:
            await _plan(tx, f"left_with_units:{member_id}", "left_with_units", member_id, committee_id, now)


async def returned(tx: Transaction, member_id: int, *, now: datetime) -> None:
    """Somebody is back: what was kept is theirs again; of what was not, they hear."""
    await due.cancel(tx, f"leftover:{member_id}")
    await due.cancel(tx, f"unit_leftover:{member_id}")
    committee_id = await tx.value("SELECT committee_id FROM members WHERE id = ?", member_id)
    if await newest(tx, committee_id, member_id, now=now) is not None:
        await _plan(tx, f"came_back:{member_id}", "came_back", member_id, committee_id, now)


async def _plan(tx: Transaction, key: str, command: str, member_id: int, committee_id: int, at: datetime) -> None:
    await due.plan(
        tx,
        key,
        Saying(command=command, arguments={"who": member_id}),
        local=at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=committee_id,
        late="do",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What the committee's account took over."""

    transfer_id: int
    number: int
    minutes: Minutes
    """What somebody had: above zero, it went to the committee; below, the committee took it on."""


async def took(tx: Transaction, transfer_id: int, member_id: int) -> None:
    """By this exchange the committee's account took over what somebody left."""
    await tx.execute("INSERT INTO leftovers (transfer_id, member_id) VALUES (?, ?)", transfer_id, member_id)


async def newest(tx: Reader, committee_id: int, member_id: int, *, now: datetime) -> Leftover | None:
    """The newest that was taken over of a member's and not given back, for as many months as hours are kept."""
    months = await kept_months(tx, committee_id)
    row = await tx.one(
        """SELECT t.id, t.number, -p.minutes FROM leftovers l JOIN transfers t ON t.id = l.transfer_id
           JOIN postings p ON p.transfer_id = t.id JOIN accounts a ON a.id = p.account_id AND a.member_id = l.member_id
           WHERE l.member_id = ? AND t.at_us > ?
             AND NOT EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id)
           ORDER BY t.id DESC LIMIT 1""",
        member_id,
        to_us(now - relativedelta(months=months)),
    )
    return None if row is None else Leftover(transfer_id=row[0], number=row[1], minutes=Minutes(row[2]))


async def partners(tx: Reader, account_id: int) -> list[int]:
    """Ids of the members with whom an account had exchanges, the latest first, at most eight."""
    rows = await tx.all(
        """SELECT m.id FROM postings p
           JOIN postings q ON q.transfer_id = p.transfer_id AND q.account_id <> p.account_id
           JOIN accounts a ON a.id = q.account_id JOIN members m ON m.id = a.member_id
           WHERE p.account_id = ? AND m.active = 1 AND m.child = 0
             AND NOT EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = p.transfer_id)
           GROUP BY m.id ORDER BY max(p.transfer_id) DESC LIMIT ?""",
        account_id,
        _PARTNERS_MAX,
    )
    return [id_ for (id_,) in rows]


# --- not seen for long -----------------------------------------------------------------------------------------


async def dormant_months(tx: Reader, committee_id: int) -> int:
    """After how many months without a sign somebody is asked; 0: nobody is."""
    return int(await rules.get(tx, committee_id, "dormant", DORMANT_MONTHS))


async def dormant(tx: Reader, committee_id: int, *, today: date) -> list[int]:
    """Ids of members of whom there was no sign, nor a question to them, for as long as the committee has chosen.

    A sign is what they said or pressed, or an exchange of theirs in any unit, whoever recorded it; not what is done to
    all accounts at the end of a month.
    """
    months = await dormant_months(tx, committee_id)
    if not months:
        return []
    rows = await tx.all(
        """SELECT m.id FROM members m LEFT JOIN dormant d ON d.member_id = m.id
           WHERE m.committee_id = ?1 AND m.active = 1 AND m.child = 0 AND coalesce(d.asked_on, '') <= ?2
             AND coalesce(m.seen_on, '') <= ?2 AND date(m.joined_us / 1000000, 'unixepoch') <= ?2
             AND coalesce(m.suspended_until_us, 0) <= ?3
             AND NOT EXISTS (SELECT 1 FROM accounts a JOIN postings p ON p.account_id = a.id
                             JOIN transfers t ON t.id = p.transfer_id
                             WHERE (a.member_id = m.id OR (a.owner_id = m.id AND a.kind = 'unit'))
                               AND date(t.at_us / 1000000, 'unixepoch') > ?2
                               AND NOT EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = t.id))
           ORDER BY m.id LIMIT ?4""",
        committee_id,
        (today - relativedelta(months=months)).isoformat(),
        to_us(datetime(today.year, today.month, today.day, tzinfo=UTC)),
        _AT_ONCE_MAX,
    )
    return [id_ for (id_,) in rows]


async def asked(tx: Transaction, member_id: int, *, on: date) -> None:
    """The member was asked on that day; not again until as much time has passed."""
    await tx.execute(
        """INSERT INTO dormant (member_id, asked_on) VALUES (?, ?)
           ON CONFLICT (member_id) DO UPDATE SET asked_on = excluded.asked_on""",
        member_id,
        on.isoformat(),
    )
