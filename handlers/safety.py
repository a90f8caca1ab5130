"""Are you safe? Whoever comes to an alert is asked in private, then their buddies, then the legal role."""

from __future__ import annotations

from collections.abc import Sequence

from bot import alerts as shared
from bot import legal
from bot.alerts import answer, heading
from bot.arguments import Number, Person, Reference
from bot.chat import Button, Card, Lane, Reply, Shown
from bot.domain import rollcall
from bot.domain.rollcall import RollCall
from bot.router import Authority, Context, Router, Todo, View, Where
from bot.text import Listed, N, Refusal, T, Text, Words, lines
from storage import alerts, buddies, cards, due, people
from storage.alerts import Alert
from storage.people import Member

router = Router("safety", under="alerts")

BUDDIES_MOST = 2


def _thing(alert: Alert) -> str:
    """What the organizers' card of the figures, and whatever is told of the roll call, is kept under."""
    return f"roll_call:{alert.id}"


def _key(alert: Alert) -> str:
    return f"{alert.thing}:roll"


async def _call(context: Context | View, alert: Alert) -> RollCall | None:
    return rollcall.roll_call(await alerts.events(context.tx, alert))


async def _there(context: Context, alert_id: int) -> Alert:
    """The alert with this id, as long as people may be on their way home from it. Raises Refusal."""
    there = await alerts.get(context.tx, context.committee.id, alert_id)
    if there is None:
        raise Refusal(T("That alert is not there any more."), private=True)
    _open(context, there)
    return there


def _open(context: Context, there: Alert) -> None:
    if there.over_at is not None and context.now > there.over_at + rollcall.OPEN_FOR:
        raise Refusal(
            T("Alert {number} has been over for more than a day. Ask in your group.", number=there.number), private=True
        )


async def _tell(
    context: Context,
    to: Member,
    alert: Alert,
    *words: Words | None,
    buttons: Sequence[Sequence[Button]] = (),
    network: str | None = None,
) -> bool:
    """Ahead of everything else, in private. It stays owed when the alert is over: that is when people walk home."""
    told = lines(await heading(context, alert), *words)
    about = (_thing(alert),)
    sent = await shared.tell(context, to, told, alert=None, buttons=buttons, about=about, network=network)
    return sent is not None


async def _note(context: Context, alert: Alert, kind: str, *, member: int | None = None, n: int | None = None) -> None:
    data = None if n is None else {"n": n}
    await alerts.happened(context.tx, alert, kind, member_id=member, data=data, now=context.now)
    await cards.changed(context.tx, _thing(alert))


# --- asking ------------------------------------------------------------------------------------------------------


@router.command(
    "alert_roll_call",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Ask everybody who comes to an alert whether they are safe."),
)
async def alert_roll_call(context: Context, *, number: Number) -> Reply | Card:
    """Everybody who comes, or wants to be asked, is asked in private; only figures come back."""
    there = await shared.found(context, number)
    shared.only_theirs(context, there)
    _open(context, there)
    card = Card("roll_call", there.id)
    before = await _call(context, there)
    if before is None or before.over:
        asked = await _to_ask(context, there)
        if not asked:
            raise Refusal(
                T("Nobody has said that they come to alert {number}, so there is nobody to ask.", number=number),
                private=True,
            )
        await _note(context, there, "roll_called")
        for member in asked:
            await _note(context, there, "roll_asked", member=member.id)
            await _tell(
                context,
                member,
                there,
                T(
                    "Are you safe? The organizers see only figures. “{label}” tells your name to those who help.",
                    label=_HELP,
                ),
                buttons=_answers(there),
            )
        await due.plan_at(
            context.tx,
            _key(there),
            roll_call_step.says(alert=there.id),
            context.now + rollcall.EVERY,
            committee=context.committee.id,
        )
    return await _shown_to_organizers(context, there, card)


