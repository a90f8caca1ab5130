"""What members say to the time bank, and what they hear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.console import Somebody
from bot.chat import Sender
from tests.conftest import Town


async def test_thanks_reach_the_one_who_helped(town: Town) -> None:
    assert await town.says("ana", "/thank @ben 1h30 fixed the bike") == "Ben helped Ana: 1 h 30. (No. 1)"
    assert await town.whispers("ben", "/balance") == "You have 1 h 30."
    assert await town.whispers("ana", "/balance") == "You have -1 h 30. / The limit is -12 h."
    assert town.heard("ben")[0] == "Ana thanked you with 1 h 30: fixed the bike"


@pytest.mark.parametrize(
    ("line", "minutes"),
    [
        ("/thank @ben 1h30", 90),
        ("/thank @ben 90m", 90),
        ("/thank @ben 1.5h", 90),
        ("/thank @ben 1,5 h", 90),
        ("/thank @ben 1:30", 90),
        ("/thank @ben 1 h 30", 90),
        ("/thank @ben 1 h 30 min", 90),
        ("/thank @ben 45 minutes for the soup", 45),
        ("/thank 2 hours @ben", 120),
        ("/thank ben 2 Stunden", 120),
        ("/THANK BEN 2H", 120),
        ('/thank "ben" 2h', 120),
        ("/thank @Ben, 2h", 120),
    ],
)
async def test_hours_are_written_as_people_write_them(town: Town, line: str, minutes: int) -> None:
    await town.says("ana", line)
    assert await town.balance("ben") == minutes


async def test_a_reply_names_the_person(town: Town) -> None:
    await town.says("ben", "the bike is ready")
    assert await town.says("ana", "/thank 2h", reply_to="ben") == "Ben helped Ana: 2 h. (No. 1)"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (
            "/thank @ben",
            "Something is missing: an amount of time, like 1h30. Write it like this: /thank @ben 1h30 fixed the bike",
        ),
        (
            "/thank @ben lots",
            "I read “lots” where I expected an amount of time, like 1h30. "
            "Write it like this: /thank @ben 1h30 fixed the bike",
        ),
        ("/thank @ben 2", "Is “2” in hours or in minutes? Write 2h or 90m."),
        ("/thank @ben 0h", "The time must be more than nothing. Write it like 1h30."),
        ("/thank @ben -1h", "The time must be more than nothing. Write it like 1h30."),
        ("/thank @ben 1.333h", "“1.333h” is not a whole number of minutes. Write hours and minutes, like 1h20."),
        ("/thank @ben 999h", "“999h” is too much at once: at most 100 h."),
        ("/thank @ana 1h", "You cannot thank yourself with hours. Who helped you?"),
        (
            "/thank @zoe 1h",
            "Nobody in Riverside is called @zoe. Ask them to type /join in the group.",
        ),
    ],
)
async def test_what_is_not_understood_moves_nothing_and_says_what_to_do(town: Town, line: str, answer: str) -> None:
    assert await town.says("ana", line) == answer
    assert await town.balance("ana") == 0


async def test_the_limit_is_kept_and_the_group_does_not_see_what_somebody_has(town: Town) -> None:
    assert await town.says("ana", "/thank @ben 12h") == "Ben helped Ana: 12 h. (No. 1)"
    assert await town.says("ana", "/thank @chi 1m") == ""
    assert town.heard("ana")[-1].startswith("That would take you to -12 h 01, below the limit of -12 h")
    assert await town.balance("ana") == -720


async def test_a_slip_is_taken_back_within_ten_minutes(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    assert await town.presses("ana", "Undo") == "No. 1 is undone. (No. 2)"
    assert ("Riverside", "bot (edit): Undone: Ben helped Ana: 2 h. (No. 1)  [My balance]") in town.transcript
    assert await town.balance("ben") == 0
    assert await town.says("ana", "/undo 1") == "No. 1 is undone already."
    assert await town.says("ana", "/undo 2") == "That entry is itself an undo. Record it again instead."


async def test_nobody_else_takes_it_back_but_whoever_loses_by_it(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    assert await town.presses("chi", "Undo") == (
        "No. 1 is between others: only they can take it back, or the committee (/correct 1)."
    )
    assert await town.balance("ben") == 120
    assert await town.presses("ben", "Undo") == "No. 1 is undone."
    assert await town.balance("ben") == 0


async def test_after_ten_minutes_the_other_side_has_to_agree(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await town.skip("10m")
    await town.says("ana", "/thank @ben 1h")
    await town.skip("1s")
    assert (await town.says("ana", "/undo 1")).startswith("Take back no. 1? Ben helped Ana: 2 h.")
    assert await town.says("ana", "/undo 2") == "No. 2 is undone. (No. 3)"
    assert await town.balance("ben") == 120
    await town.presses("ben", "That is right")
    assert await town.balance("ben") == 0


async def test_history_is_private_and_newest_first(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h soup")
    await town.says("chi", "/thank @ana 1h")
    assert await town.says("ana", "/history") == ""
    assert town.heard("ana")[-1] == (
        "Your hours in Riverside / At the end: -1 h. / No. 2, Jan 5, 2026: you helped Chi, 1 h. / "
        "No. 1, Jan 5, 2026: Ben helped you, -2 h. “soup” / At the beginning: 0 min."
    )


async def test_thanks_said_in_private_are_told_in_private_where_that_is_possible(town: Town) -> None:
    assert await town.whispers("ana", "/thank @ben 1h") == "Ben helped Ana: 1 h. (No. 1) / You have -1 h now."
    assert not [what for where, what in town.transcript if where == "Riverside"]
    await town.says("dan", "/join")
    await town.whispers("ana", "/thank @dan 1h")
    # Dan has never opened a private chat, so he hears of it in the group.
    assert ("Riverside", "bot: Dan helped Ana: 1 h. (No. 2)  [My balance] [Undo]") in town.transcript[-2:]


async def test_erased_words_are_gone_from_the_history(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h a private matter")
    assert await town.says("chi", "/erase 1") == "Only the two people in no. 1 can erase its note."
    assert await town.whispers("ben", "/erase 1") == (
        "I have erased the note of no. 1; the hours stay. What was written in a chat stays there until you delete it."
    )
    assert "No. 1, Jan 5, 2026: Ben helped you, -2 h. / " in await town.whispers("ana", "/history")
    assert await town.whispers("ben", "/erase 1") == "No. 1 has no note."


class Called(Somebody):
    """Somebody whose name is not their username."""

    @property
    def sender(self) -> Sender:
        return replace(super().sender, name=f"Sam {self.username.removeprefix('sam_').title()}")


async def two_called_sam(town: Town) -> None:
    """Sam One and Sam Two join."""
    for who in ("sam_one", "sam_two"):
        town.practice.console.people[who] = Called(who)
        await town.says(who, "/join")


async def test_two_people_of_one_name_are_asked_back(town: Town) -> None:
    await two_called_sam(town)
    assert await town.says("ana", "/thank sam 1h paint") == "“sam” fits several people. Whom do you mean?"
    assert await town.presses("ana", "Sam Two") == "Sam Two helped Ana: 1 h. (No. 1)"
    assert await town.balance("sam_two") == 60
    assert await town.balance("sam_one") == 0


async def test_a_question_is_answered_once_and_by_whoever_was_asked(town: Town) -> None:
    await two_called_sam(town)
    await town.says("ana", "/thank sam 1h paint")
    assert await town.presses("chi", "Sam One") == "This choice is for somebody else."
    await town.presses("ana", "Sam Two")
    assert await town.presses("ana", "Sam Two") == "That was chosen already."
    assert await town.presses("ana", "Sam One") == "That was chosen already."
    assert (await town.balance("ana"), await town.balance("chi")) == (-60, 0)


async def test_an_answer_that_was_refused_can_be_given_again(town: Town) -> None:
    await two_called_sam(town)
    await town.says("ana", "/thank @ben 12h")
    await town.says("ana", "/thank sam 1h")
    assert (await town.presses("ana", "Sam Two")).startswith("That would take you to -13 h")
    await town.says("chi", "/thank @ana 1h")
    assert await town.presses("ana", "Sam Two") == "Sam Two helped Ana: 1 h. (No. 3)"


async def test_what_was_asked_back_long_ago_has_to_be_said_again(town: Town) -> None:
    await two_called_sam(town)
    await town.says("ana", "/thank sam 1h a secret errand")
    await town.skip("61m")
    assert (await town.presses("ana", "Sam Two")).startswith("This choice is out of date.")


async def test_an_erased_note_goes_from_what_the_bot_has_said_too(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h the hospital visit")
    assert town.heard("ben") == ["Ana thanked you with 2 h: the hospital visit"]
    await town.says("ana", "/erase 1")
    assert ("ben (dm)", "bot (edit): Ana thanked you with 2 h.") in town.transcript


async def test_without_a_private_chat_nothing_is_done_a_second_time(town: Town) -> None:
    await town.says("dan", "/join")
    answer = "I answer that in private. Press the button once; after that I can always reach you there."
    assert await town.says("dan", "/balance") == answer
    await town.presses("dan", "Open a private chat")
    assert town.heard("dan") == ["You have 0 min."]
