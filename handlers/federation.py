"""Federations: founding one, inviting and coming in, and who is linked.

Two committees that have never spoken begin with a one-time code, which goes from person to person. Then their bots
speak at the door (`bot.door`), people of both compare six words, and both decide. Nothing is linked before all of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from bot import door, linking
from bot import keys as signing
from bot.arguments import Found, Kind, LongNote, Note, Reading, Reference, Word
from bot.chat import Button, Card, Chart, Reply, Shown
from bot.domain import envelope as rules
from bot.domain import roster
from bot.domain.envelope import Chain, Head, Unsound
from bot.domain.grammar import folded
from bot.linking import FromPeer, Internal
from bot.router import Authority, Context, Router, Todo, View
from bot.text import Bold, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import cards, due, links, peers, people, polls
from storage import rules as settings
from storage.database import Reader, Transaction
from storage.links import Admission, Link, Why
from storage.peers import Federation, Peer
from storage.people import Committee
from storage.proposals import DECIDED_BY, POLL

router = Router("federation", title=T("Linked committees"))

FEDERATION = Typed("/federation")
LINK = Typed("/link")
QUIET_AFTER = timedelta(minutes=20)
"""Whoever is not heard for so long is said to be quiet: they should have told something twice."""
POLL_HOURS = 48
"""A poll about linking is open for so long: with the comparing before it all must fit into three days."""
GRACE = timedelta(hours=1)
_FOUND = frozenset({"found", "fundar", "funda", "gründen", "gruenden", "gründe"})
_RANK = {"comparing": 0, "deciding": 1, "yes": 2}

# What stands on buttons, and in the sentences that tell of them.
_SAME = T("The words are the same")
_DIFFER = T("They differ")
_INVITE = T("Invite a committee")
_STOP = T("Do not link")
_LET_IN = T("Let them in")
_AGAINST = T("Against it")


class _LinkKind(Kind[Link]):
    """A link that comes about. Nobody can type it."""

    written = False
    expected = T("a link")
    example = ""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Link] | None:
        return None

    def dump(self, value: Link) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Link:
        if type(data) is not int:
            raise ValueError("no id")
        found = await links.get(tx, committee.id, data) if committee else None
        if found is None:
            raise Refusal(
                T("That link is not there any more. {federation} shows what there is.", federation=FEDERATION)
            )
        return found


class _AdmissionKind(Kind[Admission]):
    """A committee that a federation may take in. Nobody can type it."""

    written = False
    expected = T("a committee")
    example = ""

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Admission] | None:
        return None

    def dump(self, value: Admission) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Admission:
        if type(data) is not int:
            raise ValueError("no id")
        found = await links.admission(tx, committee.id, data) if committee else None
        if found is None:
            raise Refusal(T("That is not there any more. {federation} shows what there is.", federation=FEDERATION))
        return found


OneLink = Annotated[Link, _LinkKind()]
OneAdmission = Annotated[Admission, _AdmissionKind()]


# --- who is linked -----------------------------------------------------------------------------------------------


@router.command(
    "federation",
    allow=Authority.MEMBER,
    label=T("Linked committees"),
    help=T("Which committees we are linked with, and since when each was last heard."),
    sample=(T('found "Northside"'),),
)
async def federation(context: Context, *, line: LongNote = "") -> Reply | Card | None:
    """What there is; and the way to found one."""
    word, _, rest = line.strip().partition(" ")
    if folded(word) in _FOUND:
        name = roster.called(rest.strip(" \t\"„“”«»'"))
        if name is None:
            raise Refusal(T("How is it to be called? Write it like this: {example}", example=_example()))
        return await context.say(federation_found.says(name=name), authority=context.authority)
    found = await peers.federations(context.tx, context.committee.id)
    told: list[Words] = []
    for there in found:
        told += await _told(context, there)
    if not found:
        told.append(T("We are linked with no other committee."))
    open_ = await links.running(context.tx, context.committee.id)
    told += [_begun(one) for one in open_]
    buttons: list[tuple[Button, ...]] = [
        (Button(label=T("Stop: {name}", name=one.name), says=link_stop.says(link=one)),)
        for one in open_
        if one.author is not None
    ]
    if found:
        buttons += [(Button(label=_INVITE, says=link_offer.says(federation=one.id)),) for one in found[:1]]
        trust = context.commands.get("trust_levels")
        if trust is not None:
            says = trust.says()
            says = context.commands.asking(says) if trust.lacks(says) else says
            buttons.append((Button(label=T("Whom we trust"), says=says),))
        council = context.commands.get("council")
        if council is not None and any(one.place_id is not None for one in found):
            buttons.append((Button(label=T("Talk with the others"), says=council.says()),))
    elif not open_:
        told.append(
            lines(
                T("To begin a federation that others can come into: {example}", example=_example()),
                T("To come into one: ask an organizer of it for an invitation, and type it here: {link}", link=LINK),
            )
        )
    return Reply(lines(*told), buttons=tuple(buttons))


def _example() -> Typed:
    return Typed("/federation", T('found "Northside"'))


async def _told(context: Context, there: Federation) -> list[Words]:
    all_ = await peers.peers(context.tx, there.id)
    mine = await peers.own(context.tx, context.committee.id)
    others = [one for one in all_ if mine is None or one.author != mine.author]
    heading = N("{federation}: {n} committee", "{federation}: {n} committees", len(all_), federation=Bold(there.name))
    told: list[Words] = [heading]
    if there.place_id is None:
        told.append(T("I have no account over which committees can hear each other: what we say goes by files only."))
    if not others:
        told.append(T("Nobody but us is in it yet."))
    missing = await peers.missing(context.tx, there.id)
    for one in others:
        told.append(_heard(one, context.now))
        if one.author in missing:
            many = missing[one.author]
            told.append(
                N(
                    "From them {n} message is missing: I am asking all who may have it.",
                    "From them {n} messages are missing: I am asking all who may have them.",
                    many,
                )
            )
        levels = [await linking.trusted(context.tx, one, kind) for kind in ("alert", "poll", "")]
        told.append(
            T("What they say: {how}", how=linking.TRUST_TOLD[roster.Trust(levels[0])])
            if len(set(levels)) == 1
            else T("How far we trust them depends on what it is: {levels}", levels=Typed("/trust_levels"))
        )
    return told


def _heard(one: Peer, now: datetime) -> Text:
    if one.heard_at is None:
        return T("{name}: not heard yet.", name=one.name)
    since = Minutes(max(0, int((now - one.heard_at).total_seconds())) // 60)
    if now - one.heard_at >= QUIET_AFTER:
        return T("{name}: not heard for {time}.", name=one.name, time=since)
    if not since:
        return T("{name}: heard just now.", name=one.name)
    return T("{name}: heard {time} ago.", name=one.name, time=since)


def _begun(one: Link) -> Text:
    match one.state:
        case "offered":
            return T(
                "An invitation into {federation} is out, until {until}.", federation=one.federation, until=one.ends
            )
        case "asked":
            return T("We have taken up an invitation, and wait for an answer until {until}.", until=one.ends)
        case "admitting":
            return T("{name}: the others in {federation} decide now.", name=one.name, federation=one.federation)
        case _ if one.ours == "comparing":
            return T("{name}: compare the words, until {until}.", name=one.name, until=one.ends)
        case _:
            return T("{name}: being decided, until {until}.", name=one.name, until=one.ends)


# --- founding ----------------------------------------------------------------------------------------------------


@router.command(
    "federation_found",
    allow=Authority.COMMITTEE,
    typed=False,
    poll_hours=POLL_HOURS,
    help=T("Found a federation: other committees can be invited into it."),
    proposal=lambda *, name: T(
        "We found a federation, “{name}”, into which other committees can be invited.", name=name
    ),
)
async def federation_found(context: Context, *, name: Note) -> Reply:
    """Keys, the wire, and this committee as the first in it."""
    called = roster.called(name)
    if called is None:
        raise Refusal(T("How is it to be called? Write it like this: {example}", example=_example()))
    known = await peers.federations(context.tx, context.committee.id, states=("in", "coming"))
    if any(folded(one.name) == folded(called) for one in known):
        raise Refusal(T("We are in a federation called {federation} already.", federation=called))
    if len(known) >= peers.FEDERATIONS_MAX:
        raise Refusal(T("A committee can be in {n} federations at most.", n=peers.FEDERATIONS_MAX))
    mine = await linking.own(context.tx, context.committee, now=context.now)
    uid = linking.chance(context.tx, "federation").hex()[:32]
    network, account = _network(context)
    wire = None if network is None else await linking.open_wire(context.tx, network, uid, called)
    there = await peers.add_federation(
        context.tx, context.committee.id, uid, called, place_id=wire, state="in", now=context.now
    )
    await peers.add_peer(
        context.tx,
        there.id,
        mine.certificates[mine.current(context.now)],
        context.committee.name,
        account=account,
        state="in",
        now=context.now,
    )
    await linking.doors(context, there)
    words: Words
    if wire is None:
        words = lines(
            T("The federation “{federation}” is founded.", federation=called),
            T("I have no account over which committees can hear each other: what we say goes by files only."),
        )
    else:
        words = T(
            "The federation “{federation}” is founded. An organizer can invite a committee now: {link}",
            federation=called,
            link=LINK,
        )
    await context.tell_group(words)
    return Reply(words)


def _network(context: Context) -> tuple[str | None, str | None]:
    """The network over which committees can be linked here, and the bot's account on it."""
    for network, account in sorted(context.carriers.items()):
        return network, account
    return None, None


