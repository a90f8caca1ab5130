"""What the committee shares: rooms, vehicles and tools, who has them when, and who goes first where they are scarce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import ChoiceKind, Days, Found, Kind, Note, Number, Off, Reading, Reference, Word
from bot.chat import Button, Card, Reply, Shown
from bot.dialogue import answer_button
from bot.domain import board as words_
from bot.domain import bookings as rule
from bot.domain import grammar
from bot.domain.bookings import Outcome, Span, Terms
from bot.domain.recurrence import instant
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, duration, lines
from storage import bookings, cards, entries, people
from storage.bookings import Booking, Resource
from storage.database import Reader as Reads
from storage.database import Transaction
from storage.digests import Since
from storage.people import Committee, Member

_TITLE = T("Shared things")
router = Router("bookings", title=_TITLE)

PER_PAGE = 10
TOLD_MAX = 5
DAYS_SHOWN = 7
NAME_CHARACTERS_MAX = 60
FIRM_MIN = 60
SOON = timedelta(hours=24)
_SHARED = Typed("/shared")
_BOOKINGS = Typed("/bookings")
_KINDS: Mapping[str, Text] = {"room": T("room"), "vehicle": T("vehicle"), "tool": T("tool")}
_SOME_DAY = datetime(2000, 1, 3)  # noqa: DTZ001 - a wall time
"""Whether words are a time at all does not hang on the day on which they are read."""
_MY_OWN = T("Mine")
_MINE = ("mine", "mías", "mias", "meine")


# --- what can be said --------------------------------------------------------------------------------------------


def _begins_with(name: str, said: str) -> bool:
    """Whether the words that were said begin as many words of the name."""
    letters = any(letter.isalpha() for letter in said)
    return letters and len(said.split()) <= len(name.split()) and words_.found_by(said, name)


class _ResourceKind(Kind[Resource]):
    """Something that the committee shares, by its name, the beginnings of its words, or its number."""

    expected = T("something that the committee shares ({shared} shows what there is)", shared=_SHARED)
    example: str | Text = T("hall")
    question = T("Which one?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Resource] | None:
        if reading.committee is None:
            return None
        named = [
            (one, one.name.text)
            for one in await bookings.resources(reading.tx, reading.committee.id)
            if one.name is not None
        ]
        counts = range(min(6, len(words)), 0, -1)
        said = {count: " ".join(word.text for word in words[:count]).strip(" ,;") for count in counts}
        for count in counts:
            found = [one for one, name in named if words_.plain(name) == words_.plain(said[count])]
            if found:
                return Found(found[0], count, tuple(found[1:]))
        for count in counts:
            if count > 1 and rule.read_when([word.text for word in words[count - 1 :]], now=_SOME_DAY) is not None:
                # “Sa” begins “Saal”, but before a time it is a Saturday.
                continue
            found = [one for one, name in named if _begins_with(name, said[count])]
            if count == 1 and said[1].lstrip("#").isdecimal():
                found = [one for one, _ in named if str(one.number) == said[1].lstrip("#")]
            if found:
                return Found(found[0], count, tuple(found[1:]))
        return None

    def dump(self, value: Resource) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Resource:
        found = await self.recall(data, tx, committee)
        if not found.listed:
            raise Refusal(T("That is not shared any more. {shared} shows what there is.", shared=_SHARED))
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> Resource:
        id_ = self._adapter.validate_python(data)
        found = await bookings.resource(tx, committee.id, id_) if committee is not None else None
        if found is None:
            raise Refusal(T("That is not shared any more. {shared} shows what there is.", shared=_SHARED))
        return found

    def label(self, value: Resource) -> str | Text:
        return value.called

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Resource]]:
        return [(one.called, one) for one in await bookings.resources(tx, member.committee_id)]


class _WhenKind(Kind[str]):
    """A day and a time, as they were written: which they are is seen when it is carried out."""

    expected = T("a day and a time, like {example}", example=Typed(T("sat 10:00")))
    example: str | Text = T("sat 10:00")
    question = T("When? Write the day and the time, like {example}.", example=Typed(T("sat 10:00")))
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=100)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        found = rule.read_when([word.text for word in words], now=_SOME_DAY)
        return Found(" ".join(word.text for word in words[: found[1]]), found[1]) if found is not None else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class _LengthKind(Kind[Minutes]):
    """How long: hours and minutes, or whole days."""

    expected = T("how long, like {example}", example=Typed("2h"))
    example = "2h"
    question = T("For how long? Choose, or write it, like {example}.", example=Typed("2h30"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=999 * rule.DAY)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Minutes] | None:
        texts = [word.text for word in words if word.mention is None]
        found = rule.read_days(texts) or grammar.read_duration(texts)
        if found is None:
            return None
        if not found[0]:
            raise Refusal(T("The time must be more than nothing. Write it like {example}.", example=Typed("1h30")))
        return Found(Minutes(found[0]), found[1])

    def dump(self, value: Minutes) -> int:
        return int(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Minutes:
        return Minutes(self._adapter.validate_python(data))

    def label(self, value: Minutes) -> str:
        return duration(value)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Minutes]]:
        return _LENGTHS


class _ResourceKindKind(ChoiceKind):
    """What kind of thing it is, in any of our languages."""

    question = T("What is it?")

    def __init__(self) -> None:
        labels = {"room": T("A room"), "vehicle": T("A vehicle"), "tool": T("A tool")}
        super().__init__(rule.KINDS, T("room, vehicle or tool"), "room", labels)
        self._choices |= {
            grammar.folded(word): kind
            for kind, words in {
                "room": "raum zimmer saal sala salón cuarto espacio",
                "vehicle": "fahrzeug auto rad vehículo coche bici van car bike",
                "tool": "werkzeug gerät herramienta aparato",
            }.items()
            for word in words.split()
        }


Shared = Annotated[Resource, _ResourceKind()]
When = Annotated[str, _WhenKind()]
Length = Annotated[Minutes, _LengthKind()]
_Kind = Annotated[str, _ResourceKindKind()]
_LENGTHS: Sequence[tuple[Text | str, Minutes]] = (
    *((duration(minutes), Minutes(minutes)) for minutes in (60, 120, 180, 240)),
    (T("A day"), Minutes(rule.DAY)),
    (T("3 days"), Minutes(3 * rule.DAY)),
)


async def _all(context: Context) -> list[tuple[Text | str, Resource]]:
    return [(one.called, one) for one in await bookings.resources(context.tx, context.committee.id)]


_NONE = T("The committee shares nothing yet. An organizer begins: {share}", share=Typed("/share", "room", T("hall")))
_WHICH = Asks(T("Which one?"), _all, _NONE)


# --- words that come again ---------------------------------------------------------------------------------------


def _now(context: Context | View) -> datetime:
    """The wall time."""
    return context.now.astimezone(context.committee.zone).replace(tzinfo=None)


def _when_words(context: Context | View, span: Span) -> Text:
    """From when to when; the day is said once where it is one day."""
    zone = context.committee.zone
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    if start.time() == end.time() == time():
        last = (end - timedelta(days=1)).date()
        if last == start.date():
            return T("{day}, all day", day=start.date())
        return T("{first} to {last}, all day", first=start.date(), last=last)
    if start.date() == end.date() or (end.time() == time() and (end - start) <= timedelta(days=1)):
        return T("{start} to {end}", start=span.start, end=f"{end:%H:%M}" if end.time() != time() else "24:00")
    return T("{start} to {end}", start=span.start, end=span.end)


def _length_words(minutes: int) -> Text:
    """How long something may be: in days where it is whole days."""
    if minutes % rule.DAY == 0:
        return N("{n} day", "{n} days", minutes // rule.DAY)
    return T("{time}", time=Minutes(minutes))


async def _purpose_words(tx: Reads, booking: Booking) -> Text | None:
    if booking.purpose_id is None:
        return None
    found = await bookings.purpose(tx, booking.resource.id, booking.purpose_id)
    return found.called if found is not None else None


async def _member(context: Context, id_: int) -> Member:
    member = await people.member_now(context.tx, context.committee.id, id_)
    assert member is not None
    return member


async def _own(context: Context, id_: int, *states: str) -> Booking:
    """A booking of one's own, or of somebody for whom one speaks, that still is as it was shown. Raises Refusal."""
    found = await bookings.booking(context.tx, context.committee.id, id_)
    if found is None or found.state not in states:
        raise Refusal(T("That is settled already. {bookings} shows how it stands.", bookings=_BOOKINGS), private=True)
    if found.member_id != context.member.id:
        member = await _member(context, found.member_id)
        if member.helper_id != context.member.id:
            raise Refusal(T("This is for somebody else."), private=True)
    return found


