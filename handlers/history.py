"""What was done before the bot counted it: taken in from a table, and handed out as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.arguments import History, Number, Person, Reference
from bot.chat import DOCUMENT_CHARACTERS_MAX, Button, Card, Document, Reply
from bot.domain import board as words_
from bot.domain import history as rule
from bot.domain import shifts as shift_rule
from bot.domain.history import Column, Problem
from bot.router import Authority, Context, Router, Telling
from bot.text import Bold, Day, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines, shown
from storage import entries, history, outbox, people, roll, shifts
from storage.history import Sent

router = Router("history", under="rota")

SHOWN_MAX = 8
OWN_MAX = 20
_WAITS = timedelta(days=7)
_IMPORT = Typed("/import_shifts")
_COLUMNS: Mapping[Column, Text] = {
    "date": T("date"),
    "task": T("task"),
    "who": T("who"),
    "hours": T("hours"),
}


_EXAMPLES = (T("date;task;who;hours"), T("2026-01-31;cleaning;Ana;1h30"), T("2026-01-31;cooking;Ben;2.5"))


# --- taking in ---------------------------------------------------------------------------------------------------


@router.command(
    "import_shifts",
    allow=Authority.ORGANIZER,
    label=T("Take in earlier work"),
    help=T("Let earlier work count in the rota, from a table. First I show what I have read."),
    sample=(T("[a list]"),),
)
async def import_shifts(context: Context, *, table: History | None = None) -> Reply:
    """Show what a table would do. Nothing of it counts before the committee's yes."""
    if table is None or not (table.lines or table.missing):
        return await _overview(context)
    if table.missing:
        raise Refusal(
            lines(
                T(
                    "The first line has no column for this: {columns}.",
                    columns=Listed(tuple(_COLUMNS[one] for one in table.missing)),
                ),
                *_how_tables_look(),
            ),
            private=True,
        )
    committee = context.committee
    today = context.now.astimezone(committee.zone).date()
    read = rule.read(table, language=committee.reader.language, today=today)
    known = await roll.known(context.tx, committee.id)
    ratings = {
        words_.plain(name): (one.onerousness, one.empowerment)
        for one in await shifts.tasks(context.tx, committee.id)
        for name in one.names
    }
    middle = (shift_rule.RATING, shift_rule.RATING)
    there = await history.there(context.tx, committee)
    sifted = rule.sift(read.rows, known, lambda name: ratings.get(words_.plain(name), middle), there)
    problems = sorted([*read.problems, *sifted.problems], key=lambda one: one.line)
    told: list[Words | None] = []
    buttons: tuple[tuple[Button, ...], ...] = ()
    if sifted.works:
        kept = await history.keep(context.tx, committee, sifted.works, by=context.member, now=context.now)
        told = await _preview(context, kept)
        buttons = ((_counting(context, kept),),)
    return Reply(
        lines(
            *told,
            N("{n} row counts already.", "{n} rows count already.", sifted.again) if sifted.again else None,
            *_left_out(problems),
            T("Nothing counts yet: the committee decides.") if sifted.works else T("Nothing is taken in."),
        ),
        buttons=buttons,
        private=True,
    )


async def _preview(context: Context, kept: Sent) -> list[Words | None]:
    return [
        N(
            "I can take in {n} row of {people}, {time} in all:",
            "I can take in {n} rows of {people}, {time} in all:",
            kept.rows,
            people=_people(len(kept.minutes)),
            time=kept.total,
        ),
        await _sums(context, kept),
    ]


async def _sums(context: Context, one: Sent) -> Text:
    """Who did most, with their hours."""
    most = sorted(one.minutes.items(), key=lambda each: (-each[1], each[0]))
    found = [
        T("{name} {time}", name=member.name, time=minutes)
        for member_id, minutes in most[:SHOWN_MAX]
        if (member := await people.member(context.tx, context.committee.id, member_id)) is not None
    ]
    names = Listed(tuple(found))
    more = len(most) - len(found)
    return T("{names} and {n} more.", names=names, n=more) if more else T("{names}.", names=names)


def _people(count: int) -> Text:
    return N("{n} person", "{n} people", count)


