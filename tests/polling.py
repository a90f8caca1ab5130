"""Polls in a town, made and voted in where a test is not about how that is typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.processes import Method, Secrecy
from bot.polls import all_processes
from storage import ballots, people, polls
from storage.database import Reader, Transaction
from storage.polls import Poll
from tests.conftest import Town


async def make(
    town: Town,
    question: str,
    *options: str,
    method: Method = "schulze",
    secrecy: Secrecy = "open",
    process: str = "ranked",
    days: int = 3,
    **rule: Any,
) -> Poll:
    """A poll by Ana, open to all who have a vote."""
    now = town.practice.clock()

    async def add(tx: Transaction) -> Poll:
        committee = await people.committee(tx, 1)
        facts = await people.facts(tx, 1, now=now)
        made = await polls.add(
            tx,
            committee,
            process=process,
            method=method,
            rule=replace(all_processes()[process].rule, **rule),
            secrecy=secrecy,
            question=question,
            options=options,
            maker_id=1,
            opens=now + timedelta(minutes=1),
            closes=now + timedelta(days=days),
            now=now,
        )
        assert facts.members
        return made

    made = await town.practice.app.database.transact(add)
    await _say_open(town, made)
    return await poll(town, made.number)


async def _say_open(town: Town, made: Poll) -> None:
    from zoneinfo import ZoneInfo

    from storage import due

    command = town.practice.app.commands.named("poll_open")

    async def plan(tx: Transaction) -> None:
        await due.plan(
            tx,
            f"poll_open:{made.id}",
            command.says(poll=made.id),
            local=town.practice.clock().replace(tzinfo=None) + timedelta(minutes=1),
            zone=ZoneInfo("UTC"),
            committee=1,
            late="do",
        )

    await town.practice.app.database.transact(plan)
    await town.skip("2m")


async def poll(town: Town, number: int) -> Poll:
    """The poll as it stands."""

    async def ask(tx: Reader) -> Poll:
        found = await polls.numbered(tx, 1, number)
        assert found is not None
        return found

    return await town.practice.app.database.read(ask)


async def vote(town: Town, number: int, **said: Any) -> None:
    """Each of these votes: a choice in the form of the poll's method, by name."""

    async def cast(tx: Transaction) -> None:
        found = await polls.numbered(tx, 1, number)
        assert found is not None
        for name, choice in said.items():
            member = await people.member_with_account(
                tx, 1, town.practice.networks["console"].somebody(name).sender.user
            )
            assert member is not None
            await ballots.cast(tx, found, member.id, choice)

    await town.practice.app.database.transact(cast)


async def closed(town: Town, number: int) -> Poll:
    """Time passes until it is closed."""
    await town.skip("4d")
    found = await poll(town, number)
    assert found.state == "closed"
    return found
