"""What linked committees tell each other of alerts: whatever order, whatever shape, and never beyond their trust."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import alarm, relaying
from bot.domain.alarm import Event
from bot.domain.envelope import canonical
from bot.domain.relaying import Known, LetIn, Over, Tally, Told, Unread
from bot.domain.roster import Trust

NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
UID = "0" * 32

counts = st.dictionaries(st.sampled_from(alarm.NEEDS), st.integers(0, alarm.NEEDS_MAX))
words = st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: relaying._line(text, 40))
tolds = st.builds(
    Told,
    uid=st.just(UID),
    rev=st.integers(1, 9),
    status=st.sampled_from(("actual", "exercise")),
    urgency=st.sampled_from(("immediate", "expected", "future")),
    severity=st.sampled_from(("extreme", "severe", "moderate", "minor")),
    kind=st.sampled_from(tuple(alarm.KINDS)),
    expires=st.integers(0, 2**33),
    area=words,
    words=words,
    news=words,
    needs=counts,
    met=counts,
    wide=st.booleans(),
)
overs = st.builds(
    Over, uid=st.just(UID), rev=st.integers(1, 9), outcome=st.sampled_from(("ended", "cancelled", "false", "expired"))
)
FIELDS = (
    "id",
    "rev",
    "status",
    "urgency",
    "severity",
    "kind",
    "expires",
    "label",
    "area",
    "words",
    "news",
    "needs",
    "met",
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _one_for_each_number(said: list[Told | Over]) -> list[Told | Over]:
    """An honest author says one thing under one revision; two are found by the engine before."""
    return [*{(type(one), one.rev): one for one in said}.values()]


@given(st.lists(tolds | overs, max_size=8), st.randoms(use_true_random=False))
def test_whatever_the_order_and_however_often_the_same_is_known(said: list[Told | Over], chance: Any) -> None:
    said = _one_for_each_number(said)
    straight = Known()
    for one in said:
        straight = relaying.after(straight, one)
    mixed = said + [chance.choice(said) for _ in said]
    chance.shuffle(mixed)
    known = Known()
    for one in mixed:
        known = relaying.after(known, one)
    assert known == straight
    assert (known.over is not None) == any(isinstance(one, Over) for one in said)


@given(tolds)
def test_what_is_told_is_read_as_it_was_told(told: Told) -> None:
    canonical(told.dump())
    assert relaying.read_told(told.dump()) == told


@given(tolds, st.sampled_from(FIELDS), anything)
def test_one_field_of_any_shape_is_read_within_bounds_or_not_at_all(told: Told, name: str, value: Any) -> None:
    try:
        found = relaying.read_told({**told.dump(), name: value})
    except Unread:
        return
    assert len(found.words) <= 500
    assert len(found.area) <= 120
    assert "\n" not in found.words + found.area + found.news
    assert all(0 <= many <= relaying.MANY_MAX for many in (*found.needs.values(), *found.met.values()))
    assert found.kind in alarm.KINDS
    assert isinstance(found.until, datetime)


@given(st.dictionaries(st.sampled_from(("id", "rev", "coming", "there", "brings", "outcome", "origin")), anything))
def test_nothing_that_comes_breaks_what_reads_it(body: dict[str, Any]) -> None:
    for read in (relaying.read_told, relaying.read_over, relaying.read_tally, relaying.read_got):
        with pytest.raises(Unread):
            read({**body, "id": 7})
        with contextlib.suppress(Unread):
            read({"id": UID, **body})


@given(
    tolds,
    st.sampled_from(Trust),
    st.booleans(),
    st.booleans(),
    st.lists(st.builds(LetIn, st.integers(0, 90_000).map(lambda s: NOW - timedelta(seconds=s)), st.booleans())),
)
def test_nothing_is_let_in_beyond_trust(
    told: Told, trust: Trust, frozen: bool, past: bool, before: list[LetIn]
) -> None:
    became = relaying.welcome(told, trust, before, frozen=frozen, areas=(), past=past, now=NOW)
    allowed = {"waits", "past"} | {
        Trust.BLOCKED: {"nothing"},
        Trust.ORGANIZERS: {"organizers"},
        Trust.SHOWN: {"shown"},
        Trust.CONFIRMED: {"confirmed"},
        Trust.PAGES: {"pages"},
    }[trust]
    assert became in allowed
    if frozen or past:
        assert became in ("nothing", "past", "waits")
    if trust is Trust.BLOCKED:
        assert became == "nothing"


@given(st.lists(st.tuples(st.sampled_from((0, 5, 30, 61, 600, 4000)), st.booleans()), max_size=60))
def test_no_committee_gets_more_in_than_its_budget(sent: list[tuple[int, bool]]) -> None:
    at, let = NOW, list[LetIn]()
    for seconds, critical in sent:
        at += timedelta(seconds=seconds)
        if relaying.within_budget(let, critical=critical, now=at):
            let.append(LetIn(at, critical))
    for one in let:
        day = [other for other in let if one.at - timedelta(days=1) < other.at <= one.at]
        hour = [other for other in day if other.at > one.at - timedelta(hours=1) and other.critical]
        burst = [other for other in day if other.at > one.at - timedelta(minutes=1)]
        assert len(day) <= relaying.IN_DAY
        assert len(hour) <= relaying.CRITICAL_IN_HOUR
        assert len(burst) <= relaying.BURST


_remote = st.one_of(
    st.builds(
        lambda of, rev, found: ("tally", {"of": of, "rev": rev, "counts": found}),
        st.sampled_from("abc"),
        st.integers(1, 9),
        counts,
    ),
    st.builds(lambda found: ("needs", {"needs": found}), counts),
)


@given(st.sampled_from([0, 1, 2]), st.lists(_remote, max_size=8), st.integers(0, 2))
def test_nobody_outside_makes_it_reach_everybody_without_enough_people_here(
    outside: int, said: list[tuple[str, dict[str, Any]]], here: int
) -> None:
    events = [Event(id=1, kind="raised", member=None, at=NOW, data={"needs": {"people": 3}, "outside": outside})]
    events += [Event(id=2 + n, kind=kind, member=None, at=NOW, data=data) for n, (kind, data) in enumerate(said)]
    events += [Event(id=100 + n, kind="verified", member=n, at=NOW) for n in range(here)]
    found = alarm.alarm(events, expires_at=NOW + timedelta(hours=6), now=NOW)
    reach = alarm.reach(found, alarm.Kind(key="x", urgency="immediate", severity="severe", hours=6, alone="everyone"))
    assert reach == ("everyone" if outside + here >= alarm.WITNESSES else "group")


@given(st.lists(_remote.filter(lambda one: one[0] == "tally"), max_size=8), st.randoms(use_true_random=False))
def test_figures_count_once_each_whatever_the_order(said: list[tuple[str, dict[str, Any]]], chance: Any) -> None:
    said = [*{(data["of"], data["rev"]): (kind, data) for kind, data in said}.values()]

    def fold(order: list[tuple[str, dict[str, Any]]]) -> Any:
        events = [Event(id=1, kind="raised", member=None, at=NOW, data={"needs": {"people": 3}})]
        events += [Event(id=2 + n, kind=kind, member=None, at=NOW, data=data) for n, (kind, data) in enumerate(order)]
        return alarm.alarm(events, expires_at=NOW + timedelta(hours=6), now=NOW).elsewhere

    mixed = said + said
    chance.shuffle(mixed)
    assert fold(mixed) == fold(said)


@given(st.lists(st.integers(0, 90), max_size=20), st.integers(0, 5))
def test_a_tally_counts_everybody_once_and_is_read_as_it_was_told(minutes: list[int], arrived: int) -> None:
    coming = {
        n: alarm.Response(there_at=NOW + timedelta(minutes=far), brings=frozenset({"van"}) if far % 2 else frozenset())
        for n, far in enumerate(minutes)
    } | {100 + n: alarm.Response(there_at=NOW, arrived=True) for n in range(arrived)}
    events = [Event(id=1, kind="raised", member=None, at=NOW, data={"needs": {"people": 3}})]
    found = alarm.alarm(events, expires_at=NOW + timedelta(hours=6), now=NOW)
    tally = relaying.tally(_with(found, coming), now=NOW)
    assert tally.people == len(minutes) + arrived
    assert tally.counts.get("van", 0) == sum(far % 2 for far in minutes)
    assert relaying.read_tally(tally.dump(UID, 3)) == (UID, 3, tally)


def _with(found: alarm.Alarm, coming: dict[int, alarm.Response]) -> alarm.Alarm:
    """The same alert with these people on the way."""
    return replace(found, coming=coming)


def test_what_one_has_told_is_not_counted_twice() -> None:
    told = Told(
        uid=UID,
        rev=2,
        status="actual",
        urgency="immediate",
        severity="severe",
        kind="aid",
        expires=1,
        met={"people": 5},
    )
    assert relaying.elsewhere(told, Tally(soon=2)) == {"people": 3}
    assert relaying.elsewhere(told, Tally(soon=9)) == {}
    assert relaying.elsewhere(told, None) == {"people": 5}
