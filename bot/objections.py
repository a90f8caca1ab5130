"""How objections are told and counted, wherever a poll is shown or closed."""

from __future__ import annotations

from bot.domain import objections as rule
from bot.polls import named
from bot.router import Context, View
from bot.text import N, T, Text, Words
from storage import objections, polls
from storage.objections import Objection
from storage.polls import Poll


def is_about(poll: Poll) -> bool:
    """Whether objections can be raised in a poll."""
    return any(choice.objects for choice in poll.rule.choices)


async def standing(context: Context | View, poll: Poll) -> int | None:
    """How many objections stand; None: the poll knows none."""
    if not is_about(poll):
        return None
    return rule.standing([one.facts for one in await objections.of_poll(context.tx, poll)], poll.rule)


async def open_ended(context: Context, poll: Poll) -> bool:
    """Whether an objection could still come to stand, or not, without anybody else voting."""
    return rule.open_ended([one.facts for one in await objections.of_poll(context.tx, poll)], poll.rule)


async def awaited(context: Context, poll: Poll) -> bool:
    """Whether somebody who has objected just now may still say why."""
    return rule.awaited([one.facts for one in await objections.of_poll(context.tx, poll)], now=context.now)


async def reason_missing(context: Context, poll: Poll) -> bool:
    """Whether whoever says this has objected and not said why yet."""
    mine = await objections.raised_by(context.tx, poll, context.member.id)
    return mine is not None and not mine.facts.reasoned


async def whose(context: Context | View, one: Objection, poll: Poll) -> Text:
    """Who has raised it: by name where the poll shows names."""
    member_id = objections.member_id(one, poll)
    return T("somebody") if member_id is None else await named(context, context.committee, member_id)


async def card_lines(view: Context | View, poll: Poll) -> list[Words]:
    """What a poll's card says of its objections, and of those that its earlier round had."""
    told: list[Words] = []
    if poll.earlier_id is not None:
        earlier = await polls.get(view.tx, view.committee.id, poll.earlier_id)
        if earlier is not None:
            for one in await objections.of_poll(view.tx, earlier):
                if one.facts.state == "answered" and one.facts.reasoned:
                    who = await whose(view, one, earlier)
                    told.append(T("It answers an objection ({name}): {reason}", name=who, reason=reason(one)))
    if not is_about(poll):
        return told
    found = [one for one in await objections.of_poll(view.tx, poll) if one.facts.state == "raised"]
    stand = [one for one in found if rule.how_it_stands(one.facts, poll.rule) == "stands"]
    if stand:
        told.append(N("{n} objection stands:", "{n} objections stand:", len(stand)))
        told += [await _line(view, one, poll) for one in stand]
    closed = poll.state not in ("open", "counting")
    for one in found:
        who = await whose(view, one, poll)
        match rule.how_it_stands(one.facts, poll.rule):
            case "unreasoned" if closed:
                told.append(T("An objection without a reason does not count ({name}).", name=who))
            case "unreasoned":
                told.append(T("An objection still needs its reason ({name}).", name=who))
            case "unseconded" if closed:
                told.append(T("An objection that nobody seconded does not count:"))
                told.append(await _line(view, one, poll))
            case "unseconded":
                told.append(T("An objection still needs somebody who seconds it:"))
                told.append(await _line(view, one, poll))
            case _:
                pass
    return told


async def _line(view: Context | View, one: Objection, poll: Poll) -> Text:
    return T("({name}) {reason}", name=await whose(view, one, poll), reason=reason(one))


def reason(one: Objection) -> Text:
    """Why somebody objects; where that is erased, what stands for it."""
    return T("{words}", words=one.reason or T("(erased)"))
