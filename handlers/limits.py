"""Limits: near which one is told in private, what is too much, and how a limit grows with what one has given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.arguments import Allowance, Duration, Number, Off, Person
from bot.chat import Button, Reply
from bot.domain import ledger
from bot.domain import limits as rule
from bot.domain.ledger import Posting
from bot.domain.limits import Growth
from bot.posts import needs_for
from bot.router import Asks, Authority, Context, Router, Telling
from bot.text import Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import entries, limits, transfers

router = Router("limits", title=T("Limits"))

EACH = Minutes(4 * 60)
"""So many minutes given to one person count at most: knowing one person well is not knowing many."""


# --- being told ----------------------------------------------------------------------------------------------------


@router.command("limit_near", allow=Authority.CLOCK, typed=False, help=T("Somebody comes close to a limit."))
async def limit_near(context: Context, *, who: Person, part: Number) -> None:
    """Told once for each step, in private, when it can be borne."""
    account = await transfers.account(context.tx, context.committee, who)
    key = f"limit:{account.id}"
    if account.balance < 0:
        if account.floor is None or rule.part(account.balance, account.floor) < part:
            return
        words = lines(
            T("You have {balance}; the limit is {floor}.", balance=account.balance, floor=account.floor),
            T("That is nothing to be ashamed of: somebody has to be helped."),
            T("Now it is time to help somebody, if you can. {limits} tells more.", limits=Typed("/limits"))
            if part < 100
            else T(
                "More help has to wait until you have helped somebody. {limits} tells more.", limits=Typed("/limits")
            ),
        )
        # Reminders can wait, and words be erased meanwhile: the kinds of help must do.
        asked = await needs_for(context, who, brief=True)
        if asked is not None:
            words = lines(words, asked.words)
        await context.nudge(who, words, buttons=asked.buttons if asked is not None else (), key=key)
        return
    ceiling = await limits.ceiling(context.tx, context.committee.id)
    if ceiling is None or rule.part(account.balance, ceiling) < part:
        return  # Meanwhile it is otherwise again.
    if part < 100:
        words = lines(
            T(
                "You have {balance}. From {ceiling} on hours are of more use to others.",
                balance=account.balance,
                ceiling=ceiling,
            ),
            T("Let somebody help you!"),
        )
        await context.nudge(who, words, key=key)
        return
    over = Minutes(max(account.balance - ceiling, 1))
    await context.nudge(
        who,
        lines(
            T("You have {balance}, more than {ceiling}.", balance=account.balance, ceiling=ceiling),
            T("Let somebody help you, or give some hours to the committee."),
        ),
        buttons=((Button(label=T("Give {time}", time=over), says=give.says(time=over), only=who.id),),),
        key=key,
    )


async def _giving(context: Context, *, time: Minutes) -> Words:
    account = await transfers.account(context.tx, context.committee, context.member)
    return lines(
        T("You give {time} to the committee.", time=time),
        T("You will have {balance}.", balance=Minutes(account.balance - time)),
        T("Is that right?"),
    )


@router.command(
    "give",
    allow=Authority.MEMBER,
    label=T("Give hours to the committee"),
    help=T("Give hours of yours to the committee's account."),
    confirm=_giving,
)
async def give(context: Context, *, time: Duration) -> Reply:
    """Only what one has: nobody goes into minus for it."""
    own = await transfers.account(context.tx, context.committee, context.member)
    if own.balance - own.held < time:
        raise Refusal(
            T("You can give what you have: {balance}.", balance=Minutes(max(0, own.balance - own.held))), private=True
        )
    to = await transfers.committee_account(context.tx, context.committee)
    transfer = ledger.post([Posting(own.id, Minutes(-time)), Posting(to.id, time)], [own, to], at=context.now)
    _, number = await transfers.record(context.tx, context.committee, transfer, recorder=context.speaker)
    return Reply(
        lines(
            T("Thank you: {time} are the committee's now. (No. {number})", time=time, number=number),
            T("You have {balance} now.", balance=Minutes(own.balance - time)),
        ),
        private=True,
    )


# --- what holds here -------------------------------------------------------------------------------------------------


@router.command(
    "limits",
    allow=Authority.MEMBER,
    label=T("Limits"),
    help=T("How far hours may go here, and where you stand; only you see that."),
    repeatable=True,
)
async def limits_(context: Context) -> Reply:
    """The rules, and in private where one stands."""
    committee = context.committee
    account = await transfers.account(context.tx, committee, context.member)
    growth = await limits.growth(context.tx, committee.id)
    ceiling = await limits.ceiling(context.tx, committee.id)
    given = await limits.given_by(context.tx, account.id) if growth is not None else {}
    people = sum(minutes > 0 for minutes in given.values())
    asked = await needs_for(context, context.member) if account.balance < 0 else None
    return Reply(
        lines(
            T("Lowest balance here: {floor}.", floor=committee.floor)
            if committee.floor is not None
            else T("There is no lowest balance here."),
            _growth_words(growth) if growth is not None and committee.floor is not None else None,
            _ceiling_words(hours=ceiling) if ceiling is not None else None,
            T("You have {balance}.", balance=account.balance),
            T("Promised, not yet confirmed: {time}. That leaves {left}.", time=account.held, left=account.available)
            if account.held
            else None,
            T("You can go down to {floor}.", floor=account.floor) if account.floor is not None else None,
            N("You have helped {n} person.", "You have helped {n} people.", people) if growth is not None else None,
            asked.words if asked is not None else None,
        ),
        buttons=asked.buttons if asked is not None else (),
        about=asked.about if asked is not None else (),
        private=True,
    )


def _growth_words(growth: Growth) -> Text:
    return T(
        "It grows with what you give, once you have helped {n} different people: by at most {each} for each of them, "
        "down to {most}.",
        n=growth.people,
        each=growth.each,
        most=Minutes(-growth.most),
    )


def _ceiling_words(*, hours: Minutes | None = None, off: str = "") -> Text:
    if hours is None or off:
        return T("Nobody is asked to spend hours any more.")
    return T("Whoever has more than {ceiling} is asked to spend it, or to give it to the committee.", ceiling=hours)


@router.command(
    "ceiling",
    allow=Authority.COMMITTEE,
    label=T("Highest balance"),
    help=T("From which balance on somebody is asked to spend hours, or {off}.", off=Typed("off")),
    asks={
        "hours": Asks(
            T("From which balance on shall I ask somebody to spend hours? Choose, or write it."),
            instead=(T("Never"), {"off": "off"}),
        )
    },
    proposal=_ceiling_words,
    sample=("40h",),
)
async def ceiling_(context: Context, *, hours: Allowance | None = None, off: Off = "") -> Reply:
    """Nobody is refused: help is never too much."""
    if (hours is None) == (not off) or hours == 0:
        raise Refusal(
            T(
                "Write an amount of time or the word off: {example} or {off}",
                example=Typed("/ceiling 40h"),
                off=Typed("/ceiling off"),
            )
        )
    await entries.decide_rule(context.tx, context.committee, "ceiling", hours, now=context.now)
    return Reply(_ceiling_words(hours=hours))


@router.entry("rule", "ceiling", about="rules")
async def ceiling_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """From which balance on somebody is asked to spend."""
    hours = body["ceiling"]
    return _ceiling_words(hours=None if hours is None else Minutes(hours))


def _growing(*, people: int | None = None, most: Minutes | None = None, off: str = "") -> Text:
    if people is None or most is None:
        return T("The limit does not grow any more.")
    return T(
        "The limit grows with what somebody gives to at least {n} different people, down to {most}.",
        n=people,
        most=Minutes(-most),
    )


@router.command(
    "growing_limit",
    allow=Authority.COMMITTEE,
    help=T("A limit that grows with hours given to at least so many different people, down to so much; or off."),
    proposal=_growing,
    sample=("3", "24h"),
    asks={
        "people": Asks(
            T("To how many different people must somebody have given hours?"), instead=(T("No growing"), {"off": "off"})
        ),
        "most": Asks(T("How far below zero may it grow?")),
    },
)
async def growing_limit(
    context: Context, *, people: Number | None = None, most: Duration | None = None, off: Off = ""
) -> Reply:
    """Two accounts that trade with each other, or people whom one has brought in, do not make it grow."""
    if off:
        await limits.set_growth(context.tx, context.committee.id, None)
        await entries.append(context.tx, context.committee, "rule", {"growth": None}, now=context.now)
        return Reply(_growing())
    if people is None or most is None or not 2 <= people <= 100:
        raise Refusal(
            T(
                "Write how many different people, from 2 on, and how far below zero: {example}, or {off}",
                example=Typed("/growing_limit 3 24h"),
                off=Typed("/growing_limit off"),
            )
        )
    await limits.set_growth(context.tx, context.committee.id, Growth(people=people, each=EACH, most=most))
    await entries.append(context.tx, context.committee, "rule", {"growth": [people, most]}, now=context.now)
    return Reply(_growing(people=people, most=most))


@router.entry("rule", "growth", about="rules")
async def growth_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How the limit grows."""
    found = body["growth"]
    return _growing() if found is None else _growing(people=found[0], most=Minutes(found[1]))
