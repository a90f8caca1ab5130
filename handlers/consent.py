"""What needs the committee's authority: a poll decides, or two organizers who agree where the committee wants that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bot import decisions
from bot.arguments import Carried, Number, choice
from bot.chat import Button, Card, Reply, Saying, Shown
from bot.domain import consent
from bot.router import Asks, Authority, Command, Context, Router, Telling, Todo, View
from bot.text import Listed, N, Refusal, T, Text, Typed, Words, lines, shown
from storage import cards, conduct, due, entries, nudges, people, proposals, rules
from storage.digests import Since
from storage.proposals import DECIDED_BY, POLL, Proposal

router = Router("consent", title=T("Decisions"))

REMINDED_BEFORE = timedelta(days=1)
OPEN_TOLD_MAX = 5


_By = Annotated[
    str,
    choice(
        POLL,
        "organizers",
        expected=T("{poll} or {organizers}", poll=Typed(POLL), organizers=Typed("organizers")),
        labels={POLL: T("A poll of all"), "organizers": T("Two organizers")},
    ),
]


def _decided_by_told(*, by: str) -> Text:
    if by == POLL:
        return T("From now on a poll of all members decides what needs the committee.")
    return T("From now on two organizers who agree decide what needs the committee.")


@router.command(
    "decide_by",
    allow=Authority.COMMITTEE,
    help=T("Who decides what needs the committee: a poll of all, or two organizers who agree."),
    proposal=_decided_by_told,
)
async def decide_by(context: Context, *, by: _By) -> Reply:
    """The committee's own choice."""
    await entries.decide_rule(context.tx, context.committee, DECIDED_BY, by, now=context.now)
    return Reply(_decided_by_told(by=by))


@router.entry("rule", DECIDED_BY, about="rules")
async def decided_by_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who decides from then on."""
    return _decided_by_told(by=body[DECIDED_BY])


@router.command("propose", allow=Authority.MEMBER, typed=False, help=T("Ask those who must agree."))
async def propose(context: Context, *, carried: Carried) -> Reply | Card | None:
    """A member said what needs the committee's authority: ask for it, or do it where nobody else need agree."""
    command = context.commands.get(carried.command)
    assert command is not None
    if command.petition is not None and await _polls_decide(context):
        begin = context.commands.named("recall_begin")
        return await context.say(begin.says(carried=carried), authority=Authority.MEMBER)
    committee = await _facts(context, carried, begun=context.now)
    rule = _rule(command, committee)
    if rule.who == "organizers" and await _needs_poll(context, command):
        carry = context.commands.named("poll_carry")
        return await context.say(carry.says(carried=carried), authority=Authority.MEMBER)
    # What could not be done anyway is refused now, not after others have agreed.
    await context.would(carried, authority=Authority.COMMITTEE)
    same = await proposals.same_open(context.tx, context.committee.id, carried)
    if same is not None:
        found = await proposals.get(context.tx, context.committee.id, same)
        assert found is not None
        return await _agree(context, found, committee)
    if consent.carried(rule.who, committee, {context.member.id}):
        await _decided(context, carried, [context.member.id])
        return await context.say(carried, authority=Authority.COMMITTEE)
    found = await proposals.open_(
        context.tx,
        context.committee.id,
        carried,
        proposer_id=context.member.id,
        who=rule.who,
        now=context.now,
        expires_at=context.now + rule.within,
    )
    if consent.may_consent(rule.who, committee, context.member.id):
        await proposals.consent(context.tx, found.id, context.member.id, now=context.now)
    await _plan_lapse(context, found)
    card = Card("proposal", found.id)
    if context.place is not None and context.place.private:
        await context.show(card)
        return Reply(T("That needs the others: I have asked in the group."))
    return card


async def _needs_poll(context: Context, command: Command) -> bool:
    """Whether all members decide it. Who is appointed, and what concerns somebody, has rules of its own."""
    own = command.appoints or command.concerns is not None
    if command.allow is not Authority.COMMITTEE or own:
        return False
    return await _polls_decide(context)


async def _polls_decide(context: Context) -> bool:
    return bool(await rules.get(context.tx, context.committee.id, DECIDED_BY) == POLL)


async def _plan_lapse(context: Context, found: Proposal) -> None:
    await due.plan(
        context.tx,
        f"proposal:{found.id}",
        lapse.says(number=found.number),
        # An instant, not a time of day: a change of clocks does not move it.
        local=found.expires_at.replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )
    if found.expires_at - REMINDED_BEFORE > context.now:
        await due.plan(
            context.tx,
            f"reminder:{found.id}",
            lapses_soon.says(number=found.number),
            local=(found.expires_at - REMINDED_BEFORE).replace(tzinfo=None),
            zone=ZoneInfo("UTC"),
            committee=context.committee.id,
            late="do",
        )


