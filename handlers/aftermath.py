"""After an alert: how it went, its timeline without names, how long its content is kept, and the hours of who came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, cast

from bot import alerts as shared
from bot.aftermath import figures_words
from bot.alerts import heading, over_words
from bot.arguments import Days, Duration, LongNote, Number, Reference, choice
from bot.chat import Button, Card, Reply
from bot.domain import aftermath as rule
from bot.domain import ledger, quiet, retention
from bot.domain.aftermath import Answer, Moment
from bot.domain.ledger import Posting
from bot.router import Asks, Authority, Context, Router, Telling
from bot.text import Minutes, N, Refusal, T, Text, Typed, Words, lines
from bot.text import duration as in_words
from storage import aftermath, alerts, digests, due, entries, exchanges, notes, people, rules, schemes, transfers
from storage.aftermath import Debrief
from storage.alerts import Alert
from storage.people import Member

router = Router("aftermath", under="alerts")

HOURS = "alert_hours"
"""The rule that says who pays the hours of those who came: committee or fund; without it nobody does."""
CONFIRM_DAYS = 7
"""So long a claim waits where the committee has set nothing."""
HOURS_OFFERED = (60, 120, 180)
WRITTEN_MAX = 300
ASKED_NOT = frozenset({"merged", "refused"})
"""Outcomes after which nobody is asked how it was: it goes on elsewhere, or never began."""

_Said = Annotated[
    str,
    choice(
        "yes",
        "no",
        "unknown",
        expected=T("yes, no or unknown"),
        labels={"yes": T("Yes"), "no": T("No"), "unknown": T("Don't know")},
    ),
]
_LABELS: Mapping[Answer, Text] = {"yes": T("Yes"), "no": T("No"), "unknown": T("Don't know")}


# --- how it was --------------------------------------------------------------------------------------------------


@router.command("alert_aftermath", allow=Authority.CLOCK, typed=False, help=T("An alert is over."))
async def alert_aftermath(context: Context, *, alert: Reference) -> None:
    """Some hours later, or in the morning, those who took part are asked how it was."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or there.over_at is None or there.outcome in ASKED_NOT:
        return
    night = await digests.night(context.tx, context.committee.id)
    at = quiet.after_quiet(night, there.over_at + rule.ASKED_AFTER, context.committee.zone)
    says = alert_debrief_ask.says(alert=there.id)
    await due.plan_at(context.tx, f"{there.thing}:debrief", says, at, committee=context.committee.id)


