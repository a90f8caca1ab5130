"""What buttons say when they are pressed. A button carries a short token; what it stands for is kept here."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.chat import Button, Key, Link, Saying
from bot.domain import retention
from bot.domain.chain import canonical
from bot.text import Reader as For
from bot.text import label
from storage.database import Reader, Transaction
from storage.instants import to_us

EXPIRES_AFTER = retention.BUTTONS
"""A button that names no end lasts this long after it was last shown."""

_STANDING = "~"
"""A command without arguments, which anybody with its authority may say, needs no row: `~balance`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a token stands for."""

    token: str
    says: Saying
    committee: int | None
    only: int | None
    expired: bool
    used: bool


async def keys(
    tx: Transaction,
    rows: Sequence[Sequence[Button | Link]],
    *,
    reader: For,
    committee: int | None,
    now: datetime,
) -> tuple[tuple[Key, ...], ...]:
    """Give each button its token and show its label in the reader's language."""
    return tuple([tuple([await _key(tx, button, reader, committee, now) for button in row]) for row in rows])


async def _key(tx: Transaction, button: Button | Link, reader: For, committee: int | None, now: datetime) -> Key:
    words = button.label if isinstance(button.label, str) else label(button.label, reader)
    if isinstance(button, Link):
        token = await _token(tx, Button(label="", says=button.says), committee, now, standing=False)
        return Key(label=words, token=token, link=True)
    return Key(label=words, token=await _token(tx, button, committee, now, standing=True))


async def _token(tx: Transaction, button: Button, committee: int | None, now: datetime, *, standing: bool) -> str:
    says = button.says
    committee = button.committee or committee
    plain = not says.arguments and says.version == 1 and button.only is None and not button.once
    if standing and plain and button.expires is None and button.committee is None:
        return _STANDING + says.command
    arguments = canonical(says.arguments)
    # The same button shown again (a card that is edited) has the same token: a press that crosses the edit counts.
    # Nobody can guess it without the secret of this database.
    print_ = canonical(
        {
            "c": says.command,
            "v": says.version,
            "a": arguments,
            "g": committee,
            "o": button.only,
            "q": button.question,
        }
    )
    digest = hmac.digest(await _secret(tx), print_.encode(), "sha256")
    token = base64.b32encode(digest[:10]).decode().lower()
    await tx.execute(
        """INSERT INTO buttons (token, command, version, arguments, committee_id, member_id, expires_us, once, question)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (token) DO UPDATE SET expires_us = max(expires_us, excluded.expires_us)""",
        token,
        says.command,
        says.version,
        arguments,
        committee,
        button.only,
        to_us(now + (button.expires or EXPIRES_AFTER)),
        int(button.once),
        button.question,
    )
    return token


async def _secret(tx: Transaction) -> bytes:
    rows = await tx.all("SELECT value FROM meta WHERE name = 'button_secret'")
    if rows:
        return bytes(rows[0][0])
    secret = (tx.token() + tx.token()).encode()
    await tx.execute("INSERT INTO meta (name, value) VALUES ('button_secret', ?)", secret)
    return secret


def standing(token: str) -> Kept | None:
    """What a token without a row stands for."""
    if not token.startswith(_STANDING):
        return None
    says = Saying(command=token.removeprefix(_STANDING))
    return Kept(token=token, says=says, committee=None, only=None, expired=False, used=False)


async def kept(tx: Reader, token: str, *, now: datetime) -> Kept | None:
    """What a token stands for; None: no such button (any more)."""
    if found := standing(token):
        return found
    row = await tx.one(
        "SELECT command, version, arguments, committee_id, member_id, expires_us, used_us FROM buttons WHERE token = ?",
        token,
    )
    if row is None:
        return None
    command, version, arguments, committee, only, expires_us, used_us = row
    return Kept(
        token=token,
        says=Saying(command=command, version=version, arguments=json.loads(arguments)),
        committee=committee,
        only=only,
        expired=expires_us < to_us(now),
        used=used_us is not None,
    )


async def use(tx: Transaction, token: str, *, now: datetime) -> None:
    """A button that works once has been used, and with it the others of its question. What they carried goes."""
    await tx.execute(
        """UPDATE buttons SET used_us = ?1, arguments = '{}' WHERE once = 1 AND (token = ?2
               OR question = (SELECT question FROM buttons WHERE token = ?2))""",
        to_us(now),
        token,
    )


async def lay_out(tx: Transaction, chat_id: int, message: str, rows: Sequence[Sequence[Key]], *, now: datetime) -> None:
    """Remember which number stands for which button of a message, in place of what it showed before."""
    await tx.execute("DELETE FROM keyboards WHERE chat_id = ? AND message = ?", chat_id, message)
    for number, key in enumerate((key for row in rows for key in row), start=1):
        await tx.execute(
            "INSERT INTO keyboards (chat_id, message, number, token, link, at_us) VALUES (?, ?, ?, ?, ?, ?)",
            chat_id,
            message,
            number,
            key.token,
            int(key.link),
            to_us(now),
        )


async def numbered(tx: Reader, chat_id: int, message: str, number: int) -> tuple[str, bool] | None:
    """The token of a message's button with this number, and whether it leads to the private chat."""
    row = await tx.one(
        "SELECT token, link FROM keyboards WHERE chat_id = ? AND message = ? AND number = ?", chat_id, message, number
    )
    return (row[0], bool(row[1])) if row else None


async def forget_questions(tx: Transaction, members: Collection[int]) -> None:
    """Forget what these members were asked back and have not answered: it carries their words."""
    for member in members:
        await tx.execute("DELETE FROM buttons WHERE member_id = ? AND question IS NOT NULL", member)
        await tx.execute("DELETE FROM dialogues WHERE member_id = ?", member)


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget questions that nobody answered in time, and buttons that have expired a good while ago."""
    await tx.execute("DELETE FROM buttons WHERE question IS NOT NULL AND expires_us < ?", to_us(now))
    await tx.execute("DELETE FROM dialogues WHERE expires_us < ?", to_us(now))
    await tx.execute("DELETE FROM buttons WHERE expires_us < ?", to_us(now - EXPIRES_AFTER))
    await tx.execute("DELETE FROM keyboards WHERE at_us < ?", to_us(now - 2 * EXPIRES_AFTER))
