"""Orders together as members meet them: begun, joined, closed, paid, fetched, and what may go wrong."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from storage import connections, orders, people, privacy
from storage.database import Reader, Transaction
from storage.instants import to_us
from storage.orders import Order
from storage.people import Member
from tests.conftest import Town

OIL = "/order olive oil 12.50 per can, minimum 4, until fri 18:00"


async def order_now(town: Town, number: int = 1) -> Order:
    """An order as it is in the database."""

    async def ask(tx: Reader) -> Order:
        found = await orders.numbered(tx, 1, number)
        assert found is not None
        return found

    return await town.practice.app.database.read(ask)


async def takes(town: Town, number: int = 1) -> dict[str, int]:
    """Who takes how many."""

    async def ask(tx: Reader) -> dict[str, int]:
        found = await orders.numbered(tx, 1, number)
        assert found is not None
        return {line.name: line.quantity for line in await orders.lines_of(tx, found)}

    return await town.practice.app.database.read(ask)


async def turns(town: Town) -> list[tuple[str, str]]:
    """Whose turn the newest one is, and who has declined."""

    async def ask(tx: Reader) -> list[tuple[str, str]]:
        slot = await orders.slot(tx, 1, await tx.value("SELECT max(id) FROM order_slots"))
        assert slot is not None
        return [(turn.name, turn.state) for turn in await orders.turns_of(tx, slot)]

    return await town.practice.app.database.read(ask)


async def member(tx: Reader, town: Town, who: str) -> Member:
    """Somebody of the town."""
    found = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
    assert found is not None
    return found


async def ordered(town: Town, line: str = OIL, *, ana: int = 0) -> None:
    """Ana's order is closed, and placed: Ben takes 1, Chi 2, Eli 2."""
    await town.says("ana", line)
    for who, count in (("ana", ana), ("ben", 1), ("chi", 2), ("eli", 2)):
        if count:
            await town.whispers(who, f"/want 1 {count}")
    await town.skip("5d")


# --- beginning ---------------------------------------------------------------------------------------------------


async def test_an_order_is_a_card_in_the_group_that_counts_and_names_nobody(town: Town) -> None:
    said = await town.says("ana", OIL)
    assert said == (
        "Order no. 1 by Ana: olive oil (can) / 12.50 each. / Until Fri, Jan 9 18:00. / "
        "0 ordered so far; the minimum is 4."
    )
    cards = len(town.sees())
    assert await town.presses("chi", "+1") == "No. 1, olive oil (can): / You take 1: 12.50."
    assert await town.presses("chi", "+1") == "No. 1, olive oil (can): / You take 2: 25.00."
    assert await town.presses("ben", "+1") == "No. 1, olive oil (can): / You take 1: 12.50."
    assert town.sees()[-1].endswith("3 ordered so far; the minimum is 4.")
    assert all("Chi" not in one and "Ben" not in one for one in town.sees()[cards:])
    assert await takes(town) == {"Chi": 2, "Ben": 1}


async def test_what_is_missing_is_asked_for_and_nothing_twice(town: Town) -> None:
    assert "What does one cost?" in await town.whispers("ana", "/order flour, until fri 18:00")
    await town.presses("ana", "Not known yet")
    assert "Order no. 1 by Ana: flour / The price is not known yet. / Until Fri, Jan 9 18:00." in (
        await town.whispers("ana", "5")
    )
    assert (await order_now(town)).least == 5


async def test_an_order_is_begun_by_buttons_and_answers_alone(town: Town) -> None:
    await town.whispers("ana", "/order")
    assert "What does one cost?" in await town.whispers("ana", "rice 5 kg")
    assert "Is there a minimum" in await town.whispers("ana", "7,50 €")
    await town.presses("ana", "No minimum")
    await town.presses("ana", "In a month")
    assert "Order no. 1 by Ana: rice 5 kg / 7.50 each." in town.sees()[-1]
    assert (await order_now(town)).missing == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/order oil 5 each, minimum 3, until 2025-12-31", "over already"),
        ("/order oil 5 each, minimum 0, until fri", "at least 1"),
        ("/order oil 0 each, minimum 3, until fri", "more than nothing"),
        ("/order 5 each, minimum 3, until fri", "What shall we order together?"),
        ("/want 7 1", "There is no such order."),
        ("/paid 7", "There is no such order."),
        ("/price 7 3.00", "There is no such order."),
    ],
)
async def test_what_cannot_be_is_refused_and_says_what_to_do(town: Town, line: str, why: str) -> None:
    assert why in await town.whispers("ana", line)
    assert "Nothing is being ordered" in await town.whispers("chi", "/orders")