def _rule(command: Command, committee: consent.Committee) -> consent.Rule:
    return consent.rule(committee, appoints=command.appoints, majority=command.majority)


async def _awaiting(context: Context) -> list[Proposal]:
    """The open proposals that wait for this member's consent."""
    committee = await people.facts(context.tx, context.committee.id, now=context.now)
    found = []
    for id_ in await proposals.open_ones(context.tx, context.committee.id):
        proposal = await proposals.get(context.tx, context.committee.id, id_)
        assert proposal is not None
        may = consent.may_consent(proposal.who, committee, context.member.id)
        if may and context.member.id not in await proposals.consents(context.tx, id_):
            found.append(proposal)
    return found


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What this member can agree to."""
    return [
        Todo(
            words=T(
                "Proposal {number}: {what}",
                number=found.number,
                what=await decisions.described(context.tx, context.committee, context.commands, found.says),
            ),
            buttons=(Button(label=T("Agree"), says=agree.says(number=found.number)),),
            by=found.expires_at,
        )
        for found in await _awaiting(context)
    ]


async def _to_agree(context: Context) -> list[tuple[Text | str, int]]:
    return [(_short(found), found.number) for found in await _awaiting(context)]


async def _to_withdraw(context: Context) -> list[tuple[Text | str, int]]:
    found: list[tuple[Text | str, int]] = []
    for id_ in await proposals.open_ones(context.tx, context.committee.id):
        proposal = await proposals.get(context.tx, context.committee.id, id_)
        if proposal is not None and proposal.proposer_id == context.member.id:
            found.append((_short(proposal), proposal.number))
    return found


def _short(found: Proposal) -> Text:
    return T("Proposal {number}", number=found.number)


async def _agreeing(context: Context, *, number: int) -> Words:
    found = await _open(context, number)
    what = await decisions.described(context.tx, context.committee, context.commands, found.says)
    return lines(T("Proposal {number}: {what}", number=number, what=what), T("Do you agree?"))


async def _withdrawing(context: Context, *, number: int) -> Words:
    found = await _open(context, number)
    what = await decisions.described(context.tx, context.committee, context.commands, found.says)
    return lines(T("Proposal {number}: {what}", number=number, what=what), T("Withdraw it?"))


@router.command(
    "agree",
    allow=Authority.MEMBER,
    listed=False,
    label=T("Agree"),
    help=T("Agree to a proposal whose number you see on its card."),
    asks={"number": Asks(T("Which one?"), _to_agree, T("No proposal waits for you."))},
    confirm=_agreeing,
)
async def agree(context: Context, *, number: Number) -> Reply | Card | None:
    """Consent; with enough of it the command is carried out in the committee's name."""
    found = await _open(context, number)
    return await _agree(context, found, await _facts(context, found.says, begun=found.made_at))


async def _facts(context: Context | View, says: Saying, *, begun: datetime) -> consent.Committee:
    """Who may agree to this command, without whom it concerns, and without those who came in after it had begun.

    Else whoever is concerned could come in once more, with another account, and have a vote in it.
    """
    committee = await people.facts(context.tx, context.committee.id, now=context.now)
    command = context.commands.get(says.command)
    if command is None or command.concerns is None:
        return committee
    written = says.arguments[command.concerns]
    now = await people.member_now(context.tx, context.committee.id, written)
    concerned = frozenset({written, now.id if now else written})
    opened = [case.opened_at for member in concerned for case in await conduct.running(context.tx, member)]
    late = await people.joined_after(context.tx, context.committee.id, min([*opened, begun]))
    return replace(
        committee,
        members=committee.members - late,
        organizers=committee.organizers - late,
        concerned=concerned,
    )


async def _agree(context: Context, found: Proposal, committee: consent.Committee) -> Reply | Card | None:
    found = await _as_ruled_now(context, found, committee)
    if context.member.id in committee.concerned:
        raise Refusal(T("This is about you, so the others decide it."), private=True)
    if found.who == "members" and not consent.may_consent(found.who, committee, context.member.id):
        raise Refusal(T("You have no vote yet, so you cannot agree to this."))
    if not consent.may_consent(found.who, committee, context.member.id):
        raise Refusal(T("This is for the organizers to agree to. Talk to one of them."))
    new = await proposals.consent(context.tx, found.id, context.member.id, now=context.now)
    await nudges.withdraw(context.tx, _thing(found), of=context.member)
    if await _is_carried(context, found, committee):
        return await _carry_out(context, found)
    if not new:
        raise Refusal(T("You have agreed already. Somebody else has to agree too."))
    await cards.changed(context.tx, f"proposal:{found.id}")
    return Reply(T("Thank you, noted."), private=context.pressed)


