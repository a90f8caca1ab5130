"""Everything can be done by pressing: the menu and its pages, questions step by step, what waits for somebody."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.console import Posted
from bot.app import commands
from bot.chat import Chat, Key, Message
from bot.router import NEWCOMERS, Where
from storage.database import Reader
from tests.conftest import Town, two_decide

PRESSES_MAX = 1200


# --- whole conversations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["in the group", "in private"])
async def test_a_newcomer_joins_thanks_looks_undoes_and_leaves_by_presses_alone(town: Town, where: str) -> None:
    await _opens_menu(town, "chi", where)
    await town.says("dan", "/menu")
    await town.presses("dan", "Join")
    await town.whispers("dan", "/start")
    await _opens_menu(town, "dan", where)
    for label in ("Thank somebody", "Ben", "1 h 30", "Skip", "Yes"):
        await town.presses("dan", label)
    assert (await town.balance("ben"), await town.balance("dan")) == (90, -90)
    await _opens_menu(town, "dan", where)
    for label in ("More", "Hours"):
        await town.presses("dan", label)
    seen = await town.presses("dan", "My balance")
    assert "You have -1 h 30." in (seen or town.heard("dan")[-1])
    for label in ("Undo", "Yes"):
        await town.presses("dan", label)
    assert (await town.balance("ben"), await town.balance("dan")) == (0, 0)
    for label in ("Menu", "More", "More", "Committee", "More", "Leave", "Yes"):
        await town.presses("dan", label)
    assert "Dan has left Riverside." in town.sees()


@pytest.mark.parametrize("where", ["in the group", "in private"])
async def test_an_organizer_changes_the_language_and_names_another_by_presses_alone(town: Town, where: str) -> None:
    await _opens_menu(town, "ana", where)
    for label in ("More", "More", "More", "Who does what", "New organizer", "Chi", "Yes"):
        await town.presses("ana", label)
    await town.presses("ben", "Agree")
    assert "Chi is an organizer now. Organizers: Ana, Ben, and Chi." in town.sees()
    await _opens_menu(town, "ana", where)
    for label in ("More", "More", "Committee", "Group's language", "Español", "Yes"):
        await town.presses("ana", label)
    await _opens_menu(town, "ben", where)
    for label in ("More", "More", "More", "Decisions", "Agree", "Proposal 2", "Yes"):
        await town.presses("ben", label)
    assert "El idioma del grupo es ahora: Español." in town.sees()


async def _opens_menu(town: Town, who: str, where: str) -> None:
    await (town.says if where == "in the group" else town.whispers)(who, "/menu")


async def test_pages_take_each_others_place_and_the_group_stays_quiet(town: Town) -> None:
    await town.says("chi", "/menu")
    before = _in_group(town)
    hours, committee = ("More", "Hours", "Back"), ("More", "More", "Committee", "More", "Back", "Back")
    for label in (*hours, *committee, "More", "More", "Committee", "Settings", "Back"):
        await town.presses("chi", label)
    assert _in_group(town) == before


def _in_group(town: Town) -> int:
    return sum(one.chat == town.group().id for one in town.practice.console.posted.values())


async def test_questions_of_a_group_are_asked_in_private(town: Town) -> None:
    await town.says("chi", "/menu")
    said = len(town.sees())
    await town.presses("chi", "Thank somebody")
    assert len(town.sees()) == said
    assert town.heard("chi")[-1].startswith("Thank somebody / Who helped you?")


async def test_whoever_has_no_private_chat_is_led_there_and_goes_on(town: Town) -> None:
    await town.says("dan", "/join")
    await town.says("dan", "/menu")
    assert "I answer that in private" in await town.presses("dan", "Thank somebody")
    await town.presses("dan", "Open a private chat")
    assert town.heard("dan")[-1].startswith("Thank somebody / Who helped you?")


# --- step by step ----------------------------------------------------------------------------------------------


async def test_words_answer_a_question_as_well_as_buttons(town: Town) -> None:
    await town.whispers("chi", "/thank")
    assert "How long did it take?" in await town.whispers("chi", "ben")
    assert await town.whispers("chi", "ages") == (
        "I expected an amount of time, like 1h30. Write only that, or choose “Cancel”."
    )
    await town.whispers("chi", "1 h 30")
    assert await town.whispers("chi", "carried the sofa") == (
        "Ben helped you: 1 h 30. / “carried the sofa” / You will have -1 h 30. / Is that right?"
    )
    assert await town.balance("ben") == 0, "nothing happens before it is confirmed"
    await town.presses("chi", "Yes")
    assert await town.balance("ben") == 90


async def test_talk_in_the_group_is_never_an_answer(town: Town) -> None:
    await town.says("chi", "/thank")
    assert await town.says("chi", "ben") == ""
    assert town.heard("chi")[-1].startswith("Thank somebody / Who helped you?")


async def test_even_what_is_said_to_the_bot_in_the_group_is_no_answer(town: Town) -> None:
    await town.whispers("chi", "/thank")
    console = town.practice.console
    said = Message(
        event="spoken-to",
        at=town.practice.clock(),
        chat=town.group(),
        sender=console.somebody("chi").sender,
        text="ben",
        message="m1",
        addressed=True,
    )
    await town.practice.app.dispatcher.handle(said)
    await town.practice.settle()
    assert town.sees()[-1].startswith("I did not understand that.")
    assert town.heard("chi")[-1].startswith("Thank somebody / Who helped you?")


async def test_a_question_waits_an_hour_and_can_be_ended(town: Town) -> None:
    await town.whispers("chi", "/thank")
    await town.presses("chi", "Cancel")
    assert town.heard("chi")[-1] == "All right, nothing was done."
    assert (await town.whispers("chi", "ben")).startswith("I did not understand that.")
    await town.whispers("chi", "/thank")
    await town.wait(timedelta(hours=1, minutes=1))
    assert (await town.whispers("chi", "ben")).startswith("I did not understand that.")


async def test_a_command_is_not_an_answer(town: Town) -> None:
    await town.whispers("chi", "/thank")
    assert await town.whispers("chi", "/balance") == "You have 0 min."
    assert "How long did it take?" in await town.whispers("chi", "ben")


async def test_two_of_one_name_are_asked_back_within_the_question(town: Town) -> None:
    await town.says("chi", "/add Sam")
    await town.says("eli", "/add sam")
    await town.presses("eli", "Yes, add sam")
    await town.whispers("ana", "/thank")
    assert await town.whispers("ana", "sam") == "“sam” fits several people. Whom do you mean?"
    await town.presses("ana", "sam (Eli speaks for them)")
    assert "How long did it take?" in town.heard("ana")[-1]


async def test_people_are_offered_with_those_first_who_helped_lately(town: Town) -> None:
    await town.says("chi", "/thank @eli 1h")
    await town.whispers("chi", "/thank")
    labels = [key.label for key in _keys(_newest(town, town.private("chi")))]
    assert labels == ["Eli", "Ana", "Ben", "Cancel"]


async def test_a_long_list_of_people_has_pages(town: Town) -> None:
    for who in ("dan", "eva", "fay", "gus", "hal"):
        await town.says(who, "/join")
    await town.whispers("chi", "/thank")
    assert [key.label for key in _keys(_newest(town, town.private("chi")))][-2:] == ["More", "Cancel"]
    await town.presses("chi", "More")
    for label in ("Hal", "1 h", "Skip", "Yes"):
        await town.presses("chi", label)
    assert await town.balance("hal") == 60


async def test_a_choice_is_only_for_whoever_was_asked_and_counts_once(town: Town) -> None:
    await town.whispers("chi", "/thank")
    posted = _newest(town, town.private("chi"))
    ben = next(key for key in _keys(posted) if key.label == "Ben")
    message = next(id_ for id_, one in town.practice.console.posted.items() if one is posted)
    await town.practice.console.press_key("eli", ben, message, manages_chat=False)
    await town.practice.settle()
    assert any("This choice is for somebody else." in what for _, what in town.transcript)


async def test_what_cannot_be_done_is_refused_before_it_is_confirmed(town: Town) -> None:
    await town.says("chi", "/thank @ben 11h30")
    await town.whispers("chi", "/thank")
    for label in ("Ben", "2 h", "Skip"):
        await town.presses("chi", label)
    assert "below the limit" in town.heard("chi")[-1]


async def test_erasing_ones_notes_forgets_what_a_question_holds(town: Town) -> None:
    await town.whispers("chi", "/thank @ben 1h soup")
    await town.whispers("chi", "/thank")

    async def open_ones(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM dialogues"))

    assert await town.practice.app.database.read(open_ones) == 1
    await town.whispers("chi", "/erase 1")
    assert await town.practice.app.database.read(open_ones) == 0


async def test_no_limit_is_a_button_too(town: Town) -> None:
    await town.says("ana", "/menu")
    for label in ("More", "More", "Committee", "Lowest balance", "No limit", "Yes"):
        await town.presses("ana", label)
    await town.presses("ben", "Agree")
    assert "There is no lowest balance now." in town.sees()


@settings(max_examples=40)
@given(
    person=st.sampled_from(["ana", "ben", "eli"]),
    minutes=st.one_of(st.sampled_from([30, 60, 90, 120]), st.integers(1, 700)),
    note=st.sampled_from(["", "fixed the bike", "soup & bread", "3 crates"]),
    pressed=st.tuples(st.booleans(), st.booleans()),
)
async def test_a_dialogue_says_the_same_as_the_line(
    town: Town, person: str, minutes: int, note: str, pressed: tuple[bool, bool]
) -> None:
    await town.whispers("chi", "/thank")
    for label, word, may_press, press in (
        (person.capitalize(), f"@{person}", True, pressed[0]),
        (_duration(minutes), f"{minutes}m", minutes in (30, 60, 90, 120), pressed[1]),
        ("Skip", note, not note, True),
    ):
        if may_press and (press or not word):
            await town.presses("chi", label)
        else:
            await town.whispers("chi", word)
    await town.presses("chi", "Yes")
    by_steps = await town.practice.app.database.read(_newest_thanks)
    await town.whispers("chi", f"/undo {await _number(town)}")
    await town.whispers("chi", f"/thank @{person} {minutes}m {note}")
    assert await town.practice.app.database.read(_newest_thanks) == by_steps
    await town.whispers("chi", f"/undo {await _number(town)}")


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{rest} min" if not hours else f"{hours} h {rest:02}" if rest else f"{hours} h"


async def _newest_thanks(tx: Reader) -> list[tuple[object, ...]]:
    return await tx.all(
        """SELECT p.account_id, p.minutes, n.text FROM postings p
           LEFT JOIN notes n ON n.thing = 'transfer:' || p.transfer_id
           WHERE p.transfer_id = (SELECT max(id) FROM transfers) ORDER BY p.account_id"""
    )


async def _number(town: Town) -> int:
    async def ask(tx: Reader) -> int:
        return int(await tx.value("SELECT max(number) FROM transfers"))

    return await town.practice.app.database.read(ask)


# --- what waits ------------------------------------------------------------------------------------------------


async def test_what_waits_for_somebody_is_dealt_with_where_it_is_shown(town: Town) -> None:
    assert await town.whispers("chi", "/todo") == "Nothing waits for you."
    await town.says("ana", "/limit 20h")
    await town.says("ana", "/language de")
    heard = await town.whispers("ben", "/todo")
    assert "1. Proposal 1: The lowest balance becomes -20 h." in heard
    assert "2. Proposal 2: The group's language becomes Deutsch." in heard
    assert "Proposal" not in await town.whispers("ana", "/todo"), "Ana has agreed already"
    assert await town.whispers("chi", "/todo") == "Nothing waits for you.", "it is for the organizers"
    await town.presses("ben", "1. Agree")
    assert "Proposal 1" not in await town.whispers("ben", "/todo")


async def test_what_waits_is_answered_in_private(town: Town) -> None:
    await town.says("ana", "/limit 20h")
    assert await town.says("ben", "/todo") == ""
    assert "Proposal 1" in town.heard("ben")[-1]


async def test_a_question_that_was_left_waits_too(town: Town) -> None:
    await town.whispers("chi", "/thank")
    await town.presses("chi", "Ben")
    assert "You began: Thank somebody." in await town.whispers("chi", "/todo")
    await town.presses("chi", "Go on")
    assert "How long did it take?" in town.heard("chi")[-1]


async def test_only_eight_things_are_shown(town: Town) -> None:
    for zone in ("Madrid", "Berlin", "London", "Paris", "Rome", "Vienna", "Oslo", "Lisbon", "Athens", "Warsaw"):
        await town.says("ana", f"/timezone {zone}")
    heard = await town.whispers("ben", "/todo")
    assert "8. Proposal 8" in heard
    assert "9. " not in heard, "the custodians who are missing are the eleventh thing"
    assert "… and 3 more." in heard


async def test_somebody_in_several_committees_sees_what_waits_in_all_of_them(town: Town) -> None:
    console = town.practice.console
    hillside = console.group("Hillside")
    await console.say("zora", "/setup", hillside, manages_chat=True)
    await console.say("ben", "/join", hillside)
    await console.say("zora", "/organizer @ben", hillside)
    await two_decide(town.practice.app.database)
    await console.say("zora", "/limit 9h", hillside)
    await town.practice.settle()
    await town.says("ana", "/limit 20h")
    heard = await town.whispers("ben", "/todo")
    assert "2. Hillside: Proposal 1: The lowest balance becomes -9 h." in heard
    assert "1. Riverside: Proposal 1: The lowest balance becomes -20 h." in heard
    await town.presses("ben", "2. Agree")
    assert "There is no" not in town.heard("ben")[-1]
    assert "-9 h" not in await town.whispers("ben", "/todo")
    assert "-20 h" in await town.whispers("ben", "/todo"), "the button was for the other committee"
    # In a group it is about that group's committee alone.
    await town.says("ben", "/todo")
    assert "Hillside" not in town.heard("ben")[-1]


async def test_in_private_the_menu_of_one_of_several_committees_stays_with_it(town: Town) -> None:
    console = town.practice.console
    hillside = console.group("Hillside")
    await console.say("zora", "/setup", hillside, manages_chat=True)
    await console.say("chi", "/join", hillside)
    await town.practice.settle()
    await town.whispers("chi", "/menu")
    for label in ("Hillside", "Thank somebody", "Zora", "1 h", "Skip", "Yes"):
        await town.presses("chi", label)
    assert "Zora helped Chi: 1 h. (No. 1)" in "".join(town.heard("chi"))
    assert "For which committee?" not in "".join(town.heard("chi"))


# --- the whole menu --------------------------------------------------------------------------------------------

_REFUSALS = re.compile(
    r"You have not recorded anything yet|None of your latest exchanges has a note|No proposal waits for you"
    r"|You have no open proposal|That is how it is already|is an organizer already|Two organizers must agree"
    r"|You cannot|I could not find out|Only somebody who manages|Only an organizer"
)
"""Clear answers, with which the way ends."""


@pytest.mark.parametrize(
    ("who", "where"),
    [
        ("chi", "in private"),
        ("ana", "in private"),
        # In the group it takes several times as long: in the long run.
        pytest.param("ana", "in the group", marks=pytest.mark.soak),
        pytest.param("chi", "in the group", marks=pytest.mark.soak),
    ],
)
async def test_no_button_of_the_menu_leads_nowhere(town: Town, who: str, where: str) -> None:
    """Press whatever leads on to a page or a question, from the first page; each time from the beginning again."""
    done: set[tuple[str, ...]] = set()
    left: list[tuple[str, ...]] = [()]
    labels: set[str] = set()
    while left:
        path = left.pop()
        assert len(done) < PRESSES_MAX
        await _opens_menu(town, who, where)
        for label in path:
            since = len(town.transcript)
            await town.presses(who, label)
            answers = [what for _, what in town.transcript[since:] if what.startswith(("bot", "bot (edit)"))]
            assert answers, f"{path} leads nowhere"
            assert not any("out of date" in what or "went wrong" in what for what in answers), path
        done.add(path)
        labels |= set(path)
        keys = [key.label for key in _keys(_shown(town, who, path, where))] if _goes_on(town, path) else []
        assert len(keys) <= 8 or not path, f"{path} is too long"
        left += [
            (*path, key)
            for key in keys
            if key not in ("Back", "Menu", "Yes", "No", "Cancel", *(label for label in path if label != "More"))
        ]
    private = where == "in private"
    reachable = {
        command.label.one
        for router in commands().routers
        for command in router.commands
        if command.label is not None
        and command.where in (Where.ANYWHERE, Where.PRIVATE if private else Where.GROUP)
        and not (command.allow.value == "organizer" and who == "chi")
    }
    assert reachable <= labels


def _goes_on(town: Town, path: tuple[str, ...]) -> bool:
    """Pages and questions are followed, not what is answered; of things to choose from one level is enough."""
    pages = {router.title.one for router in commands().routers if router.title is not None}
    return all(label in pages or label == "More" for label in path)


def _shown(town: Town, who: str, path: tuple[str, ...], where: str) -> Posted:
    return _newest(town, town.group() if where == "in the group" else town.private(who))


def _newest(town: Town, chat: Chat) -> Posted:
    posted = [one for one in town.practice.console.posted.values() if one.chat == chat.id]
    return max(posted, key=lambda one: one.order)


def _keys(posted: Posted) -> list[Key]:
    return [key for row in posted.keys for key in row]


def test_what_a_newcomer_needs_comes_first_in_every_list() -> None:
    listed = [command.name for command in commands().listed()]
    built = [name for name in NEWCOMERS if name in listed]
    assert listed[: len(built)] == built
    assert {"menu", "todo", "thank"} <= set(built)
