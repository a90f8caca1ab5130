"""`solibot export`: a committee's books for other programs, read beside a bot that may be running."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.app import utc_now
from bot.config import WrongConfig, load
from bot.domain import statements
from bot.practice import DATABASE
from storage import inspection, people
from storage import statements as rows
from storage.database import Reader, StorageError, fresh_token, look


class CannotExport(Exception):
    """Nothing was written; `sentences` say why, `code` is the exit code."""

    def __init__(self, *sentences: str, code: int = 1) -> None:
        super().__init__()
        self.sentences, self.code = sentences, code


def export(form: statements.Form, *, committee: str | None, config: Path | None, data: Path | None) -> str:
    """The books as text. Raises CannotExport."""
    file, key = database_of(config, data)
    try:
        return asyncio.run(_read(file, key, form, committee))
    except FileNotFoundError:
        raise CannotExport(f"There is no database in {file.parent} yet.") from None
    except StorageError as error:
        raise CannotExport(
            f"The database cannot be read ({type(error).__name__}). “solibot check” tells more."
        ) from None


def database_of(config: Path | None, data: Path | None) -> tuple[Path, str | None]:
    """Where the database is, and its key. A practice folder needs no settings. Raises CannotExport."""
    if data is not None and config is None and (data / DATABASE).exists():
        return data / DATABASE, None
    try:
        settings = load(config, data=data)
    except WrongConfig as wrong:
        raise CannotExport(*wrong.sentences, code=2) from None
    return settings.database_file, settings.database_key


async def _read(file: Path, key: str | None, form: statements.Form, wanted: str | None) -> str:
    async with look(file, key=key) as tx:
        books = await rows.books(tx, await meant(tx, wanted), now=utc_now())
    return statements.exported(books, form, fresh_token())


async def meant(tx: Reader, wanted: str | None) -> people.Committee:
    """The committee of this name or id, or the only one. Raises CannotExport."""
    all_ = [await people.committee(tx, id_) for id_ in await inspection.committees(tx)]
    found = [one for one in all_ if wanted is None or wanted == one.uid or one.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        names = ", ".join(f"{one.name} ({one.uid})" for one in all_) or "none"
        raise CannotExport(f"Name one committee with --committee, by its name or its id. There are: {names}.")
    return found[0]
