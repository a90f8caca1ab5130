"""Effort and sacrifice, for any work and any ratings."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.effort import LEVELS, Work, by_effort, intensities
from bot.domain.ledger import balances
from bot.domain.policies import ONEROUSNESS
from bot.text import Minutes


@st.composite
def periods(draw: st.DrawFn) -> list[Work]:
    accounts = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8, unique=True))
    return [
        Work(
            account=draw(st.sampled_from(accounts)),
            minutes=Minutes(draw(st.integers(1, 600))),
            onerousness=draw(st.integers(ONEROUSNESS.low, ONEROUSNESS.high)),
            ratings={rater: draw(st.sampled_from(LEVELS)) for rater in draw(st.sets(st.sampled_from(accounts)))},
        )
        for _ in range(draw(st.integers(1, 12)))
    ]


@given(work=periods(), ratings=st.booleans())
def test_the_pie_stays_as_large_as_the_hours(work: list[Work], ratings: bool) -> None:
    changes = balances(by_effort(work, with_ratings=ratings))
    assert sum(changes.values()) == 0
    hours: dict[int, int] = {}
    for piece in work:
        hours[piece.account] = hours.get(piece.account, 0) + piece.minutes
    # Nobody gives back more than they were paid.
    assert all(hours[account] + change >= 0 for account, change in changes.items())


@given(work=periods(), factor=st.sampled_from([1, 2]))
def test_calling_everything_harder_gains_nobody_anything(work: list[Work], factor: int) -> None:
    milder = [replace(piece, onerousness=ONEROUSNESS.low + piece.onerousness % 500) for piece in work]
    harder = [replace(piece, onerousness=piece.onerousness * factor) for piece in milder]
    assert by_effort(milder) == by_effort(harder)


@given(work=periods(), rater=st.integers(1, 30), level=st.sampled_from(LEVELS))
def test_a_rater_who_says_the_same_of_everybody_says_nothing(work: list[Work], rater: int, level: int) -> None:
    flat = [
        replace(piece, ratings={who: level if who == rater else said for who, said in piece.ratings.items()})
        for piece in work
    ]
    other = LEVELS[0] if level == LEVELS[2] else LEVELS[2]
    inflated = [
        replace(piece, ratings={who: other if who == rater else said for who, said in piece.ratings.items()})
        for piece in work
    ]
    assert intensities(flat) == intensities(inflated)


@given(work=periods(), level=st.sampled_from(LEVELS))
def test_nobody_rates_themselves(work: list[Work], level: int) -> None:
    praised = [replace(piece, ratings={**piece.ratings, piece.account: level}) for piece in work]
    assert intensities(praised) == intensities(work)


@given(minutes=st.lists(st.integers(1, 600).map(Minutes), min_size=1, max_size=8), onerousness=st.integers(500, 2000))
def test_whoever_does_the_same_kind_of_work_is_paid_by_the_hour(minutes: list[Minutes], onerousness: int) -> None:
    work = [Work(account=n, minutes=one, onerousness=onerousness) for n, one in enumerate(minutes)]
    assert by_effort(work) == ()


def test_cleaning_earns_more_than_chatting_and_the_hours_stay_the_same() -> None:
    work = [
        Work(account=1, minutes=Minutes(600), onerousness=1300),
        Work(account=2, minutes=Minutes(600), onerousness=800),
    ]
    assert balances(by_effort(work)) == {1: 143, 2: -143}