async def _as_ruled_now(context: Context, found: Proposal, committee: consent.Committee) -> Proposal:
    """The proposal under the rule of this moment: since it was made, other people may have to agree to it.

    Who has agreed is kept, and counts where they still do. Raises Refusal where nobody could carry it now: it waits.
    """
    command = context.commands.get(found.says.command)
    if command is None:
        return found
    try:
        rule = _rule(command, committee)
    except Refusal as refusal:
        raise Refusal(lines(refusal.words, T("Proposal {number} waits until then.", number=found.number))) from refusal
    if rule.who == found.who:
        return found
    ruled = replace(found, who=rule.who, expires_at=max(found.expires_at, context.now + rule.within))
    await proposals.rule_by(context.tx, found.id, ruled.who, expires_at=ruled.expires_at)
    await _plan_lapse(context, ruled)
    return ruled


async def _is_carried(context: Context, found: Proposal, committee: consent.Committee) -> bool:
    return consent.carried(found.who, committee, await proposals.consents(context.tx, found.id))


async def _carry_out(context: Context, found: Proposal) -> Reply | Card | None:
    """Do what was agreed, in the committee's name; a refusal now is put on the card."""
    consents = sorted(await proposals.consents(context.tx, found.id))
    await _decided(context, found.says, consents, proposal=found.number)
    await _is_over(context, found)
    try:
        answer = await context.say(found.says, authority=Authority.COMMITTEE)
    except Refusal as refusal:
        why = shown(refusal.words, context.committee.reader)
        await proposals.close(context.tx, found.id, "failed", outcome=why)
        return Reply(T("Agreed, but it could not be carried out: {why}", why=why))
    await proposals.close(context.tx, found.id, "passed")
    return answer


async def _decided(context: Context, says: Saying, consents: list[int], *, proposal: int | None = None) -> None:
    how: dict[str, Any] = {"consents": consents}
    await decisions.put_down(context, says, how if proposal is None else {**how, "proposal": proposal})


