"""Slots to sign up for: first come, first served, a waiting list, and onto the rota."""

from __future__ import annotations

import asyncio

from storage.database import Reader
from tests.conftest import Town

KITCHEN = "/poll slots Soup kitchen Saturday | 10-12 max 2 | 12-14 max 3 | 11-13 max 1"
MINE = "It is yours: Soup kitchen Saturday, 10-12"


async def card(town: Town, number: int = 1) -> str:
    return await town.says("ana", f"/poll {number}")


async def has(town: Town, slot: int) -> str:
    return (await card(town)).split(" / ")[slot]


async def test_whoever_taps_first_has_the_slot_and_the_card_says_so(town: Town) -> None:
    assert await town.says("ana", KITCHEN) == (
        "Slots 1 by Ana: Soup kitchen Saturday / 1. 10-12: 0 of 2 / 2. 12-14: 0 of 3 / 3. 11-13: 0 of 1 / Whoever asks "
        "first has it. Who comes later waits, and moves up. Open until Sat, Jan 10 10:00."
    )
    assert await town.presses("chi", "10-12") == MINE
    assert town.sees()[-1].split(" / ")[1] == "1. 10-12: 1 of 2 (Chi)"


async def test_a_double_tap_takes_it_once(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("chi", "10-12")
    assert await town.presses("chi", "10-12") == (
        "You have it already: Soup kitchen Saturday, 10-12. To give it up: /slot 1 1 off"
    )
    assert await has(town, 1) == "1. 10-12: 1 of 2 (Chi)"


async def test_two_who_tap_for_the_last_place_at_once_do_not_both_have_it(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await asyncio.gather(*(town.practice.say(who, "/slot 1 3") for who in ("ana", "ben", "chi", "eli")))
    await town.practice.settle()
    assert (await has(town, 3)).endswith("; 3 wait")
    assert (await has(town, 3)).startswith("3. 11-13: 1 of 1 (")


async def test_when_it_is_full_i_wait_and_move_up_and_hear_it_in_private(town: Town) -> None:
    await town.says("ana", KITCHEN)
    for who in ("chi", "ben"):
        await town.presses(who, "10-12")
    full = "Soup kitchen Saturday, 10-12 is full. You are number 1 on the waiting list; I tell you when one is free."
    await town.whispers("eli", "/start")
    assert await town.whispers("eli", "/slot 1 1") == full
    assert "is full. You are number 2" in await town.whispers("ana", "/slot 1 1")
    assert await has(town, 1) == "1. 10-12: 2 of 2 (Chi and Ben); 2 wait"
    assert "number 1 on the waiting list" in await town.whispers("eli", "/slot 1 1"), "asking again changes nothing"
    await town.says("ben", "/slot 1 1 off")
    assert town.heard("eli")[-1] == "A place is free, and it is yours now: Soup kitchen Saturday, 10-12"
    assert not any("A place is free" in one for one in town.heard("ana"))
    assert await has(town, 1) == "1. 10-12: 2 of 2 (Chi and Eli); 1 waits"
    await town.whispers("ana", "/slot 1 1 off")
    assert await has(town, 1) == "1. 10-12: 2 of 2 (Chi and Eli)"


async def test_i_give_mine_up_by_a_tap_and_can_ask_again(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("chi", "10-12")
    await town.whispers("chi", "/start")
    await town.presses("chi", "Give mine up")
    assert town.heard("chi")[-1] == "Yours: Soup kitchen Saturday, 10-12"
    await town.practice.press("chi", "Give up: 10-12", within=town.private("chi"))
    assert town.heard("chi")[-1] == "It is not yours any more: Soup kitchen Saturday, 10-12"
    assert await has(town, 1) == "1. 10-12: 0 of 2"
    assert await town.presses("chi", "10-12") == MINE
    assert await town.presses("eli", "Give mine up") == "You have signed up for none of these slots."


async def test_nobody_is_in_two_slots_at_once(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("chi", "10-12")
    assert await town.presses("chi", "11-13") == (
        "At that time you have another one: Soup kitchen Saturday, 10-12. Give it up first: /slot 1 1 off"
    )
    assert await town.presses("chi", "12-14") == "It is yours: Soup kitchen Saturday, 12-14"


async def test_nobody_is_in_a_slot_and_on_a_shift_at_once(town: Town) -> None:
    await town.says("ana", "/task cleaning sat 11:00 2h crew 1")
    await town.says("chi", "/shift take cleaning")
    await town.says("ana", KITCHEN)
    assert await town.presses("chi", "10-12") == "At that time you are elsewhere: Cleaning, Sat, Jan 10 11:00"
    assert await has(town, 1) == "1. 10-12: 0 of 2"


async def test_everybody_has_as_many_as_was_said(town: Town) -> None:
    await town.says("ana", "/slots Flyers | north max 1 | south max 1, max 1 each")
    await town.presses("chi", "north")
    assert await town.presses("chi", "south") == (
        "Everybody has at most 1 slot here, and yours is: Flyers, north. Give it up first: /slot 1 1 off"
    )
    assert "north is full" in await town.whispers("eli", "/slot 1 1")
    assert "Everybody has at most 1 slot" in await town.whispers("eli", "/slot 1 2"), "to wait counts too"


async def test_whoever_leaves_frees_their_slot_for_who_waits(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("chi", "11-13")
    await town.whispers("eli", "/start")
    await town.whispers("eli", "/slot 1 3")
    await town.says("chi", "/leave")
    await town.practice.settle()
    assert town.heard("eli")[-1] == "A place is free, and it is yours now: Soup kitchen Saturday, 11-13"
    assert await has(town, 3) == "3. 11-13: 1 of 1 (Eli)"


async def test_somebody_from_outside_has_no_slot(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("dan", "10-12")
    assert await has(town, 1) == "1. 10-12: 0 of 2"
    await town.says("dan", "/join")
    assert await town.presses("dan", "10-12") == MINE, "whoever comes later can sign up too"


async def test_when_it_is_closed_nobody_signs_up_and_an_organizer_puts_it_on_the_rota(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("chi", "10-12")
    await town.presses("eli", "12-14")
    await town.presses("chi", "12-14")
    assert not _shows(town, "Put it on the rota")
    assert "Only whoever made poll 1" in await town.says("ben", "/poll 1 close")
    await town.says("ana", "/poll 1 close")
    assert "is closed" in await town.whispers("ben", "/slot 1 1")
    assert await town.presses("chi", "Put it on the rota") == "Only an organizer can do that. Ask one of them."
    assert await town.presses("ben", "Put it on the rota") == (
        "On the rota now: Soup kitchen Saturday, 10-12 and Soup kitchen Saturday, 12-14. /shifts shows them."
    )
    assert await town.says("eli", "/shifts") == (
        "This week / Sat, Jan 10 10:00, 2 h: Soup kitchen Saturday, 10-12 (Chi; 1 more needed) / Sat, Jan 10 12:00, 2 "
        "h: Soup kitchen Saturday, 12-14 (Eli and Chi; 1 more needed)"
    )

    async def tasks(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM rota_tasks"))

    assert await town.practice.app.database.read(tasks) == 2, "nobody signed up for the third"


def _shows(town: Town, label: str) -> bool:
    return any(f"[{label}]" in what for _, what in town.transcript)


async def test_the_clock_closes_it_when_the_first_slot_begins(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.presses("chi", "10-12")
    await town.skip("5d")
    assert town.sees()[-1].endswith("1. 10-12: 1 of 2 (Chi) / 2. 12-14: 0 of 3 / 3. 11-13: 0 of 1")


async def test_slots_without_times_do_not_go_onto_the_rota(town: Town) -> None:
    await town.says("ana", "/slots Cake sale | cake max 2 | coffee")
    await town.presses("chi", "coffee")
    assert (await card(town)).split(" / ")[2] == "2. coffee: 1 (Chi)"
    await town.says("ana", "/poll 1 close")
    assert not _shows(town, "Put it on the rota")


async def test_what_cannot_be_is_refused_and_nothing_is_left(town: Town) -> None:
    for line, words in {
        "/slots Cake sale": "Write 1 to 20 slots",
        "/slots Cake sale | cake max 0": "from 1 to 500 people fit into a slot",
        "/slots Cake sale | cake max 1 | cake max 2": "Two of the options are the same",
        "/slots Cake sale | cake, max 99 each": "one may have 1 to 20 slots",
        "/slots Cake sale | cake, closes friday-ish": "I do not understand “closes friday-ish”",
        "/slots Cake | today 10-12": "The first slot is over already",
    }.items():
        assert words in await town.says("ana", line), line
    assert "There is no poll 1" in await town.says("ana", "/poll 1")
    await town.says("ana", KITCHEN)
    assert "There is no slot 9 in poll 1" in await town.whispers("chi", "/slot 1 9")
    assert "You have not signed up for it" in await town.whispers("chi", "/slot 1 1 off")
    assert "is of another kind: Slots" in await town.whispers("chi", "/times 1 yes")


async def test_it_can_open_later(town: Town) -> None:
    assert await town.says("ana", "/slots Cake sale | cake max 1, opens tomorrow 9:00") == (
        "Poll 1 opens Tue, Jan 6 09:00."
    )
    assert "is not open yet" in await town.whispers("chi", "/slot 1 1")
    await town.skip("1d")
    assert "Slots 1 by Ana: Cake sale / 1. cake: 0 of 1" in town.sees()[-1]
    assert await town.presses("chi", "cake") == "It is yours: Cake sale, cake"


async def test_my_slots_wait_in_todo_and_room_stands_in_polls(town: Town) -> None:
    await town.says("ana", KITCHEN)
    assert "Soup kitchen" not in await town.whispers("chi", "/todo"), "nobody has to take one"
    await town.presses("chi", "10-12")
    await town.skip("3d")
    assert "Your slot: Soup kitchen Saturday, 10-12" in await town.whispers("chi", "/todo")


async def test_whoever_speaks_for_somebody_signs_them_up(town: Town) -> None:
    await town.says("ana", KITCHEN)
    await town.says("chi", "/add Rosa")
    assert MINE in await town.whispers("chi", "/for Rosa /slot 1 1")
    assert await has(town, 1) == "1. 10-12: 1 of 2 (Rosa)"
    assert MINE in await town.presses("chi", "10-12"), "and themselves beside"
