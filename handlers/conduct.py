"""When it goes wrong between people: care, suspending, excluding, and appeals."""

from __future__ import annotations

from bot.router import Router

router = Router("conduct")
