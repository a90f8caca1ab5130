"""Roles that go round: lots that everybody can check, terms, pauses, and how they are written."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import lot, offices, rostering, rounds, snapshots, turns
from bot.domain.offices import Load, Stretch, Turn
from bot.domain.rotation import Holding, Instance, Member, Role, Seat, Terms
from bot.domain.rounds import Stint

START = date(2026, 1, 5)
NAMES = ("ana", "ben", "cem", "dua", "eli")


# --- lots --------------------------------------------------------------------------------------------------------


def test_everybody_is_drawn_first_equally_often_and_every_order_comes_up() -> None:
    draws = 6000
    first: Counter[str] = Counter()
    orders: Counter[tuple[str, ...]] = Counter()
    for number in range(draws):
        first[lot.order(f"{number:064x}", number % 7, NAMES)[0]] += 1
        orders[lot.order(f"{number:064x}", number % 7, NAMES[:3])] += 1
    # The 99.9 % bounds of chi-square with 4 and with 5 degrees of freedom.
    for found, kinds, bound in ((first, 5, 18.47), (orders, 6, 20.52)):
        expected = draws / kinds
        assert len(found) == kinds
        assert sum((count - expected) ** 2 / expected for count in found.values()) < bound


@settings(max_examples=50)
@given(st.text(max_size=20), st.integers(1, 500), st.sets(st.text(min_size=1, max_size=5), max_size=8), st.randoms())
def test_the_order_of_names_and_who_joins_or_passes_moves_nobody_else(
    seed: str, term: int, members: set[str], chance: random.Random
) -> None:
    drawn = lot.order(seed, term, members)
    shuffled = sorted(members)
    chance.shuffle(shuffled)
    assert lot.order(seed, term, shuffled) == drawn
    joined = lot.order(seed, term, [*members, "somebody new"])
    assert tuple(one for one in joined if one != "somebody new") == drawn
    for one in members:
        assert lot.order(seed, term, members - {one}) == tuple(other for other in drawn if other != one)


# --- what a plan does with them ------------------------------------------------------------------------------------


def _seat(number: int, turn: int, *, minutes: int = 120) -> Seat:
    local = datetime.combine(START, datetime.min.time()) + timedelta(days=7 * number, hours=19)
    return Seat(
        id=f"chair {number}",
        shift=f"assembly {number}",
        task="chair",
        local=local,
        at=local.replace(tzinfo=UTC),
        minutes=minutes,
        onerousness=2,
        empowerment=5,
        turn=turn,
    )


def _rota(members: list[Member], role: Role, *, each: int = 2, count: int = 8) -> Instance:
    return Instance(
        start=START,
        days=56,
        members=tuple(members),
        seats=tuple(_seat(number, number // each + 1) for number in range(count)),
        roles=(role,),
        terms=Terms(moves_max=200),
        seed="monday",
    )


def test_a_term_by_lot_is_for_whom_the_announced_draw_names_in_plan_search_and_verification() -> None:
    announced = tuple((turn, f"{turn:064x}") for turn in range(1, 5))
    role = Role(task="chair", terms_max=1, cooldown=0, lot=True, announced=announced)
    # Ben has a veto, and Cem is away for the first term: neither is among those from whom it is drawn.
    people = [Member(id=name, share_minutes=3000) for name in NAMES]
    people[1] = replace(people[1], vetoes=frozenset({"chair"}))
    people[2] = replace(people[2], away=((START, START + timedelta(days=3)),))
    instance = _rota(people, role)
    plan = rostering.plan(instance)
    had = ""
    for turn, hash_ in announced:
        can = {"ana", "cem", "dua", "eli"} - {had} - ({"cem"} if turn == 1 else set())
        drawn = lot.order(hash_, turn, can)[0]
        assert {plan.holders[one.id] for one in instance.seats if one.turn == turn} == {drawn}
        had = drawn
    assert turns.for_term(instance, {}, "chair", 1) == (
        *lot.order(announced[0][1], 1, {"ana", "dua", "eli"}),
        "cem",
    )
    turned = replace(instance, members=instance.members[::-1], seats=instance.seats[::-1])
    read = snapshots.read(snapshots.snapshot(turned))
    assert snapshots.verify(read, snapshots.plan_hash(instance, plan.holders))
    # Another announcement is another draw: the hash does not fit any more.
    other = replace(role, announced=tuple((turn, f"{turn + 9:064x}") for turn in range(1, 5)))
    assert not snapshots.verify(replace(read, roles=(other,)), snapshots.plan_hash(instance, plan.holders))


def test_by_deficit_whoever_has_had_least_of_it_for_their_hours_has_the_whole_term() -> None:
    role = Role(task="chair", terms_max=1, cooldown=9)
    people = [
        Member(id="ana", share_minutes=2000, empowerment=4000),
        Member(id="ben", share_minutes=1000, empowerment=1500),
        Member(id="cem", share_minutes=1000, empowerment=3000),
    ]
    instance = _rota(people, role, count=6)
    plan = rostering.plan(instance)
    assert [plan.holders[f"chair {number}"] for number in range(6)] == ["ben", "ben", "ana", "ana", "cem", "cem"]
    # Whoever has some of a term has the rest of it too; who steps in for one evening takes only that.
    begun = replace(instance, held=(Holding(seat="chair 0", member="cem", stage="frozen"),))
    assert rostering.plan(begun).holders["chair 1"] == "cem"
    declined = replace(begun, declined=frozenset({("cem", "chair 1")}))
    assert rostering.plan(declined).holders["chair 1"] == "ben"
    assert turns.term_seats(instance, {}, "chair", 2, "ana") == ("chair 2", "chair 3")


def test_where_deficits_are_equal_one_comes_first_whatever_order_members_stand_in() -> None:
    role = Role(task="chair", terms_max=2, cooldown=1)
    people = [Member(id=name, share_minutes=1200) for name in NAMES]
    plan = rostering.plan(_rota(people, role))
    assert rostering.plan(_rota(people[::-1], role)).holders == plan.holders
    # All have been equal before the first, and nobody is twice before everybody was once.
    assert len({plan.holders[f"chair {number}"] for number in (0, 2, 4, 6)}) == 4


# --- roles that the committee gives --------------------------------------------------------------------------------


def test_offices_go_first_to_those_without_another_then_by_work_for_their_hours() -> None:
    line = [Turn(member=one, why="never") for one in range(1, 6)]
    loads = {
        1: Load(roles=0, power=600, share=600),
        2: Load(roles=1, power=0, share=600),
        3: Load(roles=0, power=600, share=1200),
        4: Load(roles=0, power=0, share=0),
        5: Load(roles=0, power=300, share=600),
    }
    assert [one.member for one in offices.least_first(line, loads)] == [3, 5, 1, 2, 4]
    assert {one.why for one in offices.least_first(line, loads)} == {"deficit"}


HALF = Stretch(count=6, unit="months")


@pytest.mark.parametrize(
    ("stints", "most", "rests"),
    [
        ([], 1, None),
        ([(0, 6)], 1, 12),
        ([(0, 6)], 2, None),
        ([(0, 6), (6, 12)], 2, 18),
        # Two months between are no pause; five are one.
        ([(0, 6), (8, 14)], 2, 20),
        ([(0, 6), (11, 14)], 2, None),
        # Whoever goes on for a year without a new term has had two.
        ([(0, 12)], 2, 18),
        # It is over for longer than the pause.
        ([(-20, -14)], 1, None),
    ],
)
def test_who_has_had_a_role_as_often_as_may_be_has_a_pause(
    stints: list[tuple[int, int]], most: int, rests: int | None
) -> None:
    begin = date(2026, 1, 1)
    had = [
        Stint(since=begin + relativedelta(months=one), until=begin + relativedelta(months=two)) for one, two in stints
    ]
    today = max([one.until for one in had if one.until], default=begin)
    today = max(today, begin)
    until = rounds.rests_until(had, stretch=HALF, most=most, pause=1, today=today)
    assert until == (None if rests is None else begin + relativedelta(months=rests))


def test_who_has_it_for_the_last_time_now_is_not_asked_again_either() -> None:
    had = [Stint(since=date(2026, 1, 1), until=None)]
    today = date(2026, 6, 20)
    assert rounds.rests_until(had, stretch=HALF, most=1, pause=0, today=today) == date(2026, 6, 21)
    assert rounds.rests_until(had, stretch=HALF, most=2, pause=1, today=today) is None


# --- terms and words -----------------------------------------------------------------------------------------------


@given(
    st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    st.integers(0, 2000),
    st.integers(1, 12),
    st.sampled_from(("days", "weeks", "months", "years")),
)
def test_every_day_is_in_exactly_one_term(begin: date, later: int, count: int, unit: offices.Unit) -> None:
    stretch = Stretch(count=count, unit=unit)
    first = rounds.first_day(begin, stretch)
    day = begin + timedelta(days=later)
    turn = rounds.turn_of(day, first=first, stretch=stretch)
    assert rounds.begin_of(turn, first=first, stretch=stretch) <= day
    assert day < rounds.begin_of(turn + 1, first=first, stretch=stretch)


@pytest.mark.parametrize(
    ("line", "term", "how", "most", "pause"),
    [
        ("every 4 weeks lot, at most 2 in a row, pause 2", Stretch(count=4, unit="weeks"), "lot", 2, 2),
        ("each time by deficit, max 1, pause 0", "each", "deficit", 1, 0),
        ("every month by lot at most 3 terms pause 1 term", Stretch(count=1, unit="months"), "lot", 3, 1),
        ("cada 3 meses por sorteo, como máximo 2 seguidas, pausa 1", Stretch(count=3, unit="months"), "lot", 2, 1),
        ("cada vez por déficit máximo 2 pausa 0", "each", "deficit", 2, 0),
        ("alle 4 Wochen per Los, höchstens 2 hintereinander, Pause 2", Stretch(count=4, unit="weeks"), "lot", 2, 2),
        ("jedes Mal nach Defizit höchstens 2 Pause 1", "each", "deficit", 2, 1),
    ],
)
def test_a_rule_is_read_in_three_languages(line: str, term: object, how: str, most: int, pause: int) -> None:
    words = line.split()
    found: list[object] = []
    for read in (rounds.read_term, rounds.read_how, rounds.read_most, rounds.read_pause):
        assert rounds.begins(words), words
        value = read(words)
        assert value is not None, (read, words)
        found.append(value[0])
        words = words[value[1] :]
    assert found == [term, how, most, pause]
    assert words == []
    assert not rounds.begins(["chair", "every", "week"])
