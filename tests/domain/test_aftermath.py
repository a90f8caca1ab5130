"""What is left of an alert, whatever happened in it and in whatever order that became known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import aftermath, alarm
from bot.domain.alarm import Event

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
END = START + timedelta(hours=6)
KINDS = ("verified", "doubted", "coming", "brings", "arrived", "cannot", "left", "needs", "expires", "updated", "other")


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """What may have happened: raised first, then anything, at any minute, by anybody, and perhaps after the end."""
    found = [Event(id=0, kind="raised", member=1, at=START, data={"needs": {"people": 2, "van": 1}})]
    for number in range(1, draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(KINDS))
        data: dict[str, object] = {}
        if kind == "brings":
            data = {"what": "van", "off": draw(st.booleans())}
        if kind == "needs":
            data = {"needs": {"people": draw(st.integers(0, 4))}}
        if kind == "expires":
            data = {"at": (START + timedelta(hours=draw(st.integers(1, 8)))).isoformat()}
        found.append(
            Event(
                id=number,
                kind=kind,
                member=draw(st.integers(1, 6)),
                at=START + timedelta(minutes=draw(st.integers(0, 400))),
                data=data,
            )
        )
    return found


def _counts(what: list[Event], until: datetime) -> aftermath.Counts:
    found = alarm.alarm([one for one in what if one.at <= until], expires_at=END, now=until)
    return aftermath.counts(what, found, raised_at=START, until=until, told=0)


@given(events(), st.randoms(use_true_random=False), st.integers(0, 400))
def test_in_whatever_order_and_however_often_it_is_known_the_same_is_told(
    what: list[Event], chance: object, minutes: int
) -> None:
    until = START + timedelta(minutes=minutes)
    again = [*what, *what[::2]]
    chance.shuffle(again)  # type: ignore[attr-defined]
    assert aftermath.timeline(what, raised_at=START, until=until) == aftermath.timeline(
        again, raised_at=START, until=until
    )
    assert _counts(what, until) == _counts(again, until)
    assert aftermath.took_part(what, until=until) == aftermath.took_part(again, until=until)


@given(events(), st.integers(0, 400))
def test_figures_fit_together(what: list[Event], minutes: int) -> None:
    until = START + timedelta(minutes=minutes)
    found = _counts(what, until)
    assert 0 <= found.arrived <= found.coming <= 6
    assert 0 <= found.met <= found.needs
    assert found.first_minutes is None or 0 <= found.first_minutes <= minutes
    assert found.witnesses >= 1
    state = alarm.alarm([one for one in what if one.at <= until], expires_at=END, now=until)
    assert aftermath.responders(what, state, until=until) <= aftermath.took_part(what, until=until)


@given(events(), st.integers(0, 400))
def test_the_timeline_goes_forward_and_ends_with_the_alert(what: list[Event], minutes: int) -> None:
    until = START + timedelta(minutes=minutes)
    told = aftermath.timeline(what, raised_at=START, until=until)
    assert [one.at for one in told] == sorted(one.at for one in told)
    assert all(one.at <= until for one in told)
    for once in ("raised", "confirmed", "first_coming", "first_there"):
        assert sum(one.what == once for one in told) <= 1
    assert sum(one.what == "updated" for one in told) <= aftermath.UPDATES_MAX
    assert ("confirmed" in {one.what for one in told}) == any(
        one.kind == "verified" and one.member != 1 and one.at <= until for one in what
    )


@given(events(), st.integers(1, 6), st.integers(7, 12))
def test_nobody_can_be_told_from_a_timeline(what: list[Event], who: int, other: int) -> None:
    """Whoever it was that did something, it reads the same."""
    swapped = [
        Event(id=one.id, kind=one.kind, member=other if one.member == who else one.member, at=one.at, data=one.data)
        for one in what
    ]
    assert aftermath.timeline(what, raised_at=START, until=END) == aftermath.timeline(
        swapped, raised_at=START, until=END
    )


@given(st.lists(st.sampled_from([None, "yes", "no", "unknown"])))
def test_answers_are_told_from_three_on_and_none_is_lost(answers: list[aftermath.Answer | None]) -> None:
    said = [one for one in answers if one is not None]
    told = aftermath.tally(answers)
    assert (told is None) == (len(said) < 3)
    assert told is None or sum(told.values()) == len(said)


@given(st.integers(0, 48 * 3600))
def test_hours_are_at_most_the_alert_and_the_way(seconds: int) -> None:
    most = aftermath.hours_most(raised_at=START, over_at=START + timedelta(seconds=seconds))
    assert seconds / 60 + 120 <= most < seconds / 60 + 121
