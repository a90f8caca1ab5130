"""What a poll came to, looked at closely: the whole count, counted again, one's own ballot, a picture, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from bot import calculations, drawing
from bot.arguments import Number, OnOff, Reference, choice
from bot.chat import DOCUMENT_CHARACTERS_MAX, Button, Document, Lane, Link, Reply
from bot.domain import ballotsheet, elections, tallies, traces
from bot.domain.chain import fingerprint
from bot.polls import found, named, option_words, question
from bot.results import (
    IN_STAGES,
    RANKED,
    ballots_hash,
    canonical_ballot,
    chart,
    count_words,
    election,
    exported,
    figure,
    for_log,
    is_small,
    keeps_ballots,
    lot,
    result_words,
    verdict_of,
)
from bot.router import Authority, Command, Context, Router
from bot.text import Bold, Listed, Reader, Refusal, T, Text, Typed, Words, lines, shown
from storage import ballots, computations, people, polls
from storage.polls import Option, Poll

router = Router("results", under="polls")


async def _closed(context: Context, number: int) -> Poll:
    there = await found(context, number)
    if there.state != "closed" or there.verdict in ("no_quorum", "too_few"):
        words = T("Poll {number} is not counted yet.", number=number)
        if there.state == "closed":
            words = T("In poll {number} nothing was counted.", number=number)
        raise Refusal(words)
    return there


async def _counted_here(context: Context, number: int) -> Poll:
    there = await _closed(context, number)
    if there.secrecy == "external":
        raise Refusal(T("Poll {number} was counted elsewhere: only the figures are here.", number=number))
    return there


async def _title(context: Context, there: Poll) -> Text:
    return T("Poll {number}: {what}", number=there.number, what=await question(context, there))


# --- how it was counted ------------------------------------------------------------------------------------------


@router.command(
    "poll_count",
    allow=Authority.MEMBER,
    typed=False,
    help=T("How a poll was counted, stage by stage."),
    repeatable=True,
)
async def poll_count(context: Context, *, number: Number) -> Reply:
    """The whole count, and what can be had of it."""
    there = await _counted_here(context, number)
    told: list[Words] = [T("{title}", title=Bold(await _title(context, there))), *result_words(there)]
    if there.method in RANKED:
        told = [told[0], *count_words(there)]
    elif (there.result or {}).get("count"):
        told += [one for one in count_words(there) if one not in told]
    ties = (there.result or {}).get("count", {}).get("ties", [])
    if there.seed is not None and any(one["how"] == "lot" for one in ties):
        told.append(T("The lot that was sealed at the opening: {seed}", seed=there.seed))
    return Reply(lines(*told), buttons=_ways(context, there), private=True)


def _ways(context: Context, there: Poll) -> tuple[tuple[Button | Link, ...], ...]:
    ways: list[tuple[Button | Link, ...]] = []
    if drawing.available():
        ways.append((_button(T("As a picture"), poll_picture, there), _button(T("As a file"), poll_export, there)))
    else:
        ways.append((_button(T("As a file"), poll_export, there),))
    ways.append((_button(T("Count again"), poll_verify, there),))
    if there.secrecy == "open" and there.method in RANKED:
        ways[-1] += (_button(T("My ballot"), poll_why, there),)
    return tuple(ways)


def _button(label: Text, command: Command, there: Poll) -> Button:
    return Button(label=label, says=command.says(number=there.number))


# --- counted again -----------------------------------------------------------------------------------------------


@router.command(
    "poll_verify",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Count a poll again from its ballots, and compare with the log."),
    repeatable=True,
)
async def poll_verify(context: Context, *, number: Number) -> Reply:
    """In a process of its own; what comes of it is said where it was asked."""
    there = await _counted_here(context, number)
    if await computations.under_way(context.tx, context.committee.id, poll_verified.name):
        return Reply(T("I am counting already. One moment."))
    found_ = await ballots.all_of(context.tx, there)
    body = exported(there, election(there, found_), lot=lot(there))
    says = poll_verified.says(poll=there.id, who=context.member.id, everybody="off" if context.in_private else "on")
    await computations.want(context.tx, context.committee.id, "count", body, says, now=context.now)
    return Reply(T("I count poll {number} again and compare. One moment.", number=number))


@router.command("poll_verified", allow=Authority.CLOCK, typed=False, help=T("A poll is counted again."))
async def poll_verified(
    context: Context, *, poll: Reference, who: Reference, everybody: OnOff, computation: Reference | None = None
) -> None:
    """Ballots, roll, lot and result, each against what the log says."""
    there = await polls.get(context.tx, context.committee.id, poll)
    done = await computations.computed(context.tx, context.committee.id, computation or 0)
    if there is None or done is None:
        return
    if done.result is None:
        words: Words = T("I could not count poll {number} again.", number=there.number)
    else:
        words = await _compared(context, there, done.result)
    # Somebody waits for it, also at night.
    if everybody == "on":
        await context.announce(words, lane=Lane.ANSWER)
        return
    member = await people.member_now(context.tx, context.committee.id, who)
    if member is not None:
        await context.tell(member, words, lane=Lane.ANSWER)


async def _compared(context: Context, there: Poll, count: Mapping[str, Any]) -> Words:
    logged = await polls.logged(context.tx, there)
    opened: Mapping[str, Any] = next((one for one in logged if "opened" in one), {})
    closed: Mapping[str, Any] = next((one for one in reversed(logged) if "closed" in one), {})
    told, seed = closed.get("result", {}), closed.get("seed") or ""
    found_ = await ballots.all_of(context.tx, there)
    salt = seed
    if keeps_ballots(there, told.get("voters", 0)):
        salt = (there.result or {}).get("salt", "")
    hash_ = ballots_hash(there, found_, salt)
    roll = polls.roll_hash(there.number, await polls.roll(context.tx, there))
    wrong = [
        sentence
        for same, sentence in (
            (hash_ == told.get("ballots"), T("The ballots are NOT those that were counted.")),
            (roll == opened.get("roll"), T("The roll is NOT the one of the opening.")),
            (
                tallies.commitment(seed) == opened.get("lot"),
                T("The lot is NOT the one that was sealed at the opening."),
            ),
            (_same(there, count, told), T("The count comes to something ELSE than the log says.")),
        )
        if not same
    ]
    if wrong:
        return lines(T("Poll {number}, counted again: something is wrong.", number=there.number), *wrong)
    return lines(
        T("Poll {number}, counted again: the same result.", number=there.number),
        T("Ballots, roll and lot are those of the log."),
        T("Fingerprint of the {n} ballots: {hash}", n=len(found_), hash=fingerprint(hash_)),
        T("These ballots are not handed out, as they are few: only I can count them again.")
        if keeps_ballots(there, len(found_))
        else T(
            "Whoever wants to count for themselves: {export}, then {count}",
            export=Typed(f"/poll {there.number} export"),
            count=Typed("solibot count"),
        ),
    )


def _same(there: Poll, count: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether a count comes to what the log says."""
    if there.method == "options":
        totals = count["stages"][0]["totals"]
        return bool(totals == told.get("totals"))
    again = for_log(verdict_of(there, {"count": count, "margin": {"ballots": None}})[1])
    return all(again.get(name) == told.get(name) for name in ("count", "winners", "totals", "tied"))


