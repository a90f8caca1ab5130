"""Offers and needs: how they come onto the board, who answers, and what comes of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from storage import board, people
from storage.database import Reader, Transaction
from tests.conftest import Town


async def test_an_offer_is_a_card_in_the_group_that_is_edited_and_not_repeated(town: Town) -> None:
    said = await town.says("ben", "/offer bike repair, saturday mornings")
    assert said == "No. 1: Ben offers bike repair, saturday mornings / Repairs · until Feb 4, 2026"
    cards = len(town.sees())
    await town.says("ben", "/close 1")
    assert town.sees()[cards] == "No. 1 was taken back."
    assert sum("bike repair" in one for one in town.sees()) == 1


async def test_a_need_stands_until_its_day_and_an_offer_does_not_mind_days(town: Town) -> None:
    assert "Childcare · until Jan 9, 2026" in await town.says("ana", "/need childcare fri 18:00 near the park")
    assert "Repairs · until Feb 4, 2026" in await town.says("ana", "/offer bike repair on fridays")
    said = await town.says("ana", "/offer bread, until 12 jan")
    assert said == "No. 3: Ana offers bread / Cooking and baking · until Jan 12, 2026"


async def test_what_kind_of_help_it_is_is_asked_where_the_words_do_not_say_it(town: Town) -> None:
    assert "What kind of help is it?" in await town.says("eli", "/need something nice")
    assert await town.presses("chi", "Garden") == "This choice is for somebody else."
    await town.presses("eli", "Garden")
    assert "Garden · until" in town.sees()[-1]


async def test_an_offer_comes_about_by_buttons_and_answers_alone(town: Town) -> None:
    await town.whispers("ben", "/offer")
    assert "When?" in await town.whispers("ben", "bike repair")
    assert "Where, roughly?" in await town.whispers("ben", "saturday mornings, until 12 jan")
    said = await town.whispers("ben", "at the old school")
    assert "No. 1: Ben offers bike repair, at the old school, saturday mornings / Repairs · until Jan 12, 2026" in said
    assert "Ben offers bike repair" in town.sees()[-1]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/offer bike repair", "That stands on the board already."),
        ("/take 1", "No. 1 is your own."),
        ("/take 7", "There is no number 7 on the board."),
        ("/done 1 1h", "Nobody has answered no. 1"),
        ("/done 1 0h", "The time must be more than nothing."),
        ("/close 7", "There is no number 7 on the board."),
    ],
)
async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town, line: str, answer: str) -> None:
    await town.says("ben", "/offer bike repair")
    before = await stands(town)
    assert answer in await town.whispers("ben", line)
    assert await stands(town) == before


async def test_nobody_fills_the_board_alone(town: Town) -> None:
    for number in range(board.OF_MEMBER_MAX):
        await town.says("ben", f"/offer bread {number}")
    assert "You have 20 things on the board already." in await town.says("ben", "/offer bread again")
    assert len(await stands(town)) == board.OF_MEMBER_MAX


async def stands(town: Town) -> list[board.Posted]:
    """What stands on the board now."""

    async def ask(tx: Reader) -> list[board.Posted]:
        return await board.open_posts(tx, 1, now=town.practice.clock())

    return await town.practice.app.database.read(ask)


# --- answering -----------------------------------------------------------------------------------------------------


async def test_the_owner_hears_in_private_who_can_help_and_the_group_only_that(town: Town) -> None:
    before = len(town.sees())
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    assert town.heard("ana")[-1] == "No. 1: Ana needs childcare fri 18:00 / Chi can help. Write to each other."
    assert "Somebody has said that they can help." in town.sees()[-1]
    assert not any("Chi " in one for one in town.sees()[before:])


async def test_a_need_takes_as_many_helpers_as_it_says(town: Town) -> None:
    await town.says("ana", "/need moving house on saturday, 2 people")
    await town.presses("chi", "I can help")
    assert "1 of 2 have said that they can help." in town.sees()[-1]
    await town.presses("eli", "I can help")
    assert "Others have said that they can help with no. 1." in await town.whispers("ben", "/take 1")
    await town.whispers("eli", "/done 1 2h")
    assert [post.number for post in await stands(town)] == [1], "the second is not done yet"
    await town.whispers("chi", "/done 1 2h")
    assert await stands(town) == []
    assert town.sees()[-1].endswith("This is done. Thank you!")


async def test_whoever_cannot_after_all_makes_room_for_others(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    await town.presses("chi", "I cannot after all")
    assert "Chi cannot after all." in town.heard("ana")[-1]
    await town.presses("eli", "I can help")
    assert "Eli can help." in town.heard("ana")[-1]
    await town.presses("chi", "I cannot after all")
    assert town.heard("chi")[-1] == "Nobody counts on you for no. 1."


async def test_pressed_twice_it_counts_once(town: Town) -> None:
    await town.says("ben", "/offer bike repair")
    await town.presses("chi", "I would like that")
    heard = len(town.heard("ben"))
    assert "Ben knows that already." in await town.presses("chi", "I would like that")
    assert len(town.heard("ben")) == heard


# --- when it is done -----------------------------------------------------------------------------------------------


async def test_whoever_was_helped_thanks_and_the_hours_move_at_once(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    await town.presses("ana", "It is done")
    await town.presses("ana", "1 h 30")
    assert "Chi helped you: 1 h 30." in town.heard("ana")[-1]
    await town.presses("ana", "Yes")
    assert (await town.balance("ana"), await town.balance("chi")) == (-90, 90)
    assert await category_of_the_newest(town) == "childcare"
    assert await stands(town) == []


async def test_whoever_helped_says_so_and_the_other_confirms_it(town: Town) -> None:
    await town.says("ben", "/offer bike repair")
    await town.presses("chi", "I would like that")
    await town.whispers("ben", "/done 1 1h")
    assert await town.balance("ben") == 0, "until it is confirmed"
    await town.presses("chi", "That is right")
    assert (await town.balance("ben"), await town.balance("chi")) == (60, -60)
    assert await category_of_the_newest(town) == "repairs"
    assert [post.number for post in await stands(town)] == [1], "an offer stays"


async def test_with_several_it_is_asked_with_whom(town: Town) -> None:
    await town.says("ben", "/offer bike repair")
    await town.presses("chi", "I would like that")
    await town.presses("eli", "I would like that")
    assert "With whom was it done?" in await town.whispers("ben", "/done 1 1h")
    await town.presses("ben", "Eli")
    await town.presses("eli", "That is right")
    assert (await town.balance("ben"), await town.balance("eli"), await town.balance("chi")) == (60, -60, 0)


async def test_nobody_else_can_say_that_it_is_done(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    assert "Say first that you are in" in await town.whispers("eli", "/done 1 1h")
    assert (await town.balance("ana"), await town.balance("eli")) == (0, 0)


async def test_below_the_limit_nothing_is_done_and_the_need_stands(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    await town.whispers("ana", "/done 1 99h")
    assert await town.balance("ana") == 0
    [post] = await stands(town)
    assert (post.answered, post.done) == (1, 0)


async def category_of_the_newest(town: Town) -> str | None:
    """From which kind of help on the board the newest exchange came."""

    async def ask(tx: Reader) -> str | None:
        return await board.category_of_transfer(tx, await tx.value("SELECT max(id) FROM transfers"))

    return await town.practice.app.database.read(ask)


# --- time ----------------------------------------------------------------------------------------------------------


async def test_the_owner_is_reminded_in_private_and_one_button_keeps_it(town: Town) -> None:
    await town.says("ben", "/offer bike repair")
    await town.skip("27d")
    assert town.heard("ben")[-1] == "No. 1: Ben offers bike repair / It ends on Feb 4, 2026."
    await town.presses("ben", "Longer")
    await town.skip("10d")
    assert [one for one in town.sees() if "Repairs" in one][-1].endswith("Repairs · until Mar 6, 2026")
    assert len(await stands(town)) == 1


async def test_what_is_over_cannot_be_pressed_any_more(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.skip("3d")
    assert len(await stands(town)) == 1, "its day is not over yet"
    await town.skip("2d")
    assert town.sees()[-1].endswith("This is over: its time has passed.")
    assert "The time of no. 1 has passed." in await town.whispers("chi", "/take 1")
    assert "The time of no. 1 has passed." in await town.whispers("chi", "/done 1 1h")
    assert await unmet(town) == {"childcare": 1}


async def test_a_button_that_is_older_than_the_clocks_work_is_refused_too(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    # The bot stood still while the time passed: nothing has fallen due yet.
    town.practice.clock.move(town.practice.clock() + timedelta(days=8))
    assert "The time of no. 1 has passed." in await town.whispers("chi", "/take 1")


async def test_what_was_agreed_in_time_can_be_done_after_it(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    await town.skip("5d")
    assert town.heard("ana")[-1].endswith("Its time is over. Was it done?")
    await town.presses("ana", "It is done")
    await town.presses("ana", "1 h")
    await town.presses("ana", "Yes")
    assert await town.balance("chi") == 60
    assert await unmet(town) == {}


async def unmet(town: Town) -> dict[str, int]:
    """How many needs nobody has helped with."""

    async def ask(tx: Reader) -> dict[str, int]:
        since = town.practice.clock() - timedelta(days=30)
        return dict(Counter(kind for kind, _ in await board.unmet(tx, await people.committee(tx, 1), since)))

    return await town.practice.app.database.read(ask)


# --- looking -------------------------------------------------------------------------------------------------------


async def test_the_board_has_pages_that_take_each_others_place(town: Town) -> None:
    for number in range(1, 8):
        await town.says("ben", f"/offer bread {number}")
    said = await town.whispers("chi", "/board")
    assert [f"bread {number}" in said for number in range(1, 8)] == [False] * 2 + [True] * 5
    messages = len(town.heard("chi"))
    await town.presses("chi", "More")
    await town.presses("chi", "No. 2")
    edits = [what for where, what in town.transcript if where == "chi (dm)" and what.startswith("bot (edit)")]
    assert "bread 1" in edits[0] and "bread 2" in edits[0] and "bread 3" not in edits[0]  # noqa: PT018
    assert "Cooking and baking" in edits[1]
    assert len(town.heard("chi")) == messages + len(edits), "nothing was said anew"


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("/board", {1, 2, 3}),
        ("/board bike", {1, 2}),
        ("/board BIK", {1, 2}),
        ("/board offers", {1, 3}),
        ("/board needs", {2}),
        ("/board needs bread", set()),
        ("/board mine", {2}),
        ("/board fits", {1}),
    ],
)
async def test_the_board_is_searched_and_cut_as_one_likes(town: Town, line: str, numbers: set[int]) -> None:
    await town.says("ben", "/offer bike repair")
    await town.says("ana", "/need somebody who can repair my bike")
    await town.says("ben", "/offer fresh bread")
    said = await town.whispers("ana", line)
    assert {number for number in (1, 2, 3) if f"No. {number}:" in said} == numbers


async def test_what_fits_is_found_both_ways(town: Town) -> None:
    await town.says("ben", "/offer bike repair")
    await town.says("ana", "/need somebody who can repair my bike")
    assert "No. 2: Ana needs" in await town.whispers("ben", "/board fits")
    assert "No. 1: Ben offers" in await town.whispers("ana", "/board fits")
    assert "Nothing just now." in await town.whispers("chi", "/board fits")


async def test_needs_that_fit_what_one_offers_are_told_for_those_in_minus(town: Town) -> None:
    await town.says("ben", "/offer bike repair")
    await town.says("ben", "/need fresh bread")
    await town.says("ana", "/need somebody who can repair my bike")
    await town.says("chi", "/offer bread")

    async def ask(tx: Reader) -> list[int]:
        committee = await people.committee(tx, 1)
        member = await people.member_with_account(tx, 1, town.practice.console.somebody("ben").sender.user)
        assert member is not None
        found = await board.fitting_needs(tx, committee, member, now=town.practice.clock())
        return [post.number for post in found]

    assert await town.practice.app.database.read(ask) == [3]


async def test_the_digest_shows_a_few_and_those_of_quiet_members_as_often(town: Town) -> None:
    await town.says("ana", "/digest daily 9:00")
    await town.presses("ben", "Agree")
    for number in range(1, 7):
        await town.says("ben", f"/offer bread {number}")
    await town.says("chi", "/offer guitar lessons")
    told = []
    for _ in range(4):
        before = len(town.sees())
        await town.skip("1d")
        told.append("\n".join(town.sees()[before:]))
    assert all(one.count("offers") <= 4 for one in told)
    assert [("guitar" in one) for one in told] == [True, True, False, True], "never three times running"
    assert "No. 7: Chi offers guitar lessons" in told[0]


# --- the committee's kinds of help -----------------------------------------------------------------------------------


async def test_the_committee_adds_and_drops_kinds_of_help(town: Town) -> None:
    await town.says("ana", "/category add Music")
    await town.presses("ben", "Agree")
    await town.says("ana", "/category drop garden")
    await town.presses("ben", "Agree")
    said = await town.says("chi", "/categories")
    assert "Music" in said
    assert "Garden" not in said.partition("The committee")[0]
    await town.says("chi", "/offer something with strings")
    await town.presses("chi", "Music")
    assert "Music · until" in town.sees()[-1]
    assert "What kind of help is it?" in await town.says("eli", "/offer mowing the lawn")


async def test_a_kind_of_help_that_is_there_or_is_not_gets_a_sentence(town: Town) -> None:
    assert "There is such a kind of help already." in await town.says("ana", "/category add Jardín")
    assert "There is no such kind of help to take away." in await town.says("ana", "/category drop Music")
    assert "There is no such kind of help to take away." in await town.says("ana", "/category drop Something else")


# --- people come and go ----------------------------------------------------------------------------------------------


async def test_whoever_leaves_takes_their_things_off_the_board_and_frees_their_place(town: Town) -> None:
    await town.says("chi", "/offer guitar lessons")
    await town.says("ana", "/need childcare fri 18:00")
    await town.whispers("chi", "/take 2")
    await town.says("chi", "/leave")
    [post] = await stands(town)
    assert (post.number, post.answered) == (2, 0)
    assert "No. 1 was taken back." in town.sees()


async def test_words_that_are_taken_back_are_in_no_row_any_more(town: Town) -> None:
    await town.says("chi", "/offer guitar lessons at Rosalinde's")
    await town.says("chi", "/close 1")

    async def ask(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text IS NOT NULL")]

    assert await town.practice.app.database.read(ask) == []


async def test_whoever_is_forgotten_leaves_no_words_on_what_is_done_either(town: Town) -> None:
    await town.says("chi", "/need a lift to the station, until 12 jan")
    await town.whispers("ben", "/take 1")
    await town.whispers("chi", "/done 1 1h")
    await town.says("ana", "/offer bread for Chi")
    await town.whispers("chi", "/forget me")
    await town.presses("chi", "Yes, forget me for good")

    async def ask(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text IS NOT NULL")]

    assert await town.practice.app.database.read(ask) == []


async def test_two_memberships_that_become_one_keep_what_stands_on_the_board(town: Town) -> None:
    await town.says("chi", "/offer guitar lessons")
    await town.says("ana", "/need childcare fri 18:00")
    await town.whispers("chi", "/take 2")
    await town.whispers("eli", "/take 1")

    async def join(tx: Transaction) -> list[tuple[int, int, int]]:
        ids = {}
        for who in ("chi", "eli"):
            found = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
            assert found is not None
            ids[who] = found.id
        await board.join(tx, ids["chi"], ids["eli"])
        posts = await board.open_posts(tx, 1, now=town.practice.clock())
        return [(post.number, int(post.member_id == ids["eli"]), post.answered) for post in posts]

    # Nobody is left to have answered their own offer.
    assert await town.practice.app.database.transact(join) == [(2, 0, 1), (1, 1, 0)]


# --- hours that were claimed and did not come about ----------------------------------------------------------------


async def _claimed(town: Town) -> None:
    await town.says("ana", "/need childcare fri 18:00")
    await town.presses("chi", "I can help")
    await town.whispers("chi", "/done 1 1h30")
    assert await stands(town) == []


@pytest.mark.parametrize("how", ["declined", "withdrawn"])
async def test_a_need_stands_again_when_the_hours_for_it_are_declined_or_taken_back(town: Town, how: str) -> None:
    await _claimed(town)
    if how == "declined":
        await town.practice.press("ana", "No", within=town.private("ana"))
    else:
        await town.whispers("chi", "/undo")
    assert [post.number for post in await stands(town)] == [1]
    assert town.sees()[-1].endswith("Somebody has said that they can help.")
    assert "With Ana: No. 1" in await town.whispers("chi", "/todo"), "Chi has still to do it, or to say so again"
    await town.whispers("chi", "/done 1 1h")
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert await town.balance("chi") == 60
    assert await stands(town) == []


async def test_a_need_stands_again_when_nobody_answers_and_ends_in_its_time(town: Town) -> None:
    await town.says("ana", "/confirm_within 1d lapse")
    await town.presses("ben", "Agree")
    await _claimed(town)
    await town.skip("1d")
    assert [post.number for post in await stands(town)] == [1]
    await town.skip("7d")
    assert await stands(town) == []
    assert await unmet(town) == {"childcare": 1}


async def test_a_need_whose_time_is_over_meanwhile_does_not_stand_again(town: Town) -> None:
    await _claimed(town)
    await town.skip("7d")
    assert await stands(town) == []
    assert await unmet(town) == {"childcare": 1}


async def test_a_need_that_its_owner_has_closed_stays_closed(town: Town) -> None:
    await town.says("ana", "/need moving house on saturday, 2 people")
    await town.presses("chi", "I can help")
    await town.whispers("chi", "/done 1 2h")
    await town.whispers("ana", "/close 1")
    await town.whispers("chi", "/undo")
    assert await stands(town) == []
