"""What linked committees tell each other of alerts, in which order it counts, and how much is let in. Pure rules.

Words are those of CAP 1.2. A committee's alert has an id that its author chose, and each thing that is told of it a
revision: the highest decides, in whatever order and however often they come, and what is over stays over. Nothing here
holds a name, an exact place or where people meet: only what all members may know, and figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from bot.domain import alarm, alertline
from bot.domain.alarm import PEOPLE, Alarm, Outcome, Severity, Status, Urgency
from bot.domain.envelope import INT_MAX
from bot.domain.escalation import is_near
from bot.domain.roster import Trust, one_line

UID_LENGTH = 32
AUTHOR_LENGTH = 64
NAME_CHARACTERS_MAX = 60
HOPS = 1
"""So often an alert may be handed on into another federation."""
MANY_MAX = 5_000
"""More of anything is not plausible."""
SOON = timedelta(minutes=10)
LATER = timedelta(minutes=30)

CRITICAL_IN_HOUR = 3
IN_DAY = 10
BURST = 2
BURST_WITHIN = timedelta(minutes=1)
WAITING_MAX = 20
"""So many of one committee are kept that wait for a yes; further ones are only counted."""

Ending = Literal["ended", "cancelled", "false", "expired"]
_HEX = frozenset("0123456789abcdef")


class Unread(Exception):
    """It is not what committees tell each other of alerts."""


# --- what is told ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a committee tells of its alert. Times are seconds since 1970.

    `label`: what it calls a kind of its own, by language. `met`: how much of each need there is. `wide`: also for
    whoever wants other areas. `origin`: the author whose alert it is, where another hands it on; `of`: what that one
    calls it.
    """

    uid: str
    rev: int
    status: Status
    urgency: Urgency
    severity: Severity
    kind: str
    expires: int
    label: Mapping[str, str] = field(default_factory=dict)
    area: str = ""
    words: str = ""
    news: str = ""
    language: str = ""
    needs: Mapping[str, int] = field(default_factory=dict)
    met: Mapping[str, int] = field(default_factory=dict)
    wide: bool = False
    origin: str = ""
    of: str = ""

    @property
    def critical(self) -> bool:
        """Such a one may wake people, so fewer of them are let in."""
        return self.urgency == "immediate" and self.severity in ("severe", "extreme")

    @property
    def exercise(self) -> bool:
        """It is a drill."""
        return self.status == "exercise"

    @property
    def until(self) -> datetime:
        """When it is over by itself."""
        return datetime.fromtimestamp(self.expires, UTC)

    def dump(self) -> dict[str, Any]:
        """As it stands in an envelope."""
        return {
            "id": self.uid,
            "rev": self.rev,
            "status": self.status,
            "msgType": "alert" if self.rev == 1 else "update",
            "urgency": self.urgency,
            "severity": self.severity,
            "certainty": "likely",
            "kind": self.kind,
            "label": dict(self.label),
            "area": self.area,
            "words": self.words,
            "news": self.news,
            "language": self.language,
            "needs": dict(self.needs),
            "met": dict(self.met),
            "expires": self.expires,
            "wide": self.wide,
            **({"origin": self.origin, "of": self.of} if self.origin else {}),
        }


