"""What is kept about somebody, and how to have it out and gone."""

from __future__ import annotations

from bot.router import Router

router = Router("privacy")
