"""The common fund: giving to it, asking it by need, urgent help, payouts; and what a committee must turn on first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, cast

from bot.arguments import (
    Allowance,
    Candidate,
    Duration,
    Found,
    Month,
    Note,
    Number,
    Off,
    OnOff,
    People,
    Percent,
    Person,
    PersonKind,
    Reading,
    Word,
    choice,
)
from bot.chat import Button, Card, Lane, Reply, Shown
from bot.domain import conduct, consent, ledger, needs
from bot.domain.ledger import Account, Posting, Transfer
from bot.domain.needs import RESERVE_MAX
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from bot.text import Percent as Points
from storage import closings, due, enrolments, entries, fund, notes, people, roles, schemes, switches, transfers
from storage import conduct as cases
from storage.database import Transaction
from storage.digests import Since
from storage.fund import Need, Reserve
from storage.people import Committee, Member
from storage.switches import Switch

_TITLE = T("Common fund")
router = Router("fund", title=_TITLE)

READ_WITHIN = timedelta(days=2)
"""Whoever does not look so long is passed over, and somebody else is asked."""
WAITS_AT_MOST = timedelta(days=90)
"""A need that nobody could decide so long is over; urgent help that nobody ratified in `RATIFIED_WITHIN` is not."""
RATIFIED_WITHIN = timedelta(days=30)
LISTED_MAX = 8

_CLASSES: Mapping[str, int] = {"vital": 1, "daily": 2, "extra": 3}
_FOR: Mapping[int, Text] = {
    1: T("for what nobody can do without"),
    2: T("for daily life"),
    3: T("for what would do good"),
}
_Urgency = Annotated[
    str,
    choice(
        *_CLASSES,
        expected=T(
            "how much it is needed: {vital}, {daily} or {extra}",
            vital=Typed("vital"),
            daily=Typed("daily"),
            extra=Typed("extra"),
        ),
        labels={
            "vital": T("I cannot do without it"),
            "daily": T("Daily life needs it"),
            "extra": T("It would do me good"),
        },
    ),
]


class _NamedKind(PersonKind):
    """A member who is named with `@`: the words of a reason must not be taken for somebody's name."""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Member] | None:
        return await super().read(words, reading, first=False)


_Named = Annotated[Member, _NamedKind()]


# --- what is in it -----------------------------------------------------------------------------------------------


@router.command(
    "fund",
    allow=Authority.MEMBER,
    label=T("What is in it"),
    help=T("The common fund: what came in and went out, and what needs lack."),
    repeatable=True,
)
async def fund_(context: Context) -> Reply:
    """Sums alone, never who asked or gave. In private, what one asks for oneself beside them."""
    tx, committee = context.tx, context.committee
    there = await transfers.in_fund(tx, committee)
    kept = await fund.reserve(tx, committee.id)
    this = closings.month_of(context.now, committee)
    waiting = await fund.open_ones(tx, committee.id)
    told: list[Words | None] = [
        T("{title}", title=Bold(_TITLE)),
        T("In it: {time}.", time=there),
        _kept_words(kept) if kept != Reserve() else None,
        _month(T("This month"), await fund.month(tx, committee, this)),
        _month(T("Last month"), await fund.month(tx, committee, fund.month_before(this))),
        T("Needs that wait, {time} in all:", time=Minutes(sum(one.left for one in waiting))) if waiting else None,
        *[_public(one) for one in waiting[:LISTED_MAX]],
        T("… and {n} more.", n=len(waiting) - LISTED_MAX) if len(waiting) > LISTED_MAX else None,
    ]
    if context.place is not None and context.place.private:
        told += [_own(one) for one in await fund.waiting_of(tx, context.member)]
        if (each := await fund.monthly(tx, context.member.id)) is not None:
            told.append(T("You give {time} each month.", time=each))
    asking = context.commands.asking
    row = [
        Button(label=T("Give hours"), says=asking(contribute.says())),
        Button(label=T("Ask for hours"), says=asking(ask_fund.says())),
    ]
    cap = await fund.cap(tx, committee.id)
    at_once = (Button(label=T("Urgent help"), says=asking(urgent.says())),) if cap else ()
    return Reply(lines(*told), buttons=tuple(one for one in (tuple(row), at_once) if one))


def _month(when: Text, found: fund.Month) -> Text:
    if found.unmet:
        return T(
            "{when}: {income} came in, {outlays} went out. Needs still lack {unmet}.",
            when=when,
            income=found.income,
            outlays=found.outlays,
            unmet=found.unmet,
        )
    if not found.income and not found.outlays:
        return T("{when}: nothing came in, and nothing went out.", when=when)
    return T("{when}: {income} came in, {outlays} went out.", when=when, income=found.income, outlays=found.outlays)


def _public(need: Need) -> Text:
    """A need as everybody may see it."""
    return T("A need of {time} {what}", time=need.left, what=_FOR[need.class_])


def _own(need: Need) -> Text:
    if need.urgent:
        return T("Yours, no. {number}: {time} of urgent help.", number=need.number, time=need.given)
    return T("Yours, no. {number}: {time} {what}.", number=need.number, time=need.left, what=_FOR[need.class_])


async def _fund(context: Context) -> Account:
    return await transfers.beside(context.tx, context.committee, "fund")


# --- giving ------------------------------------------------------------------------------------------------------

_HOW = choice(
    "once",
    "monthly",
    "stop",
    expected=T("{monthly} or {stop}", monthly=Typed("monthly"), stop=Typed("stop")),
    labels={"once": T("Just once"), "monthly": T("Every month"), "stop": T("No more each month")},
)


async def _contributing(context: Context, *, time: Minutes | None = None, how: str = "") -> Words:
    if how == "stop":
        return T("Shall the fund get nothing more from you each month?")
    if time is None:
        return _how_to_give()
    if how == "monthly":
        return T("At each month's end you give the common fund {time}, if you have it then. Is that right?", time=time)
    account = await transfers.account(context.tx, context.committee, context.member)
    return lines(
        T("You give the common fund {time}.", time=time),
        T("You will have {balance}.", balance=Minutes(account.balance - time)),
        T("Is that right?"),
    )


def _how_to_give() -> Text:
    return T(
        "How much? Once: {once}. At each month's end: {monthly}. No more: {stop}",
        once=Typed("/contribute 2h"),
        monthly=Typed("/contribute 2h monthly"),
        stop=Typed("/contribute stop"),
    )


