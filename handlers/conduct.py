"""When it goes wrong between people: care, suspending, excluding, and appeals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bot.arguments import Note, Number, Person, PersonKind
from bot.chat import Button, Card, Lane, Reply, Saying
from bot.domain import conduct as rules
from bot.domain import consent
from bot.router import Authority, Context, Router, Telling, Todo, Where
from bot.text import Refusal, T, Text, Typed, Words, lines
from storage import cards, due, entries, members, notes, nudges, people, proposals
from storage import conduct as cases
from storage.conduct import Care, Case
from storage.database import Transaction
from storage.people import Committee, Member

router = Router("conduct", title=T("When something is wrong"))

AFTER_PROPOSAL = timedelta(minutes=1)
"""What follows when nothing was decided comes after the proposal has lapsed."""


class _AnybodyKind(PersonKind):
    """Somebody who is or was a member: what was decided about them is still told when they have gone."""

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Member:
        found = await people.member_now(tx, committee.id, self._adapter.validate_python(data)) if committee else None
        if found is None:
            raise Refusal(T("That person is not a member any more."))
        return found


Anybody = Annotated[Member, _AnybodyKind()]


# --- suspending ------------------------------------------------------------------------------------------------


@router.command(
    "suspend",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    help=T("Two organizers together suspend somebody for 7 days, with a reason that only they are told."),
    sample=("@dan", T("threatened people at the market")),
)
async def suspend(context: Context, *, who: Person, reason: Note) -> Reply | Card | None:
    """Ask the organizers to suspend somebody; soon after the last time, ask everybody."""
    if who.id == context.member.id:
        raise Refusal(T("You cannot do that to yourself. To go away for a while, use {leave}.", leave=Typed("/leave")))
    if rules.is_suspended(who.suspended_until, now=context.now):
        raise Refusal(T("{name} is suspended already, until {until}.", name=who.name, until=who.suspended_until or ""))
    case = await _asked(context, who, "suspension")
    if case is None:
        last = await cases.last_suspended(context.tx, who.id)
        case = await _open(context, who, "suspension", reason, majority=rules.needs_majority(last, now=context.now))
        if not case.majority:
            await _tell_organizers(context, who, case, reason)
    carried = (suspended_again if case.majority else suspended).says(who=who, case=case.number)
    return await context.say(carried, authority=context.authority)


async def _tell_organizers(context: Context, who: Member, case: Case, reason: str) -> None:
    words = T(
        "{name} asks you to suspend {who} for 7 days: “{reason}” Whoever agrees says so in the group.",
        name=context.member.name,
        who=who.name,
        reason=reason,
    )
    for organizer in await people.organizers(context.tx, context.committee.id):
        suspended_too = rules.is_suspended(organizer.suspended_until, now=context.now)
        if organizer.id not in (context.member.id, who.id) and not suspended_too:
            await context.tell(organizer, words, about=(case.reason,))


def _suspension(*, who: Member, case: int) -> Text:
    return T("{who} is suspended for 7 days. The reason: {case}", who=who.name, case=Typed("/case", str(case)))


async def _suspended(context: Context, who: Member, number: int) -> Reply:
    case = await _case(context, number, "asked")
    _still_here(who)
    until = context.now + rules.SUSPENDED_FOR
    await cases.suspend(context.tx, who.id, until=until)
    await cases.decided(context.tx, case, now=context.now)
    await _plan(context, f"suspension:{case.id}", suspension_over.says(number=number), until)
    await entries.append(context.tx, context.committee, "suspended", _body(context, case), now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)
    reason = await notes.of(context.tx, case.reason)
    await context.tell(
        who,
        lines(
            T("You are suspended in {committee} until {until}.", committee=context.committee.name, until=until),
            T("The reason: “{reason}”", reason=reason) if reason else None,
            T(
                "Your hours stay yours. Is it wrong? Say so here, and everybody decides: {appeal}",
                appeal=Typed("/appeal", T("it was not like that")),
            ),
        ),
        lane=Lane.ANSWER,
        about=(case.reason,),
    )
    return await _announced(
        context, T("{name} is suspended until {until}. It ends by itself.", name=who.name, until=until)
    )


@router.command(
    "suspended",
    allow=Authority.TWO,
    typed=False,
    help=T("Suspend somebody."),
    proposal=_suspension,
    concerns="who",
)
async def suspended(context: Context, *, who: Anybody, case: Number) -> Reply:
    """Two organizers have agreed."""
    return await _suspended(context, who, case)


@router.command(
    "suspended_again",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Suspend somebody."),
    proposal=_suspension,
    concerns="who",
    majority=True,
)
async def suspended_again(context: Context, *, who: Anybody, case: Number) -> Reply:
    """Soon after the last time: the majority has agreed."""
    return await _suspended(context, who, case)


@router.command("suspension_over", allow=Authority.CLOCK, typed=False, help=T("A suspension ends."))
async def suspension_over(context: Context, *, number: Number) -> None:
    """It ends by itself."""
    case = await cases.numbered(context.tx, context.committee.id, number)
    if case is not None and case.state == "in_force":
        await _lift(context, case)


@router.command(
    "unsuspend",
    allow=Authority.MEMBER,
    within="suspend",
    help=T("End a suspension: the organizer who asked for it, or two organizers together."),
    sample=("@dan",),
)
async def unsuspend(context: Context, *, who: Person) -> Reply | Card | None:
    """Who asked for it may end it; else two organizers do, or the majority where it decided."""
    running = await cases.running(context.tx, who.id)
    case = next((one for one in running if (one.kind, one.state) == ("suspension", "in_force")), None)
    if case is None:
        raise Refusal(T("{name} is not suspended.", name=who.name))
    if not case.majority and case.opener_id == context.member.id and "organizer" in context.roles:
        return Reply(await _lift(context, case, but=context.place))
    carried = (lifted_by_all if case.majority else lifted).says(who=who, case=case.number)
    return await context.say(carried, authority=context.authority)


def _lifting(*, who: Member, case: int) -> Text:
    return T(
        "The suspension of {who} ends now. What it was about: {case}", who=who.name, case=Typed("/case", str(case))
    )


@router.command(
    "lifted", allow=Authority.TWO, typed=False, help=T("End a suspension."), proposal=_lifting, concerns="who"
)
async def lifted(context: Context, *, who: Anybody, case: Number) -> Reply:
    """Two organizers have agreed."""
    assert who.committee_id == context.committee.id
    return Reply(await _lift(context, await _case(context, case, "in_force"), but=context.place))


@router.command(
    "lifted_by_all",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("End a suspension."),
    proposal=_lifting,
    concerns="who",
    majority=True,
    while_suspended=True,
)
async def lifted_by_all(context: Context, *, who: Anybody, case: Number) -> Reply:
    """The majority has agreed."""
    assert who.committee_id == context.committee.id
    return Reply(await _lift(context, await _case(context, case, "in_force"), but=context.place))


async def _lift(context: Context, case: Case, *, but: people.Place | None = None) -> Words:
    """End a suspension; returns what every group hears, `but` the one where it is answered."""
    who = await people.member(context.tx, case.committee_id, case.member_id)
    assert who is not None
    await cases.suspend(context.tx, who.id, until=None)
    await cases.move_on(context.tx, case, "over")
    await due.cancel(context.tx, f"suspension:{case.id}")
    await entries.append(context.tx, context.committee, "lifted", _body(context, case), now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)
    words = T("{name} is not suspended any more.", name=who.name)
    if who.active:
        await context.tell(
            who, T("Your suspension in {committee} is over. All is as before.", committee=context.committee.name)
        )
        await context.announce(words, but=but)
    return words


# --- excluding -------------------------------------------------------------------------------------------------


@router.command(
    "exclude",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    help=T("Ask whether somebody has to leave: an organizer, or any two members. Then everybody decides."),
    sample=("@dan", T("threatened people at the market")),
)
async def exclude(context: Context, *, who: Person, reason: Note) -> Reply:
    """Open a case, or be the second to ask."""
    if who.id == context.member.id:
        raise Refusal(T("To leave the committee yourself, use {leave}.", leave=Typed("/leave")))
    running = [case for case in await cases.running(context.tx, who.id) if case.kind == "exclusion"]
    if under_way := next((case for case in running if case.state in ("heard", "voting")), None):
        raise Refusal(
            T(
                "Whether {name} stays is being decided already: {case}",
                name=who.name,
                case=Typed("/case", str(under_way.number)),
            )
        )
    case = await _asked(context, who, "exclusion")
    if case is not None:
        return await _seconded(context, who, case)
    case = await _open(context, who, "exclusion", reason, majority=True)
    if rules.may_open({context.member.id}, _organizing(context), concerned=who.id):
        await _give_notice(context, who, case)
        return Reply(
            T("{name} and the group have been told. You can take it back: {drop}", name=who.name, drop=_drop(case))
        )
    await context.announce(
        T("A member asks whether {name} has to leave the committee. One more has to ask it too.", name=who.name),
        buttons=((_why(case), Button(label=T("I ask it too"), says=ask_too.says(number=case.number))),),
    )
    return Reply(
        T(
            "I have asked in the group for one more member who asks the same. Your name is shown only when everybody "
            "decides, and your reason only to members, in private. You can take it back: {drop}",
            drop=_drop(case),
        )
    )


def _drop(case: Case) -> Typed:
    return Typed("/drop", str(case.number))


def _organizing(context: Context) -> frozenset[int]:
    return frozenset({context.member.id} if "organizer" in context.roles else ())


def _why(case: Case) -> Button:
    return Button(label=T("Why?"), says=about.says(number=case.number))


@router.command("ask_too", allow=Authority.MEMBER, typed=False, help=T("Ask the same about somebody."))
async def ask_too(context: Context, *, number: Number) -> Reply:
    """Be the second."""
    case = await _case(context, number, "asked")
    who = await people.member(context.tx, context.committee.id, case.member_id)
    assert who is not None
    return await _seconded(context, who, case)


async def _seconded(context: Context, who: Member, case: Case) -> Reply:
    if context.member.id == who.id:
        raise Refusal(T("This is about you, so the others decide it."), private=True)
    if not rules.may_open({case.opener_id, context.member.id}, _organizing(context), concerned=who.id):
        raise Refusal(T("You have asked it already. Somebody else has to ask it too."), private=True)
    _still_here(who)
    if context.now - case.opened_at > rules.DECIDED_WITHIN:
        raise Refusal(
            T("That was asked too long ago. Ask it anew: {exclude}", exclude=Typed("/exclude", "@dan", "..."))
        )
    if case.opener_id != context.member.id:
        await cases.second(context.tx, case, context.member.id)
    await _give_notice(context, who, case)
    return Reply(T("{name} and the group have been told.", name=who.name), private=True)


async def _give_notice(context: Context, who: Member, case: Case) -> None:
    """Tell the person and the group; from now on there is time to reply."""
    until = context.now + rules.REPLY_WITHIN
    await cases.move_on(context.tx, case, "heard")
    await _plan(context, f"case:{case.id}", case_heard.says(number=case.number), until)
    await entries.append(context.tx, context.committee, "notice", _body(context, case, anonymous=True), now=context.now)
    reason = await notes.of(context.tx, case.reason)
    await context.tell(
        who,
        lines(
            T("The members of {committee} are asked whether you have to leave.", committee=context.committee.name),
            T("The reason: “{reason}”", reason=reason) if reason else None,
            T(
                "Until {until} you can say something to it, and everybody reads it before they decide: {reply}",
                until=until,
                reply=Typed("/reply", T("it was not like that")),
            ),
            T("Until it is decided you stay a member. More than half of the others have to agree."),
        ),
        lane=Lane.ANSWER,
        about=(case.reason,),
    )
    await context.announce(
        T(
            "The members are asked whether {name} has to leave the committee. First {name} can say something to it, "
            "until {until}. Then all who have a vote decide.",
            name=who.name,
            until=until,
        ),
        buttons=((_why(case),),),
    )


@router.command(
    "reply",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    listed=False,
    while_suspended=True,
    help=T("Say something to it when the others are asked whether you have to leave."),
    sample=(T("it was not like that"),),
)
async def reply(context: Context, *, words: Note) -> Reply:
    """What the person concerned says; shown to everybody with the decision."""
    running = await cases.running(context.tx, context.member.id)
    case = next((one for one in running if one.state in ("heard", "voting")), None)
    if case is None:
        raise Refusal(T("Nobody asks that about you now, so there is nothing to reply to."))
    if await notes.of(context.tx, case.reply) is not None:
        raise Refusal(T("You have replied already: everybody reads your first words."))
    digest = await notes.keep(context.tx, f"reply:{case.id}", words)
    await entries.append(context.tx, context.committee, "reply", _body(context, case, words=digest), now=context.now)
    if case.state == "voting":
        await context.announce(_replied(context.member, words))
        return Reply(T("Thank you. The members have read it in the group."))
    return Reply(T("Thank you. Everybody reads it before they decide."))


def _replied(who: Member, words: str | None) -> Text:
    if not words:
        return T("{name} has not said anything to it.", name=who.name)
    return T("{name} says to it: “{words}”", name=who.name, words=words)


@router.command("case_heard", allow=Authority.CLOCK, typed=False, help=T("The time to reply is over."))
async def case_heard(context: Context, *, number: Number) -> None:
    """Now the members decide."""
    case = await cases.numbered(context.tx, context.committee.id, number)
    if case is None or case.state != "heard":
        return
    who = await people.member(context.tx, context.committee.id, case.member_id)
    opener = await people.member_now(context.tx, context.committee.id, case.opener_id)
    assert who is not None
    assert opener is not None
    if not who.active:
        await cases.move_on(context.tx, case, "dropped")
        await entries.append(context.tx, context.committee, "dropped", _body(context, case), now=context.now)
        return
    await cases.move_on(context.tx, case, "voting")
    end = context.now + rules.DECIDED_WITHIN + AFTER_PROPOSAL
    await _plan(context, f"case:{case.id}", undecided.says(number=number), end)
    await context.announce(_replied(who, await notes.of(context.tx, case.reply)), buttons=((_why(case),),))
    # Asked in the name of whoever opened it, wherever they are by now.
    asking = replace(context, of_member=replace(opener, suspended_until=None))
    answer = await asking.say(excluded.says(who=who, case=number), authority=Authority.MEMBER)
    assert isinstance(answer, Card)
    await context.show(answer)


@router.command(
    "excluded",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Somebody has to leave."),
    proposal=lambda *, who, case: T(
        "{who} has to leave the committee. The reason: {case}", who=who.name, case=Typed("/case", str(case))
    ),
    concerns="who",
    majority=True,
)
async def excluded(context: Context, *, who: Anybody, case: Number) -> Reply:
    """The majority has agreed."""
    found = await _case(context, case, "voting")
    _still_here(who)
    await people.leave(context.tx, who.id, now=context.now)
    await cases.quieten(context.tx, who)
    await cases.decided(context.tx, found, now=context.now)
    await due.cancel(context.tx, f"case:{found.id}")
    await entries.append(context.tx, context.committee, "excluded", _body(context, found), now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)
    await context.tell(
        who,
        lines(
            T("{committee} has decided that you are not a member any more.", committee=context.committee.name),
            T(
                "Your hours stay in the books. Is it wrong? Within 30 days you can ask everybody once more: {appeal}",
                appeal=Typed("/appeal", T("it was not like that")),
            ),
        ),
        lane=Lane.ANSWER,
    )
    return await _announced(context, T("{name} is not a member any more. The hours stay in the books.", name=who.name))


@router.command("undecided", allow=Authority.CLOCK, typed=False, help=T("The time to decide is over."))
async def undecided(context: Context, *, number: Number) -> None:
    """Too few have agreed: nobody is excluded."""
    case = await cases.numbered(context.tx, context.committee.id, number)
    if case is not None and case.state == "voting":
        await _close(context, case)


@router.command(
    "drop",
    allow=Authority.MEMBER,
    listed=False,
    help=T("Take back what you asked about somebody, by the number of the case."),
    sample=("1",),
)
async def drop(context: Context, *, number: Number) -> Reply:
    """Whoever opened a case withdraws it."""
    case = await _case(context, number, "asked", "heard", "voting")
    if case.opener_id != context.member.id:
        raise Refusal(T("Only whoever asked it can take it back."), private=True)
    await _close(context, case)
    return Reply(T("Taken back."), private=True)


async def _close(context: Context, case: Case) -> None:
    """The case ends without a decision against anybody."""
    who = await people.member(context.tx, context.committee.id, case.member_id)
    assert who is not None
    await cases.move_on(context.tx, case, "dropped")
    await due.cancel(context.tx, f"case:{case.id}")
    await entries.append(context.tx, context.committee, "dropped", _body(context, case), now=context.now)
    for command in (excluded, suspended, suspended_again):
        asked = await proposals.same_open(context.tx, context.committee.id, command.says(who=who, case=case.number))
        if asked is not None:
            await proposals.close(context.tx, asked, "withdrawn")
            await due.cancel(context.tx, f"proposal:{asked}")
            await due.cancel(context.tx, f"reminder:{asked}")
            await nudges.withdraw(context.tx, Card("proposal", asked).thing)
            await cards.changed(context.tx, Card("proposal", asked).thing)
    if case.state in ("heard", "voting") and who.active:
        await context.tell(who, T("It is closed: you stay in {committee}.", committee=context.committee.name))
        await context.announce(T("It is closed: {name} stays in the committee.", name=who.name))


@router.command(
    "case",
    allow=Authority.MEMBER,
    listed=False,
    while_suspended=True,
    repeatable=True,
    help=T("What is asked about somebody, and why. I tell you in private."),
    sample=("1",),
)
async def about(context: Context, *, number: Number) -> Reply:
    """The reason, the reply and the appeal: for those who decide, and for the person concerned."""
    case = await _case(context, number, "asked", "heard", "voting", "in_force", "over", "dropped")
    # Whoever is suspended decides nothing meanwhile, and so reads no reason about others.
    decides = case.majority and not rules.is_suspended(context.member.suspended_until, now=context.now)
    may = decides or context.member.id in (case.member_id, case.opener_id) or "organizer" in context.roles
    if not may:
        raise Refusal(T("The reason is for the organizers and the person concerned."), private=True)
    who = await people.member(context.tx, context.committee.id, case.member_id)
    assert who is not None
    reason, replied, appealed = [await notes.of(context.tx, x) for x in (case.reason, case.reply, case.appeal)]
    return Reply(
        lines(
            T("Whether {name} has to leave.", name=who.name)
            if case.kind == "exclusion"
            else T("Whether {name} is suspended.", name=who.name),
            T("The reason: “{reason}”", reason=reason) if reason else T("The reason has been erased."),
            T("{name} says to it: “{words}”", name=who.name, words=replied) if replied else None,
            T("{name} says that it is wrong: “{words}”", name=who.name, words=appealed) if appealed else None,
        ),
        private=True,
        about=(case.reason, case.reply, case.appeal),
    )


# --- appeals ---------------------------------------------------------------------------------------------------


@router.command(
    "appeal",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    # Whoever it is for is told of it; to everybody else it would say nothing.
    listed=False,
    while_suspended=True,
    help=T("Say that a decision about you is wrong: everybody decides once more."),
    sample=(T("it was not like that"),),
)
async def appeal(context: Context, *, words: Note) -> None:
    """For whoever is suspended or was excluded: one new decision by the majority."""
    assert context.person is not None
    case = await _appealable(context)
    committee = await people.committee(context.tx, case.committee_id)
    who = await people.member(context.tx, committee.id, case.member_id)
    assert who is not None
    there = replace(context, of_committee=committee, of_member=who, roles=frozenset())
    digest = await notes.keep(context.tx, f"appeal:{case.id}", words)
    await cases.appealed(context.tx, case, now=context.now)
    await entries.append(there.tx, there.committee, "appeal", _body(there, case, words=digest), now=there.now)
    command = readmitted if case.kind == "exclusion" else lifted_by_all
    if case.kind == "exclusion":
        end = context.now + rules.DECIDED_WITHIN + AFTER_PROPOSAL
        await _plan(there, f"appeal:{case.id}", appeal_over.says(number=case.number), end)
    await there.announce(T("{name} says that the decision was wrong: “{words}”", name=who.name, words=words))
    await there.say(command.says(who=who, case=case.number), authority=Authority.MEMBER)
    # In the committee's language, of which whoever is no member any more hears nothing else.
    await there.tell(
        who,
        T("I have asked everybody in {committee} once more. I tell you what they decide.", committee=committee.name),
        lane=Lane.ANSWER,
    )
    return


async def _appealable(context: Context) -> Case:
    assert context.person is not None
    found = await cases.in_force_against(context.tx, context.person.id)
    here = context.of_committee.id if context.of_committee is not None else None
    # Where somebody is in several, the committee where it is said comes first.
    found.sort(key=lambda case: case.committee_id != here)
    for case in found:
        assert case.decided_at is not None
        if rules.may_appeal(case.decided_at, appealed=case.appealed_at is not None, now=context.now):
            return case
    raise Refusal(
        T("There is no decision about you that you can appeal. It can be done once, within 30 days."), private=True
    )


@router.command(
    "readmitted",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Somebody comes back."),
    proposal=lambda *, who, case: T(
        "{who} comes back into the committee. What it was about: {case}", who=who.name, case=Typed("/case", str(case))
    ),
    concerns="who",
    majority=True,
)
async def readmitted(context: Context, *, who: Anybody, case: Number) -> Reply:
    """The majority has changed its mind."""
    found = await _case(context, case, "in_force")
    await cases.readmit(context.tx, who.id)
    await cases.move_on(context.tx, found, "over")
    await due.cancel(context.tx, f"appeal:{found.id}")
    await entries.append(context.tx, context.committee, "readmitted", _body(context, found), now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)
    await context.tell(who, T("You are in {committee} again, with your hours.", committee=context.committee.name))
    return await _announced(context, T("{name} is in the committee again.", name=who.name))


@router.command("appeal_over", allow=Authority.CLOCK, typed=False, help=T("The time to decide is over."))
async def appeal_over(context: Context, *, number: Number) -> None:
    """The decision stands."""
    case = await _case(context, number, "in_force")
    who = await people.member(context.tx, context.committee.id, case.member_id)
    assert who is not None
    await context.tell(who, T("{committee} has not changed its decision.", committee=context.committee.name))


# --- care ------------------------------------------------------------------------------------------------------


@router.command(
    "care",
    allow=Authority.MEMBER,
    while_suspended=True,
    label=T("Ask for care"),
    help=T("Something is wrong between people: two members hear of it in private, nobody else."),
    sample=(T("something happened at the market"),),
)
async def care(context: Context, *, words: Note = "") -> Reply:
    """Reach two people, in turn, who are not the one it is about. Whoever is named is not asked."""
    if not words:
        return Reply(
            lines(
                T(
                    "Is something wrong between people? Write it to me in private, and two members hear of it, "
                    "nobody else: {example}",
                    example=Typed("/care", T("something happened at the market")),
                ),
                T("Whoever you name is not asked."),
            ),
            private=True,
        )
    possible = await cases.possible_carers(context.tx, context.committee.id, now=context.now)
    never = {context.member.id, *(one.id for one in possible if rules.named(words, one.names))}
    chosen = rules.carers(possible, words, never=never, count=rules.CARERS_ASKED)
    if not chosen:
        raise Refusal(
            T(
                "I cannot reach anybody in private whom you have not named. Nobody has read this. "
                "Talk to somebody you trust."
            ),
            private=True,
        )
    request = await cases.ask_care(context.tx, context.committee.id, context.member.id, never=never, now=context.now)
    await notes.keep(context.tx, f"care:{request.id}", words)
    for member_id in chosen:
        await _ask_carer(context, request, member_id, words)
    group = not context.in_private
    return Reply(
        lines(
            T("Two members have it now and will write to you. Nobody else reads it.")
            if len(chosen) == rules.CARERS_ASKED
            else T("One member has it now and will write to you. Nobody else reads it."),
            T("You wrote it in the group: delete your message there if it is not for everybody.") if group else None,
        ),
        private=True,
    )


async def _ask_carer(context: Context, request: Care, member_id: int, words: str) -> None:
    await cases.asked_for_care(context.tx, request, member_id, now=context.now)
    carer = await people.member(context.tx, context.committee.id, member_id)
    writer = await people.member_now(context.tx, context.committee.id, request.writer_id)
    assert carer is not None
    assert writer is not None
    await context.tell(
        carer,
        T(
            "{name} in {committee} asks for care: “{words}”",
            name=writer.name,
            committee=context.committee.name,
            words=words,
        ),
        lane=Lane.ANSWER,
        buttons=(_care_buttons(request, member_id),),
        about=(request.thing,),
    )


def _care_buttons(request: Care, member_id: int) -> tuple[Button, ...]:
    return (
        Button(label=T("I take it"), says=take_care.says(number=request.number), only=member_id),
        Button(label=T("I cannot"), says=pass_care.says(number=request.number), only=member_id),
    )


@router.command("take_care", allow=Authority.MEMBER, typed=False, help=T("See to a request for care."))
async def take_care(context: Context, *, number: Number) -> Reply:
    """One sees to it; the other and the writer are told."""
    request, writer = await _request(context, number)
    await cases.take_care(context.tx, request, context.member.id)
    for other_id, passed in (await cases.carers_of(context.tx, request)).items():
        other = await people.member(context.tx, context.committee.id, other_id)
        if other is not None and other.active and other.id != context.member.id and not passed:
            await context.tell(
                other, T("{name} sees to what {writer} wrote.", name=context.member.name, writer=writer.name)
            )
    await context.tell(writer, T("{name} sees to it and will write to you.", name=context.member.name))
    return Reply(T("Thank you. Write to {name} now.", name=writer.name), private=True)


@router.command("pass_care", allow=Authority.MEMBER, typed=False, help=T("Let somebody else see to it."))
async def pass_care(context: Context, *, number: Number) -> Reply:
    """The next one is asked, never whoever it is about."""
    request, writer = await _request(context, number)
    await cases.pass_care(context.tx, request, context.member.id)
    words = await notes.of(context.tx, request.thing)
    asked = await cases.carers_of(context.tx, request)
    possible = await cases.possible_carers(context.tx, context.committee.id, now=context.now)
    following = rules.carers(possible, words or "", never=request.never | asked.keys(), count=1)
    if words is not None and following:
        await _ask_carer(context, request, following[0], words)
        return Reply(T("That is fine: I ask somebody else."), private=True)
    if all(asked[one] for one in asked if one != context.member.id):
        await context.tell(writer, T("Nobody can see to what you wrote just now. Talk to somebody you trust."))
    return Reply(T("That is fine. I know nobody else whom I could ask."), private=True)


async def _request(context: Context, number: int) -> tuple[Care, Member]:
    request = await cases.care_numbered(context.tx, context.committee.id, number)
    asked = await cases.carers_of(context.tx, request) if request else {}
    if request is None or asked.get(context.member.id, True):
        raise Refusal(T("That does not wait for you any more."), private=True)
    if request.taker_id is not None:
        raise Refusal(T("Somebody sees to it already."), private=True)
    writer = await people.member_now(context.tx, context.committee.id, request.writer_id)
    assert writer is not None
    return request, writer


# --- what waits ------------------------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> Sequence[Todo]:
    """Requests for care, a reply, and decisions about others."""
    found = [
        Todo(words=T("Somebody asks for care and waits for you."), buttons=_care_buttons(request, context.member.id))
        for request in await cases.care_waiting(context.tx, context.member.id)
    ]
    voters = await people.facts(context.tx, context.committee.id, now=context.now)
    for case in await cases.undecided(context.tx, context.committee.id):
        who = await people.member(context.tx, context.committee.id, case.member_id)
        assert who is not None
        if case.member_id == context.member.id:
            if case.state != "asked" and await notes.of(context.tx, case.reply) is None:
                words = T("The others are asked whether you have to leave. Say something to it: {reply}", reply=_REPLY)
                found.append(
                    Todo(words=words, by=case.opened_at + rules.REPLY_WITHIN if case.state == "heard" else None)
                )
        elif case.state == "voting" and consent.may_consent("members", voters, context.member.id):
            asked = await proposals.same_open(
                context.tx, context.committee.id, excluded.says(who=who, case=case.number)
            )
            # Whoever came in since then has no vote in it.
            done = await people.joined_after(context.tx, context.committee.id, case.opened_at)
            done |= await proposals.consents(context.tx, asked) if asked is not None else set()
            if asked is not None and context.member.id not in done:
                open_ = await proposals.get(context.tx, context.committee.id, asked)
                assert open_ is not None
                agree = Button(label=T("Agree"), says=Saying(command="agree", arguments={"number": open_.number}))
                words = T("Decide whether {name} has to leave the committee.", name=who.name)
                found.append(Todo(words=words, buttons=(_why(case), agree), by=open_.expires_at))
    return found


_REPLY = Typed("/reply", T("it was not like that"))


# --- the log ---------------------------------------------------------------------------------------------------


@router.entry("case", about="members")
async def case_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Something is asked about somebody."""
    name = await telling.name(body["member"])
    if body["about"] == "suspension":
        return T("It was asked whether {name} is suspended.", name=name)
    return T("It was asked whether {name} has to leave.", name=name)


