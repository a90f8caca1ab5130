"""Tables of earlier work: what is written is read again, and whatever stands in one is a row or a problem."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import history
from bot.domain.history import Row
from bot.domain.roll import Known

TODAY = date(2026, 1, 31)
_WORD = st.text(st.sampled_from("abc ,;'\"=+-@äß\t1."), min_size=1, max_size=12).map(
    lambda text: " ".join(("x" + text).split())
)
_ROWS = st.lists(
    st.builds(
        Row,
        line=st.just(0),
        day=st.dates(TODAY - history.KEPT, TODAY),
        task=_WORD,
        who=st.one_of(_WORD, st.just("=1+1"), st.just("'=a"), st.just("@ben")),
        minutes=st.integers(1, 24 * 60),
        onerousness=st.one_of(st.none(), st.integers(1, 5)),
        empowerment=st.one_of(st.none(), st.integers(1, 5)),
    ),
    max_size=12,
)
_HEADS = ("date", "task", "who", "minutes", "unpleasant", "empowering")


def read(text: str, language: str = "en") -> history.Table:
    return history.read(history.sheet(text), language=language, today=TODAY)


@given(rows=_ROWS)
@settings(max_examples=80)
def test_what_is_written_is_read_again(rows: list[Row]) -> None:
    found = read(history.written(rows, _HEADS))
    assert found.problems == ()
    assert [(one.day, one.task, one.who, one.minutes, one.onerousness, one.empowerment) for one in found.rows] == [
        (one.day, one.task, one.who, one.minutes, one.onerousness, one.empowerment) for one in rows
    ]


@given(text=st.text(st.sampled_from("date;task,who\thours\n\r\"'2026-01-30/.:h=\x00 "), max_size=120))
@settings(max_examples=80)
def test_each_line_is_a_row_or_a_problem_whatever_stands_there(text: str) -> None:
    sheet = history.sheet(text)
    found = history.read(sheet, language="es", today=TODAY)
    told = sum(one.lines for one in found.problems)
    assert len(found.rows) + told == len(sheet.lines)


@given(rows=_ROWS, known=_ROWS)
@settings(max_examples=60)
def test_rows_are_counted_once_and_none_is_lost(rows: list[Row], known: list[Row]) -> None:
    people = [Known(id=at, name=name) for at, name in enumerate(sorted({one.who.casefold() for one in rows}))]
    there: Counter[tuple[int, date, str, int]] = Counter()
    first = history.sift([*known, *rows], people, lambda _: (2, 4), there)
    assert len(first.works) + len(first.problems) == len(known) + len(rows)
    burden = sum(one.minutes * one.onerousness for one in first.works)
    lost = {one.line for one in first.problems}
    if not lost:
        assert burden == sum(one.minutes * (one.onerousness or 2) for one in [*known, *rows])
    there.update(one.same for one in first.works)
    again = history.sift([*known, *rows], people, lambda _: (2, 4), there)
    assert (again.works, again.again) == ((), len(first.works)), "the same table once more is nothing new"
    longer = history.sift([*known, *rows, *rows[:1]], people, lambda _: (2, 4), there)
    if rows and not first.problems:
        assert [one.same for one in longer.works] == [first.works[len(known)].same], "only what is more is new"


@pytest.mark.parametrize(
    ("language", "text", "day"),
    [
        ("en", "2026-01-02", date(2026, 1, 2)),
        ("en", "2026-01-02 18:30", date(2026, 1, 2)),
        ("de", "2.1.26", date(2026, 1, 2)),
        ("en", "2.1.2026", date(2026, 1, 2)),
        ("es", "2/1/2026", date(2026, 1, 2)),
        ("de", "02/01/2026", date(2026, 1, 2)),
        ("en", "1/1/2026", date(2026, 1, 1)),
        ("en", "1/25/2026", date(2026, 1, 25)),
        ("es", "1/25/2026", date(2026, 1, 25)),
        ("en", "25/1/2026", date(2026, 1, 25)),
    ],
)
def test_dates_are_read_as_they_are_written_somewhere(language: str, text: str, day: date) -> None:
    assert [one.day for one in read(f"{text};cooking;Ana;2", language).rows] == [day]


def test_one_line_that_is_plain_tells_how_the_others_are_meant() -> None:
    assert [one.day for one in read("3/1/2026;a;Ana;2\n25/1/2026;a;Ana;2").rows] == [
        date(2026, 1, 3),
        date(2026, 1, 25),
    ]
    assert [one.why for one in read("3/1/2026;a;Ana;2").problems] == ["unsure_date"]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("2", 120), ("2.5", 150), ("2,5", 150), ("1h30", 90), ("1:30", 90), ("90 min", 90), ("1 h 30", 90), ("0,33", 20)],
)
def test_hours_are_read_as_people_write_them(text: str, minutes: int) -> None:
    for separator in (";", "\t"):
        assert [one.minutes for one in read(separator.join(("2026-01-02", "a", "Ana", text))).rows] == [minutes]
    assert [one.minutes for one in read(f'2026-01-02,a,Ana,"{text}"').rows] == [minutes]


def test_each_line_that_cannot_be_taken_says_why() -> None:
    lines = {
        "no_date": "yesterday;a;Ana;2",
        "ahead": "2026-02-01;a;Ana;2",
        "no_task": "2026-01-02;12;Ana;2",
        "long_task": f"2026-01-02;{'x' * 61};Ana;2",
        "no_who": "2026-01-02;a;;2",
        "no_hours": "2026-01-02;a;Ana;much",
        "too_long": "2026-01-02;a;Ana;25",
        "rating": "2026-01-02;a;Ana;2;6",
        "columns": "2026-01-02;a;Ana;2;3;3;more",
        "quotes": '2026-01-02;a "b;Ana;2',
        "old": "2024-01-01;a;Ana;2",
    }
    found = read("\n".join(["date;task;who;hours;unpleasant;empowering", *lines.values(), "2023-01-01;a;Ana;1"]))
    assert found.rows == ()
    assert {one.why: one.line for one in found.problems} == {why: at for at, why in enumerate(lines, start=2)}
    assert found.problems[-1].lines == 2, "what is too old is told once"
    assert read("30.2.2026;a;Ana;2").problems[0].why == "no_date"
    assert history.sheet("date;who;phone\n2026-01-02;Ana;1").missing == ("task", "hours")


def test_what_is_kept_of_a_table_is_what_is_read() -> None:
    kept = history.sheet("Fecha;Teléfono;Tarea;Quién;Horas\n2026-01-02;0171 123;limpieza;Ana;2")
    assert "0171" not in str(kept)
    assert [one.values for one in kept.lines] == [
        {"date": "2026-01-02", "task": "limpieza", "who": "Ana", "hours": "2"}
    ]
    many = history.sheet("\n".join(["2026-01-02;a;Ana;2"] * (history.ROWS_MAX + 2)))
    assert (len(many.lines), many.left) == (history.ROWS_MAX, (history.ROWS_MAX + 1, 2))
    assert TODAY - timedelta(days=366) == TODAY - history.KEPT
