"""A drill of many simulated members over the test servers, reported as the bot itself reports it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tests.servers.drill import Outcome, over_matrix, over_telegram
from tests.servers.running import folder
from tests.servers.synapse import Homeserver


def _told(where: str, found: Outcome) -> None:
    print(
        f"{where}: {found.told} members, of whom {found.answering} answer and {found.blocked} cannot be reached; "
        f"set up in {found.set_up_seconds:.0f} s, drill and answers {found.drill_seconds:.0f} s, "
        f"RSS {found.memory_mb:.0f} MB. The bot says:"
    )
    print("".join(f"    {line}\n" for line in found.score.splitlines()), flush=True)


async def _run(networks: list[str], members: int, seed: int, slowest: float) -> None:
    if "telegram" in networks:
        with folder() as there:
            _told("Telegram", await over_telegram(Path(there), members, seed=seed, slowest=slowest))
    if "matrix" in networks:
        with folder() as there:
            home, bot = Path(there) / "homeserver", Path(there) / "bot"
            bot.mkdir()
            async with Homeserver.started(home) as server:
                _told("Matrix", await over_matrix(server, bot, members, seed=seed, slowest=slowest))


def run(networks: list[str], members: int, seed: int, slowest: float) -> None:
    """One drill on each network."""
    logging.getLogger("nio").setLevel(logging.CRITICAL + 1)
    asyncio.run(_run(networks, members, seed, slowest))
