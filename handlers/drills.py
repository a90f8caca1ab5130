"""Drills: begun by an organizer or by the clock, how they went, and what is not ready."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from bot import alerts as shared
from bot import relaying
from bot.alerts import NEEDS, kinds_of
from bot.arguments import LongNote, Number, Percent, Reference, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import alertline, readiness
from bot.domain.alarm import PEOPLE
from bot.domain.board import plain
from bot.domain.readiness import Fault, Readiness, Score
from bot.domain.recurrence import instant
from bot.router import Asks, Authority, Context, Router, Telling, View
from bot.text import Bold, Day, Listed, N, Refusal, T, Text, Typed, Words, duration, lines
from bot.text import Percent as Share
from storage import alerts, availability, drills, due, entries, members, people, roles, rules, sealed, shifts
from storage.drills import Scored
from storage.people import Member

router = Router("drills", title=T("Drills"), under="alerts")

MINUTES_MAX = 120
LATE = timedelta(hours=1)
"""A planned drill that is later than this is not made up for at whatever hour it is: it comes another day."""
AGAIN = timedelta(days=1)
UNREADY_NAMES_MAX = 20
MEMBERS_MAX = 20_000
CONFIRMERS_MAX = 200
"""Among so many it is looked for two who could confirm."""
ON_CALL = "alert_on_call"
"""The rule with the id of the task whose shifts are on call, where the area of escalation is there."""
LEGAL = "legal"
"""The role of those who look after whoever is arrested, where that area is there."""
ASKED_FOR = timedelta(days=365)
DRILL_COMMAND = Typed("/drill")
_HOTLINE = T("hotline")
_READY = T("Are we ready?")
READY_COMMAND = Typed("/ready")

PLANS = ("monthly", "off", "announced", "unannounced")
Plan = Annotated[
    str,
    choice(
        *PLANS,
        expected=T("one of these: {words}", words=Typed(" / ".join(PLANS))),
        labels={
            "monthly": T("Every month"),
            "off": T("Never by themselves"),
            "announced": T("Announced the day before"),
            "unannounced": T("Not announced"),
        },
    ),
]


# --- beginning one -----------------------------------------------------------------------------------------------


@router.command(
    "drill",
    allow=Authority.ORGANIZER,
    help=T("Begin a drill: an alert that is only an exercise, to see who can be reached."),
    label=T("Begin a drill"),
    sample=(T("eviction Main St 5"),),
)
async def drill(context: Context, *, line: LongNote = "") -> Reply | Card | None:
    """It goes the way of a real alert. Where no kind is said, the next one has its turn."""
    return await _begin(context, line)


async def _begin(context: Context, line: str) -> Reply | Card | None:
    said = await shared.read(context, line) if line.strip() else None
    key = None if said is None else said.kind
    kind = await shared.known(context, await _next_kind(context) if key is None else key)
    if said is None or not said.exercise:
        line = f"drill {line}"
    # Not by `alert`: nobody is asked whether it is the same as another, and the clock is no stranger.
    return await context.say(
        context.commands.named("alert_another").says(kind=kind, line=line), authority=context.authority
    )


async def _next_kind(context: Context) -> str:
    """The kind whose turn it is."""
    last = await drills.recent(context.tx, context.committee.id)
    return readiness.rotated(await kinds_of(context), last[0].kind if last else None)


# --- how it went -------------------------------------------------------------------------------------------------


@router.command("drill_over", allow=Authority.CLOCK, typed=False, help=T("A drill is over: how it went."))
async def drill_over(context: Context, *, alert: Reference) -> None:
    """Told in the group, in figures, and kept; not of one that something real has ended."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or not there.exercise or there.over_at is None:
        return
    if await alerts.has_had(context.tx, there, "interrupted"):
        return
    window = await drills.window(context.tx, context.committee.id)
    score = readiness.score(await drills.called(context.tx, there), window=window)
    bar = await drills.bar(context.tx, context.committee.id)
    await drills.record(context.tx, there, score, window=window, bar=bar, now=context.now)
    await context.show(Card("drill_score", there.id))


