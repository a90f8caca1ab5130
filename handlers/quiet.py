"""How much the bot says: nudges, quiet hours, digests."""

from __future__ import annotations

from bot.router import Router

router = Router("quiet")
