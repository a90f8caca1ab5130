"""The web endpoint: a calendar program that knows a secret address gets the calendar there, and nobody gets more.

It stands behind a proxy with TLS. Neither the addresses that are asked for nor who asks are logged or kept.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv6Address, ip_address

import aiohttp
from aiohttp import web

from bot.calendars import Feed, feed, written
from storage import calendars
from storage.database import Database, StorageError

log = logging.getLogger(__name__)

TOKEN_REQUESTS_MAX = 30
"""So often in a minute one address of a calendar is answered; programs ask every few minutes at most."""
CLIENT_REQUESTS_MAX = 60
"""So often in a minute whoever asks is answered, whatever they ask for."""
REQUESTS_MAX = 600
"""So often in a minute anybody is answered: the chats go first."""
FRESH_SECONDS = 300
KEPT_MAX = 32
"""So many calendars are kept as they were last written."""
_TOKEN = re.compile(r"/calendar/([a-z2-7]{32})\.ics")
_STOP_SECONDS = 1.0
_SERVER = "Solibot"
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'",
    # aiohttp would tell its version.
    "Server": _SERVER,
}
# What the library says of broken requests would name who sent them.
_silent = logging.getLogger(f"{__name__}.silent")
_silent.disabled = True


class Endpoint:
    """Answers `GET /calendar/<token>.ics` and nothing else. It reads beside the chats and writes nothing."""

    def __init__(self, database: Database, *, host: str, port: int, now: Callable[[], datetime]) -> None:
        self._database = database
        self._host, self._port = host, port
        self._now = now
        self._minute: tuple[int, Counter[str]] = (0, Counter())
        self._written: OrderedDict[str, bytes] = OrderedDict()
        server = web.Server(self._answer, access_log=None, logger=_silent, keepalive_timeout=15.0)
        self._runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)

    async def open(self) -> None:
        """Begin to answer. Raises OSError where the port cannot be had."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    @property
    def port(self) -> int:
        """Where it answers; for port 0 the one that was free."""
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Answer nobody any more."""
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = _TOKEN.fullmatch(request.path)
        token = asked[1] if asked is not None and request.method in ("GET", "HEAD") else None
        if self._too_often(client_of(request.remote, request.headers.get("X-Forwarded-For")), token):
            return _nothing(429, {"Retry-After": "60"})
        if token is None:
            return _nothing(404)
        try:
            return await self._calendar(request, token)
        except StorageError:
            return _nothing(503, {"Retry-After": "300"})
        except Exception:
            log.exception("calendar not answered")
            return _nothing(503, {"Retry-After": "300"})

    async def _calendar(self, request: web.BaseRequest, token: str) -> web.StreamResponse:
        found = await self._database.read(lambda tx: calendars.asked(tx, token, now=self._now()))
        if found is None:
            return _nothing(404)
        said = feed(found)
        headers = {**_HEADERS, "Cache-Control": f"private, max-age={FRESH_SECONDS}", "ETag": f'"{said.mark}"'}
        if any(known.value in (said.mark, "*") for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=await self._content(said), headers={**headers, "Content-Type": "text/calendar; charset=utf-8"}
        )

    async def _content(self, said: Feed) -> bytes:
        mark = said.mark
        if mark not in self._written:
            # Long ones take a moment: the chats are not to wait for it.
            self._written[mark] = (await asyncio.to_thread(written, said)).encode()
            while len(self._written) > KEPT_MAX:
                self._written.popitem(last=False)
        self._written.move_to_end(mark)
        return self._written[mark]

    def _too_often(self, client: str, token: str | None) -> bool:
        minute = int(self._now().timestamp()) // 60
        if minute != self._minute[0]:
            self._minute = (minute, Counter())
        count = self._minute[1]
        if count["all"] >= REQUESTS_MAX:
            return True
        limits = {"all": REQUESTS_MAX, f"client {client}": CLIENT_REQUESTS_MAX}
        if token is not None:
            limits[f"token {token}"] = TOKEN_REQUESTS_MAX
        count.update(limits.keys())
        return any(count[key] > most for key, most in limits.items())


def client_of(remote: str | None, forwarded: str | None) -> str:
    """Who asks. `forwarded`: the header to which a proxy adds; it counts where the proxy is of this machine or network.

    Of an IPv6 address only the network: one line has as many of these as it likes.
    """
    said = (remote or "").partition("%")[0]
    try:
        client = ip_address(said)
        if client.is_private and forwarded is not None:
            client = ip_address(forwarded.rpartition(",")[2].strip())
    except ValueError:
        return said
    return client.exploded[:19] if isinstance(client, IPv6Address) else str(client)


def _nothing(status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers={**_HEADERS, "Cache-Control": "no-store", **(headers or {})})


async def answers(address: str) -> bool:
    """Whether an endpoint is to be reached at an address, such as `https://solibot.example.org`."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(f"{address}/calendar/", allow_redirects=False) as answer,
        ):
            return answer.status == 404 and answer.headers.get("X-Robots-Tag") == _HEADERS["X-Robots-Tag"]
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
