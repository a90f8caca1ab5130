"""Alerts that travel: told to linked committees, heard from them, and what each brings to the other's."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import alerts as shared
from bot import linking, relaying
from bot.arguments import LongNote, Number, Reference
from bot.chat import Button, Card, Lane, Reply, Shown
from bot.domain import alarm, alertline, raising
from bot.domain import envelope as letters
from bot.domain import escalation as rings
from bot.domain import relaying as rule
from bot.domain.alarm import Alarm
from bot.domain.board import plain
from bot.domain.relaying import Tally, Told, Unread
from bot.domain.roster import Trust
from bot.linking import FromPeer, Internal, Said
from bot.router import Authority, Context, Router, Telling, Todo, View
from bot.text import Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import alert_kinds, alerts, cards, due, entries, peers, people, rules
from storage import linked_alerts as linked
from storage.alerts import Alert
from storage.linked_alerts import Came, Sent
from storage.peers import Federation, Peer

log = logging.getLogger(__name__)
router = Router("linked_alerts", under="federation")

KIND = "alert"
"""For trust: what committees say of alerts."""
MERGE_OFFERED_MAX = 3
CHANGES_MAX = 200
"""Who changes an alert more often is not followed: what people here say of it must have room."""
LISTED_MAX = 5
_ALL = frozenset(map(plain, ("all", "todas", "todos", "alle")))
_KINDS_LIKE = T("eviction, raid")
_AREAS_LIKE = T("Northside, Mill Lane")
_KINDS_LINE = T("alerts eviction, raid")
_AREAS_LINE = T("areas Northside, Mill Lane")


# --- leaving -----------------------------------------------------------------------------------------------------


@router.command("alert_to_links", allow=Authority.CLOCK, typed=False, help=T("Something is missing: ask linked ones."))
async def alert_to_links(context: Context, *, alert: Reference) -> None:
    """The last ring. What came from a linked committee goes on only where that one is trusted like ourselves."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or not await relaying.may_ask(context, there):
        return
    for came in await linked.came_as(context.tx, there.id):
        peer = await peers.peer_by_id(context.tx, context.committee.id, came.peer_id)
        if peer is None or await _trust(context, peer) is not Trust.PAGES:
            return
    await _send(context, there)


@router.command("alert_ask_links", allow=Authority.MEMBER, typed=False, help=T("Ask linked committees for help."))
async def alert_ask_links(context: Context, *, number: Number) -> Reply:
    """At once, without waiting for the rings; also a drill, which then is one for them too."""
    there, now = await shared.own(context, number)
    if not await linked.others(context.tx, context.committee.id):
        raise Refusal(T("This committee is not linked with any other."), private=True)
    if not await linked.sends(context.tx, context.committee.id, there.kind):
        raise Refusal(
            T(
                "The committee has decided not to ask linked committees in alerts of this kind. {links} shows it.",
                links=Typed("/links"),
            ),
            private=True,
        )
    if not now.verified:
        raise Refusal(T("Nothing leaves before somebody else here has confirmed it."), private=True)
    asked = await _send(context, there)
    if not asked:
        raise Refusal(T("All linked committees that may hear of it are asked already."), private=True)
    return shared.answer(N("{n} linked committee is asked now.", "{n} linked committees are asked now.", asked))


async def _send(context: Context, there: Alert) -> int:
    """Tell it to all linked committees that do not know of it; to how many. Before two people stand for it, to none."""
    tx = context.tx
    now = await shared.state(context, there)
    before = await linked.sent(tx, there.id)
    came = await linked.came_as(tx, there.id)
    theirs = _theirs(came)
    uid = theirs[0].uid if theirs else before[0].uid if before else _new_uid(context)
    known = {one.author for one in await linked.tallies(tx, there.id)}
    # Never back to where it came from.
    known |= {one.origin for one in came} | {one.by for one in came}
    came = _theirs(came)
    known.add((await linking.own(tx, context.committee, now=context.now)).author)
    asked = 0
    for federation in await peers.federations(tx, context.committee.id):
        if federation.state != "in" or federation.id in {one.federation_id for one in came}:
            continue
        if came and came[0].hops < 1:
            continue
        others = [one for one in await peers.peers(tx, federation.id) if one.author not in known]
        if not others:
            continue
        if not now.verified:
            await linked.tell(tx, there.id, federation.id, uid, None)
            continue
        earlier = next((one for one in before if one.federation_id == federation.id), None)
        rev = 1 if earlier is None else earlier.rev + 1
        told = await _told(context, there, now, came, uid=uid, rev=rev, wide=earlier is not None and earlier.wide)
        if not await _post(
            context,
            federation,
            "alert",
            told.dump(),
            to=[one.author for one in others],
            expires=True,
            told=told,
            hops=_hops(came),
        ):
            continue
        await linked.tell(tx, there.id, federation.id, uid, told)
        for one in others:
            await linked.asks(tx, there.id, one.author, one.id, now=context.now)
            known.add(one.author)
        asked += len(others)
    if asked:
        await cards.changed(tx, there.thing)
        wait = rings.wait(there.urgency)
        await due.plan_after(
            tx,
            f"{there.thing}:links_wide",
            alert_links_wide.says(alert=there.id),
            context.now + wait,
            since=context.now,
            committee=context.committee.id,
        )
    return asked


