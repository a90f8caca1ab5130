"""The practice federation: a second committee in `solibot try`, linked with the first, and a wire that can be cut."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot import linking
from bot.practice import FEDERATION, NotUnderstood, run_script
from bot.router import Authority, Context
from storage import inspection, peers, people
from storage.database import Reader, Transaction
from tests.conftest import Town

RIVERSIDE, HILLSIDE = 1, 2
HEARD = timedelta(minutes=15)


async def linked(town: Town) -> list[list[str]]:
    """For each committee that is there: who it is linked with."""

    async def ask(tx: Reader) -> list[list[str]]:
        found = []
        for committee in range(1, len(await inspection.committees(tx)) + 1):
            there = await peers.federation_called(tx, committee, FEDERATION)
            own = await peers.own(tx, committee)
            names = [] if there is None else await peers.peers(tx, there.id)
            found.append([one.name for one in names if own is None or one.author != own.author])
        return found

    return await town.practice.app.database.read(ask)


async def last_heard(town: Town, committee: int) -> datetime | None:
    """When a committee has heard the other one last."""

    async def ask(tx: Reader) -> datetime | None:
        there = await peers.federation_called(tx, committee, FEDERATION)
        assert there is not None
        [heard] = {one.heard_at for one in await peers.peers(tx, there.id)} - {None} or {None}
        return heard

    return await town.practice.app.database.read(ask)


async def tells(town: Town, committee: int, kind: str) -> None:
    """A committee says something to the other one."""
    app = town.practice.app

    async def work(tx: Transaction) -> None:
        there = await peers.federation_called(tx, committee, FEDERATION)
        assert there is not None
        now = town.practice.clock()
        context = Context(
            tx=tx,
            now=now,
            said_at=now,
            commands=app.commands,
            place=None,
            chat=None,
            language="en",
            of_committee=await people.committee(tx, committee),
            authority=Authority.CLOCK,
        )
        await linking.post(context, there, kind, {})

    await app.database.transact(work)
    await town.practice.settle()


async def has_heard(town: Town, committee: int) -> int:
    """How much of what the other one has said a committee has dealt with."""

    async def ask(tx: Reader) -> int:
        there = await peers.federation_called(tx, committee, FEDERATION)
        own = await peers.own(tx, committee)
        assert there is not None
        assert own is not None
        vector = await peers.Store(tx, there.id, now=town.practice.clock()).vector()  # type: ignore[arg-type]
        return sum(head.number for chain, head in vector.items() if chain.author != own.author)

    return await town.practice.app.database.read(ask)


async def test_whoever_names_hillside_finds_it_linked_and_no_sooner(town: Town) -> None:
    await run_script(town.practice, "ana: hello\nskip 1d")
    assert await linked(town) == [[]]
    assert not town.practice.console.carried
    before = len(town.transcript)
    await run_script(town.practice, "hillside/dora: hello")
    assert await linked(town) == [["Hillside"], ["Riverside"]]
    assert town.transcript[before:] == [("Hillside", "dora: hello")], "nothing is said of how it came to be"
    await run_script(town.practice, "hillside/gus: hello\nhillside/dora: hello")
    assert await linked(town) == [["Hillside"], ["Riverside"]]


async def test_a_script_can_show_hillside_before_it_is_linked(town: Town) -> None:
    await run_script(town.practice, "hillside is not linked\nhillside/dora: hello")
    assert await linked(town) == [[], []]


async def test_what_is_linked_cannot_be_said_not_to_be(town: Town) -> None:
    with pytest.raises(NotUnderstood) as wrong:
        await run_script(town.practice, "hillside/dora: hello\nhillside is not linked")
    assert wrong.value.number == 2


async def test_time_passes_quickly_between_two_committees_that_have_nothing_to_say(town: Town) -> None:
    await town.practice.begin_linked()
    carried = town.practice.console.carried
    await town.skip("1h")
    assert 10 <= len(carried) <= 26, "as often as on a real network"
    await town.skip("2w")
    assert len(carried) < 400, "not some 5000"
    for committee in (RIVERSIDE, HILLSIDE):
        heard = await last_heard(town, committee)
        assert heard is not None
        assert town.practice.clock() - heard <= HEARD, "whoever is there is heard"
    said = [what for _, what in town.transcript if "has not been heard" in what or "is heard again" in what]
    assert not said, "nobody is told that the other committee is silent"


async def test_whoever_was_not_heard_is_not_heard_because_time_passes_quickly(town: Town) -> None:
    await town.practice.begin_linked()
    await town.skip("1h")
    await run_script(town.practice, "the wire is cut")
    cut_at = town.practice.clock()
    await town.skip("2w")
    for committee in (RIVERSIDE, HILLSIDE):
        heard = await last_heard(town, committee)
        assert heard is not None
        assert heard <= cut_at


async def test_what_was_lost_on_a_cut_wire_is_asked_for_again(town: Town) -> None:
    await town.practice.begin_linked()
    await tells(town, RIVERSIDE, "one")
    assert await has_heard(town, HILLSIDE) == 1
    await run_script(town.practice, "the wire is cut")
    await tells(town, RIVERSIDE, "two")
    await tells(town, RIVERSIDE, "three")
    await town.skip("3h")
    assert await has_heard(town, HILLSIDE) == 1
    await run_script(town.practice, "the wire is healed")
    await town.skip("20m")
    assert await has_heard(town, HILLSIDE) == 3
