"""Calling people to an alert: ring by ring while something is missing, and what members say of being called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import alerts as shared
from bot import relaying
from bot.arguments import Duration, LongNote, Number, OnOff, Reference
from bot.chat import Button, Lane, Reply
from bot.domain import alarm
from bot.domain import escalation as rule
from bot.domain.alarm import Alarm
from bot.domain.escalation import Do, Progress, Ring
from bot.router import Authority, Context, Router, Telling, Todo, Where
from bot.shifts import WHICH, TaskOf
from bot.text import Listed, Minutes, Refusal, T, Text, Typed, Words, lines
from bot.text import Reader as For
from storage import alerts, due, entries, escalation, outbox, people, reach, rules, shifts
from storage.alerts import Alert, Page, PageState
from storage.people import Member

router = Router("escalation", under="alerts")

RINGS = "alert_rings"
"""The rule with the minutes that each ring has where it is immediate."""
STEPS_MAX = 12
"""More steps than there can be at one moment."""
AT_ONCE_MAX = 100
"""So many people are called in one work: what else is to be done comes between."""
ASKED_BEFORE = timedelta(days=7)
_ENOUGH = T("Enough are coming: stay on call.")
_MISSING = T("Something is missing again.")


# --- ring by ring ------------------------------------------------------------------------------------------------


@router.command("alert_escalate", allow=Authority.CLOCK, typed=False, help=T("An alert may reach everybody."))
async def alert_escalate(context: Context, *, alert: Reference) -> None:
    """Call the first ring; and whoever agreed to be told at night, where it may break that now."""
    await _go_on(context, alert)
    await _wake(context, alert, start=1)


@router.command("alert_answered", allow=Authority.CLOCK, typed=False, help=T("What an alert takes has changed."))
async def alert_answered(context: Context, *, alert: Reference) -> None:
    """Look anew: stop, go on, or begin again."""
    await _go_on(context, alert)


@router.command("alert_ring", allow=Authority.CLOCK, typed=False, help=T("A ring has had its time to answer."))
async def alert_ring(context: Context, *, alert: Reference) -> None:
    """Look anew, whenever that is."""
    await _go_on(context, alert)


@router.command("alert_call", allow=Authority.MEMBER, typed=False, help=T("Call the next ring now."))
async def alert_call(context: Context, *, number: Number) -> Reply:
    """Do not wait any longer. For whoever raised it, and the organizers."""
    there, found = await shared.own(context, number)
    if await shared.reach_of(context, there, found) != "everyone":
        raise Refusal(T("Nobody is called before somebody else has confirmed it."), private=True)
    if not rule.is_open(found):
        raise Refusal(
            T(
                "Enough are coming. Where it takes more, say so: {example}",
                example=Typed(f"/alert {number}", shared.NEEDED),
            ),
            private=True,
        )
    done = rule.progress(await alerts.events(context.tx, there))
    called = -1 if done.ring is None else done.ring
    uncalled = await _uncalled(context, there, found, done)
    further = [ring for ring, _ in uncalled if ring > called]
    if not further:
        raise Refusal(T("Everybody is called already."), private=True)
    await _call(context, there, found, done, uncalled, ring=min(further))
    await _go_on(context, there.id)
    return shared.answer(T("The next ones are called now."))


async def _go_on(context: Context, alert_id: int) -> None:
    """Do what is to be done now, and plan when to look again. Said twice, the second time it finds nothing to do."""
    there = await alerts.get(context.tx, context.committee.id, alert_id)
    if there is None:
        return
    key = f"{there.thing}:ring"
    wait = await _wait(context, there)
    links = await relaying.may_ask(context, there)
    for _ in range(STEPS_MAX):
        events = await alerts.events(context.tx, there)
        found = alarm.alarm(events, expires_at=there.expires_at, now=context.now)
        if found.over or await shared.reach_of(context, there, found) != "everyone":
            break
        done = rule.progress(events)
        uncalled = await _uncalled(context, there, found, done)
        rings = {int(ring) for ring, _ in uncalled}
        if links and (done.ring is None or done.ring < Ring.LINKS):
            rings.add(Ring.LINKS)
        step = rule.step(found, done, now=context.now, wait=wait, rings=rings)
        match step.do:
            case Do.CALL:
                assert step.ring is not None
                if await _call(context, there, found, done, uncalled, ring=step.ring):
                    await _plan(context, there, "ring", context.now)
                    return
            case Do.ENOUGH:
                await shared.note(context, there, "enough")
                await escalation.call_back(context.tx, there, _calling(there))
                await due.cancel(context.tx, f"{there.thing}:recall")
                await _plan(context, there, "stay", context.now, start=1)
            case Do.REOPEN:
                told = rule.warns(done, now=context.now)
                upto = max((one.outbox_id or 0 for one in await alerts.pages(context.tx, there)), default=0)
                await shared.note(context, there, "reopened", data={"told": told, "upto": upto})
                await due.cancel(context.tx, f"{there.thing}:stay")
                if told:
                    await _tell_on_call(context, there, found, done)
            case Do.RECALL:
                some = bool(await _to_recall(context, there, found, done, start=1))
                await shared.note(context, there, "recalled", data={"told": some})
                if some:
                    await _plan(context, there, "recall", context.now, start=1)
            case Do.RECOUNT:
                await shared.note(context, there, "recounted")
            case Do.WAIT:
                assert step.at is not None
                await _plan(context, there, "ring", step.at)
                return
            case Do.NOTHING:
                break
    await due.cancel(context.tx, key)


async def _plan(context: Context, there: Alert, what: str, when: datetime, **more: int) -> None:
    command = context.commands.named(f"alert_{what}")
    await due.plan_after(
        context.tx,
        f"{there.thing}:{what}",
        command.says(alert=there.id, **more),
        when,
        since=context.now,
        committee=context.committee.id,
    )


async def _wait(context: Context, there: Alert) -> timedelta:
    minutes = await rules.get(context.tx, context.committee.id, RINGS)
    return rule.wait(there.urgency, rule.WAIT if minutes is None else timedelta(minutes=minutes))


def _calling(there: Alert) -> str:
    """What everything is about that calls somebody, to withdraw it when enough are coming."""
    return f"{there.thing}:call"


async def _uncalled(context: Context, there: Alert, found: Alarm, done: Progress) -> list[tuple[Ring, Member]]:
    """Who is still to be called, in that order."""
    everybody = await escalation.to_call(
        context.tx,
        context.committee.id,
        on_call={one.id for one in await shared.on_call(context)},
        places=[one.text for one in (there.area, there.words) if one is not None],
    )
    members = {one.id: one for one, _ in everybody if shared.may_hear(one, context.now)}
    told = {one.member_id for one in await alerts.pages(context.tx, there)}
    left = rule.uncalled([person for one, person in everybody if one.id in members], found, done, told=told)
    return [(ring, members[person.id]) for ring, person in left]


async def _call(
    context: Context,
    there: Alert,
    found: Alarm,
    done: Progress,
    uncalled: Sequence[tuple[Ring, Member]],
    *,
    ring: int,
) -> bool:
    """Call those of a ring, and of those before it, whom nobody has called yet. True: there are more of them."""
    waiting = [(which, member) for which, member in uncalled if which <= ring]
    now, more = waiting[:AT_ONCE_MAX], len(waiting) > AT_ONCE_MAX
    resting = await shared.resting(context, there, found, [member for _, member in now])
    told: list[Page] = []
    for which in sorted({which for which, _ in now}):
        members = [member for at, member in now if at == which]
        about = (_calling(there),)
        told += await shared.page(context, there, members, ring=which, waits_until=resting, about=about)
    if resting:
        await shared.plan_wake(context, there, min(resting.values()))
    heard = any(one.state == "sent" for one in told)
    if done.ring is None or ring > done.ring or (heard and not done.heard):
        await shared.note(context, there, "ring", data={"ring": ring, "told": heard or ring >= Ring.LINKS})
    if ring >= Ring.LINKS and (done.ring is None or done.ring < Ring.LINKS):
        await shared.hook(context, "alert_to_links", there)
    return more


# --- enough, and not enough again --------------------------------------------------------------------------------


@router.command("alert_stay", allow=Authority.CLOCK, typed=False, help=T("Enough are coming to an alert."))
async def alert_stay(context: Context, *, alert: Reference, start: Reference) -> None:
    """What those were told who have not answered says so from now on. It is changed in its place: nobody is woken."""
    current = await _current(context, alert)
    if current is None or not current[2].enough:
        return
    there, found, done = current
    staying = await _staying(context, there, found, done, start=start)
    sent = await escalation.messages(context.tx, [one.outbox_id for one in staying if one.outbox_id is not None])
    page, buttons = await shared.page_message(context, there)
    words = shared.marked(there, lines(_ENOUGH, page))
    said: dict[For, outbox.Content] = {}
    for one in staying[:AT_ONCE_MAX]:
        if one.outbox_id not in sent:
            continue
        chat_id, message = sent[one.outbox_id]
        place = await people.place_of(context.tx, chat_id)
        if place is None:
            continue
        reader = await people.reader_in(context.tx, chat_id, private=True, committee_id=context.committee.id)
        await outbox.queue(
            context.tx,
            place,
            words,
            reader=reader,
            now=context.now,
            lane=Lane.NOTICE,
            buttons=buttons,
            committee=context.committee.id,
            about=(there.thing,),
            edits=message,
            said=said,
        )
    if len(staying) > AT_ONCE_MAX:
        await _plan(context, there, "stay", context.now, start=staying[AT_ONCE_MAX].member_id)


@router.command("alert_recall", allow=Authority.CLOCK, typed=False, help=T("Those who stay on call are called again."))
async def alert_recall(context: Context, *, alert: Reference, start: Reference) -> None:
    """They were told that enough are coming, and that is not so any more."""
    current = await _current(context, alert)
    if current is None or current[2].enough or current[2].recall or not rule.is_open(current[1]):
        return
    there, found, done = current
    staying = await _to_recall(context, there, found, done, start=start)
    await _tell_again(context, there, found, staying[:AT_ONCE_MAX], _MISSING)
    if len(staying) > AT_ONCE_MAX:
        await _plan(context, there, "recall", context.now, start=staying[AT_ONCE_MAX].member_id)


async def _current(context: Context, alert_id: int) -> tuple[Alert, Alarm, Progress] | None:
    """What an alert is now, and how far calling has come; None: it is over."""
    there = await alerts.get(context.tx, context.committee.id, alert_id)
    if there is None:
        return None
    events = await alerts.events(context.tx, there)
    found = alarm.alarm(events, expires_at=there.expires_at, now=context.now)
    return None if found.over else (there, found, rule.progress(events))


async def _staying(context: Context, there: Alert, found: Alarm, done: Progress, *, start: int) -> list[Page]:
    """Who was told and has not answered, by their ids. Those who wait for the morning have nothing to stay for."""
    out = found.coming.keys() | found.cannot | done.gone | found.witnesses
    return sorted(
        (
            one
            for one in await alerts.pages(context.tx, there)
            if one.member_id >= start and one.member_id not in out and one.outbox_id is not None
            if one.state in ("sent", "waits")
        ),
        key=lambda one: one.member_id,
    )


async def _to_recall(context: Context, there: Alert, found: Alarm, done: Progress, *, start: int) -> list[Page]:
    """Those among them who have not been told since that something is missing again."""
    staying = await _staying(context, there, found, done, start=start)
    return [one for one in staying if one.outbox_id is not None and one.outbox_id <= done.upto]


async def _tell_on_call(context: Context, there: Alert, found: Alarm, done: Progress) -> None:
    """At once; those among them who have not been called at all are called as everybody is."""
    out = found.coming.keys() | found.cannot | done.gone
    pages = {one.member_id: one for one in await alerts.pages(context.tx, there)}
    ids = [one.id for one in await shared.on_call(context) if one.id not in out]
    await _tell_again(context, there, found, [pages[id_] for id_ in ids if id_ in pages], _MISSING)


async def _tell_again(context: Context, there: Alert, found: Alarm, pages: Sequence[Page], first: Words | None) -> None:
    """Tell those who bear it just now; for the others it waits."""
    members = await _members(context, pages)
    resting = await shared.resting(context, there, found, members.values())
    page, buttons = await shared.page_message(context, there)
    words = lines(first, page)
    said: dict[For, outbox.Content] = {}
    for one in pages:
        member = members.get(one.member_id)
        if member is None:
            continue
        outbox_id: int | None = None
        state: PageState = "waits"
        if member.id not in resting:
            about = (_calling(there), reach.page_thing(there.id, member.id))
            outbox_id = await shared.tell(context, member, words, alert=there, buttons=buttons, about=about, said=said)
            state = "unreachable" if outbox_id is None else "sent"
        await alerts.page(
            context.tx, there, member.id, ring=one.ring, outbox_id=outbox_id, state=state, now=context.now
        )
    if resting:
        await shared.plan_wake(context, there, min(resting.values()))
    if pages:
        await shared.hook(context, "alert_paged", there)


async def _members(context: Context, pages: Iterable[Page]) -> Mapping[int, Member]:
    """Those of them for whom alerts are just now, by their ids."""
    found = {}
    for one in pages:
        if (member := await shared.hears(context, one.member_id)) is not None:
            found[one.member_id] = member
    return found


# --- in their quiet hours ----------------------------------------------------------------------------------------


@router.command("alert_wake", allow=Authority.CLOCK, typed=False, help=T("Somebody's quiet hours are over."))
async def alert_wake(context: Context, *, alert: Reference, start: Reference) -> None:
    """Tell those for whom it waited, if it still goes on."""
    await _wake(context, alert, start=start)


@router.command("alert_wake_more", allow=Authority.CLOCK, typed=False, help=T("Somebody's quiet hours are over."))
async def alert_wake_more(context: Context, *, alert: Reference, start: Reference) -> None:
    """The rest of those for whom it waited."""
    await _wake(context, alert, start=start)


async def _wake(context: Context, alert_id: int, *, start: int) -> None:
    current = await _current(context, alert_id)
    if current is None:
        return
    there, found, done = current
    out = found.coming.keys() | found.cannot | done.gone
    waiting = sorted(
        (
            one
            for one in await alerts.pages(context.tx, there)
            if one.state == "waits" and one.outbox_id is None and one.member_id >= start and one.member_id not in out
        ),
        key=lambda one: one.member_id,
    )
    first = None if rule.is_open(found) else _ENOUGH
    await _tell_again(context, there, found, waiting[:AT_ONCE_MAX], first)
    if len(waiting) > AT_ONCE_MAX:
        await _plan(context, there, "wake_more", context.now, start=waiting[AT_ONCE_MAX].member_id)


# --- what members say of it --------------------------------------------------------------------------------------


@router.command(
    "wake",
    allow=Authority.MEMBER,
    within="alert",
    help=T("Whether alerts that are confirmed, immediate and severe may reach you in your quiet hours."),
    label=T("Alerts at night"),
    sample=("on",),
)
async def wake(context: Context, *, switch: OnOff | None = None) -> Reply:
    """One's own yes, which can be taken back."""
    if switch is not None:
        await escalation.set_wakes(context.tx, context.member.id, switch == "on")
        if switch == "on":
            for one in await alerts.open_(context.tx, context.committee.id):
                await _wake(context, one.id, start=context.member.id)
    own = await escalation.own(context.tx, context.member.id)
    off = Button(label=T("Not in my quiet hours"), says=wake.says(switch="off"))
    on = Button(label=T("Yes, also then"), says=wake.says(switch="on"))
    if own.wakes:
        return Reply(
            T("Alerts that are confirmed, immediate and severe reach you in your quiet hours too. Drills never do."),
            buttons=((off,),),
            private=True,
        )
    return Reply(
        T("No alert reaches you in your quiet hours: when they are over I tell you what still goes on."),
        buttons=((on,),),
        private=True,
    )


