"""The bank test: eight write at once, updates come twice, the bot is killed; hours sum to zero all the time.

After `jepsen.tests.bank`: transfers between accounts, and readers to whom the total never changes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

from tests.servers.bursts import AWAY_SECONDS, TelegramBursts, reading
from tests.servers.running import on_telegram
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Message, User

SECONDS = float(os.environ.get("SOLIBOT_BANK_SECONDS", "5"))
SEED = int(os.environ.get("SOLIBOT_SEED", "1"))
PATIENCE_SECONDS = 60
WRITERS = 8
FLOOR = -120


class Bank(TelegramBursts):
    """Eight members who thank each other at once, close to the limit."""

    def __init__(self, server: TelegramServer, folder: Path) -> None:
        super().__init__(server, on_telegram(server, folder), seed=SEED)
        names = [f"member{n}" for n in range(3, WRITERS + 1)]
        more = [server.user(first_name=name.title(), username=name) for name in names]
        self.members: list[User] = [self.ana, self.ben, *more]
        self.group = server.supergroup("Hillside", creator=self.ana, members=tuple(self.members[1:]))
        self.thanks: dict[int, Message] = {}
        """What was said, by the number in its words."""
        self.claims: list[Message] = []

    async def set_up(self) -> None:
        """Everybody joins; nobody may owe more than two hours."""
        await super().set_up()
        for who in self.members[2:]:
            await self.server.reply(self.server.say(who, self.group, "/join"), within=AWAY_SECONDS)
        for who in self.members[:2]:
            await self.server.reply(self.server.say(who, self.group, "/limit 2h"), within=AWAY_SECONDS)
        self.server.fault("update", "duplicate", times=None, probability=0.25)

    async def write(self, who: User, until: float) -> None:
        """One of the writers: now a thanks, now hours claimed, which are kept back."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            other = self.random.choice([member for member in self.members if member is not who])
            minutes = self.random.choice((5, 20, 45, 90))
            if self.random.random() < 0.15:
                self.claims.append(self.server.say(who, self.group, f"/worked {minutes}m for @{other.username}"))
            else:
                self.said += 1
                words = f"/thank @{other.username} {minutes}m burst {self.said}"
                self.thanks[self.said] = self.server.say(who, self.group, words)
            await asyncio.sleep(self.random.uniform(0.1, 0.6))

    async def kill_at_random(self, until: float) -> int:
        """kill -9 at random moments; how often."""
        loop, count = asyncio.get_running_loop(), 0
        while loop.time() < until:
            await asyncio.sleep(self.random.uniform(0.5, 4))
            await self.bot.kill()
            await self.start()
            count += 1
        return count

    async def look(self, until: float) -> int:
        """A reader: in every snapshot hours sum to zero, and nobody is below the limit, kept-back hours counted."""
        loop, count = asyncio.get_running_loop(), 0
        while loop.time() < until:
            with reading(self.bot.database) as connection:
                accounts = connection.execute("SELECT balance, held, member_id FROM accounts").fetchall()
            assert sum(balance for balance, _, _ in accounts) == 0
            assert all(balance - held >= FLOOR for balance, held, member in accounts if member is not None)
            count += 1
            await asyncio.sleep(0.05)
        return count

    async def answered(self, said: list[int]) -> None:
        """Return when all of these messages were answered, or when for a minute no more of them were."""
        loop, left, since = asyncio.get_running_loop(), len(said) + 1, 0.0
        while left:
            found = self.answers()
            now_left = sum(not found[message] for message in said)
            if now_left < left:
                left, since = now_left, loop.time()
            elif loop.time() - since > PATIENCE_SECONDS:
                return
            # The server lives in this process too: whoever looks too often holds it up.
            await asyncio.sleep(0.5)

    def answers(self) -> defaultdict[int, list[str]]:
        """What the bot answered, by the message that it answered."""
        found = defaultdict[int, list[str]](list)
        for message in self.server.messages(self.group, by_bot=True):
            if message.reply_to is not None:
                found[message.reply_to].append(message.text or "")
        return found


async def test_eight_write_at_once_and_no_minute_is_lost_or_made(tmp_path: Path) -> None:
    # What was answered is read from the chat at the end: the server must not have let go of its beginning.
    async with TelegramServer(messages_kept=sys.maxsize) as server:
        bank = Bank(server, tmp_path)
        await bank.set_up()
        until = asyncio.get_running_loop().time() + SECONDS
        writers = [bank.write(who, until) for who in bank.members]
        writing = asyncio.gather(*writers)
        kills, looks = await asyncio.gather(bank.kill_at_random(until), bank.look(until))
        await writing
        assert kills >= SECONDS / 10
        assert looks > SECONDS

        said = [*bank.thanks.values(), *bank.claims]
        await bank.answered([message.id for message in said])
        # It may have been started only just now: what is not up yet dies of the signal instead of ending.
        await bank.up()
        assert await bank.bot.stop() == 0
        answers = bank.answers()

    with reading(bank.bot.database) as connection:
        booked = connection.execute(
            """SELECT n.text, t.number FROM transfers t LEFT JOIN notes n ON n.thing = 'transfer:' || t.id"""
        ).fetchall()
        postings = connection.execute(
            """SELECT p.account_id, p.minutes FROM postings p JOIN accounts a ON a.id = p.account_id
               WHERE a.member_id IS NOT NULL ORDER BY p.transfer_id, p.minutes"""
        ).fetchall()
        balances = dict(connection.execute("SELECT id, balance FROM accounts WHERE member_id IS NOT NULL").fetchall())
        held = connection.execute("SELECT sum(held) FROM accounts").fetchone()
        holds = connection.execute("SELECT coalesce(sum(minutes), 0) FROM holds").fetchone()
    done = Counter(int(text.removeprefix("burst ")) for text, _ in booked)
    assert set(done.values()) == {1}
    # Accepted or refused, each was answered, and the books say the same.
    numbers = {int(text.removeprefix("burst ")): number for text, number in booked}
    for number, message in bank.thanks.items():
        told = answers[message.id]
        assert told, "a command without an answer"
        assert any("(No. " in words for words in told) == (number in numbers), told
    assert all(answers[message.id] for message in bank.claims)
    assert 0 < len(done) < bank.said, "some must be accepted, and some refused at the limit"
    folds: Counter[int] = Counter()
    for account, minutes in postings:
        folds[account] += minutes
        assert folds[account] >= FLOOR
    assert all(folds[account] == balance for account, balance in balances.items())
    assert held == holds
