"""A wire between two servers that can be cut: a small TCP proxy, with a thread and a loop of its own.

The thread lets a link outlive the loop of one test, so that servers can be shared by many tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

_HOST = "127.0.0.1"
_CHUNK_BYTES = 65536


def hold_port() -> socket.socket:
    """A free loopback port, kept for whoever listens there later with SO_REUSEADDR; this socket never listens.

    Nobody else is given the port meanwhile, so a server can go away and come back where it was.
    """
    held = socket.socket()
    held.bind((_HOST, 0))
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return held


class Link:
    """Connections to `port` reach `target`, until somebody cuts. All methods are plain calls and done on return."""

    def __init__(self, target: int = 0) -> None:
        self.target = target
        """The loopback port at the other end; it may be set until the first connection comes."""
        self._held = hold_port()
        self.port: int = self._held.getsockname()[1]
        self.connections = 0
        """How many have come so far, those that hang included."""
        self.loses: set[bytes] = set()
        """Requests with one of these in them arrive, and the connection dies when their answer comes."""
        self.lost: Counter[bytes] = Counter()
        self._moved = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link-{self.port}", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._unanswered: dict[asyncio.StreamWriter, bytes] = {}
        self._hanging = False

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Begin to carry."""
        self._thread.start()
        self._do(self._listen())

    def close(self) -> None:
        """Hang up on everybody and end."""
        if not self._thread.is_alive():
            self._held.close()
            return
        self._do(self._hang_up(listening=False))
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._held.close()

    def cut(self, *, hang: bool = False) -> None:
        """Existing connections die; new ones are refused, or with `hang` taken and never answered."""
        self._hanging = hang
        self._do(self._hang_up(listening=hang))

    def heal(self) -> None:
        """Carry again. Connections that hung die, so that their callers try anew."""
        self._hanging = False
        self._do(self._hang_up(listening=True))

    @property
    def whole(self) -> bool:
        """Whether it carries now."""
        return self._server is not None and not self._hanging

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            door = socket.socket()
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((_HOST, self.port))
            self._server = await asyncio.start_server(self._carry, sock=door)

    async def _hang_up(self, *, listening: bool) -> None:
        if not listening and self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            _reset(writer)
        if listening:
            await self._listen()

    async def _finish(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        ends = [writer]
        self._open.add(writer)
        try:
            if self._hanging:
                await writer.wait_closed()
                return
            far_reader, far_writer = await asyncio.open_connection(_HOST, self.target)
            ends.append(far_writer)
            self._open.add(far_writer)
            if not self.whole:  # cut while we were connecting
                return
            pumps = [
                asyncio.create_task(self._requests(reader, far_writer)),
                asyncio.create_task(self._answers(far_reader, writer, far_writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # nobody at the other end: the caller sees its connection die
        finally:
            for end in ends:
                self._open.discard(end)
                self._unanswered.pop(end, None)
                if self.whole:
                    end.close()
                else:
                    _reset(end)

    async def still(self, seconds: float = 1.0) -> None:
        """Return when nothing has passed for so long: whoever asks all the time has a question open then."""
        while (left := self._moved + seconds - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _requests(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK_BYTES):
                self._moved = time.monotonic()
                for words in self.loses:
                    if words in data:
                        self._unanswered[sink] = words
                sink.write(data)
                await sink.drain()

    async def _answers(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asked: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK_BYTES):
                self._moved = time.monotonic()
                if (words := self._unanswered.pop(asked, None)) is not None:
                    self.lost[words] += 1
                    return
                sink.write(data)
                await sink.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """As when a wire breaks: what is under way is lost, and the end is an error, not an end of file."""
    if (end := writer.get_extra_info("socket")) is not None and not writer.transport.is_closing():
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
