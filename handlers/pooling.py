"""Pooling: who gives all that they earn to the common fund, what they get from it, and their part of the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.arguments import Allowance, Month, OnOff, Percent, Person, Reference
from bot.chat import Button, Reply
from bot.domain import pooling as rule
from bot.domain.ledger import Posting, Transfer
from bot.domain.pooling import Due, Span
from bot.router import Asks, Authority, Context, Router, Telling
from bot.text import Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from bot.text import Percent as Points
from storage import closings, due, enrolments, entries, people, pooling, roles, schemes, transfers
from storage.instants import from_us
from storage.people import Member

router = Router("pooling", title=T("Pooling"))

CLOSES = "pool"
FEW = 3
"""Where fewer pool, a figure would tell of one person."""
AT_ONCE = 200
"""So many are told in one work."""
_UTC = ZoneInfo("UTC")


# --- one's own yes ---------------------------------------------------------------------------------------------------


@router.command(
    "pooling",
    allow=Authority.MEMBER,
    label=T("Pooling"),
    help=T("Whether what you earn goes to the common fund, which gives you an allowance; only you see it."),
    sample=("on",),
)
async def pooling_(
    context: Context,
    *,
    what: OnOff = "",
) -> Reply:
    """Each member's own choice, at any time. What is earned before and after it is theirs."""
    if context.member.child:
        raise Refusal(T("Children have no hours here, so there is nothing to pool."), private=True)
    since = await enrolments.since(context.tx, context.member.id, schemes.POOLING)
    if what == "off":
        return await _off(context)
    scheme = await schemes.now(context.tx, context.committee.id)
    if scheme.base != "pooled":
        raise Refusal(
            T("Here nobody pools what they earn. How hours are counted: {policy}", policy=Typed("/policy")),
            private=True,
        )
    if what == "on" and since is None:
        await enrolments.enrol(context.tx, context.member, schemes.POOLING, now=context.now)
        await closings.plan(
            context.tx, context.committee, share_month.name, period=closings.month_of(context.now, context.committee)
        )
        since = context.now
    if since is None:
        return Reply(
            lines(
                T("You do not pool: what you earn is yours."),
                T("Whoever pools gives all that they earn to the common fund."),
                T("They get {time} a month from it, as far as it is there.", time=scheme.allowance)
                if scheme.allowance
                else T("How much they get from it a month, the committee has not decided yet."),
                T("Their part of the work is {time} a month.", time=scheme.quota) if scheme.quota else None,
                T("Nobody has to, and it can be ended on any day."),
            ),
            buttons=((Button(label=T("I pool"), says=pooling_.says(what="on"), only=context.member.id),),),
            private=True,
        )
    return Reply(
        lines(T("You pool: what you earn goes to the common fund."), *await _this_month(context)),
        buttons=((Button(label=T("Stop pooling"), says=pooling_.says(what="off"), only=context.member.id),),),
        private=True,
    )


async def _off(context: Context) -> Reply:
    if not await pooling.stop(context.tx, context.member, now=context.now):
        return Reply(T("You do not pool: what you earn is yours."), private=True)
    return Reply(
        lines(
            T("You do not pool any more: what you earn from now on is yours."),
            T("For the days of this month on which you did, you get your part of the allowance at its end."),
        ),
        private=True,
    )


async def _this_month(context: Context) -> list[Words]:
    """Hours done, and how many are somebody's: no price, and nobody else sees it."""
    committee = context.committee
    month = pooling.month(closings.month_of(context.now, committee), committee)
    one = (await _members(context, month)).get(context.member.id)
    assert one is not None, "whoever pools is there"
    found: list[Words] = []
    if one.due.quota is not None:
        found.append(T("This month you have done {done} of {quota}.", done=one.done, quota=one.due.quota))
    else:
        found.append(T("This month you have done {done}.", done=one.done))
    since = await enrolments.since(context.tx, context.member.id, schemes.POOLING)
    if since is not None and since > from_us(month[0]):
        found.append(T("That is for the days of this month on which you pool."))
    if one.holding.relief:
        found.append(T("Your part of the work is {part} smaller.", part=Points(one.holding.relief)))
    if one.holding.leave:
        found.append(_leave(one.holding.leave))
    if one.due.allowance:
        day = _first_after(context, month)
        found.append(
            T("On {day} you get {time} from the fund, as far as it is there.", day=day, time=one.due.allowance)
        )
    return found


