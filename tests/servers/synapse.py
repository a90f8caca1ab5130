"""Real Matrix homeservers (Synapse) on loopback, one or several that federate, for tests and benchmarks.

Processes are started and ended by plain calls, so that a fixture of a whole session can hold a server while every
test has a loop of its own; what speaks HTTP is awaited. A server never outlives the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self, overload
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bot.homeserver import START_SECONDS_MAX, Refused, Synapse, listener
from tests.servers.link import Link, hold_port
from tests.servers.matrix_members import Account, EncryptedMember, Json, Member, StrictMember

_QUIET_ROUNDS = 5
_FAST_FOLDER = Path("/dev/shm")


class Authority:
    """A certificate authority to throw away, whose servers trust one another and nobody else."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "authority.crt"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        usage = x509.KeyUsage(
            key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        own = (
            self._certificate(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def issue(self, folder: Path) -> tuple[Path, Path]:
        """Write a certificate for localhost and its key into the folder."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        issued = (
            self._certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), key.public_key())
            .add_extension(names, critical=False)
            .add_extension(both, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate_path, key_path = folder / "tls.crt", folder / "tls.key"
        certificate_path.write_bytes(issued.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate_path, key_path

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
        )


class Homeserver(Synapse):
    """One Synapse with a database of its own; the same ports and data over every restart.

    `config`: settings of Synapse laid over ours, say `{"rc_message": {"per_second": 0.2, "burst_count": 10}}`; with
    `{"session_lifetime": 3000}` tokens end after three seconds and the device stays (a soft logout).
    With an `authority` it federates; its name is then `localhost:<port>`, where the port is `link`'s if there is one.
    Ids have one colon without federation and two with it, and tests should meet both.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "riverside.test",
        config: Mapping[str, Any] | None = None,
        authority: Authority | None = None,
        link: Link | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._held = [hold_port()]
        self.federation_port: int | None = None
        self._authority = authority
        if authority is not None:
            self._held.append(hold_port())
            self.federation_port = self._held[1].getsockname()[1]
            if link is not None:
                link.target = self.federation_port
            name = f"localhost:{link.port if link else self.federation_port}"
        self._members: list[Member] = []
        self._admin: Account | None = None
        data = Path(tempfile.mkdtemp(prefix="solibot-synapse-", dir=_fast(folder)))
        port: int = self._held[0].getsockname()[1]
        super().__init__(data, port=port, name=name, log=folder / f"synapse-{port}.log", config=config)

    # -- as plain calls, for fixtures of a session ----------------------------------------------------

    @classmethod
    def opened(cls, folder: Path, **options: Any) -> Self:
        """A server that is ready; the caller owes it `close()`."""
        server = cls(folder, **options)
        server.open()
        return server

    def close(self) -> None:
        """End the process, if it runs, and remove the data."""
        try:
            self.end(signal.SIGKILL)  # nobody will look at the data again
        finally:
            for held in self._held:
                held.close()
            shutil.rmtree(self.data, ignore_errors=True)

    # -- as a test does it ----------------------------------------------------------------------------

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, folder: Path, **options: Any) -> AsyncIterator[Self]:
        """A server that is ready, with its members; all of it is gone afterwards."""
        server = cls(folder, **options)
        try:
            await server.start()
            yield server
        finally:
            await server.dismiss()
            server.close()

    async def start(self) -> None:
        """Start it, or start it again; returns when it answers."""
        self.launch()
        end = time.monotonic() + START_SECONDS_MAX
        while not self.ready(end):
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Ask it to end, and wait."""
        await asyncio.to_thread(self.end, signal.SIGTERM)

    async def kill(self) -> None:
        """kill -9."""
        self.end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop it and start it: same data, same ports, same tokens."""
        await self.stop()
        await self.start()

    # -- people ---------------------------------------------------------------------------------------

    async def register(
        self, localpart: str, password: str = "correct horse", *, admin: bool = False, display: str | None = None
    ) -> Account:
        """Make an account with a first device."""
        made = await asyncio.to_thread(self.enrol, localpart, password, admin=admin, display=display)
        return Account(made.user, made.device, made.token, password)

    @overload
    async def somebody(
        self, name: str, *, encrypted: Literal[False] = False, strict: Literal[False] = False, accepts: str = "direct"
    ) -> Member: ...
    @overload
    async def somebody(
        self, name: str, *, encrypted: Literal[True], strict: Literal[False] = False, accepts: str = "direct"
    ) -> EncryptedMember: ...
    @overload
    async def somebody(
        self, name: str, *, encrypted: bool = True, strict: Literal[True], accepts: str = "direct"
    ) -> StrictMember: ...
    async def somebody(
        self, name: str, *, encrypted: bool = False, strict: bool = False, accepts: str = "direct"
    ) -> Member:
        """A fresh member who listens: `somebody("ana")` shows as Ana and has a localpart nobody else has.

        `accepts`: which invites they take by themselves, "direct", "all" or "none".
        """
        account = await self.register(f"{name.lower()}-{secrets.token_hex(3)}", display=name.capitalize())
        kind = StrictMember if strict else EncryptedMember if encrypted else Member
        member = kind(self.url, account, accepts=accepts)
        self._members.append(member)
        await member.start()
        return member

    async def dismiss(self) -> None:
        """Close everybody who came by `somebody`."""
        members, self._members = self._members, []
        await asyncio.gather(*(member.close() for member in members))

    # -- what only an administrator may do ------------------------------------------------------------

    async def administer(self, method: str, path: str, body: Json | None = None) -> Json:
        """A call to Synapse's admin API, say `("GET", "/v2/users")`."""
        if self._admin is None:
            self._admin = await self.register(f"admin-{secrets.token_hex(3)}", admin=True)
        return await asyncio.to_thread(self.call, method, "/_synapse/admin" + path, body, token=self._admin.token)

    async def log_out_device(self, user: str, device: str) -> None:
        """Its token is unknown from now on (M_UNKNOWN_TOKEN), and its keys are gone."""
        await self.administer("POST", f"/v2/users/{quote(user)}/delete_devices", {"devices": [device]})

    async def override_ratelimit(self, user: str, *, per_second: int = 0, burst: int = 0) -> None:
        """Limit this user otherwise than the others; 0 and 0 is: not at all."""
        body: Json = {"messages_per_second": per_second, "burst_count": burst}
        await self.administer("POST", f"/v1/users/{quote(user)}/override_ratelimit", body)

    async def deactivate(self, user: str) -> None:
        """The account is gone, as when its owner closes it."""
        await self.administer("POST", f"/v1/deactivate/{quote(user)}", {"erase": False})

    async def reach_out(self, name: str) -> bool:
        """Try a server again that was believed to be down; True if it was.

        Left alone, Synapse tries once a minute, or when there is something new to tell.
        """
        try:
            await self.administer("POST", f"/v1/federation/destinations/{quote(name)}/reset_connection", {})
        except Refused:
            return False
        return True

    # -- inside ---------------------------------------------------------------------------------------

    def federated(self) -> Json:
        """The settings by which it speaks with other homeservers, if with any."""
        if self._authority is None:
            return super().federated()
        assert self.federation_port is not None
        certificate, key = self._authority.issue(self.data)
        return {
            "listeners": [listener(self.federation_port, "federation", "keys", tls=True)],
            "tls_certificate_path": str(certificate),
            "tls_private_key_path": str(key),
            "federation_custom_ca_list": [str(self._authority.certificate)],
            "ip_range_blacklist": [],
            "federation": _QUICK_FEDERATION,
        }


class Federation:
    """Servers that federate; every one is reached by the others through its own link."""

    def __init__(
        self, folder: Path, count: int = 2, *, config: Mapping[str, Any] | None = None, links: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(folder)
        self.links = [Link() for _ in range(count)] if links else []
        """`links[n]` carries what the others say to `servers[n]`."""
        self.servers = [
            Homeserver(folder, config=config, authority=authority, link=self.links[n] if links else None)
            for n in range(count)
        ]

    def open(self) -> None:
        """Start all at once; returns when all answer."""
        for link in self.links:
            link.open()
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait()

    def close(self) -> None:
        """End all and remove their data."""
        with contextlib.ExitStack() as stack:
            for link in self.links:
                stack.callback(link.close)
            for server in self.servers:
                stack.callback(server.close)

    def __getitem__(self, number: int) -> Homeserver:
        return self.servers[number]

    def __len__(self) -> int:
        return len(self.servers)

    def cut(self, *, hang: bool = False) -> None:
        """Nobody reaches anybody any more."""
        for link in self.links:
            link.cut(hang=hang)

    async def heal(self) -> None:
        """All reach all, and try at once what they could not say."""
        broken = [link for link in self.links if not link.whole]
        for link in broken:
            link.heal()
        # What hung fails only now, and then the other is believed to be down once more.
        quiet = 0 if broken else _QUIET_ROUNDS
        while quiet < _QUIET_ROUNDS:
            quiet = 0 if await self.reach_out() else quiet + 1
            await asyncio.sleep(0.1)

    async def reach_out(self) -> bool:
        """Every server tries again those that it believes to be down; True if there were such."""
        pairs = [(one, other) for one in self.servers for other in self.servers if one is not other]
        return any(await asyncio.gather(*(one.reach_out(other.name) for one, other in pairs)))

    async def dismiss(self) -> None:
        """Close everybody who came by `somebody`."""
        for server in self.servers:
            await server.dismiss()


@contextlib.asynccontextmanager
async def homeservers(
    folder: Path, count: int = 2, *, config: Mapping[str, Any] | None = None, links: bool = True
) -> AsyncIterator[Federation]:
    """So many servers that federate, ready; all of it is gone afterwards."""
    federation = Federation(folder, count, config=config, links=links)
    try:
        federation.open()
        yield federation
    finally:
        await federation.dismiss()
        federation.close()


def _fast(folder: Path) -> Path:
    """Where fsync costs nothing, if there is such a place."""
    return _FAST_FOLDER if _FAST_FOLDER.is_dir() and os.access(_FAST_FOLDER, os.W_OK) else folder


# Milliseconds. By default Synapse waits ten minutes before it tries a lost server again.
_QUICK_FEDERATION: Json = {
    "client_timeout": 10_000,
    "max_short_retries": 1,
    "max_short_retry_delay": 100,
    "max_long_retries": 1,
    "max_long_retry_delay": 200,
    "destination_min_retry_interval": 100,
    "destination_max_retry_interval": 500,
}
