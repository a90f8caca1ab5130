"""How a poll comes about, wherever it was asked for: checked whole, then kept, then opened, now or in its turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from bot.chat import Card, Reply
from bot.domain import elsewhere, pollline, pollqueue, processes, recurrence
from bot.domain.grammar import folded
from bot.domain.pollline import Line
from bot.domain.processes import Method, Process, Rule, Secrecy
from bot.domain.recurrence import instant
from bot.polls import after_opening, all_processes, found, in_languages, process_words, titled
from bot.router import Context, View
from bot.text import Bold, N, Refusal, T, Text, Typed, Words
from storage import due, nudges, patterns, people, polls, proxies, rules
from storage.patterns import Pattern
from storage.polls import Poll, State

REMIND_BEFORE = (timedelta(days=1), timedelta(hours=3))
"""Those who have not voted are reminded so long before it closes: at most twice."""
OPEN_LEAST = timedelta(minutes=5)
OPEN_MOST = timedelta(days=180)
CAP_RULE = "poll_cap"
MOST = range(1, 101)
EXAMPLE = Typed("/poll", T("Where do we meet? | Library | Union hall, closes fri 20:00"))
WHEN = Typed("fri 20:00")
WITH_PROCESS = Typed("/poll", T("poll:"))
THRESHOLD = Typed(T("threshold 2/3"))
CLOSES = Typed(T("closes in 3 days"))
STOP = T("stop")

_BY_METHOD: Mapping[Method, str] = {
    "plurality": "poll",
    "approval": "several",
    "score": "score",
    "dots": "dots",
    "schulze": "ranked",
    "irv": "ranked",
    "scottish-stv": "ranked",
}
"""The process whose ballots a method counts."""
_FAULTS: Mapping[pollline.Fault, Text] = {
    "question": T("The question is missing. Write it like this: {example}", example=EXAMPLE),
    "long": T("The question is too long: {n} characters at most.", n=pollline.QUESTION_CHARACTERS_MAX),
    "one": T("At least two options, with | between them. Like this: {example}", example=EXAMPLE),
    "many": T("At most {n} options. Ask about fewer, or in two polls.", n=pollline.OPTIONS_MAX),
    "twice": T("Two of the options are the same. Write each once."),
    "long_option": T("An option is too long: {n} characters at most.", n=pollline.OPTION_CHARACTERS_MAX),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that a poll is, but for its times. `days`: so long it is open where nobody says how long."""

    process: str
    method: Method
    rule: Rule
    secrecy: Secrecy
    question: str
    options: tuple[str, ...]
    days: int


# --- checking ----------------------------------------------------------------------------------------------------


def wall(context: Context | View) -> datetime:
    """The committee's wall time."""
    return context.now.astimezone(context.committee.zone).replace(tzinfo=None)


def read(context: Context, line: str) -> Line:
    """What a line says. Raises Refusal where that is in doubt."""
    try:
        return pollline.read(line, now=wall(context), processes=process_words())
    except pollline.Unclear as unclear:
        raise Refusal(_doubt(unclear)) from unclear


def _doubt(unclear: pollline.Unclear) -> Text:
    match unclear.doubt:
        case "comma":
            return T(
                "Does “{words}” set something? Then write a comma before it: {example}. Else put it in quotes, with "
                "the words that it belongs to.",
                words=unclear.words,
                example=EXAMPLE,
            )
        case "options":
            return T(
                "Options stand with | between them. Did you mean this? {line}", line=Typed(f"/poll {unclear.words}")
            )
        case "end":
            return T(
                "Every poll has an end, at most {n} days away. Write until when, like {x}.", n=OPEN_MOST.days, x=WHEN
            )
        case _:
            return T(
                "I do not understand “{words}”. Write it like this: {example}", words=unclear.words, example=EXAMPLE
            )


def fault_words(fault: pollline.Fault, options: Sequence[str] = ()) -> Text:
    """What is wrong with a poll, and what to do."""
    same = pollline.twice(options) if fault == "twice" else None
    if same is not None:
        return T("Two of the options are the same: {option}. Write each once.", option=same)
    return _FAULTS[fault]