@router.command(
    "near",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    within="alert",
    help=T("Which areas you are near: to alerts there you are called sooner. Nobody sees it."),
    label=T("Where I am near"),
    sample=(T("Harbour, Old Town"),),
)
async def near(context: Context, *, line: LongNote = "") -> Reply:
    """One's own areas, shown or changed."""
    if line.strip().casefold() == "off":
        await escalation.set_near(context.tx, context.member.id, ())
    elif line.strip():
        areas = rule.read_areas(line)
        if not areas:
            raise Refusal(T("Name areas, with commas between them: {example}", example=near.example))
        await escalation.set_near(context.tx, context.member.id, areas)
    own = await escalation.own(context.tx, context.member.id)
    if not own.near:
        return Reply(
            T("You have named no areas. Name them with commas between them: {example}", example=near.example),
            private=True,
        )
    return Reply(
        lines(
            T("You are near: {areas}.", areas=Listed(own.near)),
            T("Nobody sees that. To alerts there you are called sooner; {off} ends it.", off=Typed("/near off")),
        ),
        private=True,
    )


@router.todo
async def asked(context: Context) -> Sequence[Todo]:
    """Whoever has a shift on call soon and has not said whether alerts may wake them."""
    task = await rules.get(context.tx, context.committee.id, shared.ON_CALL)
    if task is None or (await escalation.own(context.tx, context.member.id)).wakes is not None:
        return ()
    mine = await shifts.of_member(context.tx, context.member, since=context.now)
    soon = [one for one in mine if one.task.id == task and one.at < context.now + ASKED_BEFORE]
    if not soon:
        return ()
    return (
        Todo(
            words=T("You are on call. May alerts reach you in your quiet hours? To be on call does not yet say so."),
            buttons=(
                Button(label=T("Yes, also then"), says=wake.says(switch="on")),
                Button(label=T("Not in my quiet hours"), says=wake.says(switch="off")),
            ),
            by=soon[0].at,
        ),
    )