def _first_after(context: Context, month: Span) -> Any:
    return from_us(month[1]).astimezone(context.committee.zone).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    due: Due
    done: Minutes
    holding: pooling.Holding


async def _members(context: Context, month: Span) -> dict[int, _One]:
    """What is due for everybody who pooled in a month, for some of it or all, by id."""
    committee_id = context.committee.id
    terms = await pooling.terms(context.tx, committee_id)
    done = await pooling.done(context.tx, committee_id, month)
    holdings = await pooling.holdings(context.tx, committee_id)
    found = {}
    for member_id, spans in (await pooling.spans(context.tx, committee_id)).items():
        holding = holdings.get(member_id, pooling.Holding())
        due = rule.due(spans, terms, month, relief=holding.relief, extra=holding.extra)
        if due is not None:
            found[member_id] = _One(due=due, done=done.get(member_id, Minutes(0)), holding=holding)
    return found


# --- relief ----------------------------------------------------------------------------------------------------------


def _cares(context: Context) -> bool:
    return "care" in context.roles


async def _carers(context: Context) -> list[Member]:
    found = {
        one.member.id: one.member for one in await roles.held(context.tx, context.committee.id) if one.role == "care"
    }
    return list(found.values())


@router.command(
    "relief",
    allow=Authority.MEMBER,
    label=T("Relief"),
    help=T(
        "For age, illness or care: so much less of the work is somebody's. The care role sets it; no reason is kept."
    ),
    sample=("@ana", "50%"),
)
async def relief(
    context: Context, *, who: Person | None = None, part: Percent | None = None, more: Allowance | None = None
) -> Reply:
    """Seen by the one whom it is for and the care role; set by the latter, or by the committee."""
    who = who or context.member
    if part is None:
        return await _relief_of(context, who)
    _may_set(context, who, await _carers(context))
    return await _set(context, who, part, more, by=context.member)


async def _parts(context: Context) -> list[tuple[Text | str, Points]]:
    return [(Text("{part}", values={"part": Points(part)}), Points(part)) for part in (2_500, 5_000, 7_500, 10_000, 0)]


@router.command(
    "relief_for",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Less work for somebody"),
    asks={
        "who": Asks(T("For whom? Choose, or write a name.")),
        "part": Asks(T("How much less work? Choose, or write it, like {example}.", example=Typed("50%")), _parts),
    },
)
async def relief_for(context: Context, *, who: Person, part: Percent) -> Reply:
    """The same by buttons."""
    _may_set(context, who, await _carers(context))
    return await _set(context, who, part, None, by=context.member)


def _may_set(context: Context, who: Member, carers: Sequence[Member]) -> None:
    """Raises Refusal where it is for the care role to do, or for another one who has it."""
    if _cares(context) and who.id != context.member.id:
        return
    others = [one for one in carers if one.id not in (who.id, context.member.id)]
    raise Refusal(
        lines(
            T("Whoever has the care role sets that, for others: {names}.", names=_names(others))
            if others
            else T("Nobody else has the care role just now."),
            T(
                "Tell them in private; no reason is kept. Or the committee decides, in the open: {command}",
                command=Typed("/relief_set", "@ana", "50%"),
            ),
        ),
        private=True,
    )


def _names(members: Sequence[Member]) -> Listed:
    return Listed(tuple(member.name for member in members))


async def _relief_of(context: Context, who: Member) -> Reply:
    if who.id != context.member.id and not _cares(context):
        raise Refusal(T("Only {name} and the care role can see that.", name=who.name), private=True)
    found = await pooling.holding(context.tx, who)
    carers = [one for one in await _carers(context) if one.id != who.id]
    return Reply(
        lines(
            T("{name}: {part} less work.", name=who.name, part=Points(found.relief)),
            T("{time} more a month from the fund.", time=found.extra) if found.extra else None,
            T("Whoever has the care role sets that, for others: {names}.", names=_names(carers)) if carers else None,
        ),
        buttons=((Button(label=T("Less work for somebody"), says=relief_for.says()),),) if _cares(context) else (),
        private=True,
    )


