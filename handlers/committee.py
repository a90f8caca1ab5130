"""A committee's beginning, its members and its rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bot import linking
from bot.arguments import Allowance, Candidate, Days, Language, Note, Number, Zone, choice
from bot.chat import Button, Card, Link, Reply, Saying, Shown, network_of
from bot.domain import admission, ledger, offices
from bot.domain.admission import Admission
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View, Where
from bot.text import LANGUAGES, Bold, Day, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import cards, conduct, connections, due, entries, groups, members, notes, people, proposals, roll, rules
from storage.members import Agreement
from storage.people import Committee, Member

router = Router("committee", title=T("Committee"))

NAME_CHARACTERS_MAX = 60
NICKNAME_CHARACTERS_MAX = 30
ZONE_DEFAULT = "UTC"
_SET_UP = Button(label=T("Set up"), says=Saying(command="setup"))
_JOIN = Button(label=T("I'm in"), says=Saying(command="join"))
_BEFORE = Link(label=T("Before you begin"), says=Saying(command="before"))
_I_AGREE = T("I agree")


@router.command("hello", allow=Authority.ANYONE, typed=False, help=T("What I say when I come into a group."))
async def hello(context: Context) -> Reply:
    """The first words in a new group."""
    return Reply(
        lines(
            T(
                "Hello! I help this group to exchange help, hour for hour. "
                "Whoever manages the group chooses “{choice}” or types {setup}.",
                choice=_SET_UP.label,
                setup=Typed("/setup"),
            ),
            T(
                "Is your committee in another group already? Then an organizer types {connect} there first.",
                connect=Typed("/connect"),
            ),
        ),
        buttons=((_SET_UP,),),
    )


@router.command(
    "setup",
    allow=Authority.ANYONE,
    where=Where.GROUP,
    needs_rights=True,
    help=T("Make this group a committee. Whoever manages the group can do it."),
)
async def setup(context: Context) -> Card:
    """Found a committee in this group, with whoever says it as its first organizer."""
    assert context.place is not None
    assert context.chat is not None
    assert context.person is not None
    if context.of_committee is not None:
        raise Refusal(
            T(
                "This group is a committee already: {committee}. Type {join}.",
                committee=context.committee.name,
                join=Typed("/join"),
            )
        )
    if context.manages_chat is None:
        raise Refusal(T("I could not find out whether you manage this group. Try again in a minute."))
    if not context.manages_chat:
        raise Refusal(
            T(
                "Only somebody who manages this group can set it up. Ask one of them to type {setup}.",
                setup=Typed("/setup"),
            )
        )
    committee = await people.found_committee(
        context.tx,
        name=_name(context.chat.title) or context.person.name,
        language=context.language,
        zone=ZONE_DEFAULT,
        floor=ledger.FLOOR_DEFAULT,
        now=context.now,
    )
    await rules.put(context.tx, committee.id, proposals.DECIDED_BY, proposals.POLL)
    await people.settle_in(context.tx, context.place, committee.id, topic=context.chat.topic)
    member = await people.join(context.tx, committee.id, context.person, now=context.now)
    for role in ("founder", "organizer"):
        await people.give_role(context.tx, member.id, role, now=context.now)
    body = {
        "language": committee.language,
        "zone": committee.zone.key,
        "floor": committee.floor,
        "founder": member.id,
    }
    await entries.append(context.tx, committee, "founded", body, now=context.now)
    return _card(committee.id)


# --- the card ----------------------------------------------------------------------------------------------------


def _card(committee_id: int) -> Card:
    """The card that stands at the top of the committee's groups."""
    return Card("committee", committee_id, pinned=True)


@router.card("committee")
async def committee_card(view: View, ref: int) -> Shown | None:
    """What this is, how many have joined, how to, and at the beginning what comes next."""
    committee = view.committee
    if ref != committee.id:
        return None
    joined = await people.count_members(view.tx, committee.id)
    around = await members.people_around(view.tx, committee.id)
    organizers = await people.organizers(view.tx, committee.id)
    admission_rule = await members.admission_rule(view.tx, committee.id)
    agreement = await members.agreement(view.tx, committee.id)
    days = await members.newcomer_days(view.tx, committee.id)
    name = Bold(committee.name)
    join = _join_button(agreement)
    founder = (await people.facts(view.tx, committee.id, now=view.now)).founder
    # At the beginning, until there are two.
    first = organizers[0].name if [member.id for member in organizers] == [founder] else None
    return Shown(
        lines(
            T("{committee} is set up. {name} is its first organizer.", committee=name, name=first)
            if first is not None
            else T("{title}", title=name),
            # Some have no account of their own; then a number out of another one would make no sense.
            T("Joined: {n} of {total}", n=joined, total=around)
            if around is not None and around >= joined
            else T("Joined: {n}", n=joined),
            _HOW[admission_rule](join.label),
            _newcomers(days),
            T("Whoever joins agrees to this: {text}", text=agreement.words) if agreement is not None else None,
            T("Then {name} appoints a second organizer: {command}", name=first, command=Typed("/organizer @ben"))
            if first is not None
            else None,
            T(
                "Language: {language}. Time zone: {zone}. Change them with {settings}.",
                language=LANGUAGES[committee.language],
                zone=committee.zone.key,
                settings=Typed("/settings"),
            )
            if first is not None
            else None,
            T(
                "I may not pin this message. Whoever manages the group can pin it, or let me do it: "
                "as an administrator on Telegram, as a moderator on Matrix."
            )
            if first is not None and await cards.lacks_pin(view.tx, _card(committee.id).thing)
            else None,
        ),
        buttons=((join,), (_BEFORE,)) if first is not None else ((join,),),
    )


