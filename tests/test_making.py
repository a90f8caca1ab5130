"""Making polls: in one line, step by step, from templates, again and again, in a queue, and anew in another round."""

from __future__ import annotations

import pytest

from storage.database import Reader
from tests.conftest import Town


async def _count(town: Town, table: str = "polls") -> int:
    async def ask(tx: Reader) -> int:
        return int(await tx.value(f"SELECT count(*) FROM {table}"))

    return await town.practice.app.database.read(ask)


async def _decided(town: Town, line: str) -> None:
    """The committee decides what ana asks for, by a poll or by two organizers."""
    said = await town.says("ana", line)
    if "Agree" in _buttons(town):
        await town.presses("ben", "Agree")
        return
    assert "Change of a rule" in said
    for who in ("ben", "chi"):
        await town.presses(who, "Yes")


def _buttons(town: Town) -> str:
    return town.transcript[-1][1]


# --- the line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Where do we meet? | Library", "At least two options"),
        ("Where? | " + " | ".join(f"Room {n}" for n in range(30)), "At most 20 options"),
        ("Where? | Café | CAFE!", "Two of the options are the same: CAFE!. Write each once."),
        (" | Library | Park", "The question is missing."),
        ("? | Library | Park", "The question is missing."),
        ("Where? | Library | Park, closes yesterday", "It would close in the past"),
        ("Where? | Library | Park, closes 2020-01-01", "It would close in the past"),
        ("Where? | Library | Park, opens fri 9:00, closes thu 9:00", ""),
        ("Where? | Library | Park, opens 1 feb 9:00, closes 30 jan 9:00", "A poll is open for at most 180 days."),
        ("Where? | Library | Park, opens 1 feb 2026", "I do not understand “opens 1 feb 2026”."),
        ("Where? | Library | Park, closes friday-ish", "I do not understand “closes friday-ish”."),
        ("Where? | Library | Park, until next friday-ish", "I do not understand “until next friday-ish”."),
        ("Where? | Library | Park closes friday", "Does “closes friday” set something?"),
        ("Shall we paint the door closes tomorrow", "Does “closes tomorrow” set something?"),
        ("Where do we meet? Library, Union hall, Park", "Did you mean this? /poll Where do we meet? | Library |"),
        ("Where? | Library | Park, no deadline", "Every poll has an end, at most 180 days away."),
        ("Where? | Library | Park, closes in 300 days", "A poll is open for at most 180 days."),
        (f"{'long ' * 80}? | Library | Park", "The question is too long: 300 characters at most."),
        (f"Where? | Library | {'long ' * 30}", "An option is too long: 100 characters at most."),
        ("proposal: Where? | Library | Park", "“Proposal” has its own answers, so it takes no options."),
        ("proposal Shall we?, 2 seats", "“Proposal” has no seats."),
        ("proposal Shall we?, threshold 1/3", "What passes needs at least half."),
        ("temperature Shall we?, threshold 2/3", "“Temperature check” has no threshold to set."),
        ("Shall we?, irv, closes fri 20:00", "At least two options"),
        ("proposal Shall we?, by irv", "“Proposal” is counted by its own answers"),
        ("Who? | Ana | Ben, 3 seats", "With 2 options there are at most 2 seats."),
        ("Where? | Library | Park, 10 dots", "can be set where they are counted"),
    ],
)
async def test_what_is_wrong_is_asked_back_and_nothing_of_it_is_kept(town: Town, line: str, told: str) -> None:
    if not told:
        # The Thursday after the Friday on which it opens: understood.
        assert "It opens Fri, Jan 9 09:00." in await town.says("ana", f"/poll {line}")
        return
    assert told in await town.says("ana", f"/poll {line}")
    assert await _count(town) == 0
    assert await _count(town, "poll_options") == 0
    assert await _count(town, "poll_patterns") == 0


async def test_settings_stand_before_or_after_and_options_on_lines(town: Town) -> None:
    await town.says("dan", "/join")
    lines = "Where do we meet?\nLibrary\nUnion hall\ncloses friday 8pm"
    assert "2. Union hall" in (said := await town.says("ana", f"/poll {lines}"))
    assert "Open until Fri, Jan 9 20:00." in said
    said = await town.says("ana", "/poll closes fri 20:00, hidden: Where do we meet? | Library | Park")
    assert "1. Library" in said
    assert "Hidden from members" in said
    assert "Open until Fri, Jan 9 20:00." in said


