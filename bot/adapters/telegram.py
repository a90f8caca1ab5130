"""Telegram: its updates become events of the core, the core's letters become messages. The only import of `telegram`.

Nothing of what people write, and no name, id or token, is ever logged here.
"""

from __future__ import annotations

import asyncio
import html
import json
import logging
import os
import random
import re
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import aiohttp
from pydantic import AfterValidator, BaseModel, Field, Strict
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
    Update,
    User,
)
from telegram.constants import ChatID, ChatMemberStatus, ChatType
from telegram.constants import MessageLimit as Limit
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import BaseRequest, RequestData

from bot.chat import (
    Arrival,
    BotAdded,
    BotRemoved,
    Chat,
    ChatClosed,
    ChatHasMoved,
    ChatId,
    ChatMoved,
    DeliveryProblem,
    Departure,
    Dispatcher,
    Incoming,
    Key,
    Letter,
    Mention,
    Message,
    MessageGone,
    NotReached,
    Pace,
    PopUp,
    Press,
    Refused,
    Sender,
    SlowDown,
    Unreadable,
    UserId,
    native,
    network_of,
)
from bot.router import Commands, Where
from bot.text import SOURCE_LANGUAGE, Reader, Span, T, Text, plain, shown
from storage.database import Unavailable

log = logging.getLogger(__name__)

# Durations as the library will give them from its next version on; it warns whoever does not ask for that.
os.environ.setdefault("PTB_TIMEDELTA", "true")

NETWORK: Final = "telegram"
UPDATE_KINDS: Final = ("message", "callback_query", "my_chat_member", "chat_member")
"""What is asked for. Edits are not: a command that is corrected afterwards is not said again."""
UPDATES_MAX = 100
HEARTBEAT_SECONDS = 30.0
"""How often reading is put down as alive while nothing comes in."""
ALARM_SECONDS = 3600.0
"""A danger that goes on is not told more often than this."""
TOKEN_PAUSE_FACTOR = 10
"""A refused token is tried again, but seldom: only people can mend that."""
TOKEN_PAUSE_SECONDS_MAX = 600.0
LAST_ANSWERS_SECONDS = 1.0
"""What answers to presses get when the bot stops."""
CONNECTIONS_MAX = 64
DESCRIPTION_CHARACTERS_MAX = 256
CUT = Span("\n…")
"""Ends a message that had to be shortened, because an edit cannot become two messages."""
PARTS_KEPT_MAX = 1000

Json = dict[str, Any]


# --- what is read of an update -----------------------------------------------------------------------------------
# telegram.Update takes ten times as long as these (0.15 ms against 0.016 ms) and does not look at types.


def _sound(text: str) -> str:
    """Half of a surrogate pair can be written in JSON, but stored nowhere."""
    return text if text.isascii() else text.encode(errors="replace").decode()


_Int = Annotated[int, Strict()]
_Flag = Annotated[bool, Strict()]
_Str = Annotated[str, Strict(), AfterValidator(_sound)]


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


class _Replied(BaseModel):
    from_: _User | None = Field(None, alias="from")
    sender_chat: _Chat | None = None
    forum_topic_created: Any = None


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
    reply_to_message: _Replied | None = None
    forward_origin: Any = None
    new_chat_members: list[_User] = []
    left_chat_member: _User | None = None
    migrate_to_chat_id: _Int | None = None
    migrate_from_chat_id: _Int | None = None


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
    callback_query: _Tap | None = None
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
class Event:
    """An event for the core, and the press that waits for an answer to it."""

    incoming: Incoming | None
    tap: str | None = None


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
                yield Event(incoming)
        elif update.callback_query is not None:
            yield Event(self._press(update.callback_query, key), update.callback_query.id)
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
                    yield self._arrived(chat, user, said.date)
            if said.left_chat_member is not None and self._is_person(said.left_chat_member):
                yield self._departed(chat, said.left_chat_member, said.date)
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
        tell = self._arrived if now.present else self._departed
        yield tell(self._chat(change.chat), now.user, change.date)

    def _is_person(self, user: _User) -> bool:
        return not user.is_bot and user.id != self._me

    # Coming and going is told twice, as a message and as a change: both have the same key, so that one of them counts.

    def _arrived(self, chat: Chat, user: _User, date: int) -> Arrival:
        key = f"arrival:{native(chat.id)}:{user.id}:{date}"
        return Arrival(event=key, at=_instant(date), chat=chat, person=self._person(user))

    def _departed(self, chat: Chat, user: _User, date: int) -> Departure:
        key = f"departure:{native(chat.id)}:{user.id}:{date}"
        return Departure(event=key, at=_instant(date), chat=chat, person=self._person(user))


