"""Members without an account, households, children, and the list of everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bot.arguments import Code, Note, Number, Person, Roll, Spoken, choice
from bot.chat import Button, Card, Reply, Saying
from bot.domain import joining, ledger, offices, roll
from bot.domain.grammar import folded
from bot.router import Authority, Context, Router, Telling, Todo
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Value, Words, lines
from storage import connections, entries, people, rules, transfers
from storage import members as coming_in
from storage import roll as rows
from storage.people import Committee, Member

router = Router("members", title=T("Members"))

PAGE = 30
SHOWN_MAX = 10
"""So many names or broken lines of a list are shown; of the others only the number."""
ASKED_FOR = timedelta(days=7)
LIST_WAITS = timedelta(days=1)
"""So long the people on a list wait for the yes; then they are forgotten."""

_LIST = Typed("/list")

Child = Annotated[str, choice("child", expected=T("the word {example}", example=Typed("child")))]
ForWord = Annotated[str, choice("for", "para", "für", expected=T("the word {example}", example=Typed("for")))]
HomeWord = Annotated[
    str, choice("with", "con", "mit", "leave", expected=T("the word {example}", example=Typed("with")))
]


# --- somebody without an account -------------------------------------------------------------------------------


@router.command(
    "add",
    allow=Authority.MEMBER,
    help=T(
        "Add somebody without an account: you speak for them. Or a child of yours: {example}",
        example=Typed("/add child Mia"),
    ),
    label=T("Add somebody"),
    sample=("Rosa",),
)
async def add(context: Context, *, child: Child = "", name: Note = "") -> Reply | Card | None:
    """Somebody who has no phone comes in by a member, who speaks for them."""
    name = " ".join(name.split())
    if not name:
        return Reply(
            T(
                "Who has no account here? Write the name: {example}. A child in your home: {child}",
                example=Typed("/add Rosa"),
                child=Typed("/add child Mia"),
            )
        )
    if (fault := roll.fault_of_name(name)) is not None:
        raise Refusal(
            T("A name needs a letter and at most {n} characters.", n=roll.NAME_CHARACTERS_MAX)
            if fault == "long_name" or not name.startswith("@")
            else T("Somebody with an account comes in by themselves: they type {join}.", join=Typed("/join"))
        )
    if context.member.newcomer_until is not None and context.member.newcomer_until > context.now:
        raise Refusal(T("You are new here yourself. Ask somebody who has been here longer to add them."))
    same = [
        one for one in await rows.known(context.tx, context.committee.id) if folded(name) in (one.name, one.nickname)
    ]
    if any(one.helper_id == context.member.id for one in same):
        raise Refusal(
            T("You speak for {name} already. Write another name, such as “{example}”.", name=name, example=f"{name} B.")
        )
    anyway = add_another.says(name=name, child=child) if child else add_another.says(name=name)
    if same:
        return Reply(
            T("{name} is here already. Is this somebody else?", name=name),
            buttons=((Button(label=T("Yes, add {name}", name=name), says=anyway, only=context.member.id, once=True),),),
        )
    return await context.say(anyway, authority=Authority.MEMBER)


@router.command("add_another", allow=Authority.MEMBER, typed=False, help=T("Add somebody without an account."))
async def add_another(context: Context, *, name: Note, child: Child = "") -> Reply | Card | None:
    """Add them, also where somebody else is called that."""
    if child:
        return await _add_child(context, name)
    helped = await rows.count_helped(context.tx, context.member)
    if helped >= roll.HELPED_MAX and "organizer" not in context.roles:
        raise Refusal(
            T(
                "You speak for {n} people already, and that is the most. Ask somebody else to add {name}.",
                n=roll.HELPED_MAX,
                name=name,
            )
        )
    if await _decided(context):
        return await context.say(admit.says(name=name, helper=context.member), authority=Authority.MEMBER)
    return await _admitted(context, name, context.member)


async def _decided(context: Context) -> bool:
    """Whether the committee decides about everybody who comes in."""
    return bool(await rules.get(context.tx, context.committee.id, "admission", "open") == "decided")


@router.command(
    "admit_helped",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Add somebody without an account."),
    proposal=lambda *, name, helper: T(
        "{name} joins without an account, and {helper} speaks for them.", name=name, helper=helper.name
    ),
)
async def admit(context: Context, *, name: Note, helper: Person) -> Reply:
    """What was decided."""
    return await _admitted(context, name, helper)


async def _admitted(context: Context, name: str, helper: Member) -> Reply:
    id_ = await rows.add(
        context.tx,
        context.committee,
        name,
        helper=helper.id,
        invited_by=helper.id,
        newcomer_until=await _newcomer_until(context),
        now=context.now,
    )
    body = {"member": id_, "helper": helper.id, "child": False}
    await entries.append(context.tx, context.committee, "added", body, now=context.now)
    added = await people.member(context.tx, context.committee.id, id_)
    assert added is not None
    words = lines(
        T("{name} is in {committee} now. {helper} speaks for them.", **_named(context, name), helper=helper.name),
        T(
            "For example: {example}. Everybody thanks {name} as usual.",
            example=Typed("/for", name, "/thank @ben 1h"),
            name=name,
        ),
    )
    await context.announce(words, but=context.place)
    button = Button(label=T("{name} has an account now", name=name), says=code.says(who=added), only=helper.id)
    return Reply(words, buttons=((button,),))


async def _newcomer_until(context: Context) -> datetime | None:
    """Until when whoever comes in now has no vote, should they have an account by then; None: from the first day."""
    days = await rules.get(context.tx, context.committee.id, "newcomers")
    return context.now + timedelta(days=days) if days else None


def _named(context: Context, name: str) -> dict[str, Value]:
    return {"name": name, "committee": context.committee.name}


async def _add_child(context: Context, name: str) -> Reply:
    household = await rows.settle_home(context.tx, context.member)
    if len(await rows.home_of(context.tx, context.member)) + 1 >= rows.HOUSEHOLD_MAX:
        raise Refusal(_home_is_full())
    id_ = await rows.add(
        context.tx,
        context.committee,
        name,
        helper=context.member.id,
        invited_by=context.member.id,
        child=True,
        household=household,
        now=context.now,
    )
    body = {"member": id_, "helper": context.member.id, "child": True}
    await entries.append(context.tx, context.committee, "added", body, now=context.now)
    adults = [
        context.member.name,
        *(one.name for one in await rows.home_of(context.tx, context.member) if not one.child),
    ]
    words = T(
        "{name} is in {committee} now, as a child in the home of {names}. "
        "Children have no hours, no turns and no vote.",
        **_named(context, name),
        names=Listed(tuple(adults)),
    )
    await context.announce(words, but=context.place)
    return Reply(words)


# --- speaking for somebody -------------------------------------------------------------------------------------


@router.command(
    "for",
    allow=Authority.MEMBER,
    help=T("Say something for somebody who has no account and for whom you speak."),
    sample=("Rosa", "/thank @ben 1h"),
)
async def for_(context: Context, *, who: Person, line: Spoken) -> Reply | Card | None:
    """A helper says a member's command in the name of somebody else; it is recorded as said by the helper."""
    if not await rows.speaks_for(context.tx, context.member, who):
        raise await _not_yours(context, who)
    command = context.commands.get(line.command)
    assert command is not None, "it has been read"
    assert command.for_others, "what is not for others is not read"
    theirs = replace(context, of_member=who, spoken_by=context.member, roles=frozenset())
    try:
        answer = await theirs.say(line, authority=Authority.MEMBER)
    except Refusal as refusal:
        raise Refusal(_about(who, refusal.words), private=refusal.private) from refusal
    if isinstance(answer, Reply) and answer.private:
        return replace(answer, words=_about(who, answer.words))
    return answer


