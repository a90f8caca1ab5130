"""What a line that makes a poll says: `Where do we meet? | Library | Union hall | Park, closes fri 20:00`. Pure rules.

Words are read in English, Spanish and German. Settings stand before or after, each behind a comma, or on lines of their
own. What plainly is a setting and cannot be understood is asked back, never taken for a part of an option.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, Literal

from bot.domain import shifts
from bot.domain.board import plain, read_day
from bot.domain.bookings import read_days, read_when
from bot.domain.grammar import folded, read_duration
from bot.domain.offices import days, read_stretch
from bot.domain.processes import Method, QuorumOf, Tie
from bot.text import Refusal

QUESTION_CHARACTERS_MAX = 300
OPTION_CHARACTERS_MAX = 100
OPTIONS_MAX = 20
LINE_CHARACTERS_MAX = 4000
DAY_BEGINS, DAY_ENDS = time(9, 0), time(20, 0)
"""A day without a time: it opens in the morning and closes in the evening, when people are awake, and at home."""
DAYS_MAX = 10_000

Fault = Literal["question", "long", "one", "many", "twice", "long_option"]
Doubt = Literal["setting", "comma", "options", "end"]
"""`comma`: it may be a setting that a comma is missing before; `options`: options that no | stands between; `end`: it
shall have no end."""


class Unclear(Exception):
    """Words that set something, but not so that it can be understood; `words`: which."""

    def __init__(self, words: str, doubt: Doubt = "setting") -> None:
        super().__init__(words)
        self.words = words
        self.doubt = doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was said. `process`: by which word, None: by none. Wall times; shares as fractions."""

    process: str | None
    question: str
    options: tuple[str, ...] = ()
    method: Method | None = None
    opens: datetime | None = None
    closes: datetime | None = None
    length: timedelta | None = None
    """So long it is open, where that was said and not until when."""
    rule: str | None = None
    """It comes again by this rule (RFC 5545), for the first time when it `opens`."""
    quorum: Fraction | None = None
    quorum_of: QuorumOf | None = None
    tie: Tie | None = None
    threshold: Fraction | None = None
    seats: int | None = None
    most: int | None = None
    """So many dots, points for an option, or choices."""
    hidden: bool | None = None
    """None: as the process has it."""
    receipts: bool = False
    """Everybody gets a receipt for their ballot."""
    review_days: int | None = None
    lapse_days: int | None = None


# --- words -------------------------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


