"""What an alert is: a fold over what has happened in it. Pure rules.

Words are those of CAP 1.2 (OASIS, Common Alerting Protocol): status, urgency, severity and certainty are separate axes.
The fold looks at events as a set, in the order of when they happened: in whatever order and however often they come in,
what follows is the same. An alert that is over stays over. What somebody says later takes the place of what they said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Status = Literal["actual", "exercise"]
Urgency = Literal["immediate", "expected", "future", "past", "unknown"]
Severity = Literal["extreme", "severe", "moderate", "minor", "unknown"]
Certainty = Literal["observed", "likely", "possible", "unlikely", "unknown"]
Outcome = Literal["ended", "cancelled", "false", "expired", "merged", "refused"]
Alone = Literal["organizers", "group", "everyone"]
"""What one person may do alone: tell the organizers, tell the group, or page everybody."""
ENDS: Mapping[str, Outcome] = {
    "ended": "ended",
    "cancelled": "cancelled",
    "false": "false",
    "expired": "expired",
    "merged": "merged",
    "refused": "refused",
}
"""Events after which nothing goes on."""

EXPIRES_MAX = timedelta(hours=48)
"""So long after it was raised an alert goes on at most."""
EXPIRES_LEAST = timedelta(minutes=5)
WITNESSES = 2
"""So many people of different invite branches make an alert verified."""
NEW_FOR = timedelta(days=7)
"""So long whoever comes in is no witness: they could be somebody who is here already, with another account."""
PEOPLE = "people"
"""The need that everybody who comes meets."""
NEEDS_MAX = 500
"""More of one thing is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of alert. `hours`: how long it goes on where nobody says; `needs`: what it takes where nobody says."""

    key: str
    urgency: Urgency
    severity: Severity
    hours: int
    alone: Alone = "group"
    needs: Mapping[str, int] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(key="eviction", urgency="immediate", severity="severe", hours=6, needs={PEOPLE: 10}),
        Kind(key="raid", urgency="immediate", severity="extreme", hours=6, needs={PEOPLE: 5, "legal": 1}),
        Kind(key="strike", urgency="expected", severity="moderate", hours=12, needs={PEOPLE: 10}),
        Kind(key="threat", urgency="immediate", severity="severe", hours=6, needs={PEOPLE: 5}),
        Kind(key="aid", urgency="immediate", severity="moderate", hours=12, needs={PEOPLE: 1}),
        Kind(key="other", urgency="expected", severity="moderate", hours=6),
    )
}
"""The kinds that every committee begins with."""
NEEDS = (PEOPLE, "van", "legal", "medic", "child_care", "phone_tree")
"""What people can bring, beside themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `id`: the same event never counts twice.

    `kind`: raised (needs, outside), held, accepted; verified, doubted; coming (minutes), brings (what, off), arrived,
    cannot, left; needs (needs), expires (at), updated, paged (ring); tally (of, rev, counts: what a linked committee
    brings); or one of `ENDS`. What is not known is passed over, such as interrupts and interrupted: something real has
    ended a drill.
    """

    id: int
    kind: str
    member: int | None
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What somebody has said who comes. `there_at`: when they expect to be there; `arrived`: they are."""

    there_at: datetime
    brings: frozenset[str] = frozenset()
    arrived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What an alert is at a moment. Members by id; none of them is for receivers to see."""

    held: bool
    """It waits for an organizer to let it through."""
    witnesses: frozenset[int]
    """Who stands for it: whoever raised it, and who confirmed it."""
    doubters: frozenset[int]
    coming: Mapping[int, Response]
    cannot: frozenset[int]
    needs: Mapping[str, int]
    expires_at: datetime
    ring: int | None
    """The furthest ring that was paged; None: none."""
    outcome: Outcome | None
    over_at: datetime | None
    outside: int | None = None
    """As many witnesses a linked committee, whose alert it is, counts for here; None: it was raised here."""
    elsewhere: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What of its needs linked committees bring, by committee."""

    @property
    def verified(self) -> bool:
        """Two people of different branches stand for it, or a linked committee that is trusted like them."""
        return len(self.witnesses) + (self.outside or 0) >= WITNESSES

    @property
    def certainty(self) -> Certainty:
        """By CAP's words: one witness makes it possible, two make it likely."""
        return "likely" if self.verified else "possible"

    @property
    def over(self) -> bool:
        """Whether nothing goes on any more."""
        return self.outcome is not None

    @property
    def met(self) -> Mapping[str, int]:
        """How much of each need is met by those who come."""
        return {
            what: (len(self.coming) if what == PEOPLE else sum(what in one.brings for one in self.coming.values()))
            + sum(counts.get(what, 0) for counts in self.elsewhere.values())
            for what in self.needs
        }

    @property
    def unmet(self) -> Mapping[str, int]:
        """What is still missing."""
        met = self.met
        return {what: wanted - met[what] for what, wanted in self.needs.items() if met[what] < wanted}


