"""When tasks of the rota come, and what a line says: examples, and what holds for all."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import shifts as rule
from bot.domain.recurrence import instant
from bot.domain.shifts import Timing, Unclear, occurrences, read_crew, read_timing

NOW = datetime(2026, 1, 5, 18, 0)
BERLIN, ADELAIDE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Adelaide")
ZONES = (BERLIN, ADELAIDE, ZoneInfo("America/Sao_Paulo"), ZoneInfo("Africa/Lagos"), ZoneInfo("America/Santiago"))


def at(text: str) -> datetime:
    """A wall time."""
    return datetime.fromisoformat(text)


SATURDAYS = "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA"
SAID = (
    ("every 2 weeks sat 10:00", "2026-01-10 10:00", SATURDAYS, None),
    ("every second saturday 10:00", "2026-01-10 10:00", SATURDAYS, None),
    ("cada 2 semanas sáb 10:00", "2026-01-10 10:00", SATURDAYS, None),
    ("alle 2 Wochen Sa 10:00", "2026-01-10 10:00", SATURDAYS, None),
    ("jede zweite Woche samstags 10 Uhr", "2026-01-10 10:00", SATURDAYS, None),
    ("daily 18:00", "2026-01-06 18:00", "FREQ=DAILY", None),
    ("todos los días a las 18:00", "2026-01-06 18:00", "FREQ=DAILY", None),
    ("täglich 18 Uhr", "2026-01-06 18:00", "FREQ=DAILY", None),
    ("daily", "2026-01-06 00:00", "FREQ=DAILY", 1),
    ("every mon and thu 9:00", "2026-01-08 09:00", "FREQ=WEEKLY;BYDAY=MO,TH", None),
    ("cada lunes y jueves 9:00", "2026-01-08 09:00", "FREQ=WEEKLY;BYDAY=MO,TH", None),
    ("montags 9:00", "2026-01-12 09:00", "FREQ=WEEKLY;BYDAY=MO", None),
    ("first monday 19:00", "2026-01-05 19:00", "FREQ=MONTHLY;BYDAY=1MO", None),
    ("el primer lunes del mes a las 19:00", "2026-01-05 19:00", "FREQ=MONTHLY;BYDAY=1MO", None),
    ("jeden ersten Montag im Monat um 19 Uhr", "2026-01-05 19:00", "FREQ=MONTHLY;BYDAY=1MO", None),
    ("last friday 18:30", "2026-01-30 18:30", "FREQ=MONTHLY;BYDAY=-1FR", None),
    ("first monday", "2026-02-02 00:00", "FREQ=MONTHLY;BYDAY=1MO", 1),
    ("sat 14 feb 10:00", "2026-02-14 10:00", None, None),
    ("sáb 14 feb 10:00", "2026-02-14 10:00", None, None),
    ("Sa 14. Feb 10:00", "2026-02-14 10:00", None, None),
    ("14.2. 10:00", "2026-02-14 10:00", None, None),
    ("2026-02-14 10:00", "2026-02-14 10:00", None, None),
    ("tomorrow 10:00", "2026-01-06 10:00", None, None),
    ("12 feb", "2026-02-12 00:00", None, 1),
    ("any time this week", "2026-01-05 00:00", None, 7),
    ("en cualquier momento esta semana", "2026-01-05 00:00", None, 7),
    ("irgendwann diese Woche", "2026-01-05 00:00", None, 7),
    ("any time every week", "2026-01-12 00:00", "FREQ=WEEKLY;BYDAY=MO", 7),
)


@pytest.mark.parametrize(("words", "start", "rrule", "days"), SAID)
def test_when_is_read_as_people_write_it(words: str, start: str, rrule: str | None, days: int | None) -> None:
    timing = Timing(start=at(start), rule=rrule, days=days)
    count = len(words.split())
    assert read_timing(words.split(), now=NOW) == (timing, count)
    # What follows is left alone.
    assert read_timing([*words.split(), "2h", "crew", "2-3"], now=NOW) == (timing, count)
    # A kind that does not know the day reads as many words.
    found = read_timing(words.split())
    assert found is not None
    assert found[1] == count


@pytest.mark.parametrize(
    "words",
    [
        *("every fortnight-ish", "cada quincena o así", "alle paar Wochen", "every month", "sat 30 feb 10:00"),
        *("30.2. 10:00", "fri 14 feb 10:00", "2025-01-01 10:00", "every first", "Sa 31. Feb", "2026-02-30 9:00"),
    ],
)
def test_what_goes_wrong_is_not_guessed(words: str) -> None:
    with pytest.raises(Unclear):
        read_timing(words.split(), now=NOW)


@pytest.mark.parametrize("words", ["cleaning", "sun cream", "first aid", "2h", "crew 2-3", "Putzen am Haus", "todo"])
def test_a_name_is_no_time(words: str) -> None:
    assert read_timing(words.split(), now=NOW) is None


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("crew 2-3", (2, 3, 2)),
        ("crew 2", (2, 2, 2)),
        ("crew 2 to 3 people skill", (2, 3, 5)),
        ("equipo 2 a 3", (2, 3, 4)),
        ("Besetzung 2-3", (2, 3, 2)),
        ("2-3 personas", (2, 3, 2)),
        ("4 Leute", (4, 4, 2)),
        ("crew 3-2", (3, 2, 2)),
        ("crew", None),
        ("2h", None),
        ("people", None),
    ],
)
def test_how_many_do_it(words: str, found: tuple[int, int, int] | None) -> None:
    assert read_crew(words.split()) == found


def test_a_crew_has_somebody_and_a_most() -> None:
    assert [rule.is_crew(*crew) for crew in ((1, 1), (2, 3), (3, 2), (0, 2), (1, 20), (1, 21))] == [
        *(True, True, False, False, True, False)
    ]


def test_in_the_spring_gap_a_shift_moves_forward_and_comes_back_the_week_after() -> None:
    # In Berlin the clock goes from 2:00 to 3:00 on 29 March 2026.
    timing = Timing(start=at("2026-03-22 02:30"), rule="FREQ=WEEKLY;BYDAY=SU")
    locals_ = occurrences(timing, BERLIN, now=datetime(2026, 3, 20, tzinfo=UTC))[:3]
    assert [f"{local:%d %H:%M}" for local in locals_] == ["22 02:30", "29 02:30", "05 02:30"]
    instants = [instant(local, BERLIN) for local in locals_]
    assert [f"{one:%d %H:%M}" for one in instants] == ["22 01:30", "29 01:30", "05 00:30"]
    assert f"{instants[1].astimezone(BERLIN):%H:%M}" == "03:30"


def test_in_the_autumn_fold_a_shift_is_once_and_two_hours_are_two_hours() -> None:
    # In Berlin the clock goes from 3:00 back to 2:00 on 25 October 2026.
    timing = Timing(start=at("2026-10-24 02:30"), rule="FREQ=DAILY")
    locals_ = occurrences(timing, BERLIN, now=datetime(2026, 10, 23, tzinfo=UTC))
    assert [f"{local:%d}" for local in locals_[:3]] == ["24", "25", "26"]
    assert f"{instant(locals_[1], BERLIN):%d %H:%M}" == "25 00:30"
    assert rule.ends(timing, locals_[1], 120, BERLIN) - instant(locals_[1], BERLIN) == timedelta(hours=2)
    whole_day = Timing(start=at("2026-10-24"), rule="FREQ=DAILY", days=1)
    day = at("2026-10-25")
    assert rule.ends(whole_day, day, 60, BERLIN) - instant(day, BERLIN) == timedelta(hours=25)


RULES = st.sampled_from(
    [
        *("FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA"),
        *("FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=-1FR", None),
    ]
)
MOMENTS = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31))


@given(
    rrule=RULES,
    start=MOMENTS,
    later=st.integers(0, 400),
    days=st.one_of(st.none(), st.integers(1, 7)),
    zone=st.sampled_from(ZONES),
)
def test_shifts_are_ahead_in_order_at_one_time_of_the_wall(
    rrule: str | None, start: datetime, later: int, days: int | None, zone: ZoneInfo
) -> None:
    start = start.replace(second=0, microsecond=0)
    if days is not None:
        start = datetime.combine(start.date(), time())
    timing = Timing(start=start, rule=rrule, days=days)
    now = (start + timedelta(days=later)).replace(tzinfo=UTC)
    found = occurrences(timing, zone, now=now)
    assert found == sorted(set(found))
    assert all(local.time() == start.time() for local in found)
    assert all(instant(local, zone) <= now + rule.AHEAD for local in found)
    assert all(rule.ends(timing, local, 1, zone) > now for local in found)
    # A night later the same ones are there, but for those that have begun and those that are new.
    tomorrow = occurrences(timing, zone, now=now + timedelta(days=1))
    both = [one for one in found if one in tomorrow]
    assert found[len(found) - len(both) :] == both == tomorrow[: len(both)]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.integers(1, 5))
def test_the_middle_of_what_members_say_lies_between_and_one_voice_does_not_move_it_far(
    said: list[int], one: int
) -> None:
    middle = rule.rating(said)
    assert min(said) <= middle <= max(said)
    assert rule.rating(list(reversed(said))) == middle
    if said.count(said[0]) == len(said) > 1:
        assert rule.rating([*said, one]) == said[0]


def test_where_nobody_has_said_it_a_task_is_as_it_was_guessed() -> None:
    assert rule.rating([], 4) == 4
    assert rule.rating([]) == rule.RATING


def test_a_usual_task_is_known_in_every_language_and_an_assembly_is_three() -> None:
    names = [rule.template_named(name) for name in ("cleaning", "LIMPIEZA", "putzen")]
    assert names[0] is not None
    assert names == [names[0]] * 3
    assert rule.template_named("clean") is None
    assert len(rule.TEMPLATES["assembly"]) == 3
    for usual in (one for tasks in rule.TEMPLATES.values() for one in tasks):
        assert rule.is_crew(*usual.crew)
        assert usual.onerousness in rule.RATINGS
        assert usual.empowerment in rule.RATINGS
        assert usual.names.keys() == {"en", "es", "de"}


@given(st.text(max_size=60), st.sampled_from(["every 2 weeks sat 10:00", "daily", "", "sat 30 feb", "crew 2-3"]))
def test_no_words_break_the_reading(text: str, more: str) -> None:
    words = f"{text} {more}".split()
    for begin in range(len(words)):
        try:
            found = read_timing(words[begin:], now=NOW)
        except Unclear:
            continue
        if found is not None:
            assert 1 <= found[1] <= len(words) - begin
            assert found[0].start > NOW - timedelta(days=1)
