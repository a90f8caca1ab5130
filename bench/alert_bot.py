"""`solibot run` with one command more: `/bench_page 1` calls everybody at once, without ring by ring."""

from __future__ import annotations

from bot import alerts as shared
from bot.__main__ import main
from bot.arguments import Number
from bot.chat import Reply
from bot.router import Authority, Context
from bot.text import T
from handlers.alerts import router
from storage import people


@router.command("bench_page", allow=Authority.ORGANIZER, listed=False, help=T("Call everybody at once."))
async def bench_page(context: Context, *, number: Number) -> Reply:
    """Everybody who may hear of it, in one ring."""
    there = await shared.found(context, number)
    everybody = await people.active(context.tx, context.committee.id, limit=10_000)
    told = await shared.page(context, there, everybody, ring=0)
    return Reply(T("Called: {n}", n=len(told)))


if __name__ == "__main__":
    main()
