"""Who is in a federation, and how far each committee trusts each other one. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal


class Trust(IntEnum):
    """How far a committee trusts another in what it says. Each decides that for itself: it is directed, and no rank."""

    BLOCKED = 0
    ORGANIZERS = 1
    """Shown to the organizers only."""
    SHOWN = 2
    """Shown in the group; nobody is paged."""
    CONFIRMED = 3
    """Shown, and people are paged once somebody here confirms it."""
    PAGES = 4
    """People are paged at once."""


DEFAULT = Trust.SHOWN


def level(levels: Mapping[str, int], kind: str, *, new: bool = False) -> Trust:
    """How far another committee is trusted in what it says of a kind. `levels`: as they were set; '': all others.

    `new`: another committee has brought it in lately.
    """
    return Trust(levels.get(kind, levels.get("", Trust.ORGANIZERS if new else DEFAULT)))


# --- coming in ---------------------------------------------------------------------------------------------------

CODE_HOLDS = timedelta(hours=24)
LINK_WITHIN = timedelta(hours=72)
"""So long each step of linking may take: comparing the words, deciding, and what the others decide."""
NEW_FOR = timedelta(days=14)
"""So long a committee that another one has brought in is trusted no further than `Trust.ORGANIZERS`."""
SETTLED_AFTER = timedelta(days=7)
"""Who has been in for so long is known to all, and must not be left out of those who decide."""
NAME_CHARACTERS_MAX = 60
_CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CODE_CHARACTERS = 16
_CODE = re.compile(rf"[{_CODE_LETTERS}]{{4}}(?:[-\u2010-\u2015\s]?[{_CODE_LETTERS}]{{4}}){{3}}", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")


def one_line(words: str) -> str:
    """Another committee's words on one line, without what cannot be seen."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def called(text: object) -> str | None:
    """A name as another committee writes it: one line, not too long; None: it is none."""
    if not isinstance(text, str) or len(text) > 1000:
        return None
    name = one_line(text)
    return name[: NAME_CHARACTERS_MAX - 1] + "…" if len(name) > NAME_CHARACTERS_MAX else name or None


def link_code(token: str) -> str:
    """80 random bits as a code to be read aloud or scanned: `ABCD-EFGH-IJKL-MNOP`."""
    letters = token.upper()
    assert len(letters) == _CODE_CHARACTERS
    assert set(letters) <= set(_CODE_LETTERS)
    return "-".join(letters[at : at + 4] for at in range(0, _CODE_CHARACTERS, 4))


def read_invitation(text: str) -> tuple[str, str] | None:
    """The address and the code out of what somebody has typed, pasted or scanned; None: it is no invitation."""
    words = text.split()
    for word in words[:1]:
        if word.lstrip("/!").casefold() == "link":
            words = words[1:]
    for count in (4, 3, 2, 1):
        found = _CODE.fullmatch(" ".join(words[-count:])) if len(words) == count + 1 else None
        if found is not None and _ADDRESS.fullmatch(words[0]):
            letters = re.sub(rf"[^{_CODE_LETTERS}]", "", found[0].upper())
            return words[0], "-".join(letters[at : at + 4] for at in range(0, _CODE_CHARACTERS, 4))
    return None


def apart(name: str, taken: Iterable[str], word: str) -> str:
    """A name that none of those is called: where it must be, with the first of its six words."""
    return f"{name[: NAME_CHARACTERS_MAX - len(word) - 3]} ({word})" if is_called(name, taken) else name


def is_called(name: str, taken: Iterable[str]) -> bool:
    """Whether one of those is called like that, to the eye."""
    return name.casefold() in {one.casefold() for one in taken}


Outcome = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Closing:
    """What the committee that brings somebody in has counted in the end: authors. `came_in`: what it says follows.
    `at`: when it says that it has counted, in seconds since 1970."""

    yes: frozenset[str]
    no: frozenset[str]
    came_in: bool
    at: int


def admitted(voters: frozenset[str], said: Mapping[str, tuple[bool, int]], *, began: int, now: int) -> Outcome | None:
    """Whether a federation takes somebody in: at least half say yes, at most a third no, within `LINK_WITHIN`.

    `voters`: frozen when it began. `said`: the word of each, and when they say that they said it (seconds since 1970,
    as `began` and `now`). None: it is not settled yet.
    """
    ends = began + int(LINK_WITHIN.total_seconds())
    counted = [yes for author, (yes, at) in said.items() if author in voters and began <= at <= ends]
    yes, no, all_ = sum(counted), len(counted) - sum(counted), len(voters)
    if 3 * no > all_:
        return "out"
    if 2 * yes >= all_ and 3 * (all_ - yes) <= all_:
        return "in"
    if now <= ends:
        return None
    return "in" if 2 * yes >= all_ else "out"


def closed(
    voters: frozenset[str], said: Mapping[str, tuple[bool, int]], closing: Closing, *, began: int
) -> Outcome | Literal["void"] | None:
    """What follows from what was counted in the end, for everybody: it depends on no clock and no order of arrival.

    `said`: the signed words that are known here. None: one of those that were counted has not come in yet. void: what
    was counted was not said like that, or it does not follow, or the others had not had their time.
    """
    counted = closing.yes | closing.no
    if closing.yes & closing.no or not counted <= voters:
        return "void"
    if any(author in said and said[author][0] != (author in closing.yes) for author in counted):
        return "void"
    fits = 2 * len(closing.yes) >= len(voters) and 3 * len(closing.no) <= len(voters)
    # Before the time is over it is settled only if those who have said nothing could not stop it any more.
    stoppable = 3 * (len(voters) - len(closing.yes)) > len(voters)
    early = closing.at <= began + int(LINK_WITHIN.total_seconds())
    if closing.came_in and (not fits or (stoppable and early)):
        return "void"
    if not counted <= said.keys():
        return None
    return "in" if closing.came_in else "out"


def asked(voters: frozenset[str], known: Mapping[str, datetime], *, now: datetime) -> frozenset[str]:
    """Whose words decide: whoever was in then and is not named counts as somebody who has not agreed. Else somebody
    could bring in whom they like where most have not been in for long. `known`: since when each is in."""
    return voters | {author for author, since in known.items() if since <= now}


def left_out(voters: frozenset[str], known: Mapping[str, datetime], *, now: datetime) -> frozenset[str]:
    """Who has been in for long, and is not among those who are to decide. `known`: since when each is in."""
    return frozenset(author for author, since in known.items() if now - since >= SETTLED_AFTER) - voters
