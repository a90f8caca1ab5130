"""The bot as a process of its own against the servers of a test: started, killed, started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.matrix_members import Account
from tests.servers.synapse import Homeserver
from tests.servers.telegram_api import TelegramServer


class RunningBot:
    """`solibot run` (or another program) in a folder of its own. `config`: the text of its config."""

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        program: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.database = folder / "data" / "solibot.sqlite"
        self.log = folder / "bot.log"
        self.process: asyncio.subprocess.Process | None = None
        self.config = folder / "config.toml"
        self.arguments = ("run", "--config", str(self.config))
        self._program = [*(program or (sys.executable, "-m", "bot", *self.arguments))]
        self._environment = {**os.environ, **(environment or {}), "BOT_FOLDER": str(folder)}
        self.config.write_text(config)
        self.config.chmod(0o600)

    async def start(self, program: Sequence[str] | None = None) -> None:
        """Start the process, this time perhaps as another program; returns at once."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(program or self._program), stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end, as systemd does; the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.ended(within=20)

    async def ended(self, *, within: float) -> int:
        """Wait until the process ends by itself; the exit code, or less than zero: the signal that ended it."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), within)

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self.process is not None
        return self.process.pid

    def cpu_seconds(self) -> float:
        """Processor time that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Memory that it holds now (RSS), in megabytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def on_telegram(server: TelegramServer, folder: Path, program: Sequence[str] | None = None) -> RunningBot:
    """A bot that talks to this Bot API server."""
    return RunningBot(
        folder,
        f"""[bot]
data = "data"

[telegram]
token = "{server.token}"
base_url = "{server.base_url}"
messages_per_minute_in_group = 0
""",
        program=program,
        environment={"BOT_TOKEN": server.token, "BOT_URL": server.base_url},
    )


def on_matrix(server: Homeserver, folder: Path, account: Account, *, invites_from: Sequence[str]) -> RunningBot:
    """A bot that logs in to this account."""
    return RunningBot(
        folder,
        f"""[bot]
data = "data"

[matrix]
user = "{account.user}"
homeserver = "{server.url}"
password = "{account.password}"
invites_from = {json.dumps([*invites_from])}
""",
    )


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when it is left."""
    return tempfile.TemporaryDirectory(prefix="solibot-")
