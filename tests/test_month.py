"""The same month of help under each way of counting; what the guide's table says is what each ends with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MONTHS = ROOT / "tests" / "conversations" / "month"
PAGES = sorted((ROOT / "docs").glob("policies*.md"))
POLICIES = ("equal", "levy", "melt", "effort", "needs", "pooled", "gift")
PEOPLE = ("ana", "ben", "chi", "eli")
_THANKS = re.compile(r"\w+: /thank .*")
_HAS = re.compile(r"(?P<who>\w+) \(dm\) \| bot: (?:You have (?P<time>-?[0-9][^.]*)\.|Here help is a gift)")
_IN_FUND = re.compile(r"bot: Common fund / In it: (?P<time>[^.]*)\.")
_ROW = re.compile(r"^\| `/policy (?P<policy>\w+)[^|]*\|(?P<cells>.*)\|$", re.MULTILINE)


def test_the_same_month_is_lived_under_each() -> None:
    assert {script.stem for script in MONTHS.glob("*.chat")} == set(POLICIES)
    lived = {tuple(_THANKS.findall((MONTHS / f"{policy}.chat").read_text("utf-8"))) for policy in POLICIES}
    assert len(lived) == 1
    assert len(next(iter(lived))) == 5


def ends(policy: str) -> list[str]:
    """What each has in the end, and the fund: the newest that the transcript says."""
    said = (MONTHS / f"{policy}.txt").read_text("utf-8")
    has = {found["who"]: found["time"] or "–" for found in _HAS.finditer(said)}
    return [*(has[who] for who in PEOPLE), _IN_FUND.findall(said)[-1]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_guide_shows_them_side_by_side(page: Path) -> None:
    rows = {
        row["policy"]: [cell.strip() for cell in row["cells"].split("|")][-5:]
        for row in _ROW.finditer(page.read_text("utf-8"))
    }
    assert rows == {policy: ends(policy) for policy in POLICIES}


def test_each_language_has_the_guide() -> None:
    assert [page.name for page in PAGES] == ["policies.de.md", "policies.es.md", "policies.md"]
