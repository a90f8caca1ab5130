"""Polls: asking the committee, voting by a tap, closing, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot import decisions
from bot.arguments import Carried, Note, Number, Reference
from bot.chat import Button, Card, Link, Reply, Shown
from bot.domain import pollline, processes
from bot.domain.grammar import folded
from bot.domain.pollline import Line
from bot.domain.processes import Process, Rule
from bot.domain.recurrence import instant
from bot.papers import HOW, cast
from bot.polls import (
    METHODS,
    ONE,
    all_processes,
    found,
    in_languages,
    named,
    of_id,
    option_words,
    process_words,
    question,
    seal,
    secrecy_words,
    titled,
    turnout,
    vote_button,
)
from bot.router import Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Words, lines, shown
from storage import ballots, due, entries, nudges, people, polls, proxies
from storage.digests import Since
from storage.polls import Poll, Verdict

router = Router("polls", title=T("Polls"))

REMIND_BEFORE = (timedelta(days=1), timedelta(hours=3))
"""Those who have not voted are reminded so long before it closes: at most twice."""
OPEN_LEAST = timedelta(minutes=5)
OPEN_MOST = timedelta(days=180)
VOTERS_NAMED_MAX = 12
_EXAMPLE = Typed("/poll", T("Where do we meet? | Library | Union hall, closes fri 20:00"))


# --- making ------------------------------------------------------------------------------------------------------


@router.command(
    "poll",
    allow=Authority.MEMBER,
    help=T("Ask the committee something: a question, then options with | between them."),
    label=T("New poll"),
    sample=(T("Where do we meet? | Library | Union hall, closes fri 20:00"),),
)
async def poll(context: Context, *, line: Note = "") -> Reply | Card | None:
    """One line makes a poll; a number shows one; nothing begins a dialogue."""
    if not line.strip():
        raise Refusal(
            T("Write the question, then the options with | between them. Like this: {example}", example=_EXAMPLE),
            private=True,
        )
    first, _, rest = line.strip().partition(" ")
    if first.lstrip("#").isdecimal() and "|" not in rest:
        return await _about(context, int(first.lstrip("#")), rest)
    said = _read(context, line)
    process = process_words()[folded(said.process)] if said.process else _fitting(said)
    return await _make(context, process, said)


_ABOUT: Mapping[str, str] = {
    word: command
    for command, words in {
        "poll_close": "close cerrar schliessen schließen beenden",
        "poll_withdraw": "withdraw retirar zurückziehen zurueckziehen",
        "poll_receipts": "receipts recibos quittungen",
    }.items()
    for word in words.split()
}
"""What can be said of a poll, behind its number: /poll 12 close."""


async def _about(context: Context, number: int, rest: str) -> Reply | Card | None:
    if not rest.strip():
        return Card("poll", (await found(context, number)).id)
    word, _, note = rest.strip().partition(" ")
    command = context.commands.get(_ABOUT.get(word.casefold(), ""))
    if command is None:
        raise Refusal(
            T(
                "I do not know what “{word}” is for here. {poll} shows the poll.",
                word=word,
                poll=Typed(f"/poll {number}"),
            )
        )
    given: dict[str, Any] = {"number": number}
    if note.strip() and any(parameter.name == "note" for parameter in command.parameters):
        given["note"] = note.strip()
    return await context.say(command.says(**given), authority=context.authority)


def _wall(context: Context) -> datetime:
    return context.now.astimezone(context.committee.zone).replace(tzinfo=None)


def _read(context: Context, line: str) -> Line:
    try:
        said = pollline.read(line, now=_wall(context), processes=process_words())
    except pollline.Unclear as unclear:
        raise Refusal(
            T("I do not understand “{words}”. Write it like this: {example}", words=unclear.words, example=_EXAMPLE)
        ) from unclear
    return said


def _fitting(said: Line) -> Process:
    """Which process fits, where none was named."""
    return all_processes()["poll" if said.options else "proposal"]


_FAULTS: Mapping[pollline.Fault, Text] = {
    "question": T("The question is missing. Write it like this: {example}", example=_EXAMPLE),
    "long": T("The question is too long: {n} characters at most.", n=pollline.QUESTION_CHARACTERS_MAX),
    "one": T("At least two options, with | between them. Like this: {example}", example=_EXAMPLE),
    "many": T("At most {n} options. Ask about fewer, or in two polls.", n=pollline.OPTIONS_MAX),
    "twice": T("Two of the options are the same. Write each once."),
    "long_option": T("An option is too long: {n} characters at most.", n=pollline.OPTION_CHARACTERS_MAX),
}


async def _make(context: Context, process: Process, said: Line) -> Reply | Card | None:
    fault = pollline.fault(said, own=process.own == "needed")
    if fault is not None:
        raise Refusal(_FAULTS[fault])
    opens, closes = _times(context, process, said)
    rule = _with_settings(process.rule, said)
    method = process.method
    if method == "schulze" and rule.seats > 1:
        method = "scottish-stv"
    secrecy = process.secrecy if said.hidden is None else "hidden" if said.hidden else "open"
    made = await polls.add(
        context.tx,
        context.committee,
        process=process.name,
        method=method,
        rule=rule,
        secrecy=secrecy,
        question=said.question,
        options=said.options if process.own == "needed" else (),
        maker_id=context.member.id,
        opens=opens,
        closes=closes,
        now=context.now,
    )
    return await _begin(context, made)


def _times(context: Context, process: Process, said: Line) -> tuple[datetime | None, datetime]:
    zone = context.committee.zone
    opens = None if said.opens is None else instant(said.opens, zone)
    begins = opens or context.now
    closes = begins + timedelta(days=process.days) if said.closes is None else instant(said.closes, zone)
    if opens is not None and opens <= context.now:
        raise Refusal(T("It would open in the past. Write a time that is still ahead, like {x}.", x=Typed("mon 9:00")))
    if closes - begins < OPEN_LEAST:
        raise Refusal(
            T(
                "It would close in the past, or at once. Write a time that is still ahead, like {x}.",
                x=Typed("fri 20:00"),
            )
        )
    if closes - begins > OPEN_MOST:
        raise Refusal(T("A poll is open for at most {n} days.", n=OPEN_MOST.days))
    return opens, closes


def _with_settings(rule: Rule, said: Line) -> Rule:
    if said.quorum is not None:
        rule = replace(rule, quorum=said.quorum)
    if said.threshold is not None:
        rule = processes.with_threshold(rule, said.threshold)
    if "receipts" in said.extra:
        rule = replace(rule, receipts=True)
    if said.seats is not None:
        rule = replace(rule, seats=max(1, min(said.seats, len(said.options) or 1)))
    return rule


async def _begin(context: Context, made: Poll) -> Reply | Card | None:
    """Open it now, or at its time."""
    if made.opens_at is not None:
        await due.plan(
            context.tx,
            f"poll_open:{made.id}",
            poll_open.says(poll=made.id),
            local=made.opens_at.astimezone(UTC).replace(tzinfo=None),
            zone=ZoneInfo("UTC"),
            committee=context.committee.id,
            late="do",
        )
        words = T("Poll {number} opens {when}.", number=made.number, when=made.opens_at)
        await context.tell_group(words)
        return Reply(words)
    return await _open(context, made)


async def _open(context: Context, made: Poll) -> Reply | Card | None:
    voters = await _voters(context, made)
    if not voters:
        raise Refusal(T("Nobody here has a vote, so nothing can be decided."))
    if made.secrecy == "hidden" and len(voters) < processes.HIDDEN_BALLOTS_MIN:
        raise Refusal(_few_words(len(voters)))
    active = await polls.count_active(context.tx, voters, now=context.now)
    opened = await polls.open_(context.tx, context.committee, made, voters, active=active, now=context.now)
    await _plan(context, opened)
    card = Card("poll", opened.id)
    if context.place is not None and not context.place.private:
        return card
    await context.show(card)
    return Reply(T("Poll {number} is open in the group.", number=opened.number)) if context.place is not None else None


def _few_words(n: int) -> Text:
    return N(
        "Only {n} member has a vote here. With fewer than {least} ballots it shows who voted what, so such a poll "
        "cannot be hidden. Add “, names” at the end, and names are shown.",
        "Only {n} members have a vote here. With fewer than {least} ballots it shows who voted what, so such a poll "
        "cannot be hidden. Add “, names” at the end, and names are shown.",
        n,
        least=processes.HIDDEN_BALLOTS_MIN,
    )


async def _voters(context: Context, made: Poll) -> frozenset[int]:
    """Who has a vote now, without whom it concerns."""
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    members = frozenset(facts.members)
    if made.secrecy == "open":
        members |= await proxies.votes_on_paper(context.tx, context.committee.id)
    command = None if made.says is None else context.commands.get(made.says.command)
    if made.says is not None and command is not None and command.concerns is not None:
        return members - {made.says.arguments[command.concerns]}
    return members


async def _plan(context: Context, opened: Poll) -> None:
    """Its end, and the reminders before it."""
    assert opened.closes_at is not None
    await _at(context, f"poll_close:{opened.id}", poll_due.says(poll=opened.id), opened.closes_at)
    for at, before in enumerate(REMIND_BEFORE):
        if opened.closes_at - before > context.now and at >= opened.reminded:
            key = f"poll_remind:{opened.id}:{at}"
            await _at(context, key, poll_remind.says(poll=opened.id), opened.closes_at - before)


async def _at(context: Context, key: str, says: Any, when: datetime) -> None:
    await due.plan(
        context.tx,
        key,
        says,
        local=when.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )


@router.command("poll_open", allow=Authority.CLOCK, typed=False, help=T("A poll opens."))
async def poll_open(context: Context, *, poll: Reference) -> None:
    """Its time has come."""
    made = await polls.get(context.tx, context.committee.id, poll)
    if made is None or made.state not in ("planned", "queued", "draft"):
        return
    try:
        async with context.tx.savepoint():
            await _open(context, made)
    except Refusal as refusal:
        # Nobody is there to be asked back: it is told to all, and does not open.
        await polls.set_state(context.tx, made, "withdrawn")
        why = shown(refusal.words, context.committee.reader)
        await context.announce(T("Poll {number} did not open: {why}", number=made.number, why=why))


@router.command("poll_carry", allow=Authority.MEMBER, typed=False, help=T("Let the whole committee decide something."))
async def poll_carry(context: Context, *, carried: Carried) -> Reply | Card | None:
    """A command that needs the committee's authority: if the poll passes, it is said in the committee's name."""
    await context.would(carried, authority=Authority.COMMITTEE)
    same = await polls.same_open(context.tx, context.committee.id, carried)
    process = all_processes()["change"]
    if same is None:
        same = await polls.add(
            context.tx,
            context.committee,
            process=process.name,
            method=process.method,
            rule=process.rule,
            secrecy=process.secrecy,
            question="",
            options=(),
            maker_id=context.member.id,
            opens=None,
            closes=context.now + timedelta(days=process.days),
            now=context.now,
            says=carried,
        )
        answer = await _open(context, same)
        same = await of_id(context, same.id)
    else:
        answer = Card("poll", same.id)
    yes = next(one for one in same.options if one.key == "yes")
    if await polls.may_vote(context.tx, same, context.member.id):
        # Whoever asks for it is for it. That can be changed like any vote.
        await ballots.cast(context.tx, same, context.member.id, yes.place)
        settled = await context.say(poll_settle.says(poll=same.id), authority=Authority.CLOCK)
        return settled or answer
    return answer


# --- voting ------------------------------------------------------------------------------------------------------


@router.command("poll_choose", allow=Authority.MEMBER, typed=False, help=T("Vote."))
async def poll_choose(context: Context, *, poll: Reference, place: Reference) -> Reply | Card | None:
    """One tap, in polls where everybody says one thing."""
    there = await of_id(context, poll)
    option = there.option(place)
    if option is None or option.withdrawn or there.method not in ONE:
        raise Refusal(T("That cannot be chosen any more. Choose another option."), private=True)
    # In a group it is a pop-up that nobody else sees; a receipt is to be kept, where there is a place for it.
    reached = there.rule.receipts and await people.private_chat_of(context.tx, context.member.person_id) is not None
    answer = await cast(context, there, place, buttons=context.in_private, short=not context.in_private and not reached)
    return replace(answer, fleeting=not reached)


def _until(there: Poll) -> datetime:
    assert there.closes_at is not None
    return there.closes_at


@router.command("poll_settle", allow=Authority.CLOCK, typed=False, help=T("A poll is settled by the last vote."))
async def poll_settle(context: Context, *, poll: Reference) -> Reply | Card | None:
    """Close it early, where those who have not voted could not change it."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "open" or not there.rule.early or there.method != "options":
        return None
    if there.secrecy == "hidden" and await ballots.missing(context.tx, there):
        # That it is decided would tell how the count stood at this vote.
        return None
    turned = await turnout(context, there)
    if processes.settled(there.rule, await _tally(context, there), turned) is None:
        return None
    return await _close(context, there)


