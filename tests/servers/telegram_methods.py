"""The rest of the Bot API's methods: about the bot itself, chats, members and topics."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.telegram_sending import ApiError, Params, Sending, bad_request
from tests.servers.telegram_state import PRESENT, Chat, Json, Topic, User
from tests.servers.telegram_updates import TIMEOUT_MAX_SECONDS, UPDATE_TYPES
from tests.servers.telegram_world import World

COMMANDS_MAX = 100
SCOPES = frozenset({
    "default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators",
    "chat_member",
})  # fmt: skip


class Methods(Sending):
    """Every method of the Bot API that this server has."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.webhook: Json = {}
        self.logged_out = False

    def table(self) -> Mapping[str, Callable[[Params], Any]]:
        """The methods by their names in lower case."""
        names = [name for name in dir(self) if not name.startswith("_") and callable(getattr(self, name))]
        return {name.replace("_", ""): getattr(self, name) for name in names if name != "table"}

    # -- about the bot -----------------------------------------------------------------------------

    def get_me(self, _: Params) -> Json:
        world = self.world
        return world.user_json(world.bot) | {
            "can_join_groups": True,
            "can_read_all_group_messages": not world.privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def log_out(self, _: Params) -> bool:
        self.logged_out = True
        return True

    def close(self, _: Params) -> bool:
        return True

    def set_webhook(self, p: Params) -> bool:
        url = p.text("url")
        if not url:
            return self.delete_webhook(p)
        if not url.startswith("https://"):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if p.flag("drop_pending_updates"):
            self.world.updates.clear()
        self.world.updates.abort("Conflict: terminated by setWebhook request")
        self.webhook = {"url": url, "max_connections": min(max(p.number("max_connections", 40), 1), 100)}
        self._allow(p)
        return True

    def delete_webhook(self, p: Params) -> bool:
        self.webhook = {}
        if p.flag("drop_pending_updates"):
            self.world.updates.clear()
        return True

    def get_webhook_info(self, _: Params) -> Json:
        info: Json = {"url": "", "has_custom_certificate": False, **self.webhook}
        info["pending_update_count"] = len(self.world.updates)
        default = type(self.world.updates)(self.world.now, self.world.chance).allowed
        if self.world.updates.allowed != default:
            info["allowed_updates"] = [name for name in UPDATE_TYPES if name in self.world.updates.allowed]
        return info

    def _allow(self, p: Params) -> None:
        try:
            names = p.data("allowed_updates")
        except ApiError:
            return  # the official server ignores what it cannot read
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            self.world.updates.allow(names)

    async def get_updates(self, p: Params) -> list[bytes]:
        """The bytes of each update; the transport joins them."""
        updates = self.world.updates
        if self.webhook:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active; "
                                "use deleteWebhook to delete the webhook first")  # fmt: skip
        self._allow(p)
        before = updates.acknowledged
        timeout = min(max(p.number("timeout"), 0), TIMEOUT_MAX_SECONDS)
        polled = updates.poll(p.number("offset"), min(max(p.number("limit", 100), 1), 100), timeout)
        batch = await polled
        if updates.acknowledged != before:
            self.world.changed()
        return batch

    def _scope(self, p: Params) -> str:
        scope = p.data("scope", "BotCommandScope")
        if not scope:
            return "default"
        if not isinstance(scope, dict) or scope.get("type") not in SCOPES:
            raise bad_request("can't parse BotCommandScope: Unsupported type specified")
        kind = str(scope["type"])
        if kind in {"chat", "chat_administrators", "chat_member"}:
            place = self._chat(Params(chat_id=scope.get("chat_id", "")), "members")
            kind = f"{kind}:{place.id}"
            if scope.get("user_id"):
                kind += f":{scope['user_id']}"
        return kind

    def _language(self, p: Params) -> str:
        language = p.text("language_code")
        if language and not re.fullmatch(r"[a-z]{2}", language):
            raise bad_request("invalid language code specified")
        return language

    def set_my_commands(self, p: Params) -> bool:
        scope, language = self._scope(p), self._language(p)
        commands = p.data("commands", "commands")
        if not isinstance(commands, list):
            raise bad_request("expected an Array of BotCommand")
        if len(commands) > COMMANDS_MAX:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        kept = []
        for command in commands:
            name = str(command.get("command", "")).lstrip("/")
            if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
            kept.append({"command": name, "description": str(command["description"])})
        if kept:
            self.world.commands[scope, language] = kept
        else:
            self.world.commands.pop((scope, language), None)
        return True

    def get_my_commands(self, p: Params) -> list[Json]:
        return self.world.commands.get((self._scope(p), self._language(p)), [])

    def delete_my_commands(self, p: Params) -> bool:
        self.world.commands.pop((self._scope(p), self._language(p)), None)
        return True

    def _set_profile(self, p: Params, field: str, longest: int) -> bool:
        language, text = self._language(p), p.text(field)
        if len(text) > longest:
            raise bad_request(f"BOT_{field.upper()}_TOO_LONG")
        self.world.profile[field, language] = text
        return True

    def _get_profile(self, p: Params, field: str, default: str = "") -> Json:
        profile = self.world.profile
        return {field: profile.get((field, self._language(p))) or profile.get((field, "")) or default}

    def set_my_name(self, p: Params) -> bool:
        return self._set_profile(p, "name", 64)

    def get_my_name(self, p: Params) -> Json:
        return self._get_profile(p, "name", self.world.bot.first_name)

    def set_my_description(self, p: Params) -> bool:
        return self._set_profile(p, "description", 512)

    def get_my_description(self, p: Params) -> Json:
        return self._get_profile(p, "description")

    def set_my_short_description(self, p: Params) -> bool:
        return self._set_profile(p, "short_description", 120)

    def get_my_short_description(self, p: Params) -> Json:
        return self._get_profile(p, "short_description")

    def set_chat_menu_button(self, p: Params) -> bool:
        button = p.data("menu_button", "MenuButton") or {"type": "default"}
        if button.get("type") not in {"commands", "web_app", "default"}:
            raise bad_request("can't parse menu button: Invalid menu button type specified")
        self.world.profile["menu_button", p.text("chat_id")] = button
        return True

    def get_chat_menu_button(self, p: Params) -> Json:
        profile = self.world.profile
        found = profile.get(("menu_button", p.text("chat_id"))) or profile.get(("menu_button", ""))
        return found if isinstance(found, dict) else {"type": "commands"}

    def set_my_default_administrator_rights(self, p: Params) -> bool:
        self.world.profile["rights", p.text("for_channels", "false")] = p.data("rights")
        return True

    # -- chats and members ---------------------------------------------------------------------------

    def get_chat(self, p: Params) -> Json:
        chat = self._chat(p, "read")
        out = self.world.chat_json(chat) | {"accent_color_id": 0, "max_reaction_count": 11}
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        out["accepted_gift_types"] = dict.fromkeys(gifts, chat.kind == "private")
        if chat.description:
            out["description"] = chat.description
        if chat.username:
            out["activeusernames"] = [chat.username]
        if chat.linked is not None:
            out["linked_chat_id"] = chat.linked.id
        if chat.is_group:
            out["permissions"] = {
                "can_send_messages": True, "can_send_audios": True, "can_send_documents": True,
                "can_send_photos": True, "can_send_videos": True, "can_send_video_notes": True,
                "can_send_voice_notes": True, "can_send_polls": True, "can_send_other_messages": True,
                "can_add_web_page_previews": True, "can_change_info": False, "can_invite_users": True,
                "can_pin_messages": False, "can_manage_topics": False,
            }  # fmt: skip
        if chat.pinned and (pinned := chat.messages.get(chat.pinned[-1])):
            out["pinned_message"] = self.world.message_json(pinned, reply=False)
        return out

    def get_chat_member(self, p: Params) -> Json:
        chat = self._chat(p, "members")
        user = self._user(p)
        if chat.kind == "private" and user.id not in {chat.id, self.world.bot.id}:
            raise bad_request("member not found")
        if chat.kind == "private":
            return {"user": self.world.user_json(user), "status": "member"}
        if user.id not in chat.members and not user.known:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return self.world.member_json(chat, user)

    def get_chat_administrators(self, p: Params) -> list[Json]:
        chat = self._chat(p, "members")
        if chat.kind == "private":
            raise bad_request("there are no administrators in the private chat")
        return [
            self.world.member_json(chat, member.user)
            for member in chat.members.values()
            if member.status in {"creator", "administrator"}
            and (not member.user.is_bot or member.user is self.world.bot)
        ]

    def get_chat_member_count(self, p: Params) -> int:
        chat = self._chat(p, "members")
        if chat.kind == "private":
            return 2
        return sum(member.status in PRESENT for member in chat.members.values())

    def leave_chat(self, p: Params) -> bool:
        chat = self._chat(p, "read")
        if chat.kind == "private":
            raise bad_request("chat member status can't be changed in private chats")
        self.world.leave(self.world.bot, chat)
        return True

    def ban_chat_member(self, p: Params) -> bool:
        chat, user = self._chat(p), self._user(p)
        self._right(chat, "can_restrict_members", "not enough rights to restrict/unrestrict chat member")
        member = chat.members.get(user.id)
        if member is not None and member.status == "creator":
            raise bad_request("can't remove chat owner")
        if member is not None and member.status == "administrator":
            raise bad_request("user is an administrator of the chat")
        self.world.kick(user, chat, by=self.world.bot)
        return True

    def unban_chat_member(self, p: Params) -> bool:
        chat, user = self._chat(p), self._user(p)
        self._right(chat, "can_restrict_members", "not enough rights to restrict/unrestrict chat member")
        member = chat.members.get(user.id)
        if member is not None and (member.status == "kicked" or not p.flag("only_if_banned")):
            self.world.set_status(user, chat, "left", by=self.world.bot)
        return True

    def set_chat_title(self, p: Params) -> bool:
        chat = self._chat(p)
        self._right(chat, "can_change_info", "not enough rights to change chat title")
        title = p.text("title").strip()
        if not title:
            raise bad_request("title must be non-empty")
        self.world.rename(chat, title, by=self.world.bot)
        return True

    def set_chat_description(self, p: Params) -> bool:
        chat = self._chat(p)
        self._right(chat, "can_change_info", "not enough rights to set chat description")
        if (chat.description or "") == p.text("description"):
            raise bad_request("chat description is not modified")
        chat.description = p.text("description")
        return True

    def approve_chat_join_request(self, p: Params) -> bool:
        chat, user = self._requested(p)
        self.world.set_status(user, chat, "member", by=self.world.bot, via_request=True)
        self.world.service(chat, user, {"new_chat_members": [self.world.user_json(user)]})
        return True

    def decline_chat_join_request(self, p: Params) -> bool:
        self._requested(p)
        return True

    def _requested(self, p: Params) -> tuple[Chat, User]:
        chat, user = self._chat(p), self._user(p)
        self._right(chat, "can_invite_users", "not enough rights to manage chat join requests")
        if user.id in chat.members and chat.members[user.id].status in PRESENT:
            raise bad_request("USER_ALREADY_PARTICIPANT")
        if user.id not in chat.requests:
            raise bad_request("HIDE_REQUESTER_MISSING")
        chat.requests.discard(user.id)
        return chat, user

    # -- topics ------------------------------------------------------------------------------------

    def _forum(self, p: Params) -> Chat:
        chat = self._chat(p)
        if not chat.forum:
            raise bad_request("the chat is not a forum")
        self._right(chat, "can_manage_topics", "not enough rights to create a topic")
        return chat

    def _topic(self, p: Params) -> tuple[Chat, Topic]:
        chat = self._forum(p)
        topic = chat.topics.get(p.number("message_thread_id"))
        if topic is None:
            raise bad_request("TOPIC_ID_INVALID")
        return chat, topic

    def create_forum_topic(self, p: Params) -> Json:
        chat = self._forum(p)
        name = p.text("name")
        if not 1 <= len(name) <= 128:
            raise bad_request("TOPIC_TITLE_EMPTY" if not name else "TOPIC_TITLE_TOO_LONG")
        topic = self.world.open_topic(chat, self.world.bot, name, p.number("icon_color", 7322096))
        return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.icon_color}

    def edit_forum_topic(self, p: Params) -> bool:
        chat, topic = self._topic(p)
        name = p.text("name")
        if not name or name == topic.name:
            raise bad_request("TOPIC_NOT_MODIFIED")
        topic.name = name
        self.world.service(chat, self.world.bot, {"forum_topic_edited": {"name": name}}, topic=topic.id, is_topic=True)
        return True

    def close_forum_topic(self, p: Params) -> bool:
        return self._close_topic(p, True)

    def reopen_forum_topic(self, p: Params) -> bool:
        return self._close_topic(p, False)

    def _close_topic(self, p: Params, closed: bool) -> bool:
        chat, topic = self._topic(p)
        if topic.closed is closed:
            raise bad_request("TOPIC_NOT_MODIFIED")
        self.world.close_topic(self.world.bot, chat, topic.id, closed=closed)
        return True

    def delete_forum_topic(self, p: Params) -> bool:
        chat, topic = self._topic(p)
        del chat.topics[topic.id]
        for message in [m for m in chat.messages.values() if m.topic == topic.id]:
            self.world.delete(chat, message)
        return True