async def _tell(context: Context, booking: Booking, words: Words, buttons: Sequence[Sequence[Button]] = ()) -> None:
    """Say something about a booking to whoever made it, in private, if they are still here."""
    to = await _member(context, booking.member_id)
    if to.active:
        await context.tell(to, words, buttons=buttons, about=(booking.resource.thing,))


async def _nudge(context: Context, booking: Booking, words: Words) -> None:
    to = await _member(context, booking.member_id)
    if to.helper_id is not None:
        words = lines(T("For {name}:", name=to.name), words)
        to = await _member(context, to.helper_id)
    if to.active:
        await context.nudge(to, words, buttons=((_cancelling(booking),),), key=booking.thing)


def _cancelling(booking: Booking) -> Button:
    return Button(label=T("Cancel it"), says=cancel_booking.says(booking=booking.id))


# --- the list ----------------------------------------------------------------------------------------------------


def _name(written: str) -> str:
    """A name as it is kept. Raises Refusal."""
    name = " ".join(written.split()).strip(" .,;:")
    if not any(letter.isalpha() for letter in name):
        raise Refusal(T("What is it called? Write it like this: {example}", example=share.example))
    if len(name) > NAME_CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=NAME_CHARACTERS_MAX))
    return name


@router.command(
    "share",
    allow=Authority.ORGANIZER,
    label=T("Share something more"),
    help=T("A room, a vehicle or a tool of the committee's that can be booked."),
    sample=("room", T("hall")),
    asks={"name": Asks(T("What is it called?"))},
)
async def share(context: Context, *, kind: _Kind, name: Note) -> Reply:
    """Put it on the list. It takes no vote: what is decided together is who goes first."""
    called = _name(name)
    there = await bookings.resources(context.tx, context.committee.id)
    if len(there) >= bookings.RESOURCES_MAX:
        raise Refusal(
            T("There are {n} already. Take one off the list first: {unshare}", n=len(there), unshare=_UNSHARE)
        )
    if any(one.name is not None and words_.plain(one.name.text) == words_.plain(called) for one in there):
        raise Refusal(T("That is on the list already. {shared} shows what there is.", shared=_SHARED))
    [meant] = [one for one in rule.KINDS if one == kind]
    made, hashed = await bookings.add(context.tx, context.committee, meant, called, by=context.member, now=context.now)
    body = {"resource": made.id, "shared": True, "member": context.member.id, "words": hashed}
    await entries.append(context.tx, context.committee, "resource", body, now=context.now)
    words = lines(
        T("The committee shares: {thing}", thing=Bold(called)),
        T("Book it like this: {book}", book=Typed("/book", called, T("sat 10:00"), "2h")),
        _terms_words(made.terms),
    )
    await context.tell_group(words)
    return Reply(words, buttons=((_booking(context, made),), (_listing(),)))


_UNSHARE = Typed("/unshare", T("hall"))


def _booking(context: Context, resource: Resource) -> Button:
    """A button that begins to book something: what else is needed is asked for."""
    return Button(label=T("Book"), says=context.commands.asking(book.says(what=resource)))


def _listing() -> Button:
    return Button(label=T("All shared things"), says=shared.says())


def _terms_words(terms: Terms) -> Text:
    longest = _length_words(terms.longest)
    if terms.firm is None:
        return T(
            "For up to {longest}, up to {n} days ahead. Who comes first has it.",
            longest=longest,
            n=terms.ahead_days,
        )
    return T(
        "For up to {longest}, up to {n} days ahead. Firm {before} before it begins.",
        longest=longest,
        n=terms.ahead_days,
        before=_length_words(terms.firm),
    )


