"""The income pool: households put in what they can, in private, and at the month's end it is shared out by need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any

from bot.arguments import Amount, Duration, Month, Off, OnOff, Percent, choice
from bot.chat import Button, Reply
from bot.domain import ledger
from bot.domain import pool as rule
from bot.domain.ledger import Posting
from bot.domain.pool import Agreed, Household
from bot.router import Asks, Authority, Context, Router, Telling, Todo, Where
from bot.text import Amount as Hundredths
from bot.text import Minutes, N, Refusal, T, Text, Typed, Value, Words, lines
from bot.text import Percent as Points
from storage import closings, enrolments, entries, insurance, people, pool, switches, transfers
from storage.pool import Part

_TITLE = T("Income pool")
router = Router("pool", title=_TITLE)

REMINDED_DAYS = 7
"""So many days before a month ends /todo says that nothing was put in yet."""
_SHOW = Typed("/pool")
_JOIN = Typed("/pool_join")
_PUT = Typed("/pool_in 3h")
_By = Annotated[
    str,
    choice(
        "equal",
        "heads",
        "needs",
        expected=T("the word equal, heads or needs, like {example}", example=Typed("heads")),
        labels={"equal": T("Each household the same"), "heads": T("By heads"), "needs": T("By need")},
    ),
]
_Whom = Annotated[
    str,
    choice(
        "child",
        "care",
        expected=T("the word child or care, like {example}", example=Typed("child")),
        labels={"child": T("Each child"), "care": T("Illness or care")},
    ),
]


async def _must_be_on(context: Context) -> None:
    if not await switches.is_on(context.tx, context.committee.id, "insurance"):
        raise Refusal(_off_words())


def _off_words() -> Text:
    return T(
        "The income pool is off here. The committee can turn it on, and reads first what the law may ask: {turn_on}",
        turn_on=Typed("/money insurance on"),
    )


async def _is_in(context: Context) -> bool:
    return await enrolments.since(context.tx, context.member.id, pool.WHAT) is not None


async def _must_be_in(context: Context) -> None:
    if not await _is_in(context):
        raise Refusal(T("Your household is not in the income pool. To take part: {join}", join=_JOIN), private=True)


def _how_much(minutes: int, money: int) -> Value:
    """Hours, money, or both."""
    if not money:
        return Minutes(minutes)
    if not minutes:
        return Hundredths(money)
    return T("{time} and {money}", time=Minutes(minutes), money=Hundredths(money))


def _by_words(agreed: Agreed) -> Text:
    match agreed.by:
        case "equal":
            return T("It is shared out equally: each household gets the same.")
        case "heads":
            return T("It is shared out by heads: each person gets the same, child or adult.")
        case "needs":
            return T(
                "It is shared out by need: a child counts for {child} of an adult, and {care} are added where somebody "
                "is ill or needs care.",
                child=Points(agreed.child),
                care=Points(agreed.care),
            )


# --- how it stands -------------------------------------------------------------------------------------------------


@router.command(
    "pool",
    allow=Authority.MEMBER,
    label=_TITLE,
    help=T("The income pool: how much is in it this month, and what you put in; only you see that."),
    repeatable=True,
)
async def pool_(context: Context) -> Reply:
    """The total, where it tells of no single household; and one's own."""
    if not await switches.is_on(context.tx, context.committee.id, "insurance"):
        return Reply(_off_words(), private=True)
    committee, period = context.committee, closings.month_of(context.now, context.committee)
    households = await pool.households(context.tx, committee.id)
    there = (await pool.of_month(context.tx, committee.id, period)).values()
    total = _how_much(sum(part.minutes for part in there), sum(part.money for part in there))
    own = await pool.part_of(context.tx, context.member.id, period)
    is_in = await _is_in(context)
    last = await pool.last_shared(context.tx, context.member.id) if is_in else None
    return Reply(
        lines(
            T("Households put in what they can, and when the month ends it is shared out."),
            _by_words(await pool.agreed(context.tx, committee.id)),
            N("{n} household takes part.", "{n} households take part.", len(households)),
            T("In the pool for this month: {total}.", total=total) if len(households) >= rule.SEEN_FROM else _few(),
            _own_words(own) if is_in else None,
            _home_words(next(one for one in households if context.member.id in one.adults)) if is_in else None,
            T(
                "Last time you had put in {part}, and got {share}.",
                part=_how_much(last.minutes, last.money),
                share=_how_much(last.got_minutes or 0, last.got_money or 0),
            )
            if last is not None
            else None,
            T("To put something in: {put}", put=_PUT)
            if is_in
            else T("Your household is not in it. To take part: {join}", join=_JOIN),
        ),
        private=True,
    )


