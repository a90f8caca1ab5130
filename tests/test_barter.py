"""Barters of two, and rings of three or four: how they come about, are done, hang and end."""

from __future__ import annotations

import pytest

from storage import barter, board, people
from storage.database import Reader, Transaction
from tests.conftest import Town


async def agreed(town: Town, line: str = "/barter @ben bread for a haircut") -> None:
    """Ana and Ben have a barter."""
    await town.whispers("ana", line)
    await town.presses("ben", "Yes")


async def state(town: Town, number: int = 1) -> str:
    """How a barter or a ring stands."""

    async def ask(tx: Reader) -> str:
        one = await barter.numbered(tx, 1, number)
        assert one is not None
        return one.state

    return await town.practice.app.database.read(ask)


async def words_kept(town: Town) -> list[str]:
    """All words that are kept of anything."""

    async def ask(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text IS NOT NULL ORDER BY thing")]

    return await town.practice.app.database.read(ask)


async def transfers(town: Town) -> int:
    """How many exchanges of hours there are."""

    async def ask(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM transfers"))

    return await town.practice.app.database.read(ask)


# --- proposing and answering -----------------------------------------------------------------------------------------


async def test_a_barter_is_asked_in_private_and_the_group_hears_nothing(town: Town) -> None:
    before = town.sees()
    await town.says("ana", "/barter @ben bread for a haircut")
    assert town.heard("ben")[-1] == (
        "Ana proposes a barter: / You for Ana: a haircut / Ana for you: bread / Would you like that?"
    )
    assert "I have asked Ben" in town.heard("ana")[-1]
    await town.presses("ben", "Yes")
    assert "Ben and you have agreed." in town.heard("ana")[-1]
    assert await state(town) == "agreed"
    assert not any("bread" in one or "haircut" in one for one in town.sees()[len(before) :])


async def test_both_say_what_they_got_and_no_hours_move(town: Town) -> None:
    await agreed(town)
    await town.presses("ben", "I have got it")
    assert await state(town) == "half"
    assert "You for Ben: bread – done / Ben for you: a haircut / Half of it is done." in town.heard("ana")[-1]
    await town.presses("ana", "I have got it")
    assert await state(town) == "done"
    assert "All of it is done. Thank you!" in town.heard("ben")[-1]
    assert await transfers(town) == 0
    assert "over" in await town.whispers("ben", "/got 1")


async def test_whoever_gives_only_says_so_and_whoever_gets_confirms_it(town: Town) -> None:
    await agreed(town)
    await town.whispers("ana", "/gave 1")
    assert "Ana says that it is done. Is that right?" in town.heard("ben")[-1]
    assert await state(town) == "agreed", "until it is confirmed"
    await town.presses("ben", "Not yet")
    assert "Ben has not got it yet." in town.heard("ana")[-1]
    await town.whispers("ana", "/gave 1")
    await town.presses("ben", "I have got it")
    assert await state(town) == "half"


async def test_a_no_ends_it_and_its_words_are_kept_nowhere(town: Town) -> None:
    await town.whispers("ana", "/barter @ben bread for a haircut")
    await town.presses("ben", "No")
    assert "Ben would rather not. Nothing is owed." in town.heard("ana")[-1]
    assert (await state(town), await words_kept(town)) == ("declined", [])
    assert "No. 1 is over." in await town.whispers("ana", "/got 1")


async def test_what_is_proposed_can_be_taken_back_and_the_yes_then_comes_too_late(town: Town) -> None:
    await town.whispers("ana", "/barter @ben bread for a haircut")
    await town.presses("ana", "Take back")
    assert "Ana has taken it back." in town.heard("ben")[-1]
    await town.presses("ben", "Yes")
    assert "No. 1 is over." in town.heard("ben")[-1]
    assert await state(town) == "withdrawn"


async def test_without_an_answer_it_lapses_after_a_week_or_on_its_day(town: Town) -> None:
    await town.whispers("ana", "/barter @ben bread for a haircut")
    await town.whispers("ana", "/barter @chi soup for a song, until fri")
    await town.skip("5d")
    assert (await state(town, 1), await state(town, 2)) == ("asked", "lapsed")
    assert "Chi did not answer in time." in town.heard("ana")[-1]
    await town.skip("3d")
    assert await state(town, 1) == "lapsed"


async def test_as_long_as_nothing_is_done_anybody_may_step_out(town: Town) -> None:
    await agreed(town)
    await town.presses("ben", "I cannot after all")
    assert "Ben cannot after all. Nothing is owed." in town.heard("ana")[-1]
    assert await state(town) == "withdrawn"
    await agreed(town)
    await town.whispers("ben", "/got 2")
    await town.presses("ben", "I cannot after all")
    assert "Some of it is done already." in town.heard("ben")[-1]
    assert await state(town, 2) == "half"


async def test_which_word_stands_between_the_two_sides_is_asked_back(town: Town) -> None:
    said = await town.whispers("ana", "/barter @ben bread for Sunday for a haircut")
    assert "1. bread ↔ Sunday for a haircut / 2. bread for Sunday ↔ a haircut" in said
    await town.presses("ana", "2")
    assert "You for Ana: a haircut / Ana for you: bread for Sunday" in town.heard("ben")[-1]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/barter @ana bread for a haircut", "A barter is between two people."),
        ("/barter @ben bread", "Write what for what, like this: /barter @ben bread for a haircut"),
        ("/barter @dan bread for a haircut", "Nobody in Riverside is called @dan."),
        ("/barter @ben no. 9 for a haircut", "No. 9 is not on the board."),
        ("/barter @ben no. 1 for a haircut", "No. 1 is nothing that Ana could give: it is Chi's."),
        ("/barter @chi no. 1 for a haircut", "No. 1 stands on the other side: swap the two."),
        ("/got 7", "There is no barter no. 7."),
        ("/got 1", "Not everybody has said yes to no. 1 yet."),
        ("/gave 2", "That is not for you to answer"),
        ("/settle 1 1h", "Not everybody has said yes to no. 1 yet."),
    ],
)
async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town, line: str, answer: str) -> None:
    await town.says("chi", "/offer guitar lessons")
    await town.whispers("ana", "/barter @ben bread for a haircut")
    await town.whispers("ben", "/barter @chi soup for a song")
    heard = len(town.heard("ben"))
    assert answer in await town.whispers("ana", line)
    assert [await state(town, number) for number in (1, 2)] == ["asked", "asked"]
    assert len(town.heard("ben")) == heard