@router.entry("resource")
async def resource_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That something is shared, or not any more."""
    found = await bookings.resource(telling.tx, telling.committee.id, body["resource"])
    called = found.called if found is not None else T("(erased)")
    name = await telling.name(body["member"])
    if body["shared"]:
        return T("{name} put it on the list of shared things: {thing}.", name=name, thing=called)
    return T("{name} took it off the list of shared things: {thing}.", name=name, thing=called)


async def _unsharing(context: Context, *, what: Resource) -> Words:
    n = len(await bookings.ahead(context.tx, what, now=context.now))
    return lines(
        T("Shall {thing} not be shared any more?", thing=what.called),
        N(
            "{n} booking ends with it; I tell whoever has it.",
            "{n} bookings end with it; I tell those who have them.",
            n,
        )
        if n
        else None,
    )


@router.command(
    "unshare",
    allow=Authority.ORGANIZER,
    label=T("Share something no longer"),
    help=T("Take a shared thing off the list; whoever has booked it hears it."),
    asks={"what": _WHICH},
    confirm=_unsharing,
)
async def unshare(context: Context, *, what: Shared) -> Reply:
    """It is off the list, and so is what was booked."""
    ended = await bookings.ahead(context.tx, what, now=context.now)
    for booking in ended:
        await bookings.cancel(context.tx, booking)
        words = lines(
            T("{thing} is not shared any more.", thing=what.called),
            T("Your booking is over: {when}.", when=_when_words(context, booking.span)),
            T("{shared} shows what else there is.", shared=_SHARED),
        )
        await _tell(context, booking, words)
    called = what.called
    await bookings.unlist(context.tx, what)
    body = {"resource": what.id, "shared": False, "member": context.member.id}
    await entries.append(context.tx, context.committee, "resource", body, now=context.now)
    told = N("I have told {n} person.", "I have told {n} people.", len({one.member_id for one in ended}))
    return Reply(lines(T("{thing} is not shared any more.", thing=called), told if ended else None))


@router.command(
    "shared",
    allow=Authority.MEMBER,
    label=_TITLE,
    help=T("Rooms, vehicles and tools of the committee, and which are free now."),
    repeatable=True,
)
async def shared(context: Context) -> Reply:
    """All of them, a line each, with a button for more."""
    return await _list(context, 1)


@router.command(
    "shared_page",
    allow=Authority.MEMBER,
    typed=False,
    help=T("A page of the shared things."),
    repeatable=True,
    in_place=True,
)
async def shared_page(context: Context, *, number: Number = 1) -> Reply:
    """Another page, in place of the one whose button was pressed."""
    return await _list(context, number)


async def _list(context: Context, number: int) -> Reply:
    there = await bookings.resources(context.tx, context.committee.id)
    if not there:
        return Reply(_NONE)
    begin = (number - 1) * PER_PAGE
    page = there[begin : begin + PER_PAGE]
    told = [T("{thing}: {state}", thing=one.called, state=await _state_words(context, one)) for one in page]
    buttons = [Button(label=one.called, says=shared_thing.says(thing=one.id)) for one in page]
    ways = []
    if number > 1:
        ways.append(Button(label=T("Back"), says=shared_page.says(number=number - 1)))
    if len(there) > begin + PER_PAGE:
        ways.append(Button(label=T("More"), says=shared_page.says(number=number + 1)))
    rows = [*(tuple(buttons[at : at + 3]) for at in range(0, len(buttons), 3)), tuple(ways)]
    return Reply(
        lines(T("{title}", title=Bold(_TITLE)), *told),
        buttons=(*(row for row in rows if row), (Button(label=T("What is booked"), says=bookings_.says()),)),
    )


async def _state_words(context: Context, resource: Resource) -> Text:
    """Whether something is free now, and until when."""
    firm = [one for one in await bookings.ahead(context.tx, resource, now=context.now) if one.state == "firm"]
    current = next((one for one in firm if one.span.start <= context.now), None)
    if current is not None:
        return T("with {name} until {until}", name=current.name, until=current.span.end)
    soon = next((one for one in firm if one.span.start < context.now + timedelta(days=DAYS_SHOWN)), None)
    return T("free until {until}", until=soon.span.start) if soon is not None else T("free")


@router.command(
    "shared_thing",
    allow=Authority.MEMBER,
    typed=False,
    help=T("One of the shared things."),
    repeatable=True,
    in_place=True,
)
async def shared_thing(context: Context, *, thing: Reference) -> Reply:
    """How it may be booked, who goes first, and what is booked next."""
    found = await bookings.resource(context.tx, context.committee.id, thing)
    back = (Button(label=T("Back"), says=shared_page.says()),)
    if found is None or not found.listed:
        return Reply(T("That is not shared any more. {shared} shows what there is.", shared=_SHARED), buttons=(back,))
    order = await bookings.purposes(context.tx, found.id)
    ahead = await bookings.ahead(context.tx, found, now=context.now)
    return Reply(
        lines(
            T(
                "{thing} ({kind}): {state}",
                thing=found.called,
                kind=_KINDS[found.kind],
                state=await _state_words(context, found),
            ),
            _terms_words(found.terms),
            _order_words(tuple(one.called for one in order)) if order else None,
            *[await _line(context, one, thing=False) for one in ahead[:TOLD_MAX]],
        ),
        buttons=((_booking(context, found), Button(label=T("What is booked"), says=bookings_.says())), back),
    )


def _order_words(names: Sequence[Text | str]) -> Text:
    return T("Who goes first: {purposes}, then everything else.", purposes=Listed(tuple(names)))


# --- booking -----------------------------------------------------------------------------------------------------


@router.command(
    "book",
    allow=Authority.MEMBER,
    label=T("Book something"),
    help=T("Book a room, a vehicle or a tool of the committee's."),
    sample=(T("hall"), T("sat 10:00"), "2h"),
    asks={
        "what": _WHICH,
        "long": Asks(_LengthKind.question, instead=(T("As I wrote it"), {})),
        "purpose": Asks(T("What is it for? Write a word or two, or skip it.")),
    },
    for_others=True,
)
async def book(
    context: Context, *, what: Shared, when: When, long: Length | None = None, purpose: Note = ""
) -> Reply | Card:
    """Where it is free and firm at once, it is theirs; else it waits until the rule decides."""
    said = rule.read_when(when.split(), now=_now(context))
    if said is None:
        raise Refusal(T("I do not understand when. Write it like this: {example}", example=book.example))
    length = long or said[0].end
    if length is None:
        return await _ask_long(context, what, when, purpose)
    start = said[0].start
    span = rule.span_of(start, length, context.committee.zone)
    if span is None:
        raise Refusal(T("That ends before it begins. Write it like this: {example}", example=book.example))
    _refuse_faults(context, what, span)
    mine = await bookings.ahead_of(context.tx, context.member, now=context.now)
    own = [one for one in mine if one.member_id == context.member.id]
    if any(one.resource.id == what.id and one.span.meets(span) for one in own):
        raise Refusal(
            T("You have asked for that already. {mine} shows it.", mine=Typed("/bookings mine")), private=True
        )
    if len(own) >= bookings.OF_MEMBER_MAX:
        raise Refusal(
            T("You have {n} bookings already. Cancel one first: {unbook}", n=len(own), unbook=Typed("/unbook")),
            private=True,
        )
    there = await bookings.within(context.tx, what, span)
    if any(one.state == "firm" for one in there):
        return await _taken(context, what, span, there, purpose)
    if len(await bookings.waiting(context.tx, what)) >= bookings.WAITING_MAX:
        raise Refusal(T("Too many have asked for it already. {shared} shows what else there is.", shared=_SHARED))
    order = await bookings.purposes(context.tx, what.id)
    at, words = rule.split_purpose(purpose, [one.name.text if one.name else "" for one in order])
    made = await bookings.put(
        context.tx,
        what,
        context.member,
        span,
        purpose_id=None if at is None else order[at].id,
        words=words,
        now=context.now,
    )
    made = await _settle(context, made)
    if made.state == "lost":
        return await _lost_reply(context, made)
    return Card("booking", made.id)


def _refuse_faults(context: Context, resource: Resource, span: Span) -> None:
    terms = resource.terms
    match rule.fault(span, terms, now=context.now):
        case "over":
            raise Refusal(T("That time is over. Write a later one: {example}", example=book.example))
        case "short":
            raise Refusal(T("That is too short: {n} minutes at least.", n=rule.MINUTES_MIN))
        case "long":
            raise Refusal(
                lines(
                    T(
                        "{thing} can be had for up to {longest}.",
                        thing=resource.called,
                        longest=_length_words(terms.longest),
                    ),
                    T("The committee can change that: {command}", command=Typed("/longest", resource.called, "6h")),
                )
            )
        case "ahead":
            raise Refusal(
                T(
                    "{thing} can be booked up to {n} days ahead: from {day} on for that time.",
                    thing=resource.called,
                    n=terms.ahead_days,
                    day=(span.start - timedelta(days=terms.ahead_days)).astimezone(context.committee.zone).date(),
                )
            )


async def _ask_long(context: Context, what: Resource, when: str, purpose: str) -> Reply:
    question = context.tx.token()
    more = {"purpose": purpose} if purpose else {}
    buttons = [
        answer_button(label, book.says(what=what, when=when, long=minutes, **more), context.member, question)
        for label, minutes in _LENGTHS
        if minutes <= what.terms.longest
    ]
    return Reply(
        lines(
            T("{thing}: {when}", thing=what.called, when=when),
            T("For how long? Choose, or write it all: {example}", example=Typed("/book", what.called, when, "2h")),
        ),
        buttons=tuple(tuple(buttons[at : at + 3]) for at in range(0, len(buttons), 3)),
    )


async def _taken(context: Context, what: Resource, span: Span, there: Sequence[Booking], purpose: str) -> Reply:
    firm = next(one for one in there if one.state == "firm")
    words = T(
        "{thing} is taken: {name}, {when}.", thing=what.called, name=firm.name, when=_when_words(context, firm.span)
    )
    free, buttons = await _instead(context, what, span, purpose)
    return Reply(lines(words, free), buttons=buttons)


async def _instead(
    context: Context, what: Resource, span: Span, purpose: str = ""
) -> tuple[Text, tuple[tuple[Button, ...], ...]]:
    """What is free in place of a time, in words and as buttons that book it."""
    around = Span(span.start - timedelta(days=1), span.end + timedelta(days=16))
    taken = [one.span for one in await bookings.within(context.tx, what, around)]
    found = rule.free_instead(span, taken, context.committee.zone, terms=what.terms, now=context.now)
    if not found:
        return T("Nothing near that time is free. {bookings} shows what is booked.", bookings=_BOOKINGS), ()
    length = Minutes(_wall_minutes(context, span))
    more = {"purpose": purpose} if purpose else {}
    rows = tuple(
        (
            Button(
                label=_when_words(context, free),
                says=book.says(what=what, when=f"{start:%Y-%m-%d %H:%M}", long=length, **more),
            ),
        )
        for start, free in found
    )
    return T("Free instead:"), rows


def _wall_minutes(context: Context, span: Span) -> int:
    """How long it is, in minutes of the clock on the wall where those are whole days."""
    zone = context.committee.zone
    wall = span.end.astimezone(zone).replace(tzinfo=None) - span.start.astimezone(zone).replace(tzinfo=None)
    minutes = wall // timedelta(minutes=1)
    return minutes if minutes > 0 and minutes % rule.DAY == 0 else span.minutes


async def _settle(context: Context, booking: Booking) -> Booking:
    """Decide at once where it is firm by now; else the clock does at the cut-off."""
    at = rule.firm_at(booking.span, booking.resource.terms, now=context.now)
    if at > context.now:
        await bookings.plan(context.tx, booking, booking_firm.says(booking=booking.id), at)
        await _refresh(context, booking)
        return booking
    await _decide(context, booking)
    found = await bookings.booking(context.tx, context.committee.id, booking.id)
    assert found is not None
    return found


async def _refresh(context: Context, booking: Booking) -> None:
    """Those who are decided about together see that they are more, or fewer, now."""
    there = await bookings.waiting(context.tx, booking.resource)
    for other in rule.together(booking.request, [one.request for one in there]):
        await cards.changed(context.tx, f"booking:{other.id}")


async def _decide(context: Context, booking: Booking) -> None:
    """The rule decides between all who want the same time, directly or through others; each hears of it."""
    waiting = {one.id: one for one in await bookings.waiting(context.tx, booking.resource)}
    group = rule.together(booking.request, [one.request for one in waiting.values()])
    hull = Span(min(one.span.start for one in group), max(one.span.end for one in group))
    there = await bookings.within(context.tx, booking.resource, hull)
    taken = [one.span for one in there if one.state == "firm"]
    had = await bookings.had(context.tx, booking.resource, now=context.now)
    outcomes = rule.allot(group, had=had, taken=taken)
    decided = [
        await bookings.decide(context.tx, waiting[outcome.id], outcome)
        for outcome in sorted(outcomes, key=lambda outcome: outcome.won)
    ]
    if len(group) > 1:
        won = [outcome.id for outcome in outcomes if outcome.won]
        body = {"resource": booking.resource.id, "asked": len(group), "won": won}
        await entries.append(context.tx, context.committee, "allotted", body, now=context.now)
    for one in decided:
        if one.state == "firm":
            await _won(context, one, says_it=booking.id)
        elif not _hears_now(context, one, booking.id):
            words, buttons = await _lost_words(context, one)
            await _tell(context, one, words, buttons)


def _hears_now(context: Context, one: Booking, asked: int) -> bool:
    """Whether it is the answer to what somebody has just said."""
    return context.place is not None and one.id == asked


async def _won(context: Context, booking: Booking, *, says_it: int) -> None:
    at = rule.remind_at(booking.span, context.committee.zone, now=context.now)
    if at is not None:
        says = booking_soon.says(booking=booking.id)
        await bookings.plan(context.tx, booking, says, at, reminder=True)
    if _hears_now(context, booking, says_it):
        return
    words = lines(
        T("It is yours: {thing}, {when}.", thing=booking.resource.called, when=_when_words(context, booking.span)),
        await _why_words(context, booking) if booking.decided is not None and booking.decided.to is not None else None,
    )
    await _nudge(context, booking, words)


async def _lost_reply(context: Context, booking: Booking) -> Reply:
    words, buttons = await _lost_words(context, booking)
    return Reply(words, buttons=buttons, private=True, about=(booking.resource.thing,))


async def _lost_words(context: Context, booking: Booking) -> tuple[Words, tuple[tuple[Button, ...], ...]]:
    """Why somebody does not get it, and what is free."""
    free, buttons = await _instead(context, booking.resource, booking.span)
    words = lines(
        T(
            "You do not get it this time: {thing}, {when}.",
            thing=booking.resource.called,
            when=_when_words(context, booking.span),
        ),
        await _why_words(context, booking),
        free,
    )
    return words, buttons


async def _why_words(context: Context, booking: Booking) -> Text:
    """How the rule decided about a booking, to whoever made it."""
    outcome = booking.decided or Outcome(id=booking.id, won=False)
    other = await bookings.booking(context.tx, context.committee.id, outcome.to) if outcome.to is not None else None
    name = other.name if other is not None else T("Somebody else")
    mine, theirs = Minutes(outcome.had), Minutes(outcome.their_had)
    days = rule.HAD_WITHIN.days
    match outcome.won, outcome.by:
        case False, "purpose":
            purpose = await _purpose_words(context.tx, other) if other is not None else None
            return T(
                "{name} asked for it too, for: {purpose}. By the committee's order that goes first.",
                name=name,
                purpose=purpose or T("(erased)"),
            )
        case False, "had":
            return T(
                "{name} asked for it too. In the last {n} days {name} has had it for {theirs}, you for {mine}: whoever "
                "has had it less goes first.",
                name=name,
                n=days,
                theirs=theirs,
                mine=mine,
            )
        case False, "asked":
            return T("{name} asked for it before you; for the rest you were equal.", name=name)
        case True, "purpose":
            return T("{name} asked for it too. By the committee's order what you need it for goes first.", name=name)
        case True, "had":
            return T(
                "{name} asked for it too. In the last {n} days {name} has had it for {theirs}, you for {mine}: you go "
                "first.",
                name=name,
                n=days,
                theirs=theirs,
                mine=mine,
            )
        case True, "asked":
            return T("{name} asked for it after you; for the rest you were equal.", name=name)
        case True, _:
            return T("Nobody else asked for that time.")
        case _:
            return T("Somebody else had it already.")


@router.command(
    "booking_why", allow=Authority.MEMBER, typed=False, help=T("Why somebody has got a booking, or has not.")
)
async def booking_why(context: Context, *, booking: Reference) -> Reply:
    """Told to whoever asked for it."""
    found = await _own(context, booking, "firm", "lost")
    return Reply(await _why_words(context, found), private=True)


@router.entry("allotted")
async def allotted_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That several wanted the same, and how many got it; who they were is kept no longer than the bookings."""
    found = await bookings.resource(telling.tx, telling.committee.id, body["resource"])
    called = found.called if found is not None else T("(erased)")
    return N(
        "{n} person wanted the same time, and the rule decided: {thing}.",
        "{n} people wanted the same time, and the rule decided: {thing}.",
        body["asked"],
        thing=called,
    )


