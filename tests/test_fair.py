"""How fairly the work is shared, as members meet it: their own dials, the group's spread, understudies and rest."""

from __future__ import annotations

from tests.conftest import Town


async def test_try(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 3-4")
    await town.says("ana", "/shifts")
    for who in ("ana", "ben", "chi"):
        print(await town.presses(who, "I'll take it: Cleaning, Sat, Jan 10 10:00"))
    print(await town.says("chi", "/fair"))
    print(await town.says("chi", "/fair picture"))
    print(await town.whispers("chi", "/fair"))
    print(await town.whispers("eli", "/fair picture"))
    for n, p in enumerate(town.practice.console.pictures):
        open(f"/tmp/w/fair_{n}.png", "wb").write(p.content)
    assert 0
