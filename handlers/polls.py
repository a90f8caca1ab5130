"""Polls: asking the committee, voting by a tap, closing, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot import calculations, decisions, making, objections, outcomes, together
from bot.arguments import Carried, LongNote, Number, Reference
from bot.chat import Button, Card, Link, Reply, Shown
from bot.domain import processes
from bot.domain.board import plain
from bot.domain.chain import fingerprint
from bot.domain.grammar import folded
from bot.papers import HOW, cast
from bot.polls import (
    BEGUN_BY,
    ONE,
    after_closing,
    after_withdrawing,
    all_processes,
    found,
    how_decided,
    in_languages,
    named,
    of_id,
    option_words,
    process_words,
    question,
    seal,
    secrecy_words,
    turnout,
    vote_button,
)
from bot.results import (
    VERDICTS,
    ballots_hash,
    election,
    exported,
    for_log,
    is_small,
    keeps_ballots,
    lot,
    result_words,
    verdict_of,
)
from bot.router import Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Words, lines, shown
from storage import ballots, computations, entries, nudges, people, polls
from storage.digests import Since
from storage.polls import Poll, Verdict

router = Router("polls", title=T("Polls"))

VOTERS_NAMED_MAX = 12


# --- making ------------------------------------------------------------------------------------------------------


@router.command(
    "poll",
    allow=Authority.MEMBER,
    help=T("Ask the committee something: a question, then options with | between them."),
    label=T("New poll"),
    sample=(T("Where do we meet? | Library | Union hall, closes fri 20:00"),),
)
async def poll(context: Context, *, line: LongNote = "") -> Reply | Card | None:
    """One line makes a poll; a number shows one; nothing begins a dialogue."""
    if not line.strip():
        return await context.say(context.commands.named("poll_begin").says(), authority=context.authority)
    first, _, rest = line.strip().partition(" ")
    if first.lstrip("#").isdecimal() and len(first) <= NUMBER_DIGITS_MAX and "|" not in rest:
        return await _about(context, int(first.lstrip("#")), rest)
    kept = context.commands.get(_KEPT.get(plain(first), ""))
    if kept is not None and "|" not in rest:
        return await context.say(kept.says(note=rest.strip()), authority=context.authority)
    own = process_words().get(folded(first.rstrip(":")))
    if own is not None and own.method in BEGUN_BY:
        # When to meet, surveys and slots are areas of their own.
        begins = context.commands.named(BEGUN_BY[own.method])
        if not rest.strip():
            return await context.say(context.commands.asking(begins.says()), authority=context.authority)
        return await context.say(begins.says(line=rest.strip()), authority=context.authority)
    return await making.make(context, making.read(context, line))


NUMBER_DIGITS_MAX = 9
_ABOUT: Mapping[str, str] = {
    word: command
    for command, words in {
        "poll_close": "close cerrar schliessen schließen beenden",
        "poll_withdraw": "withdraw retirar zurückziehen zurueckziehen",
        "poll_review_in": "review revisar überprüfen ueberpruefen",
        "poll_lapses_in": "lapses caduca vence erlischt verfällt",
        "poll_result": "result resultado ergebnis",
        "poll_count": "count recuento auszählung auszaehlung",
        "poll_verify": "verify recount verificar prüfen pruefen nachzählen nachzaehlen",
        "poll_why": "why explain porqué porque warum",
        "poll_picture": "picture imagen bild",
        "poll_export": "export exportar exportieren",
        "poll_drop": "drop quitar streichen",
        "poll_add": "add añadir anadir agregar hinzufügen hinzufuegen",
        "poll_amend": "amend enmendar ändern aendern",
        "poll_stop": "stop parar stopp stoppen",
        "poll_keep": "template plantilla vorlage",
        "poll_receipts": "receipts recibos quittungen",
    }.items()
    for word in words.split()
}
"""What can be said of a poll, behind its number: /poll 12 close."""
_KEPT: Mapping[str, str] = {
    **dict.fromkeys(map(plain, ("template", "plantilla", "vorlage")), "poll_template"),
    **dict.fromkeys(map(plain, ("templates", "plantillas", "vorlagen")), "poll_templates"),
}
"""What begins with a word in the place of a number: /poll template meeting place."""


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


@router.command("poll_open", allow=Authority.CLOCK, typed=False, help=T("A poll opens."))
async def poll_open(context: Context, *, poll: Reference) -> None:
    """Its time has come."""
    made = await polls.get(context.tx, context.committee.id, poll)
    if made is None or made.state not in ("planned", "queued", "draft"):
        return
    if not await making.voters(context, made):
        await polls.set_state(context.tx, made, "withdrawn")
        return
    try:
        async with context.tx.savepoint():
            await making.open_or_queue(context, made)
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
    command = context.commands.named(carried.command)
    hours = 24 * process.days if command.poll_hours is None else command.poll_hours
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
            closes=context.now + timedelta(hours=hours),
            now=context.now,
            says=carried,
        )
        answer = await making.open_now(context, same)
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
    choice = there.rule.choice(option.key)
    if choice is not None and choice.objects and await objections.reason_missing(context, there):
        return Reply(
            T(
                "Counted: {option}. It needs a reason within a day, or it does not count: {command}",
                option=option_words(there, option),
                command=Typed(f"/object {there.number}", T("it would …")),
            ),
            private=True,
        )
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
    if await objections.open_ended(context, there):
        return None
    standing = await objections.standing(context, there)
    if processes.settled(there.rule, await _tally(context, there), turned, standing=standing) is None:
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
    if there is None or there.state != "open" or there.secrecy == "external":
        # Who has voted elsewhere is not known here.
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
    if there.secrecy == "external":
        await context.say(context.commands.named("poll_elsewhere").says(poll=there.id), authority=Authority.CLOCK)
        return
    why = await _why_longer(context, there)
    if why is None:
        await _close(context, there)
        return
    await polls.extend(context.tx, there, _longer(there))
    # What still waits to be said of it names the earlier time.
    await nudges.withdraw(context.tx, there.thing)
    await making.plan_end(context, await of_id(context, there.id))
    await context.announce(why)


def _longer(there: Poll) -> datetime:
    return _until(there) + timedelta(hours=there.rule.extend_hours)


async def _why_longer(context: Context, there: Poll) -> Text | None:
    """Why it is open for longer, which happens once; None: it is not."""
    if there.extended or not there.rule.extend_hours:
        return None
    number, until = there.number, _longer(there)
    turned = await turnout(context, there)
    if processes.close_to_quorum(there.rule, turned):
        missing = processes.quorum_needed(there.rule, turned) - turned.voters
        if there.secrecy == "hidden":
            # How many have voted so far is nobody's business.
            return T(
                "Poll {number}: a few votes are missing for it to count, so it is open until {until}, once.",
                number=number,
                until=until,
            )
        return N(
            "Poll {number}: {n} vote is missing for it to count, so it is open until {until}, once.",
            "Poll {number}: {n} votes are missing for it to count, so it is open until {until}, once.",
            missing,
            number=number,
            until=until,
        )
    if await objections.awaited(context, there):
        return T(
            "Poll {number}: somebody has just objected and may still say why, so it is open until {until}, once.",
            number=number,
            until=until,
        )
    return None


@router.command(
    "poll_close",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Close a poll of yours before its time."),
)
async def poll_close(context: Context, *, number: Number) -> Reply | Card | None:
    """Whoever made it closes it, once everybody has voted."""
    there = await making.own(context, number, "open")
    if there.method in BEGUN_BY:
        closes = context.commands.named(f"{there.method}_close")
        return await context.say(closes.says(number=number), authority=context.authority)
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
    there = await making.own(context, number, "open", "planned", "queued")
    await making.over(context, there)
    await ballots.drop(context.tx, there)
    if there.method == "survey":
        # What people have answered in words goes at once.
        gone = context.commands.named("survey_withdrawn")
        await context.say(gone.says(poll=there.id), authority=Authority.CLOCK)
    await polls.set_state(context.tx, there, "withdrawn")
    await after_withdrawing(context, there)
    await making.serve_queue(context)
    await entries.append(
        context.tx, context.committee, "poll", {"poll": there.number, "withdrawn": context.member.id}, now=context.now
    )
    words = T("Withdrawn: poll {number}.", number=number)
    await context.tell_group(words)
    return Reply(lines(words, await making.again_words(context, there)))


async def _close(context: Context, there: Poll) -> Reply | Card | None:
    """Count, put down what came of it, tell, and do what it carries. What takes long is counted beside the chats."""
    await making.over(context, there)
    turned = await turnout(context, there)
    if there.secrecy == "hidden" and turned.voters < processes.HIDDEN_BALLOTS_MIN:
        return await _finish(context, there, "too_few", {})
    if not turned.voters or not processes.quorate(there.rule, turned):
        return await _finish(context, there, "no_quorum", {})
    if there.method != "options" and not is_small(there, turned.voters):
        await polls.set_state(context.tx, there, "counting")
        await _count_aside(context, there, attempt=1)
        return Card("poll", there.id) if context.place is not None else None
    verdict, counted = await _counted(context, there, turned)
    return await _finish(context, there, verdict, counted)


async def _finish(context: Context, there: Poll, verdict: Verdict, counted: Mapping[str, Any]) -> Reply | Card | None:
    """It is counted; and the areas that deal with what comes after it do so."""
    answer = await _conclude(context, there, verdict, counted)
    await after_closing(context, there)
    return answer


async def _conclude(context: Context, there: Poll, verdict: Verdict, counted: Mapping[str, Any]) -> Reply | Card | None:
    """Write it down, tell, and do what it carries."""
    turned = await turnout(context, there)
    found_ = await ballots.all_of(context.tx, there)
    result: dict[str, Any] = {"voters": turned.voters, "roll": turned.roll, **counted}
    salt = there.seed or ""
    if keeps_ballots(there, turned.voters):
        salt = result["salt"] = f"{context.tx.token()}{context.tx.token()}"
    result["ballots"] = ballots_hash(there, found_, salt)
    if verdict == "no_quorum":
        result["quorum"] = max(1, processes.quorum_needed(there.rule, turned))
    await seal(context, there)
    await polls.close(context.tx, there, verdict, result, now=context.now)
    await entries.append(
        context.tx,
        context.committee,
        "poll",
        {"poll": there.number, "closed": verdict, "result": for_log(result), "seed": there.seed},
        now=context.now,
    )
    closed = await of_id(context, there.id)
    if verdict == "passed" and closed.says is not None:
        return await _carry_out(context, closed)
    words = lines(
        T("Poll {number} is closed: {what}", number=there.number, what=await question(context, there)),
        *result_words(closed),
        *await together.pending_lines(context, closed),
    )
    await context.announce(words)
    return None


async def _counted(context: Context, there: Poll, turned: processes.Turnout) -> tuple[Verdict, dict[str, Any]]:
    """The verdict, and what it rests on; totals are by place."""
    if there.method != "options":
        return verdict_of(there, calculations.poll(await _election(context, there)))
    said = Counter(one.choice for one in await ballots.all_of(context.tx, there))
    counted: dict[str, Any] = {"totals": {str(one.place): said[one.place] for one in there.options}}
    if not there.rule.tests:
        return "told", counted
    tally = await _tally(context, there)
    standing = await objections.standing(context, there)
    came = processes.outcome(there.rule, tally, turned, standing=standing)
    counted["tests"] = [[one.count, one.whole] for one in came.held]
    counted["margin"] = {"n": processes.margin(there.rule, tally, turned, standing=standing), "exact": True}
    return ("passed" if came.passed else "failed"), counted


async def _election(context: Context, there: Poll) -> dict[str, Any]:
    """All that the count depends on, as plain values."""
    return exported(there, election(there, await ballots.all_of(context.tx, there)), lot=lot(there))


COUNTS_MAX = 3
"""So often it is counted again, where ballots have changed meanwhile: they should not, it is closed."""


async def _count_aside(context: Context, there: Poll, *, attempt: int) -> None:
    says = poll_counted.says(poll=there.id, attempt=attempt)
    await computations.want(
        context.tx, context.committee.id, "poll", await _election(context, there), says, now=context.now
    )


@router.command("poll_counted", allow=Authority.CLOCK, typed=False, help=T("A poll is counted."))
async def poll_counted(
    context: Context, *, poll: Reference, attempt: Number, computation: Reference | None = None
) -> Reply | Card | None:
    """What was worked out stands if the ballots are still the same; else it is counted again."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "counting":
        return None
    done = await computations.computed(context.tx, context.committee.id, computation or 0)
    same = done is not None and done.hash == computations.hash_of(await _election(context, there))
    if done is None or not same or done.result is None:
        if attempt < COUNTS_MAX:
            await _count_aside(context, there, attempt=attempt + 1)
            return None
        words = T(
            "I could not count poll {number}: something is wrong with me. No ballot is lost. Tell whoever runs me.",
            number=there.number,
        )
        await context.tell_organizers(words)
        return None
    verdict, counted = verdict_of(there, done.result)
    return await _finish(context, there, verdict, counted)