@router.command("booking_firm", allow=Authority.CLOCK, typed=False, help=T("A booking becomes firm."))
async def booking_firm(context: Context, *, booking: Reference) -> None:
    """At the cut-off the rule decides, if it was not decided with others before."""
    found = await bookings.booking(context.tx, context.committee.id, booking)
    if found is not None and found.state == "waiting":
        await _decide(context, found)


@router.command("booking_soon", allow=Authority.CLOCK, typed=False, help=T("Something that is booked begins soon."))
async def booking_soon(context: Context, *, booking: Reference) -> None:
    """A reminder, while it can still be cancelled."""
    found = await bookings.booking(context.tx, context.committee.id, booking)
    if found is not None and found.state == "firm" and found.span.start > context.now:
        words = lines(
            T("You have booked: {thing}, {when}.", thing=found.resource.called, when=_when_words(context, found.span)),
            T("If you do not need it, cancel it: somebody else may."),
        )
        await _nudge(context, found, words)


# --- the card ----------------------------------------------------------------------------------------------------


@router.card("booking")
async def booking_card(view: View, ref: int) -> Shown | None:
    """Who has booked what; why somebody has not got it is told to them alone."""
    found = await bookings.booking(view.tx, view.committee.id, ref)
    if found is None:
        return None
    words, buttons = await _shown(view, found)
    return Shown(words, buttons=buttons)


