"""One committee in several groups, and one person with several accounts, on one network or on two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import linking
from bot.arguments import Code, GroupName, Number
from bot.chat import Button, Card, Reply, Saying
from bot.domain import joining, ledger
from bot.domain.grammar import folded
from bot.router import Authority, Context, Router, Telling, Where
from bot.text import Listed, Minutes, Refusal, T, Text, Typed, lines
from storage import cards, connections, due, entries, members, outbox, people, proposals, transfers
from storage.connections import Account, Group
from storage.people import Committee, Member, Place

router = Router("connect", title=T("Groups and accounts"))

VALID_FOR = Minutes(joining.CODE_EXPIRES_AFTER // timedelta(minutes=1))
CONNECT = Typed("/connect")
DISCONNECT = Typed("/disconnect")

# What stands on buttons, and in the sentences that tell of them.
_JOIN = T("I'm in")
_TAKE_OUT = T("Take it out")
_BOTH_ARE_ME = T("Yes, both are me")
_NOT_ME = T("That was not me")
_TAKE_BACK = T("Take it back")


@router.command(
    "connect",
    allow=Authority.ANYONE,
    needs_rights=True,
    label=T("Connect"),
    help=T("In a group: one committee in two groups. In private: two accounts of yours become one person."),
)
async def connect(context: Context, *, code: Code | None = None) -> Reply:
    """A one-time code here, which is typed there."""
    assert context.place is not None
    if context.place.private:
        return await (_own_code(context) if code is None else _take_own_code(context, code))
    return await (_group_code(context) if code is None else _take_group_code(context, context.place, code))


@router.command(
    "disconnect",
    allow=Authority.ANYONE,
    needs_rights=True,
    listed=False,
    help=T("In a group: it leaves the committee. In private: this account is a person of its own again."),
)
async def disconnect(context: Context, *, group: GroupName = "") -> Reply | Card | None:
    """Take back what /connect did."""
    assert context.place is not None
    if context.place.private:
        if group:
            raise Refusal(
                T(
                    "To take out an account, type {command} alone, in that account's private chat with me. "
                    "To take out a group, type it in the group.",
                    command=DISCONNECT,
                )
            )
        return await _disconnect_own(context)
    if context.place.working_group_id is not None:
        return await context.say(Saying(command="group_chat_let_go"), authority=Authority.MEMBER)
    return await _disconnect_group(context, context.place, group)


# --- groups ----------------------------------------------------------------------------------------------------


async def _group_code(context: Context) -> Reply:
    if context.of_committee is None:
        raise Refusal(
            T(
                "There is no committee here yet. Is yours in another group? Then an organizer types {connect} there "
                "and gets a code for here. If not, whoever manages this group types {setup}.",
                connect=CONNECT,
                setup=Typed("/setup"),
            )
        )
    if "organizer" not in context.roles:
        raise Refusal(
            T(
                "Only an organizer can connect another group. To connect accounts of your own, "
                "write {connect} to me in private.",
                connect=CONNECT,
            )
        )
    if len(await connections.groups_of(context.tx, context.committee.id)) >= joining.GROUPS_MAX:
        raise Refusal(_too_many_groups(context.committee))
    code = await connections.code_of_committee(context.tx, context.committee.id, context.member.id, now=context.now)
    return Reply(
        lines(
            T("A code for {committee}: {code}", committee=context.committee.name, code=Typed(code)),
            T("In the other group, whoever manages it types: {command}", command=Typed("/connect", code)),
            T(
                "It works once, within {time}. Give it only to somebody you trust: "
                "it makes their group part of your committee.",
                time=VALID_FOR,
            ),
        ),
        private=True,
    )


async def _take_group_code(context: Context, place: Place, typed: str) -> Reply:
    """Make this group one of the committee's. A code that everybody here has seen in vain works no more."""
    found = await _valid(context, typed)
    if found is None:
        return await _wrong(context)
    if context.manages_chat is None:
        raise Refusal(T("I could not find out whether you manage this group. Try again in a minute."))
    await connections.use(context.tx, found, now=context.now)
    if found.committee_id is None:
        return Reply(
            T(
                "That code was for a private chat, and now everybody here has seen it: it does not work any more. "
                "Write {connect} to me in private for a new one.",
                connect=CONNECT,
            )
        )
    committee = await people.committee(context.tx, found.committee_id)
    no = await _objection(context, place, committee, found.member_id)
    if no is not None:
        return Reply(
            lines(
                no,
                T(
                    "The code does not work any more: everybody here has seen it. "
                    "For a new one, an organizer types {connect} in the committee's group.",
                    connect=CONNECT,
                ),
            )
        )
    if context.of_committee is not None:
        await _give_up(context)
    others = await connections.groups_of(context.tx, committee.id)
    await people.settle_in(context.tx, place, committee.id, topic=context.chat.topic if context.chat else None)
    await entries.append(
        context.tx, committee, "connected", {"chat": place.id, "code_by": found.member_id}, now=context.now
    )
    # Whoever is here joins by the same card as in the other groups.
    await cards.show(context.tx, Card("committee", committee.id).thing, place, committee=committee.id, pinned=True)
    for proposal in await proposals.open_ones(context.tx, committee.id):
        await cards.show(context.tx, Card("proposal", proposal).thing, place, committee=committee.id)
    await members.roll_changed(context.tx, committee.id, now=context.now)
    assert context.person is not None
    here = next(group for group in await connections.groups_of(context.tx, committee.id) if group.place.id == place.id)
    await replace(context, of_committee=committee).announce(
        lines(
            T(
                "{name} has connected another group with {committee}: {group}. "
                "What is recorded or decided in one is shown in the other.",
                name=context.person.name,
                committee=committee.name,
                group=here.name,
            ),
            T("If that is a mistake, an organizer chooses “{choice}”.", choice=_TAKE_OUT),
        ),
        buttons=((Button(label=_TAKE_OUT, says=disconnect_group.says(number=place.id)),),),
        but=place,
    )
    return Reply(
        lines(
            T(
                "This group is part of {committee} now, together with: {groups}. "
                "What is recorded or decided in one is shown in the other.",
                committee=committee.name,
                groups=_listed(others),
            ),
            T(
                "Members of the committee write {connect} to me in private: it connects their two accounts. "
                "Everybody else chooses “{choice}”.",
                choice=_JOIN,
                connect=CONNECT,
            ),
        )
    )


