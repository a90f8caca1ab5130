"""Mutual insurance as the bread funds have it: everybody saves for themselves, and gives when another cannot work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any

from dateutil.relativedelta import relativedelta

from bot.arguments import Duration, Month, Number, OnOff, Percent, choice
from bot.chat import Button, Reply
from bot.domain import insurance as rule
from bot.domain import ledger
from bot.domain.insurance import Standing, Terms
from bot.domain.ledger import Posting
from bot.domain.policies import Bounds
from bot.router import Asks, Authority, Context, Router, Telling, Todo, Where
from bot.text import Listed, Minutes, N, Refusal, T, Text, Typed, Value, Words, duration, lines
from bot.text import Percent as Points
from storage import closings, entries, insurance, people, switches, transfers
from storage.digests import Since
from storage.insurance import Illness, Taking
from storage.people import Member

_TITLE = T("Mutual insurance")
router = Router("insurance", title=_TITLE)

COVER_LOW = 3
"""With reserves for fewer months than this the committee hears of it in its digest."""
_TURN_ON = Typed("/money insurance on")
_INSURE = Typed("/insure 10h")
_WELL = Typed("/well")
_CARE = Typed("/care")
_Named = Annotated[
    str, choice("named", expected=T("the word {example}", example=Typed("named")), labels={"named": T("Yes, my name")})
]
_MONTHS = Annotated[
    str,
    choice(
        "cap",
        "wait",
        "longest",
        expected=T("the word cap, wait or longest, like {example}", example=Typed("wait")),
        labels={"cap": T("Full reserve"), "wait": T("Waiting time"), "longest": T("Longest help")},
    ),
]


def _today(context: Context) -> date:
    return context.now.astimezone(context.committee.zone).date()


async def _must_be_on(context: Context) -> None:
    if not await switches.is_on(context.tx, context.committee.id, "insurance"):
        raise Refusal(_off_words())


def _off_words() -> Text:
    return T(
        "The mutual insurance is off here. The committee can turn it on, and reads first what the law may ask: "
        "{turn_on}",
        turn_on=_TURN_ON,
    )


def _level_now(taking: Taking, agreed: Terms, today: date) -> Minutes:
    """A level that was raised counts when the waiting time is over: nobody raises it because they fall ill."""
    waits = taking.raised is not None and today < taking.raised + relativedelta(months=agreed.wait_months)
    return taking.before if waits else taking.level


def _waits_until(context: Context, taking: Taking, agreed: Terms) -> date:
    since = taking.since.astimezone(context.committee.zone).date()
    return since + relativedelta(months=agreed.wait_months)


async def _open_illness(context: Context, member: Member) -> Illness | None:
    last = await insurance.last_illness(context.tx, member.id)
    return last if last is not None and last.spell.ended is None else None


# --- how it stands -------------------------------------------------------------------------------------------------


@router.command(
    "insurance",
    allow=Authority.MEMBER,
    label=_TITLE,
    help=T("The mutual insurance for when somebody cannot work: how it stands, and where you stand."),
    repeatable=True,
)
async def insurance_(context: Context) -> Reply:
    """For everybody the group as a whole; what is one's own in private, and so all of it."""
    taking = await insurance.all_of(context.tx, context.committee.id)
    own = next((one for one in taking if one.member_id == context.member.id), None)
    if not await switches.is_on(context.tx, context.committee.id, "insurance"):
        return Reply(
            lines(
                _off_words(),
                T("What is in your reserve, {reserve}, comes back to you when the month ends.", reserve=own.reserve)
                if own is not None
                else None,
            ),
            private=True,
        )
    agreed = await insurance.terms(context.tx, context.committee.id)
    told: list[Words | None] = [
        T("When somebody cannot work, the others give them hours of help from what they have saved."),
        *await _group_words(context, taking, agreed),
    ]
    buttons: tuple[tuple[Button, ...], ...] = ()
    if own is None:
        told.append(
            T("You do not take part. Your level is the help that you would get a month: {insure}", insure=_INSURE)
        )
    else:
        told += await _own_words(context, own, agreed)
        if await _open_illness(context, context.member) is not None:
            buttons = (_well_button(context.member),)
    return Reply(lines(*told), buttons=buttons, private=True)