def read_told(body: Mapping[str, Any]) -> Told:
    """What another committee tells of an alert, of whatever shape it came. Raises Unread."""
    kind, label = body.get("kind"), body.get("label", {})
    if not isinstance(kind, str) or not isinstance(label, Mapping) or len(label) > 4:
        raise Unread
    origin = body.get("origin", "")
    return Told(
        uid=_hexed(body.get("id"), UID_LENGTH),
        rev=_count(body.get("rev"), INT_MAX, least=1),
        status=_one_of(body.get("status"), get_args(Status)),
        urgency=_one_of(body.get("urgency"), get_args(Urgency)),
        severity=_one_of(body.get("severity"), get_args(Severity)),
        # Kinds of their own mean nothing here: what they are called stands in the label.
        kind=kind if kind in alarm.KINDS else "other",
        expires=_count(body.get("expires"), 2**33),
        label={_line(key, 3): _line(words, NAME_CHARACTERS_MAX) for key, words in label.items()},
        area=_line(body.get("area", ""), alertline.AREA_CHARACTERS_MAX),
        words=_line(body.get("words", ""), alertline.WORDS_CHARACTERS_MAX),
        news=_line(body.get("news", ""), alertline.WORDS_CHARACTERS_MAX),
        language=_line(body.get("language", ""), 3),
        needs=_counts(body.get("needs", {}), alarm.NEEDS_MAX),
        met=_counts(body.get("met", {})),
        wide=body.get("wide") is True,
        origin=_hexed(origin, AUTHOR_LENGTH) if origin != "" else "",
        of=_line(body.get("of", ""), NAME_CHARACTERS_MAX),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """That a committee's alert is over."""

    uid: str
    rev: int
    outcome: Ending
    origin: str = ""

    def dump(self) -> dict[str, Any]:
        """As it stands in an envelope."""
        return {
            "id": self.uid,
            "rev": self.rev,
            "msgType": "cancel",
            "outcome": self.outcome,
            **({"origin": self.origin} if self.origin else {}),
        }


def read_over(body: Mapping[str, Any]) -> Over:
    """Raises Unread."""
    origin = body.get("origin", "")
    return Over(
        uid=_hexed(body.get("id"), UID_LENGTH),
        rev=_count(body.get("rev"), INT_MAX, least=1),
        outcome=_one_of(body.get("outcome"), get_args(Ending)),
        origin=_hexed(origin, AUTHOR_LENGTH) if origin != "" else "",
    )


def ending(outcome: Outcome) -> Ending:
    """What others are told of what became of it: what goes on here as another is over for them."""
    return outcome if outcome in ("cancelled", "false", "expired") else "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many come from a committee, and what they bring; never who.

    `soon`, `later`, `late`: within 10 minutes, within 30, and after that; `there`: they are there.
    """

    soon: int = 0
    later: int = 0
    late: int = 0
    there: int = 0
    brings: Mapping[str, int] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """All who come, or are there."""
        return self.soon + self.later + self.late + self.there

    @property
    def counts(self) -> dict[str, int]:
        """By what is needed."""
        return {what: many for what, many in {**self.brings, PEOPLE: self.people}.items() if many}

    def dump(self, uid: str, rev: int, origin: str = "") -> dict[str, Any]:
        """As it stands in an envelope."""
        return {
            "id": uid,
            "rev": rev,
            "coming": [self.soon, self.later, self.late],
            "there": self.there,
            "brings": dict(self.brings),
            **({"origin": origin} if origin else {}),
        }


def tally(found: Alarm, *, behind: Sequence[Tally] = (), now: datetime) -> Tally:
    """What is told of those who come from here. `behind`: from where this committee has handed it on."""
    soon = later = late = there = 0
    brings: dict[str, int] = {}
    for one in found.coming.values():
        if one.arrived:
            there += 1
        elif one.there_at <= now + SOON:
            soon += 1
        elif one.there_at <= now + LATER:
            later += 1
        else:
            late += 1
        for what in one.brings:
            brings[what] = brings.get(what, 0) + 1
    for other in behind:
        soon, later, late, there = soon + other.soon, later + other.later, late + other.late, there + other.there
        for what, many in other.brings.items():
            brings[what] = brings.get(what, 0) + many
    return Tally(soon=soon, later=later, late=late, there=there, brings=dict(sorted(brings.items())))


def read_tally(body: Mapping[str, Any]) -> tuple[str, int, Tally]:
    """The id of the alert, the revision, and the figures, none of them more than is plausible. Raises Unread."""
    coming = body.get("coming")
    if not isinstance(coming, list) or len(coming) != 3:
        raise Unread
    soon, later, late = (_count(one, MANY_MAX) for one in coming)
    brings = {what: many for what, many in _counts(body.get("brings", {})).items() if what != PEOPLE}
    found = Tally(soon=soon, later=later, late=late, there=_count(body.get("there", 0), MANY_MAX), brings=brings)
    if found.people > MANY_MAX or any(many > found.people for many in brings.values()):
        # Whoever brings something comes.
        raise Unread
    return _hexed(body.get("id"), UID_LENGTH), _count(body.get("rev"), INT_MAX, least=1), found


def read_got(body: Mapping[str, Any]) -> str:
    """Of which alert somebody has got that it is over. Raises Unread."""
    return _hexed(body.get("id"), UID_LENGTH)


def elsewhere(told: Told, mine: Tally | None) -> dict[str, int]:
    """What of its needs is met by others than this committee. `mine`: what this one has told them last."""
    own = {} if mine is None else mine.counts
    return {what: many - own.get(what, 0) for what, many in told.met.items() if many > own.get(what, 0)}


def _line(read: Any, most: int) -> str:
    """Words of others: in one line, without what cannot be seen, and shortened."""
    if not isinstance(read, str):
        raise Unread
    return one_line(read[: 4 * most])[:most]


def _hexed(read: Any, length: int) -> str:
    if not isinstance(read, str) or len(read) != length or not set(read) <= _HEX:
        raise Unread
    return read


def _count(read: Any, most: int, *, least: int = 0) -> int:
    if type(read) is not int or not least <= read <= most:
        raise Unread
    return read


def _counts(read: Any, most: int = MANY_MAX) -> dict[str, int]:
    """By what is needed; what is not known here is left out."""
    if not isinstance(read, Mapping):
        raise Unread
    return {what: _count(read[what], most) for what in alarm.NEEDS if what in read}


def _one_of(read: Any, known: Sequence[Any]) -> Any:
    if not isinstance(read, str) or read not in known:
        raise Unread
    return read


# --- in which order it counts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of another committee's alert. `told` None: only that it is over."""

    told: Told | None = None
    over: Over | None = None


def after(known: Known, said: Told | Over) -> Known:
    """What is known once something more was said: the same in whatever order, and however often, it comes."""
    if isinstance(said, Over):
        over = said if known.over is None or said.rev > known.over.rev else known.over
        return Known(told=known.told, over=over)
    newer = known.told is None or said.rev > known.told.rev
    return Known(told=said if newer else known.told, over=known.over)


# --- how much is let in ------------------------------------------------------------------------------------------

Welcome = Literal["nothing", "past", "waits", "elsewhere", "organizers", "shown", "confirmed", "pages"]
"""What becomes of an alert that is heard of for the first time.

nothing: whoever sends it is blocked. past: it came too late. waits: for an organizer's yes, because there were too many
or whoever sends it is frozen. elsewhere: the committee wants other areas, until it is asked of all. organizers: they
are told. shown: to the group, nobody is paged. confirmed: people are paged once somebody here confirms it. pages: at
once.
"""
_BY_TRUST: Mapping[Trust, Welcome] = {
    Trust.BLOCKED: "nothing",
    Trust.ORGANIZERS: "organizers",
    Trust.SHOWN: "shown",
    Trust.CONFIRMED: "confirmed",
    Trust.PAGES: "pages",
}
OUTSIDE: Mapping[Welcome, int] = {"organizers": 0, "shown": 0, "confirmed": 1, "pages": 2}
"""For how many witnesses here it counts that the other committee stands for it."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """An alert of a committee that was let in before."""

    at: datetime
    critical: bool


def welcome(
    told: Told,
    trust: Trust,
    before: Sequence[LetIn],
    *,
    frozen: bool,
    areas: Sequence[str],
    past: bool,
    now: datetime,
) -> Welcome:
    """What becomes of it. `before`: what was let in of the same committee in a day; `areas`: wanted, none: all."""
    if trust is Trust.BLOCKED:
        return "nothing"
    if past or told.until <= now:
        return "past"
    if frozen:
        return "waits"
    if not told.wide and areas and told.area and not is_near(areas, told.area):
        return "elsewhere"
    return _BY_TRUST[trust] if within_budget(before, critical=told.critical, now=now) else "waits"


def within_budget(before: Sequence[LetIn], *, critical: bool, now: datetime) -> bool:
    """Whether one more is let in without somebody's yes."""
    if sum(one.at > now - timedelta(days=1) for one in before) >= IN_DAY:
        return False
    if sum(one.at > now - BURST_WITHIN for one in before) >= BURST:
        return False
    in_hour = sum(one.critical and one.at > now - timedelta(hours=1) for one in before)
    return not critical or in_hour < CRITICAL_IN_HOUR