async def _objection(context: Context, place: Place, committee: Committee, maker: int | None) -> Text | None:
    """Why this group cannot become one of this committee's; None: it can."""
    if not context.manages_chat:
        return T("Only somebody who manages this group can connect it.")
    if place.committee_id == committee.id:
        return T(
            "This group is part of {committee} already. The code is for the other group.", committee=committee.name
        )
    if maker not in {member.id for member in await people.organizers(context.tx, committee.id)}:
        return T("Whoever made this code is not an organizer of {committee} any more.", committee=committee.name)
    if len(await connections.groups_of(context.tx, committee.id)) >= joining.GROUPS_MAX:
        return _too_many_groups(committee)
    if place.committee_id is not None:
        assert context.person is not None
        if not await connections.only_begun(context.tx, place.committee_id, context.person.id):
            return T(
                "This group is a committee of its own: {committee}. Two committees cannot become one: "
                "each has its own hours. Connect another group.",
                committee=(await people.committee(context.tx, place.committee_id)).name,
            )
    return None


async def _give_up(context: Context) -> None:
    """A committee that was set up by mistake, and has nobody but whoever set it up, gives way."""
    assert context.place is not None
    for proposal in await proposals.open_ones(context.tx, context.committee.id):
        await proposals.close(context.tx, proposal, "withdrawn")
        await due.cancel(context.tx, f"proposal:{proposal}")
    await people.leave(context.tx, context.member.id, now=context.now)
    await entries.append(context.tx, context.committee, "left", {"member": context.member.id}, now=context.now)
    await _taken_out(context, context.committee, context.place)


def _too_many_groups(committee: Committee) -> Text:
    return T(
        "{committee} has {n} groups, and that is the most. Take one out first: {command}",
        committee=committee.name,
        n=joining.GROUPS_MAX,
        command=DISCONNECT,
    )


