"""Statements of one's hours, the committee's books as a file, and figures that point at nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, cast

from bot import drawing
from bot.arguments import Note, Number, Person, choice
from bot.chat import DOCUMENT_CHARACTERS_MAX, Bar, Bars, Button, Card, Chart, Document, Reply
from bot.domain import gifts as gift_rules
from bot.domain import statements, statistics
from bot.domain.statements import FORMS, Form, Period
from bot.domain.statistics import Figures, Parts
from bot.posts import called
from bot.router import Authority, Context, Router, Telling
from bot.text import LANGUAGES, Bold, Day, Listed, Minutes, N, Refusal, T, Text, Typed, Words, duration, lines, shown
from storage import entries, gifts, notes, outbox, people, transfers
from storage import statements as books
from storage.people import Member
from storage.statements import Statement
from storage.transfers import Line

router = Router("statements", title=T("Statements"))

PAGE = 8
POSTINGS_IN_CHAT_MAX = 2500
"""More do not fit into a file that the bot sends: JSON takes some 70 characters for each."""


# --- one's own statement -----------------------------------------------------------------------------------------


@router.command(
    "history",
    allow=Authority.MEMBER,
    label=T("My history"),
    help=T("What moved on your account in a month, a year or ever, also as a file; only you see it."),
    sample=("march",),
    repeatable=True,
    for_others=True,
)
async def history(context: Context, *, when: Note = "") -> Reply:
    """The newest page, or with the word csv all of it as a file."""
    await _has_account(context)
    words = when.split()
    as_file = any(word.casefold() == "csv" for word in words)
    when = " ".join(word for word in words if word.casefold() != "csv")
    return await _file(context, when) if as_file else await _page(context, when, 1)


@router.command(
    "history_page",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Another page of your history."),
    repeatable=True,
    in_place=True,
)
async def history_page(context: Context, *, number: Number, when: Note = "") -> Reply:
    """It takes the place of the one whose button was pressed."""
    return await _page(context, when, number)


async def _has_account(context: Context) -> None:
    if context.member.child:
        raise Refusal(T("Children have no hours here, so there is no statement."), private=True)


@cache
def _months() -> Mapping[str, int]:
    """The months' names in every language, long and short."""
    from babel import dates

    return {
        statements.plain(name).rstrip("."): number
        for language in LANGUAGES
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for number, name in dates.get_month_names(width, context=context, locale=language).items()
    }


def _period(context: Context, when: str) -> Period | None:
    if not when:
        return None
    today = context.now.astimezone(context.committee.zone).date()
    found = statements.period(when, today=today, months=_months())
    if found is None:
        raise Refusal(
            T(
                "I do not know which time “{when}” is. Write a month or a year: {month}, {whole} or {year}",
                when=when,
                month=Typed("/history march"),
                whole=Typed("/history march", str(today.year)),
                year=Typed("/history", str(today.year)),
            ),
            private=True,
        )
    return found


async def _read(context: Context, found: Period | None, *, skip: int = 0, limit: int = books.LINES_MAX) -> Statement:
    zone = context.committee.zone
    if found is None:
        return await books.statement(context.tx, context.member, skip=skip, limit=limit)
    return await books.statement(
        context.tx,
        context.member,
        first=datetime.combine(found.first, time(), zone),
        until=datetime.combine(found.last + timedelta(days=1), time(), zone),
        skip=skip,
        limit=limit,
    )


