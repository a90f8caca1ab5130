"""What the committee shares and books: when it is wanted, who gets it where it is scarce, and what is free instead.

Spans of time hold their beginning and not their end. Instants are aware, in UTC; wall times are naive, in the
committee's zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain.board import plain, read_day
from bot.domain.recurrence import instant

Kind = Literal["room", "vehicle", "tool"]
KINDS: Sequence[Kind] = ("room", "vehicle", "tool")
LONGEST: Mapping[Kind, int] = {"room": 4 * 60, "vehicle": 24 * 60, "tool": 3 * 24 * 60}
"""For how long at most something is booked, in minutes, where the committee has not set it."""
AHEAD_DAYS = 60
"""So far ahead, where the committee has not set it."""
DAY = 24 * 60
MINUTES_MIN = 15
MINUTES_MAX = 14 * DAY
AHEAD_MAX = 365
HAD_WITHIN = timedelta(days=90)
"""Who has had something less in this time comes first among equals."""
PURPOSES_MAX = 8
PURPOSE_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From an instant up to another, which is not in it any more."""

    start: datetime
    end: datetime

    def meets(self, other: Span) -> bool:
        """Whether they share some time."""
        return self.start < other.end and other.start < self.end

    @property
    def minutes(self) -> int:
        """How long it is, in whole minutes."""
        return (self.end - self.start) // timedelta(minutes=1)


# --- what people write -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class When:
    """A wall time; `end` where it was said too."""

    start: datetime
    end: datetime | None = None


_AT = r"(?:(?:at|um|a\s+las?|de(?:sde)?(?:\s+las?)?|from|von|ab)\s+)"
_EXACT = r"(?:[01]?\d|2[0-4])[:.h][0-5]\d(?:\s?(?:hs?|uhr|am|pm))?|(?:[01]?\d|2[0-3])\s?(?:uhr|am|pm)"
"""What is a time wherever it stands; the rest could be an amount of time, or a number of something."""
_LOOSE = rf"{_EXACT}|(?:[01]?\d|2[0-4])\s?h?s?"
_AFTER_DAY = rf"{_EXACT}|(?:0?[6-9]|1\d|2[0-3])\s?hs?"
_TO = r"\s*[-–—]\s*|\s+(?:to|until|till|a|al|hasta|bis)\s+(?:(?:las?|el|um|zum)\s+)*"
_SPLIT = re.compile(_TO)
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2}))?\s?(?P<suffix>hs?|uhr|am|pm)?")
_ALL_DAY = re.compile(
    r"(?:all|the\s+whole)\s+day|todo\s+el\s+dia|(?:el\s+)?dia\s+entero|(?:den\s+)?ganzen?\s+tag|ganztags|ganztagig"
)
_BEFORE_DAY = re.compile(r"^(?:on|this|from|el|este|del?|desde(?:\s+el)?|am|den|diesen|von|vom|ab)\s+")
_WHEN_WORDS_MAX = 10
_LENGTH_DAYS = re.compile(r"(?P<many>\d{1,3})\s*(?:d|days?|dias?|tage?n?)")


def read_when(words: Sequence[str], *, now: datetime) -> tuple[When, int] | None:
    """The time at the beginning of the words, and how many of them it takes: `sat 10:00`, `tomorrow 18-20 h`,
    `sáb todo el día`, `Fr 18 Uhr bis So 20 Uhr`; None: there is none. `now`: the wall time.

    A time without a day, or on a day of the week, is the next one that is still ahead.
    """
    for count in range(min(_WHEN_WORDS_MAX, len(words)), 0, -1):
        found = _when(plain(" ".join(words[:count])).strip(" ,;"), now=now)
        if found is not None:
            return found, count
    return None


def _when(text: str, *, now: datetime) -> When | None:
    if (whole := _whole(text, now=now)) is not None:
        return whole
    if (start := _moment(text, now=now)) is not None:
        return When(start)
    for gap in _SPLIT.finditer(text):
        first, last = text[: gap.start()], text[gap.end() :]
        begin = _moment(first, now=now, loose=True)
        if begin is None:
            continue
        end = _end(last, begin)
        if end is not None:
            return When(begin, end)
    return None


