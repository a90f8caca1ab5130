"""What the database promises: all or nothing, told only when it is on the disk, whatever goes wrong underneath."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.text import Refusal, T
from storage import database as storage
from storage import notes, sealed
from storage.database import (
    Closed,
    Conflict,
    Database,
    NewerSchema,
    Reader,
    StorageError,
    TookTooLong,
    Transaction,
    Unavailable,
    WrongKey,
)
from tests import schema

KEY = "0123456789abcdef" * 4
SECRET = "a word that nobody else may read"
NEVER_ENDING = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT max(i) FROM n"
)


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> str | None:
    """Each of these tests runs with SQLite and with the encrypted file of SQLCipher."""
    found: str | None = request.param
    return found


@pytest_asyncio.fixture
async def database(tmp_path: Path, key: str | None) -> AsyncIterator[Database]:
    """A database with one table for these tests, `pieces`, where no number may stand twice."""
    schema.write_new(tmp_path / "data.sqlite", key=key)
    opened = await Database.open(tmp_path / "data.sqlite", key=key)
    await opened.transact(with_pieces)
    yield opened
    # A writer that has died must fail the test, not hold it up.
    await asyncio.wait_for(opened.close(), 10)


async def with_pieces(tx: Transaction) -> None:
    await tx.execute("CREATE TABLE pieces (n INTEGER PRIMARY KEY, words TEXT) STRICT")


def write(number: int, words: str = "") -> Callable[[Transaction], Any]:
    """A work that writes one piece and returns its number."""

    async def work(tx: Transaction) -> int:
        await tx.execute("INSERT INTO pieces (n, words) VALUES (?, ?)", number, words)
        return number

    return work


def beside(path: Path, key: str | None) -> Any:
    """A second connection to the file, as another program would open it."""
    driver = storage._driver(key)
    connection = driver.connect(str(path), isolation_level=None)
    if key is not None:
        connection.execute(f"PRAGMA key = \"x'{key}'\"")
    return connection


def pieces_in(path: Path, key: str | None) -> list[int]:
    """What stands in the file for whoever opens it now."""
    with contextlib.closing(beside(path, key)) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM pieces ORDER BY n")]


def pieces_after_a_crash(path: Path, key: str | None, elsewhere: Path) -> list[int]:
    """What whoever opens the files finds if the program dies now: they are copied as they lie on the disk."""
    elsewhere.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        if not file.name.endswith("-shm"):
            shutil.copyfile(file, elsewhere / file.name)
    with contextlib.closing(beside(elsewhere / path.name, key)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return pieces_in(elsewhere / path.name, key)


async def outcomes(database: Database, *works: Callable[[Transaction], Any]) -> list[Any]:
    """What comes of works that are asked for at the same moment: results, or what was raised."""
    return await asyncio.gather(*(database.transact(work) for work in works), return_exceptions=True)


@pytest.fixture
def one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Works that wait together are committed together, however slow this machine is."""
    monkeypatch.setattr(storage, "BATCH_SECONDS_MAX", 60.0)


# --- together, in order, and only then told --------------------------------------------------------------------


@pytest.mark.usefixtures("one_batch")
async def test_works_that_wait_run_in_order_and_are_committed_together(database: Database, key: str | None) -> None:
    commits = database.counts.commits
    order: list[int] = []

    def work(number: int) -> Callable[[Transaction], Any]:
        async def run(tx: Transaction) -> None:
            order.append(number)
            assert await tx.value("SELECT count(*) FROM pieces") == number, "it sees what those before it wrote"
            await tx.execute("INSERT INTO pieces (n) VALUES (?)", number)

        return run

    await outcomes(database, *(work(number) for number in range(100)))
    assert order == list(range(100))
    assert database.counts.commits == commits + 1
    assert pieces_in(database.path, key) == order


@pytest.mark.usefixtures("one_batch")
async def test_a_crowd_is_committed_in_parts(database: Database) -> None:
    commits = database.counts.commits
    await outcomes(database, *(write(number) for number in range(300)))
    assert database.counts.commits == commits + 3, "128 at most in each"


@pytest.mark.usefixtures("one_batch")
async def test_what_nobody_waits_for_shares_the_next_commit_and_keeps_its_turn(
    database: Database, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "LAZY_SECONDS", 5.0)
    commits = database.counts.commits
    lazy = [asyncio.create_task(database.transact(write(number), lazy=True)) for number in range(3)]
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in lazy), "it waits for company"
    assert await database.transact(count_all) == 3, "what was asked for first is done first"
    assert [await task for task in lazy] == [0, 1, 2]
    assert database.counts.commits == commits + 1


async def test_what_nobody_waits_for_is_stored_soon_all_the_same(database: Database, key: str | None) -> None:
    for number in range(3):
        assert await asyncio.wait_for(database.transact(write(number), lazy=True), 5) == number
    assert pieces_in(database.path, key) == [0, 1, 2]


async def test_closing_finishes_what_nobody_waits_for_too(
    database: Database, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "LAZY_SECONDS", 60.0)
    lazy = asyncio.create_task(database.transact(write(1), lazy=True))
    await asyncio.sleep(0)
    await asyncio.wait_for(database.close(), 5)
    assert await lazy == 1
    assert pieces_in(database.path, key) == [1]


