"""What takes long is worked out in a process of its own, one thing at a time, so that no chat waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot import aside
from storage import computations
from storage.computations import Waiting
from storage.database import Database, Unavailable

log = logging.getLogger(__name__)

SECONDS_MAX = 300.0
"""Then it cannot be worked out: something is wrong with it."""


async def calculated(kind: str, body: Any) -> Any | None:
    """What a calculation gives; None: it could not be made."""
    data = json.dumps({"kind": kind, "body": body}).encode()
    content = await aside.run("bot.calculations", data, seconds=SECONDS_MAX)
    if content is None:
        log.error("not worked out", extra={"kind": kind})
        return None
    return json.loads(content)


class Computing:
    """Works out what is wanted. After a crash it is wanted still, and worked out again: nothing comes of half of it."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._stopped = False
        self._answered = False

    def start(self) -> None:
        """Go on with what was wanted before."""
        self._begin()

    def wake(self, outgoing: list[Any]) -> None:
        """Something is wanted. Called by the database, after a commit."""
        if any(isinstance(item, computations.Wanted) for item in outgoing):
            self._begin()

    async def settle(self) -> bool:
        """Return when nothing waits; whether anything was answered since it was asked last."""
        if self._task is not None:
            await self._task
        answered, self._answered = self._answered, False
        return answered

    async def stop(self) -> None:
        """Drop what is under way: it is wanted still."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _begin(self) -> None:
        self._again = True
        if not self._stopped and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work(), name="computing")

    async def _work(self) -> None:
        while self._again:
            self._again = False
            try:
                while (one := await self._database.read(computations.first_waiting)) is not None:
                    await self._one(one)
            except Unavailable:
                await self._database.mended()
                self._again = True

    async def _one(self, one: Waiting) -> None:
        result = await calculated(one.kind, one.body)
        await self._database.transact(lambda tx: computations.answer(tx, one.id, result, now=self._now()))
        self._answered = True
