"""What counting otherwise tempts one to: two accounts, a change in the middle of a month, a month closed again."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.chat import Saying
from bot.domain.ledger import Posting, Transfer
from bot.practice import MATRIX
from bot.text import Minutes
from storage import closings, due, people, transfers
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.test_connect import connect_accounts, connect_groups


async def _decides(town: Town, change: str) -> None:
    await town.says("ana", f"/policy {change}")
    await town.presses("ben", "Agree")


async def _fund(town: Town) -> int:
    async def ask(tx: Reader) -> int:
        return await transfers.in_fund(tx, await people.committee(tx, 1))

    return await town.practice.app.database.read(ask)


async def _month_over(town: Town, month: int = 2) -> None:
    """The bot was away until the first of the month: quick."""
    town.practice.clock.move(datetime(2026, month, 1, 10, 0, tzinfo=UTC))
    await town.skip("1m")


# --- two accounts ------------------------------------------------------------------------------------------------


async def _chi_twice(town: Town) -> None:
    """Chi has come in a second time, from another network, as if it were somebody else; each is given three hours."""
    await town.says("ana", "/thank @chi 3h")
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.says("ben", "/thank @chi:example.org 3h")


async def test_who_has_two_accounts_stays_under_the_threshold_with_each_until_they_are_one(town: Town) -> None:
    await _decides(town, "melt 10% 4h")
    await _chi_twice(town)
    await _month_over(town)
    assert await _fund(town) == 0, "the books cannot know that the two are one person: that is for those who know them"
    await connect_accounts(town, "chi")
    assert await town.balance("chi") == 360
    await _month_over(town, 3)
    assert (await town.balance("chi"), await _fund(town)) == (348, 12), "the threshold is one person's"
    await town.books_are_sound()


async def test_a_second_account_of_one_network_is_no_second_member(town: Town) -> None:
    await _decides(town, "melt 10% 4h")
    await town.says("chi", "/join")
    await town.says("ana", "/thank @chi 3h")
    await town.says("ben", "/thank @chi 3h")
    await _month_over(town)
    assert (await town.balance("chi"), await _fund(town)) == (348, 12)


async def test_two_accounts_save_no_levy_but_the_minute_that_is_rounded(town: Town) -> None:
    await _decides(town, "levy 10%")
    await _chi_twice(town)
    await connect_accounts(town, "chi")
    assert (await town.balance("chi"), await _fund(town)) == (324, 36), "what six hours on one account cost"


async def test_hours_sent_round_between_two_accounts_pay_the_levy_each_time(town: Town) -> None:
    await _decides(town, "levy 10%")
    await _chi_twice(town)
    for _ in range(3):
        await town.says("chi", "/thank @chi:example.org 1h")
        await town.says("chi", "/thank @chi 1h", on=MATRIX)
        await town.presses("chi", "Chi (@chi)", on=MATRIX)
    await connect_accounts(town, "chi")
    assert (await town.balance("chi"), await _fund(town)) == (324 - 6 * 6, 36 + 6 * 6)
    await town.books_are_sound()


# --- a change in the middle of a month -----------------------------------------------------------------------------


async def test_each_exchange_is_counted_by_what_held_when_it_was_recorded(town: Town) -> None:
    await town.says("ben", "/thank @chi 2h")
    await _decides(town, "levy 10%")
    await town.says("ben", "/thank @chi 2h")
    await _decides(town, "levy 20%")
    await town.says("ben", "/thank @chi 2h")
    assert (await town.balance("chi"), await _fund(town)) == (120 + 108 + 96, 12 + 24)
    for number, told in ((1, "beginning"), (2, "10% of what is earned"), (3, "20% of what is earned")):
        assert told in await town.whispers("chi", f"/why {number}")
    await town.says("ben", "/undo 2")
    assert (await town.balance("chi"), await _fund(town)) == (120 + 96, 24), "it comes back as it was counted"


async def test_what_holds_at_the_months_end_closes_the_month(town: Town) -> None:
    await town.says("ben", "/thank @chi 10h")
    await _decides(town, "melt 50% 2h")
    await _decides(town, "melt 10% 5h")
    await _month_over(town)
    assert (await town.balance("chi"), await _fund(town)) == (570, 30), "once, by the newest rule"
    await _decides(town, "melt 0%")
    await _decides(town, "melt 10% 5h")
    await _month_over(town, 3)
    assert (await town.balance("chi"), await _fund(town)) == (543, 57), "off and on again: still once"
    await _decides(town, "melt 0%")
    await _month_over(town, 4)
    assert (await town.balance("chi"), await _fund(town)) == (543, 57)


# --- a month closed again ------------------------------------------------------------------------------------------


async def test_a_month_that_the_clock_closes_again_changes_nothing_by_any_rule(town: Town) -> None:
    for change in ("effort", "levy 10%", "budget 5h", "melt 10% 1h"):
        await _decides(town, change)
    await town.says("ben", "/thank @chi 10h")
    await _month_over(town)
    before = await town.practice.app.database.read(lambda tx: tx.all("SELECT id, balance FROM accounts LIMIT 100"))
    versions = await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM schemes"))

    async def again(tx: Transaction) -> None:
        zone = (await people.committee(tx, 1)).zone
        for command in ("levy_month", "melt_month", "weigh_month"):
            says = Saying(command=command, arguments={"period": "2026-01"})
            await due.plan(tx, f"again:{command}", says, local=datetime(2026, 2, 1), zone=zone, committee=1, late="do")

    await town.practice.app.database.transact(again)
    await town.skip("1m")
    after = await town.practice.app.database.read(lambda tx: tx.all("SELECT id, balance FROM accounts LIMIT 100"))
    assert after == before
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM schemes")) == versions


async def test_what_is_done_for_all_counts_for_nobodys_limit_nor_does_taking_it_back(town: Town) -> None:
    async def closes(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        [ana], [ben] = await people.members_named(tx, 1, "ana"), await people.members_named(tx, 1, "ben")
        found = await transfers.accounts_of(tx, committee, [ana, ben])
        legs = (Posting(found[ana.id].id, Minutes(30)), Posting(found[ben.id].id, Minutes(-30)))
        now = town.practice.app.now()
        await closings.close(
            tx, committee, "effort", "2025-12", Transfer(postings=legs, at=now), recorder=ana, scheme=0, now=now
        )

    await town.practice.app.database.transact(closes)
    await town.says("ana", "/correct 1")
    await town.presses("ben", "Agree")
    assert await town.balance("ana") == 0
    given = await town.practice.app.database.read(lambda tx: tx.all("SELECT * FROM given WHERE minutes <> 0 LIMIT 9"))
    assert given == []
