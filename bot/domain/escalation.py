"""Who is called to an alert, and when: ring by ring, and only while something is missing. Pure rules.

What was called stands in events of the alert: `ring` (ring; told: whether anybody there could be told), `enough`,
`reopened`, `recalled` and `recounted`. They are read in the order in which they were written down, not by their times:
a clock that was set back must not turn them round. Whoever looks later finds the same step, or the one that is right
then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, IntEnum

from bot.domain import alarm, quiet
from bot.domain.alarm import Alarm, Event, Urgency
from bot.domain.alertline import NEED_WORDS
from bot.domain.board import plain
from bot.domain.quiet import Wish


class Ring(IntEnum):
    """Who is called, from the fewest to all."""

    ON_CALL = 0
    NEAR = 1
    """Who is near, or can do what is missing."""
    ALL = 2
    LINKS = 3
    """Committees that this one is linked with."""


WAIT = timedelta(minutes=3)
"""So long each ring has to answer where it is immediate; a committee may set another time."""
WAIT_LEAST, WAIT_MOST = timedelta(minutes=1), timedelta(minutes=60)
SLOWER: Mapping[Urgency, int] = {"immediate": 1, "expected": 5, "future": 20, "past": 5, "unknown": 5}
"""How many times as long a ring has where it is less urgent."""
REOPENED_WAIT = timedelta(minutes=1)
"""So long those on call have to make up for somebody who dropped out before others are called; each further time in the
same alert it is twice as long, so that nobody can wake all the others by coming and going."""
DOUBLED_MAX = 6
AREAS_MAX = 10
AREA_CHARACTERS_MAX = 60


def wait(urgency: Urgency, immediate: timedelta = WAIT) -> timedelta:
    """How long a ring has to answer. `immediate`: what the committee has set."""
    return immediate * SLOWER[urgency]


# --- how far it has come -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was done so far. `ring`: the furthest that was called; None: none. `since`: when the last step was."""

    ring: int | None = None
    since: datetime | None = None
    heard: bool = True
    """Somebody in that ring could be told. Nobody waits for those who sleep."""
    enough: bool = False
    """It was said that enough are coming, and still holds."""
    recall: bool = False
    """Somebody dropped out since then: those who stay on call are to be called again."""
    recalls: int = 0
    """How often they were."""
    warned: datetime | None = None
    """When those on call were last told at once that something is missing again."""
    warnings: int = 0
    upto: int = 0
    """Whoever was told last by a message up to this one stays on call, and is to be called again."""
    gone: frozenset[int] = frozenset()
    """Who was there and has left: they are not called again."""


def progress(events: Iterable[Event]) -> Progress:
    """What follows from the events of an alert, in the order of their ids."""
    found = Progress()
    gone: set[int] = set()
    for event in sorted({event.id: event for event in events}.values(), key=lambda one: one.id):
        match event.kind:
            case "ring":
                told = bool(event.data.get("told", True))
                ring = max(event.data["ring"], found.ring if found.ring is not None else 0)
                found = replace(found, ring=ring, since=event.at, heard=told)
            case "enough":
                found = replace(found, enough=True, recall=False)
            case "reopened":
                found = replace(found, since=event.at, heard=True, enough=False, recall=True)
                found = replace(found, upto=event.data.get("upto", 0))
                if event.data.get("told"):
                    found = replace(found, warned=event.at, warnings=found.warnings + 1)
            case "recalled":
                told = bool(event.data.get("told", True))
                found = replace(found, since=event.at, heard=told, recall=False, recalls=found.recalls + told)
            case "recounted":
                found = replace(found, since=event.at)
            case "left" if event.member is not None:
                gone.add(event.member)
            case "coming" | "arrived" if event.member is not None:
                gone.discard(event.member)
            case _:
                pass
    return replace(found, gone=frozenset(gone))


# --- who ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may be called. `can`: the needs that they have a skill for; `near`: they are near the place."""

    id: int
    on_call: bool = False
    near: bool = False
    can: frozenset[str] = frozenset()


def is_open(found: Alarm) -> bool:
    """Whether something is missing. Where nobody said what it takes, everybody is to hear of it."""
    return bool(found.unmet) or not found.needs


def ring_of(person: Person, found: Alarm) -> Ring:
    """The first ring in which somebody is called, by what is missing now."""
    if person.on_call:
        return Ring.ON_CALL
    missing = found.unmet
    near = person.near and (alarm.PEOPLE in missing or not found.needs)
    return Ring.NEAR if near or person.can & missing.keys() else Ring.ALL


def uncalled(people: Iterable[Person], found: Alarm, done: Progress, *, told: Set[int]) -> list[tuple[Ring, Person]]:
    """Who is still to be called, in that order: ring by ring, first who can do what is missing, then who is near.

    Not whoever was told already, stands for the alert, is coming, or has said that they cannot or have left.
    """
    out = told | found.witnesses | found.coming.keys() | found.cannot | done.gone
    missing = found.unmet.keys()
    left = [(ring_of(person, found), person) for person in people if person.id not in out]
    return sorted(left, key=lambda one: (one[0], not one[1].can & missing, not one[1].near, one[1].id))


