"""The world behind the Bot API test server: people, chats and messages, and what people do in them.

Everything here is what a user does in an app; what a bot does is in telegram_methods.py.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from tests.servers.telegram_faults import Fault, Faults, RateLimits
from tests.servers.telegram_updates import LIFETIME_SECONDS, UpdateQueue

Json = dict[str, Any]
Kind = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
T = TypeVar("T")

ANONYMOUS_ADMIN = 1087968824
CHANNEL_BOT = 136817688
TELEGRAM = 777000
CALLBACK_LIFETIME_SECONDS = 150
PRESENT: frozenset[Status] = frozenset({"creator", "administrator", "member", "restricted"})
RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_send_welcome_messages", "can_pin_messages", "can_manage_topics",
)  # fmt: skip
PERMISSIONS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_react_to_messages", "can_edit_tag", "can_change_info",
    "can_invite_users", "can_pin_messages", "can_manage_topics",
)  # fmt: skip


class NotPossible(Exception):
    """A user could not do this in an app: the test asks for something that does not exist."""


class ServerMistake(AssertionError):
    """The test server itself produced something that is not the Bot API."""


@dataclass(eq=False)
class User:
    """A person or a bot."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    known: bool = False  # our bot has met this person in an update or an answer
    started: bool = False
    blocked: bool = False
    deactivated: bool = False


@dataclass(eq=False)
class Member:
    """What somebody is in a chat."""

    user: User
    status: Status = "member"
    rights: frozenset[str] = frozenset()
    anonymous: bool = False
    title: str | None = None


@dataclass(eq=False)
class Topic:
    """A topic of a forum; its id is that of the message that opened it."""

    id: int
    name: str
    icon_color: int = 7322096
    closed: bool = False


@dataclass(frozen=True)
class Button:
    """An inline button as a user sees it."""

    label: str
    data: str | None = None
    url: str | None = None


@dataclass(eq=False)
class Poll:
    """A native poll and its votes."""

    id: str
    question: str
    options: list[str]
    anonymous: bool = True
    multiple: bool = False
    kind: str = "regular"
    closed: bool = False
    close_at: float | None = None
    revoting: bool = True
    extra: Json = field(default_factory=dict)
    votes: dict[int, list[int]] = field(default_factory=dict)

    def counts(self) -> list[int]:
        """Votes per option."""
        return [sum(index in chosen for chosen in self.votes.values()) for index in range(len(self.options))]


@dataclass(eq=False)
class Message:
    """A message as it is now."""

    chat: Chat
    id: int
    date: int
    sender: User | None = None
    sender_chat: Chat | None = None
    author: User | None = None  # who really wrote it, also behind an anonymous message
    text: str | None = None
    entities: list[Json] = field(default_factory=list)
    topic: int | None = None
    is_topic: bool = False
    reply_to: int | None = None
    quote: Json | None = None
    markup: Json | None = None
    edit_date: int | None = None
    outgoing: bool = False
    service: bool = False
    deleted: bool = False
    signature: str | None = None
    poll: Poll | None = None
    content: Json = field(default_factory=dict)  # media and service fields, in the words of the Bot API
    reactions: dict[int, list[str]] = field(default_factory=dict)
    silent: bool = False
    receiver: User | None = None  # who alone sees it: an ephemeral message, with an id of its own

    @property
    def edited(self) -> bool:
        """Whether it carries the mark "edited"."""
        return self.edit_date is not None

    @property
    def caption(self) -> str | None:
        """The words under a picture or a file."""
        return self.content.get("caption")

    @property
    def buttons(self) -> list[list[Button]]:
        """The rows of inline buttons."""
        rows = (self.markup or {}).get("inline_keyboard", [])
        return [[Button(cell["text"], cell.get("callback_data"), cell.get("url")) for cell in row] for row in rows]

    def button(self, label: str) -> Button:
        """The button with this label, or whose label begins so."""
        cells = [cell for row in self.buttons for cell in row]
        for cell in cells:
            if cell.label == label:
                return cell
        for cell in cells:
            if cell.label.startswith(label):
                return cell
        raise NotPossible(f"no button {label!r} among {[cell.label for cell in cells]}")