async def test_nobody_is_told_before_it_is_on_the_disk(database: Database, key: str | None, tmp_path: Path) -> None:
    holding = threading.Event()
    told: list[int] = []

    async def slow_neighbour(tx: Transaction) -> None:
        holding.wait(10)

    first = asyncio.create_task(database.transact(write(1)))
    second = asyncio.create_task(database.transact(slow_neighbour))
    first.add_done_callback(lambda _: told.extend(pieces_after_a_crash(database.path, key, tmp_path / "told")))
    await asyncio.sleep(0.2)
    assert not first.done(), "its work has run, but the batch is not committed"
    assert pieces_in(database.path, key) == []
    holding.set()
    await asyncio.gather(first, second)
    assert told == [1]
    assert await database.transact(lambda tx: tx.value("PRAGMA synchronous")) == 2, "2 is FULL"


async def test_a_caller_who_stops_waiting_disturbs_nobody(database: Database, key: str | None) -> None:
    tasks = [asyncio.create_task(database.transact(write(number))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    assert [await tasks[0], await tasks[2]] == [0, 2]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert pieces_in(database.path, key) == [0, 1, 2], "what was asked for is done all the same"


async def test_whoever_listens_for_commits_cannot_stop_the_writer(database: Database) -> None:
    def listener(outgoing: list[Any]) -> None:
        raise ValueError(outgoing)

    database.on_commit = listener

    async def work(tx: Transaction) -> int:
        tx.outgoing.append("something to send")
        return 1

    for _ in range(2):
        assert await asyncio.wait_for(database.transact(work), 5) == 1


async def test_only_what_was_committed_is_passed_on(database: Database) -> None:
    passed: list[Any] = []
    database.on_commit = passed.extend

    async def work(tx: Transaction) -> None:
        tx.outgoing.append("kept")
        with contextlib.suppress(Refusal):
            async with tx.savepoint():
                tx.outgoing.append("taken back")
                raise Refusal(T("No."))

    async def failing(tx: Transaction) -> None:
        tx.outgoing.append("failed")
        raise ValueError

    await outcomes(database, work, failing)
    assert passed == ["kept"]


# --- a work that fails -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_batch")
@pytest.mark.parametrize(
    "error", [Refusal(T("No.")), ValueError("ours"), LookupError(), RecursionError(), MemoryError()]
)
async def test_what_a_work_raises_is_raised_to_its_caller_and_takes_back_only_its_own(
    database: Database, key: str | None, error: Exception
) -> None:
    commits = database.counts.commits

    async def failing(tx: Transaction) -> None:
        await write(1)(tx)
        raise error

    assert await outcomes(database, write(0), failing, write(2)) == [0, error, 2]
    assert pieces_in(database.path, key) == [0, 2]
    assert database.counts.commits == commits + 1, "the others need not run again"


async def test_a_work_that_waits_for_something_outside_fails_at_once_and_alone(
    database: Database, key: str | None
) -> None:
    async def waiting(tx: Transaction) -> None:
        await write(1)(tx)
        async with tx.savepoint():
            await write(3)(tx)
            await asyncio.sleep(3600)

    first, second, third = await outcomes(database, write(0), waiting, write(2))
    assert isinstance(second, RuntimeError)
    assert (first, third) == (0, 2)
    assert pieces_in(database.path, key) == [0, 2]


async def test_a_work_that_raises_what_nobody_expects_does_not_stop_the_writer(
    database: Database, key: str | None
) -> None:
    async def cancelled(tx: Transaction) -> None:
        await write(1)(tx)
        raise asyncio.CancelledError

    first, second, third = await asyncio.wait_for(outcomes(database, write(0), cancelled, write(2)), 5)
    assert isinstance(second, BaseException)
    assert (first, third) == (0, 2)
    assert pieces_in(database.path, key) == [0, 2]


async def test_a_refusal_inside_leaves_what_was_written_outside(database: Database, key: str | None) -> None:
    async def work(tx: Transaction) -> str:
        await write(1)(tx)
        try:
            async with tx.savepoint():
                await write(2)(tx)
                async with tx.savepoint():
                    await write(3)(tx)
                raise Refusal(T("No."))
        except Refusal:
            await write(4)(tx)
        async with tx.savepoint():
            await write(5)(tx)
            with contextlib.suppress(Refusal):
                async with tx.savepoint():
                    await write(6)(tx)
                    raise Refusal(T("No."))
        return "answered"

    assert await database.transact(work) == "answered"
    assert pieces_in(database.path, key) == [1, 4, 5]


async def test_what_fails_outside_takes_what_succeeded_inside_with_it(database: Database, key: str | None) -> None:
    async def work(tx: Transaction) -> None:
        async with tx.savepoint():
            await write(1)(tx)
        raise ValueError

    assert isinstance((await outcomes(database, work))[0], ValueError)
    assert pieces_in(database.path, key) == []


BREAKS = {
    "unique": "INSERT INTO pieces (n) VALUES (0)",
    "type": "INSERT INTO pieces (n) VALUES ('many')",
    "check": "INSERT INTO cards (thing, chat_id, committee_id, lane, sent) VALUES ('x', 1, 1, 1, 9)",
    "not null": "INSERT INTO persons (created_us) VALUES (NULL)",
    "reference": "INSERT INTO members (committee_id, person_id, name, name_key, first_key, joined_us)"
    " VALUES (99, 99, '', '', '', 0)",
    "trigger": "INSERT INTO transfers (id, committee_id, number, entry, recorder_id, at_us) VALUES (1, 1, 1, 1, 1, 1)",
    "reference looked at when all is done": "INSERT INTO postings (transfer_id, account_id, minutes) VALUES (77, 1, 5)",
}


@pytest.mark.usefixtures("one_batch")
@pytest.mark.parametrize("breaking", BREAKS.values(), ids=BREAKS.keys())
async def test_a_work_that_breaks_a_rule_of_the_schema_conflicts_and_its_neighbours_do_not(
    database: Database, key: str | None, breaking: str
) -> None:
    await database.transact(with_an_account)

    async def breaks(tx: Transaction) -> None:
        await write(1)(tx)
        await tx.execute(breaking)

    first, second, third = await outcomes(database, write(0), breaks, write(2))
    assert isinstance(second, Conflict)
    assert (first, third) == (0, 2)
    assert pieces_in(database.path, key) == [0, 2]
    assert database.trouble is None, "the disk is not at fault"
    if "postings" not in breaking:
        assert database.counts.retried == 0, "the others need not run again"


async def with_an_account(tx: Transaction) -> None:
    await tx.execute(
        "INSERT INTO committees (id, uid, name, language, zone, created_us) VALUES (1, 'u', 'R', 'en', 'UTC', 0)"
    )
    await tx.execute("INSERT INTO accounts (id, committee_id) VALUES (1, 1)")
    for id_, name in ((1, "Ana"), (2, "Ben")):
        await tx.execute("INSERT INTO persons (id, created_us) VALUES (?, 0)", id_)
        await tx.execute(
            "INSERT INTO members (id, committee_id, person_id, name, name_key, first_key, joined_us)"
            " VALUES (?1, 1, ?1, ?2, ?2, ?2, 0)",
            id_,
            name,
        )
        await tx.execute("INSERT INTO accounts (id, committee_id, member_id) VALUES (?1 + 1, 1, ?1)", id_)


@pytest.mark.parametrize(
    "statement",
    ["SELECT FROM nothing", "INSERT INTO nowhere VALUES (1)", "INSERT INTO pieces (n, words) VALUES (1, ?)"],
)
async def test_a_statement_that_makes_no_sense_fails_its_own_work_only(
    database: Database, key: str | None, statement: str
) -> None:
    async def wrong(tx: Transaction) -> None:
        await write(1)(tx)
        # The last one gets a value that SQLite has no way to store.
        await tx.execute(statement, *(["half a surrogate \ud800"] if "?" in statement else []))

    first, second, third = await outcomes(database, write(0), wrong, write(2))
    assert isinstance(second, Exception)
    assert not isinstance(second, Unavailable)
    assert (first, third) == (0, 2)
    assert pieces_in(database.path, key) == [0, 2]


# --- too slow --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [False, True], ids=["work", "savepoint"])
@pytest.mark.parametrize("statement", [NEVER_ENDING, f"INSERT INTO pieces (n) {NEVER_ENDING}"], ids=["asks", "writes"])
async def test_a_work_that_takes_too_long_is_stopped_and_the_others_go_on(
    database: Database, key: str | None, monkeypatch: pytest.MonkeyPatch, statement: str, inside: bool
) -> None:
    monkeypatch.setattr(storage, "WORK_SECONDS_MAX", 0.2)

    async def endless(tx: Transaction) -> None:
        await write(1)(tx)
        if not inside:
            await tx.execute(statement)
        async with tx.savepoint():
            await tx.execute(statement)

    first, second, third = await asyncio.wait_for(outcomes(database, write(0), endless, write(2)), 5)
    assert isinstance(second, TookTooLong)
    assert (first, third) == (0, 2)
    assert pieces_in(database.path, key) == [0, 2]
    assert database.trouble is None, "the disk is not at fault"


async def test_a_work_that_thinks_too_long_between_statements_is_stopped_too(
    database: Database, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WORK_SECONDS_MAX", 0.05)

    async def slow(tx: Transaction) -> None:
        await write(1)(tx)
        threading.Event().wait(0.1)
        await write(3)(tx)

    first, second = await outcomes(database, slow, write(2))
    assert isinstance(first, TookTooLong)
    assert second == 2
    assert pieces_in(database.path, key) == [2]


async def test_a_work_of_endless_small_steps_is_stopped_too(
    database: Database, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WORK_SECONDS_MAX", 0.2)

    async def endless(tx: Transaction) -> None:
        while True:
            with contextlib.suppress(Refusal):
                async with tx.savepoint():
                    await tx.value("SELECT 1")

    first, second = await asyncio.wait_for(outcomes(database, endless, write(2)), 5)
    assert isinstance(first, TookTooLong)
    assert second == 2


# --- questions -------------------------------------------------------------------------------------------------


async def test_a_question_sees_only_what_is_committed_and_waits_for_nobody(database: Database) -> None:
    await database.transact(write(1))
    holding = threading.Event()

    async def slow(tx: Transaction) -> None:
        await write(2)(tx)
        holding.wait(10)

    writing = asyncio.create_task(database.transact(slow))
    await asyncio.sleep(0.05)
    assert await asyncio.wait_for(database.read(count), 5) == 1
    holding.set()
    await writing
    assert await database.read(count) == 2


async def count(tx: Reader) -> int:
    return int(await tx.value("SELECT count(*) FROM pieces"))


async def count_all(tx: Transaction) -> int:
    return await count(tx)


async def test_a_question_cannot_change_anything(database: Database, key: str | None) -> None:
    async def writes(tx: Reader) -> None:
        await tx.all("INSERT INTO pieces (n) VALUES (1)")

    with pytest.raises(StorageError):
        await database.read(writes)
    assert pieces_in(database.path, key) == []
    assert await database.read(count) == 0


async def test_a_question_sees_one_moment_however_long_it_takes(database: Database) -> None:
    asked, go_on = threading.Event(), threading.Event()

    async def twice(tx: Reader) -> tuple[int, int]:
        before = await count(tx)
        asked.set()
        go_on.wait(10)
        return before, await count(tx)

    asking = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(asked.wait, 10)
    await database.transact(write(1))
    go_on.set()
    assert await asking == (0, 0)


async def test_a_question_without_end_is_stopped_and_the_next_is_answered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "READ_SECONDS_MAX", 0.2)

    async def endless(tx: Reader) -> Any:
        return await tx.value(NEVER_ENDING)

    with pytest.raises(TookTooLong):
        await asyncio.wait_for(database.read(endless), 5)
    assert await asyncio.wait_for(database.read(count), 5) == 0


async def test_a_question_that_nobody_waits_for_any_more_leaves_the_next_alone(database: Database) -> None:
    for turns in range(4):
        asking = asyncio.create_task(database.read(count))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        assert await database.read(count) == turns
        await database.transact(write(turns))


async def test_a_question_that_makes_no_sense_is_a_storage_error_and_no_more(database: Database) -> None:
    async def wrong(tx: Reader) -> None:
        await tx.all("SELECT FROM nothing")

    for _ in range(2):
        with pytest.raises(StorageError):
            await database.read(wrong)
    assert await database.read(count) == 0


# --- faults of the disk ----------------------------------------------------------------------------------------


async def burst(database: Database, numbers: range, words: str = "") -> set[int]:
    """Many ask at once for pieces to be written. The numbers of those who were told that it is done."""
    found = await outcomes(database, *(write(number, words) for number in numbers))
    for outcome in found:
        assert isinstance(outcome, int | Unavailable), outcome
    return {outcome for outcome in found if isinstance(outcome, int)}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes: half of it is the schema, empty."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3072k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounting.returncode:
        pytest.skip("only root can mount a small disk here; the tests with a page limit and a file limit run instead")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_when_the_disk_is_full_at_commit_nobody_is_told_a_lie_and_it_goes_on_when_there_is_room(
    small_disk: Path, key: str | None, tmp_path: Path
) -> None:
    database = await Database.open(small_disk / "data.sqlite", key=key)
    await database.transact(with_pieces)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 150_000))
    told = await burst(database, range(60), "x" * 8000)
    assert 0 < len(told) < 60, "some found room"
    assert database.trouble == "disk full"
    first, second = await outcomes(database, write(99, "x" * 200_000), count_all)
    assert isinstance(first, Unavailable)
    assert second == len(told), "questions are answered meanwhile"
    assert await database.transact(count_all) == len(told), "questions are answered meanwhile"
    assert database.trouble == "disk full", "and do not mend it"
    assert set(pieces_after_a_crash(database.path, key, tmp_path / "full")) == told

    mending = asyncio.create_task(database.mended())
    ballast.unlink()
    await asyncio.wait_for(mending, 10)
    assert database.trouble is None
    told |= await burst(database, range(100, 110), "x" * 8000)
    assert told >= set(range(100, 110))
    assert set(pieces_after_a_crash(database.path, key, tmp_path / "mended")) == told
    await database.close()
    assert set(pieces_in(database.path, key)) == told


async def test_when_the_disk_is_full_in_a_statement_its_work_alone_is_lost(
    small_disk: Path, key: str | None, tmp_path: Path
) -> None:
    database = await Database.open(small_disk / "data.sqlite", key=key)
    await database.transact(with_pieces)
    # More than SQLite keeps in memory, so that it has to be put on the disk before the work ends.
    await database._connection.execute_fetchall("PRAGMA cache_size = 10")
    first, second, third = await outcomes(database, write(0), write(1, "x" * 4_000_000), write(2))
    assert isinstance(second, Unavailable)
    assert (first, third) == (0, 2)
    await asyncio.wait_for(database.mended(), 10)
    assert pieces_after_a_crash(database.path, key, tmp_path / "after") == [0, 2]
    await database.close()


async def test_when_the_file_may_not_grow_its_writer_is_told_and_the_others_go_on(
    database: Database, key: str | None, tmp_path: Path
) -> None:
    # SQLite's own word for a full disk, without the right to mount one.
    [(pages,)] = await database._connection.execute_fetchall("PRAGMA page_count")
    await database._connection.execute_fetchall(f"PRAGMA max_page_count = {pages + 5}")
    first, second, third = await outcomes(database, write(0), write(1, "x" * 100_000), write(2))
    assert isinstance(second, Unavailable)
    assert (first, third) == (0, 2)
    assert pieces_after_a_crash(database.path, key, tmp_path / "after") == [0, 2]
    told = await burst(database, range(10, 40), "x" * 3000)
    assert 0 < len(told) < 30
    assert database.trouble == "disk full"
    assert set(pieces_after_a_crash(database.path, key, tmp_path / "full")) == {0, 2} | told

    await database._connection.execute_fetchall("PRAGMA max_page_count = 100000")
    await asyncio.wait_for(database.mended(), 10)
    assert database.trouble is None
    assert await database.transact(write(50, "x" * 100_000)) == 50


@contextlib.contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """While this lasts, the system refuses every write of this process beyond so many bytes of a file (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_when_writing_fails_at_commit_nobody_is_told_a_lie_and_it_goes_on_when_that_is_mended(
    database: Database, key: str | None, tmp_path: Path
) -> None:
    log = database.path.with_name("data.sqlite-wal")
    with files_end_at(log.stat().st_size + 100_000):
        told = await burst(database, range(40), "x" * 8000)
        assert 0 < len(told) < 40
        assert database.trouble == "input/output error"
        mending = asyncio.create_task(database.mended())
    assert set(pieces_after_a_crash(database.path, key, tmp_path / "broken")) == told
    await asyncio.wait_for(mending, 10)
    assert database.trouble is None
    told |= await burst(database, range(100, 110), "x" * 8000)
    assert told >= set(range(100, 110))
    assert set(pieces_after_a_crash(database.path, key, tmp_path / "mended")) == told


async def test_where_the_file_is_damaged_nobody_is_told_a_lie_and_what_was_told_is_there_when_it_is_put_right(
    database: Database, key: str | None
) -> None:
    for number in range(3):
        await database.transact(write(number, "x" * 50_000))
    await database._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = database.path.read_bytes()
    # The end of the file is gone, and what SQLite has in memory of it too.
    await database._connection.execute_fetchall("PRAGMA shrink_memory")
    os.truncate(database.path, len(whole) - 60_000)

    async def reads(tx: Transaction) -> int:
        return int(await tx.value("SELECT sum(length(words)) FROM pieces"))

    first, second, third = await outcomes(database, write(10), reads, write(11))
    assert isinstance(second, Unavailable)
    told = {outcome for outcome in (first, third) if isinstance(outcome, int)}
    # What came in since stands in the log: it is not moved into the file before that is put right.
    with database.path.open("r+b") as file:
        file.seek(len(whole) - 60_000)
        file.write(whole[-60_000:])
    await database.close()
    again = await Database.open(database.path, key=key)
    assert await again.transact(reads) == 150_000
    assert set(pieces_in(database.path, key)) == {0, 1, 2} | told
    await again.close()


@pytest.mark.usefixtures("one_batch")
async def test_an_interrupted_statement_spoils_nothing_and_runs_again(database: Database, key: str | None) -> None:
    times = 0
    interrupting = threading.Event()

    async def interrupted_once(tx: Transaction) -> int:
        nonlocal times
        times += 1
        await write(1)(tx)
        if times == 1:
            interrupting.set()
            await tx.execute(f"INSERT INTO pieces (n) {NEVER_ENDING}")
        return 1

    asked = asyncio.create_task(outcomes(database, write(0), interrupted_once, write(2)))
    await asyncio.to_thread(interrupting.wait, 10)
    await asyncio.sleep(0.05)
    database._connection._conn.interrupt()
    assert await asyncio.wait_for(asked, 5) == [0, 1, 2]
    assert times == 2
    assert pieces_in(database.path, key) == [0, 1, 2]
    assert database.trouble is None


async def test_a_statement_that_is_interrupted_whenever_it_runs_fails_alone(
    database: Database, key: str | None
) -> None:
    async def endless(tx: Transaction) -> None:
        await write(1)(tx)
        await tx.execute(f"INSERT INTO pieces (n) {NEVER_ENDING}")

    asked = asyncio.create_task(outcomes(database, write(0), endless, write(2)))
    while not asked.done():
        await asyncio.sleep(0.05)
        database._connection._conn.interrupt()
    first, second, third = await asked
    assert isinstance(second, Unavailable)
    assert (first, third) == (0, 2)
    assert pieces_in(database.path, key) == [0, 2]
    await asyncio.wait_for(database.mended(), 10)


async def test_when_another_program_holds_the_file_nothing_is_lost(
    database: Database, key: str | None, tmp_path: Path
) -> None:
    await database._connection.execute_fetchall("PRAGMA busy_timeout = 20")
    with contextlib.closing(beside(database.path, key)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await burst(database, range(3)) == set()
        assert database.trouble == "busy"
        other.execute("ROLLBACK")
    await asyncio.wait_for(database.mended(), 10)
    assert await burst(database, range(3)) == {0, 1, 2}
    assert pieces_after_a_crash(database.path, key, tmp_path / "after") == [0, 1, 2]


# --- opening and closing ---------------------------------------------------------------------------------------


async def test_closing_finishes_what_waits_and_then_takes_no_more(database: Database, key: str | None) -> None:
    tasks = [asyncio.create_task(database.transact(write(number))) for number in range(200)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*tasks) == list(range(200))
    assert pieces_in(database.path, key) == list(range(200))
    with pytest.raises(Closed):
        await database.transact(write(999))
    with pytest.raises(Closed):
        await database.read(count)
    await database.close()


@pytest.mark.parametrize("other", [None, "fedcba9876543210" * 4, "it's a passphrase"])
async def test_an_encrypted_file_opens_with_its_key_only(tmp_path: Path, other: str | None) -> None:
    path = tmp_path / "data.sqlite"
    database = await Database.open(path, key=KEY)
    await database.transact(with_pieces)
    await database.close()
    before = path.read_bytes()
    with pytest.raises(WrongKey):
        await Database.open(path, key=other)
    assert path.read_bytes() == before
    again = await Database.open(path, key=KEY)
    assert await again.read(count) == 0
    await again.close()


async def test_a_plain_file_does_not_open_with_a_key(tmp_path: Path) -> None:
    await (await Database.open(tmp_path / "data.sqlite")).close()
    with pytest.raises(WrongKey):
        await Database.open(tmp_path / "data.sqlite", key=KEY)


async def test_a_passphrase_with_quotes_opens_its_file(tmp_path: Path) -> None:
    for _ in range(2):
        await (await Database.open(tmp_path / "data.sqlite", key='it\'s "ours"; --')).close()


async def test_what_is_no_database_is_said_to_be_none_and_left_as_it_is(tmp_path: Path, key: str | None) -> None:
    path = tmp_path / "data.sqlite"
    path.write_text("Dear diary, " * 500)
    with pytest.raises(WrongKey):
        await Database.open(path, key=key)
    assert path.read_text() == "Dear diary, " * 500


async def test_a_place_where_nothing_can_be_stored_is_said_to_be_unavailable(tmp_path: Path, key: str | None) -> None:
    with pytest.raises(Unavailable):
        await Database.open(tmp_path / "missing" / "data.sqlite", key=key)


async def test_nothing_in_an_encrypted_folder_can_be_read(tmp_path: Path, key: str | None) -> None:
    database = await Database.open(tmp_path / "data.sqlite", key=key)

    async def keeps(tx: Transaction) -> None:
        await notes.keep(tx, "transfer:1", SECRET)

    await database.transact(keeps)
    # Once while it is open, with the words in the write-ahead log, and once when it is shut.
    for shut in (False, True):
        if shut:
            await database.close()
        bytes_ = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert len(bytes_) > 10_000
        readable = SECRET.encode() in bytes_
        assert readable == (key is None), "the plain file shows that one would find it"
        assert (b"CREATE TABLE" in bytes_) == (key is None)


# --- changes of the schema -------------------------------------------------------------------------------------


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations that begins as the real one."""
    folder = tmp_path / "program" / "migrations" / "sqlite"
    real = resources.files("storage") / "migrations" / "sqlite"
    folder.mkdir(parents=True)
    for file in real.iterdir():
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path / "program")
    return folder


