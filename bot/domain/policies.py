"""How hours are counted: by which legs an event of help becomes a transfer. The committee chooses.

A policy is pure and versioned: the same event, state and parameters always give the same legs, which sum to zero. What
it quotes is shown before anybody says yes, and its name and version stand in the entry.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, Protocol

from bot.domain.ledger import Posting
from bot.text import Minutes, Refusal, T

Sharing = Literal["split", "chest", "committee"]
"""Who pays when one helps many, by three conventions that are in use. split: those who came share the hours
(timebank.cc). chest: each pays the whole time, and what is over goes to the committee, the community treasure chest of
timebankireland.ie. committee: its own account pays."""
SHARINGS: tuple[Sharing, ...] = ("split", "chest", "committee")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Help that was given. People are named by their accounts."""

    providers: tuple[int, ...]
    receivers: tuple[int, ...]
    minutes: Minutes
    """How long each of the providers helped."""
    committee: int
    """The committee's own account."""
    sharing: Sharing = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a policy may know of the books. `balances`: in minutes, of the accounts in the event."""

    balances: Mapping[int, Minutes] = field(default_factory=dict)


class Quote(Protocol):
    """Legs that sum to zero; none of them is zero. Raises Refusal for an event that the policy does not know."""

    def __call__(self, event: Event, state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A way of counting, by name and version."""

    name: str
    version: int
    quote: Quote


