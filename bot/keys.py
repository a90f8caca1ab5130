"""The keys with which committees sign and seal what they send each other: Ed25519 and age.

A committee has one root key, whose hash is its name among the others; people compare it by voice. The root key signs
certificates: which key signs letters from when until when, and to which age recipient they are sealed. So the root key
can lie in a drawer, and the others change. Formats, with test vectors: docs/protocol.md.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyrage

from bot.domain.envelope import Unsound, canonical, decoded, encoded

CERTIFICATE_DOMAIN = b"solibot.certificate.v1\0"
SIGNS_AT_MOST_SECONDS = 90 * 24 * 3600
"""A signing key is certified for so long at most."""
SEED_BYTES = 32


@functools.cache
def _eddsa() -> Any:
    # It takes a tenth of the program's start, and most committees are linked with none.
    # Any: its types leave out what a function without annotations returns.
    from Crypto.Signature import eddsa

    return eddsa


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key, from a seed of 32 bytes that nobody else knows."""

    seed: bytes

    def __post_init__(self) -> None:
        assert len(self.seed) == SEED_BYTES

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return bytes(self._key.public_key().export_key(format="raw"))

    def sign(self, words: bytes) -> bytes:
        """The signature, 64 bytes; the same for the same words."""
        return bytes(_eddsa().new(self._key, "rfc8032").sign(words))

    @property
    def _key(self) -> Any:
        return _eddsa().import_private_key(self.seed)

    def __repr__(self) -> str:
        return "SigningKey(…)"


def verified(public: bytes, words: bytes, signature: bytes) -> bool:
    """Whether this key has signed these words."""
    try:
        _eddsa().new(_eddsa().import_public_key(public), "rfc8032").verify(words, signature)
    except ValueError:
        return False
    return True


def author_of(root: bytes) -> str:
    """How a committee is named on the wire: the hash of its root key."""
    return hashlib.sha256(root).hexdigest()


FINGERPRINT_WORDS = 6
_WORD_BITS = 11


def fingerprint_numbers(author: str) -> tuple[int, ...]:
    """The first 66 bits of a committee's name as six numbers from 1 to 2048: the places of its words."""
    bits = int(author, 16) >> (4 * len(author) - FINGERPRINT_WORDS * _WORD_BITS)
    places = range((FINGERPRINT_WORDS - 1) * _WORD_BITS, -1, -_WORD_BITS)
    return tuple((bits >> place) % 2**_WORD_BITS + 1 for place in places)


def fingerprint_words(author: str) -> tuple[str, ...]:
    """The same as six words, which people compare by voice: the English list of BIP 39, whose words are not alike."""
    return tuple(_word_list()[number - 1] for number in fingerprint_numbers(author))


@functools.cache
def _word_list() -> tuple[str, ...]:
    from mnemonic import Mnemonic

    words = tuple(Mnemonic("english").wordlist)
    assert len(words) == 2**_WORD_BITS
    return words