@router.command(
    "contribute",
    allow=Authority.MEMBER,
    label=T("Give to the fund"),
    help=T("Give the common fund hours of yours, once or each month."),
    sample=("2h",),
    asks={
        "time": Asks(
            T("How much will you give the common fund? Choose, or write it."),
            instead=(T("No more each month"), {"how": "stop"}),
        ),
        "how": Asks(T("Once, or at the end of each month?")),
    },
    confirm=_contributing,
)
async def contribute(context: Context, *, time: Duration | None = None, how: Annotated[str, _HOW] = "") -> Reply:
    """Only what one has: nobody goes into minus for it."""
    if how == "stop":
        if not await fund.stop(context.tx, context.member.id):
            raise Refusal(T("You give nothing each month."), private=True)
        return Reply(T("From now on nothing goes from you to the fund by itself."), private=True)
    if time is None:
        raise Refusal(_how_to_give(), private=True)
    own = await transfers.account(context.tx, context.committee, context.member)
    if how == "monthly":
        await fund.contribute(context.tx, context.member, time, now=context.now)
        await _plan(context, "close_contributions")
        return Reply(
            lines(
                T("From now on you give the common fund {time} at each month's end. Thank you!", time=time),
                T("If you do not have it then, nothing is taken. To stop: {stop}", stop=Typed("/contribute stop")),
            ),
            private=True,
        )
    if own.available < time:
        raise Refusal(T("You can give what you have: {balance}.", balance=Minutes(max(0, own.available))), private=True)
    to = await _fund(context)
    transfer = ledger.post([Posting(own.id, Minutes(-time)), Posting(to.id, time)], [own, to], at=context.now)
    number = await _paid(context, transfer, "contribution", recorder=context.speaker)
    return Reply(
        lines(
            T("Thank you: {time} are in the common fund now. (No. {number})", time=time, number=number),
            T("You have {balance} now.", balance=Minutes(own.balance - time)),
        ),
        buttons=((Button(label=T("Undo"), says=contribution_back.says(number=number), only=context.member.id),),),
        private=True,
    )


async def _paid(context: Context, transfer: Transfer, what: fund.Paid, *, recorder: Member) -> int:
    """Write what moves between the fund and members. Returns its number here."""
    scheme = await schemes.now(context.tx, context.committee.id)
    number = await closings.close(
        context.tx,
        context.committee,
        what,
        await fund.next_closing(context.tx, context.committee.id, what),
        transfer,
        recorder=recorder,
        scheme=scheme.version,
        now=context.now,
    )
    assert number is not None, "its name is new"
    return number


@router.command(
    "contribution_back", allow=Authority.MEMBER, typed=False, help=T("Take back what you have just given the fund.")
)
async def contribution_back(context: Context, *, number: Number) -> Reply:
    """A slip, for some minutes; and never what the fund has given on."""
    id_ = await fund.contribution(context.tx, context.committee.id, number)
    given = await transfers.recorded(context.tx, context.committee, id_) if id_ is not None else None
    own = await transfers.account(context.tx, context.committee, context.member)
    time = ledger.balances(given.transfer.postings).get(own.id, Minutes(0)) if given is not None else Minutes(0)
    if id_ is None or given is None or time >= 0:
        raise Refusal(T("That is not yours to take back."), private=True)
    if given.is_reversed:
        raise Refusal(T("No. {number} is undone already.", number=number), private=True)
    if context.said_at - given.transfer.at > ledger.UNDO_WITHIN:
        raise Refusal(T("It is too late for that: the fund counts on it."), private=True)
    from_ = await _fund(context)
    try:
        legs = [Posting(own.id, Minutes(-time)), Posting(from_.id, time)]
        transfer = ledger.post(legs, [own, from_], at=context.now)
    except ledger.BelowFloor:
        raise Refusal(T("The fund has given it on already, so it cannot come back."), private=True) from None
    _, new = await transfers.record(
        context.tx, context.committee, transfer, recorder=context.member, reverses=id_, carried=True
    )
    return Reply(T("No. {number} is undone. (No. {new})", number=number, new=new), private=True)


async def _plan(context: Context, command: str) -> None:
    period = closings.month_of(context.now, context.committee)
    await closings.plan(context.tx, context.committee, command, period=period)


@router.command(
    "close_contributions", allow=Authority.CLOCK, typed=False, help=T("What members give the fund each month.")
)
async def close_contributions(context: Context, *, period: Month) -> None:
    """One transfer for all. Who does not have the hours is passed over, and hears of it in private."""
    tx, committee = context.tx, context.committee
    giving = await fund.contributors(tx, committee.id)
    if not giving or await closings.is_closed(tx, committee.id, "contributions", period):
        return
    have = [one for one in giving if one.free >= one.minutes]
    to, transfer, recorder = await _fund(context), None, giving[0].member_id
    if have:
        legs = [Posting(one.account_id, Minutes(-one.minutes)) for one in have]
        whole = Minutes(sum(one.minutes for one in have))
        found = await transfers.accounts_by_id(tx, committee, [to.id, *(one.account_id for one in have)])
        transfer, recorder = ledger.post([*legs, Posting(to.id, whole)], found, at=context.now), have[0].member_id
    by = await _member(tx, committee, recorder)
    scheme = await schemes.now(tx, committee.id)
    await closings.close(
        tx, committee, "contributions", period, transfer, recorder=by, scheme=scheme.version, now=context.now
    )
    for one in giving:
        if one.free >= one.minutes:
            continue
        await context.tell(
            await _member(tx, committee, one.member_id),
            lines(
                T("You do not have the {time} for the common fund just now, so nothing was taken.", time=one.minutes),
                T("That is fine. To give no more each month: {stop}", stop=Typed("/contribute stop")),
            ),
        )
    await closings.plan(tx, committee, "close_contributions", period=closings.month_after(period))


# --- asking ------------------------------------------------------------------------------------------------------


@router.command(
    "ask_fund",
    allow=Authority.MEMBER,
    label=T("Ask the fund"),
    help=T("Ask the common fund for hours. Two people read the reason; the others see how much."),
    sample=("3h", "daily", T("my back is bad")),
    asks={
        "time": Asks(T("How many hours do you need? Choose, or write it.")),
        "urgency": Asks(T("How much do you need it? This and the hours are public, your name is not.")),
        "what": Asks(T("Why? Two people read it, nobody else; it is deleted when it is decided. Or skip it.")),
    },
    for_others=True,
)
async def ask_fund(context: Context, *, time: Duration, urgency: _Urgency, what: Note = "") -> Reply:
    """Only how much and how urgently is public; who asks and why is for two."""
    need = await _tell(context, context.member, time, urgency, what)
    return _told(context, need, what)