async def _page(context: Context, when: str, number: int) -> Reply:
    found = _period(context, when)
    read = await _read(context, found, skip=(number - 1) * PAGE, limit=PAGE)
    pages = -(-read.count // PAGE)
    told = tuple(Card("transfer", line.id).thing for line in read.lines if line.note)
    turning = [
        Button(label=label, says=history_page.says(number=to, when=when) if when else history_page.says(number=to))
        for label, to in ((T("Newer"), number - 1), (T("Older"), number + 1))
        if 1 <= to <= pages
    ]
    as_file = Button(label=T("As a file"), says=history.says(when=f"{when} csv".strip()))
    return Reply(
        lines(
            T("{title}", title=Bold(_title(context, found))),
            T("At the end: {balance}.", balance=read.closing),
            *[await _line(context, line) for line in read.lines],
            None if read.lines else T("Nothing moved.") if found is not None else _nothing_yet(),
            T("At the beginning: {balance}.", balance=read.opening) if number >= pages else None,
            T("Page {number} of {pages}", number=number, pages=pages) if pages > 1 else None,
        ),
        buttons=tuple(row for row in (tuple(turning), (as_file,) if read.count else ()) if row),
        private=True,
        about=told,
    )


def _nothing_yet() -> Text:
    return T(
        "There is nothing here yet. When somebody has helped you, type {example}.", example=Typed("/thank @ben 1h30")
    )


def _title(context: Context, found: Period | None) -> Text:
    if found is None:
        return T("Your hours in {committee}", committee=context.committee.name)
    return T(
        "Your hours in {committee}, {first} to {last}",
        committee=context.committee.name,
        first=found.first,
        last=found.last,
    )


_BESIDE: Mapping[str, tuple[Text, Text]] = {
    transfers.FUND: (T("to the common fund"), T("from the common fund")),
    transfers.RESERVE: (T("into your reserve of the mutual insurance"), T("out of the mutual insurance")),
    transfers.POOL: (T("into the income pool"), T("out of the income pool")),
}
"""How it is told what went to an account beside those of people, and what came from it."""


def _what(line: Line) -> Text:
    """What happened, from the side of whose account it is."""
    if line.reverses is not None:
        return T("takes back no. {number}", number=line.reverses)
    beside = _BESIDE.get(line.others[0]) if len(line.others) == 1 else None
    people = [name for name in line.others if name not in _BESIDE]
    if beside is not None:
        what = beside[line.minutes > 0]
    elif line.closing:
        what = T("at the month's end ({why})", why=Typed("/why", str(line.number)))
    else:
        others = Listed(tuple(transfers.called(name) for name in people))
        what = T("you helped {other}", other=others) if line.minutes > 0 else T("{other} helped you", other=others)
    return T("{what} (undone)", what=what) if line.reversed else what


async def _line(context: Context, line: Line) -> Words:
    note = await notes.written(context.tx, Card("transfer", line.id).thing) if line.note else None
    day = Day(line.at.astimezone(context.committee.zone))
    told = T("No. {number}, {day}: {what}, {time}.", number=line.number, day=day, what=_what(line), time=line.minutes)
    return T("{what} “{note}”", what=told, note=note) if note else told


async def _file(context: Context, when: str) -> Reply:
    found = _period(context, when)
    read = await _read(context, found)
    zone = context.committee.zone
    reader = await _reader(context, context.member)

    def say(words: Text) -> str:
        return shown(words, reader)

    balance, rows, told = read.opening, list[tuple[str | int, ...]](), dict[tuple[object, ...], str]()
    for line in reversed(read.lines):
        balance = Minutes(balance + line.minutes)
        at = line.at.astimezone(zone).date().isoformat()
        # In a long statement the same words come again and again.
        same = (line.others, line.minutes > 0, line.reverses, line.reversed, line.closing and line.number)
        if same not in told:
            told[same] = say(_what(line))
        rows.append((line.number, at, told[same], line.note or "", line.minutes, balance))
    head = tuple(
        say(words) for words in (T("Number"), T("Date"), T("What"), T("Note"), T("Minutes"), T("Balance in minutes"))
    )
    text = statements.table(
        [
            head,
            ("", "" if found is None else f"{found.first}", say(T("Opening balance")), "", "", read.opening),
            *rows,
            ("", "" if found is None else f"{found.last}", say(T("Closing balance")), "", "", read.closing),
        ]
    )
    if len(read.lines) < read.count or len(text) > DOCUMENT_CHARACTERS_MAX:
        raise Refusal(T("That is too much for one file. Ask for one year or one month."), private=True)
    name = f"statement-{found.first}.csv" if found is not None else "statement.csv"
    return Reply(
        lines(
            T("{title}", title=Bold(_title(context, found))),
            N("{n} exchange.", "{n} exchanges.", read.count),
            T("From {opening} to {closing}.", opening=read.opening, closing=read.closing),
            T("Any spreadsheet opens the file. The times in it are in minutes."),
        ),
        private=True,
        about=tuple(Card("transfer", line.id).thing for line in read.lines if line.note),
        document=Document(name=name, text=text),
    )


async def _reader(context: Context, member: Member) -> Any:
    place = await people.private_chat_of(context.tx, member.person_id)
    if place is None:
        return context.committee.reader
    return await people.reader_in(context.tx, place.id, private=True, committee_id=context.committee.id)


# --- the committee's books as a file -------------------------------------------------------------------------------

AsForm = Annotated[str, choice(*FORMS, expected=T("one of {forms}", forms=Listed(tuple(Typed(one) for one in FORMS))))]


@router.command(
    "export_books",
    allow=Authority.ORGANIZER,
    label=T("The books as a file"),
    help=T("The committee's books as a file, under pseudonyms. Two organizers decide it, and everybody is told."),
    sample=("csv",),
)
async def export_books(context: Context, *, form: AsForm) -> Reply | Card | None:
    """Ask the other organizers; whoever asked gets the file."""
    return await context.say(books_exported.says(form=form, who=context.member), authority=Authority.ORGANIZER)


def _export(*, form: str, who: Member) -> Text:
    return T("{name} gets the committee's books as a file ({form}), without names.", name=who.name, form=form)


@router.command(
    "books_exported",
    allow=Authority.TWO,
    typed=False,
    help=T("Hand out the committee's books."),
    proposal=_export,
)
async def books_exported(context: Context, *, form: AsForm, who: Person) -> Reply:
    """Two organizers have agreed: the file goes to one of them in private, and everybody hears of it."""
    if who.id not in {one.id for one in await people.organizers(context.tx, context.committee.id)}:
        raise Refusal(T("Only organizers can be given the books, and {name} is none.", name=who.name))
    place = await people.private_chat_of(context.tx, who.person_id)
    if place is None:
        raise Refusal(T("I cannot write to {name} in private: they have to open a chat with me first.", name=who.name))
    text = None
    if await books.count(context.tx, context.committee) <= POSTINGS_IN_CHAT_MAX:
        found = await books.books(context.tx, context.committee, now=context.now)
        text = statements.exported(found, cast("Form", form), context.tx.token())
    if text is None or len(text) > DOCUMENT_CHARACTERS_MAX:
        raise Refusal(
            T(
                "The books are too long for a file in a chat. Whoever runs the bot makes it: {command}",
                command=Typed("solibot export --format", form),
            )
        )
    await entries.append(context.tx, context.committee, "exported", {"form": form, "to": who.id}, now=context.now)
    await outbox.queue(
        context.tx,
        place,
        T("Here are the books of {committee}, without names. Keep the file safe.", committee=context.committee.name),
        reader=await _reader(context, who),
        now=context.now,
        committee=context.committee.id,
        document=Document(name=f"books.{statements.ENDINGS[cast('Form', form)]}", text=text),
    )
    words = T("{name} was given the committee's books as a file ({form}), without names.", name=who.name, form=form)
    await context.announce(words, but=context.place)
    return Reply(words)


@router.entry("exported", about="decisions")
async def exported_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who was given the books."""
    to = await people.member_now(telling.tx, telling.committee.id, body["to"])
    return T("{name} was given the books as a file, without names.", name=to.name if to is not None else "?")


# --- figures -----------------------------------------------------------------------------------------------------

_DAYS = {"month": 30, "quarter": 91, "year": 365}
Span = Annotated[
    str,
    choice(
        *_DAYS,
        expected=T("one of {spans}", spans=Listed(tuple(Typed(one) for one in _DAYS))),
        labels={"month": T("A month"), "quarter": T("A quarter"), "year": T("A year")},
    ),
]


AsWhat = Annotated[
    str,
    choice(
        "words",
        "picture",
        expected=T("{words} or {picture}", words=Typed("words"), picture=Typed("picture")),
        labels={"words": T("In words"), "picture": T("As a picture")},
    ),
]


@router.command(
    "stats",
    allow=Authority.MEMBER,
    label=T("How we are doing"),
    help=T("How much help moved in the last month, quarter or year, also as a picture. It names nobody."),
    sample=("quarter",),
    repeatable=True,
)
async def stats(context: Context, *, span: Span = "month", form: AsWhat = "words") -> Reply:
    """In words and, where it is asked for, drawn too; nothing that would tell of one person."""
    days = _DAYS[span]
    facts = await books.facts(context.tx, context.committee, first=context.now - timedelta(days=days))
    title = N("{committee}, the last {n} day", "{committee}, the last {n} days", days, committee=context.committee.name)
    found = statistics.figures(facts)
    given = await _gifts(context, days)
    if found is None and given:
        return Reply(lines(T("{title}", title=Bold(title)), *given))
    if found is None:
        return Reply(
            lines(
                T("{title}", title=Bold(title)),
                T(
                    "There are no figures: they would tell too much of single people. "
                    "There are some once the committee has {members} members, and {parties} of them took part.",
                    members=statistics.MEMBERS_MIN,
                    parties=statistics.PARTIES_MIN,
                ),
            )
        )
    kinds = await _kinds(context, found.by_category)
    unmet = await _kinds(context, found.unmet)
    hidden = (found.by_category is None or found.by_category.rest) and any(facts.categories)
    asked = form == "picture"
    drawable = drawing.available()
    words = lines(
        T("{title}", title=Bold(title)),
        *given,
        _exchanges(found),
        T("{some} of {all} members took part.", some=found.took_part, all=found.members),
        T("Of 100 hours between members, {share} came back to whoever gave them.", share=_percent(found.reciprocity))
        if found.reciprocity is not None
        else None,
        T(
            "How evenly the help was given: {share} of 100. (100: everybody helped the same time; "
            "0: one person did everything.)",
            share=100 - _percent(found.evenness),
        )
        if found.evenness is not None
        else None,
        T("{share} of 100 members are within the limit, above and below zero.", share=_percent(found.within))
        if found.within is not None
        else None,
        T("For each hour that somebody has in hand, {time} moved.", time=Minutes(round(found.velocity * 60)))
        if found.velocity is not None
        else None,
        T("{title}", title=Bold(_BY_KIND)) if kinds else None,
        *(T("{what}: {much}", what=what, much=Minutes(size)) for what, size in kinds),
        T("{title}", title=Bold(_UNMET)) if unmet else None,
        *(T("{what}: {much}", what=what, much=size) for what, size in unmet),
        T(
            "A kind of help is told apart where at least {n} people took part in it, so that nobody's hours show.",
            n=statistics.CELL_MIN,
        )
        if hidden
        else None,
        await _no_pictures(context) if asked and not drawable else None,
    )
    if not drawable or asked:
        return Reply(words, document=await _chart(context, title, found, kinds, unmet) if asked and drawable else None)
    return Reply(words, buttons=((Button(label=T("As a picture"), says=stats.says(span=span, form="picture")),),))


async def _gifts(context: Context, days: int) -> list[Words]:
    """What nobody counts in hours: how often, and about how long it took, where that tells of nobody."""
    there = await gifts.since(context.tx, context.committee.id, context.now - timedelta(days=days))
    found = gift_rules.total(there, await people.count_members(context.tx, context.committee.id))
    if found is None:
        return []
    about = T("They took about {time}, as far as somebody said it.", time=found.minutes) if found.minutes else None
    return [N("{n} gift.", "{n} gifts.", found.gifts), *([about] if about is not None else [])]


_BY_KIND = T("Hours by kind of help")
_UNMET = T("Needs that nobody helped with")


def _exchanges(found: Figures) -> Text:
    return N(
        "{n} exchange of help, {time} in all.",
        "{n} exchanges of help, {time} in all.",
        found.exchanges,
        time=Minutes(found.moved),
    )


async def _kinds(context: Context, found: Parts | None) -> list[tuple[Text, int]]:
    if found is None:
        return []
    rest = [(T("All else"), found.rest)] if found.rest else []
    return [*[(await called(context.tx, kind), size) for kind, size in found.told], *rest]


async def _no_pictures(context: Context) -> Text | None:
    """Only whoever can do something about it is told how."""
    if context.member.id not in {one.id for one in await people.organizers(context.tx, context.committee.id)}:
        return T("This bot cannot draw pictures; the words say the same.")
    return T(
        "This bot cannot draw pictures; the words say the same. Whoever runs it can install it with {extra}.",
        extra=Typed("[pictures]"),
    )


async def _chart(
    context: Context,
    title: Text,
    found: Figures,
    kinds: Sequence[tuple[Text, int]],
    unmet: Sequence[tuple[Text, int]],
) -> Chart:
    # What is pressed in a group is answered in private, with a file.
    private = context.pressed or context.in_private
    reader = await _reader(context, context.member) if private else context.committee.reader

    def say(words: Text) -> str:
        return shown(words, reader)

    shares = [
        (
            T("Took part"),
            round(100 * found.took_part / found.members),
            T("{some} of {all}", some=found.took_part, all=found.members),
        ),
        *(
            (label, share, T("{some} of {all}", some=share, all=100))
            for label, share in (
                (
                    T("How evenly help was given"),
                    100 - _percent(found.evenness) if found.evenness is not None else None,
                ),
                (T("Hours that came back"), _percent(found.reciprocity) if found.reciprocity is not None else None),
                (T("Members within the limit"), _percent(found.within) if found.within is not None else None),
            )
            if share is not None
        ),
    ]
    parts = [
        Bars(say(_exchanges(found)), tuple(Bar(say(label), value, say(told)) for label, value, told in shares), 100)
    ]
    if kinds:
        parts.append(Bars(say(_BY_KIND), tuple(Bar(say(what), size, duration(size)) for what, size in kinds)))
    if unmet:
        parts.append(Bars(say(_UNMET), tuple(Bar(say(what), size, str(size)) for what, size in unmet)))
    return Chart(name="figures.png", title=say(title), parts=tuple(parts))


def _percent(share: Fraction) -> int:
    return round(share * 100)
