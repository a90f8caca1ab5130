"""The call order tells nothing that is private, and the page holds nothing but what is printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import paper
from bot.domain.paper import Calls, Day, Headings, Line, Paper, Week, call_order
from bot.domain.rotation import Holding, Instance, barred
from tests.domain.test_rotation import START, TASKS, instances, member, rota, seat

_NOTHING: frozenset[str] = frozenset()


def _without_secrets(instance: Instance) -> Instance:
    plain = [
        replace(one, likes=_NOTHING, dislikes=_NOTHING, vetoes=_NOTHING, not_with=_NOTHING) for one in instance.members
    ]
    return replace(instance, members=tuple(plain), declined=frozenset())


@given(instance=instances(), task=st.sampled_from(TASKS))
@settings(max_examples=30)
def test_wishes_and_declines_do_not_show_in_whom_to_call(instance: Instance, task: str) -> None:
    order = call_order(instance, task)
    bare = _without_secrets(instance)
    assert set(order) == set(call_order(bare, task))
    seats = [one for one in instance.seats if one.task == task and not one.trainee]
    assert set(order) == {one.id for one in bare.members if any(barred(one, each) is None for each in seats)}, (
        "who can take it is called"
    )
    ids = {one.id for one in seats}
    unwilling = {one.id for one in instance.members if task in one.vetoes}
    unwilling |= {who for who, where in instance.declined if where in ids}
    willing = [one for one in order if one not in unwilling]
    assert list(order[: len(willing)]) == willing, "who does not want it comes last"
    assert willing == [one for one in call_order(bare, task) if one not in unwilling]


def test_who_has_done_least_of_their_share_is_called_first() -> None:
    people = [
        member("ana", burden=300),
        member("ben", burden=0),
        member("cem", burden=200, share_minutes=100),
        member("dee", away=((START, START + timedelta(days=40)),)),
        member("eli", share_minutes=0),
        member("fay"),
    ]
    seats = [seat(f"s{day}", day=day) for day in range(9)]
    found = call_order(rota(people, seats, held=(Holding(seat="s8", member="fay", stage="frozen"),)), "cooking")
    assert found == ("ben", "ana", "fay", "cem"), "Cem has done more of a small share than Ana of a large one"


def _paper(name: str) -> Paper:
    line = Line(when="10:00", length="2 h", task=name, names=(name,), needed=2, more=1)
    words = Headings(**{one: one for one in Headings.__slots__})
    return Paper(
        language="en",
        title=name,
        made="today",
        weeks=(Week(title=name, days=(Day(title=name, lines=(line,)),), none=""),),
        calls=(Calls(task=name, names=(name,)), Calls(task="b", names=())),
        people=(name,),
        headings=words,
    )


@given(name=st.text(min_size=1, max_size=30))
@settings(max_examples=30)
def test_no_name_becomes_part_of_the_page(name: str) -> None:
    plain, page = paper.page(_paper("x")), paper.page(_paper(name))
    marks = ("<", ">", '"')
    bdi = page.count("<bdi>")
    assert [page.count(mark) - {"<": 2, ">": 2, '"': 0}[mark] * bdi for mark in marks] == [
        plain.count(mark) for mark in marks
    ]


def test_each_seat_has_a_box_and_each_open_one_an_empty_line() -> None:
    page = paper.page(_paper("Rosa"))
    assert page.count('class="box"') == 4
    assert page.count('class="blank"') == 3
    assert page.count('class="needed"') == 2
    assert "<script" not in page
    assert "http:" not in page
    assert "https:" not in page
    assert "nobody" in page