async def test_nobody_else_can_press_and_pressed_twice_it_counts_once(town: Town) -> None:
    await agreed(town)
    await town.presses("ben", "I have got it")
    heard = len(town.heard("ana"))
    await town.whispers("ben", "/got 1")
    assert "That is noted already." in town.heard("ben")[-1]
    assert "That is not for you to answer" in await town.whispers("chi", "/got 1")
    assert (await state(town), len(town.heard("ana"))) == ("half", heard)


async def test_nobody_is_flooded_with_proposals(town: Town) -> None:
    for number in range(barter.OF_MEMBER_MAX):
        await town.whispers("ana", f"/barter @ben bread {number} for soup")
    said = await town.whispers("ana", "/barter @ben more bread for soup")
    assert "10 barters of yours wait for an answer already." in said


# --- when it hangs ---------------------------------------------------------------------------------------------------


async def test_a_half_done_barter_that_hangs_is_asked_of_whoever_still_owes_and_only_them(town: Town) -> None:
    await agreed(town)
    await town.whispers("ben", "/got 1")
    ana = len(town.heard("ana"))
    await town.skip("8d")
    [asked] = [one for one in town.heard("ben") if "How does it stand with yours?" in one]
    assert asked == "Barter no. 1 / You for Ana: a haircut / Ana has kept their side. How does it stand with yours?"
    assert not any("stand" in one for one in town.heard("ana")[ana:])
    await town.skip("21d")
    assert "Ben has not come to it. You can settle it with hours, or call it even." in "\n".join(town.heard("ana"))
    assert len([one for one in town.heard("ben") if "How does it stand" in one]) <= 3
    assert await state(town) == "half"


