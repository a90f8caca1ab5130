"""Members without an account, households, children, and the list of everybody."""

from __future__ import annotations

from bot.router import Router

router = Router("members")
