"""What linked committees decide about each other: trust, leaving, expelling, freezing, moving house, and visits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from bot import keys as signing
from bot import linking
from bot.arguments import Found, Kind, Reading, Reference, Word, choice
from bot.chat import Button, Lane, Reply
from bot.domain import envelope, grammar, roster
from bot.domain import governing as rules
from bot.domain.envelope import Chain, Unsound, Want
from bot.domain.governing import Call, Case, Move, Vote
from bot.linking import FromPeer, Internal
from bot.router import Asks, Authority, Context, Router, Where
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import board, connections, due, peers, people
from storage import governing as store
from storage import rules as settings
from storage.database import Reader, Transaction
from storage.governing import Kept
from storage.peers import Federation, Peer
from storage.people import Committee, Member

router = Router("governing", under="federation")

NAME_WORDS_MAX = 12
TALK_AGAIN = 30
"""So many of one's latest envelopes go to the others' doors before the one that says to move."""


# --- whom it is about --------------------------------------------------------------------------------------------


async def _others(tx: Reader, committee_id: int, *, once: bool) -> list[Peer]:
    """The other committees of all federations that a committee is in. `once`: whoever is in several, once.

    Those whose names are alike are told apart by the first of their words, and by the federation.
    """
    mine = await peers.own(tx, committee_id)
    titles: dict[int, str] = {}
    found: list[Peer] = []
    for there in await peers.federations(tx, committee_id):
        titles[there.id] = there.name
        known = {one.author for one in found} if once else set()
        known |= set() if mine is None else {mine.author}
        found += [one for one in await peers.peers(tx, there.id) if one.author not in known]
    told = []
    for one in found:
        alike = [other for other in found if grammar.folded(other.name) == grammar.folded(one.name)]
        marks = [" ".join(signing.fingerprint_words(one.author)[:2])] if len({x.author for x in alike}) > 1 else []
        marks += [titles[one.federation_id]] if sum(x.author == one.author for x in alike) > 1 else []
        told.append(replace(one, name=f"{one.name} ({', '.join(marks)})") if marks else one)
    return told


V = TypeVar("V", Peer, Federation)


def _called(words: Sequence[Word], there: Sequence[V]) -> Found[V] | None:
    """Whose name the line begins with, the longest first."""
    for count in range(min(len(words), NAME_WORDS_MAX), 0, -1):
        said = grammar.folded(" ".join(word.text for word in words[:count]))
        names = [(one, grammar.folded(one.name)) for one in there]
        # What tells them apart need not be typed: then it is asked which one is meant.
        found = [one for one, name in names if name == said] or [
            one for one, name in names if name.endswith(")") and name.startswith(f"{said} (")
        ]
        if found:
            return Found(found[0], count, tuple(found[1:]))
    return None


class _NamedKind(Kind[V]):
    """Something of a federation, by its name."""

    gone: Text
    """What is said where it is not there any more."""

    @abstractmethod
    async def all(self, tx: Reader, committee_id: int) -> Sequence[V]:
        """What a committee may mean."""

    @abstractmethod
    async def by_id(self, tx: Reader, committee_id: int, id_: int) -> V | None:
        """One of them."""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[V] | None:
        if not words or reading.committee is None:
            return None
        return _called(words, await self.all(reading.tx, reading.committee.id))

    def dump(self, value: V) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> V:
        found = None
        if committee is not None and isinstance(data, int):
            found = await self.by_id(tx, committee.id, data)
        if found is None:
            raise Refusal(self.gone)
        return found

    def label(self, value: V) -> str:
        return value.name

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, V]]:
        return [(one.name, one) for one in await self.all(tx, member.committee_id)]


class _PeerKind(_NamedKind[Peer]):
    """A linked committee, by its name."""

    expected = T("the name of a linked committee")
    example = "Eastside"
    question = T("Which committee?")
    gone = T("That committee is not linked with this one.")

    def __init__(self, *, once: bool = False) -> None:
        self._once = once

    async def all(self, tx: Reader, committee_id: int) -> Sequence[Peer]:
        return await _others(tx, committee_id, once=self._once)

    async def by_id(self, tx: Reader, committee_id: int, id_: int) -> Peer | None:
        return await peers.peer_by_id(tx, committee_id, id_)


class _FederationKind(_NamedKind[Federation]):
    """A federation that this committee is in, by its name."""

    expected = T("the name of a federation")
    example = "Northside"
    question = T("Which federation?")
    gone = T("This committee is not in that federation.")

    async def all(self, tx: Reader, committee_id: int) -> Sequence[Federation]:
        return await peers.federations(tx, committee_id)

    async def by_id(self, tx: Reader, committee_id: int, id_: int) -> Federation | None:
        return await peers.federation(tx, committee_id, id_)


Other = Annotated[Peer, _PeerKind()]
Whoever = Annotated[Peer, _PeerKind(once=True)]
"""A committee, in whichever federation."""
Ours = Annotated[Federation, _FederationKind()]


async def _there(context: Context, peer: Peer) -> Federation:
    """The federation that another committee is in together with this one. Raises Refusal."""
    there = await peers.federation(context.tx, context.committee.id, peer.federation_id)
    if there is None or there.state != "in":
        raise Refusal(T("This committee is not in that federation."))
    mine = await linking.own(context.tx, context.committee, now=context.now)
    if peer.author == mine.author:
        raise Refusal(T("That is this committee itself."))
    if peer.state != "in":
        raise Refusal(T("{peer} is not in {federation}.", peer=peer.name, federation=there.name))
    return there


def _in(there: Federation) -> Federation:
    if there.state != "in":
        raise Refusal(T("This committee is not in {federation}.", federation=there.name))
    return there


async def _me(context: Context) -> str:
    return (await linking.own(context.tx, context.committee, now=context.now)).author


async def _name(tx: Reader, federation_id: int, author: str) -> str:
    found = await peers.peer(tx, federation_id, author)
    return found.name if found is not None else "?"


# --- whom we trust with what -------------------------------------------------------------------------------------

What = Annotated[
    str,
    choice(
        "alert",
        "poll",
        "all",
        expected=T("{alert}, {poll} or {all}", alert=Typed("alert"), poll=Typed("poll"), all=Typed("all")),
        labels={"alert": T("Alerts"), "poll": T("Polls"), "all": T("Everything")},
    ),
]
Level = Annotated[
    str,
    choice(
        *(str(int(level)) for level in linking.TRUST_TOLD),
        expected=T("a number from 0 to 4"),
        labels={
            "0": T("0: not at all"),
            "1": T("1: organizers"),
            "2": T("2: the group"),
            "3": T("3: calls, if confirmed"),
            "4": T("4: calls at once"),
        },
    ),
]
Low = Annotated[
    str,
    choice(
        "0",
        "1",
        expected=T("{none} or {one}", none=Typed("0"), one=Typed("1")),
        labels={"0": T("0: not at all"), "1": T("1: organizers")},
    ),
]


def _trust_told(peer: Peer, what: str, level: int) -> Text:
    how = linking.TRUST_TOLD[roster.Trust(level)]
    match what:
        case "alert":
            return T("Alerts from {peer}: {how}", peer=peer.name, how=how)
        case "poll":
            return T("Polls from {peer}: {how}", peer=peer.name, how=how)
        case _:
            return T("Everything from {peer}: {how}", peer=peer.name, how=how)


def _trust_proposal(*, peer: Peer, what: str, level: str) -> Text:
    return _trust_told(peer, what, int(level))


_ASKS = {
    "what": Asks(T("Of what kind?")),
    "level": Asks(T("What happens here when something of that kind comes from them?")),
}


@router.command(
    "trust",
    allow=Authority.COMMITTEE,
    within="federation",
    label=T("How far we trust"),
    help=T("How far we trust a linked committee: whether what it says is shown here, and calls people."),
    sample=("Eastside", "alert", "4"),
    proposal=_trust_proposal,
    asks=_ASKS,
)
async def trust(context: Context, *, peer: Whoever, what: What, level: Level) -> Reply:
    """Each committee decides it for itself, and tells nobody outside."""
    await _there(context, peer)
    return await _set_trust(context, peer, what, int(level))


@router.command(
    "distrust",
    allow=Authority.TWO,
    within="federation",
    label=T("Trust them less, now"),
    help=T("Two organizers at once: what a linked committee says reaches only them, or nobody."),
    sample=("Eastside", "alert", "0"),
    proposal=_trust_proposal,
    asks=_ASKS,
)
async def distrust(context: Context, *, peer: Whoever, what: What, level: Low) -> Reply:
    """To protect people must not wait for a poll. Raising it again takes the committee."""
    await _there(context, peer)
    levels = await peers.trust(context.tx, peer.id)
    kinds = ("alert", "poll", "") if what == "all" else (what,)
    if not any(roster.level(levels, kind) > int(level) for kind in kinds):
        raise Refusal(
            T(
                "They are trusted no further than that already. To raise it, the committee decides: {command}",
                command=Typed("/trust", peer.name, what, "2"),
            )
        )
    if what == "all":
        # What is lower already stays lower.
        for kind in ("alert", "poll"):
            if kind in levels and levels[kind] > int(level):
                await peers.set_trust(context.tx, peer.id, kind, int(level))
        if roster.level(levels, "") > int(level):
            await peers.set_trust(context.tx, peer.id, "", int(level))
    else:
        await peers.set_trust(context.tx, peer.id, what, int(level))
    await _uncount(context, peer)
    words = _trust_told(peer, what, int(level))
    await context.announce(words, but=context.place)
    return Reply(words)


async def _uncount(context: Context, peer: Peer) -> None:
    """Whoever is not in, is frozen or is trusted too little brings nothing to an alert that goes on here."""
    frozen = peer.frozen_until is not None and peer.frozen_until > context.now
    if peer.state != "in" or frozen or await linking.trusted(context.tx, peer, "alert") < roster.Trust.SHOWN:
        says = context.commands.named("links_uncount").says(author=peer.author)
        await context.say(says, authority=Authority.CLOCK)


async def _set_trust(context: Context, peer: Peer, what: str, level: int) -> Reply:
    if what == "all":
        await peers.reset_trust(context.tx, peer.id)
    await peers.set_trust(context.tx, peer.id, "" if what == "all" else what, level)
    await _uncount(context, peer)
    return Reply(_trust_told(peer, what, level))


@router.command(
    "trust_levels",
    allow=Authority.MEMBER,
    within="federation",
    help=T("How far we trust each linked committee, and what is being decided about one."),
    label=T("Whom we trust with what"),
)
async def trust_levels(context: Context) -> Reply:
    """All members may see it; nobody outside is told."""
    told: list[Words] = []
    buttons: list[tuple[Button, ...]] = []
    for there in await peers.federations(context.tx, context.committee.id):
        told += await _about(context, there, buttons)
    if not told:
        raise Refusal(
            T("This committee is not linked with any. How that is done: {command}", command=Typed("/federation"))
        )
    told.append(T("Nobody outside this committee is told these levels."))
    return Reply(lines(*told), buttons=tuple(buttons))


async def _about(context: Context, there: Federation, buttons: list[tuple[Button, ...]]) -> list[Words]:
    told: list[Words] = [T("{title}", title=Bold(there.name))]
    me = await _me(context)
    liars = await store.liars(context.tx, there.id)
    for peer in await peers.others(context.tx, there.id, me):
        levels = await peers.trust(context.tx, peer.id)
        told += [_trust_told(peer, kind, roster.level(levels, kind, new=peer.new)) for kind in ("alert", "poll")]
        if peer.frozen_until is not None and peer.frozen_until > context.now:
            told.append(T("{peer} is frozen until {until}.", peer=peer.name, until=peer.frozen_until))
        if peer.author in liars:
            told.append(_lied(peer))
            buttons.append((Button(label=T("Hear {peer} again", peer=peer.name), says=hear_again.says(peer=peer)),))
        buttons.append((Button(label=T("Change: {peer}", peer=peer.name), says=trust.says(peer=peer)),))
    for kept in await store.open_cases(context.tx, there.id):
        if kept.case.sound and kept.case.sent + rules.EXPEL_WITHIN > context.now:
            told.append(await _standing(context, there, kept))
    return told


def _lied(peer: Peer) -> Text:
    return T(
        "{peer} has said two different things in one place. Nothing of theirs counts here until the committee decides "
        "to hear them again.",
        peer=peer.name,
    )


# --- leaving -----------------------------------------------------------------------------------------------------


def _leave_proposal(*, there: Federation) -> Text:
    return T("This committee leaves {federation}, at once.", federation=there.name)


@router.command(
    "leave_federation",
    allow=Authority.COMMITTEE,
    within="federation",
    label=T("Leave a federation"),
    help=T("Leave a federation at once."),
    proposal=_leave_proposal,
    sample=("Northside",),
)
async def leave_federation(context: Context, *, there: Ours) -> Reply:
    """The last that the others hear is that we leave. Coming back is linking anew."""
    _in(there)
    mine = await peers.peer(context.tx, there.id, await _me(context))
    others = [one for one in await peers.peers(context.tx, there.id) if mine is None or one.id != mine.id]
    await linking.post(context, there, "leave", {})
    shared = mine is None or mine.account is None or any(one.account == mine.account for one in others)
    await _out(context, there, "left")
    if mine is not None and mine.account is not None and not shared:
        # After all that is still to be said and done.
        await linking.doors(context, there, put_out=(mine.account,), lane=Lane.NOTICE)
    return Reply(
        T(
            "This committee has left {federation}. Nothing goes there any more, and nothing comes from there. "
            "To come back, link anew.",
            federation=there.name,
        )
    )


async def _out(context: Context, there: Federation, state: peers.State) -> None:
    """This committee is out, and its members are no more where those of the others talk."""
    async with linking.out_of_councils(context, await connections.accounts_in(context.tx, context.committee.id)):
        await peers.set_state(context.tx, there.id, state)
    mine = await peers.peer(context.tx, there.id, await _me(context))
    if mine is not None:
        await peers.set_peer_state(context.tx, mine.id, state)
    for one in await peers.peers(context.tx, there.id):
        await store.forget_trust(context.tx, one.id)
    await due.cancel(context.tx, peers.beat_of(there.id))


@router.command("peer_leave", allow=Authority.PEER, typed=False, help=T("A linked committee leaves."))
async def peer_leave(context: Context, *, said: FromPeer) -> None:
    """Nothing is sealed to it any more, and nothing of it counts."""
    await _gone(context, said.peer, "left")
    await context.announce(T("{peer} has left {federation}.", peer=said.peer.name, federation=said.federation.name))


async def _gone(context: Context, peer: Peer, state: peers.State) -> None:
    await peers.set_peer_state(context.tx, peer.id, state)
    await store.forget_trust(context.tx, peer.id)
    await _uncount(context, replace(peer, state=state))
    await store.close_cases(context.tx, peer.federation_id, peer.author, now=context.now)


# --- expelling ---------------------------------------------------------------------------------------------------


def _expel_proposal(*, peer: Peer) -> Text:
    return T("We ask the other committees to expel {peer}.", peer=peer.name)


@router.command(
    "expel",
    allow=Authority.COMMITTEE,
    within="federation",
    label=T("Expel a committee"),
    help=T("Ask all linked committees to expel one: two thirds of the others must agree."),
    proposal=_expel_proposal,
    sample=("Eastside",),
)
async def expel(context: Context, *, peer: Other) -> Reply:
    """Who may vote is frozen now: all but the one whom it is about."""
    there = await _there(context, peer)
    me = await _me(context)
    for kept in await store.open_cases(context.tx, there.id):
        if (kept.case.accused, kept.case.asked_by) == (peer.author, me):
            raise Refusal(await _standing(context, there, kept))
    voters = {one.author for one in await peers.peers(context.tx, there.id)} - {peer.author}
    body = {"accused": peer.author, "voters": sorted(voters)}
    made = await linking.post(context, there, "expel", body)
    case = Case(accused=peer.author, asked_by=me, voters=frozenset(voters), sent=envelope.instant(made.sent))
    kept_ = await store.add_case(context.tx, there.id, made.hash, case)
    if kept_ is None:
        raise Refusal(T("This committee has asked for that often lately. Wait until something is decided."))
    await _plan_end(context, kept_)
    if await _decide(context, there, but=peer.author):
        return Reply(T("{peer} is expelled from {federation}.", peer=peer.name, federation=there.name))
    return Reply(await _standing(context, there, kept_))


async def _standing(context: Context, there: Federation, kept: Kept) -> Text:
    said = rules.agreeing(kept.case, await store.votes(context.tx, there.id, kept.hash))
    return T(
        "Expelling {peer}: {n} of {all} committees have agreed; it takes {most}, until {until}.",
        peer=await _name(context.tx, there.id, kept.case.accused),
        n=len(said),
        all=len(kept.case.voters),
        most=-(-2 * len(kept.case.voters) // 3),
        until=kept.case.sent + rules.EXPEL_WITHIN,
    )


async def _plan_end(context: Context, kept: Kept) -> None:
    when = kept.case.sent + rules.EXPEL_WITHIN + timedelta(hours=1)
    if when > context.now:
        key = f"federation:{kept.federation_id}:expel:{kept.id}"
        says = expel_over.says(case=kept.id)
        await due.plan_at(context.tx, key, says, when, committee=context.committee.id)


@router.command("expel_over", allow=Authority.CLOCK, typed=False, help=T("The time to expel a committee is over."))
async def expel_over(context: Context, *, case: Reference) -> None:
    """It stays, unless a vote that was signed in time comes late."""
    kept = await store.case_by_id(context.tx, context.committee.id, case)
    there = None if kept is None else await peers.federation(context.tx, context.committee.id, kept.federation_id)
    if kept is None or kept.done_at is not None or there is None or there.state != "in":
        return
    peer = await peers.peer(context.tx, there.id, kept.case.accused)
    if peer is not None and peer.state == "in":
        await context.announce(
            T(
                "{peer} stays in {federation}: two thirds did not agree to expel it.",
                peer=peer.name,
                federation=there.name,
            )
        )


@router.command("peer_expel", allow=Authority.PEER, typed=False, help=T("A committee asks to expel another."))
async def peer_expel(context: Context, *, said: FromPeer) -> None:
    """Each committee decides about it in its own way."""
    accused, voters = said.body.get("accused"), said.body.get("voters")
    if not isinstance(accused, str) or not isinstance(voters, list) or not 0 < len(voters) <= peers.PEERS_MAX:
        raise Refusal(T("That was not understood."))
    if not all(isinstance(one, str) and len(one) == len(said.peer.author) for one in voters):
        raise Refusal(T("That was not understood."))
    case = Case(accused=accused, asked_by=said.peer.author, voters=frozenset(voters), sent=said.sent)
    peer = await peers.peer(context.tx, said.federation.id, accused)
    if peer is None or not case.sound or len(case.voters) != len(voters):
        raise Refusal(T("That was not understood."))
    kept = await store.add_case(context.tx, said.federation.id, said.hash, case)
    if kept is None:
        return
    if peer.state != "in":
        await store.close_cases(context.tx, said.federation.id, accused, now=context.now)
        return
    me, open_ = await _me(context), case.sent + rules.EXPEL_WITHIN > context.now and said.peer.state == "in"
    open_ = open_ and case.asked_by != me
    if open_ and accused == me:
        await context.announce(
            T(
                "{peer} asks the committees of {federation} to expel this one. The others decide until {until}. "
                "Talk with them.",
                peer=said.peer.name,
                federation=said.federation.name,
                until=case.sent + rules.EXPEL_WITHIN,
            )
        )
    elif open_ and me in case.voters:
        await _plan_end(context, kept)
        await context.announce(
            T(
                "{peer} asks to expel {accused} from {federation}. What does this committee say? It has until {until}.",
                peer=said.peer.name,
                accused=peer.name,
                federation=said.federation.name,
                until=case.sent + rules.EXPEL_WITHIN,
            ),
            buttons=(
                (
                    Button(label=T("Expel them"), says=expel_yes.says(case=kept)),
                    Button(label=T("They stay"), says=expel_no.says(case=kept)),
                ),
            ),
        )
    await _decide(context, said.federation)


class _CaseKind(Kind[Kept]):
    """A case that a button is about. Nobody writes it."""

    expected = T("a case")
    example = ""
    written = False

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Kept] | None:
        return None

    def dump(self, value: Kept) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Kept:
        found = None
        if committee is not None and isinstance(data, int):
            found = await store.case_by_id(tx, committee.id, data)
        if found is None:
            raise Refusal(T("That is not to be decided any more."))
        return found


OpenCase = Annotated[Kept, _CaseKind()]


def _yes_proposal(*, case: Kept) -> Text:
    return T("This committee agrees to expel {peer}.", peer=case.name)


def _no_proposal(*, case: Kept) -> Text:
    return T("This committee says that {peer} shall stay.", peer=case.name)


@router.command(
    "expel_yes",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Agree to expel a linked committee."),
    proposal=_yes_proposal,
)
async def expel_yes(context: Context, *, case: OpenCase) -> Reply:
    """Once said, it stands."""
    there = await _vote(context, case, yes=True)
    if await _decide(context, there, but=case.case.accused):
        return Reply(T("{peer} is expelled from {federation}.", peer=case.name, federation=there.name))
    return Reply(await _standing(context, there, case))


@router.command(
    "expel_no",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Say that a linked committee shall stay."),
    proposal=_no_proposal,
)
async def expel_no(context: Context, *, case: OpenCase) -> Reply:
    """The others are told; this committee may still agree until the time is over."""
    there = await _vote(context, case, yes=False)
    return Reply(await _standing(context, there, case))


async def _vote(context: Context, kept: Kept, *, yes: bool) -> Federation:
    there = await peers.federation(context.tx, context.committee.id, kept.federation_id)
    me = await _me(context)
    if there is None or there.state != "in" or kept.done_at is not None or me not in kept.case.voters:
        raise Refusal(T("That is not to be decided any more."))
    if context.now > kept.case.sent + rules.EXPEL_WITHIN:
        raise Refusal(T("The time for that is over."))
    votes = await store.votes(context.tx, there.id, kept.hash)
    if me in rules.agreeing(kept.case, votes):
        raise Refusal(await _standing(context, there, kept))
    made = await linking.post(context, there, "expel_vote", {"case": kept.hash, "yes": yes}, refs=(kept.hash,))
    await store.add_vote(context.tx, there.id, kept.hash, Vote(author=me, yes=yes, sent=envelope.instant(made.sent)))
    return there


@router.command("peer_expel_vote", allow=Authority.PEER, typed=False, help=T("A committee votes on expelling another."))
async def peer_expel_vote(context: Context, *, said: FromPeer) -> None:
    """Counted whenever it comes, also before what it is about."""
    hash_, yes = said.body.get("case"), said.body.get("yes")
    if not isinstance(hash_, str) or len(hash_) != len(said.hash) or not isinstance(yes, bool):
        raise Refusal(T("That was not understood."))
    vote = Vote(author=said.peer.author, yes=yes, sent=said.sent)
    if await store.add_vote(context.tx, said.federation.id, hash_, vote):
        await _decide(context, said.federation)


async def _decide(context: Context, there: Federation, *, but: str | None = None) -> bool:
    """Carry out what the committees have agreed on. `but`: who is told of otherwise; whether they were expelled."""
    done = False
    for kept in await store.open_cases(context.tx, there.id):
        case = kept.case
        known = [one.author for one in await peers.peers(context.tx, there.id) if one.since <= case.sent]
        if not rules.expelled(case, await store.votes(context.tx, there.id, kept.hash), known=known):
            continue
        if case.accused == await _me(context):
            await store.close_cases(context.tx, there.id, case.accused, now=context.now)
            await _out(context, there, "expelled")
            await context.announce(
                T(
                    "The committees of {federation} have expelled this one. Nothing comes from there any more.",
                    federation=there.name,
                )
            )
            return done
        peer = await peers.peer(context.tx, there.id, case.accused)
        if peer is None or peer.state != "in":
            await store.close_cases(context.tx, there.id, case.accused, now=context.now)
            continue
        await _gone(context, peer, "expelled")
        rest = await peers.peers(context.tx, there.id)
        if peer.account is not None and all(one.account != peer.account for one in rest):
            await linking.doors(context, there, put_out=(peer.account,), lane=Lane.NOTICE)
        done |= case.accused == but
        if case.accused != but:
            await context.announce(T("{peer} is expelled from {federation}.", peer=peer.name, federation=there.name))
    return done


# --- freezing ----------------------------------------------------------------------------------------------------


def _freeze_proposal(*, peer: Peer) -> Text:
    return T("We ask to freeze {peer} for 24 hours: nothing of theirs counts anywhere.", peer=peer.name)


@router.command(
    "freeze",
    allow=Authority.TWO,
    within="federation",
    label=T("Freeze a committee"),
    help=T("Freeze a linked committee for 24 hours; a second committee must say the same within an hour."),
    proposal=_freeze_proposal,
    sample=("Eastside",),
)
async def freeze(context: Context, *, peer: Other) -> Reply:
    """In an emergency: any two committees together. It ends by itself."""
    there = await _there(context, peer)
    me = await _me(context)
    mine = [call.at for call in await store.calls(context.tx, there.id, peer.author) if call.by == me]
    if peer.frozen_until is not None and peer.frozen_until > context.now:
        raise Refusal(T("{peer} is frozen already, until {until}.", peer=peer.name, until=peer.frozen_until))
    if any(context.now - at < rules.FREEZE_TOGETHER for at in mine):
        raise Refusal(T("That was asked already. A second committee must say the same within an hour."))
    made = await linking.post(context, there, "freeze", {"accused": peer.author}, lane=Lane.ANSWER)
    await store.add_call(context.tx, there.id, peer.author, Call(envelope.instant(made.sent), me))
    found = await _frozen(context, there, peer)
    if found is not None:
        return Reply(found)
    return Reply(
        T(
            "The other committees are asked to freeze {peer}. If one of them says the same within an hour, nothing "
            "of theirs counts for 24 hours. The same two can do that again after 7 days.",
            peer=peer.name,
        )
    )


async def _frozen(context: Context, there: Federation, peer: Peer) -> Text | None:
    """Freeze a committee, if two ask for it; what people are told, once."""
    calls = await store.calls(context.tx, there.id, peer.author)
    found = rules.frozen_until(calls, now=context.now)
    if found is None or not await store.freeze(context.tx, there.id, peer.author, found):
        return None
    says = thaw.says(peer=peer)
    await due.plan_at(context.tx, f"peer:{peer.id}:thaw", says, found.ends, committee=context.committee.id)
    await _uncount(context, replace(peer, frozen_until=found.ends))
    names = [await _name(context.tx, there.id, author) for author in sorted(found.by)]
    if peer.author == await _me(context):
        return T(
            "{peers} have frozen this committee in {federation} until {until}: what it says counts after that. "
            "It ends by itself. Talk with them.",
            peers=Listed(tuple(sorted(names))),
            federation=there.name,
            until=found.ends,
        )
    return T(
        "{peers} have frozen {peer} until {until}: what comes from them counts after that. It ends by itself.",
        peers=Listed(tuple(sorted(names))),
        peer=peer.name,
        until=found.ends,
    )


@router.command("peer_freeze", allow=Authority.PEER, typed=False, help=T("A committee asks to freeze another."))
async def peer_freeze(context: Context, *, said: FromPeer) -> None:
    """With a second one it is so."""
    accused = said.body.get("accused")
    peer = await peers.peer(context.tx, said.federation.id, accused) if isinstance(accused, str) else None
    if peer is None or peer.author == said.peer.author:
        raise Refusal(T("That was not understood."))
    before = await store.calls(context.tx, said.federation.id, peer.author)
    known = any(one.by == said.peer.author and abs(one.at - said.sent) < rules.FREEZE_TOGETHER for one in before)
    if not await store.add_call(context.tx, said.federation.id, peer.author, Call(said.sent, said.peer.author)):
        return
    told = await _frozen(context, said.federation, peer)
    if told is not None:
        await context.announce(told, lane=Lane.ANSWER)
        return
    frozen = peer.frozen_until is not None and peer.frozen_until > context.now
    again = context.now - said.sent >= rules.FREEZE_TOGETHER
    me = await _me(context)
    if known or frozen or again or peer.state != "in" or me in (peer.author, said.peer.author):
        return
    await context.announce(
        T(
            "{asking} asks to freeze {peer} for 24 hours. If two organizers here agree within an hour, nothing of "
            "theirs counts until then.",
            asking=said.peer.name,
            peer=peer.name,
        ),
        lane=Lane.ANSWER,
        buttons=((Button(label=T("Freeze too"), says=freeze.says(peer=peer), expires=rules.FREEZE_TOGETHER),),),
    )


@router.command("thaw", allow=Authority.CLOCK, typed=False, help=T("A freeze ends."))
async def thaw(context: Context, *, peer: Other) -> None:
    """What was kept meanwhile has its effect now, in order; alerts are told as past."""
    there = await peers.federation(context.tx, context.committee.id, peer.federation_id)
    if there is None or there.state != "in" or peer.frozen_until is None:
        return
    if peer.frozen_until > context.now:
        says = thaw.says(peer=peer)
        await due.plan_at(context.tx, f"peer:{peer.id}:thaw", says, peer.frozen_until, committee=context.committee.id)
        return
    if peer.state == "in":
        if peer.author == await _me(context):
            await context.announce(T("This committee is not frozen any more."))
        else:
            await context.announce(T("{peer} is not frozen any more.", peer=peer.name))
    await linking.resume(context, there, peer.author)


# --- after a lie -------------------------------------------------------------------------------------------------


def _hear_proposal(*, peer: Peer) -> Text:
    return T("This committee hears {peer} again, from the next beginning on.", peer=peer.name)


@router.command(
    "hear_again",
    allow=Authority.COMMITTEE,
    within="federation",
    label=T("Hear a committee again"),
    help=T("Hear a committee again that has said two different things in one place."),
    proposal=_hear_proposal,
    sample=("Eastside",),
)
async def hear_again(context: Context, *, peer: Other) -> Reply:
    """A new life is heard; what was numbered until then stays without effect: which of two was meant, nobody knows."""
    there = await _there(context, peer)
    if peer.author not in await store.liars(context.tx, there.id):
        raise Refusal(T("{peer} is heard: there is nothing to decide.", peer=peer.name))
    kept = peers.Store(context.tx, there.id, now=context.now)
    life = max(one.chain.life for one in await kept.proof(peer.author))
    await store.hear_again(context.tx, there.id, peer.author, after_life=life)
    await linking.resume(context, there, peer.author)
    return Reply(
        T(
            "{peer} is heard again. What it has said since its two different statements stays without effect here; "
            "what it says after its bot has begun anew counts.",
            peer=peer.name,
        )
    )


# --- moving house ------------------------------------------------------------------------------------------------


def _move_proposal(*, there: Federation) -> Text:
    return T("{federation} moves to new rooms, which our bot makes.", federation=there.name)


@router.command(
    "move_federation",
    allow=Authority.TWO,
    within="federation",
    label=T("Move to new rooms"),
    help=T("The server with the rooms is lost: move to new ones. More than half of the committees must say so."),
    proposal=_move_proposal,
    sample=("Northside",),
)
async def move_federation(context: Context, *, there: Ours) -> Reply:
    """This committee's bot makes the new rooms, once more than half want them."""
    _in(there)
    network = _carrier(context)
    epoch = await store.epoch(context.tx, there.id) + 1
    return await _move(context, there, Move(epoch, network, await _me(context)))