def _counting(context: Context, kept: Sent) -> Button:
    return Button(
        label=N("Let {n} row count", "Let {n} rows count", kept.rows),
        says=history_count.says(table=kept.id, rows=kept.rows, members=len(kept.minutes), minutes=int(kept.total)),
        only=context.member.id,
        once=True,
        question=context.tx.token(),
        expires=_WAITS,
    )


def _left_out(problems: Sequence[Problem]) -> list[Words]:
    if not problems:
        return []
    count = sum(problem.lines for problem in problems)
    more = len(problems) - SHOWN_MAX
    return [
        N("Left out, {n} line:", "Left out, {n} lines:", count),
        *map(_problem, problems[:SHOWN_MAX]),
        *([T("… and {n} more.", n=more)] if more > 0 else []),
    ]


def _problem(problem: Problem) -> Text:
    word, line = problem.word, problem.line
    match problem.why:
        case "quotes":
            return T("Line {line}: the quotation marks do not fit.", line=line)
        case "columns":
            return T(
                "Line {line}: there is more on it than columns. Put a figure like “1,5” in quotation marks.", line=line
            )
        case "no_date":
            return T(
                "Line {line}: “{word}” is no date. Write it like {example}.", line=line, word=word, example="2026-01-31"
            )
        case "unsure_date":
            return T(
                "Line {line}: “{word}” can be two days. Write it like {example}.",
                line=line,
                word=word,
                example="2026-01-31",
            )
        case "ahead":
            return T("Line {line}: {word} has not come yet.", line=line, word=word)
        case "old":
            return N(
                "From line {line} on, {n} line: older than a year, that counts nowhere.",
                "From line {line} on, {n} lines: older than a year, that counts nowhere.",
                problem.lines,
                line=line,
            )
        case "no_task":
            return T("Line {line}: there is no task.", line=line)
        case "long_task":
            return T("Line {line}: the name of the task is too long.", line=line)
        case "no_who":
            return T("Line {line}: there is no name.", line=line)
        case "no_hours":
            return T("Line {line}: “{word}” is no time. Write it like {example}.", line=line, word=word, example="1h30")
        case "too_long":
            return T("Line {line}: “{word}” is more than a day.", line=line, word=word)
        case "rating":
            return T("Line {line}: “{word}” is not between 1 and 5.", line=line, word=word)
        case "too_many":
            return T(
                "From line {line} on: {n} lines at most. Send the rest as another list.", line=line, n=rule.ROWS_MAX
            )
        case "too_many_tasks":
            return T("Line {line}: {n} different tasks at most.", line=line, n=rule.TASKS_MAX)
        case "nobody":
            return T("Line {line}: nobody here is called {word}.", line=line, word=word)
        case "unsure":
            return T("Line {line}: {word} fits several people.", line=line, word=word)
        case "child":
            return T("Line {line}: {word} is a child.", line=line, word=word)


def _how_tables_look() -> list[Words]:
    return [
        T("Send me a CSV file with {command} as its caption, or write the lines under {command}:", command=_IMPORT),
        *(Text("{example}", values={"example": Typed(line)}) for line in _EXAMPLES),
    ]


async def _overview(context: Context) -> Reply:
    """How tables look; those that wait, so that others can look before they say yes; and those that count."""
    waiting = await history.tables(context.tx, context.committee.id, "read")
    there = await history.tables(context.tx, context.committee.id, "counted")
    return Reply(
        lines(
            *_how_tables_look(),
            T("It counts in the rota as if it had been done here. No hours are paid for it."),
            *[
                T("{what} Not counted yet: {names}", what=_sent_words(one), names=await _sums(context, one))
                for one in waiting
            ],
            *map(_sent_words, there),
        ),
        buttons=tuple(
            (
                Button(
                    label=T("Take back: {day}, {time}", day=Day(one.at), time=one.total),
                    says=context.commands.asking(
                        history_back.says(table=one.id, rows=one.rows, minutes=int(one.total))
                    ),
                ),
            )
            for one in there
        ),
        private=True,
    )


def _sent_words(one: Sent) -> Text:
    return N(
        "Sent on {day} by {name}: {n} row, {time}.",
        "Sent on {day} by {name}: {n} rows, {time}.",
        one.rows,
        day=Day(one.at),
        name=one.by,
        time=one.total,
    )


# --- counting ----------------------------------------------------------------------------------------------------


