"""Are you safe? The roll call of an alert, in private, and buddies."""

from __future__ import annotations

import pytest

from bot.adapters.console import NoSuchButton
from tests.conftest import Town

ASKED = "Are you safe?"
AGAIN = "Once more: are you safe?"


async def _alert(town: Town) -> None:
    await town.says("ana", "/alert eviction Main St 5, 5 people, until 23:30")
    await town.presses("ben", "I can confirm it")
    await town.presses("chi", "In 10 min")
    await town.presses("eli", "In 30 min")


async def presses(town: Town, who: str, label: str, *, on: str = "console") -> str:
    """Somebody presses a button in their private chat. What they are told there."""
    before = len(town.heard(who, on=on))
    await town.practice.press(who, label, within=town.private(who, on))
    return "\n".join(town.heard(who, on=on)[before:])


async def _buddies(town: Town, whose: str = "chi", buddy: str = "eli") -> None:
    await town.whispers(whose, f"/buddies @{buddy}")
    await presses(town, buddy, "Yes")


def _count(town: Town, who: str, words: str) -> int:
    return sum(words in heard for heard in town.heard(who))


def _figures(town: Town, who: str = "ana") -> str:
    return next(words for words in reversed(town.heard(who)) if "Answered:" in words)


# --- the roll call -----------------------------------------------------------------------------------------------


async def test_whoever_comes_is_asked_in_private_and_only_figures_come_back(town: Town) -> None:
    await _alert(town)
    seen = len(town.sees())
    await town.whispers("ana", "/alert 1 roll_call")
    assert ASKED in town.heard("chi")[-1]
    assert ASKED in town.heard("eli")[-1]
    assert _count(town, "ben", ASKED) == 0
    await presses(town, "chi", "I'm safe")
    figures = _figures(town)
    assert "Answered: 1/2 / Safe: 1 / Need help: 0 / Missing: 1" in figures
    assert "Chi" not in figures
    assert "Eli" not in figures
    assert not [words for words in town.sees()[seen:] if "safe" in words or "Answered" in words]


async def test_only_whoever_raised_it_and_organizers_ask_and_see_the_figures(town: Town) -> None:
    await _alert(town)
    assert "changed by whoever raised it" in await town.whispers("chi", "/alert 1 roll_call")
    await town.says("ben", "/alert 1 roll_call")
    assert "Answered: 0/2" in _figures(town, "ben")
    assert "Answered: 0/2" in _figures(town, "ana")
    assert _count(town, "chi", "Answered:") == 0
    assert _count(town, "eli", "Answered:") == 0


async def test_asking_while_it_is_asked_asks_nobody_twice(town: Town) -> None:
    await _alert(town)
    await town.whispers("ana", "/alert 1 roll_call")
    await town.whispers("ben", "/alert 1 roll_call")
    assert _count(town, "chi", ASKED) == 1


async def test_where_nobody_comes_nobody_is_asked_but_who_wants_to_be(town: Town) -> None:
    await town.says("ana", "/alert eviction Main St 5, until 23:30")
    assert "there is nobody to ask" in await town.whispers("ana", "/alert 1 roll_call")
    assert "You are asked too" in await town.whispers("eli", "/alert 1 roster")
    assert "Answered: 0/1" in await town.whispers("ana", "/alert 1 roll_call")
    assert ASKED in town.heard("eli")[-1]
    assert "not asked any more" in await town.whispers("eli", "/alert 1 roster")


async def test_twice_then_the_buddies_then_whoever_has_the_legal_role(town: Town) -> None:
    await _alert(town)
    await _buddies(town, "chi", "ben")
    await town.says("ana", "/role legal @ana")
    await town.presses("ben", "Agree")
    await town.whispers("ana", "/alert 1 roll_call")
    await presses(town, "eli", "I'm safe")
    await town.skip("14m")
    assert _count(town, "chi", AGAIN) == 0
    await town.skip("1m")
    assert _count(town, "chi", AGAIN) == 1
    assert _count(town, "eli", AGAIN) == 0
    assert _count(town, "ben", "Chi has not answered") == 0
    await town.skip("15m")
    assert _count(town, "ben", "Chi has not answered twice") == 1
    assert _count(town, "ana", "has not answered") == 0
    await town.skip("15m")
    told = town.heard("ana")
    assert any("1 person has not answered whether they are safe, and nobody has found them." in one for one in told)
    assert _count(town, "ana", "Missing: Chi") == 0, "an unencrypted database holds no names beside legal matters"
    before = len(town.heard("chi"))
    await town.skip("3h")
    assert not any("safe" in words for words in town.heard("chi")[before:])