def _carrier(context: Context) -> str:
    for network in sorted(context.carriers):
        return network
    raise Refusal(T("This bot is on no network that can carry a federation."))


def _move_too_proposal(*, federation: int, host: Peer, epoch: int, network: str) -> Text:
    return T("We move to the new rooms that the bot of {peer} makes.", peer=host.name)


@router.command(
    "move_too",
    allow=Authority.TWO,
    typed=False,
    help=T("Move to new rooms with the others."),
    proposal=_move_too_proposal,
)
async def move_too(
    context: Context, *, federation: Reference, host: Other, epoch: Reference, network: Internal
) -> Reply:
    """The same rooms that another committee has proposed."""
    there = await peers.federation(context.tx, context.committee.id, federation)
    if there is None or there.id != host.federation_id:
        raise Refusal(T("This committee is not in that federation."))
    return await _move(context, _in(there), Move(epoch, network, host.author))


async def _move(context: Context, there: Federation, move: Move) -> Reply:
    now = await store.epoch(context.tx, there.id)
    me = await _me(context)
    if move.epoch <= now:
        raise Refusal(T("{federation} has moved already.", federation=there.name))
    if (me, move) in await store.moves(context.tx, there.id, epoch=now):
        raise Refusal(await _moving(context, there, move))
    body = {"epoch": move.epoch, "network": move.network, "host": move.host}
    made = await linking.post(context, there, "move", body, lane=Lane.ANSWER)
    await _to_doors(context, there, made)
    await store.add_move(context.tx, there.id, me, move, epoch=now)
    if await _settle(context, there):
        return Reply(_moved(there))
    return Reply(await _moving(context, there, move))


