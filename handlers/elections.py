"""Elections that give a role: candidates are asked whether they stand, and whoever is chosen gets it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated

from bot import decisions
from bot.arguments import Reference, choice
from bot.chat import Button, Reply, Saying
from bot.domain import offices
from bot.domain.grammar import folded
from bot.domain.offices import Stretch
from bot.polls import all_processes, of_id
from bot.router import Authority, Context, Router
from bot.text import Refusal, T, Text, Typed, lines, shown
from storage import elections, people, polls, roles
from storage.elections import Candidate
from storage.people import Member
from storage.polls import Option, Poll

router = Router("elections", under="polls")

_ROLE = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)?")
_YesNo = Annotated[str, choice("yes", "no", expected=T("{yes} or {no}", yes=Typed("yes"), no=Typed("no")))]


def _gives(poll: Poll) -> bool:
    """Whether the poll's process gives a role: `extra = { appoints = true }` in its file."""
    process = all_processes().get(poll.process)
    return process is not None and bool(process.rule.extra.get("appoints"))


def _role(question: str) -> str | None:
    """The role that a question names: it is one, or one of its words is one that is known; None: it names none."""
    whole = question.strip().rstrip("?!.¿¡ ").lstrip("¿¡ ")
    if (known := offices.spelled(whole)) is not None:
        return known
    words = [offices.spelled(word.strip("?!.,:¿¡\"'“”„")) for word in whole.split()]
    found = {word for word in words if word is not None}
    if found:
        return found.pop() if len(found) == 1 else None
    return folded(whole) if _ROLE.fullmatch(whole) and len(whole) <= 30 else None


@router.command("election_begun", allow=Authority.CLOCK, typed=False, help=T("An election has opened."))
async def election_begun(context: Context, *, poll: Reference) -> None:
    """Where its options are members and it names a role, that is what it gives; they are asked whether they stand."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or not _gives(there) or there.question is None:
        return
    role = _role(there.question.text)
    found = {one.place: await _member(context, one) for one in there.standing}
    known = {place: member for place, member in found.items() if member is not None}
    if role is None or len(known) < len(found) or len({member.id for member in known.values()}) < len(known):
        return
    await elections.begin(context.tx, there, role, {place: member.id for place, member in known.items()})
    for one in await elections.candidates(context.tx, there.id):
        member = known[one.place]
        if context.of_member is not None and member.id == context.member.id:
            # Whoever puts themselves up stands.
            await elections.stands(context.tx, there, one, yes=True)
        else:
            await context.tell(member, _do_you_stand(there, role), buttons=_answers(there))


def _do_you_stand(there: Poll, role: str) -> Text:
    return T(
        "You are up for the role “{role}” in poll {number}. Do you stand? You are free to say no.",
        role=offices.titled(role),
        number=there.number,
    )


def _answers(there: Poll) -> tuple[tuple[Button, ...], ...]:
    return (
        (
            Button(label=T("I stand"), says=election_stand.says(poll=there.id, answer="yes")),
            Button(label=T("I do not stand"), says=election_stand.says(poll=there.id, answer="no")),
        ),
    )


async def _member(context: Context, option: Option) -> Member | None:
    """The one member whom an option names; None: it is something else. Raises Refusal where it can be no candidate."""
    text = option.words.text.strip() if option.words is not None else ""
    found = await people.members_named(context.tx, context.committee.id, text) if text else []
    if len(found) == 1 and not found[0].child:
        return found[0]
    if text.startswith("@") and context.place is not None:
        if not found:
            raise Refusal(T("Nobody in {committee} is called {name}.", committee=context.committee.name, name=text))
        raise Refusal(
            T("{name} fits several people, or somebody who cannot have a role. Write the whole name.", name=text)
        )
    return None


@router.command("election_stand", allow=Authority.MEMBER, typed=False, help=T("Whether you stand in an election."))
async def election_stand(context: Context, *, poll: Reference, answer: _YesNo) -> Reply:
    """A candidate's own word. Whoever was chosen before they had said so gets the role by it."""
    there = await of_id(context, poll)
    mine = next(
        (one for one in await elections.candidates(context.tx, there.id) if one.member_id == context.member.id), None
    )
    if mine is None:
        raise Refusal(T("You are not up in that poll."), private=True)
    yes = answer == "yes"
    if there.state == "closed":
        return await _after_the_count(context, there, mine, yes=yes)
    if there.state not in ("open", "planned", "queued"):
        raise Refusal(T("Poll {number} is over.", number=there.number), private=True)
    if mine.stands is False:
        raise Refusal(T("You do not stand in poll {number}, and the group knows.", number=there.number), private=True)
    await elections.stands(context.tx, there, mine, yes=yes)
    if yes:
        return Reply(T("Thank you! The card says that you stand."), private=True)
    await polls.withdraw_option(context.tx, there, mine.place, now=context.now)
    await context.announce(
        T(
            "{name} does not stand in poll {number}. Whoever has voted for {name} can vote anew.",
            name=context.member.name,
            number=there.number,
        )
    )
    return Reply(T("The group knows that you do not stand."), private=True)