def newest(folder: Path) -> int:
    return max(int(file.name[:4]) for file in folder.glob("*.sql"))


async def test_a_newer_program_changes_the_schema_keeps_what_was_there_and_leaves_a_copy(
    tmp_path: Path, migrations: Path, key: str | None
) -> None:
    path, old = tmp_path / "data.sqlite", newest(migrations)
    database = await Database.open(path, key=key)
    await database.transact(with_pieces)
    await database.transact(write(1, SECRET))
    await database.close()

    (migrations / f"{old + 1:04}_colours.sql").write_text(
        "-- Each piece has a colour; it cannot be taken away.\nALTER TABLE pieces ADD COLUMN colour TEXT;\n"
        "CREATE TRIGGER colours_stay BEFORE DELETE ON pieces\nBEGIN\n    SELECT RAISE (ABORT, 'no');\nEND;\n"
    )
    database = await Database.open(path, key=key)
    assert await database.read(lambda tx: tx.all("SELECT n, words, colour FROM pieces")) == [(1, SECRET, None)]
    assert await database.read(lambda tx: tx.value("PRAGMA user_version")) == old + 1
    await database.close()

    copy = tmp_path / f"data.sqlite.before-{old + 1:04}"
    with contextlib.closing(beside(copy, key)) as connection:
        assert connection.execute("SELECT * FROM pieces").fetchall() == [(1, SECRET)]
        assert connection.execute("PRAGMA user_version").fetchone() == (old,)
    assert (SECRET.encode() in copy.read_bytes()) == (key is None)