def _count_words(*, table: int, rows: int, members: int, minutes: int) -> Text:
    return N(
        "{n} row of earlier work counts in the rota: {people}, {time} in all. No hours are paid for it.",
        "{n} rows of earlier work count in the rota: {people}, {time} in all. No hours are paid for it.",
        rows,
        people=_people(members),
        time=Minutes(minutes),
    )


@router.command(
    "history_count",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Let earlier work count in the rota."),
    proposal=_count_words,
)
async def history_count(context: Context, *, table: Reference, rows: Number, members: Number, minutes: Number) -> Reply:
    """What was decided: it counts, and everybody concerned sees what is noted for them."""
    found = await history.sent(context.tx, context.committee.id, table)
    if found is None:
        raise Refusal(T("That list is gone. Send it again: {command}", command=_IMPORT))
    if found.state == "counted":
        raise Refusal(T("That list counts already."))
    counts, hashes = await history.count(context.tx, context.committee, found)
    if counts is None:
        # Nothing is wrong: what it says counts already, from another list.
        return Reply(T("All of that list counts already."))
    body = {"counted": counts.id, "rows": counts.rows, "members": sorted(counts.minutes), "minutes": int(counts.total)}
    await entries.append(context.tx, context.committee, "history", {**body, "words": hashes}, now=context.now)
    for member_id, time in counts.minutes.items():
        member = await people.member(context.tx, context.committee.id, member_id)
        if member is None or not member.active:
            continue
        await context.tell(
            member,
            lines(
                T("Noted for you in the rota: {time} of earlier work.", time=time),
                T("If that is wrong, press the button or tell somebody who organizes."),
            ),
            buttons=(
                (
                    Button(label=T("What is noted?"), says=history_mine.says(), only=member.id),
                    Button(label=T("That is wrong"), says=history_wrong.says(), only=member.id, once=True),
                ),
            ),
        )
    return Reply(
        _count_words(table=counts.id, rows=counts.rows, members=len(counts.minutes), minutes=int(counts.total))
    )


@router.entry("history", about="decisions")
async def counted_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Work of before counts."""
    return _count_words(table=body["counted"], rows=body["rows"], members=len(body["members"]), minutes=body["minutes"])


def _back_words(*, table: int, rows: int, minutes: int) -> Text:
    return N(
        "{n} row of earlier work, {time} in all, no longer counts in the rota.",
        "{n} rows of earlier work, {time} in all, no longer count in the rota.",
        rows,
        time=Minutes(minutes),
    )


async def _back_question(context: Context, /, *, table: int, rows: int, minutes: int) -> Words:
    if await history.sent(context.tx, context.committee.id, table) is None:
        raise _gone()
    words = _back_words(table=table, rows=rows, minutes=minutes)
    return lines(words, T("The committee decides. Shall I ask it?"))


def _gone() -> Refusal:
    return Refusal(T("That list is taken back already."), private=True)


@router.command(
    "history_back",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Take back a list of earlier work, as a whole."),
    proposal=_back_words,
    confirm=_back_question,
)
async def history_back(context: Context, *, table: Reference, rows: Number, minutes: Number) -> Reply:
    """It counts no more, and is forgotten."""
    found = await history.sent(context.tx, context.committee.id, table)
    if found is None or found.state != "counted":
        raise _gone()
    await history.drop(context.tx, found.id)
    body = {"taken_back": found.id, "rows": found.rows, "minutes": int(found.total)}
    await entries.append(context.tx, context.committee, "history", body, now=context.now)
    return Reply(_back_words(table=found.id, rows=found.rows, minutes=int(found.total)))


@router.entry("history", "taken_back", about="decisions")
async def back_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Work of before counts no more."""
    return _back_words(table=body["taken_back"], rows=body["rows"], minutes=body["minutes"])


# --- for whom it is noted ----------------------------------------------------------------------------------------


@router.command(
    "history_mine",
    allow=Authority.MEMBER,
    typed=False,
    help=T("The earlier work that is noted for you."),
    repeatable=True,
)
async def history_mine(context: Context) -> Reply:
    """Only for oneself."""
    own, count, total = await history.of_member(context.tx, context.member, limit=OWN_MAX)
    if not own:
        return Reply(T("No earlier work is noted for you."), private=True)
    title = T("Earlier work: {time}", time=total)
    return Reply(
        lines(
            T("{title}", title=Bold(title)),
            *(
                T(
                    "{day}: {task}, {time}",
                    day=one.day,
                    task=one.task if one.task is not None else T("(erased)"),
                    time=one.minutes,
                )
                for one in own
            ),
            T("… and {n} more.", n=count - len(own)) if count > len(own) else None,
        ),
        buttons=((Button(label=T("That is wrong"), says=history_wrong.says(), only=context.member.id, once=True),),),
        private=True,
    )