@router.entry("decision", about="decisions")
async def decision_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who decided what."""
    names = await telling.names(body["consents"])
    return T("{names} decided: {what}", names=names, what=await decisions.told(telling, body))


@router.command(
    "withdraw",
    allow=Authority.MEMBER,
    listed=False,
    label=T("Withdraw"),
    help=T("Take back a proposal of yours, by the number on its card."),
    asks={"number": Asks(T("Which one?"), _to_withdraw, T("You have no open proposal."))},
    confirm=_withdrawing,
)
async def withdraw(context: Context, *, number: Number) -> Reply:
    """The proposer changes their mind."""
    found = await _open(context, number)
    if found.proposer_id != context.member.id:
        raise Refusal(T("Only whoever proposed it can withdraw it."))
    await _close(context, found, "withdrawn")
    return Reply(T("Withdrawn: proposal {number}.", number=number), private=context.pressed)


@router.command("lapse", allow=Authority.CLOCK, typed=False, help=T("A proposal has waited long enough."))
async def lapse(context: Context, *, number: Number) -> None:
    """The time to agree is over."""
    found = await proposals.numbered(context.tx, context.committee.id, number)
    if found is None or found.state != "open":
        return
    command = context.commands.get(found.says.command)
    committee = await _facts(context, found.says, begun=found.made_at)
    if command is not None and _nobody_could(command, committee) is not None:
        # There was nobody to agree: it waits for them, and nothing of it is lost.
        waits = replace(found, expires_at=context.now + consent.ANSWER_WITHIN)
        await proposals.rule_by(context.tx, found.id, found.who, expires_at=waits.expires_at)
        await _plan_lapse(context, waits)
        return
    await _close(context, found, "lapsed")


def _nobody_could(command: Command, committee: consent.Committee) -> Words | None:
    """Why nobody could carry this now; None: somebody could."""
    try:
        _rule(command, committee)
    except Refusal as refusal:
        return refusal.words
    return None


async def _close(context: Context, found: Proposal, state: proposals.State) -> None:
    await proposals.close(context.tx, found.id, state)
    await _is_over(context, found)


async def _is_over(context: Context, found: Proposal) -> None:
    """Nothing more falls due for it, nobody is reminded of it, and its card says how it ended."""
    await due.cancel(context.tx, f"proposal:{found.id}")
    await due.cancel(context.tx, f"reminder:{found.id}")
    await nudges.withdraw(context.tx, _thing(found))
    await cards.changed(context.tx, _thing(found))


def _thing(found: Proposal) -> str:
    return Card("proposal", found.id).thing


@router.command("lapses_soon", allow=Authority.CLOCK, typed=False, help=T("A proposal will lapse in a day."))
async def lapses_soon(context: Context, *, number: Number) -> None:
    """Remind those whose consent is missing, once."""
    found = await proposals.numbered(context.tx, context.committee.id, number)
    if found is None or found.state != "open":
        return
    committee = await _facts(context, found.says, begun=found.made_at)
    consents = await proposals.consents(context.tx, found.id)
    what = await decisions.described(context.tx, context.committee, context.commands, found.says)
    words = T("Proposal {number} waits for you until {until}: {what}", number=number, until=found.expires_at, what=what)
    agree_ = Button(label=T("Agree"), says=agree.says(number=number))
    for id_ in sorted(committee.members - consents):
        member = await people.member(context.tx, context.committee.id, id_)
        if member is not None and consent.may_consent(found.who, committee, id_):
            await context.nudge(member, words, buttons=((agree_,),), key=_thing(found))


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """What was decided, and what can still be agreed to."""
    decided = [
        body["proposal"]
        for _, body in await entries.since(context.tx, context.committee.id, since.entry, "decision")
        if "proposal" in body
    ]
    told = []
    for number in decided:
        found = await proposals.numbered(context.tx, context.committee.id, number)
        if found is not None and found.state == "passed":
            what = await decisions.described(context.tx, context.committee, context.commands, found.says)
            told.append(Todo(words=T("Decided: {what}", what=what)))
    for id_ in (await proposals.open_ones(context.tx, context.committee.id))[:OPEN_TOLD_MAX]:
        found = await proposals.get(context.tx, context.committee.id, id_)
        assert found is not None
        what = await decisions.described(context.tx, context.committee, context.commands, found.says)
        words = T(
            "Open until {until}, proposal {number}: {what}", until=found.expires_at, number=found.number, what=what
        )
        label = T("Agree to {number}", number=found.number)
        told.append(Todo(words=words, buttons=(Button(label=label, says=agree.says(number=found.number)),)))
    return told


@router.card("proposal")
async def proposal_card(view: View, ref: int) -> Shown | None:
    """What is proposed, who has agreed, and what came of it."""
    found = await proposals.get(view.tx, view.committee.id, ref)
    if found is None:
        return None
    what = await decisions.described(view.tx, view.committee, view.commands, found.says)
    proposer = await _name(view, found.proposer_id)
    heading = T("Proposal {number} by {name}: {what}", number=found.number, name=proposer, what=what)
    consents = await proposals.consents(view.tx, found.id)
    names = Listed(tuple([await _name(view, member) for member in sorted(consents)]))
    agreed = T("Agreed: {names}.", names=names) if consents else None
    if found.state != "open":
        return Shown(lines(heading, agreed, _closed(found)))
    committee = await _facts(view, found.says, begun=found.made_at)
    label = T("Agree")
    button = Button(label=label, says=agree.says(number=found.number))
    command = view.commands.get(found.says.command)
    if command is not None and (why := _nobody_could(command, committee)) is not None:
        return Shown(lines(heading, agreed, T("This waits."), why), buttons=((button,),))
    who = _rule(command, committee).who if command is not None else found.who
    missing = consent.missing(who, committee, consents)
    needs = (
        T("Enough people have agreed now. Whoever of them chooses “{choice}” again has it done.", choice=label)
        if missing == 0
        else N(
            "{n} more member must agree, by {until}.",
            "{n} more members must agree, by {until}.",
            missing,
            until=found.expires_at,
        )
        if who == "members"
        else N(
            "{n} more organizer must agree, by {until}.",
            "{n} more organizers must agree, by {until}.",
            missing,
            until=found.expires_at,
        )
    )
    return Shown(
        lines(heading, agreed, needs),
        buttons=((button,),),
    )


def _closed(found: Proposal) -> Words:
    match found.state:
        case "passed":
            return T("Decided and done.")
        case "failed":
            return T("Decided, but it could not be carried out: {why}", why=found.outcome or "")
        case "withdrawn":
            return T("Withdrawn.")
        case _:
            return T("Lapsed: not enough people agreed in time. It can be proposed again.")


async def _name(view: View, member_id: int) -> str:
    member = await people.member(view.tx, view.committee.id, member_id)
    assert member is not None
    return member.name


async def _open(context: Context, number: int) -> Proposal:
    found = await proposals.numbered(context.tx, context.committee.id, number)
    if found is None:
        raise Refusal(T("There is no proposal {number} here. Its card shows the number.", number=number))
    if found.state != "open":
        raise Refusal(T("Proposal {number} is not open any more.", number=number))
    return found
