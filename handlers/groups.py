"""Working groups with their own chat and roll, and splitting a committee that has become too big."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from bot.arguments import Note, Number, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import circles
from bot.domain.circles import Ending
from bot.router import Authority, Context, Router, Telling, Todo, View, Where
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import cards, due, entries, groups, notes, outbox, people, rules
from storage.database import Reader
from storage.groups import WorkingGroup
from storage.people import Place

router = Router("groups", title=T("Working groups"))

CHECKED_AT = time(18)
"""When the size is looked at, in the committee's zone: when people have time to talk about it."""
BUTTONS_MAX = 12
SIZE = "split_at"
"""The rule's name."""

_EXPECTED = T("one of the words {words}", words=Listed(tuple(Typed(word) for word in ("new", "join", "leave", "end"))))
What = Annotated[str, choice("new", "join", "leave", "end", expected=_EXPECTED)]
Off = Annotated[str, choice("off", expected=T("the word {example}", example=Typed("off")))]


def _kitchen(word: str) -> Typed:
    return Typed("/group", word, T("Kitchen"))


# --- the list --------------------------------------------------------------------------------------------------


@router.command(
    "groups",
    allow=Authority.MEMBER,
    help=T("The working groups, and how to join one."),
    label=T("Working groups"),
    repeatable=True,
)
async def list_groups(context: Context) -> Reply:
    """Every group with its size, and a button for each to join it."""
    found = await groups.all_of(context.tx, context.committee.id)
    mine = {group.id for group in await groups.of_member(context.tx, context.member.id)}
    private = context.place is not None and context.place.private
    # In a group the buttons are for everybody.
    offered = [group for group in found if not private or group.id not in mine]
    title = T("Working groups of {committee}", committee=context.committee.name)
    return Reply(
        lines(
            T("{title}", title=Bold(title)),
            *(_line(group, mine=private and group.id in mine) for group in found),
            None if found else T("There is none yet."),
            T("Begin one: {command}", command=_kitchen("new")),
        ),
        buttons=_in_rows([_join_button(group) for group in offered[:BUTTONS_MAX]]),
    )


def _line(group: WorkingGroup, *, mine: bool) -> Text:
    if mine:
        return N(
            "{group}: {n} member, you are in it", "{group}: {n} members, you are in it", group.size, group=group.name
        )
    return N("{group}: {n} member", "{group}: {n} members", group.size, group=group.name)


def _join_button(group: WorkingGroup) -> Button:
    return Button(label=T("Join {group}", group=group.name), says=group_join.says(number=group.id))


def _in_rows(buttons: Sequence[Button]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2))


@router.command(
    "group",
    allow=Authority.MEMBER,
    help=T("Begin, join, leave or end a working group. Alone, in a working group's chat: who is in it."),
    sample=("join", T("Kitchen")),
)
async def group(context: Context, *, what: What = "", name: Note = "") -> Reply | Card | None:
    """What is to be done with which group; in the group's own chat its name can be left out."""
    if what == "new":
        return await _begin(context, name)
    if not what and not name and await _here(context) is None:
        return await list_groups.handler(context)
    found = await _meant(context, what, name)
    if isinstance(found, Reply):
        return found
    match what:
        case "join":
            return await group_join.handler(context, number=found.id)
        case "leave":
            return await group_leave.handler(context, number=found.id)
        case "end":
            return await group_end.handler(context, number=found.id)
        case _:
            return await _roll(context, found)


async def _here(context: Context) -> WorkingGroup | None:
    """The working group in whose chat it is said."""
    if context.place is None or context.place.working_group_id is None:
        return None
    return await groups.get(context.tx, context.committee.id, context.place.working_group_id)


