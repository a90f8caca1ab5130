"""The file of a database with the newest schema and nobody in it, made once in a process."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.database import Database


def write_new(path: Path, *, key: str | None = None) -> None:
    """Put it there, encrypted where a key is given, as the program would make it.

    All the steps of the schema take ten times as long as opening what they have made. That they do it right is tested
    in test_database.py.
    """
    path.write_bytes(_made(key))


@functools.cache
def _made(key: str | None) -> bytes:
    async def make(path: Path) -> None:
        await (await Database.open(path, key=key)).close()

    # In a thread of its own: where a test asks first, its loop is running.
    with TemporaryDirectory(prefix="solibot-test-") as folder, ThreadPoolExecutor(1) as beside:
        path = Path(folder) / "data.sqlite"
        beside.submit(lambda: asyncio.run(make(path))).result()
        return path.read_bytes()