@dataclass(eq=False)
class Chat:
    """A chat with its members and messages."""

    id: int
    kind: Kind
    title: str | None = None
    username: str | None = None
    user: User | None = None
    forum: bool = False
    description: str | None = None
    members: dict[int, Member] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    ephemeral: dict[int, Message] = field(default_factory=dict)
    pinned: list[int] = field(default_factory=list)
    requests: set[int] = field(default_factory=set)
    linked: Chat | None = None  # the channel whose posts this group discusses
    last_id: int = 0
    last_bot: int | None = None
    reads_all: bool = False  # privacy mode as it was when the bot came in
    migrated_to: Chat | None = None
    bot_kicked: bool = False

    @property
    def is_group(self) -> bool:
        return self.kind in {"group", "supergroup"}


@dataclass(eq=False)
class Tap:
    """A press on a button, and later the bot's answer to it."""

    id: str
    user: User
    message_id: int
    data: str | None
    at: float
    answered: bool = False
    text: str | None = None
    show_alert: bool = False
    url: str | None = None
    cache_seconds: int = 0


@dataclass(frozen=True)
class Call:
    """One request of a bot and how it ended."""

    method: str
    params: Json
    status: int
    at: float
    description: str | None = None


class State:
    """People, chats and messages; how the Bot API writes them; the queue of updates."""

    def __init__(
        self,
        *,
        bot_username: str = "solibot",
        bot_id: int = 7_000_000_001,
        bot_name: str = "Solibot",
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        messages_kept: int = 10_000,
    ) -> None:
        self.chance = random.Random(seed)
        self._clock = clock
        self._ahead = 0.0
        self.updates = UpdateQueue(self.now, self.chance)
        self.faults = Faults(self.chance)
        self.rate_limits: RateLimits | None = None
        self.privacy = True
        self.bot_to_bot = False
        self.callback_seconds = 15.0
        self.messages_kept = messages_kept
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.polls: dict[str, Poll] = {}
        self.taps: dict[str, Tap] = {}
        self.files: dict[str, tuple[str, bytes]] = {}  # file_id: path, content
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.profile: dict[tuple[str, str], Any] = {}
        self.actions: list[tuple[int, str]] = []
        self.usernames: dict[str, User | Chat] = {}
        self._next_user = 1001
        self._next_chat = 1
        self._waiters: set[asyncio.Future[None]] = set()
        self.updates.on_wait = self.changed
        self.bot = self.user(bot_id, bot_name, username=bot_username, is_bot=True)
        self.bot.known = True
        self.anonymous_admin = User(ANONYMOUS_ADMIN, "Group", username="GroupAnonymousBot", is_bot=True)
        self.channel_bot = User(CHANNEL_BOT, "Channel", username="Channel_Bot", is_bot=True)
        self.telegram = User(TELEGRAM, "Telegram")

    # -- time and waiting -------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since 1970, as Telegram's clock says."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move Telegram's clock on."""
        self._ahead += seconds
        for poll in self.polls.values():
            if poll.close_at is not None and not poll.closed and poll.close_at <= self.now():
                poll.closed = True
                self.emit("poll", self.poll_json(poll))

    def changed(self) -> None:
        """Something happened: whoever waits looks again."""
        if self._waiters:
            waiters, self._waiters = self._waiters, set()
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def wait_for(self, look: Callable[[], T], within: float = 5.0) -> T:
        """What `look` returns, as soon as it is true; looks after everything that happens here."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not (found := look()):
            left = deadline - loop.time()
            waiter = loop.create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, left)
            except TimeoutError:
                self._waiters.discard(waiter)
                if not (found := look()):
                    raise TimeoutError(f"nothing came within {within} s") from None
                break
        return found

    async def next_message(self, chat: Chat | int, *, after: Message | int, within: float = 5.0) -> Message:
        """The bot's first message in the chat that is newer than `after` (a message of that chat or its id)."""
        place = self.chat(chat)
        seen = after if isinstance(after, int) else after.id

        def look() -> Message | None:
            return next((m for m in self._newer(place, seen) if m.sender is self.bot and not m.service), None)

        found = await self.wait_for(look, within)
        assert found is not None
        return found

    async def reply(self, message: Message, within: float = 5.0) -> Message:
        """The bot's next message in the chat of this message."""
        return await self.next_message(message.chat, after=message, within=within)

    async def answer(self, tap: Tap | str, within: float = 5.0) -> Tap:
        """The tap, once the bot has answered it."""
        found = self.taps[tap] if isinstance(tap, str) else tap
        await self.wait_for(lambda: found.answered, within)
        return found

    async def fetched(self, within: float = 5.0) -> None:
        """Wait until the bot has acknowledged every update."""
        await self.wait_for(lambda: len(self.updates) == 0, within)

    async def listening(self, within: float = 5.0) -> None:
        """Wait until a bot waits for updates."""
        await self.wait_for(lambda: self.updates.polling, within)

    @staticmethod
    def _newer(chat: Chat, seen: int) -> Iterable[Message]:
        """Messages above an id, oldest first, without walking a long history."""
        return [chat.messages[number] for number in range(seen + 1, chat.last_id + 1) if number in chat.messages]

    # -- making people and places --------------------------------------------------------------------

    def user(
        self,
        user_id: int | None = None,
        first_name: str = "Ana",
        *,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = None,
        is_bot: bool = False,
    ) -> User:
        """A new person, or with a known id that person."""
        if user_id is not None and user_id in self.users:
            return self.users[user_id]
        if user_id is None:
            user_id, self._next_user = self._next_user, self._next_user + 1
        person = User(user_id, first_name, last_name, username, language_code, is_bot)
        self.users[user_id] = person
        if username:
            self.usernames[username.lower()] = person
        return person

    def person(self, user: User | int) -> User:
        """The user with this id."""
        return user if isinstance(user, User) else self.users[user]

    def chat(self, chat: Chat | int) -> Chat:
        """The chat with this id; a person's id is the private chat with them."""
        if isinstance(chat, Chat):
            return chat
        return self.chats[chat] if chat in self.chats else self.private(chat)

    def private(self, user: User | int) -> Chat:
        """The private chat of this person with our bot."""
        person = self.person(user)
        if person.id not in self.chats:
            self.chats[person.id] = Chat(person.id, "private", user=person)
        return self.chats[person.id]

    def group(
        self,
        title: str = "Committee",
        *,
        chat_id: int | None = None,
        creator: User | int | None = None,
        members: Iterable[User | int] = (),
        bot: Status | None = "member",
    ) -> Chat:
        """A basic group as it stands; nothing of how it came to be is told to the bot."""
        return self._place("group", title, chat_id, creator, members, bot)

    def supergroup(
        self,
        title: str = "Committee",
        *,
        chat_id: int | None = None,
        creator: User | int | None = None,
        members: Iterable[User | int] = (),
        bot: Status | None = "member",
        username: str | None = None,
        forum: bool = False,
    ) -> Chat:
        """A supergroup, with `forum` one that has topics."""
        chat = self._place("supergroup", title, chat_id, creator, members, bot)
        chat.forum, chat.username = forum, username
        if username:
            self.usernames[username.lower()] = chat
        return chat

    def channel(
        self,
        title: str = "News",
        *,
        chat_id: int | None = None,
        creator: User | int | None = None,
        bot: Status | None = "administrator",
        username: str | None = None,
        discussed_in: Chat | int | None = None,
    ) -> Chat:
        """A channel; its posts are forwarded by Telegram into the group where they are discussed."""
        chat = self._place("channel", title, chat_id, creator, (), bot)
        chat.username = username
        if username:
            self.usernames[username.lower()] = chat
        if discussed_in is not None:
            self.chat(discussed_in).linked = chat
        return chat

    def _place(
        self,
        kind: Kind,
        title: str,
        chat_id: int | None,
        creator: User | int | None,
        members: Iterable[User | int],
        bot: Status | None,
    ) -> Chat:
        if chat_id is None:
            # Ids of supergroups and channels need more than 32 bits, as the real ones do.
            chat_id = -self._next_chat - 4_000_000 if kind == "group" else -1_002_000_000_000 - self._next_chat
            self._next_chat += 1
        if chat_id in self.chats:
            raise NotPossible(f"there is a chat {chat_id}")
        chat = self.chats[chat_id] = Chat(chat_id, kind, title, reads_all=not self.privacy)
        if kind == "supergroup":
            chat.last_id = 1  # the message about its creation, which is also the id of General in a forum
        if creator is not None:
            owner = self.person(creator)
            chat.members[owner.id] = Member(owner, "creator")
        for person in map(self.person, members):
            chat.members.setdefault(person.id, Member(person))
        if bot is not None:
            rights = frozenset(RIGHTS) if bot == "administrator" else frozenset()
            chat.members[self.bot.id] = Member(self.bot, bot, rights)
        return chat

    def named(self, username: str) -> User | Chat | None:
        """Who or what has this @username."""
        return self.usernames.get(username.lstrip("@").lower())

    # -- as the Bot API writes it ----------------------------------------------------------------------

    def user_json(self, user: User) -> Json:
        """A User; from now on the bot knows this person."""
        user.known = True
        out: Json = {"id": user.id, "is_bot": user.is_bot, "first_name": user.first_name}
        if user.last_name:
            out["last_name"] = user.last_name
        if user.username:
            out["username"] = user.username
        if user.language_code:
            out["language_code"] = user.language_code
        return out

    def chat_json(self, chat: Chat) -> Json:
        """A Chat."""
        if chat.user is not None:
            out = {"id": chat.id, "type": "private", "first_name": chat.user.first_name}
            if chat.user.last_name:
                out["last_name"] = chat.user.last_name
            if chat.user.username:
                out["username"] = chat.user.username
            return out
        out = {"id": chat.id, "type": chat.kind, "title": chat.title or ""}
        if chat.username:
            out["username"] = chat.username
        if chat.forum:
            out["is_forum"] = True
        return out

    def message_json(self, message: Message, *, reply: bool = True) -> Json:
        """A Message, with what it answers to one level deep."""
        out: Json = {"message_id": message.id, "date": message.date, "chat": self.chat_json(message.chat)}
        if message.receiver is not None:
            out |= {"message_id": 0, "ephemeral_message_id": message.id}
            out["receiver_user"] = self.user_json(message.receiver)
        if message.sender is not None:
            out["from"] = self.user_json(message.sender)
        if message.sender_chat is not None:
            out["sender_chat"] = self.chat_json(message.sender_chat)
        if message.topic is not None:
            out["message_thread_id"] = message.topic
            if message.is_topic:
                out["is_topic_message"] = True
        if message.signature:
            out["author_signature"] = message.signature
        if message.edit_date is not None:
            out["edit_date"] = message.edit_date
        # A message in a topic answers the message that opened the topic when it answers nothing else.
        answers = message.reply_to or (message.topic if message.is_topic else None)
        if reply and answers is not None and answers != message.id:
            target = message.chat.messages.get(answers)
            if target is not None:
                out["reply_to_message"] = self.message_json(target, reply=False)
                if message.quote:
                    out["quote"] = message.quote
        if message.text is not None:
            out["text"] = message.text
            if message.entities:
                out["entities"] = message.entities
        if message.poll is not None:
            out["poll"] = self.poll_json(message.poll)
        if message.markup is not None and "inline_keyboard" in message.markup:
            out["reply_markup"] = message.markup
        out.update(message.content)
        return out

    def member_json(self, chat: Chat, user: User) -> Json:
        """A ChatMember."""
        member = chat.members.get(user.id) or Member(user, "left")
        status: Status = member.status
        if user is self.bot and chat.bot_kicked and chat.kind == "group":
            status = "left"  # a basic group has no list of banned people
        out: Json = {"user": self.user_json(user), "status": status}
        match status:
            case "creator":
                out["is_anonymous"] = member.anonymous
            case "administrator":
                out |= {right: right in member.rights for right in RIGHTS}
                out |= {"can_be_edited": False, "is_anonymous": member.anonymous, "can_manage_chat": True}
                if chat.kind == "channel":
                    out |= {"can_post_messages": True, "can_edit_messages": True}
            case "restricted":
                out |= dict.fromkeys(PERMISSIONS, False)
                out |= {"is_member": True, "until_date": 0}
            case "kicked":
                out["until_date"] = 0
        if member.title and status in {"creator", "administrator"}:
            out["custom_title"] = member.title
        return out

    def poll_json(self, poll: Poll) -> Json:
        """A Poll with its counts."""
        counts = poll.counts()
        return {
            "id": poll.id,
            "question": poll.question,
            "options": [
                {"persistent_id": f"{poll.id}-{index}", "text": text, "voter_count": counts[index]}
                for index, text in enumerate(poll.options)
            ],
            "total_voter_count": sum(bool(chosen) for chosen in poll.votes.values()),
            "is_closed": poll.closed,
            "is_anonymous": poll.anonymous,
            "type": poll.kind,
            "allows_multiple_answers": poll.multiple,
            "allows_revoting": poll.revoting,
            "members_only": False,
            **poll.extra,
        }

    # -- updates ---------------------------------------------------------------------------------------

    def check_update(self, update: Json) -> None:
        """Called with every update before it is queued; the server checks it against the schema."""

    def emit(self, kind: str, payload: Json, lifetime: float = LIFETIME_SECONDS) -> int | None:
        """Queue an update for the bot, unless it did not ask for this kind."""
        if kind not in self.updates.allowed or lifetime <= 0:
            return None
        update = {kind: payload}
        self.check_update({"update_id": 1, **update})
        twice = shuffled = False
        skip = 0
        for fault in self.faults.on_update():
            twice |= fault.kind == "duplicate"
            shuffled |= fault.kind == "reorder"
            if fault.kind == "gap":
                skip += int(fault.details.get("size", self.chance.randrange(1, 1000)))
            if fault.kind == "jump":
                self.updates.jump()
        number = self.updates.push(update, lifetime, twice=twice, shuffled=shuffled, skip=skip)
        self.changed()
        return number

    def inject(self, update: Json) -> int:
        """Queue an update exactly as given: kinds and fields of a later Bot API, or ids of your own."""
        number = self.updates.push(update, LIFETIME_SECONDS)
        self.changed()
        return number

    def store(self, message: Message) -> Message:
        """Keep a new message in its chat."""
        chat = message.chat
        chat.messages[message.id] = message
        if len(chat.messages) > self.messages_kept:
            del chat.messages[next(iter(chat.messages))]
        sender = message.sender
        if sender is not None and sender.is_bot and not message.service and sender is not self.anonymous_admin:
            chat.last_bot = sender.id
        self.changed()
        return message

    def new_message(self, chat: Chat, sender: User | None, **fields: Any) -> Message:
        """The next message of a chat; not yet told to anybody."""
        chat.last_id += 1
        message = Message(chat, chat.last_id, int(self.now()), sender, **fields)
        message.author = message.author or sender
        return self.store(message)

    def new_ephemeral(self, chat: Chat, receiver: User, **fields: Any) -> Message:
        """A message of the bot that only one person sees; no part of the chat's history."""
        number = max(chat.ephemeral, default=0) + 1
        message = Message(
            chat, number, int(self.now()), self.bot, author=self.bot, outgoing=True, receiver=receiver, **fields
        )
        chat.ephemeral[number] = message
        self.changed()
        return message

    def tell(self, message: Message, *, edited: bool = False) -> None:
        """Queue the update about a message, if the bot may see it."""
        if not self.visible(message):
            return
        kind = "channel_post" if message.chat.kind == "channel" else "message"
        said = message.edit_date if edited and message.edit_date else message.date
        lifetime = said + LIFETIME_SECONDS - self.now()
        self.emit(f"edited_{kind}" if edited else kind, self.message_json(message), lifetime)

    def visible(self, message: Message) -> bool:
        """Whether our bot gets this message: membership, privacy mode, and no messages of other bots."""
        chat = message.chat
        if chat.kind == "private":
            return chat.user is not None and not chat.user.blocked
        member = chat.members.get(self.bot.id)
        if member is None or member.status not in PRESENT:
            return message.service and message.content.get("left_chat_member", {}).get("id") == self.bot.id
        if message.service or chat.kind == "channel":
            return True
        author = message.author
        if author is not None and author.is_bot and not self.bot_to_bot:
            return False
        if member.status == "administrator" or chat.reads_all:
            return True
        return self._meant_for_bot(message)

    def _meant_for_bot(self, message: Message) -> bool:
        target = message.chat.messages.get(message.reply_to or 0)
        if target is not None and target.sender is self.bot:
            return True
        first = next((e for e in message.entities if e["type"] == "bot_command" and e["offset"] == 0), None)
        if first is None or message.text is None:
            return False
        _, at, name = message.text[: first["length"]].partition("@")
        if at:
            return name.lower() == (self.bot.username or "").lower()
        return message.chat.last_bot == self.bot.id

    def service(self, chat: Chat, sender: User | None, content: Json, **fields: Any) -> Message:
        """A service message ("Ben joined"), told to the bot."""
        message = self.new_message(chat, sender, service=True, content=content, **fields)
        self.tell(message)
        return message

    # -- reading -----------------------------------------------------------------------------------------

    def message(self, chat: Chat | int, message: Message | int) -> Message:
        """A message that still exists."""
        if isinstance(message, Message):
            if message.deleted:
                raise NotPossible(f"message {message.id} is deleted")
            return message
        found = self.chat(chat).messages.get(message)
        if found is None:
            raise NotPossible(f"no message {message} in {chat}")
        return found

    def messages(self, chat: Chat | int, *, by_bot: bool = False) -> list[Message]:
        """The chat as it is now, oldest first; with `by_bot` only what our bot said."""
        found = self.chat(chat).messages.values()
        return [m for m in found if not by_bot or (m.sender is self.bot and not m.service)]

    def whispers(self, chat: Chat | int, user: User | int) -> list[Message]:
        """The ephemeral messages of the bot that this person sees in a group."""
        person = self.person(user)
        return [m for m in self.chat(chat).ephemeral.values() if m.receiver is person]

    def fault(
        self,
        method: str,
        kind: str,
        *,
        nth: int | None = None,
        times: int | None = 1,
        probability: float | None = None,
        chat: Chat | int | None = None,
        **details: Any,
    ) -> Fault:
        """Let something go wrong; the kinds are in telegram_faults.py.

        `method` is a method of the Bot API, "*" for any or "update" for the stream of updates. From the
        `nth` matching call on (the next), or each with a `probability`, at most `times` times.
        """
        number = chat.id if isinstance(chat, Chat) else chat
        return self.faults.add(Fault(method, kind, nth, times, probability, number, details))

    def limit(self, on: bool = True, **limits: Any) -> None:
        """Switch Telegram's rate limits on or off; the numbers are fields of RateLimits."""
        self.rate_limits = RateLimits(self.now, **limits) if on else None