# --- inviting, and taking an invitation up -----------------------------------------------------------------------


@router.command(
    "link",
    allow=Authority.ORGANIZER,
    within="federation",
    help=T("Invite a committee into a federation, or take up an invitation."),
    sample=("@solibot:riverside.example", "KQ7M-4MXA-CDEF-GHJK"),
)
async def link(context: Context, *, line: LongNote = "") -> Reply:
    """Alone: an invitation. With an address and a code: it is taken up."""
    taken = roster.read_invitation(line)
    if taken is not None:
        return await _take_up(context, *taken)
    found = await peers.federations(context.tx, context.committee.id)
    named = [one for one in found if folded(one.name) == folded(line.strip(" \t\"„“”«»'"))]
    if line.strip() and not named:
        raise Refusal(
            T(
                "I read no invitation in that, and no federation of ours. An invitation looks like this: {example}",
                example=Typed("/link", "@solibot:riverside.example", "KQ7M-4MXA-CDEF-GHJK"),
            ),
            private=True,
        )
    if not found:
        raise Refusal(
            T(
                "We are in no federation into which somebody could be invited. To begin one: {example}. To come into "
                "one: ask an organizer of it for an invitation, and type it here.",
                example=_example(),
            ),
            private=True,
        )
    found = named or found
    if len(found) > 1:
        buttons = tuple((Button(label=one.name, says=link_offer.says(federation=one.id)),) for one in found)
        return Reply(T("Into which federation?"), buttons=buttons, private=True)
    return await _offer(context, found[0])


@router.command("link_offer", allow=Authority.ORGANIZER, typed=False, help=T("Invite a committee into a federation."))
async def link_offer(context: Context, *, federation: Reference) -> Reply:
    """A new invitation, in place of the one before."""
    there = await peers.federation(context.tx, context.committee.id, federation)
    if there is None or there.state != "in":
        raise Refusal(T("We are not in that federation any more."), private=True)
    return await _offer(context, there)


async def _offer(context: Context, there: Federation) -> Reply:
    network, account = _network(context)
    if network is None or account is None or there.place_id is None:
        raise Refusal(
            T(
                "To be linked I need an account on Matrix, over which committees can hear each other. Ask whoever runs "
                "me to give me one.",
            ),
            private=True,
        )
    for one in await links.running(context.tx, context.committee.id):
        if one.state == "offered":
            await links.end(context.tx, one, "withdrawn")
    mine = await linking.own(context.tx, context.committee, now=context.now)
    code = roster.link_code(context.tx.token())
    secret = door.secret_of(code)
    ends = context.now + roster.CODE_HOLDS
    id_ = await links.begin(
        context.tx,
        context.committee.id,
        side="sponsor",
        federation_id=there.id,
        code=door.name_of(secret),
        secret=secret,
        network=network,
        account=None,
        ends=ends,
    )
    await _plan_late(context, id_, ends)
    says = Typed("/link", account, code)
    words = lines(
        T("An invitation into {federation}, for one committee: {link}", federation=there.name, link=says),
        T(
            "An organizer there types that, or what the picture says. It works once, until {until}. Give it face to "
            "face, or by telephone: whoever has it can ask to be linked.",
            until=ends,
        ),
        T("Our six words, for comparing later: {words}", words=_fingerprint(mine.author)),
    )
    picture = Chart(name="link.png", title=there.name, parts=(), scanned=f"/link {account} {code}")
    return Reply(words, private=True, document=picture)


