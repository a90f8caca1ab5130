"""How hours are counted: by which legs an event of help becomes a transfer. The committee chooses.

A policy is pure and versioned: the same event, state and parameters always give the same legs, which sum to zero. What
it quotes is shown before anybody says yes, and its name and version stand in the entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


EQUAL = Policy(name="equal", version=1, quote=equal)
POLICIES: Mapping[tuple[str, int], Policy] = {(policy.name, policy.version): policy for policy in (EQUAL,)}
"""By name and version: entries keep both, so that each can be explained for ever."""


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