async def _shown(view: Context | View, booking: Booking) -> tuple[Words, tuple[tuple[Button, ...], ...]]:
    tx, name = view.tx, booking.name
    told: list[Words] = [
        T("{thing}: {when}", thing=Bold(booking.resource.called), when=_when_words(view, booking.span))
    ]
    purpose = await _purpose_words(tx, booking)
    words = await bookings.words(tx, booking)
    rows: list[tuple[Button, ...]] = []
    listing = Button(label=T("What is booked"), says=bookings_.says())
    contested = booking.decided is not None and (not booking.decided.won or booking.decided.to is not None)
    why = (Button(label=T("Why?"), says=booking_why.says(booking=booking.id)),) if contested else ()
    match booking.state:
        case "firm":
            told.append(
                T("Booked by {name}, for: {purpose}.", name=name, purpose=purpose)
                if purpose is not None
                else T("Booked by {name}.", name=name)
            )
            rows.append((_cancelling(booking), *why, listing))
        case "waiting":
            told.append(
                T("Asked for by {name}, for: {purpose}.", name=name, purpose=purpose)
                if purpose is not None
                else T("Asked for by {name}.", name=name)
            )
            told.append(await _waiting_words(view, booking))
            if purpose is None:
                order = await bookings.purposes(tx, booking.resource.id)
                buttons = [
                    Button(label=one.called, says=booking_for.says(booking=booking.id, purpose=one.id)) for one in order
                ]
                rows += [tuple(buttons[at : at + 3]) for at in range(0, len(buttons), 3)]
                told += [T("What is it for? {name} can say it by a button.", name=name)] if order else []
            rows.append((_cancelling(booking), listing))
        case "lost":
            told.append(T("Somebody else has that time. I have told {name} why.", name=name))
            rows.append((*why, listing))
        case _:
            told.append(T("Not booked any more."))
    if words is not None and booking.state in bookings.ALIVE:
        told.append(T("“{note}”", note=words))
    return lines(*told), tuple(rows)