_CLOSES = _words("closes closing close ends ending cierra cierre termina acaba schließt schliesst endet ende")
_UNTIL = _words("until till by hasta bis")
_OPENS = _words("opens opening starts starting abre apertura empieza öffnet oeffnet beginnt startet")
_FROM = _words("from ab desde")
_FOR = _words("for durante lasts dauer dauert für fuer")
_IN = _words("in within en dentro innerhalb")
_QUORUM = _words("quorum quórum mindestbeteiligung")
_ACTIVE = _words("active activos activas activo aktive aktiven")
_OF_THOSE = _words("of the de los las der")
_TIES: Mapping[str, Tie] = {
    **dict.fromkeys(map(plain, ("tie open", "tie stays", "empate abierto", "gleichstand offen")), "open"),
    **dict.fromkeys(map(plain, ("tie lot", "tie by lot", "empate sorteo", "empate por sorteo")), "lot"),
    **dict.fromkeys(map(plain, ("gleichstand los", "gleichstand per los")), "lot"),
}
_THRESHOLD = _words("threshold umbral schwelle majority mayoría mehrheit")
_SEATS = _words("seats seat puestos puesto plazas plaza sitze sitz plätze platz")
_MOST = _words("dots points choices choose puntos pegatinas elegir punkte klebepunkte stimmen")
_BY_METHOD = _words("method by counted método por contado methode nach gezählt")
_EVERY = _words(
    "every each cada todos todas jeden jede jedes alle daily weekly fortnightly monthly diario semanal mensual "
    "täglich wöchentlich monatlich"
)
_FILLERS = _words(
    "on at the in within by of after a el la las los en dentro al de del para am um an der den das im innerhalb von in "
    "nach bis hasta until till this este esta proximo próxima diesen dieser kommenden nächsten"
)
_AND = _words("and y und")
_RECEIPTS = _words("receipts receipt recibos recibo quittungen quittung")
_REVIEW = _words("review revisar revisión überprüfen prüfen")
_LAPSES = _words("lapses lapse expires caduca vence verfällt erlischt")
_HIDDEN = frozenset(
    map(
        plain,
        (
            *("hidden", "secret", "names hidden", "hidden names", "secret ballot", "without names"),
            *("oculta", "oculto", "secreta", "secreto", "nombres ocultos", "sin nombres", "voto secreto"),
            *("verdeckt", "geheim", "namen verdeckt", "verdeckte namen", "ohne namen", "geheime wahl"),
        ),
    )
)
_SHOWN = frozenset(
    map(
        plain,
        (
            *("names shown", "shown names", "names", "open ballot", "with names", "open"),
            *("nombres visibles", "nombres", "voto abierto", "con nombres", "abierta"),
            *("namen sichtbar", "namen", "offene wahl", "mit namen", "offen"),
        ),
    )
)
_ENDLESS = frozenset(
    map(plain, ("no deadline", "no end", "without end", "sin plazo", "sin fin", "ohne frist", "ohne ende", "kein ende"))
)
_METHOD_NAMES: Mapping[Method, str] = {
    "plurality": "plurality pluralidad mehrheitswahl",
    "approval": "approval aprobación zustimmungswahl",
    "schulze": "schulze condorcet",
    "irv": "irv instant-runoff",
    "scottish-stv": "scottish-stv stv",
    "score": "score",
    "dots": "dots",
}
METHODS: Mapping[str, Method] = {
    plain(name): method for method, names in _METHOD_NAMES.items() for name in names.split()
}
"""How members call the methods, where they want one by name."""
_SHARES: Mapping[str, Fraction] = {
    plain(name): Fraction(share)
    for share, names in {
        "1/2": ("half", "a half", "la mitad", "mitad", "hälfte", "die hälfte", "der hälfte"),
        "2/3": ("two thirds", "dos tercios", "zwei drittel", "zweidrittel"),
        "3/4": ("three quarters", "tres cuartos", "drei viertel", "dreiviertel"),
        "1/3": ("a third", "one third", "un tercio", "ein drittel"),
        "1": ("all", "everybody", "todas", "todos", "alle"),
    }.items()
    for name in names
}
_VERBS = _CLOSES | _OPENS
_STRONG = (
    _VERBS | _UNTIL | _QUORUM | _THRESHOLD | _SEATS | _EVERY | _MOST | _FROM | _FOR | _BY_METHOD | _REVIEW | _LAPSES
)
_SURE = _CLOSES | _OPENS | _QUORUM
"""Behind a comma these always set something."""
_PERIODS = _words(
    "day days week weeks month months tonight noon hour hours minutes evening morning weekend día días semana semanas "
    "mes hora horas tarde noche tag tage tagen woche wochen monat stunde stunden abend mittag wochenende"
)
_EVENINGS: Mapping[str, str] = {
    "tonight": "today 20:00",
    "esta noche": "today 20:00",
    "heute abend": "today 20:00",
    "tomorrow evening": "tomorrow 20:00",
    "manana por la tarde": "tomorrow 20:00",
    "manana por la noche": "tomorrow 20:00",
    "morgen abend": "tomorrow 20:00",
    "a week": "7 days",
    "one week": "7 days",
    "una semana": "7 days",
    "einer woche": "7 days",
    "eine woche": "7 days",
    "a day": "1 day",
    "un dia": "1 day",
    "einem tag": "1 day",
}
_WEEKS = re.compile(r"(\d{1,2}) ?(?:w|weeks?|semanas?|wochen?)")
_MONTHS = re.compile(r"(\d|an?|one|una?|einem|einen) (?:months?|mes(?:es)?|monate?n?)")
_BULLET = re.compile(r"(?:[-*•–]|\d{1,2}[.)])\s+")
_YESTERDAY = _words("yesterday ayer gestern")
_MONTHLY = re.compile(
    r"(?:every month|each month|monthly|cada mes|todos los meses|mensual|jeden monat|monatlich)(?: (?P<rest>.+))?"
)
_PLAIN_RULES: Mapping[str, str] = {
    plain(name): rule
    for rule, names in {
        "FREQ=DAILY": "every day, each day, daily, cada día, todos los días, diario, jeden tag, täglich",
        "FREQ=WEEKLY": "every week, each week, weekly, cada semana, todas las semanas, semanal, jede woche, "
        "wöchentlich",
        "FREQ=WEEKLY;INTERVAL=2": "every two weeks, every 2 weeks, fortnightly, cada dos semanas, cada 2 semanas, "
        "alle zwei wochen, alle 2 wochen",
    }.items()
    for name in names.split(", ")
}
_DAY_OF_MONTH = re.compile(
    r"(?:(?:on|the|el|dia|am|den|on the|el dia) )?(?P<day>[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?(?: (?P<clock>.+))?"
)