@router.card("drill_score")
async def score_card(view: View, ref: int) -> Shown | None:
    """How a drill went."""
    scored = await drills.get(view.tx, view.committee.id, ref)
    if scored is None:
        return None
    before = await drills.recent(view.tx, view.committee.id, before=ref)
    ready_ = Button(label=_READY, says=ready.says())
    words = [*_score_words(scored, before[0] if before else None), *await relaying.score_words(view, ref)]
    return Shown(lines(*words), buttons=((ready_,),))


def _score_words(scored: Scored, before: Scored | None) -> list[Words | None]:
    score, minutes = scored.score, scored.window // timedelta(minutes=1)
    title = T("DRILL {number}: how it went", number=scored.number)
    told: list[Words | None] = [T("{title}", title=Bold(title))]
    if not score.told:
        told.append(
            T("Nobody was called, for nobody else confirmed it. Next time: press “{confirm}”.", confirm=_CONFIRM)
        )
        return told
    told += [
        N("{n} was called.", "{n} were called.", score.told),
        T("Delivered: {delivered}. Answered: {answered}.", delivered=score.delivered, answered=score.answered),
        T("Within {minutes} min: {n}, that is {share}.", minutes=minutes, n=score.in_time, share=_share(score.share)),
        _times(score),
    ]
    if len(score.rings) > 1:
        told += [
            T(
                "Ring {ring}: {n} of {told} within {minutes} min",
                ring=ring.ring + 1,
                n=ring.in_time,
                told=ring.told,
                minutes=minutes,
            )
            for ring in score.rings
        ]
    if score.unreachable:
        told.append(N("{n} could not be reached.", "{n} could not be reached.", score.unreachable))
    if score.waiting:
        told.append(
            N(
                "{n} has quiet hours and was left in peace.",
                "{n} have quiet hours and were left in peace.",
                score.waiting,
            )
        )
    if before is not None and before.score.told:
        told.append(T("The last time it was {share}.", share=_share(before.score.share)))
    bar = _share(scored.bar)
    told.append(
        T("A good drill: {bar} is enough for you.", bar=bar)
        if scored.good
        else T("Not enough yet: you want {bar}. {ready} shows what can be better.", bar=bar, ready=READY_COMMAND)
    )
    return told


_CONFIRM = T("I can confirm it")


def _times(score: Score) -> Text | None:
    if score.first is None or score.median is None:
        return None
    return T(
        "First answer after {first}, half of them after {median}.", first=_time(score.first), median=_time(score.median)
    )