async def _tally(context: Context | View, there: Poll) -> dict[str, int]:
    """How many said what, by the keys of the process's options."""
    said = Counter(one.choice for one in await ballots.all_of(context.tx, there))
    return {one.key: said[one.place] for one in there.options if one.key is not None}


# --- closing -----------------------------------------------------------------------------------------------------


@router.command("poll_remind", allow=Authority.CLOCK, typed=False, help=T("Who has not voted is reminded."))
async def poll_remind(context: Context, *, poll: Reference) -> None:
    """In private, at most twice."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "open":
        return
    await polls.reminded(context.tx, there)
    what = await question(context, there)
    words = T("You can still vote until {until}: {what}", until=_until(there), what=what)
    vote = Button(label=T("Vote"), says=poll_show.says(number=there.number))
    for member_id in await ballots.missing(context.tx, there):
        member = await people.member(context.tx, context.committee.id, member_id)
        if member is not None and member.active:
            await context.nudge(member, words, buttons=((vote,),), key=there.thing)


@router.command("poll_due", allow=Authority.CLOCK, typed=False, help=T("A poll closes."))
async def poll_due(context: Context, *, poll: Reference) -> None:
    """Its time is over: it is counted; or it is open for longer, once, where only a few are missing."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "open":
        return
    turned = await turnout(context, there)
    if not there.extended and processes.close_to_quorum(there.rule, turned):
        longer = _until(there) + timedelta(hours=there.rule.extend_hours)
        await polls.extend(context.tx, there, longer)
        await _plan(context, await of_id(context, there.id))
        missing = processes.quorum_needed(there.rule, turned) - turned.voters
        await context.announce(
            N(
                "Poll {number}: {n} vote is missing for it to count, so it is open until {until}, once.",
                "Poll {number}: {n} votes are missing for it to count, so it is open until {until}, once.",
                missing,
                number=there.number,
                until=longer,
            )
        )
        return
    await _close(context, there)