# --- the line ----------------------------------------------------------------------------------------------------


def read(text: str, *, now: datetime, processes: Iterable[str]) -> Line:
    """A line. `now`: the wall time; `processes`: the words by which processes are called. Raises Unclear."""
    known = {folded(name): name for name in processes}
    found = _Found()
    segments = [(part.strip(), mark) for part, mark in _segments(text)]
    words: list[str] = []
    began, before = False, ""
    for at, (segment, mark) in enumerate(segments):
        before, alone = mark, before == "\n"
        if not began and segment:
            began = True
            segment, found.process, found.method = _process(segment, known)
            if (found.process or found.method) and not segment and mark == "\n":
                # The process stands alone on its line.
                began = False
                continue
        if at == 0 or not words:
            segment = found.before(segment)
        if alone and words and found.settings and plain(segment) in _HIDDEN | _SHOWN:
            # One setting a line.
            found.settings.append(segment)
            continue
        words.append(found.after(segment, question=not words))
        if not words[-1] and len(words) == 1 and mark == "\n":
            words.pop()
    question, *options = words or [""]
    options = found.whole([option for option in options if option])
    if len(options) > 1 and all(_BULLET.match(option) for option in options):
        options = [_BULLET.sub("", option, count=1) for option in options]
    if not options and "?" in question[:-1] and (many := _listed(question)):
        raise Unclear(" | ".join(many), "options")
    said = Line(
        process=found.process,
        method=found.method,
        question=_bare(question),
        options=tuple(_bare(option) for option in options),
    )
    return _with_all(said, found.settings, now=now)


def _segments(text: str) -> Iterator[tuple[str, str]]:
    """What stands between | and on lines of its own, and what ends it."""
    pieces = re.split(r"(\||\n)", text.replace("\r", "\n"))
    for at in range(0, len(pieces), 2):
        yield " ".join(pieces[at].split()), pieces[at + 1] if at + 1 < len(pieces) else ""


def _process(segment: str, known: Mapping[str, str]) -> tuple[str, str | None, Method | None]:
    """The process or the method that a line begins with; what is left."""
    words = segment.split()
    for count in range(min(3, len(words)), 0, -1):
        name = folded(" ".join(words[:count]).rstrip(":"))
        rest = " ".join(words[count:])
        for spelled in (name, name.replace(" ", "_"), name.replace(" ", "-")):
            if spelled in known:
                return rest, known[spelled], None
        if plain(name) in METHODS:
            return rest, None, METHODS[plain(name)]
    return segment, None, None


