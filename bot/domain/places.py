"""Who may know where an alert is: the area, where those who come meet, and the exact place. Pure rules.

The area is for everybody, and no secret; what is said here is about the other two.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

Tier = Literal["meeting", "exact"]
Why = Literal["group", "plain", "network", "not_coming", "not_named"]
"""Why not: a group reads along; the database is not encrypted; so does whoever runs the network; they are not coming;
nobody has named them."""

EXACT_NETWORKS = frozenset({"matrix"})
"""Where the exact place may be said and shown. Never on Telegram: whoever runs it can read all that a bot says."""
SHOWN_FOR = timedelta(hours=2)
"""So long a place is shown, and so long somebody stays named."""
LOOKS_AGAIN_AFTER = timedelta(minutes=10)
"""A message that was just leaving when it was called back may have arrived: after so long it is looked for again."""
CHARACTERS_MAX = 200


def may_not_say(tier: Tier, *, network: str, private: bool, encrypted: bool) -> Why | None:
    """Why a place cannot be said to the bot here; None: it can."""
    if not private:
        return "group"
    if tier == "exact" and not encrypted:
        return "plain"
    if tier == "exact" and network not in EXACT_NETWORKS:
        return "network"
    return None


def may_not_see(
    tier: Tier, *, network: str | None, private: bool, encrypted: bool, coming: bool, changes: bool, named: bool
) -> Why | None:
    """Why a place is not shown to somebody in this chat; None: it is.

    `network`: None where they have no private chat on any network that would do; `changes`: they may change the alert.
    """
    if not (coming or (changes and tier == "meeting")):
        return "not_coming"
    if tier == "exact" and not named:
        return "not_named"
    if tier == "exact" and not encrypted:
        return "plain"
    if network is None or (tier == "exact" and network not in EXACT_NETWORKS):
        return "network"
    return None if private else "group"


def until(*, now: datetime, expires_at: datetime, named_until: datetime | None = None) -> datetime:
    """Until when a place is shown that is shown now: never longer than the alert goes on, or than they are named."""
    ends = min(now + SHOWN_FOR, expires_at)
    return max(now, ends if named_until is None else min(ends, named_until))
