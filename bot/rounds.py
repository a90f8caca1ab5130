"""How roles that go round are told, and who may take a seat of theirs, wherever they come up."""

from __future__ import annotations

from datetime import timedelta

from bot.domain import rotation
from bot.domain.offices import titled
from bot.domain.rounds import How
from bot.router import Context
from bot.text import N, Refusal, T, Text, Typed
from storage import rounds
from storage.rounds import Round
from storage.shifts import Shift

FREE_BEFORE = timedelta(days=7)
"""So long before a shift an empty seat of a role is there for whoever takes it first."""


def called(round_: Round) -> Text | str:
    """What the role is called."""
    return titled(round_.role or "") if round_.task is None else round_.task.called


def how_words(how: How) -> Text:
    """How the next one is found."""
    if how == "lot":
        return T("by lot")
    return T("whoever has had least of such work")


def term_words(round_: Round, turn: int) -> Text:
    """A term of a task, by its days."""
    first, last = round_.days_of(turn)
    if first == last:
        return T("{task}, {day}", task=called(round_), day=first)
    return T("{task}, {first} to {last}", task=called(round_), first=first, last=last)


def rule_words(round_: Round) -> Text:
    """How a role goes round, in a sentence."""
    time = round_.stretch.words
    often = T("For {time} at a time, not twice in a row.", time=time)
    if round_.most > 1:
        often = N(
            "For {time} at a time, at most {n} time in a row.",
            "For {time} at a time, at most {n} times in a row.",
            round_.most,
            time=time,
        )
    if not round_.pause:
        return often
    return N(
        "{often} After that, a pause of {n} term.",
        "{often} After that, a pause of {n} terms.",
        round_.pause,
        often=often,
    )


def rests(round_: Round, had: list[int], turn: int) -> int | None:
    """The next term that somebody who has had these may have, where they rest from this one; None: they may have it."""
    role = rotation.Role(task="", terms_max=round_.most, cooldown=round_.pause)
    past = [one for one in had if one < turn]
    if rotation.rested([*past, turn], role):
        return None
    return next(one for one in range(turn + 1, turn + 1000) if rotation.rested([*past, one], role))


async def may_take(context: Context, shift: Shift) -> None:
    """A seat of a role goes to whose turn it is; shortly before, to whoever takes it. Raises Refusal."""
    round_ = await rounds.of_task(context.tx, shift.task)
    if round_ is None:
        return
    before = context.now + timedelta(days=366)
    served = (await rounds.served(context.tx, [round_], before=before)).get(context.member.id, [])
    turn = round_.turn_on(shift.local.date())
    had = [one for _, one in served]
    if turn in had:
        return
    following = rests(round_, had, turn)
    if following is not None:
        raise Refusal(
            T(
                "You have had it as often in a row as you have all decided. From {day} it can be you again.",
                day=round_.days_of(following)[0],
            ),
            private=True,
        )
    if shift.at - context.now > FREE_BEFORE:
        raise Refusal(
            T("This goes round: I ask whose turn it is in time. {roles} shows who has it.", roles=Typed("/roles")),
            private=True,
        )
