"""Whatever comes over the wire, by somebody at a server or by a member who lies: nobody is paged, nothing fills up."""

from __future__ import annotations

import json
import os
import resource
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import keys as signing
from bot import wire
from bot.adapters.console import NETWORK
from bot.chat import Chat, WireText, wire_of
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Envelope
from bot.linking import own
from bot.practice import GROUP
from storage import peers
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.federating import FEDERATION as STORY
from tests.federating import Tables
from tests.linked import FEDERATION, committees, link
from tests.test_keys import NOW, Side

MANY = int(os.environ.get("SOLIBOT_HOSTILE", "400"))
KINDS = (
    "alert", "alert_update", "alert_tally", "alert_end", "alert_got", "poll", "poll_answer", "poll_count",
    "poll_result", "admit", "keys", "nothing", "", "refused", "x" * 60, "../wire_in",
)  # fmt: skip
FIELDS = ("v", "author", "life", "key", "number", "previous", "lamport", "sent", "sealed", "signature", "hops")


class Member:
    """A committee that is in, with its keys, and says whatever it likes."""

    def __init__(self, seed: bytes, key: str, author: str, recipient: str, to: str, uid: str) -> None:
        self.signing, self.key, self.author = signing.SigningKey(seed), key, author
        self.recipient, self.to, self.uid = recipient, to, uid
        self.number, self.previous = 0, rules.FIRST

    def says(self, inside: Any, sent: int, *, numbered: bool = True, **changes: Any) -> str:
        """Its next envelope with this inside: JSON, bound to its outside if it is a dict; or any bytes."""
        bare = Envelope(
            federation=self.uid,
            chain=Chain(self.author, 0),
            key=self.key,
            number=self.number + 1 if numbered else 0,
            previous=self.previous if numbered else "",
            lamport=1,
            sent=sent,
            sealed="",
        )
        bare = replace(bare, **changes)
        if isinstance(inside, dict):
            outside = {
                "federation": bare.federation, "author": bare.chain.author, "life": bare.chain.life,
                "number": bare.number, "previous": bare.previous, "sent": bare.sent,
            }  # fmt: skip
            inside = json.dumps({"outside": outside, **inside}, sort_keys=True, separators=(",", ":")).encode()
        inside = rules.padded(inside) if len(inside) <= rules.INSIDE_MAX else inside
        sealed = replace(bare, sealed=rules.encoded(signing.seal(inside, [self.recipient])))
        made = replace(sealed, signature=rules.encoded(self.signing.sign(sealed.covered)))
        if bare.number == self.number + 1:
            self.number, self.previous = made.number, made.hash
        try:
            return rules.dump(made)
        except rules.Unsound:
            return "{}"


def _anything(random: Random, depth: int = 0) -> Any:
    """JSON of any shape, with what programs stumble over."""
    match random.randrange(9 if depth < 4 else 5):
        case 0:
            return random.choice([0, -1, 1, 2**53 - 1, -(2**53), 2**70, True, False, None, 1.5])
        case 1 | 2:
            return random.choice(["", "a" * 64, "x" * 5000, "/leave", "<b>@all</b>", "\u202eabc", "🔥" * 50, "0" * 64])
        case 3:
            return random.randrange(10**12)
        case 4:
            return [random.randrange(100)] * random.randrange(300)
        case 5 | 6:
            return [_anything(random, depth + 1) for _ in range(random.randrange(5))]
        case _:
            names = ("kind", "status", "area", "vector", "wants", "proofs", "liars", "floors", "options", "counts", "")
            return {random.choice(names): _anything(random, depth + 1) for _ in range(random.randrange(5))}


