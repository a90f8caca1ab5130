"""Two committees that are linked hear each other, whatever happens on the way."""

from __future__ import annotations

from storage import peers
from storage.database import Reader
from tests.conftest import Town
from tests.linked import FEDERATION, link


async def test_linked_committees_hear_each_other(town: Town) -> None:
    await link(town)
    await town.skip("20m")

    async def ask(tx: Reader) -> list[list[str]]:
        heard = []
        for committee in (1, 2):
            there = await peers.federation_called(tx, committee, FEDERATION)
            assert there is not None
            heard.append([one.name for one in await peers.peers(tx, there.id) if one.heard_at is not None])
        return heard

    assert await town.practice.app.database.read(ask) == [["Hillside"], ["Riverside"]]
    assert town.practice.console.carried