@router.command(
    "poll_close",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Close a poll of yours before its time."),
)
async def poll_close(context: Context, *, number: Number) -> Reply | Card | None:
    """Whoever made it closes it, once everybody has voted."""
    there = await _own_open(context, number)
    if await ballots.missing(context.tx, there):
        raise Refusal(
            T(
                "Not everybody has voted yet. Poll {number} closes by itself: {until}.",
                number=number,
                until=_until(there),
            )
        )
    return await _close(context, there)


@router.command(
    "poll_withdraw",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Withdraw a poll of yours."),
)
async def poll_withdraw(context: Context, *, number: Number) -> Reply:
    """Whoever made it takes it back; nothing is counted."""
    there = await _own_open(context, number)
    await _over(context, there)
    await ballots.drop(context.tx, there)
    await polls.set_state(context.tx, there, "withdrawn")
    await entries.append(
        context.tx, context.committee, "poll", {"poll": there.number, "withdrawn": context.member.id}, now=context.now
    )
    words = T("Withdrawn: poll {number}.", number=number)
    await context.tell_group(words)
    return Reply(words)


async def _own_open(context: Context, number: int) -> Poll:
    there = await found(context, number)
    if there.maker_id != context.member.id:
        raise Refusal(T("Only whoever made it can do that."))
    if there.state not in ("open", "planned", "queued"):
        raise Refusal(T("Poll {number} is over.", number=number))
    return there


