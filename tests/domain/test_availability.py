"""When somebody can: what is written is read, what is kept is read back, and days away add up."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import availability as rule
from bot.domain.availability import Away, Task
from bot.domain.rotation import ALWAYS, PARTS, Slot

SLOTS = st.frozensets(st.sampled_from(sorted(ALWAYS)))
TODAY = date(2026, 2, 3)
SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(
        lambda at: (TODAY + timedelta(days=at[0] - 20), TODAY + timedelta(days=at[0] + at[1] - 20))
    ),
    max_size=6,
)


def _slots(*days: int, parts: tuple[str, ...] = rule.AT_DAY) -> frozenset[Slot]:
    return frozenset((day, part) for day in days for part in PARTS if part in parts)


def _days(spans: tuple[Away, ...] | list[Away]) -> set[date]:
    return {first + timedelta(days=at) for first, last in spans for at in range((last - first).days + 1)}


EVENINGS = ("evening",)
WORK = range(5)


@pytest.mark.parametrize(
    ("line", "slots"),
    [
        ("mon evening, sat", _slots(0, parts=EVENINGS) | _slots(5)),
        ("Mon evening and Sat", _slots(0, parts=EVENINGS) | _slots(5)),
        ("mon and tue evening", _slots(0, 1, parts=EVENINGS)),
        ("mon, tue evening", _slots(0) | _slots(1, parts=EVENINGS)),
        ("evenings mon, mornings sat", _slots(0, parts=EVENINGS) | _slots(5, parts=("morning",))),
        ("weekdays, evening", _slots(*WORK, parts=EVENINGS)),
        ("weekends", _slots(5, 6)),
        ("fri-mon", _slots(4, 5, 6, 0)),
        ("evenings", _slots(*range(7), parts=EVENINGS)),
        ("every day", _slots(*range(7))),
        ("sat night", _slots(5, parts=("night",))),
        ("lunes a viernes por la tarde", _slots(*WORK, parts=("afternoon",))),
        ("de lunes a viernes por la noche y el sábado", _slots(*WORK, parts=EVENINGS) | _slots(5)),
        ("los sábados por la mañana y el domingo", _slots(5, parts=("morning",)) | _slots(6)),
        ("entre semana por la madrugada", _slots(*WORK, parts=("night",))),
        ("Mo–Fr abends, Sa", _slots(*WORK, parts=EVENINGS) | _slots(5)),
        ("montags und mittwochs früh", _slots(0, 2, parts=("morning",))),
        ("jeden Tag nachmittags", _slots(*range(7), parts=("afternoon",))),
        ("always", ALWAYS),
        ("siempre", ALWAYS),
        ("immer", ALWAYS),
        ("never", frozenset()),
        ("nunca", frozenset()),
        ("nie", frozenset()),
    ],
)
def test_days_and_parts_are_read_as_people_write_them(line: str, slots: frozenset[Slot]) -> None:
    assert rule.read_slots(line) == slots


@pytest.mark.parametrize("line", ["", "soon", "sat 10:00", "mon evening except tue", "fortnightly-ish", ", ;"])
def test_what_is_no_time_of_the_week_is_not_guessed(line: str) -> None:
    assert rule.read_slots(line) is None


@given(SLOTS)
def test_what_is_kept_is_read_back(slots: frozenset[Slot]) -> None:
    assert rule.read_slots(rule.line_of(slots)) == slots


@given(SLOTS, st.integers(0, 6), st.sampled_from(PARTS), st.booleans())
def test_a_button_changes_one_part_of_one_day_and_twice_is_once(
    slots: frozenset[Slot], day: int, part: str, on: bool
) -> None:
    at = next(one for one in PARTS if one == part)
    changed = rule.set_part(slots, day, at, on=on)
    assert ((day, at) in changed) == on
    assert changed ^ slots <= {(day, at)}
    assert rule.set_part(changed, day, at, on=on) == changed


@given(st.text(max_size=60))
def test_no_line_breaks_the_reading(line: str) -> None:
    slots = rule.read_slots(line)
    assert slots is None or slots <= ALWAYS
    span = rule.read_away(line, today=TODAY)
    assert span is None or timedelta() <= span[1] - span[0] < timedelta(days=rule.AWAY_DAYS_MAX)


# --- away ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("1 feb to 14 feb", "2026-02-01", "2026-02-14"),
        ("1-14 feb", "2026-02-01", "2026-02-14"),
        ("1 to 14 feb", "2026-02-01", "2026-02-14"),
        ("feb 10 to feb 12", "2026-02-10", "2026-02-12"),
        ("10 feb-14 feb", "2026-02-10", "2026-02-14"),
        ("until 14 feb", "2026-02-03", "2026-02-14"),
        ("from fri till mon", "2026-02-06", "2026-02-09"),
        ("tomorrow", "2026-02-04", "2026-02-04"),
        ("2026-02-10 to 2026-02-12", "2026-02-10", "2026-02-12"),
        ("20 jan - 30 jan", "2026-01-20", "2026-01-30"),
        ("del 1 al 14 de febrero", "2026-02-01", "2026-02-14"),
        ("del 20 de diciembre al 7 de enero", "2026-12-20", "2027-01-07"),
        ("hasta el 14 de febrero", "2026-02-03", "2026-02-14"),
        ("vom 1. bis 14. Februar", "2026-02-01", "2026-02-14"),
        ("1.2.-14.2.", "2026-02-01", "2026-02-14"),
        ("1.2. bis 14.2.", "2026-02-01", "2026-02-14"),
        ("1.-14.2.", "2026-02-01", "2026-02-14"),
        ("1 mar to 14 mar", "2026-03-01", "2026-03-14"),
        ("mar 1", "2026-03-01", "2026-03-01"),
        ("hasta el mar", "2026-02-03", "2026-02-03"),
        ("bis Freitag", "2026-02-03", "2026-02-06"),
    ],
)
def test_days_away_are_read_as_people_write_them(line: str, first: str, last: str) -> None:
    assert rule.read_away(line, today=TODAY) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("line", ["", "soon", "30 feb to 2 mar", "14 feb to 1 feb", "1 feb to", "mon evening", "to 3"])
def test_what_are_no_days_is_not_guessed(line: str) -> None:
    assert rule.read_away(line, today=TODAY) is None


@given(st.dates(TODAY - timedelta(days=30), TODAY + timedelta(days=300)), st.integers(0, 150))
def test_days_away_are_read_as_they_are_written_out(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    assert rule.read_away(f"{first.isoformat()} to {last.isoformat()}", today=TODAY) == (first, last)


@given(SPANS)
def test_spans_become_one_where_they_touch_and_no_day_is_lost(spans: list[Away]) -> None:
    merged = rule.merged(spans)
    assert _days(merged) == _days(spans)
    assert all(one[1] + timedelta(days=1) < other[0] for one, other in itertools.pairwise(merged))
    assert rule.merged(merged) == merged


@given(SPANS, st.data())
def test_taking_a_span_back_frees_its_days_from_today_on_and_no_others(spans: list[Away], data: st.DataObject) -> None:
    if not spans:
        return
    span = data.draw(st.sampled_from(spans))
    left = rule.back(rule.merged(spans), span, today=TODAY)
    assert _days(left) == {day for day in _days(spans) if day < TODAY or day not in _days([span])}


# --- wishes and skills -----------------------------------------------------------------------------------------------


def test_what_is_said_of_a_task_itself_comes_before_its_name_and_that_before_its_kind() -> None:
    hall = Task(id="7", kind=3, names=("Clean the hall", "Limpiar la sala"))
    assert rule.wish_for(hall, {"kind:3": "like"}) == "like"
    assert rule.wish_for(hall, {"kind:3": "like", "words:clean hall": "veto"}) == "veto"
    assert rule.wish_for(hall, {"words:limpiar": "dislike", "task:7": "like"}) == "like"
    assert rule.wish_for(hall, {"words:clean": "like", "words:hall": "veto"}) == "veto"
    assert rule.wish_for(hall, {"kind:4": "veto", "task:8": "veto", "words:cook": "veto"}) is None


def test_one_skill_has_one_name_however_it_is_written() -> None:
    assert rule.skill_name("first_aid") == "first aid"
    assert {rule.skill_key(name) for name in ("first_aid", "First  Aid", "FIRST aid")} == {"first aid"}
    assert rule.skill_name("12") is None
    assert rule.skill_name("x" * 31) is None
