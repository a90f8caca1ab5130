"""When to meet: how times are written, who can come when, and which time is the best. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.board import plain
from bot.domain.bookings import read_when
from bot.domain.grammar import read_duration
from bot.text import Refusal

YES, MAYBE, NO = 2, 1, 0
"""What somebody says of a time: yes, if need be, no."""
MINUTES = 60
"""So long a meeting is where nobody says how long."""
MINUTES_MAX = 24 * 60


# --- what people write -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """One of the times, as a wall time; `minutes` where its end was said too."""

    start: datetime
    minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Words that can mean two times. `instead`: what would say each of them plainly."""

    instead: tuple[tuple[str, datetime], ...]


_BARE_HOUR = re.compile(r"(?P<before>.*?)\b(?P<hour>[1-9]|1[01])")
_SLASHED = re.compile(r"(?P<one>0?[1-9]|1[0-2])/(?P<other>0?[1-9]|1[0-2])(?P<rest>\s.*)?")


def read_time(text: str, *, now: datetime) -> Time | Doubt | None:
    """One time: `sat 10:00`, `tomorrow 18-20 h`, `14 feb 19:30`; None: it says none. `now`: the wall time.

    `sat 7` may be in the morning or in the evening, and `3/4` two days: those are in doubt.
    """
    text = " ".join(text.split()).strip(" ,;.")
    dated = _SLASHED.fullmatch(text)
    if dated is not None and int(dated["one"]) != int(dated["other"]):
        rest = dated["rest"] or ""
        written = [f"{dated['one']}.{dated['other']}.{rest}", f"{dated['other']}.{dated['one']}.{rest}"]
        return _doubt(written, now=now)
    found = _exactly(text, now=now)
    if found is not None:
        return found
    bare = _BARE_HOUR.fullmatch(text)
    if bare is None:
        return None
    hour = int(bare["hour"])
    return _doubt([f"{bare['before']}{hour:02}:00", f"{bare['before']}{hour + 12}:00"], now=now)


def _exactly(text: str, *, now: datetime) -> Time | None:
    words = text.split(" ")
    found = read_when(words, now=now)
    if found is None or found[1] != len(words):
        return None
    when = found[0]
    if when.end is None:
        return Time(start=when.start)
    minutes = (when.end - when.start) // timedelta(minutes=1)
    return Time(start=when.start, minutes=minutes) if 0 < minutes <= MINUTES_MAX else None


def _doubt(written: Sequence[str], *, now: datetime) -> Doubt | Time | None:
    found = [(one, time) for one in written if (time := _exactly(one, now=now)) is not None]
    if len(found) == 1:
        return found[0][1]
    return Doubt(instead=tuple((one, time.start) for one, time in found)) if found else None


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


_MUST = _words("must needs needed essential imprescindible imprescindibles unverzichtbar dabei")
_LASTS = _words("lasts length takes dura duración dauert dauer")
_JOINTS = _words("be come with that estar que venga vengan sein muss müssen and y e und &")


def is_setting(piece: str) -> bool:
    """Whether a piece of the line behind a comma is one of a meeting's own: who must be there, how long it is."""
    words = plain(piece).split()
    return bool(words) and words[0] in _MUST | _LASTS


def read_settings(pieces: Sequence[str]) -> tuple[list[str], int | None]:
    """Who must be there, by the names as they were written, and how long it is in minutes.

    Raises ValueError with the piece that says neither.
    """
    names: list[str] = []
    minutes = None
    for piece in pieces:
        first, *rest = piece.split()
        if plain(first) in _MUST:
            found = [one.strip(",;") for one in rest if plain(one) not in _JOINTS]
            if not found:
                raise ValueError(piece)
            names += found
            continue
        try:
            length = read_duration(rest)
        except Refusal as error:
            raise ValueError(piece) from error
        if length is None or length[1] != len(rest) or not 0 < length[0] <= MINUTES_MAX:
            raise ValueError(piece)
        minutes = int(length[0])
    return names, minutes


_SAID: Mapping[str, int] = {
    **dict.fromkeys(_words("yes y yeah sí s ja j ok 2"), YES),
    **dict.fromkeys(_words("maybe perhaps quizás quizá talvez vielleicht notfalls ~ ? 1"), MAYBE),
    **dict.fromkeys(_words("no n nope nein nee 0 -"), NO),
}
_PHRASES = re.compile(
    r"\b(?:if need be|if needed|si hace falta|si es necesario|wenn notig|zur not|wenn es sein muss)\b"
)


def read_answers(text: str, *, times: int) -> tuple[int, ...]:
    """`yes no yes`, one for each time in their order; one word alone is for all of them. Raises ValueError."""
    words = _PHRASES.sub("maybe", plain(text)).replace(",", " ").split()
    said = []
    for word in words:
        if word not in _SAID:
            raise ValueError(word)
        said.append(_SAID[word])
    if len(said) == 1:
        said *= times
    if len(said) != times:
        raise ValueError(text)
    return tuple(said)


# --- which is the best -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a time stands. `lacking`: how many of those who must be there have said no to it."""

    place: int
    start: datetime
    yes: int
    maybe: int
    no: int
    lacking: int = 0

    @property
    def come(self) -> int:
        """How many can come, at need included."""
        return self.yes + self.maybe


def standings(
    times: Mapping[int, datetime], answers: Mapping[int, Mapping[int, int]], *, needed: Collection[int] = ()
) -> list[Standing]:
    """How each time stands, in the order of their numbers. `answers`: by member, what they say of which time."""
    found = []
    for place, start in sorted(times.items()):
        said = {member: one[place] for member, one in answers.items() if place in one}
        counts = {answer: sum(one == answer for one in said.values()) for answer in (YES, MAYBE, NO)}
        found.append(
            Standing(
                place=place,
                start=start,
                yes=counts[YES],
                maybe=counts[MAYBE],
                no=counts[NO],
                lacking=sum(said.get(member) == NO for member in needed),
            )
        )
    return found


By = Literal["needed", "come", "yes", "earliest", "only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best time, and by what it is better than the next one."""

    time: Standing
    by: By


def _rank(one: Standing) -> tuple[int, int, int, datetime, int]:
    return one.lacking, -one.come, -one.yes, one.start, one.place


def best(found: Sequence[Standing]) -> Best | None:
    """The best time; None: there is none to which anybody can come.

    First come the times to which fewest of those who must be there have said no; then those to which most can come, at
    need included; then those that most gladly can; then the earliest.
    """
    able = sorted((one for one in found if one.come), key=_rank)
    if not able:
        return None
    if len(able) == 1:
        return Best(time=able[0], by="only")
    first, second = able[0], able[1]
    names: tuple[By, ...] = ("needed", "come", "yes", "earliest", "earliest")
    at = next(at for at, (one, other) in enumerate(zip(_rank(first), _rank(second), strict=True)) if one != other)
    return Best(time=first, by=names[at])


def seen_from(wall: datetime, here: datetime) -> datetime:
    """An instant that a clock with `here`'s zone shows as this wall time: to tell a time as another clock shows it."""
    return wall.replace(tzinfo=here.tzinfo)
