"""What takes long is worked out beside the chats, once, from facts that are written down."""

from __future__ import annotations

from datetime import timedelta

from bot.computing import calculated
from bot.domain import rostering, rotation, snapshots
from storage import computations, people, rotas
from storage.database import Reader, Transaction
from tests.conftest import Town


async def _instance(tx: Reader, town: Town) -> rotation.Instance:
    return await rotas.instance(tx, await people.committee(tx, 1), now=town.practice.clock())


async def test_a_process_of_its_own_finds_the_plan_that_the_rules_find_here(town: Town) -> None:
    await town.says("ana", "/task cleaning every week sat 10:00 2h crew 2")
    await town.says("ana", "/task stall every week sat 10:00 2h crew 1")
    instance = await town.practice.app.database.read(lambda tx: _instance(tx, town))
    assert len(instance.seats) == 24
    assert {one.share_minutes for one in instance.members} == {240}
    here = rostering.plan(instance)
    there = await calculated("plan", snapshots.snapshot(instance))
    assert there is not None
    assert there["holders"] == dict(here.holders)
    assert there["hash"] == snapshots.plan_hash(instance, here.holders)
    assert [one["seat"] for one in there["empty"]] == [one.seat for one in here.empty]
    assert [one["after"] for one in there["changes"]] == [one.after for one in here.changes]
    # Four members with 4 h a month each, stretched to half as much again: 5 seats of 2 h in 8 weeks, and no more.
    assert len(here.holders) == 20


async def test_what_cannot_be_worked_out_is_answered_as_well(town: Town) -> None:
    assert await calculated("plan", {"format": 1}) is None


async def test_what_was_wanted_before_the_bot_fell_over_is_worked_out_afterwards_and_once(town: Town) -> None:
    app, now = town.practice.app, town.practice.clock()
    await app.computing.stop()
    await town.says("ana", "/task cleaning every week sat 10:00 2h crew 2")

    async def want(tx: Transaction) -> int:
        purge = app.commands.get("rota_day")
        assert purge is not None
        return await computations.want(
            tx, 1, "plan", snapshots.snapshot(await _instance(tx, town)), purge.says(), now=now
        )

    id_ = await app.database.transact(want)
    assert await app.database.read(lambda tx: computations.computed(tx, 1, id_)) is None
    first = await app.database.read(computations.first_waiting)
    assert first is not None
    assert first.id == id_
    await app.database.transact(lambda tx: computations.answer(tx, id_, {"holders": {}}, now=now))
    await app.database.transact(lambda tx: computations.answer(tx, id_, {"holders": {"1": "2"}}, now=now))
    found = await app.database.read(lambda tx: computations.computed(tx, 1, id_))
    assert found is not None
    assert found.result == {"holders": {}}
    assert found.hash == computations.hash_of(found.body)
    assert await app.database.read(lambda tx: computations.computed(tx, 2, id_)) is None
    assert await app.database.read(lambda tx: tx.all("SELECT key FROM due WHERE key LIKE 'computed:%' LIMIT 5")) == [
        (f"computed:{id_}",)
    ]
    await app.database.transact(lambda tx: computations.purge(tx, now=now + timedelta(days=2)))
    assert await app.database.read(lambda tx: computations.computed(tx, 1, id_)) is None
