"""Offers and needs: what words say about them, what fits whom, and what a digest shows next."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from bot.domain.grammar import folded

Side = Literal["offer", "need"]

DAYS = 30
"""So long an offer or a need stands where nobody says otherwise."""
DAYS_MAX = 365
HELPERS_MAX = 20
DIGEST_TIMES_MAX = 2
"""So many digests running may show the same; a third does not."""
OTHER = "other"
"""What fits none of the others."""

CATEGORIES: Mapping[str, str] = {
    "repairs": "repair fix mend bike drill plumb arregl repar bici fontaner reparier reparatur fahrrad rad",
    "garden": "garden plant lawn hedge jardin huert cesped garten pflanz rasen hecke",
    "childcare": "child kid babysit niñ niñer canguro bebe kind kinder babysitt",
    "care": "visit elder hospital company acompañ cuidar visita mayores besuch pflege begleit",
    "transport": "drive driving lift ride moving transport van conducir llevar coche mudanza furgon fahren "
    "fahrt umzug auto",
    "food": "cook bake bread meal soup food cocin pan comida sopa tarta koch back brot essen suppe kuchen",
    "teaching": "teach lesson homework tutor music guitar clase enseñ deberes guitarra unterricht nachhilfe gitarre",
    "languages": "translat interpret english spanish german traduc interpret ingles español aleman übersetz dolmetsch "
    "englisch spanisch deutsch",
    "computers": "computer laptop phone internet website ordenador movil portatil handy rechner webseite drucker",
    "paperwork": "form letter tax paperwork office formular carta papeleo tramite impuesto brief steuer antrag amt",
    "household": "clean window iron laundry sew shopping limpi ventana planch coser compra putz fenster bügel nähen "
    "einkauf",
}
"""The categories that every committee begins with, and the beginnings of words that mean them, in every language."""

_WORD = re.compile(r"\w+")
_SMALL = """
    the and for with from near some help need offer who can have please
    para con por los las una uno que del mis ayuda necesito ofrezco cerca
    und für mit der die das den dem ein eine einen bei von hilfe brauche biete ich
"""
"""Words that say nothing about what is offered or needed."""


def plain(word: str) -> str:
    """A word as it is compared: without letter case and accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", folded(word)) if not unicodedata.combining(one))


def terms(words: str) -> frozenset[str]:
    """The words that say something, as they are compared."""
    found = {plain(word) for word in _WORD.findall(words)}
    return frozenset(word for word in found if len(word) > 2 and word not in _SMALL_PLAIN and not word.isdigit())


_SMALL_PLAIN = frozenset(map(plain, _SMALL.split()))
_STEMS = {category: tuple(map(plain, stems.split())) for category, stems in CATEGORIES.items()}


def category_of(words: str, among: Iterable[str]) -> str | None:
    """The one category that the words plainly mean; None: they mean none, or several alike."""
    found = terms(words)
    hits = {
        category: sum(any(_begins(word, stem) for stem in _STEMS[category]) for word in found)
        for category in among
        if category in _STEMS
    }
    most = max(hits.values(), default=0)
    best = [category for category, count in hits.items() if count == most]
    return best[0] if most and len(best) == 1 else None


def _begins(word: str, stem: str) -> bool:
    # A short beginning would mean too much: “pan” is bread, “panel” is not.
    return word == stem or word == f"{stem}s" if len(stem) < 4 else word.startswith(stem)


# --- when ------------------------------------------------------------------------------------------------------