@router.command(
    "ask_fund_for",
    allow=Authority.MEMBER,
    label=T("Ask the fund for somebody"),
    help=T("Whoever has the role care tells the fund what somebody needs."),
    sample=("@eli", "3h", "daily", T("a broken leg")),
    asks={
        "who": Asks(T("Who needs something? Choose, or write a name.")),
        "urgency": Asks(T("How much is it needed? This and the hours are public, the name is not.")),
        "what": Asks(T("Why? Two people read it, nobody else; it is deleted when it is decided. Or skip it.")),
    },
)
async def ask_fund_for(context: Context, *, who: Person, time: Duration, urgency: _Urgency, what: Note = "") -> Reply:
    """They hear of it and may take it back. Whoever tells it does not read it as one of the two."""
    held = {one.role for one in await roles.held(context.tx, context.committee.id)}
    role = "care" if "care" in held else "organizer"
    if role not in context.roles:
        raise Refusal(
            T("Whoever has the role “care” does that; without one, an organizer. {roles}", roles=Typed("/roles")),
            private=True,
        )
    need = await _tell(context, who, time, urgency, what)
    if who.id != context.member.id:
        await context.tell(
            who,
            T(
                "{name} has asked the common fund for {time} for you. Others do not see that it is you. "
                "If you do not want it, take it back.",
                name=context.member.name,
                time=time,
            ),
            buttons=((_taking_back(need, who.id),),),
        )
    return _told(context, need, what)


async def _tell(context: Context, who: Member, time: Minutes, urgency: str, what: str) -> Need:
    await transfers.account(context.tx, context.committee, who)  # Children have none.
    before = await fund.open_of(context.tx, who.id)
    if before is not None:
        raise Refusal(
            T(
                "One need at a time: no. {number} waits already. To ask for something else, take it back first: {back}",
                number=before.number,
                back=Typed("/withdraw_need", str(before.number)),
            ),
            private=True,
        )
    need = await fund.tell(
        context.tx,
        context.committee,
        who,
        time,
        _CLASSES[urgency],
        teller=context.speaker,
        words=what,
        now=context.now,
    )
    if await _ask_readers(context, need) < fund.READERS:
        raise Refusal(
            T(
                "Two others must be able to read it, and I cannot reach two in private. Nobody has read this. "
                "Ask one of them to write {start} to me.",
                start=Typed("/start"),
            ),
            private=True,
        )
    await _plan(context, "share_needs")
    return need


def _told(context: Context, need: Need, what: str) -> Reply:
    group = not context.in_private
    return Reply(
        lines(
            T("I have put down: {what}. No name is shown.", what=_public(need)),
            T("Two people read the reason, in private. At the month's end it is decided, and the reason is deleted."),
            T("You wrote it in the group: delete your message there if it is not for everybody.")
            if group and what
            else None,
        ),
        buttons=((_taking_back(need, context.speaker.id),),),
        private=True,
    )


def _taking_back(need: Need, only: int) -> Button:
    return Button(label=T("Take back"), says=withdraw_need.says(number=need.number), only=only)


async def _waiting_choices(context: Context) -> list[tuple[Text | str, int]]:
    found = await fund.waiting_of(context.tx, context.member)
    return [
        (T("No. {number}, {time}", number=one.number, time=one.left), one.number) for one in found if not one.urgent
    ]


@router.command(
    "withdraw_need",
    allow=Authority.MEMBER,
    listed=False,
    label=T("Take back what you asked for"),
    help=T("Take back what you asked the fund for; the reason is deleted at once."),
    asks={"number": Asks(T("Which one?"), _waiting_choices, T("You ask the fund for nothing just now."))},
    sample=("1",),
)
async def withdraw_need(context: Context, *, number: Number) -> Reply:
    """Whoever asks, whoever told it for them, or whoever speaks for them."""
    need = await fund.numbered(context.tx, context.committee.id, number)
    who = await people.member_now(context.tx, context.committee.id, need.member_id) if need is not None else None
    if need is None or who is None or context.member.id not in (who.id, who.helper_id, need.teller_id):
        raise Refusal(T("That is not yours to take back."), private=True)
    if need.state != "open":
        raise Refusal(T("That is decided already, or taken back."), private=True)
    await fund.end(context.tx, need, "withdrawn", now=context.now)
    return Reply(T("It is taken back, and the reason is deleted."), private=True)


# --- two who read why --------------------------------------------------------------------------------------------


async def _candidates(context: Context, need: Need, count: int) -> list[int]:
    """Who can be asked beside those who were: whoever has the role care first, then organizers, then anybody."""
    tx = context.tx
    who = await people.member_now(tx, need.committee_id, need.member_id)
    never = {one.member_id for one in await fund.readings(tx, need)} | {need.member_id, need.teller_id}
    never |= {id_ for id_ in (need.helper_id, who.helper_id if who is not None else None) if id_ is not None}
    possible = await cases.possible_carers(tx, need.committee_id, now=context.now)
    words = await notes.of(tx, need.thing) or ""
    return conduct.carers(await fund.with_turns(tx, possible), words, never=never, count=count)


async def _ask_readers(context: Context, need: Need) -> int:
    """Ask as many as are still lacking. Returns how many can read it now, or were asked to."""
    there = [one for one in await fund.readings(context.tx, need) if not one.passed]
    chosen = await _candidates(context, need, max(0, fund.READERS - len(there)))
    for id_ in chosen:
        await fund.ask(context.tx, need, id_, now=context.now)
        await context.tell(
            await _member(context.tx, context.committee, id_),
            lines(
                _asked_to_read(context.committee, need),
                T("Two people read the reason, and nobody else. Can you be one of them?"),
            ),
            lane=Lane.ANSWER,
            buttons=(_reading_buttons(need, id_, opened=False),),
            about=(need.thing,),
        )
    await fund.look_again(context.tx, need, context.now + READ_WITHIN)
    return len(there) + len(chosen)


def _asked_to_read(committee: Committee, need: Need) -> Text:
    if need.urgent:
        return T("{committee}: the common fund gave {time} at once.", committee=committee.name, time=need.given)
    return T(
        "{committee}: somebody asks the common fund for {time} {what}.",
        committee=committee.name,
        time=need.left,
        what=_FOR[need.class_],
    )


