"""A Bot API server over real HTTP, faithful enough that the bot cannot tell, for tests and benchmarks.

In process: `async with TelegramServer(token=...) as server`, then people act through the methods of World
(server.say(...), server.tap(...)) and the bot talks to `server.base_url`. As a process of its own:
`python -m tests.servers.telegram_api --port P --control-port C`; the same methods are then
`POST /control/<method>` with JSON arguments on the control port.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import inspect
import json
import re
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from types import ModuleType, TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from tests.servers.telegram_faults import Fault
from tests.servers.telegram_methods import Methods
from tests.servers.telegram_sending import UPLOAD_MAX_BYTES, ApiError, Params
from tests.servers.telegram_state import Call, Message, NotPossible, summary
from tests.servers.telegram_updates import Conflict
from tests.servers.telegram_world import World

Json = dict[str, Any]

TOKEN = "7000000001:AAEmulatorEmulatorEmulatorEmulator0"  # opens nothing but this server
_LIMITED = re.compile(r"(send(?!chataction)|copy|forward|editmessage)")
_PATH = re.compile(r"/bot(?P<token>[^/]+)/(?P<method>[^/]+)/?")
_FILE = re.compile(r"/file/bot(?P<token>[^/]+)/(?P<path>.+)")
_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
_GATEWAY = {"500": "500 Internal Server Error", "502": "502 Bad Gateway", "504": "504 Gateway Time-out"}


class TelegramServer(World):
    """The world with its door to the network."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        port: int = 0,
        control_port: int | None = None,
        validate: bool = True,
        latency_seconds: float = 0.0,
        calls_kept: int = 10_000,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        messages_kept: int = 10_000,
        bot_username: str = "solibot",
        bot_name: str = "Solibot",
    ) -> None:
        self._schema: ModuleType | None = None
        if validate:
            from tests.servers import telegram_schema

            self._schema = telegram_schema
        super().__init__(
            bot_username=bot_username, bot_name=bot_name, bot_id=_bot_id(token), seed=seed, clock=clock,
            messages_kept=messages_kept,
        )  # fmt: skip
        self.token = token
        self.port = port
        self.control_port = control_port
        self.latency_seconds = latency_seconds
        self.revoked = False
        self.calls: deque[Call] = deque(maxlen=calls_kept)
        self.call_count = 0
        self.violations: list[str] = []
        self.on_call: list[Callable[[Call], None]] = []
        self.on_message: list[Callable[[Message], None]] = []
        self.mistakes: list[BaseException] = []
        self.api = Methods(self)
        self._methods = self.api.table()
        self._runners: list[web.ServerRunner] = []
        self._closing = asyncio.Event()

    # -- starting and stopping ------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """What a client appends the token to."""
        return f"http://127.0.0.1:{self.port}/bot"

    @property
    def base_file_url(self) -> str:
        """The same for files."""
        return f"http://127.0.0.1:{self.port}/file/bot"

    @property
    def control_url(self) -> str:
        """Where users act over HTTP, when there is a control port."""
        return f"http://127.0.0.1:{self.control_port}/control"

    async def start(self) -> None:
        """Listen; a free port is chosen once, so that a stopped server comes back where it was."""
        self._closing.clear()
        self.port = await self._listen(self._handle_bot, self.port)
        if self.control_port is not None:
            self.control_port = await self._listen(self._handle_control, self.control_port)

    async def stop(self) -> None:
        """Hang up on everybody; the world stays, so start() continues it."""
        self._closing.set()
        self.updates.wake()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self.mistakes and kind is None:
            raise self.mistakes[0]

    async def _listen(self, handler: Callable[[web.BaseRequest], Any], port: int) -> int:
        protocol = web.Server(handler, request_factory=_request, access_log=None)
        runner = web.ServerRunner(protocol, shutdown_timeout=0.2)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        chosen: int = runner.addresses[0][1]
        return chosen

    # -- the schema -------------------------------------------------------------------------------------

    def check_update(self, update: Json) -> None:
        if self._schema is not None:
            self._schema.check_update(update)

    def store(self, message: Message) -> Message:
        stored = super().store(message)
        for listener in self.on_message:
            listener(stored)
        return stored

    def revoke_token(self, revoked: bool = True) -> None:
        """The token is no longer valid (or again): every call gets 401."""
        self.revoked = revoked

    def short_polls(self, seconds: float = 0.05) -> None:
        """Shorten the brake on a repeated getUpdates offset (it waits 3 s and within 0.5 s gives one update at
        Telegram), for quick tests; 0 is no brake."""
        self.updates.repeat_wait_seconds = seconds
        self.updates.repeat_limit_seconds = seconds / 6

    # -- the bot's side -----------------------------------------------------------------------------------

    async def _handle_bot(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        path = unquote(request.raw_path.partition("?")[0])
        if match := _FILE.fullmatch(path):
            return self._serve_file(match["token"], match["path"])
        match = _PATH.fullmatch(path)
        if match is None:
            return _error(ApiError(404, "Not Found"))
        method, params = match["method"].lower(), Params()
        fault: Fault | None = None
        try:
            self._check_token(match["token"])
            try:
                params = await _read(request)
            except (ValueError, UnicodeDecodeError):
                raise ApiError(400, "Bad Request: can't parse request body") from None
            if _LIMITED.match(method) and self.rate_limits is not None:
                self._limit(params)
            fault = self.faults.next(method, params.number("chat_id") or None)
            if fault is not None and (answer := await self._strike(request, fault, params)):
                self._note(match["method"], params, answer.status, f"fault {fault.kind}")
                return answer
            body = await self._call(match["method"], params)
        except ApiError as error:
            self._note(match["method"], params, error.code, error.description)
            return _error(error)
        except Conflict as error:
            self._note(match["method"], params, 409, str(error))
            return _error(ApiError(409, str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall see it at the end
            self.mistakes.append(error)
            self._note(match["method"], params, 500, repr(error))
            return _error(ApiError(500, f"Internal Server Error: {error!r}"))
        self._note(match["method"], params, 200, None)
        if fault is not None and fault.kind == "reset_after":
            return _reset(request)
        if fault is not None and fault.kind == "truncated":
            body = body[: len(body) // 2]
        if fault is not None and fault.kind == "slow" and fault.details.get("after"):
            await self._pause(float(fault.details.get("seconds", 1.0)))
        return web.Response(body=body, content_type="application/json")

    def _check_token(self, token: str) -> None:
        if token[0] == "0" or len(token) > 80 or ":" not in token:
            raise ApiError(401, "Unauthorized: invalid token specified")
        if token != self.token or self.revoked:
            raise ApiError(401, "Unauthorized")
        if self.api.logged_out:
            raise ApiError(400, "Logged out")

    def _limit(self, params: Params) -> None:
        assert self.rate_limits is not None
        if wait := self.rate_limits.wait(params.number("chat_id")):
            raise _too_many(wait)

    async def _call(self, method: str, params: Params) -> bytes:
        """The body of a good answer."""
        name = method.lower()
        handler = self._methods.get(name)
        if self._schema is not None:
            if not self._schema.knows(name):
                self.violations.append(f"{method}: there is no such method")
                raise ApiError(404, "Not Found: method not found")
            plain = {key: value[0] if isinstance(value, tuple) else value for key, value in params.items()}
            attached = {str(value).removeprefix("attach://") for value in plain.values()
                        if str(value).startswith("attach://")}  # fmt: skip
            plain = {key: value for key, value in plain.items() if key not in attached}
            if wrong := self._schema.check_request(name, plain):
                self.violations.append(wrong)
                raise ApiError(400, f"Bad Request: {wrong}")
        if handler is None:
            if self._schema is None:
                raise ApiError(404, "Not Found: method not found")
            # Not 404: a client would take it for a bad token.
            self.violations.append(f"{method} is not implemented by the test server")
            raise ApiError(501, f"Not Implemented: {method} is not implemented by the test server")
        result = handler(params)
        if inspect.isawaitable(result):
            batch: list[bytes] = await result
            return b'{"ok":true,"result":[' + b",".join(batch) + b"]}"
        if self._schema is not None:
            self._schema.check_result(name, result)
        return json.dumps({"ok": True, "result": result}, ensure_ascii=False).encode()

    def _note(self, method: str, params: Params, status: int, description: str | None) -> None:
        self.call_count += 1
        call = Call(method, params, status, self.now(), description)
        if self.calls.maxlen:
            self.calls.append(call)
        for listener in self.on_call:
            listener(call)
        self.changed()

    def called(self, method: str) -> list[Call]:
        """The kept calls of one method, oldest first."""
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def _strike(self, request: web.BaseRequest, fault: Fault, params: Params) -> web.StreamResponse | None:
        """Let a fault happen; None when the call goes on (and may be spoilt afterwards)."""
        match fault.kind:
            case "429":
                raise _too_many(int(fault.details.get("retry_after", 1)))
            case "401":
                raise ApiError(401, "Unauthorized")
            case "409":
                raise ApiError(409, "Conflict: terminated by other getUpdates request; "
                                    "make sure that only one bot instance is running")  # fmt: skip
            case "error":
                raise ApiError(int(fault.details.get("error_code", 400)),
                               str(fault.details.get("description", "Bad Request: chat not found")))  # fmt: skip
            case "500" | "502" | "504":
                text = _HTML.format(_GATEWAY[fault.kind])
                return web.Response(status=int(fault.kind), text=text, content_type="text/html")
            case "reset_before":
                return _reset(request)
            case "slow" if not fault.details.get("after"):
                await self._pause(float(fault.details.get("seconds", 1.0)))
            case "hang":
                await self._pause(float(fault.details.get("seconds", 3600.0)))
                return _reset(request)
            case "migrate":
                self.migrate(params.number("chat_id"))
        return None

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    def _serve_file(self, token: str, path: str) -> web.Response:
        if token != self.token or self.revoked:
            return _error(ApiError(401, "Unauthorized"))
        for kept, content in self.files.values():
            if kept == path:
                return web.Response(body=content, content_type="application/octet-stream")
        return _error(ApiError(404, "Not Found"))

    # -- the users' side over HTTP ----------------------------------------------------------------------

    async def _handle_control(self, request: web.BaseRequest) -> web.StreamResponse:
        """POST /control/<name>: a method of this server by name, or one of its attributes; `*` args in "args"."""
        name = request.path.removeprefix("/control/")
        try:
            arguments = json.loads(await request.read() or b"{}")
            if name not in CONTROLS:
                raise NotPossible(f"no control {name!r}; there are {', '.join(sorted(CONTROLS))}")
            found = getattr(self, name)
            if callable(found):
                if name == "upload":
                    arguments["data"] = base64.b64decode(arguments["data"])
                if name == "forward":
                    arguments["message"] = self.message(arguments.pop("chat"), arguments["message"])
                found = found(*arguments.pop("args", ()), **arguments)
                if inspect.isawaitable(found):
                    found = await found
            elif arguments:
                setattr(self, name, arguments["value"])
                found = arguments["value"]
        except (NotPossible, KeyError, TypeError, ValueError, TimeoutError) as error:
            return web.json_response({"ok": False, "error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response({"ok": True, "result": summary(found)})


CONTROLS = frozenset({
    "user", "group", "supergroup", "channel", "say", "post", "upload", "edit", "delete", "forward", "tap", "answer",
    "react", "vote", "set_status", "join", "leave", "kick", "promote", "demote", "restrict", "ask_to_join",
    "set_privacy", "press_start", "startgroup", "block", "unblock", "deactivate", "migrate", "create_topic",
    "close_topic", "rename", "pin", "inject", "advance", "fault", "limit", "revoke_token", "short_polls", "messages",
    "message", "whispers", "next_message", "fetched", "listening", "calls", "called", "call_count", "commands",
    "violations", "profile", "latency_seconds", "callback_seconds", "bot_to_bot", "actions",
})  # fmt: skip


def _bot_id(token: str) -> int:
    head = token.partition(":")[0]
    return int(head) if head.isdigit() else 7_000_000_001


def _too_many(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def _request(*parts: Any) -> web.BaseRequest:
    """A request that may carry a file as large as Telegram takes; aiohttp's own limit is 1 MB."""
    make: Callable[..., web.BaseRequest] = web.BaseRequest
    return make(*parts, asyncio.get_running_loop(), client_max_size=2 * UPLOAD_MAX_BYTES)


async def _read(request: web.BaseRequest) -> Params:
    """The parameters of a request, wherever they are."""
    params = Params(parse_qsl(request.query_string, keep_blank_values=True))
    kind = request.content_type
    if request.method == "GET" or not request.body_exists:
        return params
    if kind == "multipart/form-data":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                params[name] = (value.filename, value.file.read())
            else:
                params[name] = value
        return params
    body = await request.read()
    if kind == "application/json":
        given = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise ValueError("an object is expected")
        params.update({name: value for name, value in given.items() if value is not None})
    else:
        params.update(parse_qsl(body.decode(), keep_blank_values=True))
    return params


def _error(error: ApiError) -> web.Response:
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    headers = {}
    if error.parameters:
        body["parameters"] = error.parameters
        if "retry_after" in error.parameters:
            headers["Retry-After"] = str(error.parameters["retry_after"])
    return web.json_response(body, status=error.code, headers=headers)


def _reset(request: web.BaseRequest) -> web.Response:
    """Tear the connection with a TCP reset."""
    transport = request.transport
    if transport is not None:
        if (tcp := transport.get_extra_info("socket")) is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=599)


async def _serve(arguments: argparse.Namespace) -> None:
    server = TelegramServer(
        token=arguments.token, port=arguments.port, control_port=arguments.control_port,
        validate=arguments.validate, calls_kept=arguments.calls_kept, seed=arguments.seed,
    )  # fmt: skip
    async with server:
        ready = {"port": server.port, "control_port": server.control_port, "base_url": server.base_url,
                 "base_file_url": server.base_file_url, "control_url": server.control_url}  # fmt: skip
        print(json.dumps(ready), flush=True)
        await asyncio.Event().wait()


def main(argv: Iterable[str] | None = None) -> None:
    """Run as a process until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--no-validate", dest="validate", action="store_false")
    parser.add_argument("--calls-kept", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    try:
        asyncio.run(_serve(parser.parse_args(list(argv) if argv is not None else None)))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