async def _waiting_words(view: Context | View, booking: Booking) -> Text:
    """When it is decided, which is at the first cut-off of all who are decided about together."""
    waiting = await bookings.waiting(view.tx, booking.resource)
    group = rule.together(booking.request, [one.request for one in waiting])
    at = min(one.span.start for one in group) - timedelta(minutes=booking.resource.terms.firm or 0)
    n = sum(one.id != booking.id and one.span.meets(booking.span) for one in group)
    if n:
        return N(
            "{n} more wants that time. By the committee's rule it is decided on {at}.",
            "{n} more want that time. By the committee's rule it is decided on {at}.",
            n,
            at=at,
        )
    return T("Firm on {at}, if until then nobody asks for it who goes first.", at=at)


@router.command("booking_for", allow=Authority.MEMBER, typed=False, help=T("What a booking is for."))
async def booking_for(context: Context, *, booking: Reference, purpose: Reference) -> Reply | None:
    """While it waits, whoever asked says what for."""
    found = await _own(context, booking, "waiting")
    order = await bookings.purposes(context.tx, found.resource.id)
    if purpose not in {one.id for one in order}:
        raise Refusal(T("That is settled already. {bookings} shows how it stands.", bookings=_BOOKINGS), private=True)
    found = await bookings.set_purpose(context.tx, found, purpose)
    if await cards.is_shown(context.tx, found.thing):
        return None
    words, buttons = await _shown(context, found)
    return Reply(words, buttons=buttons)


# --- what is booked ----------------------------------------------------------------------------------------------


@router.command(
    "bookings",
    allow=Authority.MEMBER,
    label=T("What is booked"),
    help=T("What is booked in the next days; of one thing, or yours: {mine}.", mine=Typed("/bookings mine")),
    sample=(T("hall"),),
    repeatable=True,
)
async def bookings_(context: Context, *, words: Note = "") -> Reply:
    """The next seven days, or one's own."""
    return await _booked_page(context, words, 1)


@router.command(
    "bookings_page", allow=Authority.MEMBER, typed=False, help=T("Other days."), repeatable=True, in_place=True
)
async def bookings_page(context: Context, *, words: Note = "", number: Number = 1) -> Reply:
    """Other days, in place of those whose button was pressed."""
    return await _booked_page(context, words, number)


