"""Charts become pictures in a process of their own: drawing takes a second and much memory, and chats must not wait.

It needs the extra `pictures` (matplotlib). `python -m bot.drawing` reads a chart as JSON and writes a PNG.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from textwrap import shorten, wrap
from typing import Any

from bot import aside
from bot.chat import Bar, Bars, Chart, Flow, Picture, Stage
from bot.chat import chart as read_chart

log = logging.getLogger(__name__)

SECONDS_MAX = 60.0
"""The first picture on a slow machine takes longest: matplotlib looks for the fonts there are."""
INK, BAR, TRACK = "#1a1a1a", "#0072b2", "#dfe6ec"
"""Blue of Okabe and Ito's palette for all eyes (https://jfly.uni-koeln.de/color/); nothing is told by colour alone."""
GREY = "#b8bfc6"
FLOWS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""The rest of that palette, neighbours as unlike as can be; what comes after has a pattern besides."""
WIDTH = 6.0
"""Inches, at 180 points each: as wide as a phone held upright shows well."""
LEFT, ROOM = 0.3, WIDTH - 0.6
LINE, ROW, GAP = 0.3, 0.62, 0.25
STAGE, TOP, BOTTOM = 1.2, 0.28, 0.7
"""A stage of a flow: how high, and where its bars begin and end in it."""
# Dollar signs in names are no formulas.
WORDS: Mapping[str, Any] = {"color": INK, "va": "center", "parse_math": False}


def available() -> bool:
    """Whether pictures can be drawn here."""
    return find_spec("matplotlib") is not None


async def drawn(chart: Chart) -> Picture | None:
    """The chart as a PNG; None: it could not be drawn."""
    if chart.scanned is not None:
        return Picture(name=chart.name, content=await asyncio.to_thread(qr_code, chart.scanned))
    data = json.dumps(asdict(chart)).encode()
    content = await aside.run("bot.drawing", data, seconds=SECONDS_MAX, environment={"MPLBACKEND": "Agg"})
    if content is None or not content.startswith(b"\x89PNG"):
        log.warning("picture not drawn")
        return None
    return Picture(name=chart.name, content=content)


def qr_code(text: str) -> bytes:
    """A QR code as a PNG, with the white edge that scanners need: some milliseconds, and nothing of matplotlib."""
    import io

    import segno

    written = io.BytesIO()
    segno.make(text, error="m", micro=False).save(written, kind="png", scale=8, border=4)
    return written.getvalue()


def draw(chart: Chart) -> bytes:
    """The picture, in this process: bars with their labels above them, and what flows from stage to stage."""
    import io

    from matplotlib.figure import Figure

    title = wrap(chart.title, 30)
    height = 0.45 + LINE * len(title) + sum(_height(part) for part in chart.parts)
    figure = Figure(figsize=(WIDTH, height), dpi=180, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    axes.axis("off")
    down = 0.4
    for text in title:
        axes.text(LEFT, down, text, fontsize=17, fontweight="bold", **WORDS)
        down += LINE
    for part in chart.parts:
        top = down + 0.1
        for text in _heading(part):
            axes.text(LEFT, top + 0.1, text, fontsize=14, fontweight="bold", **WORDS)
            top += LINE
        if isinstance(part, Flow):
            _draw_flow(axes, part, top + 0.15)
        else:
            _draw_bars(axes, part, top + 0.15)
        down += _height(part)
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _heading(part: Bars | Flow) -> list[str]:
    return wrap(part.title, 36)


def _height(part: Bars | Flow) -> float:
    inner = STAGE * len(part.stages) - STAGE + 0.9 if isinstance(part, Flow) else ROW * len(part.bars)
    return LINE * len(_heading(part)) + 0.25 + inner + GAP


def _draw_bars(axes: Any, part: Bars, down: float) -> None:
    """One row for each bar, with its label above it and its value at the end."""
    from matplotlib.patches import Rectangle

    whole = part.whole or max((bar.value for bar in part.bars), default=0) or 1
    for bar in part.bars:
        axes.text(LEFT, down + 0.13, shorten(bar.label, 38, placeholder=" …"), fontsize=13, **WORDS)
        axes.text(LEFT + ROOM, down + 0.13, bar.told, fontsize=13, fontweight="bold", ha="right", **WORDS)
        axes.add_patch(Rectangle((LEFT, down + 0.29), ROOM, 0.17, color=TRACK, linewidth=0))
        axes.add_patch(Rectangle((LEFT, down + 0.29), ROOM * min(1.0, bar.value / whole), 0.17, color=BAR, linewidth=0))
        down += ROW


def _draw_flow(axes: Any, part: Flow, down: float) -> None:
    """A row for each stage: what each thing has, as wide as that is, and bands to where it flows next."""
    from matplotlib.patches import Rectangle

    whole = max((sum(bar.value for bar in stage.bars) for stage in part.stages), default=0) or 1
    for at, stage in enumerate(part.stages):
        # The bands from above end behind it.
        behind = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.85}
        told = shorten(stage.title, 52, placeholder=" …")
        axes.text(LEFT, down + 0.12, told, fontsize=12, bbox=behind, zorder=4, **WORDS)
        edges = _edges(stage, whole)
        for number, bar in enumerate(stage.bars):
            start, end = edges[number]
            if end <= start:
                continue
            colour, pattern = _look(number, len(stage.bars))
            axes.add_patch(
                Rectangle((start, down + TOP), end - start, BOTTOM - TOP, fc=colour, ec="white", lw=1, hatch=pattern)
            )
            _label(axes, bar, start, end, down + (TOP + BOTTOM) / 2)
        if at + 1 < len(part.stages):
            _bands(axes, stage, part.stages[at + 1], whole, down)
        down += STAGE


def _edges(stage: Stage, whole: int) -> list[tuple[float, float]]:
    """Where each bar of a stage begins and ends, in inches from the left."""
    edges, at = [], 0
    for bar in stage.bars:
        edges.append((LEFT + ROOM * at / whole, LEFT + ROOM * (at + bar.value) / whole))
        at += bar.value
    return edges


def _look(number: int, count: int) -> tuple[str, str]:
    """Colour and pattern of a thing: no two have both; what comes last (what flows no more) is grey."""
    if number == count - 1:
        return GREY, ""
    return FLOWS[number % len(FLOWS)], ("", "//", "..")[number // len(FLOWS) % 3]


def _label(axes: Any, bar: Bar, start: float, end: float, middle: float) -> None:
    """As much as there is room for: name and value, the name cut or not; the name; the value; nothing."""
    letters = int((end - start - 0.06) / 0.098)
    behind = {"boxstyle": "square,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.88}
    short = f"{_cut(bar.label, letters - len(bar.told) - 1)} {bar.told}"
    for text in (f"{bar.label} {bar.told}", short, bar.label, bar.told):
        if text.strip() and len(text) <= letters and not text.startswith(" "):
            axes.text((start + end) / 2, middle, text, fontsize=10, ha="center", bbox=behind, **WORDS)
            return


def _cut(label: str, letters: int) -> str:
    return label[: letters - 1].rstrip() + "…" if letters >= 4 else ""


def _bands(axes: Any, before: Stage, after: Stage, whole: int, down: float) -> None:
    """From what becomes less to what becomes more, in the same parts; what stays goes straight down."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    changes = [later.value - bar.value for bar, later in zip(before.bars, after.bars, strict=True)]
    gained = sum(change for change in changes if change > 0)
    starts = [edge[0] for edge in _edges(before, whole)]
    ends = [edge[0] for edge in _edges(after, whole)]
    for number, bar in enumerate(before.bars):
        flows: list[tuple[int, float]] = [(number, min(bar.value, after.bars[number].value))]
        if changes[number] < 0 and gained:
            flows += [(to, -changes[number] * change / gained) for to, change in enumerate(changes) if change > 0]
        for to, value in flows:
            wide = ROOM * value / whole
            if wide <= 0:
                continue
            left, right, upper, lower = starts[number], ends[to], down + BOTTOM, down + STAGE + TOP
            half = (upper + lower) / 2
            curve = [(left, upper), (left, half), (right, half), (right, lower), (right + wide, lower)]
            curve += [(right + wide, half), (left + wide, half), (left + wide, upper), (left, upper)]
            codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
            colour, _ = _look(number, len(before.bars))
            axes.add_patch(PathPatch(Path(curve, codes), fc=colour, ec="none", alpha=0.35 if to == number else 0.6))
            starts[number] += wide
            ends[to] += wide


def main() -> None:
    """What the process does."""
    os.nice(10)
    sys.stdout.buffer.write(draw(read_chart(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