# --- what my ballot did --------------------------------------------------------------------------------------------


@router.command(
    "poll_why", allow=Authority.MEMBER, typed=False, help=T("What your own ballot did in the count."), repeatable=True
)
async def poll_why(context: Context, *, number: Number) -> Reply:
    """In private; of hidden polls only while they run, as afterwards nobody can tell whose ballot is whose."""
    there = await found(context, number)
    if there.secrecy == "hidden" and there.state == "closed":
        raise Refusal(
            T(
                "Poll {number} was hidden: since it is closed nobody can tell any more which ballot is yours.",
                number=number,
            ),
            private=True,
        )
    mine = await ballots.of(context.tx, there, context.member.id)
    if mine is None or there.state not in ("open", "closed"):
        raise Refusal(T("You have no ballot in poll {number}.", number=number), private=True)
    if there.method not in RANKED:
        return Reply(T("Your ballot: {words}", words=_plain(there, mine.choice)), private=True)
    ranking = canonical_ballot(there, mine.choice)
    told: list[Words] = [T("Your ballot: {words}", words=_ranking(there, ranking))]
    if there.state == "closed":
        count = (there.result or {}).get("count")
    elif there.secrecy == "hidden":
        # What the others say is not to be read from what one's own ballot does.
        told.append(T("What it does in the count is not told while poll {number} runs: it is hidden.", number=number))
        return Reply(lines(*told), private=True)
    else:
        count = await _so_far(context, there)
        told.append(T("As it stands now:"))
    if count:
        told += _ways_of(there, count, ranking)
    return Reply(lines(*told), private=True)