def _about(who: Member, words: Words) -> Words:
    return lines(T("For {name}:", name=who.name), words)


async def _not_yours(context: Context, who: Member) -> Refusal:
    """Why this member does not speak for them."""
    if who.id == context.member.id:
        return Refusal(T("You speak for yourself: leave {word} out.", word=Typed("/for", who.name)))
    if not who.spoken_for:
        return Refusal(T("{name} has an account and speaks for themselves.", name=who.name))
    helper = await people.member_now(context.tx, context.committee.id, who.helper_id) if who.helper_id else None
    if helper is None or not helper.active:
        return Refusal(
            T(
                "Nobody speaks for {name} now. Propose somebody: {command}",
                name=who.name,
                command=Typed("/helper @name for", who.name),
            )
        )
    return Refusal(
        T(
            "{helper} speaks for {name}. To hand that on, {helper} types {command}",
            helper=helper.name,
            name=who.name,
            command=Typed("/helper @name for", who.name),
        )
    )


@router.command(
    "helper",
    allow=Authority.MEMBER,
    listed=False,
    help=T("Hand on to somebody else that you speak for a member without an account."),
    sample=("@chi for Rosa",),
)
async def helper_(context: Context, *, new: Person, word: ForWord = "", who: Person) -> Reply | Card | None:
    """The present helper hands it on; where the helper has left, two organizers find another."""
    if not who.spoken_for:
        raise Refusal(T("{name} has an account and speaks for themselves.", name=who.name))
    if new.spoken_for:
        raise Refusal(T("{name} has no account here. Choose somebody who has one.", name=new.name))
    if new.id == who.helper_id:
        raise Refusal(T("{helper} speaks for {name} already.", helper=new.name, name=who.name))
    nobody = who.id in {one.id for one in await rows.without_helper(context.tx, context.committee.id)}
    if who.child and not nobody:
        raise Refusal(
            T(
                "The adults of the home speak for {name}. Who shares a home says so: {command}",
                name=who.name,
                command=Typed("/household with @ben"),
            )
        )
    if nobody:
        return await context.say(new_helper.says(new=new, who=who), authority=Authority.MEMBER)
    if not await rows.speaks_for(context.tx, context.member, who):
        raise await _not_yours(context, who)
    return await _change_helper(context, new, who)


