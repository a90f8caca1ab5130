"""What an alert's card shows once it is over: its figures where the rest is deleted, and the way to how it went."""

from __future__ import annotations

from collections.abc import Sequence

from bot.chat import Button
from bot.domain.aftermath import Counts
from bot.router import Context, View
from bot.text import Minutes, N, T, Words
from storage import aftermath
from storage.alerts import Alert

Rows = tuple[tuple[Button, ...], ...]


def figures_words(found: Counts) -> list[Words]:
    """How many it reached, who came, and what of what it took was there. No names."""
    told: list[Words] = []
    if found.told:
        told.append(N("{n} was told in private.", "{n} were told in private.", found.told))
    if found.first_minutes is not None:
        told.append(T("The first answer came after {time}.", time=Minutes(found.first_minutes)))
    if found.coming:
        told.append(N("{n} said they come.", "{n} said they come.", found.coming))
    if found.arrived:
        told.append(N("{n} was there.", "{n} were there.", found.arrived))
    if found.needs:
        told.append(T("Needs met: {met} of {needs}", met=found.met, needs=found.needs))
    return told


async def card_end(view: View, alert: Alert) -> tuple[Sequence[Words] | None, Rows]:
    """Words that stand for what was said and done, where that is deleted (None: it is not); and buttons."""
    found = await aftermath.counts(view.tx, alert)
    if found is not None:
        return [T("What was said in it is deleted; figures are kept."), *figures_words(found)], ()
    return None, timeline_rows(view, alert)


def timeline_rows(context: Context | View, alert: Alert) -> Rows:
    """The way to its timeline."""
    says = context.commands.named("alert_timeline").says(number=alert.number)
    return ((Button(label=T("How it went"), says=says),),)
