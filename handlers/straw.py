"""Straw polls: the networks' own polls as temperature checks. Everybody who sees one can vote; they decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.arguments import Note, Number, Reference
from bot.chat import Button, Card, Lane, NativePoll, Reply, Shown, UserId
from bot.domain import straw as rule
from bot.domain.recurrence import instant
from bot.domain.straw import Tally
from bot.router import Asks, Authority, Context, Router, Telling, View
from bot.text import Refusal, T, Text, Typed, Words, Written, lines
from storage import cards, due, entries, outbox, people, straws
from storage.people import Place
from storage.straws import Straw

router = Router("straw", under="polls")

_SAMPLE = T("Where do we meet? | Library | Park")
_UNTIL = T("Where do we meet? | Library | Park, until fri 20:00")
_EXAMPLE = Typed("/straw", _SAMPLE)
_ERASED = T("(erased)")


# --- making ------------------------------------------------------------------------------------------------------


@router.command(
    "straw",
    allow=Authority.MEMBER,
    within="poll",
    label=T("Straw poll"),
    help=T("A quick show of hands, by the chat's own poll. It decides nothing."),
    sample=(_SAMPLE,),
    asks={
        "line": Asks(
            T(
                "What do you want to know? Write the question, then the answers, with | between them: {example}",
                example=_SAMPLE,
            )
        )
    },
)
async def straw(context: Context, *, line: Note) -> Reply | Card:
    """One line makes one, in every chat of the committee; a number shows one."""
    if line.strip().lstrip("#").isdecimal():
        return Card("straw", (await _numbered(context, int(line.strip().lstrip("#")))).id)
    said, ends_at = _read(context, line)
    if len(await straws.running(context.tx, context.committee.id)) >= straws.OPEN_MAX:
        raise Refusal(
            T("{n} straw polls are running already. End one first: {end}", n=straws.OPEN_MAX, end=Typed("/straw_end 1"))
        )
    made = await straws.add(context.tx, context.committee, said, maker=context.member, ends_at=ends_at, now=context.now)
    for place in await _places(context):
        await _send(context, made, said, place)
    await due.plan(
        context.tx,
        _key(made),
        straw_due.says(straw=made.id),
        local=ends_at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )
    card = Card("straw", made.id)
    if context.in_private:
        await context.show(card)
    return card


def _key(made: Straw) -> str:
    return f"straw:{made.id}"


def _read(context: Context, line: str) -> tuple[rule.Line, datetime]:
    """What is asked, and until when. Raises Refusal."""
    zone = context.committee.zone
    wall = context.now.astimezone(zone).replace(tzinfo=None)
    try:
        said = rule.read(line, now=wall)
    except rule.Unclear as unclear:
        raise Refusal(
            T(
                "I do not understand “{words}”. Until when? Write it like this: {example}",
                words=unclear.words[:40],
                example=Typed("/straw", _UNTIL),
            )
        ) from unclear
    fault = rule.fault(said, now=wall)
    if fault is not None:
        raise Refusal(_FAULTS[fault])
    return said, context.now + rule.OPEN_USUALLY if said.ends is None else instant(said.ends, zone)


_FAULTS: Mapping[rule.Fault, Text] = {
    "question": T("The question is missing. Write it like this: {example}", example=_EXAMPLE),
    "long": T("The question is too long: {n} characters at most.", n=rule.QUESTION_CHARACTERS_MAX),
    "one": T("At least two answers, with | between them. Like this: {example}", example=_EXAMPLE),
    "many": T("At most {n} answers. Ask about fewer of them.", n=rule.OPTIONS_MAX),
    "twice": T("Two of the answers are the same. Write each once."),
    "long_option": T("An answer is too long: {n} characters at most.", n=rule.OPTION_CHARACTERS_MAX),
    "past": T(
        "It would end in the past, or at once. Write a time that is still ahead, like {example}.",
        example=Typed("fri 20:00"),
    ),
    "far": T("A straw poll runs for {n} days at most.", n=rule.OPEN_MOST.days),
}


async def _places(context: Context) -> list[Place]:
    """The committee's chats; also the one where it is said, if that is another one of its groups."""
    found = await people.chats_of(context.tx, context.committee.id)
    here = context.place
    if here is not None and not here.private and here.id not in {place.id for place in found}:
        found.append(here)
    return found


