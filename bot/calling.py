"""Who could not be reached in an alert by message, and who calls them; for the areas that show it."""

from __future__ import annotations

from datetime import timedelta

from bot import alerts as shared
from bot.alerts import heading, may_hear
from bot.chat import Button, Reply
from bot.domain import calling
from bot.domain.calling import Reached
from bot.router import Context, View
from bot.text import N, Refusal, T, Text, Words, lines
from storage import alerts, outbox, people, reach
from storage.alerts import Alert
from storage.people import Member
from storage.reach import Call, What

PHONE_TREE = "phone_tree"
BUSY_FOR = timedelta(minutes=10)
"""So long whoever was shown somebody to call is left to call them."""


async def callers(context: Context, alert: Alert) -> list[Member]:
    """Who calls: who is on call, and who brings the phone tree; once it is over, also whoever raised it."""
    found = {one.id: one for one in await shared.on_call(context) if may_hear(one, context.now)}
    coming = (await shared.state(context, alert)).coming
    others = [id_ for id_, response in coming.items() if PHONE_TREE in response.brings]
    if alert.over_at is not None and alert.raiser_id is not None:
        others.append(alert.raiser_id)
    for id_ in others:
        if (member := await shared.hears(context, id_)) is not None:
            found[member.id] = member
    return [*found.values()]


async def may_call(context: Context, alert: Alert) -> bool:
    """Whether whoever says it is one of them."""
    return context.member.id in {one.id for one in await callers(context, alert)}


async def only_callers(context: Context, alert: Alert) -> None:
    """Raises Refusal for whoever is not one of them."""
    if not await may_call(context, alert):
        raise Refusal(
            T(
                "Those on call see who has to be called. To help them, say that you bring the phone tree: {button}",
                button=T("I can bring …"),
            ),
            private=True,
        )


async def figures(context: Context | View, alert: Alert) -> Reached:
    """How far an alert has come."""
    return calling.reached((state, taken) for _, state, taken in await reach.pages(context.tx, alert.id))


async def unreached_words(context: Context | View, alert: Alert) -> Text | None:
    """For its card: how many could not be reached. None: nobody, so there is nothing to say."""
    n = await reach.unreachable(context.tx, alert.id)
    return not_reached_words(n) if n else None


def not_reached_words(n: int) -> Text:
    """How many could not be reached."""
    return N("{n} member could not be reached by message.", "{n} members could not be reached by message.", n)


async def under_way(context: Context, alert: Alert) -> bool:
    """Whether the network has not yet taken some of the messages that tell people of it."""
    return any(state == "sent" and not taken for _, state, taken in await reach.pages(context.tx, alert.id))


async def to_call(context: Context, alert: Alert, what: What) -> list[Call]:
    """Who is still to be called, the list brought up to date."""
    if what == "alert":
        wanted = {id_ for id_, state, _ in await reach.pages(context.tx, alert.id) if state == "unreachable"}
    else:
        rows = await reach.stand_downs(context.tx, alert.id)
        # Whoever has it, and only has not said so, is told once more before anybody calls.
        wanted = {row.member_id for row in rows if row.open and (row.state != "delivered" or row.reminded)}
    # Nobody rings a telephone that may be in strange hands, nor whoever has left.
    for id_ in sorted(wanted):
        member = await people.member_now(context.tx, context.committee.id, id_)
        if member is None or not member.active or member.rests_until is not None:
            wanted.discard(id_)
    await reach.list_calls(context.tx, alert.id, what, sorted(wanted), now=context.now)
    listed = await reach.calls(context.tx, alert.id, what)
    return [one for one in listed if one.result is None and one.member_id in wanted]


async def part(context: Context, alert: Alert, what: What) -> list[Call]:
    """Whom whoever asks is to call: their part of the list, who was tried least first. They take one by that."""
    me = context.member
    await reach.tell_to_call(context.tx, alert.id, me.id, takes=True)
    may = {one.id for one in await callers(context, alert)}
    takes = [id_ for id_, yes in (await reach.told_to_call(context.tx, alert.id)).items() if yes and id_ in may]
    organizers = {one.id for one in await people.organizers(context.tx, context.committee.id)}
    duty = {one.id for one in await shared.on_call(context)}
    open_ = await to_call(context, alert, what)
    sees = await reach.may_be_seen_by(context.tx, [one.member_id for one in open_])

    def may_call(caller: int, member: int) -> bool:
        return caller != member and calling.may_see(
            sees.get(member), on_call=caller in duty, organizer=caller in organizers
        )

    # Whose number somebody may see who takes no part yet is left for them.
    dealt = [
        one.member_id
        for one in open_
        if any(may_call(caller, one.member_id) for caller in takes)
        or not any(may_call(caller, one.member_id) for caller in may)
    ]
    held = {one.member_id: one.caller_id for one in open_ if one.caller_id is not None}
    busy = {one.member_id for one in open_ if one.shown_at is not None and context.now - one.shown_at < BUSY_FOR}
    given = calling.deal(dealt, sorted(takes), held=held, may_call=may_call, busy=busy)
    for one in open_:
        if given.get(one.member_id) != one.caller_id:
            await reach.give_call(context.tx, alert.id, what, one.member_id, given.get(one.member_id))
    mine = [one for one in open_ if given.get(one.member_id) == me.id and one.member_id != me.id]
    return sorted(mine, key=lambda one: (one.tries, one.member_id))


