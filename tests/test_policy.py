"""How hours are counted: shown, tried on the past, decided by the committee, closed month by month, and explained."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.chat import Saying
from storage import due, transfers
from storage.closings import is_closed
from storage.database import Reader, Transaction
from storage.people import committee
from tests.conftest import Town


async def _decides(town: Town, change: str) -> None:
    await town.says("ana", f"/policy {change}")
    await town.presses("ben", "Agree")


async def _fund(town: Town) -> int:
    async def ask(tx: Reader) -> int:
        found = await committee(tx, 1)
        assert found is not None
        return await transfers.in_fund(tx, found)

    return await town.practice.app.database.read(ask)


async def _said_again(tx: Transaction) -> None:
    """The clock says a second time that January is over."""
    says = Saying(command="melt_month", arguments={"period": "2026-01"})
    at = datetime(2026, 2, 1, 5)
    await due.plan(tx, "again", says, local=at, zone=ZoneInfo("UTC"), committee=1, late="do")


async def test_the_rule_is_shown_in_plain_words_with_an_example(town: Town) -> None:
    told = await town.says("eli", "/policy")
    assert told.startswith("An hour is an hour, whoever gives it and whatever it is. / Example: Ana helps Ben for 2 h.")
    await _decides(town, "levy 8%")
    told = await town.says("eli", "/policy")
    assert "8% of what is earned goes to the common fund." in told
    assert "Ana gets 1 h 51, the fund 9 min." in told
    assert "(version 1; /log" in told


async def test_a_change_takes_the_committee(town: Town) -> None:
    told = await town.says("eli", "/policy levy 8%")
    assert "8% of what is earned goes to the common fund." in told
    assert "must agree" in told
    await town.says("ben", "/thank @chi 2h")
    assert await town.balance("chi") == 120
    assert await _fund(town) == 0


async def test_a_levy_goes_to_the_fund_and_an_undo_brings_it_back(town: Town) -> None:
    await _decides(town, "levy 8%")
    await town.says("ben", "/thank @chi 2h")
    assert (await town.balance("ben"), await town.balance("chi"), await _fund(town)) == (-120, 111, 9)
    await town.says("ben", "/undo")
    assert (await town.balance("ben"), await town.balance("chi"), await _fund(town)) == (0, 0, 0)
    await town.books_are_sound()


async def test_a_change_is_tried_on_the_last_months_and_nothing_moves(town: Town) -> None:
    await town.says("ben", "/thank @chi 4h")
    await town.says("eli", "/thank @ana 2h")
    await town.says("eli", "/thank @chi 1h")
    await town.says("eli", "/undo")
    told = await town.says("ana", "/policy try levy 10%")
    assert "On the 2 exchanges since Oct 1, 2025 (6 h):" in told, "what was taken back is not counted"
    assert "The fund would have 36 min more." in told
    assert "2 members would have less." in told
    assert await town.balance("chi") == 240
    assert await _fund(town) == 0
    assert "You would have 3 h 36 instead of 4 h." in await town.whispers("chi", "/policy try levy 10%")
    assert "You would have what you have now: -4 h." in await town.whispers("ben", "/policy try levy 10%")


async def test_in_the_group_nobody_reads_what_somebody_would_have(town: Town) -> None:
    await town.says("ben", "/thank @chi 4h")
    told = await town.says("ana", "/policy try levy 10%")
    assert "instead of" not in told
    assert "You would have 3 h 36 instead of 4 h." in await town.presses("chi", "What about me?")
    assert not [words for words in town.sees() if "instead of" in words]


async def test_what_was_tried_can_be_proposed_with_a_button(town: Town) -> None:
    await town.says("ben", "/thank @chi 4h")
    await town.says("eli", "/policy try melt 5% 2h")
    assert "At each month's end 5% of what somebody has above 2 h" in await town.presses("eli", "Propose it")
    assert "has above 2 h goes to the common fund" not in await town.says("ana", "/policy")


async def test_trying_counts_demurrage_for_each_month(town: Town) -> None:
    await town.says("ben", "/thank @chi 12h")
    await town.skip("60d")
    told = await town.whispers("chi", "/policy try melt 10% 2h")
    # Three months: 12 h, 11 h, 10 h 06; a tenth of what stands above two hours each time.
    assert "You would have 9 h 18 instead of 12 h." in told


async def test_as_gifts_nothing_would_have_moved(town: Town) -> None:
    await town.says("ben", "/thank @chi 4h")
    told = await town.whispers("chi", "/policy try gift")
    assert "You would have 0 min instead of 4 h." in told


async def test_there_is_nothing_to_try_it_on_in_an_empty_quarter(town: Town) -> None:
    told = await town.says("ana", "/policy try levy 8%")
    assert told.startswith("Since Oct 1, 2025 nobody has thanked anybody with hours, so there is nothing to try it on.")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/policy levy 60%", "It can be from 0% to 50%."),
        ("/policy try melt 51%", "It can be from 0% to 50%."),
        ("/policy levy", "Write it like this: /policy levy 8%"),
        ("/policy levy 5h", "Write it like this: /policy levy 8%"),
        ("/policy budget 20%", "Write it like this: /policy budget 20h"),
        ("/policy unpleasant 9.00", "It can be from 0.50 to 2.00."),
        ("/policy equal", "That is how it is already."),
        ("/policy levy 0%", "That is how it is already."),
        ("/policy 8%", "What is to change? Write it like this: /policy try levy 8% or /policy levy 8%"),
        ("/policy allowance 400h", "It can be from 0 min to 300 h."),
    ],
)
async def test_what_cannot_be_has_its_sentence(town: Town, line: str, told: str) -> None:
    assert await town.says("ana", line) == told


async def test_the_levy_follows_the_budget_month_by_month(town: Town) -> None:
    await town.says("ben", "/thank @chi 10h")
    await _decides(town, "budget 1h")
    # Ten hours since October are two and a half a month; an hour of that would be more than a fifth.
    assert "This month that is 20% of what is earned." in town.sees()[-2:][0] + town.sees()[-1]
    for _ in range(3):
        await town.says("chi", "/thank @ben 10h")
        await town.says("ben", "/thank @chi 10h")
    await town.skip("28d")
    assert any("So that the common fund gets 1 h this month," in words for words in town.sees())
    await town.books_are_sound()


async def test_a_month_melts_once_however_often_the_clock_says_it(town: Town) -> None:
    await town.says("ben", "/thank @chi 12h")
    await _decides(town, "melt 10% 2h")
    await town.skip("28d")
    assert (await town.balance("chi"), await _fund(town)) == (660, 60)
    assert await town.practice.app.database.read(lambda tx: is_closed(tx, 1, "melt", "2026-01"))
    await town.practice.app.database.transact(_said_again)
    await town.skip("1h")
    assert (await town.balance("chi"), await _fund(town)) == (660, 60)
    await town.skip("28d")
    assert (await town.balance("chi"), await _fund(town)) == (606, 114)
    await town.books_are_sound()


async def test_what_somebody_has_promised_does_not_melt(town: Town) -> None:
    await town.says("ben", "/thank @chi 12h")
    await _decides(town, "melt 10% 2h")
    await town.skip("24d")
    await town.says("ana", "/worked 10h @chi")
    await town.skip("4d")
    assert await town.balance("chi") == 720
    assert await _fund(town) == 0


async def test_what_was_asked_before_a_change_is_counted_as_it_was_asked(town: Town) -> None:
    await town.says("chi", "/worked 2h @ben")
    await _decides(town, "levy 8%")
    await town.presses("ben", "That is right")
    assert (await town.balance("chi"), await _fund(town)) == (120, 0)
    await town.says("chi", "/worked 2h @ben")
    await town.presses("ben", "That is right")
    assert (await town.balance("chi"), await _fund(town)) == (231, 9)


async def test_why_tells_rule_decision_and_numbers_to_those_whose_hours_they_are(town: Town) -> None:
    await town.says("ben", "/thank @chi 1h")
    assert "Equal hours, version 1: whoever helped gains the time, whoever was helped gives it." in (
        await town.whispers("chi", "/why 1")
    )
    await _decides(town, "levy 8%")
    await town.says("ben", "/thank @chi 2h")
    told = await town.whispers("chi", "/why")
    assert "8% of what is earned goes to the fund, rounded down." in told
    assert "Ben: -2 h / Chi: 1 h 51, by the clock 2 h / the fund: 9 min" in told
    assert "(version 1; /log" in told
    assert await town.whispers("eli", "/why 2") == (
        "No. 2 is between others. By which rule hours are counted here: /policy"
    )
    assert await town.whispers("eli", "/why 99") == "There is no entry 99 here. /history shows the numbers."


async def test_why_tells_everybody_what_was_done_for_all_and_each_their_own_part(town: Town) -> None:
    await town.says("ben", "/thank @chi 12h")
    await _decides(town, "melt 10% 2h")
    await town.skip("28d")
    assert "Your part: -1 h." in await town.whispers("chi", "/why 2")
    told = await town.whispers("eli", "/why 2")
    assert "Nothing of it was yours." in told
    assert "Chi" not in told


async def test_what_was_done_for_all_is_taken_back_by_all(town: Town) -> None:
    await town.says("ben", "/thank @chi 12h")
    await _decides(town, "melt 10% 2h")
    await town.skip("28d")
    assert "must agree" in await town.says("chi", "/undo 2")
    await town.presses("ana", "Agree")
    await town.presses("ben", "Agree")
    assert (await town.balance("chi"), await _fund(town)) == (720, 0)


async def test_each_thing_that_can_be_chosen_can_be_tried_by_buttons_alone(town: Town) -> None:
    await town.says("ben", "/thank @chi 4h")
    await town.says("ana", "/policy")
    await town.presses("ana", "What can be changed")
    await town.presses("ana", "Part for the fund")
    assert "Tried, not decided: 5% of what is earned" in await town.presses("ana", "5%")
