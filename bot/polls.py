"""How polls are told, and how a ballot comes in, wherever that is."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from bot import decisions
from bot.chat import Button
from bot.domain import processes, receipts
from bot.domain.grammar import folded
from bot.domain.processes import Method, Process, Turnout
from bot.router import Authority, Commands, Context, View
from bot.text import SOURCE_LANGUAGE, N, Refusal, T, Text, Typed, Words, Written
from storage import ballots, entries, linked_polls, outcomes, papers, people, polls
from storage.ballots import How
from storage.people import Committee, Member
from storage.polls import Option, Poll

POLLS = Typed("/polls")

ONE: frozenset[Method] = frozenset({"options", "plurality"})
"""Methods where everybody says one thing: one tap votes."""

METHODS: Mapping[Method, Text] = {
    "options": T("everybody says one thing"),
    "plurality": T("most votes"),
    "approval": T("all that you can live with"),
    "score": T("sum of points"),
    "dots": T("sum of dots"),
    "schulze": T("in order, by Schulze"),
    "irv": T("in order, by instant runoff"),
    "scottish-stv": T("in order, by Scottish STV"),
    "times": T("who can come when"),
    "survey": T("several questions"),
    "slots": T("whoever asks first"),
}

BEGUN_BY: Mapping[Method, str] = {"times": "meet", "survey": "survey", "slots": "slots"}
"""Methods with an area of their own, and the command that begins one there. That area has a card called by the method,
and a command that closes one early (`times_close`)."""


OWN_MAX = 50
_own: dict[str, Process] = {}


@functools.cache
def _shipped() -> Mapping[str, Process]:
    folder = resources.files("bot") / "processes"
    found = [processes.read(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


@functools.cache
def all_processes() -> Mapping[str, Process]:
    """The processes that there are, by name."""
    return {**_shipped(), **_own}


def read_own(folder: Path) -> list[Process]:
    """The processes of whoever runs the bot, a file each. Raises Wrong, which says what is wrong with which file."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise processes.Wrong(f"{folder} cannot be read ({(error.strerror or 'error').lower()})") from error
    found: list[Process] = []
    taken = {folded(word): one.name for one in _shipped().values() for word in one.aliases}
    for file in [file for file in files if file.suffix == ".toml"][:OWN_MAX]:
        try:
            one = replace(processes.read(file.read_text("utf-8")), host=True)
            for word in one.aliases:
                if (other := taken.setdefault(folded(word), one.name)) != one.name:
                    raise processes.Wrong(f"“{word}” calls the process “{other}” already")
        except (processes.Wrong, OSError, UnicodeDecodeError) as error:
            raise processes.Wrong(f"{file}: {error}") from error
        if one.name in _shipped() or any(one.name == other.name for other in found):
            raise processes.Wrong(f"{file}: there is a process “{one.name}” already")
        found.append(one)
    return found


def use_own(found: Iterable[Process]) -> None:
    """Whoever runs the bot has added these. Said once, before anybody is served."""
    _own.clear()
    _own.update({one.name: one for one in found})
    all_processes.cache_clear()
    process_words.cache_clear()


@functools.cache
def process_words() -> Mapping[str, Process]:
    """The processes by every word that members can call them."""
    return {folded(word): one for one in all_processes().values() if one.listed for word in one.aliases}


def in_languages(words: Mapping[str, str]) -> Text:
    """Words of a process, in the reader's language."""
    return T("{words}", words=Written(words.get(SOURCE_LANGUAGE) or next(iter(words.values())), words))


def titled(poll: Poll) -> Text:
    """What its process is called."""
    found = all_processes().get(poll.process)
    return in_languages(found.title) if found is not None else T("Poll")


async def question(context: Context | View, poll: Poll) -> Text:
    """What is asked: in the words of whoever made it, or what would be done in the committee's name."""
    about = await outcomes.about(context.tx, poll.id) if poll.question is None else None
    of = None if about is None else await polls.get(context.tx, context.committee.id, about[0])
    if about is not None and of is not None:
        what = await question(context, of)
        return T("Did it work? {what}", what=what) if about[1] == "review" else T("Renew it? {what}", what=what)
    if poll.says is not None and poll.question is None:
        return await decisions.described(context.tx, context.committee, context.commands, poll.says)
    return T("{question}", question=poll.question or T("(erased)"))


def option_words(poll: Poll, option: Option) -> Text:
    """What an option is called."""
    if option.words is not None:
        return T("{option}", option=option.words)
    choice = poll.rule.choice(option.key)
    return in_languages(choice.label) if choice is not None else T("(erased)")


def how_decided(poll: Poll) -> Text:
    """What decides it: as its process says, and where the poll is set otherwise, what it is set to."""
    process = all_processes().get(poll.process)
    if process is None:
        return METHODS[poll.method]
    changed = [
        _passes(poll, one)
        for one, usual in zip(poll.rule.tests, process.rule.tests, strict=False)
        if one != usual and poll.rule.choice(one.option) is not None
    ]
    if changed:
        return changed[0]
    how = in_languages(process.meaning)
    if poll.method != process.method:
        how = T("Counted otherwise than usual: {method}.", method=METHODS[poll.method])
    if poll.rule.seats > 1:
        how = T("{how} {n} can be chosen.", how=how, n=poll.rule.seats)
    if poll.rule.most is not None and poll.rule.most != process.rule.most:
        match poll.method:
            case "dots":
                how = N(
                    "Everybody has {n} dot. The most dots win.",
                    "Everybody has {n} dots. The most dots win.",
                    poll.rule.most,
                )
            case "score":
                how = T("Everybody gives each option from 0 to {n} points. The highest sum wins.", n=poll.rule.most)
            case _:
                how = T("{how} At most {n} for each of you.", how=how, n=poll.rule.most)
    return how


