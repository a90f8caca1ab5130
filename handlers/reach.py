"""Whom an alert has reached, who calls the others, and the phone numbers for that."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from bot import alerts as shared
from bot import calling as calls
from bot.alerts import heading
from bot.arguments import Number, Reference, choice, note
from bot.calling import only_callers
from bot.chat import Button, Reply
from bot.domain import calling
from bot.domain.calling import Sees
from bot.router import Asks, Authority, Context, Router
from bot.text import Listed, N, Refusal, T, Text, Typed, lines
from storage import alerts, cards, due, people, reach

router = Router("reach", under="alerts")

LOOKS_AFTER = timedelta(minutes=2)
"""So long an alert has to reach people before those on call are told whom it has not."""
LOOKS_AGAIN_AFTER = timedelta(minutes=5)
_EXAMPLE = Typed("/phone +49 30 1234567 on_call")

What = Annotated[str, choice("alert", "over", expected=T("what the call is about"))]
Came = Annotated[str, choice("called", "no_answer", "coming", expected=T("what the call came to"))]
SEES: dict[Sees, Text] = {
    "nobody": T("Nobody"),
    "on_call": T("Those on call"),
    "organizers": T("The organizers"),
    "all": T("All members"),
}
SeenBy = Annotated[str, choice(*SEES, expected=T("who may see your number"), labels=SEES)]


# --- how far it has come -----------------------------------------------------------------------------------------


@router.command("alert_paged", allow=Authority.CLOCK, typed=False, help=T("People are told of an alert."))
async def alert_paged(context: Context, *, alert: Reference) -> None:
    """A little later it is looked at whom that has not reached."""
    key = f"alert:{alert}:reach"
    if await due.at(context.tx, key) is None:
        await _look_at(context, alert, LOOKS_AFTER)


async def _look_at(context: Context, alert_id: int, after: timedelta) -> None:
    look = alert_reach_look.says(alert=alert_id)
    await due.plan_at(context.tx, f"alert:{alert_id}:reach", look, context.now + after, committee=context.committee.id)


@router.command("alert_reach_look", allow=Authority.CLOCK, typed=False, help=T("Look whom an alert has not reached."))
async def alert_reach_look(context: Context, *, alert: Reference) -> None:
    """Those on call are told how many could not be reached: once, and again when there are more."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or (await shared.state(context, there)).over:
        return
    before = {one.member_id for one in await reach.calls(context.tx, there.id, "alert")}
    open_ = await calls.to_call(context, there, "alert")
    new = [one for one in open_ if one.member_id not in before]
    if new:
        await cards.changed(context.tx, there.thing)
    told = await reach.told_to_call(context.tx, there.id)
    callers = await calls.callers(context, there) if open_ else ()
    for member in await shared.awake(context, there, await shared.state(context, there), callers):
        if new or member.id not in told:
            await reach.tell_to_call(context.tx, there.id, member.id)
            await shared.tell(
                context,
                member,
                lines(
                    await heading(context, there),
                    calls.not_reached_words(len(open_)),
                    T("Whoever calls gets a part of the list, so that nobody is called twice."),
                ),
                alert=there,
                buttons=((Button(label=T("I'll call"), says=alert_phone.says(alert=there.id, what="alert")),),),
            )
    if open_ or await calls.under_way(context, there):
        await _look_at(context, there.id, LOOKS_AGAIN_AFTER)


@router.command("alert_reach", allow=Authority.MEMBER, typed=False, help=T("How many an alert has reached."))
async def alert_reach(context: Context, *, number: Number) -> Reply:
    """In figures. Nobody is asked whether they have read anything: seen is what somebody has answered."""
    there = await shared.found(context, number)
    shared.only_theirs(context, there)
    found = await calls.figures(context, there)
    title = await heading(context, there)
    if not found.told:
        return Reply(
            lines(title, T("Nobody was told of it in private yet. In the group its card tells of it.")), private=True
        )
    call = alert_phone.says(alert=there.id, what="alert")
    offered = found.unreached and there.over_at is None and await calls.may_call(context, there)
    return Reply(
        lines(
            title,
            N("{n} was to be told in private.", "{n} were to be told in private.", found.told),
            N("{n} has got it.", "{n} have got it.", found.delivered),
            N("{n} has answered, so has seen it.", "{n} have answered, so have seen it.", found.seen)
            if found.seen
            else T("Nobody has answered yet."),
            N("{n} could not be reached.", "{n} could not be reached.", found.unreached) if found.unreached else None,
            N("{n} has quiet hours and is told later.", "{n} have quiet hours and are told later.", found.waits)
            if found.waits
            else None,
        ),
        buttons=((Button(label=T("Call them"), says=call),),) if offered else (),
        private=True,
    )


# --- calling -----------------------------------------------------------------------------------------------------


@router.command(
    "alert_phone",
    allow=Authority.MEMBER,
    typed=False,
    repeatable=True,
    help=T("Call those whom an alert has not reached."),
)
async def alert_phone(context: Context, *, alert: Reference, what: What) -> Reply:
    """The next one on one's own part of the list, with the number where one may see it."""
    there = await _about_what(context, alert, what)
    return await calls.next_call(context, there, _what(what))


