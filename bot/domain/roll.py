"""The roll: lists of people as they come out of a table, and which of their rows are somebody new.

A list is CSV with a comma, a semicolon or a tab between its columns, with or without a line of headings. Only names,
who speaks for somebody, and whose child somebody is are read: telephone numbers and addresses are passed over.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from bot.domain.grammar import folded

ROWS_MAX = 500
NAME_CHARACTERS_MAX = 60
NICKNAME_CHARACTERS_MAX = 30
HELPED_MAX = 10
"""For so many people without an account one member may speak who is no organizer."""
CLAIM_WITHIN = timedelta(days=7)
"""So long a code works: it may travel on paper."""

Column = Literal["name", "nickname", "helper", "child_of"]
Why = Literal[
    "quotes",
    "no_name",
    "long_name",
    "bad_nickname",
    "too_many",
    "already",
    "twice",
    "taken_nickname",
    "no_helper",
    "unsure_helper",
    "helper_cannot",
    "no_parent",
    "unsure_parent",
    "parent_is_child",
]

_COLUMNS: tuple[Column, ...] = ("name", "nickname", "helper", "child_of")
_WRITTEN: dict[Column, tuple[str, ...]] = {
    "name": ("name", "names", "full name", "nombre", "nombres", "nombre y apellidos", "vorname", "namen"),
    "nickname": ("nickname", "called", "apodo", "mote", "spitzname", "rufname"),
    "helper": (
        "helper",
        "spoken for by",
        "ayudante",
        "habla por",
        "quien habla",
        "hilfe",
        "spricht für",
        "wer spricht",
    ),
    "child_of": ("child of", "child", "parent", "hijo de", "hija de", "hije de", "kind von", "kind"),
}
_HEADINGS = {heading: column for column, headings in _WRITTEN.items() for heading in headings}
_CONTACT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[0-9][0-9()/.\s-]{4,}", re.ASCII)
_LINE_END = re.compile(r"\r\n|\r|\n")
_SNIFFED_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Somebody on a list, as it was written. `line` counts from 1."""

    line: int
    name: str
    nickname: str | None = None
    helper: str | None = None
    child_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A line that cannot be taken, and why. `word`: what it is about, shortened. `lines`: so many from this one on."""

    line: int
    why: Why
    word: str = ""
    lines: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """What a table says: the rows that can be read, and the lines that cannot."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A member by whom a row may be found, or whom it may double. Names are folded, see `grammar.folded`."""

    id: int
    name: str
    nickname: str | None = None
    usernames: tuple[str, ...] = ()
    child: bool = False
    helper_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Somebody who may be added.

    Of `parent_id` (a member) and `parent_line` (of the same list) one is set for children.
    `helper_id`: who speaks for them; None: whoever brings the list.
    """

    line: int
    name: str
    nickname: str | None
    helper_id: int | None = None
    parent_id: int | None = None
    parent_line: int | None = None

    @property
    def child(self) -> bool:
        """Children have no hours, no turns and no vote."""
        return self.parent_id is not None or self.parent_line is not None


def read(text: str) -> List:
    """Read a table. Never raises; every line with something on it is either a row or a problem."""
    lines = split(text)
    columns: list[Column | None] | None = None
    rows: list[Row] = []
    problems: list[Problem] = []
    if lines and (headings := _headings(lines[0].cells or ())) is not None:
        columns, lines = headings, lines[1:]
    for line in lines[:ROWS_MAX]:
        if line.cells is None:
            problems.append(Problem(line=line.number, why="quotes", word=clipped(line.text)))
            continue
        found = _row(line.number, line.cells, columns)
        if isinstance(found, Row):
            rows.append(found)
        else:
            problems.append(found)
    if left := lines[ROWS_MAX:]:
        problems.append(Problem(line=left[0].number, why="too_many", lines=len(left)))
    return List(rows=tuple(rows), problems=tuple(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a table. `number` counts from 1; `cells`: None where its quotation marks do not fit."""

    number: int
    text: str
    cells: list[str] | None


def split(text: str) -> list[Line]:
    """The lines of a table that have something on them, with their cells, whatever stands between those."""
    lines = [
        (number, line)
        for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), start=1)
        if line.strip(" \t,;\"'\ufeff\x00")
    ]
    separator = None
    if lines and (told := re.fullmatch(r"sep=([,;\t])", lines[0][1].strip(" "))):
        # How spreadsheets say it.
        separator, lines = told[1], lines[1:]
    separator = separator or _separator([line for _, line in lines[:_SNIFFED_LINES]])
    return [Line(number=number, text=line, cells=_cells(line, separator)) for number, line in lines]


def _separator(lines: Sequence[str]) -> str:
    """What stands between the columns: whatever parts most lines; a comma where nothing does."""
    counts = {
        separator: [len(cells) for line in lines if len(cells := _cells(line, separator) or []) > 1]
        for separator in ("\t", ";", ",")
    }
    # Where each line has a decimal comma too, the other sign parts it into more cells.
    return max(counts, key=lambda separator: (len(counts[separator]), sum(counts[separator]), separator == ","))


def _cells(line: str, separator: str) -> list[str] | None:
    """The cells of one line, cleaned; None: its quotation marks do not fit."""
    if line.count('"') % 2:
        return None
    try:
        found = next(csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True), [])
    except csv.Error:
        return None
    return [_cleaned(cell) for cell in found]