async def _meant(context: Context, what: str, name: str) -> WorkingGroup | Reply:
    """The group that is named; or the one whose chat it is, the only one it can be; else a question back."""
    if name:
        named = await groups.named(context.tx, context.committee.id, name)
        if named is None:
            raise Refusal(
                T("There is no working group “{name}”. {groups} shows all.", name=_short(name), groups=Typed("/groups"))
            )
        return named
    if (here := await _here(context)) is not None:
        return here
    if what == "join":
        reply = await list_groups.handler(context)
        assert isinstance(reply, Reply)
        return reply
    mine = await groups.of_member(context.tx, context.member.id)
    if not mine:
        raise Refusal(T("You are in no working group. {groups} shows all.", groups=Typed("/groups")))
    if len(mine) == 1:
        return mine[0]
    command = group_end if what == "end" else group_leave
    return Reply(
        T("Which working group do you mean?"),
        buttons=_in_rows(
            [Button(label=one.name, says=command.says(number=one.id), only=context.member.id) for one in mine]
        ),
    )


def _short(name: str) -> str:
    return name if len(name) <= circles.NAME_CHARACTERS_MAX else name[: circles.NAME_CHARACTERS_MAX] + "…"


async def _roll(context: Context, found: WorkingGroup) -> Reply:
    there = await people.roll(context.tx, found.id)
    names = Listed(tuple(member.name for member in there))
    return Reply(
        lines(
            T("{group}: {names}", group=Bold(found.name), names=names)
            if there
            else T("{group}: nobody is in it", group=Bold(found.name))
        ),
        buttons=((_join_button(found),),),
    )


async def _get(context: Context, number: int) -> WorkingGroup:
    """A group of this committee that has not ended, by id. Raises Refusal."""
    found = await groups.get(context.tx, context.committee.id, number)
    if found is None or found.ended:
        raise Refusal(T("That working group does not exist any more. {groups} shows all.", groups=Typed("/groups")))
    return found


# --- beginning, joining, leaving -------------------------------------------------------------------------------


async def _begin(context: Context, typed: str) -> Reply:
    if not typed:
        raise Refusal(T("What is it called? Write it like this: {example}", example=_kitchen("new")))
    name = circles.name(typed)
    if await groups.named(context.tx, context.committee.id, name) is not None:
        raise Refusal(
            T(
                "There is a working group {group} already. To be in it: {command}",
                group=name,
                command=Typed("/group", "join", name),
            )
        )
    if len(await groups.all_of(context.tx, context.committee.id)) >= circles.GROUPS_MAX:
        raise Refusal(
            T(
                "{n} working groups are the most. End one first: {command}",
                n=circles.GROUPS_MAX,
                command=_kitchen("end"),
            )
        )
    made = await groups.make(context.tx, context.committee.id, name, now=context.now)
    await groups.join(context.tx, made.id, context.member.id, now=context.now)
    veil = await notes.keep(context.tx, f"working_group:{made.id}", name)
    body = {"group": made.id, "did": "made", "by": context.member.id, "name": veil}
    await entries.append(context.tx, context.committee, "group", body, now=context.now)
    words = T(
        "{name} began a working group: {group}. Whoever likes joins in.", name=context.member.name, group=Bold(name)
    )
    buttons = ((_join_button(made),),)
    await context.announce(words, buttons=buttons, but=context.place)
    return Reply(
        lines(
            words,
            T(
                "For a chat of its own: make one, add me, and type there: {command}",
                command=Typed("/groupchat", name),
            ),
        ),
        buttons=buttons,
    )


@router.command("group_join", allow=Authority.MEMBER, typed=False, help=T("Join a working group."))
async def group_join(context: Context, *, number: Number) -> Reply:
    """Be on its roll; its own chat hears of it. `number`: the group's."""
    found = await _get(context, number)
    if not await groups.join(context.tx, found.id, context.member.id, now=context.now):
        raise Refusal(T("You are in {group} already.", group=found.name))
    there = await groups.get(context.tx, context.committee.id, found.id)
    assert there is not None
    words = N(
        "{name} is in the working group {group} now: {n} member.",
        "{name} is in the working group {group} now: {n} members.",
        there.size,
        name=context.member.name,
        group=found.name,
    )
    chat = await _tell_group(context, found, words)
    if chat is None or _is_here(context, chat):
        return Reply(words, private=context.pressed)
    title = await groups.title_of(context.tx, chat)
    inside = T("It has a chat: {title}. Ask one of them to let you in.", title=title)
    return Reply(lines(words, inside), private=context.pressed)


