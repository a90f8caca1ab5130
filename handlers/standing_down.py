"""That an alert is over: told to everybody whom it has reached, until it is certain that they know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot import alerts as shared
from bot import calling
from bot.alerts import heading
from bot.arguments import Reference
from bot.chat import Button, Lane, Reply, Shown
from bot.domain.alarm import Alarm, Outcome
from bot.router import Authority, Context, Router, View
from bot.text import N, Refusal, T, Text, Words, lines
from storage import alerts, cards, due, escalation, outbox, people, reach
from storage.alerts import Alert
from storage.people import Member

router = Router("standing_down", under="alerts")

LOOKS_AFTER = timedelta(minutes=1)
"""Then whoever looks after an alert sees who does not know yet that it is over."""
REMINDS_AFTER = timedelta(minutes=10)
"""Then whoever was coming, and has not said that they know, is told once more."""
LOOKS_UNTIL = timedelta(hours=2)
"""What arrives after that finds nobody on the way any more."""
VIEWS_TOLD_AFTER = timedelta(hours=1)
AT_ONCE_MAX = 100
"""More are told in the next unit of work, so that nothing else has to wait for long."""

ENDS: Mapping[Outcome, Text] = {
    "ended": T("It is over: nobody need come any more."),
    "cancelled": T("It was cancelled: nobody need come."),
    "false": T("It was a false alarm: nobody need come."),
    "expired": T("Its time is over: nobody need come any more."),
    "merged": T("It is the same as another alert, and goes on there."),
    "refused": T("It was not let through: nobody need come."),
}


@router.command("alert_stand_down", allow=Authority.CLOCK, typed=False, help=T("Tell everybody that an alert is over."))
async def alert_stand_down(context: Context, *, alert: Reference) -> None:
    """Everybody whom it has reached, or who is coming, is told. What had not left of it is withdrawn already."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or there.over_at is None:
        return
    await due.cancel(context.tx, f"{there.thing}:reach")
    more = await _tell_those_reached(context, there)
    await _look_at(context, there, timedelta(0) if more else LOOKS_AFTER)
    await due.plan_at(
        context.tx,
        f"{there.thing}:numbers",
        context.commands.named("alert_numbers_told").says(alert=there.id),
        there.over_at + VIEWS_TOLD_AFTER,
        committee=context.committee.id,
    )


async def _tell_those_reached(context: Context, there: Alert) -> bool:
    """Nobody twice, and first those who are coming. True: there are more of them.

    A message may have arrived though it was withdrawn: then whoever got it is told a little later.
    """
    now = await shared.state(context, there)
    told = {row.member_id for row in await reach.stand_downs(context.tx, there.id)}
    reached = {id_ for id_, state, taken in await reach.pages(context.tx, there.id) if taken or state == "answered"}
    into = await _into(context, there)
    owed = sorted((reached | set(now.coming)) - told, key=lambda id_: (id_ not in now.coming, id_))
    asleep = await _asleep(context, there, now, owed[:AT_ONCE_MAX])
    for id_ in owed[:AT_ONCE_MAX]:
        member = await people.member_now(context.tx, context.committee.id, id_)
        # Whoever comes to an alert that goes on as another is still right to come.
        coming = id_ in now.coming and there.outcome != "merged"
        state: reach.State = "known"
        ends_it = context.of_member is not None and context.member.id == id_
        if id_ in asleep and not ends_it:
            state = await _tell_asleep(context, there, asleep[id_], into=into)
        elif member is not None and member.active and not ends_it:
            sent = await _tell(context, there, member, coming=coming, into=into)
            state = "sent" if sent else "unreachable"
        await reach.stand_down(context.tx, there.id, id_, coming=coming, state=state, now=context.now)
    await cards.changed(context.tx, reach.tracking_thing(there.id))
    return len(owed) > AT_ONCE_MAX


async def _asleep(context: Context, there: Alert, now: Alarm, ids: Sequence[int]) -> dict[int, Member]:
    """Those whom its end does not wake: they are not coming, and want to be left in peace just now."""
    found = [await shared.hears(context, id_) for id_ in ids if id_ not in now.coming]
    members = [one for one in found if one is not None]
    awake = await shared.awake(context, there, now, members)
    return {one.id: one for one in members if one not in awake}


async def _tell_asleep(context: Context, there: Alert, member: Member, *, into: Alert | None) -> reach.State:
    """What they were told says so from now on, in its place; who has no such message hears it in the morning."""
    words, buttons = await _words(context, there, coming=False, into=into)
    ids = [one for one in [await reach.page_message(context.tx, there.id, member.id)] if one is not None]
    for chat_id, message in (await escalation.messages(context.tx, ids)).values():
        place = await people.place_of(context.tx, chat_id)
        if place is None:
            continue
        await outbox.queue(
            context.tx,
            place,
            shared.marked(there, words),
            reader=await people.reader_in(context.tx, chat_id, private=True, committee_id=context.committee.id),
            now=context.now,
            lane=Lane.ALERT,
            buttons=buttons,
            committee=context.committee.id,
            about=(there.thing, reach.over_thing(there.id, member.id)),
            edits=message,
        )
        return "sent"
    await context.nudge(member, shared.marked(there, words), buttons=buttons)
    return "known"


