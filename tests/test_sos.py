"""SOS: one tap in private tells those whom somebody has chosen, and only the right word takes it back."""

from __future__ import annotations

from storage import sos
from storage.database import Reader
from tests.conftest import Town


async def _sets_up(
    town: Town, *, who: str = "@ben @eli", words: str = "3rd floor, blue door", word: str = "lilac"
) -> None:
    await town.whispers("chi", "/sos setup")
    await town.whispers("chi", who)
    await town.whispers("chi", words)
    assert "Your SOS is set up" in await town.whispers("chi", word)


async def _agree(town: Town, *who: str) -> None:
    for one in who:
        await town.presses(one, "Yes")


async def test_one_tap_tells_those_whom_i_have_chosen_at_once_and_nobody_else(town: Town) -> None:
    await _sets_up(town)
    assert town.heard("ben")[-1] == "Chi wants you to be told at once when they are under threat. Do you agree?"
    await _agree(town, "ben", "eli")
    seen, ana = len(town.sees()), len(town.heard("ana"))
    assert await town.whispers("chi", "/sos") == "2 people are told."
    for who in ("ben", "eli"):
        assert town.heard(who)[-1].startswith("SOS: Chi / Chi is under threat and calls you. / “3rd floor, blue door”")
    assert len(town.sees()) == seen
    assert len(town.heard("ana")) == ana
    assert "There is no alert" in await town.whispers("ana", "/alerts")
    assert "SOS" not in await town.whispers("ana", "/log")
    assert "lilac" not in "\n".join(town.heard("ben"))


