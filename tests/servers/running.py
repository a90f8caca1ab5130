"""The bot as a process of its own against the Bot API server: started, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.servers.telegram_api import TelegramServer


class RunningBot:
    """`solibot run` (or another program) in a folder of its own, talking to the server."""

    def __init__(self, server: TelegramServer, folder: Path, program: Sequence[str] | None = None) -> None:
        self.server = server
        self.folder = folder
        self.database = folder / "data" / "solibot.sqlite"
        self.log = folder / "bot.log"
        self.process: asyncio.subprocess.Process | None = None
        config = folder / "config.toml"
        self._program = [*(program or (sys.executable, "-m", "bot", "run", "--config", str(config)))]
        config.write_text(
            f"""[bot]
data = "data"

[telegram]
token = "{server.token}"
base_url = "{server.base_url}"
messages_per_minute_in_group = 0
"""
        )
        config.chmod(0o600)

    async def start(self) -> None:
        """Start the process; returns at once."""
        environment = {**os.environ, "BOT_TOKEN": self.server.token, "BOT_URL": self.server.base_url}
        environment["BOT_FOLDER"] = str(self.folder)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._program, stdout=log, stderr=log, env=environment, start_new_session=True
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
        return await asyncio.wait_for(self.process.wait(), 20)

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


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when it is left."""
    return tempfile.TemporaryDirectory(prefix="solibot-")
