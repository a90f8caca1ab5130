"""One question, several committees: what is asked, what each says of its vote, and what that comes to. Pure rules.

Each committee votes in its own chat and says, signed, how many said what and what it has decided. Everybody adds up
the same statements by these rules and comes to the same tally, in whatever order and however often they came: nothing
here looks at when something arrived, only at what was signed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Literal, get_args

from bot.domain.board import plain
from bot.domain.envelope import INT_MAX, RECIPIENTS_MAX, canonical
from bot.domain.pollline import OPTION_CHARACTERS_MAX, OPTIONS_MAX, QUESTION_CHARACTERS_MAX

GRACE = timedelta(days=1)
"""So long after the end a committee may still say what it has counted."""
GRACE_MOST = timedelta(days=14)
FEW = 3
"""Fewer votes than this, counted, show who voted what: such a committee says only what it has decided."""
PEOPLE_MAX = 1_000_000
YES, NO, NEITHER = 1, 2, 3
"""The places of the answers to a question that is answered by yes or no. None: 0."""
YES_OR_NO = 3
SIDES: Mapping[str, int] = {"yes": YES, "consent": YES, "agree": YES, "no": NO, "object": NO, "block": NO}
"""Which side an answer of a process of one's own takes; all others take none."""
_YES, _NO = frozenset({"yes", "si", "ja"}), frozenset({"no", "nein"})

SEVERAL = "several"
"""The process where one may choose all that one can live with."""
PROCESSES: Mapping[bool, tuple[str, ...]] = {True: ("proposal", "consent", "consensus"), False: ("poll", SEVERAL)}
"""By which of our processes a question is voted on: one that is answered by yes or no, and one with options. The usual
one comes first."""

Needs = Literal["both", "heads", "committees"]
"""What must agree for something to be decided: most people and most committees; or one of them alone."""
Fault = Literal["unsound", "stranger", "options", "negative", "roll", "sum"]
"""Why a count is not counted: it cannot be read; is of nobody who was asked; is about other options; says less than
nothing; says more votes than people; or more answers than votes."""
Why = Literal["agree", "differ", "tie", "few"]


class Unfit(ValueError):
    """It is no question, or no statement, that could be meant."""


# --- what is asked -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The process that all of them are asked to vote by. `process`: its name, None: the usual one."""

    process: str | None = None
    quorum: Fraction | None = None
    threshold: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is fixed when it is asked, but for the words.

    `options`: how many can be chosen. `asked`: the committees whose votes count, whoever asks too, sorted. `closes`:
    seconds since 1970. `grace`: so many seconds later a count still counts. `least`: so many committees must vote.
    `common`: None: each votes by its own process. `language`: the one of the words.
    """

    options: int
    yesno: bool
    asked: tuple[str, ...]
    closes: int
    grace: int = int(GRACE.total_seconds())
    needs: Needs = "both"
    least: int = 1
    common: Common | None = None
    language: str = "en"

    @property
    def single(self) -> bool:
        """Whether everybody chooses one option only."""
        return self.common is None or self.common.process != SEVERAL

    @property
    def ends(self) -> int:
        """Until when a count must have been made to be counted."""
        return self.closes + self.grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `options`: none where it is answered by yes or no."""

    words: str
    options: tuple[str, ...]
    terms: Terms


def question_body(question: Question) -> dict[str, Any]:
    """A question as it travels."""
    return {"question": question.words, "options": list(question.options), **terms_body(question.terms)}


def terms_body(terms: Terms) -> dict[str, Any]:
    """The terms as they travel, and are kept."""
    common = terms.common
    return {
        "count": terms.options,
        "yesno": terms.yesno,
        "asked": list(terms.asked),
        "closes": terms.closes,
        "grace": terms.grace,
        "needs": terms.needs,
        "least": terms.least,
        "common": None
        if common is None
        else {
            "process": common.process,
            "quorum": None if common.quorum is None else str(common.quorum),
            "threshold": None if common.threshold is None else str(common.threshold),
        },
        "language": terms.language,
    }


