"""The database: the only BEGIN, COMMIT and ROLLBACK, and the only import of a database driver.

One writer task runs waiting units of work one after another inside one transaction, each in a savepoint of its own,
and commits them together: one fsync serves all that waited. A caller resumes only when its work is durable.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

log = logging.getLogger(__name__)

R = TypeVar("R")
Row = tuple[Any, ...]
Value = str | int | bytes | None

WORKS_PER_COMMIT_MAX = 128
BATCH_SECONDS_MAX = 0.005
WORK_SECONDS_MAX = 20.0
READ_SECONDS_MAX = 60.0
WAITING_WORKS_MAX = 10_000
MEND_SECONDS = 1.0


class StorageError(Exception):
    """The database did not do what was asked."""


class Unavailable(StorageError):
    """Nothing can be stored now (disk full, read-only, broken); nothing was. Try again when `Database.mended`."""


class WrongKey(StorageError):
    """The file cannot be read: it is encrypted with another key, or not a database."""


class NewerSchema(StorageError):
    """The file was written by a newer version of the program."""


class Conflict(StorageError):
    """A unit of work broke an invariant of the schema; it has no effect."""


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

    def __init__(self, connection: aiosqlite.Connection, integrity_error: type[Exception]) -> None:
        self._connection = connection
        self._integrity_error = integrity_error

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Every row. The statement must limit them."""
        return await self._run([], sql, values)

    async def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        rows = await self._run([], sql, values)
        return rows[0] if rows else None

    async def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        row = await self.one(sql, *values)
        return row[0] if row else None

    async def _run(
        self, before: Sequence[tuple[str, Sequence[Value]]], sql: str | None, values: Sequence[Value]
    ) -> list[Row]:
        # All statements in one step of the connection's thread: a step costs more than a statement.
        rows: list[Row] = await self._connection._execute(  # type: ignore[no-untyped-call]
            _statements, self._connection, before, sql, values
        )
        return rows


def _statements(
    connection: aiosqlite.Connection,
    before: Sequence[tuple[str, Sequence[Value]]],
    sql: str | None,
    values: Sequence[Value],
) -> list[Row]:
    driver = connection._conn
    for statement, its_values in before:
        driver.execute(statement, its_values)
    return driver.execute(sql, values).fetchall() if sql is not None else []


class Transaction(Reader):
    """The proof that a unit of work is open. Nothing outside it may be changed by a work: it can run twice.

    Writes wait until the next question or the end of the savepoint and go to the database in one step with it, so
    their errors surface there; no work catches them.
    """

    def __init__(
        self, connection: aiosqlite.Connection, integrity_error: type[Exception], token: Callable[[], str]
    ) -> None:
        super().__init__(connection, integrity_error)
        self.token = token
        """A new unguessable word of 16 letters and digits, from the source the database was opened with."""
        self._waiting: list[tuple[str, Sequence[Value]]] = []
        self.outgoing: list[Any] = []
        """What storage wants known after the commit (rows of the outbox): given to `Database.on_commit`."""
        self.wipe = False
        """Set when something was erased: the commit then empties the write-ahead log too."""
        self.memory: dict[str, Any] = {}
        """What storage has looked up in this work and may use again."""

    async def execute(self, sql: str, *values: Value) -> None:
        """Write, at the latest when the savepoint ends."""
        self._waiting.append((sql, values))

    async def _run(
        self, before: Sequence[tuple[str, Sequence[Value]]], sql: str | None, values: Sequence[Value]
    ) -> list[Row]:
        waiting, self._waiting = self._waiting, []
        try:
            return await super()._run([*waiting, *before], sql, values)
        except self._integrity_error as error:
            raise Conflict(_constraint(error)) from error
        except Exception as error:
            raise _Failed from error

    async def flush(self) -> None:
        """Carry out what waits."""
        if self._waiting:
            await self._run([], None, ())

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """All of it or, when an exception leaves it, nothing of it."""
        await self.flush()
        await self.execute("SAVEPOINT inner_work")
        outgoing = len(self.outgoing)
        try:
            yield
            await self.execute("RELEASE inner_work")
            await self.flush()
        except _Failed:
            raise
        except BaseException:
            # A write that still waits was never carried out; the savepoint itself may be among them.
            begun = ("SAVEPOINT inner_work", ()) not in self._waiting
            self._waiting.clear()
            self.memory.clear()
            del self.outgoing[outgoing:]
            if begun:
                await self._run([("ROLLBACK TO inner_work", ()), ("RELEASE inner_work", ())], None, ())
            raise


def _constraint(error: BaseException) -> str:
    """The name of what was broken, without the row's values (SQLite's messages name columns only)."""
    return str(error)


Work = Callable[[Transaction], Awaitable[R]]
Question = Callable[[Reader], Awaitable[R]]
Outcome = tuple[Any, BaseException | None, "Transaction | None"]


@dataclass(slots=True)
class _Waiting:
    work: Work[Any]
    done: asyncio.Future[Any]