async def _disconnect_group(context: Context, place: Place, named: str) -> Reply:
    if context.of_committee is None:
        raise Refusal(T("This group is in no committee."))
    groups = await connections.groups_of(context.tx, context.committee.id)
    wanted = folded(named)
    found = [
        group
        for group in groups
        if (
            wanted in (folded(group.title), folded(group.name), folded(group.network))
            if named
            else group.place.id == place.id
        )
    ]
    # Whoever manages a group could put the bot out of it, too; but has no say about other groups.
    if "organizer" not in context.roles and not (context.manages_chat and not named):
        raise Refusal(T("Only an organizer can do that. Ask one of them."))
    if len(found) != 1:
        raise Refusal(
            T(
                "Which group do you mean? {committee} has these: {groups}. Or type {command} in the group itself.",
                committee=context.committee.name,
                groups=_listed(groups),
                command=DISCONNECT,
            )
        )
    return await _take_out(context, found[0])


@router.command(
    "disconnect_group",
    allow=Authority.ORGANIZER,
    typed=False,
    help=T("Take a group out of the committee."),
)
async def disconnect_group(context: Context, *, number: Number) -> Reply:
    """The button under the news that a group was connected. `number`: the chat's."""
    groups = await connections.groups_of(context.tx, context.committee.id)
    found = next((group for group in groups if group.place.id == number), None)
    if found is None:
        raise Refusal(T("That group is not part of {committee} any more.", committee=context.committee.name))
    return await _take_out(context, found)


async def _take_out(context: Context, group: Group) -> Reply:
    committee = context.committee
    groups = await connections.groups_of(context.tx, committee.id)
    if not any(other.open for other in groups if other.place.id != group.place.id):
        raise Refusal(
            T(
                "{committee} has no other group that I can write in, so this one stays. "
                "To leave the committee yourself, type {leave}.",
                committee=committee.name,
                leave=Typed("/leave"),
            )
        )
    here = T("This group is not part of {committee} any more. Whoever is a member stays one.", committee=committee.name)
    there = T(
        "The group {group} is not part of {committee} any more. Whoever is a member stays one.",
        group=group.name,
        committee=committee.name,
    )
    is_here = context.place is not None and group.place.id == context.place.id
    if group.open and not is_here:
        await outbox.queue(context.tx, group.place, here, reader=committee.reader, now=context.now)
    await _taken_out(context, committee, group.place)
    await context.announce(there, but=context.place)
    return Reply(here if is_here else there)


async def _taken_out(context: Context, committee: Committee, place: Place) -> None:
    await connections.take_out_group(context.tx, place)
    await entries.append(context.tx, committee, "disconnected", {"chat": place.id}, now=context.now)


@router.entry("connected")
async def connected_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Another group became part of the committee."""
    return T("another group was connected, with a code from {name}.", name=await telling.name(body["code_by"]))


@router.entry("disconnected")
async def disconnected_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A group is part of it no more."""
    return T("a group was taken out of the committee.")


@router.entry("one_person", about="members")
async def one_person_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Two accounts turned out to be one person's."""
    return T("two accounts became one person: {name}.", name=await telling.name(body["into"]))


def _listed(groups: list[Group]) -> Listed:
    return Listed(tuple(group.name for group in groups))


# --- codes -----------------------------------------------------------------------------------------------------


async def _valid(context: Context, typed: str) -> connections.Code | None:
    """What a typed code stands for; None: nothing. Raises Refusal where somebody guesses."""
    assert context.person is not None
    if await connections.guessed_too_often(context.tx, context.person.user, now=context.now):
        raise Refusal(T("Too many wrong codes. Try again in an hour."))
    return await connections.valid(context.tx, typed, now=context.now)


async def _wrong(context: Context) -> Reply:
    """An answer, not a refusal: that it was tried must stay written down."""
    assert context.person is not None
    await connections.guessed(context.tx, context.person.user, now=context.now)
    return Reply(
        T(
            "That code does not work. A code works once, within {time}. For a new one, type {connect} where the "
            "first one came from.",
            time=VALID_FOR,
            connect=CONNECT,
        )
    )


# --- persons ---------------------------------------------------------------------------------------------------


async def _own_code(context: Context) -> Reply:
    assert context.person is not None
    if len(await connections.accounts_of(context.tx, context.person.id)) >= joining.ACCOUNTS_MAX:
        raise Refusal(_too_many_accounts())
    code = await connections.code_of_account(context.tx, context.person.user, now=context.now)
    return Reply(
        lines(
            T("Your code: {code}", code=Typed(code)),
            T("With your other account, write to me in private: {command}", command=Typed("/connect", code)),
            T("It works once, within {time}. Show it to nobody: whoever uses it becomes you.", time=VALID_FOR),
        )
    )


