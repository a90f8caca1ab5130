"""What comes of decisions: who does what by when, whether it worked, until when it holds; and finding them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from bot import decisions as log
from bot import outcomes as words
from bot.arguments import Note, Number, Reference
from bot.chat import Button, Card, Reply, Shown
from bot.domain import outcomes as rule
from bot.domain import pollline
from bot.domain.chain import fingerprint
from bot.domain.grammar import folded
from bot.domain.recurrence import instant
from bot.polls import POLLS, all_processes, found, of_id, option_words, question
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Day, Listed, N, Refusal, T, Text, Typed, Words, lines, shown
from storage import ballots, due, entries, notes, nudges, outcomes, people, polls
from storage import log as books
from storage.instants import from_us
from storage.outcomes import Outcome, Task
from storage.people import Member
from storage.polls import Poll

router = Router("outcomes", under="polls")

ASKED_AT = time(10)
"""The wall time at which the bot asks whether something worked, or says that it will lapse."""
STATEMENT_LEAST = 8
PAGE = 6
SEARCHED_MAX = 500
_WAIT = timedelta(days=1)
_ABOUT_OTHERS = frozenset({"review", "renewal"})
_EXAMPLE = T("We paint on Saturday. Ana buys paint by fri 18:00")


def _morning(context: Context, when: datetime) -> datetime:
    """That day, at an hour when people are awake."""
    day = when.astimezone(context.committee.zone).date()
    return instant(datetime.combine(day, ASKED_AT), context.committee.zone)


# --- when a poll closes ------------------------------------------------------------------------------------------


@router.command("outcome_begun", allow=Authority.CLOCK, typed=False, help=T("A poll has closed."))
async def outcome_begun(context: Context, *, poll: Reference) -> None:
    """What was decided holds from now on; whoever made the poll is asked what comes of it."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "closed":
        return
    about = await words.about_words(context, there)
    if about is not None:
        of, kind = about
        await (_reviewed if kind == "review" else _renewed)(context, there, of)
        return
    if there.verdict not in ("passed", "decided"):
        return
    review = _after(context, there.rule.review_days)
    lapse = _after(context, there.rule.lapse_days)
    role = await outcomes.gives_a_role(context.tx, there.id)
    if role:
        # What an election gives ends with the term of the role.
        lapse = None
    await outcomes.begin(context.tx, there, "stands", review=review, lapse=lapse)
    await _plan_review(context, there, review)
    await _plan_lapse(context, there, lapse)
    if there.says is None and not role:
        await _ask_maker(context, there)


def _after(context: Context, days: int | None) -> datetime | None:
    return None if days is None else _morning(context, context.now + timedelta(days=days))


async def _plan_review(context: Context, there: Poll, at: datetime | None) -> None:
    if at is not None:
        await due.plan_at(
            context.tx,
            f"outcome_review:{there.id}",
            outcome_review.says(poll=there.id),
            at,
            committee=context.committee.id,
        )


async def _plan_lapse(context: Context, there: Poll, at: datetime | None) -> None:
    if at is None:
        return
    soon = rule.reminder_before_lapse(context.now, at)
    await due.plan_at(
        context.tx,
        f"outcome_soon:{there.id}",
        outcome_soon.says(poll=there.id),
        _morning(context, soon),
        committee=context.committee.id,
    )
    await due.plan_at(
        context.tx, f"outcome_lapse:{there.id}", outcome_lapse.says(poll=there.id), at, committee=context.committee.id
    )


async def _ask_maker(context: Context, there: Poll) -> None:
    maker = None if there.maker_id is None else await people.member(context.tx, context.committee.id, there.maker_id)
    if maker is None or not maker.active:
        return
    await context.nudge(
        maker,
        lines(
            T("Poll {number} is closed: {what}", number=there.number, what=await question(context, there)),
            T("What comes of it, and who does what by when? Write it for all: {command}", command=_line(there)),
        ),
        buttons=((Button(label=T("Write it"), says=outcome.says(number=there.number)),),),
        key=f"outcome:{there.id}",
    )


def _line(there: Poll) -> Typed:
    return Typed(f"/outcome {there.number}", _EXAMPLE)


# --- the statement -----------------------------------------------------------------------------------------------


