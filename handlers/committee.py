"""A committee's beginning, its members and its rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from bot.arguments import Allowance, Language, Note, Person, Zone, choice
from bot.chat import Button, Card, Reply, Saying, network_of
from bot.domain import ledger
from bot.router import Asks, Authority, Context, Router, Where
from bot.text import LANGUAGES, Bold, Listed, Minutes, Refusal, T, Text, Typed, Words, lines
from storage import connections, entries, people
from storage.people import Committee, Member

router = Router("committee", title=T("Committee"))

NAME_CHARACTERS_MAX = 60
NICKNAME_CHARACTERS_MAX = 30
ZONE_DEFAULT = "UTC"
_SET_UP = Button(label=T("Set up"), says=Saying(command="setup"))
_JOIN = Button(label=T("I'm in"), says=Saying(command="join"))


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
async def setup(context: Context) -> Reply:
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
    return Reply(
        lines(
            T(
                "{committee} is set up. {name} is its first organizer.",
                committee=Bold(committee.name),
                name=member.name,
            ),
            T(
                "Whoever wants to take part chooses “{choice}”. Then {name} appoints a second organizer: {command}",
                choice=_JOIN.label,
                name=member.name,
                command=Typed("/organizer @ben"),
            ),
            T(
                "Language: {language}. Time zone: {zone}. Change them with {settings}.",
                language=LANGUAGES[committee.language],
                zone=committee.zone.key,
                settings=Typed("/settings"),
            ),
        ),
        buttons=((_JOIN,),),
    )


@router.command(
    "join", allow=Authority.ANYONE, where=Where.GROUP, help=T("Become a member of the committee of this group.")
)
async def join(context: Context) -> Reply:
    """Whoever is in the group may be in its committee."""
    if context.of_committee is None:
        raise Refusal(
            T("There is no committee here yet. Whoever manages this group types {setup}.", setup=Typed("/setup"))
        )
    assert context.person is not None
    if context.of_member is not None:
        raise Refusal(T("You are in {committee} already.", committee=context.committee.name))
    member = await people.join(context.tx, context.committee.id, context.person, now=context.now)
    await entries.append(context.tx, context.committee, "joined", {"member": member.id}, now=context.now)
    return Reply(
        lines(
            T(
                "Welcome to {committee}, {name}. {menu} shows what you can do.",
                committee=context.committee.name,
                name=member.name,
                menu=Typed("/menu"),
            ),
            T(
                "Are you a member with another account already? Write {connect} to me in private.",
                connect=Typed("/connect"),
            )
            if await _may_be_here_twice(context)
            else None,
        )
    )


async def _may_be_here_twice(context: Context) -> bool:
    """Whether the committee is on several networks, and this person with one account only."""
    assert context.person is not None
    networks = {network_of(place.address) for place in await people.chats_of(context.tx, context.committee.id)}
    return len(networks) > 1 and len(await connections.accounts_of(context.tx, context.person.id)) == 1


async def _leaving(context: Context) -> Words:
    return T("Leave {committee}? Your hours stay in its books.", committee=context.committee.name)


@router.command("leave", allow=Authority.MEMBER, label=T("Leave"), help=T("Leave the committee."), confirm=_leaving)
async def leave(context: Context) -> Reply:
    """End the membership; the hours stay in the books and are there again after /join."""
    return await _announced(context, await _leave(context))


@router.command("gone", allow=Authority.MEMBER, typed=False, help=T("Somebody has left the group."))
async def gone(context: Context) -> Reply | None:
    """Whoever leaves the group leaves the committee, unless another group of it may have them still.

    The group sees that by itself; others of the committee hear it, and all do where a role ends with it.
    """
    assert context.place is not None
    member = context.member
    if await people.has_another_group(context.tx, context.committee.id, member.person_id, than=context.place.id):
        return None
    organized = "organizer" in context.roles
    words = await _leave(context)
    await context.announce(words, but=context.place)
    return Reply(words) if organized else None


@router.command(
    "nickname",
    allow=Authority.MEMBER,
    label=T("My nickname"),
    help=T("The name you go by here; {off} goes back to your own.", off=Typed("/nickname off")),
    asks={"name": Asks(T("What do you want to be called here? Write it as an answer."))},
    sample=("Benny",),
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
    await people.leave(context.tx, context.member.id, now=context.now)
    await entries.append(context.tx, context.committee, "left", {"member": context.member.id}, now=context.now)
    left = await people.organizers(context.tx, context.committee.id)
    name = context.member.name
    return lines(
        T("{name} has left {committee}.", name=name, committee=context.committee.name),
        _organizers_wanted(left) if "organizer" in context.roles else None,
    )


def _organizers_wanted(left: list[Member]) -> Text | None:
    """What to say when organizers have become few."""
    command = Typed("/organizer @name")
    if not left:
        return T(
            "There is no organizer now. Any member can propose one, and a majority decides within 24 hours: {command}",
            command=command,
        )
    if len(left) == 1:
        return T(
            "{name} is the only organizer now. A second one is needed: {command}", name=left[0].name, command=command
        )
    return None


@router.command(
    "organizer",
    allow=Authority.COMMITTEE,
    label=T("New organizer"),
    help=T("Make a member an organizer. Organizing is a task, not a rank."),
    proposal=lambda *, who: T("{name} becomes an organizer.", name=who.name),
    appoints=True,
)
async def organizer(context: Context, *, who: Person) -> Reply:
    """Appoint; announced to everybody."""
    already = await people.organizers(context.tx, context.committee.id)
    if who.id in {member.id for member in already}:
        raise Refusal(T("{name} is an organizer already.", name=who.name))
    await people.give_role(context.tx, who.id, "organizer", now=context.now)
    body = {"member": who.id, "role": "organizer", "held": True}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    names = Listed(tuple(member.name for member in [*already, who]))
    return await _announced(context, T("{name} is an organizer now. Organizers: {names}.", name=who.name, names=names))


async def _stepping_down(context: Context) -> Words:
    return T("Stop being an organizer?")


@router.command(
    "stepdown",
    allow=Authority.ORGANIZER,
    label=T("Stop organizing"),
    help=T("Stop being an organizer."),
    confirm=_stepping_down,
)
async def stepdown(context: Context) -> Reply:
    """End one's own role."""
    for role in ("organizer", "founder"):
        await people.end_role(context.tx, context.member.id, role, now=context.now)
    body = {"member": context.member.id, "role": "organizer", "held": False}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    left = await people.organizers(context.tx, context.committee.id)
    name = context.member.name
    words = lines(T("{name} is not an organizer any more. Thank you!", name=name), _organizers_wanted(left))
    return await _announced(context, words)


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
    members = await people.count_members(context.tx, committee.id)
    groups = await connections.groups_of(context.tx, committee.id)
    return Reply(
        lines(
            T("{title}", title=Bold(committee.name)),
            T("Members: {n}", n=members),
            T("Groups: {names}", names=Listed(tuple(group.name for group in groups))) if len(groups) > 1 else None,
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
            T("Changing these takes two organizers."),
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
    changed = replace(context.committee, language=language)
    await _change(context, changed, {"language": language})
    # The news is told in the new language, wherever it was agreed.
    return await _announced(replace(context, of_committee=changed), T("The group's language is {language} now.", language=LANGUAGES[language]))


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


async def _change(context: Context, committee: Committee, body: dict[str, object]) -> None:
    if committee == context.committee:
        raise Refusal(T("That is how it is already."))
    await people.change_rules(context.tx, committee)
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)


def _name(title: str) -> str:
    """A committee's name out of a group's title: one line, not too long."""
    return " ".join(title.split())[:NAME_CHARACTERS_MAX]