def _own_words(own: Part) -> Text:
    if not own.minutes and not own.money:
        return T("You have put in nothing yet.")
    return T("You put in {part}. Nobody else sees that.", part=_how_much(own.minutes, own.money))


def _few() -> Text:
    return T(
        "How much is in it I say from {n} households on: with fewer, one could work out what another put in.",
        n=rule.SEEN_FROM,
    )


def _home_words(household: Household) -> Text:
    return T(
        "Your household counts with {adults} and {children}.",
        adults=N("{n} adult", "{n} adults", len(household.adults)),
        children=N("{n} child", "{n} children", household.children),
    )


# --- taking part ---------------------------------------------------------------------------------------------------


async def _join_words(context: Context) -> list[Words | None]:
    return [
        T("What you put in, in hours or in money, only you see; the others see the total."),
        _by_words(await pool.agreed(context.tx, context.committee.id)),
        T(
            "Each adult says yes for themselves. Children at home count: {household} tells who lives with you.",
            household=Typed("/household"),
        ),
        T("You leave whenever you like: {leave}", leave=Typed("/pool_leave")),
    ]


async def _joining(context: Context) -> Words:
    await _must_be_on(context)
    return lines(T("You take part in the income pool."), *await _join_words(context), T("Is that right?"))


@router.command(
    "pool_join",
    allow=Authority.MEMBER,
    within="pool",
    where=Where.PRIVATE,
    label=T("Take part in the income pool"),
    help=T("Take part in the income pool with your household; each adult says it for themselves."),
    confirm=_joining,
)
async def pool_join(context: Context) -> Reply:
    """An own yes, as free as the way out."""
    await _must_be_on(context)
    if await _is_in(context):
        raise Refusal(T("You take part already. {pool} shows how it stands.", pool=_SHOW), private=True)
    await enrolments.enrol(context.tx, context.member, pool.WHAT, now=context.now)
    period = closings.month_of(context.now, context.committee)
    await closings.plan(context.tx, context.committee, pool_month.name, period=period)
    return Reply(
        lines(
            T("You take part in the income pool."),
            *await _join_words(context),
            T("To put something in for this month: {put}. It is no duty.", put=_PUT),
            T("Is somebody at home ill, or in need of care? {care}", care=Typed("/pool_care on")),
        ),
        private=True,
    )


async def _going(context: Context) -> Words:
    await _must_be_in(context)
    return lines(T("You leave the income pool. What you put in for this month does not count."), T("Is that right?"))


@router.command(
    "pool_leave",
    allow=Authority.MEMBER,
    within="pool",
    where=Where.PRIVATE,
    label=T("Leave the income pool"),
    help=T("Leave the income pool; what you put in for this month does not count any more."),
    confirm=_going,
)
async def pool_leave(context: Context) -> Reply:
    """At once: nothing has moved yet for this month."""
    await _must_be_in(context)
    for what in (pool.WHAT, pool.CARING):
        await enrolments.leave(context.tx, context.member.id, what)
    await pool.take_back(context.tx, context.member.id, closings.month_of(context.now, context.committee))
    return Reply(
        lines(
            T("You have left the income pool. What you put in for this month is yours, and you get no share of it."),
            T("If you change your mind: {join}", join=_JOIN),
        ),
        private=True,
    )


