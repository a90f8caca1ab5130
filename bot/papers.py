"""How a ballot is told and read, and what comes in when it is cast, wherever that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot import polls as told
from bot.chat import Button, Link, Reply
from bot.domain import conduct, voting
from bot.domain.voting import Asked, Kind, Unread
from bot.router import Context, View
from bot.text import Listed, Refusal, T, Text, Typed, Words, lines
from storage import ballots, papers, people, polls
from storage.ballots import How
from storage.people import Member
from storage.polls import Option, Poll
from storage.proxies import Proxy

_EXAMPLES: Mapping[Kind, str] = {
    "one": "2",
    "approval": "2, 3",
    "ranked": "2 > 1 > 3",
    "score": "1: 4, 2: 2",
    "dots": "1: 3, 2: 2",
}


def asked(poll: Poll) -> Asked:
    """What a ballot of this poll may say."""
    return Asked(
        method=poll.method,
        places=tuple(one.place for one in poll.standing),
        withdrawn=frozenset(one.place for one in poll.options if one.withdrawn),
        most=poll.rule.most,
    )


def example(poll: Poll) -> Typed:
    """A vote as it is written."""
    return Typed(f"/vote {poll.number} {_EXAMPLES[asked(poll).kind]}")


def order(poll: Poll, voter: Member) -> tuple[Option, ...]:
    """The options as they stand on somebody's paper: none is the first for all. A process's own stay as they are."""
    if poll.rule.choices:
        return poll.standing
    return tuple(
        one
        for place in voting.rotated([one.place for one in poll.standing], poll.number + voter.id)
        if (one := poll.option(place)) is not None
    )


# --- telling -----------------------------------------------------------------------------------------------------


def ballot_words(poll: Poll, choice: Any) -> Text:
    """A ballot in words: `Library`, `Library and Park`, `B > A = C`, `Library 4 and Park 2`."""
    match asked(poll).kind:
        case "one":
            return _called(poll, choice)
        case "approval":
            return T("{options}", options=Listed(tuple(_called(poll, place) for place in choice)))
        case "ranked":
            # Not a sentence to translate: only what is inside is.
            places = [place for group in choice for place in group]
            names = {f"o{at}": _called(poll, place) for at, place in enumerate(places)}
            marks = iter(names)
            row = " > ".join(" = ".join(f"{{{next(marks)}}}" for _ in group) for group in choice)
            return Text(row, values=names)
        case _:
            given = [T("{option} {n}", option=_called(poll, int(place)), n=n) for place, n in choice.items()]
            return T("{options}", options=Listed(tuple(given)))


def _called(poll: Poll, place: int) -> Text:
    option = poll.option(place)
    return T("(erased)") if option is None else told.option_words(poll, option)


def counted(poll: Poll, choice: Any) -> Text:
    """What is said of a ballot that counts."""
    assert poll.closes_at is not None
    return T(
        "Counted: {option}. You can change it until {until}.", option=ballot_words(poll, choice), until=poll.closes_at
    )


def receipt_words(code: str) -> Words:
    """A receipt, and what is to be known of it."""
    return lines(
        T("Your receipt: {code}", code=Typed(code)),
        T(
            "With it you can check after the end that this ballot was counted: {check}. Whoever sees it can see how "
            "you voted, so show it to nobody: with it votes can be bought, or forced.",
            check=Typed(f"/receipt {code}"),
        ),
    )


# --- reading -----------------------------------------------------------------------------------------------------


def read(context: Context, poll: Poll, text: str) -> Any:
    """A vote in words. Raises Refusal, which says what to do."""
    names = {one.place: _names(poll, one) for one in poll.options}
    try:
        return voting.read(text, asked(poll), names)
    except Unread as unread:
        raise Refusal(fault_words(poll, unread), private=poll.secrecy == "hidden") from unread


def _names(poll: Poll, option: Option) -> tuple[str, ...]:
    if option.words is not None:
        return (option.words.text, *option.words.others.values())
    choice = poll.rule.choice(option.key)
    return tuple(choice.label.values()) if choice is not None else ()


def fault_words(poll: Poll, unread: Unread) -> Text:
    """What is wrong with a vote, and what to do."""
    meant = [one for place in unread.places if (one := poll.option(place)) is not None]
    option: Text | str = told.option_words(poll, meant[0]) if meant else unread.word
    word = unread.word if len(unread.word) <= 40 else unread.word[:39] + "…"
    how = example(poll)
    match unread.fault:
        case "empty":
            return T("Nothing is chosen in that. Write it like this: {example}", example=how)
        case "one":
            return T("In this poll everybody chooses one. Write only that, like this: {example}", example=how)
        case "points":
            return T("I find no points in “{word}”. Write it like this: {example}", word=word, example=how)
        case "high":
            return T("Points go from 0 to {word} here. Write it like this: {example}", word=word, example=how)
        case "dots":
            return T("You have {word} dots in all. Give some of them fewer, or start again.", word=word)
        case "many":
            return T("You can choose {word} at most. Take one away first.", word=word)
        case "twice":
            return T("“{option}” is in it twice. Name each option once.", option=option)
        case "withdrawn":
            return T("“{option}” was withdrawn, so nobody can choose it any more. Choose another one.", option=option)
        case "several":
            return T(
                "“{word}” fits several: {options}. Write the number instead.", word=word, options=_numbered(poll, meant)
            )
        case _:
            return T(
                "“{word}” is no option of poll {number}. Write a number or a name: {options}.",
                word=word,
                number=poll.number,
                options=_numbered(poll, poll.standing),
            )


def _numbered(poll: Poll, options: Iterable[Option]) -> Listed:
    return Listed(tuple(T("{n} {option}", n=one.place, option=told.option_words(poll, one)) for one in options))


# --- voting ------------------------------------------------------------------------------------------------------


async def cast(context: Context, poll: Poll, choice: Any, *, buttons: bool = True, short: bool = False) -> Reply:
    """Put one's own ballot in, in place of an earlier one, and confirm it. Raises Refusal.

    `buttons`: with ways to change it and to take it back. `short`: so that it fits a pop-up.
    """
    words, code, decided = await _put_in(context, poll, context.member, choice, how="self")
    if code is not None:
        brief = T("Your receipt, to note down and show to nobody: {code}", code=Typed(code))
        words = lines(words, brief if short else receipt_words(code))
    return Reply(words, private=True, buttons=own_buttons(context, poll) if buttons and not decided else ())


async def cast_for(context: Context, poll: Poll, voter: Member, choice: Any, *, how: How) -> Reply:
    """Put a ballot in for somebody who could not do it themselves, and tell them. Raises Refusal.

    Their own vote always goes before: it takes the place of this one, and this one never that of theirs.
    """
    has = await ballots.of(context.tx, poll, voter.id)
    if has is not None and (has.how == "self" or (how == "proxy" and has.how != "proxy")):
        raise Refusal(T("{name} has voted, and that goes before. Nothing is changed.", name=voter.name), private=True)
    if conduct.is_suspended(voter.suspended_until, now=context.now):
        raise Refusal(T("{name} is suspended, and has no vote until that ends.", name=voter.name), private=True)
    if has is not None and (has.choice, has.how) == (choice, how):
        # A second tap: it is done, and told, already.
        return Reply(lines(_for(voter), counted(poll, choice)), private=True)
    words, code, _ = await _put_in(context, poll, voter, choice, how=how)
    vote = context.commands.get("ballot")
    await context.tell(
        voter,
        lines(
            _TOLD[how](context.member.name, poll.number, ballot_words(poll, choice)),
            receipt_words(code) if code is not None else None,
        ),
        buttons=((Button(label=T("Vote"), says=vote.says(number=poll.number)),),) if vote is not None else (),
    )
    return Reply(lines(_for(voter), words), private=True)


def _for(voter: Member) -> Text:
    return T("For {name}:", name=voter.name)


async def _put_in(
    context: Context, poll: Poll, voter: Member, choice: Any, *, how: How
) -> tuple[Words, str | None, bool]:
    """A ballot goes in: what is said of it, its new receipt, and whether the poll was decided by it."""
    await told.may_vote(context, poll, voter)
    try:
        voting.check(asked(poll), choice)
    except Unread as unread:
        raise Refusal(fault_words(poll, unread), private=True) from unread
    has = await ballots.of(context.tx, poll, voter.id)
    code: str | None = None
    if has is None or (has.choice, has.how) != (choice, how):
        await ballots.cast(context.tx, poll, voter.id, choice, how=how)
        if poll.rule.receipts:
            code = await papers.give_receipt(context.tx, poll, voter.id, choice)
        await told.after_vote(context, poll)
    now = await told.of_id(context, poll.id)
    if now.state == "open":
        return counted(now, choice), code, False
    return T("Counted: {option}. With that, it is decided.", option=ballot_words(poll, choice)), code, True


def _by_proxy(name: str, number: int, ballot: Text) -> Words:
    return T(
        "{name}, who holds your proxy, has voted for you in poll {number}: {ballot}. Your own vote always takes its "
        "place.",
        name=name,
        number=number,
        ballot=ballot,
    )


def _on_paper(name: str, number: int, ballot: Text) -> Words:
    return T(
        "Two tellers, {name} the second of them, have entered your vote on paper in poll {number}: {ballot}. If that "
        "is wrong, vote yourself, or tell the committee.",
        name=name,
        number=number,
        ballot=ballot,
    )


def _by_phone(name: str, number: int, ballot: Text) -> Words:
    return T(
        "Two tellers, {name} the second of them, have entered your vote by phone in poll {number}: {ballot}. If that "
        "is wrong, vote yourself, or tell the committee.",
        name=name,
        number=number,
        ballot=ballot,
    )


_TOLD: Mapping[How, Callable[[str, int, Text], Words]] = {
    "proxy": _by_proxy,
    "paper": _on_paper,
    "phone": _by_phone,
}


def own_buttons(context: Context | View, poll: Poll) -> tuple[tuple[Button | Link, ...], ...]:
    """What can be done with one's own ballot."""
    change, back = context.commands.get("paper_change"), context.commands.get("paper_back")
    if change is None or back is None:
        return ()
    return (
        (
            Button(label=T("Change"), says=change.says(poll=poll.id)),
            Button(label=T("Take back"), says=back.says(poll=poll.id)),
        ),
    )


async def holds_for(context: Context, poll: Poll, proxy: Proxy | None) -> Member | None:
    """Whom somebody votes for in this poll by the proxy they hold; None: for nobody."""
    if proxy is None or poll.secrecy != "open" or proxy.poll_id not in (None, poll.id):
        return None
    giver = await people.member_now(context.tx, context.committee.id, proxy.giver_id)
    if giver is None or not giver.active or not await polls.may_vote(context.tx, poll, giver.id):
        return None
    return giver


HOW: Mapping[How, Text] = {
    "proxy": T("by proxy"),
    "paper": T("on paper"),
    "phone": T("by phone"),
}