async def _group_words(context: Context, taking: Sequence[Taking], agreed: Terms) -> list[Words | None]:
    there = Minutes(sum(one.reserve for one in taking))
    helped = await _helped_now(context, taking)
    cover = rule.months_of_cover([one.insured for one in taking], helped)
    return [
        N(
            "{n} person takes part. In all reserves: {time}.",
            "{n} people take part. In all reserves: {time}.",
            len(taking),
            time=there,
        ),
        _size_words(len(taking), agreed),
        T("Nobody is being helped now.")
        if not helped
        else N("{n} person is being helped now.", "{n} people are being helped now.", len(helped)),
        _cover_words(cover) if cover is not None else None,
        T(
            "Each month {part} of the level goes into a reserve of one's own, until it holds what {months} months "
            "bring. After {wait} there is help, for at most {longest}.",
            part=Points(agreed.rate),
            months=agreed.cap_months,
            wait=_months(agreed.wait_months),
            longest=_months(agreed.longest_months),
        ),
    ]


def _months(n: int) -> Text:
    return N("{n} month", "{n} months", n)


def _cover_words(cover: int) -> Text:
    return N("The reserves last for {n} more month.", "The reserves last for {n} more months.", cover)


def _size_words(n: int, agreed: Terms) -> Text | None:
    if n > agreed.group_max:
        return T(
            "That is more than {most}: people who do not know each other trust each other less. A second group, in a "
            "committee of its own, is better.",
            most=agreed.group_max,
        )
    if n < rule.GROUP_MIN:
        return T("With fewer than {n} people the reserves are soon empty: tell others of it.", n=rule.GROUP_MIN)
    return None


async def _helped_now(context: Context, taking: Sequence[Taking]) -> list[int]:
    """Who gets help for this day, by id."""
    today = _today(context)
    there = {one.member_id for one in taking}
    return [
        one.member_id
        for one in await insurance.illnesses(context.tx, context.committee.id, since=today)
        if one.member_id in there and one.spell.helped_from <= today < one.spell.helped_until
    ]


async def _own_words(context: Context, own: Taking, agreed: Terms) -> list[Words | None]:
    monthly = rule.contribution(own.level, agreed)
    illness = await _open_illness(context, context.member)
    gave = await insurance.given_by(context.tx, own.member_id)
    counts = own.raised + relativedelta(months=agreed.wait_months) if own.raised is not None else None
    return [
        T(
            "Your level: {level} a month. In your reserve: {reserve} of {cap}.",
            level=own.level,
            reserve=own.reserve,
            cap=Minutes(monthly * agreed.cap_months),
        ),
        T("Until {day} your level of before counts: {level}.", day=counts, level=own.before)
        if counts is not None and _today(context) < counts
        else None,
        T("When this month ends, {time} go into it.", time=Minutes(monthly)) if not own.leaves else None,
        T("Last you gave {time} to members who could not work.", time=gave[1]) if gave is not None else None,
        _rests_words() if own.missed >= rule.MISSED_MAX else None,
        _ill_words(illness) if illness is not None else None,
        T("You leave when the month ends. To stay: {insure}", insure=Typed("/insure", _typed(own.level)))
        if own.leaves
        else None,
    ]


def _typed(minutes: Minutes) -> str:
    return duration(minutes).replace(" ", "")


def _rests_words() -> Text:
    return T(
        "Your insurance rests: {n} months running nothing could go into your reserve. What begins now is not covered, "
        "until it works again at a month's end.",
        n=rule.MISSED_MAX,
    )


def _ill_words(illness: Illness) -> Words:
    spell = illness.spell
    return lines(
        T("Noted: you cannot work since {day}.", day=spell.began),
        T(
            "You get {level} a month for the time from {first} on, until {last} at the latest.",
            level=illness.level,
            first=spell.helped_from,
            last=spell.helped_until,
        ),
    )


# --- taking part ---------------------------------------------------------------------------------------------------


def _taking_words(context: Context, level: Minutes, agreed: Terms, waits_until: date | None) -> list[Words | None]:
    monthly = rule.contribution(level, agreed)
    return [
        T(
            "At each month's end {monthly} go from your hours into a reserve of your own, until it holds {cap}.",
            monthly=Minutes(monthly),
            cap=Minutes(monthly * agreed.cap_months),
        ),
        T(
            "If you cannot work, tell me in private: {ill}. After {wait} you get up to {level} a month, for at most "
            "{longest}. Nobody asks for a certificate.",
            ill=Typed("/ill"),
            wait=_months(agreed.wait_months),
            level=level,
            longest=_months(agreed.longest_months),
        ),
        T("When others cannot work, all give from their reserves, you too; never more than is in it."),
        T(
            "It is for what begins later, not for an illness that is there already. What begins before {day} waits "
            "from that day on.",
            day=waits_until,
        )
        if waits_until is not None
        else None,
        T("You leave whenever you like, and your reserve is yours: {leave}", leave=Typed("/uninsure")),
    ]


