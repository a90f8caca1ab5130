"""Units beside hours: none mixes with another, each sums to zero, floors hold, and the end leaves all at zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import audit, chain, ledger, units
from bot.domain.ledger import Account, BelowFloor, Posting, Recorded
from bot.domain.units import TooLow
from bot.text import Amount, Minutes, Reader, Refusal, T, shown

NOW = datetime(2026, 1, 5, tzinfo=UTC)
TOKENS = T("tokens")
UNITS: tuple[int | None, ...] = (None, 1, 2)
FLOORS: Mapping[int | None, int | None] = {None: -720, 1: -5000, 2: None}
PEOPLE = range(1, 5)


def opened() -> dict[int, Account]:
    """Everybody's account in each unit, and with the id 10 * unit the committee's."""
    found = {}
    for place, unit in enumerate(UNITS):
        for person in (0, *PEOPLE):
            floor = FLOORS[unit] if person else None
            found[10 * place + person] = Account(
                id=10 * place + person,
                balance=Minutes(0),
                floor=None if floor is None else Minutes(floor),
                unit=unit,
            )
    return found


payments = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 4), st.integers(1, 4000), st.booleans()),
    max_size=40,
)


def pay(accounts: dict[int, Account], giver: Account, receiver: Account, amount: int) -> ledger.Transfer | None:
    """What the rules make of it; None: they refuse it."""
    try:
        if giver.unit is None:
            return ledger.transfer(giver, receiver, Minutes(amount), at=NOW)
        return units.payment(giver, receiver, Amount(amount), unit=TOKENS, at=NOW)
    except (TooLow, BelowFloor):
        return None
    except Refusal:
        assert giver.id == receiver.id
        return None


def booked(accounts: dict[int, Account], transfer: ledger.Transfer) -> None:
    """The books after it."""
    for posting in transfer.postings:
        account = accounts[posting.account_id]
        assert account.unit == transfer.unit
        accounts[account.id] = replace(account, balance=Minutes(account.balance + posting.minutes))


def sums(accounts: dict[int, Account]) -> dict[int | None, int]:
    """What does not come to zero."""
    of = {account.id: account.unit for account in accounts.values() if account.unit is not None}
    return audit.sums([(account.id, account.balance) for account in accounts.values()], of)


@given(payments)
def test_whatever_is_paid_in_hours_and_other_units_each_sums_to_zero_and_no_floor_is_passed(
    found: list[tuple[int, int, int, int, bool]],
) -> None:
    accounts = opened()
    done: list[ledger.Transfer] = []
    for place, who, whom, amount, undone in found:
        giver, receiver = accounts[10 * place + who], accounts[10 * place + whom]
        before = {account.id: account.balance for account in accounts.values() if account.unit != giver.unit}
        transfer = pay(accounts, giver, receiver, amount)
        fits = giver.floor is None or giver.balance - amount >= giver.floor
        assert (transfer is not None) == (fits and giver.id != receiver.id)
        if transfer is None:
            continue
        booked(accounts, transfer)
        done.append(transfer)
        if undone:
            recorded = Recorded(transfer=transfer, number=1, recorder_id=7, is_reversal=False, is_reversed=False)
            opposite = ledger.reversal(recorded, by=7, said_at=NOW, at=NOW)
            assert opposite.unit == transfer.unit
            booked(accounts, opposite)
            done.append(opposite)
        assert sums(accounts) == {}
        assert before == {account.id: account.balance for account in accounts.values() if account.unit != giver.unit}
        assert all(one.floor is None or one.balance >= one.floor for one in accounts.values())
    # Replaying what was written gives the same books.
    again = opened()
    for transfer in done:
        booked(again, transfer)
    assert again == accounts


@given(payments, st.sampled_from([1, 2]))
def test_the_end_of_a_unit_leaves_all_at_zero_in_it_and_changes_nothing_else(
    found: list[tuple[int, int, int, int, bool]], unit: int
) -> None:
    accounts = opened()
    for place, who, whom, amount, _ in found:
        transfer = pay(accounts, accounts[10 * place + who], accounts[10 * place + whom], amount)
        if transfer is not None:
            booked(accounts, transfer)
    before = dict(accounts)
    own = [account for account in accounts.values() if account.unit == unit]
    end = units.settled(own, accounts[10 * UNITS.index(unit)], at=NOW)
    assert (end is None) == all(not account.balance for account in own)
    if end is not None:
        booked(accounts, end)
    for account in accounts.values():
        assert account.balance == (0 if account.unit == unit else before[account.id].balance)


def refused(act: Callable[[], object]) -> bool:
    """Whether the rules do not let it happen."""
    try:
        act()
    except AssertionError:
        return True
    return False


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 700))
def test_no_transfer_has_postings_in_two_units(one: int, other: int, amount: int) -> None:
    accounts = opened()
    legs = [Posting(one, Minutes(-amount)), Posting(10 + other, Minutes(amount))]
    assert refused(lambda: ledger.post(legs, accounts.values(), at=NOW))
    full = replace(accounts[one], balance=Minutes(amount))
    assert refused(lambda: ledger.carry(full, accounts[10 + other], at=NOW))


@given(
    st.dictionaries(st.integers(1, 20), st.integers(-1000, 1000), max_size=20),
    st.dictionaries(st.integers(1, 20), st.integers(1, 3), max_size=20),
)
def test_sums_are_taken_of_each_unit_by_itself(balances: dict[int, int], of: dict[int, int]) -> None:
    found = audit.sums(balances.items(), of)
    for unit in (None, 1, 2, 3):
        assert found.get(unit, 0) == sum(amount for id_, amount in balances.items() if of.get(id_) == unit)
    assert 0 not in found.values()


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.integers(1, 100))
def test_an_entry_that_says_another_unit_than_that_of_its_accounts_is_found(
    told: int | None, of: int | None, amount: int
) -> None:
    body = {"number": 1, "recorder": 7, "postings": [[1, -amount], [2, amount]]} | (
        {} if told is None else {"unit": told}
    )
    entry = chain.entry(committee="riverside", previous=None, kind="transfer", at_us=1, body=body)
    booked = {1: audit.Booked(1, 7, None, {1: -amount, 2: amount}, None)}
    units_of = {} if of is None else {1: of, 2: of}
    if told == of:
        audit.follow("riverside", audit.Progress(), [entry], booked, units=units_of)
        return
    with pytest.raises(audit.Broken) as broken:
        audit.follow("riverside", audit.Progress(), [entry], booked, units=units_of)
    assert broken.value.fault == "transfer"


@given(st.text(max_size=30))
def test_a_name_of_a_unit_is_one_short_word_that_no_amount_or_time_is(word: str) -> None:
    try:
        name = units.read_name(word)
    except Refusal:
        return
    assert 2 <= len(name) <= units.NAME_CHARACTERS_MAX
    assert name.isalpha()
    assert units.found_by(name, [name]) == [0]
    assert units.same(name, name.upper()) or name.upper().casefold() != name.casefold()


@pytest.mark.parametrize("word", ["hours", "Stunden", "HORAS", "h", "min", "a", "tokens2", "12", "@ana", "two words"])
def test_what_cannot_be_a_name_is_refused(word: str) -> None:
    with pytest.raises(Refusal):
        units.read_name(word)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("tokens", [0]), ("Token", [0]), ("tokens,", [0]), ("tok", [0]), ("to", []), ("euros", [1]), ("tokensxyz", []),
        ("péniques", [2]), ("peniques", [2]), ("e", []), ("", []),
    ],
)  # fmt: skip
def test_a_unit_is_found_by_its_name_or_its_beginning(said: str, found: list[int]) -> None:
    assert units.found_by(said, ["tokens", "euro", "Peniques"]) == found


def test_whoever_would_go_below_the_limit_reads_it_in_the_unit() -> None:
    accounts = opened()
    with pytest.raises(TooLow) as low:
        units.payment(accounts[11], accounts[12], Amount(5001), unit=TOKENS, at=NOW)
    assert low.value.private, "it says what somebody has"
    assert shown(low.value.words, Reader()) == (
        "That would take you to -50.01 tokens, below the limit of -50.00 tokens, so nothing was recorded."
    )