def _reading_buttons(need: Need, reader: int, *, opened: bool) -> tuple[Button, ...]:
    if opened:
        return (
            Button(label=T("I have read it"), says=seen_need.says(number=need.number), only=reader),
            Button(label=T("Talk first"), says=talk_need.says(number=need.number), only=reader),
        )
    return (
        Button(label=T("Read it"), says=read_need.says(number=need.number), only=reader),
        Button(label=T("I cannot"), says=pass_need.says(number=need.number), only=reader),
    )


async def _to_read(context: Context, number: int, *, opened: bool) -> Need:
    """What this member was asked to read and has not; nobody learns more of any other."""
    for need, was_opened in await fund.to_read(context.tx, context.member.id):
        if need.committee_id == context.committee.id and need.number == number and (was_opened or not opened):
            return need
    raise Refusal(T("That does not wait for you any more."), private=True)


@router.command("read_need", allow=Authority.MEMBER, typed=False, help=T("Read why somebody asks the fund."))
async def read_need(context: Context, *, number: Number) -> Reply | Card:
    """Shown in private alone, and only to those who were asked."""
    need = await _to_read(context, number, opened=False)
    await fund.opened(context.tx, need, context.member.id, now=context.now)
    card = Card("fund_need", need.id)
    if context.place is not None and context.place.private:
        return card
    if not await context.show_to(context.member, card):
        raise Refusal(T("Open a private chat with me first, and press it there."))
    return Reply(T("I show it to you in private."), private=True)


@router.card("fund_need")
async def fund_need_card(view: View, ref: int) -> Shown | None:
    """Who asks, and why, for the two who read it; when it is decided, nothing of that."""
    if not view.private:
        return None
    need = await fund.shown(view.tx, view.committee.id, ref)
    if need is None:
        return None
    read = [one for one in await fund.readings(view.tx, need) if one.seen]
    if not need.waits or need.rounds:
        return Shown(T("Need no. {number} is decided or taken back. The reason is deleted.", number=need.number))
    words = await notes.of(view.tx, need.thing)
    what = (
        T("{name} asked for urgent help and got {time} at once from the common fund.", name=need.name, time=need.given)
        if need.urgent
        else T("{name} asks the common fund for {time} {what}.", name=need.name, time=need.left, what=_FOR[need.class_])
    )
    return Shown(
        lines(
            what,
            T("“{note}”", note=words) if words else T("No reason is written. You may ask them."),
            T("Keep it to yourself. Only you two read this."),
            T("Read by: {names}", names=Listed(tuple(one.name for one in read))) if read else None,
        ),
        buttons=(
            (
                Button(label=T("I have read it"), says=seen_need.says(number=need.number)),
                Button(label=T("Talk first"), says=talk_need.says(number=need.number)),
            ),
        )
        if len(read) < fund.READERS
        else (),
    )


@router.command("pass_need", allow=Authority.MEMBER, typed=False, help=T("Let somebody else read it."))
async def pass_need(context: Context, *, number: Number) -> Reply:
    """The next one is asked; whoever has been shown it stays one of the two."""
    need = await _to_read(context, number, opened=False)
    if await _was_opened(context, need):
        raise Refusal(T("You have read it already, and only two may."), private=True)
    await fund.pass_on(context.tx, need, context.member.id)
    if await _ask_readers(context, need) >= fund.READERS:
        return Reply(T("That is fine: I ask somebody else."), private=True)
    told = await _teller(context, need)
    await context.tell(
        told,
        T(
            "Just now I know nobody else who could read the reason of need no. {number}. I look for somebody.",
            number=need.number,
        ),
    )
    return Reply(T("That is fine. I know nobody else whom I could ask."), private=True)


async def _teller(context: Context, need: Need) -> Member:
    """Whoever told the need; where they have left, whoever it is for."""
    told = await people.member_now(context.tx, need.committee_id, need.teller_id)
    if told is None or not told.active:
        told = await people.member_now(context.tx, need.committee_id, need.member_id)
    assert told is not None
    return told


async def _was_opened(context: Context, need: Need) -> bool:
    readings = await fund.readings(context.tx, need)
    return any(one.member_id == context.member.id and one.opened for one in readings)


@router.command("talk_need", allow=Authority.MEMBER, typed=False, help=T("Talk with whoever asks the fund first."))
async def talk_need(context: Context, *, number: Number) -> Reply:
    """It waits until whoever read it says that they have."""
    need = await _to_read(context, number, opened=True)
    told = await _teller(context, need)
    await context.tell(
        told,
        T(
            "{name} has read the reason of need no. {number} ({time}) and would like to talk with you first.",
            name=context.member.name,
            time=need.minutes,
            number=need.number,
        ),
    )
    return Reply(T("I have told {name}. Write to each other.", name=told.name), private=True)


@router.command("seen_need", allow=Authority.MEMBER, typed=False, help=T("Say that you have read it."))
async def seen_need(context: Context, *, number: Number) -> Reply | Card | None:
    """With the second who says so it can be decided."""
    need = await _to_read(context, number, opened=True)
    await fund.seen(context.tx, need, context.member.id, now=context.now)
    read = [one for one in await fund.readings(context.tx, need) if one.seen]
    if len(read) < fund.READERS:
        return Reply(T("Thank you, noted. Somebody else reads it too."), private=True)
    await due.cancel(context.tx, need.thing)
    who = await people.member_now(context.tx, context.committee.id, need.member_id)
    assert who is not None
    if not need.urgent:
        await context.tell(who, T("Two people have read the reason. At the month's end it is decided."))
        return Reply(T("Thank you. Both of you have read it; at the month's end it is decided."), private=True)
    await due.plan(
        context.tx,
        need.thing,
        urgent_over.says(number=need.number),
        local=(context.now + consent.ANSWER_WITHIN + timedelta(hours=1))
        .astimezone(context.committee.zone)
        .replace(tzinfo=None),
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
    )
    says = urgent_right.says(number=need.number, time=need.given, who=who)
    return await context.say(says, authority=context.authority)