def _fingerprint(author: str) -> Text:
    """Six words; and the same as numbers, for whoever cannot read those words aloud."""
    return T(
        "{words} ({numbers})",
        words=Bold(" ".join(signing.fingerprint_words(author))),
        numbers=" ".join(f"{one:04}" for one in signing.fingerprint_numbers(author)),
    )


async def _take_up(context: Context, account: str, code: str) -> Reply:
    network, own_account = _network(context)
    if network is None or own_account is None:
        raise Refusal(
            T(
                "To be linked I need an account on Matrix, over which committees can hear each other. Ask whoever runs "
                "me to give me one.",
            ),
            private=True,
        )
    secret = door.secret_of(code)
    name = door.name_of(secret)
    known = await links.called(context.tx, context.committee.id, name)
    if known is not None:
        if known.side == "sponsor":
            raise Refusal(T("That is our own invitation: an organizer of the other committee types it."), private=True)
        raise Refusal(T("That invitation was taken up already. Ask them for a new one."), private=True)
    for one in await links.running(context.tx, context.committee.id):
        if one.state == "asked":
            await links.end(context.tx, one, "withdrawn")
    ends = context.now + roster.CODE_HOLDS
    id_ = await links.begin(
        context.tx,
        context.committee.id,
        side="newcomer",
        federation_id=None,
        code=name,
        secret=secret,
        network=network,
        account=account,
        ends=ends,
    )
    await _plan_late(context, id_, ends)
    begun = await links.get(context.tx, context.committee.id, id_)
    assert begun is not None
    await _say(context, begun, "hello", {"name": context.committee.name}, to="", secret=secret)
    return Reply(
        T(
            "I have asked there. When they have answered, the group sees what to compare. If nothing comes within some "
            "minutes, the code was wrong or is used up: ask them for a new one."
        ),
        private=True,
    )


async def _say(
    context: Context,
    one: Link,
    kind: str,
    body: Mapping[str, Any],
    *,
    to: str | None = None,
    secret: bytes | None = None,
) -> None:
    """Say something at the other committee's door."""
    mine = await linking.own(context.tx, context.committee, now=context.now)
    place = mine.current(context.now)
    seed = mine.seeds[place]
    assert seed is not None
    assert one.account is not None
    text = door.written(
        kind,
        one.code,
        (one.author or "") if to is None else to,
        body,
        certificate=mine.certificates[place],
        sign=signing.SigningKey(seed).sign,
        secret=secret,
    )
    await linking.knock(context, one.network, one.account, text)


async def _plan_late(context: Context, id_: int, ends: datetime) -> None:
    key, says = f"link:{id_}", link_late.says(link=id_)
    await due.plan_after(context.tx, key, says, ends, since=context.now, committee=context.committee.id)


@router.command("link_late", allow=Authority.CLOCK, typed=False, help=T("A link has taken too long."))
async def link_late(context: Context, *, link: Reference) -> None:
    """The time for this step is over."""
    one = await links.get(context.tx, context.committee.id, link)
    if one is None or one.state in ("linked", "ended"):
        return
    if context.now < one.ends:
        await _plan_late(context, one.id, one.ends)
        return
    if one.state == "asked":
        for organizer in await people.organizers(context.tx, context.committee.id):
            await context.tell(
                organizer, T("Nobody has answered to the invitation that we took up. Ask them for a new one.")
            )
    await _end(context, one, "late")


# --- comparing and deciding --------------------------------------------------------------------------------------


def _still(one: Link) -> None:
    """Raises Refusal where nothing can be decided about it now."""
    if one.state != "open":
        raise Refusal(T("That link is not open any more. {federation} shows what there is.", federation=FEDERATION))


@router.command(
    "link_same", allow=Authority.ORGANIZER, typed=False, help=T("The words that were compared are the same.")
)
async def link_same(context: Context, *, link: OneLink) -> Reply | Card | None:
    """Then the committee decides."""
    _still(link)
    if link.ours == "yes":
        raise Refusal(T("We have decided that already: now it is up to {name}.", name=link.name), private=True)
    answer = await context.say(link_decide.says(link=link), authority=Authority.MEMBER)
    now = await links.get(context.tx, context.committee.id, link.id)
    if now is not None and now.state == "open" and now.ours == "comparing":
        await _step(context, now, "deciding")
    return answer


@router.command("link_differ", allow=Authority.ORGANIZER, typed=False, help=T("The words that were compared differ."))
async def link_differ(context: Context, *, link: OneLink) -> None:
    """Then nothing comes of it, and people hear why that matters."""
    _still(link)
    await _end(context, link, "differ")


@router.command("link_stop", allow=Authority.ORGANIZER, typed=False, help=T("Do not link after all."))
async def link_stop(context: Context, *, link: OneLink) -> None:
    """It is taken back before it is made."""
    if link.state in ("linked", "ended"):
        _still(link)
    await _end(context, link, "withdrawn")


@router.command(
    "link_decide",
    allow=Authority.COMMITTEE,
    typed=False,
    poll_hours=POLL_HOURS,
    help=T("Link with another committee."),
    proposal=lambda *, link: T(
        "We link with {name}, in {federation}. The words were compared, and are the same.",
        name=link.name,
        federation=link.federation,
    ),
)
async def link_decide(context: Context, *, link: OneLink) -> Reply:
    """This committee has decided for it."""
    _still(link)
    await _step(context, link, "yes")
    await _go_on(context, link.id)
    now = await links.get(context.tx, context.committee.id, link.id)
    assert now is not None
    if now.state == "open":
        return Reply(T("We want to be linked with {name}. Now it is up to them.", name=link.name), fleeting=True)
    return Reply(T("We want to be linked with {name}, and they with us.", name=link.name), fleeting=True)


async def _step(context: Context, one: Link, ours: links.Step) -> None:
    ends = context.now + roster.LINK_WITHIN + GRACE
    await links.step(context.tx, one, ours=ours, ends=ends)
    await _plan_late(context, one.id, ends)
    await _say(context, one, "step", {"state": ours})
    await cards.changed(context.tx, _thing(one))


