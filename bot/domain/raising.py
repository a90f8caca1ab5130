"""Before an alert spreads: how many one may raise, which two are one, how a committee changes a kind. Pure rules."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.domain import alarm, alertline
from bot.domain.alarm import Alarm, Kind
from bot.domain.board import plain

Held = Literal["budget", "newcomer", "stranger"]
"""Why an alert waits for an organizer: more than one person raises, or somebody whom few know yet, or no member."""

BUDGET = 3
"""So many alerts that nobody else has confirmed may somebody raise in `WITHIN`, where the committee says nothing."""
BUDGET_MAX = 50
WITHIN = timedelta(hours=24)
STRANGERS_MAX = 3
"""So many alerts of strangers come through to the organizers in `WITHIN`, and one at a time."""
ALIKE_WITHIN = timedelta(minutes=30)
AGAIN_WITHIN = timedelta(minutes=1)
"""Whoever says the same twice within this has said it once."""
HELD_AGAIN_AFTER = timedelta(minutes=10)

QUESTIONS_MAX = 3
QUESTION_CHARACTERS_MAX = 80
LABEL_CHARACTERS_MAX = 30
LABEL_WORDS_MAX = 4
KINDS_MAX = 12


def why_held(raised: Sequence[datetime], *, budget: int, newcomer: bool, member: bool, now: datetime) -> Held | None:
    """Why an alert waits for an organizer; None: it does not. `raised`: when this person raised unconfirmed ones."""
    if not member:
        return "stranger"
    if newcomer:
        return "newcomer"
    return "budget" if sum(at > now - WITHIN for at in raised) >= budget else None


# --- which two are one -------------------------------------------------------------------------------------------

_GENERIC = frozenset(
    plain(word)
    for word in (
        *("st", "str", "street", "strasse", "straße", "road", "rd", "avenue", "av", "ave", "calle", "c", "avenida"),
        *("avda", "plaza", "plaça", "platz", "square", "sq", "no", "nr", "house", "haus", "casa", "corner", "ecke"),
        *("esquina", "near", "bei", "cerca", "the", "la", "el", "los", "las", "der", "die", "das", "de", "del", "in"),
        *("at", "an", "am"),
    )
)
_TOKEN = re.compile(r"[^\W_]+")


def tokens(area: str) -> frozenset[str]:
    """What of a place tells it from others: its words without those that stand in every address, and no figures."""
    found = frozenset(map(plain, _TOKEN.findall(area)))
    telling = frozenset(word for word in found if word not in _GENERIC and not word.isdigit())
    return telling or found


def alike(one: str, other: str) -> bool:
    """Whether two places may be the same: half of what is said of the shorter one is said of the other too.

    A place that nobody has said may be any.
    """
    mine, theirs = tokens(one), tokens(other)
    if not mine or not theirs:
        return True
    return 2 * len(mine & theirs) >= min(len(mine), len(theirs))


def carried(one: Alarm, into: Alarm, *, at: datetime) -> list[tuple[str, int, dict[str, Any]]]:
    """What those who answered one alert have said, to be said of another: kinds of events, members, and data.

    What they have said of the other one already counts there.
    """
    told: list[tuple[str, int, dict[str, Any]]] = []
    for member in sorted(one.coming.keys() - into.coming.keys() - into.cannot):
        response = one.coming[member]
        if response.arrived:
            told.append(("arrived", member, {}))
        else:
            minutes = max(0, -((at - response.there_at) // timedelta(minutes=1)))
            told.append(("coming", member, {"minutes": minutes}))
        told += [("brings", member, {"what": what, "off": False}) for what in sorted(response.brings)]
    told += [("cannot", member, {}) for member in sorted(one.cannot - into.cannot - into.coming.keys())]
    return told


# --- the kinds ---------------------------------------------------------------------------------------------------

What = Literal["alone", "hours", "needs", "urgency", "severity", "ask", "drop", "back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a kind of alert. `value`: of `alone`, `hours` ... the new one; of `ask` the question, empty: none."""

    what: What
    value: Any = None


