"""Long words in messages that are not too long: split where it hurts least, or cut where only one is allowed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.text import Span, plain

CUT = Span("\n…")
"""Ends a message that had to be shortened, because an edit cannot become two messages."""


def units(text: str) -> int:
    """The length in UTF-16 units: what networks limit."""
    return len(text) + sum(character > "\uffff" for character in text)


_ENDS = (re.compile(r"\n+"), re.compile(r"(?<=[.!?…:;])\s+"), re.compile(r"\s+"))
"""Where a long text may be split: best between lines, else between sentences, else between words."""


def parts(spans: Sequence[Span], units_max: int) -> list[tuple[Span, ...]]:
    """The words as messages that are not too long; a styled run stays whole unless it alone is too long."""
    text = plain(spans)
    if 2 * len(text) <= units_max or units(text) <= units_max:
        return [tuple(spans)]
    styled, start = [], 0
    for span in spans:
        if span.style:
            styled.append((start, start + len(span.text)))
        start += len(span.text)
    found, at = [], 0
    while at < len(text):
        end = _reach(text, at, units_max)
        if end < len(text):
            end = _end(text, at, end, styled)
        if part := _between(spans, at, end):
            found.append(part)
        at = end
    return found or [tuple(spans)]


def _reach(text: str, at: int, units_max: int) -> int:
    """The furthest position that still fits."""
    end = min(len(text), at + units_max)
    while (over := units(text[at:end]) - units_max) > 0:
        end -= (over + 1) // 2
    return end


def _end(text: str, at: int, furthest: int, styled: Sequence[tuple[int, int]]) -> int:
    def within(position: int) -> tuple[int, int] | None:
        return next((run for run in styled if run[0] < position < run[1]), None)

    for pattern in _ENDS:
        # An end far ahead of what fits would leave a short message and a long one.
        for found in reversed(list(pattern.finditer(text, at + (furthest - at) // 2, furthest))):
            if within(found.end()) is None:
                return found.end()
    run = within(furthest)
    return run[0] if run is not None and run[0] > at else furthest


def _between(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """The words from one position to another, without blank edges."""
    text = plain(spans)[start:end]
    end = start + len(text.rstrip())
    start += len(text) - len(text.lstrip())
    cut, at = [], 0
    for span in spans:
        inner = span.text[max(0, start - at) : max(0, end - at)]
        if inner:
            cut.append(replace(span, text=inner))
        at += len(span.text)
    return tuple(cut)


def fitting(spans: Sequence[Span], units_max: int) -> tuple[Span, ...]:
    """The words in one message: what does not fit is left out, and it shows."""
    whole = parts(spans, units_max)
    return whole[0] if len(whole) == 1 else (*parts(spans, units_max - units(CUT.text))[0], CUT)
