"""One question to several linked committees: each votes in its own chat, and every bot adds up what all have said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from bot import linking, making, together
from bot.arguments import LongNote, OnOff, Reference, choice
from bot.chat import Button, Card, Reply
from bot.domain import envelope, jointly, processes
from bot.domain.chain import fingerprint
from bot.domain.grammar import folded
from bot.domain.jointly import Common, Question, Statement, Terms
from bot.domain.pollline import Line
from bot.domain.processes import Process
from bot.domain.roster import Trust
from bot.linking import FromPeer
from bot.making import Draft
from bot.polls import POLLS, all_processes, in_languages, process_words, question
from bot.router import Authority, Context, Router, Telling, Todo
from bot.text import N, Refusal, T, Text, Typed, Words, lines
from storage import ballots, due, entries, linked_polls, peers, polls, rules
from storage.linked_polls import Kind, Linked
from storage.peers import Federation
from storage.polls import Poll

router = Router("linked_polls", under="federation")

PROCESS_RULE, SMALL_RULE = "together_by", "together_small"
ASKED_AT_ONCE_MAX = 3
"""So many questions of one other committee are voted on at a time without an organizer here taking them up."""
OPENED_IN_DAY_MAX = 10
"""So many in a day: each that is voted on here makes this committee say something to all others three times."""
TOLD_IN_DAY_MAX = 20
"""So many questions of one other committee organizers are told of in a day one by one."""
TOLD_MAX = 12
"""So often a group is told what all have come to, whatever the others say next; its card goes on showing it."""
CHECKED_AFTER = timedelta(hours=1)
"""So long after the last moment the others may still say what they come to, before it is told who has not."""
_VAN = T("Shall we share a van? until fri 18:00")
_EXAMPLE = Typed("/ask_together", _VAN)


# --- asking ------------------------------------------------------------------------------------------------------


@router.command(
    "ask_together",
    allow=Authority.ORGANIZER,
    help=T("Ask all linked committees the same; each votes in its own group."),
    label=T("Ask all linked committees"),
    sample=(_VAN,),
)
async def ask_together(context: Context, *, line: LongNote) -> Reply | Card | None:
    """Asking is not deciding: each committee decides by its own vote."""
    there = await peers.federations(context.tx, context.committee.id)
    if not there:
        raise Refusal(T("This committee is not linked with any other yet, so there is nobody to ask."))
    if len(there) > 1:
        rows = tuple(
            (Button(label=T("{name}", name=one.name), says=ask_in.says(federation=one.id, line=line)),) for one in there
        )
        return Reply(T("This committee is in several federations. Which one shall be asked?"), buttons=rows)
    return await _ask(context, there[0], line)


@router.command("ask_in", allow=Authority.ORGANIZER, typed=False, help=T("Ask the committees of one federation."))
async def ask_in(context: Context, *, federation: Reference, line: LongNote) -> Reply | Card | None:
    """The one that was chosen by a button."""
    there = await peers.federation(context.tx, context.committee.id, federation)
    if there is None or there.state != "in":
        raise Refusal(T("This committee is not in that federation any more."))
    return await _ask(context, there, line)


async def _ask(context: Context, there: Federation, line: str) -> Reply | Card | None:
    needs, least, rest = jointly.settings(line)
    said = making.read(context, rest)
    yesno = _answered_by_yes_or_no(said)
    common = _common(said)
    if yesno:
        said = replace(said, options=(), process=said.process or await _own_process(context))
    draft = making.drafted(said)
    _check(said, draft, yesno=yesno)
    _, closes = making.times(context, draft, said)
    mine = await linking.own(context.tx, context.committee, now=context.now)
    asked = tuple(sorted({mine.author, *(one.author for one in await peers.peers(context.tx, there.id))}))
    if len(asked) < 2:
        raise Refusal(T("There is no other committee in {federation} yet.", federation=there.name))
    if least > len(asked):
        raise Refusal(N("There is only {n} committee.", "There are only {n} committees.", len(asked)))
    if common is not None and common.process is None and said.method == "approval":
        common = replace(common, process=jointly.SEVERAL)
    asks = Question(
        words=draft.question,
        options=draft.options,
        terms=Terms(
            options=jointly.YES_OR_NO if yesno else len(draft.options),
            yesno=yesno,
            asked=asked,
            closes=int(closes.timestamp()),
            needs=needs,
            least=least,
            common=common,
            language=context.committee.language,
        ),
    )
    made = await linking.post(context, there, "poll", jointly.question_body(asks), expires=closes)
    linked = await linked_polls.add(
        context.tx,
        context.committee.id,
        there.id,
        asks,
        hash_=made.hash,
        author=mine.author,
        state="open",
        now=context.now,
    )
    return await _opened(context, linked, draft)


def _answered_by_yes_or_no(said: Line) -> bool:
    return _named(said) in (None, *jointly.PROCESSES[True]) and jointly.is_yes_or_no(said.options)


def _named(said: Line) -> str | None:
    """The process that a line names; None: none."""
    found = None if said.process is None else process_words().get(folded(said.process))
    return None if found is None else found.name


def _common(said: Line) -> Common | None:
    """What the line says of how all of them vote; None: each by its own process."""
    if said.process is None and said.quorum is None and said.threshold is None and said.method is None:
        return None
    return Common(process=_named(said), quorum=said.quorum, threshold=said.threshold)


def _check(said: Line, draft: Draft, *, yesno: bool) -> None:
    """Raises Refusal for what cannot be counted over several committees."""
    if draft.process not in jointly.PROCESSES[yesno]:
        raise Refusal(
            T(
                "Several committees are counted by heads: yes or no, one choice each, or all that one can live with. "
                "Write it like this: {example}",
                example=_EXAMPLE,
            )
        )
    if said.opens is not None or said.rule is not None or draft.rule.seats > 1 or said.quorum_of == "active":
        raise Refusal(
            T(
                "A question to several committees opens at once, comes once, and has one answer. Write it like this: "
                "{example}",
                example=_EXAMPLE,
            )
        )


async def _own_process(context: Context) -> str:
    """The process by which this committee answers yes or no to what several are asked."""
    return str(await rules.get(context.tx, context.committee.id, PROCESS_RULE, jointly.PROCESSES[True][0]))


async def _opened(context: Context, linked: Linked, draft: Draft) -> Reply | Card | None:
    """The poll here, which opens at once: all committees close at the same moment, so that none sees another's count
    while it votes."""
    rule = replace(draft.rule, early=False, extend_hours=0)
    closes = datetime.fromtimestamp(linked.terms.closes, UTC)
    made = await making.kept(context, replace(draft, rule=rule), None, closes)
    answer = await making.open_now(context, made)
    await linked_polls.set_poll(context.tx, linked, made.id)
    await due.plan_at(
        context.tx,
        f"linked_poll:{linked.id}",
        linked_poll_over.says(linked=linked.id),
        datetime.fromtimestamp(linked.terms.ends + 1, UTC),
        committee=context.committee.id,
    )
    return answer


# --- being asked -------------------------------------------------------------------------------------------------


@router.command("peer_poll", allow=Authority.PEER, typed=False, help=T("A linked committee asks all the same."))
async def peer_poll(context: Context, *, said: FromPeer) -> None:
    """How far they are trusted says whether the group sees it at once, organizers first, or nobody."""
    trust = await linking.trusted(context.tx, said.peer, "poll")
    if trust == Trust.BLOCKED:
        return
    asks = _read(said.body)
    mine = await linking.own(context.tx, context.committee, now=context.now)
    if not {mine.author, said.peer.author} <= set(asks.terms.asked):
        raise Refusal(T("This committee was not asked."))
    closes = datetime.fromtimestamp(asks.terms.closes, UTC)
    if closes > context.now + making.OPEN_MOST + timedelta(days=1):
        raise Refusal(T("A poll is open for at most {n} days.", n=making.OPEN_MOST.days))
    late = said.past or closes < context.now + making.OPEN_LEAST
    since = context.now - timedelta(days=1)
    lately = await linked_polls.count_since(context.tx, said.federation.id, said.peer.author, since=since)
    linked = await linked_polls.add(
        context.tx,
        context.committee.id,
        said.federation.id,
        asks,
        hash_=said.hash,
        author=said.peer.author,
        state="missed" if late else "asked",
        now=context.now,
    )
    if late:
        if lately < TOLD_IN_DAY_MAX:
            await context.tell_organizers(
                T(
                    "{committee} has asked all linked committees: “{question}” It came too late to vote on.",
                    committee=said.peer.name,
                    question=asks.words,
                ),
            )
        return
    many = await linked_polls.count_open(context.tx, said.federation.id, said.peer.author, now=context.now)
    if trust >= Trust.SHOWN and many < ASKED_AT_ONCE_MAX and lately < OPENED_IN_DAY_MAX:
        try:
            async with context.tx.savepoint():
                await _take_up(context, linked)
                return
        except Refusal:
            # Organizers can mend what is in the way, and take it up then.
            pass
    if lately < TOLD_IN_DAY_MAX:
        await context.tell_organizers(await _asked(context, linked, asks.words), buttons=_choices(linked))
    elif lately == TOLD_IN_DAY_MAX:
        words = T(
            "{committee} asks so much today that I do not tell you of each question any more. {todo} shows what waits.",
            committee=said.peer.name,
            todo=Typed("/todo"),
        )
        await context.tell_organizers(words)


def _read(body: Mapping[str, Any]) -> Question:
    try:
        return jointly.read_question(body)
    except jointly.Unfit as unfit:
        raise Refusal(T("That is no question to several committees.")) from unfit


async def _asked(context: Context, linked: Linked, words: str) -> Text:
    peer = await peers.peer(context.tx, linked.federation_id, linked.author)
    return T(
        "{committee} asks all linked committees: “{question}” Shall this committee vote on it, until {until}?",
        committee=peer.name if peer is not None else together.unnamed(linked.author),
        question=words,
        until=datetime.fromtimestamp(linked.terms.closes, UTC),
    )


def _choices(linked: Linked) -> tuple[tuple[Button, ...], ...]:
    return (
        (
            Button(label=T("Vote on it here"), says=joint_take.says(linked=linked.id)),
            Button(label=T("Not for us"), says=joint_decline.says(linked=linked.id)),
        ),
    )


async def _take_up(context: Context, linked: Linked) -> None:
    """Let this committee vote on it, in its own way or the common one. Raises Refusal."""
    found = await linked_polls.words(context.tx, linked)
    if found is None:
        raise Refusal(T("What was asked is not there any more."))
    words, options = found
    process = all_processes()[await _process_name(context, linked.terms)]
    draft = Draft(
        process=process.name,
        method=process.method,
        rule=_rule(process, linked.terms.common),
        secrecy=process.secrecy,
        question=words,
        options=options,
        days=process.days,
    )
    # It is nobody's here: the committee was asked.
    await _opened(replace(context, of_member=None, place=None), linked, draft)
    await _say(context, linked, "answer", {"poll": linked.hash, "answer": "taken"})


async def _process_name(context: Context, terms: Terms) -> str:
    usual = jointly.PROCESSES[terms.yesno][0]
    if terms.common is not None:
        return terms.common.process or usual
    return await _own_process(context) if terms.yesno else usual


def _rule(process: Process, common: Common | None) -> processes.Rule:
    rule = process.rule
    if common is not None and common.quorum is not None:
        rule = replace(rule, quorum=common.quorum, quorum_of="roll")
    if common is not None and common.threshold is not None:
        rule = processes.with_threshold(rule, common.threshold)
    return rule


async def _linked(context: Context, id_: int) -> Linked:
    """A question that a button was about. Raises Refusal."""
    there = await linked_polls.get(context.tx, context.committee.id, id_)
    if there is None:
        raise Refusal(T("That question is not there any more."), private=True)
    if there.state in ("withdrawn", "missed") or there.terms.closes <= context.now.timestamp():
        raise Refusal(T("It is too late: that question is over."), private=True)
    if there.state != "asked":
        raise Refusal(T("That was settled already. {polls} shows what is open.", polls=POLLS), private=True)
    return there


@router.command(
    "joint_take", allow=Authority.ORGANIZER, typed=False, help=T("Let this committee vote on what another one asks.")
)
async def joint_take(context: Context, *, linked: Reference) -> Reply:
    """Whether it is asked is for organizers; what is decided is for all."""
    there = await _linked(context, linked)
    await _take_up(context, there)
    return Reply(T("It is open in the group."), private=True)


@router.command("joint_decline", allow=Authority.ORGANIZER, typed=False, help=T("Leave out what another one asks."))
async def joint_decline(context: Context, *, linked: Reference) -> Reply:
    """The others hear that this committee does not take part."""
    there = await _linked(context, linked)
    await linked_polls.set_state(context.tx, there, "declined")
    await _say(context, there, "answer", {"poll": there.hash, "answer": "declined"})
    return Reply(T("This committee does not take part. The others are told."), private=True)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What other committees ask, for organizers."""
    if "organizer" not in context.roles:
        return []
    told = []
    for one in await linked_polls.waiting(context.tx, context.committee.id, now=context.now):
        found = await linked_polls.words(context.tx, one)
        if found is not None:
            told.append(Todo(words=await _asked(context, one, found[0]), buttons=_choices(one)[0]))
    return told


