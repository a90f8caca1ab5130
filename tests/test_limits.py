"""Limits as members meet them."""

from __future__ import annotations

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