@router.command("group_leave", allow=Authority.MEMBER, typed=False, help=T("Leave a working group."))
async def group_leave(context: Context, *, number: Number) -> Reply:
    """Be on its roll no more. `number`: the group's."""
    found = await _get(context, number)
    if not await groups.leave(context.tx, found.id, context.member.id, now=context.now):
        raise Refusal(T("You are not in {group}.", group=found.name))
    words = T("{name} has left the working group {group}.", name=context.member.name, group=found.name)
    await _tell_group(context, found, words)
    return Reply(words)


async def _tell_group(context: Context, found: WorkingGroup, words: Words) -> Place | None:
    """Say something in the group's own chat, where it is not said anyway. Returns that chat, if there is one."""
    chat = await groups.chat_of(context.tx, found.id)
    if chat is None or not chat[1]:
        return None
    if not _is_here(context, chat[0]):
        await outbox.queue(
            context.tx,
            chat[0],
            words,
            reader=context.committee.reader,
            now=context.now,
            committee=context.committee.id,
        )
    return chat[0]


def _is_here(context: Context, place: Place) -> bool:
    return context.place is not None and context.place.id == place.id


# --- its own chat ----------------------------------------------------------------------------------------------


@router.command(
    "groupchat",
    allow=Authority.ANYONE,
    where=Where.GROUP,
    needs_rights=True,
    listed=False,
    help=T("In a new chat: it becomes the chat of a working group that you are in."),
    sample=(T("Kitchen"),),
)
async def groupchat(context: Context, *, name: Note) -> Reply:
    """Settle a working group here. Whoever manages the chat and is in the group can do it."""
    assert context.person is not None
    found = await groups.of_person(context.tx, context.person.id, name)
    if not found:
        raise Refusal(
            T(
                "You are in no working group “{name}”. Join it first: {command}. "
                "If you are a member with another account, write {connect} to me in private.",
                name=_short(name),
                command=Typed("/group", "join", _short(name)),
                connect=Typed("/connect"),
            )
        )
    if len(found) == 1:
        return await _settle(context, *found[0])
    buttons = []
    for one, member_id in found:
        committee = await people.committee(context.tx, one.committee_id)
        says = groupchat_of.says(number=one.id)
        buttons.append(Button(label=committee.name, says=says, only=member_id, committee=committee.id, once=True))
    return Reply(T("For which committee?"), buttons=tuple((button,) for button in buttons))


@router.command(
    "groupchat_of",
    allow=Authority.MEMBER,
    where=Where.GROUP,
    typed=False,
    needs_rights=True,
    help=T("The chat of a working group of this committee."),
)
async def groupchat_of(context: Context, *, number: Number) -> Reply:
    """The answer to the question for which committee. `number`: the group's."""
    found = await _get(context, number)
    if found.id not in {one.id for one in await groups.of_member(context.tx, context.member.id)}:
        raise Refusal(T("You are not in {group}.", group=found.name))
    return await _settle(context, found, context.member.id)


async def _settle(context: Context, found: WorkingGroup, member_id: int) -> Reply:
    place = context.place
    assert place is not None
    assert context.chat is not None
    if place.working_group_id == found.id:
        raise Refusal(T("This is the chat of {group} already.", group=found.name))
    if place.committee_id is not None:
        raise Refusal(
            T("This chat has another task already. Make a new chat for {group} and add me there.", group=found.name)
        )
    if context.manages_chat is None:
        raise Refusal(T("I could not find out whether you manage this group. Try again in a minute."))
    if not context.manages_chat:
        raise Refusal(T("Only somebody who manages this group can connect it."))
    before = await groups.chat_of(context.tx, found.id)
    if before is not None and before[1]:
        raise Refusal(
            T(
                "{group} has a chat already: {title}. To let that one go, type {command} there.",
                group=found.name,
                title=await groups.title_of(context.tx, before[0]),
                command=Typed("/disconnect"),
            )
        )
    if before is not None:
        await groups.let_go(context.tx, before[0])
    await groups.settle(context.tx, place, found, topic=context.chat.topic)
    committee = await people.committee(context.tx, found.committee_id)
    member = await people.member(context.tx, committee.id, member_id)
    assert member is not None
    body = {"group": found.id, "did": "chat", "by": member_id, "chat": place.id}
    await entries.append(context.tx, committee, "group", body, now=context.now)
    await replace(context, of_committee=committee).announce(
        T("{name} made a chat for the working group {group}.", name=member.name, group=found.name), but=place
    )
    return Reply(
        lines(
            T(
                "This is the chat of {group} now, a working group of {committee}.",
                group=Bold(found.name),
                committee=committee.name,
            ),
            T(
                "Its members can type everything here as in the big group. "
                "News of the whole committee does not come here."
            ),
            T("Who is in it: {command}", command=Typed("/group")),
        ),
        buttons=((_join_button(found),),),
    )