async def test_a_minimum_in_money_needs_a_price(town: Town) -> None:
    await town.whispers("ana", "/order oil, minimum 100 €, until fri")
    assert "A minimum in money needs the price" in await _pressed(town, "ana", "Not known yet")
    await town.says("ana", "/order oil 30 each, minimum 100 €, until fri")
    await town.presses("chi", "+1")
    assert town.sees()[-1].endswith("Ordered for 30.00 so far; the minimum is 100.00.")
    assert (await order_now(town)).missing == 3


async def test_nobody_begins_orders_without_end(town: Town) -> None:
    for number in range(orders.OF_MEMBER_MAX):
        await town.whispers("chi", f"/order thing {number} 5 each, minimum 1, until fri")
    assert "You look after 10 orders already." in await town.whispers("chi", "/order more 5 each, minimum 1, until fri")
    assert "No. 8" in await town.whispers("eli", "/orders")
    await town.presses("eli", "More")
    assert town.heard("eli")[-1].count("No. ") == 2


# --- ordering ----------------------------------------------------------------------------------------------------


async def test_nobody_takes_less_than_none_or_more_than_can_be(town: Town) -> None:
    await town.says("ana", OIL)
    assert "You take none of it" in await town.presses("chi", "−1")
    assert "Less than none" in await town.whispers("chi", "/want 1 -2")
    assert "too much for one person" in await town.whispers("chi", "/want 1 1000")
    await town.whispers("chi", "/want 1 999")
    assert "too much for one person" in await town.presses("chi", "+1")
    assert await takes(town) == {"Chi": 999}
    assert "You take none of it" in await town.whispers("chi", "/want 1 0")
    assert await takes(town) == {}


async def test_after_the_deadline_nothing_is_ordered_also_by_an_old_button(town: Town) -> None:
    await town.says("ana", OIL)
    await town.whispers("eli", "/orders")
    await town.presses("eli", "No. 1")
    await town.whispers("chi", "/want 1 4")
    await town.skip("5d")
    assert "The time to order is over" in await town.whispers("ben", "/want 1 1")
    await town.practice.press("eli", "+1", within=None)
    assert any("The time to order is over" in words for words in town.heard("eli"))
    assert await takes(town) == {"Chi": 4}


async def test_after_the_deadline_nothing_is_ordered_also_while_the_clock_is_late(town: Town) -> None:
    await town.says("ana", OIL)

    async def passes(tx: Transaction) -> None:
        await tx.execute("UPDATE orders SET until_us = ?", to_us(town.practice.clock()))

    await town.practice.app.database.transact(passes)
    assert "The time to order is over" in await town.presses("chi", "+1")
    assert await takes(town) == {}


async def test_in_private_the_page_shows_what_one_takes_and_is_edited(town: Town) -> None:
    await town.says("ana", OIL)
    await town.whispers("eli", "/orders")
    await town.presses("eli", "No. 1")
    assert town.heard("eli")[-1].endswith("You take none.")
    heard = len(town.heard("eli"))
    await town.practice.press("eli", "+1", within=None)
    assert town.heard("eli")[heard:] == [
        "Order no. 1 by Ana: olive oil (can) / 12.50 each. / Until Fri, Jan 9 18:00. / "
        "1 ordered so far; the minimum is 4. / You take 1: 12.50."
    ]


async def test_who_takes_how_many_is_seen_by_the_beginner_and_not_by_others(town: Town) -> None:
    await town.says("ana", OIL)
    await town.presses("chi", "+1")
    await town.presses("ana", "Details")
    await town.presses("ana", "Who takes how many")
    assert town.heard("ana")[-1] == "No. 1, olive oil (can): / Chi: 1, 12.50 / In all: 1, 12.50."
    await town.presses("ben", "Details")
    assert "Chi" not in town.heard("ben")[-1]