@router.command("need_waits", allow=Authority.CLOCK, typed=False, help=T("Look whether a reason was read."))
async def need_waits(context: Context, *, number: Number) -> None:
    """Who did not look is passed over where somebody else can be asked; who has not answered else is reminded."""
    need = await fund.numbered(context.tx, context.committee.id, number)
    if need is None or not need.waits:
        return
    who = await people.member_now(context.tx, context.committee.id, need.member_id)
    assert who is not None
    longest = RATIFIED_WITHIN if need.urgent else WAITS_AT_MOST
    if not who.active or context.now - need.at >= longest:
        if need.urgent:
            await _not_ratified(context, need)
            return
        await fund.end(context.tx, need, "over", now=context.now)
        await context.tell(who, T("Nobody could read the reason in time. If you still need it, ask the fund again."))
        return
    readings = [one for one in await fund.readings(context.tx, need) if not one.passed]
    if sum(one.seen for one in readings) >= fund.READERS:
        return
    late = [one for one in readings if not one.opened and context.now - one.asked_at >= READ_WITHIN]
    others = await _candidates(context, need, len(late) + fund.READERS - len(readings))
    passed = late[: max(0, len(others) - (fund.READERS - len(readings)))]
    for one in readings:
        if one in passed:
            await fund.pass_on(context.tx, need, one.member_id)
        elif not one.seen:
            await context.nudge(
                await _member(context.tx, context.committee, one.member_id),
                _asked_to_read(context.committee, need),
                buttons=(_reading_buttons(need, one.member_id, opened=one.opened),),
                key=need.thing,
            )
    await _ask_readers(context, need)


# --- sharing out -------------------------------------------------------------------------------------------------


@router.command("share_needs", allow=Authority.CLOCK, typed=False, help=T("Share the fund out at a month's end."))
async def share_needs(context: Context, *, period: Month) -> None:
    """What two have read is decided, once; what they have not waits for the next month."""
    tx, committee = context.tx, context.committee
    waiting = await fund.open_ones(tx, committee.id)
    if not waiting or await closings.is_closed(tx, committee.id, "share_needs", period):
        return
    ready = await fund.ready(tx, committee.id)
    given, transfer = await _shares(context, ready)
    recorder = await _one_of(context, [one for one, _ in ready] or waiting, given)
    scheme = await schemes.now(tx, committee.id)
    number = await closings.close(
        tx, committee, "share_needs", period, transfer, recorder=recorder, scheme=scheme.version, now=context.now
    )
    if ready:
        await context.announce(await _decide(context, ready, given, number, month=period), routine=True)
    if await fund.open_ones(tx, committee.id):
        await closings.plan(tx, committee, "share_needs", period=closings.month_after(period))


def _sharing() -> Text:
    return T("What the common fund can give is shared out now among the needs that two people have read.")


@router.command(
    "share_fund",
    allow=Authority.COMMITTEE,
    label=T("Share it out now"),
    help=T("Share the common fund out among the needs that wait, before the month's end."),
    proposal=_sharing,
)
async def share_fund(context: Context) -> Reply:
    """By the same rule as at the month's end."""
    ready = await fund.ready(context.tx, context.committee.id)
    if not ready:
        raise Refusal(T("No need waits that two people have read."))
    given, transfer = await _shares(context, ready)
    if transfer is None:
        raise Refusal(T("There is nothing in the fund that could be shared out. The needs wait."))
    number = await _paid(
        context, transfer, "share_fund", recorder=await _one_of(context, [one for one, _ in ready], given)
    )
    month = closings.month_of(context.now, context.committee)
    return Reply(await _decide(context, ready, given, number, month=month))


async def _shares(context: Context, ready: Sequence[tuple[Need, int]]) -> tuple[Mapping[int, Minutes], Transfer | None]:
    """What each need gets, by id, and the one transfer by which; None: nothing."""
    kept = await fund.reserve(context.tx, context.committee.id)
    from_ = await _fund(context)
    there = needs.spendable(from_.available, kept.part, kept.hours)
    given = needs.awards([needs.Need(id=one.id, minutes=one.left, class_=one.class_) for one, _ in ready], there)
    legs = [Posting(account_id, given[one.id]) for one, account_id in ready if given[one.id]]
    if not legs:
        return given, None
    whole = Minutes(sum(leg.minutes for leg in legs))
    return given, ledger.post([*legs, Posting(from_.id, Minutes(-whole))], [from_], at=context.now)


async def _one_of(context: Context, asking: Sequence[Need], given: Mapping[int, Minutes]) -> Member:
    """Under whose name it stands in the books: one of those who gain."""
    id_ = next((one.member_id for one in asking if given.get(one.id)), asking[0].member_id)
    return await _member(context.tx, context.committee, id_)


async def _decide(
    context: Context, ready: Sequence[tuple[Need, int]], given: Mapping[int, Minutes], number: int | None, *, month: str
) -> Text:
    """Each hears in private what they get; all hear the sums."""
    for need, _ in ready:
        gets = given[need.id]
        state = await fund.decided(context.tx, need, gets, now=context.now)
        who = await people.member_now(context.tx, context.committee.id, need.member_id)
        assert who is not None
        account = await transfers.account(context.tx, context.committee, who)
        await context.tell(
            who,
            lines(
                T(
                    "The common fund gives you {time}. (No. {number}) You have {balance} now.",
                    time=gets,
                    number=number,
                    balance=account.balance,
                )
                if gets and number is not None
                else T("There was nothing left in the common fund for your need this time."),
                _what_next(need, Minutes(need.left - gets), state),
                T("The reason is deleted."),
            ),
            buttons=((_taking_back(need, who.id),),) if state == "open" else (),
        )
    asked = Minutes(sum(need.left for need, _ in ready))
    whole = Minutes(sum(given.values()))
    await fund.shared(context.tx, context.committee, month, needs=len(ready), asked=asked, given=whole, now=context.now)
    return _round_words(needs_=len(ready), asked=asked, given=whole)


def _what_next(need: Need, lacks: Minutes, state: fund.State) -> Text | None:
    if state == "open":
        return T("{time} of your need still wait, without your doing anything.", time=lacks)
    if state == "over":
        return T("It lacked {time}. If you still need that, ask again: {ask}", time=lacks, ask=Typed("/ask_fund"))
    return None


def _round_words(*, needs_: int, asked: Minutes, given: Minutes) -> Text:
    if given == asked:
        return N(
            "The common fund gave {given} for {n} need. No need lacks anything.",
            "The common fund gave {given} for {n} needs. No need lacks anything.",
            needs_,
            given=given,
        )
    return N(
        "The common fund gave {given} for {n} need. It lacks {lacks} still.",
        "The common fund gave {given} for {n} needs. They lack {lacks} still.",
        needs_,
        given=given,
        lacks=Minutes(asked - given),
    )


