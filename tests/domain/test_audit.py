"""Recomputing the books: whatever does not agree is found, whatever does is left alone, in stretches of any length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import audit, chain
from bot.domain.audit import Booked, Broken, Progress
from bot.domain.chain import Entry

COMMITTEE = "riverside"
NOTE = "5" * 64

exchanges = st.tuples(st.integers(1, 4), st.integers(5, 8), st.integers(1, 600), st.booleans())
told = st.lists(st.none() | exchanges, min_size=1, max_size=12)


@dataclass
class Books:
    """A chain, the transfers beside it, and the balances."""

    entries: list[Entry]
    booked: dict[int, Booked]
    balances: dict[int, int]

    def recompute(self, stretch: int = 5) -> Progress:
        """What `/log verify` does, `stretch` entries at a time."""
        found = Progress()
        for at in range(0, len(self.entries), stretch):
            found = audit.follow(COMMITTEE, found, self.entries[at : at + stretch], self.booked)
        audit.close(found, transfers=len(self.booked), balances=self.balances)
        return found


def made(told: list[tuple[int, int, int, bool] | None]) -> Books:
    """None: an entry that is no transfer; else who gave whom how much, and whether with words."""
    books = Books([], {}, {})
    for what in told:
        previous = books.entries[-1] if books.entries else None
        body: dict[str, Any] = {"member": 1}
        if what is not None:
            giver, receiver, minutes, worded = what
            number = len(books.booked) + 1
            body = {"number": number, "recorder": giver, "postings": [[giver, -minutes], [receiver, minutes]]}
            body |= {"note": NOTE} if worded else {}
        kind = "joined" if what is None else "transfer"
        entry = chain.entry(committee=COMMITTEE, previous=previous, kind=kind, at_us=1, body=body)
        books.entries.append(entry)
        if what is not None:
            books.booked[entry.number] = Booked(
                number=number,
                recorder=giver,
                reverses=None,
                postings={giver: -minutes, receiver: minutes},
                note_hash=NOTE if worded else None,
            )
            for account, change in ((giver, -minutes), (receiver, minutes)):
                books.balances[account] = books.balances.get(account, 0) + change
    return books


@given(books=told.map(made), stretch=st.integers(1, 13))
def test_sound_books_are_found_sound_however_they_are_cut(books: Books, stretch: int) -> None:
    found = books.recompute(stretch)
    assert (found.number, found.hash) == (len(books.entries), books.entries[-1].hash)
    assert found.transfers == len(books.booked)


@given(books=told.filter(any).map(made), data=st.data())
def test_a_transfer_that_is_not_what_its_entry_says_is_found_there(books: Books, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(sorted(books.booked)))
    was = books.booked[at]
    more = {account: minutes + (1 if minutes > 0 else -1) for account, minutes in was.postings.items()}
    others = {account + 10: minutes for account, minutes in was.postings.items()}
    changed = [
        was._replace(number=was.number + 1),
        was._replace(recorder=was.recorder + 1),
        was._replace(reverses=1),
        was._replace(postings=more),
        was._replace(postings=others),
        None,
    ]
    new = data.draw(st.sampled_from(changed))
    if new is None:
        del books.booked[at]
    else:
        books.booked[at] = new
    with pytest.raises(Broken) as broken:
        books.recompute()
    assert (broken.value.number, broken.value.fault) == (at, "transfer")


def test_an_exchange_that_makes_hours_out_of_nothing_is_found_though_its_entry_says_the_same() -> None:
    body = {"number": 1, "recorder": 1, "postings": [[1, -60], [2, 61]]}
    entry = chain.entry(committee=COMMITTEE, previous=None, kind="transfer", at_us=1, body=body)
    booked = Booked(number=1, recorder=1, reverses=None, postings={1: -60, 2: 61}, note_hash=None)
    with pytest.raises(Broken) as broken:
        audit.follow(COMMITTEE, Progress(), [entry], {1: booked})
    assert (broken.value.number, broken.value.fault) == (1, "transfer")


@given(books=told.filter(any).map(made), data=st.data())
def test_changed_words_are_found_and_erased_ones_are_none_of_its_business(books: Books, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(sorted(books.booked)))
    books.booked[at] = books.booked[at]._replace(note_hash=None)
    books.recompute()
    books.booked[at] = books.booked[at]._replace(note_hash="6" * 64)
    with pytest.raises(Broken) as broken:
        books.recompute()
    assert (broken.value.number, broken.value.fault) == (at, "note")


@given(books=told.map(made), account=st.integers(1, 8), other=st.integers(1, 8), minutes=st.integers(1, 600))
def test_a_balance_that_is_not_the_sum_of_its_exchanges_is_found(
    books: Books, account: int, other: int, minutes: int
) -> None:
    books.balances[account] = books.balances.get(account, 0) + minutes
    with pytest.raises(Broken) as broken:
        books.recompute()
    assert broken.value.fault == "balance"
    # Also where somebody else's makes up for it.
    if other != account:
        books.balances[other] = books.balances.get(other, 0) - minutes
        with pytest.raises(Broken):
            books.recompute()


@given(books=told.map(made))
def test_a_transfer_that_the_chain_does_not_know_is_found(books: Books) -> None:
    found = Progress()
    found = audit.follow(COMMITTEE, found, books.entries, books.booked)
    with pytest.raises(Broken):
        audit.close(found, transfers=len(books.booked) + 1, balances=books.balances)


def test_what_is_found_passes_through_whatever_it_is_found_within() -> None:
    @contextmanager
    def within() -> Iterator[None]:
        yield  # As a transaction does; on the way out the exception is given its traceback.

    found = Broken(number=7, fault="hold")
    with pytest.raises(Broken) as broken, within():
        raise found
    assert broken.value is found
