"""Recalls: members sign for ending somebody's role early, and when enough have signed, a poll begins by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from fractions import Fraction
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bot.arguments import Carried, Found, Kind, Reading, Reference, Word
from bot.chat import Button, Card, Reply, Shown
from bot.domain import offices, pollline
from bot.domain import recalls as rule
from bot.domain.processes import HIDDEN_BALLOTS_MIN
from bot.polls import all_processes, named
from bot.router import Authority, Context, Router, Telling, View
from bot.text import Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import due, entries, people, polls, recalls, roles, rules
from storage.recalls import Recall

router = Router("recalls", under="polls")

SIGNATURES = "recall_signatures"


class _ShareKind(Kind[Fraction]):
    """A share of all who have a vote: `1/4`, `25%`."""

    fixed = True
    expected = T("a share of all, like {example}", example=Typed("1/4"))
    example = "1/4"
    question = T("Which share of all must sign? Write it, like {example}.", example=Typed("1/4"))

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Fraction] | None:
        try:
            found = pollline.read_share([words[0].text]) if words else None
        except (ValueError, ZeroDivisionError):
            return None
        if found is None:
            return None
        if not Fraction(1, 100) <= found <= Fraction(1, 2):
            raise Refusal(T("More than half decide anyway, so at most half must sign, and at least one in a hundred."))
        return Found(found, 1)

    def dump(self, value: Fraction) -> str:
        return str(value)

    async def load(self, data: Any, tx: Any, committee: Any) -> Fraction:
        found = Fraction(str(data))
        if not Fraction(1, 100) <= found <= Fraction(1, 2):
            raise ValueError("not a share that can be set")
        return found


Share = Annotated[Fraction, _ShareKind()]


def _signatures_told(*, share: Fraction) -> Text:
    return T("A recall comes to a vote once {share} of all have signed, at least two.", share=str(share))


@router.command(
    SIGNATURES,
    allow=Authority.COMMITTEE,
    within="poll",
    help=T("How many must sign for a recall, as a share of all who have a vote."),
    proposal=_signatures_told,
)
async def recall_signatures(context: Context, *, share: Share) -> Reply:
    """The committee's own rule."""
    await entries.decide_rule(context.tx, context.committee, SIGNATURES, str(share), now=context.now)
    return Reply(_signatures_told(share=share))


