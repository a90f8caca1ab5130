"""Phone numbers as people write them, who may see one, and who calls whom. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.board import plain

Sees = Literal["nobody", "on_call", "organizers", "all"]
"""Who may see somebody's number in an alert."""

DIGITS_LEAST = 5
DIGITS_MAX = 15
"""E.164 (ITU-T): no number has more."""
LINE_CHARACTERS_MAX = 60

_SEES_WORDS: tuple[tuple[Sees, str], ...] = (
    ("nobody", "nobody nadie niemand"),
    ("on_call", "on_call oncall guardia bereitschaft"),
    ("organizers", "organizers organizer organizadoras organizadores equipo orga"),
    ("all", "all everybody todos todas todes alle"),
)
SEES_WORDS: Mapping[str, Sees] = {plain(word): sees for sees, words in _SEES_WORDS for word in words.split()}
_NATIONAL = re.compile(r"(?<=\d)\s*\(0\)")
_SHAPE = re.compile(r"(?:\+|00)?[\d(][\d\s()/.\-\u00a0\u2009\u2010-\u2013]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a line says. None: it does not say that."""

    number: str | None
    sees: Sees | None


def number_of(text: str) -> str | None:
    """A number as it is kept: digits alone, behind a + where the country is named. None: it is no number."""
    text = text.strip()
    if len(text) > LINE_CHARACTERS_MAX or not _SHAPE.fullmatch(text):
        return None
    abroad = text.startswith(("+", "00"))
    if abroad:
        # As many write it: +49 (0)30.
        text = _NATIONAL.sub("", text)
    digits = "".join(str(int(character)) for character in text if character.isdecimal())
    if text.startswith("00"):
        digits = digits[2:]
    if not DIGITS_LEAST <= len(digits) <= DIGITS_MAX or (abroad and digits.startswith("0")):
        return None
    return f"+{digits}" if abroad else digits


def read(line: str) -> Said | None:
    """A number, or who may see it, or both, in this order. None: it says neither, or something else too."""
    line = line.strip()
    if not line:
        return None
    if (sees := SEES_WORDS.get(plain(line))) is not None:
        return Said(number=None, sees=sees)
    before, _, last = line.rpartition(" ")
    sees = SEES_WORDS.get(plain(last))
    number = number_of(line if sees is None else before)
    return None if number is None else Said(number=number, sees=sees)


def shown(number: str) -> str:
    """A number in groups of digits, to be read and dialled."""
    lead, digits = ("+", number[1:]) if number.startswith("+") else ("", number)
    groups = [digits[max(0, end - 3) : end] for end in range(len(digits), 0, -3)][::-1]
    if len(groups) > 1 and len(groups[0]) == 1:
        groups = [groups[0] + groups[1], *groups[2:]]
    return lead + " ".join(groups)


def may_see(sees: Sees | None, *, on_call: bool, organizer: bool) -> bool:
    """Whether somebody who calls in an alert may see a number. None: there is no number, so nothing to see."""
    match sees:
        case "all":
            return True
        case "organizers":
            return organizer
        case "on_call":
            return on_call
        case _:
            return False


def deal(
    people: Iterable[int],
    callers: Sequence[int],
    *,
    held: Mapping[int, int],
    may_call: Callable[[int, int], bool],
    busy: Collection[int] = (),
) -> dict[int, int]:
    """Who calls whom: for each of the people one of the callers.

    `held`: who has whom already; that stays, as far as the parts stay even. `busy`: who is being called just now; they
    stay with whom they are. `may_call`: whether a caller may see a person's number. Whose number none of them may see
    is given to any: one may know them. Parts are as even as that allows: where all may see all, no part is longer than
    another by more than one.
    """
    if not callers:
        return {}
    able: dict[int, list[int]] = {}
    for person in people:
        able[person] = [caller for caller in callers if may_call(caller, person)] or [*callers]
    given = {person: held[person] for person in able if held.get(person) in able[person]}
    load = dict.fromkeys(callers, 0)
    for caller in given.values():
        load[caller] += 1
    for person in sorted(able, key=lambda one: len(able[one])):
        if person not in given:
            given[person] = min(able[person], key=lambda one: load[one])
            load[given[person]] += 1
    moved = True
    while moved:
        moved = False
        for person, caller in given.items():
            if person in busy and held.get(person) == caller:
                continue
            less = min(able[person], key=lambda one: load[one])
            if load[caller] - load[less] > 1:
                given[person] = less
                load[caller] -= 1
                load[less] += 1
                moved = True
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far an alert has come, in figures. Nobody counts in more than one of `seen`, `unreached` and `waits`."""

    told: int
    delivered: int
    """The network has taken the message, or they have done something."""
    seen: int
    """They have done something. That somebody has read a message is not looked at."""
    unreached: int
    waits: int


def reached(pages: Iterable[tuple[str, bool]]) -> Reached:
    """The figures. `pages`: of each who was to be told the state, and whether the network has taken the message."""
    told = delivered = seen = unreached = waits = 0
    for state, taken in pages:
        told += 1
        seen += state == "answered"
        unreached += state == "unreachable"
        waits += state == "waits"
        delivered += state == "answered" or (taken and state == "sent")
    return Reached(told=told, delivered=delivered, seen=seen, unreached=unreached, waits=waits)