def alarm(events: Iterable[Event], *, expires_at: datetime, now: datetime) -> Alarm:
    """What follows from what has happened until `now`. `expires_at`: as it was raised; events may change it.

    The events may come in any order and any number of times.
    """
    held = False
    witnesses: set[int] = set()
    doubters: set[int] = set()
    coming: dict[int, Response] = {}
    cannot: set[int] = set()
    needs: dict[str, int] = {}
    raised_at: datetime | None = None
    ring: int | None = None
    outcome: Outcome | None = None
    over_at: datetime | None = None
    outside: int | None = None
    elsewhere: dict[str, tuple[int, Mapping[str, int]]] = {}
    happened = sorted({event.id: event for event in events}.values(), key=lambda one: (one.at, one.id))
    raiser = next((event.member for event in happened if event.kind == "raised"), None)
    for event in happened:
        if event.kind in ENDS:
            # Whatever was said after its time, that was over already.
            outcome, over_at = (ENDS[event.kind], event.at) if event.at < expires_at else ("expired", expires_at)
            break
        if event.at >= expires_at:
            continue
        match event.kind:
            case "raised":
                raised_at = event.at
                needs.update(event.data.get("needs", {}))
                outside = event.data.get("outside")
                if event.member is not None:
                    witnesses.add(event.member)
            case "held":
                held = True
            case "accepted":
                held = False
            case "verified" if event.member is not None:
                witnesses.add(event.member)
                doubters.discard(event.member)
            case "doubted" if event.member is not None and event.member != raiser:
                doubters.add(event.member)
                witnesses.discard(event.member)
            case "coming" if event.member is not None:
                before = coming.get(event.member)
                there_at = event.at + timedelta(minutes=event.data.get("minutes", 30))
                coming[event.member] = Response(
                    there_at=there_at, brings=before.brings if before is not None else frozenset()
                )
                cannot.discard(event.member)
            case "brings" if event.member in coming:
                coming[event.member] = _bringing(coming[event.member], event.data)
            case "arrived" if event.member is not None:
                before = coming.get(event.member)
                coming[event.member] = Response(
                    there_at=event.at, brings=before.brings if before is not None else frozenset(), arrived=True
                )
                cannot.discard(event.member)
            case "cannot" if event.member is not None:
                coming.pop(event.member, None)
                cannot.add(event.member)
            case "left" if event.member is not None:
                coming.pop(event.member, None)
            case "needs":
                needs.update(event.data.get("needs", {}))
            case "expires":
                wanted = datetime.fromisoformat(event.data["at"])
                # It cannot have been over before that was said.
                expires_at = max(event.at, wanted if raised_at is None else min(wanted, raised_at + EXPIRES_MAX))
            case "tally" if event.data["rev"] > elsewhere.get(event.data["of"], (-1, {}))[0]:
                elsewhere[event.data["of"]] = (event.data["rev"], event.data["counts"])
            case "paged":
                ring = max(ring if ring is not None else 0, event.data.get("ring", 0))
            case _:
                pass
    if outcome is None and now >= expires_at:
        outcome, over_at = "expired", expires_at
    return Alarm(
        held=held,
        witnesses=frozenset(witnesses),
        doubters=frozenset(doubters),
        coming=coming,
        cannot=frozenset(cannot),
        needs={what: wanted for what, wanted in needs.items() if wanted > 0},
        expires_at=expires_at,
        ring=ring,
        outcome=outcome,
        over_at=over_at,
        outside=outside,
        elsewhere={of: counts for of, (_, counts) in elsewhere.items()},
    )


def _bringing(before: Response, data: Mapping[str, Any]) -> Response:
    what = {data["what"]}
    brings = before.brings - what if data.get("off") else before.brings | what
    return Response(there_at=before.there_at, brings=brings, arrived=before.arrived)


def reach(found: Alarm, kind: Kind) -> Alone | None:
    """Who may hear of it now; None: nobody but those who let it through.

    One person alone can do what the committee lets one person do; two of different branches reach everybody. What a
    linked committee has sent is shown to the group until then.
    """
    if found.held:
        return None
    if found.verified:
        return "everyone"
    return kind.alone if found.outside is None else "group"


def wakes(found: Alarm, *, urgency: Urgency, severity: Severity) -> bool:
    """Whether it may break the quiet hours of those who agreed to it: verified, immediate, and severe or worse."""
    return found.verified and urgency == "immediate" and severity in ("severe", "extreme")


def may_witness(joined_at: datetime, *, began_at: datetime, now: datetime) -> bool:
    """Whether somebody is here for long enough to confirm anything. While the committee itself is new, all are."""
    return now - joined_at >= NEW_FOR or joined_at - began_at < NEW_FOR


def may_verify(found: Alarm, member: int, *, of_one_branch: Set[int]) -> bool:
    """Whether somebody is a further witness. `of_one_branch`: the witnesses who are of one invite branch with them."""
    return member not in found.witnesses and not (found.witnesses & of_one_branch)