# --- urgent help -------------------------------------------------------------------------------------------------


@router.command(
    "urgent",
    allow=Authority.MEMBER,
    label=T("Urgent help"),
    help=T("Hours from the fund at once, for you or for who helps you; the committee looks at it afterwards."),
    sample=("2h", "@ben", T("a night in hospital")),
    asks={
        "time": Asks(T("How many hours do you need at once? Choose, or write it.")),
        "to": Asks(T("Has somebody helped you already? Choose who gets the hours."), instead=(T("I get them"), {})),
        "what": Asks(T("Why? Two people read it, nobody else. Or skip it.")),
    },
    for_others=True,
)
async def urgent(context: Context, *, time: Duration, to: _Named | None = None, what: Note = "") -> Reply:
    """Nobody's balance or limit is asked for. What is over the cap or not there is not paid."""
    cap = await fund.cap(context.tx, context.committee.id)
    if not cap:
        raise Refusal(
            T(
                "Here the fund gives nothing at once: the committee has not decided how much ({cap}). "
                "Ask the group: {need}. Ask the fund: {ask}. Talk to somebody: {care}",
                cap=Typed("/urgent_cap 4h"),
                need=Typed("/need"),
                ask=Typed("/ask_fund"),
                care=Typed("/care"),
            ),
            private=True,
        )
    helper = to if to is not None and to.id != context.member.id else None
    from_ = await _fund(context)
    drawn = await fund.drawn(context.tx, context.member.id, now=context.now)
    gets = needs.at_once(time, cap=cap, drawn=drawn, fund=from_.available)
    if not gets:
        raise Refusal(_nothing_at_once(cap, drawn, from_), private=True)
    receiver = helper or context.member
    account = await transfers.account(context.tx, context.committee, receiver)
    transfer = ledger.transfer(from_, account, gets, at=context.now)
    number = await _paid(context, transfer, "urgent", recorder=context.speaker)
    need = await fund.tell(
        context.tx,
        context.committee,
        context.member,
        gets,
        1,
        teller=context.speaker,
        words=what,
        urgent=True,
        helper=helper,
        now=context.now,
    )
    await entries.append(
        context.tx, context.committee, "fund", {"urgent": need.number, "given": gets, "number": number}, now=context.now
    )
    await _ask_readers(context, need)
    if helper is not None:
        words = T(
            "The common fund gives you {time}, because you helped {name}. (No. {number})",
            time=gets,
            name=context.member.name,
            number=number,
        )
        await context.tell(helper, words)
    group = not context.in_private
    return Reply(
        lines(
            T(
                "{name} has {time} from the common fund now. (No. {number})",
                name=receiver.name,
                time=gets,
                number=number,
            )
            if helper is not None
            else T("You have {time} from the common fund now. (No. {number})", time=gets, number=number),
            T("That is all that can be given at once. For more: {ask}", ask=Typed("/ask_fund"))
            if gets < time
            else None,
            T(
                "Two people read the reason; then the committee looks at it. Nothing is taken back from you, whatever "
                "it says."
            ),
            T("You wrote it in the group: delete your message there if it is not for everybody.")
            if group and what
            else None,
        ),
        private=True,
    )


def _nothing_at_once(cap: Minutes, drawn: Minutes, from_: Account) -> Text:
    if drawn >= cap:
        return T(
            "You have had {time} at once in the last 30 days, and more than {cap} is not given so. "
            "Ask the fund: {ask}. Talk to somebody: {care}",
            time=drawn,
            cap=cap,
            ask=Typed("/ask_fund"),
            care=Typed("/care"),
        )
    return T(
        "The common fund is empty just now. Ask the group: {need}. Talk to somebody: {care}",
        need=Typed("/need"),
        care=Typed("/care"),
    )


def _right(*, number: int, time: Minutes, who: Member) -> Text:
    return T(
        "It was right that the common fund gave {time} at once as urgent help (need no. {number}). Two people have "
        "read the reason.",
        time=time,
        number=number,
    )


@router.command(
    "urgent_right",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("The committee stands by urgent help that was given at once."),
    proposal=_right,
    concerns="who",
)
async def urgent_right(context: Context, *, number: Number, time: Duration, who: Candidate) -> Reply:
    """Decided afterwards, without whoever got it."""
    need = await fund.numbered(context.tx, context.committee.id, number)
    if need is None or need.state != "paid" or need.given != time or need.member_id != who.id:
        raise Refusal(T("That is decided already, or taken back."))
    await fund.end(context.tx, need, "ratified", now=context.now)
    await context.tell(who, T("The committee stands by the urgent help that you got: {time}.", time=time))
    return Reply(_stands(time=time, number=number))


def _stands(*, time: Minutes, number: int) -> Text:
    return T("The committee stands by {time} of urgent help (need no. {number}).", time=time, number=number)


@router.command("urgent_over", allow=Authority.CLOCK, typed=False, help=T("Urgent help that was not ratified."))
async def urgent_over(context: Context, *, number: Number) -> None:
    """The time for it is over."""
    need = await fund.numbered(context.tx, context.committee.id, number)
    if need is not None and need.state == "paid":
        await _not_ratified(context, need)


async def _not_ratified(context: Context, need: Need) -> None:
    """Nothing is taken back from whoever got it. The committee may lower the cap."""
    await fund.end(context.tx, need, "unratified", now=context.now)
    body = {"unratified": need.number, "given": need.given}
    await entries.append(context.tx, context.committee, "fund", body, now=context.now)
    words = _unratified(need.number, need.given)
    await context.announce(words)
    who = await people.member_now(context.tx, context.committee.id, need.member_id)
    if who is not None and who.active:
        await context.tell(who, words)


def _unratified(number: int, time: Minutes) -> Text:
    return T(
        "The committee has not said yes to {time} of urgent help (need no. {number}). Nothing is taken back from "
        "whoever got it. Less at once from now on: {cap}",
        time=time,
        number=number,
        cap=Typed("/urgent_cap 1h"),
    )


# --- payouts -----------------------------------------------------------------------------------------------------