async def _carry_out(context: Context, closed: Poll) -> Reply | Card | None:
    """Do what was decided, in the committee's name; a refusal now is told, and nothing else is lost."""
    assert closed.says is not None
    await decisions.put_down(context, closed.says, {"poll": closed.number})
    what = await question(context, closed)
    try:
        # The committee says it, not whoever has voted last: what is to be told goes to every group.
        answer = await replace(context, place=None).say(closed.says, authority=Authority.COMMITTEE)
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
        return Reply(T("There is no poll yet. Make one: {example}", example=making.EXAMPLE))
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
        elsewhere = one.secrecy == "external" or one.method == "slots"
        if elsewhere or not await polls.may_vote(context.tx, one, context.member.id):
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
        if "closed" in body and one is not None and one.method not in BEGUN_BY:
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
    if "moved" in body:
        return T("Poll {number} was amended: it goes on as poll {later}.", number=number, later=body["moved"])
    if "dropped" in body:
        return T("Option {n} of poll {number} was withdrawn.", n=body["dropped"], number=number)
    if "added" in body:
        return T("Option {n} was added to poll {number}.", n=body["added"], number=number)
    if "closed" in body:
        return T("Poll {number} closed: {verdict}", number=number, verdict=VERDICTS[body["closed"]])
    return T("Poll {number} was withdrawn.", number=number)


