"""The rules of the hours, for every amount and in every order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain import grammar, ledger
from bot.domain.ledger import Account, BelowFloor, NeedsYes, Posting, Recorded, Transfer
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


@st.composite
def legs(draw: st.DrawFn) -> list[Posting]:
    """What several give and several gain at once, an account perhaps in more than one leg; it sums to zero."""
    moves = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), amounts), min_size=1, max_size=6))
    found = [
        Posting(id_, Minutes(sign * minutes))
        for *pair, minutes in moves
        for id_, sign in zip(pair, (-1, 1), strict=True)
    ]
    assume(any(ledger.balances(found).values()))
    return found


def below(left: int, floor: int | None) -> bool:
    return floor is not None and left < floor


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
def test_after_ten_minutes_nobody_takes_it_back_alone(transfer: Transfer, late: timedelta) -> None:
    ledger.reversal(recorded(transfer), by=1, said_at=NOW + ledger.UNDO_WITHIN, at=NOW)
    with pytest.raises(NeedsYes):
        ledger.reversal(recorded(transfer), by=1, said_at=NOW + ledger.UNDO_WITHIN + late, at=NOW)


@given(transfer=transfers(), arrived=st.timedeltas(timedelta(), timedelta(hours=24)))
def test_what_was_said_in_time_counts_however_late_it_arrives(transfer: Transfer, arrived: timedelta) -> None:
    said = NOW + ledger.UNDO_WITHIN
    assert ledger.reversal(recorded(transfer), by=1, said_at=said, at=said + arrived).at == said + arrived


@given(
    transfer=transfers(),
    by=st.integers(1, 9),
    recorder=st.integers(1, 9),
    late=st.booleans(),
    undo=st.booleans(),
    undone=st.booleans(),
)
def test_only_whoever_recorded_it_takes_it_back_alone_in_ten_minutes_and_it_goes_back_once(
    transfer: Transfer, by: int, recorder: int, late: bool, undo: bool, undone: bool
) -> None:
    entry = recorded(transfer, recorder_id=recorder, undo=undo, undone=undone)
    said = NOW + ledger.UNDO_WITHIN + timedelta(seconds=late)
    if undo or undone:
        # Neither consent nor a decision undoes twice, nor undoes an undo.
        everybody = [posting.account_id for posting in transfer.postings]
        for decided in (False, True):
            with pytest.raises(Refusal) as refused:
                ledger.reversal(entry, by=by, said_at=said, at=said, agreed=everybody, decided=decided)
            assert not isinstance(refused.value, NeedsYes)
            assert shown(refused.value.words, Reader())
    elif by == recorder and not late:
        ledger.reversal(entry, by=by, said_at=said, at=said)
    else:
        with pytest.raises(NeedsYes):
            ledger.reversal(entry, by=by, said_at=said, at=said)


@given(legs=legs(), agreed=st.sets(st.integers(1, 9)))
def test_later_it_takes_the_yes_of_all_whose_hours_fall_by_it_and_of_nobody_else(
    legs: list[Posting], agreed: set[int]
) -> None:
    entry = recorded(ledger.post(legs, [], at=NOW))
    losing = {account_id for account_id, minutes in ledger.balances(legs).items() if minutes > 0}
    late = NOW + timedelta(days=1)
    if losing <= agreed:
        opposite = ledger.reversal(entry, by=1, said_at=late, at=late, agreed=agreed)
        assert set(ledger.balances([*legs, *opposite.postings]).values()) == {0}
    else:
        with pytest.raises(NeedsYes) as refused:
            ledger.reversal(entry, by=1, said_at=late, at=late, agreed=agreed)
        assert refused.value.accounts == losing
    # What the committee has decided needs nobody's yes.
    assert ledger.reversal(entry, by=1, said_at=late, at=late, decided=True)


@given(legs=legs(), balance=balances, held=st.integers(0, 10**6), floor=floors)
def test_an_undo_is_never_refused_for_a_limit_and_names_exactly_those_it_takes_past_it(
    legs: list[Posting], balance: Minutes, held: int, floor: Minutes | None
) -> None:
    accounts = [Account(id=id_, balance=balance, floor=floor, held=Minutes(held)) for id_ in range(1, 10)]
    opposite = ledger.reversal(recorded(ledger.post(legs, [], at=NOW)), by=1, said_at=NOW, at=NOW)
    assert not opposite.floors, "nor do the books refuse it"
    changes = ledger.balances(opposite.postings)
    expected = [id_ for id_, change in changes.items() if change < 0 and below(balance - held + change, floor)]
    assert ledger.past_limit(opposite, accounts) == sorted(expected)


# --- what waits for a yes ----------------------------------------------------------------------------------------


@given(legs=legs(), balance=balances, held=st.integers(0, 10**6), floor=floors)
def test_what_is_promised_counts_as_if_it_had_gone(
    legs: list[Posting], balance: Minutes, held: int, floor: Minutes | None
) -> None:
    promised = [Account(id=id_, balance=balance, floor=floor, held=Minutes(held)) for id_ in range(1, 10)]
    gone = [Account(id=id_, balance=Minutes(balance - held), floor=floor) for id_ in range(1, 10)]
    without_room = [
        id_
        for id_, change in sorted(ledger.balances(legs).items())
        if change < 0 and below(balance - held + change, floor)
    ]
    if without_room:
        for refusing in (ledger.post, ledger.holds):
            with pytest.raises(BelowFloor) as refused:
                refusing(legs, promised, at=NOW)
            left = balance - held + ledger.balances(legs)[without_room[0]]
            assert (refused.value.left, refused.value.floor) == (left, floor)
        return
    transfer = ledger.post(legs, promised, at=NOW)
    changes = ledger.balances(legs)
    assert transfer == ledger.post(legs, gone, at=NOW)
    assert ledger.balances(transfer.postings) == {id_: change for id_, change in changes.items() if change}
    # The books look at the limit of each who gives once more, and of nobody who gains.
    giving = {id_ for id_, change in changes.items() if change < 0}
    assert transfer.floors == (dict.fromkeys(giving, floor) if floor is not None else {})
    assert not any(below(balance - held + changes[id_], floor) for id_ in giving)
    # Exactly what each would give is kept back, and from nobody else.
    assert ledger.holds(legs, promised, at=NOW) == {id_: -changes[id_] for id_ in giving}


@given(legs=legs(), balance=balances, floor=floors)
def test_what_could_be_promised_can_be_given_once_there_is_a_yes(
    legs: list[Posting], balance: Minutes, floor: Minutes | None
) -> None:
    accounts = [Account(id=id_, balance=balance, floor=floor) for id_ in range(1, 10)]
    try:
        held = ledger.holds(legs, accounts, at=NOW)
    except BelowFloor:
        return
    since = [Account(id=a.id, balance=a.balance, floor=floor, held=held.get(a.id, Minutes(0))) for a in accounts]
    assert ledger.post(legs, since, at=NOW, released=held) == ledger.post(legs, accounts, at=NOW)


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
