"""Reminders of shifts: planning ten thousand, and a thousand that fall due within one second, while people talk."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bench.books import fill, found
from bench.core import Sink, message
from bot.app import App, settle_memory, utc_now
from bot.chat import ChatId, Letter
from storage import due
from storage.database import Transaction

SPEAK = 2
"""The first two have no private chat with the bot and no seat: they only speak."""
MEMBERS = 1000
SEATS_EACH = 5
"""With two reminders of each, ten thousand are pending."""
CREW = 4
DAYS = 14
BURST_SECONDS = 1.0
BEGINS_IN = 1.0
"""So long after the clock was started the burst begins."""
STEP = 0.001
GROUP = "bench:1"


class Timed(Sink):
    """It puts down when each private chat was sent something."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[ChatId, list[float]] = {}
        self.wanted = 0
        self.all_taken = asyncio.Event()

    async def send(self, letter: Letter) -> str:
        """Take it."""
        if letter.chat != GROUP:
            self.at.setdefault(letter.chat, []).append(time.time())
            if len(self.at) == self.wanted:
                self.all_taken.set()
        return await super().send(letter)


@dataclass(frozen=True)
class Stall:
    """How long the event loop was held, in milliseconds: at most, and in 99 of 100 steps.

    By the wall clock, and by the CPU that the whole process used meanwhile (the loop itself, and works that held
    Python's lock), which other processes on the machine do not lengthen.
    """

    longest: float
    mostly: float
    longest_cpu: float
    mostly_cpu: float

    def __str__(self) -> str:
        return (
            f"loop held at most {self.longest:5.1f} ms (99 of 100: {self.mostly:4.1f}), "
            f"by its own CPU {self.longest_cpu:5.1f} ms ({self.mostly_cpu:4.1f})"
        )


async def _watched(work: Awaitable[object]) -> Stall:
    """Do it, and look meanwhile how much later than wished the event loop comes round."""
    late: list[float] = []
    used: list[float] = []

    async def look() -> None:
        while True:
            began, before = time.perf_counter(), time.process_time()
            await asyncio.sleep(STEP)
            late.append((time.perf_counter() - began - STEP) * 1000)
            used.append((time.process_time() - before) * 1000)

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.05)
    late.clear()
    used.clear()
    await work
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    late.sort()
    used.sort()
    return Stall(late[-1], late[int(len(late) * 0.99)], used[-1], used[int(len(used) * 0.99)])


def _late(due_at: Iterable[float], sent_at: Iterable[float]) -> str:
    waits = sorted((sent - wanted) * 1000 for wanted, sent in zip(due_at, sent_at, strict=True))
    return f"late: median {statistics.median(waits):6.1f} ms, most {waits[-1]:6.1f} ms"


# --- a scheduler that keeps nothing ----------------------------------------------------------------------------------


