"""Barter: something for something, without hours; and rings of three or four that the bot finds on the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from bot.arguments import Duration, Note, Number, Person, Reference
from bot.chat import Button, Card, Link, Reply, Shown
from bot.dialogue import answer_button
from bot.domain import barter as rules_
from bot.domain import board as board_rules
from bot.domain import conduct, rings
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Minutes, Refusal, T, Text, Typed, Words, lines
from storage import barter, board, due, entries, nudges, people, schemes
from storage.barter import Barter, Planned, Promise
from storage.people import Committee, Member

router = Router("barter", title=T("Barter"))

ASKED_FOR = timedelta(days=7)
"""So long somebody has to answer a barter."""
RING_ASKED_FOR = timedelta(days=4)
"""So long everybody has to answer a ring: the others wait for it."""
DONE_WITHIN = timedelta(days=14)
"""After this whoever still owes is asked, where no day was named."""
REMIND_EVERY = timedelta(days=7)
REMINDERS_MAX = 3
RING_REST = timedelta(days=14)
"""Whoever did not answer a ring is not asked for another so long."""

_EXAMPLE = T("bread for a haircut")
_MINE = Typed("/barters")


# --- who is in it ------------------------------------------------------------------------------------------------


async def _member(context: Context, id_: int) -> Member:
    member = await people.member_now(context.tx, context.committee.id, id_)
    assert member is not None
    return member


async def _party(context: Context, one: Barter) -> int:
    """As whom the member is in it: themselves, or somebody whom they speak for. Raises Refusal."""
    members = [promise.giver_id for promise in one.promises]
    if context.member.id in members:
        return context.member.id
    for id_ in members:
        if (await _member(context, id_)).helper_id == context.member.id:
            return id_
    raise Refusal(T("That is not for you to answer: only whoever is in it can."), private=True)


async def _open(context: Context, number: int, *states: rules_.State) -> tuple[Barter, int]:
    """One that is in one of these states, and as whom the member is in it. Raises Refusal."""
    one = await barter.numbered(context.tx, context.committee.id, number)
    if one is None:
        raise Refusal(
            T("There is no barter no. {number}. {mine} shows yours.", number=number, mine=_MINE), private=True
        )
    me = await _party(context, one)
    if one.state in states:
        return one, me
    if one.state == "asked":
        raise Refusal(T("Not everybody has said yes to no. {number} yet.", number=number), private=True)
    if one.state in rules_.OPEN:
        raise Refusal(T("No. {number} is agreed on already. {mine} shows it.", number=number, mine=_MINE), private=True)
    raise Refusal(lines(T("No. {number} is over.", number=number), _STATES[one.state]), private=True)


_STATES: Mapping[rules_.State, Text] = {
    "asked": T("It waits for a yes."),
    "agreed": T("All have said yes."),
    "half": T("Half of it is done."),
    "done": T("All of it is done. Thank you!"),
    "declined": T("It did not come about."),
    "lapsed": T("It did not come about in time."),
    "withdrawn": T("It was called off."),
    "broken": T("It came apart: somebody is not here any more."),
}


def _state(one: Barter) -> Text:
    return T("Part of it is done.") if one.ring and one.state == "half" else _STATES[one.state]


async def _tell(
    context: Context, id_: int, words: Words, one: Barter, buttons: Sequence[Sequence[Button]] = ()
) -> bool:
    """Tell somebody who is in it, or whoever speaks for them. False: they have not opened a private chat."""
    member = await _member(context, id_)
    if not member.active:
        return True
    voice = await _voice(context, member)
    if voice.id != member.id:
        words = lines(T("For {name}:", name=member.name), words)
    return await context.tell(voice, words, buttons=buttons, about=one.things)


async def _voice(context: Context, member: Member) -> Member:
    """Who answers for a member: themselves, or whoever speaks for them."""
    return member if member.helper_id is None else await _member(context, member.helper_id)


# --- how it is told ----------------------------------------------------------------------------------------------


def _line(promise: Promise, me: int | None = None) -> Text:
    """One promise, as whoever reads it is in it."""
    what = promise.words or T("(erased)")
    if promise.giver_id == me:
        return T("You for {name}: {what}", name=promise.receiver, what=what)
    if promise.receiver_id == me:
        return T("{name} for you: {what}", name=promise.giver, what=what)
    return T("{giver} for {receiver}: {what}", giver=promise.giver, receiver=promise.receiver, what=what)


def _standing(promise: Promise, me: int | None = None) -> Text:
    line = _line(promise, me)
    match promise.state:
        case "received":
            return T("{promise} – done", promise=line)
        case "settled":
            return T("{promise} – settled with hours", promise=line)
        case "even":
            return T("{promise} – let go", promise=line)
        case _:
            return line


def _title(one: Barter) -> Text:
    title = T("Ring no. {number}", number=one.number) if one.ring else T("Barter no. {number}", number=one.number)
    return T("{title}", title=Bold(title))


def _last_day(one: Barter, committee: Committee) -> Text | None:
    if one.by is None:
        return None
    return T("Until {day}.", day=(one.by.astimezone(committee.zone) - timedelta(days=1)).date())


def _own(one: Barter, me: int) -> list[Promise]:
    """What they give, and what they get."""
    return [one.given_by(me), one.given_to(me)]


def _told(one: Barter, me: int, committee: Committee) -> list[Words]:
    """All of it that one member needs to know."""
    told: list[Words] = [_title(one), *(_standing(promise, me) for promise in _own(one, me))]
    if (last := _last_day(one, committee)) is not None and one.state in rules_.OPEN:
        told.append(last)
    return told


def _buttons(one: Barter, me: int) -> tuple[Button, ...]:
    """What one who is in it can do now."""
    number = one.number
    give, get = one.given_by(me), one.given_to(me)
    if one.state == "asked":
        if give.answer is None:
            return (
                Button(label=T("Yes"), says=accept.says(number=number)),
                Button(label=T("No"), says=decline.says(number=number)),
            )
        return () if one.ring else (Button(label=T("Take back"), says=decline.says(number=number)),)
    buttons = []
    if one.state in rules_.OPEN and not get.kept:
        buttons.append(Button(label=T("I have got it"), says=got.says(number=number)))
    if one.state in rules_.OPEN and give.state == "open":
        buttons.append(Button(label=T("I have given it"), says=gave.says(number=number)))
    if one.state == "agreed":
        buttons.append(Button(label=T("I cannot after all"), says=call_off.says(number=number)))
    if any(me in (promise.giver_id, promise.receiver_id) for promise in one.owed):
        buttons.append(Button(label=T("Settle with hours"), says=settle.says(number=number)))
    if any(promise.receiver_id == me for promise in one.owed):
        buttons.append(Button(label=T("We are even"), says=even.says(number=number)))
    return tuple(buttons)


def _rows(buttons: Sequence[Button]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2))


async def _again(context: Context, one: Barter) -> Barter:
    """The same, as it stands now."""
    found = await barter.by_id(context.tx, context.committee.id, one.id)
    assert found is not None
    return found


# --- proposing ---------------------------------------------------------------------------------------------------


async def _asked_first(context: Context, *, to: Member, what: str, reading: int | None = None) -> Words:
    sides, last = await _read(context, to, what)
    if len(sides) > 1 and reading is None:
        return T("I ask you in the next step what is for what.")
    give, get = sides[(reading or 1) - 1]
    return lines(
        T("You for {name}: {what}", name=to.name, what=give.words or ""),
        T("{name} for you: {what}", name=to.name, what=get.words or ""),
        T("Until {day}.", day=(last.astimezone(context.committee.zone) - timedelta(days=1)).date()) if last else None,
        T("Shall I ask {name}?", name=to.name),
    )


@router.command(
    "barter",
    allow=Authority.MEMBER,
    label=T("Propose a barter"),
    help=T("Something for something, without hours: both say yes, both say when it is done."),
    sample=("@ben", _EXAMPLE),
    asks={
        "to": Asks(T("With whom? Choose, or write a name.")),
        "what": Asks(
            T(
                "What do you give, and what would you like for it? Write it like this: {example}. With “until fri” it "
                "has a day.",
                example=Typed(_EXAMPLE),
            )
        ),
    },
    confirm=_asked_first,
    for_others=True,
)
async def barter_(context: Context, *, to: Person, what: Note, reading: Reference | None = None) -> Reply:
    """Ask somebody, in private, whether they would give something for something."""
    if to.id == context.member.id:
        raise Refusal(T("A barter is between two people. With whom? {example}", example=barter_.example))
    if to.child:
        raise Refusal(T("{name} is a child: agree on it with whoever looks after them.", name=to.name))
    if context.speaker.id in (to.id, to.helper_id) or context.member.id == to.helper_id:
        raise Refusal(T("You speak for one of the two yourself: there is nobody else whom I could ask."))
    if await barter.count_asked_by(context.tx, context.member) >= barter.OF_MEMBER_MAX:
        raise Refusal(
            T("{n} barters of yours wait for an answer already. {mine} shows them.", n=barter.OF_MEMBER_MAX, mine=_MINE)
        )
    sides, last = await _read(context, to, what)
    if reading is not None and not 1 <= reading <= len(sides):
        raise Refusal(T("This is out of date. Look at the newest message, or type {menu}.", menu=Typed("/menu")))
    if len(sides) > 1 and reading is None:
        return _which(context, to, what, sides)
    one = await barter.propose(
        context.tx, context.committee, sides[(reading or 1) - 1], proposer=context.member, by=last, now=context.now
    )
    await barter.plan_daily(context.tx, context.committee, now=context.now)
    await _plan_lapse(context, one, ASKED_FOR)
    words = lines(
        T("{name} proposes a barter:", name=context.member.name),
        *_told(one, to.id, context.committee)[1:],
        T("Would you like that?"),
    )
    if not await _tell(context, to.id, words, one, (_buttons(one, to.id),)):
        # What it is stays between the two: the group hears only that there is something.
        voice = await _voice(context, to)
        await context.announce(
            T("{name}, somebody proposes a barter to you.", name=voice.name),
            buttons=((Link(label=T("See it"), says=barters.says()),),),
        )
    return Reply(
        lines(
            *_told(one, context.member.id, context.committee),
            T("I have asked {name}, and tell you the answer.", name=to.name),
        ),
        buttons=(_buttons(one, context.member.id),),
        private=True,
        about=one.things,
    )


async def _read(context: Context, to: Member, what: str) -> tuple[list[tuple[Planned, Planned]], datetime | None]:
    """What the line may mean, and until when it shall be done. Raises Refusal where it does not say what for what."""
    zone = context.committee.zone
    said = board_rules.read(what, today=context.now.astimezone(zone).date())
    readings = rules_.readings(said.words)
    if not readings:
        raise Refusal(
            T("Write what for what, like this: {example}", example=Typed("/barter", "@ben", _EXAMPLE)),
        )
    me = context.member.id
    sides = [(await _side(context, me, to.id, give), await _side(context, to.id, me, get)) for give, get in readings]
    until = datetime.combine(said.until + timedelta(days=1), time(), zone) if said.until is not None else None
    return sides, until


async def _side(context: Context, giver: int, receiver: int, words: str) -> Planned:
    """One side: in words, or by its number on the board."""
    number = rules_.post_number(words)
    if number is None:
        return Planned(giver_id=giver, receiver_id=receiver, words=words)
    post = await board.numbered(context.tx, context.committee.id, number)
    if post is None or not post.stands(context.now):
        raise Refusal(T("No. {number} is not on the board. {board} shows what is.", number=number, board=_BOARD))
    if (post.side == "offer") != (post.member_id == giver) or post.member_id not in (giver, receiver):
        name = (await _member(context, giver)).name
        raise Refusal(
            T(
                "No. {number} is nothing that {name} could give: it is {owner}'s.",
                number=number,
                name=name,
                owner=post.name,
            )
            if post.member_id not in (giver, receiver)
            else T("No. {number} stands on the other side: swap the two.", number=number)
        )
    if post.taken:
        raise Refusal(T("Somebody helps with no. {number} already.", number=number))
    offer, need = (post.id, None) if post.side == "offer" else (None, post.id)
    return Planned(giver_id=giver, receiver_id=receiver, words=post.words, offer_id=offer, need_id=need)


_BOARD = Typed("/board")


def _which(context: Context, to: Member, what: str, sides: Sequence[tuple[Planned, Planned]]) -> Reply:
    """A word such as “for” stands in it more than once: which of them is between the two sides?"""
    question = context.tx.token()
    return Reply(
        lines(
            T("What is for what?"),
            *(
                T("{number}. {give} ↔ {get}", number=number, give=give.words or "", get=get.words or "")
                for number, (give, get) in enumerate(sides, start=1)
            ),
        ),
        buttons=_rows(
            [
                answer_button(str(number), barter_.says(to=to, what=what, reading=number), context.member, question)
                for number in range(1, len(sides) + 1)
            ]
        ),
        private=True,
    )


async def _plan_lapse(context: Context, one: Barter, within: timedelta) -> None:
    zone = context.committee.zone
    at = context.now + within
    if one.by is not None:
        at = min(at, one.by)
    await due.plan(
        context.tx,
        one.thing,
        barter_lapses.says(number=one.number),
        local=at.astimezone(zone).replace(tzinfo=None),
        zone=zone,
        committee=context.committee.id,
        late="do",
    )


# --- answering ---------------------------------------------------------------------------------------------------


@router.command("accept", allow=Authority.MEMBER, typed=False, help=T("Say yes to a barter or a ring."))
async def accept(context: Context, *, number: Number) -> Reply:
    """Say yes; with the last yes it begins."""
    one, me = await _open(context, number, "asked")
    mine = one.given_by(me)
    if mine.answer == "yes":
        raise Refusal(T("You have said yes already. I tell you when all have."), private=True)
    if one.ring and not await _stands(context, one):
        await _end_asked(context, one, "lapsed", but=me)
        return Reply(T("Something of this ring is not on the board any more, so it does not come about."), private=True)
    await barter.answer(context.tx, mine, "yes")
    one = await _again(context, one)
    if any(promise.answer != "yes" for promise in one.promises):
        return Reply(T("Thank you. I tell you when all have said yes."), private=True)
    hashes = await barter.agree(context.tx, one)
    body = {"barter": one.id, "words": hashes}
    await entries.append(context.tx, context.committee, "barter", body, now=context.now)
    one = await _again(context, one)
    await _plan_reminder(context, one, first=True)
    for promise in one.promises:
        if promise.giver_id != me:
            await _tell(
                context,
                promise.giver_id,
                _agreed(one, promise.giver_id, context),
                one,
                _rows(_buttons(one, promise.giver_id)),
            )
    if one.ring:
        await context.show(Card("ring", one.id))
    return Reply(_agreed(one, me, context), buttons=_rows(_buttons(one, me)), private=True, about=one.things)


def _agreed(one: Barter, me: int, context: Context) -> Words:
    said = (
        T("All have said yes. Write to each other; no hours move.")
        if one.ring
        else T("{name} and you have agreed. Write to each other; no hours move.", name=one.given_by(me).receiver)
    )
    return lines(*_told(one, me, context.committee), said)


async def _stands(context: Context, one: Barter) -> bool:
    """Whether everything that a ring is about is still there for it."""
    for promise in one.promises:
        for id_ in (promise.offer_id, promise.need_id):
            post = await board.post(context.tx, context.committee.id, id_) if id_ is not None else None
            if post is None or not post.stands(context.now) or post.taken:
                return False
    return True


async def _end_asked(context: Context, one: Barter, state: rules_.State, *, but: int | None = None) -> None:
    """It does not come about. Those who have said yes to a ring hear of it, and never because of whom."""
    told = [_line(promise, promise.giver_id) for promise in one.promises]
    await barter.end(context.tx, one, state)
    for promise, line in zip(one.promises, told, strict=True):
        if promise.giver_id == but or promise.answer != "yes":
            continue
        if one.ring:
            words = lines(_title(one), T("The ring does not come about this time. I go on looking."))
        elif state == "declined":
            words = lines(_title(one), line, T("{name} would rather not. Nothing is owed.", name=promise.receiver))
        else:
            words = lines(_title(one), line, T("{name} did not answer in time.", name=promise.receiver))
        await _tell(context, promise.giver_id, words, one)


@router.command(
    "decline", allow=Authority.MEMBER, typed=False, help=T("Say no to a barter or a ring, or take it back.")
)
async def decline(context: Context, *, number: Number) -> Reply:
    """Say no, for oneself alone; or take back what one has proposed."""
    one, me = await _open(context, number, "asked")
    if one.proposer_id == me:
        other = one.given_by(me).receiver_id
        await barter.end(context.tx, one, "withdrawn")
        name = (await _member(context, me)).name
        await _tell(context, other, lines(_title(one), T("{name} has taken it back.", name=name)), one)
        return Reply(T("Taken back: nobody is asked any more."), private=True)
    await barter.answer(context.tx, one.given_by(me), "no")
    await _end_asked(context, one, "declined", but=me)
    if one.ring:
        return Reply(T("Noted. The others hear only that the ring does not come about."), private=True)
    return Reply(T("I have told {name}.", name=one.given_by(me).receiver), private=True)


@router.command("barter_lapses", allow=Authority.CLOCK, typed=False, help=T("Nobody answered in time."))
async def barter_lapses(context: Context, *, number: Number) -> None:
    """Not everybody has answered: it is over for all."""
    one = await barter.numbered(context.tx, context.committee.id, number)
    if one is not None and one.state == "asked":
        await _end_asked(context, one, "lapsed")


@router.command("barter_broken", allow=Authority.CLOCK, typed=False, help=T("Somebody in it is not here any more."))
async def barter_broken(context: Context, *, number: Number, gone: Number) -> None:
    """Somebody has left: the others hear what that means."""
    one = await barter.numbered(context.tx, context.committee.id, number)
    if one is None:
        return
    for promise in one.promises:
        if promise.giver_id != gone:
            words = lines(_title(one), _STATES["broken"], T("What is done already can be thanked for with hours."))
            await _tell(context, promise.giver_id, words, one)


@router.command("call_off", allow=Authority.MEMBER, typed=False, help=T("Call off a barter or a ring."))
async def call_off(context: Context, *, number: Number) -> Reply:
    """As long as nothing is done, anybody in it can step out, and it is over for all."""
    one, me = await _open(context, number, "agreed", "half")
    if one.state == "half":
        raise Refusal(
            T(
                "Some of it is done already. Settle the rest with hours ({settle}), or talk it over.",
                settle=Typed("/settle", str(number), "1h"),
            ),
            private=True,
        )
    await barter.end(context.tx, one, "withdrawn")
    for promise in one.promises:
        if promise.giver_id != me:
            said = (
                T("It is called off. Nothing is owed.")
                if one.ring
                else T("{name} cannot after all. Nothing is owed.", name=promise.receiver)
            )
            await _tell(context, promise.giver_id, lines(_title(one), said), one)
    return Reply(
        T("Called off. I have told the others.")
        if one.ring
        else T("Called off. I have told {name}.", name=one.given_by(me).receiver),
        private=True,
    )


# --- when it is done ---------------------------------------------------------------------------------------------


async def _mine_open(context: Context) -> list[tuple[Barter, int]]:
    found = await barter.open_of(context.tx, context.member)
    return [(one, await _party(context, one)) for one in found]


async def _to_get(context: Context) -> list[tuple[Text | str, int]]:
    return [
        (_line(one.given_to(me), me), one.number)
        for one, me in await _mine_open(context)
        if one.state != "asked" and not one.given_to(me).kept
    ]


async def _to_give(context: Context) -> list[tuple[Text | str, int]]:
    return [
        (_line(one.given_by(me), me), one.number)
        for one, me in await _mine_open(context)
        if one.state != "asked" and one.given_by(me).state == "open"
    ]


_NONE = T("You have no barter that is not done yet. Propose one: {example}", example=Typed("/barter", "@ben", _EXAMPLE))


@router.command(
    "got",
    allow=Authority.MEMBER,
    label=T("I have got it"),
    help=T("What was promised to you in a barter or a ring is done."),
    asks={"number": Asks(T("Which one?"), _to_get, _NONE)},
    for_others=True,
)
async def got(context: Context, *, number: Number) -> Reply:
    """Whoever was to get something has it: that side is done."""
    one, me = await _open(context, number, "agreed", "half")
    mine = one.given_to(me)
    if mine.kept:
        raise Refusal(T("That is noted already. {mine} shows what is left.", mine=_MINE), private=True)
    return await _kept(context, one, me, mine, "received")


@router.command(
    "gave",
    allow=Authority.MEMBER,
    label=T("I have given it"),
    help=T("You have done what you promised in a barter or a ring; whoever got it confirms it."),
    asks={"number": Asks(T("Which one?"), _to_give, _NONE)},
    for_others=True,
)
async def gave(context: Context, *, number: Number) -> Reply:
    """Whoever gives says so: whoever gets it is asked in private."""
    one, me = await _open(context, number, "agreed", "half")
    mine = one.given_by(me)
    if mine.kept or mine.state == "given":
        raise Refusal(T("That is noted already. {mine} shows what is left.", mine=_MINE), private=True)
    await barter.mark(context.tx, one, mine, "given")
    told = await _tell(
        context,
        mine.receiver_id,
        lines(
            _title(one),
            _line(mine, mine.receiver_id),
            T("{name} says that it is done. Is that right?", name=mine.giver),
        ),
        one,
        (
            (
                Button(label=T("I have got it"), says=got.says(number=number)),
                Button(label=T("Not yet"), says=not_got.says(number=number)),
            ),
        ),
    )
    if not told:
        return Reply(T("I cannot reach {name} in private. Ask them to write to me.", name=mine.receiver), private=True)
    return Reply(T("I have asked {name} whether it is right.", name=mine.receiver), private=True)


@router.command("not_got", allow=Authority.MEMBER, typed=False, help=T("It is not done yet."))
async def not_got(context: Context, *, number: Number) -> Reply:
    """Whoever was to get it does not have it: the giver is told, kindly."""
    one, me = await _open(context, number, "agreed", "half")
    mine = one.given_to(me)
    if mine.state != "given":
        raise Refusal(T("That is noted already. {mine} shows what is left.", mine=_MINE), private=True)
    await barter.mark(context.tx, one, mine, "open")
    words = lines(
        _title(one),
        _line(mine, mine.giver_id),
        T("{name} has not got it yet. Write to each other.", name=mine.receiver),
    )
    await _tell(context, mine.giver_id, words, one)
    return Reply(T("I have told {name}.", name=mine.giver), private=True)


async def _kept(context: Context, one: Barter, me: int, promise: Promise, state: rules_.PromiseState) -> Reply:
    """A promise is kept, or nobody waits for it any more: what stood on the board for it goes, and all hear of it."""
    whole = await barter.mark(context.tx, one, promise, state)
    offered = await _off_the_board(context, promise) if state != "even" else None
    one = await _again(context, one)
    if whole == "done":
        body = {"barter": one.id, "done": True}
        await entries.append(context.tx, context.committee, "barter", body, now=context.now)
    elif whole == "half":
        await _plan_reminder(context, one)
    for other in one.promises:
        id_ = other.giver_id
        # In a ring only those hear of each step who give or get it; of the end, all do.
        if id_ == me or (whole != "done" and id_ not in (promise.giver_id, promise.receiver_id)):
            continue
        words, buttons = _progress(context, one, id_, offered if id_ == promise.giver_id else None)
        await _tell(context, id_, words, one, _rows(buttons))
    words, buttons = _progress(context, one, me, offered if me == promise.giver_id else None)
    fits = await _fitting_needs(context, promise) if state != "even" and me == promise.receiver_id else []
    buttons += [
        Button(label=T("Take no. {number} off the board", number=post.number), says=met.says(number=post.number))
        for post in fits
    ]
    words = lines(words, *(_on_board(post) for post in fits))
    return Reply(words, buttons=_rows(buttons), private=True, about=one.things)


def _progress(context: Context, one: Barter, me: int, offered: board.Posted | None) -> tuple[Words, list[Button]]:
    """How it stands, and what can be done. `offered`: what this member offered and is off the board with this."""
    words, buttons = lines(*_told(one, me, context.committee), _state(one)), list(_buttons(one, me))
    if offered is None:
        return words, buttons
    says = offer_again.says(number=offered.number)
    again = Button(label=T("Offer no. {number} again", number=offered.number), says=says)
    return lines(words, T("Your offer no. {number} is off the board now.", number=offered.number)), [*buttons, again]


async def _off_the_board(context: Context, promise: Promise) -> board.Posted | None:
    """Close what the promise was about on the board; returns the offer, which may be put back."""
    closed = None
    for id_ in (promise.need_id, promise.offer_id):
        post = await board.post(context.tx, context.committee.id, id_) if id_ is not None else None
        if post is None or post.state not in ("open", "expired"):
            continue
        if post.side == "need" and post.done < post.helpers:
            continue
        await board.end(context.tx, post, "done")
        closed = post if post.side == "offer" else closed
    return closed


def _on_board(post: board.Posted) -> Text:
    return T("No. {number} on the board: {what}", number=post.number, what=post.words or "")


async def _fitting_needs(context: Context, promise: Promise) -> list[board.Posted]:
    """Where a barter was about no number of the board: needs of whoever got something that it may have met."""
    if promise.need_id is not None or promise.words is None:
        return []
    category = board_rules.category_of(promise.words.text, board_rules.CATEGORIES)
    got_ = board_rules.Post(
        id=0,
        member=promise.giver_id,
        side="offer",
        category=category or board_rules.OTHER,
        words=promise.words.text,
        until=context.now,
    )
    there = await board.open_posts(context.tx, context.committee.id, now=context.now)
    mine = {post.id: post for post in there if post.member_id == promise.receiver_id and post.side == "need"}
    return [mine[post.id] for post in board_rules.fitting([got_], [post.rules for post in mine.values()])][:2]


@router.command("met", allow=Authority.MEMBER, typed=False, help=T("A need of yours was met in a barter."))
async def met(context: Context, *, number: Number) -> Reply:
    """It goes off the board as done."""
    post = await _own_post(context, number)
    if not post.stands(context.now):
        raise Refusal(T("No. {number} is off the board.", number=number), private=True)
    await board.end(context.tx, post, "done")
    return Reply(T("No. {number} is off the board.", number=number), private=True)


@router.command("offer_again", allow=Authority.MEMBER, typed=False, help=T("An offer stands on the board again."))
async def offer_again(context: Context, *, number: Number) -> Reply:
    """What went off the board because it was done stands there again for a month."""
    post = await _own_post(context, number)
    if post.state != "done":
        raise Refusal(T("No. {number} stands on the board, or was taken back.", number=number), private=True)
    zone = context.committee.zone
    today = context.now.astimezone(zone).date()
    last = today + timedelta(days=board_rules.DAYS)
    ends = datetime.combine(last + timedelta(days=1), time())
    await board.extend(context.tx, post, ends.replace(tzinfo=zone))
    days = {post.thing: ("post_over", ends)}
    soon = board_rules.reminder_day(last, today=today)
    if soon is not None:
        days[f"{post.thing}:soon"] = ("post_soon", datetime.combine(soon, time(10)))
    for key, (name, local) in days.items():
        command = context.commands.get(name)
        assert command is not None
        says = command.says(number=number)
        await due.plan(context.tx, key, says, local=local, zone=zone, committee=context.committee.id, late="do")
    return Reply(T("No. {number} stands until {until}.", number=number, until=last), private=True)


async def _own_post(context: Context, number: int) -> board.Posted:
    post = await board.numbered(context.tx, context.committee.id, number)
    if post is None:
        raise Refusal(T("There is no number {number} on the board. {board} shows it.", number=number, board=_BOARD))
    if post.member_id != context.member.id:
        raise Refusal(T("No. {number} is {name}'s: only they can change it.", number=number, name=post.name))
    return post


# --- when it hangs -----------------------------------------------------------------------------------------------


async def _plan_reminder(context: Context, one: Barter, *, first: bool = False) -> None:
    """When whoever still owes is asked how it stands: on its day, else some time after it was agreed on."""
    zone = context.committee.zone
    within = DONE_WITHIN if first else REMIND_EVERY
    at = max(one.by, context.now) if one.by is not None and first else context.now + within
    day = at.astimezone(zone).date()
    # At an hour when people can do something about it.
    local = datetime.combine(day + timedelta(days=datetime.combine(day, time(10), zone) <= context.now), time(10))
    await due.plan(
        context.tx,
        one.thing,
        barter_hangs.says(number=one.number),
        local=local,
        zone=zone,
        committee=context.committee.id,
        late="do",
    )


@router.command("barter_hangs", allow=Authority.CLOCK, typed=False, help=T("A barter is not done yet."))
async def barter_hangs(context: Context, *, number: Number) -> None:
    """Whoever still owes is asked kindly; where nobody has done anything, all are, and at last it lapses."""
    one = await barter.numbered(context.tx, context.committee.id, number)
    if one is None or one.state not in ("agreed", "half"):
        return
    if one.state == "agreed" and one.reminded >= REMINDERS_MAX:
        await barter.end(context.tx, one, "lapsed")
        for promise in one.promises:
            words = lines(_title(one), T("Nothing has come of it, so it is over. Nothing is owed."))
            await _tell(context, promise.giver_id, words, one)
        return
    if one.reminded >= REMINDERS_MAX:
        for promise in one.owed:
            # The kind words are used up: whoever waits decides what becomes of it.
            words = lines(
                *_told(one, promise.receiver_id, context.committee),
                T("{name} has not come to it. You can settle it with hours, or call it even.", name=promise.giver),
            )
            await _nudge(context, promise.receiver_id, words, one)
        return
    await barter.remind(context.tx, one)
    await _plan_reminder(context, one)
    asked = {promise.giver_id for promise in one.owed} or {promise.giver_id for promise in one.promises}
    for id_ in sorted(asked):
        give = one.given_by(id_)
        question = (
            T("{name} has kept their side. How does it stand with yours?", name=one.given_to(id_).giver)
            if one.state == "half" and not one.ring
            else T("Others have kept their side. How does it stand with yours?")
            if one.state == "half"
            else T("How does it stand?")
        )
        told = _told(one, id_, context.committee) if one.state == "agreed" else [_title(one), _line(give, id_)]
        await _nudge(context, id_, lines(*told, question), one)


async def _nudge(context: Context, id_: int, words: Words, one: Barter) -> None:
    member = await _member(context, id_)
    voice = await _voice(context, member)
    if voice.id != member.id:
        words = lines(T("For {name}:", name=member.name), words)
    if voice.active:
        await context.nudge(voice, words, buttons=_rows(_buttons(one, id_)), key=one.thing)


def _owing(one: Barter, me: int) -> Promise:
    """The promise that may be settled, in which this member gives or gets. Raises Refusal."""
    for promise in one.owed:
        if me in (promise.giver_id, promise.receiver_id):
            return promise
    raise Refusal(
        T("There is nothing to settle in no. {number}: nobody waits who has kept their side.", number=one.number),
        private=True,
    )


async def _to_settle(context: Context) -> list[tuple[Text | str, int]]:
    return [
        (_line(promise, me), one.number)
        for one, me in await _mine_open(context)
        for promise in one.owed
        if me in (promise.giver_id, promise.receiver_id)
    ]


@router.command(
    "settle",
    allow=Authority.MEMBER,
    label=T("Settle with hours"),
    help=T("Half of a barter is done, and the rest will not be: hours in its place, if both agree."),
    sample=("3", "1h"),
    asks={
        "number": Asks(T("Which one?"), _to_settle, T("There is no barter of yours that is half done.")),
        "time": Asks(T("With how much time? Choose, or write it, like {example}.", example=Typed("1h30"))),
    },
)
async def settle(context: Context, *, number: Number, time: Duration) -> Reply:
    """Ask the other whether hours may take the place of what is still owed."""
    if (await schemes.now(context.tx, context.committee.id)).base == "gift":
        raise Refusal(
            T("Here nobody counts hours. Talk it over; whoever has given can let go of it: {mine}", mine=_MINE),
            private=True,
        )
    one, me = await _open(context, number, "agreed", "half")
    promise = _owing(one, me)
    if me == promise.giver_id:
        # Whoever would give hours hears at once, and alone, if they cannot.
        await context.would(await _thanks(context, one, promise, time), authority=context.authority)
    await barter.settle(context.tx, promise, time, me)
    other = promise.receiver_id if me == promise.giver_id else promise.giver_id
    name = (await _member(context, other)).name
    if not await _ask_to_settle(context, await _again(context, one), other):
        raise Refusal(T("I cannot reach {name} in private. Ask them to write to me.", name=name), private=True)
    return Reply(T("I have asked {name}.", name=name), private=True)


async def _ask_to_settle(context: Context, one: Barter, id_: int) -> bool:
    promise = _owing(one, id_)
    assert promise.settle is not None
    words = lines(
        _title(one),
        _line(promise, id_),
        T("In its place you would give {name} {time}. Shall I record that?", name=promise.receiver, time=promise.settle)
        if id_ == promise.giver_id
        else T(
            "{name} would give you {time} in its place. Is that all right?", name=promise.giver, time=promise.settle
        ),
    )
    return await _tell(context, id_, words, one, (_settling(one, promise),))


def _settling(one: Barter, promise: Promise) -> tuple[Button, ...]:
    assert promise.settle is not None
    return (
        Button(label=T("Yes"), says=settled.says(number=one.number, time=promise.settle)),
        Button(label=T("No"), says=not_settled.says(number=one.number)),
    )


async def _thanks(context: Context, one: Barter, promise: Promise, minutes: Minutes) -> Any:
    """The command by which whoever owes gives hours: for what the other has given them, where it was them."""
    command = context.commands.named("thank")
    receiver = await _member(context, promise.receiver_id)
    got_ = one.given_to(promise.giver_id)
    what = got_.words.text if got_.giver_id == receiver.id and got_.words is not None else ""
    return command.says(to=(receiver,), time=minutes, **({"what": what} if what else {}))


async def _asked_to_settle(context: Context, number: int) -> tuple[Barter, int, Promise]:
    """What the other has asked this member. Raises Refusal."""
    one, me = await _open(context, number, "agreed", "half")
    promise = _owing(one, me)
    if promise.settle is None or promise.settle_by is None:
        raise Refusal(T("Nobody has asked that any more. {mine} shows how it stands.", mine=_MINE), private=True)
    if promise.settle_by == me:
        raise Refusal(T("You have asked that yourself: the other answers."), private=True)
    return one, me, promise


@router.command("settled", allow=Authority.MEMBER, typed=False, help=T("Hours in place of what is owed: yes."))
async def settled(context: Context, *, number: Number, time: Duration) -> Reply:
    """Both have said yes: the hours move, and the promise is settled."""
    one, me, promise = await _asked_to_settle(context, number)
    if time != promise.settle:
        raise Refusal(
            T("It is {time} now. Look at the newest message.", time=promise.settle or Minutes(0)), private=True
        )
    giver = await _member(context, promise.giver_id)
    in_their_name = replace(
        context, of_member=giver, spoken_by=context.member if giver.helper_id == context.member.id else None, place=None
    )
    says = await _thanks(context, one, promise, time)
    try:
        await in_their_name.say(says, authority=context.authority)
    except Refusal:
        if me == promise.giver_id:
            raise
        # Why it cannot be is nobody's business but theirs: they are asked, and hear it when they say yes.
        await barter.settle(context.tx, promise, time, me)
        await _ask_to_settle(context, await _again(context, one), promise.giver_id)
        return Reply(T("I have asked {name} to say yes once more.", name=promise.giver), private=True)
    return await _kept(context, one, me, promise, "settled")


@router.command("not_settled", allow=Authority.MEMBER, typed=False, help=T("Hours in place of what is owed: no."))
async def not_settled(context: Context, *, number: Number) -> Reply:
    """It stays as it is."""
    one, me, promise = await _asked_to_settle(context, number)
    await barter.settle(context.tx, promise, None, None)
    other = promise.receiver_id if me == promise.giver_id else promise.giver_id
    words = lines(
        _title(one),
        _line(promise, other),
        T("{name} would rather not have hours for it. Talk it over.", name=(await _member(context, me)).name),
    )
    await _tell(context, other, words, one)
    return Reply(T("Nothing was recorded."), private=True)


@router.command("even", allow=Authority.MEMBER, typed=False, help=T("Let go of what somebody still owes you."))
async def even(context: Context, *, number: Number) -> Reply:
    """Whoever has given wants nothing more for it."""
    one, me = await _open(context, number, "agreed", "half")
    promise = one.given_to(me)
    if promise not in one.owed:
        raise Refusal(
            T("There is nothing to settle in no. {number}: nobody waits who has kept their side.", number=number),
            private=True,
        )
    return await _kept(context, one, me, promise, "even")


# --- looking -----------------------------------------------------------------------------------------------------


@router.command(
    "barters",
    allow=Authority.MEMBER,
    label=T("My barters"),
    help=T("Your barters and rings, and what is left to do."),
    repeatable=True,
    for_others=True,
)
async def barters(context: Context) -> Reply:
    """Everything of one's own that is not over."""
    found = await _mine_open(context)
    if not found:
        return Reply(_NONE, private=True)
    told: list[Words] = []
    rows: list[tuple[Button, ...]] = []
    for one, me in found:
        told += [*_told(one, me, context.committee), _state(one)]
        rows += _rows([_numbered(one, button) for button in _buttons(one, me)])
    return Reply(
        lines(*told),
        buttons=tuple(rows),
        private=True,
        about=tuple(thing for one, _ in found for thing in one.things),
    )