async def _go_on(context: Context, id_: int) -> None:
    """Both have decided for it: the one that has invited lets the other in, or asks the others first."""
    one = await links.get(context.tx, context.committee.id, id_)
    if one is None or one.state != "open" or (one.ours, one.theirs) != ("yes", "yes") or one.side != "sponsor":
        return
    assert one.federation_id is not None
    there = await peers.federation(context.tx, context.committee.id, one.federation_id)
    if there is None or there.state != "in":
        await _end(context, one, "withdrawn")
        return
    mine = await linking.own(context.tx, context.committee, now=context.now)
    others = [peer for peer in await peers.peers(context.tx, there.id) if peer.author not in (mine.author, one.author)]
    if others:
        await _bring(context, there, one, mine.author)
    else:
        await _let_in(context, there, one)


@router.command("federation_decided", allow=Authority.CLOCK, typed=False, help=T("A poll about linking is over."))
async def federation_decided(context: Context, *, poll: Reference) -> None:
    """Where it has not passed, the other committee is told so."""
    there = await polls.get(context.tx, context.committee.id, poll)
    if there is None or there.says is None or there.verdict in (None, "passed"):
        return
    if there.says.command == link_decide.name:
        one = await links.get(context.tx, context.committee.id, there.says.arguments["link"])
        if one is not None and one.state == "open" and one.ours != "yes":
            await _end(context, one, "no")
    if there.says.command == admission_yes.name and there.verdict == "failed":
        asked = await links.admission(context.tx, context.committee.id, there.says.arguments["admission"])
        if asked is not None and asked.state == "open":
            await _vote(context, asked, yes=False)


async def _end(context: Context, one: Link, why: Why, *, by_them: bool = False) -> None:
    await links.end(context.tx, one, why, by_them=by_them)
    await due.cancel(context.tx, f"link:{one.id}")
    if one.author is None:
        return
    if not by_them:
        await _say(context, one, "end", {"why": why})
    if one.side == "newcomer" and one.federation_id is not None:
        await peers.drop_coming(context.tx, one.federation_id)
    await cards.changed(context.tx, _thing(one))
    await context.announce(lines(*_ended(replace(one, why=why, by_them=by_them))))


def _ended(one: Link) -> list[Text]:
    """How it ended, in words for people."""
    name = one.name
    match one.why, one.by_them:
        case "differ", by_them:
            told = (
                T("{name} says that the words differ: we are not linked.", name=name)
                if by_them
                else T("The words differ: we are not linked with {name}.", name=name)
            )
            return [
                told,
                T(
                    "Either somebody has misread them, or somebody stands between us and would read and change what we "
                    "send each other. Do not try again with the same code: meet, give a new one face to face, and "
                    "compare again."
                ),
            ]
        case "no", True:
            return [T("{name} has not decided for it: we are not linked.", name=name)]
        case "no", _:
            return [T("We have not decided for it: we are not linked with {name}.", name=name)]
        case "late", _:
            return [T("It has taken too long: we are not linked with {name}. It can be begun anew.", name=name)]
        case "others", _:
            return [
                T(
                    "The other committees in {federation} have not agreed: {name} and we are not linked.",
                    name=name,
                    federation=one.federation,
                )
            ]
        case _, True:
            return [T("{name} has taken it back: we are not linked.", name=name)]
        case _:
            return [T("Taken back: we are not linked with {name}.", name=name)]


def _thing(one: Link) -> str:
    return Card("peer_link", one.id).thing


@router.card("peer_link")
async def link_card(view: View, ref: int) -> Shown | None:
    """Who wants to be linked, the words to compare, and how far both have come."""
    one = await links.get(view.tx, view.committee.id, ref)
    mine = await peers.own(view.tx, view.committee.id)
    if one is None or one.author is None or mine is None:
        return None
    heading = (
        T("{name} would like to come into {federation}.", name=Bold(one.name), federation=one.federation)
        if one.side == "sponsor"
        else T("{name} invites us into {federation}.", name=Bold(one.name), federation=one.federation)
    )
    if one.state == "ended":
        return Shown(lines(heading, *_ended(one)))
    if one.state == "linked":
        return Shown(lines(heading, T("We are linked.")))
    if one.state == "admitting":
        return Shown(
            lines(
                heading,
                T(
                    "They and we have decided for it. The other committees in {federation} decide now.",
                    federation=one.federation,
                ),
            )
        )
    told: list[Words] = [heading]
    buttons: tuple[tuple[Button, ...], ...] = ()
    if one.ours == "comparing":
        told += [
            T("Before anything is decided, an organizer compares these words with them, by telephone or face to face:"),
            T("Theirs: {words}", words=_fingerprint(one.author)),
            T("Ours: {words}", words=_fingerprint(mine.author)),
            T("If they are the same there, nobody stands between us. Then we decide. Until {until}.", until=one.ends),
        ]
        buttons = (
            (Button(label=_SAME, says=link_same.says(link=one)),),
            (Button(label=_DIFFER, says=link_differ.says(link=one)),),
        )
    elif one.ours == "deciding":
        told.append(T("The words are the same, and we are deciding."))
        buttons = ((Button(label=_STOP, says=link_stop.says(link=one)),),)
    else:
        told.append(T("We have decided for it."))
        buttons = ((Button(label=_STOP, says=link_stop.says(link=one)),),)
    match one.theirs:
        case "comparing":
            told.append(T("{name} has not compared the words yet.", name=one.name))
        case "deciding":
            told.append(T("{name} has compared them, and is deciding.", name=one.name))
        case "yes":
            told.append(T("{name} has decided for it.", name=one.name))
    return Shown(lines(*told), buttons=buttons)


# --- at the door -------------------------------------------------------------------------------------------------


