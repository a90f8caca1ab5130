"""The rules of lists: every line is either taken or reported, and nobody is on the roll twice."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import roll
from bot.domain.grammar import folded

_NAMES = st.sampled_from(
    ["Rosa", "rosa", "Rosa Gil", "Sam", "Ana", "Mia", "Müller, Uwe", 'Jo "Jojo"', "李雷", "", "12"]
)
_CELLS = st.one_of(_NAMES, st.sampled_from(["@ana", "@nobody", "Rosi", "0171 1234567", "a@b.org"]), st.text(max_size=8))
_TABLES = st.lists(st.lists(_CELLS, min_size=1, max_size=5), max_size=12)
_ANA = roll.Known(id=1, name="ana", usernames=("ana",))
_KNOWN = [_ANA, roll.Known(id=2, name="sam"), roll.Known(id=3, name="sam", nickname="sammy", helper_id=1)]


def _written(table: list[list[str]], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(table)
    return text.getvalue()


@given(st.text())
def test_whatever_is_sent_is_read_and_every_line_is_taken_or_reported(text: str) -> None:
    found = roll.read(text)
    reported = [problem.line for problem in found.problems for _ in range(problem.lines)]
    numbers = [row.line for row in found.rows]
    assert len({*numbers}) == len(numbers)
    assert not {*numbers} & {*reported}
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    written = [number for number, line in enumerate(lines, start=1) if line.strip(" \t,;\"'\ufeff\x00")]
    left = {*written} - {*numbers, *reported}
    # What is neither says what the columns hold, or what parts them.
    assert len(left) <= 2
    assert left <= {*written[:2]}
    assert len(numbers) + len(reported) + len(left) == len(written)


@given(_TABLES, st.sampled_from([",", ";", "\t"]))
def test_every_row_is_somebody_new_or_a_problem_and_names_tell_apart(table: list[list[str]], separator: str) -> None:
    rows = roll.read(_written(table, separator)).rows
    newcomers, problems = roll.sift(rows, _KNOWN)
    assert sorted([one.line for one in newcomers] + [one.line for one in problems]) == [row.line for row in rows]
    called: dict[str, list[str | None]] = {}
    for name, nickname in [(one.name, one.nickname) for one in _KNOWN] + [
        (folded(one.name), folded(one.nickname) if one.nickname else None) for one in newcomers
    ]:
        called.setdefault(name, []).append(nickname)
    for name, nicknames in called.items():
        if name != "sam":
            assert len({*nicknames}) == len(nicknames)
            assert len(nicknames) == 1 or None not in nicknames
    assert not [one for one in newcomers if folded(one.name) in ("sam", "sammy", "ana")]
    lines = {one.line: one for one in newcomers}
    for one in newcomers:
        assert one.name == one.name.strip()
        assert one.helper_id in (None, 1)
        if one.parent_line is not None:
            assert not lines[one.parent_line].child


@given(_TABLES)
def test_what_is_shown_and_said_yes_to_is_read_the_same_again(table: list[list[str]]) -> None:
    rows = roll.read(_written(table, ";")).rows
    newcomers, _ = roll.sift(rows, _KNOWN)
    kept = {one.line for one in newcomers}
    again, problems = roll.sift([row for row in rows if row.line in kept], _KNOWN)
    assert again == newcomers
    assert problems == []


def test_headings_in_three_languages_or_none() -> None:
    for heading in ("Name;Phone;Nickname;Helper;Child of", "Nombre;Teléfono;Apodo;Ayudante;Hija de"):
        found = roll.read(f"{heading}\nMia;0171 1234567;Mimi;@ana;Rosa\n")
        assert found.rows == (roll.Row(line=2, name="Mia", nickname="Mimi", helper="@ana", child_of="Rosa"),)
    found = roll.read("Spitzname\tKind von\tName\nMimi\tRosa\tMia")
    assert found.rows == (roll.Row(line=2, name="Mia", nickname="Mimi", child_of="Rosa"),)
    assert [row.name for row in roll.read("Rosa\n\nUwe\n").rows] == ["Rosa", "Uwe"]
    assert roll.read("\ufeffsep=;\r\nName;Nickname\r\nRosa;Rosi").rows[0].nickname == "Rosi"
    assert roll.read("Name\n").rows == ()


def test_contacts_are_passed_over() -> None:
    found = roll.read("Rosa,+49 (171) 1234-567\nUwe,uwe@example.org,@ana")
    assert [(row.name, row.nickname, row.helper) for row in found.rows] == [("Rosa", None, None), ("Uwe", None, "@ana")]


def test_a_quotation_mark_that_is_not_closed_breaks_its_own_line_only() -> None:
    found = roll.read('Rosa\n"Uwe\nTom')
    assert [row.name for row in found.rows] == ["Rosa", "Tom"]
    assert [(problem.line, problem.why) for problem in found.problems] == [(2, "quotes")]


def test_five_hundred_lines_are_read_and_the_others_reported() -> None:
    found = roll.read("\n".join(f"Person {number}" for number in range(roll.ROWS_MAX + 3)))
    assert len(found.rows) == roll.ROWS_MAX
    assert found.problems == (roll.Problem(line=roll.ROWS_MAX + 1, why="too_many", lines=3),)


def test_a_name_cannot_rewrite_the_line_that_it_stands_in() -> None:
    assert roll.read("Ro\u202esa\x07 Gil").rows[0].name == "Rosa Gil"


def test_two_people_of_one_name_need_nicknames() -> None:
    newcomers, problems = roll.sift(roll.read("Rosa;Rosi\nRosa;Rosita\nRosa\nUwe;Rosi").rows, [])
    assert [one.nickname for one in newcomers] == ["Rosi", "Rosita"]
    assert [(problem.line, problem.why) for problem in problems] == [(3, "twice"), (4, "taken_nickname")]


def test_somebody_who_goes_by_that_name_is_no_newcomer() -> None:
    newcomers, problems = roll.sift(roll.read("Sammy").rows, _KNOWN)
    assert newcomers == []
    assert [problem.why for problem in problems] == ["already"]
