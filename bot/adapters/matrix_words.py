"""How shown words look on Matrix: its HTML, the same in plain text, and numbers in place of buttons."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from bot.adapters.splitting import fitting, parts
from bot.chat import Key, UserId, native, network_of
from bot.text import Span, plain

NETWORK: Final = "matrix"
PREFIX: Final = "!"
"""Matrix clients keep lines that begin with a slash for themselves."""
UNITS_MAX: Final = 6000
"""The longest message, in UTF-16 units: nobody reads more at a stretch."""
UNITS_MIN: Final = 300
CONTENT_BYTES_MAX: Final = 44_000
"""The longest content as JSON in ASCII, which is what is encrypted: a third longer it stays below an event's 64 KiB."""
SEEDED_MAX: Final = 2
"""So many numbers stand under a message for a tap; whoever wants another one types it, or adds it."""

_COMMAND = re.compile(r"/(?=[a-z0-9_])")
_KEYCAP = "\ufe0f\u20e3"
_DECORATION = re.compile("[\ufe0e\ufe0f\u20e3#.)(\\s]")


def local(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The words with commands written as they are typed here."""
    return tuple(
        replace(span, text=_COMMAND.sub(PREFIX, span.text, count=1))
        if span.style == "code" and span.text.startswith("/")
        else span
        for span in spans
    )


def as_html(spans: Sequence[Span]) -> str:
    """Matrix's HTML for shown words."""
    return "".join(map(_marked_up, spans))


def _marked_up(span: Span) -> str:
    text = html.escape(span.text, quote=False).replace("\n", "<br>")
    match span.style:
        case "bold":
            return f"<strong>{text}</strong>"
        case "code":
            return f"<code>{text}</code>"
        case "mention" if (user := _account(span)) is not None:
            return f'<a href="https://matrix.to/#/{quote(user, safe="@:")}">{text}</a>'
        case _:
            return text


def _account(span: Span) -> str | None:
    if span.style != "mention" or not span.target or network_of(UserId(span.target)) != NETWORK:
        return None
    return native(UserId(span.target))


def symbol(number: int) -> str:
    """The sign of a button's number: for the first ten, one that can be added as a reaction."""
    if number == 10:
        return "\U0001f51f"
    return f"{number}{_KEYCAP}" if number < 10 else str(number)


def chosen(text: str) -> int | None:
    """The number that a reaction or an answer means; None: it means something else."""
    if text.strip() == "\U0001f51f":
        return 10
    digits = _DECORATION.sub("", text) if len(text) <= 8 else ""
    return int(digits) if re.fullmatch(r"[1-9][0-9]?", digits, re.ASCII) else None


def with_numbers(spans: Sequence[Span], keys: Sequence[Sequence[Key]]) -> tuple[Span, ...]:
    """The words with a line for each row of buttons: their numbers and what they say."""
    number = 0
    lines: list[Span] = []
    for row in keys:
        shown = []
        for key in row:
            number += 1
            shown.append(f"{symbol(number)} {key.label}")
        lines.append(Span("\n" + "   ".join(shown)))
    return (*spans, *lines)


def content(spans: Sequence[Span], keys: Sequence[Sequence[Key]] = (), *, loud: bool = False) -> dict[str, Any]:
    """The content of a message event. `loud`: it may ring; others stay quiet, as what bots say should."""
    spans = with_numbers(local(spans), keys)
    mentioned = sorted({user for span in spans if (user := _account(span)) is not None})
    return {
        "msgtype": "m.text" if loud else "m.notice",
        "body": plain(spans),
        "format": "org.matrix.custom.html",
        "formatted_body": as_html(spans),
        "m.mentions": {"user_ids": mentioned} if mentioned else {},
    }


def contents(spans: Sequence[Span], keys: Sequence[Sequence[Key]] = (), *, loud: bool = False) -> list[dict[str, Any]]:
    """The contents of one message or of several, where it is too long for one; the numbers are under the last."""
    most = UNITS_MAX
    while True:
        whole = parts(spans, most)
        made = [
            content(part, keys if number == len(whole) else (), loud=loud) for number, part in enumerate(whole, start=1)
        ]
        # Letters outside ASCII count up to six times, and each is there twice: in plain text and in HTML.
        if most <= UNITS_MIN or all(_fits(one) for one in made):
            return made
        most //= 2


def _fits(made: dict[str, Any]) -> bool:
    return len(json.dumps(made, separators=(",", ":"))) <= CONTENT_BYTES_MAX


def replacement(
    spans: Sequence[Span], keys: Sequence[Sequence[Key]], message: str, *, loud: bool = False
) -> dict[str, Any]:
    """The content of an event that changes what a message shows. What does not fit is left out, and it shows."""
    most = UNITS_MAX
    while not _fits(made := _replacement(fitting(spans, most), keys, message, loud=loud)) and most > UNITS_MIN:
        most //= 2
    return made


def _replacement(spans: Sequence[Span], keys: Sequence[Sequence[Key]], message: str, *, loud: bool) -> dict[str, Any]:
    new = content(spans, keys, loud=loud)
    # Who was mentioned was told the first time.
    new["m.mentions"] = {}
    return {
        **new,
        "body": f"* {new['body']}",
        "formatted_body": f"* {new['formatted_body']}",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": message},
    }
