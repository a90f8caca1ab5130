"""Where an alert is, for those who come: said in private, shown for a while to whom it may be shown, and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot import alerts as shared
from bot.alerts import answer, going_on, heading, only_theirs
from bot.arguments import LongNote, Number, Person, Reference
from bot.chat import Button, Card, Lane, Reply, network_of
from bot.domain import places as rule
from bot.domain import retention
from bot.domain.alarm import Alarm
from bot.domain.places import Tier, Why
from bot.router import Asks, Authority, Command, Context, Router, Telling
from bot.text import Listed, Refusal, Soon, T, Text, Typed, Words, lines
from storage import alerts, buttons, cards, due, entries, outbox, people, places, sealed
from storage.alerts import Alert
from storage.people import Member, Place
from storage.places import Disclosure

router = Router("places", under="alerts")

NAMED_OFFERED_MAX = 30
KEYS: Mapping[Tier, str] = {"meeting": "meet", "exact": "address"}
"""What is said behind an alert's number to say where it is, and what the books call it."""


# --- saying where it is ------------------------------------------------------------------------------------------


@router.command(
    "alert_meet", allow=Authority.MEMBER, typed=False, help=T("Say where people meet who come to an alert.")
)
async def alert_meet(context: Context, *, number: Number, line: LongNote = "") -> Reply | Card | None:
    """In private. Those who come are told that it is known, and are shown it when they ask."""
    return await _say(context, number, "meeting", line, ask=alert_meet_say)


@router.command(
    "alert_address",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say exactly where an alert is, on Matrix, in private."),
)
async def alert_address(context: Context, *, number: Number, line: LongNote = "") -> Reply | Card | None:
    """For those alone who are named. Never over Telegram, and never on a disk that others could read."""
    return await _say(context, number, "exact", line, ask=alert_address_say)


@router.command(
    "alert_meet_say",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say where people meet who come to an alert."),
    title=T("Where to meet"),
    asks={
        "line": Asks(T("Where do those meet who come? Not at the door itself. Only they see it, and only for a while."))
    },
)
async def alert_meet_say(context: Context, *, number: Number, line: LongNote) -> Reply | Card | None:
    """The same, when it was asked for."""
    return await _say(context, number, "meeting", line, ask=alert_meet_say)


@router.command(
    "alert_address_say",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say exactly where an alert is, on Matrix, in private."),
    title=T("Exact place"),
    asks={
        "line": Asks(T("Where is it exactly? Only those see it whom you or the organizers name, and only on Matrix."))
    },
)
async def alert_address_say(context: Context, *, number: Number, line: LongNote) -> Reply | Card | None:
    """The same, when it was asked for."""
    return await _say(context, number, "exact", line, ask=alert_address_say)


async def _say(context: Context, number: int, tier: Tier, line: str, *, ask: Command) -> Reply | Card | None:
    text = " ".join(line.split())
    # Before anything else: what was said where others read it has to go, whatever comes of it.
    await _refuse_here(context, number, tier, said=bool(text))
    there, now = await shared.own(context, number)
    if not text:
        return await context.say(context.commands.asking(ask.says(number=number)), authority=context.authority)
    if len(text) > rule.CHARACTERS_MAX:
        raise Refusal(
            T("That is too long: {n} characters at most. Say it shorter.", n=rule.CHARACTERS_MAX), private=True
        )
    before = await places.of(context.tx, there, tier)
    hashed = await places.say(context.tx, there, tier, text)
    body = {"alert": there.number, KEYS[tier]: hashed}
    await entries.append(context.tx, context.committee, "alert", body, now=context.now)
    # Somebody in several committees was asked which one they meant: those buttons hold the words.
    await buttons.forget_questions(context.tx, {context.member.id})
    await cards.changed(context.tx, there.thing)
    if before is not None:
        await places.end(context.tx, there, tier=tier, now=context.now)
        await _tidy(context, there)
    if tier == "meeting":
        await _tell_meeting(context, there, now, changed=before is not None)
        return Reply(
            T("Noted. Those who come can ask me where to meet; each is shown it for 2 hours at most."), private=True
        )
    for member_id in await places.named(context.tx, there, now=context.now):
        if (member := await people.member(context.tx, context.committee.id, member_id)) is not None:
            await _tell_named(context, there, member)
    return Reply(
        T("Noted. Nobody is shown it whom you have not named: choose who comes and may know it."),
        buttons=((Button(label=T("Who may know the exact place"), says=alert_name.says(number=number)),),),
        private=True,
    )


