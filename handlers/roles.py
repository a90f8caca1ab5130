"""Who may what, and for how long: roles with terms, recalls, and the rotation of organizers."""

from __future__ import annotations

from bot.router import Router

router = Router("roles")
