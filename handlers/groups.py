"""Working groups with their own chat and roll, and splitting a committee that has become too big."""

from __future__ import annotations

from bot.router import Router

router = Router("groups")
