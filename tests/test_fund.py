"""The common fund as members meet it: giving, asking by need, two who read why, urgent help, payouts, switches."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.chat import Chat, Message, Saying
from bot.text import Minutes
from storage import closings, due, fund, people, switches, transfers
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.test_forgetting import Folder, folder
from tests.test_fuzz import GROUP, World, private_chat, sender
from tests.test_privacy import Called

__all__ = ["folder"]

SECRET = "Quittengelee"


async def _filled(town: Town, hours: int) -> None:
    """So many hours are in the fund. Ana had earned them with Ben."""
    await town.says("ben", f"/thank @ana {hours}h")
    await town.whispers("ana", f"/contribute {hours}h")


async def _decides(town: Town, line: str) -> str:
    await town.says("ana", line)
    before = len(town.sees())
    await town.presses("ben", "Agree")
    return town.sees()[-1] if len(town.sees()) > before else ""


async def _press(town: Town, who: str, label: str) -> None:
    await town.practice.press(who, label, within=town.private(who))


async def _read(town: Town, *who: str) -> None:
    """They read why somebody asks, and say so."""
    for one in who or ("ana", "ben"):
        await _press(town, one, "Read it")
        await _press(town, one, "I have read it")


async def _asks(town: Town, who: str, line: str) -> None:
    """Somebody asks the fund, and two have read why."""
    assert "I have put down" in await town.whispers(who, f"/ask_fund {line}")
    await _read(town)


async def _in_fund(town: Town) -> int:
    return await town.practice.app.database.read(_ask_fund)


async def _ask_fund(tx: Reader) -> int:
    return await transfers.in_fund(tx, await people.committee(tx, 1))


async def _months_end(town: Town) -> None:
    """It is the first of the next month, in the morning. Whoever organizes is not taken for gone."""
    for who in ("ana", "ben"):
        await town.whispers(who, "/fund")
    await town.skip("13d")
    for who in ("ana", "ben"):
        await town.whispers(who, "/fund")
    await town.skip("14d")


# --- giving --------------------------------------------------------------------------------------------------------


async def test_what_is_given_is_in_the_fund_and_shown_as_sums_without_names(town: Town) -> None:
    await town.says("ben", "/thank @ana 3h")
    said = await town.whispers("ana", "/contribute 2h")
    assert said == "Thank you: 2 h are in the common fund now. (No. 2) / You have 1 h now."
    shown = await town.says("chi", "/fund")
    assert "In it: 2 h." in shown
    assert "This month: 2 h came in, 0 min went out." in shown
    assert "Ana" not in shown
    assert "Ana" not in "".join(
        what for where, what in town.transcript if "common fund" in what and where == "Riverside"
    )
    assert "No. 2, Jan 5, 2026: to the common fund, -2 h." in await town.whispers("ana", "/history")


async def test_nobody_gives_the_fund_what_they_do_not_have(town: Town) -> None:
    assert await town.whispers("ana", "/contribute 2h") == "You can give what you have: 0 min."
    assert "How much?" in await town.whispers("ana", "/contribute once")
    assert await _in_fund(town) == 0


async def test_a_slip_is_taken_back_once_by_whoever_made_it_and_only_while_the_fund_has_it(town: Town) -> None:
    await _filled(town, 2)
    await _press(town, "ana", "Undo")
    assert (await town.balance("ana"), await _in_fund(town)) == (120, 0)
    await _press(town, "ana", "Undo")
    assert town.heard("ana")[-1] == "No. 2 is undone already."
    assert (await town.balance("ana"), await _in_fund(town)) == (120, 0)
    await town.whispers("ana", "/contribute 2h")
    await _decides(town, "/urgent_cap 1h")
    await town.whispers("chi", "/urgent 1h")
    await _press(town, "ana", "Undo")
    assert "The fund has given it on already" in town.transcript[-1][1]
    assert (await town.balance("ana"), await _in_fund(town)) == (0, 60)
    assert "The common fund has given it on: 1 h are left in it." in await town.whispers("ana", "/undo 4")
    await town.skip("11m")
    assert (await town.balance("ana"), await _in_fund(town)) == (0, 60)


async def test_what_is_given_each_month_goes_in_one_transfer_and_whoever_lacks_it_is_passed_over(town: Town) -> None:
    await town.says("ben", "/thank @ana 3h")
    await town.says("ben", "/thank @chi 1h")
    for who, time in (("ana", "1h"), ("chi", "30m"), ("eli", "2h")):
        assert "at each month's end" in await town.whispers(who, f"/contribute {time} monthly")
    await _months_end(town)
    assert await _in_fund(town) == 90
    assert [await town.balance(who) for who in ("ana", "chi", "eli")] == [120, 30, 0]
    assert any("You do not have the 2 h for the common fund just now" in one for one in town.heard("eli"))
    assert not any("do not have the" in one for one in town.heard("ana") + town.heard("chi"))
    rows = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT count(*) FROM postings WHERE transfer_id = 3")
    )
    assert rows == [(3,)]
    assert "1 h of yours went to the common fund." in await town.whispers("ana", "/log")
    assert "Chi" not in town.heard("ana")[-1].replace("Chi joined", "").replace("Chi: ", "")
    assert "Last month: 1 h 30 came in, 0 min went out." in await town.whispers("eli", "/fund")
    await town.whispers("ana", "/contribute stop")
    assert await town.whispers("ana", "/contribute stop") == "You give nothing each month."
    await _months_end(town)
    await town.skip("3d")
    assert [await town.balance(who) for who in ("ana", "chi", "eli")] == [120, 0, 0]


async def test_a_month_that_is_closed_again_changes_nothing(town: Town) -> None:
    await _filled(town, 3)
    await town.says("ben", "/thank @ana 3h")
    await town.whispers("ana", "/contribute 1h monthly")
    await town.whispers("chi", "/contribute 1h monthly")
    await _asks(town, "eli", "2h daily roof")
    await _months_end(town)
    before = [await town.balance(who) for who in ("ana", "eli")], await _in_fund(town)
    assert before == ([120, 120], 120)
    await _asks(town, "eli", "1h daily roof")
    heard = len(town.heard("chi"))

    async def again(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        for command in ("close_contributions", "share_needs"):
            says = Saying(command=command, arguments={"period": "2026-01"})
            await due.plan(
                tx,
                f"again:{command}",
                says,
                local=town.practice.clock().replace(tzinfo=None),
                zone=committee.zone,
                committee=1,
                late="do",
            )

    await town.practice.app.database.transact(again)
    await town.skip("2h")
    assert ([await town.balance(who) for who in ("ana", "eli")], await _in_fund(town)) == before
    assert len(town.heard("chi")) == heard
    assert "A need of 1 h for daily life" in await town.says("chi", "/fund")


# --- asking by need ------------------------------------------------------------------------------------------------


async def test_how_much_is_public_and_neither_who_nor_why(town: Town) -> None:
    await _filled(town, 5)
    await _asks(town, "eli", f"3h daily {SECRET}")
    shown = await town.says("chi", "/fund")
    assert "A need of 3 h for daily life" in shown
    await _months_end(town)
    group = "\n".join(what for where, what in town.transcript if where == "Riverside")
    assert "The common fund gave 3 h for 1 need. No need lacks anything." in group
    for word in ("Eli", SECRET):
        assert word not in group
    assert await town.balance("eli") == 180
    assert "gives you 3 h" in "".join(town.heard("eli"))
    assert not [one for one in town.heard("chi") if SECRET in one or "Eli" in one]


async def test_two_read_why_never_who_asks_and_it_is_decided_only_then(town: Town) -> None:
    await _filled(town, 5)
    await town.whispers("ana", f"/ask_fund 2h vital {SECRET}")
    assert not [one for one in town.heard("ana") if "Can you be one of them?" in one]
    asked = [who for who in ("ben", "chi", "eli") if any("Can you be one of them?" in one for one in town.heard(who))]
    assert asked == ["ben", "chi"]
    assert not [one for who in asked for one in town.heard(who) if SECRET in one], "before they open it"
    await _press(town, "ben", "Read it")
    assert SECRET in town.heard("ben")[-1]
    await _press(town, "ben", "I have read it")
    await _press(town, "chi", "I cannot")
    await _press(town, "eli", "Read it")
    await _months_end(town)
    assert await town.balance("ana") == 0, "one of the two has said nothing"
    await _press(town, "eli", "I have read it")
    assert any("Two people have read the reason" in one for one in town.heard("ana"))
    await _months_end(town)
    await town.skip("4d")
    assert await town.balance("ana") == 120
    assert not [one for one in town.heard("chi") if SECRET in one]


async def test_whoever_has_the_role_care_reads_it_first_and_tells_a_need_for_somebody(town: Town) -> None:
    await _filled(town, 5)
    assert "Whoever has the role" in await town.whispers("chi", "/ask_fund_for @eli 1h daily roof")
    await _decides(town, "/role care @chi")
    assert "Whoever has the role" in await town.whispers("ben", "/ask_fund_for @eli 1h daily roof")
    said = await town.whispers("chi", f"/ask_fund_for @eli 1h daily {SECRET}")
    assert "No name is shown." in said
    assert "Chi has asked the common fund for 1 h for you." in town.heard("eli")[-1]
    assert not [one for one in town.heard("chi") + town.heard("eli") if "Can you be one of them?" in one]
    await _press(town, "eli", "Take back")
    assert "It is taken back" in town.heard("eli")[-1]
    await town.whispers("ben", "/ask_fund 1h daily")
    assert "Can you be one of them?" in town.heard("chi")[-1], "the role comes first"


async def test_why_is_gone_from_every_file_and_chat_when_it_is_decided_or_taken_back(folder: Folder) -> None:
    practice = folder.practice
    await practice.say("eli", f"/ask_fund 2h daily {SECRET}", folder.dm("eli"))
    for who in ("ana", "ben"):
        await practice.press(who, "Read it", within=folder.dm(who))
        await practice.press(who, "I have read it", within=folder.dm(who))
    assert SECRET in folder.visible(folder.dm("ana"))
    assert folder.words_in(SECRET)
    await practice.say("eli", "/withdraw_need 1", folder.dm("eli"))
    assert SECRET not in folder.visible(folder.dm("ana"))
    assert folder.words_in(SECRET) == []
    await practice.say("ben", "/thank @ana 1h")
    await practice.say("ana", "/contribute 1h", folder.dm("ana"))
    await practice.say("chi", f"/ask_fund 2h daily {SECRET}", folder.dm("chi"))
    for who in ("ana", "ben"):
        await practice.press(who, "Read it", within=folder.dm(who))
        await practice.press(who, "I have read it", within=folder.dm(who))
    assert folder.words_in(SECRET)
    await practice.say("ana", "/share_fund")
    await practice.press("ben", "Agree")
    assert folder.words_in(SECRET) == []
    assert SECRET not in folder.visible(folder.dm("ben"))
    await practice.say("eli", f"/ask_fund 2h daily {SECRET}", folder.dm("eli"))
    assert folder.words_in(SECRET)
    await practice.say("eli", "/forget me", folder.dm("eli"))
    await practice.press("eli", "Yes, forget me for good", within=folder.dm("eli"))
    assert folder.words_in(SECRET) == []
    await folder.books_are_sound()


async def test_what_is_urgent_goes_first_and_equals_get_the_same_to_the_minute(town: Town) -> None:
    await _filled(town, 3)
    await _asks(town, "eli", "2h extra music")
    await _asks(town, "chi", "4h vital rent")
    await town.whispers("ben", "/ask_fund 4h vital rent")
    await _read(town, "ana")
    await _press(town, "chi", "Read it")
    await _press(town, "chi", "I have read it")
    assert await _decides(town, "/share_fund") == "The common fund gave 3 h for 3 needs. They lack 7 h still."
    assert [await town.balance(who) for who in ("chi", "eli")] == [90, 0]
    assert await town.balance("ben") == -180 + 90
    assert await _in_fund(town) == 0
    told = town.heard("eli")[-1]
    assert "There was nothing left in the common fund for your need this time. / 2 h of your need still wait" in told
    assert "Needs still lack 7 h." in await town.says("chi", "/fund")
    assert "nothing in the fund that could be shared out" in await town.says("ana", "/share_fund")


async def test_what_a_need_lacks_is_looked_at_again_without_asking_anew_and_then_is_over(town: Town) -> None:
    await _filled(town, 1)
    await _asks(town, "eli", "4h daily roof")
    await _months_end(town)
    assert await town.balance("eli") == 60
    await town.says("ben", "/thank @ana 1h")
    await town.whispers("ana", "/contribute 1h")
    await _months_end(town)
    await town.skip("3d")
    assert await town.balance("eli") == 120
    assert "A need of 2 h for daily life" in await town.says("chi", "/fund")
    await _months_end(town)
    await town.skip("3d")
    assert "It lacked 2 h." in "".join(town.heard("eli"))
    assert "A need of" not in await town.says("chi", "/fund")


async def test_one_need_at_a_time_so_that_nobody_gets_more_by_asking_in_parts(town: Town) -> None:
    await town.whispers("eli", "/ask_fund 3h daily roof")
    assert "One need at a time: no. 1 waits already." in await town.whispers("eli", "/ask_fund 1h vital more")
    await town.whispers("eli", "/withdraw_need 1")
    assert "decided already, or taken back" in await town.whispers("eli", "/withdraw_need 1")
    assert "I have put down" in await town.whispers("eli", "/ask_fund 1h vital more")


REFUSED = (
    ("chi", "/ask_fund 3h", "how much it is needed"),
    ("chi", "/ask_fund daily", "an amount of time"),
    ("chi", "/withdraw_need 1", "not yours to take back"),
    ("chi", "/withdraw_need 7", "not yours to take back"),
    ("chi", "/urgent 1h", "the committee has not decided how much"),
    ("chi", "/share_fund", "No need waits that two people have read."),
    ("ana", "/fund_reserve", "Write a part up to 90%"),
    ("ana", "/fund_reserve 95%", "Write a part up to 90%"),
    ("ana", "/fund_reserve 10% 2h", "Write a part up to 90%"),
    ("ana", "/urgent_cap 0h", "Write an amount of time or the word off"),
    ("ana", "/payout strike 2h", "Nobody is counted in yet."),
    ("ana", "/payout strike 2h @chi", "The common fund is empty"),
    ("ana", "/money cash off", "That is how it is already."),
)
"""Who says what, and what they hear."""


async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town) -> None:
    await town.whispers("eli", "/ask_fund 3h daily roof")
    for who, line, answer in REFUSED:
        assert answer in await town.whispers(who, line), line
    before = "SELECT count(*) FROM proposals WHERE command <> 'organizer'"
    assert await town.practice.app.database.read(lambda tx: tx.value(before)) == 0
    assert "A need of 3 h for daily life" in await town.whispers("eli", "/fund")


async def test_who_does_not_look_is_passed_over_and_who_looked_is_reminded(town: Town) -> None:
    await town.whispers("ana", "/ask_fund 2h daily roof")
    await _press(town, "ben", "Read it")
    await town.skip("2d")
    await town.skip("1h")
    assert any("Can you be one of them?" in one for one in town.heard("eli")), "in place of Chi"
    await town.skip("1d")
    assert any(one.startswith("Riverside: somebody asks") for one in town.heard("ben")[2:])
    await town.presses("chi", "Read it")
    assert "does not wait for you any more" in town.transcript[-1][1]


async def test_why_tells_whoever_asks_their_own_part_and_nobody_who_else_got_something(town: Town) -> None:
    await _filled(town, 3)
    await _asks(town, "eli", "1h daily roof")
    await _asks(town, "chi", "1h daily roof")
    await _decides(town, "/share_fund")
    said = await town.whispers("chi", "/why 3")
    assert "the fund gave by need, the most urgent first" in said
    assert "Your part: 1 h." in said
    assert "Eli" not in said
    assert "Nothing of it was yours." in await town.whispers("ben", "/why 3")
    assert "Eli" not in await town.whispers("chi", "/undo 3")
    assert "Exchange no. 3 is taken back." in town.sees()[-1]


async def test_where_nobody_else_can_be_asked_nobody_is_passed_over_and_whoever_asks_hears_of_it(town: Town) -> None:
    await town.whispers("eli", "/ask_fund 2h daily roof")
    await _press(town, "ana", "I cannot")
    assert "Can you be one of them?" in town.heard("chi")[-1]
    await _press(town, "ben", "I cannot")
    assert "Just now I know nobody else" in town.heard("eli")[-1]
    await town.skip("2d")
    await town.skip("1h")
    assert "2 h for daily life" in town.heard("chi")[-1], "reminded, and still one of the two"
    await town.says("fay", "/join")
    await town.whispers("fay", "/start")
    await town.skip("2d")
    await town.skip("1h")
    assert any("Can you be one of them?" in one for one in town.heard("fay"))
    await _read(town, "chi", "fay")
    assert "Two people have read the reason." in town.heard("eli")[-1]


async def test_what_is_asked_back_while_somebody_tells_a_need_keeps_no_reason_either(folder: Folder) -> None:
    practice = folder.practice
    for n, who in enumerate(("sam1", "sam2")):
        practice.console.people[who] = Called(who, called=f"Sam {'AB'[n]}")
        await practice.say(who, "/join")
    await practice.say("ana", f"/ask_fund_for @sam 1h daily {SECRET}", folder.dm("ana"))
    assert "fits several people" in folder.visible(folder.dm("ana"))
    await practice.say("ana", f"/ask_fund_for @sam1 1h daily {SECRET}", folder.dm("ana"))
    assert folder.words_in(SECRET)
    await practice.say("ana", "/withdraw_need 1", folder.dm("ana"))
    assert folder.words_in(SECRET) == []


async def test_a_correction_does_not_take_from_the_fund_what_it_has_given_on(town: Town) -> None:
    await _filled(town, 2)
    await _decides(town, "/urgent_cap 1h")
    await town.whispers("chi", "/urgent 1h")
    assert await town.says("ana", "/correct 2") == "The common fund has given it on: 1 h are left in it."
    assert await _in_fund(town) == 60


async def test_where_two_cannot_be_reached_nothing_is_put_down(folder: Folder) -> None:
    practice = folder.practice

    async def alone(tx: Transaction) -> None:
        await tx.execute("UPDATE chats SET open = 0 WHERE private = 1 AND id NOT IN (SELECT min(id) FROM chats)")

    await practice.app.database.transact(alone)
    await practice.say("eli", f"/ask_fund 2h daily {SECRET}")
    assert SECRET not in folder.visible(folder.dm("ana"))
    rows = await practice.app.database.read(lambda tx: tx.all("SELECT count(*) FROM fund_needs"))
    assert rows == [(0,)]


# --- urgent help -----------------------------------------------------------------------------------------------------


async def test_whoever_is_at_the_limit_gets_urgent_help_paid_and_the_committee_stands_by_it(town: Town) -> None:
    await _filled(town, 5)
    await _decides(town, "/urgent_cap 4h")
    await town.says("eli", "/thank @chi 12h")
    assert "below the limit" in await town.whispers("eli", "/thank @chi 1h")
    said = await town.whispers("eli", f"/urgent 1h @chi {SECRET}")
    assert "Chi has 1 h from the common fund now." in said
    assert (await town.balance("eli"), await town.balance("chi")) == (-720, 780)
    assert "because you helped Eli" in town.heard("chi")[-1]
    assert not [one for one in town.heard("chi") if "Two people read the reason" in one]
    await _read(town)
    assert "urgent help (need no. 1)" in town.sees()[-1]
    await town.presses("ana", "Agree")
    assert "The committee stands by 1 h of urgent help (need no. 1)." in town.sees()
    assert "The committee stands by" in town.heard("eli")[-1]
    group = "\n".join(what for where, what in town.transcript if where == "Riverside")
    assert SECRET not in group
    assert "Eli" not in group.partition("urgent help")[2]


async def test_when_the_committee_does_not_say_yes_nothing_is_taken_back(town: Town) -> None:
    await _filled(town, 5)
    await _decides(town, "/urgent_cap 4h")
    await town.whispers("eli", "/urgent 1h roof")
    await _read(town)
    await town.skip("8d")
    assert any("has not said yes to 1 h of urgent help" in one for one in town.sees())
    assert any("Nothing is taken back" in one for one in town.heard("eli"))
    assert await town.balance("eli") == 60
    await town.whispers("ana", "/agree 2")
    assert not any("stands by" in one for one in town.sees())


async def test_at_once_there_is_never_more_than_the_cap_and_never_more_than_the_fund(town: Town) -> None:
    await _filled(town, 3)
    await _decides(town, "/urgent_cap 2h")
    said = await town.whispers("eli", "/urgent 5h")
    assert "You have 2 h from the common fund now." in said
    assert "That is all that can be given at once." in said
    assert "You have had 2 h at once in the last 30 days" in await town.whispers("eli", "/urgent 1h")
    assert "You have 1 h from the common fund now." in await town.whispers("chi", "/urgent 2h")
    assert "The common fund is empty just now." in await town.whispers("ben", "/urgent 1h")
    assert await _in_fund(town) == 0
    await town.skip("31d")
    await town.says("ben", "/thank @ana 1h")
    await town.whispers("ana", "/contribute 1h")
    assert "You have 1 h from the common fund now." in await town.whispers("eli", "/urgent 1h")


async def test_two_who_want_the_last_hour_at_the_same_moment_never_get_more_than_it(town: Town) -> None:
    await _filled(town, 1)
    await _decides(town, "/urgent_cap 2h")
    await asyncio.gather(*(town.practice.say(who, "/urgent 1h", town.private(who)) for who in ("chi", "eli")))
    got = [await town.balance(who) for who in ("chi", "eli")]
    assert sorted(got) == [0, 60]
    assert await _in_fund(town) == 0
    late = "chi" if got[0] == 0 else "eli"
    assert any("The common fund is empty just now." in one for one in town.heard(late))


# --- payouts and the reserve -----------------------------------------------------------------------------------------


async def test_a_payout_goes_to_all_who_are_counted_in_in_one_transfer(town: Town) -> None:
    await _filled(town, 5)
    for who in ("chi", "eli", "ben"):
        await town.whispers(who, "/count_me strike")
    await town.whispers("ben", "/count_me strike off")
    said = await _decides(town, "/payout strike 2h each")
    assert said == "The common fund paid 2 h each to 2 people (strike): 4 h in all."
    assert [await town.balance(who) for who in ("chi", "eli")] == [120, 120]
    assert await _in_fund(town) == 60
    group = "\n".join(town.sees())
    assert "Chi" not in group
    assert "Eli" not in group


async def test_a_fund_that_runs_dry_during_a_payout_gives_all_the_same_and_says_so(town: Town) -> None:
    await _filled(town, 1)
    said = await _decides(town, "/payout emergency 2h each @chi @eli @ana")
    assert said == (
        "The common fund had only 1 h, so 3 people got the same part of it instead of 2 h each (emergency)."
    )
    assert [await town.balance(who) for who in ("chi", "eli", "ana")] == [20, 20, 20]
    assert await _in_fund(town) == 0


async def test_the_reserve_stays_when_needs_are_met_and_is_there_for_payouts(town: Town) -> None:
    await _filled(town, 5)
    await _decides(town, "/fund_reserve 20%")
    await _asks(town, "eli", "10h vital roof")
    assert "gave 4 h for 1 need" in await _decides(town, "/share_fund")
    assert await _in_fund(town) == 60
    assert "20% of it stay as a reserve" in await town.says("chi", "/fund")
    assert "1 h in all" in await _decides(town, "/payout strike 30m @chi @eli")
    await _decides(town, "/fund_reserve 2h")
    assert "2 h of it stay as a reserve" in await town.says("chi", "/fund")
    await _decides(town, "/fund_reserve off")
    assert "reserve" not in await town.says("chi", "/fund")


async def test_money_and_insurance_are_off_until_the_committee_turns_them_on_and_has_seen_what_the_law_may_ask(
    town: Town,
) -> None:
    async def ask(what: switches.Switch) -> bool:
        return await town.practice.app.database.read(lambda tx: switches.is_on(tx, 1, what))

    assert [await ask(what) for what in ("cash", "insurance")] == [False, False]
    said = await town.says("ana", "/money cash on")
    assert "a registered association" in said
    assert "no legal advice" in said
    assert not await ask("cash")
    await town.presses("ben", "Agree")
    assert [await ask(what) for what in ("cash", "insurance")] == [True, False]
    assert "regulated business" in await town.says("ana", "/money insurance on")
    await town.presses("ben", "Agree")
    assert await ask("insurance")
    await _decides(town, "/money cash off")
    assert [await ask(what) for what in ("cash", "insurance")] == [False, True]


# --- coming and going ------------------------------------------------------------------------------------------------


async def test_whoever_leaves_asks_and_gives_no_more_and_others_read_what_they_should_have(town: Town) -> None:
    await _filled(town, 5)
    await town.says("ben", "/thank @chi 2h")
    await town.whispers("chi", "/contribute 1h monthly")
    await _asks(town, "chi", f"2h daily {SECRET}")
    await town.whispers("ana", "/ask_fund 1h daily")
    assert not any("Can you be one of them?" in one for one in town.heard("eli"))
    await town.says("chi", "/leave")
    assert "Can you be one of them?" in town.heard("eli")[-1], "in place of Chi"
    await _months_end(town)
    await town.skip("3d")
    assert await _in_fund(town) == 300
    assert SECRET not in "".join(text for _, text in town.transcript if text.startswith("bot (edit)"))[-200:]
    assert "not in a committee" in await town.whispers("chi", "/ask_fund 1h daily more")
    assert "not in a committee" in await town.whispers("chi", "/urgent 1h")
    await _press(town, "chi", "Take back")
    assert "somebody else" in town.transcript[-1][1]
    rows = await town.practice.app.database.read(lambda tx: tx.all("SELECT state FROM fund_needs ORDER BY id"))
    assert rows[0] == ("withdrawn",)
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM contributions")) == 0


async def test_a_payout_to_somebody_who_has_left_meanwhile_is_refused_whole(town: Town) -> None:
    await _filled(town, 5)
    await town.says("ana", "/payout strike 1h @chi @eli")
    await town.says("eli", "/leave")
    await town.presses("ben", "Agree")
    assert any("not a member any more" in what for _, what in town.transcript)
    assert (await town.balance("chi"), await _in_fund(town)) == (0, 300)


async def test_two_memberships_that_become_one_have_one_need_and_do_not_read_their_own(town: Town) -> None:
    await town.says("fay", "/join")
    await town.whispers("fay", "/start")
    await town.whispers("chi", "/ask_fund 1h daily first")
    await town.whispers("fay", "/ask_fund 2h daily second")

    async def join(tx: Transaction) -> tuple[int, list[tuple[object, ...]]]:
        ids = [await _id(tx, who) for who in ("chi", "fay")]
        await fund.contribute(tx, await _member(tx, "fay"), Minutes(30), now=town.practice.clock())
        await fund.join(tx, ids[1], ids[0], now=town.practice.clock())
        return ids[0], [
            *await tx.all("SELECT member_id, state FROM fund_needs ORDER BY id"),
            *await tx.all("SELECT member_id, minutes FROM contributions"),
        ]

    one, rows = await town.practice.app.database.transact(join)
    assert rows == [(one, "open"), (one, "withdrawn"), (one, 30)]


async def _member(tx: Reader, who: str) -> people.Member:
    [found] = await people.members_named(tx, 1, who)
    return found


async def _id(tx: Reader, who: str) -> int:
    return (await _member(tx, who)).id


async def test_who_asked_is_forgotten_some_time_after_it_is_decided(town: Town) -> None:
    await _filled(town, 1)
    await _asks(town, "eli", "1h daily roof")
    await _decides(town, "/share_fund")
    await town.skip("95d")
    for table in ("fund_needs", "fund_readers"):
        rows = await town.practice.app.database.read(
            lambda tx, table=table: tx.value(f"SELECT count(*) FROM {table}")  # type: ignore[misc]
        )
        assert rows == 0
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT given FROM fund_rounds")) == 60


async def test_the_digest_tells_sums_and_what_waits(town: Town) -> None:
    await _filled(town, 1)
    await town.says("ana", "/digest daily 9:00")
    await town.presses("ben", "Agree")
    await _asks(town, "eli", "3h daily roof")
    await town.skip("1d")
    assert any("1 need waits for the common fund: 3 h." in one for one in town.sees())
    await _decides(town, "/share_fund")
    await town.skip("1d")
    assert any("The common fund gave 1 h for 1 need. It lacks 2 h still." in one for one in town.sees())


async def test_it_can_all_be_done_by_buttons(town: Town) -> None:
    await town.says("ben", "/thank @ana 3h")
    await town.whispers("ana", "/fund")
    await _press(town, "ana", "Give hours")
    await _press(town, "ana", "1 h")
    await _press(town, "ana", "Just once")
    await _press(town, "ana", "Yes")
    assert await _in_fund(town) == 60
    await town.whispers("eli", "/fund")
    await _press(town, "eli", "Ask for hours")
    await _press(town, "eli", "1 h")
    await _press(town, "eli", "Daily life needs it")
    await _press(town, "eli", "Skip")
    assert "I have put down: A need of 1 h for daily life." in town.heard("eli")[-1]


# --- whatever is done ------------------------------------------------------------------------------------------------

MEMBERS = ("ana", "ben", "chi", "eli")
LINES = st.sampled_from(
    [
        *("/contribute 1h", "/contribute 90m", "/contribute 1h monthly", "/contribute stop", "/ask_fund 2h vital x"),
        *("/ask_fund 1h daily x", "/ask_fund 7h extra x", "/urgent 1h", "/urgent 3h", "/withdraw_need 1", "/leave"),
        *(
            "/count_me strike",
            "/count_me emergency",
            "/count_me strike off",
            "/thank @chi 2h",
            "/thank @ana 3h",
            "/undo",
        ),
        *("/share_fund", "/payout strike 2h each", "/payout emergency 50m @chi @eli", "/fund_reserve 25%"),
        *("/fund_reserve 1h", "/urgent_cap 2h", "/urgent_cap off", "/join", "/fund"),
    ]
)


class Funded(RuleBasedStateMachine):
    """Members and the clock do whatever there is to do with a fund, one after another and at the same moment."""

    template: Path | None = None

    @initialize()
    def begin(self) -> None:
        """A committee of four with hours in its fund and a cap for urgent help."""
        if Funded.template is None:
            world = World(Path(mkdtemp(prefix="solibot-test-")))
            for who, line in (
                ("ben", "/thank @ana 6h"),
                ("chi", "/thank @eli 4h"),
                ("ana", "/contribute 5h"),
                ("ana", "/urgent_cap 4h"),
                ("ben", "/urgent_cap 4h"),
            ):
                world.run(world.hear(self.said(world, who, line, GROUP)))
            world.close()
            Funded.template = world.folder
        self.path = Path(mkdtemp(prefix="solibot-test-"))
        shutil.copytree(Funded.template, self.path, dirs_exist_ok=True)
        self.world = World(self.path)

    events = itertools.count()

    def said(self, world: World, who: str, line: str, chat: Chat) -> Message:
        """What somebody writes."""
        event = f"f{next(self.events)}"
        return Message(event=event, at=world.clock(), chat=chat, sender=sender(who), text=line, message=event)

    def teardown(self) -> None:
        """Shut and remove it."""
        if hasattr(self, "world"):
            assert self.world.incidents == 0
            self.world.books_are_sound()
            self.world.close()
            shutil.rmtree(self.path)

    @rule(who=st.sampled_from(MEMBERS), line=LINES)
    def says(self, who: str, line: str) -> None:
        """Somebody says something."""
        self.world.run(self.world.hear(self.said(self.world, who, line, private_chat(who))))

    @rule(line=LINES)
    def together(self, line: str) -> None:
        """All say it at the same moment."""

        async def work() -> None:
            handle = self.world.practice.app.dispatcher.handle
            await asyncio.gather(*(handle(self.said(self.world, who, line, GROUP)) for who in MEMBERS))
            await self.world.practice.settle()

        self.world.run(work())

    @rule(numbers=st.lists(st.integers(1, 6), max_size=3))
    def agree(self, numbers: list[int]) -> None:
        """The organizers agree to proposals."""
        for number, who in itertools.product(numbers, ("ana", "ben")):
            self.world.run(self.world.hear(self.said(self.world, who, f"/agree {number}", GROUP)))

    @rule()
    def all_is_read(self) -> None:
        """Whoever was asked has read why."""

        async def work(tx: Transaction) -> None:
            await tx.execute("UPDATE fund_readers SET opened_us = 1, seen_us = 1 WHERE passed = 0")

        self.world.run(self.world.practice.app.database.transact(work))

    @rule(days=st.sampled_from([1, 9, 31]))
    def waits(self, days: int) -> None:
        """Time passes; months end."""
        self.world.run(self.world.practice.skip(timedelta(days=days)))

    @invariant()
    def nothing_is_paid_beyond_what_is_there(self) -> None:
        """The fund is never below zero; what it gave is what members got; nobody got more than they asked for."""
        if not hasattr(self, "world"):
            return

        async def look(tx: Reader) -> None:
            assert await transfers.in_fund(tx, await people.committee(tx, 1)) >= 0
            low = await tx.value(
                """SELECT min(total) FROM (SELECT sum(p.minutes) OVER (ORDER BY p.transfer_id) AS total
                   FROM postings p JOIN accounts a ON a.id = p.account_id WHERE a.kind = 'fund')"""
            )
            assert low is None or low >= 0, "at no moment"
            over = "SELECT count(*) FROM fund_needs WHERE given > minutes OR (urgent = 0 AND given > 0 AND rounds = 0)"
            assert await tx.value(over) == 0
            twice = """SELECT count(*) FROM (SELECT member_id FROM fund_needs WHERE state = 'open'
                       GROUP BY member_id HAVING count(*) > 1)"""
            assert await tx.value(twice) == 0
            closed = "SELECT count(*) - count(DISTINCT what || period) FROM closings WHERE what LIKE '%s%'"
            assert await tx.value(closed) == 0
            # Whoever left asks for nothing and gives nothing.
            gone = """SELECT count(*) FROM members m WHERE m.active = 0 AND (EXISTS (SELECT 1 FROM contributions c
                      WHERE c.member_id = m.id) OR EXISTS (SELECT 1 FROM fund_needs n WHERE n.member_id = m.id
                      AND n.state = 'open'))"""
            assert await tx.value(gone) == 0
            decided = """SELECT count(*) FROM fund_needs n JOIN notes o ON o.thing = 'fund_need:' || n.id
                         WHERE o.text IS NOT NULL AND (n.rounds > 0 OR n.state NOT IN ('open', 'paid'))"""
            assert await tx.value(decided) == 0, "why is forgotten"

        self.world.ask(look)


TestFunded = Funded.TestCase
TestFunded.settings = settings(max_examples=max(5, settings().max_examples // 25), stateful_step_count=14)


@pytest.mark.parametrize("month", ["2026-01", "2026-03", "2024-12"])
def test_the_month_before_a_month_is_found(month: str) -> None:
    assert closings.month_after(fund.month_before(month)) == month
