"""One committee in two groups, one person with two accounts; and nobody becomes what they are not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.console import NoSuchButton, Somebody
from bot.adapters.telegram_words import as_html
from bot.chat import BotAdded, BotRemoved, Card, Mention, Message, Sender, Shown
from bot.domain import joining, ledger
from bot.practice import MATRIX, SCRIPT_START, FixedClock, Practice
from bot.router import Router, View
from bot.text import Minutes, Named, Reader, Refusal, T, render
from storage import cards, connections, entries, people, transfers
from storage.database import Reader as Look
from storage.database import Transaction
from tests.conftest import Riverside, Town

UNKNOWN = (
    "That code does not work. A code works once, within 30 min. For a new one, type /connect where the "
    "first one came from."
)
SPENT = (
    "The code does not work any more: everybody here has seen it. "
    "For a new one, an organizer types /connect in the committee's group."
)
UNKNOWN_THERE = UNKNOWN.replace("/connect", "!connect")
SPENT_THERE = SPENT.replace("/connect", "!connect")
"""The same on a network where commands begin otherwise."""
HERE = "This group is part of Riverside now, together with: Riverside (Console)."


def code_in(words: str) -> str:
    """The code in what the bot said."""
    found = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", words)
    assert found is not None, words
    return found[0]


async def group_code(town: Town, who: str = "ana", *, on: str = "console") -> str:
    """An organizer asks in the group for a code."""
    await town.says(who, "/connect", on=on)
    return code_in(town.heard(who, on=on)[-1])


async def connect_groups(town: Town) -> None:
    """Riverside's group and the one on the second network become one committee."""
    answer = await town.says("ana", f"/connect {await group_code(town)}", on=MATRIX)
    assert answer.startswith(HERE)


async def connect_accounts(town: Town, who: str, *, of: str | None = None, there: str = MATRIX) -> str:
    """Somebody connects the account of their name, or of another name, on the other network with theirs."""
    here = "console" if there == MATRIX else MATRIX
    code = code_in(await town.whispers(who, "/connect", on=here))
    other = of or who
    assert (await town.whispers(other, f"/connect {code}", on=there)).startswith("Is this account yours too?")
    before = len(town.transcript)
    await town.practice.press(other, "Yes, both are me", within=town.private(other, there))
    await everything_is_sound(town)
    return "\n".join(what for _, what in town.transcript[before:])


async def ask(town: Town, question: Callable[[Look], Coroutine[Any, Any, Any]]) -> Any:
    """What the database says."""
    return await town.practice.app.database.read(question)


# --- one committee in two groups -------------------------------------------------------------------------------


async def test_a_group_on_another_network_becomes_part_of_the_committee(town: Town) -> None:
    await connect_groups(town)
    assert town.sees()[-1].startswith("Ana has connected another group with Riverside: Riverside (Matrix).")
    assert (await town.says("fay", "/join", on=MATRIX)).startswith("Welcome to Riverside, Fay.")
    assert await town.says("fay", "/thank @ben 1h", on=MATRIX) == "Ben helped Fay: 1 h. (No. 1)"
    assert await town.balance("ben") == 60


async def test_it_goes_in_the_other_direction_too(practice_folder: Path) -> None:
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        practice_folder,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
        empty=True,
    )
    town = Town(practice, transcript)
    await town.says("ana", "/setup", on=MATRIX)
    await town.whispers("ana", "/start", on=MATRIX)
    code = await group_code(town, on=MATRIX)
    assert (await town.says("ben", f"/connect {code}")).startswith("This group is part of Riverside now")
    assert (await town.says("chi", "/join")).startswith("Welcome to Riverside, Chi.")
    assert await town.says("chi", "/thank @ana 1h") == "Ana helped Chi: 1 h. (No. 1)"
    assert "Ana helped Chi: 1 h. (No. 1)" in town.sees(MATRIX)
    await practice.close()


