"""Roles with terms, the rotation of organizers, recalls, and organizers who are not seen any more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.chat import Press, Saying
from bot.text import Refusal
from storage import due, people
from storage.database import Reader, Transaction
from tests.conftest import Town


async def decide(town: Town, line: str) -> str:
    """Ana proposes and Ben agrees."""
    await town.says("ana", line)
    return await town.presses("ben", "Agree")


async def organizers(town: Town) -> list[str]:
    """Who organizes, by name."""

    async def ask(tx: Reader) -> list[str]:
        return [member.name for member in await people.organizers(tx, 1)]

    return await town.practice.app.database.read(ask)


async def role_entries(town: Town) -> list[dict[str, Any]]:
    """What the chain says of roles."""

    async def ask(tx: Reader) -> list[dict[str, Any]]:
        rows = await tx.all("SELECT body FROM entries WHERE kind = 'role' ORDER BY number LIMIT 100")
        return [json.loads(body) for (body,) in rows]

    return await town.practice.app.database.read(ask)


# --- roles with terms --------------------------------------------------------------------------------------------


async def test_the_committee_gives_a_role_for_a_time_and_everybody_sees_it(town: Town) -> None:
    card = await town.says("ana", "/role care @eli 3 months")
    assert card.startswith("Proposal 1 by Ana: Eli gets the role “care” for 3 months.")
    assert await town.presses("ben", "Agree") == "Eli has the role “care” now, until Apr 5, 2026."
    shown = await town.says("chi", "/roles")
    assert "organizer: Ana and Ben" in shown
    assert "care: Eli (until Apr 5, 2026)" in shown


async def test_nobody_gives_a_role_alone(town: Town) -> None:
    await town.says("chi", "/role care @chi")
    await town.says("ana", "/role treasurer @ana 1 year")
    assert "Chi" not in await town.says("eli", "/roles")
    assert await town.presses("chi", "Agree") == "This is for the organizers to agree to. Talk to one of them."


async def test_a_role_is_written_in_any_order_and_any_language(town: Town) -> None:
    assert "Eli has the role “treasurer” now" in await decide(town, "/role @eli Kasse")
    assert "Chi has the role “care” now" in await decide(town, "/role cuidados 2w Chi")
    assert "Eli has the role “seed keeper” now." in await decide(town, '/role "Seed Keeper" Eli')


async def test_what_is_no_role_is_refused_with_an_example(town: Town) -> None:
    assert "at most 30 letters" in await town.says("ana", f"/role {'x' * 31} @eli")
    assert "/role care @eli 3 months" in await town.says("ana", "/role founder @eli")
    assert "three years at most" in await town.says("ana", "/role care @eli 9 years")
    assert "/organizer @eli" in await town.says("ana", "/role Organizer @eli")
    assert "/organizer @eli" in await town.says("ana", "/role “equipo organizador” @eli")
    assert await organizers(town) == ["Ana", "Ben"]


async def test_the_committee_ends_a_role_and_a_member_puts_one_down(town: Town) -> None:
    await decide(town, "/role care @eli")
    await decide(town, "/role care @chi")
    assert await decide(town, "/role end care @eli") == "Eli does not have the role “care” any more. Thank you!"
    assert await town.says("ana", "/role end care @eli") == "Eli does not have that role."
    assert await town.says("chi", "/stepdown care") == "Chi does not have the role “care” any more. Thank you!"
    assert await town.says("chi", "/stepdown care") == "You do not have that role. /roles shows who has which."
    assert await town.says("chi", "/stepdown") == "You are not an organizer."
    assert "care" not in (await town.says("chi", "/roles")).split("To give")[0]


async def test_a_role_given_again_has_a_new_term(town: Town) -> None:
    await decide(town, "/role care @eli 1 month")
    assert await town.says("ana", "/role care @eli") == "Eli has that role already."
    await decide(town, "/role care @eli 3 months")
    await town.skip("40d")
    assert "care: Eli (until Apr 5, 2026)" in await town.says("chi", "/roles")


async def test_whoever_has_a_role_is_reminded_before_its_end_and_then_it_ends(town: Town) -> None:
    await decide(town, "/role care @eli 3 weeks")
    await town.skip("8d")
    assert (
        town.heard("eli")[-1]
        == "Riverside: your time with the role “care” ends on Jan 26, 2026. Thank you for doing it!"
    )
    reminded = len(town.heard("eli"))
    await town.skip("11d")
    assert len(town.heard("eli")) == reminded + 1
    await town.skip("2d")
    assert town.sees()[-1] == "Eli's time with the role “care” is over. Thank you!"
    assert "Eli" not in await town.says("chi", "/roles")


async def test_the_books_hold_the_role_but_not_the_committees_own_words(town: Town) -> None:
    await decide(town, "/role care @eli 3 months")
    await decide(town, '/role "bread baker" @chi')
    given = (await role_entries(town))[-2:]
    assert [(entry["role"], entry["held"]) for entry in given] == [("care", True), ("other", True)]
    assert "bread" not in json.dumps(given)


# --- organizers with a term --------------------------------------------------------------------------------------


async def test_organizers_have_a_term_from_when_the_committee_wants_it(town: Town) -> None:
    said = await decide(town, "/term 6 months")
    assert said == "Organizing is for 6 months at a time now. For those who organize today it ends on Jul 5, 2026."
    assert "organizer: Ana (until Jul 5, 2026) and Ben (until Jul 5, 2026)" in await town.says("chi", "/roles")
    assert await town.says("ana", "/term 6 months") == "That is how it is already."
    assert await decide(town, "/term off") == "Organizers have no term now."
    assert "organizer: Ana and Ben" in await town.says("chi", "/roles")
    await town.skip("200d")
    assert await organizers(town) == ["Ana", "Ben"]


async def test_a_new_organizer_begins_a_term(town: Town) -> None:
    await decide(town, "/term 6 months")
    await town.skip("10d")
    assert await decide(town, "/organizer @chi") == (
        "Chi is an organizer now, until Jul 15, 2026. Organizers: Ana, Ben, and Chi."
    )


async def test_nobody_is_left_without_an_organizer_from_one_day_to_the_next(town: Town) -> None:
    await decide(town, "/term 1 month")
    for who in ("chi", "eli"):
        await town.whispers(who, "/organizing no")
    await town.skip("29d")
    assert town.sees().count("Organizing until Feb 5, 2026: Ana and Ben. After that it is somebody else's turn.") == 2
    await town.skip("2d")
    assert await organizers(town) == ["Ben"], "one goes on"
    assert "It goes on until there is somebody else, until Feb 19, 2026 at most" in town.sees()[-1]
    await town.skip("13d")
    assert await organizers(town) == ["Ben"]
    await town.skip("1d")
    assert await organizers(town) == []
    assert "There is no organizer now." in town.sees()[-1]
    # Then the majority appoints.
    await town.says("chi", "/organizer @eli")
    await town.presses("ana", "Agree")
    await town.presses("ben", "Agree")
    assert await organizers(town) == ["Eli"]


async def test_whoever_only_went_on_stops_when_there_is_somebody_else(town: Town) -> None:
    await decide(town, "/term 1 month")
    await town.says("ana", "/stepdown")
    await town.skip("32d")
    assert await organizers(town) == ["Ben"]
    await town.says("ben", "/organizer @chi")
    await town.presses("ana", "Agree")
    await town.presses("eli", "Agree")
    assert await organizers(town) == ["Chi"]


async def test_towards_its_end_a_term_may_begin_again(town: Town) -> None:
    await decide(town, "/term 1 month")
    assert await town.says("ana", "/organizer @ben") == "Ben is an organizer already."
    await town.skip("20d")
    said = await decide(town, "/organizer @ben")
    assert said == "Ben is an organizer now, until Feb 25, 2026. Organizers: Ana and Ben."
    await town.skip("15d")
    assert await organizers(town) == ["Ben"]


async def test_what_was_planned_and_is_missing_is_planned_again(town: Town) -> None:
    await decide(town, "/role care @eli 2 months")

    async def lose(tx: Transaction) -> None:
        for row in await due.fallen(tx, now=town.practice.clock().replace(year=2030)):
            if row.key.startswith("role:"):
                await due.cancel(tx, row.key)

    await town.practice.app.database.transact(lose)
    await town.skip("65d")
    assert "Eli's time with the role “care” is over. Thank you!" in town.sees()


# --- the rotation ------------------------------------------------------------------------------------------------


async def test_the_next_one_is_asked_in_private_and_then_proposed(town: Town) -> None:
    await town.says("ana", "/rotate")
    assert town.heard("chi")[-1] == (
        "Riverside looks for an organizer, and it is your turn. / You have never organized yet. / "
        "It is a task, not a rank, and you are free to say no."
    )
    assert not any("Chi" in line for line in town.sees()), "nobody else hears whom it is"
    await town.presses("chi", "I'll do it")
    assert "Chi would organize, for the first time." in town.sees()
    assert any("Chi becomes an organizer. / 2 more organizers must agree" in line for line in town.sees())
    await town.presses("ana", "Agree")
    await town.presses("ben", "Agree")
    assert await organizers(town) == ["Ana", "Ben", "Chi"]


async def test_who_says_no_or_nothing_is_followed_by_the_next(town: Town) -> None:
    await town.says("ana", "/rotate")
    await town.presses("chi", "Not me this time")
    assert "Thank you for saying so." in town.heard("chi")[-1]
    assert "it is your turn" in town.heard("eli")[-1]
    assert await town.says("ben", "/rotate") == "I am asking already. Whoever is asked has three days to answer."
    await town.skip("3d")
    assert "I have asked everybody I could." in town.sees()[-1]
    await town.presses("eli", "I'll do it")
    assert town.heard("eli")[-1] == "Thank you! Somebody else has been asked meanwhile."


async def test_a_late_yes_does_not_push_out_whoever_is_asked_now(town: Town) -> None:
    await town.says("ana", "/rotate")
    await town.skip("3d")
    assert any("it is your turn" in line for line in town.heard("eli"))
    await town.presses("chi", "I'll do it")
    assert town.heard("chi")[-1] == "Thank you! Somebody else has been asked meanwhile."
    await town.presses("eli", "I'll do it")
    assert "Eli would organize, for the first time." in town.sees()
    assert not any("Chi would organize" in line for line in town.sees())


async def test_whoever_does_not_want_to_organize_is_not_asked(town: Town) -> None:
    assert "I do not ask you" in await town.whispers("chi", "/organizing no")
    await town.says("ana", "/rotate")
    assert "it is your turn" in town.heard("eli")[-1]
    assert "I do not ask you" in await town.whispers("eli", "/organizing no")
    assert "I have asked everybody I could." in town.sees()[-1]
    assert await town.says("ana", "/rotate") == "There is nobody whom I could ask."
    assert await town.whispers("chi", "/organizing yes") == "Thank you! I ask you when it is your turn."
    await town.says("ana", "/rotate")
    assert "it is your turn" in town.heard("chi")[-1]


async def test_the_one_who_did_it_longest_ago_comes_after_those_who_never_did(town: Town) -> None:
    await decide(town, "/organizer @chi")
    await town.says("chi", "/stepdown")
    await town.says("ben", "/rotate")
    assert "You have never organized yet." in town.heard("eli")[-1]
    await town.presses("eli", "Not me this time")
    assert "Of those who can, you did it longest ago." in town.heard("chi")[-1]


async def test_somebody_who_steps_down_is_followed(town: Town) -> None:
    await town.says("ben", "/stepdown")
    assert "it is your turn" in town.heard("chi")[-1]
    await town.presses("chi", "I'll do it")
    await town.presses("ana", "Agree")
    assert await organizers(town) == ["Ana", "Chi"]


async def test_somebody_who_leaves_in_the_middle_of_a_term_is_followed(town: Town) -> None:
    await decide(town, "/term 6 months")
    await town.says("ben", "/leave")
    await town.skip("1m")
    assert "it is your turn" in town.heard("chi")[-1]
    await town.presses("chi", "I'll do it")
    await town.presses("ana", "Agree")
    assert await organizers(town) == ["Ana", "Chi"]


async def test_where_there_are_enough_organizers_nobody_is_asked_when_one_leaves(town: Town) -> None:
    await decide(town, "/organizer @chi")
    await town.says("ben", "/leave")
    await town.skip("1m")
    assert not any("it is your turn" in line for line in town.heard("eli"))


async def test_a_rotation_begins_two_weeks_before_a_term_ends(town: Town) -> None:
    await decide(town, "/term 1 month")
    await town.skip("16d")
    assert not any("it is your turn" in line for line in town.heard("chi"))
    await town.skip("1d")
    assert "it is your turn" in town.heard("chi")[-1]
    # Two end: when one is found, the next is looked for.
    await town.presses("chi", "I'll do it")
    assert "it is your turn" in town.heard("eli")[-1]


async def test_only_whoever_is_asked_answers(town: Town) -> None:
    await town.says("ana", "/rotate")
    assert await town.says("chi", "/rotate") == (
        "There are enough organizers. One of them may start this, when somebody wants to stop."
    )
    console = town.practice.console
    token = next(
        key.token for posted in console.posted.values() for row in posted.keys for key in row if "do it" in key.label
    )
    await town.practice.app.dispatcher.handle(
        Press(
            event="taken",
            at=town.practice.clock(),
            chat=town.group(),
            sender=console.somebody("eli").sender,
            token=token,
            message=None,
        )
    )
    await town.practice.settle()
    assert "Eli would organize" not in " ".join(town.sees())
    await town.presses("chi", "I'll do it")
    assert await organizers(town) == ["Ana", "Ben"], "asked is not appointed"


# --- recall ------------------------------------------------------------------------------------------------------


async def test_a_majority_takes_the_task_back(town: Town) -> None:
    card = await town.says("chi", "/recall @ben")
    assert "Ben stops being an organizer. / Agreed: Chi. / 2 more members must agree" in card
    await town.presses("eli", "Agree")
    assert await organizers(town) == ["Ana", "Ben"]
    await town.presses("ana", "Agree")
    assert await organizers(town) == ["Ana"]
    assert town.sees()[-1].startswith("The members have decided: Ben is not an organizer any more.")
    assert (await role_entries(town))[-1]["held"] is False


async def test_even_whoever_set_it_up_can_be_recalled_and_appoints_nobody_then(town: Town) -> None:
    await town.says("chi", "/recall @ana")
    await town.presses("eli", "Agree")
    await town.presses("ben", "Agree")
    assert await organizers(town) == ["Ben"]
    assert "2 more members must agree" in await town.says("ana", "/organizer @ana")


async def test_two_organizers_cannot_recall_a_third(town: Town) -> None:
    await decide(town, "/organizer @chi")
    await town.says("ana", "/recall @chi")
    await town.presses("ben", "Agree")
    assert "Chi" in await organizers(town)
    assert await town.says("eli", "/recall @eli") == "Eli is not an organizer."


# --- those who are not seen any more -----------------------------------------------------------------------------


async def keep(town: Town, days: int, *who: str) -> None:
    """Days pass on which these people look at something now and then."""
    for _ in range(days // 5):
        for one in who:
            await town.whispers(one, "/balance")
        await town.skip("5d")


async def test_an_organizer_who_was_not_seen_is_asked_and_then_replaced_by_the_majority(town: Town) -> None:
    await keep(town, 35, "ana", "chi", "eli")
    assert town.heard("ben")[-1].startswith("Ben, are you still with us?")
    assert not any("Ben" in line for line in town.sees())
    await town.says("ana", "/limit 3h")
    assert "1 more organizer must agree" in town.sees()[-1]
    await keep(town, 10, "ana", "chi", "eli")
    gone = next(line for line in town.sees() if line.startswith("Ben has not been here for a long time"))
    assert "a majority decides within 24 hours" in gone
    assert "Ben (not seen for a while)" in await town.says("chi", "/roles")
    # The founder does not appoint alone now, and rules wait.
    assert "2 more members must agree" in await town.says("ana", "/organizer @chi")
    assert await town.says("ana", "/limit off") == (
        "Two organizers must agree to this, and there are fewer now. Appoint one first: /organizer @name"
    )
    await town.says("eli", "/agree 2")
    assert "Chi is an organizer now." in await town.says("chi", "/agree 2")


async def test_whoever_answers_is_there(town: Town) -> None:
    await keep(town, 35, "ana", "chi", "eli")
    await town.presses("ben", "I'm here")
    assert town.heard("ben")[-1] == "Good to hear from you!"
    await keep(town, 20, "ana", "chi", "eli")
    assert not any("Ben has not been here" in line for line in town.sees())


async def test_whoever_comes_back_counts_again_at_once(town: Town) -> None:
    await keep(town, 45, "ana", "chi", "eli")
    assert (await role_entries(town))[-1] == {"member": 2, "role": "organizer", "vanished": True}
    await town.says("ana", "/organizer @chi")
    assert "1 more organizer must agree" in await town.says("ben", "/organizer @eli")
    await keep(town, 5, "ana")
    assert "Ben is back, and counts as an organizer again." in town.sees()
    assert (await role_entries(town))[-1]["vanished"] is False


async def test_the_committee_says_how_long_somebody_may_be_away(town: Town) -> None:
    assert "From 14 days to 365, please." in await town.says("ana", "/vanished 3d")
    assert await decide(town, "/vanished 60d") == "I ask organizers after 60 days without a word."
    await keep(town, 55, "ana")
    assert not any("still with us" in line for line in town.heard("ben"))
    await keep(town, 10, "ana")
    assert any("still with us" in line for line in town.heard("ben"))


async def test_only_the_day_is_kept_and_only_for_whoever_says_something(town: Town) -> None:
    async def days(tx: Reader) -> list[tuple[Any, ...]]:
        return await tx.all("SELECT name, seen_on FROM members ORDER BY id LIMIT 10")

    await town.skip("1d")
    await town.says("ana", "good morning")
    await town.says("ben", "/balance")
    assert await town.practice.app.database.read(days) == [
        ("Ana", "2026-01-05"),
        ("Ben", "2026-01-06"),
        ("Chi", "2026-01-05"),
        ("Eli", "2026-01-05"),
    ]


# --- in the middle of a vote -------------------------------------------------------------------------------------


async def test_the_last_organizers_leave_in_the_middle_of_a_vote_and_nothing_is_lost(town: Town) -> None:
    await town.says("chi", "/limit 3h")
    await town.presses("ana", "Agree")
    await town.says("ana", "/leave")
    await town.says("ben", "/leave")
    card = next(line for line in reversed(town.sees()) if line.startswith("Proposal 1"))
    assert "This waits. / Two organizers must agree to this, and there are fewer now." in card
    assert await town.says("chi", "/agree 1") == (
        "Two organizers must agree to this, and there are fewer now. Appoint one first: /organizer @name\n"
        "Proposal 1 waits until then."
    ).replace("\n", " / ")
    await town.skip("20d")
    await town.says("chi", "/organizer @eli")
    await town.presses("eli", "Agree")
    await town.says("eli", "/organizer @chi")
    await town.presses("chi", "Agree")
    assert await organizers(town) == ["Eli", "Chi"]
    assert "2 more organizers must agree" in next(
        line for line in reversed(town.sees()) if line.startswith("Proposal 1")
    )
    await town.says("chi", "/agree 1")
    assert await town.says("eli", "/agree 1") == "The lowest balance is -3 h now."


async def test_an_appointment_goes_on_under_the_rule_of_the_moment(town: Town) -> None:
    await town.says("ana", "/organizer @chi")
    await town.says("ana", "/stepdown")
    await town.says("ben", "/stepdown")
    # It was for two organizers; now it is for the majority, and Ana's word still counts as one of four.
    card = next(line for line in reversed(town.sees()) if line.startswith("Proposal 1"))
    assert "Agreed: Ana. / 2 more members must agree" in card
    await town.says("eli", "/agree 1")
    assert "Chi is an organizer now." in await town.says("chi", "/agree 1")


async def test_enough_have_agreed_when_others_leave(town: Town) -> None:
    await town.says("dan", "/join")
    await town.says("chi", "/recall @ben")
    await town.presses("ana", "Agree")
    await town.says("eli", "/leave")
    await town.says("dan", "/leave")
    # Two of three are a majority now; nobody need propose it again.
    assert "Enough people have agreed now." in next(
        line for line in reversed(town.sees()) if line.startswith("Proposal 1")
    )
    await town.says("chi", "/agree 1")
    assert await organizers(town) == ["Ana"]


async def test_a_vote_of_somebody_who_left_does_not_count(town: Town) -> None:
    await town.says("ana", "/limit 3h")
    await town.says("ana", "/leave")
    assert "there are fewer now" in await town.says("ben", "/agree 1")
    await town.says("ben", "/organizer @chi")
    await town.presses("chi", "Agree")
    await town.presses("eli", "Agree")
    await town.says("chi", "/agree 1")
    assert "Agreed: Ana and Chi. / 1 more organizer must agree" in next(
        line for line in reversed(town.sees()) if line.startswith("Proposal 1")
    )
    assert await town.says("ben", "/agree 1") == "The lowest balance is -3 h now."


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "founder", "who": 3},
        {"name": "Organizer", "who": 3},
        {"name": "care", "who": 3, "term": {"count": 0, "unit": "months"}},
        {"name": "care", "who": 3, "term": {"count": 2, "unit": "hours"}},
        {"name": "x" * 31, "who": 3},
    ],
)
async def test_no_button_carries_a_role_that_cannot_be_typed(town: Town, arguments: dict[str, Any]) -> None:
    async def load(tx: Transaction) -> None:
        says = Saying(command="role", arguments=arguments)
        with pytest.raises(Refusal):
            await town.practice.app.commands.load(says, tx, await people.committee(tx, 1))

    await town.practice.app.database.transact(load)