@router.command(
    "new_helper",
    allow=Authority.TWO,
    typed=False,
    help=T("Somebody speaks for a member whose helper has left."),
    proposal=lambda *, new, who: T("{helper} speaks for {name} from now on.", helper=new.name, name=who.name),
)
async def new_helper(context: Context, *, new: Person, who: Person) -> Reply:
    """What two organizers agreed to."""
    if who.id not in {one.id for one in await rows.without_helper(context.tx, context.committee.id)} or new.spoken_for:
        raise Refusal(T("Meanwhile somebody speaks for {name}.", name=who.name))
    return await _change_helper(context, new, who)


async def _change_helper(context: Context, new: Member, who: Member) -> Reply:
    await rows.change_helper(context.tx, who.id, new.id)
    body = {"member": who.id, "helper": new.id}
    await entries.append(context.tx, context.committee, "helper", body, now=context.now)
    words = T("{helper} speaks for {name} from now on.", helper=new.name, name=who.name)
    await context.announce(words, but=context.place)
    if new.id != context.member.id:
        await context.tell(
            new,
            T(
                "You speak for {name} in {committee} now, for example: {example}. If you cannot, hand it on: {command}",
                **_named(context, who.name),
                example=Typed("/for", who.name, "/thank @ben 1h"),
                command=Typed("/helper @name for", who.name),
            ),
        )
    return Reply(words)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Organizers find somebody for whom nobody speaks any more."""
    if "organizer" not in context.roles:
        return []
    return [
        Todo(
            words=T(
                "Nobody speaks for {name} now. Propose somebody: {command}",
                name=one.name,
                command=Typed("/helper @name for", one.name),
            ),
            buttons=(Button(label=T("I speak for them"), says=new_helper.says(new=context.member, who=one)),),
        )
        for one in await rows.without_helper(context.tx, context.committee.id)
    ]


# --- taking over -----------------------------------------------------------------------------------------------


@router.command(
    "code",
    allow=Authority.MEMBER,
    listed=False,
    help=T("A code for somebody for whom you speak and who has an account now."),
    sample=("Rosa",),
)
async def code(context: Context, *, who: Person) -> Reply:
    """A one-time code with which they take over what was kept for them."""
    if who.child:
        raise Refusal(T("{name} is a child, and children have no hours here to take over.", name=who.name))
    nobody = who.id in {one.id for one in await rows.without_helper(context.tx, context.committee.id)}
    if not (nobody and "organizer" in context.roles) and not await rows.speaks_for(context.tx, context.member, who):
        raise await _not_yours(context, who)
    made = await connections.code_to_claim(
        context.tx, who, maker=context.member, now=context.now, within=roll.CLAIM_WITHIN
    )
    return Reply(
        lines(
            T("A code for {name}: {code}", name=who.name, code=Typed(made)),
            T("{name} writes to me in private: {command}", name=who.name, command=Typed("/claim", made)),
            T("It works once, within 7 days. Give it to nobody else: whoever uses it becomes {name}.", name=who.name),
        ),
        private=True,
    )


@router.command(
    "claim",
    allow=Authority.ANYONE,
    listed=False,
    help=T("Take over what somebody has kept for you, with the code that they gave you."),
    sample=("KQ7M-4MX9",),
)
async def claim(context: Context, *, code: Code | None = None) -> Reply:
    """An account joins the membership that was kept for its person."""
    assert context.place is not None
    assert context.person is not None
    if code is None:
        return await _by_name(context)
    if await connections.guessed_too_often(context.tx, context.person.user, now=context.now):
        raise Refusal(T("Too many wrong codes. Try again in an hour."))
    found = await connections.to_claim(context.tx, code)
    if found is None:
        # An answer, not a refusal: that it was tried must stay written down.
        await connections.guessed(context.tx, context.person.user, now=context.now)
        return Reply(T("That code does not work. Look at it again, or ask whoever speaks for you for a new one."))
    if found.used:
        raise Refusal(
            T("That code has been used already. If it was not you who used it, tell an organizer of your committee.")
        )
    if not context.place.private:
        await connections.use(context.tx, found, now=context.now)
        return Reply(
            T(
                "Everybody here has seen that code, so it does not work any more. "
                "Ask for a new one, and write it to me in private."
            )
        )
    if found.expires_at <= context.now:
        raise Refusal(T("That code is too old. Ask whoever speaks for you for a new one."))
    return await _claimed(context, found)


async def _by_name(context: Context) -> Reply:
    """Without a code: a member for whose namesake somebody speaks may ask whether that is them."""
    assert context.person is not None
    buttons = []
    for committee in await people.committees_of(context.tx, context.person.id):
        own = await people.member_of(context.tx, committee.id, context.person.id)
        assert own is not None
        for one in await rows.namesakes(context.tx, committee.id, context.person.name):
            label = T("That's me: {name} ({committee})", name=one.name, committee=committee.name)
            says = that_is_me.says(who=one)
            buttons.append((Button(label=label, says=says, only=own[0].id, committee=committee.id),))
    how = T(
        "Write the code behind it: {example}. Whoever speaks for you gets one with {command}.",
        example=Typed("/claim KQ7M-4MX9"),
        command=Typed("/code Rosa"),
    )
    if not buttons:
        raise Refusal(how)
    words = lines(T("Somebody here speaks for a person of your name. Is that you? I ask whoever speaks for them."), how)
    return Reply(words, buttons=tuple(buttons), private=True)


@router.command("that_is_me", allow=Authority.MEMBER, typed=False, help=T("Ask to take over what was kept for you."))
async def that_is_me(context: Context, *, who: Person) -> Reply:
    """Nobody takes somebody's hours by a name: the helper says whether it is them."""
    assert context.person is not None
    if who.id not in {one.id for one in await rows.namesakes(context.tx, context.committee.id, context.person.name)}:
        raise Refusal(
            T("That is not open any more. Talk to an organizer of {committee}.", committee=context.committee.name)
        )
    helper = await people.member_now(context.tx, context.committee.id, who.helper_id) if who.helper_id else None
    question = context.tx.token()
    accounts = await connections.accounts_of(context.tx, context.person.id)
    answers = tuple(
        Button(
            label=label,
            says=says,
            only=None if helper is None else helper.id,
            once=True,
            question=question,
            expires=ASKED_FOR,
            committee=context.committee.id,
        )
        for label, says in (
            (T("Yes, that is {name}", name=who.name), that_is_them.says(who=who, by=context.member)),
            (T("No"), that_is_not_them.says(by=context.member)),
        )
    )
    words = lines(
        T(
            "Somebody says that they are {name}, for whom you speak: {accounts}. Is that so?",
            name=who.name,
            accounts=Listed(tuple(account.described for account in accounts)),
        ),
        T("Ask {name} before you say yes: whoever it is gets all their hours.", name=who.name),
    )
    if helper is not None and helper.id == context.member.id:
        raise _for_another_account(who)
    if helper is None or not helper.active or not await context.tell(helper, words, buttons=(answers,)):
        raise Refusal(
            T(
                "I cannot reach whoever speaks for {name}. Talk to an organizer of {committee}.",
                **_named(context, who.name),
            )
        )
    return Reply(T("I have asked {name}.", name=helper.name), private=True)