def read_question(body: Mapping[str, Any]) -> Question:
    """A question as it came. Raises Unfit."""
    terms = read_terms(body)
    words, options = _line(body.get("question"), QUESTION_CHARACTERS_MAX), body.get("options")
    if not isinstance(options, list) or len(options) > OPTIONS_MAX:
        raise Unfit("options")
    read = tuple(_line(one, OPTION_CHARACTERS_MAX) for one in options)
    if len(read) != (0 if terms.yesno else terms.options) or len(set(read)) != len(read):
        raise Unfit("options")
    return Question(words=words, options=read, terms=terms)


def read_terms(body: Mapping[str, Any]) -> Terms:
    """The terms of a question as it came. Raises Unfit."""
    asked, common, language = body.get("asked"), body.get("common"), body.get("language")
    needs = next((one for one in get_args(Needs) if one == body.get("needs")), None)
    yesno = body.get("yesno")
    if not isinstance(asked, list) or not 2 <= len(asked) <= RECIPIENTS_MAX:
        raise Unfit("asked")
    if not all(isinstance(one, str) and re.fullmatch(r"[0-9a-f]{64}", one) for one in asked):
        raise Unfit("asked")
    if asked != sorted(set(asked)) or needs is None or not isinstance(yesno, bool):
        raise Unfit("asked")
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}", language):
        raise Unfit("language")
    options = _number(body.get("count"), 2, OPTIONS_MAX)
    if yesno and options != YES_OR_NO:
        raise Unfit("options")
    agreed = None if common is None else _common(common)
    if agreed is not None and agreed.process is not None and agreed.process not in PROCESSES[yesno]:
        raise Unfit("common")
    return Terms(
        options=options,
        yesno=yesno,
        asked=tuple(asked),
        closes=_number(body.get("closes"), 0, 2**33),
        grace=_number(body.get("grace"), 0, int(GRACE_MOST.total_seconds())),
        needs=needs,
        least=_number(body.get("least"), 1, len(asked)),
        common=agreed,
        language=language,
    )


