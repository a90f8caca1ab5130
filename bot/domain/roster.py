"""Who is in a federation, and how far each committee trusts each other one. Pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Trust(IntEnum):
    """How far a committee trusts another in what it says. Each decides that for itself: it is directed, and no rank."""

    BLOCKED = 0
    ORGANIZERS = 1
    """Shown to the organizers only."""
    SHOWN = 2
    """Shown in the group; nobody is paged."""
    CONFIRMED = 3
    """Shown, and people are paged once somebody here confirms it."""
    PAGES = 4
    """People are paged at once."""


DEFAULT = Trust.SHOWN


def level(levels: Mapping[str, int], kind: str) -> Trust:
    """How far another committee is trusted in what it says of a kind. `levels`: as they were set; '': all others."""
    return Trust(levels.get(kind, levels.get("", DEFAULT)))
