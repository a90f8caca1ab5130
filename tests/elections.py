"""Real elections: where their files are, what was published of them, and how a reference count is read.

The files are not part of the project. They lie in `shared/data` beside the checkout, or where SOLIBOT_DATA says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

DATA = Path(os.environ.get("SOLIBOT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")

PUBLISHED: Mapping[str, list[str]] = {
    "glasgow_Govan-2007.blt": ["Allison Hunter", "John Flanagan", "Stephen Dornan", "Shaukat Butt"],
    "glasgow_Partick-West-2007.blt": ["Kenny McLean", "Christopher Mason", "Aileen Colleran", "Stuart Clay"],
    "falkirk_2022_ward6.blt": ["Cecil MEIKLEJOHN", "Robert BISSETT", "Iain SINCLAIR", "James BUNDY"],
    "eilean_siar_2022_ward4.blt": ['Grant FULTON "Independent"', 'Paul FINNEGAN "Independent"'],
    "droop_42.blt": ["Castor", "Helen"],
}
"""Who was elected, by the published result or the reference count."""

REFERENCES: Mapping[str, str] = {
    "glasgow_Govan-2007.blt": "glasgow_Govan-2007.ref.txt",
    "glasgow_Partick-West-2007.blt": "glasgow_Partick-West-2007.ref.txt",
    "droop_42.blt": "droop_42.scotland-fixed-p5-d5.txt",
}


def real(name: str) -> Path:
    """A file of a real election; without it the test is skipped."""
    file = DATA / name
    if not file.exists():
        pytest.skip(
            f"the real election {name} is not here: put it into shared/data beside the checkout, or SOLIBOT_DATA"
        )
    return file


@dataclass(frozen=True)
class Reference:
    """One stage of a reference count: what was done, the votes of each who has any, and what went nowhere."""

    action: str
    who: str
    votes: Mapping[str, str]
    exhausted: str


def reference(name: str) -> tuple[str, list[Reference]]:
    """The quota, and the stages of a reference count by Droop's rule "scotland"."""
    text = real(name).read_text("utf-8")
    return _table(text) if text.startswith("R\t") else _report(text)


def _report(text: str) -> tuple[str, list[Reference]]:
    quota = re.search(r"Quota: (\S+)", text)
    assert quota
    stages = []
    for block in text.split("Action: ")[1:]:
        title = block.partition("\n")[0].strip()
        kinds = {"Begin Count": "first", "Surplus transferred": "surplus", "Transfer defeated": "exclude"}
        kind = kinds.get(title.partition(":")[0])
        if kind is None:
            continue
        who = re.sub(r" \([\d.]+\)$", "", title.partition(": ")[2])
        votes = {
            found[1]: found[2]
            for found in re.finditer(
                r"^\t(?:Hopeful|Elected|Pending|Defeated): +(.*) \(([\d.]+)\)$", block, re.MULTILINE
            )
        }
        exhausted = re.search(r"Nontransferable votes: (\S+)", block)
        assert exhausted
        stages.append(Reference(kind, who, votes, exhausted[1]))
    return quota[1], stages


def _table(text: str) -> tuple[str, list[Reference]]:
    stages, quota, who = [], "", ""
    for row in (line.split("\t") for line in text.splitlines()[1:]):
        if row[1] not in ("begin", "unpend", "defeat", "transfer"):
            continue
        votes = {row[at]: row[at + 2] for at in range(4, len(row), 3)}
        if row[1] in ("unpend", "defeat"):
            kind = "surplus" if row[1] == "unpend" else "exclude"
            continue
        quota = row[2]
        stages.append(Reference("first" if row[1] == "begin" else kind, who, votes, row[3]))
    return quota, stages
