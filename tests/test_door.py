"""At the door: who has no code, or another's keys, reaches nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot import door, drawing, keys
from bot.adapters.console import NETWORK
from bot.chat import Chat, WireText, door_of
from bot.domain import envelope as rules
from bot.practice import OTHER
from storage import peers
from storage.database import Reader
from tests.conftest import Town
from tests.test_federation import Both, founded, invitation, met

_TABLES = ("links", "federations", "peers", "chats", "outbox", "peer_admissions", "peer_admission_votes", "due")


class Stranger:
    """A bot with keys of its own."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.root = keys.SigningKey(b"r" * 32)
        self.signing = keys.SigningKey(b"s" * 32)
        begins = rules.seconds(town.practice.clock()) - 100
        recipient = keys.new_identity()[1]
        self.certificate = keys.certify(
            self.root, self.signing.public, recipient, begins=begins, ends=begins + 10 * 24 * 3600
        )

    def writes(self, kind: str, code: str, to: str, body: dict[str, Any], *, secret: bytes | None = None) -> str:
        """A message that is in order, but theirs."""
        return door.written(kind, code, to, body, certificate=self.certificate, sign=self.signing.sign, secret=secret)

    async def knocks(self, text: str) -> None:
        """It stands at the door."""
        self.town.practice.console.carried.append((door_of(NETWORK, "@stranger:x.example"), text))
        number = len(self.town.practice.console.carried)
        await self.town.practice.app.dispatcher.handle(
            WireText(
                event=f"stranger-{number}",
                at=self.town.practice.clock(),
                chat=Chat(id=door_of(NETWORK, "@stranger:x.example"), private=False),
                text=text,
            )
        )
        await self.town.practice.settle()


async def rows(town: Town) -> list[int]:
    """How much there is."""

    async def ask(tx: Reader) -> list[int]:
        return [await tx.value(f"SELECT count(*) FROM {table}") for table in _TABLES]

    return await town.practice.app.database.read(ask)


def knocked(town: Town, kind: str) -> str:
    """The newest message of a kind that has gone through a door."""
    return next(
        text
        for chat, text in reversed(town.practice.console.carried)
        if ":door:" in chat and json.loads(text).get("kind") == kind
    )


async def test_whoever_has_no_code_reaches_nobody_and_leaves_nothing(town: Town) -> None:
    await met(town)
    typed = await invitation(town)
    stranger = Stranger(town)
    hello = json.loads(knocked(town, "hello"))
    code = door.name_of(door.secret_of(typed.split()[-1]))
    before, said = await rows(town), len(town.transcript)
    for text in (
        stranger.writes("hello", "0" * 64, "", {"name": "Lakeside"}, secret=b"0" * 32),
        # What the code is called at the door is no secret; the code is.
        stranger.writes("hello", code, "", {"name": "Lakeside"}, secret=b"0" * 32),
        stranger.writes("hello", hello["code"], "", {"name": "Lakeside"}, secret=b"0" * 32),
        stranger.writes("step", hello["code"], hello["certificate"]["root"], {"state": "yes"}),
        stranger.writes("in", hello["code"], "", {"peers": [], "heads": []}),
        "{}",
        "x" * 50_000,
        '{"code":' + "[" * 5000,
        json.dumps({"code": code, "to": "", "v": 1}, sort_keys=True, separators=(",", ":")),
    ):
        await stranger.knocks(text)
    assert await rows(town) == before
    assert town.transcript[said:] == []


async def test_keys_cannot_be_swapped_between_knock_and_answer(town: Town) -> None:
    """Whoever carries hello holds it back, and puts their own keys in; or those of the answer."""
    there = await founded(town)
    typed = await invitation(town)
    held: list[str] = []
    await _holding_back(there, "hello", held, typed)
    stranger = Stranger(town)
    read = json.loads(held[0])
    swapped = {**read, "certificate": stranger.certificate.dump()}
    covered = door.DOMAIN + rules.canonical({k: v for k, v in swapped.items() if k not in ("signature", "proof")})
    swapped["signature"] = rules.encoded(stranger.signing.sign(covered))
    await stranger.knocks(rules.canonical(swapped).decode())
    assert there.card("Riverside") == ""
    # As it was sent it counts, whoever brings it.
    await stranger.knocks(held[0])
    assert "Hillside would like" in there.card("Riverside")


