"""What was voted elsewhere: the address where that is, and the result as somebody writes it down. Pure rules."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bot.domain.board import plain
from bot.domain.pollline import OPTION_CHARACTERS_MAX, OPTIONS_MAX

COUNT_MAX = 1_000_000_000
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_ENTRY = re.compile(r"(?P<name>.*?\S)[\s:=]+(?P<count>[0-9]{1,10})")


class Unclear(ValueError):
    """A result that cannot be read; `words`: where."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def address(text: str) -> str | None:
    """The one https address in a text; None: there is none, or several, or it is no place where people can vote."""
    found = [one.rstrip(".,;:!?)»”\"'") for one in _LINK.findall(text)]
    if len(found) != 1:
        return None
    try:
        parts = urlsplit(found[0])
        # Reading the port fails where it is none. A name in front of the host makes it look like another one.
        fine = parts.scheme.lower() == "https" and "." in (parts.hostname or "") and (parts.port or 1) > 0
        fine = fine and "@" not in parts.netloc
    except ValueError:
        return None
    return found[0] if fine else None


def result(text: str) -> tuple[tuple[str, int], ...]:
    """`Ana 5, Ben 3` as names and figures, in the order in which they are written. Raises Unclear."""
    pieces = [piece.strip() for piece in re.split(r"[,;\n]", text) if piece.strip()]
    found: list[tuple[str, int]] = []
    for piece in pieces:
        read = _ENTRY.fullmatch(piece)
        if read is None or int(read["count"]) > COUNT_MAX or len(read["name"]) > OPTION_CHARACTERS_MAX:
            raise Unclear(piece)
        if plain(read["name"]) in {plain(name) for name, _ in found}:
            raise Unclear(piece)
        found.append((read["name"].rstrip(" :="), int(read["count"])))
    if not found or len(found) > OPTIONS_MAX:
        raise Unclear(text.strip())
    return tuple(found)


def winners(counts: tuple[int, ...], seats: int) -> tuple[tuple[int, ...], bool]:
    """Who has the seats, by their places from 1, most votes first; and whether somebody outside has as many."""
    order = sorted(range(len(counts)), key=lambda at: (-counts[at], at))
    last = counts[order[min(seats, len(order)) - 1]]
    if len(order) > seats and counts[order[seats]] == last:
        level = tuple(at + 1 for at in order if counts[at] >= last)
        return level, True
    return tuple(at + 1 for at in order[:seats]), False