async def _so_far(context: Context, there: Poll) -> Any:
    found_ = await ballots.all_of(context.tx, there)
    if not is_small(there, len(found_)):
        raise Refusal(T("There are so many ballots that it is told when the poll is closed."), private=True)
    return calculations.count(exported(there, election(there, found_), lot=None))


def _plain(there: Poll, choice_: Any) -> Text:
    if isinstance(choice_, Mapping):
        items = [T("{name} {n}", name=_name(there, place), n=points) for place, points in choice_.items()]
    else:
        items = [_name(there, place) for place in (choice_ if isinstance(choice_, list) else [choice_])]
    return T("{names}", names=Listed(tuple(items)))


def _name(there: Poll, place: str | int) -> Text:
    option = there.option(int(place))
    return option_words(there, option) if option is not None else T("(erased)")


def _ranking(there: Poll, ranking: list[list[str]]) -> Text:
    groups = [_level([_name(there, one) for one in group]) for group in ranking]
    row = groups[0] if groups else T("nothing")
    for group in groups[1:]:
        row = T("{row} > {item}", row=row, item=group)
    return row


def _level(names: list[Text]) -> Text:
    row = names[0]
    for name in names[1:]:
        row = T("{row} = {item}", row=row, item=name)
    return row


def _ways_of(there: Poll, count: Mapping[str, Any], ranking: list[list[str]]) -> list[Words]:
    if there.method in IN_STAGES:
        return [_step(there, one) for one in traces.follow(count, ranking)]
    return _against_winner(there, count, ranking)


def _step(there: Poll, step: traces.Step) -> Text:
    said: dict[str, Any] = {"stage": step.stage}
    if step.left is None:
        if step.holder is None:
            return T("{stage}. It counts for nobody.", **said)
        return T("{stage}. It counts for {name}.", **said, name=_name(there, step.holder))
    said["left"] = _name(there, step.left)
    if step.holder is None:
        if step.stays:
            return T("{stage}. It has helped {left} to win. The rest of it goes to nobody.", **said)
        return T("{stage}. {left} is out. It counts for nobody any more.", **said)
    said["name"] = _name(there, step.holder)
    part = figure(str(float(round(step.value, 5))) if step.value.denominator != 1 else int(step.value))
    if step.stays:
        return T("{stage}. It has helped {left} to win. {part} of it goes on to {name}.", **said, part=part)
    if step.value == 1:
        return T("{stage}. {left} is out. It goes to {name}.", **said)
    return T("{stage}. {left} is out. What is left of it, {part}, goes to {name}.", **said, part=part)


def _against_winner(there: Poll, count: Mapping[str, Any], ranking: list[list[str]]) -> list[Words]:
    """In each comparison with the winner: for whom the ballot counted, and how it came out."""
    if not count["winners"]:
        return []
    winner, options, matrix = count["winners"][0], list(count["options"]), count["matrix"]
    rank = {one: at for at, group in enumerate(ranking) for one in group}
    last = len(ranking)
    told: list[Words] = []
    at = options.index(winner)
    for other in options:
        if other == winner:
            continue
        mine, theirs = rank.get(winner, last), rank.get(other, last)
        n, m = matrix[at][options.index(other)], matrix[options.index(other)][at]
        said: dict[str, Any] = {"winner": _name(there, winner), "other": _name(there, other), "n": n, "m": m}
        if mine < theirs:
            told.append(T("{winner} before {other}, {n} to {m}: you were for {winner}.", **said))
        elif mine > theirs:
            told.append(T("{winner} before {other}, {n} to {m}: you were for {other}.", **said))
        else:
            told.append(T("{winner} before {other}, {n} to {m}: you were for neither.", **said))
    return told


# --- as a picture and as files -------------------------------------------------------------------------------------


