"""What a ballot may say, and counting: one way in for all methods (`count`), and how close it was (`margin`). Pure.

A ballot in its canonical form is a small JSON value, and this is what is stored and published:

- choices (plurality, majority, approval): a list of option ids, in the order of the options;
- scores and dots: a map of option id to a whole number, options with 0 left out of dots;
- ranked: a list of lists of option ids, the first list before the second, those of one list level.

Nothing here draws a lot by itself, knows the time, or has words for people: what is wrong with a ballot is a reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bot.domain import ranked
from bot.domain.tallies import Ballot, Count, Lot, Method, OptionId, Stage

Kind = Literal["choices", "scores", "dots", "ranked"]
KINDS: tuple[Kind, ...] = ("choices", "scores", "dots", "ranked")

METHODS_OF: Mapping[Kind, tuple[Method, ...]] = {
    "choices": ("plurality", "majority", "approval"),
    "scores": ("score",),
    "dots": ("dots",),
    "ranked": ("schulze", "irv", "scottish-stv", "plurality", "majority", "approval"),
}
"""By which methods ballots of a kind can be counted; the first is what they are for."""

Reason = Literal["not of this form", "unknown option", "twice", "too many", "out of range", "empty"]


class NotABallot(Exception):
    """It cannot be counted. `option`: which one it is about, if about one."""

    def __init__(self, reason: Reason, option: str | None = None) -> None:
        self.reason, self.option = reason, option
        super().__init__(reason if option is None else f"{reason}: {option}")


class CannotCount(Exception):
    """These ballots cannot be counted so: the method is for other ballots, or there is no such number of seats."""

    def __init__(self, reason: Literal["method", "seats"]) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Form:
    """What a ballot may say. `most`: of choices and ranks how many, of scores the highest, of dots how many to give.

    None: as many as there are options; scores and dots always have a figure.
    """

    kind: Kind
    most: int | None = None


@dataclass(frozen=True)
class Option:
    """Something to vote for. `withdrawn`: it was taken back, and ballots are counted as if it had never stood."""

    id: OptionId
    name: str
    withdrawn: bool = False


@dataclass(frozen=True)
class Election:
    """Options and ballots: all that a count depends on, with the method, the seats and the lot."""

    options: tuple[Option, ...]
    form: Form
    ballots: tuple[Ballot, ...]
    question: str = ""

    @property
    def standing(self) -> tuple[OptionId, ...]:
        """The ids of the options that are not withdrawn."""
        return tuple(one.id for one in self.options if not one.withdrawn)


# --- ballots -------------------------------------------------------------------------------------------------------


def read_ballot(form: Form, data: Any, options: Collection[OptionId], *, blank: bool = False) -> Ballot:
    """The ballot that a canonical form says. `options`: what may stand on it. Raises `NotABallot`.

    `blank`: a ballot that says nothing is one too.
    """
    if form.kind in ("scores", "dots"):
        return _points(form, data, options, blank)
    groups = [data] if form.kind == "choices" else data
    if not isinstance(data, list) or not all(isinstance(group, list) for group in groups):
        raise NotABallot("not of this form")
    seen: set[OptionId] = set()
    for group in groups:
        for option in group:
            if not isinstance(option, str):
                raise NotABallot("not of this form")
            if option not in options:
                raise NotABallot("unknown option", option)
            if option in seen:
                raise NotABallot("twice", option)
            seen.add(option)
        if not group and form.kind == "ranked":
            raise NotABallot("not of this form")
    if form.most is not None and (len(seen) if form.kind == "choices" else len(groups)) > form.most:
        raise NotABallot("too many")
    if not seen and not blank:
        raise NotABallot("empty")
    place = {option: at for at, option in enumerate(options)}
    ranking = tuple(tuple(sorted(group, key=place.__getitem__)) for group in groups if group)
    return Ballot(ranking)


def _points(form: Form, data: Any, options: Collection[OptionId], blank: bool) -> Ballot:
    if not isinstance(data, dict) or form.most is None:
        raise NotABallot("not of this form")
    given: dict[OptionId, int] = {}
    for option, points in data.items():
        if option not in options:
            raise NotABallot("unknown option", str(option))
        if not isinstance(points, int) or isinstance(points, bool):
            raise NotABallot("not of this form", option)
        if not 0 <= points <= form.most:
            raise NotABallot("out of range", option)
        if points or form.kind == "scores":
            given[option] = points
    if form.kind == "dots" and sum(given.values()) > form.most:
        raise NotABallot("too many")
    if not given and not blank:
        raise NotABallot("empty")
    return Ballot(points=tuple((option, given[option]) for option in options if option in given))


def ballot_data(form: Form, ballot: Ballot) -> Any:
    """The canonical form of a ballot, ready for JSON; `read_ballot` reads it."""
    if form.kind in ("scores", "dots"):
        return dict(ballot.points)
    if form.kind == "choices":
        return [option for group in ballot.ranking for option in group]
    return [list(group) for group in ballot.ranking]


# --- counting ------------------------------------------------------------------------------------------------------


def count(election: Election, *, method: Method, seats: int = 1, lot: Lot | None = None) -> Count:
    """Count by a method. Without a `lot`, one that is needed is told (`Count.undecided`) and not drawn.

    If nobody said anything that the method can count, nobody wins. Raises `CannotCount`.
    """
    if method not in METHODS_OF[election.form.kind]:
        raise CannotCount("method")
    if seats < 1 or (seats != 1 and method in ("irv", "majority")):
        raise CannotCount("seats")
    options, ballots = election.standing, election.ballots
    if method == "schulze":
        found = ranked.schulze(options, ballots, seats=seats, lot=lot)
    elif method == "irv":
        found = ranked.irv(options, ballots, lot=lot)
    elif method == "scottish-stv":
        found = ranked.scottish_stv(options, ballots, seats=seats, lot=lot)
    else:
        found = _summed(election, method, seats, lot)
    if found.ballots == found.blank + found.invalid:
        return replace(found, winners=(), ties=(), undecided=None, stages=found.stages[:1])
    return found


def _summed(election: Election, method: Method, seats: int, lot: Lot | None) -> Count:
    """The methods that add up and look who has most."""
    options = election.standing
    totals, blank, invalid = tally(election, method)
    weight = sum(one.weight for one in election.ballots)
    figures = sorted(set(totals.values()), reverse=True)
    order = tuple(tuple(one for one in options if totals[one] == figure) for figure in figures)
    stage = Stage(1, "tally", (), tuple((one, totals[one]) for one in options))
    if method == "majority":
        needed = (weight - blank - invalid) // 2 + 1
        over = tuple(one for one in options if totals[one] >= needed)
        return Count(
            method, 1, options, over, (stage,), (), None, order, weight, blank, invalid, quota=needed
        )  # fmt: skip
    winners, ties, undecided = ranked.by_order(order, seats, lot)
    return Count(method, seats, options, winners, (stage,), ties, undecided, order, weight, blank, invalid)


def tally(election: Election, method: Method) -> tuple[Mapping[OptionId, int], int, int]:
    """The sum of each option by plurality, majority, approval, score or dots; how many blank and invalid ballots."""
    options = election.standing
    totals = dict.fromkeys(options, 0)
    blank = invalid = 0
    for ballot in election.ballots:
        if method in ("score", "dots"):
            given = [(option, points) for option, points in ballot.points if option in totals]
        else:
            groups = [kept for group in ballot.ranking if (kept := [one for one in group if one in totals])]
            if method != "approval":
                if groups and len(groups[0]) > 1:
                    invalid += ballot.weight
                    continue
                groups = groups[:1]
            given = [(one, 1) for group in groups for one in group]
        if not given:
            blank += ballot.weight
        for option, points in given:
            totals[option] += points * ballot.weight
    return totals, blank, invalid


def result_dict(found: Count) -> dict[str, Any]:
    """A count as plain values for JSON; options by their ids."""
    body = asdict(found)
    for stage in body["stages"]:
        stage["totals"] = dict(stage["totals"])
    return body
