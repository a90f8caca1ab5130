"""How offers and needs are told wherever they come up, on the board or beside somebody's hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.chat import Button
from bot.domain import board as rules
from bot.domain.board import OTHER
from bot.router import Context
from bot.text import LANGUAGES, N, T, Text, Typed, Words, lines, shown
from bot.text import Reader as For
from storage import board, notes
from storage.board import OWN, Posted
from storage.database import Reader
from storage.people import Member

NAMES: Mapping[str, Text] = {
    "repairs": T("Repairs"),
    "garden": T("Garden"),
    "childcare": T("Childcare"),
    "care": T("Company and care"),
    "transport": T("Lifts and moving"),
    "food": T("Cooking and baking"),
    "teaching": T("Lessons"),
    "languages": T("Translating"),
    "computers": T("Computers and phones"),
    "paperwork": T("Letters and offices"),
    "household": T("Household"),
    OTHER: T("Something else"),
}


async def called(tx: Reader, category: str) -> Text:
    """What a category is called."""
    if category.startswith(OWN):
        name = await notes.written(tx, f"category:{category.removeprefix(OWN)}")
        return T("{title}", title=name) if name is not None else NAMES[OTHER]
    return NAMES.get(category, NAMES[OTHER])


async def category_called(tx: Reader, committee_id: int, name: str) -> str | None:
    """The committee's category that is called so, in whatever language; None: there is none."""
    wanted = rules.plain(name)
    for category in await board.categories(tx, committee_id):
        name_ = await called(tx, category)
        if wanted in {category, *(rules.plain(shown(name_, For(language))) for language in LANGUAGES)}:
            return category
    return None


async def line(tx: Reader, post: Posted) -> Text:
    """Who offers or needs what, in its owner's words."""
    what = await notes.written(tx, post.thing) or T("(erased)")
    return (
        T("No. {number}: {name} offers {what}", number=post.number, name=post.name, what=what)
        if post.side == "offer"
        else T("No. {number}: {name} needs {what}", number=post.number, name=post.name, what=what)
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """Needs that somebody could help with, ready to be told in private."""

    words: Words
    buttons: tuple[tuple[Button, ...], ...]
    about: tuple[str, ...]
    """The things whose words these are; empty where only the kinds of help are named."""


async def needs_for(context: Context, member: Member, *, brief: bool = False) -> Asked | None:
    """What others need and this member offers, and how it is answered. None: nothing, or somebody speaks for them.

    `brief`: the kind of help instead of the words, for what may wait: words can be erased meanwhile.
    """
    take = context.commands.get("take")
    if take is None or member.helper_id is not None or context.spoken_by is not None:
        return None
    found = await board.fitting_needs(context.tx, context.committee, member, now=context.now)
    if not found:
        return None
    told: list[Words] = []
    for post in found:
        if brief:
            what = await called(context.tx, post.category)
            told.append(T("No. {number}: {name}, {category}", number=post.number, name=post.name, category=what))
        else:
            told.append(await line(context.tx, post))
    words = lines(
        N("Somebody needs what you offer:", "Others need what you offer:", len(found)),
        *told,
        T("If you can help, press the button or write {take}.", take=Typed("/take", str(found[0].number))),
    )
    buttons = tuple(
        Button(
            label=T("No. {number}: {what}", number=post.number, what=T("I can help")),
            says=take.says(number=post.number),
            only=member.id,
        )
        for post in found
    )
    return Asked(words, tuple((button,) for button in buttons), () if brief else tuple(post.thing for post in found))
