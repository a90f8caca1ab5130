"""Objections: saying why, standing behind one, withdrawing it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot import objections as words
from bot.arguments import Note, Number, Reference
from bot.chat import Button, Card, Reply, Shown
from bot.domain import objections as rule
from bot.domain.processes import Choice
from bot.objections import reason, whose
from bot.polls import after_vote, found, may_vote, named, question, take_back
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import ballots, entries, notes, objections, people, polls
from storage.objections import Objection
from storage.polls import Poll

router = Router("objections", under="polls")

REASON_LEAST = 8
"""A reason has some words; "no" is none."""


def _example(poll: Poll) -> Typed:
    return Typed(f"/object {poll.number}", T("it would …"))


# --- raising -----------------------------------------------------------------------------------------------------


@router.command("objection_follow", allow=Authority.CLOCK, typed=False, help=T("Objections follow the ballots."))
async def objection_follow(context: Context, *, poll: Reference) -> None:
    """A ballot has changed: whoever objects now is asked why, and whoever does not any more has withdrawn it."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "open" or not words.is_about(there):
        return
    raised, withdrawn = await objections.follow(context.tx, there, now=context.now)
    for one in withdrawn:
        if one.facts.reasoned:
            await _note_down(context, one, there, {"withdrawn": True})
            await context.announce(
                T(
                    "Poll {number}: {name} withdraws the objection.",
                    number=there.number,
                    name=await whose(context, one, there),
                )
            )
    for one in raised:
        await _ask_why(context, one, there)


async def _note_down(context: Context, one: Objection, poll: Poll, what: Mapping[str, Any]) -> None:
    """In the log, with who has raised it where the poll shows names."""
    by = objections.member_id(one, poll)
    body = {"poll": poll.number, "objection": one.id, **what, **({} if by is None else {"member": by})}
    await entries.append(context.tx, context.committee, "objection", body, now=context.now)


async def _ask_why(context: Context, one: Objection, poll: Poll) -> None:
    by = objections.member_id(one, poll)
    if (
        by is None
        and context.of_member is not None
        and await objections.is_whose(context.tx, one, poll, context.member.id)
    ):
        by = context.member.id
    member = None if by is None else await people.member(context.tx, context.committee.id, by)
    if member is None:
        return
    await context.tell(
        member,
        lines(
            T("You object in poll {number}: {what}", number=poll.number, what=await question(context, poll)),
            T(
                "What harm would it do? Until you say why, it does not count; you have a day: {command}",
                command=_example(poll),
            ),
        ),
        buttons=((Button(label=T("Say why"), says=object_.says(number=poll.number)),),),
    )


@router.command(
    "object",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Object in a poll, and say why: what harm it would do."),
    sample=("12", T("it would …")),
    asks={"note": Asks(T("What harm would it do? Write it in a sentence or two."))},
)
async def object_(context: Context, *, number: Number, note: Note) -> Reply | Card:
    """The reason for an objection, which all may read; where there is none yet, it is raised by that."""
    there = await found(context, number)
    await may_vote(context, there, context.member)
    objecting = _objecting(there)
    if there.secrecy == "hidden" and not context.in_private:
        raise Refusal(
            T("In poll {number} nobody sees who says what. Say that to me in private.", number=number), private=True
        )
    if len(note.strip()) < REASON_LEAST:
        raise Refusal(T("Say in a sentence what harm it would do: {command}", command=_example(there)))
    ballot = await ballots.of(context.tx, there, context.member.id)
    if ballot is None or ballot.choice not in [place for place, _ in objecting]:
        # As any vote, but nobody need be asked why: that is here.
        await ballots.cast(context.tx, there, context.member.id, objecting[0][0])
        await objections.follow(context.tx, there, now=context.now)
    one = await objections.raised_by(context.tx, there, context.member.id)
    assert one is not None, "it follows the ballot"
    hashed = await objections.give_reason(context.tx, one, there, note.strip(), now=context.now)
    await _note_down(context, one, there, {"reason": hashed})
    await after_vote(context, there)
    card = Card("objection", one.id)
    if not context.in_private:
        return card
    await context.show(card)
    return Reply(
        T("Thank you. The group sees your reason, and can answer it. If it is answered, withdraw it on its card.")
        if there.secrecy == "open"
        else T("Thank you. The group sees your reason without your name. If it is answered, vote otherwise."),
        private=True,
        about=(one.thing,),
    )