# --- what is to be done ------------------------------------------------------------------------------------------


class Do(Enum):
    """What is to be done now."""

    NOTHING = "nothing"
    """Until something changes."""
    WAIT = "wait"
    """Look again at that time."""
    CALL = "call"
    """Call those of this ring, and of those before it whom nobody has called yet."""
    ENOUGH = "enough"
    """Say to those who have not answered that enough are coming."""
    REOPEN = "reopen"
    """Say to those on call that something is missing again."""
    RECALL = "recall"
    """Say that to those who were told that enough were coming."""
    RECOUNT = "recount"
    """The clock was set back: count the waiting from now."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done, in which ring, or when to look again."""

    do: Do
    ring: int | None = None
    at: datetime | None = None


_NOTHING = Step(Do.NOTHING)


def step(found: Alarm, done: Progress, *, now: datetime, wait: timedelta, rings: Set[int]) -> Step:
    """What is to be done now. `rings`: those in which there is still somebody to call.

    After a time in which nothing could be done, the rings that would have come are called as one, not one by one.
    """
    if found.over or found.held:
        return _NOTHING
    if not is_open(found):
        return Step(Do.ENOUGH) if done.ring is not None and not done.enough else _NOTHING
    if done.ring is None or done.since is None:
        return Step(Do.CALL, ring=min(rings)) if rings else _NOTHING
    if done.enough:
        return Step(Do.REOPEN)
    if rings and min(rings) <= done.ring:
        # Somebody is there now who was not, or can do what is missing only now.
        return Step(Do.CALL, ring=done.ring)
    further = sorted(ring for ring in rings if ring > done.ring)
    if not done.recall and not further:
        return _NOTHING
    if done.since > now:
        return Step(Do.RECOUNT)
    span = _longer(done.recalls) if done.recall else wait
    passed = (now - done.since) // span if done.heard else max(1, (now - done.since) // span)
    if passed < 1:
        return Step(Do.WAIT, at=done.since + span)
    if done.recall:
        return Step(Do.RECALL)
    return Step(Do.CALL, ring=further[min(passed, len(further)) - 1])


def warns(done: Progress, *, now: datetime) -> bool:
    """Whether those on call are told at once that something is missing again: not each time, if it comes and goes."""
    return done.warned is None or now - done.warned >= _longer(done.warnings - 1)


def _longer(times: int) -> timedelta:
    factor: int = 2 ** min(times, DOUBLED_MAX)
    return REOPENED_WAIT * factor


# --- in their quiet hours ----------------------------------------------------------------------------------------


def rests_until(wish: Wish, *, now: datetime) -> datetime | None:
    """Until when somebody wants to be left in peace: silence and quiet hours; None: they do not just now."""
    silent = max(now, wish.until) if wish.until is not None else now
    at = quiet.after_quiet(wish.hours, silent, wish.zone)
    return at if at > now else None


# --- where somebody is near, and what they can do ----------------------------------------------------------------

_SKILLS: Mapping[str, str] = {
    plain(word): need
    for need, words in {
        "van": "driver driving licence driver's fahrerin fahrer führerschein fuehrerschein conductora conductor carnet",
        "medic": "first-aid aid erste-hilfe auxilios ersthelferin ersthelfer paramedic nurse enfermera enfermero",
        "legal": "law recht rechtsberatung derecho jurídica juridica",
        "child_care": "children kinder niñas niños ninos crèche",
        "phone_tree": "phone telefon teléfono telefono",
    }.items()
    for word in words.split()
}


def need_of(skill: Iterable[str]) -> frozenset[str]:
    """The needs that a skill is good for, by what it is called in any language; people is what everybody is."""
    words = {plain(word.strip(" .,;:()")) for name in skill for word in name.replace("_", " ").split()}
    found = {need for word in words if (need := NEED_WORDS.get(word) or _SKILLS.get(word)) is not None}
    return frozenset(found - {alarm.PEOPLE})


def read_areas(text: str) -> list[str]:
    """The areas that somebody names, as they write them: `Mitte, Kreuzberg`."""
    parts = (" ".join(part.split())[:AREA_CHARACTERS_MAX] for part in text.replace(";", ",").split(","))
    named: dict[str, str] = {}
    for part in parts:
        if any(map(str.isalnum, part)):
            named.setdefault(plain(part), part)
    return list(named.values())[:AREAS_MAX]


def is_near(areas: Sequence[str], place: str) -> bool:
    """Whether one of these areas is named in a place: word by word, in whatever spelling."""
    words = _words(place)
    return any(_stands_in(_words(area), words) for area in areas)


def _words(text: str) -> list[str]:
    return [word for word in ("".join(filter(str.isalnum, part)) for part in plain(text).split()) if word]


def _stands_in(part: Sequence[str], words: Sequence[str]) -> bool:
    return bool(part) and any(list(words[at : at + len(part)]) == list(part) for at in range(len(words)))
