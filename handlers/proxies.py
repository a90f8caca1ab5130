"""Proxies: somebody votes for you while you are away, until a day that you name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from bot.arguments import Note, Number, Person
from bot.chat import Button, Reply
from bot.domain import pollline
from bot.domain.board import plain, read_day
from bot.domain.recurrence import instant
from bot.papers import cast_for, holds_for, read
from bot.polls import found, may_vote
from bot.router import Authority, Context, Router, Telling
from bot.text import Refusal, T, Text, Typed, Words, lines
from storage import entries, papers, people, polls, proxies
from storage.people import Member
from storage.polls import Poll
from storage.proxies import Proxy

router = Router("proxies", under="polls")

UNTIL_MOST = timedelta(days=366)
_OFF = frozenset(map(plain, ["off", "back", "end", "fin", "quitar", "aus", "weg", "zurück", "zurueck", "ende"]))
_UNTIL = frozenset(map(plain, ["until", "till", "hasta", "bis"]))
_POLL = frozenset(map(plain, ["poll", "votación", "encuesta", "abstimmung", "umfrage", "no", "nr"]))


@router.command(
    "proxy",
    allow=Authority.MEMBER,
    within="polls",
    help=T("Let somebody vote for you while you are away; until a day, or in one poll. Your own vote goes before."),
    sample=(T("@ben until 1 feb"),),
)
async def proxy(context: Context, *, to: Person | None = None, line: Note = "") -> Reply:
    """`/proxy @ben until 1 feb`, `/proxy @ben 12`, `/proxy off`; alone it tells what there is."""
    if to is None:
        if not line.strip():
            return await _told(context)
        if plain(line.strip()) in _OFF:
            return await proxy_off.handler(context)  # type: ignore[return-value]
        raise Refusal(T("Say to whom. Write it like this: {example}", example=proxy.example))
    poll, until = await _for(context, line)
    await _may(context, to, poll)
    before = await proxies.given(context.tx, context.member.id, now=context.now)
    if before is not None:
        await _end(context, before)
    await proxies.give(context.tx, context.member, to, poll=poll, until=until, now=context.now)
    body: dict[str, Any] = {"giver": context.member.id, "holder": to.id}
    body |= {"until": until.isoformat()} if poll is None else {"poll": poll.number}
    await entries.append(context.tx, context.committee, "proxy", body, now=context.now)
    await context.tell(to, _to_holder(context, poll, until))
    words = (
        T("{holder} votes for {giver} until {until}.", holder=to.name, giver=context.member.name, until=until)
        if poll is None
        else T(
            "{holder} votes for {giver} in poll {number}.",
            holder=to.name,
            giver=context.member.name,
            number=poll.number,
        )
    )
    await context.tell_group(words)
    return Reply(
        lines(
            words,
            T("Not in hidden polls: there nobody is to know how you vote."),
            T("Your own vote goes before. You end it at any time: {off}", off=Typed("/proxy off")),
        )
    )


def _to_holder(context: Context, poll: Poll | None, until: datetime) -> Words:
    giver = context.member.name
    how = Typed("/vote_for", "@…", "12", "2")
    if poll is not None:
        return lines(
            T("{giver} has given you their proxy for poll {number}.", giver=giver, number=poll.number),
            T("{ballot} shows their paper beside yours.", ballot=Typed(f"/ballot {poll.number}")),
        )
    return lines(
        T("{giver} has given you their proxy: you vote for them until {until}.", giver=giver, until=until),
        T("Each poll's paper has a button for it; in words it is {how}. You cannot pass it on.", how=how),
    )


async def _for(context: Context, line: str) -> tuple[Poll | None, datetime]:
    """For which poll, or until when. Raises Refusal."""
    words = line.split()
    if words and plain(words[0].rstrip(".")) in _POLL:
        words = words[1:]
    if len(words) == 1 and words[0].lstrip("#").isdecimal() and len(words[0]) < 10:
        poll = await found(context, int(words[0].lstrip("#")))
        if poll.secrecy != "open":
            raise Refusal(
                T(
                    "Poll {number} is hidden: there nobody votes for somebody else, for they would know how. "
                    "You can vote in private from wherever you are.",
                    number=poll.number,
                )
            )
        if poll.state not in ("open", "planned", "queued") or poll.closes_at is None:
            raise Refusal(T("Poll {number} is over.", number=poll.number))
        # It may be extended once; what is for one poll ends with it.
        return poll, poll.closes_at + UNTIL_MOST
    if words and plain(words[0]) in _UNTIL:
        words = words[1:]
    zone = context.committee.zone
    wall = context.now.astimezone(zone).replace(tzinfo=None)
    day = read_day(" ".join(words), today=wall.date()) if words else None
    try:
        # A day alone means all of it.
        at = datetime.combine(day, time(23, 59)) if day else pollline.read_moment(words, now=wall)
    except ValueError as error:
        raise Refusal(
            T(
                "Say until when, or in which poll: {until} or {poll}",
                until=proxy.example,
                poll=Typed("/proxy", "@ben", "12"),
            )
        ) from error
    until = instant(at, zone)
    if until <= context.now:
        raise Refusal(T("That is over already. Name a day that is still ahead."))
    if until - context.now > UNTIL_MOST:
        raise Refusal(T("A proxy lasts a year at most."))
    return None, until


async def _may(context: Context, to: Member, poll: Poll | None) -> None:
    """Raises Refusal where this member cannot vote for whoever says it."""
    if to.id == context.member.id:
        raise Refusal(T("You vote for yourself anyway."))
    voting = (await people.facts(context.tx, context.committee.id, now=context.now)).members
    if context.member.id not in voting:
        raise Refusal(T("You have no vote now, so there is nothing to give."))
    if to.id not in voting:
        raise Refusal(T("{name} has no vote now. Choose somebody else.", name=to.name))
    if poll is not None:
        await may_vote_in(context, poll)
    has = await proxies.held(context.tx, to.id, now=context.now)
    if has is not None and has.giver_id != context.member.id:
        raise Refusal(
            T("{name} votes for somebody else already, and nobody does for two. Choose somebody else.", name=to.name)
        )


async def may_vote_in(context: Context, poll: Poll) -> None:
    """Raises Refusal where whoever says it is not on the roll."""
    if poll.state == "open":
        await may_vote(context, poll, context.member)


async def _told(context: Context) -> Reply:
    given = await proxies.given(context.tx, context.member.id, now=context.now)
    held = await proxies.held(context.tx, context.member.id, now=context.now)
    told: list[Words] = []
    if given is not None:
        told.append(T("{name} votes for you {until}.", **await _parts(context, given)))
    if held is not None:
        told.append(T("You vote for {name} {until}.", **await _parts(context, held)))
    if given is None:
        told.append(T("Nobody votes for you. To let somebody: {example}", example=proxy.example))
    off = ((Button(label=T("Take my proxy back"), says=proxy_off.says(), only=context.member.id),),)
    return Reply(lines(*told), buttons=off if given is not None else (), private=True)


async def _parts(context: Context, one: Proxy) -> dict[str, Text | str]:
    own = one.giver_id == context.member.id
    other = await people.member(context.tx, context.committee.id, one.holder_id if own else one.giver_id)
    poll = None if one.poll_id is None else await polls.get(context.tx, context.committee.id, one.poll_id)
    until = T("until {until}", until=one.until) if poll is None else T("in poll {number}", number=poll.number)
    return {"name": other.name if other is not None else "?", "until": until}


@router.command("proxy_off", allow=Authority.MEMBER, typed=False, help=T("Nobody votes for you any more."))
async def proxy_off(context: Context) -> Reply:
    """At once. What was voted already stays until the giver changes it."""
    given = await proxies.given(context.tx, context.member.id, now=context.now)
    if given is None:
        raise Refusal(T("You have given nobody your proxy."), private=True)
    await _end(context, given)
    words = T("Nobody votes for {name} any more.", name=context.member.name)
    await context.tell_group(words)
    return Reply(
        lines(
            words,
            T("What was voted for you stays until you vote yourself, or take it back: {polls}", polls=Typed("/polls")),
        )
    )


async def _end(context: Context, given: Proxy) -> None:
    await proxies.end(context.tx, given, now=context.now)
    body = {"ended": given.giver_id, "holder": given.holder_id}
    await entries.append(context.tx, context.committee, "proxy", body, now=context.now)
    holder = await people.member_now(context.tx, context.committee.id, given.holder_id)
    if holder is not None and holder.active:
        await context.tell(holder, T("{name} has taken their proxy back.", name=context.member.name))


@router.command(
    "vote_for",
    allow=Authority.MEMBER,
    within="polls",
    help=T("Vote for whoever gave you their proxy."),
    sample=(T("@ana 12 2"),),
)
async def vote_for(context: Context, *, giver: Person, number: Number, what: Note) -> Reply:
    """`/vote_for @ana 12 2`: what `/vote` says, in somebody's name."""
    there = await found(context, number)
    if there.secrecy != "open":
        raise Refusal(T("In a hidden poll nobody votes for somebody else: they would know how."), private=True)
    held = await proxies.held(context.tx, context.member.id, now=context.now)
    whom = await holds_for(context, there, held)
    if whom is None or whom.id != giver.id:
        raise Refusal(
            T("You do not hold {name}'s proxy for poll {number}.", name=giver.name, number=number), private=True
        )
    await may_vote(context, there, whom)
    choice = read(context, there, what)
    await papers.erase(context.tx, there, whom, holder=context.member.id)
    return await cast_for(context, there, whom, choice, how="proxy")


@router.entry("proxy", about="decisions")
async def proxy_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A proxy was given, or taken back."""
    holder = await telling.name(body["holder"])
    if "ended" in body:
        return T("{giver} took their proxy back from {holder}.", giver=await telling.name(body["ended"]), holder=holder)
    giver = await telling.name(body["giver"])
    if "poll" in body:
        return T(
            "{giver} gave {holder} their proxy for poll {number}.", giver=giver, holder=holder, number=body["poll"]
        )
    until = datetime.fromisoformat(body["until"])
    return T("{giver} gave {holder} their proxy until {until}.", giver=giver, holder=holder, until=until)