async def _into(context: Context, there: Alert) -> Alert | None:
    """The alert as which it goes on, where that is known."""
    if there.outcome != "merged":
        return None
    ids = [one.data.get("into") for one in await alerts.events(context.tx, there) if one.kind == "merged"]
    return await alerts.get(context.tx, context.committee.id, ids[-1]) if ids and isinstance(ids[-1], int) else None


async def _tell(context: Context, there: Alert, member: Member, *, coming: bool, into: Alert | None) -> bool:
    words, buttons = await _words(context, there, coming=coming, into=into)
    about = (reach.over_thing(there.id, member.id),)
    return await shared.tell(context, member, words, alert=there, buttons=buttons, about=about) is not None


async def _words(
    context: Context, there: Alert, *, coming: bool, into: Alert | None
) -> tuple[Words, tuple[tuple[Button, ...], ...]]:
    assert there.outcome is not None
    said: list[Words | None] = [await heading(context, there)]
    buttons: tuple[tuple[Button, ...], ...] = ()
    if into is not None:
        show = context.commands.named("alert_show").says(number=into.number)
        said.append(T("It goes on as alert {number}: look there.", number=into.number))
        buttons = ((Button(label=T("Show alert {number}", number=into.number), says=show),),)
    else:
        said.append(ENDS[there.outcome])
    if coming:
        said.append(T("You said that you are coming. Press the button, so that nobody has to call you."))
        buttons = ((Button(label=T("I know"), says=alert_known.says(alert=there.id)),),)
    return lines(*said), buttons


async def _look_at(context: Context, there: Alert, after: timedelta) -> None:
    look = alert_standing_down.says(alert=there.id)
    await due.plan_at(
        context.tx, f"{there.thing}:stand_down", look, context.now + after, committee=context.committee.id
    )


@router.command("alert_standing_down", allow=Authority.CLOCK, typed=False, help=T("Look who knows that it is over."))
async def alert_standing_down(context: Context, *, alert: Reference) -> None:
    """Those who were coming are told once more; whoever looks after it sees how many do not know yet."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or there.over_at is None:
        return
    if await _tell_those_reached(context, there):
        await _look_at(context, there, timedelta(0))
        return
    since = context.now - there.over_at
    rows = await reach.stand_downs(context.tx, there.id)
    if since >= REMINDS_AFTER:
        for row in rows:
            if not (row.coming and row.open) or row.reminded:
                continue
            member = await people.member_now(context.tx, context.committee.id, row.member_id)
            if member is not None and row.state == "delivered":
                await _tell(context, there, member, coming=True, into=None)
            await reach.reminded(context.tx, there.id, row.member_id, now=context.now)
        await cards.changed(context.tx, reach.tracking_thing(there.id))
    if any(row.open for row in rows):
        await _show_tracking(context, there)
    if (await calling.under_way(context, there) or any(row.open for row in rows)) and since < LOOKS_UNTIL:
        await _look_at(context, there, max(there.over_at + REMINDS_AFTER - context.now, LOOKS_AFTER))


async def _show_tracking(context: Context, there: Alert) -> None:
    """To whoever raised it, and to the organizers, in private: one card, which changes."""
    charged = await shared.in_charge(context, there)
    for member in await shared.awake(context, there, await shared.state(context, there), charged):
        place = await people.private_chat_of(context.tx, member.person_id)
        thing = reach.tracking_thing(there.id)
        if place is not None and not await cards.stands_in(context.tx, thing, place.id):
            await cards.show(context.tx, thing, place, committee=context.committee.id, lane=Lane.ALERT)


@router.command("alert_known", allow=Authority.MEMBER, typed=False, help=T("You know that an alert is over."))
async def alert_known(context: Context, *, alert: Reference) -> Reply:
    """Whoever was coming knows."""
    if await alerts.get(context.tx, context.committee.id, alert) is None or not await reach.knows(
        context.tx, alert, context.member.id
    ):
        raise Refusal(T("That alert is not there any more."), private=True)
    return shared.answer(T("Thank you: now nobody calls you."))


@router.card("standing_down")
async def standing_down_card(view: View, ref: int) -> Shown | None:
    """How many know that it is over, in figures."""
    there = await alerts.get(view.tx, view.committee.id, ref)
    rows = await reach.stand_downs(view.tx, ref)
    if there is None or there.outcome is None or not view.private or not rows:
        return None
    missing = sum(row.state in ("sent", "unreachable") for row in rows)
    silent = sum(row.open and row.state == "delivered" for row in rows)
    known = len(rows) - missing - silent
    told: list[Words | None] = [
        await heading(view, there),
        ENDS[there.outcome],
        N("{n} knows.", "{n} know.", known) if known else None,
        N("{n} has not got the message.", "{n} have not got the message.", missing) if missing else None,
        N(
            "{n} was coming and has not said that they know.",
            "{n} were coming and have not said that they know.",
            silent,
        )
        if silent
        else None,
    ]
    call = view.commands.named("alert_phone").says(alert=there.id, what="over")
    return Shown(lines(*told), buttons=((Button(label=T("Call them"), says=call),),) if missing or silent else ())