@router.command(
    "group_chat_let_go",
    allow=Authority.MEMBER,
    where=Where.GROUP,
    typed=False,
    help=T("Take a chat away from its group."),
)
async def group_chat_let_go(context: Context) -> Reply:
    """Its members, organizers, and whoever manages the chat can do it; the group goes on."""
    found = await _here(context)
    if found is None:
        raise Refusal(T("This chat is no working group's."))
    assert context.place is not None
    mine = {one.id for one in await groups.of_member(context.tx, context.member.id)}
    if found.id not in mine and "organizer" not in context.roles and not context.manages_chat:
        raise Refusal(T("You are not in {group}.", group=found.name))
    await groups.let_go(context.tx, context.place)
    body = {"group": found.id, "did": "no_chat", "by": context.member.id}
    await entries.append(context.tx, context.committee, "group", body, now=context.now)
    return Reply(
        T(
            "This chat is not that of {group} any more. The working group goes on. {groups} in the committee's group "
            "shows it.",
            group=found.name,
            groups=Typed("/groups"),
        )
    )


# --- its end ---------------------------------------------------------------------------------------------------


@router.command("group_end", allow=Authority.MEMBER, typed=False, help=T("End a working group."))
async def group_end(context: Context, *, number: Number) -> Reply | Card:
    """Want it to end: with more than half of its members, or two organizers, it does. `number`: the group's."""
    found = await _get(context, number)
    before = await _ending(context.tx, context.committee.id, found, now=context.now)
    if not before.counts(context.member.id):
        raise Refusal(
            T(
                "That is for the members of {group} to say, or for two organizers. Talk to one of them.",
                group=found.name,
            )
        )
    if not await groups.want_end(context.tx, found.id, context.member.id, now=context.now):
        raise Refusal(T("You have said so already. Others have to say it too."))
    ending = await _ending(context.tx, context.committee.id, found, now=context.now)
    card = Card("group_end", found.id)
    if ending.carried:
        return await _end(context, found, ending, card)
    if context.pressed:
        await cards.changed(context.tx, card.thing)
        return Reply(T("Thank you, noted."), private=True)
    chat = await groups.chat_of(context.tx, found.id)
    if chat is not None and chat[1] and not _is_here(context, chat[0]):
        await cards.show(context.tx, card.thing, chat[0], committee=context.committee.id)
    if context.place is not None and context.place.private:
        await context.show(card)
        return Reply(T("That needs the others: I have asked in the group."))
    return card


async def _ending(tx: Reader, committee_id: int, found: WorkingGroup, *, now: datetime) -> Ending:
    facts = await people.facts(tx, committee_id, now=now)
    return Ending(
        members={member.id for member in await people.roll(tx, found.id)} & facts.members,
        organizers=facts.organizers,
        wanted_by=await groups.wanting_end(tx, found.id, now=now),
    )


async def _end(context: Context, found: WorkingGroup, ending: Ending, card: Card) -> Reply:
    """Everybody hears of it, its own chat too; then that chat is nobody's."""
    words = T("The working group {group} has ended. Thank you to all who were in it!", group=found.name)
    await _tell_group(context, found, words)
    body = {"group": found.id, "did": "ended", "consents": sorted(i for i in ending.wanted_by if ending.counts(i))}
    await entries.append(context.tx, context.committee, "group", body, now=context.now)
    await groups.end(context.tx, found.id, now=context.now)
    await cards.changed(context.tx, card.thing)
    if (chat := await groups.chat_of(context.tx, found.id)) is not None:
        await groups.let_go(context.tx, chat[0])
    await context.announce(words, but=context.place)
    return Reply(words)


