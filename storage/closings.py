"""What is done at the end of each month, once: demurrage, what effort puts right, allowances, contributions."""

from __future__ import annotations

from datetime import date, datetime, time

from dateutil.relativedelta import relativedelta

from bot.chat import Saying
from bot.domain.ledger import Transfer
from storage import due, transfers
from storage.database import Reader, Transaction
from storage.instants import to_us
from storage.people import Committee, Member

AT = time(5, 0)
"""When a month is closed, on the first day of the next: nobody is kept awake by it, and the figures are there in the
morning."""


def month_of(at: datetime, committee: Committee) -> str:
    """The month that an instant is in, in the committee's own time: `2026-11`."""
    return f"{at.astimezone(committee.zone):%Y-%m}"


def month_after(period: str) -> str:
    """The month after a month."""
    return f"{first_of(period) + relativedelta(months=1):%Y-%m}"


def first_of(period: str) -> date:
    """The first day of a month."""
    return date.fromisoformat(f"{period}-01")


def next_first(at: datetime, committee: Committee) -> date:
    """The day on which the month that an instant is in is over, in the committee's own time."""
    return first_of(month_after(month_of(at, committee)))


def bounds(period: str, committee: Committee) -> tuple[datetime, datetime]:
    """When a month begins, and when the next one does, in the committee's own time."""
    first, after = (
        datetime.combine(first_of(month), time(), committee.zone) for month in (period, month_after(period))
    )
    return first, after


async def plan(tx: Transaction, committee: Committee, command: str, *, period: str) -> None:
    """The clock says this command, with the month as `period`, when that is over. Planned already: it stays so.

    When the command is done with a month, it plans the one after it: so no month is left out, however long the bot
    was away.
    """
    await due.plan(
        tx,
        key(command, committee.id),
        Saying(command=command, arguments={"period": period}),
        local=datetime.combine(first_of(month_after(period)), AT),
        zone=committee.zone,
        committee=committee.id,
        late="do",
        move=False,
    )


def key(command: str, committee_id: int) -> str:
    """What the due row is kept under."""
    return f"closing:{command}:{committee_id}"


async def is_closed(tx: Reader, committee_id: int, what: str, period: str) -> bool:
    """Whether this was done for that month."""
    found = await tx.one(
        "SELECT 1 FROM closings WHERE committee_id = ? AND what = ? AND period = ?", committee_id, what, period
    )
    return found is not None


async def close(
    tx: Transaction,
    committee: Committee,
    what: str,
    period: str,
    transfer: Transfer | None,
    *,
    recorder: Member,
    scheme: int,
    now: datetime,
) -> int | None:
    """Do it for that month, unless it was done. `transfer`: what moves, None: nothing. Returns its number here."""
    if await is_closed(tx, committee.id, what, period):
        return None
    if transfer is None or not transfer.postings:
        await tx.execute(
            "INSERT INTO closings (committee_id, what, period, at_us) VALUES (?, ?, ?, ?)",
            committee.id,
            what,
            period,
            to_us(now),
        )
        return None
    _, number = await transfers.record(tx, committee, transfer, recorder=recorder, scheme=scheme, closes=(what, period))
    return number
