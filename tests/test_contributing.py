"""CONTRIBUTING's worked example, followed to the letter in a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(
    r"^(?P<how>Add to|Write) `(?P<file>[^`]+)`:\n\n```python\n(?P<code>.*?)```", re.MULTILINE | re.DOTALL
)


def test_a_command_is_added_as_the_page_says(tmp_path: Path) -> None:
    for name in ("bot", "handlers", "storage", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    blocks = list(_BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert [block["file"] for block in blocks] == [
        "storage/transfers.py",
        "handlers/credits.py",
        "tests/test_circle.py",
    ]
    for block in blocks:
        file = tmp_path / block["file"]
        before = file.read_text("utf-8") + "\n\n" if block["how"] == "Add to" else ""
        file.write_text(before + block["code"], "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", "tests/test_circle.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