@router.command("alert_phoned", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Say what a call came to."))
async def alert_phoned(context: Context, *, alert: Reference, what: What, member: Reference, result: Came) -> Reply:
    """It counts as told and seen; and the next one is shown in its place."""
    there = await _about_what(context, alert, what)
    whom = await people.member_now(context.tx, context.committee.id, member)
    if whom is None or member not in {one.member_id for one in await reach.calls(context.tx, there.id, _what(what))}:
        raise Refusal(T("That person is not on the list any more."), private=True)
    reached: reach.Result | None = "called" if result == "called" else "coming" if result == "coming" else None
    first = await reach.came_of_call(
        context.tx, there.id, _what(what), member, reached, caller_id=context.member.id, now=context.now
    )
    if not first:
        said = T("Somebody else has reached {name} already.", name=whom.name)
    elif reached is None:
        said = T("Noted: {name} did not answer.", name=whom.name)
    else:
        await calls.reached_by_phone(context, there, _what(what), whom, coming=reached == "coming")
        said = T("Noted: {name} knows.", name=whom.name)
    return await calls.next_call(context, there, _what(what), first=said)


async def _about_what(context: Context, alert_id: int, what: str) -> alerts.Alert:
    if what == "alert":
        there, _ = await shared.going_on(context, alert_id)
    else:
        found = await alerts.get(context.tx, context.committee.id, alert_id)
        if found is None or found.over_at is None:
            raise Refusal(T("That alert is not there any more."), private=True)
        there = found
    await only_callers(context, there)
    return there


def _what(what: str) -> reach.What:
    return "over" if what == "over" else "alert"


# --- numbers -----------------------------------------------------------------------------------------------------


@router.command(
    "phone",
    allow=Authority.MEMBER,
    within="alert",
    help=T("Your phone number for alerts, and who may see it."),
    label=T("My phone number"),
    sample=("+49 30 1234567 on_call",),
    for_others=True,
    asks={"line": Asks(T("Which number may be called in an alert? Write it like this: {example}", example=_EXAMPLE))},
)
async def phone(context: Context, *, line: Annotated[str, note(calling.LINE_CHARACTERS_MAX)] = "") -> Reply:
    """Give it, choose who may see it, or take it away. Nobody needs to give one."""
    if not context.in_private:
        raise Refusal(
            T("A phone number is nobody else's business. Delete your message here, and write it to me in private.")
            if line.strip()
            else T("Say this to me in private, not here."),
            private=True,
        )
    if not line.strip():
        return await _told(context)
    if line.strip().casefold() == "off":
        gone = await calls.forget_number(context, context.member.id)
        return Reply(T("Your number is deleted.") if gone else T("I have no number of yours."), private=True)
    said = calling.read(line)
    before = await reach.phone(context.tx, context.member.id)
    number = said and (said.number or (before and before.number))
    if said is None or not number:
        raise Refusal(
            T("That is no phone number that I can read. Write it like this: {example}", example=_EXAMPLE), private=True
        )
    sees = said.sees or (before.sees if before is not None else "nobody")
    await reach.keep_phone(context.tx, context.member.id, number, sees, now=context.now)
    return await _told(context)


@router.command("phone_seen", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Who may see your number."))
async def phone_seen(context: Context, *, sees: SeenBy) -> Reply:
    """The same by a button."""
    there = await reach.phone(context.tx, context.member.id)
    if there is None:
        raise Refusal(T("I have no number of yours. Give it like this: {example}", example=_EXAMPLE), private=True)
    chosen: Sees = next(one for one in SEES if one == sees)
    await reach.keep_phone(context.tx, context.member.id, there.number, chosen, now=context.now)
    return await _told(context)


_SEEN_BY: dict[Sees, Text] = {
    "nobody": T("Nobody sees it."),
    "on_call": T("Those on call see it, when an alert has not reached you and it is their part to call you."),
    "organizers": T("An organizer sees it, when an alert has not reached you and it is their part to call you."),
    "all": T("Any member sees it who helps with the calls, when an alert has not reached you."),
}


async def _told(context: Context) -> Reply:
    there = await reach.phone(context.tx, context.member.id)
    if there is None:
        return Reply(
            lines(
                T("You gave no phone number, and need not."),
                T("With one you can be called when an alert does not reach you."),
                T("Give it like this: {example}", example=_EXAMPLE),
            ),
            private=True,
        )
    return Reply(
        lines(
            T("Your number: {number}", number=calling.shown(there.number)),
            _SEEN_BY[there.sees],
            T("Whenever it was shown, I tell you after the alert to whom."),
            T("Delete it: {off}", off=Typed("/phone off")),
        ),
        buttons=tuple(
            (Button(label=label, says=phone_seen.says(sees=sees)),)
            for sees, label in SEES.items()
            if sees != there.sees
        ),
        private=True,
        about=(calls.phone_thing(context.member.id),),
    )


@router.command("alert_numbers_told", allow=Authority.CLOCK, typed=False, help=T("Tell whose numbers were shown."))
async def alert_numbers_told(context: Context, *, alert: Reference) -> None:
    """After an alert everybody whose number was shown is told to whom: once."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or there.over_at is None:
        return
    for owner_id, viewers in (await reach.take_views(context.tx, there.id, now=context.now)).items():
        owner = await people.member_now(context.tx, context.committee.id, owner_id)
        names = [await people.member_now(context.tx, context.committee.id, viewer) for viewer in viewers]
        seen_by = tuple(one.name for one in names if one is not None)
        if owner is None or not owner.active or not seen_by:
            continue
        await context.nudge(
            owner,
            T(
                "In alert {number} your phone number was shown to {names}, to call you.",
                number=there.number,
                names=Listed(seen_by),
            ),
        )
