"""The wire between linked committees: what comes over it, what tells the others how far one has come, and faults.

What cannot come over it is carried in a file: for whoever takes it in, it makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from bot import linking
from bot.arguments import Reference, Table
from bot.chat import DOCUMENT_CHARACTERS_MAX, ChatId, Document, Reply, federation_of
from bot.domain import envelope as rules
from bot.domain.envelope import Fault
from bot.linking import Internal
from bot.router import Authority, Context, Router, Where
from bot.text import N, Refusal, T, Text, lines
from storage import peers

router = Router("wire", under="federation")

BEAT = timedelta(minutes=7, seconds=30)
"""So often the others are told how far each chain is known, a third sooner or later: an alert is not all there is."""
BREAK = 3 * BEAT
"""Whoever has not told the others anything for so long was away themselves."""
SILENT = timedelta(minutes=30)
"""Whoever was not heard for so long is called by other means."""
CARRIED = timedelta(days=7)
"""So far back goes a file with what was said."""


@router.command("wire_in", allow=Authority.CLOCK, typed=False, help=T("Something came over the wire of a federation."))
async def wire_in(context: Context, *, wire: Internal, text: Internal) -> None:
    """Take it in, once, whatever it is."""
    there = await peers.federation_called(context.tx, context.committee.id, federation_of(ChatId(wire)) or "")
    if there is not None:
        await linking.take_in(context, there, text)


@router.command("wire_beat", allow=Authority.CLOCK, typed=False, help=T("Tell linked committees what is known here."))
async def wire_beat(context: Context, *, federation: Reference) -> None:
    """Say it, take in what waited for its time, and plan the next time."""
    there = await peers.federation(context.tx, context.committee.id, federation)
    if there is None or there.state != "in":
        return
    await linking.ripen(context, there)
    await linking.beat(context, there)
    await _listen(context, there)
    # Not at the same moment as the others, and not foreseeable by whoever watches.
    share = int.from_bytes(context.tx.token().encode()[:4], "big") % 1000 / 1000
    await linking.plan_beat(context, there, after=BEAT * (2 / 3 + share * 2 / 3))


# --- who is not heard --------------------------------------------------------------------------------------------


async def _listen(context: Context, there: peers.Federation) -> None:
    """Tell the organizers once who is not heard any more, and once that they are again."""
    listening = await peers.listens(context.tx, there.id, now=context.now, but_for=BREAK)
    mine = await linking.own(context.tx, context.committee, now=context.now)
    others = await peers.others(context.tx, there.id, mine.author)
    silent = [one for one in others if context.now - max(one.heard_at or one.since, listening) >= SILENT]
    told = await peers.silent(context.tx, there.id)
    new = [one for one in silent if one.id not in told]
    # That this bot was away itself is no sign of life of theirs.
    again = [one for one in others if one.id in told and one.heard_at is not None and one.heard_at > told[one.id]]
    still = {one.id for one in silent} | (told.keys() - {one.id for one in again})
    await peers.set_silent(context.tx, there.id, sorted(still), now=context.now)
    if len(silent) == len(others) > 1 and new:
        last = max(one.heard_at or one.since for one in others)
        words = T(
            "Nobody in {federation} has been heard since {time}: perhaps it is this bot that is cut off. If something "
            "is urgent, reach the others by telephone.",
            federation=there.name,
            time=last,
        )
        await context.tell_organizers(words)
        return
    for one in new:
        since = one.heard_at or one.since
        words = T(
            "{committee} has not been heard since {time}. If something is urgent, reach them by telephone.",
            committee=one.name,
            time=since,
        )
        await context.tell_organizers(words)
    for one in again:
        if one not in silent:
            await context.tell_organizers(T("{committee} is heard again.", committee=one.name))


# --- what had no effect ------------------------------------------------------------------------------------------

_FAULTS: Mapping[Fault, Callable[[str], Text]] = {
    "forged": lambda name: T(
        "Something came under {committee}'s name that {committee} has not signed: nothing was done. It may be a "
        "mistake, or somebody at a server pretends to be them. Ask them by telephone.",
        committee=name,
    ),
    "equivocation": lambda name: T(
        "{committee} has said two different things under one number. No network does that: either somebody there "
        "lies, or their bot was put back from an old copy by hand. Nothing that {committee} says counts any more until "
        "you have decided to hear them again. Talk with them.",
        committee=name,
    ),
    "future": lambda name: T(
        "The clock of {committee}'s bot is ahead: what they say waits here until its time has come. Tell them.",
        committee=name,
    ),
    "old": lambda name: T(
        "Something very old came in once more under {committee}'s name: nothing was done. Perhaps somebody at a server "
        "repeats what {committee} once said.",
        committee=name,
    ),
    "other_root": lambda name: T(
        "{peer} has sent new keys that its root key has not signed. They were refused, and the old ones still count. "
        "Ask them by telephone.",
        peer=name,
    ),
    "not_understood": lambda name: T(
        "{committee} has said something that this bot is too old to understand: nothing was done. Ask them what it "
        "was; whoever looks after the bot updates it.",
        committee=name,
    ),
    "flood": lambda name: T(
        "{committee}'s bot sends more than there is room for. Nothing of it is lost: the rest comes in later, little "
        "by little. Ask them whether something is wrong with it.",
        committee=name,
    ),
    "lost": lambda name: T(
        "Part of what {committee} has said will not arrive any more: it is too long ago, and nobody has it. What they "
        "say from now on arrives. Ask them what you have missed.",
        committee=name,
    ),
}
_UNREADABLE: Callable[[str], Text] = lambda name: T(  # noqa: E731 - one of the same kind as those above
    "Something from {committee} cannot be read: nothing was done. Ask them what it was; perhaps their bot or this one "
    "must be updated.",
    committee=name,
)
_NOBODYS: Mapping[Fault, Callable[[str], Text]] = {
    "version": lambda name: T(
        "Something came in {federation} that this bot is too old to read: nothing was done. Whoever looks after the "
        "bot updates it.",
        federation=name,
    ),
    "stranger": lambda name: T(
        "Something came in {federation} from a committee that is not in it: nothing was done. Only what committees of "
        "the federation have signed counts.",
        federation=name,
    ),
    "forged": lambda name: T(
        "Something came in {federation} from somebody who has not signed for handing it on: nothing was done.",
        federation=name,
    ),
}
_NOISE: Callable[[str], Text] = lambda name: T(  # noqa: E731 - one of the same kind as those above
    "Something came in {federation} that is not in the form that committees' bots use: nothing was done. Perhaps "
    "somebody at a server is disturbing.",
    federation=name,
)
_OWN = T(
    "This bot has said two different things to linked committees: it was put back from an old copy by hand. From now "
    "on it begins anew, but the others may have stopped hearing it. Tell them by telephone, and next time put a copy "
    "back with the command for it."
)


@router.command(
    "wire_refused", allow=Authority.CLOCK, typed=False, help=T("Something of a linked committee had no effect.")
)
async def wire_refused(context: Context, *, federation: Reference) -> None:
    """Tell it to the organizers in one line, each fault of each committee once a day; a lie also to the group."""
    there = await peers.federation(context.tx, context.committee.id, federation)
    if there is None:
        return
    mine = await linking.own(context.tx, context.committee, now=context.now)
    for fault, author in await peers.untold(context.tx, there.id, now=context.now):
        peer = await peers.peer(context.tx, there.id, author) if author else None
        if author == mine.author:
            words = _OWN if fault == "equivocation" else None
        elif peer is not None:
            words = _FAULTS.get(fault, _UNREADABLE)(peer.name)
        else:
            words = _NOBODYS.get(fault, _NOISE)(there.name)
        if words is not None:
            await context.tell_organizers(words)
        if words is not None and fault == "equivocation":
            await context.announce(words)


# --- what is carried in a file -----------------------------------------------------------------------------------


@router.command(
    "federation_file",
    allow=Authority.ORGANIZER,
    where=Where.PRIVATE,
    within="federation",
    listed=False,
    help=T(
        "Where the network between linked committees is down: a file with what was said lately, to be carried by hand; "
        "or take in such a file, sent with this command as its caption."
    ),
)
async def federation_file(context: Context, *, file: Table = "") -> Reply:
    """It is sealed and signed as on the wire: whoever carries it need not be trusted, and cannot read it."""
    if file:
        return await _taken_in(context, file)
    found: list[str] = []
    there = await peers.federations(context.tx, context.committee.id)
    for one in there:
        found += await linking.carried(
            context, one, since=context.now - CARRIED, room=DOCUMENT_CHARACTERS_MAX // len(there)
        )
    if not found:
        raise Refusal(T("This committee is not linked with any other yet."), private=True)
    return Reply(
        T(
            "What was said among linked committees in the last days, sealed: only they can read it, and nobody can "
            "change it. Bring it to another committee in any way. An organizer there sends it to their bot with "
            "{command} as its caption.",
            command=federation_file.usage,
        ),
        document=Document(name="federation.txt", text="".join(f"{one}\n" for one in found)),
        private=True,
    )


async def _taken_in(context: Context, file: str) -> Reply:
    new, refused, known, answers = 0, 0, 0, list[str]()
    for text in filter(None, (one.strip() for one in file.splitlines())):
        there = await _federation_of(context, text)
        if there is None:
            refused += 1
            continue
        found = await linking.take_in(context, there, text)
        new += len(found.applied)
        refused += len(found.refused)
        known += not found.applied and not found.refused and found.heard is None
        answers += found.posts
    words = lines(
        N("{n} message was new and is dealt with.", "{n} messages were new and are dealt with.", new),
        N("{n} message was known, or waits for one before it.", "{n} messages were known, or wait for others.", known),
    )
    if refused:
        words = lines(
            words,
            N(
                "{n} line is no message of a committee that you are linked with: nothing was done.",
                "{n} lines are no messages of a committee that you are linked with: nothing was done.",
                refused,
            ),
        )
    room = DOCUMENT_CHARACTERS_MAX
    fits = [one for one in answers if (room := room - len(one) - 1) >= 0]
    if not fits:
        return Reply(words, private=True)
    return Reply(
        lines(words, T("In return they need this file: bring it back to them.")),
        document=Document(name="federation.txt", text="".join(f"{one}\n" for one in fits)),
        private=True,
    )


async def _federation_of(context: Context, text: str) -> peers.Federation | None:
    try:
        uid = rules.load(text).federation
    except rules.Unsound:
        return None
    there = await peers.federation_called(context.tx, context.committee.id, uid)
    return there if there is not None and there.state == "in" else None
