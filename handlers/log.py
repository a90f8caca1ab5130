"""What was decided and changed, by whom and when, for every member to read and check."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from bot.arguments import Number, choice
from bot.chat import Button, Lane, Reply
from bot.domain import audit, chain
from bot.domain.chain import Entry
from bot.router import Authority, Context, Router, Telling, Topic
from bot.text import Bold, Day, Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import due, inspection, people, transfers
from storage import log as books
from storage.instants import from_us

router = Router("log", title=T("What was decided"))

log_ = logging.getLogger(__name__)

PAGE = 10
NIGHT_HOUR = 4
"""When the books are checked, in the committee's own time."""
THIS_YEAR = timedelta(days=300)
"""Older entries are told with the year."""

_VERIFY = "verify"
_TOPICS: Mapping[Topic, Text] = {
    "rules": T("Rules"),
    "decisions": T("Decisions"),
    "roles": T("Roles"),
    "members": T("Members"),
    "groups": T("Working groups"),
}
_EXPECTED = T(
    "one of the words {words}", words=Listed(tuple(Typed(word) for word in ("rules", "decisions", "roles", "verify")))
)
What = Annotated[str, choice(*_TOPICS, _VERIFY, expected=_EXPECTED)]


@router.command(
    "log",
    allow=Authority.MEMBER,
    while_suspended=True,
    help=T("Everything that was decided and changed, who and when. {verify} checks it.", verify=Typed("/log verify")),
    label=T("What was decided"),
    sample=("rules",),
    repeatable=True,
)
async def log(context: Context, *, what: What = "", number: Number | None = None) -> Reply:
    """The newest page, one entry whole, or whether all of it agrees."""
    if what == _VERIFY:
        return await _verify(context)
    if number is not None:
        return await _whole(context, number)
    last = await books.newest(context.tx, context.committee)
    return await _page(context, last.number + 1, what)


@router.command(
    "log_older", allow=Authority.MEMBER, typed=False, while_suspended=True, help=T("Earlier entries."), repeatable=True
)
async def log_older(context: Context, *, before: Number, what: What = "") -> Reply:
    """The page before."""
    return await _page(context, before, what)


async def _page(context: Context, before: int, what: str) -> Reply:
    topic = cast("Topic", what) if what in _TOPICS else None
    if topic is None:
        found = await books.page(context.tx, context.committee, context.member, before=before, limit=PAGE + 1)
    else:
        kinds = context.commands.kinds_about(topic)
        found = await books.page_of(context.tx, context.committee, kinds, before=before, limit=PAGE + 1)
    more, shown = len(found) > PAGE, found[:PAGE]
    told: list[Words | None] = []
    for entry in shown:
        if topic is None:
            told.append(_between(before, entry.number))
        told.append(await _line(context, entry))
        before = entry.number
    if topic is None and not more:
        told.append(_between(before, 0))
    if not shown and topic is not None:
        told.append(T("There is nothing here yet."))
    title = _TOPICS[topic] if topic is not None else T("What was decided and changed")
    heading = T("{committee}: {what}", committee=context.committee.name, what=title)
    older = log_older.says(before=before, what=what) if what else log_older.says(before=before)
    return Reply(
        lines(
            T("{title}", title=Bold(heading)),
            *told,
            None if more else T("One of them whole: {example}", example=Typed("/log", str(before))),
        ),
        buttons=((Button(label=T("Older"), says=older),),) if more else (),
        private=True,
    )


def _between(newer: int, older: int) -> Text | None:
    """What lies between two entries and is not told one by one: other members' exchanges."""
    count = newer - older - 1
    return N("… {n} exchange …", "… {n} exchanges …", count) if count else None


async def _line(context: Context, entry: Entry) -> Text:
    at = from_us(entry.at_us)
    when = Day(at) if context.now - at > THIS_YEAR else at
    return T("No. {number}, {when}: {what}", number=entry.number, when=when, what=await _told(context, entry))


async def _told(context: Context, entry: Entry) -> Text:
    body = json.loads(entry.body)
    tells = context.commands.entry(entry.kind, body)
    if tells is None:
        return T("an entry of the kind “{kind}”.", kind=entry.kind)
    telling = Telling(
        tx=context.tx,
        committee=context.committee,
        commands=context.commands,
        reader=context.member,
        number=entry.number,
    )
    return await tells(telling, body)