def _join_button(agreement: Agreement | None) -> Button:
    if agreement is None:
        return _JOIN
    return Button(label=T("I agree, and I'm in"), says=agree_and_join.says(number=agreement.number))


_HOW: Mapping[Admission, Callable[[Text | str], Text]] = {
    "open": lambda choice: T("Whoever wants to take part chooses “{choice}”. Nothing else is needed.", choice=choice),
    "vouched": lambda choice: T(
        "Whoever wants to take part chooses “{choice}”; then a member vouches for them.", choice=choice
    ),
    "decided": lambda choice: T(
        "Whoever wants to take part chooses “{choice}”; then the committee decides.", choice=choice
    ),
}


def _newcomers(days: int | None) -> Text | None:
    return (
        N("New members have no vote in the first {n} day.", "New members have no vote in the first {n} days.", days)
        if days
        else None
    )


@router.command("recount", allow=Authority.CLOCK, typed=False, help=T("The committee's card is brought up to date."))
async def recount(context: Context) -> None:
    """Somebody has come or gone a moment ago, or agreed."""
    await cards.changed(context.tx, _card(context.committee.id).thing)
    found = await members.agreement(context.tx, context.committee.id)
    if found is not None:
        await cards.changed(context.tx, Card("agreement", found.id).thing)


@router.command(
    "before",
    allow=Authority.ANYONE,
    listed=False,
    help=T("What a group should think about before it records anything."),
    repeatable=True,
)
async def before(context: Context) -> Reply:
    """Data protection, benefits and tax, workplace rules: in plain words, and no legal advice."""
    return Reply(
        lines(
            T("{title}", title=Bold(T("Before you begin"))),
            T(
                "Data protection: I keep names, hours and what is written to me. Tell everybody so before they join, "
                "and write down nothing about anybody's health, papers or money."
            ),
            T(
                "Benefits and tax: helping each other is not paid work. Still, some offices count hours, above all for "
                "what somebody does as a job. Whoever gets benefits asks an advice centre first."
            ),
            T(
                "Workplace: do not use the employer's devices, accounts or networks. Find out which rules protect "
                "those who organize, and who may see that they do."
            ),
            T("This is not legal advice; laws differ from place to place. Talk about it together."),
        ),
        private=True,
    )


# --- coming in ---------------------------------------------------------------------------------------------------


@router.command(
    "join", allow=Authority.ANYONE, where=Where.GROUP, help=T("Become a member of the committee of this group.")
)
async def join(context: Context) -> Reply | Card:
    """Whoever is in the group may ask; how they come in the committee has chosen."""
    return await _come_in(context, agreed=None)


@router.command("agree_and_join", allow=Authority.ANYONE, typed=False, help=T("Agree to the agreement, and be in."))
async def agree_and_join(context: Context, *, number: Number) -> Reply | Card:
    """Agree to what everybody agrees to who joins; members, to what it has become."""
    if context.of_member is None:
        if context.in_private:
            raise Refusal(T("Say this in your committee's group, not here."))
        return await _come_in(context, agreed=number)
    agreement = await members.agreement(context.tx, context.committee.id)
    if agreement is None or agreement.number != number:
        raise Refusal(T("The agreement has changed since. Read the newest one: {command}", command=Typed("/agreement")))
    if not await _agree(context, agreement, context.member):
        return Reply(T("You have agreed already."), fleeting=True)
    return Reply(T("Thank you: you have agreed."), fleeting=True)


