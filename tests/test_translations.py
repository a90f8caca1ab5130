"""Every sentence of the source is there, whole, in every shipped language."""

from __future__ import annotations

import ast
import io
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.frontend import parse_keywords
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from bot.text import LANGUAGES, SOURCE_LANGUAGE

ROOT = Path(__file__).parent.parent
FOLDERS = ("bot", "handlers", "storage")
KEYWORDS = ("T:1", "N:1,2")
LOCALE = ROOT / "bot" / "locale"
TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]

TO_MEND = """
To bring the catalogues up to date, then translate what is empty in them:
  uv run pybabel extract -k T:1 -k N:1,2 --no-wrap --sort-output --add-location=file \\
      -o messages.pot bot handlers storage
  uv run pybabel update --ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date --no-wrap \\
      -i messages.pot -l es -o bot/locale/es.po    (and the same with -l de -o bot/locale/de.po)"""

Ids = tuple[str, ...]
"""A message's source: one text, or the singular and the plural."""


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _source() -> set[Ids]:
    """Every message of the source, as Babel extracts it."""
    found: set[Ids] = set()
    for path in _files():
        for _, ids, _, _ in extract_from_file("python", path, keywords=parse_keywords(KEYWORDS)):
            assert ids is not None
            found.add((ids,) if isinstance(ids, str) else tuple(ids))
    return found


