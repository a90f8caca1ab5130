"""Slots that people sign up for: how many fit in, who has one, and who waits. Pure rules.

Whoever asks first has it. Who has a slot and who waits is not kept anywhere: it follows from the order of asking, so
a slot never holds more than its maximum, and whoever waits longest moves up when one is free.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain.board import plain, read_day
from bot.domain.bookings import read_when

MOST_MAX = 500
EACH_MAX = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """From a wall time up to another."""

    start: datetime
    end: datetime

    def meets(self, other: Stretch) -> bool:
        """Whether they share some time."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot. `most`: how many fit in, None: as many as want; `stretch`: when it is, None: it does not say."""

    place: int
    most: int | None = None
    stretch: Stretch | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody asked for a slot."""

    member: int
    place: int


# --- what people write -------------------------------------------------------------------------------------------

_MOST = r"(?:max(?:imum|imo|imal)?|máx(?:imo)?|up to|hasta|höchstens|hoechstens|bis zu)\.?"
_AT_END = re.compile(rf"(?P<words>.*?)[\s,:(]*\b{_MOST}\s*(?P<most>\d{{1,4}})\s*\)?", re.IGNORECASE)
_EACH = re.compile(
    rf"(?:{_MOST}\s*)?(?P<each>\d{{1,3}})\s*"
    r"(?:each|per person|a head|por persona|cada un[oa]|por cabeza|pro person|pro kopf|je person)|"
    r"(?:each|cada un[oa]|je)\s*(?P<after>\d{1,3})",
    re.IGNORECASE,
)


def read_slot(text: str) -> tuple[str, int | None]:
    """What a slot is called, and how many fit in: `10-12 max 2`. Raises ValueError for a maximum that is none."""
    found = _AT_END.fullmatch(text.strip())
    if found is None or not found["words"].strip():
        return text.strip(), None
    most = int(found["most"])
    if not 1 <= most <= MOST_MAX:
        raise ValueError(text)
    return found["words"].strip(), most


def is_setting(piece: str) -> bool:
    """Whether a piece of the line behind a comma says how many slots one may have: `max 1 each`."""
    return _EACH.fullmatch(piece.strip()) is not None


def read_each(pieces: Sequence[str]) -> int | None:
    """How many slots one may have; None: nobody said. Raises ValueError with the piece that cannot be."""
    each = None
    for piece in pieces:
        found = _EACH.fullmatch(piece.strip())
        each = int(found["each"] or found["after"]) if found is not None else 0
        if not 1 <= each <= EACH_MAX:
            raise ValueError(piece)
    return each


_DAY_WORDS_MAX = 3
_SMALL = frozenset(
    map(
        plain,
        ("on", "for", "of", "the", "el", "la", "del", "de", "al", "para", "am", "den", "der", "dem", "für", "vom"),
    )
)


def day_in(title: str, *, now: datetime) -> str | None:
    """The day that a title names, as it is written: `Soup kitchen Saturday`; None: it names none."""
    words = [word.strip(".,;:()") for word in title.split()]
    for count in range(_DAY_WORDS_MAX, 0, -1):
        for at in range(len(words) - count + 1):
            said = words[at : at + count]
            if plain(said[0]) in _SMALL or not any(len(one) > 2 or one[:1].isdigit() for one in said):
                continue
            if read_day(" ".join(said), today=now.date()) is not None:
                return " ".join(said)
    return None


def stretches(title: str, names: Sequence[str], *, now: datetime) -> tuple[list[Stretch | None], bool]:
    """When each slot is, as wall times, and whether its day is known: from its own words, or from the title's.

    Without a day anywhere the times still say which slots overlap.
    """
    day = day_in(title, now=now)
    found: list[Stretch | None] = []
    dated = True
    for name in names:
        own = day_in(name, now=now) is not None
        said = name if own or day is None else f"{day} {name}"
        dated &= own or day is not None
        words = said.split()
        when = read_when(words, now=now)
        if when is None or when[0].end is None:
            found.append(None)
            dated = False
        else:
            found.append(Stretch(when[0].start, when[0].end))
    return found, dated and bool(names)


# --- who has which -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """Who has which slot and who waits for it, both in the order of asking."""

    holders: Mapping[int, tuple[int, ...]]
    waiting: Mapping[int, tuple[int, ...]]

    def waits_at(self, member: int, place: int) -> int | None:
        """The place in the waiting list, from 1; None: they do not wait for it."""
        waiting = self.waiting[place]
        return waiting.index(member) + 1 if member in waiting else None

    def free(self, slot: Slot) -> int | None:
        """How many more fit in; None: as many as want."""
        return None if slot.most is None else slot.most - len(self.holders[slot.place])


def seated(slots: Collection[Slot], asked: Sequence[Asking]) -> Seating:
    """Who has which slot. `asked`: in the order of asking, each slot once for each member."""
    holders: dict[int, tuple[int, ...]] = {}
    waiting: dict[int, tuple[int, ...]] = {}
    for slot in slots:
        everybody = tuple(one.member for one in asked if one.place == slot.place)
        most = len(everybody) if slot.most is None else slot.most
        holders[slot.place], waiting[slot.place] = everybody[:most], everybody[most:]
    return Seating(holders=holders, waiting=waiting)


Fault = Literal["twice", "each", "overlap"]


def fault(
    slots: Collection[Slot], asked: Sequence[Asking], wanted: Asking, *, each: int | None
) -> tuple[Fault, int] | None:
    """Why somebody cannot ask for a slot, and the slot of theirs that is in the way; None: they can.

    To wait counts like to have: so nobody who moves up is booked twice, or has more than others may have.
    """
    mine = [one.place for one in asked if one.member == wanted.member]
    if wanted.place in mine:
        return "twice", wanted.place
    if each is not None and len(mine) >= each:
        return "each", mine[-1]
    there = {slot.place: slot.stretch for slot in slots}
    stretch = there[wanted.place]
    for place in mine:
        other = there.get(place)
        if stretch is not None and other is not None and stretch.meets(other):
            return "overlap", place
    return None


def moved_up(before: Seating, after: Seating) -> list[Asking]:
    """Who waited, and has a slot now."""
    return [
        Asking(member, place)
        for place, holders in sorted(after.holders.items())
        for member in holders
        if member in before.waiting.get(place, ())
    ]