@router.command(
    "outcome",
    allow=Authority.MEMBER,
    within="poll",
    help=T("What comes of a poll: who does what by when. All see it."),
    sample=("12", _EXAMPLE),
    asks={
        "note": Asks(
            T("What comes of it? Who does what by when? Write it in a few sentences, like {example}.", example=_EXAMPLE)
        )
    },
)
async def outcome(context: Context, *, number: Number, note: Note) -> Reply | Card:
    """A statement for all; sentences like “Ana buys paint by fri 18:00” are kept as somebody's part."""
    there = await found(context, number)
    if there.state != "closed":
        raise Refusal(T("Poll {number} is not closed yet. What comes of it is put down afterwards.", number=number))
    await _may_state(context, there)
    text = note.strip()
    if len(text) < STATEMENT_LEAST:
        raise Refusal(T("Say in a sentence what comes of it: {command}", command=_line(there)))
    await outcomes.begin(context.tx, there, "none")
    for one in await outcomes.tasks_of(context.tx, there.id):
        if one.state == "open":
            await outcomes.set_task(context.tx, one, "dropped")
            await _task_over(context, one)
    hashed = await outcomes.put_in_words(context.tx, there, context.member.id, text, now=context.now)
    parts = []
    for who, task in await _tasks(context, text):
        by = instant(task.by, context.committee.zone)
        kept, veil = await outcomes.add_task(context.tx, there, who.id, task.what, by)
        parts.append({"task": kept.id, "member": who.id, "what": veil})
        await _plan_task(context, there, kept, who)
    body = {"poll": there.number, "outcome": hashed, "member": context.member.id, "tasks": parts}
    await entries.append(context.tx, context.committee, "outcome", body, now=context.now)
    await nudges.withdraw(context.tx, f"outcome:{there.id}")
    card = Card("outcome", there.id)
    if not context.in_private:
        return card
    await context.show(card)
    return Reply(
        lines(T("Thank you, the group sees it now:"), *await words.card_lines(context, there)),
        private=True,
        about=(f"outcome:{there.id}",),
    )


async def _may_state(context: Context, there: Poll) -> None:
    maker = None if there.maker_id is None else await people.member(context.tx, context.committee.id, there.maker_id)
    if context.member.id == there.maker_id or "organizer" in context.roles:
        return
    if maker is None or not maker.active:
        return
    raise Refusal(
        T("Only {name}, who made the poll, and organizers put down what comes of it. Tell them.", name=maker.name)
    )


async def _tasks(context: Context, text: str) -> list[tuple[Member, rule.Task]]:
    """The parts in it whose person is clear."""
    wall = context.now.astimezone(context.committee.zone).replace(tzinfo=None)
    names: dict[str, list[Member]] = {}
    for sentence in rule.sentences(text):
        word = sentence.partition(" ")[0].rstrip(",:")
        if word and word not in names:
            names[word] = await people.members_named(context.tx, context.committee.id, word)
    known = {folded(word) for word, members in names.items() if len(members) == 1}
    return [
        (names[task.who][0], task)
        for task in rule.tasks(text, now=wall, names=known)
        if len(names.get(task.who, [])) == 1
    ]


async def _plan_task(context: Context, there: Poll, task: Task, who: Member) -> None:
    soon = max(task.by - rule.TASK_REMINDED_BEFORE, context.now + (task.by - context.now) / 2)
    await due.plan_at(
        context.tx,
        f"outcome_task:{task.id}",
        outcome_task_soon.says(task=task.id),
        soon,
        committee=context.committee.id,
    )
    if who.id != context.member.id:
        await context.tell(who, await _your_part(context, there, task), buttons=((_done(task),),), about=(task.thing,))


async def _your_part(context: Context, there: Poll, task: Task) -> Words:
    return lines(
        T("Your part after poll {number}: {what}", number=there.number, what=await question(context, there)),
        T("{what}, by {when}", what=task.words or T("(erased)"), when=task.by),
        T("If you cannot, say so in the group, so that somebody else can."),
    )


def _done(task: Task) -> Button:
    return Button(label=T("It is done"), says=outcome_done.says(task=task.id))


async def _task_over(context: Context, task: Task) -> None:
    await due.cancel(context.tx, f"outcome_task:{task.id}")
    await nudges.withdraw(context.tx, task.thing)


