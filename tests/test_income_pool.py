"""The income pool as households meet it: they put in what they can, and it is shared out by need."""

from __future__ import annotations

import pytest

from bot.practice import MATRIX
from storage import pool
from storage.database import Reader
from tests.conftest import Town
from tests.test_connect import connect_accounts, connect_groups
from tests.test_insurance import say_month, to_month, turn

OFF = "The income pool is off here."


async def joined(town: Town, *who: str) -> None:
    """It is on, and these take part."""
    if OFF in await town.whispers("ana", "/pool"):
        await turn(town, True)
    for one in who or ("ana", "ben", "chi", "eli"):
        assert (await town.whispers(one, "/pool_join")).startswith("You take part in the income pool.")


async def decide(town: Town, line: str) -> str:
    """Two organizers decide it."""
    said = await town.says("ana", line)
    await town.presses("ben", "Agree")
    return said


async def test_nothing_of_it_works_until_the_committee_turns_it_on(town: Town) -> None:
    for line in ("/pool", "/pool_join"):
        assert OFF in await town.whispers("chi", line)
    assert "not in the income pool" in await town.whispers("chi", "/pool_in 3h")


async def test_hours_are_put_in_privately_and_each_household_gets_the_same(town: Town) -> None:
    await joined(town)
    group = len(town.sees())
    assert "you put in 8 h. Nobody else sees it." in await town.whispers("ana", "/pool_in 5h") + await town.whispers(
        "ana", "/pool_in 8h"
    )
    await town.whispers("ben", "/pool_in 1h")
    assert "In the pool for this month: 9 h." in await town.whispers("eli", "/pool")
    assert "You put in 8 h. Nobody else sees that." in await town.whispers("ana", "/pool")
    assert await town.balance("ana") == 0, "it moves when the month ends"
    await to_month(town, 2, 2)
    assert [await town.balance(who) for who in ("ana", "ben", "chi", "eli")] == [-345, 75, 135, 135]
    assert "your share is 2 h 15. / You had put in nothing." in town.heard("chi")[-1]
    assert "your share is 2 h 15. / You had put in 8 h." in town.heard("ana")[-1]
    assert "Last time you had put in 8 h, and got 2 h 15." in await town.whispers("ana", "/pool")
    history = await town.whispers("chi", "/history")
    assert "out of the income pool, 2 h 15." in history
    for name in ("Ana", "Ben", "Eli"):
        assert name not in history
    told = await town.whispers("ana", "/log")
    assert "by the committee's rule" in told
    assert not town.sees()[group:], "the group hears nothing"


async def test_a_month_is_shared_out_once(town: Town) -> None:
    await joined(town)
    await town.whispers("ana", "/pool_in 8h")
    await to_month(town, 2, 2)
    before = [await town.balance(who) for who in ("ana", "ben")]

    async def told(tx: Reader) -> int:
        return len(await tx.all("SELECT 1 FROM nudges WHERE key LIKE 'pool:%'"))

    count = await town.practice.app.database.read(told)
    await say_month(town, "pool_month", "2026-01")
    assert [await town.balance(who) for who in ("ana", "ben")] == before
    assert await town.practice.app.database.read(told) == count == 4, "each is told once"


async def test_by_heads_and_by_need_children_and_illness_count(town: Town) -> None:
    await joined(town)
    await town.whispers("chi", "/household with @eli")
    await town.practice.press("eli", "Yes, we share a home", within=town.private("eli"))
    for name in ("Mia", "Tom"):
        await town.says("chi", f"/add child {name}")
    assert "by heads: each person gets the same" in await decide(town, "/pool_rule heads")
    assert "Your household counts with 2 adults and 2 children." in await town.whispers("chi", "/pool")
    await town.whispers("ana", "/pool_in 6h")
    await to_month(town, 2, 2)
    # Six heads: one, one, and four of one home, whose two adults share theirs.
    assert [await town.balance(who) for who in ("ana", "ben", "chi", "eli")] == [-300, 60, 120, 120]
    assert "By the rule of now it makes no difference." in await town.whispers("eli", "/pool_care on")
    await decide(town, "/pool_rule needs")
    await decide(town, "/pool_weight care 100%")
    said = await town.whispers("ben", "/pool")
    assert "a child counts for 50% of an adult, and 100% are added" in said
    await town.whispers("ana", "/pool_in 6h")
    await to_month(town, 3, 2)
    # 1, 1, and 2 + 2 x 0.5 + 1: six parts again, four of them for the home.
    assert [await town.balance(who) for who in ("ana", "ben", "chi", "eli")] == [-600, 120, 240, 240]
    assert "nobody at home needs care now" in await town.whispers("eli", "/pool_care off")


async def test_money_is_only_written_down_and_each_hears_what_is_left_to_do(town: Town) -> None:
    await joined(town)
    assert "Money is off here; only hours can be put in" in await town.whispers("ana", "/pool_in 120.50")
    await decide(town, "/money cash on")
    said = await town.whispers("ana", "/pool_in 120.50")
    assert "you put in 120.50." in said
    assert "I move none." in said
    await town.whispers("ben", "/pool_in 10.01 2h")
    assert "In the pool for this month: 2 h and 130.51." in await town.whispers("eli", "/pool")
    await to_month(town, 2, 2)
    # 130.51 in four: 32.63 three times and 32.62.
    assert "your share is 30 min and 32.63." in town.heard("ana")[-1]
    assert "87.87 go from you to whoever keeps the pool's money." in town.heard("ana")[-1]
    assert "your share is 30 min and 32.62." in town.heard("eli")[-1]
    assert "32.62 come to you from whoever keeps the pool's money." in town.heard("eli")[-1]
    assert [await town.balance(who) for who in ("ana", "ben")] == [30, -90]