@router.command(
    "pool_care",
    allow=Authority.MEMBER,
    within="pool",
    where=Where.PRIVATE,
    label=T("Illness or care at home"),
    help=T("Whether somebody at home is ill or needs care: it may count for the income pool. Only you see it."),
    sample=("on",),
)
async def pool_care(context: Context, *, word: OnOff) -> Reply:
    """Trusted: nobody asks who it is, or for a certificate."""
    await _must_be_in(context)
    if word == "on":
        await enrolments.enrol(context.tx, context.member, pool.CARING, now=context.now)
    else:
        await enrolments.leave(context.tx, context.member.id, pool.CARING)
    agreed = await pool.agreed(context.tx, context.committee.id)
    return Reply(
        lines(
            T("Noted: somebody at home is ill or needs care. Nobody else sees it.")
            if word == "on"
            else T("Noted: nobody at home needs care now."),
            _by_words(agreed) if agreed.by == "needs" else T("By the rule of now it makes no difference."),
        ),
        private=True,
    )


# --- putting in ----------------------------------------------------------------------------------------------------


@router.command(
    "pool_in",
    allow=Authority.MEMBER,
    within="pool",
    where=Where.PRIVATE,
    label=T("Put something into the pool"),
    help=T("What you put into the income pool for this month: hours, or money; {off} takes it back.", off=Typed("off")),
    sample=("3h",),
    asks={"time": Asks(T("How many hours do you put in for this month? Choose, or write it; or write an amount."))},
)
async def pool_in(
    context: Context, *, money: Amount | None = None, time: Duration | None = None, off: Off = ""
) -> Reply:
    """Said again, it takes the place of what was said before. It moves when the month ends."""
    await _must_be_in(context)
    await _must_be_on(context)
    member, period = context.member, closings.month_of(context.now, context.committee)
    if off:
        await pool.take_back(context.tx, member.id, period)
        return Reply(T("Noted: for this month you put in nothing. That is all right."), private=True)
    if money is None and time is None:
        raise Refusal(
            T(
                "Write how much, in hours or in money: {put} or {money}. {off} takes it back.",
                put=_PUT,
                money=Typed("/pool_in 120.50"),
                off=Typed("/pool_in off"),
            ),
            private=True,
        )
    if money is not None and not await switches.is_on(context.tx, context.committee.id, "cash"):
        raise Refusal(
            T(
                "Money is off here; only hours can be put in, like {put}. The committee can turn it on: {turn_on}",
                put=_PUT,
                turn_on=Typed("/money cash on"),
            ),
            private=True,
        )
    if time is not None:
        account = await transfers.account(context.tx, context.committee, member)
        if account.floor is not None and account.available - time < account.floor:
            raise Refusal(
                T(
                    "You can put in at most {most} now: further down than {floor} your hours may not go.",
                    most=Minutes(max(0, account.available - account.floor)),
                    floor=account.floor,
                ),
                private=True,
            )
    await pool.put(context.tx, member.id, period, minutes=time, money=money)
    part = await pool.part_of(context.tx, member.id, period)
    return Reply(
        lines(
            T(
                "Noted: for this month you put in {part}. Nobody else sees it.",
                part=_how_much(part.minutes, part.money),
            ),
            T(
                "It is shared out on {day}. Until then you can change it.",
                day=closings.next_first(context.now, context.committee),
            ),
            T("Money I only write down: I move none.") if money is not None else None,
        ),
        private=True,
    )


@router.todo
async def nothing_put_in(context: Context) -> list[Todo]:
    """In the last days of a month, where nothing was put in."""
    ends = closings.next_first(context.now, context.committee)
    today = context.now.astimezone(context.committee.zone).date()
    if ends - today > timedelta(days=REMINDED_DAYS) or not await _is_in(context):
        return []
    if not await switches.is_on(context.tx, context.committee.id, "insurance"):
        return []
    own = await pool.part_of(context.tx, context.member.id, closings.month_of(context.now, context.committee))
    if own.minutes or own.money:
        return []
    words = T("For this month you have put nothing into the income pool. It is no duty: {put}", put=_PUT)
    return [Todo(words=words, buttons=(Button(label=T("Put something in"), says=pool_in.says()),))]


