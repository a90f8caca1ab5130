"""How kinds of tasks are told wherever they come up: beside an exchange, in a rota."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.chat import Button
from bot.domain import board as rules
from bot.domain.effort import TaskClass
from bot.posts import NAMES as CATEGORY_NAMES
from bot.router import Commands
from bot.text import LANGUAGES, Reader, T, Text, shown
from storage import tasks
from storage.database import Reader as Reads
from storage.tasks import TaskKind

CLASS_NAMES: Mapping[TaskClass, Text] = {
    "pleasant": T("pleasant"),
    "moderate": T("moderate"),
    "unpleasant": T("unpleasant"),
}


def called(kind: TaskKind) -> Text:
    """What a kind of task is called."""
    if kind.words is not None:
        return T("{title}", title=kind.words)
    return CATEGORY_NAMES.get(kind.category or "", T("(erased)"))


async def named(tx: Reads, committee_id: int, name: str) -> list[TaskKind]:
    """The kinds of tasks that a name means: by the whole name in whatever language, or by how its words begin."""
    there = [
        (kind, {rules.plain(shown(called(kind), Reader(language))) for language in LANGUAGES})
        for kind in await tasks.kinds(tx, committee_id)
    ]
    exact = [kind for kind, names in there if rules.plain(name) in names]
    if exact or not any(letter.isalpha() for letter in name):
        return exact
    return [kind for kind, names in there if any(rules.found_by(name, one) for one in names)]


def counts_as(kind: TaskKind) -> Text:
    """As what an exchange of this kind counts."""
    return T("Kind of task: {kind} ({level})", kind=called(kind), level=CLASS_NAMES[kind.task_class])


@dataclass(frozen=True, slots=True)
class Told:
    """What stands on an exchange's card about its kind: words, if it is known, and a button to say it."""

    words: Text | None = None
    buttons: tuple[Button, ...] = ()


async def of_exchange(tx: Reads, commands: Commands, committee_id: int, transfer_id: int, number: int) -> Told:
    """Of which kind a recorded exchange is; nothing where hours do not count by effort."""
    found = await tasks.classed(tx, transfer_id)
    if found is None:
        return Told()
    words = None
    if found.kind is not None:
        words = T("Kind of task: {kind} ({level})", kind=called(found.kind), level=CLASS_NAMES[found.task_class])
    weigh = commands.get("weigh")
    if weigh is None or not await tasks.kinds(tx, committee_id):
        return Told(words)
    return Told(words, (Button(label=T("Kind of task"), says=weigh.says(number=number)),))
