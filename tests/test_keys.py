"""Real keys: what is signed and sealed by them, certificates, and ten thousand hostile envelopes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from bot import keys, wire
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content, Unsound
from bot.keys import Certificate, Pinned, SigningKey
from bot.wire import Keys
from tests.federating import Memory

NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
FEDERATION = "f" * 32
HOSTILE = int(os.environ.get("SOLIBOT_HOSTILE", "1000"))
PROTOCOL = Path(__file__).parents[1] / "docs" / "protocol.md"


class Side:
    """A committee with keys of its own. `pinned` is told once all are there."""

    def __init__(self, name: str) -> None:
        self.root = SigningKey(hashlib.sha256(f"root {name}".encode()).digest())
        self.signing = SigningKey(hashlib.sha256(f"signing {name}".encode()).digest())
        self.identity, recipient = keys.new_identity()
        at = rules.seconds(NOW)
        self.certificate = keys.certify(
            self.root, self.signing.public, recipient, begins=at - 60, ends=at + 30 * 24 * 3600
        )
        self.memory = Memory()

    @property
    def author(self) -> str:
        return keys.author_of(self.root.public)

    def knows(self, pinned: Pinned) -> Keys:
        def seal(words: bytes, to: Sequence[str]) -> bytes:
            return keys.seal(words, pinned.recipients([*to, self.author]))

        return Keys(
            chain=Chain(self.author, 0),
            key=self.certificate.key,
            sign=self.signing.sign,
            seal=seal,
            verify=pinned.verify,
            open_=lambda sealed: keys.open_(sealed, [self.identity]),
            member=pinned.member,
        )


async def test_what_is_sealed_to_one_is_read_by_one_and_checked_by_all() -> None:
    ana, ben, chi = (Side(name) for name in ("ana", "ben", "chi"))
    pinned = Pinned([side.certificate for side in (ana, ben, chi)])
    content = Content(kind="alert", body={"where": "Quittengelee"}, to=(ben.author,))
    _, text = await wire.write(ana.memory, ana.knows(pinned), FEDERATION, content, now=NOW)
    assert "Quittengelee" not in text
    [read] = (await wire.receive(ben.memory, ben.knows(pinned), FEDERATION, text, now=NOW)).applied
    assert read.content == content
    [kept] = (await wire.receive(chi.memory, chi.knows(pinned), FEDERATION, text, now=NOW)).applied
    assert kept.content is None
    # Chi has it, cannot read it, and can hand it on.
    assert rules.dump(chi.memory.envelopes[Chain(ana.author, 0), 1][0]) == text


async def test_a_server_that_posts_in_our_name_without_our_key_is_not_believed() -> None:
    ana, ben, mallory = (Side(name) for name in ("ana", "ben", "mallory"))
    pinned = Pinned([ana.certificate, ben.certificate])
    content = Content(kind="alert", body={}, to=(ben.author,))
    _, text = await wire.write(ana.memory, ana.knows(pinned), FEDERATION, content, now=NOW)
    real = rules.load(text)
    forged = replace(real, lamport=9)
    forged = replace(forged, signature=rules.encoded(mallory.signing.sign(forged.covered)))
    found = await wire.receive(ben.memory, ben.knows(pinned), FEDERATION, rules.dump(forged), now=NOW)
    assert (found.applied, found.refused) == ([], [("forged", ana.author)])
    # With a key of their own, certified by nobody we know.
    stranger = replace(real, chain=Chain(mallory.author, 0), key=mallory.certificate.key)
    stranger = replace(stranger, signature=rules.encoded(mallory.signing.sign(stranger.covered)))
    found = await wire.receive(ben.memory, ben.knows(pinned), FEDERATION, rules.dump(stranger), now=NOW)
    assert (found.applied, found.refused) == ([], [("stranger", None)])
    assert (await wire.receive(ben.memory, ben.knows(pinned), FEDERATION, text, now=NOW)).applied


def test_a_certificate_holds_for_what_its_root_key_signed_and_no_longer_than_ninety_days() -> None:
    one = Side("ana").certificate
    assert keys.load_certificate(json.loads(json.dumps(one.dump()))) == one
    _, other = keys.new_identity()
    changed: list[Certificate] = [
        replace(one, ends=one.ends + 1),
        replace(one, recipient=other),
        replace(one, signing=SigningKey(bytes(32)).public),
        replace(one, root=SigningKey(bytes(32)).public),
    ]
    for wrong in changed:
        with pytest.raises(Unsound):
            keys.load_certificate(wrong.dump())
    long = keys.certify(Side("ana").root, one.signing, one.recipient, begins=0, ends=91 * 24 * 3600)
    with pytest.raises(Unsound):
        keys.load_certificate(long.dump())


def test_a_key_signs_only_for_the_time_that_it_is_certified_for() -> None:
    ana = Side("ana")
    pinned, at = Pinned([ana.certificate]), rules.seconds(NOW)
    signature = ana.signing.sign(b"words")
    assert pinned.verify(ana.author, ana.certificate.key, at, b"words", signature)
    for sent in (at - 61, at + 31 * 24 * 3600):
        assert not pinned.verify(ana.author, ana.certificate.key, sent, b"words", signature)
    assert not pinned.verify(ana.author, ana.certificate.key, at, b"other words", signature)
    assert not pinned.verify(ana.author, "1" * 16, at, b"words", signature)


async def test_ten_thousand_hostile_envelopes_have_no_effect_and_take_no_room() -> None:
    random = Random(9)
    ana, ben = Side("ana"), Side("ben")
    pinned = Pinned([ana.certificate, ben.certificate])
    texts = []
    for number in range(5):
        content = Content(kind="alert", body={"number": number}, to=(ben.author,))
        texts.append((await wire.write(ana.memory, ana.knows(pinned), FEDERATION, content, now=NOW))[1])
    texts += await wire.heartbeat(ana.memory, ana.knows(pinned), FEDERATION, to=(ben.author,), now=NOW)
    applied = 0
    for _ in range(HOSTILE):
        text = _spoilt(random.choice(texts), random)
        if _is_one_of(text, texts):
            # What fell over was put back, or is not looked at.
            continue
        found = await wire.receive(ben.memory, ben.knows(pinned), FEDERATION, text, now=NOW)
        applied += len(found.applied)
    assert applied == 0
    assert not ben.memory.envelopes
    assert len(ben.memory.faults) <= 12


def _is_one_of(text: str | bytes, texts: Sequence[str]) -> bool:
    try:
        return rules.load(text) in [rules.load(one) for one in texts]
    except Unsound:
        return False


def _spoilt(text: str, random: Random) -> str | bytes:
    """Something that was an envelope: bytes fell over, a field has another value, or it is not whole."""
    place = random.randrange(len(text))
    match random.randrange(5):
        case 0:
            return text[:place]
        case 1:
            return random.randbytes(random.randrange(2000))
        case 2:
            return text[:place] + random.choice('"{}[],:\\0a\ud83d') + text[place + random.randrange(1, 40) :]
        case 3:
            whole = json.loads(text)
            field = random.choice([name for name in whole if name != "signature"])
            whole[field] = random.choice(
                [None, -1, 2**60, "", "a" * 64, [], {}, 1.5, whole[random.choice(list(whole))], "x" * 60_000]
            )
            return json.dumps(whole)
        case _:
            whole = json.loads(text)
            whole["number"] += random.randint(1, 10**9)
            whole["sent"] += int(random.choice([1, -1]) * timedelta(days=1).total_seconds())
            return json.dumps(whole)


def test_the_vectors_of_the_protocol_are_what_the_code_makes() -> None:
    page = PROTOCOL.read_text("utf-8")
    vectors = {
        name: json.loads(body)
        for name, body in re.findall(r"<!-- vector: ([\w-]+) -->\n```json\n(.*?)```", page, re.DOTALL)
    }
    root, signing = (SigningKey(bytes.fromhex(vectors["keys"][name])) for name in ("root_seed", "signing_seed"))
    assert root.public.hex() == vectors["keys"]["root_public"]
    assert signing.public.hex() == vectors["keys"]["signing_public"]
    assert keys.author_of(root.public) == vectors["keys"]["author"]
    assert keys.name_of(signing.public) == vectors["keys"]["key"]
    certificate = keys.load_certificate(vectors["certificate"])
    assert certificate == keys.certify(
        root, signing.public, certificate.recipient, begins=certificate.begins, ends=certificate.ends
    )
    sent = rules.load(json.dumps(vectors["envelope"]))
    assert sent.hash == vectors["hash"]["hash"]
    assert Pinned([certificate]).verify(
        sent.chain.author, sent.key, sent.sent, sent.covered, rules.decoded(sent.signature)
    )
    opened = keys.open_(rules.decoded(sent.sealed), [vectors["keys"]["age_identity"]])
    assert opened is not None
    said = rules.content(opened, of=sent)
    assert json.loads(rules.unpadded(opened)) == vectors["inside"]
    assert said.body == vectors["inside"]["body"]
