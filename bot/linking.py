"""How linked committees are spoken with, and heard, wherever that is done.

What another committee says is a command with that committee's authority: `peer_` and the kind of what it says, in an
area that allows `Authority.PEER` and takes a `Said`. Each is said once, in its author's order, in the unit of work that
takes its envelope in. What an area says to the others, it says by `post`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bot import keys as signing
from bot import wire
from bot.arguments import Found, Kind, Reading, Word
from bot.chat import Chat, Lane, Saying, UserId, WireDoors, WirePost, door_of, native, network_of, wire_of
from bot.domain import envelope as rules
from bot.domain import roster
from bot.domain.envelope import Chain, Content, Envelope
from bot.router import Authority, Context
from bot.text import Refusal, T, Text
from storage import due, outbox, peers, people
from storage.connections import Account
from storage.database import BooksStopped, Reader, Transaction
from storage.peers import Federation, Own, Peer
from storage.people import Committee

log = logging.getLogger(__name__)

SIGNS_FOR = timedelta(days=90)
AFTERWARDS = frozenset({"expel", "expel_vote"})
"""What counts whatever has become of its author since: else two committees might count differently."""
ASKED_BEFORE = frozenset({"poll_count"})
"""What also counts of whoever was expelled since: each hears of that at another moment; who was asked is fixed."""
RECALLED = AFTERWARDS | {"freeze", "move"}
"""What also counts where one has said it oneself and has forgotten it: the database was put back from a copy."""
UNDERSTANDS: frozenset[str] = frozenset({"status"})
"""The fields of a body that an author may say must be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a linked committee says. `body`: of any shape; it was signed by them, and no more is certain."""

    federation: Federation
    peer: Peer
    kind: str
    body: Mapping[str, Any]
    hash: str
    life: int
    number: int
    sent: datetime
    """By their clock, as it was signed: the same for all who hear it, and a few minutes ahead at most."""
    expires: datetime | None
    past: bool
    """It came too late to do anything."""
    refs: tuple[str, ...] = ()
    hops: int = 0


class _Internal(Kind[str]):
    """A text that only other programs write."""

    expected = T("what another bot has sent")
    example = ""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        return None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if not isinstance(data, str):
            raise ValueError("no text")
        return data


class _SaidKind(Kind[Said]):
    """What a linked committee says; it is never kept in a button or a due row."""

    expected = T("what another committee says")
    example = ""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Said] | None:
        return None

    def dump(self, value: Said) -> Said:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Said:
        if not isinstance(data, Said):
            raise ValueError("nothing that was said just now")
        return data


Internal = Annotated[str, _Internal()]
FromPeer = Annotated[Said, _SaidKind()]


# --- a committee's own keys --------------------------------------------------------------------------------------


def chance(tx: Transaction, what: str) -> bytes:
    """32 bytes that nobody can guess: from four tokens of 80 random bits each. In practice they repeat."""
    return hashlib.sha256(" ".join([what, *(tx.token() for _ in range(4))]).encode()).digest()


async def own(tx: Transaction, committee: Committee, *, now: datetime) -> Own:
    """A committee's own keys, which it is given when it first needs them."""
    found = await peers.own(tx, committee.id)
    if found is None:
        await peers.begin_self(tx, committee.id, signing.SigningKey(chance(tx, "root")))
        await renew(tx, committee, begins=now - timedelta(days=1))
        await plan_keys(tx, committee, now=now)
        found = await peers.own(tx, committee.id)
        assert found is not None
    return found


async def plan_keys(tx: Transaction, committee: Committee, *, now: datetime) -> None:
    """The clock looks tomorrow whether its keys are to change."""
    says, when = Saying(command="keys_turn"), now + timedelta(days=1)
    await due.plan_after(tx, f"keys:{committee.id}", says, when, since=now, committee=committee.id)


async def renew(
    tx: Transaction, committee: Committee, *, begins: datetime, keep: signing.SigningKey | None = None
) -> signing.Certificate:
    """New keys to sign and to open with, by the word of the root key. Raises Refusal where that lies in a drawer.

    `keep`: the key that goes on signing; only what is sealed to is new then.
    """
    found = await peers.own(tx, committee.id)
    if found is None or found.root is None:
        raise Refusal(T("The root key of this committee is not here."), private=True)
    seed = keep or signing.SigningKey(chance(tx, "signing"))
    identity, recipient = signing.new_identity()
    starts = rules.seconds(begins)
    certificate = signing.certify(
        found.root, seed.public, recipient, begins=starts, ends=starts + int(SIGNS_FOR.total_seconds())
    )
    await peers.add_own_key(tx, committee.id, certificate, seed=seed.seed, identity=identity)
    return certificate


