"""A committee's beginning, its members and its rules."""

from __future__ import annotations

from pathlib import Path

from bot.practice import SCRIPT_START, FixedClock, Practice
from tests.conftest import Town


async def test_a_group_becomes_a_committee(practice_folder: Path) -> None:
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        practice_folder,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
        empty=True,
    )
    town = Town(practice, transcript)
    assert await town.says("chi", "/thank @ana 1h") == (
        "There is no committee here yet. Whoever manages this group types /setup."
    )
    assert await town.says("chi", "/join") == "There is no committee here yet. Whoever manages this group types /setup."
    assert await town.says("chi", "/setup") == (
        "Only somebody who manages this group can set it up. Ask one of them to type /setup."
    )
    assert (await town.says("ana", "/setup")).startswith("Riverside is set up. Ana is its first organizer.")
    assert await town.presses("chi", "I'm in") == "Welcome to Riverside, Chi. /menu shows what you can do."
    assert await town.says("ana", "/setup") == "This group is a committee already: Riverside. Type /join."
    assert (await town.says("ana", "/limit 3h")).startswith("Two organizers must agree to this")
    assert await town.says("ana", "/organizer @chi") == "Chi is an organizer now. Organizers: Ana and Chi."
    await practice.close()


async def test_only_members_do_things(town: Town) -> None:
    assert await town.says("dan", "/thank @ben 1h") == (
        "Only members of Riverside can do that. Type /join in the group to become one."
    )
    assert await town.whispers("dan", "/balance") == (
        "You are not in a committee. Type /join in your group, or add me to a group and type /setup there."
    )
    assert await town.says("dan", "/join") == "Welcome to Riverside, Dan. /menu shows what you can do."
    assert await town.says("dan", "/join") == "You are in Riverside already."
    assert await town.says("dan", "/thank @ben 1h") == "Ben helped Dan: 1 h. (No. 1)"


async def test_who_leaves_finds_the_hours_again_on_coming_back(town: Town) -> None:
    await town.says("ana", "/thank @chi 2h")
    assert await town.says("chi", "/leave") == "Chi has left Riverside."
    assert (await town.says("ana", "/thank @chi 1h")).startswith("Nobody in Riverside is called @chi.")
    assert (await town.whispers("chi", "/balance")).startswith("You are not in a committee.")
    await town.says("chi", "/join")
    assert await town.whispers("chi", "/balance") == "You have 2 h."


async def test_who_leaves_the_group_leaves_the_committee(town: Town) -> None:
    await town.practice.console.depart("chi", town.practice.group)
    assert (await town.whispers("chi", "/balance")).startswith("You are not in a committee.")


async def test_rules_change_when_two_organizers_agree(town: Town) -> None:
    card = await town.says("ana", "/limit 20h")
    assert card.startswith("Proposal 1 by Ana: The lowest balance becomes -20 h. / Agreed: Ana.")
    assert await town.presses("chi", "Agree") == "This is for the organizers to agree to. Talk to one of them."
    assert await town.presses("ana", "Agree") == "You have agreed already. Somebody else has to agree too."
    assert "The lowest balance is -20 h now." in await town.presses("ben", "Agree")
    assert await town.says("ana", "/thank @ben 20h") == "Ben helped Ana: 20 h. (No. 1)"


async def test_a_member_may_propose_and_two_organizers_decide(town: Town) -> None:
    assert (await town.says("chi", "/timezone Madrid")).startswith("Proposal 1 by Chi: The time zone becomes Europe/")
    assert await town.presses("ana", "Agree") == "Thank you, noted."
    assert "The time zone is Europe/Madrid now." in await town.says("ben", "/agree 1")


async def test_saying_the_same_again_is_agreeing(town: Town) -> None:
    await town.says("ana", "/limit off")
    assert "There is no lowest balance now." in await town.says("ben", "/limit off")


async def test_a_proposal_lapses(town: Town) -> None:
    await town.says("ana", "/rename Hillside")
    await town.skip("8d")
    assert town.sees()[-1].startswith("Proposal 1 by Ana: The committee's name becomes Hillside.")
    assert "Lapsed" in town.sees()[-1]
    assert await town.says("ben", "/agree 1") == "Proposal 1 is not open any more."


