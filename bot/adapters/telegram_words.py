"""How shown words look on Telegram: its HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Final

from telegram.constants import MessageLimit

from bot.chat import UserId, native, network_of
from bot.text import Span

NETWORK: Final = "telegram"
UNITS_MAX: Final = int(MessageLimit.MAX_TEXT_LENGTH)
"""The longest message, in UTF-16 units."""

_TAPPED = re.compile(r"/[a-z0-9_]{1,32}")
"""A command alone: as plain text it can be tapped, and is then said."""


def as_html(spans: Sequence[Span]) -> str:
    """Telegram's HTML for shown words."""
    return "".join(map(_marked_up, spans))


def _marked_up(span: Span) -> str:
    text = html.escape(span.text, quote=False)
    match span.style:
        case "bold":
            return f"<b>{text}</b>"
        case "code" if not _TAPPED.fullmatch(span.text):
            return f"<code>{text}</code>"
        case "mention" if span.target and network_of(UserId(span.target)) == NETWORK:
            return f'<a href="tg://user?id={native(UserId(span.target))}">{text}</a>'
        case _:
            return text
