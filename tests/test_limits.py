"""Limits as members meet them."""

from __future__ import annotations

import pytest

from tests.conftest import Town

MORE_HELP = "More help has to wait until you have helped somebody."


async def _grows(town: Town) -> None:
    await town.says("ana", "/growing_limit 2 24h")
    await town.presses("ben", "Agree")


async def test_who_comes_near_the_limit_hears_it_in_private_once_for_each_step(town: Town) -> None:
    await town.says("ana", "/thank @ben 7h")
    await town.skip("1d")
    await town.says("ana", "/thank @ben 1h")
    await town.skip("1d")
    await town.says("ana", "/thank @ben 4h")
    await town.skip("1d")
    told = [words for words in town.heard("ana") if "the limit is -12 h" in words]
    assert [words.partition(";")[0] for words in told] == ["You have -7 h", "You have -12 h"]
    assert MORE_HELP in told[1]
    assert not [what for where, what in town.transcript if where == "Riverside" and "the limit is" in what]


async def test_two_accounts_that_trade_with_each_other_do_not_make_the_limit_grow(town: Town) -> None:
    await _grows(town)
    for _ in range(3):
        await town.says("ben", "/thank @chi 10h")
        await town.says("chi", "/thank @ben 10h")
    assert "You can go down to -12 h." in await town.whispers("chi", "/limits")


async def test_help_for_different_people_makes_it_grow_and_undoing_takes_that_back(town: Town) -> None:
    await _grows(town)
    await town.says("ana", "/thank @chi 3h")
    await town.says("ben", "/thank @chi 6h")
    # Of what one person was given, four hours count.
    assert "You can go down to -19 h." in await town.whispers("chi", "/limits")
    await town.says("ben", "/undo")
    assert "You can go down to -12 h." in await town.whispers("chi", "/limits")


async def test_nobody_gives_the_committee_what_they_do_not_have(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    assert await town.whispers("ben", "/give 2h") == "You can give what you have: 1 h."
    assert (await town.whispers("ben", "/give 1h")).startswith("Thank you: 1 h are the committee's now.")
    assert await town.balance("ben") == 0


async def _in_minus(town: Town) -> None:
    """Ben, who mends bicycles, is in minus; Ana needs that, and something else."""
    await town.says("ben", "/offer bike repair")
    await town.says("ana", "/need a bike repaired before friday")
    await town.says("ana", "/need childcare on friday")
    await town.says("ben", "/thank @chi 7h")


@pytest.mark.parametrize("command", ["/balance", "/limits"])
async def test_whoever_is_in_minus_sees_in_private_needs_that_fit_what_they_offer(town: Town, command: str) -> None:
    await _in_minus(town)
    group = len(town.sees())
    told = await town.whispers("ben", command)
    assert "Somebody needs what you offer: / No. 2: Ana needs a bike repaired before friday" in told
    assert "If you can help, press the button or write /take 2." in told
    assert "childcare" not in told
    await town.whispers("ben", "/take 2")
    assert "Ben can help." in town.heard("ana")[-1]
    assert "what you offer" not in await town.whispers("ben", command), "what somebody has taken is not looked for"
    assert not [one for one in town.sees()[group:] if "what you offer" in one]


async def test_whoever_has_hours_is_not_asked_to_work(town: Town) -> None:
    await _in_minus(town)
    await town.says("chi", "/offer bike repair")
    for command in ("/balance", "/limits"):
        assert "what you offer" not in await town.whispers("chi", command)


async def test_the_reminder_of_the_limit_names_what_others_need_without_their_words_and_is_answered_by_a_button(
    town: Town,
) -> None:
    await _in_minus(town)
    await town.skip("1d")
    told = next(words for words in town.heard("ben") if "the limit is -12 h" in words)
    assert "No. 2: Ana, Repairs" in told
    assert "before friday" not in told
    await town.practice.press("ben", "No. 2: I can help", within=town.private("ben"))
    assert "Ben can help." in town.heard("ana")[-1]
