"""The chain of the books: nothing in it changes unseen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain import chain
from bot.domain.chain import Entry

COMMITTEE = "riverside"

kinds = st.sampled_from(["founded", "transfer", "rule", "role", "decision"])
figures = st.integers() | st.text(max_size=6) | st.none()
facts = figures | st.lists(figures, max_size=2)
bodies = st.dictionaries(st.sampled_from(["number", "note", "postings", "ñ"]), facts, max_size=3)
told = st.tuples(kinds, st.integers(0, 2**60), bodies)


def made(told: list[tuple[str, int, dict[str, Any]]], committee: str = COMMITTEE) -> list[Entry]:
    entries: list[Entry] = []
    for kind, at_us, body in told:
        previous = entries[-1] if entries else None
        entries.append(chain.entry(committee=committee, previous=previous, kind=kind, at_us=at_us, body=body))
    return entries


chains = st.lists(told, min_size=1, max_size=5).map(made)


@given(entries=chains)
def test_books_that_nobody_touched_are_whole(entries: list[Entry]) -> None:
    assert chain.first_broken(COMMITTEE, entries) is None
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))


def test_books_without_entries_are_whole() -> None:
    assert chain.first_broken(COMMITTEE, []) is None


@given(entries=chains, data=st.data())
def test_any_change_of_any_entry_is_found_at_that_entry(entries: list[Entry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(entries) - 1))
    changes: dict[str, st.SearchStrategy[Any]] = {
        "number": st.integers(),
        "kind": st.text(max_size=12),
        "at_us": st.integers(),
        "body": st.text(max_size=12) | bodies.map(chain.canonical),
        "hash": st.text(alphabet="0123456789abcdef", min_size=64, max_size=64),
    }
    name = data.draw(st.sampled_from(sorted(changes)))
    value = data.draw(changes[name])
    assume(value != getattr(entries[at], name))
    entries[at] = entries[at]._replace(**{name: value})
    assert chain.first_broken(COMMITTEE, entries) == at + 1


@given(entries=st.lists(told, min_size=2, max_size=5).map(made), data=st.data())
def test_a_changed_entry_with_a_hash_that_fits_it_is_found_at_the_next(
    entries: list[Entry], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(entries) - 2))
    previous = entries[at - 1] if at else None
    forged = chain.entry(
        committee=COMMITTEE, previous=previous, kind="transfer", at_us=1, body={"postings": [[1, -60], [2, 60]]}
    )
    assume(forged != entries[at])
    entries[at] = forged
    assert chain.first_broken(COMMITTEE, entries) == at + 2


@given(entries=st.lists(told, min_size=2, max_size=5).map(made), data=st.data())
def test_an_entry_taken_out_or_put_in_or_moved_is_found(entries: list[Entry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(entries) - 2))
    gone = entries[:at] + entries[at + 1 :]
    assert chain.first_broken(COMMITTEE, gone) == at + 1
    twice = [*entries[: at + 1], entries[at], *entries[at + 1 :]]
    assert chain.first_broken(COMMITTEE, twice) == at + 2
    swapped = [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]]
    assert chain.first_broken(COMMITTEE, swapped) == at + 1


@given(entries=chains)
def test_the_books_of_one_committee_do_not_pass_for_those_of_another(entries: list[Entry]) -> None:
    assert chain.first_broken("hillside", entries) == 1


@given(entries=chains)
def test_taking_off_the_end_cannot_be_seen_from_the_rest_so_someone_must_remember_the_last_hash(
    entries: list[Entry],
) -> None:
    # What a chain cannot do. Whoever wrote the last hash down finds it missing.
    assert chain.first_broken(COMMITTEE, entries[:-1]) is None


@given(words=st.tuples(st.text(), st.text(), st.text()), numbers=st.tuples(st.integers(1), st.integers()), body=bodies)
def test_a_hash_is_that_of_canonical_json_so_that_others_can_compute_it(
    words: tuple[str, str, str], numbers: tuple[int, int], body: dict[str, Any]
) -> None:
    committee, kind, previous = words
    number, at_us = numbers
    before = Entry(number=number, kind="founded", at_us=0, body="{}", hash=previous)
    made = chain.entry(committee=committee, previous=before, kind=kind, at_us=at_us, body=body)
    covered = {"v": 1, "committee": committee, "previous": previous, "n": number + 1, "kind": kind, "at": at_us}
    covered["body"] = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    told = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert made.hash == hashlib.sha256(told.encode()).hexdigest()


@given(body=bodies)
def test_the_same_facts_are_the_same_bytes(body: dict[str, Any]) -> None:
    turned = dict(reversed(body.items()))
    assert chain.canonical(body) == chain.canonical(turned)
    assert json.loads(chain.canonical(body)) == body


def test_what_is_no_number_cannot_enter_the_books() -> None:
    with pytest.raises(ValueError):
        chain.canonical({"minutes": float("nan")})


@given(words=st.text(), others=st.text(), salt=st.text(alphabet="abcdefgh234567", min_size=16, max_size=16))
def test_a_veil_fits_its_words_and_no_others(words: str, others: str, salt: str) -> None:
    assert chain.veil(words, salt=salt) == chain.veil(words, salt=salt)
    if words != others:
        assert chain.veil(words, salt=salt) != chain.veil(others, salt=salt)
    assert chain.veil(words, salt=salt) != chain.veil(words, salt=salt[::-1] + "x")