async def _set(context: Context, who: Member, part: Points, more: Minutes | None, *, by: Member | None) -> Reply:
    if who.child:
        raise Refusal(T("Children have no part of the work."), private=True)
    before = await pooling.holding(context.tx, who)
    extra = before.extra if more is None else more
    await pooling.relieve(context.tx, who.id, relief=part, extra=extra)
    body = {"member": who.id, "by": None if by is None else by.id}
    await entries.append(context.tx, context.committee, "relief", body, now=context.now)
    words = lines(
        T("From this month on your part of the work is {part} smaller.", part=part),
        T("You get {time} a month more from the fund, as far as it is there.", time=extra) if extra else None,
    )
    await context.tell(who, words)
    in_group = not context.in_private and not context.pressed
    return Reply(
        lines(
            T("{name}: {part} less work.", name=who.name, part=part),
            T("{time} more a month from the fund.", time=extra) if extra else None,
            T("You wrote it in the group: delete your message there.") if by is not None and in_group else None,
        ),
        private=by is not None,
    )


def _relieved(*, who: Member, part: Points, more: Minutes | None = None) -> Text:
    if more:
        return T(
            "{name}'s part of the work is {part} smaller, with {time} more a month from the fund.",
            name=who.name,
            part=part,
            time=more,
        )
    return T("{name}'s part of the work is {part} smaller.", name=who.name, part=part)


@router.command(
    "relief_set",
    allow=Authority.COMMITTEE,
    help=T("The committee makes somebody's part of the work smaller, in the open."),
    sample=("@ana", "50%"),
    proposal=_relieved,
    asks={"who": Asks(T("For whom? Choose, or write a name."))},
)
async def relief_set(context: Context, *, who: Person, part: Percent, more: Allowance | None = None) -> Reply:
    """Decided by all; also where nobody has the care role."""
    return await _set(context, who, part, more, by=None)


