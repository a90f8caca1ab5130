"""How hours are counted: by which legs an event of help becomes a transfer. The committee chooses.

A policy is pure and versioned: the same event, state and parameters always give the same legs, which sum to zero. What
it quotes is shown before anybody says yes, and its name and version stand in the entry, with the version of what the
committee has decided about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from bot.domain.ledger import Posting
from bot.text import Amount, Minutes, Percent, Refusal, T, Typed, Value

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
    """What a policy may know of the books. `balances`: in minutes, of the accounts in the event.

    `pooling`: the accounts whose owners have said yes to pooling what they earn.
    """

    balances: Mapping[int, Minutes] = field(default_factory=dict)
    pooling: frozenset[int] = frozenset()


class Count(Protocol):
    """What becomes of the plain hours: legs that sum to zero, none of them zero. Raises Refusal where nobody counts."""

    def __call__(
        self, plain: Sequence[Posting], state: State, parameters: Mapping[str, int]
    ) -> tuple[Posting, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A way of counting, by name and version.

    Every policy begins with the plain hours, and says what becomes of them: so an event that was counted by one can be
    counted again by another, from what the entry keeps.
    """

    name: str
    version: int
    count: Count

    def quote(self, event: Event, state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]:
        """Legs that sum to zero; none of them is zero. Raises Refusal for an event that the policy does not know."""
        return self.count(plain(event), state, parameters)


def plain(event: Event) -> tuple[Posting, ...]:
    """Whoever helped gains their time, and whoever was helped, or the committee, gives it."""
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


DERIVED_MOST = 2_000
"""A levy that follows from a budget never takes more than a fifth, however little is expected."""


