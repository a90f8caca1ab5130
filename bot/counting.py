"""What `solibot count` does: count an election from a file, without the bot, and print what came out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.domain import ballots, elections
from bot.domain.elections import Filed
from bot.domain.tallies import Count, Lot, Method, OptionId, Stage, Tie

BYTES_MAX = 50_000_000
SENTENCE_MAX = 400
NAME_MAX = 40

METHOD_NAMES: dict[Method, str] = {
    "plurality": "most votes (one choice each)",
    "majority": "more than half of the votes",
    "approval": "approval (as many choices as you like)",
    "score": "score (the sum of points)",
    "dots": "dots (a budget of points)",
    "schulze": "ranked, Schulze (winning votes)",
    "irv": "ranked, instant-runoff",
    "scottish-stv": "ranked, Scottish single transferable vote",
}


class CannotTell(Exception):
    """There is no count. `sentence`: why."""

    def __init__(self, sentence: str) -> None:
        # It may quote what stands in a file from anywhere.
        self.sentence = "".join(one if one.isprintable() else "?" for one in sentence[:SENTENCE_MAX])
        super().__init__(self.sentence)


@dataclass(frozen=True)
class Counted:
    """A file, and what came of it."""

    filed: Filed
    found: Count

    def name(self, option: OptionId) -> str:
        """An option's name as it stands in the file."""
        return next(one.name for one in self.filed.election.options if one.id == option)

    def names(self, options: Iterable[OptionId]) -> list[str]:
        """The names of several options."""
        return [self.name(one) for one in options]


def read(file: Path) -> Filed:
    """The election in a file, whatever its name ends with. Raises `CannotTell`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise CannotTell(f"{file} cannot be read ({(error.strerror or 'error').lower()}).") from None
    if len(content) > BYTES_MAX:
        raise CannotTell(f"{file} is too large: at most {BYTES_MAX // 1_000_000} MB.")
    text = _text(content)
    try:
        return elections.load(text) if text.lstrip("\ufeff \t\r\n").startswith(("{", "[")) else elections.read_blt(text)
    except elections.CannotRead as error:
        where = f", line {error.line}" if error.line is not None else ""
        raise CannotTell(f"{file}{where}: {error.why}.") from None


def _text(content: bytes) -> str:
    """UTF-8; UTF-16 with its mark; else what older programs on Windows write."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def count(filed: Filed, *, method: Method | None = None, seats: int | None = None, seed: str | None = None) -> Counted:
    """Count it, as asked, else as the file says. Raises `CannotTell`."""
    wanted_seats = filed.seats if seats is None else seats
    chosen = method or filed.method or elections.usual(wanted_seats)
    if chosen in ("irv", "majority") and seats is None:
        wanted_seats = 1
    wanted = replace(filed, method=chosen, seats=wanted_seats, lot=Lot(seed) if seed is not None else filed.lot)
    try:
        return Counted(wanted, wanted.count())
    except ballots.CannotCount as error:
        kind = filed.election.form.kind
        if error.reason == "method":
            possible = ", ".join(ballots.METHODS_OF[kind])
            raise CannotTell(f"{kind.title()} ballots cannot be counted by {chosen}, only by {possible}.") from None
        if wanted_seats < 1:
            raise CannotTell("There must be at least one seat.") from None
        raise CannotTell(f"By {chosen} one option wins, not {wanted_seats}: leave --seats out.") from None


def differs(counted: Counted) -> str | None:
    """A sentence, where the file says something else of itself than what comes out: its result, or the seed's hash.

    Only of a count as the file says; another method may well elect others.
    """
    filed = counted.filed
    if filed.lot is not None and filed.commitment is not None and filed.lot.commitment != filed.commitment.lower():
        return "The seed is not the one that was promised: its SHA-256 is not the commitment in the file."
    said = filed.result
    if said is None or said.get("method") != filed.method or said.get("seats") != filed.seats:
        return None
    winners = said.get("winners")
    if not isinstance(winners, list) or set(map(str, winners)) != set(counted.found.winners):
        return "The file says that others won: its result does not come from its ballots."
    return None


# --- for people ----------------------------------------------------------------------------------------------------


def told(counted: Counted) -> Iterator[str]:
    """The count in lines: who wins, stage by stage, and every tie."""
    found, election = counted.found, counted.filed.election
    if election.question:
        yield _printable(election.question)
    yield f"Method   {METHOD_NAMES[found.method]}"
    yield f"Seats    {found.seats}"
    yield f"Ballots  {found.ballots}" + "".join(
        f", {number} {what}" for number, what in ((found.blank, "blank"), (found.invalid, "invalid")) if number
    )
    withdrawn = [one.name for one in election.options if one.withdrawn]
    if withdrawn:
        yield f"Withdrawn  {_listed(withdrawn)}"
    if found.quota is not None:
        yield f"{'Needed' if found.method == 'majority' else 'Quota':<8} {found.quota}"
    yield ""
    for stage in found.stages:
        yield from _stage(counted, stage)
    if found.matrix:
        yield from _matrix(counted)
    if found.order and found.method != "majority":
        yield "Order"
        for number, level in enumerate(found.order, start=1):
            yield f"  {number:>3}  {_listed(counted.names(level), ' = ')}"
        yield ""
    if found.ties:
        yield "Ties"
        for tie in found.ties:
            yield f"  {_tie(counted, tie)}"
        yield ""
    yield from _winners(counted)