async def _booked_page(context: Context, words: str, number: int) -> Reply:
    if words.casefold() in _MINE:
        return await _my_page(context)
    number = min(number, rule.AHEAD_MAX // DAYS_SHOWN + 2)
    first = _now(context).date() + timedelta(days=(number - 1) * DAYS_SHOWN)
    span = Span(
        instant(datetime.combine(first, time()), context.committee.zone),
        instant(datetime.combine(first + timedelta(days=DAYS_SHOWN), time()), context.committee.zone),
    )
    found = await bookings.all_within(context.tx, context.committee.id, span)
    found = [one for one in found if one.span.end > context.now]
    if words:
        found = [one for one in found if one.resource.name and words_.found_by(words, one.resource.name.text)]
    told = [await _line(context, one) for one in found[: 2 * PER_PAGE]]
    more = len(found) - len(told)
    title = T("From {first} to {last}", first=first, last=first + timedelta(days=DAYS_SHOWN - 1))
    here = {"words": words} if words else {}
    ways = [Button(label=T("Later"), says=bookings_page.says(**here, number=number + 1))]
    if number > 1:
        ways.insert(0, Button(label=T("Back"), says=bookings_page.says(**here, number=number - 1)))
    return Reply(
        lines(
            T("{title}", title=Bold(title)),
            *(told or [T("Nothing is booked. Book something: {book}", book=book.example)]),
            T("… and {n} more.", n=more) if more > 0 else None,
        ),
        buttons=(tuple(ways), (Button(label=_MY_OWN, says=bookings_page.says(words="mine")), _listing())),
    )


async def _line(context: Context, booking: Booking, *, thing: bool = True) -> Text:
    """When, what, who, what for; and whether it is only asked for."""
    when = _when_words(context, booking.span)
    purpose = await _purpose_words(context.tx, booking)
    who = T("{name}, {purpose}", name=booking.name, purpose=purpose) if purpose is not None else booking.name
    if booking.state == "waiting":
        who = T("{who}: not firm yet", who=who)
    if thing:
        return T("{when}: {thing} ({who})", when=when, thing=booking.resource.called, who=who)
    return T("{when} ({who})", when=when, who=who)


async def _my_page(context: Context) -> Reply:
    mine = await bookings.ahead_of(context.tx, context.member, now=context.now)
    told = [await _line(context, one) for one in mine[:PER_PAGE]]
    buttons = [
        (
            Button(
                label=T("Cancel: {thing}, {when}", thing=one.resource.called, when=_when_words(context, one.span)),
                says=cancel_booking.says(booking=one.id),
            ),
        )
        for one in mine[:PER_PAGE]
    ]
    return Reply(
        lines(
            T("{title}", title=Bold(_MY_OWN)),
            *(told or [T("You have booked nothing. Book something: {book}", book=book.example)]),
        ),
        buttons=(*buttons, (Button(label=T("What is booked"), says=bookings_page.says()),)),
        private=True,
    )


# --- cancelling --------------------------------------------------------------------------------------------------


async def _to_cancel(context: Context) -> list[tuple[Text | str, str]]:
    mine = await bookings.ahead_of(context.tx, context.member, now=context.now)
    zone = context.committee.zone
    return [
        (
            T("{thing}, {when}", thing=one.resource.called, when=_when_words(context, one.span)),
            f"{_spelled(one)} {one.span.start.astimezone(zone):%Y-%m-%d %H:%M}",
        )
        for one in mine
    ]


def _spelled(booking: Booking) -> str:
    return booking.resource.name.text if booking.resource.name is not None else ""


_NOTHING = T("You have booked nothing of that kind. {mine} shows what is yours.", mine=Typed("/bookings mine"))


@router.command(
    "unbook",
    allow=Authority.MEMBER,
    label=T("Cancel a booking"),
    help=T("Cancel what you have booked, or asked for."),
    sample=(T("hall"),),
    asks={"what": Asks(T("Which one?"), _to_cancel, _NOTHING)},
    for_others=True,
)
async def unbook(context: Context, *, what: Note) -> Reply | None:
    """By the thing's name, with the day where there are several."""
    mine = await bookings.ahead_of(context.tx, context.member, now=context.now)
    found = _meant(context, mine, what.split())
    if not found:
        raise Refusal(_NOTHING, private=True)
    if len(found) > 1:
        question = context.tx.token()
        buttons = [
            answer_button(_when_words(context, one.span), cancel_booking.says(booking=one.id), context.member, question)
            for one in found[:PER_PAGE]
        ]
        return Reply(T("Which one?"), buttons=tuple((button,) for button in buttons), private=True)
    return await _cancel(context, found[0])


def _meant(context: Context, mine: Sequence[Booking], words: Sequence[str]) -> list[Booking]:
    """Those of one's own bookings that a name, a time, or both of them mean."""
    for count in range(len(words) + 1):
        name, rest = " ".join(words[:count]), words[count:]
        when = rule.read_when(rest, now=_now(context)) if rest else None
        day = words_.read_day(" ".join(rest), today=_now(context).date()) if rest else None
        if rest and (when is None or when[1] != len(rest)) and day is None:
            continue
        found = [
            one
            for one in mine
            if (not name or words_.found_by(name, _spelled(one))) and _begins(context, one, when, day)
        ]
        if found and (name or rest):
            return found
    return []


def _begins(context: Context, booking: Booking, when: tuple[rule.When, int] | None, day: Any) -> bool:
    start = booking.span.start.astimezone(context.committee.zone).replace(tzinfo=None)
    if when is not None:
        return start == when[0].start
    return day is None or start.date() == day


@router.command("cancel_booking", allow=Authority.MEMBER, typed=False, help=T("Cancel a booking."))
async def cancel_booking(context: Context, *, booking: Reference) -> Reply | None:
    """Pressed on its card."""
    return await _cancel(context, await _own(context, booking, *bookings.ALIVE))


async def _cancel(context: Context, booking: Booking) -> Reply | None:
    if booking.span.end <= context.now:
        raise Refusal(T("That time is over."), private=True)
    was_firm = booking.state == "firm"
    await bookings.cancel(context.tx, booking)
    await _refresh(context, booking)
    if was_firm:
        await _tell_losers(context, booking)
    if await context.shown_there(booking.thing):
        return None
    return Reply(
        T("Cancelled: {thing}, {when}.", thing=booking.resource.called, when=_when_words(context, booking.span)),
        private=True,
    )


async def _tell_losers(context: Context, booking: Booking) -> None:
    """Whoever would have had the time hears that it is free again: who is first now has it."""
    for lost in await bookings.lost_to(context.tx, booking, now=context.now):
        there = await bookings.within(context.tx, booking.resource, lost.span)
        if any(one.state == "firm" for one in there):
            continue
        start = lost.span.start.astimezone(context.committee.zone)
        length = Minutes(_wall_minutes(context, lost.span))
        says = book.says(what=lost.resource, when=f"{start:%Y-%m-%d %H:%M}", long=length)
        words = T(
            "It is free again: {thing}, {when}. Do you want it still?",
            thing=lost.resource.called,
            when=_when_words(context, lost.span),
        )
        await _tell(context, lost, words, ((Button(label=T("Book"), says=says),),))


@router.command(
    "booker_left", allow=Authority.CLOCK, typed=False, help=T("Somebody who has booked something has left.")
)
async def booker_left(context: Context, *, who: Reference) -> None:
    """What they had booked is free for others."""
    gone = await people.member_now(context.tx, context.committee.id, who)
    if gone is None or gone.active:
        return
    for booking in await bookings.ahead_of(context.tx, gone, now=context.now):
        if booking.member_id == who and booking.span.start > context.now:
            was_firm = booking.state == "firm"
            await bookings.cancel(context.tx, booking)
            await _refresh(context, booking)
            if was_firm:
                await _tell_losers(context, booking)


# --- what the committee sets -------------------------------------------------------------------------------------


def _priorities_words(*, what: Resource, order: str) -> Text:
    names = rule.read_purposes(order)
    if not names or order.strip().casefold() == "off":
        return T("{thing}: nothing goes first; among equals, whoever has had it less.", thing=what.called)
    return T(
        "{thing}: {purposes} go first, in this order, then everything else.",
        thing=what.called,
        purposes=Listed(tuple(names)),
    )


@router.command(
    "priorities",
    allow=Authority.COMMITTEE,
    label=T("Who goes first"),
    help=T("What a shared thing is for first, where several want the same time; or {off}.", off=Typed("off")),
    sample=(T("hall"), T("assembly"), T("care"), T("other")),
    asks={
        "what": _WHICH,
        "order": Asks(
            T(
                "What goes first? Write it in order, like {example}.",
                example=Typed(T("assembly"), T("care"), T("other")),
            )
        ),
    },
    proposal=_priorities_words,
)
async def priorities(context: Context, *, what: Shared, order: Note) -> Reply:
    """From now on the rule decides by this order, also between those who wait already."""
    names = [] if order.strip().casefold() == "off" else rule.read_purposes(order)
    if len(names) > rule.PURPOSES_MAX:
        raise Refusal(T("At most {n} purposes. Everything else comes after them.", n=rule.PURPOSES_MAX))
    if any(len(name) > rule.PURPOSE_CHARACTERS_MAX for name in names):
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=rule.PURPOSE_CHARACTERS_MAX))
    if len({words_.plain(name) for name in names}) < len(names):
        raise Refusal(T("One of them stands there twice. Write each once: {example}", example=priorities.example))
    counts_later = names and what.terms.firm is None
    note = T("It counts once bookings are not firm at once: {firm}", firm=Typed("/firm", what.called, "48h"))
    now = {words_.plain(one.name.text): one.id for one in await bookings.purposes(context.tx, what.id) if one.name}
    same = {name: now[words_.plain(name)] for name in names if words_.plain(name) in now}
    hashes = await bookings.set_purposes(context.tx, what, names, same=same, by=context.of_member, now=context.now)
    ids = [one.id for one in await bookings.purposes(context.tx, what.id)]
    body = {"priorities": what.id, "order": ids, "words": hashes}
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    for one in await bookings.waiting(context.tx, what):
        await cards.changed(context.tx, one.thing)
    return Reply(lines(_priorities_words(what=what, order=order), note if counts_later else None))


