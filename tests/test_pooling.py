"""Pooling as members meet it: one's own yes, the month's end, a fund that runs short, relief, and leaving."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.chat import Saying
from bot.domain import retention
from bot.domain.policies import Base
from storage import closings, due, people, pooling, transfers
from storage.database import Reader, Transaction
from tests.conftest import Town

FULL = "The month until Jan 31, 2026 is closed."


async def counts(town: Town, base: Base = "pooled", *, allowance: str = "", quota: str = "") -> None:
    """The committee has decided how hours are counted, as its members do."""
    await town.says("ana", f"/policy {base}")
    await town.presses("ben", "Agree")
    for what, time in (("allowance", allowance), ("quota", quota)):
        if time:
            await town.says("ana", f"/policy {what} {time}")
            await town.presses("ben", "Agree")


async def pool(town: Town, *names: str) -> None:
    """They say yes for themselves."""
    for name in names:
        await town.whispers(name, "/pooling on")


async def eli_cares(town: Town) -> None:
    """Eli has the care role."""
    await town.says("ana", "/role care @eli")
    await town.presses("ben", "Agree")


async def in_fund(town: Town) -> int:
    """The fund's minutes, from the books."""

    async def ask(tx: Reader) -> int:
        return await transfers.in_fund(tx, await people.committee(tx, 1))

    return await town.practice.app.database.read(ask)


async def test_what_those_earn_who_pool_is_the_funds_and_what_others_earn_is_theirs(town: Town) -> None:
    await counts(town)
    await pool(town, "ana")
    assert await town.says("chi", "/thank @ana 2h mended my bike") == "Ana helped Chi for the common fund: 2 h. (No. 1)"
    assert await town.says("chi", "/thank @ben 1h") == "Ben helped Chi: 1 h. (No. 2)"
    assert (await town.balance("ana"), await town.balance("ben"), await in_fund(town)) == (0, 60, 120)
    assert "You pool what you earn: it is in the fund" in town.heard("ana")[-1]
    assert "This month you have done 2 h." in await town.whispers("ana", "/pooling")
    assert "You pool what you earn" in await town.whispers("ana", "/balance")


async def test_nobody_is_pooled_without_their_own_yes(town: Town) -> None:
    assert "Here nobody pools what they earn." in await town.whispers("ana", "/pooling on")
    await counts(town, allowance="10h", quota="20h")
    told = await town.whispers("chi", "/pooling")
    assert told.startswith("You do not pool: what you earn is yours.")
    assert "They get 10 h a month from it, as far as it is there. / Their part of the work is 20 h a month." in told
    await town.says("ben", "/thank @chi 1h")
    assert await town.balance("chi") == 60
    await town.presses("chi", "I pool")
    await town.says("ben", "/thank @chi 1h")
    assert (await town.balance("chi"), await in_fund(town)) == (60, 60)
    assert "Whoever" not in await town.whispers("chi", "/pooling off")
    await town.says("ben", "/thank @chi 1h")
    assert (await town.balance("chi"), await in_fund(town)) == (120, 60)


async def test_at_the_months_end_each_gets_their_allowance_and_hears_of_their_part_in_private(town: Town) -> None:
    await counts(town, allowance="1h", quota="3h")
    await pool(town, "ana", "ben", "chi")
    await town.says("eli", "/thank @ana 5h")
    await town.skip("27d")
    # They have pooled from the fifth on: a fair part of the month.
    assert await town.balance("ana") == await town.balance("ben") == 50

    async def kept(tx: Transaction) -> object:
        await pooling.purge(tx, now=town.practice.app.now() + retention.POOL - timedelta(days=1))
        return await tx.value("SELECT count(*) FROM pooling_months")

    async def kept_longer(tx: Transaction) -> object:
        await pooling.purge(tx, now=town.practice.app.now() + retention.POOL + timedelta(days=1))
        return await tx.value("SELECT count(*) FROM pooling_months")

    assert await town.practice.app.database.transact(kept) == 3
    assert await town.practice.app.database.transact(kept_longer) == 0
    assert await in_fund(town) == 300 - 3 * 50
    assert "The common fund gave those who pool their allowance: 2 h 30 in all." in town.sees()[-1]
    assert town.heard("ana")[-1] == (
        f"{FULL} / You get 50 min from the common fund. / You have done 5 h of 2 h 32. / "
        "You have 2 h 28 of leave: so much less you can work in a later month."
    )
    assert "You have done 0 min of 2 h 32. / That is 2 h 32 less. Nothing follows from it" in town.heard("ben")[-1]
    assert not [one for one in town.sees() if "2 h 32" in one]