async def test_only_the_proposer_withdraws(town: Town) -> None:
    await town.says("ana", "/rename Hillside")
    assert await town.says("ben", "/withdraw 1") == "Only whoever proposed it can withdraw it."
    assert "Withdrawn: proposal 1." in await town.says("ana", "/withdraw 1")
    assert await town.says("ben", "/agree 1") == "Proposal 1 is not open any more."


async def test_what_cannot_be_done_is_said_before_anybody_agrees(town: Town) -> None:
    assert await town.says("ana", "/organizer @ben") == "Ben is an organizer already."
    assert await town.says("ana", "/limit 12h") == "That is how it is already."


async def test_a_third_organizer_takes_two(town: Town) -> None:
    assert (await town.says("ana", "/organizer @chi")).startswith("Proposal 1 by Ana: Chi becomes an organizer.")
    assert "Organizers: Ana, Ben, and Chi." in await town.presses("ben", "Agree")


async def test_without_organizers_a_majority_appoints_within_a_day(town: Town) -> None:
    assert "Ben is the only organizer now" in await town.says("ana", "/stepdown")
    assert "There is no organizer now" in await town.says("ben", "/stepdown")
    assert (await town.says("chi", "/limit 3h")).startswith("Two organizers must agree to this")
    card = await town.says("chi", "/organizer @eli")
    assert "2 more members must agree, by Tue, Jan 6 18:00." in card
    assert await town.presses("eli", "Agree") == "Thank you, noted."
    assert "Eli is an organizer now. Organizers: Eli." in await town.presses("ben", "Agree")


async def test_an_appointment_that_too_few_support_lapses_after_a_day(town: Town) -> None:
    await town.says("ana", "/stepdown")
    await town.says("ben", "/stepdown")
    await town.says("chi", "/organizer @chi")
    await town.skip("1d")
    assert "Lapsed" in town.sees()[-1]


async def test_everybody_chooses_the_language_of_their_private_chat(town: Town) -> None:
    await town.whispers("ana", "/language Español")
    assert await town.whispers("ana", "/balance") == "Tienes 0 min."
    assert await town.whispers("ben", "/balance") == "You have 0 min."


async def test_the_group_changes_its_language_together(town: Town) -> None:
    assert "Proposal 1" in await town.says("ana", "/language de")
    await town.presses("ben", "Agree")
    assert (await town.says("dan", "/join")).startswith("Willkommen")


async def test_settings_are_for_everybody_to_read(town: Town) -> None:
    settings = await town.says("chi", "/settings")
    assert "Members: 4" in settings
    assert "Organizers: Ana and Ben" in settings
    assert "Lowest balance: -12 h" in settings


async def test_help_knows_the_role_and_the_chat(town: Town) -> None:
    assert await town.says("chi", "/help") == ""
    for_chi = town.heard("chi")[-1]
    assert "/thank" in for_chi
    assert "/setup" not in for_chi
    await town.presses("chi", "All commands")
    await town.presses("chi", "Committee")
    await town.presses("chi", "More")
    assert "/limit" in "".join(town.heard("chi"))
    assert "/thank" not in await town.whispers("dan", "/help")
    assert "For example: /thank @ben 1h30 fixed the bike" in await town.whispers("chi", "/help thank")


async def test_an_unknown_command_gets_the_nearest_one(town: Town) -> None:
    assert await town.says("ana", "/thnak @ben 1h") == (
        "I do not know /thnak. Did you mean /thank @ben 1h30 fixed the bike?"
    )
    assert await town.says("ana", "/weather tomorrow") == "", "it may be meant for another bot"
    assert await town.whispers("ana", "/weather") == "I do not know /weather. Type /menu to see what I can do."


async def test_the_bot_keeps_quiet_when_people_talk(town: Town) -> None:
    assert await town.says("ana", "who has a ladder / a drill?") == ""
    assert await town.says("ana", "see / or /usr/bin") == ""
    assert await town.whispers("ana", "hello") == "I did not understand that. Choose “Menu”, or type /menu."


