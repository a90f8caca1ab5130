"""Who is asked for a seat, how long each has, and which seats may change hands."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import asking, quiet
from bot.domain.asking import Move
from bot.domain.quiet import Hours
from bot.domain.rotation import ALWAYS, Holding, Instance, Member, Seat

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Australia/Adelaide", "America/Sao_Paulo")]
START = date(2026, 3, 2)
NOW = datetime(2026, 3, 1, tzinfo=UTC)

_clock = st.times().map(lambda one: one.replace(second=0, microsecond=0))
hours = st.none() | st.builds(Hours, _clock, _clock)
instants = st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30)).map(lambda one: one.replace(tzinfo=UTC))


def quiet_within(hours_: Hours | None, zone: ZoneInfo, begin: datetime, end: datetime) -> timedelta:
    """How much of a time lies in quiet hours, half hour by half hour."""
    halves = int((end - begin) / timedelta(minutes=30))
    at = [begin + timedelta(minutes=30 * n) for n in range(halves)]
    return timedelta(minutes=30 * sum(quiet.after_quiet(hours_, one, zone) > one for one in at))


@given(
    hours=hours, zone=st.sampled_from(ZONES), now=instants, left=st.timedeltas(timedelta(minutes=1), timedelta(days=20))
)
def test_nobody_has_to_answer_in_the_night_nor_after_it_has_begun(
    hours: Hours | None, zone: ZoneInfo, now: datetime, left: timedelta
) -> None:
    begins = now + left
    by = asking.answer_by(hours, zone, now=now, begins=begins)
    assert now <= by <= begins
    if by < begins:
        assert quiet.after_quiet(hours, by, zone) == by


@settings(max_examples=40)
@given(now=instants, span=st.integers(1, 12))
def test_so_much_time_is_had_outside_of_quiet_hours(now: datetime, span: int) -> None:
    now = now.replace(minute=0, second=0, microsecond=0)
    by = asking.awake_for(quiet.HOURS_DEFAULT, ZONES[0], now, timedelta(hours=span))
    awake = (by - now) - quiet_within(quiet.HOURS_DEFAULT, ZONES[0], now, by)
    assert awake == timedelta(hours=span)


@given(st.timedeltas(timedelta(), timedelta(days=60)), st.timedeltas(timedelta(), timedelta(days=60)))
def test_the_less_time_is_left_the_shorter_one_waits(one: timedelta, other: timedelta) -> None:
    less, more = sorted((one, other))
    short, long = asking.turn_time(less), asking.turn_time(more)
    assert (short or timedelta()) <= (long or timedelta())


def test_a_week_before_about_a_day_a_day_before_two_hours_and_a_few_hours_before_all_at_once() -> None:
    turns = [asking.turn_time(timedelta(hours=left)) for left in (24 * 7, 24 * 6, 24, 6, 5)]
    assert turns == [timedelta(hours=n) for n in (12, 6, 2, 2)] + [None]


# --- seats that change hands -----------------------------------------------------------------------------------------


def seat(id_: str, day: int, at: int = 10, *, skill: str | None = None) -> Seat:
    local = datetime.combine(START + timedelta(days=day), time(at))
    return Seat(
        id=id_, shift=f"s{day}.{at}", task=f"t{at}", local=local, at=local.replace(tzinfo=UTC), minutes=120,
        onerousness=3, empowerment=3, skill=skill,
    )  # fmt: skip


def member(id_: str, **more: object) -> Member:
    return Member(**{"id": id_, "share_minutes": 6000, "available": ALWAYS, **more})  # type: ignore[arg-type]


@st.composite
def rotas(draw: st.DrawFn) -> tuple[Instance, str]:
    """A small rota in which somebody has just given back the seat that is returned."""
    people = [
        member(
            f"m{n}",
            skills=frozenset({"x"}) if draw(st.booleans()) else frozenset(),
            away=((START + timedelta(days=draw(st.integers(0, 6))),) * 2,) if draw(st.booleans()) else (),
            vetoes=frozenset({"t10"}) if draw(st.integers(0, 5)) == 0 else frozenset(),
        )
        for n in range(draw(st.integers(1, 5)))
    ]
    seats = [
        seat(f"e{n}", draw(st.integers(0, 6)), draw(st.sampled_from((10, 11, 15))))
        for n in range(draw(st.integers(2, 8)))
    ]
    held = [
        Holding(seat=one.id, member=draw(st.sampled_from(people)).id, stage="frozen", agreed=draw(st.booleans()))
        for one in seats[1:]
        if draw(st.booleans())
    ]
    return Instance(
        start=START,
        days=7,
        members=tuple(people),
        seats=tuple(seats),
        held=tuple(held),
        declined=frozenset((one.id, "e0") for one in people if draw(st.integers(0, 2)) == 0),
        seed="x",
    ), "e0"


@given(rotas())
def test_a_decline_moves_at_most_two_other_seats_none_that_somebody_said_yes_to_and_asks_nobody_who_cannot(
    found: tuple[Instance, str],
) -> None:
    instance, free = found
    line = asking.line(instance, free)
    people = {one.id: one for one in instance.members}
    assert not {(one, free) for one in line.members} & instance.declined
    day = next(one.local.date() for one in instance.seats if one.id == free)
    assert not [one for one in line.members if (day, day) in people[one].away]
    assert not (line.members and line.moves)
    if line.moves:
        others = [seat_ for seat_, _, _ in line.moves if seat_ != free]
        assert 1 <= len(others) <= 2
        assert not [one for one in instance.held if one.agreed and one.seat in others]
        assert (line.moves[0][0], line.moves[0][1]) == (free, None)
        assert not {(taker, seat_) for seat_, _, taker in line.moves} & instance.declined
        holders = {one.seat: one.member for one in instance.held}
        after = asking.carried_out(line.moves, holders)
        assert after is not None
        assert set(after) == {*holders, free}


@given(rotas(), st.data())
def test_seats_change_hands_whole_or_not_at_all(found: tuple[Instance, str], data: st.DataObject) -> None:
    instance, _ = found
    holders = {one.seat: one.member for one in instance.held}
    seats, people = [one.id for one in instance.seats], [one.id for one in instance.members]
    moves: list[Move] = data.draw(
        st.lists(
            st.tuples(st.sampled_from(seats), st.none() | st.sampled_from(people), st.sampled_from(people)),
            min_size=1,
            max_size=3,
        )
    )
    after = asking.carried_out(moves, holders)
    whole = len({one for one, _, _ in moves}) == len(moves) and all(holders.get(one) == who for one, who, _ in moves)
    assert (after is not None) == whole
    if after is not None:
        assert {one: after[one] for one, _, _ in moves} == {one: who for one, _, who in moves}
        assert {one: who for one, who in after.items() if one not in {m for m, _, _ in moves}} == {
            one: who for one, who in holders.items() if one not in {m for m, _, _ in moves}
        }
    if asking.possible(instance, moves):
        assert after is not None
        by_id = {one.id: one for one in instance.seats}
        for one, _, taker in moves:
            clashes = [
                other
                for other, who in after.items()
                if who == taker
                and other != one
                and by_id[other].local < by_id[one].local + timedelta(minutes=120)
                and by_id[one].local < by_id[other].local + timedelta(minutes=120)
            ]
            assert clashes == []


def test_a_swap_needs_what_both_can_take() -> None:
    able, other = member("able", skills=frozenset({"x"})), member("other")
    seats = (seat("a", 0, skill="x"), seat("b", 1))
    held = (Holding(seat="a", member="able", stage="frozen"), Holding(seat="b", member="other", stage="frozen"))
    swap: list[Move] = [("a", "able", "other"), ("b", "other", "able")]
    instance = Instance(start=START, days=7, members=(able, other), seats=seats, held=held)
    assert not asking.possible(instance, swap)
    skilled = member("other", skills=frozenset({"x"}))
    assert asking.possible(Instance(start=START, days=7, members=(able, skilled), seats=seats, held=held), swap)
    # Whoever has given it to somebody else meanwhile has it no more.
    assert not asking.possible(Instance(start=START, days=7, members=(able, skilled), seats=seats, held=held[:1]), swap)