def _numbered(one: Barter, button: Button) -> Button:
    return replace(button, label=T("No. {number}: {what}", number=one.number, what=button.label))


@router.card("ring")
async def ring_card(view: View, ref: int) -> Shown | None:
    """A ring to which all have said yes: who does what for whom, and how it stands."""
    one = await barter.by_id(view.tx, view.committee.id, ref)
    if one is None or not one.ring or one.state in ("asked", "declined"):
        return None
    if one.state not in (*rules_.OPEN, "done"):
        return Shown(lines(_title(one), _STATES[one.state]))
    return Shown(lines(_title(one), *(_standing(promise) for promise in one.promises), _state(one)))


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What waits for an answer, and what is promised and not done."""
    todo = []
    for one, me in await _mine_open(context):
        give, get = one.given_by(me), one.given_to(me)
        if one.state == "asked":
            if give.answer is None:
                todo.append(Todo(words=_asking(one, me), buttons=_buttons(one, me), by=one.by))
            continue
        for promise in one.owed:
            if promise.settle is not None and me in (promise.giver_id, promise.receiver_id) and promise.settle_by != me:
                words = T("{promise} – {time} in its place?", promise=_line(promise, me), time=promise.settle)
                todo.append(Todo(words=words, buttons=_settling(one, promise)))
        done = [button for button in _buttons(one, me) if button.says.command in ("got", "gave")]
        words = _line(give, me) if not give.kept else _line(get, me)
        if not give.kept and not get.kept:
            words = T("{one}; {other}", one=_line(give, me), other=_line(get, me))
        todo.append(Todo(words=words, buttons=tuple(done), by=one.by))
    return todo


def _asking(one: Barter, me: int) -> Text:
    """What is asked, in one line."""
    give, get = one.given_by(me), one.given_to(me)
    return T("{one}; {other}", one=_line(give, me), other=_line(get, me))


@router.entry("barter")
async def barter_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A barter is told to the two; a ring, which all were shown, to everybody."""
    one = await barter.by_id(telling.tx, telling.committee.id, body["barter"])
    done = body.get("done", False)
    members = [promise.giver_id for promise in one.promises] if one is not None else []
    if one is not None and one.ring:
        names = await telling.names(members)
        return (
            T("ring no. {number} is done: {names}.", number=one.number, names=names)
            if done
            else T("ring no. {number} begins: {names}.", number=one.number, names=names)
        )
    if one is None or telling.reader.id not in members:
        return T("a barter between two members is done.") if done else T("two members have agreed on a barter.")
    names = await telling.names(members)
    return (
        T("barter no. {number} of {names} is done.", number=one.number, names=names)
        if done
        else T("{names} have agreed on barter no. {number}.", number=one.number, names=names)
    )


