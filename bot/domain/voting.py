"""The voter's side of a ballot: how one is read from words, and how it comes about by tapping. Pure rules.

A choice names options by their place in the poll, from 1: an int where everybody says one thing; a sorted list for
approval; `{"place": points}` for score and dots; a list of lists, best first, for orders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bot.domain.grammar import folded
from bot.domain.processes import Method

POINTS_MOST = 5
"""The highest score, and how many dots there are, where the process says nothing."""

Fault = Literal["empty", "unknown", "several", "withdrawn", "twice", "one", "many", "points", "high", "dots"]
Kind = Literal["one", "approval", "ranked", "score", "dots"]

_KINDS: Mapping[Method, Kind] = {
    "options": "one",
    "plurality": "one",
    "approval": "approval",
    "score": "score",
    "dots": "dots",
    "schulze": "ranked",
    "irv": "ranked",
    "scottish-stv": "ranked",
}


class Unread(Exception):
    """A vote that cannot be counted as it is. `word`: what of it; `places`: the options that it could mean."""

    def __init__(self, fault: Fault, word: str = "", places: Sequence[int] = ()) -> None:
        super().__init__(fault)
        self.fault, self.word, self.places = fault, word, tuple(places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a ballot may say. `places`: the options that stand; `withdrawn`: those that did."""

    method: Method
    places: tuple[int, ...]
    withdrawn: frozenset[int] = frozenset()
    most: int | None = None

    @property
    def kind(self) -> Kind:
        """What a ballot looks like."""
        return _KINDS[self.method]

    @property
    def points(self) -> int:
        """The highest score; or how many dots there are."""
        return POINTS_MOST if self.most is None else self.most


def check(asked: Asked, choice: Any) -> None:
    """Raises Unread where this is no ballot of this poll."""
    named = places_of(asked.kind, choice)
    if not named:
        raise Unread("empty")
    for place in named:
        if place in asked.withdrawn:
            raise Unread("withdrawn", str(place), (place,))
        if place not in asked.places:
            raise Unread("unknown", str(place))
    if len(set(named)) < len(named):
        twice = next(place for place in named if named.count(place) > 1)
        raise Unread("twice", str(twice), (twice,))
    match asked.kind:
        case "approval" if asked.most is not None and len(named) > asked.most:
            raise Unread("many", str(asked.most))
        case "score" if any(not 0 <= points <= asked.points for points in choice.values()):
            raise Unread("high", str(asked.points))
        case "dots" if sum(choice.values()) > asked.points or min(choice.values()) < 0:
            raise Unread("dots", str(asked.points))


def places_of(kind: Kind, choice: Any) -> list[int]:
    """The options that a choice names, in its order."""
    match kind:
        case "one":
            return [choice]
        case "approval":
            return list(choice)
        case "ranked":
            return [place for group in choice for place in group]
        case _:
            return [int(place) for place in choice]


def rotated(places: Sequence[int], by: int) -> tuple[int, ...]:
    """The options in another order for each voter, so that none is always the first; their numbers stay."""
    at = by % len(places) if places else 0
    return (*places[at:], *places[:at])


# --- reading -----------------------------------------------------------------------------------------------------

_AND = re.compile(r"\s+(?:and|y|e|und|&|\+)\s+", re.IGNORECASE)
_LIST = re.compile(r"[,;\n]")
_POINTS = re.compile(r"(?P<name>.+?)(?:\s*[:=]\s*|\s+)(?P<points>[0-9]{1,6})", re.ASCII | re.DOTALL)
_PAIR = re.compile(r"(?P<name>[^\s:=]+)\s*[:=]\s*(?P<points>[0-9]{1,6})", re.ASCII)


def read(text: str, asked: Asked, names: Mapping[int, Sequence[str]]) -> Any:
    """A vote in words: `2`, `B > A = C`, `2 1 3`, `library: 4, park: 2`. Raises Unread.

    `names`: what the options are called, in every language, also those that were withdrawn.
    """
    text = text.strip()
    if not text:
        raise Unread("empty")
    choice = _read(text, asked, names)
    check(asked, choice)
    return choice


def _read(text: str, asked: Asked, names: Mapping[int, Sequence[str]]) -> Any:
    match asked.kind:
        case "one":
            words = text.split()
            if len(words) > 1 and all(_number(word) in names for word in words):
                raise Unread("one")
            return _find(text, names)
        case "approval":
            return sorted(_places(text, names))
        case "ranked" if ">" in text or "=" in text:
            return [sorted(_find(part, names) for part in group.split("=")) for group in text.split(">")]
        case "ranked":
            return [[place] for place in _places(text, names)]
        case _:
            return _with_points(text, names)


def _number(word: str) -> int | None:
    digits = word.strip().lstrip("#").rstrip(".")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else None