@router.command(
    "history_wrong",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say that what is noted for you is wrong."),
)
async def history_wrong(context: Context) -> Reply:
    """The organizers hear it, and settle it with them: a list can be taken back, mended and sent again."""
    _, _, total = await history.of_member(context.tx, context.member, limit=1)
    if not total:
        return Reply(T("No earlier work is noted for you."), private=True)
    for organizer in await people.organizers(context.tx, context.committee.id):
        if organizer.id != context.member.id:
            await context.tell(
                organizer,
                lines(
                    T(
                        "{name} says that the earlier work noted for them, {time}, is wrong.",
                        name=context.member.name,
                        time=total,
                    ),
                    T(
                        "Ask what is wrong. Then take the list back and send a right one: {command}",
                        command=_IMPORT,
                    ),
                ),
            )
    return Reply(T("The organizers know it now. They will ask you what is wrong."), private=True)


# --- handing out -------------------------------------------------------------------------------------------------


@router.command(
    "export_shifts",
    allow=Authority.ORGANIZER,
    label=T("What was done, as a file"),
    help=T("All that was done in the rota as a file, with names. Two organizers decide it, and everybody is told."),
)
async def export_shifts(context: Context) -> Reply | Card | None:
    """Ask the other organizers; whoever asked gets the file."""
    return await context.say(shifts_exported.says(who=context.member), authority=Authority.ORGANIZER)


@router.command(
    "shifts_exported",
    allow=Authority.TWO,
    typed=False,
    help=T("Hand out what was done in the rota."),
    proposal=lambda *, who: T("{name} gets what was done in the rota as a file, with names.", name=who.name),
)
async def shifts_exported(context: Context, *, who: Person) -> Reply:
    """Two organizers have agreed: the file goes to one of them in private, and everybody hears of it."""
    committee = context.committee
    if who.id not in {one.id for one in await people.organizers(context.tx, committee.id)}:
        raise Refusal(T("Only organizers can be given this, and {name} is none.", name=who.name))
    place = await people.private_chat_of(context.tx, who.person_id)
    if place is None:
        raise Refusal(T("I cannot write to {name} in private: they have to open a chat with me first.", name=who.name))
    rows, count = await history.done(context.tx, committee, limit=rule.ROWS_MAX)
    if not rows:
        raise Refusal(T("Nothing was done in the rota yet."))
    reader = await people.reader_in(context.tx, place.id, private=True, committee_id=committee.id)
    headings = [
        shown(words, reader)
        for words in (
            *(_COLUMNS[one] for one in ("date", "task", "who")),
            T("minutes"),
            T("unpleasant"),
            T("empowering"),
        )
    ]
    text = rule.written(rows, headings)
    while len(text) > DOCUMENT_CHARACTERS_MAX:
        rows = rows[len(rows) // 8 + 1 :]
        text = rule.written(rows, headings)
    await entries.append(context.tx, committee, "exported", {"shifts": len(rows), "to": who.id}, now=context.now)
    await outbox.queue(
        context.tx,
        place,
        lines(
            T("Here is what was done in the rota of {committee}. Keep the file safe.", committee=committee.name),
            N("Only the newest {n} row is in it.", "Only the newest {n} rows are in it.", len(rows))
            if len(rows) < count
            else None,
            T("Another committee's bot takes it in with {command}.", command=_IMPORT),
        ),
        reader=reader,
        now=context.now,
        committee=committee.id,
        document=Document(name="rota.csv", text=text),
    )
    words = _exported_words(who.name)
    await context.announce(words, but=context.place)
    return Reply(words)


def _exported_words(name: str | Text) -> Text:
    return T("{name} was given what was done in the rota as a file, with names.", name=name)


@router.entry("exported", "shifts", about="decisions")
async def exported_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who was given it."""
    return _exported_words(await telling.name(body["to"]))
