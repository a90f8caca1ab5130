"""How a command is declared, its line read, and its usage shown."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from types import CodeType
from typing import Annotated, Any, Literal, Protocol

from pydantic import ValidationError

from bot.arguments import HistoryKind, Kind, PeopleKind, PersonKind, Reading, RollKind, TableKind, Word, words_of
from bot.chat import Button, Card, Chat, Lane, Link, Mention, Reply, Saying, Shown, network_of
from bot.domain import quiet
from bot.domain.chain import canonical
from bot.text import Listed, Reader, Refusal, T, Text, Typed, Words, lines, shown
from storage import cards, digests, nudges, outbox, people
from storage.database import Transaction
from storage.people import Committee, Member


class Authority(Enum):
    """In whose name a command is said; what it takes to be allowed."""

    ANYONE = "anyone"
    MEMBER = "member"
    ORGANIZER = "organizer"
    TWO = "two organizers"
    """Two organizers together. Said by one of them, or by another member, the command becomes a proposal to them."""
    COMMITTEE = "committee"
    """The committee itself, by its rule of consent. Said by a member, the command becomes a proposal."""
    CLOCK = "clock"
    """Only what was planned says it."""
    PEER = "another committee"
    """Only what has come from a linked committee says it."""


PROPOSED = frozenset({Authority.TWO, Authority.COMMITTEE})
"""What nobody can say alone: said by a member it becomes a proposal."""


NEWCOMERS = (
    *("menu", "todo", "thank", "worked", "need", "offer"),
    *("board", "shifts", "polls", "away", "alert", "privacy"),
)
"""What a newcomer needs: first in every list of commands, as far as it is built."""
_FIRST = {name: place for place, name in enumerate(NEWCOMERS)}


SKIPPED: Mapping[str, Any] = {"skipped": True}
"""Stands for an argument that was asked for, step by step, and is left out."""


class Where(Enum):
    """Where a command makes sense."""

    ANYWHERE = "anywhere"
    GROUP = "group"
    PRIVATE = "private"


# --- context ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a handler may know and do. It cannot send: it returns a reply and queues words for others."""

    tx: Transaction
    now: datetime
    said_at: datetime
    """When it was said, by the network's clock where it has one; never later than `now`."""
    commands: Commands
    place: people.Place | None
    """The chat where it is said; None for what the clock says."""
    chat: Chat | None
    language: str
    person: people.Person | None = None
    of_committee: Committee | None = None
    of_member: Member | None = None
    spoken_by: Member | None = None
    """The helper who says it in the name of `of_member`; None: they say it themselves."""
    roles: frozenset[str] = frozenset()
    authority: Authority = Authority.ANYONE
    manages_chat: bool | None = None
    pressed: bool = False
    mark: Text | None = None
    """What everything that is said here begins with: see `Router.marks`."""
    carriers: Mapping[str, str] = field(default_factory=dict)
    """The networks over which committees can be linked, and the bot's own account on each."""
    depth: int = 0
    say_hook: Callable[[Context, Saying], Awaitable[Reply | Card | None]] | None = None

    @property
    def committee(self) -> Committee:
        """The committee it is said in. Every command but those for anyone has one."""
        assert self.of_committee is not None, "commands for anyone must look at of_committee"
        return self.of_committee

    @property
    def member(self) -> Member:
        """Who says it. Commands that only members can say have one."""
        assert self.of_member is not None, "commands for anyone must look at of_member"
        return self.of_member

    @property
    def speaker(self) -> Member:
        """Whose mouth it comes from: the member's own, or that of the helper who speaks for them."""
        return self.spoken_by or self.member

    def marked(self, words: Words) -> Words:
        """Words that begin with the mark, where there is one; those that do already are left alone."""
        return words if self.mark is None else begun_with(self.mark, words)

    async def tell(
        self,
        to: Member,
        words: Words,
        *,
        lane: Lane = Lane.NOTICE,
        buttons: Sequence[Sequence[Button | Link]] = (),
        about: Sequence[str] = (),
    ) -> bool:
        """Say something to a member in private. False: they have not opened a private chat with the bot.

        `about`: the things whose words it tells: erasing one of them erases this too, while it waits.

        For somebody without an account it goes to whoever speaks for them, without buttons: those would be pressed in
        the helper's own name.
        """
        if to.helper_id is not None:
            helper = await people.member_now(self.tx, self.committee.id, to.helper_id)
            if helper is None or not helper.active or helper.helper_id is not None:
                return False
            if self.of_member is not None and helper.id == self.speaker.id:
                return True
            return await self.tell(helper, lines(T("For {name}:", name=to.name), words), lane=lane, about=about)
        return await outbox.tell(
            self.tx,
            to,
            self.marked(words),
            committee=self.committee,
            now=self.now,
            lane=lane,
            buttons=buttons,
            network=self._network,
            about=about,
        )

    async def tell_organizers(
        self, words: Words, *, lane: Lane = Lane.NOTICE, buttons: Sequence[Sequence[Button | Link]] = ()
    ) -> None:
        """Say something to all organizers of the committee, to each in private."""
        for organizer in await people.organizers(self.tx, self.committee.id):
            await self.tell(organizer, words, lane=lane, buttons=buttons)

    @property
    def _network(self) -> str | None:
        """Where it is said, somebody with several accounts is told of it."""
        return network_of(self.place.address) if self.place is not None else None

    async def nudge(
        self, to: Member, words: Words, *, buttons: Sequence[Sequence[Button | Link]] = (), key: str | None = None
    ) -> bool:
        """Remind a member in private of something that can wait. False: they have not opened a private chat.

        All areas share one budget of these for each person and day; alerts and answers are not nudges. `key`: what it
        is about, such as `term:12`. It takes the place of what waits under the same one; `nudges.withdraw` takes it
        back when the thing is over.
        """
        words = self.marked(words)
        return await nudges.nudge(self.tx, to, words, committee=self.committee, now=self.now, buttons=buttons, key=key)

    async def announce(
        self,
        words: Words,
        *,
        lane: Lane = Lane.NOTICE,
        buttons: Sequence[Sequence[Button | Link]] = (),
        but: people.Place | None = None,
        routine: bool = False,
    ) -> None:
        """Say something in every chat of the committee; `but` in the one where it is said otherwise.

        A notice that only the clock brings about waits in quiet hours for the morning. `routine`: it is told in the
        committee's digest instead, where there is one.
        """
        if routine and await digests.of(self.tx, self.committee.id) is not None:
            return
        words = self.marked(words)
        night = await digests.night(self.tx, self.committee.id)
        morning = quiet.after_quiet(night, self.now, self.committee.zone)
        waits = lane is Lane.NOTICE and self.place is None and morning > self.now
        if waits:
            await digests.plan_release(self.tx, self.committee, morning)
        for place in await people.chats_of(self.tx, self.committee.id):
            if but is not None and place.id == but.id:
                continue
            if waits:
                await digests.hold(self.tx, place, words, committee=self.committee, buttons=buttons, now=self.now)
                continue
            await outbox.queue(
                self.tx,
                place,
                words,
                reader=self.committee.reader,
                now=self.now,
                lane=lane,
                buttons=buttons,
                committee=self.committee.id,
            )

    @property
    def in_private(self) -> bool:
        """Whether it is said where nobody else reads along: in a private chat, or nowhere."""
        return self.place is None or self.place.private

    async def tell_group(self, words: Words) -> None:
        """Say in every chat of the committee what was answered in private only; in a group all have read the answer."""
        if self.in_private:
            await self.announce(words)

    async def shown_there(self, thing: str) -> bool:
        """Whether a button was pressed, and a card of the thing will show what came of it: then no answer is needed."""
        return self.pressed and await cards.is_shown(self.tx, thing)

    async def show(self, card: Card) -> None:
        """Show a thing in every chat of the committee."""
        for place in await people.chats_of(self.tx, self.committee.id):
            await cards.show(self.tx, card.thing, place, committee=self.committee.id, pinned=card.pinned)

    async def show_to(self, to: Member, card: Card) -> bool:
        """Show a thing to a member in private. False: they have not opened a private chat with the bot."""
        place = await people.private_chat_of(self.tx, to.person_id, network=self._network)
        if place is None:
            return False
        await cards.show(self.tx, card.thing, place, committee=self.committee.id, lane=Lane.NOTICE)
        return True

    async def say(self, says: Saying, *, authority: Authority) -> Reply | Card | None:
        """Say another command in the same work. Raises Refusal, after which nothing of it is left."""
        assert self.say_hook is not None
        if self.depth >= SAY_DEPTH_MAX:
            raise RuntimeError("commands say each other without end")
        inner = replace(self, authority=authority, depth=self.depth + 1)
        async with self.tx.savepoint():
            return await self.say_hook(inner, says)

    async def would(self, says: Saying, *, authority: Authority) -> None:
        """Try what `say` would do and undo it. Raises the Refusal that it would raise."""
        try:
            async with self.tx.savepoint():
                await self.say(says, authority=authority)
                raise _OnlyTried
        except _OnlyTried:
            return