@router.command("that_is_them", allow=Authority.MEMBER, typed=False, help=T("Say that somebody is whom you speak for."))
async def that_is_them(context: Context, *, who: Person, by: Person) -> Reply:
    """The helper's yes."""
    if who.child or by.spoken_for or not await rows.speaks_for(context.tx, context.member, who):
        raise Refusal(
            T("That is not open any more. Talk to an organizer of {committee}.", committee=context.committee.name)
        )
    welcome = await _take_over(context, who, by.person_id, by)
    now = await people.member_of(context.tx, context.committee.id, by.person_id)
    assert now is not None
    to_agree, buttons = await _to_agree(context, by.person_id)
    await context.tell(now[0], lines(welcome, to_agree), buttons=buttons)
    return Reply(T("Done: {name} speaks for themselves now.", name=who.name), private=True)


@router.command("that_is_not_them", allow=Authority.MEMBER, typed=False, help=T("Say that somebody is somebody else."))
async def that_is_not_them(context: Context, *, by: Person) -> Reply:
    """The helper's no."""
    await context.tell(by, T("{name} says that you are somebody else.", name=context.member.name))
    return Reply(T("All right, nothing is changed."), private=True)


async def _claimed(context: Context, found: connections.Code) -> Reply:
    assert context.person is not None
    assert found.committee_id is not None
    assert found.claims is not None
    committee = await people.committee(context.tx, found.committee_id)
    theirs = await people.member_now(context.tx, committee.id, found.claims)
    if theirs is None or not theirs.active or not theirs.spoken_for:
        raise _closed(committee)
    here = replace(context, of_committee=committee)
    own = await people.member_of(context.tx, committee.id, context.person.id)
    if own is not None and not own[0].active:
        # Whoever left, or had to leave, comes back by the committee's own door first.
        raise Refusal(
            T(
                "You have been in {committee} before. Come back first: type {join} in the group. "
                "Then write the code again.",
                committee=committee.name,
                join=Typed("/join"),
            )
        )
    if own is not None and own[0].id == theirs.helper_id:
        raise _for_another_account(theirs)
    await connections.use(context.tx, found, now=context.now)
    welcome = await _take_over(here, theirs, context.person.id, own[0] if own is not None else None)
    to_agree, buttons = await _to_agree(here, context.person.id)
    return Reply(lines(welcome, to_agree), buttons=buttons)


