"""The time bank: thanking each other with hours, one's balance, and taking back a slip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, cast

from bot.arguments import Days, Duration, Note, Number, People, Person, Reference, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import ledger
from bot.domain.ledger import Posting
from bot.domain.policies import Counting, Event, Sharing, plain, portions
from bot.payments import paid
from bot.posts import needs_for
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.tasks import counts_as, of_exchange
from bot.text import Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import (
    buttons,
    cards,
    due,
    enrolments,
    entries,
    exchanges,
    gifts,
    notes,
    rules,
    schemes,
    tasks,
    transfers,
    units,
)
from storage import people as people_
from storage.database import Transaction
from storage.digests import Since
from storage.exchanges import Trust, Waiting
from storage.people import Committee, Member
from storage.tasks import TaskKind
from storage.transfers import Exchange, Part

router = Router("credits", title=T("Hours"))

CONFIRM_DAYS = 7
"""So long a claim waits where the committee has set nothing."""
_HOW = choice(
    "split",
    "chest",
    "committee",
    expected=T(
        "who pays: {split}, {chest} or {committee}",
        split=Typed("split"),
        chest=Typed("chest"),
        committee=Typed("committee"),
    ),
    labels={"split": T("Share the hours"), "chest": T("Each pays the whole"), "committee": T("The committee pays")},
)
CLAIMS_MAX = 3
"""So many claims of one member on another may wait: claims hold hours back, and nobody can be held fast by them."""

# --- thanking ------------------------------------------------------------------------------------------------------


async def _thanks(
    context: Context, *, to: tuple[Member, ...], time: Minutes, what: str = "", post: int | None = None
) -> Words:
    names = Listed(tuple(member.name for member in to))
    whole = Minutes(time * len(to))
    told = (
        T("{name} helped you: {time}.", name=names, time=time)
        if len(to) == 1
        else T("{names} helped you: {time} each, {whole} in all.", names=names, time=time, whole=whole)
    )
    if await _are_gifts(context):
        return lines(_nobody_counts(), T("Shall I record it as a gift from {names}?", names=names))
    counted = await _counted(context, to, [context.member], time, "split")
    account = await transfers.account(context.tx, context.committee, context.member)
    return lines(
        told,
        *(await _beside_plain(context, counted)),
        T("“{note}”", note=what) if what else None,
        T("You will have {balance}.", balance=Minutes(account.balance - whole)),
        T("Is that right?"),
    )


async def _are_gifts(context: Context) -> bool:
    return (await schemes.now(context.tx, context.committee.id)).base == "gift"


def _nobody_counts() -> Text:
    return T("Here help is a gift, and nobody counts hours.")


async def _as_gift(context: Context, name: str, **arguments: Any) -> Reply | Card | None:
    """Where nobody counts hours, what would have been counted is told as a gift, with its time for the group's sum."""
    command = context.commands.get(name)
    assert command is not None
    given = {argument: value for argument, value in arguments.items() if value}
    return await context.say(command.says(**given), authority=context.authority)


async def _beside_plain(context: Context, counted: _Counted) -> list[Words]:
    """Who gets what, where the committee's way of counting changes the plain hours."""
    legs = counted.by.legs(counted.plain)
    if ledger.balances(legs) == ledger.balances(counted.plain):
        return []
    parts = await transfers.parts_of(context.tx, [(leg.account_id, leg.minutes) for leg in legs])
    return _shares([part for part in parts if part.minutes > 0])