# --- the deadline ------------------------------------------------------------------------------------------------


async def test_at_the_deadline_each_hears_what_they_take_and_owe_and_the_beginner_has_the_list(town: Town) -> None:
    await ordered(town, ana=1)
    assert (
        town.heard("chi")[-1] == "No. 1, olive oil (can): / It is ordered: 6 in all. / You take 2, and pay Ana 25.00."
    )
    assert town.heard("ana")[-2].endswith("You take 1; your part is 12.50.")
    assert town.heard("ana")[-1] == (
        "Your list for order no. 1, olive oil (can): / Ana: 1, 12.50 / Ben: 1, 12.50 / Chi: 2, 25.00 / "
        "Eli: 2, 25.00 / In all: 6, 75.00."
    )
    assert town.sees()[-1] == "Order no. 1 by Ana: olive oil (can) / 12.50 each. / 6 are ordered."


async def test_a_minimum_that_is_not_reached_is_said_and_the_order_can_be_prolonged(town: Town) -> None:
    await town.says("ana", OIL)
    await town.presses("chi", "+1")
    await town.skip("5d")
    assert (await order_now(town)).state == "short"
    assert town.heard("chi")[-1].endswith(
        "The minimum is not reached. / 1 ordered so far; the minimum is 4. / Ana can prolong it, or let it go."
    )
    assert "No. 1: olive oil (can). The minimum is not reached." in await town.whispers("ana", "/todo")
    assert "Only Ana" in await town.whispers("ben", "/prolong 1 mon 18:00")
    assert "over already" in await town.whispers("ana", "/prolong 1 2026-01-09 18:00")
    assert "I do not understand until when" in await town.whispers("ana", "/prolong 1 whenever")
    assert "is open until Mon, Jan 12 18:00" in await town.whispers("ana", "/prolong 1 mon 18:00")
    assert "is open until Mon, Jan 12 18:00" in town.heard("chi")[-1]
    assert "1 ordered so far; the minimum is 4." in town.sees()[-1]
    await town.whispers("ben", "/want 1 3")
    await town.skip("3d")
    assert (await order_now(town)).state == "ordered"


async def test_what_nobody_prolongs_is_let_go_after_three_days(town: Town) -> None:
    await town.says("ana", OIL)
    await town.presses("chi", "+1")
    await town.skip("8d")
    assert (await order_now(town)).state == "off"
    assert town.heard("chi")[-1] == "Order no. 1, olive oil (can): it does not take place. / Nobody has prolonged it."
    assert "That order is over" in await town.whispers("ana", "/prolong 1 fri 18:00")


async def test_the_beginner_cancels_and_all_who_take_part_hear_it_with_what_they_get_back(town: Town) -> None:
    await ordered(town)
    await town.whispers("chi", "/paid 1")
    assert await town.whispers("ana", "/letgo 1") == (
        "Order no. 1, olive oil (can): it does not take place. / Give back what was paid: Chi: 25.00."
    )
    assert town.heard("chi")[-1].endswith("Ana lets it go. / You had paid 25.00: Ana gives it back.")
    assert town.heard("ben")[-1].endswith("Ana lets it go.")
    assert "That order is over" in await town.whispers("ana", "/letgo 1")


# --- what it costs -----------------------------------------------------------------------------------------------


async def test_delivery_is_shared_by_how_many_each_takes_or_for_each_the_same(town: Town) -> None:
    await ordered(town)
    await town.whispers("ana", "/costs 1 10.00 delivery")
    await town.presses("ana", "For each the same")
    assert town.heard("ben")[-1] == (
        "No. 1, olive oil (can): / Shared, for each the same: 10.00, delivery. / You take 1, and pay Ana 15.84."
    )
    assert town.heard("chi")[-1].endswith("You take 2, and pay Ana 28.33.")
    await town.whispers("ana", "/costs 1 5 ice by quantity")
    assert town.heard("ben")[-1].endswith("Shared, by how many each takes: 5.00, ice. / You take 1, and pay Ana 16.84.")
    assert town.heard("chi")[-1].endswith("You take 2, and pay Ana 30.33.")
    assert town.heard("eli")[-1].endswith("You take 2, and pay Ana 30.33.")
    await town.presses("ana", "Take it off")
    assert town.heard("eli")[-1].endswith("A shared cost is taken off. / You take 2, and pay Ana 28.33.")
    assert "There is no such order" in await _pressed(town, "ana", "Take it off")


