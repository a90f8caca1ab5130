"""Straw polls: what a line that makes one says, and what its votes come to. They show a mood, and decide nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from bot.domain.board import plain, read_day
from bot.domain.bookings import read_days, read_when
from bot.domain.grammar import read_duration
from bot.text import Refusal

QUESTION_CHARACTERS_MAX = 300
OPTION_CHARACTERS_MAX = 100
"""Telegram takes no more; it counts a sign outside the commonest 65,536 as two."""
OPTIONS_MAX = 10
OPEN_USUALLY = timedelta(days=3)
OPEN_LEAST = timedelta(minutes=5)
OPEN_MOST = timedelta(days=30)
DAY_ENDS = time(20, 0)
"""A day without a time means this: people are awake, and at home."""

Fault = Literal["question", "long", "one", "many", "twice", "long_option", "past", "far"]


class Unclear(Exception):
    """Words that set something, but not so that it can be understood; `words`: which."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was said. `ends`: the wall time; None: it was not said."""

    question: str
    options: tuple[str, ...]
    several: bool = False
    ends: datetime | None = None


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


_ENDS = _words("closes closing close until till ends cierra cierre hasta termina schließt endet bis ende")
_SEVERAL = _words("several multiple varias varios mehrere mehreres")
_FILLERS = _words("on at the in within el la las a en dentro am um der den das innerhalb")


def read(text: str, *, now: datetime) -> Line:
    """`Where do we meet? | Library | Park, several, until fri 20:00`: settings stand at the end, each behind a comma.

    `now`: the wall time. Raises Unclear.
    """
    parts = [" ".join(part.split()) for part in re.split(r"\||\n", text)]
    pieces = parts[-1].split(",")
    several, ends = False, None
    while len(pieces) > 1 and (said := plain(pieces[-1]).split()) and said[0] in _ENDS | _SEVERAL:
        setting = pieces.pop().strip()
        if said[0] in _ENDS:
            ends = _moment(setting.split()[1:], setting, now=now)
        elif len(said) > 1:
            raise Unclear(setting)
        else:
            several = True
    parts[-1] = ",".join(pieces).strip()
    return Line(question=parts[0], options=tuple(part for part in parts[1:] if part), several=several, ends=ends)


def _moment(words: Sequence[str], setting: str, *, now: datetime) -> datetime:
    """`fri 20:00`, `tomorrow`, `in 3 days`, `2h`: a wall time. Raises Unclear."""
    while words and plain(words[0]) in _FILLERS:
        words = words[1:]
    if not words:
        raise Unclear(setting)
    found = read_when(words, now=now)
    if found is not None and found[1] == len(words) and found[0].end is None:
        return found[0].start
    if (day := read_day(" ".join(words), today=now.date())) is not None:
        return datetime.combine(day, DAY_ENDS)
    try:
        length = read_days(words) or read_duration(words)
    except Refusal as error:
        raise Unclear(setting) from error
    if length is None or length[1] < len(words):
        raise Unclear(setting)
    return now + timedelta(minutes=length[0])


def fault(said: Line, *, now: datetime) -> Fault | None:
    """What is wrong with it; None: nothing."""
    if not said.question:
        return "question"
    if _units(said.question) > QUESTION_CHARACTERS_MAX:
        return "long"
    if len(said.options) < 2:
        return "one"
    if len(said.options) > OPTIONS_MAX:
        return "many"
    if any(_units(option) > OPTION_CHARACTERS_MAX for option in said.options):
        return "long_option"
    if len({option.casefold() for option in said.options}) < len(said.options):
        return "twice"
    if said.ends is not None and said.ends - now < OPEN_LEAST:
        return "past"
    return "far" if said.ends is not None and said.ends - now > OPEN_MOST else None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True)
class Vote:
    """One time that somebody voted. `voter`: the same for all accounts of a person."""

    voter: str
    member: bool
    choices: tuple[int, ...]
    """The places of what they choose; empty: they took it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many members and how many others voted, and chose each option."""

    members: int
    others: int
    chosen: tuple[tuple[int, int], ...]
    """For each option: members, and others."""


def tally(votes: Iterable[Vote], *, options: int, several: bool) -> Tally:
    """Of everybody the last vote counts, wherever they voted; what cannot be chosen makes it void."""
    last: dict[str, Vote] = {}
    for vote in votes:
        last[vote.voter] = vote
    counted = [vote for vote in last.values() if _is_valid(vote.choices, options=options, several=several)]
    chosen = [
        (
            sum(vote.member for vote in counted if place in vote.choices),
            sum(not vote.member for vote in counted if place in vote.choices),
        )
        for place in range(options)
    ]
    members = sum(vote.member for vote in counted)
    return Tally(members=members, others=len(counted) - members, chosen=tuple(chosen))


def _is_valid(choices: Sequence[int], *, options: int, several: bool) -> bool:
    return (
        0 < len(choices) <= (options if several else 1)
        and len(set(choices)) == len(choices)
        and all(0 <= place < options for place in choices)
    )