@router.command("door_in", allow=Authority.CLOCK, typed=False, help=T("Another bot has said something at the door."))
async def door_in(context: Context, *, account: Internal, text: Internal) -> None:
    """What is not in order, or was said before, has no effect, and nobody hears of it."""
    try:
        came = door.read(text, now=context.now)
    except Unsound:
        return
    one = await links.called(context.tx, context.committee.id, came.code)
    mine = await linking.own(context.tx, context.committee, now=context.now)
    if one is None or came.author == mine.author or one.state == "ended":
        return
    match came.kind:
        case "hello":
            if one.state == "offered" and came.to == "" and one.secret is not None and came.proved(one.secret):
                await _greeted(context, one, came, account)
            return
        case "answer":
            if one.state == "asked" and came.to == mine.author and one.secret is not None and came.proved(one.secret):
                await _answered(context, one, came)
            return
    if one.author != came.author or came.to != mine.author:
        return
    try:
        match came.kind:
            case "step":
                await _they_step(context, one, came.body)
            case "end":
                why = came.body.get("why")
                if one.state != "linked" and why in ("differ", "no", "late", "withdrawn", "others"):
                    await _end(context, one, why, by_them=True)
            case "in":
                await _come_in(context, one, came.body)
            case "more":
                if one.side == "newcomer" and one.state == "linked" and one.federation_id is not None:
                    await _get_to_know(context, one.federation_id, came.body, mine.author)
    except Unsound:
        return


async def _greeted(context: Context, one: Link, came: door.Message, account: str) -> None:
    """Somebody has taken up our invitation."""
    name = roster.called(came.body.get("name"))
    there = None
    if one.federation_id is not None:
        there = await peers.federation(context.tx, context.committee.id, one.federation_id)
    if name is None or there is None or there.state != "in" or context.now >= one.ends or len(account) > 255:
        return
    taken = [peer.name for peer in await peers.peers(context.tx, there.id) if peer.author != came.author]
    name = roster.apart(name, taken, signing.fingerprint_words(came.author)[0])
    ends = context.now + roster.LINK_WITHIN
    await links.meet(context.tx, one, came.certificate, name, account=account, federation_id=there.id, ends=ends)
    await _plan_late(context, one.id, ends)
    met = await links.get(context.tx, context.committee.id, one.id)
    assert met is not None
    body = {"name": context.committee.name, "federation": there.uid, "title": there.name}
    await _say(context, met, "answer", body, secret=one.secret)
    await context.show(Card("peer_link", one.id))


async def _answered(context: Context, one: Link, came: door.Message) -> None:
    """They have answered: now people of both can compare."""
    name, title = roster.called(came.body.get("name")), roster.called(came.body.get("title"))
    uid = came.body.get("federation")
    if name is None or title is None or not isinstance(uid, str) or not rules.hexed(uid, 32):
        return
    there = await peers.federation_called(context.tx, context.committee.id, uid)
    known = await peers.federations(context.tx, context.committee.id, states=("in", "coming"))
    ends = context.now + roster.LINK_WITHIN
    if there is None:
        place = await linking.open_wire(context.tx, one.network, uid, title)
        there = await peers.add_federation(
            context.tx, context.committee.id, uid, title, place_id=place, state="coming", now=context.now
        )
    elif there.state != "in":
        await peers.set_state(context.tx, there.id, "coming")
    assert one.account is not None
    await links.meet(context.tx, one, came.certificate, name, account=one.account, federation_id=there.id, ends=ends)
    met = await links.get(context.tx, context.committee.id, one.id)
    assert met is not None
    if there.state == "in" or len(known) >= peers.FEDERATIONS_MAX:
        # They hear of it, and so do we.
        await _end(context, met, "withdrawn")
        return
    await _plan_late(context, one.id, ends)
    await context.show(Card("peer_link", one.id))


async def _they_step(context: Context, one: Link, body: Mapping[str, Any]) -> None:
    state = body.get("state")
    if state == "admitting" and one.side == "newcomer" and (one.state, one.ours) == ("open", "yes"):
        ends = context.now + roster.LINK_WITHIN + GRACE
        await links.set_state(context.tx, one, "admitting", ends=ends)
        await _plan_late(context, one.id, ends)
        await cards.changed(context.tx, _thing(one))
        return
    if state not in ("deciding", "yes") or one.state != "open" or _RANK[state] <= _RANK[one.theirs]:
        return
    ends = context.now + roster.LINK_WITHIN + GRACE
    await links.step(context.tx, one, theirs=state, ends=ends)
    await _plan_late(context, one.id, ends)
    await cards.changed(context.tx, _thing(one))
    await _go_on(context, one.id)


# --- coming in ---------------------------------------------------------------------------------------------------


async def _let_in(context: Context, there: Federation, one: Link) -> None:
    """They are in: let them into the rooms, and tell them who else is."""
    assert one.certificate is not None
    assert one.account is not None
    await peers.add_peer(
        context.tx, there.id, one.certificate, one.name, account=one.account, state="in", now=context.now
    )
    await linking.doors(context, there, let_in=[one.account])
    vector = await peers.Store(context.tx, there.id, now=context.now).vector()
    mine = await linking.own(context.tx, context.committee, now=context.now)
    all_ = await peers.peers(context.tx, there.id)
    # First of all themselves and us: with that they are in.
    all_.sort(key=lambda peer: peer.author not in (mine.author, one.author))
    for at in range(0, len(all_), door.PEERS_AT_ONCE):
        named = all_[at : at + door.PEERS_AT_ONCE]
        body = {
            "peers": [await _written(context, peer) for peer in named],
            "heads": rules.vector_body({chain: vector[chain] for peer in named for chain in _newest(vector, peer)}),
        }
        await _say(context, one, "more" if at else "in", body)
    await links.set_state(context.tx, one, "linked")
    await due.cancel(context.tx, f"link:{one.id}")
    await cards.changed(context.tx, _thing(one))
    await linking.plan_beat(context, there)
    await context.announce(T("{name} is linked with us now, in {federation}.", name=one.name, federation=there.name))


def _newest(vector: Mapping[Chain, Head], peer: Peer) -> list[Chain]:
    return sorted(chain for chain in vector if chain.author == peer.author)[-door.LIVES_TOLD_MAX :]


async def _written(context: Context, peer: Peer) -> dict[str, Any]:
    certificate = await peers.certificate_of(context.tx, peer.id)
    assert certificate is not None
    return {"certificate": certificate.dump(), "name": peer.name, "account": peer.account}