@router.command("outcome_task_soon", allow=Authority.CLOCK, typed=False, help=T("Somebody's part is due soon."))
async def outcome_task_soon(context: Context, *, task: Reference) -> None:
    """Remind, once, in private."""
    one, there = await _task(context, task)
    member = await people.member_now(context.tx, context.committee.id, one.member_id)
    if one.state == "open" and member is not None and member.active:
        await context.nudge(member, await _your_part(context, there, one), buttons=((_done(one),),), key=one.thing)


async def _task(context: Context, ref: int) -> tuple[Task, Poll]:
    one = await outcomes.task(context.tx, ref)
    if one is None:
        raise Refusal(T("That is not there any more."), private=True)
    return one, await of_id(context, one.poll_id)


@router.command("outcome_done", allow=Authority.MEMBER, typed=False, help=T("Somebody's part is done."))
async def outcome_done(context: Context, *, task: Reference) -> Reply:
    """Whoever does it says so, or an organizer."""
    one, _ = await _task(context, task)
    if one.member_id != context.member.id and "organizer" not in context.roles:
        raise Refusal(T("Whoever does it says when it is done, or an organizer."), private=True)
    if one.state != "open":
        raise Refusal(T("That was done already."), private=True)
    await outcomes.set_task(context.tx, one, "done")
    await _task_over(context, one)
    return Reply(T("Thank you!"), private=True)


@router.command("outcome_help", allow=Authority.MEMBER, typed=False, help=T("Look for help with somebody's part."))
async def outcome_help(context: Context, *, task: Reference) -> Reply | Card | None:
    """It goes on the board as a need of whoever asks."""
    one, _ = await _task(context, task)
    need = context.commands.named("need")
    return await context.say(need.says(what=one.words.text if one.words else ""), authority=Authority.MEMBER)


@router.command("outcome_rota", allow=Authority.ORGANIZER, typed=False, help=T("Somebody's part becomes a rota task."))
async def outcome_rota(context: Context, *, task: Reference) -> Reply | Card | None:
    """An organizer makes a task of it, whose times are asked step by step."""
    one, _ = await _task(context, task)
    make = context.commands.named("task")
    said = " ".join((one.words.text if one.words else "").split())[:30].strip()
    return await context.say(context.commands.asking(make.says(name=said)), authority=context.authority)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What this member has taken on."""
    told = []
    for one in await outcomes.open_tasks_of(context.tx, context.member.id):
        there = await polls.get(context.tx, context.committee.id, one.poll_id)
        if there is not None:
            what = T("Poll {number}: {what}", number=there.number, what=one.words or T("(erased)"))
            told.append(Todo(words=what, buttons=(_done(one),), by=one.by))
    return told


@router.card("outcome")
async def outcome_card(view: View, ref: int) -> Shown | None:
    """What comes of a poll, with everybody's part."""
    there = await polls.get(view.tx, view.committee.id, ref)
    came = await outcomes.of_poll(view.tx, ref)
    if there is None or came is None or came.member_id is None:
        return None
    buttons = []
    for number, one in enumerate(await outcomes.tasks_of(view.tx, ref), start=1):
        if one.state == "open":
            buttons.append(
                (
                    Button(label=T("{n}: done", n=number), says=outcome_done.says(task=one.id)),
                    Button(label=T("{n}: ask for help", n=number), says=outcome_help.says(task=one.id)),
                    Button(label=T("{n}: to the rota", n=number), says=outcome_rota.says(task=one.id)),
                )
            )
    heading = T("What comes of poll {number}: {what}", number=there.number, what=Bold(await question(view, there)))
    return Shown(
        lines(
            heading,
            words.words_of(came),
            *await words.task_lines(view, there),
            *words.standing_lines(came),
        ),
        buttons=tuple(buttons),
    )


# --- did it work? ------------------------------------------------------------------------------------------------


@router.command("outcome_review", allow=Authority.CLOCK, typed=False, help=T("Did it work?"))
async def outcome_review(context: Context, *, poll: Reference) -> None:
    """The committee is asked about what it decided, with what was put down then."""
    there = await polls.get(context.tx, context.committee.id, poll)
    came = None if there is None else await outcomes.of_poll(context.tx, there.id)
    if there is None or came is None or came.state != "stands":
        return
    await outcomes.set_review(context.tx, there, None)
    if not await outcomes.asking_about(context.tx, there.id, "review"):
        await _ask_all(context, there, "review")


