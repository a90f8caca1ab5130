"""Riverside and Hillside, linked already, in the practice: for tests of what linked committees do together."""

from __future__ import annotations

from dataclasses import dataclass

from bot import linking
from bot.adapters.console import NETWORK
from bot.practice import ACCOUNT, BEAT, FEDERATION_NAME, OTHER, OTHERS
from bot.practice import FEDERATION as FEDERATION
from storage import due, peers, people
from storage.database import Reader, Transaction
from storage.people import Committee
from tests.conftest import Town

NAME = FEDERATION_NAME


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

    async def says(self, where: str, who: str, text: str) -> str:
        """Somebody writes in the group of any of the committees; what the bot then says there."""
        before = len(self.town.transcript)
        await self.town.practice.say(who, text, self.town.practice.console.group(where))
        return self.town.answers(before, where)

    async def press(self, where: str, label: str, *who: str) -> None:
        """Several press a button in the group of any of the committees."""
        for one in who:
            await self.town.practice.press(one, label, within=self.town.practice.console.group(where))

    def sees(self, where: str) -> list[str]:
        """Everything that the bot has said in a place, and what became of it, without buttons."""
        found = [what for place, what in self.town.transcript if place == where and what.startswith("bot")]
        return [what.partition(": ")[2].split("  [")[0] for what in found]

    def said(self, since: int, where: str) -> str:
        """What the bot has said since then in a place (`Hillside`, `gus (dm)`), a message a line, without buttons."""
        return self.town.answers(since, where)


async def committees(tx: Reader) -> list[Committee]:
    """Riverside, Hillside, and others in the order in which they came."""
    rows = await tx.all("SELECT id FROM committees ORDER BY id LIMIT 10")
    return [await people.committee(tx, id_) for (id_,) in rows]


THIRD = "Eastside"
THIRD_ORGANIZERS = ("ida", "jan")
THIRD_MEMBERS = ("kim", "lea")


async def _third(town: Town) -> None:
    """Let a third committee be there."""
    console = town.practice.console
    group = console.group(THIRD)
    await console.enter(group, *THIRD_ORGANIZERS, *THIRD_MEMBERS)
    await console.say("ida", "/setup", group, manages_chat=True)
    for who in ("jan", *THIRD_MEMBERS):
        await console.say(who, "/join", group)
    await console.say("ida", "/organizer @jan", group)
    for who in (*THIRD_ORGANIZERS, *THIRD_MEMBERS):
        await console.say(who, "/start", console.somebody(who).private)
    await town.practice.settle()


async def _join(town: Town) -> None:
    """Link the third committee with the two that are linked, as it is once all have decided so."""
    now = town.practice.clock()

    async def work(tx: Transaction) -> None:
        *both, new = await committees(tx)
        own = (await linking.own(tx, new, now=now)).certificates[0]
        wire = await linking.open_wire(tx, NETWORK, FEDERATION, FEDERATION_NAME)
        there = await peers.add_federation(tx, new.id, FEDERATION, FEDERATION_NAME, place_id=wire, state="in", now=now)
        await peers.add_peer(tx, there.id, own, new.name, account=ACCOUNT, state="in", now=now)
        for one in both:
            known = await peers.federation_called(tx, one.id, FEDERATION)
            assert known is not None
            await peers.add_peer(tx, known.id, own, new.name, account=ACCOUNT, state="in", now=now)
            certificate = (await linking.own(tx, one, now=now)).certificates[0]
            await peers.add_peer(tx, there.id, certificate, one.name, account=ACCOUNT, state="in", now=now)
        beat = town.practice.app.commands.named(BEAT).says(federation=there.id)
        await due.plan_after(tx, f"federation:{there.id}:beat", beat, now, since=now, committee=new.id)

    await town.practice.app.database.transact(work)
    await town.practice.settle()


async def link(town: Town, *, third: bool = False) -> Pair:
    """Let Hillside be there, and link it with Riverside, as they are once both have decided so.

    `third`: Eastside too, with ida and jan as organizers, kim and lea as members.
    """
    await town.practice.begin_linked()
    assert set(OTHERS) <= set(town.practice.console.people)
    if third:
        await _third(town)
        await _join(town)
    return Pair(town)