async def _refuse_here(context: Context, number: int, tier: Tier, *, said: bool) -> None:
    """Raises Refusal where a place cannot be said here; it repeats nothing, and has what was said deleted."""
    why = rule.may_not_say(
        tier,
        network="" if context.place is None else network_of(context.place.address),
        private=context.in_private,
        encrypted=await sealed.is_encrypted(context.tx),
    )
    if why is None:
        return
    delete = T("Delete your message now.") if said else None
    if why == "group":
        example = Typed(f"/alert {number} {KEYS[tier]}", "...")
        raise Refusal(
            lines(delete, T("Here everybody reads along. Say it to me in private: {example}", example=example)),
            private=True,
        )
    raise Refusal(lines(delete, _refused(why)), private=True)


def _refused(why: Why) -> Text:
    if why == "plain":
        return T(
            "The exact place is not kept here: the bot's database is not encrypted, and whoever takes its disk could "
            "read it. Say it in person. Whoever runs the bot can set a key for the database."
        )
    return T("The exact place never goes over Telegram, which can read along. Say it to me on Matrix, in private.")


async def _tell_meeting(context: Context, there: Alert, now: Alarm, *, changed: bool) -> None:
    """Those who come hear that there is something to ask for; not what."""
    told = (
        T("The meeting point has changed. Look again before you go.") if changed else T("There is a meeting point now.")
    )
    words = lines(await heading(context, there), told)
    ask = Button(label=T("Where do we meet?"), says=alert_meeting.says(alert=there.id))
    for member_id in now.coming:
        member = await people.member(context.tx, context.committee.id, member_id)
        if member is not None and member.id != context.member.id and shared.may_hear(member, context.now):
            await shared.tell(context, member, words, alert=there, buttons=((ask,),))


# --- naming ------------------------------------------------------------------------------------------------------


@router.command(
    "alert_name", allow=Authority.MEMBER, typed=False, help=T("Say who may know the exact place of an alert.")
)
async def alert_name(context: Context, *, number: Number, line: LongNote = "") -> Reply:
    """Chosen among those who come: by a button, or by name."""
    if not context.in_private:
        example = Typed(f"/alert {number} name")
        raise Refusal(
            lines(
                T("Delete your message now.") if line.strip() else None,
                T("Who is named is nobody else's business. Say it to me in private: {example}", example=example),
            ),
            private=True,
        )
    there, now = await shared.own(context, number)
    await _needs_place(context, there)
    if line.strip():
        meant = await people.members_named(context.tx, context.committee.id, line.strip())
        coming = [one for one in meant if one.id in now.coming]
        if len(coming) == 1:
            return await _name(context, there, now, coming[0])
        if not coming:
            raise Refusal(
                T(
                    "Nobody of that name is coming. {example} shows those who are.",
                    example=Typed(f"/alert {number} name"),
                ),
                private=True,
            )
    else:
        found = [await people.member(context.tx, context.committee.id, one) for one in sorted(now.coming)]
        coming = [one for one in found if one is not None]
    if not coming:
        raise Refusal(T("Nobody is coming yet. Name them when they have said so."), private=True)
    named = await places.named(context.tx, there, now=context.now)
    offered = []
    for one in coming[:NAMED_OFFERED_MAX]:
        command = alert_unnamed if one.id in named else alert_named
        label = T("{name}: not any more", name=one.name) if one.id in named else T("{name}", name=one.name)
        offered.append((Button(label=label, says=command.says(alert=there.id, who=one), only=context.member.id),))
    return Reply(
        lines(await heading(context, there), T("Who of those who come may know the exact place, for 2 hours?")),
        buttons=tuple(offered),
        private=True,
    )


