"""The database: the only BEGIN, COMMIT and ROLLBACK, and the only import of a database driver.

Waiting units of work run one after another inside one transaction, each in a savepoint of its own, and are committed
together: one fsync serves all that waited. A caller resumes only when its work is durable.

A unit of work is an async function that waits for nothing but its transaction. So it runs in the connection's own
thread, from its first line to its last: a statement costs no change of threads, the event loop stays free for the
networks, and a work cannot have an effect outside (waiting for anything else is an error at once).
See docs/decisions/0004-works-run-in-the-database-thread.md.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import glob
import logging
import re
import secrets
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from bot.text import Refusal, T, Typed

log = logging.getLogger(__name__)

R = TypeVar("R")
Row = tuple[Any, ...]
Value = str | int | bytes | None

WORKS_PER_COMMIT_MAX = 128
BATCH_SECONDS_MAX = 0.01
LAZY_SECONDS = 0.001
"""A work that nobody waits for gladly shares the next commit, which it waits for no longer than this."""
CROWD = 4
CROWD_SECONDS = 0.002
"""After a batch of so many works the next one waits so long for more: PostgreSQL's commit_siblings and commit_delay."""
WORK_SECONDS_MAX = 20.0
READ_SECONDS_MAX = 60.0
LOOK_SECONDS_MAX = 600.0
"""Reading all the books from beside the bot takes its time; nobody waits for it but whoever asked."""
STEPS_BETWEEN_LOOKS = 10_000
WAITING_WORKS_MAX = 10_000
_STOPPED = "the books are stopped"
"""What the schema says where a committee's books do not add up."""
_BOOKS_STOPPED = T(
    "Nothing was recorded: the books of this committee do not add up, so I write nothing into them for now. "
    "The organizers know. Note it on paper, and say it again later; {audit} tells how it stands.",
    audit=Typed("/audit"),
)
MEND_SECONDS = 1.0
SCRUB_AGAIN_SECONDS = 60.0


class StorageError(Exception):
    """The database did not do what was asked."""


class BooksStopped(Refusal):
    """A committee's books do not add up: until they do, nothing is written into them."""


class Unavailable(StorageError):
    """Nothing can be stored now (disk full, read-only, broken); nothing was. Try again when `Database.mended`."""


class WrongKey(StorageError):
    """The file cannot be read: it is encrypted with another key, or not a database."""


class NewerSchema(StorageError):
    """The file was written by a newer version of the program."""


class OlderSchema(StorageError):
    """The file was last used by an older version of the program; the bot brings it up to date when it starts."""


class Conflict(StorageError):
    """A unit of work broke an invariant of the schema; it has no effect."""


class TookTooLong(StorageError):
    """A unit of work took longer than it may; it has no effect."""


class Closed(StorageError):
    """The database is shut."""


# Result codes after which the medium, not the statement, is at fault: https://www.sqlite.org/rescode.html
_MEDIUM = {5: "busy", 7: "no memory", 8: "read-only", 9: "interrupted", 10: "input/output error", 13: "disk full"}
_MEDIUM |= {11: "damaged", 14: "cannot be opened", 15: "locking", 26: "not a database"}
# sqlcipher3 gives no codes, only SQLite's own English messages.
_MEDIUM_WORDS = re.compile(r"disk|full|I/O|readonly|locked|interrupted|malformed|unable to open|memory")


def _medium_at_fault(error: BaseException) -> str | None:
    """What is wrong with the medium, or None where the statement is."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _MEDIUM.get(int(code) & 0xFF)
    found = _MEDIUM_WORDS.search(str(error))
    return found.group(0) if found else None


class _Failed(BaseException):
    """A statement failed in a way that spoils the whole transaction.

    Not an Exception, so that no work that handles its own faults can swallow it.
    """


def fresh_token() -> str:
    """80 random bits as 16 lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()


