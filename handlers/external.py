"""Polls that are voted and counted elsewhere: when they are over, and the result that somebody enters."""

from __future__ import annotations

import hashlib
from typing import Any

from bot.arguments import Note, Number, Reference, Table
from bot.chat import Card, Reply
from bot.domain import elsewhere
from bot.domain.chain import fingerprint
from bot.polls import after_closing, found, named, question
from bot.results import result_words
from bot.router import Authority, Context, Router, Todo
from bot.text import Refusal, T, Text, Typed, lines
from storage import due, entries, nudges, people, polls
from storage.polls import Poll, Verdict

router = Router("external", under="polls")


def _how(there: Poll) -> Typed:
    return Typed(f"/poll {there.number} result", T("Ana 5, Ben 3"))


@router.command("poll_elsewhere", allow=Authority.CLOCK, typed=False, help=T("A vote elsewhere is over."))
async def poll_elsewhere(context: Context, *, poll: Reference) -> None:
    """Whoever made it is asked for the result."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.state != "open":
        return
    await polls.set_state(context.tx, there, "counting")
    words = _wanted(there, await question(context, there))
    for one in await _who(context, there):
        await context.nudge(one, words, key=f"{there.thing}:result")


def _wanted(there: Poll, what: Text) -> Text:
    return T(
        "The vote elsewhere is over: poll {number}, {what} Enter the result: {how}",
        number=there.number,
        what=what,
        how=_how(there),
    )


async def _who(context: Context, there: Poll) -> list[Any]:
    """Who enters the result: whoever made it; where they have left, the organizers."""
    maker = (
        None if there.maker_id is None else await people.member_now(context.tx, context.committee.id, there.maker_id)
    )
    if maker is not None and maker.active:
        return [maker]
    return list(await people.organizers(context.tx, context.committee.id))


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Which results this member has to enter."""
    return [
        Todo(words=_wanted(one, await question(context, one)))
        for one in await polls.in_state(context.tx, context.committee.id, "counting")
        if one.secrecy == "external" and context.member.id in {who.id for who in await _who(context, one)}
    ]


@router.command(
    "poll_result",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Enter what came of a vote elsewhere."),
    sample=("12", T("Ana 5, Ben 3")),
)
async def poll_result(context: Context, *, number: Number, note: Note = "") -> Reply | Card:
    """The figures as they were counted there; they go into the log, and it is told that nobody checks them here."""
    there = await _elsewhere(context, number)
    if there.state not in ("open", "counting"):
        raise Refusal(T("Poll {number} is over.", number=number))
    if context.member.id not in {one.id for one in await _who(context, there)}:
        who = await named(context, context.committee, there.maker_id)
        raise Refusal(T("{name} made this poll and enters its result.", name=who))
    if there.state == "open":
        raise Refusal(
            T("Poll {number} is open until {until}. Enter the result then.", number=number, until=_until(there))
        )
    try:
        counts = elsewhere.result(note)
    except elsewhere.Unclear as unclear:
        raise Refusal(
            T("I do not understand “{words}”. Write it like this: {example}", words=unclear.words, example=_how(there))
        ) from unclear
    return await _entered(context, there, counts)


def _until(there: Poll) -> Any:
    assert there.closes_at is not None
    return there.closes_at


async def _elsewhere(context: Context, number: int) -> Poll:
    there = await found(context, number)
    if there.secrecy != "external":
        raise Refusal(T("Poll {number} is counted here: nobody enters its result.", number=number))
    return there


async def _entered(context: Context, there: Poll, counts: tuple[tuple[str, int], ...]) -> Reply | Card:
    await polls.name_options(context.tx, there, [name for name, _ in counts])
    places, tied = elsewhere.winners(tuple(count for _, count in counts), there.rule.seats)
    totals = {str(at): count for at, (_, count) in enumerate(counts, start=1)}
    verdict: Verdict = "tied" if tied else "decided"
    result = {"totals": totals, "winners": list(places), "entered": context.member.id}
    await due.cancel(context.tx, f"poll_close:{there.id}")
    await nudges.withdraw(context.tx, f"{there.thing}:result")
    await polls.close(context.tx, there, verdict, result, now=context.now)
    await entries.append(
        context.tx,
        context.committee,
        "poll",
        {"poll": there.number, "closed": verdict, "result": result},
        now=context.now,
    )
    closed = await found(context, there.number)
    await after_closing(context, closed)
    words = lines(
        T("Poll {number} is closed: {what}", number=there.number, what=await question(context, there)),
        *result_words(closed),
    )
    await context.announce(words, but=None if context.in_private else context.place)
    file = T(
        "If there is a file with the result, send it to me with {command} under it: then everybody can see later that "
        "it is the same one.",
        command=Typed(f"/poll_file {there.number}"),
    )
    return Reply(lines(words, file))


@router.command(
    "poll_file",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Keep the fingerprint of the file with the result of a vote elsewhere, or compare it."),
    sample=("12", T("[a file]")),
)
async def poll_file(context: Context, *, number: Number, file: Table) -> Reply:
    """The first file, by whoever enters the result, is kept as its hash; every later one is compared."""
    there = await _elsewhere(context, number)
    if there.state != "closed":
        raise Refusal(T("Enter the result first: {how}", how=_how(there)))
    hash_ = hashlib.sha256(file.encode()).hexdigest()
    kept = (there.result or {}).get("file")
    if kept == hash_:
        return Reply(T("It is the same file: {hash}", hash=fingerprint(hash_)))
    if kept is not None:
        return Reply(
            T(
                "It is NOT the same file. This one: {hash}. Kept: {kept}",
                hash=fingerprint(hash_),
                kept=fingerprint(kept),
            )
        )
    if context.member.id not in {one.id for one in await _who(context, there)}:
        raise Refusal(T("There is no file to compare it with."))
    await polls.note_file(context.tx, there, hash_)
    await entries.append(context.tx, context.committee, "poll", {"poll": there.number, "file": hash_}, now=context.now)
    return Reply(
        T("Kept, in the log too: {hash}. Whoever sends it again sees whether it is the same.", hash=fingerprint(hash_))
    )