def _listed(question: str) -> list[str]:
    """A question and the options behind it, where commas stand between them."""
    asked, _, rest = question.partition("?")
    if "://" in rest:
        return []
    options = [part.strip(" .") for part in re.split(r",|/|;|\bor\b|\bo\b|\boder\b", rest) if part.strip(" .")]
    return [f"{asked.strip()}?", *options] if len(options) > 1 else []


def _bare(words: str) -> str:
    """Without the quotes that keep words from being taken for something else."""
    found = re.fullmatch(r"[\"“„]([^\"“”„]+)[\"”“]", words)
    return found[1].strip() if found else words


class _Found:
    """Gathers settings while a line is gone through."""

    def __init__(self) -> None:
        self.settings: list[str] = []
        self.process: str | None = None
        self.method: Method | None = None

    def before(self, segment: str) -> str:
        """Take off the settings at its beginning: `closes fri 20:00, Where do we meet?`."""
        while True:
            ends = [found for found in re.finditer(r",\s*|:\s+|[.;]\s+", segment) if found.end() < len(segment)]
            for end in ends:
                head = segment[: end.start()].strip()
                # One word alone is a setting only where another stands before it: “Open, or closed?” asks something.
                if (len(head.split()) > 1 or self.settings) and _reads(head):
                    self.settings.append(head)
                    segment = segment[end.end() :]
                    break
            else:
                return segment

    def after(self, segment: str, *, question: bool) -> str:
        """Take off the settings at its end. Raises Unclear."""
        taken: list[str] = []
        while True:
            cut = self._cut(segment)
            if cut is None:
                break
            taken.insert(0, segment[cut:].strip(" ,;.")[:LINE_CHARACTERS_MAX])
            segment = segment[:cut].rstrip(" ,;")
        self.settings += taken
        if not _quoted(segment):
            _no_comma(segment, question=question)
        return segment

    def _cut(self, segment: str) -> int | None:
        """Where the last setting behind a comma, or behind the end of a sentence, begins; 0: it is all of it."""
        starts = [0, *(found.end() for found in re.finditer(r"[,;]\s*|(?<=[?!])\s+|(?<=\D\.)\s+", segment))]
        for start in reversed(starts):
            piece = segment[start:].strip(" ,;.")
            if not piece or _quoted(segment):
                return None
            first = plain(piece.split()[0])
            if _reads(piece):
                # What is a whole segment may be an option: `until friday`, `open`. See `whole`.
                return start if start or (first in _SURE | _EVERY | _THRESHOLD and len(piece.split()) > 1) else None
            if (first in _STRONG or _is_reversed(piece)) and _looks_set(piece) and "," not in piece:
                if start or first in _VERBS:
                    raise Unclear(piece)
                return None
            if start and not re.search(r"[,;]", piece):
                # What stands last is words, so what stands before is too.
                return None
        return None

    def whole(self, options: list[str]) -> list[str]:
        """Options without the one that plainly is a setting: all the others are none."""
        odd = [option for option in options if not _quoted(option) and (_reads(option) or _until_set(option))]
        if len(odd) == 1 and len(options) > 2 and len(odd[0].split()) > 1:
            self.settings.append(odd[0])
            return [option for option in options if option is not odd[0]]
        return options


def _weak_words() -> frozenset[str]:
    return frozenset(phrase.split()[0] for phrase in _HIDDEN | _SHOWN | _ENDLESS | _SHARES.keys()) | _RECEIPTS


def _quoted(words: str) -> bool:
    return _bare(words) != words


def _until_set(piece: str) -> bool:
    """`until friday-ish`: until when, but not so that it can be understood."""
    words = piece.split()
    return plain(words[0]) in _UNTIL | _VERBS and len(words) > 1 and _is_timeish(words[1:])