async def test_where_nobody_has_done_anything_it_ends_at_last_and_nothing_is_owed(town: Town) -> None:
    await agreed(town)
    await town.skip("50d")
    assert await state(town) == "lapsed"
    for who in ("ana", "ben"):
        assert sum("Nothing has come of it, so it is over. Nothing is owed." in one for one in town.heard(who)) == 1


async def test_whoever_owes_may_give_hours_instead_if_the_other_agrees(town: Town) -> None:
    await agreed(town)
    await town.whispers("ben", "/got 1")
    await town.whispers("ben", "/settle 1 1h")
    assert "Ben would give you 1 h in its place." in town.heard("ana")[-1]
    assert await town.balance("ben") == 0, "until both have said yes"
    await town.presses("ana", "Yes")
    assert (await town.balance("ana"), await town.balance("ben")) == (60, -60)
    assert await state(town) == "done"


async def test_whoever_has_given_may_ask_for_hours_and_the_other_may_say_no(town: Town) -> None:
    await agreed(town)
    await town.whispers("ben", "/got 1")
    await town.whispers("ana", "/settle 1 2h")
    await town.presses("ben", "No")
    assert "Ben would rather not have hours for it." in town.heard("ana")[-1]
    assert (await town.balance("ana"), await state(town)) == (0, "half")
    await town.whispers("ana", "/settle 1 1h")
    await town.presses("ben", "Yes")
    assert (await town.balance("ana"), await town.balance("ben")) == (60, -60)


async def test_nobody_says_yes_to_their_own_question_with_an_older_button(town: Town) -> None:
    await agreed(town)
    await town.whispers("ben", "/got 1")
    await town.whispers("ana", "/settle 1 1h")
    await town.whispers("ben", "/settle 1 1h")
    await town.presses("ben", "Yes")
    assert "You have asked that yourself: the other answers." in town.heard("ben")[-1]
    assert (await town.balance("ana"), await state(town)) == (0, "half")


async def test_hours_that_somebody_does_not_have_are_refused_to_them_alone(town: Town) -> None:
    await agreed(town)
    await town.whispers("ben", "/got 1")
    ana = len(town.heard("ana"))
    await town.whispers("ben", "/settle 1 99h")
    assert len(town.heard("ana")) == ana, "who cannot give hours hears it alone"
    await town.whispers("ben", "/settle 1 12h")
    await town.whispers("ben", "/thank @chi 12h")
    await town.presses("ana", "Yes")
    assert "I have asked Ben to say yes once more." in town.heard("ana")[-1]
    assert "In its place you would give Ana 12 h." in town.heard("ben")[-1]
    await town.presses("ben", "Yes")
    assert (await town.balance("ana"), await state(town)) == (0, "half")


async def test_whoever_gave_may_call_it_even_and_whoever_owes_may_not(town: Town) -> None:
    await agreed(town)
    await town.whispers("ben", "/got 1")
    await town.presses("ana", "We are even")
    assert await state(town) == "done"
    assert "You for Ana: a haircut – let go / Ana for you: bread – done" in town.heard("ben")[-1]
    assert await transfers(town) == 0


# --- the board -------------------------------------------------------------------------------------------------------


async def stands(town: Town) -> list[int]:
    """The numbers that stand on the board now."""

    async def ask(tx: Reader) -> list[int]:
        return sorted(post.number for post in await board.open_posts(tx, 1, now=town.practice.clock()))

    return await town.practice.app.database.read(ask)


