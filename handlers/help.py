"""Finding one's way: the menu, and what can be said here."""

from __future__ import annotations

from dataclasses import replace

from bot import dialogue
from bot.arguments import Carried, Note, Number
from bot.chat import Button, Card, Reply, Saying
from bot.dialogue import steps
from bot.router import NEWCOMERS, Authority, Command, Context, Router, Todo, Where
from bot.text import Bold, Refusal, T, Text, Typed, Words, lines
from storage import dialogues, people
from storage.people import Committee

router = Router("help")

BUTTONS_MAX = 8
"""More buttons do not fit a page on a phone."""
COMMANDS_PER_PAGE = 6
TODOS_MAX = 8


@router.command("menu", allow=Authority.ANYONE, help=T("What you can do here, with buttons."), repeatable=True)
async def menu(context: Context) -> Reply:
    """The first page: what this is, and buttons that lead to everything."""
    if context.of_committee is None:
        return await _without_committee(context)
    if context.of_member is None:
        return Reply(
            T("This is {committee}. You are not a member yet.", committee=context.committee.name),
            buttons=((Button(label=T("Join"), says=Saying(command="join")),),),
        )
    return await _page(context, "", 1)


@router.command(
    "page", allow=Authority.MEMBER, typed=False, help=T("A page of the menu."), repeatable=True, in_place=True
)
async def page_(context: Context, *, area: Note = "", number: Number = 1) -> Reply:
    """Another page, in place of the one whose button was pressed. `area`: a router's name; none: the first page."""
    return await _page(context, area, number)


async def _page(context: Context, area: str, number: int) -> Reply:
    """The buttons of one area, or of the first page, as many as fit."""
    section = next((one for one in _sections(context) if one.name == area), None)
    if section is None:
        area, buttons = "", _first_buttons(context)
        words = lines(
            _title(context.committee.name),
            T(
                "Did somebody help you? Thank them with your time: {example}",
                example=Typed("/thank @ben 1h30", T("fixed the bike")),
            ),
        )
    else:
        assert section.title is not None
        buttons = [_button(command) for command in _labelled(context, section)]
        words = lines(_title(section.title))
    back = page_.says() if area else None
    return Reply(words, buttons=await _fitting(context, buttons, page_, {"area": area}, number, back))


async def _fitting(
    context: Context,
    buttons: list[Button],
    command: Command,
    arguments: dict[str, str],
    number: int,
    back: Saying | None,
) -> tuple[tuple[Button, ...], ...]:
    """As many of the buttons as fit a page, two in a row, with the ways to the next page and back."""
    ways: list[Button] = []
    space = BUTTONS_MAX - (back is not None)
    if len(buttons) > space or number > 1:
        # A page in the middle leads on and back.
        space = BUTTONS_MAX - 2
        begin = (number - 1) * space
        if len(buttons) > begin + space:
            ways.append(Button(label=T("More"), says=command.says(**arguments, number=number + 1)))
        if number > 1:
            back = command.says(**arguments, number=number - 1)
        buttons = buttons[begin : begin + space]
    if back is not None:
        ways.append(Button(label=T("Back"), says=back))
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    if ways:
        rows.append(tuple(ways))
    return await _for_committee(context, rows)


async def _for_committee(context: Context, rows: list[tuple[Button, ...]]) -> tuple[tuple[Button, ...], ...]:
    """In private, whoever is in several committees presses for the one that the page is about."""
    assert context.place is not None
    assert context.person is not None
    if not context.place.private or len(await people.committees_of(context.tx, context.person.id)) < 2:
        return tuple(rows)
    return tuple(tuple(replace(button, committee=context.committee.id) for button in row) for row in rows)


def _sections(context: Context) -> list[Router]:
    """The areas with a page of their own: those that have more than what the first page shows."""
    return [one for one in _areas(context) if one.title is not None and len(_labelled(context, one)) > 1]


def _areas(context: Context) -> list[Router]:
    """Those that menus and help name; what stands under another one is among its pages."""
    return [area for area in context.commands.routers if area.under is None]


def _commands(context: Context, area: Router) -> list[Command]:
    """The area's own, then those of areas that stand under it."""
    others = [one for one in context.commands.routers if one.under == area.name]
    return [command for one in (area, *others) for command in one.commands]


