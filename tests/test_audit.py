"""Books that do not add up are found by night and at the start; nothing is written into them until they do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.practice import DATABASE
from storage import entries, people
from storage import log as books
from storage.database import Reader, Transaction
from tests.conftest import Town

REFUSED = "Nothing was recorded: the books of this committee do not add up, so I write nothing into them for now."
TOLD = "I checked the books of Riverside, and they do not add up. / "
AGAIN = "The books of Riverside add up again: from now on I write into them."
CHANGE = "UPDATE accounts SET balance = balance + 60 WHERE member_id = 4"
MEND = "UPDATE accounts SET balance = balance - 60 WHERE member_id = 4"


ByHand = Callable[[str], None]


@pytest.fixture
def by_hand(tmp_path: Path) -> ByHand:
    """Somebody has the file in their hands."""

    def change(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
            assert connection.execute(sql).rowcount > 0

    return change


async def is_stopped(town: Town) -> bool:
    """Whether nothing is written into the books."""

    async def ask(tx: Reader) -> bool:
        return bool(await tx.value("SELECT count(*) FROM stopped"))

    return await town.practice.app.database.read(ask)


async def test_what_falls_due_while_writing_is_stopped_is_done_when_the_books_add_up(
    town: Town, by_hand: ByHand
) -> None:
    await town.says("ana", "/confirm_within 7d accept")
    await town.presses("ben", "Agree")
    await town.says("ben", "/worked 1h @ana")
    by_hand(CHANGE)
    await town.skip("8d")
    assert await is_stopped(town)
    assert await town.balance("ben") == 0
    by_hand(MEND)
    await town.whispers("ana", "/audit")
    await town.skip("1h")
    assert await town.balance("ben") == 60


async def test_every_member_has_the_books_recomputed(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    answer = await town.whispers("eli", "/audit")
    assert answer.startswith("All is as it was written: 7 entries")
    assert answer == await town.whispers("eli", "/log verify")
    assert (await town.whispers("dan", "/audit")).startswith("You are not in a committee.")


async def test_a_balance_changed_by_hand_is_found_by_night_and_writing_stops_until_it_is_mended(
    town: Town, by_hand: ByHand
) -> None:
    await town.says("ana", "/thank @ben 1h")
    by_hand(CHANGE)
    await town.skip("2d")
    for organizer in ("ana", "ben"):
        told = [words for words in town.heard(organizer) if words.startswith(TOLD)]
        # Once, though there was more than one night.
        assert len(told) == 1
        assert "somebody's balance is not the sum of their exchanges" in told[0]
        assert "solibot check" in told[0]
    assert not any(words.startswith(TOLD) for words in town.heard("chi"))
    before = await town.balance("ana")
    for who, said in (("ana", "/thank @ben 1h"), ("ana", "/worked 1h for @ben"), ("ben", "/leave"), ("dan", "/join")):
        assert (await town.says(who, said)).startswith(REFUSED), said
    assert await town.balance("ana") == before
    # Reading goes on.
    assert (await town.whispers("chi", "/log")).startswith("Riverside: What was decided and changed")
    assert "balance is not the sum" in await town.whispers("chi", "/audit")
    by_hand(MEND)
    await town.skip("1d")
    assert any(words.startswith(AGAIN) for words in town.heard("ana"))
    await town.says("ana", "/thank @ben 1h")
    assert await town.balance("ana") == before - 60


async def test_mended_books_are_written_again_as_soon_as_somebody_asks_for_a_check(town: Town, by_hand: ByHand) -> None:
    by_hand(CHANGE)
    assert "balance is not the sum" in await town.whispers("chi", "/audit")
    assert (await town.says("ana", "/thank @ben 1h")).startswith(REFUSED)
    by_hand(MEND)
    assert (await town.says("ana", "/thank @ben 1h")).startswith(REFUSED)
    assert (await town.whispers("eli", "/audit")).startswith("All is as it was written")
    assert not (await town.says("ana", "/thank @ben 1h")).startswith(REFUSED)


async def test_it_stays_stopped_when_the_bot_starts_again_and_the_start_checks(town: Town, by_hand: ByHand) -> None:
    by_hand(CHANGE)
    practice = town.practice
    await practice.app.database.transact(practice.app._plan_upkeep)
    await town.skip("1s")
    assert await is_stopped(town)
    await practice.app.database.transact(practice.app._plan_upkeep)
    await town.skip("1s")
    assert await is_stopped(town)
    by_hand(MEND)
    await practice.app.database.transact(practice.app._plan_upkeep)
    await town.skip("1s")
    assert not await is_stopped(town)


async def test_long_books_are_checked_by_night_a_stretch_at_a_time(town: Town, by_hand: ByHand) -> None:
    async def write(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        for _ in range(2 * books.STRETCH):
            await entries.append(tx, committee, "joined", {"member": 1}, now=town.practice.app.now())

    await town.practice.app.database.transact(write)
    by_hand(CHANGE)
    await town.skip("2d")
    assert await is_stopped(town)
    by_hand(MEND)
    await town.skip("1d")
    assert not await is_stopped(town)
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM checks")) == 0


@pytest.mark.parametrize("kept", ['{"1":-60,"2":60}', "[[1,2],[-60,60]]"])
async def test_a_check_that_an_older_version_began_goes_on_where_it_was(town: Town, by_hand: ByHand, kept: str) -> None:
    by_hand(f"INSERT INTO checks (committee_id, number, hash, transfers, balances) VALUES (1, 7, 'a', 1, '{kept}')")

    async def so_far(tx: Reader) -> dict[int, int]:
        return dict((await books.checking(tx, await people.committee(tx, 1))).balances)

    assert await town.practice.app.database.read(so_far) == {1: -60, 2: 60}


async def test_hours_kept_back_must_be_those_of_open_exchanges(town: Town, by_hand: ByHand) -> None:
    await town.says("ana", "/worked 1h for @ben")
    assert (await town.whispers("chi", "/audit")).startswith("All is as it was written")
    by_hand("UPDATE accounts SET held = held + 15 WHERE member_id = 2")
    assert "the hours kept back for open exchanges" in await town.whispers("chi", "/audit")
    by_hand("UPDATE accounts SET held = held - 15 WHERE member_id = 2")
    assert (await town.whispers("chi", "/audit")).startswith("All is as it was written")


async def test_changed_words_of_a_decision_are_found_and_erased_ones_are_not_missed(
    town: Town, by_hand: ByHand
) -> None:
    await town.says("ana", "/rename Hillside")
    await town.says("ben", "/rename Hillside")
    assert (await town.whispers("chi", "/audit")).startswith("All is as it was written")
    by_hand("UPDATE notes SET text = 'Elsewhere' WHERE thing = 'decision:1:7:name'")
    assert "The words beside entry 7 are not those" in await town.whispers("chi", "/audit")
    by_hand("UPDATE notes SET text = NULL, salt = NULL WHERE thing = 'decision:1:7:name'")
    assert (await town.whispers("chi", "/audit")).startswith("All is as it was written")


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO entries SELECT committee_id, 99, kind, at_us, body, hash FROM entries WHERE number = 1",
        "UPDATE accounts SET held = held + 1 WHERE member_id = 1",
    ],
)
async def test_the_schema_itself_writes_nothing_into_stopped_books(town: Town, by_hand: ByHand, change: str) -> None:
    by_hand("INSERT INTO stopped VALUES (1, 1, 'balance', 0)")
    with pytest.raises(sqlite3.IntegrityError, match="the books are stopped"):
        by_hand(change)