async def test_opening_again_changes_nothing_and_copies_nothing(tmp_path: Path, migrations: Path) -> None:
    for _ in range(2):
        await (await Database.open(tmp_path / "data.sqlite")).close()
    assert [file.name for file in tmp_path.glob("data*")] == ["data.sqlite"]


async def test_a_change_that_fails_halfway_has_not_begun(tmp_path: Path, migrations: Path, key: str | None) -> None:
    path, old = tmp_path / "data.sqlite", newest(migrations)
    database = await Database.open(path, key=key)
    await database.transact(with_pieces)
    await database.transact(write(1))
    await database.close()
    failing = migrations / f"{old + 1:04}_wrong.sql"
    failing.write_text("ALTER TABLE pieces ADD COLUMN colour TEXT;\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(StorageError):
        await Database.open(path, key=key)
    failing.unlink()
    database = await Database.open(path, key=key)
    assert await database.read(lambda tx: tx.all("SELECT * FROM pieces")) == [(1, "")]
    await database.close()


async def test_a_file_of_a_newer_program_is_refused_and_left_as_it_is(
    tmp_path: Path, migrations: Path, key: str | None
) -> None:
    path, old = tmp_path / "data.sqlite", newest(migrations)
    newer = migrations / f"{old + 1:04}_newer.sql"
    newer.write_text("CREATE TABLE later (n INTEGER) STRICT;\n")
    await (await Database.open(path, key=key)).close()
    newer.unlink()
    before = path.read_bytes()
    with pytest.raises(NewerSchema):
        await Database.open(path, key=key)
    assert path.read_bytes() == before


# --- erasing ---------------------------------------------------------------------------------------------------


async def erased(tx: Transaction) -> None:
    await notes.erase(tx, "transfer:1")


async def kept(tx: Transaction) -> None:
    await notes.keep(tx, "transfer:1", SECRET)


def folder_holds_the_secret(folder: Path) -> bool:
    return any(SECRET.encode() in file.read_bytes() for file in folder.iterdir())


async def test_what_is_erased_is_in_no_file_nor_in_a_copy_made_before(tmp_path: Path) -> None:
    schema.write_new(tmp_path / "data.sqlite")
    database = await Database.open(tmp_path / "data.sqlite")
    await database.transact(kept)
    await database._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(database.path, tmp_path / "data.sqlite.before-0002")
    assert folder_holds_the_secret(tmp_path)
    await database.transact(erased)
    assert not folder_holds_the_secret(tmp_path)
    assert not (tmp_path / "data.sqlite.before-0002").exists()
    await database.close()


async def test_an_erasure_that_did_not_happen_removes_no_copy(tmp_path: Path) -> None:
    schema.write_new(tmp_path / "data.sqlite")
    database = await Database.open(tmp_path / "data.sqlite")
    await database.transact(kept)
    (tmp_path / "data.sqlite.before-0002").write_text("the copy")

    async def changes_its_mind(tx: Transaction) -> None:
        with contextlib.suppress(Refusal):
            async with tx.savepoint():
                await erased(tx)
                raise Refusal(T("No."))

    await database.transact(changes_its_mind)
    assert (tmp_path / "data.sqlite.before-0002").exists()
    await database.close()


async def test_where_the_log_cannot_be_emptied_at_once_it_is_emptied_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "SCRUB_AGAIN_SECONDS", 0.0, raising=False)
    schema.write_new(tmp_path / "data.sqlite")
    database = await Database.open(tmp_path / "data.sqlite")
    await database._connection.execute_fetchall("PRAGMA busy_timeout = 20")
    await database.transact(kept)
    with contextlib.closing(beside(database.path, None)) as other:
        # Another program looks at the file and keeps the log from being cut.
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM notes").fetchone() == (1,)
        await database.transact(erased)
        assert folder_holds_the_secret(tmp_path), "not yet"
        other.execute("COMMIT")
    await database.transact(lambda tx: tx.value("SELECT 1"))
    assert not folder_holds_the_secret(tmp_path)
    await database.close()


