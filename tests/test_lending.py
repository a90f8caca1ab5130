"""Things to lend: how they come onto the list, who has them until when, who comes next, and what may happen."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from bot.chat import Press
from bot.domain.lending import State
from storage import lending, people, privacy
from storage.database import Reader, Transaction
from storage.lending import Loan
from storage.people import Member
from tests.conftest import Town


async def loans(town: Town, number: int = 1) -> list[Loan]:
    """Who has a thing or waits for it now."""

    async def ask(tx: Reader) -> list[Loan]:
        item = await lending.numbered(tx, 1, number)
        assert item is not None
        return await lending.loans_of(tx, item.id)

    return await town.practice.app.database.read(ask)


async def states(town: Town, number: int = 1) -> dict[str, State]:
    """In which state everybody's wish for a thing is."""
    return {loan.name: loan.state for loan in await loans(town, number)}


async def due(town: Town) -> str:
    """When the thing that is out is due back."""
    [loan] = [loan for loan in await loans(town) if loan.state == "out"]
    assert loan.last is not None
    return f"{loan.last:%b} {loan.last.day}"


async def words_kept(town: Town) -> list[str]:
    """All words that somebody wrote and that are not erased."""

    async def ask(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text IS NOT NULL")]

    return await town.practice.app.database.read(ask)


async def member(tx: Reader, town: Town, who: str) -> Member:
    """Somebody of the town."""
    found = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
    assert found is not None
    return found


async def has(town: Town, who: str, line: str = "/borrow ladder") -> None:
    """Ana's ladder is lent to somebody, and they have it."""
    await town.whispers(who, line)
    await town.presses("ana", "Yes")
    await town.presses("ana", "Handed over")


# --- the list ------------------------------------------------------------------------------------------------------


async def test_a_thing_is_a_card_in_the_group_that_is_edited_and_not_repeated(town: Town) -> None:
    said = await town.says("ana", "/lend ladder, a week, two people carry it")
    assert said == "No. 1: Ana lends ladder, two people carry it / For up to 7 days."
    cards = len(town.sees())
    await has(town, "chi")
    assert town.sees()[-1].endswith("It is out just now; you can get in line.")
    await town.whispers("ana", "/unlend ladder")
    assert town.sees()[-1] == "No. 1 is not lent any more."
    assert all("Chi" not in one for one in town.sees()[cards:]), "who has it is not put into the group"


async def test_said_in_private_the_group_sees_it(town: Town) -> None:
    assert "The group sees it now." in await town.whispers("ana", "/lend ladder, a week")
    assert town.sees()[-1] == "No. 1: Ana lends ladder / For up to 7 days."


async def test_for_how_long_is_asked_where_the_line_does_not_say_it(town: Town) -> None:
    assert "For how long at most?" in await town.says("ana", "/lend ladder")
    assert await town.presses("chi", "A week") == "This choice is for somebody else."
    await town.presses("ana", "A week")
    assert town.sees()[-1] == "No. 1: Ana lends ladder / For up to 7 days."


async def test_a_thing_comes_onto_the_list_by_buttons_and_answers_alone(town: Town) -> None:
    await town.whispers("ana", "/lend")
    assert "For how long at most?" in await town.whispers("ana", "ladder")
    assert "For up to 10 days." in await town.whispers("ana", "10d")


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("/things", {1, 2, 3}),
        ("/things lad", {1, 3}),
        ("/things TENT", {2}),
        ("/things 2", {2}),
        ("/things saw", set()),
    ],
)
async def test_things_are_searched(town: Town, line: str, numbers: set[int]) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.says("ben", "/lend tent, a week")
    await town.says("eli", "/lend short ladder, a week")
    said = await town.whispers("chi", line)
    assert {number for number in (1, 2, 3) if f"No. {number}:" in said} == numbers


