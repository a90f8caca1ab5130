"""Town: the real core on a real database, with people who talk and a clock that stands still."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from hypothesis import HealthCheck, settings

from bot.practice import SCRIPT_START, FixedClock, Practice, read_time
from storage import entries, people, transfers
from storage.database import Reader

_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("ci", deadline=None, suppress_health_check=_SLOW, print_blob=True)
settings.register_profile("soak", settings.get_profile("ci"), max_examples=2000, stateful_step_count=80)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class Town:
    """Riverside with ana and ben (organizers), chi and eli. Each call returns when everything is delivered."""

    def __init__(self, practice: Practice, transcript: list[tuple[str, str]]) -> None:
        self.practice = practice
        self.transcript = transcript
        """Where, and what, of every line so far."""

    async def says(self, who: str, text: str, *, reply_to: str | None = None) -> str:
        """Somebody writes in the group. What the bot then says there, a message a line, without buttons."""
        before = len(self.transcript)
        await self.practice.say(who, text, reply_to=reply_to)
        return self._answers(before, self.practice.console.title(self.practice.group.id))

    async def whispers(self, who: str, text: str) -> str:
        """Somebody writes to the bot in private. What the bot then says to them there."""
        before = len(self.transcript)
        await self.practice.say(who, text, self.practice.console.somebody(who).private)
        return self._answers(before, f"{who} (dm)")

    async def presses(self, who: str, label: str) -> str:
        """Somebody presses the newest button with this label. The pop-up they get, else what the group hears."""
        before = len(self.transcript)
        await self.practice.press(who, label)
        group = self.practice.console.title(self.practice.group.id)
        return self._answers(before, f"{who} (tap)") or self._answers(before, group)

    async def skip(self, time: str) -> None:
        """Time passes: `2d`, `10m`."""
        stretch = read_time(time)
        assert stretch is not None
        await self.practice.skip(stretch)

    async def wait(self, time: timedelta) -> None:
        """Time passes."""
        await self.practice.skip(time)

    def heard(self, who: str) -> list[str]:
        """Everything that the bot has said to somebody in private."""
        return [_words(what) for where, what in self.transcript if where == f"{who} (dm)" and what.startswith("bot")]

    def _answers(self, since: int, where: str) -> str:
        return "\n".join(
            _words(what) for place, what in self.transcript[since:] if place == where and what.startswith("bot: ")
        )

    async def balance(self, who: str) -> int:
        """Somebody's minutes, from the books."""

        async def ask(tx: Reader) -> int:
            committee = await people.committee(tx, 1)
            user = self.practice.console.somebody(who).sender.user
            member = await people.member_with_account(tx, 1, user)
            assert member is not None
            return (await transfers.account(tx, committee, member)).balance

        return await self.practice.app.database.read(ask)

    async def books_are_sound(self) -> None:
        """Hours sum to zero, balances are the fold of the postings, and the chain is whole."""

        async def ask(tx: Reader) -> None:
            assert await transfers.total(tx, 1) == 0
            assert await transfers.unbalanced(tx) == []
            assert await entries.first_broken(tx, await people.committee(tx, 1)) is None

        await self.practice.app.database.read(ask)


def _words(what: str) -> str:
    return what.partition(": ")[2].partition("  [")[0]


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A practice committee; at the end its books are checked, and nothing may have gone wrong inside."""
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        tmp_path,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
    )
    town = Town(practice, transcript)
    yield town
    await town.books_are_sound()
    assert practice.app.dispatcher.incidents == 0
    await practice.close()