def _theirs(came: Sequence[Came]) -> list[Came]:
    """Those whose alert it is; not those that go on as one that was raised here."""
    return [one for one in came if one.state != "merged"]


def _hops(came: Sequence[Came]) -> int:
    """How often whoever is told of it may hand it on."""
    return max(0, came[0].hops - 1) if came else rule.HOPS


def _new_uid(context: Context) -> str:
    """What an alert is called between committees: nothing leads from it to anything here."""
    chance = " ".join(context.tx.token() for _ in range(2))
    return hashlib.sha256(chance.encode()).hexdigest()[: rule.UID_LENGTH]


async def _told(
    context: Context, there: Alert, now: Alarm, came: Sequence[Came], *, uid: str, rev: int, wide: bool
) -> Told:
    """What is told of it: what all members may know, and figures."""
    met = {what: min(many, rule.MANY_MAX) for what, many in now.met.items() if many}
    if came and came[0].told is not None:
        origin = came[0]
        assert origin.told is not None
        of = origin.of_name or origin.name
        return replace(
            origin.told, uid=uid, rev=rev, met=met, needs=dict(now.needs), wide=wide, origin=origin.origin, of=of
        )
    known = (await alert_kinds.of(context.tx, context.committee.id)).get(there.kind)
    label: Mapping[str, str] = {}
    if known is not None and known.label is not None and not known.shipped:
        label = dict([(context.committee.language, known.label.text), *known.label.others.items()][:4])
    return Told(
        uid=uid,
        rev=rev,
        status=there.status,
        urgency=there.urgency,
        severity=there.severity,
        kind=there.kind,
        expires=letters.seconds(now.expires_at),
        label=label,
        area="" if there.area is None else there.area.text,
        words="" if there.words is None else there.words.text,
        news="" if there.news is None else there.news[1].text,
        language=context.committee.language,
        needs=dict(now.needs),
        met=met,
        wide=wide,
    )


async def _post(
    context: Context,
    federation: Federation,
    kind: str,
    body: Mapping[str, Any],
    *,
    to: Sequence[str],
    expires: bool = False,
    told: Told | None = None,
    hops: int = 0,
) -> bool:
    """Say it, before everything else that waits for the wire. False: this committee cannot say anything just now."""
    if federation.state != "in" or not to:
        return False
    try:
        await linking.post(
            context,
            federation,
            kind,
            body,
            to=to,
            expires=told.until if told is not None and expires else None,
            must=("status",) if told is not None else (),
            hops=hops,
            lane=Lane.ALERT,
        )
    except (Refusal, LookupError):
        log.warning("an alert cannot be told to linked committees", extra={"kind": kind})
        return False
    return True


# --- going on ----------------------------------------------------------------------------------------------------


@router.command("alert_links", allow=Authority.CLOCK, typed=False, help=T("Tell linked committees what has changed."))
async def alert_links(context: Context, *, alert: Reference) -> None:
    """Look anew, and tell only what they do not know."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None:
        return
    now = await shared.state(context, there)
    came = await linked.came_as(context.tx, there.id)
    for one in await linked.sent(context.tx, there.id):
        await _keep_told(context, there, now, _theirs(came), one)
    for origin in came:
        await _tell_back(context, there, now, origin)


@router.command("alert_links_wide", allow=Authority.CLOCK, typed=False, help=T("Something is still missing: ask all."))
async def alert_links_wide(context: Context, *, alert: Reference) -> None:
    """Those too who want alerts of other areas."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is None or there.over_at is not None:
        return
    if there.area is not None and rings.is_open(await shared.state(context, there)):
        await linked.widen(context.tx, there.id)
        await shared.tell_links(context, there)