@router.entry("rule", "priorities", about="rules")
async def priorities_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What goes first at a shared thing."""
    found = await bookings.resource(telling.tx, telling.committee.id, body["priorities"])
    called = found.called if found is not None else T("(erased)")
    order = [await bookings.purpose(telling.tx, body["priorities"], id_) for id_ in body["order"]]
    if not order:
        return T("{thing}: nothing goes first; among equals, whoever has had it less.", thing=called)
    names = tuple(one.called if one is not None else T("(erased)") for one in order)
    return T("{thing}: {purposes} go first, in this order, then everything else.", thing=called, purposes=Listed(names))


def _longest_words(*, what: Resource, time: Minutes) -> Text:
    return T("{thing} can be had for up to {longest}.", thing=what.called, longest=_length_words(time))


@router.command(
    "longest",
    allow=Authority.COMMITTEE,
    label=T("How long at most"),
    help=T("For how long a shared thing can be booked at most."),
    sample=(T("hall"), "4h"),
    asks={"what": _WHICH},
    proposal=_longest_words,
)
async def longest(context: Context, *, what: Shared, time: Length) -> Reply:
    """What is booked already stays as it is."""
    if not rule.MINUTES_MIN <= time <= rule.MINUTES_MAX:
        raise Refusal(
            T("From {least} to {most}.", least=Minutes(rule.MINUTES_MIN), most=_length_words(rule.MINUTES_MAX))
        )
    await _set_terms(context, what, replace(what.terms, longest=int(time)))
    return Reply(_longest_words(what=what, time=time))


def _ahead_words(*, what: Resource, days: int) -> Text:
    return N(
        "{thing} can be booked up to {n} day ahead.",
        "{thing} can be booked up to {n} days ahead.",
        days,
        thing=what.called,
    )


@router.command(
    "ahead",
    allow=Authority.COMMITTEE,
    label=T("How far ahead"),
    help=T("How far ahead a shared thing can be booked."),
    sample=(T("hall"), "60d"),
    asks={"what": _WHICH},
    proposal=_ahead_words,
)
async def ahead(context: Context, *, what: Shared, days: Days) -> Reply:
    """What is booked already stays as it is."""
    await _set_terms(context, what, replace(what.terms, ahead_days=days))
    return Reply(_ahead_words(what=what, days=days))


def _firm_words(*, what: Resource, before: Minutes | None = None, off: str = "") -> Text:
    if before is None or off:
        return T("{thing}: who comes first has it, at once.", thing=what.called)
    return T(
        "{thing}: a booking is firm {before} before it begins. Until then all who want the same time wait together.",
        thing=what.called,
        before=_length_words(before),
    )


@router.command(
    "firm",
    allow=Authority.COMMITTEE,
    label=T("When a booking is firm"),
    help=T("How long before it begins a booking is firm, so that the rule can decide; or {off}.", off=Typed("off")),
    sample=(T("hall"), "48h"),
    asks={"what": _WHICH, "before": Asks(_LengthKind.question, instead=(T("At once"), {"off": "off"}))},
    proposal=_firm_words,
)
async def firm(context: Context, *, what: Shared, before: Length | None = None, off: Off = "") -> Reply:
    """Who waits already is decided about at the new cut-off, or now."""
    if (before is None) == (not off) or (before is not None and not FIRM_MIN <= before <= rule.MINUTES_MAX):
        raise Refusal(
            T(
                "Write how long before, from {least} on, or the word off: {example} or {off}",
                least=Minutes(FIRM_MIN),
                example=firm.example,
                off=Typed("/firm", T("hall"), "off"),
            )
        )
    changed = await _set_terms(context, what, replace(what.terms, firm=None if before is None else int(before)))
    for one in await bookings.waiting(context.tx, what):
        at = rule.firm_at(one.span, changed, now=context.now)
        await bookings.plan(context.tx, one, booking_firm.says(booking=one.id), at)
        await cards.changed(context.tx, one.thing)
    return Reply(_firm_words(what=what, before=before))


async def _set_terms(context: Context, what: Resource, terms: Terms) -> Terms:
    await bookings.set_terms(context.tx, what, terms)
    body = {
        "booking_terms": what.id,
        "longest": terms.longest,
        "ahead": terms.ahead_days,
        "firm": terms.firm,
    }
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    return terms


@router.entry("rule", "booking_terms", about="rules")
async def terms_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How a shared thing can be booked."""
    found = await bookings.resource(telling.tx, telling.committee.id, body["booking_terms"])
    called = found.called if found is not None else T("(erased)")
    terms = Terms(longest=body["longest"], ahead_days=body["ahead"], firm=body["firm"])
    return T("{thing}: {terms}", thing=called, terms=_terms_words(terms))


# --- what waits, and what is new ---------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What a member has booked and begins soon."""
    todo = []
    for one in await bookings.ahead_of(context.tx, context.member, now=context.now):
        if one.state == "firm" and one.span.start - context.now <= SOON:
            words = T(
                "You have booked: {thing}, {when}.", thing=one.resource.called, when=_when_words(context, one.span)
            )
            todo.append(Todo(words=words, buttons=(_cancelling(one),)))
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """What is booked in the next days."""
    span = Span(context.now, context.now + timedelta(days=DAYS_SHOWN))
    found = await bookings.all_within(context.tx, context.committee.id, span)
    firm_ = [one for one in found if one.state == "firm"]
    if not firm_:
        return []
    told = tuple([await _line(context, one) for one in firm_[:TOLD_MAX]])
    words = T("Booked in the next days: {bookings}.", bookings=Listed(told))
    return [Todo(words=words, buttons=(Button(label=T("What is booked"), says=bookings_.says()),))]