def _moved(there: Federation) -> Text:
    return T("{federation} has moved: the bots speak in new rooms from now on.", federation=there.name)


async def _moving(context: Context, there: Federation, move: Move) -> Text:
    said = await store.moves(context.tx, there.id, epoch=move.epoch - 1)
    inside = await peers.peers(context.tx, there.id)
    return T(
        "Moving {federation}: {n} of {all} committees have agreed; it takes more than half.",
        federation=there.name,
        n=sum(1 for author, wanted in said if wanted == move and any(one.author == author for one in inside)),
        all=len(inside),
    )


async def _to_doors(context: Context, there: Federation, made: envelope.Envelope) -> None:
    """The old rooms may be gone: say it at the others' doors too, with what they may lack of what was said before."""
    kept = peers.Store(context.tx, there.id, now=context.now)
    chain: Chain = made.chain
    lately = await kept.texts(Want(chain, max(1, made.number - TALK_AGAIN), made.number))
    me = made.chain.author
    for network, account in sorted(context.carriers.items()):
        for one in await peers.peers(context.tx, there.id):
            if one.author == me or one.account is None or one.account == account:
                continue
            for text in map(envelope.dump, lately):
                await linking.knock(context, network, one.account, text)


@router.command("peer_move", allow=Authority.PEER, typed=False, help=T("A committee wants to move to new rooms."))
async def peer_move(context: Context, *, said: FromPeer) -> None:
    """It counts by whichever way it has come; a room that says of itself that it was replaced counts nothing."""
    epoch, network, host = (said.body.get(name) for name in ("epoch", "network", "host"))
    if type(epoch) is not int or not isinstance(network, str) or not isinstance(host, str):
        raise Refusal(T("That was not understood."))
    there = said.federation
    now = await store.epoch(context.tx, there.id)
    maker = await peers.peer(context.tx, there.id, host)
    if maker is None or not 0 < len(network) <= 32 or not network.isidentifier():
        raise Refusal(T("That was not understood."))
    move = Move(epoch, network, host)
    before = await store.moves(context.tx, there.id, epoch=now)
    if not await store.add_move(context.tx, there.id, said.peer.author, move, epoch=now):
        return
    if await _settle(context, there):
        await context.announce(_moved(there))
        return
    known = any(wanted == move for _, wanted in before)
    if not known and maker.state == "in" and await _me(context) not in (maker.author, said.peer.author):
        await context.announce(
            T(
                "{peer} says that the rooms of {federation} are lost, and wants to move to new ones. If two "
                "organizers here agree, this committee moves too.",
                peer=said.peer.name,
                federation=there.name,
            ),
            buttons=(
                (
                    Button(
                        label=T("Move too"),
                        says=move_too.says(federation=there.id, host=maker, epoch=epoch, network=network),
                    ),
                ),
            ),
        )


