"""Everything goes wrong on the way, and still: nothing lost, nothing done twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot import delivery
from storage.database import Reader
from tests.adapters.test_telegram_conversations import Telegram, riverside

SENDING = ("429", "500", "502", "reset_before", "reset_after", "truncated", "slow")
READING = ("500", "502", "reset_before", "reset_after", "truncated", "409")
UPDATES = ("duplicate", "reorder", "gap", "jump")
COMMANDS = 60


async def _done(telegram: Telegram) -> Counter[str]:
    async def ask(tx: Reader) -> Counter[str]:
        return Counter(text for (text,) in await tx.all("SELECT text FROM notes LIMIT 10000"))

    return await telegram.app.database.read(ask)


async def _sound(telegram: Telegram, transfers: int) -> None:
    async def ask(tx: Reader) -> tuple[int, int, int]:
        return (
            await tx.value("SELECT count(*) FROM transfers"),
            await tx.value("SELECT sum(balance) FROM accounts"),
            await tx.value("SELECT count(*) FROM outbox WHERE state <> 'delivered'"),
        )

    assert await telegram.app.database.read(ask) == (transfers, 0, 0)


def _answers(telegram: Telegram) -> Counter[str]:
    return Counter(line.partition("  [")[0] for line in telegram.heard["Riverside"] if "(No." in line)


async def test_in_a_storm_every_command_is_done_once_and_answered(
    practice_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_SECONDS_FIRST", 0.02)
    monkeypatch.setattr(delivery, "RETRY_SECONDS_MAX", 0.1)
    async with riverside(practice_folder) as telegram:
        server = telegram.server
        more: dict[str, dict[str, Any]] = {"429": {"retry_after": 0}, "slow": {"seconds": 0.02}}
        faults = [
            *(server.fault("sendMessage", kind, times=9, probability=0.1, **more.get(kind, {})) for kind in SENDING),
            *(server.fault("getUpdates", kind) for kind in READING),
            *(server.fault("update", kind, times=9, probability=0.2) for kind in UPDATES),
        ]
        people = ("ana", "ben", "chi", "eli")
        for number in range(COMMANDS):
            who, other = people[number % 4], people[(number + 1) % 4]
            server.say(telegram.person(who), telegram.group, f"/thank @{other} 1m storm {number}")
        await server.fetched(within=60)
        await telegram.app.delivery.settle()
        assert await _done(telegram) == Counter(f"storm {number}" for number in range(COMMANDS))
        await _sound(telegram, COMMANDS)
        answers = _answers(telegram)
        assert len(answers) == COMMANDS, "each transfer has its own number, and each number was told"
        # The bot reads on, through what is still to go wrong there.
        while not all(fault.fired for fault in faults if fault.method == "getupdates"):
            server.say(telegram.person("ana"), telegram.group, "what a weather")
            await server.fetched(within=20)
        assert {fault.kind for fault in faults if fault.fired} == {*SENDING, *READING, *UPDATES}
        server.faults.clear()


async def test_when_telegram_asks_for_a_pause_nothing_is_dropped(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        telegram.server.fault("sendMessage", "429", times=5, retry_after=1, chat=telegram.group)
        for number in range(5):
            telegram.server.say(telegram.person("ana"), telegram.group, f"/thank @ben 1m pause {number}")
        await telegram.server.fetched(within=20)
        await telegram.app.delivery.settle()
        assert [line for line in telegram.heard["Riverside"] if "(No." in line] == [
            f"bot: Ben helped Ana: 1 min. (No. {number})  [My balance] [Undo]" for number in range(1, 6)
        ]


async def test_the_group_moves_while_answers_are_on_their_way(practice_folder: Path) -> None:
    async with riverside(practice_folder, basic=True) as telegram:
        await telegram.say("ana", "/thank @ben 1h", telegram.group)
        moved = telegram.server.migrate(telegram.group)
        telegram.server.say(telegram.person("ana"), moved, "/thank @ben 2h in the new place")
        await telegram.quiet()
        assert telegram.server.messages(moved, by_bot=True)[-1].text == "Ben helped Ana: 2 h. (No. 2)"
        balance = telegram.server.private(telegram.person("ben"))
        await telegram.say("ben", "/balance", balance)
        assert telegram.heard["ben (dm)"][-1] == "bot: You have 3 h."