def drafted(said: Line) -> Draft:
    """The poll that a line asks for. Raises Refusal."""
    process, method = _process(said)
    fault = pollline.fault(said, own=process.own == "needed")
    if fault is not None:
        raise Refusal(fault_words(fault, said.options))
    if process.secrecy == "external" and elsewhere.address(said.question) is None:
        raise Refusal(
            T(
                "Write one address where people vote, beginning with https://. Like this: {example}",
                example=_ELSEWHERE,
            )
        )
    if process.own == "none" and said.options:
        raise Refusal(
            T(
                "“{process}” has its own answers, so it takes no options. Leave them out, or begin with {poll}.",
                process=in_languages(process.title),
                poll=WITH_PROCESS,
            )
        )
    rule = with_settings(process.rule, process, method, said)
    if method in ("schulze", "irv") and rule.seats > 1:
        method = "scottish-stv"
    return Draft(
        process=process.name,
        method=method,
        rule=rule,
        secrecy=_secrecy(process, said),
        question=said.question,
        options=said.options,
        days=process.days,
    )


def _secrecy(process: Process, said: Line) -> Secrecy:
    """What is voted elsewhere is so whatever the line says."""
    if said.hidden is None or process.secrecy == "external":
        return process.secrecy
    return "hidden" if said.hidden else "open"


def _process(said: Line) -> tuple[Process, Method]:
    """Which process fits, and how it is counted. Raises Refusal."""
    if said.process is None and said.method is None:
        # More seats than one need an order.
        several = "ranked" if said.seats is not None and said.seats > 1 else "poll"
        process = all_processes()[several if said.options else "proposal"]
        return process, process.method
    if said.process is None:
        assert said.method is not None
        return all_processes()[_BY_METHOD[said.method]], said.method
    process = process_words()[folded(said.process)]
    if said.method is None or said.method == process.method:
        return process, process.method
    if process.method == "options":
        raise Refusal(
            T("“{process}” is counted by its own answers, and in no other way.", process=in_languages(process.title))
        )
    if _BY_METHOD[said.method] != _BY_METHOD[process.method]:
        process = all_processes()[_BY_METHOD[said.method]]
    return process, said.method


def with_settings(rule: Rule, process: Process, method: Method, said: Line) -> Rule:
    """The rule with what a line sets. Raises Refusal for what this process or method has no use for."""
    if said.quorum is not None:
        rule = replace(rule, quorum=said.quorum, quorum_of=said.quorum_of or rule.quorum_of)
    if said.tie is not None:
        rule = replace(rule, tie=said.tie)
    if said.threshold is not None:
        rule = _with_threshold(rule, process, said.threshold)
    if said.receipts:
        rule = replace(rule, receipts=True)
    if said.review_days is not None:
        rule = replace(rule, review_days=said.review_days)
    if said.lapse_days is not None:
        rule = replace(rule, lapse_days=said.lapse_days)
    if said.seats is not None:
        if method == "options":
            raise Refusal(T("“{process}” has no seats.", process=in_languages(process.title)))
        if not 1 <= said.seats <= len(said.options):
            raise Refusal(
                N(
                    "With {n} option there is at most {n} seat.",
                    "With {n} options there are at most {n} seats.",
                    len(said.options),
                )
            )
        rule = replace(rule, seats=said.seats)
    if said.most is not None:
        if method not in ("approval", "score", "dots"):
            raise Refusal(
                T("How many dots or points there are can be set where they are counted: {example}", example=_DOTS)
            )
        if said.most not in MOST:
            raise Refusal(T("A number from {least} to {most}.", least=MOST[0], most=MOST[-1]))
        rule = replace(rule, most=said.most)
    return rule


_ELSEWHERE = Typed("/poll", T("external Who speaks for us? https://vote.example.org/12, closes fri 20:00"))
_DOTS = Typed("/poll", T("dots: What first? | Paint | Roof, 10 dots"))


def _with_threshold(rule: Rule, process: Process, value: Fraction) -> Rule:
    if value < Fraction(1, 2):
        raise Refusal(T("What passes needs at least half. Write it like {x}.", x=THRESHOLD))
    changed = processes.with_threshold(rule, value)
    if changed == rule and not any(test.at in ("least", "more") and test.of != "count" for test in rule.tests):
        raise Refusal(T("“{process}” has no threshold to set.", process=in_languages(process.title)))
    return changed


