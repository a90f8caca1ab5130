"""A network of its own in one terminal: people, a group, private chats; for practice, scripts and tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.adapters import matrix_words
from bot.chat import (
    Arrival,
    Chat,
    ChatId,
    Choice,
    Departure,
    Dispatcher,
    Document,
    Key,
    Letter,
    Message,
    NativePoll,
    Pace,
    Picture,
    PollSent,
    PopUp,
    Press,
    Sender,
    StrawVote,
    UserId,
    WireAct,
    WireDoors,
    WirePost,
    WireText,
    account_behind,
    door_of,
    native,
)
from bot.domain import envelope
from bot.text import plain

NETWORK = "console"
_COMMAND = re.compile(r"/[A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What a network can do and how it looks, for a terminal that is like it; see `Adapter`."""

    prefix: str = "/"
    popup_characters_max: int = 200
    numbered: bool = False
    reaches: bool = False
    server: str = ""
    """Where usernames are such as `ana:example.org`, what comes after the colon."""


LIKENESSES: Mapping[str, Likeness] = {
    "telegram": Likeness(),
    "matrix": Likeness(
        prefix=matrix_words.PREFIX, popup_characters_max=0, numbered=True, reaches=True, server="example.net"
    ),
}


class NoSuchButton(LookupError):
    """The person sees no button with that label."""


class NothingSaid(LookupError):
    """The person has said nothing that could be replied to."""


@dataclass(slots=True)
class Somebody:
    """A person at the terminal."""

    username: str
    language: str | None = None
    last_said: dict[ChatId, str] = field(default_factory=dict)
    """The id of their last message in each chat."""
    network: str = NETWORK
    like: Likeness = LIKENESSES["telegram"]

    @property
    def sender(self) -> Sender:
        """The person as a network would tell of them."""
        return Sender(
            user=UserId(f"{self.network}:{self.username}"),
            name=self.username[:1].upper() + self.username[1:],
            username=f"{self.username}:{self.like.server}" if self.like.server else self.username,
            language=self.language,
        )

    @property
    def private(self) -> Chat:
        """Their private chat with the bot."""
        return Chat(id=ChatId(f"{self.network}:{'' if self.like.reaches else 'dm:'}{self.username}"), private=True)


