"""Committees linked over real homeservers: the rooms, what passes through them, and what must not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.servers.linked_scene import committees, link, with_probes
from tests.servers.synapse import Federation


async def test_two_committees_on_two_servers_hear_each_other(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_probes(monkeypatch)
    async with committees(federation.servers, tmp_path, ["Riverside", "Hillside"]) as sides:
        begun = time.monotonic()
        linked = await link(sides)
        print(f"\nlinked in {time.monotonic() - begun:.1f} s")
        riverside, hillside = linked.sides
        begun = time.monotonic()
        await riverside.says({"n": 1})
        await hillside.hears(1)
        print(f"heard after {(time.monotonic() - begun) * 1000:.0f} ms")
        await hillside.says({"n": 2})
        await riverside.hears(1)
        assert (await riverside.heard(), await hillside.heard()) == ([{"n": 2}], [{"n": 1}])
