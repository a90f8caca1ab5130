"""The composition root: config, database, areas, adapters and clock, put together. The only place that knows all."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.chat import Adapter
from bot.clock import Clock
from bot.computing import Computing
from bot.delivery import Delivery
from bot.dispatch import Dispatcher
from bot.domain import retention
from bot.router import Commands
from handlers import (
    aftermath,
    alert_kinds,
    alerts,
    amending,
    arrests,
    availability,
    ballots,
    barter,
    board,
    bookings,
    calendars,
    committee,
    conduct,
    connect,
    consent,
    council,
    credits,  # noqa: A004 - the area's name
    drills,
    effort,
    elections,
    escalation,
    external,
    fair,
    federation,
    fund,
    gifts,
    governing,
    groups,
    help,  # noqa: A004 - the area's name,
    history,
    host,
    insurance,
    languages,
    leaving,
    lending,
    limits,
    linked_alerts,
    linked_polls,
    making,
    meetings,
    members,
    objections,
    orders,
    outcomes,
    paper,
    places,
    policy,
    polls,
    pool,
    pooling,
    privacy,
    proxies,
    quiet,
    raising,
    reach,
    recalls,
    reminders,
    results,
    roles,
    rota,
    rounds,
    safety,
    shifts,
    slots,
    sos,
    standing_down,
    statements,
    stock,
    straw,
    surveys,
    swaps,
    tasks,
    tellers,
    units,
    upkeep,
    wire,
)
from handlers import log as log_area
from storage import custodians, due
from storage import privacy as forgetting
from storage import reminders as planned_reminders
from storage.database import Database, Transaction, fresh_token

log = logging.getLogger(__name__)

AREAS = (
    help.router,
    credits.router,
    board.router,
    alerts.router,
    reach.router,
    standing_down.router,
    raising.router,
    alert_kinds.router,
    sos.router,
    escalation.router,
    places.router,
    aftermath.router,
    safety.router,
    arrests.router,
    drills.router,
    committee.router,
    members.router,
    connect.router,
    polls.router,
    objections.router,
    outcomes.router,
    recalls.router,
    elections.router,
    external.router,
    results.router,
    making.router,
    amending.router,
    ballots.router,
    proxies.router,
    tellers.router,
    meetings.router,
    surveys.router,
    slots.router,
    consent.router,
    roles.router,
    groups.router,
    conduct.router,
    log_area.router,
    quiet.router,
    languages.router,
    privacy.router,
    host.router,
    upkeep.router,
    limits.router,
    statements.router,
    lending.router,
    barter.router,
    leaving.router,
    bookings.router,
    stock.router,
    policy.router,
    fund.router,
    insurance.router,
    pool.router,
    orders.router,
    effort.router,
    gifts.router,
    pooling.router,
    units.router,
    shifts.router,
    swaps.router,
    reminders.router,
    calendars.router,
    paper.router,
    rota.router,
    tasks.router,
    fair.router,
    rounds.router,
    history.router,
    availability.router,
    straw.router,
    federation.router,
    council.router,
    wire.router,
    linked_polls.router,
    linked_alerts.router,
    governing.router,
)
"""The order in which menus and help list them."""

ROLL = "forgotten.json"
"""The file beside the database that lists, by hashes, who was forgotten."""


def commands() -> Commands:
    """Everything that can be said."""
    return Commands([*AREAS])


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)


def settle_memory() -> None:
    """What is there once the program has started (code, words, tables of languages) stays as long as it runs.

    Looking through all of it again and again for garbage would hold everything up, 30 ms each time.
    """
    gc.collect()
    gc.freeze()


class App:
    """One running bot: the core, and the networks it is given."""

    def __init__(
        self,
        database: Database,
        *,
        popups: Mapping[str, int],
        reaches: Collection[str] = (),
        carriers: Mapping[str, str] | None = None,
        language: str,
        now: Callable[[], datetime],
    ) -> None:
        self.database = database
        self.now = now
        self.commands = commands()
        self.adapters: dict[str, Adapter] = {}
        self.dispatcher = Dispatcher(
            database,
            self.commands,
            now=now,
            popups=popups,
            reaches=reaches,
            carriers=carriers,
            language=language,
        )
        self.delivery = Delivery(database, self.adapters, self.dispatcher, now=now)
        self.clock = Clock(database, self.dispatcher.tick, now=now)
        self.computing = Computing(database, now=now)
        self.copies_wanted = asyncio.Event()
        """Set when the clock says that copies are to be made."""
        self._keep_roll: asyncio.Task[None] | None = None
        database.on_commit = self._committed

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        key: str | None = None,
        popups: Mapping[str, int],
        reaches: Collection[str] = (),
        carriers: Mapping[str, str] | None = None,
        language: str = "en",
        now: Callable[[], datetime] = utc_now,
        token: Callable[[], str] = fresh_token,
    ) -> App:
        """Open the database and make the core. Raises what `Database.open` raises."""
        database = await Database.open(path, key=key, token=token)
        app = cls(database, popups=popups, reaches=reaches, carriers=carriers, language=language, now=now)
        await app._forget_again()
        await database.transact(app._plan_upkeep)
        return app

    def add(self, adapter: Adapter) -> None:
        """Serve a network."""
        self.adapters[adapter.network] = adapter

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; then read nothing more, send what is owed, and shut, within ten seconds."""
        await self.delivery.start()
        caught_up = {network: asyncio.Event() for network in self.adapters}
        readers = [
            asyncio.create_task(adapter.run(caught_up[network].set), name=f"reader {network}")
            for network, adapter in self.adapters.items()
        ]
        self.computing.start()
        clock = asyncio.create_task(self.clock.start(caught_up.values()), name="clock")
        stopping = asyncio.create_task(stop.wait())
        settle_memory()
        log.info("ready", extra={"networks": sorted(self.adapters)})
        try:
            done, _ = await asyncio.wait([stopping, *readers], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                # A reader only ends by a fault of the program: let whoever runs us start it again.
                task.result()
        finally:
            for task in [*readers, clock, stopping]:
                task.cancel()
            await asyncio.gather(*readers, clock, stopping, return_exceptions=True)
            await self.clock.stop()
            await self.computing.stop()
            await self.delivery.stop(within_seconds=5)
            await self.close()
            counts = self.database.counts
            log.info("stopped", extra={"commits": counts.commits, "works": counts.works})

    async def settle(self) -> None:
        """Let what is due at this moment be done, what takes long be worked out, and all that is owed be delivered.

        What one thing says is delivered before the next is done: so it looks the same each time.
        """
        await self.dispatcher.tick(self.now(), after_each=self.delivery.settle)
        while await self.computing.settle():
            await self.dispatcher.tick(self.now(), after_each=self.delivery.settle)
        await self.delivery.settle()

    async def close(self) -> None:
        """Let go of the networks and the database."""
        for adapter in self.adapters.values():
            with contextlib.suppress(Exception):
                await adapter.close()
        if self._keep_roll is not None:
            await self._keep_roll
        await self.database.close()

    def _committed(self, outgoing: list[Any]) -> None:
        self.delivery.wake(outgoing)
        self.clock.wake(outgoing)
        self.computing.wake(outgoing)
        if any(isinstance(item, custodians.CopiesWanted) for item in outgoing):
            self.copies_wanted.set()
        if any(isinstance(item, forgetting.Forgotten) for item in outgoing):
            # New copies take the place of those that still hold what is forgotten.
            self.copies_wanted.set()
            self._keep_roll = asyncio.create_task(self._write_roll(), name="roll of the forgotten")
        if any(isinstance(item, forgetting.Tidied) for item in outgoing):
            self.database.remove_old_copies(before=self.now() - retention.UPGRADE_COPIES)

    @property
    def _roll(self) -> Path:
        return self.database.path.with_name(ROLL)

    async def _write_roll(self) -> None:
        """Keep the list of those who are forgotten beside the database too, where no older copy takes its place."""
        text = await self.database.read(forgetting.roll)
        if text is not None and (not self._roll.exists() or self._roll.read_text("utf-8") != text):
            new = self._roll.with_suffix(".new")
            new.write_text(text, "utf-8")
            new.replace(self._roll)

    async def _forget_again(self) -> None:
        """Where an older copy was put in place, forget again whom it still knows."""
        if self._roll.exists():
            kept = forgetting.Roll.read(self._roll.read_text("utf-8"))
            if await self.database.read(lambda tx: forgetting.unknown_of(tx, kept)):
                await self._forget(kept)
        await self._write_roll()

    async def _forget(self, kept: forgetting.Roll) -> None:
        known = await self.database.read(forgetting.accounts)
        again = set()
        for user, person_id, created_us in known:
            at_us = kept.forgotten.get(await asyncio.to_thread(forgetting.hashed, user, kept.salt))
            # Whoever came back afterwards is somebody new.
            if at_us is not None and created_us < at_us:
                again.add(person_id)
        await self.database.transact(lambda tx: forgetting.adopt(tx, kept))
        for person_id in sorted(again):
            await self.database.transact(
                lambda tx, person_id=person_id: forgetting.forget(tx, person_id, now=self.now())  # type: ignore[misc]
            )
        log.warning("forgotten again after a restore", extra={"persons": len(again)})

    async def _plan_upkeep(self, tx: Transaction) -> None:
        tomorrow = (self.now() + timedelta(days=1)).replace(hour=4, minute=0, second=0, microsecond=0, tzinfo=None)
        # What is forgotten is forgotten before it is copied.
        daily = (
            ("purge", upkeep.purge.says(), 0),
            ("watch", roles.watch.says(), 0),
            ("books", log_area.check_all.says(), 15),
            ("nightly", host.nightly.says(), 30),
            ("dormant", leaving.look_for_dormant.says(), 45),
        )
        for key, says, minute in daily:
            await due.plan(
                tx,
                key,
                says,
                local=tomorrow.replace(minute=minute),
                zone=ZoneInfo("UTC"),
                committee=None,
                late="do",
                rrule="FREQ=DAILY",
                move=False,
            )
        # Also at the start: somebody may have had the file in their hands.
        await due.plan(
            tx,
            "books:start",
            log_area.check_all.says(soon=1),
            local=self.now().replace(tzinfo=None),
            zone=ZoneInfo("UTC"),
            committee=None,
            late="do",
        )
        await planned_reminders.arm(tx, now=self.now())


@contextlib.contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Hold the data folder: two processes on one database and one token would undo each other.

    Raises BlockingIOError where another process has it.
    """
    import fcntl

    with (folder / "solibot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