@dataclass(slots=True)
class Counts:
    """What the writer has done since it was opened; for `status` and benchmarks."""

    commits: int = 0
    works: int = 0
    retried: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Medium:
    trouble: str | None = None
    sound: asyncio.Event = field(default_factory=asyncio.Event)


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
        self._token = token
        self.counts = Counts()
        self.on_commit: Callable[[list[Any]], None] | None = None
        self._connection = connection
        self._reading = reading
        self._driver = driver
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(WAITING_WORKS_MAX)
        self._read_lock = asyncio.Lock()
        self._medium = _Medium()
        self._medium.sound.set()
        self._closed = False
        self._writer = asyncio.create_task(self._write(), name="database writer")

    # --- opening ---------------------------------------------------------------------------------------------

    @classmethod
    async def open(cls, path: Path, *, key: str | None = None, token: Callable[[], str] = fresh_token) -> Database:
        """Open or create the file, encrypted where a key is given, and bring its schema up to date.

        `token` is the source of tokens and ids; practice and tests give one that repeats.

        Raises WrongKey, NewerSchema, or Unavailable where the medium is at fault.
        """
        driver = _driver(key)
        connection = _connection(driver, path, key)
        try:
            await connection
            try:
                await _prepare(connection)
                await _migrate(connection, path)
            except driver.DatabaseError as error:
                if "not a database" in str(error) or "encrypted" in str(error):
                    raise WrongKey(str(path)) from error
                raise Unavailable(_medium_at_fault(error) or type(error).__name__) from error
            reading = _connection(driver, path, key)
            await reading
            await reading.execute_fetchall("PRAGMA query_only = ON")
        except driver.OperationalError as error:
            raise Unavailable(_medium_at_fault(error) or type(error).__name__) from error
        except BaseException:
            with contextlib.suppress(ValueError):
                await connection.close()
            raise
        return cls(path, connection, reading, driver=driver, token=token)

    async def close(self) -> None:
        """Finish the waiting works and shut the file."""
        if self._closed:
            return
        self._closed = True
        await self._queue.put(None)
        await self._writer
        await self._reading.close()
        await self._connection.close()

    # --- asking ----------------------------------------------------------------------------------------------

    async def transact(self, work: Work[R]) -> R:
        """Run a unit of work and return its result once that is durable.

        What the work raises is raised here, and the work has had no effect. It may run twice: it must change
        nothing but the transaction it is given. Raises Unavailable when nothing can be stored.
        """
        if self._closed:
            raise Closed
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Waiting(work, done))
        # A caller that is cancelled only stops waiting; the writer goes on.
        return await done

    async def read(self, question: Question[R]) -> R:
        """Ask on a connection of its own, which sees only what is committed and never waits for the writer."""
        if self._closed:
            raise Closed
        async with self._read_lock:
            await self._reading.execute_fetchall("BEGIN")
            try:
                # An old reader keeps the write-ahead log from being emptied, so its age is limited.
                async with asyncio.timeout(READ_SECONDS_MAX):
                    return await question(Reader(self._reading, self._driver.IntegrityError))
            finally:
                await self._reading.execute_fetchall("ROLLBACK")

    @property
    def trouble(self) -> str | None:
        """What is wrong with the medium, in a word or two; None while it is sound."""
        return self._medium.trouble

    async def mended(self) -> None:
        """Return when works can be stored (again)."""
        while not self._medium.sound.is_set():
            with contextlib.suppress(Unavailable):
                await self.transact(_try_to_write)
                return
            await asyncio.sleep(MEND_SECONDS)

    # --- the writer ------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        while (first := await self._queue.get()) is not None:
            batch, outcomes, closing = [first], [], False
            try:
                await self._begin()
                deadline = time.monotonic() + BATCH_SECONDS_MAX
                outcomes.append(await self._work(first))
                while len(batch) < WORKS_PER_COMMIT_MAX and time.monotonic() < deadline:
                    if self._queue.empty():
                        # Those who are about to ask get one turn of the loop to do so.
                        await asyncio.sleep(0)
                    if self._queue.empty():
                        break
                    following = self._queue.get_nowait()
                    if following is None:
                        closing = True
                        break
                    batch.append(following)
                    outcomes.append(await self._work(following))
                await self._commit(outcomes)
            except _Failed as failure:
                await self._rollback()
                log.warning("batch rolled back", extra={"works": len(batch), "why": _why(failure)})
                outcomes = [await self._alone(waiting) for waiting in batch]
            except Exception as error:
                # A fault of this module must not leave callers waiting for ever.
                log.critical("writer failed", exc_info=error)
                await self._rollback()
                outcomes = [(None, StorageError(type(error).__name__), None) for _ in batch]
            self._answer(batch, outcomes)
            if closing:
                return

    async def _alone(self, waiting: _Waiting) -> Outcome:
        """One work in a transaction of its own, after the batch that it was in had failed."""
        self.counts.retried += 1
        try:
            await self._begin()
            outcome = await self._work(waiting)
            await self._commit([outcome])
        except _Failed as failure:
            await self._rollback()
            self.counts.failed += 1
            cause = failure.__cause__ or failure
            why = _medium_at_fault(cause)
            if why is None:
                return None, StorageError(type(cause).__name__), None
            self._troubled(why)
            return None, Unavailable(why), None
        else:
            return outcome

    async def _begin(self) -> None:
        await self._step("BEGIN IMMEDIATE")

    async def _commit(self, outcomes: Sequence[Outcome]) -> None:
        await self._step("COMMIT")
        self.counts.commits += 1
        self.counts.works += len(outcomes)
        if not self._medium.sound.is_set():
            log.warning("storage mended")
            self._medium.trouble = None
            self._medium.sound.set()
        if any(tx is not None and tx.wipe for _, error, tx in outcomes if error is None):
            await self._empty_log()

    async def _rollback(self) -> None:
        # SQLite may already have rolled back by itself; then there is nothing to undo.
        if self._connection.in_transaction:
            with contextlib.suppress(self._driver.Error):
                await self._connection.execute_fetchall("ROLLBACK")

    async def _work(self, waiting: _Waiting) -> Outcome:
        """Run one work in its savepoint. Its own exceptions are its outcome; what spoils the batch is raised."""
        tx = Transaction(self._connection, self._driver.IntegrityError, self._token)
        await tx.execute("SAVEPOINT work")
        try:
            async with asyncio.timeout(WORK_SECONDS_MAX):
                result = await waiting.work(tx)
                await tx.execute("RELEASE work")
                await tx.flush()
        except _Failed:
            raise
        except BaseException as error:
            if isinstance(error, TimeoutError):
                await self._connection.interrupt()
            if not self._connection.in_transaction:
                raise _Failed from error
            begun = ("SAVEPOINT work", ()) not in tx._waiting
            tx._waiting.clear()
            if begun:
                await self._step("ROLLBACK TO work")
                await self._step("RELEASE work")
            if not isinstance(error, Exception):
                raise
            return None, error, None
        if not self._connection.in_transaction:
            raise _Failed
        return result, None, tx

    async def _step(self, sql: str) -> None:
        try:
            await self._connection.execute_fetchall(sql)
        except self._driver.Error as error:
            raise _Failed from error

    def _answer(self, batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        outgoing: list[Any] = []
        for waiting, (result, error, tx) in zip(batch, outcomes, strict=True):
            if tx is not None:
                outgoing += tx.outgoing
            if waiting.done.cancelled():
                continue
            if error is not None:
                waiting.done.set_exception(error)
            else:
                waiting.done.set_result(result)
        if outgoing and self.on_commit is not None:
            self.on_commit(outgoing)

    def _troubled(self, why: str) -> None:
        if self._medium.sound.is_set():
            log.critical("storage in trouble", extra={"why": why})
        self._medium.trouble = why
        self._medium.sound.clear()

    async def _empty_log(self) -> None:
        """Move everything from the write-ahead log into the file and cut it to nothing."""
        async with self._read_lock:
            for _ in range(3):
                rows = list(await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)"))
                if rows and rows[0][0] == 0:
                    break
                await asyncio.sleep(0.05)
            else:
                log.error("write-ahead log not emptied")
        # What was erased must not live on in a copy made before a change of schema.
        for copy in self.path.parent.glob(f"{self.path.name}.before-*"):
            copy.unlink()


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


def _connection(driver: Any, path: Path, key: str | None) -> aiosqlite.Connection:
    def connect() -> Any:
        connection = driver.connect(str(path), isolation_level=None, timeout=5.0, check_same_thread=False)
        if key is not None:
            # A raw key of 64 hex digits skips the key derivation; anything else is a passphrase.
            raw = re.fullmatch(r"[0-9a-fA-F]{64}", key)
            quoted = f"\"x'{key}'\"" if raw else "'" + key.replace("'", "''") + "'"
            connection.execute(f"PRAGMA key = {quoted}")
        return connection

    connection = aiosqlite.Connection(connect, iter_chunk_size=64)
    # Otherwise a crash elsewhere leaves the process hanging on the connection's thread.
    connection._thread.daemon = True
    return connection


async def _prepare(connection: aiosqlite.Connection) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
        "journal_size_limit = 4194304",
    ):
        await connection.execute_fetchall(f"PRAGMA {pragma}")


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    folder = resources.files("storage") / "migrations" / "sqlite"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    newest = int(files[-1].name[:4])
    [(found,)] = await connection.execute_fetchall("PRAGMA user_version")
    if found > newest:
        raise NewerSchema(f"{found} > {newest}")
    if found == newest:
        return
    if found:
        await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        await asyncio.to_thread(shutil.copyfile, path, path.with_name(f"{path.name}.before-{newest:04}"))
    await connection.execute_fetchall("BEGIN IMMEDIATE")
    for file in files[found:]:
        for statement in _split(file.read_text("utf-8")):
            await connection.execute_fetchall(statement)
    await connection.execute_fetchall(f"PRAGMA user_version = {newest}")
    await connection.execute_fetchall("COMMIT")


def _split(script: str) -> list[str]:
    """The statements of a script; a trigger, with its inner semicolons, is one."""
    statements, waiting = [], ""
    for line in script.splitlines(keepends=True):
        waiting += line
        if sqlite3.complete_statement(waiting):
            statements.append(waiting)
            waiting = ""
    return statements