async def _come_in(context: Context, *, agreed: int | None) -> Reply | Card:
    if context.of_committee is None:
        raise Refusal(
            T("There is no committee here yet. Whoever manages this group types {setup}.", setup=Typed("/setup"))
        )
    assert context.person is not None
    committee = context.committee
    if context.of_member is not None:
        return Reply(T("You are in {committee} already.", committee=committee.name), fleeting=True)
    if await conduct.excluded(context.tx, committee.id, context.person.id) is not None:
        raise Refusal(
            T(
                "{committee} decided that you are not a member any more. If you think that is wrong, write to me in "
                "private: {appeal}",
                committee=committee.name,
                appeal=Typed("/appeal", "..."),
            ),
            private=True,
        )
    agreement = await members.agreement(context.tx, committee.id)
    asker, returning = await members.candidate(context.tx, committee.id, context.person, now=context.now)
    numbers = {agreed} if agreed is not None else set()
    if agreement is not None and await members.has_agreed(context.tx, agreement.id, asker.id):
        numbers.add(agreement.number)
    step = admission.next_step(
        await members.admission_rule(context.tx, committee.id),
        agreement=agreement.number if agreement is not None else None,
        agreed=numbers,
    )
    if step == "agree":
        assert agreement is not None
        join = _join_button(agreement)
        return Reply(
            lines(
                T("Whoever joins {committee} agrees to this:", committee=committee.name),
                T("{title}", title=agreement.words),
                T("If you do, choose “{choice}”.", choice=join.label),
            ),
            buttons=((join,),),
        )
    if agreement is not None and agreed is not None:
        await _agree(context, agreement, asker)
    match step:
        case "in":
            by = await members.brought_by(context.tx, committee.id, context.person.id)
            until = await _take_in(context, asker, by=by, returning=returning)
            return await _welcome(context, asker, until)
        case "vouch":
            return await _ask(context, asker)
        case "decide":
            return await _propose(context, asker)


async def _agree(context: Context, agreement: Agreement, who: Member) -> bool:
    if not await members.agree(context.tx, agreement.id, who.id, now=context.now):
        return False
    body = {"member": who.id, "agreement": agreement.number}
    await entries.append(context.tx, context.committee, "agreed", body, now=context.now)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)
    return True


async def _take_in(context: Context, who: Member, *, by: int | None, returning: bool) -> datetime | None:
    """Make somebody a member; until when they are a newcomer."""
    committee = context.committee
    until = admission.newcomer_until(
        context.now, days=await members.newcomer_days(context.tx, committee.id), returning=returning
    )
    await members.take_in(context.tx, who.id, by=by, newcomer_until=until, now=context.now)
    body = {"member": who.id} if by is None else {"member": who.id, "by": by}
    await entries.append(context.tx, committee, "joined", body, now=context.now)
    await members.roll_changed(context.tx, committee.id, now=context.now)
    await _ask_whether_kept(context, who)
    return until


async def _ask_whether_kept(context: Context, who: Member) -> None:
    """Somebody speaks for a person of this name: ask in private whether that is them. A name alone gives nothing."""
    kept = await roll.namesakes(context.tx, context.committee.id, who.name)
    if not kept:
        return
    buttons = tuple(
        (
            Button(
                label=T("That's me: {name} ({committee})", name=one.name, committee=context.committee.name),
                says=Saying(command="that_is_me", arguments={"who": one.id}),
                only=who.id,
            ),
        )
        for one in kept
    )
    await context.tell(
        who,
        lines(
            T("Somebody here speaks for a person of your name. Is that you? I ask whoever speaks for them."),
            T("With a code from whoever speaks for you: {command}", command=Typed("/claim KQ7M-4MX9")),
        ),
        buttons=buttons,
    )


async def _welcome(context: Context, who: Member, newcomer_until: datetime | None) -> Reply:
    suspended = who.suspended_until
    return Reply(
        lines(
            T(
                "Welcome to {committee}, {name}. {menu} shows what you can do.",
                committee=context.committee.name,
                name=who.name,
                menu=Typed("/menu"),
            ),
            T("You have a vote from {day} on.", day=Day(newcomer_until)) if newcomer_until is not None else None,
            T("You are still suspended, until {until}.", until=suspended)
            if suspended is not None and suspended > context.now
            else None,
            T(
                "Are you a member with another account already? Write {connect} to me in private.",
                connect=Typed("/connect"),
            )
            if await _may_be_here_twice(context)
            else None,
        ),
        fleeting=True,
    )


async def _ask(context: Context, asker: Member) -> Reply | Card:
    """A member's word is needed: the group sees who asks for it."""
    if await members.asked(context.tx, context.committee.id, asker.id) is not None:
        return Reply(T("You have asked already. As soon as a member vouches for you, you are in."), fleeting=True)
    expires_at = context.now + admission.VOUCH_WITHIN
    request = await members.ask(context.tx, context.committee.id, asker.id, expires_at=expires_at)
    await due.plan(
        context.tx,
        f"admission:{request.id}",
        unvouched.says(number=request.number),
        local=expires_at.replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )
    return await _shown(context, Card("admission", request.id))


async def _propose(context: Context, asker: Member) -> Reply | Card:
    """The committee decides: whoever asks is the one who proposes it."""
    carried = admit.says(who=asker)
    if await proposals.same_open(context.tx, context.committee.id, carried) is not None:
        return Reply(T("You have asked already. The group sees what is decided."), fleeting=True)
    propose = context.commands.get(context.commands.propose)
    assert propose is not None
    asking = replace(context, of_member=asker, roles=frozenset())
    card = await asking.say(propose.says(carried=carried), authority=Authority.MEMBER)
    assert isinstance(card, Card), "nobody who is no member decides alone"
    return await _shown(context, card)


