"""Offices: who holds a role for how long, and whose turn it is to organize. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence

from bot.text import T, Text, Typed


def wanted(organizers: Sequence[str]) -> Text | None:
    """What to say when organizers have become few; None: there are enough. `organizers`: their names."""
    command = Typed("/organizer @name")
    if not organizers:
        return T(
            "There is no organizer now. Any member can propose one, and a majority decides within 24 hours: {command}",
            command=command,
        )
    if len(organizers) == 1:
        return T(
            "{name} is the only organizer now. A second one is needed: {command}", name=organizers[0], command=command
        )
    return None
