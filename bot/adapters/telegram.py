"""Telegram: its updates become events of the core, the core's letters become messages.

Only this module and those beside it whose names begin with `telegram_` import the library.

Nothing of what people write, and no name, id or token, is ever logged here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
    ChatMemberAdministrator,
    InputFile,
    User,
)
from telegram.constants import ChatMemberStatus
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.adapters.pauses import Pauses
from bot.adapters.splitting import fitting, parts
from bot.adapters.telegram_updates import UPDATE_KINDS, Converter, Event, File, Json, update_id
from bot.adapters.telegram_wire import (
    DELETED_ALREADY,
    NO_POLLS,
    NO_RIGHT,
    NO_TOPIC,
    NOT_DELETED,
    PINNED_ALREADY,
    POLL_ENDED_ALREADY,
    UNCHANGED,
    ApiBot,
    Wire,
    fault,
    problem,
    retry_seconds,
    says,
)
from bot.adapters.telegram_words import NETWORK, UNITS_MAX, as_html
from bot.chat import (
    DOCUMENT_CHARACTERS_MAX,
    Arrival,
    Chat,
    ChatId,
    ChatMoved,
    DeliveryProblem,
    Departure,
    Dispatcher,
    Document,
    Incoming,
    Key,
    Letter,
    Message,
    NativePoll,
    NotReached,
    Pace,
    Picture,
    PollSent,
    PopUp,
    Press,
    Refused,
    Sender,
    Unreadable,
    WireAct,
    native,
    text_document,
)
from bot.router import Commands, Where
from bot.text import SOURCE_LANGUAGE, Reader, T, Text, shown
from storage.database import Unavailable

log = logging.getLogger(__name__)

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
PER_SECOND_MAX = 28
"""Telegram bears 30 in all chats together; on the way there what leaves in one second may come closer together."""
DESCRIPTION_CHARACTERS_MAX = 256
COMMANDS_MAX = 100
"""Telegram takes no more in a menu."""
PARTS_KEPT_MAX = 1000
TOKEN_REFUSED = T("Telegram does not accept the token. Ask @BotFather for it again, and put it in the config.")
"""What `describe` says first when the token is of no use."""


class _NotStored(Exception):
    """An event could not even be put down as seen."""


class TelegramAdapter:
    """Telegram as a network of the core. Make one with the token, then `run` it and let delivery call `send`.

    Without it running, `describe` and `rights` serve `solibot check`.
    """

    network: str = NETWORK
    prefix: str = "/"
    popup_characters_max: int = 200
    numbered: bool = False
    reaches: bool = False
    one_limit: bool = False
    carries: str | None = None

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
        self.per_second_max: int | None = PER_SECOND_MAX if messages_per_minute_in_group else None
        self._poll_seconds = poll_seconds
        self._timeout_seconds = timeout_seconds
        self._now = now
        # A long poll that hangs has its own connections, so that it never stands in the way of a message.
        self._wires = (
            Wire(seconds=timeout_seconds, connections=2),
            Wire(seconds=timeout_seconds, connections=CONNECTIONS_MAX),
        )
        self._bot = ApiBot(
            token,
            base_url=base_url or "https://api.telegram.org/bot",
            base_file_url=base_file_url or "https://api.telegram.org/file/bot",
            get_updates_request=self._wires[0],
            request=self._wires[1],
        )
        self._me: User | None = None
        self._pauses = Pauses(pause_seconds, pause_seconds_max)
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
        storing: asyncio.Task[None] | None = None
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
                    # All of it is stored, so it may be acknowledged while the position is still being written: should
                    # that be lost, Telegram answers an old position with what it still has, and the core knows it.
                    if storing is not None:
                        await storing
                    storing = self._begin(self._dispatcher.advance(NETWORK, str(following)))
                    beat_at = time.monotonic()
            except Unavailable:
                # Nothing is acknowledged. What was stored of it is known when it comes again.
                log.warning("reading waits for the database")
                offset = storing = None
                await asyncio.sleep(self._pauses.next())
            except TelegramError as error:
                if isinstance(error, Conflict):
                    converter = None
                await asyncio.sleep(self._recover(error))
            except Exception as error:  # noqa: BLE001 - a fault here must not end reading
                log.error("reading failed", extra=fault(error))
                offset = storing = None
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
            asks = self._asks_rights(incoming) or self._asks_file(event)
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
        for chat in {chat.id: chat for chat in map(_peopled_otherwise, events) if chat is not None}.values():
            await self._tell_size(chat)
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

    def _asks_file(self, event: Event) -> bool:
        said = event.incoming
        return event.file is not None and isinstance(said, Message) and self._dispatcher.takes_document(said.text)

    async def _in_turn(self, earlier: asyncio.Task[None] | None, event: Event, *, asks: bool) -> None:
        incoming = event.incoming
        assert incoming is not None
        if earlier is not None:
            await asyncio.wait([earlier])
        if asks and event.file is not None and isinstance(incoming, Message) and self._asks_file(event):
            incoming = replace(incoming, document=await self._document(event.file))
        if asks and isinstance(incoming, (Message, Press)) and self._asks_rights(incoming):
            if not incoming.chat.private:
                await self._tell_size(incoming.chat)
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

    async def _tell_size(self, chat: Chat) -> None:
        """Let the core know how many people are in a group; the bot is counted by Telegram, and not by us."""
        try:
            size = await self._bot.get_chat_member_count(int(native(chat.id)))
        except TelegramError as error:
            log.info("size not learnt", extra={"error": type(error).__name__})
            return
        await self._dispatcher.sized(chat, max(0, size - 1))

    async def _document(self, file: File) -> Document | None:
        """The text of a file; None: it is too large, no text, or Telegram did not give it out."""
        if file.size is not None and file.size > 4 * DOCUMENT_CHARACTERS_MAX:
            return None
        try:
            there = await self._bot.get_file(file.id)
            return text_document(file.name, bytes(await there.download_as_bytearray()))
        except TelegramError as error:
            log.warning("file not read", extra={"error": type(error).__name__})
            return None

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
                seconds = retry_seconds(error)
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
        """Send, a file first; a text that is too long becomes several messages, the buttons under the last.

        After a failure in the middle the next try of the same letter goes on with the part that failed.
        """
        whole = parts(letter.spans, UNITS_MAX)
        message = ""
        if letter.document is not None and letter.key not in self._parts_sent:
            await self._send_document(letter, letter.document)
            self._parts_sent[letter.key] = 0
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
            message = str((await self._send("sendMessage", parameters))["message_id"])
            if len(whole) > 1:
                self._parts_sent[letter.key] = number + 1
        self._parts_sent.pop(letter.key, None)
        while len(self._parts_sent) > PARTS_KEPT_MAX:
            del self._parts_sent[next(iter(self._parts_sent))]
        return message

    async def _send(self, method: str, parameters: Json) -> Json:
        """The message as Telegram has it. Raises a DeliveryProblem."""
        try:
            sent = await self._bot.call(method, **parameters)
        except BadRequest as error:
            # A topic that is gone or closed: better said beside it than not at all.
            if "message_thread_id" in parameters and says(error, NO_TOPIC):
                bare = {key: parameters[key] for key in parameters if key != "message_thread_id"}
                return await self._send(method, bare)
            if says(error, NO_POLLS):
                raise Refused from None
            raise problem(error) from None
        except TelegramError as error:
            raise self._problem(error) from None
        if not isinstance(sent, dict) or "message_id" not in sent:
            raise NotReached
        return sent

    async def send_poll(self, letter: Letter, poll: NativePoll) -> PollSent:
        """Send a poll in which names are shown: only of such a one are bots told who votes."""
        parameters: Json = {
            "chat_id": int(native(letter.chat)),
            "question": poll.question,
            "options": [{"text": option} for option in poll.options],
            "is_anonymous": False,
            "allows_multiple_answers": poll.several,
        }
        if letter.topic is not None and letter.topic != "1":
            parameters["message_thread_id"] = int(letter.topic)
        sent = await self._send("sendPoll", parameters)
        made = sent.get("poll")
        if not isinstance(made, dict) or not isinstance(made.get("id"), str):
            raise NotReached
        return PollSent(str(sent["message_id"]), made["id"])

    async def end_poll(self, letter: Letter, message: str) -> None:
        """Stop it: Telegram shows what it came to there."""
        try:
            await self._bot.call("stopPoll", chat_id=int(native(letter.chat)), message_id=int(message))
        except TelegramError as error:
            if not (isinstance(error, BadRequest) and says(error, POLL_ENDED_ALREADY)):
                raise self._problem(error) from None

    async def _send_document(self, letter: Letter, document: Document | Picture) -> None:
        file = InputFile(document.content, filename=document.name)
        topic = None if letter.topic in (None, "1") else int(letter.topic or 0)
        try:
            await self._bot.send_document(int(native(letter.chat)), file, message_thread_id=topic)
        except TelegramError as error:
            raise self._problem(error) from None

    async def edit(self, letter: Letter, message: str) -> None:
        """Replace what a message shows. What does not fit into one message is left out, and it shows."""
        keyboard = await self._keyboard(letter.keys)
        try:
            await self._bot.call(
                "editMessageText",
                chat_id=int(native(letter.chat)),
                message_id=int(message),
                text=as_html(fitting(letter.spans, UNITS_MAX)),
                parse_mode="HTML",
                link_preview_options={"is_disabled": True},
                reply_markup=keyboard,
            )
        except TelegramError as error:
            # It shows that already: an earlier try came through.
            if not (isinstance(error, BadRequest) and says(error, [UNCHANGED])):
                raise self._problem(error) from None

    async def carry(self, key: str, chat: ChatId, wire: WireAct) -> str:
        """Committees are not linked over this network. Raises Refused."""
        raise Refused

    async def pin(self, chat: ChatId, message: str) -> bool:
        """Pin without a sound, which in a group takes the right to; a group tells of it by itself."""
        try:
            await self._bot.call(
                "pinChatMessage", chat_id=int(native(chat)), message_id=int(message), disable_notification=True
            )
        except BadRequest as error:
            if says(error, NO_RIGHT):
                return False
            if says(error, [PINNED_ALREADY]):
                return True
            raise problem(error) from None
        except TelegramError as error:
            raise self._problem(error) from None
        return True

    async def delete(self, chat: ChatId, message: str) -> bool:
        """Delete for everybody, which in a group takes the right to; Telegram may find a message too old for it.

        What the bot itself has said in a private chat takes no right.
        """
        number = int(native(chat))
        try:
            await self._bot.call("deleteMessage", chat_id=number, message_id=int(message))
        except BadRequest as error:
            if says(error, DELETED_ALREADY):
                return True
            if says(error, NO_RIGHT):
                return False
            # Telegram has one sentence for what is too old and for what may not be deleted by us.
            if says(error, [NOT_DELETED]):
                return await self._may_delete(number)
            raise problem(error) from None
        except TelegramError as error:
            raise self._problem(error) from None
        return True

    async def _may_delete(self, chat: int) -> bool:
        if chat > 0:
            # In a private chat the bot deletes what it has said itself, for as long as Telegram lets it.
            return False
        me = await self._introduced()
        try:
            member = await self._bot.get_chat_member(chat, me.id)
        except TelegramError as error:
            raise self._problem(error) from None
        return isinstance(member, ChatMemberAdministrator) and bool(member.can_delete_messages)

    def _problem(self, error: TelegramError) -> DeliveryProblem:
        if isinstance(error, InvalidToken):
            self._alarm("token_revoked")
        return problem(error)

    async def _keyboard(self, rows: Sequence[Sequence[Key]]) -> Json:
        if self._me is None and any(key.link for row in rows for key in row):
            await self._introduced()
        return {"inline_keyboard": [[self._button(key) for key in row] for row in rows]}

    async def _introduced(self) -> User:
        """Who the bot is. Raises a DeliveryProblem."""
        try:
            return await self._introduce()
        except TelegramError as error:
            raise self._problem(error) from None

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
            for command in self._commands.suggested(where=where)[:COMMANDS_MAX]
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
            return [(False, TOKEN_REFUSED)]
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


def _peopled_otherwise(event: Event) -> Chat | None:
    """The group in which there are more or fewer people after this event than before."""
    incoming = event.incoming
    return incoming.chat if isinstance(incoming, Arrival | Departure) and not incoming.chat.private else None


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