async def _over(context: Context, there: Poll) -> None:
    """Nothing more falls due for it, and nobody is reminded of it."""
    await due.cancel(context.tx, f"poll_open:{there.id}")
    await due.cancel(context.tx, f"poll_close:{there.id}")
    for at in range(len(REMIND_BEFORE)):
        await due.cancel(context.tx, f"poll_remind:{there.id}:{at}")
    await nudges.withdraw(context.tx, there.thing)


async def _close(context: Context, there: Poll) -> Reply | Card | None:
    """Count, put down what came of it, tell, and do what it carries."""
    await _over(context, there)
    turned = await turnout(context, there)
    verdict: Verdict
    result: dict[str, Any] = {"voters": turned.voters, "roll": turned.roll}
    if there.secrecy == "hidden" and turned.voters < processes.HIDDEN_BALLOTS_MIN:
        verdict = "too_few"
    elif not processes.quorate(there.rule, turned):
        verdict = "no_quorum"
    else:
        verdict, counted = await _counted(context, there, turned)
        result |= counted
    await seal(context, there)
    await polls.close(context.tx, there, verdict, result, now=context.now)
    await entries.append(
        context.tx,
        context.committee,
        "poll",
        {"poll": there.number, "closed": verdict, "result": result, "seed": there.seed},
        now=context.now,
    )
    closed = await of_id(context, there.id)
    if verdict == "passed" and closed.says is not None:
        return await _carry_out(context, closed)
    words = lines(
        T("Poll {number} is closed: {what}", number=there.number, what=await question(context, there)),
        *result_words(closed),
    )
    await context.announce(words)
    return None