_KINDS: Mapping[str, Text] = {"strike": T("strike"), "emergency": T("emergency")}
_Payout = Annotated[
    str,
    choice(
        *_KINDS,
        expected=T("{strike} or {emergency}", strike=Typed("strike"), emergency=Typed("emergency")),
        labels=_KINDS,
    ),
]
_Each = Annotated[str, choice("each", expected=T("the word {example}", example=Typed("each")))]


@router.command(
    "count_me",
    allow=Authority.MEMBER,
    label=T("Count me in for a payout"),
    help=T(
        "You are on strike, or an emergency hits you: a payout is for you too. {off} ends it.",
        off=Typed("off"),
    ),
    sample=("strike",),
    for_others=True,
)
async def count_me(context: Context, *, kind: _Payout, off: Off = "") -> Reply:
    """Each says it for themselves; how many have is known, who is not."""
    what = f"payout:{kind}"
    if off:
        await enrolments.leave(context.tx, context.member.id, what)
        return Reply(T("You are not counted any more: {kind}.", kind=_KINDS[kind]), private=True)
    await transfers.account(context.tx, context.committee, context.member)
    await enrolments.enrol(context.tx, context.member, what, now=context.now)
    return Reply(
        lines(
            T("You are counted in: {kind}. The committee decides whether and how much is paid.", kind=_KINDS[kind]),
            T("When it is over: {off}", off=Typed("/count_me", kind, "off")),
        ),
        private=True,
    )


def _paying_out(*, kind: str, time: Minutes, each: str = "", people: tuple[Member, ...] = ()) -> Text:
    if people:
        return T(
            "The common fund pays {time} each to {names} ({kind}). If it has less, all get the same part.",
            time=time,
            names=Listed(tuple(member.name for member in people)),
            kind=_KINDS[kind],
        )
    return T(
        "The common fund pays {time} to each who is counted in by then ({kind}). If it has less, all get the same "
        "part.",
        time=time,
        kind=_KINDS[kind],
    )


@router.command(
    "payout",
    allow=Authority.COMMITTEE,
    label=T("Pay out to several"),
    help=T("The fund pays so much to each: in a strike, or an emergency. To those named, or who are counted in."),
    sample=("strike", "2h", "each", "@chi", "@eli"),
    asks={
        "kind": Asks(T("For what?")),
        "time": Asks(T("How much for each? Choose, or write it.")),
        "people": Asks(T("For whom? Choose, or write names."), instead=(T("All who are counted in"), {})),
    },
    proposal=_paying_out,
)
async def payout(context: Context, *, kind: _Payout, time: Duration, each: _Each = "", people: People = ()) -> Reply:
    """One transfer for all. The reserve is there for this. Where there is not enough, everybody gets the same."""
    del each
    tx, committee = context.tx, context.committee
    if people:
        accounts = {id_: account.id for id_, account in (await transfers.accounts_of(tx, committee, people)).items()}
    else:
        accounts = await fund.counted_in(tx, committee.id, f"payout:{kind}")
    if not accounts:
        raise Refusal(T("Nobody is counted in yet. Whoever it is for writes: {count}", count=Typed("/count_me", kind)))
    from_ = await _fund(context)
    given = needs.constrained_equal(dict.fromkeys(accounts, int(time)), max(0, from_.available))
    whole = Minutes(sum(given.values()))
    if not whole:
        raise Refusal(
            T("The common fund is empty, so nothing can be paid out. To give: {give}", give=contribute.example)
        )
    legs = [Posting(accounts[id_], Minutes(minutes)) for id_, minutes in given.items() if minutes]
    transfer = ledger.post([*legs, Posting(from_.id, Minutes(-whole))], [from_], at=context.now)
    first = await _member(tx, committee, min(id_ for id_, minutes in given.items() if minutes))
    number = await _paid(context, transfer, "payout", recorder=first)
    body = {"payout": kind, "each": time, "people": len(accounts), "given": whole, "number": number}
    await entries.append(tx, committee, "fund", body, now=context.now)
    for id_, minutes in given.items():
        if minutes:
            await context.tell(
                await _member(tx, committee, id_),
                T(
                    "The common fund pays you {time} ({kind}). (No. {number})",
                    time=Minutes(minutes),
                    kind=_KINDS[kind],
                    number=number,
                ),
            )
    return Reply(_paid_out(kind, time, len(accounts), whole))


async def _member(tx: Transaction, committee: Committee, id_: int) -> Member:
    found = await people.member(tx, committee.id, id_)
    assert found is not None
    return found


def _paid_out(kind: str, each: Minutes, count: int, given: Minutes) -> Text:
    if given == each * count:
        return N(
            "The common fund paid {each} to {n} person ({kind}): {given} in all.",
            "The common fund paid {each} each to {n} people ({kind}): {given} in all.",
            count,
            each=each,
            given=given,
            kind=_KINDS[kind],
        )
    return N(
        "The common fund had only {given}, so {n} person got that instead of {each} ({kind}).",
        "The common fund had only {given}, so {n} people got the same part of it instead of {each} each ({kind}).",
        count,
        each=each,
        given=given,
        kind=_KINDS[kind],
    )


# --- what the committee sets -------------------------------------------------------------------------------------


def _kept_words(kept: Reserve) -> Text:
    if kept.part:
        return T("{part} of it stay as a reserve when needs are met.", part=Points(kept.part))
    if kept.hours:
        return T("{time} of it stay as a reserve when needs are met.", time=kept.hours)
    return T("Nothing of the common fund is kept back as a reserve.")


def _keeping(*, part: Points | None = None, hours: Minutes | None = None, off: str = "") -> Text:
    if part:
        return T(
            "{part} of the common fund stay as a reserve for urgent help and payouts when needs are met.", part=part
        )
    if hours:
        return T(
            "{time} of the common fund stay as a reserve for urgent help and payouts when needs are met.", time=hours
        )
    return _kept_words(Reserve())