async def _holding_back(there: Both, kind: str, held: list[str], typed: str) -> None:
    console = there.town.practice.console
    carry: Callable[..., Any] = console.carry

    async def holds(key: str, chat: Any, wire: Any) -> str:
        if ":door:" in chat and json.loads(wire.text)["kind"] == kind:
            held.append(wire.text)
            return key
        return str(await carry(key, chat, wire))

    console.carry = holds  # type: ignore[method-assign]
    await there.hillside("dora", typed)
    console.carry = carry  # type: ignore[method-assign]


async def test_what_is_said_twice_at_the_door_counts_once(town: Town) -> None:
    there = await met(town)
    await town.presses("ana", "The words are the same")
    stranger = Stranger(town)
    before, said = await rows(town), len(town.transcript)
    for kind in ("hello", "answer", "step"):
        for _ in range(3):
            await stranger.knocks(knocked(town, kind))
    assert await rows(town) == before
    assert town.transcript[said:] == []
    assert "Riverside has compared them" in there.card(OTHER)


async def test_nobody_else_decides_for_them(town: Town) -> None:
    there = await met(town)
    stranger = Stranger(town)
    answer = json.loads(knocked(town, "answer"))
    to = keys.author_of(rules.decoded(answer["certificate"]["root"]))
    for body in ({"state": "yes"}, {"state": "deciding"}):
        await stranger.knocks(stranger.writes("step", answer["code"], to, body))
    await stranger.knocks(stranger.writes("end", answer["code"], to, {"why": "differ"}))
    assert "Hillside has not compared the words yet." in there.card("Riverside")


def test_a_message_is_read_as_it_was_written_and_not_otherwise(town: Town) -> None:
    stranger = Stranger(town)
    now = town.practice.clock()
    text = stranger.writes("hello", "a" * 64, "", {"name": "Lakeside"}, secret=b"1" * 32)
    found = door.read(text, now=now)
    assert (found.kind, found.author, found.body) == ("hello", stranger.certificate.author, {"name": "Lakeside"})
    assert found.proved(b"1" * 32)
    assert not found.proved(b"2" * 32)
    assert not replace(found, proof=b"").proved(b"1" * 32)
    read = json.loads(text)
    for name, other in (("kind", "answer"), ("to", "b" * 64), ("body", {"name": "Hillside"}), ("code", "b" * 64)):
        changed = rules.canonical({**read, name: other}).decode()
        with pytest.raises(rules.Unsound, match="forged"):
            door.read(changed, now=now)


async def test_nobody_is_in_before_they_have_decided_it_themselves(town: Town) -> None:
    """Not even by the word of the one that has invited them."""
    there = await met(town)
    answer = json.loads(knocked(town, "answer"))
    text = await _as_riverside(town, "in", answer["code"], answer["to"], {"peers": [], "heads": []})
    await Stranger(town).knocks(text)
    assert (await there.hillside("gus", "/federation")).startswith("We are linked with no other committee.")
    # The same words from somebody who may say them, as a step, are heard.
    await Stranger(town).knocks(await _as_riverside(town, "step", answer["code"], answer["to"], {"state": "yes"}))
    assert "Riverside has decided for it." in there.card(OTHER)
    assert await there.heard() == [[]]


async def _as_riverside(town: Town, kind: str, code: str, to: str, body: dict[str, Any]) -> str:
    own = await town.practice.app.database.read(lambda tx: peers.own(tx, 1))
    assert own is not None
    seed = own.seeds[0]
    assert seed is not None
    return door.written(kind, code, to, body, certificate=own.certificates[0], sign=keys.SigningKey(seed).sign)


def test_the_six_words_are_the_beginning_of_the_name_in_the_list_of_bip_39() -> None:
    # The author of the examples in docs/protocol.md; its hash in binary, read off by hand:
    # 01010110010 00111010110 10101001110 10101000110 00110100011 10100110000
    author = "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c"
    assert keys.fingerprint_numbers(author) == (691, 471, 1359, 1351, 420, 1329)
    assert keys.fingerprint_words(author) == ("film", "depart", "prefer", "potato", "crucial", "plastic")


def test_the_picture_says_what_is_typed() -> None:
    drawn = drawing.qr_code("/link @solibot:riverside.example KQ7M-4MXA-CDEF-GHJK")
    assert drawn.startswith(b"\x89PNG")
    assert drawn != drawing.qr_code("/link @solibot:riverside.example KQ7M-4MXA-CDEF-GHJL")


async def test_the_picture_goes_with_the_invitation(town: Town) -> None:
    await founded(town)
    await invitation(town)
    (picture,) = town.practice.console.pictures
    assert picture.content.startswith(b"\x89PNG")