async def _to_agree(context: Context, person: int) -> tuple[Words | None, tuple[tuple[Button, ...], ...]]:
    """What somebody who speaks for themselves now has not agreed to yet, as everybody does who joins."""
    committee = context.committee
    agreement = await coming_in.agreement(context.tx, committee.id)
    member = await people.member_of(context.tx, committee.id, person)
    if agreement is None or member is None or await coming_in.has_agreed(context.tx, agreement.id, member[0].id):
        return None, ()
    says = Saying(command="agree_and_join", arguments={"number": agreement.number})
    agree = Button(label=T("I agree"), says=says, only=member[0].id, committee=committee.id)
    words = T(
        "Whoever is a member of {committee} agrees to this: {text}", committee=committee.name, text=agreement.words
    )
    return words, ((agree,),)


async def _take_over(context: Context, theirs: Member, person: int, own: Member | None) -> Words:
    """A person with an account is whoever was spoken for, from now on. Returns their welcome.

    `own`: the membership that they have with their account already.
    """
    committee = context.committee
    helper = await people.member_now(context.tx, committee.id, theirs.helper_id) if theirs.helper_id else None
    await rows.change_helper(context.tx, theirs.id, None)
    if own is not None:
        await _merge(context, own, theirs)
    # The person without an account goes into the one with it, and leaves nothing behind.
    await connections.join_persons(context.tx, person, theirs.person_id, now=context.now)
    member = await people.member_of(context.tx, committee.id, person)
    assert member is not None
    body = {"member": member[0].id, "helper": None if helper is None else helper.id}
    await entries.append(context.tx, committee, "claimed", body, now=context.now)
    await context.announce(T("{name} has an account now and speaks for themselves.", name=theirs.name))
    if helper is not None and helper.active and (context.of_member is None or context.of_member.id != helper.id):
        # Whoever gave a code hears that it was used; whoever said yes knows.
        await context.tell(
            helper,
            T(
                "{name} has an account in {committee} now: you do not speak for them any more. Thank you!",
                name=theirs.name,
                committee=committee.name,
            ),
        )
    account = await transfers.account(context.tx, committee, member[0])
    return lines(
        T("Welcome, {name}. You speak for yourself in {committee} now.", name=theirs.name, committee=committee.name),
        T("You have {balance}.", balance=account.balance),
        T("{menu} shows what you can do.", menu=Typed("/menu")),
    )


def _for_another_account(who: Member) -> Refusal:
    return Refusal(T("That is for {name}, for whom you speak: they do it from an account of their own.", name=who.name))


def _closed(committee: Committee) -> Refusal:
    return Refusal(T("That is not open any more. Talk to an organizer of {committee}.", committee=committee.name))


async def _merge(context: Context, own: Member, theirs: Member) -> None:
    """They are a member with their account already: the two memberships become one, with all hours."""
    found = await connections.memberships(context.tx, own.person_id)
    kept_for = await connections.memberships(context.tx, theirs.person_id)
    goes_on, goes = joining.kept(found[context.committee.id], kept_for[context.committee.id])
    into, old = (own, theirs) if goes_on.id == own.id else (theirs, own)
    before, after = await transfers.accounts(context.tx, context.committee, old, into)
    transfer = ledger.carry(before, after, at=context.now)
    carried = None
    if transfer is not None:
        carried, _ = await transfers.record(context.tx, context.committee, transfer, recorder=into, carried=True)
    await connections.absorb(context.tx, old.id, into.id, transfer=carried, now=context.now)
    body = {"member": old.id, "into": into.id, "roles": sorted(goes.roles)}
    await entries.append(context.tx, context.committee, "one_person", body, now=context.now)


# --- households ------------------------------------------------------------------------------------------------


@router.command(
    "household",
    allow=Authority.MEMBER,
    help=T("With whom you share a home here; {leave} ends it.", leave=Typed("/household leave")),
    label=T("My household"),
    sample=("with @ben",),
    for_others=True,
)
async def household(context: Context, *, word: HomeWord = "", who: Person | None = None) -> Reply:
    """Show it, ask somebody in, or go."""
    if word == "leave":
        return await _leave_home(context)
    if who is None:
        if word:
            raise Refusal(T("With whom? Write it like this: {example}", example=Typed("/household with @ben")))
        return await _show_home(context)
    if who.id == context.member.id:
        raise Refusal(T("You live with yourself already. Write who else shares your home."))
    if who.child:
        raise Refusal(T("Children come in by an adult of their home: {command}", command=Typed("/add child Mia")))
    if context.member.child:
        raise Refusal(T("An adult says who shares the home."))
    await _may_share(context, context.member, who)
    if await rows.speaks_for(context.tx, context.speaker, who) or who.id == context.speaker.id:
        return await _share(context, context.member, who)
    asked = await people.member_now(context.tx, context.committee.id, who.helper_id) if who.helper_id else who
    if asked is None or not asked.active:
        raise await _not_yours(context, who)
    question = context.tx.token()
    answers = tuple(
        Button(
            label=label,
            says=says,
            only=asked.id,
            once=True,
            question=question,
            expires=ASKED_FOR,
            committee=context.committee.id,
        )
        for label, says in (
            (T("Yes, we share a home"), at_home.says(asker=context.member, who=who)),
            (T("No"), not_at_home.says(asker=context.member)),
        )
    )
    words = (
        T("{name} says that you two share a home. Is that so?", name=context.member.name)
        if asked.id == who.id
        else T(
            "{name} says that {other} shares a home with them. Is that so?", name=context.member.name, other=who.name
        )
    )
    if await context.tell(asked, words, buttons=(answers,)):
        return Reply(T("I have asked {name}.", name=asked.name), private=True)
    if context.in_private:
        raise Refusal(T("I cannot reach {name} in private. Say it in the group instead.", name=asked.name))
    return Reply(T("{name}: do you share a home with {asker}?", name=asked.name, asker=context.member.name), (answers,))


