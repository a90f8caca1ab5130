"""Processes that whoever runs the bot adds: read at the start, told where one is wrong, and used like the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import polls
from bot.domain.processes import Wrong
from tests.conftest import Town

PAGE = Path(__file__).parent.parent / "docs" / "processes.md"


def _shown() -> str:
    blocks: list[str] = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return next(found for found in blocks if "name" in found)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "processes"
    folder.mkdir()
    (folder / "fist.toml").write_text(_shown(), "utf-8")
    (folder / "notes.txt").write_text("not a process", "utf-8")
    yield folder
    polls.use_own([])


def test_every_key_stands_in_the_page() -> None:
    from bot.domain import processes

    words = set(re.findall(r"`\[*([a-z_]+)\]*`", PAGE.read_text("utf-8")))
    assert words >= processes._KNOWN


async def test_a_process_of_the_host_is_used_like_the_others(own: Path, town: Town) -> None:
    polls.use_own(polls.read_own(own))
    said = await town.says("ana", "/poll Faust: Shall we buy the van?")
    assert "Fist to three 1 by Ana: Shall we buy the van?" in said
    assert "3. Fist: and I say why" in said
    assert "It passes if nobody shows a fist" in said
    await town.whispers("ana", "/poll")
    await town.practice.press("ana", "Fist to three", within=town.private("ana"))
    assert "What do you want to ask?" in town.heard("ana")[-1]


@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        ('name = "fist"', 'name = "proposal"', "there is a process “proposal” already"),
        ('"faust"', '"antrag"', "“antrag” calls the process “proposal” already"),
        ('quorum = "1/2"', 'quorom = "1/2"', "nobody knows the key “quorom”"),
        ('least = "3/4"', 'least = "x"', "“x” is no fraction"),
    ],
)
def test_a_wrong_file_is_named(own: Path, was: str, becomes: str, why: str) -> None:
    (own / "fist.toml").write_text(_shown().replace(was, becomes), "utf-8")
    with pytest.raises(Wrong) as found:
        polls.read_own(own)
    assert "fist.toml" in str(found.value)
    assert why in str(found.value)


def test_two_files_cannot_be_one_process(own: Path) -> None:
    (own / "twice.toml").write_text(_shown(), "utf-8")
    with pytest.raises(Wrong, match=r"twice\.toml: there is a process “fist” already"):
        polls.read_own(own)
