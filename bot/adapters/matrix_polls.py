"""Polls of Matrix's own (MSC3381): how one is begun and ended, and what people chose in it.

They are sent under the names from before they became part of the specification, which clients know; votes are read
under both. What a vote names are the numbers of the answers, from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bot.adapters.matrix_words import local
from bot.chat import NativePoll
from bot.text import Span, plain

Json = dict[str, Any]

_UNSTABLE = "org.matrix.msc3381.poll"
START: Final = f"{_UNSTABLE}.start"
END: Final = f"{_UNSTABLE}.end"
RESPONSE: Final = "m.poll.response"
RESPONSE_UNSTABLE: Final = "org.matrix.msc3381.poll.response"
RESPONSES: Final = frozenset({RESPONSE, RESPONSE_UNSTABLE})
_TEXT = "org.matrix.msc1767.text"
_VOID = (-1,)
"""Stands for answers that nobody offered: such a vote counts as none."""


def start(poll: NativePoll, spans: Sequence[Span]) -> Json:
    """The content of the event that begins a poll; the words are for clients that do not know such polls."""
    words = plain(local(spans))
    return {
        "body": words,
        _TEXT: words,
        START: {
            "kind": f"{_UNSTABLE}.disclosed",
            "max_selections": len(poll.options) if poll.several else 1,
            "question": {"body": poll.question, "msgtype": "m.text", _TEXT: poll.question},
            "answers": [{"id": str(place), _TEXT: option} for place, option in enumerate(poll.options)],
        },
    }


def end(message: str, spans: Sequence[Span]) -> Json:
    """The content of the event that ends it."""
    words = plain(local(spans))
    return {
        "body": words,
        _TEXT: words,
        END: {},
        "m.relates_to": {"rel_type": "m.reference", "event_id": message},
    }


def chosen(event: Json) -> tuple[int, ...]:
    """The places of the answers that a vote names; what cannot be understood makes it void."""
    content = event["content"]
    said = content.get(RESPONSE_UNSTABLE, content.get(RESPONSE))
    answers = said.get("answers", said.get("m.selections")) if isinstance(said, dict) else content.get("m.selections")
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        return _VOID
    # Longer than any answer of ours, or no number: not one that was offered.
    if any(len(answer) > 2 or not (answer.isascii() and answer.isdecimal()) for answer in answers):
        return _VOID
    return tuple(dict.fromkeys(map(int, answers)))
