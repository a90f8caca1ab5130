"""Ballots and counts as tables for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(
    options: Sequence[tuple[str, str]], ballots: Iterable[tuple[str | None, Any]], *, voter: str | None = None
) -> str:
    """A row for each ballot, a column for each option (id and name): 1 for a choice, else points, else the rank.

    `voter`: the heading over names; None: ballots have none. Rows are sorted by what stands in them.
    """
    heading = ([voter] if voter is not None else []) + [name for _, name in options]
    rows = []
    for who, said in ballots:
        cells = _cells(said)
        rows.append(([who or ""] if voter is not None else []) + [str(cells.get(id_, "")) for id_, _ in options])
    return _written(heading, sorted(rows))


def _cells(said: Any) -> Mapping[str, int]:
    if isinstance(said, Mapping):
        return said
    if all(isinstance(one, str) for one in said):
        return dict.fromkeys(said, 1)
    return {one: rank for rank, group in enumerate(said, start=1) for one in group}


def matrix(names: Sequence[str], matrix_: Sequence[Sequence[int]]) -> str:
    """How many put the option of the row before that of the column."""
    rows = [
        [name, *(str(n) if at != there else "" for there, n in enumerate(row))]
        for at, (name, row) in enumerate(zip(names, matrix_, strict=True))
    ]
    return _written(["", *names], rows)


def stages(names: Mapping[str, str], told: Sequence[Mapping[str, Any]]) -> str:
    """A row for each option, a column for each stage."""
    rows = [[name, *(str(stage["totals"].get(id_, "")) for stage in told)] for id_, name in names.items()]
    return _written(["", *(str(stage["number"]) for stage in told)], rows)


def _written(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    # A spreadsheet would carry out a name that looks like a formula.
    for row in (heading, *rows):
        writer.writerow(["'" + cell if cell.startswith(_FORMULA) else cell for cell in row])
    return out.getvalue()