async def _pressed(town: Town, who: str, label: str) -> str:
    """A button pressed wherever it is: the pop-up, else the newest words in private."""
    return await town.presses(who, label) or town.heard(who)[-1]


async def test_the_true_price_is_heard_by_all_also_by_those_who_have_paid(town: Town) -> None:
    await ordered(town)
    await town.whispers("chi", "/paid 1")
    await town.whispers("eli", "/paid 1")
    assert "One costs 13.00, not 12.50." in await town.whispers("ana", "/price 1 13")
    assert town.heard("ben")[-1].endswith("You take 1, and pay Ana 13.00.")
    assert town.heard("chi")[-1].endswith("You take 2: 26.00. Of that 25.00 is paid, and 1.00 is left.")
    await town.whispers("ana", "/price 1 12")
    assert town.heard("eli")[-1].endswith("You take 2: 24.00. You have paid 25.00; Ana gives you back 1.00.")
    assert await town.whispers("ana", "/price 1 12") == "That is the price already."
    assert "Only Ana" in await town.whispers("chi", "/price 1 1")


async def test_a_price_that_is_not_known_waits_for_the_beginner(town: Town) -> None:
    await town.whispers("ana", "/order flour, minimum 1, until fri 18:00")
    await town.presses("ana", "Not known yet")
    await town.presses("chi", "+1")
    await town.skip("5d")
    assert town.heard("chi")[-1].endswith("You take 1. Ana says what it costs.")
    assert "Say what one costs: no. 1, flour." in await town.whispers("ana", "/todo")
    assert "The price is not known yet." in await town.whispers("chi", "/paid 1")
    await town.whispers("ana", "/price 1 3.20")
    assert town.heard("chi")[-1].endswith("One costs 3.20. / You take 1, and pay Ana 3.20.")


async def test_paid_is_noted_by_oneself_or_the_beginner_and_can_be_taken_back(town: Town) -> None:
    await ordered(town)
    assert "25.00 for order no. 1, olive oil (can), to Ana." in await town.whispers("chi", "/todo")
    await town.whispers("chi", "/paid 1")
    assert town.heard("ana")[-1] == "No. 1, olive oil (can): / Chi says: 25.00 is paid."
    assert "Nothing waits" in await town.whispers("chi", "/todo")
    heard = len(town.heard("ana"))
    await town.whispers("chi", "/paid 1")
    assert len(town.heard("ana")) == heard, "said twice, it is told once"
    await town.presses("ana", "Look")
    await town.presses("ana", "Not paid")
    assert "Ana notes that it is not paid yet." in town.heard("chi")[-1]
    await town.whispers("ana", "/paid 1 @eli")
    assert town.heard("eli")[-1].endswith("Ana notes that you have paid 25.00. Thank you!")
    assert "Who takes how many is seen by" in await town.whispers("chi", "/paid 1 @ben")
    assert "Ana takes none of it" in await town.whispers("ana", "/paid 1 @ana")
    await town.books_are_sound()
    assert await town.balance("ana") == 0, "money is noted, and no hours move"


async def test_what_nobody_settles_is_asked_about_and_then_counts_as_settled(town: Town) -> None:
    await ordered(town)
    await town.whispers("chi", "/paid 1")
    await town.whispers("chi", "/collected 1")
    await town.skip("15d")
    asked = next(words for words in town.heard("ana") if words.startswith("Is all settled?"))
    assert asked.endswith("Not noted as paid and collected: Ben and Eli.")
    assert town.heard("ben")[-1] == "12.50 for order no. 1, olive oil (can), to Ana."
    assert not town.heard("chi")[-1].startswith("25.00 for order")
    await town.skip("60d")
    assert (await order_now(town)).state == "done"
    assert town.sees()[-1] == "Order no. 1, olive oil (can): all is settled."