def _labelled(context: Context, area: Router) -> list[Command]:
    """The area's commands that have a button and that this person may say here; what ends something comes last."""
    found = [command for command in _commands(context, area) if command.label is not None and _fits(context, command)]
    return sorted(found, key=lambda command: command.confirm is not None and not command.parameters)


def _first_buttons(context: Context) -> list[Button]:
    """What a newcomer needs, then the areas, then what belongs to none."""
    named = (context.commands.get(name) for name in NEWCOMERS)
    first = [command for command in named if command and command.label and _fits(context, command)]
    areas, sections = [], {area.name for area in _sections(context)}
    for area in _areas(context):
        if area.name in sections:
            areas.append(Button(label=area.title or area.name, says=page_.says(area=area.name)))
        elif area is not router:
            areas += [_button(command) for command in _labelled(context, area) if command.name not in NEWCOMERS]
    return [*map(_button, first), *areas, _button(help_)]


def _button(command: Command) -> Button:
    assert command.label is not None
    says = command.says()
    return Button(label=command.label, says=ask.says(carried=says) if steps(command) else says)


# --- step by step ----------------------------------------------------------------------------------------------


@router.command(
    "ask", allow=Authority.MEMBER, typed=False, help=T("What a command lacks."), repeatable=True, in_place=True
)
async def ask(context: Context, *, carried: Carried, page: Number = 1) -> Reply | Card | None:
    """The next question on the way to a whole command."""
    return await dialogue.ask(context, carried, page=page, yes=yes, no=no.says())


@router.command("yes", allow=Authority.MEMBER, typed=False, help=T("Do what was asked back."), in_place=True)
async def yes(context: Context, *, carried: Carried) -> Reply | Card | None:
    """Carry out what was shown."""
    return await dialogue.carry_out(context, carried)


@router.command("no", allow=Authority.MEMBER, typed=False, help=T("Do not do what was asked."), in_place=True)
async def no(context: Context) -> Reply:
    """End the question; nothing has happened."""
    await dialogues.close(context.tx, context.member.id)
    return Reply(T("All right, nothing was done."), buttons=((dialogue.MENU,),), private=True)


# --- what waits ------------------------------------------------------------------------------------------------


@router.command(
    "todo", allow=Authority.ANYONE, label=T("What waits for me"), help=T("What waits for you."), repeatable=True
)
async def todo(context: Context) -> Reply:
    """What waits for this person, of every area; in private, of every committee."""
    committees = [context.of_committee] if context.of_committee else []
    if context.person is not None and context.place is not None and context.place.private:
        committees = await people.committees_of(context.tx, context.person.id)
    waiting: list[tuple[Committee, Todo]] = []
    member = False
    for committee in committees:
        there = await _member_of(context, committee)
        if there is not None:
            member = True
            for area in context.commands.routers:
                for ask_area in area.todos:
                    waiting += [(committee, one) for one in await ask_area(there)]
    if not member:
        raise Refusal(T("You are not a member of a committee here. Type {join} in its group.", join=Typed("/join")))
    if not waiting:
        return Reply(T("Nothing waits for you."), private=True)
    waiting.sort(key=lambda one: (one[1].by is None, one[1].by or context.now))
    shown, more = waiting[:TODOS_MAX], len(waiting) - TODOS_MAX
    several = len(shown) > 1
    return Reply(
        lines(
            _title(T("What waits for you")),
            *(
                _waiting(number, committee if len(committees) > 1 else None, one, several=several)
                for number, (committee, one) in enumerate(shown, start=1)
            ),
            T("… and {n} more.", n=more) if more > 0 else None,
        ),
        buttons=tuple(
            tuple(
                replace(
                    button,
                    label=T("{n}. {what}", n=number, what=button.label) if several else button.label,
                    committee=button.committee or committee.id,
                )
                for button in one.buttons
            )
            for number, (committee, one) in enumerate(shown, start=1)
            if one.buttons
        ),
        private=True,
    )


def _waiting(number: int, committee: Committee | None, one: Todo, *, several: bool) -> Words:
    what: Text | str | Words = one.words
    assert isinstance(what, Text), "what waits is one sentence"
    words = T("{what} (by {until})", what=what, until=one.by) if one.by is not None else what
    if committee is not None:
        words = T("{committee}: {what}", committee=committee.name, what=words)
    return T("{n}. {what}", n=number, what=words) if several else words