async def _counted(context: Context, there: Poll, turned: processes.Turnout) -> tuple[Verdict, dict[str, Any]]:
    """The verdict of polls where everybody says one thing; totals are by place."""
    said = Counter(one.choice for one in await ballots.all_of(context.tx, there))
    totals = {str(one.place): said[one.place] for one in there.options}
    if there.method == "options":
        if not there.rule.tests:
            return "told", {"totals": totals}
        came = processes.outcome(there.rule, await _tally(context, there), turned)
        return ("passed" if came.passed else "failed"), {"totals": totals}
    most = max((said[one.place] for one in there.standing), default=0)
    best = [one.place for one in there.standing if said[one.place] == most]
    return ("decided" if len(best) == 1 else "tied"), {"totals": totals, "winners": best}


async def _carry_out(context: Context, closed: Poll) -> Reply | Card | None:
    """Do what was decided, in the committee's name; a refusal now is told, and nothing else is lost."""
    assert closed.says is not None
    await decisions.put_down(context, closed.says, {"poll": closed.number})
    what = await question(context, closed)
    try:
        answer = await context.say(closed.says, authority=Authority.COMMITTEE)
    except Refusal as refusal:
        why = shown(refusal.words, context.committee.reader)
        await polls.judge(context.tx, closed, "not_done")
        words = T("Poll {number} has passed, but it could not be carried out: {why}", number=closed.number, why=why)
        await context.announce(words)
        return None
    await context.announce(T("Poll {number} has passed: {what}", number=closed.number, what=what))
    return answer if isinstance(answer, Card) else None


# --- showing -----------------------------------------------------------------------------------------------------


@router.command("poll_show", allow=Authority.MEMBER, typed=False, help=T("Show a poll."), repeatable=True)
async def poll_show(context: Context, *, number: Number) -> Card:
    """The poll's card, here."""
    return Card("poll", (await found(context, number)).id)


@router.command(
    "polls",
    allow=Authority.MEMBER,
    label=T("Polls"),
    help=T("What can be decided now, and what was decided lately."),
    repeatable=True,
)
async def polls_(context: Context) -> Reply:
    """Open, planned and the newest closed ones."""
    there = await polls.in_state(context.tx, context.committee.id, "open", "counting", limit=10)
    ahead = await polls.in_state(context.tx, context.committee.id, "planned", "queued", limit=10)
    closed = await polls.newest(context.tx, context.committee.id, limit=5)
    told: list[Words] = [await _line(context, one) for one in (*there, *ahead, *closed)]
    buttons = [
        (Button(label=T("Poll {number}", number=one.number), says=poll_show.says(number=one.number)),) for one in there
    ]
    if not told:
        return Reply(T("There is no poll yet. Make one: {example}", example=_EXAMPLE))
    return Reply(lines(T("{title}", title=Bold(T("Polls"))), *told), buttons=tuple(buttons))


