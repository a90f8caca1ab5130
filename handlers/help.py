"""Finding one's way: the menu, and what can be said here."""

from __future__ import annotations

from bot.arguments import Note
from bot.chat import Button, Reply, Saying
from bot.router import Authority, Command, Context, Router, Where
from bot.text import Bold, T, Text, Typed, Words, lines
from storage import people

router = Router("help")

LABELS = {
    "balance": T("My balance"),
    "history": T("My history"),
    "settings": T("Settings"),
    "help": T("All commands"),
}


@router.command("menu", allow=Authority.ANYONE, help=T("What you can do here, with buttons."), repeatable=True)
async def menu(context: Context) -> Reply:
    """The first page: what this is, and buttons for what needs no words."""
    if context.of_committee is None:
        return await _without_committee(context)
    if context.of_member is None:
        return Reply(
            T("This is {committee}. You are not a member yet.", committee=context.committee.name),
            buttons=((Button(label=T("Join"), says=Saying(command="join")),),),
        )
    buttons = [Button(label=label, says=Saying(command=name)) for name, label in LABELS.items()]
    return Reply(
        lines(
            _title(context.committee.name),
            T(
                "Did somebody help you? Thank them with your time: {example}",
                example=Typed("/thank @ben 1h30", T("fixed the bike")),
            ),
        ),
        buttons=tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)),
    )


async def _without_committee(context: Context) -> Reply:
    if context.place is None or not context.place.private:
        return Reply(
            T("There is no committee here yet. Whoever manages this group types {setup}.", setup=Typed("/setup")),
            buttons=((Button(label=T("Set up"), says=Saying(command="setup")),),),
        )
    mine = await people.committees_of(context.tx, context.person.id) if context.person else []
    if mine:
        return Reply(
            T("You are in several committees. Which one is this about?"),
            buttons=tuple(
                (Button(label=committee.name, says=Saying(command="menu"), committee=committee.id),)
                for committee in mine
            ),
        )
    return Reply(
        T(
            "Hello! I help groups to exchange help, hour for hour. "
            "Type {join} in your group if I am there already, or add me to a group and type {setup} there.",
            join=Typed("/join"),
            setup=Typed("/setup"),
        )
    )


@router.command("start", allow=Authority.ANYONE, listed=False, help=T("Begin."))
async def start(context: Context) -> Reply:
    """What networks say when somebody opens a private chat."""
    return await menu.handler(context)  # type: ignore[return-value]


@router.command(
    "help",
    allow=Authority.ANYONE,
    help=T("What can be typed here; or more about one command."),
    sample=("thank",),
    repeatable=True,
)
async def help_(context: Context, *, about: Note = "") -> Reply:
    """The commands for this person in this chat, each with a line; or one command in full."""
    if about:
        return Reply(_about(context, about), private=True)
    private = context.place is not None and context.place.private
    known = [
        command
        for command in context.commands.listed(where=Where.PRIVATE if private else Where.GROUP)
        if _fits(context, command)
    ]
    return Reply(
        lines(
            _title(T("What you can type here")),
            T("What stands in [ ] can be left out."),
            *(T("{command}: {help}", command=command.usage, help=command.help) for command in known),
        ),
        private=True,
    )


def _fits(context: Context, command: Command) -> bool:
    """Whether the command makes sense for this person here."""
    if context.of_committee is None:
        private = context.place is not None and context.place.private
        return command.allow is Authority.ANYONE and (private or command.name != "join")
    if command.name == "setup" or (command.name == "join" and context.of_member is not None):
        return False
    if context.of_member is None:
        return command.allow is Authority.ANYONE
    return command.allow is not Authority.ORGANIZER or "organizer" in context.roles


def _about(context: Context, about: str) -> Words:
    name = about.split()[0].lstrip("/!").lower()
    command = context.commands.get(name)
    if command is None or not command.typed:
        command = context.commands.nearest(name)
    if command is None:
        return T(
            "I do not know {typed}. Type {menu} to see what I can do.", typed=Typed(f"/{name}"), menu=Typed("/menu")
        )
    allowed = {
        Authority.ANYONE: T("Anybody can do it."),
        Authority.MEMBER: T("Every member can do it."),
        Authority.ORGANIZER: T("Organizers can do it."),
        Authority.TWO: T("Two organizers together can do it: I ask them."),
        Authority.COMMITTEE: T("The committee decides it: I ask those who must agree."),
    }
    return lines(
        T("{command}: {help}", command=command.usage, help=command.help),
        T("For example: {example}", example=command.example),
        allowed[command.allow],
    )


def _title(title: Text | str) -> Text:
    return T("{title}", title=Bold(title))
