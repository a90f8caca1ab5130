"""Orders together: what lines say, who pays how much, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import orders as rule
from bot.domain.orders import Cost, Least
from bot.text import Amount, Reader, Refusal, shown

NOW = datetime(2026, 1, 5, 18, 0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- what people write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words", "price", "least", "until"),
    [
        ("olive oil 12.50 per can, minimum 10, until fri 18:00", "olive oil (can)", 1250, 10, "2026-01-09T18:00"),
        ("aceite 12,50 por lata, mínimo 10, hasta el vie 18:00", "aceite (lata)", 1250, 10, "2026-01-09T18:00"),
        ("Olivenöl 12,50 pro Dose, mindestens 10, bis Fr 18 Uhr", "Olivenöl (Dose)", 1250, 10, "2026-01-09T18:00"),
        ("until fri 18:00 at least 10 olive oil €12.50", "olive oil", 1250, 10, "2026-01-09T18:00"),
        ("rice 5 kg, 7 € each, by tomorrow", "rice 5 kg", 700, None, "2026-01-06T20:00"),
        ("rice 5 kg at 7.50 until 12 jan", "rice 5 kg", 750, None, "2026-01-12T20:00"),
        ("tomatoes, 2 per kg, minimum 10 crates, by wed", "tomatoes (kg)", 200, 10, "2026-01-07T20:00"),
        ("seeds", "seeds", None, None, None),
        ("flour until the cows come home", "flour until the cows come home", None, None, None),
        ("12 eggs, 3.20", "12 eggs", 320, None, None),
        ("bread 7 each", "bread", 700, None, None),
        ("beans at 3 euros", "beans", 300, None, None),
    ],
)  # fmt: skip
def test_lines_are_read(line: str, words: str, price: int | None, least: int | None, until: str | None) -> None:
    said = rule.read_order(line, now=NOW)
    assert (said.words, said.price) == (words, price)
    assert said.least == (None if least is None else Least(count=least))
    assert said.until == (None if until is None else at(until))


def test_a_minimum_may_be_money() -> None:
    assert rule.read_order("oil 5 per can, minimum 100 €", now=NOW).least == Least(amount=Amount(10_000))
    assert rule.read_order("oil 5 per can, minimum 100.00", now=NOW).least == Least(amount=Amount(10_000))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("oil, 0 per can", "more than nothing"),
        ("oil, -3 per can", "more than nothing"),
        ("oil, 1.234,50 per can", "thousands"),
        ("oil, minimum 0", "at least 1"),
        ("oil, minimum -4", "at least 1"),
        ("oil, minimum 0.00 €", "more than nothing"),
        ("oil, minimum 1000000", "too much"),
        ("oil until 2025-12-31", "over already"),
        ("oil until today 9:00", "over already"),
        ("oil until 2026-12-31", "far away"),
    ],
)
def test_what_cannot_be_is_refused_in_words(line: str, why: str) -> None:
    with pytest.raises(Refusal) as refused:
        rule.read_order(line, now=NOW)
    assert why in shown(refused.value.words, Reader())


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (rule.read_price, "12,50 €", 1250),
        (rule.read_price, "12.50 per can", 1250),
        (rule.read_price, "about ten", None),
        (rule.read_least, "10", Least(count=10)),
        (rule.read_least, "at least 10", Least(count=10)),
        (rule.read_least, "100 €", Least(amount=Amount(10_000))),
        (rule.read_least, "a few", None),
    ],
)
def test_answers_are_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("fri 18:00", "2026-01-09T18:00"),
        ("until fri", "2026-01-09T20:00"),
        ("3 days", "2026-01-08T20:00"),
        ("in 2 weeks", "2026-01-19T20:00"),
        ("2026-01-09 18:00", "2026-01-09T18:00"),
        ("whenever", None),
    ],
)
def test_deadlines_are_read(text: str, value: str | None) -> None:
    assert rule.read_until(text, now=NOW) == (None if value is None else at(value))


def test_the_last_evening_of_a_day_ends_at_midnight() -> None:
    late = NOW.replace(hour=21)
    assert rule.read_until("today", now=late) == at("2026-01-06T00:00")


@pytest.mark.parametrize(
    ("text", "how", "rest"),
    [
        ("delivery equally", "each", "delivery"),
        ("equally, delivery", "each", "delivery"),
        ("envío a partes iguales", "each", "envío"),
        ("Lieferung nach Menge", "size", "Lieferung"),
        ("delivery", None, "delivery"),
        ("", None, ""),
    ],
)
def test_how_costs_are_split_is_read(text: str, how: str | None, rest: str) -> None:
    assert rule.read_how(text) == (how, rest)


@pytest.mark.parametrize(
    ("text", "seats", "rest"),
    [
        ("hand out at the hall, 2 people", 2, "hand out at the hall"),
        ("repartir, 3 personas, en el local", 3, "repartir  , en el local"),
        ("fetch from the mill", 1, "fetch from the mill"),
        ("fetch, 99 people", 20, "fetch"),
        ("fetch, 0 people", 1, "fetch"),
    ],
)
def test_how_many_people_it_takes_is_read(text: str, seats: int, rest: str) -> None:
    found, words = rule.read_seats(text)
    assert found == seats
    assert words.split() == rest.split()


# --- the minimum -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "price", "least", "least_amount", "left"),
    [
        (9, 100, 10, None, 1),
        (10, 100, 10, None, 0),
        (0, 100, None, None, 1),
        (1, None, None, None, 0),
        (3, 1250, None, 5000, 1),
        (4, 1250, None, 5000, 0),
        (4, 1249, None, 5000, 1),
    ],
)
def test_the_minimum_is_reached_or_so_many_are_missing(
    total: int, price: int | None, least: int | None, least_amount: int | None, left: int
) -> None:
    assert rule.missing(total, price=price, least=least, least_amount=least_amount) == left


@given(st.integers(1, 10_000), st.integers(1, 10_000_000), st.integers(0, 20_000))
def test_a_minimum_in_money_is_met_by_exactly_so_many(price: int, least: int, total: int) -> None:
    left = rule.missing(total, price=price, least=None, least_amount=least)
    assert (total + left) * price >= least
    assert left == 0 or (total + left - 1) * price < least or total + left == 1


# --- who pays how much -------------------------------------------------------------------------------------------

_quantities = st.dictionaries(st.integers(1, 500), st.integers(1, rule.QUANTITY_MAX), min_size=1, max_size=30)
_costs = st.lists(
    st.builds(Cost, st.integers(1, 1_000_000), st.sampled_from(["size", "each"])), max_size=rule.SEATS_MAX
)
_prices = st.none() | st.integers(1, 1_000_000)


@given(_quantities, _prices, _costs)
def test_shares_sum_to_the_whole(quantities: dict[int, int], price: int | None, costs: list[Cost]) -> None:
    shares = rule.shares(quantities, price=price, costs=costs)
    whole = sum(quantities.values()) * (price or 0) + sum(cost.amount for cost in costs)
    assert sum(shares.values()) == whole


@given(_quantities, _prices, _costs)
def test_equals_pay_the_same_up_to_one_cent(quantities: dict[int, int], price: int | None, costs: list[Cost]) -> None:
    shares = rule.shares(quantities, price=price, costs=costs)
    for one in quantities:
        for other in quantities:
            if quantities[one] == quantities[other]:
                assert abs(shares[one] - shares[other]) <= 1
            if quantities[one] < quantities[other]:
                assert shares[one] <= shares[other] + 1


@given(_quantities, _prices, _costs)
def test_nobody_who_ordered_nothing_pays(quantities: dict[int, int], price: int | None, costs: list[Cost]) -> None:
    assert rule.shares(quantities, price=price, costs=costs).keys() == quantities.keys()
    assert rule.shares({}, price=price, costs=costs) == {}


@given(_quantities, _prices, _costs)
def test_nobody_pays_less_than_their_goods_or_a_cent_beside_their_exact_part(
    quantities: dict[int, int], price: int | None, costs: list[Cost]
) -> None:
    shares = rule.shares(quantities, price=price, costs=costs)
    total, people = sum(quantities.values()), len(quantities)
    for id_, quantity in quantities.items():
        goods = quantity * (price or 0)
        size = sum(cost.amount for cost in costs if cost.how == "size")
        each = sum(cost.amount for cost in costs if cost.how == "each")
        assert shares[id_] >= goods
        # In whole numbers, so that nothing is rounded here: their part times total times people.
        exact = size * quantity * people + each * total
        assert abs((shares[id_] - goods) * total * people - exact) < total * people


def test_costs_are_split_by_how_many_each_takes_or_for_each_the_same() -> None:
    quantities = {1: 1, 2: 2, 3: 3}
    assert rule.shares(quantities, price=100, costs=[Cost(600, "size")]) == {1: 200, 2: 400, 3: 600}
    assert rule.shares(quantities, price=100, costs=[Cost(600, "each")]) == {1: 300, 2: 400, 3: 500}
    assert rule.shares(quantities, price=None, costs=[Cost(1000, "each")]) == {1: 334, 2: 333, 3: 333}


# --- when it goes on ---------------------------------------------------------------------------------------------


def test_the_clock_looks_at_an_order_at_its_deadline_and_later_rarer() -> None:
    now = NOW.replace(tzinfo=UTC)
    until = now + timedelta(days=4)

    def look(state: rule.State, later: timedelta = timedelta()) -> datetime | None:
        return rule.next_look(state, until=until, since=now, now=now + later)

    assert look("open") == until
    assert look("short") == now + rule.LAPSES_AFTER
    assert look("ordered") == now + rule.ASK_AFTER
    assert look("ordered", rule.ASK_AFTER) == now + rule.OVER_AFTER
    assert look("done") is None
    assert look("off") is None


# --- turns -------------------------------------------------------------------------------------------------------


@given(
    st.integers(0, 5),
    st.dictionaries(st.integers(1, 50), st.integers(0, 5), max_size=12),
    st.frozensets(st.integers(1, 50), max_size=5),
)
def test_turns_go_to_those_who_have_had_the_fewest(free: int, times: dict[int, int], but: frozenset[int]) -> None:
    chosen = rule.share_out(free, times, but=but)
    left = times.keys() - but - set(chosen)
    assert len(chosen) == len(set(chosen)) == min(free, len(times.keys() - but))
    assert not but & set(chosen)
    for one in chosen:
        assert all((times[one], one) < (times[other], other) for other in left)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6, unique=True), st.integers(1, 60))
def test_over_many_turns_nobody_has_two_more_than_another(members: list[int], rounds: int) -> None:
    times = dict.fromkeys(members, 0)
    for _ in range(rounds):
        for one in rule.share_out(1, times, but=()):
            times[one] += 1
    assert max(times.values()) - min(times.values()) <= 1


BERLIN = ZoneInfo("Europe/Berlin")


def times(announced: str, start: str, hours: int = 2) -> rule.Times:
    begin = at(start).replace(tzinfo=BERLIN).astimezone(UTC)
    said = at(announced).replace(tzinfo=BERLIN).astimezone(UTC)
    return rule.Times(start=begin, end=begin + timedelta(hours=hours), announced=said)


def local(found: datetime | None) -> str:
    assert found is not None
    return f"{found.astimezone(BERLIN):%a %H:%M}"


@pytest.mark.parametrize(
    ("announced", "start", "shared", "reminded"),
    [
        ("2026-01-05T18:00", "2026-01-10T10:00", "Fri 10:00", "Fri 18:00"),
        ("2026-01-05T18:00", "2026-01-10T18:00", "Fri 18:00", "Sat 08:00"),
        ("2026-01-05T18:00", "2026-01-10T23:00", "Sat 08:00", "Sat 08:00"),
        ("2026-01-09T18:00", "2026-01-10T10:00", "Sat 08:00", "Sat 08:00"),
        ("2026-01-10T00:00", "2026-01-10T06:00", "Sat 03:00", "Sat 03:00"),
    ],
)
def test_a_turn_is_shared_out_and_reminded_of_by_day_where_that_can_be(
    announced: str, start: str, shared: str, reminded: str
) -> None:
    slot = times(announced, start)
    assert local(slot.step_at(rule.SHARED, BERLIN)) == shared
    assert local(slot.step_at(rule.REMINDED, BERLIN)) == reminded
    assert slot.step_at(rule.SHARED, BERLIN) <= slot.step_at(rule.REMINDED, BERLIN) < slot.start


def test_each_step_of_a_turn_is_taken_once_and_none_that_is_too_late() -> None:
    slot = times("2026-01-05T18:00", "2026-01-10T10:00")
    shared, reminded = (slot.step_at(step, BERLIN) for step in (rule.SHARED, rule.REMINDED))
    assert slot.steps_due(0, BERLIN, now=slot.announced) == []
    assert slot.steps_due(0, BERLIN, now=shared) == [rule.SHARED]
    assert slot.steps_due(rule.SHARED, BERLIN, now=shared) == []
    assert slot.steps_due(rule.SHARED, BERLIN, now=reminded) == [rule.REMINDED]
    assert slot.steps_due(0, BERLIN, now=slot.start) == [rule.SHARED, rule.REMINDED]
    assert slot.steps_due(0, BERLIN, now=slot.end) == [rule.OVER], "nobody is given a turn that is over"
    for done in (rule.OVER, rule.CALLED_OFF):
        assert slot.steps_due(done, BERLIN, now=slot.end) == []
        assert slot.next_at(done, BERLIN) is None
    assert slot.next_at(rule.REMINDED, BERLIN) == slot.end