async def _line(context: Context, one: Poll) -> Text:
    what = await question(context, one)
    if one.state == "closed":
        return T("{number}: {what} Closed.", number=one.number, what=what)
    if one.state in ("planned", "queued"):
        return T("{number}: {what} Not open yet.", number=one.number, what=what)
    return T("{number}: {what} Until {until}.", number=one.number, what=what, until=_until(one))


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Where this member's vote is missing."""
    told = []
    for one in await polls.in_state(context.tx, context.committee.id, "open"):
        if not await polls.may_vote(context.tx, one, context.member.id):
            continue
        if await ballots.of(context.tx, one, context.member.id) is None:
            vote = Button(label=T("Vote"), says=poll_show.says(number=one.number))
            words = T("Poll {number}: {what}", number=one.number, what=await question(context, one))
            told.append(Todo(words=words, buttons=(vote,), by=one.closes_at))
    return told


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """What was decided, and what is open."""
    told = []
    for _, body in await entries.since(context.tx, context.committee.id, since.entry, "poll"):
        one = await polls.numbered(context.tx, context.committee.id, body["poll"])
        if "closed" in body and one is not None:
            words = T("Poll {number} is closed: {what}", number=one.number, what=await question(context, one))
            told.append(Todo(words=lines(words, *result_words(one))))
    for one in await polls.in_state(context.tx, context.committee.id, "open", limit=5):
        words = T("Poll {number}: {what}", number=one.number, what=await question(context, one))
        vote = Button(label=T("Vote"), says=poll_show.says(number=one.number))
        told.append(Todo(words=words, buttons=(vote,), by=one.closes_at))
    return told


@router.entry("poll", about="decisions")
async def poll_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A poll opened, closed or was withdrawn."""
    number = body["poll"]
    if "opened" in body:
        return N(
            "Poll {number} opened: {n} member may vote.",
            "Poll {number} opened: {n} members may vote.",
            body["voters"],
            number=number,
        )
    if "closed" in body:
        return T("Poll {number} closed: {verdict}", number=number, verdict=VERDICTS[body["closed"]])
    return T("Poll {number} was withdrawn.", number=number)


@router.entry("decision", "poll", about="decisions")
async def decision_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What a poll decided, and carried."""
    what = await decisions.told(telling, body)
    return T("Poll {number} decided: {what}", number=body["poll"], what=what)


VERDICTS: Mapping[str, Text] = {
    "passed": T("it has passed."),
    "failed": T("it has not passed."),
    "decided": T("it is decided."),
    "tied": T("it is a tie."),
    "told": T("nothing was to be decided."),
    "no_quorum": T("too few voted for it to count."),
    "too_few": T("too few voted for it to stay hidden who voted what, so nothing was counted."),
    "not_done": T("it has passed, but could not be carried out."),
}


@router.card("poll")
async def poll_card(view: View, ref: int) -> Shown | None:
    """What is asked, how it stands, and how to vote; once it is closed, what came of it."""
    there = await polls.get(view.tx, view.committee.id, ref)
    if there is None or there.state == "draft":
        return None
    maker = await named(view, view.committee, there.maker_id)
    heading = T(
        "{title} {number} by {name}: {what}",
        title=titled(there),
        number=there.number,
        name=maker,
        what=Bold(await question(view, there)),
    )
    match there.state:
        case "closed":
            return Shown(lines(heading, *await _closed_lines(view, there)))
        case "withdrawn":
            return Shown(lines(heading, T("Withdrawn.")))
        case "planned" | "queued":
            return Shown(lines(heading, T("It opens {when}.", when=there.opens_at or view.now)))
        case "counting":
            return Shown(lines(heading, T("It is being counted.")))
        case _:
            return await _open_card(view, there, heading)


async def _open_card(view: View, there: Poll, heading: Words) -> Shown:
    turned = await turnout(view, there)
    said = await _standings(view, there) if there.secrecy == "open" and there.method in ONE else None
    told: list[Words] = [heading]
    for one in there.standing:
        label = option_words(there, one)
        choice = there.rule.choice(one.key)
        meaning = in_languages(choice.meaning) if choice is not None and choice.meaning else None
        what = T("{label}: {meaning}", label=label, meaning=meaning) if meaning is not None else label
        voters = said.get(one.place) if said is not None else None
        told.append(
            T("{n}. {what}: {voters}", n=one.place, what=what, voters=voters)
            if voters is not None
            else T("{n}. {what}", n=one.place, what=what)
        )
    process = all_processes().get(there.process)
    how = in_languages(process.meaning) if process is not None else METHODS[there.method]
    told.append(T("{how} Open until {until}.", how=how, until=_until(there)))
    if there.secrecy == "open":
        told.append(T("Voted: {n} of {all}. Names are shown.", n=turned.voters, all=turned.roll))
        told += await _assisted(view, there)
    else:
        told.append(secrecy_words(there))
        if there.secrecy == "hidden" and there.method in ONE and view.popups and not view.private:
            told.append(T("Tap here: only you see the answer, and this card does not change."))
    needed = processes.quorum_needed(there.rule, turned)
    if needed:
        told.append(N("It counts if at least {n} votes.", "It counts if at least {n} vote.", needed))
    told.append(_seals(there, turned.roll))
    return Shown(lines(*told), buttons=_vote_buttons(view, there))


