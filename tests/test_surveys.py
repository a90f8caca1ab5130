"""Surveys: several questions, asked in private, told as figures when they close."""

from __future__ import annotations

import asyncio

from bot.chat import Document
from storage.database import Reader
from tests.conftest import Town

KITCHEN = (
    "/survey Our kitchen, closes fri 20:00\nHow is the food? | good | so-so | bad\n"
    "What do we need? (several) | pots | knives | a fridge\nWhat else?"
)
SHOWN = KITCHEN.replace("kitchen,", "kitchen, names,")
FIVE = ("ana", "ben", "chi", "eli", "dan")


async def begun(town: Town, line: str = KITCHEN) -> None:
    await town.says("dan", "/join")
    await town.says("ana", line)


async def card(town: Town) -> str:
    return await town.says("ana", "/poll 1")


async def taps(town: Town, who: str, *labels: str) -> str:
    """Somebody taps on these in private; what they see then."""
    for label in labels:
        await town.practice.press(who, label, within=town.private(who))
    there = town._title(town.private(who))
    return [what for where, what in town.transcript if where == there and what.startswith("bot")][-1]


async def answers(town: Town, who: str, food: str, words: str) -> None:
    await town.whispers(who, "/survey 1")
    await taps(town, who, food, "pots", "Next")
    await town.whispers(who, words)


async def all_answer(town: Town) -> None:
    for who, food in zip(FIVE, ("good", "good", "bad", "good", "so-so"), strict=True):
        await answers(town, who, food, f"more salt, says number {len(who)} {food}")


async def test_the_card_says_who_could_see_what_i_answer(town: Town) -> None:
    await begun(town)
    assert await card(town) == (
        "Survey 1 by Ana: Our kitchen / 3 questions. Several questions, asked in private. It decides nothing. Open "
        "until Fri, Jan 9 20:00. / Hidden from members: nobody here sees who voted what. Whoever runs the bot could "
        "see it. / It is counted if at least 5 answer."
    )


async def test_one_question_comes_after_the_other_and_it_can_be_gone_on_with(town: Town) -> None:
    await begun(town)
    assert await town.whispers("chi", "/survey 1") == "Our kitchen: question 1 of 3 / How is the food?"
    assert "question 2 of 3 / What do we need? / Tap all that fit, then Next." in await taps(town, "chi", "good")
    assert "[pots (chosen)] [knives] [a fridge (chosen)]" in await taps(town, "chi", "pots", "a fridge")
    assert "[pots] [knives] [a fridge (chosen)]" in await taps(town, "chi", "pots (chosen)")
    await town.skip("1d")
    assert "question 3 of 3 / What else? / Write your answer here" in await town.whispers("chi", "/survey 1")
    assert "You have answered 3 of 3 questions. Thank you." in await town.whispers("chi", "More salt, please")
    assert "[good (chosen)]" in await taps(town, "chi", "Change my answers")


async def test_i_skip_what_i_do_not_want_to_answer_and_find_it_again(town: Town) -> None:
    await begun(town)
    await town.whispers("chi", "/survey 1")
    said = await taps(town, "chi", "Skip", "knives", "Next", "Skip")
    assert "You have answered 1 of 3 questions." in said
    assert "question 1 of 3" in await taps(town, "chi", "Answer what I skipped")


async def test_the_group_sees_no_counts_while_it_is_open_and_figures_afterwards(town: Town) -> None:
    await begun(town)
    await all_answer(town)
    assert "nswered: " not in await card(town)
    await town.skip("5d")
    assert "The survey is closed. Answered: 5 of 5." in town.sees()[-1]
    told = await card(town)
    assert "1. How is the food? (5 answered) / good: 3 / so-so: 1 / bad: 1" in told
    assert "2. What do we need? (5 answered) / pots: 5 / knives: 0 / a fridge: 0" in told
    assert told.count("more salt") == 3
    assert told.endswith("and 2 more")
    for who in ("Ben", "Chi", "Eli", "Dan"):
        assert who not in told


async def test_once_it_is_closed_nothing_leads_from_an_answer_to_a_person(town: Town) -> None:
    await begun(town)
    await all_answer(town)
    await town.skip("5d")

    async def rows(tx: Reader) -> tuple[int, int, int, int]:
        return (
            int(await tx.value("SELECT count(*) FROM poll_keys")),
            int(await tx.value("SELECT count(*) FROM poll_ballots WHERE voter NOT LIKE 'n%'")),
            int(await tx.value("SELECT count(*) FROM survey_answers WHERE voter IS NOT NULL")),
            int(await tx.value("SELECT count(*) FROM survey_answers")),
        )

    assert await town.practice.app.database.read(rows) == (0, 0, 0, 5)