def _looks_set(piece: str) -> bool:
    """Whether a piece behind a comma that begins like a setting must be one, although it cannot be understood."""
    words = piece.split()
    first, rest = plain(words[0]), words[1:]
    if first in _SURE:
        return True
    if first in _SEATS | _THRESHOLD | _MOST | _BY_METHOD:
        return any(char.isdigit() for char in "".join(rest)) and len(rest) <= 2
    return _is_timeish(rest)


def _is_timeish(words: Sequence[str]) -> bool:
    """Whether words speak of a day or a time, understood or not."""
    for word in itertools.islice(words, 4):
        bare = re.split(r"[-/~,.!?]", plain(word))[0]
        if not bare:
            continue
        if bare in _PERIODS or re.match(r"\d{1,2}([:.h]\d{2})?(h|am|pm|uhr|d|w)?$", bare):
            return True
        if len(bare) > 1 and not bare.isdigit() and read_day(bare, today=date(2026, 1, 5)) is not None:
            return True
    return False


def _no_comma(segment: str, *, question: bool) -> None:
    """Raises Unclear where something at the end may be a setting that a comma is missing before."""
    words = segment.split()
    if not words or (question and segment[-1] in "?!."):
        return
    for at in range(1, len(words)):
        first = plain(words[at])
        told = first in _VERBS or (first in _UNTIL and not question)
        if told and at + 1 < len(words) and _is_timeish(words[at + 1 :]):
            raise Unclear(" ".join(words[at:]), "comma")


def _reads(piece: str) -> bool:
    return read_settings(piece, now=_SOME_TIME) is not None


_SOME_TIME = datetime(2026, 1, 5, 10, 0)  # noqa: DTZ001 - a wall time
_SETTING_WORDS_MAX = 16


# --- settings ----------------------------------------------------------------------------------------------------


def read_settings(piece: str, *, now: datetime) -> list[dict[str, Any]] | None:
    """What a piece sets, one after the other (`opens mon 9:00 closes fri 20:00`); None: it is not all settings."""
    return _read_settings(piece.split(), now)


def _read_settings(words: list[str], now: datetime) -> list[dict[str, Any]] | None:
    if not words or len(words) > _SETTING_WORDS_MAX:
        return None
    for end in range(len(words), 0, -1):
        if end < len(words) and plain(words[end]) not in _STRONG | _weak_words() | _AND and not words[end][0].isdigit():
            continue
        one = _setting(words[:end], now)
        if one is None:
            continue
        rest = words[end:]
        if rest and plain(rest[0]) in _AND:
            rest = rest[1:]
        if not rest:
            return [one]
        others = _read_settings(rest, now)
        if others is not None:
            return [one, *others]
    return None


def _is_reversed(piece: str) -> bool:
    """`2 seats`, `2/3 majority`, `two thirds majority`: the figure first."""
    *figure, last = map(plain, piece.split()[:4])
    if not figure or last not in _SEATS | _MOST | _QUORUM | _THRESHOLD:
        return False
    return " ".join(figure) in _SHARES or (len(figure) == 1 and figure[0][0].isdigit())


