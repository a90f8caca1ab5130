"""The arguments of a command: how each kind is read from words, kept as JSON, and asked for."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Field, TypeAdapter

from bot.chat import DOCUMENT_CHARACTERS_MAX, Document, Mention, Saying
from bot.domain import amounts, board, grammar, history, joining, roll
from bot.domain.pollline import LINE_CHARACTERS_MAX
from bot.text import LANGUAGES, Day, Listed, Minutes, Refusal, T, Text, Typed, duration
from bot.text import Amount as Hundredths
from bot.text import Percent as Points
from storage import notes, people
from storage.database import Transaction
from storage.people import Committee, Member

V = TypeVar("V")

DAYS_MAX = 365
ZONES_OFFERED = (
    "Europe/Madrid",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/Argentina/Buenos_Aires",
)
"""What buttons offer; every other zone is written."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the line, a "quoted phrase", or a mention. `end` is where it ends in the line."""

    text: str
    start: int
    end: int
    mention: Mention | None = None


# No phrase is longer: else a line full of quotation marks that nobody closes would be searched to its end at each.
_WORD = re.compile(r'"(?P<quoted>[^"\n]{1,200})"|„(?P<low>[^“”"\n]{1,200})[“”]|“(?P<high>[^”\n]{1,200})”|(?P<bare>\S+)')


def words_of(line: str, mentions: Sequence[Mention] = (), start: int = 0) -> list[Word]:
    """The words of a line from a position on."""
    if not mentions:
        return [_word(found) for found in _WORD.finditer(line, start)]
    words: list[Word] = []
    for mention in sorted(mentions, key=lambda mention: mention.start):
        # What stands between mentions, word by word; a mention is one word, spaces and all.
        if mention.start >= start and mention.end > mention.start:
            words += [_word(found) for found in _WORD.finditer(line, start, mention.start)]
            words.append(Word(line[mention.start : mention.end], mention.start, mention.end, mention))
            start = mention.end
    return words + [_word(found) for found in _WORD.finditer(line, start)]


