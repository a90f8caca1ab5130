"""Shifts as a calendar file (RFC 5545), for a chat or for whoever asks at an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.chat import DOCUMENT_CHARACTERS_MAX
from bot.domain.calendars import REFRESH, Event, Planned, mark
from bot.text import Minutes, T, shown
from storage.calendars import Calendar

if TYPE_CHECKING:
    import icalendar

_PROGRAM = "-//Solibot//Solibot//EN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A calendar in words. `mark`: the same as long as it says the same."""

    name: str
    events: tuple[Event, ...]

    @property
    def mark(self) -> str:
        """Different as soon as anything in it is."""
        return mark(self.name, self.events)


def feed(calendar: Calendar) -> Feed:
    """A calendar in its reader's language."""
    called = calendar.committee.name
    title = T("{committee}: shifts", committee=called)
    if calendar.whose == "mine":
        title = T("{committee}: my shifts", committee=called)
    events = tuple(_event(calendar, shift) for shift in calendar.shifts)
    return Feed(name=shown(title, calendar.reader), events=events)


def _event(calendar: Calendar, shift: Planned) -> Event:
    name = T("(erased)") if shift.name is None else T("{title}", title=shift.name)
    words = T("{title}", title=calendar.committee.name)
    if shift.days is not None:
        words = T(
            "{committee}. At any time in these days, about {time}.",
            committee=calendar.committee.name,
            time=Minutes(shift.minutes),
        )
    begins, ends = shift.days or (shift.at, shift.end)
    return Event(
        uid=shift.uid,
        title=" ".join(shown(name, calendar.reader).split()),
        text=shown(words, calendar.reader),
        begins=begins,
        ends=ends,
        revision=shift.revision,
        revised=shift.revised,
        draft=shift.draft,
    )


def written(feed_: Feed, *, characters_max: int = DOCUMENT_CHARACTERS_MAX) -> str:
    """A calendar as a file. Where it would be too long, what is furthest ahead is left out."""
    events: Sequence[Event] = feed_.events
    while True:
        text = _written(feed_.name, events)
        if len(text) <= characters_max or not events:
            return text
        events = events[: len(events) * 2 // 3]


def _written(name: str, events: Sequence[Event]) -> str:
    # It takes a third of a second to load, and most never ask for a calendar.
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", _PROGRAM)
    calendar.add("calscale", "GREGORIAN")
    # RFC 7986 has its own names for what programs have known for long by others.
    calendar.add("name", icalendar.vText(name))
    calendar.add("x-wr-calname", icalendar.vText(name))
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", icalendar.vDuration(REFRESH))
    for one in events:
        entry = icalendar.Event()
        entry.add("uid", one.uid)
        entry.add("dtstamp", one.revised.replace(microsecond=0))
        entry.add("last-modified", one.revised.replace(microsecond=0))
        entry.add("sequence", one.revision)
        # Instants in UTC, so that no program's own table of clock changes counts.
        entry.add("dtstart", one.begins)
        entry.add("dtend", one.ends)
        entry.add("summary", one.title)
        entry.add("description", one.text)
        entry.add("status", "TENTATIVE" if one.draft else "CONFIRMED")
        # Whole days are no time that is taken.
        entry.add("transp", "OPAQUE" if isinstance(one.begins, datetime) else "TRANSPARENT")
        calendar.add_component(entry)
    if not events:
        calendar.add_component(_nothing())
    content: bytes = calendar.to_ical()
    return content.decode()


def _nothing() -> icalendar.Timezone:
    """What stands in a calendar without events: it has to have something in it."""
    import icalendar

    zone, usual = icalendar.Timezone(), icalendar.TimezoneStandard()
    zone.add("tzid", "UTC")
    usual.add("dtstart", datetime(1970, 1, 1))  # noqa: DTZ001 - a wall time
    usual.add("tzoffsetfrom", timedelta(0))
    usual.add("tzoffsetto", timedelta(0))
    zone.add_component(usual)
    return zone