def _setting(words: list[str], now: datetime) -> dict[str, Any] | None:
    """What these words set, as a field of a line and its value; None: nothing that can be understood."""
    said = " ".join(map(plain, words)).strip(" ,.;:")
    if said in _HIDDEN or said in _SHOWN:
        return {"hidden": said in _HIDDEN}
    if said in _RECEIPTS:
        return {"receipts": True}
    if said in _TIES:
        return {"tie": _TIES[said]}
    if said in ("zweidrittelmehrheit", "dreiviertelmehrheit"):
        return {"threshold": _SHARES[said.removesuffix("mehrheit")]}
    if said in _ENDLESS:
        return {"endless": " ".join(words)}
    if said in METHODS and said != "dots" and said != "score":
        return {"method": METHODS[said]}
    if _is_reversed(" ".join(words)):
        words = [words[-1], *words[:-1]]
    first, rest = plain(words[0]).rstrip(":"), words[1:]
    try:
        if first in _EVERY:
            return _every(words, now)
        if first in _QUORUM:
            return _quorum(rest)
        if first in _THRESHOLD:
            return {"threshold": read_share(rest)}
        if first in _SEATS:
            return {"seats": _number(rest)}
        if first in _REVIEW:
            return {"review_days": read_days_ahead(rest)}
        if first in _LAPSES:
            return {"lapse_days": read_days_ahead(rest)}
        if first in _MOST:
            return {"most": _number(rest)}
        if first in _BY_METHOD and rest and plain(rest[-1]) in METHODS and len(rest) <= 2:
            return {"method": METHODS[plain(rest[-1])]}
        if first in _IN:
            length = read_length(rest)
            return None if length is None else {"length": length}
        if first in _OPENS | _FROM:
            return {"opens": read_moment(rest, now=now, day_at=DAY_BEGINS)}
        if first in _CLOSES | _UNTIL | _FOR:
            length = read_length(rest)
            if length is not None:
                return {"length": length}
            return None if first in _FOR else {"closes": read_moment(rest, now=now)}
    except (ValueError, ZeroDivisionError, OverflowError):
        pass
    return None


def _quorum(words: list[str]) -> dict[str, Any]:
    """`1/2`, `half of active members`: a share, and of whom. Raises ValueError."""
    for at, word in enumerate(words):
        if plain(word).strip(".,") in _ACTIVE:
            share = [one for one in words[:at] if plain(one) not in _OF_THOSE]
            return {"quorum": read_share(share), "quorum_of": "active"}
    return {"quorum": read_share(words)}


def _number(words: list[str]) -> int:
    text = " ".join(words)
    if not re.fullmatch(r"\d{1,4}", text):
        raise ValueError("no number")
    return int(text)


def _with_all(said: Line, pieces: Sequence[str], *, now: datetime) -> Line:
    """The line with its settings: when it opens first, for what closes is after that. Raises Unclear."""
    found: list[tuple[str, dict[str, Any]]] = []
    for piece in pieces:
        settings = read_settings(piece, now=now)
        if settings is None:
            raise Unclear(piece)
        found += [(piece, setting) for setting in settings]
    kept: dict[str, Any] = {}
    begins = now
    for early in (True, False):
        for piece, first in found:
            if early != ("opens" in first or "rule" in first):
                continue
            setting = first
            if not early and "closes" in first:
                again = read_settings(piece, now=begins) or []
                setting = next((one for one in again if "closes" in one), first)
            for name, value in setting.items():
                if name == "endless":
                    raise Unclear(value, "end")
                if kept.get(name, value) != value:
                    raise Unclear(piece)
                if name == "method" and said.method not in (None, value):
                    raise Unclear(piece)
                kept[name] = value
                if name == "opens":
                    begins = max(begins, value)
    if "closes" in kept and "length" in kept:
        raise Unclear(next(piece for piece, setting in found if "length" in setting))
    return replace(said, **_monthly(kept, begins))


# --- times and shares --------------------------------------------------------------------------------------------


def read_moment(words: Sequence[str], *, now: datetime, day_at: time = DAY_ENDS) -> datetime:
    """`fri 20:00`, `friday at 8pm`, `tomorrow`, `in 3 days`: a wall time. Raises ValueError."""
    words = [word.strip(",;") for word in words]
    while words and plain(words[0]) in _FILLERS and " ".join(map(plain, words)) not in _EVENINGS:
        words = words[1:]
    said = " ".join(map(plain, words)).strip(" .")
    words = _EVENINGS.get(said, " ".join(words)).split()
    if not words:
        raise ValueError("no time")
    if said in _YESTERDAY:
        return now - timedelta(days=1)
    length = read_length(words)
    if length is not None:
        return now + length
    found = read_when(words, now=now)
    if found is not None and found[1] == len(words) and found[0].end is None:
        return found[0].start
    if len(words) > 1 and re.fullmatch(r"([6-9]|1\d|2[0-3])\.?", words[-1]):
        found = read_when([*words[:-1], f"{words[-1].rstrip('.')}:00"], now=now)
        if found is not None and found[1] == len(words) and found[0].end is None:
            return found[0].start
    day = read_day(" ".join(words), today=now.date()) or _past_day(words[0] if len(words) == 1 else "")
    if day is None:
        raise ValueError("no time")
    at = datetime.combine(day, day_at)
    if at <= now and plain(words[0]).isalpha() and len(words) == 1 and day == now.date():
        # On a Friday night “fri” is the next one; “today” is over.
        return at + timedelta(days=7) if read_day(words[0], today=day + timedelta(days=1)) == day + timedelta(7) else at
    return at