async def _insuring(context: Context, *, level: Minutes) -> Words:
    agreed, own = await _may_insure(context, level)
    waits = _today(context) + relativedelta(months=agreed.wait_months) if own is None else None
    return lines(
        T("You take part with {level} a month.", level=level),
        *_taking_words(context, level, agreed, waits),
        T("Is that right?"),
    )


async def _may_insure(context: Context, level: Minutes) -> tuple[Terms, Taking | None]:
    await _must_be_on(context)
    agreed = await insurance.terms(context.tx, context.committee.id)
    if not rule.LEVEL.low <= level <= agreed.level_max:
        raise Refusal(
            T(
                "The level is the help that you would get a month: from {low} to {high}. Write it like this: {insure}",
                low=Minutes(rule.LEVEL.low),
                high=Minutes(agreed.level_max),
                insure=_INSURE,
            ),
            private=True,
        )
    own = await insurance.of(context.tx, context.member.id)
    if own is not None and own.level == level and not own.leaves:
        raise Refusal(T("You take part with {level} a month already.", level=level), private=True)
    if own is not None and own.level != level and await _open_illness(context, context.member) is not None:
        raise Refusal(
            T("While you cannot work your level stays as it is: {level} a month.", level=own.level), private=True
        )
    return agreed, own


async def _levels(context: Context) -> list[tuple[Text | str, Minutes]]:
    agreed = await insurance.terms(context.tx, context.committee.id)
    return [(duration(hours * 60), Minutes(hours * 60)) for hours in (5, 10, 20, 40) if hours * 60 <= agreed.level_max]


@router.command(
    "insure",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    label=T("Take part in the insurance"),
    help=T("Take part in the mutual insurance, with the help that you would get a month."),
    sample=("10h",),
    asks={
        "level": Asks(T("How much help a month would you need if you could not work? Choose, or write it."), _levels)
    },
    confirm=_insuring,
)
async def insure(context: Context, *, level: Duration) -> Reply:
    """Each says it for themselves."""
    agreed, own = await _may_insure(context, level)
    today = _today(context)
    before, raised = level, None
    if own is not None and level > (counts := _level_now(own, agreed, today)):
        before, raised = counts, today if level != own.level or own.raised is None else own.raised
    await insurance.take_part(context.tx, context.member, level, before=before, raised=raised, now=context.now)
    period = closings.month_of(context.now, context.committee)
    await closings.plan(context.tx, context.committee, insure_month.name, period=period)
    taking = await insurance.all_of(context.tx, context.committee.id)
    return Reply(
        lines(
            T("You take part in the mutual insurance, with {level} a month.", level=level),
            *_taking_words(
                context, level, agreed, today + relativedelta(months=agreed.wait_months) if own is None else None
            ),
            T(
                "For what begins before {day} your level of before counts: {level}.",
                day=raised + relativedelta(months=agreed.wait_months),
                level=before,
            )
            if raised is not None
            else None,
            _size_words(len(taking), agreed) if len(taking) > agreed.group_max else None,
        ),
        private=True,
    )


async def _must_take_part(context: Context) -> Taking:
    own = await insurance.of(context.tx, context.member.id)
    if own is None:
        raise Refusal(T("You do not take part in the mutual insurance. {insurance} tells of it.", insurance=_SHOW))
    return own


_SHOW = Typed("/insurance")


def _leaving_words(context: Context, own: Taking) -> list[Words | None]:
    return [
        T(
            "When the month ends, on {day}, what is then in your reserve comes back to you. Now it is {reserve}.",
            day=closings.next_first(context.now, context.committee),
            reserve=own.reserve,
        ),
        T("Until then you give like all others if somebody cannot work. After that there is no help for you either."),
    ]


async def _uninsuring(context: Context) -> Words:
    own = await _must_take_part(context)
    return lines(T("You leave the mutual insurance."), *_leaving_words(context, own), T("Is that right?"))