@router.command("alert_named", allow=Authority.MEMBER, typed=False, help=T("Somebody may know the exact place."))
async def alert_named(context: Context, *, alert: Reference, who: Person) -> Reply:
    """One of those who come may see it for a while."""
    there, now = await going_on(context, alert)
    only_theirs(context, there)
    await _needs_place(context, there)
    return await _name(context, there, now, who)


@router.command(
    "alert_unnamed", allow=Authority.MEMBER, typed=False, help=T("Somebody may not know the exact place any more.")
)
async def alert_unnamed(context: Context, *, alert: Reference, who: Person) -> Reply:
    """What they were shown is taken away at once."""
    there, _ = await going_on(context, alert)
    only_theirs(context, there)
    await places.unname(context.tx, there, who.id)
    await places.end(context.tx, there, tier="exact", member_id=who.id, now=context.now)
    await _tidy(context, there)
    return Reply(T("{name} is not shown the exact place any more.", name=who.name), private=True)


async def _needs_place(context: Context, there: Alert) -> None:
    """Raises Refusal where there is no exact place to know."""
    if await places.of(context.tx, there, "exact") is None:
        example = Typed(f"/alert {there.number} {KEYS['exact']}", "...")
        raise Refusal(
            T("Nobody has said the exact place yet. Say it first, on Matrix, in private: {example}", example=example),
            private=True,
        )


async def _name(context: Context, there: Alert, now: Alarm, who: Member) -> Reply:
    if who.id not in now.coming or not shared.may_hear(who, context.now):
        raise Refusal(T("Only those who come are named, and {name} is not coming.", name=who.name), private=True)
    until = rule.until(now=context.now, expires_at=now.expires_at)
    await places.name(context.tx, there, who.id, until=until, now=context.now)
    if await _tell_named(context, there, who):
        return Reply(
            T("{name} may see the exact place on Matrix until {until}.", name=who.name, until=Soon(until, context.now)),
            private=True,
        )
    return Reply(
        T(
            "{name} may know the exact place, but I do not reach them on Matrix, and do not send it over Telegram: "
            "tell them in person.",
            name=who.name,
        ),
        private=True,
    )


async def _tell_named(context: Context, there: Alert, who: Member) -> bool:
    """They hear that they may know it; not what. False: they are not on Matrix."""
    there_is = await _chat_for(context, who, "exact") is not None
    told: Words = (
        T("You may see the exact place.")
        if there_is
        else T(
            "You may know the exact place. It never goes over Telegram: ask {names} in person.",
            names=await _asked(context),
        )
    )
    ask = Button(label=T("Exact place"), says=alert_place.says(alert=there.id))
    await shared.tell(
        context, who, lines(await heading(context, there), told), alert=there, buttons=((ask,),) if there_is else ()
    )
    return there_is


async def _asked(context: Context) -> Listed | Text:
    """Whom one asks in person."""
    found = [one.name for one in await people.organizers(context.tx, context.committee.id)]
    return Listed(tuple(found[:4])) if found else T("the organizers")


# --- showing -----------------------------------------------------------------------------------------------------


@router.command("alert_meeting", allow=Authority.MEMBER, typed=False, help=T("Where people meet who come to an alert."))
async def alert_meeting(context: Context, *, alert: Reference) -> Reply | None:
    """For those who come, in private, for a while."""
    return await _show(context, alert, "meeting")


@router.command("alert_place", allow=Authority.MEMBER, typed=False, help=T("Where an alert is exactly."))
async def alert_place(context: Context, *, alert: Reference) -> Reply | None:
    """For those who are named, in private on Matrix, for a while."""
    return await _show(context, alert, "exact")


