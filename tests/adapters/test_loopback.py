"""`solibot try --matrix`: a homeserver, two bots and their people here, as somebody with a client sees it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import loopback
from tests.servers.link import hold_port
from tests.servers.matrix_members import Json, Member
from tests.servers.matrix_scene import says

ROOT = Path(__file__).parents[2]
READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 45.0


class Tried:
    """The running command. `lines`: what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []

    async def until(self, words: str) -> None:
        """Read until it says this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_SECONDS_MAX):
            while not self.lines or words not in self.lines[-1]:
                line = await self.process.stdout.readline()
                assert line, f"it has ended: {self.lines}"
                self.lines.append(line.decode().rstrip())

    async def presses_ctrl_c(self) -> int:
        """As the terminal does it: everything in it is told. The exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), STOP_SECONDS_MAX)


@contextlib.asynccontextmanager
async def tried(temporary: Path, *options: str, port: int | None = None) -> AsyncIterator[Tried]:
    """`solibot try --matrix`, until somebody could log in; at the end it is gone, whatever happened."""
    if port is None:
        with hold_port() as held:
            port = held.getsockname()[1]
        options = ("--port", str(port), *options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "try", "--matrix", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT, start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    command = Tried(process, port)
    try:
        await command.until("press Ctrl-C")
        yield command
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def logged_in(command: Tried, who: str) -> tuple[Member, str]:
    """Somebody with a client, who has read how to log in; and the room that they find."""
    said = "\n".join(command.lines)
    assert command.url in said
    assert f"@{who}:localhost" in said
    [password] = [line.rpartition(" ")[2] for line in command.lines if line.startswith("Password")]
    member = await Member.login(command.url, who, password, accepts="all")
    await member.start()
    for room in await member.joined_rooms():
        with contextlib.suppress(Exception):
            if (await member.state(room, "m.room.name"))["name"] in ("Riverside", "Hillside"):
                return member, room
    raise AssertionError("there is no group")


def by_bot(event: Json) -> bool:
    return "_bot:" in event["sender"]


@pytest.mark.soak
async def test_somebody_logs_in_presses_by_reaction_and_sees_with_whom_they_are_linked(tmp_path: Path) -> None:
    async with tried(tmp_path) as command:
        ana, room = await logged_in(command, "ana")
        await ana.say(room, "!thank @ben 1h30 fixed the bike")
        card = await ana.hears(room, says("Ben helped Ana: 1 h 30."), within=30)
        assert by_bot(card)
        ben, same = await logged_in(command, "ben")
        assert same == room
        await ben.react(room, card["event_id"], "1️⃣")
        private = await ben.sees(lambda: next((one.room for one in ben.invites if one.direct), None), 30)
        await ben.hears(private, says("You have 1 h 30."), within=30)
        dora, hillside = await logged_in(command, "dora")
        assert hillside != room
        for member, group, other in ((ana, room, "Hillside"), (dora, hillside, "Riverside")):
            await member.say(group, "!federation")
            await member.hears(group, says(f"Northside: 2 committees\n{other}: heard"), within=30)
        for member in (ana, ben, dora):
            await member.close()
        folder = next(tmp_path.glob("solibot-*"))
        assert await command.presses_ctrl_c() == 0
        assert not folder.exists(), "nothing is left of it"
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(command.url.rpartition(":")[2]))), "nobody listens any more"


@pytest.mark.soak
async def test_what_is_kept_goes_on(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    async with tried(tmp_path, "--data", str(kept)) as command:
        ana, room = await logged_in(command, "ana")
        await ana.say(room, "!thank @ben 1h30")
        await ana.hears(room, says("Ben helped Ana: 1 h 30."), within=30)
        await ana.close()
        assert await command.presses_ctrl_c() == 0
        port = int(command.url.rpartition(":")[2])
    assert f"begun with the port {port}" in refused(kept, port + 1)
    async with tried(tmp_path, "--data", str(kept), port=port) as command:
        assert not any("comes to be" in line for line in command.lines)
        ana, same = await logged_in(command, "ana")
        assert same == room
        await ana.say(room, "!thank @ben 1h")
        await ana.hears(room, says("(No. 2)"), within=30)
        await ana.close()
        assert await command.presses_ctrl_c() == 0


def refused(folder: Path, port: int) -> str:
    """Why it does not start."""
    with (
        pytest.raises(loopback.CannotTry) as found,
        loopback.village(folder, port=port, kept=False, tell=lambda _: None),
    ):
        pass
    return found.value.sentence


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert (
            refused(tmp_path, port)
            == f"Another program uses the port {port}. Name another one, such as --port {port + 1}"
        )
    assert not list(tmp_path.iterdir())


def test_without_a_homeserver_installed_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "synapse" else found(name))
    assert "uv run --extra homeserver solibot try --matrix" in refused(tmp_path, 8008)