def _inside(random: Random, member: Member, *, kind: str | None = None) -> Any:
    """What a member who lies might seal."""
    whole: dict[str, Any] = {
        "kind": kind or random.choice(KINDS), "body": {}, "to": [member.to], "expires": None, "refs": [], "hops": 0,
        "must": [],
    }  # fmt: skip
    body = _anything(random)
    match random.randrange(8):
        case 0:
            return random.randbytes(random.randrange(20_000))
        case 1:
            return b"[" * 5000
        case 2:
            whole[random.choice(list(whole))] = _anything(random)
        case 3:
            del whole[random.choice(list(whole))]
        case 4:
            whole["must"] = ["whatever"]
        case _:
            whole["body"] = body if isinstance(body, dict) else {"what": body}
    return whole


def _unnumbered(random: Random, member: Member) -> dict[str, Any]:
    """A heartbeat or a want that lies."""
    chain = [random.choice([member.author, member.to, "e" * 64]), random.choice([0, 1, 2**53 - 1])]
    far = random.choice([1, 50, 10**6, 2**53 - 1])
    vectors = [[*chain, far, "a" * 64]] * random.choice([1, 90])
    bodies: list[dict[str, Any]] = [
        {"vector": vectors, "liars": [member.to, member.author]},
        {"vector": vectors, "floors": [[chain[1], far, "a" * 64]]},
        {"vector": [], "floors": _anything(random), "liars": _anything(random)},
        {"wants": [[*chain, 1, far]] * random.choice([1, 90]), "proofs": [member.to, member.author]},
        {"wants": _anything(random), "proofs": _anything(random)},
    ]
    body = random.choice(bodies)
    kind = "want" if "wants" in body else random.choice(["heartbeat", "heartbeat", "alert"])
    return {"kind": kind, "body": body, "to": [member.to], "expires": None, "refs": [], "hops": 0, "must": []}


def _spoilt(text: str, random: Random) -> str:
    """Something that was an envelope: letters fell over, a field has another value, or it is not whole."""
    place = random.randrange(len(text))
    match random.randrange(4):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + random.choice('"{}[],:\\0a\ud83d') + text[place + random.randrange(1, 40) :]
        case 2:
            return random.choice(["", "null", "[]", "{}", "9" * 9000, "[" * 9000, '{"v":1}', "\0", "{" * 50_000])
        case _:
            whole = json.loads(text)
            whole[random.choice(FIELDS)] = _anything(random)
            return json.dumps(whole)


def hostile(random: Random, member: Member, sent: int) -> str:
    """One of all that might come."""
    day = int(timedelta(days=1).total_seconds())
    match random.randrange(8):
        case 0 | 1:
            text = member.says(_inside(random, member), sent)
        case 2:
            text = member.says(_unnumbered(random, member), sent, numbered=False)
        case 3:
            life = random.choice([0, random.randrange(10**9), 2**53 - 1])
            number = random.choice([1, 2, 999, 10**6, 2**53 - 1])
            previous = rules.FIRST if number == 1 else "a" * 64
            changes: dict[str, Any] = {"chain": Chain(member.author, life), "number": number, "previous": previous}
            text = member.says(_inside(random, member), sent + random.choice([-40, -1, 0, 1, 300]) * day, **changes)
        case 4:
            hops = tuple(
                rules.Hop(by=random.choice([member.to, member.author]), federation=f"{one}" * 32, signature="AAAA")
                for one in range(random.randrange(1, 5))
            )
            text = member.says(_inside(random, member), sent, hops=hops)
        case _:
            text = _spoilt(member.says(_inside(random, member), sent), random)
    return text


async def _rows(tx: Reader) -> dict[str, int]:
    tables = await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 1000")
    return {name: await tx.value(f'SELECT count(*) FROM "{name}"') for (name,) in tables}


