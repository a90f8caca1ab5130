"""How what came of a poll is told, wherever that is."""

from __future__ import annotations

from bot import decisions
from bot.domain import offices
from bot.polls import named
from bot.router import Context, View
from bot.text import Day, Listed, T, Text, Words
from storage import elections, outcomes, polls
from storage.outcomes import Outcome, Task
from storage.polls import Poll


async def card_lines(view: Context | View, poll: Poll) -> list[Words]:
    """What a closed poll's card says of what came of it."""
    found = await outcomes.of_poll(view.tx, poll.id)
    if found is None:
        return []
    told: list[Words] = []
    if found.member_id is not None:
        told.append(T("What came of it: {words}", words=words_of(found)))
        told += await task_lines(view, poll)
    return [*told, *standing_lines(found)]


def words_of(found: Outcome) -> Text:
    """What somebody put down; where it is erased, what stands for it."""
    return T("{words}", words=found.words or T("(erased)"))


async def task_lines(view: Context | View, poll: Poll) -> list[Words]:
    """Who does what by when."""
    return [
        await task_line(view, one, number)
        for number, one in enumerate(await outcomes.tasks_of(view.tx, poll.id), start=1)
    ]


async def task_line(view: Context | View, one: Task, number: int) -> Text:
    """One of them."""
    name = await named(view, view.committee, one.member_id)
    what = T("{words}", words=one.words or T("(erased)"))
    if one.state == "done":
        return T("{n}. {name}: {what} (done)", n=number, name=name, what=what)
    return T("{n}. {name}: {what}, by {when}", n=number, name=name, what=what, when=one.by)


def standing_lines(found: Outcome) -> list[Words]:
    """How long it holds, and when it is looked at again."""
    match found.state:
        case "lapsed":
            return [T("Lapsed on {day}.", day=Day(found.over_at))] if found.over_at else []
        case "dropped":
            return [T("Dropped on {day}, after a review.", day=Day(found.over_at))] if found.over_at else []
        case "none":
            return []
        case _:
            told: list[Words] = []
            if found.review_at is not None:
                told.append(T("On {day} I ask whether it worked.", day=Day(found.review_at)))
            if found.lapse_at is not None:
                told.append(T("It lapses on {day}, unless it is renewed.", day=Day(found.lapse_at)))
            return told


async def what_it_did(view: Context | View, poll: Poll) -> Text | None:
    """What a poll did in the committee's name; None: nothing."""
    if poll.says is None or poll.verdict != "passed":
        return None
    return await decisions.described(view.tx, view.committee, view.commands, poll.says)


async def about_words(view: Context | View, poll: Poll) -> tuple[Poll, str] | None:
    """The poll that a review or a renewal is about, and which of them it is."""
    about = await outcomes.about(view.tx, poll.id)
    of = None if about is None else await polls.get(view.tx, view.committee.id, about[0])
    return None if about is None or of is None else (of, about[1])


async def election_lines(view: Context | View, poll: Poll) -> list[Words]:
    """What an election gives to whoever is chosen, and who has said whether they stand."""
    role = await elections.role_of(view.tx, poll.id)
    if role is None:
        return []
    told: list[Words] = [T("Whoever is chosen gets the role “{role}”.", role=offices.titled(role))]
    there = await elections.candidates(view.tx, poll.id)
    for stands, words in (
        (True, T("They stand: {names}.", names=await _names(view, there, True))),
        (None, T("Asked whether they stand: {names}.", names=await _names(view, there, None))),
        (False, T("They do not stand: {names}.", names=await _names(view, there, False))),
    ):
        if any(one.stands is stands for one in there):
            told.append(words)
    return told


async def _names(view: Context | View, there: list[elections.Candidate], stands: bool | None) -> Listed:
    found = [await named(view, view.committee, one.member_id) for one in there if one.stands is stands]
    return Listed(tuple(found))
