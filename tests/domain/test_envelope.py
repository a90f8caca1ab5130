"""The rules of envelopes: one form for the same facts, and what follows from one that comes in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import envelope as rules
from bot.domain.envelope import FIRST, Chain, Content, Envelope, Facts, Head, Unsound, Want

NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
CHAIN = Chain("a" * 64, 0)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-rules.INT_MAX, rules.INT_MAX) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(max_size=8), PLAIN, max_size=5)


def made(number: int = 1, previous: str = FIRST, *, words: str = "words", sent: datetime = NOW) -> Envelope:
    return Envelope(
        federation="f" * 32,
        chain=CHAIN,
        key="0" * 16,
        number=number,
        previous=previous,
        lamport=number,
        sent=rules.seconds(sent),
        sealed=rules.encoded(words.encode()),
        signature=rules.encoded(b"signature"),
    )


# --- one form ----------------------------------------------------------------------------------------------------


@given(BODIES)
def test_the_same_facts_have_one_form_and_come_back_from_it(body: dict[str, Any]) -> None:
    form = rules.canonical(body)
    assert rules.parsed(form) == json.loads(form)
    assert rules.canonical(json.loads(form)) == form
    assert rules.canonical(dict(reversed(body.items()))) == form


@pytest.mark.parametrize(
    "wrong", ['{"a":1.0}', '{"a":1e3}', '{"a":NaN}', '{"a":1,"a":2}', "[1]", '"a"', "{", "", '{"a":9007199254740992}']
)
def test_what_two_programs_might_read_differently_is_not_read(wrong: str) -> None:
    for form in (wrong, wrong.encode()):
        with pytest.raises(Unsound):
            rules.parsed(form)


def test_bytes_are_read_as_utf_8_and_as_nothing_else() -> None:
    assert rules.parsed('{"a":"ñ"}'.encode()) == {"a": "ñ"}
    for encoding in ("utf-16", "utf-32-le", "utf-8-sig", "latin-1"):
        with pytest.raises(Unsound):
            rules.parsed('{"a":"ñ"}'.encode(encoding))


@pytest.mark.parametrize("wrong", [{"a": 1.0}, {"a": 2**53}, {1: "a"}, {"a": b"b"}, {"a": "\ud800"}])
def test_nor_is_it_written(wrong: dict[Any, Any]) -> None:
    with pytest.raises(Unsound):
        rules.canonical(wrong)


def test_what_is_nested_without_end_is_refused_and_nothing_breaks() -> None:
    for text in ("[" * 40_000, '{"a":' * 9_000 + "1" + "}" * 9_000):
        with pytest.raises(Unsound):
            rules.parsed(text)


@given(st.integers(0, rules.INSIDE_MAX), st.binary(max_size=50))
def test_what_is_sealed_has_one_of_few_lengths(length: int, words: bytes) -> None:
    inside = (words * (length // max(1, len(words)) + 1))[:length]
    filled = rules.padded(inside)
    assert len(filled) in rules.PADDED
    assert rules.unpadded(filled) == inside


# --- outside and inside ------------------------------------------------------------------------------------------


@given(BODIES, st.integers(1, 10**6), st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=4))
def test_an_envelope_comes_back_from_its_text(body: dict[str, Any], number: int, to: list[str]) -> None:
    sent = rules.next_of(
        CHAIN,
        Head(number, "b" * 64),
        federation="f" * 32,
        key="0" * 16,
        lamport=number,
        now=NOW,
        content=Content(kind="alert", body=body, to=tuple(to)),
        seal=lambda words, _: words,
        sign=lambda words: words[:10],
    )
    came = rules.load(rules.dump(sent))
    assert came == sent
    assert came.hash == sent.hash
    said = rules.content(rules.decoded(came.sealed), of=came)
    assert said == Content(kind="alert", body=json.loads(rules.canonical(body)), to=tuple(to))


def test_a_signature_that_is_written_otherwise_makes_no_other_envelope() -> None:
    one = made()
    assert replace(one, signature="other").hash == one.hash
    assert replace(one, sealed=rules.encoded(b"others")).hash != one.hash


def test_words_sealed_for_one_outside_are_forged_in_another() -> None:
    one = made()
    inside = rules.inside(Content(kind="alert", body={}, to=()), of=one)
    rules.content(inside, of=one)
    for other in (
        replace(one, chain=Chain("b" * 64, 0)),
        replace(one, number=2, previous="c" * 64),
        replace(one, federation="e" * 32),
    ):
        with pytest.raises(Unsound) as caught:
            rules.content(inside, of=other)
        assert caught.value.fault == "forged"


def test_fields_that_nobody_knows_yet_are_left_alone_and_another_major_version_is_not_read() -> None:
    whole = json.loads(rules.dump(made()))
    assert rules.load(json.dumps({**whole, "newer": 1})) == made()
    with pytest.raises(Unsound) as caught:
        rules.load(json.dumps({**whole, "v": 2}))
    assert caught.value.fault == "version"


@given(st.data())
def test_no_text_breaks_the_reading(data: st.DataObject) -> None:
    whole = json.loads(rules.dump(made()))
    name = data.draw(st.sampled_from(sorted(whole)))
    whole[name] = data.draw(PLAIN)
    try:
        rules.load(json.dumps(whole))
    except Unsound:
        return
    assert rules.dump(rules.load(json.dumps(whole)))


# --- what follows ------------------------------------------------------------------------------------------------


def facts(head: Head | None = None, same: str | None = None, before: str | None = None) -> Facts:
    return Facts(head=head, same=same, before=before)


def test_what_is_next_is_applied_what_is_further_waits_and_what_is_known_is_nothing_new() -> None:
    first = made()
    second = made(2, first.hash)
    head = Head(1, first.hash)
    assert rules.judge(first, facts(), now=NOW) == "apply"
    assert rules.judge(second, facts(), now=NOW) == "keep"
    assert rules.judge(second, facts(head), now=NOW) == "apply"
    assert rules.judge(first, facts(head, same=first.hash), now=NOW) == "again"
    assert rules.judge(first, facts(Head(9, "9" * 64)), now=NOW) == "again"
    assert rules.judge(made(rules.WINDOW + 2, "9" * 64), facts(head), now=NOW) == "far"


def test_two_things_under_one_number_or_from_another_past_are_a_lie() -> None:
    first, other = made(), made(words="others")
    assert rules.judge(other, facts(Head(1, first.hash), same=first.hash), now=NOW) == "equivocation"
    assert rules.judge(made(2, other.hash), facts(Head(1, first.hash)), now=NOW) == "equivocation"
    assert rules.judge(made(3, other.hash), facts(None, before=first.hash), now=NOW) == "equivocation"


def test_what_comes_from_the_future_waits_until_its_time() -> None:
    early = made(sent=NOW + timedelta(hours=1))
    assert rules.judge(early, facts(), now=NOW) == "wait"
    assert rules.judge(early, facts(), now=NOW + timedelta(hours=1)) == "apply"
    assert rules.judge(made(sent=NOW + timedelta(minutes=4)), facts(), now=NOW) == "apply"


HEADS = st.builds(Head, st.integers(1, 200), st.sampled_from(["a" * 64, "b" * 64]))
VECTORS = st.dictionaries(st.builds(Chain, st.sampled_from(["1" * 64, "2" * 64]), st.integers(0, 2)), HEADS)


@given(VECTORS, VECTORS)
def test_nothing_is_asked_for_that_is_known_and_not_contradicted(
    mine: dict[Chain, Head], theirs: dict[Chain, Head]
) -> None:
    asked = rules.wanted(
        mine,
        theirs,
        kept={
            chain: head.hash for chain, head in mine.items() if chain in theirs and theirs[chain].number == head.number
        },
    )
    for want in asked:
        my, their = mine.get(want.chain, Head(0, "")), theirs[want.chain]
        assert want.last - want.first < rules.WANTED_MAX
        assert want.last <= their.number
        assert want.first == my.number + 1 or (my.number == their.number and my.hash != their.hash)
    for chain, their in theirs.items():
        if their.number > mine.get(chain, Head(0, "")).number:
            assert any(want.chain == chain for want in asked)
    assert rules.wanted(mine, mine, kept={chain: head.hash for chain, head in mine.items()}) == []


@given(VECTORS)
def test_vectors_and_wants_come_back_from_their_form(vector: dict[Chain, Head]) -> None:
    assert rules.read_vector(json.loads(json.dumps(rules.vector_body(vector)))) == vector
    wants = [Want(chain, 1, min(head.number, rules.WANTED_MAX)) for chain, head in sorted(vector.items())]
    assert rules.read_wants(json.loads(json.dumps(rules.wants_body(wants)))) == wants


@given(PLAIN)
def test_no_heartbeat_breaks_the_reading(read: Any) -> None:
    for reading in (rules.read_vector, rules.read_wants, rules.read_authors):
        try:
            reading(read)
        except Unsound:
            continue
        assert isinstance(read, list)