async def _show(context: Context, alert: int, tier: Tier) -> Reply | None:
    there, now = await going_on(context, alert)
    me = context.member
    chat = await _chat_for(context, me, tier)
    named_until = (await places.named(context.tx, there, now=context.now)).get(me.id)
    why = rule.may_not_see(
        tier,
        network=None if chat is None else network_of(chat.address),
        private=chat is None or chat.private,
        encrypted=await sealed.is_encrypted(context.tx),
        coming=me.id in now.coming,
        changes=shared.may_change(context, there),
        named=named_until is not None,
    )
    if why is not None:
        raise Refusal(await _not_shown(context, why, tier), private=True)
    place = await places.of(context.tx, there, tier)
    if place is None or chat is None:
        names = await _asked(context)
        raise Refusal(T("Nobody has told me that yet. Ask {names} in person.", names=names), private=True)
    until = rule.until(now=context.now, expires_at=now.expires_at, named_until=named_until if tier == "exact" else None)
    # The newest message is the one to look at; what was shown before goes.
    await places.end(context.tx, there, tier=tier, member_id=me.id, now=context.now)
    exact = Button(label=T("Exact place"), says=alert_place.says(alert=there.id))
    told = T("Meet here: {place}", place=place) if tier == "meeting" else T("The exact place: {place}", place=place)
    outbox_id = await outbox.queue(
        context.tx,
        chat,
        lines(
            await heading(context, there),
            told,
            T("Tell it to nobody who is not coming. It stands here until {until}.", until=Soon(until, context.now)),
        ),
        reader=await people.reader_in(context.tx, chat.id, private=True, committee_id=context.committee.id),
        now=context.now,
        lane=Lane.ALERT,
        buttons=((exact,),) if tier == "meeting" and named_until is not None else (),
        committee=context.committee.id,
        about=(there.thing, places.thing(there, tier)),
    )
    await places.disclosed(context.tx, there, me.id, tier, outbox_id=outbox_id, until=until, now=context.now)
    await _tidy(context, there)
    if context.place is not None and chat.id == context.place.id:
        return None
    return answer(T("I have told you in private on Matrix.") if tier == "exact" else T("I have told you in private."))


async def _not_shown(context: Context, why: Why, tier: Tier) -> Words:
    match why:
        case "not_coming":
            return T("That is for those who come. Press one of the buttons for when you will be there, then ask again.")
        case "not_named":
            return T(
                "The exact place is for those who are named, by whoever raised the alert or by an organizer. "
                "Ask {names} in person.",
                names=await _asked(context),
            )
        case "network" if tier == "meeting":
            return T("I cannot write to you in private. Open a private chat with me first, then ask again.")
        case "network":
            return T(
                "The exact place never goes over Telegram, and I do not reach you on Matrix. Ask {names} in person.",
                names=await _asked(context),
            )
        case _:
            return _refused(why)


async def _chat_for(context: Context, member: Member, tier: Tier) -> Place | None:
    """The private chat where somebody is shown a place: the one where they ask, else one that will do; None: none."""
    here = context.place
    asks = context.of_member is not None and member.id == context.member.id
    if here is not None and here.private and asks and _will_do(here, tier):
        return here
    networks = sorted(rule.EXACT_NETWORKS) if tier == "exact" else [network_of(here.address) if here else ""]
    for network in networks:
        found = await people.private_chat_of(context.tx, member.person_id, network=network)
        if found is not None and _will_do(found, tier):
            return found
    return None


def _will_do(chat: Place, tier: Tier) -> bool:
    return tier == "meeting" or network_of(chat.address) in rule.EXACT_NETWORKS


# --- what was shown ----------------------------------------------------------------------------------------------


@router.command("alert_where", allow=Authority.MEMBER, typed=False, help=T("What to say of where an alert is."))
async def alert_where(context: Context, *, alert: Reference) -> Reply:
    """For whoever raised it and the organizers, in private."""
    there, now = await going_on(context, alert)
    only_theirs(context, there)
    buttons = await shared.more_buttons(context, there, now, of=shared.WHERE)
    return Reply(await heading(context, there), buttons=buttons, private=True)


@router.command("alert_shown", allow=Authority.MEMBER, typed=False, help=T("Who was shown where an alert is."))
async def alert_shown(context: Context, *, number: Number) -> Reply:
    """For whoever raised it and for the organizers, in private."""
    there = await shared.found(context, number)
    only_theirs(context, there)
    told: list[Words] = []
    for one in (await places.disclosures(context.tx, there))[-NAMED_OFFERED_MAX:]:
        member = await people.member(context.tx, context.committee.id, one.member_id)
        name = member.name if member is not None else T("somebody")
        told.append(_line(one, name, now=context.now))
    if not told:
        return Reply(T("Nobody was shown where alert {number} is.", number=number), private=True)
    return Reply(lines(await heading(context, there), *told), private=True)