async def _shown(context: Context, card: Card) -> Reply | Card:
    """A typed line is answered by the card; after a tap it comes by itself, and the tap is answered."""
    if not context.pressed:
        return card
    await context.show(card)
    return Reply(T("You have asked to join: the group sees it now."), fleeting=True)


@router.card("admission")
async def admission_card(view: View, ref: int) -> Shown | None:
    """Who would like to join, and what came of it."""
    request = await members.request(view.tx, view.committee.id, ref)
    asker = await people.member(view.tx, view.committee.id, request.member_id) if request is not None else None
    if request is None or asker is None:
        return None
    if request.state == "open":
        return Shown(
            T(
                "{name} would like to join {committee}. Whoever knows them vouches for them, by {until}. "
                "(Request {number})",
                name=asker.name,
                committee=view.committee.name,
                until=request.expires_at,
                number=request.number,
            ),
            buttons=((_vouch_button(request.number, asker),),),
        )
    if request.state == "lapsed":
        return Shown(T("Nobody has vouched for {name} in time. They can ask again.", name=asker.name))
    voucher = (
        await people.member(view.tx, view.committee.id, request.vouched_by) if request.vouched_by is not None else None
    )
    if voucher is None:
        return Shown(T("{name} has joined.", name=asker.name))
    return Shown(T("{name} has joined. {voucher} vouched for them.", name=asker.name, voucher=voucher.name))


def _vouch_button(number: int, asker: Member) -> Button:
    return Button(label=T("Vouch for {name}", name=asker.name), says=vouch.says(number=number))


@router.command(
    "vouch",
    allow=Authority.MEMBER,
    listed=False,
    help=T("Vouch for somebody who would like to join, by the number on the card."),
)
async def vouch(context: Context, *, number: Number) -> Reply:
    """A member's word brings somebody in."""
    request = await members.request_numbered(context.tx, context.committee.id, number)
    if request is None:
        raise Refusal(T("There is no request {number} here. The card shows the number.", number=number))
    asker = await people.member(context.tx, context.committee.id, request.member_id)
    assert asker is not None
    if request.state != "open":
        raise Refusal(T("Request {number} is not open any more.", number=number))
    if await members.admission_rule(context.tx, context.committee.id) != "vouched":
        raise Refusal(
            T("People join in another way now. {name} chooses “{choice}” again.", name=asker.name, choice=_JOIN.label)
        )
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    if not admission.may_vouch(facts, voucher=context.member.id, asker=asker.id):
        raise Refusal(T("Only members with a vote can vouch. Ask one of them to do it."))
    was_in = await members.was_in(context.tx, asker.id)
    await _take_in(context, asker, by=context.member.id, returning=was_in)
    return Reply(T("{name} is a member now. Thank you for vouching.", name=asker.name), fleeting=True)


@router.command("unvouched", allow=Authority.CLOCK, typed=False, help=T("Nobody has vouched in time."))
async def unvouched(context: Context, *, number: Number) -> None:
    """A request has waited long enough."""
    request = await members.request_numbered(context.tx, context.committee.id, number)
    if request is not None and request.state == "open":
        await members.lapse(context.tx, request.id)


@router.command(
    "admit",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Somebody who asked becomes a member."),
    proposal=lambda *, who: T("{name} becomes a member.", name=who.name),
)
async def admit(context: Context, *, who: Candidate) -> Reply:
    """The committee lets somebody in."""
    if who.active:
        raise Refusal(T("{name} is a member already.", name=who.name))
    await _take_in(context, who, by=None, returning=await members.was_in(context.tx, who.id))
    return await _announced(
        context, T("{name} is a member of {committee} now.", name=who.name, committee=context.committee.name)
    )


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """An agreement that one has not agreed to, and people who wait for somebody to vouch for them."""
    found: list[Todo] = []
    committee, member = context.committee, context.member
    agreement = await members.agreement(context.tx, committee.id)
    if agreement is not None and not await members.has_agreed(context.tx, agreement.id, member.id):
        says = agree_and_join.says(number=agreement.number)
        words = T("The agreement of {committee}: {text}", committee=committee.name, text=agreement.words)
        found.append(Todo(words=words, buttons=(Button(label=_I_AGREE, says=says),)))
    if await members.admission_rule(context.tx, committee.id) != "vouched":
        return found
    facts = await people.facts(context.tx, committee.id, now=context.now)
    for request in await members.requests_open(context.tx, committee.id):
        asker = await people.member(context.tx, committee.id, request.member_id)
        if asker is not None and admission.may_vouch(facts, voucher=member.id, asker=asker.id):
            words = T("{name} would like to join {committee}.", name=asker.name, committee=committee.name)
            found.append(Todo(words=words, buttons=(_vouch_button(request.number, asker),), by=request.expires_at))
    return found