def update_id(update: object) -> int | None:
    """The number of an update, if it has one."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def chat_id(number: int) -> ChatId:
    """The core's word for a chat."""
    return ChatId(f"{NETWORK}:{number}")


def _instant(date: int) -> datetime:
    return datetime.fromtimestamp(date, UTC)


def _moved(chat: Chat, to: ChatId, at: datetime) -> ChatMoved:
    # Told in the old chat and in the new one: the same key, so that one of them counts.
    return ChatMoved(event=f"moved:{native(chat.id)}:{native(to)}", at=at, chat=chat, to=to)


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


# --- how words look on Telegram ----------------------------------------------------------------------------------


def as_html(spans: Sequence[Span]) -> str:
    """Telegram's HTML for shown words."""
    return "".join(map(_marked_up, spans))


def _marked_up(span: Span) -> str:
    text = html.escape(span.text, quote=False)
    match span.style:
        case "bold":
            return f"<b>{text}</b>"
        case "code":
            return f"<code>{text}</code>"
        case "mention" if span.target and network_of(UserId(span.target)) == NETWORK:
            return f'<a href="tg://user?id={native(UserId(span.target))}">{text}</a>'
        case _:
            return text


def units(text: str) -> int:
    """The length in UTF-16 units: what Telegram limits."""
    return len(text) + sum(character > "\uffff" for character in text)


_ENDS = (re.compile(r"\n+"), re.compile(r"(?<=[.!?…:;])\s+"), re.compile(r"\s+"))
"""Where a long text may be split: best between lines, else between sentences, else between words."""


def parts(spans: Sequence[Span], units_max: int = int(Limit.MAX_TEXT_LENGTH)) -> list[tuple[Span, ...]]:
    """The words as messages that are not too long; a styled run stays whole unless it alone is too long."""
    text = plain(spans)
    if 2 * len(text) <= units_max or units(text) <= units_max:
        return [tuple(spans)]
    styled, start = [], 0
    for span in spans:
        if span.style:
            styled.append((start, start + len(span.text)))
        start += len(span.text)
    found, at = [], 0
    while at < len(text):
        end = _reach(text, at, units_max)
        if end < len(text):
            end = _end(text, at, end, styled)
        if part := _between(spans, at, end):
            found.append(part)
        at = end
    return found or [tuple(spans)]


def _reach(text: str, at: int, units_max: int) -> int:
    """The furthest position that still fits."""
    end = min(len(text), at + units_max)
    while (over := units(text[at:end]) - units_max) > 0:
        end -= (over + 1) // 2
    return end