@router.command(
    "thank",
    allow=Authority.MEMBER,
    label=T("Thank somebody"),
    help=T("Thank someone with your time: they did something for you."),
    asks={
        "to": Asks(T("Who helped you? Choose, or write a name.")),
        "time": Asks(T("How long did it take? Choose, or write it, like {example}.", example=Typed("1h30"))),
        "what": Asks(T("What was it? Write a few words, or skip it.")),
    },
    confirm=_thanks,
    for_others=True,
)
async def thank(
    context: Context, *, to: People, time: Duration, what: Note = "", post: Reference | None = None
) -> Reply | Card | None:
    """Each who helped gains the time, whoever was helped gives it."""
    if context.member.id in {member.id for member in to}:
        raise Refusal(T("You cannot thank yourself with hours. Who helped you?"))
    if await _are_gifts(context):
        return await _as_gift(context, "gift", people=to, time=time, what=what)
    counted = await _counted(context, to, [context.member], time, "split")
    transfer = ledger.post(counted.by.legs(counted.plain), counted.accounts.values(), at=context.now)
    id_, _ = await transfers.record(
        context.tx,
        context.committee,
        transfer,
        recorder=context.speaker,
        note=what,
        policy=counted.policy,
        scheme=counted.by.scheme.version,
        plain=counted.plain,
        kind=await tasks.recognised(
            context.tx, context.committee.id, counted.policy, transfer.postings, note=what, post=post
        ),
    )
    if post is not None:
        await exchanges.came_from(context.tx, id_, post)
    card = Card("transfer", id_)
    if what:
        await notes.wrote(context.tx, card.thing, context.member.id, now=context.now)
    if context.speaker.id != context.member.id:
        await exchanges.proxied(context.tx, id_, context.member)
    told = True
    for member in to:
        if member.helper_id is not None:
            words = T("{name} thanked you with {time}.", name=context.member.name, time=time)
            told &= await context.tell(member, words)
        else:
            told &= await context.show_to(member, Card("thanks", id_))
    return await _answer(context, card, heard=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Help in plain hours, how the committee counts it, and the accounts in it, by id."""

    plain: tuple[Posting, ...]
    by: Counting
    accounts: Mapping[int, ledger.Account]

    @property
    def policy(self) -> tuple[str, int]:
        return self.by.scheme.policy.name, self.by.scheme.policy.version


async def _counted(
    context: Context, providers: Sequence[Member], receivers: Sequence[Member], minutes: Minutes, sharing: Sharing
) -> _Counted:
    """What the committee's policy makes of it. Raises Refusal where nobody counts hours."""
    by = await schemes.counting(context.tx, context.committee)
    by_member = await transfers.accounts_of(context.tx, context.committee, [*providers, *receivers])
    event = Event(
        providers=tuple(by_member[member.id].id for member in providers),
        receivers=tuple(by_member[member.id].id for member in receivers),
        minutes=minutes,
        committee=by.committee,
        sharing=sharing,
    )
    beside = await transfers.accounts_by_id(context.tx, context.committee, {by.committee, by.fund})
    return _Counted(
        plain=plain(event), by=by, accounts={account.id: account for account in (*by_member.values(), *beside)}
    )


async def _answer(context: Context, card: Card, *, heard: bool) -> Reply | Card:
    """What was recorded: in a group its card; in private one's new balance too, which nobody else sees.

    `heard`: all whom it concerns were told. Where not in private, they hear of it in the group.
    """
    if context.place is None or not context.place.private:
        return card
    if not heard:
        await context.show(card)
    exchange = await transfers.exchange(context.tx, context.committee, card.ref)
    assert exchange is not None
    account = await transfers.account(context.tx, context.committee, context.member)
    kind = await of_exchange(context.tx, context.commands, context.committee.id, card.ref, exchange.number)
    return Reply(
        lines(_told(exchange), kind.words, T("You have {balance} now.", balance=account.balance)),
        buttons=((Button(label=T("Undo"), says=undo.says(number=exchange.number)), *kind.buttons),),
    )


# --- what happened -------------------------------------------------------------------------------------------------


def _all_named(parts: Sequence[Part]) -> Listed:
    return Listed(tuple(transfers.called(part.name) for part in parts))


def _helped(parts: Sequence[Part], pooled: Sequence[Part] = ()) -> Text:
    """What happened between people, and never what somebody has. `pooled`: whose hours are the fund's."""
    if parts[0].unit is not None:
        return paid(parts)
    giving = [part for part in parts if part.minutes < 0]
    gaining = [part for part in parts if part.minutes > 0]
    members = [*pooled, *(part for part in gaining if part.member_id is not None)]
    given = Minutes(-sum(part.minutes for part in giving))
    givers, names = _all_named(giving), _all_named(members)
    each = members[0].minutes if members and len({part.minutes for part in members}) == 1 else None
    if [part.name for part in giving] == [transfers.FUND] and not pooled:
        return T("The common fund gave {names} {time}.", names=names, time=each or given)
    if [part.name for part in gaining] == [transfers.FUND] and not pooled:
        return T("{names} gave the common fund {time}.", names=givers, time=given)
    if not members or (len(giving) == 1 and giving[0].name in (transfers.FUND, transfers.RESERVE)):
        # Nobody has helped for it.
        return T("{time} from {giver} to {receiver}.", time=given, giver=givers, receiver=_all_named(gaining))
    if len(giving) == 1 and giving[0].member_id is None:
        return T("{names} worked for the committee: {time}.", names=names, time=each or given)
    if pooled and len(pooled) == len(members) and each is not None and len(giving) == 1:
        if len(members) > 1:
            return T("{names} helped {member} for the common fund: {time} each.", names=names, member=givers, time=each)
        return T("{name} helped {member} for the common fund: {time}.", name=names, member=givers, time=each)
    if members == gaining and each is not None and len(members) == 1:
        return T("{name} helped {member}: {time}.", name=names, member=givers, time=each)
    if members == gaining and each is not None:
        return T("{names} helped {member}: {time} each.", names=names, member=givers, time=each)
    shares = Listed(tuple(T("{name} {time}", name=transfers.called(part.name), time=part.minutes) for part in gaining))
    return T(
        "{member}: {time} for what {names} did. It goes to: {shares}.",
        member=givers,
        time=given,
        names=names,
        shares=shares,
    )


def _told(exchange: Exchange) -> Text:
    what = T("{what} (No. {number})", what=_helped(exchange.parts, exchange.pooled), number=exchange.number)
    if exchange.reversed:
        return T("Undone: {what}", what=what)
    if exchange.recorder is not None:
        return T("{what} Recorded by {name}.", what=what, name=exchange.recorder)
    return what


@router.card("transfer")
async def transfer_card(view: View, ref: int) -> Shown | None:
    """What happened, and never what somebody has."""
    exchange = await transfers.exchange(view.tx, view.committee, ref)
    if exchange is None:
        return None
    wallet = view.commands.get("wallet") if exchange.unit is not None else None
    balance = (
        Button(label=T("My balance"), says=balance_.says())
        if wallet is None
        else Button(label=T("My wallet"), says=wallet.says())
    )
    if exchange.reversed:
        return Shown(_told(exchange), buttons=((balance,),))
    kind = await of_exchange(view.tx, view.commands, view.committee.id, ref, exchange.number)
    undoing = Button(label=T("Undo"), says=undo.says(number=exchange.number))
    words = _told(exchange) if kind.words is None else lines(_told(exchange), kind.words)
    return Shown(words, buttons=((balance, undoing), *((button,) for button in kind.buttons)))


@router.card("thanks")
async def thanks_card(view: View, ref: int) -> Shown | None:
    """What whoever helped is told in private; once the note is erased, without it."""
    exchange = await transfers.exchange(view.tx, view.committee, ref)
    if exchange is None:
        return None
    if exchange.unit is not None:
        return await _paid_card(view, ref, exchange)
    name, time = _all_named(exchange.giving), (*exchange.pooled, *exchange.gaining)[0].minutes
    if exchange.reversed:
        return Shown(T("Undone: {name} thanked you with {time}.", name=name, time=time))
    note = await notes.written(view.tx, Card("transfer", ref).thing)
    told = (
        T("{name} thanked you with {time}: {note}", name=name, time=time, note=note)
        if note
        else T("{name} thanked you with {time}.", name=name, time=time)
    )
    recorded = T("{name} recorded it.", name=exchange.recorder) if exchange.recorder is not None else None
    kind = await of_exchange(view.tx, view.commands, view.committee.id, ref, exchange.number)
    pooled = (
        T("You pool what you earn: it is in the fund, and {pooling} counts it as done.", pooling=Typed("/pooling"))
        if exchange.pooled
        else None
    )
    return Shown(lines(told, pooled, kind.words, recorded))


async def _paid_card(view: View, ref: int, exchange: Exchange) -> Shown:
    """What whoever was paid is told: with the way to say that it is not so."""
    [giver], amount = exchange.giving, exchange.gaining[0].quantity
    told = (
        T("{name} paid you {amount}.", name=giver.name, amount=amount)
        if giver.name
        else T("The committee paid you {amount}.", amount=amount)
    )
    if exchange.reversed:
        return Shown(T("Undone: {what}", what=told))
    note = await notes.written(view.tx, Card("transfer", ref).thing)
    return Shown(
        lines(
            T("{what} “{note}”", what=told, note=note) if note else told,
            T("{name} recorded it.", name=exchange.recorder) if exchange.recorder is not None else None,
        ),
        buttons=((Button(label=T("That is not right"), says=undo.says(number=exchange.number)),),),
    )


# --- hours that somebody has to confirm ------------------------------------------------------------------------------


async def _claims(
    context: Context,
    *,
    time: Minutes,
    people: tuple[Member, ...] = (),
    how: str = "",
    what: str = "",
    post: int | None = None,
) -> Words:
    sharing, what = await _sharing(context, people, how, what)
    if await _are_gifts(context):
        names = Listed(tuple(member.name for member in people) or (T("everybody"),))
        return lines(_nobody_counts(), T("Shall I record it as a gift from you to {names}?", names=names))
    if not people:
        return T("You worked {time} for the committee. Shall I ask whether its account pays you?", time=time)
    counted = await _counted(context, [context.member], people, time, sharing)
    own = (await transfers.account(context.tx, context.committee, context.member)).id
    changes = ledger.balances(
        leg for portion in portions(counted.plain, first=own).values() for leg in counted.by.legs(portion)
    )
    parts = await transfers.parts_of(context.tx, changes.items())
    return lines(
        *_shares(parts),
        T("“{note}”", note=what) if what else None,
        T("Whoever gives hours has to say yes. Shall I ask?"),
    )


def _shares(parts: Sequence[Part]) -> list[Words]:
    return [
        T("{name} gives {time}.", name=transfers.called(part.name), time=Minutes(-part.minutes))
        if part.minutes < 0
        else T("{name} gets {time}.", name=transfers.called(part.name), time=part.minutes)
        for part in parts
    ]


async def _sharing(context: Context, people: tuple[Member, ...], how: str, what: str) -> tuple[Sharing, str]:
    if len(people) == 1 and how:
        # Behind one name it can only be the first word of the note.
        how, what = "", f"{how} {what}".strip()
    if not people:
        if how != "committee":
            raise Refusal(
                T(
                    "For whom? Write it like this: {example}. For the committee itself: {committee}",
                    example=Typed("/worked", "2h", "@ana"),
                    committee=Typed("/worked", "2h", "committee"),
                )
            )
        return "committee", what
    chosen: Sharing = cast("Sharing", how or await rules.get(context.tx, context.committee.id, "sharing", "split"))
    return chosen, what


@router.command(
    "worked",
    allow=Authority.MEMBER,
    label=T("I helped somebody"),
    help=T("You helped somebody: they confirm it. Several share the hours, or each pays, or the committee does."),
    sample=("2h", "@ana", T("washed the windows")),
    asks={
        "time": Asks(T("How long did you help? Choose, or write it, like {example}.", example=Typed("1h30"))),
        "people": Asks(
            T("Whom did you help? Choose, or write one or more names."),
            instead=(T("The committee"), {"how": "committee"}),
        ),
        "what": Asks(T("What was it? Write a few words, or skip it.")),
    },
    confirm=_claims,
    for_others=True,
)
async def worked(
    context: Context,
    *,
    time: Duration,
    people: People = (),
    how: Annotated[str, _HOW] = "",
    what: Note = "",
    post: Reference | None = None,
) -> Reply | Card | None:
    """Ask each who was helped for their share; they give it by saying yes."""
    if context.member.id in {member.id for member in people}:
        raise Refusal(T("You cannot give hours to yourself. Whom did you help?"))
    sharing, what = await _sharing(context, people, how, what)
    if await _are_gifts(context):
        return await _as_gift(context, "gift_to", people=people, to="" if people else "all", time=time, what=what)
    if sharing == "committee":
        names = ", ".join(member.name for member in people)
        says = paid_by_all.says(who=context.member, time=time, what="; ".join(part for part in (names, what) if part))
        return await context.say(says, authority=context.authority)
    counted = await _counted(context, [context.member], people, time, sharing)
    own = (await transfers.account(context.tx, context.committee, context.member)).id
    payers = {(await transfers.account(context.tx, context.committee, member)).id: member for member in people}
    days, _ = await _confirming(context.tx, context.committee)
    expires = context.now + timedelta(days=days)
    first: Waiting | None = None
    for account_id, portion in sorted(portions(counted.plain, first=own).items()):
        payer, legs = payers[account_id], counted.by.legs(portion)
        if await exchanges.claims_on(context.tx, context.speaker, payer) >= CLAIMS_MAX:
            raise Refusal(T("{name} has claims of yours to answer already. Let that be done first.", name=payer.name))
        try:
            holds = ledger.holds(legs, counted.accounts.values(), at=context.now)
        except ledger.BelowFloor:
            # They are asked all the same, and hear of it when they say yes: whoever claims learns nothing of what
            # somebody has, by one claim or by many.
            holds = {}
        asked = await _answering(context, payer)
        opened = await exchanges.open_(
            context.tx,
            context.committee,
            legs,
            recorder=context.speaker,
            asked=[asked],
            holds=holds,
            policy=counted.policy,
            scheme=counted.by.scheme.version,
            plain=portion,
            note=what,
            now=context.now,
            expires=expires,
            together=first.id if first is not None else None,
            post=post,
        )
        first = first or opened
        if holds and (asked.id == context.speaker.id or await exchanges.trusts(context.tx, asked.id, context.speaker)):
            id_ = await _settle(context, opened)
            await context.show_to(asked, Card("transfer", id_))
    assert first is not None
    waiting = await exchanges.asked_together(context.tx, context.committee.id, first.id)
    if not any(one.state == "open" for one in waiting):
        return await _answer_settled(context, waiting)
    await due.plan(
        context.tx,
        first.thing,
        claims_over.says(number=first.id),
        local=expires.astimezone(context.committee.zone).replace(tzinfo=None),
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
    )
    return await _asked(context, first, waiting)


async def _answering(context: Context, member: Member) -> Member:
    """Who says yes for a member: themselves, or whoever speaks for them."""
    if member.helper_id is None:
        return member
    helper = await people_.member_now(context.tx, context.committee.id, member.helper_id)
    assert helper is not None
    return helper


async def _asked(context: Context, first: Waiting, waiting: Sequence[Waiting]) -> Reply | Card:
    card, reached = Card("exchange", first.id), True
    for member_id in sorted({id_ for one in waiting if one.state == "open" for id_ in one.asked - one.agreed}):
        member = await people_.member(context.tx, context.committee.id, member_id)
        assert member is not None
        reached &= await context.show_to(member, card)
    if context.place is not None and context.place.private:
        if not reached:
            await context.show(card)
        view = await _waiting_words(context.tx, context.committee, waiting)
        return Reply(
            lines(view, T("I tell you when it is answered.")),
            buttons=((Button(label=T("Take back"), says=withdraw_claim.says(number=first.id)),),),
        )
    return card


async def _answer_settled(context: Context, waiting: Sequence[Waiting]) -> Reply | Card:
    done = [one.transfer_id for one in waiting if one.transfer_id is not None]
    if len(done) == 1:
        return await _answer(context, Card("transfer", done[0]), heard=True)
    return Reply(await _waiting_words(context.tx, context.committee, waiting))


async def _settle(context: Context, exchange: Waiting, *, unanswered: bool = False) -> int:
    """Everybody has said yes: what was held moves. Returns the transfer's id. Raises BelowFloor.

    `unanswered`: nobody has said no. Then nobody but whoever helped has said what kind of task it was.
    """
    await exchanges.release(context.tx, exchange)
    recorder = await people_.member_now(context.tx, context.committee.id, exchange.recorder_id)
    assert recorder is not None
    if exchange.reverses_id is not None:
        id_ = await _put_back(context, exchange.reverses_id, recorder, agreed=exchange)
    else:
        ids = [leg.account_id for leg in exchange.legs]
        found = await transfers.accounts_by_id(context.tx, context.committee, ids)
        note = await notes.of(context.tx, exchange.thing)
        transfer = ledger.post(exchange.legs, found, at=context.now)
        kind = None if unanswered else await _kind(context.tx, context.committee, exchange, note)
        id_, _ = await transfers.record(
            context.tx,
            context.committee,
            transfer,
            recorder=recorder,
            note=note or "",
            policy=exchange.policy,
            scheme=exchange.scheme,
            plain=exchange.plain,
            kind=kind,
        )
        if exchange.post_id is not None:
            await exchanges.came_from(context.tx, id_, exchange.post_id)
    await exchanges.end(context.tx, exchange, "done", transfer_id=id_)
    await _ended(context, exchange)
    return id_


async def _kind(tx: Transaction, committee: Committee, exchange: Waiting, note: str | None) -> TaskKind | None:
    return await tasks.recognised(tx, committee.id, exchange.policy, exchange.legs, note=note, post=exchange.post_id)


async def _ended(context: Context, exchange: Waiting) -> None:
    """One of those that were asked for at once is over; with the last, its words and its day go."""
    together = await exchanges.asked_together(context.tx, context.committee.id, exchange.together)
    if not any(one.state == "open" for one in together):
        await due.cancel(context.tx, exchange.thing)
        await exchanges.forget_words(context.tx, exchange)
    await cards.changed(context.tx, exchange.thing)


async def _open_for(context: Context, number: int) -> Waiting:
    """What waits for this member's yes among those asked for at once."""
    together = await exchanges.asked_together(context.tx, context.committee.id, number)
    if not together:
        raise Refusal(T("That is not there any more. {todo} shows what waits for you.", todo=Typed("/todo")))
    mine = [one for one in together if context.member.id in one.asked]
    if not mine:
        raise Refusal(T("That is not for you to answer: only whoever is asked can."), private=True)
    still = [one for one in mine if one.state == "open"]
    if not still:
        raise Refusal(T("That is over already: {state}.", state=_STATES[mine[0].state]), private=True)
    return still[0]


_STATES = {
    "done": T("recorded"),
    "declined": T("declined"),
    "lapsed": T("nobody answered in time"),
    "withdrawn": T("taken back"),
}


@router.command("right", allow=Authority.MEMBER, typed=False, help=T("Say that it is right."))
async def right(context: Context, *, number: Number) -> Reply | None:
    """Whoever is asked says yes; with the last yes the hours move."""
    exchange = await _open_for(context, number)
    agreed = await exchanges.agree(context.tx, exchange, context.member.id, now=context.now)
    if agreed < exchange.asked:
        await cards.changed(context.tx, exchange.thing)
        return Reply(T("Thank you, noted. Others have to say yes too."), private=True)
    try:
        id_ = await _settle(context, exchange)
    except ledger.BelowFloor as short:
        raise Refusal(await _no_room(context, exchange, short), private=True) from None
    await _tell_recorder(context, exchange, T("{name} said yes.", name=context.member.name))
    booked = await transfers.exchange(context.tx, context.committee, id_)
    assert booked is not None
    has = await _has(context, context.member, booked.unit)
    return Reply(
        lines(
            T("Recorded as no. {number}.", number=booked.number),
            _now(has),
        ),
        private=True,
    )


def _now(has: Minutes | Text | None) -> Text | None:
    if has is None or isinstance(has, Minutes):
        return None if has is None else T("You have {balance} now.", balance=has)
    return T("Your balance now: {balance}.", balance=has)


async def _has(context: Context, member: Member, unit: int | None) -> Minutes | Text | None:
    """What a member has, in hours or another unit; None: of money nobody has a balance here."""
    if unit is None:
        return (await transfers.account(context.tx, context.committee, member)).balance
    of = await units.unit(context.tx, context.committee.id, unit)
    assert of is not None
    account = await transfers.beside(context.tx, context.committee, "unit", owner=member, unit=unit)
    return of.amount(account.balance) if of.kind == "local" else None


async def _no_room(context: Context, exchange: Waiting, short: ledger.BelowFloor) -> Words:
    """What was claimed goes on waiting, and may fit later."""
    parts = await transfers.parts_of(context.tx, [(leg.account_id, leg.minutes) for leg in exchange.legs])
    theirs = transfers.pooled(exchange.plain, exchange.legs) if exchange.policy[0] == "pooled" else []
    pooled = await transfers.parts_of(context.tx, [(leg.account_id, leg.minutes) for leg in theirs])
    names = _all_named(pooled or [part for part in parts if part.minutes > 0])
    return lines(
        T(
            "That would take you to {left}, below the limit of {floor}, so nothing was recorded.",
            left=short.left,
            floor=short.floor,
        ),
        T("It waits for you until {until}: help somebody first, and say yes then.", until=exchange.expires),
        T("Or say no, and thank {names} for less.", names=names),
    )


@router.command("not_right", allow=Authority.MEMBER, typed=False, help=T("Say that it is not right."))
async def not_right(context: Context, *, number: Number) -> Reply | None:
    """Whoever is asked says no: nothing moves."""
    exchange = await _open_for(context, number)
    await exchanges.release(context.tx, exchange)
    await exchanges.end(context.tx, exchange, "declined")
    await _ended(context, exchange)
    await _tell_recorder(
        context, exchange, T("{name} said no, so nothing was recorded. Talk it over.", name=context.member.name)
    )
    return Reply(T("Nothing was recorded."), private=True)


async def _tell_recorder(context: Context, exchange: Waiting, words: Words) -> None:
    recorder = await people_.member_now(context.tx, context.committee.id, exchange.recorder_id)
    if recorder is None or not recorder.active:
        return
    if exchange.reverses_id is None:
        what = await _would(context.tx, exchange)
    else:
        what = await _undoing(context.tx, context.committee, exchange)
    await context.tell(recorder, lines(what, words))


@router.command("withdraw_claim", allow=Authority.MEMBER, typed=False, help=T("Take back what nobody has answered."))
async def withdraw_claim(context: Context, *, number: Number) -> Reply:
    """Whoever asked takes it back, as far as it is still open."""
    together = await exchanges.asked_together(context.tx, context.committee.id, number)
    mine = [one for one in together if one.state == "open" and one.recorder_id == context.member.id]
    if not mine:
        raise Refusal(T("There is nothing of yours to take back there."), private=True)
    for one in mine:
        await exchanges.release(context.tx, one)
        await exchanges.end(context.tx, one, "withdrawn")
    await _ended(context, mine[0])
    return Reply(T("Taken back: nobody is asked any more."), private=context.pressed)


@router.command("claims_over", allow=Authority.CLOCK, typed=False, help=T("Nobody answered in time."))
async def claims_over(context: Context, *, number: Number) -> None:
    """What was not answered in time lapses, or stands where the committee wants it so."""
    _, stands = await _confirming(context.tx, context.committee)
    for one in await exchanges.asked_together(context.tx, context.committee.id, number):
        if one.state != "open":
            continue
        if stands and one.reverses_id is None:
            try:
                async with context.tx.savepoint():
                    await _settle(context, one, unanswered=True)
                await _tell_recorder(context, one, T("Nobody said no, so it stands."))
                continue
            except ledger.BelowFloor:
                pass  # There is no room for it any more, so it lapses like everything else.
        await exchanges.release(context.tx, one)
        await exchanges.end(context.tx, one, "lapsed")
        await _ended(context, one)
        await _tell_recorder(context, one, T("Nobody answered in time, so nothing was recorded. You can ask again."))


async def _would(tx: Transaction, one: Waiting) -> Text:
    """What happens when everybody has said yes."""
    parts = await transfers.parts_of(tx, [(leg.account_id, leg.minutes) for leg in one.legs])
    theirs = transfers.pooled(one.plain, one.legs) if one.policy[0] == "pooled" else []
    return _helped(parts, await transfers.parts_of(tx, [(leg.account_id, leg.minutes) for leg in theirs]))


async def _waiting_words(tx: Transaction, committee: Committee, waiting: Sequence[Waiting]) -> Words:
    return lines(*[await _one_waiting(tx, committee, one) for one in waiting])


async def _one_waiting(tx: Transaction, committee: Committee, one: Waiting) -> Text:
    if one.reverses_id is not None:
        return await _undoing(tx, committee, one)
    if one.transfer_id is not None:
        booked = await transfers.exchange(tx, committee, one.transfer_id)
        assert booked is not None
        return _told(booked)
    what = await _would(tx, one)
    if one.state == "open":
        return T("{what} (waits for a yes)", what=what)
    return T("{what} ({state})", what=what, state=_STATES[one.state])


async def _undoing(tx: Transaction, committee: Committee, exchange: Waiting) -> Text:
    assert exchange.reverses_id is not None
    found = await transfers.exchange(tx, committee, exchange.reverses_id)
    assert found is not None
    return T("Take back no. {number}? {what}", number=found.number, what=_helped(found.parts, found.pooled))


@router.card("exchange")
async def exchange_card(view: View, ref: int) -> Shown | None:
    """What waits for a yes, and what became of it."""
    waiting = await exchanges.asked_together(view.tx, view.committee.id, ref)
    if not waiting:
        return None
    first = waiting[0]
    words = await _waiting_words(view.tx, view.committee, waiting)
    note = await notes.written(view.tx, first.thing)
    still = [one for one in waiting if one.state == "open"]
    kind = await _kind(view.tx, view.committee, still[0], await notes.of(view.tx, first.thing)) if still else None
    buttons: tuple[tuple[Button, ...], ...] = ()
    if still:
        buttons = (
            (
                Button(label=T("That is right"), says=right.says(number=ref)),
                Button(label=T("No"), says=not_right.says(number=ref)),
            ),
        )
    elif first.reverses_id is not None:
        words = lines(words, T("It is over: {state}.", state=_STATES[first.state]))
    elif len(waiting) == 1 and first.transfer_id is not None:
        booked = await transfers.exchange(view.tx, view.committee, first.transfer_id)
        if booked is not None and not booked.reversed:
            buttons = ((Button(label=T("Undo"), says=undo.says(number=booked.number)),),)
    return Shown(
        lines(
            words,
            T("“{note}”", note=note) if note else None,
            counts_as(kind) if kind is not None else None,
            T("Until {until}.", until=first.expires) if still else None,
        ),
        buttons=buttons,
    )


def _pays(*, who: Member, time: Minutes, what: str = "") -> Text:
    if what:
        return T("The committee's account gives {name} {time}: {note}", name=who.name, time=time, note=what)
    return T("The committee's account gives {name} {time}.", name=who.name, time=time)


@router.command(
    "paid_by_all",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("The committee's account pays for somebody's work."),
    proposal=_pays,
)
async def paid_by_all(context: Context, *, who: Person, time: Duration, what: Note = "") -> Card:
    """It is decided: the committee's own account gives the hours."""
    counted = await _counted(context, [who], [], time, "committee")
    transfer = ledger.post(counted.by.legs(counted.plain), counted.accounts.values(), at=context.now)
    id_, _ = await transfers.record(
        context.tx,
        context.committee,
        transfer,
        recorder=who,
        note=what,
        policy=counted.policy,
        scheme=counted.by.scheme.version,
        plain=counted.plain,
        kind=await tasks.recognised(
            context.tx, context.committee.id, counted.policy, transfer.postings, note=what, post=None
        ),
    )
    return Card("transfer", id_)


async def _confirming(tx: Transaction, committee: Committee) -> tuple[int, bool]:
    """For how many days a claim waits, and whether it stands when nobody answers."""
    found = await rules.get(tx, committee.id, "confirming", {"days": CONFIRM_DAYS, "stands": False})
    return found["days"], found["stands"]


def _confirming_words(*, days: int, then: str = "lapse") -> Text:
    if then == "accept":
        return N(
            "Hours that somebody claims stand when nobody says no within {n} day.",
            "Hours that somebody claims stand when nobody says no within {n} days.",
            days,
        )
    return N(
        "Hours that somebody claims lapse when nobody says yes within {n} day.",
        "Hours that somebody claims lapse when nobody says yes within {n} days.",
        days,
    )


@router.command(
    "confirm_within",
    allow=Authority.COMMITTEE,
    help=T("How long claimed hours wait for a yes, and whether they lapse then or are accepted."),
    sample=("7d", "lapse"),
    proposal=_confirming_words,
    asks={"then": Asks(T("And when nobody answers?"))},
)
async def confirm_within(
    context: Context,
    *,
    days: Days,
    then: Annotated[
        str,
        choice(
            "lapse",
            "accept",
            expected=T("the word {lapse} or {accept}", lapse=Typed("lapse"), accept=Typed("accept")),
            labels={"lapse": T("They lapse"), "accept": T("They stand")},
        ),
    ] = "lapse",
) -> Reply:
    """From now on claims wait so long."""
    kept = {"days": days, "stands": then == "accept"}
    await entries.decide_rule(context.tx, context.committee, "confirming", kept, now=context.now, told=[days, then])
    return Reply(_confirming_words(days=days, then=then))


@router.entry("rule", "confirming", about="rules")
async def confirming_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How long claims wait."""
    days, then = body["confirming"]
    return _confirming_words(days=days, then=then)


_SHARED = {
    "split": T("When one helps many, they share the hours."),
    "chest": T("When one helps many, each pays the whole time; what is over goes to the committee."),
    "committee": T("When one helps many, the committee's account pays, if it is decided."),
}


def _sharing_words(*, how: str) -> Text:
    return _SHARED[how]


@router.command(
    "sharing",
    allow=Authority.COMMITTEE,
    help=T("Who pays when one helps many: split, chest (what is over goes to the committee) or committee."),
    proposal=_sharing_words,
)
async def sharing_(context: Context, *, how: Annotated[str, _HOW]) -> Reply:
    """What holds where nobody says otherwise."""
    await entries.decide_rule(context.tx, context.committee, "sharing", how, now=context.now)
    return Reply(_SHARED[how])


@router.entry("rule", "sharing", about="rules")
async def sharing_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who pays when one helps many."""
    return _SHARED[body["sharing"]]


@router.command(
    "autoaccept",
    allow=Authority.MEMBER,
    label=T("Accept hours by itself"),
    help=T("Whether hours that others, or one of them, worked for you stand without your yes: on or off."),
    sample=("@ben", "on"),
)
async def autoaccept(
    context: Context,
    *,
    what: Annotated[
        str,
        choice(
            "on",
            "off",
            "show",
            expected=T("the word {on}, {off} or {show}", on=Typed("on"), off=Typed("off"), show=Typed("show")),
            labels={"on": T("On, for everybody"), "off": T("Off"), "show": T("How is it now?")},
        ),
    ],
    who: Person | None = None,
) -> Reply:
    """Each member's own choice: everybody's hours, or those of some whom they name. Nobody else sees it."""
    own = context.member
    if who is not None and who.id == own.id:
        raise Refusal(T("Nobody asks you about hours of your own. Name somebody who helps you."), private=True)
    before = await exchanges.trust_of(context.tx, own.id)
    if who is not None and what != "show":
        if before.everybody:
            raise Refusal(
                T(
                    "Just now the hours of everybody stand at once. Say {off} first, and then whom you mean.",
                    off=Typed("/autoaccept off"),
                ),
                private=True,
            )
        await exchanges.set_trust(context.tx, own.id, trusts=what == "on", of=who)
    elif what != "show":
        await exchanges.set_trust(context.tx, own.id, trusts=what == "on")
    return Reply(_trust_words(await exchanges.trust_of(context.tx, own.id)), private=True)


def _trust_words(trust: Trust) -> Words:
    if not trust.everybody and not trust.some:
        return T("I ask you each time before hours of yours move.")
    hear = T("You hear of it, and can undo it with their consent.")
    ends = T("{off} ends it.", off=Typed("/autoaccept off"))
    if trust.everybody:
        return lines(T("What others say to have done for you stands at once."), hear, ends)
    return lines(T("What {names} did for you stands at once.", names=Listed(trust.some)), hear, ends)


@router.command(
    "balance",
    allow=Authority.MEMBER,
    label=T("My balance"),
    help=T("Your hours; only you see them."),
    repeatable=True,
    for_others=True,
)
async def balance_(context: Context) -> Reply:
    """What the member has, in private."""
    account = await transfers.account(context.tx, context.committee, context.member)
    mine = await people_.committees_of(context.tx, context.member.person_id)
    base = (await schemes.now(context.tx, context.committee.id)).base
    are_gifts = base == "gift"
    pools = base == "pooled" and await enrolments.since(context.tx, context.member.id, schemes.POOLING) is not None
    below = account.balance < 0 and account.floor is not None and not are_gifts
    asked = await needs_for(context, context.member) if account.balance < 0 and not are_gifts else None
    return Reply(
        lines(
            T("In {committee}:", committee=context.committee.name) if len(mine) > 1 else None,
            lines(_nobody_counts(), T("{gifts} shows what you gave and got.", gifts=Typed("/gifts")))
            if are_gifts
            else T("You have {balance}.", balance=account.balance),
            T("From before, you have {balance}. Nothing of it is lost.", balance=account.balance)
            if are_gifts and account.balance
            else None,
            T("Promised, not yet confirmed: {time}. That leaves {left}.", time=account.held, left=account.available)
            if account.held
            else None,
            T("The limit is {floor}.", floor=account.floor) if below and account.floor is not None else None,
            T("You pool what you earn: {pooling} shows what you have done this month.", pooling=Typed("/pooling"))
            if pools
            else None,
            asked.words if asked is not None else None,
        ),
        buttons=asked.buttons if asked is not None else (),
        about=asked.about if asked is not None else (),
        private=True,
    )


# --- taking back ---------------------------------------------------------------------------------------------------


async def _taken_back(context: Context, *, number: int | None = None) -> Words:
    if number is None and (newest_gift := await _gift_newest(context)) is not None:
        return T("Take back gift no. {number}?", number=newest_gift)
    id_ = await _mine_or_numbered(context, number)
    exchange = await transfers.exchange(context.tx, context.committee, id_)
    recorded = await transfers.recorded(context.tx, context.committee, id_)
    assert exchange is not None
    assert recorded is not None
    if recorded.recorder_id is None:
        # It may be between many, who need not learn of each other.
        return T("Shall I ask the committee to take back no. {number}?", number=exchange.number)
    return T("Take back no. {number}? {what}", number=exchange.number, what=_helped(exchange.parts, exchange.pooled))


@router.command(
    "undo",
    allow=Authority.MEMBER,
    label=T("Undo"),
    help=T("Take back what you recorded, within 10 minutes; later the other side has to agree."),
    confirm=_taken_back,
)
async def undo(context: Context, *, number: Number | None = None) -> Reply | Card | None:
    """Record the opposite of an exchange, or ask those who lose by it; take back what nobody has answered yet."""
    if number is None and (waiting := await _waits_newest(context)) is not None:
        return await withdraw_claim.handler(context, number=waiting.together)
    if number is None and (newest_gift := await _gift_newest(context)) is not None:
        return await _as_gift(context, "ungift", number=newest_gift)
    id_ = await _mine_or_numbered(context, number)
    recorded = await transfers.recorded(context.tx, context.committee, id_)
    assert recorded is not None
    await _still_open(context, recorded.transfer.unit)
    try:
        opposite = ledger.reversal(recorded, by=context.member.id, said_at=context.said_at, at=context.now)
    except ledger.NeedsYes as needed:
        return await _ask_to_undo(context, id_, recorded, needed.accounts)
    await _ask_no_more(context, id_)
    new = await _reverse(context, id_, opposite, recorder=context.member)
    # The card says it to everybody; whoever pressed needs only a nod.
    words = T("No. {number} is undone. (No. {new})", number=recorded.number, new=new)
    return Reply(words, private=context.pressed)


async def _waits_newest(context: Context) -> Waiting | None:
    """What the member asked for last, if nothing was recorded by them since."""
    waiting = await exchanges.newest_open_by(context.tx, context.member)
    if waiting is None:
        return None
    newest = await transfers.newest_by(context.tx, context.member)
    recorded = await transfers.recorded(context.tx, context.committee, newest) if newest is not None else None
    return waiting if recorded is None or recorded.transfer.at <= waiting.at else None


async def _gift_newest(context: Context) -> int | None:
    """The number of the gift that the member told of last, if no hours were recorded by them since."""
    found = await gifts.newest_by(context.tx, context.member.id)
    if found is None:
        return None
    newest = await transfers.newest_by(context.tx, context.member)
    recorded = await transfers.recorded(context.tx, context.committee, newest) if newest is not None else None
    return found[0] if recorded is None or recorded.transfer.at <= found[1] else None


async def _ask_to_undo(
    context: Context, id_: int, recorded: ledger.Recorded, losing: frozenset[int]
) -> Reply | Card | None:
    exchange = await transfers.exchange(context.tx, context.committee, id_)
    assert exchange is not None
    parties = {part.member_id for part in (*exchange.parts, *exchange.pooled)}
    if context.member.id not in parties | {recorded.recorder_id}:
        raise Refusal(
            T(
                "No. {number} is between others: only they can take it back, or the committee ({correct}).",
                number=recorded.number,
                correct=Typed("/correct", str(recorded.number)),
            )
        )
    if await exchanges.undo_of(context.tx, context.committee.id, id_) is not None:
        raise Refusal(T("Whether no. {number} is undone is being asked already.", number=recorded.number))
    # What went to the fund comes back with what the others give back.
    theirs = {
        part.account_id: part.member_id
        for part in exchange.parts
        if part.account_id in losing and part.name != transfers.FUND
    } | {part.account_id: part.member_id for part in exchange.pooled}
    if None in theirs.values() or not theirs or recorded.recorder_id is None:
        # What was done for all at a month's end is taken back by all.
        return await context.say(correct.says(number=recorded.number), authority=context.authority)
    asked: dict[int, Member] = {}
    for member_id in theirs.values():
        assert member_id is not None
        member = await people_.member(context.tx, context.committee.id, member_id)
        if member is None or not member.active:
            raise Refusal(
                T(
                    "One of those who would have to agree is not here any more. The committee can decide it: {correct}",
                    correct=Typed("/correct", str(recorded.number)),
                )
            )
        answering = await _answering(context, member)
        asked[answering.id] = answering
    days, _ = await _confirming(context.tx, context.committee)
    expires = context.now + timedelta(days=days)
    opened = await exchanges.open_(
        context.tx,
        context.committee,
        [Posting(posting.account_id, Minutes(-posting.minutes)) for posting in recorded.transfer.postings],
        recorder=context.member,
        asked=asked.values(),
        holds={},
        policy=("undo", 1),
        note="",
        now=context.now,
        expires=expires,
        reverses=id_,
    )
    if context.member.id in asked:
        await exchanges.agree(context.tx, opened, context.member.id, now=context.now)
        if len(asked) == 1:
            await _settle(context, opened)
            return Reply(T("No. {number} is undone.", number=recorded.number), private=context.pressed)
    await due.plan(
        context.tx,
        opened.thing,
        claims_over.says(number=opened.id),
        local=expires.astimezone(context.committee.zone).replace(tzinfo=None),
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
    )
    return await _asked(context, opened, [opened])


async def _put_back(context: Context, transfer_id: int, recorder: Member, *, agreed: Waiting) -> int:
    """Those who lose by it have agreed."""
    recorded = await transfers.recorded(context.tx, context.committee, transfer_id)
    assert recorded is not None
    losing = [posting.account_id for posting in agreed.legs if posting.minutes < 0]
    opposite = ledger.reversal(recorded, by=recorder.id, said_at=context.now, at=context.now, agreed=losing)
    await _reverse(context, transfer_id, opposite, recorder=recorder)
    newest = await transfers.id_of_reversal(context.tx, transfer_id)
    assert newest is not None
    return newest


async def _still_open(context: Context, unit: int | None) -> None:
    """Raises Refusal where nothing moves any more in the unit."""
    of = None if unit is None else await units.unit(context.tx, context.committee.id, unit)
    if of is not None and not of.open:
        raise Refusal(T("{unit} has come to an end here: nothing moves in it any more.", unit=of.called))


async def _ask_no_more(context: Context, transfer_id: int) -> None:
    """Whoever was asked whether it is undone need not answer: it is."""
    if (asked := await exchanges.undo_of(context.tx, context.committee.id, transfer_id)) is not None:
        await exchanges.end(context.tx, asked, "withdrawn")
        await _ended(context, asked)


async def _reverse(
    context: Context, transfer_id: int, opposite: ledger.Transfer, *, recorder: Member, decided: bool = False
) -> int:
    """Write the opposite, bring the cards up to date, and tell the others. Returns its number."""
    await _still_open(context, opposite.unit)
    found = await transfers.accounts_by_id(
        context.tx, context.committee, [posting.account_id for posting in opposite.postings]
    )
    past = ledger.past_limit(opposite, found)
    _, new = await transfers.record(
        context.tx, context.committee, opposite, recorder=recorder, reverses=transfer_id, past_limit=past
    )
    await _show_changed(context, transfer_id)
    undone = await transfers.exchange(context.tx, context.committee, transfer_id)
    assert undone is not None
    for part in (*undone.parts, *undone.pooled):
        # Whoever asked for it, or has just agreed, knows.
        knows = not decided and part.member_id in (recorder.id, context.of_member and context.speaker.id)
        if part.member_id is None or (knows and part.account_id not in past):
            continue
        member = await people_.member(context.tx, context.committee.id, part.member_id)
        if member is None or not member.active:
            continue
        words = (
            T("The committee took back no. {number}.", number=undone.number)
            if decided
            else T("{name} took back no. {number}.", name=recorder.name, number=undone.number)
        )
        marked = T("It passes a limit; a correction may.") if past else None
        if part.account_id in past:
            has = await _has(context, member, opposite.unit)
            assert has is not None
            marked = T("It takes you to {balance}, below your limit; a correction may.", balance=has)
        await context.tell(member, lines(words, marked))
    return new


def _correction(*, number: int) -> Text:
    return T("Exchange no. {number} is taken back.", number=number)


@router.command(
    "correct",
    allow=Authority.COMMITTEE,
    help=T("The committee takes back an exchange that was wrong."),
    sample=("12",),
    proposal=_correction,
)
async def correct(context: Context, *, number: Number) -> Reply:
    """It is decided: the opposite is recorded, whoever agrees."""
    id_ = await _numbered(context.tx, context.committee, number)
    recorded = await transfers.recorded(context.tx, context.committee, id_)
    assert recorded is not None
    booked = await transfers.exchange(context.tx, context.committee, id_)
    assert booked is not None
    into = Minutes(sum(part.minutes for part in booked.gaining))
    if {part.name for part in booked.gaining} == {transfers.FUND} and not booked.reversed:
        there = await transfers.in_fund(context.tx, context.committee)
        if there < into:
            raise Refusal(T("The common fund has given it on: {time} are left in it.", time=there))
    recorder = context.of_member or await people_.member_now(context.tx, context.committee.id, booked.recorder_id)
    assert recorder is not None
    opposite = ledger.reversal(recorded, by=recorder.id, said_at=context.now, at=context.now, decided=True)
    await _ask_no_more(context, id_)
    new = await _reverse(context, id_, opposite, recorder=recorder, decided=True)
    return Reply(T("No. {number} is undone. (No. {new})", number=number, new=new))


# --- recorded by a helper ------------------------------------------------------------------------------------------


@router.command("looked_at", allow=Authority.MEMBER, typed=False, help=T("What was recorded for you is right."))
async def looked_at(context: Context, *, number: Number) -> Reply:
    """Somebody who has an account now looks at what was recorded for them before."""
    id_ = await _numbered(context.tx, context.committee, number)
    if id_ not in await exchanges.to_look_at(context.tx, context.member.id):
        raise Refusal(T("That is not waiting for you."), private=True)
    await exchanges.looked_at(context.tx, id_, now=context.now)
    return Reply(T("Thank you, noted."), private=True)


@router.todo
async def waiting_for_me(context: Context) -> list[Todo]:
    """Hours to say yes to, what others have not answered yet, and what a helper recorded."""
    todo = []
    for one in await exchanges.open_of(context.tx, context.member):
        actions: tuple[Button, ...]
        if context.member.id in one.asked - one.agreed:
            actions = (
                Button(label=T("That is right"), says=right.says(number=one.together)),
                Button(label=T("No"), says=not_right.says(number=one.together)),
            )
        elif context.member.id == one.recorder_id:
            actions = (Button(label=T("Take back"), says=withdraw_claim.says(number=one.together)),)
        else:
            continue
        words = await _one_waiting(context.tx, context.committee, one)
        todo.append(Todo(words=words, buttons=actions, by=one.expires))
    if context.member.helper_id is None:
        for id_ in await exchanges.to_look_at(context.tx, context.member.id):
            exchange = await transfers.exchange(context.tx, context.committee, id_)
            if exchange is None or exchange.reversed:
                continue
            todo.append(
                Todo(
                    words=T("Recorded for you: {what}", what=_told(exchange)),
                    buttons=(
                        Button(label=T("That is right"), says=looked_at.says(number=exchange.number)),
                        Button(label=T("Undo"), says=undo.says(number=exchange.number)),
                    ),
                )
            )
    return todo


@router.entry("transfer")
async def transfer_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Told to the two whose hours they are; to others, that it was."""
    id_ = await transfers.id_of_number(telling.tx, telling.committee, body["number"])
    parties = await transfers.parties(telling.tx, id_) if id_ is not None else set()
    if id_ is None or telling.reader.id not in parties:
        return T("an exchange between two members.")
    exchange = await transfers.exchange(telling.tx, telling.committee, id_)
    if exchange is None:
        return T("hours of yours came together in one account.")
    if {part.member_id for part in exchange.parts} == {telling.reader.id}:
        unit = exchange.parts[0].unit
        return (
            T("hours of yours came together in one account.")
            if unit is None
            else T("what you had in {unit} came together in one account.", unit=unit)
        )
    if exchange.unit is not None and exchange.reverses is None:
        return T("exchange {number}: {what}", what=paid(exchange.parts), number=exchange.number)
    if exchange.reverses is not None:
        return T("exchange {number} took back exchange {undone}.", number=exchange.number, undone=exchange.reverses)
    if "closes" in body:
        return _own_part(telling.reader, exchange)
    return T("exchange {number}: {what}", what=_helped(exchange.parts, exchange.pooled), number=exchange.number)


def _own_part(reader: Member, exchange: Exchange) -> Text:
    """Of what was done for many at once each is told their own part alone."""
    minutes = Minutes(sum(part.minutes for part in exchange.parts if part.member_id == reader.id))
    fund = any(part.name == transfers.FUND for part in exchange.parts)
    if minutes < 0:
        time = Minutes(-minutes)
        return (
            T("exchange {number}: {time} of yours went to the common fund.", number=exchange.number, time=time)
            if fund
            else T(
                "exchange {number}: {time} of yours went by the committee's rule.", number=exchange.number, time=time
            )
        )
    return (
        T("exchange {number}: {time} came to you from the common fund.", number=exchange.number, time=minutes)
        if fund
        else T("exchange {number}: {time} came to you by the committee's rule.", number=exchange.number, time=minutes)
    )


async def _mine_or_numbered(context: Context, number: int | None) -> int:
    if number is None:
        newest = await transfers.newest_by(context.tx, context.member)
        if newest is None:
            raise Refusal(T("You have not recorded anything yet, so there is nothing to undo."))
        return newest
    return await _numbered(context.tx, context.committee, number)


async def _numbered(tx: Transaction, committee: Committee, number: int) -> int:
    id_ = await transfers.id_of_number(tx, committee, number)
    if id_ is None:
        raise Refusal(
            T(
                "There is no entry {number} here. {history} shows the numbers.",
                number=number,
                history=Typed("/history"),
            )
        )
    return id_


async def _with_notes(context: Context) -> list[tuple[Text | str, int]]:
    """The member's newest exchanges that have a note."""
    found = await transfers.recent(context.tx, context.member)
    return [
        (
            T("No. {number}, {other}", number=line.number, other=Listed(tuple(map(transfers.called, line.others)))),
            line.number,
        )
        for line in found
        if line.note
    ]


@router.command(
    "erase",
    allow=Authority.MEMBER,
    label=T("Erase a note"),
    help=T("Erase the note of one of your exchanges. The hours stay."),
    asks={
        "number": Asks(T("Which note? The hours stay."), _with_notes, T("None of your latest exchanges has a note."))
    },
    for_others=True,
)
async def erase(context: Context, *, number: Number) -> Reply:
    """The words go from every file; the hours stay in the books."""
    id_ = await _numbered(context.tx, context.committee, number)
    parties = await transfers.parties(context.tx, id_)
    if context.member.id not in parties:
        raise Refusal(T("Only the two people in no. {number} can erase its note.", number=number))
    if not await notes.erase(context.tx, f"transfer:{id_}"):
        raise Refusal(T("No. {number} has no note.", number=number))
    await buttons.forget_questions(context.tx, parties | {context.speaker.id})
    await _show_changed(context, id_)
    return Reply(
        T(
            "I have erased the note of no. {number}; the hours stay. "
            "What was written in a chat stays there until you delete it.",
            number=number,
        )
    )


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """How many exchanges there were; never who has what."""
    booked = await entries.since(context.tx, context.committee.id, since.entry, "transfer", limit=10_000)
    # What is paid in other units is no help, nor is what is done for all at the end of a month.
    found = [one for one in booked if not {"unit", "closes"} & one[1].keys()]
    undone = sum("reverses" in body for _, body in found)
    count = len(found) - 2 * undone
    return [Todo(words=N("{n} exchange of help.", "{n} exchanges of help.", count))] if count > 0 else []


async def _show_changed(context: Context, transfer_id: int) -> None:
    for kind in ("transfer", "thanks"):
        await cards.changed(context.tx, Card(kind, transfer_id).thing)
    if (together := await exchanges.became(context.tx, transfer_id)) is not None:
        await cards.changed(context.tx, Card("exchange", together).thing)
