"""What is carried away: files in one archive, sealed with age to those who may open it.

The format is https://age-encryption.org/v1 around a compressed tar archive: whoever has one of the keys opens it with
`solibot restore`, or without Solibot, with `age -d` and `tar`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyrage

from bot.domain.sealing import NotAKey

SUFFIX = ".age"
BYTES_MAX = 2**31
"""More than this is no archive of a bot."""


class CannotOpen(Exception):
    """None of the keys opens it."""


class Damaged(Exception):
    """It is no archive, or not whole."""


def new_key() -> tuple[str, str]:
    """A new key: the secret half, and the public half to which things are sealed."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def secrets_in(text: str) -> list[str]:
    """The secret keys in a file such as `solibot key` and `age-keygen` write. Raises NotAKey where there is none."""
    found = [line.strip() for line in text.splitlines() if line.strip().startswith("AGE-SECRET-KEY-")]
    try:
        keys = [str(pyrage.x25519.Identity.from_str(line)) for line in found]
    except pyrage.IdentityError:
        keys = []
    if not keys:
        raise NotAKey
    return keys


def seal(path: Path, files: Mapping[str, bytes], recipients: Sequence[str]) -> int:
    """Write the files into a sealed archive, and read it back from the disk before it counts. Returns its bytes.

    The path holds either the whole archive or what was there before. Raises Damaged where it cannot be read back, or
    OSError.
    """
    assert recipients
    packed = _pack(files)
    # Nobody here has the custodians' keys. A key that lives as long as this call opens it once, to see that it opens.
    once = pyrage.x25519.Identity.generate()
    to = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    sealed = pyrage.encrypt(packed, [*to, once.to_public()])
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    try:
        read = pyrage.decrypt(beside.read_bytes(), [once])
    except pyrage.DecryptError:
        raise Damaged from None
    if hashlib.sha256(read).digest() != hashlib.sha256(packed).digest():
        raise Damaged
    beside.replace(path)
    return len(sealed)


def unseal(path: Path, keys: Sequence[str]) -> dict[str, bytes]:
    """The files in a sealed archive. Raises CannotOpen, Damaged or OSError."""
    identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
    try:
        packed = pyrage.decrypt(path.read_bytes(), identities)
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise CannotOpen from None
        raise Damaged from None
    return _unpack(packed)


ARMOR = ("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----")


def armored(sealed: bytes) -> str:
    """A sealed archive as text, which `age` and `unseal` read as well: https://age-encryption.org/v1, ASCII armor."""
    text = base64.b64encode(sealed).decode()
    return "\n".join([ARMOR[0], *(text[at : at + 64] for at in range(0, len(text), 64)), ARMOR[1], ""])


def _pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=6) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _unpack(packed: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:xz") as archive:
            for entry in archive:
                parts = Path(entry.name).parts
                # Whoever has a public key can seal something to it: a name must lead nowhere but into the folder.
                if not entry.isfile() or entry.name.startswith("/") or ".." in parts or entry.size > BYTES_MAX:
                    raise Damaged
                content = archive.extractfile(entry)
                assert content is not None
                found[entry.name] = content.read()
    except (tarfile.TarError, EOFError, OSError):
        raise Damaged from None
    return found