async def test_whoever_erased_is_told_so_even_where_the_log_cannot_be_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "SCRUB_AGAIN_SECONDS", 0.0, raising=False)
    schema.write_new(tmp_path / "data.sqlite")
    database = await Database.open(tmp_path / "data.sqlite")
    await database.transact(with_pieces)
    await database.transact(write(1, "x" * 500_000))
    await database.transact(kept)
    await database._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    with files_end_at(300_000):
        # The log can be written, but its pages cannot be moved to their places near the end of the file.
        await asyncio.wait_for(database.transact(erased), 5)
        assert await asyncio.wait_for(database.transact(write(2)), 5) == 2
    await database.transact(write(3))
    assert not folder_holds_the_secret(tmp_path)
    await database.close()


async def test_what_was_erased_just_before_a_crash_is_gone_after_it(tmp_path: Path) -> None:
    schema.write_new(tmp_path / "data.sqlite")
    database = await Database.open(tmp_path / "data.sqlite")
    await database.transact(kept)
    await database._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def crashing() -> None:
        # The moment between the commit and the emptying of the log, as a kill would leave the files.
        (tmp_path / "crashed").mkdir()
        for name in ("data.sqlite", "data.sqlite-wal"):
            shutil.copyfile(tmp_path / name, tmp_path / "crashed" / name)

    setattr(database, "_scrub", crashing)  # noqa: B010 - mypy
    await database.transact(kept_as(2))
    await database.transact(erased)
    await database.close()
    assert folder_holds_the_secret(tmp_path / "crashed")
    again = await Database.open(tmp_path / "crashed" / "data.sqlite")
    assert not folder_holds_the_secret(tmp_path / "crashed")
    await again.close()