def _word(found: re.Match[str]) -> Word:
    return Word(found.group(found.lastindex or 0), found.start(), found.end())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading a line may look up."""

    tx: Transaction
    committee: Committee | None
    reply_to: Member | None
    line: str
    document: Document | None = None
    """The file that came with the line."""
    spoken: Callable[[Sequence[Word]], Awaitable[Saying]] | None = None
    """Reads words as a command that a helper says for somebody else. Raises Refusal, or what asks back."""


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """A value read from the first `count` words. `others`: what else they could mean; `doubt`: by which of them."""

    value: V
    count: int
    others: tuple[V, ...] = ()
    doubt: int = 0


class Kind(ABC, Generic[V]):
    """A kind of argument: how it is read from words, kept as JSON, and asked for."""

    expected: Text
    example: str | Text
    question: Text = T("What should it be?")
    """How it is asked for, step by step."""
    rest = False
    """Takes all the words that are left."""
    offered = False
    """Asked for step by step also where it can be left out."""
    written = True
    """Can be written in a line; others come from buttons alone, and no usage shows them."""
    fixed = False
    """Its words come from a list of ours, so they may stand in the books; what people word themselves may not."""
    numbered = False
    """The number of something that is there."""

    @abstractmethod
    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[V] | None:
        """The value at the beginning of the words; None: there is none. `first`: nothing before it is missing."""

    @abstractmethod
    def dump(self, value: V) -> Any:
        """The value as JSON."""

    @abstractmethod
    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> V:
        """The value back from JSON. Raises ValidationError, or Refusal where what it named is gone."""

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> V:
        """The value as it is told of later, also where nothing can be done with it any more."""
        return await self.load(data, tx, committee)

    def replied(self, member: Member) -> V | None:
        """The value where nothing is written, and the line answers what this member said; None: that says nothing."""
        return None

    def label(self, value: V) -> str | Text:
        """The value on a button, where it has to be asked back."""
        return str(value)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, V]]:
        """What buttons offer this member, best first; none: it is written."""
        return ()


class PersonKind(Kind[Member]):
    """A member of the committee."""

    expected = T("a member, like {example}", example=Typed("@ben"))
    example = "@ben"
    question = T("Who is it? Choose, or write a name.")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Member] | None:
        if reading.committee is None or not words:
            return None
        word = words[0]
        if word.mention is not None:
            found = await people.member_with_account(reading.tx, reading.committee.id, word.mention.person.user)
            if found is None:
                raise self._stranger(word.mention.person.name, reading.committee)
            return Found(found, 1)
        named = word.text.startswith("@") and len(word.text) > 1
        if not named and not first:
            return None
        text = word.text.rstrip(",;:.!?") or word.text
        members = await people.members_named(reading.tx, reading.committee.id, text)
        if not members:
            if named:
                raise self._stranger(text, reading.committee)
            return None
        return Found(members[0], 1, tuple(members[1:]))

    def _stranger(self, name: str, committee: Committee) -> Refusal:
        return Refusal(
            T(
                "Nobody in {committee} is called {name}. Ask them to type {join} in the group.",
                name=name,
                committee=committee.name,
                join=Typed("/join"),
            )
        )

    def dump(self, value: Member) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Member:
        id_ = self._adapter.validate_python(data)
        found = await people.member_now(tx, committee.id, id_) if committee else None
        if found is None or not found.active:
            raise Refusal(T("That person is not a member any more."))
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> Member:
        found = await people.member_now(tx, committee.id, self._adapter.validate_python(data)) if committee else None
        if found is None:
            raise Refusal(T("That person is not a member any more."))
        return found

    def replied(self, member: Member) -> Member | None:
        return member

    def label(self, value: Member) -> str | Text:
        if value.since is not None:
            plain = self.label(replace(value, since=None))
            return T("{label}, here since {day}", label=plain, day=Day(value.since))
        if value.helper is not None:
            if value.child:
                return T("{name}, child ({helper})", name=value.name, helper=value.helper)
            return T("{name} ({helper} speaks for them)", name=value.name, helper=value.helper)
        return f"{value.name} ({value.account})" if value.account else value.name

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Member]]:
        return [(self.label(other), other) for other in await people.others_of(tx, member)]


_BETWEEN = frozenset(("and", "y", "e", "und", "&", ","))
_BEFORE = frozenset(("for", "with", "para", "por", "a", "con", "für", "mit"))


class PeopleKind(Kind[tuple[Member, ...]]):
    """One or several members of the committee, each once: `@ben`, `@ben @chi`, `@ben and @chi`, `for @ana`."""

    expected = T("one or more members, like {example}", example=Typed("@ben @chi"))
    example = "@ben"
    question = T("Who? Choose, or write one or more names, like {example}.", example=Typed("@ben @chi"))
    _one = PersonKind()
    _adapter: TypeAdapter[list[int]] = TypeAdapter(
        Annotated[list[Annotated[int, Field(strict=True, gt=0)]], Field(min_length=1, max_length=50)]
    )

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[tuple[Member, ...]] | None:
        people_: list[Member] = []
        doubt: tuple[int, tuple[Member, ...]] | None = None
        count = at = doubtful = 0
        if len(words) > 1 and grammar.folded(words[0].text) in _BEFORE:
            behind = await self._one.read(words[1:], reading, first=True)
            first, at = (True, 1) if behind is not None else (first, 0)
        while found := await self._one.read(words[at:], reading, first=first):
            if found.others and doubt is not None:
                raise Refusal(
                    T(
                        "“{word}” fits several people, and it is not the only one. Say it more exactly: by the whole "
                        "name, a nickname or an account.",
                        word=words[at].text[:40],
                    )
                )
            if found.others:
                doubt, doubtful = (len(people_), found.others), at
            if found.value.id not in {member.id for member in people_}:
                people_.append(found.value)
            ended = words[at].text.endswith(",")
            count = at = at + found.count
            joined = at < len(words) and grammar.folded(words[at].text) in _BETWEEN
            # A bare name goes on only behind an “and” or a comma: else the words of the note would be people.
            first, at = joined or ended, at + joined
        if not people_:
            return None
        others: tuple[tuple[Member, ...], ...] = ()
        if doubt is not None:
            place, instead = doubt
            others = tuple((*people_[:place], other, *people_[place + 1 :]) for other in instead)
        return Found(tuple(people_), count, others, doubtful)

    def dump(self, value: tuple[Member, ...]) -> list[int]:
        return [member.id for member in value]

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> tuple[Member, ...]:
        return tuple([await self._one.load(id_, tx, committee) for id_ in self._adapter.validate_python(data)])

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> tuple[Member, ...]:
        return tuple([await self._one.recall(id_, tx, committee) for id_ in self._adapter.validate_python(data)])

    def replied(self, member: Member) -> tuple[Member, ...]:
        return (member,)

    def label(self, value: tuple[Member, ...]) -> str | Text:
        labels = [self._one.label(member) for member in value]
        return labels[0] if len(labels) == 1 else _row(tuple(labels))

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, tuple[Member, ...]]]:
        return [(label, (other,)) for label, other in await self._one.choices(tx, member)]


def _row(labels: tuple[str | Text, ...]) -> Text:
    return T("{names}", names=Listed(labels))


class _CandidateKind(PersonKind):
    """Somebody who may not be a member yet. Nobody can type it."""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Member] | None:
        return None

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Member:
        id_ = self._adapter.validate_python(data)
        found = await people.member_now(tx, committee.id, id_) if committee else None
        if found is None:
            raise Refusal(T("That person is not a member any more."))
        return found


class _DaysKind(Kind[int]):
    """Whole days, at least one."""

    expected = T("a number of days, like {example}", example=Typed("30d"))
    example = "30d"
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=DAYS_MAX)])
    _written = re.compile(r"([0-9]{1,4})\s*(d|w)?", re.ASCII | re.IGNORECASE)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        found = self._written.fullmatch(words[0].text) if words else None
        if found is None:
            return None
        days = int(found[1]) * (7 if (found[2] or "").lower() == "w" else 1)
        if not 1 <= days <= DAYS_MAX:
            raise Refusal(T("At least one day and at most {n}.", n=DAYS_MAX))
        return Found(days, 1)

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        return self._adapter.validate_python(data)


class _DurationKind(Kind[Minutes]):
    expected = T("an amount of time, like {example}", example=Typed("1h30"))
    example = "1h30"
    question = T("How long? Choose, or write it, like {example}.", example=Typed("1h30"))

    def __init__(
        self, *, zero: bool = False, most: int = grammar.MINUTES_MAX, offers: Sequence[int] = (30, 60, 90, 120)
    ) -> None:
        self._zero, self._most, self._offers = zero, most, offers
        least = 0 if zero else 1
        self._adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=least, le=most)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Minutes] | None:
        # Up to the next person who is named: nobody is passed over.
        plain = takewhile(lambda word: word.mention is None, words)
        found = grammar.read_duration([word.text for word in plain], zero=self._zero, most=self._most)
        return Found(*found) if found else None

    def dump(self, value: Minutes) -> int:
        return int(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Minutes:
        return Minutes(self._adapter.validate_python(data))

    def label(self, value: Minutes) -> str:
        return duration(value)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Minutes]]:
        return [(duration(minutes), Minutes(minutes)) for minutes in self._offers]


class _AmountKind(Kind[Hundredths]):
    """An amount of money, or of a local unit: whole hundredths, more than none."""

    expected = T("an amount, like {example}", example=Typed("12.50"))
    example = "12.50"
    question = T("How much? Write it, like {example}.", example=Typed("12.50"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=amounts.AMOUNT_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Hundredths] | None:
        # Up to the next person who is named: nobody is passed over.
        plain = takewhile(lambda word: word.mention is None, words)
        found = amounts.read_amount([word.text for word in plain])
        return Found(*found) if found else None

    def dump(self, value: Hundredths) -> int:
        return int(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Hundredths:
        return Hundredths(self._adapter.validate_python(data))

    def label(self, value: Hundredths) -> Text:
        return Text("{amount}", values={"amount": value})


class _PercentKind(Kind[Points]):
    """A part of something, in basis points, from none of it to all."""

    expected = T("a percentage, like {example}", example=Typed("8%"))
    example = "8%"
    question = T("How many per cent? Write it, like {example}.", example=Typed("8%"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=0, le=amounts.POINTS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Points] | None:
        # Up to the next person who is named: nobody is passed over.
        plain = takewhile(lambda word: word.mention is None, words)
        found = amounts.read_percent([word.text for word in plain])
        return Found(*found) if found else None

    def dump(self, value: Points) -> int:
        return int(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Points:
        return Points(self._adapter.validate_python(data))

    def label(self, value: Points) -> Text:
        return Text("{part}", values={"part": value})


class _MonthKind(Kind[str]):
    """A month, like `2026-11`, of what is done at its end. Nobody writes it."""

    written = False
    fixed = True
    expected = T("a month")
    example = "2026-11"
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        return None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class _NumberKind(Kind[int]):
    numbered = True
    expected = T("a number, like {example}", example=Typed("12"))
    example = "12"
    question = T("Which number? Write it as an answer, like {example}.", example=Typed("12"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(gt=0, lt=2**53)])
    _written = re.compile(r"(?:no\.?|nr\.?|n\.?º|#)?([0-9]{1,15})\.?", re.ASCII | re.IGNORECASE)
    _mark = re.compile(r"(?:no|nr|n\.?º|#)\.?", re.IGNORECASE)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        skip = 1 if len(words) > 1 and self._mark.fullmatch(words[0].text) else 0
        found = self._written.fullmatch(words[skip].text) if words else None
        return Found(int(found.group(1)), skip + 1) if found and int(found.group(1)) else None

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        return self._adapter.validate_python(data)


class _ReferenceKind(_NumberKind):
    """The id of something that a button was about. Nobody writes it."""

    written = False

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        return None


class _NoteKind(Kind[str]):
    expected = T("a few words")
    example: str | Text = T("fixed the bike")
    question = T("Write a few words as an answer.")
    rest = True
    offered = True

    def __init__(self, most: int = notes.CHARACTERS_MAX) -> None:
        self._most = most
        self._adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=most)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        if not words:
            return None
        text = reading.line[words[0].start :].strip()
        if len(text) > self._most:
            raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=self._most))
        return Found(text, len(words))

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class RollKind(Kind[roll.List]):
    """A list of people. What is kept of it holds nothing but what a row has a place for."""

    expected = T("a list: a file with this command as its caption, or the lines written under the command")
    example: str | Text = T("[a list]")
    rest = True
    _adapter = TypeAdapter(roll.List)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[roll.List] | None:
        if reading.document is not None:
            return Found(roll.read(reading.document.text), len(words))
        return Found(roll.read(reading.line[words[0].start :]), len(words)) if words else None

    def dump(self, value: roll.List) -> Any:
        return asdict(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> roll.List:
        return self._adapter.validate_python(data)


class HistoryKind(Kind[history.Sheet]):
    """A table of what was done. What is kept of it holds nothing but the columns that are read."""

    expected = T("a list: a file with this command as its caption, or the lines written under the command")
    example: str | Text = T("[a list]")
    rest = True
    _adapter = TypeAdapter(history.Sheet)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[history.Sheet] | None:
        if reading.document is not None:
            return Found(history.sheet(reading.document.text), len(words))
        return Found(history.sheet(reading.line[words[0].start :]), len(words)) if words else None

    def dump(self, value: history.Sheet) -> Any:
        return asdict(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> history.Sheet:
        return self._adapter.validate_python(data)


class TableKind(Kind[str]):
    """A list: the text of a file, or pasted lines."""

    expected = T("a list: a file with this command as its caption, or the lines written under the command")
    example: str | Text = T("[a list]")
    question = T("Send the list as an answer: a file, or the lines in one message.")
    rest = True
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=DOCUMENT_CHARACTERS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        if reading.document is not None:
            return Found(reading.document.text, len(words))
        text = reading.line[words[0].start :].strip() if words else ""
        return Found(text, len(words)) if text else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class _GroupNameKind(_NoteKind):
    expected = T("the name of a group, or its network")
    example = "Matrix"


class ChoiceKind(Kind[str]):
    """One word out of a list; what was meant may be written in any case. `labels`: how buttons call the words."""

    question = T("Which one?")
    fixed = True

    def __init__(
        self, choices: Iterable[str], expected: Text, example: str, labels: Mapping[str, Text | str] | None = None
    ) -> None:
        self._choices = {grammar.folded(choice): choice for choice in choices}
        self._labels: Mapping[str, Text | str] = labels or {choice: choice for choice in self._choices.values()}
        self.expected, self.example = expected, example

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        choice = self._choices.get(grammar.folded(words[0].text)) if words else None
        return Found(choice, 1) if choice else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if data not in self._choices.values():
            raise ValueError("not one of the choices")
        return str(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        return [(label, choice) for choice, label in self._labels.items()]


class _LanguageKind(ChoiceKind):
    """A shipped language by its code or its own name."""

    question = T("Which language?")

    def __init__(self) -> None:
        super().__init__(LANGUAGES, T("a language, like {example}", example=Typed("es")), "es", LANGUAGES)
        self._choices |= {grammar.folded(name): code for code, name in LANGUAGES.items()}


_SEASONS = tuple(datetime(year, month, 1, tzinfo=UTC) for year in range(2000, 2027) for month in (1, 7))


class _ZoneKind(Kind[ZoneInfo]):
    fixed = True
    expected = T("a time zone, like {example}", example=Typed("Europe/Madrid"))
    example = "Europe/Madrid"
    question = T("Which time zone? Choose, or write a city, like {example}.", example=Typed("Buenos Aires"))

    def _named(self, text: str) -> str | None:
        key = board.plain(text).replace(" ", "_")
        zones = available_timezones()
        exact = [zone for zone in zones if zone.casefold() == key]
        # The city alone will do: Madrid, Buenos_Aires.
        cities = [zone for zone in zones if zone.rpartition("/")[2].casefold() == key and "/" in zone]
        places = sorted(zone for zone in cities if not zone.startswith(("Etc/", "posix/", "right/")))
        # Several names can stand for one zone: America/Argentina/Buenos_Aires and America/Buenos_Aires.
        one_zone = len({tuple(at.astimezone(ZoneInfo(zone)).utcoffset() for at in _SEASONS) for zone in places}) == 1
        return exact[0] if exact else places[0] if one_zone else None

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[ZoneInfo] | None:
        for count in range(min(3, len(words)), 0, -1):
            if key := self._named(" ".join(word.text for word in words[:count])):
                return Found(ZoneInfo(key), count)
        return None

    def dump(self, value: ZoneInfo) -> str:
        return value.key

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> ZoneInfo:
        try:
            return ZoneInfo(str(data))
        except (ZoneInfoNotFoundError, OSError) as error:
            # The first is a KeyError; the second is what a part of a name gives, such as “Europe”.
            raise ValueError("not a zone") from error

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, ZoneInfo]]:
        return [(key.rpartition("/")[2].replace("_", " "), ZoneInfo(key)) for key in ZONES_OFFERED]


class _CodeKind(Kind[str]):
    expected = T("a code, like {example}", example=Typed("KQ7M-4MX9"))
    example = "KQ7M-4MX9"
    question = T("Write the code as an answer, like {example}.", example=Typed("KQ7M-4MX9"))

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        for count in (1, 2):
            if code := joining.read_code(" ".join(word.text for word in words[:count])):
                return Found(code, min(count, len(words)))
        return None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        code = joining.read_code(data) if isinstance(data, str) else None
        if code is None:
            raise ValueError("not a code")
        return code


class _SayingKind(Kind[Saying]):
    """Another command, as a button or a due row carries it. Nobody can type it."""

    expected = T("a command")
    example = ""
    _adapter = TypeAdapter(Saying)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Saying] | None:
        return None

    def dump(self, value: Saying) -> Any:
        return {"command": value.command, "version": value.version, "arguments": dict(value.arguments)}

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Saying:
        return self._adapter.validate_python(data)


class _SpokenKind(_SayingKind):
    """A command that is said for somebody else: the rest of the line."""

    expected = T("what they say, like {example}", example=Typed("/thank @ben 1h30"))
    example = "/thank @ben 1h30"
    rest = True

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Saying] | None:
        if not words:
            return None
        assert reading.spoken is not None, "only a line that somebody typed is read"
        return Found(await reading.spoken(words), len(words))


Person = Annotated[Member, PersonKind()]
"""A member: a mention, a username, a nickname, a name; or whoever wrote the message that is replied to."""
Duration = Annotated[Minutes, _DurationKind()]
Allowance = Annotated[Minutes, _DurationKind(zero=True, offers=(360, 720, 1200, 2400))]
"""An amount of time that may be none."""
Budget = Annotated[Minutes, _DurationKind(zero=True, most=10_000 * 60, offers=(360, 720, 1200, 2400))]
"""As much time as a whole committee may want."""
Amount = Annotated[Hundredths, _AmountKind()]
"""An amount of money, or of a local unit, in whole hundredths: `12`, `12.50`, `12,50`."""
Percent = Annotated[Points, _PercentKind()]
"""A part of something, in basis points: `8%`, `2.5%`, `2,5 %`."""
Month = Annotated[str, _MonthKind()]
"""The month, like `2026-11`, that the clock closes."""
People = Annotated[tuple[Member, ...], PeopleKind()]
"""One or several members: `@ben`, `@ben and @chi`, `for @ana`."""
Candidate = Annotated[Member, _CandidateKind()]
"""Somebody who asks to become a member, or was one."""
Days = Annotated[int, _DaysKind()]
"""A stretch of whole days: `30d`, `4w`, `30`."""
Number = Annotated[int, _NumberKind()]
"""The number of a thing, as its card shows it: `12`, `no. 12`, `#12`."""
Reference = Annotated[int, _ReferenceKind()]
"""The id of what a button was about: nobody writes it."""
Note = Annotated[str, _NoteKind()]
"""The rest of the line."""


def note(most: int) -> _NoteKind:
    """The rest of the line, of so many characters at most; for use in `Annotated[str, note(...)]`."""
    return _NoteKind(most)


LongNote = Annotated[str, _NoteKind(most=LINE_CHARACTERS_MAX)]
"""The rest of the line and those under it, where that is more than a note: a question with its options."""
Table = Annotated[str, TableKind()]
"""A list with one thing in each line: the file that came with the command, else the lines under it."""
GroupName = Annotated[str, _GroupNameKind()]
"""The rest of the line: how a group is called, or which network it is on."""
Language = Annotated[str, _LanguageKind()]
Zone = Annotated[ZoneInfo, _ZoneKind()]
Code = Annotated[str, _CodeKind()]
"""A one-time code: `KQ7M-4MX9`, `kq7m 4mx9`."""
Carried = Annotated[Saying, _SayingKind()]
Spoken = Annotated[Saying, _SpokenKind()]
"""The rest of the line: a command that a helper says for somebody else."""
Roll = Annotated[roll.List, RollKind()]
"""A list of people: the file that came with the command, else the lines under it."""
History = Annotated[history.Sheet, HistoryKind()]
"""A table of what was done: the file that came with the command, else the lines under it."""


def choice(*words: str, expected: Text, labels: Mapping[str, Text | str] | None = None) -> ChoiceKind:
    """A kind of argument that is one of these words; for use in `Annotated[str, choice(...)]`.

    `labels`: what stands on the buttons that offer them, instead of the words.
    """
    return ChoiceKind(words, expected, words[0], labels)


Off = Annotated[str, choice("off", expected=T("the word {example}", example=Typed("off")))]
"""The word that takes something away."""
OnOff = Annotated[
    str,
    choice(
        "on",
        "off",
        expected=T("{on} or {off}", on=Typed("on"), off=Typed("off")),
        labels={"on": T("On"), "off": T("Off")},
    ),
]
"""A switch."""
