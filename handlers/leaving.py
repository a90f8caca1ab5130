"""What becomes of the hours of those who leave; and members of whom there was no sign for long are asked, kindly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from bot.arguments import Candidate, Number, Off, choice
from bot.chat import Button, Reply, Saying
from bot.domain import ledger
from bot.router import Asks, Authority, Context, Router, Telling, Todo, Where
from bot.text import Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import due, entries, inspection, leaving, nudges, people, transfers
from storage.people import Member

router = Router("leaving", title=T("Leaving"))

MONTHS_MAX = 24
_MONTHS = T("a number of months, like {example}", example=Typed("6"))
Unit = Annotated[str, choice("months", "month", "meses", "mes", "monate", "monat", expected=_MONTHS)]


# --- hours of those who have left ----------------------------------------------------------------------------------


@router.command("left_with", allow=Authority.CLOCK, typed=False, help=T("Somebody has left, with hours or owing some."))
async def left_with(context: Context, *, who: Candidate) -> None:
    """They hear in private what becomes of it, and choose where there is something to choose."""
    if who.active or who.child:
        return
    account = await transfers.account(context.tx, context.committee, who)
    months = await leaving.kept_months(context.tx, context.committee.id)
    if account.balance < 0:
        words = lines(
            T("You leave {committee} with {balance}.", committee=context.committee.name, balance=account.balance),
            _kept(months),
            T("After that the committee's account takes them on, and everybody can read how many hours it was."),
        )
        await context.tell(who, words)
        return
    if account.balance == 0:
        return
    words = lines(
        T("You leave {committee} with {balance}.", committee=context.committee.name, balance=account.balance),
        _kept(months),
        T("After that your hours go to the committee. Or shall they go to somebody now?"),
    )
    buttons = (
        (Button(label=T("To the committee"), says=leave_to_committee.says(who=who)),),
        (Button(label=T("To somebody"), says=leave_to_somebody.says(who=who)),),
        (Button(label=T("Keep them for me"), says=leave_kept.says(who=who)),),
    )
    await context.tell(who, words, buttons=() if who.spoken_for else buttons)


def _kept(months: int) -> Text:
    return N(
        "Your account is kept for {n} month: if you come back before, all is as it was.",
        "Your account is kept for {n} months: if you come back before, all is as it was.",
        months,
    )


async def _own(context: Context, who: Member) -> ledger.Account:
    """What somebody who has left still has here, to give. Only they themselves may say what becomes of it."""
    if context.person is None or context.person.id != who.person_id:
        raise Refusal(T("This choice is for somebody else."))
    if who.active:
        raise Refusal(
            T("You are a member again, and your hours are yours. To give some away: {give}", give=Typed("/give"))
        )
    account = await transfers.account(context.tx, context.committee, who)
    if account.balance <= 0:
        raise Refusal(T("There are no hours of yours left here."), private=True)
    return account


@router.command(
    "leave_to_committee",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    typed=False,
    help=T("Whoever has left gives their hours to the committee."),
)
async def leave_to_committee(context: Context, *, who: Candidate) -> Reply:
    """At once what would happen later."""
    account = await _own(context, who)
    number = await _take_over(context, who, account)
    return Reply(
        T("Thank you: {time} are the committee's now. (No. {number})", time=account.balance, number=number),
        private=True,
    )


@router.command(
    "leave_kept",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    typed=False,
    help=T("Whoever has left wants their hours kept."),
)
async def leave_kept(context: Context, *, who: Candidate) -> Reply:
    """That is what happens without an answer, too."""
    await _own(context, who)
    return Reply(_kept(await leaving.kept_months(context.tx, context.committee.id)), private=True)


@router.command(
    "leave_to_somebody",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    typed=False,
    repeatable=True,
    help=T("Whoever has left gives their hours to a member."),
)
async def leave_to_somebody(context: Context, *, who: Candidate) -> Reply:
    """Offered are those with whom they had exchanges: nobody else's name is shown to somebody who has left."""
    account = await _own(context, who)
    buttons = []
    for id_ in await leaving.partners(context.tx, account.id):
        to = await people.member(context.tx, context.committee.id, id_)
        assert to is not None
        buttons.append((Button(label=to.name, says=leave_to.says(who=who, to=to)),))
    if not buttons:
        return Reply(T("Nobody here has had an exchange with you. You can give them to the committee."), private=True)
    return Reply(
        T("Who gets your {time}? These are the people you had exchanges with.", time=account.balance),
        buttons=tuple(buttons),
        private=True,
    )


