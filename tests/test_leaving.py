"""Leaving with hours or owing some, coming back, and being asked after a long silence."""

from __future__ import annotations

import pytest

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
    await town.skip("1m")


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


async def test_hours_can_go_to_a_person_one_had_exchanges_with_and_make_no_limit_grow(town: Town) -> None:
    await town.says("ana", "/growing_limit 2 24h")
    await town.presses("ben", "Agree")
    await town.says("ana", "/thank @ben 2h")
    before = await town.whispers("ana", "/limits")
    await _leaves(town, "ben")
    await town.practice.press("ben", "To somebody", within=town.private("ben"))
    await town.practice.press("ben", "Ana", within=town.private("ben"))
    assert await town.balance("ana") == 0
    assert "Ben has left Riverside and gives you 2 h. (No. 2)" in town.heard("ana")
    assert await town.whispers("ana", "/limits") == before.replace("You have -2 h.", "You have 0 min.")
    await town.practice.press("ben", "To the committee", within=town.private("ben"))
    assert town.heard("ben")[-1] == "There are no hours of yours left here."


async def test_without_an_answer_hours_are_kept_and_then_go_to_the_committee(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await _leaves(town, "ben")
    await town.skip("170d")
    assert await _kept(town, "Ben") == 120
    await town.skip("20d")
    assert (await _kept(town, "Ben"), await _fund(town)) == (0, 120)
    # What somebody had is theirs: neither the group nor the log tells how much it was.
    assert not [words for words in town.sees() if "2 h" in words and "committee" in words]
    assert "What Ben left behind went to the committee. (No. 2)" in await town.whispers("chi", "/log")


@pytest.mark.soak
async def test_whoever_comes_back_in_time_has_it_as_it_was_and_leaving_wipes_nothing(town: Town) -> None:
    await town.says("ana", "/thank @ben 12h")
    for _ in range(3):
        await _leaves(town, "ana")
        await town.skip("100d")
        await town.says("ana", "/join")
    assert await town.balance("ana") == -720
    assert "below the limit" in await town.says("ana", "/thank @ben 1h") + town.heard("ana")[-1]
    await town.skip("400d")
    assert (await town.balance("ana"), await _fund(town)) == (-720, 0)


async def test_what_was_open_is_taken_on_in_the_open_and_may_be_taken_on_again(town: Town) -> None:
    await town.says("ben", "/thank @ana 3h")
    await _leaves(town, "ben")
    assert any(words.startswith("You leave Riverside with -3 h.") for words in town.heard("ben"))
    await town.skip("200d")
    told = "Ben has left. The committee's account takes on the 3 h that were open. (No. 2)"
    assert told in town.sees()
    assert (await _kept(town, "Ben"), await _fund(town)) == (0, -180)
    assert "the committee's account took on 3 h. (No. 2)" in await town.whispers("chi", "/log")
    await town.says("ben", "/join")
    await town.skip("1m")
    assert "Nobody has to." in town.heard("ben")[-1]
    assert "took on 3 h of yours" in await town.whispers("ben", "/todo")
    await town.practice.press("ben", "Take 3 h on again", within=town.private("ben"))
    assert (await town.balance("ben"), await _fund(town)) == (-180, 0)
    await town.practice.press("ben", "Take 3 h on again", within=town.private("ben"))
    assert (await town.balance("ben"), await _fund(town)) == (-180, 0)


async def test_whoever_is_forgotten_leaves_hours_to_the_committee_at_once(town: Town) -> None:
    await town.says("ben", "/thank @ana 3h")
    await town.whispers("ben", "/forget me")
    await town.practice.press("ben", "Yes, forget me for good", within=town.private("ben"))
    await town.skip("1h")
    assert await _fund(town) == -180
    assert any("takes on the 3 h that were open" in words and "Ben" not in words for words in town.sees())


async def test_an_excluded_member_has_the_same_choice(town: Town) -> None:
    await town.says("ana", "/thank @eli 2h")
    await town.whispers("chi", "/exclude @eli threatened people")
    await town.presses("ben", "I ask it too")
    await town.skip("3d")
    await town.presses("ana", "Agree")
    await town.skip("1m")
    assert town.heard("eli")[-1].startswith("You leave Riverside with 2 h.")
    await town.practice.press("eli", "To the committee", within=town.private("eli"))
    assert (await _kept(town, "Eli"), await _fund(town)) == (0, 120)


async def test_the_committee_chooses_how_long_hours_are_kept(town: Town) -> None:
    await town.says("ana", "/leaving 2 months")
    await town.presses("ben", "Agree")
    await town.says("ana", "/thank @ben 2h")
    await _leaves(town, "ben")
    assert any("Your account is kept for 2 months" in words for words in town.heard("ben"))
    await town.skip("65d")
    assert await _fund(town) == 120


async def test_whoever_was_not_seen_for_long_is_asked_in_private_once_in_so_many_months(town: Town) -> None:
    await town.says("ana", "/dormant 2 months")
    await town.presses("ben", "Agree")
    for _ in range(10):
        await town.skip("10d")
        await town.says("ana", "/balance")
    asked = [words for words in town.heard("chi") if "We have not heard from you in Riverside" in words]
    assert len(asked) == 1
    assert not [words for words in town.sees() if "We have not heard" in words]
    assert not [words for words in town.heard("ana") if "We have not heard" in words]
    await town.practice.press("chi", "I'm still here", within=town.private("chi"))
    for _ in range(7):
        await town.skip("10d")
    asked = [words for words in town.heard("chi") if "We have not heard from you in Riverside" in words]
    assert len(asked) == 2


async def test_pausing_keeps_the_membership_and_stops_reminders(town: Town) -> None:
    await town.says("ana", "/dormant 2")
    await town.presses("ben", "Agree")
    await town.skip("70d")
    await town.practice.press("chi", "Pause", within=town.private("chi"))
    assert "You stay a member, and your hours stay yours." in town.heard("chi")[-1]
    assert await town.balance("chi") == 0
    assert "I write to you only with alerts" in await town.whispers("chi", "/quiet")


async def test_nobody_else_presses_for_whoever_has_left(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await _leaves(town, "ben")
    await town.says("ben", "/join")
    await town.practice.press("ben", "To the committee", within=town.private("ben"))
    assert town.heard("ben")[-1].startswith("You are a member again, and your hours are yours.")
    assert await town.balance("ben") == 120


async def test_dormant_takes_a_number_or_off(town: Town) -> None:
    assert "Write a number of months" in await town.says("ana", "/dormant")
    await town.says("ana", "/dormant off")
    await town.presses("ben", "Agree")
    await town.skip("400d")
    assert not [words for words in town.heard("chi") if "We have not heard" in words]