@router.command("alert_debrief_ask", allow=Authority.CLOCK, typed=False, help=T("Ask how an alert was."))
async def alert_debrief_ask(context: Context, *, alert: Reference) -> None:
    """In private, whoever took part, once."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or there.over_at is None or await aftermath.counts(context.tx, there) is not None:
        return
    events = await alerts.events(context.tx, there)
    for member_id in sorted(rule.took_part(events, until=there.over_at)):
        member = await shared.hears(context, member_id)
        if member is None or not await aftermath.ask(context.tx, there, member.id, now=context.now):
            continue
        first = _in_time_rows(there) if there.exercise else _truth_rows(there)
        await context.nudge(
            member,
            lines(
                await heading(context, there),
                T("It is over. Some short questions, so that the next one goes better; nobody sees who says what."),
                _IN_TIME if there.exercise else _TRUTH,
            ),
            buttons=(*first, *await _hours_rows(context, there, member, short=True)),
            key=f"alert_debrief:{there.id}",
        )


_TRUTH = T("Was it real?")
_IN_TIME = T("Did you hear of it in time?")


def _truth_rows(there: Alert) -> tuple[tuple[Button, ...], ...]:
    return (
        tuple(Button(label=label, says=alert_truth.says(alert=there.id, said=said)) for said, label in _LABELS.items()),
    )


def _in_time_rows(there: Alert) -> tuple[tuple[Button, ...], ...]:
    return (
        tuple(
            Button(label=label, says=alert_in_time.says(alert=there.id, said=said)) for said, label in _LABELS.items()
        ),
    )


async def _over(context: Context, alert_id: int) -> Alert:
    """An alert that is over and whose content is still there. Raises Refusal."""
    there = await alerts.get(context.tx, context.committee.id, alert_id)
    if there is None:
        raise Refusal(T("That alert is not there any more."), private=True)
    if there.over_at is None:
        raise Refusal(T("Alert {number} still goes on.", number=there.number), private=True)
    if await aftermath.counts(context.tx, there) is not None:
        raise Refusal(
            T("What was said in alert {number} is deleted already, so nothing is added.", number=there.number),
            private=True,
        )
    return there


async def _asked(context: Context, alert_id: int) -> tuple[Alert, Debrief]:
    there = await _over(context, alert_id)
    debrief = await aftermath.debrief_of(context.tx, there, context.member.id)
    if debrief is None:
        raise Refusal(
            T(
                "Only whoever took part in alert {number} is asked how it was. Tell the organizers what you know.",
                number=there.number,
            ),
            private=True,
        )
    return there, debrief


@router.command("alert_truth", allow=Authority.MEMBER, typed=False, help=T("Say whether an alert was real."))
async def alert_truth(context: Context, *, alert: Reference, said: _Said) -> Reply:
    """The first question."""
    there, debrief = await _asked(context, alert)
    await aftermath.say_truth(context.tx, debrief, cast("Answer", said))
    return Reply(lines(T("Noted."), _IN_TIME), buttons=_in_time_rows(there), private=True)


@router.command("alert_in_time", allow=Authority.MEMBER, typed=False, help=T("Say whether you heard of it in time."))
async def alert_in_time(context: Context, *, alert: Reference, said: _Said) -> Reply:
    """The second one."""
    there, debrief = await _asked(context, alert)
    await aftermath.say_in_time(context.tx, debrief, cast("Answer", said))
    write = context.commands.asking(alert_otherwise.says(alert=there.id))
    return Reply(
        lines(T("Noted."), T("What should be otherwise the next time?")),
        buttons=(
            (
                Button(label=T("Write it"), says=write),
                Button(label=T("Nothing"), says=alert_debriefed.says(alert=there.id)),
            ),
        ),
        private=True,
    )


@router.command(
    "alert_otherwise",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say what should be otherwise the next time."),
    title=T("After the alert"),
    asks={"line": Asks(T("What should be otherwise the next time? One line, without names."))},
)
async def alert_otherwise(context: Context, *, alert: Reference, line: LongNote) -> Reply:
    """The last one, in words."""
    there, debrief = await _asked(context, alert)
    words = " ".join(line.split())
    if len(words) > WRITTEN_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=WRITTEN_MAX), private=True)
    await aftermath.write(context.tx, context.committee, there, debrief, words, now=context.now)
    return await _thanks(context, there)


@router.command("alert_debriefed", allow=Authority.MEMBER, typed=False, help=T("Nothing should be otherwise."))
async def alert_debriefed(context: Context, *, alert: Reference) -> Reply:
    """There is nothing more to say."""
    there, _ = await _asked(context, alert)
    return await _thanks(context, there)


async def _thanks(context: Context, there: Alert) -> Reply:
    rows = await _hours_rows(context, there, context.member, short=False)
    return Reply(
        lines(
            T("Thank you. Answers are shown without names, and only once {n} people gave some.", n=rule.ANSWERS_LEAST),
            T("How long were you there? The committee counts your hours.") if rows else None,
        ),
        buttons=rows,
        private=True,
    )


@router.entry("alert_debrief", about="decisions")
async def debrief_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody wrote how it was; neither who nor what."""
    there = await alerts.numbered(telling.tx, telling.committee.id, body["alert"])
    if there is not None and there.exercise:
        return T("DRILL {number}: somebody wrote what should be otherwise.", number=body["alert"])
    return T("Alert {number}: somebody wrote what should be otherwise.", number=body["alert"])


# --- the timeline ------------------------------------------------------------------------------------------------


