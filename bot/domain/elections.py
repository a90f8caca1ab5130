"""Elections in files: `.blt` as other programs write it, and our own JSON export. Pure: text in, an election out.

Both are described in docs/counting.md. What cannot be read is told in one clause, with the line where there are lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from bot.domain.ballots import (
    KINDS,
    METHODS_OF,
    Election,
    Form,
    NotABallot,
    Option,
    ballot_data,
    count,
    read_ballot,
    result_dict,
)
from bot.domain.tallies import METHODS, Ballot, Count, Lot, Method, OptionId, Ranking

FORMAT = "solibot-count"
VERSION = 1
OPTIONS_MAX = 1_000
BALLOTS_MAX = 10_000_000
"""How many papers: more than any committee has, so that a slip in a file is a sentence and not an endless count."""


class CannotRead(Exception):
    """It is not an election that can be read. `line`: where, if it has lines; `why`: one clause."""

    def __init__(self, why: str, line: int | None = None) -> None:
        self.why, self.line = why, line
        super().__init__(why if line is None else f"line {line}: {why}")


@dataclass(frozen=True)
class Filed:
    """An election as it stands in a file, with all that decides its count.

    `method` None: the file does not say (`.blt`). `lot`: its seed is known. `commitment`: what was published of the
    seed before; `roll`: the hash of the roll; `result`: what the file says came of it.
    """

    election: Election
    seats: int
    method: Method | None = None
    lot: Lot | None = None
    commitment: str | None = None
    roll: str | None = None
    result: Mapping[str, Any] | None = None

    def count(self) -> Count:
        """Count it as the file says; a file that names no method by the one that is usual for so many seats."""
        return count(self.election, method=self.method or usual(self.seats), seats=self.seats, lot=self.lot)


def usual(seats: int) -> Method:
    """How ranked ballots are counted where nobody says how: several seats by Scottish STV, one by Schulze."""
    return "scottish-stv" if seats > 1 else "schulze"


# --- .blt ----------------------------------------------------------------------------------------------------------

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d{1,9}")
_PARTS = re.compile(r"[^()=\s]+")
_SHOWN_MAX = 30


@dataclass(frozen=True)
class _Line:
    number: int
    text: str


def read_blt(text: str) -> Filed:
    """An election in the format of Hill, Wichmann and Woodall (1987), with what later programs added to it.

    Understood: withdrawn options (-2), level preferences (1=3, or (1 3)), skipped preferences (-, passed over),
    comments (# to the end of a line, /* */), ballot ids in parentheses, `[nick ...]`, ballots with no 0 at their end.
    Raises `CannotRead`.
    """
    lines = list(_lines(text))
    reader = _Blt(lines)
    return reader.read()


def _lines(text: str) -> Iterator[_Line]:
    """What stands on each line, comments left out."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    for number, line in enumerate(text.split("\n"), start=1):
        kept = _without_comment(line).strip()
        if kept:
            yield _Line(number, kept)


def _without_comment(line: str) -> str:
    """A # begins a comment, unless it stands in quotation marks."""
    if "#" not in line:
        return line
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == "#" and not quoted and (at == 0 or line[at - 1].isspace() or line[at - 1] in '"0'):
            return line[:at]
    return line


class _Blt:
    """Reads one file from its first line to its last."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self.lines = lines
        self.nicks: dict[str, int] = {}
        self.withdrawn: set[int] = set()
        self.size = 0
        self.known: dict[str, int] = {}
        self.papers: list[tuple[list[list[int]], int]] = []
        self.with_id: list[tuple[list[str], int]] = []

    def read(self) -> Filed:
        if not self.lines:
            raise CannotRead("there is nothing in the file")
        first = self.lines[0]
        tokens = first.text.split()
        if len(tokens) < 2 or not all(_NUMBER.fullmatch(one) for one in tokens[:2]):
            raise CannotRead("it must begin with two numbers, how many candidates and how many seats", first.number)
        self.size, seats = int(tokens[0]), int(tokens[1])
        if not 1 <= self.size <= OPTIONS_MAX:
            raise CannotRead(f"there must be between 1 and {OPTIONS_MAX} candidates, not {self.size}", first.number)
        self.known = {str(one): one for one in range(1, self.size + 1)}
        if seats < 1:
            raise CannotRead(f"there must be at least one seat, not {seats}", first.number)
        at, left = self._body([_Line(first.number, " ".join(tokens[2:])), *self.lines[1:]])
        self._with_ids()
        names, title = self._names(([left] if left is not None else []) + list(self.lines[at:]))
        if sum(weight for _, weight in self.papers) > BALLOTS_MAX:
            raise CannotRead(f"there are more than {BALLOTS_MAX} ballots")
        options = tuple(Option(str(at), name, at in self.withdrawn) for at, name in enumerate(names, start=1))
        ids = [str(at) for at in range(self.size + 1)]
        grouped: dict[Ranking, int] = {}
        for groups, weight in self.papers:
            ranking = tuple(
                (ids[group[0]],) if len(group) == 1 else tuple(ids[one] for one in sorted(group)) for group in groups
            )
            grouped[ranking] = grouped.get(ranking, 0) + weight
        ballots = tuple(Ballot(ranking, weight) for ranking, weight in grouped.items())
        return Filed(Election(options, Form("ranked"), ballots, title), seats)

    def _body(self, lines: Sequence[_Line]) -> tuple[int, _Line | None]:
        """Withdrawn ones and ballots, up to the 0 that ends them: how many lines, and what stands behind it on its."""
        for at, line in enumerate(lines):
            text = line.text
            if text.startswith("["):
                self._bracket(text, line.number)
                continue
            if '"' in text and not self._numbers_first(text):
                raise CannotRead(
                    "there must be a 0 on a line of its own between the ballots and the names", line.number
                )
            tokens = self._tokens(text, line.number)
            while tokens:
                word = tokens[0]
                if word == "0":
                    rest = " ".join(tokens[1:])
                    return at + 1, _Line(line.number, rest) if rest else None
                if not self.papers and not self.with_id and re.fullmatch(r"-\d{1,9}", word):
                    self.withdrawn.add(self._option(word[1:], line.number))
                    tokens = tokens[1:]
                    continue
                end = tokens.index("0", 1) if "0" in tokens[1:] else len(tokens)
                self._ballot(tokens[:end], line.number)
                tokens = tokens[end + 1 :]
        raise CannotRead("the 0 that ends the ballots is missing", self.lines[-1].number)

    @staticmethod
    def _numbers_first(text: str) -> bool:
        return bool(re.match(r"[\d(-]", text))

    @staticmethod
    def _tokens(text: str, number: int) -> list[str]:
        """Words; an id in parentheses is one, and what stands behind a quotation mark is left together."""
        head, mark, tail = text.partition('"')
        if not mark and "=" not in text and "(" not in text:
            return text.split()
        tokens = re.findall(r"\([^)]*\)|\S+", re.sub(r"\s*=\s*", "=", head))
        return [*tokens, mark + tail] if mark else tokens

    def _bracket(self, text: str, number: int) -> None:
        """[nick ...] names the candidates; [withdrawn ...] is like negative numbers; others say nothing to us."""
        words = text.strip("[]").split()
        if words[:1] == ["nick"]:
            self.nicks = {nick: at for at, nick in enumerate(words[1:], start=1)}
        elif words[:1] == ["withdrawn"]:
            self.withdrawn |= {self._option(one, number) for one in words[1:]}

    def _option(self, token: str, number: int) -> int:
        if token in self.nicks:
            return self.nicks[token]
        if not re.fullmatch(r"\d{1,9}", token):
            raise CannotRead(f"“{_shown(token)}” is not the number of a candidate", number)
        if not 1 <= int(token) <= self.size:
            raise CannotRead(f"there is no candidate {int(token)}, only 1 to {self.size}", number)
        return int(token)

    def _ballot(self, tokens: Sequence[str], number: int) -> None:
        if tokens[0].startswith("("):
            self.with_id.append((list(tokens[1:]), number))
            return
        if not re.fullmatch(r"\d{1,9}", tokens[0]):
            raise CannotRead(f"“{_shown(tokens[0])}” is not how many ballots there are: a whole number", number)
        self.papers.append((self._groups(tokens[1:], number), int(tokens[0])))

    def _groups(self, tokens: Sequence[str], number: int) -> list[list[int]]:
        known = self.known
        groups = [
            [known[word]] if word in known else [self._option(one, number) for one in _PARTS.findall(word)]
            for word in tokens
            if word != "-"
        ]
        groups = [group for group in groups if group]
        flat = [one for group in groups for one in group]
        if len(set(flat)) != len(flat):
            twice = next(one for at, one in enumerate(flat) if one in flat[:at])
            raise CannotRead(f"candidate {twice} stands twice on a ballot", number)
        return groups

    def _with_ids(self) -> None:
        """Ballots with an id: the id stands for the weight, which is one. Some programs write both; then all do."""
        if not self.with_id:
            return
        try:
            found = [(self._groups(tokens, number), 1) for tokens, number in self.with_id]
        except CannotRead:
            if not all(tokens and re.fullmatch(r"\d{1,9}", tokens[0]) for tokens, _ in self.with_id):
                raise
            found = [(self._groups(tokens[1:], number), int(tokens[0])) for tokens, number in self.with_id]
        self.papers += found

    def _names(self, lines: Sequence[_Line]) -> tuple[list[str], str]:
        """The candidates' names and the title: the first quoted words of each line; or all of them on few lines."""
        kept = [line for line in lines if not line.text.startswith("[")]
        fields = [_quoted(line.text) for line in kept]
        names = [found[0] for found in fields if found]
        flat = [one for found in fields for one in found]
        if len(names) < self.size or (len(names) == self.size and len(flat) == self.size + 1):
            names = flat
        if len(names) < self.size:
            last = (kept or self.lines)[-1].number
            raise CannotRead(f"there are {self.size} candidates and only {len(names)} names", last)
        return names[: self.size], names[self.size] if len(names) > self.size else ""


def _quoted(text: str) -> list[str]:
    """The words in quotation marks on a line; the line, if there are none. A mark in them is doubled, or escaped.

    A mark that stands in the middle of a word, as in "Joe "Bob" Smith", ends nothing.
    """
    if not text.startswith('"'):
        return [text.strip('"').strip()]
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != '"':
            at += 1
            continue
        word, at = "", at + 1
        while at < len(text):
            if (text[at] == "\\" and text[at + 1 : at + 2] == '"') or (
                text[at] == '"' and text[at + 1 : at + 2] == '"'
            ):
                word, at = word + '"', at + 2
            elif text[at] == '"' and re.match(r"\s*(,?\s*\"|$)|\s+[^\"]*$", text[at + 1 :]):
                break
            else:
                word, at = word + text[at], at + 1
        at += 1
        found.append(" ".join(word.split()))
    return found


def _shown(token: str) -> str:
    return token if len(token) <= _SHOWN_MAX else f"{token[:_SHOWN_MAX]}…"


# --- our own export ------------------------------------------------------------------------------------------------


def export(
    election: Election,
    *,
    method: Method,
    seats: int = 1,
    lot: Lot | None = None,
    commitment: str | None = None,
    roll: str | None = None,
    result: Count | None = None,
) -> dict[str, Any]:
    """An election as plain values for JSON, the same whatever the order of its ballots. `lot`: once it is revealed.

    Raises `NotABallot` where one says what its form does not allow.
    """
    ids = {one.id: None for one in election.options}
    grouped: dict[str, int] = {}
    for one in election.ballots:
        same = read_ballot(election.form, ballot_data(election.form, one), ids, blank=True)
        data = json.dumps(ballot_data(election.form, same), ensure_ascii=False)
        grouped[data] = grouped.get(data, 0) + one.weight
    return {
        "format": FORMAT,
        "version": VERSION,
        "question": election.question,
        "options": [{"id": one.id, "name": one.name, "withdrawn": one.withdrawn} for one in election.options],
        "form": {"kind": election.form.kind, "most": election.form.most},
        "method": method,
        "seats": seats,
        "ties": {
            "rule": "look-back, then lot" if method in ("irv", "scottish-stv") else "lot",
            "commitment": commitment or (lot.commitment if lot else None),
            "seed": lot.seed if lot else None,
        },
        "roll": roll,
        "ballots": [{"ballot": json.loads(data), "weight": grouped[data]} for data in sorted(grouped)],
        "result": result_dict(result) if result else None,
    }


def dump(exported: Mapping[str, Any]) -> str:
    """An export as text: the same bytes for the same election."""
    return json.dumps(exported, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def load(text: str) -> Filed:
    """Read what `dump` wrote. Raises `CannotRead`."""
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise CannotRead(f"that is not JSON ({error.msg})", error.lineno) from None
    except (RecursionError, ValueError):
        raise CannotRead("that is not JSON that can be read") from None
    return read_export(data)


def read_export(data: Any) -> Filed:
    """The election that an export says. Raises `CannotRead`."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CannotRead(f"it is not an export of a count: “format” must be “{FORMAT}”")
    if data.get("version") != VERSION:
        raise CannotRead(f"its version is not {VERSION}, the one that is understood here")
    options = _options(data.get("options"))
    form = _form(data.get("form"))
    method, seats = data.get("method"), data.get("seats")
    if method not in METHODS:
        raise CannotRead(f"“method” must be one of {', '.join(METHODS)}")
    if method not in METHODS_OF[form.kind]:
        raise CannotRead(f"“method”: {form.kind} ballots cannot be counted by {method}")
    if not _whole(seats) or seats < 1:
        raise CannotRead("“seats” must be a whole number from 1")
    ties = data.get("ties") or {}
    if not isinstance(ties, dict):
        raise CannotRead("“ties” must be an object")
    seed, commitment = _word(ties, "seed"), _word(ties, "commitment")
    result = data.get("result")
    if result is not None and not isinstance(result, dict):
        raise CannotRead("“result” must be an object")
    election = Election(options, form, _ballots(data.get("ballots"), form, options), str(data.get("question") or ""))
    lot = Lot(seed) if seed is not None else None
    return Filed(election, seats, method, lot, commitment, _word(data, "roll"), result)


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _word(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise CannotRead(f"“{name}” must be text")
    return value


def _options(data: Any) -> tuple[Option, ...]:
    if not isinstance(data, list) or not 1 <= len(data) <= OPTIONS_MAX:
        raise CannotRead(f"“options” must be a list of 1 to {OPTIONS_MAX} options")
    found: list[Option] = []
    seen: set[OptionId] = set()
    for number, one in enumerate(data, start=1):
        if (
            not isinstance(one, dict)
            or not isinstance(one.get("id"), str)
            or not isinstance(one.get("name", ""), str)
            or not isinstance(one.get("withdrawn", False), bool)
        ):
            raise CannotRead(f"option {number} must have an “id” and a “name”")
        if one["id"] in seen:
            raise CannotRead(f"two options have the id “{_shown(one['id'])}”")
        seen.add(one["id"])
        found.append(Option(one["id"], one.get("name") or one["id"], one.get("withdrawn", False)))
    return tuple(found)


def _form(data: Any) -> Form:
    if not isinstance(data, dict) or data.get("kind") not in KINDS:
        raise CannotRead(f"“form” must have a “kind” that is one of {', '.join(KINDS)}")
    most = data.get("most")
    if (most is not None or data["kind"] in ("scores", "dots")) and (not _whole(most) or most < 1):
        raise CannotRead("“form”: “most” must be a whole number from 1")
    return Form(data["kind"], most)


def _ballots(data: Any, form: Form, options: Sequence[Option]) -> tuple[Ballot, ...]:
    if not isinstance(data, list):
        raise CannotRead("“ballots” must be a list")
    ids = {one.id: None for one in options}
    found: list[Ballot] = []
    papers = 0
    for number, one in enumerate(data, start=1):
        weight = one.get("weight", 1) if isinstance(one, dict) else None
        if not isinstance(one, dict) or not _whole(weight) or weight < 0:
            raise CannotRead(f"ballot {number} must have a “ballot” and a “weight” that is a whole number")
        papers += weight
        if papers > BALLOTS_MAX:
            raise CannotRead(f"there are more than {BALLOTS_MAX} ballots")
        try:
            found.append(replace(read_ballot(form, one.get("ballot"), ids, blank=True), weight=weight))
        except NotABallot as wrong:
            about = f" (“{_shown(wrong.option)}”)" if wrong.option is not None else ""
            raise CannotRead(f"ballot {number} cannot be counted: {wrong.reason}{about}") from None
    return tuple(found)
