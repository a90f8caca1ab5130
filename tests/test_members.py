"""People without an account, households, children, and the list of everybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat import Document
from bot.router import Context
from bot.text import shown
from handlers import members
from storage import people, rules
from storage.database import Reader, Transaction
from tests.conftest import Riverside, Town


async def _ask(town: Town, question: str, *values: Any) -> list[tuple[Any, ...]]:
    async def ask(tx: Reader) -> list[tuple[Any, ...]]:
        return list(await tx.all(question, *values))

    return await town.practice.app.database.read(ask)


async def _balance(town: Town, name: str) -> int:
    found = await _ask(
        town, "SELECT a.balance FROM accounts a JOIN members m ON m.id = a.member_id WHERE m.name = ? LIMIT 2", name
    )
    assert len(found) == 1
    return int(found[0][0])


async def _rule(town: Town, name: str, value: object) -> None:
    async def put(tx: Transaction) -> None:
        await rules.put(tx, 1, name, value)

    await town.practice.app.database.transact(put)


async def _code(town: Town, who: str, name: str) -> str:
    return (await town.whispers(who, f"/code {name}")).partition("A code for ")[2].partition(": ")[2][:9]


# --- adding and speaking for somebody ---


async def test_i_add_my_neighbour_who_has_no_phone_and_speak_for_her(town: Town) -> None:
    assert (await town.says("chi", "/add Rosa")).startswith("Rosa is in Riverside now. Chi speaks for them.")
    assert await town.says("chi", "/for Rosa /thank @ben 1h30 fixed the lamp") == (
        "Ben helped Rosa: 1 h 30. (No. 1) Recorded by Chi."
    )
    assert town.heard("ben")[-1] == "Rosa thanked you with 1 h 30: fixed the lamp / Chi recorded it."
    assert await town.whispers("chi", "/for rosa /balance") == "For Rosa: / You have -1 h 30. / The limit is -12 h."
    assert await _balance(town, "Rosa") == -90


async def test_her_balance_goes_to_the_helper_only_in_private(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("chi", "/for Rosa /thank @ben 5h")
    assert await town.says("chi", "/for Rosa /balance") == ""
    assert town.heard("chi")[-1] == "For Rosa: / You have -5 h. / The limit is -12 h."
    assert await town.says("chi", "/for Rosa /thank @ben 10h") == "", "what she has is not told to the group"
    assert town.heard("chi")[-1].startswith("For Rosa: / That would take you to -15 h")


async def test_the_helper_hears_what_is_said_to_her(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    assert await town.says("ana", "/thank @Rosa 2h") == "Rosa helped Ana: 2 h. (No. 1)"
    assert town.heard("chi")[-1] == "For Rosa: / Ana thanked you with 2 h."
    assert await _balance(town, "Rosa") == 120


async def test_the_helper_undoes_a_slip(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("chi", "/for Rosa /thank @ben 1h")
    assert await town.says("ana", "/undo 1") == (
        "No. 1 is between others: only they can take it back, or the committee (/correct 1)."
    )
    assert await town.says("chi", "/undo") == "No. 1 is undone. (No. 2)"
    assert await _balance(town, "Rosa") == 0


async def test_only_her_helper_speaks_for_her_and_only_what_is_hers(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    assert (await town.says("eli", "/for Rosa /balance")).startswith("Chi speaks for Rosa. To hand that on, Chi types")
    assert await town.says("eli", "/for Ben /balance") == "Ben has an account and speaks for themselves."
    assert (await town.says("eli", "/for Eli /balance")).startswith("You speak for yourself")
    for line in ("/agree 1", "/limit 3h", "/organizer @chi", "/for Rosa /balance", "/setup", "/nothing", "/add Zoe"):
        assert (await town.says("chi", f"/for Rosa {line}")).startswith("That is not said for somebody else."), line
    assert (await town.says("chi", "/for Rosa")).startswith("Something is missing: what they say")
    assert "Write it like this: /thank" in await town.says("chi", "/for Rosa /thank @ben")


async def test_a_helper_has_no_second_vote(town: Town) -> None:
    await town.says("ana", "/add Rosa")
    assert await town.says("ana", "/for Rosa !thank ben 1h") == "Ben helped Rosa: 1 h. (No. 1) Recorded by Ana."
    assert await town.says("ana", "/organizer @rosa") == "Rosa has no account here, and an organizer needs one."
    await town.says("ana", "/limit 20h")
    assert (await town.says("ana", "/for Rosa /agree 1")).startswith("That is not said for somebody else.")
    assert "Rosa has left Riverside." in await town.says("ana", "/for Rosa /leave")
    assert (await town.says("ana", "/for Rosa /balance")).startswith("I read “Rosa” where I expected a member")


async def test_two_people_called_sam(town: Town) -> None:
    await town.says("chi", "/add Sam")
    assert await town.says("chi", "/add Sam") == ("You speak for Sam already. Write another name, such as “Sam B.”.")
    assert await town.says("eli", "/add sam") == "sam is here already. Is this somebody else?"
    await town.presses("eli", "Yes, add sam")
    asked = await town.says("ana", "/thank @sam 1h")
    assert asked == "“@sam” fits several people. Whom do you mean?"
    assert "[Sam (Chi speaks for them)]" in town.transcript[-1][1]
    assert "[sam (Eli speaks for them)]" in town.transcript[-1][1]
    assert await town.presses("ana", "sam (Eli speaks for them)") == "sam helped Ana: 1 h. (No. 1)"
    await town.says("chi", "/for Sam /thank @ana 1h")
    await town.presses("chi", "Sam (Chi speaks for them)")
    assert town.sees()[-1] == "Ana helped Sam: 1 h. (No. 2) Recorded by Chi."
    await town.says("chi", "/add Rosa")
    await town.says("chi", "/for Rosa /thank @sam 1h")
    await town.presses("chi", "sam (Eli speaks for them)")
    assert town.sees()[-1] == "sam helped Rosa: 1 h. (No. 3) Recorded by Chi."
    assert (await town.says("chi", "/for Sam /thank @sam 1h")).startswith("“Sam” and “@sam” each fit several people.")


async def test_two_people_of_one_name_and_one_helper_are_told_apart_by_their_day(town: Town) -> None:
    await town.says("chi", "/add Sam")
    await town.skip("3d")
    await town.says("eli", "/add Sam")
    await town.presses("eli", "Yes, add Sam")
    await town.says("eli", "/helper @chi for sam")
    await town.presses("eli", "Sam (Eli speaks for them)")
    await town.says("ana", "/thank @sam 1h")
    assert "[Sam (Chi speaks for them), here since Jan 5, 2026]" in town.transcript[-1][1]
    assert "[Sam (Chi speaks for them), here since Jan 8, 2026]" in town.transcript[-1][1]


async def test_a_member_speaks_for_ten_and_no_more(town: Town) -> None:
    for letter in "ABCDEFGHIJ":
        await town.says("chi", f"/add Rosa {letter}")
    assert (await town.says("chi", "/add Rosa K")).startswith("You speak for 10 people already")
    for letter in "KLMNOPQRSTU":
        assert "is in Riverside now" in await town.says("ana", f"/add Rosa {letter}")


async def test_a_name_that_is_none_is_not_added(town: Town) -> None:
    assert (await town.says("chi", "/add")).startswith("Who has no account here?")
    assert (await town.says("chi", "/add @rosa")).startswith("Somebody with an account comes in by themselves")
    assert await town.says("chi", "/add 12") == "A name needs a letter and at most 60 characters."
    assert await town.says("chi", f"/add {'x' * 61}") == "A name needs a letter and at most 60 characters."


async def test_where_the_committee_decides_who_comes_in_adding_is_a_decision(town: Town) -> None:
    await _rule(town, "admission", "decided")
    assert (await town.says("chi", "/add Rosa")).startswith(
        "Proposal 1 by Chi: Rosa joins without an account, and Chi speaks for them."
    )
    await town.presses("ana", "Agree")
    assert "Rosa is in Riverside now. Chi speaks for them." in await town.presses("ben", "Agree")
    assert await town.says("chi", "/for Rosa /thank @ben 1h") == "Ben helped Rosa: 1 h. (No. 1) Recorded by Chi."


async def test_a_newcomer_period_counts_for_whoever_was_added_too(town: Town) -> None:
    await _rule(town, "newcomers", 30)
    await town.says("chi", "/add Rosa")
    code = await _code(town, "chi", "Rosa")
    assert (await town.whispers("rosa", f"/claim {code}")).startswith("Welcome, Rosa.")
    assert await town.says("rosa", "/add Tom") == (
        "You are new here yourself. Ask somebody who has been here longer to add them."
    )
    await town.skip("30d")
    assert "Tom is in Riverside now." in await town.says("rosa", "/add Tom")


async def test_organizers_see_what_is_to_do_when_nobody_speaks_for_rosa(town: Town) -> None:
    async def waiting(tx: Transaction) -> list[str]:
        committee = await people.committee(tx, 1)
        ana = await people.organizers(tx, 1)
        now = town.practice.clock()
        context = Context(
            tx=tx, now=now, said_at=now, commands=town.practice.app.commands, place=None, chat=None, language="en",
            of_committee=committee, of_member=ana[0], roles=frozenset({"organizer"}),
        )  # fmt: skip
        return [shown(todo.words, committee.reader) for todo in await members.waiting(context)]

    await town.says("chi", "/add Rosa")
    assert await town.practice.app.database.transact(waiting) == []
    await town.says("chi", "/leave")
    assert await town.practice.app.database.transact(waiting) == [
        "Nobody speaks for Rosa now. Propose somebody: /helper @name for Rosa"
    ]


async def test_the_helper_hands_it_on(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    assert (await town.says("eli", "/helper @eli for Rosa")).startswith("Chi speaks for Rosa.")
    assert await town.says("chi", "/helper @eli for Rosa") == "Eli speaks for Rosa from now on."
    assert town.heard("eli")[-1].startswith("You speak for Rosa in Riverside now")
    assert (await town.says("chi", "/for Rosa /balance")).startswith("Eli speaks for Rosa.")
    assert await town.says("eli", "/helper @eli for Rosa") == "Eli speaks for Rosa already."
    assert await town.says("eli", "/helper @ana for Ben") == "Ben has an account and speaks for themselves."
    await town.says("eli", "/add Tom")
    assert await town.says("eli", "/helper @tom for Rosa") == "Tom has no account here. Choose somebody who has one."


async def test_when_the_helper_leaves_two_organizers_find_another(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("chi", "/leave")
    assert (await town.says("eli", "/for Rosa /balance")).startswith("Nobody speaks for Rosa now.")
    assert (await town.says("ana", "/helper @eli for Rosa")).startswith(
        "Proposal 1 by Ana: Eli speaks for Rosa from now on."
    )
    assert "Eli speaks for Rosa from now on." in await town.presses("ben", "Agree")
    assert await town.says("eli", "/for Rosa /thank @ben 1h") == "Ben helped Rosa: 1 h. (No. 1) Recorded by Eli."


# --- claiming ---


async def test_rosa_has_an_account_now_and_takes_over_her_hours(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("ana", "/thank Rosa 3h")
    code = await _code(town, "chi", "Rosa")
    assert await town.whispers("rosa", f"/claim {code}") == (
        "Welcome, Rosa. You speak for yourself in Riverside now. / You have 3 h. / /menu shows what you can do."
    )
    assert town.heard("chi")[-1].startswith("Rosa has an account in Riverside now: you do not speak for them any more.")
    assert town.sees()[-1] == "Rosa has an account now and speaks for themselves."
    assert await town.says("rosa", "/thank @chi 1h") == "Chi helped Rosa: 1 h. (No. 2)"
    assert await town.whispers("rosa", "/balance") == "You have 2 h."
    assert await town.says("chi", "/for Rosa /balance") == "Rosa has an account and speaks for themselves."
    assert "Members: 5" in await town.says("ana", "/settings")


async def test_a_code_works_once(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    code = await _code(town, "chi", "Rosa")
    await town.whispers("rosa", f"/claim {code}")
    assert (await town.whispers("zoe", f"/claim {code}")).startswith("That code has been used already.")
    assert (await town.whispers("zoe", "/balance")).startswith("You are not in a committee.")


async def test_a_new_code_makes_the_old_one_void_and_a_week_makes_it_too_old(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    old, new = await _code(town, "chi", "Rosa"), await _code(town, "chi", "Rosa")
    assert (await town.whispers("rosa", f"/claim {old}")).startswith("That code does not work.")
    await town.skip("7d")
    assert (await town.whispers("rosa", f"/claim {new}")).startswith("That code is too old.")


async def test_nobody_guesses_a_code(town: Town) -> None:
    for _ in range(5):
        assert (await town.whispers("zoe", "/claim KQ7M-4MX9")).startswith("That code does not work.")
    assert await town.whispers("zoe", "/claim KQ7M-4MX9") == "Too many wrong codes. Try again in an hour."


async def test_a_code_that_the_group_has_seen_works_no_more(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    code = await _code(town, "chi", "Rosa")
    assert (await town.says("rosa", f"/claim {code}")).startswith("Everybody here has seen that code")
    assert (await town.whispers("zoe", f"/claim {code}")).startswith("That code has been used already.")


async def test_a_code_to_claim_connects_nothing_else(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    code = await _code(town, "chi", "Rosa")
    assert (await town.whispers("zoe", f"/connect {code}")).startswith("That code does not work.")
    await town.says("ana", "/connect")
    assert (await town.whispers("rosa", f"/claim {code}")).startswith("Welcome, Rosa."), "the group's code is another"


async def test_who_is_a_member_already_has_all_hours_in_one_place(town: Town) -> None:
    await town.says("chi", "/add Elias")
    await town.says("ana", "/thank @elias 3h")
    await town.says("ben", "/thank @eli 1h")
    code = await _code(town, "chi", "Elias")
    assert "You have 4 h." in await town.whispers("eli", f"/claim {code}")
    assert town.heard("chi")[-1].startswith("Elias has an account in Riverside now: you do not speak for them")
    assert "Members: 4" in await town.says("ana", "/settings")
    assert await town.says("eli", "/thank @ben 1h") == "Ben helped Eli: 1 h. (No. 4)"


async def test_who_has_left_comes_back_by_the_door_before_claiming(town: Town) -> None:
    await town.says("chi", "/add Elias")
    code = await _code(town, "chi", "Elias")
    await town.says("eli", "/leave")
    assert (await town.whispers("eli", f"/claim {code}")).startswith("You have been in Riverside before.")
    await town.says("eli", "/join")
    assert (await town.whispers("eli", f"/claim {code}")).startswith("Welcome, Elias.")


async def test_a_helper_does_not_become_whom_they_speak_for(town: Town) -> None:
    await town.says("chi", "/add Chiara")
    code = await _code(town, "chi", "Chiara")
    assert (await town.whispers("chi", f"/claim {code}")).startswith("That is for Chiara, for whom you speak")
    await town.says("chi", "/add Chi")
    await town.presses("chi", "Yes, add Chi")
    await town.whispers("chi", "/claim")
    await town.practice.press("chi", "That's me: Chi (Riverside)", within=town.private("chi"))
    assert town.heard("chi")[-1].startswith("That is for Chi, for whom you speak")
    assert (await town.whispers("chiara", f"/claim {code}")).startswith("Welcome, Chiara.")


async def test_only_the_helper_makes_a_code(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    assert (await town.says("ana", "/code Rosa")).startswith("Chi speaks for Rosa.")
    await town.says("chi", "/leave")
    assert (await town.says("eli", "/code Rosa")).startswith("Nobody speaks for Rosa now.")
    assert (await town.whispers("ana", "/code Rosa")).startswith("A code for Rosa: ")


async def test_somebody_of_other_committees_takes_over_too(town: Town) -> None:
    practice = town.practice
    for name in ("Hillside", "Lakeside"):
        chat = practice.console.group(name)
        await practice.console.say("zoe", "/setup", chat, manages_chat=True)
    await practice.settle()
    await town.says("chi", "/add Zoraida")
    await town.says("ana", "/thank Zoraida 1h")
    code = await _code(town, "chi", "Zoraida")
    assert (await town.whispers("zoe", f"/claim {code}")).startswith("Welcome, Zoraida.")
    assert await town.whispers("zoe", "/balance") == "For which committee?"
    assert await town.presses("zoe", "Riverside") == ""
    assert town.heard("zoe")[-1] == "In Riverside: / You have 1 h."


async def test_somebody_in_three_committees_is_asked_to_which_rosa_is_added(town: Town) -> None:
    practice = town.practice
    for name in ("Hillside", "Lakeside"):
        chat = practice.console.group(name)
        await practice.console.say("zoe", "/setup", chat, manages_chat=True)
    await practice.settle()
    await town.says("zoe", "/join")
    assert await town.whispers("zoe", "/add Rosa") == "For which committee?"
    await practice.press("zoe", "Hillside", within=town.private("zoe"))
    assert town.heard("zoe")[-1].startswith("Rosa is in Hillside now. Zoe speaks for them.")
    assert await town.whispers("zoe", "/for Rosa /balance") == "For which committee?"
    assert "Lakeside" not in town.transcript[-1][1], "she is in Hillside only"
    await practice.press("zoe", "Hillside", within=town.private("zoe"))
    assert town.heard("zoe")[-1] == "For Rosa: / You have 0 min."


async def test_who_has_the_name_of_somebody_on_the_list_takes_over_only_with_the_helpers_yes(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("ana", "/thank @rosa 3h")
    assert (await town.whispers("rosa", "/claim")).startswith("Write the code behind it")
    await town.says("rosa", "/join")
    assert (await town.whispers("rosa", "/claim")).startswith("Somebody here speaks for a person of your name.")
    await town.presses("rosa", "That's me: Rosa (Riverside)")
    assert town.heard("rosa")[-1] == "I have asked Chi."
    assert town.heard("chi")[-1].startswith(
        "Somebody says that they are Rosa, for whom you speak: Rosa (@rosa, Console)."
    )
    assert await town.balance("rosa") == 0
    await town.presses("chi", "No")
    assert town.heard("rosa")[-1] == "Chi says that you are somebody else."
    await town.whispers("rosa", "/claim")
    await town.presses("rosa", "That's me: Rosa (Riverside)")
    await town.presses("chi", "Yes, that is Rosa")
    assert town.heard("chi")[-1] == "Done: Rosa speaks for themselves now."
    assert town.heard("rosa")[-1].startswith("Welcome, Rosa. You speak for yourself in Riverside now. / You have 3 h.")
    assert await town.balance("rosa") == 180
    assert "Members: 5" in await town.says("ana", "/settings")


async def test_who_joins_under_the_name_of_somebody_on_the_list_is_asked_in_private(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("ana", "/thank @rosa 3h")
    await town.whispers("rosa", "/start")
    await town.says("rosa", "/join")
    assert town.heard("rosa")[-1].startswith("Somebody here speaks for a person of your name. Is that you?")
    assert not any("of your name" in line for line in town.sees()), "the group does not hear it"
    await town.presses("rosa", "That's me: Rosa (Riverside)")
    assert await town.balance("rosa") == 0, "a name alone gives nothing"
    await town.presses("chi", "Yes, that is Rosa")
    assert await town.balance("rosa") == 180


async def test_who_takes_over_agrees_too(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("ana", "/agreement Be kind")
    await town.says("ben", "/agreement Be kind")
    told = await town.whispers("chi", "/code Rosa")
    code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", told)
    assert code is not None
    welcome = await town.whispers("zoe", f"/claim {code[0]}")
    assert "Whoever is a member of Riverside agrees to this: Be kind" in welcome
    await town.practice.press("zoe", "I agree", within=town.private("zoe"))
    await town.practice.settle()
    assert any("Thank you: you have agreed." in what for _, what in town.transcript[-2:])


async def test_the_roll_names_roles_in_the_readers_language(town: Town) -> None:
    await town.says("ana", "/role treasurer @eli")
    await town.presses("ben", "Agree")
    await town.whispers("chi", "/language de")
    assert "Eli: Kasse" in await town.whispers("chi", "/members")


# --- households ---


async def test_two_who_share_a_home_both_say_so(town: Town) -> None:
    assert await town.whispers("chi", "/household with @ben") == "I have asked Ben."
    assert town.heard("ben")[-1] == "Chi says that you two share a home. Is that so?"
    assert (await town.whispers("chi", "/household")).startswith("You share your home with nobody here.")
    await town.presses("ben", "Yes, we share a home")
    assert town.heard("chi")[-1] == "You share a home here with Ben now."
    assert (await town.whispers("ben", "/household")).startswith("Your home: you and Chi.")
    assert await town.whispers("chi", "/household with ben") == "You share a home already."
    assert "Each keeps" not in "".join(town.sees()), "where somebody lives is not told to the group"


async def test_who_says_no_shares_no_home(town: Town) -> None:
    await town.whispers("chi", "/household with @ben")
    await town.presses("ben", "No")
    assert town.heard("chi")[-1] == "Ben says that you do not share a home."
    assert (await town.whispers("ben", "/household")).startswith("You share your home with nobody here.")


async def test_two_homes_do_not_become_one(town: Town) -> None:
    await town.whispers("ana", "/household with @ben")
    await town.presses("ben", "Yes, we share a home")
    await town.whispers("chi", "/household with @eli")
    await town.presses("eli", "Yes, we share a home")
    assert (await town.whispers("ana", "/household with @eli")).startswith("You each have a home of your own here.")
    assert (
        await town.whispers("eli", "/household leave") == "You share this home no more. Children stay with the others."
    )
    assert town.heard("chi")[-1] == "Eli does not share your home any more."
    assert await town.whispers("ana", "/household with @eli") == "I have asked Eli."


async def test_a_helper_says_that_rosa_shares_their_home(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    assert await town.whispers("chi", "/household with Rosa") == (
        "Chi and Rosa share a home now. Each keeps their own hours."
    )
    await town.whispers("eli", "/household with Chi")
    await town.presses("chi", "Yes, we share a home")
    assert (await town.whispers("chi", "/for Rosa /household")).startswith("For Rosa: / Your home: you, Chi, and Eli.")


async def test_a_child_has_no_hours_and_no_vote_and_counts_as_no_member(town: Town) -> None:
    assert await town.says("chi", "/add child Mia") == (
        "Mia is in Riverside now, as a child in the home of Chi. Children have no hours, no turns and no vote."
    )
    refusal = "Mia is a child, and children have no hours here. Thank a parent instead."
    assert await town.says("ana", "/thank @Mia 1h") == refusal
    assert await town.says("chi", "/for Mia /thank @ana 1h") == f"For Mia: / {refusal}"
    assert await town.says("chi", "/for Mia /balance") == f"For Mia: / {refusal}"
    assert "Members: 4" in await town.says("ana", "/settings")
    assert await _ask(town, "SELECT a.id FROM accounts a JOIN members m ON m.id = a.member_id WHERE m.child = 1") == []
    assert (await town.says("chi", "/code Mia")).startswith("Mia is a child")
    assert await town.says("ana", "/organizer @Mia") == "Mia has no account here, and an organizer needs one."


async def test_every_adult_of_the_home_speaks_for_its_children(town: Town) -> None:
    await town.says("chi", "/add child Mia")
    assert (await town.says("eli", "/for Mia /nickname Mimi")).startswith("Chi speaks for Mia.")
    await town.whispers("eli", "/household with @chi")
    await town.presses("chi", "Yes, we share a home")
    assert await town.whispers("eli", "/household") == (
        "Your home: you, Chi, and Mia (child). / Everybody keeps their own hours. The adults speak for the children."
    )
    assert await town.says("eli", "/for Mia /nickname Mimi") == "Mia goes by Mimi now."
    assert (
        await town.whispers("chi", "/household leave") == "You share this home no more. Children stay with the others."
    )
    assert (await town.says("chi", "/for Mimi /leave")).startswith("Eli speaks for Mimi.")
    assert await town.whispers("eli", "/household leave") == "You are the only adult there: Mimi would be alone."
    assert (await town.says("eli", "/helper @ana for Mimi")).startswith("The adults of the home speak for Mimi.")
    await town.says("eli", "/leave")
    assert "Proposal 1" in await town.says("ana", "/helper @ana for Mimi")
    await town.presses("ben", "Agree")
    assert await town.says("ana", "/for Mimi /leave") == "Mimi has left Riverside."


# --- everybody ---


async def test_the_roll_is_for_members_and_in_private(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("chi", "/add child Mia")
    assert await town.says("ben", "/members") == ""
    assert town.heard("ben")[-1] == (
        "Riverside / Members: 5, and children: 1 / Ana: organizer / Ben: organizer / Chi: at home with Mia / Eli / "
        "Mia, child (Chi) / Rosa: Chi speaks for them"
    )
    assert (await town.says("dan", "/members")).startswith("Only members of Riverside can do that.")


async def test_a_long_roll_comes_in_pages(town: Town) -> None:
    table = "\n".join(f"Person {number:03}" for number in range(40))
    await town.whispers("ana", f"/list\n{table}")
    await town.presses("ana", "Add 40 people")
    first = await town.whispers("ben", "/members")
    assert "Members: 44" in first
    assert first.count(" / ") == 31
    await town.practice.press("ben", "More", within=town.private("ben"))
    assert "Person 039: Ana speaks for them" in town.heard("ben")[-1]
    assert "[More]" not in town.transcript[-1][1]
    assert (await town.whispers("ben", "/members 3")).startswith("There is no such page.")


# --- lists ---


_TABLE = (
    "\ufeffName;Telefon;Spitzname;Hilfe;Kind von\r\n"
    "Rosa Gil;0171 1234567;Rosi;@chi;\r\n"
    "Mia Gil;;;;Rosa Gil\r\n"
    'Tom "the\r\n'
    ";0171 7654321;;;\r\n"
    "Ben;;;;\r\n"
    "Rosa Gil;;;;\r\n"
    "Zoe;;;@nobody;\r\n"
    '"Uwe, Mann";uwe@example.org;;;\r\n'
)


async def test_a_list_is_shown_before_anybody_is_added(town: Town) -> None:
    shown = await town.whispers("ana", f"/list\n{_TABLE}")
    assert shown == (
        "I can add 3 people: / Rosa Gil, Uwe, Mann, and Mia Gil. / "
        "You speak for 1 of them, until they have an account. / Others speak for 1 of them. / Children: 1 / "
        "Left out, 5 lines: / "
        "Line 4: the quotation marks do not fit. / Line 5: there is no name. / "
        "Line 6: Ben is here already. If it is somebody else, give a nickname. / "
        "Line 7: Rosa Gil is on the list twice. If it is somebody else, give both a nickname. / "
        "Line 8: nobody here is called @nobody. / "
        "Telephone numbers and addresses are not kept. If the list has any, delete it in this chat. / "
        "Nothing is added yet."
    )
    assert "Members: 4" in await town.says("ana", "/settings")
    await town.presses("ana", "Add 3 people")
    assert town.sees()[-1] == (
        "Ana has added 3 people from a list: / Rosa Gil, Uwe, Mann, and Mia Gil. / /members shows who speaks for them."
    )
    assert await town.says("chi", "/for Rosi /thank @ben 1h") == "Ben helped Rosi: 1 h. (No. 1) Recorded by Chi."
    assert (await town.whispers("chi", "/for Rosi /household")).startswith(
        "For Rosi: / Your home: you and Mia Gil (child)."
    )
    assert await town.says("chi", "/thank @mia 1h") == (
        "Mia Gil is a child, and children have no hours here. Thank a parent instead."
    )


async def test_a_list_comes_as_a_file_and_the_numbers_in_it_are_not_kept(town: Town) -> None:
    practice = town.practice
    chat = town.private("ana")
    await practice.console.say("ana", "/setup", practice.console.group("Hillside"), manages_chat=True)
    await practice.console.say("ana", "/list", chat, document=Document(name="list.csv", text=_TABLE))
    await practice.settle()
    assert town.heard("ana")[-1] == "For which committee?"
    kept = await _ask(town, "SELECT arguments FROM buttons WHERE command LIKE 'list%'")
    assert kept
    assert not [row for row in kept if "0171" in row[0] or "example.org" in row[0]]
    await practice.press("ana", "Riverside", within=chat)
    await town.presses("ana", "Add 3 people")
    assert await _balance(town, "Rosa Gil") == 0
    kept = await _ask(town, "SELECT arguments FROM buttons WHERE command LIKE 'list%'")
    assert {*kept} == {("{}",)}, "what was said yes to is not kept a second time"


async def test_a_list_is_added_once_and_what_has_changed_meanwhile_counts(town: Town) -> None:
    await town.whispers("ana", "/list\nRosa\nUwe")
    await town.says("chi", "/add Rosa")
    await town.presses("ana", "Add 2 people")
    assert town.sees()[-1].startswith("Ana has added 1 person from a list: / Uwe.")
    assert "Line 1: Rosa is here already." in town.heard("ana")[-1]
    await town.presses("ana", "Add 2 people")
    assert len(await _ask(town, "SELECT id FROM members WHERE name IN ('Rosa', 'Uwe')")) == 2


async def test_only_organizers_add_lists_and_an_empty_one_is_explained(town: Town) -> None:
    assert await town.says("chi", "/list\nRosa") == "Only an organizer can do that. Ask one of them."
    assert (await town.whispers("ana", "/list")).startswith("Send me a CSV file with /list as its caption")
    assert (await town.whispers("ana", "/list\n;;;")).startswith("Send me a CSV file with /list as its caption")


async def test_where_the_committee_decides_a_list_is_a_decision(town: Town) -> None:
    await _rule(town, "admission", "decided")
    await town.whispers("ana", "/list\nRosa\nUwe")
    await town.presses("ana", "Add 2 people")
    assert town.sees()[-1].startswith(
        "Proposal 1 by Ana: These come in without an account, from a list of Ana: Rosa and Uwe."
    )
    assert "Members: 4" in await town.says("ben", "/settings")
    await town.presses("ben", "Agree")
    assert "Members: 6" in await town.says("ben", "/settings")


async def test_five_hundred_people_come_in_at_once(town: Town) -> None:
    table = "\n".join(f"Person {number:03}" for number in range(502))
    shown = await town.whispers("ana", f"/list\n{table}")
    assert shown.startswith("I can add 500 people:")
    assert "From line 501 on: 500 lines at most. Send the rest as another list." in shown
    await town.presses("ana", "Add 500 people")
    assert "Members: 504" in await town.says("ana", "/settings")


# --- whatever is done ---


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["thank", "owe", "join", "claim", "leave", "undo"]), st.integers(1, 120)), max_size=8
    )
)
@settings(max_examples=15)
async def test_however_rosa_comes_to_her_account_the_hours_are_hers_and_she_is_one_member(
    tmp_path_factory: pytest.TempPathFactory, riverside: Riverside, steps: list[tuple[str, int]]
) -> None:
    transcript: list[tuple[str, str]] = []
    folder = tmp_path_factory.mktemp("claim")
    practice = await riverside.opened(folder, lambda where, what: transcript.append((where, what)))
    town = Town(practice, transcript)
    await practice.say("chi", "/add Rosa")
    for step, minutes in steps:
        match step:
            case "thank":
                await practice.say("ana", f"/thank @rosa {minutes}m")
            case "owe":
                await practice.say("chi", f"/for Rosa /thank @ben {minutes}m")
            case "undo":
                await practice.say("chi", "/undo")
            case "claim":
                if found := re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}", await town.whispers("chi", "/code Rosa")):
                    await practice.say("rosa", f"/claim {found[0]}", town.private("rosa"))
            case _:
                await practice.say("rosa", f"/{step}")
    await town.books_are_sound()
    # A person is in a committee once, whatever was claimed; and whoever has an account speaks for themselves.
    twice = await _ask(town, "SELECT person_id FROM members GROUP BY committee_id, person_id HAVING count(*) > 1")
    assert twice == []
    helped = await _ask(
        town,
        """SELECT m.id FROM members m JOIN identities i ON i.person_id = m.person_id
           WHERE m.active = 1 AND m.helper_id IS NOT NULL""",
    )
    assert helped == []
    absorbed = await _ask(
        town, "SELECT a.balance FROM accounts a JOIN absorbed b ON b.member_id = a.member_id WHERE a.balance <> 0"
    )
    assert absorbed == []
    assert practice.app.dispatcher.incidents == 0
    await practice.close()
