"""What a network tells of the rooms in which linked committees talk, and what the core makes of it."""

from __future__ import annotations

from bot.adapters.console import NETWORK
from bot.chat import wire_of
from storage import peers
from storage.database import Transaction
from tests.conftest import Town
from tests.linked import FEDERATION, committees, link

WIRE = wire_of(NETWORK, FEDERATION)


async def test_after_a_connection_was_lost_all_hear_at_once_how_far_we_have_come(town: Town) -> None:
    await link(town)
    core, console = town.practice.app.dispatcher, town.practice.console
    before = len(console.carried)
    await core.reconnected("elsewhere")
    await town.practice.settle()
    assert len(console.carried) == before
    await core.reconnected(NETWORK)
    await town.practice.settle()
    # One for each of the two committees that this bot serves.
    assert [chat for chat, _ in console.carried[before:]] == [WIRE, WIRE]


async def test_organizers_hear_once_a_day_that_the_rooms_are_not_as_they_should_be(town: Town) -> None:
    await link(town)
    core = town.practice.app.dispatcher
    before = len(town.transcript)
    for _ in range(3):
        await core.drifted(WIRE, "lost")
    await core.drifted(WIRE, "stranger")
    await town.practice.settle()
    told = [(where, what) for where, what in town.transcript[before:] if "Northside" in what]
    assert {where for where, _ in told} == {"ana (dm)", "ben (dm)", "dora (dm)", "emil (dm)"}
    for who in ("ana", "dora"):
        mine = [what for where, what in told if where == f"{who} (dm)"]
        assert [("put out" in what, "do not know" in what) for what in mine] == [(True, False), (False, True)]


async def test_who_is_asked_for_knows_only_its_own_federations(town: Town) -> None:
    await link(town)
    core = town.practice.app.dispatcher
    assert await core.federated(WIRE) == frozenset(["solibot"])
    assert await core.federated(wire_of(NETWORK, "0" * 32)) is None

    async def leave(tx: Transaction) -> None:
        for committee in await committees(tx):
            there = await peers.federation_called(tx, committee.id, FEDERATION)
            assert there is not None
            await peers.set_state(tx, there.id, "left")

    await town.practice.app.database.transact(leave)
    assert await core.federated(WIRE) is None
    before = len(town.practice.console.carried)
    await core.reconnected(NETWORK)
    await town.practice.settle()
    assert len(town.practice.console.carried) == before