async def test_in_several_committees_nobody_is_asked_for_which_one(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    hill = town.practice.console.group("Hillside")
    await town.practice.console.say("ana", "/setup", hill, manages_chat=True)
    await town.practice.say("chi", "/join", hill)
    assert await town.whispers("chi", "/sos") == "2 people are told."
    assert await town.whispers("chi", "/sos cancel rose") == "Cancelled."
    assert "a wrong word was written" in town.heard("ben")[-1]
    assert await town.whispers("chi", "/sos setup") == "For which committee?"


async def test_who_has_not_agreed_is_not_told_and_then_the_organizers_are(town: Town) -> None:
    await _sets_up(town)
    await town.presses("eli", "No")
    assert town.heard("chi")[-1].startswith("Eli does not want to be told of your SOS.")
    eli, ben = len(town.heard("eli")), len(town.heard("ben"))
    assert await town.whispers("chi", "/sos they are outside") == "2 people are told."
    assert len(town.heard("eli")) == eli
    assert len(town.heard("ben")) == ben + 1
    assert "SOS: Chi" in town.heard("ana")[-1]
    assert "“they are outside”" in town.heard("ana")[-1]


async def test_with_nothing_set_up_the_organizers_are_one_tap_away(town: Town) -> None:
    assert "one tap then tells those whom you choose" in await town.whispers("chi", "/sos")
    await town.presses("chi", "Tell the organizers now")
    assert town.heard("chi")[-1] == "2 people are told."
    assert "SOS: Chi" in town.heard("ben")[-1]


async def test_a_word_that_was_chosen_while_it_goes_on_does_not_cancel_it(town: Town) -> None:
    await town.whispers("chi", "/sos")
    await town.presses("chi", "Tell the organizers now")
    # As whoever has taken the telephone could do.
    await _sets_up(town, who="@eli")
    await _agree(town, "eli")
    assert await town.whispers("chi", "/sos cancel lilac") == "Cancelled."
    assert town.heard("ben")[-1].startswith("Chi wants to cancel the SOS, but had set up no word before")
    # What was set up is kept all the same, and holds for the next time.
    await town.skip("25h")
    assert await town.whispers("chi", "/sos") == "1 person is told."
    assert await town.whispers("chi", "/sos cancel “Lilac”.") == "Cancelled."
    assert town.heard("eli")[-1].startswith("All clear: Chi")


async def test_only_the_right_word_cancels_and_nobody_who_looks_on_can_tell(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    await town.whispers("chi", "/sos")
    wrong = await town.whispers("chi", "/sos cancel rose")
    assert town.heard("ben")[-1] == ("The SOS of Chi goes on: a wrong word was written. Perhaps somebody made them.")
    again = await town.whispers("chi", "/sos cancel daisy")
    # They are told so once.
    assert sum("wrong word" in words for words in town.heard("ben")) == 1
    right = await town.whispers("chi", "/sos cancel Li lac")
    assert wrong == again == right == "Cancelled."
    for who in ("ben", "eli"):
        assert town.heard(who)[-1] == "All clear: Chi has cancelled the SOS with the right word."
    # And where nothing goes on.
    assert await town.whispers("chi", "/sos cancel lilac") == "Cancelled."
    assert await town.whispers("ana", "/sos cancel x") == "Cancelled."


async def test_by_the_button_the_two_look_the_same_too(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    seen = []
    for word in ("rose", "lilac"):
        await town.whispers("chi", "/sos")
        await town.presses("chi", "Cancel the SOS")
        await town.whispers("chi", word)
        seen.append([what for where, what in town.transcript if where == "chi (dm)"][-6:])
        await town.skip("2m")
    assert [line.replace("rose", "W") for line in seen[0]] == [line.replace("lilac", "W") for line in seen[1]]
    assert "Cancelled." in seen[0][-1]
    assert "All clear" in town.heard("eli")[-1]


async def test_nothing_that_can_be_asked_for_shows_whether_it_goes_on(town: Town) -> None:
    shown = []
    for word in ("rose", "lilac"):
        await _sets_up(town)
        await town.whispers("chi", "/sos")
        await town.whispers("chi", f"/sos cancel {word}")
        shown.append(await town.whispers("chi", "/todo") + await town.whispers("chi", "/alerts"))
        await town.skip("25h")
    assert shown[0] == shown[1]


async def test_pressed_again_within_a_minute_nobody_is_told_twice_and_later_they_are(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    await town.whispers("chi", "/sos")
    heard = len(town.heard("ben"))
    assert await town.whispers("chi", "/sos") == "2 people are told."
    await town.presses("chi", "SOS")
    assert len(town.heard("ben")) == heard
    await town.skip("2m")
    await town.presses("chi", "SOS")
    assert "SOS once more: Chi" in town.heard("ben")[-1]


async def test_no_budget_stops_it(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    for street in ("Oak St 1", "Elm St 2", "Ash St 3", "Fir St 4"):
        await town.says("chi", f"/alert eviction {street}")
    assert await town.whispers("chi", "/sos") == "2 people are told."


async def test_who_sees_to_it_tells_the_others(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    await town.whispers("chi", "/sos")
    chi = len(town.heard("chi"))
    await town.presses("ben", "I see to it")
    assert town.heard("eli")[-1] == "Ben sees to the SOS of Chi."
    assert len(town.heard("chi")) == chi
    eli = len(town.heard("eli"))
    await town.presses("ben", "I see to it")
    assert len(town.heard("eli")) == eli


async def test_after_a_day_it_ends_and_nothing_is_kept(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    await town.whispers("chi", "/sos")
    await town.whispers("chi", "/sos cancel rose")
    await town.skip("23h")
    assert "ends by itself" not in town.heard("ben")[-1]
    await town.skip("2h")
    assert "The SOS of Chi ends by itself after a day" in town.heard("ben")[-1]

    async def ask(tx: Reader) -> list[int]:
        return [await tx.value(f"SELECT count(*) FROM {table}") for table in ("sos_calls", "sos_told")]

    assert await town.practice.app.database.read(ask) == [0, 0]


async def test_in_the_group_it_is_not_said(town: Town) -> None:
    await town.says("chi", "/sos")
    assert not any("SOS" in words for words in town.sees())
    assert not any("SOS" in words for words in town.heard("ana"))


async def test_the_word_is_nowhere_kept(town: Town) -> None:
    await _sets_up(town, word="quittengelee")
    await town.whispers("chi", "/sos")
    await town.whispers("chi", "/sos cancel zwetschge")

    async def ask(tx: Reader) -> str:
        tables = [name for (name,) in await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return "\n".join([repr(await tx.all(f'SELECT * FROM "{name}"')) for name in tables])

    kept = await town.practice.app.database.read(ask)
    assert "blue door" in kept
    assert "quittengelee" not in kept
    assert "zwetschge" not in kept


async def test_a_word_too_short_sets_nothing_up(town: Town) -> None:
    await town.whispers("chi", "/sos")
    await town.presses("chi", "Set it up")
    await town.presses("chi", "The organizers")
    await town.presses("chi", "Skip")
    assert "Without a word" in await town.whispers("chi", "ab")
    assert "one tap then tells" in await town.whispers("chi", "/sos")


async def test_who_leaves_leaves_nothing_of_it_and_is_told_no_more(town: Town) -> None:
    await _sets_up(town)
    await _agree(town, "ben", "eli")
    await town.whispers("eli", "/leave")
    eli = len(town.heard("eli"))
    assert await town.whispers("chi", "/sos") == "1 person is told."
    assert len(town.heard("eli")) == eli
    await town.whispers("chi", "/leave")

    async def ask(tx: Reader) -> list[int]:
        assert await sos.plan_of(tx, 3) is None
        return [
            await tx.value(f"SELECT count(*) FROM {table}")
            for table in ("sos_plans", "sos_contacts", "sos_calls", "sos_told")
        ]

    assert await town.practice.app.database.read(ask) == [0, 0, 0, 0]
