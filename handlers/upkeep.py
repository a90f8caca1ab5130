"""What the clock does to keep the house tidy."""

from __future__ import annotations

from bot.domain import retention
from bot.router import Authority, Context, Router
from bot.text import T
from storage import (
    aftermath,
    availability,
    bookings,
    buttons,
    computations,
    conduct,
    connections,
    digests,
    fair,
    fund,
    governing,
    history,
    inbox,
    insurance,
    lending,
    nudges,
    orders,
    outbox,
    pauses,
    peers,
    plans,
    pool,
    pooling,
    privacy,
    reach,
    shifts,
    stock,
    straws,
)

router = Router("upkeep")


@router.command("purge", allow=Authority.CLOCK, typed=False, help=T("Forget what need not be kept."))
async def purge(context: Context) -> None:
    """Forget keys of events, delivered messages, expired buttons and codes, and names of those long gone."""
    await inbox.purge(context.tx, now=context.now)
    await outbox.purge(context.tx, now=context.now)
    await buttons.purge(context.tx, now=context.now)
    await connections.purge(context.tx, now=context.now)
    await conduct.purge(context.tx, now=context.now)
    await privacy.purge(context.tx, now=context.now)
    await nudges.purge(context.tx, now=context.now)
    await digests.purge(context.tx, now=context.now)
    await lending.purge(context.tx, now=context.now)
    await bookings.purge(context.tx, now=context.now)
    await stock.purge(context.tx, now=context.now)
    await fund.purge(context.tx, now=context.now)
    await insurance.purge(context.tx, now=context.now)
    await pool.purge(context.tx, now=context.now)
    await orders.purge(context.tx, now=context.now)
    await shifts.purge(context.tx, now=context.now)
    await history.purge(context.tx, now=context.now)
    await pooling.purge(context.tx, now=context.now)
    await availability.purge(context.tx, now=context.now)
    await computations.purge(context.tx, now=context.now)
    await plans.purge(context.tx, now=context.now)
    await fair.purge(context.tx, now=context.now)
    await straws.purge(context.tx, now=context.now)
    await governing.purge(context.tx, now=context.now)
    await reach.purge(context.tx, before=context.now - retention.REACHED)
    await aftermath.purge(context.tx, now=context.now)
    await pauses.purge(context.tx, now=context.now)
    await peers.purge(context.tx, now=context.now)
