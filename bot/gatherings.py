"""Polls that do more than choose (when to meet, surveys, slots): how they are read, begun, shown and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot import making
from bot.chat import Button, Card, Reply
from bot.domain import pollline
from bot.domain.pollline import Line
from bot.domain.processes import Method, Secrecy
from bot.domain.recurrence import instant
from bot.polls import POLLS, after_closing, all_processes, found, in_languages, named, titled
from bot.router import Command, Context, View
from bot.shifts import wall
from bot.text import Bold, Refusal, T, Text, Typed, Words
from storage import ballots, due, entries, nudges, people, polls
from storage.polls import Poll, Verdict

REMIND_BEFORE = (timedelta(days=1), timedelta(hours=3))
"""Those who have not answered are reminded so long before it closes: at most twice."""
OPEN_LEAST = timedelta(minutes=5)
OPEN_MOST = timedelta(days=180)
TITLE_CHARACTERS_MAX = pollline.QUESTION_CHARACTERS_MAX


# --- reading -----------------------------------------------------------------------------------------------------


def number_in(line: str) -> int | None:
    """The number of a poll, where a line is nothing else."""
    word = line.strip().lstrip("#")
    return int(word) if word.isdecimal() and len(word) < 10 and int(word) else None


def read(context: Context, line: str, example: Typed) -> Line:
    """A line as for any poll. Raises Refusal."""
    try:
        said = pollline.read(line, now=wall(context), processes=())
    except pollline.Unclear as unclear:
        raise Refusal(
            T("I do not understand “{words}”. Write it like this: {example}", words=unclear.words, example=example)
        ) from unclear
    if not said.question:
        raise Refusal(T("The question is missing. Write it like this: {example}", example=example))
    if len(said.question) > TITLE_CHARACTERS_MAX:
        raise Refusal(T("The question is too long: {n} characters at most.", n=TITLE_CHARACTERS_MAX))
    return said


def opens_at(context: Context, said: Line) -> datetime | None:
    """When it opens, where that was said. Raises Refusal."""
    if said.opens is None:
        return None
    opens = instant(said.opens, context.committee.zone)
    if opens <= context.now:
        raise Refusal(T("It would open in the past. Write a time that is still ahead, like {x}.", x=Typed("mon 9:00")))
    return opens


def closes_at(context: Context, said: Line, *, opens: datetime | None, otherwise: datetime) -> datetime:
    """When it closes: as was said, else `otherwise`. Raises Refusal."""
    begins = opens or context.now
    closes = otherwise if said.closes is None else instant(said.closes, context.committee.zone)
    if closes - begins < OPEN_LEAST:
        raise Refusal(
            T(
                "It would close in the past, or at once. Write a time that is still ahead, like {x}.",
                x=Typed("fri 20:00"),
            )
        )
    if closes - begins > OPEN_MOST:
        raise Refusal(T("A poll is open for at most {n} days.", n=OPEN_MOST.days))
    return closes


# --- beginning ---------------------------------------------------------------------------------------------------


async def add(
    context: Context,
    process: str,
    *,
    title: str,
    options: Sequence[str],
    opens: datetime | None,
    closes: datetime,
    secrecy: Secrecy | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Poll:
    """A new one, not open yet. `extra`: what only this kind keeps, as JSON."""
    by = all_processes()[process]
    return await polls.add(
        context.tx,
        context.committee,
        process=process,
        method=by.method,
        rule=replace(by.rule, extra=extra or {}),
        secrecy=secrecy or by.secrecy,
        question=title,
        options=options,
        maker_id=context.member.id,
        opens=opens,
        closes=closes,
        now=context.now,
    )


async def begin(context: Context, made: Poll, *, opening: Command, ending: Command) -> Reply | Card:
    """Open it now, or at its time. `opening`, `ending`: what the clock says then."""
    if made.opens_at is not None:
        await due.plan_at(
            context.tx,
            f"poll_open:{made.id}",
            opening.says(poll=made.id),
            made.opens_at,
            committee=context.committee.id,
        )
        words = T("Poll {number} opens {when}.", number=made.number, when=made.opens_at)
        await context.tell_group(words)
        return Reply(words)
    await open_(context, made, ending=ending)
    card = Card("poll", made.id)
    if context.place is not None and not context.place.private:
        return card
    await context.show(card)
    return Reply(T("Poll {number} is open in the group.", number=made.number))


async def open_(context: Context, made: Poll, *, ending: Command) -> None:
    """From now on it is open: the roll is frozen, and its end and the reminders before it are planned."""
    voters = (await people.facts(context.tx, context.committee.id, now=context.now)).members
    if not voters:
        raise Refusal(T("Nobody here has a vote, so nothing can be decided."))
    active = await polls.count_active(context.tx, voters, now=context.now)
    opened = await polls.open_(context.tx, context.committee, made, voters, active=active, now=context.now)
    assert opened.closes_at is not None
    await due.plan_at(
        context.tx,
        f"poll_close:{opened.id}",
        ending.says(poll=opened.id),
        opened.closes_at,
        committee=context.committee.id,
    )
    if opened.method == "slots":
        # Nobody has to take one.
        return
    remind = context.commands.named("poll_remind")
    for at, before in enumerate(REMIND_BEFORE):
        if opened.closes_at - before > context.now:
            await due.plan_at(
                context.tx,
                f"poll_remind:{opened.id}:{at}",
                remind.says(poll=opened.id),
                opened.closes_at - before,
                committee=context.committee.id,
            )


async def opened(context: Context, poll_id: int, *, ending: Command) -> None:
    """Its time to open has come."""
    made = await polls.get(context.tx, context.committee.id, poll_id)
    if made is not None and made.state in ("planned", "queued"):
        await open_(context, made, ending=ending)
        await context.show(Card("poll", made.id))


# --- while it is open --------------------------------------------------------------------------------------------


async def of_kind(context: Context, number: int, method: Method) -> Poll:
    """The committee's poll with this number, which must be of this kind. Raises Refusal."""
    there = await found(context, number)
    if there.method != method:
        raise Refusal(
            T(
                "Poll {number} is of another kind: {kind}. {poll} shows it.",
                number=number,
                kind=titled(there),
                poll=Typed(f"/poll {number}"),
            ),
            private=True,
        )
    return there


