"""What an alert is follows from what has happened in it, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.domain import admission, alarm
from bot.domain.alarm import ENDS, EXPIRES_MAX, KINDS, NEEDS, PEOPLE, Alarm, Event, Kind

START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
EXPIRES = START + timedelta(hours=6)
RAISER = 1
MEMBERS = range(1, 6)
LATEST = START + timedelta(days=4)
"""Beyond every end that an alert can have."""

_WHENS = st.integers(0, 600).map(lambda minutes: START + timedelta(minutes=minutes))
_NEEDS = st.dictionaries(st.sampled_from(NEEDS), st.integers(0, 30), max_size=3)


def _event(kind: str, **data: object) -> st.SearchStrategy[Event]:
    drawn = {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in data.items()}
    return st.builds(
        Event,
        id=st.integers(2, 10_000),
        kind=st.just(kind),
        member=st.sampled_from(MEMBERS),
        at=_WHENS,
        data=st.fixed_dictionaries(drawn),
    )


_GOING_ON = st.one_of(
    *(_event(kind) for kind in ("held", "accepted", "verified", "doubted", "arrived", "cannot", "left", "updated")),
    _event("coming", minutes=st.integers(0, 120)),
    _event("brings", what=st.sampled_from(NEEDS), off=st.booleans()),
    _event("needs", needs=_NEEDS),
    _event("paged", ring=st.integers(0, 3)),
    _event("what a later version may know"),
)
_LONGER = _event("expires", at=_WHENS.map(lambda at: at.isoformat()))
_ENDS = st.sampled_from(sorted(ENDS)).flatmap(_event)
_RAISED = Event(id=1, kind="raised", member=RAISER, at=START, data={"needs": {PEOPLE: 3, "van": 1}})


@st.composite
def _histories(draw: st.DrawFn, *parts: st.SearchStrategy[Event]) -> list[Event]:
    """What has happened in an alert: each event with a number of its own."""
    drawn = draw(st.lists(st.one_of(*parts), max_size=15, unique_by=lambda event: event.id))
    return [_RAISED, *drawn]


def _is(events: list[Event], *, now: datetime = START, expires_at: datetime = EXPIRES) -> Alarm:
    return alarm.alarm(events, expires_at=expires_at, now=now)


# --- any order, any number of times --------------------------------------------------------------------------------


@given(_histories(_GOING_ON, _LONGER, _ENDS), st.data(), _WHENS)
def test_in_whatever_order_and_however_often_it_is_heard_the_same_follows(
    events: list[Event], data: st.DataObject, now: datetime
) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=20))
    shuffled = data.draw(st.permutations([*events, *again]))
    assert _is(shuffled, now=now) == _is(events, now=now)


@given(_histories(_GOING_ON, _LONGER), _ENDS, st.data(), _WHENS)
def test_an_end_is_for_good_whatever_is_said_before_with_or_after_it(
    events: list[Event], end: Event, data: st.DataObject, now: datetime
) -> None:
    end = replace(end, id=20_000)
    assert _is([*events, end], now=now).over
    more = data.draw(_histories(_GOING_ON, _LONGER, _ENDS))[1:]
    assert _is([*more, end, *events], now=now).over
    assert _is([*more, end, *events], now=LATEST).over


@given(_histories(_GOING_ON, _LONGER, _ENDS), st.lists(_GOING_ON, max_size=5), st.integers(0, 600))
def test_what_is_said_after_the_end_changes_nothing(events: list[Event], late: list[Event], minutes: int) -> None:
    before = _is(events, now=LATEST)
    assert before.over_at is not None
    at = before.over_at + timedelta(minutes=minutes)
    after = [replace(event, id=30_000 + place, at=at) for place, event in enumerate(late)]
    assert _is([*events, *after], now=LATEST) == before


@given(_histories(_GOING_ON, _LONGER, _ENDS))
def test_of_several_ends_the_first_one_counts(events: list[Event]) -> None:
    found = _is(events, now=LATEST)
    ends = sorted((event.at, event.id, event.kind) for event in events if event.kind in ENDS)
    if ends and found.outcome != "expired":
        assert (found.over_at, found.outcome) == (ends[0][0], ENDS[ends[0][2]])


@given(_histories(_GOING_ON, _LONGER), _WHENS, _WHENS)
def test_time_ends_what_nobody_ends(events: list[Event], one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    found = _is(events, now=earlier)
    assert found.over == (earlier >= found.expires_at)
    if found.over:
        assert (found.outcome, found.over_at) == ("expired", found.expires_at)
        assert _is(events, now=later).over
    assert _is(events, now=START + EXPIRES_MAX).over, "at most 48 hours"


def test_an_alert_goes_on_for_48_hours_at_most_whatever_anybody_says() -> None:
    for_days = (START + timedelta(days=9)).isoformat()
    events = [_RAISED, Event(id=2, kind="expires", member=RAISER, at=START, data={"at": for_days})]
    assert _is(events).expires_at == START + EXPIRES_MAX


def test_an_end_that_is_said_after_its_time_does_not_change_how_it_ended() -> None:
    late = Event(id=2, kind="false", member=RAISER, at=EXPIRES + timedelta(minutes=1))
    found = _is([_RAISED, late], now=EXPIRES + timedelta(hours=1))
    assert (found.outcome, found.over_at) == ("expired", EXPIRES)


def test_once_its_end_was_written_down_a_clock_that_goes_back_does_not_wake_it() -> None:
    ended = Event(id=2, kind="expired", member=None, at=EXPIRES)
    assert _is([_RAISED, ended], now=START).over


# --- who comes, and what of it is met ------------------------------------------------------------------------------


@given(_histories(_GOING_ON))
def test_what_somebody_says_later_takes_the_place_of_what_they_said(events: list[Event]) -> None:
    found = _is(events)
    for member in MEMBERS:
        said = [
            event
            for event in sorted(events, key=lambda one: (one.at, one.id))
            if event.member == member and event.kind in ("coming", "arrived", "cannot", "left") and event.at < EXPIRES
        ]
        last = said[-1].kind if said else "nothing"
        assert (member in found.coming) == (last in ("coming", "arrived"))
        if member in found.coming:
            assert found.coming[member].arrived == (last == "arrived")
        if last in ("coming", "arrived", "cannot"):
            assert (member in found.cannot) == (last == "cannot")
        if member != RAISER:
            stands = [
                event.kind
                for event in sorted(events, key=lambda one: (one.at, one.id))
                if event.member == member and event.kind in ("verified", "doubted") and event.at < EXPIRES
            ]
            assert (member in found.witnesses) == (stands[-1:] == ["verified"])
            assert (member in found.doubters) == (stands[-1:] == ["doubted"])


@given(_histories(_GOING_ON))
def test_nobody_both_comes_and_cannot_come_and_nobody_both_stands_for_it_and_doubts_it(events: list[Event]) -> None:
    found = _is(events)
    assert not found.coming.keys() & found.cannot
    assert not found.witnesses & found.doubters
    assert RAISER in found.witnesses, "whoever raised it stands for it until it is over"


@given(_histories(_GOING_ON))
def test_what_is_met_and_what_is_missing_add_up(events: list[Event]) -> None:
    found = _is(events)
    assert found.met.keys() == found.needs.keys()
    assert all(wanted > 0 for wanted in found.needs.values())
    for what, wanted in found.needs.items():
        met = len(found.coming) if what == PEOPLE else sum(what in one.brings for one in found.coming.values())
        assert found.met[what] == met
        assert found.unmet.get(what, 0) == max(0, wanted - met)
    assert all(missing > 0 for missing in found.unmet.values())


def test_a_drop_out_opens_the_need_again() -> None:
    comes = Event(id=2, kind="coming", member=2, at=START)
    brings = Event(id=3, kind="brings", member=2, at=START, data={"what": "van"})
    cannot = Event(id=4, kind="cannot", member=2, at=START)
    assert _is([_RAISED, comes, brings]).unmet == {PEOPLE: 2}
    assert _is([_RAISED, comes, brings, cannot]).unmet == {PEOPLE: 3, "van": 1}


# --- who may hear of it ---------------------------------------------------------------------------------------------


@given(_histories(_GOING_ON), st.sampled_from([*KINDS.values()]))
def test_one_witness_does_what_the_committee_lets_one_person_do_and_two_reach_everybody(
    events: list[Event], kind: Kind
) -> None:
    found = _is(events)
    if found.held:
        assert alarm.reach(found, kind) is None
    elif len(found.witnesses) < alarm.WITNESSES:
        assert found.certainty == "possible"
        assert alarm.reach(found, kind) == kind.alone
    else:
        assert found.certainty == "likely"
        assert alarm.reach(found, kind) == "everyone"


@given(_histories(_GOING_ON), st.sampled_from([*KINDS.values()]))
def test_only_what_is_confirmed_immediate_and_severe_breaks_quiet_hours(events: list[Event], kind: Kind) -> None:
    found = _is(events)
    wakes = alarm.wakes(found, urgency=kind.urgency, severity=kind.severity)
    assert wakes == (found.verified and kind.urgency == "immediate" and kind.severity in ("severe", "extreme"))


def test_as_the_kinds_come_one_person_alone_tells_the_group_at_most() -> None:
    assert {kind.alone for kind in KINDS.values()} <= {"organizers", "group"}


@given(st.integers(0, 400), st.integers(0, 400))
def test_whoever_has_just_come_in_is_no_witness_where_the_committee_is_not_new_too(joined: int, later: int) -> None:
    began = START
    joined_at = began + timedelta(days=joined)
    may = alarm.may_witness(joined_at, began_at=began, now=joined_at + timedelta(days=later))
    assert may == (joined < 7 or later >= 7)


class OneMaliciousMember(RuleBasedStateMachine):
    """Somebody, with as many accounts as they like, says whatever they like as often as they like.

    Each account is of their branch, because they or an account of theirs brought it in, or nobody brought it in and it
    has come in since. Others do nothing, or doubt. What a handler does before it writes something down is done here:
    `may_witness` and `may_verify`, and only the raiser and the organizers change and end an alert.
    """

    @initialize(kind=st.sampled_from([*KINDS.values()]), earlier=st.integers(0, 3))
    def begin(self, kind: Kind, earlier: int) -> None:
        # The founder is the trunk; the malicious one was brought in through some others.
        self.inviters = dict(enumerate(range(1, earlier + 2), start=2))
        self.mallory = earlier + 2
        self.accounts = [self.mallory]
        self.began_at = START - timedelta(days=90)
        self.joined_at = {self.mallory: self.began_at}
        self.kind = kind
        self.now = START
        self.events: list[Event] = []
        self._say("raised", self.mallory, needs={PEOPLE: 500})

    def _say(self, kind: str, member: int | None, **data: object) -> None:
        self.events.append(Event(id=len(self.events) + 1, kind=kind, member=member, at=self.now, data=data))

    def _now_is(self) -> Alarm:
        return _is(self.events, now=self.now)

    @rule(place=st.integers(0, 100))
    def brings_in_another_account(self, place: int) -> None:
        account = 1000 + len(self.accounts)
        inviter = self.accounts[place % len(self.accounts)]
        self.inviters[account] = inviter
        self.accounts.append(account)
        self.joined_at[account] = max(self.joined_at[inviter], self.now - timedelta(days=place))

    @rule()
    def comes_in_once_more_by_themselves(self) -> None:
        account = 1000 + len(self.accounts)
        self.accounts.append(account)
        self.joined_at[account] = self.now

    @rule(place=st.integers(0, 100))
    def confirms(self, place: int) -> None:
        account = self.accounts[place % len(self.accounts)]
        found = self._now_is()
        if not alarm.may_witness(self.joined_at[account], began_at=self.began_at, now=self.now):
            return
        kin = {one for one in found.witnesses if admission.same_branch(one, account, self.inviters, trunk={1})}
        if alarm.may_verify(found, account, of_one_branch=kin):
            self._say("verified", account)

    @rule(place=st.integers(0, 100), what=st.sampled_from(["doubted", "coming", "arrived", "cannot", "left"]))
    def answers(self, place: int, what: str) -> None:
        self._say(what, self.accounts[place % len(self.accounts)])

    @rule(needs=_NEEDS)
    def says_what_it_takes(self, needs: dict[str, int]) -> None:
        self._say("needs", self.mallory, needs=needs)

    @rule(minutes=st.integers(1, 3000))
    def says_until_when(self, minutes: int) -> None:
        self._say("expires", self.mallory, at=(self.now + timedelta(minutes=minutes)).isoformat())

    @rule()
    def writes_news(self) -> None:
        self._say("updated", self.mallory)

    @rule(minutes=st.integers(1, 200))
    def waits(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(other=st.integers(2000, 2003))
    def somebody_else_doubts(self, other: int) -> None:
        self._say("doubted", other)

    @rule(again=st.integers(0, 1000))
    def something_is_heard_again(self, again: int) -> None:
        self.events.append(self.events[again % len(self.events)])

    @invariant()
    def nobody_else_is_paged(self) -> None:
        found = self._now_is()
        assert alarm.reach(found, self.kind) in ("organizers", "group")
        assert not found.verified
        assert not alarm.wakes(found, urgency="immediate", severity="extreme")


TestOneMaliciousMember = OneMaliciousMember.TestCase
TestOneMaliciousMember.settings = settings(max_examples=settings().max_examples // 3)
