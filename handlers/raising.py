"""Before an alert spreads: what waits for an organizer, what strangers say, and what was said twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot import alerts as shared
from bot.alerts import AlertKind, answer, facts_words, going_on, heading, note, state
from bot.arguments import LongNote, Number, Reference
from bot.chat import Button, Card, Reply
from bot.dialogue import answer_button
from bot.domain import alertline, raising
from bot.domain.alarm import Alarm
from bot.router import Asks, Authority, Context, Router, Todo
from bot.text import N, Refusal, T, Text, Typed, Words, lines
from storage import alerts, due, inspection, nudges, people
from storage.alerts import Alert

router = Router("raising", under="alerts")

_SAME = T("same 4")
_WHY: dict[str, Text] = {
    "budget": T("It waits for you: the same person has raised several that nobody has confirmed."),
    "newcomer": T("It waits for you: a newcomer has raised it."),
    "stranger": T("It waits for you: somebody who is no member has raised it."),
    "linked": T("It waits for you: a linked committee has sent it. Let it through, and the group sees it."),
}


# --- held --------------------------------------------------------------------------------------------------------


@router.command("alert_held", allow=Authority.CLOCK, typed=False, help=T("An alert waits for an organizer."))
async def alert_held(context: Context, *, alert: Reference) -> None:
    """The organizers are told at once, in private, and once more where it cannot wait and nobody has answered."""
    there = await _held(context, alert)
    if there is None:
        return
    await _tell(context, *there)
    if there[0].urgency == "immediate":
        again = alert_held_again.says(alert=alert)
        when = context.now + raising.HELD_AGAIN_AFTER
        await due.plan_at(context.tx, f"{there[0].thing}:held", again, when, committee=context.committee.id)


@router.command(
    "alert_held_again", allow=Authority.CLOCK, typed=False, help=T("An alert still waits for an organizer.")
)
async def alert_held_again(context: Context, *, alert: Reference) -> None:
    """No organizer has answered: all of them are told once more."""
    there = await _held(context, alert)
    if there is not None:
        await _tell(context, *there, again=True)


async def _held(context: Context, alert_id: int) -> tuple[Alert, Alarm] | None:
    """An alert that waits for an organizer; None: it does not, or not any more."""
    there = await alerts.get(context.tx, context.committee.id, alert_id)
    now = None if there is None else await state(context, there)
    return (there, now) if there is not None and now is not None and now.held and not now.over else None


async def _tell(context: Context, there: Alert, now: Alarm, *, again: bool = False) -> None:
    buttons = _deciding(there)
    words = lines(
        await heading(context, there),
        T("It still waits: no organizer has answered.") if again else _WHY[await _why(context, there)],
        *facts_words(there, now),
    )
    told = 0
    organizers = await people.organizers(context.tx, context.committee.id)
    others = [one for one in organizers if one.id != there.raiser_id and shared.may_hear(one, context.now)]
    awake = await shared.awake(context, there, now, others)
    for organizer in others:
        if organizer in awake:
            told += await shared.tell(context, organizer, words, alert=there, buttons=buttons) is not None
        else:
            await context.nudge(organizer, words, buttons=buttons, key=f"{there.thing}:held")
    if not told or again:
        await shared.tell_organizers_to_look(context)


async def _why(context: Context, there: Alert) -> str:
    for event in await alerts.events(context.tx, there):
        if event.kind == "held" and event.data.get("why") in _WHY:
            return str(event.data["why"])
    return "budget"


def _deciding(there: Alert) -> tuple[tuple[Button, ...], ...]:
    return (
        (
            Button(label=T("Let it through"), says=alert_accept.says(alert=there.id)),
            Button(label=T("Refuse it"), says=alert_refuse.says(alert=there.id)),
        ),
    )


async def _to_decide(context: Context, alert_id: int) -> tuple[Alert, Alarm]:
    there, now = await going_on(context, alert_id)
    if not now.held:
        raise Refusal(T("Alert {number} was let through already.", number=there.number), private=True)
    if context.member.id == there.raiser_id:
        raise Refusal(T("You raised it yourself. Another organizer has to decide."), private=True)
    return there, now


@router.command("alert_accept", allow=Authority.ORGANIZER, typed=False, help=T("Let an alert through."))
async def alert_accept(context: Context, *, alert: Reference) -> Reply:
    """Any one organizer but whoever raised it. Where nobody stands for it, because a stranger said it, they do now."""
    there, now = await _to_decide(context, alert)
    await due.cancel(context.tx, f"{there.thing}:held")
    await nudges.withdraw(context.tx, f"{there.thing}:held")
    await note(context, there, "accepted", member=context.member)
    if not now.witnesses:
        await note(context, there, "verified", member=context.member)
    await shared.spread(context, there)
    await _tell_raiser(context, there, T("Your alert {number} was let through.", number=there.number))
    return answer(T("Alert {number} was let through.", number=there.number))


@router.command("alert_refuse", allow=Authority.ORGANIZER, typed=False, help=T("Do not let an alert through."))
async def alert_refuse(context: Context, *, alert: Reference) -> Reply:
    """It is over before anybody has heard of it."""
    there, _ = await _to_decide(context, alert)
    await shared.finish(context, there, "refused")
    await _tell_raiser(
        context,
        there,
        T(
            "An organizer has not let your alert {number} through. If it is true, ask one of them to look again.",
            number=there.number,
        ),
    )
    return answer(T("Alert {number} was not let through.", number=there.number))


async def _tell_raiser(context: Context, there: Alert, words: Words) -> None:
    if (raiser := await shared.hears(context, there.raiser_id)) is not None:
        await shared.tell(context, raiser, words, alert=None)


@router.todo
async def waiting(context: Context) -> Sequence[Todo]:
    """Alerts that wait for an organizer."""
    told: list[Todo] = []
    if "organizer" not in context.roles:
        return told
    for one in await alerts.open_(context.tx, context.committee.id):
        now = await state(context, one)
        if now.held and not now.over and one.raiser_id != context.member.id:
            told.append(await _todo(context, one, now))
    return told


async def _todo(context: Context, one: Alert, now: Alarm) -> Todo:
    if not context.in_private:
        return Todo(words=T("An alert waits for you. Look at it in private."), by=now.expires_at)
    head = await heading(context, one)
    words = T("{alert}: you decide whether all hear of it.", alert=head)
    if one.area is not None:
        words = T("{alert}, {area}: you decide whether all hear of it.", alert=head, area=one.area)
    return Todo(words=words, buttons=_deciding(one)[0], by=now.expires_at)


# --- strangers ---------------------------------------------------------------------------------------------------


@router.command("alert_stranger", allow=Authority.CLOCK, typed=False, help=T("Somebody who is no member says it."))
async def alert_stranger(context: Context, *, line: LongNote) -> Reply:
    """An alert of somebody who is no member: the organizers alone hear of it, and one of them may stand for it."""
    context = replace(await _somewhere(context), authority=Authority.ANYONE)
    if context.of_member is not None:
        raise Refusal(T("You are a member: raise it with {alert}.", alert=shared.EXAMPLE), private=True)
    if not line.strip():
        raise Refusal(T("Say what it is, and where: {example}", example=shared.EXAMPLE))
    said = await shared.read(context, line)
    if said.kind is None:
        said = await shared.read(context, f"{shared.MARK} {line}", of="other")
    before = await alerts.of_strangers(context.tx, context.committee.id, since=context.now - raising.WITHIN)
    waits = False
    for one in before:
        now = await state(context, one)
        waits = waits or (now.held and not now.over)
    if waits or len(before) >= raising.STRANGERS_MAX:
        raise Refusal(T("The organizers have been told of an alert already. Ask a member to raise yours."))
    made = await shared.raise_alert(context, replace(said, exercise=False))
    if not await shared.organizers_awake(context, made):
        return Reply(T("Only the organizers may hear of it yet, and they have quiet hours now: tell a member."))
    return Reply(T("The organizers are told now. One of them has to let it through. Tell a member too, if you can."))


async def _somewhere(context: Context) -> Context:
    """In private there is only one committee that it can be for, where the bot has no other. Raises Refusal."""
    if context.of_committee is not None:
        return context
    found = await inspection.committees(context.tx) if context.in_private else []
    if len(found) != 1:
        raise Refusal(T("Say this in the group of the committee that should hear of it."))
    return replace(context, of_committee=await people.committee(context.tx, found[0]))


# --- said twice --------------------------------------------------------------------------------------------------


@router.command("alert_again", allow=Authority.MEMBER, typed=False, help=T("Ask whether two alerts are the same."))
async def alert_again(
    context: Context, *, alert: Reference, kind: AlertKind, line: LongNote, answers: LongNote = ""
) -> Reply:
    """Somebody says what was said a short time ago: two buttons, and nothing to be typed again."""
    there, _ = await going_on(context, alert)
    said = await shared.read(context, line, of=kind.key)
    ago = context.now - there.raised_at
    if there.raiser_id == context.member.id and ago < raising.AGAIN_WITHIN and _same_line(there, said, answers):
        return Reply(T("Alert {number} is raised already.", number=there.number), private=True)
    question = context.tx.token()
    same = alert_same.says(alert=alert, kind=kind, line=line, answers=answers)
    another = context.commands.named("alert_another").says(kind=kind, line=line, answers=answers)
    stands = there.raiser_id == context.member.id
    return Reply(
        lines(
            await heading(context, there),
            T("Where: {area}", area=there.area) if there.area is not None else None,
            N("Raised {n} minute ago.", "Raised {n} minutes ago.", max(1, round(ago / timedelta(minutes=1)))),
            T("Do you mean the same?"),
        ),
        buttons=(
            (answer_button(T("The same") if stands else T("The same: I confirm it"), same, context.member, question),),
            (answer_button(T("Another one"), another, context.member, question),),
        ),
        # Who cannot be asked in private is asked here, where the other one stands: their words must not be lost.
        private=await _reachable(context),
    )


def _same_line(there: Alert, said: alertline.Line, answers: str) -> bool:
    words = "; ".join(filter(None, (said.words, answers)))[: alertline.WORDS_CHARACTERS_MAX]
    return (there.area.text if there.area else "") == said.area and (there.words.text if there.words else "") == words


async def _reachable(context: Context) -> bool:
    return context.person is None or await people.private_chat_of(context.tx, context.person.id) is not None


@router.command("alert_same", allow=Authority.MEMBER, typed=False, help=T("Say that two alerts are the same."))
async def alert_same(
    context: Context, *, alert: Reference, kind: AlertKind, line: LongNote, answers: LongNote = ""
) -> Reply | Card | None:
    """It is confirmed by that, as by the button on its card; what is new in it is told as an update."""
    there, now = await going_on(context, alert)
    told: Reply | Card | None = answer(T("Thank you. What is new in it is added."))
    if context.member.id not in now.witnesses:
        verify = context.commands.named("alert_verify")
        told = await context.say(verify.says(alert=alert), authority=context.authority)
    said = await shared.read(context, line, of=kind.key)
    area = "" if there.area is not None and said.area == there.area.text else said.area
    words = ", ".join(filter(None, (area, said.words, answers)))[: alertline.WORDS_CHARACTERS_MAX]
    update = context.commands.get("alert_update")
    if words and update is not None:
        await context.say(update.says(number=there.number, line=words), authority=Authority.CLOCK)
    return told


@router.command(
    "alert_merge",
    allow=Authority.ORGANIZER,
    typed=False,
    help=T("Say that an alert is the same as another one."),
    asks={"line": Asks(T("The same as which one? Write its number."))},
)
async def alert_merge(context: Context, *, number: Number, line: LongNote) -> Reply:
    """It goes on as the other one, with everybody who comes. Nobody becomes a witness of what they have not said."""
    one, now = await going_on(context, (await shared.found(context, number)).id)
    said = line.strip().lstrip("#")
    if not (said.isascii() and said.isdecimal() and int(said[:9]) > 0 and len(said) <= 9):
        raise Refusal(T("Say the number of the other one: {example}", example=Typed(f"/alert {number}", _SAME)))
    other, into = await going_on(context, (await shared.found(context, int(said))).id)
    if other.id == one.id or other.exercise != one.exercise or into.held:
        raise Refusal(
            T("These two cannot be made one: take two that go on, both real or both a drill, and let through."),
            private=True,
        )
    reaches = await shared.reach_of(context, one, now), await shared.reach_of(context, other, into)
    if reaches[0] in ("group", "everyone") and reaches[1] == "organizers":
        raise Refusal(
            T(
                "Alert {other} is for the organizers alone yet: whoever comes to alert {number} could not see it. Say "
                "it the other way round: {example}",
                other=other.number,
                number=number,
                example=Typed(f"/alert {other.number} same {number}"),
            ),
            private=True,
        )
    for kind, member_id, data in raising.carried(now, into, at=context.now):
        member = await people.member_now(context.tx, context.committee.id, member_id)
        if member is not None:
            await note(context, other, kind, member=member, data=data)
    await shared.finish(context, one, "merged", data={"into": other.id})
    await shared.hook(context, "alert_answered", other)
    if one.raiser_id not in into.witnesses:
        raiser = await shared.hears(context, one.raiser_id)
        if raiser is not None and raiser.id != context.member.id:
            confirm = context.commands.named("alert_verify").says(alert=other.id)
            await shared.tell(
                context,
                raiser,
                T("Your alert {number} goes on as alert {other}.", number=one.number, other=other.number),
                alert=other,
                buttons=((Button(label=T("I can confirm it"), says=confirm),),),
            )
    return Reply(T("Alert {number} goes on as alert {other}.", number=one.number, other=other.number))