async def test_a_barter_about_the_board_closes_what_it_was_about(town: Town) -> None:
    await town.says("ben", "/offer haircuts at the kitchen table, until 12 jan")
    await town.presses("chi", "Household")
    await town.presses("ben", "Household")
    await town.says("ben", "/need fresh bread")
    await agreed(town, "/barter @ben no. 2 for no. 1")
    assert "Ana for you: fresh bread" in "\n".join(town.heard("ben"))
    assert "Somebody has said that they can help." in "\n".join(town.sees())
    await town.whispers("ben", "/got 1")
    assert await stands(town) == [1]
    await town.whispers("ana", "/got 1")
    assert await stands(town) == []
    assert "Your offer no. 1 is off the board now." in town.heard("ben")[-1]
    await town.presses("ben", "Offer no. 1 again")
    assert await stands(town) == [1]
    await town.skip("28d")
    assert any("No. 1: Ben offers haircuts" in one and "It ends on Feb 4, 2026." in one for one in town.heard("ben"))
    await town.skip("5d")
    assert await stands(town) == []


async def test_a_need_that_a_barter_in_words_seems_to_meet_can_be_taken_off_with_a_press(town: Town) -> None:
    await town.says("ben", "/need fresh bread")
    await agreed(town)
    await town.whispers("ben", "/got 1")
    assert await stands(town) == [1], "only Ben can know"
    await town.presses("ben", "Take no. 1 off the board")
    assert await stands(town) == []


# --- rings -----------------------------------------------------------------------------------------------------------


async def ring(town: Town) -> None:
    """Ana teaches Chi, Chi bakes for Ben, Ben repairs for Ana: the bot has found it."""
    for who, offers, needs in (
        ("ana", "guitar lessons", "bike repair"),
        ("ben", "bike repair", "fresh bread"),
        ("chi", "fresh bread", "guitar lessons"),
    ):
        await town.says(who, f"/offer {offers}")
        await town.says(who, f"/need {needs}")
    await town.skip("1d")


async def test_a_ring_is_proposed_to_each_in_private_and_shown_to_all_when_all_said_yes(town: Town) -> None:
    await ring(town)
    for who, gives, gets in (
        ("ana", "You for Chi: guitar lessons", "Ben for you: bike repair"),
        ("ben", "You for Ana: bike repair", "Chi for you: fresh bread"),
        ("chi", "You for Ben: fresh bread", "Ana for you: guitar lessons"),
    ):
        assert f"{gives} / {gets}" in town.heard(who)[-1]
    before = len(town.sees())
    for who in ("ana", "ben"):
        await town.presses(who, "Yes")
    assert len(town.sees()) == before, "until then nobody hears who has said what"
    await town.presses("chi", "Yes")
    assert town.sees()[-1].startswith("Ring no. 1 / Ana for Chi: guitar lessons / Chi for Ben: fresh bread")
    for who in ("ana", "ben", "chi"):
        assert "All have said yes." in town.heard(who)[-1]


async def test_each_step_of_a_ring_is_done_by_whoever_gets_it_and_closes_what_stood_on_the_board(town: Town) -> None:
    await ring(town)
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Yes")
    await town.presses("ana", "I have got it")
    assert await stands(town) == [1, 4, 5, 6]
    assert "Ben for Ana: bike repair – done / Part of it is done." in town.sees()[-1]
    await town.presses("ben", "I have got it")
    await town.presses("ben", "We are even")
    assert "There is nothing to settle in no. 1" in town.heard("ben")[-1], "they have what they were to get"
    await town.presses("chi", "I have got it")
    assert (await state(town), await stands(town), await transfers(town)) == ("done", [], 0)
    assert town.sees()[-1].endswith("All of it is done. Thank you!")


@pytest.mark.parametrize("answers", [("Yes", "No"), ("No",), ("Yes", "Yes", "No")])
async def test_one_no_ends_a_ring_for_all_and_nobody_hears_whose_it_was(town: Town, answers: tuple[str, ...]) -> None:
    await ring(town)
    group = len(town.sees())
    for who, answer in zip(("ana", "ben", "chi"), answers, strict=False):
        await town.presses(who, answer)
    assert await state(town) == "declined"
    said_no = ("ana", "ben", "chi")[len(answers) - 1]
    for who in ("ana", "ben", "chi")[: len(answers) - 1]:
        assert town.heard(who)[-1] == "Ring no. 1 / The ring does not come about this time. I go on looking."
    assert "The others hear only that" in town.heard(said_no)[-1]
    for who in ("ana", "ben", "chi")[len(answers) :]:
        assert "I have found a ring" in town.heard(who)[-1], "who has not answered is not bothered again"
    assert len(town.sees()) == group
    await town.skip("3d")
    assert not any("Ring no. 2" in one for who in ("ana", "ben", "chi") for one in town.heard(who)), "not again"


