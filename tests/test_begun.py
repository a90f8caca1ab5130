"""A practice that goes on with a copy of one that was begun is as if it had been begun anew."""

from __future__ import annotations

from pathlib import Path

from bot.practice import DATABASE, SCRIPT_START, Begun, FixedClock, Practice, run_script
from storage.database import Reader, Row
from tests import schema
from tests.conftest import Riverside

SCRIPT = """
hillside is not linked
ana: /thank @ben 1h30 fixed the bike
ben: [My balance]
dan joins
dan: /join
chi (dm): /menu
ana: /poll Where do we meet? / Library / Park
eli @matrix (dm): /start
skip 2d
hillside/dora: /thank @emil 2h
"""


class Seen:
    """What a practice was like at its beginning and at its end."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.begun: list[Begun] = []
        self.rows: list[dict[str, list[Row]]] = []

    def line(self, where: str, what: str) -> None:
        self.said.append((where, what))

    async def look(self, practice: Practice) -> None:
        self.begun.append(practice.begun())
        self.rows.append(await practice.app.database.read(everything))


async def everything(tx: Reader) -> dict[str, list[Row]]:
    tables = [name for (name,) in await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    return {name: sorted(await tx.all(f"SELECT * FROM {name}"), key=repr) for name in tables}


async def lived(practice: Practice, seen: Seen) -> None:
    await seen.look(practice)
    await run_script(practice, SCRIPT)
    await seen.look(practice)
    await practice.close()


async def test_going_on_with_a_copy_is_as_beginning_anew(riverside: Riverside, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("anew", "copy", "again")]
    for folder in folders:
        folder.mkdir()
    anew, copy, again = Seen(), Seen(), Seen()
    schema.write_new(folders[0] / DATABASE)
    clock = FixedClock(SCRIPT_START)
    await lived(await Practice.open(folders[0], line=anew.line, clock=clock, repeatable=True), anew)
    # Twice: what the first one does is no part of what the second one is given.
    for seen, folder in ((copy, folders[1]), (again, folders[2])):
        await lived(await riverside.opened(folder, seen.line), seen)
        assert seen.begun == anew.begun
        assert seen.rows == anew.rows
        assert seen.said == anew.said
    assert len(anew.said) > 15