async def _settle(context: Context, there: Federation) -> bool:
    """Speak over the new wire, if more than half of the committees want it. Whether it is so now."""
    now = await store.epoch(context.tx, there.id)
    inside = await peers.peers(context.tx, there.id)
    found = rules.moved(await store.moves(context.tx, there.id, epoch=now), [one.author for one in inside], epoch=now)
    if found is None:
        return False
    place = await linking.open_wire(context.tx, found.network, there.uid, there.name, epoch=found.epoch)
    await store.move_wire(context.tx, there.id, epoch=found.epoch, place_id=place)
    moved = await peers.federation(context.tx, context.committee.id, there.id)
    assert moved is not None
    me = await _me(context)
    if found.host == me:
        mine = context.carriers.get(found.network)
        accounts = sorted({one.account for one in inside if one.account is not None and one.author != me} - {mine})
        await linking.doors(context, moved, let_in=accounts)
    await linking.plan_beat(context, there, after=timedelta())
    return True


# --- keys change -------------------------------------------------------------------------------------------------

WARNED_DAYS = (14, 7, 3, 2, 1)
"""So long before the last key ends organizers are told, where the root key lies in a drawer."""


@router.command("keys_turn", allow=Authority.CLOCK, typed=False, help=T("The keys among linked committees change."))
async def keys_turn(context: Context) -> None:
    """Weekly what is sealed to, before 90 days what signs; what is over is destroyed."""
    tx, committee = context.tx, context.committee
    await linking.plan_keys(tx, committee, now=context.now)
    mine = await linking.own(tx, committee, now=context.now)
    keys = [
        rules.Key(signing=one.key, begins=envelope.instant(one.begins), ends=envelope.instant(one.ends))
        for one in mine.certificates
    ]
    gone = [mine.certificates[place] for place in rules.over(keys, now=context.now)]
    await peers.destroy_own(tx, committee.id, gone)
    change = rules.change_due(keys, now=context.now)
    if change == "none":
        return
    if mine.root is None:
        left = (keys[0].ends - context.now).days
        if left in WARNED_DAYS:
            words = N(
                "The keys of this committee for linked committees end in {n} day. Ask whoever runs the bot to bring "
                "the root key from its drawer, or nothing can be said to them any more.",
                "The keys of this committee for linked committees end in {n} days. Ask whoever runs the bot to bring "
                "the root key from its drawer, or nothing can be said to them any more.",
                left,
            )
            await context.tell_organizers(words)
        return
    seed = next((one for one in mine.seeds if one is not None), None)
    keep = signing.SigningKey(seed) if seed is not None and change == "recipient" else None
    begins = context.now if keep is not None else context.now + rules.TOLD_BEFORE
    certificate = await linking.renew(tx, committee, begins=begins, keep=keep)
    for there in await peers.federations(tx, committee.id):
        itself = await peers.peer(tx, there.id, mine.author)
        if itself is None:
            continue
        await linking.post(context, there, "keys", {"certificate": certificate.dump()})
        await peers.add_key(tx, itself, certificate)
        await peers.prune_keys(tx, itself.id)