async def _keep_told(context: Context, there: Alert, now: Alarm, came: Sequence[Came], one: Sent) -> None:
    federation = await peers.federation(context.tx, context.committee.id, one.federation_id)
    if federation is None or one.over_at is not None:
        return
    if one.rev == 0:
        if now.verified and not now.over:
            await _send(context, there)
        return
    rows = await linked.tallies(context.tx, there.id)
    to = [row.author for row in rows if row.asked and row.federation_id == federation.id]
    if now.over:
        # That somebody here has ended it says nothing of what another committee has raised.
        if came and not all(origin.state == "over" for origin in came) and now.outcome != "expired":
            return
        assert now.outcome is not None
        origin_of = came[0].origin if came else ""
        over = rule.Over(uid=one.uid, rev=one.rev + 1, outcome=rule.ending(now.outcome), origin=origin_of)
        if await _post(context, federation, "alert_end", over.dump(), to=to):
            await linked.told_over(context.tx, one, now=context.now)
            await due.plan_after(
                context.tx,
                f"{there.thing}:links_got",
                alert_links_got.says(alert=there.id),
                context.now + relaying.GOT_AFTER,
                since=context.now,
                committee=context.committee.id,
            )
        return
    told = await _told(context, there, now, came, uid=one.uid, rev=one.rev, wide=one.wide)
    if told != one.told:
        told = replace(told, rev=one.rev + 1)
        if await _post(
            context, federation, "alert_update", told.dump(), to=to, expires=True, told=told, hops=_hops(came)
        ):
            await linked.tell(context.tx, there.id, federation.id, one.uid, told)


async def _tell_back(context: Context, there: Alert, now: Alarm, origin: Came) -> None:
    """How many come from here, where that has changed."""
    federation = await peers.federation(context.tx, context.committee.id, origin.federation_id)
    if federation is None or origin.state == "over":
        return
    rows = await linked.tallies(context.tx, there.id)
    behind = [row.tally for row in rows if row.asked and row.tally is not None and row.counts]
    found = Tally() if now.over else rule.tally(now, behind=behind, now=context.now)
    if found == (origin.tally or Tally()):
        return
    rev = await linked.told_back(context.tx, origin.id, found)
    await _post(context, federation, "alert_tally", found.dump(origin.uid, rev), to=[origin.by])


