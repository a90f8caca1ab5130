"""A network of its own in one terminal: people, a group, private chats; for practice, scripts and tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.chat import (
    Arrival,
    Chat,
    ChatId,
    Departure,
    Dispatcher,
    Key,
    Letter,
    Message,
    Pace,
    PopUp,
    Press,
    Sender,
    UserId,
    native,
)
from bot.text import plain

NETWORK = "console"
POPUP_CHARACTERS_MAX = 200


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

    @property
    def sender(self) -> Sender:
        """The person as a network would tell of them."""
        return Sender(
            user=UserId(f"{NETWORK}:{self.username}"),
            name=self.username[:1].upper() + self.username[1:],
            username=self.username,
            language=self.language,
        )

    @property
    def private(self) -> Chat:
        """Their private chat with the bot."""
        return Chat(id=ChatId(f"{NETWORK}:dm:{self.username}"), private=True)


@dataclass(slots=True)
class Posted:
    """A message of the bot, as it is shown now."""

    chat: ChatId
    text: str
    keys: tuple[tuple[Key, ...], ...]
    order: int


class ConsoleAdapter:
    """The bot's side and the people's side of the terminal's network.

    `line` is called with each line of the transcript: where, and what. `now` is the practice clock.
    """

    network = NETWORK
    prefix = "/"
    popup_characters_max = POPUP_CHARACTERS_MAX

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        now: Callable[[], datetime],
        token: Callable[[], str],
        line: Callable[[str, str], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._now = now
        self._token = token
        self._line = line
        self._run = token()[:6]
        self._count = itertools.count(1)
        self.people: dict[str, Somebody] = {}
        self.posted: dict[str, Posted] = {}

    # --- the people's side -----------------------------------------------------------------------------------

    def somebody(self, username: str) -> Somebody:
        """The person of this name, who comes to be when first named."""
        return self.people.setdefault(username, Somebody(username))

    async def say(
        self, who: str, text: str, chat: Chat, *, reply_to: str | None = None, manages_chat: bool | None = None
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
        arrow = f"{who} > {reply_to}" if reply_to else who
        self._line(self.title(chat.id), f"{arrow}: {flat(text)}")
        await self._dispatcher.handle(
            Message(
                event=self._token(),
                at=self._now(),
                chat=chat,
                sender=person.sender,
                text=text,
                message=message,
                reply_to=other,
                manages_chat=manages_chat,
            )
        )

    async def press(self, who: str, label: str, *, within: Chat, manages_chat: bool) -> None:
        """Somebody presses the newest button with this label that they can see there or in private."""
        person = self.somebody(who)
        visible = {within.id, person.private.id}
        for message, posted in sorted(self.posted.items(), key=lambda item: -item[1].order):
            keys = [key for row in posted.keys for key in row if key.label == label]
            if posted.chat in visible and keys:
                await self.press_key(who, keys[0], message, manages_chat=manages_chat)
                return
        raise NoSuchButton(label)

    async def press_key(self, who: str, key: Key, message: str, *, manages_chat: bool) -> None:
        """Somebody presses this button of this message."""
        person = self.somebody(who)
        posted = self.posted[message]
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

    async def arrive(self, who: str, chat: Chat) -> None:
        """Somebody comes into a group."""
        self._line(self.title(chat.id), f"{who} joins")
        person = self.somebody(who).sender
        await self._dispatcher.handle(Arrival(event=self._token(), at=self._now(), chat=chat, person=person))

    async def depart(self, who: str, chat: Chat) -> None:
        """Somebody goes out of a group."""
        self._line(self.title(chat.id), f"{who} leaves")
        person = self.somebody(who).sender
        await self._dispatcher.handle(Departure(event=self._token(), at=self._now(), chat=chat, person=person))

    def _show_popup(self, who: str, popup: PopUp | None) -> None:
        if popup is not None and popup.words:
            self._line(f"{who} (tap)", f"bot: {flat(popup.words)}")

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
        if before is None or (before.text, before.keys) != (plain(letter.spans), letter.keys):
            self._post(letter, message, "bot (edit)")

    def pace(self, chat: ChatId) -> Pace | None:
        """A terminal has no limit."""
        return None

    def link(self, payload: str) -> str | None:
        """Links are pressed like buttons here."""
        return None

    async def close(self) -> None:
        """Nothing is open."""

    def _post(self, letter: Letter, message: str, who: str) -> None:
        text = plain(letter.spans)
        self.posted[message] = Posted(letter.chat, text, letter.keys, next(self._count))
        labels = [f"[{key.label}]" for row in letter.keys for key in row]
        self._line(self.title(letter.chat), "  ".join([f"{who}: {flat(text)}", " ".join(labels)]).rstrip())

    # --- names -----------------------------------------------------------------------------------------------

    def group(self, title: str) -> Chat:
        """The group of this title."""
        return Chat(id=ChatId(f"{NETWORK}:group:{title}"), private=False, title=title)

    def title(self, chat: ChatId) -> str:
        """What the transcript calls a chat: the group's title, or `ben (dm)`."""
        kind, _, name = native(chat).partition(":")
        return f"{name} (dm)" if kind == "dm" else name

    def _chat(self, chat: ChatId) -> Chat:
        kind, _, name = native(chat).partition(":")
        return self.somebody(name).private if kind == "dm" else self.group(name)

    def _next(self) -> str:
        # Message ids of an earlier run on the same data must not be mistaken for ours.
        return f"{self._run}-{next(self._count)}"


def flat(text: str) -> str:
    """A message on one line of the transcript."""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())