def _line(one: Disclosure, name: str | Text, *, now: datetime) -> Text:
    at, until = Soon(one.at, now), Soon(one.ends_at, now)
    if one.tier == "exact":
        if one.taken or one.ends_at <= now:
            return T("Exact place: {name}, {at}, taken away {until}", name=name, at=at, until=until)
        return T("Exact place: {name}, {at}, shown until {until}", name=name, at=at, until=until)
    if one.taken or one.ends_at <= now:
        return T("Meeting point: {name}, {at}, taken away {until}", name=name, at=at, until=until)
    return T("Meeting point: {name}, {at}, shown until {until}", name=name, at=at, until=until)


@router.command("alert_hide", allow=Authority.CLOCK, typed=False, help=T("Where an alert is, is not shown any more."))
async def alert_hide(context: Context, *, alert: Reference) -> None:
    """Its time is over, or the alert is, or somebody drops out: what was shown is taken away.

    In the end, so is who was shown it.
    """
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is not None:
        await _tidy(context, there)


async def _tidy(context: Context, there: Alert) -> None:
    """Take away what is not to be shown any more, and plan to look again when something will be."""
    if there.over_at is not None:
        await places.erase(context.tx, there)
        await places.end(context.tx, there, now=context.now)
        if there.over_at + retention.PLACES <= context.now:
            await places.forget(context.tx, there)
    else:
        await _end_for_whoever_dropped_out(context, there)
    again = []
    for one in await places.disclosures(context.tx, there, left=True):
        look_at = await _take_away(context, one) if one.ends_at <= context.now else one.ends_at
        if look_at is not None:
            again.append(look_at)
    if there.over_at is not None and await places.any_left(context.tx, there):
        again.append(there.over_at + retention.PLACES)
    key = f"{there.thing}:places"
    if again:
        says = alert_hide.says(alert=there.id)
        at = max(min(again), context.now + timedelta(seconds=1))
        await due.plan_at(context.tx, key, says, at, committee=context.committee.id)
    else:
        await due.cancel(context.tx, key)


async def _end_for_whoever_dropped_out(context: Context, there: Alert) -> None:
    """Whoever does not come any more need not know any more; those who look after the alert may still see the one."""
    coming = (await shared.state(context, there)).coming
    organizers = {one.id for one in await people.organizers(context.tx, context.committee.id)}
    for one in await places.disclosures(context.tx, there, left=True):
        keeps = one.tier == "meeting" and (one.member_id == there.raiser_id or one.member_id in organizers)
        if one.member_id not in coming and not keeps:
            await places.end(context.tx, there, tier=one.tier, member_id=one.member_id, now=context.now)


async def _take_away(context: Context, one: Disclosure) -> datetime | None:
    """Take one message away; when to look for it again, None: it is gone, or will be."""
    sent = await outbox.became(context.tx, one.outbox_id)
    if sent is not None and sent.message is None:
        if sent.waits:
            await outbox.withdraw(context.tx, outbox.thing(one.outbox_id))
        again = one.ends_at + rule.LOOKS_AGAIN_AFTER
        if context.now < again:
            # It may have been on its way.
            return again
    elif sent is not None and sent.message is not None:
        chat = await people.place_of(context.tx, sent.chat_id)
        if chat is not None:
            await outbox.queue_deletion(context.tx, chat, sent.message, now=context.now)
    await places.taken(context.tx, one, now=context.now)
    return None


@router.entry("alert", *KEYS.values(), about="decisions")
async def place_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What the books tell: that it was said, and never what."""
    if KEYS["exact"] in body:
        return T("Alert {number}: the exact place was said, for those who are named.", number=body["alert"])
    return T("Alert {number}: a meeting point was said, for those who come.", number=body["alert"])
