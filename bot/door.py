"""What two bots say to each other at the door, before their committees are on one wire.

A message is one JSON object in the form of docs/protocol.md, signed by a key that its committee's root key stands for.
The two that begin it, hello and answer, are also proved with the one-time code, which goes from person to person and
never over the network: whoever carries them cannot put in keys of their own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import keys
from bot.domain import envelope as rules
from bot.domain.envelope import Unsound

MAJOR = 1
DOMAIN = b"solibot.door.v1\0"
PROOF_DOMAIN = b"solibot.door.proof.v1\0"
_CODE_DOMAIN = b"solibot.link.v1\0"
PEERS_AT_ONCE = 20
"""So many committees are named in one message: it must not become too long."""
LIVES_TOLD_MAX = 4
"""Of so many lives of each committee, the newest, it is told how far they go."""
KINDS = frozenset({"hello", "answer", "step", "end", "in", "more"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message whose signature was checked. `to`: an author, or nothing where that is not known yet."""

    kind: str
    code: str
    to: str
    certificate: keys.Certificate
    body: Mapping[str, Any]
    proof: bytes
    covered: bytes

    @property
    def author(self) -> str:
        """Whose it is."""
        return self.certificate.author

    def proved(self, secret: bytes) -> bool:
        """Whether whoever wrote it has the code."""
        return hmac.compare_digest(self.proof, _proof(secret, self.covered))


def secret_of(code: str) -> bytes:
    """What proves that somebody has a code; the code cannot be found from it."""
    return hashlib.sha256(_CODE_DOMAIN + code.encode()).digest()


def name_of(secret: bytes) -> str:
    """What the code is called at the door: whoever reads it there learns nothing of the code."""
    return hashlib.sha256(_CODE_DOMAIN + secret).hexdigest()


def written(
    kind: str,
    code: str,
    to: str,
    body: Mapping[str, Any],
    *,
    certificate: keys.Certificate,
    sign: Callable[[bytes], bytes],
    secret: bytes | None = None,
) -> str:
    """A message as text. `secret`: it is proved with the code too. Raises Unsound where it is too long."""
    assert kind in KINDS
    bare = {"v": MAJOR, "kind": kind, "code": code, "to": to, "certificate": certificate.dump(), "body": body}
    covered = DOMAIN + rules.canonical(bare)
    whole = {**bare, "signature": rules.encoded(sign(covered))}
    whole["proof"] = "" if secret is None else rules.encoded(_proof(secret, covered))
    text = rules.canonical(whole).decode()
    if len(text) > rules.WIRE_CHARACTERS_MAX:
        raise Unsound("too_big")
    return text


def read(text: str, *, now: datetime) -> Message:
    """A message as it came. Raises Unsound: it is none, or no key of its committee that may sign now has signed it."""
    found = rules.parsed(text)
    if type(found.get("v")) is not int or found["v"] != MAJOR:
        raise Unsound("version")
    texts = {name: found.get(name) for name in ("kind", "code", "to", "signature", "proof")}
    certificate, body = found.get("certificate"), found.get("body")
    if not all(isinstance(one, str) and len(one) <= 200 for one in texts.values()):
        raise Unsound("unsound")
    if texts["kind"] not in KINDS or not isinstance(certificate, dict) or not isinstance(body, dict):
        raise Unsound("unsound")
    spoken_for = keys.load_certificate(certificate)
    covered = DOMAIN + rules.canonical({name: found[name] for name in found if name not in ("signature", "proof")})
    at = rules.seconds(now)
    slack = int(rules.FUTURE.total_seconds())
    if not spoken_for.begins - slack <= at <= spoken_for.ends + slack:
        raise Unsound("old")
    if not keys.verified(spoken_for.signing, covered, rules.decoded(str(texts["signature"]))):
        raise Unsound("forged")
    return Message(
        kind=str(texts["kind"]),
        code=str(texts["code"]),
        to=str(texts["to"]),
        certificate=spoken_for,
        body=body,
        proof=rules.decoded(str(texts["proof"])),
        covered=covered,
    )


def _proof(secret: bytes, covered: bytes) -> bytes:
    return hmac.digest(secret, PROOF_DOMAIN + covered, "sha256")