def begun_with(mark: Text, words: Words) -> Words:
    """Words with a mark before them, unless they begin with its first word, which is the same in all such words."""
    first = shown(mark, Reader()).split()[0].strip(",.:")
    return words if shown(words, Reader()).startswith(first) else lines(mark, words)


class _OnlyTried(Exception):
    """Takes back what was tried."""


SAY_DEPTH_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a card's renderer may know."""

    tx: Transaction
    now: datetime
    committee: Committee
    commands: Commands
    network: str
    """Where it is shown. What may not go to a network is not rendered there: the renderer returns None."""
    private: bool
    """In a member's private chat."""
    popups: bool = False
    """Whoever taps there is answered so that nobody else sees it, in a group too."""
    chat_id: int | None = None
    """The row id of the chat; None: it is shown in none, only looked at."""


# --- commands ----------------------------------------------------------------------------------------------------

Marks = Callable[[Context, str, Mapping[str, Any]], Awaitable[Text | None]]
Handler = Callable[..., Awaitable[Reply | Card | None]]
Picks = Callable[[Transaction, int, Sequence[Committee], str], Awaitable[Committee | None]]
"""For which of somebody's committees a command is meant that they say in private; None: they have to be asked. It is
given the person's id, the committees, and what is said behind the command."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command."""

    name: str
    kind: Kind[Any]
    required: bool


