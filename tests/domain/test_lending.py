"""Things to lend: what lines say, who has a thing when, who comes next, and when somebody is reminded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import lending
from bot.domain.lending import ALIVE, STEPS, Asked, Lent, Span, State, Wish

MONDAY = date(2026, 1, 5)


def day(n: int) -> date:
    """So many days after a Monday."""
    return MONDAY + timedelta(days=n)


@pytest.mark.parametrize(
    ("line", "words", "days"),
    [
        ("ladder, a week", "ladder", 7),
        ("ladder", "ladder", None),
        ("ladder, two people carry it, 10d", "ladder, two people carry it", 10),
        ("ladder, a week, two people carry it", "ladder, two people carry it", 7),
        ("ladder for up to 2 weeks", "ladder", 14),
        ("escalera, una semana", "escalera", 7),
        ("taladro por 3 días", "taladro", 3),
        ("carpa, fin de semana", "carpa", 3),
        ("Leiter, zwei Wochen, schwer", "Leiter, schwer", 14),
        ("Zelt für höchstens 3 Tage", "Zelt", 3),
        ("Beamer, ein Monat", "Beamer", 30),
        ("a week", "a week", None),
        ("ladder, 0 days", "ladder, 0 days", None),
        ("ladder, 999 days", "ladder, 999 days", None),
    ],
)
def test_a_line_says_what_is_lent_and_for_how_long(line: str, words: str, days: int | None) -> None:
    assert lending.read_lent(line) == Lent(words=words, days=days)


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("ladder", Asked(words="ladder")),
        ("ladder for 3 days", Asked(words="ladder", days=3)),
        ("ladder 3d", Asked(words="ladder", days=3)),
        ("1 1d", Asked(words="1", days=1)),
        ("1, a week", Asked(words="1", days=7)),
        ("ladder from fri to sun", Asked(words="ladder", first=day(4), last=day(6))),
        ("ladder from fri", Asked(words="ladder", first=day(4))),
        ("ladder from tomorrow for 2 days", Asked(words="ladder", days=2, first=day(1))),
        ("ladder until 12 jan", Asked(words="ladder", last=day(7))),
        ("ladder from bauhaus", Asked(words="ladder from bauhaus")),
        ("ladder from bauhaus from fri", Asked(words="ladder from bauhaus", first=day(4))),
        ("ladder from 12 to 15 jan", Asked(words="ladder", first=day(7), last=day(10))),
        ("ladder from 16 to 15 jan", Asked(words="ladder from 16 to 15 jan")),
        ("escalera de viernes a domingo", Asked(words="escalera", first=day(4), last=day(6))),
        ("escalera del 12 al 15 de enero", Asked(words="escalera", first=day(7), last=day(10))),
        ("mesa de ping pong hasta el viernes", Asked(words="mesa de ping pong", last=day(4))),
        ("Leiter von Freitag bis Sonntag", Asked(words="Leiter", first=day(4), last=day(6))),
        ("Leiter bis zum 12. Januar", Asked(words="Leiter", last=day(7))),
        ("", Asked(words="")),
    ],
)
def test_a_line_says_what_is_wanted_and_when(line: str, asked: Asked) -> None:
    assert lending.read_asked(line, today=MONDAY) == asked


@given(st.text(max_size=80))
def test_no_line_is_too_strange_to_read(line: str) -> None:
    lent, asked = lending.read_lent(line), lending.read_asked(line, today=MONDAY)
    assert lent.days is None or 1 <= lent.days <= lending.DAYS_MAX
    assert asked.days is None or 1 <= asked.days <= lending.DAYS_MAX
    assert all(found is None or found >= MONDAY for found in (asked.first, asked.last))


@given(st.text(min_size=1, max_size=200))
def test_a_name_fits_a_line(words: str) -> None:
    assert len(lending.name_of(words)) <= lending.NAME_CHARACTERS_MAX
    assert lending.name_of("ladder, two people carry it") == "ladder"


# --- who has it when -----------------------------------------------------------------------------------------------

days = st.integers(0, 30).map(day)
spans = st.tuples(days, st.integers(0, 9)).map(lambda of: Span(of[0], of[0] + timedelta(days=of[1])))


@st.composite
def wishes(draw: st.DrawFn, id_: int = 1) -> Wish:
    """As soon as it can be had, or on certain days."""
    first, length = draw(st.none() | days), draw(st.integers(0, 9))
    last = first + timedelta(days=length) if first else draw(st.none() | days)
    return Wish(id=id_, days=draw(st.integers(1, 20)), first=first, last=last)


@given(wish=wishes(), taken=st.lists(spans, max_size=5), today=days, longest=st.integers(1, 14))
def test_nobody_gets_days_that_are_taken_or_over_or_too_many(
    wish: Wish, taken: list[Span], today: date, longest: int
) -> None:
    found = lending.fit(wish, taken, today=today, longest=longest)
    if found is None:
        return
    assert today <= found.first <= found.last <= found.first + timedelta(days=longest)
    assert not any(found.meets(span) for span in taken)
    assert wish.first is None or found.first == max(wish.first, today)
    assert wish.last is None or found.last <= wish.last


@given(wish=wishes(), today=days, longest=st.integers(1, 14))
def test_what_nobody_has_can_be_had_unless_the_days_are_over(wish: Wish, today: date, longest: int) -> None:
    found = lending.fit(wish, [], today=today, longest=longest)
    assert (found is None) == lending.passed(wish, today=today)


@given(
    line=st.lists(wishes(), max_size=6),
    taken=st.lists(spans, max_size=4),
    today=days,
    longest=st.integers(1, 14),
)
def test_next_is_whoever_asked_first_and_can_have_it(
    line: list[Wish], taken: list[Span], today: date, longest: int
) -> None:
    line = [replace(wish, id=place) for place, wish in enumerate(line)]
    found = lending.next_in_line(line, taken, today=today, longest=longest)
    fits = [lending.fit(wish, taken, today=today, longest=longest) for wish in line]
    if found is None:
        assert not any(fits)
    else:
        assert fits[: found[0]] == [None] * found[0], "nobody who could have it is passed over"
        assert found[1] == fits[found[0]]


@given(line=st.lists(wishes(), max_size=6))
def test_everybody_in_line_has_as_many_before_them_as_came_before(line: list[Wish]) -> None:
    line = [replace(wish, id=place) for place, wish in enumerate(line)]
    assert [lending.before(line, wish.id) for wish in line] == list(range(len(line)))


@given(due=days, more=st.integers(1, 14), taken=st.lists(spans, max_size=4), today=days)
def test_longer_is_later_and_never_into_anothers_days(due: date, more: int, taken: list[Span], today: date) -> None:
    found = lending.longer(due, more, taken, today=today)
    if found is None:
        return
    assert max(due, today) < found <= max(due, today) + timedelta(days=more)
    assert not any(due < span.first <= found for span in taken)


def test_what_is_late_takes_today_too_and_what_is_here_takes_the_days_before_it_began() -> None:
    late = lending.taken(Span(day(0), day(3)), today=day(9), here=True)
    assert late == Span(day(0), day(9))
    assert lending.fit(Wish(id=1, days=3), [late], today=day(9), longest=7) is None
    assert lending.taken(Span(day(5), day(7)), today=day(2), here=True) == Span(day(2), day(7))
    assert lending.taken(Span(day(5), day(7)), today=day(2), here=False) == Span(day(5), day(7))


@pytest.mark.parametrize(
    ("wish", "others", "due"),
    [
        (Wish(id=1, days=5), [], 8),
        (Wish(id=1, days=20), [], 10),
        (Wish(id=1, days=5), [Span(day(6), day(7))], 5),
        (Wish(id=1, days=5), [Span(day(4), day(4))], 3),
        (Wish(id=1, days=5, first=day(1), last=day(4)), [], 4),
        (Wish(id=1, days=5, first=day(1), last=day(2)), [], 8),
    ],
)
def test_handed_over_later_it_is_due_later_but_before_others_and_never_too_late(
    wish: Wish, others: list[Span], due: int
) -> None:
    assert lending.due_day(day(3), wish, others, longest=7) == day(due)


# --- the whole life of a thing, against the calendar ---------------------------------------------------------------


@dataclass
class Held:
    """A wish on its way."""

    wish: Wish
    state: State
    span: Span | None = None


acts = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["ask", "go", "end", "longer", "day"])), max_size=40)


@given(acts=acts, wanted=st.lists(wishes(), min_size=4, max_size=4), longest=st.integers(1, 14))
def test_whatever_happens_no_two_are_promised_the_same_day_and_one_at_most_has_it(
    acts: list[tuple[int, str]], wanted: list[Wish], longest: int
) -> None:
    today, there = MONDAY, dict[int, Held]()

    def others(who: int) -> list[Span]:
        return [
            lending.taken(held.span, today=today, here=held.state == "out")
            for id_, held in there.items()
            if id_ != who and held.span is not None
        ]

    for who, act in acts:
        held = there.get(who)
        if act == "day":
            today += timedelta(days=1)
        elif act == "ask" and held is None:
            wish = replace(wanted[who], id=who)
            span = lending.fit(wish, others(who), today=today, longest=longest)
            there[who] = Held(wish, "promised" if span else "waiting", span)
        elif act == "go" and held is not None and held.state == "promised" and held.span is not None:
            if any(other.state == "out" for other in there.values()) or (
                today < held.span.first and any(span.meets(Span(today, today)) for span in others(who))
            ):
                continue
            last = lending.due_day(today, held.wish, others(who), longest=longest)
            assert today <= last <= today + timedelta(days=longest)
            held.state, held.span = "out", Span(today, last)
        elif act == "longer" and held is not None and held.state == "out" and held.span is not None:
            until = lending.longer(held.span.last, 3, others(who), today=today)
            held.span = Span(held.span.first, until or held.span.last)
        elif act == "end" and held is not None:
            del there[who]
            line = [other.wish for other in there.values() if other.state == "waiting"]
            while found := lending.next_in_line(line, others(-1), today=today, longest=longest):
                there[found[0]].state, there[found[0]].span = "promised", found[1]
                line = [wish for wish in line if wish.id != found[0]]
        assert sum(held.state == "out" for held in there.values()) <= 1
        ahead = [held.span for held in there.values() if held.span is not None and held.span.last >= today]
        assert not any(one.meets(other) for place, one in enumerate(ahead) for other in ahead[place + 1 :])


# --- reminders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(STEPS))
def test_every_step_comes_once_in_turn_and_then_there_is_peace(state: State) -> None:
    seen, at = [], MONDAY - timedelta(days=30)
    while (following := lending.next_day(state, MONDAY, after=at)) is not None:
        at = following
        seen.append(lending.step_on(state, MONDAY, today=at))
    assert seen == list(STEPS[state])
    assert [step for step in STEPS[state] if lending.ends(state, step)] == [STEPS[state][-1]]


def test_reminders_of_what_is_late_grow_rarer() -> None:
    steps = [step for step in STEPS["out"] if step >= 0]
    gaps = [later - earlier for earlier, later in pairwise(steps)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > gaps[0]


def test_who_waits_is_reminded_of_nothing() -> None:
    assert lending.next_day("waiting", MONDAY, after=MONDAY) is None
    assert {state for state in ALIVE if state not in STEPS} == {"waiting"}