def is_open(context: Context, there: Poll) -> None:
    """Raises Refusal where nothing can be said to it (any more), whoever says it."""
    if there.state in ("planned", "queued", "draft"):
        raise Refusal(T("Poll {number} is not open yet.", number=there.number), private=True)
    late = there.closes_at is not None and context.said_at >= there.closes_at
    if there.state != "open" or late:
        raise Refusal(
            T("Poll {number} is closed. {polls} shows what can be decided now.", number=there.number, polls=POLLS),
            private=True,
        )


def until(there: Poll) -> datetime:
    """When it closes."""
    assert there.closes_at is not None
    return there.closes_at


# --- ending ------------------------------------------------------------------------------------------------------


async def due_now(context: Context, poll_id: int) -> Poll | None:
    """The poll whose time is over; None: it is over already."""
    there = await polls.get(context.tx, context.committee.id, poll_id)
    return there if there is not None and there.state == "open" else None


async def closable(context: Context, number: int, method: Method, *, all_said: bool = True) -> Poll:
    """The poll that whoever made it closes before its time. `all_said`: once everybody has. Raises Refusal."""
    there = await of_kind(context, number, method)
    is_open(context, there)
    await making.check_own(context, there)
    if all_said and await ballots.missing(context.tx, there):
        raise Refusal(
            T(
                "Not everybody has voted yet. Poll {number} closes by itself: {until}.",
                number=number,
                until=until(there),
            )
        )
    return there


async def end(context: Context, there: Poll, verdict: Verdict, result: Mapping[str, Any]) -> Poll:
    """It is closed, with this result, which stands in the log: figures alone."""
    await due.cancel(context.tx, f"poll_close:{there.id}")
    for at in range(len(REMIND_BEFORE)):
        await due.cancel(context.tx, f"poll_remind:{there.id}:{at}")
    await nudges.withdraw(context.tx, there.thing)
    await polls.close(context.tx, there, verdict, result, now=context.now)
    body = {"poll": there.number, "closed": verdict, "result": dict(result), "seed": there.seed}
    await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    closed = await polls.get(context.tx, there.committee_id, there.id)
    assert closed is not None
    await after_closing(context, closed)
    return closed


# --- showing -----------------------------------------------------------------------------------------------------


async def heading(view: View | Context, there: Poll) -> Text:
    """What it is, whose, and what about."""
    assert view.committee is not None
    return T(
        "{title} {number} by {name}: {what}",
        title=titled(there),
        number=there.number,
        name=await named(view, view.committee, there.maker_id),
        what=Bold(T("{question}", question=there.question or T("(erased)"))),
    )


def how(there: Poll) -> Text:
    """How it is decided, and until when."""
    process = all_processes().get(there.process)
    assert process is not None
    return T("{how} Open until {until}.", how=in_languages(process.meaning), until=until(there))


def over(there: Poll) -> Words | None:
    """What its card says where it is neither open nor closed; None: it is one of these."""
    match there.state:
        case "withdrawn":
            return T("Withdrawn.")
        case "planned" | "queued":
            assert there.opens_at is not None
            return T("It opens {when}.", when=there.opens_at)
        case _:
            return None


def rows(buttons: Sequence[Button], width: int = 2) -> tuple[tuple[Button, ...], ...]:
    """Buttons in rows."""
    return tuple(tuple(buttons[at : at + width]) for at in range(0, len(buttons), width))