# --- what the committee decides ----------------------------------------------------------------------------------


def _on_call_proposal(*, task: shifts.RotaTask) -> Text:
    return T("To alerts, whoever has a shift of {task} just then is called first.", task=task.called)


@router.command(
    "on_call",
    allow=Authority.COMMITTEE,
    label=T("Who is on call"),
    help=T("Which task's shifts are on call: who has one is called first to alerts."),
    asks={"task": WHICH},
    proposal=_on_call_proposal,
)
async def on_call(context: Context, *, task: TaskOf) -> Reply:
    """Name the task. Who has no shift at that moment is not called before the others of their ring."""
    await entries.decide_rule(context.tx, context.committee, shared.ON_CALL, task.id, now=context.now)
    words = _on_call_proposal(task=task)
    await context.announce(words, but=context.place)
    return Reply(words)


def _nobody_proposal() -> Text:
    return T("No task is on call any more: to alerts the organizers are called first.")


@router.command(
    "on_call_off",
    allow=Authority.COMMITTEE,
    help=T("No task is on call any more: the organizers are called first to alerts."),
    proposal=_nobody_proposal,
)
async def on_call_off(context: Context) -> Reply:
    """Take the task back."""
    if await rules.get(context.tx, context.committee.id, shared.ON_CALL) is None:
        raise Refusal(T("That is how it is already."))
    await entries.decide_rule(context.tx, context.committee, shared.ON_CALL, None, now=context.now)
    words = _nobody_proposal()
    await context.announce(words, but=context.place)
    return Reply(words)