@dataclass(slots=True)
class Posted:
    """A message of the bot, as it is shown now."""

    chat: ChatId
    text: str
    """With the numbers of the buttons, where there are no buttons."""
    keys: tuple[tuple[Key, ...], ...]
    """Of a poll of the network's own: what can be chosen."""
    order: int
    poll: NativePoll | None = None
    votes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Who has chosen what in such a poll."""


class ConsoleAdapter:
    """The bot's side and the people's side of the terminal's network.

    `line` is called with each line of the transcript: where, and what. `now` is the practice clock. A second one of
    another `network` is shown with its `label` beside each place. `like`: which network it behaves like. `carries`: the
    bot's account on it, where committees can be linked over it.
    """

    one_limit: bool = False
    per_second_max: int | None = None

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        now: Callable[[], datetime],
        token: Callable[[], str],
        line: Callable[[str, str], None],
        network: str = NETWORK,
        label: str = "",
        like: Likeness = LIKENESSES["telegram"],
        carries: str | None = None,
    ) -> None:
        self.network = network
        self.prefix = like.prefix
        self.popup_characters_max = like.popup_characters_max
        self.numbered = like.numbered
        self.reaches = like.reaches
        self.carries = carries
        self._label = label
        self._like = like
        self._dispatcher = dispatcher
        self._now = now
        self._token = token
        self._line = line
        self._run = token()[:6]
        self._count = 0
        self.people: dict[str, Somebody] = {}
        self.posted: dict[str, Posted] = {}
        self.pinned: set[str] = set()
        self._inside: dict[ChatId, set[str]] = {}
        self.documents: list[Document] = []
        """Files that the bot has sent, oldest first."""
        self.pictures: list[Picture] = []
        """The same of pictures."""
        self.carried: list[tuple[ChatId, str]] = []
        """What went over wires and to doors."""
        self.doors: list[WireDoors] = []
        """Who was let in and put out; nobody goes through doors in a terminal."""
        self._under_way: list[WireText] = []
        self.cut = False
        """What is given to wires and doors is lost."""
        self.said_on_wire_at = datetime.min.replace(tzinfo=UTC)
        """When anything went there last but what committees tell each other all the time."""

    # --- the people's side -----------------------------------------------------------------------------------

    def somebody(self, username: str) -> Somebody:
        """The person of this name, who comes to be when first named."""
        return self.people.setdefault(username, Somebody(username, network=self.network, like=self._like))

    async def say(
        self,
        who: str,
        text: str,
        chat: Chat,
        *,
        reply_to: str | None = None,
        manages_chat: bool | None = None,
        document: Document | None = None,
    ) -> None:
        """Somebody writes in a chat, perhaps in reply to somebody's last message there. Raises NothingSaid."""
        person = self.somebody(who)
        other: Sender | None = None
        if reply_to is not None:
            if chat.id not in self.somebody(reply_to).last_said:
                raise NothingSaid(reply_to)
            other = self.somebody(reply_to).sender
        message = self._next()
        person.last_said[chat.id] = message
        if not chat.private:
            await self._changed(who, chat, inside=True)
        arrow = f"{who} > {reply_to}" if reply_to else who
        self._line(self.title(chat.id), f"{arrow}: {flat(text)}")
        await self._dispatcher.handle(
            Message(
                event=self._token(),
                at=self._now(),
                chat=chat,
                sender=person.sender,
                text=self.unlocal(text),
                message=message,
                reply_to=other,
                manages_chat=manages_chat,
                document=document if self._dispatcher.takes_document(self.unlocal(text)) else None,
            )
        )

    async def press(self, who: str, label: str, *, within: Chat, manages_chat: bool) -> None:
        """Somebody presses the newest button with this label that they can see there or in private.

        Where buttons are numbered, they choose its number. Raises NoSuchButton.
        """
        person = self.somebody(who)
        visible = {within.id, person.private.id}
        for message, posted in sorted(self.posted.items(), key=lambda item: -item[1].order):
            keys = [key for row in posted.keys for key in row if key.label == label]
            if posted.chat in visible and keys:
                await self.press_key(who, keys[0], message, manages_chat=manages_chat)
                return
        raise NoSuchButton(label)

    async def press_key(self, who: str, key: Key, message: str, *, manages_chat: bool) -> None:
        """Somebody presses this button of this message, or chooses its number."""
        person = self.somebody(who)
        posted = self.posted[message]
        if posted.poll is not None:
            await self._vote(who, int(key.token), message, posted)
            return
        if self.numbered:
            number = [there for row in posted.keys for there in row].index(key) + 1
            self._line(self.title(posted.chat), f"{who} chooses {matrix_words.symbol(number)} {key.label}")
            await self._dispatcher.handle(
                Choice(
                    event=self._token(),
                    at=self._now(),
                    chat=self._chat(posted.chat),
                    sender=person.sender,
                    number=number,
                    message=message,
                    manages_chat=manages_chat,
                )
            )
            return
        self._line(self.title(posted.chat), f"{who} presses [{key.label}]")
        # A link leads into the private chat and says there what it stands for.
        chat = person.private if key.link else self._chat(posted.chat)
        popup = await self._dispatcher.handle(
            Press(
                event=self._token(),
                at=self._now(),
                chat=chat,
                sender=person.sender,
                token=key.token,
                message=message,
                manages_chat=manages_chat,
            )
        )
        self._show_popup(who, popup)

    async def _vote(self, who: str, place: int, message: str, posted: Posted) -> None:
        """Somebody chooses in a poll of the network's own; what they chose before, they take back."""
        assert posted.poll is not None
        before = posted.votes.get(who, ())
        kept = tuple(one for one in before if one != place) if posted.poll.several or place in before else ()
        chosen = kept if place in before else tuple(sorted((*kept, place)))
        posted.votes[who] = chosen
        does = "takes back" if place in before else "votes"
        self._line(self.title(posted.chat), f"{who} {does} [{posted.poll.options[place]}]")
        await self._dispatcher.handle(
            StrawVote(
                event=self._token(),
                at=self._now(),
                chat=self._chat(posted.chat),
                sender=self.somebody(who).sender,
                poll=message,
                options=chosen,
            )
        )

    async def arrive(self, who: str, chat: Chat, *, by: str | None = None) -> None:
        """Somebody comes into a group, by themselves or added by somebody."""
        self._line(self.title(chat.id), f"{who} joins")
        person = self.somebody(who).sender
        adder = self.somebody(by).sender if by is not None else None
        await self._dispatcher.handle(Arrival(event=self._token(), at=self._now(), chat=chat, person=person, by=adder))
        await self._changed(who, chat, inside=True)

    async def depart(self, who: str, chat: Chat) -> None:
        """Somebody goes out of a group."""
        self._line(self.title(chat.id), f"{who} leaves")
        person = self.somebody(who).sender
        await self._dispatcher.handle(Departure(event=self._token(), at=self._now(), chat=chat, person=person))
        await self._changed(who, chat, inside=False)

    async def enter(self, chat: Chat, *who: str) -> None:
        """These people are in a group, and nobody remembers how they came."""
        for one in who:
            await self._changed(one, chat, inside=True)

    async def _changed(self, who: str, chat: Chat, *, inside: bool) -> None:
        people = self._inside.setdefault(chat.id, set())
        before = len(people)
        (people.add if inside else people.discard)(who)
        if len(people) != before:
            await self._dispatcher.sized(chat, len(people))

    def _show_popup(self, who: str, popup: PopUp | None) -> None:
        if popup is not None and popup.words:
            self._line(f"{who} ({self._label} tap)" if self._label else f"{who} (tap)", f"bot: {flat(popup.words)}")

    # --- the bot's side --------------------------------------------------------------------------------------

    async def run(self, caught_up: Callable[[], None]) -> None:
        """There is nothing to wait for: people call `say` and `press`."""
        caught_up()

    async def send(self, letter: Letter) -> str:
        """Show a message."""
        message = self._next()
        self._post(letter, message, "bot")
        return message

    async def edit(self, letter: Letter, message: str) -> None:
        """Show what a message says now, if that is something else."""
        before = self.posted.get(message)
        if before is None or (before.text, before.keys) != (self._text(letter), letter.keys):
            self._post(letter, message, "bot (edit)")

    async def send_poll(self, letter: Letter, poll: NativePoll) -> PollSent:
        """Show a poll as networks do: a circle for one answer, a square for each of several."""
        message = self._next()
        options = enumerate(poll.options)
        keys = tuple((Key(label=option, token=str(place)),) for place, option in options)
        text = poll_text(poll.question, poll.options, several=poll.several)
        self.posted[message] = Posted(letter.chat, text, keys, self._counted(), poll)
        self._line(self.title(letter.chat), f"bot sends a poll: {flat(text)}")
        return PollSent(message, message)

    async def end_poll(self, letter: Letter, message: str) -> None:
        """Nobody can choose any more."""
        posted = self.posted.get(message)
        if posted is not None and posted.poll is not None:
            posted.keys = ()
            self._line(self.title(letter.chat), f"bot ends the poll: {flat(posted.poll.question)}")

    async def carry(self, key: str, chat: ChatId, wire: WireAct) -> str:
        """All committees of the practice are at one bot: what it sends comes back to it, unless the wire is cut.

        Doors stand open. What is lost looks like sent, as on a real network; it is asked for again.
        """
        if isinstance(wire, WirePost):
            came_from = chat if account_behind(chat) is None else door_of(self.network, self.carries or "")
            if not _is_beat(wire.text):
                self.said_on_wire_at = self._now()
            if self.cut:
                return key
            self.carried.append((chat, wire.text))
            self._under_way.append(
                WireText(event=key, at=self._now(), chat=Chat(id=came_from, private=False), text=wire.text)
            )
        else:
            self.doors.append(wire)
        return key

    async def hand_over(self) -> bool:
        """Bring the next that went to a wire or a door. False: nothing is under way.

        Not while other things are being delivered: what is shown first would hang on how quick the machine is.
        """
        if not self._under_way:
            return False
        await self._dispatcher.handle(self._under_way.pop(0))
        return True

    async def pin(self, chat: ChatId, message: str) -> bool:
        """Messages do not scroll away here, but what was pinned is still there when others are cleared away."""
        self.pinned.add(message)
        return True

    async def delete(self, chat: ChatId, message: str) -> bool:
        """Show that a message of the bot's is gone. A terminal writes nothing of its own."""
        if (gone := self.posted.pop(message, None)) is not None:
            self._line(self.title(gone.chat), "bot takes a message away")
        return True

    def pace(self, chat: ChatId) -> Pace | None:
        """A terminal has no limit."""
        return None

    def link(self, payload: str) -> str | None:
        """Links are pressed like buttons here."""
        return None

    async def close(self) -> None:
        """Nothing is open."""

    def _post(self, letter: Letter, message: str, who: str) -> None:
        text = self._text(letter)
        self.posted[message] = Posted(letter.chat, text, letter.keys, self._counted())
        labels = [] if self.numbered else [f"[{key.label}]" for row in letter.keys for key in row]
        if isinstance(letter.document, Picture):
            # Its size depends on the version of what drew it.
            self.pictures.append(letter.document)
            self._line(self.title(letter.chat), f"{who} sends a picture: {letter.document.name}")
        elif letter.document is not None:
            self.documents.append(letter.document)
            size = len(letter.document.content)
            self._line(self.title(letter.chat), f"{who} sends a file: {letter.document.name} ({size} bytes)")
        self._line(self.title(letter.chat), "  ".join([f"{who}: {flat(text)}", " ".join(labels)]).rstrip())

    # --- how it looks ----------------------------------------------------------------------------------------

    def local(self, text: str) -> str:
        """What somebody types here to say what is written with `/` elsewhere."""
        return f"{self.prefix}{text[1:]}" if _COMMAND.match(text) else text

    def unlocal(self, text: str) -> str:
        """What was typed, as the core reads it."""
        return f"/{text[1:]}" if text.startswith(self.prefix) and _COMMAND.match(f"/{text[1:]}") else text

    def _text(self, letter: Letter) -> str:
        spans = letter.spans if self.prefix == "/" else matrix_words.local(letter.spans)
        return plain(matrix_words.with_numbers(spans, letter.keys) if self.numbered else spans)

    # --- names -----------------------------------------------------------------------------------------------

    def group(self, title: str) -> Chat:
        """The group of this title."""
        return Chat(id=ChatId(f"{self.network}:group:{title}"), private=False, title=title)

    def title(self, chat: ChatId) -> str:
        """What the transcript calls a chat: the group's title, or `ben (dm)`; with the network's label, if any."""
        name = native(chat).rpartition(":")[2]
        marks = " ".join(mark for mark in (self._label, "" if _is_group(chat) else "dm") if mark)
        return f"{name} ({marks})" if marks else name

    def _chat(self, chat: ChatId) -> Chat:
        name = native(chat).rpartition(":")[2]
        return self.group(name) if _is_group(chat) else self.somebody(name).private

    def _next(self) -> str:
        # Message ids of an earlier run on the same data must not be mistaken for ours.
        return f"{self._run}-{self._counted()}"

    def _counted(self) -> int:
        self._count += 1
        return self._count

    # --- what stands in no database --------------------------------------------------------------------------

    def memory(self) -> Mapping[str, Any]:
        """What the people at the terminal know and see now."""
        return {
            "_run": self._run,
            "_count": self._count,
            "people": {name: replace(person, last_said={**person.last_said}) for name, person in self.people.items()},
            "posted": {message: replace(shown, votes={**shown.votes}) for message, shown in self.posted.items()},
            "pinned": {*self.pinned},
            "_inside": {chat: {*people} for chat, people in self._inside.items()},
            "documents": [*self.documents],
            "pictures": [*self.pictures],
            "carried": [*self.carried],
        }

    def remember(self, memory: Mapping[str, Any]) -> None:
        """They know and see what those of another terminal did, and go on from there."""
        vars(self).update(memory)
        # What they learn from now on is no part of what was given.
        vars(self).update(self.memory())


def _is_group(chat: ChatId) -> bool:
    return native(chat).startswith("group:")


def _is_beat(text: str) -> bool:
    """Whether it stands outside of its author's chain, as what is told again and again does."""
    try:
        return envelope.load(text).number == 0
    except envelope.Unsound:
        return False


def poll_text(question: str, options: Sequence[str], *, several: bool) -> str:
    """How a poll of the network's own looks."""
    return "\n".join([question, *(f"{'☐' if several else '○'} {option}" for option in options)])


def flat(text: str) -> str:
    """A message on one line of the transcript."""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())