async def _take_own_code(context: Context, typed: str) -> Reply:
    """Ask whether the other account is theirs: nobody should become somebody else because of a code they were sent."""
    assert context.person is not None
    found = await _valid(context, typed)
    if found is None:
        return await _wrong(context)
    if found.user is None:
        raise Refusal(T("That code is for a group. Type it in the group that you want to connect."))
    other = await _fit(context, found)
    await connections.ask(context.tx, found, context.person.user)
    return Reply(
        lines(
            T("Is this account yours too? {account}", account=other.described),
            T(
                "If so, choose “{choice}”. Then both are one person: one balance, one vote, and each can speak "
                "for you.",
                choice=_BOTH_ARE_ME,
            ),
            T("If you do not know it, or somebody sent you the code, choose nothing."),
        ),
        buttons=(
            (
                Button(
                    label=_BOTH_ARE_ME,
                    says=connect_account.says(number=found.id),
                    expires=joining.CODE_EXPIRES_AFTER,
                ),
            ),
        ),
    )


async def _fit(context: Context, code: connections.Code) -> Account:
    """The code's account, which is not this person's yet. Raises Refusal."""
    assert context.person is not None
    assert code.user is not None
    other = await connections.account(context.tx, code.user)
    assert other is not None
    if other.user == context.person.user:
        raise Refusal(T("You made this code here. Type it in the private chat of your other account."))
    if other.person_id == context.person.id:
        raise Refusal(T("These two accounts are connected already."))
    counts = [len(await connections.accounts_of(context.tx, id_)) for id_ in (other.person_id, context.person.id)]
    if sum(counts) > joining.ACCOUNTS_MAX:
        raise Refusal(_too_many_accounts())
    return other


def _too_many_accounts() -> Text:
    return T(
        "{n} accounts are the most. Take one out first: type {command} there.",
        n=joining.ACCOUNTS_MAX,
        command=DISCONNECT,
    )


@router.command(
    "connect_account",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    typed=False,
    help=T("Two accounts become one person."),
)
async def connect_account(context: Context, *, number: Number) -> Reply:
    """The button after the question whether both accounts are theirs. `number`: the code's."""
    assert context.person is not None
    found = await connections.code_by_id(context.tx, number)
    if found is None or found.used or found.expires_at <= context.now or found.asked != context.person.user:
        raise Refusal(
            T(
                "That code is used up or too old. Write {connect} in the private chat of your other account for a "
                "new one.",
                connect=CONNECT,
            )
        )
    other = await _fit(context, found)
    this = await connections.account(context.tx, context.person.user)
    assert this is not None
    # Each side is told of the other's account.
    mine = await connections.accounts_of(context.tx, this.person_id)
    theirs = await connections.accounts_of(context.tx, other.person_id)
    told = [(one, other) for one in mine if one.user != this.user] + [(one, this) for one in theirs]
    await connections.use_for(context.tx, found, this, now=context.now)
    await _join(context, this.person_id, other.person_id)
    back = separate.says(number=found.id)
    for account, new in told:
        await _tell_account(
            context,
            account,
            T(
                "{account} is connected with this account: both are one person now. "
                "If that was not you, choose “{choice}”.",
                choice=_NOT_ME,
                account=new.described,
            ),
            buttons=((Button(label=_NOT_ME, says=back, expires=connections.KEPT),),),
        )
    return Reply(
        T(
            "Done. {account} and this account are one person now: one balance, one vote. "
            "If that was a mistake, choose “{choice}”.",
            choice=_TAKE_BACK,
            account=other.described,
        ),
        buttons=((Button(label=_TAKE_BACK, says=back, expires=connections.KEPT),),),
    )


async def _join(context: Context, this: int, other: int) -> None:
    """Two persons become one, in every committee and with every account. The older goes on."""
    one, two = sorted((this, other))
    first, second = await connections.memberships(context.tx, one), await connections.memberships(context.tx, two)
    for committee_id in sorted(first.keys() & second.keys()):
        committee = await people.committee(context.tx, committee_id)
        await _join_memberships(context, committee, first[committee_id], second[committee_id])
    await connections.join_persons(context.tx, one, two, now=context.now)


