"""What was decided, in the committee's log: the command, with what people worded kept beside the books, erasable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.chat import Saying
from bot.router import Commands, Context, Telling
from bot.text import Refusal, T, Text, Typed
from storage import entries, notes
from storage.database import Transaction
from storage.people import Committee


async def put_down(context: Context, says: Saying, how: Mapping[str, Any]) -> None:
    """Write down what was decided and `how` (ids and figures), with what it was decided about: words as hashes."""
    command = context.commands.get(says.command)
    plain, words = command.booked(says) if command is not None else ({}, {})
    number = await entries.next_number(context.tx, context.committee)
    veils = {
        name: await notes.keep(context.tx, _words_of(context.committee, number, name), text)
        for name, text in words.items()
    }
    body = {"command": says.command, "version": says.version, "arguments": plain, **how}
    body |= {"words": veils} if veils else {}
    await entries.append(context.tx, context.committee, "decision", body, now=context.now)


def _words_of(committee: Committee, number: int, name: str) -> str:
    return f"decision:{committee.id}:{number}:{name}"


def body_of(written: str) -> dict[str, Any]:
    """What an entry's body says."""
    found: dict[str, Any] = json.loads(written)
    return found


async def told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What an entry says was decided. Words that were erased since are told as such."""
    arguments = dict(body.get("arguments", {}))
    erased = False
    for name in body.get("words", {}):
        text = await notes.of(telling.tx, _words_of(telling.committee, telling.number, name))
        arguments[name], erased = text or "…", erased or text is None
    says = Saying(command=body["command"], version=body.get("version", 1), arguments=arguments)
    try:
        command, values = await telling.commands.recall(says, telling.tx, telling.committee)
    except Refusal:
        return T("{command}", command=Typed(f"/{says.command}"))
    assert command.proposal is not None
    what = command.proposal(**values)
    return T("{what} (The words were erased.)", what=what) if erased else what


async def described(tx: Transaction, committee: Committee, commands: Commands, says: Saying) -> Text:
    """What a command would do, as a sentence."""
    try:
        command, arguments = await commands.load(says, tx, committee)
    except Refusal:
        return T("something that does not exist any more")
    assert command.proposal is not None
    return command.proposal(**arguments)
