"""A real Matrix homeserver (Synapse) on loopback, and programs that never outlive whoever started them.

For `solibot try --matrix` and for the tests. Plain calls: nothing here needs an event loop. Synapse is the extra
`homeserver`; it is a program of its own, which is only started here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

HOST = "127.0.0.1"
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
ANSWER_SECONDS_MAX = 30.0
_SETTINGS = "homeserver.yaml"
_GENEROUS = {"per_second": 100_000, "burst_count": 100_000}

# The program holds one end of a pipe: when the other end goes, however its starter died, it removes what it was told to
# and ends. (PR_SET_PDEATHSIG would be bound to the thread that started it, and could not remove anything.)
_ON_A_LEASH = """
import os, runpy, shutil, sys, threading
leash, removed, module = int(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1)
def hold():
    os.read(leash, 1)
    if removed:
        shutil.rmtree(removed, ignore_errors=True)
    os._exit(9)
threading.Thread(target=hold, daemon=True).start()
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class NotStarted(Exception):
    """A program did not come up; the end of its log says why."""


class Refused(Exception):
    """The homeserver said no."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status, body.get("errcode"), body.get("error"))
        self.status = status
        self.code: str = body.get("errcode", "")
        self.body = body

    @property
    def retry_after_ms(self) -> int | None:
        """How long to wait, for a 429."""
        value = self.body.get("retry_after_ms")
        return None if value is None else int(value)


@dataclass(frozen=True)
class Login:
    """Somebody's account and the device they are logged in with."""

    user: str
    device: str
    token: str


def installed() -> bool:
    """Whether Synapse is there."""
    return importlib.util.find_spec("synapse") is not None