async def test_the_list_has_pages_that_take_each_others_place(town: Town) -> None:
    for number in range(1, 9):
        await town.says("ana", f"/lend box {number}, a week")
    assert "box 8" in await town.whispers("chi", "/things")
    heard = len(town.heard("chi"))
    await town.presses("chi", "More")
    await town.presses("chi", "No. 1")
    edits = [what for where, what in town.transcript if where == "chi (dm)" and what.startswith("bot (edit)")]
    assert "box 2" in edits[0]
    assert "box 3" not in edits[0]
    assert "For up to 7 days." in edits[1]
    assert len(town.heard("chi")) == heard + 2, "nothing was said anew"


@pytest.mark.parametrize(
    ("who", "line", "answer"),
    [
        ("ana", "/lend ladder, a week", "That is on the list already."),
        ("ana", "/lend ...", "What would you lend?"),
        ("ana", "/borrow ladder", "That is your own."),
        ("chi", "/borrow saw", "Nobody lends that here."),
        ("chi", "/borrow 7", "Nobody lends that here."),
        ("chi", "/borrow ladder from fri to thu", "From Jan 9, 2026"),
        ("chi", "/unlend ladder", "You lend nothing that is called so."),
        ("chi", "/returned ladder", "You have nothing of that kind out just now."),
        ("chi", "/longer ladder", "You have nothing of that kind out just now."),
        ("ana", "/askback ladder", "You have nothing of that kind out just now."),
        ("ana", "/broken ladder", "You have nothing of that kind out just now."),
    ],
)
async def test_what_cannot_be_gets_a_sentence(town: Town, who: str, line: str, answer: str) -> None:
    await town.says("ana", "/lend ladder, a week")
    assert answer in await town.whispers(who, line)


async def test_nobody_fills_the_list_alone(town: Town) -> None:
    for number in range(lending.OF_MEMBER_MAX):
        await town.whispers("ana", f"/lend box {number}, a week")
    said = await town.whispers("ana", "/things mine")
    assert said.count("box") == 20
    assert said.endswith("30 more: search them with /things")
    assert "You lend 50 things already." in await town.whispers("ana", "/lend ladder, a week")


async def test_where_several_things_are_called_so_it_is_asked_which(town: Town) -> None:
    await town.says("ana", "/lend long ladder, a week")
    await town.says("ben", "/lend short ladder, a week")
    assert "Which one?" in await town.whispers("chi", "/borrow ladder for 2 days")
    await town.presses("chi", "No. 2: Ben")
    assert town.heard("ben")[-1] == "Chi would like to borrow: short ladder / From Jan 5, 2026 until Jan 7, 2026."


# --- borrowing -----------------------------------------------------------------------------------------------------