async def _show_home(context: Context) -> Reply:
    home = await rows.home_of(context.tx, context.member)
    if not home:
        return Reply(
            T(
                "You share your home with nobody here. Say with whom: {with_}, or add a child: {child}",
                with_=Typed("/household with @ben"),
                child=Typed("/add child Mia"),
            ),
            private=True,
        )
    others = (T("{name} (child)", name=one.name) if one.child else one.name for one in home)
    names = Listed((T("you"), *others))
    return Reply(
        lines(
            T("Your home: {names}.", names=names),
            T("Everybody keeps their own hours. The adults speak for the children."),
        ),
        private=True,
    )


async def _may_share(context: Context, one: Member, other: Member) -> None:
    """Raises Refusal where the two cannot share a home."""
    mine, theirs = await rows.household_of(context.tx, one), await rows.household_of(context.tx, other)
    if mine is not None and mine == theirs:
        raise Refusal(T("You share a home already."))
    if mine is not None and theirs is not None:
        raise Refusal(
            T(
                "You each have a home of your own here. One of you leaves theirs first: {command}",
                command=Typed("/household leave"),
            )
        )
    sizes = [len(await rows.home_of(context.tx, both)) + 1 for both in (one, other)]
    if sum(sizes) > rows.HOUSEHOLD_MAX:
        raise Refusal(_home_is_full())


def _home_is_full() -> Text:
    return T("A home has at most {n} people here.", n=rows.HOUSEHOLD_MAX)


@router.command("at_home", allow=Authority.MEMBER, typed=False, help=T("Say that you share a home."))
async def at_home(context: Context, *, asker: Person, who: Person) -> Reply:
    """The other one, or whoever speaks for them, says yes."""
    if context.member.id != who.id and not await rows.speaks_for(context.tx, context.member, who):
        raise Refusal(T("This choice is for somebody else."))
    await _may_share(context, asker, who)
    return await _share(context, asker, who)


@router.command("not_at_home", allow=Authority.MEMBER, typed=False, help=T("Say that you do not share a home."))
async def not_at_home(context: Context, *, asker: Person) -> Reply:
    """The other one says no."""
    await context.tell(asker, T("{name} says that you do not share a home.", name=context.member.name))
    return Reply(T("All right, nothing is changed."), private=True)


async def _share(context: Context, one: Member, other: Member) -> Reply:
    if await rows.household_of(context.tx, other) is not None:
        one, other = other, one
    home = await rows.settle_home(context.tx, one)
    await rows.move_in(context.tx, other, home)
    for resident in (other, *await rows.home_of(context.tx, other)):
        if resident.id != context.speaker.id and not resident.child:
            others = tuple(at.name for at in await rows.home_of(context.tx, resident))
            await context.tell(resident, T("You share a home here with {names} now.", names=Listed(others)))
    return Reply(
        T("{name} and {other} share a home now. Each keeps their own hours.", name=one.name, other=other.name),
        private=True,
    )


async def _leave_home(context: Context) -> Reply:
    if context.member.child:
        raise Refusal(
            T(
                "A child shares the home of its adults. To take a child off the roll, say {command}.",
                command=Typed("/for", context.member.name, "/leave"),
            )
        )
    home = await rows.home_of(context.tx, context.member)
    if not home:
        raise Refusal(T("You share your home with nobody here."))
    if not any(not one.child for one in home):
        raise Refusal(
            T("You are the only adult there: {names} would be alone.", names=Listed(tuple(one.name for one in home)))
        )
    await rows.move_out(context.tx, context.member)
    for one in home:
        if not one.child:
            await context.tell(one, T("{name} does not share your home any more.", name=context.member.name))
    return Reply(T("You share this home no more. Children stay with the others."), private=True)


# --- everybody -------------------------------------------------------------------------------------------------