# --- a month's end -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What a month brought. `got`: each one's share, by the member's id."""

    put_in: Mapping[int, Part]
    got: Mapping[int, tuple[Minutes, Hundredths]]
    short: Sequence[int]
    """Whose hours did not suffice any more for what they had said."""


@router.command("pool_month", allow=Authority.CLOCK, typed=False, help=T("A month of the income pool is over."))
async def pool_month(context: Context, *, period: Month) -> None:
    """Hours move, through an account of the pool's own: so nobody reads in their books what another put in or got."""
    committee = context.committee
    if await closings.is_closed(context.tx, committee.id, pool.PAID_IN, period):
        return
    households = await pool.households(context.tx, committee.id)
    on = await switches.is_on(context.tx, committee.id, "insurance")
    done = await _shared(context, period, households) if on else _Round(put_in={}, got={}, short=())
    await _move(context, period, done)
    await pool.shared(context.tx, period, done.put_in, done.got)
    nothing = not any(part.minutes or part.money for part in done.put_in.values())
    for one in households:
        for id_ in one.adults:
            to = await people.member(context.tx, committee.id, id_)
            assert to is not None
            told = _told(done, id_, nothing=nothing) if on else T("The income pool is off now: nothing was shared out.")
            await context.nudge(to, told, key=f"pool:{id_}")
    if households and on:
        await closings.plan(context.tx, committee, pool_month.name, period=closings.month_after(period))


async def _shared(context: Context, period: str, households: Sequence[Household]) -> _Round:
    committee = context.committee
    said = await pool.of_month(context.tx, committee.id, period)
    accounts = await pool.accounts(context.tx, committee, said)
    cash = await switches.is_on(context.tx, committee.id, "cash")
    put_in, short = dict[int, Part](), []
    for id_, part in said.items():
        account = accounts[id_]
        if account.floor is not None and account.available - part.minutes < account.floor:
            short.append(id_)
            part = replace(part, minutes=Minutes(0))
        put_in[id_] = part if cash else replace(part, money=Hundredths(0))
    agreed = await pool.agreed(context.tx, committee.id)
    minutes = rule.parts(sum(part.minutes for part in put_in.values()), households, agreed)
    money = rule.parts(sum(part.money for part in put_in.values()), households, agreed)
    return _Round(
        put_in=put_in, got={id_: (Minutes(minutes[id_]), Hundredths(money[id_])) for id_ in minutes}, short=short
    )


async def _move(context: Context, period: str, done: _Round) -> None:
    committee = context.committee
    accounts = await pool.accounts(context.tx, committee, done.got)
    common = await transfers.beside(context.tx, committee, "reserve")
    into, out = list[Posting](), list[Posting]()
    for id_, (share, _) in done.got.items():
        part = done.put_in.get(id_, Part())
        into += _legs(accounts[id_].id, common.id, part.minutes)
        out += _legs(common.id, accounts[id_].id, share)
    recorder = await insurance.recorder(context.tx, committee.id)
    total = Minutes(common.balance + sum(part.minutes for part in done.put_in.values()))
    for what, legs, involved in (
        (pool.PAID_IN, into, [*accounts.values()]),
        (pool.PAID_OUT, out, [replace(common, balance=total)]),
    ):
        moved = ledger.post(legs, involved, at=context.now)
        await closings.close(context.tx, committee, what, period, moved, recorder=recorder, scheme=0, now=context.now)


def _legs(giver: int, to: int, minutes: int) -> tuple[Posting, ...]:
    return (Posting(giver, Minutes(-minutes)), Posting(to, Minutes(minutes))) if minutes else ()


