"""Riverside and Hillside, linked already, in the practice: for tests of what linked committees do together."""

from __future__ import annotations

from dataclasses import dataclass

from bot.practice import FEDERATION as FEDERATION
from bot.practice import OTHER, OTHERS
from storage import people
from storage.database import Reader
from storage.people import Committee
from tests.conftest import Town


@dataclass(frozen=True)
class Pair:
    """Two committees of one bot that are linked."""

    town: Town

    async def hillside(self, who: str, text: str) -> str:
        """Somebody of Hillside writes in its group; what the bot then says there."""
        before = len(self.town.transcript)
        await self.town.practice.say(who, text, self.town.practice.console.group(OTHER))
        return self.town.answers(before, OTHER)

    async def presses(self, who: str, label: str) -> None:
        """Somebody of Hillside presses a button in its group, or in private."""
        await self.town.practice.press(who, label, within=self.town.practice.console.group(OTHER))

    def said(self, since: int, where: str) -> str:
        """What the bot has said since then in a place (`Hillside`, `gus (dm)`), a message a line, without buttons."""
        return self.town.answers(since, where)


async def committees(tx: Reader) -> list[Committee]:
    """Riverside and Hillside."""
    rows = await tx.all("SELECT id FROM committees ORDER BY id LIMIT 2")
    return [await people.committee(tx, id_) for (id_,) in rows]


async def link(town: Town) -> Pair:
    """Let Hillside be there, and link it with Riverside, as they are once both have decided so."""
    await town.practice.begin_linked()
    assert set(OTHERS) <= set(town.practice.console.people)
    return Pair(town)