async def test_a_line_is_understood_in_spanish_and_german(town: Town) -> None:
    await town.says("dan", "/join")
    said = await town.says("ana", "/poll ¿Dónde? | Biblioteca | Parque, cierra el viernes a las 20:00, nombres ocultos")
    assert "Open until Fri, Jan 9 20:00." in said
    assert "Hidden from members" in said
    said = await town.says("ana", "/poll Vorschlag: Streichen wir die Tür?, Zweidrittel Mehrheit, bis Freitag 20 Uhr")
    assert "It passes with at least 2/3 Yes. Open until Fri, Jan 9 20:00." in said


async def test_the_card_says_what_decides_where_it_is_set_otherwise(town: Town) -> None:
    assert "It passes with at least 2/3 Yes." in await town.says("ana", "/poll proposal Shall we?, threshold 2/3")
    said = await town.says("ana", "/poll irv: What first? | Roof | Paint | Door")
    assert "Counted otherwise than usual: in order, by instant runoff." in said
    assert "Everybody has 10 dots." in await town.says("ana", "/poll dots: What? | Roof | Paint, 10 dots")


async def test_a_carried_poll_whose_thing_is_gone_says_so(town: Town) -> None:
    await _decided(town, "/decide_by poll")
    await town.says("ana", "/category drop garden")
    await town.says("ana", "/category drop Garden")
    for who in ("ben", "chi"):
        await town.presses(who, "Yes")
    first = int(town.sees()[-1].split()[1]) - 1
    for who in ("ben", "chi"):
        await town.says(who, f"/poll {first}")
        await town.presses(who, "Yes")
    assert "it could not be carried out: There is no such kind of help to take away." in town.sees()[-1]
    assert any("So it has passed, but could not be carried out." in said for said in town.sees())


# --- step by step ------------------------------------------------------------------------------------------------


async def test_step_by_step_i_see_what_will_be_asked_before_it_is(town: Town) -> None:
    await town.says("dan", "/join")
    assert "in private" in await town.says("ana", "/poll")
    assert "What kind of poll?" in await town.whispers("ana", "/poll")
    await town.practice.press("ana", "Everybody chooses one", within=town.private("ana"))
    await town.whispers("ana", "Which colour?")
    await town.whispers("ana", "Red")
    assert "Two of the options are the same: red" in await town.whispers("ana", "red")
    await town.whispers("ana", "Green\nBlue")
    await town.practice.press("ana", "That is all", within=town.private("ana"))
    assert "I expected until when" in await town.whispers("ana", "some day")
    await town.whispers("ana", "thu 20:00")
    assert await _count(town) == 0
    await town.practice.press("ana", "Names hidden", within=town.private("ana"))
    assert "3. Blue" in town.heard("ana")[-1]
    assert "Open until Thu, Jan 8 20:00." in town.heard("ana")[-1]
    await town.practice.press("ana", "Yes", within=town.private("ana"))
    assert "Hidden from members" in town.sees()[-1]
    assert await _count(town) == 1


async def test_a_question_that_is_left_alone_asks_nothing(town: Town) -> None:
    await town.whispers("ana", "/poll")
    await town.practice.press("ana", "Yes or no", within=town.private("ana"))
    await town.whispers("ana", "Shall we paint the door?")
    await town.practice.press("ana", "In 3 days", within=town.private("ana"))
    await town.practice.press("ana", "Names shown", within=town.private("ana"))
    await town.practice.press("ana", "No", within=town.private("ana"))
    assert await _count(town) == 0


# --- planned, again and again, from templates --------------------------------------------------------------------


async def test_a_planned_poll_opens_by_itself(town: Town) -> None:
    said = await town.says("ana", "/poll Where? | Library | Park, opens wed 9:00, closes in 2 days")
    assert "It opens Wed, Jan 7 09:00." in said
    assert "Poll 1 is not open yet." in await town.says("ana", "/poll 1 close")
    await town.skip("2d")
    assert "Open until Fri, Jan 9 09:00." in town.sees()[-1]


