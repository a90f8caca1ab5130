"""Matrix's client-server API over HTTP: calls, what their errors say, and how a homeserver is found."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from yarl import URL

Json = dict[str, Any]

BYTES_MAX = 64 * 1024 * 1024
"""The longest answer that is read: the first sync of an account in many rooms has tens of megabytes."""
CONNECT_SECONDS_MAX = 10.0
PAUSE_SECONDS_MAX = 3600.0
CONNECTIONS_MAX = 32
REDIRECTS_MAX = 5

_CLIENT = "/_matrix/client/v3"
_CODE = re.compile(r"[A-Za-z0-9_.]{1,80}")


class ApiProblem(Exception):
    """The homeserver, or something before it, said no. What it says is in `body` and never in the message.

    `code` is Matrix's (`M_FORBIDDEN`), or empty where a proxy spoke.
    """

    def __init__(self, status: int, body: Json, *, retry_after_seconds: float | None = None) -> None:
        said = body.get("errcode")
        self.code: str = said if isinstance(said, str) and _CODE.fullmatch(said) else ""
        super().__init__(f"{status} {self.code}".rstrip())
        self.status = status
        self.body = body
        self.retry_after_seconds = retry_after_seconds
        """How long to wait, where that was said."""
        self.soft_logout: bool = body.get("soft_logout") is True
        """The token is no longer good, but the device and its keys are: log in again as the same device."""

    @property
    def logged_out(self) -> bool:
        """Whether the token is not known (any more)."""
        return self.status == 401 and self.code == "M_UNKNOWN_TOKEN"


class Unreachable(Exception):
    """No answer came, or none that a homeserver gives."""


class NotFound(Exception):
    """No homeserver is there; `sentence` says why, to whoever set it up."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def path(*pieces: str) -> str:
    """The path of a call: `path("rooms", room_id, "state")`. Ids may hold anything."""
    return "/".join((_CLIENT, *(quote(piece, safe="") for piece in pieces)))


