"""A command said step by step: what it lacks is asked for, with buttons, and what comes of it is shown first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.chat import Button, Card, Reply, Saying
from bot.router import SKIPPED, Command, Context, Parameter
from bot.text import Bold, Refusal, T, Text, Typed, Words, lines
from storage import dialogues
from storage.people import Member

QUESTION_EXPIRES_AFTER = timedelta(hours=1)
"""What is asked back waits so long for an answer."""
CHOICES_PER_PAGE = 6
CANCEL = T("Cancel")
MENU = Button(label=T("Menu"), says=Saying(command="menu"))


def answer_button(
    label: Text | str, says: Saying, member: Member | None, question: str, *, once: bool = True
) -> Button:
    """One of the answers to a question that is asked back: only for whoever is asked, and only one of them."""
    assert member is not None, "only members are asked back"
    return Button(
        label=label,
        says=says,
        only=member.id,
        once=once,
        question=question,
        expires=QUESTION_EXPIRES_AFTER,
        committee=member.committee_id,
    )


def with_answer(says: Saying, name: str, value: Any) -> Saying:
    """The command so far with one more argument, as JSON."""
    return replace(says, arguments={**says.arguments, name: value})


def steps(command: Command) -> bool:
    """Whether a button for the command begins a question, or does at once what it says."""
    asked = command.confirm is not None or command.proposal is not None
    return asked or command.lacks(command.says()) or bool(command.asks)


async def ask(context: Context, says: Saying, *, page: int, yes: Command, no: Saying) -> Reply | Card | None:
    """Ask for what is missing; where nothing is, show what will happen, and ask whether it should.

    `yes` carries the whole command out; what needs no such question is said at once.
    """
    command, given = await context.commands.load(says, context.tx, context.of_committee, partly=True)
    question = context.tx.token()
    missing = command.next_missing(says.arguments)
    while missing is not None:
        asks = command.asks.get(missing.name)
        words = None if asks is None else asks.question
        if asks is not None and asks.words is not None:
            words = await asks.words(context, given)
        if asks is None or words is not None:
            return await _question(context, command, says, missing, question, words=words, page=page, no=no)
        says = with_answer(says, missing.name, SKIPPED)
        missing = command.next_missing(says.arguments)
    await dialogues.close(context.tx, context.member.id)
    whole = replace(says, arguments={name: value for name, value in says.arguments.items() if value != SKIPPED})
    result = await _result(context, command, given)
    if result is None:
        return await carry_out(context, whole)
    # What cannot be done anyway is refused now.
    await context.would(whole, authority=context.authority)
    return Reply(
        result,
        buttons=(
            (
                answer_button(T("Yes"), yes.says(carried=whole), context.member, question),
                answer_button(T("No"), no, context.member, question),
            ),
        ),
        private=True,
    )


async def carry_out(context: Context, whole: Saying) -> Reply | Card | None:
    """Say the whole command. The way on is the menu, where the answer shows no other."""
    answer = await context.say(whole, authority=context.authority)
    if isinstance(answer, Reply) and not answer.buttons:
        return replace(answer, buttons=((MENU,),))
    return answer or Reply(T("Done."), buttons=((MENU,),), private=True)


async def _result(context: Context, command: Command, given: dict[str, Any]) -> Words | None:
    if command.confirm is not None:
        return await command.confirm(context, **given)
    if command.proposal is not None:
        return lines(command.proposal(**given), T("Shall I propose that?"))
    return None


async def _question(
    context: Context,
    command: Command,
    says: Saying,
    missing: Parameter,
    question: str,
    *,
    words: Text | None,
    page: int,
    no: Saying,
) -> Reply:
    asks, member = command.asks.get(missing.name), context.member
    if asks is not None and asks.choices is not None:
        choices = await asks.choices(context)
        if not choices:
            raise Refusal(asks.none, private=True)
    else:
        choices = await missing.kind.choices(context.tx, member)
    await dialogues.ask(context.tx, member.id, says, missing.name, expires_at=context.now + QUESTION_EXPIRES_AFTER)
    begin = (page - 1) * CHOICES_PER_PAGE
    shown = choices[begin : begin + CHOICES_PER_PAGE]
    ask_ = context.commands.get(context.commands.ask)
    assert ask_ is not None

    def to(label: Text | str, said: Saying) -> Button:
        return answer_button(label, said, member, question)

    buttons = [
        to(label, ask_.says(carried=with_answer(says, missing.name, missing.kind.dump(value))))
        for label, value in shown
    ]
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    last = []
    if len(choices) > begin + CHOICES_PER_PAGE:
        last.append(to(T("More"), ask_.says(carried=says, page=page + 1)))
    if not missing.required:
        label, others = (asks.instead if asks is not None else None) or (T("Skip"), {})
        left_out = replace(says, arguments={**says.arguments, missing.name: SKIPPED, **others})
        last.append(to(label, ask_.says(carried=left_out)))
    last.append(to(CANCEL, no))
    title = command.label or command.title
    heading = T("{title}", title=Bold(title)) if title else T("{command}", command=Typed(f"/{command.name}"))
    return Reply(lines(heading, words or missing.kind.question), buttons=(*rows, tuple(last)), private=True)
