"""Telegram's updates as events of the core.

Nothing of what people write, and no name, id or token, is ever logged here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, Field, Strict
from telegram import Update
from telegram.constants import ChatID, ChatMemberStatus, ChatType

from bot.adapters.telegram_wire import chat_id, fault
from bot.adapters.telegram_words import NETWORK
from bot.chat import (
    Arrival,
    BotAdded,
    BotRemoved,
    Chat,
    ChatId,
    ChatMoved,
    Departure,
    Incoming,
    Mention,
    Message,
    Press,
    Sender,
    ServiceMessage,
    StrawVote,
    Unreadable,
    UserId,
    native,
)
from bot.router import Commands
from bot.text import sound

log = logging.getLogger(__name__)

UPDATE_KINDS: Final = ("message", "edited_message", "callback_query", "poll_answer", "my_chat_member", "chat_member")
"""What is asked for."""

Json = dict[str, Any]

# telegram.Update takes ten times as long as these (0.15 ms against 0.016 ms) and does not look at types.


_Int = Annotated[int, Strict()]
_Flag = Annotated[bool, Strict()]
_Str = Annotated[str, Strict(), AfterValidator(sound)]


class _User(BaseModel):
    id: _Int
    is_bot: _Flag = False
    first_name: _Str = ""
    last_name: _Str | None = None
    username: _Str | None = None
    language_code: _Str | None = None


class _Chat(BaseModel):
    id: _Int
    type: _Str
    title: _Str | None = None


class _Entity(BaseModel):
    type: _Str
    offset: _Int
    length: _Int
    user: _User | None = None


class _Document(BaseModel):
    file_id: _Str
    file_name: _Str | None = None
    file_size: _Int | None = None


class _Replied(BaseModel):
    from_: _User | None = Field(None, alias="from")
    sender_chat: _Chat | None = None
    forum_topic_created: Any = None
    document: _Document | None = None


class _Message(BaseModel):
    message_id: _Int
    date: _Int
    chat: _Chat
    from_: _User | None = Field(None, alias="from")
    sender_chat: _Chat | None = None
    message_thread_id: _Int | None = None
    is_topic_message: _Flag = False
    text: _Str | None = None
    entities: list[_Entity] = []
    caption: _Str | None = None
    caption_entities: list[_Entity] = []
    document: _Document | None = None
    reply_to_message: _Replied | None = None
    forward_origin: Any = None
    new_chat_members: list[_User] = []
    left_chat_member: _User | None = None
    migrate_to_chat_id: _Int | None = None
    migrate_from_chat_id: _Int | None = None
    pinned_message: Any = None
    new_chat_title: Any = None


class _Pressed(BaseModel):
    """The message of a pressed button; of one that is gone only its number is told."""

    message_id: _Int
    chat: _Chat
    message_thread_id: _Int | None = None
    is_topic_message: _Flag = False


class _Tap(BaseModel):
    id: _Str
    from_: _User = Field(alias="from")
    message: _Pressed | None = None
    data: _Str | None = None


class _Answer(BaseModel):
    """A vote in a poll that the bot sent; in which chat it was cast is not told, nor when."""

    poll_id: _Str
    user: _User | None = None
    voter_chat: _Chat | None = None
    option_ids: list[_Int]


class _Standing(BaseModel):
    user: _User
    status: _Str
    is_member: _Flag = False
    can_send_messages: _Flag = True

    @property
    def present(self) -> bool:
        """Whether this is somebody in the chat."""
        return self.status in (
            ChatMemberStatus.OWNER,
            ChatMemberStatus.ADMINISTRATOR,
            ChatMemberStatus.MEMBER,
        ) or (self.status == ChatMemberStatus.RESTRICTED and self.is_member)


class _Change(BaseModel):
    chat: _Chat
    from_: _User = Field(alias="from")
    date: _Int
    old_chat_member: _Standing
    new_chat_member: _Standing


class _Update(BaseModel):
    update_id: _Int
    message: _Message | None = None
    edited_message: _Message | None = None
    callback_query: _Tap | None = None
    poll_answer: _Answer | None = None
    my_chat_member: _Change | None = None
    chat_member: _Change | None = None


_MEDIA = frozenset({
    "animation", "audio", "contact", "dice", "document", "live_photo", "location", "paid_media", "photo", "poll",
    "sticker", "story", "venue", "video", "video_note", "voice",
})  # fmt: skip
"""What somebody can send without words. What Telegram itself tells of a chat is not among it."""
_FACELESS = frozenset({int(ChatID.ANONYMOUS_ADMIN), int(ChatID.FAKE_CHANNEL), int(ChatID.SERVICE_CHAT)})
"""The accounts behind which anonymous administrators, channels and automatic forwards appear."""
_COMMAND_WITH_NAME = re.compile(r"\s*/[A-Za-z0-9_]{1,64}(?P<at>@(?P<bot>[A-Za-z0-9_]+))(?=\s|$)")
_FIRST_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?=\s|$)")


@dataclass(frozen=True, slots=True)
class File:
    """A file at Telegram: its id there, its name, and its bytes where they were told."""

    id: str
    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the core, and the press that waits for an answer to it."""

    incoming: Incoming | None
    tap: str | None = None
    file: File | None = None
    """The file that came with a message, or with the one that it answers to."""


