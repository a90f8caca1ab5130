"""How hours are counted here: the rule in plain words, trying a change on the past, deciding it, and why it came so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Annotated, Any, cast

from dateutil.relativedelta import relativedelta

from bot.arguments import Amount, Budget, Month, Number, OnOff, Percent, choice
from bot.chat import Button, Card, Reply, Saying
from bot.domain import ledger, policies
from bot.domain.ledger import Posting, Transfer
from bot.domain.policies import Base, Counting, Scheme, changed
from bot.domain.rehearsal import Rehearsed, rehearse
from bot.router import Authority, Context, Router, Telling
from bot.text import Amount as Hundredths
from bot.text import Bold, Day, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from bot.text import Percent as Points
from storage import closings, people, rehearsals, schemes, transfers
from storage.rehearsals import Stretch
from storage.schemes import Decided

router = Router("policy", title=T("How hours are counted"))

BACK = relativedelta(months=3)
"""A change is tried on so many whole months, and on the one that goes on."""
FEW = 5
"""Of fewer people no figure is told by which one could see what somebody has earned."""
_BASES: Mapping[Base, Text] = {
    "equal": T("An hour is an hour, whoever gives it and whatever it is."),
    "effort": T(
        "An hour is an hour. At each month's end hours of hard tasks count for more, and the sum stays the same."
    ),
    "needs": T("An hour is an hour. The common fund gives by need, the most urgent first."),
    "gift": T("Help is a gift: nobody counts hours."),
    "pooled": T("What is earned goes to the common fund, which gives an allowance: for all who have said yes to it."),
}
_NAMES: Mapping[Base, Text] = {
    "equal": T("Equal hours"),
    "effort": T("Effort counts"),
    "needs": T("By need"),
    "gift": T("Gifts"),
    "pooled": T("All in one pot"),
}
_PARTS = ("levy", "melt")
_HOURS = ("budget", "allowance", "quota")
_WEIGHTS = ("pleasant", "unpleasant")
_RATINGS = "ratings"
_TRY = "try"
MELT = "melt"
"""The closing of a month by which hours above the threshold go to the fund."""
_WORDS = (*_BASES, *_PARTS, *_HOURS, *_WEIGHTS, _RATINGS)
What = Annotated[
    str,
    choice(
        *_WORDS,
        expected=T("what is to change: one of {words}", words=Listed(tuple(Typed(word) for word in _WORDS))),
    ),
]
_Try = Annotated[str, choice(_TRY, expected=T("the word {example}", example=Typed(_TRY)))]


# --- in plain words --------------------------------------------------------------------------------------------------


def _rule(scheme: Scheme) -> list[Words | None]:
    """What holds, in plain words."""
    return [
        _BASES[scheme.base],
        _weights(scheme) if scheme.base == "effort" else None,
        T("Peers say of each other how hard it was, if they want to.")
        if scheme.base == "effort" and scheme.ratings
        else None,
        T("Each of them gets {time} a month.", time=scheme.allowance)
        if scheme.base == "pooled" and scheme.allowance
        else None,
        T("Each of them works {time} a month.", time=scheme.quota)
        if scheme.base == "pooled" and scheme.quota
        else None,
        T("The fund needs {time} a month.", time=scheme.budget) if scheme.budget else None,
        T("{part} of what is earned goes to the common fund.", part=Points(scheme.levy)) if scheme.levy else None,
        T(
            "At each month's end {part} of what somebody has above {above} goes to the common fund.",
            above=scheme.above,
            part=Points(scheme.melt),
        )
        if scheme.melt
        else None,
    ]


def _weights(scheme: Scheme) -> Text:
    return T(
        "An hour of an unpleasant task weighs {unpleasant}, of a pleasant one {pleasant}.",
        unpleasant=Hundredths(scheme.unpleasant // 10),
        pleasant=Hundredths(scheme.pleasant // 10),
    )


def _example(scheme: Scheme) -> Text | None:
    if scheme.base == "gift":
        return T("Example: Ana mends your bike. You write {gift}.", gift=Typed("/gift @ana"))
    ana, ben, fund, committee = 1, 2, 3, 4
    pooling = frozenset({ana}) if scheme.base == "pooled" else frozenset[int]()
    by = Counting(scheme=scheme, fund=fund, committee=committee, pooling=pooling)
    legs = ledger.balances(by.legs([Posting(ana, Minutes(120)), Posting(ben, Minutes(-120))]))
    if scheme.base == "pooled":
        return T("Example: Ana helps Ben for {time}. Ben gives {time}, all of it goes to the fund.", time=Minutes(120))
    if fund in legs:
        return T(
            "Example: Ana helps Ben for {time}. Ben gives {time}: Ana gets {earned}, the fund {part}.",
            time=Minutes(120),
            earned=legs[ana],
            part=legs[fund],
        )
    return T("Example: Ana helps Ben for {time}. Ana gets {time}, Ben gives {time}.", time=Minutes(120))


async def _after(
    context: Context,
    what: str,
    percent: Points | None,
    hours: Minutes | None,
    weight: Hundredths | None,
    switch: str,
) -> Scheme:
    """What would hold after a change. Raises Refusal where it cannot be, or holds already."""
    now = await schemes.now(context.tx, context.committee.id)
    scheme = changed(now, **_to(what, percent, hours, weight, switch))
    return await _derived(context, scheme) if what == "budget" else scheme


def _becomes(
    *,
    what: str,
    percent: int | None = None,
    hours: Minutes | None = None,
    weight: int | None = None,
    switch: str = "",
) -> Text:
    """A change as a sentence: what is proposed, and what was decided."""
    match what:
        case "levy":
            if not percent:
                return T("Nothing of what is earned goes to the common fund any more.")
            return T("{part} of what is earned goes to the common fund.", part=Points(percent))
        case "melt":
            if not percent:
                return T("What somebody has above a threshold stays theirs.")
            return T(
                "At each month's end {part} of what somebody has above {above} goes to the common fund.",
                above=Scheme().above if hours is None else hours,
                part=Points(percent),
            )
        case "budget":
            if not hours:
                return T("The part for the common fund does not follow from a budget any more.")
            return T("The common fund gets {time} a month: each month's part of what is earned follows.", time=hours)
        case "allowance":
            return T("Whoever pools gets {time} a month from the common fund.", time=hours or Minutes(0))
        case "quota":
            return T("Whoever pools works {time} a month.", time=hours or Minutes(0))
        case "pleasant":
            return T("An hour of a pleasant task weighs {weight}.", weight=Hundredths(weight or 0))
        case "unpleasant":
            return T("An hour of an unpleasant task weighs {weight}.", weight=Hundredths(weight or 0))
        case "ratings":
            if switch == "on":
                return T("Peers may say of each other how hard a task was, if both want to.")
            return T("How hard a task was is not asked of peers any more.")
        case _:
            return _BASES[cast("Base", what)]


def _to(
    what: str,
    percent: Points | None = None,
    hours: Minutes | None = None,
    weight: Hundredths | None = None,
    switch: str = "",
) -> dict[str, Any]:
    """The parameters that a change sets. Raises Refusal where its value is missing, or is not of its kind."""
    given = {"percent": percent, "hours": hours, "weight": weight, "switch": switch or None}
    to: dict[str, Any]
    match what:
        case "levy":
            wanted, example, to = {"percent"}, "8%", {"levy": percent, "budget": Minutes(0)}
        case "melt":
            wanted, example, to = {"percent"}, "2% 40h", {"melt": percent}
            if hours is not None:
                to, wanted = to | {"above": hours}, {"percent", "hours"}
        case "budget":
            wanted, example, to = {"hours"}, "20h", {"budget": hours, **({} if hours else {"levy": 0})}
        case "allowance" | "quota":
            wanted, example, to = {"hours"}, "10h", {what: hours}
        case "pleasant" | "unpleasant":
            example = "0.80" if what == "pleasant" else "1.30"
            wanted, to = {"weight"}, {what: None if weight is None else weight * 10}
        case "ratings":
            wanted, example, to = {"switch"}, "on", {"ratings": switch == "on"}
        case _:
            wanted, example, to = set(), "", {"base": what}
    if {name for name, value in given.items() if value is not None} != wanted:
        raise Refusal(
            T("Write it like this: {example}", example=Typed("/policy", what, *([example] if example else [])))
        )
    return to


# --- showing, trying, proposing --------------------------------------------------------------------------------------


@router.command(
    "policy",
    allow=Authority.MEMBER,
    label=T("How hours are counted"),
    help=T("How hours are counted here, with an example; try a change on the last months, and propose it."),
    sample=(_TRY, "levy", "8%"),
)
async def policy(
    context: Context,
    *,
    mode: _Try = "",
    what: What = "",
    percent: Percent | None = None,
    weight: Amount | None = None,
    hours: Budget | None = None,
    switch: OnOff = "",
) -> Reply | Card | None:
    """The rule; or a change, tried or proposed."""
    if not what:
        if mode or percent is not None or hours is not None or weight is not None or switch:
            raise Refusal(
                T(
                    "What is to change? Write it like this: {trying} or {proposing}",
                    trying=Typed("/policy", "try", "levy", "8%"),
                    proposing=Typed("/policy", "levy", "8%"),
                )
            )
        return await _shown(context)
    scheme = await _after(context, what, percent, hours, weight, switch)
    given = {
        name: value
        for name, value in (("percent", percent), ("hours", hours), ("weight", weight), ("switch", switch or None))
        if value is not None
    }
    change = policy_change.says(what=what, **given)
    if not mode:
        return await context.say(change, authority=context.authority)
    return await _tried(context, change, scheme)


async def _shown(context: Context) -> Reply:
    decided = await schemes.newest(context.tx, context.committee.id)
    scheme = Scheme() if decided is None else decided.scheme
    return Reply(
        lines(
            *_rule(scheme),
            _example(scheme),
            await _when(context, decided),
            T("To try a change on the last months, before anybody decides: {example}", example=policy.example),
        ),
        buttons=((Button(label=T("What can be changed"), says=policy_choices.says()),),),
    )


async def _when(context: Context, decided: Decided | None) -> Text:
    if decided is None:
        return T("That is so from the beginning: nobody has decided anything else.")
    return T(
        "Decided on {day} (version {version}; {log}).",
        day=Day(decided.at),
        version=decided.scheme.version,
        log=Typed("/log", str(decided.entry)),
    )


@router.command("policy_choices", allow=Authority.MEMBER, typed=False, in_place=True, help=T("What can be changed."))
async def policy_choices(context: Context, *, what: What = "") -> Reply:
    """Each thing that a committee can choose about counting; or the usual values of one, to be tried."""
    if what:
        offers = [(label, policy.says(mode=_TRY, what=what, **value)) for label, value in _offers(what)]
        rows = [tuple(Button(label=label, says=says) for label, says in offers[n : n + 2]) for n in range(0, 4, 2)]
        back = Button(label=T("Back"), says=policy_choices.says())
        return Reply(
            T("I try it on the last months first. Another value is written: {example}", example=_written(what)),
            buttons=(*(row for row in rows if row), (back,)),
        )
    scheme = await schemes.now(context.tx, context.committee.id)
    bases = [
        Button(label=name, says=policy.says(mode=_TRY, what=base))
        for base, name in _NAMES.items()
        if base != scheme.base
    ]
    knobs = [Button(label=label, says=policy_choices.says(what=what)) for what, label in _knobs(scheme)]
    buttons = [*bases, *knobs]
    return Reply(
        T("What shall I try? Nothing is changed by it."),
        buttons=tuple(tuple(buttons[n : n + 2]) for n in range(0, len(buttons), 2)),
    )


def _knobs(scheme: Scheme) -> list[tuple[str, Text]]:
    found = [("levy", T("Part for the fund")), ("budget", T("Budget of the fund")), ("melt", T("Above a threshold"))]
    if scheme.base == "effort":
        found += [("unpleasant", T("Unpleasant tasks")), ("pleasant", T("Pleasant tasks")), ("ratings", T("Ratings"))]
    if scheme.base == "pooled":
        found += [("allowance", T("Allowance")), ("quota", T("Quota"))]
    return found


def _offers(what: str) -> list[tuple[Text | str, dict[str, Any]]]:
    def shown(value: Points | Minutes | Hundredths) -> Text:
        return Text("{value}", values={"value": value})

    match what:
        case "levy" | "melt":
            usual = (200, 500, 800, 0) if what == "levy" else (100, 200, 500, 0)
            return [(shown(Points(part)), {"percent": Points(part)}) for part in usual]
        case "pleasant" | "unpleasant":
            weights = (70, 80, 90, 100) if what == "pleasant" else (120, 130, 150, 200)
            return [(shown(Hundredths(weight)), {"weight": Hundredths(weight)}) for weight in weights]
        case "ratings":
            return [(T("On"), {"switch": "on"}), (T("Off"), {"switch": "off"})]
        case _:
            return [(shown(Minutes(60 * hours)), {"hours": Minutes(60 * hours)}) for hours in (5, 10, 20, 40)]


def _written(what: str) -> Typed:
    example = {"levy": "7%", "melt": "2% 40h", "pleasant": "0.85", "unpleasant": "1.25", "ratings": "on"}
    return Typed("/policy", "try", what, example.get(what, "15h"))


# --- on a scratch ledger ---------------------------------------------------------------------------------------------


async def _rehearsed(context: Context, scheme: Scheme) -> tuple[Stretch, Rehearsed, Counting, datetime]:
    """The last months counted again. Raises Refusal where there is nothing in them."""
    first = _beginning(context)
    stretch = await rehearsals.since(context.tx, context.committee, first, now=context.now)
    if not stretch.exchanges:
        raise Refusal(
            T(
                "Since {day} nobody has thanked anybody with hours, so there is nothing to try it on. "
                "You can propose it all the same: write it without {word}.",
                day=Day(first),
                word=Typed(_TRY),
            )
        )
    by = await schemes.counting_by(context.tx, context.committee, scheme)
    return stretch, rehearse(stretch.opening, stretch.past, by), by, first


def _beginning(context: Context) -> datetime:
    today = context.now.astimezone(context.committee.zone).date()
    return datetime.combine(today.replace(day=1) - BACK, time(), tzinfo=context.committee.zone)


async def _tried(context: Context, change: Saying, scheme: Scheme) -> Reply:
    """What it would have made of the last months: for a group figures of all, never of anybody."""
    _, arguments = await context.commands.load(change, context.tx, context.committee)
    stretch, found, by, first = await _rehearsed(context, scheme)
    differences = stretch.differences(found.balances)
    less, more = (sum(one < 0 for one in differences.values()), sum(one > 0 for one in differences.values()))
    private = context.place is not None and context.place.private
    propose = Button(label=T("Propose it"), says=change)
    mine = Button(label=T("What about me?"), says=policy_mine.says(**arguments))
    return Reply(
        lines(
            T("Tried, not decided: {what}", what=_becomes(**arguments)),
            N(
                "On the {n} exchange since {day} ({time}):",
                "On the {n} exchanges since {day} ({time}):",
                stretch.exchanges,
                day=Day(first),
                time=stretch.earned,
            ),
            *_difference(found, stretch, by),
            N("{n} member would have less.", "{n} members would have less.", less) if less else None,
            N("{n} member would have more.", "{n} members would have more.", more) if more else None,
            T("Everybody would have what they have now.") if not less and not more else None,
            T("On average that is {time} for each of them.", time=_average(differences)) if less >= FEW else None,
            _own(differences, found, await _account(context)) if private else None,
        ),
        buttons=((propose,) if private else (propose, mine),),
    )


def _average(differences: Mapping[int, int]) -> Minutes:
    lost = [-one for one in differences.values() if one < 0]
    return Minutes(round(sum(lost) / len(lost)))


def _difference(found: Rehearsed, stretch: Stretch, by: Counting) -> list[Words | None]:
    fund = Minutes(found.balances.get(by.fund, 0) - stretch.standing.get(by.fund, 0))
    return [
        T("The fund would have {time} more.", time=fund) if fund > 0 else None,
        T("The fund would have {time} less.", time=Minutes(-fund)) if fund < 0 else None,
        T("Of that, {time} from what stands above the threshold.", time=found.melted)
        if found.melted and found.levied
        else None,
    ]


async def _account(context: Context) -> int | None:
    if context.member.child:
        return None
    return (await transfers.account(context.tx, context.committee, context.member)).id


def _own(differences: Mapping[int, int], found: Rehearsed, account: int | None) -> Text | None:
    if account is None or account not in differences:
        return None
    now = Minutes(found.balances[account] - differences[account])
    if not differences[account]:
        return T("You would have what you have now: {now}.", now=now)
    return T("You would have {then} instead of {now}.", then=found.balances[account], now=now)


@router.command(
    "policy_mine", allow=Authority.MEMBER, typed=False, help=T("What a change would have made of one's own.")
)
async def policy_mine(
    context: Context,
    *,
    what: What,
    percent: Percent | None = None,
    weight: Amount | None = None,
    hours: Budget | None = None,
    switch: OnOff = "",
) -> Reply:
    """Only whoever asks sees it."""
    scheme = await _after(context, what, percent, hours, weight, switch)
    stretch, found, _, _ = await _rehearsed(context, scheme)
    own = _own(stretch.differences(found.balances), found, await _account(context))
    return Reply(own or T("You have no hours here."), private=True)


# --- deciding --------------------------------------------------------------------------------------------------------


@router.command(
    "policy_change",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("How hours are counted from now on."),
    proposal=_becomes,
)
async def policy_change(
    context: Context,
    *,
    what: What,
    percent: Percent | None = None,
    weight: Amount | None = None,
    hours: Budget | None = None,
    switch: OnOff = "",
) -> Reply:
    """From now on; what was recorded stays as it was counted, and what waits for a yes as it was asked."""
    committee = context.committee
    scheme = await _after(context, what, percent, hours, weight, switch)
    scheme = await schemes.decide(context.tx, committee, scheme, context.member, now=context.now)
    for command, wanted in (
        (melt_month.name, scheme.melt),
        (levy_month.name, scheme.budget),
        ("weigh_month", scheme.base == "effort"),
        ("share_month", scheme.base == "pooled"),
    ):
        if wanted:
            month = closings.month_of(context.now, committee)
            await closings.plan(context.tx, committee, command, period=month)
    words = lines(
        T("From now on: {what}", what=_becomes(what=what, percent=percent, hours=hours, weight=weight, switch=switch)),
        T("This month that is {part} of what is earned.", part=Points(scheme.levy))
        if what == "budget" and hours
        else None,
        T("Whoever wants to be in it says so for themselves: {command}", command=Typed("/pooling", "on"))
        if what == "pooled"
        else None,
        T("Whoever wants to take part says so for themselves: {command}", command=Typed("/rating", "on"))
        if what == "ratings" and switch == "on"
        else None,
        T("What was recorded before stays as it is. {policy} shows the whole rule.", policy=Typed("/policy")),
    )
    await context.announce(words, but=context.place)
    return Reply(words)


async def _derived(context: Context, scheme: Scheme) -> Scheme:
    """With the levy that follows from the budget and from what was earned in the last months, on average."""
    if not scheme.budget:
        return scheme
    first = _beginning(context)
    stretch = await rehearsals.since(context.tx, context.committee, first, now=context.now)
    days = max((context.now - first).days, 1)
    return replace(scheme, levy=policies.rate_for(scheme.budget, Minutes(stretch.earned * 30 // days)))


@router.entry("rule", "scheme", about="rules")
async def scheme_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Which version of the rule began."""
    decided = await schemes.decided(telling.tx, telling.committee.id, body["scheme"]["version"])
    assert decided is not None
    rule = [words for words in _rule(decided.scheme) if isinstance(words, Text)]
    return T("how hours are counted, version {version}: {rule}", version=decided.scheme.version, rule=_row(rule))