@router.entry("rule", about="rules")
async def rule_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A rule of an area that does not say itself how it is told."""
    return T("a rule was changed: {what}.", what=Listed(tuple(sorted(body))))


async def _whole(context: Context, number: int) -> Reply:
    entry = await books.entry(context.tx, context.committee, number)
    if entry is None:
        raise Refusal(
            T("There is no entry {number}. {log} shows the numbers.", number=number, log=Typed("/log")), private=True
        )
    # An exchange as it is written down tells who gave whom how much. Its hash does not: to guess what is in it, one
    # would have to know the committee's uid, which goes into every hash and is told to nobody.
    open_ = entry.kind != "transfer"
    return Reply(
        lines(
            await _line(context, entry),
            T("As it is written down: {body}", body=Typed(entry.kind, entry.body)) if open_ else None,
            T("Its hash: {hash}", hash=Typed(entry.hash)),
            T("In short, its fingerprint: {fingerprint}", fingerprint=Typed(chain.fingerprint(entry.hash))),
            T("Whether it was changed since: {verify}", verify=Typed("/log verify")),
        ),
        private=True,
    )


# --- checking --------------------------------------------------------------------------------------------------


@router.command(
    "audit",
    allow=Authority.MEMBER,
    while_suspended=True,
    help=T("I recompute every balance and every entry of our books, and tell you whether they add up."),
    label=T("Check the books"),
    repeatable=True,
)
async def audit_(context: Context) -> Reply:
    """Whether all of the books agrees."""
    return await _verify(context)


async def _verify(context: Context) -> Reply:
    words, so_far = await _stretch(context, audit.Progress())
    if words is not None:
        return Reply(words, private=True)
    id_ = await books.begin(context.tx, context.committee, context.member, so_far)
    await _plan(context, id_)
    last = await books.newest(context.tx, context.committee)
    return Reply(
        N(
            "I am checking {n} entry. When I am through, I will tell you in private.",
            "I am checking {n} entries. When I am through, I will tell you in private.",
            last.number,
        ),
        private=True,
    )


@router.command("log_verify", allow=Authority.CLOCK, typed=False, help=T("Go on checking the books."))
async def log_verify(context: Context, *, number: Number) -> None:
    """The next stretch, in a work of its own, so that others need not wait for all of it."""
    begun = await books.begun(context.tx, context.committee, number)
    reader = await people.member_now(context.tx, context.committee.id, begun[0]) if begun else None
    if begun is None or reader is None or not reader.active:
        await books.end(context.tx, number)
        return
    words, so_far = await _stretch(context, begun[1])
    if words is None:
        await books.begin(context.tx, context.committee, reader, so_far)
        await _plan(context, number)
        return
    await books.end(context.tx, number)
    await context.tell(reader, words)


async def _plan(context: Context, id_: int) -> None:
    await due.plan(
        context.tx,
        f"audit:{id_}",
        log_verify.says(number=id_),
        local=context.now.replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )


async def _stretch(context: Context, so_far: audit.Progress) -> tuple[Words | None, audit.Progress]:
    """The next stretch, and what there is to say when it was the last one."""
    try:
        found, done = await books.stretch(context.tx, context.committee, so_far)
    except audit.Broken as broken:
        await _stop(context, broken)
        return _broken(broken), so_far
    if not done:
        return None, found
    await _resume(context)
    return await _sound(context, found), found


@router.command("check_all", allow=Authority.CLOCK, typed=False, help=T("Check the books of all committees."))
async def check_all(context: Context, *, soon: Number | None = None) -> None:
    """Each committee's in the small hours of its own night; `soon`: at once."""
    for id_ in await inspection.committees(context.tx):
        committee = await people.committee(context.tx, id_)
        at = context.now.astimezone(committee.zone).replace(tzinfo=None)
        if soon is None:
            night = at.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
            at = night if night >= at else night + timedelta(days=1)
        await books.end_check(context.tx, id_)
        await due.plan(
            context.tx, f"check:{id_}", check_books.says(), local=at, zone=committee.zone, committee=id_, late="do"
        )


