"""What is told of how fair a rota is: a group's figures tell of nobody, and nobody is asked who cannot or will not."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import fairness
from bot.domain.rotation import Instance, Member, Seat, barred

START = date(2026, 12, 7)
TASKS = ("chair", "van", "keys")
IDS = tuple("abcdefgh")


def made(seed: int) -> tuple[Instance, dict[str, str]]:
    """Some members with a history and wishes of their own, and seats of three tasks, some of them held."""
    chance = random.Random(seed)

    def some(*values: str) -> frozenset[str]:
        return frozenset(value for value in values if chance.random() < 0.25)

    ids = IDS[: chance.randint(1, 8)]
    members = tuple(
        Member(
            id=id_,
            share_minutes=chance.choice([0, 60, 240, 600]),
            skills=some("van"),
            learning=some("van"),
            vetoes=some(*TASKS),
            dislikes=some(*TASKS),
            not_with=some(*ids) - {id_},
            away=((START, START + timedelta(days=60)),) if chance.random() < 0.1 else (),
            burden=chance.randint(0, 3000),
            empowerment=chance.randint(0, 3000),
        )
        for id_ in ids
    )
    seats = []
    for at in range(chance.randint(1, 8)):
        local = datetime(2026, 12, 7, 10) + timedelta(days=at)
        task = chance.choice(TASKS)
        seats.append(
            Seat(
                id=str(at), shift=str(at), task=task, local=local, at=local.replace(tzinfo=UTC), minutes=120,
                onerousness=chance.randint(1, 5), empowerment=chance.randint(1, 5),
                skill="van" if task == "van" else None,
            )
        )  # fmt: skip
    holders = {seat.id: chance.choice(ids) for seat in seats if chance.random() < 0.5}
    return Instance(start=START, days=56, members=members, seats=tuple(seats)), holders


INSTANCES = st.integers(0, 2**32).map(made)


@given(INSTANCES)
def test_a_groups_figures_are_in_steps_and_none_where_few_share_the_work(
    given_: tuple[Instance, dict[str, str]],
) -> None:
    instance, holders = given_
    fair = fairness.fairness(instance, holders)
    for balance in (fair.burden, fair.empowerment):
        found = fairness.figures(balance)
        assert (found is None) == (sum(dial.permille is not None for dial in balance.dials) < fairness.GROUP_MIN)
        if found is None:
            continue
        assert found.least % fairness.STEP == found.most % fairness.STEP == 0
        assert 0 <= found.least <= found.most <= fairness.PERCENT_MAX
        for told, exact in ((found.least, balance.least), (found.most, balance.most)):
            assert told == fairness.PERCENT_MAX or abs(told * 10 - exact) <= fairness.STEP * 5
        # Somebody else carrying what another has carried is the same to the group.
        renamed = replace(
            instance, members=tuple(replace(one, id=f"{one.id}x", not_with=frozenset()) for one in instance.members)
        )
        again = fairness.fairness(renamed, {seat: f"{who}x" for seat, who in holders.items()})
        assert fairness.figures(again.burden if balance is fair.burden else again.empowerment) == found


@given(INSTANCES, st.sampled_from(TASKS), st.sets(st.sampled_from(IDS)))
def test_whoever_is_asked_to_learn_can_come_wants_no_distance_and_has_least_of_those_like_them(
    given_: tuple[Instance, dict[str, str]], task: str, but: set[str]
) -> None:
    instance, holders = given_
    power = fairness.fairness(instance, holders).empowerment
    skill = "van" if task == "van" else None
    beside = instance.members[0]

    def may(one: Member) -> bool:
        if one.id in but | {beside.id} or one.id in beside.not_with or beside.id in one.not_with:
            return False
        if task in one.vetoes | one.dislikes or skill in one.skills or not one.share_minutes:
            return False
        return any(barred(one, replace(seat, skill=None)) is None for seat in instance.seats if seat.task == task)

    able = [one for one in instance.members if may(one)]
    found = fairness.next_to_learn(instance, power, task, skill, beside.id, but)
    assert (found is None) == (not able)
    if found is not None:
        chosen = next(one for one in able if one.id == found)
        eager = [one for one in able if skill in one.learning]
        assert chosen in (eager or able)
        for one in eager or able:
            assert (power.of(one.id).permille or 0) >= (power.of(found).permille or 0) or not power.of(one.id).due


@given(INSTANCES, st.integers(0, 600))
def test_too_much_of_the_organizing_is_more_than_a_quarter_of_what_is_done_and_planned(
    given_: tuple[Instance, dict[str, str]], least: int
) -> None:
    instance, holders = given_
    done = {instance.members[0].id: 90}
    minutes = fairness.organizing(instance, holders, done)
    planned = [s for s in instance.seats if s.id in holders and s.empowerment >= fairness.EMPOWERING]
    assert sum(minutes.values()) == 90 + sum(seat.minutes for seat in planned)
    much = fairness.overloaded(instance, holders, done=done, least=least)
    sharing = sum(bool(one.share_minutes) for one in instance.members)
    if sharing <= 4 or sum(minutes.values()) < least:
        assert much == []
    else:
        assert set(much) == {who for who, own in minutes.items() if own * 4 > sum(minutes.values())}


@given(st.integers(0, 100_000))
def test_points_are_told_as_hours_of_middling_work(points: int) -> None:
    told = fairness.hours(points)
    assert told % 5 == 0
    assert abs(told * 3 - points) <= 7.5


def test_a_task_without_a_skill_hangs_on_one_only_after_several_times_and_on_nobody_who_left() -> None:
    member = Member(id="a", share_minutes=60)
    instance = Instance(start=START, days=56, members=(member, replace(member, id="b")), seats=())
    for done, lone in (
        ({"a": 2}, {}), ({"a": 3}, {"keys": "a"}), ({"a": 3, "b": 1}, {}), ({"gone": 9}, {}), ({}, {}),
    ):  # fmt: skip
        assert fairness.lone_tasks(instance, {"keys": None}, {"keys": done}) == lone