@router.command(
    "leave_to", allow=Authority.ANYONE, where=Where.PRIVATE, typed=False, help=T("This member gets the hours.")
)
async def leave_to(context: Context, *, who: Candidate, to: Candidate) -> Reply:
    """An exchange like others, but nobody has helped for it: it makes no limit grow."""
    account = await _own(context, who)
    if not to.active or to.child:
        raise Refusal(T("{name} is not a member any more. Choose somebody else.", name=to.name))
    gets = await transfers.account(context.tx, context.committee, to)
    transfer = ledger.transfer(account, gets, account.balance, at=context.now)
    _, number = await transfers.record(context.tx, context.committee, transfer, recorder=who, carried=True)
    await context.tell(
        to,
        T(
            "{name} has left {committee} and gives you {time}. (No. {number})",
            name=who.name,
            committee=context.committee.name,
            time=account.balance,
            number=number,
        ),
    )
    return Reply(
        T(
            "{name} gets {time}. Thank you, and take care! (No. {number})",
            name=to.name,
            time=account.balance,
            number=number,
        ),
        private=True,
    )


@router.command(
    "leftover", allow=Authority.CLOCK, typed=False, help=T("What somebody left behind goes to the committee's account.")
)
async def leftover(context: Context, *, who: Candidate) -> None:
    """The time is over for which an account was kept; whoever is back has it as it was."""
    if who.active or who.child:
        return
    account = await transfers.account(context.tx, context.committee, who)
    if not account.balance:
        return
    number = await _take_over(context, who, account)
    if account.balance < 0:
        await context.announce(_absorbed(who.name, Minutes(-account.balance), number), routine=True)


async def _take_over(context: Context, who: Member, account: ledger.Account) -> int:
    """Everything goes to the committee's account, or is paid by it. Returns the exchange's number."""
    fund = await transfers.committee_account(context.tx, context.committee)
    transfer = ledger.carry(account, fund, at=context.now)
    assert transfer is not None
    id_, number = await transfers.record(context.tx, context.committee, transfer, recorder=who, carried=True)
    await leaving.took(context.tx, id_, who.id)
    body: dict[str, object] = {"member": who.id, "number": number}
    if account.balance < 0:
        # In the open: what all have to carry, all may know. What somebody had stays theirs.
        body["minutes"] = -account.balance
    await entries.append(context.tx, context.committee, "leftover", body, now=context.now)
    return number


def _absorbed(name: str, minutes: Minutes, number: int) -> Text:
    return T(
        "{name} has left. The committee's account takes on the {time} that were open. (No. {number})",
        name=name,
        time=minutes,
        number=number,
    )


@router.entry("leftover", about="members")
async def leftover_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What the committee's account took on, or was left."""
    name = await telling.name(body["member"])
    if "minutes" in body:
        return T(
            "{name} had left: the committee's account took on {time}. (No. {number})",
            name=name,
            time=Minutes(body["minutes"]),
            number=body["number"],
        )
    return T("What {name} left behind went to the committee. (No. {number})", name=name, number=body["number"])


# --- coming back ---------------------------------------------------------------------------------------------------


@router.command(
    "came_back", allow=Authority.CLOCK, typed=False, help=T("Somebody is back after their hours were gone.")
)
async def came_back(context: Context, *, who: Candidate) -> None:
    """They hear what has become of what they had."""
    found = await leaving.newest(context.tx, context.committee.id, who.id, now=context.now)
    if not who.active or found is None:
        return
    await context.tell(
        who, _gone(found), buttons=((_take_on_button(found),),) if found.minutes < 0 and not who.spoken_for else ()
    )