def summary(value: Any) -> Any:
    """What the control side over HTTP shows of something here."""
    match value:
        case Message():
            return {
                "id": value.id, "chat": value.chat.id, "date": value.date, "text": value.text,
                "caption": value.caption, "entities": value.entities, "edited": value.edited,
                "sender": value.sender.id if value.sender else None,
                "author": value.author.id if value.author else None, "topic": value.topic,
                "reply_to": value.reply_to, "service": value.service,
                "buttons": [[summary(cell) for cell in row] for row in value.buttons],
                "content": value.content, "reactions": value.reactions,
                "poll": value.poll.id if value.poll else None,
            }  # fmt: skip
        case Chat():
            return {"id": value.id, "kind": value.kind, "title": value.title, "last_id": value.last_id,
                    "members": {key: member.status for key, member in value.members.items()}}  # fmt: skip
        case User():
            return {"id": value.id, "first_name": value.first_name, "username": value.username}
        case Tap():
            return {"id": value.id, "data": value.data, "answered": value.answered, "text": value.text,
                    "show_alert": value.show_alert, "url": value.url}  # fmt: skip
        case Button():
            return {"label": value.label, "data": value.data, "url": value.url}
        case Call():
            return {"method": value.method, "params": value.params, "status": value.status,
                    "description": value.description}  # fmt: skip
        case Fault():
            return {"method": value.method, "kind": value.kind, "calls": value.calls, "fired": value.fired}
        case dict():
            return {"|".join(key) if isinstance(key, tuple) else str(key): summary(item)
                    for key, item in value.items()}  # fmt: skip
        case str() | int() | float() | bool() | None:
            return value
        case bytes():
            return f"{len(value)} bytes"
        case Sequence() | set() | frozenset():
            return [summary(item) for item in value]
        case _ if hasattr(value, "__iter__"):
            return [summary(item) for item in value]
        case _:
            return str(value)
