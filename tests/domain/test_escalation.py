"""Who is called to an alert, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import alarm, quiet
from bot.domain import escalation as rule
from bot.domain.alarm import Alarm, Event
from bot.domain.escalation import Do, Person, Progress, Ring, Step
from tests.domain.test_quiet import cases

START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAIT = 3 * MINUTE
PEOPLE = tuple(range(1, 9))
NEEDS = ("people", "van", "medic")


class World:
    """An alert with eight people around it, who call it as the handler does: the rule decides, this only obeys."""

    def __init__(self, people: list[Person], needs: dict[str, int]) -> None:
        self.people = people
        self.now = START
        self.events: list[Event] = []
        self.told: dict[int, int] = {}
        """Who was called, and in which ring."""
        self.calls: list[tuple[datetime, int]] = []
        self.recalls = 0
        self.edits = 0
        self.warnings = 0
        self.next_at: datetime | None = None
        self.happens("raised", None, needs=needs)
        self.look()

    def happens(self, kind: str, member: int | None, **data: Any) -> None:
        """Write it down."""
        self.events.append(Event(id=len(self.events) + 1, kind=kind, member=member, at=self.now, data=data))

    @property
    def found(self) -> Alarm:
        """What the alert is now."""
        return alarm.alarm(self.events, expires_at=START + timedelta(hours=40), now=self.now)

    @property
    def done(self) -> Progress:
        """How far calling has come."""
        return rule.progress(self.events)

    def rings(self) -> set[int]:
        """In which rings there is somebody to call."""
        return {int(ring) for ring, _ in rule.uncalled(self.people, self.found, self.done, told=self.told.keys())}

    def step(self) -> Step:
        """What is to be done now."""
        return rule.step(self.found, self.done, now=self.now, wait=WAIT, rings=self.rings())

    def look(self) -> None:
        """Do what is to be done until there is nothing to do; that takes no more steps than the handler allows."""
        self.next_at = None
        for _ in range(12):
            step = self.step()
            match step.do:
                case Do.CALL:
                    assert step.ring is not None
                    assert rule.is_open(self.found), "nobody is called while nothing is missing"
                    before = self.done.ring
                    for ring, person in rule.uncalled(self.people, self.found, self.done, told=self.told.keys()):
                        if ring <= step.ring:
                            assert person.id not in self.told, "nobody is called twice"
                            self.told[person.id] = ring
                    if before is None or step.ring > before:
                        self.calls.append((self.now, step.ring))
                        self.happens("ring", None, ring=step.ring)
                    else:
                        assert step.ring == before
                case Do.ENOUGH:
                    assert not rule.is_open(self.found)
                    self.edits += 1
                    self.happens("enough", None)
                case Do.REOPEN:
                    told = rule.warns(self.done, now=self.now)
                    self.warnings += told
                    self.happens("reopened", None, told=told)
                case Do.RECALL:
                    self.recalls += 1
                    self.happens("recalled", None, told=True)
                case Do.RECOUNT:
                    self.happens("recounted", None)
                case Do.WAIT:
                    self.next_at = step.at
                    return
                case Do.NOTHING:
                    return
        raise AssertionError("it does not come to rest")


persons = st.builds(
    Person,
    id=st.just(0),
    on_call=st.booleans(),
    near=st.booleans(),
    can=st.frozensets(st.sampled_from(NEEDS[1:])),
)
worlds = st.builds(
    lambda people, needs: World([replace(one, id=id_) for id_, one in zip(PEOPLE, people, strict=True)], needs),
    st.lists(persons, min_size=len(PEOPLE), max_size=len(PEOPLE)),
    st.dictionaries(st.sampled_from(NEEDS), st.integers(1, 6)),
)
moves = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["coming", "cannot", "left", "arrived", "verified"]), st.sampled_from(PEOPLE)),
        st.tuples(st.just("brings"), st.sampled_from(PEOPLE), st.sampled_from(NEEDS[1:])),
        st.tuples(st.just("needs"), st.sampled_from(NEEDS), st.integers(0, 8)),
        # Minutes, also backwards: the clock is set.
        st.tuples(st.just("skip"), st.integers(-200, 400)),
        st.tuples(st.just("look")),
    ),
    max_size=40,
)


def carry_out(world: World, move: tuple[Any, ...]) -> None:
    """One thing happens, and it is looked at anew."""
    match move:
        case ("skip", minutes):
            world.now += minutes * MINUTE
        case ("brings", member, what):
            world.happens("coming", member, minutes=10)
            world.happens("brings", member, what=what)
        case ("needs", what, many):
            world.happens("needs", None, needs={what: many})
        case ("look",):
            pass
        case (kind, member):
            world.happens(kind, member)
    world.look()


@given(worlds, moves)
def test_no_ring_is_called_twice_and_none_before_an_earlier_one_and_nobody_twice(
    world: World, moved: list[tuple[Any, ...]]
) -> None:
    for move in moved:
        carry_out(world, move)
    rings = [ring for _, ring in world.calls]
    assert rings == sorted(set(rings))


@given(worlds, moves)
def test_whoever_said_no_or_left_or_is_coming_or_stands_for_it_is_not_called(
    world: World, moved: list[tuple[Any, ...]]
) -> None:
    for move in moved:
        before, told = world.found, set(world.told)
        gone = world.done.gone
        carry_out(world, move)
        new = world.told.keys() - told
        if move[0] in ("skip", "look", "needs"):
            assert not new & (before.cannot | before.coming.keys() | gone | before.witnesses)
        if move[0] in ("cannot", "left", "coming", "arrived", "verified"):
            assert move[1] not in new


@given(worlds, moves)
def test_looking_twice_does_nothing_more(world: World, moved: list[tuple[Any, ...]]) -> None:
    for move in moved:
        carry_out(world, move)
        before = (len(world.events), dict(world.told), world.next_at)
        world.look()
        world.look()
        assert (len(world.events), dict(world.told), world.next_at) == before


@given(worlds, moves)
def test_while_something_is_missing_and_somebody_is_left_to_call_it_goes_on(
    world: World, moved: list[tuple[Any, ...]]
) -> None:
    for move in moved:
        carry_out(world, move)
    if not rule.is_open(world.found):
        assert world.next_at is None, "nothing is planned while nothing is missing"
        assert world.step().do is Do.NOTHING
        return
    # So many times something falls due until all have been called.
    for _ in range(8):
        if world.next_at is None:
            break
        assert world.next_at > world.now, "it does not go round and round"
        assert world.next_at - world.now <= max(WAIT, rule.REOPENED_WAIT * 2**rule.DOUBLED_MAX)
        world.now = world.next_at
        world.look()
    assert world.rings() == set()
    assert world.next_at is None


@given(worlds, st.integers(1, 600))
def test_after_an_outage_the_furthest_ring_is_called_once_not_each_that_would_have_come(
    world: World, minutes: int
) -> None:
    if world.next_at is None:
        return
    world.calls.clear()
    left = sorted(world.rings())
    world.now += minutes * MINUTE
    world.look()
    due = minutes * MINUTE // WAIT
    assert [ring for _, ring in world.calls] == ([left[min(due, len(left)) - 1]] if due else [])


@given(worlds, st.integers(1, 10_000))
def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_once_more(world: World, back: int) -> None:
    if world.next_at is None:
        return
    calls = len(world.calls)
    world.now -= back * MINUTE
    world.look()
    assert world.next_at == world.now + WAIT
    world.now += WAIT
    world.look()
    assert len(world.calls) == calls + 1


@settings(max_examples=settings().max_examples // 10)
@given(st.integers(2, 40))
def test_nobody_wakes_the_others_by_coming_and_going(times: int) -> None:
    world = World([Person(id=1, on_call=True), *(Person(id=id_) for id_ in (2, 3, 4))], {"people": 1})
    for _ in range(times):
        carry_out(world, ("coming", 4))
        carry_out(world, ("cannot", 4))
        world.now += 2 * MINUTE
        world.look()
    # Each time takes twice as long as the one before: 2 minutes each, so many doublings and no more.
    assert world.recalls <= 2 + (times * 2).bit_length() + times * 2 // 64
    assert world.warnings <= 2 + (times * 2).bit_length() + times * 2 // 64


def test_a_missing_van_calls_first_who_has_one() -> None:
    people = [Person(id=1), Person(id=2, near=True), Person(id=3, can=frozenset({"van"}))]
    world = World(people, {"people": 1, "van": 1})
    assert world.calls == [(START, Ring.NEAR)]
    assert list(world.told) == [3, 2], "who can do what is missing comes first"
    carry_out(world, ("coming", 2))
    world.now += WAIT
    world.look()
    assert world.calls[-1] == (START + WAIT, Ring.ALL)


def test_whoever_is_near_helps_nothing_where_only_a_van_is_missing() -> None:
    world = World([Person(id=1, near=True), Person(id=2, can=frozenset({"van"}))], {"van": 1})
    assert list(world.told) == [2]


def test_a_need_that_is_raised_or_lowered_counts_at_once() -> None:
    world = World([Person(id=1, on_call=True), Person(id=2)], {"people": 2})
    carry_out(world, ("coming", 1))
    assert world.next_at is not None
    carry_out(world, ("needs", "people", 1))
    planned = world.next_at
    assert planned is None
    assert world.edits == 1
    carry_out(world, ("needs", "people", 2))
    assert world.warnings == 1
    assert world.step() == Step(Do.WAIT, at=START + rule.REOPENED_WAIT)


def test_nobody_waits_for_a_ring_that_sleeps() -> None:
    done = Progress(ring=0, since=START, heard=False)
    world = World([Person(id=1)], {"people": 1})
    found = rule.step(world.found, done, now=START, wait=WAIT, rings={Ring.ALL})
    assert found == Step(Do.CALL, ring=Ring.ALL)


def test_where_nobody_said_what_it_takes_everybody_hears_of_it() -> None:
    world = World([Person(id=1, on_call=True), Person(id=2)], {})
    world.now += WAIT
    world.look()
    assert set(world.told) == {1, 2}


def test_less_urgent_is_slower() -> None:
    assert rule.wait("immediate") == 3 * MINUTE
    assert rule.wait("expected") == 15 * MINUTE
    assert rule.wait("expected", immediate=MINUTE) == 5 * MINUTE


# --- peace, areas and skills -------------------------------------------------------------------------------------


@given(cases())
def test_somebody_rests_until_a_moment_outside_of_silence_and_quiet_hours(
    case: tuple[quiet.Wish, datetime, list[datetime]],
) -> None:
    wish, now, _ = case
    until = rule.rests_until(wish, now=now)
    if until is None:
        assert wish.until is None or wish.until <= now
        assert quiet.night_of(wish.hours, now, wish.zone) is None
        return
    assert until > now
    assert wish.until is None or until >= wish.until
    assert rule.rests_until(wish, now=until) is None
    before = until - timedelta(seconds=1)
    assert rule.rests_until(wish, now=before) == until


def test_silence_that_ends_at_night_lasts_until_the_morning() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    wish = quiet.Wish(zone=berlin, until=datetime(2026, 1, 6, 2, 0, tzinfo=berlin))
    assert rule.rests_until(wish, now=START) == datetime(2026, 1, 6, 8, 0, tzinfo=berlin)


def test_areas_are_found_in_whatever_spelling_and_only_as_whole_words() -> None:
    assert rule.read_areas(" Mitte,  San  Andrés; mitte , ,!") == ["Mitte", "San Andrés"]
    assert rule.is_near(["mitte"], "Mitte, Torstr. 5")
    assert rule.is_near(["San Andrés"], "calle mayor 3 (SAN ANDRES)")
    assert not rule.is_near(["Mitte"], "Mittenwalder Str. 5")
    assert not rule.is_near(["San Andrés"], "San Marcos, Andrés 5")
    assert not rule.is_near([], "Mitte")
    assert not rule.is_near(["Mitte"], "")


@settings(max_examples=settings().max_examples // 2)
@given(st.text(max_size=200))
def test_areas_that_are_read_are_few_short_and_found_again(text: str) -> None:
    areas = rule.read_areas(text)
    assert len(areas) <= rule.AREAS_MAX
    for area in areas:
        assert len(area) <= rule.AREA_CHARACTERS_MAX
        assert rule.is_near([area], f"x {area} x")


def test_skills_are_good_for_needs_in_every_language() -> None:
    assert rule.need_of(["first_aid"]) == {"medic"}
    assert rule.need_of(["Primeros auxilios"]) == {"medic"}
    assert rule.need_of(["Führerschein"]) == {"van"}
    assert rule.need_of(["Van driver", "Fahrerin"]) == {"van"}
    assert rule.need_of(["people"]) == frozenset()
    assert rule.need_of(["baking"]) == frozenset()