# --- turns to fetch ----------------------------------------------------------------------------------------------

PICKUP = "/pickup 1 tue 10:00 to 12:00 hand out at the hall, 2 people"


async def test_whoever_likes_takes_a_turn_and_the_rest_is_shared_out_and_reminded_of(town: Town) -> None:
    await ordered(town)
    await town.says("ana", PICKUP)
    assert town.sees()[-1] == (
        "Order no. 1, olive oil (can): / Tue, Jan 13 10:00 to 12:00: hand out at the hall. Nobody yet; needed: 2."
    )
    assert "It is your turn: hand out at the hall" in await town.presses("eli", "I do it")
    assert "your turn already" in await town.presses("eli", "I do it")
    await town.skip("1d")
    assert await turns(town) == [("Eli", "taken")]
    await town.skip("1d")
    assert await turns(town) == [("Eli", "taken"), ("Ben", "given")]
    assert "You have had the fewest turns." in town.heard("ben")[-2]
    assert "Enough people do it already." in await town.presses("chi", "I do it")
    assert "Soon it is your turn: hand out at the hall" in town.heard("ben")[-1]
    assert "Tue, Jan 13 10:00 to 12:00: hand out at the hall. Eli and Ben." in town.heard("chi")[-1]
    assert "It is your turn: hand out at the hall" in await town.whispers("ben", "/todo")
    await town.skip("19h")
    assert "/worked" in town.heard("eli")[-1]
    assert "That time is over" in await _pressed(town, "ben", "I cannot")


async def test_those_who_fetch_it_see_who_takes_how_many_and_note_who_has_it(town: Town) -> None:
    await ordered(town)
    await town.says("ana", PICKUP)
    assert "Who takes how many is seen by" in await town.whispers("eli", "/collected 1 @chi")
    await town.presses("eli", "I do it")
    assert "Noted as collected: Chi" in await town.whispers("eli", "/collected 1 @chi")
    assert "Only Ana" in await town.whispers("eli", "/paid 1 @chi")
    await town.whispers("eli", "/orders")
    await town.presses("eli", "No. 1")
    assert "Chi: 2, 25.00, has it" in await _pressed(town, "eli", "Who takes how many")


async def test_whoever_does_not_fetch_it_any_more_sees_nothing_more_by_old_buttons(town: Town) -> None:
    await ordered(town)
    await town.says("ana", PICKUP)
    await town.presses("eli", "I do it")
    await town.whispers("eli", "/orders")
    await town.presses("eli", "No. 1")
    await town.presses("eli", "Who takes how many")
    await town.whispers("eli", "/orders")
    await town.presses("eli", "No. 1")
    await town.presses("eli", "I cannot")
    for label in ("Who takes how many", "Chi"):
        said = await _pressed(town, "eli", label)
        assert said == "Who takes how many is seen by whoever looks after the order, and by those who fetch it.", label


async def test_whoever_cannot_says_so_and_the_next_one_is_asked_until_nobody_is_left(town: Town) -> None:
    await ordered(town)
    await town.says("ana", PICKUP.replace("2 people", "1 person"))
    await town.skip("2d")
    for who in ("ben", "chi", "eli"):
        assert (await turns(town))[-1] == (who.capitalize(), "given")
        assert "All right, you are not asked" in await _pressed(town, who, "I cannot")
    assert {state for _, state in await turns(town)} == {"declined"}
    assert town.heard("ana")[-1].startswith(
        "Somebody is still missing: hand out at the hall, Tue, Jan 13 10:00 to 12:00."
    )
    assert "It is your turn" in await town.presses("chi", "I do it"), "who changes their mind is welcome"
    assert dict(await turns(town))["Chi"] == "taken"


async def test_turns_go_first_to_those_who_had_fewest_before(town: Town) -> None:
    await ordered(town)
    await town.says("ana", PICKUP)
    await town.presses("ben", "I do it")
    await town.presses("chi", "I do it")
    await town.skip("5d")
    await town.says("ana", "/pickup 1 sat 10:00 fetch the rest")
    await town.skip("1d")
    assert await turns(town) == [("Eli", "given")]