@router.command(
    "uninsure",
    allow=Authority.MEMBER,
    within="insurance",
    where=Where.PRIVATE,
    label=T("Leave the insurance"),
    help=T("Leave the mutual insurance when the month ends; your reserve comes back to you."),
    confirm=_uninsuring,
)
async def uninsure(context: Context) -> Reply:
    """What is owed for this month is given first; the rest was theirs all the time."""
    own = await _must_take_part(context)
    if own.leaves:
        raise Refusal(
            T(
                "You leave when the month ends already, on {day}.",
                day=closings.next_first(context.now, context.committee),
            ),
            private=True,
        )
    await insurance.leaves(context.tx, own.member_id)
    return Reply(
        lines(
            T("You leave the mutual insurance."),
            *_leaving_words(context, own),
            T("Would you rather stay? {insure}", insure=Typed("/insure", _typed(own.level))),
        ),
        private=True,
    )


# --- when somebody cannot work ---------------------------------------------------------------------------------------


def _well_button(member: Member) -> tuple[Button, ...]:
    return (Button(label=T("I can work again"), says=well.says(), only=member.id),)


async def _spell_for(context: Context) -> tuple[rule.Spell, Illness | None, Minutes]:
    """What begins if somebody says now that they cannot work, which case it goes on with, and their level in it."""
    own = await insurance.of(context.tx, context.member.id)
    if own is None:
        raise Refusal(
            T(
                "You do not take part in the mutual insurance, or not any more, so it cannot help you. You can ask the "
                "people of the care role: {care}. To take part from now on: {insure}",
                care=_CARE,
                insure=_INSURE,
            ),
            private=True,
        )
    last = await insurance.last_illness(context.tx, context.member.id)
    if last is not None and last.spell.ended is None:
        raise Refusal(
            lines(_ill_words(last), T("When you can work again: {well}", well=_WELL)),
            private=True,
        )
    await _must_be_on(context)
    agreed, today = await insurance.terms(context.tx, context.committee.id), _today(context)
    spell = rule.again(
        last.spell if last is not None else None,
        today,
        waits_until=_waits_until(context, own, agreed),
        terms=agreed,
    )
    goes_on = last if spell.before > 0 else None
    if goes_on is None and own.missed >= rule.MISSED_MAX:
        raise Refusal(
            lines(_rests_words(), T("You can ask the people of the care role: {care}", care=_CARE)), private=True
        )
    if today >= spell.helped_until:
        raise Refusal(
            T(
                "For this you have had help for the whole time that was agreed. A new case can begin {n} days after "
                "you could work again. You can ask the people of the care role: {care}",
                n=rule.AGAIN_DAYS,
                care=_CARE,
            ),
            private=True,
        )
    if own.leaves and spell.helped_from >= closings.next_first(context.now, context.committee):
        raise Refusal(
            T(
                "You leave when the month ends, and before that there is no help yet. To stay, write {insure}, and "
                "then {ill}.",
                insure=Typed("/insure", _typed(own.level)),
                ill=Typed("/ill"),
            ),
            private=True,
        )
    return spell, goes_on, goes_on.level if goes_on is not None else _level_now(own, agreed, today)


async def _falling_ill(context: Context, *, named: str = "") -> Words:
    spell, _, level = await _spell_for(context)
    return lines(
        T("You cannot work, from today on."),
        T("For the time from {day} on you get up to {level} a month.", day=spell.helped_from, level=level),
        _named_words(named),
        T("Is that right?"),
    )


def _named_words(named: str) -> Text:
    if named:
        return T("Nobody is told but those who give: they hear your name, as you wish.")
    return T("Nobody is told. Those who give hear of “a member”, without your name.")


@router.command(
    "ill",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    label=T("I cannot work"),
    help=T(
        "Say that you cannot work: the mutual insurance helps. Nobody hears who it is, unless you say {named}.",
        named=Typed("named"),
    ),
    asks={"named": Asks(T("May those who give hear your name?"), instead=(T("No, nobody"), {}))},
    confirm=_falling_ill,
)
async def ill(context: Context, *, named: _Named = "") -> Reply:
    """Trusted without a certificate, as in the bread funds. Counted from today on."""
    if named and not await insurance.may_be_named(context.tx, context.committee.id):
        raise Refusal(
            T("Here nobody is named, the committee has decided so. Write only {ill}.", ill=Typed("/ill")), private=True
        )
    spell, goes_on, level = await _spell_for(context)
    await insurance.fell_ill(
        context.tx,
        context.member.id,
        spell,
        level=level,
        case_id=goes_on.case_id if goes_on is not None else None,
        named=bool(named),
    )
    return Reply(
        lines(
            T("I am sorry to hear it. It is noted: you cannot work, from today on."),
            T("You could not work a short while ago: that goes on, without a new waiting time.")
            if goes_on is not None
            else None,
            T(
                "For the time from {first} on you get up to {level} a month, each time when a month ends, until {last} "
                "at the latest. As long as you are helped, nothing goes into your reserve or out of it.",
                first=spell.helped_from,
                level=level,
                last=spell.helped_until,
            ),
            _named_words(named),
            T("When you can work again: {well}. And for company or advice: {care}", well=_WELL, care=_CARE),
        ),
        buttons=(_well_button(context.member),),
        private=True,
    )