def times(context: Context, draft: Draft, said: Line) -> tuple[datetime | None, datetime]:
    """When it opens (None: at once) and closes. Raises Refusal."""
    zone = context.committee.zone
    opens = None if said.opens is None else instant(said.opens, zone)
    if opens is not None and opens <= context.now:
        raise Refusal(T("It would open in the past. Write a time that is still ahead, like {x}.", x=Typed("mon 9:00")))
    begins = said.opens or wall(context)
    if said.closes is not None:
        closes = instant(said.closes, zone)
    else:
        closes = instant(begins + (said.length or timedelta(days=draft.days)), zone)
    if opens is not None and closes <= opens:
        raise Refusal(T("It would close before it opens. Write {example}.", example=CLOSES))
    least = closes - (opens or context.now)
    if least < OPEN_LEAST:
        raise Refusal(T("It would close in the past, or at once. Write a time that is still ahead, like {x}.", x=WHEN))
    if least > OPEN_MOST:
        raise Refusal(T("A poll is open for at most {n} days.", n=OPEN_MOST.days))
    return opens, closes


# --- keeping -----------------------------------------------------------------------------------------------------


async def make(context: Context, said: Line) -> Reply | Card | None:
    """The poll that a line asks for, opened now or later. Raises Refusal, and then nothing is kept."""
    return await make_of(context, drafted(said), said)


async def make_of(context: Context, draft: Draft, said: Line) -> Reply | Card | None:
    """The same, where more than a line says what it is. Raises Refusal."""
    opens, closes = times(context, draft, said)
    made = await kept(context, draft, opens, closes)
    if said.rule is not None:
        await _repeat(context, draft, made, said.rule)
    return await begin(context, made)


async def kept(
    context: Context,
    draft: Draft,
    opens: datetime | None,
    closes: datetime,
    *,
    earlier: Poll | None = None,
    maker_id: int | None = None,
) -> Poll:
    """The poll, not open yet."""
    return await polls.add(
        context.tx,
        context.committee,
        process=draft.process,
        method=draft.method,
        rule=draft.rule,
        secrecy=draft.secrecy,
        question=draft.question,
        options=draft.options,
        maker_id=maker_id if context.of_member is None else context.member.id,
        opens=opens,
        closes=closes,
        now=context.now,
        earlier=earlier,
    )


def minutes_open(made: Poll, zone: ZoneInfo) -> int:
    """So long it is open, on the wall clock."""
    assert made.closes_at is not None
    begins = (made.opens_at or made.opened_at or made.made_at).astimezone(zone).replace(tzinfo=None)
    return max(1, round((made.closes_at.astimezone(zone).replace(tzinfo=None) - begins) / timedelta(minutes=1)))


async def _repeat(context: Context, draft: Draft, first: Poll, again: str) -> None:
    """Every further time is planned from the first one on."""
    zone = context.committee.zone
    pattern = await patterns.add(
        context.tx,
        context.committee,
        "series",
        process=draft.process,
        method=draft.method,
        rule=draft.rule,
        secrecy=draft.secrecy,
        minutes=minutes_open(first, zone),
        words=(draft.question, *draft.options),
        maker_id=context.member.id,
        now=context.now,
        again=again,
    )
    await patterns.made(context.tx, pattern, first)
    begins = first.opens_at or context.now
    start = begins.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
    following = recurrence.following(again, start=start, zone=zone, after=begins)
    if following is None:
        return
    await due.plan(
        context.tx,
        series_key(pattern),
        context.commands.named("poll_recur").says(pattern=pattern.id),
        local=following[0],
        zone=zone,
        committee=context.committee.id,
        late="do",
        rrule=again,
    )


def series_key(pattern: Pattern) -> str:
    """Under which the clock has the next one of a series."""
    return f"poll_series:{pattern.id}"


# --- opening -----------------------------------------------------------------------------------------------------


async def begin(context: Context, made: Poll) -> Reply | Card | None:
    """Open it now, or at its time, or when there is room."""
    if made.opens_at is None:
        return await open_or_queue(context, made)
    opens = context.commands.named("poll_open").says(poll=made.id)
    await due.plan_at(context.tx, f"poll_open:{made.id}", opens, made.opens_at, committee=context.committee.id)
    return await _shown(context, made, T("Poll {number} opens {when}.", number=made.number, when=made.opens_at))


async def _shown(context: Context, made: Poll, words: Text) -> Reply | Card | None:
    """Its card in the group; who is not there hears it in words."""
    card = Card("poll", made.id)
    if context.place is not None and not context.place.private:
        return card
    await context.show(card)
    return Reply(words) if context.place is not None else None


async def open_or_queue(context: Context, made: Poll) -> Reply | Card | None:
    """Open it, or put it behind those that wait, where so many have opened this week."""
    if await _must_wait(context, made):
        await polls.set_state(context.tx, made, "queued")
        await _plan_queue(context)
        when = await opens_about(context, made)
        words = T("Poll {number} waits: it opens {when}, when there is room.", number=made.number, when=when)
        return await _shown(context, made, words)
    return await open_now(context, made)