def _whole(text: str, *, now: datetime) -> When | None:
    """A whole day."""
    found = next(_ALL_DAY.finditer(text), None)
    if found is None:
        return None
    day = read_day(_BEFORE_DAY.sub("", (text[: found.start()] + text[found.end() :]).strip(" ,")), today=now.date())
    if day is None:
        return None
    begin = datetime.combine(day, time())
    return When(begin, begin + timedelta(days=1))


def _moment(text: str, *, now: datetime, loose: bool = False) -> datetime | None:
    """A wall time, with its day or without. `loose`: the beginning of a range, where a bare number is an hour."""
    words = text.split(" ")
    for at in range(len(words)):
        day_words, clock_words = " ".join(words[:at]).strip(" ,"), " ".join(words[at:])
        pattern = _LOOSE if loose else _AFTER_DAY if day_words else _EXACT
        clock = _clock(clock_words, pattern)
        if clock is None:
            continue
        if not day_words:
            begin = _at(now, clock)
            return begin if begin > now else begin + timedelta(days=1)
        if (found := _on(day_words, clock, now=now)) is not None:
            return found
    for at in range(1, len(words)):
        clock = _clock(" ".join(words[:at]), _EXACT)
        if clock is not None and (found := _on(" ".join(words[at:]), clock, now=now)) is not None:
            return found
    return None


def _on(day_words: str, clock: timedelta, *, now: datetime) -> datetime | None:
    said = _BEFORE_DAY.sub("", day_words)
    day = read_day(said, today=now.date())
    if day is None:
        return None
    begin = datetime.combine(day, time()) + clock
    later = read_day(said, today=now.date() + timedelta(days=1))
    if begin <= now and later == day + timedelta(days=7):
        # On a Saturday evening “sat 10:00” is the one in a week.
        return begin + timedelta(days=7)
    return begin


def _end(text: str, begin: datetime) -> datetime | None:
    """The end of a range: a time on the same day, or after midnight; or with a day of its own."""
    clock = _clock(text, _LOOSE)
    if clock is not None:
        end = _at(begin, clock)
        return end if end > begin else end + timedelta(days=1)
    words = text.split(" ")
    for at in range(1, len(words)):
        clock = _clock(" ".join(words[at:]), _LOOSE)
        day = read_day(_BEFORE_DAY.sub("", " ".join(words[:at])), today=begin.date()) if clock is not None else None
        if day is not None and clock is not None:
            return datetime.combine(day, time()) + clock
    return None


def _at(day: datetime, clock: timedelta) -> datetime:
    return datetime.combine(day.date(), time()) + clock


def _clock(text: str, pattern: str) -> timedelta | None:
    """How long after midnight; None: it is no time of this pattern."""
    bare = re.fullmatch(rf"{_AT}?(?P<time>{pattern})", text) or re.fullmatch(rf"{_AT}(?P<time>{_LOOSE})", text)
    found = _CLOCK.fullmatch(bare["time"]) if bare is not None else None
    if found is None:
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if found["suffix"] in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["suffix"] == "pm")
    if hour > 24 or (hour == 24 and minute):
        return None
    return timedelta(hours=hour, minutes=minute)


def read_days(words: Sequence[str]) -> tuple[int, int] | None:
    """A length of whole days in minutes (`2d`, `3 days`, `2 Tage`), and how many words it takes; None: it is none."""
    for count in (2, 1):
        found = _LENGTH_DAYS.fullmatch(plain(" ".join(words[:count])).strip(" ,;.")) if len(words) >= count else None
        if found is not None:
            return int(found["many"]) * DAY, count
    return None


def span_of(start: datetime, length: int | datetime, zone: ZoneInfo) -> Span | None:
    """The instants of a wall time that goes on for so many minutes, or until another wall time; None: until none.

    Whole days are days of the calendar, 23 or 25 hours long where clocks change; everything else is as long as it
    says.
    """
    begin = instant(start, zone)
    if isinstance(length, datetime):
        end = instant(length, zone)
    elif length % DAY == 0:
        end = instant(start + timedelta(minutes=length), zone)
    else:
        end = begin + timedelta(minutes=length)
    return Span(begin, end) if begin < end else None