class Describes(Protocol):
    """What a command does, as a sentence with its arguments filled in: the text of a proposal."""

    def __call__(self, **arguments: Any) -> Text: ...


Choices = Callable[[Context], Awaitable[Sequence[tuple[Text | str, Any]]]]
"""What buttons offer for an argument: labels and values."""


@dataclass(frozen=True, slots=True)
class Asks:
    """How one argument is asked for, step by step."""

    question: Text
    choices: Choices | None = None
    """None: what its kind offers."""
    none: Text = T("There is nothing to choose from just now.")
    """What is said where there is nothing to choose from."""
    instead: tuple[Text, Mapping[str, Any]] | None = None
    """A button that gives other arguments (as JSON) in its place, where it can be left out. None: it is skipped."""
    words: Callable[[Context, Mapping[str, Any]], Awaitable[Text | None]] | None = None
    """The question, where it depends on what is given already (loaded arguments). None of it: it is not asked."""


class Confirms(Protocol):
    """What is about to happen, as a question that shows the exact result."""

    def __call__(self, context: Context, /, **arguments: Any) -> Awaitable[Words]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as it was declared."""

    name: str
    handler: Handler
    allow: Authority
    help: Text
    where: Where = Where.ANYWHERE
    parameters: tuple[Parameter, ...] = ()
    version: int = 1
    listed: bool = True
    """Shown in menus and help."""
    within: str | None = None
    """The command whose answer tells of it: networks suggest that one to whoever begins to type."""
    typed: bool = True
    """May be typed; others are only said by buttons, the clock and other commands."""
    needs_rights: bool = False
    """Depends on who may manage the chat, which is asked of the network before it is said."""
    proposal: Describes | None = None
    appoints: bool = False
    """Makes somebody an organizer: a rule of its own says who must agree."""
    majority: bool = False
    """Decided by a majority of all who have a vote, however many organizers there are."""
    concerns: str | None = None
    """The name of the parameter with the one person whom it is about: they have no say in it."""
    petition: str | None = None
    """The same, of a command that is begun by signatures and decided by a poll, where polls decide."""
    poll_hours: int | None = None
    """So long a poll about it is open; None: as long as such polls are."""
    while_suspended: bool = False
    """May also be said by a member who is suspended."""
    label: Text | None = None
    """What stands on its button in the menu; None: it is not there."""
    title: Text | None = None
    """What stands above its questions, where it has no button in the menu."""
    sample: tuple[str | Text, ...] = ()
    """A better example of the whole line than the kinds of its arguments give."""
    repeatable: bool = False
    """Only asks, and changes nothing: it may be said again in a private chat to be answered there."""
    for_others: bool = False
    """A helper may say it in the name of somebody without an account. Never what takes a vote or a consent."""
    picks: Picks | None = None
    """Said in private by somebody in several committees: for which one. Without it they are asked."""
    also: tuple[str, ...] = ()
    """What it is called in other languages: typed, it is the same."""
    for_strangers: bool = False
    """May also be said by somebody who is no member; its handler must look at `of_member` and `of_committee`."""
    in_place: bool = False
    """Its answer takes the place of the message whose button was pressed: a page of the menu, a question."""
    asks: Mapping[str, Asks] = field(default_factory=dict)
    """How arguments are asked for, step by step, where their kind alone would not ask well enough."""
    confirm: Confirms | None = None
    """Said from the menu, it is asked back with this sentence first."""
    edited: Text | None = None
    """What whoever changes it afterwards hears, where it is not undone as most commands are."""

    def next_missing(self, given: Collection[str]) -> Parameter | None:
        """What is asked for next, step by step; None: nothing more. `given`: the names of what is there or skipped."""
        missing = [parameter for parameter in self.parameters if parameter.name not in given]
        required = [parameter for parameter in missing if parameter.required]
        offered = [parameter for parameter in missing if parameter.kind.offered or parameter.name in self.asks]
        return next(iter(required or offered), None)

    def lacks(self, says: Saying) -> bool:
        """Whether it cannot be said like this because something is missing that can be asked for."""
        return self.where is not Where.GROUP and any(
            parameter.required and parameter.name not in says.arguments for parameter in self.parameters
        )

    @property
    def takes_document(self) -> bool:
        """Whether a file may come with it."""
        return any(isinstance(parameter.kind, TableKind | RollKind | HistoryKind) for parameter in self.parameters)

    def says(self, **arguments: Any) -> Saying:
        """This command with these arguments, to be said later."""
        kinds = {parameter.name: parameter.kind for parameter in self.parameters}
        kept = {name: kinds[name].dump(value) for name, value in arguments.items()}
        return Saying(command=self.name, version=self.version, arguments=kept)

    def booked(self, says: Saying) -> tuple[dict[str, Any], dict[str, str]]:
        """What it is said with, in two parts: ids, figures and our own words; and what people worded themselves.

        Only the first may stand in the books as it is.
        """
        kinds = {parameter.name: parameter.kind for parameter in self.parameters}
        plain, words = {}, {}
        for name, data in says.arguments.items():
            if data is None or isinstance(data, int) or kinds[name].fixed:
                plain[name] = data
            else:
                words[name] = data if isinstance(data, str) else canonical({"is": data})
        return plain, words

    @property
    def _written(self) -> list[Parameter]:
        return [parameter for parameter in self.parameters if parameter.kind.written]

    @property
    def example(self) -> Typed:
        """A correct line."""
        return Typed(f"/{self.name}", *(self.sample or [parameter.kind.example for parameter in self._written]))

    @property
    def usage(self) -> Typed:
        """The line with what can be left out in brackets."""
        if self.sample:
            return self.example
        parts = [
            parameter.kind.example if parameter.required else _bracketed(parameter.kind.example)
            for parameter in self._written
        ]
        return Typed(f"/{self.name}", *parts)


def _bracketed(part: str | Text) -> str | Text:
    # Not a sentence to translate: only what is inside is.
    return f"[{part}]" if isinstance(part, str) else Text("[{part}]", values={"part": part})


CardRenderer = Callable[[View, int], Awaitable[Shown | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """One thing that waits for a member: a short sentence, and buttons that deal with it."""

    words: Words
    buttons: tuple[Button, ...] = ()
    by: datetime | None = None
    """Until when; None: it has time."""


Waiting = Callable[[Context], Awaitable[Sequence[Todo]]]
"""What waits for whoever says it, of one area."""


Tidings = Callable[[Context, digests.Since], Awaitable[Sequence[Todo]]]
"""What of one area the committee should hear of since its last digest; with buttons, where something can be done."""
Topic = Literal["rules", "decisions", "roles", "members", "groups"]
"""What `/log` can be asked for alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the words of an entry may know. Names are told as they are now."""

    tx: Transaction
    committee: Committee
    commands: Commands
    reader: Member
    """Who asks. What is between two people is told to nobody else."""
    number: int
    """The entry's."""

    async def name(self, member_id: int) -> str | Text:
        """A member's name; where it is erased, what stands for it."""
        found = await people.member_now(self.tx, self.committee.id, member_id)
        return found.name if found is not None and found.name else T("former member {n}", n=member_id)

    async def names(self, member_ids: Iterable[int]) -> Listed:
        """Several members' names in a row."""
        return Listed(tuple([await self.name(member_id) for member_id in member_ids]))


