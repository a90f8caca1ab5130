"""Public keys of age, as custodians type them."""

from __future__ import annotations


class NotAKey(ValueError):
    """It is no public key of age."""


def recipient(text: str) -> str:
    """A public key in its proper form, `age1...`; its checksum finds slips. Raises NotAKey."""
    import pyrage

    try:
        return str(pyrage.x25519.Recipient.from_str(text.strip().lower()))
    except pyrage.RecipientError:
        raise NotAKey from None


def short(recipient: str) -> str:
    """Enough of a public key to compare: `age1ql3z…8p2x`."""
    return f"{recipient[:10]}…{recipient[-4:]}"