async def test_whatever_a_member_or_a_server_sends_nobody_is_paged_and_nothing_fills_up(town: Town) -> None:
    await link(town)
    database, dispatcher = town.practice.app.database, town.practice.app.dispatcher

    async def turns(tx: Transaction) -> Member:
        """Hillside has turned against Riverside; its bot is somebody else's now."""
        riverside, hillside = await committees(tx)
        there = await peers.federation_called(tx, hillside.id, FEDERATION)
        assert there is not None
        await peers.set_state(tx, there.id, "left")
        mine, theirs = [await own(tx, one, now=town.practice.clock()) for one in (hillside, riverside)]
        assert mine.seeds[0] is not None
        return Member(
            mine.seeds[0], mine.certificates[0].key, mine.author, theirs.certificates[0].recipient, theirs.author,
            FEDERATION,
        )  # fmt: skip

    member = await database.transact(turns)
    await town.practice.settle()
    random, before, lines = Random(10), await database.read(_rows), len(town.transcript)
    wire_chat = Chat(id=wire_of(NETWORK, FEDERATION), private=False)
    memory = 0
    for number in range(MANY):
        if number == MANY // 2:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        now = town.practice.clock()
        text = hostile(random, member, rules.seconds(now))
        await dispatcher.handle(WireText(event=f"hostile {number}", at=now, chat=wire_chat, text=text))
        if number % 100 == 99:
            await town.practice.settle()
    await town.practice.settle()
    assert dispatcher.incidents == 0
    said = [(where, what) for where, what in town.transcript[lines:] if what.startswith("bot")]
    # A committee that says two things under one number is told to all; every other fault to the organizers, once.
    in_groups = [what for where, what in said if not where.endswith("(dm)")]
    assert len(in_groups) <= 1
    assert all("two different things" in what for what in in_groups)
    assert {where for where, _ in said} <= {GROUP, "ana (dm)", "ben (dm)"}
    assert len(said) <= 1 + 2 * (peers.TOLD_MAX + 1)
    budget = rules.BUDGETS
    after = await database.read(_rows)
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    # What was seen is forgotten after some days, and what was sent too.
    assert grown.pop("inbox", 0) <= 2 * MANY
    assert grown.pop("outbox", 0) <= budget["asked"].most + 2 * budget["unnumbered"].most
    assert grown.pop("envelopes", 0) <= budget["said"].most
    assert sum(grown.values()) <= 2 * rules.LIVES_MAX + 60, grown
    assert len(town.practice.console.carried) <= budget["asked"].most + 2 * budget["unnumbered"].most
    if MANY >= 1000:
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 * 1024


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
ANA, BEN = Side("ana"), Side("ben")


@given(
    body=JSON,
    changed=st.dictionaries(
        st.sampled_from(["kind", "body", "to", "expires", "refs", "hops", "must", "outside"]), JSON
    ),
    kind=st.sampled_from(["alert", "heartbeat", "want"]),
    numbered=st.booleans(),
    also=st.dictionaries(st.sampled_from(["vector", "floors", "liars", "wants", "proofs"]), JSON),
)
async def test_whatever_a_member_seals_is_an_envelope_or_a_fault(
    body: Any, changed: dict[str, Any], kind: str, numbered: bool, also: dict[str, Any]
) -> None:
    pinned = signing.Pinned([ANA.certificate, BEN.certificate])
    member = Member(ANA.signing.seed, ANA.certificate.key, ANA.author, BEN.certificate.recipient, BEN.author, STORY)
    inner = {**(body if isinstance(body, dict) else {"is": body}), **also}
    whole = {"kind": kind, "body": inner, "to": [BEN.author], "expires": None, "refs": [], "hops": 0, "must": []}
    kept = Tables()
    try:
        text = member.says({**whole, **changed}, rules.seconds(NOW), numbered=numbered)
    except (UnicodeEncodeError, ValueError):
        return
    async with kept.work(NOW) as store:
        found = await wire.receive(store, BEN.knows(pinned), STORY, text, now=NOW)
    assert len(found.applied) <= 1
    assert all(fault in rules.FAULTS for fault, _ in found.refused)
    assert len(found.posts) <= 1


@pytest.mark.parametrize("depth", [11, 12, 13, 500, 20_000])
def test_no_depth_of_json_makes_it_stumble(depth: int) -> None:
    text = '{"a":' * depth + "1" + "}" * depth
    if depth <= rules.DEPTH_MAX:
        assert rules.parsed(text)
    else:
        with pytest.raises(rules.Unsound):
            rules.parsed(text)
