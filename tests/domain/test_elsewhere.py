"""Addresses and results of votes elsewhere, and ballots as tables."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import ballotsheet, elsewhere


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Who? https://vote.example.org/elections/abc/", "https://vote.example.org/elections/abc/"),
        ("Who (https://vote.example.org/x)?", "https://vote.example.org/x"),
        ("HTTPS://Vote.example.org/x", "HTTPS://Vote.example.org/x"),
        ("https://vote.example.org:8443/x", "https://vote.example.org:8443/x"),
        ("http://vote.example.org/x", None),
        ("https://bank.example@evil.example/x", None),
        ("https://vote.example.org:port/x", None),
        ("https://localhost/x", None),
        ("javascript://vote.example.org/%0aalert(1)", None),
        ("https://a.example/ https://b.example/", None),
        ("no address", None),
    ],
)
def test_only_one_safe_address_is_taken(text: str, found: str | None) -> None:
    assert elsewhere.address(text) == found


@given(st.text(max_size=80))
def test_nothing_that_is_written_breaks_reading_it(text: str) -> None:
    elsewhere.address(text)
    try:
        found = elsewhere.result(text)
    except elsewhere.Unclear:
        return
    assert found
    assert all(name.strip() == name and count >= 0 for name, count in found)


@pytest.mark.parametrize("text", ["Ana 5, Ben 3", "Ana: 5; Ben = 3", "Ana 5\nBen 3", "Ana:5,Ben:3"])
def test_a_result_is_read_however_it_is_written(text: str) -> None:
    assert elsewhere.result(text) == (("Ana", 5), ("Ben", 3))


@pytest.mark.parametrize("text", ["", "Ana", "5", "Ana 5, ana 3", "Ana -5", "Ana 5, Ben"])
def test_what_is_no_result_is_asked_back(text: str) -> None:
    with pytest.raises(elsewhere.Unclear):
        elsewhere.result(text)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 4))
def test_who_has_most_wins_and_nobody_with_as_many_is_left_out_in_silence(counts: list[int], seats: int) -> None:
    places, tied = elsewhere.winners(tuple(counts), seats)
    out = [count for at, count in enumerate(counts, start=1) if at not in places]
    least = min(counts[at - 1] for at in places)
    assert all(count < least for count in out)
    assert tied == (len(places) > seats)


def test_a_table_tells_nothing_by_its_order_and_no_spreadsheet_carries_a_name_out() -> None:
    ballots = [(None, ["2"]), (None, ["1"]), (None, ["2"])]
    options = [("1", "=SUM(A1)"), ("2", "Park")]
    there = ballotsheet.sheet(options, ballots)
    assert there == ballotsheet.sheet(options, ballots[::-1])
    assert next(iter(csv.reader(io.StringIO(there)))) == ["'=SUM(A1)", "Park"]


def test_points_and_ranks_stand_as_figures() -> None:
    options = [("1", "A"), ("2", "B"), ("3", "C")]
    assert ballotsheet.sheet(options, [("Ana", {"1": 3})], voter="Who") == "Who,A,B,C\nAna,3,,\n"
    assert ballotsheet.sheet(options, [("Ana", [["3"], ["1", "2"]])], voter="Who") == "Who,A,B,C\nAna,2,2,1\n"