def _past_day(word: str) -> date | None:
    """A whole date, also one that is over: that is said then."""
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", word)
    if found is not None:
        return date(int(found[1]), int(found[2]), int(found[3]))
    found = re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./](\d{4})", word)
    return date(int(found[3]), int(found[2]), int(found[1])) if found is not None else None


def read_length(words: Sequence[str]) -> timedelta | None:
    """`3 days`, `in 2 weeks`, `2h`; None: it is no length of time."""
    words = list(words)
    while words and plain(words[0]) in _FILLERS and " ".join(map(plain, words)) not in _EVENINGS:
        words = words[1:]
    said = " ".join(map(plain, words)).strip(" .")
    said = _EVENINGS.get(said, said)
    if found := _WEEKS.fullmatch(said):
        return timedelta(weeks=int(found[1]))
    if found := _MONTHS.fullmatch(said):
        return timedelta(days=30 * (int(found[1]) if found[1].isdigit() else 1))
    parts = said.split()
    days = read_days(parts) if parts else None
    if days is not None and days[1] == len(parts):
        return timedelta(minutes=days[0])
    try:
        length = read_duration(parts) if parts else None
    except Refusal:
        return None
    return timedelta(minutes=length[0]) if length is not None and length[1] == len(parts) else None


DAYS_AHEAD_MAX = 3 * 366


def read_days_ahead(words: list[str]) -> int:
    """`in 60 days`, `6 months`: so many days, a month counted as 30 and a year as 365. Raises ValueError."""
    while words and plain(words[0]) in _FILLERS:
        words = words[1:]
    found = read_stretch(words)
    if found is None or found[1] != len(words) or not 1 <= days(found[0]) <= DAYS_AHEAD_MAX:
        raise ValueError("no stretch of days")
    return days(found[0])


def read_share(words: Sequence[str]) -> Fraction:
    """`1/2`, `66%`, `2 / 3`, `two thirds` as an exact fraction from 0 to 1. Raises ValueError."""
    words = list(words)
    while words and plain(words[0]) in _FILLERS and " ".join(map(plain, words)) not in _SHARES:
        words = words[1:]
    if (named := _SHARES.get(" ".join(map(plain, words)))) is not None:
        return named
    text = "".join(words).replace(",", ".")
    if not re.fullmatch(r"\d{1,4}(/\d{1,4}|(\.\d{1,4})?%?)", text):
        raise ValueError("not a share")
    found = Fraction(text.rstrip("%")) / 100 if text.endswith("%") else Fraction(text)
    if not 0 <= found <= 1:
        raise ValueError("not a share")
    return found


def _every(words: list[str], now: datetime) -> dict[str, Any] | None:
    """How often it comes again: `every month`, `every month first mon 9:00`, `monthly 15th 18:00`."""
    said = " ".join(map(plain, words)).strip(" .,")
    if said in _PLAIN_RULES:
        return {"rule": _PLAIN_RULES[said]}
    monthly = _MONTHLY.fullmatch(said)
    if monthly is not None and monthly["rest"] is None:
        return {"rule": "FREQ=MONTHLY"}
    if monthly is not None and (dated := _DAY_OF_MONTH.fullmatch(monthly["rest"])) is not None:
        clock = _clock(dated["clock"].split(), now) if dated["clock"] else DAY_BEGINS
        if clock is not None:
            rule = _on_day(int(dated["day"]))
            return {"rule": rule, "opens": _first(rule, clock, now)}
    try:
        found = shifts.read_timing(words, now=now)
    except shifts.Unclear:
        return None
    if found is None or found[1] != len(words) or found[0].rule is None:
        return None
    start = found[0].start
    if found[0].days is not None:
        # A day without a time.
        start = datetime.combine(start.date(), DAY_BEGINS)
        if start <= now:
            start = _first(found[0].rule, DAY_BEGINS, now)
    return {"rule": found[0].rule, "opens": start}


