"""Ballots on paper or by phone: two tellers enter each, and neither sees what the other has entered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.arguments import Note, Number, OnOff, Person
from bot.chat import Reply
from bot.domain.board import plain
from bot.papers import HOW, cast_for, read
from bot.polls import found, may_vote
from bot.router import Authority, Context, Router, Telling, Where
from bot.text import Refusal, T, Text, Typed, lines
from storage import ballots, entries, people, proxies
from storage.people import Member
from storage.polls import Poll
from storage.proxies import AssistedBy

router = Router("tellers", under="polls")

_HOW: Mapping[str, AssistedBy] = {
    **dict.fromkeys(map(plain, ("paper", "papel", "papier", "zettel")), "paper"),
    **dict.fromkeys(map(plain, ("phone", "teléfono", "telefon", "anruf")), "phone"),
}


@router.command(
    "assist",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    within="polls",
    help=T("Enter a vote on paper or by phone, as one of two tellers."),
    sample=(T("12 @eli paper 2"),),
)
async def assist(context: Context, *, number: Number, voter: Person, line: Note) -> Reply:
    """The first teller's entry waits; when a second one enters the same, it is counted."""
    there = await found(context, number)
    how, choice = await _entry(context, there, voter, line)
    waiting = await proxies.entered(context.tx, there, voter)
    if waiting is None or waiting.teller_id == context.member.id:
        await proxies.enter(context.tx, there, voter, context.member, how, choice)
        return Reply(
            T(
                "Entered. It counts as soon as a second teller enters the same, without knowing what you entered: "
                "{example}",
                example=Typed("/assist", str(number), "@…", "…"),
            ),
            private=True,
        )
    await proxies.let_go(context.tx, there, voter)
    first = await people.member_now(context.tx, context.committee.id, waiting.teller_id)
    if (waiting.how, waiting.choice) != (how, choice):
        words = T(
            "Poll {number}: what was entered for {name} is not the same twice, so nothing is counted. Look at it "
            "together, then both enter it anew.",
            number=number,
            name=voter.name,
        )
        if first is not None:
            await context.tell(first, words)
        return Reply(words, private=True)
    answer = await cast_for(context, there, voter, choice, how=how)
    body: dict[str, Any] = {"poll": there.number, "assisted": voter.id, "how": how}
    body |= {"tellers": sorted([waiting.teller_id, context.member.id])}
    await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    if first is not None:
        await context.tell(first, T("Poll {number}: the vote of {name} is counted.", number=number, name=voter.name))
    return answer


async def _entry(context: Context, there: Poll, voter: Member, line: str) -> tuple[AssistedBy, Any]:
    """What is entered. Raises Refusal where this teller cannot enter it for this voter."""
    if there.secrecy != "open":
        raise Refusal(
            T(
                "Poll {number} is hidden: there nobody fills in a ballot for somebody else, for they would know it. "
                "Whoever needs help can sit beside somebody, and tap themselves.",
                number=there.number,
            )
        )
    await _may_tell(context, voter)
    await may_vote(context, there, voter)
    has = await ballots.of(context.tx, there, voter.id)
    if has is not None and has.how == "self":
        raise Refusal(T("{name} has voted, and that goes before. Nothing is changed.", name=voter.name))
    word, _, rest = line.strip().partition(" ")
    how = _HOW.get(plain(word.rstrip(":,")))
    if how is None:
        paper, phone = T("paper"), T("phone")
        raise Refusal(
            T(
                "Say how it came, {paper} or {phone}, then the vote: {example}",
                paper=Typed(paper),
                phone=Typed(phone),
                example=assist.example,
            )
        )
    return how, read(context, there, rest)


async def _may_tell(context: Context, voter: Member) -> None:
    if voter.id == context.member.id:
        raise Refusal(T("Your own vote is not entered by you as a teller. Vote yourself."))
    if voter.helper_id == context.member.id:
        raise Refusal(T("You speak for {name}, so you are no teller for them. Two others are.", name=voter.name))
    named = await proxies.tellers(context.tx, context.committee.id, now=context.now)
    if len(named - {voter.id}) >= 2:
        if context.member.id not in named:
            raise Refusal(T("Here the tellers do that. {roles} shows who they are.", roles=Typed("/roles")))
        return
    voting = (await people.facts(context.tx, context.committee.id, now=context.now)).members
    if context.member.id not in voting:
        raise Refusal(T("Only members with a vote can be tellers."))


@router.command(
    "paper_vote",
    allow=Authority.COMMITTEE,
    within="polls",
    help=T("Give somebody without an account a vote, on paper or by phone; or take it away."),
    proposal=lambda **given: (
        T("{name} votes on paper or by phone", name=given["who"].name)
        if given["onoff"] == "on"
        else T("{name} has no vote on paper any more", name=given["who"].name)
    ),
)
async def paper_vote(context: Context, *, who: Person, onoff: OnOff) -> Reply:
    """Only the committee can: else whoever adds people would add votes."""
    if onoff == "on":
        if who.child or who.helper_id is None:
            raise Refusal(T("That is only for grown-up members without an account of their own."))
        if not await proxies.give_paper_vote(context.tx, who, now=context.now):
            raise Refusal(T("{name} has that vote already.", name=who.name))
        words = T("From the next poll on {name} has a vote, on paper or by phone. Two tellers enter it.", name=who.name)
    else:
        if not await proxies.take_paper_vote(context.tx, who):
            raise Refusal(T("{name} has no vote on paper.", name=who.name))
        words = T("From the next poll on {name} has no vote on paper.", name=who.name)
    await context.tell(who, words)
    return Reply(lines(words))


@router.entry("poll", "assisted", about="decisions")
async def assisted_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Two tellers entered somebody's ballot."""
    return T(
        "Poll {number}: {tellers} entered the vote of {name}, {how}.",
        number=body["poll"],
        tellers=await telling.names(body["tellers"]),
        name=await telling.name(body["assisted"]),
        how=HOW[body["how"]],
    )