async def _may_be_here_twice(context: Context) -> bool:
    """Whether the committee is on several networks, and this person with one account only."""
    assert context.person is not None
    networks = {network_of(place.address) for place in await people.chats_of(context.tx, context.committee.id)}
    return len(networks) > 1 and len(await connections.accounts_of(context.tx, context.person.id)) == 1


@router.entry("founded", about="members")
async def founded_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How it began."""
    return T("{name} set up the committee.", name=await telling.name(body["founder"]))


@router.entry("joined", about="members")
async def joined_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody came in."""
    return T("{name} joined.", name=await telling.name(body["member"]))


@router.entry("agreed", about="members")
async def agreed_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody accepted the agreement."""
    return T("{name} accepted the agreement.", name=await telling.name(body["member"]))


@router.entry("left", about="members")
async def left_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody went."""
    return T("{name} left.", name=await telling.name(body["member"]))


@router.entry("role", about="roles")
async def role_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Who holds a role now, or holds it no more."""
    name, held = await telling.name(body["member"]), body["held"]
    if body["role"] == "organizer":
        return T("{name} became an organizer.", name=name) if held else T("{name} stopped organizing.", name=name)
    if held:
        return T("{name} took on a role: {role}.", name=name, role=body["role"])
    return T("{name} gave up a role: {role}.", name=name, role=body["role"])


# --- going ---------------------------------------------------------------------------------------------------------


async def _leaving(context: Context) -> Words:
    return T("Leave {committee}? Your hours stay in its books.", committee=context.committee.name)


@router.command(
    "leave",
    allow=Authority.MEMBER,
    label=T("Leave"),
    help=T("Leave the committee."),
    confirm=_leaving,
    while_suspended=True,
    for_others=True,
)
async def leave(context: Context) -> Reply:
    """End the membership; the hours stay in the books and are there again after /join."""
    return await _announced(context, await _leave(context))


@router.command(
    "gone", allow=Authority.MEMBER, typed=False, while_suspended=True, help=T("Somebody has left the group.")
)
async def gone(context: Context) -> Reply | None:
    """Whoever leaves the group leaves the committee, unless another group of it may have them still.

    Whoever leaves a working group's chat leaves that working group only.
    The group sees that by itself; others of the committee hear it, and all do where a role ends with it.
    """
    assert context.place is not None
    member = context.member
    if context.place.working_group_id is not None:
        await groups.leave(context.tx, context.place.working_group_id, member.id, now=context.now)
        return None
    if await people.has_another_group(context.tx, context.committee.id, member.person_id, than=context.place.id):
        return None
    organized = "organizer" in context.roles
    words = await _leave(context)
    await context.announce(words, but=context.place, routine=not organized)
    return Reply(words) if organized else None


@router.command(
    "nickname",
    allow=Authority.MEMBER,
    label=T("My nickname"),
    help=T("The name you go by here; {off} goes back to your own.", off=Typed("/nickname off")),
    asks={"name": Asks(T("What do you want to be called here? Write it as an answer."))},
    sample=("Benny",),
    for_others=True,
)
async def nickname(context: Context, *, name: Note) -> Reply:
    """A name to be found and shown by, which nobody else here answers to."""
    if name.casefold() == "off":
        await people.call(context.tx, context.member.id, None)
        return Reply(T("You go by your own name again."))
    name = " ".join(name.split())
    if len(name) > NICKNAME_CHARACTERS_MAX or not any(letter.isalpha() for letter in name):
        raise Refusal(T("A name needs a letter and at most {n} characters.", n=NICKNAME_CHARACTERS_MAX))
    others = await people.members_named(context.tx, context.committee.id, name)
    if any(other.id != context.member.id for other in others):
        raise Refusal(T("Somebody else here is called that. Choose another name."))
    await people.call(context.tx, context.member.id, name)
    return Reply(T("{name} goes by {nickname} now.", name=context.member.name, nickname=name))


async def _leave(context: Context) -> Words:
    async with linking.out_of_councils(context, await connections.accounts_of(context.tx, context.member.person_id)):
        await people.leave(context.tx, context.member.id, now=context.now)
    await conduct.quieten(context.tx, context.member)
    await entries.append(context.tx, context.committee, "left", {"member": context.member.id}, now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)
    left = await people.organizers(context.tx, context.committee.id)
    if "organizer" in context.roles:
        await due.plan(
            context.tx,
            f"followed:{context.committee.id}",
            Saying(command="organizer_left"),
            local=context.now.replace(tzinfo=None),
            zone=ZoneInfo("UTC"),
            committee=context.committee.id,
            late="do",
        )
    name = context.member.name
    return lines(
        T("{name} has left {committee}.", name=name, committee=context.committee.name),
        offices.wanted([member.name for member in left]) if "organizer" in context.roles else None,
    )


async def _announced(context: Context, words: Words) -> Reply:
    """The answer, which the whole committee hears: in every group where it is not given anyway."""
    await context.announce(words, but=context.place)
    return Reply(words)


# --- rules -----------------------------------------------------------------------------------------------------


@router.command(
    "settings",
    allow=Authority.MEMBER,
    label=T("Settings"),
    help=T("The committee's rules, and how to change them."),
    repeatable=True,
)
async def settings(context: Context) -> Reply:
    """What is set, who looks after it, and the commands that change it."""
    committee = context.committee
    organizers = await people.organizers(context.tx, committee.id)
    joined = await people.count_members(context.tx, committee.id)
    agreement = await members.agreement(context.tx, committee.id)
    days = await members.newcomer_days(context.tx, committee.id)
    chats = await connections.groups_of(context.tx, committee.id)
    split_at = await rules.get(context.tx, committee.id, "split_at")
    return Reply(
        lines(
            T("{title}", title=Bold(committee.name)),
            T("Members: {n}", n=joined),
            T("Groups: {names}", names=Listed(tuple(group.name for group in chats))) if len(chats) > 1 else None,
            T("Organizers: {names}", names=Listed(tuple(member.name for member in organizers)))
            if organizers
            else T("Organizers: none"),
            T(
                "Language: {language} ({command})",
                language=LANGUAGES[committee.language],
                command=Typed("/language", next(code for code in LANGUAGES if code != committee.language)),
            ),
            T("Time zone: {zone} ({command})", zone=committee.zone.key, command=Typed("/timezone Madrid")),
            T("Lowest balance: {floor} ({command})", floor=committee.floor, command=Typed("/limit 12h"))
            if committee.floor is not None
            else T("Lowest balance: no limit ({command})", command=Typed("/limit 12h")),
            _admission_setting(await members.admission_rule(context.tx, committee.id)),
            T("Agreement: yes ({command})", command=Typed("/agreement"))
            if agreement is not None
            else T("Agreement: none ({command})", command=Typed("/agreement", T("We treat each other with respect"))),
            N(
                "Newcomers: no vote in the first {n} day ({command})",
                "Newcomers: no vote in the first {n} days ({command})",
                days,
                command=Typed("/newcomers off"),
            )
            if days is not None
            else T("Newcomers: a vote at once ({command})", command=Typed("/newcomers 30d")),
            T("I propose small groups beyond: {n} ({command})", n=split_at, command=Typed("/split_at off"))
            if split_at is not None
            else None,
            T("Changing these takes a poll ({command}).", command=Typed("/decide_by organizers"))
            if await rules.get(context.tx, committee.id, proposals.DECIDED_BY) == proposals.POLL
            else T("Changing these takes two organizers ({command}).", command=Typed("/decide_by poll")),
        )
    )


@router.command(
    "language",
    allow=Authority.ANYONE,
    label=T("My language"),
    help=T("In private: the language I speak with you. In a group: the group's."),
)
async def language(context: Context, *, language: Language) -> Reply | Card | None:
    """One's own language is one's own choice; the committee's is the committee's."""
    if context.place is None or not context.place.private:
        return await context.say(committee_language.says(language=language), authority=Authority.MEMBER)
    assert context.person is not None
    await people.choose_language(context.tx, context.person.id, language)
    return Reply(T("From now on I speak {language} with you.", language=LANGUAGES[language]))


@router.command(
    "committee_language",
    allow=Authority.COMMITTEE,
    typed=False,
    label=T("Group's language"),
    help=T("The language of the committee."),
    proposal=lambda *, language: T("The group's language becomes {language}.", language=LANGUAGES[language]),
)
async def committee_language(context: Context, *, language: Language) -> Reply:
    """Change the language of everything said in the group."""
    second = context.committee.second if context.committee.second != language else None
    changed = replace(context.committee, language=language, second=second)
    await _change(context, changed, {"language": language})
    # The news is told in the new language, wherever it was agreed.
    words = T("The group's language is {language} now.", language=LANGUAGES[language])
    return await _announced(replace(context, of_committee=changed), words)


@router.command(
    "timezone",
    allow=Authority.COMMITTEE,
    label=T("Time zone"),
    help=T("The committee's time zone."),
    proposal=lambda *, zone: T("The time zone becomes {zone}.", zone=zone.key),
)
async def timezone(context: Context, *, zone: Zone) -> Reply:
    """Change the zone in which the committee's times are said."""
    await _change(context, replace(context.committee, zone=zone), {"zone": zone.key})
    await context.say(Saying(command="digest_zone"), authority=Authority.CLOCK)
    return await _announced(context, T("The time zone is {zone} now.", zone=zone.key))