@router.entry("rule", shared.ON_CALL, about="rules")
async def on_call_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who is called first since then."""
    id_ = body[shared.ON_CALL]
    task = None if id_ is None else await shifts.task(telling.tx, telling.committee.id, id_)
    if task is None:
        return T("to alerts the organizers are called first.")
    return T("to alerts, who has a shift of {task} is called first.", task=task.called)


def _rings_proposal(*, time: Minutes) -> Text:
    return T("In an alert, each ring has {time} to answer before the next is called.", time=time)


@router.command(
    "alert_rings",
    allow=Authority.COMMITTEE,
    label=T("How fast alerts spread"),
    help=T("How long a ring has to answer an immediate alert before the next is called."),
    sample=("3m",),
    proposal=_rings_proposal,
)
async def alert_rings(context: Context, *, time: Duration) -> Reply:
    """Where it is less urgent, it is so many times as long as before."""
    if not rule.WAIT_LEAST <= timedelta(minutes=time) <= rule.WAIT_MOST:
        raise Refusal(
            T(
                "A ring has between {least} and {most} to answer.",
                least=Minutes(rule.WAIT_LEAST // timedelta(minutes=1)),
                most=Minutes(rule.WAIT_MOST // timedelta(minutes=1)),
            )
        )
    await entries.decide_rule(context.tx, context.committee, RINGS, int(time), now=context.now)
    words = _rings_proposal(time=time)
    await context.announce(words, but=context.place)
    return Reply(words)


@router.entry("rule", RINGS, about="rules")
async def rings_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How long each ring has since then."""
    return T("in alerts, each ring has {time} to answer.", time=Minutes(body[RINGS]))
