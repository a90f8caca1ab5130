"""Polls that change while they run: an option withdrawn or added, or the whole put anew as another round."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import making, together
from bot.arguments import LongNote, Note, Number
from bot.chat import Button, Card, Reply
from bot.domain import pollline
from bot.domain.board import plain
from bot.polls import all_processes, option_words
from bot.router import Authority, Context, Router
from bot.text import Refusal, T, Text, Typed, lines
from storage import ballots, entries, people, polls
from storage.polls import Option, Poll

router = Router("amending", under="polls")

_DROP, _ADD, _AMEND, _WITHDRAW = T("drop"), T("add"), T("amend"), T("withdraw")
_PARK, _OTHERS, _GREEN = T("Park"), T("Where do we meet? | Library | Park"), T("Shall we paint the door green?")


# --- options -----------------------------------------------------------------------------------------------------


@router.command(
    "poll_drop", allow=Authority.MEMBER, typed=False, help=T("Withdraw an option of a poll of yours, by its number.")
)
async def poll_drop(context: Context, *, number: Number, note: Note = "") -> Reply:
    """Nobody can choose it any more; whoever did hears of it. It is never deleted."""
    there = await making.own(context, number, "open", "planned", "queued")
    await together.check_alone(context, there)
    option = _option(there, note)
    if option.key is not None:
        raise Refusal(T("The answers of this process cannot be withdrawn."))
    if len(there.standing) <= 2:
        raise Refusal(
            T(
                "Then only one option would be left. Withdraw the whole poll: {withdraw}",
                withdraw=Typed(f"/poll {number}", _WITHDRAW),
            )
        )
    await polls.withdraw_option(context.tx, there, option.place, now=context.now)
    await entries.append(
        context.tx,
        context.committee,
        "poll",
        {"poll": there.number, "dropped": option.place, "by": context.member.id},
        now=context.now,
    )
    await _without(context, there, option)
    words = T(
        "Poll {number}: “{option}” was withdrawn and cannot be chosen any more.",
        number=there.number,
        option=option_words(there, option),
    )
    await context.tell_group(words)
    return Reply(words)


def _option(there: Poll, note: str) -> Option:
    """The standing option that is meant, by number or words. Raises Refusal."""
    said = plain(note).strip(" .#")
    for one in there.standing:
        if said == str(one.place) or (one.words is not None and said == plain(one.words.text).strip(" .")):
            return one
    raise Refusal(
        T(
            "Which option? Write its number as the card shows it, like {example}.",
            example=Typed(f"/poll {there.number}", _DROP, "2"),
        )
    )


async def _without(context: Context, there: Poll, option: Option) -> None:
    """Take the option out of what was voted, and tell those who had chosen it.

    Where names are hidden all hear the same: who is told would tell what they chose.
    """
    vote = ((Button(label=T("Vote"), says=context.commands.named("poll_show").says(number=there.number)),),)
    name = option_words(there, option)
    for member_id in await polls.roll(context.tx, there):
        member = await people.member(context.tx, context.committee.id, member_id)
        ballot = await ballots.of(context.tx, there, member_id)
        if ballot is None or member is None:
            continue
        named, left = _places(ballot.choice)
        left -= {one.place for one in there.options if one.withdrawn or one.place == option.place}
        hit = option.place in named
        if hit and not left:
            await ballots.withdraw(context.tx, there, member_id)
        if there.secrecy == "hidden":
            words = T(
                "Poll {number}: “{option}” was withdrawn. If you chose it alone, your vote does not count until you "
                "choose again; in a vote with other options it is passed over.",
                number=there.number,
                option=name,
            )
        elif not hit:
            continue
        elif not left:
            words = T(
                "Poll {number}: “{option}”, which you chose, was withdrawn. Your vote does not count until you choose "
                "again.",
                number=there.number,
                option=name,
            )
        else:
            words = T(
                "Poll {number}: “{option}” was withdrawn. Your vote goes on without it; you can change it.",
                number=there.number,
                option=name,
            )
        await context.tell(member, words, buttons=vote, about=(there.thing, option.thing))


def _places(choice: Any) -> tuple[set[int], set[int]]:
    """Which options a ballot names, twice: the second is for what is left of them."""
    match choice:
        case int():
            found = {choice}
        case dict():
            found = {int(place) for place, points in choice.items() if points}
        case list():
            found = {place for one in choice for place in (one if isinstance(one, list) else [one])}
        case _:
            found = set()
    return found, set(found)


@router.command(
    "poll_add",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Add an option to a poll of yours, before anybody has voted."),
)
async def poll_add(context: Context, *, number: Number, note: Note = "") -> Reply:
    """Only before the first ballot: nobody has voted on less than others."""
    there = await making.own(context, number, "open", "planned", "queued")
    await together.check_alone(context, there)
    if any(one.key is not None for one in there.options):
        raise Refusal(T("This process has its own answers: no option can be added."))
    if await ballots.count(context.tx, there):
        raise Refusal(
            T(
                "Somebody has voted already, so the options stay as they are. A new round can have others: {amend}",
                amend=Typed(f"/poll {number}", _AMEND, _OTHERS),
            )
        )
    words = " ".join(note.split())
    if not words:
        raise Refusal(
            T(
                "Which option? Write it like this: {example}",
                example=Typed(f"/poll {number}", _ADD, _PARK),
            )
        )
    old = [one.words.text for one in there.standing if one.words is not None]
    fault = pollline.options_fault([*old, words])
    if fault is not None:
        raise Refusal(making.fault_words(fault, [*old, words]))
    await polls.add_option(context.tx, there, words)
    place = len(there.options) + 1
    body = {"poll": there.number, "added": place, "by": context.member.id}
    await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    told = T("Poll {number} has one more option: {option}", number=there.number, option=words)
    await context.tell_group(told)
    return Reply(told)


# --- another round -----------------------------------------------------------------------------------------------


@router.command(
    "poll_amend",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Put a poll of yours anew, in other words: another round."),
)
async def poll_amend(context: Context, *, number: Number, note: LongNote = "") -> Reply | Card | None:
    """The earlier poll is over without a result; what was voted there is not carried over, and the voters hear so."""
    there = await making.own(context, number, "open")
    await together.check_alone(context, there)
    if there.says is not None:
        raise Refusal(
            T("What the committee would do cannot be put otherwise here. Withdraw it, and ask for the other thing.")
        )
    if not note.strip():
        raise Refusal(
            T(
                "What is it to be now? Write it like this: {example}",
                example=Typed(f"/poll {number}", _AMEND, _GREEN),
            )
        )
    draft, said = _amended(there, making.read(context, note))
    zone = context.committee.zone
    if said.closes is None and said.length is None:
        said = replace(said, length=timedelta(minutes=making.minutes_open(there, zone)))
    opens, closes = making.times(context, draft, said)
    later = await making.kept(context, draft, opens, closes, earlier=there)
    await _moved(context, there, later)
    return await making.begin(context, later)


def _amended(there: Poll, said: pollline.Line) -> tuple[making.Draft, pollline.Line]:
    """The next round: as the earlier one, but for what the line says. Raises Refusal."""
    if said.process is not None or said.method is not None or said.rule is not None:
        raise Refusal(T("A new round is decided in the same way. Write only what is asked now, and the options."))
    own = not any(one.key is not None for one in there.options)
    options = said.options or tuple(one.words.text for one in there.standing if one.words is not None)
    said = replace(said, options=options if own else said.options)
    fault = pollline.fault(said, own=own)
    if fault is not None:
        raise Refusal(making.fault_words(fault, said.options))
    if not own and said.options:
        raise Refusal(T("This process has its own answers: no option can be added."))
    process = all_processes().get(there.process) or all_processes()["poll"]
    draft = making.Draft(
        process=there.process,
        method=there.method,
        rule=making.with_settings(there.rule, process, there.method, said),
        secrecy=there.secrecy if said.hidden is None else "hidden" if said.hidden else "open",
        question=said.question,
        options=said.options if own else (),
        days=process.days,
    )
    return draft, said


async def _moved(context: Context, there: Poll, later: Poll) -> None:
    """The earlier round is over: nothing of it is counted."""
    told = await _to_tell(context, there)
    await making.over(context, there)
    await ballots.seal(context.tx, there)
    await polls.set_state(context.tx, there, "moved")
    body = {"poll": there.number, "moved": later.number, "by": context.member.id}
    await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    words: Text = T(
        "Poll {number}, in which you voted, was amended and goes on as poll {later}. Your vote was not carried over: "
        "please vote again.",
        number=there.number,
        later=later.number,
    )
    vote = Button(label=T("Vote"), says=context.commands.named("poll_show").says(number=later.number))
    for member_id in told:
        member = await people.member(context.tx, context.committee.id, member_id)
        if member is not None and member.active:
            await context.tell(member, lines(words), buttons=((vote,),))


async def _to_tell(context: Context, there: Poll) -> list[int]:
    """Those who had voted, but for whoever says it. That somebody voted is no secret from themselves."""
    missing = set(await ballots.missing(context.tx, there))
    roll = await polls.roll(context.tx, there)
    return [member_id for member_id in roll if member_id not in missing and member_id != context.member.id]