def _objecting(poll: Poll) -> list[tuple[int, Choice]]:
    """The options by which one objects. Raises Refusal where there are none."""
    known = [
        (one.place, choice)
        for one in poll.standing
        if (choice := poll.rule.choice(one.key)) is not None and choice.objects
    ]
    if not known:
        raise Refusal(
            T(
                "In poll {number} there are no objections: its options are on its card. {poll} shows it.",
                number=poll.number,
                poll=Typed(f"/poll {poll.number}"),
            )
        )
    return known


# --- its life ----------------------------------------------------------------------------------------------------


async def _open(context: Context, ref: int) -> tuple[Objection, Poll]:
    there = await objections.get(context.tx, context.committee.id, ref)
    if there is None:
        raise Refusal(T("That objection is not there any more."), private=True)
    one, poll = there
    await may_vote(context, poll, context.member)
    if one.facts.state != "raised":
        raise Refusal(T("That objection is over: its card says what became of it."), private=True)
    return one, poll


@router.command("objection_withdraw", allow=Authority.MEMBER, typed=False, help=T("Withdraw your objection."))
async def objection_withdraw(context: Context, *, objection: Reference) -> Reply:
    """Whoever raised it takes it back, and with it the vote, which is then open again."""
    one, poll = await _open(context, objection)
    if not await objections.is_whose(context.tx, one, poll, context.member.id):
        raise Refusal(T("Only whoever raised the objection can withdraw it."), private=True)
    await take_back(context, poll)
    return Reply(
        T("Withdrawn. Now vote otherwise: {poll}", poll=Typed(f"/poll {poll.number}")),
        private=True,
    )


@router.command("objection_second", allow=Authority.MEMBER, typed=False, help=T("Stand behind an objection."))
async def objection_second(context: Context, *, objection: Reference) -> Reply:
    """Somebody else sees the same harm; pressed again, not any more."""
    one, poll = await _open(context, objection)
    if await objections.is_whose(context.tx, one, poll, context.member.id):
        raise Refusal(T("It is your own objection. Somebody else has to stand behind it."), private=True)
    if await objections.second(context.tx, one, poll, context.member.id):
        return Reply(T("You stand behind this objection. Press again if not any more."), private=True)
    return Reply(T("You do not stand behind this objection any more."), private=True)


@router.command(
    "objections_answered", allow=Authority.CLOCK, typed=False, help=T("A later round of a poll answers objections.")
)
async def objections_answered(context: Context, *, poll: Reference) -> None:
    """A changed text goes on in a new round: whoever objected is asked to look whether the harm is gone."""
    new = await polls.get(context.tx, context.committee.id, poll)
    old = (
        None
        if new is None or new.earlier_id is None
        else await polls.get(context.tx, context.committee.id, new.earlier_id)
    )
    if new is None or old is None:
        return
    for one in await objections.of_poll(context.tx, old):
        if one.facts.state != "raised":
            continue
        await objections.answered(context.tx, one, old, new)
        if one.facts.reasoned:
            await _note_down(context, one, old, {"answered": new.number})
        by = objections.member_id(one, old)
        member = None if by is None else await people.member(context.tx, context.committee.id, by)
        if member is not None and member.active:
            await context.tell(
                member,
                lines(
                    T(
                        "Your objection in poll {old} is answered by a new text, poll {new}: {what}",
                        old=old.number,
                        new=new.number,
                        what=await question(context, new),
                    ),
                    T("Is the harm gone? Then agree there. If not, object there again."),
                ),
                buttons=((Button(label=T("Vote"), says=context.commands.named("poll_show").says(number=new.number)),),),
            )
    await objections.seal(context.tx, old)