def _passes(poll: Poll, test: processes.Test) -> Text:
    choice = poll.rule.choice(test.option)
    assert choice is not None
    label = in_languages(choice.label)
    if test.at == "more":
        return T("It passes with more than {share} {option}.", share=str(test.value), option=label)
    return T("It passes with at least {share} {option}.", share=str(test.value), option=label)


async def turnout(context: Context | View, poll: Poll) -> Turnout:
    """How many have voted, of how many."""
    roll = await polls.count_roll(context.tx, poll)
    return Turnout(voters=await ballots.count(context.tx, poll), roll=roll, active=poll.active or 0)


async def found(context: Context, number: int) -> Poll:
    """The committee's poll with this number. Raises Refusal."""
    poll = await polls.numbered(context.tx, context.committee.id, number)
    if poll is None or poll.state == "draft":
        raise Refusal(T("There is no poll {number} here. {polls} shows what there is.", number=number, polls=POLLS))
    return poll


async def of_id(context: Context, id_: int) -> Poll:
    """A poll that a button was about. Raises Refusal."""
    poll = await polls.get(context.tx, context.committee.id, id_)
    if poll is None:
        raise Refusal(T("That poll is not there any more. {polls} shows what there is.", polls=POLLS))
    return poll


async def may_vote(context: Context, poll: Poll, member: Member) -> None:
    """Raises Refusal where this member cannot vote in this poll now."""
    if poll.state in ("planned", "queued", "draft"):
        raise Refusal(T("Poll {number} is not open yet.", number=poll.number), private=True)
    late = poll.closes_at is not None and context.said_at >= poll.closes_at
    if poll.state != "open" or late:
        raise Refusal(
            T("Poll {number} is closed. {polls} shows what can be decided now.", number=poll.number, polls=POLLS),
            private=True,
        )
    if not await polls.may_vote(context.tx, poll, member.id):
        raise Refusal(
            T(
                "You are not on the roll of poll {number}: that was closed when the poll opened, and you had no vote "
                "then. You can say what you think in the group.",
                number=poll.number,
            ),
            private=True,
        )


async def cast(context: Context, poll: Poll, choice: Any, *, member: Member | None = None, how: How = "self") -> None:
    """Put a ballot in, in place of an earlier one. `choice`: in the form of the poll's method. Raises Refusal."""
    voter = member or context.member
    await may_vote(context, poll, voter)
    await ballots.cast(context.tx, poll, voter.id, choice, how=how)
    await after_vote(context, poll)


async def take_back(context: Context, poll: Poll) -> None:
    """Take one's own ballot out. Raises Refusal."""
    await may_vote(context, poll, context.member)
    if not await ballots.withdraw(context.tx, poll, context.member.id):
        raise Refusal(T("You have not voted in poll {number}.", number=poll.number), private=True)
    await after_vote(context, poll)


async def after_opening(context: Context, poll: Poll) -> None:
    """A poll has opened: the areas that deal with some polls begin with it."""
    if poll.earlier_id is not None:
        await _hear(context, poll, "objections_answered")
    await _hear(context, poll, "election_begun")


async def after_closing(context: Context, poll: Poll) -> None:
    """A poll is closed, and counted: the areas that deal with what came of it do so."""
    # What several committees vote on is decided once all have counted, and has its outcome then.
    last = "outcome_begun" if await linked_polls.of_poll(context.tx, poll.id) is None else "linked_poll_closed"
    for name in ("objections_over", "election_decided", last, "federation_decided"):
        await _hear(context, poll, name)


async def after_withdrawing(context: Context, poll: Poll) -> None:
    """A poll was withdrawn: other committees that vote on it hear so."""
    await _hear(context, poll, "linked_poll_withdrawn")


async def _hear(context: Context, poll: Poll, name: str) -> None:
    command = context.commands.get(name)
    if command is not None:
        await context.say(command.says(poll=poll.id), authority=Authority.CLOCK)


async def after_vote(context: Context, poll: Poll) -> None:
    """A ballot has changed: objections follow it, and what is settled by that is settled now."""
    if any(choice.objects for choice in poll.rule.choices):
        await _hear(context, poll, "objection_follow")
    settle = context.commands.named("poll_settle")
    await context.say(settle.says(poll=poll.id), authority=Authority.CLOCK)


async def seal(context: Context, poll: Poll) -> None:
    """A poll is closed: what was in progress is erased, nothing leads from a hidden ballot to its voter any more, and
    the list of receipts is fixed in the books before the totals are."""
    await ballots.seal(context.tx, poll)
    if poll.rule.receipts:
        hashes = await papers.receipt_hashes(context.tx, poll)
        body = {"poll": poll.number, "receipts": receipts.root(hashes), "ballots": len(hashes)}
        await entries.append(context.tx, context.committee, "poll", body, now=context.now)


def vote_button(commands: Commands, poll: Poll, option: Option) -> Button:
    """One tap votes."""
    choose = commands.named("poll_choose")
    return Button(label=option_words(poll, option), says=choose.says(poll=poll.id, place=option.place))


async def named(context: Context | View, committee: Committee, member_id: int | None) -> Text:
    """A member's name; where it is erased, what stands for it."""
    member = None if member_id is None else await people.member(context.tx, committee.id, member_id)
    if member is None or not member.name:
        return T("a former member")
    return T("{name}", name=member.name)


def secrecy_words(poll: Poll) -> Words:
    """Who sees who voted what, said as it is."""
    match poll.secrecy:
        case "open":
            return T("Names are shown.")
        case "hidden":
            return T("Hidden from members: nobody here sees who voted what. Whoever runs the bot could see it.")
        case _:
            return T("You vote elsewhere: this card leads there.")