Off = Annotated[str, choice("off", expected=T("the word {example}", example=Typed("off")))]


def _limit_proposal(*, hours: Minutes | None = None, off: str = "") -> Text:
    if hours is None:
        return T("No lowest balance any more.")
    return T("The lowest balance becomes {floor}.", floor=Minutes(-hours))


@router.command(
    "limit",
    allow=Authority.COMMITTEE,
    label=T("Lowest balance"),
    help=T("How far below zero a member's hours may go, or {off}.", off=Typed("off")),
    asks={
        "hours": Asks(
            T("How far below zero may a member's hours go? Choose, or write it, like {example}.", example=Typed("12h")),
            instead=(T("No limit"), {"off": "off"}),
        )
    },
    proposal=_limit_proposal,
    sample=("12h",),
)
async def limit(context: Context, *, hours: Allowance | None = None, off: Off = "") -> Reply:
    """Change the lowest balance. Whoever is below it already stays there and cannot go lower."""
    if (hours is None) == (not off):
        raise Refusal(
            T(
                "Write an amount of time or the word off: {example} or {off}",
                example=Typed("/limit 12h"),
                off=Typed("/limit off"),
            )
        )
    floor = None if hours is None else Minutes(-hours)
    await _change(context, replace(context.committee, floor=floor), {"floor": floor})
    if floor is None:
        return await _announced(context, T("There is no lowest balance now."))
    return await _announced(context, T("The lowest balance is {floor} now.", floor=floor))