async def open_now(context: Context, made: Poll) -> Reply | Card | None:
    """Open it: who has a vote now is on its roll. Raises Refusal where nobody has."""
    roll = await voters(context, made)
    if not roll:
        raise Refusal(T("Nobody here has a vote, so nothing can be decided."))
    if made.secrecy == "hidden" and len(roll) < processes.HIDDEN_BALLOTS_MIN:
        raise Refusal(_few_words(len(roll)))
    made = await _as_long(context, made)
    active = await polls.count_active(context.tx, roll, now=context.now)
    opened = await polls.open_(context.tx, context.committee, made, roll, active=active, now=context.now)
    await plan_end(context, opened)
    await after_opening(context, opened)
    return await _shown(context, opened, T("Poll {number} is open in the group.", number=opened.number))


def _few_words(n: int) -> Text:
    return N(
        "Only {n} member has a vote here. With fewer than {least} ballots it shows who voted what, so such a poll "
        "cannot be hidden. Add “, names” at the end, and names are shown.",
        "Only {n} members have a vote here. With fewer than {least} ballots it shows who voted what, so such a poll "
        "cannot be hidden. Add “, names” at the end, and names are shown.",
        n,
        least=processes.HIDDEN_BALLOTS_MIN,
    )


async def _as_long(context: Context, made: Poll) -> Poll:
    """What opens later than it was meant to closes as many days later, at the same time of day."""
    assert made.closes_at is not None
    late = context.now - (made.opens_at or made.made_at)
    if made.state != "queued" and made.closes_at - context.now >= OPEN_LEAST:
        return made
    zone = context.committee.zone
    days = -(-late // timedelta(days=1))
    closes = instant(made.closes_at.astimezone(zone).replace(tzinfo=None) + timedelta(days=days), zone)
    await polls.move_end(context.tx, made, closes)
    return replace(made, closes_at=closes)


async def voters(context: Context, made: Poll) -> frozenset[int]:
    """Who has a vote now, without whom it concerns."""
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    members = frozenset(facts.members)
    if made.secrecy == "open":
        members |= await proxies.votes_on_paper(context.tx, context.committee.id)
    command = None if made.says is None else context.commands.get(made.says.command)
    concerned = None if command is None else command.concerns or command.petition
    if made.says is not None and concerned is not None:
        return members - {made.says.arguments[concerned]}
    return members


async def plan_end(context: Context, opened: Poll) -> None:
    """Its end, and the reminders before it."""
    assert opened.closes_at is not None
    closing, reminding = context.commands.named("poll_due"), context.commands.named("poll_remind")
    await due.plan_at(
        context.tx,
        f"poll_close:{opened.id}",
        closing.says(poll=opened.id),
        opened.closes_at,
        committee=context.committee.id,
    )
    for place, before in enumerate(REMIND_BEFORE):
        if opened.closes_at - before > context.now and place >= opened.reminded:
            says = reminding.says(poll=opened.id)
            await due.plan_at(
                context.tx,
                f"poll_remind:{opened.id}:{place}",
                says,
                opened.closes_at - before,
                committee=context.committee.id,
            )


async def over(context: Context, there: Poll) -> None:
    """Nothing more falls due for it, and nobody is reminded of it."""
    await due.cancel(context.tx, f"poll_open:{there.id}")
    await due.cancel(context.tx, f"poll_close:{there.id}")
    for place in range(len(REMIND_BEFORE)):
        await due.cancel(context.tx, f"poll_remind:{there.id}:{place}")
    await nudges.withdraw(context.tx, there.thing)


# --- the queue ---------------------------------------------------------------------------------------------------


async def cap(context: Context | View) -> int | None:
    """How many open in a week at most; None: as many as are asked for."""
    found = int(await rules.get(context.tx, context.committee.id, CAP_RULE, pollqueue.CAP))
    return found or None


def passes_queue(made: Poll) -> bool:
    """What is urgent waits for nobody: what the committee would do, later rounds, and what its process says is so."""
    return made.says is not None or made.round > 1 or bool(made.rule.extra.get("urgent"))


async def _opened(context: Context | View) -> list[datetime]:
    return await polls.opened_since(context.tx, context.committee.id, context.now - pollqueue.WEEK)


async def _must_wait(context: Context, made: Poll) -> bool:
    most = await cap(context)
    if most is None or passes_queue(made):
        return False
    waiting = await polls.in_state(context.tx, context.committee.id, "queued")
    others = [one for one in waiting if one.id != made.id]
    return bool(others) or not pollqueue.has_room(await _opened(context), most, now=context.now)


async def opens_about(context: Context | View, made: Poll) -> datetime:
    """When a poll in the queue opens, as far as that can be told now."""
    waiting = [one.id for one in await polls.in_state(context.tx, context.committee.id, "queued")]
    most = await cap(context)
    if most is None or made.id not in waiting:
        return context.now
    found = pollqueue.openings(await _opened(context), most, len(waiting), now=context.now)
    return found[waiting.index(made.id)]


async def serve_queue(context: Context) -> None:
    """Open as many of those that wait as there is room for, in their order."""
    for one in await polls.in_state(context.tx, context.committee.id, "queued"):
        most = await cap(context)
        if most is not None and not pollqueue.has_room(await _opened(context), most, now=context.now):
            break
        if not await voters(context, one):
            await polls.set_state(context.tx, one, "withdrawn")
            continue
        await open_now(replace(context, place=None), one)
    await _plan_queue(context)


async def _plan_queue(context: Context) -> None:
    """The next one that waits opens by itself."""
    key = f"poll_queue:{context.committee.id}"
    waiting = await polls.in_state(context.tx, context.committee.id, "queued", limit=1)
    if not waiting:
        await due.cancel(context.tx, key)
        return
    when = await opens_about(context, waiting[0])
    says = context.commands.named("poll_queue").says()
    await due.plan_at(
        context.tx, key, says, max(when, context.now + timedelta(seconds=1)), committee=context.committee.id
    )


async def waiting_words(view: View, made: Poll) -> Words:
    """Why a poll is not open yet, and when it will be."""
    if made.state == "planned":
        return T("It opens {when}.", when=made.opens_at or view.now)
    most = await cap(view)
    return N(
        "At most {n} poll a week is opened here, so this one waits. It opens {when}, and for as long as was said.",
        "At most {n} polls a week are opened here, so this one waits. It opens {when}, and for as long as was said.",
        most or pollqueue.CAP,
        when=await opens_about(view, made),
    )


# --- whose it is -------------------------------------------------------------------------------------------------


async def own(context: Context, number: int, *states: State) -> Poll:
    """The poll with this number, for whoever may change or end it: its maker; any organizer once the maker has left.

    Raises Refusal for all others, and where it is in none of these states.
    """
    there = await found(context, number)
    await check_own(context, there)
    if there.state not in states:
        if there.state in ("planned", "queued"):
            raise Refusal(T("Poll {number} is not open yet.", number=number))
        raise Refusal(T("Poll {number} is over.", number=number))
    return there


async def check_own(context: Context, there: Poll) -> None:
    """Raises Refusal where whoever says it may not change or end a poll."""
    if there.maker_id == context.member.id:
        return
    maker = None if there.maker_id is None else await people.member_now(context.tx, there.committee_id, there.maker_id)
    left = maker is None or not maker.active
    if not (left and "organizer" in context.roles):
        raise Refusal(
            T(
                "Only whoever made poll {number} can do that. Once they have left the committee, any organizer can.",
                number=there.number,
            )
        )


# --- words -------------------------------------------------------------------------------------------------------


def heading(there: Poll, maker: Text, what: Bold) -> Text:
    """What stands above its card."""
    if there.maker_id is None:
        return T("{title} {number}: {what}", title=titled(there), number=there.number, what=what)
    if there.round == 1:
        return T("{title} {number} by {name}: {what}", title=titled(there), number=there.number, name=maker, what=what)
    return T(
        "{title} {number}, round {n}, by {name}: {what}",
        title=titled(there),
        number=there.number,
        n=there.round,
        name=maker,
        what=what,
    )


async def moved_words(view: View, there: Poll) -> Words:
    """Where an amended poll goes on."""
    later = await polls.later(view.tx, there)
    if later is None:
        return T("It was amended.")
    return T(
        "It was amended and goes on as poll {number}. Votes were not carried over.",
        number=later.number,
    )


async def again_words(view: View | Context, there: Poll) -> Words | None:
    """That it comes again, and how that ends."""
    series = await patterns.of_poll(view.tx, there)
    following = None if series is None else await due.at(view.tx, series_key(series))
    if following is None:
        return None
    return T("It comes again {when}. {stop} ends that.", when=following, stop=Typed(f"/poll {there.number}", STOP))