def _time(time: timedelta) -> str:
    """The same in every shipped language."""
    seconds = time // timedelta(seconds=1)
    return f"{seconds} s" if seconds < 120 else duration(seconds // 60)


def _share(points: int) -> Share:
    """Whole per cent."""
    return Share(points // 100 * 100)


# --- when they come ----------------------------------------------------------------------------------------------


@router.command(
    "drills",
    allow=Authority.MEMBER,
    within="alert",
    repeatable=True,
    help=T("How the last drills went, and when the next ones come."),
    label=T("Drills"),
)
async def drills_(context: Context, *, plan: Plan | None = None) -> Reply | Card | None:
    """A line each; with a word, when they come is changed."""
    if plan is not None:
        return await context.say(drill_plan.says(plan=plan), authority=context.authority)
    tx, committee = context.tx, context.committee
    scored = await drills.recent(tx, committee.id)
    told: list[Words] = [
        T(
            "DRILL {number}, {day}: {share} answered within {minutes} min.",
            number=one.number,
            day=Day(one.at),
            share=_share(one.score.share),
            minutes=one.window // timedelta(minutes=1),
        )
        for one in scored
    ]
    if not told:
        told.append(T("There has been no drill yet. An organizer begins one: {drill}", drill=DRILL_COMMAND))
    if await drills.is_monthly(tx, committee.id):
        told.append(
            T("One comes every month; the group is told the day before.")
            if await drills.is_announced(tx, committee.id)
            else T("One comes every month, and nobody knows when.")
        )
    else:
        told.append(T("None comes by itself. Your committee can change that: {command}", command=_MONTHLY))
    told.append(
        T(
            "Good is when {bar} answer within {minutes} min.",
            bar=_share(await drills.bar(tx, committee.id)),
            minutes=await drills.window(tx, committee.id) // timedelta(minutes=1),
        )
    )
    return Reply(lines(*told), buttons=((Button(label=_READY, says=ready.says()),),))


_MONTHLY = Typed("/drills monthly")


def _plan_words(plan: str) -> Text:
    match plan:
        case "monthly":
            return T("A drill comes every month, on a day and at an hour of the day that nobody knows.")
        case "off":
            return T("Drills come only when an organizer begins one.")
        case "announced":
            return T("The group is told of a planned drill the day before.")
        case _:
            return T("The group is not told of a planned drill beforehand.")


def _plan_proposal(*, plan: str) -> Text:
    return _plan_words(plan)


@router.command(
    "drill_plan",
    allow=Authority.COMMITTEE,
    within="alert",
    help=T("When drills come by themselves, and whether they are announced."),
    label=T("When drills come"),
    asks={"plan": Asks(T("When shall drills come, and shall I announce them?"))},
    proposal=_plan_proposal,
)
async def drill_plan(context: Context, *, plan: Plan) -> Reply:
    """Every month or never; announced or not."""
    tx, committee = context.tx, context.committee
    name, value, before = (
        (drills.PLAN, plan, "monthly" if await drills.is_monthly(tx, committee.id) else "off")
        if plan in ("monthly", "off")
        else (drills.ANNOUNCED, plan == "announced", await drills.is_announced(tx, committee.id))
    )
    if value == before:
        raise Refusal(T("That is how it is already."))
    await entries.decide_rule(tx, committee, name, value, now=context.now)
    await _plan_next(context)
    words = _plan_words(plan)
    await context.announce(words, but=context.place)
    return Reply(words)


@router.entry("rule", drills.PLAN, about="rules")
async def plan_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """When drills come since then."""
    return _plan_words(body[drills.PLAN])


@router.entry("rule", drills.ANNOUNCED, about="rules")
async def announced_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whether they are announced since then."""
    return _plan_words("announced" if body[drills.ANNOUNCED] else "unannounced")


def _bar_proposal(*, share: Share, minutes: int = 15) -> Text:
    return T("A drill is good when {share} answer within {minutes} min.", share=Share(share), minutes=minutes)


@router.command(
    "drill_bar",
    allow=Authority.COMMITTEE,
    within="alert",
    help=T("How many have to answer, and how soon, so that a drill is good."),
    label=T("What a good drill is"),
    sample=("50%", "15"),
    asks={
        "share": Asks(
            T("How many of those who are called have to answer? Write it like {example}.", example=Typed("50%"))
        )
    },
    proposal=_bar_proposal,
)
async def drill_bar(context: Context, *, share: Percent, minutes: Number = 15) -> Reply:
    """What the next drills are measured by; those that were are not measured anew."""
    if not 0 < share <= readiness.WHOLE:
        raise Refusal(T("Between 1% and 100% have to answer, like this: {example}", example=Typed("/drill_bar 50% 15")))
    if not 0 < minutes <= MINUTES_MAX:
        raise Refusal(
            T(
                "Between 1 and {most} minutes, like this: {example}",
                most=MINUTES_MAX,
                example=Typed("/drill_bar 50% 15"),
            )
        )
    await rules.put(context.tx, context.committee.id, drills.WINDOW, minutes)
    await entries.decide_rule(
        context.tx, context.committee, drills.BAR, share, now=context.now, told=[int(share), minutes]
    )
    return Reply(_bar_proposal(share=share, minutes=minutes))


@router.entry("rule", drills.BAR, about="rules")
async def bar_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What a good drill is since then."""
    share, minutes = body[drills.BAR]
    return _bar_proposal(share=Share(share), minutes=minutes)


def _key(context: Context, what: str) -> str:
    return f"drill:{context.committee.id}:{what}"


async def _plan_next(context: Context) -> None:
    """The next drill, next month; none where the committee wants none."""
    if not await drills.is_monthly(context.tx, context.committee.id):
        for what in ("begin", "announce"):
            await due.cancel(context.tx, _key(context, what))
        return
    today = context.now.astimezone(context.committee.zone).date()
    local = readiness.next_drill(today, context.tx.token())
    await _plan_at(context, instant(local, context.committee.zone))


async def _plan_at(context: Context, at: datetime) -> None:
    committee = context.committee.id
    await due.plan_at(context.tx, _key(context, "begin"), drill_begin.says(), at, committee=committee)
    before = at - readiness.ANNOUNCED
    if await drills.is_announced(context.tx, committee) and before > context.now:
        await due.plan_at(context.tx, _key(context, "announce"), drill_announce.says(), before, committee=committee)
    else:
        await due.cancel(context.tx, _key(context, "announce"))


@router.command("drill_announce", allow=Authority.CLOCK, typed=False, help=T("A drill comes tomorrow."))
async def drill_announce(context: Context) -> None:
    """The group knows that there is one, not when."""
    begins = await due.at(context.tx, _key(context, "begin"))
    if begins is None or begins - context.now < readiness.ANNOUNCED - LATE:
        return
    await context.announce(
        T("DRILL tomorrow: an alert will come that is only an exercise. Answer it as you would if it were real.")
    )


@router.command("drill_begin", allow=Authority.CLOCK, typed=False, help=T("A planned drill begins."))
async def drill_begin(context: Context) -> None:
    """It begins in nobody's name. Where it cannot now, it comes a day later; the next one is planned at once."""
    if not await drills.is_monthly(context.tx, context.committee.id):
        return
    now, tx, committee = context.now, context.tx, context.committee
    going_on = [one for one in await alerts.open_(tx, committee.id) if not (await shared.state(context, one)).over]
    if going_on or now - context.said_at > LATE:
        local = context.said_at.astimezone(committee.zone)
        while (again := local + AGAIN) <= now:
            local = again
        await _plan_at(context, again.astimezone(UTC))
        return
    await _begin(context, "")
    await _plan_next(context)


# --- whether all is ready ----------------------------------------------------------------------------------------


@router.command(
    "ready",
    allow=Authority.MEMBER,
    within="alert",
    repeatable=True,
    help=T("How long ago the last good drill was, and what is broken."),
    label=_READY,
)
async def ready(context: Context) -> Reply:
    """What is broken, each with what to do next; who cannot be reached only to organizers."""
    unreachable = await people.unreachable(context.tx, context.committee.id)
    known = await _known(context, len(unreachable))
    told: list[Words | None] = [T("{title}", title=Bold(_READY)), _last_good(known)]
    faults = readiness.faults(known)
    for fault in faults:
        told.append(_fault_words(fault, known))
        if fault == "unreachable" and "organizer" in context.roles and context.in_private:
            told.append(
                T("They are: {names}", names=Listed(tuple(one.name for one in unreachable[:UNREADY_NAMES_MAX])))
            )
    if not faults:
        told.append(T("Nothing is broken that I can see."))
    return Reply(lines(*told), private=True)


def _last_good(known: Readiness) -> Text:
    if known.good_drill is None:
        return T("There has been no good drill yet.")
    if not known.good_drill.days:
        return T("The last good drill was less than a day ago.")
    return N("The last good drill was {n} day ago.", "The last good drill was {n} days ago.", known.good_drill.days)


def _fault_words(fault: Fault, known: Readiness) -> Text:
    match fault:
        case "no_second":
            return T(
                "Nobody could confirm an alert: all of you were invited by the same people. "
                "Let somebody else bring in members."
            )
        case "no_on_call":
            return T(
                "Nobody is on call now, so the organizers are called first. To have shifts for that: {command}",
                command=Typed("/on_call", _HOTLINE),
            )
        case "unreachable":
            return N(
                "I cannot write to {n} member. They have to open a private chat with me and type {start}.",
                "I cannot write to {n} members. They have to open a private chat with me and type {start}.",
                known.unreachable,
                start=Typed("/start"),
            )
        case "no_legal":
            return T("There is no legal contact. To name one: {command}", command=Typed("/role legal @eli"))
        case "needs":
            return T(
                "Alerts ask for this, and I know of nobody who has it: {needs}. Say who does, like this: {skill}",
                needs=Listed(tuple(NEEDS[what] for what in known.lacking)),
                skill=Typed("/skill", known.lacking[0], "@ben"),
            )
        case "unencrypted":
            return T(
                "What I know is not encrypted where it is kept. Whoever runs me can change that; their guide tells "
                "how: look for “database.key” there."
            )
        case "no_drill":
            return T("It is time for a drill. An organizer begins one: {drill}", drill=DRILL_COMMAND)
        case "not_planned":
            return T("No drill is planned. To have one every month: {command}", command=_MONTHLY)


async def _known(context: Context, unreachable: int) -> Readiness:
    tx, committee = context.tx, context.committee
    last = await drills.last_good(tx, committee.id)
    inviters, trunk = await members.branches(tx, committee.id)
    everybody = await people.active(tx, committee.id, limit=MEMBERS_MAX)
    able = [one.id for one in everybody if _may_confirm(one, context.now)][:CONFIRMERS_MAX]
    return Readiness(
        good_drill=None if last is None else context.now - last,
        on_call=await _on_call(context),
        confirmable=readiness.confirmable(able, inviters, trunk=trunk),
        unreachable=unreachable,
        legal=await _legal(context),
        lacking=await _lacking(context),
        encrypted=await sealed.is_encrypted(tx),
        planned=await drills.is_monthly(tx, committee.id),
    )


def _may_confirm(member: Member, now: datetime) -> bool:
    newcomer = member.newcomer_until is not None and member.newcomer_until > now
    return shared.may_hear(member, now) and not newcomer and member.helper_id is None


async def _on_call(context: Context) -> bool | None:
    """Whether somebody is on call now; None: nothing here deals with that."""
    if context.commands.get("on_call") is None:
        return None
    task = await rules.get(context.tx, context.committee.id, ON_CALL)
    if task is None:
        return False
    moment = context.now + timedelta(microseconds=1)
    running = await shifts.within(context.tx, context.committee.id, context.now, moment)
    return any(one.task.id == task and one.holders for one in running)


async def _legal(context: Context) -> bool | None:
    """Whether there is a legal contact; None: nothing here deals with that."""
    if context.commands.get("legal_contact") is None:
        return None
    return any(one.role == LEGAL for one in await roles.held(context.tx, context.committee.id))


async def _lacking(context: Context) -> tuple[str, ...]:
    """What the committee's kinds of alerts take, or alerts took lately, that nobody has as a skill."""
    tx, committee = context.tx, context.committee
    wanted = {what for kind in (await kinds_of(context)).values() for what in kind.needs}
    for one in await alerts.recent(tx, committee.id, since=context.now - ASKED_FOR):
        wanted |= (await shared.state(context, one)).needs.keys()
    there: set[str] = set()
    for skill in await availability.skills(tx, committee.id):
        if await availability.holders(tx, skill.id):
            there |= {alertline.NEED_WORDS.get(plain(word), word) for name in skill.names for word in name.split()}
    return tuple(what for what in NEEDS if what in wanted - there - {PEOPLE})
