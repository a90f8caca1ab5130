"""Voting: the paper that is filled in by tapping, votes in words, taking them back, and receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.arguments import Note, Number, Reference
from bot.chat import Button, Card, Document, Reply
from bot.domain import receipts, voting
from bot.domain.board import plain
from bot.domain.voting import Draft, Unread
from bot.papers import (
    asked,
    ballot_words,
    cast,
    cast_for,
    counted,
    example,
    fault_words,
    holds_for,
    order,
    own_buttons,
    read,
)
from bot.polls import POLLS, found, in_languages, may_vote, of_id, option_words, question, secrecy_words, take_back
from bot.router import Authority, Context, Router, Telling
from bot.text import Bold, N, Refusal, T, Text, Typed, Words, lines
from storage import ballots, papers, polls, proxies
from storage.people import Member
from storage.polls import Poll

router = Router("ballots", under="polls")

_WITHDRAW = frozenset(
    map(plain, ("withdraw", "back", "retirar", "quitar", "zurückziehen", "zurueckziehen", "zurücknehmen", "weg"))
)
_POINTS_OFFERED_MAX = 10


# --- in words ----------------------------------------------------------------------------------------------------


@router.command(
    "vote",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Vote in words: the poll's number, then an option's number or name; or several in order."),
    sample=(T("12 B > A > C"),),
)
async def vote(context: Context, *, number: Number | None = None, what: Note = "") -> Reply | Card | None:
    """What buttons can do, in words: `/vote 12 2`; `/vote 12 withdraw` takes it back; `/vote 12` shows the paper."""
    if number is None:
        raise Refusal(
            T(
                "Which poll? Write its number first, like {example}. {polls} shows them.",
                example=vote.example,
                polls=POLLS,
            )
        )
    there = await found(context, number)
    if there.secrecy == "hidden" and not context.in_private:
        raise Refusal(
            T(
                "Poll {number} is hidden, so votes belong in private, not in a group. I have not counted that. "
                "Delete what you wrote, and say it to me here: {ballot}",
                number=number,
                ballot=Typed(f"/ballot {number}"),
            ),
            private=True,
        )
    if not what.strip():
        return await _shown(context, there)
    if there.secrecy == "external":
        raise _elsewhere()
    await may_vote(context, there, context.member)
    if plain(what.strip()) in _WITHDRAW:
        return await _taken_back(context, there)
    answer = await cast(context, there, read(context, there, what), buttons=context.in_private)
    await papers.erase(context.tx, there, context.member)
    # Names are shown: in the group everybody has read it anyway.
    return replace(answer, private=there.rule.receipts)


def _elsewhere() -> Refusal:
    return Refusal(T("You vote elsewhere in this poll: its card leads there."))


async def _taken_back(context: Context, there: Poll) -> Reply:
    await take_back(context, there)
    await papers.erase(context.tx, there, context.member)
    return Reply(
        T(
            "You have taken your vote in poll {number} back. You can vote again until {until}.",
            number=there.number,
            until=there.closes_at or context.now,
        ),
        buttons=((Button(label=T("Vote"), says=ballot.says(number=there.number)),),) if context.in_private else (),
        private=True,
    )


# --- the paper ---------------------------------------------------------------------------------------------------


@router.command(
    "ballot",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Your paper for a poll, to fill in by tapping; only you see it."),
    repeatable=True,
)
async def ballot(context: Context, *, number: Number) -> Reply:
    """In private: the paper, or the ballot that counts so far, with ways to change it."""
    return await _shown(context, await found(context, number))


async def _shown(context: Context, there: Poll) -> Reply:
    if there.secrecy == "external":
        raise _elsewhere()
    giver = await holds_for(context, there, await proxies.held(context.tx, context.member.id, now=context.now))
    if giver is not None and not await polls.may_vote(context.tx, there, context.member.id):
        return await _for_giver(context, there, giver)
    await may_vote(context, there, context.member)
    answer = await _own(context, there)
    if giver is None:
        return answer
    label = T("Vote for {name}", name=giver.name)
    says = paper_for.says(poll=there.id, giver=giver.id)
    return replace(answer, buttons=(*answer.buttons, (Button(label=label, says=says),)))


async def _own(context: Context, there: Poll) -> Reply:
    begun = await papers.of(context.tx, there, context.member)
    if begun is None:
        has = await ballots.of(context.tx, there, context.member.id)
        if has is not None:
            what = T("{what}", what=Bold(await question(context, there)))
            return Reply(lines(what, counted(there, has.choice)), buttons=own_buttons(context, there), private=True)
    return await _page(context, there, context.member)


@router.command("paper_change", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Vote otherwise."))
async def paper_change(context: Context, *, poll: Reference) -> Reply:
    """The paper again, with what was said so far where that helps."""
    there = await of_id(context, poll)
    await may_vote(context, there, context.member)
    if await papers.of(context.tx, there, context.member) is None and asked(there).kind != "one":
        has = await ballots.of(context.tx, there, context.member.id)
        draft = voting.begin(asked(there), has.choice if has is not None else None)
        await papers.keep(context.tx, there, context.member, draft)
    return await _page(context, there, context.member)


@router.command("paper_back", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Take a vote back."))
async def paper_back(context: Context, *, poll: Reference) -> Reply:
    """One's own ballot is out again."""
    there = await of_id(context, poll)
    await may_vote(context, there, context.member)
    if await ballots.of(context.tx, there, context.member.id) is None:
        # A second tap: it is done already.
        return await _page(context, there, context.member)
    return await _taken_back(context, there)