async def _scheduled(pending: int, burst: int) -> None:
    """The baseline: APScheduler with its jobs in memory, which a kill -9 loses; each job only notes that it ran."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.start(paused=True)
    ran: list[tuple[int, float]] = []
    all_ran = asyncio.Event()

    async def send(number: int) -> None:
        ran.append((number, time.time()))
        if len(ran) == burst:
            all_ran.set()

    now = datetime.now(UTC)
    began = time.perf_counter()
    for number in range(burst, pending):
        scheduler.add_job(send, "date", run_date=now + timedelta(days=1), args=[number])
    start = datetime.now(UTC) + timedelta(seconds=BEGINS_IN + 1)
    wanted = [start + timedelta(seconds=BURST_SECONDS * number / burst) for number in range(burst)]
    for number, at in enumerate(wanted):
        scheduler.add_job(send, "date", run_date=at, args=[number], misfire_grace_time=None)
    print(f"  {'APScheduler, in memory':<34} planning {pending}: {time.perf_counter() - began:5.2f} s")
    scheduler.resume()

    await asyncio.sleep(max(0.0, start.timestamp() - time.time() - 0.1))
    stall = await _watched(all_ran.wait())
    at_ = dict(ran)
    late = _late((one.timestamp() for one in wanted), (at_[number] for number in range(burst)))
    print(f"  {'APScheduler, in memory':<34} {burst} in a second: {late}; {stall}")
    scheduler.shutdown(wait=False)


# --- ours ------------------------------------------------------------------------------------------------------------


def _fill(path: Path, members: int) -> int:
    """Private chats, a task, and shifts with every seat taken: as many as `SEATS_EACH` a member. Returns how many."""
    fill(path, 100, SPEAK + members)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    now_us = int(time.time()) * 1_000_000
    for number in range(SPEAK + 1, SPEAK + members + 1):
        user = f"bench:private{number}"
        chat = connection.execute("INSERT INTO chats (address, private) VALUES (?, 1) RETURNING id", (user,))
        (chat_id,) = chat.fetchone()
        connection.execute(
            "INSERT INTO identities (user, person_id, name, private_chat_id) VALUES (?, ?, ?, ?)",
            (user, number, f"Person{number}", chat_id),
        )
    # The bench runs at any hour: nobody has quiet ones.
    connection.execute("INSERT INTO wishes (person_id, hours) SELECT id, '' FROM persons")
    connection.execute(
        """INSERT INTO rota_tasks (id, committee_id, minutes, crew_min, crew_max, local, rule, zone, onerousness,
               empowerment) VALUES (1, 1, 120, ?1, ?1, '2026-01-01T10:00:00', 'FREQ=DAILY', 'Europe/Madrid', 3, 2)""",
        (CREW,),
    )
    connection.execute("INSERT INTO notes (thing, text, salt) VALUES ('rota_task:1', 'food distribution', 'x')")
    seats = members * SEATS_EACH
    for shift in range(seats // CREW):
        # Not before the day after tomorrow: both reminders are ahead.
        at = now_us + (2 + DAYS * shift * CREW / seats) * 86_400_000_000 // 1
        connection.execute(
            "INSERT INTO shifts (id, task_id, local, start_us, end_us, minutes) VALUES (?, 1, ?, ?, ?, 120)",
            (shift + 1, f"shift {shift}", int(at), int(at) + 7_200_000_000),
        )
        local = datetime.fromtimestamp(at / 1e6, UTC).replace(tzinfo=None).isoformat()
        connection.execute("UPDATE shifts SET local = ? WHERE id = ?", (local, shift + 1))
        connection.executemany(
            "INSERT INTO seats (id, shift_id, needed) VALUES (?, ?, 1)",
            [(shift * CREW + place + 1, shift + 1) for place in range(CREW)],
        )
    connection.executemany(
        """INSERT INTO assignments (seat_id, member_id, stage, agreed, state, since_us)
           VALUES (?, ?, 'frozen', 1, 'held', ?)""",
        [(seat + 1, SPEAK + seat % members + 1, now_us) for seat in range(seats)],
    )
    connection.execute("COMMIT")
    connection.close()
    return seats


async def _open(path: Path) -> tuple[App, Timed]:
    app, sink = await App.open(path, popups={}, now=utc_now), Timed()
    app.add(sink)
    await app.delivery.start()
    settle_memory()
    return app, sink


async def _talk(app: App, sink: Timed, stop: asyncio.Event) -> list[float]:
    """Meanwhile somebody says one `/thank` after another in the group. How long each answer took."""
    event = asyncio.Event()
    took: list[float] = []
    sink.taken[ChatId(GROUP)] = event
    for number in itertools.count(10):
        if stop.is_set():
            return took
        event.clear()
        began = time.perf_counter()
        await app.dispatcher.handle(message(1, "ana", f"/thank @ben1 5m tea {number}", number))
        await event.wait()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.02)
    return took


async def _planned(path: Path, members: int) -> None:
    app, _ = await _open(path)
    # What else the clock does at a start comes first, with nothing of ours to plan.
    began = time.perf_counter()
    stall = await _watched(app.dispatcher.tick(utc_now()))
    took = time.perf_counter() - began
    count = await app.database.read(lambda tx: tx.value("SELECT count(*) FROM reminders"))
    print(f"  {'Solibot, durable':<34} planning {count}: {took:5.2f} s; {stall}")
    await app.close()


async def _burst(path: Path, members: int, *, talking: bool) -> None:
    app, sink = await _open(path)
    start = time.time() + BEGINS_IN
    wanted = [start + BURST_SECONDS * number / members for number in range(members)]

    async def soon(tx: Transaction) -> None:
        await tx.execute("DELETE FROM due WHERE key = 'books:start'")
        for number, at in enumerate(wanted, start=SPEAK + 1):
            first = await tx.value(
                """SELECT r.assignment_id FROM reminders r JOIN assignments a ON a.id = r.assignment_id
                   WHERE a.member_id = ? ORDER BY r.at_us LIMIT 1""",
                number,
            )
            await tx.execute(
                """UPDATE reminders SET at_us = ?1 WHERE assignment_id = ?2 AND at_us =
                       (SELECT min(at_us) FROM reminders WHERE assignment_id = ?2)""",
                int(at * 1e6),
                first,
            )
        await tx.execute("UPDATE due SET at_us = ? WHERE key = 'reminders'", int(start * 1e6))
        due.look_again(tx)

    await app.database.transact(soon)
    sink.at.clear()
    sink.wanted = members
    stop = asyncio.Event()
    talk = asyncio.create_task(_talk(app, sink, stop)) if talking else None

    await app.clock.start([])
    stall = await _watched(sink.all_taken.wait())
    stop.set()
    answers = sorted(await talk) if talk is not None else []
    await app.delivery.settle()
    # What the clock was about is done.
    await asyncio.sleep(0.5)
    await app.clock.stop()
    sent = [sink.at[ChatId(f"bench:private{number}")] for number in range(SPEAK + 1, SPEAK + members + 1)]
    assert all(len(times) == 1 for times in sent), "each once"
    late = _late(wanted, (times[0] for times in sent))
    name = "Solibot, durable, and people talk" if talking else "Solibot, durable"
    print(f"  {name:<34} {members} in a second: {late}; {stall}")
    if answers:
        print(f"  {'':<34} /thank meanwhile: median {statistics.median(answers):.1f} ms, most {answers[-1]:.1f} ms")
    await app.close()


def run(rounds: int) -> None:
    """Print the figures."""
    for number in range(rounds):
        print(f"round {number + 1}")
        asyncio.run(_scheduled(MEMBERS * SEATS_EACH * 2, MEMBERS))
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "reminders.sqlite"
            asyncio.run(found(path))
            _fill(path, MEMBERS)
            asyncio.run(_planned(path, MEMBERS))
            asyncio.run(_burst(path, MEMBERS, talking=False))
            asyncio.run(_burst(path, MEMBERS, talking=True))
