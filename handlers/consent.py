"""What the committee decides: proposals, who agrees, and what then happens. Until polls exist."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.arguments import Carried, Number
from bot.chat import Button, Card, Reply, Saying, Shown
from bot.domain import consent
from bot.router import Asks, Authority, Command, Commands, Context, Router, Todo, View
from bot.text import Listed, N, Refusal, T, Text, Words, lines, shown
from storage import cards, due, entries, people, proposals
from storage.database import Transaction
from storage.people import Committee
from storage.proposals import Proposal

router = Router("consent", title=T("Decisions"))


@router.command("propose", allow=Authority.MEMBER, typed=False, help=T("Ask those who must agree."))
async def propose(context: Context, *, carried: Carried) -> Reply | Card | None:
    """A member said what needs the committee's authority: ask for it, or do it where nobody else need agree."""
    committee = await people.facts(context.tx, context.committee.id, now=context.now)
    command = context.commands.get(carried.command)
    assert command is not None
    rule = _rule(command, committee)
    # What could not be done anyway is refused now, not after others have agreed.
    await context.would(carried, authority=Authority.COMMITTEE)
    same = await proposals.same_open(context.tx, context.committee.id, carried)
    if same is not None:
        found = await proposals.get(context.tx, context.committee.id, same)
        assert found is not None
        if found.who == rule.who:
            return await _agree(context, found, committee)
        # Other people have to agree to it now: the new one takes its place.
        await _close(context, found, "lapsed")
    if consent.carried(rule.who, committee, {context.member.id}):
        body = {"command": carried.command, "consents": [context.member.id]}
        await entries.append(context.tx, context.committee, "decision", body, now=context.now)
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
    card = Card("proposal", found.id)
    if context.place is not None and context.place.private:
        await context.show(card)
        return Reply(T("That needs the others: I have asked in the group."))
    return card


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
                what=await _described(context.tx, context.committee, context.commands, found.says),
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
    what = await _described(context.tx, context.committee, context.commands, found.says)
    return lines(T("Proposal {number}: {what}", number=number, what=what), T("Do you agree?"))


async def _withdrawing(context: Context, *, number: int) -> Words:
    found = await _open(context, number)
    what = await _described(context.tx, context.committee, context.commands, found.says)
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
    return await _agree(context, found, await people.facts(context.tx, context.committee.id, now=context.now))


async def _agree(context: Context, found: Proposal, committee: consent.Committee) -> Reply | Card | None:
    command = context.commands.get(found.says.command)
    if command is not None and _rule(command, committee).who != found.who:
        raise Refusal(T("Since this was proposed, other people have to agree to it. Propose it again."))
    if not consent.may_consent(found.who, committee, context.member.id):
        raise Refusal(T("This is for the organizers to agree to. Talk to one of them."))
    if not await proposals.consent(context.tx, found.id, context.member.id, now=context.now):
        raise Refusal(T("You have agreed already. Somebody else has to agree too."))
    if await _is_carried(context, found, committee):
        return await _carry_out(context, found)
    await cards.changed(context.tx, f"proposal:{found.id}")
    return Reply(T("Thank you, noted."), private=context.pressed)


async def _is_carried(context: Context, found: Proposal, committee: consent.Committee) -> bool:
    return consent.carried(found.who, committee, await proposals.consents(context.tx, found.id))


async def _carry_out(context: Context, found: Proposal) -> Reply | Card | None:
    """Do what was agreed, in the committee's name; a refusal now is put on the card."""
    consents = sorted(await proposals.consents(context.tx, found.id))
    body = {"proposal": found.number, "command": found.says.command, "consents": consents}
    await entries.append(context.tx, context.committee, "decision", body, now=context.now)
    await due.cancel(context.tx, f"proposal:{found.id}")
    await cards.changed(context.tx, f"proposal:{found.id}")
    try:
        answer = await context.say(found.says, authority=Authority.COMMITTEE)
    except Refusal as refusal:
        why = shown(refusal.words, context.committee.reader)
        await proposals.close(context.tx, found.id, "failed", outcome=why)
        return Reply(T("Agreed, but it could not be carried out: {why}", why=why))
    await proposals.close(context.tx, found.id, "passed")
    return answer


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
    await _close(context, found, "lapsed")


async def _close(context: Context, found: Proposal, state: proposals.State) -> None:
    await proposals.close(context.tx, found.id, state)
    await due.cancel(context.tx, f"proposal:{found.id}")
    await cards.changed(context.tx, Card("proposal", found.id).thing)


@router.card("proposal")
async def proposal_card(view: View, ref: int) -> Shown | None:
    """What is proposed, who has agreed, and what came of it."""
    found = await proposals.get(view.tx, view.committee.id, ref)
    if found is None:
        return None
    what = await _described(view.tx, view.committee, view.commands, found.says)
    proposer = await _name(view, found.proposer_id)
    heading = T("Proposal {number} by {name}: {what}", number=found.number, name=proposer, what=what)
    consents = await proposals.consents(view.tx, found.id)
    names = Listed(tuple([await _name(view, member) for member in sorted(consents)]))
    agreed = T("Agreed: {names}.", names=names) if consents else None
    if found.state != "open":
        return Shown(lines(heading, agreed, _closed(found)))
    committee = await people.facts(view.tx, view.committee.id, now=view.now)
    missing = consent.missing(found.who, committee, consents)
    needs = (
        N(
            "{n} more member must agree, by {until}.",
            "{n} more members must agree, by {until}.",
            missing,
            until=found.expires_at,
        )
        if found.who == "members"
        else N(
            "{n} more organizer must agree, by {until}.",
            "{n} more organizers must agree, by {until}.",
            missing,
            until=found.expires_at,
        )
    )
    return Shown(
        lines(heading, agreed, needs),
        buttons=((Button(label=T("Agree"), says=agree.says(number=found.number)),),),
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


async def _described(tx: Transaction, committee: Committee, commands: Commands, says: Saying) -> Text:
    try:
        command, arguments = await commands.load(says, tx, committee)
    except Refusal:
        return T("something that does not exist any more")
    assert command.proposal is not None
    return command.proposal(**arguments)


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