async def _reader(context: Context) -> Reader:
    if not context.in_private or context.place is None:
        return context.committee.reader
    return await people.reader_in(context.tx, context.place.id, private=True, committee_id=context.committee.id)


@router.command(
    "poll_picture", allow=Authority.MEMBER, typed=False, help=T("A poll's result as a picture."), repeatable=True
)
async def poll_picture(context: Context, *, number: Number) -> Reply:
    """The words that stand with it say the same."""
    there = await _closed(context, number)
    title = await _title(context, there)
    words = lines(T("{title}", title=Bold(title)), *result_words(there))
    if not drawing.available():
        return Reply(words)
    return Reply(words, document=chart(there, title, await _reader(context)))


AsForm = Annotated[
    str,
    choice(
        "csv",
        "json",
        expected=T("{csv} or {json}", csv=Typed("csv"), json=Typed("json")),
        labels={"csv": T("For a spreadsheet"), "json": T("To be counted again")},
    ),
]


@router.command(
    "poll_export",
    allow=Authority.MEMBER,
    typed=False,
    help=T("A poll's ballots and count as a file."),
    repeatable=True,
)
async def poll_export(context: Context, *, number: Number, note: AsForm = "") -> Reply:
    """In private: a table with names where they are shown, or what `solibot count` counts again."""
    there = await _counted_here(context, number)
    if not note:
        both = tuple(
            Button(label=label, says=poll_export.says(number=number, note=form))
            for form, label in (("csv", T("For a spreadsheet")), ("json", T("To be counted again")))
        )
        return Reply(T("As what kind of file?"), buttons=(both,), private=True)
    reader = await _private_reader(context)
    found_ = await ballots.all_of(context.tx, there)
    keeps = keeps_ballots(there, len(found_))
    if note == "json":
        text = await _json(context, there, found_, reader)
    else:
        text = await _csv(context, there, found_, reader)
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise Refusal(T("The file is too long for a chat. Whoever runs the bot can hand it out."), private=True)
    words: Words = await _title(context, there)
    if keeps:
        words = lines(
            words,
            T("Few voted, and a ballot like these can be like a signature: the file holds the sums, not the ballots."),
        )
    elif note == "json":
        words = lines(
            words, T("Anybody can count it again: {count}", count=Typed("solibot count", f"poll-{number}.json"))
        )
    return Reply(words, private=True, document=Document(name=f"poll-{number}.{note}", text=text))


async def _private_reader(context: Context) -> Reader:
    place = await people.private_chat_of(context.tx, context.member.person_id)
    if place is None:
        return context.committee.reader
    return await people.reader_in(context.tx, place.id, private=True, committee_id=context.committee.id)


async def _json(context: Context, there: Poll, found_: list[ballots.Ballot], reader: Reader) -> str:
    def name(option: Option) -> str:
        return shown(option_words(there, option), reader)

    # The lot is told with the result, also where it was not drawn.
    told = exported(there, election(there, found_, name=name), lot=lot(there))
    told["question"] = shown(await question(context, there), reader)
    told["result"] = (there.result or {}).get("count")
    if keeps_ballots(there, len(found_)):
        told = {**told, "ballots": None, "fingerprint": (there.result or {}).get("ballots")}
    return elections.dump(told)


async def _csv(context: Context, there: Poll, found_: list[ballots.Ballot], reader: Reader) -> str:
    """A row for each ballot and a column for each option, in an order that tells nothing; or the sums alone."""
    options = [(str(one.place), shown(option_words(there, one), reader)) for one in there.options]
    if keeps_ballots(there, len(found_)):
        result = there.result or {}
        count = result["count"]
        if count.get("matrix"):
            return ballotsheet.matrix([name for id_, name in options if id_ in count["options"]], count["matrix"])
        return ballotsheet.stages(dict(options), count["stages"])
    if there.secrecy != "open":
        return ballotsheet.sheet(options, [(None, canonical_ballot(there, one.choice)) for one in found_])
    rows = []
    for member_id, one in (await ballots.by_voter(context.tx, there)).items():
        who = shown(await named(context, context.committee, member_id), reader)
        rows.append((who, canonical_ballot(there, one.choice)))
    return ballotsheet.sheet(options, rows, voter=shown(T("Voter"), reader))
