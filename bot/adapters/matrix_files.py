"""Files in rooms: uploaded and fetched, sealed where the room is encrypted.

https://spec.matrix.org/latest/client-server-api/#sending-encrypted-attachments
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from nio.crypto.attachments import decrypt_attachment, encrypt_attachment
from nio.exceptions import EncryptionError

from bot.adapters.matrix_api import Api
from bot.chat import DOCUMENT_CHARACTERS_MAX, Document, Picture, text_document

Json = dict[str, Any]

BYTES_MAX = 4 * DOCUMENT_CHARACTERS_MAX
_MEDIA = re.compile(r"mxc://([^/?#\s]{1,255})/([A-Za-z0-9_-]{1,255})")
_TEXT = "text/plain"
_PICTURE = "image/png"


async def upload(api: Api, document: Document | Picture, *, encrypted: bool) -> Json:
    """The content of a message that holds the file. Raises ApiProblem or Unreachable."""
    data = document.content
    kind = _PICTURE if isinstance(document, Picture) else _TEXT
    content: Json = {
        "msgtype": "m.image" if kind is _PICTURE else "m.file",
        "body": document.name,
        "filename": document.name,
        "info": {"mimetype": kind, "size": len(data)},
    }
    if encrypted:
        data, sealed = encrypt_attachment(data)
        # The homeserver is told neither the name nor the kind.
        content["file"] = {**sealed, "url": await api.upload(data, "application/octet-stream")}
    else:
        content["url"] = await api.upload(data, kind, name=document.name)
    return content


async def download(api: Api, content: Json) -> Document | None:
    """The text of the file that a message holds; None: it is too large, no text, or nobody can open it.

    Raises ApiProblem or Unreachable.
    """
    sealed = content.get("file")
    address = sealed.get("url") if isinstance(sealed, dict) else content.get("url")
    found = _MEDIA.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        return None
    where = f"/_matrix/client/v1/media/download/{quote(found[1], safe='')}/{found[2]}"
    data = await api.download(where, BYTES_MAX)
    if data is not None and isinstance(sealed, dict):
        try:
            data = decrypt_attachment(data, sealed["key"]["k"], sealed["hashes"]["sha256"], sealed["iv"])
        except (EncryptionError, KeyError, TypeError, ValueError):
            return None
    name = content.get("filename") or content.get("body")
    return text_document(name if isinstance(name, str) else "", data) if data is not None else None


def holds_file(content: Json) -> bool:
    """Whether a message is a file."""
    return content.get("msgtype") == "m.file"
