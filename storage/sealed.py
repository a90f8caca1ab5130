"""Whether what is written down here can be read by whoever takes the disk."""

from __future__ import annotations

from storage.database import Reader


async def is_encrypted(tx: Reader) -> bool:
    """Whether the database is encrypted. Where it is not, some things about people are not written down at all."""
    return tx.encrypted