def is_free(port: int) -> bool:
    """Whether somebody could listen at this port of this computer."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((HOST, port))
            door.listen()
        except OSError:
            return False
    return True


def begun_at(data: Path) -> int | None:
    """The port of the homeserver whose data is in this folder; None: there is none yet."""
    file = data / _SETTINGS
    return int(json.loads(file.read_text())["listeners"][0]["port"]) if file.exists() else None


class Leashed:
    """A Python module run as a program of its own, which ends when this process does, however that may be.

    `removes`: a folder that goes with it where it is not ended but left.
    """

    def __init__(self, module: str, *arguments: str, cwd: Path, log: Path, removes: Path | None = None) -> None:
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._command = (module, *arguments)
        self._cwd = cwd
        self._removes = "" if removes is None else str(removes)
        self._leash: int | None = None
        self._launched_at_byte = 0

    def launch(self) -> None:
        """Start it without waiting: several can come up at once."""
        assert not self.running, "it runs already"
        theirs, self._leash = os.pipe()
        # Compiling a big program anew takes longer than all the rest of its start.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        try:
            with self.log.open("ab") as log:
                self._launched_at_byte = log.seek(0, os.SEEK_END)
                self.process = subprocess.Popen(  # noqa: S603 - ourselves
                    [sys.executable, "-c", _ON_A_LEASH, str(theirs), self._removes, *self._command],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._cwd, pass_fds=[theirs],
                    env=environment, start_new_session=True,
                )  # fmt: skip
        finally:
            os.close(theirs)

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Its process's number."""
        assert self.process is not None
        return self.process.pid

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to end, and wait; whatever does not is killed."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._leash is not None:  # only when it is dead: letting go removes what goes with it
            os.close(self._leash)
            self._leash = None

    def has_written(self, words: str) -> bool:
        """Whether these words stand in its log since it was launched last."""
        with self.log.open("rb") as log:
            log.seek(self._launched_at_byte)
            return words.encode() in log.read()

    def log_tail(self, lines: int = 40) -> str:
        """The end of what it wrote."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Synapse(Leashed):
    """One Synapse with a database of its own, in `data`, at a port of this computer only.

    `config`: settings laid over ours. `name`: what stands after the colon in addresses; a folder keeps the one that it
    was begun with, and its secrets. `kept`: the folder stays when this process dies.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int,
        name: str,
        log: Path,
        config: Mapping[str, Any] | None = None,
        kept: bool = False,
    ) -> None:
        self.data = data
        self.port = port
        self.url = f"http://{HOST}:{port}"
        file = data / _SETTINGS
        before: Json = json.loads(file.read_text()) if file.exists() else {}
        self.name: str = before.get("server_name") or name
        self._secret: str = before.get("registration_shared_secret") or secrets.token_hex(16)
        self._write(before, config or {})
        super().__init__("synapse.app.homeserver", "-c", str(file), cwd=data, log=log, removes=None if kept else data)

    def open(self) -> None:
        """Start the process and wait until it answers. Raises NotStarted."""
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Until it answers. Raises NotStarted when it ended or takes too long."""
        end = time.monotonic() + START_SECONDS_MAX
        while not self.ready(end):
            time.sleep(0.02)

    def ready(self, end: float) -> bool:
        """Whether it answers. Raises NotStarted when it ended, or does not by then (`time.monotonic`)."""
        if not self.running:
            raise NotStarted(self.log_tail())
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if time.monotonic() > end:
            raise NotStarted(self.log_tail())
        return False

    def call(self, method: str, path: str, body: Json | None = None, *, token: str | None = None) -> Json:
        """One call to its API. Raises Refused."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS_MAX)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer: Json = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(response.status, answer)
        return answer

    def enrol(self, localpart: str, password: str, *, admin: bool = False, display: str | None = None) -> Login:
        """Make an account with a first device. Raises Refused."""
        path = "/_synapse/admin/v1/register"
        nonce = self.call("GET", path)["nonce"]
        role = "admin" if admin else "notadmin"
        mac = hmac.new(self._secret.encode(), "\0".join((nonce, localpart, password, role)).encode(), hashlib.sha1)
        body = {"nonce": nonce, "username": localpart, "password": password, "admin": admin, "mac": mac.hexdigest()}
        if display is not None:
            body["displayname"] = display
        answer = self.call("POST", path, body)
        return Login(answer["user_id"], answer["device_id"], answer["access_token"])

    def user(self, localpart: str) -> str:
        """The full address of somebody here."""
        return f"@{localpart}:{self.name}"

    def federated(self) -> Json:
        """The settings by which it speaks with other homeservers: with none."""
        return {"federation_domain_whitelist": []}

    def _write(self, before: Json, config: Mapping[str, Any]) -> None:
        data = self.data
        data.mkdir(parents=True, exist_ok=True)
        (data / "media").mkdir(exist_ok=True)
        if not (data / "signing.key").exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            (data / "signing.key").write_text(f"ed25519 a_{secrets.token_hex(2)} {seed}\n")
        (data / "log.yaml").write_text(json.dumps(_LOGGING))
        settings: Json = {
            "server_name": self.name,
            "public_baseurl": self.url + "/",
            "report_stats": False,
            "listeners": [listener(self.port, "client")],
            "database": {"name": "sqlite3", "args": {"database": str(data / "homeserver.db")}},
            "media_store_path": str(data / "media"),
            "signing_key_path": str(data / "signing.key"),
            "log_config": str(data / "log.yaml"),
            "registration_shared_secret": self._secret,
            "macaroon_secret_key": before.get("macaroon_secret_key") or secrets.token_hex(16),
            "form_secret": before.get("form_secret") or secrets.token_hex(16),
            "enable_registration": False,
            "bcrypt_rounds": 4,
            "presence": {"enabled": False},
            "stats": {"enabled": False},
            "user_directory": {"enabled": False},
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            **_LIMITS,
        }
        federated = self.federated()
        settings["listeners"] += federated.pop("listeners", [])
        # JSON is YAML too.
        (data / _SETTINGS).write_text(json.dumps(settings | federated | dict(config)))


def listener(port: int, *names: str, tls: bool = False) -> Json:
    """A port at which Synapse answers for these of its APIs."""
    resources: Sequence[Json] = [{"names": [*names], "compress": False}]
    return {"port": port, "type": "http", "tls": tls, "bind_addresses": [HOST], "resources": resources}


_LOGGING: Json = {
    "version": 1,
    "formatters": {"line": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["out"]},
    "disable_existing_loggers": False,
}

_LIMITS: Json = {
    **dict.fromkeys(
        (
            "rc_message", "rc_registration", "rc_registration_token_validity", "rc_admin_redaction",
            "rc_joins_per_room", "rc_3pid_validation", "rc_third_party_invite", "rc_media_create", "rc_key_requests",
            "rc_delayed_event_mgmt", "rc_reports", "rc_room_creation", "rc_user_directory", "rc_profile",
        ),
        _GENEROUS,
    ),
    "rc_login": {"address": _GENEROUS, "account": _GENEROUS, "failed_attempts": _GENEROUS},
    "rc_joins": {"local": _GENEROUS, "remote": _GENEROUS},
    "rc_invites": {"per_room": _GENEROUS, "per_user": _GENEROUS, "per_issuer": _GENEROUS},
    "rc_presence": {"per_user": _GENEROUS},
    "rc_federation": {
        "window_size": 1000, "sleep_limit": 100_000, "sleep_delay": 1, "reject_limit": 100_000, "concurrent": 100,
    },
    "federation_rr_transactions_per_room_per_second": 1000,
}  # fmt: skip