def _cleaned(cell: str) -> str:
    # Marks that turn the direction of writing would let a name rewrite the line that it stands in.
    kept = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in cell)
    return " ".join(re.sub("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", "", kept).split())


def _headings(cells: Sequence[str]) -> list[Column | None] | None:
    """What each column holds, where these cells are headings; None: they are not."""
    columns: list[Column | None] = []
    for cell in cells:
        column = _HEADINGS.get(folded(cell).rstrip(":"))
        columns.append(column if column not in columns else None)
    return columns if "name" in columns else None


def _row(number: int, cells: Sequence[str], columns: Sequence[Column | None] | None) -> Row | Problem:
    values: dict[Column, str] = {
        column: cell
        for cell, column in zip(cells, columns or _COLUMNS, strict=False)
        if column is not None and cell and not _CONTACT.fullmatch(cell)
    }
    name = values.get("name", "")
    if (why := fault_of_name(name)) is not None:
        return Problem(line=number, why=why, word=clipped(name))
    nickname = values.get("nickname")
    if nickname is not None and (len(nickname) > NICKNAME_CHARACTERS_MAX or fault_of_name(nickname) is not None):
        return Problem(line=number, why="bad_nickname", word=clipped(nickname))
    return Row(line=number, name=name, nickname=nickname, helper=values.get("helper"), child_of=values.get("child_of"))


def fault_of_name(name: str) -> Literal["no_name", "long_name"] | None:
    """Why nobody can be called this; None: somebody can."""
    if len(name) > NAME_CHARACTERS_MAX:
        return "long_name"
    return None if any(letter.isalpha() for letter in name) and name[0] not in "/@!" else "no_name"


def clipped(word: str) -> str:
    """A word of a table, short enough to be told."""
    word = _cleaned(word)
    return word if len(word) <= 30 else word[:29] + "…"


# --- who of them is new ----------------------------------------------------------------------------------------


def named(known: Iterable[Known], word: str) -> list[Known]:
    """Whom a word may mean: by username; else by nickname or whole name; else by first name."""
    key = folded(word.removeprefix("@"))
    everybody = list(known)
    by_username = [one for one in everybody if key in one.usernames]
    by_name = [one for one in everybody if key in (one.name, one.nickname)]
    return by_username or by_name or [one for one in everybody if one.name.split(" ")[0] == key]


def sift(rows: Sequence[Row], known: Sequence[Known]) -> tuple[list[Newcomer], list[Problem]]:
    """Which rows are somebody new, adults before children, and why the others are not added.

    Somebody is a double where the name is the same and not both have a nickname that tells them apart.
    """
    newcomers: list[Newcomer] = []
    problems: list[Problem] = []
    taken: dict[str, set[str | None]] = {}
    """The nicknames of everybody of a name; None: somebody has none."""
    called = {name for one in known for name in (one.nickname,) if name}
    for one in known:
        taken.setdefault(one.name, set()).add(one.nickname)
    here = {one.name for one in known} | called
    # For parents on the list itself: those who are taken, under an id of their line below zero.
    listed: list[Known] = []
    for row in sorted(rows, key=lambda row: (row.child_of is not None, row.line)):
        key, nick = folded(row.name), folded(row.nickname) if row.nickname else None
        nicknames = taken.get(key, set())
        if key in called or (nicknames and (nick is None or None in nicknames or nick in nicknames)):
            problems.append(Problem(line=row.line, why="already" if key in here else "twice", word=clipped(row.name)))
            continue
        if nick is not None and (nick in called or nick in taken) and nick != key:
            problems.append(Problem(line=row.line, why="taken_nickname", word=clipped(row.nickname or "")))
            continue
        settled = _child(row, known, listed) if row.child_of is not None else _adult(row, known)
        if isinstance(settled, Problem):
            problems.append(settled)
            continue
        newcomers.append(settled)
        taken.setdefault(key, set()).add(nick)
        if nick is not None:
            called.add(nick)
        listed.append(Known(id=-row.line, name=key, nickname=nick, child=settled.child))
    return newcomers, sorted(problems, key=lambda problem: problem.line)


def _adult(row: Row, known: Sequence[Known]) -> Newcomer | Problem:
    if row.helper is None:
        return Newcomer(line=row.line, name=row.name, nickname=row.nickname)
    found = named(known, row.helper)
    if len(found) != 1:
        why: Why = "unsure_helper" if found else "no_helper"
        return Problem(line=row.line, why=why, word=clipped(row.helper))
    if found[0].child or found[0].helper_id is not None:
        return Problem(line=row.line, why="helper_cannot", word=clipped(row.helper))
    return Newcomer(line=row.line, name=row.name, nickname=row.nickname, helper_id=found[0].id)


def _child(row: Row, known: Sequence[Known], listed: Sequence[Known]) -> Newcomer | Problem:
    assert row.child_of is not None
    found = named([*known, *listed], row.child_of)
    if len(found) != 1:
        why: Why = "unsure_parent" if found else "no_parent"
        return Problem(line=row.line, why=why, word=clipped(row.child_of))
    parent = found[0]
    if parent.child:
        return Problem(line=row.line, why="parent_is_child", word=clipped(row.child_of))
    return Newcomer(
        line=row.line,
        name=row.name,
        nickname=row.nickname,
        parent_id=parent.id if parent.id > 0 else None,
        parent_line=-parent.id if parent.id < 0 else None,
    )