@router.entry("rule", SIGNATURES, about="rules")
async def signatures_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many must sign from then on."""
    return _signatures_told(share=Fraction(body[SIGNATURES]))


async def _share(context: Context | View) -> Fraction:
    return Fraction(await rules.get(context.tx, context.committee.id, SIGNATURES, str(rule.SHARE)))


async def _voters(context: Context | View, one: Recall) -> frozenset[int]:
    """Who may sign, and vote: all who have a vote but the person whom it is about."""
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    return frozenset(facts.members) - {one.member_id}


@router.command("recall_begin", allow=Authority.MEMBER, typed=False, help=T("Begin to sign for a recall."))
async def recall_begin(context: Context, *, carried: Carried) -> Reply | Card | None:
    """The first signature; where it has been begun already, one more."""
    await context.would(carried, authority=Authority.COMMITTEE)
    who, role = carried.arguments["who"], carried.arguments.get("name", "organizer")
    if who == context.member.id:
        raise Refusal(
            T("You can put it down yourself: {command}", command=Typed("/stepdown", offices.titled(role))), private=True
        )
    held = await roles.held(context.tx, context.committee.id, member=who)
    mine = next(one for one in held if one.role == role)
    found = await recalls.of_role(context.tx, mine.id)
    if found is not None:
        return await _sign(context, found) or Card("recall", found.id)
    found = await recalls.begin(
        context.tx,
        context.committee.id,
        who,
        mine.id,
        expires=context.now + rule.SIGNED_WITHIN,
        now=context.now,
    )
    await due.plan(
        context.tx,
        found.thing,
        recall_lapses.says(recall=found.id),
        local=found.expires_at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )
    await _sign(context, found)
    card = Card("recall", found.id)
    if not context.in_private:
        return card
    await context.show(card)
    return Reply(T("You have signed. The group sees it, and others can sign there."), private=True)


async def _open(context: Context, ref: int) -> Recall:
    found = await recalls.get(context.tx, context.committee.id, ref)
    if found is not None and found.state == "open":
        if await roles.get(context.tx, context.committee.id, found.role_id) is not None:
            return found
        await _over(context, found, "over")
    raise Refusal(T("That recall is not open any more."), private=True)


async def _over(context: Context, one: Recall, state: recalls.State, *, poll_id: int | None = None) -> None:
    await recalls.end(context.tx, one, state, poll_id=poll_id)
    await due.cancel(context.tx, one.thing)


@router.command("recall_sign", allow=Authority.MEMBER, typed=False, help=T("Sign for a recall."))
async def recall_sign(context: Context, *, recall: Reference) -> Reply | Card | None:
    """One more name, for all to see; with enough of them all vote."""
    return await _sign(context, await _open(context, recall)) or Reply(
        T("You have signed. Your name is on the card, until you take it off."), private=True
    )


async def _sign(context: Context, one: Recall) -> Reply | Card | None:
    """Sign; with enough signatures, open the poll: its card in the group is what comes of it."""
    voters = await _voters(context, one)
    if context.member.id == one.member_id:
        raise Refusal(T("This is about you, so the others sign."), private=True)
    if context.member.id not in voters:
        raise Refusal(T("You have no vote yet, so you cannot sign."), private=True)
    if not await recalls.sign(context.tx, one, context.member.id):
        raise Refusal(T("You have signed already."), private=True)
    signed = frozenset(await recalls.signed(context.tx, one))
    if not rule.enough(signed, voters, await _share(context)):
        return None
    await _to_vote(context, one, voters, signatures=rule.counted(signed, voters))
    return Reply(T("With your name enough have signed: now all vote."), private=True)


async def _to_vote(context: Context, one: Recall, voters: frozenset[int], *, signatures: int) -> None:
    """The poll that carries the end of the role. It chooses about a person, so votes are hidden where that can be."""
    process = all_processes()["recall"]
    hidden = len(voters) >= HIDDEN_BALLOTS_MIN
    member = await people.member_now(context.tx, context.committee.id, one.member_id)
    assert member is not None
    made = await polls.add(
        context.tx,
        context.committee,
        process=process.name,
        method=process.method,
        # Ending early would tell how the votes stand.
        rule=replace(process.rule, early=not hidden),
        secrecy="hidden" if hidden else "open",
        question="",
        options=(),
        maker_id=None,
        opens=None,
        closes=context.now + timedelta(days=process.days),
        now=context.now,
        says=context.commands.named("recall").says(who=member, name=one.role),
    )
    await _over(context, one, "polled", poll_id=made.id)
    known = one.role if one.role in offices.KNOWN else "other"
    body = {"recall": one.id, "member": one.member_id, "role": known, "signatures": signatures, "poll": made.number}
    await entries.append(context.tx, context.committee, "recall", body, now=context.now)
    # The bot opens it, wherever the last name came from: all groups see it.
    opens = context.commands.named("poll_open").says(poll=made.id)
    await replace(context, place=None).say(opens, authority=Authority.CLOCK)


@router.command("recall_unsign", allow=Authority.MEMBER, typed=False, help=T("Take your name off a recall."))
async def recall_unsign(context: Context, *, recall: Reference) -> Reply:
    """As long as not enough have signed."""
    found = await _open(context, recall)
    if not await recalls.unsign(context.tx, found, context.member.id):
        raise Refusal(T("You have not signed."), private=True)
    if not await recalls.signed(context.tx, found):
        await _over(context, found, "lapsed")
    return Reply(T("Your name is off."), private=True)


@router.command("recall_lapses", allow=Authority.CLOCK, typed=False, help=T("Not enough have signed for a recall."))
async def recall_lapses(context: Context, *, recall: Reference) -> None:
    """Its time is over; it can be begun anew."""
    found = await recalls.get(context.tx, context.committee.id, recall)
    if found is not None and found.state == "open":
        await _over(context, found, "lapsed")


@router.card("recall")
async def recall_card(view: View, ref: int) -> Shown | None:
    """The meter: whom it is about, who has signed, and how many are needed."""
    one = await recalls.get(view.tx, view.committee.id, ref)
    if one is None:
        return None
    name = await named(view, view.committee, one.member_id)
    heading = T("Recall of {name} from the role “{role}”", name=name, role=offices.titled(one.role))
    ids = await recalls.signed(view.tx, one)
    names = Listed(tuple([await named(view, view.committee, id_) for id_ in ids]))
    signed: Words = T("Signed: {names}.", names=names) if ids else T("Nobody has signed.")
    match one.state:
        case "polled":
            poll = await polls.get(view.tx, view.committee.id, one.poll_id or 0)
            number = poll.number if poll is not None else 0
            return Shown(lines(heading, signed, T("Enough have signed: poll {number} decides.", number=number)))
        case "lapsed":
            return Shown(lines(heading, T("Not enough have signed, so nothing came of it.")))
        case "over":
            return Shown(lines(heading, T("The role has ended meanwhile.")))
        case _:
            pass
    voters = await _voters(view, one)
    needed = rule.needed(len(voters), await _share(view))
    counted = rule.counted(frozenset(ids), voters)
    return Shown(
        lines(
            heading,
            signed,
            T(
                "{n} of {needed} names, until {until}. Then all the others vote.",
                n=counted,
                needed=needed,
                until=one.expires_at,
            ),
        ),
        buttons=(
            (
                Button(label=T("Sign"), says=recall_sign.says(recall=one.id)),
                Button(label=T("Take my name off"), says=recall_unsign.says(recall=one.id)),
            ),
        ),
    )


@router.entry("recall", about="roles")
async def recall_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Enough had signed. The names stand on the card, not in the books."""
    return N(
        "{n} member has signed for recalling {name}: poll {number} decides.",
        "{n} members have signed for recalling {name}: poll {number} decides.",
        body["signatures"],
        name=await telling.name(body["member"]),
        number=body["poll"],
    )