async def test_a_ring_lapses_for_all_when_somebody_does_not_answer(town: Town) -> None:
    await ring(town)
    await town.presses("ana", "Yes")
    await town.skip("5d")
    assert await state(town) == "lapsed"
    assert any("The ring does not come about this time." in one for one in town.heard("ana"))
    await town.presses("ben", "Yes")
    assert await state(town) == "lapsed"


async def test_a_ring_that_somebody_steps_out_of_is_over_for_all_and_their_needs_are_free_again(town: Town) -> None:
    await ring(town)
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Yes")
    await town.presses("ben", "I cannot after all")
    for who in ("ana", "chi"):
        assert town.heard(who)[-1] == "Ring no. 1 / It is called off. Nothing is owed."
    assert "Ring no. 1 / It was called off." in town.sees()
    await town.whispers("eli", "/take 2")
    assert "Eli can help." in town.heard("ana")[-1]
    await town.skip("2d")
    assert not any("Ring no. 2" in one for who in ("ana", "ben", "chi") for one in town.heard(who)), "not again"


async def test_a_ring_may_have_four(town: Town) -> None:
    for who, offers, needs in (
        ("ana", "guitar lessons", "bike repair"),
        ("ben", "bike repair", "fresh bread"),
        ("chi", "fresh bread", "help in the garden"),
        ("eli", "help in the garden", "guitar lessons"),
    ):
        await town.says(who, f"/offer {offers}")
        await town.says(who, f"/need {needs}")
    await town.skip("1d")
    for who in ("ana", "ben", "chi", "eli"):
        assert "4 people, each helps another." in town.heard(who)[-1]
        await town.presses(who, "Yes")
    for who in ("eli", "chi", "ben", "ana"):
        assert await state(town) != "done"
        await town.presses(who, "I have got it")
    assert await state(town) == "done"


async def test_nobody_is_in_two_open_proposals_of_rings(town: Town) -> None:
    await ring(town)
    for who, offers, needs in (
        ("ana", "childcare", "help in the garden"),
        ("ben", "help in the garden", "somebody for my computer"),
        ("chi", "computer help", "childcare"),
    ):
        await town.says(who, f"/offer {offers}")
        await town.says(who, f"/need {needs}")
    await town.skip("1d")
    assert not any("Ring no. 2" in one for one in town.heard("ana"))
    await town.presses("ana", "No")
    await town.skip("1d")
    assert any("Ring no. 2" in one and "You for Chi: childcare" in one for one in town.heard("ana"))


async def test_what_went_off_the_board_meanwhile_is_in_no_ring(town: Town) -> None:
    await ring(town)
    for who in ("ana", "ben"):
        await town.presses(who, "Yes")
    await town.says("ben", "/close 4")
    await town.presses("chi", "Yes")
    assert "Something of this ring is not on the board any more" in town.heard("chi")[-1]
    assert await state(town) == "lapsed"


async def test_whoever_wants_no_reminders_is_asked_for_no_ring(town: Town) -> None:
    await town.whispers("ben", "/quiet 2w")
    await ring(town)
    assert not any("ring" in one.casefold() for who in ("ana", "ben", "chi") for one in town.heard(who))


# --- looking, leaving, forgetting ------------------------------------------------------------------------------------