async def test_buttons_do_it_without_a_command(town: Town) -> None:
    await town.says("chi", "/menu")
    await town.presses("chi", "More")
    await town.presses("chi", "Hours")
    assert await town.presses("chi", "My balance") == "You have 0 min."
    await town.presses("chi", "Back")
    for label in ("More", "More", "More", "More", "Statements"):
        await town.presses("chi", label)
    assert "There is nothing here yet." in await town.presses("chi", "My history")


async def test_an_old_button_says_that_it_is_old(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    await town.skip("365d")
    assert (await town.presses("ana", "Undo")).startswith("This choice is out of date.")


async def test_nobody_below_zero_can_be_the_rule(town: Town) -> None:
    await town.says("ana", "/limit 0h")
    assert "The lowest balance is 0 min now." in await town.presses("ben", "Agree")
    assert await town.says("chi", "/thank @ben 1m") == ""
    assert town.heard("chi")[-1].startswith("That would take you to -1 min, below the limit of 0 min")


async def test_a_founder_alone_appoints_only_the_second(town: Town) -> None:
    await town.says("ben", "/stepdown")
    # Ana, who set it up, is alone now: a member's proposal needs her consent only ...
    assert "1 more organizer must agree" in await town.says("chi", "/organizer @chi")
    assert "Eli is an organizer now." in await town.says("ana", "/organizer @eli")
    # ... but not any more when there are two again.
    assert await town.presses("ana", "Agree") == "Thank you, noted."
    assert "Agreed: Ana. / 1 more organizer must agree" in town.sees()[-1]
    assert "Chi is an organizer now." in await town.says("eli", "/agree 1")


async def test_what_people_in_several_committees_say_in_private_is_asked_back(town: Town) -> None:
    practice = town.practice
    hill = practice.console.group("Hillside")
    await practice.console.say("ana", "/setup", hill, manages_chat=True)
    await practice.console.say("dan", "/join", hill)
    await practice.settle()
    assert await town.whispers("ana", "/balance") == "For which committee?"
    await town.presses("ana", "Riverside")
    assert town.heard("ana")[-1] == "In Riverside: / You have 0 min."
    assert await town.whispers("ana", "/thank @dan 1h") == "For which committee?"
    await town.presses("ana", "Hillside")
    assert town.heard("ana")[-1] == "Dan helped Ana: 1 h. (No. 1) / You have -1 h now."
    assert await town.whispers("ana", "/thank @zoe 1h") == (
        "Nobody in Hillside is called @zoe. Ask them to type /join in the group."
    )
    assert await town.balance("ana") == 0, "the hours are Hillside's"


async def test_an_alarm_reaches_the_organizers_once_a_day(town: Town) -> None:
    for _ in range(3):
        await town.practice.app.dispatcher.alarm("console", "second_poller")
    await town.practice.settle()
    for who in ("ana", "ben"):
        assert len([words for words in town.heard(who) if words.startswith("Somebody else is reading")]) == 1
    assert town.heard("chi") == []
    await town.skip("1d")
    await town.practice.app.dispatcher.alarm("console", "second_poller")
    await town.practice.settle()
    assert len(town.heard("ana")) == 2


async def test_a_nickname_is_shown_and_found_and_belongs_to_one(town: Town) -> None:
    assert await town.says("ben", "/nickname Benny the Baker") == "Ben goes by Benny the Baker now."
    assert await town.says("ana", '/thank "benny the baker" 1h') == "Benny the Baker helped Ana: 1 h. (No. 1)"
    assert await town.says("chi", "/nickname ana") == "Somebody else here is called that. Choose another name."
    assert await town.says("chi", "/nickname 12") == "A name needs a letter and at most 30 characters."
    assert await town.says("ben", "/nickname off") == "You go by your own name again."
    assert await town.says("ana", "/thank @ben 1h") == "Ben helped Ana: 1 h. (No. 2)"


async def test_an_accent_is_found_however_it_was_typed(town: Town) -> None:
    await town.says("ben", "/nickname José")
    assert await town.says("ana", "/thank Jose\u0301 1h") == "José helped Ana: 1 h. (No. 1)"
