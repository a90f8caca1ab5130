"""What a committee has set for itself, by name, beside the columns of its own row."""

from __future__ import annotations

import json
from typing import Any

from bot.domain.chain import canonical
from storage.database import Reader, Transaction


async def get(tx: Reader, committee_id: int, name: str, otherwise: Any = None) -> Any:
    """The rule's value as JSON gives it back; `otherwise`: where the committee has not set it."""
    value = await tx.value("SELECT value FROM rules WHERE committee_id = ? AND name = ?", committee_id, name)
    return otherwise if value is None else json.loads(value)["is"]


async def put(tx: Transaction, committee_id: int, name: str, value: Any) -> None:
    """From now on the rule is this; None: as if it had never been set."""
    if value is None:
        await tx.execute("DELETE FROM rules WHERE committee_id = ? AND name = ?", committee_id, name)
        return
    await tx.execute(
        """INSERT INTO rules (committee_id, name, value) VALUES (?, ?, ?)
           ON CONFLICT (committee_id, name) DO UPDATE SET value = excluded.value""",
        committee_id,
        name,
        canonical({"is": value}),
    )