@router.command("objections_over", allow=Authority.CLOCK, typed=False, help=T("A poll is closed, with its objections."))
async def objections_over(context: Context, *, poll: Reference) -> None:
    """What stood then stands so for good; of a hidden poll nothing leads to a person any more."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is not None and words.is_about(there):
        await objections.seal(context.tx, there)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Where this member has objected and not said why."""
    told = []
    for one in await polls.in_state(context.tx, context.committee.id, "open"):
        if not words.is_about(one):
            continue
        mine = await objections.raised_by(context.tx, one, context.member.id)
        if mine is not None and not mine.facts.reasoned:
            say = Button(label=T("Say why"), says=object_.says(number=one.number))
            told.append(Todo(words=T("Poll {number}: say why you object.", number=one.number), buttons=(say,)))
    return told


# --- showing -----------------------------------------------------------------------------------------------------


@router.card("objection")
async def objection_card(view: View, ref: int) -> Shown | None:
    """Who objects to what and why, who stands behind it, and what became of it."""
    there = await objections.get(view.tx, view.committee.id, ref)
    if there is None:
        return None
    one, poll = there
    heading: list[Words] = [
        T("Objection in poll {number}: {what}", number=poll.number, what=await question(view, poll)),
        T("({name}) {reason}", name=await whose(view, one, poll), reason=reason(one)),
    ]
    behind = [await named(view, view.committee, id_) for id_ in await objections.seconded_by(view.tx, one)]
    if behind and poll.secrecy == "open":
        heading.append(T("Seconded by {names}.", names=Listed(tuple(behind))))
    elif one.facts.seconds:
        heading.append(N("Seconded by {n} member.", "Seconded by {n} members.", one.facts.seconds))
    over = poll.state != "open"
    match rule.how_it_stands(one.facts, poll.rule):
        case "withdrawn":
            return Shown(lines(*heading, T("It was withdrawn.")))
        case "answered":
            by = await polls.get(view.tx, view.committee.id, one.answer_id or 0)
            number = by.number if by is not None else poll.number
            return Shown(lines(*heading, T("It is answered by a new text: poll {number}.", number=number)))
        case "stands" if over:
            return Shown(lines(*heading, T("It stood when the poll closed.")))
        case "stands":
            told: Text = T("It stands.")
        case _ if over:
            return Shown(lines(*heading, T("It did not count when the poll closed.")))
        case "unseconded":
            missing = rule.seconders(poll.rule) - one.facts.seconds
            told = N("It counts once {n} more seconds it.", "It counts once {n} more second it.", missing)
        case _:
            told = T("It counts once it has a reason.")
    return Shown(
        lines(*heading, told),
        buttons=(
            (
                Button(label=T("I second it"), says=objection_second.says(objection=one.id)),
                Button(label=T("I withdraw it"), says=objection_withdraw.says(objection=one.id)),
            ),
        ),
    )


@router.entry("objection", about="decisions")
async def objection_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """An objection was raised, answered or withdrawn."""
    number = body["poll"]
    name: str | Text = await telling.name(body["member"]) if "member" in body else T("somebody")
    if "answered" in body:
        return T(
            "Poll {number}: the objection ({name}) is answered by poll {new}.",
            number=number,
            name=name,
            new=body["answered"],
        )
    if "withdrawn" in body:
        return T("Poll {number}: the objection ({name}) was withdrawn.", number=number, name=name)
    why = await notes.of(telling.tx, f"objection:{body['objection']}")
    return T("Poll {number}: an objection ({name}): {reason}", number=number, name=name, reason=why or T("(erased)"))