async def test_the_owner_is_asked_in_private_and_both_learn_when_it_is_due(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    seen = len(town.sees())
    await town.presses("chi", "Borrow")
    assert town.heard("ana")[-1] == "Chi would like to borrow: ladder / From Jan 5, 2026 until Jan 12, 2026."
    await town.presses("ana", "Yes")
    assert town.heard("chi")[-1].startswith("Yes! Ana lends you: ladder / From Jan 5, 2026 until Jan 12, 2026.")
    assert len(town.sees()) == seen, "the group hears nothing of it"
    await town.skip("2d")
    await town.presses("chi", "I have it")
    assert town.heard("ana")[-1] == "Chi has: ladder / Due back on Jan 14, 2026."
    assert town.heard("chi")[-1] == "You have: ladder (Ana) / Due back on Jan 14, 2026."


async def test_a_no_is_told_kindly_and_needs_no_reason(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder")
    await town.presses("ana", "No")
    assert town.heard("chi")[-1].startswith("Ana cannot lend it just now: ladder")
    assert await states(town) == {}


async def presses_shown_to_another(town: Town, who: str, label: str) -> str:
    """Somebody presses the only button with this label, which was shown to somebody else in private; the answer."""
    console = town.practice.console
    [token] = [key.token for one in console.posted.values() for row in one.keys for key in row if key.label == label]
    await town.practice.app.dispatcher.handle(
        Press(
            event=f"{who} presses {label}, shown to another",
            at=town.practice.clock(),
            chat=town.private(who),
            sender=console.somebody(who).sender,
            token=token,
            message=None,
        )
    )
    await town.practice.settle()
    return town.heard(who)[-1]


async def test_nobody_but_the_owner_can_say_yes_and_nobody_but_the_borrower_what_is_theirs(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder")
    assert await presses_shown_to_another(town, "chi", "Yes") == "Only Ana, whose thing it is, can say that."
    assert await states(town) == {"Chi": "asked"}
    await town.presses("ana", "Yes")
    assert await presses_shown_to_another(town, "eli", "I have it") == "This is for somebody else."
    assert await states(town) == {"Chi": "promised"}
    await town.presses("chi", "I have it")
    assert await presses_shown_to_another(town, "eli", "I have brought it back") == "This is for somebody else."
    assert await states(town) == {"Chi": "out"}


async def test_a_button_pressed_twice_counts_once(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.presses("chi", "Borrow")
    heard = len(town.heard("ana"))
    await town.presses("chi", "Borrow")
    assert len(town.heard("ana")) == heard
    assert await states(town) == {"Chi": "asked"}


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("/borrow ladder for 3 days", "From Jan 5, 2026 until Jan 8, 2026."),
        ("/borrow ladder from fri to sun", "From Jan 9, 2026 until Jan 11, 2026."),
        ("/borrow ladder until wed", "From Jan 5, 2026 until Jan 7, 2026."),
        ("/borrow ladder for 3 weeks", "From Jan 5, 2026 until Jan 12, 2026."),
        ("/borrow ladder from fri to 30 jan", "From Jan 9, 2026 until Jan 16, 2026."),
    ],
)
async def test_for_how_long_is_said_in_the_line_and_never_longer_than_it_is_lent(
    town: Town, line: str, days: str
) -> None:
    await town.says("ana", "/lend ladder, a week")
    assert days in await town.whispers("chi", line)


@pytest.mark.parametrize(
    "line", ["/borrow the ladder", "/borrow LADDER!", "/borrow no. 1", "/borrow #1", "/borrow lad"]
)
async def test_a_thing_is_found_as_people_name_it(town: Town, line: str) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.says("ana", "/lend tent, a week")
    assert "I have asked Ana for you: ladder" in await town.whispers("chi", line)


async def test_borrowing_costs_no_hours(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ana", "/returned ladder")
    assert (await town.balance("ana"), await town.balance("chi")) == (0, 0)


async def test_an_owner_without_a_private_chat_is_asked_in_the_group_and_only_they_can_answer(town: Town) -> None:
    await town.says("dan", "/join")
    await town.says("dan", "/lend tent, a week")
    await town.whispers("chi", "/borrow tent for 2 days")
    assert town.sees()[-1] == "For Dan: / Chi would like to borrow: tent / From Jan 5, 2026 until Jan 7, 2026."
    await town.presses("ben", "Yes")
    assert await states(town) == {"Chi": "asked"}
    await town.presses("dan", "Yes")
    assert await states(town) == {"Chi": "promised"}


async def test_what_is_promised_and_not_fetched_comes_to_nothing_and_both_hear_it(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder")
    await town.presses("ana", "Yes")
    await town.skip("1d")
    assert "Press when it is handed over." in town.heard("ana")[-1]
    await town.skip("7d")
    assert any(one.startswith("Nothing came of it: ladder (Ana)") for one in town.heard("chi"))
    assert any(one.startswith("Nothing came of it: ladder, for Chi") for one in town.heard("ana"))
    assert await states(town) == {}


async def test_an_owner_who_says_nothing_is_reminded_once_and_then_it_lapses(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder")
    await town.skip("3d")
    assert sum(one.startswith("Chi would like to borrow") for one in town.heard("ana")) == 2
    await town.skip("5d")
    assert "Would you still like it? /borrow 1" in town.heard("chi")[-1]
    assert await states(town) == {}


# --- the waiting line ----------------------------------------------------------------------------------------------


async def test_who_waits_sees_how_many_are_before_them_and_the_next_is_offered_it(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    said = await town.whispers("ben", "/borrow ladder")
    assert said == "You are in line for: ladder (Ana) / You are next. / It is out until Jan 12, 2026."
    assert "1 person is before you." in await town.whispers("eli", "/borrow ladder")
    await town.whispers("ana", "/returned ladder")
    assert town.heard("ben")[-1].startswith("It is your turn: ladder (Ana) / From Jan 5, 2026 until Jan 12, 2026.")
    assert await states(town) == {"Ben": "offered", "Eli": "waiting"}
    await town.presses("ben", "I would like it")
    assert town.heard("ana")[-1].startswith("Ben would like to borrow: ladder")


async def test_who_says_nothing_lets_the_next_one_have_it(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ben", "/borrow ladder")
    await town.whispers("eli", "/borrow ladder")
    await town.whispers("ana", "/returned ladder")
    await town.skip("2d")
    assert await states(town) == {"Ben": "offered", "Eli": "waiting"}
    await town.skip("2d")
    assert await states(town) == {"Eli": "offered"}
    assert "Nothing came of it: ladder (Ana)" in town.heard("ben")[-1]
    assert town.heard("eli")[-1].startswith("It is your turn: ladder (Ana)")


async def test_who_does_not_need_it_any_more_leaves_the_line(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ben", "/borrow ladder")
    await town.whispers("eli", "/borrow ladder")
    await town.presses("ben", "I do not need it any more")
    assert await states(town) == {"Chi": "out", "Eli": "waiting"}
    assert "You are next." in await town.whispers("eli", "/borrow ladder")


async def test_what_is_wanted_for_other_days_does_not_wait(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi", "/borrow ladder for 3 days")
    assert "I have asked Ana for you" in await town.whispers("eli", "/borrow ladder from 12 jan to 14 jan")
    await town.presses("ana", "Yes")
    await town.whispers("ana", "/returned ladder")
    # Ben can have it before, and brings it back in time.
    assert "From Jan 5, 2026 until Jan 11, 2026." in await town.whispers("ben", "/borrow ladder")


async def test_whose_days_are_over_hears_that_it_came_to_nothing(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("eli", "/borrow ladder from wed to thu")
    await town.skip("6d")
    await town.whispers("ana", "/returned ladder")
    assert town.heard("eli")[-1] == "You waited for ladder: its days are over."
    assert await states(town) == {}


async def test_what_is_out_is_not_handed_over_again(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi", "/borrow ladder for 1 day")
    await town.whispers("eli", "/borrow ladder from wed to fri")
    await town.presses("ana", "Yes")
    await town.skip("2d")
    await town.presses("eli", "I have it")
    assert town.heard("eli")[-1] == "It is still out, as far as I know. Write to Ana."
    await town.presses("ana", "Handed over")
    assert town.heard("ana")[-1].startswith("It is with Chi, as far as I know.")
    assert await states(town) == {"Chi": "out", "Eli": "promised"}


# --- when it is due ------------------------------------------------------------------------------------------------


async def test_reminders_come_in_private_before_on_and_after_the_day_and_grow_rarer(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    seen, mine = len(town.sees()), len(town.heard("ana"))
    told = {}
    for number in range(1, 40):
        before = len(town.heard("chi"))
        await town.skip("1d")
        if new := [one for one in town.heard("chi")[before:] if "ladder" in one]:
            told[number - 7] = new
    assert {at: one[0].split(" / ")[0] for at, one in told.items()} == {
        -1: "Tomorrow it is due back: ladder (Ana)",
        0: "Today it is due back: ladder (Ana)",
        1: "You still have: ladder (Ana)",
        3: "You still have: ladder (Ana)",
        7: "You still have: ladder (Ana)",
        14: "Chi borrowed ladder from Ana.",
    }
    assert told[14] == [one for one in town.heard("ana")[mine:] if "ladder" in one], "both hear the same, once"
    assert not any("ladder" in one for one in town.sees()[seen:]), "the group hears nothing of it"


async def test_a_bot_that_stood_still_reminds_once_and_not_of_every_day_that_it_missed(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    town.practice.clock.move(town.practice.clock() + timedelta(days=11))
    heard = len(town.heard("chi"))
    await town.skip("1m")
    new = [one for one in town.heard("chi")[heard:] if "ladder" in one]
    assert [one.split(" / ")[0] for one in new] == ["You still have: ladder (Ana)"]


async def test_a_reminder_that_waits_is_not_said_when_the_thing_is_back(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("chi", "/quiet 2w")
    await town.skip("8d")
    assert "1 reminder waits." in await town.whispers("chi", "/quiet"), "the newest takes the place of the others"
    await town.whispers("ana", "/returned ladder")
    assert "1 reminder waits." not in await town.whispers("chi", "/quiet")


async def test_whoever_is_late_is_named_nowhere_but_to_the_two(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    assert "out until Jan 12, 2026" in await town.says("eli", "/things")
    await town.whispers("eli", "/things ladder")
    await town.presses("eli", "No. 1")
    assert "Chi has it until Jan 12, 2026." in town.heard("eli")[-1]
    await town.skip("10d")
    assert (await town.says("eli", "/things")).endswith("No. 1: ladder (Ana), out")
    await town.whispers("eli", "/things ladder")
    await town.presses("eli", "No. 1")
    assert "It is out just now." in town.heard("eli")[-1]
    assert "Chi" not in town.heard("eli")[-1]
    assert await town.whispers("eli", "/borrow ladder") == "You are in line for: ladder (Ana) / You are next."


async def test_the_borrower_says_it_is_back_and_the_owner_confirms(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.presses("chi", "I have brought it back")
    assert town.heard("ana")[-1] == "Chi says that it is back: ladder"
    assert await states(town) == {"Chi": "back"}, "until its owner says so"
    await town.presses("ana", "Yes, it is back")
    assert await states(town) == {}
    assert "Ana has it back: ladder. Thank you!" in town.heard("chi")


async def test_from_the_menu_it_is_asked_which_one_is_back(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ana", "/returned")
    await town.presses("ana", "ladder (Chi)")
    assert await states(town) == {}


async def test_what_is_not_back_yet_is_out_again(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("chi", "/returned ladder")
    await town.presses("ana", "Not yet")
    assert "Ana has not found it yet: ladder" in town.heard("chi")[-1]
    assert await states(town) == {"Chi": "out"}
    await town.skip("7d")
    assert any("Today it is due back" in one for one in town.heard("chi")), "reminders go on"


async def test_an_owner_who_never_confirms_does_not_keep_it_with_the_borrower(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("chi", "/returned ladder")
    await town.skip("3d")
    assert town.heard("ana")[-1] == "Chi says that it is back: ladder"
    await town.skip("8d")
    assert await states(town) == {}
    assert any(one.startswith("It is back: ladder.") for one in town.heard("ana"))
    assert not any("due back: ladder" in one for one in town.heard("chi")[2:]), "nobody reminds the borrower meanwhile"


async def test_longer_needs_the_owners_yes(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("chi", "/longer ladder for 3 days")
    assert "Chi asks to keep it until Jan 15, 2026." in town.heard("ana")[-1]
    assert await due(town) == "Jan 12"
    await town.presses("ana", "Yes")
    assert await due(town) == "Jan 15"
    await town.whispers("chi", "/longer ladder until 17 jan")
    await town.presses("ana", "No")
    assert "Ana needs it back as agreed: ladder / Due back on Jan 15, 2026." in town.heard("chi")[-1]
    assert await due(town) == "Jan 15"


async def test_longer_ends_before_what_somebody_else_was_promised(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("eli", "/borrow ladder from 15 jan to 16 jan")
    await town.presses("ana", "Yes")
    assert "until Jan 14, 2026" in await town.whispers("chi", "/longer ladder")
    await town.presses("ana", "Yes")
    assert "Somebody else has it after you." in await town.whispers("chi", "/longer ladder")
    assert await due(town) == "Jan 14"


async def test_a_late_yes_to_longer_takes_nobody_their_days(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.presses("chi", "Longer")
    await town.whispers("eli", "/borrow ladder from 15 jan to 16 jan")
    await town.presses("ana", "Yes")
    assert await states(town) == {"Chi": "out", "Eli": "promised"}
    await town.presses("ana", "Yes")
    assert town.heard("ana")[-1] == "Somebody else was promised it for those days."
    assert await due(town) == "Jan 12"


async def test_what_is_promised_for_later_is_not_handed_over_on_days_of_somebody_else(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder for 2 days")
    await town.presses("ana", "Yes")
    await town.whispers("eli", "/borrow ladder from fri to sun")
    await town.presses("ana", "Yes")
    await town.presses("eli", "I have it")
    assert town.heard("eli")[-1] == "Until Jan 9, 2026 it is promised to somebody else."
    await town.presses("chi", "Not after all")
    await town.presses("eli", "I have it")
    assert await due(town) == "Jan 11"


async def test_the_owner_may_ask_for_it_back_early_and_the_borrower_may_say_no(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ana", "/askback ladder")
    assert "Ana needs it back by Jan 8, 2026. Does that work for you?" in town.heard("chi")[-1]
    await town.presses("chi", "I cannot")
    assert "Chi cannot bring it earlier: ladder" in town.heard("ana")[-1]
    assert await due(town) == "Jan 12"
    await town.whispers("ana", "/askback ladder until fri")
    await town.presses("chi", "Yes, by then")
    assert await due(town) == "Jan 9"
    assert "It is due on Jan 9, 2026 anyway." in await town.whispers("ana", "/askback ladder until sat")


# --- when something happens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["/broken ladder, a rung is loose", "/broken ladder a rung is loose"])
async def test_what_is_broken_is_told_in_private_and_without_blame(town: Town, line: str) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    seen = len(town.sees())
    said = await town.whispers("chi", line)
    assert "Thank you for saying it." in said
    told = town.heard("ana")[-1]
    assert told.startswith("Chi says that something happened to it: ladder / “a rung is loose”")
    assert "/thank" in told
    assert "/care" in told
    assert len(town.sees()) == seen
    assert await states(town) == {"Chi": "out"}


async def test_the_owner_may_say_it_too_and_only_they_can_give_it_up(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ana", "/broken ladder, it was loose before")
    assert town.heard("chi")[-1].startswith("Ana says that something happened to it: ladder / “it was loose before”")
    offered = [where for where, what in town.transcript if "[It is lost for good]" in what]
    assert offered == ["ana (dm)"]


async def test_what_is_lost_is_off_the_list_when_its_owner_says_so_and_nobody_is_reminded(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("eli", "/borrow ladder")
    await town.presses("chi", "Broken or lost")
    await town.presses("ana", "It is lost for good")
    assert "It is lost: ladder. Nobody is asked for it any more." in town.heard("chi")
    assert "Ana does not lend it any more: ladder" in town.heard("eli")[-1]
    heard = len(town.heard("chi"))
    await town.skip("30d")
    assert not any("ladder" in one for one in town.heard("chi")[heard:])
    assert "Nothing here yet." in await town.whispers("eli", "/things")


async def test_what_is_off_the_list_is_brought_back_all_the_same(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("eli", "/borrow ladder")
    assert "Chi still has it" in await town.whispers("ana", "/unlend ladder")
    assert "Ana does not lend it any more: ladder" in town.heard("eli")[-1]
    await town.whispers("chi", "/returned ladder")
    await town.presses("ana", "Yes, it is back")
    assert await states(town) == {}


async def test_words_of_what_nobody_borrowed_go_at_once_and_others_after_a_while(town: Town) -> None:
    await town.says("ana", "/lend ladder of aunt Rosalinde, a week")
    await town.says("ben", "/lend tent, a week")
    await town.whispers("ana", "/unlend ladder")
    assert await words_kept(town) == ["tent"]
    await town.whispers("chi", "/borrow tent")
    await town.whispers("ben", "/unlend tent")
    assert await words_kept(town) == ["tent"]
    await town.skip("95d")
    assert await words_kept(town) == []


# --- what waits, and what is new -----------------------------------------------------------------------------------


async def test_what_waits_stands_in_todo(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder")
    assert "Chi would like to borrow: ladder" in await town.whispers("ana", "/todo")
    await town.presses("ana", "Yes")
    assert "Yes! Ana lends you: ladder" in await town.whispers("chi", "/todo")
    await town.presses("chi", "I have it")
    assert "ladder" not in await town.whispers("chi", "/todo"), "there is time"
    await town.skip("6d")
    assert "You have: ladder (Ana)" in await town.whispers("chi", "/todo")


async def test_the_log_and_the_digest_tell_what_is_new_to_borrow_and_not_who_borrows(town: Town) -> None:
    await town.says("ana", "/digest daily 9:00")
    await town.presses("ben", "Agree")
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    assert "thing no. 1 can be borrowed." in await town.whispers("eli", "/log")
    await town.skip("1d")
    assert "New to borrow: ladder (Ana)." in town.sees()[-1]
    assert "Chi" not in town.sees()[-1]


async def test_what_is_mine_is_on_one_page_with_what_can_be_done(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    assert "You have: ladder (Ana)" in await town.whispers("chi", "/things mine")
    await town.presses("chi", "ladder (Ana)")
    assert town.heard("chi")[-1] == "You have: ladder (Ana) / Due back on Jan 12, 2026."
    assert "Chi has: ladder" in await town.whispers("ana", "/things mine")
    assert "You lend and borrow nothing" in await town.whispers("eli", "/things mine")


# --- people come and go --------------------------------------------------------------------------------------------


async def test_what_somebody_has_stays_known_to_both_when_they_leave(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.says("chi", "/leave")
    await town.skip("1m")
    assert "Chi has left, and has: ladder. Write to them." in town.heard("ana")[-1]
    assert town.heard("chi")[-1].startswith("You still have: ladder (Ana)")
    heard = len(town.heard("chi"))
    await town.skip("25d")
    assert len(town.heard("chi")) == heard, "whoever left is left in peace"
    assert any(one.startswith("Chi borrowed ladder from Ana.") for one in town.heard("ana"))
    await town.whispers("ana", "/returned ladder")
    assert await states(town) == {}


async def test_an_owner_who_leaves_takes_things_off_the_list_and_gets_back_what_is_out(town: Town) -> None:
    await town.says("chi", "/lend ladder, a week")
    await town.says("chi", "/lend tent, a week")
    await town.whispers("ben", "/borrow ladder")
    await town.presses("chi", "Yes")
    await town.presses("chi", "Handed over")
    await town.whispers("eli", "/borrow ladder")
    await town.says("chi", "/leave")
    await town.skip("1m")
    assert "Chi has left; you have of theirs: ladder. Write to them." in town.heard("ben")[-1]
    assert "Chi does not lend it any more: ladder" in town.heard("eli")[-1]
    assert "Nothing here yet." in await town.whispers("eli", "/things")
    await town.presses("ben", "I have brought it back")
    assert await states(town) == {}, "nobody is left to confirm it"


async def test_whoever_leaves_frees_their_place_in_the_line(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.whispers("chi", "/borrow ladder")
    await town.presses("ana", "Yes")
    await town.whispers("eli", "/borrow ladder")
    await town.says("chi", "/leave")
    await town.skip("1m")
    assert await states(town) == {"Eli": "offered"}


async def test_whoever_is_forgotten_leaves_no_words_and_no_name(town: Town) -> None:
    await town.says("chi", "/lend ladder of aunt Rosalinde, a week")
    await town.says("ana", "/lend tent of Chi, a week")
    await town.says("ana", "/lend drill, a week")
    await town.whispers("chi", "/borrow drill")
    await town.presses("ana", "Yes")
    await town.presses("ana", "Handed over")
    await town.whispers("chi", "/forget me")
    await town.presses("chi", "Yes, forget me for good")
    assert await words_kept(town) == ["drill"]
    [loan] = await loans(town, 3)
    assert (loan.name, loan.state) == ("Former member 3", "out")
    await town.whispers("ana", "/returned drill")
    assert await states(town, 3) == {}


async def test_what_is_lent_and_borrowed_is_handed_out_to_whom_it_is_about(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")

    async def out(tx: Reader, who: str) -> dict[str, Any]:
        found = await privacy.hand_out(
            tx, (await member(tx, town, who)).person_id, now=town.practice.clock(), characters_max=100_000
        )
        return cast("dict[str, Any]", json.loads(found.text))

    ana = await town.practice.app.database.read(lambda tx: out(tx, "ana"))
    chi = await town.practice.app.database.read(lambda tx: out(tx, "chi"))
    eli = await town.practice.app.database.read(lambda tx: out(tx, "eli"))
    assert [(one["words"], one["days_at_most"], one["asked_by"]) for one in ana["lends"]] == [("ladder", 7, "Chi")]
    assert [(one["of_whom"], one["state"], one["last"]) for one in chi["borrows"]] == [("Ana", "out", "2026-01-12")]
    assert eli["lends"] == eli["borrows"] == []


async def test_who_had_what_is_forgotten_some_time_after_it_is_back(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await has(town, "chi")
    await town.whispers("ana", "/returned ladder")

    async def ask(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM loans"))

    await town.skip("80d")
    assert await town.practice.app.database.read(ask) == 1
    await town.skip("15d")
    assert await town.practice.app.database.read(ask) == 0
    assert await words_kept(town) == ["ladder"], "it is on the list still"


async def test_two_memberships_that_become_one_keep_what_is_lent_and_borrowed(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.says("chi", "/lend tent, a week")
    await has(town, "chi")
    await town.whispers("eli", "/borrow ladder")
    await town.whispers("eli", "/borrow tent")

    async def join(tx: Transaction) -> int:
        eli = await member(tx, town, "eli")
        await lending.join(tx, (await member(tx, town, "chi")).id, eli.id)
        return eli.id

    eli = await town.practice.app.database.transact(join)
    # Whoever has it has it; nobody waits behind themselves, and nobody borrows from themselves.
    assert [(loan.member_id, loan.state) for loan in await loans(town)] == [(eli, "out")]
    assert await loans(town, 2) == []


async def test_somebody_without_an_account_borrows_through_whoever_speaks_for_them(town: Town) -> None:
    await town.says("ana", "/lend ladder, a week")
    await town.says("chi", "/add Rosa")
    await town.whispers("chi", "/for Rosa /borrow ladder")
    assert "Rosa would like to borrow: ladder" in town.heard("ana")[-1]
    await town.presses("ana", "Yes")
    assert town.heard("chi")[-1].startswith("For Rosa: / Yes! Ana lends you: ladder")
    await town.presses("chi", "I have it")
    assert await states(town) == {"Rosa": "out"}