def _row(sentences: Sequence[Text]) -> Text:
    places = " ".join(f"{{part{n}}}" for n in range(len(sentences)))
    return Text(places, values={f"part{n}": sentence for n, sentence in enumerate(sentences)})


# --- at a month's end ------------------------------------------------------------------------------------------------


@router.command("levy_month", allow=Authority.CLOCK, typed=False, help=T("The part for the fund follows the budget."))
async def levy_month(context: Context, *, period: Month) -> None:
    """A new month has a part of its own, as a version of its own."""
    decided = await schemes.newest(context.tx, context.committee.id)
    by = None if decided is None else await people.member_now(context.tx, context.committee.id, decided.member_id)
    if decided is None or by is None or not decided.scheme.budget:
        return
    await closings.plan(context.tx, context.committee, "levy_month", period=closings.month_after(period))
    if await closings.is_closed(context.tx, context.committee.id, "levy", period):
        return
    version = decided.scheme.version
    await closings.close(
        context.tx, context.committee, "levy", period, None, recorder=by, scheme=version, now=context.now
    )
    scheme = await _derived(context, decided.scheme)
    if scheme == decided.scheme:
        return
    await schemes.decide(context.tx, context.committee, scheme, by, now=context.now)
    await context.announce(
        T(
            "So that the common fund gets {time} this month, {part} of what is earned goes to it.",
            time=scheme.budget,
            part=Points(scheme.levy),
        ),
        routine=True,
    )


