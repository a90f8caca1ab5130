"""Stock: what lines say, that it never goes below nothing, and how much one person may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import stock
from bot.domain.stock import AMOUNT_MAX, ONE, WEEK, Change, Level, Refused, Said, Taken

NOW = datetime(2026, 1, 5, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rice 12 kg", Said(name="rice", change="count", amount=12 * ONE, unit="kg")),
        ("rice 12kg", Said(name="rice", change="count", amount=12 * ONE, unit="kg")),
        ("rice: 1,5 kg", Said(name="rice", change="count", amount=1500, unit="kg")),
        ("masks 40", Said(name="masks", change="count", amount=40 * ONE)),
        ("rice -3", Said(name="rice", change="out", amount=3 * ONE)),
        ("rice - 3 kg", Said(name="rice", change="out", amount=3 * ONE, unit="kg")),
        ("rice −0.25", Said(name="rice", change="out", amount=250)),
        ("rice +5", Said(name="rice", change="in", amount=5 * ONE)),
        ("+5 kg rice", Said(name="rice", change="in", amount=5 * ONE, unit="kg")),
        ("-2 Kisten Bier", Said(name="Bier", change="out", amount=2 * ONE, unit="Kisten")),
        ("3 big pots", Said(name="big pots", change="count", amount=3 * ONE)),
        ("hand gel 70 5 l", Said(name="hand gel 70", change="count", amount=5 * ONE, unit="l")),
        ("rice", Said(name="rice")),
        ("brown rice", Said(name="brown rice")),
    ],
)
def test_a_line_says_what_changes(line: str, said: Said) -> None:
    assert stock.read_line(line) == said


@given(st.text(max_size=60))
def test_no_line_is_too_strange_to_read(line: str) -> None:
    assert 0 <= stock.read_line(line).amount <= 10 * AMOUNT_MAX


@given(st.integers(0, AMOUNT_MAX))
def test_an_amount_is_read_as_it_is_shown(amount: int) -> None:
    whole, parts = stock.figures(amount)
    assert stock.read_amount(f"{whole},{parts}" if parts else str(whole)) == amount


CHANGES = st.tuples(st.sampled_from(["count", "in", "out"]), st.integers(0, 6), st.integers(0, 1), st.integers(0, 60))


@given(st.lists(CHANGES, max_size=30), st.one_of(st.none(), st.integers(1, 5)))
def test_it_never_goes_below_nothing_and_in_no_seven_days_does_anybody_take_more_than_their_share(
    changes: list[tuple[Change, int, int, int]], weekly: int | None
) -> None:
    amount, now = 0, NOW
    taken: dict[int, list[Taken]] = {0: [], 1: []}
    for change, many, who, hours in changes:
        now += timedelta(hours=hours)
        level = Level(amount=amount, weekly=weekly)
        found = stock.after(level, change, many, taken=taken[who], now=now)
        if isinstance(found, Refused):
            # What is said to be left can be had, and later what is promised for later.
            assert found.left == 0 or stock.after(level, "out", found.left, taken=taken[who], now=now) is not None
            assert not isinstance(stock.after(level, "out", found.left, taken=taken[who], now=now), Refused)
            if found.why == "weekly" and found.again is not None:
                again = stock.allowance(level, taken[who], now=found.again)
                before = stock.allowance(level, taken[who], now=now)
                assert again is not None
                assert before is not None
                assert again > before
            continue
        assert found >= 0
        assert found == {"count": many, "in": amount + many, "out": amount - many}[change]
        amount = found
        if change == "out":
            taken[who].append(Taken(many, now))
    for one in taken.values():
        for last in one:
            within = sum(other.amount for other in one if last.at - WEEK < other.at <= last.at)
            assert weekly is None or within <= weekly


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 10))
def test_only_the_change_that_crosses_the_lowest_level_is_told(before: int, after: int, lowest: int) -> None:
    told = stock.runs_low(before, after, lowest)
    assert told == (before >= lowest > after)
    assert not stock.runs_low(before, after, None)
    assert not (told and stock.runs_low(after, max(after - 1, 0), lowest)), "and then there is quiet"


def test_a_name_and_its_unit_are_one_note() -> None:
    assert stock.parts_of(stock.words_of("rice, brown", "kg")) == ("rice brown", "kg")
    assert stock.parts_of(stock.words_of("masks", "")) == ("masks", "")
    assert stock.same_unit("KG", "kg")
    assert not stock.same_unit("g", "kg")