def _table(words: Mapping[str, str]) -> Mapping[str, str]:
    return {plain(word): key for key, said in words.items() for word in said.split()}


_VERBS = _table(
    {
        "alone": "alone sola solo allein",
        "hours": "hours hour horas hora stunden stunde",
        "needs": "needs need necesita hace braucht brauchen",
        "urgency": "urgency urgencia dringlichkeit",
        "severity": "severity gravedad schwere",
        "ask": "ask asks pregunta preguntar frage fragen",
        "drop": "drop quitar fuera weg streichen",
        "back": "back volver vuelve zurück zurueck",
    }
)
_VALUES: Mapping[str, Mapping[str, str]] = {
    "alone": _table(
        {
            "organizers": "organizers organizer equipo organizador organizadoras orga orga-team organisiert",
            "group": "group grupo gruppe",
            "everyone": "everyone everybody all todas todos toda alle",
        }
    ),
    "urgency": _table(
        {
            "immediate": "immediate inmediata ya sofort",
            "expected": "expected soon pronto esperada bald erwartet",
            "future": "future later futura futuro später spaeter",
        }
    ),
    "severity": _table(
        {
            "extreme": "extreme extrema extrem",
            "severe": "severe grave schwer",
            "moderate": "moderate moderada media mittel normal",
            "minor": "minor leve gering",
        }
    ),
}
_NOTHING = frozenset(map(plain, ["nothing", "nada", "nichts", "none", "off", "-"]))


def read_change(text: str) -> Change | None:
    """`alone organizers`, `hours 12`, `needs 20 people`, `ask How many police?`, `drop`, `back`; None: neither."""
    first, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    what = _VERBS.get(plain(first))
    match what:
        case "alone" | "urgency" | "severity":
            value = next((found for word in rest.split() if (found := _VALUES[what].get(plain(word)))), None)
            return None if value is None else Change(what=what, value=value)
        case "hours":
            number = rest.split()[0] if rest else ""
            most = alarm.EXPIRES_MAX // timedelta(hours=1)
            return Change(what="hours", value=int(number)) if _whole(number) and 1 <= int(number) <= most else None
        case "needs":
            return _needs(rest)
        case "ask":
            if not rest or len(rest) > QUESTION_CHARACTERS_MAX:
                return None
            return Change(what="ask", value="" if plain(rest) in _NOTHING else rest)
        case "drop" | "back":
            return Change(what=what) if not rest else None
        case _:
            return None


def _whole(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= 3


def _needs(text: str) -> Change | None:
    if plain(text) in _NOTHING:
        return Change(what="needs", value={})
    try:
        needs = alertline.read_needs(text)
    except alertline.Unclear:
        return None
    return Change(what="needs", value=needs) if needs and all(needs.values()) else None


def changed(kind: Kind, change: Change) -> Kind:
    """The kind with another value; questions, and whether it is offered, stand beside it."""
    match change.what:
        case "alone":
            return replace(kind, alone=change.value)
        case "hours":
            return replace(kind, hours=change.value)
        case "needs":
            return replace(kind, needs=change.value)
        case "urgency":
            return replace(kind, urgency=change.value)
        case "severity":
            return replace(kind, severity=change.value)
        case _:
            return kind


# --- the word that cancels ---------------------------------------------------------------------------------------


def folded_word(word: str) -> str:
    """A code word as it is compared. Letter case, accents and spaces do not count: it is written in haste."""
    return plain("".join(word.split()))


MARKS = " .,;:!?¡¿\"'“”„«»…"
"""What a telephone or somebody in haste puts around a word."""


def word_hash(word: str, salt: str) -> str:
    """What is kept of a code word."""
    said = folded_word(word).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(said, salt=salt.encode(), n=2**12, r=8, p=1, dklen=32).hex()


def is_word(said: str, *, salt: str, hashed: str) -> bool:
    """Whether it is the word, also with a dot or another mark behind it that a telephone has put there."""
    found = [hmac.compare_digest(word_hash(one, salt), hashed) for one in (said, said.strip(MARKS))]
    return any(found)