async def test_a_time_is_called_off_and_whoever_had_it_hears_it(town: Town) -> None:
    await ordered(town)
    await town.whispers("ana", PICKUP)
    await town.presses("eli", "I do it")
    await town.presses("ana", "Call it off")
    assert town.heard("eli")[-1] == "Called off: hand out at the hall, Tue, Jan 13 10:00 to 12:00."
    assert town.sees()[-1].endswith("hand out at the hall. Called off.")
    await town.skip("5d")
    assert not any("turn" in words for words in town.heard("ben"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/pickup 1 whenever hand out", "I do not understand when"),
        ("/pickup 1 today 9:00 hand out", "over already"),
        ("/pickup 1 tue 10:00", "What is to be done?"),
        ("/pickup 1 2027-01-01 10:00 hand out", "far away"),
    ],
)
async def test_a_time_that_cannot_be_is_refused(town: Town, line: str, why: str) -> None:
    await ordered(town)
    assert why in await town.whispers("ana", line)
    assert "Only Ana" in await town.whispers("chi", PICKUP)


# --- people come and go ------------------------------------------------------------------------------------------


async def test_whoever_leaves_takes_their_wish_along_while_it_is_open(town: Town) -> None:
    await town.says("ana", OIL)
    await town.presses("chi", "+1")
    await town.whispers("eli", "/want 1 5")
    await leaves(town, "eli")
    assert await takes(town) == {"Chi": 1}
    assert any(words.endswith("1 ordered so far; the minimum is 4.") for words in town.sees()[-3:])


async def leaves(town: Town, who: str) -> None:
    """Somebody leaves the committee."""
    await town.says(who, "/leave")
    await town.skip("1m")


async def test_whoever_leaves_after_it_is_ordered_is_told_to_the_beginner_and_the_turn_goes_on(town: Town) -> None:
    await ordered(town)
    await town.says("ana", PICKUP.replace("2 people", "1 person"))
    await town.presses("chi", "I do it")
    await town.skip("1d")
    await town.skip("17h")
    await leaves(town, "chi")
    assert "You take 2, and pay Ana 25.00. / Write to each other" in town.heard("chi")[-1]
    assert any("Chi has left. Order no. 1: / Chi: 2, 25.00 / Write to each other" in words
               for words in town.heard("ana"))  # fmt: skip
    assert dict(await turns(town)) == {"Ben": "given", "Chi": "declined"}


async def test_an_order_whose_beginner_has_left_is_taken_over_by_a_button(town: Town) -> None:
    await town.says("chi", OIL)
    await town.whispers("eli", "/want 1 4")
    await leaves(town, "chi")
    assert any("Who goes on with it? Until then organizers look after it." in words for words in town.sees())
    assert "Chi has left. Organizers can say that" in await town.whispers("eli", "/price 1 3")
    assert "One costs 3.00" in await town.whispers("ana", "/price 1 3"), "an organizer can"
    await town.presses("eli", "I take it over")
    assert (await order_now(town)).name == "Eli"
    assert "Eli looks after it" in await town.presses("ben", "I take it over")
    await town.skip("5d")
    assert town.heard("eli")[-1].startswith("Your list for order no. 1")


async def test_without_a_beginner_organizers_have_the_list(town: Town) -> None:
    await town.says("chi", OIL)
    await town.whispers("eli", "/want 1 4")
    await leaves(town, "chi")
    await town.skip("5d")
    for who in ("ana", "ben"):
        assert town.heard(who)[-1].startswith("Your list for order no. 1")
    assert not any(words.startswith("Your list") for words in town.heard("eli"))


async def test_two_memberships_become_one_with_what_both_took(town: Town) -> None:
    await ordered(town)
    await town.whispers("chi", "/paid 1")
    await town.says("ana", PICKUP)
    await town.presses("chi", "I do it")

    async def absorb(tx: Transaction) -> None:
        chi, eli = await member(tx, town, "chi"), await member(tx, town, "eli")
        await connections.absorb(tx, chi.id, eli.id, transfer=None, now=town.practice.clock())

    await town.practice.app.database.transact(absorb)
    assert await takes(town) == {"Ben": 1, "Eli": 4}
    assert await turns(town) == [("Eli", "taken")]


