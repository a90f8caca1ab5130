"""Leaving with hours or owing some, coming back, and being asked after a long silence."""

from __future__ import annotations

from bot.text import Minutes
from storage import people, transfers
from storage.database import Reader
from tests.conftest import Town


async def _fund(town: Town) -> int:
    async def ask(tx: Reader) -> int:
        committee = await people.committee(tx, 1)
        return (await transfers.committee_account(tx, committee)).balance

    return await town.practice.app.database.read(ask)


async def _kept(town: Town, name: str) -> int:
    """What somebody has, whether they are a member or not."""

    async def ask(tx: Reader) -> int:
        return Minutes(
            await tx.value(
                "SELECT a.balance FROM accounts a JOIN members m ON m.id = a.member_id WHERE m.called = ?", name
            )
        )

    return await town.practice.app.database.read(ask)


async def _leaves(town: Town, who: str) -> None:
    await town.says(who, "/leave")
    await town.presses(who, "Yes")


async def test_whoever_leaves_with_hours_gives_them_to_the_committee(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await _leaves(town, "ben")
    assert any(words.startswith("You leave Riverside with 2 h.") for words in town.heard("ben"))
    assert not any("with 2 h" in words for words in town.sees())
    await town.practice.press("ben", "To the committee", within=town.private("ben"))
    assert town.heard("ben")[-1] == "Thank you: 2 h are the committee's now. (No. 2)"
    assert (await _kept(town, "Ben"), await _fund(town)) == (0, 120)
    await town.skip("400d")
    assert await _fund(town) == 120