async def test_a_round_with_nothing_in_it_is_said_and_moves_nothing(town: Town) -> None:
    await joined(town)
    await to_month(town, 2, 2)
    assert town.heard("ana")[-1] == "Nobody put anything into the income pool, so there was nothing to share out."
    assert await town.balance("ana") == 0


async def test_whose_hours_do_not_suffice_any_more_puts_in_nothing_and_hears_it(town: Town) -> None:
    await joined(town)
    assert "You can put in at most 12 h now" in await town.whispers("ana", "/pool_in 13h")
    await town.whispers("ana", "/pool_in 10h")
    await town.whispers("ben", "/pool_in 4h")
    await town.says("ana", "/thank @chi 5h")
    await to_month(town, 2, 2)
    assert await town.balance("ana") == -300 + 60
    assert "Your hours did not suffice any more" in town.heard("ana")[-1]
    assert "your share is 1 h." in town.heard("ana")[-1]


async def test_the_way_out_is_free_and_what_was_put_in_stays_ones_own(town: Town) -> None:
    await joined(town)
    await town.whispers("ana", "/pool_in 8h")
    assert (await town.whispers("ana", "/pool_leave")).startswith("You have left the income pool.")
    assert "not in the income pool" in await town.whispers("ana", "/pool_leave")
    await town.whispers("ben", "/pool_in 3h")
    # Whoever leaves the committee is out of the pool too, also when they come back.
    await town.whispers("chi", "/pool_in 4h")
    await town.says("chi", "/leave")
    await town.says("chi", "/join")
    await to_month(town, 2, 2)
    assert [await town.balance(who) for who in ("ana", "ben", "chi", "eli")] == [0, -90, 0, 90]
    assert "To take part: /pool_join" in await town.whispers("ana", "/pool")


async def test_what_was_put_in_can_be_taken_back(town: Town) -> None:
    await joined(town)
    assert "already" in await town.whispers("ana", "/pool_join")
    await town.whispers("ana", "/pool_in 8h")
    assert "you put in nothing" in await town.whispers("ana", "/pool_in off")
    assert "You have put in nothing yet." in await town.whispers("ana", "/pool")
    assert "Write how much" in await town.whispers("ana", "/pool_in")


async def test_the_total_is_told_only_where_it_tells_of_nobody(town: Town) -> None:
    await joined(town, "ana", "ben")
    await town.whispers("ana", "/pool_in 8h")
    told = await town.whispers("ben", "/pool")
    assert "How much is in it I say from 3 households on" in told
    assert "8 h" not in told


async def test_when_it_is_turned_off_nothing_is_shared_out(town: Town) -> None:
    await joined(town)
    await town.whispers("ana", "/pool_in 8h")
    await turn(town, False)
    assert OFF in await town.whispers("ana", "/pool_in 2h")
    await to_month(town, 2, 2)
    assert await town.balance("ana") == 0
    assert "The income pool is off now: nothing was shared out." in town.heard("ana")[-1]


async def test_two_accounts_of_one_person_are_one_household(town: Town) -> None:
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    await town.whispers("chi", "/start", on=MATRIX)
    await joined(town)
    await town.whispers("chi", "/pool_join", on=MATRIX)
    await town.whispers("chi", "/pool_in 2h")
    await town.whispers("chi", "/pool_in 1h", on=MATRIX)
    await connect_accounts(town, "chi")
    told = await town.whispers("chi", "/pool")
    assert "4 households take part." in told
    assert "You put in 3 h." in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/pool_rule equal", "That is how it is already."),
        ("/pool_weight child 50%", "That is how it is already."),
        ("/pool_weight child 300%", "300%"),
        ("/pool_rule fairly", "equal, heads or needs"),
    ],
)
async def test_what_the_committee_cannot_set_is_refused_with_a_sentence(town: Town, line: str, words: str) -> None:
    said = await town.says("ana", line)
    if words not in said:
        said = await town.presses("ben", "Agree") + " ".join(town.sees()[-2:])
    assert words in said


async def test_in_the_last_week_todo_says_that_nothing_was_put_in(town: Town) -> None:
    await joined(town)
    assert "income pool" not in await town.whispers("ana", "/todo")
    await to_month(town, 1, 26)
    assert "you have put nothing into the income pool. It is no duty" in await town.whispers("ana", "/todo")
    await town.whispers("ana", "/pool_in 1h")
    assert "income pool" not in await town.whispers("ana", "/todo")


async def test_what_was_put_in_is_forgotten_after_a_year(town: Town) -> None:
    await joined(town)
    await town.whispers("ana", "/pool_in 1h")
    await to_month(town, 2, 2)

    async def parts(tx: Reader) -> int:
        return len(await tx.all("SELECT 1 FROM pool_parts WHERE period = '2026-01'"))

    assert await town.practice.app.database.read(parts) == 4
    now = town.practice.app.now()
    town.practice.clock.move(now.replace(year=2027, month=3))
    await town.practice.settle()
    assert await town.practice.app.database.read(parts) == 0
    assert await town.practice.app.database.read(lambda tx: pool.of_month(tx, 1, "2026-01")) == {}