_WEEKDAYS = {
    plain(name): day
    for day, names in enumerate(
        (
            "monday mon lunes lun montag mo",
            "tuesday tue martes mar dienstag di",
            "wednesday wed miércoles mié mittwoch mi",
            "thursday thu jueves jue donnerstag do",
            "friday fri viernes vie freitag fr",
            "saturday sat sábado sáb samstag sonnabend sa",
            "sunday sun domingo dom sonntag so",
        )
    )
    for name in names.split()
}
_AMBIGUOUS = frozenset({"mar", "mi", "do", "so", "sa", "mo", "di", "sun", "sat", "fr", "dom"})
"""Short names that are words of another kind too: a day only where a time or `until` stands beside them."""
_TODAY = {"today": 0, "hoy": 0, "heute": 0, "tomorrow": 1, "mañana": 1, "morgen": 1}
_TODAY_PLAIN = {plain(word): days for word, days in _TODAY.items()}
_MONTHS = {
    plain(name): month
    for month, names in enumerate(
        (
            "january jan enero ene januar",
            "february feb febrero februar",
            "march marzo märz",
            "april apr abril abr",
            "may mayo mai",
            "june jun junio juni",
            "july jul julio juli",
            "august aug agosto ago",
            "september sep sept septiembre",
            "october oct octubre oktober okt",
            "november nov noviembre",
            "december dec diciembre dic dezember dez",
        ),
        start=1,
    )
    for name in names.split()
}
_UNTIL = re.compile(
    r"(?:^|[\s,;])(?:until|till|by|hasta(?:\s+el)?|bis(?:\s+zum)?)\s+(?P<day>[^,;]+?)\s*[.!]?$", re.IGNORECASE
)
_TIME = re.compile(r"\b(?:[01]?\d|2[0-3])[:h.][0-5]\d\b|\b(?:[01]?\d|2[0-3])\s?(?:h|uhr|am|pm)\b", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_NUMERIC = re.compile(r"(\d{1,2})[./](\d{1,2})\.?(?:(\d{4}))?")
_SPELLED = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:de\s+)?([^\W\d]+)\.?")
_SPELLED_US = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?")
_HELPERS = re.compile(
    r"\b(\d{1,2})\s+(?:people|persons|helpers|hands|personas|manos|leute|personen|menschen|helfende)\b", re.IGNORECASE
)


def read_day(text: str, *, today: date) -> date | None:
    """A day as people write it, today or later: `fri`, `tomorrow`, `12 dec`, `12.12.`; None: it is none."""
    word = plain(text.strip().rstrip("."))
    if word in _TODAY_PLAIN:
        return today + timedelta(days=_TODAY_PLAIN[word])
    if word in _WEEKDAYS:
        return today + timedelta(days=(_WEEKDAYS[word] - today.weekday()) % 7)
    if found := _ISO.fullmatch(word):
        return _dated(int(found[1]), int(found[2]), int(found[3]), today)
    if found := _NUMERIC.fullmatch(text.strip()):
        return _dated(int(found[3]) if found[3] else None, int(found[2]), int(found[1]), today)
    if (found := _SPELLED.fullmatch(word)) and found[2] in _MONTHS:
        return _dated(None, _MONTHS[found[2]], int(found[1]), today)
    if (found := _SPELLED_US.fullmatch(word)) and found[1] in _MONTHS:
        return _dated(None, _MONTHS[found[1]], int(found[2]), today)
    return None