def _find(word: str, names: Mapping[int, Sequence[str]]) -> int:
    """The option that is meant: by its number, its name, or a beginning of that which fits no other."""
    wanted = folded(word)
    if not wanted:
        raise Unread("empty")
    exact = [place for place, called in names.items() if any(folded(one) == wanted for one in called)]
    if len(exact) == 1:
        return exact[0]
    number = _number(wanted)
    if number is not None and number in names:
        return number
    found = exact or [place for place, called in names.items() if any(folded(one).startswith(wanted) for one in called)]
    if len(found) == 1:
        return found[0]
    raise Unread("several" if found else "unknown", word.strip(), found)


def _places(text: str, names: Mapping[int, Sequence[str]]) -> list[int]:
    """Several options in a row: by commas, by “and”, or by spaces alone where each word is one."""
    try:
        return [_find(text, names)]
    except Unread as whole:
        parts = [part for part in _LIST.split(text) if part.strip()]
        if len(parts) == 1:
            parts = text.split() if all(_number(word) is not None for word in text.split()) else _AND.split(text)
        if len(parts) == 1:
            parts = text.split()
        if len(parts) == 1:
            raise
        try:
            return [_find(part, names) for part in parts]
        except Unread as one:
            # Words that are no list are one name, and that is what is unknown.
            listed = _LIST.search(text) is not None or _AND.search(text) is not None
            raise (one if listed or _number(parts[0]) is not None else whole) from one


def _with_points(text: str, names: Mapping[int, Sequence[str]]) -> dict[str, int]:
    parts = [part.strip() for part in _LIST.split(text) if part.strip()]
    pairs = _PAIR.findall(text) if len(parts) == 1 else []
    if len(pairs) < 2:
        found = [(part, _POINTS.fullmatch(part)) for part in parts]
        for part, one in found:
            if one is None:
                raise Unread("points", part)
        pairs = [(one["name"], one["points"]) for _, one in found if one is not None]
    choice: dict[str, int] = {}
    for name, points in pairs:
        place = _find(name, names)
        if str(place) in choice:
            raise Unread("twice", name.strip(), (place,))
        choice[str(place)] = int(points)
    # Nothing for an option is as if it was not named; nothing at all is no ballot.
    return {place: points for place, points in choice.items() if points}


# --- by tapping --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A ballot in progress. `equal`: the next option stands beside the last one. `seen`: scored already."""

    choice: Any
    equal: bool = False
    seen: tuple[int, ...] = ()


def begin(asked: Asked, choice: Any | None = None) -> Draft:
    """An empty paper, or one with an earlier ballot on it. Orders are begun anew: that is easier than moving."""
    kind = asked.kind
    if kind in ("score", "dots"):
        kept = {key: points for key, points in (choice or {}).items() if int(key) in asked.places}
        return Draft(choice=kept)
    if kind == "approval":
        return Draft(choice=[place for place in choice or () if place in asked.places])
    return Draft(choice=[])


def tap(asked: Asked, draft: Draft, place: int, points: int | None = None) -> Draft:
    """An option is tapped: ticked, or the tick taken away; next in the order, or taken out; one dot more; its score.

    Raises Unread where that cannot be.
    """
    if place in asked.withdrawn or place not in asked.places:
        raise Unread("withdrawn", str(place), (place,))
    choice = draft.choice
    match asked.kind:
        case "approval":
            ticked = sorted({*choice} ^ {place})
            if asked.most is not None and len(ticked) > asked.most:
                raise Unread("many", str(asked.most))
            return replace(draft, choice=ticked)
        case "ranked":
            if any(place in group for group in choice):
                without = [[one for one in group if one != place] for group in choice]
                return Draft(choice=[group for group in without if group])
            if draft.equal and choice:
                return Draft(choice=[*choice[:-1], sorted([*choice[-1], place])])
            return Draft(choice=[*choice, [place]])
        case "dots":
            if sum(choice.values()) >= asked.points:
                raise Unread("dots", str(asked.points))
            return replace(draft, choice=_sorted({**choice, str(place): choice.get(str(place), 0) + 1}))
        case "score":
            assert points is not None
            if not 0 <= points <= asked.points:
                raise Unread("high", str(asked.points))
            with_it = {**choice, str(place): points}
            return replace(draft, choice=_sorted(with_it), seen=tuple(sorted({*draft.seen, place})))
        case _:
            return Draft(choice=place)


def _sorted(choice: Mapping[str, int]) -> dict[str, int]:
    return {key: choice[key] for key in sorted(choice, key=int)}


def finished(asked: Asked, draft: Draft) -> Any:
    """The ballot that a paper has become. Raises Unread."""
    choice = draft.choice
    if asked.kind in ("score", "dots"):
        choice = {place: points for place, points in choice.items() if points}
    check(asked, choice)
    return choice


def dump(draft: Draft) -> dict[str, Any]:
    """The draft as JSON."""
    return {"choice": draft.choice, "equal": draft.equal, "seen": list(draft.seen)}


def load(data: Mapping[str, Any]) -> Draft:
    """The draft back from JSON."""
    return Draft(choice=data["choice"], equal=data["equal"], seen=tuple(data["seen"]))