def _ids(message: Message) -> Ids:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _strings(message: Message) -> Ids:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or [""])


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _spaces(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _ending(text: str) -> str:
    """The punctuation at the end. Each language has quotation marks of its own."""
    found = re.search(r"[^\w\s{}]*$", text.rstrip())
    assert found is not None
    return re.sub(r"[“”„«»‘’\"]", '"', found.group())


def faults(catalogue: Catalog, source: set[Ids]) -> list[str]:
    """What is wrong with a catalogue, a sentence for each fault."""
    wrong = [f"missing: {ids[0]!r}" for ids in sorted(source - {_ids(message) for message in catalogue})]
    wrong += [f"left over, marked obsolete: {name!r}" for name in catalogue.obsolete]
    if catalogue.plural_expr != get_plural(catalogue.locale_identifier)[1]:
        wrong.append(f"the header's plural rule is not that of the language: {catalogue.plural_forms}")
    for message in catalogue:
        ids, strings = _ids(message), _strings(message)
        if ids == ("",):
            continue
        name = repr(ids[0])
        if ids not in source:
            wrong.append(f"left over: {name}")
        if message.fuzzy:
            wrong.append(f"fuzzy: {name}")
        if not all(strings):
            wrong.append(f"empty: {name}")
            continue
        if len(strings) != (1 if len(ids) == 1 else catalogue.num_plurals):
            wrong.append(f"{len(strings)} plural forms: {name}")
        for translated in strings:
            if _places(translated) != _places(ids[-1]):
                wrong.append(f"other places: {name} -> {translated!r}")
            if _spaces(translated) != _spaces(ids[-1]):
                wrong.append(f"other spaces at an end: {name} -> {translated!r}")
            if _ending(translated) != _ending(ids[-1]):
                wrong.append(f"other punctuation at the end: {name} -> {translated!r}")
    return wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_whole(language: str) -> None:
    with (LOCALE / f"{language}.po").open("rb") as file:
        wrong = faults(read_po(file, locale=language), _source())
    assert not wrong, "\n".join([f"bot/locale/{language}.po:", *wrong, TO_MEND])


def test_every_language_has_one_catalogue() -> None:
    assert sorted(path.stem for path in LOCALE.glob("*.po")) == sorted(TRANSLATED)


# --- the checks themselves -----------------------------------------------------------------------------------

_SOURCE: set[Ids] = {("Hello, {name}.",), ("{n} hour", "{n} hours"), ("It is “{word}”",)}
_HEADER = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""
_RIGHT = (
    'msgid "Hello, {name}."\nmsgstr "Hallo, {name}."\n\n'
    'msgid "{n} hour"\nmsgid_plural "{n} hours"\nmsgstr[0] "{n} Stunde"\nmsgstr[1] "{n} Stunden"\n\n'
    'msgid "It is “{word}”"\nmsgstr "Es ist „{word}“"\n'
)


def _faults_of(text: str) -> list[str]:
    return faults(read_po(io.BytesIO((_HEADER + "\n" + text).encode()), locale="de"), _SOURCE)


def test_a_right_catalogue_has_no_faults() -> None:
    assert _faults_of(_RIGHT) == []


@pytest.mark.parametrize(
    ("right", "broken", "fault"),
    [
        ('msgid "Hello, {name}."\nmsgstr "Hallo, {name}."\n', "", "missing: 'Hello, {name}.'"),
        ('"Hallo, {name}."', '""', "empty: 'Hello, {name}.'"),
        ('msgid "Hello', '#, fuzzy\nmsgid "Hello', "fuzzy: 'Hello, {name}.'"),
        ('msgid "Hello', 'msgid "Bye"\nmsgstr "Ade"\n\nmsgid "Hello', "left over: 'Bye'"),
        ('msgid "Hello', '#~ msgid "Bye"\n#~ msgstr "Ade"\n\nmsgid "Hello', "left over, marked obsolete: 'Bye'"),
        ("Hallo, {name}", "Hallo, {nam}", "other places: 'Hello, {name}.' -> 'Hallo, {nam}.'"),
        ("{n} Stunden", "viele Stunden", "other places: '{n} hour' -> 'viele Stunden'"),
        ('msgstr[1] "{n} Stunden"\n', "", "empty: '{n} hour'"),
        ("Hallo, {name}.", "Hallo, {name}. ", "other spaces at an end: 'Hello, {name}.' -> 'Hallo, {name}. '"),
        ("Hallo, {name}.", "Hallo, {name}!", "other punctuation at the end: 'Hello, {name}.' -> 'Hallo, {name}!'"),
        ("Es ist „{word}“", "Es ist {word}", "other punctuation at the end: 'It is “{word}”' -> 'Es ist {word}'"),
    ],
)
def test_a_broken_catalogue_is_found_out(right: str, broken: str, fault: str) -> None:
    assert right in _RIGHT
    assert fault in _faults_of(_RIGHT.replace(right, broken, 1))


def test_a_wrong_plural_rule_is_found_out() -> None:
    text = (_HEADER + _RIGHT).replace("plural=(n != 1)", "plural=(n > 1)")
    wrong = faults(read_po(io.BytesIO(text.encode()), locale="de"), _SOURCE)
    assert any("plural rule" in fault for fault in wrong)


# --- the source ----------------------------------------------------------------------------------------------


def source_faults(source: str, name: str) -> list[str]:
    """Calls of T and N whose texts are put together, have spaces at an end, or have places that nothing fills."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("T", "N")):
            continue
        where = f"{name}:{node.lineno}"
        count = 1 if node.func.id == "T" else 2
        filled = {keyword.arg for keyword in node.keywords} | ({"n"} if node.func.id == "N" else set())
        for argument in node.args[:count]:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                wrong.append(f"{where}: the text must be written out as one string")
                continue
            if _spaces(argument.value) != ("", "") or "  " in argument.value or "\n" in argument.value:
                wrong.append(f"{where}: one whole sentence, without spaces at its ends: {argument.value!r}")
            if None not in filled and _places(argument.value) - filled:
                wrong.append(f"{where}: nothing fills {sorted(_places(argument.value) - filled)}")
        if None not in filled and isinstance(node.args[0], ast.Constant):
            texts = [argument.value for argument in node.args[:count] if isinstance(argument, ast.Constant)]
            spare = filled - {"n"} - set().union(*(_places(str(text)) for text in texts))
            if spare:
                wrong.append(f"{where}: there is no place for {sorted(str(place) for place in spare)}")
    return wrong


def test_every_sentence_in_the_source_is_written_out() -> None:
    wrong = [
        fault for path in _files() for fault in source_faults(path.read_text("utf-8"), str(path.relative_to(ROOT)))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        'T(f"Hello, {name}.")',
        'T("Hello, " + name)',
        'T("Hello, {}.".format(name))',
        'T("Hello, %s." % name)',
        "T(words)",
        'N("an hour", f"{hours} hours", 2)',
        'T("Hello, ")',
        'T(" and so on")',
        'T("Hello, {name}.")',
        'T("Hello.", name=name)',
    ],
)
def test_a_sentence_that_is_put_together_is_found_out(line: str) -> None:
    assert source_faults(line, "somewhere")


def test_babel_finds_every_sentence_that_python_sees() -> None:
    written: set[Ids] = set()
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("T", "N"):
                texts = node.args[: 1 if node.func.id == "T" else 2]
                written.add(tuple(text.value for text in texts if isinstance(text, ast.Constant)))  # type: ignore[misc]
    assert written == _source()