@router.command(
    "melt_month",
    allow=Authority.CLOCK,
    typed=False,
    help=T("Of what stands above the threshold, a part goes to the fund."),
)
async def melt_month(context: Context, *, period: Month) -> None:
    """Once for each month, whatever happens; what somebody has promised does not count."""
    committee = context.committee
    decided = await schemes.newest(context.tx, committee.id)
    by = None if decided is None else await people.member_now(context.tx, committee.id, decided.member_id)
    if decided is None or by is None or not decided.scheme.melt:
        return
    scheme = decided.scheme
    await closings.plan(context.tx, committee, "melt_month", period=closings.month_after(period))
    fund = await transfers.beside(context.tx, committee, "fund")
    idle = await transfers.above(context.tx, committee, scheme.above)
    legs = policies.melted(idle, fund=fund.id, above=scheme.above, rate=scheme.melt)
    number = await closings.close(
        context.tx,
        committee,
        MELT,
        period,
        Transfer(postings=legs, at=context.now),
        recorder=by,
        scheme=scheme.version,
        now=context.now,
    )
    if number is None:
        return
    whole = Minutes(sum(leg.minutes for leg in legs if leg.account_id == fund.id))
    await context.announce(
        T(
            "{time} of what stood above {above} went to the common fund. How much of it was yours: {why}",
            time=whole,
            above=scheme.above,
            why=Typed("/why", str(number)),
        ),
        routine=True,
    )


