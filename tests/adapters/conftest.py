"""Homeservers for the tests of the Matrix adapter: started when the first test asks, shared by those that follow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.servers.synapse import Federation, Homeserver


@pytest.fixture(scope="session")
def _homeserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    server = Homeserver(tmp_path_factory.mktemp("homeserver"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def _federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    federation = Federation(tmp_path_factory.mktemp("federation"), 2)
    try:
        federation.open()
        yield federation
    finally:
        federation.close()


@pytest_asyncio.fixture
async def homeserver(_homeserver: Homeserver) -> AsyncIterator[Homeserver]:
    """One homeserver; who came by `somebody` goes after the test, what they said stays."""
    if not _homeserver.running:
        await _homeserver.start()
    try:
        yield _homeserver
    finally:
        await _homeserver.dismiss()


@pytest_asyncio.fixture
async def federation(_federation: Federation) -> AsyncIterator[Federation]:
    """Two homeservers that reach each other over links, which are whole again before the next test."""
    for server in _federation.servers:
        if not server.running:
            await server.start()
    await _federation.heal()
    try:
        yield _federation
    finally:
        await _federation.dismiss()