def _gone(found: leaving.Leftover) -> Words:
    if found.minutes < 0:
        return lines(
            _taken_on(found),
            T("If you like, you take them on again. Nobody has to."),
        )
    return lines(
        T(
            "While you were away, your {time} went to the committee. (No. {number})",
            time=found.minutes,
            number=found.number,
        ),
        T("The members can decide to give them back: {undo}", undo=Typed("/undo", str(found.number))),
    )


def _taken_on(found: leaving.Leftover) -> Text:
    return T(
        "While you were away, the committee's account took on {time} of yours. (No. {number})",
        time=Minutes(-found.minutes),
        number=found.number,
    )


def _take_on_button(found: leaving.Leftover) -> Button:
    return Button(label=T("Take {time} on again", time=Minutes(-found.minutes)), says=take_on.says())


@router.command(
    "take_on", allow=Authority.MEMBER, typed=False, help=T("Take on again what the committee's account took on.")
)
async def take_on(context: Context) -> Reply:
    """A linked opposite exchange, once."""
    found = await leaving.newest(context.tx, context.committee.id, context.member.id, now=context.now)
    if found is None or found.minutes > 0:
        raise Refusal(T("There is nothing to take on."), private=True)
    recorded = await transfers.recorded(context.tx, context.committee, found.transfer_id)
    assert recorded is not None
    own = await transfers.account(context.tx, context.committee, context.member)
    back = ledger.reversal(
        recorded, by=context.member.id, said_at=context.said_at, at=context.now, agreed=frozenset({own.id})
    )
    _, number = await transfers.record(
        context.tx,
        context.committee,
        back,
        recorder=context.speaker,
        reverses=found.transfer_id,
        past_limit=ledger.past_limit(back, [own]),
        carried=True,
    )
    return Reply(
        lines(
            T("Thank you: you have taken them on again. (No. {number})", number=number),
            T("You have {balance} now.", balance=Minutes(own.balance + found.minutes)),
        ),
        private=True,
    )


@router.todo
async def open_since_leaving(context: Context) -> list[Todo]:
    """What was taken on while they were away."""
    found = await leaving.newest(context.tx, context.committee.id, context.member.id, now=context.now)
    if found is None or found.minutes > 0:
        return []
    return [Todo(words=_taken_on(found), buttons=(_take_on_button(found),))]


# --- what the committee sets -----------------------------------------------------------------------------------------


def _leaving_words(*, months: int, unit: str = "") -> Text:
    return N(
        "Whoever leaves has their hours kept for {n} month. After that the committee's account takes what is left.",
        "Whoever leaves has their hours kept for {n} months. After that the committee's account takes what is left.",
        months,
    )


def _within(months: int) -> None:
    if not 1 <= months <= MONTHS_MAX:
        raise Refusal(T("From 1 month to {n}, please.", n=MONTHS_MAX))


@router.command(
    "leaving",
    allow=Authority.COMMITTEE,
    label=T("Hours of those who leave"),
    help=T("For how many months the hours of those who leave are kept for them."),
    asks={"months": Asks(T("For how many months shall the hours of those who leave be kept?"))},
    proposal=_leaving_words,
    sample=("6",),
)
async def leaving_(context: Context, *, months: Number, unit: Unit = "") -> Reply:
    """Holds for those who leave from now on."""
    _within(months)
    await entries.decide_rule(context.tx, context.committee, "leaving", months, now=context.now)
    return Reply(_leaving_words(months=months))


@router.entry("rule", "leaving", about="rules")
async def leaving_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """How long hours are kept."""
    return _leaving_words(months=body["leaving"])


def _dormant_words(*, months: int | None = None, unit: str = "", off: str = "") -> Text:
    if not months:
        return T("I ask nobody whether they are still there.")
    return N(
        "After {n} month without a sign I ask somebody in private whether they are still there. Nothing else happens.",
        "After {n} months without a sign I ask somebody in private whether they are still there. Nothing else happens.",
        months,
    )


