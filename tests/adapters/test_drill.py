"""A small drill over the real networks, with the program as a process of its own; `bench drill` is the large one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.servers.drill import manners, over_matrix, over_telegram
from tests.servers.synapse import Homeserver

FEW = 8
SEED = 1


def _figure(pattern: str, score: str) -> int:
    found = re.search(pattern, score)
    assert found is not None, score
    return int(found[1])


async def test_a_drill_on_telegram_is_reported_as_its_members_answered(tmp_path: Path) -> None:
    told = manners(FEW, seed=SEED, slowest=1.0)
    blocked, answering = sum(one.blocked for one in told), sum(one.label is not None for one in told)
    assert 0 < blocked < FEW
    assert 0 < answering < FEW - blocked
    score = (await over_telegram(tmp_path, FEW, seed=SEED, slowest=1.0, validate=True)).score
    # Ben, who confirmed it, has answered too.
    assert _figure(r"(\d+) were called", score) == FEW + 1
    assert _figure(r"Answered: (\d+)", score) == answering + 1
    assert _figure(r"Delivered: (\d+)", score) == FEW + 1 - blocked
    assert _figure(r"(\d+) could not be reached", score) == blocked
    assert "First answer after " in score


@pytest.mark.soak
async def test_a_drill_on_matrix_is_reported_as_its_members_answered(homeserver: Homeserver, tmp_path: Path) -> None:
    told = manners(FEW, seed=SEED, slowest=1.0)
    score = (await over_matrix(homeserver, tmp_path, FEW, seed=SEED, slowest=1.0)).score
    assert _figure(r"(\d+) were called", score) == FEW + 1
    assert _figure(r"Answered: (\d+)", score) == sum(one.label is not None for one in told) + 1