def equal(event: Event, state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]:
    """An hour is an hour, whoever gives it and whatever it is (the rule of TimeBanks and of timebank.cc)."""
    assert event.minutes > 0
    assert event.providers
    given = event.minutes * len(event.providers)
    changes: dict[int, int] = dict.fromkeys((*event.providers, *event.receivers, event.committee), 0)
    for provider in event.providers:
        changes[provider] += event.minutes
    match event.sharing:
        case "split":
            for receiver, share in apportion(given, dict.fromkeys(event.receivers, 1)).items():
                changes[receiver] -= share
        case "chest":
            paid = event.minutes * len(event.receivers)
            if paid < given:
                raise Refusal(T("There are more who helped than who came. Share the hours among them instead: split."))
            for receiver in event.receivers:
                changes[receiver] -= event.minutes
            changes[event.committee] += paid - given
        case "committee":
            changes[event.committee] -= given
    return tuple(Posting(account, Minutes(minutes)) for account, minutes in sorted(changes.items()) if minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Which values a parameter may have, whole numbers, and which one holds where nothing was decided."""

    default: int
    low: int
    high: int


HALF = 5_000
RATE = Bounds(default=0, low=0, high=HALF)
"""Basis points. More than half for the fund would be pooling by another name."""
EQUAL = Policy(name="equal", version=1, quote=equal)
POLICIES: Mapping[tuple[str, int], Policy] = {(policy.name, policy.version): policy for policy in (EQUAL,)}
"""By name and version: entries keep both, so that each can be explained for ever."""


# --- what goes to the common fund ----------------------------------------------------------------------------------


def levied(legs: Sequence[Posting], *, fund: int, rate: int, exempt: Collection[int] = ()) -> tuple[Posting, ...]:
    """The legs with a part of what each gains given on to the fund, in basis points, rounded down for whoever earns it.

    Only who gains gives: whoever is helped pays no more than the time (the levy of workers-control's Arbeitszeit app,
    where members keep what is left). `exempt`: accounts that give nothing, such as the committee's own.
    """
    assert 0 <= rate <= RATE.high
    changes = {leg.account_id: int(leg.minutes) for leg in legs}
    free = {fund, *exempt}
    for account, gained in list(changes.items()):
        if gained > 0 and account not in free and (part := gained * rate // 10_000):
            changes[account] -= part
            changes[fund] = changes.get(fund, 0) + part
    return tuple(Posting(account, Minutes(minutes)) for account, minutes in sorted(changes.items()) if minutes)


def rate_for(budget: Minutes, expected: Minutes, *, most: int = RATE.high) -> int:
    """The levy, in basis points, by which a voted budget is raised from the hours that are expected; at most `most`."""
    assert budget >= 0
    if expected <= 0:
        return most if budget else 0
    return min(most, -(-budget * 10_000 // expected))


def melted(balances: Mapping[int, Minutes], *, fund: int, above: Minutes, rate: int) -> tuple[Posting, ...]:
    """Demurrage of one period: a part, in basis points, of what stands above a threshold goes to the fund.

    Nobody is charged for being helped: what is below zero or under the threshold stays as it is.
    """
    assert above >= 0
    assert 0 <= rate <= RATE.high
    parts = {
        account: (balance - above) * rate // 10_000
        for account, balance in balances.items()
        if account != fund and balance > above
    }
    return _to_fund(parts, fund)


# --- effort and sacrifice --------------------------------------------------------------------------------------------

PLEASANT, MODERATE, UNPLEASANT = 800, 1_000, 1_300
"""How much an hour of each class of tasks weighs, in thousandths, where the committee has set nothing else."""
ONEROUSNESS = Bounds(default=MODERATE, low=500, high=2_000)
LEVELS = (900, 1_000, 1_100)
"""Less effort than usual, as usual, more: three coarse levels, since nobody can measure more finely
(participatoryeconomy.org, Isn't it difficult to measure effort?)."""
PEERS_MIN = 3
"""From fewer ratings nobody's effort is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of work in a period. `onerousness`: of its class of tasks, in thousandths.

    `ratings`: by the account of whoever worked on the same task, one of `LEVELS`; one's own does not count.
    """

    account: int
    minutes: Minutes
    onerousness: int = MODERATE
    ratings: Mapping[int, int] = field(default_factory=dict)


def intensities(work: Sequence[Work]) -> tuple[Fraction, ...]:
    """How hard each piece was, as its peers see it: the median of at least three, or one.

    What a rater says is divided by their own mean over all that they rated, so whoever rates everything high, or low,
    says nothing by it (as proposed in the forum of participatoryeconomy.org, thread 459).
    """
    by_rater: dict[int, list[int]] = {}
    for piece in work:
        for rater, level in piece.ratings.items():
            if rater != piece.account:
                by_rater.setdefault(rater, []).append(level)
    means = {rater: Fraction(sum(levels), len(levels)) for rater, levels in by_rater.items()}
    found = []
    for piece in work:
        seen = sorted(level / means[rater] for rater, level in piece.ratings.items() if rater != piece.account)
        middle = len(seen) // 2
        found.append(
            Fraction(1)
            if len(seen) < PEERS_MIN
            else seen[middle]
            if len(seen) % 2
            else (seen[middle - 1] + seen[middle]) / 2
        )
    return tuple(found)


def by_effort(work: Sequence[Work], *, with_ratings: bool = False) -> tuple[Posting, ...]:
    """What is put right at a period's end: each gets their part of a pie that stays as large as the hours worked.

    `credit = hours x onerousness x intensity x sum(hours) / sum(hours x onerousness x intensity)`. Everybody was paid
    their hours at once; this is the difference. It sums to zero without the fund, so nobody gains by calling everything
    hard ("slice a given pie": participatoryeconomy.org, Won't workers exaggerate their effort?).
    """
    intensity = intensities(work) if with_ratings else (Fraction(1),) * len(work)
    hours: dict[int, int] = {}
    weights: dict[int, Fraction] = {}
    for piece, hard in zip(work, intensity, strict=True):
        assert ONEROUSNESS.low <= piece.onerousness <= ONEROUSNESS.high
        hours[piece.account] = hours.get(piece.account, 0) + piece.minutes
        weights[piece.account] = weights.get(piece.account, Fraction(0)) + piece.minutes * piece.onerousness * hard
    if not hours:
        return ()
    whole = math.lcm(*(weight.denominator for weight in weights.values()))
    earned = apportion(sum(hours.values()), {account: int(weight * whole) for account, weight in weights.items()})
    return tuple(
        Posting(account, Minutes(earned[account] - minutes))
        for account, minutes in sorted(hours.items())
        if earned[account] != minutes
    )


# --- pooling ---------------------------------------------------------------------------------------------------------

RELIEF = Bounds(default=0, low=0, high=10_000)


def pooled(event: Event, state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]:
    """All that is earned is the fund's: whoever was helped pays it, and whoever helped has done so much of their quota.

    (Income pooling of communes; David Gil, Work Place Collectives, 1979; the labour quota of Twin Oaks.)
    """
    fund = parameters["fund"]
    changes: dict[int, int] = {}
    for leg in equal(event, state, parameters):
        account = fund if leg.minutes > 0 else leg.account_id
        changes[account] = changes.get(account, 0) + leg.minutes
    return tuple(Posting(account, Minutes(minutes)) for account, minutes in sorted(changes.items()) if minutes)


def quota(whole: Minutes, relief: int) -> Minutes:
    """How much of the common work is somebody's, rounded down. `relief`: for age or illness, in basis points."""
    assert RELIEF.low <= relief <= RELIEF.high
    return Minutes(whole * (10_000 - relief) // 10_000)


def _to_fund(parts: Mapping[int, int], fund: int) -> tuple[Posting, ...]:
    changes = {account: -part for account, part in parts.items() if part}
    total = -sum(changes.values())
    return tuple(
        Posting(account, Minutes(minutes)) for account, minutes in sorted({**changes, fund: total}.items()) if minutes
    )


# --- whole minutes ---------------------------------------------------------------------------------------------------


def apportion(total: int, weights: Mapping[int, int]) -> dict[int, int]:
    """Whole parts of a total in proportion to the weights, which sum to it: largest remainder, ties by the lower key.

    `total` and every weight are at least zero, and some weight is above it.
    """
    whole = sum(weights.values())
    assert total >= 0
    assert whole > 0
    assert min(weights.values()) >= 0
    parts = {key: total * weight // whole for key, weight in weights.items()}
    left = total - sum(parts.values())
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts


def portions(legs: Sequence[Posting], *, first: int) -> dict[int, tuple[Posting, ...]]:
    """What each who gives says yes to, by account: their own part, and to whom it goes.

    The portions sum to the legs, each sums to zero. At most two accounts gain: what the `first` gains comes from all in
    proportion to what they give, and the other has the rest.
    """
    giving = {leg.account_id: -leg.minutes for leg in legs if leg.minutes < 0}
    gaining = {leg.account_id: leg.minutes for leg in legs if leg.minutes > 0}
    assert gaining.keys() >= {first}
    assert len(gaining) <= 2
    shares = apportion(gaining[first], giving)
    rest = next(iter(gaining.keys() - {first}), first)
    return {
        account: tuple(
            Posting(id_, Minutes(part))
            for id_, part in ((account, -minutes), (first, shares[account]), (rest, minutes - shares[account]))
            if part
        )
        for account, minutes in giving.items()
    }