async def _come_in(context: Context, one: Link, body: Mapping[str, Any]) -> None:
    """The one that has invited us says that we are in."""
    if one.side != "newcomer" or one.state not in ("open", "admitting") or one.ours != "yes":
        return
    assert one.federation_id is not None
    assert one.certificate is not None
    there = await peers.federation(context.tx, context.committee.id, one.federation_id)
    if there is None or there.state != "coming":
        return
    mine = await linking.own(context.tx, context.committee, now=context.now)
    for known in await peers.peers(context.tx, there.id):
        # We have been in it before: who is in it now we are told anew.
        await peers.set_peer_state(context.tx, known.id, "left")
    await _get_to_know(context, there.id, body, mine.author)
    # Whoever invites us is in, whatever else they say, with the keys that were compared.
    await peers.add_peer(
        context.tx, there.id, one.certificate, one.name, account=one.account, state="in", now=context.now
    )
    own = mine.certificates[mine.current(context.now)]
    account = context.carriers.get(one.network)
    await peers.add_peer(
        context.tx, there.id, own, context.committee.name, account=account, state="in", now=context.now
    )
    await peers.set_state(context.tx, there.id, "in")
    await links.set_state(context.tx, one, "linked")
    await due.cancel(context.tx, f"link:{one.id}")
    await cards.changed(context.tx, _thing(one))
    await linking.plan_beat(context, there)
    many = len(await peers.peers(context.tx, there.id)) - 1
    words = T("We are in {federation} now, linked with {name}.", federation=there.name, name=one.name)
    if many > 1:
        words = T(
            "We are in {federation} now, linked with {name} and others: {n} committees.",
            federation=there.name,
            name=one.name,
            n=many,
        )
    await context.announce(words)


async def _get_to_know(context: Context, federation_id: int, body: Mapping[str, Any], own: str) -> None:
    """Who else is in, by the word of the one that has invited us; nobody whom we know is changed. Raises Unsound."""
    named, heads = body.get("peers"), rules.read_vector(body.get("heads"))
    if not isinstance(named, list) or len(named) > door.PEERS_AT_ONCE:
        raise Unsound("unsound")
    found = []
    for each in named:
        if not isinstance(each, dict) or not isinstance(each.get("certificate"), dict):
            raise Unsound("unsound")
        certificate, name, account = (
            signing.load_certificate(each["certificate"]),
            each.get("name"),
            each.get("account"),
        )
        called = roster.called(name)
        if called is None or not (account is None or (isinstance(account, str) and len(account) <= 255)):
            raise Unsound("unsound")
        found.append((certificate, called, account))
    if len(await peers.peers(context.tx, federation_id)) + len(found) > peers.PEERS_MAX:
        raise Unsound("too_big")
    for certificate, called, account in found:
        known = await peers.peer(context.tx, federation_id, certificate.author)
        if certificate.author != own and (known is None or known.state != "in"):
            await peers.add_peer(
                context.tx, federation_id, certificate, called, account=account, state="in", now=context.now
            )
    await peers.begin_at(context.tx, federation_id, heads)


# --- what the others in the federation decide --------------------------------------------------------------------

OPEN_BY_ONE_MAX = 5
"""So many committees one other would bring in at the same time, at most."""
WORDS_WITHIN = timedelta(hours=24)
"""So long what a sponsor has counted may be missing here before people are told: it is asked for meanwhile."""
IN_DAY_BY_ONE_MAX = 10
"""So many in a day: each is a card in every group."""


async def _bring(context: Context, there: Federation, one: Link, own: str) -> None:
    """We would bring them in: the others are asked, and frozen are those who are in now."""
    assert one.certificate is not None
    voters = frozenset(peer.author for peer in await peers.peers(context.tx, there.id)) - {one.author or ""}
    at = rules.seconds(context.now)
    newcomer = {"certificate": one.certificate.dump(), "name": one.name, "account": one.account}
    made = await linking.post(context, there, "admit", {"newcomer": newcomer, "voters": sorted(voters), "at": at})
    await links.vote(context.tx, there.id, made.hash, own, yes=True, at=at)
    id_ = await links.propose(
        context.tx,
        there.id,
        made.hash,
        one.certificate,
        one.name,
        sponsor=own,
        account=one.account,
        voters=voters,
        began=at,
    )
    ends = context.now + roster.LINK_WITHIN + GRACE
    await links.set_state(context.tx, one, "admitting", ends=ends)
    await _plan_late(context, one.id, ends)
    await _say(context, one, "step", {"state": "admitting"})
    await cards.changed(context.tx, _thing(one))
    await _plan_judging(context, id_)
    await context.show(Card("peer_admission", id_))


async def _plan_judging(
    context: Context, id_: int, *, after: timedelta = roster.LINK_WITHIN + timedelta(seconds=1)
) -> None:
    ends = context.now + after
    key, says = f"admission:{id_}", admission_over.says(admission=id_)
    await due.plan_after(context.tx, key, says, ends, since=context.now, committee=context.committee.id)


@router.command("admission_over", allow=Authority.CLOCK, typed=False, help=T("The time to let a committee in is over."))
async def admission_over(context: Context, *, admission: Reference) -> None:
    """Count, if it was we who would bring them in; else tell that what others have counted is not here."""
    found = await links.admission(context.tx, context.committee.id, admission)
    if found is None:
        return
    await _judge(context, found)
    found = await links.admission(context.tx, context.committee.id, admission) or found
    if found.state == "open" and found.closing is not None and found.closing.came_in:
        await context.announce(
            T(
                "{name} is not let into {federation}: {sponsor} has counted words for it that nobody has sent here. It "
                "is let in only if they come.",
                name=found.name,
                federation=found.federation,
                sponsor=await _name_of(context.tx, found),
            )
        )


async def _name_of(tx: Reader, found: Admission) -> str:
    """What the committee is called that would bring somebody in."""
    sponsor = await peers.peer(tx, found.federation_id, found.sponsor)
    return sponsor.name if sponsor is not None else "…"


@router.command("peer_admit", allow=Authority.PEER, typed=False, help=T("A linked committee would bring in another."))
async def peer_admit(context: Context, *, said: FromPeer) -> None:
    """A new one is proposed; somebody says yes or no; or the one who proposed it has counted."""
    body, of, at = said.body, said.body.get("of"), said.body.get("at")
    if type(at) is not int or not 0 <= at <= rules.INT_MAX:
        return
    if of is None:
        await _proposed(context, said, at)
        return
    if not isinstance(of, str) or not rules.hexed(of, 64):
        return
    if isinstance(body.get("yes"), bool):
        await links.vote(context.tx, said.federation.id, of, said.peer.author, yes=body["yes"], at=at)
    found = await links.admission_called(context.tx, said.federation.id, of)
    if found is None:
        return
    closing = _closing(body, at)
    if closing is not None and said.peer.author == found.sponsor and found.closing is None and _as_signed(said, at):
        await links.close(context.tx, found.id, closing)
        found = replace(found, closing=closing)
        await _plan_judging(context, found.id, after=WORDS_WITHIN)
    await _judge(context, found)