async def _keys(context: Context, there: Federation) -> wire.Keys:
    """What a committee knows to do with its keys and the others'. Raises LookupError where none of its own may sign."""
    mine = await own(context.tx, context.committee, now=context.now)
    pinned = await peers.pinned(context.tx, there.id)
    place = mine.current(context.now)
    seed = mine.seeds[place]
    assert seed is not None
    identities = [one for one in mine.identities if one is not None]
    present = {one.author for one in await peers.peers(context.tx, there.id)}
    return wire.Keys(
        chain=Chain(mine.author, mine.life),
        key=mine.certificates[place].key,
        sign=signing.SigningKey(seed).sign,
        # To oneself too: what is forgotten must be readable when it comes back.
        seal=lambda words, to: signing.seal(words, pinned.recipients(sorted({*to, mine.author}))),
        verify=pinned.verify,
        vouches=pinned.vouches,
        open_=lambda sealed: signing.open_(sealed, identities),
        member=pinned.member,
        present=present.__contains__,
        understands=UNDERSTANDS,
    )


# --- saying ------------------------------------------------------------------------------------------------------


async def post(
    context: Context,
    there: Federation,
    kind: str,
    body: Mapping[str, Any],
    *,
    to: Sequence[str] | None = None,
    expires: datetime | None = None,
    refs: Sequence[str] = (),
    must: Sequence[str] = (),
    hops: int = 0,
    lane: Lane = Lane.NOTICE,
) -> Envelope:
    """Say something to the committees of a federation: all others, or those named by their `author`.

    Raises Refusal where it is too long, this committee is not in the federation (any more), or none of those named is.
    """
    if there.state != "in":
        raise Refusal(T("This committee is not in {federation}.", federation=there.name), private=True)
    known = await _keys(context, there)
    others = [one.author for one in await peers.others(context.tx, there.id, known.chain.author)]
    if to is not None:
        # Who was told before may be out by now: nothing is sealed to them any more.
        others = [one for one in others if one in to]
        if not others:
            raise Refusal(T("There is no other committee in {federation} yet.", federation=there.name), private=True)
    content = Content(
        kind=kind,
        body=body,
        to=tuple(others),
        expires=None if expires is None else rules.seconds(expires),
        refs=tuple(refs),
        hops=hops,
        must=tuple(must),
    )
    store = peers.Store(context.tx, there.id, now=context.now)
    try:
        made, text = await wire.write(store, known, there.uid, content, now=context.now)
    except rules.Unsound as unsound:
        raise Refusal(T("That is too long to be sent to other committees. Say it shorter."), private=True) from unsound
    await _queue(context, there, text, lane=lane)
    return made


ANSWER_COSTS = 12
"""As so many envelopes handed over an answer counts that another committee gets whenever it asks for one."""


async def may_answer(context: Context, said: Said) -> bool:
    """Whether a committee may have one more answer that is given by itself.

    Each is a numbered envelope of one's own, and the others bear with only so many of these.
    """
    store = peers.Store(context.tx, said.federation.id, now=context.now)
    return await wire.pays(store, said.peer.author, "asked", ANSWER_COSTS, now=context.now)


async def plan_beat(context: Context, there: Federation, *, after: timedelta = timedelta(minutes=1)) -> None:
    """Let the others hear then how far each chain is known here; and then again and again."""
    says = context.commands.named("wire_beat").says(federation=there.id)
    when = context.now + after
    await due.plan_after(
        context.tx, peers.beat_of(there.id), says, when, since=context.now, committee=context.committee.id
    )


async def beat(context: Context, there: Federation, more: Mapping[str, Any] | None = None) -> None:
    """Tell the others how far each chain is known here, so that what is missing comes to light."""
    known = await _keys(context, there)
    others = [one.author for one in await peers.others(context.tx, there.id, known.chain.author)]
    store = peers.Store(context.tx, there.id, now=context.now)
    if others:
        for text in await wire.heartbeat(store, known, there.uid, to=others, now=context.now, more=more):
            await _queue(context, there, text, lane=Lane.NOTICE)