def name_of(public: bytes) -> str:
    """How a signing key is named on the wire."""
    return hashlib.sha256(public).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A root key's word that a signing key and an age recipient are its committee's. Times in seconds since 1970."""

    root: bytes
    signing: bytes
    recipient: str
    begins: int
    ends: int
    signature: bytes = b""

    @property
    def author(self) -> str:
        """Whose it is."""
        return author_of(self.root)

    @property
    def key(self) -> str:
        """The name of the signing key."""
        return name_of(self.signing)

    @property
    def covered(self) -> bytes:
        """What the root key signs."""
        return CERTIFICATE_DOMAIN + canonical(self._plain())

    def _plain(self) -> dict[str, Any]:
        return {
            "v": 1,
            "root": encoded(self.root),
            "signing": encoded(self.signing),
            "recipient": self.recipient,
            "begins": self.begins,
            "ends": self.ends,
        }

    def dump(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return {**self._plain(), "signature": encoded(self.signature)}

    @property
    def holds(self) -> bool:
        """Whether its root key has signed it, for no longer than a key may sign."""
        return 0 < self.ends - self.begins <= SIGNS_AT_MOST_SECONDS and verified(
            self.root, self.covered, self.signature
        )


def certify(root: SigningKey, signing: bytes, recipient: str, *, begins: int, ends: int) -> Certificate:
    """A certificate by a root key."""
    bare = Certificate(root=root.public, signing=signing, recipient=recipient, begins=begins, ends=ends)
    return replace(bare, signature=root.sign(bare.covered))


def load_certificate(read: Mapping[str, Any]) -> Certificate:
    """A certificate out of JSON. Raises Unsound where it is none, or its root key has not signed it."""
    texts = [read.get(name) for name in ("root", "signing", "recipient", "signature")]
    times = [read.get(name) for name in ("begins", "ends")]
    if read.get("v") != 1 or not all(isinstance(one, str) and len(one) < 200 for one in texts):
        raise Unsound("unsound")
    if not all(type(one) is int for one in times):
        raise Unsound("unsound")
    root, signing, recipient, signature = map(str, texts)
    found = Certificate(
        root=decoded(root),
        signing=decoded(signing),
        recipient=recipient,
        begins=int(times[0] or 0),
        ends=int(times[1] or 0),
        signature=decoded(signature),
    )
    if not found.holds:
        raise Unsound("forged")
    try:
        pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise Unsound("unsound") from error
    return found


def kept_certificate(read: Mapping[str, Any]) -> Certificate:
    """A certificate that was looked at when it came, out of one's own database."""
    return Certificate(
        root=decoded(read["root"]),
        signing=decoded(read["signing"]),
        recipient=read["recipient"],
        begins=read["begins"],
        ends=read["ends"],
        signature=decoded(read["signature"]),
    )


class Pinned:
    """The certificates of the committees of a federation, by author: who may have signed what, when."""

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self._by_key: dict[tuple[str, str], list[Certificate]] = {}
        self._newest: dict[str, Certificate] = {}
        for one in certificates:
            self._by_key.setdefault((one.author, one.key), []).append(one)
            newest = self._newest.get(one.author)
            if newest is None or one.begins > newest.begins:
                self._newest[one.author] = one

    def member(self, author: str) -> bool:
        """Whether there is a certificate of theirs."""
        return author in self._newest

    def certificates(self, author: str) -> list[Certificate]:
        """All of one committee's."""
        return [one for (whose, _), found in self._by_key.items() if whose == author for one in found]

    def verify(self, author: str, key: str, sent: int, words: bytes, signature: bytes) -> bool:
        """Whether a key that was theirs when it was sent has signed the words."""
        return any(
            one.begins <= sent <= one.ends and verified(one.signing, words, signature)
            for one in self._by_key.get((author, key), ())
        )

    def vouches(self, author: str, words: bytes, signature: bytes) -> bool:
        """Whether any key that is or was theirs has signed the words."""
        mine = (one for (whose, _), found in self._by_key.items() if whose == author for one in found)
        return any(verified(public, words, signature) for public in {one.signing for one in mine})

    def recipients(self, authors: Sequence[str]) -> list[str]:
        """To whom is sealed what is for these committees. Raises KeyError where one is not known."""
        return [self._newest[author].recipient for author in authors]


def new_identity() -> tuple[str, str]:
    """A new age identity (secret) and its recipient (public)."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def seal(words: bytes, recipients: Sequence[str]) -> bytes:
    """Sealed so that each of the recipients can open it."""
    return bytes(pyrage.encrypt(words, [pyrage.x25519.Recipient.from_str(one) for one in dict.fromkeys(recipients)]))


def open_(sealed: bytes, identities: Sequence[str]) -> bytes | None:
    """What was sealed; None: it is not for any of these identities, or was changed."""
    opened = io.BytesIO()
    try:
        # `pyrage.decrypt` reads the head anew for each of those to whom it is sealed: five times the work for thirty.
        pyrage.decrypt_io(io.BytesIO(sealed), opened, [pyrage.x25519.Identity.from_str(one) for one in identities])
    except pyrage.DecryptError:
        return None
    return opened.getvalue()