# --- what is kept ------------------------------------------------------------------------------------------------


async def handed_out(town: Town, who: str) -> dict[str, Any]:
    """What somebody gets of their data."""

    async def ask(tx: Reader) -> str:
        person = (await member(tx, town, who)).person_id
        return (await privacy.hand_out(tx, person, now=town.practice.clock(), characters_max=100_000)).text

    found: dict[str, Any] = json.loads(await town.practice.app.database.read(ask))
    return found


async def test_ones_own_part_is_handed_out_and_not_that_of_others(town: Town) -> None:
    await ordered(town)
    await town.whispers("ana", "/costs 1 10.00 delivery equally")
    await town.says("ana", PICKUP)
    await town.presses("chi", "I do it")
    mine = await handed_out(town, "chi")
    assert [(one["thing"], one["quantity"]) for one in mine["ordered"]] == [("olive oil (can)", 2)]
    assert [one["words"] for one in mine["turns_to_fetch"]] == ["hand out at the hall"]
    assert "Eli" not in json.dumps([mine["ordered"], mine["turns_to_fetch"]])
    assert [one["costs"] for one in (await handed_out(town, "ana"))["orders_begun"]] == ["each 1000 delivery"]


async def test_who_took_how_many_is_forgotten_after_a_time_and_turns_after_a_year(town: Town) -> None:
    await ordered(town)
    await town.whispers("ana", "/costs 1 10.00 delivery equally")
    await town.says("ana", PICKUP)
    for who in ("chi", "eli"):
        await town.presses(who, "I do it")

    async def counts(tx: Reader) -> list[int]:
        return [
            int(await tx.value(f"SELECT count(*) FROM {table}"))
            for table in ("order_lines", "order_costs", "order_turns", "order_slots")
        ]

    async def left_after(days: int) -> list[int]:
        later = town.practice.clock() + timedelta(days=days)
        await town.practice.app.database.transact(lambda tx: orders.purge(tx, now=later))
        return await town.practice.app.database.read(counts)

    assert await left_after(100) == [3, 1, 2, 1], "it is not settled yet"
    await town.whispers("ana", "/orders")
    await town.presses("ana", "No. 1")
    await town.presses("ana", "All is settled")
    assert await left_after(89) == [3, 1, 2, 1]
    assert await left_after(91) == [0, 0, 2, 1]
    assert await left_after(370) == [0, 0, 0, 0]

    async def words(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM notes WHERE thing LIKE 'order%' AND text IS NOT NULL"))

    assert await town.practice.app.database.read(words) == 0


async def test_the_digest_tells_what_can_be_ordered(town: Town) -> None:
    await town.says("ana", "/digest daily 9:00")
    await town.presses("ben", "Agree")
    await town.says("ana", OIL)
    await town.skip("1d")
    assert any("To order together: olive oil (can), until Fri, Jan 9 18:00." in words for words in town.sees())


async def test_the_log_tells_of_an_order_without_who_took_what(town: Town) -> None:
    await ordered(town)
    await town.whispers("ana", "/costs 1 10.00 delivery equally")
    said = await town.whispers("eli", "/log")
    assert "Ana began an order together: no. 1, olive oil (can)." in said
    assert "order no. 1 is placed: 5 in all." in said
    assert "order no. 1: 10.00 of costs are shared." in said
    assert not re.search(r"Chi.*(25|2 )", said.split("joined")[0])


async def test_a_helper_orders_for_somebody_without_an_account(town: Town) -> None:
    await town.says("ana", "/add Rosa")
    await town.says("ana", OIL)
    await town.says("ana", "/for Rosa /want 1 4")
    assert await takes(town) == {"Rosa": 4}
    await town.skip("5d")
    assert any("For Rosa:" in words and "You take 4, and pay Ana 50.00." in words for words in town.heard("ana"))