class Reader:
    """An open view of the database: questions only."""

    def __init__(self, driver: Any, connection: Any, seconds_max: float) -> None:
        self._driver = driver
        self._connection = connection
        self._deadline = time.monotonic() + seconds_max

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Every row. The statement must limit them."""
        return self._run(sql, values)

    async def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        rows = self._run(sql, values)
        return rows[0] if rows else None

    async def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        rows = self._run(sql, values)
        return rows[0][0] if rows else None

    @property
    def overdue(self) -> bool:
        """Whether it has taken longer than it may."""
        return time.monotonic() > self._deadline

    @property
    def encrypted(self) -> bool:
        """Whether the file was opened with a key: there is one driver for those, and another for the rest."""
        return self._driver is not sqlite3

    def _run(self, sql: str, values: Sequence[Value]) -> list[Row]:
        if self.overdue:
            raise TookTooLong
        try:
            rows: list[Row] = self._connection.execute(sql, values).fetchall()
        except self._driver.IntegrityError as error:
            if str(error) == _STOPPED:
                raise BooksStopped(_BOOKS_STOPPED) from error
            # SQLite's messages name tables and columns, never values.
            raise Conflict(str(error)) from error
        except self._driver.Error as error:
            if self.overdue:
                raise TookTooLong from error
            raise _Failed from error
        return rows


class Transaction(Reader):
    """The proof that a unit of work is open. Nothing outside it may be changed by a work: it can run twice."""

    def __init__(self, driver: Any, connection: Any, seconds_max: float, token: Callable[[], str]) -> None:
        super().__init__(driver, connection, seconds_max)
        self.token = token
        """A new unguessable word of 16 letters and digits, from the source the database was opened with."""
        self.outgoing: list[Any] = []
        """What storage wants known after the commit (rows of the outbox): given to `Database.on_commit`."""
        self.wipe = False
        """Set when something was erased: the commit then empties the write-ahead log too."""

    async def execute(self, sql: str, *values: Value) -> None:
        """Write."""
        self._run(sql, values)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """All of it or, when an exception leaves it, nothing of it."""
        self._run("SAVEPOINT inner_work", ())
        outgoing, wipe = len(self.outgoing), self.wipe
        try:
            yield
        except Exception as error:
            self._take_back(error)
            del self.outgoing[outgoing:]
            self.wipe = wipe
            raise
        self._run("RELEASE inner_work", ())

    def _take_back(self, error: Exception) -> None:
        # Also for a work that is overdue: what it did must go.
        for sql in ("ROLLBACK TO inner_work", "RELEASE inner_work"):
            try:
                self._connection.execute(sql)
            except self._driver.Error as failure:
                # SQLite may have rolled back everything by itself, and the savepoint with it: a statement that is
                # stopped while it writes does that.
                raise _Failed from (error if isinstance(error, TookTooLong) else failure)


Work = Callable[[Transaction], Coroutine[Any, Any, R]]
Question = Callable[[Reader], Coroutine[Any, Any, R]]


@dataclass(slots=True)
class _Waiting:
    work: Work[Any]
    done: asyncio.Future[Any]
    lazy: bool


@dataclass(slots=True)
class _Outcome:
    """What came of a work: what it returned and left, or what it raised."""

    result: Any = None
    error: BaseException | None = None
    tx: Transaction | None = None
    wrote: bool = False


@dataclass(slots=True)
class _Batch:
    """Works that were run together. `trouble`: what is wrong with the medium, where that showed."""

    works: list[_Waiting] = field(default_factory=list)
    outcomes: list[_Outcome] = field(default_factory=list)
    trouble: str | None = None

    @property
    def wrote(self) -> bool:
        """Whether something was stored: then nothing is wrong with the medium. A mere question does not show that."""
        return any(outcome.wrote for outcome in self.outcomes)


@dataclass(slots=True)
class Counts:
    """What was done since the database was opened; for `status` and benchmarks."""

    commits: int = 0
    works: int = 0
    retried: int = 0
    failed: int = 0


class Database:
    """One file. Open it with `Database.open`; one process at a time writes to it."""

    def __init__(
        self,
        path: Path,
        connection: aiosqlite.Connection,
        reading: aiosqlite.Connection,
        *,
        driver: Any,
        token: Callable[[], str],
    ) -> None:
        self.path = path
        self.counts = Counts()
        self.on_commit: Callable[[list[Any]], None] | None = None
        self.trouble: str | None = None
        """What is wrong with the medium, in a word or two; None while it is sound."""
        self._token = token
        self._connection = connection
        self._reading = reading
        self._driver = driver
        self._queue: deque[_Waiting] = deque()
        self._room = asyncio.Semaphore(WAITING_WORKS_MAX)
        self._asked = asyncio.Event()
        self._eager = 0
        """How many works wait that are not lazy."""
        self._read_lock = asyncio.Lock()
        self._closed = False
        self._running: dict[aiosqlite.Connection, Reader] = {}
        """On each connection, whose statements it is carrying out."""
        self._scrub_at: float | None = None
        """While something erased may still stand in a file: when to try again to scrub it away."""
        self._writer = asyncio.create_task(self._write(), name="database writer")

    # --- opening ---------------------------------------------------------------------------------------------

    @classmethod
    async def open(cls, path: Path, *, key: str | None = None, token: Callable[[], str] = fresh_token) -> Database:
        """Open or create the file, encrypted where a key is given, and bring its schema up to date.

        `token` is the source of tokens and ids; practice and tests give one that repeats.
        Raises WrongKey, NewerSchema, or Unavailable where the medium is at fault.
        """
        driver = _driver(key)
        connection, reading = _connection(driver, path, key), _connection(driver, path, key)
        try:
            await connection
            await _prepare(connection)
            scrubbed = await _scrub_after_a_crash(connection, driver)
            await _migrate(connection, path)
            await reading
            await reading.execute_fetchall("PRAGMA query_only = ON")
        except BaseException as error:
            for opened in (reading, connection):
                with contextlib.suppress(ValueError):
                    await opened.close()
                if opened._thread.is_alive():
                    # aiosqlite does not wait for the thread of a connection that could not be made.
                    await asyncio.to_thread(opened._thread.join, 1.0)
            if not isinstance(error, driver.DatabaseError):
                raise
            raise opening_failed(path, error) from error
        database = cls(path, connection, reading, driver=driver, token=token)
        await database._in_thread(connection, lambda: database._watch_time(connection))
        await database._in_thread(reading, lambda: database._watch_time(reading))
        database._scrub_at = None if scrubbed else time.monotonic()
        return database

    async def close(self) -> None:
        """Finish the waiting works and shut the file."""
        if self._closed:
            return
        self._closed = True
        self._asked.set()
        await self._writer
        async with self._read_lock:
            await self._reading.close()
        await self._connection.close()

    # --- asking ----------------------------------------------------------------------------------------------

    async def transact(self, work: Work[R], *, lazy: bool = False) -> R:
        """Run a unit of work and return its result once that is durable.

        What the work raises is raised here, and the work has had no effect. It may run twice, and it may wait for
        nothing but the transaction it is given. Raises Unavailable when nothing can be stored. `lazy`: no member
        waits for it, so for a moment it waits for others to share the commit with.
        """
        # Nothing here waits while there is room, so works run in the order in which they were asked for.
        await self._room.acquire()
        if self._closed:
            raise Closed
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(work, done, lazy))
        if lazy:
            asyncio.get_running_loop().call_later(LAZY_SECONDS, self._asked.set)
        else:
            self._eager += 1
            self._asked.set()
        # A caller that is cancelled only stops waiting; the work is done all the same.
        return await done

    async def read(self, question: Question[R]) -> R:
        """Ask on a connection of its own, which sees only what is committed and never waits for the writer."""
        async with self._read_lock:
            if self._closed:
                raise Closed
            result: R = await self._in_thread(self._reading, lambda: self._answer_question(question))
            return result

    async def mended(self) -> None:
        """Return when works can be stored (again)."""
        while self.trouble is not None:
            try:
                await self.transact(_try_to_write)
            except Unavailable:
                await asyncio.sleep(MEND_SECONDS)

    # --- in the event loop -----------------------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._queue:
                batch = await self._in_thread(self._connection, self._run_batch)
                overdue = self._scrub_at is not None and self._scrub_at <= time.monotonic()
                if overdue or _wipes(batch.outcomes):
                    await self._scrub()
                self._settle(batch)
                if not self._eager and not self._closed:
                    # What is left is in no hurry: it shares the next commit, or has one of its own in a moment.
                    if self._queue:
                        asyncio.get_running_loop().call_later(LAZY_SECONDS, self._asked.set)
                    break
                if len(batch.works) >= CROWD:
                    # Where many ask at once, a moment's wait lets more of them share the next commit.
                    await asyncio.sleep(CROWD_SECONDS)
            if self._closed:
                return

    def _settle(self, batch: _Batch) -> None:
        """Tell the callers, and whoever listens for what was left to send."""
        if batch.trouble is not None and self.trouble is None:
            log.critical("storage in trouble", extra={"why": batch.trouble})
        if batch.trouble is None and self.trouble is not None and batch.wrote:
            log.warning("storage mended")
        if batch.trouble is not None or batch.wrote:
            self.trouble = batch.trouble
        outgoing: list[Any] = []
        for waiting, outcome in zip(batch.works, batch.outcomes, strict=True):
            self._room.release()
            self._eager -= not waiting.lazy
            if outcome.tx is not None:
                outgoing += outcome.tx.outgoing
            if waiting.done.cancelled():
                continue
            if outcome.error is not None:
                waiting.done.set_exception(outcome.error)
            else:
                waiting.done.set_result(outcome.result)
        if outgoing and self.on_commit is not None:
            try:
                self.on_commit(outgoing)
            except Exception:
                # What is stored will be found there; the writer must live.
                log.exception("commit not passed on")

    async def _scrub(self) -> None:
        """Leave nothing of what was erased in any file; if that cannot be done now, it is done later.

        The works are committed and their callers must hear so: nothing is raised.
        """
        why = "somebody reads"
        async with self._read_lock:
            try:
                done = await self._in_thread(self._connection, lambda: _scrub(self._connection._conn))
            except self._driver.Error as error:
                done, why = False, _medium_at_fault(error) or type(error).__name__
        self._scrub_at = None if done else time.monotonic() + SCRUB_AGAIN_SECONDS
        if not done:
            log.error("erased words not scrubbed away yet", extra={"why": why})

    async def _in_thread(self, connection: aiosqlite.Connection, step: Callable[[], R]) -> R:
        # aiosqlite has no public way to run more than one statement in its thread at a time.
        result: R = await connection._execute(step)  # type: ignore[no-untyped-call]
        return result

    # --- in the connection's thread --------------------------------------------------------------------------

    def _run_batch(self) -> _Batch:
        """Run what waits, together, and commit; where that fails, each work again alone."""
        batch = _Batch()
        try:
            self._step("BEGIN IMMEDIATE")
            deadline = time.monotonic() + BATCH_SECONDS_MAX
            while self._queue and len(batch.works) < WORKS_PER_COMMIT_MAX:
                batch.works.append(self._queue.popleft())
                batch.outcomes.append(self._run_work(batch.works[-1].work))
                if time.monotonic() > deadline:
                    break
            self._commit(batch.outcomes)
        except _Failed as failure:
            self._roll_back()
            if not batch.works:
                # Not even a transaction could be begun: whoever asked first hears it.
                batch.works.append(self._queue.popleft())
            log.warning("batch rolled back", extra={"works": len(batch.works), "why": _why(failure)})
            batch.outcomes = []
            for waiting in batch.works:
                outcome, trouble = self._run_alone(waiting.work)
                batch.outcomes.append(outcome)
                if trouble is not None or outcome.wrote:
                    batch.trouble = trouble
        return batch

    def _run_alone(self, work: Work[Any]) -> tuple[_Outcome, str | None]:
        """One work in a transaction of its own, after the batch that it was in had failed."""
        self.counts.retried += 1
        try:
            self._step("BEGIN IMMEDIATE")
            outcome = self._run_work(work)
            self._commit([outcome])
        except _Failed as failure:
            self._roll_back()
            self.counts.failed += 1
            cause = failure.__cause__
            if isinstance(cause, TookTooLong):
                return _Outcome(error=cause), None
            if isinstance(cause, self._driver.IntegrityError):
                # An invariant that is looked at only when the transaction ends.
                return _Outcome(error=Conflict(str(cause))), None
            trouble = _medium_at_fault(cause) if cause else None
            error = Unavailable(trouble) if trouble else StorageError(_why(failure))
            return _Outcome(error=error), trouble
        return outcome, None

    def _run_work(self, work: Work[Any]) -> _Outcome:
        """Run one work in its savepoint. Its own exceptions are its outcome; what spoils the batch is raised."""
        changes = self._connection._conn.total_changes
        self._step("SAVEPOINT work")
        tx = Transaction(self._driver, self._connection._conn, WORK_SECONDS_MAX, self._token)
        try:
            with self._watched(self._connection, tx):
                result = _run_through(work(tx))
        except _Failed:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a work raises is for its caller
            try:
                self._step("ROLLBACK TO work")
                self._step("RELEASE work")
            except _Failed:
                # A statement that is stopped while it writes takes the whole transaction with it.
                if isinstance(error, TookTooLong):
                    raise _Failed from error
                raise
            return _Outcome(error=error if isinstance(error, Exception) else StorageError(type(error).__name__))
        self._step("RELEASE work")
        return _Outcome(result=result, tx=tx, wrote=self._connection._conn.total_changes != changes)

    def _answer_question(self, question: Question[R]) -> R:
        # An old reader keeps the write-ahead log from being emptied, so its age is limited.
        reader = Reader(self._driver, self._reading._conn, READ_SECONDS_MAX)
        try:
            reader._run("BEGIN", ())
            with self._watched(self._reading, reader):
                return _run_through(question(reader))
        except _Failed as failure:
            trouble = _medium_at_fault(failure.__cause__) if failure.__cause__ else None
            raise (Unavailable(trouble) if trouble else StorageError(_why(failure))) from failure.__cause__
        finally:
            # Where SQLite has ended the view by itself there is nothing to end.
            self._reading._conn.rollback()

    def _commit(self, outcomes: Sequence[_Outcome]) -> None:
        if _wipes(outcomes):
            self._remove_copies()
            # A crash between the commit and the scrubbing: it is done when the file is opened again.
            self._step("INSERT INTO meta VALUES ('scrub', 1) ON CONFLICT (name) DO UPDATE SET value = 1")
        self._step("COMMIT")
        self.counts.commits += 1
        self.counts.works += len(outcomes)

    def _remove_copies(self) -> None:
        """What is erased must not live on in a copy made before a change of schema."""
        try:
            for copy in self.path.parent.glob(f"{glob.escape(self.path.name)}.before-*"):
                copy.unlink()
        except OSError as error:
            raise _Failed from error

    def remove_old_copies(self, *, before: datetime) -> None:
        """Copies made before a change of schema are for going back: after a while nobody does."""
        for copy in self.path.parent.glob(f"{glob.escape(self.path.name)}.before-*"):
            with contextlib.suppress(OSError):
                if copy.stat().st_mtime < before.timestamp():
                    copy.unlink()

    def _roll_back(self) -> None:
        # SQLite may already have rolled back by itself; then there is nothing to undo.
        if self._connection._conn.in_transaction:
            with contextlib.suppress(self._driver.Error):
                self._connection._conn.execute("ROLLBACK")

    def _step(self, sql: str) -> None:
        try:
            self._connection._conn.execute(sql)
        except self._driver.Error as error:
            raise _Failed from error

    def _watch_time(self, connection: aiosqlite.Connection) -> None:
        """Have SQLite ask, every so many steps of a statement, whether it has taken longer than it may."""

        def overdue() -> int:
            running = self._running.get(connection)
            return int(running is not None and running.overdue)

        connection._conn.set_progress_handler(overdue, STEPS_BETWEEN_LOOKS)

    @contextlib.contextmanager
    def _watched(self, connection: aiosqlite.Connection, reader: Reader) -> Iterator[None]:
        self._running[connection] = reader
        try:
            yield
        finally:
            del self._running[connection]


def _wipes(outcomes: Sequence[_Outcome]) -> bool:
    return any(outcome.tx is not None and outcome.tx.wipe for outcome in outcomes)


def _run_through(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that waits for nothing outside."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("a unit of work may wait for nothing but its transaction")


@contextlib.asynccontextmanager
async def look(path: Path, *, key: str | None) -> AsyncIterator[Reader]:
    """Open a file to ask questions only, also beside a running bot; nothing is made, changed or brought up to date.

    Raises FileNotFoundError, WrongKey, NewerSchema, OlderSchema, StorageError where the driver for a key is missing,
    or Unavailable.
    """
    if not await asyncio.to_thread(path.exists):
        # SQLite would make it.
        raise FileNotFoundError
    driver = _driver(key)
    connection = _connection(driver, path, key)
    try:
        await connection
        await connection.execute_fetchall("PRAGMA query_only = ON")
        [(found,)] = await connection.execute_fetchall("PRAGMA user_version")
        await connection.execute_fetchall("SELECT count(*) FROM sqlite_schema")
        newest = len(_migrations())
        if found != newest:
            raise NewerSchema if found > newest else OlderSchema
        yield Reader(driver, connection._conn, LOOK_SECONDS_MAX)
    except driver.DatabaseError as error:
        raise opening_failed(path, error) from error
    except _Failed as failure:
        raise Unavailable(_why(failure)) from failure.__cause__
    finally:
        with contextlib.suppress(ValueError):
            await connection.close()


def opening_failed(path: Path, error: Exception) -> StorageError:
    """What an error of the driver means to whoever opened the file."""
    if "not a database" in str(error) or "encrypted" in str(error):
        return WrongKey(str(path))
    return Unavailable(_medium_at_fault(error) or type(error).__name__)


async def _try_to_write(tx: Transaction) -> None:
    # A page has to be written for a full disk to show.
    await tx.execute("UPDATE meta SET value = value + 1 WHERE name = 'mend_tries'")


def _why(failure: _Failed) -> str:
    cause = failure.__cause__
    return (_medium_at_fault(cause) or type(cause).__name__) if cause else "no longer in a transaction"


# --- opening, in detail ----------------------------------------------------------------------------------------


def _driver(key: str | None) -> Any:
    if key is None:
        return sqlite3
    try:
        from sqlcipher3 import dbapi2
    except ImportError as error:
        raise StorageError("encryption needs the extra sqlcipher") from error
    return dbapi2


def connected(path: Path, key: str | None) -> Any:
    """A plain connection of the driver that the key needs, for what is done to a whole file while nobody writes.

    Raises StorageError where the driver is missing; a wrong key shows with the first statement.
    """
    return _connect(_driver(key), path, key)


def quoted_key(key: str) -> str:
    """The key as a PRAGMA takes it: raw where it is 64 hex digits, which skips the derivation; else a passphrase."""
    raw = re.fullmatch(r"[0-9a-fA-F]{64}", key)
    return f"\"x'{key}'\"" if raw else "'" + key.replace("'", "''") + "'"


def _connect(driver: Any, path: Path, key: str | None) -> Any:
    connection = driver.connect(str(path), isolation_level=None, timeout=5.0, check_same_thread=False)
    if key is not None:
        # Otherwise it writes lines of its own to standard error when the key is wrong.
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = {quoted_key(key)}")
    return connection


def _connection(driver: Any, path: Path, key: str | None) -> aiosqlite.Connection:
    connection = aiosqlite.Connection(lambda: _connect(driver, path, key), iter_chunk_size=64)
    # Otherwise a crash elsewhere leaves the process hanging on the connection's thread.
    connection._thread.daemon = True
    return connection


async def _prepare(connection: aiosqlite.Connection) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        # Otherwise INSERT OR REPLACE takes rows out without asking the triggers that keep them.
        "recursive_triggers = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
        "journal_size_limit = 4194304",
    ):
        await connection.execute_fetchall(f"PRAGMA {pragma}")


def newest_schema() -> int:
    """The schema that this version of the program makes."""
    return len(_migrations())


def _migrations() -> list[Traversable]:
    """The steps of the schema, oldest first: the file of step n begins with n."""
    folder = resources.files("storage") / "migrations" / "sqlite"
    named = {file.name: file for file in folder.iterdir()}
    names = sorted(name for name in named if name.endswith(".sql"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    return [named[name] for name in names]


def _scrub(connection: Any) -> bool:
    """Remove from the files what is left of erased words. False: somebody reads, so the log could not be cut.

    `secure_delete` overwrites what is deleted, but not what a row has left behind on a page when it moved to another
    (found by looking for erased words in the file's bytes): the file is written anew.
    """
    connection.execute("VACUUM")
    [(blocked, _, _)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if not blocked:
        connection.execute("UPDATE meta SET value = 0 WHERE name = 'scrub'")
    return not blocked


async def _scrub_after_a_crash(connection: aiosqlite.Connection, driver: Any) -> bool:
    """Do what was left undone when the program last ended. False: it is still to be done."""
    [(begun,)] = await connection.execute_fetchall("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'")
    if not begun:
        return True
    if not await connection.execute_fetchall("SELECT 1 FROM meta WHERE name = 'scrub' AND value = 1"):
        return True
    try:
        done: bool = await connection._execute(_scrub, connection._conn)  # type: ignore[no-untyped-call]
    except driver.Error as error:
        log.error("erased words not scrubbed away yet", extra={"why": _medium_at_fault(error) or type(error).__name__})
        return False
    return done


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    files = _migrations()
    newest = len(files)
    [(found,)] = await connection.execute_fetchall("PRAGMA user_version")
    if found > newest:
        raise NewerSchema(f"{found} > {newest}")
    if found == newest:
        return
    if found:
        await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        await asyncio.to_thread(shutil.copyfile, path, path.with_name(f"{path.name}.before-{newest:04}"))
    steps = [statement for file in files[found:] for statement in _split(file.read_text("utf-8"))]

    def carry_out() -> None:
        # All in the connection's thread: to change threads for each of hundreds takes as long as what most of them do.
        for statement in ("BEGIN IMMEDIATE", *steps, f"PRAGMA user_version = {newest}", "COMMIT"):
            connection._conn.execute(statement).fetchall()

    await connection._execute(carry_out)  # type: ignore[no-untyped-call]


def _split(script: str) -> list[str]:
    """The statements of a script; a trigger, with its inner semicolons, is one."""
    statements, waiting = [], ""
    for line in script.splitlines(keepends=True):
        waiting += line
        if sqlite3.complete_statement(waiting):
            statements.append(waiting)
            waiting = ""
    return statements
