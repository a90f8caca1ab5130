"""Charts become pictures in a process of their own: drawing takes a second and much memory, and chats must not wait.

It needs the extra `pictures` (matplotlib). `python -m bot.drawing` reads a chart as JSON and writes a PNG.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict
from importlib.util import find_spec
from textwrap import shorten, wrap
from typing import Any

from bot import aside
from bot.chat import Chart, Picture
from bot.chat import chart as read_chart

log = logging.getLogger(__name__)

SECONDS_MAX = 60.0
"""The first picture on a slow machine takes longest: matplotlib looks for the fonts there are."""
INK, BAR, TRACK = "#1a1a1a", "#0072b2", "#dfe6ec"
"""Blue of Okabe and Ito's palette for all eyes (https://jfly.uni-koeln.de/color/); nothing is told by colour alone."""
WIDTH = 6.0
"""Inches, at 180 points each: as wide as a phone held upright shows well."""


def available() -> bool:
    """Whether pictures can be drawn here."""
    return find_spec("matplotlib") is not None


async def drawn(chart: Chart) -> Picture | None:
    """The chart as a PNG; None: it could not be drawn."""
    data = json.dumps(asdict(chart)).encode()
    content = await aside.run("bot.drawing", data, seconds=SECONDS_MAX, environment={"MPLBACKEND": "Agg"})
    if content is None or not content.startswith(b"\x89PNG"):
        log.warning("picture not drawn")
        return None
    return Picture(name=chart.name, content=content)


def draw(chart: Chart) -> bytes:
    """The picture, in this process: one row for each bar, with its label above it and its value at the end."""
    import io

    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    title, line, row, gap = wrap(chart.title, 30), 0.3, 0.62, 0.25
    height = 0.45 + line * len(title)
    height += sum(line * len(wrap(part.title, 36)) + 0.25 + row * len(part.bars) + gap for part in chart.parts)
    figure = Figure(figsize=(WIDTH, height), dpi=180, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    axes.axis("off")
    left, room = 0.3, WIDTH - 0.6
    # Dollar signs in names are no formulas.
    words: dict[str, Any] = {"color": INK, "va": "center", "parse_math": False}
    down = 0.4
    for text in title:
        axes.text(left, down, text, fontsize=17, fontweight="bold", **words)
        down += line
    for part in chart.parts:
        down += 0.1
        for text in wrap(part.title, 36):
            axes.text(left, down + 0.1, text, fontsize=14, fontweight="bold", **words)
            down += line
        down += 0.15
        whole = part.whole or max((bar.value for bar in part.bars), default=0) or 1
        for bar in part.bars:
            axes.text(left, down + 0.13, shorten(bar.label, 38, placeholder=" …"), fontsize=13, **words)
            axes.text(left + room, down + 0.13, bar.told, fontsize=13, fontweight="bold", ha="right", **words)
            axes.add_patch(Rectangle((left, down + 0.29), room, 0.17, color=TRACK, linewidth=0))
            axes.add_patch(
                Rectangle((left, down + 0.29), room * min(1.0, bar.value / whole), 0.17, color=BAR, linewidth=0)
            )
            down += row
        down += gap
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def main() -> None:
    """What the process does."""
    os.nice(10)
    sys.stdout.buffer.write(draw(read_chart(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