async def _ask_all(context: Context, of: Poll, kind: outcomes.About, *, closes: datetime | None = None) -> Poll:
    process = all_processes()[kind]
    made = await polls.add(
        context.tx,
        context.committee,
        process=process.name,
        method=process.method,
        rule=replace(process.rule, review_days=None, lapse_days=None),
        secrecy=process.secrecy,
        question="",
        options=(),
        maker_id=None if context.of_member is None else context.member.id,
        opens=None,
        closes=closes or context.now + timedelta(days=process.days),
        now=context.now,
    )
    await outcomes.is_about(context.tx, made, of, kind)
    # The bot opens it, wherever it was asked for: all groups see it.
    opens = context.commands.named("poll_open").says(poll=made.id)
    await replace(context, place=None).say(opens, authority=Authority.CLOCK)
    return await of_id(context, made.id)


async def _reviewed(context: Context, review: Poll, of: Poll) -> None:
    totals = (review.result or {}).get("totals", {})
    said = [(one.key or "", int(totals.get(str(one.place), 0))) for one in review.options]
    came = "keep" if review.verdict == "no_quorum" else rule.review_said(said, passed=review.verdict == "passed")
    body = {"poll": of.number, "review": came, "by": review.number}
    await entries.append(context.tx, context.committee, "outcome", body, now=context.now)
    what = await question(context, of)
    if came == "drop":
        await outcomes.set_state(context.tx, of, "dropped", now=context.now)
        await _forget_dates(context, of)
        told: list[Words | None] = [T("Dropped: poll {number}, {what}", number=of.number, what=what)]
        await context.announce(lines(*told, await _stays_done(context, of)))
        return
    again = _after(context, of.rule.review_days)
    await outcomes.set_review(context.tx, of, again)
    await _plan_review(context, of, again)
    if came == "keep":
        await context.announce(T("It stays: poll {number}, {what}", number=of.number, what=what))
        return
    await context.announce(
        lines(
            T("More want to change it than to keep it: poll {number}, {what}", number=of.number, what=what),
            T("It holds until something else is decided. Who proposes what? {poll}", poll=Typed("/poll")),
        )
    )


async def _stays_done(context: Context, of: Poll) -> Text | None:
    """What a decision did is not undone by itself: other things may rest on it by now."""
    did = await words.what_it_did(context, of)
    if did is None:
        return None
    return T("What it did stays as it is until somebody proposes otherwise. It was: {what}", what=did)


async def _forget_dates(context: Context, of: Poll) -> None:
    for name in ("outcome_review", "outcome_soon", "outcome_lapse"):
        await due.cancel(context.tx, f"{name}:{of.id}")


# --- until when it holds -----------------------------------------------------------------------------------------


@router.command("outcome_soon", allow=Authority.CLOCK, typed=False, help=T("A decision will lapse."))
async def outcome_soon(context: Context, *, poll: Reference) -> None:
    """All are reminded, and anybody who has a vote can have it renewed."""
    there = await polls.get(context.tx, context.committee.id, poll)
    came = None if there is None else await outcomes.of_poll(context.tx, there.id)
    if there is None or came is None or came.state != "stands" or came.lapse_at is None:
        return
    if await outcomes.asking_about(context.tx, there.id, "renewal"):
        return
    await context.announce(
        T(
            "What you decided in poll {number} lapses on {day}: {what}",
            number=there.number,
            day=Day(came.lapse_at),
            what=await question(context, there),
        ),
        buttons=((Button(label=T("Renew"), says=outcome_renew.says(poll=there.id)),),),
    )


@router.command("outcome_renew", allow=Authority.MEMBER, typed=False, help=T("Ask all whether a decision is renewed."))
async def outcome_renew(context: Context, *, poll: Reference) -> Reply | Card | None:
    """A poll about it, which ends before it lapses."""
    there = await of_id(context, poll)
    came = await outcomes.of_poll(context.tx, there.id)
    if came is None or came.state != "stands" or came.lapse_at is None:
        raise Refusal(T("That does not hold any more. Decide it anew: {poll}", poll=Typed("/poll")), private=True)
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    if context.member.id not in facts.members:
        raise Refusal(T("You have no vote yet, so somebody else has to ask for that."), private=True)
    asking = await outcomes.asking_about(context.tx, there.id, "renewal")
    if asking:
        return Card("poll", asking[0])
    process = all_processes()["renewal"]
    closes = min(context.now + timedelta(days=process.days), max(came.lapse_at, context.now + timedelta(days=1)))
    made = await _ask_all(context, there, "renewal", closes=closes)
    return Reply(T("Poll {number} is open in the group.", number=made.number), private=True)


