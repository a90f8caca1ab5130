"""What the network itself writes into a chat, and when it is taken away again."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.chat import Saying
from storage import due, rules
from storage.database import Reader, Transaction
from storage.people import Place

RULE = "tidy"
LACKS = "tidy_lacks"
"""The rule that lists in which chats the bot has said that it may not delete."""
AFTER = timedelta(hours=1)
"""So long everybody can see who came and who went. Telegram deletes nothing that is older than two days."""


async def wanted(tx: Reader, committee_id: int) -> bool:
    """Whether the committee wants its chats tidied."""
    return bool(await rules.get(tx, committee_id, RULE, False))


async def set_wanted(tx: Transaction, committee_id: int, on: bool) -> None:
    """From now on chats are tidied, or not. What right is missing is said anew."""
    await rules.put(tx, committee_id, RULE, on or None)
    await rules.put(tx, committee_id, LACKS, None)


async def noticed(tx: Transaction, place: Place, message: str, *, now: datetime) -> None:
    """The network has written this message. Where the committee wants it, it goes in a while; told twice, once."""
    if place.committee_id is None or not await wanted(tx, place.committee_id):
        return
    await due.plan(
        tx,
        f"tidy:{place.id}:{message}",
        Saying(command="tidy_away", arguments={"place": place.id, "address": place.address, "message": message}),
        # An instant, not a time of day.
        local=(now + AFTER).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=place.committee_id,
        late="do",
        move=False,
    )