# --- why it came so --------------------------------------------------------------------------------------------------

_FORMULAS: Mapping[Base, Text] = {
    "equal": T("whoever helped gains the time, whoever was helped gives it"),
    "effort": T(
        "whoever helped gains the time, whoever was helped gives it; hard tasks count for more at the month's end"
    ),
    "needs": T("whoever helped gains the time, whoever was helped gives it; the fund gives by need"),
    "pooled": T("what those gain who pool is the fund's; whoever was helped gives the time"),
}
_MONTHLY = T("what was agreed for each month")
_CLOSED: Mapping[str, Text] = {
    MELT: T("a part of what stood above the threshold, less what was promised, went to the fund"),
    "effort": T("all hours worked were shared out again by how hard they were"),
    "pool": T("the fund gave everybody who pools an allowance"),
    "contribution": T("somebody gave the common fund hours of their own"),
    "contributions": T("who had agreed to it gave the common fund hours for a month"),
    "share_needs": T("the fund gave by need, the most urgent first, and equally to equals"),
    "share_fund": T("the fund gave by need, the most urgent first, and equally to equals"),
    "urgent": T("the fund gave urgent help at once"),
    "payout": T("the committee decided on a payout, in equal parts where there was too little"),
}


@router.command(
    "why",
    allow=Authority.MEMBER,
    label=T("Why so many hours?"),
    help=T("By which rule an entry was counted: the formula, the decision and the numbers."),
    sample=("12",),
    repeatable=True,
)
async def why(context: Context, *, number: Number | None = None) -> Reply:
    """To those whose hours they are; what was done for all, to everybody, with their own part."""
    id_ = await _asked(context, number)
    exchange = await transfers.written(context.tx, context.committee, id_)
    body = exchange.body
    scheme = Scheme()
    decided = await schemes.decided(context.tx, context.committee.id, body.get("scheme", 0))
    if decided is not None:
        scheme = decided.scheme
    account = await _account(context)
    told: list[Words | None] = [T("{title}", title=Bold(T("No. {number}", number=exchange.number)))]
    if "unit" in body:
        told.append(T("No rule counts here: it moved as it was written."))
        if "closes" not in body:
            told += await _numbers(context, body)
    elif "closes" in body:
        what, _ = body["closes"]
        own = Minutes(sum(minutes for id_, minutes in body["postings"] if id_ == account))
        told += [
            T(
                "{day}: {what}.",
                day=Day(exchange.at),
                what=_CLOSED.get(what, _MONTHLY),
            ),
            T("Above {above}, {part} of it.", above=scheme.above, part=Points(scheme.melt)) if what == MELT else None,
            _weights(scheme) if what == "effort" else None,
            T("Your part: {time}.", time=own) if own else T("Nothing of it was yours."),
        ]
    elif "policy" not in body or "reverses" in body:
        told.append(
            T("It takes back no. {number}: everybody has what they had before.", number=exchange.undoes)
            if exchange.undoes is not None
            else T("No rule counts here: the time moved as it was written.")
        )
    else:
        name, version = body["policy"]
        told += [
            T(
                "{name}, version {version}: {formula}.",
                name=_NAMES[name],
                version=version,
                formula=_FORMULAS[name],
            ),
            T("{part} of what is earned goes to the fund, rounded down.", part=Points(scheme.levy))
            if scheme.levy
            else None,
            *await _numbers(context, body),
        ]
    if decided is not None or "closes" not in body:
        told.append(await _when(context, decided))
    return Reply(lines(*told), private=True)


