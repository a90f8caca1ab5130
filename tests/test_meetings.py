"""When to meet: who can come when, the best time, the file for the calendar, and the rota."""

from __future__ import annotations

import asyncio

from tests.conftest import Town

ASSEMBLY = "/poll meeting Assembly | sat 10:00 | sat 18:00 | sun 11:00, closes thu"


async def card(town: Town, number: int = 1) -> list[str]:
    return (await town.says("ana", f"/poll {number}")).split(" / ")


async def everybody(town: Town, **said: str) -> None:
    """What each of them says of the three times."""
    for who, line in said.items():
        await town.whispers(who, f"/times 1 {line}")


async def test_a_line_makes_it_and_the_card_tells_how_it_is_decided(town: Town) -> None:
    assert await town.says("chi", ASSEMBLY) == (
        "Meeting time 1 by Chi: Assembly / 1. Sat, Jan 10 10:00: nobody yet / 2. Sat, Jan 10 18:00: nobody yet / "
        "3. Sun, Jan 11 11:00: nobody yet / Most who can come, at need included; then most who gladly can; then the "
        "earliest. Open until Thu, Jan 8 20:00. / Answered: 0 of 4. Names are shown."
    )


async def test_i_say_it_in_a_line_and_the_group_sees_figures(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    said = await town.whispers("eli", "/times 1 yes no if need be")
    assert (
        "1. Sat, Jan 10 10:00: yes: Eli / 2. Sat, Jan 10 18:00: no: Eli / 3. Sun, Jan 11 11:00: if need be: Eli" in said
    )
    assert "You have answered 3 of 3 times; you can change it until Thu, Jan 8 20:00." in said
    assert (await card(town))[1:4] == [
        "1. Sat, Jan 10 10:00: 1 yes",
        "2. Sat, Jan 10 18:00: 0 yes",
        "3. Sun, Jan 11 11:00: 0 yes, 1 if need be",
    ]
    await town.whispers("eli", "/times 1 no")
    assert (await card(town))[1] == "1. Sat, Jan 10 10:00: 0 yes"


async def test_taps_go_round_and_a_double_tap_says_it_once(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await town.whispers("eli", "/times 1")
    there = town.private("eli")
    for now, then in [("not said", "1 yes"), ("yes", "0 yes, 1 if need be"), ("if need be", "0 yes"), ("no", "1 yes")]:
        await town.practice.press("eli", f"Sat, Jan 10 18:00: {now}", within=there)
        assert (await card(town))[2] == f"2. Sat, Jan 10 18:00: {then}"


async def test_two_taps_on_different_times_at_once_are_both_kept(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await town.whispers("eli", "/times 1")
    there = town.private("eli")
    await asyncio.gather(
        town.practice.press("eli", "Sat, Jan 10 10:00: not said", within=there),
        town.practice.press("eli", "Sun, Jan 11 11:00: not said", within=there),
    )
    await town.practice.settle()
    assert [line.partition("0: ")[2] for line in (await card(town))[1:4]] == ["1 yes", "nobody yet", "1 yes"]


async def test_the_time_at_which_most_can_come_is_announced(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="yes yes no", ben="maybe yes no", chi="yes no maybe", eli="maybe no yes")
    await town.skip("4d")
    assert town.sees()[-1] == (
        "Meeting time 1 by Chi: Assembly / We meet: Sat, Jan 10 10:00, 1 h. / 2 yes, 2 if need be: most can come then."
    )
    assert "is closed" in await town.whispers("eli", "/times 1 yes")
    assert "Poll 1 closed: it is decided." in await town.whispers("ana", "/log")


async def test_among_equals_more_gladly_then_the_earliest(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="maybe yes no", ben="yes yes no")
    await town.says("chi", "/meet Choir | sun 12:00 | sun 10:00, closes thu")
    await town.whispers("ana", "/times 2 yes")
    await town.skip("4d")
    told = [one for one in town.sees() if "We meet" in one]
    assert [one for one in told if "Choir" not in one][-1].endswith(
        "We meet: Sat, Jan 10 18:00, 1 h. / 2 yes: as many can come at another time, but more of them only if need be."
    )
    assert told[-1].endswith(
        "We meet: Sun, Jan 11 10:00, 1 h. / 1 yes: as many can come at another time; this one is earlier."
    )


async def test_a_time_without_whoever_must_be_there_comes_last(town: Town) -> None:
    await town.says("chi", "/meet Assembly | sat 10:00 | sat 18:00, lasts 90m, must @ana, closes thu")
    assert "Must be there: Ana." in await card(town)
    await everybody(town, ana="no yes", ben="yes no", chi="yes no", eli="yes maybe")
    await town.skip("4d")
    assert town.sees()[-1].endswith(
        "We meet: Sat, Jan 10 18:00, 1 h 30. / 1 yes, 1 if need be: those who must be there can come."
    )


async def test_where_nobody_can_come_no_time_is_chosen(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="no", ben="no")
    await town.skip("4d")
    assert "Nobody can come at any of these times." in town.sees()[-1]


async def test_whoever_made_it_decides_early_once_everybody_has_said_it(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="yes", ben="yes", chi="yes")
    assert "Not everybody has voted yet" in await town.says("chi", "/poll 1 close")
    await everybody(town, eli="no yes no")
    assert "Only whoever made poll 1" in await town.says("eli", "/poll 1 close")
    assert "We meet: Sat, Jan 10 18:00" in await town.says("chi", "/poll 1 close")


async def test_i_see_the_times_as_my_own_clock_shows_them(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await town.whispers("eli", "/my_timezone Auckland")
    said = await town.whispers("eli", "/times 1 yes no no")
    assert "Times as your clock shows them in Auckland. / 1. Sat, Jan 10 23:00: yes: Eli" in said
    assert "2. Sun, Jan 11 07:00: no: Eli" in said
    assert (await card(town))[1] == "1. Sat, Jan 10 10:00: 1 yes", "the group sees the committee's time"


async def test_the_file_is_for_my_calendar(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="yes no no")
    await town.skip("4d")
    await town.whispers("eli", "/start")
    assert await town.presses("eli", "For my calendar") == "I have sent it to you in private."
    files = [what for where, what in town.transcript if what.startswith("bot sends a file: meeting-1.ics")]
    assert len(files) == 1


async def test_an_organizer_puts_it_on_the_rota_once(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="yes no no")
    await town.skip("4d")
    assert await town.presses("chi", "Put it on the rota") == "Only an organizer can do that. Ask one of them."
    assert "Assembly: Jan 10, 2026, 10:00, 1 h, 1 to 3 people" in await town.presses("ana", "Put it on the rota")
    assert await town.presses("ben", "Put it on the rota") == "It is on the rota already: /shifts"


async def test_what_can_mean_two_times_is_asked_back(town: Town) -> None:
    assert await town.says("chi", "/meet Choir | sat 7 | sun 10:00") == (
        "“sat 7” can mean more than one time. Which is it?"
    )
    said = await town.presses("chi", "Sat, Jan 10 19:00")
    assert "1. Sat, Jan 10 19:00: nobody yet / 2. Sun, Jan 11 10:00" in said


async def test_what_cannot_be_is_refused_and_nothing_is_left(town: Town) -> None:
    for line, words in {
        "/meet Choir | sat 10:00": "Write 2 to 20 times",
        "/meet Choir | sat 10:00 | sometime": "I do not understand when “sometime” is",
        "/meet Choir | sat 10:00 | today 9:00": "“today 9:00” is over already",
        "/meet Choir | sat 10:00 | saturday 10:00": "Two of the times are the same",
        "/meet Choir | sat 10:00 | sun 10:00, closes sun 12:00": "It would close after the first of the times",
        "/meet Choir | sat 10:00 | sun 10:00, must @zoe": "whom you mean by “@zoe”",
        "/meet Choir | sat 10:00 | sun 10:00, lasts forever": "I do not understand “lasts forever”",
        "/meet Choir | today 18:05 | sun 10:00": "is too soon",
        "/meet | sat 10:00 | sun 10:00": "The question is missing",
    }.items():
        assert words in await town.says("chi", line), line
    assert "There is no poll 1" in await town.says("ana", "/poll 1")


async def test_answers_that_are_not_one_for_each_time_are_refused(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    assert "for each of the 3 times" in await town.whispers("eli", "/times 1 yes no")
    assert (await card(town))[1].endswith("nobody yet")
    assert "not on the roll" in await _joined(town)


async def _joined(town: Town) -> str:
    await town.says("dan", "/join")
    return await town.whispers("dan", "/times 1 yes")


async def test_it_ends_before_the_first_of_the_times_by_itself(town: Town) -> None:
    await town.says("chi", "/meet Choir | tomorrow 10:00 | tomorrow 18:00")
    assert "Open until Tue, Jan 6 09:00." in (await card(town))[3]


async def test_it_can_be_withdrawn_and_opened_later(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    assert "Withdrawn" in await town.says("chi", "/poll 1 withdraw")
    assert (await card(town))[-1] == "Withdrawn."
    await town.skip("4d")
    assert not any("We meet" in one for one in town.sees())
    await town.says("chi", "/meet Choir | 20.1. 10:00 | 21.1. 10:00, opens 12.1. 9:00")
    await town.skip("5d")
    assert "2 by Chi: Choir / 1. Tue, Jan 20 10:00: nobody yet" in town.sees()[-1]


async def test_in_spanish_and_german_too(town: Town) -> None:
    assert "1. Sat, Jan 10 10:00" in await town.says(
        "chi", "/poll reunión Asamblea | sáb 10:00 | dom 11:00, cierra jue"
    )
    assert "/ 2. Sun, Jan 11 11:00" in await town.says("eli", "/poll Treffen Plenum | Sa 10 Uhr | So 11 Uhr, bis Do")


async def test_whoever_has_left_does_not_come(town: Town) -> None:
    await town.says("chi", ASSEMBLY)
    await everybody(town, ana="no yes no", eli="yes no no", chi="yes no no")
    await town.says("eli", "/leave")
    assert (await card(town))[1] == "1. Sat, Jan 10 10:00: 1 yes"
