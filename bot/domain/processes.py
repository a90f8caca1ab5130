"""Processes by which a committee decides, as data: what can be said, what that means, and when it passes. Pure rules.

A process is a TOML file (docs/processes.md tells its keys). What it says is frozen into a poll when that is made, so a
poll is decided by what its members read, whatever the file says later. Shares are exact fractions.
The idea that processes are data over one kind of poll is Loomio's (config/poll_types.yml there).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, get_args

Method = Literal["options", "plurality", "approval", "score", "dots", "schulze", "irv", "scottish-stv"]
"""How ballots are counted. `options`: everybody says one of the process's own words, and its tests decide."""
Secrecy = Literal["open", "hidden", "external"]
Of = Literal["votes", "voters", "roll", "count"]
"""Of what a share is: of the votes that take a side, of all who voted, of all who may vote; or a plain number."""
At = Literal["least", "most", "more", "less"]
QuorumOf = Literal["roll", "active"]
Tie = Literal["lot", "open"]
"""What a tie comes to: a lot that was sealed at the opening; or it stays undecided."""
Own = Literal["none", "needed"]
"""Whether whoever makes such a poll names its options."""

HIDDEN_BALLOTS_MIN = 5
"""A hidden poll with fewer ballots shows who voted what: it is not counted."""


