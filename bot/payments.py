"""How payments in other units than hours are told, wherever they come up."""

from __future__ import annotations

from collections.abc import Sequence

from bot.text import T, Text
from storage.transfers import Part, called


def paid(parts: Sequence[Part]) -> Text:
    """What happened in another unit than hours, and never what somebody has."""
    giving = [part for part in parts if part.minutes < 0]
    gaining = [part for part in parts if part.minutes > 0]
    unit = parts[0].unit
    assert unit is not None
    if len(giving) != 1 or len(gaining) != 1:
        return T("{unit} came to an end: everybody stands at zero.", unit=unit)
    [giver], [receiver] = giving, gaining
    if giver.name == "":
        return T("The committee paid {name}: {amount}.", name=called(receiver.name), amount=receiver.quantity)
    return T(
        "{name} paid {receiver}: {amount}.",
        name=called(giver.name),
        receiver=called(receiver.name),
        amount=receiver.quantity,
    )