async def _renewed(context: Context, renewal: Poll, of: Poll) -> None:
    came = await outcomes.of_poll(context.tx, of.id)
    if came is None or came.lapse_at is None or of.rule.lapse_days is None:
        return
    what = await question(context, of)
    if renewal.verdict != "passed":
        if came.lapse_at <= context.now:
            await _lapsed(context, of)
            return
        await context.announce(
            T("Not renewed: poll {number} lapses on {day}. {what}", number=of.number, day=Day(came.lapse_at), what=what)
        )
        return
    lapse = _morning(context, rule.lapses_again(came.lapse_at, of.rule.lapse_days, now=context.now))
    await outcomes.set_lapse(context.tx, of, lapse)
    await _plan_lapse(context, of, lapse)
    body = {"poll": of.number, "renewed": renewal.number}
    await entries.append(context.tx, context.committee, "outcome", body, now=context.now)
    await context.announce(
        T("Renewed: poll {number} holds until {day}. {what}", number=of.number, day=Day(lapse), what=what)
    )


@router.command("outcome_lapse", allow=Authority.CLOCK, typed=False, help=T("A decision lapses."))
async def outcome_lapse(context: Context, *, poll: Reference) -> None:
    """Nobody has renewed it. Where that is being voted on, it holds until that is over."""
    there = await polls.get(context.tx, context.committee.id, poll)
    came = None if there is None else await outcomes.of_poll(context.tx, there.id)
    if there is None or came is None or came.state != "stands":
        return
    if await outcomes.asking_about(context.tx, there.id, "renewal"):
        # The end of that poll settles it; where it is withdrawn, this does.
        await due.plan_at(
            context.tx,
            f"outcome_lapse:{there.id}",
            outcome_lapse.says(poll=there.id),
            context.now + _WAIT,
            committee=context.committee.id,
        )
        return
    await _lapsed(context, there)


async def _lapsed(context: Context, of: Poll) -> None:
    await outcomes.set_state(context.tx, of, "lapsed", now=context.now)
    await _forget_dates(context, of)
    body = {"poll": of.number, "lapsed": True}
    await entries.append(context.tx, context.committee, "outcome", body, now=context.now)
    await context.announce(
        lines(
            T("Lapsed: poll {number}, {what}", number=of.number, what=await question(context, of)),
            await _stays_done(context, of),
        )
    )


# --- dates of a poll that is open --------------------------------------------------------------------------------


_STRETCH = T("6 months")


@router.command("poll_review_in", allow=Authority.MEMBER, typed=False, help=T("When it is asked whether it worked."))
async def poll_review_in(context: Context, *, number: Number, note: Note = "") -> Reply:
    """Whoever made the poll sets it, as long as nobody else has voted."""
    there = await _own_unvoted(context, number)
    days = _days(number, "review", note)
    await polls.set_rule(context.tx, there, replace(there.rule, review_days=days))
    return Reply(N("It is looked at again after {n} day.", "It is looked at again after {n} days.", days))


@router.command("poll_lapses_in", allow=Authority.MEMBER, typed=False, help=T("When a decision lapses."))
async def poll_lapses_in(context: Context, *, number: Number, note: Note = "") -> Reply:
    """Whoever made the poll sets it, as long as nobody else has voted."""
    there = await _own_unvoted(context, number)
    days = _days(number, "lapses", note)
    await polls.set_rule(context.tx, there, replace(there.rule, lapse_days=days))
    return Reply(
        N(
            "If it passes, it lapses after {n} day unless it is renewed.",
            "If it passes, it lapses after {n} days unless it is renewed.",
            days,
        )
    )


def _days(number: int, word: str, note: str) -> int:
    try:
        return pollline.read_days_ahead(note.split())
    except ValueError as error:
        example = Typed(f"/poll {number} {word}", _STRETCH)
        raise Refusal(T("Write after how long, like this: {example}", example=example)) from error