async def test_a_poll_comes_again_until_it_is_stopped(town: Town) -> None:
    await town.says("ana", "/poll checkin How are we?, every week, opens wed 9:00, closes in 1 day")
    await town.skip("2d")
    await town.skip("7d")
    await town.skip("7d")
    assert await _count(town) == 3
    assert "Only whoever made poll 1" in await town.says("ben", "/poll 1 stop")
    assert "comes no more" in await town.says("ana", "/poll 2 stop")
    await town.skip("21d")
    assert await _count(town) == 3
    assert "does not come again" in await town.says("ana", "/poll 2 stop")


async def test_every_month_is_the_same_day_and_hour_on_the_clock_here(town: Town) -> None:
    await town.says("ana", "/poll checkin How are we?, every month, opens 31 jan 9:00, closes in 1 day")
    await town.skip("27d")
    assert "Check-in 1 by Ana" in town.sees()[-1] or "Open until Sun, Feb 1 09:00." in "".join(town.sees())
    await town.skip("28d")
    assert "Open until Sun, Mar 1 09:00." in "".join(town.sees())
    await town.skip("31d")
    assert "Open until Wed, Apr 1 09:00." in "".join(town.sees())


async def test_a_template_keeps_the_question_and_how_it_is_decided(town: Town) -> None:
    await town.says("dan", "/join")
    await town.says("ana", "/poll ranked: Where do we meet? | Library | Park, closes in 2 days, hidden")
    assert "Kept as “meeting place”" in await town.says("ben", "/poll 1 template meeting place")
    assert "There is a template with that name" in await town.says("ben", "/poll 1 template Meeting Place")
    said = await town.says("chi", "/poll template MEETING place, closes in 1 day")
    assert "Ranked poll 2 by Chi: Where do we meet? / 1. Library / 2. Park".replace(" / ", "\n") in said.replace(
        " / ", "\n"
    )
    assert "Open until Tue, Jan 6" in said
    assert "Hidden from members" in said
    assert "There is no template “nothing”" in await town.says("chi", "/poll template nothing")
    assert "meeting place: Where do we meet?" in await town.whispers("chi", "/poll templates")
    await town.practice.press("chi", "Delete: meeting place", within=town.private("chi"))
    assert "Only whoever kept it" in town.heard("chi")[-1]
    await town.whispers("ben", "/poll templates")
    await town.practice.press("ben", "Delete: meeting place", within=town.private("ben"))
    assert "There is no template yet" in await town.whispers("ben", "/poll templates")


# --- the queue ---------------------------------------------------------------------------------------------------


async def test_more_than_the_cap_wait_and_open_in_their_order(town: Town) -> None:
    await _decided(town, "/poll_cap 2")
    await town.says("ana", "/poll One? | A | B")
    await town.skip("1d")
    await town.says("ana", "/poll Two? | A | B")
    said = await town.says("chi", "/poll Three? | A | B, closes in 2 days")
    assert "At most 2 polls a week are opened here, so this one waits. It opens Mon, Jan 12 18:00" in said
    assert "It opens Tue, Jan 13" in await town.says("eli", "/poll Four? | A | B")
    # What the committee would do waits for nobody.
    await _decided(town, "/decide_by poll")
    assert "It passes if" in await town.says("ana", "/poll_cap 3")
    await town.skip("5d")
    assert not any("Three?" in said and "Open until" in said for said in town.sees())
    await town.skip("25h")
    third = next(said for said in town.sees() if "Three?" in said and "Open until" in said)
    # It is open as long as was said, and closes at the same time of day.
    assert "Open until Wed, Jan 14 18:00." in third
    assert not any("Four?" in said and "Open until" in said for said in town.sees())
    await town.skip("1d")
    assert any("Four?" in said and "Open until" in said for said in town.sees())


async def test_where_there_is_room_again_the_next_one_opens(town: Town) -> None:
    await _decided(town, "/poll_cap 1")
    number = (await town.says("ana", "/poll One? | A | B")).split()[1]
    assert "so this one waits" in await town.says("chi", "/poll Two? | A | B")
    await town.says("ana", f"/poll {number} withdraw")
    assert any("Two?" in said and "Open until" in said for said in town.sees())
    assert "so this one waits" in await town.says("chi", "/poll Three? | A | B")
    await _decided(town, "/poll_cap off")
    assert any("Three?" in said and "Open until" in said for said in town.sees())


