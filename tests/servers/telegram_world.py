"""What people do in the world behind the Bot API test server: talk, tap, vote, come, go, block, migrate.

Everything here is what a user does in an app; what a bot does is in telegram_methods.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tests.servers import telegram_markup as markup
from tests.servers.telegram_state import (
    CALLBACK_LIFETIME_SECONDS,
    PRESENT,
    RIGHTS,
    Chat,
    Json,
    Member,
    Message,
    NotPossible,
    State,
    Status,
    Tap,
    Topic,
    User,
)


class World(State):
    """The state with people in it who act."""

    # -- what people do: talking ---------------------------------------------------------------------

    def _writer(self, user: User | int, chat: Chat | int) -> tuple[User, Chat]:
        person, place = self.person(user), self.chat(chat)
        if place.migrated_to is not None:
            raise NotPossible(f"{place.title} has become supergroup {place.migrated_to.id}")
        if place.user is not None and place.user is not person:
            raise NotPossible(f"{person.first_name} cannot write in another's private chat")
        if place.user is None:
            # Whoever writes is a member, so that a test need not say so; but not who was thrown out.
            member = place.members.setdefault(person.id, Member(person))
            if member.status in {"kicked", "restricted"}:
                raise NotPossible(f"{person.first_name} is {member.status} in {place.title}")
        return person, place

    def _identity(
        self, person: User, chat: Chat, anonymous: bool, as_channel: Chat | int | None
    ) -> tuple[User | None, Chat | None]:
        if as_channel is not None:
            return self.channel_bot, self.chat(as_channel)
        if chat.kind == "channel":
            return None, chat
        member = chat.members.get(person.id)
        if anonymous or (member is not None and member.anonymous):
            return self.anonymous_admin, chat
        return person, None

    def _place_in_thread(
        self, chat: Chat, reply_to: Message | int | None, topic: int | None
    ) -> tuple[int | None, int | None, bool]:
        """Reply id, thread id and whether that is a topic, for a new message."""
        answers = reply_to.id if isinstance(reply_to, Message) else reply_to
        target = chat.messages.get(answers) if answers is not None else None
        if answers is not None and target is None:
            raise NotPossible(f"no message {answers} in {chat.title or chat.id}")
        if topic is not None and topic != 1:
            if topic not in chat.topics:
                raise NotPossible(f"no topic {topic} in {chat.title}")
            return answers, topic, True
        if target is not None and target.is_topic:
            return answers, target.topic, True
        if target is not None and chat.kind == "supergroup":
            # Replies outside topics, also in General, carry the id of the thread's first message.
            return answers, target.topic or target.id, False
        return answers, None, False

    def say(
        self,
        user: User | int,
        chat: Chat | int,
        text: str,
        *,
        reply_to: Message | int | None = None,
        topic: int | None = None,
        entities: list[Json] | None = None,
        mentions: Mapping[str, User | int] | None = None,
        anonymous: bool = False,
        as_channel: Chat | int | None = None,
    ) -> Message:
        """A person writes; commands, @names and links become entities, `mentions` names without one.

        In a private chat somebody who writes has thereby started the bot.
        """
        person, place = self._writer(user, chat)
        sender, sender_chat = self._identity(person, place, anonymous, as_channel)
        answers, thread, is_topic = self._place_in_thread(place, reply_to, topic)
        if place.user is not None:
            self._open_private(person)
        message = self.new_message(
            place,
            sender,
            sender_chat=sender_chat,
            author=person,
            text=text,
            entities=self._find_entities(text, entities, mentions or {}),
            reply_to=answers,
            topic=thread,
            is_topic=is_topic,
            signature=self._signature(person, place) if sender is self.anonymous_admin else None,
        )
        self.tell(message)
        if place.kind == "channel":
            self._into_discussion(message)
        return message

    def post(self, channel: Chat | int, text: str, *, by: User | int | None = None) -> Message:
        """A post in a channel."""
        place = self.chat(channel)
        author = by if by is not None else self._owner(place)
        return self.say(author, place, text)

    def _into_discussion(self, post: Message) -> None:
        for group in [chat for chat in self.chats.values() if chat.linked is post.chat]:
            origin = {
                "type": "channel",
                "date": post.date,
                "chat": self.chat_json(post.chat),
                "message_id": post.id,
            }
            forwarded = self.new_message(
                group, self.telegram, sender_chat=post.chat, text=post.text, entities=post.entities,
                content={"forward_origin": origin, "is_automatic_forward": True},
            )  # fmt: skip
            self.tell(forwarded)

    def _signature(self, person: User, chat: Chat) -> str | None:
        member = chat.members.get(person.id)
        return member.title if member is not None else None

    def _find_entities(self, text: str, given: list[Json] | None, mentions: Mapping[str, User | int]) -> list[Json]:
        found = list(given or [])
        for name, whom in mentions.items():
            for match in re.finditer(re.escape(name), text):
                place = {"offset": markup.utf16_length(text[: match.start()]), "length": markup.utf16_length(name)}
                found.append({"type": "text_mention", **place, "user": self.user_json(self.person(whom))})
        return markup.detect(text, found, self.usernames)

    def upload(
        self,
        user: User | int,
        chat: Chat | int,
        name: str,
        data: bytes,
        *,
        caption: str | None = None,
        mime_type: str = "application/octet-stream",
    ) -> Message:
        """A person sends a file."""
        person, place = self._writer(user, chat)
        if place.user is not None:
            self._open_private(person)
        document = {"file_name": name, "mime_type": mime_type, **self.keep_file(f"documents/{name}", data)}
        content: Json = {"document": document}
        if caption:
            content["caption"] = caption
            if found := self._find_entities(caption, None, {}):
                content["caption_entities"] = found
        message = self.new_message(place, person, content=content)
        self.tell(message)
        return message

    def keep_file(self, path: str, data: bytes) -> Json:
        """Keep a file's content; returns the fields that name it."""
        number = len(self.files) + 1
        file_id = f"file-{number:06d}"
        self.files[file_id] = (path, data)
        return {"file_id": file_id, "file_unique_id": f"u{number}", "file_size": len(data)}

    def edit(
        self,
        chat: Chat | int,
        message: Message | int,
        text: str,
        *,
        entities: list[Json] | None = None,
        mentions: Mapping[str, User | int] | None = None,
    ) -> Message:
        """The author changes a message."""
        found = self.message(chat, message)
        found.text = text
        found.entities = self._find_entities(text, entities, mentions or {})
        found.edit_date = int(self.now())
        self.changed()
        self.tell(found, edited=True)
        return found

    def delete(self, chat: Chat | int, message: Message | int) -> None:
        """Somebody removes a message; bots are not told."""
        found = self.message(chat, message)
        found.deleted = True
        del found.chat.messages[found.id]
        self.changed()

    def forward(self, user: User | int, message: Message, to: Chat | int, *, topic: int | None = None) -> Message:
        """A person forwards a message; a poll stays the same poll with the same votes."""
        person, place = self._writer(user, to)
        _, thread, is_topic = self._place_in_thread(place, None, topic)
        if place.user is not None:
            self._open_private(person)
        copy = self.new_message(
            place, person, text=message.text, entities=message.entities, poll=message.poll, topic=thread,
            is_topic=is_topic, content={**message.content, "forward_origin": self.origin_json(message)},
        )  # fmt: skip
        self.tell(copy)
        return copy

    def origin_json(self, message: Message) -> Json:
        """A MessageOrigin for a copy of this message."""
        if origin := message.content.get("forward_origin"):
            return dict(origin)
        if message.sender_chat is not None and message.chat.kind == "channel":
            return {"type": "channel", "date": message.date, "chat": self.chat_json(message.sender_chat),
                    "message_id": message.id}  # fmt: skip
        if message.sender_chat is not None:
            return {
                "type": "chat",
                "date": message.date,
                "sender_chat": self.chat_json(message.sender_chat),
            }
        assert message.sender is not None
        return {"type": "user", "date": message.date, "sender_user": self.user_json(message.sender)}

    # -- what people do: buttons, reactions, votes -----------------------------------------------------

    def tap(
        self,
        user: User | int,
        chat: Chat | int,
        message: Message | int,
        button: str | None = None,
        *,
        data: str | None = None,
    ) -> Tap:
        """A person presses a button, named by its label; or any `data`, also of a message that is gone."""
        person, place = self.person(user), self.chat(chat)
        number = message if isinstance(message, int) else message.id
        found = place.messages.get(number)
        if isinstance(message, Message) and message.receiver is not None:
            found = message
        if data is None:
            if found is None or button is None:
                raise NotPossible(f"no message {number} to tap, or no button named")
            data = found.button(button).data
            if data is None:
                raise NotPossible(f"button {button!r} is a link")
        tap = Tap(str(self.chance.randrange(1 << 60, 1 << 62)), person, number, data, self.now())
        self.taps[tap.id] = tap
        if len(self.taps) > self.messages_kept:
            del self.taps[next(iter(self.taps))]
        shown: Json = {"chat": self.chat_json(place), "message_id": number, "date": 0}
        if found is not None:
            shown = self.message_json(found)
        payload = {
            "id": tap.id,
            "from": self.user_json(person),  # the real person, also for an anonymous administrator
            "message": shown,
            "chat_instance": str(abs(place.id) * 31),
            "data": data,
        }
        self.emit("callback_query", payload, CALLBACK_LIFETIME_SECONDS)
        return tap

    def react(
        self,
        user: User | int,
        chat: Chat | int,
        message: Message | int,
        *emoji: str,
        anonymous: bool = False,
    ) -> None:
        """A person's reactions become these; none takes them back. Only an administrator bot hears it."""
        person, found = self.person(user), self.message(chat, message)
        place = found.chat
        old = found.reactions.get(person.id, [])
        if emoji:
            found.reactions[person.id] = list(emoji)
        else:
            found.reactions.pop(person.id, None)
        self.changed()
        if place.kind != "private" and not self._bot_is_admin(place):
            return
        payload: Json = {"chat": self.chat_json(place), "message_id": found.id, "date": int(self.now())}
        if place.kind == "channel" or anonymous:
            counts: dict[str, int] = {}
            for chosen in found.reactions.values():
                for one in chosen:
                    counts[one] = counts.get(one, 0) + 1
            payload["reactions"] = [
                {"type": {"type": "emoji", "emoji": one}, "total_count": n} for one, n in counts.items()
            ]
            self.emit("message_reaction_count", payload)
            return
        payload["user"] = self.user_json(person)
        payload["old_reaction"] = [{"type": "emoji", "emoji": one} for one in old]
        payload["new_reaction"] = [{"type": "emoji", "emoji": one} for one in emoji]
        self.emit("message_reaction", payload)

    def vote(
        self,
        user: User | int,
        chat: Chat | int,
        message: Message | int,
        *options: int,
        as_chat: Chat | int | None = None,
    ) -> None:
        """A person votes in a native poll; no option takes the vote back. Membership is not asked for,
        as Telegram does not ask it of a forwarded poll."""
        person, found = self.person(user), self.message(chat, message)
        poll = found.poll
        if poll is None or poll.closed:
            raise NotPossible("there is no open poll")
        if len(options) > 1 and not poll.multiple:
            raise NotPossible("this poll takes one answer")
        poll.votes[person.id] = list(options)
        if not options:
            del poll.votes[person.id]
        self.changed()
        self.emit("poll", self.poll_json(poll))
        if not poll.anonymous:
            who: Json = {"user": self.user_json(person)}
            if as_chat is not None:
                who = {"user": self.user_json(self.channel_bot), "voter_chat": self.chat_json(self.chat(as_chat))}
            self.emit(
                "poll_answer",
                {
                    "poll_id": poll.id,
                    **who,
                    "option_ids": list(options),
                    "option_persistent_ids": [f"{poll.id}-{index}" for index in options],
                },
            )

    # -- what people do: coming and going --------------------------------------------------------------

    def _owner(self, chat: Chat) -> User:
        """Who acts where the test does not say: the creator, else an administrator, else anybody."""
        people = [member for member in chat.members.values() if not member.user.is_bot]
        people.sort(key=lambda member: ("creator", "administrator").index(member.status)
                    if member.status in {"creator", "administrator"} else 2)  # fmt: skip
        if not people:
            raise NotPossible(f"nobody is in {chat.title}; say who does it (by=)")
        return people[0].user

    def _bot_is_admin(self, chat: Chat) -> bool:
        member = chat.members.get(self.bot.id)
        return member is not None and member.status == "administrator"

    def set_status(
        self,
        user: User | int,
        chat: Chat | int,
        status: Status,
        *,
        by: User | int | None = None,
        rights: Iterable[str] | None = None,
        anonymous: bool = False,
        title: str | None = None,
        via_request: bool = False,
    ) -> None:
        """Change what somebody is in a chat and tell the bot: my_chat_member, or chat_member if it is admin."""
        person, place = self.person(user), self.chat(chat)
        actor = self.person(by) if by is not None else person
        old = self.member_json(place, person)
        heard = person is self.bot or self._bot_is_admin(place)
        given = frozenset(rights if rights is not None else RIGHTS)
        if status == "left" and person is not self.bot:
            place.members.pop(person.id, None)
        else:
            place.members[person.id] = Member(
                person, status, given if status == "administrator" else frozenset(), anonymous, title
            )
        if person is self.bot:
            place.bot_kicked = status == "kicked"
            if old["status"] in {"left", "kicked"} and status in PRESENT:
                place.reads_all = not self.privacy
        self.changed()
        if heard:
            payload = {
                "chat": self.chat_json(place),
                "from": self.user_json(actor),
                "date": int(self.now()),
                "old_chat_member": old,
                "new_chat_member": self.member_json(place, person),
            }
            if via_request:
                payload["via_join_request"] = True
            self.emit("my_chat_member" if person is self.bot else "chat_member", payload)

    def join(self, user: User | int, chat: Chat | int, *, by: User | int | None = None) -> None:
        """Somebody comes in, or is added `by` somebody; our bot too: join(server.bot, chat)."""
        person, place = self.person(user), self.chat(chat)
        if person is self.bot and by is None:
            by = self._owner(place)
        self.set_status(person, place, "member", by=by)
        if place.is_group:
            actor = self.person(by) if by is not None else person
            self.service(place, actor, {"new_chat_members": [self.user_json(person)]})

    def leave(self, user: User | int, chat: Chat | int) -> None:
        """Somebody goes of their own accord."""
        self._gone(user, chat, "left", None)

    def kick(self, user: User | int, chat: Chat | int, *, by: User | int | None = None) -> None:
        """Somebody is removed; our bot too."""
        place = self.chat(chat)
        self._gone(user, place, "kicked", by if by is not None else self._owner(place))

    def _gone(self, user: User | int, chat: Chat | int, status: Status, by: User | int | None) -> None:
        person, place = self.person(user), self.chat(chat)
        self.set_status(person, place, status, by=by)
        if place.is_group:
            actor = self.person(by) if by is not None else person
            self.service(place, actor, {"left_chat_member": self.user_json(person)})

    def promote(
        self,
        user: User | int,
        chat: Chat | int,
        *,
        by: User | int | None = None,
        rights: Iterable[str] | None = None,
        anonymous: bool = False,
        title: str | None = None,
    ) -> None:
        """Somebody becomes administrator (all rights unless named); our bot too."""
        place = self.chat(chat)
        actor = by if by is not None else self._owner(place)
        self.set_status(user, place, "administrator", by=actor, rights=rights, anonymous=anonymous, title=title)

    def demote(self, user: User | int, chat: Chat | int, *, by: User | int | None = None) -> None:
        """Somebody is a plain member again."""
        place = self.chat(chat)
        self.set_status(user, place, "member", by=by if by is not None else self._owner(place))

    def restrict(self, user: User | int, chat: Chat | int, *, by: User | int | None = None) -> None:
        """Somebody may stay but not write."""
        place = self.chat(chat)
        self.set_status(user, place, "restricted", by=by if by is not None else self._owner(place))

    def ask_to_join(self, user: User | int, chat: Chat | int) -> None:
        """A join request; only a bot that may invite hears of it."""
        person, place = self.person(user), self.chat(chat)
        place.requests.add(person.id)
        self.changed()
        if self._bot_is_admin(place) and "can_invite_users" in place.members[self.bot.id].rights:
            self.emit("chat_join_request", {
                "chat": self.chat_json(place), "from": self.user_json(person),
                "user_chat_id": person.id, "date": int(self.now()),
            })  # fmt: skip

    def set_privacy(self, on: bool) -> None:
        """The bot's privacy mode in BotFather; chats where the bot already is keep what they had."""
        self.privacy = on

    # -- what people do: the private chat --------------------------------------------------------------

    def _open_private(self, person: User) -> None:
        if person.blocked:
            self.unblock(person)
        person.started = True

    def press_start(self, user: User | int, payload: str = "") -> Message:
        """Start in the private chat, also through t.me/bot?start=payload."""
        return self.say(user, self.private(user), f"/start {payload}".strip())

    def startgroup(self, user: User | int, chat: Chat | int, payload: str = "") -> Message:
        """t.me/bot?startgroup=payload: the bot is added to the group and told so."""
        person, place = self.person(user), self.chat(chat)
        member = place.members.get(self.bot.id)
        if member is None or member.status not in PRESENT:
            self.join(self.bot, place, by=person)
        return self.say(person, place, f"/start@{self.bot.username} {payload}".strip())

    def block(self, user: User | int) -> None:
        """A person blocks the bot."""
        self._blocked(self.person(user), True)

    def unblock(self, user: User | int) -> None:
        """A person lets the bot write again."""
        self._blocked(self.person(user), False)

    def _blocked(self, person: User, blocked: bool) -> None:
        states = [{"user": self.user_json(self.bot), "status": "member"},
                  {"user": self.user_json(self.bot), "status": "kicked", "until_date": 0}]  # fmt: skip
        person.blocked = blocked
        self.changed()
        self.emit("my_chat_member", {
            "chat": self.chat_json(self.private(person)), "from": self.user_json(person),
            "date": int(self.now()), "old_chat_member": states[not blocked], "new_chat_member": states[blocked],
        })  # fmt: skip

    def deactivate(self, user: User | int) -> None:
        """A person deletes their account."""
        person = self.person(user)
        person.deactivated, person.first_name, person.username = True, "", None

    # -- what happens to chats ---------------------------------------------------------------------------

    def migrate(
        self, chat: Chat | int, *, by: User | int | None = None, new_first: bool = False, chat_id: int | None = None
    ) -> Chat:
        """A basic group becomes a supergroup with another id; message ids begin again.

        As seen on the real network the bot hears of its membership in the new chat, of both service
        messages in no promised order, and never that it left the old one (tdlib/telegram-bot-api#266).
        """
        old = self.chat(chat)
        if old.kind != "group" or old.migrated_to is not None:
            raise NotPossible("only a basic group becomes a supergroup, and once")
        actor = self.person(by) if by is not None else self._owner(old)
        new = self.supergroup(old.title or "", chat_id=chat_id, bot=None)
        new.last_id = 0  # here the first message says where the group came from
        new.members = {number: member for number, member in old.members.items() if member.user is not self.bot}
        status = old.members.get(self.bot.id)
        if status is not None and status.status in PRESENT:
            self.set_status(self.bot, new, status.status, by=actor, rights=status.rights)
            new.reads_all = old.reads_all

        def tell_old() -> None:
            self.service(old, actor, {"migrate_to_chat_id": new.id})

        def tell_new() -> None:
            self.service(new, self.anonymous_admin, {"migrate_from_chat_id": old.id}, sender_chat=new)

        for tell in (tell_new, tell_old) if new_first else (tell_old, tell_new):
            tell()
        old.migrated_to = new
        return new

    def create_topic(self, user: User | int, chat: Chat | int, name: str) -> int:
        """A new topic of a forum; its id is the message_thread_id of what is said in it."""
        person, place = self.person(user), self.chat(chat)
        if not place.forum:
            raise NotPossible(f"{place.title} has no topics")
        return self.open_topic(place, person, name).id

    def open_topic(self, chat: Chat, sender: User, name: str, color: int = 7322096) -> Topic:
        """A topic with the service message that opens it."""
        topic = Topic(chat.last_id + 1, name, color)
        chat.topics[topic.id] = topic
        content = {"forum_topic_created": {"name": name, "icon_color": color}}
        message = self.new_message(chat, sender, service=True, topic=topic.id, is_topic=True, content=content)
        self.tell(message)
        return topic

    def close_topic(self, user: User | int, chat: Chat | int, topic: int, *, closed: bool = True) -> None:
        """A topic is closed or opened again."""
        place = self.chat(chat)
        place.topics[topic].closed = closed
        word = "forum_topic_closed" if closed else "forum_topic_reopened"
        self.service(place, self.person(user), {word: {}}, topic=topic, is_topic=True)

    def rename(self, chat: Chat | int, title: str, *, by: User | int | None = None) -> None:
        """The chat gets another title."""
        place = self.chat(chat)
        place.title = title
        self.service(place, self.person(by) if by is not None else self._owner(place), {"new_chat_title": title})

    def pin(self, user: User | int, chat: Chat | int, message: Message | int) -> None:
        """Somebody pins a message."""
        self.pin_message(self.person(user), self.message(chat, message))

    def pin_message(self, sender: User, message: Message) -> None:
        """A message is pinned, and the chat says so."""
        if message.id in message.chat.pinned:
            message.chat.pinned.remove(message.id)
        message.chat.pinned.append(message.id)
        self.service(
            message.chat, sender, {"pinned_message": self.message_json(message, reply=False)},
            topic=message.topic, is_topic=message.is_topic,
        )  # fmt: skip
