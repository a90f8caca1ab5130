"""How amounts of money and of a local unit, and percentages, are written, read and shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.arguments import Amount as AmountArgument
from bot.arguments import Percent as PercentArgument
from bot.domain.amounts import AMOUNT_MAX, POINTS_MAX, read_amount, read_percent
from bot.text import NO_BREAK, Amount, Percent, Reader, Refusal, T, amount, percent, shown

ENGLISH, SPANISH, GERMAN = Reader("en"), Reader("es"), Reader("de")
KIND = cast("Any", AmountArgument).__metadata__[0]
PART = cast("Any", PercentArgument).__metadata__[0]


def why_not(line: str) -> str:
    with pytest.raises(Refusal) as refused:
        read_amount(line.split())
    return shown(refused.value.words, ENGLISH)


@pytest.mark.parametrize(
    ("line", "hundredths", "count"),
    [
        ("12", 1200, 1),
        ("12.50", 1250, 1),
        ("12,50", 1250, 1),
        ("12,5", 1250, 1),
        ("0,05", 5, 1),
        (".50", 50, 1),
        ("+3", 300, 1),
        ("007", 700, 1),
        ("12,50, flour", 1250, 1),
        ("€12.50", 1250, 1),
        ("12,50€", 1250, 1),
        ("12,50 € for flour", 1250, 2),
        ("€ 12.50 for flour", 1250, 2),
        ("84,20 by quantity", 8420, 1),
        ("12 .", 1200, 1),
        ("1000000", AMOUNT_MAX, 1),
    ],
)
def test_an_amount_is_read_with_a_point_or_a_comma(line: str, hundredths: int, count: int) -> None:
    assert read_amount(line.split()) == (Amount(hundredths), count)


@pytest.mark.parametrize("line", ["", "flour", "25kg", "2h", "1:30", "@ben", "€", ",", "-", "fri", "12/5"])
def test_what_is_no_amount_is_left_to_others(line: str) -> None:
    assert read_amount(line.split()) is None


@pytest.mark.parametrize("line", ["0", "0,00", "-5", "−5", "-0.01", "€0"])
def test_nothing_and_less_than_nothing_are_refused(line: str) -> None:
    assert why_not(line) == "The amount must be more than nothing. Write it like 12.50."


@pytest.mark.parametrize("line", ["12.345", "1.234", "0,001", "1,234"])
def test_parts_of_a_hundredth_are_refused_and_what_may_be_thousands_is_not_guessed(line: str) -> None:
    assert why_not(line) == (
        f"“{line}” has more than two digits after the comma. Write it like 12.50, and thousands without a mark."
    )


@pytest.mark.parametrize(
    ("line", "instead"),
    [("1.234,50", "1234.50"), ("1'234.50", "1234.50"), ("123,456.7", "123456.7"), ("1'234", "1234")],
)
def test_marks_for_thousands_are_refused_with_the_amount_as_it_is_to_be_written(line: str, instead: str) -> None:
    assert why_not(line) == (
        f"I cannot tell the thousands from the rest in “{line}”. Write it without a mark for thousands, like {instead}."
    )
    assert read_amount([instead]) is not None


@pytest.mark.parametrize("line", ["1000000.01", "1000001", "9" * 40])
def test_too_much_at_once_is_refused(line: str) -> None:
    assert why_not(line) == f"“{line[:20]}” is too much at once: at most 1000000.00."


@given(words=st.lists(st.text(alphabet="0123456789.,'-+€ab", max_size=12), max_size=4))
def test_any_words_are_an_amount_or_none_or_refused(words: Sequence[str]) -> None:
    try:
        found = read_amount(words)
    except Refusal:
        return
    if found is not None:
        hundredths, count = found
        assert 1 <= hundredths <= AMOUNT_MAX
        assert 1 <= count <= min(2, len(words))


@given(hundredths=st.integers(1, AMOUNT_MAX), language=st.sampled_from(["en", "es", "de"]))
def test_an_amount_is_shown_so_that_it_can_be_typed_again_in_every_language(hundredths: int, language: str) -> None:
    words = amount(hundredths, language)
    assert read_amount([words]) == (Amount(hundredths), 1)
    assert amount(-hundredths, language) == f"-{words}"


def test_an_amount_is_shown_in_each_languages_own_form() -> None:
    words = T("{amount}", amount=Amount(123450))
    assert [shown(words, reader) for reader in (ENGLISH, SPANISH, GERMAN)] == ["1234.50", "1234,50", "1234,50"]
    assert shown(T("{amount}", amount=Amount(5)), GERMAN) == "0,05"
    assert shown(KIND.label(Amount(1250)), SPANISH) == "12,50"


def test_a_kept_amount_comes_back_and_one_that_cannot_be_recorded_does_not() -> None:
    def load(data: Any) -> Any:
        return asyncio.run(KIND.load(data, None, None))

    assert load(KIND.dump(Amount(1250))) == Amount(1250)
    assert isinstance(load(1250), Amount)
    for wrong in (0, -5, AMOUNT_MAX + 1, "1250", 12.5, True, None):
        with pytest.raises(ValidationError):
            load(wrong)


@pytest.mark.parametrize(
    ("line", "points", "count"),
    [
        ("8%", 800, 1),
        ("8 %", 800, 2),
        ("2.5%", 250, 1),
        ("2,5%", 250, 1),
        ("2,5 % of it", 250, 2),
        ("0,05%", 5, 1),
        (".5%", 50, 1),
        ("2.500%", 250, 1),
        ("0%", 0, 1),
        ("-0%", 0, 1),
        ("+3%", 300, 1),
        ("08%, @ben", 800, 1),
        ("100%", POINTS_MAX, 1),
    ],
)
def test_a_percentage_is_read_with_a_point_or_a_comma(line: str, points: int, count: int) -> None:
    assert read_percent(line.split()) == (Percent(points), count)


@pytest.mark.parametrize("line", ["", "8", "8 5%", "8, %", "%", "% 8", "8%%", "2h", "@ben", "8.%", "8€", "1.2.3%"])
def test_what_is_no_percentage_is_left_to_others(line: str) -> None:
    assert read_percent(line.split()) is None


@pytest.mark.parametrize("line", ["100.01%", "101 %", "-1%", "−0,01%", "9" * 40 + "%"])
def test_a_percentage_out_of_bounds_is_refused(line: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_percent(line.split())
    assert shown(refused.value.words, ENGLISH) == f"“{line[:20]}” is out of bounds: at least 0% and at most 100%."


def test_a_percentage_finer_than_a_basis_point_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        read_percent(["2.125%"])
    assert shown(refused.value.words, ENGLISH) == (
        "“2.125%” is finer than I count: two digits after the comma, like 2.25%."
    )


@given(words=st.lists(st.text(alphabet="0123456789.,%-+ab", max_size=8), max_size=4))
def test_any_words_are_a_percentage_or_none_or_refused(words: Sequence[str]) -> None:
    try:
        found = read_percent(words)
    except Refusal:
        return
    if found is not None:
        points, count = found
        assert 0 <= points <= POINTS_MAX
        assert 1 <= count <= min(2, len(words))
        assert any("%" in word for word in words[:count])


@given(points=st.integers(0, POINTS_MAX), language=st.sampled_from(["en", "es", "de"]))
def test_a_percentage_is_shown_so_that_it_can_be_typed_again_in_every_language(points: int, language: str) -> None:
    words = percent(points, language)
    assert read_percent(words.split()) == (Percent(points), len(words.split()))
    assert percent(-points, language) == (f"-{words}" if points else words)


def test_a_percentage_is_shown_in_each_languages_own_form() -> None:
    words = T("{part}", part=Percent(250))
    assert [shown(words, reader) for reader in (ENGLISH, SPANISH, GERMAN)] == [
        "2.5%",
        f"2,5{NO_BREAK}%",
        f"2,5{NO_BREAK}%",
    ]
    assert shown(PART.label(Percent(1000)), ENGLISH) == "10%"


def test_a_kept_percentage_comes_back_and_one_out_of_bounds_does_not() -> None:
    def load(data: Any) -> Any:
        return asyncio.run(PART.load(data, None, None))

    assert load(PART.dump(Percent(800))) == Percent(800)
    assert isinstance(load(0), Percent)
    for wrong in (-1, POINTS_MAX + 1, "800", 8.5, True, None):
        with pytest.raises(ValidationError):
            load(wrong)