def _clock(words: list[str], now: datetime) -> time | None:
    found = read_when(words, now=now)
    return found[0].start.time() if found is not None and found[1] == len(words) and found[0].end is None else None


def _on_day(day: int) -> str:
    """On this day of every month, or on the last where there are fewer."""
    if day <= 28:
        return f"FREQ=MONTHLY;BYMONTHDAY={day}"
    return f"FREQ=MONTHLY;BYMONTHDAY={','.join(str(one) for one in range(28, day + 1))};BYSETPOS=-1"


def _first(rule: str, clock: time, now: datetime) -> datetime:
    from dateutil.rrule import rrulestr

    found = rrulestr(rule, dtstart=datetime.combine(now.date(), clock)).after(now)
    assert isinstance(found, datetime)
    return found


def _monthly(kept: dict[str, Any], begins: datetime) -> dict[str, Any]:
    """`every month` alone is on the day on which it opens first."""
    if kept.get("rule") == "FREQ=MONTHLY":
        return {**kept, "rule": _on_day(begins.day)}
    return kept


# --- what is wrong with it ---------------------------------------------------------------------------------------


def fault(said: Line, *, own: bool) -> Fault | None:
    """What is wrong with it; None: nothing. `own`: it needs options of its own."""
    if not any(char.isalnum() for char in said.question):
        return "question"
    if len(said.question) > QUESTION_CHARACTERS_MAX:
        return "long"
    return options_fault(said.options) if own else None


def options_fault(options: Sequence[str]) -> Fault | None:
    """What is wrong with the options of a poll that has its own; None: nothing."""
    if len(options) < 2:
        return "one"
    if len(options) > OPTIONS_MAX:
        return "many"
    if twice(options) is not None:
        return "twice"
    return "long_option" if any(len(option) > OPTION_CHARACTERS_MAX for option in options) else None


def twice(options: Sequence[str]) -> str | None:
    """The first option that is there before, but for letter case, accents and marks; None: there is none."""
    seen = set()
    for option in options:
        key = " ".join(plain(option).strip(" .,;:!?").split()) or option
        if key in seen:
            return option
        seen.add(key)
    return None


def _is_setting(piece: str) -> bool:
    """Whether a piece sets something, or is plainly meant to."""
    words = piece.split()
    return bool(words) and (plain(words[0]) in _SURE or _reads(piece.strip()))


def take_out(text: str, own: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The line without the settings at its end that only some kinds of polls know, and those."""
    cut = max(text.rfind("|"), text.rfind("\n")) + 1
    pieces = text[cut:].split(",")
    kept: list[str] = []
    found: list[str] = []
    while len(pieces) > 1 and (own(pieces[-1]) or _is_setting(pieces[-1])):
        piece = pieces.pop()
        (found if own(piece) else kept).insert(0, piece.strip() if own(piece) else piece)
    return text[:cut] + ",".join([*pieces, *kept]), found


def take_out_all(text: str) -> tuple[str, str]:
    """A text without the settings at its end, and those as they are written: `a | b` and `, closes fri`."""
    pieces = text.split(",")
    count = len(pieces)
    while count > 1 and _is_setting(pieces[count - 1]):
        count -= 1
    return ",".join(pieces[:count]).strip(), "".join(f",{piece}" for piece in pieces[count:])
