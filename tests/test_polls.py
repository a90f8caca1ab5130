"""How polls close: in time, once, with a quorum or without, early or late; and who is reminded before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.practice import FixedClock
from storage.database import Reader
from tests.conftest import Town
from tests.polling import make, poll, vote


async def test_a_poll_without_its_quorum_comes_to_nothing(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Park, quorum all, closes in 2 days")
    await town.presses("ana", "Library")
    await town.skip("3d")
    found = await poll(town, 1)
    assert found.verdict == "no_quorum"
    assert "Voted: 1 of 4. / It needed at least 4 votes. / So too few voted for it to count." in town.sees()[-1]
    assert not found.extended


async def test_it_is_extended_once_where_one_or_two_votes_are_missing(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Park, quorum 3/4, closes in 2 days")
    await town.presses("ana", "Library")
    await town.skip("49h")
    said = town.sees()
    assert "Poll 1: 2 votes are missing for it to count, so it is open until Thu, Jan 8 18:00, once." in said
    assert (await poll(town, 1)).state == "open"
    await town.presses("ben", "Library")
    await town.skip("25h")
    found = await poll(town, 1)
    assert found.verdict == "no_quorum"
    assert sum("so it is open until" in one for one in town.sees()) == 1


async def test_the_extension_can_be_enough(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Park, quorum 1/2, closes in 2 days")
    await town.presses("ana", "Library")
    await town.skip("49h")
    await town.presses("ben", "Park")
    await town.presses("chi", "Park")
    await town.skip("25h")
    assert "Chosen: Park." in town.sees()[-1]


async def test_of_a_hidden_poll_nobody_hears_how_many_votes_are_missing(town: Town) -> None:
    await town.says("dan", "/join")
    await town.says("ana", "/poll strike: Do we walk out?, quorum 3/5, closes in 2 days")
    await town.whispers("dan", "/vote 1 yes")
    await town.skip("49h")
    assert town.sees()[-1] == (
        "Poll 1: a few votes are missing for it to count, so it is open until Thu, Jan 8 18:00, once."
    )
    # What was still to be said of the earlier time is not said any more.
    late = [one for one in town.heard("eli") if "vote until" in one]
    await town.skip("1h")
    assert [one for one in town.heard("eli") if "vote until" in one][len(late) :] == []


async def test_a_hidden_poll_with_few_ballots_is_not_counted(town: Town) -> None:
    for who in ("dan", "fay"):
        await town.says(who, "/join")
    await make(town, "Who?", "Ana", "Ben", secrecy="hidden", process="election")
    await vote(town, 1, ana=[[1]], ben=[[2]], chi=[[1]], dan=[[2]])
    await town.skip("4d")
    found = await poll(town, 1)
    assert found.verdict == "too_few"
    assert found.result is not None
    assert "count" not in found.result
    said = town.sees()[-1]
    assert "too few voted for it to stay hidden who voted what, so nothing was counted." in said
    assert "Ana:" not in said


async def test_what_is_settled_closes_at_once(town: Town) -> None:
    await make(town, "Shall we?", method="options", process="proposal", early=True)
    for who in ("ana", "ben"):
        await town.presses(who, "Yes")
    assert (await poll(town, 1)).state == "open"
    # Whatever Eli says now: three of four are for it.
    await town.presses("chi", "Yes")
    assert (await poll(town, 1)).verdict == "passed"
    await town.skip("4d")
    assert sum("Poll 1 is closed" in one for one in town.sees()) == 1


async def test_only_those_who_have_not_voted_are_reminded_and_twice_at_most(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Park, quorum 3/4, closes in 5 days")
    for who in ("ana", "ben"):
        await town.presses(who, "Library")
    await town.skip("123h")
    reminded = [one for one in town.heard("eli") if "You can still vote until" in one]
    assert 1 <= len(reminded) <= 2
    for who in ("ana", "ben"):
        assert not [one for one in town.heard(who) if "You can still vote until" in one]
    # It was extended: that is no reason to remind anybody a third time.
    await town.skip("2d")
    reminded = [one for one in town.heard("eli") if "You can still vote until" in one]
    assert len(reminded) <= 2
    assert (await poll(town, 1)).reminded <= 2


async def test_a_poll_that_should_have_closed_while_the_bot_was_down_is_closed_once(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Park, closes in 2 days")
    await town.presses("ana", "Library")
    clock = town.practice.clock
    assert isinstance(clock, FixedClock)
    # Nobody looks at the clock meanwhile.
    clock.move(clock() + timedelta(days=9))
    await town.skip("1m")
    await town.skip("1d")
    assert (await poll(town, 1)).verdict == "decided"
    assert sum("Poll 1 is closed" in one for one in town.sees()) == 1

    async def closings(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM entries WHERE kind = 'poll' AND body LIKE '%\"closed\"%'"))

    assert await town.practice.app.database.read(closings) == 1


async def test_its_maker_closes_it_before_its_time_once_all_have_voted(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Park, closes in 2 days")
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Library")
    assert "Not everybody has voted yet." in await town.says("ana", "/poll 1 close")
    await town.presses("eli", "Park")
    await town.says("ana", "/poll 1 close")
    assert (await poll(town, 1)).verdict == "decided"
    await town.skip("3d")
    assert sum("Poll 1 is closed" in one for one in town.sees()) == 1


async def test_a_poll_that_carries_a_command_says_by_how_much_it_passed(town: Town) -> None:
    await town.says("ana", "/poll proposal Shall we paint?, threshold 2/3")
    await town.presses("ana", "Yes")
    await town.presses("ben", "Yes")
    await town.presses("chi", "No")
    await town.skip("6d")
    said = town.sees()[-1]
    assert "Yes 2 of 3, at least 2/3 needed." in said
    assert "1 voter choosing otherwise would have turned it round." in said


# --- elsewhere -----------------------------------------------------------------------------------------------------

ELSEWHERE = "/poll external Who speaks? https://vote.example.org/12, closes in 2 days"


@pytest.mark.parametrize(
    "line", ["Who speaks?", "Who? http://vote.example.org", "Who? https://a.example https://b.example"]
)
async def test_a_vote_elsewhere_needs_one_safe_address(town: Town, line: str) -> None:
    said = await town.says("ana", f"/poll external {line}")
    assert said.startswith("Write one address where people vote, beginning with https://.")


async def test_the_result_of_a_vote_elsewhere_is_entered_once_by_whoever_made_it(town: Town) -> None:
    said = await town.says("ana", ELSEWHERE)
    assert "I do not see who votes there, and cannot check the count." in said
    assert "4 may vote (roll " in said
    assert "is open until" in await town.whispers("ana", "/poll 1 result Ana 5, Ben 3")
    await town.skip("3d")
    assert any("Enter the result: /poll 1 result Ana 5, Ben 3" in one for one in town.heard("ana"))
    assert not [one for one in town.heard("eli") if "You can still vote" in one]
    assert await town.whispers("ben", "/poll 1 result Ana 5") == "Ana made this poll and enters its result."
    assert "I do not understand “Ben”." in await town.whispers("ana", "/poll 1 result Ana 5, Ben")
    said = await town.says("ana", "/poll 1 result Ana 5, Ben 3")
    assert "Chosen: Ana. / Ana: 5 / Ben: 3 / Counted elsewhere and entered by hand: I cannot check it." in said
    assert await town.says("ana", "/poll 1 result Ana 1, Ben 3") == "Poll 1 is over."
    assert "only the figures are here" in await town.says("eli", "/poll 1 verify")


async def test_a_tie_elsewhere_stays_one(town: Town) -> None:
    await town.says("ana", ELSEWHERE)
    await town.skip("3d")
    assert "A tie: Ana and Ben." in await town.says("ana", "/poll 1 result Ana 3, Ben 3, Chi 1")
    assert (await poll(town, 1)).verdict == "tied"


async def test_where_its_maker_has_left_an_organizer_enters_the_result(town: Town) -> None:
    await town.says("chi", ELSEWHERE)
    await town.says("chi", "/leave")
    await town.skip("3d")
    assert "Chosen: Ana." in await town.says("ben", "/poll 1 result Ana 5, Ben 3")


async def test_everybody_can_see_that_it_is_the_same_file(town: Town) -> None:
    await town.says("ana", ELSEWHERE)
    await town.skip("3d")
    await town.says("ana", "/poll 1 result Ana 5, Ben 3")
    assert await town.says("eli", '/poll_file 1 {"result": [5, 3]}') == "There is no file to compare it with."
    assert "Kept, in the log too: " in await town.says("ana", '/poll_file 1 {"result": [5, 3]}')
    assert (await town.says("eli", '/poll_file 1 {"result": [5, 3]}')).startswith("It is the same file: ")
    assert (await town.says("eli", '/poll_file 1 {"result": [5, 4]}')).startswith("It is NOT the same file.")
    assert "The file with the result: " in await town.says("eli", "/poll 1")