@router.command(
    "members",
    allow=Authority.MEMBER,
    help=T("Who is in the committee, and who speaks for whom; only you see the answer."),
    label=T("Who is here"),
    repeatable=True,
)
async def members(context: Context, *, page: Number = 1) -> Reply:
    """The roll, a page at a time, in private."""
    adults, children = await rows.count_roll(context.tx, context.committee.id)
    found = await rows.page(context.tx, context.committee.id, first=(page - 1) * PAGE, size=PAGE)
    if not found:
        raise Refusal(T("There is no such page. The first one: {command}", command=Typed("/members")))
    more = Button(label=T("More"), says=members.says(page=page + 1))
    return Reply(
        lines(
            T("{title}", title=Bold(context.committee.name)),
            T("Members: {n}", n=adults) if not children else T("Members: {n}, and children: {m}", n=adults, m=children),
            *(_entry(one) for one in found),
        ),
        buttons=((more,),) if page * PAGE < adults + children else (),
        private=True,
    )


def _entry(one: rows.Entry) -> Text:
    if one.child:
        # Whoever shares the home stands there; without a home, whoever speaks for them.
        return T("{name}, child ({helper})", name=one.name, helper=Listed(one.home or (one.helper or "",)))
    about: list[Text | str] = [offices.titled(role) for role in one.roles if role != "founder"]
    if one.helper is not None:
        about.append(T("{helper} speaks for them", helper=one.helper))
    if one.home:
        about.append(T("at home with {names}", names=Listed(one.home)))
    if not about:
        return Text("{name}", values={"name": one.name})
    return Text("{name}: {about}", values={"name": one.name, "about": _joined(about)})


def _joined(parts: Sequence[Text | str]) -> Text:
    """Parts of a line, with a comma between them in every language."""
    values: dict[str, Value] = {f"p{at}": part for at, part in enumerate(parts)}
    return Text(", ".join(f"{{{name}}}" for name in values), values=values)


# --- lists -----------------------------------------------------------------------------------------------------


@router.command(
    "list",
    allow=Authority.ORGANIZER,
    help=T("Add many people at once from a list. First I show what I have read."),
    label=T("Add a list"),
    sample=(T("[a list]"),),
)
async def list_(context: Context, *, people_: Roll | None = None) -> Reply:
    """Show what a list would do. Nothing is added before the yes."""
    if people_ is None:
        return Reply(_how_lists_look())
    known = await rows.known(context.tx, context.committee.id)
    newcomers, problems = roll.sift(people_.rows, known)
    problems = sorted([*people_.problems, *problems], key=lambda problem: problem.line)
    if not newcomers and not problems:
        return Reply(_how_lists_look())
    adults = [one for one in newcomers if not one.child]
    helped = [one for one in adults if one.helper_id is not None]
    kept = {one.line for one in newcomers}
    button = Button(
        label=N("Add {n} person", "Add {n} people", len(newcomers)),
        says=list_add.says(people_=roll.List(rows=tuple(row for row in people_.rows if row.line in kept))),
        only=context.member.id,
        once=True,
        question=context.tx.token(),
        expires=LIST_WAITS,
    )
    return Reply(
        lines(
            N("I can add {n} person:", "I can add {n} people:", len(newcomers)) if newcomers else None,
            _some([one.name for one in newcomers]) if newcomers else None,
            T("You speak for {n} of them, until they have an account.", n=len(adults) - len(helped))
            if adults
            else None,
            T("Others speak for {n} of them.", n=len(helped)) if helped else None,
            T("Children: {n}", n=len(newcomers) - len(adults)) if len(newcomers) > len(adults) else None,
            _left_out(problems) if problems else None,
            *(_problem(problem) for problem in problems[:SHOWN_MAX]),
            T("… and {n} more.", n=len(problems) - SHOWN_MAX) if len(problems) > SHOWN_MAX else None,
            T("Telephone numbers and addresses are not kept. If the list has any, delete it in this chat."),
            T("Nothing is added yet.") if newcomers else T("Nothing is added."),
        ),
        buttons=((button,),) if newcomers else (),
        private=True,
    )


def _how_lists_look() -> Words:
    return lines(
        T("Send me a CSV file with {command} as its caption, or write the lines under {command}:", command=_LIST),
        Text("{example}", values={"example": Typed("name;nickname;helper;child of")}),
        Text("{example}", values={"example": Typed("Rosa Gil;Rosi;@ana;")}),
        Text("{example}", values={"example": Typed("Mia Gil;;;Rosa Gil")}),
        T("The name is enough. At most {n} lines.", n=roll.ROWS_MAX),
    )


def _left_out(problems: Sequence[roll.Problem]) -> Text:
    count = sum(problem.lines for problem in problems)
    return N("Left out, {n} line:", "Left out, {n} lines:", count)


def _some(names: Sequence[str]) -> Text:
    if len(names) <= SHOWN_MAX:
        return T("{names}.", names=Listed(tuple(names)))
    return T("{names} and {n} more.", names=Listed(tuple(names[:SHOWN_MAX])), n=len(names) - SHOWN_MAX)