class Converter:
    """Telegram's updates as events of the core. Pure: asks nobody, never fails."""

    def __init__(
        self, me: int, username: str, *, commands: Commands, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._me = me
        self._username = username.lower()
        self._commands = commands
        self._now = now
        self._named = re.compile(rf"\s*@{re.escape(username)}(?![A-Za-z0-9_])[,:]?\s*", re.IGNORECASE)

    def events(self, update: object) -> list[Event]:
        """What an update means; nothing where it is of no concern. One that cannot be read becomes Unreadable."""
        number = update_id(update)
        if number is None or not isinstance(update, dict):
            log.error("update without a number passed over")
            return []
        kind = next((name for name in update if name != "update_id"), None)
        if kind is not None and kind in Update.ALL_TYPES and kind not in UPDATE_KINDS:
            return []
        try:
            events = list(self._events(_Update.model_validate(update), update))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it must not come again for ever
            log.warning("update not understood", extra=fault(error))
        else:
            if events or kind in UPDATE_KINDS:
                return events
        chat = Chat(id=ChatId(f"{NETWORK}:"), private=False)
        return [Event(Unreadable(event=f"update:{number}", at=self._now(), chat=chat))]

    def _events(self, update: _Update, raw: Json) -> Iterator[Event]:
        key = f"update:{update.update_id}"
        if update.message is not None and update.message.chat.type != ChatType.CHANNEL:
            for incoming in self._message(update.message, key, raw["message"]):
                yield Event(incoming, file=_file(update.message) if isinstance(incoming, Message) else None)
        elif update.edited_message is not None and update.edited_message.chat.type != ChatType.CHANNEL:
            for incoming in self._message(update.edited_message, key, raw["edited_message"]):
                if isinstance(incoming, Message):
                    yield Event(replace(incoming, edited=True))
        elif update.callback_query is not None:
            yield Event(self._press(update.callback_query, key), update.callback_query.id)
        elif update.poll_answer is not None:
            yield from map(Event, self._vote(update.poll_answer, key))
        elif update.my_chat_member is not None and update.my_chat_member.chat.type != ChatType.CHANNEL:
            yield from map(Event, self._own_change(update.my_chat_member, key))
        elif update.chat_member is not None and update.chat_member.chat.type != ChatType.CHANNEL:
            yield from map(Event, self._change(update.chat_member))

    # --- people and places -----------------------------------------------------------------------------------

    def _chat(self, chat: _Chat, said: _Message | _Pressed | None = None) -> Chat:
        topic = said.message_thread_id if said is not None and said.is_topic_message else None
        return Chat(
            id=chat_id(chat.id),
            private=chat.type == ChatType.PRIVATE,
            title=chat.title or "",
            topic=str(topic) if topic is not None else None,
        )

    def _person(self, user: _User) -> Sender:
        name = f"{user.first_name} {user.last_name or ''}".strip()
        return Sender(
            user=UserId(f"{NETWORK}:{user.id}"),
            name=name or user.username or "?",
            username=user.username,
            language=user.language_code,
            bot=user.is_bot,
        )

    def _sender(self, said: _Message | _Replied) -> Sender | None:
        """Who speaks; None: nobody who could."""
        if said.sender_chat is not None:
            chat = said.sender_chat
            return Sender(user=UserId(f"{NETWORK}:{chat.id}"), name=chat.title or "?", anonymous=True)
        if said.from_ is None:
            return None
        person = self._person(said.from_)
        return replace(person, anonymous=True, bot=False) if said.from_.id in _FACELESS else person

    # --- messages --------------------------------------------------------------------------------------------

    def _message(self, said: _Message, key: str, raw: Json) -> Iterator[Incoming]:
        at, chat = _instant(said.date), self._chat(said.chat, said)
        if said.migrate_to_chat_id is not None:
            yield _moved(chat, chat_id(said.migrate_to_chat_id), at)
        elif said.migrate_from_chat_id is not None:
            yield _moved(replace(chat, id=chat_id(said.migrate_from_chat_id), topic=None), chat.id, at)
        elif said.new_chat_members or said.left_chat_member is not None:
            for user in said.new_chat_members:
                if self._is_person(user):
                    yield self._arrived(chat, user, said.date, said.from_)
            if said.left_chat_member is not None and self._is_person(said.left_chat_member):
                yield self._departed(chat, said.left_chat_member, said.date)
            yield _service(said, chat, at)
        elif said.pinned_message is not None or said.new_chat_title is not None:
            yield _service(said, chat, at)
        else:
            sender = self._sender(said)
            # What is forwarded was said by somebody else, somewhere else.
            if sender is not None and not sender.bot and said.forward_origin is None:
                yield from self._said(said, key, raw, at, chat, sender)

    def _said(
        self, said: _Message, key: str, raw: Json, at: datetime, chat: Chat, sender: Sender
    ) -> Iterator[Incoming]:
        text, entities = said.text, said.entities
        if text is None:
            text, entities = said.caption, said.caption_entities
        if text is None:
            if not chat.private or _MEDIA.isdisjoint(raw):
                return
            text = ""
        mentions = self._mentions(text, entities)
        if chat.private and (payload := _start_payload(text)):
            yield Press(event=key, at=at, chat=chat, sender=sender, token=payload, message=None)
            return
        meant = self._addressed(text, mentions, private=chat.private)
        if meant is None:
            return
        text, mentions, addressed = meant
        yield Message(
            event=key,
            at=at,
            chat=chat,
            sender=sender,
            text=text,
            message=str(said.message_id),
            addressed=addressed,
            reply_to=self._replied_to(said),
            mentions=mentions,
        )

    def _mentions(self, text: str, entities: Sequence[_Entity]) -> tuple[Mention, ...]:
        found = []
        for entity in entities:
            if entity.type != "text_mention" or entity.user is None:
                continue
            start = _characters(text, entity.offset)
            end = _characters(text, entity.offset + entity.length)
            if entity.offset >= 0 and start < end <= len(text):
                found.append(Mention(start=start, end=end, person=self._person(entity.user)))
        return tuple(found)

    def _addressed(
        self, text: str, mentions: tuple[Mention, ...], *, private: bool
    ) -> tuple[str, tuple[Mention, ...], bool] | None:
        """The text without the bot's name, and whether it was there; None: it is said to another bot."""
        addressed = False
        if named := self._named.match(text):
            addressed = True
            word = _FIRST_WORD.match(text, named.end())
            command = self._commands.get(word.group().lower()) if word else None
            mark = "/" if command is not None and command.typed else ""
            text, mentions = _replaced(text, mentions, 0, named.end(), mark)
        elif "@" not in text:
            return text, mentions, addressed
        if said := _COMMAND_WITH_NAME.match(text):
            if said["bot"].lower() == self._username:
                addressed = True
                text, mentions = _replaced(text, mentions, said.start("at"), said.end("at"), "")
            elif not private:
                return None
        # `/start payload` in a group comes from a link that brought the bot there; the payload means nothing.
        if not private and addressed and _start_payload(text):
            text, mentions = "/start", ()
        return text, mentions, addressed

    def _replied_to(self, said: _Message) -> Sender | None:
        replied = said.reply_to_message
        # What is said in a topic counts as a reply to the notice that opened it.
        if replied is None or replied.forum_topic_created is not None:
            return None
        sender = self._sender(replied)
        return sender if sender is not None and not sender.bot and not sender.anonymous else None

    # --- the rest --------------------------------------------------------------------------------------------

    def _press(self, tap: _Tap, key: str) -> Press | None:
        if tap.data is None or tap.message is None or tap.from_.is_bot or tap.message.chat.type == ChatType.CHANNEL:
            return None
        return Press(
            event=key,
            at=self._now(),
            chat=self._chat(tap.message.chat, tap.message),
            # Also of somebody who writes anonymously the real account presses.
            sender=self._person(tap.from_),
            token=tap.data,
            message=str(tap.message.message_id),
        )

    def _vote(self, answer: _Answer, key: str) -> Iterator[StrawVote]:
        """A vote; what a group or a channel votes is nobody's."""
        if answer.user is not None and answer.voter_chat is None and not answer.user.is_bot:
            yield StrawVote(
                event=key,
                at=self._now(),
                chat=Chat(id=ChatId(f"{NETWORK}:"), private=False),
                sender=self._person(answer.user),
                poll=answer.poll_id,
                options=tuple(answer.option_ids),
            )

    def _own_change(self, change: _Change, key: str) -> Iterator[Incoming]:
        """Something changed between the bot and a chat."""
        was, now = change.old_chat_member, change.new_chat_member
        chat, at = self._chat(change.chat), _instant(change.date)
        if chat.private:
            if change.from_.is_bot:
                return
            if was.present and not now.present:
                yield Departure(event=key, at=at, chat=chat, person=self._person(change.from_))
            elif now.present and not was.present:
                yield Arrival(event=key, at=at, chat=chat, person=self._person(change.from_))
        elif was.present and not now.present:
            yield BotRemoved(event=key, at=at, chat=chat)
        elif now.present and now.can_send_messages and not (was.present and was.can_send_messages):
            yield BotAdded(event=key, at=at, chat=chat)

    def _change(self, change: _Change) -> Iterator[Incoming]:
        """Somebody came or went; told only where the bot is an administrator."""
        was, now = change.old_chat_member, change.new_chat_member
        if not self._is_person(now.user) or was.present == now.present:
            return
        if now.present:
            yield self._arrived(self._chat(change.chat), now.user, change.date, change.from_)
        else:
            yield self._departed(self._chat(change.chat), now.user, change.date)

    def _is_person(self, user: _User) -> bool:
        return not user.is_bot and user.id != self._me

    # Coming and going is told twice, as a message and as a change: both have the same key, so that one of them counts.

    def _arrived(self, chat: Chat, user: _User, date: int, by: _User | None) -> Arrival:
        key = f"arrival:{native(chat.id)}:{user.id}:{date}"
        # Whoever comes by a link comes by themselves.
        other = by is not None and by.id != user.id and by.id not in _FACELESS and self._is_person(by)
        adder = self._person(by) if by is not None and other else None
        return Arrival(event=key, at=_instant(date), chat=chat, person=self._person(user), by=adder)

    def _departed(self, chat: Chat, user: _User, date: int) -> Departure:
        key = f"departure:{native(chat.id)}:{user.id}:{date}"
        return Departure(event=key, at=_instant(date), chat=chat, person=self._person(user))


def _file(said: _Message) -> File | None:
    document = said.document or (said.reply_to_message.document if said.reply_to_message is not None else None)
    if document is None:
        return None
    return File(document.file_id, document.file_name or "", document.file_size)


def update_id(update: object) -> int | None:
    """The number of an update, if it has one."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _instant(date: int) -> datetime:
    return datetime.fromtimestamp(date, UTC)


def _moved(chat: Chat, to: ChatId, at: datetime) -> ChatMoved:
    # Told in the old chat and in the new one: the same key, so that one of them counts.
    return ChatMoved(event=f"moved:{native(chat.id)}:{native(to)}", at=at, chat=chat, to=to)


def _service(said: _Message, chat: Chat, at: datetime) -> ServiceMessage:
    message = str(said.message_id)
    return ServiceMessage(event=f"service:{native(chat.id)}:{message}", at=at, chat=chat, message=message)


def _start_payload(text: str) -> str | None:
    """What a link to the bot carried: it arrives as `/start payload`."""
    found = re.fullmatch(r"/start\s+(\S+)\s*", text)
    return found.group(1) if found else None


def _characters(text: str, offset: int) -> int:
    """How many characters lie before an offset in UTF-16 units, which is what Telegram counts in."""
    return len(text.encode("utf-16-le")[: 2 * max(0, offset)].decode("utf-16-le", errors="ignore"))


def _replaced(
    text: str, mentions: tuple[Mention, ...], start: int, end: int, by: str
) -> tuple[str, tuple[Mention, ...]]:
    """The text with a stretch replaced, and the mentions behind it moved along."""
    shift = len(by) - (end - start)
    kept = [mention for mention in mentions if mention.end <= start or mention.start >= end]
    moved = [
        replace(mention, start=mention.start + shift, end=mention.end + shift) if mention.start >= end else mention
        for mention in kept
    ]
    return text[:start] + by + text[end:], tuple(moved)