_OTHERS = """
    other others otro otra otros otras lo demás andere anderes sonstiges rest
"""
_OTHER = frozenset(map(plain, _OTHERS.split()))


def read_purposes(line: str) -> list[str]:
    """An order of purposes as it is written, with or without commas: the first comes first. “other” at its end says
    what holds anyway: everything else comes last."""
    parts = line.split(",") if "," in line else line.replace(">", " ").split()
    found = [" ".join(part.split()).strip(" .;") for part in parts]
    found = [part for part in found if part]
    while found and plain(found[-1]) in _OTHER:
        found.pop()
    return found


def split_purpose(line: str, purposes: Sequence[str]) -> tuple[int | None, str]:
    """Which of the purposes a line begins with, and what else it says; None: with none of them."""
    words = line.split()
    for count in range(len(words), 0, -1):
        said = plain(" ".join(words[:count]).strip(" ,.:;"))
        for at, purpose in enumerate(purposes):
            if said == plain(purpose):
                return at, " ".join(words[count:]).strip(" ,.:;")
    return None, line.strip()


# --- what may be booked ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the committee has set for a thing. Minutes; `firm`: so long before it begins a booking is firm; None: at
    once, so whoever comes first has it."""

    longest: int
    ahead_days: int = AHEAD_DAYS
    firm: int | None = None


Fault = Literal["over", "short", "long", "ahead"]


def fault(span: Span, terms: Terms, *, now: datetime) -> Fault | None:
    """Why something cannot be booked for this time, whoever else wants it; None: it can.

    A whole day is a day, also where clocks change and it has an hour more.
    """
    hour_more = 60 if terms.longest % DAY == 0 else 0
    if span.end <= now or span.start < now - timedelta(minutes=MINUTES_MIN):
        return "over"
    if span.minutes < MINUTES_MIN:
        return "short"
    if span.minutes > terms.longest + hour_more:
        return "long"
    if span.start > now + timedelta(days=terms.ahead_days):
        return "ahead"
    return None


def firm_at(span: Span, terms: Terms, *, now: datetime) -> datetime:
    """From when on a booking is firm: `now`, or the cut-off before it begins."""
    return now if terms.firm is None else max(now, span.start - timedelta(minutes=terms.firm))


# --- who gets it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody asks for a time. `place`: of its purpose in the committee's order, 0 comes first."""

    id: int
    member: int
    span: Span
    place: int
    asked: datetime


