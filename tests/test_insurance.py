"""The mutual insurance as members meet it: everybody saves for themselves, and gives when another cannot work."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from bot.chat import Saying
from bot.practice import MATRIX
from storage import due, insurance, people, transfers
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.test_connect import connect_accounts, connect_groups

OFF = "The mutual insurance is off here."


async def turn(town: Town, on: bool) -> None:
    """The committee decides it."""
    await town.says("ana", f"/money insurance {'on' if on else 'off'}")
    await town.presses("ben", "Agree")


async def reserve(town: Town, who: str) -> int:
    """What somebody has saved, in minutes."""

    async def ask(tx: Transaction) -> int:
        member = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
        assert member is not None
        return (await transfers.beside(tx, await people.committee(tx, 1), "reserve", owner=member)).balance

    return await town.practice.app.database.transact(ask)


async def insured(town: Town, level: str = "10h", *who: str) -> None:
    """It is on, and these take part."""
    if OFF in await town.whispers("ana", "/insurance"):
        await turn(town, True)
    for one in who or ("ana", "ben", "chi", "eli"):
        assert "You take part in the mutual insurance" in await town.whispers(one, f"/insure {level}")


async def to_month(town: Town, month: int, day: int = 1) -> None:
    """Until noon of that day in 2026; in between the bot is there only on the first of each month, at noon."""
    now = town.practice.app.now()
    for at, on in [*((at, 1) for at in range(now.month + 1, month + 1)), (month, day)]:
        town.practice.clock.move(now.replace(month=at, day=on, hour=12, minute=0))
        await town.practice.settle()


async def test_nothing_of_it_works_until_the_committee_turns_it_on(town: Town) -> None:
    for line in ("/insure 10h", "/insurance"):
        assert OFF in await town.whispers("ana", line)
    await insured(town, "10h", "ana")


async def test_everybody_puts_a_small_part_into_their_own_reserve_each_month_once(town: Town) -> None:
    await insured(town)
    await to_month(town, 2)
    # 4.5 % of ten hours.
    assert [await reserve(town, who) for who in ("ana", "ben", "chi", "eli")] == [27] * 4
    assert await town.balance("ana") == -27
    await say_month(town, "insure_month", "2026-01")
    assert await reserve(town, "ana") == 27, "a month that is closed stays closed"
    await to_month(town, 4)
    assert await reserve(town, "ana") == 3 * 27
    told = await town.whispers("ana", "/insurance")
    assert "In your reserve: 1 h 21 of 16 h 12." in told
    assert "into your reserve of the mutual insurance, -27 min." in await town.whispers("ana", "/history")


async def say_month(town: Town, command: str, period: str) -> None:
    """The clock ends a month, once more."""
    now = town.practice.app.now().replace(tzinfo=None)
    says = Saying(command=command, arguments={"period": period})

    async def work(tx: Transaction) -> None:
        await due.plan(tx, "again", says, local=now, zone=ZoneInfo("UTC"), committee=1, late="do")

    await town.practice.app.database.transact(work)
    await town.practice.settle()


async def test_whoever_cannot_work_is_helped_after_a_month_without_anybody_hearing_who_it_is(town: Town) -> None:
    await insured(town)
    await to_month(town, 2, 10)
    group = len(town.sees())
    said = await town.whispers("chi", "/ill")
    assert "It is noted: you cannot work, from today on." in said
    assert "For the time from Mar 10, 2026 on you get up to 10 h a month" in said
    await to_month(town, 3, 2)
    assert await reserve(town, "ana") == 54, "the waiting time"
    await to_month(town, 4, 2)
    # 22 of 31 days of ten hours, from reserves of 81 minutes of each of the three others: all of it.
    assert [await reserve(town, who) for who in ("ana", "ben", "eli")] == [0, 0, 0]
    assert await reserve(town, "chi") == 54, "whoever is helped puts in nothing"
    assert await town.balance("chi") == 3 * 81 - 54
    before = [await town.balance(who) for who in ("ana", "chi")]
    await say_month(town, "insure_month", "2026-03")
    await to_month(town, 4, 3)
    told = [words for words in town.heard("ana") if "could not work" in words]
    assert ([await town.balance(who) for who in ("ana", "chi")], len(told)) == (before, 1), "once for each month"
    heard = told[0]
    assert "Last month 1 member could not work. You gave 1 h 21 out of your reserve; 0 min are left in it." in heard
    assert "Chi" not in heard
    helped = next(words for words in town.heard("chi") if "you get" in words and "gave them" in words)
    assert "you get 4 h 03 from the mutual insurance: 3 people gave them." in helped
    assert "There was not enough for all of it." in helped
    for line in ("/history", "/insurance", "/log"):
        assert "Chi" not in (await town.whispers("ana", line)).replace("Chi joined", "")
    assert "Ana" not in await town.whispers("chi", "/history")
    assert not [words for words in town.sees()[group:] if "Chi" in words or "work" in words]


async def test_whoever_wants_it_is_named_to_those_who_give_if_the_committee_lets_them(town: Town) -> None:
    await insured(town)
    await to_month(town, 2)
    await town.whispers("chi", "/ill named")
    await to_month(town, 4, 2)
    assert "You may know who it is: Chi." in town.heard("ana")[-1]
    await town.says("ana", "/insurance_names off")
    await town.presses("ben", "Agree")
    assert "Here nobody is named" in await town.whispers("eli", "/ill named")
    await to_month(town, 5, 2)
    assert "Chi" not in town.heard("ana")[-1]
    assert "could not work" in town.heard("ana")[-1]


async def test_a_month_is_not_paid_beyond_what_is_there_and_all_who_are_ill_get_the_same_part(town: Town) -> None:
    await insured(town, "20h", "ana", "ben")
    await insured(town, "10h", "chi", "eli")
    await to_month(town, 2)
    for who in ("chi", "eli"):
        await town.whispers(who, "/ill")
    await to_month(town, 4, 2)
    # Three months of 54 of each, for 20 hours that are asked for: half each.
    assert [await town.balance(who) + 54 for who in ("chi", "eli")] == [162, 162]
    told = await town.whispers("ana", "/insurance")
    assert "2 people are being helped now. / The reserves last for 0 more months." in told


async def test_who_is_well_again_gets_the_days_until_then(town: Town) -> None:
    await insured(town)
    await to_month(town, 2, 10)
    await town.whispers("chi", "/ill")
    assert "It is noted" not in await town.whispers("chi", "/ill"), "twice is once"
    await to_month(town, 3, 21)
    await town.practice.press("chi", "I can work again", within=town.private("chi"))
    said = town.heard("chi")[-1]
    assert "What you get for the days of this month until today comes when it ends." in said
    assert "I have not noted that you cannot work." in await town.whispers("chi", "/well")
    await to_month(town, 4, 2)
    # Eleven of thirty-one days of ten hours.
    assert await town.balance("chi") == 600 * 11 // 31 - 54
    assert await reserve(town, "chi") == 54
    # Ill again soon: it goes on, without another month of waiting.
    assert "that goes on, without a new waiting time" in await town.whispers("chi", "/ill")
    assert "you cannot work since Apr 2, 2026" in await town.whispers("chi", "/insurance")
    before = await town.balance("chi")
    await to_month(town, 5, 2)
    assert await town.balance("chi") > before


async def test_whoever_joins_when_already_ill_and_whoever_raises_their_level_gets_no_more_by_it(town: Town) -> None:
    await insured(town, "5h", "ana", "ben", "chi")
    said = await town.whispers("chi", "/ill")
    # Joined today: the first month does not count, and then comes the waiting time.
    assert "For the time from Mar 5, 2026 on" in said
    assert "While you cannot work your level stays as it is: 5 h a month." in await town.whispers("chi", "/insure 40h")
    await to_month(town, 3)
    assert "For what begins before Apr 1, 2026 your level of before counts: 5 h." in await town.whispers(
        "ben", "/insure 40h"
    )
    assert "up to 5 h a month" in await town.whispers("ben", "/ill")


async def test_leaving_is_free_and_the_reserve_comes_back_after_what_is_owed_for_the_month(town: Town) -> None:
    await insured(town)
    await to_month(town, 2)
    await town.whispers("chi", "/ill")
    await to_month(town, 3, 5)
    before = await town.balance("ana")
    said = await town.whispers("ana", "/uninsure")
    assert (
        "When the month ends, on Apr 1, 2026, what is then in your reserve comes back to you. Now it is 54 min." in said
    )
    assert "already" in await town.whispers("ana", "/uninsure")
    await town.whispers("eli", "/uninsure")
    assert "You take part" in await town.whispers("eli", "/insure 10h"), "whoever changes their mind stays"
    await town.whispers("ben", "/uninsure")
    await to_month(town, 4, 2)
    # 31 of 31 days: ten hours are asked for, and 54 + 54 + 81 minutes are there.
    assert [await reserve(town, who) for who in ("ana", "ben", "eli")] == [0, 0, 0]
    assert await town.balance("ana") == before
    assert "Nothing was left in your reserve." in town.heard("ana")[-1]
    assert "You do not take part" in await town.whispers("ana", "/insurance")
    claim = await town.whispers("ana", "/ill")
    assert "You do not take part in the mutual insurance, or not any more, so it cannot help you." in claim
    assert "You do not take part" in await town.whispers("ana", "/uninsure")


async def test_a_reserve_that_nobody_needed_comes_back_whole(town: Town) -> None:
    await insured(town)
    await to_month(town, 3)
    await town.whispers("ana", "/uninsure")
    assert "You leave when the month ends, and before that there is no help yet." in await town.whispers("ana", "/ill")
    await to_month(town, 4, 2)
    assert (await town.balance("ana"), await reserve(town, "ana")) == (0, 0)
    assert "54 min came back to you" in town.heard("ana")[-1]


async def test_whose_hours_do_not_suffice_is_passed_over_and_hears_what_it_means(town: Town) -> None:
    await insured(town)
    await town.says("chi", "/thank @ana 12h")
    await to_month(town, 2, 2)
    assert (await town.balance("chi"), await reserve(town, "chi")) == (-720, 0)
    heard = next(words for words in town.heard("chi") if "27 min should have gone into your reserve" in words)
    assert "You are still covered." in heard
    await to_month(town, 4, 2)
    assert "Your insurance rests" in town.heard("chi")[-1]
    assert "Your insurance rests" in await town.whispers("chi", "/ill")
    await town.says("ana", "/thank @chi 2h")
    await to_month(town, 5, 2)
    assert await reserve(town, "chi") == 27
    assert "It is noted" in await town.whispers("chi", "/ill")


async def test_whoever_leaves_the_committee_has_their_reserve_back_and_whoever_is_forgotten_leaves_it(
    town: Town,
) -> None:
    await insured(town)
    await to_month(town, 2)
    await town.says("chi", "/leave")
    await town.whispers("eli", "/forget me")
    await town.practice.press("eli", "Yes, forget me for good", within=town.private("eli"))
    await to_month(town, 3, 2)

    async def look(tx: Reader) -> list[tuple[str, int]]:
        rows = await tx.all(
            """SELECT a.kind, a.balance FROM accounts a JOIN members m ON m.id IN (a.member_id, a.owner_id)
               WHERE m.active = 0 ORDER BY m.id, a.id LIMIT 10"""
        )
        return [(kind, balance) for kind, balance in rows]

    assert await town.practice.app.database.read(look) == [("own", 0), ("reserve", 0)] * 2
    assert "27 min came back to you" in town.heard("chi")[-1]
    assert "2 people take part." in await town.whispers("ana", "/insurance")


async def test_when_the_committee_turns_it_off_everybody_has_theirs_back(town: Town) -> None:
    await insured(town)
    await to_month(town, 2)
    await turn(town, False)
    assert "What is in your reserve, 27 min, comes back to you when the month ends." in await town.whispers(
        "ana", "/insurance"
    )
    await to_month(town, 3, 2)
    assert (await town.balance("ana"), await reserve(town, "ana")) == (0, 0)
    assert "The committee has turned the mutual insurance off." in town.heard("ana")[-1]
    assert not await town.practice.app.database.read(lambda tx: insurance.all_of(tx, 1))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/insurance_rate 4.5%", "That is how it is already."),
        ("/insurance_rate 50%", "It can be from 1% to 20%."),
        ("/insurance_months wait 9", "It can be from 1 to 6."),
        ("/insurance_months cap 3", "It can be from 6 to 120."),
        ("/insurance_months longest 99", "It can be from 3 to 36."),
        ("/insurance_level 90h", "It can be from 2 h to 80 h."),
        ("/insurance_group 5", "It can be from 20 to 200."),
    ],
)
async def test_what_is_out_of_bounds_is_refused_with_the_bounds(town: Town, line: str, answer: str) -> None:
    said = await town.says("ana", line)
    if "already" not in answer:
        assert answer in said or answer in await town.presses("ben", "Agree")


async def test_the_committee_sets_the_terms_and_who_is_ill_keeps_those_of_before(town: Town) -> None:
    await insured(town)
    await to_month(town, 2)
    await town.whispers("chi", "/ill")
    for line, words in (
        ("/insurance_rate 9%", "each month 9% of the level"),
        ("/insurance_months wait 3", "there is help after 3 months."),
        ("/insurance_level 8h", "the level is at most 8 h a month."),
    ):
        assert words in await town.says("ana", line)
        await town.presses("ben", "Agree")
    assert "from 2 h to 8 h" in await town.whispers("eli", "/insure 9h")
    await to_month(town, 3, 2)
    assert await reserve(town, "ana") == 27 + 54
    await to_month(town, 4, 2)
    assert await town.balance("chi") > 0, "a month of waiting had been agreed"
    assert "Mutual insurance: there is help after 3 months." in await town.whispers("ana", "/log rules")


async def test_a_level_is_asked_for_within_bounds(town: Town) -> None:
    await turn(town, True)
    for level in ("1h", "100h"):
        assert "from 2 h to 40 h" in await town.whispers("ana", f"/insure {level}")
    await insured(town, "10h", "ana")
    assert "already" in await town.whispers("ana", "/insure 10h")


async def test_beyond_fifty_people_a_second_group_is_better(town: Town) -> None:
    await town.says("ana", "/insurance_group 20")
    await town.presses("ben", "Agree")
    await insured(town)
    assert "With fewer than 20 people the reserves are soon empty" in await town.whispers("ana", "/insurance")
    for n in range(17):
        await town.says(f"new{n}", "/join")
        await town.whispers(f"new{n}", "/start")
        said = await town.whispers(f"new{n}", "/insure 2h")
        assert ("A second group" in said) == (n == 16)
    assert "A second group" in await town.whispers("ana", "/insurance")


async def test_two_accounts_of_one_person_are_insured_once(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.whispers("chi", "/start", on=MATRIX)
    await insured(town, "10h", "ana", "ben", "chi")
    assert "You take part" in await town.whispers("chi", "/insure 20h", on=MATRIX)
    await to_month(town, 2)
    for on in ("console", MATRIX):
        await town.whispers("chi", "/ill", on=on)
    await connect_accounts(town, "chi")
    told = await town.whispers("chi", "/insurance")
    # The higher of the two levels, not both; what was saved comes together.
    assert "Your level: 20 h a month. In your reserve: 1 h 21" in told
    assert told.count("you cannot work since") == 1
    await to_month(town, 5, 2)
    assert "3 people take part." in await town.whispers("ana", "/insurance")


async def test_what_is_done_for_all_is_taken_back_by_the_committee_alone(town: Town) -> None:
    await insured(town)
    await to_month(town, 2)
    assert await town.whispers("ana", "/undo 1") == "That needs the others: I have asked in the group."
    assert "must agree" in town.sees()[-1]
    assert "exchange 1: 27 min of yours went by the committee's rule." in await town.whispers("ana", "/log")


async def test_low_reserves_are_told_in_the_digest_without_a_name(town: Town) -> None:
    await town.says("ana", "/digest mon 19:00")
    await town.presses("ben", "Agree")
    await insured(town)
    await to_month(town, 2)
    await town.whispers("chi", "/ill")
    await to_month(town, 3, 10)
    told = [words for words in town.sees() if "Mutual insurance: The reserves last for 0 more months." in words]
    assert len(told) == 1
    assert "Chi" not in told[0]