async def number_for(context: Context, alert: Alert, member: Member) -> str | None:
    """A member's number for whoever asks, where they may see it; that they have seen it is written down."""
    phone = await reach.phone(context.tx, member.id)
    if phone is None:
        return None
    duty = {one.id for one in await shared.on_call(context)}
    may = calling.may_see(phone.sees, on_call=context.member.id in duty, organizer="organizer" in context.roles)
    if not may:
        return None
    await reach.number_shown(context.tx, alert.id, member.id, context.member.id, now=context.now)
    return calling.shown(phone.number)


def phone_thing(member_id: int) -> str:
    """What a message is about that shows somebody's number: it is withdrawn with that."""
    return f"phone:{member_id}"


async def forget_number(context: Context, member_id: int) -> bool:
    """Somebody's number is not kept any more, and waits in no message. False: there was none."""
    await outbox.withdraw(context.tx, phone_thing(member_id))
    return await reach.forget_phone(context.tx, member_id)


async def next_call(context: Context, alert: Alert, what: What, *, first: Words | None = None) -> Reply:
    """Whom to call next, with their number where whoever asks may see it. Only ever in private."""
    mine = await part(context, alert, what)
    title = await heading(context, alert)
    call = context.commands.named("alert_phone").says(alert=alert.id, what=what)
    if not mine:
        return Reply(
            lines(title, first, T("There is nobody left for you to call. Thank you.")),
            private=True,
            about=(alert.thing,),
        )
    if first is not None and mine[0].tries:
        return Reply(
            lines(
                title,
                first,
                N(
                    "{n} on your part of the list has not answered yet.",
                    "{n} on your part of the list have not answered yet.",
                    len(mine),
                ),
            ),
            buttons=((Button(label=T("Try again"), says=call),),),
            private=True,
            about=(alert.thing,),
        )
    one = mine[0]
    member = await people.member_now(context.tx, context.committee.id, one.member_id)
    assert member is not None
    await reach.show_call(context.tx, alert.id, what, member.id, now=context.now)
    number = await number_for(context, alert, member)
    return Reply(
        lines(
            title,
            first,
            T("Call {name}: {number}", name=member.name, number=number)
            if number is not None
            else T("{name} gave no number that you may see. Perhaps you know how to reach them.", name=member.name),
            T("They did not answer at {at}.", at=one.at) if one.tries else None,
            T("Tell them that it is over, and that they need not come.") if what == "over" else None,
            N("{n} more is on your part of the list.", "{n} more are on your part of the list.", len(mine) - 1)
            if len(mine) > 1
            else None,
        ),
        buttons=_results(context, alert, what, member.id),
        private=True,
        about=(alert.thing, phone_thing(member.id)),
    )


def _results(context: Context, alert: Alert, what: What, member_id: int) -> tuple[tuple[Button, ...], ...]:
    named = context.commands.named("alert_phoned")
    labels = {"called": T("Called"), "no_answer": T("No answer")} | ({"coming": T("Coming")} if what == "alert" else {})
    return (
        tuple(
            Button(label=label, says=named.says(alert=alert.id, what=what, member=member_id, result=result))
            for result, label in labels.items()
        ),
    )


async def reached_by_phone(context: Context, alert: Alert, what: What, member: Member, *, coming: bool) -> None:
    """Somebody was told by phone: that counts as told and seen."""
    if what == "over":
        await reach.knows(context.tx, alert.id, member.id)
        return
    await alerts.answered(context.tx, alert, member.id)
    if coming:
        await shared.note(
            context, alert, "coming", member=member, data={"minutes": shared.COMING_MINUTES[1], "by_phone": True}
        )
        await shared.hook(context, "alert_answered", alert)
    else:
        await shared.note(context, alert, "called")
