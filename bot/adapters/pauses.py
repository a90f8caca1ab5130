"""How long to wait before the next try."""

from __future__ import annotations

import random


class Pauses:
    """Ever longer waits after failures in a row, in seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._failures = 0

    def sound(self) -> None:
        """It works (again)."""
        self._failures = 0

    def next(self, *, factor: float = 1, longest: float | None = None) -> float:
        """Seconds to wait now."""
        seconds = min(longest or self._longest, self._first * factor * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        # Bots that failed together should not all come back at the same moment.
        return seconds * random.uniform(0.75, 1.25)  # noqa: S311