async def test_a_buddy_answers_for_whoever_is_missing_and_nobody_else_does(town: Town) -> None:
    await _alert(town)
    await _buddies(town, "chi", "ben")
    await town.whispers("ana", "/alert 1 roll_call")
    await presses(town, "eli", "I'm safe")
    await town.skip("15m")
    await town.skip("15m")
    assert "told next" in await presses(town, "ben", "I don't know")
    assert "Missing: 1" in _figures(town)
    assert "Good" in await presses(town, "ben", "They are safe")
    assert "Everybody has answered. / Answered: 2/2" in _figures(town)
    before = len(town.heard("ana"))
    await town.skip("1h")
    assert not any("nobody has found" in words for words in town.heard("ana")[before:])


async def test_whoever_has_not_agreed_is_no_buddy(town: Town) -> None:
    await _alert(town)
    await town.whispers("chi", "/buddies @ben")
    await town.whispers("ana", "/alert 1 roll_call")
    await town.skip("15m")
    await town.skip("15m")
    assert _count(town, "ben", "Chi has not answered") == 0


async def test_i_need_help_is_told_at_once_to_buddies_and_to_whoever_raised_it(town: Town) -> None:
    await _alert(town)
    await _buddies(town, "chi", "eli")
    await town.whispers("ana", "/alert 1 roll_call")
    assert "2 people are told now." in await presses(town, "chi", "I need help")
    assert _count(town, "eli", "Chi needs help") == 1
    assert _count(town, "ana", "Chi needs help") == 1
    assert _count(town, "ben", "Chi needs help") == 0
    assert not any("needs help" in words for words in town.sees())
    assert "Need help: 1" in _figures(town)
    assert "They know already" in await presses(town, "chi", "I need help")
    assert _count(town, "ana", "Chi needs help") == 1
    await presses(town, "chi", "I'm safe")
    assert "Safe: 1 / Need help: 0" in _figures(town)


async def test_it_goes_on_when_the_alert_is_over_and_not_for_days(town: Town) -> None:
    await _alert(town)
    await town.whispers("ana", "/alert 1 roll_call")
    await town.says("ana", "/alert 1 end")
    await town.skip("15m")
    assert _count(town, "chi", AGAIN) == 1
    assert "Good" in await presses(town, "chi", "I'm safe")
    assert "Safe: 1" in _figures(town)
    await town.skip("25h")
    assert "over for more than a day" in await presses(town, "chi", "I need help")


async def test_a_clock_that_comes_late_asks_once_and_not_everything_at_once(town: Town) -> None:
    await _alert(town)
    await _buddies(town, "chi", "ben")
    await town.whispers("ana", "/alert 1 roll_call")
    # The program was down for two hours: nothing was said meanwhile.
    town.practice.clock.move(town.practice.clock().replace(hour=20))
    await town.skip("1m")
    assert _count(town, "chi", AGAIN) == 1
    assert _count(town, "ben", "Chi has not answered") == 0
    await town.skip("13m")
    assert _count(town, "ben", "Chi has not answered") == 0
    await town.skip("2m")
    assert _count(town, "ben", "Chi has not answered twice") == 1


async def test_what_waits_for_me_says_that_i_am_asked(town: Town) -> None:
    await _alert(town)
    await town.whispers("ana", "/alert 1 roll_call")
    assert "are you safe?" in await town.whispers("chi", "/todo")
    await presses(town, "chi", "I'm safe")
    assert "are you safe?" not in await town.whispers("chi", "/todo")


# --- buddies -----------------------------------------------------------------------------------------------------


async def test_i_choose_two_buddies_in_private_and_they_agree_or_not(town: Town) -> None:
    assert "You have no buddies yet" in await town.whispers("chi", "/buddies")
    said = await town.whispers("chi", "/buddies @ben @eli")
    assert "Ben: is asked." in said
    assert "Eli: is asked." in said
    assert "wants you as a buddy" in await town.whispers("ben", "/todo")
    assert "You are a buddy of Chi now" in await presses(town, "ben", "Yes")
    await presses(town, "eli", "No")
    assert any("Eli cannot be your buddy" in words for words in town.heard("chi"))
    said = await town.whispers("chi", "/buddies")
    assert "Ben: has agreed." in said
    assert "Eli" not in said
    assert "You have no buddies yet" in await presses(town, "chi", "Without Ben")


async def test_new_buddies_take_the_place_of_the_old_ones(town: Town) -> None:
    await _buddies(town, "chi", "ben")
    said = await town.whispers("chi", "/buddies @eli")
    assert "Eli: is asked." in said
    assert "Ben" not in said
    with pytest.raises(NoSuchButton):
        await presses(town, "ana", "Yes")


async def test_i_am_no_buddy_of_myself_and_not_in_the_group(town: Town) -> None:
    assert "Choose somebody else" in await town.whispers("chi", "/buddies @chi")
    assert "in private" in await town.says("chi", "/buddies @ben")


async def test_whoever_leaves_is_nobodys_buddy(town: Town) -> None:
    await _buddies(town, "chi", "eli")
    await town.says("eli", "/leave")
    assert "You have no buddies yet" in await town.whispers("chi", "/buddies")