@router.command(
    "well",
    allow=Authority.MEMBER,
    within="insurance",
    where=Where.PRIVATE,
    label=T("I can work again"),
    help=T("Say that you can work again: the help of the mutual insurance ends."),
)
async def well(context: Context) -> Reply:
    """The days until now are still counted when the month ends."""
    illness = await _open_illness(context, context.member)
    if illness is None:
        raise Refusal(T("I have not noted that you cannot work. If so: {ill}", ill=Typed("/ill")), private=True)
    today = _today(context)
    await insurance.is_well(context.tx, illness, on=today)
    first = closings.first_of(closings.month_of(context.now, context.committee))
    owed = illness.spell.helped_from < today and illness.spell.helped_until > first
    return Reply(
        lines(
            T("Good to hear! It is noted: you can work again."),
            T("What you get for the days of this month until today comes when it ends.") if owed else None,
            N(
                "If you cannot work again within {n} day, it goes on where it was: {ill}",
                "If you cannot work again within {n} days, it goes on where it was: {ill}",
                rule.AGAIN_DAYS,
                ill=Typed("/ill"),
            ),
        ),
        private=True,
    )


@router.todo
async def cannot_work(context: Context) -> list[Todo]:
    """That it is noted, and how to end it."""
    illness = await _open_illness(context, context.member)
    if illness is None:
        return []
    words = T("Noted: you cannot work since {day}.", day=illness.spell.began)
    return [Todo(words=words, buttons=_well_button(context.member))]


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """Only when the reserves will soon be empty: then all should know."""
    taking = await insurance.all_of(context.tx, context.committee.id)
    cover = rule.months_of_cover([one.insured for one in taking], await _helped_now(context, taking))
    if cover is None or cover >= COVER_LOW:
        return []
    return [Todo(words=T("Mutual insurance: {words}", words=_cover_words(cover)))]


# --- a month's end -------------------------------------------------------------------------------------------------


@router.command("insure_month", allow=Authority.CLOCK, typed=False, help=T("A month of the mutual insurance is over."))
async def insure_month(context: Context, *, period: Month) -> None:
    """Everybody puts in, those who cannot work are helped, and who leaves has their reserve back: once a month.

    Two transfers, into the reserves and out of them: so nobody reads in their own books who else gave or got.
    """
    committee = context.committee
    if await closings.is_closed(context.tx, committee.id, insurance.PAID_IN, period):
        return
    agreed = await insurance.terms(context.tx, committee.id)
    on = await switches.is_on(context.tx, committee.id, "insurance")
    taking = {one.member_id: one for one in await insurance.all_of(context.tx, committee.id)}
    first, over = closings.first_of(period), closings.first_of(closings.month_after(period))
    cases: dict[int, list[Illness]] = {}
    for illness in await insurance.illnesses(context.tx, committee.id, since=first):
        cases.setdefault(illness.member_id, []).append(illness)
    rooms = await insurance.rooms(context.tx, committee, taking.values())
    going = [one.member_id for one in taking.values() if one.leaves or not one.active or not on]
    claims = {id_: _claim(cases.get(id_, ()), first) if one.active else 0 for id_, one in taking.items()}
    done = rule.month(
        [
            Standing(insured=one.insured, room=rooms[id_], claim=claims[id_], leaves=id_ in going)
            for id_, one in taking.items()
        ],
        agreed,
    )
    await _move(context, period, taking, done, rooms)
    for id_, by in done.paid.items():
        await insurance.gave(context.tx, cases[id_][-1].case_id, period, by)
    await insurance.missed(context.tx, done.put_in, done.passed_over)
    named = {
        id_ for id_ in done.paid if cases[id_][-1].named and await insurance.may_be_named(context.tx, committee.id)
    }
    news = _News(taking=taking, done=done, claims=claims, cases=cases, named=named, over=over, on=on, agreed=agreed)
    for one in taking.values():
        await _tell(context, one, await _told(context, news, one))
    for id_ in going:
        await insurance.has_left(context.tx, id_, on=over)
    if len(going) < len(taking):
        await closings.plan(context.tx, committee, insure_month.name, period=closings.month_after(period))


