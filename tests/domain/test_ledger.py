"""The rules of the hours, for every amount and in every order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import grammar, ledger
from bot.domain.ledger import Account, BelowFloor, Posting, Recorded, Transfer
from bot.text import Minutes, Reader, Refusal, shown

NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)

amounts = st.integers(1, grammar.MINUTES_MAX).map(Minutes)
balances = st.integers(-(10**6), 10**6).map(Minutes)
floors = st.none() | st.integers(-(10**6), 0).map(Minutes)
stretches = st.timedeltas(timedelta(), ledger.UNDO_WITHIN)


def account(id_: int, balance: int = 0, floor: int | None = None) -> Account:
    return Account(id=id_, balance=Minutes(balance), floor=None if floor is None else Minutes(floor))


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """Any transfer that the rules let through."""
    giver, receiver = draw(st.lists(st.integers(1, 50), min_size=2, max_size=2, unique=True))
    return ledger.transfer(account(giver), account(receiver), draw(amounts), at=NOW)


def recorded(transfer: Transfer, *, recorder_id: int = 1, undo: bool = False, undone: bool = False) -> Recorded:
    return Recorded(transfer=transfer, number=7, recorder_id=recorder_id, is_reversal=undo, is_reversed=undone)


# --- thanking --------------------------------------------------------------------------------------------------


@given(giver=balances, receiver=balances, minutes=amounts)
def test_what_one_gives_the_other_gains_and_hours_sum_to_zero(
    giver: Minutes, receiver: Minutes, minutes: Minutes
) -> None:
    transfer = ledger.transfer(account(1, giver), account(2, receiver), minutes, at=NOW)
    assert sum(posting.minutes for posting in transfer.postings) == 0
    assert ledger.balances(transfer.postings) == {1: -minutes, 2: minutes}
    assert transfer.at == NOW


@given(balance=balances, floor=floors, minutes=amounts)
def test_nobody_is_taken_below_the_limit_and_nobody_above_it_is_stopped(
    balance: Minutes, floor: Minutes | None, minutes: Minutes
) -> None:
    giver = Account(id=1, balance=balance, floor=floor)
    if floor is not None and balance - minutes < floor:
        with pytest.raises(BelowFloor) as refused:
            ledger.transfer(giver, account(2), minutes, at=NOW)
        assert (refused.value.left, refused.value.floor) == (balance - minutes, floor)
        assert refused.value.private, "it tells what somebody has"
    else:
        left = ledger.balances(ledger.transfer(giver, account(2), minutes, at=NOW).postings)[1] + balance
        assert floor is None or left >= floor


@given(floor=st.integers(-(10**6), -1))
def test_the_limit_itself_can_be_reached_and_not_a_minute_more(floor: int) -> None:
    ledger.transfer(account(1, 0, floor), account(2), Minutes(-floor), at=NOW)
    with pytest.raises(BelowFloor):
        ledger.transfer(account(1, 0, floor), account(2), Minutes(-floor + 1), at=NOW)


@given(balance=balances, floor=floors, minutes=amounts)
def test_the_receivers_own_limit_never_stands_in_the_way(
    balance: Minutes, floor: Minutes | None, minutes: Minutes
) -> None:
    assert ledger.transfer(account(1), Account(id=2, balance=balance, floor=floor), minutes, at=NOW)


@given(minutes=amounts)
def test_nobody_thanks_themselves(minutes: Minutes) -> None:
    with pytest.raises(Refusal):
        ledger.transfer(account(1), account(1), minutes, at=NOW)


@given(minutes=st.integers(-(10**6), 0).map(Minutes))
def test_nothing_and_less_than_nothing_cannot_be_given(minutes: Minutes) -> None:
    with pytest.raises(AssertionError):
        ledger.transfer(account(1), account(2), minutes, at=NOW)


@given(postings=st.lists(st.builds(Posting, st.integers(1, 9), st.integers(-999, 999).map(Minutes)), max_size=5))
def test_a_transfer_that_does_not_sum_to_zero_or_moves_nothing_cannot_be_made(postings: list[Posting]) -> None:
    sound = sum(posting.minutes for posting in postings) == 0 and all(posting.minutes for posting in postings)
    if sound:
        Transfer(postings=tuple(postings), at=NOW)
    else:
        with pytest.raises(AssertionError):
            Transfer(postings=tuple(postings), at=NOW)


# --- undoing ---------------------------------------------------------------------------------------------------


@given(transfer=transfers(), later=stretches)
def test_an_undo_puts_every_balance_back_exactly(transfer: Transfer, later: timedelta) -> None:
    opposite = ledger.reversal(recorded(transfer), by=1, said_at=NOW + later, at=NOW + later)
    assert set(ledger.balances([*transfer.postings, *opposite.postings]).values()) == {0}
    assert opposite.at == NOW + later


@given(transfer=transfers(), late=st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)))
def test_after_ten_minutes_it_stands(transfer: Transfer, late: timedelta) -> None:
    ledger.reversal(recorded(transfer), by=1, said_at=NOW + ledger.UNDO_WITHIN, at=NOW)
    with pytest.raises(Refusal):
        ledger.reversal(recorded(transfer), by=1, said_at=NOW + ledger.UNDO_WITHIN + late, at=NOW)


@given(transfer=transfers(), arrived=st.timedeltas(timedelta(), timedelta(hours=24)))
def test_what_was_said_in_time_counts_however_late_it_arrives(transfer: Transfer, arrived: timedelta) -> None:
    said = NOW + ledger.UNDO_WITHIN
    assert ledger.reversal(recorded(transfer), by=1, said_at=said, at=said + arrived).at == said + arrived


@given(transfer=transfers(), by=st.integers(1, 9), recorder=st.integers(1, 9), undo=st.booleans(), undone=st.booleans())
def test_only_whoever_recorded_it_takes_it_back_and_only_once(
    transfer: Transfer, by: int, recorder: int, undo: bool, undone: bool
) -> None:
    entry = recorded(transfer, recorder_id=recorder, undo=undo, undone=undone)
    if by == recorder and not undo and not undone:
        ledger.reversal(entry, by=by, said_at=NOW, at=NOW)
    else:
        with pytest.raises(Refusal) as refused:
            ledger.reversal(entry, by=by, said_at=NOW, at=NOW)
        assert shown(refused.value.words, Reader())


# --- many at once ------------------------------------------------------------------------------------------------


@given(
    moves=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), amounts, st.booleans()), max_size=40),
    floor=st.integers(-3000, 0),
)
def test_after_any_exchanges_hours_sum_to_zero_and_nobody_is_below_the_limit(
    moves: list[tuple[int, int, Minutes, bool]], floor: int
) -> None:
    books: list[Posting] = []
    for giver, receiver, minutes, undone in moves:
        now = ledger.balances(books)
        try:
            transfer = ledger.transfer(
                account(giver, now.get(giver, 0), floor),
                account(receiver, now.get(receiver, 0), floor),
                minutes,
                at=NOW,
            )
        except Refusal:
            continue
        books += transfer.postings
        if undone:
            books += ledger.reversal(recorded(transfer), by=1, said_at=NOW, at=NOW).postings
        after = ledger.balances(books)
        assert sum(after.values()) == 0
        # Each undo here follows at once, so it takes nobody lower than they were.
        assert all(minutes >= floor for minutes in after.values())


@given(postings=st.lists(st.builds(Posting, st.integers(1, 5), st.integers(-99, 99).map(Minutes)), max_size=30))
def test_balances_do_not_depend_on_the_order_of_the_books(postings: list[Posting]) -> None:
    assert ledger.balances(postings) == ledger.balances(reversed(postings))
    assert sum(ledger.balances(postings).values()) == sum(posting.minutes for posting in postings)