@router.command("peer_keys", allow=Authority.PEER, typed=False, help=T("A linked committee changes its keys."))
async def peer_keys(context: Context, *, said: FromPeer) -> None:
    """Only by the word of the root key that people have compared."""
    read = said.body.get("certificate")
    try:
        certificate = signing.load_certificate(read if isinstance(read, dict) else {})
    except Unsound:
        certificate = None
    if certificate is None or certificate.author != said.peer.author:
        kept = peers.Store(context.tx, said.federation.id, now=context.now)
        await kept.quarantine("other_root", said.peer.author)
        told = context.commands.named("wire_refused").says(federation=said.federation.id)
        await context.say(told, authority=Authority.CLOCK)
        return
    if certificate.ends <= context.now.timestamp():
        return
    if envelope.instant(certificate.begins) > context.now + 2 * rules.TOLD_BEFORE:
        raise Refusal(T("That was not understood."))
    await peers.add_key(context.tx, said.peer, certificate)
    await peers.prune_keys(context.tx, said.peer.id)


# --- visitors ----------------------------------------------------------------------------------------------------

GUESTS = "guests"
"""The rule: what members of linked committees may see."""
SHOWN_MAX = 20
SHOWN_CHARACTERS_MAX = 300
PAGE_CHARACTERS_MAX = 8000
ANSWERED_WITHIN = timedelta(days=1)