def _seals(there: Poll, roll: int) -> Words:
    """What was fixed at the opening: who may vote, and with what a tie is decided."""
    from bot.domain.chain import fingerprint

    assert there.roll_hash is not None
    assert there.commitment is not None
    may = N("{n} may vote (roll {roll}).", "{n} may vote (roll {roll}).", roll, roll=fingerprint(there.roll_hash))
    if there.method == "options":
        return may
    return T("{may} A tie is decided by lot (sealed {lot}).", may=may, lot=fingerprint(there.commitment))


def _vote_buttons(view: View, there: Poll) -> tuple[tuple[Button | Link, ...], ...]:
    ballot = view.commands.get("ballot")
    # Where a tap is answered by a pop-up, nobody else sees what was tapped, in a group either.
    if there.method in ONE and (there.secrecy == "open" or view.private or (view.popups and there.secrecy == "hidden")):
        found = [vote_button(view.commands, there, one) for one in there.standing]
        rows: list[tuple[Button | Link, ...]] = [tuple(found[at : at + 2]) for at in range(0, len(found), 2)]
        if there.secrecy == "hidden" and not view.private and ballot is not None:
            rows.append((Link(label=T("Vote in private"), says=ballot.says(number=there.number)),))
        return tuple(rows)
    if ballot is None:
        return ()
    says = ballot.says(number=there.number)
    return ((Button(label=T("Vote"), says=says) if view.private else Link(label=T("Vote in private"), says=says),),)


async def _assisted(view: View, there: Poll) -> list[Words]:
    """How many ballots came in otherwise than by the voter."""
    counts = await ballots.count_how(view.tx, there)
    ways = tuple(T("{n} {how}", n=counts[how], how=words) for how, words in HOW.items() if counts[how])
    return [T("Of these: {ways}.", ways=Listed(ways))] if ways else []


async def _standings(view: View, there: Poll) -> dict[int, Text]:
    """Who has said what so far."""
    by_place: dict[int, list[Text]] = {}
    for member_id, ballot in (await ballots.by_voter(view.tx, there)).items():
        name = await named(view, view.committee, member_id)
        if ballot.how in HOW:
            name = T("{name}, {how}", name=name, how=HOW[ballot.how])
        by_place.setdefault(ballot.choice, []).append(name)
    return {
        place: T("{n} ({names})", n=len(names), names=Listed(tuple(names)))
        if len(names) <= VOTERS_NAMED_MAX
        else T("{n}", n=len(names))
        for place, names in by_place.items()
    }


async def _closed_lines(view: View, there: Poll) -> list[Words]:
    return result_words(there)


def result_words(there: Poll) -> list[Words]:
    """What came of it, in a few lines."""
    result = there.result or {}
    totals: Mapping[str, int] = result.get("totals", {})
    told: list[Words] = [
        T("{option}: {n}", option=option_words(there, one), n=totals[str(one.place)])
        for one in there.options
        if str(one.place) in totals
    ]
    winners = [one for one in there.options if one.place in result.get("winners", [])]
    if winners:
        names = Listed(tuple(option_words(there, one) for one in winners))
        told.append(
            T("Chosen: {names}.", names=names) if there.verdict == "decided" else T("A tie: {names}.", names=names)
        )
    told.append(T("Voted: {n} of {all}.", n=result.get("voters", 0), all=result.get("roll", 0)))
    if there.verdict in ("passed", "failed", "no_quorum", "too_few", "not_done"):
        told.append(T("So {verdict}", verdict=VERDICTS[there.verdict]))
    return told