async def _after_the_count(context: Context, there: Poll, mine: Candidate, *, yes: bool) -> Reply:
    if mine.place not in (there.result or {}).get("winners", []) or there.verdict != "decided":
        raise Refusal(T("Poll {number} is over.", number=there.number), private=True)
    if mine.stands is not None:
        raise Refusal(T("You have said so already."), private=True)
    await elections.stands(context.tx, there, mine, yes=yes)
    role = await elections.role_of(context.tx, there.id)
    assert role is not None
    if not yes:
        await context.announce(
            lines(
                T(
                    "{name} was chosen, and does not take the role “{role}”.",
                    name=context.member.name,
                    role=offices.titled(role),
                ),
                T("Who else? Hold another election: {poll}", poll=Typed("/poll election")),
            )
        )
        return Reply(T("The group knows that you do not stand."), private=True)
    await _give(context, there, role, mine)
    return Reply(T("Thank you! The role is yours."), private=True)


@router.command("election_decided", allow=Authority.CLOCK, typed=False, help=T("An election is counted."))
async def election_decided(context: Context, *, poll: Reference) -> None:
    """Whoever is chosen gets the role, in the committee's name."""
    there = await polls.get(context.tx, context.committee.id, poll)
    role = None if there is None else await elections.role_of(context.tx, there.id)
    if there is None or role is None or there.verdict != "decided":
        return
    winners = (there.result or {}).get("winners", [])
    chosen = [one for one in await elections.candidates(context.tx, there.id) if one.place in winners]
    ids = {one.member_id for one in chosen}
    if role != "organizer":
        # The office passes on. Organizers have rules of their own.
        for held in await roles.held(context.tx, context.committee.id):
            if held.role == role and held.member.id not in ids:
                ends = context.commands.named("role").says(name=role, who=held.member, end="end")
                await _carry(context, there, ends, held.member)
    for one in chosen:
        if one.stands:
            await _give(context, there, role, one)
            continue
        member = await people.member_now(context.tx, context.committee.id, one.member_id)
        if member is not None and member.active:
            await context.announce(
                T(
                    "{name} is chosen for the role “{role}”, and has not said yet whether that is all right.",
                    name=member.name,
                    role=offices.titled(role),
                )
            )
            await context.tell(member, _you_are_chosen(there, role), buttons=_answers(there))


def _you_are_chosen(there: Poll, role: str) -> Text:
    return T(
        "Poll {number} has chosen you for the role “{role}”. Do you take it?",
        number=there.number,
        role=offices.titled(role),
    )


async def _give(context: Context, there: Poll, role: str, one: Candidate) -> None:
    member = await people.member_now(context.tx, context.committee.id, one.member_id)
    if member is None or not member.active:
        await context.announce(
            T("Whoever poll {number} has chosen is not a member any more. Hold another one.", number=there.number)
        )
        return
    if role == "organizer":
        says = context.commands.named("organizer").says(who=member)
    elif there.rule.lapse_days is not None:
        term = Stretch(count=min(there.rule.lapse_days, 999), unit="days")
        says = context.commands.named("role").says(name=role, who=member, term=term)
    else:
        says = context.commands.named("role").says(name=role, who=member)
    held = [one.role for one in await roles.held(context.tx, context.committee.id, member=member.id)]
    if role in held and there.rule.lapse_days is None:
        await context.announce(T("{name} goes on with the role “{role}”.", name=member.name, role=offices.titled(role)))
    elif not await _carry(context, there, says, member):
        return
    await elections.given(context.tx, there, one)


async def _carry(context: Context, there: Poll, says: Saying, member: Member) -> bool:
    """Say it in the committee's name, with the log; a refusal now is told, and nothing else is lost."""
    await decisions.put_down(context, says, {"poll": there.number})
    try:
        await replace(context, place=None).say(says, authority=Authority.COMMITTEE)
    except Refusal as refusal:
        why = shown(refusal.words, context.committee.reader)
        await context.announce(
            T("Poll {number} has chosen {name}, but: {why}", number=there.number, name=member.name, why=why)
        )
        return False
    return True
