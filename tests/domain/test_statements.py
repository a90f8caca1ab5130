"""Files for other programs, and stretches of time."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import statements
from bot.domain.statements import Account, Books, Period

MONTHS = {"march": 3, "marz": 3, "marzo": 3, "december": 12}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("march", date(2026, 3, 1), date(2026, 3, 31)),
        ("März", date(2026, 3, 1), date(2026, 3, 31)),
        ("december", date(2025, 12, 1), date(2025, 12, 31)),
        ("marzo de 2024", date(2024, 3, 1), date(2024, 3, 31)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("03/2026", date(2026, 3, 1), date(2026, 3, 31)),
    ],
)
def test_a_month_or_a_year_is_understood(text: str, first: date, last: date) -> None:
    assert statements.period(text, today=date(2026, 5, 2), months=MONTHS) == Period(first, last)


@given(st.text(max_size=20))
def test_any_words_are_a_whole_month_or_year_or_nothing(text: str) -> None:
    found = statements.period(text, today=date(2026, 5, 2), months=MONTHS)
    assert found is None or found.first <= found.last


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_no_cell_of_a_table_begins_like_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(statements.table(rows), newline="")))
    assert all(cell.lstrip()[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20") for row in read for cell in row if cell)


def test_pseudonyms_hold_within_one_export_and_change_with_its_salt() -> None:
    accounts = tuple(Account(id_, 0, "committee" if id_ == 1 else None) for id_ in range(1, 30))
    books = Books("Riverside", datetime(2026, 1, 5), accounts, ())
    one, other = statements.pseudonyms(books, "a"), statements.pseudonyms(books, "b")
    assert one == statements.pseudonyms(books, "a")
    assert one != other
    assert sorted(one.values()) == sorted(other.values())
    assert one[1] == "committee"