@router.entry("relief")
async def relief_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whose it is, and how much, is told to nobody else."""
    if telling.reader.id not in (body["member"], body["by"]):
        return T("somebody's part of the common work was changed.")
    return T("{name}'s part of the common work was changed.", name=await telling.name(body["member"]))


# --- at a month's end ------------------------------------------------------------------------------------------------


@router.command("share_month", allow=Authority.CLOCK, typed=False, help=T("The fund gives allowances for a month."))
async def share_month(context: Context, *, period: Month) -> None:
    """Once for each month: one transfer, in which nobody gets anything beyond what is there."""
    if not await closings.is_closed(context.tx, context.committee.id, CLOSES, period):
        await _close(context, period)
    await _plan_next(context, period)


async def _close(context: Context, period: str) -> None:
    committee = context.committee
    month = pooling.month(period, committee)
    decided = await schemes.newest(context.tx, committee.id)
    by = None if decided is None else await people.member_now(context.tx, committee.id, decided.member_id)
    if decided is None or by is None:
        return
    there = await _members(context, month)
    fund = await transfers.beside(context.tx, committee, "fund")
    accounts = await pooling.accounts(context.tx, committee.id)
    paid = rule.allowances({id_: one.due.allowance for id_, one in there.items()}, fund.available)
    whole = Minutes(sum(paid.values()))
    legs = [Posting(fund.id, Minutes(-whole)), *(Posting(accounts[id_], time) for id_, time in paid.items() if time)]
    await closings.close(
        context.tx,
        committee,
        CLOSES,
        period,
        # The books look once more: the fund gives nothing that it does not have.
        Transfer(postings=tuple(legs), at=context.now, floors={fund.id: Minutes(0)}) if whole else None,
        recorder=by,
        scheme=decided.scheme.version,
        now=context.now,
    )
    months = [_closed(id_, one, paid[id_]) for id_, one in there.items()]
    await pooling.keep(context.tx, period, months)
    await pooling.closed(context.tx, committee.id, month)
    if months:
        await _plan_telling(context, period, after=0)
        await _tell_carers(context, months)
    if wanted := Minutes(sum(one.due for one in months)):
        await context.announce(_sum(len(months), whole, wanted), routine=True)


def _closed(member_id: int, one: _One, paid: Minutes) -> pooling.Month:
    settled = rule.Settled(leave=one.holding.leave, short=Minutes(0))
    if one.due.quota is not None:
        settled = rule.settle(one.done, one.due.quota, one.holding.leave)
    return pooling.Month(
        member_id=member_id,
        due=one.due.allowance,
        paid=paid,
        done=one.done,
        quota=one.due.quota,
        leave=settled.leave,
        short=settled.short,
    )


async def _plan_next(context: Context, period: str) -> None:
    """The month after it too, as long as the committee pools in some of it."""
    terms = await pooling.terms(context.tx, context.committee.id)
    now = closings.month_of(context.now, context.committee)
    following = closings.month_after(period)
    while True:
        month = pooling.month(following, context.committee)
        if any(rule.shared([one.held], month) for one in terms):
            await closings.plan(context.tx, context.committee, share_month.name, period=following)
            return
        if following >= now:
            break
        following = closings.month_after(following)
    await pooling.over(context.tx, context.committee.id)


async def _plan_telling(context: Context, period: str, *, after: int) -> None:
    await due.plan(
        context.tx,
        f"pooled:{context.committee.id}",
        share_told.says(period=period, after=after) if after else share_told.says(period=period),
        local=context.now.replace(tzinfo=None),
        zone=_UTC,
        committee=context.committee.id,
        late="do",
    )


@router.command("share_told", allow=Authority.CLOCK, typed=False, help=T("Each hears what a month was for them."))
async def share_told(context: Context, *, period: Month, after: Reference | None = None) -> None:
    """Some at a time, each time in a work of its own, so that nobody else need wait."""
    last = (from_us(pooling.month(period, context.committee)[1]) - timedelta(hours=1)).astimezone(
        context.committee.zone
    )
    found = await pooling.months(context.tx, context.committee.id, period, after=after or 0, limit=AT_ONCE)
    for one in found:
        member = await people.member_now(context.tx, context.committee.id, one.member_id)
        if member is not None:
            await context.tell(member, _told(one, last.date()))
    if len(found) == AT_ONCE:
        await _plan_telling(context, period, after=found[-1].member_id)


def _told(one: pooling.Month, last: date) -> Words:
    """In private: what somebody gets, and how much of their part they have done."""
    paid: Text | None = None
    if one.due:
        paid = (
            T("You get {time} from the common fund.", time=one.paid)
            if one.paid == one.due
            else T(
                "You get {time} from the common fund instead of {due}: there was not more. "
                "Everybody gets the same part of theirs.",
                time=one.paid,
                due=one.due,
            )
        )
    return lines(
        T("The month until {day} is closed.", day=last),
        paid,
        T("You have done {done}.", done=one.done)
        if one.quota is None
        else T("You have done {done} of {quota}.", done=one.done, quota=one.quota),
        _leave(one.leave) if one.leave else None,
        T(
            "That is {time} less. Nothing follows from it, and nobody hears that it was you. Is it too much? {relief}",
            time=one.short,
            relief=Typed("/relief"),
        )
        if one.short
        else None,
    )


def _leave(leave: Minutes) -> Text:
    return T("You have {leave} of leave: so much less you can work in a later month.", leave=leave)


async def _tell_carers(context: Context, months: Sequence[pooling.Month]) -> None:
    """How many, and never who."""
    short = sum(one.short > 0 for one in months)
    if not short or len(months) < FEW:
        return
    words = lines(
        N(
            "{n} of those who pool has done less than their part of the month.",
            "{n} of those who pool have done less than their part of the month.",
            short,
        ),
        T("Who it was, I tell nobody. If the work is too much, talk about it with everybody."),
    )
    for carer in await _carers(context):
        await context.tell(carer, words)


def _sum(count: int, whole: Minutes, due: Minutes) -> Text:
    """One line for the group, without figures where they would be one person's."""
    if not whole:
        return T("The common fund is empty, so those who pool get no allowance this month.")
    if count < FEW:
        if whole < due:
            return T("The common fund gave those who pool what it had.")
        return T("The common fund gave those who pool their allowance.")
    if whole < due:
        return T("The common fund gave those who pool {time}, all that it had, instead of {due}.", time=whole, due=due)
    return T("The common fund gave those who pool their allowance: {time} in all.", time=whole)