def _as_signed(said: linking.Said, at: int) -> bool:
    """Whether a time that somebody writes is neither earlier nor later than when they signed it."""
    return abs(at - rules.seconds(said.sent)) <= rules.FUTURE.total_seconds()


def _closing(body: Mapping[str, Any], at: int) -> roster.Closing | None:
    came_in, sides = body.get("in"), (body.get("counted_yes"), body.get("counted_no"))
    if not isinstance(came_in, bool):
        return None
    for side in sides:
        if not isinstance(side, list) or len(side) > peers.PEERS_MAX or not all(isinstance(one, str) for one in side):
            return None
    return roster.Closing(yes=frozenset(sides[0] or ()), no=frozenset(sides[1] or ()), came_in=came_in, at=at)


async def _proposed(context: Context, said: linking.Said, at: int) -> None:
    newcomer, voters = said.body.get("newcomer"), said.body.get("voters")
    if not isinstance(newcomer, dict) or not isinstance(newcomer.get("certificate"), dict):
        return
    if not isinstance(voters, list) or not said.peer.author or len(voters) > peers.PEERS_MAX:
        return
    if not all(isinstance(one, str) and rules.hexed(one, 64) for one in voters) or said.peer.author not in voters:
        return
    if not _as_signed(said, at):
        return
    try:
        certificate = signing.load_certificate(newcomer["certificate"])
    except Unsound:
        await linking.refuse(context, said.federation, "unsound", said.peer.author)
        return
    name, account = roster.called(newcomer.get("name")), newcomer.get("account")
    if name is None or not (account is None or (isinstance(account, str) and len(account) <= 255)):
        return
    inside = await peers.peers(context.tx, said.federation.id)
    known = {one.author: one.since for one in inside}
    if certificate.author in known:
        return
    begun = await links.admissions_by(context.tx, said.federation.id, said.peer.author, now=context.now)
    if begun >= OPEN_BY_ONE_MAX:
        return
    # By their own clock, so that all who hear it leave out the same.
    lately = await links.admissions_since(context.tx, said.federation.id, said.peer.author, since=at - 24 * 3600)
    if lately >= IN_DAY_BY_ONE_MAX:
        return
    without = roster.left_out(frozenset(voters), known, now=said.sent)
    named = await links.named_by(context.tx, said.federation.id, said.peer.author)
    others = [
        *(one.name for one in inside),
        *(there for author, there in named.items() if author != certificate.author),
    ]
    twin = roster.is_called(name, others)
    await links.vote(context.tx, said.federation.id, said.hash, said.peer.author, yes=True, at=at)
    id_ = await links.propose(
        context.tx,
        said.federation.id,
        said.hash,
        certificate,
        name,
        sponsor=said.peer.author,
        account=account,
        voters=roster.asked(frozenset(voters), known, now=said.sent),
        began=at,
        void=bool(without) or twin,
    )
    if await linking.trusted(context.tx, said.peer, "") is roster.Trust.BLOCKED:
        return
    if without:
        await context.announce(
            T(
                "{sponsor} would bring {name} into {federation} without asking all who are in it: that does not count.",
                sponsor=said.peer.name,
                name=name,
                federation=said.federation.name,
            )
        )
    elif twin:
        await context.announce(
            T(
                "{sponsor} would bring a second committee called {name} into {federation}, with other keys: that does "
                "not count. Ask both.",
                sponsor=said.peer.name,
                name=name,
                federation=said.federation.name,
            )
        )
    elif rules.seconds(context.now) <= at + int(roster.LINK_WITHIN.total_seconds()):
        await context.show(Card("peer_admission", id_))


async def _judge(context: Context, found: Admission) -> None:
    """Whether it is settled: the one who would bring them in counts, and all others check that."""
    if found.state != "open":
        return
    there = await peers.federation(context.tx, context.committee.id, found.federation_id)
    mine = await linking.own(context.tx, context.committee, now=context.now)
    if there is None or there.state != "in":
        return
    said = await links.votes(context.tx, there.id, found.uid)
    if found.sponsor == mine.author and found.closing is None:
        now = rules.seconds(context.now)
        outcome = roster.admitted(found.voters, said, began=found.began, now=now)
        if outcome is None:
            await cards.changed(context.tx, _thing_of(found))
            return
        counted = {author: yes for author, (yes, _) in said.items() if author in found.voters}
        closing = roster.Closing(
            yes=frozenset(author for author, yes in counted.items() if yes),
            no=frozenset(author for author, yes in counted.items() if not yes),
            came_in=outcome == "in",
            at=now,
        )
        body = {
            "of": found.uid,
            "at": now,
            "in": closing.came_in,
            "counted_yes": sorted(closing.yes),
            "counted_no": sorted(closing.no),
        }
        await linking.post(context, there, "admit", body)
        await links.close(context.tx, found.id, closing)
        found = replace(found, closing=closing)
    if found.closing is None:
        await cards.changed(context.tx, _thing_of(found))
        return
    settled = roster.closed(found.voters, said, found.closing, began=found.began)
    if settled is None:
        return
    await links.settle(context.tx, found.id, settled)
    await due.cancel(context.tx, f"admission:{found.id}")
    await cards.changed(context.tx, _thing_of(found))
    if found.sponsor == mine.author:
        one = await links.running_with(context.tx, context.committee.id, found.author)
        if one is not None and one.state == "admitting":
            await (_let_in(context, there, one) if settled == "in" else _end(context, one, "others"))
        return
    if settled == "in":
        await _is_in(context, there, found)
    elif settled == "void":
        await context.announce(
            T(
                "{name} is not let in: what was counted for it in {federation} is not what was said, or not enough.",
                name=found.name,
                federation=there.name,
            )
        )
    if mine.author in said and not said[mine.author][0] and mine.author not in found.closing.no:
        await context.announce(
            T(
                "Our no to {name} was not counted: it came too late, or was left out. Ask who has counted.",
                name=found.name,
            )
        )