def _dated(year: int | None, month: int, day: int, today: date) -> date | None:
    # Without a year it is the next such day; the 29th of February may be years away.
    for candidate in (year,) if year is not None else range(today.year, today.year + 9):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a line says about an offer or a need."""

    words: str
    """Without what was only said for us: until when."""
    day: date | None
    """For a need: the day on which it is wanted."""
    until: date | None
    """The last day on which it stands, where the line says it."""
    helpers: int
    """How many people it takes."""


def read(line: str, *, today: date) -> Said:
    """Read a line such as `childcare fri 18:00 near the park, until 12 dec`. Whatever is not understood stays words."""
    words, until = " ".join(line.split()), None
    if (found := _UNTIL.search(words)) and (until := read_day(found["day"], today=today)) is not None:
        words = words[: found.start()].rstrip(" ,;") or words
    timed = _TIME.search(words) is not None
    day = None
    parts = words.split()
    for at, part in enumerate(parts):
        bare = part.strip(",;()")
        pair = " ".join(parts[at : at + 2]).strip(",;()")
        if (day := read_day(pair, today=today) if " " in pair else None) is not None:
            break
        if plain(bare) in _AMBIGUOUS and not timed:
            continue
        if (day := read_day(bare, today=today)) is not None:
            break
    many = _HELPERS.search(words)
    helpers = min(max(int(many[1]), 1), HELPERS_MAX) if many else 1
    return Said(words=words, day=day, until=until, helpers=helpers)


def last_day(side: Side, said: Said, *, today: date) -> date:
    """The last day on which it stands: what was said, for a need its day, else `DAYS`; never more than `DAYS_MAX`."""
    day = said.until or (said.day if side == "need" else None) or today + timedelta(days=DAYS)
    return min(day, today + timedelta(days=DAYS_MAX))


def reminder_day(last: date, *, today: date) -> date | None:
    """When its owner is reminded that it ends: some days before; None: it ends too soon for that."""
    stands = (last - today).days
    before = 3 if stands > 10 else 1
    return last - timedelta(days=before) if stands > 2 else None


# --- what fits -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """An open offer or need, as far as the rules look at it."""

    id: int
    member: int
    side: Side
    category: str
    words: str
    until: datetime


def found_by(query: str, words: str) -> bool:
    """Whether every word of the query begins a word of the text."""
    there = {plain(word) for word in _WORD.findall(words)}
    return all(any(word.startswith(plain(part)) for word in there) for part in _WORD.findall(query))


def closeness(one: Post, other: Post, *, terms: Callable[[str], frozenset[str]] = terms) -> int:
    """How well two fit, 0: not at all. Only an offer and a need of two people do; it is the same both ways.

    `terms`: the same that remembers, for whoever compares many.
    """
    if one.side == other.side or one.member == other.member:
        return 0
    same = one.category == other.category and one.category != OTHER
    return 2 * same + len(terms(one.words) & terms(other.words))


def fitting(mine: Iterable[Post], theirs: Iterable[Post]) -> list[Post]:
    """Which of theirs fit any of mine: the best first, then what ends first."""
    own = list(mine)
    scored = [(max((closeness(one, other) for one in own), default=0), other) for other in theirs]
    ranked = sorted((-score, post.until, post.id, post) for score, post in scored if score)  # ids differ
    return [post for *_, post in ranked]


# --- what a digest shows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How often an open offer or need was shown in digests. `last`: the number of that digest, 0: never."""

    id: int
    member: int
    last: int = 0
    running: int = 0
    """In how many of the latest digests running."""
    times: int = 0
    """In how many digests at all."""


def next_shown(posts: Sequence[Exposure], *, count: int) -> list[int]:
    """The ids that the next digest shows, at most `count`.

    Everybody gets the same room, however much they put on the board: first comes whoever was not shown for longest,
    with what of theirs was not shown for longest. Nobody has two before everybody has one, and nothing is shown more
    than `DIGEST_TIMES_MAX` times running. (Komunitin's newsletter keeps similar rules.)
    """
    lately: dict[int, int] = defaultdict(int)
    often: dict[int, int] = defaultdict(int)
    queues: dict[int, list[Exposure]] = defaultdict(list)
    for post in sorted(posts, key=lambda post: (post.last, post.times, post.id)):
        often[post.member] += post.times
        lately[post.member] = max(lately[post.member], post.last)
        if post.running < DIGEST_TIMES_MAX:
            queues[post.member].append(post)
    members = sorted(queues, key=lambda member: (lately[member], often[member], queues[member][0].id))
    chosen: list[int] = []
    for turn in range(max((len(queue) for queue in queues.values()), default=0)):
        for member in members:
            if turn < len(queues[member]) and len(chosen) < count:
                chosen.append(queues[member][turn].id)
    return chosen