@router.card("group_end")
async def group_end_card(view: View, ref: int) -> Shown | None:
    """Who wants it to end, and what is missing."""
    found = await groups.get(view.tx, view.committee.id, ref)
    if found is None:
        return None
    if found.ended:
        return Shown(T("The working group {group} has ended.", group=found.name))
    ending = await _ending(view.tx, view.committee.id, found, now=view.now)
    wanted = [await _name(view, member) for member in sorted(ending.wanted_by) if ending.counts(member)]
    if not wanted:
        return Shown(T("The working group {group} goes on: not enough people wanted it to end.", group=found.name))
    return Shown(
        lines(
            T("Shall the working group {group} end?", group=Bold(found.name)),
            T("Agreed: {names}.", names=Listed(tuple(wanted))),
            N(
                "{n} more of its members must agree, or two organizers.",
                "{n} more of its members must agree, or two organizers.",
                ending.members_missing,
            )
            if ending.members
            else T("Two organizers must agree."),
        ),
        buttons=((Button(label=T("Agree"), says=group_end.says(number=found.id)),),),
    )


async def _name(view: View, member_id: int) -> str:
    member = await people.member_now(view.tx, view.committee.id, member_id)
    assert member is not None
    return member.name


@router.todo
async def waiting(context: Context) -> Sequence[Todo]:
    """Groups that others want to end, where this member's word counts."""
    asked: list[Todo] = []
    for found in await groups.all_of(context.tx, context.committee.id):
        ending = await _ending(context.tx, context.committee.id, found, now=context.now)
        others = ending.wanted_by - {context.member.id}
        if others and ending.counts(context.member.id) and context.member.id not in ending.wanted_by:
            button = Button(label=T("Agree"), says=group_end.says(number=found.id))
            asked.append(Todo(words=T("Shall the working group {group} end?", group=found.name), buttons=(button,)))
    return asked


# --- in the books ----------------------------------------------------------------------------------------------


@router.entry("group", about="groups")
async def group_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What became of a working group, by its name as it was made."""
    found = await groups.get(telling.tx, telling.committee.id, body["group"])
    group = found.name if found is not None else "…"
    if body["did"] == "ended":
        names = await telling.names(body["consents"])
        return T("{names} ended the working group {group}.", names=names, group=group)
    name = await telling.name(body["by"])
    match body["did"]:
        case "made":
            return T("{name} began the working group {group}.", name=name, group=group)
        case "chat":
            return T("{name} gave the working group {group} a chat of its own.", name=name, group=group)
        case _:
            return T("{name} took the chat away from the working group {group}.", name=name, group=group)


@router.entry("rule", SIZE, about="rules")
async def size_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Beyond which size small groups are proposed."""
    if body[SIZE] is None:
        return T("small groups are not proposed any more.")
    return T("beyond {n} members, small groups are proposed.", n=body[SIZE])


# --- splitting -------------------------------------------------------------------------------------------------


def _split_proposal(*, number: int | None = None, off: str = "") -> Text:
    if number is None:
        return T("I do not propose small groups any more.")
    return T("Beyond {n} members, I propose to make small groups.", n=number)


@router.command(
    "split_at",
    allow=Authority.COMMITTEE,
    help=T("Beyond how many members I propose to make small groups, or {off}.", off=Typed("off")),
    proposal=_split_proposal,
    sample=("40",),
)
async def split_at(context: Context, *, number: Number | None = None, off: Off = "") -> Reply:
    """Set the size, of the committee and of each working group. Nobody is ever moved."""
    if (number is None) == (not off):
        raise Refusal(
            T(
                "Write a number or the word off: {example} or {off}",
                example=Typed("/split_at 40"),
                off=Typed("/split_at off"),
            )
        )
    if number is not None and not circles.SIZE_LEAST <= number <= circles.SIZE_MOST:
        raise Refusal(T("Write a number from {least} to {most}.", least=circles.SIZE_LEAST, most=circles.SIZE_MOST))
    if await rules.get(context.tx, context.committee.id, SIZE) == number:
        raise Refusal(T("That is how it is already."))
    await entries.decide_rule(context.tx, context.committee, SIZE, number, now=context.now)
    key = f"{SIZE}:{context.committee.id}"
    if number is None:
        await due.cancel(context.tx, key)
        words = T("I do not propose small groups any more.")
    else:
        zone = context.committee.zone
        today = context.now.astimezone(zone)
        first = datetime.combine(today.date(), CHECKED_AT)
        await due.plan(
            context.tx,
            key,
            look_at_size.says(),
            local=first if today.replace(tzinfo=None) < first else first + timedelta(days=1),
            zone=zone,
            committee=context.committee.id,
            late="do",
            rrule="FREQ=DAILY",
        )
        words = T("Beyond {n} members, I propose to make small groups. Nobody is moved.", n=number)
    await context.announce(words, but=context.place)
    return Reply(words)


