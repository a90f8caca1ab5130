"""The rules of the hours: double entry, a lower limit, and corrections by opposite entries only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.text import Minutes, Refusal, T

FLOOR_DEFAULT = Minutes(-12 * 60)
"""What others settled on, so that a first exchange does not fail (community-exchange-network/komunitin#711)."""
UNDO_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody's hours in one committee, in minutes; or what they have in another unit, in hundredths of it.

    `held`: what they have promised in exchanges that wait for a yes; it counts as if it had gone already. `floor`: the
    lowest balance that a transfer may leave; None: no limit. `unit`: the id of the other unit; None: hours.
    """

    id: int
    balance: Minutes
    floor: Minutes | None
    held: Minutes = Minutes(0)
    unit: int | None = None

    @property
    def available(self) -> Minutes:
        """What is left when all that they have promised has gone."""
        return Minutes(self.balance - self.held)


@dataclass(frozen=True, slots=True)
class Posting:
    """What one account gains (or, below zero, loses): minutes, or hundredths of the account's unit."""

    account_id: int
    minutes: Minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Postings that belong together, all in one unit (None: hours). They sum to zero.

    `floors`: by account the lowest balance, less what is held, that it may leave; the books refuse it otherwise.
    Accounts that are not named have no limit.
    """

    postings: tuple[Posting, ...]
    at: datetime
    floors: Mapping[int, Minutes] = field(default_factory=dict, compare=False)
    unit: int | None = None

    def __post_init__(self) -> None:
        assert sum(posting.minutes for posting in self.postings) == 0
        assert all(posting.minutes for posting in self.postings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A transfer as it stands in the books, with what decides whether it may be undone."""

    transfer: Transfer
    number: int
    recorder_id: int | None
    """None: nobody alone recorded it, it was done for all at the end of a period."""
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


class NeedsYes(Refusal):
    """Undoing this takes the yes of those whose hours fall by it. `accounts`: theirs."""

    def __init__(self, *, number: int, accounts: frozenset[int]) -> None:
        super().__init__(T("To undo no. {number}, the other side has to agree.", number=number))
        self.accounts = accounts


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
    return post([Posting(giver.id, Minutes(-minutes)), Posting(receiver.id, minutes)], [giver, receiver], at=at)


def post(
    legs: Sequence[Posting], accounts: Iterable[Account], *, at: datetime, released: Mapping[int, Minutes] | None = None
) -> Transfer:
    """What was quoted becomes a transfer. `accounts`: those of the legs, as they are now.

    `released`: by account what the exchange itself held until now. Raises BelowFloor for the first account, by id, that
    would be left too low; what others have still promised counts.
    """
    changes = balances(legs)
    floors: dict[int, Minutes] = {}
    units: set[int | None] = set()
    for account in sorted(accounts, key=lambda account: account.id):
        change = changes.get(account.id, Minutes(0))
        if change:
            units.add(account.unit)
        if account.floor is None or change >= 0:
            continue
        left = Minutes(account.balance - account.held + (released or {}).get(account.id, 0) + change)
        if left < account.floor:
            raise BelowFloor(left=left, floor=account.floor)
        floors[account.id] = account.floor
    postings = tuple(Posting(id_, minutes) for id_, minutes in changes.items() if minutes)
    assert len(units) <= 1, "hours and other units never mix"
    return Transfer(postings=postings, at=at, floors=floors, unit=next(iter(units), None))


def holds(legs: Sequence[Posting], accounts: Iterable[Account], *, at: datetime) -> dict[int, Minutes]:
    """What an exchange that waits for a yes keeps back, by account. Raises BelowFloor where there is no room for it."""
    return {
        posting.account_id: Minutes(-posting.minutes)
        for posting in post(legs, accounts, at=at).postings
        if posting.minutes < 0
    }


def carry(old: Account, new: Account, *, at: datetime) -> Transfer | None:
    """All that is on one account goes to another of the same person, whatever the limit. None: there is nothing."""
    assert old.id != new.id
    assert old.unit == new.unit, "hours and other units never mix"
    if not old.balance:
        return None
    return Transfer(
        postings=(Posting(old.id, Minutes(-old.balance)), Posting(new.id, old.balance)), at=at, unit=old.unit
    )


def reversal(
    recorded: Recorded, *, by: int, said_at: datetime, at: datetime, agreed: Collection[int] = (), decided: bool = False
) -> Transfer:
    """The opposite of a transfer, recorded `at`, as asked by the member `by` at the instant `said_at`.

    Whoever recorded it may undo it alone for UNDO_WITHIN. Later it takes the yes of all whose hours fall by it
    (`agreed`: the accounts of those who said it), or the committee has `decided` it. An undo is never refused for a
    limit: it puts things back. Raises NeedsYes, and Refusal where there is nothing to undo.
    """
    if recorded.is_reversal:
        raise Refusal(T("That entry is itself an undo. Record it again instead."))
    if recorded.is_reversed:
        raise Refusal(T("No. {number} is undone already.", number=recorded.number))
    back = {account: Minutes(-minutes) for account, minutes in balances(recorded.transfer.postings).items() if minutes}
    if recorded.is_carry or not back:
        # Since then the two accounts have turned out to be one person's.
        raise Refusal(
            T("No. {number} is between two accounts of yours. There is nothing to take back.", number=recorded.number)
        )
    alone = by == recorded.recorder_id and said_at - recorded.transfer.at <= UNDO_WITHIN
    losing = frozenset(account for account, minutes in back.items() if minutes < 0)
    if not (alone or decided or losing <= frozenset(agreed)):
        raise NeedsYes(number=recorded.number, accounts=losing)
    return Transfer(
        postings=tuple(Posting(account, minutes) for account, minutes in back.items()),
        at=at,
        unit=recorded.transfer.unit,
    )


def past_limit(transfer: Transfer, accounts: Iterable[Account]) -> list[int]:
    """The accounts, by id, that a transfer takes below their limit; an undo is recorded all the same, and says so."""
    changes = balances(transfer.postings)
    return sorted(
        account.id
        for account in accounts
        if account.floor is not None
        and changes.get(account.id, 0) < 0
        and account.balance - account.held + changes[account.id] < account.floor
    )


def balances(postings: Iterable[Posting]) -> dict[int, Minutes]:
    """The fold of the postings: each account's balance."""
    sums: dict[int, Minutes] = {}
    for posting in postings:
        sums[posting.account_id] = Minutes(sums.get(posting.account_id, 0) + posting.minutes)
    return sums