Tells = Callable[[Telling, Mapping[str, Any]], Awaitable[Text]]
"""An entry's body in plain words: a whole sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryWords:
    """How entries of one kind are told. `key`: only those whose body has it; None: all others of the kind."""

    kind: str
    key: str | None
    tells: Tells
    about: Topic | None


class Router:
    """The commands and cards of one area. `title`: its heading in the menu, where it has buttons there.

    `under`: the area among whose pages it stands in menus and help, so that the first page stays short.
    """

    def __init__(self, name: str, *, title: Text | None = None, under: str | None = None) -> None:
        self.name = name
        self.title = title
        self.under = under
        self.commands: list[Command] = []
        self.cards: dict[str, CardRenderer] = {}
        self.todos: list[Waiting] = []
        self.digests: list[Tidings] = []
        self.entries: list[EntryWords] = []
        self.marking: Marks | None = None

    def command(
        self,
        name: str,
        *,
        allow: Authority,
        help: Text,  # noqa: A002 - the word that fits
        where: Where = Where.ANYWHERE,
        version: int = 1,
        listed: bool = True,
        within: str | None = None,
        typed: bool = True,
        needs_rights: bool = False,
        proposal: Callable[..., Text] | None = None,
        appoints: bool = False,
        majority: bool = False,
        concerns: str | None = None,
        petition: str | None = None,
        poll_hours: int | None = None,
        while_suspended: bool = False,
        label: Text | None = None,
        title: Text | None = None,
        sample: Sequence[str | Text] = (),
        repeatable: bool = False,
        in_place: bool = False,
        asks: Mapping[str, Asks] | None = None,
        confirm: Callable[..., Awaitable[Words]] | None = None,
        for_others: bool = False,
        for_strangers: bool = False,
        also: Sequence[str] = (),
        picks: Picks | None = None,
        edited: Text | None = None,
    ) -> Callable[[Handler], Command]:
        """Declare a command: the function's keyword-only, annotated parameters are its arguments."""
        assert re.fullmatch(r"[a-z0-9_]{1,32}", name), "Telegram's rule for command names"
        assert (allow in PROPOSED) == (proposal is not None), "what is decided together must be put in words"
        assert not for_others or allow is Authority.MEMBER, "only what is each member's own is said for others"

        def declare(handler: Handler) -> Command:
            assert {concerns, petition} - {None} <= set(_keywords(handler))
            command = Command(
                name=name,
                handler=handler,
                allow=allow,
                help=help,
                where=where,
                parameters=_parameters(handler),
                version=version,
                listed=listed and typed,
                within=within,
                typed=typed,
                needs_rights=needs_rights,
                proposal=proposal,
                appoints=appoints,
                majority=majority,
                concerns=concerns,
                petition=petition,
                poll_hours=poll_hours,
                while_suspended=while_suspended,
                label=label,
                title=title,
                sample=tuple(sample),
                repeatable=repeatable,
                in_place=in_place,
                asks=asks or {},
                confirm=confirm,
                for_others=for_others,
                for_strangers=for_strangers,
                also=tuple(also),
                picks=picks,
                edited=edited,
            )
            assert command.asks.keys() <= {parameter.name for parameter in command.parameters}
            self.commands.append(command)
            return command

        return declare

    def todo(self, waiting: Waiting) -> Waiting:
        """Declare what of this area may wait for a member: `/todo` asks every area."""
        self.todos.append(waiting)
        return waiting

    def marks(self, marking: Marks) -> Marks:
        """Declare what everything begins with that a command of this area, or of one under it, says.

        It is given the command's name and its arguments, also of one that is still being asked for, and may refuse. To
        leave the mark as it is it returns the context's own.
        """
        self.marking = marking
        return marking

    def digest(self, tidings: Tidings) -> Tidings:
        """Declare what of this area goes into the committee's digest; nobody's balance, ever."""
        self.digests.append(tidings)
        return tidings

    def entry(self, kind: str, *keys: str, about: Topic | None = None) -> Callable[[Tells], Tells]:
        """Declare how entries of this kind in the books are told. `keys`: only those whose body has one of them."""

        def declare(tells: Tells) -> Tells:
            for key in keys or (None,):
                self.entries.append(EntryWords(kind=kind, key=key, tells=tells, about=about))
            return tells

        return declare

    def card(self, kind: str) -> Callable[[CardRenderer], CardRenderer]:
        """Declare how a kind of thing is shown: None where there is nothing to show any more."""

        def declare(renderer: CardRenderer) -> CardRenderer:
            assert kind not in self.cards
            self.cards[kind] = renderer
            return renderer

        return declare


