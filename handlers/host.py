"""Who runs the bot, and how a committee moves away."""

from __future__ import annotations

from bot.router import Router

router = Router("host")