def _problem(problem: roll.Problem) -> Text:
    word, line = problem.word, problem.line
    match problem.why:
        case "quotes":
            return T("Line {line}: the quotation marks do not fit.", line=line)
        case "no_name":
            return T("Line {line}: there is no name.", line=line)
        case "long_name":
            return T("Line {line}: the name is too long.", line=line)
        case "bad_nickname":
            return T("Line {line}: “{word}” is no nickname.", line=line, word=word)
        case "too_many":
            return T(
                "From line {line} on: {n} lines at most. Send the rest as another list.", line=line, n=roll.ROWS_MAX
            )
        case "already":
            return T(
                "Line {line}: {word} is here already. If it is somebody else, give a nickname.", line=line, word=word
            )
        case "twice":
            return T(
                "Line {line}: {word} is on the list twice. If it is somebody else, give both a nickname.",
                line=line,
                word=word,
            )
        case "taken_nickname":
            return T("Line {line}: somebody else goes by {word}.", line=line, word=word)
        case "no_helper" | "no_parent":
            return T("Line {line}: nobody here is called {word}.", line=line, word=word)
        case "unsure_helper" | "unsure_parent":
            return T("Line {line}: {word} fits several people.", line=line, word=word)
        case "helper_cannot":
            return T("Line {line}: {word} has no account and cannot speak for others.", line=line, word=word)
        case "parent_is_child":
            return T("Line {line}: {word} is a child.", line=line, word=word)


@router.command("list_add", allow=Authority.ORGANIZER, typed=False, help=T("Add the people of a list."))
async def list_add(context: Context, *, people_: Roll) -> Reply | Card | None:
    """The yes under what was shown."""
    if await _decided(context):
        return await context.say(list_admit.says(people_=people_, helper=context.member), authority=Authority.MEMBER)
    return await _add_list(context, people_, context.member)


@router.command(
    "list_admit",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Add the people of a list."),
    proposal=lambda *, people_, helper: T(
        "These come in without an account, from a list of {helper}: {names}",
        helper=helper.name,
        names=_some([row.name for row in people_.rows]),
    ),
)
async def list_admit(context: Context, *, people_: Roll, helper: Person) -> Reply:
    """What was decided."""
    return await _add_list(context, people_, helper)


async def _add_list(context: Context, people_: roll.List, helper: Member) -> Reply:
    """Add whoever is new now; meanwhile some may have come in."""
    newcomers, left = roll.sift(people_.rows, await rows.known(context.tx, context.committee.id))
    if not newcomers:
        raise Refusal(T("Everybody on the list is here already."))
    until = await _newcomer_until(context)
    ids: dict[int, int] = {}
    added: list[list[int]] = []
    for one in newcomers:
        speaks, home = one.helper_id or helper.id, None
        parent_id = one.parent_id or (ids[one.parent_line] if one.parent_line is not None else None)
        if parent_id is not None:
            parent = await people.member(context.tx, context.committee.id, parent_id)
            assert parent is not None
            home = await rows.settle_home(context.tx, parent)
            speaks = parent.helper_id or parent.id
        ids[one.line] = await rows.add(
            context.tx,
            context.committee,
            one.name,
            nickname=one.nickname,
            helper=speaks,
            invited_by=helper.id,
            child=one.child,
            household=home,
            newcomer_until=until,
            now=context.now,
        )
        added.append([ids[one.line], speaks, int(one.child)])
    await entries.append(context.tx, context.committee, "listed", {"added": added}, now=context.now)
    words = lines(
        N(
            "{helper} has added {n} person from a list:",
            "{helper} has added {n} people from a list:",
            len(newcomers),
            helper=helper.name,
        ),
        _some([one.name for one in newcomers]),
        T("{members} shows who speaks for them.", members=Typed("/members")),
    )
    await context.announce(words, but=context.place)
    return Reply(lines(words, _left_out(left) if left else None, *(_problem(problem) for problem in left[:SHOWN_MAX])))


# --- in the log --------------------------------------------------------------------------------------------------


@router.entry("added", about="members")
async def added_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody without an account, or a child, was added."""
    name, helper = await telling.name(body["member"]), await telling.name(body["helper"])
    if body["child"]:
        return T("{helper} added a child: {name}.", helper=helper, name=name)
    return T("{helper} added {name} and speaks for them.", helper=helper, name=name)


@router.entry("helper", about="members")
async def helper_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Somebody else speaks for a member."""
    helper = await telling.name(body["helper"])
    return T("{helper} speaks for {name} now.", helper=helper, name=await telling.name(body["member"]))


@router.entry("claimed", about="members")
async def claimed_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A member has an account of their own now."""
    return T("{name} has an account of their own now.", name=await telling.name(body["member"]))


@router.entry("listed", about="members")
async def listed_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Many were added from a list."""
    n = len(body["added"])
    return N("{n} member was added from a list.", "{n} members were added from a list.", n)