def _common(read: Any) -> Common:
    if not isinstance(read, dict):
        raise Unfit("common")
    process = read.get("process")
    if process is not None and (not isinstance(process, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", process)):
        raise Unfit("common")
    return Common(
        process=process,
        quorum=_share(read.get("quorum"), Fraction(0)),
        threshold=_share(read.get("threshold"), Fraction(1, 2)),
    )


def _share(read: Any, least: Fraction) -> Fraction | None:
    if read is None:
        return None
    if not isinstance(read, str) or not re.fullmatch(r"\d{1,4}(/\d{1,4})?", read, re.ASCII):
        raise Unfit("share")
    try:
        found = Fraction(read)
    except ZeroDivisionError as error:
        raise Unfit("share") from error
    if not least <= found <= 1:
        raise Unfit("share")
    return found


def _line(read: Any, most: int) -> str:
    if not isinstance(read, str) or len(read) > most or not read.strip() or not read.isprintable():
        raise Unfit("words")
    return read.strip()


def _number(read: Any, least: int, most: int) -> int:
    if type(read) is not int or not least <= read <= most:
        raise Unfit("number")
    return read


def is_yes_or_no(options: Sequence[str]) -> bool:
    """Whether what can be chosen is yes and no, in any of our languages: each committee then sees it in its own."""
    said = [plain(one).strip(" .!") for one in options]
    return not said or (len(said) == 2 and said[0] in _YES and said[1] in _NO)


_NEEDS: Mapping[Needs, str] = {
    "heads": r"(?:by|counted by) (?:heads|people)|por personas|nach kopfen",
    "committees": r"(?:by|counted by) committees|por comites|nach komitees",
}
_LEAST = r"(?:at least|al menos|mindestens) (\d{1,3}) (?:committees|comites|komitees)"


def settings(line: str) -> tuple[Needs, int, str]:
    """What a line sets of how the committees decide together, and the line without it.

    `by heads`, `by committees`, `at least 2 committees`: behind a comma each, or on a line of its own.
    """
    needs: Needs = "both"
    least, kept = 1, []
    for piece in re.split(r"(?<=[,\n])", line):
        said = plain(piece).strip(" ,.;\n")
        found = next((name for name, words in _NEEDS.items() if re.fullmatch(words, said)), None)
        many = re.fullmatch(_LEAST, said, re.ASCII)
        if found is not None:
            needs = found
        elif many is not None:
            least = int(many[1])
        else:
            kept.append(piece)
    return needs, least, "".join(kept).rstrip(" ,\n")


# --- what is said of it ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a committee has said of a poll, signed. `hash`: its envelope's."""

    author: str
    hash: str
    life: int
    number: int
    body: Mapping[str, Any]

    @property
    def order(self) -> tuple[int, int, str]:
        """Which of an author's statements came first, by their own numbers."""
        return self.life, self.number, self.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How a committee has voted. `heads`: how many chose each option, None: it does not say. `result`: what it has
    decided by its own process, 0: nothing. `at`: when it was counted, seconds since 1970."""

    author: str
    hash: str
    at: int
    heads: tuple[int, ...] | None
    voters: int
    roll: int
    result: int


def count_body(
    poll: str, *, at: int, heads: Sequence[int] | None, voters: int, roll: int, result: int
) -> dict[str, Any]:
    """A committee's count as it travels."""
    return {
        "poll": poll,
        "at": at,
        "heads": None if heads is None else list(heads),
        "voters": voters,
        "roll": roll,
        "result": result,
    }


def read_count(terms: Terms, said: Statement) -> Count | Fault:
    """A count that can be counted; or why not."""
    if said.author not in terms.asked:
        return "stranger"
    at, heads = said.body.get("at"), said.body.get("heads")
    figures: list[Any] = [said.body.get(one) for one in _FIGURES]
    listed = [] if heads is None else heads
    if not isinstance(listed, list) or type(at) is not int or not 0 <= at <= INT_MAX:
        return "unsound"
    if any(type(one) is not int for one in (*figures, *listed)):
        return "unsound"
    voters, roll, result = figures
    if min(voters, roll, result, *listed, 0) < 0:
        return "negative"
    if result > terms.options or (heads is not None and len(heads) != terms.options):
        return "options"
    if voters > roll or roll > PEOPLE_MAX:
        return "roll"
    if any(one > voters for one in listed) or (terms.single and sum(listed) > voters):
        return "sum"
    return Count(
        author=said.author,
        hash=said.hash,
        at=at,
        heads=None if heads is None else tuple(heads),
        voters=voters,
        roll=roll,
        result=result,
    )


_FIGURES = ("voters", "roll", "result")


# --- what it comes to --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What all counts come to.

    `heads`: how many people chose each option, of the committees that say so; `silent`: so many do not. `committees`:
    how many committees decided for each; `undecided`: so many for none. `by_heads`, `by_committees`, `decided`: an
    option, or 0. `hash`: what stands for all of it.
    """

    counted: tuple[Count, ...]
    late: tuple[Count, ...]
    refused: Mapping[str, Fault]
    heads: tuple[int, ...]
    silent: int
    committees: tuple[int, ...]
    undecided: int
    by_heads: int
    by_committees: int
    decided: int
    why: Why
    hash: str


def tally(poll: str, terms: Terms, said: Iterable[Statement]) -> Tally:
    """What the statements come to, in whatever order and however often they are given.

    Each committee counts once: by the first count, in its own order, that can be counted at all.
    """
    first: dict[str, Count] = {}
    refused: dict[str, Fault] = {}
    for one in sorted(said, key=lambda one: (one.author, one.order)):
        read = read_count(terms, one)
        if isinstance(read, Count):
            first.setdefault(one.author, read)
        else:
            refused.setdefault(one.author, read)
    counted = tuple(one for _, one in sorted(first.items()) if one.at <= terms.ends)
    late = tuple(one for _, one in sorted(first.items()) if one.at > terms.ends)
    spoken = [one.heads for one in counted if one.heads is not None]
    heads = tuple(sum(one[place] for one in spoken) for place in range(terms.options))
    committees = tuple(sum(one.result == place for one in counted) for place in range(1, terms.options + 1))
    threshold = None if terms.common is None else terms.common.threshold
    by_heads = leading(terms, heads, threshold)
    by_committees = leading(terms, committees, None)
    decided, why = _decided(terms, by_heads if spoken else None, by_committees, len(counted))
    whole = {
        "poll": poll,
        "counts": [[one.author, one.hash] for one in counted],
        "heads": list(heads),
        "committees": list(committees),
        "decided": decided,
    }
    return Tally(
        counted=counted,
        late=late,
        refused={author: fault for author, fault in refused.items() if author not in first},
        heads=heads,
        silent=len(counted) - len(spoken),
        committees=committees,
        undecided=sum(one.result == 0 for one in counted),
        by_heads=by_heads,
        by_committees=by_committees,
        decided=decided,
        why=why,
        hash=hashlib.sha256(canonical(whole)).hexdigest(),
    )


def leading(terms: Terms, figures: Sequence[int], threshold: Fraction | None) -> int:
    """The option that most are for; 0: nobody is for any, or it is a tie.

    By yes or no only those who take a side count; with a threshold, yes needs that share of them, or it is no.
    """
    if terms.yesno:
        yes, no = figures[0], figures[1]
        if not yes + no:
            return 0
        if threshold is not None and threshold > Fraction(1, 2):
            return YES if yes >= threshold * (yes + no) else NO
        return 0 if yes == no else YES if yes > no else NO
    most = max(figures)
    return 0 if not most or list(figures).count(most) > 1 else list(figures).index(most) + 1


def _decided(terms: Terms, by_heads: int | None, by_committees: int, many: int) -> tuple[int, Why]:
    """What is decided, and why. `by_heads`: None: no committee says how many voted what."""
    if many < terms.least:
        return 0, "few"
    said = {"heads": [by_heads or 0], "committees": [by_committees]}.get(terms.needs)
    if said is None:
        said = [by_committees] if by_heads is None else [by_heads, by_committees]
    if 0 in said:
        return 0, "tie"
    return (said[0], "agree") if len(set(said)) == 1 else (0, "differ")


# --- whether all come to the same --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a committee's bot has come to. `counts`: which count of whom it has counted, by hash."""

    author: str
    tally: str
    counts: Mapping[str, str]


def result_body(poll: str, found: Tally) -> dict[str, Any]:
    """A tally as it travels."""
    return {
        "poll": poll,
        "tally": found.hash,
        "counts": [[one.author, one.hash] for one in found.counted],
        "heads": list(found.heads),
        "committees": list(found.committees),
    }


def read_result(terms: Terms, said: Statement) -> Result | None:
    """What another bot has come to; None: that cannot be read, or it is of nobody who was asked."""
    hash_, counts = said.body.get("tally"), said.body.get("counts")
    if said.author not in terms.asked or not _is_hash(hash_) or not isinstance(counts, list):
        return None
    if len(counts) > len(terms.asked):
        return None
    for one in counts:
        if not isinstance(one, list) or len(one) != 2 or one[0] not in terms.asked or not _is_hash(one[1]):
            return None
    return Result(author=said.author, tally=str(hash_), counts=dict(counts))


def _is_hash(read: Any) -> bool:
    return isinstance(read, str) and re.fullmatch(r"[0-9a-f]{64}", read) is not None


def results(terms: Terms, said: Iterable[Statement]) -> dict[str, Result]:
    """The last thing that each bot has come to, by its own numbers."""
    found: dict[str, Result] = {}
    for one in sorted(said, key=lambda one: (one.author, one.order)):
        read = read_result(terms, one)
        if read is not None:
            found[one.author] = read
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How another bot's count differs from ours. `other`: committees of which it has another count; `there`, `here`:
    of which only it has one, or only we. None of them: it adds up the same counts otherwise."""

    author: str
    other: tuple[str, ...]
    there: tuple[str, ...]
    here: tuple[str, ...]


def difference(mine: Tally, theirs: Result) -> Difference | None:
    """How it differs; None: it is the same."""
    if theirs.tally == mine.hash:
        return None
    ours = {one.author: one.hash for one in mine.counted}
    return Difference(
        author=theirs.author,
        other=tuple(sorted(one for one in ours.keys() & theirs.counts.keys() if ours[one] != theirs.counts[one])),
        there=tuple(sorted(theirs.counts.keys() - ours.keys())),
        here=tuple(sorted(ours.keys() - theirs.counts.keys())),
    )


def awaited(terms: Terms, found: Tally, *, out: Collection[str]) -> tuple[str, ...]:
    """The committees whose count is still to come. `out`: those that do not take part, or have left."""
    done = {one.author for one in (*found.counted, *found.late)} | {*found.refused} | {*out}
    return tuple(one for one in terms.asked if one not in done)
