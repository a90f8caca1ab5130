"""What can be said of planning a rota, how it is read, and what became of seats by a plan. Pure rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

from bot.domain import rotation
from bot.domain.board import plain
from bot.domain.rotation import Stage, Terms

WEEKS_MAX = 8
"""So many weeks ahead there are shifts."""

Term = Literal["window", "stretch", "empowerment"]
TERMS: tuple[Term, ...] = get_args(Term)
"""What a committee can decide about its rota: how many weeks back count; how many per cent of the agreed hours are
planned at most; how many per cent of the weight of burden empowerment has."""
TERM_RANGES: Mapping[Term, range] = {
    "window": range(1, 53),
    "stretch": range(100, 301),
    "empowerment": range(1, 201),
}


class Unclear(ValueError):
    """It cannot be read. `about`: what of it; None: nothing is understood."""

    def __init__(self, about: Term | Literal["weeks"] | None = None) -> None:
        super().__init__()
        self.about = about


def term_of(terms: Terms, term: Term) -> int:
    """What is decided of a term, in weeks or per cent."""
    match term:
        case "window":
            return terms.window_days // 7
        case "stretch":
            return terms.stretch_percent
        case _:
            return terms.empowerment_percent


def with_term(terms: Terms, term: Term, number: int) -> Terms:
    """The same terms but for one."""
    match term:
        case "window":
            return replace(terms, window_days=7 * number)
        case "stretch":
            return replace(terms, stretch_percent=number)
        case _:
            return replace(terms, empowerment_percent=number)


# --- what is said ----------------------------------------------------------------------------------------------------

_WORDS: Mapping[str, str] = {
    "next": "next plan planear planifica próxima próximas próximo próximos nächste nächsten",
    "try": "try test probar prueba probier probiere probieren",
    "verify": "verify check verificar verifica comprobar prüfe prüfen nachrechnen",
    "weekly": "weekly semanal wöchentlich",
    "week": "week weeks w semana semanas woche wochen",
    "small": "the with las los el la con die der das mit for para für",
    "on": "on sí si an ein",
    "off": "off no aus nein",
}
_NEXT, _TRY, _VERIFY, _WEEKLY, _WEEK, _SMALL, _ON, _OFF = (
    frozenset(map(plain, words.split())) for words in _WORDS.values()
)
_TERM_NAMES: Mapping[Term, str] = {
    "window": "window ventana fenster zeitfenster",
    "stretch": "stretch margen spielraum",
    "empowerment": "empowerment empoderamiento enriquecimiento bestärkung",
}
_TERM_WORDS: Mapping[str, Term] = {plain(word): term for term, words in _TERM_NAMES.items() for word in words.split()}
_FIGURE = re.compile(r"(\d{1,4})(w|%)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of the rota: `next` with a number of weeks; `try` with a term and its number; `verify`; or
    `weekly`, where 1 is on and 0 off."""

    what: Literal["next", "try", "verify", "weekly"]
    number: int = 0
    term: Term = "window"


def read_wanted(words: Sequence[str]) -> Wanted:
    """What these words want: `next 8 weeks`, `8`, `try window 16 weeks`, `verify`, `weekly off`; in en, es and de.

    Raises `Unclear`.
    """
    said = [word for word in (plain(one.strip(" .,;:!?")) for one in words) if word and word not in _SMALL]
    if not said:
        raise Unclear
    first, rest = said[0], said[1:]
    if first in _VERIFY and not rest:
        return Wanted(what="verify")
    if first in _WEEKLY:
        if len(rest) == 1 and rest[0] in _ON | _OFF:
            return Wanted(what="weekly", number=int(rest[0] in _ON))
        raise Unclear
    if first in _TRY:
        term = _TERM_WORDS.get(rest[0]) if rest else None
        if term is None:
            raise Unclear
        return Wanted(what="try", term=term, number=read_term(term, rest[1:]))
    return Wanted(what="next", number=_weeks([word for word in said if word not in _NEXT]))


def _weeks(said: Sequence[str]) -> int:
    """How many weeks: `8 weeks`, `8`, `week`."""
    if len(said) == 1 and said[0] in _WEEK - {"w"}:
        return 1
    number = _number(said, _WEEK)
    if number is None:
        raise Unclear
    if not 1 <= number <= WEEKS_MAX:
        raise Unclear("weeks")
    return number


def read_term(term: Term, words: Sequence[str]) -> int:
    """The number of a term: `16 weeks`, `120%`. Raises `Unclear`."""
    said = [plain(one) for one in words]
    number = _number(said, _WEEK if term == "window" else frozenset(("%", "percent", "prozent")))
    if number is None or number not in TERM_RANGES[term]:
        raise Unclear(term)
    return number


def _number(said: Sequence[str], units: Collection[str]) -> int | None:
    """The number that is all there is, but for its unit."""
    found = _FIGURE.fullmatch(said[0]) if said else None
    if found is None or (found[2] is not None and found[2] not in units):
        return None
    rest = said[1:]
    if rest and (len(rest) > 1 or rest[0] not in units or found[2] is not None):
        return None
    return int(found[1])


# --- what becomes of seats -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """Who has a seat, and how settled that is."""

    member: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one member hears of a plan: seats that are theirs now, and seats that are not any more."""

    got: tuple[str, ...]
    lost: tuple[str, ...]


def settled(stage: Stage, day: date, *, start: date, terms: Terms) -> Stage:
    """How settled a held seat is: as its week says, and never less than it was."""
    return min(stage, rotation.stage_of(day, start=start, terms=terms), key=rotation.STAGES.index)


def news(before: Mapping[str, Had], after: Mapping[str, Had], order: Sequence[str]) -> dict[str, News]:
    """By member, what they hear: of drafts nobody hears before they are settled.

    `before`, `after`: by seat. `order`: all seats in the order in which they are told.
    """
    got: dict[str, list[str]] = {}
    lost: dict[str, list[str]] = {}
    for seat in order:
        was, now = before.get(seat), after.get(seat)
        published = was is not None and was.stage != "draft"
        if (
            now is not None
            and now.stage != "draft"
            and not (published and was is not None and was.member == now.member)
        ):
            got.setdefault(now.member, []).append(seat)
        if was is not None and published and (now is None or now.member != was.member):
            lost.setdefault(was.member, []).append(seat)
    return {
        member: News(got=tuple(got.get(member, ())), lost=tuple(lost.get(member, ())))
        for member in sorted({*got, *lost})
    }


def own_changes(
    now: Mapping[str, str], then: Mapping[str, str], member: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The seats that a member has only in the second plan, and those that they have only in the first."""
    return (
        tuple(sorted((seat for seat, who in then.items() if who == member and now.get(seat) != member), key=int)),
        tuple(sorted((seat for seat, who in now.items() if who == member and then.get(seat) != member), key=int)),
    )


def otherwise(now: Mapping[str, str], then: Mapping[str, str]) -> int:
    """How many seats have somebody else in the second plan, or somebody in one of them only."""
    return sum(now.get(seat) != then.get(seat) for seat in now.keys() | then.keys())


def counted(changes: Sequence[Mapping[str, str | None]]) -> Counter[str]:
    """How many changes there are of each kind."""
    return Counter(str(one["why"]) for one in changes)
