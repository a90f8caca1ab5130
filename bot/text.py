"""Sentences as values: said once in English in the code, put into somebody's language only when shown."""

from __future__ import annotations

import functools
import gettext
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from importlib import resources
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

SOURCE_LANGUAGE = "en"
LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español", "de": "Deutsch"}
"""The shipped languages, each under its own name (so that somebody who reads no other finds it)."""


NO_BREAK = "\u00a0"
"""A space at which no line is broken."""
LABELS_CHARACTERS_MAX = 24
"""Two labels longer than this together do not fit on a button of a small phone."""


class Minutes(int):
    """An amount of time in whole minutes; shown as `1 h 30`, `2 h` or `45 min`."""


class Amount(int):
    """An amount of money, or of a local unit, in whole hundredths; shown as `12.50`, or `12,50` where that is usual."""


class Percent(int):
    """A part of something, in whole basis points (hundredths of one per cent); shown as `2.5%`, or `2,5 %`."""


@dataclass(frozen=True, slots=True)
class Text:
    """One whole sentence (or label) with named places. Make it with `T` or `N`."""

    one: str
    many: str | None = None
    n: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """Several sentences, each on a line of its own."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Bold:
    """Words that stand out: the title of a card."""

    inner: Text | str


@dataclass(frozen=True, slots=True)
class Typed:
    """Something to type. A command is written with `/`; the adapter shows it the way its network wants commands.

    Parts that are words are put into the reader's language.
    """

    parts: tuple[str | Text, ...]

    def __init__(self, *parts: str | Text) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, slots=True)
class Named:
    """A person, shown by name; networks that can will make it a mention."""

    name: str
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """Several things in a row, joined as the language does: `Ana, Ben and Chi`."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """Words that somebody wrote, and the same in other languages where they gave it: shown in the reader's."""

    text: str
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """The date of an instant, in the reader's time zone."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Soon:
    """An instant that is looked at close to it: `14:00` where that is on the same day as `now`, else with its day."""

    at: datetime
    now: datetime


Words = Text | Lines
Value = (
    str
    | int
    | Minutes
    | Amount
    | Percent
    | datetime
    | date
    | Text
    | Bold
    | Typed
    | Named
    | Listed
    | Day
    | Soon
    | Written
)


def T(text: str, /, **values: Value) -> Text:  # noqa: N802 - the field's usual short name; Babel extracts it
    """A translatable sentence. Places are `{name}`; what fills them may itself be a Text."""
    return Text(text, values=values)


def N(one: str, many: str, /, n: int, **values: Value) -> Text:  # noqa: N802
    """A translatable sentence that depends on a number, which fills `{n}`."""
    return Text(one, many, n, {"n": n, **values})


def lines(*items: Words | None) -> Lines:
    """The sentences that are there, one a line (None: left out)."""
    return Lines(tuple(item for item in items if item is not None))


class Refusal(Exception):
    """A no for a member: words that say why and what to do next. Nothing has happened.

    `private`: the words tell what is nobody else's business, so they do not go to a group.
    """

    def __init__(self, words: Words, *, private: bool = False) -> None:
        super().__init__()
        self.words = words
        self.private = private


# --- showing -------------------------------------------------------------------------------------------------

Style = Literal["", "bold", "code", "mention"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of shown words. `target` is the user id of a mention."""

    text: str
    style: Style = ""
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom words are shown: language (a shipped code), time zone, and the second language of a group."""

    language: str = SOURCE_LANGUAGE
    zone: tzinfo = ZoneInfo("UTC")
    second: str | None = None


def duration(minutes: int) -> str:
    """`1 h 30`, `2 h`, `45 min`, `0 min`; the same in every shipped language."""
    sign, minutes = ("-", -minutes) if minutes < 0 else ("", minutes)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{sign}{rest} min"
    return f"{sign}{hours} h {rest:02}" if rest else f"{sign}{hours} h"


def amount(hundredths: int, language: str = SOURCE_LANGUAGE) -> str:
    """`12.50`, in Spanish and German `12,50`: two digits, and no mark for thousands, so that it can be typed again."""
    from babel.numbers import get_decimal_symbol

    sign, hundredths = ("-", -hundredths) if hundredths < 0 else ("", hundredths)
    whole, rest = divmod(hundredths, 100)
    return f"{sign}{whole}{get_decimal_symbol(language)}{rest:02}"


def percent(points: int, language: str = SOURCE_LANGUAGE) -> str:
    """`8%`, `2.5%`, in Spanish and German `2,5 %`: no more digits than it has, so that it can be typed again."""
    from babel.numbers import get_decimal_symbol

    sign, points = ("-", -points) if points < 0 else ("", points)
    whole, rest = divmod(points, 100)
    parts = f"{get_decimal_symbol(language)}{rest:02}".rstrip("0") if rest else ""
    return f"{sign}{whole}{parts}{'' if language == SOURCE_LANGUAGE else NO_BREAK}%"


def sound(text: str) -> str:
    """Text that can be stored and sent: half of a surrogate pair, which some networks let through, becomes `?`."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def supported(language: str | None) -> str | None:
    """The shipped language for a code such as `de-AT`, or None."""
    code = (language or "").replace("_", "-").split("-")[0].lower()
    return code if code in LANGUAGES else None


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    # Babel is needed only for readers of another language than the source's.
    from babel.messages.pofile import read_po

    source = resources.files("bot") / "locale" / f"{language}.po"
    with source.open("rb") as file:
        return _Catalogue(read_po(file, locale=language))