async def _to_ask(context: Context, alert: Alert) -> list[Member]:
    now = await shared.state(context, alert)
    wanted = set(now.coming) | rollcall.roster(await alerts.events(context.tx, alert))
    found = [await shared.hears(context, one) for one in sorted(wanted)]
    return [one for one in found if one is not None]


async def _shown_to_organizers(context: Context, alert: Alert, card: Card) -> Reply | Card:
    """The card with the figures goes to whoever raised the alert and to the organizers, in private."""
    mine = context.place if context.place is not None and context.place.private else None
    charged = await _in_charge(context, alert)
    for one in await shared.awake(context, alert, await shared.state(context, alert), charged):
        place = await people.private_chat_of(context.tx, one.person_id)
        if place is not None and (mine is None or place.id != mine.id):
            await cards.show(context.tx, card.thing, place, committee=context.committee.id, lane=Lane.ALERT)
    if mine is not None:
        return card
    return Reply(T("Whoever comes is asked in private. You see there how many have answered."), private=True)


async def _in_charge(context: Context, alert: Alert) -> list[Member]:
    """Whoever raised it, and the organizers, as far as alerts are for them."""
    return [one for one in await shared.in_charge(context, alert) if shared.may_hear(one, context.now)]


_SAFE = T("I'm safe")
_HELP = T("I need help")


def _answers(alert: Alert) -> tuple[tuple[Button, ...], ...]:
    return (
        (
            Button(label=_SAFE, says=alert_safe.says(alert=alert.id)),
            Button(label=_HELP, says=alert_help.says(alert=alert.id)),
        ),
    )


@router.command("alert_roster", allow=Authority.MEMBER, typed=False, help=T("Be asked whether you are safe."))
async def alert_roster(context: Context, *, number: Number) -> Reply:
    """Somebody is near, though they do not come: they are asked too. Said again, it is taken back."""
    there = await shared.found(context, number)
    _open(context, there)
    off = context.member.id in rollcall.roster(await alerts.events(context.tx, there))
    await alerts.happened(
        context.tx, there, "roster", member_id=context.member.id, data={"off": True} if off else None, now=context.now
    )
    if off:
        return answer(T("You are not asked any more, unless you say that you come."))
    return answer(T("You are asked too, when it is asked whether everybody is safe."))


# --- the rounds --------------------------------------------------------------------------------------------------