# --- saying, and hearing what the others say ---------------------------------------------------------------------


async def _say(context: Context, linked: Linked, kind: Kind, body: Mapping[str, Any]) -> None:
    """Tell the others, and keep it as one keeps what they say. Nothing, where this committee has left."""
    there = await peers.federation(context.tx, context.committee.id, linked.federation_id)
    if there is None or there.state != "in":
        return
    made = await linking.post(context, there, f"poll_{kind}", body, refs=[linked.hash])
    said = Statement(
        author=made.chain.author, hash=made.hash, life=made.chain.life, number=made.number, body=dict(body)
    )
    await linked_polls.put(context.tx, there.id, linked.hash, kind, said, now=context.now)
    await linked_polls.changed(context.tx, linked)


async def _heard(context: Context, said: linking.Said, kind: Kind) -> None:
    poll = said.body.get("poll")
    if not isinstance(poll, str) or len(poll) != len(said.hash):
        raise Refusal(T("That is about no poll."))
    statement = Statement(
        author=said.peer.author, hash=said.hash, life=said.life, number=said.number, body=dict(said.body)
    )
    await linked_polls.put(context.tx, said.federation.id, poll, kind, statement, now=context.now)
    linked = await linked_polls.called(context.tx, said.federation.id, poll)
    if linked is None:
        return
    await linked_polls.changed(context.tx, linked)
    if kind == "answer" and said.peer.author == linked.author and said.body.get("answer") == "withdrawn":
        await _withdrawn_by_asker(context, linked, said)
    await _go_on(context, linked)