@router.command(
    "alert_timeline",
    allow=Authority.MEMBER,
    typed=False,
    repeatable=True,
    help=T("What happened when in an alert, without names."),
)
async def alert_timeline(context: Context, *, number: Number) -> Reply:
    """Times and what happened; once it is over, how it went."""
    there = await shared.found(context, number)
    kept = await aftermath.counts(context.tx, there)
    now = await shared.state(context, there)
    if kept is not None:
        return Reply(
            lines(
                await heading(context, there),
                over_words(now),
                T("What was said in it is deleted; figures are kept."),
                *figures_words(kept),
            )
        )
    reach = await shared.reach_of(context, there, now)
    if reach in (None, "organizers") and not context.in_private:
        raise Refusal(T("That alert is not for the group yet. Look at it in private."), private=True)
    events = await alerts.events(context.tx, there)
    until = there.over_at or context.now
    told: list[Words | None] = [await heading(context, there)]
    for moment in rule.timeline(events, raised_at=there.raised_at, until=until):
        told += await _moment_words(context, moment)
    if there.over_at is None:
        told.append(T("It goes on."))
        return Reply(lines(*told))
    told += [
        T("Over after {time}.", time=Minutes(max(0, (there.over_at - there.raised_at) // timedelta(minutes=1)))),
        None if there.outcome == "ended" else over_words(now),
        *figures_words(await aftermath.counted(context.tx, there)),
        *await _went_words(context, there),
    ]
    return Reply(lines(*told))


async def _moment_words(context: Context, moment: Moment) -> list[Words]:
    time = Minutes(moment.minutes)
    match moment.what:
        case "raised":
            return [T("Raised: {at}", at=moment.at)]
        case "accepted":
            return [T("After {time}: an organizer let it through.", time=time)]
        case "confirmed":
            return [T("After {time}: confirmed by somebody else.", time=time)]
        case "first_coming":
            return [T("After {time}: the first said they come.", time=time)]
        case "first_there":
            return [T("After {time}: the first was there.", time=time)]
        case "needs":
            return [T("After {time}: it took something else.", time=time)]
        case "expires":
            return [T("After {time}: it was given another end.", time=time)]
        case "updated":
            words = await notes.written(context.tx, f"alert_update:{moment.event}")
            if words is None:
                return [T("After {time}: news.", time=time)]
            return [T("After {time}: news: “{words}” (as it was written)", time=time, words=words)]


async def _went_words(context: Context, there: Alert) -> list[Words]:
    """What those who took part say, once enough of them do."""
    said = await aftermath.debriefs(context.tx, there)
    told: list[Words] = []
    if (truth := rule.tally(one.truth for one in said)) is not None:
        told.append(T("Was it real? Yes: {yes}, no: {no}, don't know: {unknown}", **truth))
    if (in_time := rule.tally(one.in_time for one in said)) is not None:
        told.append(T("In time? Yes: {yes}, no: {no}, don't know: {unknown}", **in_time))
        written = await aftermath.words_of(context.tx, there)
        if written:
            told.append(T("What should be otherwise:"))
            told += [T("- {words}", words=words) for words in written]
    return told


# --- how long it is kept -----------------------------------------------------------------------------------------


def _keep_words(*, days: int) -> Text:
    return N(
        "What was said and done in an alert is deleted {n} day after it is over. Figures are kept.",
        "What was said and done in an alert is deleted {n} days after it is over. Figures are kept.",
        days,
    )


@router.command(
    "alert_keep",
    allow=Authority.COMMITTEE,
    within="alert",
    label=T("How long alerts are kept"),
    help=T("For how many days what was said in alerts is kept, 1 to {n}.", n=retention.ALERTS_MAX.days),
    sample=("14d",),
    proposal=_keep_words,
    asks={"days": Asks(T("For how many days? Write it, like {example}.", example=Typed("14d")))},
)
async def alert_keep(context: Context, *, days: Days) -> Reply:
    """For what is over already, too: the next night looks."""
    if days > retention.ALERTS_MAX.days:
        raise Refusal(
            T(
                "At most {n} days: alerts are about people in danger. Say a shorter time, like {example}.",
                n=retention.ALERTS_MAX.days,
                example=Typed("/alert_keep 14d"),
            )
        )
    await entries.decide_rule(context.tx, context.committee, aftermath.KEEP, days, now=context.now)
    return Reply(_keep_words(days=days))


@router.entry("rule", aftermath.KEEP, about="rules")
async def keep_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """How long alerts are kept."""
    return _keep_words(days=body[aftermath.KEEP])


# --- hours -------------------------------------------------------------------------------------------------------

_PAYS = {
    "on": T("Whoever was at an alert may have the hours counted: the committee's account gives them."),
    "fund": T("Whoever was at an alert may have the hours counted: the common fund gives them."),
    "off": T("Hours at alerts are not counted."),
}
_Pays = Annotated[
    str,
    choice(
        "on",
        "fund",
        "off",
        expected=T("{on}, {fund} or {off}", on=Typed("on"), fund=Typed("fund"), off=Typed("off")),
        labels={"on": T("The committee pays"), "fund": T("The common fund pays"), "off": T("Off")},
    ),
]


def _pays_words(*, who: str) -> Text:
    return _PAYS[who]


@router.command(
    "alert_hours",
    allow=Authority.COMMITTEE,
    within="alert",
    label=T("Hours at alerts"),
    help=T("Whether hours at alerts are counted, and who gives them: on (the committee), fund, or off."),
    sample=("on",),
    proposal=_pays_words,
    asks={"who": Asks(T("Who gives the hours of those who come?"))},
)
async def alert_hours(context: Context, *, who: _Pays) -> Reply:
    """Off until the committee turns it on."""
    if await rules.get(context.tx, context.committee.id, HOURS, "off") == who:
        raise Refusal(T("That is how it is already."))
    kept = None if who == "off" else who
    await entries.decide_rule(context.tx, context.committee, HOURS, kept, now=context.now, told=who)
    return Reply(_PAYS[who])


@router.entry("rule", HOURS, about="rules")
async def hours_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who gives the hours."""
    return _PAYS[body[HOURS]]


async def _hours_rows(context: Context, there: Alert, member: Member, *, short: bool) -> tuple[tuple[Button, ...], ...]:
    """How somebody says how long they were there, where that counts. `short`: one button that asks."""
    if await _why_no_hours(context, there, member) is not None:
        return ()
    asking = context.commands.asking(alert_worked.says(alert=there.id))
    if short:
        return ((Button(label=T("My hours there"), says=asking),),)
    most = _most(there)
    offered = tuple(
        Button(label=T("{time}", time=Minutes(minutes)), says=alert_worked.says(alert=there.id, time=minutes))
        for minutes in HOURS_OFFERED
        if minutes <= most
    )
    return (offered, (Button(label=T("Another time"), says=asking),))


def _most(there: Alert) -> Minutes:
    assert there.over_at is not None
    return rule.hours_most(raised_at=there.raised_at, over_at=there.over_at)


async def _why_no_hours(context: Context, there: Alert, member: Member) -> Text | None:
    """Why somebody cannot have hours counted at an alert; None: they can."""
    assert there.over_at is not None
    if await rules.get(context.tx, context.committee.id, HOURS, "off") == "off":
        return T(
            "Hours at alerts are not counted here. The committee can decide it: {command}",
            command=Typed("/alert_hours on"),
        )
    if (await schemes.now(context.tx, context.committee.id)).base == "gift":
        return T("Here help is a gift, and nobody counts hours.")
    if there.exercise:
        return T("A drill gives no hours.")
    now = await alerts.now_is(context.tx, there, now=there.over_at)
    events = await alerts.events(context.tx, there)
    if member.id not in rule.responders(events, now, until=there.over_at):
        return T(
            "You had not said that you come to alert {number}. If you were there, let somebody thank you: {thank}",
            number=there.number,
            thank=Typed("/thank"),
        )
    before = await aftermath.claim_of(context.tx, there, member.id)
    waiting = None if before is None else await exchanges.waiting(context.tx, context.committee.id, before)
    if waiting is not None and waiting.state not in ("withdrawn", "lapsed"):
        return T("You have said already how long you were at alert {number}.", number=there.number)
    return None


async def _hour_choices(_context: Context) -> list[tuple[Text | str, Minutes]]:
    return [(in_words(minutes), Minutes(minutes)) for minutes in HOURS_OFFERED]


@router.command(
    "alert_worked",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say how long you were at an alert."),
    title=T("Hours at an alert"),
    asks={
        "time": Asks(
            T("How long were you there? Choose, or write it, like {example}.", example=Typed("1h30")), _hour_choices
        )
    },
)
async def alert_worked(context: Context, *, alert: Reference, time: Duration) -> Reply:
    """An organizer confirms it, as what somebody has done is confirmed. Nothing in the books names the alert."""
    there = await _over(context, alert)
    if (why := await _why_no_hours(context, there, context.member)) is not None:
        raise Refusal(why, private=True)
    most = _most(there)
    if time > most:
        raise Refusal(
            T(
                "Alert {number} went on for less: with the way there and back it is {most} at most.",
                number=there.number,
                most=most,
            ),
            private=True,
        )
    organizer = await _who_confirms(context, there)
    own = await transfers.account(context.tx, context.committee, context.member)
    if await rules.get(context.tx, context.committee.id, HOURS) == "fund":
        payer = (await transfers.beside(context.tx, context.committee, "fund")).id
    else:
        payer = (await transfers.committee_account(context.tx, context.committee)).id
    by = await schemes.counting(context.tx, context.committee)
    plain = tuple(
        Posting(account, Minutes(minutes)) for account, minutes in sorted({payer: -time, own.id: int(time)}.items())
    )
    legs = by.legs(plain)
    if not any(ledger.balances(legs).values()):
        raise Refusal(T("You pool what you earn, and the fund would give to itself: nothing would move."), private=True)
    found = await transfers.accounts_by_id(context.tx, context.committee, {leg.account_id for leg in legs})
    if any(one.id == payer and one.floor is not None and one.available - time < one.floor for one in found):
        raise Refusal(
            T("The common fund does not have so many hours now. Say it again when it has, or say less."), private=True
        )
    confirming = await rules.get(context.tx, context.committee.id, "confirming", {"days": CONFIRM_DAYS})
    expires = context.now + timedelta(days=confirming["days"])
    opened = await exchanges.open_(
        context.tx,
        context.committee,
        legs,
        recorder=context.member,
        asked=[organizer],
        holds=ledger.holds(legs, found, at=context.now),
        policy=(by.scheme.policy.name, by.scheme.policy.version),
        scheme=by.scheme.version,
        plain=plain,
        note="",
        now=context.now,
        expires=expires,
    )
    await aftermath.claimed(context.tx, there, context.member.id, opened.id)
    over = context.commands.named("claims_over").says(number=opened.id)
    await due.plan_at(context.tx, opened.thing, over, expires, committee=context.committee.id)
    await context.tell(
        organizer,
        T(
            "{name} says to have been at alert {number} for {time}. Is that right?",
            name=context.member.name,
            number=there.number,
            time=time,
        ),
        about=(there.thing,),
    )
    await context.show_to(organizer, Card("exchange", opened.id))
    withdraw = context.commands.named("withdraw_claim").says(number=opened.id)
    return Reply(
        lines(
            T("Noted: {time}. An organizer is asked whether it is right.", time=time),
            T("The books will say that you worked so long for the committee, and not for what."),
        ),
        buttons=((Button(label=T("Take back"), says=withdraw),),),
        private=True,
    )


async def _who_confirms(context: Context, there: Alert) -> Member:
    """An organizer who is not the one who asks, and can be reached; not always the same one. Raises Refusal."""
    organizers = [
        one
        for one in await people.organizers(context.tx, context.committee.id)
        if one.id not in (context.member.id, context.speaker.id)
        and await people.private_chat_of(context.tx, one.person_id) is not None
    ]
    if not organizers:
        raise Refusal(
            T("No other organizer has a private chat with me, so nobody can confirm it. Ask them to write to me."),
            private=True,
        )
    return organizers[(there.id + context.member.id) % len(organizers)]
