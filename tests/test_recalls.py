"""Recalls: signatures for all to see, a poll that opens by itself, and the end of a role."""

from storage import rules
from storage.database import Transaction
from tests.conftest import Town


async def polls_decide(town: Town) -> None:
    async def put(tx: Transaction) -> None:
        await rules.put(tx, 1, "decided_by", "poll")

    await town.practice.app.database.transact(put)


def _card(town: Town, title: str) -> str:
    return next(words for words in reversed(town.sees()) if words.startswith(title))


async def test_with_enough_names_a_poll_opens_by_itself_and_ends_the_role(town: Town) -> None:
    await polls_decide(town)
    assert "Signed: Chi. / 1 of 2 names" in (await town.says("chi", "/recall @ben"))
    assert await town.presses("chi", "Sign") == "You have signed already."
    assert await town.presses("ben", "Sign") == "This is about you, so the others sign."
    assert await town.presses("eli", "Sign") == "With your name enough have signed: now all vote."
    assert "poll 1 decides" in _card(town, "Recall of Ben")
    assert "3 may vote" in _card(town, "Recall 1"), "the person whom it is about has no vote in it"
    assert "You are not on the roll" in await town.presses("ben", "No, go on")
    await town.presses("ana", "Yes, end it")
    await town.presses("chi", "Yes, end it")
    assert any("The members have decided: Ben is not an organizer any more." in words for words in town.sees())
    log = await town.whispers("ana", "/log")
    assert "2 members have signed for recalling Ben: poll 1 decides." in log
    assert "Poll 1 decided: Ben stops being an organizer." in log


async def test_whoever_is_not_recalled_goes_on(town: Town) -> None:
    await polls_decide(town)
    await town.says("chi", "/recall @ben")
    await town.presses("eli", "Sign")
    await town.presses("ana", "No, go on")
    await town.presses("eli", "No, go on")
    assert any("So it has not passed." in words for words in town.sees())
    assert "Ana and Ben" in await town.says("chi", "/roles")


async def test_a_name_can_be_taken_off_and_without_names_nothing_is_left(town: Town) -> None:
    await polls_decide(town)
    await town.says("chi", "/recall @ben")
    assert await town.presses("eli", "Take my name off") == "You have not signed."
    assert await town.presses("chi", "Take my name off") == "Your name is off."
    assert "nothing came of it" in _card(town, "Recall of Ben")


async def test_names_are_gathered_for_a_month(town: Town) -> None:
    await polls_decide(town)
    await town.says("chi", "/recall @ben")
    await town.skip("31d")
    assert "nothing came of it" in _card(town, "Recall of Ben")


async def test_any_role_can_be_recalled_and_one_that_has_ended_cannot(town: Town) -> None:
    await polls_decide(town)
    await town.says("ana", "/role treasurer @eli")
    await town.presses("ana", "Yes")
    await town.presses("ben", "Yes")
    await town.presses("chi", "Yes")
    assert "For another role: /recall @eli treasurer" in await town.says("chi", "/recall @eli")
    await town.says("chi", "/recall @eli treasurer")
    assert "Recall of Eli from the role “treasurer”" in _card(town, "Recall of Eli")
    assert "/stepdown treasurer" in await town.whispers("eli", "/recall @eli treasurer")
    await town.says("eli", "/stepdown treasurer")
    assert await town.presses("ana", "Sign") == "That recall is not open any more."
    assert "does not have that role" in await town.says("chi", "/recall @eli treasurer")


async def test_a_committee_says_how_many_must_sign(town: Town) -> None:
    await polls_decide(town)
    assert "at most half" in await town.says("ana", "/recall_signatures 2/3")
    await town.says("ana", "/recall_signatures 1/2")
    await town.presses("ben", "Yes")
    await town.presses("chi", "Yes")
    assert "once 1/2 of all have signed" in await town.whispers("eli", "/log")
    await town.says("chi", "/recall @ben")
    assert "1 of 2 names" in _card(town, "Recall of Ben")


async def test_with_five_others_votes_about_a_person_are_hidden(town: Town) -> None:
    await polls_decide(town)
    for who in ("dan", "fay"):
        await town.says(who, "/join")
    await town.skip("60d")
    await town.says("chi", "/recall @ben")
    await town.presses("eli", "Sign")
    assert "Hidden from members" in _card(town, "Recall 1")


async def test_where_two_organizers_decide_a_majority_of_all_recalls_as_before(town: Town) -> None:
    async def put(tx: Transaction) -> None:
        await rules.put(tx, 1, "decided_by", "organizers")

    await town.practice.app.database.transact(put)
    assert "Ben stops being an organizer." in await town.says("chi", "/recall @ben")
    await town.presses("eli", "Agree")
    await town.presses("ana", "Agree")
    assert any("Ben is not an organizer any more" in words for words in town.sees())
