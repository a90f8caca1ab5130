"""What was done before the bot counted it: a table of dates, tasks, names and hours. Pure rules.

The table is CSV as `roll.split` takes it. Headings, dates and hours are read in English, Spanish and German; without a
line of headings the columns are date, task, who, hours. What is written here can be read here again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from bot.domain import retention, roll, statements
from bot.domain.grammar import folded, read_duration
from bot.domain.rotation import RATINGS
from bot.domain.shifts import MINUTES_MAX
from bot.text import Refusal

ROWS_MAX = 3_000
TASK_CHARACTERS_MAX = 60
TASKS_MAX = 200
KEPT = retention.SHIFTS
"""What lies further back counts nowhere, and is not taken in."""

Column = Literal["date", "task", "who", "hours", "minutes", "onerousness", "empowerment"]
Why = Literal[
    "quotes", "columns", "no_date", "unsure_date", "ahead", "old", "no_task", "long_task", "no_who", "no_hours",
    "too_long", "rating", "too_many", "too_many_tasks", "nobody", "unsure", "child",
]  # fmt: skip

_COLUMNS: tuple[Column, ...] = ("date", "task", "who", "hours", "onerousness", "empowerment")
_WRITTEN: Mapping[Column, str] = {
    "date": "date|day|fecha|día|dia|datum|tag",
    "task": "task|shift|what|tarea|turno|qué|aufgabe|schicht|dienst|was",
    "who": "who|name|member|person|quién|quien|nombre|integrante|persona|wer|mitglied",
    "hours": "hours|time|duration|horas|tiempo|duración|stunden|zeit|dauer",
    "minutes": "minutes|minutos|minuten",
    "onerousness": "unpleasant|onerousness|pesada|desagradable|unangenehm",
    "empowerment": "empowering|empowerment|enriquecedora|bestärkend",
}
_HEADINGS = {word: column for column, words in _WRITTEN.items() for word in words.split("|")}
_NEEDED: tuple[Column, ...] = ("date", "task", "who")

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?", re.ASCII)
_DOTS = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})", re.ASCII)
_SLASHES = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})", re.ASCII)
_WHOLE = re.compile(r"[1-9]\d{0,6}", re.ASCII)
_BARE = re.compile(r"\d{1,4}(?:[.,]\d{1,4})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: who did what when. The ratings, 1 to 5, are there only where the table has them."""

    line: int
    day: date
    task: str
    who: str
    minutes: int
    onerousness: int | None = None
    empowerment: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A line that cannot be taken, and why. `word`: what it is about, shortened. `lines`: so many in all."""

    line: int
    why: Why
    word: str = ""
    lines: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One line of a table as it was written. `values`: None where its quotation marks do not fit.

    `more`: something stands beyond the last column.
    """

    line: int
    values: Mapping[Column, str] | None
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table as it was written, with nothing in it but the columns that are read.

    `missing`: columns that its headings lack. `left`: the first line that is too much, and how many are.
    """

    lines: tuple[Cells, ...]
    missing: tuple[Column, ...] = ()
    left: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table says: the rows that can be read, and the lines that cannot."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


def sheet(text: str) -> Sheet:
    """The cells of a table. Never raises. What stands in other columns, such as telephone numbers, is passed over."""
    lines = roll.split(text)
    columns: Sequence[Column | None] = _COLUMNS
    if lines and (found := _headings(lines[0].cells or ())) is not None:
        columns, lines = found, lines[1:]
        missing = [column for column in _NEEDED if column not in columns]
        missing += [] if {"hours", "minutes"} & set(columns) else ["hours"]
        if missing:
            return Sheet(lines=(), missing=tuple(missing))
    return Sheet(
        lines=tuple(
            Cells(
                line=line.number,
                values=None
                if line.cells is None
                else {
                    column: cell
                    for cell, column in zip(line.cells, columns, strict=False)
                    if column is not None and cell
                },
                more=line.cells is not None and any(line.cells[len(columns) :]),
            )
            for line in lines[:ROWS_MAX]
        ),
        left=(lines[ROWS_MAX].number, len(lines) - ROWS_MAX) if len(lines) > ROWS_MAX else None,
    )


def read(cells: Sheet, *, language: str, today: date) -> Table:
    """Read a table. Never raises; every line is either a row or a problem.

    `language`: the committee's. It decides how `3/4/2026` is read, where no other line of the table does.
    """
    rows: list[Row] = []
    problems = [] if cells.left is None else [Problem(line=cells.left[0], why="too_many", lines=cells.left[1])]
    days_first = _days_first([(line.values or {}).get("date", "") for line in cells.lines], language)
    for line in cells.lines:
        row = _row(line, days_first, today)
        if isinstance(row, Row):
            rows.append(row)
        else:
            problems.append(row)
    return Table(rows=tuple(rows), problems=_gathered(problems))


def _headings(cells: Sequence[str]) -> list[Column | None] | None:
    """What each column holds, where these cells are headings; None: they are not."""
    columns: list[Column | None] = []
    for cell in cells:
        column = _HEADINGS.get(folded(cell).rstrip(":"))
        columns.append(column if column not in columns else None)
    return columns if sum(column is not None for column in columns) > 1 else None


def _gathered(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """In the order of lines; what is too old is told once."""
    old = [one for one in problems if one.why == "old"]
    others = [one for one in problems if one.why != "old"]
    if old:
        others.append(Problem(line=old[0].line, why="old", word=old[0].word, lines=len(old)))
    return tuple(sorted(others, key=lambda one: one.line))


def _row(line: Cells, days_first: bool | None, today: date) -> Row | Problem:
    def problem(why: Why, word: str = "") -> Problem:
        return Problem(line=line.line, why=why, word=roll.clipped(word))

    if line.values is None:
        return problem("quotes")
    if line.more:
        # Mostly a comma in a figure, where commas part the columns.
        return problem("columns")
    values = {wanted: line.values.get(wanted, "") for wanted in _WRITTEN}
    day = _read_day(values["date"], days_first)
    if not isinstance(day, date):
        return problem(day, values["date"])
    if day > today:
        return problem("ahead", values["date"])
    if day < today - KEPT:
        return problem("old", values["date"])
    task, who = unarmed(values["task"]), unarmed(values["who"])
    if not any(letter.isalpha() for letter in task):
        return problem("no_task", task)
    if len(task) > TASK_CHARACTERS_MAX:
        return problem("long_task", task)
    if not who:
        return problem("no_who")
    minutes = _minutes(values["hours"], values["minutes"])
    if minutes is None:
        return problem("no_hours", values["hours"] or values["minutes"])
    if minutes > MINUTES_MAX:
        return problem("too_long", values["hours"] or values["minutes"])
    ratings: list[int | None] = []
    for wanted in ("onerousness", "empowerment"):
        said = values[wanted]
        if said and said not in {str(one) for one in RATINGS}:
            return problem("rating", said)
        ratings.append(int(said) if said else None)
    return Row(
        line=line.line, day=day, task=task, who=who, minutes=minutes, onerousness=ratings[0], empowerment=ratings[1]
    )


def unarmed(cell: str) -> str:
    """A cell without the apostrophe that stands before what a spreadsheet would take for a formula."""
    return cell[1:] if cell.startswith("'") and _looks_armed(cell) else cell


def _armed(cell: str) -> str:
    return f"'{cell}" if _looks_armed(cell) else cell


def _looks_armed(cell: str) -> bool:
    bare = cell.lstrip("'")
    return statements.harmless(bare) != bare


# --- dates and hours -------------------------------------------------------------------------------------------------


def _days_first(said: Sequence[str], language: str) -> bool | None:
    """Whether `3/4/2026` is the third of April: as another line of the table shows it, else as the language has it.

    None: nobody can know. In English both are usual.
    """
    found = [(int(one[1]), int(one[2])) for text in said if (one := _SLASHES.fullmatch(text))]
    days, months = any(first > 12 for first, _ in found), any(second > 12 for _, second in found)
    if days != months:
        return days
    return None if days or language == "en" else True


def _read_day(said: str, days_first: bool | None) -> date | Literal["no_date", "unsure_date"]:
    if one := _ISO.fullmatch(said):
        return _day(one[1], one[2], one[3])
    if one := _DOTS.fullmatch(said):
        return _day(one[3], one[2], one[1])
    if one := _SLASHES.fullmatch(said):
        first, second = int(one[1]), int(one[2])
        if days_first is None and first <= 12 and second <= 12 and first != second:
            return "unsure_date"
        if days_first is None:
            days_first = second <= 12
        return _day(one[3], one[2], one[1]) if days_first else _day(one[3], one[1], one[2])
    return "no_date"


def _day(year: str, month: str, day: str) -> date | Literal["no_date"]:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return "no_date"


def _minutes(hours: str, minutes: str) -> int | None:
    """How long; a bare number is in hours, or in minutes where its column says so. None: that is no time."""
    if minutes:
        return int(minutes) if _WHOLE.fullmatch(minutes) else None
    if _BARE.fullmatch(hours):
        exact = Fraction(hours.replace(",", ".")) * 60
        # A third of an hour, as a table writes it.
        whole = round(exact)
        return whole if whole > 0 and abs(exact - whole) <= Fraction(1, 2) else None
    try:
        found = read_duration(hours.split())
    except Refusal:
        return None
    return int(found[0]) if found is not None and found[1] == len(hours.split()) and found[0] > 0 else None


# --- who and what is meant -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one member did on a day, as it counts. `task`: what it was called."""

    member_id: int
    day: date
    task: str
    minutes: int
    onerousness: int
    empowerment: int

    @property
    def same(self) -> tuple[int, date, str, int]:
        """By this it is known again: who, when, what and how long."""
        return self.member_id, self.day, folded(self.task), self.minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What of a table is new. `again`: so many rows are counted already."""

    works: tuple[Work, ...]
    problems: tuple[Problem, ...]
    again: int


def sift(
    rows: Sequence[Row],
    known: Sequence[roll.Known],
    ratings: Callable[[str], tuple[int, int]],
    there: Counter[tuple[int, date, str, int]],
) -> Sifted:
    """Which rows count: whom each means, how its task is rated where the table does not say it, and which are there.

    `ratings`: how unpleasant and how empowering a task of this name is. `there`: how often the same work is counted
    already: two equal rows are two pieces of work, and of those only what is not there yet is new.
    """
    works: list[Work] = []
    problems: list[Problem] = []
    left = Counter(there)
    found: dict[str, list[roll.Known]] = {}
    called: dict[str, str] = {}
    again = 0
    for row in rows:
        if row.who not in found:
            found[row.who] = roll.named(known, row.who)
        meant = found[row.who]
        why: Why | None = None
        if len(meant) != 1:
            why = "unsure" if meant else "nobody"
        elif meant[0].child:
            why = "child"
        if why is not None:
            problems.append(Problem(line=row.line, why=why, word=roll.clipped(row.who)))
            continue
        key = folded(row.task)
        if key not in called and len(called) >= TASKS_MAX:
            problems.append(Problem(line=row.line, why="too_many_tasks", word=roll.clipped(row.task)))
            continue
        task = called.setdefault(key, row.task)
        hard, power = ratings(task)
        work = Work(
            member_id=meant[0].id,
            day=row.day,
            task=task,
            minutes=row.minutes,
            onerousness=row.onerousness or hard,
            empowerment=row.empowerment or power,
        )
        if left[work.same] > 0:
            left[work.same] -= 1
            again += 1
            continue
        works.append(work)
    return Sifted(works=tuple(works), problems=tuple(problems), again=again)


# --- writing ---------------------------------------------------------------------------------------------------------


def written(rows: Sequence[Row], headings: Sequence[str]) -> str:
    """Rows as a table that can be read again. `headings`: for date, task, who, minutes and the two ratings."""
    return statements.table(
        [
            tuple(headings),
            *(
                (
                    row.day.isoformat(),
                    _armed(row.task),
                    _armed(row.who),
                    row.minutes,
                    "" if row.onerousness is None else row.onerousness,
                    "" if row.empowerment is None else row.empowerment,
                )
                for row in rows
            ),
        ]
    )


def since(today: date) -> date:
    """The first day that counts."""
    return today - timedelta(days=KEPT.days)
