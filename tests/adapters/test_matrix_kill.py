"""kill -9, absences, storms and restarted homeservers: each command is done once, and answered exactly once; and so is
each reminder of a shift said.

All of it in encrypted rooms of versions 11 and 12, with clients of others as members. The bot is a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.servers.bursts import AWAY_SECONDS, Life, at_once, books_are_sound
from tests.servers.killed_at import Moment
from tests.servers.matrix_bursts import MatrixBursts
from tests.servers.synapse import Homeserver

KILLS = int(os.environ.get("SOLIBOT_KILLS", "2"))
SEED = int(os.environ.get("SOLIBOT_SEED", "1"))


@pytest_asyncio.fixture
async def bursts(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[MatrixBursts]:
    """Commands to a bot, which does not outlive the test."""
    bursts = MatrixBursts(homeserver, tmp_path, seed=SEED)
    try:
        yield bursts
    finally:
        await bursts.bot.kill()


async def _all_is_well(bursts: MatrixBursts) -> None:
    # What was on its way when a homeserver went may be given up only after a minute, and all else in the room waits.
    await bursts.quiet(bursts.answered, within=3 * AWAY_SECONDS)
    found = await bursts.found()
    print(found.line())
    assert await bursts.bot.stop() == 0
    assert found.faults == 0, found.line()
    books_are_sound(bursts.bot.database, bursts.said)


async def test_kill_9_loses_nothing_and_says_nothing_twice(bursts: MatrixBursts) -> None:
    await bursts.set_up()
    bursts.watches_each_life = 3
    lives = [Life(at_once, (0.0, 2.0)), Life(bursts.begun, (0.0, 0.5)), Life(bursts.up, (0.0, 1.0))]
    await bursts.kills(KILLS, size=10, lives=lives)
    await _all_is_well(bursts)


@pytest.mark.soak
async def test_a_kill_between_two_steps_that_belong_together_costs_nothing(
    bursts: MatrixBursts, homeserver: Homeserver
) -> None:
    await bursts.set_up(people=3, dies_at=[Moment.KEYS_UPLOADED, Moment.KEY_HALF_SAVED])
    for moment in (Moment.ROOM_MADE, Moment.NOT_DONE, Moment.POSITION_NOT_STORED, Moment.SENT_NOT_MARKED):
        await bursts.bot.kill()
        await bursts.burst(2)
        await bursts.die(moment)
    # Homeservers know a message that is sent again for some time only.
    await homeserver.stop()
    _forget_transactions(homeserver)
    await homeserver.start()
    # Now with a key that comes over a session of which the bot has the first half already.
    for person in bursts.people:
        for room in bursts.rooms:
            await person.discard_session(room)
    await bursts.burst(6)
    await bursts.live([Moment.KEY_HALF_SAVED])
    await _all_is_well(bursts)
    # It never had to begin anew as another device.
    assert (await homeserver.administer("GET", f"/v2/users/{bursts.user}/devices"))["total"] == 1


def _forget_transactions(homeserver: Homeserver) -> None:
    with sqlite3.connect(homeserver.data / "homeserver.db") as database:
        assert database.execute("DELETE FROM event_txn_id_device_id").rowcount > 0
    database.close()


@pytest.mark.soak
async def test_what_is_said_while_the_bot_is_away_or_all_at_once_is_done_in_order(
    bursts: MatrixBursts, homeserver: Homeserver
) -> None:
    await bursts.set_up(versions=["12"], people=10)
    assert await bursts.bot.stop() == 0
    await bursts.burst(35)
    await bursts.start()
    await bursts.up()
    storm = asyncio.create_task(bursts.burst(200))
    await bursts.quiet(lambda: bursts.said > 100)
    await homeserver.restart()
    await bursts.quiet(lambda: bursts.said > 170)
    await homeserver.kill()
    await homeserver.start()
    await storm
    await _all_is_well(bursts)