async def _send(context: Context, made: Straw, said: rule.Line, place: Place) -> None:
    """Owe a chat the network's own poll."""
    here = context.place is not None and place.id == context.place.id
    ref = await straws.ask(context.tx, made, place)
    await outbox.queue(
        context.tx,
        place,
        lines(T("{title}", title=said.question), *(T("– {item}", item=option) for option in said.options)),
        reader=context.committee.reader,
        now=context.now,
        lane=Lane.ANSWER if here else Lane.CARD,
        committee=context.committee.id,
        topic=context.chat.topic if here and context.chat is not None else None,
        about=(made.thing,),
        poll=NativePoll(ref=ref, question=said.question, options=said.options, several=said.several),
    )


# --- voting by buttons, where there is no poll of the network's own -------------------------------------------------


@router.command("straw_choose", allow=Authority.ANYONE, typed=False, help=T("Answer a straw poll."))
async def straw_choose(context: Context, *, straw: Reference, place: Reference) -> Reply:
    """A tap chooses; the same tap again takes it back. `place`: from 1."""
    there = await straws.get(context.tx, context.committee.id, straw) if context.of_committee is not None else None
    if there is None or context.person is None or not 1 <= place <= len(there.options):
        raise Refusal(T("This choice is for somebody else."))
    if there.over:
        raise Refusal(T("This straw poll is over."), private=True)
    chosen = set(await straws.choices_of(context.tx, there, context.person.id))
    taken_back = place - 1 in chosen
    chosen = chosen ^ {place - 1} if there.several else set() if taken_back else {place - 1}
    user = UserId(context.person.user)
    await straws.chose(context.tx, there, user, context.tx.token(), sorted(chosen), at=context.now)
    await cards.changed(context.tx, there.thing)
    option = there.options[place - 1] or _ERASED
    words = (
        T("Taken back: {option}", option=option)
        if taken_back
        else T("Counted: {option}. Press it again to take it back.", option=option)
    )
    return Reply(words, private=True, fleeting=True)


# --- the end -----------------------------------------------------------------------------------------------------


@router.command(
    "straw_end",
    allow=Authority.MEMBER,
    within="straw",
    help=T("A straw poll ends now, and the group sees what it came to."),
)
async def straw_end(context: Context, *, number: Number | None = None) -> Reply:
    """Whoever made it, or an organizer."""
    there = await _meant(context, number)
    if there.over:
        raise Refusal(
            T("Straw poll {number} is over already. {show} shows it.", number=there.number, show=_show(there))
        )
    if context.member.id != there.maker_id and "organizer" not in context.roles:
        raise Refusal(
            T("Whoever made it can end it, or an organizer. It ends by itself: {when}.", when=there.ends_at),
            private=True,
        )
    return Reply(await _end(context, there), about=(there.thing,))


def _show(there: Straw) -> Typed:
    return Typed(f"/straw {there.number}")


async def _numbered(context: Context, number: int) -> Straw:
    found = await straws.numbered(context.tx, context.committee.id, number)
    if found is None:
        raise Refusal(T("There is no straw poll {number}. {straw} makes one.", number=number, straw=_EXAMPLE))
    return found


async def _meant(context: Context, number: int | None) -> Straw:
    """The one with this number; without one the only one that runs. Raises Refusal."""
    if number is not None:
        return await _numbered(context, number)
    running = await straws.running(context.tx, context.committee.id)
    if not running:
        raise Refusal(T("No straw poll is running. {straw} makes one.", straw=_EXAMPLE))
    if len(running) > 1:
        raise Refusal(
            lines(
                T("Which one? Write its number: {example}", example=Typed(f"/straw_end {running[0].number}")),
                *(T("{number}: {question}", number=one.number, question=one.question or _ERASED) for one in running),
            )
        )
    return running[0]