def rate_for(budget: Minutes, expected: Minutes, *, most: int = DERIVED_MOST) -> int:
    """The levy, in basis points, by which a voted budget is raised from the hours that are expected; at most `most`."""
    assert budget >= 0
    if expected <= 0:
        return most if budget else 0
    return min(most, -(-budget * 10_000 // expected))


def melted(balances: Mapping[int, Minutes], *, fund: int, above: Minutes, rate: int) -> tuple[Posting, ...]:
    """Demurrage of one period: a part, in basis points, of what stands above a threshold goes to the fund.

    Nobody is charged for being helped: what is below zero or under the threshold stays as it is. Circles takes 7 % a
    year of everything; Sarafu took demurrage out again (#329) because people did not understand it (#244).
    """
    assert above >= 0
    assert 0 <= rate <= RATE.high
    parts = {
        account: (balance - above) * rate // 10_000
        for account, balance in balances.items()
        if account != fund and balance > above
    }
    return _to_fund(parts, fund)


def _to_fund(parts: Mapping[int, int], fund: int) -> tuple[Posting, ...]:
    changes = {account: -part for account, part in parts.items() if part}
    total = -sum(changes.values())
    return tuple(
        Posting(account, Minutes(minutes)) for account, minutes in sorted({**changes, fund: total}.items()) if minutes
    )


# --- pooling ---------------------------------------------------------------------------------------------------------

RELIEF = Bounds(default=0, low=0, high=10_000)


def pooled(plain: Sequence[Posting], state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]:
    """All that is earned by those who pool is the fund's; they have done so much of their quota.

    (Income pooling of communes; David Gil, Work Place Collectives, 1979; the labour quota of Twin Oaks.) Nobody is
    pooled who has not said yes to it: what the others earn is theirs, less the levy.
    """
    fund = parameters["fund"]
    changes: dict[int, int] = {}
    for leg in shared(plain, state, parameters):
        account = fund if leg.minutes > 0 and leg.account_id in state.pooling else leg.account_id
        changes[account] = changes.get(account, 0) + leg.minutes
    return tuple(Posting(account, Minutes(minutes)) for account, minutes in sorted(changes.items()) if minutes)


def quota(whole: Minutes, relief: int) -> Minutes:
    """How much of the common work is somebody's, rounded down. `relief`: for age or illness, in basis points."""
    assert RELIEF.low <= relief <= RELIEF.high
    return Minutes(whole * (10_000 - relief) // 10_000)


# --- what a committee chooses ---------------------------------------------------------------------------------------


def shared(plain: Sequence[Posting], state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]:
    """An hour is an hour, whoever gives it and whatever it is (the rule of TimeBanks), less the levy.

    `parameters`: `levy` in basis points (none: 0) and, where there is one, the accounts of the `fund` and of the
    `committee`, which gives none.
    """
    rate = parameters.get("levy", 0)
    if not rate:
        return tuple(plain)
    return levied(plain, fund=parameters["fund"], rate=rate, exempt=(parameters["committee"],))


def uncounted(plain: Sequence[Posting], state: State, parameters: Mapping[str, int]) -> tuple[Posting, ...]:
    """Gifts: nobody counts hours."""
    raise Refusal(T("Here help is a gift, and nobody counts hours. Write {gift}.", gift=Typed("/gift @ana")))


Base = Literal["equal", "effort", "needs", "gift", "pooled"]
"""equal: an hour is an hour. effort: what was hard counts for more, at the month's end. needs: an hour is an hour, and
the fund gives by need. gift: nobody counts hours. pooled: what is earned is the fund's, which gives everybody an
allowance."""
EQUAL = Policy(name="equal", version=1, count=shared)
POLICIES: Mapping[tuple[str, int], Policy] = {
    (policy.name, policy.version): policy
    for policy in (
        EQUAL,
        Policy(name="effort", version=1, count=shared),
        Policy(name="needs", version=1, count=shared),
        Policy(name="gift", version=1, count=uncounted),
        Policy(name="pooled", version=1, count=pooled),
    )
}
"""By name and version: entries keep both, so that each can be explained for ever."""
ABOVE = Bounds(default=40 * 60, low=0, high=1_000 * 60)
BUDGET = Bounds(default=0, low=0, high=10_000 * 60)
MONTHLY = Bounds(default=0, low=0, high=300 * 60)
"""Minutes a month that one person works, or gets: nobody works more than ten hours a day."""
ONEROUSNESS = Bounds(default=1_000, low=500, high=2_000)
"""What an hour of some kind of task weighs, in thousandths of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """All that a committee has decided about how hours are counted, as one version; 0: nothing was decided yet.

    `levy`: basis points of what is earned, for the fund; where there is a voted `budget` (minutes a month) it is
    derived from that at each month's beginning. `melt`: basis points a month of what somebody has `above` a threshold
    (minutes). `ratings`: whether peers may say how hard something was. `pleasant`, `unpleasant`: what an hour of such a
    task weighs, in thousandths. `allowance`, `quota`: what each who pools gets, and works, a month (minutes).
    """

    version: int = 0
    base: Base = "equal"
    levy: int = RATE.default
    budget: Minutes = Minutes(BUDGET.default)
    melt: int = RATE.default
    above: Minutes = Minutes(ABOVE.default)
    ratings: bool = False
    pleasant: int = 800
    unpleasant: int = 1_300
    allowance: Minutes = Minutes(MONTHLY.default)
    quota: Minutes = Minutes(MONTHLY.default)

    def __post_init__(self) -> None:
        for bounds, values in (
            (RATE, (self.levy, self.melt)),
            (ABOVE, (self.above,)),
            (BUDGET, (self.budget,)),
            (ONEROUSNESS, (self.pleasant, self.unpleasant)),
            (MONTHLY, (self.allowance, self.quota)),
        ):
            assert all(bounds.low <= value <= bounds.high for value in values)

    @property
    def policy(self) -> Policy:
        """The way of counting that it is built on."""
        return POLICIES[self.base, 1]


LIMITS: Mapping[str, tuple[Bounds, Callable[[int], Value]]] = {
    "levy": (RATE, Percent),
    "melt": (RATE, Percent),
    "above": (ABOVE, Minutes),
    "budget": (BUDGET, Minutes),
    "pleasant": (ONEROUSNESS, lambda thousandths: Amount(thousandths // 10)),
    "unpleasant": (ONEROUSNESS, lambda thousandths: Amount(thousandths // 10)),
    "allowance": (MONTHLY, Minutes),
    "quota": (MONTHLY, Minutes),
}
"""Between which values each parameter may be, and as what it is shown."""


def changed(scheme: Scheme, **to: Any) -> Scheme:
    """The scheme with some of its parameters changed. Raises Refusal for a value out of bounds, and for no change."""
    for name, value in to.items():
        if name in LIMITS:
            bounds, shown = LIMITS[name]
            if not bounds.low <= value <= bounds.high:
                raise Refusal(T("It can be from {low} to {high}.", low=shown(bounds.low), high=shown(bounds.high)))
    found = replace(scheme, **to)
    if found == scheme:
        raise Refusal(T("That is how it is already."))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How hours are counted in one committee now. `fund`, `committee`: the accounts of these two."""

    scheme: Scheme
    fund: int
    committee: int
    pooling: frozenset[int] = frozenset()

    def legs(self, plain: Sequence[Posting]) -> tuple[Posting, ...]:
        """What becomes of plain hours. Raises Refusal where nobody counts."""
        parameters = {"levy": self.scheme.levy, "fund": self.fund, "committee": self.committee}
        return self.scheme.policy.count(plain, State(pooling=self.pooling), parameters)

    def under(self, scheme: Scheme) -> Counting:
        """The same committee, if it had decided otherwise."""
        return replace(self, scheme=scheme)


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