async def _queue(context: Context, there: Federation, text: str, *, lane: Lane) -> None:
    place = None if there.place_id is None else await people.place_of(context.tx, there.place_id)
    if place is not None:
        await outbox.queue_wire(context.tx, place, WirePost(text), now=context.now, lane=lane)


async def open_wire(tx: Transaction, network: str, uid: str, name: str, *, epoch: int = 1) -> int:
    """Where the committees of a federation hear each other on a network; its id."""
    return (await people.place(tx, Chat(id=wire_of(network, uid, epoch), private=False, title=name))).id


async def doors(
    context: Context,
    there: Federation,
    *,
    let_in: Sequence[str] = (),
    put_out: Sequence[str] = (),
    people_in: Sequence[str] = (),
    people_out: Sequence[str] = (),
    lane: Lane = Lane.ANSWER,
) -> None:
    """Let other bots into the rooms of a federation, or put them out: by their accounts; nobody named: make the rooms.

    `people_in`, `people_out`: accounts of members, who come into the room where members of all committees talk, or
    leave it.
    Order holds in a `lane`.
    """
    place = None if there.place_id is None else await people.place_of(context.tx, there.place_id)
    if place is not None:
        act = WireDoors(
            name=there.name,
            let_in=tuple(let_in),
            put_out=tuple(put_out),
            people=tuple(people_in),
            people_out=tuple(people_out),
        )
        await outbox.queue_wire(context.tx, place, act, now=context.now, lane=lane)


@asynccontextmanager
async def out_of_councils(context: Context, accounts: Sequence[Account]) -> AsyncIterator[None]:
    """Whose account belongs to no member of a federation after this leaves the room in which its members talk."""
    users = {one.user for one in accounts}
    before = await peers.seats(context.tx, users)
    yield
    after = await peers.seats(context.tx, users)
    gone: dict[str, list[UserId]] = {}
    for uid, user in sorted(before.keys() - after.keys()):
        gone.setdefault(uid, []).append(user)
    for uid, theirs in gone.items():
        there = next(found for (other, _), found in before.items() if other == uid)
        place = None if there.place_id is None else await people.place_of(context.tx, there.place_id)
        if place is None:
            continue
        out = [native(user) for user in theirs if network_of(user) == network_of(place.address)]
        if out:
            await doors(context, there, people_out=out, lane=Lane.NOTICE)


async def knock(context: Context, network: str, account: str, text: str) -> None:
    """Say something to another bot that is not on the same wire yet."""
    place = await people.place(context.tx, Chat(id=door_of(network, account), private=False))
    await outbox.queue_wire(context.tx, place, WirePost(text), now=context.now, lane=Lane.ANSWER)


# --- hearing -----------------------------------------------------------------------------------------------------


async def take_in(context: Context, there: Federation, text: str) -> wire.Received:
    """Take in what came, from wherever it came, with all that follows from it."""
    store = peers.Store(context.tx, there.id, now=context.now)
    known = await _keys(context, there)
    found = await wire.receive(store, known, there.uid, text, now=context.now)
    await _follow(context, there, found, me=known.chain.author)
    return found


async def carried(context: Context, there: Federation, *, since: datetime, room: int) -> list[str]:
    """What can be carried to the others in a file of so many characters: how far one is, and what came since then.

    Where there is more than there is room for, the older things are left out: they are asked for in return.
    """
    if there.state != "in":
        return []
    known = await _keys(context, there)
    others = [one.author for one in await peers.others(context.tx, there.id, known.chain.author)]
    store = peers.Store(context.tx, there.id, now=context.now)
    found = await wire.heartbeat(store, known, there.uid, to=others, now=context.now) if others else []
    room -= sum(len(one) + 1 for one in found)
    latest: list[str] = []
    for text in await peers.texts_since(context.tx, there.id, since):
        room -= len(text) + 1
        if room < 0:
            break
        latest.append(text)
    return [*latest[::-1], *found]


async def ripen(context: Context, there: Federation) -> None:
    """Take in what waited for its time, which may have come."""
    store, known = peers.Store(context.tx, there.id, now=context.now), await _keys(context, there)
    found = await wire.ripen(store, known, there.uid, now=context.now)
    await _follow(context, there, found, me=known.chain.author)