async def _member_of(context: Context, committee: Committee) -> Context | None:
    """The context of this person as a member of one of their committees."""
    if context.person is None:
        return None
    found = await people.member_of(context.tx, committee.id, context.person.id)
    if found is None or not found[0].active:
        return None
    return replace(context, of_committee=committee, of_member=found[0], roles=found[1])


@router.todo
async def unanswered(context: Context) -> list[Todo]:
    """A question that was asked and not answered yet."""
    asked = await dialogues.open_of(context.tx, context.member.person_id, now=context.now)
    if asked is None or asked.committee_id != context.committee.id:
        return []
    command = context.commands.get(asked.says.command)
    if command is None:
        return []
    what = command.label or T("{command}", command=Typed(f"/{command.name}"))
    go_on = Button(label=T("Go on"), says=ask.says(carried=asked.says), only=context.member.id)
    return [Todo(words=T("You began: {what}.", what=what), buttons=(go_on,))]


# --- where nobody is a member ----------------------------------------------------------------------------------


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
            buttons=(
                *((Button(label=committee.name, says=page_.says(), committee=committee.id),) for committee in mine),
                (_button(todo),),
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
    label=T("All commands"),
    sample=("thank",),
    repeatable=True,
)
async def help_(context: Context, *, about: Note = "") -> Reply:
    """What a newcomer needs, each with a line, and the way to all commands; or one command in full."""
    if about:
        return Reply(_about(context, about), private=True)
    known = _sayable(context)
    first = [command for command in known if command.name in NEWCOMERS] if context.of_member else known
    buttons = [Button(label=T("All commands"), says=help_section.says())] if context.of_member else []
    return Reply(
        lines(
            _title(T("What you can type here")),
            T("What stands in [ ] can be left out."),
            *(T("{command}: {help}", command=command.usage, help=command.help) for command in first),
        ),
        buttons=await _for_committee(context, [tuple(buttons)]) if buttons else (),
        private=True,
    )


@router.command(
    "help_section",
    allow=Authority.MEMBER,
    typed=False,
    help=T("The commands of one area."),
    repeatable=True,
    in_place=True,
)
async def help_section(context: Context, *, area: Note = "", number: Number = 1) -> Reply:
    """The areas as buttons; or the commands of one, a few a page."""
    known = _sayable(context)
    areas = [
        (one, found)
        for one in _areas(context)
        if (found := [command for command in known if command in _commands(context, one)])
    ]
    chosen = next((found for found in areas if found[0].name == area), None)
    if chosen is None:
        buttons = [Button(label=_heading(one), says=help_section.says(area=one.name)) for one, _ in areas]
        rows = await _fitting(context, buttons, help_section, {"area": ""}, number, None)
        return Reply(_title(T("All commands")), buttons=rows, private=True)
    router_, commands = chosen
    begin = (number - 1) * COMMANDS_PER_PAGE
    ways = []
    if len(commands) > begin + COMMANDS_PER_PAGE:
        ways.append(Button(label=T("More"), says=help_section.says(area=area, number=number + 1)))
    back = help_section.says(area=area, number=number - 1) if number > 1 else help_section.says()
    ways.append(Button(label=T("Back"), says=back))
    return Reply(
        lines(
            _title(_heading(router_)),
            *(
                T("{command}: {help}", command=command.usage, help=command.help)
                for command in commands[begin : begin + COMMANDS_PER_PAGE]
            ),
        ),
        buttons=await _for_committee(context, [tuple(ways)]),
        private=True,
    )


def _heading(area: Router) -> Text | str:
    return area.title or (T("Finding your way") if area is router else area.name.capitalize())


def _sayable(context: Context) -> list[Command]:
    """What this person can type in this chat."""
    private = context.place is not None and context.place.private
    where = Where.PRIVATE if private else Where.GROUP
    return [command for command in context.commands.listed(where=where) if _fits(context, command)]


def _fits(context: Context, command: Command) -> bool:
    """Whether the command makes sense for this person here."""
    here = Where.PRIVATE if context.place is not None and context.place.private else Where.GROUP
    if command.where not in (here, Where.ANYWHERE):
        return False
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