@router.command("alert_links_got", allow=Authority.CLOCK, typed=False, help=T("Look who knows that an alert is over."))
async def alert_links_got(context: Context, *, alert: Reference) -> None:
    """The card shows which linked committee does not know yet."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    if there is not None and any(one.asked and not one.got for one in await linked.tallies(context.tx, there.id)):
        await cards.changed(context.tx, there.thing)


# --- arriving ----------------------------------------------------------------------------------------------------


@router.command("peer_alert", allow=Authority.PEER, typed=False, help=T("A linked committee tells of an alert."))
async def peer_alert(context: Context, *, said: FromPeer) -> None:
    """What becomes of it here, this committee alone has decided, by how far it trusts the other."""
    await _heard(context, said)


@router.command("peer_alert_update", allow=Authority.PEER, typed=False, help=T("A linked committee tells what is new."))
async def peer_alert_update(context: Context, *, said: FromPeer) -> None:
    """All that is to be known of it stands in each of these, so any of them may be the first."""
    await _heard(context, said)


async def _heard(context: Context, said: Said) -> None:
    try:
        told = rule.read_told(said.body)
    except Unread:
        log.info("what a committee says of an alert is not understood")
        return
    origin = told.origin or said.peer.author
    mine = (await linking.own(context.tx, context.committee, now=context.now)).author
    if origin == mine or await linked.ours(context.tx, context.committee.id, told.uid):
        # One's own, come back; or somebody else's under its id.
        return
    came = await linked.came(context.tx, context.committee.id, origin, told.uid)
    if came is None:
        await _first_heard(context, said, told, origin)
    else:
        await _more_heard(context, said, told, came)


async def _first_heard(context: Context, said: Said, told: Told, origin: str) -> None:
    tx, peer = context.tx, said.peer
    trust = await _trust(context, peer)
    before = await linked.let_in(tx, context.committee.id, peer.author, since=context.now - timedelta(days=1))
    became = rule.welcome(
        told,
        trust,
        before,
        frozen=_frozen(context, peer),
        areas=await rules.get(tx, context.committee.id, linked.AREAS, ()),
        past=said.past,
        now=context.now,
    )
    if became == "nothing":
        return
    if became == "past" and len(before) >= rule.IN_DAY:
        # Enough was told of them today.
        return
    if became in ("waits", "elsewhere", "past"):
        if len(await linked.waiting(tx, peer.id)) >= rule.WAITING_MAX and became != "past":
            await linked.more_wait(tx, peer.id)
            await cards.changed(tx, _waiting_thing(peer.id))
            return
        fits = became == "past" and rule.within_budget(before, critical=told.critical, now=context.now)
        row = await _keep(context, said, told, origin, state="over" if became == "past" else became, let=fits)
        if became == "past":
            if fits and not _frozen(context, peer):
                await _tell_past(context, peer, told, trust)
            return
        await _plan_gone(context, row, told)
        if became == "waits":
            await _show_waiting(context, peer)
        return
    row = await _keep(context, said, told, origin, state="waits", let=True)
    await _let_in(context, row, told, trust)


async def _keep(context: Context, said: Said, told: Told, origin: str, *, state: linked.State, let: bool) -> int:
    return await linked.comes(
        context.tx,
        context.committee.id,
        said.peer.id,
        origin,
        told.uid,
        rev=told.rev,
        state=state,
        told=told,
        hops=said.hops,
        let=let,
        now=context.now,
    )


async def _let_in(context: Context, row: int, told: Told, trust: Trust) -> Alert | None:
    """It is an alert here from now on. None: a drill, for which there is no room."""
    tx, committee = context.tx, context.committee
    if told.exercise:
        for one in await alerts.open_(tx, committee.id):
            if not (await shared.state(context, one)).over:
                # Something goes on here already, and real or not, a drill of others would only disturb it.
                await linked.is_over(tx, row)
                return None
    label = told.label.get(committee.language) or next(iter(told.label.values()), "")
    words = "; ".join(filter(None, (label, told.words)))[: alertline.WORDS_CHARACTERS_MAX]
    until = min(told.until, context.now + alarm.EXPIRES_MAX)
    outside = {Trust.CONFIRMED: 1, Trust.PAGES: alarm.WITNESSES}.get(trust, 0)
    made = await alerts.add(
        tx,
        committee,
        kind=told.kind,
        status="exercise" if told.exercise else "actual",
        # A drill of others breaks nobody's quiet hours either.
        urgency="immediate" if told.exercise else told.urgency,
        severity="minor" if told.exercise else told.severity,
        raiser_id=None,
        area=told.area,
        words=words,
        needs=told.needs,
        expires=until,
        now=context.now,
        outside=outside,
    )
    await linked.becomes(tx, row, made.id, now=context.now)
    await due.cancel(tx, _gone_key(row))
    came = await linked.came_by_id(tx, committee.id, row)
    there = await alerts.get(tx, committee.id, made.id)
    assert came is not None
    assert there is not None
    await _brought(context, there, came, told)
    await shared.plan_end(context, there, until)
    if told.news:
        there = await alerts.update(tx, committee, there, told.news, member_id=None, now=context.now)
    if trust is Trust.ORGANIZERS:
        await shared.note(context, there, "held", data={"why": "linked"})
        await shared.hook(context, "alert_held", there)
    else:
        await shared.spread(context, there)
    await _offer_to_merge(context, there, came)
    return there


async def _brought(context: Context, there: Alert, came: Came, told: Told) -> None:
    """What others bring counts here too: what is still missing is what people are called for."""
    counts = rule.elsewhere(told, came.tally)
    await linked.tallied(
        context.tx,
        there.id,
        came.by,
        came.peer_id,
        asked=False,
        rev=told.rev,
        counts=counts,
        tally=None,
        now=context.now,
    )
    await cards.changed(context.tx, there.thing)


async def _offer_to_merge(context: Context, there: Alert, came: Came) -> None:
    """To the organizers, where something alike was raised here, or came from elsewhere."""
    offered = 0
    for one in reversed(await alerts.open_(context.tx, context.committee.id)):
        same = one.id != there.id and one.kind == there.kind and one.exercise == there.exercise
        area, other = (x.area.text if x.area is not None else "" for x in (there, one))
        if not same or not raising.alike(area, other) or offered == MERGE_OFFERED_MAX:
            continue
        now = await shared.state(context, one)
        if now.over or now.held:
            continue
        offered += 1
        merge = context.commands.named("alert_merge").says(number=there.number, line=str(one.number))
        words = T(
            "Alert {number} comes from {committee}. Is it the same as alert {other}?",
            number=there.number,
            committee=came.name,
            other=one.number,
        )
        for organizer in await people.organizers(context.tx, context.committee.id):
            await shared.tell(
                context, organizer, words, alert=there, buttons=((Button(label=T("It is the same"), says=merge),),)
            )


async def _tell_past(context: Context, peer: Peer, told: Told, trust: Trust) -> None:
    """It came too late to do anything: nobody is paged, and a line says that it was."""
    kind = shared.KINDS[told.kind]
    words = (
        T("DRILL of {committee}, over before I heard of it: {kind}", committee=peer.name, kind=kind)
        if told.exercise
        else T(
            "{committee} had asked for help: {kind}. I heard of it too late, it is over.",
            committee=peer.name,
            kind=kind,
        )
    )
    if trust is not Trust.ORGANIZERS:
        await context.announce(words)
        return
    await context.tell_organizers(words)


async def _more_heard(context: Context, said: Said, told: Told, came: Came) -> None:
    """Something newer of what is known: only of whoever told it, or of the one whose alert it is."""
    tx, peer = context.tx, said.peer
    first_hand = peer.author == came.origin
    takes_over = first_hand and came.by != came.origin
    if takes_over and came.state == "over" and not said.past:
        await _not_over(context, said, told, came)
        return
    if came.state == "over" or said.past or not (first_hand or peer.author == came.by):
        return
    if told.rev <= came.rev and not takes_over:
        return
    trust = await _trust(context, peer)
    if trust is Trust.BLOCKED or _frozen(context, peer):
        return
    there = None
    if came.alert_id is not None and came.state != "waits":
        there = await alerts.get(tx, context.committee.id, came.alert_id)
    # What was its alert here may be over and deleted.
    keep = came.state in ("waits", "elsewhere") or (there is not None and there.over_at is None)
    await linked.newer(tx, came, told, peer_id=peer.id, hops=said.hops, keep=keep)
    if there is None:
        if came.state == "elsewhere" and told.wide:
            await _wanted_now(context, peer, came, told, trust)
        elif came.state == "waits":
            await cards.changed(tx, _waiting_thing(came.peer_id))
        return
    if there.over_at is None and came.state == "open":
        await _go_on(context, there, came, told, before=came.told)


async def _not_over(context: Context, said: Said, told: Told, came: Came) -> None:
    """Another has said that it is over, and the one whose it is says that it goes on: an organizer looks.

    Both may be honest, and its end be on the way; nobody is called for nothing, and nobody else ends it for good.
    """
    trust = await _trust(context, said.peer)
    waiting = len(await linked.waiting(context.tx, said.peer.id))
    if trust is Trust.BLOCKED or told.until <= context.now or waiting >= rule.WAITING_MAX:
        return
    await linked.waits(context.tx, came.id)
    await linked.newer(context.tx, came, told, peer_id=said.peer.id, hops=said.hops, keep=True)
    await _plan_gone(context, came.id, told)
    await _show_waiting(context, said.peer)


async def _wanted_now(context: Context, peer: Peer, came: Came, told: Told, trust: Trust) -> None:
    """It is asked of all now, also of those who want other areas."""
    before = await linked.let_in(context.tx, context.committee.id, peer.author, since=context.now - timedelta(days=1))
    if rule.within_budget(before, critical=told.critical, now=context.now):
        await _let_in(context, came.id, told, trust)
        return
    await linked.waits(context.tx, came.id)
    await _show_waiting(context, peer)


async def _go_on(context: Context, there: Alert, came: Came, told: Told, *, before: Told | None) -> None:
    now = await shared.state(context, there)
    await _brought(context, there, came, told)
    events = await alerts.events(context.tx, there)
    changes = sum(one.kind in ("needs", "expires") for one in events) < CHANGES_MAX
    needs = {**dict.fromkeys(now.needs, 0), **told.needs}
    if changes and {what: many for what, many in needs.items() if many} != dict(now.needs):
        await shared.note(context, there, "needs", data={"needs": needs})
    until = min(told.until, there.raised_at + alarm.EXPIRES_MAX)
    if changes and before is not None and told.expires != before.expires and until > context.now:
        await shared.note(context, there, "expires", data={"at": until.isoformat()})
        await shared.plan_end(context, there, until)
    if told.news and (before is None or told.news != before.news):
        try:
            update = context.commands.named("alert_update").says(number=there.number, line=told.news)
            await context.say(update, authority=Authority.CLOCK)
        except Refusal:
            log.info("news of a linked alert were too many")
    await shared.hook(context, "alert_answered", there)
    await shared.tell_links(context, there, after=shared.TALLIED_AFTER)


# --- it is over --------------------------------------------------------------------------------------------------


@router.command("peer_alert_end", allow=Authority.PEER, typed=False, help=T("An alert of a linked committee is over."))
async def peer_alert_end(context: Context, *, said: FromPeer) -> None:
    """Whatever they are trusted with: whoever is on the way must know. That it is known here is told back."""
    try:
        over = rule.read_over(said.body)
    except Unread:
        log.info("what a committee says of an alert is not understood")
        return
    tx, peer = context.tx, said.peer
    origin = over.origin or peer.author
    came = await linked.came(tx, context.committee.id, origin, over.uid)
    if came is not None and peer.author not in (came.by, came.origin):
        return
    fresh = came is not None and came.state != "over"
    # Whoever says so again and again shall not use up what others bear of this committee.
    answers = fresh or await linking.may_answer(context, said)
    if came is None and peer.author == origin:
        if len(await linked.of_peer(tx, peer.id, since=context.now - timedelta(days=1))) >= linked.LISTED_MAX:
            return
        # Its alert may come later, over another federation. Nobody else ends what is not known here.
        await linked.comes(
            tx,
            context.committee.id,
            peer.id,
            origin,
            over.uid,
            rev=over.rev,
            state="over",
            told=None,
            hops=0,
            let=False,
            now=context.now,
        )
    elif came is not None and fresh:
        await linked.is_over(tx, came.id, rev=max(over.rev, came.rev))
        await due.cancel(tx, _gone_key(came.id))
        await cards.changed(tx, _waiting_thing(came.peer_id))
        there = None if came.alert_id is None else await alerts.get(tx, context.committee.id, came.alert_id)
        if there is not None and there.over_at is None and came.state == "open":
            await shared.finish(context, there, over.outcome)
    if answers:
        await _post(context, said.federation, "alert_got", {"id": over.uid}, to=[peer.author])


@router.command(
    "peer_alert_got", allow=Authority.PEER, typed=False, help=T("A linked committee knows that it is over.")
)
async def peer_alert_got(context: Context, *, said: FromPeer) -> None:
    """The card says so."""
    try:
        uid = rule.read_got(said.body)
    except Unread:
        log.info("what a committee says of an alert is not understood")
        return
    one = await linked.sent_as(context.tx, said.federation.id, uid)
    there = None if one is None else await alerts.get(context.tx, context.committee.id, one.alert_id)
    if there is not None and there.over_at is not None and await linked.got(context.tx, there.id, said.peer.author):
        await cards.changed(context.tx, there.thing)


@router.command("peer_alert_tally", allow=Authority.PEER, typed=False, help=T("A linked committee tells who comes."))
async def peer_alert_tally(context: Context, *, said: FromPeer) -> None:
    """In figures. Those of a committee that is not trusted count for nothing: nobody is called less because of them."""
    try:
        uid, rev, found = rule.read_tally(said.body)
    except Unread:
        log.info("what a committee says of an alert is not understood")
        return
    tx, peer = context.tx, said.peer
    one = await linked.sent_as(tx, said.federation.id, uid)
    there = None if one is None else await alerts.get(tx, context.committee.id, one.alert_id)
    if there is None or there.over_at is not None:
        return
    counts = found.counts if await _trust(context, peer) >= Trust.SHOWN and not _frozen(context, peer) else {}
    new = await linked.tallied(
        tx, there.id, peer.author, peer.id, asked=True, rev=rev, counts=counts, tally=found, now=context.now
    )
    if new:
        await cards.changed(tx, there.thing)
        await shared.hook(context, "alert_answered", there)
        await shared.tell_links(context, there, after=shared.TALLIED_AFTER)


@router.command(
    "links_uncount", allow=Authority.CLOCK, typed=False, help=T("A linked committee is trusted with nothing now.")
)
async def links_uncount(context: Context, *, author: Internal) -> None:
    """Who was told to come from there counts no more: nobody is called less because of them."""
    for id_ in await linked.uncount(context.tx, context.committee.id, author):
        there = await alerts.get(context.tx, context.committee.id, id_)
        if there is not None:
            await cards.changed(context.tx, there.thing)
            await shared.hook(context, "alert_answered", there)
            await shared.tell_links(context, there, after=shared.TALLIED_AFTER)


# --- what waits for a yes ----------------------------------------------------------------------------------------


def _waiting_thing(peer_id: int) -> str:
    return f"linked_waiting:{peer_id}"


def _gone_key(row: int) -> str:
    return f"linked_alert:{row}:gone"


async def _plan_gone(context: Context, row: int, told: Told) -> None:
    until = min(told.until, context.now + alarm.EXPIRES_MAX)
    says = alert_link_gone.says(linked=row)
    await due.plan_at(context.tx, _gone_key(row), says, until, committee=context.committee.id)


@router.command("alert_link_gone", allow=Authority.CLOCK, typed=False, help=T("What waited is over."))
async def alert_link_gone(context: Context, *, linked: Reference) -> None:
    """Nobody has let it in: what was told of it is kept no longer."""
    await _gone(context, linked)


async def _gone(context: Context, row: int) -> None:
    came = await linked.came_by_id(context.tx, context.committee.id, row)
    if came is not None and came.state in ("waits", "elsewhere"):
        await linked.is_over(context.tx, came.id)
        await cards.changed(context.tx, _waiting_thing(came.peer_id))


async def _show_waiting(context: Context, peer: Peer) -> None:
    """One line for all of one committee, to the organizers in private."""
    thing = _waiting_thing(peer.id)
    for organizer in await people.organizers(context.tx, context.committee.id):
        place = await people.private_chat_of(context.tx, organizer.person_id)
        if place is not None and not await cards.stands_in(context.tx, thing, place.id):
            await cards.show(context.tx, thing, place, committee=context.committee.id, lane=Lane.ANSWER)
    await cards.changed(context.tx, thing)


@router.card("linked_waiting")
async def waiting_card(view: View, ref: int) -> Shown | None:
    """How many wait."""
    peer = await peers.peer_by_id(view.tx, view.committee.id, ref)
    if peer is None or not view.private:
        return None
    many = len(await linked.waiting(view.tx, peer.id)) + await linked.more(view.tx, peer.id)
    if not many:
        return Shown(T("Nothing of {committee} waits any more.", committee=peer.name), buttons=())
    frozen = peer.frozen_until is not None and peer.frozen_until > view.now
    words = N(
        "{committee} has sent {n} more alert. Nobody has been told; it waits for you.",
        "{committee} has sent {n} more alerts. Nobody has been told; they wait for you.",
        many,
        committee=peer.name,
    )
    why = T("That committee is frozen just now.") if frozen else T("So many at once are more than comes by itself.")
    look = Button(label=T("Look at them"), says=alert_links_waiting.says(peer=peer.id))
    return Shown(lines(words, why), buttons=((look,),))


@router.command(
    "alert_links_waiting", allow=Authority.ORGANIZER, typed=False, help=T("Look at alerts of others that wait.")
)
async def alert_links_waiting(context: Context, *, peer: Reference) -> Reply:
    """The oldest first, with a button for each."""
    there = await peers.peer_by_id(context.tx, context.committee.id, peer)
    waiting = [] if there is None else await linked.waiting(context.tx, there.id)
    if there is None or not waiting:
        raise Refusal(T("Nothing waits any more."), private=True)
    told: list[Words] = []
    buttons = []
    for one in waiting[:LISTED_MAX]:
        if one.told is None:
            continue
        kind = shared.KINDS[one.told.kind]
        label = T("Let in {kind}: {area}", kind=kind, area=one.told.area[:30]) if one.told.area else None
        buttons.append(
            (Button(label=label or T("Let in {kind}", kind=kind), says=alert_link_accept.says(linked=one.id)),)
        )
        if one.told.exercise:
            told.append(T("DRILL, only an exercise: {kind}", kind=kind))
        else:
            told.append(T("{kind}, until {until}", kind=kind, until=one.told.until))
        if one.told.area:
            told.append(T("Where: {area}", area=one.told.area))
        if one.told.words:
            told.append(T("“{words}” (as it was written)", words=one.told.words))
    more = await linked.more(context.tx, there.id)
    if more:
        told.append(N("{n} further one is not kept.", "{n} further ones are not kept.", more))
        await linked.forget_more(context.tx, there.id)
    return Reply(
        lines(T("From {committee}, a linked committee", committee=there.name), *told),
        buttons=tuple(buttons),
        private=True,
    )


@router.command("alert_link_accept", allow=Authority.ORGANIZER, typed=False, help=T("Let an alert of others in."))
async def alert_link_accept(context: Context, *, linked: Reference) -> Reply:
    """As if it had come in by itself."""
    return await _accept(context, linked)


async def _accept(context: Context, row: int) -> Reply:
    came = await linked.came_by_id(context.tx, context.committee.id, row)
    peer = None if came is None else await peers.peer_by_id(context.tx, context.committee.id, came.peer_id)
    if came is None or came.state != "waits" or came.told is None or peer is None or came.told.until <= context.now:
        raise Refusal(T("That one does not wait any more."), private=True)
    # An organizer has looked: it is shown, and goes no further by itself than that committee is trusted.
    trust = max(await _trust(context, peer), Trust.SHOWN)
    there = await _let_in(context, came.id, came.told, trust)
    await cards.changed(context.tx, _waiting_thing(peer.id))
    if there is None:
        raise Refusal(T("Something goes on here: a drill has to wait until it is over."), private=True)
    return shared.answer(T("It is alert {number} here.", number=there.number))


@router.todo
async def waits(context: Context) -> Sequence[Todo]:
    """What of linked committees waits for an organizer."""
    told: list[Todo] = []
    if "organizer" not in context.roles or not context.in_private:
        return told
    for id_ in await linked.waiting_of(context.tx, context.committee.id):
        peer = await peers.peer_by_id(context.tx, context.committee.id, id_)
        if peer is not None:
            look = Button(label=T("Look at them"), says=alert_links_waiting.says(peer=peer.id))
            words = T("Alerts of {committee} wait for an organizer.", committee=peer.name)
            told.append(Todo(words=words, buttons=(look,)))
    return told


async def _trust(context: Context, peer: Peer) -> Trust:
    """Whoever is not in the federation any more is trusted with nothing."""
    return Trust(await linking.trusted(context.tx, peer, KIND)) if peer.state == "in" else Trust.BLOCKED


def _frozen(context: Context, peer: Peer) -> bool:
    return peer.frozen_until is not None and peer.frozen_until > context.now


# --- what the committee sends, and wants -------------------------------------------------------------------------


@router.command(
    "links",
    allow=Authority.MEMBER,
    within="federation",
    help=T("Which alerts linked committees are told, and of which areas you want theirs."),
    label=T("Alerts and linked committees"),
)
async def links(context: Context, *, line: LongNote = "") -> Reply | Card | None:
    """Shown; with a word, changed."""
    word, _, rest = line.strip().partition(" ")
    if word:
        changes = {plain(name): command for command, name in _CHANGES}
        command = changes.get(plain(word))
        if command is None or not rest.strip():
            raise Refusal(
                T(
                    "Write it like this: {kinds} or {areas}",
                    kinds=Typed("/links", _KINDS_LINE),
                    areas=_AREAS_TYPED,
                )
            )
        says = context.commands.named(command).says(line=rest.strip())
        return await context.say(says, authority=context.authority)
    tx, committee = context.tx, context.committee
    only = await rules.get(tx, committee.id, linked.SENDS)
    areas = await rules.get(tx, committee.id, linked.AREAS)
    return Reply(
        lines(
            _sends_words(await _labels(context, only)),
            _areas_words(areas),
            T("To change that: {kinds} or {areas}", kinds=Typed("/links", _KINDS_LINE), areas=_AREAS_TYPED),
        )
    )


_AREAS_TYPED = Typed("/links", _AREAS_LINE)
_CHANGES = (
    *(("links_alerts", word) for word in ("alerts", "alertas", "alarme")),
    *(("links_areas", word) for word in ("areas", "zonas", "gegenden")),
)


async def _labels(context: Context | Telling, kinds: Sequence[str] | None) -> Sequence[Text] | None:
    return None if kinds is None else [await shared.kind_words(context, key) for key in kinds]


def _sends_words(kinds: Sequence[Text] | None) -> Text:
    if kinds is None:
        return T("Linked committees are asked in alerts of all kinds.")
    if not kinds:
        return T("Linked committees are asked in no alert.")
    return T("Linked committees are asked only in alerts of these kinds: {kinds}", kinds=Listed(tuple(kinds)))


def _areas_words(areas: Sequence[str] | None) -> Text:
    if not areas:
        return T("You want the alerts of linked committees from all areas.")
    return T(
        "You want the alerts of linked committees from these areas, and others when more are needed: {areas}",
        areas=Listed(tuple(areas)),
    )


def _alerts_proposal(*, line: str) -> Text:
    return T("Linked committees are asked in alerts of these kinds: {kinds}", kinds=line)


@router.command(
    "links_alerts",
    allow=Authority.COMMITTEE,
    within="federation",
    help=T("Of which kinds of alerts linked committees are told."),
    sample=(_KINDS_LIKE,),
    proposal=_alerts_proposal,
)
async def links_alerts(context: Context, *, line: LongNote) -> Reply:
    """By their words, with commas between them; or all, or none."""
    known = await shared.kind_names(context.tx, context.committee.id)
    names = [plain(" ".join(part.split())) for part in line.replace(";", ",").split(",") if part.strip()]
    none = frozenset(map(plain, ("none", "ninguna", "keine")))
    only: list[str] | None = None
    if len(names) == 1 and names[0] in none:
        only = []
    elif not (len(names) == 1 and names[0] in _ALL):
        only = []
        for name in names:
            if name not in known:
                raise Refusal(
                    T(
                        "I do not know the kind “{words}”. Write it like this: {example}",
                        words=name[: alertline.WORDS_SHOWN_MAX],
                        example=Typed("/links", _KINDS_LINE),
                    )
                )
            only.append(known[name])
        only = list(dict.fromkeys(only))
    await entries.decide_rule(context.tx, context.committee, linked.SENDS, only, now=context.now)
    return Reply(_sends_words(await _labels(context, only)))


@router.entry("rule", linked.SENDS, about="rules")
async def sends_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Of which kinds linked committees are told since then."""
    return _sends_words(await _labels(telling, body[linked.SENDS]))


def _areas_proposal(*, line: str) -> Text:
    return T("We want the alerts of linked committees from these areas: {areas}", areas=line)


@router.command(
    "links_areas",
    allow=Authority.COMMITTEE,
    within="federation",
    help=T("From which areas you want the alerts of linked committees."),
    sample=(_AREAS_LIKE,),
    proposal=_areas_proposal,
)
async def links_areas(context: Context, *, line: LongNote) -> Reply:
    """Others are shown only once those who are nearer were not enough."""
    areas = None if plain(line.strip()) in _ALL else rings.read_areas(line)
    if areas is not None and not areas:
        raise Refusal(T("Name areas, with commas between them: {example}", example=_AREAS_TYPED))
    await entries.decide_rule(context.tx, context.committee, linked.AREAS, areas, now=context.now)
    return Reply(_areas_words(areas))


@router.entry("rule", linked.AREAS, about="rules")
async def areas_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """From which areas alerts are wanted since then."""
    return _areas_words(body[linked.AREAS])