async def test_a_fund_that_runs_short_gives_all_the_same_part_and_never_more_than_it_has(town: Town) -> None:
    await counts(town, allowance="10h")
    await pool(town, "ana", "ben", "chi")
    await town.says("eli", "/thank @ana 1h40")
    await town.skip("27d")
    assert [await town.balance(name) for name in ("ana", "ben", "chi")] == [33, 33, 33]
    assert await in_fund(town) == 1
    assert "all that it had, instead of" in town.sees()[-1]
    assert "there was not more. Everybody gets the same part of theirs." in town.heard("chi")[-1]
    await town.skip("28d")
    assert await in_fund(town) == 1
    assert "The common fund is empty" in town.sees()[-1]


async def test_a_month_is_closed_once_however_often_the_clock_says_it(town: Town) -> None:
    await counts(town, allowance="1h", quota="1h")
    await pool(town, "ana", "ben")
    await town.says("eli", "/thank @ana 9h")
    await town.skip("27d")
    before = (await town.balance("ana"), await in_fund(town), len(town.heard("ana")))

    async def again(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        says = Saying(command="share_month", arguments={"period": "2026-01"})
        now = town.practice.app.now().astimezone(committee.zone).replace(tzinfo=None)
        await due.plan(tx, "again", says, local=now, zone=committee.zone, committee=1, late="do")

    for _ in range(2):
        await town.practice.app.database.transact(again)
        await town.skip("1m")
    assert (await town.balance("ana"), await in_fund(town), len(town.heard("ana"))) == before
    assert "You have 8 h 10 of leave" in await town.whispers("ana", "/pooling")


async def test_leave_is_carried_to_the_next_month_and_used_there(town: Town) -> None:
    await counts(town, quota="10h")
    await pool(town, "ana")
    await town.says("eli", "/thank @ana 12h")
    await town.skip("27d")
    assert "leave" in town.heard("ana")[-1]
    await town.skip("28d")
    assert "You have done 0 min of 10 h. / That is 6 h 28 less." in town.heard("ana")[-1]


async def test_who_stops_in_the_middle_of_a_month_gets_their_part_of_it(town: Town) -> None:
    await counts(town, allowance="31h")
    await pool(town, "ana", "ben")
    await town.says("eli", "/thank @ana 10h")
    await town.says("chi", "/thank @ana 12h")
    await town.says("fay", "/join")
    await town.says("fay", "/thank @ben 12h")
    await town.says("gus", "/join")
    await town.says("gus", "/thank @ben 12h")
    await town.skip("10d")
    told = await town.whispers("ana", "/pooling off")
    assert "you get your part of the allowance at its end" in told
    assert (await town.whispers("ana", "/pooling off")).startswith("You do not pool")
    await town.skip("18d")
    assert 10 * 60 <= await town.balance("ana") <= 11 * 60
    assert 26 * 60 <= await town.balance("ben") < 27 * 60
    await town.skip("28d")
    assert 10 * 60 <= await town.balance("ana") <= 11 * 60, "it was paid once"

    async def kept(tx: Reader) -> object:
        return await tx.value("SELECT count(*) FROM pooling_before")

    assert await town.practice.app.database.read(kept) == 0, "nobody need know any more when it was"


async def test_in_the_month_in_which_the_committee_decides_otherwise_it_is_still_shared_out(town: Town) -> None:
    await counts(town, allowance="31h")
    await pool(town, "ana")
    await town.says("eli", "/thank @ana 12h")
    await town.skip("5d")
    await counts(town, "equal")
    await town.says("chi", "/thank @ana 1h")
    assert await town.balance("ana") == 60
    await town.skip("22d")
    assert 60 + 5 * 60 <= await town.balance("ana") <= 60 + 6 * 60

    async def planned(tx: Reader) -> object:
        return await tx.one("SELECT 1 FROM due WHERE key = ?", closings.key("share_month", 1))

    assert await town.practice.app.database.read(planned) is None
    # Should the committee pool again, it takes a new yes.
    await counts(town)
    await town.says("chi", "/thank @ana 1h")
    assert (await town.whispers("ana", "/pooling")).startswith("You do not pool")


async def test_who_has_left_the_committee_gets_nothing_and_nothing_is_kept(town: Town) -> None:
    await counts(town, allowance="10h")
    await eli_cares(town)
    await pool(town, "ana", "chi")
    await town.whispers("eli", "/relief @chi 50%")
    await town.says("eli", "/thank @ana 12h")
    await town.skip("1h")
    await town.whispers("chi", "/pooling off")
    await town.whispers("chi", "/pooling on")
    await town.whispers("chi", "/leave")
    await town.skip("1m")

    async def kept(tx: Reader) -> list[object]:
        tables = ("pooling", "pooling_before", "pooling_months", "enrolments")
        return [
            await tx.value(
                f"SELECT count(*) FROM {table} WHERE member_id = (SELECT id FROM members WHERE name = 'Chi')"
            )
            for table in tables
        ]

    assert await town.practice.app.database.read(kept) == [0, 0, 0, 0]
    await town.skip("27d")
    assert await town.practice.app.database.read(kept) == [0, 0, 0, 0]
    assert await in_fund(town) == 12 * 60 - await town.balance("ana")


# --- relief ----------------------------------------------------------------------------------------------------------


async def test_the_care_role_makes_somebodys_part_smaller_and_only_those_two_see_it(town: Town) -> None:
    await counts(town, quota="20h", allowance="1h")
    await eli_cares(town)
    await pool(town, "chi")
    assert "Whoever has the care role sets that, for others: Eli." in await town.whispers("chi", "/relief 50%")
    assert "Whoever has the care role" in await town.whispers("ben", "/relief @chi 50%")
    assert await town.whispers("eli", "/relief @chi 50% 2h") == (
        "Chi: 50% less work. / 2 h more a month from the fund."
    )
    assert town.heard("chi")[-1] == (
        "From this month on your part of the work is 50% smaller. / "
        "You get 2 h a month more from the fund, as far as it is there."
    )
    assert "Your part of the work is 50% smaller." in await town.whispers("chi", "/pooling")
    assert await town.whispers("ben", "/relief @chi") == "Only Chi and the care role can see that."
    assert "50%" in await town.whispers("chi", "/relief")
    assert "Nobody else has the care role" in await town.whispers("eli", "/relief 100%")
    assert not [one for one in town.sees() if "50%" in one]
    assert "somebody's part of the common work was changed." in await town.whispers("ben", "/log")
    assert "Chi's part of the common work was changed." in await town.whispers("chi", "/log")


async def test_relief_by_buttons_alone(town: Town) -> None:
    await counts(town, quota="20h")
    await eli_cares(town)
    await town.whispers("eli", "/relief")
    await town.presses("eli", "Less work for somebody")
    await town.presses("eli", "Chi")
    await town.presses("eli", "75%")
    assert town.heard("eli")[-1] == "Chi: 75% less work."


async def test_the_committee_can_decide_relief_in_the_open(town: Town) -> None:
    await counts(town, quota="20h")
    await pool(town, "chi")
    await town.says("ana", "/relief_set @chi 100%")
    await town.presses("ben", "Agree")
    assert "This month you have done 0 min of 0 min." in await town.whispers("chi", "/pooling")


@pytest.mark.parametrize("line", ["/relief @chi 120%", "/relief @chi -5%", "/relief @chi 50 percent"])
async def test_a_relief_out_of_bounds_changes_nothing(town: Town, line: str) -> None:
    await counts(town, quota="20h")
    await eli_cares(town)
    assert await town.whispers("eli", line) != ""
    assert "0% less work" in await town.whispers("chi", "/relief")


async def test_the_care_role_hears_how_many_and_never_who(town: Town) -> None:
    await counts(town, quota="20h")
    await eli_cares(town)
    await pool(town, "ana", "ben", "chi")
    await town.skip("27d")
    assert town.heard("eli")[-1].startswith("3 of those who pool have done less than their part of the month.")
    assert not [one for one in town.heard("eli")[-1:] if "Ben" in one]


# --- taking back, claims, and figures --------------------------------------------------------------------------------


async def test_what_is_undone_was_not_done_and_leaves_the_fund(town: Town) -> None:
    await counts(town)
    await pool(town, "ana")
    await town.says("chi", "/thank @ana 2h")
    await town.says("chi", "/undo")
    assert await in_fund(town) == 0
    assert "This month you have done 0 min." in await town.whispers("ana", "/pooling")


async def test_later_whoever_worked_agrees_to_the_undo(town: Town) -> None:
    await counts(town)
    await pool(town, "ana")
    await town.says("chi", "/thank @ana 2h")
    await town.skip("1h")
    await town.says("chi", "/undo 1")
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert (await in_fund(town), await town.balance("chi")) == (0, 0)


async def test_work_that_somebody_claims_goes_to_the_fund_when_the_other_says_yes(town: Town) -> None:
    await counts(town)
    await pool(town, "ana")
    assert "Ana helped Ben for the common fund: 1 h. (waits for a yes)" in await town.says("ana", "/worked 1h @ben")
    await town.practice.press("ben", "That is right", within=town.private("ben"))
    assert (await in_fund(town), await town.balance("ana"), await town.balance("ben")) == (60, 0, -60)
    assert "Ana helped Ben for the common fund: 1 h." in await town.whispers("ana", "/log")


async def test_several_who_pool_and_one_who_does_not(town: Town) -> None:
    await counts(town)
    await pool(town, "ana", "ben")
    assert await town.says("eli", "/thank @ana @ben 1h") == (
        "Ana and Ben helped Eli for the common fund: 1 h each. (No. 1)"
    )
    told = await town.says("eli", "/thank @ana @chi 1h")
    assert told == "Eli: 2 h for what Ana and Chi did. It goes to: Chi 1 h and the fund 1 h. (No. 2)"
    await town.says("fay", "/join")
    assert "4 of 5 members took part." in await town.says("ana", "/stats")


async def test_children_have_nothing_to_pool(town: Town) -> None:
    await counts(town)
    await town.says("ana", "/child Zoe")
    assert "You do not pool" in await town.whispers("ana", "/pooling")


@pytest.mark.parametrize("word", ["of", "yes", "50%"])
async def test_a_wrong_word_gets_a_sentence(town: Town, word: str) -> None:
    await counts(town)
    assert "/pooling on" in await town.whispers("ana", f"/pooling {word}")


async def test_two_memberships_of_one_person_become_one(town: Town) -> None:
    await counts(town, allowance="10h", quota="20h")
    await eli_cares(town)
    await pool(town, "ana", "chi")
    await town.whispers("eli", "/relief @chi 50%")
    await town.says("eli", "/thank @chi 2h")

    async def join(tx: Transaction) -> pooling.Holding:
        chi, ana = [(await people.members_named(tx, 1, name))[0] for name in ("chi", "ana")]
        await pooling.stop(tx, chi, now=town.practice.app.now())
        await pooling.join(tx, chi.id, ana.id)
        assert chi.id not in await pooling.spans(tx, 1)
        return await pooling.holding(tx, ana)

    assert (await town.practice.app.database.transact(join)).relief == 5_000