# --- options and rounds ------------------------------------------------------------------------------------------


async def test_who_chose_a_withdrawn_option_hears_so_and_chooses_again(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Hall | Park")
    await town.presses("chi", "Library")
    await town.presses("eli", "Park")
    assert "Only whoever made poll 1" in await town.says("ben", "/poll 1 drop 1")
    assert "“Library” was withdrawn" in await town.says("ana", "/poll 1 drop library")
    assert "Your vote does not count until you choose again." in town.heard("chi")[-1]
    assert not any("withdrawn" in said for said in town.heard("eli"))
    assert "Voted: 1 of 4." in town.sees()[-2] or any("Voted: 1 of 4." in said for said in town.sees()[-2:])
    assert "Where?" in await town.whispers("chi", "/todo")
    assert "Then only one option would be left." in await town.says("ana", "/poll 1 drop 2")
    assert "Which option?" in await town.says("ana", "/poll 1 drop 9")


async def test_options_are_added_before_the_first_vote_and_not_after(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Hall")
    assert "has one more option: Park" in await town.says("ana", "/poll 1 add Park")
    assert "the same: LIBRARY" in await town.says("ana", "/poll 1 add LIBRARY")
    await town.presses("chi", "Park")
    assert "Somebody has voted already" in await town.says("ana", "/poll 1 add Wood")
    await town.says("ana", "/poll proposal Shall we?")
    assert "no option can be added" in await town.says("ana", "/poll 2 add Maybe")


async def test_an_amended_poll_begins_anew_and_the_voters_hear_so(town: Town) -> None:
    await town.says("ana", "/poll proposal Shall we paint the door?, threshold 2/3")
    await town.presses("chi", "Yes")
    said = await town.says("ana", "/poll 1 amend Shall we paint the door green?")
    assert "Proposal 2, round 2, by Ana: Shall we paint the door green?" in said
    assert "It passes with at least 2/3 Yes." in said
    assert "Voted: 0 of 4." in said
    assert "Your vote was not carried over" in town.heard("chi")[-1]
    assert any("goes on as poll 2. Votes were not carried over." in said for said in town.sees())
    assert "is over" in await town.says("ana", "/poll 1 amend Again?")
    await town.skip("6d")
    assert "Poll 1 was amended: it goes on as poll 2." in await town.whispers("chi", "/log decisions")


async def test_a_new_round_may_have_other_options(town: Town) -> None:
    await town.says("ana", "/poll Where? | Library | Hall")
    assert "2. Hall" in await town.says("ana", "/poll 1 amend Where do we meet?")
    said = await town.says("ana", "/poll 2 amend Where do we meet? | Wood | Park, closes fri 20:00")
    assert "1. Wood" in said
    assert "Open until Fri, Jan 9 20:00." in said


async def test_a_hidden_poll_tells_all_the_same_when_an_option_goes(town: Town) -> None:
    await town.says("dan", "/join")
    await town.says("ana", "/poll Where? | Library | Hall | Park, hidden")
    for who, label in (("chi", "Library"), ("eli", "Hall")):
        await town.whispers(who, "/poll 1")
        await town.practice.press(who, label, within=town.private(who))
    await town.says("ana", "/poll 1 drop 1")
    told = [next(said for said in reversed(town.heard(who)) if "was withdrawn" in said) for who in ("chi", "eli")]
    assert told[0] == told[1]


# --- bad luck ----------------------------------------------------------------------------------------------------


async def test_when_the_maker_leaves_the_poll_goes_on_and_an_organizer_can_end_it(town: Town) -> None:
    await town.says("chi", "/poll Where? | Library | Park")
    assert "Only whoever made poll 1" in await town.says("ana", "/poll 1 withdraw")
    await town.says("chi", "/leave")
    await town.skip("1m")
    await town.presses("eli", "Library")
    assert any("Library: 1 (Eli)" in said for said in town.sees())
    assert "Only whoever made poll 1" in await town.says("eli", "/poll 1 withdraw")
    assert "Withdrawn: poll 1." in await town.says("ana", "/poll 1 withdraw")
