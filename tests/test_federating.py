"""Whatever a network and a liar do, what honest committees say arrives once, in order: stories told by seeds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.federating import Broken, Memory, Story, Tables

SEEDS = int(os.environ.get("SOLIBOT_SEEDS", "50"))
COMPARED = max(4, SEEDS // 10)
STEPS = 100
AT_ONCE = 10
RULES = "bot/domain/envelope.py"
WIRE = "bot/wire.py"
STORIES = "tests/federating.py"
MISTAKES_SEEDS = 8
"""Stories until a mistake must have shown; most show in the first."""
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_what_honest_committees_say_arrives_once_and_in_order_whatever_happens(first: int) -> None:
    for seed in range(first, min(first + AT_ONCE, SEEDS)):
        story = Story(seed, Tables)
        try:
            asyncio.run(story.run(STEPS))
        except Broken as broken:
            raise AssertionError(f"seed {seed}: {broken}") from broken


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
    "whoever asks gets nothing": ((WIRE, "if await store.posted(one.hash, now=now):", "if False:"),),
    "what is said is not counted as said": ((WIRE, "await store.advance(made)", "pass"),),
    "what waits never has its turn": ((WIRE, "for one in await store.waiting():", "for one in ():"),),
}
"""Mistakes that the stories must find: in which file, what stands there once, and what stands there instead."""


@contextlib.contextmanager
def told_with(changes: Sequence[tuple[str, str, str]]) -> Iterator[ModuleType]:
    """The stories, told with an engine that was changed: in each file the words that stand there once."""
    modules = {RULES: "bot.domain.envelope", WIRE: "bot.wire", STORIES: "tests.federating"}
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
            exec(compile(source, file, "exec"), module.__dict__)
        yield sys.modules["tests.federating"]
    finally:
        for name, module in before.items():
            sys.modules[name] = module
            package, _, last = name.rpartition(".")
            setattr(sys.modules[package], last, module)


def _finds(stories: ModuleType) -> bool:
    """Whether some story finds something wrong."""
    for seed in range(MISTAKES_SEEDS):
        try:
            asyncio.run(stories.Story(seed).run(STEPS))
        except stories.Broken:
            return True
    return False


@pytest.mark.parametrize("name", BUGS)
def test_a_mistake_in_the_engine_is_found_by_some_story(name: str) -> None:
    with told_with(BUGS[name]) as stories:
        assert _finds(stories)


def test_without_a_mistake_they_find_nothing() -> None:
    with told_with(()) as stories:
        asyncio.run(stories.Story(0).run(STEPS))