def kept_as(number: int) -> Callable[[Transaction], Any]:
    async def work(tx: Transaction) -> None:
        await notes.keep(tx, f"transfer:{number}", "other words")

    return work


# --- the books -------------------------------------------------------------------------------------------------


async def with_a_transfer(tx: Transaction) -> None:
    """Two accounts, and an hour that went from one to the other."""
    await with_an_account(tx)
    await tx.execute("INSERT INTO entries VALUES (1, 1, 'transfer', 0, '{}', ?)", "0" * 64)
    await tx.execute("INSERT INTO postings VALUES (1, 1, -60), (1, 2, 60)")
    await tx.execute("INSERT INTO transfers VALUES (1, 1, 1, 1, 1, NULL, 0)")


FORBIDDEN = {
    "an entry is rewritten": "UPDATE entries SET body = '{\"forged\":1}'",
    "an entry is taken out": "DELETE FROM entries",
    "an entry is put in the place of another": (
        "INSERT OR REPLACE INTO entries VALUES (1, 1, 'transfer', 0, '{\"forged\":1}', '" + "1" * 64 + "')"
    ),
    "a transfer is rewritten": "UPDATE transfers SET recorder_id = 1, at_us = 5",
    "a transfer is taken out": "DELETE FROM transfers",
    "a transfer is put in the place of another": "INSERT OR REPLACE INTO transfers VALUES (1, 1, 1, 1, 1, NULL, 9)",
    "a posting is rewritten": "UPDATE postings SET minutes = minutes * 2",
    "a posting is taken out": "DELETE FROM postings WHERE account_id = 1",
    "a posting is added to a sealed transfer": "INSERT INTO postings VALUES (1, 3, 60)",
    "a posting is put in the place of another": "INSERT OR REPLACE INTO postings VALUES (1, 1, -90)",
    "a posting of nothing": "INSERT INTO postings VALUES (2, 1, 0)",
    "a transfer without postings": "INSERT INTO transfers VALUES (2, 1, 2, 1, 1, NULL, 0)",
    "a transfer is undone twice": (
        "INSERT INTO postings VALUES (2, 1, 60), (2, 2, -60), (3, 1, 60), (3, 2, -60);"
        "INSERT INTO transfers VALUES (2, 1, 2, 1, 1, 1, 0);"
        "INSERT INTO transfers VALUES (3, 1, 3, 1, 1, 1, 0)"
    ),
    "two transfers of one number": (
        "INSERT INTO postings VALUES (2, 1, 60), (2, 2, -60); INSERT INTO transfers VALUES (2, 1, 1, 1, 1, NULL, 0)"
    ),
    "hours out of nothing": (
        "INSERT INTO postings VALUES (2, 2, 60); INSERT INTO transfers VALUES (2, 1, 2, 1, 1, NULL, 0)"
    ),
    "hours that do not sum to zero": (
        "INSERT INTO postings VALUES (2, 1, -60), (2, 2, 61); INSERT INTO transfers VALUES (2, 1, 2, 1, 1, NULL, 0)"
    ),
    "a transfer that no entry stands for": (
        "INSERT INTO postings VALUES (2, 1, -60), (2, 2, 60); INSERT INTO transfers VALUES (2, 1, 2, 9, 1, NULL, 0)"
    ),
    "postings that no transfer seals": "INSERT INTO postings VALUES (2, 1, -60), (2, 2, 60)",
    "an entry with a short hash": "INSERT INTO entries VALUES (1, 2, 'x', 0, '{}', 'abc')",
}


