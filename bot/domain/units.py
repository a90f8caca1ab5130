"""Units beside hours: a local one, that people give each other, and money of which it is only recorded who paid whom.

Mutual credit in a unit of its own is what LETS have done since Michael Linton's in Comox Valley (1983): every payment
makes as much on the one side as it takes from the other, so each unit by itself always sums to zero, and none is ever
changed into another by the bot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from bot.domain import amounts, board, ledger
from bot.domain.ledger import Account, Posting, Transfer
from bot.text import Amount, Minutes, Refusal, T, Text, Typed

UnitKind = Literal["local", "money"]
"""local: members give it to each other, and have a balance. money: nobody has a balance here, the bot only records who
has paid whom."""
NAME_CHARACTERS_MAX = 16
_HOURS = frozenset(
    [
        *("hour", "hours", "hora", "horas", "stunde", "stunden", "time", "tiempo", "zeit", "h", "hs", "hr", "hrs"),
        *("std", "min", "mins", "minute", "minutes", "minuto", "minutos", "minuten"),
    ]
)


def read_name(word: str) -> str:
    """A short name for a unit, as somebody wrote it. Raises Refusal."""
    name = word.strip(" .,;:!?")
    if board.plain(name) in _HOURS:
        raise Refusal(T("Hours are there already. A unit of your own needs another name."))
    if not (2 <= len(name) <= NAME_CHARACTERS_MAX) or not name.isalpha():
        raise Refusal(
            T(
                "A unit is called by one short word of at most {n} letters, like {example}.",
                n=NAME_CHARACTERS_MAX,
                example=Typed("/unit tokens"),
            )
        )
    return name


def same(one: str, other: str) -> bool:
    """Whether two words name the same unit: capitals and marks make no difference."""
    return board.plain(one) == board.plain(other)


def found_by(said: str, names: Sequence[str], *, whole: bool = False) -> list[int]:
    """Which of the units a word means, by place: one of that name, else (unless `whole`) one that begins like it.

    `token` finds `tokens`, and `euros` finds `euro`.
    """
    wanted = board.plain(said.strip(" .,;:!?"))
    known = [board.plain(name) for name in names]
    exact = [place for place, name in enumerate(known) if name == wanted]
    if exact or whole or len(wanted) < 3:
        return exact
    return [
        place
        for place, name in enumerate(known)
        if name.startswith(wanted) or (wanted.startswith(name) and len(wanted) - len(name) <= 2)
    ]


def has_sign(words: Sequence[str]) -> bool:
    """Whether an amount of money begins here: its sign stands before or behind it."""
    return any(sign in word for word in words[:2] for sign in amounts.SIGNS) and words[0][:1] not in ("@", "/")


class TooLow(Refusal):
    """The payment would leave somebody below the unit's limit. Told in private: it says what they have."""

    def __init__(self, *, left: Text, floor: Text) -> None:
        super().__init__(
            T(
                "That would take you to {left}, below the limit of {floor}, so nothing was recorded.",
                left=left,
                floor=floor,
            ),
            private=True,
        )


def payment(giver: Account, receiver: Account, amount: Amount, *, unit: Text, at: datetime) -> Transfer:
    """The giver's balance falls, the receiver's rises, by the same whole number of hundredths above zero.

    `unit`: what it is called. Raises TooLow, or Refusal where both are one account.
    """
    assert amount > 0
    assert giver.unit == receiver.unit
    assert giver.unit is not None
    if giver.id == receiver.id:
        raise Refusal(T("You cannot pay yourself. To whom did it go?"))
    legs = [Posting(giver.id, Minutes(-amount)), Posting(receiver.id, Minutes(amount))]
    try:
        return ledger.post(legs, [giver, receiver], at=at)
    except ledger.BelowFloor as short:
        raise TooLow(
            left=T("{amount} {unit}", amount=Amount(short.left), unit=unit),
            floor=T("{amount} {unit}", amount=Amount(short.floor), unit=unit),
        ) from None


def settled(accounts: Iterable[Account], purse: Account, *, at: datetime) -> Transfer | None:
    """What is on all accounts of a unit goes to the committee's own: as they sum to zero, all stand at zero then.

    None: they do already. Nobody's limit matters: it puts an end to the unit.
    """
    changes = {one.id: -one.balance for one in accounts if one.balance and one.id != purse.id}
    if not changes:
        return None
    changes[purse.id] = -sum(changes.values())
    postings = tuple(Posting(account, Minutes(change)) for account, change in sorted(changes.items()) if change)
    return Transfer(postings=postings, at=at, unit=purse.unit)