def _claim(cases: Sequence[Illness], first: date) -> int:
    return rule.claim(cases[-1].level, [case.spell for case in cases], first) if cases else 0


async def _move(
    context: Context,
    period: str,
    taking: Mapping[int, Taking],
    done: rule.Month,
    rooms: Mapping[int, int | None],
) -> None:
    committee = context.committee
    reserves: dict[int, ledger.Account] = {}
    for id_ in sorted({*done.put_in, *done.back, *done.returned, *(g for by in done.paid.values() for g in by)}):
        one = taking[id_]
        if one.reserve_account is None:
            owner = await people.member(context.tx, committee.id, id_)
            assert owner is not None
            reserves[id_] = await transfers.beside(context.tx, committee, "reserve", owner=owner)
        else:
            reserves[id_] = ledger.Account(id=one.reserve_account, balance=one.reserve, floor=Minutes(0))
    owned = await transfers.committee_account(context.tx, committee)

    def own(id_: int) -> int:
        # Whoever is forgotten cannot come back for anything: it stays with all.
        return owned.id if taking[id_].forgotten else taking[id_].account

    into = [leg for id_, minutes in done.put_in.items() for leg in _legs(own(id_), reserves[id_].id, minutes)]
    out = [
        *(leg for id_, minutes in done.back.items() for leg in _legs(reserves[id_].id, own(id_), minutes)),
        *(
            leg
            for id_, by in done.paid.items()
            for g, part in by.items()
            for leg in _legs(reserves[g].id, own(id_), part)
        ),
        *(leg for id_, minutes in done.returned.items() for leg in _legs(reserves[id_].id, own(id_), minutes)),
    ]
    recorder = await insurance.recorder(context.tx, committee.id)
    givers = [
        ledger.Account(id=one.account, balance=one.own, floor=Minutes(one.own - room))
        for id_ in done.put_in
        if (one := taking[id_]) and (room := rooms[id_]) is not None
    ]
    put = ledger.post(into, givers, at=context.now)
    await closings.close(
        context.tx, committee, insurance.PAID_IN, period, put, recorder=recorder, scheme=0, now=context.now
    )
    filled = [
        replace(account, balance=Minutes(account.balance + done.put_in.get(id_, 0)))
        for id_, account in reserves.items()
    ]
    paid = ledger.post(out, filled, at=context.now)
    await closings.close(
        context.tx, committee, insurance.PAID_OUT, period, paid, recorder=recorder, scheme=0, now=context.now
    )


def _legs(giver: int, to: int, minutes: int) -> tuple[Posting, Posting]:
    return Posting(giver, Minutes(-minutes)), Posting(to, Minutes(minutes))


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What a month's end brought. `over`: the first day after it."""

    taking: Mapping[int, Taking]
    done: rule.Month
    claims: Mapping[int, int]
    cases: Mapping[int, Sequence[Illness]]
    named: Collection[int]
    over: date
    on: bool
    agreed: Terms


async def _told(context: Context, news: _News, one: Taking) -> list[Words]:
    """What of it is to be told to one of those who take part: only their own."""
    done, id_ = news.done, one.member_id
    told: list[Words] = []
    if news.claims[id_]:
        told += _helped_words(news, id_)
    helped = [who for who, by in done.paid.items() if id_ in by]
    if helped:
        told += await _gave_words(context, news, one, helped)
    if id_ in done.passed_over:
        monthly = Minutes(rule.contribution(one.level, news.agreed))
        told += [
            T(
                "When the month ended {time} should have gone into your reserve, but your hours did not suffice. "
                "Nothing went. Help somebody, and next time it works.",
                time=monthly,
            ),
            _rests_words()
            if one.missed + 1 >= rule.MISSED_MAX
            else T(
                "You are still covered. Only after {n} months running without anything your insurance would rest.",
                n=rule.MISSED_MAX,
            ),
        ]
    if id_ in done.back:
        told.append(
            T("Your reserve held more than it can hold: {time} came back to you.", time=Minutes(done.back[id_]))
        )
    if one.leaves or not one.active or not news.on:
        if not news.on and not one.leaves:
            told.append(T("The committee has turned the mutual insurance off."))
        told.append(
            T(
                "You do not take part in the mutual insurance any more. Out of your reserve {time} came back to you.",
                time=Minutes(done.returned[id_]),
            )
            if id_ in done.returned
            else T("You do not take part in the mutual insurance any more. Nothing was left in your reserve.")
        )
    return told