async def _numbers(context: Context, body: Mapping[str, Any]) -> list[Words]:
    """Each account's part and, where it is another, what the plain hours were."""
    plain = dict(body.get("plain", body["postings"]))
    there = dict(body["postings"])
    # What somebody earned who pools stands on no account of theirs.
    parts = await transfers.parts_of(context.tx, {**dict.fromkeys(plain, 0), **there}.items())
    return [
        T(
            "{name}: {time}, by the clock {plain}",
            name=transfers.called(part.name),
            time=part.minutes,
            plain=Minutes(plain.get(part.account_id, part.minutes)),
        )
        if plain.get(part.account_id, part.minutes) != part.minutes
        else T("{name}: {time}", name=transfers.called(part.name), time=transfers.quantity(part.minutes, part.unit))
        for part in parts
    ]


async def _asked(context: Context, number: int | None) -> int:
    if number is None:
        newest = await transfers.recent(context.tx, context.member)
        if not newest:
            raise Refusal(T("You have no exchange yet. With a number: {example}", example=Typed("/why", "12")))
        return newest[0].id
    id_ = await transfers.id_of_number(context.tx, context.committee, number)
    if id_ is None:
        raise Refusal(
            T("There is no entry {number} here. {history} shows the numbers.", number=number, history=Typed("/history"))
        )
    recorded = await transfers.recorded(context.tx, context.committee, id_)
    assert recorded is not None
    if recorded.recorder_id in (None, context.member.id):
        return id_
    if context.member.id not in await transfers.parties(context.tx, id_):
        raise Refusal(
            T(
                "No. {number} is between others. By which rule hours are counted here: {policy}",
                number=number,
                policy=Typed("/policy"),
            )
        )
    return id_
