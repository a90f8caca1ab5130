"""Surveys of several questions: how they are written, and what the answers come to. Pure rules."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.domain.board import plain
from bot.domain.pollline import OPTION_CHARACTERS_MAX, QUESTION_CHARACTERS_MAX

QUESTIONS_MAX = 20
OPTIONS_MAX = 12

Kind = Literal["one", "several", "free"]
"""One of the options, any number of them, or words of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as it is written."""

    words: str
    kind: Kind
    options: tuple[str, ...] = ()


class Unclear(Exception):
    """A question that cannot be asked like this. `number`: which, from 1."""

    def __init__(self, why: Literal["one", "many", "twice", "long", "empty"], number: int) -> None:
        super().__init__()
        self.why, self.number = why, number


_SEVERAL = re.compile(
    r"[\[(]\s*(?:choose |elige |wähle )?"
    r"(?:several|multiple|any|all that apply|varias?|varios|múltiple|mehrere|mehrfach)\s*[\])]",
    re.IGNORECASE,
)


def read_question(line: str, number: int) -> Asked:
    """One line: the question, then its options with | between them; without options, it is answered in words.

    `(several)` in it: any number of options may be chosen. Raises Unclear.
    """
    several = _SEVERAL.search(line) is not None
    parts = [" ".join(part.split()) for part in _SEVERAL.sub(" ", line).split("|")]
    words, options = parts[0], tuple(part for part in parts[1:] if part)
    if not words:
        raise Unclear("empty", number)
    if len(words) > QUESTION_CHARACTERS_MAX or any(len(one) > OPTION_CHARACTERS_MAX for one in options):
        raise Unclear("long", number)
    if len(parts) == 1:
        return Asked(words=words, kind="free")
    if len(options) < 2:
        raise Unclear("one", number)
    if len(options) > OPTIONS_MAX:
        raise Unclear("many", number)
    if len(set(map(plain, options))) < len(options):
        raise Unclear("twice", number)
    return Asked(words=words, kind="several" if several else "one", options=options)


def next_question(questions: Sequence[int], answered: Iterable[int], *, after: int = 0) -> int | None:
    """Which question comes next: the first behind `after` without an answer; None: there is none."""
    done = set(answered)
    return next((one for one in questions if one > after and one not in done), None)


def totals(
    questions: Mapping[int, Sequence[int]], ballots: Iterable[Mapping[str, Any]]
) -> dict[int, tuple[dict[int, int], int]]:
    """For each question: how often each option was chosen, and how many have answered it.

    `questions`: the options of each. In whichever order the ballots come.
    """
    found: dict[int, tuple[Counter[int], int]] = {place: (Counter(), 0) for place in questions}
    for ballot in ballots:
        for name, said in ballot.items():
            place = int(name)
            if place not in found:
                continue
            counts, answered = found[place]
            chosen = [said] if isinstance(said, int) and not isinstance(said, bool) else []
            counts.update(said if isinstance(said, list) else chosen)
            found[place] = counts, answered + 1
    return {
        place: ({option: found[place][0][option] for option in options}, found[place][1])
        for place, options in questions.items()
    }


_FORMULA = ("=", "+", "-", "@")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for spreadsheets. What people wrote is never taken for a formula."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\n")
    out.writerow(header)
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        out.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return written.getvalue()