def _helped_words(news: _News, id_: int) -> list[Words]:
    got = sum(news.done.paid.get(id_, {}).values())
    told: list[Words] = [
        N(
            "For the month that is over you get {time} from the mutual insurance: {n} person gave them.",
            "For the month that is over you get {time} from the mutual insurance: {n} people gave them.",
            len(news.done.paid[id_]),
            time=Minutes(got),
        )
        if got
        else T(
            "All reserves of the mutual insurance are empty. You can ask the people of the care role: {care}",
            care=_CARE,
        )
    ]
    if 0 < got < news.claims[id_]:
        told.append(T("There was not enough for all of it. All who cannot work get the same part."))
    if news.cases[id_][-1].spell.helped_until <= news.over:
        told.append(T("With that the time that was agreed is over, and so is the help."))
    return told


async def _gave_words(context: Context, news: _News, one: Taking, helped: Sequence[int]) -> list[Words]:
    given = sum(news.done.paid[who][one.member_id] for who in helped)
    back = news.done.back.get(one.member_id, 0) + news.done.returned.get(one.member_id, 0)
    left = one.reserve + news.done.put_in.get(one.member_id, 0) - given - back
    names: list[Value] = []
    for id_ in helped:
        who = await people.member(context.tx, context.committee.id, id_)
        if id_ in news.named and who is not None:
            names.append(who.name)
    return [
        N(
            "Last month {n} member could not work. You gave {time} out of your reserve; {left} are left in it.",
            "Last month {n} members could not work. You gave {time} out of your reserve; {left} are left in it.",
            len(helped),
            time=Minutes(given),
            left=Minutes(left),
        ),
        *([T("You may know who it is: {names}.", names=Listed(tuple(names)))] if names else []),
    ]


async def _tell(context: Context, one: Taking, told: Sequence[Words]) -> None:
    to = await people.member(context.tx, context.committee.id, one.member_id) if told else None
    if to is None or one.forgotten:
        return
    if not one.active:
        await context.tell(to, lines(*told))
        return
    illness = await _open_illness(context, to)
    buttons = (_well_button(to),) if illness is not None else ()
    await context.nudge(to, lines(*told), buttons=buttons, key=f"insurance:{to.id}")


# --- what the committee sets -----------------------------------------------------------------------------------------


async def _agree(context: Context, words: Text, **to: int) -> Reply:
    """Put other terms in place of these. For whoever cannot work already, nothing gets shorter."""
    before = await insurance.terms(context.tx, context.committee.id)
    agreed = replace(before, **to)
    if agreed == before:
        raise Refusal(T("That is how it is already."))
    await insurance.set_terms(context.tx, context.committee.id, agreed)
    await entries.append(context.tx, context.committee, "rule", {"insurance": to}, now=context.now)
    return Reply(words)


def _within(value: int, bounds: Bounds, shown: Callable[[int], Value]) -> None:
    if not bounds.low <= value <= bounds.high:
        raise Refusal(T("It can be from {low} to {high}.", low=shown(bounds.low), high=shown(bounds.high)))


def _rate_words(*, part: Points) -> Text:
    return T("Mutual insurance: each month {part} of the level goes into one's own reserve.", part=part)


@router.command(
    "insurance_rate",
    allow=Authority.COMMITTEE,
    label=T("Insurance: what is put in"),
    help=T("Mutual insurance: which part of the level is put into the reserve each month."),
    proposal=_rate_words,
    sample=("4.5%",),
)
async def insurance_rate(context: Context, *, part: Percent) -> Reply:
    """Holds from the next month's end on."""
    _within(part, rule.RATE, Points)
    return await _agree(context, _rate_words(part=part), rate=part)