async def test_fewer_than_five_answers_are_not_counted_and_what_was_written_is_gone(town: Town) -> None:
    await begun(town)
    for who in FIVE[:4]:
        await answers(town, who, "good", "more salt")
    await town.skip("5d")
    assert town.sees()[-1].endswith(
        "Fewer than 5 have answered: that would tell who said what. So nothing is counted, and what was written is "
        "erased."
    )
    assert "good" not in await card(town)

    async def words(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM notes WHERE text LIKE '%more salt%'"))

    assert await town.practice.app.database.read(words) == 0


async def test_with_names_the_card_shows_who_said_what(town: Town) -> None:
    await begun(town, SHOWN)
    assert "Answered: 0 of 5. Names are shown." in await card(town)
    await answers(town, "chi", "good", "more salt")
    assert "Answered: 1 of 5. Names are shown." in await card(town)
    await town.skip("5d")
    assert "good: 1 (Chi)" in await card(town)


async def test_all_answers_come_as_a_file_for_spreadsheets_in_private(town: Town) -> None:
    await begun(town)
    for who in FIVE:
        await answers(town, who, "good", "=1+1")
    await town.skip("5d")
    files: list[Document] = []
    original = town.practice.console.send

    async def send(letter):  # type: ignore[no-untyped-def]
        files.extend([letter.document] if isinstance(letter.document, Document) else [])
        return await original(letter)

    town.practice.console.send = send  # type: ignore[method-assign]
    await town.whispers("eli", "/start")
    await _file(town)
    assert [one.name for one in files] == ["survey-1.csv"]
    lines = files[0].text.splitlines()
    assert lines[:2] == ["Question,Answer,How often", "How is the food?,good,5"]
    assert lines[-1] == "What else?,'=1+1,1", "what people wrote is no formula"
    assert len(lines) == 1 + 3 + 3 + 5


async def _file(town: Town) -> None:
    await town.whispers("eli", "/poll 1")
    await town.practice.press("eli", "All answers as a file", within=town.private("eli"))


async def test_i_take_my_answers_back_and_they_are_erased(town: Town) -> None:
    await begun(town)
    await answers(town, "chi", "good", "more salt")
    assert "I have erased your answers." in await taps(town, "chi", "Take my answers back")

    async def left(tx: Reader) -> tuple[int, int]:
        ballots = int(await tx.value("SELECT count(*) FROM poll_ballots"))
        return ballots, int(await tx.value("SELECT count(*) FROM notes WHERE text = 'more salt'"))

    assert await town.practice.app.database.read(left) == (0, 0)
    assert "question 1 of 3" in await taps(town, "chi", "Answer")


async def test_an_answer_in_words_takes_the_place_of_the_one_before(town: Town) -> None:
    await begun(town)
    await answers(town, "chi", "good", "more salt")
    said = await taps(town, "chi", "Change my answers", "Next", "Next")
    assert "So far you have written: “more salt”" in said
    await town.whispers("chi", "less salt")

    async def words(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text LIKE '%salt' LIMIT 9")]

    assert await town.practice.app.database.read(words) == ["less salt"]


async def test_whoever_is_forgotten_takes_what_they_wrote_along(town: Town) -> None:
    await begun(town, KITCHEN)
    await answers(town, "chi", "good", "more salt")
    await answers(town, "eli", "good", "less salt")
    await town.whispers("chi", "/forget me")
    await town.practice.press("chi", "Yes, forget me for good", within=town.private("chi"))

    async def words(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text LIKE '%salt' LIMIT 9")]

    assert await town.practice.app.database.read(words) == ["less salt"]


async def test_a_double_tap_ticks_once_and_two_who_answer_at_once_are_both_counted(town: Town) -> None:
    await begun(town, SHOWN)
    for who in ("chi", "eli"):
        await town.whispers(who, "/survey 1")
    await asyncio.gather(
        *(town.practice.press(who, "good", within=town.private(who)) for who in ("chi", "eli")),
    )
    await town.practice.settle()
    assert "Answered: 2 of 5." in await card(town)


async def test_only_who_is_on_the_roll_answers_and_only_while_it_is_open(town: Town) -> None:
    await begun(town)
    await town.says("fay", "/join")
    assert "not on the roll" in await town.whispers("fay", "/survey 1")
    await town.whispers("chi", "/survey 1")
    await town.skip("5d")
    assert "is closed" in await taps(town, "chi", "good")


async def test_withdrawn_it_leaves_no_words(town: Town) -> None:
    await begun(town)
    await answers(town, "chi", "good", "more salt")
    await town.says("ana", "/poll 1 withdraw")
    assert (await card(town)).endswith("Withdrawn.")

    async def words(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM survey_answers"))

    assert await town.practice.app.database.read(words) == 0


async def test_what_cannot_be_is_refused_and_nothing_is_left(town: Town) -> None:
    for line, words in {
        "/survey Our kitchen": "The questions are missing",
        "/survey Our kitchen\nFood? | good": "Question 1 has one option",
        "/survey Our kitchen\nElse?\n| a | b": "Question 2 has no words",
        "/survey Our kitchen\nFood? | good | Good": "Two of the options of question 1 are the same",
        "/survey Our kitchen, closes friday-ish\nElse?": "I do not understand “closes friday-ish”",
        "/survey Our kitchen\n" + "\n".join(["Else?"] * 21): "At most 20 questions",
    }.items():
        assert words in await town.says("ana", line), line
    assert "There is no poll 1" in await town.says("ana", "/poll 1")


async def test_settings_may_stand_in_the_last_line_too(town: Town) -> None:
    await town.says("ana", "/poll survey Our kitchen\nFood? | good | bad, closes thu")
    said = await card(town)
    assert "1 question." in said
    assert "Open until Thu, Jan 8 20:00." in said


async def test_the_log_tells_how_many_questions_and_no_words(town: Town) -> None:
    await begun(town)
    await all_answer(town)
    await town.skip("5d")
    told = await town.whispers("ana", "/log")
    assert "Poll 1 asks 3 questions." in told
    assert "Poll 1 got 5 answers in words." in told

    async def bodies(tx: Reader) -> str:
        return " ".join([body for (body,) in await tx.all("SELECT body FROM entries LIMIT 100")])

    assert "salt" not in await town.practice.app.database.read(bodies)