# --- rings -------------------------------------------------------------------------------------------------------


@router.command("seek_rings", allow=Authority.CLOCK, typed=False, help=T("The board is searched for rings."))
async def seek_rings(context: Context) -> None:
    """Propose to each, in private, the best rings of three or four that the board has now."""
    await barter.purge(context.tx, context.committee.id, now=context.now)
    posts = await _free_posts(context)
    barred = await barter.barred(context.tx, context.committee.id)
    for ring in rings.next_round([post.rules for post in posts], barred=barred):
        one = await barter.propose(
            context.tx,
            context.committee,
            [
                Planned(giver_id=step.giver, receiver_id=step.receiver, offer_id=step.offer, need_id=step.need)
                for step in ring
            ],
            proposer=None,
            now=context.now,
        )
        await _plan_lapse(context, one, RING_ASKED_FOR)
        for promise in one.promises:
            id_ = promise.giver_id
            words = lines(
                _title(one),
                T("I have found a ring on the board: {n} people, each helps another. No hours move.", n=len(ring)),
                *(_line(mine, id_) for mine in _own(one, id_)),
                T("It only comes about if all say yes. Until then nobody hears what you say."),
            )
            await context.nudge(await _member(context, id_), words, buttons=(_buttons(one, id_),), key=one.thing)


