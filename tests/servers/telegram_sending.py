"""What a bot says through the Bot API: its access to chats, sending, changing, answering, and the words of a refusal.

The order of the checks and the sentences follow telegram-bot-api/Client.cpp. A method is a function here whose name
in snake case is the method's name; it gets the parameters as they came over the wire.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

from tests.servers import telegram_markup as markup
from tests.servers.telegram_state import PRESENT, Chat, Json, Message, Poll, Topic, User
from tests.servers.telegram_world import World

TEXT_MAX = 4096
CAPTION_MAX = 1024
DATA_MAX_BYTES = 64
BUTTONS_MAX = 100
ANSWER_MAX = 200
DELETABLE_SECONDS = 48 * 3600
DOWNLOAD_MAX_BYTES = 20 * 1024 * 1024
UPLOAD_MAX_BYTES = 50 * 1024 * 1024
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
# What anybody may react with; a test for " x " in it is enough.
REACTIONS = (
    " 👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 "
    "😈 😴 😭 🤓 👻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷 😡 "
)
ACTIONS = frozenset({
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
})  # fmt: skip


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(sentence: str) -> ApiError:
    return ApiError(400, f"Bad Request: {sentence}")


def forbidden(sentence: str) -> ApiError:
    return ApiError(403, f"Forbidden: {sentence}")


class Params(dict[str, Any]):
    """Parameters as they came: text from a form, or values from JSON; files are (name, content)."""

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name)
        return default if value is None or isinstance(value, tuple) else str(value)

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def data(self, name: str, what: str = "") -> Any:
        """A complex parameter: JSON in a string, or already decoded."""
        value = self.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {what or name} JSON object") from None

    def file(self, name: str) -> tuple[str, bytes] | str | None:
        """An uploaded file, or the file_id or address of one."""
        value = self.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            value = self.get(value.removeprefix("attach://"))
        return value if isinstance(value, tuple | str) else None


class Sending:
    """A bot's view of the world."""

    def __init__(self, world: World) -> None:
        self.world = world

    # -- access ------------------------------------------------------------------------------------

    def _chat(self, p: Params, access: str = "write", name: str = "chat_id") -> Chat:
        """The chat a request names, if the bot may: access is read, members, edit or write."""
        given = p.text(name)
        if not given:
            raise bad_request(f"{name} is empty")
        world = self.world
        if given.startswith("@"):
            found = world.named(given)
            if not isinstance(found, Chat):
                raise bad_request("chat not found")
            chat = found
        else:
            try:
                number = int(given)
            except ValueError:
                raise bad_request("chat not found") from None
            if number in world.chats:
                chat = world.chats[number]
            elif number in world.users:
                chat = world.private(number)
            else:
                raise bad_request("chat not found")
        self._access(chat, access)
        return chat

    def _access(self, chat: Chat, access: str) -> None:
        write = access == "write"
        edit = write or access == "edit"
        if chat.user is not None:
            self._private_access(chat.user, write, edit)
            return
        member = chat.members.get(self.world.bot.id)
        present = member is not None and member.status in PRESENT
        if member is None and not chat.username:
            raise bad_request("chat not found")  # the bot has never been there
        if chat.kind == "group":
            write |= access == "members"
            if chat.migrated_to is not None and write:
                raise ApiError(
                    400,
                    "Bad Request: group chat was upgraded to a supergroup chat",
                    migrate_to_chat_id=chat.migrated_to.id,
                )
            if chat.bot_kicked and (edit or write):
                raise forbidden("bot was kicked from the group chat")
            if not present and (edit or write):
                raise forbidden("bot is not a member of the group chat")
        else:
            if member is not None and member.status == "kicked":
                raise forbidden(f"bot was kicked from the {chat.kind} chat")
            if not present and (edit or not chat.username):
                raise forbidden(f"bot is not a member of the {chat.kind} chat")
        if write and member is not None and member.status == "restricted":
            raise bad_request("not enough rights to send text messages to the chat")

    @staticmethod
    def _private_access(user: User, write: bool, edit: bool) -> None:
        if not (user.known or user.started):
            raise bad_request("chat not found")
        if user.deactivated and edit:
            raise forbidden("user is deactivated")
        if not write:
            return
        if user.is_bot:
            raise forbidden("bot can't send messages to bots")
        if user.blocked:
            raise forbidden("bot was blocked by the user")
        if not user.started:
            raise forbidden("bot can't initiate conversation with a user")

    def _right(self, chat: Chat, right: str, sentence: str) -> None:
        member = chat.members.get(self.world.bot.id)
        if chat.kind == "private" or (member is not None and right in member.rights):
            return
        raise bad_request(sentence)

    def _message(self, p: Params, what: str, access: str = "edit", name: str = "message_id") -> Message:
        chat = self._chat(p, access)
        return self._message_in(chat, p.number(name), what)

    def _message_in(self, chat: Chat, number: int, what: str) -> Message:
        found = chat.messages.get(number)
        if found is None:
            raise bad_request(f"{what} not found")
        return found

    def _user(self, p: Params, name: str = "user_id") -> User:
        number = p.number(name)
        if number <= 0:
            raise bad_request(f"invalid {name} specified")
        user = self.world.users.get(number)
        if user is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return user

    # -- sending -----------------------------------------------------------------------------------

    def _markup(self, p: Params, chat: Chat) -> Json | None:
        given = p.data("reply_markup", "reply keyboard markup")
        if not given:
            return None
        if not isinstance(given, dict):
            raise bad_request("object expected as reply markup")
        rows = given.get("inline_keyboard")
        if rows is None:
            return given
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
        if sum(map(len, rows)) > BUTTONS_MAX:
            raise bad_request("reply markup is too long")
        for button in (button for row in rows for button in row):
            self._button(button, chat)
        kept = [row for row in rows if row]
        return {"inline_keyboard": kept} if kept else None

    def _button(self, button: Any, chat: Chat) -> None:
        def unparsable(sentence: str) -> ApiError:
            return bad_request(f"can't parse inline keyboard button: {sentence}")

        if not isinstance(button, dict):
            raise unparsable("InlineKeyboardButton must be an Object")
        if "text" not in button:
            raise unparsable('Can\'t find field "text"')
        kinds = {
            "url", "callback_data", "web_app", "login_url", "switch_inline_query", "copy_text", "pay",
            "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "callback_game",
        }  # fmt: skip
        if not any(button.get(kind) or (kind.startswith("switch") and kind in button) for kind in kinds):
            raise unparsable("Text buttons are unallowed in the inline keyboard")
        if not button["text"]:
            raise bad_request("inline keyboard button text must be non-empty")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(str(data).encode()) <= DATA_MAX_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
        url = button.get("url")
        if url and not re.match(r"(?i)(https?://|tg:)?[^\s/.]+(\.[^\s/.]+|/|\?|:)", str(url)):
            raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        if "web_app" in button and chat.kind != "private":
            raise bad_request("BUTTON_TYPE_INVALID")

    def _formatted(self, p: Params, name: str, entities: str, longest: int) -> tuple[str, list[Json]]:
        source = p.text(name)
        given = p.data(entities)
        try:
            text, found = markup.parse(source, p.text("parse_mode"), given)
        except markup.MarkupError as error:
            raise bad_request(str(error)) from error
        if markup.utf16_length(text) > longest:
            raise bad_request("message is too long" if name == "text" else "message caption is too long")
        for entity in found:
            if entity["type"] == "text_mention":
                known = self.world.users.get(entity["user"]["id"])
                if known is None:
                    continue
                entity["user"] = self.world.user_json(known)
        found = [e for e in found if e["type"] != "text_mention" or "first_name" in e["user"]]
        return text, markup.detect(text, found, self.world.usernames)

    def _text(self, p: Params) -> tuple[str, list[Json]]:
        if not p.text("text"):
            raise bad_request("message text is empty")
        text, entities = self._formatted(p, "text", "entities", TEXT_MAX)
        if not text:
            raise bad_request("text must be non-empty")
        return text, entities

    def _caption(self, p: Params) -> Json:
        if not p.text("caption"):
            return {}
        text, entities = self._formatted(p, "caption", "caption_entities", CAPTION_MAX)
        return {"caption": text, **({"caption_entities": entities} if entities else {})} if text else {}

    def _thread(self, p: Params, chat: Chat) -> Topic | int | None:
        thread = p.number("message_thread_id")
        if not thread:
            return None
        topic = chat.topics.get(thread)
        if topic is not None:
            if topic.closed and not self._is_admin(chat):
                raise bad_request("TOPIC_CLOSED")
            return topic
        root = chat.messages.get(thread)
        if chat.kind != "supergroup" or chat.forum or root is None or root.topic not in {None, thread}:
            raise bad_request("message thread not found")  # also thread 1, which is General
        return thread

    def _is_admin(self, chat: Chat) -> bool:
        member = chat.members.get(self.world.bot.id)
        return member is not None and member.status == "administrator"

    def _reply(self, p: Params, chat: Chat) -> tuple[Message | None, Json | None]:
        given = p.data("reply_parameters", "reply parameters")
        if given is None and p.number("reply_to_message_id"):
            given = {"message_id": p.number("reply_to_message_id"),
                     "allow_sending_without_reply": p.flag("allow_sending_without_reply")}  # fmt: skip
        if not given:
            return None, None
        if not isinstance(given, dict):
            raise bad_request("object expected as reply parameters")
        place = chat
        if given.get("chat_id") is not None:
            place = self._chat(Params(chat_id=given["chat_id"]), "read")
        target = place.messages.get(int(given.get("message_id") or 0))
        if target is None:
            if given.get("allow_sending_without_reply"):
                return None, None
            raise bad_request("message to be replied not found")
        quote = given.get("quote")
        if not quote:
            return target, None
        position = (target.text or "").find(str(quote))
        if position < 0:
            raise bad_request("QUOTE_TEXT_INVALID")
        return target, {"text": quote, "position": markup.utf16_length((target.text or "")[:position])}

    def _send(self, p: Params, **fields: Any) -> Message:
        """Put a message of the bot into the chat; the content is given, place and answer come from p."""
        chat = self._chat(p)
        keyboard = self._markup(p, chat)
        thread = self._thread(p, chat)
        target, quote = self._reply(p, chat)
        topic = thread.id if isinstance(thread, Topic) else thread
        is_topic = isinstance(thread, Topic)
        if target is not None and target.chat is chat and topic is None:
            if target.is_topic:
                topic, is_topic = target.topic, True
            elif chat.kind == "supergroup":
                topic = target.topic or target.id
        if target is not None and target.chat is not chat:
            fields.setdefault("content", {})["external_reply"] = {
                "origin": self.world.origin_json(target),
                "chat": self.world.chat_json(target.chat),
                "message_id": target.id,
            }
            target = None
        receiver = self._receiver(p, chat)
        if receiver is not None:
            return self.world.new_ephemeral(chat, receiver, markup=keyboard, **fields)
        post = chat.kind == "channel"
        return self.world.new_message(
            chat, None if post else self.world.bot, sender_chat=chat if post else None, author=self.world.bot,
            outgoing=True, markup=keyboard, topic=topic, is_topic=is_topic, quote=quote,
            reply_to=target.id if target else None, silent=p.flag("disable_notification"), **fields,
        )  # fmt: skip

    def _receiver(self, p: Params, chat: Chat) -> User | None:
        """Who alone shall see the message (an ephemeral one). The words of these refusals are a guess."""
        given = p.data("ephemeral_message_parameters", "ephemeral message parameters") or {}
        number = int(given.get("receiver_user_id") or p.number("receiver_user_id"))
        if not number:
            return None
        if not chat.is_group:
            raise bad_request("ephemeral messages can be sent only to groups and supergroups")
        member = chat.members.get(number)
        if member is None or member.status not in PRESENT:
            raise bad_request("USER_NOT_PARTICIPANT")
        return member.user

    def _ephemeral(self, p: Params) -> Message:
        chat = self._chat(p, "edit")
        found = chat.ephemeral.get(p.number("ephemeral_message_id"))
        if found is None or found.receiver is None or found.receiver.id != p.number("receiver_user_id"):
            raise bad_request("message to edit not found")
        return found

    def edit_ephemeral_message_text(self, p: Params) -> bool:
        message = self._ephemeral(p)
        text, entities = self._text(p)
        self._edited(message, {"text": text, "entities": entities, "markup": self._markup(p, message.chat)})
        return True

    def edit_ephemeral_message_reply_markup(self, p: Params) -> bool:
        message = self._ephemeral(p)
        self._edited(message, {"markup": self._markup(p, message.chat)})
        return True

    def delete_ephemeral_message(self, p: Params) -> bool:
        message = self._ephemeral(p)
        del message.chat.ephemeral[message.id]
        self.world.changed()
        return True

    def _shown(self, message: Message) -> Json:
        return self.world.message_json(message)

    def send_message(self, p: Params) -> Json:
        self._chat(p)
        text, entities = self._text(p)
        preview = p.data("link_preview_options", "link preview options")
        content: Json = {}
        if isinstance(preview, dict) and any(entity["type"] in {"url", "text_link"} for entity in entities):
            content["link_preview_options"] = preview
        return self._shown(self._send(p, text=text, entities=entities, content=content))

    def send_poll(self, p: Params) -> Json:
        self._chat(p)
        question = p.text("question").strip()
        if not question:
            raise bad_request("poll question must be non-empty")
        if len(question) > 300:
            raise bad_request("poll question length must not exceed 300")
        given = p.data("options", "options")
        if not isinstance(given, list):
            raise bad_request("expected an Array of InputPollOption")
        options = [str(item["text"] if isinstance(item, dict) else item).strip() for item in given]
        if not options:
            raise bad_request("poll must have at least 1 option")
        if len(options) > 12:
            raise bad_request("poll can't have more than 12 options")
        if not all(options):
            raise bad_request("poll options must be non-empty")
        if max(map(len, options)) > 100:
            raise bad_request("poll options length must not exceed 100")
        if len(set(options)) < len(options):
            raise bad_request("POLL_OPTION_DUPLICATE")
        kind = p.text("type", "regular")
        anonymous = p.text("is_anonymous", "true").lower() not in {"false", "0", "no"}
        extra: Json = {}
        close_at: float | None = None
        if period := p.number("open_period"):
            extra["open_period"], close_at = period, self.world.now() + period
        elif date := p.number("close_date"):
            extra["close_date"], close_at = date, float(date)
        if close_at is not None and not 5 <= close_at - self.world.now() <= 2_628_000:
            raise bad_request("poll close date is invalid")
        if kind == "quiz":
            right = p.data("correct_option_ids") or [p.number("correct_option_id", -1)]
            if not all(0 <= index < len(options) for index in right):
                raise bad_request("wrong correct option ID specified")
            extra["correct_option_ids"] = right
        poll = Poll(
            str(self.world.chance.randrange(1 << 60, 1 << 62)), question, options, anonymous,
            p.flag("allows_multiple_answers"), kind, p.flag("is_closed"), close_at,
            p.text("allows_revoting", str(kind == "regular")).lower() in {"true", "1"}, extra,
        )  # fmt: skip
        message = self._send(p, poll=poll)
        self.world.polls[poll.id] = poll
        return self._shown(message)

    def stop_poll(self, p: Params) -> Json:
        message = self._message(p, "message with poll to stop")
        if message.poll is None:
            raise bad_request("message with poll to stop not found")
        if message.sender is not self.world.bot:
            raise bad_request("poll can't be stopped")
        if message.poll.closed:
            raise bad_request("poll has already been closed")
        message.poll.closed = True
        message.markup = self._markup(p, message.chat)
        self.world.changed()
        shown = self.world.poll_json(message.poll)
        self.world.emit("poll", shown)
        return shown

    def _uploaded(self, p: Params, field: str, folder: str) -> Json:
        """The file's fields: a new file that was sent along, or one that the server has."""
        given = p.file(field)
        if given is None:
            raise bad_request(f"there is no {field} in the request")
        if isinstance(given, str):
            if re.match(r"(?i)https?://", given):
                raise bad_request("failed to get HTTP URL content")  # this server fetches nothing
            if given not in self.world.files:
                raise bad_request("wrong file identifier/HTTP URL specified")
            path, content = self.world.files[given]
            return {
                "file_id": given,
                "file_unique_id": "u" + given[5:].lstrip("0"),
                "file_size": len(content),
                "path": path,
            }
        name, content = given
        if len(content) > UPLOAD_MAX_BYTES:
            raise ApiError(413, "Request Entity Too Large")
        if not content:
            raise bad_request("file must be non-empty")
        return self.world.keep_file(f"{folder}/{name}", content) | {"path": f"{folder}/{name}"}

    def send_photo(self, p: Params) -> Json:
        self._chat(p)
        caption = self._caption(p)
        file = self._uploaded(p, "photo", "photos")
        content = self.world.files[file["file_id"]][1]
        width, height = _picture_size(content)
        file.pop("path")
        photo = [{**file, "width": width, "height": height}]
        return self._shown(self._send(p, content={"photo": photo, **caption}))

    def send_document(self, p: Params) -> Json:
        self._chat(p)
        caption = self._caption(p)
        file = self._uploaded(p, "document", "documents")
        name = str(file.pop("path")).rpartition("/")[2]
        return self._shown(self._send(p, content={"document": {**file, "file_name": name}, **caption}))

    def get_file(self, p: Params) -> Json:
        file_id = p.text("file_id")
        if not file_id:
            raise bad_request("file_id not specified")
        if file_id not in self.world.files:
            raise bad_request("invalid file_id")
        path, content = self.world.files[file_id]
        if len(content) > DOWNLOAD_MAX_BYTES:
            raise bad_request("file is too big")
        unique = "u" + file_id[5:].lstrip("0")
        return {"file_id": file_id, "file_unique_id": unique, "file_size": len(content), "file_path": path}

    def send_chat_action(self, p: Params) -> bool:
        chat = self._chat(p)
        if p.text("action") not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._thread(p, chat)
        self.world.actions.append((chat.id, p.text("action")))
        del self.world.actions[:-100]
        return True

    def _source(self, p: Params, what: str) -> Message:
        source = self._chat(p, "read", "from_chat_id")
        found = self._message_in(source, p.number("message_id"), what)
        if found.service:
            raise bad_request(f"the message can't be {what.split()[-1]}ed".replace("copyed", "copied"))
        return found

    def forward_message(self, p: Params) -> Json:
        self._chat(p)
        found = self._source(p, "message to forward")
        content = {**found.content, "forward_origin": self.world.origin_json(found)}
        message = self._send(p, text=found.text, entities=found.entities, poll=found.poll, content=content)
        return self._shown(message)

    def copy_message(self, p: Params) -> Json:
        self._chat(p)
        found = self._source(p, "message to copy")
        content = {key: value for key, value in found.content.items() if key != "forward_origin"}
        if "caption" in p:
            content = {key: value for key, value in content.items() if not key.startswith("caption")}
            content |= self._caption(p)
        message = self._send(p, text=found.text, entities=found.entities, content=content)
        return {"message_id": message.id}

    # -- changing ----------------------------------------------------------------------------------

    def _own(self, p: Params) -> Message:
        message = self._message(p, "message to edit")
        if not message.outgoing or message.service or "forward_origin" in message.content:
            raise bad_request("message can't be edited")
        return message

    def _edited(self, message: Message, changes: Mapping[str, Any]) -> Json:
        """Apply the changes, or say that there are none."""
        if all(getattr(message, name) == value for name, value in changes.items()):
            raise ApiError(400, NOT_MODIFIED)
        content_changed = any(getattr(message, name) != value for name, value in changes.items() if name != "markup")
        for name, value in changes.items():
            setattr(message, name, value)
        if content_changed:  # a new keyboard alone does not mark a message as edited
            message.edit_date = int(self.world.now())
        self.world.changed()
        return self._shown(message)

    def edit_message_text(self, p: Params) -> Json:
        message = self._own(p)
        if message.text is None:
            raise bad_request("there is no text in the message to edit")
        try:
            text, entities = self._text(p)
        except ApiError as error:
            if error.description.endswith("message is too long"):
                raise bad_request("MESSAGE_TOO_LONG") from None
            raise
        keyboard = self._markup(p, message.chat)
        return self._edited(message, {"text": text, "entities": entities, "markup": keyboard})

    def edit_message_caption(self, p: Params) -> Json:
        message = self._own(p)
        if message.text is not None or message.poll is not None:
            raise bad_request("there is no caption in the message to edit")
        kept = {key: value for key, value in message.content.items() if not key.startswith("caption")}
        changes = {"content": kept | self._caption(p), "markup": self._markup(p, message.chat)}
        return self._edited(message, changes)

    def edit_message_reply_markup(self, p: Params) -> Json:
        message = self._own(p)
        return self._edited(message, {"markup": self._markup(p, message.chat)})

    def delete_message(self, p: Params) -> bool:
        self._remove(self._message(p, "message to delete"))
        return True

    def delete_messages(self, p: Params) -> bool:
        chat = self._chat(p, "edit")
        numbers = p.data("message_ids", "message identifiers")
        if not isinstance(numbers, list) or not numbers:
            raise bad_request("message identifiers are not specified")
        if len(numbers) > 100:
            raise bad_request("too many message identifiers specified")
        for message in [chat.messages[number] for number in numbers if number in chat.messages]:
            self._remove(message)
        return True

    def _remove(self, message: Message) -> None:
        chat = message.chat
        may_others = self._is_admin(chat) and "can_delete_messages" in chat.members[self.world.bot.id].rights
        old = self.world.now() - message.date >= DELETABLE_SECONDS
        own = message.outgoing or chat.kind == "private"
        allowed = may_others or (own and not old)
        if not {"group_chat_created", "supergroup_chat_created", "forum_topic_created"}.isdisjoint(message.content):
            raise bad_request("message can't be deleted")
        if not allowed:
            raise bad_request("message can't be deleted for everyone" if own else "message can't be deleted")
        self.world.delete(chat, message)

    def pin_chat_message(self, p: Params) -> bool:
        message = self._message(p, "message to pin", "write")
        self._right(message.chat, "can_pin_messages", "not enough rights to manage pinned messages in the chat")
        if message.id in message.chat.pinned[-1:]:
            raise bad_request("CHAT_NOT_MODIFIED")
        self.world.pin_message(self.world.bot, message)
        return True

    def unpin_chat_message(self, p: Params) -> bool:
        chat = self._chat(p)
        self._right(chat, "can_pin_messages", "not enough rights to manage pinned messages in the chat")
        number = p.number("message_id") or (chat.pinned[-1] if chat.pinned else 0)
        if number not in chat.pinned:
            raise bad_request("message to unpin not found")
        chat.pinned.remove(number)
        self.world.changed()
        return True

    def unpin_all_chat_messages(self, p: Params) -> bool:
        chat = self._chat(p)
        self._right(chat, "can_pin_messages", "not enough rights to manage pinned messages in the chat")
        chat.pinned.clear()
        self.world.changed()
        return True

    def set_message_reaction(self, p: Params) -> bool:
        message = self._message(p, "message to react", "write")
        given = p.data("reaction", "reactions") or []
        if message.service:
            raise bad_request("MESSAGE_ID_INVALID")
        emoji = [str(item.get("emoji", "")).replace("\ufe0f", "") for item in given]
        if len(emoji) > 1:
            raise bad_request("REACTIONS_TOO_MANY")
        if not all(f" {one} " in REACTIONS for one in emoji):
            raise bad_request("REACTION_INVALID")
        message.reactions[self.world.bot.id] = emoji
        if not emoji:
            del message.reactions[self.world.bot.id]
        self.world.changed()
        return True

    def answer_callback_query(self, p: Params) -> bool:
        tap = self.world.taps.get(p.text("callback_query_id"))
        if tap is None or tap.answered or self.world.now() - tap.at > self.world.callback_seconds:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if len(p.text("text")) > ANSWER_MAX:
            raise bad_request("MESSAGE_TOO_LONG")
        tap.answered = True
        tap.text, tap.show_alert = p.text("text") or None, p.flag("show_alert")
        tap.url, tap.cache_seconds = p.text("url") or None, p.number("cache_time")
        self.world.changed()
        return True


def _picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG; other pictures count as a square."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    return 512, 512