By = Literal["purpose", "had", "asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rule has decided about a request, and why.

    Whoever has lost has lost to the request `to`, by what `by` says; whoever has won and others wanted the time has
    won over `to`. `had`, `their_had`: how many minutes both had had when it was compared.
    """

    id: int
    won: bool
    to: int | None = None
    by: By | None = None
    had: int = 0
    their_had: int = 0


def together(one: Request, requests: Iterable[Request]) -> list[Request]:
    """All that are decided at once with a request: those that share time with it, directly or through others."""
    left = [request for request in requests if request.id != one.id]
    found = [one]
    for request in found:
        near = [other for other in left if other.span.meets(request.span)]
        found += near
        left = [other for other in left if other not in near]
    return sorted(found, key=lambda request: request.id)


def allot(requests: Sequence[Request], *, had: Mapping[int, int], taken: Sequence[Span] = ()) -> list[Outcome]:
    """Decide between requests for one thing: nobody shares time with anybody else, or with what is `taken`.

    The best comes first, then the best of what still fits, and so on (serial dictatorship). Better is what comes
    earlier in the committee's order of purposes; then whoever has had it less, in minutes, with what this decision
    has given them already; then who asked first. It does not matter in which order the requests are given.
    """
    given: dict[int, int] = {}
    left = list(requests)
    outcomes: dict[int, Outcome] = {}

    def minutes(request: Request) -> int:
        return had.get(request.member, 0) + given.get(request.member, 0)

    def rank(request: Request) -> tuple[int, int, datetime, int]:
        return request.place, minutes(request), request.asked, request.id

    for request in [one for one in left if any(one.span.meets(span) for span in taken)]:
        outcomes[request.id] = Outcome(id=request.id, won=False)
        left.remove(request)
    while left:
        best = min(left, key=rank)
        left.remove(best)
        losers = sorted((one for one in left if one.span.meets(best.span)), key=rank)
        for loser in losers:
            outcomes[loser.id] = Outcome(
                id=loser.id,
                won=False,
                to=best.id,
                by=_by(best, loser, minutes(best), minutes(loser)),
                had=minutes(loser),
                their_had=minutes(best),
            )
            left.remove(loser)
        outcomes[best.id] = Outcome(
            id=best.id,
            won=True,
            to=losers[0].id if losers else None,
            by=outcomes[losers[0].id].by if losers else None,
            had=minutes(best),
            their_had=minutes(losers[0]) if losers else 0,
        )
        given[best.member] = given.get(best.member, 0) + best.span.minutes
    return [outcomes[request.id] for request in requests]


def _by(best: Request, loser: Request, had: int, their_had: int) -> By:
    if best.place != loser.place:
        return "purpose"
    return "had" if had != their_had else "asked"


# --- what is free ------------------------------------------------------------------------------------------------

_STEP = timedelta(minutes=30)
_DAYS_TRIED = 14
_EARLIEST, _LATEST = 8, 22
"""Nobody is offered an hour at night who did not ask for one."""


def free_instead(
    wanted: Span, taken: Iterable[Span], zone: ZoneInfo, *, terms: Terms, now: datetime
) -> list[tuple[datetime, Span]]:
    """What could be had in place of a time that is taken, earliest first, as wall time and span: as long, at most
    three. The nearest before and the nearest after on that day, and the same time on the next day that is free."""
    spans = list(taken)

    def is_free(span: Span | None) -> bool:
        return span is not None and not fault(span, terms, now=now) and not any(span.meets(other) for other in spans)

    found: list[tuple[datetime, Span]] = []
    local = wanted.start.astimezone(zone).replace(tzinfo=None)
    length = _length(wanted, zone)
    for starts in (_shifted(local, -_STEP), _shifted(local, _STEP), _days_later(local)):
        for start in starts:
            span = span_of(start, length, zone)
            if span is not None and is_free(span):
                found.append((start, span))
                break
    return sorted(found)


def _length(span: Span, zone: ZoneInfo) -> int:
    """How long a span is, in minutes of the clock on the wall where it is whole days."""
    local = (span.end.astimezone(zone).replace(tzinfo=None) - span.start.astimezone(zone).replace(tzinfo=None)) // (
        timedelta(minutes=1)
    )
    return local if local > 0 and local % DAY == 0 else span.minutes


def _shifted(local: datetime, step: timedelta) -> Iterator[datetime]:
    start = local + step
    while start.date() == local.date():
        if min(_EARLIEST, local.hour) <= start.hour < max(_LATEST, local.hour + 1):
            yield start
        start += step


def _days_later(local: datetime) -> Iterator[datetime]:
    for days in range(1, _DAYS_TRIED + 1):
        yield local + timedelta(days=days)


# --- reminders ---------------------------------------------------------------------------------------------------

REMINDED_AT = time(18)
"""On the evening before, when things can still be arranged."""
_SOON = timedelta(hours=1)
_SPARED = timedelta(hours=3)


def remind_at(span: Span, zone: ZoneInfo, *, now: datetime) -> datetime | None:
    """When whoever booked is reminded: on the evening before; else an hour before; None: they have just booked it."""
    day = span.start.astimezone(zone).date() - timedelta(days=1)
    evening = instant(datetime.combine(day, REMINDED_AT), zone)
    for at in (evening, (span.start - _SOON).astimezone(UTC)):
        if at - now >= _SPARED:
            return at
    return None