@router.command("peer_poll_answer", allow=Authority.PEER, typed=False, help=T("A linked committee takes part, or not."))
async def peer_poll_answer(context: Context, *, said: FromPeer) -> None:
    """Whether another one votes on it; whoever asks can withdraw it so."""
    await _heard(context, said, "answer")


@router.command("peer_poll_count", allow=Authority.PEER, typed=False, help=T("A linked committee has counted."))
async def peer_poll_count(context: Context, *, said: FromPeer) -> None:
    """How another one has voted."""
    await _heard(context, said, "count")


@router.command(
    "peer_poll_result", allow=Authority.PEER, typed=False, help=T("A linked committee has added it all up.")
)
async def peer_poll_result(context: Context, *, said: FromPeer) -> None:
    """What another bot has come to."""
    await _heard(context, said, "result")


async def _withdrawn_by_asker(context: Context, linked: Linked, said: linking.Said) -> None:
    """Nothing is counted any more. What has been added up already stands: nobody takes back what they do not like."""
    if linked.state not in ("asked", "open") or linked.tally is not None:
        return
    if said.sent.timestamp() > linked.terms.closes:
        return
    await linked_polls.set_state(context.tx, linked, "withdrawn")
    there = None if linked.poll_id is None else await polls.get(context.tx, context.committee.id, linked.poll_id)
    if there is None:
        return
    if there.state == "open":
        await making.over(context, there)
        await ballots.drop(context.tx, there)
        await polls.set_state(context.tx, there, "withdrawn")
        await entries.append(
            context.tx, context.committee, "poll", {"poll": there.number, "withdrawn": None}, now=context.now
        )
    await context.announce(
        T(
            "{committee} has withdrawn its question, so poll {number} is over.",
            committee=said.peer.name,
            number=there.number,
        )
    )