class _Catalogue(gettext.NullTranslations):
    """The sentences of a file as they stand there: to compile them first takes twice as long as to read them."""

    def __init__(self, read: Catalog) -> None:
        super().__init__()
        self._which = gettext.c2py(read.plural_expr)
        self._sentences: dict[str, str] = {}
        self._plurals: dict[str, tuple[str, ...]] = {}
        for message in read:
            words = message.string
            if not message.id or not words or message.fuzzy:
                continue
            if isinstance(words, str):
                self._sentences[str(message.id)] = words
            elif all(words):
                self._plurals[message.id[0]] = tuple(words)

    def gettext(self, message: str) -> str:
        return self._sentences.get(message) or self.ngettext(message, message, 1)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        found = self._plurals.get(msgid1)
        return found[self._which(n)] if found is not None else super().ngettext(msgid1, msgid2, n)


@functools.lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in string.Formatter().parse(template))


def translated(text: Text, language: str) -> str:
    """The sentence in a language with its places still open."""
    catalogue = _catalogue(language)
    if text.many is None:
        return catalogue.gettext(text.one)
    return catalogue.ngettext(text.one, text.many, text.n)


def render(words: Words, reader: Reader) -> tuple[Span, ...]:
    """The words in the reader's language, as runs of one style; neighbours of one style are joined.

    For a group with two languages: in both, one after the other. A line that is the same in both is shown once.
    """
    first = _in_one(words, reader)
    if reader.second is None:
        return first
    other = replace(reader, language=reader.second, second=None)
    if isinstance(words, Lines):
        kept = Lines(tuple(item for item in words.items if _in_one(item, reader) != _in_one(item, other)))
        again = _in_one(kept, other)
    else:
        again = _in_one(words, other)
    return _joined([*first, Span("\n\n"), *again]) if again and again != first else first


def _in_one(words: Words, reader: Reader) -> tuple[Span, ...]:
    spans: list[Span] = []
    _render(words, reader, spans)
    return _joined(spans)


def plain(spans: Iterable[Span]) -> str:
    """The words alone."""
    return "".join(span.text for span in spans)


def shown(words: Words, reader: Reader) -> str:
    """The words in the reader's (first) language, without styles: for what stands inside other words, and tests."""
    return plain(_in_one(words, reader))


def label(words: Text, reader: Reader) -> str:
    """What stands on a button: in both languages of a group where that is short enough."""
    first = shown(words, reader)
    if reader.second is None:
        return first
    again = shown(words, replace(reader, language=reader.second))
    return f"{first} / {again}" if again != first and len(first) + len(again) <= LABELS_CHARACTERS_MAX else first


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if joined and joined[-1].style == span.style == "":
            joined[-1] = Span(joined[-1].text + span.text)
        else:
            joined.append(span)
    return tuple(joined)


def _render(value: Words | Value, reader: Reader, spans: list[Span]) -> None:
    match value:
        case Text():
            for literal, name in _pieces(translated(value, reader.language)):
                if literal:
                    spans.append(Span(literal))
                if name is not None:
                    _render(value.values[name], reader, spans)
        case Lines():
            for index, item in enumerate(value.items):
                if index:
                    spans.append(Span("\n"))
                _render(item, reader, spans)
        case str():
            spans.append(Span(value))
        case Bold():
            inner: list[Span] = []
            _render(value.inner, reader, inner)
            spans.append(Span(plain(inner), "bold"))
        case Typed():
            words = [part if isinstance(part, str) else shown(part, reader) for part in value.parts]
            spans.append(Span(" ".join(words), "code"))
        case Named():
            spans.append(Span(value.name, "mention", value.user) if value.user else Span(value.name))
        case Listed():
            _render_list(value, reader, spans)
        case Written():
            spans.append(Span(value.others.get(reader.language, value.text)))
        case _:
            spans.append(Span(_figure(value, reader)))


def _figure(value: int | Minutes | Amount | Percent | datetime | date | Day | Soon, reader: Reader) -> str:
    if isinstance(value, Minutes):
        return duration(value)
    if isinstance(value, Amount):
        return amount(value, reader.language)
    if isinstance(value, Percent):
        return percent(value, reader.language)
    if isinstance(value, int):
        # Most are numbers of things, which people type again: no separators.
        return str(value)
    from babel import dates

    if isinstance(value, Day):
        return dates.format_date(value.at.astimezone(reader.zone).date(), "medium", locale=reader.language)
    if isinstance(value, Soon):
        local = value.at.astimezone(reader.zone)
        if local.date() == value.now.astimezone(reader.zone).date():
            return f"{local:%H:%M}"
        value = value.at
    if isinstance(value, datetime):
        local = value.astimezone(reader.zone)
        day = dates.format_skeleton("MMMEd", local, locale=reader.language)
        return f"{day} {local:%H:%M}"
    return dates.format_date(value, "medium", locale=reader.language)


def _render_list(value: Listed, reader: Reader, spans: list[Span]) -> None:
    from babel.lists import format_list

    # The language's own joints ("a, b and c") are found with stand-ins, so that items keep their styles.
    marks = [f"\0{index}\0" for index in range(len(value.items))]
    for piece in format_list(marks, locale=reader.language).split("\0"):
        if piece.isdigit() and int(piece) < len(value.items):
            _render(value.items[int(piece)], reader, spans)
        elif piece:
            spans.append(Span(piece))