async def _free_posts(context: Context) -> list[board.Posted]:
    """What is on the board and promised to nobody, of members who can be asked for a ring today."""
    committee_id = context.committee.id
    promised = await barter.promised(context.tx, committee_id)
    there = await board.open_posts(context.tx, committee_id, now=context.now)
    posts = [post for post in there if not post.taken and post.id not in promised]
    busy = await barter.asked_in_rings(context.tx, committee_id)
    busy |= await barter.left_unanswered(context.tx, committee_id, since=context.now - RING_REST)
    sides: dict[int, set[str]] = {}
    for post in posts:
        sides.setdefault(post.member_id, set()).add(post.side)
    # Whoever only offers, or only needs, is in no ring.
    asked = {id_ for id_, both in sides.items() if len(both) > 1 and id_ not in busy and await _may_ask(context, id_)}
    return [post for post in posts if post.member_id in asked]


async def _may_ask(context: Context, id_: int) -> bool:
    """Whether somebody hears of it in time: in private, themselves, and without being disturbed."""
    member = await _member(context, id_)
    if member.spoken_for or await people.private_chat_of(context.tx, member.person_id) is None:
        return False
    until = member.suspended_until
    if until is not None and conduct.is_suspended(until, now=context.now):
        return False
    wish = await nudges.wish(context.tx, member, committee=context.committee)
    return wish.budget > 0 and (wish.until is None or wish.until <= context.now)