def _parameters(handler: Handler) -> tuple[Parameter, ...]:
    names = _keywords(handler)
    if not names:
        return ()
    # Reading annotations is the longest part of the program's start.
    hints = typing.get_type_hints(handler, include_extras=True)
    defaults = inspect.unwrap(handler).__kwdefaults__ or {}
    parameters = []
    for name in names:
        kinds = [kind for kind in _annotations(hints[name]) if isinstance(kind, Kind)]
        assert len(kinds) == 1, f"{name} needs a kind, such as Person or Duration"
        parameters.append(Parameter(name, kinds[0], name not in defaults))
    return tuple(parameters)


def _keywords(handler: Handler) -> tuple[str, ...]:
    """The names of its keyword-only parameters, in order."""
    code: CodeType = inspect.unwrap(handler).__code__
    return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def _annotations(hint: Any) -> Iterable[Any]:
    """What is annotated, also inside `X | None`."""
    if typing.get_origin(hint) is Annotated:
        yield from hint.__metadata__
    else:
        for part in typing.get_args(hint):
            yield from _annotations(part)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that calls a command."""

    command: Command | None
    """None: there is no such command."""
    name: str
    words: tuple[Word, ...]


class Commands:
    """All that can be said, gathered from the areas."""

    def __init__(self, routers: Sequence[Router], *, propose: str = "propose", ask: str = "ask") -> None:
        self._commands: dict[str, Command] = {}
        self._also: dict[str, Command] = {}
        self._cards: dict[str, CardRenderer] = {}
        self._entries: dict[tuple[str, str | None], EntryWords] = {}
        self._marks: dict[str, Marks] = {}
        self.routers = tuple(routers)
        marking = {router.name: router.marking for router in routers if router.marking is not None}
        for router in routers:
            found = marking.get(router.name) or marking.get(router.under or "")
            if found is not None:
                self._marks |= {command.name: found for command in router.commands}
            for command in router.commands:
                assert command.name not in self._commands, f"/{command.name} is declared twice"
                self._commands[command.name] = command
                self._also |= dict.fromkeys(command.also, command)
            assert not self._cards.keys() & router.cards.keys()
            self._cards |= router.cards
            for words in router.entries:
                assert (words.kind, words.key) not in self._entries, f"{words.kind} is put into words twice"
                self._entries[words.kind, words.key] = words
        self.propose = propose
        """The command that makes a proposal of a carried one: said where the committee's authority is needed."""
        self.ask = ask
        """The command that asks, step by step, for what a carried one lacks."""

    def get(self, name: str) -> Command | None:
        """The command of this name."""
        return self._commands.get(name)

    def named(self, name: str) -> Command:
        """The command of this name, for an area that says what another one knows to do. Raises KeyError."""
        return self._commands[name]

    async def marked(self, context: Context, name: str, arguments: Mapping[str, Any]) -> Context:
        """The context in which a command is said, with what its words begin with. Raises Refusal."""
        while isinstance(carried := arguments.get("carried"), Saying):
            name, arguments = carried.command, carried.arguments
        marks = self._marks.get(name)
        return context if marks is None else replace(context, mark=await marks(context, name, arguments))

    def listed(self, *, where: Where | None = None) -> list[Command]:
        """What menus and help show: first what a newcomer needs, then in the order of declaration."""
        found = [
            command
            for command in self._commands.values()
            if command.listed and (where is None or command.where in (where, Where.ANYWHERE))
        ]
        return sorted(found, key=lambda command: _FIRST.get(command.name, len(_FIRST)))

    def suggested(self, *, where: Where | None = None) -> list[Command]:
        """What a network suggests to whoever begins to type: what members say, and what can be begun.

        What is about a thing that is there has buttons on it, what another command tells of is found there, and what a
        committee sets stands in its menu and in help. Telegram takes a hundred.
        """
        return [
            command
            for command in self.listed(where=where)
            if command.allow in (Authority.ANYONE, Authority.MEMBER)
            and command.within is None
            and not any(parameter.required and parameter.kind.numbered for parameter in command.parameters)
        ]

    def nearest(self, name: str) -> Command | None:
        """The listed command that a mistyped name most likely means."""
        import difflib

        close = difflib.get_close_matches(name, [command.name for command in self.listed()], n=1, cutoff=0.7)
        return self._commands[close[0]] if close else None

    def spoken_for(self, word: str) -> Command:
        """The command of this name, with or without the slash, where a helper may say it for others. Raises Refusal."""
        typed = word.lstrip("/!").partition("@")[0].lower()
        command = self._commands.get(typed)
        if command is not None and command.typed and command.for_others:
            return command
        own = Listed(tuple(Typed(f"/{found.name}") for found in self._commands.values() if found.for_others))
        raise Refusal(T("That is not said for somebody else. What you can say for them: {commands}.", commands=own))

    def card(self, kind: str) -> CardRenderer | None:
        """How this kind of thing is shown."""
        return self._cards.get(kind)

    def entry(self, kind: str, body: Mapping[str, Any]) -> Tells | None:
        """How an entry with this body is told; None: no area knows."""
        for key in (*body, None):
            if (found := self._entries.get((kind, key))) is not None:
                return found.tells
        return None

    def kinds_about(self, topic: Topic) -> list[str]:
        """The kinds of entries about something."""
        return sorted({words.kind for words in self._entries.values() if words.about == topic})

    def line(self, text: str, mentions: Sequence[Mention] = ()) -> Line | None:
        """The command that a text calls; None: it is not addressed to the bot."""
        # A lone slash, a path, or a sum is talk; a command is a slash and a name.
        found = re.match(r"\s*/([A-Za-z][A-Za-z0-9_]{0,63})(?=\s|$)", text)
        if found is None:
            return None
        name = found.group(1).lower()
        command = self._commands.get(name) or self._also.get(name)
        if command is not None and not command.typed:
            command = None
        return Line(command, name, tuple(words_of(text, mentions, found.end())))

    def asking(self, says: Saying) -> Saying:
        """The question for what this command still lacks, to be said instead of it."""
        ask = self._commands[self.ask]
        return ask.says(carried=says)

    async def load(
        self, says: Saying, tx: Transaction, committee: Committee | None, *, partly: bool = False
    ) -> tuple[Command, dict[str, Any]]:
        """A carried command, with its arguments as values. `partly`: some may be missing, or skipped.

        Raises Refusal where it cannot be said any more: the name, the version or something that it names is gone.
        """
        return await self._loaded(says, lambda kind, data: kind.load(data, tx, committee), partly=partly)

    async def recall(
        self, says: Saying, tx: Transaction, committee: Committee | None
    ) -> tuple[Command, dict[str, Any]]:
        """A command that was said once, to tell of it. Raises Refusal where that cannot be done any more."""
        return await self._loaded(says, lambda kind, data: kind.recall(data, tx, committee))

    async def _loaded(
        self, says: Saying, load: Callable[[Kind[Any], Any], Awaitable[Any]], *, partly: bool = False
    ) -> tuple[Command, dict[str, Any]]:
        command = self._commands.get(says.command)
        stale = Refusal(T("This is out of date. Look at the newest message, or type {menu}.", menu=Typed("/menu")))
        if command is None or command.version != says.version:
            raise stale
        kinds = {parameter.name: parameter.kind for parameter in command.parameters}
        required = {parameter.name for parameter in command.parameters if parameter.required and not partly}
        if not (required <= says.arguments.keys() <= kinds.keys()):
            raise stale
        try:
            arguments = {
                name: await load(kinds[name], data)
                for name, data in says.arguments.items()
                if not (partly and data == SKIPPED)
            }
        except (ValidationError, ValueError) as error:
            raise stale from error
        return command, arguments


