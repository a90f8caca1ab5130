"""Which conversations are held over the real networks in each run, and which in the long run alone."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "conversations"
_ELSEWHERE = re.compile(r"@matrix|^hillside/", re.MULTILINE)
SCRIPTS = sorted(script for script in FOLDER.glob("*.chat") if not _ELSEWHERE.search(script.read_text("utf-8")))
"""Those that are held on one network, by one committee."""
_IN_ANOTHER = re.compile(r"^ana: /language (?!en)", re.MULTILINE)
TWINS = frozenset(
    script
    for script in SCRIPTS
    if script.stem != "languages" and _IN_ANOTHER.search("\n".join(script.read_text("utf-8").splitlines()[:16]))
)
"""The same once more in another language: over the networks in the long run only, for each takes it some seconds."""
SELDOM = frozenset(
    FOLDER / f"{name}.chat"
    for name in (
        *("amounts", "availability", "barter", "before", "bookings", "calendar", "effort", "erase", "exclude", "fair"),
        *("figures", "growing", "host", "household", "insurance", "limit", "list", "log", "nickname", "orders", "pool"),
        *("pooling", "recall", "roles_round", "statements", "units", "unknown", "queue", "processes", "stages"),
        *("elsewhere", "reach", "kinds", "sos", "safe", "arrested", "after", "places"),
    )
)
"""Over the Bot API in the long run only: what they show of the network, others show too."""