@pytest.mark.parametrize("statements", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_the_books_cannot_be_changed_by_any_statement(
    database: Database, key: str | None, statements: str
) -> None:
    await database.transact(with_a_transfer)
    before = await database.read(books)

    async def forging(tx: Transaction) -> None:
        for statement in statements.split(";"):
            await tx.execute(statement)

    with pytest.raises(Conflict):
        await database.transact(forging)
    assert await database.read(books) == before


async def books(tx: Reader) -> list[Any]:
    return [await tx.all(f"SELECT * FROM {table}") for table in ("entries", "transfers", "postings", "accounts")]


async def test_a_transfer_that_sums_to_zero_can_be_added(database: Database) -> None:
    await database.transact(with_a_transfer)

    async def adds(tx: Transaction) -> None:
        await tx.execute("INSERT INTO postings VALUES (2, 1, 60), (2, 2, -60)")
        await tx.execute("INSERT INTO transfers VALUES (2, 1, 2, 1, 1, 1, 0)")

    await database.transact(adds)
    assert await database.read(lambda tx: tx.value("SELECT sum(minutes) FROM postings WHERE account_id = 1")) == 0


def test_both_drivers_are_what_this_file_is_about() -> None:
    from sqlcipher3 import dbapi2

    assert storage._driver(None) is sqlite3
    assert storage._driver(KEY) is dbapi2


async def test_a_work_knows_whether_what_it_writes_is_encrypted(database: Database, key: str | None) -> None:
    assert await database.transact(sealed.is_encrypted) == (key is not None)
    assert await database.read(sealed.is_encrypted) == (key is not None)