# --- when the vote here is over ----------------------------------------------------------------------------------


@router.command("linked_poll_closed", allow=Authority.CLOCK, typed=False, help=T("A poll has closed."))
async def linked_poll_closed(context: Context, *, poll: Reference) -> None:
    """Its count is told to the other committees, not before all have closed."""
    linked = await linked_polls.of_poll(context.tx, poll)
    if linked is None or linked.state != "open":
        return
    closes = datetime.fromtimestamp(linked.terms.closes, UTC)
    if context.now < closes:
        says = linked_poll_closed.says(poll=poll)
        await due.plan_at(context.tx, f"linked_poll_count:{linked.id}", says, closes, committee=context.committee.id)
        return
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "closed":
        return
    await _say(context, linked, "count", await _count(context, linked, there))
    await _go_on(context, linked)


async def _count(context: Context, linked: Linked, there: Poll) -> dict[str, Any]:
    """How this committee has voted, never who; and where a few votes would show that, only what it has decided."""
    result = there.result or {}
    voters, roll = int(result.get("voters", 0)), int(result.get("roll", 0))
    small = voters < jointly.FEW and await rules.get(context.tx, context.committee.id, SMALL_RULE) != "on"
    heads = None
    if there.verdict not in ("no_quorum", "too_few") and not small:
        heads = _heads(linked.terms, there, result.get("totals", {}))
    elif small and voters:
        await context.tell_organizers(
            T(
                "Poll {number}: so few have voted that figures would show who voted what. The other committees hear "
                "only what was decided. If your committee wants figures to be told too: {command}",
                number=there.number,
                command=Typed("/together_small on"),
            ),
        )
    return jointly.count_body(
        linked.hash,
        at=envelope.seconds(context.now),
        heads=heads,
        # Of one vote even the number would say who voted what.
        voters=0 if small else voters,
        roll=roll,
        result=_result(linked.terms, there, result),
    )