@router.command(
    "rename",
    allow=Authority.COMMITTEE,
    label=T("Committee's name"),
    help=T("Change the committee's name."),
    asks={"name": Asks(T("What is the committee called from now on? Write it as an answer."))},
    proposal=lambda *, name: T("The committee's name becomes {name}.", name=name),
    sample=("Riverside",),
)
async def rename(context: Context, *, name: Note) -> Reply:
    """Change the name."""
    name = _name(name)
    if not name:
        raise Refusal(T("The name cannot be empty."))
    await _change(context, replace(context.committee, name=name), {"name": True})
    return await _announced(context, T("The committee is called {name} now.", name=name))


def _admission_setting(rule: Admission) -> Text:
    match rule:
        case "open":
            return T("Joining: whoever is in the group ({command})", command=Typed("/admission vouched"))
        case "vouched":
            return T("Joining: a member vouches ({command})", command=Typed("/admission open"))
        case "decided":
            return T("Joining: the committee decides ({command})", command=Typed("/admission open"))


Way = Annotated[
    str,
    choice(
        *admission.ADMISSIONS,
        expected=T("one of the words open, vouched, decided"),
        labels={"open": T("Open"), "vouched": T("Vouched for"), "decided": T("Decided")},
    ),
]


def _admission_proposal(*, way: str) -> Text:
    match way:
        case "vouched":
            return T("Whoever joins needs a member who vouches for them.")
        case "decided":
            return T("The committee decides about everybody who would like to join.")
        case _:
            return T("Whoever is in the group may join.")


@router.command(
    "admission",
    allow=Authority.COMMITTEE,
    label=T("How people join"),
    help=T(
        "How people join: {open}, {vouched} for by a member, or {decided}.",
        open=Typed("open"),
        vouched=Typed("vouched"),
        decided=Typed("decided"),
    ),
    proposal=_admission_proposal,
    sample=("vouched",),
)
async def admission_(context: Context, *, way: Way) -> Reply:
    """Change how people come in. Who waits already asks again, or is vouched for, by the new rule."""
    assert admission.is_admission(way)
    if await members.admission_rule(context.tx, context.committee.id) == way:
        raise Refusal(T("That is how it is already."))
    await _rule(context, "admission", way)
    return await _announced(context, _NOW[way])


_NOW: Mapping[Admission, Text] = {
    "open": T("From now on, whoever is in the group may join."),
    "vouched": T("From now on, whoever joins needs a member who vouches for them."),
    "decided": T("From now on, the committee decides about everybody who would like to join."),
}


def _newcomers_proposal(*, days: int | None = None, off: str = "") -> Text:
    if days is None:
        return T("New members have a vote at once.")
    return N("New members have no vote in the first {n} day.", "New members have no vote in the first {n} days.", days)


@router.command(
    "newcomers",
    allow=Authority.COMMITTEE,
    help=T("For how long new members have no vote, or {off}.", off=Typed("off")),
    proposal=_newcomers_proposal,
    sample=("30d",),
)
async def newcomers(context: Context, *, days: Days | None = None, off: Off = "") -> Reply:
    """Change it for those who come from now on."""
    if (days is None) == (not off):
        raise Refusal(
            T(
                "Write a number of days or the word off: {example} or {off}",
                example=Typed("/newcomers 30d"),
                off=Typed("/newcomers off"),
            )
        )
    if await members.newcomer_days(context.tx, context.committee.id) == days:
        raise Refusal(T("That is how it is already."))
    await _rule(context, "newcomers", days)
    if days is None:
        return await _announced(context, T("From now on, new members have a vote at once."))
    return await _announced(
        context,
        N(
            "From now on, new members have no vote in the first {n} day.",
            "From now on, new members have no vote in the first {n} days.",
            days,
        ),
    )