@router.command(
    "fund_reserve",
    allow=Authority.COMMITTEE,
    label=T("Reserve of the fund"),
    help=T("How much stays in the fund when needs are met: a part, hours, or {off}.", off=Typed("off")),
    sample=("20%",),
    asks={
        "part": Asks(T("Which part of the fund shall stay in it? Write it, like {example}.", example=Typed("20%"))),
        "hours": Asks(T("Or how many hours? Choose, or write it."), instead=(T("No reserve"), {"off": "off"})),
    },
    proposal=_keeping,
)
async def fund_reserve(
    context: Context, *, part: Percent | None = None, hours: Allowance | None = None, off: Off = ""
) -> Reply:
    """Either a part or hours."""
    if bool(part) + bool(hours) + bool(off) != 1 or (part or 0) > RESERVE_MAX:
        raise Refusal(
            T(
                "Write a part up to {most}, or hours, or the word off: {part}, {hours} or {off}",
                most=Points(RESERVE_MAX),
                part=Typed("/fund_reserve 20%"),
                hours=Typed("/fund_reserve 10h"),
                off=Typed("/fund_reserve off"),
            )
        )
    set_ = Reserve(part=int(part or 0), hours=hours or Minutes(0))
    await fund.set_reserve(context.tx, context.committee, set_, now=context.now)
    return Reply(_keeping(part=part, hours=hours, off=off))


@router.entry("rule", "fund_reserve", about="rules")
async def reserve_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How much stays in the fund."""
    part, hours = body["fund_reserve"] or (0, 0)
    return _keeping(part=Points(part), hours=Minutes(hours))


def _capping(*, hours: Minutes | None = None, off: str = "") -> Text:
    if not hours:
        return T("The common fund gives nothing at once, before it is decided.")
    return T(
        "Whoever needs help urgently gets up to {time} in 30 days from the common fund at once. The committee looks "
        "at it afterwards.",
        time=hours,
    )


@router.command(
    "urgent_cap",
    allow=Authority.COMMITTEE,
    label=T("How much at once"),
    help=T("How much the fund gives somebody at once when help is urgent, or {off}.", off=Typed("off")),
    sample=("4h",),
    asks={
        "hours": Asks(
            T("How much may one person get at once in 30 days? Choose, or write it."),
            instead=(T("Nothing at once"), {"off": "off"}),
        )
    },
    proposal=_capping,
)
async def urgent_cap(context: Context, *, hours: Allowance | None = None, off: Off = "") -> Reply:
    """What was given already counts."""
    if bool(hours) == bool(off):
        raise Refusal(
            T(
                "Write an amount of time or the word off: {example} or {off}",
                example=urgent_cap.example,
                off=Typed("/urgent_cap off"),
            )
        )
    await fund.set_cap(context.tx, context.committee, hours, now=context.now)
    return Reply(_capping(hours=hours))


@router.entry("rule", "urgent_cap", about="rules")
async def cap_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How much is given at once."""
    return _capping(hours=Minutes(body["urgent_cap"] or 0))


_SWITCHES: Mapping[str, Text] = {"cash": T("Money"), "insurance": T("Insurance")}
_What = Annotated[
    str,
    choice(
        *_SWITCHES,
        expected=T("{cash} or {insurance}", cash=Typed("cash"), insurance=Typed("insurance")),
        labels=_SWITCHES,
    ),
]
_LAW: Mapping[str, Text] = {
    "cash": T(
        "Read this before you agree. Money that is collected and paid out may need an account of its own, receipts, "
        "a registered association and a tax return, and the law protects the data of those who pay and are paid. "
        "This is no legal advice: ask somebody who knows the law where you live."
    ),
    "insurance": T(
        "Read this before you agree. Insurance is a regulated business in many countries, and a firm promise to pay "
        "can be one, also among friends. Here nothing is promised but a part of what is there. What is known of "
        "illness must be protected. This is no legal advice: ask somebody who knows the law where you live."
    ),
}


def _switched(what: str, *, on: bool) -> Text:
    if what == "cash":
        return T("Money may be recorded, collected and paid out here.") if on else T("No money is dealt with here.")
    return T("Mutual insurance and income pools are possible here.") if on else T("There is no insurance here.")


def _switching(*, what: str, on: str) -> Text:
    if on == "off":
        return _switched(what, on=False)
    then = _switched(what, on=True)
    return T("{what} {law}", what=then, law=_LAW[what])


@router.command(
    "money",
    allow=Authority.COMMITTEE,
    label=T("Money and insurance"),
    help=T("Turn money or insurance on or off; both are off at first. It shows what the law may ask."),
    sample=("cash", "on"),
    asks={"what": Asks(T("What is it about?")), "on": Asks(T("Shall it be on or off?"))},
    proposal=_switching,
)
async def money(context: Context, *, what: _What, on: OnOff) -> Reply:
    """The proposal itself shows the text, so whoever agrees has seen it."""
    if not await switches.turn(context.tx, context.committee, cast("Switch", what), on == "on", now=context.now):
        raise Refusal(T("That is how it is already."))
    return Reply(_switched(what, on=on == "on"))


@router.entry("rule", "switch", about="rules")
async def switch_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What was turned on or off."""
    what, on = body["switch"]
    return _switched(what, on=on)


# --- told --------------------------------------------------------------------------------------------------------


@router.entry("fund")
async def fund_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Sums alone."""
    return _sums(body)


def _sums(body: Mapping[str, Any]) -> Text:
    given = Minutes(body["given"])
    if "round" in body:
        return _round_words(needs_=body["needs"], asked=Minutes(body["asked"]), given=given)
    if "payout" in body:
        return _paid_out(body["payout"], Minutes(body["each"]), body["people"], given)
    if "urgent" in body:
        return T(
            "The common fund gave {time} at once as urgent help (need no. {number}).", time=given, number=body["urgent"]
        )
    return _unratified(body["unratified"], given)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What somebody should read, and what they ask for themselves."""
    found = [
        Todo(
            words=_asked_to_read(context.committee, need),
            buttons=_reading_buttons(need, context.member.id, opened=opened),
        )
        for need, opened in await fund.to_read(context.tx, context.member.id)
    ]
    found += [
        Todo(words=_own(need), buttons=(_taking_back(need, context.member.id),))
        for need in await fund.waiting_of(context.tx, context.member)
        if not need.urgent
    ]
    return found


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """What the fund gave, and what waits; never who."""
    told = await entries.since(context.tx, context.committee.id, since.entry, "fund", limit=LISTED_MAX)
    found = [Todo(words=_sums(body)) for _, body in told]
    needs_ = await fund.open_ones(context.tx, context.committee.id)
    if needs_:
        words = N(
            "{n} need waits for the common fund: {time}.",
            "{n} needs wait for the common fund: {time} in all.",
            len(needs_),
            time=Minutes(sum(one.left for one in needs_)),
        )
        give = Button(label=T("Give hours"), says=context.commands.asking(contribute.says()))
        found.append(Todo(words=words, buttons=(give,)))
    return found
