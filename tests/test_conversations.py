"""Every scripted conversation goes as its transcript says. The examples in docs/ are taken from these."""

from __future__ import annotations

import asyncio
import difflib
import subprocess
import sys
from pathlib import Path

import pytest

from bot.practice import run_script
from tests.conftest import Riverside

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "conversations"
SCRIPTS = sorted(FOLDER.rglob("*.chat"))
CONVERSATION_SECONDS_MAX = 60


async def transcript(script: str, riverside: Riverside, folder: Path) -> tuple[list[str], int]:
    """What the text of a script prints, a line each, and how many internal errors there were."""
    said: list[str] = []
    practice = await riverside.opened(folder, lambda where, what: said.append(f"{where} | {what}"))
    try:
        await run_script(practice, script)
    finally:
        await practice.close()
    return said, practice.app.dispatcher.incidents


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.relative_to(FOLDER).with_suffix("")))
def test_a_conversation_goes_as_written(script: Path, riverside: Riverside, tmp_path: Path) -> None:
    said, incidents = asyncio.run(transcript(script.read_text("utf-8"), riverside, tmp_path))
    expected = script.with_suffix(".txt").read_text("utf-8").splitlines()
    differences = list(difflib.unified_diff(expected, said, "expected", "said", lineterm="", n=1))
    name = script.relative_to(ROOT).with_suffix("")
    mend = f"If that is how it should go: uv run solibot try --script {name}.chat > {name}.txt"
    assert not differences, "\n".join(["", *differences, mend])
    assert incidents == 0


def test_every_transcript_has_its_script() -> None:
    assert sorted(FOLDER.rglob("*.txt")) == [script.with_suffix(".txt") for script in SCRIPTS]


def _try(script: str, *options: str, said: str | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "try", "--script", script, *options],
        input=None if said is None else said.encode(),
        cwd=ROOT,
        capture_output=True,
        timeout=CONVERSATION_SECONDS_MAX,
        check=False,
    )


@pytest.mark.parametrize("name", ["thank", pytest.param("danke", marks=pytest.mark.soak)])
def test_the_command_line_prints_the_transcript_and_twice_the_same(name: str) -> None:
    first, second = _try(str(FOLDER / f"{name}.chat")), _try("-", said=(FOLDER / f"{name}.chat").read_text("utf-8"))
    assert first.returncode == 0, first.stderr.decode()
    assert first.stdout == (FOLDER / f"{name}.txt").read_bytes()
    assert second.stdout == first.stdout


def test_the_command_line_prints_what_members_on_another_network_see() -> None:
    done = _try("-", "--like", "matrix", said="ana: /thank @ben 1h\nben: [My balance]\n")
    assert done.stdout.decode().splitlines() == [
        "Riverside | ana: !thank @ben 1h",
        "Riverside | bot: Ben helped Ana: 1 h. (No. 1) / 1️⃣ My balance   2️⃣ Undo",
        "ben (dm) | bot: Ana thanked you with 1 h.",
        "Riverside | ben chooses 1️⃣ My balance",
        "ben (dm) | bot: You have 1 h.",
    ]
    assert _try("-", "--like", "irc", said="").returncode == 2


def test_the_command_line_names_the_line_that_it_does_not_understand() -> None:
    done = _try("-", said="ana: hello\n# a comment\nana: [No such button]\n")
    assert done.returncode == 2
    assert "3" in done.stderr.decode()
    assert done.stdout.decode() == "Riverside | ana: hello\n"