async def resume(context: Context, there: Federation, author: str) -> None:
    """Deal with what was kept of a committee while nothing of theirs had an effect."""
    store, known = peers.Store(context.tx, there.id, now=context.now), await _keys(context, there)
    found = await wire.resume(store, known, author, now=context.now)
    # Whom an alert called upon has been called otherwise by now, or not at all: it is told as past.
    late = [replace(one, past=one.past or _alerts(one)) for one in found.applied]
    await _follow(context, there, replace(found, applied=late), me=known.chain.author)


def _alerts(one: wire.Applied) -> bool:
    return one.content is not None and one.content.kind.partition("_")[0] == "alert"


async def _follow(context: Context, there: Federation, found: wire.Received, *, me: str) -> None:
    lately = [(one.envelope.chain.author, one.envelope.sent) for one in found.applied]
    lately += [(found.heard, found.heard_sent)] if found.heard is not None else []
    for author, sent in dict(sorted(lately)).items():
        at = min(context.now, rules.instant(sent))
        await peers.heard(context.tx, there.id, author, at=at)
    for chain, number in found.ends.items():
        await peers.tells_end(context.tx, there.id, chain, number)
    for one in found.applied:
        await _effect(context, there, one, me=me)
    for text in found.posts:
        await _queue(context, there, text, lane=Lane.ANSWER)
    if found.forgotten:
        await peers.begin_life(context.tx, context.committee.id, rules.seconds(context.now))
    if found.refused:
        await _told(context, there)


async def refuse(context: Context, there: Federation, fault: rules.Fault, author: str) -> None:
    """What a committee has said is an envelope, but what it is about cannot be: it is told like an envelope's fault."""
    await peers.Store(context.tx, there.id, now=context.now).quarantine(fault, author)
    await _told(context, there)


async def _told(context: Context, there: Federation) -> None:
    hook = context.commands.get("wire_refused")
    if hook is not None:
        await context.say(hook.says(federation=there.id), authority=Authority.CLOCK)


async def _effect(context: Context, there: Federation, one: wire.Applied, *, me: str) -> None:
    """Say it as a command. Whatever goes wrong with it: it was dealt with, and what follows it must come in."""
    envelope, content = one.envelope, one.content
    if content is None:
        return
    if envelope.chain.author == me and content.kind not in RECALLED:
        return
    peer = await peers.peer(context.tx, there.id, envelope.chain.author)
    command = context.commands.get(f"peer_{content.kind}")
    if peer is None or command is None or command.allow is not Authority.PEER:
        log.info("nothing is known of what a committee says", extra={"known": peer is not None})
        return
    counts = AFTERWARDS | (ASKED_BEFORE if peer.state == "expelled" else frozenset())
    if peer.state != "in" and content.kind not in counts:
        return
    said = Said(
        federation=there,
        peer=peer,
        kind=content.kind,
        body=content.body,
        hash=envelope.hash,
        life=envelope.chain.life,
        number=envelope.number,
        sent=rules.instant(envelope.sent),
        expires=None if content.expires is None else rules.instant(content.expires),
        past=one.past,
        refs=content.refs,
        hops=content.hops,
    )
    try:
        async with context.tx.savepoint():
            await replace(context, place=None, of_member=None).say(command.says(said=said), authority=Authority.PEER)
    except BooksStopped:
        raise
    except Refusal:
        log.info("what a committee says was refused", extra={"kind": content.kind})
    except Exception:
        log.exception("what a committee says could not be done", extra={"kind": content.kind})


# --- how far they are trusted ------------------------------------------------------------------------------------

TRUST_TOLD: Mapping[roster.Trust, Text] = {
    roster.Trust.BLOCKED: T("nobody here is told (0)"),
    roster.Trust.ORGANIZERS: T("only the organizers are told (1)"),
    roster.Trust.SHOWN: T("the group is told, nobody is called (2)"),
    roster.Trust.CONFIRMED: T("the group is told, and people are called once somebody here confirms it (3)"),
    roster.Trust.PAGES: T("people are called at once (4)"),
}
"""What comes of what they say, at each level."""


async def trusted(tx: Reader, peer: Peer, kind: str) -> int:
    """How far this committee trusts another in what it says of a kind: see `roster.Trust`."""
    return roster.level(await peers.trust(tx, peer.id), kind, new=peer.new)