Opened = Annotated[
    str,
    choice(
        "board",
        "off",
        expected=T("{board} or {off}", board=Typed("board"), off=Typed("off")),
        labels={"board": T("The board"), "off": T("Nothing")},
    ),
]


def _guests_told(*, what: str) -> Text:
    if what == "board":
        return T("Members of linked committees may see our board: offers and needs, without names and contacts.")
    return T("Members of linked committees see nothing of ours.")


@router.command(
    GUESTS,
    allow=Authority.COMMITTEE,
    within="federation",
    label=T("What visitors see"),
    help=T("What members of linked committees may see of ours: the board, or nothing."),
    proposal=_guests_told,
    asks={"what": Asks(T("What may members of linked committees see?"))},
)
async def guests(context: Context, *, what: Opened) -> Reply:
    """Nothing, until the committee opens something."""
    await settings.put(context.tx, context.committee.id, GUESTS, None if what == "off" else what)
    return Reply(_guests_told(what=what))


@router.command(
    "visit",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    within="federation",
    label=T("Visit a committee"),
    help=T("Look at what a linked committee opens to visitors."),
    sample=("Eastside",),
)
async def visit(context: Context, *, peer: Whoever) -> Reply:
    """Asked over the wire; the other committee is not told who asks."""
    there = await _there(context, peer)
    token = await store.add_visit(context.tx, peer.id, context.member.id, now=context.now)
    if token is None:
        raise Refusal(T("You have asked for that often just now. Try again in an hour."))
    ends = context.now + ANSWERED_WITHIN
    await linking.post(context, there, "visit", {"token": token}, to=(peer.author,), expires=ends)
    return Reply(
        T("I have asked {peer}. What it shows to visitors comes here. It is not told who asks.", peer=peer.name),
        private=True,
    )


