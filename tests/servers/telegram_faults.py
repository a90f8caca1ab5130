"""What goes wrong on purpose: faults by method, on the update stream, and Telegram's rate limits."""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "429", "500", "502", "504", "reset_before", "reset_after", "slow", "truncated", "hang", "409", "401",
    "error", "migrate", "duplicate", "reorder", "gap", "jump",
]  # fmt: skip
CALL_KINDS = frozenset({
    "429", "500", "502", "504", "reset_before", "reset_after", "slow", "truncated", "hang", "409", "401",
    "error", "migrate",
})  # fmt: skip
UPDATE_KINDS = frozenset({"duplicate", "reorder", "gap", "jump"})


@dataclass(eq=False)
class Fault:
    """One thing that will go wrong: the nth matching call, or by chance, at most `times` times."""

    method: str  # of the Bot API, "*" for any, "update" for the stream of updates
    kind: str
    nth: int | None = None
    times: int | None = 1
    probability: float | None = None
    chat: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    calls: int = 0
    fired: int = 0

    def strikes(self, method: str, chat: int | None, chance: random.Random) -> bool:
        """Whether this call is the one; counts it."""
        if self.method not in {"*", method} or (self.chat is not None and self.chat != chat):
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.calls += 1
        if self.nth is not None and self.calls < self.nth:
            return False
        if self.probability is not None and chance.random() >= self.probability:
            return False
        self.fired += 1
        return True


class Faults:
    """The faults that are waiting."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Let it happen from now on."""
        allowed = UPDATE_KINDS if fault.method == "update" else CALL_KINDS
        if fault.kind not in allowed:
            raise ValueError(f"{fault.method} has no fault {fault.kind!r}; there are {sorted(allowed)}")
        fault.method = fault.method.lower()
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """From now on everything works."""
        self._waiting.clear()

    def next(self, method: str, chat: int | None = None) -> Fault | None:
        """The fault that strikes this call, if any."""
        if not self._waiting:
            return None
        return next((fault for fault in self._waiting if fault.strikes(method, chat, self._chance)), None)

    def on_update(self) -> Iterator[Fault]:
        """The faults that strike the update that is being queued."""
        for fault in self._waiting:
            if fault.method == "update" and fault.strikes("update", None, self._chance):
                yield fault


@dataclass
class RateLimits:
    """Telegram's published limits: 1/s in a chat after a burst, 20/min in a group, 30/s in all."""

    now: Callable[[], float]
    per_chat_burst: int = 5
    per_chat_per_second: float = 1.0
    per_group_per_minute: int = 20
    overall_per_second: int = 30
    _chats: dict[int, tuple[float, float]] = field(default_factory=dict)
    _groups: defaultdict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _all: deque[float] = field(default_factory=deque)

    def wait(self, chat: int) -> int:
        """Seconds to wait before a message to this chat (retry_after), or 0: then it is counted."""
        now = self.now()
        tokens, at = self._chats.get(chat, (float(self.per_chat_burst), now))
        tokens = min(self.per_chat_burst, tokens + (now - at) * self.per_chat_per_second)
        waits = [(1 - tokens) / self.per_chat_per_second if tokens < 1 else 0.0]
        waits.append(_window(self._all, now, 1.0, self.overall_per_second))
        if chat < 0:
            waits.append(_window(self._groups[chat], now, 60.0, self.per_group_per_minute))
        if (longest := max(waits)) > 0:
            return max(1, math.ceil(longest))
        self._chats[chat] = (tokens - 1, now)
        self._all.append(now)
        if chat < 0:
            self._groups[chat].append(now)
        return 0


def _window(sent: deque[float], now: float, seconds: float, limit: int) -> float:
    while sent and sent[0] <= now - seconds:
        sent.popleft()
    return sent[0] + seconds - now if len(sent) >= limit else 0.0
