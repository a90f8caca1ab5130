"""Who runs the bot, who can open its copies, and how a committee moves away."""

from __future__ import annotations

from dataclasses import replace

from bot.arguments import Note, Person
from bot.chat import Button, Card, Reply
from bot.domain import sealing
from bot.router import Authority, Context, Router, Todo, Where
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, lines
from storage import custodians, entries, people
from storage.people import Member

router = Router("host", title=T("The bot itself"))


@router.command(
    "host",
    allow=Authority.ANYONE,
    help=T("Who runs this bot, what they could read, and how your committee can move away."),
    label=T("Who runs it"),
    repeatable=True,
)
async def host(context: Context) -> Reply:
    """What everybody who trusts the bot should be able to know."""
    said = await custodians.host(context.tx)
    read = (
        T("They have the key to the database and could read all of it: names, hours, notes, votes. No log holds words.")
        if said.get("encrypted") == "1"
        else T("They could read all of the database: names, hours, notes, votes. It is not encrypted on the disk.")
    )
    return Reply(
        lines(
            _title(T("Who runs this bot")),
            T("Run by: {name}", name=said["name"])
            if "name" in said
            else T("Nobody has written down who runs it. Ask!"),
            T("To reach them: {contact}", contact=said["contact"]) if "contact" in said else None,
            T("The machine: {place}", place=said["place"]) if "place" in said else None,
            T("Costs: {costs}", costs=said["costs"]) if "costs" in said else None,
            read,
            T("One bot may serve several committees; none of them sees another."),
            *(await _copies(context) if context.of_member is not None else ()),
        ),
        private=True,
    )


async def _copies(context: Context) -> list[Text]:
    found = await custodians.of(context.tx, context.committee.id)
    newest = await custodians.newest(context.tx, context.committee.id)
    names = Listed(tuple(custodian.member.name for custodian in found))
    return [
        T("Custodians, who can open your committee's copies: {names}.", names=names)
        if found
        else T("Nobody can open copies of your committee yet, so none are made."),
        *([T("The newest copy is of {when}.", when=newest.made_at)] if newest and newest.made_at else []),
        *([T("The last try to make a copy failed. Tell whoever runs the bot.")] if newest and newest.trouble else []),
        T("How to become a custodian, or to move away: {command}", command=Typed("/custodian")),
    ]


def _title(title: Text) -> Text:
    return T("{title}", title=Bold(title))


@router.command(
    "custodian",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    help=T("Be able to open your committee's copies, should whoever runs the bot be gone; {off} ends it.", off="off"),
    label=T("Custodians"),
    sample=("age1…",),
)
async def custodian(context: Context, *, key: Note = "") -> Reply | Card | None:
    """How it works; with a public key, offer to be one; `off`: end it."""
    if not key:
        return await _explained(context)
    if key.casefold() == "off":
        return await _ended(context, context.member)
    try:
        recipient = sealing.recipient(key)
    except sealing.NotAKey:
        raise Refusal(
            T(
                "That is no public key. It begins with {start} and is what {command} prints on your computer. "
                "Copy it whole: one wrong letter spoils it.",
                start=Typed("age1"),
                command=Typed("solibot key"),
            )
        ) from None
    return await context.say(appointed.says(who=context.member, key=recipient), authority=Authority.MEMBER)


async def _explained(context: Context) -> Reply:
    found = await custodians.of(context.tx, context.committee.id)
    return Reply(
        lines(
            _title(T("Custodians")),
            T(
                "If whoever runs the bot moves away or the machine breaks, custodians put the committee to work again "
                "elsewhere. Every night a copy is sealed so that only they can open it. Two or more are needed."
            ),
            T("Now: {names}.", names=Listed(tuple(one.member.name for one in found))) if found else T("Now: nobody."),
            T("1. On a computer of your own, install Solibot and type {command}.", command=Typed("solibot key my.key")),
            T("2. Keep that file and a copy of it on paper. Give it to nobody."),
            T("3. Send me what it prints, here in private: {command}", command=Typed("/custodian age1…")),
            T("The committee then decides. Whoever has such a key and a copy can read all that the committee wrote."),
        )
    )


@router.command(
    "custodian_appointed",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("Somebody becomes a custodian of the copies."),
    proposal=lambda *, who, key: T(
        "{name} becomes a custodian and can open the committee's copies. Their key: {key}",
        name=who.name,
        key=sealing.short(key),
    ),
)
async def appointed(context: Context, *, who: Person, key: Note) -> Reply:
    """The committee trusts somebody with its copies."""
    try:
        recipient = sealing.recipient(key)
    except sealing.NotAKey:
        raise Refusal(T("That is no public key.")) from None
    there = await custodians.of(context.tx, context.committee.id)
    if any(one.member.id == who.id and one.recipient == recipient for one in there):
        raise Refusal(T("{name} is a custodian with this key already.", name=who.name))
    if len(there) >= custodians.CUSTODIANS_MAX:
        raise Refusal(T("There are {n} custodians; more are not kept.", n=len(there)))
    await custodians.appoint(context.tx, who, recipient, now=context.now)
    body = {"member": who.id, "role": "custodian", "held": True}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    left = custodians.ENOUGH - len({*(one.member.id for one in there), who.id})
    words = lines(
        T("{name} is a custodian now: from tonight on they can open the committee's copies.", name=who.name),
        N("{n} more is needed.", "{n} more are needed.", left) if left > 0 else None,
    )
    await context.announce(words, but=context.place)
    return Reply(words)


@router.command(
    "nocustodian",
    allow=Authority.COMMITTEE,
    listed=False,
    help=T("Somebody is to be a custodian no more."),
    proposal=lambda *, who: T("{name} is a custodian no more.", name=who.name),
)
async def nocustodian(context: Context, *, who: Person) -> Reply:
    """The committee takes the trust back; what they have already stays with them."""
    return await _ended(context, who)


async def _ended(context: Context, who: Member) -> Reply:
    if not await custodians.dismiss(context.tx, who):
        raise Refusal(T("{name} is no custodian.", name=who.name))
    body = {"member": who.id, "role": "custodian", "held": False}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    words = T("{name} is a custodian no more. Copies made until now they can still open.", name=who.name)
    await context.announce(words, but=context.place)
    return Reply(words)


@router.command("nightly", allow=Authority.CLOCK, typed=False, help=T("Copies are made, and custodians looked for."))
async def nightly(context: Context) -> None:
    """Ask for copies; and ask organizers, once a week, for custodians until there are enough."""
    custodians.want_copies(context.tx)
    for committee_id in await custodians.to_be_asked(context.tx, now=context.now):
        there = replace(context, of_committee=await people.committee(context.tx, committee_id))
        for organizer in await people.organizers(context.tx, committee_id):
            await there.nudge(organizer, _MISSING, buttons=((_HOW,),))


_MISSING = T(
    "Your committee needs two custodians: people who can put it to work again when whoever runs the bot is gone. "
    "Who could that be?"
)
_HOW = Button(label=T("How it works"), says=custodian.says())


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Organizers see that custodians are missing."""
    if "organizer" not in context.roles:
        return []
    found = await custodians.of(context.tx, context.committee.id)
    left = custodians.ENOUGH - len(found)
    if left <= 0:
        return []
    words = N(
        "{n} custodian of the committee's copies is missing.",
        "{n} custodians of the committee's copies are missing.",
        left,
    )
    return [Todo(words=words, buttons=(_HOW,))]