class Api:
    """One account's calls (or nobody's, without a token) over one pool of connections."""

    def __init__(self, homeserver_url: str, *, token: str | None = None, seconds: float = 60.0) -> None:
        self.homeserver_url = homeserver_url.rstrip("/")
        self.token = token
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Json:
        """One exchange of JSON. Raises ApiProblem or Unreachable, of which no message names an address, id or token."""
        data: bytes | None = None
        kind = ""
        if body is not None or method in ("POST", "PUT"):
            kind = "application/json"
            data = json.dumps(body or {}, separators=(",", ":"), allow_nan=False).encode()
        return await self._exchange(method, path, data, kind, query=query, seconds=seconds)

    async def upload(self, data: bytes, kind: str, *, name: str | None = None) -> str:
        """Keep a file at the homeserver; its address (`mxc://`). Raises ApiProblem or Unreachable."""
        query = {"filename": name} if name is not None else None
        answer = await self._exchange("POST", "/_matrix/media/v3/upload", data, kind, query=query)
        address = answer.get("content_uri")
        if not isinstance(address, str):
            raise Unreachable("no address")
        return address

    async def download(self, path: str, most: int) -> bytes | None:
        """A file from the homeserver; None: it has more bytes than `most`. Raises ApiProblem or Unreachable."""
        limit = aiohttp.ClientTimeout(total=self._seconds, sock_connect=CONNECT_SECONDS_MAX)
        try:
            async with self._connections().get(
                URL(self.homeserver_url + path, encoded=True), headers=self._headers(), timeout=limit,
                max_redirects=REDIRECTS_MAX,
            ) as response:  # fmt: skip
                if response.status != 200:
                    raise ApiProblem(response.status, _json(await _read(response)) or {})
                data = await response.content.read(most + 1)
                while len(data) <= most and not response.content.at_eof():
                    data += await response.content.read(most + 1 - len(data))
                return data if len(data) <= most else None
        except TimeoutError:
            raise Unreachable("timeout") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(type(error).__name__) from None

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def _exchange(
        self,
        method: str,
        path: str,
        data: bytes | None,
        kind: str,
        *,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Json:
        url = self.homeserver_url + path
        if query:
            url += "?" + urlencode(query)
        headers = {"Accept": "application/json", **self._headers()}
        if kind:
            headers["Content-Type"] = kind
        limit = aiohttp.ClientTimeout(total=seconds or self._seconds, sock_connect=CONNECT_SECONDS_MAX)
        try:
            async with self._connections().request(
                method, URL(url, encoded=True), data=data, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                answer = _json(await _read(response))
                if response.status == 200 and answer is not None:
                    return answer
                if response.status // 100 == 2:
                    raise Unreachable("no JSON")
                pause = _pause(answer or {}, response.headers.get("Retry-After"))
                raise ApiProblem(response.status, answer or {}, retry_after_seconds=pause)
        except TimeoutError:
            raise Unreachable("timeout") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Its own message holds the address. ValueError: an address that is none.
            raise Unreachable(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def versions(api: Api) -> tuple[str, ...]:
    """The versions of the specification that the homeserver speaks. Raises NotFound where none is there."""
    try:
        said = (await api.call("GET", "/_matrix/client/versions")).get("versions")
    except Unreachable as error:
        raise NotFound(f"The homeserver does not answer ({error}).") from None
    except ApiProblem as problem:
        raise NotFound(f"There is no Matrix homeserver: it answered {problem}.") from None
    if not isinstance(said, list) or not all(isinstance(version, str) for version in said):
        raise NotFound("There is no Matrix homeserver: it names no versions.")
    return tuple(said)


async def discover(server_or_user: str, *, seconds: float = 20.0) -> str:
    """The address for clients of a server's name, a user's id or an address, looked at. Raises NotFound.

    https://spec.matrix.org/latest/client-server-api/#server-discovery
    """
    given = server_or_user.strip().rstrip("/")
    if given.startswith(("http://", "https://")):
        return await _looked_at(given, seconds)
    name = given.partition(":")[2] if given.startswith("@") else given
    host = _host(name)
    if host is None:
        raise NotFound(f"“{server_or_user}” is no name of a homeserver, such as example.org.")
    if url := await _well_known(host, seconds):
        return await _looked_at(url, seconds)
    scheme = "http" if _loopback(host) else "https"
    return await _looked_at(f"{scheme}://{name}", seconds)


async def _well_known(host: str, seconds: float) -> str | None:
    """What the host says where its homeserver is; None: nothing. Raises NotFound where it says nonsense."""
    limit = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS_MAX)
    url = f"https://{host}/.well-known/matrix/client"
    try:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=limit) as session,
            session.get(url, max_redirects=REDIRECTS_MAX) as response,
        ):
            # Who could read the last step could answer anything.
            if response.status != 200 or response.url.scheme != "https":
                return None
            answer = _json(await _read(response)) or {}
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, Unreachable):
        return None
    place = answer.get("m.homeserver")
    said = place.get("base_url") if isinstance(place, dict) else None
    if not isinstance(said, str):
        raise NotFound(f"What {host} says about its homeserver (/.well-known/matrix/client) cannot be understood.")
    parts = urlsplit(said)
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname or "")):
        raise NotFound(f"{host} sends us to a homeserver without https, and the password would be open to all.")
    return said.rstrip("/")


async def _looked_at(url: str, seconds: float) -> str:
    api = Api(url, seconds=seconds)
    try:
        await versions(api)
    except NotFound as error:
        raise NotFound(f"{url}: {error.sentence}") from None
    finally:
        await api.close()
    return url


def _host(name: str) -> str | None:
    """The name without its port; None: it is no server's name."""
    try:
        parts = urlsplit(f"https://{name}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.netloc != name or "@" in name or re.search(r"\s", name):
        return None
    return f"[{host}]" if ":" in host else host


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def _read(response: aiohttp.ClientResponse) -> bytes:
    pieces = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        pieces += piece
        if len(pieces) > BYTES_MAX:
            raise Unreachable("too long an answer")
    return bytes(pieces)


def _json(data: bytes) -> Json | None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _pause(body: Json, header: str | None) -> float | None:
    """What is asked of us, in seconds; Matrix's own field is older than the header and more exact."""
    asked = body.get("retry_after_ms")
    if isinstance(asked, (int, float)) and asked >= 0:
        return min(asked, PAUSE_SECONDS_MAX * 1000) / 1000
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return min(max(seconds, 0.0), PAUSE_SECONDS_MAX) if math.isfinite(seconds) else None