async def test_what_waits_and_what_is_open_is_in_todo_and_in_ones_own_list(town: Town) -> None:
    await town.whispers("ana", "/barter @ben bread for a haircut")
    assert "You for Ana: a haircut; Ana for you: bread" in await town.whispers("ben", "/todo")
    assert "haircut" not in await town.whispers("ana", "/todo"), "it waits for Ben"
    assert "It waits for a yes." in await town.whispers("ana", "/barters")
    await town.presses("ben", "Yes")
    await town.whispers("ben", "/got 1")
    assert "You for Ana: a haircut" in await town.whispers("ben", "/todo")
    assert "Half of it is done." in await town.whispers("ana", "/barters")
    assert "You have no barter that is not done yet." in await town.whispers("chi", "/barters")


async def test_the_log_tells_a_barter_to_the_two_alone(town: Town) -> None:
    await agreed(town)
    assert "Ana and Ben have agreed on barter no. 1." in await town.whispers("ben", "/log")
    said = await town.whispers("chi", "/log")
    assert "two members have agreed on a barter." in said
    assert "bread" not in said


async def test_whoever_leaves_breaks_off_what_is_open_and_the_other_hears_it(town: Town) -> None:
    await town.whispers("ana", "/barter @chi bread for a song")
    await town.presses("chi", "Yes")
    await town.whispers("chi", "/got 1")
    await town.says("chi", "/leave")
    await town.skip("1m")
    assert await state(town) == "broken"
    assert "It came apart: somebody is not here any more." in town.heard("ana")[-1]


async def test_whoever_is_forgotten_leaves_no_words_in_barters(town: Town) -> None:
    await town.whispers("ana", "/barter @chi bread for a song")
    await town.presses("chi", "Yes")
    await town.whispers("chi", "/got 1")
    await town.whispers("ana", "/got 1")
    assert await words_kept(town) == ["bread", "a song"]
    assert '"your_answer": "yes"' in await handed_out(town, "chi")
    await town.whispers("chi", "/forget me")
    await town.presses("chi", "Yes, forget me for good")
    assert await words_kept(town) == []


async def handed_out(town: Town, who: str) -> str:
    """All that is kept about somebody."""
    from storage import privacy

    async def ask(tx: Reader) -> str:
        member = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
        assert member is not None
        now = town.practice.clock()
        return (await privacy.hand_out(tx, member.person_id, now=now, characters_max=100_000)).text

    return await town.practice.app.database.read(ask)


async def test_what_is_handed_out_of_a_ring_does_not_tell_who_said_no(town: Town) -> None:
    await ring(town)
    await town.presses("ana", "No")
    assert '"no"' in await handed_out(town, "ana")
    for who in ("ben", "chi"):
        assert '"no"' not in await handed_out(town, who)


async def test_two_memberships_that_become_one_keep_their_barters_but_none_with_themselves(town: Town) -> None:
    await town.whispers("chi", "/barter @ben bread for a haircut")
    await town.whispers("chi", "/barter @eli bread for a song")
    await town.presses("ben", "Yes")

    async def join(tx: Transaction) -> list[tuple[str, bool]]:
        ids = {}
        for who in ("chi", "eli"):
            found = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
            assert found is not None
            ids[who] = found.id
        await barter.join(tx, ids["chi"], ids["eli"])
        found_ = [await barter.numbered(tx, 1, number) for number in (1, 2)]
        return [(one.state, ids["chi"] in {p.giver_id for p in one.promises}) for one in found_ if one is not None]

    assert await town.practice.app.database.transact(join) == [("agreed", False), ("broken", True)]


async def test_somebody_without_an_account_barters_through_whoever_speaks_for_them(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.whispers("ana", "/barter Rosa bread for a song")
    assert "For Rosa: / Ana proposes a barter: / You for Ana: a song" in town.heard("chi")[-1]
    await town.presses("chi", "Yes")
    assert await state(town) == "agreed"
    assert "You speak for one of the two yourself" in await town.whispers("chi", "/barter Rosa bread for a song")


async def test_of_a_barter_with_somebody_who_cannot_be_reached_the_group_hears_no_word(town: Town) -> None:
    await town.says("dan", "/join")
    await town.whispers("ana", "/barter @dan bread for a song")
    assert town.sees()[-1] == "Dan, somebody proposes a barter to you."
    assert not any("bread" in one or "song" in one for one in town.sees())
