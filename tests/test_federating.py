"""Whatever a network and a liar do, what honest committees say arrives once, in order: stories told by seeds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from bot import wire
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content, Head, Want
from tests.federating import AUTHORS, BEGIN, FEDERATION, Kept, Memory, Story, Tables, author, keys_of, signature

SEEDS = int(os.environ.get("SOLIBOT_SEEDS", "50"))
COMPARED = max(4, SEEDS // 10)
STEPS = 100
AT_ONCE = 10
RULES = "bot/domain/envelope.py"
WIRE = "bot/wire.py"
TABLES = "storage/peers.py"
STORIES = "tests/federating.py"
MISTAKES_SEEDS = 12
"""Stories until a mistake must have shown; most show in the first."""
HAPPENS = frozenset(
    {"doubled", "dropped", "cut off", "out of order", "forgotten", "a month", "a lie found", "forged", "future", "lost"}
)
"""What goes wrong in any ten stories."""
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_what_honest_committees_say_arrives_once_and_in_order_whatever_happens(first: int) -> None:
    happened: Counter[str] = Counter()
    for seed in range(first, min(first + AT_ONCE, SEEDS)):
        # The long run tells all of them over the real tables; the model of them takes half the time.
        story = Story(seed, Tables if seed % 5 == 0 or SEEDS > 50 else Memory)
        try:
            asyncio.run(story.run(STEPS))
        except Exception as wrong:
            raise AssertionError(f"seed {seed}: {wrong!r}") from wrong
        happened += story.happened
        happened.update({fault for peer in story.honest for fault, _ in peer.memory.all_faults()})
    if first + AT_ONCE <= SEEDS:
        assert happened.keys() >= HAPPENS, "a story in which nothing goes wrong shows nothing"


@pytest.mark.parametrize("seed", [55, 174])
def test_what_somebody_put_back_from_a_copy_has_lost_of_an_earlier_life_holds_nobody_up(seed: int) -> None:
    asyncio.run(Story(seed).run(STEPS))


@pytest.mark.parametrize("seed", range(COMPARED))
def test_a_seed_tells_the_same_story_each_time_in_the_tables_and_in_the_model_of_them(seed: int) -> None:
    told = []
    for kept in (Tables, Memory):
        story = Story(seed, kept)
        asyncio.run(story.run(STEPS))
        told.append(story.told())
    assert told[0] == told[1]


BUGS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "a gap is passed over": (
        (RULES, "if envelope.number == head.number + 1:\n        return", "if True:\n        return"),
        (WIRE, "if one.previous != head.hash:", "if False:"),
    ),
    "any signature will do": (
        (
            WIRE,
            "if not keys.verify(author, came.key, came.sent, came.covered, signature):",
            "if signature is None:",
        ),
    ),
    "others' words under one's own name": ((RULES, 'if read.get("outside") != _bound(of):', "if False:"),),
    "two things under one number go unseen": (
        (RULES, 'return "again" if facts.same == envelope.hash else "equivocation"', 'return "again"'),
        (RULES, "if before is not None and envelope.previous != before:", "if False:"),
        (WIRE, "if one.previous != head.hash:", "if False:"),
    ),
    "what was kept is forgotten when its turn comes": (
        (WIRE, "one = await store.kept(one.chain, one.number + 1)", "one = None"),
    ),
    "what is missing is not asked for": ((WIRE, "if asked or unproved:", "if unproved:"),),
    "too much is asked for, from the wrong end": (
        (RULES, "asked.append(Want(chain, my.number + 1,", "asked.append(Want(chain, their.number,"),
    ),
    "what is over still has an effect": (
        (WIRE, "past=said is not None and rules.expired(said, now=now)", "past=False"),
    ),
    "whoever asks gets nothing": ((WIRE, "or not await store.posted(one.hash, now=now):", "or True:"),),
    "what is said is not counted as said": ((WIRE, "await store.advance(made)", "pass"),),
    "what waits never has its turn": ((WIRE, "for one in await store.waiting():", "for one in ():"),),
    "what nobody has any more is waited for": ((RULES, "since is None or since <=", "since is None and now <="),),
    "with old envelopes it is forgotten how far they went": (
        (TABLES, '"DELETE FROM quarantined WHERE last_us < ?"', '"DELETE FROM chain_heads WHERE ? > 0"'),
    ),
    "the tables keep the first of two and say so of both": (
        (TABLES, "number = excluded.number, hash = excluded.hash, stuck", "number = excluded.number, stuck"),
    ),
}
"""Mistakes that the stories must find: in which file, what stands there once, and what stands there instead."""


@contextlib.contextmanager
def told_with(changes: Sequence[tuple[str, str, str]]) -> Iterator[ModuleType]:
    """The stories, told with an engine that was changed: in each file the words that stand there once."""
    modules = {
        RULES: "bot.domain.envelope",
        WIRE: "bot.wire",
        TABLES: "storage.peers",
        STORIES: "tests.federating",
    }
    before = {name: sys.modules[name] for name in modules.values()}
    try:
        for file, name in modules.items():
            source = (ROOT / file).read_text("utf-8")
            for where, old, new in changes:
                if where == file:
                    assert source.count(old) == 1, f"{old!r} must stand there once"
                    source = source.replace(old, new)
            module = sys.modules[name] = ModuleType(name)
            package, _, last = name.rpartition(".")
            setattr(sys.modules[package], last, module)
            module.__file__ = str(ROOT / file)
            exec(compile(source, file, "exec"), module.__dict__)
        yield sys.modules["tests.federating"]
    finally:
        for name, module in before.items():
            sys.modules[name] = module
            package, _, last = name.rpartition(".")
            setattr(sys.modules[package], last, module)


def _finds(stories: ModuleType, *, tables: bool) -> bool:
    """Whether some story finds something wrong."""
    for seed in range(MISTAKES_SEEDS):
        try:
            asyncio.run(stories.Story(seed, stories.Tables if tables else stories.Memory).run(STEPS))
        except stories.Broken:
            return True
    return False


@pytest.mark.parametrize("name", BUGS)
def test_a_mistake_in_the_engine_is_found_by_some_story(name: str) -> None:
    with told_with(BUGS[name]) as stories:
        assert _finds(stories, tables=any(file == TABLES for file, _, _ in BUGS[name]))


def test_without_a_mistake_they_find_nothing() -> None:
    with told_with(()) as stories:
        asyncio.run(stories.Story(0).run(STEPS))


# --- bounds ------------------------------------------------------------------------------------------------------


def _chain(many: int, *, who: int = 1, life: int = 0, sent: datetime = BEGIN) -> list[str]:
    """What an author says, number after number."""
    keys, head, texts = keys_of(who, life), None, []
    for _ in range(many):
        content = Content(kind="alert", body={"words": ""}, to=(author(0),))
        made = rules.next_of(
            keys.chain, head, federation=FEDERATION, key=keys.key, lamport=0, now=sent, content=content,
            seal=keys.seal, sign=keys.sign,
        )  # fmt: skip
        head = Head(made.number, made.hash)
        texts.append(rules.dump(made))
    return texts


async def _hears(kept: Kept, texts: Sequence[str], now: datetime) -> wire.Received:
    """What comes of all of it."""
    whole = wire.Received()
    for text in texts:
        async with kept.work(now) as store:
            found = await wire.receive(store, keys_of(0, 0), FEDERATION, text, now=now)
        whole.applied += found.applied
        whole.refused += found.refused
        whole.posts += found.posts
    return whole


async def _asks(kept: Kept, who: int, wants: Sequence[Want], now: datetime) -> wire.Received:
    content = Content(kind="want", body={"wants": rules.wants_body(wants), "proofs": []}, to=(author(0),))
    _, text = await wire.write(Memory(), keys_of(who, 0), FEDERATION, content, now=now)
    return await _hears(kept, [text], now)


@pytest.mark.parametrize("kind", [Memory, Tables])
async def test_whoever_says_too_much_is_held_back_and_nothing_of_it_is_lost(kind: type[Memory | Tables]) -> None:
    most = rules.BUDGETS["said"].most
    kept, texts = kind(), _chain(most + 30)
    found = await _hears(kept, texts, BEGIN)
    assert [one.envelope.number for one in found.applied] == list(range(1, most + 1))
    assert len(kept.all_kept()) == most
    assert found.refused == [("flood", author(1))] * 30
    # Others are heard all the same, and hours later so is the rest.
    assert len((await _hears(kept, _chain(5, who=2), BEGIN)).applied) == 5
    found = await _hears(kept, texts[most:], BEGIN + timedelta(hours=2))
    assert [one.envelope.number for one in found.applied] == list(range(most + 1, most + 31))


@pytest.mark.parametrize("kind", [Memory, Tables])
async def test_nobody_begins_anew_so_often_that_it_takes_room(kind: type[Memory | Tables]) -> None:
    kept = kind()
    for life in range(rules.LIVES_MAX + 20):
        await _hears(kept, _chain(1, life=life), BEGIN)
    assert len(kept.all_heads()) == rules.LIVES_MAX


@pytest.mark.parametrize("kind", [Memory, Tables])
async def test_whoever_asks_for_everything_again_and_again_is_not_answered_without_end(
    kind: type[Memory | Tables],
) -> None:
    kept = kind()
    await _hears(kept, _chain(300), BEGIN)
    posts = 0
    everything = [Want(Chain(author(1), 0), first, first + rules.WANTED_MAX - 1) for first in range(1, 300, 50)]
    for minute in range(60):
        found = await _asks(kept, 2, everything, BEGIN + timedelta(minutes=minute))
        assert len(found.posts) <= rules.ANSWERED_MAX + 1
        posts += len(found.posts)
    budget = rules.BUDGETS["asked"]
    assert posts <= budget.most + budget.an_hour + 60
    # An honest one is answered meanwhile, and told that there is more.
    found = await _asks(kept, 3, [Want(Chain(author(1), 0), 1, 50)], BEGIN + timedelta(hours=1))
    assert len(found.posts) == 51
    assert rules.load(found.posts[-1]).number == 0


async def test_what_is_deleted_is_asked_for_once_a_heartbeat_and_answered_by_nobody() -> None:
    kept = Tables()
    await _hears(kept, _chain(20), BEGIN)
    await kept.purge(BEGIN + timedelta(days=31))
    assert not kept.all_kept()
    found = await _asks(kept, 2, [Want(Chain(author(1), 0), 1, 20)], BEGIN + timedelta(days=31))
    assert found.posts == []
    # What was dealt with has its effect no second time, however it comes back.
    assert (await _hears(kept, _chain(20), BEGIN + timedelta(days=31))).applied == []


async def test_a_vector_too_long_for_one_heartbeat_is_told_in_several() -> None:
    kept = Tables()
    for who in range(1, AUTHORS):
        for life in range(40):
            await _hears(kept, _chain(1, who=who, life=life), BEGIN)
    everybody = [author(place) for place in range(1, AUTHORS)]
    async with kept.work(BEGIN) as store:
        texts = await wire.heartbeat(store, keys_of(0, 0), FEDERATION, to=everybody, now=BEGIN)
    opened = [keys_of(1, 0).open_(rules.decoded(rules.load(one).sealed)) or b"" for one in texts]
    told = [json.loads(rules.unpadded(one)) for one in opened]
    assert len(texts) > 1
    assert sum(len(one["body"]["vector"]) for one in told) == 160


async def test_an_envelope_that_was_handed_on_needs_the_word_of_everybody_who_did() -> None:
    [text] = _chain(1)
    bare = rules.load(text)

    def handed_on(*hops: tuple[int, str, bool]) -> str:
        made = bare
        for by, federation, true in hops:
            hop = rules.Hop(by=author(by), federation=federation, signature="")
            made = replace(made, hops=(*made.hops, hop))
            signed = signature(by if true else 3, made.covered_by_hop(len(made.hops) - 1))
            made = replace(made, hops=(*made.hops[:-1], replace(hop, signature=rules.encoded(signed))))
        return rules.dump(made)

    for wrong, fault in (
        (handed_on((2, "a" * 32, False)), "forged"),
        (handed_on((2, "a" * 32, True), (3, "a" * 32, True)), "unsound"),
        (handed_on((2, "a" * 32, True), (2, "b" * 32, True)), "unsound"),
        (handed_on((2, FEDERATION, True)), "unsound"),
        (handed_on(*((one, f"{one}" * 32, True) for one in range(4))), "unsound"),
    ):
        found = await _hears(Tables(), [wrong], BEGIN)
        assert (found.applied, found.refused) == ([], [(fault, None)])
    assert len((await _hears(Tables(), [handed_on((2, "a" * 32, True), (3, "b" * 32, True))], BEGIN)).applied) == 1
