"""Founding a federation, inviting, comparing words, deciding, and coming in: as people do it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot import keys, linking
from bot.practice import OTHER
from storage import peers
from storage.database import Reader
from tests.conftest import Town, two_decide
from tests.linked import committees


@dataclass
class Both:
    """Riverside and Hillside, not linked."""

    town: Town

    async def hillside(self, who: str, text: str) -> str:
        """Somebody of Hillside writes in its group; what is said there then."""
        before = len(self.town.transcript)
        await self.town.practice.say(who, text, self.town.practice.console.group(OTHER))
        return self.town.answers(before, OTHER)

    async def presses(self, who: str, label: str) -> str:
        """Somebody of Hillside presses a button; what they are answered, or the group is told."""
        before = len(self.town.transcript)
        await self.town.practice.press(who, label, within=self.town.practice.console.group(OTHER))
        return self.town.answers(before, f"{who} (tap)") or self.town.answers(before, OTHER)

    def card(self, where: str) -> str:
        """What a group's newest card of the link shows now."""
        found = [
            what
            for place, what in self.town.transcript
            if place == where and re.match(r"bot( \(edit\))?: \S+ (would like to come into|invites us into)", what)
        ]
        return found[-1] if found else ""

    async def heard(self) -> list[list[str]]:
        """Whom each of the two has heard."""

        async def ask(tx: Reader) -> list[list[str]]:
            found = []
            for committee in await committees(tx):
                for there in await peers.federations(tx, committee.id):
                    found.append([one.name for one in await peers.peers(tx, there.id) if one.heard_at is not None])
            return found

        return await self.town.practice.app.database.read(ask)


async def both(town: Town) -> Both:
    await town.practice.begin_other()
    await two_decide(town.practice.app.database)
    return Both(town)


async def founded(town: Town) -> Both:
    """Northside is founded by Riverside."""
    there = await both(town)
    await town.says("ana", '/federation found "Northside"')
    await town.presses("ben", "Agree")
    return there


async def invitation(town: Town, who: str = "ana") -> str:
    """What an organizer types elsewhere to take up an invitation."""
    answer = await town.whispers(who, "/link")
    found = re.search(r"/link \S+ \S+", answer)
    assert found is not None, answer
    return found[0]


async def met(town: Town) -> Both:
    """Hillside has taken up an invitation, and both see what to compare."""
    there = await founded(town)
    await there.hillside("dora", await invitation(town))
    return there


async def linked(town: Town) -> Both:
    """Both have compared, and decided."""
    there = await met(town)
    await town.presses("ana", "The words are the same")
    await town.presses("ben", "Agree")
    await there.presses("dora", "The words are the same")
    await there.presses("emil", "Agree")
    return there


async def test_two_committees_are_linked_when_both_have_compared_and_decided(town: Town) -> None:
    there = await founded(town)
    await there.hillside("dora", await invitation(town))
    assert "I have asked there" in town.heard("dora")[-1]
    assert there.card("Riverside").startswith("bot: Hillside would like to come into Northside.")
    assert there.card("Hillside").startswith("bot: Riverside invites us into Northside.")
    await town.presses("ana", "The words are the same")
    assert "Riverside has compared them, and is deciding." in there.card("Hillside")
    await town.presses("ben", "Agree")
    assert "Riverside has decided for it." in there.card("Hillside")
    assert "Hillside has not compared the words yet." in there.card("Riverside")
    assert await there.heard() == [[]]
    await there.presses("dora", "The words are the same")
    before = len(town.transcript)
    await there.presses("emil", "Agree")
    assert "Hillside is linked with us now, in Northside." in town.answers(before, "Riverside")
    assert "We are in Northside now, linked with Riverside." in town.answers(before, "Hillside")
    await town.skip("20m")
    assert await there.heard() == [["Hillside"], ["Riverside"]]
    assert "Hillside: heard" in await town.says("chi", "/federation")
    assert "Riverside: heard" in await there.hillside("gus", "/federation")


async def test_both_cards_show_the_same_words(town: Town) -> None:
    there = await met(town)

    async def ask(tx: Reader) -> list[str]:
        found = [await peers.own(tx, committee.id) for committee in await committees(tx)]
        return [" ".join(keys.fingerprint_words(one.author)) for one in found if one is not None]

    riverside, hillside = await town.practice.app.database.read(ask)
    assert riverside != hillside
    assert f"Theirs: {hillside} (" in there.card("Riverside")
    assert f"Ours: {riverside} (" in there.card("Riverside")
    assert f"Theirs: {riverside} (" in there.card("Hillside")
    assert f"Ours: {hillside} (" in there.card("Hillside")