async def _rule(context: Context, name: str, value: str | int | None) -> None:
    await entries.decide_rule(context.tx, context.committee, name, value, now=context.now)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)


# --- the agreement -------------------------------------------------------------------------------------------------


@router.command(
    "agreement",
    allow=Authority.MEMBER,
    label=T("The agreement"),
    help=T("What everybody who joins agrees to; with a text after it: change it, or {off}.", off=Typed("off")),
    sample=(T("We treat each other with respect"),),
)
async def agreement(context: Context, *, text: Note = "") -> Reply | Card | None:
    """Show it; changing it is the committee's."""
    if text:
        new = "" if text.casefold() == "off" else text
        return await context.say(committee_agreement.says(text=new), authority=Authority.MEMBER)
    found = await members.agreement(context.tx, context.committee.id)
    if found is None:
        raise Refusal(
            T(
                "There is no agreement. To propose one: {example}",
                example=Typed("/agreement", T("We treat each other with respect")),
            )
        )
    agreed = await members.has_agreed(context.tx, found.id, context.member.id)
    says = agree_and_join.says(number=found.number)
    return Reply(
        lines(
            T("The agreement of {committee}: {text}", committee=context.committee.name, text=found.words),
            T("To change it, or to do without: {off}", off=Typed("/agreement off")),
        ),
        buttons=() if agreed else ((Button(label=_I_AGREE, says=says),),),
    )


def _agreement_proposal(*, text: str) -> Text:
    if not text:
        return T("There is no agreement any more.")
    return T("Whoever is a member agrees to this: {text}", text=text)


@router.command(
    "committee_agreement",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("The agreement of the committee."),
    proposal=_agreement_proposal,
)
async def committee_agreement(context: Context, *, text: Note) -> Reply:
    """Change what is agreed to; everybody is asked once, and loses nothing meanwhile."""
    before = await members.agreement(context.tx, context.committee.id)
    if (before.words.text if before is not None else "") == text:
        raise Refusal(T("That is how it is already."))
    if not text:
        await members.end_agreement(context.tx, context.committee.id, now=context.now)
        await _agreement_changed(context, {"agreement": None})
        return await _announced(context, T("There is no agreement any more."))
    # Whoever proposed it has written it: they may give it in the group's other language.
    proposed = await proposals.same_open(context.tx, context.committee.id, committee_agreement.says(text=text))
    proposal = await proposals.get(context.tx, context.committee.id, proposed) if proposed is not None else None
    found, hash_ = await members.set_agreement(context.tx, context.committee.id, text, now=context.now)
    author = proposal.proposer_id if proposal is not None else context.member.id
    await notes.wrote(context.tx, Card("agreement", found.id).thing, author, now=context.now)
    await _agreement_changed(context, {"agreement": found.number, "text": hash_})
    await context.show(Card("agreement", found.id))
    return await _announced(
        context,
        T(
            "{committee} has an agreement. Everybody agrees to it once; until then nothing changes.",
            committee=context.committee.name,
        ),
    )


async def _agreement_changed(context: Context, body: dict[str, object]) -> None:
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    # At once: whoever taps agrees to what they see.
    await cards.changed(context.tx, _card(context.committee.id).thing)


@router.card("agreement")
async def agreement_card(view: View, ref: int) -> Shown | None:
    """The agreement, and how many have agreed to it."""
    found = await members.agreement_of(view.tx, view.committee.id, ref)
    if found is None:
        return None
    words = T("The agreement of {committee}: {text}", committee=view.committee.name, text=found.words)
    if not found.in_force:
        return Shown(lines(words, T("It is not in force any more.")))
    joined = await people.count_members(view.tx, view.committee.id)
    agreed = await members.count_agreed(view.tx, found.id)
    says = agree_and_join.says(number=found.number)
    return Shown(
        lines(words, T("Agreed: {n} of {total}", n=agreed, total=joined)),
        buttons=((Button(label=_I_AGREE, says=says),),),
    )


async def _change(context: Context, committee: Committee, body: dict[str, object]) -> None:
    if committee == context.committee:
        raise Refusal(T("That is how it is already."))
    await people.change_rules(context.tx, committee)
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)


@router.entry("rule", "language", "zone", "floor", "name", about="rules")
async def rule_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What is set since then. A name is not in the books, only that it changed."""
    match body:
        case {"language": code}:
            return T("the group's language is {language}.", language=LANGUAGES[code])
        case {"zone": key}:
            return T("the time zone is {zone}.", zone=key)
        case {"floor": None}:
            return T("there is no lowest balance.")
        case {"floor": floor}:
            return T("the lowest balance is {floor}.", floor=Minutes(floor))
        case _:
            return T("the committee has a new name.")


def _name(title: str) -> str:
    """A committee's name out of a group's title: one line, not too long."""
    return " ".join(title.split())[:NAME_CHARACTERS_MAX]