@router.command("peer_visit", allow=Authority.PEER, typed=False, help=T("A visitor asks what is open to them."))
async def peer_visit(context: Context, *, said: FromPeer) -> None:
    """What the committee has opened, and nothing else; sealed to the one that asks."""
    token = said.body.get("token")
    if said.past or not isinstance(token, str) or not 0 < len(token) <= 64:
        return
    if not await linking.may_answer(context, said):
        return
    opened = await settings.get(context.tx, context.committee.id, GUESTS)
    blocked = await linking.trusted(context.tx, said.peer, "") == roster.Trust.BLOCKED
    body: dict[str, Any] = {"token": token, "open": opened == "board" and not blocked}
    if body["open"]:
        room, posts = PAGE_CHARACTERS_MAX, []
        for post in (await board.open_posts(context.tx, context.committee.id, now=context.now))[:SHOWN_MAX]:
            words = rules.without_contacts(post.words or "")[:SHOWN_CHARACTERS_MAX]
            room -= len(words)
            if words and room >= 0:
                posts.append([post.side, words])
        body["posts"] = posts
    ends = context.now + ANSWERED_WITHIN
    await linking.post(context, said.federation, "visit_page", body, to=(said.peer.author,), expires=ends)


@router.command("peer_visit_page", allow=Authority.PEER, typed=False, help=T("A linked committee answers a visitor."))
async def peer_visit_page(context: Context, *, said: FromPeer) -> None:
    """To whoever has asked, in private; their words are theirs."""
    token, posts = said.body.get("token"), said.body.get("posts", [])
    if not isinstance(token, str) or not isinstance(posts, list):
        raise Refusal(T("That was not understood."))
    member_id = await store.visit(context.tx, said.peer.id, token)
    member = None if member_id is None else await people.member_now(context.tx, context.committee.id, member_id)
    if member is None or not member.active:
        return
    if said.body.get("open") is not True:
        await context.tell(member, T("{peer} shows nothing to visitors.", peer=said.peer.name), lane=Lane.ANSWER)
        return
    told: list[Words] = []
    for one in posts[:SHOWN_MAX]:
        match one:
            case ["offer", str(words)] if words.strip():
                told.append(T("Offered: “{words}”", words=_short(words)))
            case ["need", str(words)] if words.strip():
                told.append(T("Needed: “{words}”", words=_short(words)))
            case _:
                continue
    if not told:
        await context.tell(member, T("The board of {peer} is empty.", peer=said.peer.name), lane=Lane.ANSWER)
        return
    await context.tell(
        member,
        lines(
            T("{title}", title=Bold(said.peer.name)),
            *told,
            T("To answer, talk with somebody of that committee."),
        ),
        lane=Lane.ANSWER,
    )


def _short(words: str) -> str:
    return roster.one_line(words)[:SHOWN_CHARACTERS_MAX]