def _told(done: _Round, id_: int, *, nothing: bool) -> Words:
    short = (
        T("Your hours did not suffice any more for what you wanted to put in: that did not count.")
        if id_ in done.short
        else None
    )
    if nothing:
        return lines(short, T("Nobody put anything into the income pool, so there was nothing to share out."))
    part, (minutes, money) = done.put_in.get(id_, Part()), done.got[id_]
    return lines(
        T("Of the income pool for the month that is over your share is {share}.", share=_how_much(minutes, money)),
        short,
        T("You had put in {part}.", part=_how_much(part.minutes, part.money))
        if part.minutes or part.money
        else T("You had put in nothing."),
        _money_words(part.money, money),
    )


def _money_words(put_in: Hundredths, share: Hundredths) -> Text | None:
    """The bot moves none: each is told what is left to do."""
    if share > put_in:
        return T(
            "{money} come to you from whoever keeps the pool's money. I move no money: talk to each other.",
            money=Hundredths(share - put_in),
        )
    if share < put_in:
        return T(
            "{money} go from you to whoever keeps the pool's money. I move no money: talk to each other.",
            money=Hundredths(put_in - share),
        )
    return None


# --- what the committee sets -----------------------------------------------------------------------------------------


def _rule_words(*, by: str) -> Text:
    match by:
        case "equal":
            return T("The income pool is shared out equally: each household gets the same.")
        case "heads":
            return T("The income pool is shared out by heads: each person gets the same, child or adult.")
        case _:
            return T("The income pool is shared out by need: adults, children and whoever needs care count by weights.")


@router.command(
    "pool_rule",
    allow=Authority.COMMITTEE,
    label=T("How the pool is shared"),
    help=T("By what the income pool is shared out: equally, by heads, or by need."),
    proposal=_rule_words,
    sample=("heads",),
)
async def pool_rule(context: Context, *, by: _By) -> Reply:
    """Holds for the month that is running, too: nothing of it has moved."""
    before = await pool.agreed(context.tx, context.committee.id)
    ways: Mapping[str, rule.By] = {"equal": "equal", "heads": "heads", "needs": "needs"}
    if before.by == by:
        raise Refusal(T("That is how it is already."))
    await pool.agree(context.tx, context.committee.id, replace(before, by=ways[by]))
    await entries.append(context.tx, context.committee, "rule", {"income_pool": by}, now=context.now)
    return Reply(_rule_words(by=by))


def _weight_words(*, whom: str, part: Points) -> Text:
    if whom == "child":
        return T("Income pool: by need, a child counts for {part} of an adult.", part=part)
    return T("Income pool: by need, {part} of an adult are added where somebody is ill or needs care.", part=part)


@router.command(
    "pool_weight",
    allow=Authority.COMMITTEE,
    label=T("Weights of the pool"),
    help=T("For what part of an adult a child counts in the income pool, and illness or care at home."),
    proposal=_weight_words,
    sample=("child", "50%"),
    asks={
        "whom": Asks(T("What is it about?")),
        "part": Asks(T("What part of an adult? Write it, like {example}.", example=Typed("50%"))),
    },
)
async def pool_weight(context: Context, *, whom: _Whom, part: Percent) -> Reply:
    """Only where it is shared out by need does it make a difference."""
    before = await pool.agreed(context.tx, context.committee.id)
    to = replace(before, child=int(part)) if whom == "child" else replace(before, care=int(part))
    if to == before:
        raise Refusal(T("That is how it is already."))
    await pool.agree(context.tx, context.committee.id, to)
    await entries.append(context.tx, context.committee, "rule", {"pool_weight": [whom, int(part)]}, now=context.now)
    return Reply(_weight_words(whom=whom, part=part))


@router.entry("rule", "income_pool", about="rules")
async def rule_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """By what it is shared out."""
    return _rule_words(by=body["income_pool"])


@router.entry("rule", "pool_weight", about="rules")
async def weight_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """For how much somebody counts."""
    whom, part = body["pool_weight"]
    return _weight_words(whom=whom, part=Points(part))
