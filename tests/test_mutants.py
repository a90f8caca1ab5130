"""Tests of the tests: each mistake of tests/mutants.py, put into a copy of the sources, is found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import COUNTED, MACHINE, MUTANTS, POLICIES, UNITS, Mutant

MACHINES = "tests/test_ledger_machine.py"
ROOT = Path(__file__).parents[1]
RUNS = "300"
"""Lives of a committee until a mistake must have shown; most show within five."""

BROKEN = {"ImportError", "ModuleNotFoundError", "SyntaxError", "NameError", "TypeError", "AttributeError"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the ledger's tests need. It is read and copied again, never changed."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("bot", "handlers", "storage"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.po", "adapters"))
    (folder / "tests" / "domain").mkdir(parents=True)
    for name in ("tests/__init__.py", "tests/domain/__init__.py", MACHINES, POLICIES, UNITS, "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    # Compiled once, beside the sources: else most of the time of finding a mistake would be spent on that.
    machine = MACHINES.removesuffix(".py").replace("/", ".")
    subprocess.run([sys.executable, "-c", f"import {machine}"], cwd=folder, env=environment(folder), check=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """In which the tests of a copy run."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    return {**kept, "SOLIBOT_LEDGER_RUNS": RUNS, "HYPOTHESIS_PROFILE": "default", "PYTHONPATH": str(folder)}


def outcome(folder: Path, tests: str) -> tuple[int, str]:
    """What the tests return, and say, about the sources in a folder."""
    # The machine is a unittest too, and pytest takes longer to begin than it takes to find most mistakes.
    runner = (
        ["unittest", tests]
        if tests in (MACHINE, COUNTED)
        else ["pytest", "-n0", "-x", "--noconftest", "-p", "no:cacheprovider", tests]
    )
    done = subprocess.run(
        [sys.executable, "-m", *runner],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "tests",
    [pytest.param(MACHINE, marks=pytest.mark.soak), pytest.param(COUNTED, marks=pytest.mark.soak), POLICIES, UNITS],
)
def test_without_a_mistake_they_find_nothing(sources: Path, tests: str) -> None:
    code, said = outcome(sources, tests)
    assert code == 0, said


@pytest.mark.parametrize(
    "mutant", [pytest.param(one, id=one.name, marks=[pytest.mark.soak] if one.long else []) for one in MUTANTS]
)
def test_each_mistake_is_found(sources: Path, tmp_path: Path, mutant: Mutant) -> None:
    folder = tmp_path / "sources"
    shutil.copytree(sources, folder)
    for name, old, new in mutant.changes:
        path = folder / name
        words = path.read_text()
        assert words.count(old) == 1, f"the words of the mutant stand once in {name}"
        path.write_text(words.replace(old, new))
        # Python tells a change by size and second, and may miss it.
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()
    code, said = outcome(folder, mutant.killed_by)
    assert code == 1, said
    # Not because the sources cannot be read any more, but because something moved that should not, or did not.
    found = re.findall(
        r"^(?:E +)?([\w.]*(?:Error|Conflict|Refusal|BelowFloor|NeedsYes))\b|^E +(assert) ", said, re.MULTILINE
    )
    assert found, said
    assert not BROKEN & {one for one, _ in found}, said
