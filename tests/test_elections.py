"""Elections that give a role: candidates are asked, and whoever is chosen has it."""

from tests.conftest import Town

LINE = "/poll appoint treasurer | @ana | @eli | @chi, names shown, closes fri 20:00"


def _card(town: Town, title: str = "Choosing somebody 1") -> str:
    return next(words for words in reversed(town.sees()) if words.startswith(title))


async def test_whoever_is_chosen_and_stands_gets_the_role(town: Town) -> None:
    await town.says("ana", LINE)
    assert "You are up for the role “treasurer” in poll 1. Do you stand?" in town.heard("eli")[-1]
    await town.presses("eli", "I stand")
    assert "They stand: Ana and Eli. / Asked whether they stand: Chi." in _card(town)
    await town.presses("ana", "@eli")
    await town.presses("ben", "@eli")
    await town.skip("5d")
    assert "Eli has the role “treasurer” now." in town.sees()
    assert "Poll 1 decided: Eli gets the role “treasurer”." in await town.whispers("ana", "/log decisions")


async def test_whoever_does_not_stand_cannot_be_chosen(town: Town) -> None:
    await town.says("ana", LINE)
    await town.presses("chi", "I do not stand")
    assert "They do not stand: Chi." in _card(town)
    assert "Chi does not stand in poll 1. Whoever has voted for Chi can vote anew." in town.sees()
    assert "3. @chi" not in _card(town)


async def test_whoever_is_chosen_without_having_said_so_is_asked_before_they_have_it(town: Town) -> None:
    await town.says("ana", LINE)
    await town.presses("ana", "@eli")
    await town.presses("ben", "@eli")
    await town.skip("5d")
    assert any("Eli is chosen for the role “treasurer”, and has not said yet" in words for words in town.sees())
    assert "Eli has the role “treasurer” now." not in town.sees()
    await town.presses("eli", "I stand")
    assert "Eli has the role “treasurer” now." in town.sees()
    assert await town.presses("eli", "I stand") in ("", "You have said so already.")


async def test_whoever_is_chosen_may_say_no(town: Town) -> None:
    await town.says("ana", LINE)
    await town.presses("ana", "@eli")
    await town.presses("ben", "@eli")
    await town.skip("5d")
    await town.presses("eli", "I do not stand")
    assert any("Eli was chosen, and does not take the role" in words for words in town.sees())


async def test_the_office_passes_on_from_whoever_had_it(town: Town) -> None:
    for number, who in ((1, "eli"), (2, "chi")):
        await town.says("ana", LINE.replace("fri 20:00", "in 3 days"))
        await town.presses(who, "I stand")
        await town.presses("ana", f"@{who}")
        await town.presses("ben", f"@{who}")
        await town.skip("4d")
        assert number
    assert "Eli does not have the role “treasurer” any more. Thank you!" in town.sees()
    assert "Chi has the role “treasurer” now." in town.sees()


async def test_things_are_no_candidates_and_a_stranger_makes_no_poll(town: Town) -> None:
    await town.says("ana", "/poll appoint treasurer | Library | @eli, names shown")
    assert "gets the role" not in _card(town)
    line = "/poll appoint treasurer | @zoe | @eli, names shown"
    assert "Nobody in Riverside is called @zoe." in await town.says("ana", line)
    assert "There is no poll 2 here." in await town.says("ana", "/poll 2"), "nothing half-saved"
