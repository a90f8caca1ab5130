"""Two languages in one group."""

from __future__ import annotations

from bot.router import Router

router = Router("languages")
