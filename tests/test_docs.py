"""What the guides show really happens, and what they link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import authority
from bot.app import commands
from bot.text import LANGUAGES, SOURCE_LANGUAGE

ROOT = Path(__file__).parent.parent
CONVERSATIONS = Path(__file__).parent / "conversations"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDES = ("members", "organizers", "alerts")

_FENCE = re.compile(
    r"^(?:<!-- conversation: (?P<name>[\w/-]+) -->\n)?"
    r"(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_LINE = re.compile(r"\w+(?: \((?:dm|tap)\))? \| (?:\w+(?: > \w+|\ \(edit\))?:|\w+ (?:presses|joins|leaves)\b)")
"""A line of a transcript: where, and who."""
_LINK = re.compile(
    r"(?<!\\)\[[^\]]*\]\(\s*<?(?P<target>[^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*<?(?P<reference>[^\s>]+)", re.MULTILINE
)


def example_faults(page: str) -> list[str]:
    """What a page shows of conversations that is not so."""
    wrong = []
    if page.count("<!-- conversation:") != len([found for found in _FENCE.finditer(page) if found["name"]]):
        wrong.append("a conversation must be named right above its block: <!-- conversation: thank -->")
    for found in _FENCE.finditer(page):
        lines = found["body"].splitlines()
        if found["name"] is None:
            if lines and all(_LINE.match(line) for line in lines):
                wrong.append(f"nothing tests this example; name its conversation above it: {lines[0]!r}")
            continue
        transcript = CONVERSATIONS / f"{found['name']}.txt"
        if found["info"].strip() != "text" or not lines:
            wrong.append(f"an example of {found['name']} stands in a block that begins with ```text")
        elif not transcript.exists():
            wrong.append(f"there is no conversation {found['name']}")
        else:
            # Lines may be left out, but not changed or put in another order.
            following = iter(transcript.read_text("utf-8").splitlines())
            wrong += [f"{found['name']} does not go like this: {line!r}" for line in lines if line not in following]
    return wrong


def link_faults(page: str, folder: Path) -> list[str]:
    """Links of a page in this folder to files that are not there."""
    words = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page))
    targets = [found["target"] or found["reference"] for found in _LINK.finditer(words)]
    files = [target.partition("#")[0] for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:", target)]
    return [f"nothing is at {file}" for file in files if file and not (folder / file).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_go_as_the_page_shows_them(page: Path) -> None:
    wrong = example_faults(page.read_text("utf-8"))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = link_faults(page.read_text("utf-8"), page.parent)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != SOURCE_LANGUAGE])
def test_a_guide_has_the_same_parts_in_every_language(guide: str, language: str) -> None:
    source = (ROOT / "docs" / f"{guide}.md").read_text("utf-8")
    translated = (ROOT / "docs" / f"{guide}.{language}.md").read_text("utf-8")
    assert _shape(translated) == _shape(source)


def _shape(page: str) -> list[str]:
    """The levels of the headings, and where examples stand between them."""
    marks = _FENCE.sub("\n\0\n", page).splitlines()
    return ["example" if mark == "\0" else mark.split()[0] for mark in marks if mark == "\0" or mark.startswith("#")]


def test_the_table_of_authority_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "authority.md").read_text("utf-8")
    assert written == authority.page(commands()), f"Write it anew: {authority.REGENERATE}"


# --- the checks themselves -----------------------------------------------------------------------------------

_THANKED = "Riverside | ana: /thank @ben 1h30 fixed the bike\nRiverside | bot: Ben helped Ana: 1 h 30. (No. 1)"
_BUTTONS = "  [My balance] [Undo]"


def _page(body: str, above: str = "<!-- conversation: thank -->\n", info: str = "text") -> str:
    return f"# A guide\n\nSome words.\n\n{above}```{info}\n{body}\n```\n\nMore words.\n"


def test_a_right_example_passes() -> None:
    assert example_faults(_page(_THANKED + _BUTTONS)) == []
    assert example_faults(_page("pip install uv && uv run solibot try", above="", info="sh")) == []


@pytest.mark.parametrize(
    "page",
    [
        _page(_THANKED),
        _page("\n".join(reversed((_THANKED + _BUTTONS).splitlines()))),
        _page(_THANKED + _BUTTONS, above="<!-- conversation: no_such -->\n"),
        _page(_THANKED + _BUTTONS, above="<!-- conversation: thank -->\n\n"),
        _page(_THANKED + _BUTTONS, above=""),
        _page(_THANKED + _BUTTONS, info=""),
    ],
)
def test_a_wrong_example_is_found_out(page: str) -> None:
    assert example_faults(page)


def test_a_link_to_nothing_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    right = "[a](there.md) [b](there.md#part) [c](#part) [d](https://example.org/x) `[e](gone.md)`"
    assert link_faults(right, tmp_path) == []
    assert link_faults("[a](gone.md)", tmp_path) == ["nothing is at gone.md"]
    assert link_faults("[a]: gone.md", tmp_path) == ["nothing is at gone.md"]
