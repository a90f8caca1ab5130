"""The rules of the hours: double entry, a lower limit, and corrections by opposite entries only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.text import Minutes, Refusal, T

FLOOR_DEFAULT = Minutes(-12 * 60)
"""What others settled on, so that a first exchange does not fail (community-exchange-network/komunitin#711)."""
UNDO_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody's hours in one committee. `floor`: the lowest balance that a transfer may leave; None: no limit."""

    id: int
    balance: Minutes
    floor: Minutes | None


@dataclass(frozen=True, slots=True)
class Posting:
    """What one account gains (or, below zero, loses)."""

    account_id: int
    minutes: Minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Postings that belong together. They sum to zero."""

    postings: tuple[Posting, ...]
    at: datetime

    def __post_init__(self) -> None:
        assert sum(posting.minutes for posting in self.postings) == 0
        assert all(posting.minutes for posting in self.postings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A transfer as it stands in the books, with what decides whether it may be undone."""

    transfer: Transfer
    number: int
    recorder_id: int
    is_reversal: bool
    is_reversed: bool
    is_carry: bool = False
    """Carried hours from one account of a person to another of theirs."""


class BelowFloor(Refusal):
    """The transfer would leave the giver below their limit. Told in private: it says what somebody has."""

    def __init__(self, *, left: Minutes, floor: Minutes) -> None:
        super().__init__(
            T(
                "That would take you to {left}, below the limit of {floor}, so nothing was recorded. "
                "Thank for less, or help somebody first.",
                left=left,
                floor=floor,
            ),
            private=True,
        )
        self.left, self.floor = left, floor


class NoHours(Refusal):
    """Children have no books."""

    def __init__(self, name: str) -> None:
        super().__init__(T("{name} is a child, and children have no hours here. Thank a parent instead.", name=name))


def transfer(giver: Account, receiver: Account, minutes: Minutes, *, at: datetime) -> Transfer:
    """The giver's hours fall, the receiver's rise, by the same whole number of minutes above zero.

    Raises BelowFloor, or Refusal where both are one account.
    """
    assert minutes > 0
    if giver.id == receiver.id:
        raise Refusal(T("You cannot thank yourself with hours. Who helped you?"))
    left = Minutes(giver.balance - minutes)
    if giver.floor is not None and left < giver.floor:
        raise BelowFloor(left=left, floor=giver.floor)
    return Transfer(postings=(Posting(giver.id, Minutes(-minutes)), Posting(receiver.id, minutes)), at=at)


def carry(old: Account, new: Account, *, at: datetime) -> Transfer | None:
    """All hours of one account go to another of the same person, whatever the limit. None: there are none."""
    assert old.id != new.id
    if not old.balance:
        return None
    return Transfer(postings=(Posting(old.id, Minutes(-old.balance)), Posting(new.id, old.balance)), at=at)


def reversal(recorded: Recorded, *, by: int, said_at: datetime, at: datetime) -> Transfer:
    """The opposite of a transfer, recorded `at`, as asked by the member `by` at the instant `said_at`.

    An undo is never refused for a limit: it puts things back. Raises Refusal where somebody else asks, where it is too
    late, and where it is done already.
    """
    if recorded.is_reversal:
        raise Refusal(T("That entry is itself an undo. Record it again instead."))
    if recorded.is_reversed:
        raise Refusal(T("No. {number} is undone already.", number=recorded.number))
    if by != recorded.recorder_id:
        raise Refusal(T("Only whoever recorded no. {number} can undo it.", number=recorded.number))
    if said_at - recorded.transfer.at > UNDO_WITHIN:
        raise Refusal(
            T(
                "No. {number} is older than {limit} and cannot be undone any more. "
                "If it is wrong, ask the other person to thank you with the same time.",
                number=recorded.number,
                limit=Minutes(UNDO_WITHIN.total_seconds() // 60),
            )
        )
    back = {account: Minutes(-minutes) for account, minutes in balances(recorded.transfer.postings).items() if minutes}
    if recorded.is_carry or not back:
        # Since then the two accounts have turned out to be one person's.
        raise Refusal(
            T("No. {number} is between two accounts of yours. There is nothing to take back.", number=recorded.number)
        )
    return Transfer(postings=tuple(Posting(account, minutes) for account, minutes in back.items()), at=at)


def balances(postings: Iterable[Posting]) -> dict[int, Minutes]:
    """The fold of the postings: each account's balance."""
    sums: dict[int, Minutes] = {}
    for posting in postings:
        sums[posting.account_id] = Minutes(sums.get(posting.account_id, 0) + posting.minutes)
    return sums