async def test_cards_are_alike_on_both_sides(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/thank @ben 1h")
    assert town.sees(MATRIX)[-1] == town.sees()[-1] == "Ben helped Chi: 1 h. (No. 1)"
    await town.presses("chi", "Undo")
    assert town.sees(MATRIX)[-1] == town.sees()[-1] == "Undone: Ben helped Chi: 1 h. (No. 1)"
    card = await town.says("ana", "/limit 20h")
    assert town.sees(MATRIX)[-1] == card
    await town.presses("ben", "Agree")
    for network in ("console", MATRIX):
        assert any("Agreed: Ana and Ben. / Decided and done." in words for words in town.sees(network))
        assert town.sees(network)[-1] == "The lowest balance is -20 h now.", "everybody hears what was decided"


async def test_a_proposal_is_agreed_to_from_the_other_side(town: Town) -> None:
    await town.says("ana", "/rename Hillside")
    await connect_groups(town)
    assert town.sees(MATRIX)[-1].startswith("Proposal 1 by Ana"), "what is open is shown to those who come in"
    await connect_accounts(town, "ben")
    await town.presses("ben", "Agree", on=MATRIX)
    assert "The committee is called Hillside now." in town.sees()


async def test_what_is_no_card_stays_where_it_was_asked(town: Town) -> None:
    await connect_groups(town)
    before = len(town.sees(MATRIX))
    await town.says("chi", "/settings")
    await town.says("chi", "/thank @nobody 1h")
    assert len(town.sees(MATRIX)) == before


async def test_what_is_said_in_private_stays_private_on_both_sides(town: Town) -> None:
    await connect_groups(town)
    before = len(town.sees()), len(town.sees(MATRIX))
    await town.whispers("chi", "/thank @ben 1h")
    assert (len(town.sees()), len(town.sees(MATRIX))) == before


async def test_a_code_works_once_and_not_for_long(town: Town) -> None:
    code = await group_code(town)
    await town.skip("30m")
    assert await town.says("ana", f"/connect {code}", on=MATRIX) == UNKNOWN_THERE
    first = await group_code(town)
    second = await group_code(town)
    assert await town.says("ana", f"/connect {first}", on=MATRIX) == UNKNOWN_THERE, "a newer one takes its place"
    typed = second.lower().replace("-", " ")
    assert (await town.says("ana", f"/connect {typed}", on=MATRIX)).startswith(HERE)
    other = town.practice.console.group("Elsewhere")
    await town.practice.say("ana", f"/connect {second}", other)
    assert town.transcript[-1] == ("Elsewhere", f"bot: {UNKNOWN}")


async def test_codes_are_for_organizers_to_make(town: Town) -> None:
    assert (await town.says("chi", "/connect")).startswith("Only an organizer can connect another group.")
    assert (await town.says("ana", "/connect", on=MATRIX)).startswith("There is no committee here yet.")
    code = await group_code(town)
    await town.says("ana", "/stepdown")
    assert await town.says("ana", f"/connect {code}", on=MATRIX) == (
        f"Whoever made this code is not an organizer of Riverside any more. / {SPENT_THERE}"
    )


async def test_only_who_manages_the_other_group_connects_it(town: Town) -> None:
    code = await group_code(town)
    assert await town.says("chi", f"/connect {code}", on=MATRIX) == (
        f"Only somebody who manages this group can connect it. / {SPENT_THERE}"
    )
    assert await town.says("ana", f"/connect {code}", on=MATRIX) == UNKNOWN_THERE, "everybody there had seen it"


async def test_a_code_typed_in_the_committees_own_group_is_spent(town: Town) -> None:
    code = await group_code(town)
    assert await town.says("ben", f"/connect {code}") == (
        f"This group is part of Riverside already. The code is for the other group. / {SPENT}"
    )
    assert await town.says("ana", f"/connect {code}", on=MATRIX) == UNKNOWN_THERE


async def test_a_group_that_is_a_committee_is_not_swallowed(town: Town) -> None:
    await town.says("fay", "/setup", on=MATRIX)  # fay manages nothing
    await town.says("ana", "/setup", on=MATRIX)
    await town.says("chi", "/join", on=MATRIX)
    code = await group_code(town)
    assert (await town.says("ana", f"/connect {code}", on=MATRIX)).startswith(
        "This group is a committee of its own: Riverside. Two committees cannot become one"
    )
    # Not even when everybody but its founder has left again.
    await town.says("chi", "/leave", on=MATRIX)
    code = await group_code(town)
    assert (await town.says("ana", f"/connect {code}", on=MATRIX)).startswith("This group is a committee of its own")


async def test_a_committee_set_up_by_mistake_gives_way_to_whoever_set_it_up(town: Town) -> None:
    await town.says("ana", "/setup", on=MATRIX)
    await town.says("ana", "/organizer @ana", on=MATRIX)
    code = await group_code(town)
    assert (await town.says("ben", f"/connect {code}", on=MATRIX)).startswith("This group is a committee of its own")
    code = await group_code(town)
    assert (await town.says("ana", f"/connect {code}", on=MATRIX)).startswith(HERE)
    assert (await town.whispers("ana", "/balance", on=MATRIX)).startswith("You are not in a committee.")
    await town.says("chi", "/thank @ben 1h")
    assert town.sees(MATRIX)[-1] == "Ben helped Chi: 1 h. (No. 1)"


async def test_guessing_codes_comes_to_an_end(town: Town) -> None:
    code = await group_code(town)
    wrong = ["CCCC-CCCC", "CCCC-CCCD", "CCCC-CCCF", "CCCC-CCCG", "CCCC-CCCH"]
    for guess in wrong[:3]:
        assert await town.says("ben", f"/connect {guess}", on=MATRIX) == UNKNOWN_THERE
    for guess in wrong[3:]:
        assert await town.whispers("ben", f"/connect {guess}", on=MATRIX) == UNKNOWN_THERE
    enough = "Too many wrong codes. Try again in an hour."
    assert await town.says("ben", f"/connect {code}", on=MATRIX) == enough, "even the right one"
    assert await town.whispers("ben", f"/connect {code}", on=MATRIX) == enough
    await town.skip("1h")
    code = await group_code(town)
    assert (await town.says("ben", f"/connect {code}", on=MATRIX)).startswith(HERE)


async def test_what_is_no_code_is_not_a_guess(town: Town) -> None:
    for _ in range(8):
        assert (await town.says("ben", "/connect OIL0-B5S2", on=MATRIX)).startswith("I read “OIL0-B5S2” where I")
    await connect_groups(town)


async def test_codes_are_in_no_file_as_they_are_typed(town: Town) -> None:
    code = await group_code(town)
    own = code_in(await town.whispers("chi", "/connect"))

    async def rows(tx: Look) -> list[Any]:
        names = [name for (name,) in await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 100")]
        return [await tx.all(f"SELECT * FROM {name} LIMIT 10000") for name in names]

    kept = repr(await ask(town, rows))
    for one in (code, own):
        assert one not in kept
        assert one.replace("-", "") not in kept


# --- taking a group out ----------------------------------------------------------------------------------------


async def test_a_group_is_taken_out_and_the_other_goes_on_whole(town: Town) -> None:
    await connect_groups(town)
    await town.says("fay", "/join", on=MATRIX)
    await town.says("fay", "/thank @ben 1h", on=MATRIX)
    assert await town.says("chi", "/disconnect") == "Only an organizer can do that. Ask one of them."
    await connect_accounts(town, "ana")
    assert await town.says("ana", "/disconnect", on=MATRIX) == (
        "This group is not part of Riverside any more. Whoever is a member stays one."
    )
    assert town.sees()[-1].startswith("The group Riverside (Matrix) is not part of Riverside any more.")
    seen = len(town.sees(MATRIX))
    await town.says("chi", "/thank @fay 1h")
    await town.skip("1m")
    assert len(town.sees(MATRIX)) == seen, "nothing is shown there any more"
    assert await town.whispers("fay", "/balance", on=MATRIX) == "You have 0 min.", "whoever is a member stays one"
    assert (await town.says("fay", "/join", on=MATRIX)).startswith("There is no committee here yet.")
    assert (await town.says("ana", "/disconnect")).startswith("Riverside has no other group that I can write in")


async def test_cards_in_a_group_that_was_taken_out_tell_nothing_new(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/thank @ben 1h")
    await town.says("ana", "/disconnect matrix")
    seen = town.sees(MATRIX)
    await town.presses("chi", "Undo")
    assert town.sees(MATRIX) == seen


async def test_an_organizer_takes_another_group_out_by_the_button_or_by_name(town: Town) -> None:
    await connect_groups(town)
    assert await town.presses("chi", "Take it out") == "Only an organizer can do that. Ask one of them."
    assert (await town.presses("ben", "Take it out")).startswith("The group Riverside (Matrix) is not part of")
    assert town.sees(MATRIX)[-1].startswith("This group is not part of Riverside any more.")
    assert await town.presses("ben", "Take it out") == "That group is not part of Riverside any more."
    await connect_groups(town)
    assert await town.says("ben", "/disconnect riverside") == (
        "Which group do you mean? Riverside has these: Riverside (Console) and Riverside (Matrix). "
        "Or type /disconnect in the group itself."
    )
    assert (await town.says("ben", "/disconnect Riverside (Matrix)")).startswith("The group Riverside (Matrix)")


async def test_whoever_manages_a_group_takes_out_that_one_and_no_other(town: Town) -> None:
    await connect_groups(town)
    # On the second network, nobody is a member yet; ben manages the group there.
    assert await town.says("ben", "/disconnect console", on=MATRIX) == "Only an organizer can do that. Ask one of them."
    assert await town.says("fay", "/disconnect", on=MATRIX) == "Only an organizer can do that. Ask one of them."
    assert (await town.says("ben", "/disconnect", on=MATRIX)).startswith("This group is not part of Riverside any more")


async def test_two_groups_on_one_network_are_one_committee_too(town: Town) -> None:
    other = town.practice.console.group("Backyard")
    await town.practice.say("ana", f"/connect {await group_code(town)}", other)
    await town.says("chi", "/thank @ben 1h")
    assert ("Backyard", "bot: Ben helped Chi: 1 h. (No. 1)  [My balance] [Undo]") in town.transcript
    # Chi may still be in the other group, so leaving this one ends nothing.
    await town.practice.console.depart("chi", town.practice.group)
    assert await town.whispers("chi", "/balance") == "You have -1 h. / The limit is -12 h."


async def test_the_bot_put_out_of_one_group_goes_on_in_the_other(town: Town) -> None:
    await connect_groups(town)
    matrix = town.group(MATRIX)
    handle = town.practice.app.dispatcher.handle
    await handle(BotRemoved(event="out", at=town.practice.clock(), chat=matrix))
    seen = len(town.sees(MATRIX))
    assert await town.says("chi", "/thank @ben 1h") == "Ben helped Chi: 1 h. (No. 1)"
    assert len(town.sees(MATRIX)) == seen
    assert (await town.says("ana", "/disconnect")).startswith("Riverside has no other group that I can write in")
    await handle(BotAdded(event="in", at=town.practice.clock(), chat=matrix))
    await town.practice.settle()
    assert len(town.sees(MATRIX)) == seen, "it is no stranger there"
    await town.says("chi", "/thank @ben 1h")
    assert town.sees(MATRIX)[-1] == "Ben helped Chi: 1 h. (No. 2)"


# --- one person with two accounts ------------------------------------------------------------------------------


async def test_two_accounts_are_one_person(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("chi", "/thank @ben 1h")
    await town.says("chi", "/thank @ben 2h", on=MATRIX)
    news = await connect_accounts(town, "chi")
    assert "Done. Chi (@chi, Console) and this account are one person now: one balance, one vote." in news
    assert town.heard("chi")[-1].startswith("Chi (@chi:example.org, Matrix) is connected with this account")
    assert await town.balance("chi") == await town.balance("chi", on=MATRIX) == -180
    for network in ("console", MATRIX):
        assert await town.whispers("chi", "/balance", on=network) == "You have -3 h. / The limit is -12 h."
        assert await town.whispers("chi", "/history", on=network) == (
            "Your hours in Riverside / At the end: -3 h. / No. 2, Jan 5, 2026: Ben helped you, -2 h. / "
            "No. 1, Jan 5, 2026: Ben helped you, -1 h. / At the beginning: 0 min."
        )
    assert "Members: 4" in await town.says("eli", "/settings")
    await town.says("ana", "/thank @chi 1h")
    await town.says("ana", "/thank @chi:example.org 1h")
    assert await town.balance("chi") == -60


async def test_accounts_connect_in_the_other_direction_and_without_a_committee(town: Town) -> None:
    await connect_accounts(town, "chi", there="console")
    assert await town.whispers("chi", "/balance", on=MATRIX) == "You have 0 min."
    await connect_accounts(town, "fay")
    assert (await town.says("fay", "/join")).startswith("Welcome to Riverside, Fay.")
    assert await town.whispers("fay", "/balance", on=MATRIX) == "You have 0 min."


async def test_what_was_recorded_with_the_other_account_can_be_undone(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("chi", "/thank @ben 2h", on=MATRIX)
    await town.says("ben", "/thank @chi:example.org 30m")
    await connect_accounts(town, "chi")
    assert await town.says("chi", "/undo") == "No. 1 is undone. (No. 4)"
    assert await town.balance("chi") == 30
    assert "Undone: Ben helped Chi: 2 h. (No. 1)" in town.sees(MATRIX)
    assert await town.says("ben", "/undo 2") == "No. 2 is undone. (No. 5)"
    assert town.heard("chi")[-1] == "Ben took back no. 2.", "they are told, with the account that they have"
    assert await town.balance("chi") == 0
    assert await town.says("chi", "/undo 3") == (
        "No. 3 is between two accounts of yours. There is nothing to take back."
    )


async def test_thanks_between_two_accounts_of_one_person_cannot_be_taken_back_twice(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("chi", "/thank @chi:example.org 2h")
    await connect_accounts(town, "chi")
    assert await town.balance("chi") == 0
    assert await town.says("chi", "/undo") == "No. 1 is between two accounts of yours. There is nothing to take back."
    assert await town.whispers("chi", "/history") == (
        "Your hours in Riverside / At the end: 0 min. / No. 1, Jan 5, 2026: Chi helped you, -2 h. / "
        "No. 1, Jan 5, 2026: you helped Chi, 2 h. / At the beginning: 0 min."
    )


async def test_a_note_of_the_other_account_can_be_erased(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("chi", "/thank @ben 2h the secret soup", on=MATRIX)
    await connect_accounts(town, "chi")
    assert (await town.says("chi", "/erase 1")).startswith("I have erased the note of no. 1")
    assert "soup" not in await town.whispers("chi", "/history")


async def test_the_limit_does_not_stand_in_the_way_of_being_one_person(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("chi", "/thank @ben 12h")
    await town.says("chi", "/thank @ben 12h", on=MATRIX)
    await connect_accounts(town, "chi")
    assert await town.balance("chi") == -24 * 60


async def test_two_organizers_who_are_one_person_count_once(town: Town) -> None:
    await connect_groups(town)
    await town.says("ben", "/join", on=MATRIX)
    await town.says("ana", "/organizer @ben:example.org")
    await town.presses("ben", "Agree")
    assert "Organizers: Ana, Ben, and Ben" in await town.says("chi", "/settings")
    await town.says("chi", "/limit 20h")
    await town.presses("ben", "Agree")
    await connect_accounts(town, "ben")
    assert town.sees(MATRIX)[-1] == (
        "Ben was an organizer with two accounts, and counts once from now on. / Organizers: Ana and Ben"
    )
    assert "You have agreed already." in await town.presses("ben", "Agree", on=MATRIX)
    assert "1 more organizer must agree" in next(words for words in reversed(town.sees()) if "Proposal 2" in words)
    assert "The lowest balance is -20 h now." in await town.presses("ana", "Agree")


async def test_both_consents_of_one_person_become_one(town: Town) -> None:
    await connect_groups(town)
    await town.says("ana", "/join", on=MATRIX)
    await town.says("ana", "/organizer @ana:example.org")
    await town.presses("ben", "Agree")
    await town.says("ana", "/stepdown")
    await town.says("ben", "/stepdown")
    await town.says("ana", "/stepdown", on=MATRIX)
    # A majority of five members must agree; two of them are ana.
    await town.says("ana", "/organizer @chi")
    await town.presses("ana", "Agree", on=MATRIX)
    assert "1 more member must agree" in town.sees()[-1]
    await connect_accounts(town, "ana")
    assert "Agreed: Ana. / 2 more members must agree" in town.sees()[-1]


async def test_a_role_comes_along_and_the_founder_stays_the_founder(town: Town) -> None:
    await connect_groups(town)
    await town.says("dan", "/join", on=MATRIX)
    await town.says("dan", "/join")
    await town.says("ana", "/organizer @dan")
    await town.presses("ana", "Dan (@dan)")
    await town.presses("ben", "Agree")
    # Dan's membership on the second network is older; the one with the role goes on.
    await connect_accounts(town, "dan")
    settings = await town.says("chi", "/settings")
    assert "Organizers: Ana, Ben, and Dan" in settings
    assert "Members: 5" in settings
    await connect_accounts(town, "ana")
    await town.says("ben", "/stepdown")
    await town.says("dan", "/stepdown", on=MATRIX)
    assert "Chi is an organizer now." in await town.says("ana", "/organizer @chi", on=MATRIX), "the founder appoints"


async def test_a_proposal_about_the_other_account_still_means_the_person(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("ana", "/organizer @chi:example.org")
    await connect_accounts(town, "chi")
    assert "Chi is an organizer now. Organizers: Ana, Ben, and Chi." in await town.presses("ben", "Agree")


async def test_who_had_left_with_one_account_is_in_with_the_other(town: Town) -> None:
    await connect_groups(town)
    await town.says("ana", "/thank @chi 2h")
    await town.says("chi", "/leave")
    await town.says("chi", "/join", on=MATRIX)
    await connect_accounts(town, "chi")
    assert await town.balance("chi") == 120, "the hours come along"


async def test_leaving_one_group_does_not_end_what_the_other_account_has(town: Town) -> None:
    await connect_groups(town)
    await connect_accounts(town, "chi")
    await town.practice.console.depart("chi", town.group())
    assert await town.whispers("chi", "/balance") == "You have 0 min."
    await town.practice.networks[MATRIX].depart("chi", town.group(MATRIX))
    # Whoever may still be in one of the groups stays; with /leave it is over in both.
    assert await town.whispers("chi", "/balance") == "You have 0 min."
    assert await town.says("chi", "/leave", on=MATRIX) == "Chi has left Riverside."
    assert town.sees()[-1] == "Chi has left Riverside.", "both groups hear it"
    await town.practice.console.depart("eli", town.group())
    assert (await town.whispers("eli", "/balance")).startswith("You are not in a committee.")
    await town.practice.settle()
    assert town.sees(MATRIX)[-1] == "Eli has left Riverside.", "the other group does not see by itself who goes"


async def test_an_account_goes_its_own_way_again(town: Town) -> None:
    await connect_groups(town)
    await connect_accounts(town, "chi")
    await town.says("chi", "/thank @ben 1h", on=MATRIX)
    assert await town.whispers("chi", "/disconnect", on=MATRIX) == (
        "This account is a person of its own now and a member of nothing. "
        "Your committees and your hours stay with: Chi (@chi, Console)."
    )
    assert town.heard("chi")[-1] == "Chi (@chi:example.org, Matrix) is not connected with this account any more."
    assert (await town.whispers("chi", "/balance", on=MATRIX)).startswith("You are not in a committee.")
    assert await town.balance("chi") == -60
    assert (await town.whispers("chi", "/disconnect", on=MATRIX)).startswith("This account is not connected with")
    assert (await town.says("ana", "/thank @chi:example.org 1h")).startswith("Nobody in Riverside is called")
    await connect_accounts(town, "chi")
    assert await town.whispers("chi", "/balance", on=MATRIX) == "You have -1 h. / The limit is -12 h."


async def test_the_language_that_was_chosen_stays(town: Town) -> None:
    await town.whispers("chi", "/language es", on=MATRIX)
    await town.whispers("chi", "/start")
    await connect_accounts_in_spanish(town)
    assert await town.whispers("chi", "/balance") == "Tienes 0 min."


async def connect_accounts_in_spanish(town: Town) -> None:
    """Chi reads Spanish on the second network: the buttons are what they are there."""
    code = code_in(await town.whispers("chi", "/connect"))
    await town.whispers("chi", f"/connect {code}", on=MATRIX)
    second = town.practice.networks[MATRIX]
    message, posted = max(second.posted.items(), key=lambda item: item[1].order)
    await second.press_key("chi", posted.keys[0][0], message, manages_chat=False)
    await town.practice.settle()


# --- nobody becomes somebody else ------------------------------------------------------------------------------


async def test_a_code_that_was_sent_to_me_joins_nothing_before_i_say_that_the_account_is_mine(town: Town) -> None:
    await town.whispers("mallory", "/start")
    code = code_in(await town.whispers("mallory", "/connect"))
    question = await town.whispers("ana", f"/connect {code}", on=MATRIX)
    assert question.startswith("Is this account yours too? Mallory (@mallory, Console)")
    assert await town.whispers("mallory", "/connect") != question
    assert (await town.whispers("mallory", "/balance")).startswith("You are not in a committee.")


async def test_a_personal_code_that_others_saw_in_a_group_joins_nobody(town: Town) -> None:
    code = code_in(await town.whispers("chi", "/connect"))
    assert (await town.says("chi", f"/connect {code}", on=MATRIX)).startswith(
        "That code was for a private chat, and now everybody here has seen it"
    )
    assert await town.whispers("mallory", f"/connect {code}", on=MATRIX) == UNKNOWN_THERE
    code = code_in(await town.whispers("chi", "/connect"))
    assert (await town.says("chi", f"/connect {code}")).startswith("That code was for a private chat")
    assert await town.whispers("chi", f"/connect {code}", on=MATRIX) == UNKNOWN_THERE


async def test_a_groups_code_joins_no_persons(town: Town) -> None:
    code = await group_code(town)
    assert await town.whispers("mallory", f"/connect {code}", on=MATRIX) == (
        "That code is for a group. Type it in the group that you want to connect."
    )
    assert (await town.says("ana", f"/connect {code}", on=MATRIX)).startswith(HERE), "nobody else had seen it"


async def test_only_the_account_that_was_asked_says_yes(town: Town) -> None:
    code = code_in(await town.whispers("chi", "/connect"))
    await town.whispers("eli", f"/connect {code}", on=MATRIX)
    await town.whispers("chi", f"/connect {code}", on=MATRIX)
    # Eli was asked first, then chi: the last one counts.
    await town.practice.press("eli", "Yes, both are me", within=town.private("eli", MATRIX))
    assert town.heard("eli", on=MATRIX)[-1].startswith("That code is used up or too old.")
    await town.practice.press("chi", "Yes, both are me", within=town.private("chi", MATRIX))
    assert town.heard("chi", on=MATRIX)[-1].startswith("Done.")
    await town.practice.press("chi", "Yes, both are me", within=town.private("chi", MATRIX))
    assert town.heard("chi", on=MATRIX)[-1].startswith("That code is used up or too old.")
    assert (await town.whispers("eli", "/balance", on=MATRIX)).startswith("You are not in a committee.")


async def test_saying_yes_too_late_is_no_yes(town: Town) -> None:
    code = code_in(await town.whispers("chi", "/connect"))
    await town.skip("25m")
    await town.whispers("chi", f"/connect {code}", on=MATRIX)
    await town.skip("6m")
    await town.practice.press("chi", "Yes, both are me", within=town.private("chi", MATRIX))
    assert town.heard("chi", on=MATRIX)[-1].startswith("That code is used up or too old.")


async def test_whoever_used_my_code_is_put_out_by_a_button(town: Town) -> None:
    await connect_groups(town)
    # Mallory looked over chi's shoulder, and brings another account too.
    await connect_accounts(town, "chi", of="mallory")
    assert await town.whispers("mallory", "/balance", on=MATRIX) == "You have 0 min."
    await connect_accounts(town, "mallory", of="mallory2", there="console")
    assert await town.whispers("mallory2", "/balance") == "You have 0 min."
    assert town.heard("chi")[-1].startswith("Mallory2 (@mallory2, Console) is connected with this account")
    first = "Mallory (@mallory:example.org, Matrix) is connected with this account"
    message, posted = next(
        (message, posted) for message, posted in town.practice.console.posted.items() if posted.text.startswith(first)
    )
    for _ in range(2):
        await town.practice.console.press_key("chi", posted.keys[0][0], message, manages_chat=False)
        await town.practice.settle()
    answers = town.heard("chi")[-2:]
    assert answers[0].startswith(
        "Not connected with this account any more: Mallory2 (@mallory2, Console) and Mallory ("
    )
    assert answers[1] == "These two accounts are not connected any more."
    assert (await town.whispers("mallory", "/balance", on=MATRIX)).startswith("You are not in a committee.")
    assert (await town.whispers("mallory2", "/balance")).startswith("You are not in a committee.")
    assert await town.whispers("chi", "/balance") == "You have 0 min."


async def test_whoever_made_me_type_their_code_cannot_keep_what_is_mine(town: Town) -> None:
    await town.whispers("ana", "/thank @chi 2h")
    # Ana believed that mallory's account was hers; then mallory puts her out.
    code = code_in(await town.whispers("mallory", "/connect", on=MATRIX))
    await town.whispers("ana", f"/connect {code}")
    await town.practice.press("ana", "Yes, both are me", within=town.private("ana"))
    assert await town.whispers("mallory", "/balance", on=MATRIX) == "You have -2 h. / The limit is -12 h."
    await town.practice.press("mallory", "That was not me", within=town.private("mallory", MATRIX))
    assert town.heard("mallory", on=MATRIX)[-1].startswith("Not connected with this account any more: Ana (@ana")
    assert (await town.whispers("mallory", "/balance", on=MATRIX)).startswith("You are not in a committee.")
    assert await town.whispers("ana", "/balance") == "You have -2 h. / The limit is -12 h."
    assert "Organizers: Ana and Ben" in await town.says("ana", "/settings")


async def test_i_take_back_what_i_connected_by_mistake(town: Town) -> None:
    await connect_groups(town)
    await town.says("mallory", "/join", on=MATRIX)
    code = code_in(await town.whispers("mallory", "/connect", on=MATRIX))
    await town.whispers("ana", f"/connect {code}")
    await town.practice.press("ana", "Yes, both are me", within=town.private("ana"))
    await town.practice.press("ana", "Take it back", within=town.private("ana"))
    assert town.heard("ana")[-1].startswith("Not connected with this account any more: Mallory")
    assert town.heard("mallory", on=MATRIX)[-1].startswith("Not connected with this account any more: Ana (@ana")
    # In the committee where both were, the membership with the roles goes back to where it came from.
    assert await town.whispers("ana", "/balance") == "You have 0 min."
    assert "Organizers: Ana and Ben" in await town.says("ana", "/settings")
    assert (await town.says("mallory", "/join", on=MATRIX)).startswith("Welcome to Riverside")


async def test_all_my_accounts_hear_of_another_one(town: Town) -> None:
    await connect_accounts(town, "chi")
    code = code_in(await town.whispers("chi_home", "/connect"))
    await town.whispers("chi", f"/connect {code}", on=MATRIX)
    await town.practice.press("chi", "Yes, both are me", within=town.private("chi", MATRIX))
    news = "Chi (@chi:example.org, Matrix) is connected with this account: both are one person now."
    assert town.heard("chi_home")[-1].startswith(news)
    # For chi's first account it is the third that is new.
    assert town.heard("chi")[-1].startswith("Chi_home (@chi_home, Console) is connected with this account")


async def test_my_own_code_in_my_own_chat_does_nothing(town: Town) -> None:
    code = code_in(await town.whispers("chi", "/connect"))
    assert (await town.whispers("chi", f"/connect {code}")).startswith("You made this code here.")
    await connect_accounts(town, "chi")
    code = code_in(await town.whispers("chi", "/connect"))
    assert await town.whispers("chi", f"/connect {code}", on=MATRIX) == "These two accounts are connected already."


async def test_two_accounts_on_one_network_connect_too(town: Town) -> None:
    code = code_in(await town.whispers("chi", "/connect"))
    await town.whispers("chi_home", f"/connect {code}")
    await town.practice.press("chi_home", "Yes, both are me", within=town.private("chi_home"))
    assert await town.whispers("chi_home", "/balance") == "You have 0 min."


async def test_somebody_in_two_committees_brings_both(town: Town) -> None:
    hill = town.practice.networks[MATRIX].group("Hillside")
    await town.practice.say("ana", "/setup", hill)
    await town.practice.say("chi", "/join", hill)
    await connect_accounts(town, "chi")
    assert await town.whispers("chi", "/balance") == "For which committee?"
    await town.presses("chi", "Hillside")
    assert town.heard("chi")[-1] == "In Hillside: / You have 0 min."


# --- finding each other ----------------------------------------------------------------------------------------


async def test_people_are_found_across_networks_by_every_name_they_have(town: Town) -> None:
    class Renamed(Somebody):
        @property
        def sender(self) -> Sender:
            return replace(super().sender, name="Beatrix Kiddo")

    second = town.practice.networks[MATRIX]
    ben = second.somebody("ben")
    second.people["ben"] = Renamed(**{field.name: getattr(ben, field.name) for field in fields(ben)})
    await connect_groups(town)
    await connect_accounts(town, "ben")
    await town.says("ben", "/nickname Benny")
    for number, name in enumerate(
        ["@ben", "ben", "@ben:example.org", "benny", "beatrix", '"Beatrix Kiddo"', "@BEN:Example.org,"], start=1
    ):
        assert await town.says("ana", f"/thank {name} 1m") == f"Benny helped Ana: 1 min. (No. {number})", name
    assert (await town.says("ana", "/thank @ben:elsewhere.org 1m")).startswith("Nobody in Riverside is called")


async def test_a_reply_or_a_pill_finds_the_person_on_either_side(town: Town) -> None:
    await connect_groups(town)
    await connect_accounts(town, "ben")
    await town.says("fay", "/join", on=MATRIX)
    await town.says("ben", "here is the soup", on=MATRIX)
    assert await town.says("fay", "/thank 1h", reply_to="ben", on=MATRIX) == "Ben helped Fay: 1 h. (No. 1)"
    ben = town.practice.networks[MATRIX].somebody("ben").sender
    await town.practice.app.dispatcher.handle(
        Message(
            event="pill",
            at=town.practice.clock(),
            chat=town.group(),
            sender=town.practice.console.somebody("chi").sender,
            text="/thank Big Ben 1h",
            message="m",
            mentions=(Mention(start=7, end=14, person=ben),),
        )
    )
    await town.practice.settle()
    assert await town.balance("ben") == 120


async def test_namesakes_on_two_networks_are_told_apart(town: Town) -> None:
    await connect_groups(town)
    await town.says("ben", "/join", on=MATRIX)
    assert await town.says("ana", "/thank @ben 1h") == "“@ben” fits several people. Whom do you mean?"
    await town.presses("ana", "Ben (@ben:example.org)")
    assert (await town.balance("ben"), await town.balance("ben", on=MATRIX)) == (0, 60)
    await town.says("ana", "/thank @ben:example.org 1h")
    assert await town.balance("ben", on=MATRIX) == 120


async def test_private_answers_come_where_i_asked(town: Town) -> None:
    await connect_groups(town)
    await connect_accounts(town, "chi")
    for network in ("console", MATRIX):
        before = len(town.heard("chi", on=network))
        await town.says("chi", "/balance", on=network)
        assert town.heard("chi", on=network)[before:] == ["You have 0 min."]
    # Who was never written to on a network is answered on the other.
    await town.says("eli", "/join", on=MATRIX)
    await connect_accounts(town, "eli", there="console")
    await town.says("chi", "/thank eli 1h", on=MATRIX)
    assert town.heard("eli", on=MATRIX)[-1] == "Chi thanked you with 1 h."


# --- what may not go to a network ------------------------------------------------------------------------------


async def test_what_may_not_go_to_a_network_is_not_rendered_there(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    router = Router("secrets")

    @router.card("secret")
    async def secret(view: View, ref: int) -> Shown | None:
        seen.append((view.network, view.private))
        if view.network == "console":
            return None
        return Shown(T("The key is under the stone."))

    await connect_groups(town)
    monkeypatch.setitem(town.practice.app.commands._cards, "secret", secret)
    before = len(town.sees())

    async def work(tx: Transaction) -> None:
        for place in await people.chats_of(tx, 1):
            await cards.show(tx, Card("secret", 1).thing, place, committee=1)

    await town.practice.app.database.transact(work)
    await town.practice.settle()
    assert town.sees(MATRIX)[-1] == "The key is under the stone."
    assert len(town.sees()) == before
    assert sorted(seen) == [("console", False), (MATRIX, False)]
    assert await town.says("chi", "/thank @ben 1h") == "Ben helped Chi: 1 h. (No. 1)", "nothing is held up by it"


def test_a_mention_for_another_network_is_a_plain_name() -> None:
    spans = render(T("{name} helped.", name=Named("Ana", "matrix:@ana:example.org")), Reader())
    assert as_html(spans) == "Ana helped."


# --- the rules -------------------------------------------------------------------------------------------------


@given(chance=st.binary(min_size=16, max_size=32))
def test_a_code_is_read_as_it_is_written_in_any_way(chance: bytes) -> None:
    code = joining.code(chance)
    for typed in (code, code.lower(), code.replace("-", ""), code.replace("-", " "), code.replace("-", "–")):
        assert joining.read_code(typed) == code
    assert joining.read_code(code[:-1]) is None
    assert not set("OIL018B5S2Z") & set(code)


memberships = st.builds(
    joining.Membership,
    id=st.integers(1, 9),
    active=st.booleans(),
    roles=st.frozensets(st.sampled_from(["founder", "organizer"])),
)


@given(one=memberships, other=memberships)
def test_which_membership_goes_on_does_not_depend_on_who_asks(
    one: joining.Membership, other: joining.Membership
) -> None:
    if one.id == other.id:
        return
    goes_on, goes = joining.kept(one, other)
    assert {goes_on.id, goes.id} == {one.id, other.id}
    assert joining.kept(other, one) == (goes_on, goes)
    assert goes_on.active or not goes.active


@given(old=st.integers(-6000, 6000), new=st.integers(-6000, 6000))
def test_all_hours_are_carried_over_and_none_is_lost(old: int, new: int) -> None:
    before = ledger.Account(id=1, balance=Minutes(old), floor=Minutes(-60))
    after = ledger.Account(id=2, balance=Minutes(new), floor=Minutes(-60))
    transfer = ledger.carry(before, after, at=SCRIPT_START)
    if transfer is None:
        assert old == 0
        return
    assert ledger.balances(transfer.postings) == {1: -old, 2: old}
    recorded = ledger.Recorded(
        transfer=transfer, number=1, recorder_id=7, is_reversal=False, is_reversed=False, is_carry=True
    )
    with pytest.raises(Refusal):
        ledger.reversal(recorded, by=7, said_at=SCRIPT_START, at=SCRIPT_START)


# --- in any order ----------------------------------------------------------------------------------------------

WHO = ("ana", "ben", "chi", "dan")
networks = st.sampled_from(["console", MATRIX])
steps = st.one_of(
    st.tuples(st.just("thank"), networks, st.sampled_from(WHO), networks, st.sampled_from(WHO)),
    st.tuples(st.just("undo"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("undo_no"), networks, st.sampled_from(WHO), st.integers(1, 12)),
    st.tuples(st.just("join"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("leave"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("depart"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("connect"), networks, st.sampled_from(WHO), networks, st.sampled_from(WHO)),
    st.tuples(st.just("disconnect"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("organizer"), networks, st.sampled_from(WHO), networks, st.sampled_from(WHO)),
    st.tuples(st.just("agree"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("stepdown"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("groups"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("ungroup"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("separate"), networks, st.sampled_from(WHO)),
    st.tuples(st.just("take_back"), networks, st.sampled_from(WHO)),
)


async def take(town: Town, step: tuple[Any, ...]) -> None:
    """Somebody does something."""
    what, on, who, *more = step
    named = f"@{more[1]}:example.org" if len(more) == 2 and more[0] == MATRIX else f"@{more[-1]}" if more else ""
    match what:
        case "thank":
            await town.says(who, f"/thank {named} 1h30 soup", on=on)
        case "undo_no":
            await town.says(who, f"/undo {more[0]}", on=on)
        case "join" | "leave" | "undo" | "stepdown":
            await town.says(who, f"/{what}", on=on)
        case "depart":
            await town.practice.networks[on].depart(who, town.group(on))
            await town.practice.settle()
        case "connect":
            answer = await town.whispers(who, "/connect", on=on)
            if "Your code" in answer:
                await town.whispers(more[1], f"/connect {code_in(answer)}", on=more[0])
                await press(town, more[1], "Yes, both are me", more[0])
        case "disconnect":
            await town.whispers(who, "/disconnect", on=on)
        case "organizer":
            await town.says(who, f"/organizer {named}", on=on)
        case "agree":
            await press(town, who, "Agree", on)
        case "groups":
            before = len(town.heard(who, on=on))
            await town.says(who, "/connect", on=on)
            codes = [words for words in town.heard(who, on=on)[before:] if "A code for" in words]
            if codes:
                await town.says("ana", f"/connect {code_in(codes[-1])}", on=MATRIX if on == "console" else "console")
        case "ungroup":
            await town.says(who, "/disconnect", on=on)
        case "separate":
            await press(town, who, "That was not me", on)
        case "take_back":
            await press(town, who, "Take it back", on)


async def press(town: Town, who: str, label: str, on: str) -> None:
    """Somebody presses a button, if they see one."""
    try:
        await town.practice.press(who, label, within=town.group(on))
    except NoSuchButton:
        return


async def everything_is_sound(town: Town) -> None:
    """Hours, chains, persons, memberships."""

    async def look(tx: Look) -> None:
        for (committee,) in await tx.all("SELECT id FROM committees LIMIT 100"):
            assert await transfers.total(tx, committee) == 0
            assert await entries.first_broken(tx, await people.committee(tx, committee)) is None
        assert await transfers.unbalanced(tx) == []
        # Nobody is a member twice, and what went into another membership holds nothing any more.
        twice = """SELECT m.committee_id, i.person_id FROM members m
                   JOIN (SELECT DISTINCT person_id FROM identities) i ON i.person_id = m.person_id
                   WHERE m.active = 1 GROUP BY 1, 2 HAVING count(*) > 1 LIMIT 1"""
        assert await tx.all(twice) == []
        gone = """SELECT m.id FROM absorbed b JOIN members m ON m.id = b.member_id JOIN accounts a ON a.member_id = m.id
                  LEFT JOIN roles r ON r.member_id = m.id AND r.until_us IS NULL
                  WHERE m.active = 1 OR a.balance <> 0 OR r.id IS NOT NULL OR b.into_id IN
                      (SELECT member_id FROM absorbed) OR m.person_id IN (SELECT person_id FROM identities i
                       JOIN members n USING (person_id) WHERE n.id = b.member_id) LIMIT 1"""
        assert await tx.all(gone) == []
        nobodys = """SELECT m.id FROM members m WHERE m.active = 1
                     AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.person_id = m.person_id) LIMIT 1"""
        assert await tx.all(nobodys) == []
        stray = """SELECT 1 FROM consents c JOIN proposals p ON p.id = c.proposal_id AND p.state = 'open'
                   WHERE c.member_id IN (SELECT member_id FROM absorbed) LIMIT 1"""
        assert await tx.all(stray) == []
        assert await tx.all("SELECT 1 FROM chats WHERE private = 1 AND committee_id IS NOT NULL LIMIT 1") == []
        assert await tx.all("PRAGMA foreign_key_check") == []

    await town.practice.app.database.read(look)
    assert town.practice.app.dispatcher.incidents == 0


@settings(max_examples=20)
@given(happens=st.lists(steps, min_size=1, max_size=25))
def test_in_whatever_order_people_connect_the_books_are_sound(
    riverside: Riverside, happens: list[tuple[Any, ...]]
) -> None:
    async def go(folder: Path) -> None:
        transcript: list[tuple[str, str]] = []
        practice = await riverside.opened(folder, lambda where, what: transcript.append((where, what)))
        town = Town(practice, transcript)
        try:
            await connect_groups(town)
            for who in WHO:
                await town.says(who, "/join", on=MATRIX)
            for step in happens:
                await take(town, step)
                await town.wait(timedelta(seconds=50))
                await everything_is_sound(town)
        finally:
            await practice.close()

    with TemporaryDirectory() as folder:
        asyncio.run(go(Path(folder)))


async def test_old_codes_are_forgotten(town: Town) -> None:
    await connect_accounts(town, "chi")
    await group_code(town)
    await town.whispers("eli", "/connect CCCC-CCCC")
    await town.skip("9d")
    counts = "SELECT (SELECT count(*) FROM codes), (SELECT count(*) FROM guesses)"
    assert await ask(town, lambda tx: tx.all(counts)) == [(0, 0)]
    assert connections.KEPT > joining.CODE_EXPIRES_AFTER