async def _own_unvoted(context: Context, number: int) -> Poll:
    there = await found(context, number)
    if there.maker_id != context.member.id:
        raise Refusal(T("Only whoever made it can do that."))
    mine = int(there.state == "open" and await ballots.of(context.tx, there, context.member.id) is not None)
    if there.state not in ("open", "planned", "queued") or await ballots.count(context.tx, there) > mine:
        raise Refusal(T("Somebody has voted already, so that stays as it is. Withdraw the poll and make it anew."))
    return there


# --- finding decisions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    at: datetime
    line: Text
    state: str
    search: str


_STANDING = frozenset(map(folded, ("standing", "stands", "vigente", "vigentes", "gültig", "geltend", "gilt")))
_LAPSED = frozenset(
    map(folded, ("lapsed", "dropped", "caducada", "caducadas", "caducado", "erloschen", "aufgegeben", "dejadas"))
)
_YEAR = re.compile(r"20[0-9]{2}")


@router.command(
    "decisions",
    allow=Authority.MEMBER,
    label=T("Decisions"),
    within="poll",
    help=T("What was decided. Search by words, a year, or whether it still holds."),
    sample=(T("paint"),),
    repeatable=True,
)
async def decisions(context: Context, *, words: Note = "") -> Reply:
    """The newest first, page by page."""
    return await _page(context, words, 0)


@router.command(
    "decisions_older", allow=Authority.MEMBER, typed=False, help=T("Earlier decisions."), repeatable=True, in_place=True
)
async def decisions_older(context: Context, *, after: Number, words: Note = "") -> Reply:
    """The page before."""
    return await _page(context, words, after)


async def _page(context: Context, said: str, skip: int) -> Reply:
    fitting = [one for one in await _all_decisions(context) if _fits(context, one, said)]
    page = fitting[skip : skip + PAGE]
    if not page:
        if said.strip():
            raise Refusal(
                T("No decision fits “{words}”. All of them: {all}", words=said, all=Typed("/decisions")), private=True
            )
        return Reply(T("Nothing was decided yet. Ask all: {poll}", poll=Typed("/poll")))
    following = skip + PAGE
    more = len(fitting) > following
    older = decisions_older.says(after=following, words=said) if said else decisions_older.says(after=following)
    return Reply(
        lines(
            T("{title}", title=Bold(T("Decisions"))),
            *(one.line for one in page),
            T("One of them whole: {example}", example=Typed("/decision 12")),
        ),
        buttons=((Button(label=T("Older"), says=older),),) if more else (),
    )


async def _all_decisions(context: Context) -> list[_Decision]:
    told = []
    for id_ in (await outcomes.decided(context.tx, context.committee.id))[:SEARCHED_MAX]:
        there = await polls.get(context.tx, context.committee.id, id_)
        if there is not None and there.process not in _ABOUT_OTHERS and there.closed_at is not None:
            told.append(await _of_poll(context, there, there.closed_at))
    last = await entries.last_number(context.tx, context.committee.id)
    for entry in await books.page_of(context.tx, context.committee, ["decision"], before=last + 1, limit=SEARCHED_MAX):
        body = log.body_of(entry.body)
        if "poll" in body:
            continue
        telling = Telling(
            tx=context.tx,
            committee=context.committee,
            commands=context.commands,
            reader=context.member,
            number=entry.number,
        )
        what = await log.told(telling, body)
        at = from_us(entry.at_us)
        line = T("Log no. {number}, {day}: {what} (two organizers)", number=entry.number, day=Day(at), what=what)
        if len(body.get("consents", [])) > 2:
            line = T("Log no. {number}, {day}: {what} (by consent)", number=entry.number, day=Day(at), what=what)
        told.append(_Decision(at=at, line=line, state="stands", search=_folded(context, line)))
    return sorted(told, key=lambda one: one.at, reverse=True)


async def _of_poll(context: Context, there: Poll, at: datetime) -> _Decision:
    came = await outcomes.of_poll(context.tx, there.id)
    what = await question(context, there)
    chosen = _chosen(there)
    given: Mapping[str, Any] = {"number": there.number, "day": Day(at), "what": what}
    line = T("Poll {number}, {day}: {what}", **given)
    if chosen is not None:
        line = T("Poll {number}, {day}: {what} {chosen}", **given, chosen=chosen)
    if came is not None and came.state == "lapsed":
        line = T("{line} (lapsed)", line=line)
    if came is not None and came.state == "dropped":
        line = T("{line} (dropped)", line=line)
    more = [_folded(context, line)]
    if came is not None and came.words is not None:
        more += [folded(came.words.text), *map(folded, came.words.others.values())]
    return _Decision(at=at, line=line, state=came.state if came is not None else "stands", search=" ".join(more))


