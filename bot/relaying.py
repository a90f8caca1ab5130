"""What an alert's card says of linked committees, and whether they may be asked; for the areas that need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.alerts import NEEDS
from bot.domain.alarm import PEOPLE
from bot.router import Context, View
from bot.text import Listed, N, T, Words
from storage import linked_alerts
from storage.alerts import Alert

SHOWN_MAX = 8
"""So many committees have a line of their own on a card."""
GOT_AFTER = timedelta(minutes=1)
"""Then it is told which of them has not got that it is over."""


async def may_ask(context: Context, alert: Alert) -> bool:
    """Whether its rings lead to linked committees: there are some, and the committee sends them this kind."""
    tx, committee = context.tx, context.committee
    if alert.exercise or not await linked_alerts.others(tx, committee.id):
        return False
    return await linked_alerts.sends(tx, committee.id, alert.kind)


async def words(view: Context | View, alert: Alert) -> Sequence[Words]:
    """How many were asked, and what each brings; in figures."""
    there = await linked_alerts.tallies(view.tx, alert.id)
    asked = sum(one.asked for one in there)
    told: list[Words] = []
    if asked:
        told.append(N("{n} linked committee is asked.", "{n} linked committees are asked.", asked))
    for one in _bringing(there):
        what = _counted(one.counts)
        # The one whose alert it is tells what there is already, of theirs and of all others.
        told.append(
            T("From {committee}: {what}", committee=one.name, what=what)
            if one.asked
            else T("Already coming from elsewhere: {what}", what=what)
        )
    return told


async def over_words(view: Context | View, alert: Alert) -> Sequence[Words]:
    """What each brought; and who has not got the message that it is over."""
    there = await linked_alerts.tallies(view.tx, alert.id)
    told: list[Words] = [
        T("From {committee}: {what}", committee=one.name, what=_counted(one.counts))
        for one in _bringing(there)
        if one.asked
    ]
    late = alert.over_at is not None and view.now >= alert.over_at + GOT_AFTER
    lacking = [one.name for one in there if one.asked and not one.got]
    if late and lacking:
        told.append(
            N(
                "{n} linked committee has not got the stand-down: {names}",
                "{n} linked committees have not got the stand-down: {names}",
                len(lacking),
                names=Listed(tuple(lacking[:SHOWN_MAX])),
            )
        )
    return told


async def score_words(view: View, alert_id: int) -> Sequence[Words]:
    """Of a drill: how many committees were asked, and from how many people would have come."""
    asked = [one for one in await linked_alerts.tallies(view.tx, alert_id) if one.asked]
    if not asked:
        return ()
    came = sum(bool(one.counts) for one in asked)
    return (T("Linked committees: {asked} asked, people would have come from {came}.", asked=len(asked), came=came),)


def _bringing(there: Sequence[linked_alerts.Brings]) -> Sequence[linked_alerts.Brings]:
    """Those who bring most first."""
    some = [one for one in there if one.counts]
    return sorted(some, key=lambda one: (-sum(one.counts.values()), one.name))[:SHOWN_MAX]


def _counted(counts: Mapping[str, int]) -> Listed:
    told = [N("{n} person", "{n} people", counts[PEOPLE])] if counts.get(PEOPLE) else []
    told += [
        T("{what} {n}", what=label, n=counts[what])
        for what, label in NEEDS.items()
        if what != PEOPLE and counts.get(what)
    ]
    return Listed(tuple(told))
