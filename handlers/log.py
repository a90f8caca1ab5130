"""What was decided and changed, by whom and when, for every member to read and check."""

from __future__ import annotations

from bot.router import Router

router = Router("log")