@router.command(
    "dormant",
    allow=Authority.COMMITTEE,
    label=T("Not seen for long"),
    help=T("After how many months without a sign I ask somebody in private whether they are still there; or off."),
    asks={
        "months": Asks(
            T("After how many months without a sign shall I ask?"), instead=(T("Ask nobody"), {"off": "off"})
        )
    },
    proposal=_dormant_words,
    sample=("6",),
)
async def dormant_(context: Context, *, months: Number | None = None, unit: Unit = "", off: Off = "") -> Reply:
    """Asked, not punished."""
    if (months is None) == (not off):
        raise Refusal(
            T(
                "Write a number of months or the word off: {example} or {off}",
                example=Typed("/dormant 6"),
                off=Typed("/dormant off"),
            )
        )
    if months is not None:
        _within(months)
    await entries.decide_rule(context.tx, context.committee, "dormant", months or 0, now=context.now)
    return Reply(_dormant_words(months=months))


@router.entry("rule", "dormant", about="rules")
async def dormant_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """When somebody is asked."""
    return _dormant_words(months=body["dormant"])


# --- not seen for long -----------------------------------------------------------------------------------------------


@router.command(
    "look_for_dormant", allow=Authority.CLOCK, typed=False, help=T("Look for members who were not seen for long.")
)
async def look_for_dormant(context: Context) -> None:
    """A work of its own for each committee where somebody is to be asked."""
    for id_ in await inspection.committees(context.tx):
        if await leaving.dormant(context.tx, id_, today=context.now.date()):
            await due.plan(
                context.tx,
                f"dormant:{id_}",
                ask_dormant.says(),
                local=context.now.replace(tzinfo=None),
                zone=ZoneInfo("UTC"),
                committee=id_,
                late="do",
            )


@router.command("ask_dormant", allow=Authority.CLOCK, typed=False, help=T("Ask members who were not seen for long."))
async def ask_dormant(context: Context) -> None:
    """In private, once in so many months; nobody else hears of it."""
    committee = context.committee
    for id_ in await leaving.dormant(context.tx, committee.id, today=context.now.date()):
        who = await people.member(context.tx, committee.id, id_)
        assert who is not None
        await leaving.asked(context.tx, id_, on=context.now.date())
        if who.spoken_for:
            words = T(
                "We have not heard of {name} in {committee} for a while. All is well if nothing is needed. "
                "If {name} would like to leave: {leave}",
                name=who.name,
                committee=committee.name,
                leave=Typed("/for", who.name, "/leave"),
            )
            await context.tell(who, words)
            continue
        words = T(
            "We have not heard from you in {committee} for a while. Are you still with us? "
            "Nothing happens if you do not answer.",
            committee=committee.name,
        )
        buttons = (
            (Button(label=T("I'm still here"), says=still_with_us.says(), only=who.id),),
            (Button(label=T("Pause"), says=pause.says(), only=who.id),),
            (Button(label=T("Leave"), says=Saying(command="leave"), only=who.id),),
        )
        await context.nudge(who, words, buttons=buttons, key=f"dormant:{who.id}")


@router.command("still_with_us", allow=Authority.MEMBER, typed=False, help=T("Whoever was asked is still there."))
async def still_with_us(context: Context) -> Reply:
    """Pressing it is the sign."""
    return Reply(
        T(
            "Good to hear from you, {name}! {todo} shows what is going on.",
            name=context.member.name,
            todo=Typed("/todo"),
        ),
        private=True,
    )


@router.command(
    "pause", allow=Authority.MEMBER, typed=False, help=T("Whoever was asked wants to be left alone for a while.")
)
async def pause(context: Context) -> Reply:
    """No reminders for as long as it would take until the next question."""
    months = await leaving.dormant_months(context.tx, context.committee.id) or leaving.DORMANT_MONTHS
    until = context.now + relativedelta(months=months)
    wish = await nudges.wish(context.tx, context.member, committee=context.committee)
    await nudges.set_wish(context.tx, context.member, replace(wish, until=until))
    await nudges.settle(context.tx, context.member, committee=context.committee, now=context.now)
    return Reply(
        lines(
            T("Until {until} I write to you only with alerts and answers.", until=until),
            T("You stay a member, and your hours stay yours. Back earlier? {off}", off=Typed("/quiet off")),
        ),
        private=True,
    )