class Wrong(ValueError):
    """A file that is no process; the sentence says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """What must hold of an option for the whole to pass: at least, at most, more or less than a share or number."""

    option: str
    at: At
    value: Fraction
    of: Of


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a process's own options. `label`, `meaning`: by language."""

    key: str
    label: Mapping[str, str]
    meaning: Mapping[str, str] = field(default_factory=dict)
    side: bool = True
    """It takes a side, so it is one of the `votes`; abstaining is none."""
    objects: bool = False
    """Whoever says it raises an objection, with a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What decides a poll, frozen when it is made. Lengths of time in hours or days."""

    choices: tuple[Choice, ...] = ()
    tests: tuple[Test, ...] = ()
    quorum: Fraction = Fraction(0)
    quorum_of: QuorumOf = "roll"
    tie: Tie = "lot"
    seats: int = 1
    most: int | None = None
    """How many options one may choose; or the highest score; or how many dots there are. None: the method's own."""
    early: bool = False
    """It is decided as soon as those who have not voted could not change it."""
    extend_hours: int = 24
    """So much longer it is open, once, when the quorum is close."""
    review_days: int | None = None
    lapse_days: int | None = None
    """What was decided lapses after so many days unless it is renewed; None: it stands."""
    receipts: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What some processes keep besides, as JSON."""

    def choice(self, key: str | None) -> Choice | None:
        """The process's own option with this key."""
        return next((one for one in self.choices if one.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process. `aliases`: how a line may call it; `title`, `meaning`: by language."""

    name: str
    aliases: tuple[str, ...]
    title: Mapping[str, str]
    meaning: Mapping[str, str]
    method: Method
    secrecy: Secrecy
    own: Own
    days: int
    """So long it is open where nobody says how long."""
    rule: Rule
    listed: bool = True
    """Members can begin it; others are begun by what they do."""
    host: bool = False
    """It is not shipped: whoever runs the bot has added it."""


# --- reading -----------------------------------------------------------------------------------------------------


def read(text: str) -> Process:
    """A process from its file. Raises Wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Wrong(f"it is no TOML: {error}") from error
    _check(data)
    choices = tuple(_choice(one) for one in data.get("options", []))
    if len({one.key for one in choices}) < len(choices):
        raise Wrong("two options have the same key")
    tests = tuple(_test(one) for one in data.get("tests", []))
    keys = {one.key for one in choices}
    for test in tests:
        if test.option not in keys:
            raise Wrong(f"a test is about “{test.option}”, which is no option")
    method = _one_of(data, "method", Method)
    own: Own = _one_of(data, "own_options", Own, "none" if choices else "needed")
    if (method == "options") != bool(choices):
        raise Wrong("the method “options”, and only that, has options of its own")
    rule = Rule(
        choices=choices,
        tests=tests,
        quorum=share(data.get("quorum", "0")),
        quorum_of=_one_of(data, "quorum_of", QuorumOf, "roll"),
        tie=_one_of(data, "tie", Tie, "lot"),
        **{key: data[key] for key in _RULE_KEYS - {"quorum", "quorum_of", "tie"} if key in data},
        receipts=bool(data.get("receipts", False)),
        extra=data.get("extra", {}),
    )
    return Process(
        name=data["name"],
        aliases=(data["name"], *data.get("aliases", [])),
        title=data["title"],
        meaning=data["meaning"],
        method=method,
        secrecy=_one_of(data, "secrecy", Secrecy, "open"),
        own=own,
        days=int(data.get("days", 3)),
        rule=rule,
        listed=bool(data.get("listed", True)),
    )


_RULE_KEYS = frozenset(
    {"quorum", "quorum_of", "tie", "seats", "most", "early", "extend_hours", "review_days", "lapse_days"}
)
_KNOWN = _RULE_KEYS | {
    *("name", "aliases", "title", "meaning", "method", "secrecy", "own_options", "days", "options", "tests"),
    *("receipts", "extra", "listed"),
}
_NUMBERS: Mapping[str, tuple[int, int]] = {
    "days": (1, 180),
    "seats": (1, 50),
    "most": (1, 100),
    "extend_hours": (0, 240),
    "review_days": (1, 3650),
    "lapse_days": (1, 3650),
}


def _check(data: Mapping[str, Any]) -> None:
    """Raises Wrong where a key is unknown, missing, or holds what it cannot hold."""
    if unknown := data.keys() - _KNOWN:
        raise Wrong(f"nobody knows the key “{min(unknown)}”")
    for key, (least, most) in _NUMBERS.items():
        value = data.get(key, least)
        if type(value) is not int or not least <= value <= most:
            raise Wrong(f"{key} must be a whole number from {least} to {most}")
    for key in ("early", "receipts", "listed"):
        if not isinstance(data.get(key, False), bool):
            raise Wrong(f"{key} must be true or false")
    for key in ("options", "tests"):
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise Wrong(f"{key} must be tables, each below a line [[{key}]]")
    if not isinstance(data.get("extra", {}), dict):
        raise Wrong("extra must be a table, below a line [extra]")
    aliases = data.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(one, str) and one.strip() for one in aliases):
        raise Wrong('aliases must be a list of words, such as ["propuesta", "vorschlag"]')
    _one_of(data, "method", Method)
    for key in ("name", "title", "meaning"):
        if not data.get(key):
            raise Wrong(f"it has no {key}")
    if not isinstance(data["name"], str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", data["name"]):
        raise Wrong(f"“{data['name']}” is no name: small letters, digits and _ make one")
    _by_language(data["title"], "title")
    _by_language(data["meaning"], "meaning")
    if share(data.get("quorum", "0")) > 1:
        raise Wrong("a quorum of more than all is never reached")


def _by_language(value: object, key: str) -> None:
    if not isinstance(value, dict) or not all(isinstance(words, str) and words.strip() for words in value.values()):
        raise Wrong(f'{key} must be a table with words for each language, such as en = "Proposal"')


def share(written: object) -> Fraction:
    """`2/3`, `0.5` or `1` as an exact fraction. Raises Wrong."""
    try:
        found = Fraction(str(written))
    except (ValueError, ZeroDivisionError) as error:
        raise Wrong(f"“{written}” is no fraction") from error
    if found < 0:
        raise Wrong(f"“{written}” is less than nothing")
    return found


def _one_of(data: Mapping[str, Any], key: str, kind: Any, otherwise: str | None = None) -> Any:
    value = data.get(key, otherwise)
    if not isinstance(value, str) or value not in get_args(kind):
        raise Wrong(f"“{value}” is no {key}; there is {', '.join(get_args(kind))}")
    return value


def _choice(data: Mapping[str, Any]) -> Choice:
    if "key" not in data or "label" not in data:
        raise Wrong("an option needs a key and a label")
    if not isinstance(data["key"], str):
        raise Wrong("the key of an option must be a word")
    _by_language(data["label"], "the label of an option")
    _by_language(data.get("meaning", {}), "the meaning of an option")
    return Choice(
        key=data["key"],
        label=data["label"],
        meaning=data.get("meaning", {}),
        side=bool(data.get("side", True)),
        objects=bool(data.get("objects", False)),
    )


def _test(data: Mapping[str, Any]) -> Test:
    found = [at for at in get_args(At) if at in data]
    if "option" not in data or len(found) != 1:
        raise Wrong("a test needs an option, and one of least, most, more or less")
    return Test(option=data["option"], at=found[0], value=share(data[found[0]]), of=_one_of(data, "of", Of, "votes"))


def dump(rule: Rule) -> dict[str, Any]:
    """The rule as JSON."""
    return {
        "choices": [
            {
                "key": one.key,
                "label": dict(one.label),
                "meaning": dict(one.meaning),
                "side": one.side,
                "objects": one.objects,
            }
            for one in rule.choices
        ],
        "tests": [{"option": one.option, one.at: str(one.value), "of": one.of} for one in rule.tests],
        "quorum": str(rule.quorum),
        "quorum_of": rule.quorum_of,
        "tie": rule.tie,
        "seats": rule.seats,
        "most": rule.most,
        "early": rule.early,
        "extend_hours": rule.extend_hours,
        "review_days": rule.review_days,
        "lapse_days": rule.lapse_days,
        "receipts": rule.receipts,
        "extra": dict(rule.extra),
    }


def load(data: Mapping[str, Any]) -> Rule:
    """The rule back from JSON."""
    return Rule(
        choices=tuple(_choice(one) for one in data["choices"]),
        tests=tuple(_test(one) for one in data["tests"]),
        quorum=Fraction(data["quorum"]),
        **{name: data[name] for name in data if name not in ("choices", "tests", "quorum")},
    )


def with_threshold(rule: Rule, value: Fraction) -> Rule:
    """The rule with another share for its first test of at least or more: `2/3` instead of more than half."""
    tests = list(rule.tests)
    for at, test in enumerate(tests):
        if test.at in ("least", "more") and test.of != "count":
            more: At = "more" if value == Fraction(1, 2) else "least"
            tests[at] = replace(test, at=more, value=value)
            return replace(rule, tests=tuple(tests))
    return rule


# --- deciding ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A test, and what came of it: `count` of `whole` (for a plain number: of nothing)."""

    test: Test
    count: int
    whole: int
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Whether it has passed, and why."""

    passed: bool
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnout:
    """How many voted, of how many who may; `active` of those were seen lately."""

    voters: int
    roll: int
    active: int


def quorum_needed(rule: Rule, turnout: Turnout) -> int:
    """How many must vote for it to count: the share, rounded up."""
    whole = turnout.roll if rule.quorum_of == "roll" else turnout.active
    return -(-(rule.quorum * whole).numerator // (rule.quorum * whole).denominator)


def quorate(rule: Rule, turnout: Turnout) -> bool:
    """Whether enough have voted."""
    return turnout.voters >= quorum_needed(rule, turnout)


def close_to_quorum(rule: Rule, turnout: Turnout) -> bool:
    """Whether so few are missing that some more time may help: one or two, or a tenth of all who may vote."""
    missing = quorum_needed(rule, turnout) - turnout.voters
    return 0 < missing <= max(2, turnout.roll // 10)


def outcome(rule: Rule, tally: Mapping[str, int], turnout: Turnout, *, standing: int | None = None) -> Outcome:
    """Whether a poll by a process's own options has passed. `tally`: how many said what, by key.

    `standing`: so many objections stand; None: as many as were said.
    """
    said = {one.key: tally.get(one.key, 0) for one in rule.choices}
    votes = sum(said[one.key] for one in rule.choices if one.side)
    whole = {"votes": votes, "voters": sum(said.values()), "roll": turnout.roll, "count": 0}
    held = []
    for test in rule.tests:
        choice = rule.choice(test.option)
        count = said[test.option]
        if standing is not None and choice is not None and choice.objects:
            count = standing
        limit = test.value if test.of == "count" else test.value * whole[test.of]
        holds = {"least": count >= limit, "most": count <= limit, "more": count > limit, "less": count < limit}
        held.append(Held(test=test, count=count, whole=whole[test.of], holds=holds[test.at]))
    # What nobody took a side in has not passed.
    return Outcome(passed=all(one.holds for one in held) and votes > 0, held=tuple(held))


def settled(rule: Rule, tally: Mapping[str, int], turnout: Turnout, *, standing: int | None = None) -> Outcome | None:
    """The outcome, where those who have not voted could not change it whatever they say; None: they could.

    Every test is linear in the votes that are still to come, so it is enough to look at the corners: nobody else
    votes, or all the others say the same.
    """
    if not rule.tests:
        return None
    now = outcome(rule, tally, turnout, standing=standing)
    left = turnout.roll - turnout.voters
    if not left:
        return now
    if not quorate(rule, turnout):
        return None
    corners = [now]
    for choice in rule.choices:
        more = {**tally, choice.key: tally.get(choice.key, 0) + left}
        stands = standing + left if standing is not None and choice.objects else standing
        corners.append(outcome(rule, more, replace(turnout, voters=turnout.roll), standing=stands))
    if all(one.passed for one in corners):
        return now
    hopeless = any(not any(one.held[at].holds for one in corners) for at in range(len(rule.tests)))
    return now if hopeless and not now.passed else None


# --- how close it was --------------------------------------------------------------------------------------------

MARGIN_TRIES_MAX = 300_000
"""So many ways of changing votes are tried at most; for the processes that we ship a few hundred are enough."""


def margin(rule: Rule, tally: Mapping[str, int], turnout: Turnout, *, standing: int | None = None) -> int | None:
    """How few of those who voted would have had to say something else for it to come out the other way; exact.

    None: it never would, however they vote; or there are so many ways that it was not found out.
    Only what was said changes: as many vote, and the objections that stand are the same.
    """
    if not rule.tests:
        return None
    if outcome(rule, tally, turnout, standing=standing).passed:
        return _to_fail(rule, tally, turnout, standing)
    return _to_pass(rule, tally, turnout, standing)


def _weighs(rule: Rule, test: Test, standing: int | None) -> dict[str, Fraction]:
    """What one vote for each option adds to how far a test's count is above its limit."""
    about = rule.choice(test.option)
    fixed = standing is not None and about is not None and about.objects
    return {
        one.key: Fraction(one.key == test.option and not fixed) - (test.value if test.of == "votes" and one.side else 0)
        for one in rule.choices
    }


def _to_fail(rule: Rule, tally: Mapping[str, int], turnout: Turnout, standing: int | None) -> int | None:
    """One test that does not hold is enough, and each vote can be moved to where it harms that most."""
    fewest: list[int] = []
    for test in rule.tests:
        weighs = _weighs(rule, test, standing)
        sign = 1 if test.at in ("least", "more") else -1
        worst = min(rule.choices, key=lambda one: (sign * weighs[one.key], one.key)).key
        now, moved = dict(tally), 0
        for one in sorted(rule.choices, key=lambda one: -sign * weighs[one.key]):
            if weighs[one.key] == weighs[worst] or not _holds(rule, test, now, turnout, standing):
                break
            # Each vote that is moved harms as much as the one before: the first number that is enough is searched for.
            there, least, most = dict(now), 0, now.get(one.key, 0)
            while least < most:
                half = (least + most) // 2
                now = _moved(there, one.key, worst, half)
                least, most = (half + 1, most) if _holds(rule, test, now, turnout, standing) else (least, half)
            now, moved = _moved(there, one.key, worst, least), moved + least
        if not _holds(rule, test, now, turnout, standing):
            fewest.append(moved)
    if not all(one.side for one in rule.choices):
        # Nobody takes a side any more.
        fewest.append(sum(tally.get(one.key, 0) for one in rule.choices if one.side))
    return min(fewest, default=None)


def _moved(tally: Mapping[str, int], source: str, to: str, n: int) -> dict[str, int]:
    return {**tally, source: tally.get(source, 0) - n, to: tally.get(to, 0) + n}


def _holds(rule: Rule, test: Test, tally: Mapping[str, int], turnout: Turnout, standing: int | None) -> bool:
    return outcome(replace(rule, tests=(test,)), tally, turnout, standing=standing).held[0].holds


def _to_pass(rule: Rule, tally: Mapping[str, int], turnout: Turnout, standing: int | None) -> int | None:
    """All tests must hold at once. Options that weigh the same in all of them are one; every way of k is tried."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for one in rule.choices:
        alike.setdefault((one.side, *(_weighs(rule, test, standing)[one.key] for test in rule.tests)), []).append(
            one.key
        )
    keys = [group[0] for group in alike.values()]
    had = tuple(sum(tally.get(key, 0) for key in group) for group in alike.values())
    tries = 0
    for moved in range(1, sum(had) + 1):
        for after in _moves(had, moved):
            tries += 1
            if tries > MARGIN_TRIES_MAX:
                return None
            if outcome(rule, dict(zip(keys, after, strict=True)), turnout, standing=standing).passed:
                return moved
    return None


def _moves(had: tuple[int, ...], moved: int) -> Iterator[tuple[int, ...]]:
    """Every tally that moving exactly so many votes can lead to."""

    def way(at: int, out: int, into: int, after: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if at == len(had):
            if not out and not into:
                yield after
            return
        for less in range(min(out, had[at]), 0, -1):
            yield from way(at + 1, out - less, into, (*after, had[at] - less))
        for more in range(into + 1):
            yield from way(at + 1, out, into - more, (*after, had[at] + more))

    return way(0, moved, moved, ())