def _heads(terms: Terms, there: Poll, totals: Mapping[str, int]) -> list[int]:
    if not terms.yesno:
        return [int(totals.get(str(place), 0)) for place in range(1, terms.options + 1)]
    heads = [0] * jointly.YES_OR_NO
    for one in there.options:
        heads[jointly.SIDES.get(one.key or "", jointly.NEITHER) - 1] += int(totals.get(str(one.place), 0))
    return heads


def _result(terms: Terms, there: Poll, result: Mapping[str, Any]) -> int:
    if terms.yesno:
        return {"passed": jointly.YES, "not_done": jointly.YES, "failed": jointly.NO}.get(there.verdict or "", 0)
    winners = result.get("winners", [])
    return int(winners[0]) if there.verdict == "decided" and len(winners) == 1 else 0


@router.command("linked_poll_withdrawn", allow=Authority.CLOCK, typed=False, help=T("A poll was withdrawn."))
async def linked_poll_withdrawn(context: Context, *, poll: Reference) -> None:
    """Of whoever asks, for all; of another committee, for itself."""
    linked = await linked_polls.of_poll(context.tx, poll)
    if linked is None or linked.state != "open":
        return
    mine = await linking.own(context.tx, context.committee, now=context.now)
    answer: linked_polls.State = "withdrawn" if linked.author == mine.author else "declined"
    await linked_polls.set_state(context.tx, linked, answer)
    await _say(context, linked, "answer", {"poll": linked.hash, "answer": answer})


# --- adding it up ------------------------------------------------------------------------------------------------


@router.command("linked_poll_over", allow=Authority.CLOCK, typed=False, help=T("A poll of several committees is over."))
async def linked_poll_over(context: Context, *, linked: Reference) -> None:
    """What has been counted until now is added up, and a little later it is told whose word is missing."""
    there = await linked_polls.get(context.tx, context.committee.id, linked)
    if there is None or there.state != "open":
        return
    checked = datetime.fromtimestamp(there.terms.ends, UTC) + CHECKED_AFTER
    if context.now < checked:
        says = linked_poll_over.says(linked=linked)
        await due.plan_at(context.tx, f"linked_poll:{there.id}", says, checked, committee=context.committee.id)
    await _go_on(context, there)