@router.entry("notice", about="members")
async def notice_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """They have been told."""
    return T("{name} was told that it is asked, and may reply.", name=await telling.name(body["member"]))


@router.entry("reply", about="members")
async def reply_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """They have replied."""
    return T("{name} replied.", name=await telling.name(body["member"]))


@router.entry("suspended", about="members")
async def suspended_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A suspension begins."""
    return T("{name} was suspended for 7 days.", name=await telling.name(body["member"]))


@router.entry("lifted", about="members")
async def lifted_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A suspension ends."""
    return T("The suspension of {name} ended.", name=await telling.name(body["member"]))


@router.entry("excluded", about="members")
async def excluded_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A membership ends."""
    return T("{name} was excluded.", name=await telling.name(body["member"]))


@router.entry("dropped", about="members")
async def dropped_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A case is closed without a decision."""
    return T("What was asked about {name} was closed without a decision.", name=await telling.name(body["member"]))


@router.entry("appeal", about="members")
async def appeal_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """The decision is asked about once more."""
    return T("{name} asked everybody once more.", name=await telling.name(body["member"]))


@router.entry("readmitted", about="members")
async def readmitted_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody is back."""
    return T("{name} came back by decision of the members.", name=await telling.name(body["member"]))


# --- shared ----------------------------------------------------------------------------------------------------


async def _open(context: Context, who: Member, kind: cases.Kind, reason: str, *, majority: bool) -> Case:
    case = await cases.open_(
        context.tx,
        context.committee.id,
        kind,
        who.id,
        opener_id=context.member.id,
        majority=majority,
        now=context.now,
    )
    words = await notes.keep(context.tx, f"case:{case.id}", reason)
    await entries.append(
        context.tx, context.committee, "case", _body(context, case, words=words, anonymous=True), now=context.now
    )
    return case


async def _asked(context: Context, who: Member, kind: cases.Kind) -> Case | None:
    """The case in which the very same is asked just now."""
    for case in await cases.running(context.tx, who.id):
        recent = context.now - case.opened_at < rules.DECIDED_WITHIN
        if case.kind == kind and case.state == "asked" and recent:
            return case
    return None


async def _case(context: Context, number: int, *states: cases.State) -> Case:
    case = await cases.numbered(context.tx, context.committee.id, number)
    if case is None:
        raise Refusal(T("There is no case {number} here.", number=number))
    if case.state not in states:
        raise Refusal(T("That is closed already."))
    return case


def _still_here(who: Member) -> None:
    if not who.active:
        raise Refusal(T("{name} has left the committee already.", name=who.name))


def _body(context: Context, case: Case, *, words: str | None = None, anonymous: bool = False) -> dict[str, object]:
    """What goes into the chain: numbers, ids and the salted hash of words. `anonymous`: whoever asks is named with the
    decision, not before."""
    body: dict[str, object] = {"case": case.number, "about": case.kind, "member": case.member_id}
    if not anonymous and context.of_member is not None and context.authority is not Authority.CLOCK:
        body["by"] = context.member.id
    if words is not None:
        body["words"] = words
    return body


async def _plan(context: Context, key: str, says: Saying, at: datetime) -> None:
    await due.plan(
        context.tx,
        key,
        says,
        # An instant, not a time of day: a change of clocks does not move it.
        local=at.replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )


async def _announced(context: Context, words: Words) -> Reply:
    await context.announce(words, but=context.place)
    return Reply(words)
