"""Town: the real core on a real database, with people who talk and a clock that stands still."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from bot.adapters.console import NETWORK
from bot.chat import Chat
from bot.practice import DATABASE, GROUP, SCRIPT_START, Begun, FixedClock, Practice, read_time
from storage import entries, inspection, people, proposals, rules, transfers
from storage.database import Database, Reader, Transaction
from tests import schema

_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
# The long run tries 2,000 of each.
settings.register_profile("ci", max_examples=50, deadline=None, suppress_health_check=_SLOW, print_blob=True)
settings.register_profile("soak", settings.get_profile("ci"), max_examples=2000, stateful_step_count=80)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
# What pytest keeps of thousands of tests is looked through again and again for nothing: a tenth of the time.
gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish() -> None:
    """What was read until now stays until the end."""
    gc.collect()
    gc.freeze()


class Town:
    """Riverside with ana and ben (organizers), chi and eli. Each call returns when everything is delivered."""

    def __init__(self, practice: Practice, transcript: list[tuple[str, str]]) -> None:
        self.practice = practice
        self.transcript = transcript
        """Where, and what, of every line so far."""

    async def says(self, who: str, text: str, *, reply_to: str | None = None, on: str = NETWORK) -> str:
        """Somebody writes in the group. What the bot then says there, a message a line, without buttons."""
        before = len(self.transcript)
        await self.practice.say(who, text, self.group(on), reply_to=reply_to)
        return self.answers(before, self._title(self.group(on)))

    async def whispers(self, who: str, text: str, *, on: str = NETWORK) -> str:
        """Somebody writes to the bot in private. What the bot then says to them there."""
        before = len(self.transcript)
        await self.practice.say(who, text, self.private(who, on))
        return self.answers(before, self._title(self.private(who, on)))

    async def presses(self, who: str, label: str, *, on: str = NETWORK) -> str:
        """Somebody presses the newest button with this label.

        The pop-up they get, else what the group hears, else what they are told in private.
        """
        before = len(self.transcript)
        await self.practice.press(who, label, within=self.group(on))
        return (
            self.answers(before, f"{who} (tap)")
            or self.answers(before, self._title(self.group(on)))
            or (self.answers(before, self._title(self.private(who, on))) if on != NETWORK else "")
        )

    def group(self, on: str = NETWORK) -> Chat:
        """The group on a network."""
        return self.practice.networks[on].group(GROUP)

    def private(self, who: str, on: str = NETWORK) -> Chat:
        """Somebody's private chat on a network."""
        return self.practice.networks[on].somebody(who).private

    def _title(self, chat: Chat) -> str:
        return self.practice.console_of(chat).title(chat.id)

    async def skip(self, time: str) -> None:
        """Time passes: `2d`, `10m`."""
        stretch = read_time(time)
        assert stretch is not None
        await self.practice.skip(stretch)

    async def wait(self, time: timedelta) -> None:
        """Time passes."""
        await self.practice.skip(time)

    def heard(self, who: str, *, on: str = NETWORK) -> list[str]:
        """Everything that the bot has said to somebody in private."""
        there = self._title(self.private(who, on))
        return [_words(what) for where, what in self.transcript if where == there and what.startswith("bot")]

    def sees(self, on: str = NETWORK) -> list[str]:
        """Everything that the bot has said in the group, and what became of it."""
        there = self._title(self.group(on))
        return [_words(what) for where, what in self.transcript if where == there and what.startswith("bot")]

    def answers(self, since: int, where: str) -> str:
        """What the bot has said since then in a place, as transcripts call it: a message a line, without buttons."""
        return "\n".join(
            _words(what) for place, what in self.transcript[since:] if place == where and what.startswith("bot: ")
        )

    async def balance(self, who: str, *, on: str = NETWORK) -> int:
        """Somebody's minutes, from the books."""

        async def ask(tx: Reader) -> int:
            committee = await people.committee(tx, 1)
            user = self.practice.networks[on].somebody(who).sender.user
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
    return re.split(r"  \[| / 1\ufe0f\u20e3 ", what.partition(": ")[2])[0]


async def two_decide(database: Database) -> None:
    """From now on two organizers decide what needs a committee, as its members could have said by `/decide_by`.

    Most tests are not about how it is decided; a poll takes more taps.
    """
    committees = await database.read(inspection.committees)

    async def work(tx: Transaction) -> None:
        for committee in committees:
            await rules.put(tx, committee, proposals.DECIDED_BY, "organizers")

    await database.transact(work)


_HASH = re.compile(r"\b[0-9a-f]{64}\b|\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b")


def without_hashes(words: str) -> str:
    """What is said, but for hashes of the books: chance goes into them, which the terminal's scripts repeat."""
    return _HASH.sub("#", words)


@pytest.fixture
def practice_folder(tmp_path: Path) -> Path:
    """A folder for a practice committee that is still to be begun."""
    schema.write_new(tmp_path / DATABASE)
    return tmp_path


@dataclass(frozen=True)
class Riverside:
    """A practice committee that was begun once, for each test to go on with a copy.

    To begin it takes longer than most of what is tried then. That nothing is otherwise is tested in test_practice.py.
    """

    folder: Path
    begun: Begun

    async def opened(self, folder: Path, line: Callable[[str, str], None]) -> Practice:
        """The practice just begun, in a folder of its own, at the hour when scripts begin."""
        shutil.copyfile(self.folder / DATABASE, folder / DATABASE)
        clock = FixedClock(SCRIPT_START)
        return await Practice.open(folder, line=line, clock=clock, repeatable=True, begun=self.begun)


@pytest.fixture(scope="session")
def riverside(tmp_path_factory: pytest.TempPathFactory) -> Riverside:
    """Riverside, begun, whose program has ended."""
    folder = tmp_path_factory.mktemp("riverside")
    schema.write_new(folder / DATABASE)

    async def begin() -> Begun:
        clock = FixedClock(SCRIPT_START)
        practice = await Practice.open(folder, line=lambda *_: None, clock=clock, repeatable=True)
        begun = practice.begun()
        await practice.close()
        return begun

    return Riverside(folder, asyncio.run(begin()))


@pytest_asyncio.fixture
async def town(riverside: Riverside, tmp_path: Path) -> AsyncIterator[Town]:
    """A practice committee; at the end its books are checked, and nothing may have gone wrong inside."""
    transcript: list[tuple[str, str]] = []
    practice = await riverside.opened(tmp_path, lambda where, what: transcript.append((where, what)))
    await two_decide(practice.app.database)
    town = Town(practice, transcript)
    yield town
    await town.books_are_sound()
    assert practice.app.dispatcher.incidents == 0
    await practice.close()