@router.command("check_books", allow=Authority.CLOCK, typed=False, help=T("Check a committee's books."))
async def check_books(context: Context) -> None:
    """The next stretch, in a work of its own, so that others need not wait for all of it."""
    so_far = await books.checking(context.tx, context.committee)
    try:
        found, done = await books.stretch(context.tx, context.committee, so_far)
    except audit.Broken as broken:
        await books.end_check(context.tx, context.committee.id)
        await _stop(context, broken)
        return
    if done:
        await books.end_check(context.tx, context.committee.id)
        await _resume(context)
        return
    await books.keep_checking(context.tx, context.committee, found)
    await due.plan(
        context.tx,
        f"check:{context.committee.id}",
        check_books.says(),
        local=context.now.replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )


async def _stop(context: Context, broken: audit.Broken) -> None:
    """Nothing more is written into books that do not add up. The organizers are told once."""
    if not await books.stop(context.tx, context.committee, broken, now=context.now):
        return
    log_.critical(
        "books do not add up, writing is stopped",
        extra={"committee": context.committee.id, "entry": broken.number, "fault": broken.fault},
    )
    words = lines(
        T("I checked the books of {committee}, and they do not add up.", committee=context.committee.name),
        _faults(broken),
        T(
            "So I write nothing more into them: exchanges and decisions are refused, reading goes on. Tell whoever "
            "runs the bot now: they run {check}, and put back a backup or mend the data. As soon as {audit} finds "
            "the books sound, writing goes on by itself. Until then, note exchanges on paper.",
            check=Typed("solibot check"),
            audit=Typed("/audit"),
        ),
    )
    await context.tell_organizers(words, lane=Lane.ALERT)


async def _resume(context: Context) -> None:
    """The books are sound: if writing was stopped it goes on, and the organizers know."""
    if not await books.resume(context.tx, context.committee):
        return
    log_.warning("books add up again, writing goes on", extra={"committee": context.committee.id})
    words = T(
        "The books of {committee} add up again: from now on I write into them. "
        "Whatever you noted on paper meanwhile can be recorded now.",
        committee=context.committee.name,
    )
    await context.tell_organizers(words, lane=Lane.ALERT)


async def _sound(context: Context, found: audit.Progress) -> Words:
    last = await books.entry(context.tx, context.committee, found.number)
    assert last is not None
    return lines(
        N(
            "All is as it was written: {n} entry, nothing changed and nothing taken out.",
            "All is as it was written: {n} entries, each follows from the one before, nothing was changed.",
            found.number,
        ),
        N(
            "I checked {n} account: all hours sum to zero, and every balance is the sum of its exchanges.",
            "I checked {n} accounts: all hours sum to zero, and every balance is the sum of its exchanges.",
            await books.count_accounts(context.tx, context.committee),
        ),
        T("Other units are never added to hours: each sums to zero by itself.")
        if await transfers.units_of(context.tx, context.committee.id)
        else None,
        T(
            "The last is no. {number}, {when}. Its fingerprint: {fingerprint}",
            number=last.number,
            when=from_us(last.at_us),
            fingerprint=Typed(chain.fingerprint(last.hash)),
        ),
        T(
            "Compare it with another member who asks now: the same fingerprint, the same books. "
            "Or write it down: later, {entry} must still show it.",
            entry=Typed("/log", str(last.number)),
        ),
    )


def _broken(broken: audit.Broken) -> Words:
    return lines(
        _faults(broken),
        T(
            "Tell your organizers and whoever runs the bot now. They keep a copy of the data as it is and compare it "
            "with an older backup. Until that is done, note your exchanges on paper."
        ),
    )


def _faults(broken: audit.Broken) -> Text:
    match broken.fault:
        case "chain":
            return T(
                "The books are not as they were written: entry {number} does not follow from those before it. "
                "Somebody changed it, or one before it is missing. Up to there all is in order.",
                number=broken.number,
            )
        case "transfer":
            return T(
                "The books are not as they were written: an exchange at entry {number} is not the one "
                "that was recorded. Up to there all is in order.",
                number=broken.number,
            )
        case "note":
            return T(
                "The words of the exchange at entry {number} are not those that were recorded. "
                "Up to there all is in order.",
                number=broken.number,
            )
        case "words":
            return T(
                "The words beside entry {number} are not those that were recorded. Up to there all is in order.",
                number=broken.number,
            )
        case "hold":
            return T("Balances are in order, but the hours kept back for open exchanges are not what those ask for.")
        case "balance":
            return T("The entries are as they were written, but somebody's balance is not the sum of their exchanges.")