async def _is_in(context: Context, there: Federation, found: Admission) -> None:
    known = await peers.peer(context.tx, there.id, found.author)
    if known is not None and known.state == "in":
        # It has come in otherwise meanwhile: nobody else's word changes what is known of it.
        return
    peer = await peers.add_peer(
        context.tx,
        there.id,
        found.certificate,
        found.name,
        account=found.account,
        state="in",
        now=context.now,
        new=True,
    )
    key, says = f"peer:{peer.id}:new", peer_settled.says(peer=peer.id)
    settled = context.now + roster.NEW_FOR
    await due.plan_after(context.tx, key, says, settled, since=context.now, committee=context.committee.id)
    await linking.plan_beat(context, there)
    await context.announce(T("{name} is in {federation} now.", name=found.name, federation=there.name))


@router.command("peer_settled", allow=Authority.CLOCK, typed=False, help=T("A linked committee is not new any more."))
async def peer_settled(context: Context, *, peer: Reference) -> None:
    """From now on it is trusted like all others, where nothing else was set."""
    found = await peers.peer_by_id(context.tx, context.committee.id, peer)
    if found is not None:
        await peers.settle_in(context.tx, found.id)


async def _vote(context: Context, found: Admission, *, yes: bool) -> None:
    there = await peers.federation(context.tx, context.committee.id, found.federation_id)
    mine = await linking.own(context.tx, context.committee, now=context.now)
    if there is None:
        return
    at = rules.seconds(context.now)
    await linking.post(context, there, "admit", {"of": found.uid, "yes": yes, "at": at})
    await links.vote(context.tx, there.id, found.uid, mine.author, yes=yes, at=at)
    await _judge(context, found)


async def _may_say(context: Context, found: Admission) -> None:
    """Raises Refusal where this committee cannot say anything to it now."""
    mine = await linking.own(context.tx, context.committee, now=context.now)
    late = rules.seconds(context.now) > found.began + int(roster.LINK_WITHIN.total_seconds())
    if found.state != "open" or late:
        raise Refusal(T("That is decided already. {federation} shows who is linked.", federation=FEDERATION))
    if mine.author not in found.voters:
        raise Refusal(T("Those decide who were in {federation} when it began.", federation=found.federation))
    if mine.author in await links.votes(context.tx, found.federation_id, found.uid):
        raise Refusal(T("We have said our word on that already."))


@router.command(
    "admission_yes",
    allow=Authority.COMMITTEE,
    typed=False,
    poll_hours=POLL_HOURS,
    help=T("Let a committee into a federation."),
    proposal=lambda *, admission: T(
        "{name} may come into {federation}.", name=admission.name, federation=admission.federation
    ),
)
async def admission_yes(context: Context, *, admission: OneAdmission) -> Reply:
    """This committee says yes."""
    await _may_say(context, admission)
    await _vote(context, admission, yes=True)
    return Reply(T("We have said yes to {name}.", name=admission.name), fleeting=True)


@router.command(
    "admission_no",
    allow=Authority.COMMITTEE,
    typed=False,
    poll_hours=POLL_HOURS,
    help=T("Say that a committee should not come into a federation."),
    proposal=lambda *, admission: T(
        "We are against it that {name} comes into {federation}.", name=admission.name, federation=admission.federation
    ),
)
async def admission_no(context: Context, *, admission: OneAdmission) -> Reply:
    """This committee says no."""
    await _may_say(context, admission)
    await _vote(context, admission, yes=False)
    return Reply(T("We have said no to {name}.", name=admission.name), fleeting=True)


def _thing_of(found: Admission) -> str:
    return Card("peer_admission", found.id).thing


@router.card("peer_admission")
async def admission_card(view: View, ref: int) -> Shown | None:
    """Who would be brought in by whom, and what the committees say."""
    found = await links.admission(view.tx, view.committee.id, ref)
    mine = await peers.own(view.tx, view.committee.id)
    if found is None or mine is None:
        return None
    said = await links.votes(view.tx, found.federation_id, found.uid)
    counted = [yes for author, (yes, _) in said.items() if author in found.voters]
    heading = (
        T("We would bring {name} into {federation}.", name=Bold(found.name), federation=found.federation)
        if found.sponsor == mine.author
        else T(
            "{sponsor} would bring {name} into {federation}, and has compared their words.",
            sponsor=await _name_of(view.tx, found),
            name=Bold(found.name),
            federation=found.federation,
        )
    )
    tally = T(
        "Of {all} committees {yes} say yes and {no} say no.",
        all=len(found.voters),
        yes=sum(counted),
        no=len(counted) - sum(counted),
    )
    match found.state:
        case "in":
            return Shown(lines(heading, tally, T("It is in now.")))
        case "out":
            return Shown(lines(heading, tally, T("It was not let in.")))
        case "void":
            return Shown(
                lines(heading, T("That does not count: not all were asked who should be, or it was counted wrongly."))
            )
    words = T("Their words: {words}. Whoever knows them can compare too.", words=_fingerprint(found.author))
    rule = T(
        "It comes in if at least half say yes and at most a third say no, within three days. Until {until}.",
        until=datetime.fromtimestamp(found.began, UTC) + roster.LINK_WITHIN,
    )
    buttons: tuple[tuple[Button, ...], ...] = ()
    if mine.author in said:
        ours = T("We have said yes.") if said[mine.author][0] else T("We have said no.")
        told = lines(heading, words, tally, rule, ours)
    else:
        told = lines(heading, words, tally, rule)
        buttons = ((Button(label=_LET_IN, says=admission_yes.says(admission=found)),),)
        if await settings.get(view.tx, view.committee.id, DECIDED_BY) != POLL:
            buttons += ((Button(label=_AGAINST, says=admission_no.says(admission=found)),),)
    return Shown(told, buttons=buttons)


# --- what waits --------------------------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Words that an organizer should compare."""
    if "organizer" not in context.roles:
        return []
    return [
        Todo(
            words=T("Compare the words with {name}: {federation} shows how.", name=one.name, federation=FEDERATION),
            by=one.ends,
        )
        for one in await links.running(context.tx, context.committee.id)
        if one.state == "open" and one.ours == "comparing"
    ]