@router.command("look_at_size", allow=Authority.CLOCK, typed=False, help=T("Whether the committee has become too big."))
async def look_at_size(context: Context) -> None:
    """Once a day: propose small groups where the committee, or a working group, has passed the size."""
    size = await rules.get(context.tx, context.committee.id, SIZE)
    if size is None:
        return
    await _look_at(context, None, size, await people.count_members(context.tx, context.committee.id))
    for found in await groups.all_of(context.tx, context.committee.id):
        await _look_at(context, found, size, found.size)


async def _look_at(context: Context, found: WorkingGroup | None, size: int, count: int) -> None:
    last = await groups.last_split(context.tx, context.committee.id, found.id if found else None)
    if count <= size:
        if last is not None and not last.below:
            await groups.went_below(context.tx, last.id)
            await cards.changed(context.tx, Card("split", last.id).thing)
        return
    proposed = circles.Proposed(at=last.at, below=last.below) if last is not None else None
    if not circles.proposes(size=size, count=count, last=proposed, now=context.now):
        return
    id_ = await groups.propose_split(
        context.tx, context.committee.id, found.id if found else None, size=size, now=context.now
    )
    card = Card("split", id_)
    chat = await groups.chat_of(context.tx, found.id) if found is not None else None
    if chat is not None and chat[1]:
        await cards.show(context.tx, card.thing, chat[0], committee=context.committee.id)
    else:
        await context.show(card)


@router.command("split_decline", allow=Authority.MEMBER, typed=False, help=T("Not to make small groups now."))
async def split_decline(context: Context, *, number: Number) -> Reply:
    """The card says who; the proposal rests for a month. `number`: the proposal's."""
    found = await groups.split(context.tx, context.committee.id, number)
    if found is None or found.below or found.declined_by is not None:
        raise Refusal(T("That was chosen already."))
    await groups.decline(context.tx, found.id, context.member.id)
    await cards.changed(context.tx, Card("split", found.id).thing)
    return Reply(T("Thank you, noted."), private=True)


@router.card("split")
async def split_card(view: View, ref: int) -> Shown | None:
    """How many there are, and why small groups work better."""
    found = await groups.split(view.tx, view.committee.id, ref)
    if found is None:
        return None
    about = await groups.get(view.tx, view.committee.id, found.group_id) if found.group_id is not None else None
    name = about.name if about is not None else view.committee.name
    count = about.size if about is not None else await people.count_members(view.tx, view.committee.id)
    if found.below:
        return Shown(T("{name} is not bigger than {size} any more.", name=name, size=found.size))
    heading = N(
        "{name} has {n} member now, more than {size}.",
        "{name} has {n} members now, more than {size}.",
        count,
        name=Bold(name),
        size=found.size,
    )
    if found.declined_by is not None:
        return Shown(
            lines(heading, T("Small groups: not now, says {name}.", name=await _name(view, found.declined_by)))
        )
    return Shown(
        lines(
            heading,
            T(
                "In small groups everybody has a say, people know each other, and it is easier to find a time. "
                "How about {n} groups, each with a task of its own? All stay in {committee}.",
                n=circles.parts(count),
                committee=view.committee.name,
            ),
        ),
        buttons=(
            (Button(label=T("Make working groups"), says=list_groups.says()),),
            (Button(label=T("Not now"), says=split_decline.says(number=found.id)),),
        ),
    )
