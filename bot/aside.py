"""Work in a process of its own, so that no chat waits for it and its memory is given back."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "PYTHONPATH", "SYSTEMROOT")
"""All that the process is told of ours: no key is among it."""


async def run(
    module: str, data: bytes, *, seconds: float, environment: Mapping[str, str] | None = None
) -> bytes | None:
    """What `python -m MODULE` writes when it reads this; None: it failed, or took longer than so many seconds.

    `environment`: what it is told beside `ENVIRONMENT`.
    """
    told = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**told, **(environment or {})},
    )
    content = b""
    try:
        async with asyncio.timeout(seconds):
            content, _ = await process.communicate(data)
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return content if process.returncode == 0 else None