@router.command("roll_call_step", allow=Authority.CLOCK, typed=False, help=T("The next round of a roll call."))
async def roll_call_step(context: Context, *, alert: Reference) -> None:
    """One round at a time, however late the clock is: those who have had no chance to answer are not passed over."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    call = None if there is None else await _call(context, there)
    if there is None or call is None or call.next_at is None:
        return
    if context.now >= call.next_at:
        round_ = call.round + 1
        await _note(context, there, "roll_round", n=round_)
        missing = sorted(call.missing)
        if round_ == rollcall.ASK_AGAIN:
            await _ask_again(context, there, missing)
        elif round_ == rollcall.BUDDIES:
            await _ask_buddies(context, there, missing)
        else:
            await _tell_legal(context, there, missing)
    after = await _call(context, there)
    if after is not None and after.next_at is not None:
        says = roll_call_step.says(alert=there.id)
        await due.plan_at(context.tx, _key(there), says, after.next_at, committee=context.committee.id)


async def _ask_again(context: Context, alert: Alert, missing: Sequence[int]) -> None:
    for member_id in missing:
        if (member := await shared.hears(context, member_id)) is not None:
            words = T("Once more: are you safe? If you do not answer, your buddies are asked about you.")
            await _tell(context, member, alert, words, buttons=_answers(alert))


async def _ask_buddies(context: Context, alert: Alert, missing: Sequence[int]) -> None:
    for member_id in missing:
        about = await people.member_now(context.tx, context.committee.id, member_id)
        if about is None:
            continue
        for buddy in await _buddies(context, about):
            await _tell(
                context,
                buddy,
                alert,
                T("{name} has not answered twice whether they are safe. Do you know how they are?", name=about.name),
                buttons=(
                    (
                        Button(label=T("They are safe"), says=they_are_safe.says(alert=alert.id, who=about.id)),
                        Button(label=T("They need help"), says=they_need_help.says(alert=alert.id, who=about.id)),
                    ),
                    (Button(label=T("I don't know"), says=not_known.says(alert=alert.id, who=about.id)),),
                ),
            )


async def _buddies(context: Context, about: Member) -> list[Member]:
    """Who has agreed to be told of somebody, and may hear of alerts."""
    named = [one.member_id for one in await buddies.of(context.tx, about.id) if one.agreed]
    found = [await shared.hears(context, one) for one in named]
    return [one for one in found if one is not None]


async def _tell_legal(context: Context, alert: Alert, missing: Sequence[int]) -> None:
    """Whoever looks after legal help learns how many are missing, and who, where that may be told; else the organizers
    learn the number."""
    names = Listed(tuple([await _name(context, one) for one in missing]))
    count = N(
        "{n} person has not answered whether they are safe, and nobody has found them.",
        "{n} people have not answered whether they are safe, and nobody has found them.",
        len(missing),
    )
    told = 0
    for one in await legal.legal_people(context):
        if not shared.may_hear(one, context.now):
            continue
        names_too = await legal.may_name(context, one)
        who = T("Missing: {names}", names=names) if names_too else None
        told += await _tell(context, one, alert, count, who, network=legal.NAMED_ON)
    if not told:
        for one in await _in_charge(context, alert):
            await _tell(context, one, alert, count, T("Nobody with the role “legal” could be told. Look for them now."))


async def _name(context: Context, member_id: int) -> str | Text:
    found = await people.member_now(context.tx, context.committee.id, member_id)
    return found.name if found is not None and found.name else T("former member {n}", n=member_id)


# --- answering ---------------------------------------------------------------------------------------------------


@router.command(
    "alert_safe", allow=Authority.MEMBER, typed=False, while_suspended=True, help=T("You are safe."), repeatable=False
)
async def alert_safe(context: Context, *, alert: Reference) -> Reply:
    """They are asked no more."""
    there = await _there(context, alert)
    call = await _call(context, there)
    if call is not None and context.member.id not in call.safe:
        await _note(context, there, "safe", member=context.member.id)
    return answer(T("Good. Thank you for answering."))


@router.command(
    "alert_help", allow=Authority.MEMBER, typed=False, while_suspended=True, help=T("You need help."), repeatable=False
)
async def alert_help(context: Context, *, alert: Reference) -> Reply:
    """At once to their buddies, to whoever looks after legal help, and to whoever raised the alert."""
    there = await _there(context, alert)
    return await _needs_help(context, there, context.member)


async def _needs_help(context: Context, there: Alert, about: Member) -> Reply:
    call = await _call(context, there)
    if call is not None and about.id in call.help:
        return answer(T("They know already. Nobody is told twice."))
    await _note(context, there, "help", member=about.id)
    told: set[int] = {about.id, context.member.id}
    words = T("{name} needs help. Find out what, and tell who can.", name=about.name)
    raiser = await shared.hears(context, there.raiser_id)
    charged = [raiser] if raiser is not None and raiser.id not in told else await _in_charge(context, there)
    for one in [*await _buddies(context, about), *charged]:
        if one.id not in told and await _tell(context, one, there, words):
            told.add(one.id)
    for one in await legal.legal_people(context):
        if one.id in told or not shared.may_hear(one, context.now):
            continue
        names_too = await legal.may_name(context, one)
        known = words if names_too else T("Somebody at the alert needs help.")
        if await _tell(context, one, there, known, network=legal.NAMED_ON):
            told.add(one.id)
    reached = len(told - {about.id, context.member.id})
    if not reached:
        return answer(T("I can reach nobody who would be told. Call somebody, or say it in your group."))
    return answer(N("{n} person is told now.", "{n} people are told now.", reached))


@router.command("they_are_safe", allow=Authority.MEMBER, typed=False, help=T("Your buddy is safe."))
async def they_are_safe(context: Context, *, alert: Reference, who: Reference) -> Reply:
    """A buddy has found them."""
    there, about = await _as_buddy(context, alert, who)
    call = await _call(context, there)
    if call is not None and about.id not in call.answered:
        await _note(context, there, "safe", member=about.id)
    return answer(T("Good. Thank you for answering."))


@router.command("they_need_help", allow=Authority.MEMBER, typed=False, help=T("Your buddy needs help."))
async def they_need_help(context: Context, *, alert: Reference, who: Reference) -> Reply:
    """A buddy has found them, and they need help."""
    there, about = await _as_buddy(context, alert, who)
    return await _needs_help(context, there, about)


@router.command("not_known", allow=Authority.MEMBER, typed=False, help=T("You do not know how your buddy is."))
async def not_known(context: Context, *, alert: Reference, who: Reference) -> Reply:
    """Nothing follows: whoever looks after legal help is told next anyway."""
    await _as_buddy(context, alert, who)
    return answer(T("Thank you. Once you know, press a button above. Whoever looks after legal help is told next."))


async def _as_buddy(context: Context, alert: int, who: int) -> tuple[Alert, Member]:
    """The alert, and whose buddy it is who says it. Raises Refusal."""
    there = await _there(context, alert)
    about = await people.member_now(context.tx, context.committee.id, who)
    if about is None or context.member.id not in {one.id for one in await _buddies(context, about)}:
        raise Refusal(T("That is for the buddies of whoever it is about."), private=True)
    return there, about


@router.todo
async def waiting(context: Context) -> Sequence[Todo]:
    """Being asked whether they are safe, and being asked to be a buddy."""
    told = []
    for one in await alerts.recent(context.tx, context.committee.id, since=context.now - 2 * rollcall.OPEN_FOR):
        call = await _call(context, one)
        open_ = one.over_at is None or context.now <= one.over_at + rollcall.OPEN_FOR
        if call is not None and open_ and context.member.id in call.missing:
            told.append(Todo(words=T("Alert {number}: are you safe?", number=one.number), buttons=_answers(one)[0]))
    for member_id in await buddies.asked(context.tx, context.member.id):
        who = await people.member_now(context.tx, context.committee.id, member_id)
        if who is not None and who.active:
            told.append(Todo(words=_asks_buddy(who), buttons=_buddy_buttons(who)[0]))
    return told


# --- the figures -------------------------------------------------------------------------------------------------


@router.card("roll_call")
async def roll_call_card(view: View, ref: int) -> Shown | None:
    """How many are safe: for whoever raised it and the organizers, in private, and without names."""
    there = await alerts.get(view.tx, view.committee.id, ref)
    me = await shared.own_member(view)
    call = None if there is None else await _call(view, there)
    if there is None or me is None or call is None:
        return None
    found = await people.member_of(view.tx, view.committee.id, me.person_id)
    if me.id != there.raiser_id and (found is None or "organizer" not in found[1]):
        return None
    return Shown(
        lines(
            await heading(view, there),
            _round_words(call),
            T("Answered: {have}/{all}", have=len(call.answered), all=len(call.asked)),
            T("Safe: {n}", n=len(call.safe)),
            T("Need help: {n}", n=len(call.help)),
            T("Missing: {n}", n=len(call.missing)),
        )
    )


def _round_words(call: RollCall) -> Text:
    if not call.missing:
        return T("Everybody has answered.")
    match call.round:
        case 1:
            return T("Everybody who comes is asked whether they are safe.")
        case rollcall.ASK_AGAIN:
            return T("Whoever is missing is asked once more.")
        case rollcall.BUDDIES:
            return T("The buddies of those who are missing are asked.")
        case _:
            return T("Whoever looks after legal help is told.")


# --- buddies -----------------------------------------------------------------------------------------------------


@router.command(
    "buddies",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    within="alert",
    help=T("Choose two people at most who are asked about you when you do not answer whether you are safe."),
    sample=("@ben", "@chi"),
)
async def buddies_(context: Context, *, first: Person | None = None, second: Person | None = None) -> Reply:
    """Who is named takes the place of those before; each has to agree. Without a name it tells what there is."""
    named = {one.id: one for one in (first, second) if one is not None}
    if not named:
        return await _told_buddies(context)
    if context.member.id in named:
        raise Refusal(T("Choose somebody else: you are asked yourself already."))
    if any(one.spoken_for for one in named.values()):
        raise Refusal(T("A buddy needs an account of their own. Choose somebody else."))
    before = {one.member_id for one in await buddies.of(context.tx, context.member.id)}
    for gone in before - named.keys():
        await buddies.drop(context.tx, context.member.id, gone)
    for id_, buddy in named.items():
        if id_ in before:
            continue
        await buddies.name(context.tx, context.member.id, id_, now=context.now)
        await context.tell(buddy, _asks_buddy(context.member), buttons=_buddy_buttons(context.member))
    return await _told_buddies(context)


def _asks_buddy(who: Member) -> Text:
    return T(
        "{name} wants you as a buddy: if they do not answer twice whether they are safe, I ask you about them.",
        name=who.name,
    )


def _buddy_buttons(who: Member) -> tuple[tuple[Button, ...], ...]:
    return (
        (
            Button(label=T("Yes"), says=buddy_yes.says(who=who.id)),
            Button(label=T("No"), says=buddy_no.says(who=who.id)),
        ),
    )


async def _told_buddies(context: Context) -> Reply:
    told: list[Words] = []
    buttons = []
    for one in await buddies.of(context.tx, context.member.id):
        buddy = await people.member_now(context.tx, context.committee.id, one.member_id)
        if buddy is None:
            continue
        told.append(
            T("{name}: has agreed.", name=buddy.name) if one.agreed else T("{name}: is asked.", name=buddy.name)
        )
        buttons.append((Button(label=T("Without {name}", name=buddy.name), says=buddy_off.says(who=buddy.id)),))
    if not told:
        return Reply(T("You have no buddies yet. Choose two: {example}", example=buddies_.example))
    return Reply(lines(T("Your buddies, for when you do not answer:"), *told), buttons=tuple(buttons))


@router.command("buddy_yes", allow=Authority.MEMBER, typed=False, help=T("Be somebody's buddy."))
async def buddy_yes(context: Context, *, who: Reference) -> Reply:
    """A buddy agrees."""
    about = await _asking(context, who)
    await buddies.agree(context.tx, about.id, context.member.id)
    await context.tell(about, T("{name} is your buddy now.", name=context.member.name))
    return Reply(T("Thank you. You are a buddy of {name} now.", name=about.name), private=True)


@router.command("buddy_no", allow=Authority.MEMBER, typed=False, help=T("Be nobody's buddy."))
async def buddy_no(context: Context, *, who: Reference) -> Reply:
    """They look for somebody else."""
    about = await _asking(context, who)
    await buddies.drop(context.tx, about.id, context.member.id)
    await context.tell(
        about,
        T(
            "{name} cannot be your buddy. Choose somebody else: {example}",
            name=context.member.name,
            example=buddies_.example,
        ),
    )
    return Reply(T("Noted. {name} is told to choose somebody else.", name=about.name), private=True)


async def _asking(context: Context, who: int) -> Member:
    """Who has named whoever says it. Raises Refusal."""
    about = await people.member_now(context.tx, context.committee.id, who)
    named = () if about is None else await buddies.of(context.tx, about.id)
    if about is None or context.member.id not in {one.member_id for one in named}:
        raise Refusal(T("They have chosen somebody else meanwhile."), private=True)
    return about


@router.command("buddy_off", allow=Authority.MEMBER, typed=False, help=T("Do without a buddy."))
async def buddy_off(context: Context, *, who: Reference) -> Reply:
    """One buddy less."""
    await buddies.drop(context.tx, context.member.id, who)
    return await _told_buddies(context)