def _chosen(there: Poll) -> Text | None:
    winners = (there.result or {}).get("winners", [])
    names = [option_words(there, one) for one in there.options if one.place in winners]
    return T("Chosen: {names}.", names=Listed(tuple(names))) if names else None


def _folded(context: Context, line: Words) -> str:
    return folded(shown(line, context.committee.reader))


def _fits(context: Context, one: _Decision, said: str) -> bool:
    for word in map(folded, said.split()):
        if _YEAR.fullmatch(word):
            fits = one.at.astimezone(context.committee.zone).year == int(word)
        elif word in _STANDING:
            fits = one.state in ("stands", "none")
        elif word in _LAPSED:
            fits = one.state in ("lapsed", "dropped")
        else:
            fits = word in one.search
        if not fits:
            return False
    return True


@router.command(
    "decision",
    allow=Authority.MEMBER,
    within="poll",
    help=T("One decision whole: what was asked, what came of it, and where it stands in the log."),
    repeatable=True,
)
async def decision(context: Context, *, number: Number) -> Reply:
    """What was asked and decided, done and put down; when it is looked at again; and its place in the books."""
    there = await found(context, number)
    if there.state != "closed":
        raise Refusal(
            T("Poll {number} has not decided anything yet. {polls} shows what is open.", number=number, polls=POLLS)
        )
    came = await outcomes.of_poll(context.tx, there.id)
    entry = await outcomes.entry_of(context.tx, context.committee.id, there.number)
    did = await words_did(context, there)
    return Reply(
        lines(
            T("Poll {number}: {what}", number=there.number, what=Bold(await question(context, there))),
            _verdict(there),
            _chosen(there),
            did,
            *await words.card_lines(context, there),
            await _followed_by(context, there, came),
            None
            if entry is None
            else T(
                "In the log: no. {number}, fingerprint {hash}. Whole: {log}",
                number=entry[0],
                hash=Typed(fingerprint(entry[1])),
                log=Typed(f"/log {entry[0]}"),
            ),
        ),
        buttons=((Button(label=T("The poll"), says=context.commands.named("poll_show").says(number=number)),),),
    )


async def words_did(context: Context, there: Poll) -> Text | None:
    """What was done in the committee's name."""
    did = await words.what_it_did(context, there)
    return None if did is None else T("Done in the committee's name: {what}", what=did)


def _verdict(there: Poll) -> Text | None:
    day = Day(there.closed_at) if there.closed_at is not None else ""
    match there.verdict:
        case "passed":
            return T("It has passed, {day}.", day=day)
        case "decided":
            return T("Decided, {day}.", day=day)
        case "not_done":
            return T("It has passed, {day}, but could not be carried out.", day=day)
        case "told":
            return T("Asked until {day}; nothing was to be decided.", day=day)
        case _:
            return T("It has not passed, {day}.", day=day)


async def _followed_by(context: Context, there: Poll, came: Outcome | None) -> Text | None:
    asking = await outcomes.asking_about(context.tx, there.id, "review") + await outcomes.asking_about(
        context.tx, there.id, "renewal"
    )
    if came is None or not asking:
        return None
    about = await of_id(context, asking[0])
    return T("Poll {number} asks about it just now.", number=about.number)


@router.entry("outcome", about="decisions")
async def outcome_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What came of a poll was put down, reviewed, renewed, or has lapsed."""
    number = body["poll"]
    if "lapsed" in body:
        return T("Poll {number}: what it decided has lapsed.", number=number)
    if "renewed" in body:
        return T("Poll {number}: what it decided was renewed by poll {by}.", number=number, by=body["renewed"])
    if "review" in body:
        said = {"keep": T("it stays"), "change": T("it is to be changed"), "drop": T("it is dropped")}[body["review"]]
        return T("Poll {number}: reviewed by poll {by}: {said}.", number=number, by=body["by"], said=said)
    there = await polls.numbered(telling.tx, telling.committee.id, number)
    text = None if there is None else await notes.of(telling.tx, f"outcome:{there.id}")
    name = await telling.name(body["member"])
    return T(
        "Poll {number}: {name} put down what came of it: {words}", number=number, name=name, words=text or T("(erased)")
    )