def _winners(counted: Counted) -> Iterator[str]:
    found = counted.found
    if found.winners:
        yield "Elected" if found.seats > 1 else "Winner"
        for name in counted.names(found.winners):
            yield f"  {_printable(name)}"
    elif found.undecided is None:
        yield "Nobody wins."
    if found.undecided is not None:
        may = _listed(counted.names(found.undecided.may_win))
        yield f"Undecided: a lot has to be drawn between {_listed(counted.names(found.undecided.tied))}."
        seats = "1 seat is" if found.undecided.seats == 1 else f"{found.undecided.seats} seats are"
        yield f"{seats} not sure yet; still possible: {may}. --seed TEXT draws the lot."


def _stage(counted: Counted, stage: Stage) -> Iterator[str]:
    names = _listed(counted.names(stage.options))
    titles = {
        "first": "First preferences",
        "surplus": f"Surplus of {names}",
        "exclude": f"Excluded: {names}",
        "remaining": f"The seats that are left: {names}",
        "tally": "Votes",
        "pairwise": "Wins against others, one against one",
    }
    yield f"Stage {stage.number}  {titles.get(stage.action, stage.action)}"
    width = max((min(len(one), NAME_MAX) for one in counted.names(option for option, _ in stage.totals)), default=0)
    gone = set(stage.excluded) - set(stage.options if stage.action == "exclude" else ())
    for option, figure in stage.totals:
        if option in gone:
            continue
        mark = "  elected" if option in stage.elected else "  excluded" if option in stage.excluded else ""
        yield f"  {_printable(counted.name(option))[:NAME_MAX]:<{width}}  {figure!s:>13}{mark}"
    for figure, what in ((stage.exhausted, "with nobody any more"), (stage.residual, "lost in rounding down")):
        if str(figure).strip("0."):
            yield f"  {what:<{width}}  {figure!s:>13}"
    yield ""


def _matrix(counted: Counted) -> Iterator[str]:
    found = counted.found
    digits = max((len(str(one)) for row in found.matrix for one in row), default=1)
    across = max(digits, len(str(len(found.options)))) + 1
    yield "One against one: how many prefer the option of the row to that of the column"
    yield "      " + "".join(f"{number:>{across}}" for number in range(1, len(found.options) + 1))
    for number, (option, row) in enumerate(zip(found.options, found.matrix, strict=True), start=1):
        figures = "".join(f"{'-' if at == number else one:>{across}}" for at, one in enumerate(row, start=1))
        yield f"  {number:>3} {figures}  {_printable(counted.name(option))[:NAME_MAX]}"
    if found.condorcet is not None:
        yield f"{_printable(counted.name(found.condorcet))} beats every other option one against one."
    else:
        yield "No option beats every other one against one."
    yield ""


def _tie(counted: Counted, tie: Tie) -> str:
    names = _listed(counted.names(tie.tied))
    where = {
        "exclude": f"Stage {tie.stage}, whom to exclude",
        "surplus": f"Stage {tie.stage}, whose surplus first",
        "elect": f"Place {tie.stage}, who is elected",
        "order": f"Place {tie.stage}",
    }[tie.what]
    chosen = _listed(counted.names(tie.chosen), " before ")
    how = {
        "look-back": f"{chosen}, by the figures of stage {tie.back_to}",
        "lot": f"the lot says {chosen}",
        "either way": "the same are elected whichever way a lot falls",
        "undecided": "a lot is needed, and was not drawn",
    }[tie.how]
    return f"{where}: {names} are level; {how}."


def _listed(names: Iterable[str], between: str = ", ") -> str:
    return between.join(_printable(one) for one in names)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


# --- for programs --------------------------------------------------------------------------------------------------


def as_json(counted: Counted) -> str:
    """The count for other programs, options by their names."""
    found = counted.found
    names = counted.names
    body: dict[str, Any] = {
        "winners": names(found.winners),
        "undecided": None,
        "stages": [
            {
                "number": stage.number,
                "action": stage.action,
                "options": names(stage.options),
                "totals": [{"option": counted.name(option), "votes": figure} for option, figure in stage.totals],
                "elected": names(stage.elected),
                "excluded": names(stage.excluded),
                "exhausted": stage.exhausted,
                "residual": stage.residual,
            }
            for stage in found.stages
        ],
        "ties": [
            {
                "where": tie.where,
                "what": tie.what,
                "stage": tie.stage,
                "tied": names(tie.tied),
                "how": tie.how,
                "chosen": names(tie.chosen),
                "back_to": tie.back_to,
            }
            for tie in found.ties
        ],
        "method": found.method,
        "seats": found.seats,
        "question": counted.filed.election.question,
        "options": names(found.options),
        "withdrawn": [one.name for one in counted.filed.election.options if one.withdrawn],
        "ballots": found.ballots,
        "blank": found.blank,
        "invalid": found.invalid,
        "exhausted": found.exhausted,
        "quota": found.quota,
        "order": [names(level) for level in found.order],
        "pairwise": [list(row) for row in found.matrix],
        "condorcet": None if found.condorcet is None else counted.name(found.condorcet),
    }
    if (open_ := found.undecided) is not None:
        body["undecided"] = {
            "where": open_.where,
            "what": open_.what,
            "stage": open_.stage,
            "tied": names(open_.tied),
            "seats": open_.seats,
            "may_win": names(open_.may_win),
        }
    return json.dumps(body, ensure_ascii=False, indent=2)
