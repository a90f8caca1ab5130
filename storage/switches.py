"""What is off until a committee turns it on, knowing what the law may ask: money, and insurance."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from storage import entries, rules
from storage.database import Reader, Transaction
from storage.people import Committee

Switch = Literal["cash", "insurance"]
"""cash: money that is collected and paid out. insurance: the mutual insurance, and the income pool."""


async def is_on(tx: Reader, committee_id: int, what: Switch) -> bool:
    """Whether the committee has turned it on."""
    return bool(await rules.get(tx, committee_id, what, False))


async def turn(tx: Transaction, committee: Committee, what: Switch, on: bool, *, now: datetime) -> bool:
    """From now on it is on, or off; the books say so. False: it was so already, and nothing is recorded."""
    if await is_on(tx, committee.id, what) == on:
        return False
    await rules.put(tx, committee.id, what, on or None)
    await entries.append(tx, committee, "rule", {"switch": [what, on]}, now=now)
    return True