@router.command("straw_due", allow=Authority.CLOCK, typed=False, help=T("A straw poll ends."))
async def straw_due(context: Context, *, straw: Reference) -> None:
    """Its time has come."""
    there = await straws.get(context.tx, context.committee.id, straw)
    if there is not None and not there.over:
        await _end(context, there)


async def _end(context: Context, there: Straw) -> Words:
    """Nobody can vote any more, and every other group hears what it came to; the words for this one."""
    counted = await straws.end(context.tx, there, now=context.now)
    await due.cancel(context.tx, _key(there))
    for one in await straws.standing(context.tx, there.id):
        await outbox.queue(
            context.tx,
            one.place,
            T("This straw poll is over."),
            reader=context.committee.reader,
            now=context.now,
            committee=context.committee.id,
            ends=one.message,
        )
    body: dict[str, Any] = {"over": there.number, "members": counted.members, "others": counted.others}
    body["chosen"] = [list(both) for both in counted.chosen]
    await entries.append(context.tx, context.committee, "straw", body, now=context.now)
    await cards.changed(context.tx, there.thing)
    words = _over_words(there, counted)
    await context.announce(words, but=None if context.in_private else context.place)
    return words


# --- telling -----------------------------------------------------------------------------------------------------


@router.card("straw")
async def straw_card(view: View, ref: int) -> Shown | None:
    """What is asked, what it came to so far, and that it decides nothing."""
    there = await straws.get(view.tx, view.committee.id, ref)
    if there is None:
        return None
    counted = await straws.count(view.tx, there)
    if there.over:
        return Shown(_over_words(there, counted))
    state = None if view.chat_id is None else await straws.state_in(view.tx, there.id, view.chat_id)
    by_buttons = state in (None, "buttons")
    words = lines(
        T("Straw poll {number}: {question}", number=there.number, question=there.question or _ERASED),
        *_counts(there, counted),
        T("You can choose several.") if by_buttons and there.several else None,
        T(
            "Only a temperature check: it decides nothing. People from outside can vote too if it is forwarded, so I "
            "count members apart."
        ),
        T("It ends: {when}", when=there.ends_at),
    )
    options = tuple(
        (Button(label=option, says=straw_choose.says(straw=there.id, place=place)),)
        for place, option in enumerate(map(_label, there.options), start=1)
    )
    end = (Button(label=T("End it"), says=straw_end.says(number=there.number)),)
    return Shown(words, buttons=(*(options if by_buttons else ()), end))


def _label(words: Written | None) -> str | Text:
    return words.text if words is not None else _ERASED


def _counts(there: Straw, counted: Tally) -> list[Text]:
    """How often each answer was chosen, and by whom altogether."""
    if not counted.members + counted.others:
        return []
    told = [
        T("{option}: {n}", option=option or _ERASED, n=members + others)
        if not others
        else T("{option}: {n} (members: {members})", option=option or _ERASED, n=members + others, members=members)
        for option, (members, others) in zip(there.options, counted.chosen, strict=True)
    ]
    if not counted.others:
        return [*told, T("Votes: {members} of members", members=counted.members)]
    return [
        *told,
        T("Votes: {members} of members, {others} of others", members=counted.members, others=counted.others),
    ]


def _over_words(there: Straw, counted: Tally) -> Words:
    return lines(
        T("Straw poll {number} is over: {question}", number=there.number, question=there.question or _ERASED),
        *(_counts(there, counted) or [T("Nobody has voted.")]),
        T("It was only a temperature check: it decides nothing."),
    )


@router.entry("straw")
async def straw_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That one was made, and what it came to."""
    number = body.get("over") or body["straw"]
    found = await straws.numbered(telling.tx, telling.committee.id, number)
    question = found.question if found is not None and found.question is not None else _ERASED
    if "over" in body:
        return T("straw poll {number} is over: {question}", number=number, question=question)
    name = await telling.name(body["member"])
    return T("{name} began straw poll {number}: {question}", name=name, number=number, question=question)
