"""What a bot showed in a slice of time, and how it compares with a baseline that ran in turn with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

KINDS = ("per_second", "p50", "p95", "cpu_ms")


@dataclass(frozen=True)
class Figures:
    """What one bot showed with one number of chats."""

    per_second: float
    p50: float
    p95: float
    cpu_ms: float

    def line(self, name: str) -> str:
        """One line for people."""
        return (
            f"{name:<26} {self.per_second:7.0f}/s   p50 {self.p50:7.1f} ms   p95 {self.p95:7.1f} ms   "
            f"bot CPU {self.cpu_ms:5.2f} ms/command"
        )


def figures(latencies: Sequence[float], seconds: float, cpu_seconds: float) -> Figures:
    """The figures of so many answers (seconds each) in so many seconds."""
    ordered = sorted(latencies)
    count = len(ordered)
    return Figures(
        count / seconds, ordered[count // 2] * 1000, ordered[int(count * 0.95)] * 1000, cpu_seconds / count * 1000
    )


def show(title: str, stock: list[Figures], ours: list[Figures], *names: str) -> None:
    """Print the medians of the slices, and the ratios slice by slice."""
    print(f"{title}, medians of {len(stock)} slices in turn")
    for name, figures in zip(names, (stock, ours), strict=True):
        middle = Figures(*(median(getattr(one, kind) for one in figures) for kind in KINDS))
        print(middle.line(f"  {name}"))
    ratios = {
        kind: [getattr(mine, kind) / getattr(theirs, kind) for theirs, mine in zip(stock, ours, strict=True)]
        for kind in KINDS
    }
    shown = "   ".join(
        f"{kind} {median(values):.2f} x ({min(values):.2f} to {max(values):.2f})" for kind, values in ratios.items()
    )
    print(f"    ratios, slice by slice: {shown}")