@router.command("paper_for", allow=Authority.MEMBER, typed=False, help=T("Vote for whoever gave you their proxy."))
async def paper_for(context: Context, *, poll: Reference, giver: Reference) -> Reply:
    """The paper of whoever gave this member their proxy."""
    there = await of_id(context, poll)
    return await _for_giver(context, there, await _giver(context, there, giver))


async def _for_giver(context: Context, there: Poll, giver: Member) -> Reply:
    await may_vote(context, there, giver)
    return await _page(context, there, giver)


async def _giver(context: Context, there: Poll, giver_id: int | None) -> Member:
    """Whose paper it is. Raises Refusal where the proxy has ended."""
    if giver_id is None:
        return context.member
    giver = await holds_for(context, there, await proxies.held(context.tx, context.member.id, now=context.now))
    if giver is None or giver.id != giver_id:
        raise Refusal(T("You do not hold that proxy any more, so you cannot vote for them."), private=True)
    return giver


@router.command("paper_tap", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Choose on the paper."))
async def paper_tap(
    context: Context,
    *,
    poll: Reference,
    place: Reference,
    at: Reference,
    points: Reference | None = None,
    giver: Reference | None = None,
) -> Reply | Card | None:
    """An option is tapped. `at`: how the paper was when it was shown, so that a second tap on it does nothing.

    `points`: one more than the score, for no argument is nothing.
    """
    there = await of_id(context, poll)
    voter = await _giver(context, there, giver)
    await may_vote(context, there, voter)
    if asked(there).kind == "one":
        return await _cast(context, there, voter, place)
    begun = await papers.of(context.tx, there, voter, holder=_holder(context, voter))
    if begun is None or begun[1] + 1 != at:
        return await _page(context, there, voter)
    try:
        draft = voting.tap(asked(there), begun[0], place, None if points is None else points - 1)
    except Unread as unread:
        return await _page(context, there, voter, note=fault_words(there, unread))
    await papers.keep(context.tx, there, voter, draft, holder=_holder(context, voter))
    return await _page(context, there, voter)


@router.command("paper_equal", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Two options stand equal."))
async def paper_equal(context: Context, *, poll: Reference, at: Reference, giver: Reference | None = None) -> Reply:
    """The next option that is tapped stands beside the last one."""
    there = await of_id(context, poll)
    voter = await _giver(context, there, giver)
    await may_vote(context, there, voter)
    begun = await papers.of(context.tx, there, voter, holder=_holder(context, voter))
    if begun is not None and begun[1] + 1 == at:
        draft = replace(begun[0], equal=not begun[0].equal)
        await papers.keep(context.tx, there, voter, draft, holder=_holder(context, voter))
    return await _page(context, there, voter)


@router.command("paper_again", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Begin the paper again."))
async def paper_again(context: Context, *, poll: Reference, giver: Reference | None = None) -> Reply:
    """An empty paper; a ballot that was cast counts until there is another."""
    there = await of_id(context, poll)
    voter = await _giver(context, there, giver)
    await may_vote(context, there, voter)
    await papers.keep(context.tx, there, voter, voting.begin(asked(there)), holder=_holder(context, voter))
    return await _page(context, there, voter)


@router.command("paper_done", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Cast the paper."))
async def paper_done(
    context: Context, *, poll: Reference, at: Reference, giver: Reference | None = None
) -> Reply | Card | None:
    """The paper becomes a ballot."""
    there = await of_id(context, poll)
    voter = await _giver(context, there, giver)
    await may_vote(context, there, voter)
    begun = await papers.of(context.tx, there, voter, holder=_holder(context, voter))
    if begun is None:
        # A second tap: it was cast already.
        has = await ballots.of(context.tx, there, voter.id)
        if has is not None:
            return Reply(
                counted(there, has.choice), buttons=own_buttons(context, there) if giver is None else (), private=True
            )
        return await _page(context, there, voter)
    if begun[1] + 1 != at:
        return await _page(context, there, voter)
    try:
        choice = voting.finished(asked(there), begun[0])
    except Unread as unread:
        return await _page(context, there, voter, note=fault_words(there, unread))
    return await _cast(context, there, voter, choice)


async def _cast(context: Context, there: Poll, voter: Member, choice: Any) -> Reply | Card | None:
    await papers.erase(context.tx, there, voter, holder=_holder(context, voter))
    if voter.id == context.member.id:
        return await cast(context, there, choice)
    return await cast_for(context, there, voter, choice, how="proxy")


def _holder(context: Context, voter: Member) -> int:
    return 0 if voter.id == context.member.id else context.member.id


async def _page(context: Context, there: Poll, voter: Member, *, note: Words | None = None) -> Reply:
    """The paper as it is now."""
    kind = asked(there).kind
    begun = await papers.of(context.tx, there, voter, holder=_holder(context, voter))
    if begun is None:
        draft, at = voting.begin(asked(there)), 0
        if kind != "one":
            at = await papers.keep(context.tx, there, voter, draft, holder=_holder(context, voter))
    else:
        draft, at = begun
    here: dict[str, Any] = {"poll": there.id}
    if voter.id != context.member.id:
        here["giver"] = voter.id
    for_whom = T("For {name}, whose proxy you hold:", name=voter.name) if voter.id != context.member.id else None
    options = order(there, voter)
    listed = [T("{n}. {what}", n=one.place, what=_meant(there, one.key, option_words(there, one))) for one in options]
    secret = secrecy_words(there) if there.secrecy == "hidden" else None
    so_far = await _so_far(context, there, voter, draft)
    words = lines(
        for_whom,
        T("{what}", what=Bold(await question(context, there))),
        *listed,
        _instructions(there, draft),
        so_far,
        note,
        secret,
        T("In words: {example}", example=example(there)) if kind != "one" and not draft.choice else None,
    )
    rows = _score_rows(there, options, draft, here, at) if kind == "score" else _rows(there, options, draft, here, at)
    ways = []
    if kind != "one" and draft.choice:
        ways.append(Button(label=T("Cast my vote"), says=paper_done.says(**here, at=at + 1)))
    if kind == "ranked" and draft.choice and len([p for g in draft.choice for p in g]) < len(options):
        label = T("Next one below") if draft.equal else T("Next one equal")
        ways.append(Button(label=label, says=paper_equal.says(**here, at=at + 1)))
    if kind != "one" and (draft.choice or draft.seen):
        ways.append(Button(label=T("Start again"), says=paper_again.says(**here)))
    buttons = [*rows, *([tuple(ways)] if ways else [])]
    return Reply(words, buttons=tuple(buttons), private=True)


def _meant(there: Poll, key: str | None, label: Text) -> Text:
    choice = there.rule.choice(key)
    if choice is None or not choice.meaning:
        return label
    return T("{label}: {meaning}", label=label, meaning=in_languages(choice.meaning))


def _instructions(there: Poll, draft: Draft) -> Text:
    points = asked(there).points
    match asked(there).kind:
        case "one":
            return T("Tap one.")
        case "approval":
            return T("Tap all that you can live with; a second tap takes the tick away. Then cast it.")
        case "ranked" if draft.equal:
            return T("The next one that you tap stands equal with the last one.")
        case "ranked":
            return T("Tap what you like best, then the next best, and so on. A second tap takes one out. Then cast it.")
        case "dots":
            left = points - sum(draft.choice.values())
            return N(
                "Each tap gives a dot. You have {n} dot left. Then cast it.",
                "Each tap gives a dot. You have {n} dots left. Then cast it.",
                left,
            )
        case _:
            return T("Give each option 0 to {n} points. Then cast it.", n=points)


async def _so_far(context: Context, there: Poll, voter: Member, draft: Draft) -> Text | None:
    if draft.choice:
        return T("On your paper, not cast yet: {ballot}", ballot=ballot_words(there, draft.choice))
    has = await ballots.of(context.tx, there, voter.id)
    return T("Counts so far: {ballot}", ballot=ballot_words(there, has.choice)) if has is not None else None


def _rows(
    there: Poll, options: tuple[polls.Option, ...], draft: Draft, here: dict[str, Any], at: int
) -> list[tuple[Button, ...]]:
    ranks = (
        {place: rank for rank, group in enumerate(draft.choice, start=1) for place in group}
        if (asked(there).kind == "ranked")
        else {}
    )
    rows: list[tuple[Button, ...]] = []
    for one in options:
        called = option_words(there, one)
        match asked(there).kind:
            case "approval" if one.place in draft.choice:
                called = T("✓ {option}", option=called)
            case "ranked" if one.place in ranks:
                called = T("{n}. {option}", n=ranks[one.place], option=called)
            case "dots" if str(one.place) in draft.choice:
                called = T("{option}: {n}", option=called, n=draft.choice[str(one.place)])
        rows.append((Button(label=called, says=paper_tap.says(**here, place=one.place, at=at + 1)),))
    return rows


def _score_rows(
    there: Poll, options: tuple[polls.Option, ...], draft: Draft, here: dict[str, Any], at: int
) -> list[tuple[Button, ...]]:
    """The points for the next option that has none yet."""
    left = [one for one in options if one.place not in draft.seen]
    if not left:
        return []
    most = asked(there).points
    offered = sorted({most * step // _POINTS_OFFERED_MAX for step in range(_POINTS_OFFERED_MAX + 1)})
    if most <= _POINTS_OFFERED_MAX:
        offered = list(range(most + 1))
    buttons = [
        Button(
            label=T("{option}: {n}", option=option_words(there, left[0]), n=points),
            says=paper_tap.says(**here, place=left[0].place, points=points + 1, at=at + 1),
        )
        for points in offered
    ]
    return [tuple(buttons[begin : begin + 2]) for begin in range(0, len(buttons), 2)]


# --- receipts ----------------------------------------------------------------------------------------------------


@router.command(
    "poll_receipts",
    allow=Authority.MEMBER,
    typed=False,
    help=T("The published list of what stands for each ballot."),
    repeatable=True,
)
async def poll_receipts(context: Context, *, number: Number) -> Reply:
    """The hashes of all ballots that were counted, in their order."""
    there = await found(context, number)
    if not there.rule.receipts:
        raise Refusal(T("Poll {number} gives no receipts.", number=number))
    if there.state != "closed":
        raise Refusal(T("The list of poll {number} is published when it closes.", number=number))
    hashes = await papers.receipt_hashes(context.tx, there)
    return Reply(
        lines(
            N(
                "Poll {number}: {n} ballot was counted, and the list has a line for it.",
                "Poll {number}: {n} ballots were counted, and the list has a line for each.",
                len(hashes),
                number=number,
            ),
            T("The list itself in short: {root}", root=receipts.root(hashes)),
            T("Your own line: {check}", check=Typed("/receipt", "ABCD-EFGH-IJKL-MNOP")),
        ),
        document=Document(name=f"receipts-{number}.txt", text="".join(f"{one}\n" for one in hashes)),
        private=True,
    )


@router.command(
    "receipt",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Check by your receipt that your ballot was counted; only you see it."),
    sample=("ABCD-EFGH-IJKL-MNOP",),
)
async def receipt(context: Context, *, code: Note = "") -> Reply:
    """Which ballot the code stands for, in the newest polls that give receipts."""
    wanted = receipts.read(code)
    if wanted is None:
        raise Refusal(T("That is no receipt. It looks like this: {example}", example=receipt.example), private=True)
    there = await polls.in_state(context.tx, context.committee.id, "open", "counting")
    for one in (*there, *await polls.newest(context.tx, context.committee.id, limit=polls.LISTED_MAX)):
        if not one.rule.receipts:
            continue
        hashes = await papers.receipt_hashes(context.tx, one)
        choices = [each.choice for each in await ballots.all_of(context.tx, one)]
        choice = receipts.found(one.number, wanted, choices, hashes)
        if choice is None:
            continue
        said = ballot_words(one, choice)
        if one.state == "closed":
            words = T("Poll {number}: it was counted as {ballot}.", number=one.number, ballot=said)
        else:
            words = T("Poll {number}: it counts as {ballot}, so far.", number=one.number, ballot=said)
        return Reply(words, private=True)
    raise Refusal(
        T(
            "No ballot here has this receipt. Whoever has voted otherwise since then has a new one. If yours is the "
            "newest and the poll is closed, your ballot was not counted as you cast it: tell the committee."
        ),
        private=True,
    )


@router.entry("poll", "receipts", about="decisions")
async def receipts_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """The list of receipts was fixed, before the totals were told."""
    return N(
        "Poll {number}: the list of receipts is fixed, {n} ballot ({root}).",
        "Poll {number}: the list of receipts is fixed, {n} ballots ({root}).",
        body["ballots"],
        number=body["poll"],
        root=body["receipts"][:16],
    )


@router.entry("poll", "merged", about="decisions")
async def merged_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Two members on the roll became one."""
    return N(
        "Poll {number}: two members turned out to be one person, so {n} may vote.",
        "Poll {number}: two members turned out to be one person, so {n} may vote.",
        body["voters"],
        number=body["poll"],
    )
