"""The wire between linked committees: what comes over it, and what tells the others how far one has come."""

from __future__ import annotations

from datetime import timedelta

from bot import linking
from bot.arguments import Reference
from bot.chat import ChatId, federation_of
from bot.linking import Internal
from bot.router import Authority, Context, Router
from bot.text import T
from storage import due, peers

router = Router("wire", under="federation")

BEAT = timedelta(minutes=7, seconds=30)
"""So often the others are told how far each chain is known, a third sooner or later: an alert is not all there is."""


@router.command("wire_in", allow=Authority.CLOCK, typed=False, help=T("Something came over the wire of a federation."))
async def wire_in(context: Context, *, wire: Internal, text: Internal) -> None:
    """Take it in, once, whatever it is."""
    there = await peers.federation_called(context.tx, context.committee.id, federation_of(ChatId(wire)) or "")
    if there is not None:
        await linking.take_in(context, there, text)


@router.command("wire_beat", allow=Authority.CLOCK, typed=False, help=T("Tell linked committees what is known here."))
async def wire_beat(context: Context, *, federation: Reference) -> None:
    """Say it, take in what waited for its time, and plan the next time."""
    there = await peers.federation(context.tx, context.committee.id, federation)
    if there is None or there.state != "in":
        return
    await linking.ripen(context, there)
    await linking.beat(context, there)
    # Not at the same moment as the others, and not foreseeable by whoever watches.
    share = int.from_bytes(context.tx.token().encode()[:4], "big") % 1000 / 1000
    after = BEAT * (2 / 3 + share * 2 / 3)
    await due.plan_after(
        context.tx,
        f"federation:{there.id}:beat",
        wire_beat.says(federation=there.id),
        context.now + after,
        since=context.now,
        committee=context.committee.id,
    )
