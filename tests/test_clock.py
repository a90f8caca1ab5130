"""What falls due is said: in time, once, late where that is useful, and not before a network has caught up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import clock as clock_module
from bot.app import App
from bot.chat import Card, Reply, Saying
from bot.clock import Clock
from bot.dispatch import LATE_AFTER
from bot.practice import SCRIPT_START, FixedClock
from bot.router import Context
from storage import due
from storage.database import Database, Transaction
from tests import schema
from tests.conftest import Town

UTC_ZONE = ZoneInfo("UTC")


UPKEEP = {"purge", "watch", "nightly", "books", "dormant"}
"""What is always planned."""


async def _plan(database: Database, key: str, at: datetime, **more: object) -> None:
    async def work(tx: Transaction) -> None:
        local = at.astimezone(UTC).replace(tzinfo=None)
        late = more.get("late", "do")
        rrule = more.get("rrule")
        assert late in ("do", "skip")
        assert rrule is None or isinstance(rrule, str)
        says = Saying(command="purge")
        await due.plan(tx, key, says, local=local, zone=UTC_ZONE, committee=None, late=late, rrule=rrule)

    await database.transact(work)


async def _planned(database: Database) -> dict[str, datetime]:
    rows = await database.read(lambda tx: due.fallen(tx, now=datetime(9000, 1, 1, tzinfo=UTC)))
    return {row.key: row.at for row in rows}


async def test_the_clock_wakes_by_itself_in_time(tmp_path: Path) -> None:
    schema.write_new(tmp_path / "a.sqlite")
    app = await App.open(tmp_path / "a.sqlite", popups={})
    try:
        await app.clock.start([])
        await _plan(app.database, "soon", datetime.now(UTC) + timedelta(seconds=0.3))
        await _plan(app.database, "later", datetime.now(UTC) + timedelta(hours=1))
        await _plan(app.database, "at once", datetime.now(UTC) - timedelta(seconds=1))
        async with asyncio.timeout(5):
            while set(await _planned(app.database)) != {"later", *UPKEEP}:
                await asyncio.sleep(0.02)
    finally:
        await app.clock.stop()
        await app.close()


async def test_nothing_is_said_before_every_network_has_caught_up(tmp_path: Path) -> None:
    schema.write_new(tmp_path / "a.sqlite")
    app = await App.open(tmp_path / "a.sqlite", popups={})
    caught_up = asyncio.Event()
    await _plan(app.database, "overdue", datetime.now(UTC) - timedelta(hours=1))
    starting = asyncio.create_task(app.clock.start([caught_up]))
    await asyncio.sleep(0.1)
    assert "overdue" in await _planned(app.database)
    caught_up.set()
    await starting
    assert "overdue" not in await _planned(app.database)
    await app.clock.stop()
    await app.close()


async def test_a_network_that_never_answers_holds_it_up_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "CATCH_UP_SECONDS_MAX", 0.1)
    schema.write_new(tmp_path / "a.sqlite")
    app = await App.open(tmp_path / "a.sqlite", popups={})
    await _plan(app.database, "overdue", datetime.now(UTC) - timedelta(hours=1))
    async with asyncio.timeout(5):
        await app.clock.start([asyncio.Event()])
    assert "overdue" not in await _planned(app.database)
    await app.clock.stop()
    await app.close()


async def test_what_is_useless_when_late_is_passed_over_and_what_is_useful_is_done(town: Town) -> None:
    app = town.practice.app
    now = town.practice.clock()
    await _plan(app.database, "useless", now + timedelta(hours=1), late="skip")
    await _plan(app.database, "useful", now + timedelta(hours=1), late="do")
    said: list[str] = []
    original = app.dispatcher._say

    async def listen(context, says):  # type: ignore[no-untyped-def]
        said.append(says.command)
        return await original(context, says)

    app.dispatcher._say = listen  # type: ignore[method-assign]
    await app.dispatcher.tick(now + timedelta(hours=1) + LATE_AFTER + timedelta(seconds=1))
    assert said == ["purge"]
    assert set(await _planned(app.database)) == UPKEEP


async def test_what_recurs_comes_again_and_an_outage_is_made_up_for_once(town: Town) -> None:
    app = town.practice.app
    assert set(await _planned(app.database)) == UPKEEP
    before = (await _planned(app.database))["purge"]
    await town.skip("1d")
    assert (await _planned(app.database))["purge"] == before + timedelta(days=1)
    # Ten days without the bot: one purge, and the next one tomorrow.
    await app.dispatcher.tick(before + timedelta(days=11, hours=1))
    assert (await _planned(app.database))["purge"] == before + timedelta(days=12)


async def test_a_row_that_makes_no_sense_any_more_holds_up_nothing(town: Town) -> None:
    app = town.practice.app
    now = town.practice.clock()
    await _plan(app.database, "broken", now + timedelta(minutes=1), rrule="FREQ=DAILY")
    await _plan(app.database, "fine", now + timedelta(minutes=2))

    async def spoil(tx: Transaction) -> None:
        await tx.execute("UPDATE due SET rrule = 'nonsense', zone = 'Atlantis/Capital' WHERE key = 'broken'")

    await app.database.transact(spoil)
    await town.skip("5m")
    assert set(await _planned(app.database)) == UPKEEP


async def test_what_a_fault_kept_from_being_done_is_done_an_hour_later(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = town.practice.app.dispatcher
    say = dispatcher._say
    faults: list[Saying] = []

    async def once(context: Context, says: Saying) -> Reply | Card | None:
        if says.command == "melt_month" and not faults:
            faults.append(says)
            raise OSError("no space left on device")
        return await say(context, says)

    monkeypatch.setattr(dispatcher, "_say", once)
    await town.says("ben", "/thank @chi 12h")
    await town.says("ana", "/policy melt 10% 2h")
    await town.presses("ben", "Agree")
    await town.skip("26d")
    await town.skip("11h30m")
    assert await town.balance("chi") == 720
    await town.skip("1h")
    assert await town.balance("chi") == 660
    assert len(faults) == dispatcher.incidents == 1
    dispatcher.incidents = 0


async def test_a_fault_in_due_work_stops_nothing_else(tmp_path: Path) -> None:
    ticks = []
    schema.write_new(tmp_path / "a.sqlite")
    app = await App.open(tmp_path / "a.sqlite", popups={}, now=FixedClock(SCRIPT_START))

    async def tick(now: datetime) -> datetime | None:
        ticks.append(now)
        if len(ticks) == 1:
            raise RuntimeError
        return None

    clock = Clock(app.database, tick, now=app.now)
    await clock.start([])
    clock.wake([due.Planned()])
    async with asyncio.timeout(5):
        while len(ticks) < 2:
            await asyncio.sleep(0.01)
    await clock.stop()
    await app.close()