def _months_words(*, what: str, months: int) -> Text:
    match what:
        case "cap":
            return N(
                "Mutual insurance: a reserve is full with what is put in in {n} month.",
                "Mutual insurance: a reserve is full with what is put in in {n} months.",
                months,
            )
        case "wait":
            return N(
                "Mutual insurance: there is help after {n} month.",
                "Mutual insurance: there is help after {n} months.",
                months,
            )
        case _:
            return N(
                "Mutual insurance: there is help for at most {n} month.",
                "Mutual insurance: there is help for at most {n} months.",
                months,
            )


_BOUNDS: Mapping[str, tuple[str, Bounds]] = {
    "cap": ("cap_months", rule.CAP_MONTHS),
    "wait": ("wait_months", rule.WAIT_MONTHS),
    "longest": ("longest_months", rule.LONGEST_MONTHS),
}


@router.command(
    "insurance_months",
    allow=Authority.COMMITTEE,
    label=T("Insurance: months"),
    help=T("Mutual insurance: when a reserve is full, how long the waiting time is, how long there is help."),
    proposal=_months_words,
    sample=("wait", "1"),
    asks={"months": Asks(T("How many months? Write it as an answer, like {example}.", example=Typed("1")))},
)
async def insurance_months(context: Context, *, what: _MONTHS, months: Number) -> Reply:
    """Whoever cannot work already keeps the time that held when it began."""
    name, bounds = _BOUNDS[what]
    _within(months, bounds, int)
    return await _agree(context, _months_words(what=what, months=months), **{name: months})


def _most_words(*, level: Minutes) -> Text:
    return T("Mutual insurance: the level is at most {level} a month.", level=level)


@router.command(
    "insurance_level",
    allow=Authority.COMMITTEE,
    label=T("Insurance: highest level"),
    help=T("Mutual insurance: how much help a month somebody can choose at most."),
    proposal=_most_words,
    sample=("40h",),
    asks={"level": Asks(T("How much help a month can somebody choose at most? Choose, or write it."), _levels)},
)
async def insurance_level(context: Context, *, level: Duration) -> Reply:
    """Whoever has more keeps it."""
    _within(level, rule.LEVEL, Minutes)
    return await _agree(context, _most_words(level=level), level_max=level)


def _group_max_words(*, people: int) -> Text:
    return T("Mutual insurance: with more than {n} people a second group is better.", n=people)


@router.command(
    "insurance_group",
    allow=Authority.COMMITTEE,
    label=T("Insurance: size of the group"),
    help=T("Mutual insurance: from how many people on a second group is better."),
    proposal=_group_max_words,
    sample=("50",),
    asks={"people": Asks(T("From how many people on is a second group better? Write it, like {n}.", n=Typed("50")))},
)
async def insurance_group(context: Context, *, people: Number) -> Reply:
    """Nobody is turned away by it: it is said."""
    _within(people, rule.GROUP, int)
    return await _agree(context, _group_max_words(people=people), group_max=people)


def _names_words(*, word: str) -> Text:
    if word == "on":
        return T("Mutual insurance: whoever cannot work may choose to be named to those who give.")
    return T("Mutual insurance: nobody who cannot work is ever named.")


@router.command(
    "insurance_names",
    allow=Authority.COMMITTEE,
    label=T("Insurance: names"),
    help=T("Mutual insurance: whether somebody who cannot work may choose to be named to those who give: on or off."),
    proposal=_names_words,
    sample=("off",),
)
async def insurance_names(context: Context, *, word: OnOff) -> Reply:
    """Without their wish nobody is named in any case."""
    may = word == "on"
    if await insurance.may_be_named(context.tx, context.committee.id) == may:
        raise Refusal(T("That is how it is already."))
    await insurance.let_be_named(context.tx, context.committee.id, may)
    await entries.append(context.tx, context.committee, "rule", {"insurance_names": may}, now=context.now)
    return Reply(_names_words(word=word))


@router.entry("rule", "insurance", about="rules")
async def terms_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """What was agreed, one thing at a time."""
    [(name, value)] = body["insurance"].items()
    match name:
        case "rate":
            return _rate_words(part=Points(value))
        case "level_max":
            return _most_words(level=Minutes(value))
        case "group_max":
            return _group_max_words(people=value)
    [what] = [what for what, (of, _) in _BOUNDS.items() if of == name]
    return _months_words(what=what, months=value)


@router.entry("rule", "insurance_names", about="rules")
async def names_told(_telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whether somebody may be named."""
    return _names_words(word="on" if body["insurance_names"] else "off")
