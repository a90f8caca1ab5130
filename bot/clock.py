"""One job in memory: wake at the next thing that falls due. What falls due stands in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from storage import due
from storage.database import Database, Unavailable

log = logging.getLogger(__name__)

CATCH_UP_SECONDS_MAX = 60.0
WAKES_AT_ONCE_MAX = 100
"""More than enough: they wait for each other."""
LOOK_AGAIN = timedelta(minutes=5)
"""A look at the rows at least this often: a machine that slept or a clock that jumped shows then."""


class Clock:
    """Calls `tick` when something falls due."""

    def __init__(
        self,
        database: Database,
        tick: Callable[[datetime], Awaitable[datetime | None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._tick = tick
        self._now = now
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._running = asyncio.Lock()
        self._started = False
        self._again = False
        """Something was planned while what had fallen due was being said."""

    async def start(self, caught_up: Iterable[asyncio.Event]) -> None:
        """Begin, once each network has caught up: what was said before a deadline counts before it."""
        waits = [asyncio.create_task(event.wait()) for event in caught_up]
        if waits:
            _, late = await asyncio.wait(waits, timeout=CATCH_UP_SECONDS_MAX)
            for task in late:
                task.cancel()
            if late:
                log.warning("due work starts before a network has caught up", extra={"networks": len(late)})
        self._scheduler.start()
        self._started = True
        await self._wake()

    def wake(self, outgoing: list[Any]) -> None:
        """Something was planned: look again. Called by the database, after a commit."""
        if self._started and any(isinstance(item, due.Planned) for item in outgoing):
            if self._running.locked():
                # It looks again by itself when it has done; a job for each plan would wait for it.
                self._again = True
            else:
                self._schedule(self._now())

    async def stop(self) -> None:
        """Say nothing more."""
        if self._started:
            self._started = False
            self._scheduler.shutdown(wait=False)
        async with self._running:
            pass

    def _schedule(self, at: datetime) -> None:
        if not self._started:
            return
        # The scheduler knows only the machine's clock; ours may run ahead of it in practice.
        wait = min(max(at - self._now(), timedelta()), LOOK_AGAIN)
        self._scheduler.add_job(
            self._wake,
            "date",
            run_date=datetime.now(UTC) + wait,
            id="due",
            replace_existing=True,
            # However late the loop is, the job runs; and also when it is planned anew while it runs.
            misfire_grace_time=None,
            max_instances=WAKES_AT_ONCE_MAX,
        )

    async def _wake(self) -> None:
        async with self._running:
            self._again = False
            try:
                following = await self._tick(self._now())
            except Unavailable:
                await self._database.mended()
                following = self._now()
            except Exception:
                log.exception("due work failed")
                following = None
        self._schedule(self._now() if self._again else following or self._now() + LOOK_AGAIN)