async def _go_on(context: Context, linked: Linked) -> None:
    """Whatever has come: add it up once nothing is missing, or the time is over; compare; tell what is new."""
    linked = await linked_polls.get(context.tx, context.committee.id, linked.id) or linked
    found = await together.standing(context, linked)
    there = None if linked.poll_id is None else await polls.get(context.tx, context.committee.id, linked.poll_id)
    if linked.state != "open" or found is None or there is None:
        return
    late = context.now > found.ends
    if linked.tally is None and (context.now < found.closes or (found.awaited and not late)):
        return
    if linked.tally != found.tally.hash:
        await linked_polls.set_tally(context.tx, linked, found.tally.hash)
        await _say(context, linked, "result", jointly.result_body(linked.hash, found.tally))
    wrong = await together.differing(context, found)
    if wrong:
        # Said again only when it is another one.
        told = "wrong " + " ".join(sorted(f"{one.author[:8]}{one.other}{one.here}{one.there}" for one in wrong))
        await _tell(context, found, there, told, together.alarm(found, wrong))
    elif wrong is not None:
        await _tell(context, found, there, "same", [together.same(found), *together.result_lines(found, there)])
        await _put_down(context, linked, there, found)
    elif context.now >= found.ends + CHECKED_AFTER:
        said = T("Not all bots have said yet whether they count the same.")
        await _tell(context, found, there, "alone", [said, *together.result_lines(found, there)])


async def _tell(context: Context, found: together.Standing, poll: Poll, what: str, told: list[Words]) -> None:
    """Tell the group, once; and not without end where another bot says now this and now that."""
    key = f"{what} {found.tally.hash}"
    before = [] if found.there.told is None else found.there.told.split("\n")
    if before[-1:] == [key] or len(before) >= TOLD_MAX:
        return
    await linked_polls.set_told(context.tx, found.there, "\n".join([*before, key]))
    await linked_polls.changed(context.tx, found.there)
    title = T("Poll {number}, decided together: {what}", number=poll.number, what=await question(context, poll))
    again = T("This takes the place of what was told before.")
    await context.announce(lines(title, *([again] if before else []), *told))


async def _put_down(context: Context, linked: Linked, there: Poll, found: together.Standing) -> None:
    """What it came to stands in the books."""
    body: dict[str, Any] = {"poll": there.number, "together": found.tally.hash, "decided": found.tally.decided}
    body |= {"heads": list(found.tally.heads), "committees": list(found.tally.committees)}
    earlier = [one for one in await polls.logged(context.tx, there) if "together" in one]
    if any(one["together"] == found.tally.hash for one in earlier):
        return
    await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    if found.tally.decided and not any(one["decided"] for one in earlier):
        # As if it had been decided here alone: it is looked at again, and somebody is asked what comes of it.
        begun = context.commands.named("outcome_begun")
        await context.say(begun.says(poll=there.id), authority=Authority.CLOCK)


@router.entry("poll", "together", about="decisions")
async def together_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """All bots have come to the same."""
    return T(
        "Poll {number}, decided together: all committees count the same ({hash}).",
        number=body["poll"],
        hash=fingerprint(body["together"]),
    )


# --- what a committee sets ---------------------------------------------------------------------------------------

_PROCESSES = jointly.PROCESSES[True]


def _by_told(*, process: str) -> Text:
    return T(
        "From now on what several committees are asked is decided here as “{process}”, where it is yes or no.",
        process=in_languages(all_processes()[process].title),
    )


@router.command(
    "together_by",
    allow=Authority.COMMITTEE,
    listed=False,
    help=T("By which process this committee votes on what several are asked."),
    proposal=_by_told,
)
async def together_by(
    context: Context,
    *,
    process: Annotated[str, choice(*_PROCESSES, expected=T("{words}", words=Typed(" / ".join(_PROCESSES))))],
) -> Reply:
    """The committee's own rule."""
    await entries.decide_rule(context.tx, context.committee, PROCESS_RULE, process, now=context.now)
    return Reply(_by_told(process=process))


@router.entry("rule", PROCESS_RULE, about="rules")
async def by_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """By which from then on."""
    return _by_told(process=body[PROCESS_RULE])


def _small_told(*, switch: str) -> Text:
    if switch == "on":
        return T("From now on other committees hear how many voted what here, also where only one or two voted.")
    return T("From now on other committees hear only what was decided, where fewer than three voted.")


@router.command(
    "together_small",
    allow=Authority.COMMITTEE,
    listed=False,
    help=T("Whether other committees hear how many voted what, also where only one or two did."),
    proposal=_small_told,
)
async def together_small(context: Context, *, switch: OnOff) -> Reply:
    """The committee's own rule: so few figures show who voted what."""
    await entries.decide_rule(context.tx, context.committee, SMALL_RULE, switch, now=context.now)
    return Reply(_small_told(switch=switch))


@router.entry("rule", SMALL_RULE, about="rules")
async def small_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What others hear from then on."""
    return _small_told(switch=body[SMALL_RULE])