@router.entry("decision", "poll", about="decisions")
async def decision_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What a poll decided, and carried."""
    what = await decisions.told(telling, body)
    return T("Poll {number} decided: {what}", number=body["poll"], what=what)


@router.card("poll")
async def poll_card(view: View, ref: int) -> Shown | None:
    """What is asked, how it stands, and how to vote; once it is closed, what came of it."""
    there = await polls.get(view.tx, view.committee.id, ref)
    if there is None or there.state == "draft":
        return None
    if there.method in BEGUN_BY and (own := view.commands.card(there.method)) is not None:
        return await own(view, ref)
    maker = await named(view, view.committee, there.maker_id)
    heading = making.heading(there, maker, Bold(await question(view, there)))
    match there.state:
        case "closed":
            return Shown(lines(heading, *await _closed_lines(view, there)), buttons=_closed_buttons(view, there))
        case "withdrawn":
            return Shown(lines(heading, T("Withdrawn.")))
        case "planned" | "queued":
            again = await making.again_words(view, there)
            return Shown(lines(heading, await making.waiting_words(view, there), again))
        case "moved":
            return Shown(lines(heading, await making.moved_words(view, there)))
        case "counting" if there.secrecy == "external":
            return Shown(lines(heading, T("Voting is over. {name} enters the result.", name=maker)))
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
    told.append(T("{how} Open until {until}.", how=how_decided(there), until=_until(there)))
    again = await making.again_words(view, there)
    if again is not None:
        told.append(again)
    if there.secrecy == "external":
        told.append(T("I do not see who votes there, and cannot check the count."))
    elif there.secrecy == "open":
        told.append(T("Voted: {n} of {all}. Names are shown.", n=turned.voters, all=turned.roll))
        told += await _assisted(view, there)
    else:
        told.append(secrecy_words(there))
        if there.secrecy == "hidden" and there.method in ONE and view.popups and not view.private:
            told.append(T("Tap here: only you see the answer, and this card does not change."))
    needed = processes.quorum_needed(there.rule, turned)
    if needed:
        told.append(N("It counts if at least {n} votes.", "It counts if at least {n} vote.", needed))
    told += await objections.card_lines(view, there)
    told += await outcomes.election_lines(view, there)
    told += await together.card_lines(view, there)
    told.append(_seals(there, turned.roll))
    return Shown(lines(*told), buttons=_vote_buttons(view, there))


def _seals(there: Poll, roll: int) -> Words:
    """What was fixed at the opening: who may vote, and with what a tie is decided."""
    assert there.roll_hash is not None
    assert there.commitment is not None
    may = N("{n} may vote (roll {roll}).", "{n} may vote (roll {roll}).", roll, roll=fingerprint(there.roll_hash))
    if there.method == "options" or there.secrecy == "external":
        return may
    if there.rule.tie == "open":
        return T("{may} A tie stays a tie.", may=may)
    return T("{may} A tie is decided by lot (sealed {lot}).", may=may, lot=fingerprint(there.commitment))


def _vote_buttons(view: View, there: Poll) -> tuple[tuple[Button | Link, ...], ...]:
    if there.secrecy == "external":
        return ()
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


def _closed_buttons(view: View, there: Poll) -> tuple[tuple[Button | Link, ...], ...]:
    if there.secrecy == "external" or there.verdict in ("no_quorum", "too_few"):
        return ()
    says = view.commands.named("poll_count").says(number=there.number)
    return (((Button if view.private else Link)(label=T("How it was counted"), says=says),),)


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
    named_ = there.secrecy == "open" and there.method in ONE and there.verdict not in ("no_quorum", "too_few")
    told = result_words(there, await _standings(view, there) if named_ else None)
    told += await objections.card_lines(view, there)
    return [*told, *await outcomes.card_lines(view, there), *await together.card_lines(view, there)]