def _end(text: str, at: int, furthest: int, styled: Sequence[tuple[int, int]]) -> int:
    def within(position: int) -> tuple[int, int] | None:
        return next((run for run in styled if run[0] < position < run[1]), None)

    for pattern in _ENDS:
        # An end far ahead of what fits would leave a short message and a long one.
        for found in reversed(list(pattern.finditer(text, at + (furthest - at) // 2, furthest))):
            if within(found.end()) is None:
                return found.end()
    run = within(furthest)
    return run[0] if run is not None and run[0] > at else furthest


def _between(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """The words from one position to another, without blank edges."""
    text = plain(spans)[start:end]
    end = start + len(text.rstrip())
    start += len(text) - len(text.lstrip())
    cut, at = [], 0
    for span in spans:
        inner = span.text[max(0, start - at) : max(0, end - at)]
        if inner:
            cut.append(replace(span, text=inner))
        at += len(span.text)
    return tuple(cut)


def fitting(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The words in one message: what does not fit is left out, and it shows."""
    whole = parts(spans)
    return whole[0] if len(whole) == 1 else (*parts(spans, int(Limit.MAX_TEXT_LENGTH) - units(CUT.text))[0], CUT)


# --- the wire ----------------------------------------------------------------------------------------------------


class _Wire(BaseRequest):
    """HTTP by aiohttp, with the library's own reading of errors. One pool of connections, and never without a limit.

    aiohttp takes a quarter of the time of the library's own transport, which is most of what a command costs.
    """

    def __init__(self, *, seconds: float, connections: int) -> None:
        self._seconds = seconds
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        """How long an answer may take."""
        return self._seconds

    async def initialize(self) -> None:
        """Connections are made when they are needed."""

    async def shutdown(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """One exchange. Raises TimedOut or NetworkError, in which the address (it holds the token) is not named."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Content-Type": "application/json"},
            )
        body = json.dumps(request_data.parameters if request_data is not None else {}).encode()
        seconds = read_timeout if isinstance(read_timeout, (int, float)) else self._seconds
        limit = aiohttp.ClientTimeout(total=seconds, connect=min(seconds, self._seconds))
        try:
            async with self._session.request(method, url, data=body, timeout=limit) as response:
                return response.status, await response.read()
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(type(error).__name__) from None

    @staticmethod
    def parse_json_payload(payload: bytes) -> Json:
        """The answer. The library's own would log what it cannot read."""
        try:
            answer = json.loads(payload)
        except ValueError:
            raise NetworkError("no JSON") from None
        if not isinstance(answer, dict):
            raise NetworkError("no answer of the Bot API")
        return answer


class _Bot(Bot):
    """The library's bot. What runs for every message goes through `call`, as plain JSON: 0.05 ms instead of 0.29 ms."""

    async def call(self, method: str, *, read_timeout: float | None = None, **parameters: Any) -> Any:
        """Call a method of the Bot API. Raises TelegramError."""
        timeout = BaseRequest.DEFAULT_NONE if read_timeout is None else read_timeout
        return await self._post(method, parameters, read_timeout=timeout)

    async def _do_post(self, endpoint: str, data: Json, **timeouts: Any) -> Any:
        try:
            return await super()._do_post(endpoint, data, **timeouts)
        except (KeyError, TypeError, AttributeError):
            # JSON, but not an answer: something between us and Telegram spoke.
            raise NetworkError("no answer of the Bot API") from None


# What Telegram says to a message that it does not take: telegram-bot-api/Client.cpp
_UNCHANGED = "message is not modified"
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_NO_TOPIC = ("message thread not found", "topic_closed", "topic_deleted")
_CLOSED = (
    "chat not found", "bot was kicked", "user is deactivated", "not enough rights to send", "have no rights to send",
    "chat_write_forbidden", "chat_restricted", "chat_admin_required", "peer_id_invalid", "user_is_blocked",
    "group chat was deactivated", "bot is not a member", "need administrator rights",
)  # fmt: skip


def _says(error: TelegramError, sentences: Sequence[str]) -> bool:
    message = error.message.lower()
    return any(sentence in message for sentence in sentences)


def problem(error: TelegramError) -> DeliveryProblem:
    """What an error of a send means to the core."""
    match error:
        case RetryAfter():
            return SlowDown(_retry_seconds(error))
        case ChatMigrated():
            return ChatHasMoved(chat_id(error.new_chat_id))
        case Forbidden():
            return ChatClosed()
        # The library counts it among the errors of the network.
        case BadRequest():
            if _says(error, _GONE):
                return MessageGone()
            return ChatClosed() if _says(error, _CLOSED) else Refused()
        case _:
            return NotReached()


def _retry_seconds(error: RetryAfter) -> float:
    pause = error.retry_after
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)


def fault(error: BaseException) -> dict[str, str]:
    """What may be logged of an error: its kind and its place in the code. Its message may hold what people wrote."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return {"error": type(error).__name__}
    name = at.tb_frame.f_code.co_filename.rpartition("/")[2]
    return {"error": type(error).__name__, "place": f"{name}:{at.tb_lineno}"}


# --- the adapter -------------------------------------------------------------------------------------------------


class _NotStored(Exception):
    """An event could not even be put down as seen."""


class _Pauses:
    """Ever longer waits after failures in a row."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._failures = 0

    def sound(self) -> None:
        """It works (again)."""
        self._failures = 0

    def next(self, *, factor: float = 1, longest: float | None = None) -> float:
        """Seconds to wait now."""
        seconds = min(longest or self._longest, self._first * factor * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        # Bots that failed together should not all come back at the same moment.
        return seconds * random.uniform(0.75, 1.25)  # noqa: S311


class TelegramAdapter:
    """Telegram as a network of the core. Make one with the token, then `run` it and let delivery call `send`.

    Without it running, `describe` and `rights` serve `solibot check`.
    """

    network: str = NETWORK
    prefix: str = "/"
    popup_characters_max: int = 200

    def __init__(
        self,
        *,
        token: str,
        dispatcher: Dispatcher,
        commands: Commands,
        languages: Mapping[str, str],
        base_url: str | None = None,
        base_file_url: str | None = None,
        messages_per_minute_in_group: int = 20,
        poll_seconds: int = 50,
        timeout_seconds: float = 15.0,
        pause_seconds: float = 1.0,
        pause_seconds_max: float = 60.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        # The library logs parameters and answers: what people wrote.
        logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
        self._dispatcher = dispatcher
        self._commands = commands
        self._languages = languages
        self._messages_per_minute = messages_per_minute_in_group
        self._poll_seconds = poll_seconds
        self._timeout_seconds = timeout_seconds
        self._now = now
        # A long poll that hangs has its own connections, so that it never stands in the way of a message.
        self._wires = (
            _Wire(seconds=timeout_seconds, connections=2),
            _Wire(seconds=timeout_seconds, connections=CONNECTIONS_MAX),
        )
        self._bot = _Bot(
            token,
            base_url=base_url or "https://api.telegram.org/bot",
            base_file_url=base_file_url or "https://api.telegram.org/file/bot",
            get_updates_request=self._wires[0],
            request=self._wires[1],
        )
        self._me: User | None = None
        self._pauses = _Pauses(pause_seconds, pause_seconds_max)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._alarmed: dict[str, float] = {}
        self._menus_published = False
        self._parts_sent: dict[str, int] = {}

    # --- reading ---------------------------------------------------------------------------------------------

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Read updates until cancelled. What is fetched is acknowledged only once all of it is stored."""
        converter: Converter | None = None
        offset: int | None = None
        behind, beat_at = True, -HEARTBEAT_SECONDS
        while True:
            try:
                if converter is None:
                    converter = await self._start()
                if offset is None:
                    await self._dispatcher.writable()
                    offset = int(await self._dispatcher.position(NETWORK) or 0)
                # Until it has caught up it does not wait: there may be nothing.
                updates = await self._fetch(offset, 0 if behind else self._poll_seconds)
                following = await self._carry_out(converter, updates, offset)
                if updates or time.monotonic() - beat_at >= HEARTBEAT_SECONDS:
                    await self._dispatcher.advance(NETWORK, str(following))
                    beat_at = time.monotonic()
            except Unavailable:
                # Nothing is acknowledged. What was stored of it is known when it comes again.
                log.warning("reading waits for the database")
                offset = None
                await asyncio.sleep(self._pauses.next())
            except TelegramError as error:
                if isinstance(error, Conflict):
                    converter = None
                await asyncio.sleep(self._recover(error))
            except Exception as error:  # noqa: BLE001 - a fault here must not end reading
                log.error("reading failed", extra=fault(error))
                offset = None
                await asyncio.sleep(self._pauses.next())
            else:
                if updates and following == offset:
                    # The same again, though it is acknowledged: Telegram brakes whoever asks in a hurry.
                    await asyncio.sleep(self._pauses.next())
                    continue
                self._pauses.sound()
                offset = following
                # Asked twice in a moment (say, before and after a crash) Telegram gives one update of many.
                if behind and len(updates) != 1 and len(updates) < UPDATES_MAX:
                    behind = False
                    caught_up()

    async def _start(self) -> Converter:
        """Get to know ourselves, and take the place of a webhook, beside which nothing could be fetched."""
        me = await self._introduce()
        await self._bot.delete_webhook()
        if not self._menus_published:
            self._menus_published = True
            self._background(self._publish_menus())
        return Converter(me.id, me.username or "", commands=self._commands, now=self._now)

    async def _introduce(self) -> User:
        if self._me is None:
            self._me = await self._bot.get_me()
        return self._me

    async def _fetch(self, offset: int, seconds: int) -> list[object]:
        updates = await self._bot.call(
            "getUpdates",
            read_timeout=seconds + self._timeout_seconds,
            offset=offset,
            limit=UPDATES_MAX,
            timeout=seconds,
            allowed_updates=UPDATE_KINDS,
        )
        if not isinstance(updates, list):
            raise NetworkError("no updates")
        return updates

    async def _carry_out(self, converter: Converter, updates: Sequence[object], offset: int) -> int:
        """Let the core do all of them; the position behind them. Raises Unavailable where something was not stored."""
        events = _moves_first([event for update in updates for event in converter.events(update)])
        tasks: list[asyncio.Task[None]] = []
        busy: dict[ChatId, asyncio.Task[None]] = {}
        for event in events:
            incoming = event.incoming
            if incoming is None:
                self._background(self._answer(event.tap, None))
                continue
            # The core does things in the order in which they are begun. Only a question to the network in between
            # could upset that: then whatever follows in that chat waits.
            asks = self._asks_rights(incoming)
            earlier = busy.get(incoming.chat.id)
            if asks or earlier is not None:
                task = self._begin(self._in_turn(earlier, event, asks=asks))
                busy[incoming.chat.id] = task
            else:
                task = self._begin(self._handle(incoming, event.tap))
            tasks.append(task)
        if tasks:
            # Not gather: when reading is stopped, what was begun still comes to its end.
            await asyncio.wait(tasks)
        for task in tasks:
            if error := task.exception():
                raise error
        numbers = [number for number in map(update_id, updates) if number is not None]
        return max(numbers) + 1 if numbers else offset

    def _asks_rights(self, incoming: Incoming) -> bool:
        match incoming:
            case Message():
                return self._dispatcher.needs_rights(incoming.text)
            case Press():
                return self._dispatcher.needs_rights(incoming.token)
            case _:
                return False

    async def _in_turn(self, earlier: asyncio.Task[None] | None, event: Event, *, asks: bool) -> None:
        incoming = event.incoming
        assert incoming is not None
        if earlier is not None:
            await asyncio.wait([earlier])
        if asks and isinstance(incoming, (Message, Press)):
            incoming = replace(incoming, manages_chat=await self._manages(incoming.sender, incoming.chat))
        await self._handle(incoming, event.tap)

    async def _handle(self, incoming: Incoming, tap: str | None) -> None:
        try:
            popup = await self._dispatcher.handle(incoming)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - or it would come again for ever
            log.error("event not handled", extra=fault(error))
            unreadable = Unreadable(event=incoming.event, at=incoming.at, chat=incoming.chat)
            try:
                popup = await self._dispatcher.handle(unreadable)
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - the second fault of one event: the first is logged
                raise _NotStored from None
        if tap is not None:
            # Telegram waits only seconds for this, so it goes at once and is not tried again.
            self._background(self._answer(tap, popup))

    async def _answer(self, tap: str | None, popup: PopUp | None) -> None:
        words = popup.words if popup is not None else None
        try:
            if words:
                alert = popup is not None and popup.alert
                words = words[: self.popup_characters_max]
                await self._bot.call("answerCallbackQuery", callback_query_id=tap, text=words, show_alert=alert)
            else:
                await self._bot.call("answerCallbackQuery", callback_query_id=tap)
        except TelegramError as error:
            log.info("press not answered", extra={"error": type(error).__name__})

    async def _manages(self, sender: Sender, chat: Chat) -> bool | None:
        """Whether somebody may manage a chat; None: Telegram did not say."""
        if chat.private:
            return True
        if sender.anonymous:
            # Only administrators can write as the group itself.
            return native(sender.user) == native(chat.id)
        try:
            member = await self._bot.get_chat_member(int(native(chat.id)), int(native(sender.user)))
        except TelegramError as error:
            log.warning("rights not learnt", extra={"error": type(error).__name__})
            return None
        return member.status in (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)

    def _recover(self, error: TelegramError) -> float:
        """Take note of a failed poll; the seconds until the next."""
        match error:
            case RetryAfter():
                seconds = _retry_seconds(error)
            case InvalidToken():
                self._alarm("token_revoked")
                seconds = self._pauses.next(factor=TOKEN_PAUSE_FACTOR, longest=TOKEN_PAUSE_SECONDS_MAX)
            case Conflict():
                self._alarm("second_poller")
                seconds = self._pauses.next()
            case _:
                seconds = self._pauses.next()
        log.warning("poll failed", extra={"error": type(error).__name__, "pause_seconds": round(seconds, 1)})
        return seconds

    def _alarm(self, kind: str) -> None:
        now = time.monotonic()
        if now - self._alarmed.get(kind, -ALARM_SECONDS) < ALARM_SECONDS:
            return
        self._alarmed[kind] = now
        self._background(self._dispatcher.alarm(NETWORK, kind))

    # --- writing ---------------------------------------------------------------------------------------------

    async def send(self, letter: Letter) -> str:
        """Send; a text that is too long becomes several messages, the buttons under the last.

        After a failure in the middle the next try of the same letter goes on with the part that failed.
        """
        whole = parts(letter.spans)
        message = ""
        for number, spans in enumerate(whole):
            if number < self._parts_sent.get(letter.key, 0):
                continue
            parameters: Json = {
                "chat_id": int(native(letter.chat)),
                "text": as_html(spans),
                "parse_mode": "HTML",
                "link_preview_options": {"is_disabled": True},
            }
            # 1 is the topic General, which must not be named.
            if letter.topic is not None and letter.topic != "1":
                parameters["message_thread_id"] = int(letter.topic)
            if letter.reply_to is not None and number == 0:
                target = {"message_id": int(letter.reply_to), "allow_sending_without_reply": True}
                parameters["reply_parameters"] = target
            if letter.keys and number == len(whole) - 1:
                parameters["reply_markup"] = await self._keyboard(letter.keys)
            message = await self._send(parameters)
            if len(whole) > 1:
                self._parts_sent[letter.key] = number + 1
        self._parts_sent.pop(letter.key, None)
        while len(self._parts_sent) > PARTS_KEPT_MAX:
            del self._parts_sent[next(iter(self._parts_sent))]
        return message

    async def _send(self, parameters: Json) -> str:
        try:
            sent = await self._bot.call("sendMessage", **parameters)
        except BadRequest as error:
            # A topic that is gone or closed: better said beside it than not at all.
            if "message_thread_id" in parameters and _says(error, _NO_TOPIC):
                return await self._send({key: parameters[key] for key in parameters if key != "message_thread_id"})
            raise problem(error) from None
        except TelegramError as error:
            raise self._problem(error) from None
        if not isinstance(sent, dict) or "message_id" not in sent:
            raise NotReached
        return str(sent["message_id"])

    async def edit(self, letter: Letter, message: str) -> None:
        """Replace what a message shows. What does not fit into one message is left out, and it shows."""
        keyboard = await self._keyboard(letter.keys)
        try:
            await self._bot.call(
                "editMessageText",
                chat_id=int(native(letter.chat)),
                message_id=int(message),
                text=as_html(fitting(letter.spans)),
                parse_mode="HTML",
                link_preview_options={"is_disabled": True},
                reply_markup=keyboard,
            )
        except TelegramError as error:
            # It shows that already: an earlier try came through.
            if not (isinstance(error, BadRequest) and _says(error, [_UNCHANGED])):
                raise self._problem(error) from None

    def _problem(self, error: TelegramError) -> DeliveryProblem:
        if isinstance(error, InvalidToken):
            self._alarm("token_revoked")
        return problem(error)

    async def _keyboard(self, rows: Sequence[Sequence[Key]]) -> Json:
        if self._me is None and any(key.link for row in rows for key in row):
            try:
                await self._introduce()
            except TelegramError as error:
                raise self._problem(error) from None
        return {"inline_keyboard": [[self._button(key) for key in row] for row in rows]}

    def _button(self, key: Key) -> Json:
        if key.link:
            return {"text": key.label, "url": self.link(key.token)}
        return {"text": key.label, "callback_data": key.token}

    def pace(self, chat: ChatId) -> Pace | None:
        """Telegram's own rule: 20 messages a minute in a group, one a second in private with short bursts."""
        if not self._messages_per_minute:
            return None
        if native(chat).startswith("-"):
            return Pace(self._messages_per_minute, 60)
        return Pace(20, 20)

    def link(self, payload: str) -> str | None:
        """An address that opens the private chat; None: the bot does not know its own name yet."""
        return f"https://t.me/{self._me.username}?start={payload}" if self._me is not None else None

    # --- menus -----------------------------------------------------------------------------------------------

    async def _publish_menus(self) -> None:
        scopes: list[tuple[BotCommandScope, Where | None]] = [
            (BotCommandScopeDefault(), None),
            (BotCommandScopeAllPrivateChats(), Where.PRIVATE),
            (BotCommandScopeAllGroupChats(), Where.GROUP),
        ]
        try:
            for scope, where in scopes:
                for language in self._languages:
                    await self._publish_menu(scope, where, language)
        except TelegramError as error:
            log.warning("menus not published", extra={"error": type(error).__name__})

    async def _publish_menu(self, scope: BotCommandScope, where: Where | None, language: str) -> None:
        # The source language serves everybody whose own is not there.
        code = None if language == SOURCE_LANGUAGE else language
        wanted = [
            (command.name, shown(command.help, Reader(language))[:DESCRIPTION_CHARACTERS_MAX])
            for command in self._commands.listed(where=where)
        ]
        there = await self._bot.get_my_commands(scope=scope, language_code=code)
        if [(command.command, command.description) for command in there] != wanted:
            await self._bot.set_my_commands([BotCommand(*entry) for entry in wanted], scope=scope, language_code=code)

    # --- for `solibot check` -----------------------------------------------------------------------------------

    async def describe(self) -> list[tuple[bool, Text]]:
        """What is right and wrong with the bot at Telegram, one sentence each."""
        try:
            me = await self._bot.get_me()
            webhook = await self._bot.get_webhook_info()
        except InvalidToken:
            return [
                (False, T("Telegram does not accept the token. Ask @BotFather for it again, and put it in the config."))
            ]
        except TelegramError as error:
            return [(False, T("Telegram cannot be reached ({error}).", error=type(error).__name__))]
        self._me = me
        found = [(True, T("Telegram knows the bot as {name}.", name=f"@{me.username}"))]
        if not me.can_join_groups:
            found.append((False, T("The bot cannot be added to groups. Send /setjoingroups to @BotFather.")))
        if me.can_read_all_group_messages:
            found.append(
                (
                    True,
                    T(
                        "Privacy mode is off: the bot is sent everything that is written in its groups. "
                        "It needs only commands; /setprivacy at @BotFather turns it on."
                    ),
                )
            )
        else:
            found.append((True, T("Privacy mode is on: in groups the bot is sent only commands and replies to it.")))
        if webhook.url:
            found.append(
                (
                    False,
                    T(
                        "Another program receives the bot's messages by a webhook. Solibot removes it when it starts; "
                        "if that program is not yours, ask @BotFather for a new token."
                    ),
                )
            )
        else:
            found.append((True, T("No webhook stands in the way.")))
        return found

    async def rights(self, chat: ChatId) -> str:
        """What the bot is in a chat: `member`, `administrator`, `left` ...; `unknown`: Telegram does not answer."""
        try:
            me = await self._introduce()
            member = await self._bot.get_chat_member(int(native(chat)), me.id)
        except (Forbidden, BadRequest):
            return str(ChatMemberStatus.LEFT.value)
        except TelegramError:
            return "unknown"
        return str(member.status)

    # --- the end ---------------------------------------------------------------------------------------------

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin work whose failure concerns nobody but the log."""
        self._begin(work).add_done_callback(_note_failure)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Whoever waits for it sees it too; where nobody does, asyncio would log its words.
            task.exception()

    async def close(self) -> None:
        """Give the last answers a moment, then let go of the connections."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_ANSWERS_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        for wire in self._wires:
            await wire.shutdown()


def _note_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.warning("background work failed", extra=fault(error))


def _moves_first(events: list[Event]) -> list[Event]:
    """When a group moves, Telegram may tell of the new chat before it tells of the move: turn that round."""
    ordered: list[Event] = []
    for event in events:
        if isinstance(event.incoming, ChatMoved):
            to = event.incoming.to
            kept: list[Event] = []
            later: list[Event] = []
            for before in ordered:
                (later if before.incoming is not None and before.incoming.chat.id == to else kept).append(before)
            ordered = [*kept, event, *later]
        else:
            ordered.append(event)
    return ordered