class Ambiguous(Exception):
    """A word fits several people, or things: each choice is the whole command with one of them in it."""

    def __init__(self, word: str, choices: Sequence[tuple[str | Text, Saying]], *, people: bool = True) -> None:
        super().__init__()
        self.word, self.choices, self.people = word, choices, people


async def read_line(command: Command, words: Sequence[Word], reading: Reading) -> dict[str, Any]:
    """The arguments of a command from the words after its name.

    Arguments may come in any order as long as each word fits only one. Raises Refusal with a sentence that names the
    word and a correct example, or Ambiguous.
    """
    left = list(words)
    values: dict[str, Any] = {}
    doubts: list[tuple[str, Parameter, tuple[Any, ...]]] = []
    open_ = [parameter for parameter in command.parameters if not parameter.kind.rest]
    while left and open_:
        for parameter in open_:
            found = await parameter.kind.read(left, reading, first=parameter is open_[0])
            if found is None:
                continue
            values[parameter.name] = found.value
            if found.others:
                doubts.append((left[found.doubt].text, parameter, (found.value, *found.others)))
            del left[: found.count]
            open_.remove(parameter)
            break
        else:
            break
    for parameter in list(open_):
        if reading.reply_to is None or parameter.name in values:
            continue
        if (replied := parameter.kind.replied(reading.reply_to)) is not None:
            values[parameter.name] = replied
            open_.remove(parameter)
    missing = [parameter for parameter in open_ if parameter.required]
    if missing:
        raise _misread(command, missing[0], left[0] if left else None)
    for parameter in command.parameters:
        if parameter.kind.rest and (left or reading.document is not None):
            try:
                found = await parameter.kind.read(left, reading, first=True)
            except Ambiguous as inner:
                # Somebody in the command that this one carries: each choice is the whole line.
                if doubts:
                    raise _too_many_doubts(doubts[0][0], inner.word) from inner
                raise Ambiguous(
                    inner.word,
                    [(label, command.says(**{**values, parameter.name: says})) for label, says in inner.choices],
                ) from inner
            if found is not None:
                values[parameter.name] = found.value
                left = left[found.count :]
        if parameter.kind.rest and parameter.required and parameter.name not in values:
            raise _misread(command, parameter, None)
    if left:
        raise _misread(command, open_[0], left[0]) if open_ else _too_much(command, left[0])
    if len(doubts) > 1:
        raise _too_many_doubts(doubts[0][0], doubts[1][0])
    for word, parameter, values_ in doubts:
        choices = [
            (parameter.kind.label(value), command.says(**{**values, parameter.name: value})) for value in values_
        ]
        raise Ambiguous(word, choices, people=isinstance(parameter.kind, PersonKind | PeopleKind))
    return values


def _too_many_doubts(one: str, other: str) -> Refusal:
    return Refusal(
        T(
            "“{one}” and “{other}” each fit several people. Say one of them more exactly: by the whole name, a "
            "nickname or an account.",
            one=_clipped(one),
            other=_clipped(other),
        )
    )


def _misread(command: Command, parameter: Parameter, word: Word | None) -> Refusal:
    if word is None:
        return Refusal(
            T(
                "Something is missing: {expected}. Write it like this: {example}",
                expected=parameter.kind.expected,
                example=command.example,
            )
        )
    return Refusal(
        T(
            "I read “{word}” where I expected {expected}. Write it like this: {example}",
            expected=parameter.kind.expected,
            word=_clipped(word.text),
            example=command.example,
        )
    )


def _too_much(command: Command, word: Word) -> Refusal:
    return Refusal(
        T(
            "I do not know what “{word}” is for here. Write it like this: {example}",
            word=_clipped(word.text),
            example=command.example,
        )
    )


def _clipped(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"