async def _join_memberships(
    context: Context, committee: Committee, one: joining.Membership, two: joining.Membership
) -> None:
    """In one committee: hours and roles come together in one membership, and the other goes into it."""
    goes_on, goes = joining.kept(one, two)
    into, old = await _member(context, committee, goes_on.id), await _member(context, committee, goes.id)
    before, after = await transfers.accounts(context.tx, committee, old, into)
    transfer = ledger.carry(before, after, at=context.now)
    carried = None
    if transfer is not None:
        carried, _ = await transfers.record(context.tx, committee, transfer, recorder=into, carried=True)
    await connections.absorb(context.tx, old.id, into.id, transfer=carried, now=context.now)
    body = {"member": old.id, "into": into.id, "roles": sorted(goes.roles)}
    await entries.append(context.tx, committee, "one_person", body, now=context.now)
    for proposal in await proposals.open_ones(context.tx, committee.id):
        await cards.changed(context.tx, Card("proposal", proposal).thing)
    if "organizer" in one.roles & two.roles:
        # Everybody has to know how many organizers there are.
        names = [member.name for member in await people.organizers(context.tx, committee.id)]
        await replace(context, of_committee=committee).announce(
            lines(
                T("{name} was an organizer with two accounts, and counts once from now on.", name=into.name),
                T(
                    "{name} is the only organizer now. A second one is needed: {command}",
                    name=names[0],
                    command=Typed("/organizer @name"),
                )
                if len(names) == 1
                else T("Organizers: {names}", names=Listed(tuple(names))),
            )
        )


async def _member(context: Context, committee: Committee, id_: int) -> Member:
    found = await people.member(context.tx, committee.id, id_)
    assert found is not None
    return found


@router.command(
    "separate",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    typed=False,
    help=T("Two accounts were connected by mistake, or by somebody else."),
)
async def separate(context: Context, *, number: Number) -> Reply:
    """The button under the news that accounts were connected. `number`: the code's."""
    assert context.person is not None
    found = await connections.code_by_id(context.tx, number)
    sides = (found.user, found.taken) if found is not None else ()
    accounts = [await connections.account(context.tx, user) if user is not None else None for user in sides]
    if found is None or any(one is None or one.person_id != context.person.id for one in accounts):
        raise Refusal(T("These two accounts are not connected any more."))
    before = await connections.accounts_of(context.tx, context.person.id)
    async with linking.out_of_councils(context, before):
        await connections.separate(context.tx, found, context.person.id, now=context.now)
    this = await connections.account(context.tx, context.person.user)
    assert this is not None
    others = [
        one
        for account in before
        if (one := await connections.account(context.tx, account.user)) is not None and one.person_id != this.person_id
    ]
    for other in others:
        await _tell_account(context, other, _two_again([this]))
    return Reply(
        lines(
            _two_again(others),
            T("What was said in your name meanwhile stands in {history}.", history=Typed("/history")),
        )
    )


def _two_again(others: list[Account]) -> Text:
    return T(
        "Not connected with this account any more: {accounts}. Each has the committees that they came with.",
        accounts=Listed(tuple(other.described for other in others)),
    )


async def _disconnect_own(context: Context) -> Reply:
    assert context.person is not None
    accounts = await connections.accounts_of(context.tx, context.person.id)
    this = next(account for account in accounts if account.user == context.person.user)
    others = [account for account in accounts if account.user != this.user]
    if not others:
        raise Refusal(
            T("This account is not connected with another one. To connect one, type {connect}.", connect=CONNECT)
        )
    async with linking.out_of_councils(context, [this]):
        await connections.take_out_account(context.tx, this, now=context.now)
    for other in others:
        await _tell_account(
            context, other, T("{account} is not connected with this account any more.", account=this.described)
        )
    return Reply(
        T(
            "This account is a person of its own now and a member of nothing. "
            "Your committees and your hours stay with: {accounts}.",
            accounts=Listed(tuple(other.described for other in others)),
        )
    )


async def _tell_account(
    context: Context, account: Account, words: Text, *, buttons: tuple[tuple[Button, ...], ...] = ()
) -> None:
    """Say something in the private chat of one account of somebody, if there is one."""
    place = await people.place_of(context.tx, account.private_chat) if account.private_chat is not None else None
    if place is None:
        return
    reader = await people.reader_in(context.tx, place.id, private=True, committee_id=None, otherwise=context.language)
    await outbox.queue(context.tx, place, words, reader=reader, now=context.now, buttons=buttons)
